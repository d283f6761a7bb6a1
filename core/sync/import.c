/* SPDX-License-Identifier: MIT */
/* import.c -- what is at a path, and its messages one by one; see import.h. */
#include "core/sync/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sync/header.h"
#include "core/sync/import_internal.h"
#include "core/sync/job.h"

#define TEXT_MAX  ((size_t)1 << 30) /* names and flags of the messages of one folder */
#define PART_SIZE 16384
#define MAGIC_AT  257 /* of "ustar" in a tar file */
#define MAGIC_LEN 5

/* ---- lists ----------------------------------------------------------------------------------- */

int import_check(const struct import *m, struct err *e)
{
	return hooks_interrupted(m->hooks)
		? err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal")
		: 0;
}

struct import_folder *import_add_folder(struct import *m, struct err *e)
{
	if (m->nfolders >= SYNC_MAILBOXES_MAX) {
		err_set(e, ERR_STORE, E_LIMIT, "there are more than %d folders in it",
			SYNC_MAILBOXES_MAX);
		return NULL;
	}
	if (m->nfolders == m->folder_cap) {
		size_t cap = m->folder_cap > 0 ? 2 * m->folder_cap : 16;
		struct import_folder *grown = realloc(m->folder, cap * sizeof *grown);
		if (grown == NULL) {
			err_nomem(e, "the folders");
			return NULL;
		}
		m->folder = grown;
		m->folder_cap = cap;
	}
	struct import_folder *f = &m->folder[m->nfolders++];
	*f = (struct import_folder){.path = BUF_INIT(IMPORT_PATH_MAX),
		.load = {.path = BUF_INIT(IMPORT_PATH_MAX), .text = BUF_INIT(TEXT_MAX)}};
	origin_folder_init(&f->f);
	return f;
}

static void unload(struct import_load *l)
{
	buf_release(&l->path);
	buf_release(&l->text);
	free(l->message);
	l->message = NULL;
	l->n = l->cap = 0;
}

struct import_message *import_add_message(struct import *m, struct err *e)
{
	if (m->now->n >= IMPORT_MESSAGES_MAX) {
		err_set(e, ERR_MAILBOX, E_LIMIT, "there are more than %zu messages in it",
			IMPORT_MESSAGES_MAX);
		return NULL;
	}
	if (buf_check(&m->now->text, "the names of a folder's messages", e) != 0) {
		err_widen(e, ERR_MAILBOX);
		return NULL;
	}
	if (m->now->n == m->now->cap) {
		size_t cap = m->now->cap > 0 ? 2 * m->now->cap : 256;
		struct import_message *grown = realloc(m->now->message, cap * sizeof *grown);
		if (grown == NULL) {
			err_nomem(e, "the messages of a folder");
			return NULL;
		}
		m->now->message = grown;
		m->now->cap = cap;
	}
	struct import_message *x = &m->now->message[m->now->n++];
	*x = (struct import_message){.nname = 0};
	return x;
}

/* ---- names ----------------------------------------------------------------------------------- */

int import_add_level(struct buf *wire, struct slice level, struct err *e)
{
	struct buf text = BUF_INIT(ORIGIN_NAME_MAX);
	uint32_t cp;
	if (mutf7_decode(level, &text)) {
		buf_add_slice(wire, level);
	} else if (!mutf7_encode(level, wire)) {
		buf_clear(&text);
		for (size_t i = 0; i < level.n;) {
			size_t n = utf8_next(slice_of(level.p + i, level.n - i), &cp);
			if (n > 0)
				buf_add(&text, level.p + i, n);
			else
				buf_add_byte(&text, '_');
			i += n > 0 ? n : 1;
		}
		(void)mutf7_encode(buf_slice(&text), wire);
	}
	buf_release(&text);
	return buf_check(wire, "the name of a folder", e);
}

int import_name_folder(struct origin_folder *f, struct err *e)
{
	struct slice wire = buf_slice(&f->wire);
	buf_clear(&f->name);
	while (wire.n > 0) {
		const unsigned char *end =
			f->delimiter != '\0' ? memchr(wire.p, f->delimiter, wire.n) : NULL;
		size_t n = end != NULL ? (size_t)(end - wire.p) : wire.n;
		struct slice level = slice_of(wire.p, n);
		if (!mutf7_decode(level, &f->name))
			buf_add_slice(&f->name, level);
		if (end != NULL)
			buf_add_byte(&f->name, (unsigned char)f->delimiter);
		n += end != NULL;
		wire = slice_of(wire.p + n, wire.n - n);
	}
	return buf_check(&f->wire, "the name of a folder", e) != 0
		? -1
		: buf_check(&f->name, "the name of a folder", e);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

int import_flags(struct import *m, struct import_message *x, const struct buf *found, struct err *e)
{
	struct mail_flags flags;
	mail_flags_init(&flags);
	int rc = buf_check(found, "the flags of a message", e);
	if (rc == 0)
		rc = mail_flags_parse(&flags, buf_slice(found), e);
	x->flags = m->now->text.len;
	if (rc == 0)
		buf_add_slice(&m->now->text, buf_slice(&flags.text));
	x->nflags = m->now->text.len - x->flags;
	mail_flags_release(&flags);
	return rc;
}

/* The key of a folder is its number, from 1. */
static struct import_load *load_at(struct import *m, int64_t key)
{
	return key > 0 && (uint64_t)key <= m->nfolders ? &m->folder[key - 1].load : NULL;
}

static struct import_message *message_at(struct import_load *l, uint32_t uid)
{
	return l != NULL && uid > 0 && uid <= l->n ? &l->message[uid - 1] : NULL;
}

static int open_own(struct import *m, struct import_load *l, const struct import_message *x,
	struct import_span *span, struct err *e)
{
	struct stat st;
	size_t before = l->path.len;
	buf_add_str(&l->path, before > 0 ? "/" : "");
	buf_add(&l->path, l->text.data + x->name, x->nname);
	int rc = buf_check(&l->path, "a path", e);
	span->fd = rc == 0 ? import_open_file(m->root, buf_str(&l->path), &st, e) : -1;
	buf_truncate(&l->path, before);
	if (span->fd < 0)
		return -1;
	span->own = true;
	span->offset = 0;
	span->length = (uint64_t)st.st_size;
	return 0;
}

/* In an mbox the size shows only when the quoting is undone. */
static int measure(const struct import_span *span, uint64_t *size, struct err *e)
{
	unsigned char part[PART_SIZE];
	struct origin_reader *x = NULL;
	struct import_span plain = *span;
	plain.ends = IMPORT_AS_IS;
	long got = 1;
	int rc = import_reader_open(&plain, &x, e);
	for (*size = 0; rc == 0 && got > 0; *size += got > 0 ? (uint64_t)got : 0) {
		got = x->read(x, part, sizeof part, e);
		rc = got < 0 ? -1 : 0;
	}
	origin_reader_close(x);
	return rc;
}

static int span_of(struct import *m, struct import_load *l, struct import_message *x,
	struct import_span *span, struct err *e)
{
	uint64_t size;
	*span = (struct import_span){
		.fd = m->root, .offset = x->offset, .length = x->length, .quoted = m->quoted};
	if (x->missing)
		return err_set(e, ERR_MESSAGE, E_MISSING, "the manifest has it, the file does not");
	if (x->own && open_own(m, l, x, span, e) != 0)
		return -1;
	size = span->length;
	if (x->ends == IMPORT_BY_SIZE && m->quoted && measure(span, &size, e) != 0)
		return -1;
	if (x->ends == IMPORT_BY_SIZE)
		x->ends = size == x->size ? IMPORT_AS_IS : IMPORT_CR_ALL;
	span->ends = x->ends;
	return 0;
}

static int open_message(struct import *m, struct import_load *l, struct import_message *x,
	struct origin_reader **out, struct err *e)
{
	struct import_span span;
	*out = NULL;
	return span_of(m, l, x, &span, e) == 0 ? import_reader_open(&span, out, e) : -1;
}

int import_header(struct import *m, struct import_message *x, struct err *e)
{
	unsigned char part[PART_SIZE];
	struct origin_reader *r = NULL;
	struct header_end end = HEADER_END_INIT;
	long got = 1;
	buf_clear(&m->header);
	int rc = open_message(m, m->now, x, &r, e);
	while (rc == 0 && got > 0 && !end.found && m->header.len < HEADER_MAX) {
		size_t room = HEADER_MAX - m->header.len;
		got = r->read(r, part, room < sizeof part ? room : sizeof part, e);
		if (got > 0)
			buf_add(&m->header, part, header_end_bytes(&end, part, (size_t)got));
		rc = got < 0 ? -1 : 0;
	}
	origin_reader_close(r);
	return rc == 0 ? buf_check(&m->header, "a header", e) : -1;
}

/* Size and hash, which a manifest would have told. */
static int look_at(struct import *m, struct import_message *x, struct sha256 *hash, struct err *e)
{
	unsigned char part[PART_SIZE];
	struct origin_reader *r = NULL;
	long got = 1;
	int rc = open_message(m, m->now, x, &r, e);
	if (rc == 0)
		rc = sha256_begin(hash, e);
	for (x->size = 0; rc == 0 && got > 0; x->size += got > 0 ? (uint64_t)got : 0) {
		got = r->read(r, part, sizeof part, e);
		rc = got < 0 ? -1 : sha256_add(hash, part, (size_t)got, e);
	}
	origin_reader_close(r);
	return rc == 0 ? sha256_end(hash, x->sha256, e) : -1;
}

/* ---- the origin ------------------------------------------------------------------------------ */

static int origin_open(struct restore_origin *o, int64_t generation, uint32_t uid,
	struct origin_reader **out, struct err *e)
{
	struct import *m = (struct import *)o;
	struct import_load *l = load_at(m, generation);
	struct import_message *x = message_at(l, uid);
	if (x == NULL)
		return err_set(e, ERR_MESSAGE, E_STATE, "there is no such message");
	return open_message(m, l, x, out, e);
}

static void origin_label(
	struct restore_origin *o, int64_t generation, uint32_t uid, struct buf *out)
{
	struct import_load *l = load_at((struct import *)o, generation);
	const struct import_message *x = message_at(l, uid);
	if (x != NULL)
		buf_add(out, l->text.data + x->name, x->nname);
}

static void origin_done(struct restore_origin *o, int64_t folder)
{
	struct import_load *l = load_at((struct import *)o, folder);
	if (l != NULL)
		unload(l);
}

/* 1 meant, 0 not, -1 it cannot be read. */
static int is_meant(struct import *m, struct import_message *x, struct err *e)
{
	const struct selection *sel = m->options->select;
	if (!selection_in_dates(sel, &x->date))
		return 0;
	if (!selection_asks_header(sel))
		return 1;
	if (import_header(m, x, e) != 0)
		return -1;
	return selection_header_matches(sel, buf_slice(&m->header), &m->value, &m->decoded);
}

struct giving {
	const struct origin_sink *to;
	int64_t folder;
	struct selection_counts *counts;
	struct sha256 *hash;
};

static int give(struct import *m, uint32_t uid, struct giving *g, struct err *e)
{
	struct import_message *x = message_at(m->now, uid);
	int yes = is_meant(m, x, e);
	if (yes > 0 && !x->known && look_at(m, x, g->hash, e) != 0)
		yes = -1;
	if (yes < 0) {
		if (e->scope > ERR_MESSAGE)
			return -1;
		struct err why = *e;
		err_clear(e);
		g->counts->unreadable++;
		return g->to->odd(g->to->ctx, g->folder, uid, why.text, e);
	}
	if (yes == 0)
		return 0;
	struct origin_message out = {.generation = g->folder,
		.uid = uid,
		.size = x->size,
		.date = x->date,
		.flags = slice_of(m->now->text.data + x->flags, x->nflags)};
	memcpy(out.sha256, x->sha256, SHA256_LEN);
	g->counts->messages++;
	g->counts->bytes += x->size;
	return g->to->message(g->to->ctx, &out, e);
}

static int load(struct import *m, struct import_folder *f, struct err *e)
{
	m->now = &f->load;
	buf_add_slice(&m->now->path, buf_slice(&f->path));
	return m->kind->load(m, f, e) != 0
		? -1
		: buf_check(&m->now->text, "the names of a folder's messages", e);
}

static int give_folder(struct import *m, struct import_folder *f, struct giving *g, struct err *e)
{
	g->counts->folders++;
	g->folder = f->f.key;
	if (g->to->folder(g->to->ctx, &f->f, e) != 0)
		return -1;
	if (load(m, f, e) != 0) {
		if (e->scope > ERR_MAILBOX)
			return -1;
		struct err why = *e;
		err_clear(e);
		unload(m->now);
		return g->to->broken(g->to->ctx, &why, e);
	}
	for (uint32_t uid = 1; uid <= m->now->n; uid++)
		if (import_check(m, e) != 0 || give(m, uid, g, e) != 0)
			return -1;
	return 0;
}

static const char *find_unmatched(const struct import *m, const struct sync_patterns *p)
{
	for (size_t i = 0; i < p->n; i++) {
		bool found = false;
		for (size_t k = 0; k < m->nfolders && !found; k++) {
			const struct origin_folder *f = &m->folder[k].f;
			found = selection_fits(p->at[i], buf_slice(&f->name), f->delimiter,
				buf_slice(&f->attributes));
		}
		if (!found)
			return p->at[i];
	}
	return NULL;
}

static int origin_run(struct restore_origin *o, const struct origin_sink *to,
	struct selection_counts *counts, struct err *e)
{
	struct import *m = (struct import *)o;
	const struct selection *sel = m->options->select;
	const struct sync_account patterns = {.folders = sel->folders, .exclude = sel->exclude};
	struct giving g = {to, 0, counts, sha256_new(e)};
	int rc = g.hash != NULL ? 0 : -1;
	memset(counts, 0, sizeof *counts);
	counts->unmatched = find_unmatched(m, &sel->folders);
	for (size_t i = 0; i < m->nfolders && rc == 0; i++) {
		struct import_folder *f = &m->folder[i];
		f->f.key = (int64_t)i + 1;
		if (sync_selects(&patterns, buf_slice(&f->f.name), f->f.delimiter,
			    buf_slice(&f->f.attributes)))
			rc = give_folder(m, f, &g, e);
	}
	sha256_free(g.hash);
	return rc;
}

static void import_close(struct restore_origin *o)
{
	struct import *m = (struct import *)o;
	for (size_t i = 0; i < m->nfolders; i++) {
		origin_folder_release(&m->folder[i].f);
		buf_release(&m->folder[i].path);
		unload(&m->folder[i].load);
	}
	free(m->folder);
	import_tar_release(&m->tar);
	if (m->root >= 0)
		close(m->root);
	if (m->manifest >= 0)
		close(m->manifest);
	buf_release(&m->name);
	buf_release(&m->header);
	buf_release(&m->value);
	buf_release(&m->decoded);
	free(m);
}

/* ---- what is at a path ----------------------------------------------------------------------- */

static int open_folder(struct import *m, const char *path, struct err *e)
{
	struct stat st;
	m->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->root < 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot open it");
	if (faccessat(m->root, "index.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		faccessat(m->root, "mail", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ERR_USAGE, E_USAGE,
			"it is an archive: name its account, or give it with --path");
	m->kind = &import_maildir;
	m->manifest = import_open_file(m->root, "MANIFEST", &st, e);
	if (m->manifest < 0) {
		/* A mail folder may have that name. */
		bool none = e->code == E_MISSING || e->code == E_CORRUPT;
		if (none)
			err_clear(e);
		return none ? 0 : err_widen(e, ERR_STORE);
	}
	m->kind = &import_manifest;
	m->manifest_size = (uint64_t)st.st_size;
	return 0;
}

/* The file's name without folders, ".gz" and ".mbox". */
static void name_mbox(struct import *m, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct slice s = slice_str(slash != NULL ? slash + 1 : path);
	static const char *const endings[] = {".gz", ".mbox"};
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(endings[i]);
		if (s.n > n && slice_ieq_str(slice_of(s.p + s.n - n, n), endings[i]))
			s.n -= n;
	}
	buf_add_slice(&m->name, s);
}

static int open_beside(struct import *m, const char *path, struct err *e)
{
	struct buf name = BUF_INIT(1u << 16);
	struct stat st;
	buf_addf(&name, "%s.manifest", path);
	int rc = buf_check(&name, "the name of the manifest", e);
	m->manifest = rc == 0 ? open(buf_str(&name), O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	buf_release(&name);
	if (rc != 0 || (m->manifest < 0 && errno == ENOENT))
		return rc;
	if (m->manifest < 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot read its manifest");
	if (fstat(m->manifest, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_STORE, E_CORRUPT, "its manifest is not a file");
	m->manifest_size = (uint64_t)st.st_size;
	m->kind = &import_manifest;
	return 0;
}

static int open_tar(struct import *m, struct err *e)
{
	if (import_tar_index(&m->tar, m->root, m, e) != 0)
		return -1;
	if (!m->tar.has_manifest)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"there is no MANIFEST in it: it is not whole, or not an export "
			"(extract another program's, and give the folder)");
	m->kind = &import_manifest;
	m->manifest_begin = m->tar.manifest;
	m->manifest_size = m->tar.manifest_size;
	return 0;
}

static int open_file(struct import *m, const char *path, struct err *e)
{
	unsigned char head[MAGIC_AT + MAGIC_LEN];
	size_t got;
	if (import_open_plain(path, m->hooks, &m->root, e) != 0 ||
		import_pread(m->root, head, sizeof head, 0, &got, e) != 0)
		return -1;
	if (got == sizeof head && memcmp(head + MAGIC_AT, "ustar", MAGIC_LEN) == 0)
		return open_tar(m, e);
	m->quoted = true;
	m->kind = &import_mbox;
	name_mbox(m, path);
	if (open_beside(m, path, e) != 0)
		return -1;
	if (m->kind == &import_mbox && got > 0 && (got < 5 || memcmp(head, "From ", 5) != 0))
		return err_set(
			e, ERR_STORE, E_CORRUPT, "it begins neither as a tar file nor as an mbox");
	return 0;
}

static int open_any(struct import *m, const char *path, struct err *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR
			? err_set(e, ERR_USAGE, E_USAGE, "there is no such file or folder")
			: err_sys(e, ERR_STORE, E_IO, errno, "cannot read it");
	if (S_ISDIR(st.st_mode) ? open_folder(m, path, e) != 0 : open_file(m, path, e) != 0)
		return -1;
	return m->kind->find(m, e);
}

int import_open(struct restore_origin **out, const char *path, const struct restore_options *o,
	const struct sync_hooks *h, struct err *e)
{
	char shown[TEXT_SHOW_SIZE / 2];
	struct inbox_survey survey = {false, false};
	struct import *m = calloc(1, sizeof *m);
	*out = NULL;
	if (m == NULL)
		return err_nomem(e, "reading mail");
	m->base = (struct restore_origin){.where = "in its file",
		.advice = "",
		.run = origin_run,
		.label = origin_label,
		.open = origin_open,
		.done = origin_done,
		.close = import_close};
	m->options = o;
	m->hooks = h;
	m->root = m->manifest = -1;
	buf_init(&m->name, ORIGIN_NAME_MAX);
	buf_init(&m->header, HEADER_MAX);
	buf_init(&m->value, HEADER_MAX);
	buf_init(&m->decoded, 4 * (size_t)HEADER_MAX);
	if (open_any(m, path, e) != 0) {
		import_close(&m->base);
		return err_context(e, "%s", text_show(shown, sizeof shown, slice_str(path)));
	}
	for (size_t i = 0; i < m->nfolders; i++)
		inbox_survey_add(
			&survey, buf_slice(&m->folder[i].f.wire), m->folder[i].f.delimiter);
	m->base.all_below_inbox = inbox_survey_all_below(&survey);
	if (m->kind == &import_manifest)
		m->base.advice = "; see imapsync verify FILE";
	*out = &m->base;
	return 0;
}

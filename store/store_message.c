/* SPDX-License-Identifier: MIT */
/*
 * store_message.c -- messages on their way into the archive, and what happens to them later: flags, failures,
 * disappearance, return.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "store/store_internal.h"

struct store_message {
	struct store_generation *g;
	struct folder *folder;
	struct sha256 *hash;
	struct maildir_file *file;
};

/* "UID 7: " and what went wrong. */
static int about(struct err *e, uint32_t uid)
{
	return err_context(e, "UID %lu", (unsigned long)uid);
}

/* ---- receiving -------------------------------------------------------------------------------- */

static void let_go(struct store_message *m)
{
	hash_put_back(m->g->s, m->hash);
	m->folder->held--;
	store_generation_close(m->g);
	free(m);
}

/* Few files are not worth a thread, and where syncfs() is missing each one is flushed by itself. */
static struct writer *writer_of(struct store *s)
{
	struct err ignored = ERR_INIT;
	if (!s->group.bulk || s->no_writer)
		return NULL;
	if (s->writer == NULL)
		s->no_writer = !s->fs->threads || writer_new(&s->writer, &ignored) != 0;
	return s->writer;
}

static int begin(struct store_generation *g, struct store_message **out, struct err *e)
{
	struct store *s = g->s;
	struct folder *f;
	if (folder_get(s, g->row.mailbox, &f, e) != 0)
		return -1;
	struct store_message *m = calloc(1, sizeof *m);
	if (m == NULL)
		return err_nomem(e, "starting a message");
	m->g = g;
	m->folder = f;
	g->refs++;
	f->held++;
	m->hash = hash_take(s, e);
	if (m->hash == NULL ||
		maildir_file_begin(&f->m, ++s->serial, s->newline == STORE_LF, m->hash,
			writer_of(s), &m->file, e) != 0) {
		let_go(m);
		return -1;
	}
	*out = m;
	return 0;
}

int store_message_begin(struct store_generation *g, struct store_message **out, struct err *e)
{
	*out = NULL;
	if (store_writable(g->s, e) != 0)
		return -1;
	return store_outcome(g->s, begin(g, out, e), e);
}

int store_message_write(struct store_message *m, const void *p, size_t n, struct err *e)
{
	return store_outcome(m->g->s, maildir_file_write(m->file, p, n, e), e);
}

void store_message_discard(struct store_message *m)
{
	if (m == NULL)
		return;
	maildir_file_discard(m->file);
	let_go(m);
}

/* ---- joining the group ------------------------------------------------------------------------ */

/* What a message is besides what the caller says. */
struct content {
	uint64_t size_disk, size_wire;
	const unsigned char *sha256;
};

static int check_meta(const struct store_meta *meta, struct err *e)
{
	if (meta->uid == 0)
		return err_set(e, ERR_MESSAGE, E_INVALID, "UID 0 is not possible");
	return 0;
}

/* 1 the UID has a file already, with the same bytes; 0 it has none; -1 (E_CORRUPT: with other bytes). */
static int is_known(
	struct store_generation *g, uint32_t uid, const unsigned char *sha256, struct err *e)
{
	unsigned char known[SHA256_LEN];
	bool has_file = false;
	if (!uidset_has(&g->stored, uid) && !uidset_has(&g->gone, uid))
		return 0;
	int result = index_message_file(g->s->x, g->row.id, uid, &has_file, known, e);
	if (result <= 0 || !has_file)
		return result < 0 ? -1 : 0;
	if (memcmp(known, sha256, SHA256_LEN) == 0)
		return 1;
	return err_set(e, ERR_MESSAGE, E_CORRUPT,
		"the server now has another message under a UID that is stored");
}

static void format_base(const struct store_generation *g, const struct store_meta *meta,
	const struct content *c, char base[MESSAGE_NAME_MAX])
{
	struct message_name n = {
		.secs = meta->date.valid ? meta->date.secs : 0,
		.uidvalidity = g->row.uidvalidity,
		.uid = meta->uid,
		.size_disk = c->size_disk,
		.size_wire = c->size_wire,
	};
	memcpy(n.hash, c->sha256, sizeof n.hash);
	message_name_format(&n, base);
}

static int put_row(struct store_generation *g, const struct store_meta *meta,
	const struct content *c, const char *base, int64_t flagset, struct err *e)
{
	const struct index_message row = {
		.uid = meta->uid,
		.base = slice_str(base),
		.size_disk = c->size_disk,
		.size_wire = c->size_wire,
		.size_claimed = meta->size_claimed,
		.sha256 = c->sha256,
		.date = meta->date,
		.date_raw = meta->date.valid ? SLICE_NONE : meta->date_raw,
		.email_id = meta->email_id,
		.thread_id = meta->thread_id,
		.flagset = flagset,
	};
	if (index_message_put(g->s->x, g->row.id, &row, g->s->run, e) != 0 ||
		generation_move(g, meta->uid, STORE_STORED, e) != 0)
		return err_widen(e, ERR_STORE);
	return generation_flags_set(g, meta->uid, flagset, e) == 0 ? 0 : err_widen(e, ERR_STORE);
}

/* The UID was taken for gone, but its message was fetched: it is the one we have. */
static int known_again(struct store_generation *g, uint32_t uid, struct err *e)
{
	if (uidset_has(&g->stored, uid))
		return 0;
	struct uidset one = UIDSET_INIT;
	int result = uidset_add(&one, uid, e);
	if (result == 0)
		result = store_messages_back(g, &one, e);
	uidset_release(&one);
	return result;
}

/* *taken: the group has the file now, whatever the result is. */
static int enter_group(struct store_generation *g, const struct store_meta *meta,
	const struct maildir_done *done, bool *taken, struct err *e)
{
	struct store *s = g->s;
	struct content c = {done->size_disk, done->size_wire, done->sha256};
	struct pending p = {
		.mailbox = g->row.mailbox,
		.generation = g->row.id,
		.uid = meta->uid,
		.file = *done,
	};
	format_base(g, meta, &c, p.base);
	if (flagset_id(s, meta->flags, &p.flagset, e) != 0 || group_reserve(s, e) != 0 ||
		put_row(g, meta, &c, p.base, p.flagset, e) != 0)
		return -1;
	*taken = true;
	return group_add(s, &p, e);
}

static int join(struct store_generation *g, struct folder *f, const struct store_meta *meta,
	const struct maildir_done *done, struct err *e)
{
	bool taken = false;
	int known = check_meta(meta, e);
	if (known == 0)
		known = is_known(g, meta->uid, done->sha256, e);
	int result = known == 0 ? enter_group(g, meta, done, &taken, e) : known;
	if (!taken) {
		writer_wait(g->s->writer, &f->m);
		fsys_close_quiet(g->s->fs, done->fd);
		maildir_remove_tmp(&f->m, done->tmp_name);
	}
	return known > 0 ? known_again(g, meta->uid, e) : result;
}

int store_message_finish(struct store_message *m, const struct store_meta *meta, struct err *e)
{
	struct store_generation *g = m->g;
	struct store *s = g->s;
	struct maildir_done done;
	int result = store_writable(s, e);
	if (result != 0)
		maildir_file_discard(m->file);
	else
		result = maildir_file_finish(
			m->file, meta->date.valid ? meta->date.secs : 0, &done, e);
	if (result == 0)
		result = join(g, m->folder, meta, &done, e);
	if (result != 0)
		about(e, meta->uid);
	result = store_outcome(s, result, e);
	let_go(m);
	return result;
}

/* ---- one file, two names ---------------------------------------------------------------------- */

/* The message that a link is made of. */
struct source {
	bool has_file;
	char base[MESSAGE_NAME_MAX];
	uint64_t size_disk, size_wire;
	unsigned char sha256[SHA256_LEN];
	struct mail_date date;
	struct buf flags;
};

static int take_source(void *ctx, const struct store_record *r)
{
	struct source *src = ctx;
	src->has_file = r->has_file && r->base.n < sizeof src->base;
	if (!src->has_file)
		return 0;
	memcpy(src->base, r->base.p, r->base.n);
	src->base[r->base.n] = '\0';
	src->size_disk = r->size_disk;
	src->size_wire = r->size_wire;
	memcpy(src->sha256, r->sha256, sizeof src->sha256);
	src->date = r->date;
	buf_add_slice(&src->flags, r->flags);
	return 0;
}

static int find_source(
	struct store *s, int64_t from, uint32_t from_uid, struct source *src, struct err *e)
{
	if (index_records(s->x, from, from_uid, from_uid, take_source, src, e) != 0)
		return -1;
	if (buf_check(&src->flags, "the flags of a message", e) != 0)
		return -1;
	if (!src->has_file)
		return err_set(e, ERR_MESSAGE, E_MISSING, "the message to link is not stored");
	return 0;
}

/* A file of this name is there but no row: it is what we want, or it is damaged. */
static int adopt_taken_name(struct maildir *m, const char *base, const char *letters, struct err *e)
{
	struct message_name n;
	struct slice rest;
	unsigned char sha256[SHA256_LEN];
	if (!message_name_parse(slice_str(base), &n, &rest))
		return -1;
	err_clear(e);
	int right = folder_check_file(m, &n, letters, sha256, e);
	if (right > 0)
		m->cur_dirty = true;
	return right < 0 ? -1
		: right > 0
		? 0
		: err_set(e, ERR_MESSAGE, E_EXISTS, "a damaged file has the name %s", base);
}

static int make_link(struct store *s, struct folder *to, struct folder *from,
	const struct source *src, const char *base, int64_t flagset, struct err *e)
{
	char letters[FLAG_LETTERS_MAX], from_letters[FLAG_LETTERS_MAX];
	char name[FILE_NAME_SIZE], from_name[FILE_NAME_SIZE];
	if (flagset_letters(s, flagset, &to->m, letters, e) != 0 ||
		flag_letters(buf_slice(&src->flags), &from->m.keywords, from_letters, e) != 0 ||
		maildir_save_keywords(&to->m, e) != 0)
		return -1;
	folder_file_name(base, letters, name);
	folder_file_name(src->base, from_letters, from_name);
	if (maildir_link(&to->m, &from->m, from_name, name, e) == 0)
		return 0;
	return e->code == E_EXISTS ? adopt_taken_name(&to->m, base, letters, e) : -1;
}

static int link_source(struct store_generation *g, const struct store_meta *meta, int64_t from,
	const struct source *src, struct err *e)
{
	struct store *s = g->s;
	struct content c = {src->size_disk, src->size_wire, src->sha256};
	struct index_generation source;
	struct folder *to, *there;
	char base[MESSAGE_NAME_MAX];
	int64_t flagset;
	int found = index_generation_get(s->x, from, &source, e);
	if (found <= 0)
		return found < 0 ? -1
				 : err_set(e, ERR_MESSAGE, E_MISSING,
					   "the generation to link from is not there");
	if (flagset_id(s, meta->flags, &flagset, e) != 0 ||
		folder_get(s, g->row.mailbox, &to, e) != 0)
		return -1;
	to->held++;
	format_base(g, meta, &c, base);
	int result = folder_get(s, source.mailbox, &there, e);
	if (result == 0)
		result = make_link(s, to, there, src, base, flagset, e);
	to->held--;
	if (result == 0)
		result = put_row(g, meta, &c, base, flagset, e);
	s->group.changes++;
	return result;
}

/* The seconds that a file has for its time. */
static int64_t file_time(const struct mail_date *d)
{
	return d->valid ? d->secs : 0;
}

static int link_message(struct store_generation *g, const struct store_meta *meta, int64_t from,
	uint32_t from_uid, struct source *src, struct err *e)
{
	if (check_meta(meta, e) != 0 || find_source(g->s, from, from_uid, src, e) != 0)
		return -1;
	int known = is_known(g, meta->uid, src->sha256, e);
	if (known != 0)
		return known < 0 ? -1 : known_again(g, meta->uid, e);
	/* Both names show the time of the one file. */
	if (file_time(&src->date) != file_time(&meta->date))
		return err_set(
			e, ERR_MESSAGE, E_INVALID, "the message to link has another INTERNALDATE");
	/* What is still in tmp/ has no name that a link could be made of. */
	if (group_find(g->s, from, from_uid) != NULL && store_commit(g->s, e) != 0)
		return -1;
	return link_source(g, meta, from, src, e);
}

int store_message_link(struct store_generation *g, const struct store_meta *meta, int64_t from,
	uint32_t from_uid, struct err *e)
{
	if (store_writable(g->s, e) != 0)
		return -1;
	struct source src = {.flags = BUF_INIT(MAIL_FLAGS_TEXT_MAX)};
	int result = link_message(g, meta, from, from_uid, &src, e);
	buf_release(&src.flags);
	if (result != 0)
		about(e, meta->uid);
	return store_outcome(g->s, result, e);
}

int store_known_by_id(
	struct store *s, struct slice email_id, struct store_known *out, struct err *e)
{
	return index_message_by_id(s->x, email_id, out, e);
}

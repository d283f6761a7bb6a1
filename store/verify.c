/* SPDX-License-Identifier: MIT */
/*
 * verify.c -- tree and index compared, both ways.
 *
 * Files are listed once for each mailbox and sorted like the rows of the index, so the two are
 * walked side by side; each file is opened once. What one folder says wrong never stops the look
 * at the next one.
 *
 * A row is looked at in two steps: look_at_row() finds, opens and reads its file; settle() tells what is wrong, when
 * it is the row's turn and its content is hashed (verify_queue.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hasher.h"
#include "core/base/text.h"
#include "store/index_check.h"
#include "store/index_view.h"
#include "store/verify_internal.h"

#define SIDE_FILE ".mailbox"
/* Progress is told after so many bytes. */
#define PROGRESS_BYTES (4u << 20)

struct verify {
	struct store *s;
	const struct store_verify_options *o;
	struct store_verify_counts *counts;
	struct err *e;
	struct verify_queue *queue;
	uint64_t told; /* bytes when progress was told last */
	bool stopped;  /* by the caller */
	/* the mailbox at hand */
	struct slice name, path;
	int64_t mailbox_id, current; /* 0: no row */
	struct maildir *m;	     /* NULL: there is no folder */
	struct verify_listing list;
	/* the generation at hand */
	uint32_t uidvalidity;
};

const char *store_fault_name(enum store_fault f)
{
	static const char *const name[STORE_FAULT_COUNT] = {"missing", "extra", "changed", "size",
		"time", "name", "letters", "unreadable", "folder", "index"};
	return (unsigned)f < STORE_FAULT_COUNT ? name[f] : "unknown";
}

bool store_fault_is_damage(enum store_fault f)
{
	return f != STORE_FAULT_LETTERS;
}

/* ---- telling --------------------------------------------------------------------------------- */

static int report(struct verify *v, struct store_finding *f)
{
	v->counts->faults[f->fault]++;
	f->mailbox = v->name;
	f->path = v->path;
	f->mailbox_id = v->mailbox_id;
	int result = v->o->each != NULL ? v->o->each(v->o->ctx, f) : 0;
	v->stopped = v->stopped || result != 0;
	return result;
}

static int report_row(
	struct verify *v, const struct verify_item *m, enum store_fault fault, const char *detail)
{
	const struct store_record *r = &m->record;
	struct store_finding f = {.fault = fault,
		.file = m->file != NULL ? slice_str(m->file->name) : r->base,
		.in_new = m->file != NULL && m->file->in_new,
		.generation = r->generation,
		.uidvalidity = v->uidvalidity,
		.uid = r->uid,
		.has_row = true,
		.state = r->state,
		.current = r->generation == v->current,
		.detail = detail};
	return report(v, &f);
}

static int report_file(struct verify *v, enum store_fault fault, const struct verify_file *file,
	const char *detail)
{
	struct store_finding f = {.fault = fault,
		.file = slice_str(file->name),
		.in_new = file->in_new,
		.uidvalidity = file->ours ? file->n.uidvalidity : 0,
		.uid = file->ours ? file->n.uid : 0,
		.detail = detail};
	return report(v, &f);
}

static int report_index(struct verify *v, const char *detail)
{
	struct store_finding f = {.fault = STORE_FAULT_INDEX, .detail = detail};
	return report(v, &f);
}

static int tell_progress(struct verify *v)
{
	if (v->o->progress == NULL || v->o->progress(v->o->ctx, v->counts, v->name) == 0)
		return 0;
	v->stopped = true;
	return err_set(v->e, ERR_ACCOUNT, E_CANCELLED, "stopped on request");
}

/* ---- one row, settled ------------------------------------------------------------------------ */

static bool content_is_right(const struct verify_item *m)
{
	return m->content.size_wire == m->record.size_wire &&
		memcmp(m->content.sha256, m->record.sha256, SHA256_LEN) == 0;
}

/* Only the letters the index expects, and in cur/, are as we left them. */
static int check_letters(struct verify *v, const struct verify_item *m)
{
	char letters[FLAG_LETTERS_MAX], detail[128];
	struct slice name = slice_str(m->file->name), have = SLICE_NONE;
	if (m->file->in_new)
		return report_row(v, m, STORE_FAULT_LETTERS, "it is in new/ instead of cur/");
	if (flag_letters(m->record.flags, &v->m->keywords, letters, v->e) != 0)
		return -1;
	if (m->file->base + 3 <= name.n)
		have = slice_of(name.p + m->file->base + 3, name.n - m->file->base - 3);
	if (slice_eq_str(have, letters))
		return 0;
	snprintf(detail, sizeof detail, "the index has the flag letters \"%s\"", letters);
	return report_row(v, m, STORE_FAULT_LETTERS, detail);
}

static int check_time(struct verify *v, const struct verify_item *m)
{
	char detail[128];
	if (m->in_time)
		return check_letters(v, m);
	snprintf(detail, sizeof detail, "the file's time is %" PRId64 ", INTERNALDATE is %" PRId64,
		m->mtime, m->record.date.valid ? m->record.date.secs : 0);
	return report_row(v, m, STORE_FAULT_TIME, detail);
}

static int settle(void *ctx, const struct verify_item *m)
{
	struct verify *v = ctx;
	v->counts->rows++;
	if (v->counts->bytes - v->told >= PROGRESS_BYTES) {
		v->told = v->counts->bytes;
		if (tell_progress(v) != 0)
			return -1;
	}
	if (m->wrong != NULL)
		return report_row(v, m, m->fault, m->wrong);
	if (m->hashed) {
		v->counts->read++;
		v->counts->bytes += m->record.size_disk;
		if (!content_is_right(m))
			return report_row(v, m, STORE_FAULT_CHANGED,
				"the content is not what was stored: its SHA-256 differs");
	}
	return check_time(v, m);
}

/* ---- one row with its file, looked at -------------------------------------------------------- */

/* Neighbouring UIDs go into different parts, and the choice depends on nothing but the message. */
static bool is_sampled(const struct verify *v, uint32_t uid)
{
	const struct store_verify_options *o = v->o;
	if (o->of == 0 || o->take >= o->of)
		return true;
	uint64_t h = ((uint64_t)v->uidvalidity << 32 | uid) + UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	uint64_t part = (h ^ (h >> 31)) % o->of;
	uint64_t first = (o->round % o->of) * o->take % o->of;
	return (part + o->of - first) % o->of < o->take;
}

/* A file with several names has one time, that of its first message; and times that the file
 * system cannot keep come back as its limit. */
static bool time_is_right(const struct store_record *r, const struct stat *st)
{
	int64_t want = r->date.valid ? r->date.secs : 0;
	return (int64_t)st->st_mtime == want || st->st_nlink > 1 || want > INT32_MAX ||
		want < INT32_MIN;
}

static int look_at_open(struct verify *v, struct verify_item *m, int fd, const struct stat *st)
{
	char detail[128];
	if ((uint64_t)st->st_size != m->record.size_disk) {
		snprintf(detail, sizeof detail, "the file has %lld bytes, the index says %" PRIu64,
			(long long)st->st_size, m->record.size_disk);
		return verify_item_wrong(m, STORE_FAULT_SIZE, detail, v->e);
	}
	m->mtime = st->st_mtime;
	m->in_time = time_is_right(&m->record, st);
	return is_sampled(v, m->record.uid) || !m->in_time
		? verify_queue_read(v->queue, m, fd, v->e)
		: 0;
}

static int look_at_file(struct verify *v, struct verify_item *m)
{
	struct stat st;
	char detail[128];
	int fd = verify_open(v->m, m->file->name, m->file->in_new, &st);
	if (fd < 0 && errno == ENOENT)
		return verify_item_wrong(m, STORE_FAULT_MISSING, "the file went away", v->e);
	if (fd < 0) {
		snprintf(detail, sizeof detail, "cannot open it: %s", strerror(errno));
		return verify_item_wrong(m, STORE_FAULT_UNREADABLE, detail, v->e);
	}
	int result = look_at_open(v, m, fd, &st);
	fsys_close_quiet(v->s->fs, fd);
	return result;
}

static bool same_message(const struct verify_file *a, const struct verify_file *b)
{
	return a->n.uid == b->n.uid && a->n.uidvalidity == b->n.uidvalidity;
}

/* Name and row were written together. */
static bool row_is_sound(const struct verify *v, const struct store_record *r)
{
	struct message_name n;
	struct slice letters;
	return message_name_parse(r->base, &n, &letters) && n.uid == r->uid &&
		n.uidvalidity == v->uidvalidity && n.size_disk == r->size_disk &&
		n.size_wire == r->size_wire && memcmp(n.hash, r->sha256, sizeof n.hash) == 0 &&
		n.secs == (r->date.valid ? r->date.secs : 0);
}

static int match(struct verify *v, struct verify_item *m)
{
	struct verify_listing *l = &v->list;
	const struct store_record *r = &m->record;
	const struct verify_file wanted = {.n = {.uidvalidity = v->uidvalidity, .uid = r->uid}};
	struct verify_file *best = NULL;
	size_t first = verify_listing_find(l, v->uidvalidity, r->uid);
	for (size_t i = first; i < l->ours && same_message(&l->at[i], &wanted); i++) {
		struct verify_file *f = &l->at[i];
		bool same = slice_eq(slice_of(f->name, f->base), r->base);
		/* With several, the one in cur/ is the message. */
		if (same && (best == NULL || best->in_new))
			best = f;
	}
	if (best != NULL) {
		best->taken = true;
		m->file = best;
		return look_at_file(v, m);
	}
	if (first < l->ours && same_message(&l->at[first], &wanted)) {
		char detail[MESSAGE_NAME_MAX + 64], base[MESSAGE_NAME_MAX];
		l->at[first].taken = true;
		m->file = &l->at[first];
		snprintf(detail, sizeof detail, "the index has the name %s",
			text_show(base, sizeof base, r->base));
		return verify_item_wrong(m, STORE_FAULT_NAME, detail, v->e);
	}
	return verify_item_wrong(m, STORE_FAULT_MISSING, "the file is not there", v->e);
}

static int look_at_row(void *ctx, const struct store_record *r)
{
	struct verify *v = ctx;
	struct verify_item *m;
	if (!r->has_file)
		return 0;
	int result = verify_queue_next(v->queue, r, &m, v->e);
	if (result == 0)
		result = row_is_sound(v, r)
			? match(v, m)
			: verify_item_wrong(m, STORE_FAULT_INDEX,
				  "the row contradicts the file name that it has", v->e);
	return result == 0 ? verify_queue_push(v->queue) : result;
}

static int look_at_generation(void *ctx, int64_t generation, uint32_t uidvalidity)
{
	struct verify *v = ctx;
	v->uidvalidity = uidvalidity;
	int result = index_records(v->s->x, generation, 1, UID_MAX, look_at_row, v, v->e);
	/* What was looked at comes first, also when the rows cannot be read to their end. */
	const struct err why = *v->e;
	err_clear(v->e);
	int settled = verify_queue_drain(v->queue, v->e);
	if (settled != 0)
		return settled;
	*v->e = why;
	return result;
}

/* ---- files without a row --------------------------------------------------------------------- */

static int look_at_stray(struct verify *v, size_t i)
{
	const struct verify_file *f = &v->list.at[i];
	static const char mark[] = ".imapsync,S=";
	if (!f->regular)
		return report_file(v, STORE_FAULT_EXTRA, f, "not an ordinary file");
	if (!f->ours && strstr(f->name, mark) != NULL)
		return report_file(v, STORE_FAULT_NAME, f, "the name was damaged or changed");
	if (!f->ours)
		return report_file(v, STORE_FAULT_EXTRA, f, "not a message of this archive");
	const struct verify_listing *l = &v->list;
	for (size_t k = verify_listing_find(l, f->n.uidvalidity, f->n.uid);
		k < l->ours && same_message(&l->at[k], f); k++)
		if (l->at[k].taken)
			return report_file(v, STORE_FAULT_EXTRA, f,
				"a second file of a message that is there already");
	return report_file(v, STORE_FAULT_EXTRA, f, "no row of the index knows it");
}

static int look_at_strays(struct verify *v)
{
	for (size_t i = 0; i < v->list.n; i++) {
		int result = v->list.at[i].taken ? 0 : look_at_stray(v, i);
		if (result != 0)
			return result;
	}
	return 0;
}

/* ---- one folder ------------------------------------------------------------------------------ */

static int report_folder(struct verify *v, const char *detail, bool unseen)
{
	struct store_finding f = {.fault = STORE_FAULT_FOLDER, .unseen = unseen, .detail = detail};
	return report(v, &f);
}

/* Without its side file, the true name of a mailbox would be lost together with the index. */
static int check_side_file(struct verify *v, const struct store_mailbox *box)
{
	struct buf text = BUF_INIT(SIDE_FILE_MAX);
	struct side_file side;
	struct err why = ERR_INIT;
	const char *wrong = NULL;
	side_file_init(&side);
	int found = maildir_read_side(v->m, SIDE_FILE, &text, &why);
	if (found == 0)
		wrong = "its side file .mailbox is missing";
	else if (found < 0 || side_file_parse(&side, buf_slice(&text), &why) != 0)
		wrong = "its side file .mailbox is damaged";
	else if (!slice_eq(buf_slice(&side.wire), buf_slice(&box->wire)) ||
		side.uidvalidity != box->uidvalidity)
		wrong = "its side file .mailbox is that of another mailbox";
	side_file_release(&side);
	buf_release(&text);
	return wrong != NULL ? report_folder(v, wrong, false) : 0;
}

/* The folder is open, or not there. */
static int compare_folder(struct verify *v, const struct store_mailbox *box)
{
	int result = v->m != NULL ? verify_list(v->m, &v->list, v->e) : 0;
	if (result != 0)
		return result;
	v->counts->files += v->list.n;
	if (box != NULL && v->m != NULL && box->selectable)
		result = check_side_file(v, box);
	if (result == 0 && box != NULL)
		result = index_generations(v->s->x, box->id, look_at_generation, v, v->e);
	return result == 0 ? look_at_strays(v) : result;
}

static bool is_index_trouble(const struct err *e)
{
	return e->scope == ERR_STORE && e->code == E_CORRUPT;
}

/* box NULL: a folder of the tree that no mailbox of the index has. */
static int look_at_folder(struct verify *v, struct slice path, const struct store_mailbox *box)
{
	struct maildir m;
	v->path = path;
	v->name = box != NULL ? buf_slice(&box->name) : SLICE_NONE;
	v->mailbox_id = box != NULL ? box->id : 0;
	v->current = box != NULL ? box->generation : 0;
	if (tell_progress(v) != 0)
		return -1;
	int result = maildir_open(&m, v->s->fs, v->s->mail, path, false, v->e);
	v->m = result == 0 ? &m : NULL;
	if (result != 0 && v->e->code == E_MISSING && box != NULL) {
		err_clear(v->e);
		result = box->selectable ? report_folder(v, "the folder is not there", false) : 0;
	}
	if (result == 0)
		result = compare_folder(v, box);
	if (v->m != NULL)
		maildir_close(&m);
	v->m = NULL;
	verify_listing_release(&v->list);
	/* Its own trouble, whatever it is, is a finding; the others are looked at all the same. */
	if (result < 0 && !v->stopped && v->e->code != E_NOMEM && !is_index_trouble(v->e)) {
		struct err why = *v->e;
		err_clear(v->e);
		result = report_folder(v, why.text, true);
	}
	return result;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int look_at_unknown(void *ctx, struct slice path)
{
	struct verify *v = ctx;
	struct index_mailbox box;
	index_mailbox_init(&box);
	int known = index_mailbox_by_path(v->s->x, path, &box, v->e);
	index_mailbox_release(&box);
	return known != 0 ? (known < 0 ? -1 : 0) : look_at_folder(v, path, NULL);
}

static int look_at_mailboxes(struct verify *v)
{
	struct store_mailbox_list list = {NULL, 0};
	int result = store_mailboxes(v->s, &list, v->e);
	for (size_t i = 0; result == 0 && i < list.n; i++)
		result = look_at_folder(v, buf_slice(&list.at[i].path), &list.at[i]);
	if (result == 0)
		result = maildir_walk(v->s->fs, v->s->mail, v->s->layout, look_at_unknown, v, v->e);
	v->name = v->path = SLICE_NONE;
	v->mailbox_id = 0;
	store_mailbox_list_release(&list);
	return result;
}

static int contradiction(void *ctx, struct slice text)
{
	char shown[TEXT_SHOW_SIZE];
	return report_index(ctx, text_show(shown, sizeof shown, text));
}

int verify_archive(struct store *s, const struct store_verify_options *o, bool threaded,
	struct store_verify_counts *counts, struct err *e)
{
	struct verify v = {.s = s, .o = o, .counts = counts, .e = e};
	memset(counts, 0, sizeof *counts);
	if (s->group.n > 0 || s->group.changes > 0)
		return err_set(e, ERR_STORE, E_STATE, "the archive is being written");
	v.queue = verify_queue_new(s, threaded, settle, &v, e);
	if (v.queue == NULL)
		return -1;
	int result = index_contradictions(s->x, contradiction, &v, e);
	if (result == 0)
		result = look_at_mailboxes(&v);
	if (result < 0 && is_index_trouble(e)) {
		struct err why = *e;
		err_clear(e);
		v.name = v.path = SLICE_NONE;
		v.mailbox_id = 0;
		result = report_index(&v, why.text);
	}
	verify_queue_free(v.queue);
	return result;
}

int store_verify(struct store *s, const struct store_verify_options *o,
	struct store_verify_counts *counts, struct err *e)
{
	return verify_archive(s, o, hasher_has_processor(), counts, e);
}

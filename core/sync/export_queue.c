/* SPDX-License-Identifier: MIT */
/*
 * export_queue.c -- messages on their way into an export: read ahead, compared with their rows, written in the order in
 * which they came.
 *
 * Nothing can be taken back from a pipe, so a message is looked at whole before its first byte is written: up to EXPORT_HOLD
 * it stays in memory meanwhile, above it is read a second time. Hashing is half of the work, and a thread does it
 * (core/base/hasher.h). Files are read and output is written here, so while the thread is at one message this side writes
 * those before it and reads those behind it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hasher.h"
#include "core/base/text.h"
#include "core/sync/export_internal.h"
#include "core/sync/job.h"

#define PART_SIZE ((size_t)64 << 10)
#define ENTRIES	  512 /* folders and messages at a time */
#define AHEAD	  4   /* blocks that are read before the first of them is written */
/* A row that lies can make a message twice as long as its file. */
#define BLOCKS (2 * EXPORT_HOLD / HASH_BLOCK_BYTES + AHEAD + 4)

#define DAMAGED	    "its file is damaged, it is not what the server sent"
#define STRINGS_MAX (4 * (size_t)MAIL_FLAGS_TEXT_MAX)

struct entry {
	const struct store_mailbox *box;
	bool message;	 /* else the folder */
	bool hashed;	 /* its bytes are in the blocks */
	bool selected;	 /* it would be in the export, had it been read */
	char *wrong;	 /* it is left out, and why */
	uint64_t stored; /* bytes of its file */
	uint32_t uidvalidity;
	struct store_record record;
	struct buf text; /* the record's strings */
};

struct export_queue {
	struct store *s;
	struct export_target to;
	struct hasher *h;
	struct entry entry[ENTRIES]; /* a ring */
	size_t first, n;
	struct hash_block *filling; /* or NULL */
	/* Blocks that are done, from the one where the message at the front begins. */
	struct hash_block *held[BLOCKS];
	size_t nheld, from,
		at; /* it begins there in the first one; looked at so far of the last one */
	/* the message that is written */
	struct buf place;
	uint64_t crlf;
	bool bare_lf, after_cr;
	bool lf;       /* drop CRs before LFs */
	bool cr_waits; /* ... such a CR, perhaps */
	unsigned char part[PART_SIZE + 1];
};

/* ---- line ends -------------------------------------------------------------------------------- */

static void scan(struct export_queue *q, const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n, *at = p;
	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		bool cr = at > p ? at[-1] == '\r' : q->after_cr;
		q->crlf += cr;
		q->bare_lf = q->bare_lf || !cr;
		at++;
	}
	if (n > 0)
		q->after_cr = end[-1] == '\r';
}

/* Up to PART_SIZE bytes with the CRs before LFs dropped; one at the end waits for what comes next.
 */
static int put_lf(struct export_queue *q, const unsigned char *p, size_t n, struct err *e)
{
	size_t len = 0;
	if (q->cr_waits && p[0] != '\n')
		q->part[len++] = '\r';
	for (size_t i = 0; i < n;) {
		const unsigned char *cr = memchr(p + i, '\r', n - i);
		size_t run = cr != NULL ? (size_t)(cr - p) - i : n - i;
		memcpy(q->part + len, p + i, run);
		len += run;
		i += run;
		/* A CR stays unless LF follows. */
		if (i + 1 < n && p[i + 1] != '\n')
			q->part[len++] = '\r';
		i++;
	}
	q->cr_waits = p[n - 1] == '\r';
	return len > 0 ? q->to.w->data(q->to.w, q->part, len, e) : 0;
}

/* Give bytes to the format, with the line ends it wants. */
static int put(struct export_queue *q, const unsigned char *p, size_t n, struct err *e)
{
	if (!q->lf)
		return n > 0 ? q->to.w->data(q->to.w, p, n, e) : 0;
	while (n > 0) {
		size_t part = n < PART_SIZE ? n : PART_SIZE;
		if (put_lf(q, p, part, e) != 0)
			return -1;
		p += part;
		n -= part;
	}
	return 0;
}

/* ---- one message, written --------------------------------------------------------------------- */

static void note(struct export_queue *q, const struct entry *m, const char *why)
{
	char folder[TEXT_SHOW_SIZE / 2], line[1024];
	snprintf(line, sizeof line, "%s UID %" PRIu32 " is left out: %s",
		text_show(folder, sizeof folder, buf_slice(&m->box->name)), m->record.uid, why);
	q->to.h->note(q->to.h->ctx, SYNC_NOTE_PROBLEM, line);
}

static void leave_out(struct export_queue *q, const struct entry *m, const char *why)
{
	q->to.r->damaged += m->selected;
	note(q, m, why);
}

static void report_progress(struct export_queue *q, const struct entry *m)
{
	const struct export_report *r = q->to.r;
	const struct sync_progress p = {.folders_done = r->counts.folders,
		.folders_total = r->counts.folders,
		.messages_done = r->messages,
		.messages_total = r->messages,
		.bytes = r->bytes,
		.folder = buf_slice(&m->box->name)};
	if (q->to.h->progress != NULL)
		q->to.h->progress(q->to.h->ctx, &p);
}

/* What has come is not what the server sent; else NULL. */
static const char *damage(const struct entry *m, const struct hash_piece *sum)
{
	return sum->size == m->record.size_wire &&
			memcmp(sum->sha256, m->record.sha256, SHA256_LEN) == 0
		? NULL
		: DAMAGED;
}

static struct selection_item item_of(const struct entry *m)
{
	return (struct selection_item){m->box, m->uidvalidity, &m->record};
}

/* scan() has seen all bytes, unless the format takes them as they are stored. */
static int begin(struct export_queue *q, const struct entry *m, struct err *e)
{
	const struct selection_item item = item_of(m);
	const struct export_message msg = {
		&item, m->record.size_wire, m->stored, q->crlf, !q->bare_lf};
	report_progress(q, m);
	q->lf = q->cr_waits = false;
	buf_clear(&q->place);
	return q->to.w->begin(q->to.w, &msg, &q->lf, &q->place, e);
}

static int end(struct export_queue *q, const struct entry *m, struct err *e)
{
	const struct selection_item item = item_of(m);
	if (q->cr_waits && q->to.w->data(q->to.w, "\r", 1, e) != 0)
		return -1;
	if (q->to.w->end(q->to.w, &q->place, e) != 0 || buf_check(&q->place, "a path", e) != 0)
		return -1;
	q->to.r->messages++;
	q->to.r->bytes += m->record.size_wire;
	return export_manifest_add(q->to.manifest, &item, buf_slice(&q->place), e);
}

/* The bytes that are held of the message at the front, in block i. */
static struct slice held(const struct export_queue *q, size_t i)
{
	size_t from = i == 0 ? q->from : 0, to = i + 1 == q->nheld ? q->at : q->held[i]->len;
	return slice_of(q->held[i]->data + from, to - from);
}

static void scan_anew(struct export_queue *q)
{
	q->crlf = 0;
	q->bare_lf = q->after_cr = false;
}

static int write_held(struct export_queue *q, const struct entry *m, struct err *e)
{
	scan_anew(q);
	for (size_t i = 0; !q->to.w->as_stored && i < q->nheld; i++)
		scan(q, held(q, i).p, held(q, i).n);
	if (begin(q, m, e) != 0)
		return -1;
	for (size_t i = 0; i < q->nheld; i++)
		if (put(q, held(q, i).p, held(q, i).n, e) != 0)
			return -1;
	return end(q, m, e);
}

/* ---- entries ---------------------------------------------------------------------------------- */

static struct entry *front(struct export_queue *q)
{
	return &q->entry[q->first];
}

static void pop(struct export_queue *q)
{
	struct entry *m = front(q);
	free(m->wrong);
	buf_release(&m->text);
	q->first = (q->first + 1) % ENTRIES;
	q->n--;
}

static int begin_folder(struct export_queue *q, const struct store_mailbox *box, struct err *e)
{
	if (q->to.all_folders && export_manifest_folder(q->to.manifest, box, e) != 0)
		return -1;
	return q->to.w->folder(q->to.w, box, e);
}

/* Those at the front that wait for nothing. */
static int settle_ready(struct export_queue *q, struct err *e)
{
	while (q->n > 0 && !front(q)->hashed) {
		const struct entry *m = front(q);
		if (!m->message && begin_folder(q, m->box, e) != 0)
			return -1;
		if (m->message)
			leave_out(q, m, m->wrong);
		pop(q);
	}
	return 0;
}

static int check_interrupt(const struct export_queue *q, struct err *e)
{
	return hooks_interrupted(q->to.h)
		? err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal; nothing was written")
		: 0;
}

/* The message at the front has come whole. */
static int settle_message(struct export_queue *q, const struct hash_piece *sum, struct err *e)
{
	if (check_interrupt(q, e) != 0 || settle_ready(q, e) != 0)
		return -1;
	const struct entry *m = front(q);
	const char *wrong = m->wrong != NULL ? m->wrong : damage(m, sum);
	if (wrong != NULL)
		leave_out(q, m, wrong);
	else if (write_held(q, m, e) != 0)
		return -1;
	pop(q);
	return 0;
}

/* Blocks that are no longer needed; the message at the front begins where the last one was looked at. */
static void let_go(struct export_queue *q)
{
	struct hash_block *last = q->held[q->nheld - 1];
	for (size_t i = 0; i + 1 < q->nheld; i++)
		hasher_put_back(q->h, q->held[i]);
	q->held[0] = last;
	q->nheld = 1;
	q->from = q->at;
}

static void give(struct export_queue *q)
{
	if (q->filling != NULL)
		hasher_give(q->h, q->filling);
	q->filling = NULL;
}

/* The oldest block, and all messages that end in it. */
static int settle_block(struct export_queue *q, struct err *e)
{
	if (hasher_given(q->h) == 0)
		give(q);
	struct hash_block *b = hasher_take(q->h);
	if (b == NULL)
		return 0;
	q->held[q->nheld++] = b;
	q->at = 0;
	if (err_is_set(&b->e)) {
		*e = b->e;
		return -1;
	}
	for (size_t i = 0; i < b->pieces; i++) {
		q->at += b->piece[i].n;
		if (!b->piece[i].last)
			continue;
		if (settle_message(q, &b->piece[i], e) != 0)
			return -1;
		let_go(q);
	}
	if (q->nheld == 1 && q->from == b->len) {
		hasher_put_back(q->h, b);
		q->nheld = q->from = 0;
	}
	return 0;
}

int export_queue_drain(struct export_queue *q, struct err *e)
{
	while (q->filling != NULL || hasher_given(q->h) > 0)
		if (settle_block(q, e) != 0)
			return -1;
	return settle_ready(q, e);
}

/* Room for an entry, which is not in the queue before push(). */
static struct entry *next_entry(
	struct export_queue *q, const struct store_mailbox *box, struct err *e)
{
	while (q->n == ENTRIES) {
		if (!front(q)->hashed ? settle_ready(q, e) != 0 : settle_block(q, e) != 0)
			return NULL;
	}
	struct entry *m = &q->entry[(q->first + q->n) % ENTRIES];
	memset(m, 0, sizeof *m);
	m->box = box;
	buf_init(&m->text, STRINGS_MAX);
	return m;
}

static void push(struct export_queue *q)
{
	q->n++;
}

int export_queue_folder(struct export_queue *q, const struct store_mailbox *box, struct err *e)
{
	if (next_entry(q, box, e) == NULL)
		return -1;
	push(q);
	return 0;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* The block that is being filled, with some room. */
static struct hash_block *filling(struct export_queue *q, struct err *e)
{
	if (q->filling != NULL && hash_block_is_full(q->filling))
		give(q);
	if (q->filling == NULL)
		q->filling = hasher_empty(q->h, e);
	return q->filling;
}

/* The whole file into blocks. each() is called behind every one. -1, and *why is set when the file is to blame. */
static int read_file(struct export_queue *q, const struct store_file *f,
	int (*each)(struct export_queue *q, struct err *e), struct err *why, struct err *e)
{
	bool widen = f->add_cr && !q->to.w->as_stored;
	uint64_t left = f->size;
	for (bool first = true, last = false; !last; first = false) {
		struct hash_block *b = filling(q, e);
		if (b == NULL)
			return -1;
		size_t added = 0;
		long n = store_file_fill(q->s, f, widen, left, b, &added, why);
		left -= n > 0 ? (uint64_t)n : 0;
		/* It ends here, and its sum is wrong, when it could not be read or has become shorter. */
		last = n <= 0 || left == 0;
		hash_block_add(b, added, first, last, f->add_cr && !widen);
		if (each(q, e) != 0)
			return -1;
	}
	return 0;
}

static int keep_all(struct export_queue *q, struct err *e)
{
	(void)q;
	(void)e;
	return 0;
}

/* ---- large messages --------------------------------------------------------------------------- */

/* Of a message that is not held: blocks come back one by one. */
static int pass_block(struct export_queue *q, bool write, struct hash_piece *sum, struct err *e)
{
	if (hasher_given(q->h) == 0)
		give(q);
	struct hash_block *b = hasher_take(q->h);
	int rc = 0;
	if (err_is_set(&b->e)) {
		*e = b->e;
		rc = -1;
	} else if (write) {
		rc = put(q, b->data, b->len, e);
	} else if (!q->to.w->as_stored) {
		scan(q, b->data, b->len);
	}
	if (b->pieces > 0)
		*sum = b->piece[b->pieces - 1];
	hasher_put_back(q->h, b);
	return rc;
}

static int look_along(struct export_queue *q, struct err *e)
{
	struct hash_piece sum;
	return hasher_given(q->h) < AHEAD ? 0 : pass_block(q, false, &sum, e);
}

static int write_along(struct export_queue *q, struct err *e)
{
	struct hash_piece sum;
	return hasher_given(q->h) < AHEAD ? 0 : pass_block(q, true, &sum, e);
}

/* Read it whole: 1 it is what the row says, 0 it is not (*why), -1. */
static int read_large(struct export_queue *q, const struct entry *m, struct store_file *f,
	bool write, struct err *why, struct err *e)
{
	struct hash_piece sum;
	memset(&sum, 0, sizeof sum);
	int rc = read_file(q, f, write ? write_along : look_along, why, e);
	store_file_close(q->s, f);
	while (rc == 0 && (q->filling != NULL || hasher_given(q->h) > 0))
		rc = pass_block(q, write, &sum, e);
	if (rc != 0)
		return -1;
	if (!err_is_set(why) && damage(m, &sum) != NULL)
		err_set(why, ERR_MESSAGE, E_CORRUPT, "%s", damage(m, &sum));
	return !err_is_set(why);
}

/* Nothing is on its way. */
static int write_large(
	struct export_queue *q, const struct entry *m, struct store_file *f, struct err *e)
{
	struct err why = ERR_INIT;
	scan_anew(q);
	int good = read_large(q, m, f, false, &why, e);
	if (good < 0)
		return -1;
	if (good == 0) {
		leave_out(q, m, why.text);
		return 0;
	}
	if (begin(q, m, e) != 0)
		return -1;
	good = store_file_open(q->s, m->record.generation, m->record.uid, f, &why) == 0
		? read_large(q, m, f, true, &why, e)
		: 0;
	if (good < 0)
		return -1;
	if (good == 0)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"a message changed while it was exported: %s", why.text);
	return end(q, m, e);
}

/* ---- what comes in ---------------------------------------------------------------------------- */

static int keep_strings(struct entry *m, const struct store_record *r, struct err *e)
{
	m->record = *r;
	buf_add_slice(&m->text, r->base);
	buf_add_slice(&m->text, r->date_raw);
	buf_add_slice(&m->text, r->flags);
	if (buf_check(&m->text, "a row of the index", e) != 0)
		return -1;
	const unsigned char *p = buf_slice(&m->text).p;
	m->record.base.p = p;
	m->record.date_raw.p = p + r->base.n;
	m->record.flags.p = p + r->base.n + r->date_raw.n;
	m->record.email_id = m->record.thread_id = m->record.reason = SLICE_NONE;
	return 0;
}

static struct entry *next_message(
	struct export_queue *q, const struct selection_item *item, struct err *e)
{
	struct entry *m = next_entry(q, item->box, e);
	if (m == NULL)
		return NULL;
	m->message = m->selected = true;
	m->uidvalidity = item->uidvalidity;
	if (keep_strings(m, item->record, e) == 0)
		return m;
	buf_release(&m->text);
	return NULL;
}

static int leave_out_later(struct export_queue *q, struct entry *m, const char *why, struct err *e)
{
	push(q);
	m->wrong = strdup(why);
	return m->wrong != NULL ? 0 : err_nomem(e, "a message that is left out");
}

int export_queue_unreadable(
	struct export_queue *q, const struct selection_item *item, const char *why, struct err *e)
{
	struct entry *m = next_message(q, item, e);
	if (m == NULL)
		return -1;
	m->selected = false;
	return leave_out_later(q, m, why, e);
}

static int take_large(struct export_queue *q, struct entry *m, struct store_file *f, struct err *e)
{
	int rc = export_queue_drain(q, e);
	if (rc == 0)
		rc = write_large(q, m, f, e);
	else
		store_file_close(q->s, f);
	buf_release(&m->text);
	return rc;
}

static int take_file(struct export_queue *q, struct entry *m, struct store_file *f, struct err *e)
{
	struct err why = ERR_INIT;
	m->stored = f->size;
	if (m->stored != m->record.size_disk) {
		store_file_close(q->s, f);
		return leave_out_later(q, m, DAMAGED, e);
	}
	if (m->stored > EXPORT_HOLD || m->record.size_wire > EXPORT_HOLD)
		return take_large(q, m, f, e);
	m->hashed = true;
	push(q);
	int rc = read_file(q, f, keep_all, &why, e);
	store_file_close(q->s, f);
	if (rc == 0 && err_is_set(&why) && (m->wrong = strdup(why.text)) == NULL)
		rc = err_nomem(e, "a message that is left out");
	return rc;
}

int export_queue_message(struct export_queue *q, const struct selection_item *item, struct err *e)
{
	struct store_file f;
	struct err why = ERR_INIT;
	if (check_interrupt(q, e) != 0)
		return -1;
	while (hasher_given(q->h) >= AHEAD)
		if (settle_block(q, e) != 0)
			return -1;
	struct entry *m = next_message(q, item, e);
	if (m == NULL)
		return -1;
	if (store_file_open(q->s, m->record.generation, m->record.uid, &f, &why) == 0)
		return take_file(q, m, &f, e);
	if (why.scope <= ERR_MAILBOX)
		return leave_out_later(q, m, why.text, e);
	*e = why;
	buf_release(&m->text);
	return -1;
}

/* ---- life --------------------------------------------------------------------------------------- */

struct export_queue *export_queue_new(
	struct store *s, const struct export_target *to, struct err *e)
{
	struct export_queue *q = calloc(1, sizeof *q);
	if (q == NULL) {
		err_nomem(e, "the export");
		return NULL;
	}
	q->s = s;
	q->to = *to;
	buf_init(&q->place, EXPORT_PLACE_MAX);
	q->h = hasher_new(BLOCKS, hasher_has_processor(), e);
	if (q->h == NULL) {
		export_queue_free(q);
		return NULL;
	}
	return q;
}

void export_queue_free(struct export_queue *q)
{
	if (q == NULL)
		return;
	while (q->n > 0)
		pop(q);
	for (size_t i = 0; i < q->nheld; i++)
		hasher_put_back(q->h, q->held[i]);
	if (q->filling != NULL)
		hasher_put_back(q->h, q->filling);
	hasher_free(q->h);
	buf_release(&q->place);
	free(q);
}

/* SPDX-License-Identifier: MIT */
/*
 * restore_match.c -- which of the wanted messages the target has already.
 *
 *   1  the target's messages are listed with size and date
 *   2  a message whose UID the journal knows is there when that UID is
 *   3  of others, those with the same size and INTERNALDATE are candidates; after an upload with unknown outcome also
 *      those that came since, whatever their date or size (servers change both)
 *   4  the candidates' headers are fetched; the same SHA-256 makes it the same message
 *
 * Each message of the target stands for one wanted message at most, so that two equal ones are restored as two.
 */
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore_internal.h"

struct there {
	uint64_t size;
	int64_t secs;
	uint32_t uid;
	bool dated, used, candidate, hashed;
	unsigned char header[SHA256_LEN];
};

struct listing {
	struct restore *r;
	struct there *at; /* by UID */
	size_t n, cap;
	size_t *by_date; /* indices, by date and UID */
	/* the header that arrives */
	struct sha256 *hash;
	bool body, whole;
	unsigned char digest[SHA256_LEN];
	struct err err;
};

static void listing_release(struct listing *l)
{
	free(l->at);
	free(l->by_date);
	sha256_free(l->hash);
}

/* ---- the target's list ----------------------------------------------------------------------------- */

static int add_message(struct listing *l, const imap4_message *m, struct err *e)
{
	struct mail_date date = {0, 0, false};
	if ((m->have & IMAP4_MSG_UID) == 0)
		return 0;
	if (l->n == l->cap) {
		size_t cap = l->cap > 0 ? 2 * l->cap : 256;
		struct there *at = realloc(l->at, cap * sizeof *at);
		if (at == NULL)
			return err_nomem(e, "the list of messages");
		l->at = at;
		l->cap = cap;
	}
	if ((m->have & IMAP4_MSG_INTERNALDATE) != 0)
		(void)mail_date_parse(slice_of(m->internaldate.ptr, m->internaldate.len), &date);
	l->at[l->n++] = (struct there){
		.size = m->size, .secs = date.secs, .uid = m->uid, .dated = date.valid};
	return 0;
}

static int by_uid(const void *a, const void *b)
{
	const struct there *x = a, *y = b;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* A server may say the same twice. */
static void sort_unique(struct listing *l)
{
	size_t kept = 0;
	if (l->n > 0)
		qsort(l->at, l->n, sizeof *l->at, by_uid);
	for (size_t i = 0; i < l->n; i++)
		if (kept == 0 || l->at[kept - 1].uid != l->at[i].uid)
			l->at[kept++] = l->at[i];
	l->n = kept;
}

struct date_key {
	int64_t secs;
	size_t index;
};

static int by_date(const void *a, const void *b)
{
	const struct date_key *x = a, *y = b;
	if (x->secs != y->secs)
		return x->secs < y->secs ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int sort_dates(struct listing *l, struct err *e)
{
	struct date_key *key = calloc(l->n + 1, sizeof *key);
	l->by_date = calloc(l->n + 1, sizeof *l->by_date);
	if (key == NULL || l->by_date == NULL) {
		free(key);
		return err_nomem(e, "the list of messages");
	}
	for (size_t i = 0; i < l->n; i++)
		key[i] = (struct date_key){l->at[i].secs, i};
	qsort(key, l->n, sizeof *key, by_date);
	for (size_t i = 0; i < l->n; i++)
		l->by_date[i] = key[i].index;
	free(key);
	return 0;
}

static int take_list(struct listing *l, imap4_cmd *c, struct err *e)
{
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;)
		if (imap4_data_message(d) != NULL && add_message(l, imap4_data_message(d), e) != 0)
			return -1;
	return 0;
}

static int read_list(struct listing *l, uint32_t from, struct err *e)
{
	imap4_session *s = l->r->dial.session;
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = from};
	imap4_cmd *c = imap4_fetch_start(s, NULL, "UID RFC822.SIZE INTERNALDATE", &o);
	int rc = 0;
	/* Taken as they come: what waits in the library takes ten times the room. */
	while (c != NULL && rc == 0 && !imap4_cmd_done(c)) {
		(void)imap4_pump(s, -1);
		rc = take_list(l, c, e);
		if (rc == 0 && hooks_interrupted(l->r->hooks))
			rc = err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
	}
	if (rc == 0)
		rc = sync_wait(s, c, ERR_MAILBOX, "UID FETCH", e);
	if (rc == 0)
		rc = take_list(l, c, e);
	imap4_cmd_free(c);
	if (rc != 0)
		return -1;
	sort_unique(l);
	return sort_dates(l, e);
}

/* ---- the journal ----------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	const struct want *x = a, *y = b;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static int take_row(void *ctx, const struct store_journal_row *row)
{
	struct listing *l = ctx;
	struct restore *r = l->r;
	const struct want key = {.generation = row->generation, .uid = row->uid};
	struct want *w = bsearch(&key, r->want, r->nwant, sizeof *w, by_number);
	if (w == NULL || w->state != WANT_OPEN || row->state == STORE_JOURNAL_REFUSED)
		return 0;
	bool same = row->uidvalidity == r->uidvalidity;
	const struct there id = {.uid = row->appended_uid};
	struct there *t = NULL;
	if (row->state == STORE_JOURNAL_DONE && same && row->appended_uid != 0 && l->n > 0)
		t = bsearch(&id, l->at, l->n, sizeof *t, by_uid);
	if (t != NULL && !t->used) {
		t->used = true;
		w->at = t->uid;
		w->state = WANT_PRESENT;
		return 0;
	}
	/* Its place is known, and it is not there any more: somebody deleted it, and now it is wanted again. */
	if (row->state == STORE_JOURNAL_DONE && same && row->appended_uid != 0)
		return 0;
	w->maybe = true;
	w->from = same && row->state == STORE_JOURNAL_SENDING ? row->appended_uid : 0;
	return 0;
}

/* ---- candidates ------------------------------------------------------------------------------------ */

static bool may_be(const struct want *w, const struct there *t)
{
	if (t->used)
		return false;
	bool size = t->size == w->size || (w->claimed != 0 && t->size == w->claimed);
	bool date = w->date.valid && t->dated && t->secs == w->date.secs;
	if (w->maybe)
		return date || (w->from != 0 && t->uid >= w->from);
	return size && (date || !w->date.valid);
}

static size_t first_of_date(const struct listing *l, int64_t secs)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->at[l->by_date[mid]].secs < secs)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Calls fn for each message that may be w, until it returns non-zero, and returns that. */
static int each_candidate(struct listing *l, const struct want *w,
	int (*fn)(struct there *t, const void *ctx), const void *ctx)
{
	/* Those of the same date are together; without a date, or after an unknown outcome, all are looked at. */
	bool all = !w->date.valid || (w->maybe && w->from != 0);
	size_t i = all ? 0 : first_of_date(l, w->date.secs);
	for (; i < l->n; i++) {
		struct there *t = &l->at[l->by_date[i]];
		if (!all && t->secs != w->date.secs)
			break;
		int rc = may_be(w, t) ? fn(t, ctx) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int mark(struct there *t, const void *ctx)
{
	(void)ctx;
	t->candidate = true;
	return 0;
}

/* ---- headers --------------------------------------------------------------------------------------- */

static int keep(struct listing *l, int rc, const struct err *e)
{
	if (rc != 0)
		l->err = *e;
	return rc;
}

static int header_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct listing *l = ctx;
	struct err e = ERR_INIT;
	(void)so_far;
	(void)size;
	if (section.len == 0 || l->body)
		return IMAP4_SINK_SKIP;
	l->body = true;
	return keep(l, sha256_begin(l->hash, &e), &e) != 0 ? -1 : IMAP4_SINK_TAKE;
}

static int header_data(void *ctx, const void *p, size_t n)
{
	struct listing *l = ctx;
	struct err e = ERR_INIT;
	return keep(l, sha256_add(l->hash, p, n, &e), &e);
}

static int header_end(void *ctx, int complete)
{
	struct listing *l = ctx;
	struct err e = ERR_INIT;
	l->whole = complete != 0;
	return keep(l, sha256_end(l->hash, l->digest, &e), &e);
}

static int header_done(void *ctx, const imap4_message *m)
{
	struct listing *l = ctx;
	const struct there key = {.uid = m->uid};
	bool usable = l->body && l->whole && (m->have & IMAP4_MSG_UID) != 0 && l->n > 0;
	struct there *t = usable ? bsearch(&key, l->at, l->n, sizeof *t, by_uid) : NULL;
	l->body = l->whole = false;
	if (t == NULL)
		return 0;
	memcpy(t->header, l->digest, SHA256_LEN);
	t->hashed = true;
	return 0;
}

static int fetch_headers(struct listing *l, const struct uidset *set, struct err *e)
{
	imap4_session *s = l->r->dial.session;
	const imap4_sink sink = {.ctx = l,
		.begin = header_begin,
		.data = header_data,
		.end = header_end,
		.done = header_done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &sink};
	imap4_cmd *c = imap4_fetch_start(s, set, "UID BODY.PEEK[HEADER]", &o);
	int rc = sync_wait(s, c, ERR_MAILBOX, "UID FETCH", e);
	imap4_cmd_free(c);
	if (rc != 0 && err_is_set(&l->err))
		*e = l->err;
	return rc;
}

static int hash_candidates(struct listing *l, struct err *e)
{
	struct uidset set = UIDSET_INIT;
	int rc = 0;
	if (l->hash == NULL && (l->hash = sha256_new(e)) == NULL)
		return -1;
	for (size_t i = 0, waiting = 0; i < l->n && rc == 0; i++) {
		if (l->at[i].candidate && !l->at[i].hashed) {
			rc = uidset_add(&set, l->at[i].uid, e);
			waiting++;
		}
		if (rc == 0 && waiting > 0 && (waiting == SYNC_HEADERS_BATCH || i + 1 == l->n)) {
			rc = fetch_headers(l, &set, e);
			uidset_clear(&set);
			waiting = 0;
		}
	}
	uidset_release(&set);
	return rc;
}

struct chosen {
	const unsigned char *digest;
	uint32_t *uid;
};

static int choose(struct there *t, const void *ctx)
{
	const struct chosen *c = ctx;
	if (!t->hashed || memcmp(t->header, c->digest, SHA256_LEN) != 0)
		return 0;
	t->used = true;
	*c->uid = t->uid;
	return 1;
}

/* 1: it is there; 0: not; -1. */
static int match_one(struct listing *l, struct want *w, struct err *e)
{
	unsigned char digest[SHA256_LEN];
	uint32_t uid = 0;
	if (store_message_header_hash(l->r->store, w->generation, w->uid, digest, e) != 0) {
		if (e->scope > ERR_MESSAGE)
			return -1;
		err_clear(e); /* it cannot be sent either, and is named then */
		return 0;
	}
	const struct chosen c = {digest, &uid};
	if (each_candidate(l, w, choose, &c) == 0)
		return 0;
	w->at = uid;
	w->state = WANT_PRESENT;
	return 1;
}

/* ---- all together ---------------------------------------------------------------------------------- */

static int is_one(struct there *t, const void *ctx)
{
	(void)t;
	(void)ctx;
	return 1;
}

static bool has_candidate(struct listing *l, const struct want *w)
{
	return each_candidate(l, w, is_one, NULL) != 0;
}

/* What was found by looking is known from now on. */
static int note_found(struct restore *r, const struct want *w, struct err *e)
{
	const struct store_journal_row row = {
		w->generation, w->uid, STORE_JOURNAL_DONE, r->uidvalidity, w->at};
	return r->options->dry_run ? 0
				   : store_journal_write(r->store, buf_slice(&r->who),
					     buf_slice(&r->wire), &row, 1, e);
}

static int match_by_content(struct listing *l, struct err *e)
{
	struct restore *r = l->r;
	bool any = false;
	for (size_t i = 0; i < r->nwant; i++)
		if (r->want[i].state == WANT_OPEN && has_candidate(l, &r->want[i])) {
			(void)each_candidate(l, &r->want[i], mark, NULL);
			any = true;
		}
	if (!any)
		return 0;
	if (hash_candidates(l, e) != 0)
		return -1;
	for (size_t i = 0; i < r->nwant; i++) {
		struct want *w = &r->want[i];
		if (w->state != WANT_OPEN || !has_candidate(l, w))
			continue;
		int found = match_one(l, w, e);
		if (found < 0 || (found > 0 && note_found(r, w, e) != 0))
			return -1;
	}
	return 0;
}

static bool any_open(const struct restore *r)
{
	for (size_t i = 0; i < r->nwant; i++)
		if (r->want[i].state == WANT_OPEN)
			return true;
	return false;
}

int match_wants(struct restore *r, struct err *e)
{
	struct listing l = {.r = r};
	const imap4_selected *box = imap4_selected_mailbox(r->dial.session);
	if (r->nwant > 0)
		qsort(r->want, r->nwant, sizeof *r->want, by_number);
	if (box == NULL || box->exists == 0 || !any_open(r))
		return 0;
	int rc = read_list(&l, 1, e);
	if (rc == 0)
		rc = store_journal_read(
			r->store, buf_slice(&r->who), buf_slice(&r->wire), take_row, &l, e);
	if (rc == 0)
		rc = match_by_content(&l, e);
	listing_release(&l);
	return rc;
}

/* For the time of the call, what was sent is as if its outcome were unknown. */
int match_learn(struct restore *r, struct err *e)
{
	struct listing l = {.r = r};
	bool any = false;
	for (size_t i = 0; i < r->nwant; i++)
		any = any || (r->want[i].state == WANT_SENT && r->want[i].at == 0);
	if (!any)
		return 0;
	int rc = read_list(&l, r->uidnext != 0 ? r->uidnext : 1, e);
	for (size_t i = 0; i < r->nwant; i++) {
		struct want *w = &r->want[i];
		if (w->state != WANT_SENT || w->at != 0)
			continue;
		w->state = WANT_OPEN;
		w->maybe = true;
		w->from = r->uidnext;
		w->deaths = UINT32_MAX; /* the mark of those that are put back below */
	}
	if (rc == 0)
		rc = match_by_content(&l, e);
	for (size_t i = 0; i < r->nwant; i++)
		if (r->want[i].deaths == UINT32_MAX) {
			r->want[i].deaths = 0;
			r->want[i].state = WANT_SENT;
		}
	listing_release(&l);
	return rc;
}

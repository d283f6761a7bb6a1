/* SPDX-License-Identifier: MIT */
/*
 * restore_match.c -- which of the wanted messages the target has already.
 *
 *   1  the target's messages are listed with size and date
 *   2  a message whose UID the journal knows is there when that UID is
 *   3  of others, those with the same size and INTERNALDATE are candidates; after an upload with unknown outcome also
 *      those that came since, whatever their date or size (servers change both)
 *   4  the candidates' headers are fetched; the same SHA-256 makes it the same message
 *   5  unless several are alike so far, here or there, or the size alone differs, as when the server changed line ends:
 *      then the bytes decide
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
	size_t claims; /* wanted messages that it may be, by all but the bytes */
	bool tied;
	struct content *content; /* when tied */
};

struct listing {
	struct restore *r;
	struct there *at; /* by UID */
	size_t n, cap;
	size_t *by_date; /* indices, by date and UID */
	bool messages;	 /* they are being fetched, else headers */
};

static void listing_release(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].content);
	free(l->at);
	free(l->by_date);
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
	imap4_session *s = l->r->link.dial.session;
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
	bool same = row->uidvalidity == r->link.uidvalidity;
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

static bool same_size(const struct want *w, const struct there *t)
{
	return t->size == w->size || (w->claimed != 0 && t->size == w->claimed);
}

/* A line end at most for each octet. */
static bool may_have_grown(const struct want *w, const struct there *t)
{
	return t->size > w->size && t->size / 2 <= w->size;
}

static bool may_be(const struct want *w, const struct there *t)
{
	if (t->used)
		return false;
	bool date = w->date.valid && t->dated && t->secs == w->date.secs;
	if (w->maybe)
		return date || (w->from != 0 && t->uid >= w->from);
	return date ? same_size(w, t) || may_have_grown(w, t) : same_size(w, t) && !w->date.valid;
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
static int each_candidate(
	struct listing *l, const struct want *w, int (*fn)(struct there *t, void *ctx), void *ctx)
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

static int mark(struct there *t, void *ctx)
{
	(void)ctx;
	t->candidate = true;
	return 0;
}

/* ---- headers, and messages that are alike ----------------------------------------------------------- */

static int on_hash(void *ctx, uint32_t uid, const struct content *c, struct err *e)
{
	struct listing *l = ctx;
	const struct there key = {.uid = uid};
	struct there *t = l->n > 0 ? bsearch(&key, l->at, l->n, sizeof *t, by_uid) : NULL;
	if (t != NULL && !l->messages) {
		memcpy(t->header, c->exact, SHA256_LEN);
		t->hashed = true;
	} else if (t != NULL && t->content == NULL) {
		t->content = malloc(sizeof *t->content);
		if (t->content == NULL)
			return err_nomem(e, "comparing messages");
		*t->content = *c;
	}
	return 0;
}

static bool is_due(const struct listing *l, const struct there *t)
{
	return l->messages ? t->tied && t->content == NULL : t->candidate && !t->hashed;
}

static int fetch_due(struct listing *l, struct err *e)
{
	struct uidset set = UIDSET_INIT;
	int rc = 0;
	for (size_t i = 0, waiting = 0; i < l->n && rc == 0; i++) {
		if (is_due(l, &l->at[i])) {
			rc = uidset_add(&set, l->at[i].uid, e);
			waiting++;
		}
		if (rc == 0 && waiting > 0 && (waiting == SYNC_HEADERS_BATCH || i + 1 == l->n)) {
			rc = fetch_hashes(l->r, &set, l->messages, on_hash, l, e);
			uidset_clear(&set);
			waiting = 0;
		}
	}
	uidset_release(&set);
	return rc;
}

static int hash_candidates(struct listing *l, struct err *e)
{
	l->messages = false;
	return fetch_due(l, e);
}

/* ---- which one ------------------------------------------------------------------------------------- */

/* A wanted message that has candidates. */
struct claim {
	struct want *w;
	unsigned char header[SHA256_LEN];
	size_t n; /* candidates with this header */
	bool tied;
	struct content content; /* when tied */
	const unsigned char *exact,
		*loose; /* what is asked for at the moment; NULL: the header is enough */
};

static bool same_header(const struct there *t, const struct claim *c)
{
	return t->hashed && memcmp(t->header, c->header, SHA256_LEN) == 0;
}

static int count_claim(struct there *t, void *ctx)
{
	struct claim *c = ctx;
	if (same_header(t, c)) {
		t->claims++;
		c->n++;
	}
	return 0;
}

static int mark_tie(struct there *t, void *ctx)
{
	struct claim *c = ctx;
	bool doubt = t->claims > 1 || c->n > 1 || (!c->w->maybe && !same_size(c->w, t));
	if (same_header(t, c) && doubt)
		t->tied = c->tied = true;
	return 0;
}

static int choose(struct there *t, void *ctx)
{
	struct claim *c = ctx;
	if (!same_header(t, c))
		return 0;
	if (c->exact != NULL &&
		(t->content == NULL || memcmp(t->content->exact, c->exact, SHA256_LEN) != 0))
		return 0;
	/* What the server does not let us see may be it: rather nothing twice. */
	if (c->loose != NULL && t->content != NULL &&
		memcmp(t->content->loose, c->loose, SHA256_LEN) != 0)
		return 0;
	t->used = true;
	c->w->at = t->uid;
	c->w->state = WANT_PRESENT;
	return 1;
}

/* A message that cannot be read cannot be sent either, and is named then. */
static int forgive(struct err *e)
{
	if (e->scope > ERR_MESSAGE)
		return -1;
	err_clear(e);
	return 0;
}

/* The bytes of all that are alike so far, there and here. */
static int weigh(struct listing *l, struct claim *claim, size_t n, struct err *e)
{
	bool any = false;
	for (size_t i = 0; i < n; i++)
		(void)each_candidate(l, claim[i].w, count_claim, &claim[i]);
	for (size_t i = 0; i < n; i++) {
		(void)each_candidate(l, claim[i].w, mark_tie, &claim[i]);
		any = any || claim[i].tied;
	}
	if (!any)
		return 0;
	struct content_hash hash;
	int rc = content_hash_init(&hash, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct want *w = claim[i].w;
		if (claim[i].tied &&
			content_of(&hash, l->r->origin, w->generation, w->uid, &claim[i].content,
				e) != 0)
			rc = forgive(e);
	}
	content_hash_release(&hash);
	l->messages = true;
	return rc == 0 ? fetch_due(l, e) : -1;
}

/* ---- all together ---------------------------------------------------------------------------------- */

static int is_one(struct there *t, void *ctx)
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
		w->generation, w->uid, STORE_JOURNAL_DONE, r->link.uidvalidity, w->at};
	return r->origin->journal_write == NULL
		? 0
		: r->origin->journal_write(
			  r->origin, buf_slice(&r->who), buf_slice(&r->wire), &row, 1, e);
}

static int take_claim(struct listing *l, struct claim *c, struct err *e)
{
	if (c->w->state != WANT_OPEN || each_candidate(l, c->w, choose, c) == 0)
		return 0;
	return note_found(l->r, c->w, e);
}

/* Of those that are alike, first the ones with the very bytes, then what the server may have made of them. */
static int take_claims(struct listing *l, struct claim *claim, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		claim[i].exact = claim[i].tied ? claim[i].content.exact : NULL;
		if (claim[i].tied && take_claim(l, &claim[i], e) != 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		claim[i].exact = NULL;
		claim[i].loose = claim[i].tied ? claim[i].content.loose : NULL;
		if (take_claim(l, &claim[i], e) != 0)
			return -1;
	}
	return 0;
}

/* *n: how many there are; those whose header cannot be read are left out. */
static int make_claims(struct listing *l, struct claim *claim, size_t *n, struct err *e)
{
	struct restore *r = l->r;
	*n = 0;
	for (size_t i = 0; i < r->nwant; i++) {
		struct want *w = &r->want[i];
		struct claim *c = &claim[*n];
		if (w->state != WANT_OPEN || !has_candidate(l, w))
			continue;
		c->w = w;
		if (origin_header_hash(r->origin, w->generation, w->uid, c->header, e) == 0)
			++*n;
		else if (forgive(e) != 0)
			return -1;
	}
	return 0;
}

static int match_by_content(struct listing *l, struct err *e)
{
	struct restore *r = l->r;
	size_t n = 0;
	for (size_t i = 0; i < r->nwant; i++)
		if (r->want[i].state == WANT_OPEN && has_candidate(l, &r->want[i])) {
			(void)each_candidate(l, &r->want[i], mark, NULL);
			n++;
		}
	if (n == 0)
		return 0;
	struct claim *claim = calloc(n, sizeof *claim);
	if (claim == NULL)
		return err_nomem(e, "the messages of a folder");
	int rc = hash_candidates(l, e);
	if (rc == 0)
		rc = make_claims(l, claim, &n, e);
	if (rc == 0)
		rc = weigh(l, claim, n, e);
	if (rc == 0)
		rc = take_claims(l, claim, n, e);
	free(claim);
	return rc;
}

static bool any_open(const struct restore *r)
{
	for (size_t i = 0; i < r->nwant; i++)
		if (r->want[i].state == WANT_OPEN)
			return true;
	return false;
}

/* What is remembered of UIDs is worth nothing under another UIDVALIDITY. */
static void forget_other_uids(struct restore *r)
{
	for (size_t i = 0; i < r->nwant; i++)
		if (r->want[i].within != r->link.uidvalidity)
			r->want[i].from = 0;
}

int match_wants(struct restore *r, struct err *e)
{
	struct listing l = {.r = r};
	const imap4_selected *box = imap4_selected_mailbox(r->link.dial.session);
	if (r->nwant > 0)
		qsort(r->want, r->nwant, sizeof *r->want, by_number);
	if (box == NULL || box->exists == 0 || !any_open(r))
		return 0;
	int rc = read_list(&l, 1, e);
	if (rc == 0 && r->origin->journal_read != NULL)
		rc = r->origin->journal_read(
			r->origin, buf_slice(&r->who), buf_slice(&r->wire), take_row, &l, e);
	if (r->origin->journal_read == NULL)
		forget_other_uids(r);
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
	int rc = read_list(&l, r->new_from != 0 ? r->new_from : 1, e);
	for (size_t i = 0; i < r->nwant; i++) {
		struct want *w = &r->want[i];
		if (w->state != WANT_SENT || w->at != 0)
			continue;
		w->state = WANT_OPEN;
		w->maybe = true;
		w->from = r->new_from;
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

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
#include "core/sync/restore_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/sync/restore_fetch.h"

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

struct matching {
	struct restore_folder *f;
	bool learning; /* what was sent, else what is there before that */
	struct listing list;
	struct hash_fetch fetch;
	struct uidset set; /* being fetched */
	size_t next;	   /* in the list, to be fetched */
	bool messages;	   /* they are fetched, else headers */
	struct claim *claim;
	size_t nclaims;
};

/* Of the folder's messages those that are to be found. */
static bool is_sought(const struct matching *m, const struct want *w)
{
	return m->learning ? w->learning : w->state == WANT_OPEN;
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
	struct matching *m = ctx;
	struct restore_folder *f = m->f;
	const struct want key = {.generation = row->generation, .uid = row->uid};
	struct want *w = bsearch(&key, f->want, f->nwant, sizeof *w, by_number);
	if (w == NULL || w->state != WANT_OPEN || row->state == STORE_JOURNAL_REFUSED)
		return 0;
	bool same = row->uidvalidity == f->uidvalidity;
	struct there *t = NULL;
	if (row->state == STORE_JOURNAL_DONE && same && row->appended_uid != 0)
		t = listing_find(&m->list, row->appended_uid);
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

/* What is remembered of UIDs is worth nothing under another UIDVALIDITY. */
static void forget_other_uids(struct restore_folder *f)
{
	for (size_t i = 0; i < f->nwant; i++)
		if (f->want[i].within != f->uidvalidity)
			f->want[i].from = 0;
}

static int ask_journal(struct matching *m, struct err *e)
{
	struct restore_folder *f = m->f;
	struct restore_origin *o = f->r->origin;
	if (o->journal_read != NULL)
		return o->journal_read(
			o, buf_slice(&f->r->who), buf_slice(&f->wire), take_row, m, e);
	forget_other_uids(f);
	return 0;
}

/* What was found by looking is known from now on. */
static int note_found(struct restore_folder *f, const struct want *w, struct err *e)
{
	struct restore_origin *o = f->r->origin;
	const struct store_journal_row row = {
		w->generation, w->uid, STORE_JOURNAL_DONE, f->uidvalidity, w->at};
	return o->journal_write == NULL ? 0
					: o->journal_write(o, buf_slice(&f->r->who),
						  buf_slice(&f->wire), &row, 1, false, e);
}

/* ---- fetching hashes ------------------------------------------------------------------------------- */

static int on_hash(void *ctx, const imap4_message *got, const struct content *c, struct err *e)
{
	struct matching *m = ctx;
	struct there *t = listing_find(&m->list, got->uid);
	if (t != NULL && !m->messages) {
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

static bool is_due(const struct matching *m, const struct there *t)
{
	return m->messages ? t->tied && t->content == NULL : t->candidate && !t->hashed;
}

/* The next of those that are due, all of which are asked for once. 1: that was all, 0, -1. */
static int fetch_due(struct matching *m, struct err *e)
{
	struct restore_folder *f = m->f;
	for (;;) {
		int rc = f->cmd != NULL ? hash_fetch_done(&m->fetch, f, e) : 1;
		if (rc <= 0)
			return rc;
		uidset_clear(&m->set);
		for (size_t n = 0; m->next < m->list.n && n < SYNC_HEADERS_BATCH; m->next++) {
			const struct there *t = &m->list.at[m->next];
			if (is_due(m, t) && uidset_add(&m->set, t->uid, e) != 0)
				return -1;
			n += is_due(m, t);
		}
		if (uidset_is_empty(&m->set))
			return 1;
		const char *items = m->messages ? "UID BODY.PEEK[]" : "UID BODY.PEEK[HEADER]";
		if (hash_fetch_start(&m->fetch, f, &m->set, items, m->messages, e) != 0)
			return -1;
	}
}

/* ---- which one ------------------------------------------------------------------------------------- */

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
	bool doubt = t->claims > 1 || c->n > 1 || (!c->w->maybe && !listing_same_size(c->w, t));
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

/* Which of them are alike so far, there and here; and the bytes of those here. *any: there are some. */
static int weigh(struct matching *m, bool *any, struct err *e)
{
	struct content_hash hash = {NULL, NULL, NULL};
	*any = false;
	for (size_t i = 0; i < m->nclaims; i++)
		(void)listing_candidates(&m->list, m->claim[i].w, count_claim, &m->claim[i]);
	for (size_t i = 0; i < m->nclaims; i++) {
		(void)listing_candidates(&m->list, m->claim[i].w, mark_tie, &m->claim[i]);
		*any = *any || m->claim[i].tied;
	}
	if (!*any)
		return 0;
	int rc = content_hash_init(&hash, e);
	for (size_t i = 0; i < m->nclaims && rc == 0; i++) {
		struct claim *c = &m->claim[i];
		if (c->tied &&
			content_of(&hash, m->f->r->origin, c->w->generation, c->w->uid, &c->content,
				e) != 0)
			rc = forgive(e);
	}
	content_hash_release(&hash);
	return rc;
}

static int take_claim(struct matching *m, struct claim *c, struct err *e)
{
	if (c->w->at != 0 || listing_candidates(&m->list, c->w, choose, c) == 0)
		return 0;
	if (!m->learning)
		c->w->state = WANT_PRESENT;
	return note_found(m->f, c->w, e);
}

/* Of those that are alike, first the ones with the very bytes, then what the server may have made of them. */
static int take_claims(struct matching *m, struct err *e)
{
	for (size_t i = 0; i < m->nclaims; i++) {
		struct claim *c = &m->claim[i];
		c->exact = c->tied ? c->content.exact : NULL;
		if (c->tied && take_claim(m, c, e) != 0)
			return -1;
	}
	for (size_t i = 0; i < m->nclaims; i++) {
		struct claim *c = &m->claim[i];
		c->exact = NULL;
		c->loose = c->tied ? c->content.loose : NULL;
		if (take_claim(m, c, e) != 0)
			return -1;
	}
	return 0;
}

static int is_one(struct there *t, void *ctx)
{
	(void)t;
	(void)ctx;
	return 1;
}

static int mark(struct there *t, void *ctx)
{
	(void)ctx;
	t->candidate = true;
	return 0;
}

static bool has_candidate(struct matching *m, const struct want *w)
{
	return is_sought(m, w) && listing_candidates(&m->list, w, is_one, NULL) != 0;
}

/* Those whose header cannot be read are left out. */
static int make_claims(struct matching *m, struct err *e)
{
	struct restore_folder *f = m->f;
	for (size_t i = 0; i < f->nwant; i++) {
		struct want *w = &f->want[i];
		struct claim *c = &m->claim[m->nclaims];
		if (!has_candidate(m, w))
			continue;
		c->w = w;
		if (origin_header_hash(f->r->origin, w->generation, w->uid, c->header, e) == 0)
			m->nclaims++;
		else if (forgive(e) != 0)
			return -1;
	}
	return 0;
}

/* ---- steps ----------------------------------------------------------------------------------------- */

static int finish(struct matching *m)
{
	struct restore_folder *f = m->f;
	bool dry = f->r->options->dry_run;
	f->step = m->learning ? folder_known : dry ? folder_sent : send_wants;
	matching_free(f);
	return 1;
}

static int match_bodies(struct restore_folder *f, struct err *e)
{
	struct matching *m = f->matching;
	int rc = fetch_due(m, e);
	if (rc <= 0)
		return rc;
	return take_claims(m, e) == 0 ? finish(m) : -1;
}

static int match_headers(struct restore_folder *f, struct err *e)
{
	struct matching *m = f->matching;
	bool any;
	int rc = fetch_due(m, e);
	if (rc <= 0)
		return rc;
	if (make_claims(m, e) != 0 || weigh(m, &any, e) != 0)
		return -1;
	m->next = any ? 0 : m->list.n;
	m->messages = true;
	f->step = match_bodies;
	return 1;
}

static int match_by_content(struct matching *m, struct err *e)
{
	struct restore_folder *f = m->f;
	size_t n = 0;
	for (size_t i = 0; i < f->nwant; i++)
		if (has_candidate(m, &f->want[i])) {
			(void)listing_candidates(&m->list, &f->want[i], mark, NULL);
			n++;
		}
	if (n == 0)
		return finish(m);
	m->claim = calloc(n, sizeof *m->claim);
	if (m->claim == NULL)
		return err_nomem(e, "the messages of a folder");
	f->step = match_headers;
	return 1;
}

/* Messages whose place is known are no candidates for others. */
static void set_apart_known(struct matching *m)
{
	for (size_t i = 0; i < m->f->nwant; i++) {
		const struct want *w = &m->f->want[i];
		struct there *t = w->at != 0 ? listing_find(&m->list, w->at) : NULL;
		if (t != NULL)
			t->used = true;
	}
}

static int match_listed(struct restore_folder *f, struct err *e)
{
	struct matching *m = f->matching;
	/* Taken as they come: what waits in the library takes ten times the room. */
	if (f->cmd != NULL && listing_take(&m->list, f->cmd, e) != 0)
		return -1;
	int rc = restore_done(f, ERR_MAILBOX, "UID FETCH", e);
	if (rc <= 0)
		return rc;
	rc = listing_take(&m->list, f->cmd, e);
	restore_drop(f);
	if (rc != 0 || listing_sort(&m->list, e) != 0)
		return -1;
	set_apart_known(m);
	if (!m->learning && ask_journal(m, e) != 0)
		return -1;
	return match_by_content(m, e);
}

static int begin(struct restore_folder *f, bool learning, uint32_t from, struct err *e)
{
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = from};
	struct matching *m = calloc(1, sizeof *m);
	if (m == NULL)
		return err_nomem(e, "the list of messages");
	m->f = f;
	m->learning = learning;
	f->matching = m;
	if (hash_fetch_init(&m->fetch, on_hash, m, e) != 0)
		return -1;
	f->cmd = imap4_fetch_start(restore_session(f), NULL, "UID RFC822.SIZE INTERNALDATE", &o);
	f->step = match_listed;
	return 1;
}

void matching_free(struct restore_folder *f)
{
	struct matching *m = f->matching;
	f->matching = NULL;
	if (m == NULL)
		return;
	for (size_t i = 0; i < f->nwant && m->learning; i++)
		f->want[i].learning = false;
	hash_fetch_release(&m->fetch);
	listing_release(&m->list);
	uidset_release(&m->set);
	free(m->claim);
	free(m);
}

static bool any_open(const struct restore_folder *f)
{
	for (size_t i = 0; i < f->nwant; i++)
		if (f->want[i].state == WANT_OPEN)
			return true;
	return false;
}

int match_wants(struct restore_folder *f, struct err *e)
{
	const imap4_selected *box = imap4_selected_mailbox(restore_session(f));
	if (f->nwant > 0)
		qsort(f->want, f->nwant, sizeof *f->want, by_number);
	if (box != NULL && box->exists > 0 && any_open(f))
		return begin(f, false, 1, e);
	f->step = f->r->options->dry_run ? folder_sent : send_wants;
	return 1;
}

/* For the time being, what was sent is as if its outcome were unknown. */
int match_learn(struct restore_folder *f, struct err *e)
{
	bool any = false;
	for (size_t i = 0; i < f->nwant; i++) {
		struct want *w = &f->want[i];
		if (w->state != WANT_SENT || w->at != 0)
			continue;
		any = w->learning = w->maybe = true;
		w->from = f->new_from;
	}
	if (any)
		return begin(f, true, f->new_from != 0 ? f->new_from : 1, e);
	f->step = folder_known;
	return 1;
}

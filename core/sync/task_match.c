/* SPDX-License-Identifier: MIT */
/*
 * task_match.c -- after a change of UIDVALIDITY: which of the "new" messages does the archive have
 * already?
 *
 *   1  the wanted UIDs are listed with date, size and object id
 * 2  a candidate is the only one on both sides with its EMAILID, or with its size and INTERNALDATE
 * 3  the first few candidates are fetched whole all the same; if one is not what the archive has,
 * servers or
 *      guesses are wrong here, and everything is fetched
 *   4  the other candidates' headers are fetched; the same SHA-256 of the header makes a link
 *
 * The candidates wait in `held` meanwhile; whatever is not linked goes back to what is wanted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/connect.h"
#include "core/sync/match.h"

static int after_metas(struct task *t, struct err *e);
static int start_headers(struct task *t, struct err *e);
static int after_headers(struct task *t, struct err *e);

void match_free(struct match *m)
{
	if (m == NULL)
		return;
	free(m->now.at);
	free(m->old.at);
	free(m->pair);
	uidset_release(&m->held);
	uidset_release(&m->sample);
	uidset_release(&m->right);
	uidset_release(&m->asked);
	free(m);
}

bool match_is_young(const struct match *m)
{
	return m->pair == NULL;
}

int match_lost(struct task *t, struct err *e)
{
	struct match *m = t->match;
	m->body = m->whole = false;
	if (uidset_unite(&t->want, &m->asked, e) != 0)
		return -1;
	uidset_clear(&m->asked);
	return 0;
}

/* ---- both sides ------------------------------------------------------------------------------ */

/* FNV-1a; a collision only makes a candidate that its header then refutes. */
static uint64_t id_of(struct slice s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * UINT64_C(0x100000001b3);
	return s.n == 0 ? 0 : h | 1;
}

static int add_entry(struct entries *list, const struct entry *x, struct err *e)
{
	if (list->n >= SYNC_MATCH_MAX)
		return 0; /* those beyond are simply fetched */
	if (list->n == list->cap) {
		size_t more = list->cap > 0 ? list->cap * 2 : 256;
		struct entry *grown = realloc(list->at, more * sizeof *grown);
		if (grown == NULL)
			return err_nomem(e, "matching messages");
		list->at = grown;
		list->cap = more;
	}
	list->at[list->n++] = *x;
	return 0;
}

struct old_ctx {
	struct entries *list;
	struct err *e;
};

static int add_old(void *ctx, const struct store_record *r)
{
	struct old_ctx *c = ctx;
	const struct entry x = {.id = id_of(r->email_id),
		.size = r->size_claimed != 0 ? r->size_claimed : r->size_wire,
		.secs = r->date.secs,
		.uid = r->uid,
		.dated = r->date.valid};
	return r->has_file ? add_entry(c->list, &x, c->e) : 0;
}

int match_new(struct task *t, struct err *e)
{
	struct match *m = calloc(1, sizeof *m);
	if (m == NULL)
		return err_nomem(e, "matching messages");
	match_free(t->match);
	t->match = m;
	m->task = t;
	return t->hash != NULL || (t->hash = sha256_new(e)) != NULL ? 0 : -1;
}

int task_match(struct task *t, struct err *e)
{
	char items[120];
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	if (match_new(t, e) != 0)
		return -1;
	struct old_ctx c = {&t->match->old, e};
	if (store_records(t->job->store, t->previous, NULL, add_old, &c, e) != 0)
		return -1;
	snprintf(items, sizeof items, "UID INTERNALDATE RFC822.SIZE%s", task_id_items(t));
	t->cmd = imap4_fetch_start(t->session, &t->want, items, &o);
	if (t->cmd == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	t->step = after_metas;
	return 0;
}

static int take_metas(struct task *t, struct err *e)
{
	const imap4_data *d;
	while ((d = imap4_cmd_next(t->cmd)) != NULL) {
		const imap4_message *msg = imap4_data_message(d);
		if (msg == NULL || (msg->have & IMAP4_MSG_UID) == 0 ||
			!uidset_has(&t->want, msg->uid))
			continue;
		const struct store_meta meta = task_meta(t, msg);
		const struct entry x = {.id = id_of(meta.email_id),
			.size = meta.size_claimed,
			.secs = meta.date.secs,
			.uid = msg->uid,
			.dated = meta.date.valid && (msg->have & IMAP4_MSG_SIZE)};
		if (add_entry(&t->match->now, &x, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- candidates ------------------------------------------------------------------------------ */

typedef int entry_order(const void *a, const void *b);

static int by_id(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_size_and_date(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->dated != y->dated)
		return x->dated ? 1 : -1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->secs < y->secs ? -1 : x->secs > y->secs;
}

static size_t run_of_equals(const struct entries *l, size_t i, entry_order *order)
{
	size_t n = 1;
	while (i + n < l->n && order(&l->at[i], &l->at[i + n]) == 0)
		n++;
	return n;
}

static bool has_key(const struct entry *x, entry_order *order)
{
	return !x->paired && (order == by_id ? x->id != 0 : x->dated);
}

/* Pair those whose key is the only one on both sides. Paired ones still count as equals of
 * others, so that nothing becomes unique by having a twin taken away. */
static void pair_by(struct match *m, entry_order *order)
{
	if (m->now.n == 0 || m->old.n == 0)
		return;
	qsort(m->now.at, m->now.n, sizeof *m->now.at, order);
	qsort(m->old.at, m->old.n, sizeof *m->old.at, order);
	for (size_t i = 0, k = 0; i < m->now.n && k < m->old.n;) {
		struct entry *x = &m->now.at[i], *y = &m->old.at[k];
		int o = order(x, y);
		size_t nx = o <= 0 ? run_of_equals(&m->now, i, order) : 0;
		size_t ny = o >= 0 ? run_of_equals(&m->old, k, order) : 0;
		if (nx == 1 && ny == 1 && has_key(x, order) && has_key(y, order)) {
			m->pair[m->npairs++] = (struct pair){x->uid, y->uid, m->task->previous};
			x->paired = y->paired = true;
		}
		i += nx;
		k += ny;
	}
}

static int by_uid(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static const struct pair *find_pair(const struct match *m, uint32_t uid)
{
	const struct pair key = {uid, 0, 0};
	return m->npairs > 0 ? bsearch(&key, m->pair, m->npairs, sizeof *m->pair, by_uid) : NULL;
}

static int find_candidates(struct match *m, struct err *e)
{
	m->pair = calloc(m->now.n + 1, sizeof *m->pair);
	if (m->pair == NULL)
		return err_nomem(e, "matching messages");
	pair_by(m, by_id);
	pair_by(m, by_size_and_date);
	if (m->npairs > 0)
		qsort(m->pair, m->npairs, sizeof *m->pair, by_uid);
	for (size_t i = 0; i < m->npairs; i++)
		if (uidset_add(&m->held, m->pair[i].uid, e) != 0)
			return -1;
	free(m->now.at);
	free(m->old.at);
	memset(&m->now, 0, sizeof m->now);
	memset(&m->old, 0, sizeof m->old);
	return uidset_take_low(&m->held, SYNC_SAMPLE, &m->sample, e);
}

int match_give_up(struct task *t, struct err *e)
{
	int rc = uidset_unite(&t->want, &t->match->held, e);
	match_free(t->match);
	t->match = NULL;
	t->step = task_fetch;
	return rc == 0 ? 1 : -1;
}

static int after_metas(struct task *t, struct err *e)
{
	struct match *m = t->match;
	if (take_metas(t, e) != 0)
		return -1;
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	task_drop(&t->cmd);
	if (rc < 0) {
		if (e->scope > ERR_MAILBOX || t->pause_ms > 0)
			return -1;
		err_clear(e);
		return match_give_up(t, e);
	}
	if (find_candidates(m, e) != 0)
		return -1;
	if (m->npairs == 0)
		return match_give_up(t, e);
	if (uidset_subtract(&t->want, &m->held, e) != 0)
		return -1;
	t->step = task_fetch;
	return 1;
}

/* ---- the sample ------------------------------------------------------------------------------ */

static int copy_hash(void *ctx, const struct store_record *r)
{
	memcpy(ctx, r->sha256, SHA256_LEN);
	return 1;
}

int match_check(struct task *t, uint32_t uid, const unsigned char sha256[SHA256_LEN], struct err *e)
{
	struct match *m = t->match;
	unsigned char old[SHA256_LEN];
	struct uidset which = UIDSET_INIT;
	if (!uidset_has(&m->sample, uid))
		return 0;
	const struct pair *p = find_pair(m, uid);
	if (p == NULL)
		return 0;
	int rc = uidset_add(&which, p->old_uid, e);
	if (rc == 0)
		rc = store_records(t->job->store, p->from, &which, copy_hash, old, e);
	uidset_release(&which);
	if (rc < 0)
		return -1;
	if (rc == 1 && memcmp(old, sha256, SHA256_LEN) == 0)
		return uidset_add(&m->right, uid, e);
	m->wrong = true;
	return 0;
}

/* Nothing is left to be fetched. The whole sample must have come and be right. */
int match_settle(struct task *t, struct err *e)
{
	struct match *m = t->match;
	if (m->by_id)
		return known_settle(t, e);
	if (m->wrong)
		task_odd(t, "messages that look the same as before differ; all are fetched again");
	if (!uidset_equal(&m->sample, &m->right) || uidset_is_empty(&m->held))
		return match_give_up(t, e);
	return start_headers(t, e);
}

/* ---- headers --------------------------------------------------------------------------------- */

static int header_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct match *m = ctx;
	struct err e = ERR_INIT;
	(void)so_far;
	(void)size;
	if (err_is_set(&m->task->sink_err))
		return -1;
	if (section.len == 0 || m->body)
		return IMAP4_SINK_SKIP;
	m->body = true;
	if (sha256_begin(m->task->hash, &e) != 0) {
		m->task->sink_err = e;
		return -1;
	}
	return IMAP4_SINK_TAKE;
}

static int header_data(void *ctx, const void *p, size_t n)
{
	struct match *m = ctx;
	struct err e = ERR_INIT;
	if (sha256_add(m->task->hash, p, n, &e) == 0)
		return 0;
	m->task->sink_err = e;
	return -1;
}

static int header_end(void *ctx, int complete)
{
	struct match *m = ctx;
	struct err e = ERR_INIT;
	m->whole = complete != 0;
	if (sha256_end(m->task->hash, m->digest, &e) == 0)
		return 0;
	m->task->sink_err = e;
	return -1;
}

int match_link(
	struct task *t, const imap4_message *msg, int64_t from, uint32_t from_uid, struct err *e)
{
	int rc = task_flags(t, msg, e);
	if (rc == 0) {
		const struct store_meta meta = task_meta(t, msg);
		rc = store_message_link(t->generation, &meta, from, from_uid, e);
	}
	if (rc != 0) {
		if (e->scope > ERR_MESSAGE)
			return -1;
		err_clear(e);
		return 0;
	}
	t->linked++;
	t->job->report->messages_linked++;
	return 1;
}

/* 0 with the message linked, or left in held/want; -1: *e. */
static int link_one(struct task *t, const imap4_message *msg, struct err *e)
{
	struct match *m = t->match;
	unsigned char old[SHA256_LEN];
	const struct pair *p = find_pair(m, msg->uid);
	if (p == NULL)
		return 0;
	if (store_message_header_hash(t->job->store, p->from, p->old_uid, old, e) != 0) {
		if (e->scope > ERR_MESSAGE)
			return -1;
		err_clear(e);
		return 0;
	}
	if (memcmp(old, m->digest, SHA256_LEN) != 0)
		return 0;
	int rc = match_link(t, msg, p->from, p->old_uid, e);
	if (rc <= 0)
		return rc;
	t->job->progress.messages_done++;
	return uidset_remove_range(&m->asked, msg->uid, msg->uid, e);
}

static int header_done(void *ctx, const imap4_message *msg)
{
	struct match *m = ctx;
	struct task *t = m->task;
	struct err e = ERR_INIT;
	const uint32_t needed = IMAP4_MSG_UID | IMAP4_MSG_FLAGS;
	bool usable = m->body && m->whole;
	m->body = m->whole = false;
	if (err_is_set(&t->sink_err))
		return -1;
	if (!usable || (msg->have & needed) != needed || !uidset_has(&m->asked, msg->uid))
		return 0;
	if (link_one(t, msg, &e) == 0)
		return 0;
	t->sink_err = e;
	return -1;
}

static int start_headers(struct task *t, struct err *e)
{
	struct match *m = t->match;
	char items[160];
	m->sink = (imap4_sink){.ctx = m,
		.begin = header_begin,
		.data = header_data,
		.end = header_end,
		.done = header_done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &m->sink};
	if (uidset_is_empty(&m->held))
		return match_give_up(t, e);
	if (uidset_take_low(&m->held, SYNC_HEADERS_BATCH, &m->asked, e) != 0)
		return -1;
	snprintf(items, sizeof items, "UID FLAGS INTERNALDATE RFC822.SIZE%s BODY.PEEK[HEADER]",
		task_id_items(t));
	m->body = m->whole = false;
	t->cmd = imap4_fetch_start(t->session, &m->asked, items, &o);
	if (t->cmd == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	t->step = after_headers;
	return 0;
}

static int after_headers(struct task *t, struct err *e)
{
	struct match *m = t->match;
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	if (err_is_set(&t->sink_err)) {
		*e = t->sink_err;
		return -1;
	}
	task_drop(&t->cmd);
	/* Whatever was not linked is fetched whole. */
	struct err why = *e;
	if (uidset_unite(&t->want, &m->asked, e) != 0)
		return -1;
	uidset_clear(&m->asked);
	if (rc < 0) {
		*e = why;
		if (e->scope > ERR_MAILBOX || t->pause_ms > 0)
			return -1;
		err_clear(e);
		return match_give_up(t, e);
	}
	t->step = start_headers;
	return 1;
}

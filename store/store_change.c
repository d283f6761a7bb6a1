/* SPDX-License-Identifier: MIT */
/*
 * store_change.c -- what happens to messages after they were stored, or instead: other flags, a failed fetch,
 * disappearance, return.
 */
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

#define REASON_MAX 500 /* bytes kept of the reason why a fetch failed */

/* ---- flags ------------------------------------------------------------------------------------ */

static int change_flags(struct store_generation *g, uint32_t uid, struct slice flags, struct err *e)
{
	struct store *s = g->s;
	struct flags_of *known = uidset_has(&g->stored, uid) ? generation_flags(g, uid) : NULL;
	int64_t now;
	if (known == NULL)
		return err_set(
			e, ERR_MESSAGE, E_MISSING, "UID %lu is not stored", (unsigned long)uid);
	if (flagset_id(s, flags, &now, e) != 0)
		return -1;
	if (known->flagset == now)
		return 0;
	const struct renaming r = {.mailbox = g->row.mailbox,
		.generation = g->row.id,
		.from = known->flagset,
		.to = now,
		.uid = uid};
	struct pending *waiting = group_find(s, g->row.id, uid);
	if (waiting != NULL)
		waiting->flagset = now;
	else if (rename_later(s, &r, e) != 0)
		return -1;
	if (index_message_flags(s->x, g->row.id, uid, now, s->run, e) != 0)
		return -1;
	known->flagset = (uint32_t)now;
	s->group.changes++;
	return 1;
}

int store_flags_seen(struct store_generation *g, uint32_t uid, struct slice flags, struct err *e)
{
	if (store_writable(g->s, e) != 0)
		return -1;
	return store_outcome(g->s, change_flags(g, uid, flags, e), e);
}

/* ---- failed ----------------------------------------------------------------------------------- */

static int mark_failed(struct store_generation *g, uint32_t uid, const char *reason, struct err *e)
{
	struct store *s = g->s;
	bool has_file = false;
	if (uid == 0)
		return err_set(e, ERR_MESSAGE, E_INVALID, "UID 0 is not possible");
	if (uidset_has(&g->stored, uid))
		return 0;
	if (index_message_file(s->x, g->row.id, uid, &has_file, NULL, e) < 0)
		return -1;
	if (has_file)
		return 0;
	struct slice why = slice_str(reason);
	if (why.n > REASON_MAX)
		why.n = REASON_MAX;
	if (index_message_failed(s->x, g->row.id, uid, why, s->run, e) != 0 ||
		generation_move(g, uid, STORE_FAILED, e) != 0)
		return err_widen(e, ERR_STORE);
	s->group.changes++;
	return 0;
}

int store_message_failed(
	struct store_generation *g, uint32_t uid, const char *reason, struct err *e)
{
	if (store_writable(g->s, e) != 0)
		return -1;
	return store_outcome(g->s, mark_failed(g, uid, reason, e), e);
}

/* ---- gone ------------------------------------------------------------------------------------- */

/* Those of `uids` that have no row yet. */
static int find_unknown(struct store_generation *g, const struct uidset *uids,
	struct uidset *unknown, struct err *e)
{
	if (uidset_copy(unknown, uids, e) != 0 || uidset_subtract(unknown, &g->stored, e) != 0 ||
		uidset_subtract(unknown, &g->failed, e) != 0 ||
		uidset_subtract(unknown, &g->gone, e) != 0)
		return -1;
	if (uidset_count(unknown) > STORE_GONE_MAX)
		return err_set(e, ERR_MAILBOX, E_LIMIT,
			"more than %u messages are said to be gone that were never seen",
			(unsigned)STORE_GONE_MAX);
	return 0;
}

static int record_gone(struct store_generation *g, const struct uidset *uids,
	const struct uidset *unknown, struct err *e)
{
	struct store *s = g->s;
	struct uid_range r = {0, 0};
	while (uidset_range_after(uids, r.hi, &r))
		if (index_messages_gone(s->x, g->row.id, r.lo, r.hi, s->run, e) != 0)
			return -1;
	for (uint32_t uid = 0; (uid = uidset_next(unknown, uid)) != 0;)
		if (index_message_gone_insert(s->x, g->row.id, uid, s->run, e) != 0)
			return -1;
	if (uidset_subtract(&g->stored, uids, e) != 0 ||
		uidset_subtract(&g->failed, uids, e) != 0 || uidset_unite(&g->gone, uids, e) != 0)
		return err_widen(e, ERR_STORE);
	return 0;
}

int store_messages_gone(struct store_generation *g, const struct uidset *uids, struct err *e)
{
	if (store_writable(g->s, e) != 0)
		return -1;
	struct uidset unknown = UIDSET_INIT;
	int result = find_unknown(g, uids, &unknown, e);
	if (result == 0)
		result = record_gone(g, uids, &unknown, e);
	uidset_release(&unknown);
	g->s->group.changes++;
	return store_outcome(g->s, result, e);
}

/* ---- back ------------------------------------------------------------------------------------- */

struct returning {
	struct uidset with_file;
	struct err *e;
};

static int note_file(
	void *ctx, uint32_t uid, enum store_state state, int64_t flagset, bool has_file)
{
	struct returning *r = ctx;
	(void)flagset;
	return state == STORE_GONE && has_file ? uidset_add(&r->with_file, uid, r->e) : 0;
}

static int record_back(struct store_generation *g, const struct uidset *uids,
	struct returning *back, struct err *e)
{
	struct store *s = g->s;
	struct uid_range r = {0, 0};
	while (uidset_range_after(uids, r.hi, &r))
		if (index_states(s->x, g->row.id, r.lo, r.hi, note_file, back, e) != 0 ||
			index_messages_back(s->x, g->row.id, r.lo, r.hi, e) != 0)
			return -1;
	if (uidset_subtract(&g->gone, uids, e) != 0 ||
		uidset_unite(&g->stored, &back->with_file, e) != 0)
		return err_widen(e, ERR_STORE);
	return 0;
}

int store_messages_back(struct store_generation *g, const struct uidset *uids, struct err *e)
{
	if (store_writable(g->s, e) != 0)
		return -1;
	struct uidset these = UIDSET_INIT;
	struct returning back = {UIDSET_INIT, e};
	int result = uidset_copy(&these, uids, e);
	if (result == 0)
		result = uidset_intersect(&these, &g->gone, e);
	if (result == 0)
		result = record_back(g, &these, &back, e);
	uidset_release(&these);
	uidset_release(&back.with_file);
	g->s->group.changes++;
	return store_outcome(g->s, result, e);
}

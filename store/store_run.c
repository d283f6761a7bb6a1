/* SPDX-License-Identifier: MIT */
/*
 * store_run.c -- the beginning and the end of a run.
 *
 * The row of a run is on the disk before the run changes anything in the tree, and says "running" until the end is recorded. So
 * an end that was not recorded cannot be overlooked, and a run that finds nothing to do is one transaction.
 */
#include "core/base/clock.h"
#include "store/store_internal.h"

int store_run_begin(struct store *s, struct err *e)
{
	if (s->mode != STORE_WRITE || s->dead || s->run != 0)
		return err_set(e, ERR_STORE, E_STATE, "a run cannot begin now");
	int64_t id, now = clock_wall();
	int result = index_run_insert(s->x, INDEX_RUN_BACKUP, now, &id, e);
	if (result != 0) {
		index_rollback(s->x);
		return store_outcome(s, result, e);
	}
	s->run = id;
	s->run_started = now;
	s->run_recorded = false;
	return 0;
}

int run_record(struct store *s, struct err *e)
{
	if (s->run == 0 || s->run_recorded)
		return 0;
	if (index_commit(s->x, e) != 0)
		return err_widen(e, ERR_STORE);
	s->run_recorded = true;
	return 0;
}

int64_t store_run_id(const struct store *s)
{
	return s->run;
}

/* The archive could not be written, so this may fail as well; the next opening finds the run unsettled in
 * either case. */
static int record_failure(struct store *s, struct store_run *r, struct err *e)
{
	group_undo(s);
	r->result = STORE_RUN_FAILED;
	/* A run that is recorded owes nothing. */
	int result = group_settle(s, e);
	/* What was undone may have been all there was of it. */
	if (result == 0 && !s->run_recorded)
		result = index_run_insert(s->x, INDEX_RUN_BACKUP, s->run_started, &r->id, e);
	if (result == 0)
		result = index_run_finish(s->x, r, false, e);
	if (result == 0)
		result = index_commit(s->x, e);
	if (result != 0)
		index_rollback(s->x);
	return result;
}

int store_run_end(struct store *s, struct store_run *r, struct err *e)
{
	if (s->run == 0)
		return err_set(e, ERR_STORE, E_STATE, "no run of the archive is open");
	if (r->result == STORE_RUN_RUNNING)
		return err_set(e, ERR_STORE, E_INVALID, "a run cannot end as running");
	r->id = s->run;
	r->started = s->run_started;
	r->ended = clock_wall();
	int result;
	if (s->dead) {
		result = record_failure(s, r, e);
	} else {
		result = store_outcome(s, index_run_finish(s->x, r, true, e), e);
		if (result == 0)
			result = store_commit(s, e);
		if (result != 0) {
			struct store_run failed = *r;
			struct err ignored = ERR_INIT;
			failed.text = e->text;
			if (record_failure(s, &failed, &ignored) == 0)
				r->result = STORE_RUN_FAILED;
		}
	}
	s->run = 0;
	return result;
}

int store_run_last(struct store *s, enum store_result result, struct store_run *r, struct buf *text,
	struct err *e)
{
	return index_run_last(s->x, result, r, text, e);
}

/* SPDX-License-Identifier: MIT */
/*
 * store_run.c -- the beginning and the end of a run.
 *
 * The row of a run is made when the first thing is to be written. It is on the disk before the run changes anything in the
 * tree, and says "running" until the end is recorded; so an end that was not recorded cannot be overlooked. A run that finds
 * nothing new has no row (store_unchanged.h).
 */
#include "core/base/clock.h"
#include "store/store_internal.h"

int store_run_begin(struct store *s, struct err *e)
{
	if (s->mode != STORE_WRITE || s->dead || s->run != 0)
		return err_set(e, ERR_STORE, E_STATE, "a run cannot begin now");
	int result = store_outcome(s, unchanged_load(s, e), e);
	if (result != 0)
		return result;
	s->run = s->unchanged.after + 1 + (s->unchanged.count > 0);
	s->run_started = clock_wall();
	s->run_added = s->run_recorded = false;
	return 0;
}

int run_add(struct store *s, const char *kind, int64_t started, int64_t *id, struct err *e)
{
	if (unchanged_fold(s, e) != 0)
		return -1;
	return index_run_insert(s->x, kind, started, id, e);
}

int run_start(struct store *s, struct err *e)
{
	if (s->run_added)
		return 0;
	if (run_add(s, INDEX_RUN_BACKUP, s->run_started, &s->run, e) != 0)
		return store_outcome(s, err_widen(e, ERR_STORE), e);
	s->run_added = true;
	return 0;
}

int run_record(struct store *s, struct err *e)
{
	if (s->run == 0 || s->run_recorded)
		return 0;
	if (run_start(s, e) != 0 || index_commit(s->x, e) != 0)
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
	if (!s->run_recorded)
		s->run_added = s->unchanged.loaded = false;
	s->unchanged.notes = 0;
	if (result == 0)
		result = run_start(s, e);
	r->id = s->run;
	if (result == 0)
		result = index_run_finish(s->x, r, false, e);
	if (result == 0)
		result = index_commit(s->x, e);
	if (result != 0)
		index_rollback(s->x);
	return result;
}

/* Mailboxes were looked at, all is as it was, and nothing was written. */
static bool found_nothing(const struct store *s, const struct store_run *r)
{
	return !s->run_added && s->unchanged.notes > 0 && r->result == STORE_RUN_OK &&
		r->messages_new == 0 && r->bytes_new == 0 && r->messages_gone == 0 &&
		r->flags_changed == 0 && r->failed == 0;
}

static int record_end(struct store *s, struct store_run *r, struct err *e)
{
	if (run_start(s, e) != 0)
		return -1;
	r->id = s->run;
	int result = unchanged_settle(s, e);
	if (result == 0)
		result = index_run_finish(s->x, r, true, e);
	result = store_outcome(s, result, e);
	return result == 0 ? store_commit(s, e) : result;
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
	struct err no_file = ERR_INIT;
	if (s->dead) {
		result = record_failure(s, r, e);
	} else if (found_nothing(s, r) && unchanged_record(s, r, &no_file) == 0) {
		result = 0;
	} else {
		result = record_end(s, r, e);
		if (result != 0) {
			struct store_run failed = *r;
			struct err ignored = ERR_INIT;
			failed.text = e->text;
			if (record_failure(s, &failed, &ignored) == 0)
				r->result = STORE_RUN_FAILED;
		}
	}
	s->run = 0;
	s->unchanged.notes = 0;
	return result;
}

int store_run_last(struct store *s, enum store_result result, struct store_run *r, struct buf *text,
	struct err *e)
{
	if (unchanged_load(s, e) != 0)
		return -1;
	buf_clear(text);
	if (unchanged_last(s, r))
		return 1;
	return index_run_last(s->x, result, r, text, e);
}

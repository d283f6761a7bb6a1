/* SPDX-License-Identifier: MIT */
/*
 * task_fetch.c -- bodies in batches: how many to ask for, and what the outcome of a batch means for
 * those that did not come.
 *
 *   OK            each missing one is asked for once more by itself, then left to the later listing
 * NO, BAD       parts of the rest, down to the single message that is refused: that one is *failed*
 *   lost          task_lost(): parts too, one at a time; a message that kills twice is *failed*
 *
 * Never does any of these mean that a message is gone (reliability R5).
 */
#include <stdio.h>
#include <string.h>

#include "core/sync/connect.h"
#include "core/sync/task.h"

static struct batch *find_batch(struct task *t, bool in_flight)
{
	for (size_t i = 0; i < SYNC_BATCHES; i++)
		if ((t->batch[i].cmd != NULL) == in_flight)
			return &t->batch[i];
	return NULL;
}

static int start_batch(struct task *t, struct batch *b, struct err *e)
{
	char items[TASK_ITEMS_MAX];
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &b->sink};
	task_body_items(t, items);
	if (uidset_unite(&t->asked, &b->set, e) != 0)
		return -1;
	batch_reset_response(b);
	b->from = 0;
	b->order = t->next_order++;
	b->cmd = imap4_fetch_start(t->session, &b->set, items, &o);
	return b->cmd != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, t->session, NULL);
}

/* ---- what to ask for next -------------------------------------------------------------------- */

static int take_piece(struct task *t, struct batch *b)
{
	struct piece *p = &t->piece[0];
	uidset_clear(&b->set);
	uidset_swap(&b->set, &p->set);
	uidset_release(&p->set);
	b->deaths = p->deaths;
	b->part = true;
	memmove(t->piece, t->piece + 1, (t->npieces - 1) * sizeof *t->piece);
	t->npieces--;
	return 1;
}

/* Bytes that are on their way already, as far as one can guess. */
static uint64_t expected(const struct task *t)
{
	return t->got_messages > 0 ? uidset_count(&t->asked) * (t->got_bytes / t->got_messages) : 0;
}

/* 1: b->set is what to ask for; 0: nothing now. */
static int choose(struct task *t, struct batch *b, bool idle, struct err *e)
{
	/* After a lost connection one part at a time: it must be clear whose fault the next one
	 * is. */
	if (t->npieces > 0)
		return t->fetch_deaths > 0 && !idle ? 0 : take_piece(t, b);
	if (uidset_is_empty(&t->want))
		return 0;
	uint64_t left = job_budget_left(t->job), soon = expected(t);
	if (left == 0) {
		t->job->report->budget_reached = true;
		t->incomplete = true;
		return 0;
	}
	if (left != UINT64_MAX) {
		if (!idle && (t->got_messages == 0 || soon >= left))
			return 0;
		left -= soon < left ? soon : 0;
	}
	b->deaths = 0;
	b->part = false;
	if (uidset_take_low(
		    &t->want, plan_batch(t->got_messages, t->got_bytes, left), &b->set, e) != 0)
		return -1;
	return 1;
}

/* ---- the end of a batch ---------------------------------------------------------------------- */

static int refused(struct task *t, struct batch *b, struct uidset *missing, struct err *e)
{
	struct uidset part[PLAN_PARTS] = {UIDSET_INIT};
	size_t n;
	uint64_t count = uidset_count(missing);
	if (count == 1 && uidset_count(&b->set) == 1) {
		char reason[ERR_TEXT_MAX];
		const imap4_result *r = imap4_cmd_result(b->cmd);
		if (r->code == IMAP4_CODE_EXPUNGEISSUED)
			return uidset_unite(&t->doubt, missing, e);
		snprintf(reason, sizeof reason, "%s", e->text);
		err_clear(e);
		return task_failed(t, uidset_min(missing), reason, e);
	}
	err_clear(e);
	if (count <= SYNC_SINGLES_MAX)
		return task_add_piece(t, missing, 0, true, e);
	int rc = plan_split(missing, part, &n, e);
	for (size_t i = 0; i < PLAN_PARTS; i++) {
		if (rc == 0)
			rc = task_add_piece(t, &part[i], 0, false, e);
		uidset_release(&part[i]);
	}
	return rc;
}

static int settle(
	struct task *t, struct batch *b, int outcome, struct uidset *missing, struct err *e)
{
	if (uidset_is_empty(missing)) {
		err_clear(e);
		return 0;
	}
	if (outcome < 0)
		return refused(t, b, missing, e);
	/* Asked for alone, and still the server says OK without it: a listing must decide. */
	if (uidset_count(&b->set) == 1)
		return uidset_unite(&t->doubt, missing, e);
	return task_add_piece(t, missing, 0, true, e);
}

/* 1: over; -1: *e. */
static int end_batch(struct task *t, struct batch *b, struct err *e)
{
	const imap4_result *r = imap4_cmd_result(b->cmd);
	if (r->err == IMAP4_E_CALLBACK && err_is_set(&t->sink_err)) {
		*e = t->sink_err;
		return -1;
	}
	int outcome = r->err == IMAP4_OK ? 0 : sync_err(e, ERR_MAILBOX, r, NULL);
	t->pause_ms = sync_throttle_ms(r);
	/* The batch stays as it is for task_lost(). */
	if (outcome < 0 && (e->scope > ERR_MAILBOX || t->pause_ms > 0))
		return -1;
	struct uidset missing = UIDSET_INIT;
	int rc = uidset_copy(&missing, &b->set, e);
	if (rc == 0)
		rc = uidset_intersect(&missing, &t->asked, e);
	if (rc == 0)
		rc = uidset_subtract(&t->asked, &missing, e);
	if (rc == 0)
		rc = settle(t, b, outcome, &missing, e);
	uidset_release(&missing);
	task_drop(&b->cmd);
	batch_reset_response(b);
	/* Gmail: "OK Success [THROTTLED]": what came is good, but the next should wait. */
	if (rc == 0 && t->pause_ms > 0)
		return err_set(e, ERR_MAILBOX, E_THROTTLE, "the server asks to slow down");
	return rc == 0 ? 1 : -1;
}

/* ---- the step -------------------------------------------------------------------------------- */

static int fill(struct task *t, struct err *e)
{
	struct batch *b;
	if ((t->npieces > 0 || !uidset_is_empty(&t->want)) && !task_may_start(t))
		return 0;
	while ((b = find_batch(t, false)) != NULL) {
		int rc = choose(t, b, find_batch(t, true) == NULL, e);
		if (rc <= 0)
			return rc;
		if (start_batch(t, b, e) != 0)
			return -1;
	}
	return 0;
}

int task_fetch(struct task *t, struct err *e)
{
	for (size_t i = 0; i < SYNC_BATCHES; i++) {
		struct batch *b = &t->batch[i];
		if (b->cmd != NULL && imap4_cmd_done(b->cmd) && end_batch(t, b, e) < 0)
			return -1;
	}
	if (err_is_set(&t->sink_err)) {
		*e = t->sink_err;
		return -1;
	}
	if (fill(t, e) != 0)
		return -1;
	if (find_batch(t, true) != NULL || t->again)
		return 0;
	if (t->match != NULL)
		return match_settle(t, e);
	t->step = task_confirm;
	return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * task_guess.c -- asking together with EXAMINE what its answer will most likely lead to, so that a mailbox costs one round trip,
 * and mailboxes behind one another cost hardly more than one.
 *
 * A guess rests on STATUS and on what the last run recorded. It decides only what is asked early: when the answer to EXAMINE
 * says otherwise, what was asked is thrown away and the mailbox goes the long way. Nothing is believed because it was guessed.
 *
 * Of few new messages the bodies are asked for as well, behind the listing that says which they are. When the first body
 * arrives the listing is there, and bodies are judged by it like all others.
 */
#include "core/sync/connect.h"
#include "core/sync/task.h"

bool task_may_start(struct task *t)
{
	if (t->followed)
		t->again = true;
	return !t->followed;
}

bool task_is_receiving(const struct task *t)
{
	for (size_t i = 0; i < SYNC_BATCHES; i++)
		if (t->batch[i].cmd != NULL && !imap4_cmd_done(t->batch[i].cmd))
			return true;
	return false;
}

/* ---- what to guess ------------------------------------------------------------------------------------- */

static bool is_known(const struct task *t)
{
	return t->plan->local != NULL && t->plan->local->generation != 0;
}

static enum task_guess choose(const struct task *t)
{
	const struct sync_folder *f = t->plan->remote;
	const struct uidset unknown = UIDSET_INIT;
	/* After a failure the long way: it can tell which message is to blame. */
	if (t->generation != NULL || t->deaths > 0 || (f->have & IMAP4_ST_MESSAGES) == 0 ||
		f->messages == 0)
		return GUESS_NOTHING;
	if (!is_known(t))
		return GUESS_LIST;
	const struct plan_numbers now = {.uidvalidity = f->uidvalidity,
		.uidnext = f->uidnext,
		.exists = f->messages,
		.highestmodseq = task_uses_condstore(t) ? f->highestmodseq : 0};
	return plan_incremental(t->plan->local, t->plan->audit, &now, &unknown) ? GUESS_CHANGES
										: GUESS_LIST;
}

/* The UIDs from this one on are new, as far as STATUS tells; 0: nobody knows. */
static uint32_t new_from(const struct task *t)
{
	const struct sync_folder *f = t->plan->remote;
	const struct store_mailbox *m = t->plan->local;
	if (!is_known(t))
		return 1;
	return m->uidvalidity == f->uidvalidity && m->uidnext > 0 && f->uidnext >= m->uidnext
		? m->uidnext
		: 0;
}

static uint64_t new_at_most(const struct task *t, uint32_t from)
{
	const struct sync_folder *f = t->plan->remote;
	return is_known(t) ? f->uidnext - from : f->messages;
}

/* Bodies of all that is new, when that is little; 0: of none. */
static uint32_t bodies_from(const struct task *t)
{
	uint32_t from = new_from(t);
	/* The listing may say that they need not be fetched. */
	if (from == 0 || job_budget_left(t->job) != UINT64_MAX || task_knows_ids(t))
		return 0;
	/* There must be some: without any, "n:*" is the last message (RFC 9051 section 6.4.8). */
	uint64_t n = new_at_most(t, from);
	return n > 0 && n <= SYNC_SWEEP_MAX ? from : 0;
}

static int start_bodies(struct task *t, uint32_t from, struct err *e)
{
	char items[TASK_ITEMS_MAX];
	struct batch *b = &t->batch[0];
	const imap4_fetch_opts o = {
		.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = from, .sink = &b->sink};
	task_body_items(t, items);
	batch_reset_response(b);
	uidset_clear(&b->set);
	b->early = true;
	b->from = from;
	b->wasted = false;
	b->part = false;
	b->deaths = 0;
	b->order = t->next_order++;
	b->cmd = imap4_fetch_start(t->session, NULL, items, &o);
	return b->cmd != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, t->session, NULL);
}

static int start_list(struct task *t, struct err *e)
{
	char items[TASK_ITEMS_MAX];
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = 1};
	task_list_items(t, task_is_fresh(t), items);
	t->guessed = imap4_fetch_start(t->session, NULL, items, &o);
	return t->guessed != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, t->session, NULL);
}

int task_guess(struct task *t, struct err *e)
{
	t->guess = choose(t);
	if (t->guess == GUESS_NOTHING)
		return 0;
	if ((t->guess == GUESS_LIST ? start_list(t, e) : task_start_changes(t, e)) != 0)
		return -1;
	uint32_t from = bodies_from(t);
	return from > 0 ? start_bodies(t, from, e) : 0;
}

/* ---- right or wrong -------------------------------------------------------------------------------------- */

static void forget_early(struct task *t)
{
	struct batch *b = &t->batch[0];
	if (!b->early)
		return;
	task_drop(&b->cmd);
	batch_reset_response(b);
	b->early = false;
}

bool task_guessed(struct task *t, enum task_guess guess)
{
	bool right = t->guess == guess && guess != GUESS_NOTHING;
	t->guess = GUESS_NOTHING;
	if (right)
		return true;
	task_drop(&t->guessed);
	task_drop(&t->guessed_new);
	forget_early(t);
	return false;
}

int task_adopt_early(struct task *t, struct err *e)
{
	struct batch *b = &t->batch[0];
	if (!b->early)
		return 0;
	if (b->wasted || imap4_cmd_done(b->cmd)) {
		forget_early(t);
		return 0;
	}
	b->early = false;
	if (uidset_copy(&b->set, &t->seen, e) != 0 ||
		uidset_subtract(&b->set, store_stored(t->generation), e) != 0)
		return -1;
	if (b->from > 1 && uidset_remove_range(&b->set, 1, b->from - 1, e) != 0)
		return -1;
	return uidset_unite(&t->asked, &b->set, e);
}

int task_catch_up(struct task *t, struct err *e)
{
	if (task_run(t, e) < 0)
		return -1;
	/* Dovecot sends the OK of a FETCH behind the data of the next one: what is listed so far has to do. A message that
	 * is listed later than its body came is asked for again. */
	return t->generation != NULL ? task_adopt_early(t, e) : 0;
}

/* ---- being followed -------------------------------------------------------------------------------------- */

/* Is all asked for that this mailbox should need, as far as STATUS tells? */
static bool all_is_asked(const struct task *t)
{
	const struct sync_folder *f = t->plan->remote;
	if ((f->have & IMAP4_ST_MESSAGES) == 0)
		return false;
	if (t->guess == GUESS_NOTHING)
		return t->generation == NULL && !is_known(t) && f->messages == 0;
	/* Nothing will have to be fetched, because the messages are known? */
	if (t->guess == GUESS_LIST && task_is_fresh(t) && t->job->ids == JOB_IDS_PROVED)
		return true;
	uint32_t from = new_from(t);
	return t->batch[0].early || (from > 0 && new_at_most(t, from) == 0);
}

bool task_may_be_followed(const struct task *t)
{
	if (t->followed || t->again || t->step == NULL)
		return false;
	if (t->step == task_fetch)
		return uidset_is_empty(&t->want) && t->npieces == 0 && t->match == NULL;
	return all_is_asked(t);
}

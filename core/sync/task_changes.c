/* SPDX-License-Identifier: MIT */
/*
 * task_changes.c -- the incremental listing: what changed since the last complete run (CONDSTORE,
 * RFC 7162 section 3.1.4.1), what is new, and, only when the count says so, what went away.
 *
 * The result must add up to EXISTS, or all of it is thrown away for a full listing: servers have
 * been seen to forget changes, and to leave new mail out.
 */
#include "core/sync/connect.h"
#include "core/sync/task.h"

static int after_changes(struct task *t, struct err *e);
static int after_removed_search(struct task *t, struct err *e);
static int after_removed_fetch(struct task *t, struct err *e);

static int give_up(struct task *t)
{
	task_drop(&t->cmd);
	(void)task_guessed(t, GUESS_NOTHING);
	task_reset_listing(t);
	t->changed_from = 0;
	t->step = task_list;
	return 1;
}

/* A refusal makes the full listing decide; anything larger is not for this mailbox to mend. */
static int failed(struct task *t, struct err *e)
{
	if (e->scope > ERR_MAILBOX || t->pause_ms > 0)
		return -1;
	err_clear(e);
	return give_up(t);
}

/* What changed among the UIDs below the mark of the last complete run. */
static int start_changed(struct task *t, imap4_cmd **out, struct err *e)
{
	struct uidset known = UIDSET_INIT;
	const imap4_fetch_opts o = {.struct_size = sizeof o,
		.by = IMAP4_BY_UID,
		.changedsince = t->plan->local->highestmodseq};
	if (uidset_add_range(&known, 1, t->plan->local->uidnext - 1, e) != 0)
		return -1;
	*out = imap4_fetch_start(t->session, &known, "UID FLAGS", &o);
	uidset_release(&known);
	return *out != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, t->session, NULL);
}

int task_start_changes(struct task *t, struct err *e)
{
	char items[TASK_ITEMS_MAX];
	const imap4_fetch_opts o = {
		.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = t->plan->local->uidnext};
	if (start_changed(t, &t->guessed, e) != 0)
		return -1;
	task_list_items(t, true, items);
	t->guessed_new = imap4_fetch_start(t->session, NULL, items, &o);
	return t->guessed_new != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, t->session, NULL);
}

int task_changes(struct task *t, struct err *e)
{
	t->full = false;
	if (!task_guessed(t, GUESS_CHANGES)) {
		if (!task_may_start(t))
			return 0;
		if (task_start_changes(t, e) != 0)
			return -1;
	}
	t->step = after_changes;
	return 1;
}

/* Flags of known messages are recorded as they come; all others go to t->seen. An answer to n:*
 * below n is a known one (RFC 9051 section 6.4.8). */
static int take_changes(struct task *t, imap4_cmd *c, struct err *e)
{
	const imap4_data *d;
	while ((d = imap4_cmd_next(c)) != NULL) {
		const imap4_message *m = imap4_data_message(d);
		if (m == NULL || (m->have & IMAP4_MSG_UID) == 0 || m->uid == 0)
			continue;
		if (task_see_flags(t, m, e) != 0)
			return -1;
		if (uidset_has(store_stored(t->generation), m->uid))
			continue;
		if (uidset_add(&t->seen, m->uid, e) != 0)
			return err_widen(e, ERR_MAILBOX);
		if (task_know(t, m, e) != 0)
			return -1;
	}
	return 0;
}

/* Do the known and the new ones make up what is there? */
static int add_up(struct task *t, struct err *e)
{
	struct uidset all = UIDSET_INIT;
	if (uidset_copy(&all, &t->seen, e) != 0 ||
		uidset_unite(&all, store_stored(t->generation), e) != 0) {
		uidset_release(&all);
		return -1;
	}
	uint64_t known = uidset_count(&all);
	if (known == t->exists)
		uidset_swap(&t->seen, &all);
	uidset_release(&all);
	if (known < t->exists)
		return give_up(t);
	if (known > t->exists) {
		if (!task_may_start(t))
			return 0;
		if (task_search(t, e) != 0)
			return -1;
		t->step = after_removed_search;
		return 0;
	}
	t->list_ok = t->trusted = true;
	t->step = task_listed;
	return 1;
}

static int after_changes(struct task *t, struct err *e)
{
	if (take_changes(t, t->guessed, e) != 0 || take_changes(t, t->guessed_new, e) != 0)
		return -1;
	int rc = task_done(t, t->guessed, e);
	if (rc > 0)
		rc = task_done(t, t->guessed_new, e);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return failed(t, e);
	task_drop(&t->guessed);
	task_drop(&t->guessed_new);
	return task_adopt_early(t, e) != 0 ? -1 : add_up(t, e);
}

/* Which ones went away? Their absence here makes them suspects; a FETCH of just them that ends
 * well without them, and the later search of task_confirm(), make the proof. */
static int after_removed_search(struct task *t, struct err *e)
{
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return failed(t, e);
	if (task_search_take(t, e) != 0)
		return -1;
	task_drop(&t->cmd);
	struct uidset extra = UIDSET_INIT;
	if (uidset_copy(&extra, &t->later, e) != 0 ||
		uidset_subtract(&extra, store_stored(t->generation), e) != 0 ||
		uidset_subtract(&extra, &t->seen, e) != 0 ||
		uidset_copy(&t->suspects, store_stored(t->generation), e) != 0 ||
		uidset_subtract(&t->suspects, &t->later, e) != 0 ||
		uidset_copy(&t->seen, &t->later, e) != 0) {
		uidset_release(&extra);
		return -1;
	}
	bool sound = uidset_is_empty(&extra) && !uidset_is_empty(&t->suspects) &&
		uidset_count(&t->later) == t->exists;
	uidset_release(&extra);
	if (!sound)
		return give_up(t);
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	if (!task_may_start(t))
		return 0;
	t->cmd = imap4_fetch_start(t->session, &t->suspects, "UID FLAGS", &o);
	if (t->cmd == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	t->step = after_removed_fetch;
	return 0;
}

static int after_removed_fetch(struct task *t, struct err *e)
{
	const imap4_data *d;
	while ((d = imap4_cmd_next(t->cmd)) != NULL) {
		const imap4_message *m = imap4_data_message(d);
		if (m != NULL && (m->have & IMAP4_MSG_UID) && uidset_has(&t->suspects, m->uid))
			return give_up(t); /* it is there: the search was wrong */
	}
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return failed(t, e);
	task_drop(&t->cmd);
	t->list_ok = t->trusted = true;
	t->step = task_listed;
	return 1;
}

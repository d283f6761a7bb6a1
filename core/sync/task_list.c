/* SPDX-License-Identifier: MIT */
/*
 * task_list.c -- the full listing: every UID with its flags, checked against EXISTS, by a second
 * method when the numbers disagree.
 *
 * `UID FETCH 1:* (UID FLAGS)` is the first method: it costs what is there, whatever the UIDs are
 * (T83), gives the flags in the same answer, and is one half of the proof that a message is gone.
 */
#include <inttypes.h>

#include "core/sync/connect.h"
#include "core/sync/task.h"

static int after_list(struct task *t, struct err *e);
static int after_search(struct task *t, struct err *e);

/* below 0: everything; else the UIDs below it. */
static int start_list(struct task *t, uint32_t below, struct err *e)
{
	char items[TASK_ITEMS_MAX];
	struct uidset set = UIDSET_INIT;
	imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	if (!task_may_start(t))
		return 0;
	if (below == 0)
		o.open_from = 1;
	else if (uidset_add_range(&set, 1, below - 1, e) != 0)
		return -1;
	task_list_items(t, task_is_fresh(t), items);
	t->cmd = imap4_fetch_start(t->session, below == 0 ? NULL : &set, items, &o);
	uidset_release(&set);
	if (t->cmd == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	t->step = after_list;
	return 0;
}

int task_list(struct task *t, struct err *e)
{
	t->full = true;
	bool guessed = task_guessed(t, GUESS_LIST);
	if (t->exists == 0 && uidset_is_empty(store_stored(t->generation)) &&
		uidset_is_empty(store_failed(t->generation))) {
		/* Some servers answer BAD to any FETCH in an empty mailbox (Perdition, Zimbra). */
		task_drop(&t->guessed);
		t->list_ok = t->trusted = true;
		t->step = task_listed;
		return 1;
	}
	if (!guessed)
		return start_list(t, 0, e);
	t->cmd = t->guessed;
	t->guessed = NULL;
	t->step = after_list;
	return 1;
}

static int take_listed(struct task *t, imap4_cmd *c, struct err *e)
{
	const imap4_data *d;
	while ((d = imap4_cmd_next(c)) != NULL) {
		const imap4_message *m = imap4_data_message(d);
		if (m == NULL || (m->have & IMAP4_MSG_UID) == 0 || m->uid == 0)
			continue;
		if (uidset_add(&t->seen, m->uid, e) != 0)
			return err_widen(e, ERR_MAILBOX);
		if (task_see_flags(t, m, e) != 0 || task_know(t, m, e) != 0)
			return -1;
	}
	return 0;
}

/* "[MESSAGELIMIT 1000 23007]" (RFC 9738 section 3.1): what lies below that UID was not looked
 * at. 0: no limit was hit, or nothing is left below it. */
static uint32_t limited_below(const imap4_result *r)
{
	if (r->code != IMAP4_CODE_MESSAGELIMIT || r->code_args.ptr == NULL)
		return 0;
	struct slice args = slice_of(r->code_args.ptr, r->code_args.len);
	size_t at = 0;
	while (at < args.n && args.p[at] != ' ')
		at++;
	uint64_t uid;
	if (at == args.n || !slice_u64(slice_of(args.p + at + 1, args.n - at - 1), UID_MAX, &uid))
		return 0;
	return uid > 1 ? (uint32_t)uid : 0;
}

static int search_too(struct task *t, struct err *e)
{
	if (!task_may_start(t))
		return 0;
	if (task_search(t, e) != 0)
		return -1;
	t->step = after_search;
	return 0;
}

static int after_list(struct task *t, struct err *e)
{
	if (take_listed(t, t->cmd, e) != 0)
		return -1;
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	uint32_t below = rc > 0 ? limited_below(imap4_cmd_result(t->cmd)) : 0;
	task_drop(&t->cmd);
	if (rc < 0 && (e->scope > ERR_MAILBOX || t->pause_ms > 0))
		return -1;
	/* Each round must get further down, or a server could keep us here for ever. */
	if (below > 0 && (t->limit_below == 0 || below < t->limit_below)) {
		t->limit_below = below;
		return start_list(t, below, e);
	}
	t->list_ok = rc > 0;
	if (rc > 0 && task_adopt_early(t, e) != 0)
		return -1;
	if (rc < 0) {
		(void)task_guessed(t, GUESS_NOTHING);
		task_odd(t, "the listing was refused (%s); searching instead", e->text);
		err_clear(e);
	}
	if (t->list_ok && uidset_count(&t->seen) == t->exists) {
		t->trusted = true;
		t->step = task_listed;
		return 1;
	}
	return search_too(t, e);
}

static int after_search(struct task *t, struct err *e)
{
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	uint64_t listed = uidset_count(&t->seen), searched = 0;
	if (rc > 0) {
		if (task_search_take(t, e) != 0)
			return -1;
		searched = uidset_count(&t->later);
		if (uidset_unite(&t->seen, &t->later, e) != 0)
			return -1;
	}
	task_drop(&t->cmd);
	if (rc < 0) {
		if (e->scope > ERR_MAILBOX || t->pause_ms > 0 || !t->list_ok)
			return -1;
		err_clear(e);
	}
	uint32_t exists = t->exists;
	t->trusted = plan_counts_agree(listed, t->list_ok, searched, rc > 0, exists);
	if (!t->trusted) {
		t->incomplete = true;
		job_note(t->job, SYNC_NOTE_PROBLEM,
			"%s: the server says there are %" PRIu32 " messages but lists %" PRIu64
			"; what it lists is saved, nothing is taken for deleted",
			t->name, exists, uidset_count(&t->seen));
	}
	t->step = task_listed;
	return 1;
}

int task_listed(struct task *t, struct err *e)
{
	struct plan_mailbox p;
	struct store_generation *g = t->generation;
	if (plan_mailbox(&p, &t->seen, t->list_ok && t->trusted, store_stored(g), store_gone(g),
		    store_failed(g), e) != 0)
		return -1;
	int rc = 0;
	if (!uidset_is_empty(&p.back)) {
		/* Those with a file are stored again, so they need not be fetched. */
		rc = store_messages_back(g, &p.back, e);
		if (rc == 0)
			rc = uidset_subtract(&p.want, store_stored(g), e);
	}
	if (rc == 0)
		rc = uidset_subtract(&p.want, &t->asked, e); /* early */
	if (rc == 0 && p.unproved && !t->incomplete) {
		t->incomplete = true;
		job_note(t->job, SYNC_NOTE_PROBLEM,
			"%s: messages saved earlier are not listed, but the listing is not reliable; "
			"nothing is taken for deleted",
			t->name);
	}
	if (rc == 0) {
		uidset_swap(&t->want, &p.want);
		/* The incremental listing has proved its own suspects. */
		if (t->full)
			uidset_swap(&t->suspects, &p.suspects);
		t->marks.messages = t->exists;
		t->listed = true;
		t->deaths = 0;
		t->job->progress.messages_total += uidset_count(&t->want) + uidset_count(&t->asked);
		t->step = t->previous != 0 && !uidset_is_empty(&t->want) ? task_match : task_fetch;
		rc = task_hold(t, e);
	}
	plan_mailbox_release(&p);
	return rc == 0 ? 1 : -1;
}

/* SPDX-License-Identifier: MIT */
/*
 * task_open.c -- EXAMINE, and what its numbers say: is this the mailbox we know, and must all of it
 * be listed?
 */
#include <inttypes.h>
#include <string.h>

#include "core/sync/connect.h"
#include "core/sync/task.h"

/* UIDVALIDITY 0 or absent breaks RFC 9051 section 2.3.1.1; such a mailbox gets one generation
 * and is listed in full each time. */
#define NO_UIDVALIDITY 1

static int after_examine(struct task *t, struct err *e);

int task_open(struct task *t, struct err *e)
{
	const struct sync_folder *f = t->plan->remote;
	const imap4_str wire = {buf_str(&f->wire), f->wire.len};
	const imap4_select_opts o = {
		.struct_size = sizeof o, .condstore = task_uses_condstore(t), .pipelined = 1};
	if (!task_may_start(t))
		return 0;
	t->cmd = imap4_select_start(t->session, wire, &o);
	if (t->cmd == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	t->step = after_examine;
	return task_guess(t, e);
}

/* Another UIDVALIDITY than a moment ago: what was listed means nothing any more. */
static int begin_generation(struct task *t, uint32_t uidvalidity, struct err *e)
{
	int64_t previous = 0;
	if (t->uidvalidities >= SYNC_UIDVALIDITIES_MAX)
		return err_set(e, ERR_MAILBOX, E_PROTO,
			"UIDVALIDITY changes each time the folder is opened; what was fetched is kept");
	if (t->generation != NULL) {
		task_odd(t,
			"UIDVALIDITY changed from %" PRIu32 " to %" PRIu32
			" during the run; listing again",
			t->uidvalidity, uidvalidity);
		store_generation_close(t->generation);
		t->generation = NULL;
		task_reset_listing(t);
	}
	if (store_generation_open(
		    t->job->store, t->mailbox, uidvalidity, &t->generation, &previous, e) != 0)
		return -1;
	t->uidvalidities++;
	t->uidvalidity = uidvalidity;
	t->previous = previous;
	if (previous != 0)
		job_note(t->job, SYNC_NOTE_WARNING,
			"%s: the server renumbered this folder (UIDVALIDITY is now %" PRIu32
			"); the old copy is kept, known messages are matched",
			t->name, uidvalidity);
	return 0;
}

static void take_marks(struct task *t, const imap4_selected *m)
{
	const struct sync_folder *f = t->plan->remote;
	memset(&t->marks, 0, sizeof t->marks);
	/* An older number covers less, so STATUS will do where EXAMINE says nothing. */
	t->marks.uidnext = m->uidnext != 0 ? m->uidnext : f->uidnext;
	t->marks.messages = m->exists;
	t->marks.highestmodseq = task_uses_condstore(t) && !m->nomodseq ? m->highestmodseq : 0;
}

static int opened(struct task *t, const imap4_selected *m, struct err *e)
{
	const struct store_mailbox *local = t->plan->local;
	uint32_t uidvalidity = m->uidvalidity != 0 ? m->uidvalidity : t->plan->remote->uidvalidity;
	bool numbered = uidvalidity != 0;
	if (!numbered) {
		uidvalidity = NO_UIDVALIDITY;
		task_odd(t,
			"the server gives no UIDVALIDITY; the folder is listed in full each time");
	}
	if (t->generation == NULL || t->uidvalidity != uidvalidity) {
		if (begin_generation(t, uidvalidity, e) != 0)
			return -1;
	} else if (t->listed) {
		/* After a reconnect: the listing still holds. */
		(void)task_guessed(t, GUESS_NOTHING);
		t->step = t->match != NULL && match_is_young(t->match) ? task_match : task_fetch;
		return 1;
	}
	task_reset_listing(t);
	take_marks(t, m);
	const struct plan_numbers now = {.uidvalidity = numbered ? uidvalidity : 0,
		.uidnext = m->uidnext,
		.exists = m->exists,
		.highestmodseq = t->marks.highestmodseq};
	bool changes = plan_incremental(local, t->plan->audit, &now, store_stored(t->generation));
	t->changed_from = changes ? local->uidnext : 0;
	t->step = changes ? task_changes : task_list;
	return 1;
}

static int after_examine(struct task *t, struct err *e)
{
	imap4_selected m = {0};
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	const imap4_selected *found = imap4_cmd_selected(t->cmd);
	if (found != NULL)
		m = *found;
	bool selected = found != NULL;
	task_drop(&t->cmd);
	if (rc < 0) {
		(void)task_guessed(t, GUESS_NOTHING);
		if (e->code == E_BAD && task_uses_condstore(t)) {
			/* Some servers advertise CONDSTORE and choke on the parameter. */
			t->plain_examine = true;
			t->step = task_open;
			err_clear(e);
			return 1;
		}
		return -1;
	}
	if (!selected)
		return err_set(e, ERR_MAILBOX, E_PROTO,
			"the server said OK to EXAMINE but selected nothing");
	if (m.uidnotsticky)
		task_odd(t, "the server does not keep UIDs of this folder (UIDNOTSTICKY)");
	return opened(t, &m, e);
}

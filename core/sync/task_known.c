/* SPDX-License-Identifier: MIT */
/*
 * task_known.c -- messages that the archive has already under another name, known by the server's object id: moved and
 * copied ones, and on Gmail those with several labels. They become links and are not fetched.
 *
 * The same EMAILID means the same immutable content (RFC 8474 section 5.1); X-GM-MSGID means that on Gmail. It is believed
 * when RFC822.SIZE is the same as well, and after the first ones that a run meets were fetched all the same and compared. One
 * contradiction, and no id is believed any more in this run.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/sync/connect.h"
#include "core/sync/match.h"

static int after_ids(struct task *t, struct err *e);

/* ---- what to ask for ----------------------------------------------------------------------------------- */

bool task_knows_ids(const struct task *t)
{
	return t->job->ids == JOB_IDS_OFFERED || t->job->ids == JOB_IDS_PROVED;
}

bool task_is_fresh(const struct task *t)
{
	return t->plan->local == NULL || t->plan->local->complete_run == 0;
}

void task_list_items(const struct task *t, bool fresh, char items[TASK_ITEMS_MAX])
{
	/* Of messages that are stored the ids would be many octets for nothing. */
	const char *more = fresh && task_knows_ids(t) ? task_id_items(t) : "";
	snprintf(items, TASK_ITEMS_MAX, "UID FLAGS%s%s",
		more[0] != '\0' ? " INTERNALDATE RFC822.SIZE" : "", more);
}

/* ---- one message --------------------------------------------------------------------------------------- */

static void distrust(struct task *t, const char *why)
{
	if (t->job->ids == JOB_IDS_BROKEN)
		return;
	t->job->ids = JOB_IDS_BROKEN;
	job_note(t->job, SYNC_NOTE_WARNING,
		"%s: the server gives the same id to %s; messages are not recognised by their ids in this run",
		t->name, why);
}

/* Held; the first ones are the sample. */
static int hold(struct task *t, uint32_t uid, const struct store_known *k, struct err *e)
{
	if (t->match == NULL) {
		if (match_new(t, e) != 0)
			return -1;
		t->match->by_id = true;
		t->match->pair = calloc(SYNC_KNOWN_SAMPLE, sizeof *t->match->pair);
		if (t->match->pair == NULL)
			return err_nomem(e, "matching messages");
	}
	struct match *m = t->match;
	if (m->npairs < SYNC_KNOWN_SAMPLE && !uidset_has(&m->held, uid)) {
		m->pair[m->npairs++] = (struct pair){uid, k->uid, k->generation};
		if (uidset_add(&m->sample, uid, e) != 0)
			return -1;
	}
	return uidset_add(&m->held, uid, e);
}

int task_know(struct task *t, const imap4_message *m, struct err *e)
{
	const uint32_t needed =
		IMAP4_MSG_UID | IMAP4_MSG_FLAGS | IMAP4_MSG_SIZE | IMAP4_MSG_EMAILID;
	const struct store_generation *g = t->generation;
	struct store_known k;
	/* After a change of UIDVALIDITY the whole mailbox is matched (task_match.c). */
	if (!task_knows_ids(t) || t->previous != 0 || (m->have & needed) != needed ||
		uidset_has(store_stored(g), m->uid) || uidset_has(store_gone(g), m->uid))
		return 0;
	const struct slice id = slice_of(m->emailid.ptr, m->emailid.len);
	int rc = id.n > 0 ? store_known_by_id(t->job->store, id, &k, e) : 0;
	if (rc <= 0)
		return rc;
	if (k.size != m->size) {
		distrust(t, "messages of different sizes");
		return 0;
	}
	if (t->job->ids == JOB_IDS_OFFERED)
		return hold(t, m->uid, &k, e);
	return match_link(t, m, k.generation, k.uid, e) < 0 ? -1 : 0;
}

/* ---- those that were held ------------------------------------------------------------------------------ */

int task_hold(struct task *t, struct err *e)
{
	struct match *m = t->match;
	if (m == NULL || !m->by_id)
		return 0;
	/* Somebody else found out meanwhile. */
	if (t->job->ids == JOB_IDS_PROVED)
		uidset_clear(&m->sample);
	if (uidset_subtract(&m->held, &m->sample, e) != 0)
		return -1;
	return uidset_subtract(&t->want, &m->held, e);
}

int known_settle(struct task *t, struct err *e)
{
	struct match *m = t->match;
	char items[TASK_ITEMS_MAX];
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	if (m->wrong)
		distrust(t, "messages of different content");
	else if (t->job->ids == JOB_IDS_OFFERED && uidset_equal(&m->sample, &m->right))
		t->job->ids = JOB_IDS_PROVED;
	if (t->job->ids != JOB_IDS_PROVED || uidset_is_empty(&m->held))
		return match_give_up(t, e);
	if (!task_may_start(t))
		return 0;
	uidset_swap(&m->asked, &m->held);
	task_list_items(t, true, items);
	t->cmd = imap4_fetch_start(t->session, &m->asked, items, &o);
	if (t->cmd == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	t->step = after_ids;
	return 0;
}

static int take_ids(struct task *t, struct err *e)
{
	const imap4_data *d;
	struct uidset *asked = &t->match->asked;
	while ((d = imap4_cmd_next(t->cmd)) != NULL) {
		const imap4_message *m = imap4_data_message(d);
		if (m == NULL || (m->have & IMAP4_MSG_UID) == 0 || !uidset_has(asked, m->uid))
			continue;
		if (task_know(t, m, e) != 0)
			return -1;
		if (!uidset_has(store_stored(t->generation), m->uid))
			continue;
		t->job->progress.messages_done++;
		if (uidset_remove_range(asked, m->uid, m->uid, e) != 0)
			return -1;
	}
	return 0;
}

static int after_ids(struct task *t, struct err *e)
{
	struct match *m = t->match;
	if (take_ids(t, e) != 0)
		return -1;
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	task_drop(&t->cmd);
	/* Whatever was not linked is fetched. */
	uidset_swap(&m->held, &m->asked);
	if (rc < 0) {
		if (e->scope > ERR_MAILBOX || t->pause_ms > 0)
			return -1;
		err_clear(e);
	}
	return match_give_up(t, e);
}

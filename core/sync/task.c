/* SPDX-License-Identifier: MIT */
/* task.c -- life of a mailbox task, what happens to it when a connection is lost, and what its
 * steps share. */
#include "core/sync/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/connect.h"

/* ---- life ------------------------------------------------------------------------------------ */

struct task *task_new(struct job *j, const struct plan_entry *plan, int64_t mailbox, struct err *e)
{
	struct task *t = calloc(1, sizeof *t);
	if (t == NULL) {
		err_nomem(e, "a mailbox");
		return NULL;
	}
	t->job = j;
	t->plan = plan;
	t->mailbox = mailbox;
	text_show(t->name, sizeof t->name, buf_slice(&plan->remote->name));
	mail_flags_init(&t->flags);
	for (size_t i = 0; i < SYNC_BATCHES; i++)
		batch_init_sink(&t->batch[i], t);
	return t;
}

void task_drop(imap4_cmd **c)
{
	imap4_cmd_free(*c);
	*c = NULL;
}

static void drop_commands(struct task *t)
{
	task_drop(&t->cmd);
	task_drop(&t->guessed);
	task_drop(&t->guessed_new);
	for (size_t i = 0; i < SYNC_BATCHES; i++) {
		task_drop(&t->batch[i].cmd);
		batch_reset_response(&t->batch[i]);
		t->batch[i].early = false;
	}
	t->guess = GUESS_NOTHING;
}

void task_free(struct task *t)
{
	if (t == NULL)
		return;
	drop_commands(t);
	match_free(t->match);
	sha256_free(t->hash);
	store_generation_close(t->generation);
	for (size_t i = 0; i < SYNC_BATCHES; i++)
		uidset_release(&t->batch[i].set);
	for (size_t i = 0; i < t->npieces; i++)
		uidset_release(&t->piece[i].set);
	free(t->piece);
	uidset_release(&t->seen);
	uidset_release(&t->later);
	uidset_release(&t->want);
	uidset_release(&t->asked);
	uidset_release(&t->suspects);
	uidset_release(&t->doubt);
	mail_flags_release(&t->flags);
	free(t->flag);
	free(t);
}

void task_resume(struct task *t, imap4_session *session)
{
	t->session = session;
	t->pause_ms = 0;
	t->followed = t->again = false;
	t->step = task_open;
}

int task_run(struct task *t, struct err *e)
{
	int rc = 1;
	do {
		if (err_is_set(&t->sink_err)) {
			*e = t->sink_err;
			return -1;
		}
		if (t->step == NULL || t->again)
			return 1;
		rc = t->step(t, e);
	} while (rc > 0);
	return rc;
}

void task_reset_listing(struct task *t)
{
	t->listed = t->list_ok = t->trusted = t->full = false;
	t->searches = 0;
	t->limit_below = 0;
	uidset_clear(&t->seen);
	uidset_clear(&t->later);
	uidset_clear(&t->want);
	uidset_clear(&t->suspects);
	uidset_clear(&t->doubt);
	for (size_t i = 0; i < t->npieces; i++)
		uidset_release(&t->piece[i].set);
	t->npieces = 0;
	match_free(t->match);
	t->match = NULL;
}

/* ---- losing the connection ------------------------------------------------------------------- */

/* The batch that was being answered when the connection died: nobody else can have killed it. */
static int suspect(struct task *t, struct batch *b, struct uidset *missing, struct err *e)
{
	struct uidset part[PLAN_PARTS] = {UIDSET_INIT};
	size_t n;
	int rc = 0;
	if (uidset_count(missing) == 1) {
		uint32_t uid = uidset_min(missing);
		if (b->deaths + 1 >= SYNC_MESSAGE_DEATHS)
			return task_failed(t, uid,
				"the connection was lost each time this message was fetched", e);
		/* Asked with others before, it was only one of those that may have done it. */
		unsigned deaths = uidset_count(&b->set) == 1 ? b->deaths + 1 : 0;
		return task_add_piece(t, missing, deaths, false, e);
	}
	rc = plan_split(missing, part, &n, e);
	for (size_t i = 0; i < PLAN_PARTS; i++) {
		if (rc == 0 && !uidset_is_empty(&part[i]))
			rc = task_add_piece(t, &part[i], 0, false, e);
		uidset_release(&part[i]);
	}
	return rc;
}

static struct batch *oldest_in_flight(struct task *t)
{
	struct batch *oldest = NULL;
	for (size_t i = 0; i < SYNC_BATCHES; i++)
		if (t->batch[i].cmd != NULL &&
			(oldest == NULL || t->batch[i].order < oldest->order))
			oldest = &t->batch[i];
	return oldest;
}

static int put_back(struct task *t, bool lost, struct err *e)
{
	struct batch *b;
	int rc = 0;
	while (rc == 0 && (b = oldest_in_flight(t)) != NULL) {
		struct uidset missing = UIDSET_INIT;
		if (uidset_copy(&missing, &b->set, e) != 0 ||
			uidset_intersect(&missing, &t->asked, e) != 0 ||
			uidset_subtract(&t->asked, &missing, e) != 0) {
			rc = -1;
		} else if (!uidset_is_empty(&missing) && lost) {
			rc = suspect(t, b, &missing, e);
			lost = false;
			t->fetch_deaths++;
		} else if (!uidset_is_empty(&missing)) {
			rc = b->part ? task_add_piece(t, &missing, b->deaths, false, e)
				     : uidset_unite(&t->want, &missing, e);
		}
		uidset_release(&missing);
		task_drop(&b->cmd);
		batch_reset_response(b);
	}
	return rc;
}

int task_lost(struct task *t, bool lost, struct err *e)
{
	/* Before the listing is done there is nothing to save, and no message to blame. */
	if (lost && (!t->listed || t->step != task_fetch))
		t->deaths++;
	int rc = put_back(t, lost, e);
	drop_commands(t);
	if (rc == 0 && t->match != NULL)
		rc = match_lost(t, e);
	if (!t->listed)
		task_reset_listing(t);
	t->session = NULL;
	t->step = NULL;
	return rc;
}

int task_add_piece(struct task *t, struct uidset *set, unsigned deaths, bool singly, struct err *e)
{
	while (!uidset_is_empty(set)) {
		if (t->npieces == t->pieces_cap) {
			size_t more = t->pieces_cap > 0 ? t->pieces_cap * 2 : 8;
			struct piece *grown = realloc(t->piece, more * sizeof *grown);
			if (grown == NULL)
				return err_nomem(e, "a list of messages");
			t->piece = grown;
			t->pieces_cap = more;
		}
		struct piece *p = &t->piece[t->npieces];
		memset(p, 0, sizeof *p);
		p->deaths = deaths;
		if (uidset_take_low(set, singly ? 1 : UINT64_MAX, &p->set, e) != 0)
			return -1;
		t->npieces++;
	}
	return 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

int task_done(struct task *t, imap4_cmd *c, struct err *e)
{
	if (c == NULL)
		return sync_err_last(e, ERR_MAILBOX, t->session, NULL);
	if (!imap4_cmd_done(c))
		return 0;
	const imap4_selected *m = imap4_cmd_selected(c);
	t->exists = m != NULL ? m->exists : 0;
	const imap4_result *r = imap4_cmd_result(c);
	if (r->err == IMAP4_OK)
		return 1;
	t->pause_ms = sync_throttle_ms(r);
	return sync_err(e, ERR_MAILBOX, r, NULL);
}

bool task_uses(const struct task *t, const char *capability)
{
	return account_uses(t->job->account, t->session, capability);
}

bool task_uses_condstore(const struct task *t)
{
	return !t->plain_examine && (task_uses(t, "CONDSTORE") || task_uses(t, "QRESYNC"));
}

void task_body_items(const struct task *t, char items[TASK_ITEMS_MAX])
{
	snprintf(items, TASK_ITEMS_MAX, "UID FLAGS INTERNALDATE RFC822.SIZE%s BODY.PEEK[]",
		task_id_items(t));
}

const char *task_id_items(const struct task *t)
{
	if (task_uses(t, "OBJECTID"))
		return " EMAILID THREADID";
	return task_uses(t, "X-GM-EXT-1") ? " X-GM-MSGID X-GM-THRID" : "";
}

int task_search(struct task *t, struct err *e)
{
	/* "UID 1:*", not ALL: iCloud answers a broad search with numbers that cannot be fetched. */
	const imap4_search_opts o = {.struct_size = sizeof o,
		.by = IMAP4_BY_UID,
		.open_from = 1,
		.plain = !account_uses_rev2(t->job->account, t->session, "ESEARCH")};
	t->cmd = imap4_search_set_start(t->session, NULL, &o);
	return t->cmd != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, t->session, NULL);
}

int task_search_take(struct task *t, struct err *e)
{
	const imap4_numbers *n = imap4_cmd_numbers(t->cmd);
	uidset_clear(&t->later);
	if (n != NULL && n->set != NULL && uidset_copy(&t->later, n->set, e) != 0)
		return -1;
	return 0;
}

/* ---- messages -------------------------------------------------------------------------------- */

int task_flags(struct task *t, const imap4_message *m, struct err *e)
{
	if (m->nflags > t->flags_cap) {
		struct slice *grown = realloc(t->flag, m->nflags * sizeof *grown);
		if (grown == NULL)
			return err_nomem(e, "the flags of a message");
		t->flag = grown;
		t->flags_cap = m->nflags;
	}
	for (size_t i = 0; i < m->nflags; i++)
		t->flag[i] = slice_of(m->flags[i].ptr, m->flags[i].len);
	return mail_flags_set(&t->flags, t->flag, m->nflags, e);
}

int task_see_flags(struct task *t, const imap4_message *m, struct err *e)
{
	if ((m->have & IMAP4_MSG_FLAGS) == 0 || !uidset_has(store_stored(t->generation), m->uid))
		return 0;
	if (task_flags(t, m, e) != 0)
		return -1;
	int changed = store_flags_seen(t->generation, m->uid, buf_slice(&t->flags.text), e);
	if (changed < 0)
		return -1;
	t->flags_changed += (uint64_t)changed;
	return 0;
}

static struct slice slice_of_str(imap4_str s)
{
	return slice_of(s.ptr, s.ptr != NULL ? s.len : 0);
}

struct store_meta task_meta(const struct task *t, const imap4_message *m)
{
	struct store_meta meta = {.uid = m->uid, .flags = buf_slice(&t->flags.text)};
	if (m->have & IMAP4_MSG_INTERNALDATE) {
		struct slice raw = slice_of_str(m->internaldate);
		if (!mail_date_parse(raw, &meta.date))
			meta.date_raw = raw;
	}
	if (m->have & IMAP4_MSG_SIZE)
		meta.size_claimed = m->size;
	if (m->have & IMAP4_MSG_EMAILID)
		meta.email_id = slice_of_str(m->emailid);
	if (m->have & IMAP4_MSG_THREADID)
		meta.thread_id = slice_of_str(m->threadid);
	return meta;
}

/* ---- people ---------------------------------------------------------------------------------- */

static bool may_note(struct task *t)
{
	return ++t->oddities <= SYNC_NOTES_MAX;
}

void task_odd(struct task *t, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;
	if (!may_note(t))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	job_note(t->job, SYNC_NOTE_WARNING, "%s: %s", t->name, text);
}

int task_failed(struct task *t, uint32_t uid, const char *reason, struct err *e)
{
	if (store_message_failed(t->generation, uid, reason, e) != 0)
		return -1;
	t->failed++;
	if (may_note(t))
		job_note(t->job, SYNC_NOTE_PROBLEM,
			"%s: message UID %" PRIu32
			" is not saved: %s; it will be tried again in the next run",
			t->name, uid, reason);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * task_sink.c -- one FETCH response with a body: from the wire to a file in tmp/, and the decision
 * whether it is what we asked for.
 *
 * The UID may come after the body, so nothing is decided before the response is over. What counts
 * is the literal: RFC822.SIZE is recorded but proves nothing, except that an empty body with a size
 * above zero is a server's way to fail (T65, T87).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/task.h"

void batch_reset_response(struct batch *b)
{
	store_message_discard(b->message);
	b->message = NULL;
	b->length = b->announced = 0;
	b->body = b->whole = b->too_large = false;
}

/* Remember why; the command then ends with IMAP4_E_CALLBACK and the step reports it. */
static int sink_failed(struct task *t, const struct err *why)
{
	if (!err_is_set(&t->sink_err))
		t->sink_err = *why;
	return -1;
}

/* Dovecot, when its line is full, sends bodies that were asked for early in between two halves of the listing. They count
 * as asked for when EXAMINE allows their UIDs; one that the listing then lacks is looked for like any that went away. */
static bool is_asked(const struct batch *b, uint32_t uid)
{
	const struct task *t = b->task;
	return uidset_has(&t->asked, uid) ||
		(b->from > 0 && !t->listed && uid >= b->from && uid < t->marks.uidnext &&
			!uidset_has(store_stored(t->generation), uid));
}

static bool known_unasked(const struct batch *b, const imap4_message *m)
{
	return m != NULL && (m->have & IMAP4_MSG_UID) && !is_asked(b, m->uid);
}

static int on_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct batch *b = ctx;
	struct task *t = b->task;
	struct err e = ERR_INIT;
	if (err_is_set(&t->sink_err))
		return -1;
	if (b->early && task_catch_up(t, &e) != 0)
		return sink_failed(t, &e);
	/* The mailbox is another than was thought, or its listing cannot be relied on: they are asked for again. */
	if (b->cmd == NULL || b->early) {
		b->wasted = true;
		return IMAP4_SINK_SKIP;
	}
	/* Neither a part of the message nor a second body in one response was asked for. */
	if (section.len != 0 || b->body)
		return IMAP4_SINK_SKIP;
	b->body = true;
	b->announced = size;
	if (known_unasked(b, so_far))
		return IMAP4_SINK_SKIP;
	if (size > t->job->max_message) {
		b->too_large = true;
		return IMAP4_SINK_SKIP;
	}
	if (store_message_begin(t->generation, &b->message, &e) != 0)
		return sink_failed(t, &e);
	if (t->match != NULL && t->hash != NULL && sha256_begin(t->hash, &e) != 0)
		return sink_failed(t, &e);
	return IMAP4_SINK_TAKE;
}

static int on_data(void *ctx, const void *p, size_t n)
{
	struct batch *b = ctx;
	struct task *t = b->task;
	struct err e = ERR_INIT;
	t->job->progress.bytes += n;
	b->length += n;
	if (store_message_write(b->message, p, n, &e) != 0)
		return sink_failed(t, &e);
	if (t->match != NULL && t->hash != NULL && sha256_add(t->hash, p, n, &e) != 0)
		return sink_failed(t, &e);
	return 0;
}

static int on_end(void *ctx, int complete)
{
	struct batch *b = ctx;
	b->whole = complete != 0;
	return 0;
}

/* The message is whole and asked for: into the archive. */
static int keep(struct batch *b, const imap4_message *m, struct err *e)
{
	struct task *t = b->task;
	unsigned char sha[SHA256_LEN];
	if (t->match != NULL && t->hash != NULL &&
		(sha256_end(t->hash, sha, e) != 0 || match_check(t, m->uid, sha, e) != 0))
		return -1;
	if (task_flags(t, m, e) != 0)
		return -1;
	if ((m->have & IMAP4_MSG_FLAGS) == 0) {
		t->incomplete = true;
		task_odd(t,
			"UID %" PRIu32
			" came without its flags; they are asked for again next time",
			m->uid);
	}
	const struct store_meta meta = task_meta(t, m);
	struct store_message *message = b->message;
	b->message = NULL;
	if (store_message_finish(message, &meta, e) != 0) {
		if (e->scope > ERR_MESSAGE)
			return -1;
		/* One message that contradicts what is stored: the stored one stays. */
		char reason[ERR_TEXT_MAX];
		snprintf(reason, sizeof reason, "%s", e->text);
		err_clear(e);
		return task_failed(t, m->uid, reason, e);
	}
	struct job *j = t->job;
	t->fresh++;
	t->bytes += b->length;
	t->got_messages++;
	t->got_bytes += b->length;
	t->deaths = t->throttled = 0;
	j->report->messages_new++;
	j->report->bytes_new += b->length;
	j->progress.messages_done++;
	return 0;
}

/* Judge the response that is over. */
static int judge(struct batch *b, const imap4_message *m, struct err *e)
{
	struct task *t = b->task;
	if ((m->have & IMAP4_MSG_UID) == 0) {
		if (b->body)
			task_odd(t, "the server sent a message without its UID; not used");
		return 0;
	}
	if (!is_asked(b, m->uid)) {
		if (b->body)
			task_odd(t,
				"the server sent message UID %" PRIu32
				", which was not asked for or is here already; not used",
				m->uid);
		return task_see_flags(t, m, e);
	}
	if (b->too_large) {
		char reason[120];
		snprintf(reason, sizeof reason,
			"it has %" PRIu64 " bytes, more than max-message-size = %" PRIu64 " allows",
			b->announced, t->job->max_message);
		if (uidset_remove_range(&t->asked, m->uid, m->uid, e) != 0)
			return -1;
		return task_failed(t, m->uid, reason, e);
	}
	if (!b->whole)
		return 0; /* no body, NIL, or cut: still asked for */
	if (b->length == 0 && !((m->have & IMAP4_MSG_SIZE) && m->size == 0))
		return 0;
	if (uidset_remove_range(&t->asked, m->uid, m->uid, e) != 0)
		return -1;
	return keep(b, m, e);
}

static int on_done(void *ctx, const imap4_message *m)
{
	struct batch *b = ctx;
	struct err e = ERR_INIT;
	int rc = err_is_set(&b->task->sink_err) ? -1 : judge(b, m, &e);
	if (rc != 0 && err_is_set(&e))
		sink_failed(b->task, &e);
	batch_reset_response(b);
	return rc;
}

void batch_init_sink(struct batch *b, struct task *t)
{
	b->task = t;
	b->sink = (imap4_sink){
		.ctx = b, .begin = on_begin, .data = on_data, .end = on_end, .done = on_done};
}

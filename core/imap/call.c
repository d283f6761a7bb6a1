/* SPDX-License-Identifier: MIT */
/*
 * call.c -- one call for each command: imap4_call.h over the handles of imap4.h.
 *
 * Everything goes through call_wait(), which waits and keeps the outcome for imap4_last().
 */
#include "core/imap/imap4_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/call.h"
#include "core/imap/session.h"

/* ---- the one helper -------------------------------------------------------------------------------------- */

imap4_err call_keep(imap4_session *s, const imap4_cmd *c, imap4_err rc)
{
	if (imap4_cmd_done(c))
		session_keep_result(s, imap4_cmd_result(c));
	else
		session_refuse(s, rc, "%s was given up: %s", c->kind->name,
			rc == IMAP4_E_CANCELLED ? "somebody called imap4_wake()"
						: "it was called from inside a callback");
	return rc;
}

/* It would wait for the end of an IDLE that nobody ends. */
static bool idling(imap4_session *s, imap4_err *rc)
{
	if (s->idler == NULL)
		return false;
	*rc = call_fail(s, IMAP4_E_STATE, "IDLE is open: imap4_idler_close() comes first");
	return true;
}

imap4_cmd *call_wait(imap4_session *s, imap4_cmd *c, imap4_err *rc)
{
	*rc = imap4_last(s)->err;
	if (c != NULL && !idling(s, rc))
		*rc = call_keep(s, c, imap4_cmd_wait(c, -1));
	return c;
}

imap4_err call_finish(imap4_session *s, imap4_cmd *c)
{
	imap4_err rc;
	imap4_cmd_free(call_wait(s, c, &rc));
	return rc;
}

imap4_err call_fail(imap4_session *s, imap4_err err, const char *text)
{
	session_refuse(s, err, "%s", text);
	return err;
}

imap4_str call_str(const char *s)
{
	return (imap4_str){s, s != NULL ? strlen(s) : 0};
}

imap4_err imap4_call(imap4_session *s, imap4_cmd *c)
{
	return call_finish(s, c);
}

/* ---- with data ------------------------------------------------------------------------------------------- */

/* The responses are taken out of the handle: they hold on to nothing of the session. */
struct imap4_data *call_take(struct cmd_data **first, struct cmd_data **last)
{
	struct cmd_data *item = *first;
	if (item == NULL)
		return NULL;
	struct imap4_data *d = item->data;
	*first = item->next;
	if (*first == NULL)
		*last = NULL;
	free(item);
	return d;
}

static size_t count_data(const imap4_cmd *c)
{
	size_t n = 0;
	for (const struct cmd_data *item = c->first; item != NULL; item = item->next)
		n++;
	return n;
}

imap4_reply *call_reply(struct cmd_data **first, struct cmd_data **last, size_t n)
{
	imap4_reply *r = calloc(1, sizeof *r);
	const imap4_data **data = calloc(n > 0 ? n : 1, sizeof(const imap4_data *));
	if (r == NULL || data == NULL) {
		free(r);
		free(data);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		data[i] = call_take(first, last);
	r->data = data;
	r->n = n;
	return r;
}

void imap4_reply_free(imap4_reply *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		resp_free((struct imap4_data *)(uintptr_t)r->data[i]);
	free((void *)(uintptr_t)r->data);
	free(r);
}

imap4_err imap4_call_data(imap4_session *s, imap4_cmd *c, imap4_reply **out)
{
	imap4_err rc;
	*out = NULL;
	c = call_wait(s, c, &rc);
	if (rc == IMAP4_OK && (*out = call_reply(&c->first, &c->last, count_data(c))) == NULL)
		rc = call_fail(s, IMAP4_E_NOMEM, "out of memory for an answer");
	imap4_cmd_free(c);
	return rc;
}

imap4_err imap4_call_each(
	imap4_session *s, imap4_cmd *c, int (*each)(void *ctx, const imap4_data *d), void *ctx)
{
	if (c == NULL)
		return imap4_last(s)->err;
	imap4_err rc = IMAP4_OK;
	if (idling(s, &rc)) {
		imap4_cmd_free(c);
		return rc;
	}
	bool stopped = false, done = false;
	while (!done && rc != IMAP4_E_STATE && rc != IMAP4_E_CANCELLED) {
		done = imap4_cmd_done(c);
		for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL && !stopped;)
			stopped = each(ctx, d) != 0;
		/* A call inside each() may have completed this one as well; then nothing more would move. */
		if (!done && !imap4_cmd_done(c))
			rc = imap4_pump(s, -1);
	}
	rc = call_keep(s, c, done ? imap4_cmd_result(c)->err : rc);
	imap4_cmd_free(c);
	if (rc == IMAP4_OK && stopped)
		rc = call_fail(s, IMAP4_E_CALLBACK, "the receiver of its data stopped");
	return rc;
}

imap4_err call_maybe_data(imap4_session *s, imap4_cmd *c, imap4_reply **out)
{
	return out != NULL ? imap4_call_data(s, c, out) : call_finish(s, c);
}

/* ---- the session ----------------------------------------------------------------------------------------- */

imap4_err imap4_open(imap4_session **out, const imap4_options *o, char **why)
{
	imap4_err rc = imap4_open_start(out, o, why);
	if (rc != IMAP4_OK)
		return rc;
	while (imap4_session_state(*out) == IMAP4_CONNECTING)
		(void)imap4_pump(*out, -1);
	if (imap4_session_state(*out) != IMAP4_DEAD)
		return IMAP4_OK;
	const imap4_result *end = imap4_last(*out);
	rc = end->err;
	if (why != NULL)
		*why = strdup(end->message);
	imap4_close(*out);
	*out = NULL;
	return rc;
}

imap4_err imap4_call_login(imap4_session *s, const char *user, const char *password)
{
	const imap4_credentials me = {.struct_size = sizeof me, .user = user, .password = password};
	return call_finish(s, imap4_login_start(s, &me));
}

imap4_err imap4_call_logout(imap4_session *s)
{
	return call_finish(s, imap4_logout_start(s));
}

imap4_err imap4_call_noop(imap4_session *s)
{
	return call_finish(s, imap4_noop_start(s));
}

imap4_err imap4_call_idle(imap4_session *s, int duration_ms)
{
	if (duration_ms <= 0 || duration_ms > CALL_IDLE_MAX_MS)
		return call_fail(s, IMAP4_E_ARG, "IDLE: not a time between 1 ms and 29 minutes");
	imap4_err rc;
	if (idling(s, &rc))
		return rc;
	imap4_cmd *c = imap4_idle_start(s);
	if (c == NULL)
		return imap4_last(s)->err;
	rc = imap4_cmd_wait(c, duration_ms);
	if (rc == IMAP4_AGAIN)
		rc = imap4_idle_done(c);
	if (rc == IMAP4_OK)
		return call_finish(s, c);
	rc = call_keep(s, c, rc);
	imap4_cmd_free(c);
	return rc;
}

imap4_err imap4_call_id(
	imap4_session *s, const char *const *field_value, size_t n, imap4_reply **out)
{
	return call_maybe_data(s, imap4_id_start(s, field_value, n), out);
}

imap4_err imap4_call_enable(imap4_session *s, const char *capability)
{
	return call_finish(s, imap4_enable_start(s, &capability, 1));
}

imap4_err imap4_call_compress(imap4_session *s)
{
	return call_finish(s, imap4_compress_start(s));
}

/* Whether one was kept; those that are, are taken. */
static bool take_recent(imap4_session *s)
{
	bool any = false;
	for (imap4_data *d; (d = imap4_untagged_take(s, "RECENT")) != NULL; any = true)
		imap4_data_free(d);
	return any;
}

imap4_err imap4_call_recent(imap4_session *s, uint32_t *n)
{
	*n = 0;
	imap4_err rc = IMAP4_OK;
	if (!take_recent(s))
		rc = imap4_call_noop(s);
	if (rc != IMAP4_OK)
		return rc;
	(void)take_recent(s);
	const imap4_selected *m = imap4_selected_mailbox(s);
	if (m == NULL)
		return call_fail(s, IMAP4_E_STATE, "RECENT: no mailbox is selected");
	*n = m->recent;
	return IMAP4_OK;
}

/* ---- mailboxes ------------------------------------------------------------------------------------------- */

imap4_err imap4_call_namespace(imap4_session *s, imap4_reply **out)
{
	return imap4_call_data(s, imap4_namespace_start(s), out);
}

imap4_err imap4_call_list(
	imap4_session *s, const char *reference, const char *pattern, imap4_reply **out)
{
	return imap4_call_data(s, imap4_list_start(s, reference, &pattern, 1, NULL), out);
}

imap4_err imap4_call_lsub(
	imap4_session *s, const char *reference, const char *pattern, imap4_reply **out)
{
	return imap4_call_data(s, imap4_lsub_start(s, reference, pattern), out);
}

imap4_err imap4_call_status(
	imap4_session *s, const char *mailbox, uint32_t items, imap4_reply **out)
{
	imap4_err rc = imap4_call_data(s, imap4_status_start(s, call_str(mailbox), items), out);
	if (rc != IMAP4_OK || (*out)->n > 0)
		return rc;
	imap4_reply_free(*out);
	*out = NULL;
	return call_fail(s, IMAP4_E_PROTO, "the server said OK to STATUS, and nothing else");
}

imap4_err imap4_call_select(imap4_session *s, const char *mailbox, int writable)
{
	const imap4_select_opts o = {.struct_size = sizeof o, .writable = writable};
	return call_finish(s, imap4_select_start(s, call_str(mailbox), &o));
}

imap4_err imap4_call_close_mailbox(imap4_session *s)
{
	return call_finish(s, imap4_close_mailbox_start(s));
}

imap4_err imap4_call_unselect(imap4_session *s)
{
	return call_finish(s, imap4_unselect_start(s));
}

imap4_err imap4_call_create(imap4_session *s, const char *mailbox)
{
	return call_finish(s, imap4_create_start(s, call_str(mailbox), NULL));
}

imap4_err imap4_call_delete(imap4_session *s, const char *mailbox)
{
	return call_finish(s, imap4_delete_start(s, call_str(mailbox)));
}

imap4_err imap4_call_rename(imap4_session *s, const char *from, const char *to)
{
	return call_finish(s, imap4_rename_start(s, call_str(from), call_str(to)));
}

imap4_err imap4_call_subscribe(imap4_session *s, const char *mailbox)
{
	return call_finish(s, imap4_subscribe_start(s, call_str(mailbox)));
}

imap4_err imap4_call_unsubscribe(imap4_session *s, const char *mailbox)
{
	return call_finish(s, imap4_unsubscribe_start(s, call_str(mailbox)));
}

imap4_err imap4_call_getacl(imap4_session *s, const char *mailbox, imap4_reply **out)
{
	return imap4_call_data(s, imap4_getacl_start(s, call_str(mailbox)), out);
}

imap4_err imap4_call_myrights(imap4_session *s, const char *mailbox, imap4_reply **out)
{
	return imap4_call_data(s, imap4_myrights_start(s, call_str(mailbox)), out);
}

imap4_err imap4_call_getquota(imap4_session *s, const char *root, imap4_reply **out)
{
	return imap4_call_data(s, imap4_getquota_start(s, root), out);
}

imap4_err imap4_call_getquotaroot(imap4_session *s, const char *mailbox, imap4_reply **out)
{
	return imap4_call_data(s, imap4_getquotaroot_start(s, call_str(mailbox)), out);
}

imap4_err imap4_call_getmetadata(
	imap4_session *s, const char *mailbox, const char *entry, imap4_reply **out)
{
	return imap4_call_data(
		s, imap4_getmetadata_start(s, call_str(mailbox), &entry, 1, NULL), out);
}

/* SPDX-License-Identifier: MIT */
/*
 * call_idle.c -- hear a server for a while: IDLE again and again, and what it tells one by one.
 *
 * What nobody asked for comes here, while this is open, in the place of the session's store (session_untagged.c); what
 * was not taken goes there in the end. A line that is cut by the end of the time stays in the lexer, so that it is neither
 * lost nor told twice.
 */
#include <stdlib.h>

#include "core/imap/call.h"
#include "core/imap/session.h"

#define IDLE_SHORTEST_MS 1000 /* a server that ends IDLE by itself sooner would do so for ever */
#define BURST_MAX	 1000 /* responses */

struct imap4_idler {
	struct imap4_session *s; /* NULL: closed meanwhile, and the command with it */
	struct imap4_cmd *c;	 /* the running IDLE, owned; NULL: none */
	bool ending;		 /* DONE was sent, to begin anew */
	int renew_ms;
	int64_t begun, deadline;
	struct cmd_data *first, *last; /* heard, not taken */
	size_t n;
	bool lost;     /* no memory for something that was heard */
	imap4_err err; /* it is over */
};

/* ---- what is heard ---------------------------------------------------------------------------------------- */

void idler_hear(struct imap4_idler *i, struct imap4_data **d)
{
	/* Nothing behind a gap: that it is there is told when its turn comes. */
	struct cmd_data *item = i->lost ? NULL : calloc(1, sizeof(*item));
	if (!item) {
		i->lost = true;
		return;
	}
	item->data = *d;
	*d = NULL;
	if (i->last)
		i->last->next = item;
	else
		i->first = item;
	i->last = item;
	i->n++;
}

static struct imap4_data *take(struct imap4_idler *i)
{
	struct imap4_data *d = call_take(&i->first, &i->last);
	i->n -= d != NULL;
	return d;
}

void idler_leave(struct imap4_idler *i)
{
	i->s = NULL;
	i->c = NULL;
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static imap4_err begin(struct imap4_idler *i)
{
	i->ending = false;
	i->begun = clock_now(i->s->clock);
	i->c = imap4_idle_start(i->s);
	return i->c ? IMAP4_OK : imap4_last(i->s)->err;
}

static bool is_time(int ms)
{
	return ms >= 0 && ms <= CALL_IDLE_MAX_MS;
}

imap4_err imap4_idler_open(imap4_idler **out, imap4_session *s, const imap4_idler_opts *o)
{
	imap4_idler_opts all;
	cmd_options(&all, sizeof(all), o);
	*out = NULL;
	if (s->idler)
		return call_fail(s, IMAP4_E_STATE, "IDLE: one is open already");
	if (all.duration_ms < 0 || !is_time(all.renew_ms))
		return call_fail(s, IMAP4_E_ARG, "IDLE: not a time between 1 ms and 29 minutes");
	struct imap4_idler *i = calloc(1, sizeof(*i));
	if (!i)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for IDLE");
	i->s = s;
	i->renew_ms = all.renew_ms > 0 ? all.renew_ms : CALL_IDLE_MAX_MS;
	i->deadline = clock_deadline(s->clock, all.duration_ms > 0 ? all.duration_ms : -1);
	imap4_err rc = begin(i);
	if (rc != IMAP4_OK) {
		free(i);
		return rc;
	}
	s->idler = i;
	engine_keep_bodies(s->engine, true);
	*out = i;
	return IMAP4_OK;
}

/* ---- waiting ---------------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static imap4_err over(struct imap4_idler *i, imap4_err err, const char *text)
{
	i->err = err;
	return call_fail(i->s, err, text);
}

/* An IDLE is complete: the next one, or the end. */
static imap4_err go_on(struct imap4_idler *i)
{
	const imap4_result *r = imap4_cmd_result(i->c);
	bool at_once = clock_now(i->s->clock) < i->begun + IDLE_SHORTEST_MS;
	i->err = r->err;
	session_keep_result(i->s, r);
	imap4_cmd_free(i->c);
	i->c = NULL;
	if (i->err == IMAP4_OK && at_once && !i->ending)
		return over(i, IMAP4_E_PROTO, "the server ended IDLE as soon as it had begun");
	if (i->err == IMAP4_OK)
		i->err = begin(i);
	return i->err;
}

/* What the time and the server make necessary. */
static imap4_err advance(struct imap4_idler *i)
{
	if (i->err != IMAP4_OK)
		return i->err;
	if (i->lost)
		return over(i, IMAP4_E_NOMEM, "out of memory for what the server told");
	if (imap4_cmd_done(i->c))
		return go_on(i);
	if (i->ending || clock_now(i->s->clock) < i->begun + i->renew_ms)
		return IMAP4_OK;
	i->ending = true;
	i->err = imap4_idle_done(i->c);
	return i->err;
}

/* Until more than so many were heard. */
static imap4_err hear(struct imap4_idler *i, int timeout_ms, size_t more_than)
{
	if (!i->s)
		return IMAP4_E_STATE;
	const struct clock *clock = i->s->clock;
	int64_t until = earlier(clock_deadline(clock, timeout_ms), i->deadline);
	while (i->n <= more_than) {
		if (i->err == IMAP4_OK && clock_left(clock, i->deadline) == 0)
			return IMAP4_AGAIN;
		imap4_err rc = advance(i);
		if (rc != IMAP4_OK)
			return rc;
		int64_t turn = i->ending ? until : earlier(until, i->begun + i->renew_ms);
		rc = imap4_pump(i->s, clock_left(clock, turn));
		if (rc == IMAP4_E_STATE)
			return call_fail(i->s, rc, "IDLE: it was called from inside a callback");
		if (rc == IMAP4_E_CANCELLED)
			return call_fail(i->s, rc, "IDLE: somebody called imap4_wake()");
		if (i->n > more_than || imap4_cmd_done(i->c))
			continue;
		if (rc < 0)
			return call_fail(i->s, rc, "IDLE: nothing can be waited for");
		if (clock_left(clock, until) == 0)
			return IMAP4_AGAIN;
	}
	return IMAP4_OK;
}

imap4_err imap4_idler_next(imap4_idler *i, int timeout_ms, imap4_data **out)
{
	*out = NULL;
	imap4_err rc = hear(i, timeout_ms, 0);
	if (rc == IMAP4_OK)
		*out = take(i);
	return rc;
}

imap4_err imap4_idler_burst(imap4_idler *i, int gap_ms, imap4_reply **out)
{
	*out = NULL;
	imap4_err rc = hear(i, -1, 0);
	if (rc != IMAP4_OK)
		return rc;
	while (rc == IMAP4_OK && i->n < BURST_MAX)
		rc = hear(i, gap_ms, i->n);
	if (rc == IMAP4_E_CANCELLED || rc == IMAP4_E_STATE)
		return rc;
	size_t n = i->n < BURST_MAX ? i->n : BURST_MAX;
	*out = call_reply(&i->first, &i->last, n);
	if (*out == NULL)
		return call_fail(i->s, IMAP4_E_NOMEM, "out of memory for what the server told");
	i->n -= n;
	return IMAP4_OK;
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

/* DONE, and what the server still tells until it has answered that. */
static imap4_err end(struct imap4_idler *i)
{
	imap4_err rc = i->err;
	if (i->c) {
		rc = imap4_idle_done(i->c);
		if (rc == IMAP4_OK)
			rc = imap4_cmd_wait(i->c, -1);
		(void)call_keep(i->s, i->c, rc);
		imap4_cmd_free(i->c);
	}
	return i->lost && rc == IMAP4_OK
		? over(i, IMAP4_E_NOMEM, "out of memory for what the server told")
		: rc;
}

imap4_err imap4_idler_close(imap4_idler *i)
{
	if (!i)
		return IMAP4_OK;
	struct imap4_session *s = i->s;
	if (s && (s->in_turn || engine_in_callback(s->engine)))
		return call_fail(s, IMAP4_E_STATE, "IDLE cannot be closed from inside a callback");
	imap4_err rc = s ? end(i) : IMAP4_E_STATE;
	if (s) {
		s->idler = NULL;
		engine_keep_bodies(s->engine, false);
	}
	for (struct imap4_data *d; (d = take(i)) != NULL;) {
		if (s)
			session_keep_data(s, &d, false);
		resp_free(d);
	}
	free(i);
	return rc;
}

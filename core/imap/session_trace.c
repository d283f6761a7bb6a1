/* SPDX-License-Identifier: MIT */
/*
 * session_trace.c -- trace lines on their way to the caller, and the credentials that nobody may
 * see.
 *
 * A password can come back from the server in any text ("NO bad password hunter2"). Whole lines
 * are searched, when they are finished: then it does not matter how the network has cut them.
 */
#include <stdio.h>
#include <string.h>

#include "core/imap/session.h"

static void write_line(void *ctx, const char *line, size_t n)
{
	struct imap4_session *s = ctx;
	if (s->secrets.n == 0) {
		s->events.trace(s->events.ctx, line, n);
		return;
	}
	buf_clear(&s->trace_line);
	if (buf_add(&s->trace_line, line, n) < 0)
		return; /* a line that cannot be searched is not shown */
	secrets_hide(&s->secrets, (char *)s->trace_line.data, s->trace_line.len);
	s->events.trace(s->events.ctx, (const char *)s->trace_line.data, s->trace_line.len);
}

int session_trace_open(struct imap4_session *s, struct err *e)
{
	buf_init(&s->trace_line, 16 * TRACE_LINE_MAX);
	if (!s->events.trace)
		return 0;
	return trace_new(&s->trace, s->o.label, write_line, s, s->clock, e);
}

void session_note(struct imap4_session *s, const char *fmt, ...)
{
	if (!s->trace)
		return;
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	trace_note(s->trace, text);
}

int session_secret(struct imap4_session *s, struct slice secret, struct err *e)
{
	s->secrets_over = false;
	return secrets_add(&s->secrets, secret, e);
}

void session_secrets_over(struct imap4_session *s)
{
	s->secrets_over = true;
}

void session_refresh_capabilities(struct imap4_session *s)
{
	engine_close_gate(s->engine);
	s->refresh = true;
}

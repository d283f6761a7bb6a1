/* SPDX-License-Identifier: MIT */
/*
 * session_rig.c -- see session_rig.h.
 */
#include "tests/support/session_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t srig_now(void *ctx)
{
	return ((const struct srig *)ctx)->now;
}

static void on_trace(void *ctx, const char *line, size_t n)
{
	buf_add(&((struct srig *)ctx)->trace, line, n);
}

static void on_alert(void *ctx, imap4_session *s, imap4_str text)
{
	(void)s;
	struct srig *r = ctx;
	buf_add(&r->alerts, text.ptr, text.len);
	buf_add_byte(&r->alerts, '\n');
}

static void on_data(void *ctx, imap4_session *s, const imap4_data *d)
{
	(void)s;
	(void)d;
	struct srig *r = ctx;
	r->data++;
	if (r->on_data)
		r->on_data(r->ctx, r);
}

static void on_progress(void *ctx, imap4_session *s, const imap4_progress *p)
{
	(void)s;
	struct srig *r = ctx;
	r->progress++;
	r->progress_of = p->cmd;
	r->progress_done = p->done;
}

static void prepare(struct srig *r, imap4_options *o)
{
	r->now = 1000000;
	r->clock = (struct clock){srig_now, r};
	buf_init(&r->trace, 16 << 20);
	buf_init(&r->alerts, 1 << 20);
	r->events = (imap4_events){.struct_size = sizeof(r->events),
		.ctx = r,
		.alert = on_alert,
		.data = on_data,
		.trace = on_trace,
		.progress = on_progress};
	o->events = &r->events;
}

imap4_err srig_open(struct srig *r, imap4_options *o)
{
	struct err e = ERR_INIT;
	prepare(r, o);
	if (stream_memory_new(&r->mem, &e) < 0)
		return IMAP4_E_NOMEM;
	return session_open_stream(&r->s, o, r->mem, &r->clock, &e);
}

imap4_err srig_open_clear(struct srig *r)
{
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.allow_cleartext = 1;
	return srig_open(r, &o);
}

imap4_err srig_connect(struct srig *r, imap4_options *o, uint16_t port)
{
	prepare(r, o);
	if (!o->host)
		o->host = "127.0.0.1";
	o->port = port;
	return imap4_open_start(&r->s, o, NULL);
}

void srig_close(struct srig *r)
{
	imap4_close(r->s);
	r->s = NULL;
	buf_release(&r->trace);
	buf_release(&r->alerts);
}

static void input(struct srig *r, const char *text)
{
	struct err e = ERR_INIT;
	if (stream_memory_input(r->mem, text, strlen(text), &e) < 0)
		abort();
}

void srig_say(struct srig *r, const char *line)
{
	if (!r->s->stream)
		return;
	if (strncmp(line, "$ ", 2) == 0) {
		input(r, r->tag);
		line++;
	}
	input(r, line);
	input(r, "\r\n");
}

imap4_err srig_pump(struct srig *r)
{
	imap4_err rc;
	unsigned turns = 0;
	do {
		rc = imap4_pump(r->s, 0);
	} while (rc == IMAP4_OK && ++turns < 10000);
	return rc;
}

const char *srig_line(struct srig *r)
{
	static char line[65536];
	line[0] = '\0';
	if (!r->s->stream)
		return line;
	struct slice out = stream_memory_output(r->mem);
	if (r->read >= out.n)
		return line;
	const char *from = (const char *)out.p + r->read;
	const char *nl = memchr(from, '\n', out.n - r->read);
	if (!nl)
		return line;
	r->read += (size_t)(nl - from) + 1;
	size_t n = (size_t)(nl - from);
	if (n > 0 && from[n - 1] == '\r')
		n--;
	const char *space = memchr(from, ' ', n);
	size_t tag = space ? (size_t)(space - from) : 0;
	if (tag > 0 && tag < sizeof(r->tag) && memchr(from, '.', tag)) {
		memcpy(r->tag, from, tag);
		r->tag[tag] = '\0';
		from += tag + 1;
		n -= tag + 1;
	}
	(void)snprintf(line, sizeof(line), "%.*s", (int)n, from);
	return line;
}

void srig_greet(struct srig *r, const char *capabilities)
{
	char line[4096];
	(void)snprintf(line, sizeof(line), "* OK [CAPABILITY %s] ready", capabilities);
	srig_say(r, line);
	(void)srig_pump(r);
}

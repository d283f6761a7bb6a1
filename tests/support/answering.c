/* SPDX-License-Identifier: MIT */
#include "tests/support/answering.h"

#include <stdio.h>
#include <string.h>

/* ---- sending ---------------------------------------------------------------------------------------------- */

static void put(struct answering *v, const void *p, size_t n)
{
	if (v->nout + n > sizeof(v->out)) {
		v->broken = true;
		return;
	}
	memcpy(v->out + v->nout, p, n);
	v->nout += n;
}

/* A stored block (RFC 1951 section 3.2.4) that begins and ends with an octet. */
static void say(struct answering *v, const char *text)
{
	size_t n = strlen(text);
	const unsigned char head[] = {0, (unsigned char)n, (unsigned char)(n >> 8),
		(unsigned char)~n, (unsigned char)(~n >> 8)};
	if (n > 0 && v->deflated)
		put(v, head, sizeof(head));
	put(v, text, n);
}

/* ---- receiving -------------------------------------------------------------------------------------------- */

static void *arena_get(void *ctx, unsigned items, unsigned size)
{
	struct answering *v = ctx;
	size_t n = ((size_t)items * size + 15) & ~(size_t)15;
	if (v->arena_used + n > sizeof(v->arena))
		return NULL;
	void *p = v->arena + v->arena_used;
	v->arena_used += n;
	return p;
}

static void arena_put(void *ctx, void *p)
{
	(void)ctx, (void)p;
}

static void deflate_begin(struct answering *v)
{
	v->deflated = true;
	v->in = (z_stream){.zalloc = arena_get, .zfree = arena_put, .opaque = v};
	if (inflateInit2(&v->in, -15) != Z_OK)
		v->broken = true;
}

static void finish(struct answering *v, const struct answering_row *row)
{
	char tagged[200];
	say(v, row->data ? row->data : "");
	(void)snprintf(
		tagged, sizeof(tagged), "%s %s\r\n", v->tag, row->tagged ? row->tagged : "OK x");
	say(v, tagged);
	v->waiting = NULL;
	if (row->deflates)
		deflate_begin(v);
}

static void answer(struct answering *v, const char *line)
{
	static const struct answering_row unknown = {.tagged = "BAD what?"};
	if (v->waiting) {
		finish(v, v->waiting);
		return;
	}
	size_t tag = strcspn(line, " \r");
	(void)snprintf(v->tag, sizeof(v->tag), "%.*s", (int)tag, line);
	line += tag + (line[tag] == ' ');
	const struct answering_row *row = v->rows;
	while (row->name && strncmp(line, row->name, strlen(row->name)) != 0)
		row++;
	if (row->name && row->plus) {
		v->waiting = row;
		say(v, row->plus);
	} else {
		finish(v, row->name ? row : &unknown);
	}
}

static void take(struct answering *v, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v->nline + 1 < sizeof(v->line))
			v->line[v->nline++] = p[i];
		if (p[i] != '\n')
			continue;
		v->line[v->nline] = '\0';
		v->nline = 0;
		answer(v, v->line);
	}
}

static void inflate_some(struct answering *v, const void *p, size_t n)
{
	unsigned char plain[1024];
	v->in.next_in = (Bytef *)(uintptr_t)p;
	v->in.avail_in = (uInt)n;
	do {
		v->in.next_out = plain;
		v->in.avail_out = sizeof(plain);
		int rc = inflate(&v->in, Z_SYNC_FLUSH);
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			v->broken = true;
		take(v, (const char *)plain, sizeof(plain) - v->in.avail_out);
	} while (v->in.avail_out == 0 && !v->broken);
}

/* ---- the transport ---------------------------------------------------------------------------------------- */

static long on_read(void *ctx, void *p, size_t n)
{
	struct answering *v = ctx;
	if (!v->greeted)
		say(v, v->greeting);
	v->greeted = true;
	size_t some = v->nout - v->at < n ? v->nout - v->at : n;
	memcpy(p, v->out + v->at, some);
	v->at += some;
	return v->broken ? IMAP4_IO_ERROR : some > 0 ? (long)some : IMAP4_IO_AGAIN;
}

static long on_write(void *ctx, const void *p, size_t n)
{
	struct answering *v = ctx;
	if (v->deflated)
		inflate_some(v, p, n);
	else
		take(v, p, n);
	return (long)n;
}

static int on_poll(void *ctx, int writing)
{
	(void)ctx, (void)writing;
	return -1;
}

static int on_pending(void *ctx)
{
	const struct answering *v = ctx;
	return !v->greeted || v->at < v->nout || v->broken;
}

static void on_close(void *ctx)
{
	((struct answering *)ctx)->closed = true;
}

imap4_io answering_begin(struct answering *v)
{
	const char *greeting = v->greeting;
	const struct answering_row *rows = v->rows;
	memset(v, 0, sizeof(*v));
	v->greeting = greeting;
	v->rows = rows;
	return (imap4_io){.struct_size = sizeof(imap4_io),
		.ctx = v,
		.read = on_read,
		.write = on_write,
		.poll_fd = on_poll,
		.pending = on_pending,
		.close = on_close};
}

/* SPDX-License-Identifier: MIT */
/*
 * engine_stream.c -- messages on their way out (APPEND): read from the caller when there is room in the output, so that
 * none is ever held in memory.
 *
 * A literal that was announced must be completed: nothing else can be said on the connection before. When
 * the caller cannot give the octets, the connection is therefore lost, and engine_check() says so.
 */
#include "core/imap/engine_internal.h"

#define STREAM_CHUNK ((size_t)32 << 10)

static void lose(struct engine *g, const char *why)
{
	if (!err_is_set(&g->broken))
		(void)err_set(&g->broken, ERR_CONNECTION, E_STATE, "%s", why);
	g->streaming = NULL;
}

void engine_stream_begin(struct engine *g, struct imap4_cmd *c, uint64_t size)
{
	g->streaming = c;
	g->stream_left = size;
}

static const imap4_source *source_of(const struct imap4_cmd *c)
{
	return c->enc.part[c->next_part - 1].body;
}

/* One chunk. false: the connection is lost. */
static bool read_chunk(struct engine *g, struct err *e)
{
	const imap4_source *source = source_of(g->streaming);
	size_t want = g->stream_left < STREAM_CHUNK ? (size_t)g->stream_left : STREAM_CHUNK;
	unsigned char *room = out_room(&g->out, want, e);
	if (room == NULL) {
		g->broken = *e;
		g->streaming = NULL;
		return false;
	}
	engine_enter_callback(g);
	long got = source->read(source->ctx, room, want);
	engine_leave_callback(g);
	if (got <= 0 || (size_t)got > want) {
		lose(g, "a message to be uploaded ended before its size was reached");
		return false;
	}
	out_add_body(&g->out, (size_t)got);
	g->stream_left -= (uint64_t)got;
	return true;
}

void engine_stream_fill(struct engine *g)
{
	struct err e = ERR_INIT;
	while (g->streaming != NULL && out_size(&g->out) < IMAP_OUTPUT_MAX) {
		struct imap4_cmd *c = g->streaming;
		if (g->stream_left > 0) {
			if (!read_chunk(g, &e))
				return;
			continue;
		}
		/* What follows may be the next message of the same command. */
		g->streaming = NULL;
		if (engine_write_on(g, c, &e) != 0)
			g->broken = e;
	}
}

void engine_stream_abandon(struct engine *g, const struct imap4_cmd *c)
{
	bool open = g->streaming == c;
	for (size_t i = c->next_part; i < c->enc.nparts && !open; i++)
		open = c->enc.part[i].body != NULL;
	if (open && c->state == CMD_SENDING)
		lose(g, "an upload was given up in the middle");
}

int engine_check(const struct engine *g, struct err *e)
{
	if (!err_is_set(&g->broken))
		return 0;
	*e = g->broken;
	return -1;
}

bool engine_output_is_body(const struct engine *g)
{
	return g->out.first_piece < g->out.npieces && g->out.piece[g->out.first_piece].body;
}

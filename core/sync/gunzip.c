/* SPDX-License-Identifier: MIT */
/* gunzip.c -- see gunzip.h. */
#include "core/sync/gunzip.h"

#include <stdlib.h>
#define ZLIB_CONST /* input is read only */
#include <zlib.h>

#define WINDOW_BITS (15 + 16) /* 16: gzip, not zlib */
#define IN_SIZE	    ((size_t)64 << 10)
#define OUT_MAX	    ((size_t)1 << 30) /* zlib counts in unsigned int */

struct gunzip {
	z_stream z;
	int (*get)(void *ctx, void *p, size_t n, size_t *got, struct err *e);
	void *ctx;
	bool ended;   /* no more input */
	bool between; /* at the end of a member */
	unsigned char in[IN_SIZE];
};

struct gunzip *gunzip_new(int (*get)(void *ctx, void *p, size_t n, size_t *got, struct err *e),
	void *ctx, struct err *e)
{
	struct gunzip *g = calloc(1, sizeof *g);
	if (g == NULL || inflateInit2(&g->z, WINDOW_BITS) != Z_OK) {
		free(g);
		err_nomem(e, "decompression");
		return NULL;
	}
	g->get = get;
	g->ctx = ctx;
	return g;
}

void gunzip_free(struct gunzip *g)
{
	if (g == NULL)
		return;
	inflateEnd(&g->z);
	free(g);
}

static int refill(struct gunzip *g, struct err *e)
{
	size_t got = 0;
	if (g->z.avail_in > 0 || g->ended)
		return 0;
	if (g->get(g->ctx, g->in, IN_SIZE, &got, e) != 0)
		return -1;
	g->z.next_in = g->in;
	g->z.avail_in = (uInt)got;
	g->ended = got == 0;
	return 0;
}

static int broken(const struct gunzip *g, int rc, struct err *e)
{
	if (rc == Z_MEM_ERROR)
		return err_nomem(e, "decompression");
	return err_set(e, ERR_STORE, E_CORRUPT, "the compressed data is damaged (%s)",
		g->z.msg != NULL ? g->z.msg : "not gzip");
}

int gunzip_read(struct gunzip *g, void *p, size_t n, size_t *got, struct err *e)
{
	size_t room = n < OUT_MAX ? n : OUT_MAX;
	for (*got = 0; *got == 0;) {
		if (refill(g, e) != 0)
			return -1;
		bool empty = g->z.avail_in == 0;
		if (g->between && empty)
			return 0;
		if (g->between && inflateReset(&g->z) != Z_OK)
			return broken(g, Z_STREAM_ERROR, e);
		g->between = false;
		g->z.next_out = p;
		g->z.avail_out = (uInt)room;
		int rc = inflate(&g->z, Z_NO_FLUSH);
		*got = room - g->z.avail_out;
		g->between = rc == Z_STREAM_END;
		/* Z_BUF_ERROR: more input is needed. What came out in front of damage is given first; the
		 * next call then fails in the same way. */
		if (*got == 0 && rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return broken(g, rc, e);
		if (*got == 0 && empty && !g->between)
			return err_set(e, ERR_STORE, E_CORRUPT,
				"the compressed data is cut off: the end is missing");
	}
	return 0;
}

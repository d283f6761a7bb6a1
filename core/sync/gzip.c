/* SPDX-License-Identifier: MIT */
/* gzip.c -- see gzip.h. Only this file and gunzip.c of core/sync know zlib. */
#include "core/sync/gzip.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* input is read only */
#include <zlib.h>

#define WINDOW_BITS  (15 + 16) /* 16: gzip, not zlib */
#define MEMORY_LEVEL 8
#define OUT_SIZE     ((size_t)64 << 10)
#define IN_MAX	     ((size_t)1 << 30) /* zlib counts in unsigned int */
#define OS_UNKNOWN   255

struct gzip {
	z_stream z;
	gz_header header;
	int (*put)(void *ctx, const void *p, size_t n, struct err *e);
	void *ctx;
	unsigned char out[OUT_SIZE];
};

struct gzip *gzip_new(
	int (*put)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	struct gzip *g = calloc(1, sizeof *g);
	if (g == NULL ||
		deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
			Z_DEFAULT_STRATEGY) != Z_OK) {
		free(g);
		err_nomem(e, "compression");
		return NULL;
	}
	/* zlib would write the system it was built for. */
	g->header.os = OS_UNKNOWN;
	deflateSetHeader(&g->z, &g->header);
	g->put = put;
	g->ctx = ctx;
	return g;
}

void gzip_free(struct gzip *g)
{
	if (g == NULL)
		return;
	deflateEnd(&g->z);
	free(g);
}

static int step(struct gzip *g, int flush, struct err *e)
{
	do {
		g->z.next_out = g->out;
		g->z.avail_out = (uInt)OUT_SIZE;
		int rc = deflate(&g->z, flush);
		/* Z_BUF_ERROR: there was nothing to do. */
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(
				e, ERR_STORE, E_INVALID, "compression failed (zlib error %d)", rc);
		size_t n = OUT_SIZE - g->z.avail_out;
		if (n > 0 && g->put(g->ctx, g->out, n, e) != 0)
			return -1;
	} while (g->z.avail_out == 0);
	return 0;
}

int gzip_write(struct gzip *g, const void *p, size_t n, struct err *e)
{
	const unsigned char *at = p;
	while (n > 0) {
		size_t part = n < IN_MAX ? n : IN_MAX;
		g->z.next_in = at;
		g->z.avail_in = (uInt)part;
		if (step(g, Z_NO_FLUSH, e) != 0)
			return -1;
		at += part;
		n -= part;
	}
	return 0;
}

int gzip_finish(struct gzip *g, struct err *e)
{
	g->z.next_in = NULL;
	g->z.avail_in = 0;
	return step(g, Z_FINISH, e);
}

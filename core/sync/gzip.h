/* SPDX-License-Identifier: MIT */
/*
 * gzip.h -- a stream of bytes to a gzip file (RFC 1952), reproducible: no time, no name, the same
 * operating system everywhere. One member, fixed memory.
 */
#ifndef CORE_SYNC_GZIP_H
#define CORE_SYNC_GZIP_H

#include <stddef.h>

#include "core/base/err.h"

struct gzip;

/* put() takes compressed bytes: 0, or -1 with *e. NULL: E_NOMEM. */
struct gzip *gzip_new(
	int (*put)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e);
int gzip_write(struct gzip *z, const void *p, size_t n, struct err *e) NODISCARD;
/* Compress what is still held and write the end. Nothing may follow but gzip_free(). */
int gzip_finish(struct gzip *z, struct err *e) NODISCARD;
void gzip_free(struct gzip *z); /* NULL is fine */

#endif

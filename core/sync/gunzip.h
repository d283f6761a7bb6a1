/* SPDX-License-Identifier: MIT */
/*
 * gunzip.h -- a gzip file (RFC 1952) back to a stream of bytes: several members one behind the other are one stream
 * (section 2.2), each is compared with its CRC and length. Fixed memory, whatever the input claims.
 */
#ifndef CORE_SYNC_GUNZIP_H
#define CORE_SYNC_GUNZIP_H

#include <stddef.h>

#include "core/base/err.h"

struct gunzip;

/* get() gives up to n compressed bytes: 0 with *got, which is 0 at the end, or -1 with *e. NULL: E_NOMEM. */
struct gunzip *gunzip_new(int (*get)(void *ctx, void *p, size_t n, size_t *got, struct err *e),
	void *ctx, struct err *e);
/* Up to n bytes (n > 0); *got is 0 at the end. E_CORRUPT: it is damaged, cut off, or not gzip. */
int gunzip_read(struct gunzip *g, void *p, size_t n, size_t *got, struct err *e) NODISCARD;
void gunzip_free(struct gunzip *g); /* NULL is fine */

#endif

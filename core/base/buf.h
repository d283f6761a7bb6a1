/* SPDX-License-Identifier: MIT */
/*
 * buf.h -- growable bytes with a mandatory upper bound, and borrowed slices.
 *
 * Invariants of struct buf:
 *   - len <= cap <= max + 1; data[len] is '\0' whenever data is not NULL
 *   - once an addition fails (limit or memory) the buffer is *failed*: its contents stay as they
 *     were, and all further additions are ignored until buf_clear(). So a run of additions may be
 *     written without checks and tested once, with buf_check().
 *
 * Life cycle: BUF_INIT(max) or buf_init -> additions -> buf_release.
 */
#ifndef CORE_BASE_BUF_H
#define CORE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* Borrowed bytes; not NUL-terminated. p may be NULL only when n is 0. */
struct slice {
	const unsigned char *p;
	size_t n;
};

#define SLICE_NONE ((struct slice){NULL, 0})

struct slice slice_of(const void *p, size_t n);
struct slice slice_str(const char *s); /* NULL gives the empty slice */
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *s);
bool slice_ieq_str(struct slice a, const char *s); /* ASCII case is ignored, no locale */
bool slice_starts_istr(struct slice a, const char *prefix);
/* Byte order, then length; <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);
/* Decimal digits only, 1..SLICE_U64_DIGITS of them (leading zeros count), value <= max. false
 * otherwise; *v untouched then. */
#define SLICE_U64_DIGITS 20
bool slice_u64(struct slice a, uint64_t max, uint64_t *v);

struct buf {
	unsigned char *data;
	size_t len, cap, max;
	enum err_code failed; /* E_NONE, E_LIMIT or E_NOMEM */
};

/* max: the most bytes the buffer may ever hold (not counting the final NUL). */
#define BUF_INIT(max_bytes)                                                                        \
	{                                                                                          \
		NULL, 0, 0, (max_bytes), E_NONE                                                    \
	}

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees; the buffer may be used again with the same max */
void buf_clear(struct buf *b);	 /* len = 0, not failed; keeps the memory */

/* Additions return 0, or -1 when the buffer is (or becomes) failed. What is added must not be
 * part of the buffer itself, which may move. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_add_str(struct buf *b, const char *s);
int buf_add_slice(struct buf *b, struct slice s);
int buf_add_byte(struct buf *b, unsigned char c);
int buf_add_u64(struct buf *b, uint64_t v); /* decimal */
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Room for n more bytes; returns where to write them, or NULL (failed). Then buf_added(b, n),
 * with at most the number reserved. */
unsigned char *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

/* Remove n bytes (at most len) from the front; moves the rest. */
void buf_consume(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t len); /* len must not grow */

/* 0 when nothing failed; else -1 with *e saying which limit ("<what> is longer than N bytes").
 * The scope of a limit is ERR_MESSAGE, for the caller to widen. */
int buf_check(const struct buf *b, const char *what, struct err *e) NODISCARD;

/* Contents as a C string, "" when empty. Borrowed until the next change. May hold inner NULs. */
const char *buf_str(const struct buf *b);
struct slice buf_slice(const struct buf *b);

/* Hands the memory over (NUL-terminated, free() it); the buffer is empty afterwards. NULL when
 * failed or when nothing could be allocated: the memory is freed then, and buf_check() still says
 * why. */
char *buf_take(struct buf *b);

#endif

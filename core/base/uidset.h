/* SPDX-License-Identifier: MIT */
/*
 * uidset.h -- a set of UIDs (or message numbers), kept as sorted ranges.
 *
 * Numbers are 1 .. 4294967295 (nz-number, RFC 9051 section 9). Memory grows with the number of
 * ranges, never with the width of a range: "1:4294967295" is one range.
 *
 * Invariants: ranges ascend, do not overlap and do not touch (1:3,4 is stored as 1:4).
 * A zeroed struct is the empty set. Adding in ascending order costs amortised O(1).
 */
#ifndef CORE_BASE_UIDSET_H
#define CORE_BASE_UIDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

#define UID_MAX UINT32_MAX

/* The most ranges a set may have (a limit on what a server can make us hold: 16 bytes each). */
#define UIDSET_RANGES_MAX ((size_t)8 << 20)

struct uid_range {
	uint32_t lo, hi; /* both inside */
};

struct uidset {
	struct uid_range *range;
	size_t n, cap;
};

#define UIDSET_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

void uidset_release(struct uidset *s);
void uidset_clear(struct uidset *s); /* keeps the memory */

/* 0, or -1 (E_NOMEM, E_LIMIT, E_INVALID for 0 or lo > hi). A failing call changes nothing. */
int uidset_add(struct uidset *s, uint32_t uid, struct err *e) NODISCARD;
int uidset_add_range(struct uidset *s, uint32_t lo, uint32_t hi, struct err *e) NODISCARD;
int uidset_remove_range(struct uidset *s, uint32_t lo, uint32_t hi, struct err *e) NODISCARD;
int uidset_copy(struct uidset *to, const struct uidset *from, struct err *e) NODISCARD;

/* s = s + other, s - other, s and other. O(n + m). `other` may be `s`. */
int uidset_unite(struct uidset *s, const struct uidset *other, struct err *e) NODISCARD;
int uidset_subtract(struct uidset *s, const struct uidset *other, struct err *e) NODISCARD;
int uidset_intersect(struct uidset *s, const struct uidset *other, struct err *e) NODISCARD;
void uidset_swap(struct uidset *a, struct uidset *b);

bool uidset_is_empty(const struct uidset *s);
bool uidset_has(const struct uidset *s, uint32_t uid); /* O(log n) */
bool uidset_equal(const struct uidset *a, const struct uidset *b);
uint64_t uidset_count(const struct uidset *s); /* numbers, not ranges */
uint32_t uidset_min(const struct uidset *s);   /* 0 when empty */
uint32_t uidset_max(const struct uidset *s);   /* 0 when empty */

/* The smallest member > after, or 0. Start with after = 0. */
uint32_t uidset_next(const struct uidset *s, uint32_t after);
/* The same by whole runs: the members lo..hi that follow on `after`. false when there are none.
 * Walk with after = r.hi. */
bool uidset_range_after(const struct uidset *s, uint32_t after, struct uid_range *r);

/* Move the lowest members of s to out (cleared first): at most max_count numbers. */
int uidset_take_low(
	struct uidset *s, uint64_t max_count, struct uidset *out, struct err *e) NODISCARD;
/* Move the highest members of s to out (cleared first): at most max_count numbers. */
int uidset_take_high(
	struct uidset *s, uint64_t max_count, struct uidset *out, struct err *e) NODISCARD;

/* "1:3,7" as in the sequence-set grammar without '*'. A reversed range is accepted (RFC 9051
 * section 9, seq-range). The parsed numbers are added to s. -1: E_INVALID, E_LIMIT, E_NOMEM. */
int uidset_parse(struct uidset *s, struct slice text, struct err *e) NODISCARD;

/* Writes "1:3,7" (nothing for the empty set). */
int uidset_format(const struct uidset *s, struct buf *out, struct err *e) NODISCARD;

/* Writes the members after *from (0 to begin) until the text would exceed max_bytes; whole ranges
 * only, at least one. *from is set to the last number written; returns 1 when members are left, 0
 * when done, -1 on error. This is how a long set is split over several command lines. */
int uidset_format_part(const struct uidset *s, uint32_t *from, size_t max_bytes, struct buf *out,
	struct err *e) NODISCARD;

#endif

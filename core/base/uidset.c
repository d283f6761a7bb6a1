/* SPDX-License-Identifier: MIT */
/*
 * uidset.c -- sorted ranges in one array. Single changes search by halves; set operations merge
 * two arrays into a new one, so a failure leaves both operands alone.
 */
#include "core/base/uidset.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP ((size_t)8)

void uidset_release(struct uidset *s)
{
	free(s->range);
	*s = (struct uidset)UIDSET_INIT;
}

void uidset_clear(struct uidset *s)
{
	s->n = 0;
}

static int too_many(struct err *e)
{
	return err_set(e, ERR_MAILBOX, E_LIMIT, "a set of UIDs has more than %zu ranges",
		UIDSET_RANGES_MAX);
}

/* Room for n ranges in all. */
static int reserve(struct uidset *s, size_t n, struct err *e)
{
	if (n <= s->cap)
		return 0;
	if (n > UIDSET_RANGES_MAX)
		return too_many(e);
	size_t cap = s->cap < FIRST_CAP ? FIRST_CAP : s->cap;
	while (cap < n)
		cap *= 2;
	if (cap > UIDSET_RANGES_MAX)
		cap = UIDSET_RANGES_MAX;
	struct uid_range *range = realloc(s->range, cap * sizeof *range);
	if (range == NULL)
		return err_nomem(e, "holding a set of UIDs");
	s->range = range;
	s->cap = cap;
	return 0;
}

/* The first range whose hi is >= uid, or n. */
static size_t find(const struct uidset *s, uint32_t uid)
{
	size_t lo = 0, hi = s->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->range[mid].hi < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Does a number exist between a and b? (a < b; the caller knows that b begins above a.) */
static bool gap_after(uint32_t a, uint32_t b)
{
	return b > a && b - a > 1;
}

/* Replace the ranges [i, j) by the k ranges at `with`; memory must be there. */
static void splice(struct uidset *s, size_t i, size_t j, const struct uid_range *with, size_t k)
{
	if (j < s->n)
		memmove(s->range + i + k, s->range + j, (s->n - j) * sizeof *s->range);
	if (k > 0)
		memcpy(s->range + i, with, k * sizeof *with);
	s->n = s->n - (j - i) + k;
}

static int check_range(uint32_t lo, uint32_t hi, struct err *e)
{
	if (lo == 0 || lo > hi)
		return err_set(e, ERR_MAILBOX, E_INVALID, "%lu:%lu is not a range of UIDs",
			(unsigned long)lo, (unsigned long)hi);
	return 0;
}

int uidset_add(struct uidset *s, uint32_t uid, struct err *e)
{
	return uidset_add_range(s, uid, uid, e);
}

int uidset_add_range(struct uidset *s, uint32_t lo, uint32_t hi, struct err *e)
{
	if (check_range(lo, hi, e) != 0)
		return -1;
	struct uid_range with = {lo, hi};
	/* Ascending order is the common case: touch the end only. */
	if (s->n == 0 || gap_after(s->range[s->n - 1].hi, lo)) {
		if (reserve(s, s->n + 1, e) != 0)
			return -1;
		s->range[s->n++] = with;
		return 0;
	}
	/* [i, j) are the ranges that overlap or touch lo:hi. */
	size_t i = find(s, lo - 1);
	size_t j = i;
	if (i < s->n && !gap_after(hi, s->range[i].lo)) {
		j = hi == UID_MAX ? s->n : find(s, hi + 1);
		if (j < s->n && !gap_after(hi, s->range[j].lo))
			j++;
	}
	if (i == j) {
		if (reserve(s, s->n + 1, e) != 0)
			return -1;
	} else {
		if (s->range[i].lo < with.lo)
			with.lo = s->range[i].lo;
		if (s->range[j - 1].hi > with.hi)
			with.hi = s->range[j - 1].hi;
	}
	splice(s, i, j, &with, 1);
	return 0;
}

int uidset_remove_range(struct uidset *s, uint32_t lo, uint32_t hi, struct err *e)
{
	if (check_range(lo, hi, e) != 0)
		return -1;
	/* [i, j) are the ranges that overlap lo:hi; at most one piece is left at either end. */
	size_t i = find(s, lo);
	size_t j = find(s, hi);
	if (j < s->n && s->range[j].lo <= hi)
		j++;
	if (i >= j)
		return 0;
	struct uid_range left[2];
	size_t k = 0;
	if (s->range[i].lo < lo)
		left[k++] = (struct uid_range){s->range[i].lo, lo - 1};
	if (s->range[j - 1].hi > hi)
		left[k++] = (struct uid_range){hi + 1, s->range[j - 1].hi};
	if (reserve(s, s->n - (j - i) + k, e) != 0)
		return -1;
	splice(s, i, j, left, k);
	return 0;
}

int uidset_copy(struct uidset *to, const struct uidset *from, struct err *e)
{
	if (to == from)
		return 0;
	if (reserve(to, from->n, e) != 0)
		return -1;
	splice(to, 0, to->n, from->range, from->n);
	return 0;
}

/* Append a range that begins at or above the last one; joins them where they meet. */
static void push(struct uidset *s, struct uid_range r)
{
	if (s->n > 0 && !gap_after(s->range[s->n - 1].hi, r.lo)) {
		if (r.hi > s->range[s->n - 1].hi)
			s->range[s->n - 1].hi = r.hi;
		return;
	}
	s->range[s->n++] = r;
}

/* Scratch space for a result of at most n ranges before they are joined. */
static int scratch(struct uidset *out, size_t n, struct err *e)
{
	*out = (struct uidset)UIDSET_INIT;
	if (n == 0)
		return 0;
	out->range = malloc(n * sizeof *out->range);
	if (out->range == NULL)
		return err_nomem(e, "combining sets of UIDs");
	out->cap = n;
	return 0;
}

/* Make the scratch the contents of s, and give back what was reserved in vain. */
static int settle(struct uidset *s, struct uidset *out, struct err *e)
{
	if (out->n > UIDSET_RANGES_MAX) {
		uidset_release(out);
		return too_many(e);
	}
	if (out->n > 0 && out->n < out->cap) {
		struct uid_range *fit = realloc(out->range, out->n * sizeof *fit);
		if (fit != NULL) {
			out->range = fit;
			out->cap = out->n;
		}
	}
	uidset_swap(s, out);
	uidset_release(out);
	return 0;
}

int uidset_unite(struct uidset *s, const struct uidset *other, struct err *e)
{
	if (s == other || other->n == 0)
		return 0;
	if (s->n == 0)
		return uidset_copy(s, other, e);
	/* Listing after listing in ascending order: append instead of merging. */
	if (gap_after(s->range[s->n - 1].hi, other->range[0].lo)) {
		if (reserve(s, s->n + other->n, e) != 0)
			return -1;
		splice(s, s->n, s->n, other->range, other->n);
		return 0;
	}
	struct uidset out;
	if (scratch(&out, s->n + other->n, e) != 0)
		return -1;
	size_t i = 0, j = 0;
	while (i < s->n || j < other->n) {
		if (j == other->n || (i < s->n && s->range[i].lo <= other->range[j].lo))
			push(&out, s->range[i++]);
		else
			push(&out, other->range[j++]);
	}
	return settle(s, &out, e);
}

int uidset_subtract(struct uidset *s, const struct uidset *other, struct err *e)
{
	if (s->n == 0 || other->n == 0)
		return 0;
	struct uidset out;
	if (scratch(&out, s->n + other->n, e) != 0)
		return -1;
	size_t j = 0;
	for (size_t i = 0; i < s->n; i++) {
		uint32_t lo = s->range[i].lo, hi = s->range[i].hi;
		bool rest = true;
		while (j < other->n && other->range[j].hi < lo)
			j++;
		/* A range of `other` may reach into the next range of s: j stays on it then. */
		while (rest && j < other->n && other->range[j].lo <= hi) {
			if (other->range[j].lo > lo)
				push(&out, (struct uid_range){lo, other->range[j].lo - 1});
			if (other->range[j].hi >= hi)
				rest = false;
			else
				lo = other->range[j++].hi + 1;
		}
		if (rest)
			push(&out, (struct uid_range){lo, hi});
	}
	return settle(s, &out, e);
}

int uidset_intersect(struct uidset *s, const struct uidset *other, struct err *e)
{
	if (s == other)
		return 0;
	struct uidset out;
	if (scratch(&out, s->n + other->n, e) != 0)
		return -1;
	size_t i = 0, j = 0;
	while (i < s->n && j < other->n) {
		struct uid_range a = s->range[i], b = other->range[j];
		struct uid_range both = {a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
		if (both.lo <= both.hi)
			push(&out, both);
		if (a.hi < b.hi)
			i++;
		else
			j++;
	}
	return settle(s, &out, e);
}

void uidset_swap(struct uidset *a, struct uidset *b)
{
	struct uidset t = *a;
	*a = *b;
	*b = t;
}

bool uidset_is_empty(const struct uidset *s)
{
	return s->n == 0;
}

bool uidset_has(const struct uidset *s, uint32_t uid)
{
	size_t i = find(s, uid);
	return i < s->n && s->range[i].lo <= uid;
}

bool uidset_equal(const struct uidset *a, const struct uidset *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->range[i].lo != b->range[i].lo || a->range[i].hi != b->range[i].hi)
			return false;
	return true;
}

static uint64_t range_count(struct uid_range r)
{
	return (uint64_t)r.hi - r.lo + 1;
}

uint64_t uidset_count(const struct uidset *s)
{
	uint64_t count = 0;
	for (size_t i = 0; i < s->n; i++)
		count += range_count(s->range[i]);
	return count;
}

uint32_t uidset_min(const struct uidset *s)
{
	return s->n == 0 ? 0 : s->range[0].lo;
}

uint32_t uidset_max(const struct uidset *s)
{
	return s->n == 0 ? 0 : s->range[s->n - 1].hi;
}

bool uidset_range_after(const struct uidset *s, uint32_t after, struct uid_range *r)
{
	if (after == UID_MAX)
		return false;
	size_t i = find(s, after + 1);
	if (i == s->n)
		return false;
	*r = s->range[i];
	if (r->lo <= after)
		r->lo = after + 1;
	return true;
}

uint32_t uidset_next(const struct uidset *s, uint32_t after)
{
	struct uid_range r;
	return uidset_range_after(s, after, &r) ? r.lo : 0;
}

int uidset_take_low(struct uidset *s, uint64_t max_count, struct uidset *out, struct err *e)
{
	size_t k = 0; /* ranges that move whole */
	uint64_t left = max_count;
	while (k < s->n && range_count(s->range[k]) <= left)
		left -= range_count(s->range[k++]);
	if (reserve(out, k + 1, e) != 0)
		return -1;
	uidset_clear(out);
	splice(out, 0, 0, s->range, k);
	if (k < s->n && left > 0) {
		uint32_t lo = s->range[k].lo;
		out->range[out->n++] = (struct uid_range){lo, lo + (uint32_t)(left - 1)};
		s->range[k].lo = lo + (uint32_t)left;
	}
	splice(s, 0, k, NULL, 0);
	return 0;
}

int uidset_take_high(struct uidset *s, uint64_t max_count, struct uidset *out, struct err *e)
{
	size_t first = s->n; /* ranges from here on move whole */
	uint64_t left = max_count;
	while (first > 0 && range_count(s->range[first - 1]) <= left)
		left -= range_count(s->range[--first]);
	if (reserve(out, s->n - first + 1, e) != 0)
		return -1;
	uidset_clear(out);
	if (first > 0 && left > 0) {
		uint32_t hi = s->range[first - 1].hi;
		out->range[out->n++] = (struct uid_range){hi - (uint32_t)(left - 1), hi};
		s->range[first - 1].hi = hi - (uint32_t)left;
	}
	if (first < s->n)
		splice(out, out->n, out->n, s->range + first, s->n - first);
	s->n = first;
	return 0;
}

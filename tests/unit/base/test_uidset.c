/* SPDX-License-Identifier: MIT */
/*
 * test_uidset.c -- sets of UIDs against a naive model: one bool for each number. The model covers a
 * window of numbers at the bottom or at the top of the range, so that both ends are tried.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/uidset.h"

#define WINDOW 200

struct model {
	uint32_t base; /* the number of in[0] */
	bool in[WINDOW];
};

static const uint32_t bases[] = {1, UID_MAX - WINDOW + 1, 70000};
#define BASES (sizeof bases / sizeof *bases)

/* xorshift64: the same numbers on every machine */
static uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static bool well_formed(const struct uidset *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->range[i].lo == 0 || s->range[i].lo > s->range[i].hi)
			return false;
		if (i > 0 && (uint64_t)s->range[i - 1].hi + 1 >= s->range[i].lo)
			return false;
	}
	return s->n <= s->cap;
}

static bool agrees(const struct uidset *s, const struct model *m)
{
	uint64_t count = 0;
	uint32_t first = 0, last = 0;
	for (uint32_t i = 0; i < WINDOW; i++) {
		if (uidset_has(s, m->base + i) != m->in[i])
			return false;
		if (!m->in[i])
			continue;
		count++;
		last = m->base + i;
		if (first == 0)
			first = last;
	}
	return well_formed(s) && uidset_count(s) == count && uidset_min(s) == first &&
		uidset_max(s) == last && uidset_is_empty(s) == (count == 0);
}

/* Random contents, in a random number of strokes, in set and model alike. */
static int fill(struct uidset *s, struct model *m, uint32_t base, uint64_t *seed, struct err *e)
{
	memset(m, 0, sizeof *m);
	m->base = base;
	uidset_clear(s);
	for (uint32_t strokes = next_random(seed) % 20; strokes > 0; strokes--) {
		uint32_t lo = next_random(seed) % WINDOW, hi = lo + next_random(seed) % 12;
		if (hi >= WINDOW)
			hi = WINDOW - 1;
		if (uidset_add_range(s, base + lo, base + hi, e) != 0)
			return -1;
		for (uint32_t i = lo; i <= hi; i++)
			m->in[i] = true;
	}
	return 0;
}

Test(uidset, random_additions_and_removals_agree_with_the_model)
{
	struct err e = ERR_INIT;
	uint64_t seed = 42;
	for (size_t b = 0; b < BASES; b++) {
		for (int round = 0; round < 30; round++) {
			struct uidset s = UIDSET_INIT;
			struct model m = {.base = bases[b]};
			for (int step = 0; step < 120; step++) {
				uint32_t lo = next_random(&seed) % WINDOW;
				uint32_t hi = lo + next_random(&seed) % 10;
				if (hi >= WINDOW)
					hi = WINDOW - 1;
				bool add = next_random(&seed) % 5 < 3;
				if (add)
					cr_assert_eq(
						uidset_add_range(&s, m.base + lo, m.base + hi, &e),
						0);
				else
					cr_assert_eq(uidset_remove_range(
							     &s, m.base + lo, m.base + hi, &e),
						0);
				for (uint32_t i = lo; i <= hi; i++)
					m.in[i] = add;
				cr_assert(agrees(&s, &m), "base %zu, round %d, step %d: %s %u:%u",
					b, round, step, add ? "add" : "remove", m.base + lo,
					m.base + hi);
			}
			uidset_release(&s);
		}
	}
}

Test(uidset, unions_differences_and_intersections_agree_with_the_model)
{
	struct err e = ERR_INIT;
	uint64_t seed = 7;
	struct uidset a = UIDSET_INIT, b = UIDSET_INIT, r = UIDSET_INIT;
	struct model ma, mb, mr;
	for (int round = 0; round < 2000; round++) {
		uint32_t base = bases[(size_t)round % BASES];
		cr_assert_eq(fill(&a, &ma, base, &seed, &e), 0);
		cr_assert_eq(fill(&b, &mb, base, &seed, &e), 0);
		for (int op = 0; op < 3; op++) {
			mr = ma;
			for (int i = 0; i < WINDOW; i++)
				mr.in[i] = op == 0 ? ma.in[i] || mb.in[i]
					: op == 1  ? ma.in[i] && !mb.in[i]
						   : ma.in[i] && mb.in[i];
			cr_assert_eq(uidset_copy(&r, &a, &e), 0);
			cr_assert(uidset_equal(&r, &a));
			int done = op == 0 ? uidset_unite(&r, &b, &e)
				: op == 1  ? uidset_subtract(&r, &b, &e)
					   : uidset_intersect(&r, &b, &e);
			cr_assert_eq(done, 0);
			cr_assert(agrees(&r, &mr), "round %d, operation %d", round, op);
			cr_assert(agrees(&b, &mb), "the other set is left alone");
		}
	}
	uidset_release(&a);
	uidset_release(&b);
	uidset_release(&r);
}

Test(uidset, a_set_may_be_combined_with_itself)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT, was = UIDSET_INIT;
	cr_assert_eq(uidset_parse(&s, slice_str("1:3,7,9:12"), &e), 0);
	cr_assert_eq(uidset_copy(&was, &s, &e), 0);
	cr_assert_eq(uidset_copy(&s, &s, &e), 0);
	cr_assert_eq(uidset_unite(&s, &s, &e), 0);
	cr_assert_eq(uidset_intersect(&s, &s, &e), 0);
	cr_assert(uidset_equal(&s, &was));
	cr_assert_eq(uidset_subtract(&s, &s, &e), 0);
	cr_assert(uidset_is_empty(&s));
	uidset_release(&s);
	uidset_release(&was);
}

Test(uidset, taking_moves_the_lowest_or_highest_members)
{
	struct err e = ERR_INIT;
	uint64_t seed = 99;
	struct uidset s = UIDSET_INIT, out = UIDSET_INIT;
	for (int round = 0; round < 1000; round++) {
		struct model m, taken = {0};
		cr_assert_eq(fill(&s, &m, bases[(size_t)round % BASES], &seed, &e), 0);
		uint64_t want = next_random(&seed) % 40, left = want;
		bool low = round % 2 == 0;
		taken.base = m.base;
		for (size_t k = 0; k < WINDOW && left > 0; k++) {
			size_t i = low ? k : WINDOW - 1 - k;
			if (!m.in[i])
				continue;
			m.in[i] = false;
			taken.in[i] = true;
			left--;
		}
		int done = low ? uidset_take_low(&s, want, &out, &e)
			       : uidset_take_high(&s, want, &out, &e);
		cr_assert_eq(done, 0);
		cr_assert(agrees(&s, &m), "what stays, round %d", round);
		cr_assert(agrees(&out, &taken), "what moves, round %d", round);
	}
	uidset_release(&s);
	uidset_release(&out);
}

Test(uidset, the_whole_range_is_one_range)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT, out = UIDSET_INIT;
	cr_assert_eq(uidset_add_range(&s, 1, UID_MAX, &e), 0);
	cr_assert_eq(uidset_add(&s, UID_MAX, &e), 0);
	cr_assert_eq(uidset_add_range(&s, 1, 5, &e), 0);
	cr_assert_eq(s.n, 1);
	cr_assert_eq(uidset_count(&s), UID_MAX);
	cr_assert_eq(uidset_next(&s, UID_MAX), 0);
	cr_assert_eq(uidset_next(&s, UID_MAX - 1), UID_MAX);
	cr_assert(!uidset_has(&s, 0));
	cr_assert_eq(uidset_take_high(&s, 1, &out, &e), 0);
	cr_assert_eq(uidset_min(&out), UID_MAX);
	cr_assert_eq(uidset_take_low(&s, UID_MAX - 2, &out, &e), 0);
	cr_assert_eq(uidset_min(&s), UID_MAX - 1);
	cr_assert_eq(uidset_count(&s), 1);
	cr_assert_eq(uidset_take_low(&s, UINT64_MAX, &out, &e), 0);
	cr_assert(uidset_is_empty(&s));
	cr_assert_eq(uidset_count(&out), 1);
	uidset_release(&s);
	uidset_release(&out);
}

Test(uidset, numbers_that_are_no_uids_are_refused_and_change_nothing)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	cr_assert_eq(uidset_add_range(&s, 4, 9, &e), 0);
	static const struct uid_range bad[] = {{0, 0}, {0, 5}, {5, 4}, {UID_MAX, 1}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err_clear(&e);
		cr_assert_eq(uidset_add_range(&s, bad[i].lo, bad[i].hi, &e), -1, "row %zu", i);
		cr_assert_eq(e.code, E_INVALID);
		err_clear(&e);
		cr_assert_eq(uidset_remove_range(&s, bad[i].lo, bad[i].hi, &e), -1, "row %zu", i);
		cr_assert_eq(e.code, E_INVALID);
	}
	cr_assert_eq(uidset_add(&s, 0, &e), -1);
	cr_assert_eq(s.n, 1);
	cr_assert_eq(uidset_count(&s), 6);
	uidset_release(&s);
}

Test(uidset, next_and_range_after_walk_over_all_members)
{
	struct err e = ERR_INIT;
	uint64_t seed = 5;
	struct uidset s = UIDSET_INIT;
	for (int round = 0; round < 300; round++) {
		struct model m;
		cr_assert_eq(fill(&s, &m, bases[(size_t)round % BASES], &seed, &e), 0);
		uint32_t uid = 0;
		for (uint32_t i = 0; i < WINDOW; i++) {
			if (!m.in[i])
				continue;
			uid = uidset_next(&s, uid);
			cr_assert_eq(uid, m.base + i, "round %d", round);
		}
		cr_assert_eq(uidset_next(&s, uid), 0, "round %d", round);
		struct uid_range r = {0, 0};
		uint64_t count = 0;
		while (uidset_range_after(&s, r.hi, &r))
			count += (uint64_t)r.hi - r.lo + 1;
		cr_assert_eq(count, uidset_count(&s), "round %d", round);
	}
	cr_assert_eq(uidset_add_range(&s, 60000, 60009, &e), 0);
	struct uid_range r;
	cr_assert(uidset_range_after(&s, 60004, &r));
	cr_assert(r.lo == 60005 && r.hi == 60009, "a walk may begin inside of a range");
	uidset_release(&s);
}

Test(uidset, equal_sets_are_equal_however_they_were_made)
{
	struct err e = ERR_INIT;
	struct uidset up = UIDSET_INIT, down = UIDSET_INIT;
	for (uint32_t i = 1; i <= 100; i++) {
		cr_assert_eq(uidset_add(&up, i + i / 10, &e), 0);
		cr_assert_eq(uidset_add(&down, 101 - i + (101 - i) / 10, &e), 0);
	}
	cr_assert(uidset_equal(&up, &down));
	cr_assert_eq(uidset_remove_range(&down, 50, 50, &e), 0);
	cr_assert(!uidset_equal(&up, &down));
	uidset_swap(&up, &down);
	cr_assert(!uidset_has(&up, 50) && uidset_has(&down, 50));
	uidset_release(&up);
	uidset_release(&down);
}

Test(uidset, the_number_of_ranges_is_limited_and_no_more)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT, other = UIDSET_INIT;
	int failed = 0;
	for (uint32_t i = 0; i < UIDSET_RANGES_MAX; i++)
		failed |= uidset_add(&s, 10 + 4 * i, &e);
	cr_assert_eq(failed, 0);
	cr_assert_eq(s.n, UIDSET_RANGES_MAX);
	uint32_t top = uidset_max(&s);
	cr_assert_eq(uidset_add(&s, top + 2, &e), -1, "at the end");
	cr_assert_eq(e.code, E_LIMIT);
	cr_assert_eq(uidset_add(&s, 5, &e), -1, "at the front");
	cr_assert_eq(uidset_add_range(&other, 5, 5, &e), 0);
	cr_assert_eq(uidset_unite(&s, &other, &e), -1, "by merging");
	cr_assert_eq(e.code, E_LIMIT);
	cr_assert_eq(uidset_add(&other, top + 2, &e), 0);
	cr_assert_eq(uidset_remove_range(&other, 5, 5, &e), 0);
	cr_assert_eq(uidset_unite(&s, &other, &e), -1, "by appending");
	cr_assert_eq(s.n, UIDSET_RANGES_MAX);
	cr_assert_eq(uidset_count(&s), UIDSET_RANGES_MAX);
	/* One range grown wide and then split would be one too many as well. */
	cr_assert_eq(uidset_add_range(&s, top, top + 4, &e), 0);
	cr_assert_eq(uidset_remove_range(&s, top + 2, top + 2, &e), -1);
	cr_assert_eq(e.code, E_LIMIT);
	cr_assert(uidset_has(&s, top + 2));
	cr_assert_eq(uidset_remove_range(&s, 10, 10, &e), 0);
	cr_assert_eq(uidset_add(&s, 5, &e), 0, "room again");
	uidset_release(&s);
	uidset_release(&other);
}

/* SPDX-License-Identifier: MIT */
/* test_clock.c -- deadlines at the edges of what numbers can hold. */
#include <criterion/criterion.h>
#include <limits.h>

#include "core/base/clock.h"

static int64_t fixed_ms(void *ctx)
{
	return *(int64_t *)ctx;
}

Test(clock, monotonic_time_does_not_go_back)
{
	int64_t last = clock_now(NULL);
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_now(clock_monotonic());
		cr_assert_geq(now, last);
		last = now;
	}
}

Test(clock, deadlines_saturate_at_never)
{
	static const struct {
		int64_t now, ms, deadline;
	} row[] = {
		{1000, 0, 1000},
		{1000, 50, 1050},
		{1000, -1, DEADLINE_NEVER},
		{1000, INT64_MIN, DEADLINE_NEVER},
		{1, INT64_MAX, DEADLINE_NEVER},
		{1, INT64_MAX - 1, INT64_MAX},
		{0, INT64_MAX, INT64_MAX},
		{INT64_MAX, 1, DEADLINE_NEVER},
		{INT64_MAX - 5, 4, INT64_MAX - 1},
		{INT64_MIN, 5, INT64_MIN + 5},
		{-10, 4, -6},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int64_t now = row[i].now;
		struct clock c = {fixed_ms, &now};
		cr_assert_eq(clock_deadline(&c, row[i].ms), row[i].deadline, "row %zu", i);
	}
}

Test(clock, time_left_suits_poll)
{
	static const struct {
		int64_t now, deadline;
		int left;
	} row[] = {
		{1000, DEADLINE_NEVER, -1},
		{1000, 999, 0},
		{1000, 1000, 0},
		{1000, 1001, 1},
		{0, INT_MAX, INT_MAX},
		{0, (int64_t)INT_MAX - 1, INT_MAX - 1},
		{0, (int64_t)INT_MAX + 1, INT_MAX},
		{INT64_MIN, INT64_MAX - 1, INT_MAX},
		{INT64_MAX, INT64_MIN, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int64_t now = row[i].now;
		struct clock c = {fixed_ms, &now};
		cr_assert_eq(clock_left(&c, row[i].deadline), row[i].left, "row %zu", i);
	}
}

Test(clock, wall_time_is_after_this_was_written)
{
	cr_assert_gt(clock_wall(), INT64_C(1700000000));
}

/* SPDX-License-Identifier: MIT */
/*
 * clock.c -- the real clocks, and arithmetic on deadlines that cannot overflow.
 */
#include "core/base/clock.h"

#include <limits.h>
#include <stddef.h>
#include <time.h>

static int64_t monotonic_ms(void *ctx)
{
	(void)ctx;
	struct timespec t = {0, 0};
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail: the clock exists, &t is valid */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const struct clock *clock_monotonic(void)
{
	static const struct clock monotonic = {monotonic_ms, NULL};
	return &monotonic;
}

int64_t clock_now(const struct clock *c)
{
	if (c == NULL)
		c = clock_monotonic();
	return c->now_ms(c->ctx);
}

int64_t clock_deadline(const struct clock *c, int64_t ms)
{
	if (ms < 0)
		return DEADLINE_NEVER;
	int64_t now = clock_now(c);
	if (now > 0 && ms > INT64_MAX - now)
		return DEADLINE_NEVER;
	return now + ms;
}

int clock_left(const struct clock *c, int64_t deadline)
{
	if (deadline == DEADLINE_NEVER)
		return -1;
	int64_t now = clock_now(c);
	if (deadline <= now)
		return 0;
	/* Unsigned: a negative clock and a late deadline are further apart than INT64_MAX. */
	uint64_t left = (uint64_t)deadline - (uint64_t)now;
	return left > INT_MAX ? INT_MAX : (int)left;
}

int64_t clock_wall(void)
{
	return (int64_t)time(NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * clock.h -- monotonic time for deadlines, wall time for decoration.
 *
 * No decision about completeness, names or order depends on wall time. Code that waits takes a
 * `const struct clock *`, so that tests can move time without sleeping.
 */
#ifndef CORE_BASE_CLOCK_H
#define CORE_BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*now_ms)(void *ctx); /* monotonic milliseconds, arbitrary zero */
	void *ctx;
};

/* CLOCK_MONOTONIC. */
const struct clock *clock_monotonic(void);

int64_t clock_now(const struct clock *c); /* NULL means clock_monotonic() */

/* A deadline `ms` from now; ms < 0 means "never". Never overflows. */
#define DEADLINE_NEVER INT64_MAX
int64_t clock_deadline(const struct clock *c, int64_t ms);
/* Milliseconds left for poll(2): -1 for never, 0 when passed, at most INT_MAX. */
int clock_left(const struct clock *c, int64_t deadline);

/* Wall clock, seconds since 1970, for records and messages only. */
int64_t clock_wall(void);

#endif

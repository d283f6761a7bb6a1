/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "core/net/poller.h"

Test(poller_many, is_woken_by_a_poller_that_was_added_and_only_then)
{
	struct err e = ERR_INIT;
	struct poller *sleeps, *other;
	cr_assert_eq(poller_new(&sleeps, clock_monotonic(), &e), 0);
	cr_assert_eq(poller_new(&other, clock_monotonic(), &e), 0);
	poller_wake(other);

	/* A time-out of 20 ms tells whether it slept. */
	poller_begin(sleeps);
	int64_t start = clock_now(NULL);
	cr_expect_eq(poller_wait(sleeps, start + 20, &e), 0);
	cr_expect_geq(clock_now(NULL) - start, 20, "not added: not woken");

	poller_begin(sleeps);
	cr_assert_eq(poller_add_wake(sleeps, other, &e), 0);
	cr_expect_eq(poller_wait(sleeps, DEADLINE_NEVER, &e), 0, "no slot is ready");
	cr_expect_not(poller_woken(sleeps));
	cr_expect(poller_woken(other));
	cr_expect_not(poller_woken(other), "once");

	/* The byte is gone with it. */
	poller_begin(sleeps);
	cr_assert_eq(poller_add_wake(sleeps, other, &e), 0);
	start = clock_now(NULL);
	cr_expect_eq(poller_wait(sleeps, start + 20, &e), 0);
	cr_expect_geq(clock_now(NULL) - start, 20, "woken only once");
	poller_free(sleeps);
	poller_free(other);
}

/* SPDX-License-Identifier: MIT */
/* test_random.c -- bounds and repeatability; that the system's numbers differ. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/random.h"

Test(random, bytes_are_never_the_same_again)
{
	unsigned char a[RANDOM_BYTES_MAX] = {0}, b[RANDOM_BYTES_MAX] = {0};
	struct err e = ERR_INIT;
	cr_assert_eq(random_bytes(a, sizeof a, &e), 0, "%s", e.text);
	cr_assert_eq(random_bytes(b, sizeof b, &e), 0, "%s", e.text);
	cr_expect_neq(memcmp(a, b, sizeof a), 0);
	unsigned char more[RANDOM_BYTES_MAX + 1];
	cr_expect_eq(
		random_bytes(more, sizeof more, &e), -1, "the limit is not that of the header");
	cr_expect_eq(e.code, E_IO);
}

Test(random, the_same_state_gives_the_same_numbers)
{
	/* The first numbers of SplitMix64 from 0, as its authors publish them. */
	uint64_t s = 0;
	cr_expect_eq(random_next(&s), UINT64_C(0xe220a8397b1dcdaf));
	cr_expect_eq(random_next(&s), UINT64_C(0x6e789e6aa1b965f4));
	cr_expect_eq(random_next(&s), UINT64_C(0x06c45d188009454f));
}

Test(random, every_number_below_the_bound_comes_and_none_above)
{
	uint64_t s = 1;
	for (uint64_t n = 1; n <= 20; n++) {
		unsigned seen[20] = {0};
		for (unsigned i = 0; i < 400 * n; i++) {
			uint64_t got = random_below(&s, n);
			cr_assert_lt(got, n);
			seen[got]++;
		}
		for (uint64_t i = 0; i < n; i++)
			cr_expect(seen[i] > 300 && seen[i] < 500, "%d of %d: %u times", (int)i,
				(int)n, seen[i]);
	}
	/* Half of all numbers are thrown away here. */
	for (int i = 0; i < 100; i++)
		cr_expect_lt(random_below(&s, UINT64_MAX / 2 + 2), UINT64_MAX / 2 + 2);
}

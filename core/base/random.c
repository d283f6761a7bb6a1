/* SPDX-License-Identifier: MIT */
/* random.c -- see random.h. */
#include "core/base/random.h"

#include <errno.h>
#include <unistd.h>
#if defined(__APPLE__)
#	include <sys/random.h>
#endif

int random_bytes(void *p, size_t n, struct err *e)
{
	return getentropy(p, n) == 0
		? 0
		: err_sys(e, ERR_ACCOUNT, E_IO, errno, "cannot get random numbers");
}

uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
	/* Numbers from the incomplete last round would favour the small ones. */
	uint64_t whole = UINT64_MAX - UINT64_MAX % n, got;
	do
		got = random_next(state);
	while (got >= whole);
	return got % n;
}

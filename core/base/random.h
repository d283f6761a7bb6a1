/* SPDX-License-Identifier: MIT */
/*
 * random.h -- numbers that nobody can guess (for names and seeds), and a generator that is repeatable (for choices).
 */
#ifndef CORE_BASE_RANDOM_H
#define CORE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* From the operating system; at most RANDOM_BYTES_MAX at a time. E_IO, ERR_ACCOUNT. */
#define RANDOM_BYTES_MAX 256
int random_bytes(void *p, size_t n, struct err *e) NODISCARD;

/* SplitMix64. Any state is a good one; the same state gives the same numbers. Not for secrets. */
uint64_t random_next(uint64_t *state);
/* 0 to n - 1, all equally likely; n > 0. */
uint64_t random_below(uint64_t *state, uint64_t n);

#endif

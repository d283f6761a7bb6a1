/* SPDX-License-Identifier: MIT */
/*
 * hasher.c -- a plain program that keeps the thread of core/base/hasher.h busy, for the thread sanitizer (make
 * check-threads), under which Criterion does not start. Exit status 0: all sums are right; the sanitizer has its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hasher.h"

#define AHEAD  4
#define ROUNDS 200

/* A block of messages that depend on its number. */
static void fill(struct hash_block *b, size_t round)
{
	while (!hash_block_is_full(b)) {
		size_t n = 1 + (round * 7919 + b->pieces * 104729) % 6000;
		if (n > HASH_BLOCK_BYTES - b->len)
			n = HASH_BLOCK_BYTES - b->len;
		memset(b->data + b->len, (int)('a' + (round + b->pieces) % 26), n);
		b->data[b->len] = '\n';
		hash_block_add(b, n, true, true, round % 2 == 0);
	}
}

/* The sums of all blocks, one after the other. */
static int sums(bool threaded, unsigned char *out)
{
	struct err e = ERR_INIT;
	struct hasher *h = hasher_new(AHEAD + 1, threaded, &e);
	if (h == NULL)
		return -1;
	for (size_t given = 0, taken = 0; taken < ROUNDS;) {
		struct hash_block *b;
		if (given < ROUNDS && given - taken < AHEAD) {
			if ((b = hasher_empty(h, &e)) == NULL)
				break;
			fill(b, given++);
			(given % 3 == 0 ? hasher_give_last : hasher_give)(h, b);
			continue;
		}
		b = hasher_take(h);
		memcpy(out + taken * SHA256_LEN, b->piece[b->pieces - 1].sha256, SHA256_LEN);
		hasher_put_back(h, b);
		taken++;
	}
	hasher_free(h);
	return err_is_set(&e) ? -1 : 0;
}

/* Taken away at any moment. */
static int give_up(void)
{
	for (size_t given = 0; given < AHEAD; given++) {
		struct err e = ERR_INIT;
		struct hasher *h = hasher_new(AHEAD, true, &e);
		if (h == NULL)
			return -1;
		for (size_t i = 0; i < given; i++) {
			struct hash_block *b = hasher_empty(h, &e);
			if (b == NULL)
				break;
			fill(b, i);
			hasher_give(h, b);
		}
		hasher_free(h);
	}
	return 0;
}

int main(void)
{
	static unsigned char with[ROUNDS * SHA256_LEN], without[ROUNDS * SHA256_LEN];
	if (sums(true, with) != 0 || sums(false, without) != 0 || give_up() != 0) {
		fprintf(stderr, "hasher: out of memory\n");
		return 1;
	}
	if (memcmp(with, without, sizeof with) != 0) {
		fprintf(stderr, "hasher: the thread computes other sums\n");
		return 1;
	}
	return 0;
}

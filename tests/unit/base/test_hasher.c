/* SPDX-License-Identifier: MIT */
/* test_hasher.c -- the same sums with and without the thread, in the order of what was given. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/crlf.h"
#include "core/base/hasher.h"

#define MESSAGES 400
#define LONGEST	 (3 * HASH_BLOCK_BYTES)

static unsigned char text[LONGEST], wide[2 * LONGEST];

static void make_text(void)
{
	unsigned x = 1;
	for (size_t i = 0; i < LONGEST; i++) {
		x = x * 1103515245 + 12345;
		text[i] = (x >> 16) % 40 == 0 ? '\n' : (unsigned char)('a' + (x >> 16) % 26);
	}
}

/* Of all sizes: none, a few bytes, exactly a block, several blocks. */
static size_t length(size_t i)
{
	return i % 50 == 7 ? HASH_BLOCK_BYTES : i % 100 == 9 ? LONGEST : (i * i * 37) % 20000;
}

static bool has_cr(size_t i)
{
	return i % 3 == 1;
}

static void expect(const struct hash_piece *sum, size_t i)
{
	struct err e = ERR_INIT;
	unsigned char want[SHA256_LEN];
	struct sha256 *h = sha256_new(&e);
	size_t n = length(i);
	const unsigned char *p = text;
	if (has_cr(i)) {
		n = crlf_expand(text, n, wide);
		p = wide;
	}
	cr_assert_eq(sha256_begin(h, &e), 0);
	cr_assert_eq(sha256_add(h, p, n, &e), 0);
	cr_assert_eq(sha256_end(h, want, &e), 0);
	sha256_free(h);
	cr_assert_eq(sum->size, n, "message %zu", i);
	cr_assert_arr_eq(sum->sha256, want, SHA256_LEN, "message %zu", i);
}

/* The next message that comes back is `from`; the one after those that came. */
static size_t take(struct hasher *h, size_t from)
{
	struct hash_block *b = hasher_take(h);
	cr_assert_not(err_is_set(&b->e), "%s", b->e.text);
	for (size_t i = 0; i < b->pieces; i++)
		if (b->piece[i].last)
			expect(&b->piece[i], from++);
	hasher_put_back(h, b);
	return from;
}

static size_t hash_all(bool threaded, size_t ahead)
{
	struct err e = ERR_INIT;
	struct hasher *h = hasher_new(ahead + 1, threaded, &e);
	struct hash_block *b = hasher_empty(h, &e);
	size_t came = 0;
	for (size_t i = 0; i < MESSAGES; i++) {
		size_t at = 0, n;
		do {
			if (hash_block_is_full(b)) {
				(i % 3 == 0 ? hasher_give_last : hasher_give)(h, b);
				if (hasher_given(h) > ahead)
					came = take(h, came);
				b = hasher_empty(h, &e);
				cr_assert_not_null(b, "%s", e.text);
			}
			n = length(i) - at < HASH_BLOCK_BYTES - b->len ? length(i) - at
								       : HASH_BLOCK_BYTES - b->len;
			memcpy(b->data + b->len, text + at, n);
			hash_block_add(b, n, at == 0, at + n == length(i), has_cr(i));
			at += n;
		} while (at < length(i));
	}
	hasher_give_last(h, b);
	while (hasher_given(h) > 0)
		came = take(h, came);
	cr_expect_null(hasher_take(h));
	hasher_free(h);
	return came;
}

Test(hasher, every_sum_is_right_and_in_its_place_with_and_without_a_thread, .timeout = 120)
{
	make_text();
	for (size_t ahead = 1; ahead < 8; ahead *= 2)
		for (int threaded = 0; threaded < 2; threaded++)
			cr_expect_eq(hash_all(threaded != 0, ahead), MESSAGES);
}

Test(hasher, there_are_as_many_blocks_as_were_allowed_and_not_one_more)
{
	struct err e = ERR_INIT;
	struct hash_block *b[3];
	struct hasher *h = hasher_new(3, true, &e);
	for (size_t i = 0; i < 3; i++)
		cr_assert_not_null(b[i] = hasher_empty(h, &e));
	cr_expect_null(hasher_empty(h, &e));
	cr_expect_eq(e.code, E_LIMIT);
	for (size_t i = 0; i < 3; i++)
		hasher_put_back(h, b[i]);
	cr_expect_not_null(b[0] = hasher_empty(h, &e));
	hasher_put_back(h, b[0]);
	hasher_free(h);
}

Test(hasher, an_error_comes_with_its_block_and_the_next_message_is_not_hurt)
{
	for (int threaded = 0; threaded < 2; threaded++) {
		struct err e = ERR_INIT;
		struct hasher *h = hasher_new(2, threaded != 0, &e);
		struct hash_block *b = hasher_empty(h, &e);
		memcpy(b->data, "x", 1);
		hash_block_add(b, 1, false, true, false); /* it never began */
		hasher_give(h, b);
		b = hasher_empty(h, &e);
		hash_block_add(b, 0, true, true, false);
		hasher_give(h, b);
		b = hasher_take(h);
		cr_expect_eq(b->e.code, E_STATE);
		hasher_put_back(h, b);
		b = hasher_take(h);
		cr_expect_not(err_is_set(&b->e), "%s", b->e.text);
		cr_expect_eq(b->piece[0].size, 0);
		hasher_put_back(h, b);
		hasher_free(h);
	}
}

Test(hasher, may_be_given_up_with_work_left, .timeout = 60)
{
	for (size_t given = 0; given < 6; given++) {
		struct err e = ERR_INIT;
		struct hasher *h = hasher_new(6, true, &e);
		for (size_t i = 0; i < given; i++) {
			struct hash_block *b = hasher_empty(h, &e);
			memset(b->data, 'x', HASH_BLOCK_BYTES);
			hash_block_add(b, HASH_BLOCK_BYTES, true, true, true);
			hasher_give(h, b);
		}
		hasher_free(h);
	}
}

static volatile sig_atomic_t handled;

static void handle(int sig)
{
	(void)sig;
	handled = 1;
}

/* Else it would interrupt the thread, and the caller would sleep on in its system call. */
Test(hasher, signals_are_left_to_the_caller)
{
	struct err e = ERR_INIT;
	struct hasher *h = hasher_new(1, true, &e);
	struct sigaction act = {.sa_handler = handle};
	sigset_t usr1, pending;
	sigaction(SIGUSR1, &act, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	cr_expect_eq(sigismember(&pending, SIGUSR1), 1);
	cr_expect_eq(handled, 0);
	pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	cr_expect_eq(handled, 1);
	hasher_free(h);
}

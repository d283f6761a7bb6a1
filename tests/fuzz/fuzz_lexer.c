/* SPDX-License-Identifier: MIT */
/*
 * fuzz_lexer.c -- any bytes of a server, in pieces of any size, give the same events as in one piece; and what was
 * announced is what comes.
 *
 * The input is what the server sends, nothing else, so that a corpus is plain text; the cuts are taken from a
 * hash of it. Limits are small, so that they are reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lexer_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536
#define CUTS_MAX  64

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int ascending(const void *a, const void *b)
{
	const size_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* FNV-1a, then a linear congruence for each cut. */
static void choose_cuts(const uint8_t *data, size_t size, size_t cut[CUTS_MAX])
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < size; i++)
		h = (h ^ data[i]) * 1099511628211u;
	for (size_t i = 0; i < CUTS_MAX; i++) {
		h = h * 6364136223846793005u + 1442695040888963407u;
		cut[i] = (size_t)(h >> 33) % (size + 1);
	}
	qsort(cut, CUTS_MAX, sizeof *cut, ascending);
}

static void compare(const struct buf *a, const struct buf *b)
{
	must(a->failed == E_NONE && b->failed == E_NONE);
	must(slice_eq(buf_slice(a), buf_slice(b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct imap_limits small = {32, 256, 1024, 128};
	static const struct imap_limits *const limits[] = {&small, &lexer_log_limits};
	if (size > INPUT_MAX)
		return 0;
	size_t cut[CUTS_MAX];
	choose_cuts(data, size, cut);
	struct slice input = slice_of(data, size);
	for (size_t l = 0; l < 2; l++) {
		for (int how = LEXER_BODY_TAKE; how <= LEXER_BODY_COLLECT; how++) {
			/* A body that is offered shows the response so far: 64 times as much at most. */
			struct buf whole = BUF_INIT((size_t)64 * INPUT_MAX),
				   cuts = BUF_INIT(whole.max);
			lexer_log(&whole, limits[l], (enum lexer_body)how, input, NULL, 0);
			lexer_log(&cuts, limits[l], (enum lexer_body)how, input, cut, CUTS_MAX);
			compare(&whole, &cuts);
			if (size <= 1024) {
				buf_clear(&cuts);
				lexer_log_octets(&cuts, limits[l], (enum lexer_body)how, input);
				compare(&whole, &cuts);
			}
			buf_release(&whole);
			buf_release(&cuts);
		}
	}
	return 0;
}

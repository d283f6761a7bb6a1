/* SPDX-License-Identifier: MIT */
/*
 * fuzz_resp.c -- any response: each string that is handed out ends in a NUL, every value can be reached, and the
 * answer is the same again.
 *
 * The input is what the server sends. It goes through the lexer, as always, and also to the parser as one line with
 * gaps at places where nobody put them, for the parser must not rely on the lexer.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536

static const struct imap_limits small = {32, 256, 1024, 128};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void parse_line(struct slice text, const struct imap_limits *limits)
{
	struct lexer_gap gap[4];
	size_t ngaps = 0;
	for (size_t i = 0; i < text.n && ngaps < 4; i++)
		if (text.p[i] == '{' && (i & 1) != 0)
			gap[ngaps++] = (struct lexer_gap){i, i};
	struct err e = ERR_INIT;
	imap4_str section;
	struct buf out = BUF_INIT((size_t)16 << 20);
	struct imap4_data *d = resp_parse(text, gap, ngaps, limits, &e);
	must(d != NULL);
	resp_dump(&out, d);
	must(resp_type(d) == RESP_CONTINUE || slice_eq(resp_text(d), text));
	resp_free(d);
	d = resp_parse_partial(text, gap, ngaps, limits, &section, &e);
	must(d != NULL && section.ptr != NULL && section.ptr[section.len] == '\0');
	resp_dump(&out, d);
	resp_free(d);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct imap_limits *const limits[] = {&small, &lexer_log_limits};
	if (size > INPUT_MAX)
		return 0;
	for (size_t l = 0; l < 2; l++) {
		struct buf one = BUF_INIT((size_t)64 << 20), two = BUF_INIT(one.max);
		bool ends, again;
		size_t damaged = resp_dump_wire(
			&one, limits[l], LEXER_BODY_COLLECT, slice_of(data, size), &ends);
		must(damaged ==
			resp_dump_wire(
				&two, limits[l], LEXER_BODY_COLLECT, slice_of(data, size), &again));
		must(ends == again && slice_eq(buf_slice(&one), buf_slice(&two)));
		buf_clear(&one);
		resp_dump_wire(&one, limits[l], LEXER_BODY_TAKE, slice_of(data, size), &ends);
		buf_release(&one);
		buf_release(&two);
		parse_line(slice_of(data, size), limits[l]);
	}
	return 0;
}

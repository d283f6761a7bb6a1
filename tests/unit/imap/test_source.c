/* SPDX-License-Identifier: MIT */
/* test_source.c -- messages from memory, files and descriptors; any line end as CRLF. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/imap/imap4_util.h"

/* All of a source, `step` octets at a time; *last is what ended it. */
static char *all(imap4_source s, size_t step, long *last)
{
	struct buf out = BUF_INIT(1 << 20);
	unsigned char p[8192];
	while ((*last = s.read(s.ctx, p, step)) > 0) {
		cr_assert_leq((size_t)*last, step);
		(void)buf_add(&out, p, (size_t)*last);
	}
	return out.len > 0 ? buf_take(&out) : strdup("");
}

static const size_t steps[] = {1, 2, 3, 7, 8192};
#define NSTEPS (sizeof steps / sizeof steps[0])

Test(source, memory_is_given_once)
{
	for (size_t i = 0; i < NSTEPS; i++) {
		imap4_memory_source state;
		imap4_source s = imap4_source_memory(&state, "abcdefg", 7);
		long last;
		char *got = all(s, steps[i], &last);
		cr_expect_str_eq(got, "abcdefg");
		cr_expect_eq(last, 0);
		cr_expect_eq(s.read(s.ctx, got, 1), 0);
		free(got);
	}
	imap4_memory_source state;
	imap4_source s = imap4_source_memory(&state, NULL, 0);
	char c;
	cr_expect_eq(s.read(s.ctx, &c, 1), 0);
}

Test(source, a_file_is_given_from_where_it_stands)
{
	FILE *f = tmpfile();
	cr_assert_not_null(f);
	cr_assert_geq(fputs("From me\nabc\ndef\n", f), 0);
	for (size_t i = 0; i < NSTEPS; i++) {
		long last;
		cr_assert_eq(fseek(f, 8, SEEK_SET), 0);
		char *got = all(imap4_source_file(f), steps[i], &last);
		cr_expect_str_eq(got, "abc\ndef\n");
		cr_expect_eq(last, 0);
		free(got);
		imap4_fd_source state;
		cr_assert_eq(lseek(fileno(f), 8, SEEK_SET), 8);
		got = all(imap4_source_fd(&state, fileno(f)), steps[i], &last);
		cr_expect_str_eq(got, "abc\ndef\n");
		cr_expect_eq(last, 0);
		free(got);
	}
	(void)fclose(f);
}

Test(source, what_cannot_be_read_fails)
{
	char c;
	imap4_fd_source state;
	imap4_source s = imap4_source_fd(&state, -1);
	cr_expect_eq(s.read(s.ctx, &c, 1), -1);
	FILE *f = fopen("/dev/null", "w");
	cr_assert_not_null(f);
	s = imap4_source_file(f);
	cr_expect_eq(s.read(s.ctx, &c, 1), -1);
	imap4_crlf_source crlf;
	imap4_source t = imap4_source_crlf(&crlf, &s);
	cr_expect_eq(t.read(t.ctx, &c, 1), -1);
	uint64_t size;
	cr_expect_eq(imap4_crlf_size(&s, &size), IMAP4_E_CALLBACK);
	(void)fclose(f);
}

/* Gives a text in pieces of `step`, then fails with `end`. */
struct slow {
	const char *text;
	size_t left, step;
	long end;
};

static long read_slow(void *ctx, void *p, size_t n)
{
	struct slow *s = ctx;
	size_t part = s->step < s->left ? s->step : s->left;
	part = part < n ? part : n;
	if (part == 0)
		return s->end;
	memcpy(p, s->text, part);
	s->text += part;
	s->left -= part;
	return (long)part;
}

Test(source, every_line_end_becomes_crlf)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{"a\rb\nc\r\nd", "a\r\nb\r\nc\r\nd"},
		{"", ""},
		{"\r", "\r\n"},
		{"\n", "\r\n"},
		{"\r\n", "\r\n"},
		{"\n\r", "\r\n\r\n"},
		{"\r\r\n\n", "\r\n\r\n\r\n"},
		{"\n\n\r\n\r\n", "\r\n\r\n\r\n\r\n"},
		{"no end", "no end"},
		{"x\r\n", "x\r\n"},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		for (size_t in = 0; in < NSTEPS; in++)
			for (size_t out = 0; out < NSTEPS; out++) {
				struct slow slow = {row[i].in, strlen(row[i].in), steps[in], 0};
				imap4_source from = {&slow, read_slow};
				uint64_t size;
				cr_assert_eq(imap4_crlf_size(&from, &size), IMAP4_OK);
				cr_expect_eq(size, strlen(row[i].out), "row %zu", i);
				slow = (struct slow){row[i].in, strlen(row[i].in), steps[in], 0};
				imap4_crlf_source state;
				long last;
				char *got =
					all(imap4_source_crlf(&state, &from), steps[out], &last);
				cr_expect_str_eq(got, row[i].out, "row %zu", i);
				cr_expect_eq(last, 0);
				free(got);
			}
}

Test(source, a_line_end_may_lie_where_two_blocks_meet)
{
	static char text[8300];
	imap4_crlf_source state;
	for (size_t at = sizeof state.in - 2; at <= sizeof state.in + 1; at++) {
		memset(text, 'x', sizeof text);
		memcpy(text + at, "\r\n", 2);
		imap4_memory_source memory;
		imap4_source from = imap4_source_memory(&memory, text, sizeof text);
		long last;
		char *got = all(imap4_source_crlf(&state, &from), 8192, &last);
		cr_expect_eq(strlen(got), sizeof text);
		cr_expect(memcmp(got, text, sizeof text) == 0, "%zu", at);
		free(got);
	}
}

Test(source, a_failure_comes_behind_what_was_read)
{
	struct slow slow = {"a\nb", 3, 3, -1};
	imap4_source from = {&slow, read_slow};
	imap4_crlf_source state;
	long last;
	char *got = all(imap4_source_crlf(&state, &from), 100, &last);
	cr_expect_str_eq(got, "a\r\nb");
	cr_expect_eq(last, -1);
	free(got);
}

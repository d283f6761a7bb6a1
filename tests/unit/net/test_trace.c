/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/trace.h"
#include "core/base/buf.h"

struct call {
	enum trace_dir dir;
	enum trace_kind kind;
	const char *bytes;
};

static int64_t fake_now(void *ctx)
{
	return *(int64_t *)ctx;
}

static void gather(void *ctx, const char *line, size_t n)
{
	/* Whole lines, one at a time. */
	cr_assert_gt(n, 0);
	cr_assert_eq(line[n - 1], '\n');
	cr_assert_eq(memchr(line, '\n', n), line + n - 1);
	buf_add(ctx, line, n);
}

struct world {
	int64_t now;
	struct clock clock;
	struct buf out;
	struct trace *trace;
};

static void world_open(struct world *w, const char *label)
{
	struct err e = ERR_INIT;
	w->now = 5000;
	w->clock = (struct clock){fake_now, &w->now};
	buf_init(&w->out, 1 << 20);
	cr_assert_eq(trace_new(&w->trace, label, gather, &w->out, &w->clock, &e), 0, "%s", e.text);
}

static void world_close(struct world *w)
{
	trace_free(w->trace);
	buf_release(&w->out);
}

#define C TRACE_CLIENT
#define S TRACE_SERVER

static const struct {
	const char *name;
	struct call call[6];
	const char *want;
} rows[] = {
	{"a command and its answer", {{C, TRACE_TEXT, "a1 NOOP\r\n"}, {S, TRACE_TEXT, "a1 OK\r\n"}},
		"0.000 w#1 C: a1 NOOP\n0.000 w#1 S: a1 OK\n"},
	{"a secret in the middle",
		{{C, TRACE_TEXT, "a1 LOGIN \"me\" "}, {C, TRACE_SECRET, "\"hunter22\""},
			{C, TRACE_TEXT, "\r\n"}},
		"0.000 w#1 C: a1 LOGIN \"me\" <secret: 10 bytes>\n"},
	{"secrets in pieces are one",
		{{C, TRACE_SECRET, "hun"}, {C, TRACE_SECRET, "ter"}, {C, TRACE_TEXT, "\r\n"}},
		"0.000 w#1 C: <secret: 6 bytes>\n"},
	{"a secret with a line end stays one", {{C, TRACE_SECRET, "a\nb"}, {C, TRACE_TEXT, "\r\n"}},
		"0.000 w#1 C: <secret: 3 bytes>\n"},
	{"a body",
		{{S, TRACE_TEXT, "* 1 FETCH (BODY[] {5}\r\n"}, {S, TRACE_BODY, "ab\r\nc"},
			{S, TRACE_TEXT, ")\r\n"}},
		"0.000 w#1 S: * 1 FETCH (BODY[] {5}\n0.000 w#1 S: <5 bytes>)\n"},
	{"body and secret are not joined",
		{{S, TRACE_BODY, "ab"}, {S, TRACE_SECRET, "c"}, {S, TRACE_TEXT, "\n"}},
		"0.000 w#1 S: <2 bytes><secret: 1 bytes>\n"},
	{"directions do not mix",
		{{C, TRACE_TEXT, "abc"}, {S, TRACE_TEXT, "* OK\r\n"}, {C, TRACE_TEXT, "def\r\n"}},
		"0.000 w#1 S: * OK\n0.000 w#1 C: abcdef\n"},
	{"control characters are escaped", {{S, TRACE_TEXT, "* OK \x1b[2J\r\n"}},
		"0.000 w#1 S: * OK \\u{1B}[2J\n"},
	{"an empty line", {{S, TRACE_TEXT, "\r\n"}}, "0.000 w#1 S: \n"},
	{"a character over two calls", {{S, TRACE_TEXT, "caf\xc3"}, {S, TRACE_TEXT, "\xa9\r\n"}},
		"0.000 w#1 S: caf\xc3\xa9\n"},
	{"an unfinished line is written at the end", {{C, TRACE_TEXT, "a1 IDL"}},
		"0.000 w#1 C: a1 IDL [unfinished]\n"},
	{"an unfinished body too", {{S, TRACE_BODY, "abc"}},
		"0.000 w#1 S: <3 bytes> [unfinished]\n"},
};

Test(trace, writes_one_protocol_line_a_line_with_secrets_and_bodies_counted)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		/* step 0: each call whole; else in pieces of that many bytes, with the same result.
		 * */
		for (size_t step = 0; step <= 4; step++) {
			struct world w;
			world_open(&w, "w#1");
			for (const struct call *c = rows[i].call; c->bytes; c++) {
				size_t n = strlen(c->bytes);
				size_t piece = step ? step : n;
				for (size_t at = 0; at < n; at += piece)
					trace_bytes(w.trace, c->dir, c->kind, c->bytes + at,
						n - at < piece ? n - at : piece);
			}
			trace_free(w.trace);
			w.trace = NULL;
			cr_assert_str_eq(buf_str(&w.out), rows[i].want, "%s (step %zu): %s",
				rows[i].name, step, buf_str(&w.out));
			world_close(&w);
		}
	}
}

Test(trace, shows_seconds_since_it_was_opened_and_notes_of_the_connection)
{
	struct world w;
	world_open(&w, "evil\x1blabel");
	w.now += 12345;
	trace_note(w.trace, "TLSv1.3 established \x1b");
	cr_assert_str_eq(
		buf_str(&w.out), "12.345 evil\\u{1B}label * TLSv1.3 established \\u{1B}\n");
	trace_note(w.trace, "a line end\r\nis escaped too: gather() would complain");
	world_close(&w);
}

Test(trace, splits_a_line_at_its_limit_and_not_before)
{
	static char text[TRACE_LINE_MAX + 2];
	memset(text, 'x', sizeof(text));
	for (size_t extra = 0; extra <= 1; extra++) {
		struct world w;
		world_open(&w, "l");
		trace_bytes(w.trace, S, TRACE_TEXT, text, TRACE_LINE_MAX + extra);
		trace_bytes(w.trace, S, TRACE_TEXT, "\n", 1);
		cr_assert_eq(strstr(buf_str(&w.out), " [continues]\n") != NULL, extra == 1,
			"limit + %zu", extra);
		size_t xs = 0;
		for (const char *p = buf_str(&w.out); *p; p++)
			xs += *p == 'x';
		cr_assert_eq(xs, TRACE_LINE_MAX + extra, "nothing is lost");
		world_close(&w);
	}
}

Test(trace, never_cuts_a_character_where_it_splits_a_line)
{
	static const char *const chars[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa7"};
	for (size_t k = 0; k < 3; k++) {
		size_t len = strlen(chars[k]);
		for (size_t before = TRACE_LINE_MAX - 4; before <= TRACE_LINE_MAX; before++) {
			struct world w;
			world_open(&w, "l");
			for (size_t i = 0; i < before; i++)
				trace_bytes(w.trace, S, TRACE_TEXT, "x", 1);
			trace_bytes(w.trace, S, TRACE_TEXT, chars[k], len);
			trace_bytes(w.trace, S, TRACE_TEXT, "y\n", 2);
			cr_assert_not_null(strstr(buf_str(&w.out), chars[k]), "%zu bytes after %zu",
				len, before);
			cr_assert_null(strstr(buf_str(&w.out), "\\x"));
			world_close(&w);
		}
	}
}

Test(trace, bounds_a_line_of_many_small_parts)
{
	struct world w;
	world_open(&w, "l");
	for (int i = 0; i < 10000; i++) {
		trace_bytes(w.trace, C, TRACE_SECRET, "s", 1);
		trace_bytes(w.trace, C, TRACE_BODY, "b", 1);
	}
	trace_bytes(w.trace, C, TRACE_TEXT, "\n", 1);
	size_t longest = 0, at = 0;
	for (size_t i = 0; i < w.out.len; i++) {
		if (w.out.data[i] == '\n') {
			longest = i - at > longest ? i - at : longest;
			at = i + 1;
		}
	}
	cr_assert_lt(longest, TRACE_LINE_MAX + 100);
	cr_assert_null(strstr(buf_str(&w.out), "lost"));
	world_close(&w);
}

Test(trace, does_nothing_when_there_is_none)
{
	trace_bytes(NULL, C, TRACE_TEXT, "x", 1);
	trace_note(NULL, "x");
	trace_free(NULL);
}

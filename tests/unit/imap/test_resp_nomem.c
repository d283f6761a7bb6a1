/* SPDX-License-Identifier: MIT */
/*
 * test_resp_nomem.c -- lexer, parser and capabilities when the n-th allocation fails, for every n: an error
 * that says so, no crash, no leak, and never a response with something missing.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/caps.h"
#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"
#include "tests/support/nomem.h"

/* Call f until it succeeds, with one allocation more before the failure each time. Returns the number of failures. */
static long with_failures(int (*f)(const char *arg, struct err *e), const char *arg)
{
	for (long n = 1; n < 1000; n++) {
		struct err e = ERR_INIT;
		outstanding = 0;
		countdown = n;
		counting = failing = true;
		int r = f(arg, &e);
		counting = failing = false;
		cr_assert_eq(outstanding, 0, "%.40s, allocation %ld: %ld blocks leaked", arg, n,
			outstanding);
		if (countdown > 0 || r == 0) {
			cr_assert_eq(r, 0, "%.40s", arg);
			return n - 1;
		}
		cr_assert_eq(e.code, E_NOMEM, "%.40s, allocation %ld: %s", arg, n, e.text);
	}
	cr_assert_fail("%.40s: no end of allocations", arg);
	return 0;
}

static int parse(const char *line, struct err *e)
{
	struct imap4_data *d = resp_parse(slice_str(line), NULL, 0, &lexer_log_limits, e);
	if (d == NULL)
		return -1;
	bool whole = !resp_is_damaged(d);
	resp_free(d);
	return whole ? 0 : -1;
}

/* As the lexer of a connection does it: octet by octet, so that its own memory is needed. */
static int lex(const char *wire, struct err *e)
{
	struct lexer *x;
	if (lexer_new(&x, &lexer_log_limits, e) != 0)
		return -1;
	int r = 0, responses = 0;
	for (const char *p = wire; *p != '\0' && r == 0; p++) {
		struct slice octet = slice_of(p, 1);
		struct lexer_output o = {.event = LEXER_RESPONSE};
		while (o.event != LEXER_MORE && r == 0) {
			r = lexer_next(x, &octet, &o, e);
			responses += r == 0 && o.event == LEXER_RESPONSE;
			if (r == 0 && o.event == LEXER_BODY_BEGIN)
				r = lexer_body(x, LEXER_BODY_COLLECT, e);
		}
	}
	struct slice again = slice_str("* OK\r\n");
	struct lexer_output o;
	struct err same = ERR_INIT;
	if (r != 0 && (lexer_next(x, &again, &o, &same) == 0 || same.code != e->code))
		err_set(e, ERR_CONNECTION, E_STATE, "the error did not stay");
	lexer_free(x);
	return r != 0 || responses != 2 ? -1 : 0;
}

static int set_caps(const char *text, struct err *e)
{
	struct caps c;
	struct err none = ERR_INIT;
	long later = countdown;
	countdown = 0;
	caps_init(&c);
	int r = caps_set(&c, slice_str("OLD"), &none);
	countdown = later;
	if (r == 0)
		r = caps_set(&c, slice_str(text), e);
	bool good = r == 0 ? caps_has(&c, "IDLE") && !caps_has(&c, "OLD")
			   : c.known && c.n == 1 && caps_has(&c, "OLD");
	caps_release(&c);
	if (!good)
		err_set(e, ERR_CONNECTION, E_STATE, "a failure changed the capabilities");
	return r;
}

static struct buf repeated(const char *begin, const char *what, int n, const char *end)
{
	struct buf b = BUF_INIT(1 << 20);
	(void)buf_add_str(&b, begin);
	for (int i = 0; i < n; i++)
		(void)buf_add_str(&b, what);
	(void)buf_add_str(&b, end);
	return b;
}

Test(resp_nomem, each_allocation_of_the_parser_may_fail)
{
	static const struct {
		const char *begin, *what, *end;
		int times;
		long failures; /* at least: how many allocations it needs */
	} rows[] = {
		{"* OK [ALERT] x", "", "", 0, 1},
		{"a OK x", "", "", 0, 1},
		{"+ x", "", "", 0, 1},
		{"* 1 FETCH (UID 7 FLAGS (a b))", "", "", 0, 1},
		{"* 1 FETCH (FLAGS (", " flag", "))", 100, 3},
		{"* X", " (a)", "", 300, 3},
		{"* LIST (", " \\a", ") \"/\" x", 100, 3},
		{"* STATUS x (", " a 1", ")", 100, 2},
		{"* NAMESPACE ((\"\" \"/\")) NIL NIL", "", "", 0, 2},
		{"* SEARCH", " 4 2 9", "", 100, 3},
		{"* ESEARCH (TAG \"x\") ALL 9,7,5", "", "", 0, 4},
		{"* VANISHED (EARLIER) 9,7:8,5", "", "", 0, 4},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf line = repeated(rows[i].begin, rows[i].what, rows[i].times, rows[i].end);
		long failures = with_failures(parse, buf_str(&line));
#ifndef SANITIZED
		cr_assert_geq(failures, rows[i].failures, "%s: %ld", rows[i].begin, failures);
#else
		(void)failures;
#endif
		buf_release(&line);
	}
}

Test(resp_nomem, each_allocation_of_the_lexer_may_fail)
{
	struct buf wire = repeated(
		"* X (", "abcdefgh", 500, " {3}\r\nabc)\r\n* 1 FETCH (BODY[] {3}\r\nabc)\r\n");
	with_failures(lex, buf_str(&wire));
	buf_release(&wire);
}

Test(resp_nomem, a_failure_leaves_the_capabilities_as_they_were)
{
	struct buf text = repeated("IDLE", " CAPABILITY=NAME", 100, "");
	with_failures(set_caps, buf_str(&text));
	buf_release(&text);
}

#ifndef SANITIZED
Test(resp_nomem, the_memory_of_a_large_answer_is_given_back)
{
	struct imap_limits limits = {10, 100, 10000, 10};
	struct buf wire = repeated("* SEARCH", " 123", 200, "\r\n");
	struct lexer *x;
	struct lexer_output o;
	struct err e = ERR_INIT;
	outstanding = 0;
	counting = failing = true;
	int r = lexer_new(&x, &limits, &e);
	for (size_t half = 0; half < 2 && r == 0; half++) {
		struct slice in =
			slice_of(wire.data + half * 100, half == 0 ? 100 : wire.len - 100);
		r = lexer_next(x, &in, &o, &e);
	}
	long during = outstanding;
	struct slice next = slice_str("* OK\r\n");
	if (r == 0)
		r = lexer_next(x, &next, &o, &e);
	long after = outstanding;
	counting = failing = false;
	cr_assert_eq(r, 0);
	cr_assert_eq(during, 2, "the lexer and its text");
	cr_assert_eq(after, 1, "only the lexer");
	lexer_free(x);
	buf_release(&wire);
}
#endif

/* SPDX-License-Identifier: MIT */
/* test_lexer.c -- framing: every input in one piece, cut at every octet, and octet by octet. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/lexer.h"
#include "tests/support/lexer_log.h"

#define LOG_MAX ((size_t)32 << 20)

struct row {
	const char *name, *in, *log;
};

/* ---- what a body is, and what a literal is ------------------------------------------------------------- */

static const struct row rows[] = {
	{"one line", "* OK hi\r\n", "R[* OK hi]\n?0\n"},
	{"two lines", "* 1 EXISTS\r\n* 2 RECENT\r\n", "R[* 1 EXISTS]\nR[* 2 RECENT]\n?0\n"},
	{"bare line feed", "* OK hi\na OK\n", "R[* OK hi]\nR[a OK]\n?0\n"},
	{"only one CR belongs to the line end", "* OK hi\r\r\n", "R[* OK hi\r]\n?0\n"},
	{"CR inside a line", "* OK a\rb\r\n", "R[* OK a\rb]\n?0\n"},
	{"unfinished line", "* OK h", "?1\n"},
	{"CR at the end of the input", "* OK h\r", "?1\n"},
	{"empty lines between responses", "\r\n\r\n* OK\r\n\n\r\na OK\r\n",
		"R[* OK]\nR[a OK]\n?0\n"},
	/* status lines end in free text */
	{"marker in untagged OK", "* OK see {12}\r\na OK\r\n", "R[* OK see {12}]\nR[a OK]\n?0\n"},
	{"marker in untagged NO", "* no {12}\r\na OK\r\n", "R[* no {12}]\nR[a OK]\n?0\n"},
	{"marker in BAD", "* BAD {3}\r\na OK\r\n", "R[* BAD {3}]\nR[a OK]\n?0\n"},
	{"marker in BYE", "* BYE {3}\r\na OK\r\n", "R[* BYE {3}]\nR[a OK]\n?0\n"},
	{"marker in PREAUTH", "* PREAUTH {3}\r\na OK\r\n", "R[* PREAUTH {3}]\nR[a OK]\n?0\n"},
	{"marker in a tagged line", "a1 NO no {12}\r\na OK\r\n", "R[a1 NO no {12}]\nR[a OK]\n?0\n"},
	{"marker in a continuation", "+ go {12}\r\na OK\r\n", "R[+ go {12}]\nR[a OK]\n?0\n"},
	{"code without OK", "* [COPYUID 1 2 3] {4}\r\na OK\r\n",
		"R[* [COPYUID 1 2 3] {4}]\nR[a OK]\n?0\n"},
	{"code without star", "[COPYUID 1 2 3] {4}\r\na OK\r\n",
		"R[[COPYUID 1 2 3] {4}]\nR[a OK]\n?0\n"},
	{"raw line", "Server Unavailable. {15}\r\na OK\r\n",
		"R[Server Unavailable. {15}]\nR[a OK]\n?0\n"},
	/* collected literals */
	{"mailbox name", "* LIST () \"/\" {3}\r\na/b\r\na OK\r\n",
		"R[* LIST () \"/\" {3}\r\na/b]\nR[a OK]\n?0\n"},
	{"literal in a list", "* X ({3}\r\n\r\n) {1}\r\ny)\r\n",
		"R[* X ({3}\r\n\r\n) {1}\r\ny)]\n?0\n"},
	{"literal that looks like a marker", "* X {4}\r\n{5}\r\r\n* 1 EXISTS\r\n",
		"R[* X {4}\r\n{5}\r]\nR[* 1 EXISTS]\n?0\n"},
	{"literal with a marker and a line end", "* X {6}\r\n {3}\r\n\r\na OK\r\n",
		"R[* X {6}\r\n {3}\r\n]\nR[a OK]\n?0\n"},
	{"literal that ends like a marker", "* X {3}\r\n {1 }\r\n", "R[* X {3}\r\n {1 }]\n?0\n"},
	{"a number before a condition", "* 5 OK {1}\r\nx\r\n", "R[* 5 OK {1}\r\nx]\n?0\n"},
	{"empty literal", "* X {0}\r\n {0}\r\n\r\n", "R[* X {0}\r\n {0}\r\n]\n?0\n"},
	{"leading zeros", "* X {003}\r\nabc\r\n", "R[* X {003}\r\nabc]\n?0\n"},
	{"literal8", "* X ~{3}\r\na\rb\r\n", "R[* X ~{3}\r\na\rb]\n?0\n"},
	{"non-synchronising", "* X {3+}\r\nabc\r\n", "R[* X {3+}\r\nabc]\n?0\n"},
	{"marker with a bare line feed", "* X {3}\nabc\n", "R[* X {3}\nabc]\n?0\n"},
	{"extra spaces", "*  X   {3}\r\nabc \r\n", "R[*  X   {3}\r\nabc ]\n?0\n"},
	{"no marker: in a quoted string", "* X \"{5}\" \"a {5}\"\r\n",
		"R[* X \"{5}\" \"a {5}\"]\n?0\n"},
	{"no marker: glued to a word", "* LIST () \"/\" a{5}\r\n", "R[* LIST () \"/\" a{5}]\n?0\n"},
	{"no marker: empty", "* X {}\r\n* X {+}\r\n* X { }\r\n",
		"R[* X {}]\nR[* X {+}]\nR[* X { }]\n?0\n"},
	{"no marker: words", "* X {abc} {x5}\r\n", "R[* X {abc} {x5}]\n?0\n"},
	{"no marker: other brackets", "* X [5} 5}\r\n", "R[* X [5} 5}]\n?0\n"},
	{"no marker: not at the end", "* X {5} \r\n", "R[* X {5} ]\n?0\n"},
	{"escaped quote, then a literal", "* X \"a\\\"\" {1}\r\nb\r\n",
		"R[* X \"a\\\"\" {1}\r\nb]\n?0\n"},
	{"escaped backslash, then a literal", "* X \"a\\\\\" {1}\r\nb\r\n",
		"R[* X \"a\\\\\" {1}\r\nb]\n?0\n"},
	{"quote not escaped (Q48), then a literal", "* X \"a\"b\" {1}\r\nb\r\n",
		"R[* X \"a\"b\" {1}\r\nb]\n?0\n"},
	{"quote in a word, then a literal", "* X a\"b {1}\r\nb\r\n", "R[* X a\"b {1}\r\nb]\n?0\n"},
	/* bodies */
	{"body", "* 1 FETCH (BODY[] {3}\r\na\r\n UID 7)\r\n",
		"B 3 [* 1 FETCH (BODY[] {3}\r\n]\nD[a\r\n]\nE\nR[* 1 FETCH (BODY[] {3}\r\n UID 7)]<18:3>\n?0\n"},
	{"body, lower case", "* 1 fetch (body[text]<0> {1}\r\nx)\r\n",
		"B 1 [* 1 fetch (body[text]<0> {1}\r\n]\nD[x]\nE\nR[* 1 fetch (body[text]<0> {1}\r\n)]<25:1>\n?0\n"},
	{"empty body", "* 1 FETCH (UID 3 BODY[] {0}\r\n)\r\n",
		"B 0 [* 1 FETCH (UID 3 BODY[] {0}\r\n]\nE\nR[* 1 FETCH (UID 3 BODY[] {0}\r\n)]<24:0>\n?0\n"},
	{"FETCH 0", "* 0 FETCH (UID 3 BODY[] {1}\r\nx)\r\n",
		"B 1 [* 0 FETCH (UID 3 BODY[] {1}\r\n]\nD[x]\nE\nR[* 0 FETCH (UID 3 BODY[] {1}\r\n)]<24:1>\n?0\n"},
	{"UIDFETCH", "* 25 UIDFETCH (BODY[1.MIME] {1}\r\nx)\r\n",
		"B 1 [* 25 UIDFETCH (BODY[1.MIME] {1}\r\n]\nD[x]\nE\n"
		"R[* 25 UIDFETCH (BODY[1.MIME] {1}\r\n)]<28:1>\n?0\n"},
	{"BINARY as literal8", "* 1 FETCH (BINARY[1]<7> ~{2}\r\n\r\n)\r\n",
		"B 2 [* 1 FETCH (BINARY[1]<7> ~{2}\r\n]\nD[\r\n]\nE\nR[* 1 FETCH (BINARY[1]<7> ~{2}\r\n)]<24:2>\n?0\n"},
	{"RFC822", "* 1 FETCH (RFC822 {1}\r\nx)\r\n",
		"B 1 [* 1 FETCH (RFC822 {1}\r\n]\nD[x]\nE\nR[* 1 FETCH (RFC822 {1}\r\n)]<18:1>\n?0\n"},
	{"two bodies", "* 1 FETCH (RFC822.HEADER {1}\r\nh RFC822.TEXT {1}\r\nt)\r\n",
		"B 1 [* 1 FETCH (RFC822.HEADER {1}\r\n]\nD[h]\nE\n"
		"B 1 [* 1 FETCH (RFC822.HEADER {1}\r\n RFC822.TEXT {1}\r\n]<25:1>\nD[t]\nE\n"
		"R[* 1 FETCH (RFC822.HEADER {1}\r\n RFC822.TEXT {1}\r\n)]<25:1><43:1>\n?0\n"},
	{"section with spaces and quotes",
		"* 1 FETCH (BODY[HEADER.FIELDS (\"T] (\" FROM)] {1}\r\nx)\r\n",
		"B 1 [* 1 FETCH (BODY[HEADER.FIELDS (\"T] (\" FROM)] {1}\r\n]\nD[x]\nE\n"
		"R[* 1 FETCH (BODY[HEADER.FIELDS (\"T] (\" FROM)] {1}\r\n)]<45:1>\n?0\n"},
	{"section with a literal", "* 1 FETCH (BODY[HEADER.FIELDS ({2}\r\nT])] {1}\r\nx)\r\n",
		"B 1 [* 1 FETCH (BODY[HEADER.FIELDS ({2}\r\nT])] {1}\r\n]\nD[x]\nE\n"
		"R[* 1 FETCH (BODY[HEADER.FIELDS ({2}\r\nT])] {1}\r\n)]<41:1>\n?0\n"},
	{"envelope before the body",
		"* 1 FETCH (ENVELOPE (\"d\" {4}\r\n(\"(\" ((NIL))) BODY[] {1}\r\nx)\r\n",
		"B 1 [* 1 FETCH (ENVELOPE (\"d\" {4}\r\n(\"(\" ((NIL))) BODY[] {1}\r\n]\nD[x]\nE\n"
		"R[* 1 FETCH (ENVELOPE (\"d\" {4}\r\n(\"(\" ((NIL))) BODY[] {1}\r\n)]<51:1>\n?0\n"},
	/* literals of FETCH that are none of these */
	{"other item", "* 1 FETCH (X-GM-LABELS ({3}\r\nabc) X {1}\r\nx)\r\n",
		"R[* 1 FETCH (X-GM-LABELS ({3}\r\nabc) X {1}\r\nx)]\n?0\n"},
	{"in a list under the item", "* 1 FETCH (X (BODY[] {1}\r\nx))\r\n",
		"R[* 1 FETCH (X (BODY[] {1}\r\nx))]\n?0\n"},
	{"BODY without section", "* 1 FETCH (BODY {1}\r\nx)\r\n",
		"R[* 1 FETCH (BODY {1}\r\nx)]\n?0\n"},
	{"a string between name and literal", "* 1 FETCH (BODY[] \"x\" {1}\r\nx)\r\n",
		"R[* 1 FETCH (BODY[] \"x\" {1}\r\nx)]\n?0\n"},
	{"a list between name and literal", "* 1 FETCH (BODY[] () {1}\r\nx)\r\n",
		"R[* 1 FETCH (BODY[] () {1}\r\nx)]\n?0\n"},
	{"a literal between name and literal", "* 1 FETCH (X {1}\r\nx {1}\r\nx)\r\n",
		"R[* 1 FETCH (X {1}\r\nx {1}\r\nx)]\n?0\n"},
	{"item name quoted", "* 1 FETCH (\"BODY[]\" {1}\r\nx)\r\n",
		"R[* 1 FETCH (\"BODY[]\" {1}\r\nx)]\n?0\n"},
	{"not FETCH", "* 1 XFETCH (BODY[] {1}\r\nx)\r\n", "R[* 1 XFETCH (BODY[] {1}\r\nx)]\n?0\n"},
	{"FETCH without number", "* FETCH (BODY[] {1}\r\nx)\r\n",
		"R[* FETCH (BODY[] {1}\r\nx)]\n?0\n"},
	/* an empty line behind a literal */
	{"dropped in a list", "* 1 FETCH (BODY[] {1}\r\nx\r\n UID 7)\r\n",
		"B 1 [* 1 FETCH (BODY[] {1}\r\n]\nD[x]\nE\nR[* 1 FETCH (BODY[] {1}\r\n UID 7)]<18:1>\n?0\n"},
	{"dropped before the end of a list", "* X ({1}\r\nx\n)\r\n", "R[* X ({1}\r\nx)]\n?0\n"},
	{"ends a response that breaks off", "* 1 FETCH (BODY[] {1}\r\nx\r\na OK\r\n",
		"B 1 [* 1 FETCH (BODY[] {1}\r\n]\nD[x]\nE\nR[* 1 FETCH (BODY[] {1}\r\n]<18:1>\nR[a OK]\n?0\n"},
	{"after the end", "* LIST () \"/\" {1}\r\nx\r\n\r\na OK\r\n",
		"R[* LIST () \"/\" {1}\r\nx]\nR[a OK]\n?0\n"},
	/* what could be read in two ways */
	{"octets too many", "* 1 FETCH (BODY[] {1}\r\nxy)\r\n",
		"B 1 [* 1 FETCH (BODY[] {1}\r\n]\nD[x]\nE\n!proto\n"},
	{"octets too many in a collected one", "* X {1}\r\nxy\r\n", "!proto\n"},
	{"CR alone behind a literal", "* X ({1}\r\nx\r)\r\n", "!proto\n"},
	{"open quoted string", "* X \"abc {5}\r\nhello\r\n", "!proto\n"},
	{"open quoted string in a section", "* 1 FETCH (BODY[HEADER.FIELDS (\"a {5}\r\nhello\r\n",
		"!proto\n"},
	{"negative size", "* X {-1}\r\n", "!proto\n"},
	{"space in the size", "* X {1 }\r\n", "!proto\n"},
	{"sign before the size", "* X {+1}\r\n", "!proto\n"},
	{"negative size of a body", "* 1 FETCH (BODY[] {-1}\r\n", "!proto\n"},
	{"2^64", "* 1 FETCH (BODY[] {18446744073709551616}\r\n", "!proto\n"},
	{"2^63", "* 1 FETCH (BODY[] {9223372036854775808}\r\n", "!proto\n"},
	{"2^63-1 may be offered", "* 1 FETCH (BODY[] {9223372036854775807}\r\nabc",
		"B 9223372036854775807 [* 1 FETCH (BODY[] {9223372036854775807}\r\n]\nD[abc]\n?1\n"},
	{"2^32", "* 1 FETCH (BODY[] {4294967296}\r\nabc",
		"B 4294967296 [* 1 FETCH (BODY[] {4294967296}\r\n]\nD[abc]\n?1\n"},
	{"large literal where none is expected", "* X {2147483648}\r\n", "!limit\n"},
};

static void check(const char *name, const char *how, struct buf *log, const char *want)
{
	cr_assert_str_eq(buf_str(log), want, "%s, %s: %s", name, how, buf_str(log));
	buf_clear(log);
}

Test(lexer, gives_the_same_events_however_the_input_is_cut)
{
	struct buf log = BUF_INIT(LOG_MAX);
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		struct slice in = slice_str(rows[r].in);
		lexer_log(&log, &lexer_log_limits, LEXER_BODY_TAKE, in, NULL, 0);
		check(rows[r].name, "in one piece", &log, rows[r].log);
		lexer_log_octets(&log, &lexer_log_limits, LEXER_BODY_TAKE, in);
		check(rows[r].name, "octet by octet", &log, rows[r].log);
		for (size_t cut = 1; cut < in.n; cut++) {
			char how[32];
			snprintf(how, sizeof how, "cut at %zu", cut);
			lexer_log(&log, &lexer_log_limits, LEXER_BODY_TAKE, in, &cut, 1);
			check(rows[r].name, how, &log, rows[r].log);
		}
	}
	buf_release(&log);
}

Test(lexer, is_at_a_boundary_only_between_responses)
{
	static const char in[] = "* X {1}\r\nx\r\n* 1 FETCH (BODY[] {2}\r\nab)\r\n";
	struct lexer *x;
	struct err e = ERR_INIT;
	cr_assert_eq(lexer_new(&x, &lexer_log_limits, &e), 0);
	cr_assert_not(lexer_in_response(x));
	for (size_t i = 0; i < sizeof in - 1; i++) {
		struct slice octet = slice_of(in + i, 1);
		struct lexer_output o = {.event = LEXER_RESPONSE};
		bool end = false;
		while (o.event != LEXER_MORE) {
			cr_assert_eq(lexer_next(x, &octet, &o, &e), 0);
			end = end || o.event == LEXER_RESPONSE;
		}
		cr_assert_eq(lexer_in_response(x), !end, "octet %zu", i);
	}
	lexer_free(x);
	lexer_free(NULL);
}

Test(lexer, skips_nuls_and_empty_lines_before_a_response_up_to_a_limit)
{
	struct imap_limits limits = {10, 100, 200, 10};
	for (size_t n = 99; n <= 102; n++) {
		char in[200] = "";
		memset(in, 0, n);
		in[n / 2] = '\r';
		in[n / 2 + 1] = '\n';
		memcpy(in + n, "* OK\r\n", 6);
		struct buf log = BUF_INIT(LOG_MAX);
		lexer_log(&log, &limits, LEXER_BODY_TAKE, slice_of(in, n + 6), NULL, 0);
		check("NULs", "in one piece", &log, n <= 100 ? "R[* OK]\n?0\n" : "!limit\n");
		lexer_log_octets(&log, &limits, LEXER_BODY_TAKE, slice_of(in, n + 6));
		check("NULs", "octet by octet", &log, n <= 100 ? "R[* OK]\n?0\n" : "!limit\n");
		buf_release(&log);
	}
}

/* ---- bodies: the three answers ---------------------------------------------------------------------------- */

Test(lexer, skips_or_collects_a_body_on_request)
{
	static const char in[] = "* 1 FETCH (BODY[] {3}\r\nabc)\r\n";
	struct buf log = BUF_INIT(LOG_MAX);
	lexer_log_octets(&log, &lexer_log_limits, LEXER_BODY_SKIP, slice_str(in));
	check("skip", "", &log,
		"B 3 [* 1 FETCH (BODY[] {3}\r\n]\nE\nR[* 1 FETCH (BODY[] {3}\r\n)]<18:3>\n?0\n");
	lexer_log_octets(&log, &lexer_log_limits, LEXER_BODY_COLLECT, slice_str(in));
	check("collect", "", &log,
		"B 3 [* 1 FETCH (BODY[] {3}\r\n]\nR[* 1 FETCH (BODY[] {3}\r\nabc)]\n?0\n");
	buf_release(&log);
}

Test(lexer, refuses_to_collect_a_body_beyond_the_limit_and_leaves_the_choice)
{
	struct imap_limits limits = {10, 200, 200, 40};
	for (unsigned size = 39; size <= 42; size++) {
		char in[64];
		snprintf(in, sizeof in, "* 1 FETCH (BODY[] {%u}\r\n", size);
		struct lexer *x;
		struct err e = ERR_INIT;
		struct lexer_output o;
		struct slice s = slice_str(in);
		cr_assert_eq(lexer_new(&x, &limits, &e), 0);
		cr_assert_eq(lexer_next(x, &s, &o, &e), 0);
		cr_assert_eq(o.event, LEXER_BODY_BEGIN);
		int r = lexer_body(x, LEXER_BODY_COLLECT, &e);
		cr_assert_eq(r, size <= 40 ? 0 : -1, "%u", size);
		if (r != 0) {
			cr_assert_eq(e.code, E_LIMIT);
			cr_assert_eq(e.scope, ERR_MESSAGE);
			cr_assert_eq(lexer_body(x, LEXER_BODY_SKIP, &e), 0);
		}
		cr_assert_eq(lexer_body(x, LEXER_BODY_SKIP, &e), -1, "it is decided");
		cr_assert_eq(e.code, E_STATE);
		lexer_free(x);
	}
}

Test(lexer, counts_a_collected_body_as_part_of_the_response)
{
	/* The text before the literal has 24 octets; the response may have 100. */
	struct imap_limits limits = {10, 100, 200, 90};
	for (unsigned size = 75; size <= 78; size++) {
		char in[64];
		snprintf(in, sizeof in, "* 1 FETCH (BODY[] {%u}\r\n", size);
		struct lexer *x;
		struct err e = ERR_INIT;
		struct lexer_output o;
		struct slice s = slice_str(in);
		cr_assert_eq(lexer_new(&x, &limits, &e), 0);
		cr_assert_eq(lexer_next(x, &s, &o, &e), 0);
		cr_assert_eq(
			lexer_body(x, LEXER_BODY_COLLECT, &e), size <= 76 ? 0 : -1, "%u", size);
		lexer_free(x);
	}
}

Test(lexer, skips_a_body_that_nobody_decided_on)
{
	struct slice in = slice_str("* 1 FETCH (BODY[] {3}\r\nabc)\r\n");
	struct lexer *x;
	struct err e = ERR_INIT;
	struct lexer_output o;
	cr_assert_eq(lexer_new(&x, &lexer_log_limits, &e), 0);
	static const enum lexer_event want[] = {
		LEXER_BODY_BEGIN, LEXER_BODY_END, LEXER_RESPONSE, LEXER_MORE};
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(lexer_next(x, &in, &o, &e), 0);
		cr_assert_eq(o.event, want[i], "event %zu is %d", i, (int)o.event);
	}
	lexer_free(x);
}

Test(lexer, passes_a_body_on_by_reference)
{
	struct slice in = slice_str("* 1 FETCH (BODY[] {3}\r\nabc)\r\n");
	const unsigned char *start = in.p;
	struct lexer *x;
	struct err e = ERR_INIT;
	struct lexer_output o;
	cr_assert_eq(lexer_new(&x, &lexer_log_limits, &e), 0);
	cr_assert_eq(lexer_next(x, &in, &o, &e), 0);
	cr_assert_eq(lexer_body(x, LEXER_BODY_TAKE, &e), 0);
	cr_assert_eq(lexer_next(x, &in, &o, &e), 0);
	cr_assert_eq(o.data.p, start + 23);
	cr_assert_eq(o.data.n, 3);
	lexer_free(x);
}

/* ---- limits ------------------------------------------------------------------------------------------- */

static void expect_limit(
	const char *name, const struct imap_limits *limits, struct slice in, bool ok)
{
	struct buf log = BUF_INIT(LOG_MAX);
	const char *end = ok ? "?0\n" : "!limit\n";
	for (int octets = 0; octets < 2; octets++) {
		if (octets)
			lexer_log_octets(&log, limits, LEXER_BODY_TAKE, in);
		else
			lexer_log(&log, limits, LEXER_BODY_TAKE, in, NULL, 0);
		cr_assert(log.len >= strlen(end));
		cr_assert_str_eq(buf_str(&log) + log.len - strlen(end), end,
			"%s, %zu octets, octets %d: %s", name, in.n, octets, buf_str(&log));
		buf_clear(&log);
	}
	buf_release(&log);
}

Test(lexer, bounds_a_response_at_its_limit)
{
	struct imap_limits limits = {10, 100, 200, 50};
	static const struct {
		const char *begin;
		size_t limit;
	} kinds[] = {{"* X ", 100}, {"a OK ", 100}, {"+ ", 100}, {"* 1 FETCH ", 100},
		{"* 1 SEARCH ", 100}, {"* SEARCH ", 200}, {"* esearch ", 200}, {"* VANISHED ", 200},
		{"* SORT ", 200}, {"* THREAD ", 200}};
	static const char *const ends[] = {"\r\n", "\n"};
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		for (size_t end = 0; end < 2; end++) {
			for (size_t n = kinds[k].limit - 1; n <= kinds[k].limit + 1; n++) {
				char in[256];
				memset(in, '1', sizeof in);
				memcpy(in, kinds[k].begin, strlen(kinds[k].begin));
				strcpy(in + n, ends[end]);
				expect_limit(kinds[k].begin, &limits, slice_str(in),
					n <= kinds[k].limit);
			}
		}
	}
}

Test(lexer, ends_a_line_without_end_at_the_limit)
{
	struct imap_limits limits = {10, 100, 200, 50};
	for (size_t n = 99; n <= 102; n++) {
		char in[256];
		memset(in, '1', sizeof in);
		memcpy(in, "* X ", 4);
		struct buf log = BUF_INIT(LOG_MAX);
		lexer_log_octets(&log, &limits, LEXER_BODY_TAKE, slice_of(in, n));
		check("line", "", &log, n <= 100 ? "?1\n" : "!limit\n");
		in[n - 1] = '\r';
		lexer_log(&log, &limits, LEXER_BODY_TAKE, slice_of(in, n), NULL, 0);
		check("line with CR", "", &log, n <= 101 ? "?1\n" : "!limit\n");
		buf_release(&log);
	}
}

Test(lexer, bounds_a_collected_literal_when_it_is_announced)
{
	struct imap_limits limits = {10, 100, 200, 50};
	struct buf log = BUF_INIT(LOG_MAX);
	lexer_log(&log, &limits, LEXER_BODY_TAKE, slice_str("* X {50}\r\n"), NULL, 0);
	check("50", "", &log, "?1\n");
	lexer_log(&log, &limits, LEXER_BODY_TAKE, slice_str("* X {51}\r\n"), NULL, 0);
	check("51", "", &log, "!limit\n");
	/* 10 octets of line, 38 of literal, 7 of line: of 100 there are 45 left. */
	for (unsigned n = 44; n <= 46; n++) {
		char in[128];
		snprintf(in, sizeof in, "* X {38}\r\n%038d {%u}\r\n", 0, n);
		lexer_log(&log, &limits, LEXER_BODY_TAKE, slice_str(in), NULL, 0);
		check("in sum", "", &log, n <= 45 ? "?1\n" : "!limit\n");
	}
	buf_release(&log);
}

Test(lexer, bounds_the_number_of_literals)
{
	for (int bodies = 0; bodies < 2; bodies++) {
		for (int n = IMAP_LITERALS_MAX; n <= IMAP_LITERALS_MAX + 1; n++) {
			struct buf in = BUF_INIT(LOG_MAX);
			(void)buf_add_str(&in, "* 1 FETCH (X");
			for (int i = 0; i < n; i++)
				(void)buf_addf(&in, " %s {1}\r\nx", bodies ? "BODY[]" : "Y");
			(void)buf_add_str(&in, ")\r\n");
			expect_limit(bodies ? "bodies" : "literals", &lexer_log_limits,
				buf_slice(&in), n <= IMAP_LITERALS_MAX);
			buf_release(&in);
		}
	}
}

Test(lexer, does_not_fall_below_the_least_limit)
{
	struct imap_limits limits = {0, 0, 0, 0};
	char in[LEXER_RESPONSE_MIN + 8];
	for (size_t n = LEXER_RESPONSE_MIN; n <= LEXER_RESPONSE_MIN + 1; n++) {
		memset(in, 'x', sizeof in);
		memcpy(in + n, "\r\n", 3);
		expect_limit("least", &limits, slice_str(in), n == LEXER_RESPONSE_MIN);
	}
}

Test(lexer, reports_the_same_error_again)
{
	struct lexer *x;
	struct err e = ERR_INIT, again = ERR_INIT;
	struct lexer_output o;
	cr_assert_eq(lexer_new(&x, &lexer_log_limits, &e), 0);
	struct slice in = slice_str("* X {-1}\r\n");
	cr_assert_eq(lexer_next(x, &in, &o, &e), -1);
	in = slice_str("* OK\r\n");
	cr_assert_eq(lexer_next(x, &in, &o, &again), -1);
	cr_assert_eq(again.code, E_PROTO);
	cr_assert_eq(again.scope, ERR_CONNECTION);
	cr_assert_str_eq(again.text, e.text);
	lexer_free(x);
}

Test(lexer, shows_no_control_characters_in_errors)
{
	struct lexer *x;
	struct err e = ERR_INIT;
	struct lexer_output o;
	cr_assert_eq(lexer_new(&x, &lexer_log_limits, &e), 0);
	struct slice in = slice_str("* X \x1b[2J\x07 {-1}\r\n");
	cr_assert_eq(lexer_next(x, &in, &o, &e), -1);
	for (const char *p = e.text; *p != '\0'; p++)
		cr_assert_geq((unsigned char)*p, ' ', "%s", e.text);
	lexer_free(x);
}

/* ---- size ------------------------------------------------------------------------------------------------ */

static struct buf repeat(const char *begin, const char *what, size_t n, const char *end)
{
	struct buf b = BUF_INIT(LOG_MAX);
	(void)buf_add_str(&b, begin);
	for (size_t i = 0; i < n; i++)
		(void)buf_add_str(&b, what);
	(void)buf_add_str(&b, end);
	return b;
}

Test(lexer, ends_torture_in_linear_time, .timeout = 20)
{
	static const struct {
		const char *name, *begin, *what;
		size_t n;
		const char *end, *result;
	} torture[] = {
		{"tiny literals", "* X (", " {1}\r\nx", 200000, ")\r\n", "!limit\n"},
		{"tiny bodies", "* 1 FETCH (", " RFC822 {1}\r\nx", 200000, ")\r\n", "!limit\n"},
		{"parentheses", "* X ", "(", 1000000, " {1}\r\nx\r\n\r\na OK\r\n", "R[a OK]\n?0\n"},
		{"parentheses closed", "* X ", ")", 1000000, "\r\n", "]\n?0\n"},
		{"a long atom", "* X ", "aaaa", 250000, " {1}\r\nx\r\n", "]\n?0\n"},
		{"a long quoted string", "* X \"", "a\\\"b", 250000, "\" {1}\r\nx\r\n", "]\n?0\n"},
		{"digits", "* X {", "99999999", 125000, "}\r\n", "!proto\n"},
		{"quotes", "* X ", "\"", 1000000, " {1}\r\nx\r\n", "]\n?0\n"},
		{"lines", "", "* 1 EXISTS\r\n", 100000, "* 2 EXISTS\r\n", "R[* 2 EXISTS]\n?0\n"},
		{"numbers", "* SEARCH", " 4294967295", 1000000, "\r\n", "]\n?0\n"},
		{"too many octets", "* X ", "aaaaaaaa", 250000, "\r\n", "!limit\n"},
	};
	for (size_t i = 0; i < sizeof torture / sizeof *torture; i++) {
		struct buf in =
			repeat(torture[i].begin, torture[i].what, torture[i].n, torture[i].end);
		struct buf log = BUF_INIT(LOG_MAX);
		size_t cut[64];
		for (size_t c = 0; c < 64; c++)
			cut[c] = in.len / 64 * c;
		lexer_log(&log, &lexer_log_limits, LEXER_BODY_TAKE, buf_slice(&in), cut, 64);
		size_t n = strlen(torture[i].result);
		cr_assert(
			log.len >= n && strcmp(buf_str(&log) + log.len - n, torture[i].result) == 0,
			"%s: ...%s", torture[i].name,
			buf_str(&log) + (log.len > 60 ? log.len - 60 : 0));
		buf_release(&log);
		buf_release(&in);
	}
}

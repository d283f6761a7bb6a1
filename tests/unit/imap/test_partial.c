/* SPDX-License-Identifier: MIT */
/*
 * test_partial.c -- parts of a result: PARTIAL for SEARCH and UID FETCH (RFC 9394), RETURN for SORT (ESORT and CONTEXT=SORT,
 * RFC 5267). The examples of both RFCs are rows of the first table; where they elide numbers, ours are made up.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/typed_log.h"

static imap4_query *junk_query(void)
{
	imap4_query *q = imap4_query_new();
	imap4_query_flag(q, typed_str("\\Deleted"), 0);
	imap4_query_flag(q, typed_str("$Junk"), 0);
	return q;
}

static imap4_cmd *search(struct rig *r, imap4_query_opts o)
{
	o.struct_size = sizeof o;
	imap4_query *q = junk_query();
	imap4_cmd *c = imap4_search_start(r->session, q, &o);
	imap4_query_free(q);
	return c;
}

static imap4_cmd *sort(struct rig *r, imap4_query_opts o)
{
	static const int key = IMAP4_SORT_REVERSE | IMAP4_SORT_DATE;
	o.struct_size = sizeof o;
	imap4_query *q = junk_query();
	imap4_cmd *c = imap4_sort_start(r->session, &key, 1, q, &o);
	imap4_query_free(q);
	return c;
}

static imap4_cmd *fetch(struct rig *r, const char *text, imap4_fetch_opts o)
{
	imap4_set *set = typed_set(text);
	o.struct_size = sizeof o;
	imap4_cmd *c = imap4_fetch_start(r->session, set, "UID FLAGS", &o);
	typed_set_free(set);
	return c;
}

#define QUERY(...)   ((imap4_query_opts){.by = IMAP4_BY_UID, __VA_ARGS__})
#define RANGE(a, b)  .partial_first = (a), .partial_last = (b)
#define FETCHED(...) ((imap4_fetch_opts){.by = IMAP4_BY_UID, __VA_ARGS__})

/* ---- the examples of the RFCs ----------------------------------------------------------------------- */

static void rfc9394_section_3_1(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, QUERY(RANGE(-1, -100)));
	rig_say(r, "* ESEARCH (TAG \"$2\") UID PARTIAL (-1:-100 900:999)\r\n$2 OK Completed.\r\n");
	typed_finish(r, a);
	a = search(r, QUERY(RANGE(23500, 24000)));
	rig_say(r,
		"* ESEARCH (TAG \"$3\") UID PARTIAL (23500:24000 7,9:271)\r\n$3 OK Completed.\r\n");
	typed_finish(r, a);
	a = search(r, QUERY(RANGE(1, 500)));
	rig_say(r, "* ESEARCH (TAG \"$4\") UID PARTIAL (1:500 1:500)\r\n$4 OK Completed.\r\n");
	typed_finish(r, a);
	a = search(r, QUERY(RANGE(24000, 24500)));
	rig_say(r, "* ESEARCH (TAG \"$5\") UID PARTIAL (24000:24500 NIL)\r\n$5 OK Completed.\r\n");
	typed_finish(r, a);
}

static void rfc9394_section_3_3_last(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, "25900:26600", FETCHED(RANGE(-1, -3)));
	rig_say(r,
		"* 12888 FETCH (FLAGS (\\Seen) UID 25996)\r\n"
		"* 12889 FETCH (FLAGS (\\Flagged \\Answered) UID 25997)\r\n"
		"* 12890 FETCH (FLAGS () UID 26600)\r\n$2 OK FETCH completed\r\n");
	typed_finish(r, c);
}

static void rfc9394_section_3_3_first(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, "25900:26600", FETCHED(RANGE(1, 5)));
	rig_say(r,
		"* 12591 FETCH (FLAGS (\\Seen) UID 25900)\r\n"
		"* 12592 FETCH (FLAGS (\\Flagged) UID 25902)\r\n"
		"* 12593 FETCH (FLAGS (\\Answered) UID 26310)\r\n* 12594 FETCH (FLAGS () UID 26311)\r\n"
		"* 12595 FETCH (FLAGS (\\Answered) UID 26498)\r\n$2 OK FETCH completed\r\n");
	typed_finish(r, c);
}

static void rfc9394_section_3_4(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, "25900:26600", FETCHED(RANGE(-1, -30), .changedsince = 98305));
	rig_say(r,
		"* 12888 FETCH (FLAGS (\\Flagged \\Answered) MODSEQ (98306) UID 25997)\r\n"
		"* 12890 FETCH (FLAGS () MODSEQ (98312) UID 26600)\r\n$2 OK FETCH completed\r\n");
	typed_finish(r, c);
}

/* RETURN () asks for ALL; we name it. The answer's numbers do not ascend, and their order is kept. */
static void rfc5267_section_3_3(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = sort(r, QUERY(.wanted = IMAP4_WANT_ALL));
	rig_say(r,
		"* ESEARCH (TAG \"$2\") UID ALL 23765,23764,23763,23761\r\n$2 OK Sort completed\r\n");
	typed_finish(r, c);
}

/* Section 4.4 has the searches of RFC 9394 again: one of them, for a server that has only this RFC, and a SORT of our own. */
static void rfc5267_section_4_4(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = search(r, QUERY(RANGE(23500, 24000)));
	rig_say(r, "* ESEARCH (TAG \"$2\") UID PARTIAL (23500:24000 67,100:102)\r\n$2 OK x\r\n");
	typed_finish(r, c);
	c = sort(r, QUERY(RANGE(1, 5)));
	rig_say(r, "* ESEARCH (TAG \"$3\") UID PARTIAL (1:5 9,7,12:10)\r\n$3 OK x\r\n");
	typed_finish(r, c);
}

#define DONE(verb) "IMAP4_OK " verb " succeeded\n"
#define JUNK	   " UNDELETED UNKEYWORD $Junk\r\n"
#define SORT_REST  " (REVERSE DATE) US-ASCII" JUNK

static const struct typed_row rfc_rows[] = {
	{TYPED_ROW(rfc9394_section_3_1), {.caps = "ESEARCH PARTIAL"},
		"$2 UID SEARCH RETURN (PARTIAL -1:-100)" JUNK
		"$3 UID SEARCH RETURN (PARTIAL 23500:24000)" JUNK
		"$4 UID SEARCH RETURN (PARTIAL 1:500)" JUNK
		"$5 UID SEARCH RETURN (PARTIAL 24000:24500)" JUNK,
		"numbers uid partial=-1:-100 of=900:999\n" DONE("UID SEARCH") "numbers uid partial=23500:24000 of=7,9:271\n" DONE(
			"UID SEARCH") "numbers uid partial=1:500 of=1:500\n" DONE("UID SEARCH") "numbers uid partial=24000:24500 of=\n" DONE("UID SEARCH")},
	{TYPED_ROW(rfc9394_section_3_3_last), {.caps = "PARTIAL"},
		"$2 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-3)\r\n",
		"  FETCH seq=12888 uid=25996 flags=\\Seen\n"
		"  FETCH seq=12889 uid=25997 flags=\\Flagged,\\Answered\n"
		"  FETCH seq=12890 uid=26600 flags=\n" DONE("UID FETCH")},
	{TYPED_ROW(rfc9394_section_3_3_first), {.caps = "PARTIAL"},
		"$2 UID FETCH 25900:26600 (UID FLAGS) (PARTIAL 1:5)\r\n",
		"  FETCH seq=12591 uid=25900 flags=\\Seen\n  FETCH seq=12592 uid=25902 flags=\\Flagged\n"
		"  FETCH seq=12593 uid=26310 flags=\\Answered\n  FETCH seq=12594 uid=26311 flags=\n"
		"  FETCH seq=12595 uid=26498 flags=\\Answered\n" DONE("UID FETCH")},
	/* the second form of the RFC, which says that the order means nothing */
	{TYPED_ROW(rfc9394_section_3_4), {.caps = "PARTIAL CONDSTORE"},
		"$2 UID FETCH 25900:26600 (UID FLAGS) (CHANGEDSINCE 98305 PARTIAL -1:-30)\r\n",
		"  FETCH seq=12888 uid=25997 flags=\\Flagged,\\Answered modseq=98306\n"
		"  FETCH seq=12890 uid=26600 flags= modseq=98312\n" DONE("UID FETCH")},
	/* UTF-8 there, where US-ASCII does as well */
	{TYPED_ROW(rfc5267_section_3_3), {.caps = "SORT ESORT"},
		"$2 UID SORT RETURN (ALL)" SORT_REST,
		"numbers uid min=23765 max=23761 count=4\nsorted 23765 23764 23763 23761\n" DONE(
			"UID SORT")},
	{TYPED_ROW(rfc5267_section_4_4), {.caps = "CONTEXT=SEARCH SORT CONTEXT=SORT"},
		"$2 UID SEARCH RETURN (PARTIAL 23500:24000)" JUNK
		"$3 UID SORT RETURN (PARTIAL 1:5)" SORT_REST,
		"numbers uid partial=23500:24000 of=67,100:102\n" DONE(
			"UID SEARCH") "numbers uid partial=1:5 of=\nsorted 9 7 10 11 12\n" DONE("UID SORT")},
};

/* ---- our own ---------------------------------------------------------------------------------------- */

static void with_other_options(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = search(r,
		QUERY(RANGE(1, 4294967295), .save = 1,
			.wanted = IMAP4_WANT_COUNT | IMAP4_WANT_MIN | IMAP4_WANT_MAX));
	rig_say(r,
		"* ESEARCH (TAG \"$2\") UID MIN 3 MAX 9 COUNT 4 PARTIAL (1:4294967295 3,9)\r\n$2 OK x\r\n");
	typed_finish(r, c);
}

static void wrong_ranges(struct rig *r)
{
	static const int64_t range[][2] = {{0, 1}, {1, 0}, {-1, 1}, {1, -1}, {4294967296, 1},
		{1, 4294967296}, {-4294967296, -1}, {-1, -4294967296}};
	typed_open(r);
	for (size_t i = 0; i < sizeof range / sizeof range[0]; i++) {
		cr_expect_null(search(r, QUERY(RANGE(range[i][0], range[i][1]))), "%zu", i);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG);
		cr_expect_null(fetch(r, "1", FETCHED(RANGE(range[i][0], range[i][1]))), "%zu", i);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG);
	}
	rig_finish(r, search(r, QUERY(RANGE(1, 2), .wanted = IMAP4_WANT_ALL)));
	rig_finish(r, fetch(r, "1", (imap4_fetch_opts){.by = IMAP4_BY_SEQ, RANGE(1, 2)}));
	const imap4_query_opts o = QUERY(.struct_size = sizeof o, RANGE(1, 2));
	rig_finish(r, imap4_thread_start(r->session, "REFERENCES", NULL, &o));
}

static void not_offered(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c[] = {search(r, QUERY(RANGE(-1, -2))), fetch(r, "1", FETCHED(RANGE(1, 2))),
		sort(r, QUERY(RANGE(1, 2))), sort(r, QUERY(RANGE(-1, -2)))};
	rig_pump(r);
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		typed_finish(r, c[i]);
}

/* Each line would be counted from its own beginning. */
static void a_long_set_cannot_be_counted(struct rig *r)
{
	typed_open(r);
	imap4_set *set = imap4_set_new();
	for (uint32_t i = 0; i < 400; i++)
		imap4_set_add(set, 100000 + 2 * i);
	imap4_cmd *c = imap4_fetch_start(r->session, set, "UID",
		&(imap4_fetch_opts){
			.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID, RANGE(1, 2)});
	imap4_set_free(set);
	rig_pump(r);
	typed_finish(r, c);
}

static void the_limit_does_not_split_it(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, "1:5000", FETCHED(RANGE(-1, -1000)));
	rig_say(r, "$2 OK x\r\n");
	typed_finish(r, c);
}

static void sort_with(struct rig *r, uint32_t wanted, const char *answer)
{
	typed_open(r);
	imap4_cmd *c = sort(r, QUERY(.wanted = wanted));
	rig_say(r, answer);
	typed_finish(r, c);
}
static void sort_counts(struct rig *r)
{
	sort_with(r, IMAP4_WANT_MIN | IMAP4_WANT_MAX | IMAP4_WANT_COUNT,
		"* ESEARCH (TAG \"$2\") UID MIN 9 MAX 4 COUNT 12\r\n$2 OK x\r\n");
}
static void sort_finds_nothing(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL | IMAP4_WANT_COUNT,
		"* ESEARCH (TAG \"$2\") UID COUNT 0\r\n$2 OK x\r\n");
}
static void sort_says_nothing(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL, "$2 OK x\r\n");
}
static void sort_is_plain_all_the_same(struct rig *r)
{
	sort_with(r, IMAP4_WANT_MIN, "* SORT 9 4 7\r\n$2 OK x\r\n");
}
static void sort_repeats(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL, "* ESEARCH (TAG \"$2\") UID ALL 5,3:4,5\r\n$2 OK x\r\n");
}
static void sort_of_another(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL, "* ESEARCH (TAG \"other\") UID ALL 5\r\n$2 NO x\r\n");
}
static void sort_twice(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL,
		"* ESEARCH (TAG \"$2\") UID ALL 5\r\n* ESEARCH (TAG \"$2\") UID ALL 6\r\n$2 OK x\r\n");
}
static void sort_spoilt(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL, "* ESEARCH (TAG \"$2\") UID ALL 5,0\r\n$2 OK x\r\n");
}
/* More than anyone has mail: memory for four thousand million numbers is not tried for. */
static void sort_too_large(struct rig *r)
{
	sort_with(r, IMAP4_WANT_ALL, "* ESEARCH (TAG \"$2\") UID ALL 1:4294967295\r\n$2 OK x\r\n");
}

/* Its ESEARCH may come without a tag, as that of a SEARCH may. */
static void a_search_and_an_extended_sort(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, QUERY(.plain = 1)), *b = sort(r, QUERY(.wanted = IMAP4_WANT_ALL)),
		  *c = search(r, QUERY(.plain = 1));
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* SEARCH 1\r\n$2 OK x\r\n");
	rig_say(r, "* ESEARCH ALL 2\r\n$3 OK x\r\n");
	rig_say(r, "* ESEARCH ALL 3\r\n$4 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

static void backup_may(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = sort(r, QUERY(.wanted = IMAP4_WANT_ALL));
	rig_say(r, "* ESEARCH (TAG \"$2\") UID ALL 2\r\n$2 OK x\r\n");
	typed_finish(r, c);
}

#define NOCAP(verb, what) "IMAP4_E_NOCAP " verb " failed: the server does not offer " what "\n"
#define SPOILT		  "IMAP4_E_PROTO UID SORT failed: the server sent a result that cannot be read\n"
#define SORT_ALL	  "$2 UID SORT RETURN (ALL)" SORT_REST

static const struct typed_row rows[] = {
	{TYPED_ROW(with_other_options), {.caps = "PARTIAL SEARCHRES"},
		"$2 UID SEARCH RETURN (SAVE MIN MAX COUNT PARTIAL 1:4294967295)" JUNK,
		"numbers uid min=3 max=9 count=4 partial=1:4294967295 of=3,9\n" DONE("UID SEARCH")},
	{TYPED_ROW(wrong_ranges), {.caps = "PARTIAL"}, "",
		"not started IMAP4_E_ARG: UID SEARCH: either a range of the result or all of it\n"
		"not started IMAP4_E_ARG: FETCH: no such PARTIAL range\n"
		"not started IMAP4_E_ARG: UID THREAD: threads come whole\n"},
	{TYPED_ROW(not_offered), {.caps = "ESEARCH SORT CONTEXT=SEARCH"}, "",
		NOCAP("UID SEARCH", "PARTIAL") NOCAP("UID FETCH", "PARTIAL")
			NOCAP("UID SORT", "CONTEXT=SORT") NOCAP("UID SORT", "CONTEXT=SORT")},
	{TYPED_ROW(a_long_set_cannot_be_counted), {.caps = "PARTIAL"}, "",
		"IMAP4_E_ARG UID FETCH failed: the set is longer than a command line\n"},
	{TYPED_ROW(the_limit_does_not_split_it), {.caps = "PARTIAL MESSAGELIMIT=1000"},
		"$2 UID FETCH 1:5000 (UID FLAGS) (PARTIAL -1:-1000)\r\n", DONE("UID FETCH")},
	{TYPED_ROW(sort_counts), {.caps = "SORT ESORT"},
		"$2 UID SORT RETURN (MIN MAX COUNT)" SORT_REST,
		"numbers uid min=9 max=4 count=12\n" DONE("UID SORT")},
	{TYPED_ROW(sort_finds_nothing), {.caps = "SORT ESORT"},
		"$2 UID SORT RETURN (COUNT ALL)" SORT_REST,
		"numbers uid count=0\nsorted\n" DONE("UID SORT")},
	{TYPED_ROW(sort_says_nothing), {.caps = "SORT ESORT"}, SORT_ALL,
		"numbers uid\n" DONE("UID SORT")},
	{TYPED_ROW(sort_is_plain_all_the_same), {.caps = "SORT"}, "$2 UID SORT" SORT_REST,
		"numbers uid min=9 max=7 count=3\nsorted 9 4 7\n" DONE("UID SORT")},
	{TYPED_ROW(sort_repeats), {.caps = "SORT ESORT"}, SORT_ALL,
		"numbers uid min=5 max=5 count=4\nsorted 5 3 4 5\n" DONE("UID SORT")},
	{TYPED_ROW(sort_of_another), {.caps = "SORT ESORT"}, SORT_ALL,
		"unasked * ESEARCH (TAG \"other\") UID ALL 5\nIMAP4_E_NO UID SORT was refused: x\n"},
	{TYPED_ROW(sort_twice), {.caps = "SORT ESORT"}, SORT_ALL, SPOILT},
	{TYPED_ROW(sort_spoilt), {.caps = "SORT ESORT"}, SORT_ALL, SPOILT},
	{TYPED_ROW(sort_too_large), {.caps = "SORT ESORT"}, SORT_ALL, SPOILT},
	{TYPED_ROW(a_search_and_an_extended_sort), {.caps = "SORT ESORT"},
		"$2 UID SEARCH" JUNK "$3 UID SORT RETURN (ALL)" SORT_REST "$4 UID SEARCH" JUNK,
		"in flight 1\nnumbers uid min=1 max=1 count=1 all=1\n" DONE("UID SEARCH") "numbers uid min=2 max=2 count=1\nsorted 2\n" DONE(
			"UID SORT") "numbers uid min=3 max=3 count=1 all=3\n" DONE("UID SEARCH")},
	{TYPED_ROW(backup_may), {.caps = "SORT ESORT", .policy = IMAP4_POLICY_BACKUP}, SORT_ALL,
		"numbers uid min=2 max=2 count=1\nsorted 2\n" DONE("UID SORT")},
};

Test(partial, examples_of_rfc_9394_and_rfc_5267, .timeout = 120)
{
	typed_check(rfc_rows, sizeof rfc_rows / sizeof rfc_rows[0]);
}

Test(partial, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	typed_check(rows, sizeof rows / sizeof rows[0]);
}

/* As many numbers as a sorted result may have, and one more. */
Test(partial, a_sorted_result_has_its_limit, .timeout = 60)
{
	for (uint32_t n = IMAP_SORTED_MAX; n <= IMAP_SORTED_MAX + 1; n++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = "SORT ESORT"}, 0);
		typed_open(r);
		imap4_cmd *c = sort(r, QUERY(.wanted = IMAP4_WANT_ALL));
		char line[80];
		(void)snprintf(line, sizeof line, "* ESEARCH UID ALL %u,1:%u\r\n", n, n - 1);
		rig_say(r, line);
		rig_say(r, "$2 OK x\r\n");
		const imap4_sorted *s = imap4_cmd_sorted(c);
		cr_expect_eq(s != NULL, n == IMAP_SORTED_MAX, "%u", n);
		cr_expect_eq(
			imap4_cmd_result(c)->err, n == IMAP_SORTED_MAX ? IMAP4_OK : IMAP4_E_PROTO);
		if (s != NULL)
			cr_expect_eq(s->n, (size_t)n);
		imap4_cmd_free(c);
		rig_free(r);
	}
}

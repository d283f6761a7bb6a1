/* SPDX-License-Identifier: MIT */
/*
 * test_query_keys.c -- conditions that only some servers know (CONDSTORE, SAVEDATE, OBJECTID, Gmail, FUZZY, FILTERS,
 * MESSAGELIMIT), and the examples of the RFCs about what a search returns. Our lines differ from theirs in quotes around text,
 * and name ALL where they ask for RETURN ().
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/typed_log.h"

static imap4_cmd *search_with(struct rig *r, imap4_query *q, imap4_query_opts o)
{
	o.struct_size = sizeof o;
	imap4_cmd *c = imap4_search_start(r->session, q, &o);
	imap4_query_free(q);
	return c;
}

/* ---- the text, and what it needs ---------------------------------------------------------------------- */

static void k_modseq_of(imap4_query *q)
{
	imap4_query_modseq_of(q, typed_str("\\draft"), IMAP4_MODSEQ_ALL, 620162338);
	imap4_query_modseq_of(q, typed_str("$MDNSent"), IMAP4_MODSEQ_PRIVATE, 0);
	imap4_query_modseq_of(q, typed_str("a"), IMAP4_MODSEQ_SHARED, INT64_MAX);
}
static void k_saved(imap4_query *q)
{
	imap4_query_date(q, IMAP4_SAVEDBEFORE, 2014, 12, 28);
	imap4_query_date(q, IMAP4_SAVEDON, 2014, 12, 28);
	imap4_query_date(q, IMAP4_SAVEDSINCE, 2014, 12, 28);
}
static void k_saved_at_all(imap4_query *q)
{
	imap4_query_savedate(q);
}
static void k_objectid(imap4_query *q)
{
	imap4_query_id(q, IMAP4_ID_EMAIL, typed_str("M6d99ac3275bb4e"));
	imap4_query_id(q, IMAP4_ID_THREAD, typed_str("T-_0aZ9"));
}
static void k_gmail_id(imap4_query *q)
{
	imap4_query_id(q, IMAP4_ID_GM_MESSAGE, typed_str("1278455344230334865"));
	imap4_query_id(q, IMAP4_ID_GM_THREAD, typed_str("18446744073709551615"));
}
static void k_gmail_text(imap4_query *q)
{
	imap4_query_gmail(q, IMAP4_GM_RAW, typed_str("has:attachment in:unread"));
	imap4_query_gmail(q, IMAP4_GM_LABEL, typed_str("\\Important"));
}
static void k_filter(imap4_query *q)
{
	imap4_query_filter(q, typed_str("on-the-road"));
}
static void k_uid_beyond(imap4_query *q)
{
	imap4_query_uid_beyond(q, 1, 25000);
	imap4_query_uid_beyond(q, 0, UINT32_MAX);
}
/* RFC 6203 sections 2 and 3: the parentheses are not needed around one condition. */
static void k_fuzzy(imap4_query *q)
{
	imap4_query *subject = imap4_query_new(), *two = imap4_query_new();
	imap4_query_text(subject, IMAP4_IN_SUBJECT, typed_str("IMAP break"));
	imap4_query_text(two, IMAP4_IN_SUBJECT, typed_str("work"));
	imap4_query_text(two, IMAP4_IN_FROM, typed_str("user@example.com"));
	imap4_query_fuzzy(q, subject);
	imap4_query_fuzzy(q, two);
	imap4_query_free(subject);
	imap4_query_free(two);
}

static const struct {
	const char *name;
	void (*build)(imap4_query *q);
	const char *capability, *text;
} keys[] = {
	{"k_modseq_of", k_modseq_of, "CONDSTORE",
		"MODSEQ \"/flags/\\\\draft\" all 620162338 MODSEQ \"/flags/$MDNSent\" priv 0 "
		"MODSEQ \"/flags/a\" shared 9223372036854775807"},
	{"k_saved", k_saved, "SAVEDATE",
		"SAVEDBEFORE 28-Dec-2014 SAVEDON 28-Dec-2014 SAVEDSINCE 28-Dec-2014"},
	{"k_saved_at_all", k_saved_at_all, "SAVEDATE", "SAVEDATESUPPORTED"},
	{"k_objectid", k_objectid, "OBJECTID", "EMAILID M6d99ac3275bb4e THREADID T-_0aZ9"},
	{"k_gmail_id", k_gmail_id, "X-GM-EXT-1",
		"X-GM-MSGID 1278455344230334865 X-GM-THRID 18446744073709551615"},
	{"k_gmail_text", k_gmail_text, "X-GM-EXT-1",
		"X-GM-RAW \"has:attachment in:unread\" X-GM-LABELS \"\\\\Important\""},
	{"k_filter", k_filter, "FILTERS", "FILTER on-the-road"},
	{"k_uid_beyond", k_uid_beyond, "MESSAGELIMIT=1000", "UIDAFTER 25000 UIDBEFORE 4294967295"},
	{"k_fuzzy", k_fuzzy, "SEARCH=FUZZY",
		"FUZZY SUBJECT \"IMAP break\" FUZZY (SUBJECT \"work\" FROM \"user@example.com\")"},
};

Test(query_keys, each_is_written_as_the_grammar_has_it_where_the_server_knows_it)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		for (int offered = 0; offered < 2; offered++) {
			const struct rig_options o = {.caps = offered ? keys[i].capability : NULL};
			struct rig *r = rig_new(&o, 0);
			engine_set_state(r->engine, IMAP4_SELECTED);
			imap4_query *q = imap4_query_new(), *outer = imap4_query_new();
			keys[i].build(q);
			/* What a condition needs is needed by the query around it. */
			imap4_query_and(outer, q);
			imap4_query_free(outer);
			imap4_cmd *c = search_with(r, q, (imap4_query_opts){.by = IMAP4_BY_UID});
			cr_assert_not_null(c, "%s", keys[i].name);
			rig_pump(r);
			char expected[1000] = "";
			if (offered)
				(void)snprintf(expected, sizeof expected,
					"kabcdef01.1 UID SEARCH %s\r\n", keys[i].text);
			cr_expect_str_eq(r->sent.len > 0 ? buf_str(&r->sent) : "", expected, "%s",
				keys[i].name);
			cr_expect_eq(imap4_cmd_result(c)->err,
				offered ? IMAP4_AGAIN : IMAP4_E_NOCAP, "%s", keys[i].name);
			rig_free(r);
		}
}

Test(query_keys, what_is_needed_inside_is_needed_outside)
{
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct rig *r = rig_new(&(struct rig_options){0}, 0);
		engine_set_state(r->engine, IMAP4_SELECTED);
		imap4_query *q = imap4_query_new(), *outer = imap4_query_new();
		keys[i].build(q);
		imap4_query_not(outer, q);
		imap4_query_free(q);
		imap4_cmd *c = search_with(r, outer, (imap4_query_opts){.by = IMAP4_BY_UID});
		rig_pump(r);
		cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_NOCAP, "%s", keys[i].name);
		rig_free(r);
	}
}

static imap4_err bad_key(imap4_query *q, int n)
{
	char long_id[257];
	memset(long_id, 'a', 256);
	long_id[256] = '\0';
	switch (n) {
	case 0: return imap4_query_modseq_of(q, typed_str("a b"), IMAP4_MODSEQ_ALL, 1);
	case 1: return imap4_query_modseq_of(q, typed_str(""), IMAP4_MODSEQ_ALL, 1);
	case 2: return imap4_query_modseq_of(q, typed_str("a"), IMAP4_MODSEQ_ALL + 1, 1);
	case 3: return imap4_query_modseq_of(q, typed_str("a"), -1, 1);
	case 4:
		return imap4_query_modseq_of(
			q, typed_str("a"), IMAP4_MODSEQ_ALL, (uint64_t)INT64_MAX + 1);
	case 5: return imap4_query_id(q, IMAP4_ID_EMAIL, typed_str(""));
	case 6: return imap4_query_id(q, IMAP4_ID_EMAIL, typed_str("a)"));
	case 7: return imap4_query_id(q, IMAP4_ID_THREAD, typed_str(long_id));
	case 8: return imap4_query_id(q, IMAP4_ID_GM_MESSAGE, typed_str("12a"));
	case 9: return imap4_query_id(q, IMAP4_ID_GM_THREAD, typed_str("18446744073709551616"));
	case 10: return imap4_query_id(q, IMAP4_ID_GM_THREAD + 1, typed_str("1"));
	case 11: return imap4_query_gmail(q, IMAP4_GM_LABEL + 1, typed_str("a"));
	case 12: return imap4_query_gmail(q, IMAP4_GM_RAW, typed_str("\xff"));
	case 13: return imap4_query_filter(q, typed_str("a/b"));
	case 14: return imap4_query_filter(q, typed_str(""));
	case 15: return imap4_query_filter(q, typed_str("a\r\nb"));
	case 16: return imap4_query_uid_beyond(q, 1, 0);
	case 17: return imap4_query_fuzzy(q, q);
	case 18: return imap4_query_set(q, IMAP4_BY_UID, imap4_set_saved(), 1);
	default: return IMAP4_OK;
	}
}

Test(query_keys, what_cannot_be_sent_spoils_the_query)
{
	int n = 0;
	for (imap4_err err = IMAP4_E_ARG; err == IMAP4_E_ARG; n++) {
		imap4_query *q = imap4_query_new();
		err = bad_key(q, n);
		if (err != IMAP4_OK)
			cr_expect_eq(imap4_query_flag(q, typed_str("a"), 1), err, "%d", n);
		imap4_query_free(q);
	}
	cr_assert_eq(n, 20);
	imap4_query *q = imap4_query_new();
	char id[256];
	memset(id, 'a', 255);
	id[255] = '\0';
	cr_expect_eq(imap4_query_id(q, IMAP4_ID_EMAIL, typed_str(id)), IMAP4_OK);
	imap4_query_free(q);
}

/* ---- examples: what a search returns ------------------------------------------------------------------ */

static imap4_query *draft_changed(void)
{
	imap4_query *q = imap4_query_new();
	imap4_query_modseq_of(q, typed_str("\\draft"), IMAP4_MODSEQ_ALL, 620162338);
	return q;
}

static imap4_query *changed(uint64_t modseq)
{
	imap4_query *q = imap4_query_new();
	imap4_query_modseq(q, modseq);
	return q;
}

static imap4_query *flag(const char *name, int present)
{
	imap4_query *q = imap4_query_new();
	imap4_query_flag(q, typed_str(name), present);
	return q;
}

static void play(struct rig *r, imap4_query *q, uint32_t wanted, const char *answer)
{
	typed_open(r);
	imap4_cmd *c = search_with(r, q,
		(imap4_query_opts){.wanted = wanted, .by = IMAP4_BY_SEQ, .plain = wanted == 0});
	rig_say(r, answer);
	typed_finish(r, c);
}

static void rfc7162_example_15(struct rig *r)
{
	play(r, draft_changed(), 0,
		"* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)\r\n$2 OK Search complete\r\n");
}
static void rfc7162_example_16(struct rig *r)
{
	imap4_query *q = imap4_query_new(), *a = imap4_query_new(), *m = changed(720162338),
		    *b = imap4_query_new();
	imap4_query_not(a, m);
	imap4_query_size(b, 1, 50000);
	imap4_query_or(q, a, b);
	imap4_query_free(a);
	imap4_query_free(b);
	imap4_query_free(m);
	play(r, q, 0, "* SEARCH\r\n$2 OK Search complete, nothing found\r\n");
}
static void rfc7162_example_19(struct rig *r)
{
	play(r, changed(1234), IMAP4_WANT_ALL,
		"* ESEARCH (TAG \"$2\") ALL 1:3,5 MODSEQ 1236\r\n$2 OK Extended SEARCH completed\r\n");
}
/* US-ASCII, because nothing in it is not */
static void rfc7162_example_20(struct rig *r)
{
	static const int key = IMAP4_SORT_DATE;
	typed_open(r);
	imap4_query *q = changed(1234);
	const imap4_query_opts o = {.struct_size = sizeof o, .wanted = IMAP4_WANT_ALL};
	imap4_cmd *c = imap4_sort_start(r->session, &key, 1, q, &o);
	imap4_query_free(q);
	rig_say(r,
		"* ESEARCH (TAG \"$2\") ALL 5,3,2,1 MODSEQ 1236\r\n$2 OK Extended SORT completed\r\n");
	typed_finish(r, c);
}
static imap4_query *flagged(void)
{
	imap4_query *q = flag("\\Flagged", 1), *from = imap4_query_new();
	imap4_query_date(q, IMAP4_SINCE, 1994, 2, 1);
	imap4_query_text(from, IMAP4_IN_FROM, typed_str("Smith"));
	imap4_query_not(q, from);
	imap4_query_free(from);
	return q;
}
static void rfc4731_a282(struct rig *r)
{
	play(r, flagged(), IMAP4_WANT_MIN | IMAP4_WANT_COUNT,
		"* ESEARCH (TAG \"$2\") MIN 2 COUNT 3\r\n$2 OK SEARCH completed\r\n");
}
static void rfc4731_a283(struct rig *r)
{
	play(r, flagged(), IMAP4_WANT_ALL,
		"* ESEARCH (TAG \"$2\") ALL 2,10:11\r\n$2 OK SEARCH completed\r\n");
}
static void rfc4731_a284(struct rig *r)
{
	play(r, flag("\\Seen", 0), IMAP4_WANT_MIN,
		"* ESEARCH (TAG \"$2\") MIN 4\r\n$2 OK SEARCH completed\r\n");
}
static void rfc4731_a285(struct rig *r)
{
	typed_open(r);
	imap4_query *q = imap4_query_new();
	imap4_set *set = typed_set("1:5000");
	imap4_query_set(q, IMAP4_BY_SEQ, set, 0);
	typed_set_free(set);
	imap4_cmd *noop = imap4_noop_start(r->session);
	imap4_cmd *c = search_with(r, q,
		(imap4_query_opts){.wanted = IMAP4_WANT_MIN | IMAP4_WANT_MAX, .by = IMAP4_BY_UID});
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine)); /* numbers are alone */
	rig_say(r, "$2 OK x\r\n");
	rig_say(r, "* ESEARCH (TAG \"$3\") UID MIN 7 MAX 3800\r\n$3 OK SEARCH completed\r\n");
	imap4_cmd_free(noop);
	typed_finish(r, c);
}
static void rfc4731_a286(struct rig *r)
{
	play(r, flag("\\Deleted", 1), IMAP4_WANT_COUNT,
		"* ESEARCH (TAG \"$2\") COUNT 15\r\n$2 OK SEARCH completed\r\n");
}
static void rfc4731_a1(struct rig *r)
{
	play(r, draft_changed(), IMAP4_WANT_MIN,
		"* ESEARCH (TAG \"$2\") MIN 2 MODSEQ 917162488\r\n$2 OK Search complete\r\n");
}
static void rfc4731_a2(struct rig *r)
{
	play(r, draft_changed(), IMAP4_WANT_MAX,
		"* ESEARCH (TAG \"$2\") MAX 23 MODSEQ 907162321\r\n$2 OK Search complete\r\n");
}
static void rfc4731_a3(struct rig *r)
{
	play(r, draft_changed(), IMAP4_WANT_MIN | IMAP4_WANT_MAX,
		"* ESEARCH (TAG \"$2\") MIN 2 MAX 23 MODSEQ 917162488\r\n$2 OK Search complete\r\n");
}
static void rfc4731_a4(struct rig *r)
{
	play(r, draft_changed(), IMAP4_WANT_MIN | IMAP4_WANT_COUNT,
		"* ESEARCH (TAG \"$2\") MIN 2 COUNT 10 MODSEQ 917162500\r\n$2 OK Search complete\r\n");
}
/* The RFC's data line has a tag in front, which none has. */
static void rfc5032_a1(struct rig *r)
{
	imap4_query *q = flag("\\Seen", 0);
	imap4_query_age(q, 0, 259200);
	play(r, q, 0, "* SEARCH 4 8 15 16 23 42\r\n$2 OK x\r\n");
}
/* RFC 6203 sections 4 and 6, and answers whose scores belong to nothing. */
static imap4_cmd *fuzzy(struct rig *r, bool sort, const imap4_query_opts *o)
{
	static const int key = IMAP4_SORT_RELEVANCY;
	imap4_query *q = imap4_query_new(), *text = imap4_query_new();
	imap4_query_text(text, IMAP4_IN_TEXT, typed_str("Helo"));
	imap4_query_fuzzy(q, text);
	imap4_cmd *c = sort ? imap4_sort_start(r->session, &key, 1, q, o)
			    : imap4_search_start(r->session, q, o);
	imap4_query_free(text);
	imap4_query_free(q);
	return c;
}

static void scored(struct rig *r, bool sort, const char *answer)
{
	const imap4_query_opts o = {.struct_size = sizeof o, .wanted = IMAP4_WANT_RELEVANCY};
	typed_open(r);
	imap4_cmd *c = fuzzy(r, sort, &o);
	rig_say(r, answer);
	rig_say(r, "$2 OK Search completed.\r\n");
	typed_finish(r, c);
}

static void rfc6203_b1(struct rig *r)
{
	scored(r, false, "* ESEARCH (TAG \"$2\") ALL 1,5,10 RELEVANCY (4 99 42)\r\n");
}

static void rfc6203_c2(struct rig *r)
{
	scored(r, true, "* ESEARCH (TAG \"$2\") RELEVANCY (99 42 4) ALL 5,10,1\r\n");
}

static void scores_of_nothing(struct rig *r)
{
	scored(r, false, "* ESEARCH (TAG \"$2\") RELEVANCY ()\r\n");
}

static void scores_too_few(struct rig *r)
{
	scored(r, false, "* ESEARCH (TAG \"$2\") ALL 1:3 RELEVANCY (4 99)\r\n");
}

static void scores_too_many(struct rig *r)
{
	scored(r, true, "* ESEARCH (TAG \"$2\") ALL 1:2 RELEVANCY (4 99 9)\r\n");
}

static void scores_out_of_range(struct rig *r)
{
	scored(r, false, "* ESEARCH (TAG \"$2\") ALL 1,2 RELEVANCY (4 101)\r\n");
}

static void scores_zero(struct rig *r)
{
	scored(r, false, "* ESEARCH (TAG \"$2\") ALL 1,2 RELEVANCY (0 1)\r\n");
}

static void scores_twice(struct rig *r)
{
	scored(r, false,
		"* ESEARCH (TAG \"$2\") ALL 1 RELEVANCY (4)\r\n"
		"* ESEARCH (TAG \"$2\") ALL 2 RELEVANCY (5)\r\n");
}

static void scores_of_a_plain_server(struct rig *r)
{
	scored(r, false, "* SEARCH 1 5 10\r\n");
}

static void scores_of_a_part(struct rig *r)
{
	const imap4_query_opts o = {.struct_size = sizeof o,
		.wanted = IMAP4_WANT_RELEVANCY,
		.partial_first = 1,
		.partial_last = 2};
	typed_open(r);
	imap4_cmd *c = fuzzy(r, true, &o);
	rig_say(r, "* ESEARCH (TAG \"$2\") PARTIAL (1:2 42,9) RELEVANCY (88 87)\r\n$2 OK x\r\n");
	typed_finish(r, c);
}

static void scores_refused(struct rig *r)
{
	imap4_query_opts o = {.struct_size = sizeof o, .wanted = IMAP4_WANT_RELEVANCY};
	typed_open(r);
	typed_finish(r, imap4_search_start(r->session, NULL, &o));
	o.plain = 1;
	typed_finish(r, fuzzy(r, false, &o));
	const int by[] = {IMAP4_SORT_DATE, IMAP4_SORT_RELEVANCY | IMAP4_SORT_REVERSE};
	typed_finish(r, imap4_sort_start(r->session, by, 2, NULL, NULL));
}

static void rfc6203_c1(struct rig *r)
{
	static const int key = IMAP4_SORT_RELEVANCY;
	typed_open(r);
	imap4_query *q = imap4_query_new(), *subject = imap4_query_new();
	imap4_query_text(subject, IMAP4_IN_SUBJECT, typed_str("Helo"));
	imap4_query_fuzzy(q, subject);
	imap4_cmd *c = imap4_sort_start(r->session, &key, 1, q, NULL);
	imap4_query_free(subject);
	imap4_query_free(q);
	rig_say(r, "* SORT 5 10 1 (MODSEQ 9)\r\n$2 OK Sort completed.\r\n");
	typed_finish(r, c);
}
static void rfc5466_undefined(struct rig *r)
{
	typed_open(r);
	imap4_query *q = imap4_query_new();
	imap4_query_filter(q, typed_str("on-the-road"));
	imap4_cmd *c = search_with(r, q, (imap4_query_opts){.by = IMAP4_BY_UID});
	rig_say(r, "$2 NO [UNDEFINED-FILTER on-the-road] x\r\n");
	const imap4_result *res = imap4_cmd_result(c);
	cr_expect_eq(res->code, IMAP4_CODE_UNDEFINED_FILTER);
	cr_expect_str_eq(res->code_args.ptr, "on-the-road");
	typed_finish(r, c);
}

#define DONE(verb) "IMAP4_OK " verb " succeeded\n"
#define HELO	   " FUZZY TEXT \"Helo\"\r\n"
#define DRAFT	   " MODSEQ \"/flags/\\\\draft\" all 620162338\r\n"
#define FLAGGED	   " FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"\r\n"

static const struct typed_row rows[] = {
	{TYPED_ROW(rfc7162_example_15), {.caps = "CONDSTORE"}, "$2 SEARCH" DRAFT,
		"numbers min=2 max=23 count=10 modseq=917162500 all=2,5:7,11:12,18:20,23\n" DONE(
			"SEARCH")},
	{TYPED_ROW(rfc7162_example_16), {.caps = "CONDSTORE"},
		"$2 SEARCH OR NOT MODSEQ 720162338 LARGER 50000\r\n",
		"numbers count=0 all=\n" DONE("SEARCH")},
	{TYPED_ROW(rfc7162_example_19), {.caps = "CONDSTORE ESEARCH"},
		"$2 SEARCH RETURN (ALL) MODSEQ 1234\r\n",
		"numbers min=1 max=5 count=4 modseq=1236 all=1:3,5\n" DONE("SEARCH")},
	{TYPED_ROW(rfc7162_example_20), {.caps = "CONDSTORE SORT ESORT"},
		"$2 SORT RETURN (ALL) (DATE) US-ASCII MODSEQ 1234\r\n",
		"numbers min=5 max=1 count=4 modseq=1236\nsorted 5 3 2 1\n" DONE("SORT")},
	{TYPED_ROW(rfc4731_a282), {.caps = "ESEARCH"}, "$2 SEARCH RETURN (MIN COUNT)" FLAGGED,
		"numbers min=2 count=3\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a283), {.caps = "ESEARCH"}, "$2 SEARCH RETURN (ALL)" FLAGGED,
		"numbers min=2 max=11 count=3 all=2,10:11\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a284), {.caps = "ESEARCH"}, "$2 SEARCH RETURN (MIN) UNSEEN\r\n",
		"numbers min=4\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a285), {.caps = "ESEARCH"},
		"$2 NOOP\r\n$3 UID SEARCH RETURN (MIN MAX) 1:5000\r\n",
		"in flight 1\nnumbers uid min=7 max=3800\n" DONE("UID SEARCH")},
	{TYPED_ROW(rfc4731_a286), {.caps = "ESEARCH"}, "$2 SEARCH RETURN (COUNT) DELETED\r\n",
		"numbers count=15\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a1), {.caps = "ESEARCH CONDSTORE"}, "$2 SEARCH RETURN (MIN)" DRAFT,
		"numbers min=2 modseq=917162488\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a2), {.caps = "ESEARCH CONDSTORE"}, "$2 SEARCH RETURN (MAX)" DRAFT,
		"numbers max=23 modseq=907162321\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a3), {.caps = "ESEARCH CONDSTORE"}, "$2 SEARCH RETURN (MIN MAX)" DRAFT,
		"numbers min=2 max=23 modseq=917162488\n" DONE("SEARCH")},
	{TYPED_ROW(rfc4731_a4), {.caps = "ESEARCH CONDSTORE"}, "$2 SEARCH RETURN (MIN COUNT)" DRAFT,
		"numbers min=2 count=10 modseq=917162500\n" DONE("SEARCH")},
	{TYPED_ROW(rfc5032_a1), {.caps = "WITHIN"}, "$2 SEARCH UNSEEN YOUNGER 259200\r\n",
		"numbers min=4 max=42 count=6 all=4,8,15:16,23,42\n" DONE("SEARCH")},
	{TYPED_ROW(rfc6203_c1), {.caps = "SORT SEARCH=FUZZY"},
		"$2 SORT (RELEVANCY) US-ASCII FUZZY SUBJECT \"Helo\"\r\n",
		"numbers min=5 max=1 count=3 modseq=9\nsorted 5 10 1\n" DONE("SORT")},
	{TYPED_ROW(rfc6203_b1), {.caps = "ESEARCH SEARCH=FUZZY"},
		"$2 SEARCH RETURN (RELEVANCY ALL)" HELO,
		"numbers min=1 max=10 count=3 all=1,5,10\nscores 1=4 5=99 10=42\n" DONE("SEARCH")},
	{TYPED_ROW(rfc6203_c2), {.caps = "SORT ESORT SEARCH=FUZZY"},
		"$2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) US-ASCII" HELO,
		"numbers min=5 max=1 count=3\nsorted 5 10 1\nscores 5=99 10=42 1=4\n" DONE("SORT")},
	{TYPED_ROW(scores_of_nothing), {.caps = "ESEARCH SEARCH=FUZZY"},
		"$2 SEARCH RETURN (RELEVANCY ALL)" HELO, "numbers count=0 all=\n\n" DONE("SEARCH")},
	{TYPED_ROW(scores_too_few), {.caps = "ESEARCH SEARCH=FUZZY"},
		"$2 SEARCH RETURN (RELEVANCY ALL)" HELO,
		"numbers min=1 max=3 count=3 all=1:3\n" DONE("SEARCH")},
	{TYPED_ROW(scores_too_many), {.caps = "SORT ESORT SEARCH=FUZZY"},
		"$2 SORT RETURN (RELEVANCY ALL) (RELEVANCY) US-ASCII" HELO,
		"numbers min=1 max=2 count=2\nsorted 1 2\n" DONE("SORT")},
	{TYPED_ROW(scores_out_of_range), {.caps = "ESEARCH SEARCH=FUZZY"},
		"$2 SEARCH RETURN (RELEVANCY ALL)" HELO,
		"numbers min=1 max=2 count=2 all=1:2\n" DONE("SEARCH")},
	{TYPED_ROW(scores_zero), {.caps = "ESEARCH SEARCH=FUZZY"},
		"$2 SEARCH RETURN (RELEVANCY ALL)" HELO,
		"numbers min=1 max=2 count=2 all=1:2\n" DONE("SEARCH")},
	{TYPED_ROW(scores_twice), {.caps = "ESEARCH SEARCH=FUZZY"},
		"$2 SEARCH RETURN (RELEVANCY ALL)" HELO,
		"numbers min=1 max=2 count=2 all=1:2\n" DONE("SEARCH")},
	{TYPED_ROW(scores_of_a_plain_server), {.caps = "SEARCH=FUZZY"}, "$2 SEARCH" HELO,
		"numbers min=1 max=10 count=3 all=1,5,10\n" DONE("SEARCH")},
	{TYPED_ROW(scores_of_a_part), {.caps = "SORT ESORT CONTEXT=SORT SEARCH=FUZZY"},
		"$2 SORT RETURN (RELEVANCY PARTIAL 1:2) (RELEVANCY) US-ASCII" HELO,
		"numbers partial=1:2 of=\nsorted 42 9\nscores 42=88 9=87\n" DONE("SORT")},
	{TYPED_ROW(scores_refused), {.caps = "ESEARCH SEARCH=FUZZY"}, "",
		"not started IMAP4_E_ARG: SEARCH: only a fuzzy condition has scores\n"
		"not started IMAP4_E_ARG: SEARCH: a plain one has no scores\n"
		"not started IMAP4_E_ARG: SORT: only a fuzzy condition has relevancy\n"},
	{TYPED_ROW(rfc5466_undefined), {.caps = "FILTERS"}, "$2 UID SEARCH FILTER on-the-road\r\n",
		"IMAP4_E_NO UID SEARCH was refused: x\n"},
};

Test(query_keys, examples_of_the_rfcs, .timeout = 120)
{
	typed_check(rows, sizeof rows / sizeof rows[0]);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_query.c -- queries and how they are sent; what SEARCH, SORT and THREAD answer.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

#define OPTS(...)                                                                                  \
	(&(imap4_query_opts){                                                                      \
		.struct_size = sizeof(imap4_query_opts), .by = IMAP4_BY_UID, __VA_ARGS__})

/* ---- the text of queries ------------------------------------------------------------------------- */

static void q_none(imap4_query *q)
{
	(void)q;
}
static void q_flags(imap4_query *q)
{
	static const char *const flag[] = {
		"\\Answered", "\\DELETED", "\\Draft", "\\Flagged", "\\seen", "\\Recent", "$Done"};
	for (size_t i = 0; i < 7; i++) {
		imap4_query_flag(q, str(flag[i]), 1);
		imap4_query_flag(q, str(flag[i]), 0);
	}
}
static void q_texts(imap4_query *q)
{
	for (int i = IMAP4_IN_FROM; i <= IMAP4_IN_TEXT; i++)
		imap4_query_text(q, i, str("a \"b\""));
	imap4_query_header(q, str("Message-ID"), str(""));
}
static void q_dates(imap4_query *q)
{
	for (int i = IMAP4_BEFORE; i <= IMAP4_SENTSINCE; i++)
		imap4_query_date(q, i, 1994 + i, 2 * i + 1, 1 + i);
	imap4_query_date(q, IMAP4_ON, 2024, 2, 29);
	imap4_query_date(q, IMAP4_ON, 9999, 12, 31);
	imap4_query_date(q, IMAP4_ON, 0, 1, 31);
}
static void q_numbers(imap4_query *q)
{
	imap4_query_size(q, 1, UINT32_MAX);
	imap4_query_size(q, 0, 0);
	imap4_query_age(q, 1, 1);
	imap4_query_age(q, 0, UINT32_MAX);
	imap4_query_modseq(q, INT64_MAX);
}
static void q_sets(imap4_query *q)
{
	struct uidset s = UIDSET_INIT;
	struct err e = ERR_INIT;
	cr_assert(uidset_parse(&s, slice_str("1:3,7"), &e) == 0);
	imap4_query_set(q, IMAP4_BY_UID, &s, 0);
	imap4_query_set(q, IMAP4_BY_SEQ, &s, 9);
	imap4_query_set(q, IMAP4_BY_UID, NULL, 5);
	uidset_release(&s);
}
static void q_nested(imap4_query *q)
{
	imap4_query *none = imap4_query_new(), *one = imap4_query_new(), *two = imap4_query_new();
	imap4_query_flag(one, str("\\Seen"), 1);
	imap4_query_flag(two, str("\\Draft"), 1);
	imap4_query_text(two, IMAP4_IN_SUBJECT, str("x"));
	imap4_query_not(q, one);
	imap4_query_not(q, two);
	imap4_query_or(q, one, two);
	imap4_query_or(q, two, none);
	imap4_query_and(q, two);
	imap4_query_and(q, none);
	imap4_query_not(one, two);
	imap4_query_not(q, one);
	imap4_query_free(none);
	imap4_query_free(one);
	imap4_query_free(two);
}

struct text_row {
	const char *name;
	void (*build)(imap4_query *q);
	const char *text;
};
#define Q(build) #build, build

static const struct text_row text_rows[] = {
	{Q(q_none), "ALL"},
	{Q(q_flags),
		"ANSWERED UNANSWERED DELETED UNDELETED DRAFT UNDRAFT FLAGGED UNFLAGGED SEEN UNSEEN "
		"RECENT OLD KEYWORD $Done UNKEYWORD $Done"},
	{Q(q_texts),
		"FROM \"a \\\"b\\\"\" TO \"a \\\"b\\\"\" CC \"a \\\"b\\\"\" BCC \"a \\\"b\\\"\" "
		"SUBJECT \"a \\\"b\\\"\" BODY \"a \\\"b\\\"\" TEXT \"a \\\"b\\\"\" "
		"HEADER \"Message-ID\" \"\""},
	{Q(q_dates),
		"BEFORE 1-Jan-1994 ON 2-Mar-1995 SINCE 3-May-1996 SENTBEFORE 4-Jul-1997 "
		"SENTON 5-Sep-1998 SENTSINCE 6-Nov-1999 ON 29-Feb-2024 ON 31-Dec-9999 ON 31-Jan-0000"},
	{Q(q_numbers),
		"LARGER 4294967295 SMALLER 0 OLDER 1 YOUNGER 4294967295 MODSEQ 9223372036854775807"},
	{Q(q_sets), "UID 1:3,7 1:3,7,9:* UID 5:*"},
	{Q(q_nested),
		"NOT SEEN NOT (DRAFT SUBJECT \"x\") OR SEEN (DRAFT SUBJECT \"x\") "
		"OR (DRAFT SUBJECT \"x\") ALL (DRAFT SUBJECT \"x\") ALL "
		"NOT (SEEN NOT (DRAFT SUBJECT \"x\"))"},
};

Test(cmd_query, each_condition_is_written_as_the_grammar_has_it)
{
	for (size_t i = 0; i < sizeof text_rows / sizeof text_rows[0]; i++) {
		const struct text_row *row = &text_rows[i];
		struct rig *r = rig_new(&(struct rig_options){.caps = "WITHIN CONDSTORE"}, 0);
		engine_set_state(r->engine, IMAP4_SELECTED);
		imap4_query *q = imap4_query_new();
		row->build(q);
		imap4_cmd *c = imap4_search_start(r->session, q, OPTS());
		imap4_query_free(q);
		rig_pump(r);
		char expected[1000];
		(void)snprintf(
			expected, sizeof expected, "kabcdef01.1 UID SEARCH %s\r\n", row->text);
		cr_expect_not_null(c, "%s", row->name);
		cr_expect_str_eq(buf_str(&r->sent), expected, "%s", row->name);
		rig_free(r);
	}
}

static void b_flag(imap4_query *q)
{
	imap4_query_flag(q, str("a\r\nx"), 1);
}
static void b_flag_system(imap4_query *q)
{
	imap4_query_flag(q, str("\\Other"), 1);
}
static void b_text_nul(imap4_query *q)
{
	imap4_query_text(q, IMAP4_IN_TO, (imap4_str){"a\0b", 3});
}
static void b_text_latin1(imap4_query *q)
{
	imap4_query_text(q, IMAP4_IN_TO, str("\xe9"));
}
static void b_where(imap4_query *q)
{
	imap4_query_text(q, IMAP4_IN_TEXT + 1, str("a"));
}
static void b_field(imap4_query *q)
{
	imap4_query_header(q, str("A\r\nB"), str("a"));
}
static void b_field_colon(imap4_query *q)
{
	imap4_query_header(q, str("A:"), str("a"));
}
static void b_field_empty(imap4_query *q)
{
	imap4_query_header(q, str(""), str("a"));
}
static void b_day(imap4_query *q)
{
	imap4_query_date(q, IMAP4_ON, 2023, 2, 29);
}
static void b_day_zero(imap4_query *q)
{
	imap4_query_date(q, IMAP4_ON, 2023, 2, 0);
}
static void b_day_below(imap4_query *q)
{
	imap4_query_date(q, IMAP4_ON, 2023, 2, -364); /* 1 February 2022 */
}
static void b_day_above(imap4_query *q)
{
	imap4_query_date(q, IMAP4_ON, 2022, 2, 366);
}
static void b_month(imap4_query *q)
{
	imap4_query_date(q, IMAP4_ON, 2023, 13, 1);
}
static void b_year(imap4_query *q)
{
	imap4_query_date(q, IMAP4_ON, 10000, 1, 1);
}
static void b_how(imap4_query *q)
{
	imap4_query_date(q, IMAP4_SAVEDSINCE + 1, 2000, 1, 1);
}
static void b_size(imap4_query *q)
{
	imap4_query_size(q, 1, (uint64_t)UINT32_MAX + 1);
}
static void b_age(imap4_query *q)
{
	imap4_query_age(q, 1, 0);
}
static void b_modseq(imap4_query *q)
{
	imap4_query_modseq(q, (uint64_t)INT64_MAX + 1);
}
static void b_set(imap4_query *q)
{
	imap4_query_set(q, IMAP4_BY_UID, NULL, 0);
}
static void b_self_not(imap4_query *q)
{
	imap4_query_not(q, q);
}
static void b_self_or(imap4_query *q)
{
	imap4_query *other = imap4_query_new();
	imap4_query_or(q, other, q);
	imap4_query_free(other);
}
static void b_self_and(imap4_query *q)
{
	imap4_query_and(q, q);
}
static void b_inner(imap4_query *q)
{
	imap4_query *other = imap4_query_new();
	b_age(other);
	imap4_query_not(q, other);
	imap4_query_free(other);
}
static void b_long(imap4_query *q)
{
	for (size_t i = 0; i < 7000; i++)
		imap4_query_flag(q, str("abcdefgh"), 1);
}

static const struct text_row bad_rows[] = {{Q(b_flag), ""}, {Q(b_flag_system), ""},
	{Q(b_text_nul), ""}, {Q(b_text_latin1), ""}, {Q(b_where), ""}, {Q(b_field), ""},
	{Q(b_field_colon), ""}, {Q(b_field_empty), ""}, {Q(b_day), ""}, {Q(b_day_zero), ""},
	{Q(b_day_below), ""}, {Q(b_day_above), ""}, {Q(b_month), ""}, {Q(b_year), ""},
	{Q(b_how), ""}, {Q(b_size), ""}, {Q(b_age), ""}, {Q(b_modseq), ""}, {Q(b_set), ""},
	{Q(b_self_not), ""}, {Q(b_self_or), ""}, {Q(b_self_and), ""}, {Q(b_inner), ""},
	{Q(b_long), ""}};

Test(cmd_query, what_cannot_be_sent_spoils_the_query)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "WITHIN CONDSTORE"}, 0);
	engine_set_state(r->engine, IMAP4_SELECTED);
	for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
		imap4_query *q = imap4_query_new();
		bad_rows[i].build(q);
		/* what comes behind does not repair it */
		cr_expect_neq(
			imap4_query_flag(q, str("\\Seen"), 1), IMAP4_OK, "%s", bad_rows[i].name);
		cr_expect_null(imap4_search_start(r->session, q, NULL), "%s", bad_rows[i].name);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG, "%s", bad_rows[i].name);
		imap4_query_free(q);
	}
	rig_pump(r);
	cr_assert_eq(r->sent.len, 0);
	rig_free(r);
}

/* ---- SEARCH --------------------------------------------------------------------------------------- */

static void begin(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
}

static void finish_search(struct rig *r, imap4_cmd *c)
{
	const imap4_numbers *n = c != NULL ? imap4_cmd_numbers(c) : NULL;
	if (n != NULL) {
		struct buf b = BUF_INIT(1000);
		struct err e = ERR_INIT;
		cr_assert(uidset_format(n->set, &b, &e) == 0);
		rig_logf(r, "have %x min %u max %u count %llu modseq %llu uid %d [%s]\n", n->have,
			n->min, n->max, (unsigned long long)n->count, (unsigned long long)n->modseq,
			n->uid, buf_str(&b));
		buf_release(&b);
	}
	rig_finish(r, c);
}

static imap4_cmd *search(struct rig *r, const imap4_query_opts *o)
{
	imap4_query *q = imap4_query_new();
	imap4_query_flag(q, str("\\Flagged"), 1);
	imap4_cmd *c = imap4_search_start(r->session, q, o);
	imap4_query_free(q);
	rig_pump(r);
	return c;
}

static void search_plain(struct rig *r)
{
	begin(r);
	imap4_cmd *c = search(r, OPTS(.wanted = IMAP4_WANT_COUNT));
	rig_say(r, "* SEARCH 5 2\r\n* SEARCH 9 (MODSEQ 77)\r\n$1 OK x\r\n");
	finish_search(r, c);
}

static void search_compact(struct rig *r)
{
	begin(r);
	imap4_cmd *c = search(r, OPTS());
	rig_say(r,
		"* ESEARCH (TAG \"other\") UID ALL 7\r\n* ESEARCH (TAG \"$1\") UID ALL 2:4\r\n$1 OK x\r\n");
	finish_search(r, c);
}

static void search_counts(struct rig *r)
{
	begin(r);
	imap4_cmd *c =
		search(r, OPTS(.wanted = IMAP4_WANT_MIN | IMAP4_WANT_MAX | IMAP4_WANT_COUNT));
	rig_say(r, "* ESEARCH (TAG \"$1\") UID MIN 2 COUNT 3 MAX 9\r\n$1 OK x\r\n");
	finish_search(r, c);
}

static void search_finds_nothing(struct rig *r)
{
	begin(r);
	imap4_cmd *c = search(r, OPTS());
	rig_say(r, "* ESEARCH (TAG \"$1\") UID\r\n$1 OK x\r\n");
	finish_search(r, c);
}

static void search_says_nothing(struct rig *r)
{
	begin(r);
	imap4_cmd *c = search(r, OPTS());
	rig_say(r, "$1 OK x\r\n");
	finish_search(r, c);
}

static void search_spoilt(struct rig *r)
{
	begin(r);
	imap4_cmd *c = search(r, OPTS());
	rig_say(r, "* SEARCH 5 x 7\r\n$1 OK x\r\n");
	finish_search(r, c);
}

static void searches_do_not_mix(struct rig *r)
{
	begin(r);
	imap4_cmd *a = search(r, OPTS());
	imap4_cmd *b = imap4_search_set_start(r->session, NULL,
		&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	imap4_cmd *c = search(r, OPTS(.plain = 1));
	rig_say(r, "* SEARCH 1\r\n$1 OK x\r\n");
	rig_say(r, "* SEARCH 2\r\n$2 OK x\r\n");
	rig_say(r, "* SEARCH 3\r\n$3 OK x\r\n");
	finish_search(r, a);
	finish_search(r, b);
	finish_search(r, c);
}

static void search_utf8(struct rig *r)
{
	begin(r);
	imap4_query *q = imap4_query_new(), *not = imap4_query_new();
	imap4_query_text(not, IMAP4_IN_SUBJECT, str("caf\xc3\xa9"));
	imap4_query_not(q, not );
	imap4_query_text(q, IMAP4_IN_BODY, str("a\r\nx LOGOUT"));
	imap4_cmd *c = imap4_search_start(r->session, q, NULL);
	imap4_query_free(q);
	imap4_query_free(not );
	rig_pump(r);
	rig_say(r, "+ go\r\n");
	rig_say(r, "+ go\r\n");
	rig_say(r, "$1 NO [BADCHARSET (US-ASCII)] x\r\n");
	finish_search(r, c);
}

static void search_after_utf8_accept(struct rig *r)
{
	begin(r);
	rig_say(r, "* ENABLED UTF8=ACCEPT\r\n");
	imap4_query *q = imap4_query_new();
	imap4_query_text(q, IMAP4_IN_SUBJECT, str("\xc3\xa9"));
	imap4_cmd *c = imap4_search_start(r->session, q, OPTS());
	imap4_query_free(q);
	rig_say(r, "* SEARCH\r\n$1 OK x\r\n");
	finish_search(r, c);
}

static void search_after_rev2(struct rig *r)
{
	begin(r);
	rig_say(r, "* ENABLED IMAP4rev2\r\n");
	imap4_query *q = imap4_query_new();
	imap4_query_text(q, IMAP4_IN_SUBJECT, str("\xc3\xa9"));
	imap4_cmd *c = imap4_search_start(r->session, q, NULL);
	imap4_cmd *after = imap4_noop_start(r->session);
	imap4_query_free(q);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 NO x\r\n");
	rig_say(r, "$2 OK x\r\n");
	finish_search(r, c);
	rig_finish(r, after);
}

static void search_not_offered(struct rig *r)
{
	begin(r);
	for (int i = 0; i < 2; i++) {
		imap4_query *q = imap4_query_new();
		(void)(i == 0 ? imap4_query_age(q, 1, 1) : imap4_query_modseq(q, 1));
		imap4_cmd *c = imap4_search_start(r->session, q, OPTS());
		imap4_query_free(q);
		rig_pump(r);
		finish_search(r, c);
	}
}

/* ---- SORT, THREAD ------------------------------------------------------------------------------------ */

static void finish_sort(struct rig *r, imap4_cmd *c)
{
	const imap4_sorted *s = c != NULL ? imap4_cmd_sorted(c) : NULL;
	if (s != NULL) {
		rig_logf(r, "sorted");
		for (size_t i = 0; i < s->n; i++)
			rig_logf(r, " %u", s->at[i]);
		rig_logf(r, "\n");
	}
	rig_finish(r, c);
}

static void sort_with(struct rig *r, const char *answer)
{
	static const int keys[] = {IMAP4_SORT_SUBJECT, IMAP4_SORT_REVERSE | IMAP4_SORT_DATE};
	begin(r);
	imap4_cmd *c = imap4_sort_start(r->session, keys, 2, NULL, OPTS());
	rig_say(r, answer);
	finish_sort(r, c);
}

static void sort_answered(struct rig *r)
{
	sort_with(r, "* SORT 4294967295 84 2 (MODSEQ 7)\r\n$1 OK x\r\n");
}
static void sort_empty(struct rig *r)
{
	sort_with(r, "* SORT\r\n$1 OK x\r\n");
}
static void sort_silent(struct rig *r)
{
	sort_with(r, "$1 OK x\r\n");
}
static void sort_spoilt(struct rig *r)
{
	sort_with(r, "* SORT 1 0\r\n$1 OK x\r\n");
}
static void sort_word(struct rig *r)
{
	sort_with(r, "* SORT 1 x\r\n$1 OK x\r\n");
}
static void sort_too_large(struct rig *r)
{
	sort_with(r, "* SORT 1 4294967296\r\n$1 OK x\r\n");
}
static void sort_stray(struct rig *r)
{
	sort_with(r, "* SORT 1 2)\r\n$1 OK x\r\n");
}
static void sort_twice(struct rig *r)
{
	sort_with(r, "* SORT 1\r\n* SORT 2\r\n$1 OK x\r\n");
}

static void sort_all_keys(struct rig *r)
{
	static const int keys[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	begin(r);
	imap4_query *q = imap4_query_new();
	imap4_query_text(q, IMAP4_IN_TO, str("\xc3\xa9"));
	imap4_cmd *a = imap4_sort_start(r->session, keys, 9, q, NULL);
	imap4_cmd *b = imap4_sort_start(r->session, keys, 7, NULL, OPTS());
	imap4_query_free(q);
	rig_say(r, "* SORT 3\r\n$1 OK x\r\n");
	rig_pump(r);
	if (!imap4_cmd_done(b))
		rig_say(r, "* SORT 4\r\n$2 OK x\r\n");
	finish_sort(r, a);
	finish_sort(r, b);
	int many[33] = {0};
	const int bad[] = {10, -1, IMAP4_SORT_REVERSE | 10, 1 << 9};
	for (size_t i = 0; i < 4; i++)
		finish_sort(r, imap4_sort_start(r->session, &bad[i], 1, NULL, NULL));
	finish_sort(r, imap4_sort_start(r->session, many, 0, NULL, NULL));
	finish_sort(r, imap4_sort_start(r->session, many, 33, NULL, NULL));
	imap4_cmd_free(imap4_sort_start(r->session, many, 32, NULL, NULL));
}

static void sort_not_offered(struct rig *r)
{
	static const int keys[] = {IMAP4_SORT_DATE, IMAP4_SORT_DISPLAYTO};
	begin(r);
	imap4_cmd *c = imap4_sort_start(r->session, keys, 2, NULL, OPTS());
	rig_pump(r);
	finish_sort(r, c);
}

static void finish_thread(struct rig *r, imap4_cmd *c)
{
	const imap4_threads *t = c != NULL ? imap4_cmd_threads(c) : NULL;
	if (t != NULL) {
		rig_logf(r, "threads");
		for (size_t i = 0; i < t->n; i++)
			rig_logf(r, " %u<%d", t->at[i].number,
				t->at[i].parent == IMAP4_THREAD_ROOT ? -1 : (int)t->at[i].parent);
		rig_logf(r, "\n");
	}
	rig_finish(r, c);
}

static void thread_with(struct rig *r, const char *answer)
{
	begin(r);
	imap4_cmd *c = imap4_thread_start(r->session, "REFERENCES", NULL, OPTS());
	rig_say(r, answer);
	finish_thread(r, c);
}

static void thread_answered(struct rig *r)
{
	thread_with(r, "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n$1 OK x\r\n"); /* RFC 5256 section 4 */
}
static void thread_without_parent(struct rig *r)
{
	thread_with(r, "* THREAD ((3)(5 ((6)(7))))\r\n$1 OK x\r\n");
}
static void thread_empty(struct rig *r)
{
	thread_with(r, "* THREAD\r\n$1 OK x\r\n");
}
static void thread_silent(struct rig *r)
{
	thread_with(r, "$1 OK x\r\n");
}
static void thread_bare(struct rig *r)
{
	thread_with(r, "* THREAD 3\r\n$1 OK x\r\n");
}
static void thread_hollow(struct rig *r)
{
	thread_with(r, "* THREAD (3 ())\r\n$1 OK x\r\n");
}
static void thread_backwards(struct rig *r)
{
	thread_with(r, "* THREAD (3 (4) 5)\r\n$1 OK x\r\n");
}
static void thread_too_deep(struct rig *r)
{
	char line[200] = "* THREAD ";
	for (int i = 0; i < 26; i++)
		(void)strcat(line, "(1 ");
	for (int i = 0; i < 26; i++)
		(void)strcat(line, ")");
	(void)strcat(line, "\r\n$1 OK x\r\n");
	thread_with(r, line);
}

static void thread_wrong(struct rig *r)
{
	char name[66];
	memset(name, 'A', 65);
	name[65] = '\0';
	begin(r);
	finish_thread(r, imap4_thread_start(r->session, NULL, NULL, NULL));
	finish_thread(r, imap4_thread_start(r->session, name, NULL, NULL));
	finish_thread(r, imap4_thread_start(r->session, "A B", NULL, NULL));
	finish_thread(r, imap4_thread_start(r->session, "A\r\nB", NULL, NULL));
	imap4_cmd *c = imap4_thread_start(r->session, name + 1, NULL, OPTS());
	rig_pump(r);
	rig_logf(r, "%d\n", imap4_cmd_result(c)->err == IMAP4_E_NOCAP);
	imap4_cmd_free(c);
	c = imap4_thread_start(r->session, "X", NULL, OPTS());
	rig_pump(r);
	finish_thread(r, c);
}

/* They change nothing. */
static void backup_may(struct rig *r)
{
	static const int key = IMAP4_SORT_DATE;
	begin(r);
	imap4_cmd *c[] = {imap4_search_start(r->session, NULL, OPTS()),
		imap4_sort_start(r->session, &key, 1, NULL, OPTS()),
		imap4_thread_start(r->session, "REFERENCES", NULL, OPTS())};
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n");
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		rig_finish(r, c[i]);
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play)    #play, play
#define SORT_SENT    "$1 UID SORT (SUBJECT REVERSE DATE) US-ASCII ALL\r\n"
#define THREAD_SENT  "$1 UID THREAD REFERENCES US-ASCII ALL\r\n"
#define SPOILT(verb) "IMAP4_E_PROTO " verb " failed: the server sent a result that cannot be read\n"

static const struct row rows[] = {
	{ROW(search_plain), {0}, "$1 UID SEARCH FLAGGED\r\n",
		"have 1f min 2 max 9 count 3 modseq 77 uid 1 [2,5,9]\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_compact), {.caps = "ESEARCH"}, "$1 UID SEARCH RETURN (ALL) FLAGGED\r\n",
		"unasked * ESEARCH (TAG \"other\") UID ALL 7\n"
		"have f min 2 max 4 count 3 modseq 0 uid 1 [2:4]\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_counts), {.caps = "IMAP4rev2"},
		"$1 UID SEARCH RETURN (MIN MAX COUNT) FLAGGED\r\n",
		"have 7 min 2 max 9 count 3 modseq 0 uid 1 []\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_finds_nothing), {.caps = "ESEARCH"}, "$1 UID SEARCH RETURN (ALL) FLAGGED\r\n",
		"have c min 0 max 0 count 0 modseq 0 uid 1 []\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_says_nothing), {.caps = "ESEARCH"}, "$1 UID SEARCH RETURN (ALL) FLAGGED\r\n",
		"have 0 min 0 max 0 count 0 modseq 0 uid 1 []\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_spoilt), {0}, "$1 UID SEARCH FLAGGED\r\n",
		"IMAP4_E_PROTO UID SEARCH failed: the server sent numbers that cannot be read\n"},
	{ROW(searches_do_not_mix), {0},
		"$1 UID SEARCH FLAGGED\r\n$2 UID SEARCH ALL\r\n$3 UID SEARCH FLAGGED\r\n",
		"have f min 1 max 1 count 1 modseq 0 uid 1 [1]\nIMAP4_OK UID SEARCH succeeded\n"
		"have f min 2 max 2 count 1 modseq 0 uid 1 [2]\nIMAP4_OK UID SEARCH succeeded\n"
		"have f min 3 max 3 count 1 modseq 0 uid 1 [3]\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_utf8), {0},
		"$1 SEARCH CHARSET UTF-8 NOT SUBJECT {5}\r\ncaf\xc3\xa9 BODY {11}\r\na\r\nx LOGOUT\r\n",
		"IMAP4_E_NO SEARCH was refused: x\n"},
	{ROW(search_after_utf8_accept), {.caps = "LITERAL+"},
		"$1 UID SEARCH SUBJECT \"\xc3\xa9\"\r\n",
		"unasked * ENABLED UTF8=ACCEPT\nhave c min 0 max 0 count 0 modseq 0 uid 1 []\n"
		"IMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_after_rev2), {.caps = "LITERAL+"},
		"$1 SEARCH SUBJECT \"\xc3\xa9\"\r\n$2 NOOP\r\n",
		"unasked * ENABLED IMAP4rev2\nin flight 1\nIMAP4_E_NO SEARCH was refused: x\n"
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(search_not_offered), {0}, "",
		"IMAP4_E_NOCAP UID SEARCH failed: the server does not offer WITHIN\n"
		"IMAP4_E_NOCAP UID SEARCH failed: the server does not offer CONDSTORE\n"},
	{ROW(sort_answered), {.caps = "SORT"}, SORT_SENT,
		"sorted 4294967295 84 2\nIMAP4_OK UID SORT succeeded\n"},
	{ROW(sort_empty), {.caps = "SORT"}, SORT_SENT, "sorted\nIMAP4_OK UID SORT succeeded\n"},
	{ROW(sort_silent), {.caps = "SORT"}, SORT_SENT, "IMAP4_OK UID SORT succeeded\n"},
	{ROW(sort_spoilt), {.caps = "SORT"}, SORT_SENT, SPOILT("UID SORT")},
	{ROW(sort_word), {.caps = "SORT"}, SORT_SENT, SPOILT("UID SORT")},
	{ROW(sort_too_large), {.caps = "SORT"}, SORT_SENT, SPOILT("UID SORT")},
	{ROW(sort_stray), {.caps = "SORT"}, SORT_SENT, SPOILT("UID SORT")},
	{ROW(sort_twice), {.caps = "SORT"}, SORT_SENT, SPOILT("UID SORT")},
	{ROW(sort_all_keys), {.caps = "SORT SORT=DISPLAY LITERAL-"},
		"$1 SORT (ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO) UTF-8 TO "
		"{2+}\r\n\xc3\xa9\r\n$2 UID SORT (ARRIVAL CC DATE FROM SIZE SUBJECT TO) US-ASCII ALL\r\n",
		"sorted 3\nIMAP4_OK SORT succeeded\nsorted 4\nIMAP4_OK UID SORT succeeded\n"
		"not started IMAP4_E_ARG: SORT: no such key\n"
		"not started IMAP4_E_ARG: SORT: no such key\n"
		"not started IMAP4_E_ARG: SORT: no such key\n"
		"not started IMAP4_E_ARG: SORT: no such key\n"
		"not started IMAP4_E_ARG: SORT: no key, or more than 32\n"
		"not started IMAP4_E_ARG: SORT: no key, or more than 32\n"},
	{ROW(sort_not_offered), {0}, "",
		"IMAP4_E_NOCAP UID SORT failed: the server does not offer SORT\n"},
	{ROW(sort_not_offered), {.caps = "SORT"}, "",
		"IMAP4_E_NOCAP UID SORT failed: the server does not offer SORT=DISPLAY\n"},
	{ROW(thread_answered), {.caps = "THREAD=REFERENCES"}, THREAD_SENT,
		"threads 2<-1 3<-1 6<1 4<2 23<3 44<2 7<5 96<6\nIMAP4_OK UID THREAD succeeded\n"},
	{ROW(thread_without_parent), {.caps = "THREAD=REFERENCES"}, THREAD_SENT,
		"threads 0<-1 3<0 5<0 0<2 6<3 7<3\nIMAP4_OK UID THREAD succeeded\n"},
	{ROW(thread_empty), {.caps = "THREAD=REFERENCES"}, THREAD_SENT,
		"threads\nIMAP4_OK UID THREAD succeeded\n"},
	{ROW(thread_silent), {.caps = "THREAD=REFERENCES"}, THREAD_SENT,
		"IMAP4_OK UID THREAD succeeded\n"},
	{ROW(thread_bare), {.caps = "THREAD=REFERENCES"}, THREAD_SENT, SPOILT("UID THREAD")},
	{ROW(thread_hollow), {.caps = "THREAD=REFERENCES"}, THREAD_SENT, SPOILT("UID THREAD")},
	{ROW(thread_backwards), {.caps = "THREAD=REFERENCES"}, THREAD_SENT, SPOILT("UID THREAD")},
	{ROW(thread_too_deep), {.caps = "THREAD=REFERENCES"}, THREAD_SENT, SPOILT("UID THREAD")},
	{ROW(thread_wrong), {0}, "",
		"not started IMAP4_E_ARG: THREAD: no such algorithm\n"
		"not started IMAP4_E_ARG: THREAD: no such algorithm\n"
		"not started IMAP4_E_ARG: THREAD: a name has characters that cannot be sent\n"
		"not started IMAP4_E_ARG: THREAD: a name has characters that cannot be sent\n1\n"
		"IMAP4_E_NOCAP UID THREAD failed: the server does not offer THREAD=X\n"},
	{ROW(backup_may), {.policy = IMAP4_POLICY_BACKUP, .caps = "SORT THREAD=REFERENCES"},
		"$1 UID SEARCH ALL\r\n$2 UID SORT (DATE) US-ASCII ALL\r\n"
		"$3 UID THREAD REFERENCES US-ASCII ALL\r\n",
		"IMAP4_OK UID SEARCH succeeded\nIMAP4_OK UID SORT succeeded\n"
		"IMAP4_OK UID THREAD succeeded\n"},
};

Test(cmd_query, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

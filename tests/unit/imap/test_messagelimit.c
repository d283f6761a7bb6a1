/* SPDX-License-Identifier: MIT */
/*
 * test_messagelimit.c -- servers that are asked in their own way: MESSAGELIMIT and SAVELIMIT (RFC 9738), UIDONLY (RFC 9586),
 * INPROGRESS (RFC 9585). The examples of RFC 9738 are rows of the first table, with some of the responses it elides; the
 * server offers no limit there where ours would split the set and never meet the limit.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/typed_log.h"

static imap4_cmd *fetch(struct rig *r, int by, const char *text, const char *items)
{
	imap4_set *set = typed_set(text);
	imap4_cmd *c = imap4_fetch_start(r->session, set, items,
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts), .by = by});
	typed_set_free(set);
	return c;
}

static imap4_cmd *fetch_open(struct rig *r, const char *text, uint32_t open_from)
{
	imap4_set *set = typed_set(text);
	imap4_cmd *c = imap4_fetch_start(r->session, set, "FLAGS",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
			.by = IMAP4_BY_UID,
			.open_from = open_from});
	typed_set_free(set);
	return c;
}

static imap4_cmd *search_set(struct rig *r, const char *text)
{
	imap4_set *set = typed_set(text);
	imap4_cmd *c = imap4_search_set_start(r->session, set,
		&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	typed_set_free(set);
	return c;
}

static imap4_cmd *search(struct rig *r, imap4_query *q, imap4_query_opts o)
{
	o.struct_size = sizeof o;
	o.by = IMAP4_BY_UID;
	imap4_cmd *c = imap4_search_start(r->session, q, &o);
	imap4_query_free(q);
	return c;
}

static imap4_query *undeleted(const char *uids)
{
	imap4_query *q = imap4_query_new();
	imap4_set *set = typed_set(uids);
	imap4_query_set(q, IMAP4_BY_UID, set, 0);
	imap4_query_flag(q, typed_str("\\Deleted"), 0);
	typed_set_free(set);
	return q;
}

static const imap4_copy_opts by_uid = {.struct_size = sizeof by_uid, .by = IMAP4_BY_UID};

static imap4_cmd *copy_or_move(struct rig *r, bool move, const char *text, const char *mailbox)
{
	imap4_set *set = typed_set(text);
	imap4_cmd *c = (move ? imap4_move_start : imap4_copy_start)(
		r->session, set, typed_str(mailbox), &by_uid);
	typed_set_free(set);
	return c;
}

static imap4_cmd *store(struct rig *r, const char *text, const char *flag)
{
	imap4_set *set = typed_set(text);
	imap4_str f = typed_str(flag);
	imap4_cmd *c = imap4_store_start(r->session, set, IMAP4_FLAGS_ADD, &f, 1,
		&(imap4_store_opts){.struct_size = sizeof(imap4_store_opts), .by = IMAP4_BY_UID});
	typed_set_free(set);
	return c;
}

/* ---- the examples of RFC 9738 section 3.1 to 3.4, by their tags -------------------------------------- */

static void example_03(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, IMAP4_BY_SEQ, "10000:14589", "UID FLAGS");
	rig_say(r,
		"* 14589 FETCH (FLAGS (\\Seen) UID 25000)\r\n"
		"* 14588 FETCH (FLAGS (\\Answered) UID 24998)\r\n* 13590 FETCH (FLAGS () UID 23221)\r\n"
		"$2 OK [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results\r\n");
	typed_finish(r, c);
}
static void example_04(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = search(r, undeleted("22000:25000"), (imap4_query_opts){.plain = 1});
	rig_say(r,
		"* SEARCH 25000 24998 23221\r\n"
		"$2 OK [MESSAGELIMIT 1000 23221] SEARCH completed with 1000 partial results\r\n");
	typed_finish(r, c);
}
static void example_05(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = copy_or_move(r, false, "18000:21000", "Trash");
	rig_say(r,
		"$2 NO [MESSAGELIMIT 1000 20001] Too many messages to copy, try a smaller subset\r\n");
	typed_finish(r, c);
}
static void example_06(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = copy_or_move(r, true, "18000:21000", "Archive/2021/2021-12");
	rig_say(r,
		"* OK [COPYUID 1397597919 20001:21000 22363:23362] Some messages were not moved\r\n"
		"* 12336 EXPUNGE\r\n* 12335 EXPUNGE\r\n* 11337 EXPUNGE\r\n"
		"$2 OK [MESSAGELIMIT 1000 20001] MOVE completed for the last 1000 messages\r\n");
	const imap4_copied *copied = imap4_cmd_copied(c);
	cr_expect(copied != NULL && imap4_set_count(copied->from) == 1000);
	typed_finish(r, c);
}
static void example_07(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = store(r, "18000:20000", "\\Seen");
	rig_say(r,
		"* 11215 FETCH (FLAGS (\\Seen \\Deleted) UID 20000)\r\n"
		"* 11214 FETCH (FLAGS (\\Seen \\Answered \\Deleted) UID 19998)\r\n"
		"* 10216 FETCH (FLAGS (\\Seen) UID 19578)\r\n"
		"$2 OK [MESSAGELIMIT 1000 19578] STORE completed for the last 1000 messages\r\n");
	typed_finish(r, c);
}
static void example_08(struct rig *r)
{
	typed_open(r);
	imap4_set *set = typed_set("11000:13000");
	imap4_cmd *c = imap4_uid_expunge_start(r->session, set, 0);
	typed_set_free(set);
	rig_say(r,
		"* 4306 EXPUNGE\r\n* 4305 EXPUNGE\r\n* 3307 EXPUNGE\r\n"
		"$2 OK [MESSAGELIMIT 1000 11627] UID EXPUNGE completed for the last 1000 messages\r\n");
	typed_finish(r, c);
}
static void example_09(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = imap4_expunge_start(r->session);
	rig_say(r, "* 4306 EXPUNGE\r\n* 112 EXPUNGE\r\n$2 OK EXPUNGE completed\r\n");
	typed_finish(r, c);
}
static void example_10(struct rig *r)
{
	typed_open(r);
	imap4_set *set = typed_set("22000:25000");
	imap4_cmd *c = imap4_fetch_start(r->session, set, "UID FLAGS MODSEQ",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
			.by = IMAP4_BY_UID,
			.partial_first = -1,
			.partial_last = -1500});
	typed_set_free(set);
	rig_say(r, "$2 NO [MESSAGELIMIT 1000] FETCH exceeds the maximum 1000-message limit\r\n");
	typed_finish(r, c);
}
static void example_10_without(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, IMAP4_BY_UID, "22000:25000", "UID FLAGS MODSEQ");
	rig_say(r,
		"* 12367 FETCH (FLAGS (\\Seen \\Deleted) UID 23007)\r\n"
		"* 12366 FETCH (FLAGS (\\Seen \\Answered \\Deleted) UID 23114)\r\n"
		"* 13366 FETCH (FLAGS (\\Seen) UID 24598)\r\n"
		"$2 OK [MESSAGELIMIT 1000 23007] FETCH exceeds the maximum 1000-message limit\r\n");
	typed_finish(r, c);
}
/* The limit is told in an untagged line, because the tagged one says EXPUNGEISSUED. */
static void example_11(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, IMAP4_BY_SEQ, "10000:14589", "UID FLAGS");
	rig_say(r,
		"* 14589 FETCH (FLAGS (\\Seen) UID 25000)\r\n* 13590 FETCH (FLAGS () UID 23221)\r\n"
		"* NO [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results\r\n"
		"$2 OK [EXPUNGEISSUED] Some messages were also expunged\r\n");
	typed_finish(r, c);
}
static void example_12(struct rig *r)
{
	typed_open(r);
	imap4_query *q = imap4_query_new();
	imap4_query_uid_beyond(q, 1, 25000);
	imap4_query_flag(q, typed_str("\\Deleted"), 0);
	imap4_cmd *c = search(r, q, (imap4_query_opts){.plain = 1});
	rig_say(r, "* SEARCH 27800 27798 25001\r\n$2 OK SEARCH completed\r\n");
	typed_finish(r, c);
}
/* The conditions stand in another order. */
static void example_d0004(struct rig *r)
{
	typed_open(r);
	imap4_query *q = undeleted("22000:25000");
	imap4_query_date(q, IMAP4_SINCE, 2004, 1, 1);
	imap4_cmd *c = search(r, q, (imap4_query_opts){.save = 1});
	rig_say(r,
		"$2 OK [MESSAGELIMIT 1000 1179] SEARCH completed with 1000 partial results saved\r\n");
	typed_finish(r, c);
}

#define DONE(verb) "IMAP4_OK " verb " succeeded\n"

static const struct typed_row rfc_rows[] = {
	{TYPED_ROW(example_03), {0}, "$2 FETCH 10000:14589 (UID FLAGS)\r\n",
		"  FETCH seq=14589 uid=25000 flags=\\Seen\n  FETCH seq=14588 uid=24998 flags=\\Answered\n"
		"  FETCH seq=13590 uid=23221 flags=\nlimited to 1000, down to 23221,\n" DONE(
			"FETCH")},
	{TYPED_ROW(example_04), {0}, "$2 UID SEARCH UID 22000:25000 UNDELETED\r\n",
		"numbers uid\nlimited to 1000, down to 23221,\n" DONE("UID SEARCH")},
	{TYPED_ROW(example_05), {0}, "$2 UID COPY 18000:21000 Trash\r\n",
		"limited to 1000, down to 20001, left=18000:21000\n"
		"IMAP4_E_NO UID COPY was refused: Too many messages to copy, try a smaller subset\n"},
	{TYPED_ROW(example_06), {.caps = "MOVE"},
		"$2 UID MOVE 18000:21000 Archive/2021/2021-12\r\n",
		"  EXPUNGE 12336\n  EXPUNGE 12335\n  EXPUNGE 11337\n"
		"limited to 1000, down to 20001, left=18000:20000\n" DONE("UID MOVE")},
	{TYPED_ROW(example_07), {0}, "$2 UID STORE 18000:20000 +FLAGS (\\Seen)\r\n",
		"  FETCH seq=11215 uid=20000 flags=\\Seen,\\Deleted\n"
		"  FETCH seq=11214 uid=19998 flags=\\Seen,\\Answered,\\Deleted\n"
		"  FETCH seq=10216 uid=19578 flags=\\Seen\n"
		"limited to 1000, down to 19578, left=18000:19577\n" DONE("UID STORE")},
	{TYPED_ROW(example_08), {.caps = "UIDPLUS"}, "$2 UID EXPUNGE 11000:13000\r\n",
		"  EXPUNGE 4306\n  EXPUNGE 4305\n  EXPUNGE 3307\n"
		"limited to 1000, down to 11627, left=11000:11626\n" DONE("UID EXPUNGE")},
	{TYPED_ROW(example_09), {0}, "$2 EXPUNGE\r\n",
		"  EXPUNGE 4306\n  EXPUNGE 112\n" DONE("EXPUNGE")},
	{TYPED_ROW(example_10), {.caps = "PARTIAL MESSAGELIMIT=1000"},
		"$2 UID FETCH 22000:25000 (UID FLAGS MODSEQ) (PARTIAL -1:-1500)\r\n",
		"limited to 1000, down to 0, left=22000:25000\n"
		"IMAP4_E_NO UID FETCH was refused: FETCH exceeds the maximum 1000-message limit\n"},
	{TYPED_ROW(example_10_without), {0}, "$2 UID FETCH 22000:25000 (UID FLAGS MODSEQ)\r\n",
		"  FETCH seq=12367 uid=23007 flags=\\Seen,\\Deleted\n"
		"  FETCH seq=12366 uid=23114 flags=\\Seen,\\Answered,\\Deleted\n"
		"  FETCH seq=13366 uid=24598 flags=\\Seen\n"
		"limited to 1000, down to 23007, left=22000:23006\n" DONE("UID FETCH")},
	{TYPED_ROW(example_11), {0}, "$2 FETCH 10000:14589 (UID FLAGS)\r\n",
		"unasked * NO [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results\n"
		"  FETCH seq=14589 uid=25000 flags=\\Seen\n  FETCH seq=13590 uid=23221 flags=\n"
		"limited to 1000, down to 23221,\n" DONE("FETCH")},
	{TYPED_ROW(example_12), {.caps = "MESSAGELIMIT=1000"},
		"$2 UID SEARCH UIDAFTER 25000 UNDELETED\r\n",
		"numbers uid min=25001 max=27800 count=3 all=25001,27798,27800\n" DONE(
			"UID SEARCH")},
	{TYPED_ROW(example_d0004), {.caps = "SEARCHRES MESSAGELIMIT=1000"},
		"$2 UID SEARCH RETURN (SAVE) UID 22000:25000 UNDELETED SINCE 1-Jan-2004\r\n",
		"numbers uid\nlimited to 1000, down to 1179,\n" DONE("UID SEARCH")},
};

/* ---- how sets are split ------------------------------------------------------------------------------ */

static void sets_are_split(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, IMAP4_BY_UID, "5:1003,2000:2999,4000", "FLAGS");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	typed_finish(r, c);
	c = copy_or_move(r, false, "1:1001", "a");
	rig_say(r, "$4 OK x\r\n$5 OK x\r\n");
	typed_finish(r, c);
	c = store(r, "1:1001", "a");
	rig_say(r, "$6 OK x\r\n$7 OK x\r\n");
	typed_finish(r, c);
	c = search_set(r, "1:1001");
	rig_say(r, "* SEARCH 7\r\n$8 OK x\r\n* SEARCH 1001\r\n$9 OK x\r\n");
	typed_finish(r, c);
}

/* SAVELIMIT is for what copies; of two limits the lower counts. */
static void save_limit(struct rig *r)
{
	typed_open(r);
	rig_logf(r, "limits %u %u\n", imap4_message_limit(r->session, 0),
		imap4_message_limit(r->session, 1));
	imap4_cmd *c = copy_or_move(r, false, "1:2,4", "a");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	typed_finish(r, c);
	c = fetch(r, IMAP4_BY_UID, "1:2,4", "FLAGS");
	rig_say(r, "$4 OK x\r\n");
	typed_finish(r, c);
}

/* The open range goes by itself: nobody knows how much it is. What is left of it is a range that ends. */
static void an_open_range(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch_open(r, "1:1000", 3000);
	rig_say(r, "$2 OK x\r\n$3 OK [MESSAGELIMIT 1000 9001] x\r\n");
	typed_finish(r, c);
	c = fetch_open(r, "$", 0);
	typed_finish(r, c);
}

/* Of several lines those that were cut short are told together. */
static void two_lines_cut_short(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, IMAP4_BY_UID, "1:2000", "FLAGS");
	rig_say(r, "$2 OK [MESSAGELIMIT 500 501] x\r\n$3 OK [MESSAGELIMIT 500 1501] x\r\n");
	typed_finish(r, c);
	c = fetch(r, IMAP4_BY_UID, "1:2000", "FLAGS");
	rig_say(r, "$4 OK [MESSAGELIMIT 500] x\r\n$5 OK [MESSAGELIMIT 500 1501] x\r\n");
	typed_finish(r, c);
	c = fetch(r, IMAP4_BY_UID, "1:3", "FLAGS");
	rig_say(r, "$6 OK [MESSAGELIMIT 500 1] x\r\n");
	typed_finish(r, c);
	c = fetch(r, IMAP4_BY_UID, "1:3", "FLAGS");
	rig_say(r, "$7 OK [MESSAGELIMIT x 4294967296] x\r\n");
	typed_finish(r, c);
}

/* "Not in the result" is no proof that a message is gone when the server did not look. */
static void a_search_cut_short_proves_nothing(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = search_set(r, "1:9");
	rig_say(r, "* SEARCH 7\r\n$2 OK [MESSAGELIMIT 3 7] x\r\n");
	typed_finish(r, c);
	c = search_set(r, "1:9");
	rig_say(r, "* SEARCH 7\r\n* NO [MESSAGELIMIT 3 7] x\r\n$3 OK [EXPUNGEISSUED] x\r\n");
	typed_finish(r, c);
}

/* The highest is right, for it begins there; nothing else is. */
static void a_query_cut_short(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = search(r, undeleted("1:9"), (imap4_query_opts){.wanted = 15});
	rig_say(r,
		"* ESEARCH (TAG \"$2\") UID MIN 7 MAX 9 COUNT 3 ALL 7:9\r\n"
		"$2 OK [MESSAGELIMIT 3 7] x\r\n");
	typed_finish(r, c);
}

#define TOO_LONG "limited to 500, down to 501, left="

static const struct typed_row limit_rows[] = {
	{TYPED_ROW(sets_are_split), {.caps = "MESSAGELIMIT=1000"},
		"$2 UID FETCH 5:1003,2000 (FLAGS)\r\n$3 UID FETCH 2001:2999,4000 (FLAGS)\r\n"
		"$4 UID COPY 1:1000 a\r\n$5 UID COPY 1001 a\r\n"
		"$6 UID STORE 1:1000 +FLAGS (a)\r\n$7 UID STORE 1001 +FLAGS (a)\r\n"
		"$8 UID SEARCH UID 1:1000\r\n$9 UID SEARCH UID 1001\r\n",
		DONE("UID FETCH") DONE("UID COPY")
			DONE("UID STORE") "numbers uid min=7 max=1001 count=2 all=7,1001\n" DONE(
				"UID SEARCH")},
	{TYPED_ROW(save_limit), {.caps = "messagelimit=3 SAVELIMIT=2 X=1"},
		"$2 UID COPY 1:2 a\r\n$3 UID COPY 4 a\r\n$4 UID FETCH 1:2,4 (FLAGS)\r\n",
		"limits 3 2\n" DONE("UID COPY") DONE("UID FETCH")},
	{TYPED_ROW(save_limit), {.caps = "MESSAGELIMIT=2 SAVELIMIT=3 MESSAGELIMIT="},
		"$2 UID COPY 1:2 a\r\n$3 UID COPY 4 a\r\n$4 UID FETCH 1:2 (FLAGS)\r\n"
		"$5 UID FETCH 4 (FLAGS)\r\n",
		"limits 2 2\n" DONE("UID COPY") "IMAP4_AGAIN the command is not complete yet\n"},
	{TYPED_ROW(an_open_range), {.caps = "MESSAGELIMIT=1000"},
		"$2 UID FETCH 1:1000 (FLAGS)\r\n$3 UID FETCH 3000:* (FLAGS)\r\n",
		"limited to 1000, down to 9001, left=3000:9000\n" DONE(
			"UID FETCH") "IMAP4_AGAIN the command is not complete yet\n"},
	{TYPED_ROW(two_lines_cut_short), {.caps = "MESSAGELIMIT=1000"},
		"$2 UID FETCH 1:1000 (FLAGS)\r\n$3 UID FETCH 1001:2000 (FLAGS)\r\n"
		"$4 UID FETCH 1:1000 (FLAGS)\r\n$5 UID FETCH 1001:2000 (FLAGS)\r\n"
		"$6 UID FETCH 1:3 (FLAGS)\r\n$7 UID FETCH 1:3 (FLAGS)\r\n",
		TOO_LONG
		"1:500,1001:1500\n" DONE("UID FETCH") "limited to 500, down to 1501,\n" DONE("UID FETCH") "limited to 500, down to 1, left=\n" DONE(
			"UID FETCH") "limited to 0, down to 0,\n" DONE("UID FETCH")},
	{TYPED_ROW(a_search_cut_short_proves_nothing), {0},
		"$2 UID SEARCH UID 1:9\r\n$3 UID SEARCH UID 1:9\r\n",
		"numbers uid min=7 max=7 count=1\nlimited to 3, down to 7, left=1:6\n" DONE(
			"UID SEARCH") "unasked * NO [MESSAGELIMIT 3 7] x\n"
				      "numbers uid min=7 max=7 count=1\nlimited to 3, down to 7, left=1:6\n" DONE(
					      "UID SEARCH")},
};

static const struct typed_row query_rows[] = {
	{TYPED_ROW(a_query_cut_short), {.caps = "ESEARCH"},
		"$2 UID SEARCH RETURN (MIN MAX COUNT ALL) UID 1:9 UNDELETED\r\n",
		"numbers uid max=9\nlimited to 3, down to 7,\n" DONE("UID SEARCH")},
};

Test(messagelimit, a_query_cut_short_proves_nothing)
{
	typed_check(query_rows, 1);
}

Test(messagelimit, examples_of_rfc_9738, .timeout = 120)
{
	typed_check(rfc_rows, sizeof rfc_rows / sizeof rfc_rows[0]);
}

Test(messagelimit, sets_are_split_and_what_is_left_is_told, .timeout = 120)
{
	typed_check(limit_rows, sizeof limit_rows / sizeof limit_rows[0]);
}

/* A range over all UIDs is not made into millions of lines: the server stops by itself, and says so. */
Test(messagelimit, a_set_becomes_a_bounded_number_of_lines)
{
	for (uint32_t n = IMAP_LIMIT_PARTS_MAX; n <= IMAP_LIMIT_PARTS_MAX + 1; n++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = "MESSAGELIMIT=10"}, 0);
		typed_open(r);
		char text[32];
		(void)snprintf(text, sizeof text, "1:%u", n * 10);
		imap4_cmd *c = fetch(r, IMAP4_BY_UID, text, "FLAGS");
		rig_pump(r);
		bool split = strstr(buf_str(&r->sent), "UID FETCH 1:10 (") != NULL;
		cr_expect_eq(split, n == IMAP_LIMIT_PARTS_MAX, "%u", n);
		imap4_cmd_free(c);
		rig_free(r);
	}
}

/* ---- UIDONLY ----------------------------------------------------------------------------------------- */

/* RFC 9586: UIDFETCH has the UID in front, VANISHED takes the place of EXPUNGE. */
static void only_uids(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "UIDONLY");
	rig_say(r, "* 9 EXISTS\r\n");
	imap4_cmd *c = fetch(r, IMAP4_BY_UID, "25900:26600", "FLAGS");
	rig_say(r,
		"* 25996 UIDFETCH (FLAGS (\\Seen))\r\n* 25997 UIDFETCH (FLAGS (\\Flagged) UID 25997)\r\n"
		"* 7 UIDFETCH (FLAGS ())\r\n* VANISHED 25998:25999\r\n$2 OK x\r\n");
	typed_finish(r, c);
	c = store(r, "25996", "a");
	rig_say(r, "* 25996 UIDFETCH (FLAGS (a))\r\n$3 OK x\r\n");
	typed_finish(r, c);
	rig_logf(r, "exists %u\n", imap4_selected_mailbox(r->session)->exists);
}

static void message_numbers_are_refused(struct rig *r)
{
	typed_open(r);
	imap4_cmd *noop = imap4_noop_start(r->session);
	imap4_set *set = typed_set("1:2");
	imap4_str flag = typed_str("a");
	static const int key = IMAP4_SORT_DATE;
	imap4_query *q = imap4_query_new();
	imap4_query_set(q, IMAP4_BY_SEQ, set, 0);
	imap4_cmd *c[] = {fetch(r, IMAP4_BY_SEQ, "1", "FLAGS"),
		imap4_store_start(r->session, set, IMAP4_FLAGS_ADD, &flag, 1, NULL),
		imap4_copy_start(r->session, set, typed_str("a"), NULL),
		imap4_move_start(r->session, set, typed_str("a"), NULL),
		imap4_search_set_start(r->session, set, NULL),
		imap4_search_start(r->session, NULL, NULL),
		search(r, q, (imap4_query_opts){.save = 0}),
		imap4_sort_start(r->session, &key, 1, NULL, NULL),
		imap4_thread_start(r->session, "REFERENCES", NULL, NULL)};
	typed_set_free(set);
	/* It comes into force before they are sent. */
	typed_enabled(r, "UIDONLY");
	rig_say(r, "$2 OK x\r\n");
	typed_finish(r, noop);
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		typed_finish(r, c[i]);
}

/* A server that asks for it in an answer: nothing more than a BAD with a code. */
static void uid_required(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, IMAP4_BY_SEQ, "1", "FLAGS");
	rig_say(r, "$2 BAD [UIDREQUIRED] Message numbers are not allowed\r\n");
	rig_logf(r, "%d\n", imap4_cmd_result(c)->code == IMAP4_CODE_UIDREQUIRED);
	typed_finish(r, c);
}

/* ---- INPROGRESS -------------------------------------------------------------------------------------- */

static void progress_is_told(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = copy_or_move(r, false, "1:9", "a");
	rig_say(r,
		"* OK [INPROGRESS (\"$2\" 454 1000)] Processed 454 of 1000\r\n"
		"* OK [INPROGRESS (\"$2\" 999 NIL)] x\r\n* OK [INPROGRESS (\"other\" NIL 5)] x\r\n"
		"* OK [INPROGRESS (NIL NIL NIL)] x\r\n* OK [INPROGRESS] x\r\n* OK [INPROGRESS (\"] x\r\n"
		"* OK [INPROGRESS (\"$2\" 18446744073709551616 1)] x\r\n* OK [INPROGRESS ()] x\r\n");
	imap4_cmd_free(c);
	rig_say(r, "* OK [INPROGRESS (\"$2\" 7 9)] x\r\n$2 OK x\r\n");
}

/* A part stands for the command that the caller holds; SELECT has it among its data all the same. */
static void progress_of_a_part(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = imap4_select_start(r->session, typed_str("a"), NULL);
	rig_say(r, "* OK [INPROGRESS (\"$2\" 1 2)] x\r\n$2 OK x\r\n");
	typed_finish(r, c);
	c = fetch(r, IMAP4_BY_UID, "1:9", "FLAGS");
	rig_say(r, "* OK [INPROGRESS (\"$3\" 1 2)] x\r\n$3 OK x\r\n");
	typed_finish(r, c);
}

#define NO_NUMBERS(verb)                                                                           \
	"IMAP4_E_STATE " verb " failed: message numbers are not used once UIDONLY is enabled\n"
#define TELLS(args, text) "unasked * OK [INPROGRESS" args "] " text "\n"

static const struct typed_row rows[] = {
	{TYPED_ROW(only_uids), {.caps = "UIDONLY"},
		"$2 UID FETCH 25900:26600 (FLAGS)\r\n$3 UID STORE 25996 +FLAGS (a)\r\n",
		"unasked * 9 EXISTS\nunasked * 7 UIDFETCH (FLAGS ())\nunasked * VANISHED 25998:25999\n"
		"  UIDFETCH seq=0 uid=25996 flags=\\Seen\n  UIDFETCH seq=0 uid=25997 flags=\\Flagged\n" DONE(
			"UID FETCH") "  UIDFETCH seq=0 uid=25996 flags=a\n" DONE("UID STORE") "exists 7\n"},
	{TYPED_ROW(message_numbers_are_refused), {.caps = "UIDONLY MOVE SORT THREAD=REFERENCES"},
		"$2 NOOP\r\n",
		DONE("NOOP") NO_NUMBERS("FETCH") NO_NUMBERS("STORE") NO_NUMBERS("COPY")
			NO_NUMBERS("MOVE") NO_NUMBERS("SEARCH") NO_NUMBERS("SEARCH")
				NO_NUMBERS("UID SEARCH") NO_NUMBERS("SORT") NO_NUMBERS("THREAD")},
	{TYPED_ROW(uid_required), {0}, "$2 FETCH 1 (FLAGS)\r\n",
		"1\nIMAP4_E_BAD FETCH was not understood by the server: Message numbers are not allowed\n"},
	{TYPED_ROW(progress_is_told), {0}, "$2 UID COPY 1:9 a\r\n",
		"progress of a command, tag $2, done 454, goal 1000\n" TELLS(" (\"$2\" 454 1000)",
			"Processed 454 of 1000") "progress of a command, tag $2, done 999\n" TELLS(" (\"$2\" 999 NIL)",
			"x") "progress of nothing, tag other, goal 5\n" TELLS(" (\"other\" NIL 5)",
			"x") "progress of nothing, tag \n" TELLS(" (NIL NIL NIL)",
			"x") "progress of nothing, tag \n" TELLS("",
			"x") "progress of nothing, tag \n" TELLS(" (\"",
			"x") "progress of a command, tag $2, goal 1\n" TELLS(" (\"$2\" 18446744073709551616 1)",
			"x") "progress of nothing, tag \n" TELLS(" ()",
			"x") "progress of nothing, tag $2, done 7, goal 9\n" TELLS(" (\"$2\" 7 9)",
			"x")},
	{TYPED_ROW(progress_of_a_part), {0}, "$2 EXAMINE a\r\n$3 UID FETCH 1:9 (FLAGS)\r\n",
		"progress of a command, tag $2, done 1, goal 2\n"
		"  OK code=40 atom=INPROGRESS args=(\"$2\" 1 2) text=x\n" DONE(
			"EXAMINE") "progress of a command, tag $3, done 1, goal 2\n" TELLS(" (\"$3\" 1 2)",
			"x") DONE("UID FETCH")},
};

Test(messagelimit, uidonly_and_inprogress, .timeout = 120)
{
	typed_check(rows, sizeof rows / sizeof rows[0]);
}

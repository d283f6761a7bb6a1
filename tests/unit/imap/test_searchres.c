/* SPDX-License-Identifier: MIT */
/*
 * test_searchres.c -- "$", the result that a SEARCH saves (RFC 5182), in everything that takes a set.
 *
 * The examples of the RFC are rows of the first table. Our lines differ from its lines in this: names that need no quotes have
 * none, and text in a query is always quoted; commands with message numbers are never pipelined, and what changes something
 * waits for the search it depends on.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/typed_log.h"

#define SEARCHRES "ESEARCH SEARCHRES"

static imap4_cmd *search(struct rig *r, imap4_query *q, imap4_query_opts o)
{
	o.struct_size = sizeof o;
	imap4_cmd *c = imap4_search_start(r->session, q, &o);
	imap4_query_free(q);
	return c;
}

#define BY_SEQ(...) ((imap4_query_opts){.by = IMAP4_BY_SEQ, __VA_ARGS__})
#define BY_UID(...) ((imap4_query_opts){.by = IMAP4_BY_UID, __VA_ARGS__})

/* "SINCE <day>-<month>-<year>", and with a name "NOT FROM <name>" */
static imap4_query *since(int year, int month, int day, const char *not_from)
{
	imap4_query *q = imap4_query_new(), *from = imap4_query_new();
	imap4_query_date(q, IMAP4_SINCE, year, month, day);
	if (not_from != NULL) {
		imap4_query_text(from, IMAP4_IN_FROM, typed_str(not_from));
		imap4_query_not(q, from);
	}
	imap4_query_free(from);
	return q;
}

static imap4_query *keyword(const char *flag)
{
	imap4_query *q = imap4_query_new();
	imap4_query_flag(q, typed_str(flag), 1);
	return q;
}

static imap4_cmd *fetch_saved(struct rig *r, int by, const char *items)
{
	return imap4_fetch_start(r->session, imap4_set_saved(), items,
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts), .by = by});
}

static imap4_cmd *copy_saved(struct rig *r, int by, const char *mailbox)
{
	return imap4_copy_start(r->session, imap4_set_saved(), typed_str(mailbox),
		&(imap4_copy_opts){.struct_size = sizeof(imap4_copy_opts), .by = by});
}

static imap4_cmd *delete_saved(struct rig *r, int by)
{
	imap4_str flag = typed_str("\\Deleted");
	return imap4_store_start(r->session, imap4_set_saved(), IMAP4_FLAGS_ADD, &flag, 1,
		&(imap4_store_opts){
			.struct_size = sizeof(imap4_store_opts), .by = by, .silent = 1});
}

/* ---- the examples of the RFC ------------------------------------------------------------------------ */

static void example_1(struct rig *r)
{
	typed_open(r);
	imap4_query *q = keyword("\\Flagged"), *date = since(1994, 2, 1, "Smith");
	imap4_query_and(q, date);
	imap4_query_free(date);
	imap4_cmd *a = search(r, q, BY_SEQ(.save = 1));
	imap4_cmd *b = fetch_saved(r, IMAP4_BY_SEQ, "UID INTERNALDATE FLAGS RFC822.HEADER");
	rig_say(r, "$2 OK SEARCH completed, result saved\r\n");
	rig_say(r,
		"* 2 FETCH (UID 14 FLAGS ())\r\n* 84 FETCH (UID 100 FLAGS ())\r\n"
		"* 882 FETCH (UID 1115 FLAGS ())\r\n$3 OK completed\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

static void example_3(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, since(2004, 1, 1, "Smith"), BY_SEQ(.save = 1));
	imap4_query *q = imap4_query_new();
	imap4_query_set(q, IMAP4_BY_UID, imap4_set_saved(), 0);
	imap4_query_size(q, 0, 4096);
	imap4_cmd *b = search(r, q, BY_UID(.plain = 1));
	rig_say(r, "$2 OK SEARCH completed\r\n");
	rig_say(r, "* SEARCH 17 900 901\r\n$3 OK completed\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

/* (OR $ 1,3000:3021) is written without the parentheses, which one condition does not need. */
static void example_4(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, since(1994, 2, 1, "Smith"), BY_SEQ(.save = 1));
	imap4_query *q = imap4_query_new(), *saved = imap4_query_new(), *more = imap4_query_new();
	imap4_set *set = typed_set("1,3000:3021");
	imap4_query_set(saved, IMAP4_BY_SEQ, imap4_set_saved(), 0);
	imap4_query_set(more, IMAP4_BY_SEQ, set, 0);
	imap4_query_or(q, saved, more);
	imap4_query_text(q, IMAP4_IN_TEXT, typed_str("YYYY\xc3\xa9YY"));
	typed_set_free(set);
	imap4_query_free(saved);
	imap4_query_free(more);
	imap4_cmd *b = search(r, q, BY_SEQ(.plain = 1));
	rig_say(r, "$2 OK SEARCH completed\r\n");
	rig_say(r, "+ go on\r\n");
	rig_say(r, "* SEARCH 882 1102 3003 3005 3006\r\n$3 OK completed\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

static void example_6(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, since(2006, 10, 28, "Eric"), BY_SEQ(.save = 1));
	imap4_cmd *b = copy_saved(r, IMAP4_BY_SEQ, "Other Messages");
	rig_say(r, "$2 OK SEARCH completed\r\n");
	rig_say(r, "$3 OK COPY completed, nothing copied\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

static void example_7(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("$Junk"), BY_SEQ(.save = 1));
	imap4_cmd *b = copy_saved(r, IMAP4_BY_SEQ, "Junk"), *c = delete_saved(r, IMAP4_BY_SEQ);
	rig_say(r, "$2 OK SEARCH completed\r\n");
	rig_say(r, "$3 OK COPY completed\r\n");
	rig_say(r, "$4 OK STORE completed\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

static void example_8(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("$Junk"), BY_SEQ(.save = 1));
	imap4_query *q = since(2006, 10, 28, NULL);
	imap4_query_text(q, IMAP4_IN_FROM, typed_str("Eric"));
	imap4_cmd *b = search(r, q, BY_SEQ(.wanted = IMAP4_WANT_ALL));
	rig_say(r, "$2 OK SEARCH completed\r\n");
	rig_say(r, "* ESEARCH (TAG \"$3\") ALL 3:15,27,29:103\r\n$3 OK SEARCH completed\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

/* The tags of the RFC's ESEARCH responses are wrong in its first command, and are ours here. */
static void example_10(struct rig *r)
{
	static const struct {
		bool save;
		uint32_t wanted;
		const char *data;
	} step[] = {
		{false, IMAP4_WANT_ALL, "* ESEARCH (TAG \"$2\") ALL 2,10:15,21\r\n$2 OK x\r\n"},
		{true, IMAP4_WANT_ALL, "* ESEARCH (TAG \"$3\") ALL 2,10:15,21\r\n$3 OK x\r\n"},
		{true, IMAP4_WANT_MIN, "* ESEARCH (TAG \"$4\") MIN 2\r\n$4 OK x\r\n"},
		{true, IMAP4_WANT_MAX | IMAP4_WANT_MIN,
			"* ESEARCH (TAG \"$5\") MIN 2 MAX 21\r\n$5 OK x\r\n"},
		{true, IMAP4_WANT_MAX | IMAP4_WANT_MIN | IMAP4_WANT_COUNT,
			"* ESEARCH (TAG \"$6\") MIN 2 MAX 21 COUNT 8\r\n$6 OK x\r\n"},
		{true, IMAP4_WANT_ALL | IMAP4_WANT_MIN,
			"* ESEARCH (TAG \"$7\") MIN 2 ALL 2,10:15,21\r\n$7 OK x\r\n"},
	};
	typed_open(r);
	for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
		imap4_cmd *c = search(r, keyword("\\Seen"),
			BY_SEQ(.save = step[i].save, .wanted = step[i].wanted));
		rig_say(r, step[i].data);
		typed_finish(r, c);
	}
}

#define NOT_SMITH  "NOT FROM \"Smith\""
#define DONE(verb) "IMAP4_OK " verb " succeeded\n"
#define SAVED	   "numbers\nIMAP4_OK SEARCH succeeded\n"

static const struct typed_row rfc_rows[] = {
	/* example 2 is the same, pipelined */
	{TYPED_ROW(example_1), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (SAVE) FLAGGED (SINCE 1-Feb-1994 " NOT_SMITH ")\r\n"
		"$3 FETCH $ (UID INTERNALDATE FLAGS RFC822.HEADER)\r\n",
		SAVED "  FETCH seq=2 uid=14 flags=\n  FETCH seq=84 uid=100 flags=\n"
		      "  FETCH seq=882 uid=1115 flags=\n" DONE("FETCH")},
	{TYPED_ROW(example_3), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (SAVE) SINCE 1-Jan-2004 " NOT_SMITH "\r\n"
		"$3 UID SEARCH UID $ SMALLER 4096\r\n",
		SAVED "numbers uid min=17 max=901 count=3 all=17,900:901\n" DONE("UID SEARCH")},
	{TYPED_ROW(example_4), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (SAVE) SINCE 1-Feb-1994 " NOT_SMITH "\r\n"
		"$3 SEARCH CHARSET UTF-8 OR $ 1,3000:3021 TEXT {8}\r\nYYYY\xc3\xa9YY\r\n",
		SAVED
		"numbers min=882 max=3006 count=5 all=882,1102,3003,3005:3006\n" DONE("SEARCH")},
	{TYPED_ROW(example_6), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (SAVE) SINCE 28-Oct-2006 NOT FROM \"Eric\"\r\n"
		"$3 COPY $ \"Other Messages\"\r\n",
		SAVED DONE("COPY")},
	{TYPED_ROW(example_7), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (SAVE) KEYWORD $Junk\r\n$3 COPY $ Junk\r\n"
		"$4 STORE $ +FLAGS.SILENT (\\Deleted)\r\n",
		SAVED DONE("COPY") DONE("STORE")},
	{TYPED_ROW(example_8), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (SAVE) KEYWORD $Junk\r\n"
		"$3 SEARCH RETURN (ALL) SINCE 28-Oct-2006 FROM \"Eric\"\r\n",
		SAVED "numbers min=3 max=103 count=89 all=3:15,27,29:103\n" DONE("SEARCH")},
	{TYPED_ROW(example_10), {.caps = SEARCHRES},
		"$2 SEARCH RETURN (ALL) SEEN\r\n$3 SEARCH RETURN (SAVE ALL) SEEN\r\n"
		"$4 SEARCH RETURN (SAVE MIN) SEEN\r\n$5 SEARCH RETURN (SAVE MIN MAX) SEEN\r\n"
		"$6 SEARCH RETURN (SAVE MIN MAX COUNT) SEEN\r\n"
		"$7 SEARCH RETURN (SAVE MIN ALL) SEEN\r\n",
		"numbers min=2 max=21 count=8 all=2,10:15,21\n" DONE("SEARCH") "numbers min=2 max=21 count=8 all=2,10:15,21\n" DONE("SEARCH") "numbers min=2\n" DONE(
			"SEARCH") "numbers min=2 max=21\n" DONE("SEARCH") "numbers min=2 max=21 count=8\n" DONE("SEARCH") "numbers min=2 max=21 count=8 all=2,10:15,21\n" DONE("SEARCH")},
};

/* ---- pipelining ------------------------------------------------------------------------------------- */

/* What reads goes out behind the search; what changes something waits; another search that saves waits for all. */
static void who_waits(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c[] = {search(r, keyword("a"), BY_UID(.save = 1)),
		fetch_saved(r, IMAP4_BY_UID, "FLAGS"), delete_saved(r, IMAP4_BY_UID),
		search(r, keyword("b"), BY_UID(.save = 1))};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$2 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 1 FETCH (UID 7 FLAGS ())\r\n$3 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$4 OK x\r\n");
	rig_say(r, "$5 OK x\r\n");
	for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
		typed_finish(r, c[i]);
}

/* After NO "$" is empty, after BAD it is what it was before (section 2.1): nothing may be done with it. */
static void refused_with(struct rig *r, const char *answer)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_say(r, "$2 OK x\r\n");
	imap4_cmd *b = search(r, keyword("b"), BY_UID(.save = 1));
	imap4_cmd *c = delete_saved(r, IMAP4_BY_UID), *d = copy_saved(r, IMAP4_BY_UID, "x");
	rig_say(r, answer);
	typed_finish(r, a);
	rig_logf(r, "notsaved %d\n", imap4_cmd_result(b)->code == IMAP4_CODE_NOTSAVED);
	typed_finish(r, b);
	typed_finish(r, c);
	typed_finish(r, d);
}
static void after_no(struct rig *r)
{
	refused_with(r, "$3 NO [NOTSAVED] x\r\n");
}
static void after_bad(struct rig *r)
{
	refused_with(r, "$3 BAD x\r\n");
}

/* One that fails before it is sent must not leave the result of the one before in its place. */
static void after_one_that_was_not_sent(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_say(r, "$2 OK x\r\n");
	imap4_query *q = imap4_query_new();
	imap4_query_age(q, 1, 5);
	imap4_cmd *b = search(r, q, BY_UID(.save = 1)), *c = delete_saved(r, IMAP4_BY_UID);
	rig_pump(r);
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

/* To ask for another one does nothing to the result that is still to be used. */
static void a_queued_search_leaves_it_alone(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_say(r, "$2 OK x\r\n");
	imap4_cmd *b = delete_saved(r, IMAP4_BY_UID),
		  *c = search(r, keyword("b"), BY_UID(.save = 1));
	rig_say(r, "$3 OK x\r\n");
	rig_say(r, "$4 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

static void nothing_is_saved_in_a_new_mailbox(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_say(r, "$2 OK x\r\n");
	imap4_cmd *b = imap4_select_start(r->session, typed_str("y"), NULL);
	imap4_cmd *c = fetch_saved(r, IMAP4_BY_UID, "FLAGS");
	rig_say(r, "$3 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

/* Nobody knows which messages "$" names, so no other FETCH is in flight with it. */
static void it_fetches_alone(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_say(r, "$2 OK x\r\n");
	imap4_set *set = typed_set("1:9");
	imap4_cmd *b = fetch_saved(r, IMAP4_BY_UID, "FLAGS");
	imap4_cmd *c = imap4_fetch_start(r->session, set, "FLAGS",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID});
	typed_set_free(set);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 5 FETCH (UID 5 FLAGS ())\r\n$3 OK x\r\n");
	rig_say(r, "* 6 FETCH (UID 6 FLAGS ())\r\n$4 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

static void everything_that_takes_a_set(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_say(r, "$2 OK x\r\n");
	imap4_cmd *b = imap4_move_start(r->session, imap4_set_saved(), typed_str("m"),
		&(imap4_copy_opts){.struct_size = sizeof(imap4_copy_opts), .by = IMAP4_BY_UID});
	rig_say(r, "* 5 EXPUNGE\r\n$3 OK x\r\n");
	imap4_cmd *c = imap4_uid_expunge_start(r->session, imap4_set_saved(), 0);
	rig_say(r, "$4 OK x\r\n");
	imap4_cmd *d = imap4_search_set_start(r->session, imap4_set_saved(),
		&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	rig_say(r, "* ESEARCH (TAG \"$5\") UID ALL 4\r\n$5 OK x\r\n");
	imap4_cmd *f = delete_saved(r, IMAP4_BY_UID);
	rig_say(r, "* 9 FETCH (UID 9 MODSEQ (5))\r\n$6 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
	typed_finish(r, d);
	typed_finish(r, f);
}

static void refused_here(struct rig *r)
{
	typed_open(r);
	rig_finish(r,
		imap4_fetch_start(r->session, imap4_set_saved(), "FLAGS",
			&(imap4_fetch_opts){
				.struct_size = sizeof(imap4_fetch_opts), .open_from = 5}));
	imap4_query *q = imap4_query_new();
	rig_logf(r, "%s\n", imap4_err_name(imap4_query_set(q, IMAP4_BY_UID, imap4_set_saved(), 5)));
	imap4_query_free(q);
	rig_finish(r, search(r, NULL, BY_UID(.save = 1, .plain = 1)));
	static const int key = IMAP4_SORT_DATE;
	const imap4_query_opts o = {.struct_size = sizeof o, .save = 1};
	rig_finish(r, imap4_sort_start(r->session, &key, 1, NULL, &o));
	rig_finish(r, imap4_thread_start(r->session, "REFERENCES", NULL, &o));
}

static void not_offered(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	imap4_cmd *b = fetch_saved(r, IMAP4_BY_UID, "FLAGS"), *c = delete_saved(r, IMAP4_BY_UID);
	imap4_query *q = imap4_query_new();
	imap4_query_set(q, IMAP4_BY_UID, imap4_set_saved(), 0);
	imap4_cmd *d = search(r, q, BY_UID(.plain = 0));
	rig_pump(r);
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
	typed_finish(r, d);
}

static void backup_may_save(struct rig *r)
{
	typed_open(r);
	imap4_cmd *a = search(r, keyword("a"), BY_UID(.save = 1));
	rig_finish(r, delete_saved(r, IMAP4_BY_UID));
	imap4_cmd *b = fetch_saved(r, IMAP4_BY_UID, "FLAGS");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

#define USAVED	    "numbers uid\nIMAP4_OK UID SEARCH succeeded\n"
#define NONE(verb)  "IMAP4_E_STATE " verb " failed: no result of a search is saved\n"
#define NOCAP(verb) "IMAP4_E_NOCAP " verb " failed: the server does not offer SEARCHRES\n"

static const struct typed_row rows[] = {
	{TYPED_ROW(who_waits), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID FETCH $ (FLAGS)\r\n"
		"$4 UID STORE $ +FLAGS.SILENT (\\Deleted)\r\n$5 UID SEARCH RETURN (SAVE) KEYWORD b\r\n",
		"in flight 2\nin flight 1\nin flight 1\n" USAVED
		"  FETCH seq=1 uid=7 flags=\n" DONE("UID FETCH") DONE("UID STORE") USAVED},
	{TYPED_ROW(after_no), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID SEARCH RETURN (SAVE) KEYWORD b\r\n",
		USAVED "notsaved 1\nIMAP4_E_NO UID SEARCH was refused: x\n" NONE("UID STORE")
			NONE("UID COPY")},
	{TYPED_ROW(after_bad), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID SEARCH RETURN (SAVE) KEYWORD b\r\n",
		USAVED
		"notsaved 0\nIMAP4_E_BAD UID SEARCH was not understood by the server: x\n" NONE(
			"UID STORE") NONE("UID COPY")},
	{TYPED_ROW(after_one_that_was_not_sent), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n",
		USAVED "IMAP4_E_NOCAP UID SEARCH failed: the server does not offer WITHIN\n" NONE(
			"UID STORE")},
	{TYPED_ROW(a_queued_search_leaves_it_alone), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID STORE $ +FLAGS.SILENT (\\Deleted)\r\n"
		"$4 UID SEARCH RETURN (SAVE) KEYWORD b\r\n",
		USAVED DONE("UID STORE") USAVED},
	{TYPED_ROW(nothing_is_saved_in_a_new_mailbox), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 EXAMINE y\r\n",
		USAVED DONE("EXAMINE") NONE("UID FETCH")},
	{TYPED_ROW(it_fetches_alone), {.caps = SEARCHRES},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID FETCH $ (FLAGS)\r\n"
		"$4 UID FETCH 1:9 (FLAGS)\r\n",
		"in flight 1\n" USAVED "  FETCH seq=5 uid=5 flags=\n" DONE(
			"UID FETCH") "  FETCH seq=6 uid=6 flags=\n" DONE("UID FETCH")},
	{TYPED_ROW(everything_that_takes_a_set), {.caps = "IMAP4rev2"},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID MOVE $ m\r\n$4 UID EXPUNGE $\r\n"
		"$5 UID SEARCH RETURN (ALL) UID $\r\n$6 UID STORE $ +FLAGS.SILENT (\\Deleted)\r\n",
		USAVED "  EXPUNGE 5\n" DONE("UID MOVE")
			DONE("UID EXPUNGE") "numbers uid min=4 max=4 count=1 all=4\n" DONE(
				"UID SEARCH") "  FETCH seq=9 uid=9 modseq=5\n" DONE("UID STORE")},
	{TYPED_ROW(refused_here), {.caps = SEARCHRES}, "",
		"not started IMAP4_E_ARG: FETCH: a saved result stands alone\nIMAP4_E_ARG\n"
		"not started IMAP4_E_ARG: UID SEARCH: a plain one has no options\n"
		"not started IMAP4_E_ARG: SORT: only a SEARCH can be saved\n"
		"not started IMAP4_E_ARG: THREAD: only a SEARCH can be saved\n"},
	{TYPED_ROW(not_offered), {.caps = "ESEARCH"}, "",
		NOCAP("UID SEARCH") NOCAP("UID FETCH") NOCAP("UID STORE") NOCAP("UID SEARCH")},
	{TYPED_ROW(backup_may_save), {.caps = SEARCHRES, .policy = IMAP4_POLICY_BACKUP},
		"$2 UID SEARCH RETURN (SAVE) KEYWORD a\r\n$3 UID FETCH $ (FLAGS)\r\n",
		"not started IMAP4_E_POLICY: UID STORE may change the mailbox: not during a backup\n" USAVED
			DONE("UID FETCH")},
};

Test(searchres, examples_of_rfc_5182, .timeout = 120)
{
	typed_check(rfc_rows, sizeof rfc_rows / sizeof rfc_rows[0]);
}

Test(searchres, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	typed_check(rows, sizeof rows / sizeof rows[0]);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_fetch_items.c -- FETCH items of extensions: whose the answer is, what it says, what the server must offer. The FETCH
 * examples of RFC 8970 section 3.2 and 5, RFC 8514 section 4.2, RFC 8474, RFC 3516 (which has none) and of Gmail,
 * STATUS and LIST of RFC 7889 section 3, STORE of Gmail's labels.
 *
 * The RFCs write one item in parentheses or without, and their verbs in either case; here it is always the list and upper case.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_util.h"
#include "tests/support/engine_rig.h"
#include "tests/support/resp_dump.h"

struct row {
	const char *name;
	struct rig_options o;
	const char *set, *items;
	bool by_uid;
	const char *server, *sent, *log;
};

/* The row being played. */
static const struct row *now;

/* Its responses as typed values, then its outcome. */
static void finish(struct rig *r, imap4_cmd *c)
{
	const imap4_data *d;
	while (c != NULL && (d = imap4_cmd_next(c)) != NULL) {
		struct buf line = BUF_INIT(1 << 16);
		resp_dump(&line, d);
		rig_logf(r, "%s\n", buf_str(&line));
		buf_release(&line);
	}
	rig_finish(r, c);
}

static imap4_set *set_of(const char *text)
{
	imap4_set *s = imap4_set_new();
	cr_assert_eq(imap4_set_parse(s, text), IMAP4_OK);
	return s;
}

static void fetch(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_set *set = set_of(now->set);
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = now->by_uid};
	imap4_cmd *c = imap4_fetch_start(r->session, set, now->items, &o);
	imap4_set_free(set);
	rig_say(r, now->server);
	rig_pump(r);
	finish(r, c);
}

#define LOREM                                                                                      \
	"Lorem ipsum dolor sit amet, consectetur adipiscing elit.\r\n"                             \
	"Curabitur aliquam turpis et ante dictum, et pulvinar dui congue.\r\n"                     \
	"Maecenas hendrerit, lorem non imperdiet pellentesque, nulla\r\nligula nullam\r\n"
#define OK "$1 OK Fetch completed.\r\n"
#define LACKS(what)                                                                                \
	.server = "", .sent = "",                                                                  \
	.log = "IMAP4_E_NOCAP FETCH failed: the server does not offer " what "\n"

static const struct row rows[] = {
	{"RFC 8970 3.2", {.caps = "PREVIEW"}, "1", "PREVIEW",
		.server = "* 1 FETCH (PREVIEW \"Preview text!\")\r\n" OK,
		.sent = "$1 FETCH 1 (PREVIEW)\r\n",
		.log = "FETCH seq=1 preview=Preview text!\nIMAP4_OK FETCH succeeded\n"},
	{"RFC 8970 example 1", {.caps = "PREVIEW"}, "1", "RFC822.SIZE PREVIEW",
		.server = "* 1 FETCH (RFC822.SIZE 5647 PREVIEW {200}\r\n" LOREM ")\r\n" OK,
		.sent = "$1 FETCH 1 (RFC822.SIZE PREVIEW)\r\n",
		.log = "FETCH seq=1 size=5647 preview=" LOREM "\nIMAP4_OK FETCH succeeded\n"},
	/* the envelopes are cut short there */
	{"RFC 8970 example 2", {.caps = "PREVIEW"}, "1:4", "ENVELOPE PREVIEW (LAZY)",
		.server =
			"* 1 FETCH (ENVELOPE (\"Wed, 23 Sep 2020 15:03:11 +0000\")"
			" PREVIEW \"Preview text for message 1.\")\r\n"
			"* 2 FETCH (PREVIEW \"\" ENVELOPE (\"Thu, 24 Sep 2020 12:17:23 +0000\"))\r\n"
			"* 3 FETCH (ENVELOPE (\"Fri, 25 Sep 2020 09:13:45 +0000\") PREVIEW NIL)\r\n"
			"* 4 FETCH (ENVELOPE (\"Sat, 26 Sep 2020 07:11:18 +0000\") PREVIEW NIL)\r\n" OK,
		.sent = "$1 FETCH 1:4 (ENVELOPE PREVIEW (LAZY))\r\n",
		.log = "FETCH seq=1 preview=Preview text for message 1.\nFETCH seq=2 preview=\n"
		       "FETCH seq=3 preview=NIL\nFETCH seq=4 preview=NIL\nIMAP4_OK FETCH succeeded\n"},
	{"RFC 8970 example 2, the rest", {.caps = "PREVIEW"}, "3:4", "(PREVIEW)",
		.server = "* 3 FETCH (PREVIEW {30}\r\nMessage data from message 3.\r\n)\r\n"
			  "* 4 FETCH (PREVIEW \"Message 4 preview\")\r\n" OK,
		.sent = "$1 FETCH 3:4 (PREVIEW)\r\n",
		.log = "FETCH seq=3 preview=Message data from message 3.\r\n\n"
		       "FETCH seq=4 preview=Message 4 preview\nIMAP4_OK FETCH succeeded\n"},
	/* "$" is a saved result there */
	{"RFC 8970 example 3", {.caps = "PREVIEW"}, "5,9", "UID PREVIEW (LAZY)",
		.server = "* 5 FETCH (UID 13 PREVIEW \"Preview!\")\r\n"
			  "* 9 FETCH (UID 23 PREVIEW NIL)\r\n" OK,
		.sent = "$1 FETCH 5,9 (UID PREVIEW (LAZY))\r\n",
		.log = "FETCH seq=5 uid=13 preview=Preview!\nFETCH seq=9 uid=23 preview=NIL\n"
		       "IMAP4_OK FETCH succeeded\n"},
	{"RFC 8970 example 3, the rest", {.caps = "PREVIEW"}, "23", "(PREVIEW)", .by_uid = true,
		.server = "* 9 FETCH (UID 23 PREVIEW \"Another preview!\")\r\n" OK,
		.sent = "$1 UID FETCH 23 (PREVIEW)\r\n",
		.log = "FETCH seq=9 uid=23 preview=Another preview!\nIMAP4_OK UID FETCH succeeded\n"},
	{"RFC 8514 4.2", {.caps = "SAVEDATE"}, "998", "(SAVEDATE)",
		.server = "* 998 FETCH (SAVEDATE \"01-Jan-2015 18:50:53 +0100\")\r\n" OK,
		.sent = "$1 FETCH 998 (SAVEDATE)\r\n",
		.log = "FETCH seq=998 savedate=01-Jan-2015 18:50:53 +0100\nIMAP4_OK FETCH succeeded\n"},
	/* "1:*" there */
	{"RFC 8474 5.3", {.caps = "OBJECTID"}, "1:3", "EMAILID THREADID",
		.server = "* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))\r\n"
			  "* 2 FETCH (EMAILID (M288836c4c7a762) THREADID (T64b478a75b7ea9))\r\n"
			  "* 3 FETCH (EMAILID (M5fdc09b49ea703) THREADID (T11863d02dd95b5))\r\n" OK,
		.sent = "$1 FETCH 1:3 (EMAILID THREADID)\r\n",
		.log = "FETCH seq=1 emailid=M6d99ac3275bb4e threadid=T64b478a75b7ea9\n"
		       "FETCH seq=2 emailid=M288836c4c7a762 threadid=T64b478a75b7ea9\n"
		       "FETCH seq=3 emailid=M5fdc09b49ea703 threadid=T11863d02dd95b5\n"
		       "IMAP4_OK FETCH succeeded\n"},
	{"RFC 8474 5.3 without threads", {.caps = "OBJECTID"}, "1:2", "EMAILID THREADID",
		.server = "* 1 FETCH (EMAILID (M00000001) THREADID NIL)\r\n"
			  "* 2 FETCH (EMAILID (M00000002) THREADID NIL)\r\n" OK,
		.sent = "$1 FETCH 1:2 (EMAILID THREADID)\r\n",
		.log = "FETCH seq=1 emailid=M00000001\nFETCH seq=2 emailid=M00000002\n"
		       "IMAP4_OK FETCH succeeded\n"},
	{"Gmail's ids and labels", {.caps = "X-GM-EXT-1"}, "1:4",
		"X-GM-MSGID X-GM-THRID X-GM-LABELS",
		.server =
			"* 1 FETCH (X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888)\r\n"
			"* 2 FETCH (X-GM-LABELS (\\Inbox \\Sent Important \"Muy Importante\"))\r\n"
			"* 4 FETCH (X-GM-LABELS ())\r\n" OK,
		.sent = "$1 FETCH 1:4 (X-GM-MSGID X-GM-THRID X-GM-LABELS)\r\n",
		.log = "FETCH seq=1 emailid=1278455344230334865 threadid=1266894439832287888 "
		       "gm-msgid=1278455344230334865 gm-thrid=1266894439832287888\n"
		       "FETCH seq=2 labels=\\Inbox,\\Sent,Important,Muy Importante\n"
		       "FETCH seq=4 labels=\nIMAP4_OK FETCH succeeded\n"},
	{"BINARY", {.caps = "BINARY"}, "7", "BINARY.PEEK[1.2]<0.9>", .by_uid = true,
		.server = "* 1 FETCH (UID 7 BINARY[1.2]<0> ~{5}\r\na\r\nb) FLAGS ())\r\n" OK,
		.sent = "$1 UID FETCH 7 (BINARY.PEEK[1.2]<0.9>)\r\n",
		.log = "FETCH seq=1 uid=7 flags= body section=1.2\nIMAP4_OK UID FETCH succeeded\n"},
	{"BINARY is part of IMAP4rev2", {.caps = "IMAP4rev2"}, "1", "BINARY[]",
		.server = "* 1 FETCH (BINARY[] \"x\")\r\n* 1 FETCH (BINARY[] NIL)\r\n"
			  "$1 NO [UNKNOWN-CTE] x\r\n",
		.sent = "$1 FETCH 1 (BINARY[])\r\n",
		.log = "FETCH seq=1 body section=\nFETCH seq=1 body-nil section=\n"
		       "IMAP4_E_NO FETCH was refused: x\n"},
	{"BINARY.SIZE", {.caps = "BINARY"}, "1:2", "BINARY.SIZE[1.2]",
		.server = "* 1 FETCH (BINARY.SIZE[1.2] 4294967296)\r\n* 1 FETCH (FLAGS ())\r\n"
			  "* 3 FETCH (BINARY.SIZE[1.2] 5)\r\n$1 BAD x\r\n",
		.sent = "$1 FETCH 1:2 (BINARY.SIZE[1.2])\r\n",
		.log = "unasked * 1 FETCH (FLAGS ())\nunasked * 3 FETCH (BINARY.SIZE[1.2] 5)\n"
		       "FETCH seq=1\nIMAP4_E_BAD FETCH was not understood by the server: x\n"},
	{"a number of 64 bits", {.caps = "IMAP4rev2"}, "1", "BODY.PEEK[]<4294967296.1>",
		.server = "* 1 FETCH (BODY[]<4294967296> \"x\")\r\n" OK,
		.sent = "$1 FETCH 1 (BODY.PEEK[]<4294967296.1>)\r\n",
		.log = "FETCH seq=1 body section=\nIMAP4_OK FETCH succeeded\n"},
	/* RFC 9051 section 6.4.5, whose answers are left out there */
	{"RFC 9051 6.4.5", {.caps = ""}, "2:4", "FLAGS BODY[HEADER.FIELDS (DATE FROM)]",
		.server =
			"* 2 FETCH (FLAGS () BODY[HEADER.FIELDS (DATE FROM)] {4}\r\n\r\n\r\n)\r\n" OK,
		.sent = "$1 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])\r\n",
		.log = "FETCH seq=2 flags= body section=HEADER.FIELDS (DATE FROM)\n"
		       "IMAP4_OK FETCH succeeded\n"},
	{"a macro", {.caps = ""}, "1", "full",
		.server =
			"* 1 FETCH (FLAGS () INTERNALDATE \"d\" RFC822.SIZE 5 ENVELOPE NIL BODY NIL)\r\n" OK,
		.sent = "$1 FETCH 1 FULL\r\n",
		.log = "FETCH seq=1 flags= date=d size=5\nIMAP4_OK FETCH succeeded\n"},
	{"a backup reads all of them",
		{.caps = "BINARY PREVIEW SAVEDATE X-GM-EXT-1 OBJECTID",
			.policy = IMAP4_POLICY_BACKUP},
		"1", "BINARY.PEEK[] BINARY.SIZE[] PREVIEW SAVEDATE X-GM-LABELS EMAILID",
		.server = OK,
		.sent = "$1 FETCH 1 (BINARY.PEEK[] BINARY.SIZE[] PREVIEW SAVEDATE X-GM-LABELS EMAILID)\r\n",
		.log = "IMAP4_OK FETCH succeeded\n"},
	{"a backup marks nothing as read", {.caps = "BINARY", .policy = IMAP4_POLICY_BACKUP}, "1",
		"BINARY[1]", .server = "", .sent = "",
		.log = "not started IMAP4_E_ARG: FETCH: FETCH items: an item would mark messages as read\n"},
	{"no BINARY", {.caps = ""}, "1", "BINARY.SIZE[1]", LACKS("BINARY")},
	{"no PREVIEW", {.caps = "IMAP4rev2"}, "1", "UID PREVIEW", LACKS("PREVIEW")},
	{"no SAVEDATE", {.caps = "IMAP4rev2"}, "1", "SAVEDATE", LACKS("SAVEDATE")},
	{"no OBJECTID", {.caps = "X-GM-EXT-1"}, "1", "THREADID", LACKS("OBJECTID")},
	{"no Gmail", {.caps = "OBJECTID"}, "1", "X-GM-LABELS", LACKS("X-GM-EXT-1")},
	{"no 64 bits", {.caps = ""}, "1", "BODY[]<0.4294967296>", LACKS("IMAP4rev2")},
};

Test(fetch_items, answers_are_understood_however_they_are_cut)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		now = &rows[i];
		char *why = rig_check(&now->o, fetch, now->sent, now->log);
		cr_expect_null(why, "%s: %s", now->name, why);
		free(why);
	}
}

static void to_a_sink(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	struct rig_sink sink;
	rig_sink_init(&sink, r);
	imap4_set *set = set_of("7");
	const imap4_fetch_opts o = {
		.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &sink.sink};
	imap4_cmd *c = imap4_fetch_start(r->session, set, "BINARY.PEEK[1] BINARY.SIZE[1]", &o);
	imap4_set_free(set);
	rig_say(r, "* 1 FETCH (UID 7 BINARY.SIZE[1] 3 BINARY[1] ~{3}\r\na\nb)\r\n");
	rig_say(r, "* 2 FETCH (UID 7 BINARY[1] \"x\")\r\n$1 OK x\r\n");
	rig_finish(r, c);
}

Test(fetch_items, binary_goes_to_the_sink)
{
	char *why = rig_check(&(struct rig_options){.caps = "BINARY"}, to_a_sink,
		"$1 UID FETCH 7 (BINARY.PEEK[1] BINARY.SIZE[1])\r\n",
		"begin uid=7 section=1 size=3\nend 1 [a\nb]\ndone uid=7 body=1 nil=0\n"
		"begin uid=7 section=1 size=1\nend 1 [x]\ndone uid=7 body=1 nil=0\n"
		"IMAP4_OK UID FETCH succeeded\n");
	cr_expect_null(why, "%s", why);
	free(why);
}

/* ---- labels ------------------------------------------------------------------------------------------- */

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static imap4_cmd *label(
	struct rig *r, int how, const char *text, size_t n, const imap4_store_opts *o)
{
	const imap4_str labels[] = {str(text), str("\\Inbox")};
	imap4_set *set = set_of("1");
	imap4_cmd *c = imap4_store_labels_start(r->session, set, how, labels, n, o);
	imap4_set_free(set);
	return c;
}

static void store_labels(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	const imap4_store_opts uid = {.struct_size = sizeof uid, .by = IMAP4_BY_UID};
	const imap4_store_opts quiet = {
		.struct_size = sizeof quiet, .by = IMAP4_BY_UID, .silent = 1};
	/* Gmail's own example */
	imap4_cmd *c = label(r, IMAP4_FLAGS_ADD, "foo", 1, NULL);
	rig_say(r, "* 1 FETCH (X-GM-LABELS (\\Inbox \\Sent foo))\r\n$1 OK STORE (Success)\r\n");
	finish(r, c);
	c = label(r, IMAP4_FLAGS_REMOVE, "a \xe5\x8f\xb0", 2, &uid);
	rig_say(r,
		"* 1 FETCH (UID 1 FLAGS ())\r\n* 1 FETCH (UID 1 X-GM-LABELS () RFC822.SIZE 5)\r\n"
		"* 2 FETCH (UID 2 X-GM-LABELS ())\r\n$2 OK x\r\n");
	finish(r, c);
	c = label(r, IMAP4_FLAGS_REPLACE, "", 0, &quiet);
	rig_say(r, "* 1 FETCH (UID 1 X-GM-LABELS (x))\r\n$3 NO x\r\n");
	finish(r, c);
}

static void wrong_labels(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	static char name[IMAP_MAILBOX_MAX + 2];
	memset(name, 'a', sizeof name - 1);
	finish(r, label(r, IMAP4_FLAGS_ADD, "", 1, NULL));
	finish(r, label(r, IMAP4_FLAGS_ADD, "\xff", 1, NULL));
	finish(r, label(r, IMAP4_FLAGS_ADD, "\\a b", 1, NULL));
	finish(r, label(r, IMAP4_FLAGS_ADD, name, 1, NULL));
	finish(r, label(r, IMAP4_FLAGS_ADD, "a", 0, NULL));
	imap4_cmd *c = label(r, IMAP4_FLAGS_ADD, "a", 1, NULL);
	rig_pump(r);
	finish(r, c);
}

#define REFUSED "not started IMAP4_E_ARG: STORE: "

Test(fetch_items, labels_are_stored_as_mailbox_names)
{
	char *why = rig_check(&(struct rig_options){.caps = "X-GM-EXT-1"}, store_labels,
		"$1 STORE 1 +X-GM-LABELS (foo)\r\n$2 UID STORE 1 -X-GM-LABELS (\"a &U,A-\" \\Inbox)\r\n"
		"$3 UID STORE 1 X-GM-LABELS.SILENT ()\r\n",
		"FETCH seq=1 labels=\\Inbox,\\Sent,foo\nIMAP4_OK STORE succeeded\n"
		"unasked * 1 FETCH (UID 1 X-GM-LABELS () RFC822.SIZE 5)\n"
		"unasked * 2 FETCH (UID 2 X-GM-LABELS ())\nFETCH seq=1 uid=1 flags=\n"
		"IMAP4_OK UID STORE succeeded\nunasked * 1 FETCH (UID 1 X-GM-LABELS (x))\n"
		"IMAP4_E_NO UID STORE was refused: x\n");
	cr_expect_null(why, "%s", why);
	free(why);
	why = rig_check(&(struct rig_options){0}, wrong_labels, "",
		REFUSED
		"a label is empty, too long or no UTF-8\n" REFUSED
		"a label is empty, too long or no UTF-8\n" REFUSED
		"a name has characters that cannot be sent\n" REFUSED
		"a label is empty, too long or no UTF-8\n" REFUSED
		"no labels\nIMAP4_E_NOCAP STORE failed: the server does not offer X-GM-EXT-1\n");
	cr_expect_null(why, "%s", why);
	free(why);
	struct rig *r = rig_new(&(struct rig_options){.policy = IMAP4_POLICY_BACKUP}, 0);
	cr_expect_null(label(r, IMAP4_FLAGS_ADD, "a", 1, NULL));
	cr_expect_eq(rig_last(r), IMAP4_E_POLICY);
	rig_free(r);
}

Test(fetch_items, labels_that_were_not_asked_for_are_no_answer_to_a_store)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	engine_set_state(r->engine, IMAP4_SELECTED);
	const imap4_str flag = str("a");
	imap4_set *set = set_of("1");
	imap4_cmd *c = imap4_store_start(r->session, set, IMAP4_FLAGS_ADD, &flag, 1, NULL);
	rig_say(r, "* 1 FETCH (FLAGS (a) X-GM-LABELS (x))\r\n$1 OK x\r\n");
	cr_expect_null(imap4_cmd_next(c));
	imap4_set_free(set);
	rig_free(r);
}

Test(fetch_items, a_message_may_say_nothing_about_labels)
{
	static const struct {
		const char *line;
		imap4_err err;
		size_t n;
	} row[] = {
		{"* 1 FETCH (FLAGS ())\r\n$1 OK x\r\n", IMAP4_E_ARG, 0},
		{"* 1 FETCH (X-GM-LABELS ())\r\n$1 OK x\r\n", IMAP4_OK, 0},
		{"* 1 FETCH (X-GM-LABELS (a b))\r\n$1 OK x\r\n", IMAP4_OK, 2},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = "X-GM-EXT-1"}, 0);
		engine_set_state(r->engine, IMAP4_SELECTED);
		imap4_set *set = set_of("1");
		imap4_cmd *c = imap4_fetch_start(r->session, set, "FLAGS X-GM-LABELS", NULL);
		rig_say(r, row[i].line);
		char **label;
		size_t n;
		const imap4_data *d = imap4_cmd_next(c);
		cr_assert_not_null(d);
		cr_expect_eq(imap4_message_labels(imap4_data_message(d), &label, &n), row[i].err);
		cr_expect_eq(n, row[i].n);
		cr_expect(
			row[i].err == IMAP4_OK ? label != NULL && label[n] == NULL : label == NULL);
		free(label);
		imap4_set_free(set);
		rig_free(r);
	}
}

/* ---- RFC 8474: mailboxes -------------------------------------------------------------------------------- */

static void log_code(struct rig *r, imap4_cmd *c)
{
	const imap4_result *res = imap4_cmd_result(c);
	rig_logf(r, "mailboxid %d %s\n", res->code == IMAP4_CODE_MAILBOXID,
		res->code_args.ptr != NULL ? res->code_args.ptr : "-");
	finish(r, c);
}

/* sections 4.1 and 4.3 */
static void ids_of_mailboxes(struct rig *r)
{
	imap4_cmd *c[6] = {imap4_create_start(r->session, str("foo"), NULL),
		imap4_create_start(r->session, str("foo"), NULL),
		imap4_status_start(r->session, str("foo"), IMAP4_ST_MAILBOXID),
		imap4_rename_start(r->session, str("foo"), str("renamed")),
		imap4_status_start(r->session, str("renamed"), IMAP4_ST_MAILBOXID)};
	rig_say(r,
		"$1 OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Completed\r\n"
		"$2 NO Mailbox already exists\r\n"
		"* STATUS foo (MAILBOXID (F2212ea87-6097-4256-9d51-71338625))\r\n$3 OK Completed\r\n");
	rig_say(r, "* OK rename foo renamed\r\n$4 OK Completed\r\n");
	rig_say(r,
		"* STATUS renamed (MAILBOXID (F2212ea87-6097-4256-9d51-71338625))\r\n"
		"$5 OK Completed\r\n");
	log_code(r, c[0]);
	log_code(r, c[1]);
	for (size_t i = 2; i < 5; i++)
		finish(r, c[i]);
}

#define FOO_ID "F2212ea87-6097-4256-9d51-71338625"

Test(fetch_items, ids_of_mailboxes_are_read)
{
	char *why = rig_check(&(struct rig_options){.caps = "OBJECTID"}, ids_of_mailboxes,
		"$1 CREATE foo\r\n$2 CREATE foo\r\n$3 STATUS foo (MAILBOXID)\r\n"
		"$4 RENAME foo renamed\r\n$5 STATUS renamed (MAILBOXID)\r\n",
		"unasked * OK rename foo renamed\nmailboxid 1 (" FOO_ID
		")\nIMAP4_OK CREATE succeeded\nmailboxid 0 -\n"
		"IMAP4_E_NO CREATE was refused: Mailbox already exists\n"
		"STATUS mailbox=foo mailboxid=" FOO_ID "(MAILBOXID (" FOO_ID "))\n"
		"IMAP4_OK STATUS succeeded\nIMAP4_OK RENAME succeeded\n"
		"STATUS mailbox=renamed mailboxid=" FOO_ID "(MAILBOXID (" FOO_ID "))\n"
		"IMAP4_OK STATUS succeeded\n");
	cr_expect_null(why, "%s", why);
	free(why);
}

/* ---- RFC 7889 section 3 ------------------------------------------------------------------------------- */

static void limit_of_a_mailbox(struct rig *r)
{
	imap4_cmd *c = imap4_status_start(r->session, str("INBOX"), IMAP4_ST_APPENDLIMIT);
	rig_say(r, "* STATUS INBOX (APPENDLIMIT 257890)\r\n$1 OK STATUS completed\r\n");
	finish(r, c);
}

static void limits_with_list(struct rig *r)
{
	static const char *const pattern[] = {"%"};
	imap4_cmd *c = imap4_list_start(r->session, "", pattern, 1,
		&(imap4_list_opts){.struct_size = sizeof(imap4_list_opts),
			.status_items = IMAP4_ST_APPENDLIMIT});
	rig_say(r,
		"* LIST () \".\"  \"INBOX\"\r\n* STATUS \"INBOX\" (APPENDLIMIT 257890)\r\n"
		"$1 OK List completed.\r\n");
	finish(r, c);
}

Test(fetch_items, limits_of_mailboxes_are_read)
{
	char *why = rig_check(&(struct rig_options){.caps = "APPENDLIMIT"}, limit_of_a_mailbox,
		"$1 STATUS INBOX (APPENDLIMIT)\r\n",
		"STATUS mailbox=INBOX appendlimit=257890(APPENDLIMIT 257890)\nIMAP4_OK STATUS succeeded\n");
	cr_expect_null(why, "%s", why);
	free(why);
	/* the pattern stands without quotation marks there */
	why = rig_check(&(struct rig_options){.caps = "APPENDLIMIT LIST-EXTENDED LIST-STATUS"},
		limits_with_list, "$1 LIST \"\" \"%\" RETURN (STATUS (APPENDLIMIT))\r\n",
		"LIST name=INBOX delimiter=.\n"
		"STATUS mailbox=INBOX appendlimit=257890(APPENDLIMIT 257890)\nIMAP4_OK LIST succeeded\n");
	cr_expect_null(why, "%s", why);
	free(why);
}

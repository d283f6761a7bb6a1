/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_metadata.c -- annotations: METADATA with every example of RFC 5464, and ANNOTATEMORE.
 *
 * Where a line of the RFC is not the one that we send, the row says why: quoting is a matter of taste, and the examples have the
 * options where the grammar of section 5 has none.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, s != NULL ? strlen(s) : 0};
}

static void log_value(struct rig *r, imap4_str value)
{
	if (value.ptr == NULL)
		rig_logf(r, "NIL");
	else
		rig_logf(r, "[%s]%s", value.ptr, strlen(value.ptr) != value.len ? "+" : "");
}

static void log_data(struct rig *r, const imap4_data *d)
{
	imap4_walk at = {0};
	imap4_str mailbox = imap4_data_metadata_mailbox(d);
	if (mailbox.ptr == NULL)
		mailbox = imap4_data_annotation_mailbox(d);
	rig_logf(
		r, "  %s <%s>", imap4_data_name(d).ptr, mailbox.ptr != NULL ? mailbox.ptr : "NULL");
	for (imap4_metadata m; imap4_data_metadata(d, &at, &m);) {
		rig_logf(r, " %s%s", m.entry.ptr, m.changed ? "!" : "=");
		if (!m.changed)
			log_value(r, m.value);
	}
	at = (imap4_walk){0};
	for (imap4_annotation a; imap4_data_annotation(d, &at, &a);) {
		rig_logf(r, " %s%s", a.entry.ptr, a.changed ? "!" : ":");
		if (a.changed)
			continue;
		rig_logf(r, "%s=", a.attribute.ptr);
		log_value(r, a.value);
	}
	rig_logf(r, "\n");
}

static void finish(struct rig *r, imap4_cmd *c)
{
	static const char *const notes[] = {
		"", "other", "LONGENTRIES", "MAXSIZE", "TOOMANY", "NOPRIVATE"};
	uint64_t octets;
	if (c == NULL) {
		rig_finish(r, NULL);
		return;
	}
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;)
		log_data(r, d);
	imap4_metadata_note note = imap4_result_metadata(imap4_cmd_result(c), &octets);
	cr_assert_eq(note, imap4_result_metadata(imap4_cmd_result(c), NULL));
	if (note != IMAP4_METADATA_NOTHING)
		rig_logf(r, "  note %s %llu\n", notes[note], (unsigned long long)octets);
	rig_finish(r, c);
}

static imap4_cmd *get(struct rig *r, const char *mailbox, const char *a, const char *b,
	const imap4_getmetadata_opts *o)
{
	const char *const entry[] = {a, b};
	return imap4_getmetadata_start(r->session, str(mailbox), entry, b != NULL ? 2 : 1, o);
}

static imap4_cmd *set(struct rig *r, const char *mailbox, const imap4_metadata *m, size_t n)
{
	return imap4_setmetadata_start(r->session, str(mailbox), m, n);
}

#define OPTS(...)                                                                                  \
	&(imap4_getmetadata_opts)                                                                  \
	{                                                                                          \
		.struct_size = sizeof(imap4_getmetadata_opts), __VA_ARGS__                         \
	}

/* ---- RFC 5464, in its order -------------------------------------------------------------------------- */

#define COMMENT	 "/shared/comment"
#define PCOMMENT "/private/comment"

static void rfc_4_2(struct rig *r)
{
	imap4_cmd *c = get(r, "", COMMENT, NULL, NULL);
	rig_say(r,
		"* METADATA \"\" (/shared/comment \"Shared comment\")\r\n$1 OK GETMETADATA complete\r\n");
	finish(r, c);
	c = get(r, "INBOX", PCOMMENT, NULL, NULL);
	rig_say(r,
		"* METADATA \"INBOX\" (/private/comment \"My own comment\")\r\n$2 OK GETMETADATA complete\r\n");
	finish(r, c);
	c = get(r, "INBOX", COMMENT, PCOMMENT, NULL);
	rig_say(r,
		"* METADATA \"INBOX\" (/shared/comment \"Shared comment\" "
		"/private/comment \"My own comment\")\r\n$3 OK GETMETADATA complete\r\n");
	finish(r, c);
}

static void rfc_4_2_options(struct rig *r)
{
	imap4_cmd *c = get(r, "INBOX", COMMENT, PCOMMENT, OPTS(.maxsize = 1024, .options_last = 1));
	rig_say(r,
		"* METADATA \"INBOX\" (/private/comment \"My own comment\")\r\n"
		"$1 OK [METADATA LONGENTRIES 2199] GETMETADATA complete\r\n");
	finish(r, c);
	c = get(r, "INBOX", "/private/filters/values", NULL,
		OPTS(.depth = IMAP4_DEPTH_1, .options_last = 1));
	rig_say(r,
		"* METADATA \"INBOX\" (/private/filters/values/small "
		"\"SMALLER 5000\" /private/filters/values/boss "
		"\"FROM \\\"boss@example.com\\\"\")\r\n$2 OK GETMETADATA complete\r\n");
	finish(r, c);
	/* The same as the grammar of section 5 has it. */
	c = get(r, "INBOX", COMMENT, PCOMMENT, OPTS(.maxsize = 1024));
	rig_say(r, "$3 BAD x\r\n");
	finish(r, c);
	c = get(r, "INBOX", "/private/filters/values", NULL, OPTS(.depth = IMAP4_DEPTH_1));
	rig_say(r, "$4 OK x\r\n");
	finish(r, c);
	c = get(r, "INBOX", "/private", NULL, OPTS(.depth = IMAP4_DEPTH_INFINITY, .maxsize = 9));
	rig_say(r, "$5 OK x\r\n");
	finish(r, c);
}

static void rfc_4_3(struct rig *r)
{
	const imap4_metadata lines = {str(PCOMMENT), str("My new comment across\r\ntwo lines."), 0};
	imap4_cmd *c = set(r, "INBOX", &lines, 1);
	rig_say(r, "+ ready for data\r\n");
	rig_say(r, "$1 OK SETMETADATA complete\r\n");
	finish(r, c);
	const imap4_metadata nil = {str(PCOMMENT), str(NULL), 0};
	c = set(r, "INBOX", &nil, 1);
	rig_say(r, "$2 OK SETMETADATA complete\r\n");
	finish(r, c);
	const imap4_metadata both[] = {{str(PCOMMENT), str("My new comment"), 0},
		{str(COMMENT), str("This one is for you!"), 0}};
	c = set(r, "INBOX", both, 2);
	rig_say(r, "$3 OK SETMETADATA complete\r\n");
	finish(r, c);
	c = set(r, "INBOX", both, 1);
	rig_say(r, "$4 NO [METADATA TOOMANY] SETMETADATA failed\r\n");
	finish(r, c);
}

static void log_unasked(struct rig *r, const imap4_data *d)
{
	log_data(r, d);
}

static void rfc_4_4(struct rig *r)
{
	r->on_unasked = log_unasked;
	imap4_cmd *c = get(r, "", COMMENT, NULL, NULL);
	rig_say(r,
		"* METADATA \"\" (/shared/comment \"My comment\")\r\n$1 OK GETMETADATA complete\r\n");
	finish(r, c);
	c = get(r, "INBOX", PCOMMENT, COMMENT, NULL);
	rig_say(r,
		"* METADATA \"INBOX\" (/private/comment \"My comment\" "
		"/shared/comment \"Its sunny outside!\")\r\n$2 OK GETMETADATA complete\r\n");
	finish(r, c);
	c = get(r, "INBOX", PCOMMENT, COMMENT, NULL);
	rig_say(r,
		"* METADATA \"INBOX\" (/private/comment \"My comment\")\r\n"
		"* METADATA \"INBOX\" (/shared/comment \"Its sunny outside!\")\r\n$3 OK GETMETADATA complete\r\n");
	finish(r, c);
	c = imap4_noop_start(r->session);
	rig_say(r, "* METADATA \"\" /shared/comment\r\n$4 OK NOOP complete\r\n");
	finish(r, c);
	c = imap4_noop_start(r->session);
	rig_say(r,
		"* METADATA \"INBOX\" /shared/comment /private/comment\r\n$5 OK NOOP complete\r\n");
	finish(r, c);
}

/* ---- what else servers and callers do ---------------------------------------------------------------- */

static void forms_of_values(struct rig *r)
{
	static const char zeros[] = {'a', '\0', 'b'};
	static const char line[] =
		"* METADATA INBOX (/a ~{3}\r\na\0b /b {2}\r\nxy /c NIL /d atom \"/e\" \"\")\r\n";
	const imap4_metadata m[] = {{str("/a b"), str(""), 0}, {str("/b"), {zeros, 3}, 0},
		{str("/c"), str("\xc3\xa4"), 0}, {str("/d"), str("NIL"), 0}};
	imap4_cmd *c = set(r, "a b", m, 4);
	rig_say(r, "$1 OK x\r\n");
	finish(r, c);
	c = get(r, "inbox", "/a", NULL, NULL);
	rig_say_n(r, line, sizeof line - 1);
	rig_say(r, "$2 OK x\r\n");
	finish(r, c);
}

static void literal8_waits_for_the_server(struct rig *r)
{
	static const char zero[] = {'\0'};
	const imap4_metadata m = {str("/b"), {zero, 1}, 0};
	imap4_cmd *c = set(r, "a", &m, 1);
	rig_pump(r);
	rig_logf(r, "waits %zu\n", r->sent.len);
	rig_say(r, "+ go\r\n");
	rig_say(r, "$1 NO [METADATA MAXSIZE 1024] x\r\n");
	finish(r, c);
}

static void notes(struct rig *r)
{
	static const char *const codes[] = {"METADATA NOPRIVATE", "METADATA", "METADATA  MAXSIZE x",
		"metadata maxsize 18446744073709551615", "METADATA MAXSIZE 18446744073709551616",
		"METADATA NEWER 5", "ANNOTATEMORE TOOBIG", "ANNOTATEMORE TOOMANY",
		"OTHER MAXSIZE 1"};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		char line[128];
		imap4_cmd *c = set(r, "a", &(imap4_metadata){str("/b"), str("c"), 0}, 1);
		snprintf(line, sizeof line, "$%zu NO [%s] x\r\n", i + 1, codes[i]);
		rig_say(r, line);
		finish(r, c);
	}
}

static void what_is_not_an_answer(struct rig *r)
{
	r->on_unasked = log_unasked;
	imap4_cmd *c = get(r, "a", "/x", NULL, NULL);
	rig_say(r,
		"* METADATA b (/x y)\r\n* METADATA a /x\r\n* METADATA\r\n* METADATA a\r\n"
		"* METADATA (a) (/x y)\r\n");
	rig_say(r,
		"* METADATA a ()\r\n* METADATA a (/x)\r\n* METADATA a (/x y /z)\r\n"
		"* METADATA a ((/x) y)\r\n* METADATA a (/x (y))\r\n* METADATA a (NIL NIL)\r\n$1 OK x\r\n");
	finish(r, c);
}

static void one_mailbox_at_a_time(struct rig *r)
{
	imap4_cmd *c[] = {get(r, "a", "/x", NULL, NULL), get(r, "b", "/x", NULL, NULL),
		get(r, "INBOX", "/x", NULL, NULL), get(r, "inbox", "/y", NULL, NULL),
		set(r, "b", &(imap4_metadata){str("/x"), str("1"), 0}, 1)};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* METADATA b (/x 2)\r\n* METADATA a (/x 1)\r\n$1 OK x\r\n$2 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$3 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* METADATA INBOX (/y 4)\r\n$4 OK x\r\n$5 OK x\r\n");
	for (size_t i = 0; i < 5; i++)
		finish(r, c[i]);
}

static void not_offered(struct rig *r)
{
	imap4_cmd *c[] = {get(r, "a", "/x", NULL, NULL), get(r, "", "/x", NULL, NULL),
		set(r, "a", &(imap4_metadata){str("/x"), str("1"), 0}, 1)};
	rig_pump(r);
	rig_say(r, "$2 OK x\r\n");
	for (size_t i = 0; i < 3; i++)
		finish(r, c[i]);
}

static void nothing_offered(struct rig *r)
{
	imap4_cmd *c = get(r, "", "/x", NULL, NULL);
	rig_pump(r);
	finish(r, c);
}

static void wrong_arguments(struct rig *r)
{
	const char *many[1001];
	for (size_t i = 0; i < 1001; i++)
		many[i] = "/x";
	finish(r, get(r, "a", NULL, NULL, NULL));
	finish(r, get(r, "a", "", NULL, NULL));
	finish(r, get(r, "a", "/x*", NULL, NULL));
	finish(r, get(r, "a", "/%", NULL, NULL));
	finish(r, get(r, "a", "/x", NULL, OPTS(.depth = 3)));
	finish(r, get(r, "a", "/x", NULL, OPTS(.depth = -1)));
	finish(r, imap4_getmetadata_start(r->session, str("a"), many, 1001, NULL));
	imap4_cmd_free(imap4_getmetadata_start(r->session, str("a"), many, 1000, NULL));
	finish(r, imap4_getmetadata_start(r->session, str("a"), many, 0, NULL));
	finish(r, imap4_getmetadata_start(r->session, (imap4_str){"a\0b", 3}, many, 1, NULL));
	finish(r, set(r, "a", &(imap4_metadata){{"/a\0", 3}, str("1"), 0}, 1));
	finish(r, set(r, "a", &(imap4_metadata){str(NULL), str("1"), 0}, 1));
	finish(r, set(r, "a", NULL, 0));
	/* What is inside of a literal is not looked at by anybody. */
	imap4_cmd *c = get(r, "a\r\nb", "/c\r\nd", NULL, NULL);
	rig_pump(r);
	rig_say(r, "$1 OK x\r\n");
	finish(r, c);
}

static void backup(struct rig *r)
{
	static const char *const name[] = {"/x"};
	imap4_cmd *c[] = {get(r, "a", "/x", NULL, NULL),
		imap4_getannotation_start(r->session, str("a"), name, 1, name, 1)};
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n");
	finish(r, c[0]);
	finish(r, c[1]);
	finish(r, set(r, "a", &(imap4_metadata){str("/x"), str("1"), 0}, 1));
	finish(r,
		imap4_setannotation_start(r->session, str("a"),
			&(imap4_annotation){str("/x"), str("v"), str("1"), 0}, 1));
}

/* ---- ANNOTATEMORE -------------------------------------------------------------------------------------- */

static imap4_cmd *get_annotation(struct rig *r, const char *mailbox, const char *e1, const char *e2,
	const char *a1, const char *a2)
{
	const char *const entry[] = {e1, e2}, *const attribute[] = {a1, a2};
	return imap4_getannotation_start(
		r->session, str(mailbox), entry, e2 != NULL ? 2 : 1, attribute, a2 != NULL ? 2 : 1);
}

static void annotations(struct rig *r)
{
	imap4_cmd *c = get_annotation(r, "", "/comment", NULL, "value.priv", NULL);
	rig_say(r, "* ANNOTATION \"\" \"/comment\" (\"value.priv\" \"My comment\")\r\n$1 OK x\r\n");
	finish(r, c);
	c = get_annotation(r, "INBOX", "/comment", "/motd", "value.priv", "size.priv");
	rig_say(r,
		"* ANNOTATION \"INBOX\" \"/comment\" (\"value.priv\" \"My \\\"x\\\"\" \"size.priv\" \"6\") "
		"/motd (value.priv NIL)\r\n$2 OK x\r\n");
	finish(r, c);
	c = get_annotation(r, "*", "*", NULL, "value.%", NULL);
	rig_say(r,
		"* ANNOTATION a /x ()\r\n* ANNOTATION b /x () /y (v 1)\r\n* ANNOTATION c /x (v) /y (w)\r\n"
		"* ANNOTATION d (/x) (v 1)\r\n* ANNOTATION e\r\n* ANNOTATION f /x\r\n"
		"* ANNOTATION g /x v /y (w 2)\r\n$3 OK x\r\n");
	finish(r, c);
	r->on_unasked = log_unasked;
	rig_say(r,
		"* ANNOTATION \"INBOX\" (\"/comment\" \"/motd\")\r\n* ANNOTATION a ()\r\n* ANNOTATION\r\n");
}

static void annotations_set(struct rig *r)
{
	const imap4_annotation one = {str("/comment"), str("value.priv"), str("My new comment"), 0};
	const imap4_annotation several[] = {one,
		{str("/comment"), str("value.shared"), str(NULL), 0},
		{str("/check\"x"), str("value.priv"), str("true"), 0}};
	imap4_cmd *c[] = {imap4_setannotation_start(r->session, str("INBOX"), &one, 1),
		imap4_setannotation_start(r->session, str("INBOX"), several, 2),
		imap4_setannotation_start(r->session, str("INBOX"), several, 3)};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n");
	rig_say(r, "$2 NO [ANNOTATEMORE TOOBIG] x\r\n");
	rig_say(r, "$3 OK x\r\n");
	for (size_t i = 0; i < 3; i++)
		finish(r, c[i]);
}

static void annotations_wrong(struct rig *r)
{
	const imap4_annotation nameless[] = {{str(""), str("v"), str("1"), 0},
		{str("/x"), str(NULL), str("1"), 0}, {{"/\0", 2}, str("v"), str("1"), 0}};
	const char *many[1001];
	for (size_t i = 0; i < 1001; i++)
		many[i] = "/x";
	for (size_t i = 0; i < 3; i++)
		finish(r, imap4_setannotation_start(r->session, str("a"), &nameless[i], 1));
	finish(r, imap4_setannotation_start(r->session, str("a"), NULL, 1));
	finish(r, get_annotation(r, "a", "", NULL, "v", NULL));
	finish(r, get_annotation(r, "a", "/x", NULL, NULL, NULL));
	finish(r, imap4_getannotation_start(r->session, str("a"), many, 0, many, 1));
	finish(r, imap4_getannotation_start(r->session, str("a"), many, 1, many, 1001));
	imap4_cmd_free(imap4_getannotation_start(r->session, str("a"), many, 1, many, 1000));
	imap4_cmd *c = get_annotation(r, "a", "/x", NULL, "v", NULL);
	rig_pump(r);
	finish(r, c);
}

/* ---------------------------------------------------------------------------------------------------------- */

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play)  #play, play
#define DONE(verb) "IMAP4_OK " verb " succeeded\n"
#define GOT	   DONE("GETMETADATA")
#define SET	   DONE("SETMETADATA")
#define NO	   "IMAP4_E_NO SETMETADATA was refused: x\n"
#define SETB	   " SETMETADATA a (/b \"c\")\r\n"
#define SETS                                                                                       \
	"$1" SETB "$2" SETB "$3" SETB "$4" SETB "$5" SETB "$6" SETB "$7" SETB "$8" SETB "$9" SETB
#define REFUSED(verb)                                                                              \
	"not started IMAP4_E_POLICY: " verb " may change the mailbox: not during a backup\n"
#define WRONG(verb, why) "not started IMAP4_E_ARG: " verb ": " why "\n"

static const struct row rows[] = {
	/* INBOX needs no quotes, and one entry no list */
	{ROW(rfc_4_2), {.caps = "METADATA"},
		"$1 GETMETADATA \"\" /shared/comment\r\n$2 GETMETADATA INBOX /private/comment\r\n"
		"$3 GETMETADATA INBOX (/shared/comment /private/comment)\r\n",
		"  METADATA <> /shared/comment=[Shared comment]\n" GOT
		"  METADATA <INBOX> /private/comment=[My own comment]\n" GOT
		"  METADATA <INBOX> /shared/comment=[Shared comment] /private/comment=[My own comment]\n" GOT},
	{ROW(rfc_4_2_options), {.caps = "METADATA"},
		"$1 GETMETADATA INBOX (MAXSIZE 1024) (/shared/comment /private/comment)\r\n"
		"$2 GETMETADATA INBOX (DEPTH 1) (/private/filters/values)\r\n"
		"$3 GETMETADATA (MAXSIZE 1024) INBOX (/shared/comment /private/comment)\r\n"
		"$4 GETMETADATA (DEPTH 1) INBOX /private/filters/values\r\n"
		"$5 GETMETADATA (MAXSIZE 9 DEPTH infinity) INBOX /private\r\n",
		"  METADATA <INBOX> /private/comment=[My own comment]\n  note LONGENTRIES 2199\n" GOT
		"  METADATA <INBOX> /private/filters/values/small=[SMALLER 5000] "
		"/private/filters/values/boss=[FROM \"boss@example.com\"]\n" GOT
		"IMAP4_E_BAD GETMETADATA was not understood by the server: x\n" GOT GOT},
	{ROW(rfc_4_3), {.caps = "METADATA"},
		"$1 SETMETADATA INBOX (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)\r\n"
		"$2 SETMETADATA INBOX (/private/comment NIL)\r\n"
		"$3 SETMETADATA INBOX (/private/comment \"My new comment\" /shared/comment \"This one is for you!\")\r\n"
		"$4 SETMETADATA INBOX (/private/comment \"My new comment\")\r\n",
		SET SET SET
		"  note TOOMANY 0\nIMAP4_E_NO SETMETADATA was refused: SETMETADATA failed\n"},
	/* the RFC's second and third have two bare entries, which the grammar does not allow */
	{ROW(rfc_4_4), {.caps = "METADATA"},
		"$1 GETMETADATA \"\" /shared/comment\r\n"
		"$2 GETMETADATA INBOX (/private/comment /shared/comment)\r\n"
		"$3 GETMETADATA INBOX (/private/comment /shared/comment)\r\n$4 NOOP\r\n$5 NOOP\r\n",
		"  METADATA <> /shared/comment=[My comment]\n" GOT
		"  METADATA <INBOX> /private/comment=[My comment] /shared/comment=[Its sunny outside!]\n" GOT
		"  METADATA <INBOX> /private/comment=[My comment]\n"
		"  METADATA <INBOX> /shared/comment=[Its sunny outside!]\n" GOT
		"unasked * METADATA \"\" /shared/comment\n  METADATA <> /shared/comment!\n" DONE(
			"NOOP") "unasked * METADATA \"INBOX\" /shared/comment /private/comment\n"
				"  METADATA <INBOX> /shared/comment! /private/comment!\n" DONE(
					"NOOP")},
	{ROW(forms_of_values), {.caps = "METADATA LITERAL+"},
		"$1 SETMETADATA \"a b\" (\"/a b\" \"\" /b ~{3+}\r\na<NUL>b /c {2+}\r\n\xc3\xa4 /d \"NIL\")\r\n"
		"$2 GETMETADATA inbox /a\r\n",
		SET "  METADATA <INBOX> /a=[a]+ /b=[xy] /c=NIL /d=[atom] /e=[]\n" GOT},
	{ROW(literal8_waits_for_the_server), {.caps = "METADATA"},
		"$1 SETMETADATA a (/b ~{1}\r\n<NUL>)\r\n",
		"waits 36\n  note MAXSIZE 1024\nIMAP4_E_NO SETMETADATA was refused: x\n"},
	{ROW(notes), {.caps = "METADATA"}, SETS,
		"  note NOPRIVATE 0\n" NO "  note other 0\n" NO "  note MAXSIZE 0\n" NO
		"  note MAXSIZE 18446744073709551615\n" NO "  note MAXSIZE 0\n" NO
		"  note other 5\n" NO "  note MAXSIZE 0\n" NO "  note TOOMANY 0\n" NO NO},
	{ROW(what_is_not_an_answer), {.caps = "METADATA"}, "$1 GETMETADATA a /x\r\n",
		"unasked * METADATA b (/x y)\n  METADATA <b> /x=[y]\nunasked * METADATA a /x\n  METADATA <a> /x!\n"
		"unasked * METADATA\n  METADATA <NULL>\nunasked * METADATA a\n  METADATA <a>\n"
		"unasked * METADATA (a) (/x y)\n  METADATA <NULL> /x=[y]\n"
		"  METADATA <a>\n  METADATA <a>\n  METADATA <a> /x=[y]\n  METADATA <a>\n"
		"  METADATA <a> /x=NIL\n  METADATA <a> NIL=NIL\n" GOT},
	{ROW(one_mailbox_at_a_time), {.caps = "METADATA"},
		"$1 GETMETADATA a /x\r\n$2 GETMETADATA b /x\r\n$3 GETMETADATA INBOX /x\r\n"
		"$4 GETMETADATA inbox /y\r\n$5 SETMETADATA b (/x \"1\")\r\n",
		"in flight 3\nin flight 1\nin flight 2\n  METADATA <a> /x=[1]\n" GOT
		"  METADATA <b> /x=[2]\n" GOT GOT "  METADATA <INBOX> /y=[4]\n" GOT SET},
	{ROW(not_offered), {.caps = "METADATA-SERVER"}, "$2 GETMETADATA \"\" /x\r\n",
		"IMAP4_E_NOCAP GETMETADATA failed: the server does not offer METADATA\n" GOT
		"IMAP4_E_NOCAP SETMETADATA failed: the server does not offer METADATA\n"},
	{ROW(nothing_offered), {0}, "",
		"IMAP4_E_NOCAP GETMETADATA failed: the server does not offer METADATA\n"},
	{ROW(wrong_arguments), {.caps = "METADATA LITERAL+"},
		"$1 GETMETADATA {4+}\r\na\r\nb {5+}\r\n/c\r\nd\r\n",
		WRONG("GETMETADATA", "an entry has no name") WRONG(
			"GETMETADATA", "an entry has no name") WRONG("GETMETADATA",
			"the name of an entry has a wildcard") WRONG("GETMETADATA",
			"the name of an entry has a wildcard") WRONG("GETMETADATA",
			"no such depth") WRONG("GETMETADATA", "no such depth") WRONG("GETMETADATA",
			"no entry, or more than 1000") WRONG("GETMETADATA",
			"no entry, or more than 1000") WRONG("GETMETADATA",
			"a text has a NUL octet, which IMAP cannot carry")
			WRONG("SETMETADATA", "a text has a NUL octet, which IMAP cannot carry")
				WRONG("SETMETADATA", "an entry has no name")
					WRONG("SETMETADATA", "no entry, or more than 1000") GOT},
	{ROW(backup), {.policy = IMAP4_POLICY_BACKUP, .caps = "METADATA ANNOTATEMORE"},
		"$1 GETMETADATA a /x\r\n$2 GETANNOTATION a \"/x\" \"/x\"\r\n",
		GOT DONE("GETANNOTATION") REFUSED("SETMETADATA") REFUSED("SETANNOTATION")},
	{ROW(annotations), {.caps = "ANNOTATEMORE"},
		"$1 GETANNOTATION \"\" \"/comment\" \"value.priv\"\r\n"
		"$2 GETANNOTATION INBOX (\"/comment\" \"/motd\") (\"value.priv\" \"size.priv\")\r\n"
		"$3 GETANNOTATION \"*\" \"*\" \"value.%\"\r\n",
		"  ANNOTATION <> /comment:value.priv=[My comment]\n" DONE("GETANNOTATION") "  ANNOTATION <INBOX> /comment:value.priv=[My \"x\"] /comment:size.priv=[6] /motd:value.priv=NIL\n" DONE(
			"GETANNOTATION") "unasked * ANNOTATION d (/x) (v 1)\nunasked * ANNOTATION e\n"
					 "  ANNOTATION <a>\n  ANNOTATION <b> /y:v=[1]\n  ANNOTATION <c>\n  ANNOTATION <f>\n"
					 "  ANNOTATION <g> /y:w=[2]\n" DONE(
						 "GETANNOTATION") "unasked * ANNOTATION \"INBOX\" (\"/comment\" \"/motd\")\n  ANNOTATION <INBOX> /comment! /motd!\n"
								  "unasked * ANNOTATION a ()\n  ANNOTATION <a>\nunasked * ANNOTATION\n  ANNOTATION <NULL>\n"},
	{ROW(annotations_set), {.caps = "ANNOTATEMORE"},
		"$1 SETANNOTATION INBOX \"/comment\" (\"value.priv\" \"My new comment\")\r\n"
		"$2 SETANNOTATION INBOX \"/comment\" (\"value.priv\" \"My new comment\" \"value.shared\" NIL)\r\n"
		"$3 SETANNOTATION INBOX (\"/comment\" (\"value.priv\" \"My new comment\" \"value.shared\" NIL) "
		"\"/check\\\"x\" (\"value.priv\" \"true\"))\r\n",
		"in flight 1\n" DONE("SETANNOTATION") "  note MAXSIZE 0\nIMAP4_E_NO SETANNOTATION was refused: x\n" DONE(
			"SETANNOTATION")},
	{ROW(annotations_wrong), {0}, "",
		WRONG("SETANNOTATION", "an entry or an attribute has no name") WRONG(
			"SETANNOTATION",
			"an entry or an attribute has no name") WRONG("SETANNOTATION",
			"a text has a NUL octet, which IMAP cannot carry") WRONG("SETANNOTATION",
			"no annotation, or more than 1000") WRONG("GETANNOTATION",
			"an entry or an attribute has no name") WRONG("GETANNOTATION",
			"an entry or an attribute has no name") WRONG("GETANNOTATION",
			"no entry or attribute, or more than 1000") WRONG("GETANNOTATION",
			"no entry or attribute, or more than 1000") "IMAP4_E_NOCAP GETANNOTATION failed: the server does not offer ANNOTATEMORE\n"},
};

Test(cmd_metadata, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

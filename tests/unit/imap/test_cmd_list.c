/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_list.c -- LIST with selection and return options: the examples of RFC 5258, 6154 and 8440, annotations (RFC 9590), and
 * XLIST.
 *
 * Patterns are always quoted, and selection options always stand in one order (RFC 5258 section 3: it is not significant);
 * the lines of the RFCs differ from ours only in that.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static void log_list(struct rig *r, const imap4_list *l)
{
	rig_logf(r, "  %s", l->name.ptr);
	for (size_t i = 0; i < l->nattributes; i++)
		rig_logf(r, " %s", l->attributes[i].ptr);
	if ((l->attrs & IMAP4_LIST_HASNOCHILDREN) != 0)
		rig_logf(r, " -leaf");
	if ((l->attrs & IMAP4_LIST_NOSELECT) != 0)
		rig_logf(r, " -closed");
	if ((l->childinfo & IMAP4_CHILDINFO_SUBSCRIBED) != 0)
		rig_logf(r, " +subscribed");
	if ((l->childinfo & IMAP4_CHILDINFO_OTHER) != 0)
		rig_logf(r, " +other");
	const imap4_node *n = imap4_list_item(l, "tablecloth");
	if (n != NULL)
		rig_logf(r, " tablecloth %d", imap4_node_kind(n) == IMAP4_NODE_LIST);
	rig_logf(r, "\n");
}

static void finish(struct rig *r, imap4_cmd *c)
{
	if (c == NULL) {
		rig_finish(r, NULL);
		return;
	}
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) {
		imap4_walk at = {0};
		imap4_str rights = imap4_data_rights(d, 0);
		if (imap4_data_list(d) != NULL)
			log_list(r, imap4_data_list(d));
		if (imap4_data_status(d) != NULL)
			rig_logf(r, "  status %u\n", imap4_data_status(d)->messages);
		if (rights.ptr != NULL)
			rig_logf(r, "  rights %s\n", rights.ptr);
		for (imap4_metadata m; imap4_data_metadata(d, &at, &m);)
			rig_logf(r, "  %s %s=%s\n", imap4_data_metadata_mailbox(d).ptr, m.entry.ptr,
				m.value.ptr != NULL ? m.value.ptr : "NIL");
	}
	rig_finish(r, c);
}

static imap4_cmd *list(struct rig *r, const char *pattern, const imap4_list_opts *o)
{
	return imap4_list_start(r->session, "", &pattern, 1, o);
}

#define OPTS(...)                                                                                  \
	&(imap4_list_opts)                                                                         \
	{                                                                                          \
		.struct_size = sizeof(imap4_list_opts), __VA_ARGS__                                \
	}
#define SUBSCRIBED .select_subscribed = 1
#define RECURSIVE  .select_subscribed = 1, .select_recursive = 1

struct step {
	const char *pattern;
	imap4_list_opts o;
	const char *answer; /* without the tagged line */
};
#define STEP(pattern, ...)                                                                         \
	pattern,                                                                                   \
	{                                                                                          \
		.struct_size = sizeof(imap4_list_opts), __VA_ARGS__                                \
	}
#define INBOX  "* LIST (\\Marked \\NoInferiors) \"/\" \"inbox\"\r\n"
#define SINBOX "* LIST (\\Marked \\NoInferiors \\Subscribed) \"/\" \"inbox\"\r\n"
#define SUBS                                                                                       \
	SINBOX "* LIST (\\Subscribed) \"/\" \"Fruit/Banana\"\r\n"                                  \
	       "* LIST (\\Subscribed \\NonExistent) \"/\" \"Fruit/Peach\"\r\n"                     \
	       "* LIST (\\Subscribed) \"/\" \"Vegetable\"\r\n"                                     \
	       "* LIST (\\Subscribed) \"/\" \"Vegetable/Broccoli\"\r\n"
#define CHILD(attributes, name)                                                                    \
	"* LIST (" attributes ") \"/\" \"" name "\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"

static void play(struct rig *r, const struct step *step, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char tagged[32] = "$1 OK done\r\n";
		tagged[1] = (char)('1' + i);
		imap4_cmd *c = list(r, step[i].pattern, &step[i].o);
		rig_say(r, step[i].answer);
		rig_say(r, tagged);
		finish(r, c);
	}
}
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* RFC 5258 section 5, examples 1 to 7 */
static void rfc_5258(struct rig *r)
{
	static const struct step steps[] = {
		{STEP("*", .ret = 0), INBOX "* LIST () \"/\" \"Fruit\"\r\n"},
		{STEP("*", SUBSCRIBED), SUBS},
		{STEP("%", .ret = IMAP4_RET_CHILDREN),
			INBOX "* LIST (\\HasChildren) \"/\" \"Fruit\"\r\n"
			      "* LIST (\\HasNoChildren) \"/\" \"Tofu\"\r\n"},
		{STEP("%", .select_remote = 1, .ret = IMAP4_RET_CHILDREN),
			INBOX
			"* LIST (\\Remote) \"/\" \"Bread\"\r\n* LIST (\\HasChildren \\Remote) \"/\" \"Meat\"\r\n"},
		{STEP("*", .select_remote = 1, SUBSCRIBED),
			SUBS "* LIST (\\Remote \\Subscribed) \"/\" \"Bread\"\r\n"},
		{STEP("*", .select_remote = 1, .ret = IMAP4_RET_SUBSCRIBED), SINBOX},
	};
	static const char *const three[] = {"INBOX", "Drafts", "Sent/%"};
	play(r, steps, COUNT(steps));
	imap4_cmd *c = imap4_list_start(r->session, "", three, 3, NULL);
	rig_say(r,
		"* LIST () \"/\" \"INBOX\"\r\n* LIST (\\NoInferiors) \"/\" \"Drafts\"\r\n$7 OK done\r\n");
	finish(r, c);
}

/* examples 8 to 11 */
static void rfc_5258_childinfo(struct rig *r)
{
	static const struct step steps[] = {
		{STEP("%", RECURSIVE), CHILD("", "Foo")},
		{STEP("%", RECURSIVE), CHILD("\\Subscribed", "Foo")},
		{STEP("%", RECURSIVE), CHILD("\\Subscribed \\HasChildren", "Foo")},
		{STEP("%", RECURSIVE), CHILD("\\NonExistent", "Foo")},
		{STEP("%", RECURSIVE, .ret = IMAP4_RET_CHILDREN),
			"* LIST (\\HasChildren \\Subscribed) \"/\" \"Foo\"\r\n"},
		{STEP("*2", RECURSIVE),
			CHILD("", "foo2") "* LIST (\\Subscribed) \"/\" \"foo2/bar2\"\r\n" CHILD(
				"\\Subscribed", "eps2")},
		{STEP("foo", RECURSIVE, .ret = IMAP4_RET_CHILDREN),
			"* LIST (\\HasNoChildren) \"/\" foo (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"},
		{STEP("*", .select_remote = 1),
			"* LIST () \"/\" music/rock\r\n* LIST (\\Remote) \"/\" also/jazz\r\n"},
		{STEP("%", .select_remote = 1),
			"* LIST (\\NonExistent \\HasChildren) \"/\" music\r\n"},
	};
	play(r, steps, COUNT(steps));
}

/* the rest of examples 7, 9, 10 and 11: several patterns, and answers that say the same twice */
static void rfc_5258_patterns(struct rig *r)
{
	static const char *const foo[] = {"foo", "foo/*"}, *const rock[] = {"%", "music/rock"};
	imap4_cmd *c = list(r, "*", OPTS(RECURSIVE));
	rig_say(r,
		CHILD("", "foo2") "* LIST (\\Subscribed) \"/\" \"foo2/bar1\"\r\n" CHILD("", "baz2")
			CHILD("\\NonExistent", "qux2") "$1 OK done\r\n");
	finish(r, c);
	c = imap4_list_start(r->session, "", foo, 2, NULL);
	rig_say(r, "* LIST () \"/\" foo\r\n$2 OK done\r\n");
	finish(r, c);
	c = list(r, "foo/*", OPTS(SUBSCRIBED));
	rig_say(r, "* LIST (\\Subscribed \\NonExistent) \"/\" foo/bar\r\n$3 OK done\r\n");
	finish(r, c);
	c = imap4_list_start(r->session, "", rock, 2, NULL);
	rig_say(r, "* LIST () \"/\" music/rock\r\n$4 OK done\r\n");
	finish(r, c);
}

/* section 3: items that are not known are there all the same */
static void odd_items(struct rig *r)
{
	static const struct step steps[] = {{STEP("%", RECURSIVE),
		"* LIST () \"/\" a (tablecloth ((\"edge\" \"lacy\") (\"color\" \"red\")) X-Sample (\"text\"))\r\n"
		"* LIST () \"/\" b (CHILDINFO (\"SUBSCRIBED\" \"X\"))\r\n* LIST () \"/\" c (childinfo SUBSCRIBED)\r\n"
		"* LIST () \"/\" d (\"CHILDINFO\")\r\n* LIST () \"/\" e (\"CHILDINFO\" ())\r\n"
		"* LIST () \"/\" f (\"CHILDINFO\" ((\"SUBSCRIBED\")) TABLECLOTH x)\r\n"}};
	play(r, steps, 1);
}

/* RFC 6154 section 5.1 */
static void rfc_6154(struct rig *r)
{
	static const struct step steps[] = {
		{STEP("%", .ret = IMAP4_RET_SPECIAL_USE),
			"* LIST (\\Marked \\NoInferiors) \"/\" \"Inbox\"\r\n* LIST (\\Sent) \"/\" SentMail\r\n"},
		{STEP("*", .select_special_use = 1), "* LIST (\\Sent) \"/\" SentMail\r\n"},
		{STEP("*", .select_special_use = 1, RECURSIVE, .select_remote = 1), ""},
	};
	play(r, steps, COUNT(steps));
}

/* RFC 8440 section 4 */
static void rfc_8440(struct rig *r)
{
	static const struct step steps[] = {
		{STEP("%", .ret = IMAP4_RET_MYRIGHTS),
			"* LIST () \".\" \"INBOX\"\r\n* MYRIGHTS \"INBOX\" lrswipkxtecda\r\n* LIST () \".\" \"foo\"\r\n"
			"* MYRIGHTS \"foo\" lrs\r\n* LIST (\\NonExistent) \".\" \"bar\"\r\n"},
		{STEP("%", RECURSIVE, .ret = IMAP4_RET_MYRIGHTS),
			"* LIST (\\Subscribed) \".\" \"INBOX\"\r\n* MYRIGHTS \"INBOX\" lrswipkxtecda\r\n"
			"* LIST () \".\" \"foo\" (CHILDINFO (\"SUBSCRIBED\"))\r\n"},
	};
	play(r, steps, COUNT(steps));
}

static const char *const entries[] = {"/shared/comment", "/private/a b"};

static void annotations(struct rig *r)
{
	imap4_cmd *c = list(r, "%", OPTS(.metadata = entries, .nmetadata = 1));
	rig_say(r,
		"* LIST () \".\" INBOX\r\n* METADATA INBOX (/shared/comment x)\r\n"
		"* METADATA foo (/shared/comment NIL)\r\n* METADATA foo /shared/comment\r\n$1 OK x\r\n");
	finish(r, c);
	c = list(r, "%",
		OPTS(.metadata = entries, .nmetadata = 2,
			.ret = IMAP4_RET_MYRIGHTS | IMAP4_RET_CHILDREN,
			.status_items = IMAP4_ST_MESSAGES));
	rig_say(r, "* STATUS a (MESSAGES 3)\r\n$2 OK x\r\n");
	finish(r, c);
}

/* Without the capabilities nothing is asked, and what comes is nobody's. */
static void options_not_offered(struct rig *r)
{
	imap4_cmd *c =
		list(r, "%", OPTS(.metadata = entries, .nmetadata = 2, .ret = IMAP4_RET_MYRIGHTS));
	rig_say(r, "* LIST () \".\" a\r\n$1 OK x\r\n");
	finish(r, c);
	c = list(r, "%", NULL);
	rig_say(r, "* MYRIGHTS a lrs\r\n* METADATA a (/x y)\r\n$2 OK x\r\n");
	finish(r, c);
	finish(r, list(r, "%", OPTS(.select_recursive = 1)));
	finish(r, list(r, "%", OPTS(.select_recursive = 1, .select_remote = 1)));
	imap4_cmd *lacking[] = {list(r, "%", OPTS(.select_remote = 1)),
		list(r, "%", OPTS(.select_special_use = 1)), list(r, "%", OPTS(SUBSCRIBED))};
	rig_pump(r);
	for (size_t i = 0; i < 3; i++)
		finish(r, lacking[i]);
}

/* LIST-EXTENDED alone does not promise them. */
static void returns_not_offered(struct rig *r)
{
	imap4_cmd *c = list(r, "%",
		OPTS(.metadata = entries, .nmetadata = 2,
			.ret = IMAP4_RET_MYRIGHTS | IMAP4_RET_SPECIAL_USE,
			.status_items = IMAP4_ST_MESSAGES));
	rig_say(r, "$1 OK x\r\n");
	finish(r, c);
}

static void special_use_not_offered(struct rig *r)
{
	imap4_cmd *c = list(r, "%", OPTS(.select_special_use = 1));
	rig_pump(r);
	finish(r, c);
}

static void plain(struct rig *r)
{
	imap4_cmd *c = list(r, "%",
		OPTS(.plain = 1, RECURSIVE, .select_remote = 1, .select_special_use = 1,
			.metadata = entries, .nmetadata = 1, .ret = IMAP4_RET_MYRIGHTS,
			.xlist = 1));
	rig_say(r, "* MYRIGHTS a lrs\r\n$1 OK x\r\n");
	finish(r, c);
}

static void wrong_entries(struct rig *r)
{
	const char *many[1001];
	for (size_t i = 0; i < 1001; i++)
		many[i] = "/x";
	finish(r, list(r, "%", OPTS(.metadata = many, .nmetadata = 1001)));
	finish(r, list(r, "%", OPTS(.nmetadata = 1)));
	many[1] = NULL;
	finish(r, list(r, "%", OPTS(.metadata = many, .nmetadata = 2)));
	many[1] = "a\r\nb";
	imap4_cmd *c = list(r, "%", OPTS(.metadata = many, .nmetadata = 2));
	rig_say(r, "$1 NO x\r\n");
	finish(r, c);
}

/* What LIST gets with a command of its own does not mix with that command's. */
static void keeps_away(struct rig *r)
{
	static const char *const pattern[] = {"a", "b"};
	imap4_str a = {"a", 1};
	imap4_cmd *c[] = {imap4_myrights_start(r->session, a),
		imap4_list_start(r->session, "", pattern, 2, OPTS(.ret = IMAP4_RET_MYRIGHTS)),
		imap4_myrights_start(r->session, a),
		imap4_getmetadata_start(r->session, a, entries, 1, NULL),
		list(r, "x", OPTS(.metadata = entries, .nmetadata = 1)),
		imap4_getmetadata_start(r->session, a, entries, 1, NULL)};
	for (size_t i = 0; i < 6; i++) {
		char line[64] = "* MYRIGHTS a 1\r\n* METADATA a (/x 1)\r\n$1 OK x\r\n";
		rig_pump(r);
		rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
		line[13] = line[33] = line[38] = (char)('1' + i);
		rig_say(r, line);
	}
	for (size_t i = 0; i < 6; i++)
		finish(r, c[i]);
}

static void xlist(struct rig *r)
{
	imap4_cmd *c =
		list(r, "*", OPTS(.xlist = 1, .ret = IMAP4_RET_SPECIAL_USE | IMAP4_RET_CHILDREN));
	rig_pump(r);
	rig_say(r,
		"* XLIST (\\HasNoChildren \\Inbox) \"/\" \"Inbox\"\r\n* XLIST (\\AllMail) \"/\" \"[Gmail]/All\"\r\n"
		"* XLIST (\\Spam) \"/\" a\r\n* XLIST (\\Starred) \"/\" b\r\n$1 OK x\r\n");
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;)
		rig_logf(r, "  %s %x\n", imap4_data_list(d)->name.ptr, imap4_data_list(d)->attrs);
	finish(r, c);
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play
#define LISTED	  "IMAP4_OK LIST succeeded\n"
#define RIGHTS	  "  rights lrswipkxtecda\n"
#define SUBS_SEEN                                                                                  \
	"  INBOX \\Marked \\NoInferiors \\Subscribed -leaf\n  Fruit/Banana \\Subscribed\n"         \
	"  Fruit/Peach \\Subscribed \\NonExistent -closed\n  Vegetable \\Subscribed\n"             \
	"  Vegetable/Broccoli \\Subscribed\n"
#define INBOX_SEEN "  INBOX \\Marked \\NoInferiors -leaf\n"
#define R	   "(SUBSCRIBED RECURSIVEMATCH)"
#define LACKS(cap) "IMAP4_E_NOCAP LIST failed: the server does not offer " cap "\n"
#define GMAIL	   "  INBOX 10\n  [Gmail]/All 200\n  a 2000\n  b 1000\n"
#define KEPT                                                                                                \
	"in flight 1\nunasked * METADATA a (/x 1)\nin flight 1\nunasked * METADATA a (/x 2)\nin flight 2\n" \
	"in flight 1\nunasked * MYRIGHTS a 4\nin flight 1\nunasked * MYRIGHTS a 5\nin flight 1\n"           \
	"unasked * MYRIGHTS a 6\n  rights 1\nIMAP4_OK MYRIGHTS succeeded\n  rights 2\n" LISTED              \
	"  rights 3\nIMAP4_OK MYRIGHTS succeeded\n  a /x=3\n  a /x=4\nIMAP4_OK GETMETADATA succeeded\n"     \
	"  a /x=5\n" LISTED "  a /x=6\nIMAP4_OK GETMETADATA succeeded\n"

static const struct row rows[] = {
	{ROW(rfc_5258), {.caps = "LIST-EXTENDED"},
		"$1 LIST \"\" \"*\"\r\n$2 LIST (SUBSCRIBED) \"\" \"*\"\r\n$3 LIST \"\" \"%\" RETURN (CHILDREN)\r\n"
		"$4 LIST (REMOTE) \"\" \"%\" RETURN (CHILDREN)\r\n$5 LIST (SUBSCRIBED REMOTE) \"\" \"*\"\r\n"
		"$6 LIST (REMOTE) \"\" \"*\" RETURN (SUBSCRIBED)\r\n"
		"$7 LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")\r\n",
		INBOX_SEEN "  Fruit\n" LISTED SUBS_SEEN LISTED INBOX_SEEN
			   "  Fruit \\HasChildren\n  Tofu \\HasNoChildren -leaf\n" LISTED INBOX_SEEN
			   "  Bread \\Remote\n  Meat \\HasChildren \\Remote\n" LISTED SUBS_SEEN
			   "  Bread \\Remote \\Subscribed\n" LISTED
			   "  INBOX \\Marked \\NoInferiors \\Subscribed -leaf\n" LISTED
			   "  INBOX\n  Drafts \\NoInferiors -leaf\n" LISTED},
	{ROW(rfc_5258_childinfo), {.caps = "LIST-EXTENDED"},
		"$1 LIST " R " \"\" \"%\"\r\n$2 LIST " R " \"\" \"%\"\r\n$3 LIST " R
		" \"\" \"%\"\r\n$4 LIST " R " \"\" \"%\"\r\n$5 LIST " R
		" \"\" \"%\" RETURN (CHILDREN)\r\n$6 LIST " R " \"\" \"*2\"\r\n$7 LIST " R
		" \"\" \"foo\" RETURN (CHILDREN)\r\n$8 LIST (REMOTE) \"\" \"*\"\r\n$9 LIST (REMOTE) \"\" \"%\"\r\n",
		"  Foo +subscribed\n" LISTED "  Foo \\Subscribed +subscribed\n" LISTED
		"  Foo \\Subscribed \\HasChildren +subscribed\n" LISTED
		"  Foo \\NonExistent -closed +subscribed\n" LISTED
		"  Foo \\HasChildren \\Subscribed\n" LISTED
		"  foo2 +subscribed\n  foo2/bar2 \\Subscribed\n  eps2 \\Subscribed +subscribed\n" LISTED
		"  foo \\HasNoChildren -leaf +subscribed\n" LISTED
		"  music/rock\n  also/jazz \\Remote\n" LISTED
		"  music \\NonExistent \\HasChildren -closed\n" LISTED},
	{ROW(rfc_5258_patterns), {.caps = "LIST-EXTENDED"},
		"$1 LIST " R " \"\" \"*\"\r\n$2 LIST \"\" (\"foo\" \"foo/*\")\r\n"
		"$3 LIST (SUBSCRIBED) \"\" \"foo/*\"\r\n$4 LIST \"\" (\"%\" \"music/rock\")\r\n",
		"  foo2 +subscribed\n  foo2/bar1 \\Subscribed\n  baz2 +subscribed\n"
		"  qux2 \\NonExistent -closed +subscribed\n" LISTED "  foo\n" LISTED
		"  foo/bar \\Subscribed \\NonExistent -closed\n" LISTED "  music/rock\n" LISTED},
	{ROW(odd_items), {.caps = "LIST-EXTENDED"}, "$1 LIST " R " \"\" \"%\"\r\n",
		"  a tablecloth 1\n  b +subscribed +other\n  c +subscribed\n  d\n  e\n  f +other tablecloth 0\n" LISTED},
	{ROW(rfc_6154), {.caps = "LIST-EXTENDED SPECIAL-USE"},
		"$1 LIST \"\" \"%\" RETURN (SPECIAL-USE)\r\n$2 LIST (SPECIAL-USE) \"\" \"*\"\r\n"
		"$3 LIST (SUBSCRIBED REMOTE SPECIAL-USE RECURSIVEMATCH) \"\" \"*\"\r\n",
		INBOX_SEEN "  SentMail \\Sent\n" LISTED "  SentMail \\Sent\n" LISTED LISTED},
	{ROW(rfc_8440), {.caps = "LIST-EXTENDED LIST-MYRIGHTS"},
		"$1 LIST \"\" \"%\" RETURN (MYRIGHTS)\r\n$2 LIST " R
		" \"\" \"%\" RETURN (MYRIGHTS)\r\n",
		"  INBOX\n" RIGHTS "  foo\n  rights lrs\n  bar \\NonExistent -closed\n" LISTED
		"  INBOX \\Subscribed\n" RIGHTS "  foo +subscribed\n" LISTED},
	{ROW(annotations), {.caps = "IMAP4rev2 LIST-METADATA LIST-MYRIGHTS"},
		"$1 LIST \"\" \"%\" RETURN (METADATA (\"/shared/comment\"))\r\n"
		"$2 LIST \"\" \"%\" RETURN (CHILDREN STATUS (MESSAGES) MYRIGHTS METADATA (\"/shared/comment\" \"/private/a b\"))\r\n",
		"unasked * METADATA foo /shared/comment\n"
		"  INBOX\n  INBOX /shared/comment=x\n  foo /shared/comment=NIL\n" LISTED
		"  status 3\n" LISTED},
	{ROW(options_not_offered), {0}, "$1 LIST \"\" \"%\"\r\n$2 LIST \"\" \"%\"\r\n",
		"  a\n" LISTED "unasked * MYRIGHTS a lrs\nunasked * METADATA a (/x y)\n" LISTED
		"not started IMAP4_E_ARG: LIST: RECURSIVEMATCH of what?\n"
		"not started IMAP4_E_ARG: LIST: RECURSIVEMATCH of what?\n" LACKS("LIST-EXTENDED")
			LACKS("LIST-EXTENDED") LACKS("LIST-EXTENDED")},
	{ROW(returns_not_offered), {.caps = "LIST-EXTENDED"}, "$1 LIST \"\" \"%\"\r\n", LISTED},
	{ROW(special_use_not_offered), {.caps = "IMAP4rev2"}, "", LACKS("SPECIAL-USE")},
	{ROW(plain), {.caps = "IMAP4rev2 LIST-METADATA LIST-MYRIGHTS XLIST"},
		"$1 LIST \"\" \"%\"\r\n", "unasked * MYRIGHTS a lrs\n" LISTED},
	{ROW(wrong_entries), {.caps = "LIST-EXTENDED LIST-METADATA LITERAL+"},
		"$1 LIST \"\" \"%\" RETURN (METADATA (\"/x\" {4+}\r\na\r\nb))\r\n",
		"not started IMAP4_E_ARG: LIST: no entries, or more than 1000\n"
		"not started IMAP4_E_ARG: LIST: no entries, or more than 1000\n"
		"not started IMAP4_E_ARG: LIST: an entry has no name\nIMAP4_E_NO LIST was refused: x\n"},
	{ROW(xlist), {.caps = "XLIST CHILDREN"}, "$1 XLIST \"\" \"*\"\r\n", GMAIL LISTED},
	{ROW(xlist), {.caps = "XLIST LIST-EXTENDED"}, "$1 XLIST \"\" \"*\"\r\n", GMAIL LISTED},
	{ROW(xlist), {.caps = "XLIST SPECIAL-USE LIST-EXTENDED"},
		"$1 LIST \"\" \"*\" RETURN (CHILDREN SPECIAL-USE)\r\n", GMAIL LISTED},
	{ROW(xlist), {0}, "$1 LIST \"\" \"*\"\r\n", GMAIL LISTED},
	{ROW(keeps_away), {.caps = "ACL METADATA LIST-EXTENDED LIST-MYRIGHTS LIST-METADATA"},
		"$1 MYRIGHTS a\r\n$2 LIST \"\" (\"a\" \"b\") RETURN (MYRIGHTS)\r\n$3 MYRIGHTS a\r\n"
		"$4 GETMETADATA a /shared/comment\r\n$5 LIST \"\" \"x\" RETURN (METADATA (\"/shared/comment\"))\r\n"
		"$6 GETMETADATA a /shared/comment\r\n",
		KEPT},
};

Test(cmd_list, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * test_append_data.c -- the forms in which APPEND and REPLACE give a message: literals, BINARY, UTF8, CATENATE. The examples
 * of RFC 9051 section 6.3.12, RFC 4469 appendix A, RFC 8508 sections 3 and 4.2, RFC 8474 section 5 are among the rows (RFC 3516
 * and RFC 6855 have none), with as many octets x in the place of their texts.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

#define PARTS_MAX 8

struct part {
	size_t size; /* of a text */
	const char *url;
	bool utf8;
};

struct row {
	const char *name;
	struct rig_options o;
	const char *enable; /* an ENABLE right before it */
	uint32_t uid, seq;  /* REPLACE of this message */
	const char *mailbox;
	const char *flags[4];
	const char *date;
	size_t size;
	bool binary, utf8;
	struct part part[PARTS_MAX];
	size_t copies; /* more messages like this one */
	const char
		*server; /* each line is said when the client has sent what the one before allows */
	const char *sent; /* <n>: n octets x */
	const char *log;
};

#define DRAFTS "\"/Drafts;UIDVALIDITY=385759045/;UID="
#define INBOX  "\"/INBOX;UIDVALIDITY=785799047/;UID="
#define URL(s) .url = (s)
#define TEXT(n)                                                                                    \
	{                                                                                          \
		.size = (n)                                                                        \
	}
#define GO    "+ Ready for literal data\r\n"
#define SENT  "\\Seen", "$MDNSent"
#define DRAFT "\\Seen", "\\Draft"

static const struct row rows[] = {
	{"RFC 9051 6.3.12, first", .mailbox = "saved-messages", .flags = {"\\Seen"}, .size = 326,
		.server = GO "$1 OK APPEND completed\r\n",
		.sent = "$1 APPEND saved-messages (\\Seen) {326}\r\n<326>\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"RFC 9051 6.3.12, second", {.caps = "LITERAL+"}, .mailbox = "saved-messages",
		.flags = {"\\Seen"}, .size = 297,
		.server = "$1 OK [APPENDUID 38505 3955] APPEND completed\r\n",
		.sent = "$1 APPEND saved-messages (\\Seen) {297+}\r\n<297>\r\n",
		.log = "uid 38505 3955\nIMAP4_OK APPEND succeeded\n"},
	/* there the verb is in lower case */
	{"RFC 8474 5.3", .mailbox = "inbox", .date = "20-Mar-2018 03:07:37 +1100", .size = 733,
		.server = GO "$1 OK [APPENDUID 1521475658 1] Completed\r\n",
		.sent = "$1 APPEND inbox \"20-Mar-2018 03:07:37 +1100\" {733}\r\n<733>\r\n",
		.log = "uid 1521475658 1\nIMAP4_OK APPEND succeeded\n"},
	{"RFC 8474 5.3, the third", .mailbox = "inbox", .date = "20-Mar-2018 03:07:37 +1100",
		.size = 736, .server = GO "$1 OK [APPENDUID 1521475658 3] Completed\r\n",
		.sent = "$1 APPEND inbox \"20-Mar-2018 03:07:37 +1100\" {736}\r\n<736>\r\n",
		.log = "uid 1521475658 3\nIMAP4_OK APPEND succeeded\n"},
	{"RFC 4469 example 1", {.caps = "CATENATE"}, .mailbox = "Drafts",
		.flags = {DRAFT, "$MDNSent"},
		.part = {{URL("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER")}, TEXT(42),
			{URL("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME")},
			{URL("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1")}, TEXT(42),
			{URL("/Drafts;UIDVALIDITY=385759045/;UID=30")}, TEXT(44)},
		.server = GO GO GO "$1 OK catenate append completed\r\n",
		.sent = "$1 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL " DRAFTS
			"20/;section=HEADER\" TEXT {42}\r\n<42> URL " DRAFTS
			"20/;section=1.MIME\" URL " DRAFTS
			"20/;section=1\" TEXT {42}\r\n<42> URL " DRAFTS
			"30\" TEXT {44}\r\n<44>)\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"RFC 4469 example 2", {.caps = "CATENATE UIDPLUS"}, .mailbox = "Drafts",
		.flags = {DRAFT, "$MDNSent"},
		.part = {TEXT(738), {URL("/Drafts;UIDVALIDITY=385759045/;UID=20/;Section=2.MIME")},
			{URL("/Drafts;UIDVALIDITY=385759045/;UID=20/;Section=2")}, TEXT(44)},
		.server = GO GO "$1 OK [APPENDUID 385759045 45] append Completed\r\n",
		.sent = "$1 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (TEXT {738}\r\n<738> URL " DRAFTS
			"20/;Section=2.MIME\" URL " DRAFTS "20/;Section=2\" TEXT {44}\r\n<44>)\r\n",
		.log = "uid 385759045 45\nIMAP4_OK APPEND succeeded\n"},
	{"RFC 4469 example 3", {.caps = "CATENATE"}, .mailbox = "Drafts",
		.flags = {DRAFT, "$MDNSent"},
		.part = {{URL("/Drafts;UIDVALIDITY=385759045/;UID=21/;section=HEADER")}, TEXT(42),
			{URL("/Drafts;UIDVALIDITY=385759045/;UID=21/;section=1.MIME")},
			{URL("/Drafts;UIDVALIDITY=385759045/;UID=21/;section=1")}, TEXT(255)},
		.server = GO GO "$1 OK append Completed\r\n",
		.sent = "$1 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL " DRAFTS
			"21/;section=HEADER\" TEXT {42}\r\n<42> URL " DRAFTS
			"21/;section=1.MIME\" URL " DRAFTS
			"21/;section=1\" TEXT {255}\r\n<255>)\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	/* the URL of the answer is on two lines there */
	{"RFC 4469 example 4", {.caps = "CATENATE"}, .mailbox = "Sent", .flags = {SENT},
		.part = {TEXT(541), {URL("/INBOX;UIDVALIDITY=785799047/;UID=11467")}, TEXT(42),
			{URL("/INBOX;UIDVALIDITY=785799047/;UID=113330/;section=1.5.9")}, TEXT(42),
			{URL("/INBOX;UIDVALIDITY=785799047/;UID=11916")}, TEXT(44)},
		.server = GO GO GO GO
		"$1 NO [BADURL " INBOX
		"113330;section=1.5.9\"] CATENATE append has failed, one message expunged\r\n",
		.sent = "$1 APPEND Sent (\\Seen $MDNSent) CATENATE (TEXT {541}\r\n<541> URL " INBOX
			"11467\" TEXT {42}\r\n<42> URL " INBOX
			"113330/;section=1.5.9\" TEXT {42}\r\n<42> URL " INBOX
			"11916\" TEXT {44}\r\n<44>)\r\n",
		.log = "BADURL \"/INBOX;UIDVALIDITY=785799047/;UID=113330;section=1.5.9\"\n"
		       "IMAP4_E_NO APPEND was refused: CATENATE append has failed, one message expunged\n"},
	{"RFC 4469: NO in place of +", {.caps = "CATENATE"}, .mailbox = "x",
		.part = {TEXT(5), {URL("/a/;UID=1")}, TEXT(7)},
		.server = GO "$1 NO [BADURL /a/;UID=1] no\r\n",
		.sent = "$1 APPEND x CATENATE (TEXT {5}\r\n<5> URL \"/a/;UID=1\" TEXT {7}\r\n",
		.log = "BADURL /a/;UID=1\nIMAP4_E_NO APPEND was refused: no\n"},
	{"RFC 8508 3.2", {.caps = "REPLACE"}, .seq = 4, .mailbox = "Drafts", .flags = {DRAFT},
		.size = 312,
		.server = GO "* OK [APPENDUID 1 2000] Replacement Message ready\r\n* 5 EXISTS\r\n"
			     "* 4 EXPUNGE\r\n$1 OK Replace completed\r\n",
		.sent = "$1 REPLACE 4 Drafts (\\Seen \\Draft) {312}\r\n<312>\r\n",
		.log = "unasked * 5 EXISTS\nuid 1 2000\n  * 4 EXPUNGE\nIMAP4_OK REPLACE succeeded\n"},
	{"RFC 8508 3.3", {.caps = "REPLACE"}, .uid = 2000, .mailbox = "Drafts", .flags = {DRAFT},
		.size = 350,
		.server = GO "* OK [APPENDUID 1 2001] Replacement Message ready\r\n* 5 EXISTS\r\n"
			     "* 4 EXPUNGE\r\n$1 OK Replace completed\r\n",
		.sent = "$1 UID REPLACE 2000 Drafts (\\Seen \\Draft) {350}\r\n<350>\r\n",
		.log = "unasked * 5 EXISTS\nuid 1 2001\n  * 4 EXPUNGE\nIMAP4_OK UID REPLACE succeeded\n"},
	{"RFC 8508 4.2", {.caps = "REPLACE CATENATE"}, .uid = 3002, .mailbox = "Drafts",
		.part = {TEXT(71), {URL("/Drafts/;UID=3002")}},
		.server = GO "* OK [APPENDUID 1 3003] Replacement Message ready\r\n* 5 EXISTS\r\n"
			     "* 4 EXPUNGE\r\n$1 OK REPLACE completed\r\n",
		.sent = "$1 UID REPLACE 3002 Drafts CATENATE (TEXT {71}\r\n<71> URL "
			"\"/Drafts/;UID=3002\")\r\n",
		.log = "unasked * 5 EXISTS\nuid 1 3003\n  * 4 EXPUNGE\nIMAP4_OK UID REPLACE succeeded\n"},

	{"REPLACE with APPENDUID at the end", {.caps = "REPLACE LITERAL+"}, .uid = 7,
		.mailbox = "a b", .date = "20-Mar-2018 03:07:37 +1100", .size = 3,
		.server = "* VANISHED 7\r\n$1 OK [APPENDUID 9 8] x\r\n",
		.sent = "$1 UID REPLACE 7 \"a b\" \"20-Mar-2018 03:07:37 +1100\" {3+}\r\n<3>\r\n",
		.log = "uid 9 8\n  * VANISHED 7\nIMAP4_OK UID REPLACE succeeded\n"},
	{"REPLACE without APPENDUID", {.caps = "REPLACE LITERAL+"}, .uid = 7, .mailbox = "x",
		.size = 3, .server = "* 4 EXPUNGE\r\n$1 OK x\r\n",
		.sent = "$1 UID REPLACE 7 x {3+}\r\n<3>\r\n",
		.log = "  * 4 EXPUNGE\nIMAP4_OK UID REPLACE succeeded\n"},
	{"REPLACE with two UIDs", {.caps = "REPLACE LITERAL+"}, .uid = 7, .mailbox = "x", .size = 3,
		.server = "* OK [APPENDUID 1 5:6] x\r\n$1 OK x\r\n",
		.sent = "$1 UID REPLACE 7 x {3+}\r\n<3>\r\n",
		.log = "IMAP4_OK UID REPLACE succeeded\n"},
	{"REPLACE refused", {.caps = "REPLACE"}, .uid = 7, .mailbox = "x", .size = 3,
		.server = "$1 NO [OVERQUOTA] full\r\n", .sent = "$1 UID REPLACE 7 x {3}\r\n",
		.log = "IMAP4_E_NO UID REPLACE was refused: full\n"},
	{"REPLACE not understood", {.caps = "REPLACE LITERAL+"}, .seq = 7, .mailbox = "x",
		.size = 3, .server = "$1 BAD [APPENDUID 1 5] what\r\n",
		.sent = "$1 REPLACE 7 x {3+}\r\n<3>\r\n",
		.log = "IMAP4_E_BAD REPLACE was not understood by the server: what\n"},
	{"REPLACE not offered", .uid = 7, .mailbox = "x", .size = 3, .server = "", .sent = "",
		.log = "IMAP4_E_NOCAP UID REPLACE failed: the server does not offer REPLACE\n"},
	{"REPLACE by a backup", {.caps = "REPLACE", .policy = IMAP4_POLICY_BACKUP}, .uid = 7,
		.mailbox = "x", .size = 3, .server = "", .sent = "",
		.log = "not started IMAP4_E_POLICY: UID REPLACE may change the mailbox: not during a backup\n"},

	{"BINARY waits", {.caps = "BINARY"}, .mailbox = "x", .size = 3, .binary = true,
		.server = GO "$1 NO [UNKNOWN-CTE] not here\r\n",
		.sent = "$1 APPEND x ~{3}\r\n<3>\r\n",
		.log = "UNKNOWN-CTE \nIMAP4_E_NO APPEND was refused: not here\n"},
	{"BINARY does not wait", {.caps = "BINARY LITERAL-"}, .mailbox = "x", .size = 3,
		.binary = true, .server = "$1 OK x\r\n", .sent = "$1 APPEND x ~{3+}\r\n<3>\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	/* RFC 9051 appendix E: only what fetches is part of it */
	{"BINARY is not part of IMAP4rev2", {.caps = "IMAP4rev2"}, .mailbox = "x", .size = 3,
		.binary = true, .server = "", .sent = "",
		.log = "IMAP4_E_NOCAP APPEND failed: the server does not offer BINARY\n"},
	{"UTF8 behind ENABLE", {.caps = "ENABLE UTF8=ACCEPT"}, .enable = "UTF8=ACCEPT",
		.mailbox = "Entw\xc3\xbcrfe", .size = 25, .utf8 = true,
		.server = "* ENABLED UTF8=ACCEPT\r\n$1 OK x\r\n" GO "$2 OK x\r\n",
		.sent = "$1 ENABLE UTF8=ACCEPT\r\n$2 APPEND \"Entw\xc3\xbcrfe\" UTF8 (~{25}\r\n<25>)\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"UTF8 with LITERAL+ alone", {.caps = "ENABLE UTF8=ACCEPT LITERAL+"},
		.enable = "UTF8=ACCEPT", .mailbox = "x", .size = 25, .utf8 = true,
		.server = "* ENABLED UTF8=ACCEPT\r\n$1 OK x\r\n" GO "$2 OK x\r\n",
		.sent = "$1 ENABLE UTF8=ACCEPT\r\n$2 APPEND x UTF8 (~{25}\r\n<25>)\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"UTF8 that does not wait", {.caps = "ENABLE UTF8=ONLY LITERAL+ BINARY"},
		.enable = "UTF8=ACCEPT", .mailbox = "x", .size = 25, .utf8 = true,
		.server = "* ENABLED UTF8=ACCEPT\r\n$1 OK x\r\n$2 OK x\r\n",
		.sent = "$1 ENABLE UTF8=ACCEPT\r\n$2 APPEND x UTF8 (~{25+}\r\n<25>)\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"UTF8 under IMAP4rev2 is a literal", {.caps = "IMAP4rev2"}, .enable = "IMAP4rev2",
		.mailbox = "x", .size = 25, .utf8 = true,
		.server = "* ENABLED IMAP4rev2\r\n$1 OK x\r\n$2 OK x\r\n",
		.sent = "$1 ENABLE IMAP4rev2\r\n$2 APPEND x {25+}\r\n<25>\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"UTF8 that was refused", {.caps = "ENABLE UTF8=ACCEPT"}, .enable = "UTF8=ACCEPT",
		.mailbox = "x", .size = 25, .utf8 = true, .server = "$1 NO x\r\n",
		.sent = "$1 ENABLE UTF8=ACCEPT\r\n",
		.log = "IMAP4_E_NOCAP APPEND failed: the server does not offer UTF8=ACCEPT, or it was not enabled\n"},
	{"UTF8 in CATENATE", {.caps = "ENABLE UTF8=ACCEPT CATENATE"}, .enable = "UTF8=ACCEPT",
		.mailbox = "x", .part = {{9, NULL, true}, {URL("/a;UID=1")}, TEXT(4)},
		.server = "* ENABLED UTF8=ACCEPT\r\n$1 OK x\r\n" GO GO "$2 NO [TOOBIG] no\r\n",
		.sent = "$1 ENABLE UTF8=ACCEPT\r\n$2 APPEND x CATENATE (UTF8 (~{9}\r\n<9>) URL "
			"\"/a;UID=1\" TEXT {4}\r\n<4>)\r\n",
		.log = "TOOBIG \nIMAP4_E_NO APPEND was refused: no\n"},
	{"UTF8 in CATENATE, not enabled", {.caps = "CATENATE"}, .mailbox = "x",
		.part = {{9, NULL, true}}, .server = "", .sent = "",
		.log = "IMAP4_E_NOCAP APPEND failed: the server does not offer UTF8=ACCEPT, or it was not enabled\n"},
	{"UTF8=ONLY that is not enabled", {.caps = "UTF8=ONLY LITERAL+"}, .mailbox = "x", .size = 3,
		.server = "$1 NO [CANNOT] ENABLE UTF8=ACCEPT first\r\n",
		.sent = "$1 APPEND x {3+}\r\n<3>\r\n",
		.log = "CANNOT \nIMAP4_E_NO APPEND was refused: ENABLE UTF8=ACCEPT first\n"},
	{"CATENATE of text alone", {.caps = "CATENATE LITERAL+"}, .mailbox = "x", .part = {TEXT(4)},
		.server = "$1 OK x\r\n", .sent = "$1 APPEND x CATENATE (TEXT {4+}\r\n<4>)\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"CATENATE of a URL alone", {.caps = "CATENATE"}, .mailbox = "x",
		.part = {{URL("/a\"b\\c;UID=1")}}, .server = "$1 OK x\r\n",
		.sent = "$1 APPEND x CATENATE (URL \"/a\\\"b\\\\c;UID=1\")\r\n",
		.log = "IMAP4_OK APPEND succeeded\n"},
	{"CATENATE in MULTIAPPEND", {.caps = "CATENATE MULTIAPPEND"}, .mailbox = "x",
		.flags = {"a"}, .part = {{URL("/a;UID=1")}, {URL("/a;UID=2")}}, .copies = 1,
		.server = "$1 OK [APPENDUID 3 5,4] x\r\n",
		.sent = "$1 APPEND x (a) CATENATE (URL \"/a;UID=1\" URL \"/a;UID=2\") (a) CATENATE "
			"(URL \"/a;UID=1\" URL \"/a;UID=2\")\r\n",
		.log = "uid 3 5\nIMAP4_OK APPEND succeeded\n"},
	{"CATENATE not offered", {.caps = "LITERAL+"}, .mailbox = "x", .part = {TEXT(4)},
		.server = "", .sent = "",
		.log = "IMAP4_E_NOCAP APPEND failed: the server does not offer CATENATE\n"},
};

/* The row being played. */
static const struct row *now;
static size_t left[PARTS_MAX];

static long read_x(void *ctx, void *p, size_t n)
{
	size_t *l = ctx, part = n < *l ? n : *l;
	memset(p, 'x', part);
	*l -= part;
	return (long)part;
}

static imap4_str str(const char *s)
{
	return (imap4_str){s, s != NULL ? strlen(s) : 0};
}

static size_t set_parts(imap4_append_part *p)
{
	size_t n = 0;
	for (; n < PARTS_MAX && (now->part[n].size > 0 || now->part[n].url != NULL); n++) {
		left[n] = now->part[n].size;
		p[n] = (imap4_append_part){.struct_size = sizeof p[n],
			.url = now->part[n].url,
			.size = now->part[n].size,
			.source = {&left[n], read_x},
			.utf8 = now->part[n].utf8};
	}
	return n;
}

static imap4_cmd *start(struct rig *r)
{
	imap4_str flags[4];
	imap4_append_part parts[PARTS_MAX];
	imap4_append_message m = {.struct_size = sizeof m,
		.flags = flags,
		.internaldate = str(now->date),
		.binary = now->binary,
		.utf8 = now->utf8,
		.parts = parts};
	while (m.nflags < 4 && now->flags[m.nflags] != NULL) {
		flags[m.nflags] = str(now->flags[m.nflags]);
		m.nflags++;
	}
	m.nparts = set_parts(parts);
	if (m.nparts == 0) {
		left[0] = m.size = now->size;
		m.source = (imap4_source){&left[0], read_x};
	}
	if (now->uid == 0 && now->seq == 0) {
		const imap4_append_message all[2] = {m, m};
		return imap4_append_start(
			r->session, str(now->mailbox), all, 1 + now->copies, NULL);
	}
	engine_set_state(r->engine, IMAP4_SELECTED);
	const imap4_replace_opts o = {
		.struct_size = sizeof o, .by = now->uid != 0 ? IMAP4_BY_UID : IMAP4_BY_SEQ};
	return imap4_replace_start(r->session, now->uid + now->seq, str(now->mailbox), &m, &o);
}

static void say_lines(struct rig *r, const char *text)
{
	while (*text != '\0') {
		size_t n = (size_t)(strchr(text, '\n') + 1 - text);
		rig_say_n(r, text, n);
		text += n;
	}
	rig_pump(r);
}

static void play(struct rig *r)
{
	imap4_cmd *enable =
		now->enable != NULL ? imap4_enable_start(r->session, &now->enable, 1) : NULL;
	imap4_cmd *c = start(r);
	say_lines(r, now->server);
	imap4_cmd_free(enable);
	const imap4_appended *a = c != NULL ? imap4_cmd_appended(c) : NULL;
	if (a != NULL)
		rig_logf(r, "uid %u %u\n", a->uidvalidity, a->uid[0]);
	const imap4_result *res = c != NULL ? imap4_cmd_result(c) : NULL;
	imap4_code code = res != NULL ? res->code : IMAP4_CODE_NONE;
	if (code == IMAP4_CODE_BADURL || code == IMAP4_CODE_TOOBIG ||
		code == IMAP4_CODE_UNKNOWN_CTE || code == IMAP4_CODE_CANNOT)
		rig_logf(r, "%s %s\n", res->code_atom.ptr,
			res->code_args.ptr != NULL ? res->code_args.ptr : "");
	rig_finish(r, c);
}

/* "<n>" becomes n octets x. */
static char *expand(const char *template)
{
	struct buf out = BUF_INIT(1 << 20);
	for (const char *p = template; *p != '\0'; p++) {
		char *end;
		long n = *p == '<' ? strtol(p + 1, &end, 10) : 0;
		if (n <= 0) {
			(void)buf_add_byte(&out, (unsigned char)*p);
			continue;
		}
		while (n-- > 0)
			(void)buf_add_byte(&out, 'x');
		p = end;
	}
	return out.len > 0 ? buf_take(&out) : strdup("");
}

Test(append_data, each_form_is_written_as_the_rfc_says)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		now = &rows[i];
		char *sent = expand(now->sent);
		char *why = rig_check(&now->o, play, sent, now->log);
		cr_expect_null(why, "%s: %s", now->name, why);
		free(why);
		free(sent);
	}
}

/* RFC 8508 section 4.2, the APPEND before: {1201534}, which is announced also where nothing has to wait. */
Test(append_data, a_large_message_is_announced)
{
	static const struct row row = {.mailbox = "Drafts", .flags = {DRAFT}, .size = 1201534};
	now = &row;
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	imap4_cmd *c = start(r);
	rig_pump(r);
	cr_expect(
		strstr(buf_str(&r->sent), " APPEND Drafts (\\Seen \\Draft) {1201534}\r\n") != NULL);
	cr_expect_eq(left[0], (size_t)1201534);
	say_lines(r, GO "$1 OK [APPENDUID 1 3002] APPEND complete\r\n");
	cr_expect_eq(left[0], (size_t)0);
	cr_assert_not_null(imap4_cmd_appended(c));
	cr_expect_eq(imap4_cmd_appended(c)->uid[0], 3002u);
	rig_free(r);
}

Test(append_data, wrong_parts_are_refused_at_once)
{
	static char long_url[1002];
	memset(long_url, 'a', sizeof long_url - 1);
	const struct {
		const char *why;
		imap4_append_part part;
		imap4_append_message m;
	} row[] = {
		{"no text and no URL", {.size = 0}, {.nparts = 1}},
		{"no source", {.size = 1}, {.nparts = 1}},
		{"too large", {.size = (uint64_t)UINT32_MAX + 1, .source = {left, read_x}},
			{.nparts = 1}},
		{"empty URL", {.url = ""}, {.nparts = 1}},
		{"URL with a line end", {.url = "/a\r\nx LOGOUT"}, {.nparts = 1}},
		{"URL with a space", {.url = "/a b"}, {.nparts = 1}},
		{"URL with 8 bits", {.url = "/\xc3\xa4"}, {.nparts = 1}},
		{"URL too long", {.url = long_url}, {.nparts = 1}},
		{"parts and a size", {.url = "/a"}, {.nparts = 1, .size = 1}},
		{"parts and binary", {.url = "/a"}, {.nparts = 1, .binary = 1}},
		{"parts and utf8", {.url = "/a"}, {.nparts = 1, .utf8 = 1}},
		{"too many parts", {.url = "/a"}, {.nparts = IMAP_APPEND_MESSAGES_MAX + 1}},
		{"binary and utf8", {.url = "/a"},
			{.size = 1, .source = {left, read_x}, .binary = 1, .utf8 = 1}},
	};
	struct rig *r = rig_new(&(struct rig_options){.caps = "CATENATE BINARY REPLACE"}, 0);
	engine_set_state(r->engine, IMAP4_SELECTED);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		imap4_append_part part = row[i].part;
		imap4_append_message m = row[i].m;
		part.struct_size = sizeof part;
		m.struct_size = sizeof m;
		m.parts = &part;
		cr_expect_null(
			imap4_append_start(r->session, str("x"), &m, 1, NULL), "%s", row[i].why);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG, "%s", row[i].why);
		cr_expect_null(
			imap4_replace_start(r->session, 1, str("x"), &m, NULL), "%s", row[i].why);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG, "%s", row[i].why);
	}
	imap4_append_part part = {.url = "/a"};
	imap4_append_message m = {.struct_size = sizeof m, .parts = &part, .nparts = 1};
	cr_expect_null(imap4_append_start(r->session, str("x"), &m, 1, NULL), "no struct_size");
	m.parts = NULL;
	cr_expect_null(imap4_append_start(r->session, str("x"), &m, 1, NULL), "no parts");
	part.struct_size = sizeof part;
	m.parts = &part;
	cr_expect_null(imap4_replace_start(r->session, 0, str("x"), &m, NULL), "message 0");
	cr_expect_null(imap4_replace_start(r->session, 1, str("x"), NULL, NULL), "no message");
	long_url[1000] = '\0';
	part.url = long_url;
	cr_expect_not_null(imap4_append_start(r->session, str("x"), &m, 1, NULL));
	rig_free(r);
}

/* A caller that was built when imap4_append_message ended with its source. */
Test(append_data, an_older_caller_has_no_parts)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	left[0] = 2;
	const imap4_append_message m = {.struct_size = offsetof(imap4_append_message, binary),
		.size = 2,
		.source = {left, read_x},
		.binary = 1,
		.nparts = 7};
	cr_assert_not_null(imap4_append_start(r->session, str("x"), &m, 1, NULL));
	rig_pump(r);
	cr_expect(strstr(buf_str(&r->sent), " APPEND x {2+}\r\nxx\r\n") != NULL, "%s",
		buf_str(&r->sent));
	rig_free(r);
}

/* EXPUNGE names no command: whose it is must be clear. */
Test(append_data, a_replace_is_not_in_flight_with_others_that_remove)
{
	static const struct row row = {.mailbox = "x", .uid = 7, .size = 1};
	now = &row;
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+ REPLACE UIDPLUS MOVE"}, 0);
	imap4_cmd *c[4] = {start(r)};
	c[1] = imap4_expunge_start(r->session);
	c[2] = start(r);
	rig_pump(r);
	cr_expect_null(strstr(buf_str(&r->sent), "EXPUNGE"));
	rig_say(r, "* 3 EXPUNGE\r\n$1 OK x\r\n");
	cr_expect(strstr(buf_str(&r->sent), "EXPUNGE\r\n") != NULL);
	cr_expect_null(strstr(buf_str(&r->sent), "3 UID REPLACE"));
	left[0] = 1;
	say_lines(r, "* 2 EXPUNGE\r\n$2 OK x\r\n* 1 EXPUNGE\r\n$3 OK x\r\n");
	for (size_t i = 0; i < 3; i++) {
		const imap4_data *d = imap4_cmd_next(c[i]);
		cr_assert_not_null(d, "%zu", i);
		cr_expect_eq(imap4_data_number(d), (uint32_t)(3 - i));
	}
	rig_free(r);
}

/* RFC 9051 section 5.5 */
Test(append_data, a_replace_by_number_is_alone_in_flight)
{
	for (uint32_t by_number = 0; by_number < 2; by_number++) {
		const struct row row = {
			.mailbox = "x", .uid = 7 * !by_number, .seq = 7 * by_number, .size = 1};
		now = &row;
		struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+ REPLACE"}, 0);
		(void)imap4_noop_start(r->session);
		(void)start(r);
		(void)imap4_noop_start(r->session);
		rig_pump(r);
		cr_expect_eq(engine_in_flight(r->engine), by_number ? (size_t)1 : (size_t)3);
		rig_say(r, "$1 OK x\r\n");
		cr_expect_eq(engine_in_flight(r->engine), by_number ? (size_t)1 : (size_t)2);
		cr_expect(strstr(buf_str(&r->sent), " REPLACE 7 x {1+}\r\nx\r\n") != NULL);
		rig_free(r);
	}
}

/* A source that starts another upload when it is read for the first time. */
struct starter {
	struct rig *r;
	size_t left;
	imap4_cmd *started;
};

static long read_and_start(void *ctx, void *p, size_t n)
{
	struct starter *s = ctx;
	if (s->started == NULL) {
		const imap4_append_message m = {
			.struct_size = sizeof m, .size = 1, .source = {&left[1], read_x}};
		const imap4_replace_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
		s->started = imap4_replace_start(s->r->session, 7, str("y"), &m, &o);
	}
	return read_x(&s->left, p, n);
}

Test(append_data, an_upload_may_be_started_while_another_is_read)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+ REPLACE CATENATE"}, 0);
	struct starter s = {.r = r, .left = 3};
	const imap4_append_part parts[] = {
		{.struct_size = sizeof parts[0], .size = 3, .source = {&s, read_and_start}},
		{.struct_size = sizeof parts[0], .url = "/a;UID=1"},
	};
	const imap4_append_message m = {.struct_size = sizeof m, .parts = parts, .nparts = 2};
	left[1] = 1;
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_cmd *c = imap4_append_start(r->session, str("x"), &m, 1, NULL);
	rig_pump(r);
	cr_expect(strstr(buf_str(&r->sent),
			  " APPEND x CATENATE (TEXT {3+}\r\nxxx URL \"/a;UID=1\")\r\n") != NULL);
	cr_expect(strstr(buf_str(&r->sent), " UID REPLACE 7 y {1+}\r\nx\r\n") != NULL);
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n");
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
	cr_assert_not_null(s.started);
	cr_expect_eq(imap4_cmd_result(s.started)->err, IMAP4_OK);
	rig_free(r);
}

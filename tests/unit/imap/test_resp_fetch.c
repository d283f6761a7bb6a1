/* SPDX-License-Identifier: MIT */
/* test_resp_fetch.c -- FETCH and UIDFETCH: items, bodies, and what is known while a body arrives. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

static const struct {
	const char *name, *in, *out;
} rows[] = {
	{"all", "* 12 FETCH (UID 7 FLAGS (\\Seen x) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 99 MODSEQ (5))",
		"FETCH seq=12 uid=7 flags=\\Seen,x date=17-Jul-1996 02:44:25 -0700 size=99 modseq=5"},
	{"any case, extra spaces, space at the end", "*  3  Fetch  ( uid  7   flags ( )  ) ",
		"Fetch seq=3 uid=7 flags="},
	{"no space before the list", "* 3 FETCH(UID 7)", "FETCH seq=3 uid=7"},
	{"nothing", "* 3 FETCH ()", "FETCH seq=3"},
	{"FETCH 0 (Q30)", "* 0 FETCH (UID 7)", "FETCH seq=0 uid=7"},
	{"UIDFETCH", "* 25 UIDFETCH (FLAGS (a))", "UIDFETCH seq=0 uid=25 flags=a"},
	{"UIDFETCH with the same UID", "* 25 UIDFETCH (UID 25)", "UIDFETCH seq=0 uid=25"},
	{"UIDFETCH with another UID", "* 25 UIDFETCH (UID 26)", "!UIDFETCH seq=0 uid=25"},
	{"UIDFETCH 0", "* 0 UIDFETCH (FLAGS ())", "UIDFETCH seq=0 flags="},
	{"more flags than fit", "* 1 FETCH (FLAGS (a b c d e f g h))",
		"FETCH seq=1 flags=a,b,c,d,e,f,g,h"},
	{"quoted flags (Q39)", "* 1 FETCH (FLAGS (\"\\\\Seen\" \"\\Draft\" x))",
		"!FETCH seq=1 flags=\\Seen,\\Draft,x"},
	{"NIL flags", "* 1 FETCH (FLAGS NIL)", "FETCH seq=1 flags="},
	{"NIL among flags", "* 1 FETCH (FLAGS (a NIL b))", "FETCH seq=1 flags=a,b"},
	{"a lone flag", "* 1 FETCH (FLAGS \\Seen)", "FETCH seq=1 flags=\\Seen"},
	{"a list among flags", "* 1 FETCH (FLAGS (a (b) c))", "!FETCH seq=1 flags=a,c"},
	{"a flag with brackets", "* 1 FETCH (FLAGS ([a] b]) UID 3)",
		"FETCH seq=1 uid=3 flags=[a],b]"},
	{"flags like body items", "* 1 FETCH (FLAGS (BODY[ x) UID 3)",
		"FETCH seq=1 uid=3 flags=BODY[,x"},
	{"the star", "* 1 FETCH (FLAGS (\\* \\Seen))", "FETCH seq=1 flags=\\*,\\Seen"},
	{"date NIL", "* 1 FETCH (INTERNALDATE NIL UID 3)", "FETCH seq=1 uid=3"},
	{"date as atom", "* 1 FETCH (INTERNALDATE 00-Jan-0000 UID 3)",
		"FETCH seq=1 uid=3 date=00-Jan-0000"},
	{"date as list", "* 1 FETCH (INTERNALDATE ((a)) UID 3)", "!FETCH seq=1 uid=3"},
	/* numbers: each spoils only itself */
	{"UID 0", "* 1 FETCH (UID 0 FLAGS (a))", "!FETCH seq=1 flags=a"},
	{"UID 2^32-1", "* 1 FETCH (UID 4294967295)", "FETCH seq=1 uid=4294967295"},
	{"UID 2^32", "* 1 FETCH (UID 4294967296 FLAGS (a))", "!FETCH seq=1 flags=a"},
	{"UID as a float (Q29)", "* 1 FETCH (UID 9.3736e+06 FLAGS (a))", "!FETCH seq=1 flags=a"},
	{"UID quoted", "* 1 FETCH (UID \"7\")", "FETCH seq=1 uid=7"},
	{"UID NIL", "* 1 FETCH (UID NIL FLAGS (a))", "!FETCH seq=1 flags=a"},
	{"size as a float", "* 1 FETCH (RFC822.SIZE 9.3736e+06 UID 7)", "!FETCH seq=1 uid=7"},
	{"size 0", "* 1 FETCH (RFC822.SIZE 0)", "FETCH seq=1 size=0"},
	{"size 2^63-1", "* 1 FETCH (RFC822.SIZE 9223372036854775807)",
		"FETCH seq=1 size=9223372036854775807"},
	{"size 2^63", "* 1 FETCH (RFC822.SIZE 9223372036854775808)", "!FETCH seq=1"},
	{"MODSEQ -1 (Q27)", "* 1 FETCH (MODSEQ (-1) UID 7)", "!FETCH seq=1 uid=7"},
	{"MODSEQ 0", "* 1 FETCH (MODSEQ (0) UID 7)", "FETCH seq=1 uid=7 modseq=0"},
	{"MODSEQ without parentheses", "* 1 FETCH (MODSEQ 5)", "FETCH seq=1 modseq=5"},
	{"MODSEQ empty", "* 1 FETCH (MODSEQ () UID 7)", "!FETCH seq=1 uid=7"},
	{"number of the message out of range", "* 4294967296 FETCH (UID 7)", "!FETCH seq=0 uid=7"},
	{"number of the message a float", "* 9.3e+06 FETCH (UID 7)", "!FETCH seq=0 uid=7"},
	/* ids */
	{"object ids", "* 1 FETCH (EMAILID (M1) THREADID (T1))",
		"FETCH seq=1 emailid=M1 threadid=T1"},
	{"no thread", "* 1 FETCH (EMAILID (M1) THREADID NIL)", "FETCH seq=1 emailid=M1"},
	{"Gmail", "* 1 FETCH (X-GM-MSGID 12 X-GM-THRID 13)",
		"FETCH seq=1 emailid=12 threadid=13 gm-msgid=12 gm-thrid=13"},
	{"object ids before Gmail's",
		"* 1 FETCH (X-GM-MSGID 12 EMAILID (M1) X-GM-THRID 13 THREADID (T1))",
		"FETCH seq=1 emailid=M1 threadid=T1 gm-msgid=12 gm-thrid=13"},
	{"Gmail's numbers are 64 bits wide",
		"* 1 FETCH (X-GM-THRID 18446744073709551615 X-GM-MSGID 18446744073709551616)",
		"FETCH seq=1 emailid=18446744073709551616 threadid=18446744073709551615"
		" gm-thrid=18446744073709551615"},
	{"two of Gmail's numbers", "* 1 FETCH (X-GM-MSGID 12 X-GM-MSGID 13)",
		"!FETCH seq=1 emailid=12 gm-msgid=12"},
	/* X-GM-LABELS */
	{"labels", "* 1 FETCH (X-GM-LABELS (\\Inbox \\Sent Important \"Muy Importante\") UID 2)",
		"FETCH seq=1 uid=2 labels=\\Inbox,\\Sent,Important,Muy Importante"},
	{"labels in modified UTF-7, quoted, as literals",
		"* 1 FETCH (X-GM-LABELS (\"\\\\Starred\" &U,BTFw- {4}\r\na &-))",
		"FETCH seq=1 labels=\\Starred,\xe5\x8f\xb0\xe5\x8c\x97,a &"},
	{"a label that is no modified UTF-7", "* 1 FETCH (X-GM-LABELS (&x \"\xc3\xa4\"))",
		"FETCH seq=1 labels=&x,\xc3\xa4"},
	{"no labels", "* 1 FETCH (X-GM-LABELS ())", "FETCH seq=1 labels="},
	{"NIL labels", "* 1 FETCH (X-GM-LABELS NIL)", "FETCH seq=1 labels="},
	{"labels among lists", "* 1 FETCH (X-GM-LABELS (a (b) NIL c))", "FETCH seq=1 labels=a,c"},
	{"a lone label", "* 1 FETCH (X-GM-LABELS a UID 2)", "!FETCH seq=1 uid=2"},
	/* PREVIEW, SAVEDATE */
	{"preview", "* 1 FETCH (PREVIEW \"Preview text!\")", "FETCH seq=1 preview=Preview text!"},
	{"preview as a literal", "* 1 FETCH (PREVIEW {4}\r\na\r\nb UID 2)",
		"FETCH seq=1 uid=2 preview=a\r\nb"},
	{"empty preview", "* 1 FETCH (PREVIEW \"\")", "FETCH seq=1 preview="},
	{"no preview yet", "* 1 FETCH (PREVIEW NIL)", "FETCH seq=1 preview=NIL"},
	{"preview as a list", "* 1 FETCH (PREVIEW (FUZZY \"x\") UID 2)", "!FETCH seq=1 uid=2"},
	{"two previews", "* 1 FETCH (PREVIEW \"a\" PREVIEW \"b\")", "!FETCH seq=1 preview=a"},
	{"save date", "* 998 FETCH (SAVEDATE \"01-Jan-2015 18:50:53 +0100\")",
		"FETCH seq=998 savedate=01-Jan-2015 18:50:53 +0100"},
	{"no save date", "* 1 FETCH (SAVEDATE NIL)", "FETCH seq=1 savedate=NIL"},
	{"save date as a list", "* 1 FETCH (SAVEDATE ())", "!FETCH seq=1"},
	/* twice */
	{"the same UID twice", "* 1 FETCH (UID 7 UID 7)", "FETCH seq=1 uid=7"},
	{"two UIDs", "* 1 FETCH (UID 7 UID 8)", "!FETCH seq=1 uid=7"},
	{"a UID and none", "* 1 FETCH (UID 7 UID x)", "!FETCH seq=1 uid=7"},
	{"two lists of flags", "* 1 FETCH (FLAGS (a) FLAGS (b c d e f g h))",
		"!FETCH seq=1 flags=a"},
	{"two dates", "* 1 FETCH (INTERNALDATE \"a\" INTERNALDATE \"b\")", "!FETCH seq=1 date=a"},
	{"two sizes", "* 1 FETCH (RFC822.SIZE 1 RFC822.SIZE 2)", "!FETCH seq=1 size=1"},
	/* bodies that are no literals */
	{"quoted body", "* 1 FETCH (BODY[] \"abc\")", "FETCH seq=1 body section="},
	{"empty quoted body", "* 1 FETCH (BODY[TEXT]<0> \"\" UID 3)",
		"FETCH seq=1 uid=3 body section=TEXT"},
	{"NIL body", "* 1 FETCH (body[1.2.mime] nil UID 3)",
		"FETCH seq=1 uid=3 body-nil section=1.2.mime"},
	{"both", "* 1 FETCH (RFC822 NIL BINARY[1] \"x\")",
		"FETCH seq=1 body body-nil section= section=1"},
	{"RFC822.HEADER and TEXT", "* 1 FETCH (RFC822.HEADER \"\" RFC822.TEXT \"\")",
		"FETCH seq=1 body section=HEADER section=TEXT"},
	{"section with all that may be in it",
		"* 1 FETCH (BODY[HEADER.FIELDS (\"a] (\" B)]<9> \"\" UID 2)",
		"FETCH seq=1 uid=2 body section=HEADER.FIELDS (\"a] (\" B)"},
	{"PEEK echoed", "* 1 FETCH (BODY.PEEK[] \"\")", "FETCH seq=1 body section="},
	{"body as an atom", "* 1 FETCH (BODY[] abc UID 2)", "!FETCH seq=1 uid=2 section="},
	{"body without value (Q28)", "* 1 FETCH (UID 2 BODY[])", "!FETCH seq=1 uid=2 section="},
	{"value missing before a body", "* 1 FETCH (UID 2 FLAGS BODY[] \"x\")",
		"!FETCH seq=1 uid=2 body section="},
	{"BODY and BODYSTRUCTURE are no bodies",
		"* 1 FETCH (BODY (\"TEXT\") BODYSTRUCTURE (\"TEXT\") BODYX[] \"\")", "FETCH seq=1"},
	{"BINARY.SIZE is no body", "* 1 FETCH (BINARY.SIZE[1] 5 UID 2)", "FETCH seq=1 uid=2"},
	{"section not closed", "* 1 FETCH (UID 2 BODY[TEXT", "!FETCH seq=1 uid=2"},
	{"origin not closed", "* 1 FETCH (UID 2 BODY[TEXT]<0 \"\")", "FETCH seq=1 uid=2"},
	/* other shapes */
	{"not closed", "* 1 FETCH (UID 2 FLAGS (a", "!FETCH seq=1 uid=2 flags=a"},
	{"closed once too often", "* 1 FETCH (UID 2))", "!FETCH seq=1 uid=2"},
	{"something behind", "* 1 FETCH (UID 2) x", "!FETCH seq=1 uid=2"},
	{"name without value", "* 1 FETCH (UID 2 FLAGS)", "!FETCH seq=1 uid=2"},
	{"a list for a name", "* 1 FETCH ((a) UID 2)", "!FETCH seq=1 uid=2"},
	{"unknown items", "* 1 FETCH (X-A (b (c)) X-B \"\" UID 2 X-C NIL)", "FETCH seq=1 uid=2"},
	{"ENVELOPE with unescaped quotes (Q48)", "* 1 FETCH (ENVELOPE (\"a\"b\" NIL) UID 2)",
		"!FETCH seq=1 uid=2"},
	{"no list", "* 1 FETCH UID 2", "!OTHER FETCH 1 (UID 2)"},
	{"nothing at all", "* 1 FETCH", "!OTHER FETCH 1 ()"},
	{"no number", "* FETCH (UID 2)", "OTHER FETCH ((UID 2))"},
};

Test(resp_fetch, reads_items)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_str_eq(resp_dump_line(&out, rows[i].in), rows[i].out, "%s: %s",
			rows[i].name, buf_str(&out));
	buf_release(&out);
}

Test(resp_fetch, reads_every_beginning_of_a_response)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t n = 0; n < strlen(rows[i].in); n++) {
			char *cut = strndup(rows[i].in, n);
			cr_assert_not_null(resp_dump_line(&out, cut));
			free(cut);
		}
	}
	buf_release(&out);
}

static void check_wire(const char *name, enum lexer_body how, const char *wire, const char *want)
{
	struct buf out = BUF_INIT(1 << 20);
	bool ends;
	resp_dump_wire(&out, &lexer_log_limits, how, slice_str(wire), &ends);
	cr_assert_str_eq(buf_str(&out), want, "%s: %s", name, buf_str(&out));
	cr_assert(ends, "%s", name);
	buf_release(&out);
}

Test(resp_fetch, knows_at_a_body_what_came_before_it_and_whose_it_is)
{
	static const struct {
		const char *name, *wire, *out;
	} wires[] = {
		{"UID before", "* 1 FETCH (UID 7 FLAGS (a) BODY[] {3}\r\nabc)\r\n",
			"section= size=3 FETCH seq=1 uid=7 flags=a body section=\n"
			"  FETCH seq=1 uid=7 flags=a body section=\n"},
		{"UID after", "* 1 FETCH (BODY[HEADER]<0> {3}\r\nabc UID 7)\r\n",
			"section=HEADER size=3 FETCH seq=1 body section=HEADER\n"
			"  FETCH seq=1 uid=7 body section=HEADER\n"},
		{"two bodies",
			"* 1 FETCH (RFC822.HEADER {3}\r\nabc UID 7 RFC822.TEXT {2}\r\n() FLAGS ())\r\n",
			"section=HEADER size=3 FETCH seq=1 body section=HEADER\n"
			"section=TEXT size=2 FETCH seq=1 uid=7 body section=HEADER section=TEXT\n"
			"  FETCH seq=1 uid=7 flags= body section=HEADER section=TEXT\n"},
		{"section with a literal",
			"* 1 FETCH (BODY[HEADER.FIELDS ({2}\r\nT])] {1}\r\nx UID 3)\r\n",
			"section=HEADER.FIELDS ({2}\r\nT]) size=1 FETCH seq=1 body section=HEADER.FIELDS ({2}\r\nT])\n"
			"  FETCH seq=1 uid=3 body section=HEADER.FIELDS ({2}\r\nT])\n"},
		{"value missing before", "* 1 FETCH (FLAGS BODY[1] {1}\r\nx UID 3)\r\n",
			"section=1 size=1 !FETCH seq=1 body section=1\n  !FETCH seq=1 uid=3 body section=1\n"},
		{"a literal before the body", "* 1 FETCH (X {3}\r\n)() UID 3 BODY[] {1}\r\nx)\r\n",
			"section= size=1 FETCH seq=1 uid=3 body section=\n"
			"  FETCH seq=1 uid=3 body section=\n"},
		{"empty line behind", "* 1 FETCH (BODY[] {1}\r\nx\r\n UID 3)\r\n",
			"section= size=1 FETCH seq=1 body section=\n  FETCH seq=1 uid=3 body section=\n"},
		{"broken off behind", "* 1 FETCH (UID 3 BODY[] {1}\r\nx\r\na OK\r\n",
			"section= size=1 FETCH seq=1 uid=3 body section=\n"
			"  !FETCH seq=1 uid=3 body section=\n  a OK text=\n"},
	};
	for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
		for (int how = LEXER_BODY_TAKE; how <= LEXER_BODY_SKIP; how++)
			check_wire(
				wires[i].name, (enum lexer_body)how, wires[i].wire, wires[i].out);
}

Test(resp_fetch, gives_octets_only_of_bodies_that_were_collected)
{
	static const char wire[] = "* 1 FETCH (BODY[] {5}\r\na\r\n) )\r\n";
	struct err e = ERR_INIT;
	struct lexer_gap gap = {18, 5};
	struct imap4_data *d =
		resp_parse(slice_str("* 1 FETCH (BODY[] {5}\r\n)"), &gap, 1, &lexer_log_limits, &e);
	const imap4_node *n = imap4_message_item(imap4_data_message(d), "BODY[]");
	cr_assert_eq(imap4_node_kind(n), IMAP4_NODE_BODY);
	cr_assert_eq(imap4_node_size(n), 5);
	cr_assert_null(imap4_node_text(n).ptr);
	cr_assert_not(resp_is_damaged(d));
	resp_free(d);
	d = resp_parse(slice_of(wire, sizeof wire - 3), NULL, 0, &lexer_log_limits, &e);
	n = imap4_message_item(imap4_data_message(d), "body[]");
	cr_assert_eq(imap4_node_kind(n), IMAP4_NODE_STRING);
	cr_assert_eq(imap4_node_size(n), 5);
	cr_assert_str_eq(imap4_node_text(n).ptr, "a\r\n) ");
	resp_free(d);
}

Test(resp_fetch, has_no_message_in_what_is_no_fetch)
{
	struct err e = ERR_INIT;
	imap4_str section;
	struct imap4_data *d = resp_parse_partial(
		slice_str("* X (BODY[] {5}\r\n"), NULL, 0, &lexer_log_limits, &section, &e);
	cr_assert_null(imap4_data_message(d));
	cr_assert_eq(section.len, 0);
	resp_free(d);
}

Test(resp_fetch, claims_no_flags_when_there_is_only_their_size)
{
	struct imap_limits limits = {10, 1000, 1000, 1000};
	for (int n = 10; n <= 11; n++) {
		char line[64];
		snprintf(line, sizeof line, "* 1 FETCH (FLAGS %.*s UID 3)", n, "aaaaaaaaaaaaaaa");
		struct err e = ERR_INIT;
		struct imap4_data *d = resp_parse(slice_str(line), NULL, 0, &limits, &e);
		unsigned want = n == 10 ? IMAP4_MSG_FLAGS | IMAP4_MSG_UID : IMAP4_MSG_UID;
		cr_assert_eq(imap4_data_message(d)->have, want, "%s", line);
		cr_assert_eq(resp_is_damaged(d), n == 11);
		resp_free(d);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * test_enc.c -- whatever a caller passes, it cannot become protocol.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/enc.h"

static struct slice bytes(const char *s)
{
	return slice_str(s);
}

/* The bytes of all parts; a wait shows as "<+>", a secret part in "<<>>". NULL: error. */
static char *shown(struct enc *c)
{
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT((size_t)4 << 20);
	if (enc_check(c, &e) != 0)
		return NULL;
	for (size_t i = 0; i < c->nparts; i++) {
		const struct enc_part *p = &c->part[i];
		(void)buf_add_str(&out, p->secret ? "<<" : "");
		(void)buf_add(&out, c->bytes.data + p->start, p->len);
		(void)buf_add_str(&out, p->secret ? ">>" : "");
		(void)buf_add_str(&out, p->wait ? "<+>" : "");
	}
	return buf_take(&out);
}

typedef void encode_fn(struct enc *, struct slice);

static void expect(
	encode_fn *f, enum enc_literals lit, struct slice in, const char *want, const char *name)
{
	struct enc c;
	enc_init(&c, lit);
	f(&c, in);
	char *got = shown(&c);
	if (want == NULL)
		cr_assert_null(got, "%s: not refused: %s", name, got);
	else
		cr_assert(got != NULL && strcmp(got, want) == 0, "%s: [%s]", name,
			got != NULL ? got : c.err.text);
	free(got);
	enc_release(&c);
}

struct row {
	const char *in, *atom, *astring, *string;
};

Test(enc, each_argument_kind_takes_the_shortest_safe_form)
{
	static const struct row row[] = {
		{"INBOX", "INBOX", "INBOX", "\"INBOX\""},
		{"", NULL, "\"\"", "\"\""},
		{"a b", NULL, "\"a b\"", "\"a b\""},
		{"nil", "nil", "\"nil\"", "\"nil\""},
		{"NILS", "NILS", "NILS", "\"NILS\""},
		{"a]", NULL, "a]", "\"a]\""},
		{"a\"b\\c", NULL, "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""},
		{"x\r\na2 DELETE y", NULL, "{14}\r\n<+>x\r\na2 DELETE y",
			"{14}\r\n<+>x\r\na2 DELETE y"},
		{"\r", NULL, "{1}\r\n<+>\r", "{1}\r\n<+>\r"},
		{"\n", NULL, "{1}\r\n<+>\n", "{1}\r\n<+>\n"},
		{"\xc3\xa4", NULL, "{2}\r\n<+>\xc3\xa4", "{2}\r\n<+>\xc3\xa4"},
		{"x{5}", NULL, "\"x{5}\"", "\"x{5}\""},
		{"x{0+}", NULL, "\"x{0+}\"", "\"x{0+}\""},
		{"{5}", NULL, "\"{5}\"", "\"{5}\""},
		{"a%", NULL, "\"a%\"", "\"a%\""},
		{"a*", NULL, "\"a*\"", "\"a*\""},
		{"(a", NULL, "\"(a\"", "\"(a\""},
		{"a)", NULL, "\"a)\"", "\"a)\""},
		{"\t\x1b\x7f", NULL, "\"\t\x1b\x7f\"", "\"\t\x1b\x7f\""},
		{"\\Seen", NULL, "\"\\\\Seen\"", "\"\\\\Seen\""},
		{"a&AC4ALgAv-", "a&AC4ALgAv-", "a&AC4ALgAv-", "\"a&AC4ALgAv-\""},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		expect(enc_atom, ENC_LITERAL_SYNC, bytes(row[i].in), row[i].atom, row[i].in);
		expect(enc_astring, ENC_LITERAL_SYNC, bytes(row[i].in), row[i].astring, row[i].in);
		expect(enc_mailbox, ENC_LITERAL_SYNC, bytes(row[i].in), row[i].astring, row[i].in);
		expect(enc_string, ENC_LITERAL_SYNC, bytes(row[i].in), row[i].string, row[i].in);
		expect(enc_list_pattern, ENC_LITERAL_SYNC, bytes(row[i].in), row[i].string,
			row[i].in);
	}
}

Test(enc, a_nul_is_refused_everywhere)
{
	static encode_fn *const f[] = {enc_atom, enc_astring, enc_string, enc_secret_string,
		enc_secret_astring, enc_secret_line, enc_mailbox, enc_list_pattern};
	for (size_t i = 0; i < sizeof f / sizeof f[0]; i++) {
		expect(f[i], ENC_LITERAL_PLUS, slice_of("a\0b", 3), NULL, "inner");
		expect(f[i], ENC_LITERAL_PLUS, slice_of("\0", 1), NULL, "only");
		expect(f[i], ENC_LITERAL_PLUS, slice_of("\xff\0", 2), NULL, "in a literal");
	}
}

Test(enc, no_line_end_of_an_argument_is_outside_a_literal)
{
	/* Every single octet, and every octet behind a letter, in every argument kind and literal kind. */
	static encode_fn *const f[] = {enc_atom, enc_astring, enc_string, enc_secret_string,
		enc_secret_astring, enc_secret_line, enc_mailbox, enc_list_pattern};
	for (size_t i = 0; i < sizeof f / sizeof f[0]; i++)
		for (unsigned b = 0; b < 256; b++) {
			const unsigned char in[2] = {'a', (unsigned char)b};
			struct enc c;
			enc_init(&c, ENC_LITERAL_SYNC);
			f[i](&c, slice_of(in, 2));
			bool end = b == '\r' || b == '\n' || b == 0 || b >= 0x80;
			for (size_t k = 0; k < c.nparts && !err_is_set(&c.err); k++) {
				const struct enc_part *p = &c.part[k];
				bool literal = k > 0 && c.part[k - 1].wait;
				cr_assert(!end || literal || p->wait, "kind %zu octet %u", i, b);
				cr_assert(!p->wait || memcmp(c.bytes.data, "{2}\r\n", 5) == 0);
			}
			enc_release(&c);
		}
}

Test(enc, literals_are_non_synchronising_only_where_offered)
{
	char big[4098];
	memset(big, '\n', sizeof big);
	static const enum enc_literals kind[] = {
		ENC_LITERAL_SYNC, ENC_LITERAL_MINUS, ENC_LITERAL_PLUS};
	static const char *const start_4096[] = {"{4096}\r\n", "{4096+}\r\n", "{4096+}\r\n"};
	static const char *const start_4097[] = {"{4097}\r\n", "{4097}\r\n", "{4097+}\r\n"};
	for (size_t i = 0; i < 3; i++)
		for (size_t n = 4096; n <= 4097; n++) {
			struct enc c;
			enc_init(&c, kind[i]);
			enc_string(&c, slice_of(big, n));
			const char *start = n == 4096 ? start_4096[i] : start_4097[i];
			cr_assert(memcmp(c.bytes.data, start, strlen(start)) == 0, "%zu %zu", i, n);
			cr_assert_eq(c.part[0].wait, strchr(start, '+') == NULL, "%zu %zu", i, n);
			enc_release(&c);
		}
}

Test(enc, long_strings_are_literals)
{
	char text[1002];
	memset(text, 'a', sizeof text);
	struct enc c;
	enc_init(&c, ENC_LITERAL_SYNC);
	enc_string(&c, slice_of(text, 1000));
	cr_assert_eq(c.bytes.data[0], '"');
	enc_clear(&c);
	enc_string(&c, slice_of(text, 1001));
	cr_assert_eq(c.bytes.data[0], '{');
	enc_release(&c);
}

Test(enc, mailbox_names_have_a_limit)
{
	char text[IMAP_MAILBOX_MAX + 1];
	memset(text, 'a', sizeof text);
	static encode_fn *const f[] = {enc_mailbox, enc_list_pattern};
	for (size_t i = 0; i < 2; i++) {
		struct enc c;
		struct err e = ERR_INIT;
		enc_init(&c, ENC_LITERAL_SYNC);
		f[i](&c, slice_of(text, IMAP_MAILBOX_MAX));
		cr_assert_eq(enc_check(&c, &e), 0);
		f[i](&c, slice_of(text, IMAP_MAILBOX_MAX + 1));
		cr_assert_eq(enc_check(&c, &e), -1);
		cr_assert_eq(e.code, E_LIMIT);
		enc_release(&c);
	}
}

Test(enc, a_command_line_has_a_limit_without_its_literals)
{
	static char text[20000];
	memset(text, 'a', sizeof text);
	struct enc c;
	struct err e = ERR_INIT;
	enc_init(&c, ENC_LITERAL_SYNC);
	enc_string(&c, slice_of(text, sizeof text));
	enc_atom(&c, slice_of(text, IMAP_COMMAND_ABSOLUTE_MAX - strlen("{20000}\r\n")));
	cr_assert_eq(enc_check(&c, &e), 0, "%s", e.text);
	enc_raw(&c, "x");
	cr_assert_eq(enc_check(&c, &e), -1);
	cr_assert_eq(e.code, E_LIMIT);
	enc_release(&c);
}

Test(enc, utf8_is_quoted_where_the_server_was_told)
{
	static const struct {
		const char *in, *astring;
	} row[] = {
		{"\xc3\xa4", "\"\xc3\xa4\""},
		{"a\xe2\x82\xac\"\\", "\"a\xe2\x82\xac\\\"\\\\\""},
		{"plain", "plain"},
		{"", "\"\""},
		{"\xff", "{1}\r\n<+>\xff"},
		{"\xc3\xa4\n", "{3}\r\n<+>\xc3\xa4\n"},
		{"\xed\xa0\x80", "{3}\r\n<+>\xed\xa0\x80"},
	};
	struct enc c;
	enc_init(&c, ENC_LITERAL_SYNC);
	c.utf8 = true;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		enc_astring(&c, bytes(row[i].in));
		char *got = shown(&c);
		cr_expect_str_eq(got, row[i].astring);
		free(got);
		enc_clear(&c);
	}
	cr_expect(c.utf8, "emptied, it is still for the same server");
	/* RFC 6855 section 5: LOGIN does not take it. */
	enc_secret_string(&c, bytes("\xc3\xa4"));
	char *got = shown(&c);
	cr_expect_str_eq(got, "{2}\r\n<+><<\xc3\xa4>>");
	free(got);
	enc_release(&c);
}

Test(enc, a_streamed_literal_says_whether_it_is_binary)
{
	const imap4_source source = {NULL, NULL};
	static const char *const want[] = {"{5}\r\n<+> ~{5}\r\n<+>", "{5+}\r\n ~{5+}\r\n"};
	for (uint64_t over = 0; over < 2; over++) {
		struct enc c;
		enc_init(&c, ENC_LITERAL_PLUS);
		enc_body(&c, &source, 5, over * 5);
		enc_raw(&c, " ");
		enc_body8(&c, &source, 5, over * 5);
		char *got = shown(&c);
		cr_expect_str_eq(got, want[over]);
		cr_expect_eq(c.part[c.nparts - 1].body, &source);
		cr_expect_eq(c.part[c.nparts - 1].body_size, 5u);
		free(got);
		enc_release(&c);
	}
}

Test(enc, secrets_are_parts_of_their_own)
{
	struct enc c;
	enc_init(&c, ENC_LITERAL_SYNC);
	enc_raw(&c, "LOGIN me ");
	enc_secret_string(&c, bytes("pa\"ss"));
	enc_raw(&c, " ");
	enc_secret_astring(&c, bytes("\xc3\xa4"));
	enc_raw(&c, " ");
	enc_secret_line(&c, bytes("AG1lAHB3PQ=="));
	char *got = shown(&c);
	cr_assert_str_eq(got, "LOGIN me <<\"pa\\\"ss\">> {2}\r\n<+><<\xc3\xa4>> <<AG1lAHB3PQ==>>");
	free(got);
	enc_release(&c);
}

Test(enc, a_sasl_line_takes_base64_only)
{
	static const char *const in[] = {"a b", "a\r\n", "*", "a\"", "\x80"};
	for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
		expect(enc_secret_line, ENC_LITERAL_SYNC, bytes(in[i]), NULL, in[i]);
	expect(enc_secret_line, ENC_LITERAL_SYNC, bytes(""), "<<>>", "empty");
}

static void raw_then_number(struct enc *c, struct slice s)
{
	enc_atom(c, s);
	enc_number(c, UINT64_MAX);
	enc_nstring(c, NULL);
	enc_nstring(c, "x");
}

Test(enc, numbers_and_nil_are_written)
{
	expect(raw_then_number, ENC_LITERAL_SYNC, bytes("A"), "A18446744073709551615NIL\"x\"",
		"number");
	expect(raw_then_number, ENC_LITERAL_SYNC, bytes("A B"), NULL, "the first error sticks");
}

Test(enc, sets_are_written_whole_or_in_parts)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	cr_assert_eq(uidset_parse(&set, bytes("1:3,7,100:200,4294967295"), &e), 0);
	struct enc c;
	enc_init(&c, ENC_LITERAL_SYNC);
	enc_set(&c, &set, 0);
	enc_raw(&c, " ");
	enc_set(&c, &set, 9);
	enc_raw(&c, " ");
	enc_set(&c, NULL, 9);
	char *got = shown(&c);
	cr_assert_str_eq(got, "1:3,7,100:200,4294967295 1:3,7,100:200,4294967295,9:* 9:*");
	free(got);
	enc_clear(&c);
	uint32_t from = 0;
	cr_assert(enc_set_part(&c, &set, &from, 9, 5));
	enc_raw(&c, " ");
	cr_assert(enc_set_part(&c, &set, &from, 9, 5));
	enc_raw(&c, " ");
	cr_assert_not(enc_set_part(&c, &set, &from, 9, 5));
	got = shown(&c);
	cr_assert_str_eq(got, "1:3,7 100:200 4294967295,9:*");
	free(got);
	enc_set(&c, &(struct uidset)UIDSET_INIT, 0);
	cr_assert_eq(enc_check(&c, &e), -1, "an empty set is refused");
	uidset_release(&set);
	enc_release(&c);
}

static void items_any(struct enc *c, struct slice s)
{
	enc_fetch_items(c, s, false);
}

static void items_peek(struct enc *c, struct slice s)
{
	enc_fetch_items(c, s, true);
}

struct items_row {
	const char *in, *out;
	bool sets_seen;
};

Test(enc, fetch_items_are_read_and_written_again)
{
	static const struct items_row row[] = {
		{"UID", "(UID)", false},
		{" (UID  FLAGS ) ", "(UID FLAGS)", false},
		{"FAST", "FAST", false},
		{"all", "ALL", false},
		{"UID BODY.PEEK[]", "(UID BODY.PEEK[])", false},
		{"BODY.PEEK[]<0.100>", "(BODY.PEEK[]<0.100>)", false},
		{"BODY.PEEK[1.2.MIME]", "(BODY.PEEK[1.2.MIME])", false},
		{"BODY.PEEK[1.header]", "(BODY.PEEK[1.HEADER])", false},
		{"BODY.PEEK[HEADER.FIELDS (FROM \"To\")]", "(BODY.PEEK[HEADER.FIELDS (FROM To)])",
			false},
		{"body.peek[header.fields.not (x)]", "(body.peek[HEADER.FIELDS.NOT (x)])", false},
		{"BODY.PEEK[HEADER.FIELDS ( \"a]b\\\"c\" )] UID",
			"(BODY.PEEK[HEADER.FIELDS (\"a]b\\\"c\")] UID)", false},
		{"BINARY.PEEK[1.2] BINARY.SIZE[1]", "(BINARY.PEEK[1.2] BINARY.SIZE[1])", false},
		{"RFC822.HEADER RFC822.SIZE", "(RFC822.HEADER RFC822.SIZE)", false},
		{"BODY BODYSTRUCTURE ENVELOPE X-GM-LABELS",
			"(BODY BODYSTRUCTURE ENVELOPE X-GM-LABELS)", false},
		{"BODY[]", "(BODY[])", true},
		{"UID body[TEXT]", "(UID body[TEXT])", true},
		{"RFC822", "(RFC822)", true},
		{"rfc822.text", "(rfc822.text)", true},
		{"BINARY[1]<0.9>", "(BINARY[1]<0.9>)", true},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		expect(items_any, ENC_LITERAL_SYNC, bytes(row[i].in), row[i].out, row[i].in);
		expect(items_peek, ENC_LITERAL_SYNC, bytes(row[i].in),
			row[i].sets_seen ? NULL : row[i].out, row[i].in);
	}
}

/* Each form of fetch-att of RFC 9051 section 9, RFC 3501 section 9, RFC 3516, RFC 7162, RFC 8474, RFC 8514, RFC 8970 and of
 * Gmail, and what the server must offer for it. */
Test(enc, every_fetch_item_of_the_rfcs_is_written)
{
	static const struct {
		const char *in, *out; /* NULL: "(in)" */
		unsigned needs;
	} row[] = {
		{"ALL", "ALL", 0},
		{"FULL", "FULL", 0},
		{"FAST", "FAST", 0},
		{"ENVELOPE", NULL, 0},
		{"FLAGS", NULL, 0},
		{"INTERNALDATE", NULL, 0},
		{"RFC822", NULL, 0},
		{"RFC822.HEADER", NULL, 0},
		{"RFC822.SIZE", NULL, 0},
		{"RFC822.TEXT", NULL, 0},
		{"BODY", NULL, 0},
		{"BODYSTRUCTURE", NULL, 0},
		{"UID", NULL, 0},
		{"BODY[]", NULL, 0},
		{"BODY[HEADER]", NULL, 0},
		{"BODY[HEADER.FIELDS (DATE FROM)]", NULL, 0},
		{"BODY[HEADER.FIELDS.NOT (DATE)]", NULL, 0},
		{"BODY[TEXT]", NULL, 0},
		{"BODY[3]", NULL, 0},
		{"BODY[4.1.2]", NULL, 0},
		{"BODY[1.MIME]", NULL, 0},
		{"BODY[3.HEADER]", NULL, 0},
		{"BODY[4.2.HEADER.FIELDS (A)]", NULL, 0},
		{"BODY[4.2.HEADER.FIELDS.NOT (A)]", NULL, 0},
		{"BODY[4.2.2.TEXT]", NULL, 0},
		{"BODY[]<0.2048>", NULL, 0},
		{"BODY.PEEK[]", NULL, 0},
		{"BODY.PEEK[4.2.2.1]<5.7>", NULL, 0},
		{"BODY.PEEK[]<4294967295.4294967295>", NULL, 0},
		{"BODY.PEEK[]<4294967296.1>", NULL, ENC_NEEDS_NUMBER64},
		{"BODY.PEEK[]<0.9223372036854775807>", NULL, ENC_NEEDS_NUMBER64},
		{"BINARY[]", NULL, ENC_NEEDS_BINARY},
		{"BINARY[1.2]<0.9>", NULL, ENC_NEEDS_BINARY},
		{"BINARY.PEEK[1]", NULL, ENC_NEEDS_BINARY},
		{"BINARY.PEEK[]<0.9>", NULL, ENC_NEEDS_BINARY},
		{"BINARY.SIZE[]", NULL, ENC_NEEDS_BINARY},
		{"BINARY.SIZE[4.2]", NULL, ENC_NEEDS_BINARY},
		{"MODSEQ", NULL, 0},
		{"EMAILID THREADID", NULL, ENC_NEEDS_OBJECTID},
		{"SAVEDATE", NULL, ENC_NEEDS_SAVEDATE},
		{"PREVIEW", NULL, ENC_NEEDS_PREVIEW},
		{"PREVIEW (LAZY)", NULL, ENC_NEEDS_PREVIEW},
		{"preview  ( lazy ) UID", "(preview (LAZY) UID)", ENC_NEEDS_PREVIEW},
		{"(UID PREVIEW (LAZY))", "(UID PREVIEW (LAZY))", ENC_NEEDS_PREVIEW},
		{"X-GM-LABELS", NULL, ENC_NEEDS_GMAIL},
		{"X-GM-MSGID X-GM-THRID", NULL, ENC_NEEDS_GMAIL},
		{"X-NEW.THING_1", NULL, 0},
		{"BINARY.SIZE[1] PREVIEW SAVEDATE", NULL,
			ENC_NEEDS_BINARY | ENC_NEEDS_PREVIEW | ENC_NEEDS_SAVEDATE},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct enc c;
		struct buf want = BUF_INIT(1000);
		(void)(row[i].out != NULL ? buf_add_str(&want, row[i].out)
					  : buf_addf(&want, "(%s)", row[i].in));
		enc_init(&c, ENC_LITERAL_SYNC);
		cr_expect_eq(enc_fetch_items(&c, bytes(row[i].in), false), row[i].needs, "%s",
			row[i].in);
		char *got = shown(&c);
		cr_expect(
			got != NULL && strcmp(got, buf_str(&want)) == 0, "%s: %s", row[i].in, got);
		free(got);
		buf_release(&want);
		enc_release(&c);
	}
}

Test(enc, wrong_fetch_items_are_refused)
{
	static const char *const in[] = {"", " ", "()", "(UID", "UID)", "(UID))", "UID,FLAGS",
		"UID\r\nx", "UID\tFLAGS", "(UID (FLAGS))", "BODY.PEEK", "BINARY", "UID[]",
		"RFC822[]", "BODY.PEEK[", "BODY.PEEK[X]", "BODY.PEEK[HEADERX]", "BODY.PEEK[0]",
		"BODY.PEEK[1.]", "BODY.PEEK[.1]", "BODY.PEEK[MIME]", "BODY.PEEK[4294967296]",
		"BODY.PEEK[99999999999999999999999]", "BODY.PEEK[HEADER.FIELDS]",
		"BODY.PEEK[HEADER.FIELDS ()]", "BODY.PEEK[HEADER.FIELDS (\"\")]",
		"BODY.PEEK[HEADER.FIELDS (A\r\nB)]", "BODY.PEEK[HEADER.FIELDS (\"A\r\n\")]",
		"BODY.PEEK[HEADER.FIELDS (A:)]", "BODY.PEEK[HEADER.FIELDS (\"A)]",
		"BODY.PEEK[HEADER.FIELDS (A", "BODY.PEEK[HEADER.FIELDS (A\xc3)]", "BODY.PEEK[]<0>",
		"BODY.PEEK[]<0.0>", "BODY.PEEK[]<.1>", "BODY.PEEK[]<0.1", "UID<0.1>",
		"BINARY.SIZE[1]<0.1>", "BINARY.PEEK[TEXT]", "BINARY.PEEK[1.MIME]", "FAST UID",
		"(ALL)", "PREVIEW (", "PREVIEW ()", "PREVIEW (LAZY", "PREVIEW (LAZY LAZY)",
		"PREVIEW (EAGER)", "PREVIEW(LAZY)", "PREVIEW (LAZY)x", "PREVIEW ((LAZY))",
		"PREVIEW (LAZY) (LAZY)", "UID (LAZY)", "PREVIEW[]", "SAVEDATE[1]",
		"BODY.PEEK[]<9223372036854775808.1>", "BODY.PEEK[]<0.9223372036854775808>",
		"((UID))", "UID {3}", "BODY.PEEK[]x", "*", "UID FLAGS \xff", "BODY.PEEK[TEXT] x\""};
	for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
		expect(items_any, ENC_LITERAL_PLUS, bytes(in[i]), NULL, in[i]);
	expect(items_any, ENC_LITERAL_PLUS, slice_of("UID\0FLAGS", 9), NULL, "NUL");
}

Test(enc, fetch_items_cut_anywhere_are_refused_or_whole)
{
	static const char text[] = "(UID BODY.PEEK[1.HEADER.FIELDS (FROM \"T o\")]<10.20> FLAGS)";
	static const char good[] = "(UID BODY.PEEK[1.HEADER.FIELDS (FROM To)]<10.20> FLAGS)";
	for (size_t n = 0; n < sizeof good - 1; n++)
		expect(items_any, ENC_LITERAL_SYNC, slice_of(good, n), NULL, good + n);
	expect(items_any, ENC_LITERAL_SYNC, bytes(good), good, good);
	expect(items_any, ENC_LITERAL_SYNC, bytes(text), NULL, "a space in a header name");
}

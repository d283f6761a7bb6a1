/* SPDX-License-Identifier: MIT */
/*
 * test_mime.c -- ENVELOPE and BODYSTRUCTURE: the examples of the RFCs, and what odd servers send.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/imap/imap4_mime.h"
#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"

static void show(struct buf *out, const char *name, imap4_str s)
{
	if (s.ptr != NULL)
		(void)buf_addf(out, " %s=%s", name, s.ptr);
}

static void show_addresses(struct buf *out, const char *name, imap4_address_list list)
{
	if (list.n > 0)
		(void)buf_addf(out, " %s:", name);
	for (size_t i = 0; i < list.n; i++)
		(void)buf_addf(out, "<%s|%s|%s|%s>",
			list.at[i].name.ptr != NULL ? list.at[i].name.ptr : "-",
			list.at[i].route.ptr != NULL ? list.at[i].route.ptr : "-",
			list.at[i].mailbox.ptr != NULL ? list.at[i].mailbox.ptr : "-",
			list.at[i].host.ptr != NULL ? list.at[i].host.ptr : "-");
}

static void show_envelope(struct buf *out, const imap4_envelope *e)
{
	show(out, "date", e->date);
	show(out, "subject", e->subject);
	show_addresses(out, "from", e->from);
	show_addresses(out, "sender", e->sender);
	show_addresses(out, "reply-to", e->reply_to);
	show_addresses(out, "to", e->to);
	show_addresses(out, "cc", e->cc);
	show_addresses(out, "bcc", e->bcc);
	show(out, "in-reply-to", e->in_reply_to);
	show(out, "message-id", e->message_id);
}

static void show_params(struct buf *out, const imap4_param *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out, " %s:%s", p[i].name.ptr != NULL ? p[i].name.ptr : "-",
			p[i].value.ptr != NULL ? p[i].value.ptr : "-");
}

static void show_body(struct buf *out, const imap4_body *b)
{
	(void)buf_addf(out, "[%s %s/%s", b->section, b->type.ptr != NULL ? b->type.ptr : "-",
		b->subtype.ptr != NULL ? b->subtype.ptr : "-");
	show_params(out, b->params, b->nparams);
	show(out, "id", b->id);
	show(out, "description", b->description);
	show(out, "encoding", b->encoding);
	if (b->size > 0)
		(void)buf_addf(out, " size=%llu", (unsigned long long)b->size);
	if (b->has_lines)
		(void)buf_addf(out, " lines=%llu", (unsigned long long)b->lines);
	show(out, "md5", b->md5);
	show(out, "disposition", b->disposition);
	show_params(out, b->disposition_params, b->ndisposition_params);
	for (size_t i = 0; i < b->nlanguages; i++)
		show(out, "language", b->languages[i]);
	show(out, "location", b->location);
	if (b->envelope != NULL) {
		(void)buf_add_str(out, " {");
		show_envelope(out, b->envelope);
		(void)buf_add_str(out, " }");
	}
	for (size_t i = 0; i < b->nparts; i++)
		show_body(out, b->parts[i]);
	(void)buf_add_str(out, "]");
}

/* The value of ENVELOPE or BODYSTRUCTURE, shown. */
static void shown(struct buf *out, const char *item, const char *value)
{
	struct buf line = BUF_INIT(10000);
	struct err e = ERR_INIT;
	(void)buf_addf(&line, "* 1 FETCH (%s %s)", item, value);
	struct imap4_data *d = resp_parse(buf_slice(&line), NULL, 0, &lexer_log_limits, &e);
	cr_assert_not_null(d);
	const imap4_node *n = imap4_message_item(imap4_data_message(d), item);
	if (strcmp(item, "ENVELOPE") == 0) {
		imap4_envelope *env = imap4_envelope_new(n);
		if (env != NULL)
			show_envelope(out, env);
		else
			(void)buf_add_str(out, "none");
		imap4_envelope_free(env);
	} else {
		imap4_body *b = imap4_body_new(n);
		if (b != NULL)
			show_body(out, b);
		else
			(void)buf_add_str(out, "none");
		imap4_body_free(b);
	}
	resp_free(d);
	buf_release(&line);
}

struct row {
	const char *name, *item, *value, *shown;
};
#define TERRY "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\"))"

static const struct row rows[] = {
	{"RFC 9051 section 8", "ENVELOPE",
		"(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" " TERRY
		" " TERRY " " TERRY
		" ((NIL NIL \"imap\" \"cac.washington.edu\"))((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
		"(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
		"\"<B27397-0100000@cac.washington.ed>\")",
		" date=Wed, 17 Jul 1996 02:23:25 -0700 (PDT) subject=IMAP4rev2 WG mtg summary and minutes"
		" from:<Terry Gray|-|gray|cac.washington.edu> sender:<Terry Gray|-|gray|cac.washington.edu>"
		" reply-to:<Terry Gray|-|gray|cac.washington.edu> to:<-|-|imap|cac.washington.edu>"
		" cc:<-|-|minutes|CNRI.Reston.VA.US><John Klensin|-|KLENSIN|MIT.EDU>"
		" message-id=<B27397-0100000@cac.washington.ed>"},
	{"all NIL", "ENVELOPE", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", ""},
	{"empty and absent differ", "ENVELOPE", "(\"\" NIL)", " date="},
	{"a group", "ENVELOPE",
		"(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)",
		" to:<-|-|undisclosed|-><-|-|-|->"},
	{"NIL among addresses", "ENVELOPE", "(NIL NIL (NIL (\"a\" NIL \"b\" \"c\")) NIL)",
		" from:<a|-|b|c>"},
	{"nothing but NIL among addresses", "ENVELOPE", "(NIL NIL (NIL) () NIL)", ""},
	{"wrapped once more", "ENVELOPE", "((\"d\" \"s\"))", " date=d subject=s"},
	{"a list in the place of a text", "ENVELOPE", "((x) \"s\")", " subject=s"},
	{"a text in the place of a list", "ENVELOPE", "(NIL \"s\" \"x\" NIL)", " subject=s"},
	{"empty", "ENVELOPE", "()", ""},
	{"NIL", "ENVELOPE", "NIL", "none"},
	{"a text", "ENVELOPE", "\"x\"", "none"},
	{"one part, RFC 9051 section 8", "BODYSTRUCTURE",
		"(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92)",
		"[1 TEXT/PLAIN CHARSET:US-ASCII encoding=7BIT size=3028 lines=92]"},
	{"two parts, RFC 9051 section 7.5.2", "BODYSTRUCTURE",
		"((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)"
		"(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") "
		"\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\")",
		"[ MULTIPART/MIXED[1 TEXT/PLAIN CHARSET:US-ASCII encoding=7BIT size=1152 lines=23]"
		"[2 TEXT/PLAIN CHARSET:US-ASCII NAME:cc.diff id=<960723163407.20117h@cac.washington.edu> "
		"description=Compiler diff encoding=BASE64 size=4554 lines=73]]"},
	{"all extensions", "BODYSTRUCTURE",
		"((\"IMAGE\" \"PNG\" NIL NIL NIL \"BASE64\" 7 \"md5\" (\"attachment\" (\"filename\" \"a\")) "
		"(\"en\" \"de\") \"loc\" \"future\" (1 2)) \"MIXED\" (\"BOUNDARY\" \"b\") (\"inline\" NIL) \"en\" \"l\")",
		"[ MULTIPART/MIXED BOUNDARY:b disposition=inline language=en location=l"
		"[1 IMAGE/PNG encoding=BASE64 size=7 md5=md5 disposition=attachment filename:a language=en "
		"language=de location=loc]]"},
	{"a message with parts: RFC 9051 section 6.4.5.1", "BODYSTRUCTURE",
		"((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1 1)(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 50 "
		"(NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) ((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)"
		"((\"TEXT\" \"HTML\" NIL NIL NIL \"7BIT\" 3 1) \"ALTERNATIVE\") \"MIXED\") 9) \"MIXED\")",
		"[ MULTIPART/MIXED[1 TEXT/PLAIN encoding=7BIT size=1 lines=1]"
		"[2 MESSAGE/RFC822 encoding=7BIT size=50 lines=9 { subject=in }[2 MULTIPART/MIXED"
		"[2.1 TEXT/PLAIN encoding=7BIT size=2 lines=1]"
		"[2.2 MULTIPART/ALTERNATIVE[2.2.1 TEXT/HTML encoding=7BIT size=3 lines=1]]]]]"},
	{"a message with one part", "BODYSTRUCTURE",
		"(\"MESSAGE\" \"GLOBAL\" NIL NIL NIL \"8BIT\" 50 (NIL NIL) (\"TEXT\" \"PLAIN\" NIL NIL NIL "
		"\"7BIT\" 2 1) 9)",
		"[1 MESSAGE/GLOBAL encoding=8BIT size=50 lines=9 { }[1.1 TEXT/PLAIN encoding=7BIT size=2 "
		"lines=1]]"},
	{"a message without an envelope", "BODYSTRUCTURE",
		"(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 50 \"md5\")",
		"[1 MESSAGE/RFC822 encoding=7BIT size=50 md5=md5]"},
	{"a delivery report is no message", "BODYSTRUCTURE",
		"(\"MESSAGE\" \"DELIVERY-STATUS\" NIL NIL NIL \"7BIT\" 50 \"m\")",
		"[1 MESSAGE/DELIVERY-STATUS encoding=7BIT size=50 md5=m]"},
	{"a parameter without a value", "BODYSTRUCTURE",
		"(\"TEXT\" \"PLAIN\" (\"a\" \"b\" \"c\") NIL NIL NIL 1 1)",
		"[1 TEXT/PLAIN a:b c:- size=1 lines=1]"},
	{"no size", "BODYSTRUCTURE", "(\"TEXT\" \"PLAIN\" NIL NIL NIL NIL NIL NIL)",
		"[1 TEXT/PLAIN]"},
	{"cut short", "BODYSTRUCTURE", "(\"TEXT\")", "[1 TEXT/-]"},
	{"an empty part", "BODYSTRUCTURE", "(() \"MIXED\")", "[ MULTIPART/MIXED[1 -/-]]"},
	{"no subtype", "BODYSTRUCTURE", "((\"A\" \"B\"))", "[ MULTIPART/-[1 A/B]]"},
	{"empty", "BODYSTRUCTURE", "()", "[1 -/-]"},
	{"NIL", "BODYSTRUCTURE", "NIL", "none"},
};

Test(mime, values_are_read_as_far_as_they_make_sense)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf out = BUF_INIT(10000);
		shown(&out, rows[i].item, rows[i].value);
		cr_expect_str_eq(buf_str(&out), rows[i].shown, "%s", rows[i].name);
		buf_release(&out);
	}
}

Test(mime, a_value_cut_anywhere_is_still_read)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t n = 0; n < strlen(rows[i].value); n++) {
			char value[2000];
			memcpy(value, rows[i].value, n);
			value[n] = '\0';
			struct buf out = BUF_INIT(10000);
			shown(&out, rows[i].item, n > 0 ? value : "NIL");
			cr_expect_eq(out.failed, E_NONE, "%s, %zu", rows[i].name, n);
			buf_release(&out);
		}
}

Test(mime, parameters_are_found_whatever_their_case)
{
	const imap4_param p[] = {{{NULL, 0}, {"x", 1}}, {{"Charset", 7}, {"utf-8", 5}}};
	cr_assert_str_eq(imap4_param_find(p, 2, "CHARSET").ptr, "utf-8");
	cr_assert_null(imap4_param_find(p, 2, "name").ptr);
	cr_assert_null(imap4_param_find(NULL, 0, "name").ptr);
}

Test(mime, nothing_is_no_value)
{
	cr_assert_null(imap4_envelope_new(NULL));
	cr_assert_null(imap4_body_new(NULL));
	imap4_envelope_free(NULL);
	imap4_body_free(NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_imaplib_values.c -- imaplib's cases about dates, flags, sets and the quoting of arguments.
 *
 * Different on purpose: an argument is a value and never text for the wire, so that a string with quotation marks around it
 * is one with quotation marks in it; control characters are refused (or go as a literal where the grammar has one) and not
 * rewritten; a date is seconds and a zone, and neither the locale nor TZ has a say.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "tests/support/imaplib_rig.h"

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\n"
#define OPEN  HELLO "C: SELECT INBOX\nS: * 9 EXISTS\nS: $ OK [READ-WRITE] x\n"

/* ---- dates -------------------------------------------------------------------------------------------------- */

/* The zones and languages in which imaplib's tests run; those that the system does not have are left out. */
static const char *const zones[] = {"UTC0", "MST+07MDT,M4.1.0,M10.5.0", "STD-1DST,M3.2.0,M11.1.0"};
static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8", "ar_EG.UTF-8"};

static void in_each_place(void (*test)(void))
{
	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		cr_assert_eq(setenv("TZ", zones[z], 1), 0);
		tzset();
		for (size_t l = 0; l < sizeof(locales) / sizeof(locales[0]); l++)
			if (setlocale(LC_ALL, locales[l]))
				test();
	}
	(void)setlocale(LC_ALL, "C");
}

static int64_t seconds_of(const char *text)
{
	int64_t seconds = -1;
	int zone;
	cr_expect(imap4_date_parse(stage_str(text), &seconds, &zone), "%s", text);
	return seconds;
}

static void internaldate2tuple(void)
{
	static const char *const one_instant[] = {"01-Jan-2000 00:00:00 +0000",
		" 1-Jan-2000 00:00:00 +0000", "01-Jan-2000 11:30:00 +1130",
		"31-Dec-1999 12:30:00 -1130", "01-JAN-2000 00:00:00 +0000"};
	for (size_t i = 0; i < sizeof(one_instant) / sizeof(one_instant[0]); i++)
		cr_expect_eq(seconds_of(one_instant[i]), 946684800, "%s", one_instant[i]);
	int64_t seconds;
	int zone = 0;
	cr_expect(imap4_date_parse(stage_str("01-Jan-2000 11:30:00 +1130"), &seconds, &zone));
	cr_expect_eq(zone, 690);
}

/* An hour that local time does not have. */
static void an_hour_apart(void)
{
	int64_t early = seconds_of("02-Apr-2000 02:30:00 +0000");
	cr_expect_eq(seconds_of("02-Apr-2000 03:30:00 +0000") - early, 3600);
}

static void time2internaldate(void)
{
	static const struct {
		int64_t seconds;
		int zone;
		const char *text;
	} rows[] = {
		{2000000000, 120, "18-May-2033 05:33:20 +0200"},
		{2000000000, 0, "18-May-2033 03:33:20 +0000"},
		{946684800, 690, " 1-Jan-2000 11:30:00 +1130"},
		{946684800, -690, "31-Dec-1999 12:30:00 -1130"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char out[IMAP4_DATE_SIZE];
		cr_expect(imap4_date_format(rows[i].seconds, rows[i].zone, out));
		cr_expect_str_eq(out, rows[i].text);
		cr_expect_eq(seconds_of(out), rows[i].seconds);
	}
}

Test(imaplib_values, Internaldate2tuple)
{
	in_each_place(internaldate2tuple);
}

Test(imaplib_values, Internaldate2tuple_issue10941)
{
	in_each_place(an_hour_apart);
}

Test(imaplib_values, Time2Internaldate)
{
	in_each_place(time2internaldate);
}

/* ---- arguments ---------------------------------------------------------------------------------------------- */

static void creates(struct stage *t, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)stage_done(t, imap4_create_start(t->s, stage_str(names[i]), NULL));
}

static void astring(struct stage *t)
{
	static const char *const names[] = {"atom.x-y_z", "two words", "", "a\"b\\c", "\"quoted\"",
		"\"a\" SELECT evil \"", "(", "{3}", "NIL", "a]b", "100%", "*"};
	creates(t, names, sizeof(names) / sizeof(names[0]));
}

static void control_characters(struct stage *t)
{
	static const char *const names[] = {"a\r\nB LOGOUT", "\r", "\n", "\x01", "\x7f", "\t"};
	creates(t, names, sizeof(names) / sizeof(names[0]));
	(void)stage_done(t, imap4_create_start(t->s, (imap4_str){"a\0b", 3}, NULL));
}

static void list_mailbox(struct stage *t)
{
	static const char *const patterns[] = {"*", "%/a*", "two words%", "a\"b", ""};
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		(void)stage_done(t, imap4_list_start(t->s, "", &patterns[i], 1, NULL));
}

static void sequence_set(struct stage *t)
{
	static const struct {
		const char *text;
		uint32_t open_from;
	} rows[] = {{"5", 0}, {"1:3,7", 0}, {"5,1,2", 0}, {"1,3:5", 8}, {"4294967295", 0}};
	stage_select(t, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		imap4_set *set = imap4_set_of(rows[i].text);
		const imap4_fetch_opts o = {
			.struct_size = sizeof(o), .open_from = rows[i].open_from};
		(void)stage_done(t, imap4_fetch_start(t->s, set, "FLAGS", &o));
		imap4_set_free(set);
	}
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .open_from = 5};
	(void)stage_done(t, imap4_fetch_start(t->s, NULL, "FLAGS", &o));
	(void)stage_done(t, imap4_fetch_start(t->s, NULL, "FLAGS", NULL));
}

/* The bracket that ends a code is in no flag (RFC 9051 section 9, ATOM-CHAR), though servers tell of such flags. */
static void set_quote(struct stage *t)
{
	static const imap4_str bad[] = {
		{"\\Seen)", 6}, {"a b", 3}, {"a\r\n", 3}, {"", 0}, {"(", 1}, {"a]b", 3}};
	static const imap4_str good[] = {{"\\Seen", 5}, {"$Forwarded", 10}, {"a[b", 3}};
	imap4_set *one = imap4_set_of("1");
	const imap4_store_opts o = {.struct_size = sizeof(o), .silent = 1};
	stage_select(t, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		(void)stage_done(t, imap4_store_start(t->s, one, IMAP4_FLAGS_ADD, &bad[i], 1, &o));
	(void)stage_done(t, imap4_store_start(t->s, one, IMAP4_FLAGS_ADD, good, 3, &o));
	imap4_set_free(one);
}

/* substitute: placeholders are typed arguments, and what they hold cannot end them. */
static void substitute(struct stage *t)
{
	imap4_set *set = imap4_set_of("1:3");
	const imap4_arg good[] = {{.type = IMAP4_ARG_SET, .set = set, .number = 8},
		{.type = IMAP4_ARG_LIST_BEGIN},
		{.type = IMAP4_ARG_ASTRING, .text = {"two words", 9}},
		{.type = IMAP4_ARG_NUMBER, .number = 7}, {.type = IMAP4_ARG_LIST_END},
		{.type = IMAP4_ARG_FLAGS, .text = {"\\Seen key", 9}},
		{.type = IMAP4_ARG_ATOM, .text = {"?", 1}}};
	const imap4_arg evil[] = {{.type = IMAP4_ARG_FLAGS, .text = {"\\Seen)", 6}},
		{.type = IMAP4_ARG_ATOM, .text = {"a b", 3}},
		{.type = IMAP4_ARG_ATOM, .text = {"a\r\nb", 4}}, {.type = IMAP4_ARG_SET},
		{.type = IMAP4_ARG_LIST_BEGIN}};
	(void)stage_done(t, imap4_raw_start(t->s, "XTEST", good, 7, NULL));
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++)
		(void)stage_done(t, imap4_raw_start(t->s, "XTEST", &evil[i], 1, NULL));
	imap4_set_free(set);
}

#define ANSWERED(line) "C: " line "\nS: $ OK x\n"
#define CREATE(name)   ANSWERED("CREATE " name)

static const struct stage_row arguments[] = {
	{"astring",
		HELLO CREATE("atom.x-y_z") CREATE("\"two words\"") CREATE("\"\"")
			CREATE("\"a\\\"b\\\\c\"") CREATE("\"\\\"quoted\\\"\"") CREATE(
				"\"\\\"a\\\" SELECT evil \\\"\"") CREATE("\"(\"") CREATE("\"{3}\"")
				CREATE("\"NIL\"") CREATE("a]b") CREATE("\"100%\"") CREATE("\"*\""),
		astring,
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n",
		NULL},
	{"control_characters",
		HELLO
		"C: CREATE {11}\nS: + go\nC= a\nC= B LOGOUT\nS: $ NO x\nC: CREATE {1}\nS: + go\nC+ 3\nS: $ NO x\n"
		"C: CREATE {1}\nS: + go\nC+ 3\nS: $ NO x\nC~ CREATE .*\nS: $ NO x\nC~ CREATE .*\nS: $ NO x\n"
		"C~ CREATE .*\nS: $ NO x\n",
		control_characters,
		"IMAP4_E_NO x\n"
		"IMAP4_E_NO x\n"
		"IMAP4_E_NO x\n"
		"IMAP4_E_NO x\n"
		"IMAP4_E_NO x\n"
		"IMAP4_E_NO x\n"
		"not started IMAP4_E_ARG\n",
		NULL},
	{"list_mailbox",
		HELLO ANSWERED("LIST \"\" \"*\"") ANSWERED("LIST \"\" \"%/a*\"")
			ANSWERED("LIST \"\" \"two words%\"") ANSWERED("LIST \"\" \"a\\\"b\"")
				ANSWERED("LIST \"\" \"\""),
		list_mailbox,
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n",
		NULL},
	{"sequence_set",
		OPEN ANSWERED("FETCH 5 (FLAGS)") ANSWERED("FETCH 1:3,7 (FLAGS)")
			ANSWERED("FETCH 1:2,5 (FLAGS)") ANSWERED("FETCH 1,3:5,8:* (FLAGS)")
				ANSWERED("FETCH 4294967295 (FLAGS)") ANSWERED("FETCH 5:* (FLAGS)"),
		sequence_set,
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"not started IMAP4_E_ARG\n",
		NULL},
	{"set_quote", OPEN ANSWERED("STORE 1 +FLAGS.SILENT (\\Seen $Forwarded a[b)"), set_quote,
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"OK x\n",
		NULL},
	{"substitute, substitute_errors",
		HELLO ANSWERED("XTEST 1:3,8:* (\"two words\" 7) (\\Seen key) ?"), substitute,
		"OK x\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n",
		NULL},
};

Test(imaplib_values, arguments)
{
	stage_check(arguments, sizeof(arguments) / sizeof(arguments[0]), STAGE_BOTH);
}

Test(imaplib_values, sequence_set_errors)
{
	static const char *const texts[] = {
		"", "0", "a", "1.5", "1:", ":1", "1,,2", "-1", "1:*", "$"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_null(imap4_set_of(texts[i]), "%s", texts[i]);
}

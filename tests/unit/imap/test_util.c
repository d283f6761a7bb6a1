/* SPDX-License-Identifier: MIT */
/* test_util.c -- sets, dates, flags and names as the public header offers them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/imap/imap4_util.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

Test(util, sets_keep_ranges)
{
	imap4_set *s = imap4_set_new();
	cr_assert_not_null(s);
	char *text = imap4_set_text(s);
	cr_assert_str_eq(text, "");
	free(text);
	cr_assert_eq(imap4_set_add(s, 7), IMAP4_OK);
	cr_assert_eq(imap4_set_add_range(s, 1, 3), IMAP4_OK);
	cr_assert_eq(imap4_set_parse(s, "9,4294967295"), IMAP4_OK);
	cr_assert_eq(imap4_set_remove_range(s, 2, 2), IMAP4_OK);
	text = imap4_set_text(s);
	cr_assert_str_eq(text, "1,3,7,9,4294967295");
	free(text);
	cr_assert(imap4_set_has(s, 3) && !imap4_set_has(s, 2));
	cr_assert_eq(imap4_set_count(s), 5);
	cr_assert_eq(imap4_set_next(s, 0), 1);
	cr_assert_eq(imap4_set_next(s, 3), 7);
	cr_assert_eq(imap4_set_next(s, UINT32_MAX), 0);
	imap4_set_free(s);
	imap4_set_free(NULL);
}

Test(util, what_is_no_set_is_refused)
{
	static const char *const bad[] = {"", "0", "1:", "x", "*", "1,,2", "4294967296", "1 2"};
	imap4_set *s = imap4_set_new();
	cr_assert_eq(imap4_set_add(s, 0), IMAP4_E_ARG);
	cr_assert_eq(imap4_set_add_range(s, 3, 2), IMAP4_E_ARG);
	cr_assert_eq(imap4_set_add_range(s, 0, 2), IMAP4_E_ARG);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect_eq(imap4_set_parse(s, bad[i]), IMAP4_E_ARG, "%s", bad[i]);
	imap4_set_free(s);
}

Test(util, dates_go_both_ways)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int zone;
	} rows[] = {
		{"17-Jul-1996 02:44:25 -0700", 837596665, -420},
		{" 1-Jan-1970 00:00:00 +0000", 0, 0},
		{"31-Dec-1969 23:59:59 +0000", -1, 0},
		{"29-Feb-2024 12:00:00 +0530", 1709188200, 330},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t seconds;
		int zone;
		char out[IMAP4_DATE_SIZE];
		cr_expect(imap4_date_parse(str(rows[i].text), &seconds, &zone), "%s", rows[i].text);
		cr_expect_eq(seconds, rows[i].seconds, "%s", rows[i].text);
		cr_expect_eq(zone, rows[i].zone, "%s", rows[i].text);
		cr_expect(imap4_date_format(seconds, zone, out), "%s", rows[i].text);
		cr_expect_str_eq(out, rows[i].text);
	}
}

Test(util, what_is_no_date_is_refused)
{
	int64_t seconds;
	int zone;
	char out[IMAP4_DATE_SIZE];
	cr_assert_not(imap4_date_parse(str("30-Feb-2024 12:00:00 +0000"), &seconds, &zone));
	cr_assert_not(imap4_date_parse((imap4_str){NULL, 0}, &seconds, &zone));
	cr_assert(imap4_date_format(0, 1439, out));
	cr_assert_not(imap4_date_format(0, 1440, out));
	cr_assert(imap4_date_format(0, -1439, out));
	cr_assert_not(imap4_date_format(0, -1440, out));
	cr_assert(imap4_date_format(253402300799, 0, out));
	cr_assert_not(imap4_date_format(253402300800, 0, out));
}

struct seen {
	struct buf text;
	int stop;
};

static int note(void *ctx, imap4_str flag)
{
	struct seen *s = ctx;
	(void)buf_addf(&s->text, "[%.*s]", (int)flag.len, flag.ptr);
	return s->stop;
}

Test(util, flags_are_listed)
{
	static const struct {
		const char *text, *seen;
		int n, stop;
	} rows[] = {
		{"(\\Seen \\Deleted key)", "[\\Seen][\\Deleted][key]", 3, 0},
		{"FLAGS ( a]  b )", "[a]][b]", 2, 0},
		{"()", "", 0, 0},
		{"(a b)", "[a]", 1, 1},
		{"a b", "", -1, 0},
		{"(a b", "", -1, 0},
		{"", "", -1, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct seen s = {BUF_INIT(1000), rows[i].stop};
		cr_expect_eq(imap4_flags_parse(str(rows[i].text), note, &s), rows[i].n, "%s",
			rows[i].text);
		cr_expect_str_eq(buf_str(&s.text), rows[i].seen, "%s", rows[i].text);
		buf_release(&s.text);
	}
}

Test(util, numbers_become_letters_as_in_imaplib)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {{0, ""}, {1, "B"}, {15, "P"}, {16, "BA"}, {0x123, "BCD"},
		{UINT64_MAX, "PPPPPPPPPPPPPPPP"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[17];
		cr_expect_str_eq(imap4_int2ap(rows[i].n, out), rows[i].text);
	}
}

Test(util, names_go_both_ways)
{
	char *wire = imap4_name_encode("Entw\xc3\xbcrfe & mehr");
	cr_assert_str_eq(wire, "Entw&APw-rfe &- mehr");
	char *text = imap4_name_decode(str(wire));
	cr_assert_str_eq(text, "Entw\xc3\xbcrfe & mehr");
	free(wire);
	free(text);
	text = imap4_name_encode("");
	cr_assert_str_eq(text, "");
	free(text);
	cr_assert_null(imap4_name_encode("\xff"));
	cr_assert_null(imap4_name_decode(str("&x")));
}

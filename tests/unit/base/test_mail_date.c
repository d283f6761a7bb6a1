/* SPDX-License-Identifier: MIT */
/* test_mail_date.c -- INTERNALDATE both ways, without locale and time zone. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mail.h"

Test(mail_date, dates_are_understood)
{
	static const struct {
		const char *text;
		int64_t secs;
		int zone;
	} row[] = {
		{"17-Jul-1996 02:44:25 -0700", 837596665, -420}, /* RFC 9051 section 7.5.2 */
		{" 7-Feb-1994 21:52:25 -0800", 760686745, -480}, /* RFC 3501 section 6.3.11 */
		{"01-Jan-1970 00:00:00 +0000", 0, 0},
		{" 1-Jan-1970 00:00:00 -0000", 0, 0},
		{"1-Jan-1970 00:00:00 +0000", 0, 0},
		{"1-jAN-1970 00:00:01", 1, 0},
		{"01-JAN-1970 00:00:00 +0100", -3600, 60},
		{"31-Dec-1969 23:59:59 +0000", -1, 0},
		{"01-Jan-1970 00:00:00 -0030", 1800, -30},
		{"01-Jan-1970 00:00:00 -0330", 12600, -210},
		{"01-Jan-1970 00:00:00 +0545", -20700, 345},
		{"01-Jan-1970 00:00:00 +2359", -86340, 1439},
		{"01-Jan-1970 00:00:00 -2359", 86340, -1439},
		{"19-Jan-2038 03:14:08 +0000", INT64_C(2147483648), 0},
		{"29-Feb-2000 00:00:00 +0000", 951782400, 0},
		{"29-Feb-2024 12:00:00 +0000", 1709208000, 0},
		{"28-Feb-2100 23:59:59 +0000", INT64_C(4107542399), 0},
		{"01-Mar-2100 00:00:00 +0000", INT64_C(4107542400), 0},
		{"01-Jan-1900 00:00:00 +0000", INT64_C(-2208988800), 0},
		{"01-Jan-0000 00:00:00 +0000", INT64_C(-62167219200), 0},
		{"29-Feb-0000 00:00:00 +0000", INT64_C(-62162121600), 0},
		{"31-Dec-9999 23:59:59 +0000", INT64_C(253402300799), 0},
		{"30-Jun-2015 23:59:60 +0000", 1435708799, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct mail_date d;
		cr_assert(mail_date_parse(slice_str(row[i].text), &d), "\"%s\"", row[i].text);
		cr_assert(d.valid);
		cr_assert_eq(d.secs, row[i].secs, "\"%s\": %lld", row[i].text, (long long)d.secs);
		cr_assert_eq(d.zone, row[i].zone, "\"%s\"", row[i].text);
	}
}

Test(mail_date, what_is_no_date_is_refused)
{
	static const char *const bad[] = {
		"",
		"00-Jan-0000 00:00:00 +0000",
		"00-Jan-2000 00:00:00 +0000",
		"32-Jan-2000 00:00:00 +0000",
		"31-Apr-2000 00:00:00 +0000",
		"29-Feb-2023 00:00:00 +0000",
		"29-Feb-1900 00:00:00 +0000",
		"29-Feb-2100 00:00:00 +0000",
		"30-Feb-2000 00:00:00 +0000",
		"01-Foo-2000 00:00:00 +0000",
		"01-Ja-2000 00:00:00 +0000",
		"01-Jan-00 00:00:00 +0000",
		"01-Jan-02000 00:00:00 +0000",
		"01-Jan-2000 24:00:00 +0000",
		"01-Jan-2000 00:60:00 +0000",
		"01-Jan-2000 00:00:61 +0000",
		"01-Jan-2000 0:00:00 +0000",
		"01-Jan-2000 00:00 +0000",
		"01-Jan-2000 00:00:00 +2400",
		"01-Jan-2000 00:00:00 +0060",
		"01-Jan-2000 00:00:00 0000",
		"01-Jan-2000 00:00:00 +-000",
		"01-Jan-2000 00:00:00 GMT",
		"01-Jan-2000 00:00:00 +000",
		"01-Jan-2000 00:00:00 +00000",
		"01-Jan-2000 00:00:00 +0000 ",
		"01-Jan-2000 00:00:00 ",
		"01-Jan-2000  00:00:00 +0000",
		"01 Jan 2000 00:00:00 +0000",
		"  1-Jan-2000 00:00:00 +0000",
		" 01-Jan-2000 00:00:00 +0000",
		"-1-Jan-2000 00:00:00 +0000",
		"+1-Jan-2000 00:00:00 +0000",
		"01-Jan--200 00:00:00 +0000",
		"01-Jan-2000 00:00:-1 +0000",
		"\"01-Jan-2000 00:00:00 +0000\"",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct mail_date d = {5, 5, true};
		cr_assert(!mail_date_parse(slice_str(bad[i]), &d), "\"%s\"", bad[i]);
		cr_assert(!d.valid && d.secs == 0 && d.zone == 0, "\"%s\"", bad[i]);
	}
}

Test(mail_date, a_date_cut_anywhere_is_refused_but_for_its_missing_zone)
{
	static const char text[] = "17-Jul-1996 02:44:25 -0700";
	for (size_t n = 0; n < MAIL_DATE_LEN; n++) {
		char *copy = malloc(
			n > 0 ? n : 1); /* of exactly this length: an overrun would be seen */
		cr_assert_not_null(copy);
		memcpy(copy, text, n);
		struct mail_date d;
		cr_assert_eq(mail_date_parse(slice_of(copy, n), &d), n == 20, "%zu bytes", n);
		free(copy);
	}
}

Test(mail_date, dates_are_written_as_the_rfc_has_them)
{
	static const struct {
		struct mail_date d;
		const char *text;
	} row[] = {
		{{837596665, -420, true}, "17-Jul-1996 02:44:25 -0700"},
		{{760686745, -480, true}, " 7-Feb-1994 21:52:25 -0800"},
		{{0, 0, true}, " 1-Jan-1970 00:00:00 +0000"},
		{{1800, -30, true}, " 1-Jan-1970 00:00:00 -0030"},
		{{12600, -210, true}, " 1-Jan-1970 00:00:00 -0330"},
		{{-1, 0, true}, "31-Dec-1969 23:59:59 +0000"},
		{{INT64_C(-62167219200), 0, true}, " 1-Jan-0000 00:00:00 +0000"},
		{{INT64_C(253402300799), 0, true}, "31-Dec-9999 23:59:59 +0000"},
		{{INT64_C(-62167219201), 1, true}, " 1-Jan-0000 00:00:59 +0001"},
		{{INT64_C(253402300800), -1, true}, "31-Dec-9999 23:59:00 -0001"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char out[MAIL_DATE_LEN + 1];
		cr_assert(mail_date_format(&row[i].d, out), "%s", row[i].text);
		cr_assert_str_eq(out, row[i].text);
		cr_assert_eq(strlen(out), MAIL_DATE_LEN);
	}
}

Test(mail_date, what_has_no_four_digit_year_is_not_written)
{
	static const struct mail_date bad[] = {
		{0, 0, false},
		{0, 1440, true},
		{0, -1440, true},
		{INT64_C(-62167219201), 0, true},
		{INT64_C(253402300800), 0, true},
		{INT64_C(253402300799), 1, true},
		{INT64_MAX, 1439, true},
		{INT64_MIN, -1439, true},
		{INT64_MAX, 0, true},
		{INT64_MIN, 0, true},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char out[MAIL_DATE_LEN + 1];
		cr_assert(!mail_date_format(&bad[i], out), "row %zu", i);
	}
}

Test(mail_date, days_agree_with_the_c_library_over_four_centuries)
{
	int64_t year;
	int month, day;
	for (int64_t days = -80000; days < 80000; days++) {
		time_t t = (time_t)(days * 86400);
		struct tm tm;
		cr_assert_not_null(gmtime_r(&t, &tm));
		mail_civil_from_days(days, &year, &month, &day);
		cr_assert(year == tm.tm_year + 1900 && month == tm.tm_mon + 1 && day == tm.tm_mday,
			"day %lld", (long long)days);
		cr_assert_eq(mail_days_from_civil(year, month, day), days);
		cr_assert_eq((int64_t)timegm(&tm), days * 86400);
	}
}

Test(mail_date, days_far_away_go_there_and_back)
{
	for (int64_t days = INT64_C(-400000000000); days < INT64_C(400000000000);
		days += INT64_C(799999993)) {
		int64_t year;
		int month, day;
		mail_civil_from_days(days, &year, &month, &day);
		cr_assert(month >= 1 && month <= 12 && day >= 1 && day <= 31);
		cr_assert_eq(mail_days_from_civil(year, month, day), days);
	}
}

Test(mail_date, every_written_date_is_read_back_the_same)
{
	static const int zone[] = {0, 60, -30, -210, 345, 1439, -1439};
	setenv("TZ", "America/St_Johns", 1);
	tzset();
	for (int64_t secs = INT64_C(-62167100000); secs < INT64_C(253402200000);
		secs += 86399 * 37) {
		for (size_t z = 0; z < sizeof zone / sizeof *zone; z++) {
			struct mail_date d = {secs, zone[z], true}, back;
			char out[MAIL_DATE_LEN + 1];
			cr_assert(mail_date_format(&d, out), "%lld", (long long)secs);
			cr_assert(mail_date_parse(slice_str(out), &back), "%s", out);
			cr_assert(
				back.valid && back.secs == secs && back.zone == zone[z], "%s", out);
		}
	}
}

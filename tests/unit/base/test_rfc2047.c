/* SPDX-License-Identifier: MIT */
/* test_rfc2047.c -- encoded words to UTF-8. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rfc2047.h"

static void check(const char *in, const char *want)
{
	struct buf out = BUF_INIT(64 << 10);
	cr_assert_eq(rfc2047_decode(&out, slice_str(in)), 0, "%s", in);
	cr_assert_str_eq(buf_str(&out), want, "%s", in);
	buf_release(&out);
}

Test(rfc2047, words_are_decoded_as_the_rfc_and_mail_in_the_wild_want_it)
{
	static const struct {
		const char *in, *want;
	} row[] = {
		{"", ""},
		{"plain text", "plain text"},
		{"=?utf-8?Q?caf=C3=A9?=", "caf\xc3\xa9"},
		{"=?UTF-8?q?a_b=5Fc?=", "a b_c"},
		{"=?UTF-8?B?Y2Fmw6k=?=", "caf\xc3\xa9"},
		{"=?UTF-8?B?Y2Fmw6k?=", "caf\xc3\xa9"},
		{"=?utf-8*de?Q?f=C3=BCr?=", "f\xc3\xbcr"},
		{"=?iso-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard"},
		{"=?ISO-8859-15?Q?=A4?=", "\xe2\x82\xac"},
		{"=?windows-1252?Q?=80?=", "\xe2\x82\xac"},
		{"=?KOI8-R?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
		{"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
		{"=?gb2312?B?xOO6ww==?=", "\xe4\xbd\xa0\xe5\xa5\xbd"},
		/* RFC 2047 section 8 */
		{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=", "ab"},
		{"=?ISO-8859-1?Q?a_b?=", "a b"},
		{"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"},
		{"x =?utf-8?Q?a?= ", "x a "},
		/* a character split between two words */
		{"=?utf-8?Q?=C3?= =?UTF-8?Q?=A9?=", "\xc3\xa9"},
		{"=?utf-8?B?w6?=x", "\xef\xbf\xbdx"},
		{"=?utf-8?Q?hello world?=", "hello world"},
		{"x=?utf-8?Q?y?=z", "xyz"},
		{"=?utf-8?Q?=3D?=", "="},
		{"=?utf-8?Q?=?=", "="},
		{"=?utf-8?Q?a=XYb?=", "a=XYb"},
		{"=?utf-8?Q?\?=", ""},
		/* not words */
		{"=?utf-8?Q?open", "=?utf-8?Q?open"},
		{"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
		{"=??Q?abc?=", "=??Q?abc?="},
		{"=?utf-8?Q", "=?utf-8?Q"},
		{"=?utf-8?", "=?utf-8?"},
		{"=?", "=?"},
		{"=", "="},
		{"= ?utf-8?Q?a?=", "= ?utf-8?Q?a?="},
		/* unknown charsets stay as they are, and so does one that would reach the converter's options */
		{"=?x-unknown?Q?abc?=", "=?x-unknown?Q?abc?="},
		{"=?utf-8//IGNORE?Q?abc?=", "=?utf-8//IGNORE?Q?abc?="},
		{"=?ISO-2022-CN-EXT?B?GyQqSA==?=", "=?ISO-2022-CN-EXT?B?GyQqSA==?="},
		{"=?iso-8859-99?Q?abc?= x", "=?iso-8859-99?Q?abc?= x"},
		{"=?iso-8859-99?Q?a?= =?utf-8?Q?b?=", "=?iso-8859-99?Q?a?=b"},
		/* bytes a charset does not have */
		{"=?utf-8?Q?a=FFb?=",
			"a\xef\xbf\xbd"
			"b"},
		{"=?us-ascii?Q?a=C3=A9?=", "a\xc3\xa9"},
		{"=?euc-jp?Q?=FF=41?=",
			"\xef\xbf\xbd"
			"A"},
		{"raw \xff\xfe", "raw \xff\xfe"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		check(row[i].in, row[i].want);
}

Test(rfc2047, a_word_at_the_limit_is_decoded_and_a_longer_one_is_left_alone)
{
	for (int over = 0; over <= 1; over++) {
		size_t n = RFC2047_WORD_MAX + (size_t)over;
		char *in = malloc(n + 1);
		cr_assert_not_null(in);
		memset(in, 'a', n);
		memcpy(in, "=?utf-8?Q?", 10);
		memcpy(in + n - 2, "?=", 3);
		struct buf out = BUF_INIT(64 << 10);
		cr_assert_eq(rfc2047_decode(&out, slice_str(in)), 0);
		cr_assert_eq(out.len, over ? n : n - 12, "over %d: %zu", over, out.len);
		buf_release(&out);
		free(in);
	}
}

Test(rfc2047, a_charset_name_at_the_limit_is_tried_and_a_longer_one_is_not)
{
	/* Both are unknown to libc; a name of 41 bytes must not be copied. */
	for (int over = 0; over <= 1; over++) {
		char in[128], name[64];
		memset(name, '1', sizeof name);
		memcpy(name, "iso-8859-", 9);
		name[RFC2047_CHARSET_MAX + over] = '\0';
		snprintf(in, sizeof in, "=?%s?Q?x?=", name);
		check(in, in);
	}
}

Test(rfc2047, the_limit_of_the_result_is_an_error)
{
	struct buf out = BUF_INIT(3);
	cr_assert_eq(rfc2047_decode(&out, slice_str("=?utf-8?Q?abc?=")), 0);
	buf_clear(&out);
	cr_assert_eq(rfc2047_decode(&out, slice_str("=?utf-8?Q?abcd?=")), -1);
	buf_clear(&out);
	cr_assert_eq(rfc2047_decode(&out, slice_str("=?iso-8859-1?Q?=E9=E9?=")), -1);
	buf_release(&out);
}

Test(rfc2047, every_beginning_of_a_text_is_harmless)
{
	static const char text[] =
		"=?utf-8?Q?=C3=A9?= =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?= =?euc-kr?B?sKE=?= x";
	for (size_t n = 0; n < sizeof text; n++) {
		char *in = malloc(n + 1);
		cr_assert_not_null(in);
		memcpy(in, text, n);
		struct buf out = BUF_INIT(4096);
		cr_assert_eq(rfc2047_decode(&out, slice_of(in, n)), 0, "%zu", n);
		buf_release(&out);
		free(in);
	}
}

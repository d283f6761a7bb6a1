/* SPDX-License-Identifier: MIT */
/* test_codec.c -- hexadecimal and strict base64. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/hash.h"

Test(codec, hexadecimal_goes_there_and_back)
{
	unsigned char all[256], back[256];
	char text[513];
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	hex_format(all, sizeof all, text);
	cr_assert_eq(strlen(text), 512);
	cr_assert_eq(strncmp(text, "000102", 6), 0);
	cr_assert_str_eq(text + 506, "fdfeff");
	cr_assert(hex_parse(text, sizeof all, back));
	cr_assert_eq(memcmp(all, back, sizeof all), 0);
}

Test(codec, hexadecimal_takes_either_case_and_the_exact_length)
{
	static const struct {
		const char *text;
		bool ok;
	} row[] = {{"00fF", true}, {"00f", false}, {"00", false}, {"", false}, {"00ff0", false},
		{"00ff ", false}, {"00fg", false}, {"0xff", false}, {"00f:", false},
		{"00f@", false}, {"00f`", false}, {"/0ff", false}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		unsigned char out[2] = {9, 9};
		cr_assert_eq(hex_parse(row[i].text, 2, out), row[i].ok, "\"%s\"", row[i].text);
		if (row[i].ok)
			cr_assert(out[0] == 0 && out[1] == 255);
	}
}

/* RFC 4648 section 10 */
static const struct {
	const char *plain, *coded;
} vector[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xFB\xFF\xBF", "+/+/"}};

Test(codec, base64_gives_the_vectors_of_the_rfc)
{
	for (size_t i = 0; i < sizeof vector / sizeof *vector; i++) {
		struct buf coded = BUF_INIT(100), plain = BUF_INIT(100);
		cr_assert_eq(base64_encode(&coded, vector[i].plain, strlen(vector[i].plain)), 0);
		cr_assert_str_eq(buf_str(&coded), vector[i].coded);
		cr_assert(base64_decode(&plain, vector[i].coded, strlen(vector[i].coded)));
		cr_assert_str_eq(buf_str(&plain), vector[i].plain);
		buf_release(&coded);
		buf_release(&plain);
	}
}

Test(codec, base64_refuses_what_is_not_exactly_base64)
{
	static const char *const bad[] = {"Z", "Zg",
		"Zg=", "Zg===", "Zg==Zg==", "Zm8=Zm8=", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_",
		"====", "Z===", "Zg=a",
		"=Zg=", "Zh==", "Zm9=", "Zm9v====", "Zm9vZ===", "\xC3\xA9Zg"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf out = BUF_INIT(100);
		buf_add_str(&out, "kept");
		cr_assert(!base64_decode(&out, bad[i], strlen(bad[i])), "\"%s\"", bad[i]);
		cr_assert_str_eq(buf_str(&out), "kept", "\"%s\"", bad[i]);
		cr_assert_eq(out.failed, E_NONE);
		buf_release(&out);
	}
	struct buf out = BUF_INIT(100);
	cr_assert(!base64_decode(&out, "Zm\0v", 4), "a NUL");
	buf_release(&out);
}

Test(codec, base64_cut_anywhere_is_refused_but_between_groups)
{
	static const char text[] = "Zm9vYmFyZm9vZg==";
	for (size_t n = 0; n < sizeof text; n++) {
		struct buf out = BUF_INIT(100);
		cr_assert_eq(base64_decode(&out, text, n), n % 4 == 0, "%zu bytes", n);
		buf_release(&out);
	}
}

Test(codec, base64_round_trips_all_lengths)
{
	unsigned char in[300];
	srand(1);
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (unsigned char)rand();
	for (size_t n = 0; n <= sizeof in; n++) {
		struct buf coded = BUF_INIT(400), plain = BUF_INIT(300);
		cr_assert_eq(base64_encode(&coded, in, n), 0);
		cr_assert_eq(coded.len, (n + 2) / 3 * 4);
		cr_assert(base64_decode(&plain, coded.data, coded.len), "%zu bytes", n);
		cr_assert(slice_eq(buf_slice(&plain), slice_of(in, n)), "%zu bytes", n);
		buf_release(&coded);
		buf_release(&plain);
	}
}

Test(codec, base64_respects_the_limit_of_the_buffer)
{
	struct buf exact = BUF_INIT(8), small = BUF_INIT(7);
	cr_assert_eq(base64_encode(&exact, "abcdef", 6), 0);
	cr_assert_eq(base64_encode(&small, "abcdef", 6), -1);
	buf_release(&exact);
	buf_release(&small);
	struct buf five = BUF_INIT(5), six = BUF_INIT(6);
	cr_assert(base64_decode(&six, "YWJjZGVm", 8));
	cr_assert(!base64_decode(&five, "YWJjZGVm", 8));
	cr_assert_eq(five.len, 0);
	cr_assert_eq(five.failed, E_LIMIT);
	cr_assert(!base64_decode(&five, "", 0), "a failed buffer takes nothing");
	buf_release(&five);
	buf_release(&six);
}

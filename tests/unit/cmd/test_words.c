/* SPDX-License-Identifier: MIT */
/* test_words.c -- a command line without a shell. */
#include <criterion/criterion.h>

#include <string.h>

#include "cmd/config.h"

Test(words, text_is_split_as_people_expect)
{
	static const struct {
		const char *text;
		const char *word[5];
	} row[] = {
		{"", {NULL}},
		{" \t ", {NULL}},
		{"a", {"a", NULL}},
		{"  a \t b  ", {"a", "b", NULL}},
		{"'a b' c", {"a b", "c", NULL}},
		{"\"a b\"c", {"a bc", NULL}},
		{"a'b'\"c\"", {"abc", NULL}},
		{"''", {"", NULL}},
		{"\"\" x", {"", "x", NULL}},
		{"\"a\\\"b\"", {"a\"b", NULL}},
		{"\"a\\\\\"", {"a\\", NULL}},
		{"\"a\\n\"", {"a\\n", NULL}},
		{"'a\\'", {"a\\", NULL}},
		{"'a\"b'", {"a\"b", NULL}},
		{"\"it's\"", {"it's", NULL}},
		{"\\Junk \\Sent", {"\\Junk", "\\Sent", NULL}},
		{"a\\ b", {"a\\", "b", NULL}},
		{"$HOME `x` $(y) *", {"$HOME", "`x`", "$(y)", "*", NULL}},
		{"\xc3\xa4 \xe6\x97\xa5", {"\xc3\xa4", "\xe6\x97\xa5", NULL}},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct string_list l = {NULL, 0};
		struct err e = ERR_INIT;
		cr_assert_eq(words_split(row[i].text, &l, &e), 0, "%s", row[i].text);
		size_t n = 0;
		for (; row[i].word[n] != NULL; n++) {
			cr_assert_lt(n, l.n, "%s", row[i].text);
			cr_assert_str_eq(l.at[n], row[i].word[n], "%s", row[i].text);
		}
		cr_assert_eq(l.n, n, "%s", row[i].text);
		cr_assert(n == 0 || l.at[n] == NULL, "the array ends with NULL");
		string_list_release(&l);
	}
}

Test(words, a_quotation_mark_without_its_partner_is_refused)
{
	static const char *const text[] = {"'", "\"", "a 'b", "a \"b\\\"", "'a' \"", "\"\\\\\\\""};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct string_list l = {NULL, 0};
		struct err e = ERR_INIT;
		cr_assert_eq(words_split(text[i], &l, &e), -1, "%s", text[i]);
		cr_assert_eq(e.code, E_CONFIG);
		cr_assert_str_eq(e.text, "has a quotation mark without its partner");
		string_list_release(&l);
	}
}

Test(words, a_second_text_is_added_to_the_first)
{
	struct string_list l = {NULL, 0};
	struct err e = ERR_INIT;
	cr_assert_eq(words_split("a b", &l, &e), 0);
	cr_assert_eq(words_split("c", &l, &e), 0);
	cr_assert_eq(l.n, 3);
	cr_assert_str_eq(l.at[2], "c");
	string_list_release(&l);
	cr_assert_eq(l.n, 0);
	cr_assert_null(l.at);
}

Test(words, a_list_takes_bytes_of_a_given_length)
{
	struct string_list l = {NULL, 0};
	cr_assert_eq(string_list_add(&l, "abcdef", 3), 0);
	cr_assert_str_eq(l.at[0], "abc");
	cr_assert_null(l.at[1]);
	string_list_release(&l);
}

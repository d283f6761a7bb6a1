/* SPDX-License-Identifier: MIT */
/* test_buf.c -- bounded buffers and slices. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"

static bool invariants_hold(const struct buf *b)
{
	if (b->data == NULL)
		return b->len == 0 && b->cap == 0;
	return b->len < b->cap && b->cap - 1 <= b->max && b->data[b->len] == '\0';
}

Test(buf, holds_exactly_max_bytes_and_not_one_more)
{
	for (size_t max = 0; max < 200; max += 13) {
		struct buf b = BUF_INIT(max);
		for (size_t i = 0; i < max; i++) {
			cr_assert_eq(buf_add_byte(&b, (unsigned char)('a' + i % 26)), 0);
			cr_assert(invariants_hold(&b), "max %zu, %zu bytes", max, i + 1);
		}
		struct err e = ERR_INIT;
		cr_assert_eq(buf_check(&b, "it", &e), 0);
		cr_assert_eq(buf_add_byte(&b, '!'), -1, "max %zu", max);
		cr_assert_eq(b.len, max);
		cr_assert_eq(b.failed, E_LIMIT);
		cr_assert(invariants_hold(&b));
		buf_release(&b);
	}
}

Test(buf, a_failed_buffer_keeps_its_contents_and_ignores_additions_until_cleared)
{
	struct buf b = BUF_INIT(5);
	buf_add_str(&b, "abc");
	cr_assert_eq(buf_add_str(&b, "def"), -1);
	cr_assert_eq(buf_add_byte(&b, 'x'), -1, "there would be room, but a part is missing");
	cr_assert_eq(buf_add_u64(&b, 1), -1);
	cr_assert_eq(buf_addf(&b, "y"), -1);
	cr_assert_null(buf_reserve(&b, 1));
	buf_added(&b, 1);
	cr_assert_str_eq(buf_str(&b), "abc");
	struct err e = ERR_INIT;
	cr_assert_eq(buf_check(&b, "a greeting", &e), -1);
	cr_assert_str_eq(e.text, "a greeting is longer than 5 bytes");
	cr_assert_eq(e.code, E_LIMIT);
	cr_assert_eq(e.scope, ERR_MESSAGE);
	buf_clear(&b);
	cr_assert_eq(b.len, 0);
	cr_assert_eq(buf_add_str(&b, "abcde"), 0);
	cr_assert_str_eq(buf_str(&b), "abcde");
	buf_release(&b);
}

Test(buf, a_release_forgets_the_failure_and_keeps_the_limit)
{
	struct buf b = BUF_INIT(2);
	buf_add_str(&b, "abc");
	buf_release(&b);
	cr_assert_eq(b.failed, E_NONE);
	cr_assert_eq(b.max, 2);
	cr_assert_eq(buf_add_str(&b, "ab"), 0);
	buf_release(&b);
}

Test(buf, sizes_that_cannot_be_are_out_of_memory_or_over_the_limit)
{
	struct buf b = BUF_INIT(SIZE_MAX);
	cr_assert_null(buf_reserve(&b, SIZE_MAX));
	cr_assert_eq(b.failed, E_NOMEM);
	struct err e = ERR_INIT;
	cr_assert_eq(buf_check(&b, "it", &e), -1);
	cr_assert_eq(e.code, E_NOMEM);
	buf_clear(&b);
	buf_add_byte(&b, 'a');
	cr_assert_null(buf_reserve(&b, SIZE_MAX - 1));
	cr_assert_eq(b.failed, E_NOMEM);
	cr_assert_str_eq(buf_str(&b), "a");
	buf_release(&b);
	struct buf small = BUF_INIT(10);
	cr_assert_null(buf_reserve(&small, SIZE_MAX));
	cr_assert_eq(small.failed, E_LIMIT);
	buf_release(&small);
}

Test(buf, grows_through_many_sizes_without_losing_a_byte)
{
	struct buf b = BUF_INIT(100000);
	for (int i = 0; i < 10000; i++) {
		buf_addf(&b, "%05d", i);
		buf_add_slice(&b, slice_str("|"));
		cr_assert(invariants_hold(&b), "step %d", i);
	}
	cr_assert_eq(b.len, 60000);
	for (int i = 0; i < 10000; i++) {
		char want[16];
		snprintf(want, sizeof want, "%05d|", i);
		cr_assert_eq(memcmp(b.data + (size_t)i * 6, want, 6), 0, "record %d", i);
	}
	buf_release(&b);
}

Test(buf, numbers_are_written_in_decimal)
{
	static const struct {
		uint64_t v;
		const char *text;
	} row[] = {{0, "0"}, {9, "9"}, {10, "10"}, {4294967295u, "4294967295"},
		{UINT64_MAX, "18446744073709551615"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf b = BUF_INIT(20);
		cr_assert_eq(buf_add_u64(&b, row[i].v), 0);
		cr_assert_str_eq(buf_str(&b), row[i].text);
		buf_release(&b);
	}
}

Test(buf, formatted_text_fits_at_the_limit_and_fails_beyond)
{
	struct buf b = BUF_INIT(6);
	cr_assert_eq(buf_addf(&b, "%s-%d", "abc", 42), 0);
	cr_assert_str_eq(buf_str(&b), "abc-42");
	buf_clear(&b);
	cr_assert_eq(buf_addf(&b, "%s-%d", "abc", 423), -1);
	cr_assert_eq(b.len, 0);
	buf_release(&b);
}

Test(buf, reserved_room_is_used_by_added)
{
	struct buf b = BUF_INIT(100);
	unsigned char *to = buf_reserve(&b, 10);
	cr_assert_not_null(to);
	memcpy(to, "0123456789", 10);
	buf_added(&b, 4);
	cr_assert_str_eq(buf_str(&b), "0123");
	cr_assert_not_null(buf_reserve(&b, 0));
	buf_added(&b, 0);
	buf_added(&b, 1000);
	cr_assert(invariants_hold(&b), "more than was reserved cannot leave the memory");
	buf_release(&b);
	buf_added(&b, 1);
	cr_assert_eq(b.len, 0);
}

Test(buf, consume_and_truncate_stay_within_the_contents)
{
	struct buf b = BUF_INIT(100);
	buf_consume(&b, 3);
	buf_truncate(&b, 0);
	buf_add_str(&b, "abcdef");
	buf_consume(&b, 2);
	cr_assert_str_eq(buf_str(&b), "cdef");
	buf_truncate(&b, 9);
	cr_assert_eq(b.len, 4);
	cr_assert_str_eq(buf_str(&b), "cdef");
	buf_truncate(&b, 3);
	cr_assert_str_eq(buf_str(&b), "cde");
	buf_consume(&b, SIZE_MAX);
	cr_assert_str_eq(buf_str(&b), "");
	cr_assert(invariants_hold(&b));
	buf_release(&b);
}

Test(buf, take_hands_the_memory_over)
{
	struct buf b = BUF_INIT(10);
	char *s = buf_take(&b);
	cr_assert_str_eq(s, "", "an empty buffer gives an empty string");
	free(s);
	buf_add_str(&b, "abc");
	s = buf_take(&b);
	cr_assert_str_eq(s, "abc");
	free(s);
	cr_assert_eq(b.len, 0);
	cr_assert_eq(b.max, 10);
	cr_assert_str_eq(buf_str(&b), "");
}

Test(buf, take_of_a_failed_buffer_frees_it_and_keeps_the_reason)
{
	struct buf b = BUF_INIT(3);
	buf_add_str(&b, "abc");
	buf_add_str(&b, "d");
	cr_assert_null(buf_take(&b));
	cr_assert_null(b.data);
	struct err e = ERR_INIT;
	cr_assert_eq(buf_check(&b, "it", &e), -1);
	cr_assert_eq(e.code, E_LIMIT);
}

Test(buf, inner_nul_bytes_are_contents)
{
	struct buf b = BUF_INIT(10);
	buf_add(&b, "a\0b", 3);
	buf_add(&b, NULL, 0);
	cr_assert(slice_eq(buf_slice(&b), slice_of("a\0b", 3)));
	buf_release(&b);
}

Test(slice, compares_bytes_then_length)
{
	static const struct {
		const char *a, *b;
		int sign;
	} row[] = {{"", "", 0}, {"a", "", 1}, {"", "a", -1}, {"a", "b", -1}, {"ab", "a", 1},
		{"a", "ab", -1}, {"b", "ab", 1}, {"\xFF", "a", 1}, {"ab", "ab", 0}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int c = slice_cmp(slice_str(row[i].a), slice_str(row[i].b));
		cr_assert_eq((c > 0) - (c < 0), row[i].sign, "row %zu", i);
		cr_assert_eq(slice_eq(slice_str(row[i].a), slice_str(row[i].b)), row[i].sign == 0,
			"row %zu", i);
	}
	cr_assert(slice_eq(SLICE_NONE, slice_str(NULL)));
	cr_assert_eq(slice_cmp(SLICE_NONE, SLICE_NONE), 0);
}

Test(slice, ignores_ascii_case_and_no_other)
{
	cr_assert(slice_ieq_str(slice_str("InBox"), "INBOX"));
	cr_assert(!slice_ieq_str(slice_str("InBo"), "INBOX"));
	cr_assert(!slice_ieq_str(slice_str("InBoxx"), "INBOX"));
	cr_assert(!slice_ieq_str(slice_str("\xC3\xA9"), "\xC3\x89"));
	cr_assert(!slice_ieq_str(slice_str("["), "{"), "not letters, although 0x20 apart");
	cr_assert(!slice_ieq_str(slice_str("@"), "`"));
	cr_assert(slice_ieq_str(slice_str("aZ"), "Az"));
	cr_assert(slice_eq_str(slice_str("ab"), "ab"));
	cr_assert(!slice_eq_str(slice_str("ab"), "aB"));
	cr_assert(slice_starts_istr(slice_str("utf8=ONLY"), "UTF8="));
	cr_assert(slice_starts_istr(SLICE_NONE, ""));
	cr_assert(!slice_starts_istr(slice_str("UTF8"), "UTF8="));
	cr_assert(!slice_ieq_str(slice_of("a\0", 2), "a"));
}

Test(slice, numbers_have_digits_only_and_a_largest_value)
{
	static const struct {
		const char *text;
		uint64_t max;
		bool ok;
		uint64_t v;
	} row[] = {
		{"", 10, false, 0},
		{"0", 0, true, 0},
		{"1", 0, false, 0},
		{"10", 10, true, 10},
		{"11", 10, false, 0},
		{"5", 3, false, 0},
		{"007", 10, true, 7},
		{"-1", 10, false, 0},
		{"+1", 10, false, 0},
		{" 1", 10, false, 0},
		{"1 ", 10, false, 0},
		{"1a", 100, false, 0},
		{"4294967295", UINT32_MAX, true, UINT32_MAX},
		{"4294967296", UINT32_MAX, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0},
		{"99999999999999999999", UINT64_MAX, false, 0},
		{"00000000000000000001", UINT64_MAX, true, 1},
		{"000000000000000000001", UINT64_MAX, false, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint64_t v = 77;
		cr_assert_eq(slice_u64(slice_str(row[i].text), row[i].max, &v), row[i].ok, "\"%s\"",
			row[i].text);
		cr_assert_eq(v, row[i].ok ? row[i].v : 77, "\"%s\"", row[i].text);
	}
}

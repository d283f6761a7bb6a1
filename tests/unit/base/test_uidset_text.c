/* SPDX-License-Identifier: MIT */
/* test_uidset_text.c -- UID sets read and written as sequence-set. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/uidset.h"

Test(uidset_text, parsed_sets_are_written_in_their_shortest_form)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{"1", "1"},
		{"1:3,7", "1:3,7"},
		{"3:1", "1:3"},
		{"7,1:3", "1:3,7"},
		{"1,2,3,4", "1:4"},
		{"4,3,2,1", "1:4"},
		{"1:10,5:7", "1:10"},
		{"5:7,1:10,2", "1:10"},
		{"1:4294967295", "1:4294967295"},
		{"4294967295:4294967294,1", "1,4294967294:4294967295"},
		{"5:5", "5"},
		{"007", "7"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err e = ERR_INIT;
		struct uidset s = UIDSET_INIT;
		struct buf out = BUF_INIT(100);
		cr_assert_eq(uidset_parse(&s, slice_str(row[i].in), &e), 0, "%s", row[i].in);
		cr_assert_eq(uidset_format(&s, &out, &e), 0, "%s", row[i].in);
		cr_assert_str_eq(buf_str(&out), row[i].out, "%s", row[i].in);
		uidset_release(&s);
		buf_release(&out);
	}
}

Test(uidset_text, what_is_no_set_is_refused_and_adds_nothing)
{
	static const char *const bad[] = {"", ",", "1,", ",1", "1,,2", "0", "0:5", "5:0",
		"1:", ":1", ":", "1:2:3", "*", "1:*", "-1", "1-3", " 1", "1 ", "1, 2", "a",
		"4294967296", "1:4294967296", "99999999999999999999999", "1\r\n", "1,\x1B[2J"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = ERR_INIT;
		struct uidset s = UIDSET_INIT;
		cr_assert_eq(uidset_add(&s, 50, &e), 0);
		cr_assert_eq(uidset_parse(&s, slice_str(bad[i]), &e), -1, "\"%s\"", bad[i]);
		cr_assert_eq(e.code, E_INVALID, "\"%s\"", bad[i]);
		cr_assert_null(strchr(e.text, '\x1B'), "the text is shown escaped");
		cr_assert_eq(uidset_count(&s), 1, "\"%s\"", bad[i]);
		uidset_release(&s);
	}
}

Test(uidset_text, a_set_cut_anywhere_is_a_shorter_set_or_refused)
{
	static const char text[] = "1:30,47,500:4294967295";
	for (size_t n = 0; n < sizeof text; n++) {
		struct err e = ERR_INIT;
		struct uidset s = UIDSET_INIT;
		bool whole = n > 0 && text[n - 1] != ':' && text[n - 1] != ',';
		cr_assert_eq(
			uidset_parse(&s, slice_of(text, n), &e), whole ? 0 : -1, "%zu bytes", n);
		uidset_release(&s);
	}
}

Test(uidset_text, parsing_adds_to_what_is_there)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	struct buf out = BUF_INIT(100);
	cr_assert_eq(uidset_parse(&s, slice_str("10:12"), &e), 0);
	cr_assert_eq(uidset_parse(&s, slice_str("1,13,20"), &e), 0);
	cr_assert_eq(uidset_format(&s, &out, &e), 0);
	cr_assert_str_eq(buf_str(&out), "1,10:13,20");
	uidset_release(&s);
	buf_release(&out);
}

Test(uidset_text, a_long_list_in_descending_order_does_not_cost_a_square, .timeout = 5)
{
	/* By insertion this would move 10^11 bytes and not come back in time. */
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	struct buf text = BUF_INIT((size_t)8 << 20);
	for (uint32_t i = 200000; i > 0; i--) {
		buf_add_u64(&text, (uint64_t)i * 2);
		buf_add_byte(&text, i > 1 ? ',' : ':');
	}
	buf_add_u64(&text, 2);
	cr_assert_eq(uidset_parse(&s, buf_slice(&text), &e), 0);
	cr_assert_eq(s.n, 200000);
	cr_assert_eq(uidset_count(&s), 200000);
	uidset_release(&s);
	buf_release(&text);
}

Test(uidset_text, more_items_than_ranges_allowed_are_refused_before_they_are_read)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	struct buf text = BUF_INIT(2 * UIDSET_RANGES_MAX + 2);
	unsigned char *p = buf_reserve(&text, 2 * UIDSET_RANGES_MAX + 1);
	cr_assert_not_null(p);
	for (size_t i = 0; i < UIDSET_RANGES_MAX; i++) {
		p[2 * i] = '1';
		p[2 * i + 1] = ',';
	}
	p[2 * UIDSET_RANGES_MAX] = '1';
	buf_added(&text, 2 * UIDSET_RANGES_MAX + 1);
	cr_assert_eq(uidset_parse(&s, buf_slice(&text), &e), -1);
	cr_assert_eq(e.code, E_LIMIT);
	buf_truncate(&text, 2 * UIDSET_RANGES_MAX - 1);
	cr_assert_eq(uidset_parse(&s, buf_slice(&text), &e), 0);
	cr_assert_eq(uidset_count(&s), 1);
	uidset_release(&s);
	buf_release(&text);
}

Test(uidset_text, the_empty_set_is_the_empty_text)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	struct buf out = BUF_INIT(10);
	uint32_t from = 0;
	cr_assert_eq(uidset_format(&s, &out, &e), 0);
	cr_assert_eq(uidset_format_part(&s, &from, 5, &out, &e), 0);
	cr_assert_eq(out.len, 0);
	buf_release(&out);
}

Test(uidset_text, parts_keep_to_the_length_and_together_give_the_set)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	cr_assert_eq(uidset_parse(&s, slice_str("1,3:5,9,100:200,4294967290:4294967295"), &e), 0);
	for (size_t max = 0; max < 60; max++) {
		struct uidset back = UIDSET_INIT;
		uint32_t from = 0;
		int left = 1;
		for (int part = 0; left == 1; part++) {
			struct buf out = BUF_INIT(100);
			uint32_t before = from;
			left = uidset_format_part(&s, &from, max, &out, &e);
			cr_assert_geq(left, 0, "max %zu, part %d", max, part);
			cr_assert_gt(from, before, "max %zu, part %d", max, part);
			bool one = strchr(buf_str(&out), ',') == NULL;
			cr_assert(out.len <= max || one, "max %zu: \"%s\"", max, buf_str(&out));
			cr_assert_eq(uidset_parse(&back, buf_slice(&out), &e), 0, "\"%s\"",
				buf_str(&out));
			cr_assert_eq(uidset_max(&back), from);
			buf_release(&out);
		}
		cr_assert(uidset_equal(&back, &s), "max %zu", max);
		uidset_release(&back);
	}
	uidset_release(&s);
}

Test(uidset_text, a_part_uses_its_room_to_the_last_byte)
{
	static const struct {
		size_t max;
		const char *first;
		int left;
	} row[] = {{0, "1", 1}, {1, "1", 1}, {4, "1", 1}, {5, "1,3:5", 1}, {6, "1,3:5", 1},
		{7, "1,3:5,9", 0}, {SIZE_MAX, "1,3:5,9", 0}};
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	cr_assert_eq(uidset_parse(&s, slice_str("1,3:5,9"), &e), 0);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = BUF_INIT(100);
		uint32_t from = 0;
		buf_add_str(&out, "UID FETCH ");
		cr_assert_eq(uidset_format_part(&s, &from, row[i].max, &out, &e), row[i].left,
			"max %zu", row[i].max);
		cr_assert_str_eq(buf_str(&out) + 10, row[i].first, "max %zu", row[i].max);
		buf_release(&out);
	}
	struct buf out = BUF_INIT(100);
	uint32_t from = 3;
	cr_assert_eq(uidset_format_part(&s, &from, 100, &out, &e), 0);
	cr_assert_str_eq(buf_str(&out), "4:5,9", "from inside of a range");
	buf_release(&out);
	uidset_release(&s);
}

Test(uidset_text, a_buffer_that_is_too_small_is_an_error_and_gets_nothing)
{
	struct err e = ERR_INIT;
	struct uidset s = UIDSET_INIT;
	cr_assert_eq(uidset_parse(&s, slice_str("1,3:5,9"), &e), 0);
	for (size_t max = 0; max <= 7; max++) {
		struct buf out = BUF_INIT(max);
		uint32_t from = 0;
		cr_assert_eq(uidset_format(&s, &out, &e), max < 7 ? -1 : 0, "max %zu", max);
		cr_assert_eq(out.len, max < 7 ? 0 : 7);
		if (max < 7) {
			cr_assert_eq(e.code, E_LIMIT);
			buf_clear(&out);
			cr_assert_eq(uidset_format_part(&s, &from, 100, &out, &e), -1);
			cr_assert_eq(from, 0, "a failing call does not move on");
		}
		buf_release(&out);
	}
	uidset_release(&s);
}

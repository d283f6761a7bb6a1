/* SPDX-License-Identifier: MIT */
/* test_text.c -- UTF-8, and that nothing dangerous is ever shown. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

Test(text, utf8_takes_every_scalar_value_and_nothing_else)
{
	for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
		if (cp == 0xD800)
			cp = 0xE000;
		unsigned char room[8] = "";
		struct buf b = {room, 0, sizeof room, sizeof room - 1, E_NONE};
		cr_assert_eq(utf8_add(&b, cp), 0);
		uint32_t back = 0;
		size_t n = utf8_next(buf_slice(&b), &back);
		cr_assert(n == b.len && back == cp, "U+%X", (unsigned)cp);
		for (size_t cut = 0; cut < b.len; cut++)
			cr_assert_eq(utf8_next(slice_of(b.data, cut), &back), 0, "U+%X cut at %zu",
				(unsigned)cp, cut);
	}
}

Test(text, malformed_utf8_is_not_a_character)
{
	static const char *const bad[] = {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3(",
		"\xC3\xC3", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
		"\xE2(\xA1", "\xE2\x82(", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF",
		"\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF",
		"\xF0\x9F\x98("};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint32_t cp;
		cr_assert_eq(utf8_next(slice_str(bad[i]), &cp), 0, "row %zu", i);
		cr_assert(!utf8_valid(slice_str(bad[i])), "row %zu", i);
	}
	cr_assert(utf8_valid(SLICE_NONE));
	cr_assert(utf8_valid(slice_str("a\xC3\xA9\xF0\x9F\x98\x80")));
	cr_assert(!utf8_valid(slice_str("a\xC3\xA9\xF0\x9F\x98")));
}

static const struct {
	const char *name, *in, *shown, *json;
} row[] = {
	{"empty", "", "", "\"\""},
	{"plain", "a b~", "a b~", "\"a b~\""},
	{"printable UTF-8", "\xC3\xA9\xE5\x8F\xB0\xF0\x9F\x98\x80",
		"\xC3\xA9\xE5\x8F\xB0\xF0\x9F\x98\x80", "\"\xC3\xA9\xE5\x8F\xB0\xF0\x9F\x98\x80\""},
	{"backslash and quote", "\\x1B\"/", "\\x1B\"/", "\"\\\\x1B\\\"/\""},
	{"ESC", "\x1B[2J", "\\u{1B}[2J", "\"\\u001b[2J\""},
	{"BEL", "\a", "\\u{7}", "\"\\u0007\""},
	{"line end", "a\r\n\t", "a\\u{D}\\u{A}\\u{9}", "\"a\\r\\n\\t\""},
	{"backspace and form feed", "\b\f", "\\u{8}\\u{C}", "\"\\b\\f\""},
	{"last C0", "\x1F ", "\\u{1F} ", "\"\\u001f \""},
	{"DEL", "~\x7F", "~\\u{7F}", "\"~\\u007f\""},
	{"C1 as UTF-8", "\xC2\x80\xC2\x9B\xC2\x9F\xC2\xA0", "\\u{80}\\u{9B}\\u{9F}\xC2\xA0",
		"\"\\u0080\\u009b\\u009f\xC2\xA0\""},
	{"C1 as raw bytes", "\x80\x9B\x9F", "\\x80\\x9B\\x9F",
		"\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
	{"bidi", "\xE2\x80\xAA\xE2\x80\xAE\xE2\x81\xA6\xE2\x81\xA9",
		"\\u{202A}\\u{202E}\\u{2066}\\u{2069}", "\"\\u202a\\u202e\\u2066\\u2069\""},
	{"neighbours of bidi", "\xE2\x80\xAF\xE2\x81\xA5\xE2\x80\xA7",
		"\xE2\x80\xAF\xE2\x81\xA5\xE2\x80\xA7", "\"\xE2\x80\xAF\xE2\x81\xA5\xE2\x80\xA7\""},
	{"separators", "\xE2\x80\xA8\xE2\x80\xA9", "\\u{2028}\\u{2029}", "\"\\u2028\\u2029\""},
	{"byte order mark", "\xEF\xBB\xBF", "\\u{FEFF}", "\"\\ufeff\""},
	{"non-characters", "\xEF\xB7\x90\xEF\xB7\xAF\xEF\xBF\xBF", "\\u{FDD0}\\u{FDEF}\\u{FFFF}",
		"\"\\ufdd0\\ufdef\\uffff\""},
	{"non-characters beyond", "\xF0\x9F\xBF\xBE\xF4\x8F\xBF\xBF", "\\u{1FFFE}\\u{10FFFF}",
		"\"\\ud83f\\udffe\\udbff\\udfff\""},
	{"U+FFFD is a character", "\xEF\xBF\xBD", "\xEF\xBF\xBD", "\"\xEF\xBF\xBD\""},
	{"invalid UTF-8", "a\xFF\xC3(\xE2\x82", "a\\xFF\\xC3(\\xE2\\x82",
		"\"a\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\""},
	{"surrogate", "\xED\xA0\x80", "\\xED\\xA0\\x80",
		"\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
};
#define ROWS (sizeof row / sizeof *row)

Test(text, outside_text_is_shown_harmlessly)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct buf out = BUF_INIT(1000), again = BUF_INIT(1000);
		char shown[TEXT_SHOW_SIZE], line[200];
		cr_assert_eq(text_escape(&out, slice_str(row[i].in)), 0);
		cr_assert_str_eq(buf_str(&out), row[i].shown, "%s", row[i].name);
		cr_assert_str_eq(
			text_show(shown, sizeof shown, slice_str(row[i].in)), row[i].shown);
		cr_assert_str_eq(
			text_show_line(line, sizeof line, slice_str(row[i].in)), row[i].shown);
		cr_assert_eq(text_escape(&again, buf_slice(&out)), 0);
		cr_assert_str_eq(buf_str(&again), row[i].shown, "twice: %s", row[i].name);
		buf_release(&out);
		buf_release(&again);
	}
	char shown[32];
	cr_assert_str_eq(text_show(shown, sizeof shown, slice_of("a\0b", 3)), "a\\u{0}b");
}

Test(text, json_strings_are_json_and_harmless)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct buf out = BUF_INIT(1000);
		cr_assert_eq(text_json(&out, slice_str(row[i].in)), 0);
		cr_assert_str_eq(buf_str(&out), row[i].json, "%s", row[i].name);
		buf_release(&out);
	}
	struct buf out = BUF_INIT(100);
	cr_assert_eq(text_json(&out, slice_of("a\0b", 3)), 0);
	cr_assert_str_eq(buf_str(&out), "\"a\\u0000b\"");
	buf_release(&out);
}

Test(text, json_is_not_cut_and_its_buffer_has_the_last_word)
{
	char in[3000];
	memset(in, 'x', sizeof in);
	struct buf out = BUF_INIT(sizeof in + 2), small = BUF_INIT(sizeof in + 1);
	cr_assert_eq(text_json(&out, slice_of(in, sizeof in)), 0);
	cr_assert_eq(out.len, sizeof in + 2);
	cr_assert_eq(text_json(&small, slice_of(in, sizeof in)), -1);
	buf_release(&out);
	buf_release(&small);
}

Test(text, whatever_the_bytes_nothing_dangerous_is_shown)
{
	srand(17);
	for (int round = 0; round < 20000; round++) {
		unsigned char in[40];
		size_t n = (size_t)rand() % (sizeof in + 1);
		for (size_t i = 0; i < n; i++)
			in[i] = (unsigned char)(rand() % 3 ? 0x80 + rand() % 128 : rand() % 256);
		char shown[TEXT_SHOW_SIZE];
		struct slice rest = slice_str(text_show(shown, sizeof shown, slice_of(in, n)));
		while (rest.n > 0) {
			uint32_t cp = 0;
			size_t len = utf8_next(rest, &cp);
			cr_assert_neq(len, 0, "not UTF-8: round %d", round);
			cr_assert(cp >= 0x20 && (cp < 0x7F || cp > 0x9F), "round %d", round);
			rest = slice_of(rest.p + len, rest.n - len);
		}
	}
}

/* How many bytes of `unit` repeated are shown when the rest is cut. */
static size_t cut_length(size_t limit, size_t lead, size_t unit)
{
	return lead + (limit - 3 - lead) / unit * unit + 3;
}

Test(text, long_text_is_cut_beyond_the_limit_and_never_within_a_character)
{
	static const struct {
		const char *in;
		size_t unit;
	} kind[] = {{"x", 1}, {"\xC3\xA9", 2}, {"\xE2\x82\xAC", 3}, {"\xF0\x9F\x98\x80", 4},
		{"\xFF", 4}, {"\x1B", 6}};
	for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
		for (size_t lead = 0; lead < 12; lead++) {
			struct buf in = BUF_INIT(4000), out = BUF_INIT(4000);
			for (size_t i = 0; i < lead; i++)
				buf_add_byte(&in, 'a');
			size_t length = lead; /* of what is shown, if it fits */
			while (length + kind[k].unit <= TEXT_SHOWN_MAX) {
				buf_add_str(&in, kind[k].in);
				length += kind[k].unit;
			}
			cr_assert_eq(text_escape(&out, buf_slice(&in)), 0);
			cr_assert_eq(out.len, length, "kind %zu, lead %zu: fits", k, lead);
			cr_assert_null(strstr(buf_str(&out), "..."));
			buf_add_str(&in, kind[k].in);
			buf_clear(&out);
			cr_assert_eq(text_escape(&out, buf_slice(&in)), 0);
			cr_assert_leq(out.len, TEXT_SHOWN_MAX);
			cr_assert_eq(out.len, cut_length(TEXT_SHOWN_MAX, lead, kind[k].unit),
				"kind %zu, lead %zu: %zu", k, lead, out.len);
			cr_assert(utf8_valid(buf_slice(&out)), "kind %zu, lead %zu", k, lead);
			cr_assert_str_eq(buf_str(&out) + out.len - 3, "...");
			buf_release(&in);
			buf_release(&out);
		}
	}
}

Test(text, small_arrays_are_never_overrun)
{
	static const char in[] = "a\xC3\xA9\x1B\xFF\xF0\x9F\x98\x80zzzzzzzzzzzzzz";
	for (size_t size = 8; size < 48; size++) {
		for (size_t n = 0; n < sizeof in; n++) {
			char *dst = malloc(size);
			cr_assert_not_null(dst);
			cr_assert_eq(text_show(dst, size, slice_of(in, n)), dst);
			cr_assert_lt(strlen(dst), size);
			cr_assert(utf8_valid(slice_str(dst)), "%zu bytes into %zu", n, size);
			free(dst);
		}
	}
}

Test(text, a_line_is_cut_by_its_array_alone)
{
	static char in[3000], out[2001];
	memset(in, 'x', sizeof in - 1);
	cr_assert_eq(strlen(text_show_line(out, sizeof out, slice_of(in, 2000))), 2000);
	cr_assert_eq(out[1999], 'x');
	cr_assert_eq(strlen(text_show_line(out, sizeof out, slice_of(in, 2001))), 2000);
	cr_assert_str_eq(out + 1997, "...");
}

Test(text, columns_are_counted_as_terminals_do)
{
	static const struct {
		const char *name, *text;
		size_t columns;
	} width[] = {
		{"empty", "", 0},
		{"ASCII", "abc ~", 5},
		{"Latin", "caf\xC3\xA9", 4},
		{"combining acute", "cafe\xCC\x81", 4},
		{"Chinese", "\xE5\x8F\xB0\xE5\x8C\x97", 4},
		{"Hangul syllable", "\xED\x95\x9C", 2},
		{"Hangul in parts", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", 2},
		{"fullwidth A", "\xEF\xBC\xA1", 2},
		{"halfwidth katakana", "\xEF\xBD\xB1", 1},
		{"emoji", "\xF0\x9F\x98\x80", 2},
		{"zero width joiner", "\xE2\x80\x8D", 0},
		{"variation selector", "\xEF\xB8\x8F", 0},
		{"soft hyphen", "\xC2\xAD", 1},
		{"Cyrillic", "\xD0\x96", 1},
		{"Hebrew point", "\xD7\x91\xD6\xBC", 1},
		{"rare CJK", "\xF0\xA0\x80\x80", 2},
		{"stray byte", "a\xFF", 2},
	};
	for (size_t i = 0; i < sizeof width / sizeof *width; i++)
		cr_assert_eq(text_columns(slice_str(width[i].text)), width[i].columns, "%s: %zu",
			width[i].name, text_columns(slice_str(width[i].text)));
}

Test(text, every_code_point_has_zero_one_or_two_columns)
{
	for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
		int n = utf8_columns(cp);
		cr_assert(n >= 0 && n <= 2, "U+%X", (unsigned)cp);
	}
	cr_assert_eq(utf8_columns(0x2FF), 1);
	cr_assert_eq(utf8_columns(0x300), 0, "first combining");
	cr_assert_eq(utf8_columns(0x36F), 0);
	cr_assert_eq(utf8_columns(0x370), 1);
	cr_assert_eq(utf8_columns(0x3FFFD), 2, "last wide");
	cr_assert_eq(utf8_columns(0x3FFFE), 1);
	cr_assert_eq(utf8_columns(0xE01EF), 0, "last variation selector");
	cr_assert_eq(utf8_columns(0xE01F0), 1);
}

/* SPDX-License-Identifier: MIT */
/* test_mutf7.c -- modified UTF-7, and that only its canonical form is taken. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"
#include "core/base/text.h"

static const struct {
	const char *wire, *utf8;
} pair[] = {
	{"", ""},
	{"INBOX", "INBOX"},
	{"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
		"~peter/mail/\xE5\x8F\xB0\xE5\x8C\x97/\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
	{"&U,BTF2XlZyyKng-", "\xE5\x8F\xB0\xE5\x8C\x97\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
	{"&-", "&"},
	{"&-&-", "&&"},
	{"a&-b", "a&b"},
	{"&Jjo-!", "\xE2\x98\xBA!"},
	{"&Jjo-&-", "\xE2\x98\xBA&"},
	{"&-&Jjo-", "&\xE2\x98\xBA"},
	{"&Jjo--", "\xE2\x98\xBA-"},
	{"Entw&APw-rfe", "Entw\xC3\xBCrfe"},
	{"&2D3eAA-", "\xF0\x9F\x98\x80"},
	{"&2D3eACY62D3eAA-", "\xF0\x9F\x98\x80\xE2\x98\xBA\xF0\x9F\x98\x80"},
	{"&AAk-", "\t"},
	{"&AH8-", "\x7F"},
	{"&2,,f,w-", "\xF4\x8F\xBF\xBF"},
	{"a b\\c\"*%+,~", "a b\\c\"*%+,~"},
};
#define PAIRS (sizeof pair / sizeof *pair)

Test(mutf7, names_go_there_and_back)
{
	for (size_t i = 0; i < PAIRS; i++) {
		struct buf utf8 = BUF_INIT(200), wire = BUF_INIT(200);
		cr_assert(mutf7_decode(slice_str(pair[i].wire), &utf8), "%s", pair[i].wire);
		cr_assert_str_eq(buf_str(&utf8), pair[i].utf8, "%s", pair[i].wire);
		cr_assert(mutf7_encode(slice_str(pair[i].utf8), &wire), "%s", pair[i].wire);
		cr_assert_str_eq(buf_str(&wire), pair[i].wire);
		buf_release(&utf8);
		buf_release(&wire);
	}
}

Test(mutf7, a_nul_is_a_character_like_others)
{
	struct buf utf8 = BUF_INIT(10), wire = BUF_INIT(10);
	cr_assert(mutf7_decode(slice_str("&AAA-"), &utf8));
	cr_assert(slice_eq(buf_slice(&utf8), slice_of("\0", 1)));
	cr_assert(mutf7_encode(buf_slice(&utf8), &wire));
	cr_assert_str_eq(buf_str(&wire), "&AAA-");
	buf_release(&utf8);
	buf_release(&wire);
}

Test(mutf7, what_is_not_canonical_is_refused_and_leaves_the_buffer_alone)
{
	static const struct {
		const char *name, *wire;
	} row[] = {
		{"no shift back", "&Jjo!"},
		{"no shift back at the end", "&Jjo"},
		{"a lone &", "a&"},
		{"null shift", "&U,BTFw-&ZeVnLIqe-"},
		{"null shift after a surrogate pair", "&2D3eAA-&Jjo-"},
		{"printable ASCII", "&AGE-"},
		{"a space", "&ACA-"},
		{"a tilde", "&AH4-"},
		{"an encoded &", "&ACY-"},
		{"printable ASCII between others", "&JjoAYSY6-"},
		{"slash of plain base64", "&U/BTFw-"},
		{"padding", "&Jjo=-"},
		{"a character outside of base64", "&Jj.o-"},
		{"a space in base64", "&Jj o-"},
		{"one digit", "&J-"},
		{"two digits", "&Jj-"},
		{"four digits", "&JjoA-"},
		{"five digits", "&JjoAA-"},
		{"filling bits that are not zero", "&Jjp-"},
		{"filling bits of two units", "&U,BTFx-"},
		{"high surrogate alone", "&2D0-"},
		{"low surrogate alone", "&3gA-"},
		{"high surrogate twice", "&2D3YPQ-"},
		{"surrogates the wrong way round", "&3gDYPQ-"},
		{"high surrogate and a letter", "&2D0mOg-"},
		{"surrogate pair over two shifts", "&2D0-&3gA-"},
		{"8-bit byte", "caf\xE9"},
		{"UTF-8", "caf\xC3\xA9"},
		{"8-bit byte in base64", "&Jj\xC3-"},
		{"control character", "a\tb"},
		{"line end", "a\r\n"},
		{"DEL", "a\x7F"},
		{"escape", "\x1B[2J"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = BUF_INIT(100);
		buf_add_str(&out, "kept");
		cr_assert(!mutf7_decode(slice_str(row[i].wire), &out), "%s", row[i].name);
		cr_assert_str_eq(buf_str(&out), "kept", "%s", row[i].name);
		cr_assert_eq(out.failed, E_NONE, "%s", row[i].name);
		buf_release(&out);
	}
	struct buf out = BUF_INIT(100);
	cr_assert(!mutf7_decode(slice_of("a\0b", 3), &out), "NUL");
	buf_release(&out);
}

Test(mutf7, bytes_that_are_not_utf8_are_not_encoded)
{
	static const char *const bad[] = {"\xFF", "a\x80", "\xC3", "\xED\xA0\x80", "\xC0\xAF",
		"\xF4\x90\x80\x80", "\xE2\x98", "\xE2\x98\xBA\xE2"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf out = BUF_INIT(100);
		buf_add_str(&out, "kept");
		cr_assert(!mutf7_encode(slice_str(bad[i]), &out), "row %zu", i);
		cr_assert_str_eq(buf_str(&out), "kept", "row %zu", i);
		buf_release(&out);
	}
}

Test(mutf7, a_limit_of_the_buffer_is_kept_and_leaves_nothing_half_done)
{
	for (size_t i = 0; i < PAIRS; i++) {
		size_t wire_len = strlen(pair[i].wire), utf8_len = strlen(pair[i].utf8);
		for (size_t max = 0; max <= utf8_len; max++) {
			struct buf out = BUF_INIT(max);
			bool fits = max == utf8_len;
			cr_assert_eq(mutf7_decode(slice_str(pair[i].wire), &out), fits, "%s in %zu",
				pair[i].wire, max);
			cr_assert_eq(out.len, fits ? utf8_len : 0);
			buf_release(&out);
		}
		for (size_t max = 0; max <= wire_len; max++) {
			struct buf out = BUF_INIT(max);
			bool fits = max == wire_len;
			cr_assert_eq(mutf7_encode(slice_str(pair[i].utf8), &out), fits, "%s in %zu",
				pair[i].wire, max);
			cr_assert_eq(out.len, fits ? wire_len : 0);
			buf_release(&out);
		}
	}
}

Test(mutf7, random_characters_survive_the_round_trip)
{
	srand(11);
	for (int round = 0; round < 20000; round++) {
		struct buf utf8 = BUF_INIT(400), wire = BUF_INIT(800), back = BUF_INIT(400);
		for (int n = rand() % 12; n > 0; n--) {
			static const uint32_t top[] = {0x7F, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
			uint32_t cp = (uint32_t)rand() % (top[rand() % 5] + 1);
			if (cp < 0xD800 || cp > 0xDFFF)
				utf8_add(&utf8, cp);
		}
		cr_assert(mutf7_encode(buf_slice(&utf8), &wire), "round %d", round);
		cr_assert(mutf7_decode(buf_slice(&wire), &back), "%s", buf_str(&wire));
		cr_assert(slice_eq(buf_slice(&utf8), buf_slice(&back)), "%s", buf_str(&wire));
		buf_release(&utf8);
		buf_release(&wire);
		buf_release(&back);
	}
}

Test(mutf7, every_wire_name_that_is_accepted_is_encoded_to_itself)
{
	/* All texts of up to six bytes over an alphabet that reaches every rule. */
	static const char letters[] = "&-AaJjo2D3";
	size_t base = sizeof letters - 1, accepted = 0;
	for (size_t len = 0; len <= 6; len++) {
		size_t total = 1;
		for (size_t i = 0; i < len; i++)
			total *= base;
		for (size_t number = 0; number < total; number++) {
			char wire[8] = "";
			size_t rest = number;
			for (size_t i = 0; i < len; i++, rest /= base)
				wire[i] = letters[rest % base];
			unsigned char room[64] = "";
			struct buf utf8 = {room, 0, sizeof room, sizeof room - 1, E_NONE};
			unsigned char room2[64] = "";
			struct buf back = {room2, 0, sizeof room2, sizeof room2 - 1, E_NONE};
			if (!mutf7_decode(slice_of(wire, len), &utf8))
				continue;
			accepted++;
			cr_assert(utf8_valid(buf_slice(&utf8)), "%s", wire);
			cr_assert(mutf7_encode(buf_slice(&utf8), &back), "%s", wire);
			cr_assert_str_eq(buf_str(&back), wire);
		}
	}
	cr_assert_gt(accepted, 1000);
}

Test(mutf7, inbox_is_inbox_in_any_case)
{
	cr_assert(mailbox_is_inbox(slice_str("INBOX")));
	cr_assert(mailbox_is_inbox(slice_str("inBox")));
	cr_assert(!mailbox_is_inbox(slice_str("INBOX/a")));
	cr_assert(!mailbox_is_inbox(slice_str("INBO")));
	cr_assert(!mailbox_is_inbox(SLICE_NONE));
}

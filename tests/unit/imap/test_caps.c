/* SPDX-License-Identifier: MIT */
/* test_caps.c -- the capabilities in force. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/caps.h"
#include "core/imap/limits.h"

Test(caps, splits_a_list_into_names)
{
	static const struct {
		const char *text;
		const char *want[4];
	} rows[] = {
		{"IMAP4rev1 AUTH=PLAIN", {"IMAP4rev1", "AUTH=PLAIN"}},
		{"  IMAP4rev1   IDLE  ", {"IMAP4rev1", "IDLE"}},
		{"* CAPABILITY IMAP4rev1", {"IMAP4rev1"}},
		{"capability IMAP4rev1", {"IMAP4rev1"}},
		{"IMAP4rev1 CAPABILITY *", {"IMAP4rev1", "CAPABILITY", "*"}},
		{"a LITERAL + b", {"a", "LITERAL+", "b"}},
		{"literal -", {"literal-"}},
		{"LITERAL", {"LITERAL"}},
		{"LITERAL x + y", {"LITERAL", "x", "+", "y"}},
		{"a\tb\r\nc", {"a", "b", "c"}},
		{"", {NULL}},
		{"   ", {NULL}},
	};
	struct caps c;
	struct err e = ERR_INIT;
	caps_init(&c);
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		cr_assert_eq(caps_set(&c, slice_str(rows[r].text), &e), 0);
		cr_assert(c.known);
		size_t n = 0;
		for (; n < 4 && rows[r].want[n] != NULL; n++) {
			cr_assert_not_null(caps_at(&c, n).ptr, "\"%s\"", rows[r].text);
			cr_assert_str_eq(
				caps_at(&c, n).ptr, rows[r].want[n], "\"%s\"", rows[r].text);
			cr_assert_eq(caps_at(&c, n).len, strlen(rows[r].want[n]));
		}
		cr_assert_eq(c.n, n, "\"%s\"", rows[r].text);
		cr_assert_null(caps_at(&c, n).ptr);
	}
	caps_release(&c);
}

Test(caps, finds_a_name_in_any_case_and_only_whole)
{
	struct caps c;
	struct err e = ERR_INIT;
	caps_init(&c);
	cr_assert_not(caps_has(&c, "IDLE"));
	cr_assert_eq(caps_set(&c, slice_str("IMAP4rev1 IDLE X"), &e), 0);
	cr_assert(caps_has(&c, "idle"));
	cr_assert(caps_has(&c, "X"));
	cr_assert_not(caps_has(&c, "IDL"));
	cr_assert_not(caps_has(&c, "IDLEX"));
	cr_assert_not(caps_has(&c, ""));
	cr_assert_eq(caps_set(&c, slice_str("X"), &e), 0);
	cr_assert_not(caps_has(&c, "idle"), "a new list replaces the old one");
	caps_forget(&c);
	cr_assert_not(caps_has(&c, "X"));
	cr_assert_not(c.known);
	cr_assert_eq(c.n, 0);
	caps_release(&c);
}

Test(caps, keeps_a_bounded_number_of_names)
{
	for (size_t n = IMAP_CAPABILITIES_MAX; n <= IMAP_CAPABILITIES_MAX + 1; n++) {
		struct buf text = BUF_INIT(1 << 20);
		struct caps c;
		struct err e = ERR_INIT;
		caps_init(&c);
		for (size_t i = 0; i < n; i++)
			(void)buf_addf(&text, "C%zu ", i);
		cr_assert_eq(caps_set(&c, buf_slice(&text), &e), 0);
		cr_assert_eq(c.n, IMAP_CAPABILITIES_MAX);
		cr_assert(caps_has(&c, "C511"));
		cr_assert_not(caps_has(&c, "C512"));
		caps_release(&c);
		buf_release(&text);
	}
}

Test(caps, keeps_a_bounded_number_of_octets)
{
	for (size_t n = IMAP_TOKEN_MAX - 3; n <= IMAP_TOKEN_MAX - 2; n++) {
		struct buf text = BUF_INIT(1 << 20);
		struct caps c;
		struct err e = ERR_INIT;
		caps_init(&c);
		(void)buf_add_str(&text, "A ");
		for (size_t i = 0; i < n; i++)
			(void)buf_add_byte(&text, 'x');
		cr_assert_eq(caps_set(&c, buf_slice(&text), &e), 0);
		cr_assert_eq(c.n, n == IMAP_TOKEN_MAX - 3 ? 2 : 1, "%zu", n);
		caps_release(&c);
		buf_release(&text);
	}
}

Test(caps, survives_nul_octets)
{
	static const char text[] = "A\0B \0\0 C";
	struct caps c;
	struct err e = ERR_INIT;
	caps_init(&c);
	cr_assert_eq(caps_set(&c, slice_of(text, sizeof text - 1), &e), 0);
	cr_assert_eq(c.n, 3);
	cr_assert_str_eq(caps_at(&c, 2).ptr, "C");
	caps_release(&c);
}

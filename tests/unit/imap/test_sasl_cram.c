/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "core/imap/sasl_mech.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* One answer of a new exchange; 0 or -1. */
static int answer(
	const struct sasl_input *in, struct slice challenge, struct buf *out, struct err *e)
{
	void *st = NULL;
	buf_clear(out);
	cr_assert_not(sasl_cram_md5.complete(st));
	int rc = sasl_cram_md5.step(&st, in, challenge, out, e);
	cr_assert_eq(sasl_cram_md5.complete(st), rc == 0);
	sasl_cram_md5.release(st);
	return rc;
}

Test(sasl_cram, says_what_the_examples_say)
{
	static const struct {
		const char *name, *user, *password, *challenge, *response;
	} rows[] = {
		{"RFC 2195 section 2", "tim", "tanstaaftanstaaf",
			"<1896.697170952@postoffice.reston.mci.net>",
			"tim b913a602c7eda7a495b4e6e7334d3890"},
		/* The digests of RFC 2202 section 2, cases 2 and 6. */
		{"short key", "me", "Jefe", "what do ya want for nothing?",
			"me 750c783e6ab0b503eaa86e310a5db738"},
		{"key longer than a block, and a space in the name", "you and me",
			"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
			"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
			"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
			"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"
			"\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa",
			"Test Using Larger Than Block-Size Key - Hash Key First",
			"you and me 6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
	};
	struct buf out = BUF_INIT(1000);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct sasl_input in = {
			.user = slice_str(rows[i].user), .password = slice_str(rows[i].password)};
		cr_assert_eq(answer(&in, slice_str(rows[i].challenge), &out, &e), 0, "%s: %s",
			rows[i].name, e.text);
		cr_assert_str_eq(buf_str(&out), rows[i].response, "%s", rows[i].name);
	}
	buf_release(&out);
}

Test(sasl_cram, an_empty_password_is_hashed_and_not_taken_from_elsewhere)
{
	struct buf a = BUF_INIT(1000), b = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct sasl_input in = {.user = slice_str("u"), .password = slice_str("secret")};
	cr_assert_eq(answer(&in, slice_str("<1@x>"), &a, &e), 0);
	in.password = SLICE_NONE;
	cr_assert_eq(answer(&in, slice_str("<1@x>"), &a, &e), 0);
	in.password = slice_str("");
	cr_assert_eq(answer(&in, slice_str("<1@x>"), &b, &e), 0);
	cr_assert(slice_eq(buf_slice(&a), buf_slice(&b)));
	buf_release(&a);
	buf_release(&b);
}

Test(sasl_cram, asks_for_tls_and_lets_the_server_begin)
{
	cr_assert(sasl_cram_md5.needs_cleartext_password_protection);
	cr_assert_not(sasl_cram_md5.client_first);
	cr_assert_str_eq(sasl_cram_md5.name, "CRAM-MD5");
	sasl_cram_md5.release(NULL);
}

Test(sasl_cram, refuses_what_cannot_be_answered)
{
	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct sasl_input in = {.user = slice_str("u"), .password = slice_str("p")};
	cr_assert_eq(answer(&in, SLICE_NONE, &out, &e), -1);
	cr_assert_eq(e.code, E_PROTO);
	cr_assert_eq(out.len, 0);
	static const char *const wrong[] = {"", "\xff", "a\nb"};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		in.user = slice_str(wrong[i]);
		cr_assert_eq(answer(&in, slice_str("<1@x>"), &out, &e), -1, "%zu", i);
		cr_assert_eq(e.code, E_INVALID);
	}
	in.user = slice_str("u");
	buf_release(&out);
	buf_init(&out, 33);
	cr_assert_eq(answer(&in, slice_str("<1@x>"), &out, &e), -1, "no room");
	cr_assert_eq(e.code, E_LIMIT);
	buf_release(&out);
	buf_init(&out, 34);
	cr_assert_eq(answer(&in, slice_str("<1@x>"), &out, &e), 0);
	buf_release(&out);
}

Test(sasl_cram, there_is_one_challenge)
{
	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct sasl_input in = {.user = slice_str("u"), .password = slice_str("p")};
	void *st = NULL;
	cr_assert_eq(sasl_cram_md5.step(&st, &in, slice_str("<1@x>"), &out, &e), 0);
	cr_assert(sasl_cram_md5.complete(st));
	buf_clear(&out);
	cr_assert_eq(sasl_cram_md5.step(&st, &in, slice_str("<2@x>"), &out, &e), -1);
	cr_assert_eq(e.code, E_PROTO);
	cr_assert_eq(out.len, 0);
	cr_assert_not(sasl_cram_md5.complete(st));
	sasl_cram_md5.release(st);
	buf_release(&out);
}

Test(sasl_cram, each_part_has_a_limit)
{
	static const size_t max[] = {SASL_NAME_MAX, SASL_PASSWORD_MAX, SASL_CHALLENGE_MAX};
	struct buf out = BUF_INIT(65536), text = BUF_INIT(65536);
	for (size_t i = 0; i < COUNT(max) * 2; i++) {
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str("u"), .password = slice_str("p")};
		struct slice challenge = slice_str("<1@x>");
		buf_clear(&text);
		while (text.len < max[i / 2] + i % 2)
			(void)buf_add_byte(&text, 'x');
		struct slice *const parts[] = {&in.user, &in.password, &challenge};
		*parts[i / 2] = buf_slice(&text);
		cr_assert_eq(
			answer(&in, challenge, &out, &e), i % 2 ? -1 : 0, "%zu: %s", i, e.text);
		if (i % 2)
			cr_assert_eq(e.code, E_LIMIT);
	}
	buf_release(&out);
	buf_release(&text);
}

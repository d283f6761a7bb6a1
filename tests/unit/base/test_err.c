/* SPDX-License-Identifier: MIT */
/* test_err.c -- errors: what they keep, where they are cut, what they suggest. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/text.h"

Test(err, a_new_error_is_not_set)
{
	struct err e = ERR_INIT;
	cr_assert(!err_is_set(&e));
	cr_assert_str_eq(e.text, "");
}

Test(err, set_fills_everything_in_and_replaces)
{
	struct err e = ERR_INIT;
	cr_assert_eq(err_sys(&e, ERR_STORE, E_IO, EIO, "cannot write %s", "x"), -1);
	cr_assert_eq(err_set(&e, ERR_MAILBOX, E_NO, "refused %d", 7), -1);
	cr_assert(err_is_set(&e));
	cr_assert_eq(e.scope, ERR_MAILBOX);
	cr_assert_eq(e.code, E_NO);
	cr_assert_eq(e.retry, RETRY_NEVER);
	cr_assert_eq(e.sys, 0);
	cr_assert_str_eq(e.text, "refused 7");
	err_clear(&e);
	cr_assert(!err_is_set(&e));
	cr_assert_eq(e.scope, ERR_NONE);
	cr_assert_str_eq(e.text, "");
}

Test(err, the_text_of_an_error_may_be_an_argument_of_its_own_successor)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_MESSAGE, E_PROTO, "first");
	err_set(&e, ERR_MESSAGE, E_PROTO, "second after %s", e.text);
	cr_assert_str_eq(e.text, "second after first");
	err_context(&e, "again <%s>", e.text);
	cr_assert_str_eq(e.text, "again <second after first>: second after first");
}

Test(err, an_errno_value_decides_the_code_where_it_says_more)
{
	static const struct {
		const char *name;
		int sys;
		enum err_code code;
	} row[] = {
		{"ENOSPC", ENOSPC, E_FULL},
		{"EDQUOT", EDQUOT, E_FULL},
		{"ENOMEM", ENOMEM, E_NOMEM},
		{"EEXIST", EEXIST, E_EXISTS},
		{"ENOENT", ENOENT, E_MISSING},
		{"EIO", EIO, E_NET},
		{"ECONNREFUSED", ECONNREFUSED, E_NET},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err e = ERR_INIT;
		char want[ERR_TEXT_MAX];
		snprintf(want, sizeof want, "cannot do it: %s", strerror(row[i].sys));
		cr_assert_eq(err_sys(&e, ERR_STORE, E_NET, row[i].sys, "cannot %s it", "do"), -1);
		cr_assert_eq(e.code, row[i].code, "%s", row[i].name);
		cr_assert_eq(e.retry, err_default_retry(row[i].code), "%s", row[i].name);
		cr_assert_eq(e.sys, row[i].sys, "%s", row[i].name);
		cr_assert_str_eq(e.text, want, "%s", row[i].name);
	}
}

Test(err, a_long_context_is_cut_before_the_cause)
{
	struct err e = ERR_INIT;
	char path[2 * ERR_TEXT_MAX];
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	err_sys(&e, ERR_STORE, E_IO, EIO, "%s", path);
	cr_assert_eq(strlen(e.text), ERR_TEXT_MAX - 1);
	const char *cause = strerror(EIO);
	cr_assert_str_eq(e.text + strlen(e.text) - strlen(cause), cause);
}

Test(err, context_goes_in_front_and_a_long_one_keeps_its_colon)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_MESSAGE, E_PROTO, "bad literal");
	cr_assert_eq(err_context(&e, "UID %d", 4), -1);
	cr_assert_eq(err_context(&e, "mailbox %s", "Work"), -1);
	cr_assert_str_eq(e.text, "mailbox Work: UID 4: bad literal");
	cr_assert_eq(e.code, E_PROTO);

	char path[2 * ERR_TEXT_MAX];
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	err_context(&e, "%s", path);
	cr_assert_eq(strlen(e.text), ERR_TEXT_MAX - 1);
	cr_assert_str_eq(e.text + ERR_TEXT_MAX - 3, ": ");
}

Test(err, texts_fit_at_the_limit_and_are_cut_beyond_it)
{
	char in[ERR_TEXT_MAX + 8];
	for (size_t n = ERR_TEXT_MAX - 3; n < sizeof in; n++) {
		struct err e = ERR_INIT;
		memset(in, 'a', n);
		in[n] = '\0';
		err_set(&e, ERR_MESSAGE, E_NO, "%s", in);
		size_t want = n < ERR_TEXT_MAX - 1 ? n : ERR_TEXT_MAX - 1;
		cr_assert_eq(strlen(e.text), want, "%zu bytes", n);
	}
}

Test(err, a_text_is_never_cut_within_a_character)
{
	static const char *const character[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	for (size_t c = 0; c < sizeof character / sizeof *character; c++) {
		for (size_t lead = ERR_TEXT_MAX - 8; lead < ERR_TEXT_MAX; lead++) {
			char in[ERR_TEXT_MAX + 16];
			memset(in, 'a', lead);
			strcpy(in + lead, character[c]);
			struct err e = ERR_INIT, ctx = ERR_INIT;
			err_set(&e, ERR_MESSAGE, E_NO, "%s", in);
			cr_assert(utf8_valid(slice_str(e.text)), "set, row %zu, %zu", c, lead);
			bool fits = lead + strlen(character[c]) < ERR_TEXT_MAX;
			cr_assert_eq(
				strlen(e.text), fits ? strlen(in) : lead, "row %zu, %zu", c, lead);
			err_set(&ctx, ERR_MESSAGE, E_NO, "%s", in + 5);
			err_context(&ctx, "abc");
			cr_assert(utf8_valid(slice_str(ctx.text)), "context, %zu, %zu", c, lead);
			cr_assert_eq(strlen(ctx.text), strlen(e.text), "row %zu, %zu", c, lead);
		}
	}
}

Test(err, scopes_are_widened_and_never_narrowed)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_CONNECTION, E_CLOSED, "gone");
	cr_assert_eq(err_widen(&e, ERR_MESSAGE), -1);
	cr_assert_eq(e.scope, ERR_CONNECTION);
	err_widen(&e, ERR_ACCOUNT);
	cr_assert_eq(e.scope, ERR_ACCOUNT);
	cr_assert_str_eq(e.text, "gone");
}

Test(err, out_of_memory_concerns_the_account)
{
	struct err e = ERR_INIT;
	cr_assert_eq(err_nomem(&e, "reading"), -1);
	cr_assert_eq(e.scope, ERR_ACCOUNT);
	cr_assert_eq(e.code, E_NOMEM);
	cr_assert_str_eq(e.text, "out of memory while reading");
}

Test(err, what_cannot_change_is_not_repeated)
{
	for (int c = E_NONE; c < E_CODE_COUNT; c++) {
		enum err_retry want = RETRY_NEVER;
		if (c == E_NET || c == E_TIMEOUT || c == E_CLOSED || c == E_TLS || c == E_BYE)
			want = RETRY_RECONNECT;
		if (c == E_NOMEM || c == E_CANCELLED || c == E_THROTTLE || c == E_FULL ||
			c == E_LOCKED)
			want = RETRY_LATER;
		cr_assert_eq(err_default_retry((enum err_code)c), want, "%s",
			err_code_name((enum err_code)c));
	}
}

Test(err, every_code_and_scope_has_a_name_of_its_own)
{
	for (int a = E_NONE; a < E_CODE_COUNT; a++) {
		cr_assert_str_neq(err_code_name((enum err_code)a), "unknown", "code %d", a);
		for (int b = E_NONE; b < a; b++)
			cr_assert_str_neq(err_code_name((enum err_code)a),
				err_code_name((enum err_code)b), "codes %d and %d", a, b);
	}
	for (int a = ERR_NONE; a <= ERR_USAGE; a++) {
		cr_assert_str_neq(err_scope_name((enum err_scope)a), "unknown", "scope %d", a);
		for (int b = ERR_NONE; b < a; b++)
			cr_assert_str_neq(err_scope_name((enum err_scope)a),
				err_scope_name((enum err_scope)b), "scopes %d and %d", a, b);
	}
}

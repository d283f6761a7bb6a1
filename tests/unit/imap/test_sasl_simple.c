/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "core/imap/sasl_mech.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

Test(sasl_simple, one_message_is_the_whole_exchange)
{
	static const struct {
		const char *name;
		const struct sasl_mechanism *m;
		const char *user, *authzid, *challenge, *want;
	} rows[] = {
		/* RFC 4422 appendix A.2 */
		{"EXTERNAL, the server knows who", &sasl_external, "", "", "", ""},
		{"EXTERNAL with an identity", &sasl_external, "", "fred@example.com", "",
			"fred@example.com"},
		{"EXTERNAL, user name as identity", &sasl_external, "fred", "", "", "fred"},
		{"EXTERNAL, both", &sasl_external, "fred", "boss", "", "boss"},
		{"EXTERNAL after a word", &sasl_external, "fred", "", "hello", "fred"},
		/* RFC 4505 section 4 */
		{"ANONYMOUS", &sasl_anonymous, "sirhc", "", "", "sirhc"},
		{"ANONYMOUS, no trace", &sasl_anonymous, "", "", "", ""},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct sasl_mechanism *m = rows[i].m;
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str(rows[i].user),
			.authzid = slice_str(rows[i].authzid),
			.password = slice_str("secret")};
		void *st = NULL;
		cr_assert(m->client_first);
		cr_assert_eq(m->secret, SASL_NO_SECRET);
		cr_assert_not(m->needs_cleartext_password_protection);
		cr_assert_not(m->complete(st));
		cr_assert_eq(m->step(&st, &in, slice_str(rows[i].challenge), &out, &e), 0, "%s: %s",
			rows[i].name, e.text);
		cr_assert_str_eq(buf_str(&out), rows[i].want, "%s", rows[i].name);
		cr_assert(m->complete(st), "%s", rows[i].name);
		buf_clear(&out);
		cr_assert_eq(m->step(&st, &in, SLICE_NONE, &out, &e), -1, "%s", rows[i].name);
		cr_assert_eq(e.code, E_PROTO);
		cr_assert_eq(out.len, 0);
		cr_assert_not(m->complete(st));
		m->release(st);
		m->release(NULL);
		buf_release(&out);
	}
}

Test(sasl_simple, login_gives_name_and_password_in_this_order_whatever_is_asked)
{
	static const struct {
		const char *first, *second;
	} rows[] = {{"Username:", "Password:"}, {"User Name", "Password"}, {"", ""}, {"x", "y"}};
	cr_assert_not(sasl_login.client_first);
	cr_assert(sasl_login.needs_cleartext_password_protection);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = {
			.user = slice_str("tim"), .password = slice_str("p\xc3\xa4")};
		void *st = NULL;
		cr_assert_not(sasl_login.complete(st));
		cr_assert_eq(sasl_login.step(&st, &in, slice_str(rows[i].first), &out, &e), 0);
		cr_assert_str_eq(buf_str(&out), "tim");
		cr_assert_not(sasl_login.complete(st));
		buf_clear(&out);
		cr_assert_eq(sasl_login.step(&st, &in, slice_str(rows[i].second), &out, &e), 0);
		cr_assert_str_eq(buf_str(&out), "p\xc3\xa4");
		cr_assert(sasl_login.complete(st));
		buf_clear(&out);
		cr_assert_eq(sasl_login.step(&st, &in, slice_str("Password:"), &out, &e), -1);
		cr_assert_eq(e.code, E_PROTO);
		cr_assert_eq(out.len, 0, "no third secret");
		cr_assert_not(sasl_login.complete(st));
		sasl_login.release(st);
		sasl_login.release(NULL);
		buf_release(&out);
	}
}

Test(sasl_simple, refuses_what_cannot_be_sent)
{
	static const struct {
		const char *name;
		const struct sasl_mechanism *m;
		const char *user, *authzid;
	} rows[] = {
		{"EXTERNAL, no UTF-8", &sasl_external, "", "\xff"},
		{"EXTERNAL, control character", &sasl_external, "", "a\nb"},
		{"ANONYMOUS, 8-bit", &sasl_anonymous, "\xc3\xa4", ""},
		{"ANONYMOUS, control character", &sasl_anonymous, "\x1b", ""},
		{"ANONYMOUS, DEL", &sasl_anonymous, "\x7f", ""},
		{"LOGIN, no user", &sasl_login, "", ""},
		{"LOGIN, control character", &sasl_login, "a\rb", ""},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str(rows[i].user),
			.authzid = slice_str(rows[i].authzid),
			.password = slice_str("p")};
		void *st = NULL;
		cr_assert_eq(
			rows[i].m->step(&st, &in, SLICE_NONE, &out, &e), -1, "%s", rows[i].name);
		cr_assert_eq(e.code, E_INVALID, "%s", rows[i].name);
		cr_assert_eq(e.scope, ERR_USAGE, "%s", rows[i].name);
		cr_assert_eq(out.len, 0);
		cr_assert_not(rows[i].m->complete(st));
		rows[i].m->release(st);
		buf_release(&out);
	}
}

Test(sasl_simple, each_part_has_a_limit)
{
	static const struct {
		const char *name;
		const struct sasl_mechanism *m;
		bool password;
		size_t max;
	} rows[] = {
		{"EXTERNAL", &sasl_external, false, SASL_NAME_MAX},
		{"ANONYMOUS", &sasl_anonymous, false, SASL_TRACE_MAX},
		{"LOGIN", &sasl_login, false, SASL_NAME_MAX},
		{"LOGIN, password", &sasl_login, true, SASL_PASSWORD_MAX},
	};
	struct buf text = BUF_INIT(10000);
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		size_t over = i % 2;
		struct buf out = BUF_INIT(10000);
		struct err e = ERR_INIT;
		buf_clear(&text);
		while (text.len < rows[i / 2].max + over)
			(void)buf_add_byte(&text, 'x');
		struct sasl_input in = {.user = slice_str("u"), .password = slice_str("p")};
		if (rows[i / 2].password)
			in.password = buf_slice(&text);
		else
			in.user = buf_slice(&text);
		void *st = NULL;
		cr_assert_eq(rows[i / 2].m->step(&st, &in, SLICE_NONE, &out, &e), over ? -1 : 0,
			"%s: %s", rows[i / 2].name, e.text);
		if (over)
			cr_assert_eq(e.code, E_LIMIT);
		rows[i / 2].m->release(st);
		buf_release(&out);
	}
	buf_release(&text);
}

Test(sasl_simple, a_response_that_does_not_fit_is_an_error)
{
	static const struct sasl_mechanism *const all[] = {
		&sasl_external, &sasl_anonymous, &sasl_login};
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buf out = BUF_INIT(2);
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str("tim"), .password = slice_str("p")};
		void *st = NULL;
		cr_assert_eq(all[i]->step(&st, &in, SLICE_NONE, &out, &e), -1);
		cr_assert_eq(e.code, E_LIMIT);
		cr_assert_not(all[i]->complete(st));
		all[i]->release(st);
		buf_release(&out);
	}
}

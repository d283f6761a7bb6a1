/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/imap/sasl.h"
#include "tests/support/session_rig.h"

#define CANARY	   "Hu\"nter2\\canary"
#define CANARY_ESC "\"Hu\\\"nter2\\\\canary\""

static imap4_cmd *login_as(
	struct srig *r, const char *mechanism, const char *user, const char *password)
{
	const imap4_credentials me = {.struct_size = sizeof(me),
		.mechanism = mechanism,
		.user = user,
		.password = password};
	return imap4_login_start(r->s, &me);
}

static void open_with(struct srig *r, const char *capabilities)
{
	cr_assert_eq(srig_open_clear(r), IMAP4_OK);
	srig_greet(r, capabilities);
}

/* Canary in any form: raw, quoted, base64 at any alignment. */
static void expect_no_canary(const char *text, const char *where)
{
	cr_expect_null(strstr(text, CANARY), "%s: %s", where, text);
	cr_expect_null(strstr(text, CANARY_ESC), "%s: %s", where, text);
	for (size_t before = 0; before < 3; before++) {
		struct buf plain = BUF_INIT(100), coded = BUF_INIT(200);
		buf_add(&plain, "\0\0", before);
		buf_add_str(&plain, CANARY);
		cr_assert_eq(base64_encode(&coded, plain.data, plain.len), 0);
		char middle[13] = "";
		memcpy(middle, coded.data + 4, 12);
		cr_expect_null(strstr(text, middle), "%s: %s in %s", where, middle, text);
		buf_release(&plain);
		buf_release(&coded);
	}
}

/* ---- mechanisms ---------------------------------------------------------------------------- */

static const struct sasl_mechanism *plain(void)
{
	const struct sasl_mechanism *m = sasl_find("plain");
	cr_assert_not_null(m);
	return m;
}

Test(auth, plain_is_the_message_of_rfc_4616)
{
	/* RFC 4616 section 4, both examples. */
	static const struct {
		const char *authzid, *user, *password, *message;
		size_t n;
	} rows[] = {
		{"", "tim", "tanstaaftanstaaf", "\0tim\0tanstaaftanstaaf", 21},
		{"Ursel", "Kurt", "xipj3plmq", "Ursel\0Kurt\0xipj3plmq", 20},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sasl_input in = {.user = slice_str(rows[i].user),
			.password = slice_str(rows[i].password),
			.authzid = slice_str(rows[i].authzid)};
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		void *st = NULL;
		cr_assert_eq(plain()->step(&st, &in, SLICE_NONE, &out, &e), 0);
		cr_expect(slice_eq(buf_slice(&out), slice_of(rows[i].message, rows[i].n)));
		cr_expect_eq(plain()->step(&st, &in, SLICE_NONE, &out, &e), -1, "no second step");
		cr_expect_eq(e.code, E_PROTO);
		plain()->release(st);
		buf_release(&out);
	}
}

Test(auth, plain_refuses_what_it_cannot_say)
{
	static const struct {
		const char *name;
		struct slice user, password, authzid;
	} rows[] = {
		{"no user", {(const unsigned char *)"", 0}, {(const unsigned char *)"p", 1}, {0}},
		{"no password", {(const unsigned char *)"u", 1}, {(const unsigned char *)"", 0},
			{0}},
		{"NUL in user", {(const unsigned char *)"u\0v", 3}, {(const unsigned char *)"p", 1},
			{0}},
		{"NUL in password", {(const unsigned char *)"u", 1},
			{(const unsigned char *)"p\0", 2}, {0}},
		{"NUL in authzid", {(const unsigned char *)"u", 1}, {(const unsigned char *)"p", 1},
			{(const unsigned char *)"\0", 1}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sasl_input in = {.user = rows[i].user,
			.password = rows[i].password,
			.authzid = rows[i].authzid};
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		void *st = NULL;
		cr_expect_eq(plain()->step(&st, &in, SLICE_NONE, &out, &e), -1, "%s", rows[i].name);
		cr_expect_eq(e.code, E_INVALID, "%s", rows[i].name);
		plain()->release(st);
		buf_release(&out);
	}
}

/* ---- the choice ---------------------------------------------------------------------------- */

struct choice_row {
	const char *capabilities, *mechanism;
	const char *line; /* NULL: E_NOAUTH */
	const char *message;
};

Test(auth, chooses_a_way_that_both_sides_have)
{
	static const struct choice_row rows[] = {
		{"IMAP4rev1 AUTH=PLAIN SASL-IR", NULL, "AUTHENTICATE PLAIN AG1lAHB3", ""},
		{"IMAP4rev1 auth=plain sasl-ir", NULL, "AUTHENTICATE PLAIN AG1lAHB3", ""},
		{"IMAP4rev2 AUTH=PLAIN", NULL, "AUTHENTICATE PLAIN AG1lAHB3", ""},
		{"IMAP4rev1 AUTH=PLAIN", NULL, "AUTHENTICATE PLAIN", ""},
		{"IMAP4rev1 AUTH=PLAIN LOGINDISABLED", NULL, "AUTHENTICATE PLAIN", ""},
		{"IMAP4rev1", NULL, "LOGIN me pw", ""},
		{"IMAP4rev1 AUTH=X-OTHER", NULL, "LOGIN me pw", ""},
		{"IMAP4rev1 AUTH=PLAIN", "LOGIN", "LOGIN me pw", ""},
		{"IMAP4rev1 AUTH=PLAIN", "plain", "AUTHENTICATE PLAIN", ""},
		{"IMAP4rev1 LOGINDISABLED", NULL, NULL, "the server offers nothing"},
		{"IMAP4rev1 LOGINDISABLED AUTH=X-OTHER AUTH=X-B", NULL, NULL,
			"offers AUTH=X-OTHER, AUTH=X-B"},
		{"IMAP4rev1 LOGINDISABLED AUTH=PLAIN", "LOGIN", NULL,
			"cannot log in with LOGIN; the server offers AUTH=PLAIN"},
		{"IMAP4rev1", "PLAIN", NULL, "cannot log in with PLAIN; the server offers LOGIN"},
		{"IMAP4rev1 AUTH=X-\x1b", "X-NONE", NULL, "cannot log in with X-NONE"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct srig r = {0};
		open_with(&r, rows[i].capabilities);
		imap4_cmd *c = login_as(&r, rows[i].mechanism, "me", "pw");
		cr_assert_not_null(c);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), rows[i].line ? rows[i].line : "", "row %zu", i);
		const imap4_result *res = imap4_cmd_result(c);
		cr_expect_eq(res->err, rows[i].line ? IMAP4_AGAIN : IMAP4_E_NOAUTH, "row %zu", i);
		if (!rows[i].line) {
			cr_expect_not_null(strstr(res->message, rows[i].message), "row %zu: %s", i,
				res->message);
			cr_expect_null(strchr(res->message, '\x1b'));
		}
		srig_close(&r);
	}
}

Test(auth, quotes_or_counts_what_login_cannot_say_plainly)
{
	static const struct {
		const char *password, *line;
	} rows[] = {
		{"a b", "LOGIN me \"a b\""},
		{"a\"b\\", "LOGIN me \"a\\\"b\\\\\""},
		{"", "LOGIN me \"\""},
		{"a\r\nb", "LOGIN me {4}"},
		{"\xc3\xa4", "LOGIN me {2}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct srig r = {0};
		open_with(&r, "IMAP4rev1");
		imap4_cmd *c = login_as(&r, NULL, "me", rows[i].password);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), rows[i].line, "row %zu", i);
		if (strchr(rows[i].line, '{')) {
			cr_expect_str_eq(srig_line(&r), "", "waits");
			srig_say(&r, "+ go");
			(void)srig_pump(&r);
			struct slice out = stream_memory_output(r.mem);
			size_t n = strlen(rows[i].password);
			cr_expect(out.n >= n + 2 &&
					memcmp(out.p + out.n - n - 2, rows[i].password, n) == 0,
				"row %zu", i);
		}
		srig_say(&r, "$ OK [CAPABILITY IMAP4rev1] in");
		(void)srig_pump(&r);
		cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK, "row %zu", i);
		srig_close(&r);
	}
}

Test(auth, keeps_the_initial_response_out_of_lines_that_are_too_long)
{
	/* "AUTHENTICATE PLAIN " and the tag take some 33 octets; the limit is 8000 for all. */
	for (size_t n = 5900; n < 6000; n++) {
		struct srig r = {0};
		open_with(&r, "IMAP4rev1 AUTH=PLAIN SASL-IR");
		char *password = malloc(n + 1);
		memset(password, 'x', n);
		password[n] = '\0';
		(void)login_as(&r, NULL, "me", password);
		(void)srig_pump(&r);
		size_t length = stream_memory_output(r.mem).n;
		const char *line = srig_line(&r);
		size_t tag = strlen(r.tag) + 1;
		size_t with_ir = tag + strlen("AUTHENTICATE PLAIN ") + (n + 4 + 2) / 3 * 4 + 2;
		bool expect_ir = with_ir <= 8000;
		cr_expect_eq(strcmp(line, "AUTHENTICATE PLAIN") != 0, expect_ir, "%zu", n);
		cr_expect_leq(length, 8000);
		if (!expect_ir) {
			srig_say(&r, "+");
			(void)srig_pump(&r);
			cr_expect_eq(strlen(srig_line(&r)), (n + 4 + 2) / 3 * 4, "%zu", n);
		}
		free(password);
		srig_close(&r);
	}
}

/* ---- the exchange -------------------------------------------------------------------------- */

Test(auth, answers_a_challenge_and_cancels_what_goes_on)
{
	struct srig r = {0};
	open_with(&r, "IMAP4rev1 AUTH=PLAIN");
	imap4_cmd *c = login_as(&r, NULL, "me", "pw");
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "AUTHENTICATE PLAIN");
	srig_say(&r, "+ please speak");
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "AG1lAHB3");
	srig_say(&r, "+ bW9yZQ==");
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "*");
	srig_say(&r, "$ BAD cancelled");
	(void)srig_pump(&r);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_PROTO, "%s", imap4_cmd_result(c)->message);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
	srig_close(&r);
}

Test(auth, does_not_go_round_for_ever)
{
	struct srig r = {0};
	open_with(&r, "IMAP4rev1 AUTH=PLAIN");
	imap4_cmd *c = login_as(&r, NULL, "me", "pw");
	(void)srig_pump(&r);
	for (int i = 0; i < 50 && r.s->stream; i++) {
		srig_say(&r, "+ bW9yZQ==");
		(void)srig_pump(&r);
	}
	cr_expect_eq(imap4_session_state(r.s), IMAP4_DEAD);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_PROTO);
	srig_close(&r);
}

Test(auth, a_cancelled_login_is_none_even_if_the_server_says_ok)
{
	struct srig r = {0};
	open_with(&r, "IMAP4rev1 AUTH=PLAIN");
	imap4_cmd *c = login_as(&r, NULL, "me", "pw");
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "+");
	(void)srig_pump(&r);
	srig_say(&r, "+ !!!");
	(void)srig_pump(&r);
	srig_say(&r, "$ OK welcome");
	(void)srig_pump(&r);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_PROTO, "%s", imap4_cmd_result(c)->message);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
	srig_close(&r);
}

Test(auth, keeps_the_servers_reason)
{
	struct srig r = {0};
	open_with(&r, "IMAP4rev1");
	imap4_cmd *c = login_as(&r, NULL, "me", "pw");
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ NO [AUTHENTICATIONFAILED] no such user");
	(void)srig_pump(&r);
	const imap4_result *res = imap4_cmd_result(c);
	cr_expect_eq(res->err, IMAP4_E_NO);
	cr_expect_eq(res->code, IMAP4_CODE_AUTHENTICATIONFAILED);
	cr_expect_not_null(strstr(res->message, "no such user"));
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
	srig_close(&r);
}

Test(auth, tries_no_weaker_way_when_the_strongest_is_refused)
{
	static const char *const answers[] = {
		"$ BAD unknown mechanism", "$ NO cannot do that", "$ NO [AUTHENTICATIONFAILED] no"};
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct srig r = {0};
		open_with(&r, "IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN");
		imap4_cmd *c = login_as(&r, NULL, "me", CANARY);
		(void)srig_pump(&r);
		cr_expect_not_null(strstr(srig_line(&r), "AUTHENTICATE SCRAM-SHA-256 "));
		srig_say(&r, answers[i]);
		(void)srig_pump(&r);
		cr_expect_eq(imap4_cmd_result(c)->err, i == 0 ? IMAP4_E_BAD : IMAP4_E_NO);
		cr_expect_str_eq(srig_line(&r), "");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
		imap4_cmd_free(c);
		srig_close(&r);
	}
}

Test(auth, asks_for_capabilities_again_before_anything_else_leaves)
{
	for (int told = 0; told < 2; told++) {
		struct srig r = {0};
		open_with(&r, "IMAP4rev1 AUTH=PLAIN SASL-IR X-BEFORE");
		imap4_cmd *c = login_as(&r, NULL, "me", "pw");
		imap4_cmd *next = imap4_namespace_start(r.s);
		(void)srig_pump(&r);
		(void)srig_line(&r);
		srig_say(&r, told ? "$ OK [CAPABILITY IMAP4rev1 NAMESPACE X-AFTER] in" : "$ OK in");
		(void)srig_pump(&r);
		cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
		cr_expect_eq(imap4_session_state(r.s), IMAP4_AUTHENTICATED);
		if (!told) {
			cr_expect_str_eq(srig_line(&r), "CAPABILITY");
			cr_expect_str_eq(srig_line(&r), "", "nothing else leaves");
			srig_say(&r, "* CAPABILITY IMAP4rev1 NAMESPACE X-AFTER");
			srig_say(&r, "$ OK done");
			(void)srig_pump(&r);
		}
		cr_expect_str_eq(srig_line(&r), "NAMESPACE");
		cr_expect(imap4_has(r.s, "X-AFTER"));
		cr_expect_not(imap4_has(r.s, "X-BEFORE"));
		cr_expect_not(imap4_cmd_done(next));
		srig_close(&r);
	}
}

Test(auth, needs_no_login_after_preauth_and_takes_no_second_one)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	imap4_cmd *c = login_as(&r, NULL, "me", "pw");
	srig_say(&r, "* PREAUTH [CAPABILITY IMAP4rev1] hi");
	(void)srig_pump(&r);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
	cr_expect_str_eq(srig_line(&r), "", "nothing is sent");
	srig_close(&r);

	r = (struct srig){0};
	open_with(&r, "IMAP4rev1");
	(void)login_as(&r, NULL, "me", "pw");
	imap4_cmd *second = login_as(&r, NULL, "me", "pw");
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ OK [CAPABILITY IMAP4rev1] in");
	(void)srig_pump(&r);
	cr_expect_eq(imap4_cmd_result(second)->err, IMAP4_E_STATE);
	srig_close(&r);
}

Test(auth, needs_a_user_and_a_password)
{
	struct srig r = {0};
	open_with(&r, "IMAP4rev1");
	cr_expect_null(login_as(&r, NULL, NULL, "pw"));
	cr_expect_eq(imap4_last(r.s)->err, IMAP4_E_ARG);
	cr_expect_null(login_as(&r, NULL, "me", NULL));
	cr_expect_null(imap4_login_start(r.s, NULL));
	srig_close(&r);
}

/* ---- where credentials may go -------------------------------------------------------------- */

Test(auth, sends_no_password_where_anybody_can_read_it)
{
	static const char *const mechanisms[] = {NULL, "PLAIN", "LOGIN"};
	for (size_t i = 0; i < 3; i++) {
		struct srig r = {0};
		imap4_options o;
		imap4_options_init(&o, sizeof(o));
		o.security = IMAP4_CLEAR;
		cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
		srig_greet(&r, "IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+");
		imap4_cmd *c = login_as(&r, mechanisms[i], "me", CANARY);
		(void)srig_pump(&r);
		cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_INSECURE);
		cr_expect_eq(stream_memory_output(r.mem).n, 0, "nothing left");
		srig_close(&r);
	}
}

/* ---- canaries ------------------------------------------------------------------------------ */

static void expect_clean(struct srig *r, const imap4_cmd *c, const char *where)
{
	expect_no_canary(buf_str(&r->trace), where);
	expect_no_canary(buf_str(&r->alerts), where);
	const imap4_result *res = imap4_cmd_result(c);
	expect_no_canary(res->message, where);
	expect_no_canary(res->text.ptr ? res->text.ptr : "", where);
	expect_no_canary(res->code_args.ptr ? res->code_args.ptr : "", where);
	expect_no_canary(imap4_last(r->s)->message, where);
}

Test(auth, shows_no_secret_of_its_own)
{
	static const struct {
		const char *capabilities, *mechanism;
	} rows[] = {
		{"IMAP4rev1 AUTH=PLAIN SASL-IR", NULL},
		{"IMAP4rev1 AUTH=PLAIN", NULL},
		{"IMAP4rev1", NULL},
		{"IMAP4rev1 LITERAL+", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct srig r = {0};
		open_with(&r, rows[i].capabilities);
		/* Once as it is, once with a line break: a literal. */
		imap4_cmd *c =
			login_as(&r, rows[i].mechanism, "me", i == 3 ? CANARY "\r\n" : CANARY);
		(void)srig_pump(&r);
		(void)srig_line(&r);
		srig_say(&r, "+ ");
		(void)srig_pump(&r);
		srig_say(&r, "$ NO go away");
		(void)srig_pump(&r);
		expect_clean(&r, c, rows[i].capabilities);
		cr_expect_not_null(strstr(buf_str(&r.trace), "<secret: "), "%s", buf_str(&r.trace));
		srig_close(&r);
	}
}

Test(auth, hides_a_secret_that_the_server_repeats)
{
	static const char *const forms[] = {
		"bad password " CANARY "!",
		"bad argument " CANARY_ESC,
		/* base64 of NUL me NUL CANARY, and of the password alone */
		"not AG1lAEh1Im50ZXIyXGNhbmFyeQ==",
		"not SHUibnRlcjJcY2FuYXJ5",
		CANARY CANARY,
	};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		for (size_t chunk = 0; chunk < 2; chunk++) {
			struct srig r = {0};
			open_with(&r, "IMAP4rev1 AUTH=PLAIN SASL-IR");
			stream_memory_chunk(r.mem, chunk);
			imap4_cmd *c = login_as(&r, NULL, "me", CANARY);
			(void)srig_pump(&r);
			(void)srig_line(&r);
			char line[200];
			(void)snprintf(line, sizeof(line), "* NO [ALERT] %s", forms[i]);
			srig_say(&r, line);
			(void)snprintf(line, sizeof(line), "* OK %s", forms[i]);
			srig_say(&r, line);
			(void)snprintf(
				line, sizeof(line), "$ NO [X-WHY %s] %s", forms[i], forms[i]);
			srig_say(&r, line);
			(void)srig_pump(&r);
			cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_NO);
			cr_expect_neq(r.alerts.len, 0);
			expect_clean(&r, c, forms[i]);
			cr_expect_eq(r.s->secrets.n, 0, "wiped when it is over");
			srig_close(&r);
		}
	}
}

Test(auth, looks_for_a_secret_in_each_of_its_forms)
{
	/* As it is, quoted, as shown, quoted as shown. */
	static const char *const forms[] = {"p\a\"q", "p\a\\\"q", "p\\u{7}\"q", "p\\u{7}\\\"q"};
	struct secrets secrets = {.n = 0};
	struct err e = ERR_INIT;
	cr_assert_eq(secrets_add(&secrets, slice_str("p\a\"q"), &e), 0);
	cr_assert_eq(secrets_add(&secrets, slice_str(""), &e), 0);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char text[64], expected[64];
		int n = snprintf(text, sizeof(text), "<%s%s>", forms[i], forms[i]);
		memset(expected, '*', sizeof(expected));
		expected[0] = '<';
		expected[n - 1] = '>';
		secrets_hide(&secrets, text, (size_t)n);
		cr_expect_eq(memcmp(text, expected, (size_t)n), 0, "form %zu: %s", i, text);
		secrets_hide(&secrets, text, 0);
	}
	char other[] = "p\a\"";
	secrets_hide(&secrets, other, sizeof(other) - 1);
	cr_expect_str_eq(other, "p\a\"");
	secrets_wipe(&secrets);
	cr_expect_eq(secrets.n, 0);
}

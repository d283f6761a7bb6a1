/* SPDX-License-Identifier: MIT */
/*
 * test_sasl_own.c -- AUTHENTICATE with a mechanism of the caller's: what is asked of it, and when it is not asked any more.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/session_rig.h"

#define CANARY	      "Hunter2canary"
#define CANARY_BASE64 "SHVudGVyMmNhbmFyeQ=="

struct mech {
	const char *first, *answer; /* NULL: give up */
	int verdict;		    /* what done() returns */
	size_t too_long;	    /* claim that many octets */
	int started, steps, ended, ok;
	char challenge[64];
};

static int say(const char *text, void *out, size_t size, size_t *n)
{
	if (!text)
		return -1;
	cr_assert_geq(size, 65536);
	*n = strlen(text);
	memcpy(out, text, *n);
	return 0;
}

static int start(void *ctx, void *out, size_t size, size_t *n)
{
	struct mech *m = ctx;
	m->started++;
	return say(m->first, out, size, n);
}

static int step(void *ctx, imap4_str challenge, void *out, size_t size, size_t *n)
{
	struct mech *m = ctx;
	m->steps++;
	(void)snprintf(
		m->challenge, sizeof(m->challenge), "%.*s", (int)challenge.len, challenge.ptr);
	int rc = say(m->answer, out, size, n);
	if (m->too_long > 0)
		*n = m->too_long;
	return rc;
}

static int done(void *ctx, int ok)
{
	struct mech *m = ctx;
	m->ended++;
	m->ok = ok;
	return m->verdict;
}

static imap4_sasl_callbacks callbacks_of(struct mech *m)
{
	return (imap4_sasl_callbacks){.struct_size = sizeof(imap4_sasl_callbacks),
		.ctx = m,
		.start = m->first ? start : NULL,
		.step = step,
		.done = done};
}

static imap4_cmd *begin(struct srig *r, struct mech *m, const char *capabilities)
{
	const imap4_sasl_callbacks cb = callbacks_of(m);
	cr_assert_eq(srig_open_clear(r), IMAP4_OK);
	srig_greet(r, capabilities);
	imap4_cmd *c = imap4_authenticate_start(r->s, "x-own", &cb);
	(void)srig_pump(r);
	return c;
}

static void expect_outcome(imap4_cmd *c, imap4_err err, const char *part)
{
	cr_assert_not_null(c);
	const imap4_result *res = imap4_cmd_result(c);
	cr_expect_eq(res->err, err, "%s: %s", imap4_err_name(res->err), res->message);
	cr_expect_not_null(strstr(res->message, part), "%s", res->message);
	imap4_cmd_free(c);
}

static void answer(struct srig *r, const char *line)
{
	srig_say(r, line);
	(void)srig_pump(r);
}

Test(sasl_own, speaks_first_with_and_without_an_initial_response)
{
	static const char *const offers[] = {
		"IMAP4rev1 AUTH=X-OWN SASL-IR", "IMAP4rev1 AUTH=X-OWN"};
	for (size_t i = 0; i < 2; i++) {
		struct srig r = {0};
		struct mech m = {.first = CANARY, .answer = "next"};
		imap4_cmd *c = begin(&r, &m, offers[i]);
		if (i == 0) {
			cr_expect_str_eq(srig_line(&r), "AUTHENTICATE X-OWN " CANARY_BASE64);
		} else {
			cr_expect_str_eq(srig_line(&r), "AUTHENTICATE X-OWN");
			answer(&r, "+ go ahead");
			cr_expect_str_eq(srig_line(&r), CANARY_BASE64);
		}
		cr_expect_eq(m.steps, 0);
		answer(&r, "+ Y2hhbGxlbmdl");
		cr_expect_str_eq(m.challenge, "challenge");
		cr_expect_str_eq(srig_line(&r), "bmV4dA==");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
		answer(&r, "$ OK in");
		expect_outcome(c, IMAP4_OK, "");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_AUTHENTICATED);
		cr_expect(m.started == 1 && m.ended == 1 && m.ok == 1);
		cr_expect_str_eq(srig_line(&r), "CAPABILITY", "they are another's now");
		cr_expect_null(strstr(buf_str(&r.trace), CANARY_BASE64), "%s", buf_str(&r.trace));
		cr_expect_null(strstr(buf_str(&r.trace), "Y2hhbGxlbmdl"));
		srig_close(&r);
	}
}

Test(sasl_own, an_empty_initial_response_is_an_equals_sign)
{
	struct srig r = {0};
	struct mech m = {.first = ""};
	imap4_cmd *c = begin(&r, &m, "IMAP4rev1 AUTH=X-OWN SASL-IR");
	cr_expect_str_eq(srig_line(&r), "AUTHENTICATE X-OWN =");
	answer(&r, "$ NO [AUTHENTICATIONFAILED] no");
	cr_expect(m.ended == 1 && m.ok == 0);
	expect_outcome(c, IMAP4_E_NO, "refused");
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
	srig_close(&r);
}

struct giving_up {
	const char *name, *challenge, *answer, *tagged;
	size_t too_long;
	imap4_err err;
	int steps;
};

static const struct giving_up given_up[] = {
	{"it wants no more", "+ YQ==", NULL, "$ BAD cancelled", 0, IMAP4_E_CANCELLED, 1},
	{"OK all the same", "+ YQ==", NULL, "$ OK in", 0, IMAP4_E_CANCELLED, 1},
	{"a lie about its length", "+ YQ==", "x", "$ BAD cancelled", 65537, IMAP4_E_CANCELLED, 1},
	{"no base64", "+ *", "x", "$ BAD cancelled", 0, IMAP4_E_PROTO, 0},
};

Test(sasl_own, gives_up_with_an_asterisk)
{
	for (size_t i = 0; i < sizeof(given_up) / sizeof(given_up[0]); i++) {
		const struct giving_up *row = &given_up[i];
		struct srig r = {0};
		struct mech m = {.answer = row->answer, .too_long = row->too_long};
		imap4_cmd *c = begin(&r, &m, "IMAP4rev1 AUTH=X-OWN");
		cr_expect_str_eq(srig_line(&r), "AUTHENTICATE X-OWN");
		answer(&r, row->challenge);
		cr_expect_str_eq(srig_line(&r), "*", "%s", row->name);
		answer(&r, row->tagged);
		cr_expect_eq(m.steps, row->steps, "%s", row->name);
		cr_expect(m.ended == 1 && m.ok == 0, "%s", row->name);
		expect_outcome(c, row->err, "given up");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED, "%s", row->name);
		srig_close(&r);
	}
}

Test(sasl_own, a_server_cannot_ask_for_ever)
{
	struct srig r = {0};
	struct mech m = {.answer = "x"};
	imap4_cmd *c = begin(&r, &m, "IMAP4rev1 AUTH=X-OWN");
	(void)srig_line(&r);
	for (int i = 0; i < IMAP_SASL_ROUNDS_MAX; i++) {
		answer(&r, "+ YQ==");
		cr_expect_str_eq(srig_line(&r), "eA==");
	}
	answer(&r, "+ YQ==");
	cr_expect_str_eq(srig_line(&r), "*");
	cr_expect_eq(m.steps, IMAP_SASL_ROUNDS_MAX);
	answer(&r, "$ BAD x");
	expect_outcome(c, IMAP4_E_LIMIT, "too many questions");
	srig_close(&r);
}

Test(sasl_own, an_ok_may_be_disbelieved)
{
	struct srig r = {0};
	struct mech m = {.answer = "x", .verdict = -1};
	imap4_cmd *c = begin(&r, &m, "IMAP4rev1 AUTH=X-OWN");
	(void)srig_line(&r);
	answer(&r, "$ OK in");
	cr_expect(m.ended == 1 && m.ok == 1);
	expect_outcome(c, IMAP4_E_NOAUTH, "not believed");
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
	srig_close(&r);
}

Test(sasl_own, a_freed_command_calls_nobody)
{
	struct srig r = {0};
	struct mech m = {.answer = "x"};
	imap4_cmd *c = begin(&r, &m, "IMAP4rev1 AUTH=X-OWN");
	(void)srig_line(&r);
	imap4_cmd_free(c);
	answer(&r, "+ YQ==");
	cr_expect_str_eq(srig_line(&r), "*");
	answer(&r, "$ BAD x");
	cr_expect(m.steps == 0 && m.ended == 0);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
	srig_close(&r);
}

Test(sasl_own, is_not_asked_where_it_cannot_be_used)
{
	struct srig r = {0};
	struct mech m = {.first = "x"};
	imap4_cmd *c = begin(&r, &m, "IMAP4rev1 AUTH=PLAIN");
	cr_expect_str_eq(srig_line(&r), "");
	expect_outcome(c, IMAP4_E_NOAUTH, "AUTH=X-OWN");
	imap4_sasl_callbacks cb = callbacks_of(&m);
	cr_expect_null(imap4_authenticate_start(r.s, "a b", &cb));
	cr_expect_null(imap4_authenticate_start(r.s, "", &cb));
	cr_expect_null(imap4_authenticate_start(r.s, "ABCDEFGHIJKLMNOPQRSTU", &cb));
	cr_expect_eq(imap4_last(r.s)->err, IMAP4_E_ARG);
	cb.step = NULL;
	cr_expect_null(imap4_authenticate_start(r.s, "X-OWN", &cb));
	srig_close(&r);

	/* In clear text only when it says that this does no harm. */
	for (int safe = 0; safe < 2; safe++) {
		imap4_options o;
		imap4_options_init(&o, sizeof(o));
		o.security = IMAP4_CLEAR;
		r = (struct srig){0};
		cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
		srig_greet(&r, "IMAP4rev1 AUTH=X-OWN SASL-IR");
		cb = callbacks_of(&m);
		cb.safe_in_clear = safe;
		c = imap4_authenticate_start(r.s, "X-OWN", &cb);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), safe ? "AUTHENTICATE X-OWN eA==" : "");
		if (!safe)
			cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_INSECURE);
		imap4_cmd_free(c);
		srig_close(&r);
	}
	cr_expect_eq(m.started, 1, "not before all that was checked");
}

/* SPDX-License-Identifier: MIT */
/*
 * test_unauthenticate.c -- UNAUTHENTICATE (RFC 8437): what is forgotten, and what must wait.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/session_rig.h"

#define CAPS "IMAP4rev1 AUTH=PLAIN SASL-IR ENABLE UNAUTHENTICATE COMPRESS=DEFLATE"

static void open_selected(struct srig *r, imap4_policy policy)
{
	static const char *const condstore[] = {"CONDSTORE"};
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.allow_cleartext = 1;
	o.policy = policy;
	cr_assert_eq(srig_open(r, &o), IMAP4_OK);
	srig_say(r, "* PREAUTH [CAPABILITY " CAPS "] hello");
	imap4_cmd *enable = imap4_enable_start(r->s, condstore, 1);
	(void)srig_pump(r);
	(void)srig_line(r);
	srig_say(r, "* ENABLED CONDSTORE");
	srig_say(r, "$ OK x");
	imap4_cmd *select = imap4_select_start(r->s, (imap4_str){"INBOX", 5}, NULL);
	(void)srig_pump(r);
	(void)srig_line(r);
	srig_say(r, "* 3 EXISTS");
	srig_say(r, "$ OK [READ-ONLY] x");
	(void)srig_pump(r);
	cr_assert_eq(imap4_session_state(r->s), IMAP4_SELECTED);
	cr_assert(imap4_enabled(r->s, "CONDSTORE"));
	imap4_cmd_free(enable);
	imap4_cmd_free(select);
}

static imap4_cmd *login(struct srig *r)
{
	const imap4_credentials me = {.struct_size = sizeof(me), .user = "u", .password = "pass"};
	return imap4_login_start(r->s, &me);
}

static void expect_outcome(imap4_cmd *c, imap4_err err, const char *part)
{
	cr_assert_not_null(c);
	const imap4_result *res = imap4_cmd_result(c);
	cr_expect_eq(res->err, err, "%s: %s", imap4_err_name(res->err), res->message);
	cr_expect_not_null(strstr(res->message, part), "%s", res->message);
	imap4_cmd_free(c);
}

Test(unauthenticate, forgets_all_but_the_channel)
{
	for (int told = 0; told < 2; told++) {
		struct srig r = {0};
		open_selected(&r, IMAP4_POLICY_BACKUP);
		imap4_cmd *c = imap4_unauthenticate_start(r.s);
		imap4_cmd *again = login(&r);
		imap4_cmd *status = imap4_status_start(r.s, (imap4_str){"a", 1}, IMAP4_ST_MESSAGES);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), "UNAUTHENTICATE");
		cr_expect_str_eq(srig_line(&r), "", "the login waits for the answer");
		srig_say(&r, told ? "$ OK [CAPABILITY " CAPS "] bye" : "$ OK bye");
		(void)srig_pump(&r);
		expect_outcome(c, IMAP4_OK, "");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
		cr_expect_null(imap4_selected_mailbox(r.s));
		cr_expect_not(imap4_enabled(r.s, "CONDSTORE"));
		cr_expect_not(imap4_preauth(r.s));
		if (!told) {
			cr_expect_str_eq(srig_line(&r), "CAPABILITY");
			cr_expect_str_eq(srig_line(&r), "", "nothing leaves before they are known");
			srig_say(&r, "* CAPABILITY " CAPS);
			srig_say(&r, "$ OK x");
			(void)srig_pump(&r);
		}
		cr_expect_str_eq(srig_line(&r), "AUTHENTICATE PLAIN AHUAcGFzcw==");
		srig_say(&r, "$ OK [CAPABILITY " CAPS "] in");
		(void)srig_pump(&r);
		expect_outcome(again, IMAP4_OK, "");
		cr_expect_str_eq(srig_line(&r), "STATUS a (MESSAGES)");
		imap4_cmd_free(status);
		srig_close(&r);
	}
}

Test(unauthenticate, what_needs_a_login_is_refused_when_none_follows)
{
	struct srig r = {0};
	open_selected(&r, IMAP4_POLICY_ANY);
	imap4_cmd *c = imap4_unauthenticate_start(r.s);
	imap4_cmd *status = imap4_status_start(r.s, (imap4_str){"a", 1}, IMAP4_ST_MESSAGES);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ OK [CAPABILITY " CAPS "] bye");
	(void)srig_pump(&r);
	expect_outcome(c, IMAP4_OK, "");
	expect_outcome(status, IMAP4_E_STATE, "not logged in");
	srig_close(&r);
}

/* A NO is not permitted (RFC 8437 section 3); whatever is said, but for OK, changes nothing. */
Test(unauthenticate, a_refusal_changes_nothing)
{
	static const char *const answer[] = {"$ BAD what?", "$ NO never"};
	static const imap4_err err[] = {IMAP4_E_BAD, IMAP4_E_NO};
	for (size_t i = 0; i < 2; i++) {
		struct srig r = {0};
		open_selected(&r, IMAP4_POLICY_ANY);
		imap4_cmd *c = imap4_unauthenticate_start(r.s);
		(void)srig_pump(&r);
		(void)srig_line(&r);
		srig_say(&r, answer[i]);
		(void)srig_pump(&r);
		expect_outcome(c, err[i], "");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_SELECTED);
		cr_expect(imap4_enabled(r.s, "CONDSTORE"));
		srig_close(&r);
	}
}

Test(unauthenticate, is_not_sent_where_it_cannot_be)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_say(&r, "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello");
	imap4_cmd *c = imap4_unauthenticate_start(r.s);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "");
	expect_outcome(c, IMAP4_E_NOCAP, "UNAUTHENTICATE");
	srig_close(&r);

	r = (struct srig){0};
	open_selected(&r, IMAP4_POLICY_ANY);
	imap4_cmd *compress = imap4_compress_start(r.s);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ OK go");
	(void)srig_pump(&r);
	cr_assert(imap4_compressed(r.s));
	c = imap4_unauthenticate_start(r.s);
	(void)srig_pump(&r);
	expect_outcome(c, IMAP4_E_STATE, "compressed");
	cr_expect_eq(imap4_session_state(r.s), IMAP4_SELECTED);
	imap4_cmd_free(compress);
	srig_close(&r);
}

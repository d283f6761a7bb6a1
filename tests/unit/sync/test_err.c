/* SPDX-License-Identifier: MIT */
/* What outcomes of the IMAP library mean: code, scope, and the pauses servers ask for. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/sync/connect.h"
#include "core/sync/limits.h"

static imap4_result result(imap4_err err, imap4_code code, const char *text)
{
	imap4_result r;
	memset(&r, 0, sizeof r);
	r.err = err;
	r.code = code;
	r.text = (imap4_str){text, strlen(text)};
	r.message = "it was refused";
	return r;
}

struct row {
	imap4_err err;
	imap4_code code;
	const char *text;
	enum err_code want;
	enum err_scope scope; /* with ERR_MAILBOX asked for */
};

static const struct row rows[] = {
	{IMAP4_E_NO, IMAP4_CODE_NONE, "no", E_NO, ERR_MAILBOX},
	{IMAP4_E_BAD, IMAP4_CODE_NONE, "bad", E_BAD, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_NOPERM, "no", E_NO, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_UNAVAILABLE, "x", E_THROTTLE, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_LIMIT, "x", E_THROTTLE, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_INUSE, "x", E_THROTTLE, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_THROTTLED, "x", E_THROTTLE, ERR_MAILBOX},
	{IMAP4_E_BAD, IMAP4_CODE_NONE,
		"Request is throttled. Suggested Backoff Time: 5 milliseconds", E_THROTTLE,
		ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_OVERQUOTA, "Account exceeded command or bandwidth limits",
		E_THROTTLE, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_OVERQUOTA, "mailbox full", E_NO, ERR_MAILBOX},
	{IMAP4_E_NO, IMAP4_CODE_AUTHENTICATIONFAILED, "x", E_AUTH, ERR_ACCOUNT},
	{IMAP4_E_BAD, IMAP4_CODE_NONE, "User is authenticated but not connected.", E_AUTH,
		ERR_ACCOUNT},
	{IMAP4_E_BYE, IMAP4_CODE_NONE, "x", E_BYE, ERR_CONNECTION},
	{IMAP4_E_IO, IMAP4_CODE_NONE, "", E_NET, ERR_CONNECTION},
	{IMAP4_E_TIMEOUT, IMAP4_CODE_NONE, "", E_TIMEOUT, ERR_CONNECTION},
	{IMAP4_E_CLOSED, IMAP4_CODE_NONE, "", E_CLOSED, ERR_CONNECTION},
	{IMAP4_E_TLS, IMAP4_CODE_NONE, "", E_TLS, ERR_CONNECTION},
	{IMAP4_E_PROTO, IMAP4_CODE_NONE, "", E_PROTO, ERR_CONNECTION},
	{IMAP4_E_LIMIT, IMAP4_CODE_NONE, "", E_LIMIT, ERR_CONNECTION},
	{IMAP4_E_CERT, IMAP4_CODE_NONE, "", E_CERT, ERR_ACCOUNT},
	{IMAP4_E_INSECURE, IMAP4_CODE_NONE, "", E_AUTH, ERR_ACCOUNT},
	{IMAP4_E_NOAUTH, IMAP4_CODE_NONE, "", E_AUTH, ERR_ACCOUNT},
	{IMAP4_E_CONFIG, IMAP4_CODE_NONE, "", E_CONFIG, ERR_USAGE},
	{IMAP4_E_NOMEM, IMAP4_CODE_NONE, "", E_NOMEM, ERR_ACCOUNT},
	{IMAP4_E_CANCELLED, IMAP4_CODE_NONE, "", E_CANCELLED, ERR_ACCOUNT},
	{IMAP4_E_ARG, IMAP4_CODE_NONE, "", E_INVALID, ERR_MAILBOX},
	{IMAP4_E_STATE, IMAP4_CODE_NONE, "", E_STATE, ERR_MAILBOX},
	{IMAP4_E_POLICY, IMAP4_CODE_NONE, "", E_STATE, ERR_MAILBOX},
};

Test(err, each_outcome_has_its_code_and_reach)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err e = ERR_INIT;
		const imap4_result r = result(rows[i].err, rows[i].code, rows[i].text);
		cr_expect_eq(sync_err(&e, ERR_MAILBOX, &r, NULL), -1);
		cr_expect_eq(e.code, rows[i].want, "row %zu: code %s", i, err_code_name(e.code));
		cr_expect_eq(
			e.scope, rows[i].scope, "row %zu: scope %s", i, err_scope_name(e.scope));
	}
}

Test(err, the_text_has_the_object_in_front)
{
	struct err e = ERR_INIT;
	imap4_result r = result(IMAP4_E_NO, IMAP4_CODE_NONE, "no");
	sync_err(&e, ERR_MAILBOX, &r, "Work");
	cr_expect_str_eq(e.text, "Work: it was refused");
	sync_err(&e, ERR_MAILBOX, &r, NULL);
	cr_expect_str_eq(e.text, "it was refused");
	r.message = NULL;
	sync_err(&e, ERR_MAILBOX, &r, NULL);
	cr_expect_str_eq(e.text, "IMAP4_E_NO");
}

Test(err, a_refused_login_is_refused_whatever_the_words)
{
	static const imap4_err refusals[] = {IMAP4_E_NO, IMAP4_E_BAD};
	for (size_t i = 0; i < 2; i++) {
		struct err e = ERR_INIT;
		const imap4_result r = result(refusals[i], IMAP4_CODE_NONE, "go away");
		sync_err_login(&e, &r);
		cr_expect_eq(e.code, E_AUTH);
		cr_expect_eq(e.scope, ERR_ACCOUNT);
		cr_expect_eq(e.retry, RETRY_NEVER, "a login is never repeated");
	}
	struct err e = ERR_INIT;
	const imap4_result busy = result(IMAP4_E_NO, IMAP4_CODE_UNAVAILABLE, "later");
	sync_err_login(&e, &busy);
	cr_expect_eq(e.code, E_THROTTLE, "a busy server is no wrong password");
}

Test(err, a_pause_is_what_the_server_asks_for_within_limits)
{
	static const struct {
		imap4_err err;
		imap4_code code;
		const char *text;
		int64_t ms;
	} row[] = {
		{IMAP4_E_BAD, IMAP4_CODE_NONE, "Suggested Backoff Time: 1500 milliseconds", 1500},
		{IMAP4_E_BAD, IMAP4_CODE_NONE, "Suggested Backoff Time: 300000 milliseconds",
			300000},
		{IMAP4_E_BAD, IMAP4_CODE_NONE, "Suggested Backoff Time: 300001 milliseconds",
			300000},
		{IMAP4_E_BAD, IMAP4_CODE_NONE, "Suggested Backoff Time: 99999999999999999999999 ms",
			SYNC_THROTTLE_FIRST_MS},
		{IMAP4_E_BAD, IMAP4_CODE_NONE, "Suggested Backoff Time:", SYNC_THROTTLE_FIRST_MS},
		{IMAP4_E_BAD, IMAP4_CODE_NONE, "request is THROTTLED", SYNC_THROTTLE_FIRST_MS},
		{IMAP4_E_NO, IMAP4_CODE_THROTTLED, "", SYNC_THROTTLE_FIRST_MS},
		{IMAP4_OK, IMAP4_CODE_NONE, "Success [THROTTLED]", SYNC_THROTTLE_FIRST_MS},
		{IMAP4_OK, IMAP4_CODE_THROTTLED, "", SYNC_THROTTLE_FIRST_MS},
		{IMAP4_OK, IMAP4_CODE_NONE, "not throttled", 0},
		{IMAP4_E_NO, IMAP4_CODE_UNAVAILABLE, "sorry", 0},
		{IMAP4_E_NO, IMAP4_CODE_NONE, "", 0},
		{IMAP4_E_CLOSED, IMAP4_CODE_THROTTLED, "throttled", 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		const imap4_result r = result(row[i].err, row[i].code, row[i].text);
		cr_expect_eq(sync_throttle_ms(&r), row[i].ms, "row %zu (%s): %lld", i, row[i].text,
			(long long)sync_throttle_ms(&r));
	}
}

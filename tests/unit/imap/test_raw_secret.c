/* SPDX-License-Identifier: MIT */
/* test_raw_secret.c -- a secret argument of a raw command, in a whole session: where it may go, and where it is never seen. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/session_rig.h"

#define CANARY "hunter2canary"

static imap4_cmd *start(struct srig *r)
{
	const imap4_arg arg[] = {{.type = IMAP4_ARG_ASTRING, .text = {"fred", 4}},
		{.type = IMAP4_ARG_SECRET, .text = {CANARY, strlen(CANARY)}}};
	return imap4_raw_start(r->s, "XLOGIN", arg, 2,
		&(imap4_raw_opts){
			.struct_size = sizeof(imap4_raw_opts), .state = IMAP4_RAW_ANY_STATE});
}

Test(raw_secret, does_not_leave_where_anybody_can_read_it)
{
	struct srig r = {0};
	imap4_options o;
	imap4_options_init(&o, sizeof o);
	o.security = IMAP4_CLEAR;
	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1 LITERAL+");
	imap4_cmd *c = start(&r);
	cr_assert_not_null(c);
	(void)srig_pump(&r);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_INSECURE);
	cr_expect_str_eq(srig_line(&r), "");
	srig_close(&r);
}

Test(raw_secret, is_in_no_trace_and_no_message)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1 LITERAL+");
	imap4_cmd *c = start(&r);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "XLOGIN fred " CANARY);
	srig_say(&r, "$ NO not with " CANARY);
	(void)srig_pump(&r);
	const imap4_result *result = imap4_cmd_result(c);
	cr_expect_eq(result->err, IMAP4_E_NO);
	cr_expect_null(strstr(result->message, CANARY), "%s", result->message);
	cr_expect_null(strstr(result->text.ptr, CANARY), "%s", result->text.ptr);
	/* What we sent; the server may say what it likes, and its words stand in the trace. */
	cr_expect_null(strstr(buf_str(&r.trace), "fred " CANARY), "%s", buf_str(&r.trace));
	cr_expect_not_null(strstr(buf_str(&r.trace), "XLOGIN fred "));
	imap4_cmd_free(c);
	srig_close(&r);
}

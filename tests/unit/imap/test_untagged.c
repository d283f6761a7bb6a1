/* SPDX-License-Identifier: MIT */
/*
 * test_untagged.c -- responses that nobody asked for, kept and taken by name.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/session_rig.h"

static void open_logged_in(struct srig *r)
{
	cr_assert_eq(srig_open_clear(r), IMAP4_OK);
	srig_say(r, "* PREAUTH [CAPABILITY IMAP4rev1] hello");
	(void)srig_pump(r);
}

static void expect_number(imap4_data *d, uint32_t number)
{
	cr_assert_not_null(d);
	cr_expect_eq(imap4_data_number(d), number);
	imap4_data_free(d);
}

Test(untagged, is_taken_in_order_by_name_and_by_code)
{
	struct srig r = {0};
	open_logged_in(&r);
	srig_say(&r, "* 1 EXISTS");
	(void)srig_pump(&r);
	cr_expect_null(imap4_untagged_take(r.s, "EXISTS"), "only when it was asked for");
	imap4_keep_untagged(r.s, 100);
	srig_say(&r, "* 2 EXISTS");
	srig_say(&r, "* OK [X-CODE a b] text");
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "* 1 RECENT");
	srig_say(&r, "* X-NEW thing");
	(void)srig_pump(&r);
	cr_expect_eq(r.data, 6, "the events have them as well");
	expect_number(imap4_untagged_take(r.s, "exists"), 2);
	expect_number(imap4_untagged_take(r.s, "RECENT"), 1);
	imap4_data *code = imap4_untagged_take(r.s, "x-code");
	cr_assert_not_null(code);
	cr_expect_str_eq(imap4_data_state(code)->code_args.ptr, "a b");
	expect_number(imap4_untagged_take(r.s, "EXISTS"), 3);
	cr_expect_null(imap4_untagged_take(r.s, "EXISTS"));
	srig_close(&r);
	imap4_data_free(code);
	imap4_data_free(NULL);
}

Test(untagged, the_oldest_goes_when_there_are_too_many)
{
	struct srig r = {0};
	open_logged_in(&r);
	imap4_keep_untagged(r.s, 2);
	for (int i = 0; i < 3; i++)
		srig_say(&r, i == 0 ? "* 1 EXISTS" : i == 1 ? "* 2 EXISTS" : "* 3 EXISTS");
	(void)srig_pump(&r);
	expect_number(imap4_untagged_take(r.s, "EXISTS"), 2);
	imap4_keep_untagged(r.s, 0);
	cr_expect_null(imap4_untagged_take(r.s, "EXISTS"), "3 was dropped");
	imap4_keep_untagged(r.s, 2);
	srig_say(&r, "* 4 EXISTS");
	(void)srig_pump(&r);
	srig_close(&r); /* what is left goes with the session */
}

Test(untagged, what_a_command_claims_is_its_own)
{
	struct srig r = {0};
	open_logged_in(&r);
	imap4_keep_untagged(r.s, 9);
	imap4_cmd *c = imap4_status_start(r.s, (imap4_str){"a", 1}, IMAP4_ST_MESSAGES);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "* STATUS a (MESSAGES 1)");
	srig_say(&r, "* STATUS b (MESSAGES 2)");
	srig_say(&r, "$ OK x");
	(void)srig_pump(&r);
	cr_expect_not_null(imap4_cmd_next(c));
	imap4_data *d = imap4_untagged_take(r.s, "STATUS");
	cr_assert_not_null(d);
	cr_expect_str_eq(imap4_data_status(d)->mailbox.ptr, "b");
	imap4_data_free(d);
	imap4_cmd_free(c);
	srig_close(&r);
}

Test(untagged, goes_on_after_the_last_was_taken)
{
	struct srig r = {0};
	open_logged_in(&r);
	imap4_keep_untagged(r.s, 9);
	for (uint32_t i = 1; i < 4; i++) {
		srig_say(&r, i == 1 ? "* 1 EXISTS" : i == 2 ? "* 2 EXISTS" : "* 3 EXISTS");
		(void)srig_pump(&r);
		expect_number(imap4_untagged_take(r.s, "EXISTS"), i);
	}
	srig_close(&r);
}

Test(untagged, before_tls_nothing_is_believed)
{
	struct srig r = {0};
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_STARTTLS;
	o.host = "localhost";
	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	imap4_keep_untagged(r.s, 9);
	srig_say(&r, "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello");
	srig_say(&r, "* 5 EXISTS");
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "STARTTLS");
	cr_expect_null(imap4_untagged_take(r.s, "EXISTS"));
	srig_close(&r);
}

/* As Python's imaplib has it: response("UIDVALIDITY") behind select(). */
Test(untagged, codes_that_a_command_has_are_there_too)
{
	struct srig r = {0};
	open_logged_in(&r);
	imap4_keep_untagged(r.s, 9);
	const imap4_select_opts o = {.struct_size = sizeof o, .writable = 1};
	imap4_cmd *c = imap4_select_start(r.s, (imap4_str){"a", 1}, &o);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "* OK [UIDVALIDITY 7] x");
	srig_say(&r, "* OK [PERMANENTFLAGS (\\Seen [test])] x");
	srig_say(&r, "* OK no code");
	srig_say(&r, "$ OK [READ-WRITE] x");
	(void)srig_pump(&r);
	imap4_data *d = imap4_untagged_take(r.s, "UIDVALIDITY");
	cr_assert_not_null(d);
	cr_expect_str_eq(imap4_data_state(d)->code_args.ptr, "7");
	imap4_data_free(d);
	d = imap4_untagged_take(r.s, "ok");
	cr_assert_not_null(d);
	cr_expect_str_eq(imap4_data_state(d)->code_args.ptr, "(\\Seen [test])");
	imap4_data_free(d);
	cr_expect_null(imap4_untagged_take(r.s, "ok"), "no tagged line, and none without a code");
	d = imap4_untagged_take(r.s, "read-write");
	cr_assert_not_null(d);
	cr_expect_null(imap4_data_state(d)->code_args.ptr);
	imap4_data_free(d);
	cr_expect_null(imap4_untagged_take(r.s, "EXISTS"), "the command alone has it");
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
	size_t n = 0;
	while (imap4_cmd_next(c))
		n++;
	cr_expect_eq(n, 4);
	cr_expect_eq(imap4_selected_mailbox(r.s)->uidvalidity, 7);
	imap4_keep_untagged(r.s, 0);
	imap4_cmd_free(c);
	c = imap4_noop_start(r.s);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ OK [X-CODE] x");
	(void)srig_pump(&r);
	imap4_keep_untagged(r.s, 9);
	cr_expect_null(imap4_untagged_take(r.s, "X-CODE"), "only when it was asked for");
	imap4_cmd_free(c);
	srig_close(&r);
}

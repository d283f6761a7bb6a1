/* SPDX-License-Identifier: MIT */
/*
 * test_call_idle.c -- hearing a server: nothing that it tells during an IDLE is lost or told twice, whenever the time ends.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_call.h"
#include "tests/support/fake_imap.h"
#include "tests/support/session_rig.h"

#define MINUTES_29 ((int64_t)29 * 60 * 1000)

static void rig_open(
	struct srig *r, const char *capabilities, const imap4_idler_opts *o, imap4_idler **i)
{
	char line[200];
	cr_assert_eq(srig_open_clear(r), IMAP4_OK);
	(void)snprintf(
		line, sizeof(line), "* PREAUTH [CAPABILITY IMAP4rev1 %s] hello", capabilities);
	srig_say(r, line);
	(void)srig_pump(r);
	cr_assert_eq(imap4_idler_open(i, r->s, o), IMAP4_OK);
}

/* What comes at once is this, or nothing. */
static void hears(imap4_idler *i, uint32_t number)
{
	imap4_data *d;
	imap4_err rc = imap4_idler_next(i, 0, &d);
	cr_assert_eq(rc, number > 0 ? IMAP4_OK : IMAP4_AGAIN, "%u: %s", number, imap4_err_name(rc));
	cr_expect_eq(d ? imap4_data_number(d) : 0, number);
	imap4_data_free(d);
}

static void input(struct srig *r, const char *text)
{
	struct err e = ERR_INIT;
	cr_assert_eq(stream_memory_input(r->mem, text, strlen(text), &e), 0);
}

/* The server's answer to DONE is there before it is asked for. */
static imap4_err close_answered(struct srig *r, imap4_idler *i, const char *before)
{
	if (*before)
		srig_say(r, before);
	srig_say(r, "$ OK idled");
	return imap4_idler_close(i);
}

Test(call_idle, a_line_cut_by_the_end_of_the_time_is_told_once)
{
	struct srig r = {0};
	imap4_idler *i;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	cr_expect_str_eq(srig_line(&r), "IDLE");
	srig_say(&r, "* 2 EXISTS");
	input(&r, "+ idling\r\n* 1 EX");
	hears(i, 2);
	hears(i, 0);
	input(&r, "IS");
	hears(i, 0);
	input(&r, "TS\r\n* 0 RECENT\r\n* 7 EXI");
	hears(i, 1);
	imap4_data *d;
	cr_assert_eq(imap4_idler_next(i, 0, &d), IMAP4_OK);
	cr_expect_eq(imap4_data_kind(d), IMAP4_DATA_RECENT);
	imap4_data_free(d);
	hears(i, 0);
	imap4_keep_untagged(r.s, 9);
	cr_expect_eq(close_answered(&r, i, "STS"), IMAP4_OK);
	cr_expect_str_eq(srig_line(&r), "DONE");
	d = imap4_untagged_take(r.s, "EXISTS");
	cr_assert_not_null(d, "it was cut by DONE");
	cr_expect_eq(imap4_data_number(d), 7);
	imap4_data_free(d);
	cr_expect_null(imap4_untagged_take(r.s, "EXISTS"), "the others were taken");
	cr_expect_eq(r.data, 4, "the events have them as well");
	srig_close(&r);
}

Test(call_idle, begins_anew_before_the_server_loses_patience)
{
	static const struct {
		int renew_ms;
		int64_t after;
	} rows[] = {{0, MINUTES_29}, {60000, 60000}};
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct srig r = {0};
		imap4_idler *i;
		const imap4_idler_opts o = {.struct_size = sizeof(o), .renew_ms = rows[k].renew_ms};
		rig_open(&r, "IDLE", &o, &i);
		hears(i, 0);
		cr_expect_str_eq(srig_line(&r), "IDLE");
		srig_say(&r, "+ idling");
		hears(i, 0);
		for (uint32_t round = 1; round < 4; round++) {
			r.now += rows[k].after - 1;
			hears(i, 0);
			cr_expect_str_eq(srig_line(&r), "", "not yet");
			r.now += 1;
			hears(i, 0);
			cr_expect_str_eq(srig_line(&r), "DONE");
			srig_say(&r, "* 4 EXISTS");
			srig_say(&r, "$ OK idled");
			hears(i, 4);
			hears(i, 0);
			cr_expect_str_eq(srig_line(&r), "IDLE");
			srig_say(&r, "* 5 EXISTS");
			srig_say(&r, "+ idling");
			hears(i, 5);
		}
		cr_expect_eq(close_answered(&r, i, ""), IMAP4_OK);
		srig_close(&r);
	}
}

Test(call_idle, goes_on_after_a_server_that_ends_it_and_not_for_ever)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	(void)srig_line(&r);
	r.now += 1000;
	srig_say(&r, "+ idling");
	srig_say(&r, "$ OK that was long enough");
	hears(i, 0);
	cr_expect_str_eq(srig_line(&r), "IDLE");
	r.now += 999;
	srig_say(&r, "+ idling");
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "$ OK and again");
	hears(i, 3);
	for (int k = 0; k < 2; k++) {
		cr_expect_eq(imap4_idler_next(i, 0, &d), IMAP4_E_PROTO);
		cr_expect_null(d);
	}
	cr_expect_not_null(strstr(imap4_last(r.s)->message, "as soon as it had begun"));
	cr_expect_eq(imap4_idler_close(i), IMAP4_E_PROTO);
	cr_expect_str_eq(srig_line(&r), "");
	srig_close(&r);
}

Test(call_idle, a_duration_ends_it_and_what_is_there_is_told_first)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	const imap4_idler_opts o = {.struct_size = sizeof(o), .duration_ms = 5000};
	rig_open(&r, "IDLE", &o, &i);
	hears(i, 0);
	(void)srig_line(&r);
	srig_say(&r, "+ idling");
	srig_say(&r, "* 1 EXISTS");
	srig_say(&r, "* 2 EXISTS");
	hears(i, 1);
	r.now += 5000;
	srig_say(&r, "* 3 EXISTS");
	cr_assert_eq(imap4_idler_next(i, -1, &d), IMAP4_OK);
	cr_expect_eq(imap4_data_number(d), 2);
	imap4_data_free(d);
	cr_expect_eq(imap4_idler_next(i, -1, &d), IMAP4_AGAIN);
	cr_expect_eq(imap4_idler_next(i, -1, &d), IMAP4_AGAIN);
	imap4_keep_untagged(r.s, 9);
	cr_expect_eq(close_answered(&r, i, "* 4 EXISTS"), IMAP4_OK);
	for (uint32_t n = 3; n < 5; n++) {
		d = imap4_untagged_take(r.s, "EXISTS");
		cr_assert_not_null(d);
		cr_expect_eq(imap4_data_number(d), n);
		imap4_data_free(d);
	}
	srig_close(&r);
}

Test(call_idle, refusals_are_told_and_stay)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	rig_open(&r, "", NULL, &i);
	cr_expect_eq(imap4_idler_next(i, 0, &d), IMAP4_E_NOCAP);
	cr_expect_eq(imap4_idler_close(i), IMAP4_E_NOCAP);
	cr_expect_str_eq(srig_line(&r), "");
	srig_close(&r);

	r = (struct srig){0};
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	(void)srig_line(&r);
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "$ NO not now");
	hears(i, 3);
	cr_expect_eq(imap4_idler_next(i, 0, &d), IMAP4_E_NO);
	cr_expect_str_eq(imap4_last(r.s)->message, "IDLE was refused: not now");
	cr_expect_eq(imap4_idler_next(i, -1, &d), IMAP4_E_NO);
	cr_expect_eq(imap4_idler_close(i), IMAP4_E_NO);
	srig_close(&r);
}

Test(call_idle, the_end_of_the_session_is_told_after_what_was_heard)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	srig_say(&r, "+ idling");
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "* BYE Autologout");
	hears(i, 3);
	cr_expect_eq(imap4_idler_next(i, 0, &d), IMAP4_E_BYE);
	cr_expect_eq(imap4_idler_close(i), IMAP4_E_BYE);
	srig_close(&r);
}

Test(call_idle, one_at_a_time_and_no_other_call_inside)
{
	struct srig r = {0};
	imap4_idler *i, *other = (imap4_idler *)&r;
	imap4_reply *reply = (imap4_reply *)&r;
	rig_open(&r, "IDLE", NULL, &i);
	cr_expect_eq(imap4_idler_open(&other, r.s, NULL), IMAP4_E_STATE);
	cr_expect_null(other);
	cr_expect_eq(imap4_call_noop(r.s), IMAP4_E_STATE);
	cr_expect_eq(imap4_call_list(r.s, "", "*", &reply), IMAP4_E_STATE);
	cr_expect_null(reply);
	cr_expect_eq(imap4_call_each(r.s, imap4_noop_start(r.s), NULL, NULL), IMAP4_E_STATE);
	cr_expect_eq(imap4_call_idle(r.s, 1), IMAP4_E_STATE);
	cr_expect_not_null(strstr(imap4_last(r.s)->message, "imap4_idler_close"));
	hears(i, 0);
	cr_expect_str_eq(srig_line(&r), "IDLE");
	/* A handle may be started: it waits. */
	imap4_cmd *c = imap4_noop_start(r.s);
	srig_say(&r, "+ idling");
	hears(i, 0);
	cr_expect_str_eq(srig_line(&r), "");
	cr_expect_eq(close_answered(&r, i, ""), IMAP4_OK);
	cr_expect_str_eq(srig_line(&r), "DONE");
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "NOOP");
	imap4_cmd_free(c);
	const imap4_idler_opts bad[] = {{.struct_size = sizeof(*bad), .duration_ms = -1},
		{.struct_size = sizeof(*bad), .renew_ms = -1},
		{.struct_size = sizeof(*bad), .renew_ms = (int)MINUTES_29 + 1}};
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		cr_expect_eq(imap4_idler_open(&other, r.s, &bad[k]), IMAP4_E_ARG);
	cr_expect_eq(imap4_idler_close(NULL), IMAP4_OK);
	srig_close(&r);
}

Test(call_idle, survives_a_session_that_is_closed_under_it)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	imap4_reply *reply;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	srig_say(&r, "+ idling");
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "* 4 EXISTS");
	hears(i, 3);
	srig_close(&r);
	cr_expect_eq(imap4_idler_next(i, -1, &d), IMAP4_E_STATE);
	cr_expect_eq(imap4_idler_burst(i, 1, &reply), IMAP4_E_STATE);
	cr_expect_eq(imap4_idler_close(i), IMAP4_E_STATE);
}

struct inside {
	imap4_idler *i;
	imap4_err next, close;
};

static void from_inside(void *ctx, struct srig *r)
{
	struct inside *in = ctx;
	imap4_data *d;
	(void)r;
	in->next = imap4_idler_next(in->i, 0, &d);
	in->close = imap4_idler_close(in->i);
}

Test(call_idle, inside_a_callback_nothing_happens)
{
	struct srig r = {0};
	struct inside in = {.next = IMAP4_OK};
	rig_open(&r, "IDLE", NULL, &in.i);
	hears(in.i, 0);
	(void)srig_line(&r);
	r.on_data = from_inside;
	r.ctx = &in;
	srig_say(&r, "+ idling");
	srig_say(&r, "* 3 EXISTS");
	hears(in.i, 3);
	cr_expect_eq(in.next, IMAP4_E_STATE);
	cr_expect_eq(in.close, IMAP4_E_STATE);
	cr_expect_eq(close_answered(&r, in.i, ""), IMAP4_OK);
	srig_close(&r);
}

Test(call_idle, wake_interrupts_and_loses_nothing)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	imap4_reply *reply;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	(void)srig_line(&r);
	srig_say(&r, "+ idling");
	imap4_wake(r.s);
	cr_expect_eq(imap4_idler_next(i, -1, &d), IMAP4_E_CANCELLED);
	srig_say(&r, "* 3 EXISTS");
	(void)srig_pump(&r);
	imap4_wake(r.s);
	cr_expect_eq(imap4_idler_burst(i, 1000, &reply), IMAP4_E_CANCELLED);
	cr_expect_null(reply);
	hears(i, 3);
	/* Nor does it wait for a server that does not answer DONE; the session stays good. */
	imap4_wake(r.s);
	cr_expect_eq(imap4_idler_close(i), IMAP4_E_CANCELLED);
	cr_expect_eq(imap4_last(r.s)->err, IMAP4_E_CANCELLED);
	cr_expect_str_eq(srig_line(&r), "DONE");
	srig_say(&r, "$ OK idled");
	(void)srig_pump(&r);
	imap4_cmd *c = imap4_noop_start(r.s);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "NOOP");
	imap4_cmd_free(c);
	srig_close(&r);
}

/* IDLE waits for its end, and what it is told is its own; its code is kept by name. */
Test(call_idle, what_a_command_claims_is_not_heard)
{
	struct srig r = {0};
	imap4_idler *i;
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_say(&r, "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hello");
	(void)srig_pump(&r);
	imap4_keep_untagged(r.s, 9);
	const imap4_select_opts o = {.struct_size = sizeof(o)};
	imap4_cmd *c = imap4_select_start(r.s, (imap4_str){"a", 1}, &o);
	cr_assert_eq(imap4_idler_open(&i, r.s, NULL), IMAP4_OK);
	hears(i, 0);
	cr_expect_str_eq(srig_line(&r), "EXAMINE a");
	srig_say(&r, "* 9 EXISTS");
	srig_say(&r, "* OK [UIDVALIDITY 7] x");
	srig_say(&r, "$ OK [READ-ONLY] x");
	hears(i, 0);
	cr_expect(imap4_cmd_done(c));
	hears(i, 0);
	cr_expect_str_eq(srig_line(&r), "IDLE");
	srig_say(&r, "+ idling");
	srig_say(&r, "* 10 EXISTS");
	hears(i, 10);
	cr_expect_eq(close_answered(&r, i, ""), IMAP4_OK);
	imap4_data *d = imap4_untagged_take(r.s, "UIDVALIDITY");
	cr_expect_not_null(d);
	imap4_data_free(d);
	imap4_cmd_free(c);
	srig_close(&r);
}

Test(call_idle, literals_come_whole)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_data *d;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	(void)srig_line(&r);
	input(&r, "+ idling\r\n* 1 FETCH (BODY[HEADER.FIELDS (DATE)] {9}\r\nDate: ");
	hears(i, 0);
	input(&r, "x\r\n UID 4)\r\n");
	cr_assert_eq(imap4_idler_next(i, 0, &d), IMAP4_OK);
	const imap4_message *m = imap4_data_message(d);
	cr_assert_not_null(m);
	cr_expect_eq(m->uid, 4);
	const imap4_node *body = imap4_message_item(m, "BODY[HEADER.FIELDS (DATE)]");
	cr_assert_not_null(body);
	cr_expect_str_eq(imap4_node_text(body).ptr, "Date: x\r\n");
	imap4_data_free(d);
	cr_expect_eq(close_answered(&r, i, ""), IMAP4_OK);
	/* Nobody listens any more. */
	imap4_keep_untagged(r.s, 1);
	input(&r, "* 1 FETCH (BODY[TEXT] {1}\r\nx)\r\n");
	(void)srig_pump(&r);
	d = imap4_untagged_take(r.s, "FETCH");
	cr_assert_not_null(d);
	body = imap4_message_item(imap4_data_message(d), "BODY[TEXT]");
	cr_expect_eq(imap4_node_kind(body), IMAP4_NODE_BODY);
	imap4_data_free(d);
	srig_close(&r);
}

/* ---- with real time and a real connection ------------------------------------------------------------------ */

struct place {
	struct fake_imap *f;
	imap4_session *s;
};

static void place_open(struct place *p, const char *script)
{
	imap4_options o;
	p->f = fake_imap_script(script, NULL);
	cr_assert_not_null(p->f);
	imap4_options_init(&o, sizeof(o));
	o.host = "127.0.0.1";
	o.port = fake_imap_port(p->f);
	o.security = IMAP4_CLEAR;
	cr_assert_eq(imap4_open(&p->s, &o, NULL), IMAP4_OK);
}

static void place_close(struct place *p)
{
	char why[512] = "";
	imap4_close(p->s);
	cr_expect(fake_imap_end(p->f, why, sizeof(why)), "%s", why);
}

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hello\n"

Test(call_idle, a_loop_hears_all_until_the_duration_is_over)
{
	struct place p;
	imap4_idler *i;
	imap4_data *d;
	uint32_t n = 0;
	const imap4_idler_opts o = {.struct_size = sizeof(o), .duration_ms = 300};
	place_open(&p,
		HELLO "C: IDLE\nS: * 1 EXISTS\nS: + idling\nS: * 2 EXISTS\nS: * 3 EXISTS\n"
		      "C= DONE\nS: * 4 EXISTS\nS: $ OK x\nC: NOOP\nS: $ OK x\nEOF\n");
	imap4_keep_untagged(p.s, 9);
	cr_assert_eq(imap4_idler_open(&i, p.s, &o), IMAP4_OK);
	imap4_err rc;
	while ((rc = imap4_idler_next(i, -1, &d)) == IMAP4_OK) {
		cr_expect_eq(imap4_data_number(d), ++n);
		imap4_data_free(d);
	}
	cr_expect_eq(rc, IMAP4_AGAIN);
	cr_expect_eq(imap4_idler_close(i), IMAP4_OK);
	while ((d = imap4_untagged_take(p.s, "EXISTS")) != NULL) {
		cr_expect_eq(imap4_data_number(d), ++n);
		imap4_data_free(d);
	}
	cr_expect_eq(n, 4);
	cr_expect_eq(imap4_call_noop(p.s), IMAP4_OK);
	place_close(&p);
}

Test(call_idle, a_burst_is_all_that_comes_close_together)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_reply *reply;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	(void)srig_line(&r);
	srig_say(&r, "+ idling");
	for (int k = 0; k < 1500; k++)
		srig_say(&r, "* 1 EXISTS");
	srig_say(&r, "* 2 EXISTS");
	size_t n[3] = {0, 0, 0};
	for (int k = 0; k < 2; k++) {
		cr_assert_eq(imap4_idler_burst(i, 0, &reply), IMAP4_OK);
		n[k] = reply->n;
		n[2] = imap4_data_number(reply->data[reply->n - 1]);
		imap4_reply_free(reply);
	}
	cr_expect_eq(n[0], 1000);
	cr_expect_eq(n[1], 501);
	cr_expect_eq(n[2], 2);
	cr_expect_eq(close_answered(&r, i, ""), IMAP4_OK);
	srig_close(&r);
}

#define ENDLESS 60000 /* more than fits in one turn of the pump */

static void one_more(void *ctx, struct srig *r)
{
	size_t *fed = ctx;
	if (++*fed < ENDLESS)
		srig_say(r, "* 1 EXISTS");
}

/* A server that never pauses does not keep it from returning. */
Test(call_idle, a_burst_without_end_is_cut)
{
	struct srig r = {0};
	imap4_idler *i;
	imap4_reply *reply;
	size_t fed = 0;
	rig_open(&r, "IDLE", NULL, &i);
	hears(i, 0);
	(void)srig_line(&r);
	r.on_data = one_more;
	r.ctx = &fed;
	srig_say(&r, "+ idling");
	srig_say(&r, "* 1 EXISTS");
	cr_assert_eq(imap4_idler_burst(i, 0, &reply), IMAP4_OK);
	cr_expect_eq(reply->n, 1000);
	cr_expect_lt(fed, ENDLESS, "one turn of the pump is enough");
	imap4_reply_free(reply);
	r.on_data = NULL;
	(void)srig_pump(&r);
	cr_expect_eq(close_answered(&r, i, ""), IMAP4_OK);
	srig_close(&r);
}

Test(call_idle, a_burst_ends_with_the_duration)
{
	struct place p;
	imap4_idler *i;
	imap4_reply *reply;
	const imap4_idler_opts o = {.struct_size = sizeof(o), .duration_ms = 200};
	place_open(&p,
		HELLO
		"C: IDLE\nS: + idling\nS: * 1 EXISTS\nS: * 2 EXISTS\nC= DONE\nS: $ OK x\nEOF\n");
	cr_assert_eq(imap4_idler_open(&i, p.s, &o), IMAP4_OK);
	cr_assert_eq(imap4_idler_burst(i, 100000, &reply), IMAP4_OK);
	cr_expect_eq(reply->n, 2);
	imap4_reply_free(reply);
	cr_expect_eq(imap4_idler_burst(i, 100000, &reply), IMAP4_AGAIN);
	cr_expect_null(reply);
	cr_expect_eq(imap4_idler_close(i), IMAP4_OK);
	place_close(&p);
}

Test(call_idle, recent_is_asked_for_when_it_is_not_known)
{
	struct place p;
	uint32_t n = 7;
	place_open(&p,
		HELLO "C: NOOP\nS: $ OK x\nC: EXAMINE a\nS: * 3 EXISTS\nS: * 1 RECENT\nS: $ OK x\n"
		      "C: NOOP\nS: * 2 RECENT\nS: * 3 RECENT\nS: $ OK x\n"
		      "C: CHECK\nS: * 4 RECENT\nS: $ OK x\nC: NOOP\nS: $ NO x\nEOF\n");
	imap4_keep_untagged(p.s, 9);
	cr_expect_eq(imap4_call_recent(p.s, &n), IMAP4_E_STATE);
	cr_expect_eq(n, 0);
	cr_assert_eq(imap4_call_select(p.s, "a", 0), IMAP4_OK);
	cr_expect_eq(imap4_call_recent(p.s, &n), IMAP4_OK);
	cr_expect_eq(n, 3);
	cr_expect_null(imap4_untagged_take(p.s, "RECENT"));
	cr_expect_eq(imap4_call(p.s, imap4_check_start(p.s)), IMAP4_OK);
	cr_expect_eq(imap4_call_recent(p.s, &n), IMAP4_OK);
	cr_expect_eq(n, 4);
	cr_expect_eq(imap4_call_recent(p.s, &n), IMAP4_E_NO);
	cr_expect_eq(n, 0);
	place_close(&p);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_engine.c -- whole sessions: what is sent when, whose the answers are, how things end. Each is also run octet by
 * octet and cut at every offset, with the same outcome.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static imap4_cmd *status(struct rig *r, const char *mailbox)
{
	return imap4_status_start(r->session, str(mailbox), IMAP4_ST_MESSAGES);
}

static imap4_cmd *fetch(
	struct rig *r, uint32_t lo, uint32_t hi, const char *items, const imap4_sink *sink)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	imap4_cmd *c = NULL;
	if (uidset_add_range(&set, lo, hi, &e) == 0)
		c = imap4_fetch_start(r->session, &set, items,
			&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
				.by = IMAP4_BY_UID,
				.sink = sink});
	uidset_release(&set);
	return c;
}

static void select_inbox(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, str("INBOX"), NULL);
	rig_say(r, "* 3 EXISTS\r\n* OK [UIDVALIDITY 9] .\r\n$1 OK [READ-ONLY] done\r\n");
	imap4_cmd_free(c);
	buf_clear(&r->log);
	buf_clear(&r->sent);
}

/* ---- sending --------------------------------------------------------------------------------------- */

static void commands_share_the_window(struct rig *r)
{
	imap4_cmd *a = status(r, "a"), *b = status(r, "b"), *c = imap4_noop_start(r->session);
	rig_say(r, "* STATUS b (MESSAGES 2)\r\n* STATUS a (MESSAGES 1)\r\n$1 OK x\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void a_window_of_one_sends_one_command(struct rig *r)
{
	imap4_cmd *a = status(r, "a"), *b = status(r, "b");
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void a_full_window_makes_wait(struct rig *r)
{
	imap4_cmd *c[3];
	for (size_t i = 0; i < 3; i++)
		c[i] = imap4_noop_start(r->session);
	rig_pump(r);
	rig_logf(r, "%zu in flight, %zu queued\n", engine_in_flight(r->engine),
		engine_queued(r->engine));
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	for (size_t i = 0; i < 3; i++)
		rig_finish(r, c[i]);
}

static void status_of_one_mailbox_twice_waits(struct rig *r)
{
	imap4_cmd *a = status(r, "Inbox"), *b = status(r, "INBOX"), *c = status(r, "x");
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* STATUS INBOX (MESSAGES 1)\r\n$1 OK x\r\n");
	rig_say(r, "* STATUS INBOX (MESSAGES 2)\r\n$2 OK x\r\n$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void a_select_is_alone(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session);
	imap4_cmd *b = imap4_select_start(r->session, str("x"), NULL);
	imap4_cmd *c = fetch(r, 1, 2, "FLAGS", NULL);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 2 EXISTS\r\n$2 OK x\r\n");
	rig_say(r, "* 1 FETCH (UID 1 FLAGS ())\r\n$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void a_select_that_fails_leaves_nothing_selected(struct rig *r)
{
	select_inbox(r);
	imap4_cmd *a = imap4_select_start(r->session, str("x"), NULL);
	imap4_cmd *b = fetch(r, 1, 2, "FLAGS", NULL);
	rig_say(r, "$2 NO [NONEXISTENT] no such mailbox\r\n");
	rig_logf(r, "%s\n", imap4_selected_mailbox(r->session) != NULL ? "selected" : "nothing");
	rig_pump(r);
	rig_finish(r, a);
	rig_finish(r, b);
}

static void not_logged_in_is_an_end(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_NOT_AUTHENTICATED);
	imap4_cmd *a = status(r, "a"), *b = imap4_noop_start(r->session);
	rig_pump(r);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, b);
	rig_finish(r, a);
}

static void the_gate_holds_back_all_but_set_up(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session), *b = cmd_capability_setup(r->session);
	rig_say(r, "* OK hi\r\n");
	rig_logf(r, "%u %d\n", engine_caps_count(r->engine), (int)engine_greeting(r->engine).n);
	rig_say(r, "* CAPABILITY IMAP4rev1 X\r\n$1 OK x\r\n");
	rig_logf(r, "in flight %zu, %u\n", engine_in_flight(r->engine),
		engine_caps_count(r->engine));
	engine_open_gate(r->engine);
	rig_say(r, "");
	engine_close_gate(r->engine);
	imap4_cmd *c = imap4_noop_start(r->session);
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

/* ---- continuations ------------------------------------------------------------------------------- */

static void a_literal_waits_for_its_plus(struct rig *r)
{
	imap4_cmd *a = status(r, "a\nb"), *b = imap4_noop_start(r->session);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "+ go on\r\n");
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void no_instead_of_plus_sends_no_literal(struct rig *r)
{
	imap4_cmd *a = status(r, "a\nb"), *b = imap4_noop_start(r->session);
	rig_say(r, "$1 NO [LIMIT] no such name\r\n");
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void bad_instead_of_plus_sends_no_literal(struct rig *r)
{
	imap4_cmd *a = status(r, "a\nb");
	rig_say(r, "$1 BAD what?\r\n+ go on\r\n");
	rig_finish(r, a);
}

static void ok_instead_of_plus_is_an_error(struct rig *r)
{
	imap4_cmd *a = status(r, "a\nb");
	rig_say(r, "$1 OK done\r\n");
	rig_finish(r, a);
}

static void an_unexpected_plus_is_ignored(struct rig *r)
{
	imap4_cmd *a = status(r, "a\nb");
	rig_say(r, "+ 1\r\n");
	rig_say(r, "+ 2\r\n$1 OK x\r\n+ 3\r\n");
	rig_finish(r, a);
}

static void literal_plus_does_not_wait(struct rig *r)
{
	imap4_cmd *a = status(r, "a\nb"), *b = imap4_noop_start(r->session);
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void a_refused_literal_plus_is_sent_to_its_end(struct rig *r)
{
	r->hold = true;
	imap4_cmd *a = status(r, "a\nb"), *b = imap4_noop_start(r->session);
	rig_take(r, 20);
	rig_say(r, "$1 NO too long\r\n");
	rig_finish(r, a);
	r->hold = false;
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, b);
}

/* ---- tags ---------------------------------------------------------------------------------------- */

static void a_wrong_tag_is_an_error(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session);
	rig_say(r, "a1 OK x\r\n");
	rig_finish(r, a);
}

static void an_answer_before_the_command_is_an_error(struct rig *r)
{
	r->hold = true;
	imap4_cmd *a = imap4_noop_start(r->session);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, a);
}

static void an_answer_to_a_half_command_is_an_error(struct rig *r)
{
	r->hold = true;
	imap4_cmd *a = imap4_noop_start(r->session);
	rig_take(r, 14);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, a);
}

static void a_refusal_of_what_was_not_sent_is_an_error(struct rig *r)
{
	r->hold = true;
	imap4_cmd *a = imap4_noop_start(r->session), *b = imap4_noop_start(r->session);
	rig_take(r, 14);
	rig_say(r, "$2 NO x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void two_completions_are_an_error(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session), *b = imap4_noop_start(r->session);
	rig_say(r, "$1 OK x\r\n$1 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

/* ---- greeting, BYE, LOGOUT, STARTTLS ---------------------------------------------------------------- */

static void a_web_server_is_no_imap_server(struct rig *r)
{
	rig_say(r, "HTTP/1.1 400 Bad Request\r\n");
}

static void a_tagged_greeting_is_an_error(struct rig *r)
{
	rig_say(r, "$1 OK x\r\n");
}

static void a_greeting_can_be_bye(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session);
	rig_say(r, "* BYE [ALERT] too many connections\r\n");
	rig_finish(r, a);
	const imap4_result *res = engine_result(r->engine);
	rig_logf(r, "%s %s\n", imap4_err_name(res->err), res->message);
}

static void a_greeting_can_be_preauth(struct rig *r)
{
	rig_say(r, "* PREAUTH [CAPABILITY IMAP4rev1 X] hi\r\n");
	rig_logf(r, "%d %d %u\n", engine_preauth(r->engine), (int)engine_state(r->engine),
		engine_caps_count(r->engine));
}

static void a_bye_ends_all(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session), *b = status(r, "a\nb"), *c = status(r, "c");
	rig_say(r, "* BYE [UNAVAILABLE] back soon\r\n");
	rig_finish(r, a);
	const imap4_result *res = imap4_cmd_result(b);
	rig_logf(r, "%d %d %.*s\n", (int)res->code, (int)res->retry, (int)res->text.len,
		res->text.ptr);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, imap4_noop_start(r->session));
}

static void logout_is_answered_with_bye(struct rig *r)
{
	imap4_cmd *a = imap4_logout_start(r->session), *b = imap4_noop_start(r->session);
	rig_say(r, "* BYE bye\r\n$1 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_logf(r, "%d\n", engine_state(r->engine) == IMAP4_LOGGED_OUT);
	rig_finish(r, imap4_noop_start(r->session));
}

static void logout_may_end_with_the_connection(struct rig *r)
{
	imap4_cmd *a = imap4_logout_start(r->session);
	rig_say(r, "* BYE bye\r\n");
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the server closed the connection");
	rig_finish(r, a);
}

static void logout_without_bye_that_is_cut_fails(struct rig *r)
{
	imap4_cmd *a = imap4_logout_start(r->session);
	rig_pump(r);
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the server closed the connection");
	rig_finish(r, a);
}

static void starttls_stops_at_its_ok(struct rig *r)
{
	rig_say(r, "* OK [CAPABILITY IMAP4rev1 STARTTLS EVIL] hi\r\n");
	imap4_cmd *a = cmd_starttls_start(r->session), *b = imap4_noop_start(r->session);
	engine_open_gate(r->engine);
	rig_pump(r);
	rig_say(r, "$1 OK go\r\n");
	rig_logf(r, "%d queued %zu\n", engine_upgrade(r->engine) == ENGINE_UPGRADE_TLS,
		engine_queued(r->engine));
	struct err e = ERR_INIT;
	cr_assert_eq(engine_upgraded(r->engine, &e), 0);
	rig_logf(r, "evil %d\n",
		engine_caps_count(r->engine) == 1 && imap4_cmd_done(a) &&
			cmd_has(b, "EVIL", false));
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void starttls_refused_is_no_upgrade(struct rig *r)
{
	rig_say(r, "* OK hi\r\n");
	imap4_cmd *a = cmd_starttls_start(r->session);
	rig_say(r, "$1 BAD x\r\n");
	rig_logf(r, "%d\n", engine_upgrade(r->engine) == ENGINE_UPGRADE_NONE);
	rig_finish(r, a);
}

/* ---- routing --------------------------------------------------------------------------------------- */

static void two_fetches_get_their_own(struct rig *r)
{
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 5, "UID FLAGS", NULL), *b = fetch(r, 6, 9, "UID FLAGS", NULL);
	rig_say(r, "* 2 FETCH (UID 7 FLAGS ())\r\n* 1 FETCH (FLAGS (\\Seen) UID 2)\r\n");
	rig_say(r, "* 9 FETCH (UID 30 FLAGS ())\r\n* 9 FETCH (FLAGS (\\Seen))\r\n");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void a_body_before_its_uid_finds_the_oldest_that_asked(struct rig *r)
{
	struct rig_sink x, y;
	rig_sink_init(&x, r);
	rig_sink_init(&y, r);
	x.name = "x ";
	y.name = "y ";
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 5, "UID FLAGS", NULL);
	imap4_cmd *b = fetch(r, 1, 5, "UID BODY.PEEK[HEADER]", &x.sink);
	imap4_cmd *c = fetch(r, 6, 9, "UID BODY.PEEK[]", &y.sink);
	rig_say(r, "* 2 FETCH (BODY[] {5}\r\nh\r\nlo UID 7)\r\n");
	rig_say(r, "* 1 FETCH (BODY[HEADER] {3}\r\nabc UID 2)\r\n");
	rig_say(r, "* 1 FETCH (UID 8 BODY[] {0}\r\n)\r\n* 1 FETCH (UID 70 BODY[] {3}\r\n* 1)\r\n");
	rig_say(r, "* 4 FETCH (BODY[] {1}\r\nx UID 99)\r\n");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n$4 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void bodies_come_in_every_form(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 9, "UID BODY.PEEK[]", &x.sink);
	rig_say(r, "* 1 FETCH (UID 1 BODY[] \"ab\")\r\n* 1 FETCH (UID 2 BODY[] NIL)\r\n");
	rig_say(r, "* 1 FETCH (UID 3 BODY[] \"\")\r\n* 1 FETCH (UID 4)\r\n");
	rig_say(r, "* 1 FETCH (UID 5 BODY[] {2}\r\nab BODY[1] {2}\r\ncd)\r\n");
	rig_say(r, "* 1 FETCH (UID 5 RFC822 {2}\r\nxy)\r\n$2 NO [SERVERBUG] oh\r\n");
	rig_finish(r, a);
}

static void a_sink_can_skip(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	x.begin = IMAP4_SINK_SKIP;
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 9, "UID BODY.PEEK[]", &x.sink);
	rig_say(r,
		"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 2 BODY[] \"x\")\r\n$2 OK x\r\n");
	rig_finish(r, a);
}

static void fetch_two_bodies(struct rig *r, struct rig_sink *x)
{
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 9, "UID BODY.PEEK[]", &x->sink);
	rig_say(r,
		"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 2 BODY[] {1}\r\nx)\r\n$2 OK x\r\n");
	rig_finish(r, a);
	imap4_cmd *b = imap4_noop_start(r->session);
	rig_say(r, "$3 OK x\r\n");
	rig_finish(r, b);
}

static void a_sink_that_fails_in_begin_fails_its_command_only(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	x.begin = -1;
	fetch_two_bodies(r, &x);
}

static void a_sink_that_fails_in_data_fails_its_command_only(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	x.data = -1;
	fetch_two_bodies(r, &x);
}

static void a_sink_that_fails_in_end_fails_its_command_only(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	x.end = -1;
	fetch_two_bodies(r, &x);
}

static void a_sink_that_fails_in_done_fails_its_command_only(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	x.done = -1;
	fetch_two_bodies(r, &x);
}

static void a_lost_connection_ends_the_body(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 9, "UID BODY.PEEK[]", &x.sink),
		  *b = imap4_noop_start(r->session);
	rig_say(r, "* 1 FETCH (UID 1 BODY[] {9}\r\nabc");
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the connection was lost");
	rig_finish(r, a);
	rig_finish(r, b);
}

static void freed_in_begin(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	select_inbox(r);
	x.free_in = fetch(r, 1, 9, "UID BODY.PEEK[]", &x.sink);
	imap4_cmd *b = imap4_noop_start(r->session);
	rig_say(r, "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 1 FETCH (UID 2 BODY[] {1}\r\nx)\r\n");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	rig_finish(r, b);
}

static void an_orphan_is_drained(struct rig *r)
{
	select_inbox(r);
	imap4_cmd *a = fetch(r, 1, 9, "UID FLAGS BODY.PEEK[]", NULL),
		  *b = imap4_noop_start(r->session);
	rig_pump(r);
	imap4_cmd_free(a);
	rig_say(r, "* 1 FETCH (UID 1 FLAGS ())\r\n* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	rig_finish(r, b);
}

static void a_command_freed_before_it_is_sent_never_is(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session), *b = imap4_noop_start(r->session);
	imap4_cmd_free(a);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, b);
}

static void start_another(struct rig *r, const imap4_data *d)
{
	(void)d;
	r->on_unasked = NULL;
	rig_logf(r, "in callback %d\n", engine_in_callback(r->engine));
	imap4_cmd_free(imap4_noop_start(r->session));
	(void)imap4_capability_start(r->session);
}

static void a_callback_may_start_and_free_commands(struct rig *r)
{
	r->on_unasked = start_another;
	rig_say(r, "* 1 EXISTS\r\n");
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu %d\n", engine_in_flight(r->engine),
		engine_in_callback(r->engine));
}

static void alerts_and_codes_are_heard(struct rig *r)
{
	imap4_cmd *a = imap4_noop_start(r->session);
	rig_say(r, "* OK [ALERT] disk is full\r\n* OK [CAPABILITY X Y] new\r\n");
	rig_say(r, "* ENABLED CONDSTORE\r\n* ENABLED qresync\r\n");
	rig_say(r, "$1 OK [ALERT] at noon\r\n");
	rig_logf(r, "%d %d %u\n", engine_enabled(r->engine, "condstore"),
		engine_enabled(r->engine, "QRESYNC"), engine_caps_count(r->engine));
	rig_finish(r, a);
}

static void the_selected_mailbox_is_kept_up_to_date(struct rig *r)
{
	select_inbox(r);
	rig_say(r,
		"* 9 EXISTS\r\n* 2 EXPUNGE\r\n* VANISHED 5:6\r\n* VANISHED (EARLIER) 1:9\r\n"
		"* 4 RECENT\r\n");
	const imap4_selected *s = imap4_selected_mailbox(r->session);
	rig_logf(r, "exists %u recent %u\n", s->exists, s->recent);
	rig_say(r, "* VANISHED 1:4294967295\r\n* 1 EXPUNGE\r\n");
	rig_logf(r, "exists %u\n", s->exists);
}

static int next_step(struct imap4_cmd *c, struct slice text, struct err *e)
{
	(void)text;
	(void)e;
	enc_secret_line(&c->enc, slice_str("c2VjcmV0"));
	return 0;
}

static int encode_auth(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, "AUTHENTICATE X");
	return 0;
}

static void scrub_all(const struct imap4_cmd *c, char *p, size_t n)
{
	(void)c;
	memset(p, '*', n);
}

static const struct cmd_kind auth_kind = {
	.name = "AUTHENTICATE",
	.flags = CMD_BARRIER,
	.encode = encode_auth,
	.continued = next_step,
	.scrub = scrub_all,
};

static void a_sasl_exchange_is_secret(struct rig *r)
{
	imap4_cmd *c = cmd_submit(cmd_new(r->session, &auth_kind));
	imap4_cmd *b = imap4_noop_start(r->session);
	r->trace = true;
	rig_say(r, "+ \r\n");
	rig_say(r, "+ challenge\r\n");
	rig_say(r, "$1 NO secret\r\n");
	rig_say(r, "$2 OK x\r\n");
	rig_logf(r, "%d %s]\n", r->secret, buf_str(&r->seen));
	rig_finish(r, c);
	rig_finish(r, b);
}

static void the_trace_says_what_is_what(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	select_inbox(r);
	r->trace = true;
	imap4_cmd *a = fetch(r, 1, 1, "BODY.PEEK[]", &x.sink);
	rig_say(r, "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n$2 OK x\r\n");
	rig_logf(r, "%s]\n", buf_str(&r->seen));
	imap4_cmd_free(a);
}

/* ---- the table ------------------------------------------------------------------------------------- */

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play
#define OWN	  .own_greeting = true

static const struct row rows[] = {
	{ROW(commands_share_the_window), {0},
		"$1 STATUS a (MESSAGES)\r\n$2 STATUS b (MESSAGES)\r\n$3 NOOP\r\n",
		"  * STATUS a (MESSAGES 1)\nIMAP4_OK STATUS succeeded\n"
		"  * STATUS b (MESSAGES 2)\nIMAP4_OK STATUS succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(a_window_of_one_sends_one_command), {.window = 1},
		"$1 STATUS a (MESSAGES)\r\n$2 STATUS b (MESSAGES)\r\n",
		"in flight 1\nin flight 1\nIMAP4_OK STATUS succeeded\nIMAP4_OK STATUS succeeded\n"},
	{ROW(a_full_window_makes_wait), {.window = 2}, "$1 NOOP\r\n$2 NOOP\r\n$3 NOOP\r\n",
		"2 in flight, 1 queued\nIMAP4_OK NOOP succeeded\nIMAP4_OK NOOP succeeded\n"
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(status_of_one_mailbox_twice_waits), {0},
		"$1 STATUS Inbox (MESSAGES)\r\n$2 STATUS INBOX (MESSAGES)\r\n$3 STATUS x (MESSAGES)\r\n",
		"in flight 1\n  * STATUS INBOX (MESSAGES 1)\nIMAP4_OK STATUS succeeded\n"
		"  * STATUS INBOX (MESSAGES 2)\nIMAP4_OK STATUS succeeded\nIMAP4_OK STATUS succeeded\n"},
	{ROW(a_select_is_alone), {0}, "$1 NOOP\r\n$2 EXAMINE x\r\n$3 UID FETCH 1:2 (FLAGS)\r\n",
		"in flight 1\nin flight 1\nIMAP4_OK NOOP succeeded\n"
		"  * 2 EXISTS\nIMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS ())\nIMAP4_OK UID FETCH succeeded\n"},
	{ROW(a_select_that_fails_leaves_nothing_selected), {0}, "$2 EXAMINE x\r\n",
		"nothing\nIMAP4_E_NO EXAMINE was refused: no such mailbox\n"
		"IMAP4_E_STATE UID FETCH failed: no mailbox is selected\n"},
	{ROW(not_logged_in_is_an_end), {0}, "$1 NOOP\r\n",
		"IMAP4_OK NOOP succeeded\nIMAP4_E_STATE STATUS failed: not logged in\n"},
	{ROW(the_gate_holds_back_all_but_set_up), {OWN}, "$1 CAPABILITY\r\n$2 NOOP\r\n",
		"0 2\nin flight 0, 1\nIMAP4_OK NOOP succeeded\n"
		"  * CAPABILITY IMAP4rev1 X\nIMAP4_OK CAPABILITY succeeded\n"
		"IMAP4_AGAIN the command is not complete yet\n"},
	{ROW(a_literal_waits_for_its_plus), {0}, "$1 STATUS {3}\r\na\nb (MESSAGES)\r\n$2 NOOP\r\n",
		"in flight 1\nIMAP4_OK STATUS succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(no_instead_of_plus_sends_no_literal), {0}, "$1 STATUS {3}\r\n$2 NOOP\r\n",
		"IMAP4_E_NO STATUS was refused: no such name\nIMAP4_OK NOOP succeeded\n"},
	{ROW(bad_instead_of_plus_sends_no_literal), {0}, "$1 STATUS {3}\r\n",
		"unasked go on\nIMAP4_E_BAD STATUS was not understood by the server: what?\n"},
	{ROW(ok_instead_of_plus_is_an_error), {0}, "$1 STATUS {3}\r\n",
		"failed proto: the server answered a command that was not asked: \"$1 OK done\"\n"
		"IMAP4_E_PROTO STATUS failed: the server answered a command that was not asked: "
		"\"$1 OK done\"\n"},
	{ROW(an_unexpected_plus_is_ignored), {0}, "$1 STATUS {3}\r\na\nb (MESSAGES)\r\n",
		"unasked 2\nunasked 3\nIMAP4_OK STATUS succeeded\n"},
	{ROW(literal_plus_does_not_wait), {.caps = "LITERAL+"},
		"$1 STATUS {3+}\r\na\nb (MESSAGES)\r\n$2 NOOP\r\n",
		"IMAP4_OK STATUS succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(a_refused_literal_plus_is_sent_to_its_end), {.caps = "LITERAL-"},
		"$1 STATUS {3+}\r\na\nb (MESSAGES)\r\n$2 NOOP\r\n",
		"IMAP4_E_NO STATUS was refused: too long\nIMAP4_OK NOOP succeeded\n"},
	{ROW(a_wrong_tag_is_an_error), {0}, "$1 NOOP\r\n",
		"failed proto: the server answered a command that was not asked: \"a1 OK x\"\n"
		"IMAP4_E_PROTO NOOP failed: the server answered a command that was not asked: "
		"\"a1 OK x\"\n"},
	{ROW(an_answer_before_the_command_is_an_error), {0}, "",
		"failed proto: the server answered a command that was not asked: \"$1 OK x\"\n"
		"IMAP4_E_PROTO NOOP failed: the server answered a command that was not asked: "
		"\"$1 OK x\"\n"},
	{ROW(an_answer_to_a_half_command_is_an_error), {0}, "$1 NO",
		"failed proto: the server answered a command that was not asked: \"$1 OK x\"\n"
		"IMAP4_E_PROTO NOOP failed: the server answered a command that was not asked: "
		"\"$1 OK x\"\n"},
	{ROW(a_refusal_of_what_was_not_sent_is_an_error), {0}, "$1 NO",
		"failed proto: the server answered a command that was not asked: \"$2 NO x\"\n"
		"IMAP4_E_PROTO NOOP failed: the server answered a command that was not asked: "
		"\"$2 NO x\"\n"
		"IMAP4_E_PROTO NOOP failed: the server answered a command that was not asked: "
		"\"$2 NO x\"\n"},
	{ROW(two_completions_are_an_error), {0}, "$1 NOOP\r\n$2 NOOP\r\n",
		"failed proto: the server answered a command that was not asked: \"$1 OK x\"\n"
		"IMAP4_OK NOOP succeeded\n"
		"IMAP4_E_PROTO NOOP failed: the server answered a command that was not asked: "
		"\"$1 OK x\"\n"},
	{ROW(a_web_server_is_no_imap_server), {OWN}, "",
		"failed proto: this is no IMAP server: it said \"HTTP/1.1 400 Bad Request\"\n"},
	{ROW(a_tagged_greeting_is_an_error), {OWN}, "",
		"failed proto: this is no IMAP server: it said \"$1 OK x\"\n"},
	{ROW(a_greeting_can_be_bye), {OWN}, "",
		"alert too many connections\nfailed bye: the server said BYE: too many connections\n"
		"IMAP4_E_BYE NOOP: the server said BYE: too many connections\n"
		"IMAP4_E_BYE the session: the server said BYE: too many connections\n"},
	{ROW(a_greeting_can_be_preauth), {OWN}, "", "1 2 1\n"},
	{ROW(a_bye_ends_all), {0}, "$1 NOOP\r\n$2 STATUS {3}\r\n",
		"unasked * BYE [UNAVAILABLE] back soon\nfailed bye: the server said BYE: back soon\n"
		"IMAP4_E_BYE NOOP: the server said BYE: back soon\n13 3 back soon\n"
		"IMAP4_E_BYE STATUS: the server said BYE: back soon\n"
		"IMAP4_E_BYE STATUS: the server said BYE: back soon\n"
		"not started IMAP4_E_STATE: NOOP: the session is over\n"},
	{ROW(logout_is_answered_with_bye), {0}, "$1 LOGOUT\r\n",
		"unasked * BYE bye\nIMAP4_OK LOGOUT succeeded\n"
		"IMAP4_E_CLOSED NOOP failed: the session was logged out before it was sent\n1\n"
		"not started IMAP4_E_STATE: NOOP: the session is over\n"},
	{ROW(logout_may_end_with_the_connection), {0}, "$1 LOGOUT\r\n",
		"unasked * BYE bye\nIMAP4_OK LOGOUT succeeded\n"},
	{ROW(logout_without_bye_that_is_cut_fails), {0}, "$1 LOGOUT\r\n",
		"IMAP4_E_CLOSED LOGOUT failed: the server closed the connection\n"},
	{ROW(starttls_stops_at_its_ok), {OWN}, "$1 STARTTLS\r\n$2 NOOP\r\n",
		"1 queued 1\nevil 0\nIMAP4_OK STARTTLS succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(starttls_refused_is_no_upgrade), {OWN}, "$1 STARTTLS\r\n",
		"1\nIMAP4_E_BAD STARTTLS was not understood by the server: x\n"},
	{ROW(two_fetches_get_their_own), {0},
		"$2 UID FETCH 1:5 (UID FLAGS)\r\n$3 UID FETCH 6:9 (UID FLAGS)\r\n",
		"unasked * 9 FETCH (UID 30 FLAGS ())\nunasked * 9 FETCH (FLAGS (\\Seen))\n"
		"  * 1 FETCH (FLAGS (\\Seen) UID 2)\nIMAP4_OK UID FETCH succeeded\n"
		"  * 2 FETCH (UID 7 FLAGS ())\nIMAP4_OK UID FETCH succeeded\n"},
	{ROW(a_body_before_its_uid_finds_the_oldest_that_asked), {0},
		"$2 UID FETCH 1:5 (UID FLAGS)\r\n$3 UID FETCH 1:5 (UID BODY.PEEK[HEADER])\r\n"
		"$4 UID FETCH 6:9 (UID BODY.PEEK[])\r\n",
		"y begin uid=0 section= size=5\ny end 1 [h\r\nlo]\ny done uid=7 body=1 nil=0\n"
		"x begin uid=0 section=HEADER size=3\nx end 1 [abc]\nx done uid=2 body=1 nil=0\n"
		"y begin uid=8 section= size=0\ny end 1 []\ny done uid=8 body=1 nil=0\n"
		"unasked * 1 FETCH (UID 70 BODY[] {3}\r\n)\n"
		"y begin uid=0 section= size=1\ny end 1 [x]\ny done uid=99 body=1 nil=0\n"
		"IMAP4_OK UID FETCH succeeded\nIMAP4_OK UID FETCH succeeded\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(bodies_come_in_every_form), {0}, "$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n",
		"begin uid=1 section= size=2\nend 1 [ab]\ndone uid=1 body=1 nil=0\n"
		"done uid=2 body=0 nil=1\nbegin uid=3 section= size=0\nend 1 []\n"
		"done uid=3 body=1 nil=0\ndone uid=4 body=0 nil=0\n"
		"begin uid=5 section= size=2\nend 1 [ab]\nbegin uid=5 section=1 size=2\nend 1 [cd]\n"
		"done uid=5 body=1 nil=0\nbegin uid=5 section= size=2\nend 1 [xy]\n"
		"done uid=5 body=1 nil=0\nIMAP4_E_NO UID FETCH was refused: oh\n"},
	{ROW(a_sink_can_skip), {0}, "$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n",
		"begin uid=1 section= size=3\ndone uid=1 body=1 nil=0\n"
		"begin uid=2 section= size=1\ndone uid=2 body=1 nil=0\nIMAP4_OK UID FETCH succeeded\n"},
	{ROW(a_sink_that_fails_in_begin_fails_its_command_only), {0},
		"$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n$3 NOOP\r\n",
		"begin uid=1 section= size=3\n"
		"IMAP4_E_CALLBACK UID FETCH failed: the receiver of its messages failed\n"
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(a_sink_that_fails_in_data_fails_its_command_only), {0},
		"$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n$3 NOOP\r\n",
		"begin uid=1 section= size=3\n"
		"IMAP4_E_CALLBACK UID FETCH failed: the receiver of its messages failed\n"
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(a_sink_that_fails_in_end_fails_its_command_only), {0},
		"$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n$3 NOOP\r\n",
		"begin uid=1 section= size=3\nend 1 [abc]\n"
		"IMAP4_E_CALLBACK UID FETCH failed: the receiver of its messages failed\n"
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(a_sink_that_fails_in_done_fails_its_command_only), {0},
		"$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n$3 NOOP\r\n",
		"begin uid=1 section= size=3\nend 1 [abc]\ndone uid=1 body=1 nil=0\n"
		"IMAP4_E_CALLBACK UID FETCH failed: the receiver of its messages failed\n"
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(a_lost_connection_ends_the_body), {0},
		"$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n$3 NOOP\r\n",
		"begin uid=1 section= size=9\nend 0 []\n"
		"IMAP4_E_CLOSED UID FETCH failed: the connection was lost\n"
		"IMAP4_E_CLOSED NOOP failed: the connection was lost\n"},
	{ROW(freed_in_begin), {0}, "$2 UID FETCH 1:9 (UID BODY.PEEK[])\r\n$3 NOOP\r\n",
		"begin uid=1 section= size=3\nIMAP4_OK NOOP succeeded\n"},
	{ROW(an_orphan_is_drained), {0}, "$2 UID FETCH 1:9 (UID FLAGS BODY.PEEK[])\r\n$3 NOOP\r\n",
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(a_command_freed_before_it_is_sent_never_is), {0}, "$1 NOOP\r\n",
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(a_callback_may_start_and_free_commands), {0}, "$1 CAPABILITY\r\n",
		"unasked * 1 EXISTS\nin callback 1\nin flight 0 0\n"},
	{ROW(alerts_and_codes_are_heard), {0}, "$1 NOOP\r\n",
		"alert disk is full\nunasked * OK [ALERT] disk is full\n"
		"unasked * OK [CAPABILITY X Y] new\nunasked * ENABLED CONDSTORE\n"
		"unasked * ENABLED qresync\nalert at noon\n1 1 2\nIMAP4_OK NOOP succeeded\n"},
	{ROW(the_selected_mailbox_is_kept_up_to_date), {0}, "",
		"unasked * 9 EXISTS\nunasked * 2 EXPUNGE\nunasked * VANISHED 5:6\n"
		"unasked * VANISHED (EARLIER) 1:9\nunasked * 4 RECENT\nexists 6 recent 4\n"
		"unasked * VANISHED 1:4294967295\nunasked * 1 EXPUNGE\nexists 0\n"},
	{ROW(the_trace_says_what_is_what), {0}, "$2 UID FETCH 1 (BODY.PEEK[])\r\n",
		"begin uid=1 section= size=3\nend 1 [abc]\ndone uid=1 body=1 nil=0\n"
		"T[* 1 FETCH (UID 1 BODY[] {3}\r\n]B[abc]T[)\r\n$2 OK x\r\n]\n"},
	{ROW(a_sasl_exchange_is_secret), {0},
		"$1 AUTHENTICATE X\r\nc2VjcmV0\r\nc2VjcmV0\r\n$2 NOOP\r\n",
		"1 T[+]S[ ]T[\r\n+]S[ challenge]T[\r\n$1 NO secret\r\n$2 OK x\r\n]\n"
		"IMAP4_E_NO AUTHENTICATE was refused: ******\nIMAP4_OK NOOP succeeded\n"},
};

Test(engine, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s: %s", rows[i].name, why);
		free(why);
	}
}

/* ---- limits ---------------------------------------------------------------------------------------- */

Test(engine, a_flood_of_unasked_responses_ends_the_session)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	imap4_cmd *a = imap4_noop_start(r->session), *b = imap4_noop_start(r->session);
	for (int i = 0; i < IMAP_UNASKED_MAX - 1; i++)
		rig_say_bytes(r, "* X-NEW\r\n", 9);
	rig_say(r, "$1 OK x\r\n");
	for (int i = 0; i < IMAP_UNASKED_MAX; i++)
		rig_say_bytes(r, i % 2 == 0 ? "* X-NEW\r\n" : "+ what\r\n", i % 2 == 0 ? 9 : 8);
	cr_assert(imap4_cmd_done(a), "an answer begins the count anew");
	cr_assert_not(r->failed, "at the limit");
	rig_say_bytes(r, "* X-NEW\r\n", 9);
	cr_assert(r->failed, "one more");
	cr_assert_eq(imap4_cmd_result(b)->err, IMAP4_E_LIMIT);
	rig_free(r);
}

Test(engine, many_expunged_messages_are_no_flood)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	select_inbox(r);
	rig_say(r, "* 200000 EXISTS\r\n");
	for (int i = 0; i < 2 * IMAP_UNASKED_MAX; i++)
		rig_say_bytes(r, "* 1 EXPUNGE\r\n", 13);
	cr_assert_not(r->failed);
	for (int i = 0; i < IMAP_UNASKED_MAX; i++)
		rig_say_bytes(r, "* 1 EXPUNGE\r\n", 13);
	cr_assert(r->failed, "there is no message left to expunge");
	rig_free(r);
}

Test(engine, output_that_is_not_taken_makes_commands_wait)
{
	struct rig *r = rig_new(&(struct rig_options){.window = 100000}, 0);
	r->hold = true;
	char name[900];
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	for (int i = 0; i < 200; i++) {
		name[0] = (char)('a' + i % 26);
		name[1] = (char)('a' + i / 26);
		cr_assert_not_null(status(r, name));
	}
	struct slice s = engine_output(r->engine);
	cr_assert_geq(s.n, (size_t)IMAP_OUTPUT_MAX);
	cr_assert_lt(s.n, (size_t)IMAP_OUTPUT_MAX + 1024);
	cr_assert_gt(engine_queued(r->engine), (size_t)100);
	r->hold = false;
	rig_pump(r);
	cr_assert_eq(engine_queued(r->engine), (size_t)0);
	rig_free(r);
}

Test(engine, a_session_can_be_freed_in_any_state)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t cut = 0; cut < 40; cut++) {
			struct rig *r = rig_new(&rows[i].o, 0);
			imap4_cmd *c = status(r, "a\nb");
			imap4_cmd *f = fetch(r, 1, 9, "UID", NULL);
			if (cut % 2 == 0)
				rig_take(r, cut);
			if (cut % 3 == 0)
				imap4_cmd_free(c);
			if (cut % 5 == 0)
				imap4_cmd_free(f);
			rig_free(r);
		}
}

Test(engine, the_second_failure_changes_nothing)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	imap4_cmd *c = imap4_noop_start(r->session);
	rig_lose(r, IMAP4_E_TIMEOUT, E_TIMEOUT, "silence");
	rig_lose(r, IMAP4_E_IO, E_NET, "reset");
	cr_assert_eq(imap4_cmd_result(c)->err, IMAP4_E_TIMEOUT);
	cr_assert_eq(engine_result(r->engine)->err, IMAP4_E_TIMEOUT);
	cr_assert_eq(engine_output(r->engine).n, (size_t)0);
	struct err e = ERR_INIT;
	size_t used;
	cr_assert_eq(engine_feed(r->engine, "x", 1, &used, &e), -1);
	rig_free(r);
}

Test(engine, nothing_behind_the_ok_of_starttls_is_read)
{
	struct rig *r = rig_new(&(struct rig_options){.own_greeting = true}, 0);
	rig_say(r, "* OK hi\r\n");
	cr_assert_not_null(cmd_starttls_start(r->session));
	rig_pump(r);
	rig_say(r, "$1 OK go\r\n* CAPABILITY EVIL\r\n");
	cr_assert(strstr(buf_str(&r->log), "stopped before [* CAPABILITY EVIL") != NULL, "%s",
		buf_str(&r->log));
	rig_free(r);
}

Test(engine, data_of_an_orphan_are_not_kept)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	imap4_cmd *c = status(r, "a");
	rig_say(r, "* STATUS a (MESSAGES 1)\r\n");
	imap4_cmd_free(c);
	cr_assert_null(c->first, "what had come goes at once");
	rig_say(r, "* STATUS a (MESSAGES 1)\r\n");
	cr_assert_null(c->first, "what still comes is not kept");
	rig_free(r);
}

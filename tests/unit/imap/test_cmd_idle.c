/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_idle.c -- IDLE: when DONE leaves, who gets what comes meanwhile, and when silence is no fault.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/support/engine_rig.h"

static void log_state(struct rig *r, const imap4_cmd *c)
{
	rig_logf(r, "running %d awaits %d\n", imap4_idle_running(c),
		engine_awaits_answer(r->engine));
}

static void idle(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_cmd *c = imap4_idle_start(r->session);
	imap4_cmd *after = imap4_noop_start(r->session);
	log_state(r, c);
	rig_pump(r);
	log_state(r, c);
	rig_say(r, "* 2 EXPUNGE\r\n* 3 EXISTS\r\n+ idling\r\n");
	log_state(r, c);
	rig_say(r, "* 4 EXISTS\r\n* 1 FETCH (FLAGS ())\r\n+ again\r\n");
	rig_logf(r, "exists %u in flight %zu\n", imap4_selected_mailbox(r->session)->exists,
		engine_in_flight(r->engine));
	rig_logf(r, "done %d\n", imap4_idle_done(c));
	log_state(r, c);
	rig_pump(r);
	log_state(r, c);
	rig_logf(r, "again %d\n", imap4_idle_done(c));
	rig_say(r, "+ and again\r\n* 5 EXISTS\r\n$1 OK x\r\n");
	rig_logf(r, "late %d\n", imap4_idle_done(c));
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, c);
	rig_finish(r, after);
}

static void done_before_plus(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	rig_logf(r, "done %d\n", imap4_idle_done(c));
	rig_pump(r);
	log_state(r, c);
	rig_say(r, "+ idling\r\n");
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

static void done_before_sent(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_logf(r, "done %d\n", imap4_idle_done(c));
	rig_pump(r);
	rig_finish(r, c);
}

static void freed_while_running(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	rig_say(r, "+ idling\r\n");
	imap4_cmd_free(c);
	imap4_cmd *after = imap4_noop_start(r->session);
	rig_pump(r);
	rig_say(r, "$1 OK x\r\n");
	rig_pump(r);
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, after);
}

static void freed_before_plus(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	imap4_cmd_free(c);
	rig_say(r, "+ idling\r\n");
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
}

static void freed_before_sent(struct rig *r)
{
	imap4_cmd_free(imap4_idle_start(r->session));
	rig_pump(r);
}

static void refused(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	rig_say(r, "$1 NO not now\r\n");
	rig_logf(r, "done %d\n", imap4_idle_done(c));
	rig_pump(r);
	rig_finish(r, c);
}

static void ended_by_the_server(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	rig_say(r, "+ idling\r\n");
	rig_say(r, "* BYE Autologout; idle for too long\r\n");
	rig_logf(r, "done %d\n", imap4_idle_done(c));
	rig_finish(r, c);
}

static void other_handles(struct rig *r)
{
	imap4_cmd *c = imap4_status_start(r->session, (imap4_str){"a", 1}, IMAP4_ST_MESSAGES);
	rig_logf(r, "%d %d\n", imap4_idle_done(c) == IMAP4_E_ARG, imap4_idle_running(c));
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

/* It changes nothing on the server. */
static void during_a_backup(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	rig_say(r, "+ idling\r\n");
	rig_logf(r, "done %d\n", imap4_idle_done(c));
	rig_pump(r);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

static void not_offered(struct rig *r)
{
	imap4_cmd *c = imap4_idle_start(r->session);
	rig_pump(r);
	rig_finish(r, c);
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play

static const struct row rows[] = {
	{ROW(idle), {.caps = "IDLE"}, "$1 IDLE\r\nDONE\r\n$2 NOOP\r\n",
		"running 0 awaits 0\nrunning 0 awaits 1\nunasked * 2 EXPUNGE\nunasked * 3 EXISTS\n"
		"running 1 awaits 0\nunasked * 4 EXISTS\nunasked * 1 FETCH (FLAGS ())\n"
		"exists 4 in flight 1\ndone 0\nrunning 0 awaits 0\nrunning 0 awaits 1\nagain 0\n"
		"unasked * 5 EXISTS\nlate 0\nIMAP4_OK IDLE succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(done_before_plus), {.caps = "IMAP4rev2"}, "$1 IDLE\r\nDONE\r\n",
		"done 0\nrunning 0 awaits 1\nIMAP4_OK IDLE succeeded\n"},
	{ROW(done_before_sent), {.caps = "IDLE"}, "", "done 0\nIMAP4_OK IDLE succeeded\n"},
	{ROW(freed_while_running), {.caps = "IDLE"}, "$1 IDLE\r\nDONE\r\n$2 NOOP\r\n",
		"IMAP4_OK NOOP succeeded\n"},
	{ROW(freed_before_plus), {.caps = "IDLE"}, "$1 IDLE\r\nDONE\r\n", "in flight 0\n"},
	{ROW(freed_before_sent), {.caps = "IDLE"}, "", ""},
	{ROW(refused), {.caps = "IDLE"}, "$1 IDLE\r\n",
		"done 0\nIMAP4_E_NO IDLE was refused: not now\n"},
	{ROW(ended_by_the_server), {.caps = "IDLE"}, "$1 IDLE\r\n",
		"unasked * BYE Autologout; idle for too long\n"
		"failed bye: the server said BYE: Autologout; idle for too long\n"
		"done 0\nIMAP4_E_BYE IDLE: the server said BYE: Autologout; idle for too long\n"},
	{ROW(other_handles), {.caps = "IDLE"}, "$1 STATUS a (MESSAGES)\r\n",
		"1 0\nIMAP4_OK STATUS succeeded\n"},
	{ROW(during_a_backup), {.policy = IMAP4_POLICY_BACKUP, .caps = "IDLE"},
		"$1 IDLE\r\nDONE\r\n", "done 0\nIMAP4_OK IDLE succeeded\n"},
	{ROW(not_offered), {0}, "", "IMAP4_E_NOCAP IDLE failed: the server does not offer IDLE\n"},
};

Test(cmd_idle, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * test_pipelined_select.c -- mailboxes opened behind one another without waiting: what is sent when, whose the data are, and that a
 * mailbox which cannot be opened never gets the messages of another. Also octet by octet and cut at every offset.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static imap4_cmd *open_next(struct rig *r, const char *mailbox)
{
	const imap4_select_opts o = {.struct_size = sizeof o, .pipelined = 1};
	return imap4_select_start(r->session, str(mailbox), &o);
}

static imap4_cmd *list(struct rig *r, const imap4_sink *sink)
{
	const imap4_fetch_opts o = {
		.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = 1, .sink = sink};
	return imap4_fetch_start(
		r->session, NULL, sink != NULL ? "UID BODY.PEEK[]" : "UID FLAGS", &o);
}

static void show_selected(struct rig *r)
{
	const imap4_selected *m = imap4_selected_mailbox(r->session);
	rig_logf(r, "%zu in flight, %u in %u\n", engine_in_flight(r->engine),
		m != NULL ? m->exists : 0, m != NULL ? m->uidvalidity : 0);
}

static void two_mailboxes_leave_in_one_flight(struct rig *r)
{
	imap4_cmd *a = open_next(r, "a"), *b = list(r, NULL), *c = open_next(r, "b"),
		  *d = list(r, NULL);
	rig_pump(r);
	show_selected(r);
	rig_say(r,
		"* 2 EXISTS\r\n* OK [UIDVALIDITY 11] .\r\n$1 OK [READ-ONLY] x\r\n* 1 FETCH (UID 1 FLAGS (a))\r\n");
	show_selected(r);
	rig_say(r, "* 3 EXISTS\r\n* 2 FETCH (UID 2 FLAGS (a))\r\n");
	show_selected(r);
	rig_say(r,
		"$2 OK x\r\n* OK [CLOSED] .\r\n* 1 EXISTS\r\n* OK [UIDVALIDITY 12] .\r\n$3 OK x\r\n");
	show_selected(r);
	rig_say(r, "* 1 FETCH (UID 1 FLAGS (b))\r\n$4 OK x\r\n");
	rig_logf(r, "%u %u %u\n", imap4_cmd_selected(a)->exists, imap4_cmd_selected(b)->exists,
		imap4_cmd_selected(d)->exists);
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, d);
}

static void bodies_find_their_mailbox(struct rig *r)
{
	struct rig_sink x, y;
	rig_sink_init(&x, r);
	rig_sink_init(&y, r);
	x.name = "x ";
	y.name = "y ";
	imap4_cmd *a = open_next(r, "a"), *b = list(r, &x.sink), *c = open_next(r, "b"),
		  *d = list(r, &y.sink);
	rig_say(r, "* 1 EXISTS\r\n$1 OK x\r\n* 1 FETCH (BODY[] {1}\r\nA UID 7)\r\n$2 OK x\r\n");
	rig_say(r, "* 1 EXISTS\r\n$3 OK x\r\n* 1 FETCH (BODY[] {1}\r\nB UID 7)\r\n$4 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, d);
}

/* RFC 9051 section 6.3.2: nothing is selected then. Some servers keep the old mailbox selected all the same. */
static void behind_a_mailbox_that_does_not_open_nothing_counts(struct rig *r)
{
	struct rig_sink x;
	rig_sink_init(&x, r);
	imap4_cmd *a = open_next(r, "a"), *b = list(r, NULL), *c = open_next(r, "b"),
		  *d = list(r, &x.sink), *e = open_next(r, "c"), *f = list(r, NULL);
	rig_say(r, "* 1 EXISTS\r\n$1 OK x\r\n* 1 FETCH (UID 1 FLAGS (a))\r\n$2 OK x\r\n");
	rig_say(r, "$3 NO [NONEXISTENT] no\r\n* 1 FETCH (UID 1 BODY[] {1}\r\nA)\r\n$4 OK x\r\n");
	rig_say(r, "* 1 EXISTS\r\n$5 OK x\r\n* 1 FETCH (UID 1 FLAGS (c))\r\n$6 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, d);
	rig_finish(r, e);
	rig_finish(r, f);
}

static void what_does_more_than_read_waits(struct rig *r)
{
	imap4_cmd *a = open_next(r, "a"), *b = list(r, NULL), *c = imap4_noop_start(r->session),
		  *d = open_next(r, "b"), *e = list(r, NULL);
	rig_pump(r);
	show_selected(r);
	rig_say(r, "$1 OK x\r\n");
	show_selected(r);
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	show_selected(r);
	rig_say(r, "$4 OK x\r\n$5 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, d);
	rig_finish(r, e);
}

static void a_window_of_one_waits_for_each(struct rig *r)
{
	imap4_cmd *a = open_next(r, "a"), *b = list(r, NULL), *c = open_next(r, "b");
	rig_pump(r);
	show_selected(r);
	rig_say(r, "$1 OK x\r\n");
	rig_say(r, "* 1 FETCH (UID 1 FLAGS (a))\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void a_lost_connection_ends_all(struct rig *r)
{
	imap4_cmd *a = open_next(r, "a"), *b = list(r, NULL), *c = open_next(r, "b"),
		  *d = list(r, NULL);
	rig_say(r, "* 1 EXISTS\r\n$1 OK x\r\n* 1 FETCH (UID 1 FLAGS (a))\r\n");
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the connection was lost");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, d);
}

#define TWO                                                                                        \
	"$1 EXAMINE a\r\n$2 UID FETCH 1:* (UID FLAGS)\r\n$3 EXAMINE b\r\n$4 UID FETCH 1:* (UID FLAGS)\r\n"
#define ROW(f) #f, f

static const struct {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
} rows[] = {
	{ROW(two_mailboxes_leave_in_one_flight), {0}, TWO,
		"4 in flight, 0 in 0\n"
		"3 in flight, 2 in 11\n"
		"unasked * 3 EXISTS\n"
		"3 in flight, 3 in 11\n"
		"1 in flight, 1 in 12\n"
		"2 3 1\n"
		"  * 2 EXISTS\n"
		"  * OK [UIDVALIDITY 11] .\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS (a))\n"
		"  * 2 FETCH (UID 2 FLAGS (a))\n"
		"IMAP4_OK UID FETCH succeeded\n"
		"  * OK [CLOSED] .\n"
		"  * 1 EXISTS\n"
		"  * OK [UIDVALIDITY 12] .\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS (b))\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(bodies_find_their_mailbox), {0},
		"$1 EXAMINE a\r\n"
		"$2 UID FETCH 1:* (UID BODY.PEEK[])\r\n"
		"$3 EXAMINE b\r\n"
		"$4 UID FETCH 1:* (UID BODY.PEEK[])\r\n",
		"x begin uid=0 section= size=1\n"
		"x end 1 [A]\n"
		"x done uid=7 body=1 nil=0\n"
		"y begin uid=0 section= size=1\n"
		"y end 1 [B]\n"
		"y done uid=7 body=1 nil=0\n"
		"  * 1 EXISTS\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"IMAP4_OK UID FETCH succeeded\n"
		"  * 1 EXISTS\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(behind_a_mailbox_that_does_not_open_nothing_counts), {0},
		"$1 EXAMINE a\r\n"
		"$2 UID FETCH 1:* (UID FLAGS)\r\n"
		"$3 EXAMINE b\r\n"
		"$4 UID FETCH 1:* (UID BODY.PEEK[])\r\n"
		"$5 EXAMINE c\r\n"
		"$6 UID FETCH 1:* (UID FLAGS)\r\n",
		"  * 1 EXISTS\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS (a))\n"
		"IMAP4_OK UID FETCH succeeded\n"
		"IMAP4_E_NO EXAMINE was refused: no\n"
		"IMAP4_E_STATE UID FETCH failed: the mailbox was not opened\n"
		"  * 1 EXISTS\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS (c))\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(what_does_more_than_read_waits), {0},
		"$1 EXAMINE a\r\n"
		"$2 UID FETCH 1:* (UID FLAGS)\r\n"
		"$3 NOOP\r\n"
		"$4 EXAMINE b\r\n"
		"$5 UID FETCH 1:* (UID FLAGS)\r\n",
		"2 in flight, 0 in 0\n"
		"2 in flight, 0 in 0\n"
		"2 in flight, 0 in 0\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"IMAP4_OK UID FETCH succeeded\n"
		"IMAP4_OK NOOP succeeded\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(a_window_of_one_waits_for_each), {.window = 1},
		"$1 EXAMINE a\r\n"
		"$2 UID FETCH 1:* (UID FLAGS)\r\n"
		"$3 EXAMINE b\r\n",
		"1 in flight, 0 in 0\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS (a))\n"
		"IMAP4_OK UID FETCH succeeded\n"
		"IMAP4_OK EXAMINE succeeded\n"},
	{ROW(a_lost_connection_ends_all), {0}, TWO,
		"  * 1 EXISTS\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"  * 1 FETCH (UID 1 FLAGS (a))\n"
		"IMAP4_E_CLOSED UID FETCH failed: the connection was lost\n"
		"IMAP4_E_CLOSED EXAMINE failed: the connection was lost\n"
		"IMAP4_E_CLOSED UID FETCH failed: the connection was lost\n"},
};

Test(pipelined_select, sessions_go_as_written_however_they_are_cut, .timeout = 60)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s: %s", rows[i].name, why);
		free(why);
	}
}

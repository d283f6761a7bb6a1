/* SPDX-License-Identifier: MIT */
/*
 * test_qresync.c -- QRESYNC (RFC 7162 section 3.2): SELECT and EXAMINE that tell what happened, UID FETCH with VANISHED, the
 * border between two mailboxes. The examples of the RFC are rows of the tables; where its line differs from ours, the
 * row says how.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/typed_log.h"

static imap4_cmd *select_known(
	struct rig *r, const char *mailbox, imap4_select_opts o, const char *uids)
{
	imap4_set *set = uids != NULL ? typed_set(uids) : NULL;
	o.struct_size = sizeof o;
	o.known_uids = set;
	imap4_cmd *c = imap4_select_start(r->session, typed_str(mailbox), &o);
	typed_set_free(set);
	return c;
}

#define KNOWN(uidvalidity, modseq)                                                                 \
	((imap4_select_opts){                                                                      \
		.writable = 1, .known_uidvalidity = (uidvalidity), .known_modseq = (modseq)})

static void log_selected(struct rig *r)
{
	const imap4_selected *v = imap4_selected_mailbox(r->session);
	if (v == NULL)
		rig_logf(r, "nothing selected\n");
	else
		rig_logf(r, "exists %u uidvalidity %u uidnext %u highestmodseq %llu nomodseq %d\n",
			v->exists, v->uidvalidity, v->uidnext, (unsigned long long)v->highestmodseq,
			v->nomodseq);
}

static imap4_cmd *fetch(
	struct rig *r, const char *uids, const char *items, uint64_t since, bool vanished)
{
	imap4_set *set = typed_set(uids);
	imap4_cmd *c = imap4_fetch_start(r->session, set, items,
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
			.by = IMAP4_BY_UID,
			.changedsince = since,
			.vanished = vanished});
	typed_set_free(set);
	return c;
}

/* ---- the examples of the RFC ------------------------------------------------------------------------ */

static void section_3_2_5_other_uidvalidity(struct rig *r)
{
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c =
		select_known(r, "INBOX", KNOWN(67890007, 20050715194045000), "41,43:211,214:541");
	rig_say(r,
		"* 464 EXISTS\r\n* 3 RECENT\r\n* OK [UIDVALIDITY 3857529045] UIDVALIDITY\r\n"
		"* OK [UIDNEXT 550] Predicted next UID\r\n"
		"* OK [HIGHESTMODSEQ 90060128194045007] Highest mailbox mod-sequence\r\n"
		"* OK [UNSEEN 12] Message 12 is first unseen\r\n"
		"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n"
		"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] Permanent flags\r\n"
		"$1 OK [READ-WRITE] Sorry, UIDVALIDITY mismatch\r\n");
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;)
		if (imap4_data_kind(d) == IMAP4_DATA_VANISHED ||
			imap4_data_kind(d) == IMAP4_DATA_FETCH)
			rig_logf(r, "nothing is proved\n");
	typed_finish(r, c);
	log_selected(r);
}

#define OPENED                                                                                     \
	"* 100 EXISTS\r\n* 11 RECENT\r\n* OK [UIDVALIDITY 67890007] UIDVALIDITY\r\n"               \
	"* OK [UIDNEXT 600] Predicted next UID\r\n"                                                \
	"* OK [HIGHESTMODSEQ 90060115205545359] Highest mailbox mod-sequence\r\n"

static void section_3_2_5_1(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c =
		select_known(r, "INBOX", KNOWN(67890007, 90060115194045000), "41:211,214:541");
	rig_say(r,
		"* OK [CLOSED]\r\n" OPENED
		"* OK [UNSEEN 7] There are some unseen messages in the mailbox\r\n"
		"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n"
		"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] Permanent flags\r\n"
		"* VANISHED (EARLIER) 41,43:116,118,120:211,214:540\r\n"
		"* 49 FETCH (UID 117 FLAGS (\\Seen \\Answered) MODSEQ (90060115194045001))\r\n"
		"* 50 FETCH (UID 119 FLAGS (\\Draft $MDNSent) MODSEQ (90060115194045308))\r\n"
		"* 51 FETCH (UID 541 FLAGS (\\Seen $Forwarded) MODSEQ (90060115194045001))\r\n"
		"$2 OK [READ-WRITE] mailbox selected\r\n");
	typed_finish(r, c);
	log_selected(r);
}

/* Each "[...]" and "..." of the RFC is left out. */
static void section_3_2_5_2_without(struct rig *r)
{
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c = select_known(r, "INBOX", KNOWN(67890007, 90060115194045000), "1:29997");
	rig_say(r,
		"* 10003 EXISTS\r\n* OK [UIDVALIDITY 67890007] UIDVALIDITY\r\n"
		"* VANISHED (EARLIER) 1:2,4:5,7:8,10:11,13:14,29668:29669,29671:29996\r\n"
		"* 1 FETCH (UID 3 FLAGS (\\Seen \\Answered $Important) MODSEQ (90060115194045001))\r\n"
		"* 9890 FETCH (UID 29670 FLAGS (\\Draft $MDNSent) MODSEQ (90060115194045028))\r\n"
		"$1 OK [READ-WRITE] mailbox selected\r\n");
	typed_finish(r, c);
	log_selected(r);
}

static void section_3_2_5_2_with(struct rig *r)
{
	typed_enabled(r, "QRESYNC");
	imap4_select_opts o = KNOWN(67890007, 90060115194045000);
	imap4_set *numbers = typed_set("5000,7500,9000,9990:9999"),
		  *uids = typed_set("15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,"
				    "29991,29994,29997");
	o.sample_numbers = numbers;
	o.sample_uids = uids;
	imap4_cmd *c = select_known(r, "INBOX", o, "1:29997");
	typed_set_free(numbers);
	typed_set_free(uids);
	rig_say(r,
		"* 1 FETCH (UID 3 FLAGS (\\Seen \\Answered $Important) MODSEQ (90060115194045001))\r\n"
		"$1 OK [READ-WRITE] mailbox selected\r\n");
	typed_finish(r, c);
}

static void section_3_2_6_changed(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = fetch(r, "300:500", "FLAGS", 12345, false);
	rig_say(r,
		"* 1 FETCH (UID 404 MODSEQ (65402) FLAGS (\\Seen))\r\n"
		"* 2 FETCH (UID 406 MODSEQ (75403) FLAGS (\\Deleted))\r\n"
		"* 4 FETCH (UID 408 MODSEQ (29738) FLAGS ($NoJunk $AutoJunk $MDNSent))\r\n"
		"$2 OK FETCH completed\r\n");
	typed_finish(r, c);
}

static void section_3_2_6_vanished(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c = fetch(r, "300:500", "FLAGS", 12345, true);
	rig_say(r,
		"* VANISHED (EARLIER) 300:310,405,411\r\n"
		"* 1 FETCH (UID 404 MODSEQ (65402) FLAGS (\\Seen))\r\n"
		"* 2 FETCH (UID 406 MODSEQ (75403) FLAGS (\\Deleted))\r\n"
		"* 4 FETCH (UID 408 MODSEQ (29738) FLAGS ($NoJunk $AutoJunk $MDNSent))\r\n"
		"$2 OK FETCH completed\r\n");
	typed_finish(r, c);
}

static void section_3_2_7(struct rig *r)
{
	typed_open(r);
	rig_say(r, "* 12 EXISTS\r\n");
	imap4_cmd *c = imap4_expunge_start(r->session);
	rig_say(r,
		"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 5 EXPUNGE\r\n* 8 EXPUNGE\r\n"
		"$2 OK [HIGHESTMODSEQ 20010715194045319] expunged\r\n");
	typed_finish(r, c);
	log_selected(r);
}

static void section_3_2_7_vanished(struct rig *r)
{
	typed_open(r);
	rig_say(r, "* 12 EXISTS\r\n");
	imap4_cmd *c = imap4_expunge_start(r->session);
	rig_say(r,
		"* VANISHED 405,407,410,425\r\n"
		"$2 OK [HIGHESTMODSEQ 20010715194045319] expunged\r\n");
	typed_finish(r, c);
	log_selected(r);
}

static void section_3_2_9(struct rig *r)
{
	typed_open(r);
	rig_say(r, "* 12 EXISTS\r\n");
	imap4_set *set = typed_set("3000:3002");
	imap4_cmd *c = imap4_uid_expunge_start(r->session, set, 0);
	typed_set_free(set);
	rig_say(r,
		"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n"
		"$2 OK [HIGHESTMODSEQ 20010715194045319] Ok\r\n");
	typed_finish(r, c);
	log_selected(r);
}

/* CONDSTORE alone, section 3.1.4.1: the open range is 1:* there. */
static void example_12(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = imap4_fetch_start(r->session, NULL, "FLAGS",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
			.by = IMAP4_BY_UID,
			.open_from = 1,
			.changedsince = 12345});
	rig_say(r,
		"* 1 FETCH (UID 4 MODSEQ (65402) FLAGS (\\Seen))\r\n"
		"* 2 FETCH (UID 6 MODSEQ (75403) FLAGS (\\Deleted))\r\n"
		"* 4 FETCH (UID 8 MODSEQ (29738) FLAGS ($NoJunk $AutoJunk $MDNSent))\r\n"
		"$2 OK FETCH completed\r\n");
	typed_finish(r, c);
}

/* Section 3.1.4.2. */
static void example_13(struct rig *r)
{
	typed_open(r);
	imap4_set *set = typed_set("1:3");
	imap4_cmd *c = imap4_fetch_start(r->session, set, "MODSEQ", NULL);
	typed_set_free(set);
	rig_say(r,
		"* 1 FETCH (MODSEQ (624140003))\r\n* 2 FETCH (MODSEQ (624140007))\r\n"
		"* 3 FETCH (MODSEQ (624140005))\r\n$2 OK Fetch complete\r\n");
	typed_finish(r, c);
}

/* ---- our own ---------------------------------------------------------------------------------------- */

/* A server must not say it (section 3.2.8), and the number must not be believed. */
static void close_has_no_modseq(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = imap4_close_mailbox_start(r->session);
	rig_say(r, "$2 OK [HIGHESTMODSEQ 20010715194045319] done\r\n");
	typed_finish(r, c);
	log_selected(r);
}

static void without_known_uids(struct rig *r)
{
	typed_enabled(r, "QRESYNC");
	imap4_select_opts o = {
		.known_uidvalidity = UINT32_MAX, .known_modseq = INT64_MAX, .condstore = 1};
	imap4_cmd *c = select_known(r, "a b", o, NULL);
	rig_say(r,
		"* 5 EXISTS\r\n* OK [UIDVALIDITY 4294967295]\r\n* VANISHED (EARLIER) 1:4294967295\r\n"
		"* VANISHED 7\r\n* OK [NOMODSEQ] x\r\n$1 OK x\r\n");
	typed_finish(r, c);
	log_selected(r);
}

/* Message numbers are not spoken of once UIDONLY is enabled. */
static void the_sample_is_left_out(struct rig *r)
{
	typed_enabled(r, "QRESYNC UIDONLY");
	imap4_select_opts o = KNOWN(1, 2);
	imap4_set *numbers = typed_set("1:2"), *uids = typed_set("3,5");
	o.sample_numbers = numbers;
	o.sample_uids = uids;
	imap4_cmd *c = select_known(r, "b", o, "3:5");
	typed_set_free(numbers);
	typed_set_free(uids);
	rig_say(r, "* 3 UIDFETCH (MODSEQ (4) FLAGS ())\r\n$1 OK x\r\n");
	typed_finish(r, c);
}

static void refused_here(struct rig *r)
{
	rig_finish(r, select_known(r, "b", KNOWN(1, 0), NULL));
	rig_finish(r, select_known(r, "b", KNOWN(1, (uint64_t)INT64_MAX + 1), NULL));
	imap4_select_opts o = KNOWN(1, 1);
	imap4_set *numbers = typed_set("1:2");
	o.sample_numbers = numbers;
	rig_finish(r, select_known(r, "b", o, NULL));
	typed_set_free(numbers);
	rig_finish(r, fetch(r, "1", "FLAGS", 0, true));
}

static void not_enabled(struct rig *r)
{
	typed_open(r);
	imap4_cmd *c = select_known(r, "b", KNOWN(1, 1), NULL);
	rig_pump(r);
	rig_finish(r, c);
	c = fetch(r, "1", "FLAGS", 5, true);
	rig_pump(r);
	rig_finish(r, c);
}

/* BAD is what a server says whose QRESYNC does not work; nothing is selected then. */
static void answered_with_bad(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c = select_known(r, "b", KNOWN(1, 1), NULL);
	rig_say(r, "$2 BAD x\r\n");
	typed_finish(r, c);
	log_selected(r);
}

#define LEFT                                                                                       \
	"* 8 EXISTS\r\n* VANISHED 4\r\n* 2 FETCH (UID 9 FLAGS (\\Seen))\r\n"                       \
	"* VANISHED (EARLIER) 5\r\n"

/* What comes before CLOSED is about the mailbox that is left: for the events, never data of the command. */
static void the_border_is_closed(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c = select_known(r, "b", KNOWN(1, 1), NULL);
	rig_say(r,
		LEFT "* OK [CLOSED] x\r\n* 3 EXISTS\r\n* VANISHED (EARLIER) 6\r\n"
		     "* 1 FETCH (UID 7 FLAGS ())\r\n$2 OK x\r\n");
	typed_finish(r, c);
	log_selected(r);
}

/* A server that does not say CLOSED: its UIDVALIDITY can only be of the new mailbox. */
static void the_border_is_uidvalidity(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c = select_known(r, "b", KNOWN(1, 1), NULL);
	rig_say(r,
		LEFT "* OK [UIDVALIDITY 1] x\r\n* VANISHED (EARLIER) 6\r\n"
		     "* 1 FETCH (UID 7 FLAGS ())\r\n$2 OK x\r\n");
	typed_finish(r, c);
}

/* Nothing was selected, so there is no border; and a refused SELECT leaves nothing behind for the next one. */
static void there_is_no_border(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *c = select_known(r, "b", KNOWN(1, 1), NULL);
	rig_say(r, "* OK [CLOSED] x\r\n$2 NO x\r\n");
	typed_finish(r, c);
	c = select_known(r, "b", KNOWN(1, 1), NULL);
	rig_say(r, "* VANISHED (EARLIER) 6\r\n* 1 FETCH (UID 7 FLAGS ())\r\n$3 OK x\r\n");
	typed_finish(r, c);
}

/* Without QRESYNC asked for they are no data of it. */
static void plain_select_claims_none(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, typed_str("b"), NULL);
	rig_say(r,
		"* 9 EXISTS\r\n* VANISHED (EARLIER) 6\r\n* 1 FETCH (UID 7 FLAGS ())\r\n$1 OK x\r\n");
	typed_finish(r, c);
}

/* VANISHED (EARLIER) names no command: two that ask for it are not in flight together, and others do not get it. */
static void two_that_ask_for_vanished(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	imap4_cmd *plain = fetch(r, "1:9", "FLAGS", 0, false);
	imap4_cmd *a = fetch(r, "1:9", "FLAGS", 5, true), *b = fetch(r, "20:29", "FLAGS", 5, true);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 9 EXISTS\r\n* VANISHED (EARLIER) 3\r\n* VANISHED 4:5\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	rig_say(r, "* VANISHED (EARLIER) 21\r\n$4 OK x\r\n");
	typed_finish(r, plain);
	typed_finish(r, a);
	typed_finish(r, b);
	log_selected(r);
}

static void vanished_passes_the_sink(struct rig *r)
{
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	struct rig_sink sink;
	rig_sink_init(&sink, r);
	imap4_set *set = typed_set("1:9");
	imap4_cmd *c = imap4_fetch_start(r->session, set, "FLAGS",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
			.by = IMAP4_BY_UID,
			.changedsince = 5,
			.vanished = 1,
			.sink = &sink.sink});
	typed_set_free(set);
	rig_say(r, "* VANISHED (EARLIER) 3\r\n* 1 FETCH (UID 7 FLAGS ())\r\n$2 OK x\r\n");
	typed_finish(r, c);
}

static void backup_may(struct rig *r)
{
	typed_enabled(r, "QRESYNC");
	imap4_select_opts o = KNOWN(1, 1);
	rig_finish(r, select_known(r, "b", o, NULL));
	o.writable = 0;
	imap4_cmd *c = select_known(r, "b", o, NULL);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

#define SELECTED                                                                                   \
	"  EXISTS 100\n  RECENT 11\n  OK code=11 atom=UIDVALIDITY args=67890007 text=UIDVALIDITY\n"
#define LEFT_LOG                                                                                   \
	"unasked * VANISHED 4\nunasked * 2 FETCH (UID 9 FLAGS (\\Seen))\n"                         \
	"unasked * VANISHED (EARLIER) 5\n"

static const struct typed_row rfc_rows[] = {
	{TYPED_ROW(example_12), {.caps = "CONDSTORE"},
		"$2 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)\r\n",
		"  FETCH seq=1 uid=4 flags=\\Seen modseq=65402\n"
		"  FETCH seq=2 uid=6 flags=\\Deleted modseq=75403\n"
		"  FETCH seq=4 uid=8 flags=$NoJunk,$AutoJunk,$MDNSent modseq=29738\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{TYPED_ROW(example_13), {.caps = "CONDSTORE"}, "$2 FETCH 1:3 (MODSEQ)\r\n",
		"  FETCH seq=1 modseq=624140003\n  FETCH seq=2 modseq=624140007\n"
		"  FETCH seq=3 modseq=624140005\nIMAP4_OK FETCH succeeded\n"},
	{TYPED_ROW(section_3_2_5_other_uidvalidity), {.caps = "QRESYNC"},
		"$1 SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))\r\n",
		"IMAP4_OK SELECT succeeded\n"
		"exists 464 uidvalidity 3857529045 uidnext 550 highestmodseq 90060128194045007 nomodseq 0\n"},
	{TYPED_ROW(section_3_2_5_1), {.caps = "QRESYNC"},
		"$2 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))\r\n",
		"  OK code=33 atom=CLOSED text=\n" SELECTED
		"  OK code=10 atom=UIDNEXT args=600 text=Predicted next UID\n"
		"  OK code=30 atom=HIGHESTMODSEQ args=90060115205545359 text=Highest mailbox mod-sequence\n"
		"  OK code=12 atom=UNSEEN args=7 text=There are some unseen messages in the mailbox\n"
		"  FLAGS ((\\Answered \\Flagged \\Draft \\Deleted \\Seen))\n"
		"  OK code=6 atom=PERMANENTFLAGS args=(\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*) "
		"text=Permanent flags\n"
		"  VANISHED earlier all=41,43:116,118,120:211,214:540\n"
		"  FETCH seq=49 uid=117 flags=\\Seen,\\Answered modseq=90060115194045001\n"
		"  FETCH seq=50 uid=119 flags=\\Draft,$MDNSent modseq=90060115194045308\n"
		"  FETCH seq=51 uid=541 flags=\\Seen,$Forwarded modseq=90060115194045001\n"
		"IMAP4_OK SELECT succeeded\n"
		"exists 100 uidvalidity 67890007 uidnext 600 highestmodseq 90060115205545359 nomodseq 0\n"},
	{TYPED_ROW(section_3_2_5_2_without), {.caps = "QRESYNC"},
		"$1 SELECT INBOX (QRESYNC (67890007 90060115194045000 1:29997))\r\n",
		"  EXISTS 10003\n  OK code=11 atom=UIDVALIDITY args=67890007 text=UIDVALIDITY\n"
		"  VANISHED earlier all=1:2,4:5,7:8,10:11,13:14,29668:29669,29671:29996\n"
		"  FETCH seq=1 uid=3 flags=\\Seen,\\Answered,$Important modseq=90060115194045001\n"
		"  FETCH seq=9890 uid=29670 flags=\\Draft,$MDNSent modseq=90060115194045028\n"
		"IMAP4_OK SELECT succeeded\n"
		"exists 10003 uidvalidity 67890007 uidnext 0 highestmodseq 0 nomodseq 0\n"},
	{TYPED_ROW(section_3_2_5_2_with), {.caps = "QRESYNC"},
		"$1 SELECT INBOX (QRESYNC (67890007 90060115194045000 1:29997 "
		"(5000,7500,9000,9990:9999 15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,"
		"29991,29994,29997)))\r\n",
		"  FETCH seq=1 uid=3 flags=\\Seen,\\Answered,$Important modseq=90060115194045001\n"
		"IMAP4_OK SELECT succeeded\n"},
	{TYPED_ROW(section_3_2_6_changed), {.caps = "CONDSTORE"},
		"$2 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345)\r\n",
		"  FETCH seq=1 uid=404 flags=\\Seen modseq=65402\n"
		"  FETCH seq=2 uid=406 flags=\\Deleted modseq=75403\n"
		"  FETCH seq=4 uid=408 flags=$NoJunk,$AutoJunk,$MDNSent modseq=29738\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{TYPED_ROW(section_3_2_6_vanished), {.caps = "QRESYNC"},
		"$2 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)\r\n",
		"  VANISHED earlier all=300:310,405,411\n"
		"  FETCH seq=1 uid=404 flags=\\Seen modseq=65402\n"
		"  FETCH seq=2 uid=406 flags=\\Deleted modseq=75403\n"
		"  FETCH seq=4 uid=408 flags=$NoJunk,$AutoJunk,$MDNSent modseq=29738\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{TYPED_ROW(section_3_2_7), {0}, "$2 EXPUNGE\r\n",
		"unasked * 12 EXISTS\n  EXPUNGE 3\n  EXPUNGE 3\n  EXPUNGE 5\n  EXPUNGE 8\n"
		"modseq 20010715194045319\nIMAP4_OK EXPUNGE succeeded\n"
		"exists 8 uidvalidity 0 uidnext 0 highestmodseq 0 nomodseq 0\n"},
	{TYPED_ROW(section_3_2_7_vanished), {.caps = "QRESYNC"}, "$2 EXPUNGE\r\n",
		"unasked * 12 EXISTS\n  VANISHED all=405,407,410,425\n"
		"modseq 20010715194045319\nIMAP4_OK EXPUNGE succeeded\n"
		"exists 8 uidvalidity 0 uidnext 0 highestmodseq 0 nomodseq 0\n"},
	{TYPED_ROW(section_3_2_9), {.caps = "UIDPLUS"}, "$2 UID EXPUNGE 3000:3002\r\n",
		"unasked * 12 EXISTS\n  EXPUNGE 3\n  EXPUNGE 3\n  EXPUNGE 3\n"
		"modseq 20010715194045319\nIMAP4_OK UID EXPUNGE succeeded\n"
		"exists 9 uidvalidity 0 uidnext 0 highestmodseq 0 nomodseq 0\n"},
};

static const struct typed_row rows[] = {
	{TYPED_ROW(close_has_no_modseq), {.caps = "QRESYNC"}, "$2 CLOSE\r\n",
		"IMAP4_OK CLOSE succeeded\nnothing selected\n"},
	{TYPED_ROW(without_known_uids), {.caps = "QRESYNC"},
		"$1 EXAMINE \"a b\" (QRESYNC (4294967295 9223372036854775807))\r\n",
		"  EXISTS 5\n  OK code=11 atom=UIDVALIDITY args=4294967295 text=\n"
		"  VANISHED earlier all=1:4294967295\n  VANISHED all=7\n"
		"  OK code=31 atom=NOMODSEQ text=x\nIMAP4_OK EXAMINE succeeded\n"
		"exists 4 uidvalidity 4294967295 uidnext 0 highestmodseq 0 nomodseq 1\n"},
	{TYPED_ROW(the_sample_is_left_out), {.caps = "QRESYNC UIDONLY"},
		"$1 SELECT b (QRESYNC (1 2 3:5))\r\n",
		"  UIDFETCH seq=0 uid=3 flags= modseq=4\nIMAP4_OK SELECT succeeded\n"},
	{TYPED_ROW(refused_here), {.caps = "QRESYNC"}, "",
		"not started IMAP4_E_ARG: SELECT: no such modification sequence\n"
		"not started IMAP4_E_ARG: SELECT: no such modification sequence\n"
		"not started IMAP4_E_ARG: SELECT: not one UID for each message number\n"
		"not started IMAP4_E_ARG: FETCH: VANISHED goes with UIDs and CHANGEDSINCE\n"},
	{TYPED_ROW(not_enabled), {.caps = "QRESYNC"}, "",
		"IMAP4_E_STATE SELECT failed: QRESYNC was not enabled\n"
		"IMAP4_E_STATE UID FETCH failed: QRESYNC was not enabled\n"},
	{TYPED_ROW(not_enabled), {.caps = "CONDSTORE"}, "",
		"IMAP4_E_NOCAP SELECT failed: the server does not offer QRESYNC\n"
		"IMAP4_E_NOCAP UID FETCH failed: the server does not offer QRESYNC\n"},
	{TYPED_ROW(answered_with_bad), {.caps = "QRESYNC"}, "$2 SELECT b (QRESYNC (1 1))\r\n",
		"IMAP4_E_BAD SELECT was not understood by the server: x\nnothing selected\n"},
	{TYPED_ROW(the_border_is_closed), {.caps = "QRESYNC"}, "$2 SELECT b (QRESYNC (1 1))\r\n",
		LEFT_LOG "  OK code=33 atom=CLOSED text=x\n  EXISTS 3\n  VANISHED earlier all=6\n"
			 "  FETCH seq=1 uid=7 flags=\nIMAP4_OK SELECT succeeded\n"
			 "exists 3 uidvalidity 0 uidnext 0 highestmodseq 0 nomodseq 0\n"},
	{TYPED_ROW(the_border_is_uidvalidity), {.caps = "QRESYNC"},
		"$2 SELECT b (QRESYNC (1 1))\r\n",
		LEFT_LOG
		"  EXISTS 8\n  OK code=11 atom=UIDVALIDITY args=1 text=x\n  VANISHED earlier all=6\n"
		"  FETCH seq=1 uid=7 flags=\nIMAP4_OK SELECT succeeded\n"},
	{TYPED_ROW(there_is_no_border), {.caps = "QRESYNC"},
		"$2 SELECT b (QRESYNC (1 1))\r\n$3 SELECT b (QRESYNC (1 1))\r\n",
		"  OK code=33 atom=CLOSED text=x\nIMAP4_E_NO SELECT was refused: x\n"
		"  VANISHED earlier all=6\n  FETCH seq=1 uid=7 flags=\nIMAP4_OK SELECT succeeded\n"},
	{TYPED_ROW(plain_select_claims_none), {.caps = "QRESYNC"}, "$1 EXAMINE b\r\n",
		"unasked * VANISHED (EARLIER) 6\nunasked * 1 FETCH (UID 7 FLAGS ())\n"
		"  EXISTS 9\nIMAP4_OK EXAMINE succeeded\n"},
	{TYPED_ROW(two_that_ask_for_vanished), {.caps = "QRESYNC"},
		"$2 UID FETCH 1:9 (FLAGS)\r\n$3 UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 5 VANISHED)\r\n"
		"$4 UID FETCH 20:29 (FLAGS) (CHANGEDSINCE 5 VANISHED)\r\n",
		"in flight 2\nunasked * 9 EXISTS\nunasked * VANISHED 4:5\nIMAP4_OK UID FETCH succeeded\n"
		"  VANISHED earlier all=3\nIMAP4_OK UID FETCH succeeded\n"
		"  VANISHED earlier all=21\nIMAP4_OK UID FETCH succeeded\n"
		"exists 7 uidvalidity 0 uidnext 0 highestmodseq 0 nomodseq 0\n"},
	{TYPED_ROW(vanished_passes_the_sink), {.caps = "QRESYNC"},
		"$2 UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 5 VANISHED)\r\n",
		"done uid=7 body=0 nil=0\n  VANISHED earlier all=3\nIMAP4_OK UID FETCH succeeded\n"},
	{TYPED_ROW(backup_may), {.caps = "QRESYNC", .policy = IMAP4_POLICY_BACKUP},
		"$1 EXAMINE b (QRESYNC (1 1))\r\n",
		"not started IMAP4_E_POLICY: SELECT may change the mailbox: not during a backup\n"
		"IMAP4_OK EXAMINE succeeded\n"},
};

Test(qresync, examples_of_rfc_7162, .timeout = 120)
{
	typed_check(rfc_rows, sizeof rfc_rows / sizeof rfc_rows[0]);
}

Test(qresync, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	typed_check(rows, sizeof rows / sizeof rows[0]);
}

/* RFC 7162 section 4: a command line is kept under some 8000 octets. What is too long is widened, never refused. */
Test(qresync, known_uids_too_long_for_a_line_become_one_range)
{
	for (uint32_t n = 799; n <= 801; n++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = "QRESYNC"}, 0);
		typed_enabled(r, "QRESYNC");
		imap4_set *set = imap4_set_new();
		for (uint32_t i = 0; i < n; i++) /* five octets each, with the comma */
			cr_assert_eq(imap4_set_add(set, 1000 + 2 * i), IMAP4_OK);
		imap4_cmd *c = imap4_select_start(r->session, typed_str("b"),
			&(imap4_select_opts){.struct_size = sizeof(imap4_select_opts),
				.known_uidvalidity = 1,
				.known_modseq = 2,
				.known_uids = set});
		cr_assert_not_null(c);
		rig_pump(r);
		bool whole = strstr(buf_str(&r->sent), "(1 2 1000,1002,") != NULL;
		bool range = strstr(buf_str(&r->sent), "(1 2 1000:2600))\r\n") != NULL;
		cr_expect_eq(whole, n <= 800, "%u", n);
		cr_expect_eq(range, n == 801, "%u", n);
		imap4_set_free(set);
		rig_free(r);
	}
}

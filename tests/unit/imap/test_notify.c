/* SPDX-License-Identifier: MIT */
/*
 * test_notify.c -- NOTIFY (RFC 5465): what is asked for, and what then comes by itself. Its examples are the rows of the first
 * table; our names of mailboxes and events are in the spelling of its grammar, and MessageExpunge stands with MessageNew
 * where an example forgets it, which section 5 makes a BAD.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/resp_dump.h"
#include "tests/support/typed_log.h"

#define NEW (IMAP4_EVENT_MESSAGE_NEW | IMAP4_EVENT_MESSAGE_EXPUNGE)
#define WATCH(...)                                                                                 \
	{                                                                                          \
		.struct_size = sizeof(imap4_watch), __VA_ARGS__                                    \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What comes by itself, as it is understood. */
static void log_unasked(struct rig *r, const imap4_data *d)
{
	struct buf line = BUF_INIT(1 << 20);
	resp_dump(&line, d);
	rig_logf(r, "  %s\n", buf_str(&line));
	const imap4_message *m = imap4_data_message(d);
	for (const imap4_node *n = m != NULL ? imap4_node_child(m->items) : NULL; n != NULL;
		n = imap4_node_next(n)) {
		imap4_str section, text = imap4_node_text(imap4_node_next(n));
		if (resp_body_item(n, &section) && text.ptr != NULL)
			rig_logf(r, "  [%s] %zu octets\n", section.ptr, text.len);
	}
	buf_release(&line);
}

static imap4_cmd *notified(struct rig *r, const char *answer)
{
	static const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW)};
	imap4_cmd *c = imap4_notify_start(r->session, w, 1, 0);
	rig_say(r, answer);
	return c;
}

/* ---- the examples of the RFC ------------------------------------------------------------------------ */

#define HEADER "Subject: Re: good morning\r\nFrom: alice@example.org\r\nTo: bob@example.org\r\n\r\n"

/* Section 3.1, its commands b and c, and what comes then. */
static void section_3_1_b(struct rig *r)
{
	imap4_str lists = typed_str("Lists");
	const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW,
					 .items = "uid body.peek[header.fields (from to subject)]"),
		WATCH(.which = IMAP4_WATCH_SUBTREE, .mailboxes = &lists, .nmailboxes = 1,
			.events = NEW)};
	r->on_unasked = log_unasked;
	imap4_cmd *b = imap4_notify_start(r->session, w, COUNT(w), 1);
	imap4_cmd *c = imap4_select_start(r->session, typed_str("inbox"),
		&(imap4_select_opts){.struct_size = 16, .writable = 1});
	rig_say(r,
		"* STATUS Lists/Lemonade (UIDVALIDITY 4 UIDNEXT 9999 MESSAGES 500)\r\n"
		"* STATUS Lists/Im2000 (UIDVALIDITY 901 UIDNEXT 1 MESSAGES 0)\r\n$1 OK done\r\n");
	typed_finish(r, b);
	rig_say(r, "$2 OK INBOX selected\r\n");
	imap4_cmd_free(c);
	rig_say(r, "* STATUS Lists/Lemonade (UIDVALIDITY 4 UIDNEXT 10000 MESSAGES 501)\r\n");
	rig_say(r,
		"* 127 FETCH (UID 127001 BODY[HEADER.FIELDS (From To Subject)] {75}\r\n" HEADER
		")\r\n");
}

/* Section 3.1, its command e. */
static void section_3_1_e(struct rig *r)
{
	imap4_str lists = typed_str("Lists"), misc = typed_str("misc");
	const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW,
					 .items = "uid body.peek[header.fields (from to subject)]"),
		WATCH(.which = IMAP4_WATCH_SUBTREE, .mailboxes = &lists, .nmailboxes = 1,
			.events = NEW),
		WATCH(.which = IMAP4_WATCH_MAILBOXES, .mailboxes = &misc, .nmailboxes = 1,
			.events = NEW)};
	imap4_cmd *c = imap4_notify_start(r->session, w, COUNT(w), 0);
	rig_say(r, "$1 OK done\r\n");
	typed_finish(r, c);
}

static void section_6(struct rig *r)
{
	imap4_str inbox = typed_str("INBOX");
	const imap4_watch a[] = {WATCH(.which = IMAP4_WATCH_MAILBOXES, .mailboxes = &inbox,
					 .nmailboxes = 1, .events = NEW),
		WATCH(.which = IMAP4_WATCH_PERSONAL, .events = IMAP4_EVENT_SUBSCRIPTION_CHANGE)};
	const imap4_watch b[] = {
		WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW, .items = "uid flags"),
		WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW | IMAP4_EVENT_FLAG_CHANGE)};
	imap4_cmd *c = imap4_notify_start(r->session, a, COUNT(a), 0);
	rig_say(r, "$1 OK x\r\n");
	typed_finish(r, c);
	c = imap4_notify_start(r->session, b, COUNT(b), 0);
	rig_say(r, "$2 OK x\r\n");
	typed_finish(r, c);
}

/* Sections 5.1 to 5.8: one response for each event. */
static void section_5(struct rig *r)
{
	typed_open(r);
	imap4_cmd_free(notified(r, "$2 OK x\r\n"));
	buf_clear(&r->log);
	r->on_unasked = log_unasked;
	rig_say(r,
		"* 99 FETCH (UID 9999 FLAGS ($Junk))\r\n"
		"* STATUS Lists/Lemonade (HIGHESTMODSEQ 65666665 UIDVALIDITY 101)\r\n"
		"* 444 EXISTS\r\n* 444 FETCH (UID 9999)\r\n"
		"* STATUS Lists/Lemonade (UIDNEXT 10002 MESSAGES 503)\r\n* 444 EXPUNGE\r\n"
		"* VANISHED 5444\r\n* STATUS misc (UIDNEXT 999 MESSAGES 554)\r\n"
		"* LIST () \"/\" \"NewMailbox\"\r\n"
		"* LIST (\\NonExistent) \".\" \"INBOX.DeletedMailbox\"\r\n"
		"* LIST () \"/\" \"NewMailbox\" (\"OLDNAME\" (\"OldMailbox\"))\r\n"
		"* LIST (\\Subscribed) \"/\" \"SubscribedMailbox\"\r\n"
		"* OK [NOTIFICATIONOVERFLOW] ...A comment can go here...\r\n");
	rig_logf(r, "exists %u\n", imap4_selected_mailbox(r->session)->exists);
}

/* ---- our own ---------------------------------------------------------------------------------------- */

static void all_there_is(struct rig *r)
{
	imap4_str two[] = {typed_str("a b"), typed_str("c\"")};
	const imap4_watch w[] = {
		WATCH(.which = IMAP4_WATCH_SELECTED_DELAYED,
			.events = NEW | IMAP4_EVENT_FLAG_CHANGE | IMAP4_EVENT_ANNOTATION_CHANGE),
		WATCH(.which = IMAP4_WATCH_INBOXES, .events = 0),
		WATCH(.which = IMAP4_WATCH_SUBSCRIBED, .events = IMAP4_EVENT_MAILBOX_NAME),
		WATCH(.which = IMAP4_WATCH_SUBTREE, .mailboxes = two, .nmailboxes = 2,
			.events = IMAP4_EVENT_MAILBOX_METADATA_CHANGE |
				IMAP4_EVENT_SERVER_METADATA_CHANGE)};
	imap4_cmd *c = imap4_notify_start(r->session, w, COUNT(w), 1);
	rig_say(r, "* LIST (\\NoAccess) \"/\" x\r\n$1 OK x\r\n");
	typed_finish(r, c);
	c = imap4_notify_none_start(r->session);
	rig_say(r, "* STATUS x (MESSAGES 1)\r\n$2 OK x\r\n");
	typed_finish(r, c);
}

static void refused(struct rig *r)
{
	static const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW)};
	imap4_cmd *c = imap4_notify_start(r->session, w, 1, 0);
	rig_say(r, "$1 NO [BADEVENT (MessageNew messageexpunge X-New MailboxName)] no\r\n");
	rig_logf(r, "offered %x\n", imap4_cmd_events_offered(c));
	typed_finish(r, c);
	c = imap4_notify_start(r->session, w, 1, 0);
	rig_say(r, "$2 NO [NOTIFICATIONOVERFLOW] too much\r\n");
	rig_logf(r, "offered %x\n", imap4_cmd_events_offered(c));
	typed_finish(r, c);
	c = imap4_notify_start(r->session, w, 1, 0);
	rig_say(r, "$3 BAD x\r\n");
	typed_finish(r, c);
}

/* Its STATUS responses name no command. */
static void it_is_alone(struct rig *r)
{
	static const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW)};
	imap4_cmd *a = imap4_status_start(r->session, typed_str("x"), IMAP4_ST_MESSAGES);
	imap4_cmd *b = imap4_notify_start(r->session, w, 1, 1);
	imap4_cmd *c = imap4_status_start(r->session, typed_str("x"), IMAP4_ST_MESSAGES);
	rig_pump(r);
	rig_say(r, "* STATUS x (MESSAGES 1)\r\n$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* STATUS x (MESSAGES 2)\r\n$2 OK x\r\n");
	rig_say(r, "* STATUS x (MESSAGES 3)\r\n$3 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
	typed_finish(r, c);
}

static void not_offered(struct rig *r)
{
	static const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW)};
	imap4_cmd *a = imap4_notify_start(r->session, w, 1, 0),
		  *b = imap4_notify_none_start(r->session);
	rig_pump(r);
	typed_finish(r, a);
	typed_finish(r, b);
}

/* Bodies that nobody asked for are kept only while NOTIFY is in effect. */
static void bodies_come_with_notify_only(struct rig *r)
{
	static const char answer[] = "* 1 FETCH (UID 1 BODY[HEADER] {3}\r\nabc)\r\n";
	typed_open(r);
	r->on_unasked = log_unasked;
	rig_say(r, answer);
	imap4_cmd_free(notified(r, "$2 OK x\r\n"));
	rig_say(r, answer);
	rig_say(r, "* OK [NOTIFICATIONOVERFLOW] x\r\n");
	rig_say(r, answer);
	imap4_cmd *c = notified(r, "$3 OK x\r\n");
	rig_say(r, answer);
	imap4_cmd_free(c);
	c = imap4_notify_none_start(r->session);
	rig_say(r, "$4 OK x\r\n");
	rig_say(r, answer);
	imap4_cmd_free(c);
}

static void backup_may(struct rig *r)
{
	static const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW)};
	imap4_cmd *a = imap4_notify_start(r->session, w, 1, 0),
		  *b = imap4_notify_none_start(r->session);
	rig_say(r, "$1 OK x\r\n");
	rig_say(r, "$2 OK x\r\n");
	typed_finish(r, a);
	typed_finish(r, b);
}

#define SELECTED                                                                                   \
	"(SELECTED (MessageNew (uid body.peek[HEADER.FIELDS (from to subject)]) MessageExpunge))"
#define LISTS	  "(SUBTREE Lists (MessageNew MessageExpunge))"
#define SET_DONE  "IMAP4_OK NOTIFY SET succeeded\n"
#define NONE_DONE "IMAP4_OK NOTIFY NONE succeeded\n"
#define PERSONAL  "NOTIFY SET (PERSONAL (MessageNew MessageExpunge))\r\n"

static const struct typed_row rfc_rows[] = {
	{TYPED_ROW(section_3_1_b), {.caps = "NOTIFY"},
		"$1 NOTIFY SET STATUS " SELECTED " " LISTS "\r\n$2 SELECT inbox\r\n",
		"  STATUS mailbox=Lists/Lemonade messages=500 uidnext=9999 uidvalidity=4"
		"(UIDVALIDITY 4 UIDNEXT 9999 MESSAGES 500)\n"
		"  STATUS mailbox=Lists/Im2000 messages=0 uidnext=1 uidvalidity=901"
		"(UIDVALIDITY 901 UIDNEXT 1 MESSAGES 0)\n" SET_DONE
		"unasked * STATUS Lists/Lemonade (UIDVALIDITY 4 UIDNEXT 10000 MESSAGES 501)\n"
		"  STATUS mailbox=Lists/Lemonade messages=501 uidnext=10000 uidvalidity=4"
		"(UIDVALIDITY 4 UIDNEXT 10000 MESSAGES 501)\n"
		"unasked * 127 FETCH (UID 127001 BODY[HEADER.FIELDS (From To Subject)] {75}\r\n" HEADER
		")\n"
		"  FETCH seq=127 uid=127001 body section=HEADER.FIELDS (From To Subject)\n"
		"  [HEADER.FIELDS (From To Subject)] 75 octets\n"},
	{TYPED_ROW(section_3_1_e), {.caps = "NOTIFY"},
		"$1 NOTIFY SET " SELECTED " " LISTS
		" (MAILBOXES misc (MessageNew MessageExpunge))\r\n",
		SET_DONE},
	{TYPED_ROW(section_6), {.caps = "NOTIFY"},
		"$1 NOTIFY SET (MAILBOXES INBOX (MessageNew MessageExpunge)) "
		"(PERSONAL (SubscriptionChange))\r\n"
		"$2 NOTIFY SET (SELECTED (MessageNew (uid flags) MessageExpunge)) "
		"(PERSONAL (MessageNew MessageExpunge FlagChange))\r\n",
		SET_DONE SET_DONE},
	{TYPED_ROW(section_5), {.caps = "NOTIFY"},
		"$2 NOTIFY SET (SELECTED (MessageNew MessageExpunge))\r\n",
		"unasked * 99 FETCH (UID 9999 FLAGS ($Junk))\n  FETCH seq=99 uid=9999 flags=$Junk\n"
		"unasked * STATUS Lists/Lemonade (HIGHESTMODSEQ 65666665 UIDVALIDITY 101)\n"
		"  STATUS mailbox=Lists/Lemonade uidvalidity=101 modseq=65666665"
		"(HIGHESTMODSEQ 65666665 UIDVALIDITY 101)\n"
		"unasked * 444 EXISTS\n  EXISTS 444\nunasked * 444 FETCH (UID 9999)\n"
		"  FETCH seq=444 uid=9999\n"
		"unasked * STATUS Lists/Lemonade (UIDNEXT 10002 MESSAGES 503)\n"
		"  STATUS mailbox=Lists/Lemonade messages=503 uidnext=10002(UIDNEXT 10002 MESSAGES 503)\n"
		"unasked * 444 EXPUNGE\n  EXPUNGE 444\nunasked * VANISHED 5444\n  VANISHED all=5444\n"
		"unasked * STATUS misc (UIDNEXT 999 MESSAGES 554)\n"
		"  STATUS mailbox=misc messages=554 uidnext=999(UIDNEXT 999 MESSAGES 554)\n"
		"unasked * LIST () \"/\" \"NewMailbox\"\n  LIST name=NewMailbox delimiter=/\n"
		"unasked * LIST (\\NonExistent) \".\" \"INBOX.DeletedMailbox\"\n"
		"  LIST name=INBOX.DeletedMailbox delimiter=. attrs=3 attr=\\NonExistent\n"
		"unasked * LIST () \"/\" \"NewMailbox\" (\"OLDNAME\" (\"OldMailbox\"))\n"
		"  LIST name=NewMailbox delimiter=/ oldname=OldMailbox extended=(\"OLDNAME\" (\"OldMailbox\"))\n"
		"unasked * LIST (\\Subscribed) \"/\" \"SubscribedMailbox\"\n"
		"  LIST name=SubscribedMailbox delimiter=/ attrs=20 attr=\\Subscribed\n"
		"unasked * OK [NOTIFICATIONOVERFLOW] ...A comment can go here...\n"
		"  OK code=49 atom=NOTIFICATIONOVERFLOW text=...A comment can go here...\n"
		"exists 442\n"},
};

static const struct typed_row rows[] = {
	{TYPED_ROW(all_there_is), {.caps = "NOTIFY"},
		"$1 NOTIFY SET STATUS (SELECTED-DELAYED (MessageNew MessageExpunge FlagChange "
		"AnnotationChange)) (INBOXES NONE) (SUBSCRIBED (MailboxName)) "
		"(SUBTREE (\"a b\" \"c\\\"\") (MailboxMetadataChange ServerMetadataChange))\r\n"
		"$2 NOTIFY NONE\r\n",
		"  LIST name=x delimiter=/ attr=\\NoAccess\n" SET_DONE
		"unasked * STATUS x (MESSAGES 1)\n" NONE_DONE},
	{TYPED_ROW(refused), {.caps = "NOTIFY"}, "$1 " PERSONAL "$2 " PERSONAL "$3 " PERSONAL,
		"offered 13\nIMAP4_E_NO NOTIFY SET was refused: no\n"
		"offered 0\nIMAP4_E_NO NOTIFY SET was refused: too much\n"
		"IMAP4_E_BAD NOTIFY SET was not understood by the server: x\n"},
	{TYPED_ROW(it_is_alone), {.caps = "NOTIFY"},
		"$1 STATUS x (MESSAGES)\r\n"
		"$2 NOTIFY SET STATUS (PERSONAL (MessageNew MessageExpunge))\r\n"
		"$3 STATUS x (MESSAGES)\r\n",
		"in flight 1\n  STATUS mailbox=x messages=1(MESSAGES 1)\nIMAP4_OK STATUS succeeded\n"
		"  STATUS mailbox=x messages=2(MESSAGES 2)\n" SET_DONE
		"  STATUS mailbox=x messages=3(MESSAGES 3)\nIMAP4_OK STATUS succeeded\n"},
	{TYPED_ROW(not_offered), {0}, "",
		"IMAP4_E_NOCAP NOTIFY SET failed: the server does not offer NOTIFY\n"
		"IMAP4_E_NOCAP NOTIFY NONE failed: the server does not offer NOTIFY\n"},
	{TYPED_ROW(backup_may), {.caps = "NOTIFY", .policy = IMAP4_POLICY_BACKUP},
		"$1 " PERSONAL "$2 NOTIFY NONE\r\n", SET_DONE NONE_DONE},
};

Test(notify, examples_of_rfc_5465, .timeout = 120)
{
	typed_check(rfc_rows, COUNT(rfc_rows));
}

Test(notify, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	typed_check(rows, COUNT(rows));
}

Test(notify, bodies_nobody_asked_for_are_kept_only_while_it_is_in_effect)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "NOTIFY"}, 0);
	bodies_come_with_notify_only(r);
	size_t kept[5] = {0}, n = 0;
	for (const char *p = buf_str(&r->log); (p = strstr(p, "unasked * 1 FETCH")) != NULL; p++) {
		const char *end = strstr(p + 1, "unasked");
		const char *found = strstr(p, "[HEADER] 3 octets");
		kept[n++] = found != NULL && (end == NULL || found < end);
	}
	cr_assert_eq(n, (size_t)5);
	static const size_t expected[5] = {0, 1, 0, 1, 0};
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(kept[i], expected[i], "%zu", i);
	rig_free(r);
}

/* Without it so many in a row are a flood; with it they are a quiet night. While a command waits it is a flood again. */
Test(notify, what_it_tells_is_no_flood, .timeout = 60)
{
	for (int step = 0; step < 3; step++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = "NOTIFY"}, 0);
		typed_open(r);
		imap4_cmd *c = step > 0 ? notified(r, "$2 OK x\r\n") : NULL;
		imap4_cmd *noop = step == 2 ? imap4_noop_start(r->session) : NULL;
		for (size_t i = 0; i <= IMAP_UNASKED_MAX; i++) {
			rig_say_bytes(r, "* STATUS a (MESSAGES 1)\r\n", 25);
			buf_clear(&r->log);
		}
		cr_expect_eq(r->failed, step != 1, "%d", step);
		imap4_cmd_free(c);
		imap4_cmd_free(noop);
		rig_free(r);
	}
}

/* RFC 5465 sections 5, 6.1 and 8: what a server has to answer with BAD is not sent. */
Test(notify, what_the_protocol_does_not_have_is_refused_here)
{
	imap4_str box = typed_str("a"), bad = typed_str("a\xff");
	const imap4_watch w[][2] = {
		{WATCH(.which = -1, .events = NEW)},
		{WATCH(.which = IMAP4_WATCH_MAILBOXES + 1, .events = NEW, .mailboxes = &box,
			.nmailboxes = 1)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = 1u << 8)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = IMAP4_EVENT_MESSAGE_NEW)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = IMAP4_EVENT_MESSAGE_EXPUNGE)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = IMAP4_EVENT_FLAG_CHANGE)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = IMAP4_EVENT_ANNOTATION_CHANGE)},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = IMAP4_EVENT_MAILBOX_NAME)},
		{WATCH(.which = IMAP4_WATCH_SUBTREE, .events = NEW)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW, .mailboxes = &box,
			.nmailboxes = 1)},
		{WATCH(.which = IMAP4_WATCH_PERSONAL, .events = NEW, .items = "UID")},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = 0, .items = "UID")},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW, .items = "FAST")},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW, .items = "BODY[]")},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW, .items = "UID)")},
		{WATCH(.which = IMAP4_WATCH_MAILBOXES, .events = NEW, .mailboxes = &bad,
			.nmailboxes = 1)},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW),
			WATCH(.which = IMAP4_WATCH_SELECTED_DELAYED, .events = NEW)},
		{WATCH(.which = IMAP4_WATCH_SELECTED, .events = NEW),
			{.struct_size = sizeof(imap4_watch) + 1}},
		{{.struct_size = 8}},
	};
	struct rig *r = rig_new(&(struct rig_options){.caps = "NOTIFY"}, 0);
	for (size_t i = 0; i < COUNT(w); i++) {
		size_t n = w[i][1].struct_size != 0 ? 2 : 1;
		cr_expect_null(imap4_notify_start(r->session, w[i], n, 0), "%zu", i);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG, "%zu: %s", i, rig_last_text(r));
	}
	cr_expect_null(imap4_notify_start(r->session, NULL, 0, 0));
	rig_pump(r);
	cr_expect_eq(r->sent.len, (size_t)0);
	rig_free(r);
}

/* Names are UTF-8 once that is enabled, and then stand in quotes. */
Test(notify, names_are_utf8_where_that_is_enabled)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "NOTIFY UTF8=ACCEPT"}, 0);
	typed_enabled(r, "UTF8=ACCEPT");
	imap4_str box = typed_str("\xc3\xa9");
	const imap4_watch w[] = {WATCH(.which = IMAP4_WATCH_MAILBOXES, .events = NEW,
		.mailboxes = &box, .nmailboxes = 1)};
	cr_expect_not_null(imap4_notify_start(r->session, w, 1, 0));
	rig_pump(r);
	cr_expect_not_null(strstr(buf_str(&r->sent), "(MAILBOXES \"\xc3\xa9\" (MessageNew"));
	rig_free(r);
}

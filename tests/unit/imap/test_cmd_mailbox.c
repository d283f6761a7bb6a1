/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_mailbox.c -- commands about mailboxes and the session: which options are sent to which server, and whose the
 * answers are.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static imap4_cmd *list(struct rig *r, const char *const *pattern, size_t n, uint32_t ret,
	uint32_t items, int subscribed, int plain)
{
	return imap4_list_start(r->session, "", pattern, n,
		&(imap4_list_opts){.struct_size = sizeof(imap4_list_opts),
			.ret = ret,
			.status_items = items,
			.select_subscribed = subscribed,
			.plain = plain});
}

#define ALL_RET	  (IMAP4_RET_SUBSCRIBED | IMAP4_RET_CHILDREN | IMAP4_RET_SPECIAL_USE)
#define ALL_ITEMS ((uint32_t)0x7ff)

static const char *const star[] = {"*"};
static const char *const two[] = {"INBOX", "a*"};

static void list_all(struct rig *r)
{
	imap4_cmd *c = list(r, star, 1, ALL_RET, ALL_ITEMS, 0, 0);
	rig_say(r, "* LIST () \"/\" a\r\n* STATUS a (MESSAGES 1)\r\n$1 OK x\r\n");
	rig_finish(r, c);
}

static void list_two(struct rig *r)
{
	imap4_cmd *c = list(r, two, 2, IMAP4_RET_CHILDREN, 0, 0, 0);
	rig_pump(r);
	rig_say(r, "* LIST () \"/\" INBOX\r\n$1 OK x\r\n");
	if (!imap4_cmd_done(c))
		rig_say(r, "* LIST () \"/\" a\r\n$2 OK x\r\n");
	rig_finish(r, c);
}

static void list_two_first_fails(struct rig *r)
{
	imap4_cmd *c = list(r, two, 2, 0, 0, 0, 0);
	rig_say(r, "$1 NO first\r\n");
	rig_say(r, "* LIST () \"/\" a\r\n$2 NO second\r\n");
	rig_finish(r, c);
}

static void list_plain(struct rig *r)
{
	imap4_cmd *c = list(r, star, 1, ALL_RET, ALL_ITEMS, 1, 1);
	rig_say(r, "* STATUS a (MESSAGES 1)\r\n$1 OK x\r\n");
	rig_finish(r, c);
}

static void list_subscribed(struct rig *r)
{
	imap4_cmd *c = list(r, star, 1, 0, 0, 1, 0);
	rig_pump(r);
	if (!imap4_cmd_done(c))
		rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

static void lists_do_not_mix(struct rig *r)
{
	imap4_cmd *a = list(r, star, 1, 0, IMAP4_ST_MESSAGES, 0, 0);
	imap4_cmd *b = imap4_lsub_start(r->session, NULL, "%");
	imap4_cmd *c = imap4_status_start(r->session, str("a"), IMAP4_ST_MESSAGES);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* LIST () \"/\" a\r\n* STATUS a (MESSAGES 1)\r\n$1 OK x\r\n");
	rig_say(r, "* LSUB () \"/\" a\r\n$2 OK x\r\n");
	rig_say(r, "* STATUS a (MESSAGES 2)\r\n$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void a_list_with_status_keeps_status_away(struct rig *r)
{
	imap4_cmd *a = list(r, star, 1, 0, IMAP4_ST_MESSAGES, 0, 0);
	imap4_cmd *b = imap4_status_start(r->session, str("a"), IMAP4_ST_MESSAGES);
	imap4_cmd *c = list(r, star, 1, 0, IMAP4_ST_MESSAGES, 0, 0);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* STATUS a (MESSAGES 1)\r\n$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* STATUS a (MESSAGES 2)\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void list_wrong(struct rig *r)
{
	char name[1002];
	memset(name, 'a', 1001);
	name[1001] = '\0';
	const char *const pattern[] = {name};
	rig_finish(r, list(r, star, 0, 0, 0, 0, 0));
	rig_finish(r, list(r, pattern, 1, 0, 0, 0, 0));
	rig_finish(r, imap4_lsub_start(r->session, "", NULL));
}

static void status_all(struct rig *r)
{
	imap4_cmd *c = imap4_status_start(r->session, str("a b"), ALL_ITEMS);
	rig_say(r, "* STATUS \"a b\" (MESSAGES 1)\r\n* STATUS b (MESSAGES 2)\r\n$1 OK x\r\n");
	rig_finish(r, c);
}

static void status_nothing_offered(struct rig *r)
{
	imap4_cmd *c = imap4_status_start(r->session, str("a"), IMAP4_ST_SIZE);
	rig_pump(r);
	rig_finish(r, c);
	rig_finish(r, imap4_status_start(r->session, str("a"), 0));
	rig_finish(r, imap4_status_start(r->session, (imap4_str){"a\0b", 3}, 1));
}

static void select_writable(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, str("a"),
		&(imap4_select_opts){
			.struct_size = sizeof(imap4_select_opts), .writable = 1, .condstore = 1});
	rig_say(r,
		"* 5 EXISTS\r\n* 1 RECENT\r\n* OK [CLOSED] old\r\n* 3 EXISTS\r\n* FLAGS (\\Seen)\r\n"
		"* OK [UIDVALIDITY 4294967295] .\r\n* OK [UIDNEXT 7] .\r\n"
		"* OK [HIGHESTMODSEQ 9223372036854775807] .\r\n* OK [PERMANENTFLAGS (\\Seen a \\*)] .\r\n"
		"* OK [MAILBOXID (F22)] .\r\n* NO [UIDNOTSTICKY] .\r\n$1 OK [READ-WRITE] x\r\n");
	const imap4_selected *s = imap4_selected_mailbox(r->session);
	rig_logf(r, "%u %u %u %u %llu ro=%d ns=%d nm=%d id=%s", s->exists, s->recent,
		s->uidvalidity, s->uidnext, (unsigned long long)s->highestmodseq, s->read_only,
		s->uidnotsticky, s->nomodseq, s->mailboxid.ptr);
	for (size_t i = 0; i < s->npermanent_flags; i++)
		rig_logf(r, " %s", s->permanent_flags[i].ptr);
	rig_logf(r, "\n");
	rig_say(r, "* OK [HIGHESTMODSEQ 8] later\r\n* OK [READ-ONLY] now\r\n");
	rig_logf(r, "%llu ro=%d\n", (unsigned long long)s->highestmodseq, s->read_only);
	imap4_cmd_free(c);
	imap4_cmd *u = imap4_unselect_start(r->session);
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, u);
	rig_logf(r, "%d\n", imap4_selected_mailbox(r->session) == NULL);
}

static void examine_odd(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, str("a"), NULL);
	rig_say(r,
		"* OK [UIDVALIDITY 4294967296] .\r\n* OK [UIDNEXT x] .\r\n* OK [HIGHESTMODSEQ "
		"9223372036854775808] .\r\n* OK [NOMODSEQ] .\r\n* OK [PERMANENTFLAGS ()] "
		".\r\n* OK [MAILBOXID] .\r\n* 1 EXPUNGE\r\n$1 OK x\r\n");
	const imap4_selected *s = imap4_selected_mailbox(r->session);
	rig_logf(r, "%u %u %u %llu ro=%d nm=%d %zu\n", s->exists, s->uidvalidity, s->uidnext,
		(unsigned long long)s->highestmodseq, s->read_only, s->nomodseq,
		s->npermanent_flags);
	imap4_cmd_free(c);
	imap4_cmd *u = imap4_unselect_start(r->session);
	rig_pump(r);
	rig_finish(r, u);
}

static void backup_refuses_to_write(struct rig *r)
{
	rig_finish(r,
		imap4_select_start(r->session, str("a"),
			&(imap4_select_opts){
				.struct_size = sizeof(imap4_select_opts), .writable = 1}));
	imap4_cmd *c = imap4_select_start(r->session, str("a"), NULL);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
	static const char *const items[] = {"BODY[]", "RFC822", "UID BODY.PEEK[]"};
	for (size_t i = 0; i < 3; i++)
		rig_finish(r,
			imap4_fetch_start(r->session, NULL, items[i],
				&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
					.by = IMAP4_BY_UID,
					.open_from = 1}));
}

static void id_pairs(struct rig *r)
{
	static const char *const pair[] = {"name", "imap\"sync", "x", NULL};
	imap4_cmd *a = imap4_id_start(r->session, pair, 2),
		  *b = imap4_id_start(r->session, NULL, 0);
	rig_say(r, "* ID (\"name\" \"Dovecot\")\r\n$1 OK x\r\n");
	rig_say(r, "* ID NIL\r\n$2 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	static const char *const none[] = {NULL, "x"};
	rig_finish(r, imap4_id_start(r->session, none, 1));
	static const char *const long_field[] = {"0123456789012345678901234567890", "x"};
	rig_finish(r, imap4_id_start(r->session, long_field, 1));
	rig_finish(r, imap4_id_start(r->session, pair, 31));
}

static void others(struct rig *r)
{
	static const char *const cap[] = {"CONDSTORE", "X"}, *const bad[] = {"A B"};
	imap4_cmd *a = imap4_namespace_start(r->session);
	imap4_cmd *b = imap4_enable_start(r->session, cap, 2);
	imap4_cmd *c = imap4_capability_start(r->session);
	rig_say(r,
		"* CAPABILITY X\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* ENABLED CONDSTORE\r\n");
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
	rig_finish(r, imap4_enable_start(r->session, bad, 1));
	rig_finish(r, imap4_enable_start(r->session, NULL, 0));
}

static void nothing_offered(struct rig *r)
{
	static const char *const cap[] = {"CONDSTORE"};
	imap4_cmd *c[] = {imap4_namespace_start(r->session), imap4_enable_start(r->session, cap, 1),
		imap4_id_start(r->session, NULL, 0)};
	rig_pump(r);
	for (size_t i = 0; i < 3; i++)
		rig_finish(r, c[i]);
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play
#define LIST_LOG  "  * LIST () \"/\" a\n  * STATUS a (MESSAGES 1)\nIMAP4_OK LIST succeeded\n"
#define LIST_ONLY_LOG                                                                              \
	"unasked * STATUS a (MESSAGES 1)\n  * LIST () \"/\" a\nIMAP4_OK LIST succeeded\n"
#define LIST_TWO_LOG "  * LIST () \"/\" INBOX\n  * LIST () \"/\" a\nIMAP4_OK LIST succeeded\n"
#define STATUS_LOG                                                                                 \
	"unasked * STATUS b (MESSAGES 2)\n  * STATUS \"a b\" (MESSAGES 1)\nIMAP4_OK STATUS succeeded\n"
#define BASIC_ITEMS "MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT"

static const struct row rows[] = {
	{ROW(list_all), {0}, "$1 LIST \"\" \"*\"\r\n", LIST_ONLY_LOG},
	{ROW(list_all), {.caps = "SPECIAL-USE LIST-STATUS CONDSTORE"}, "$1 LIST \"\" \"*\"\r\n",
		LIST_ONLY_LOG},
	{ROW(list_all), {.caps = "LIST-EXTENDED"},
		"$1 LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN)\r\n", LIST_ONLY_LOG},
	{ROW(list_all), {.caps = "LIST-EXTENDED SPECIAL-USE LIST-STATUS"},
		"$1 LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (" BASIC_ITEMS
		"))\r\n",
		LIST_LOG},
	{ROW(list_all), {.caps = "IMAP4rev2 SPECIAL-USE CONDSTORE OBJECTID APPENDLIMIT=5"},
		"$1 LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (" BASIC_ITEMS
		" HIGHESTMODSEQ SIZE MAILBOXID APPENDLIMIT DELETED))\r\n",
		LIST_LOG},
	{ROW(list_two), {.caps = "LIST-EXTENDED"},
		"$1 LIST \"\" (\"INBOX\" \"a*\") RETURN (CHILDREN)\r\n",
		"  * LIST () \"/\" INBOX\nIMAP4_OK LIST succeeded\n"},
	{ROW(list_two), {.window = 1}, "$1 LIST \"\" \"INBOX\"\r\n$2 LIST \"\" \"a*\"\r\n",
		LIST_TWO_LOG},
	{ROW(list_two_first_fails), {.window = 1},
		"$1 LIST \"\" \"INBOX\"\r\n$2 LIST \"\" \"a*\"\r\n",
		"  * LIST () \"/\" a\nIMAP4_E_NO LIST was refused: first\n"},
	{ROW(list_plain), {.caps = "IMAP4rev2"}, "$1 LIST \"\" \"*\"\r\n",
		"unasked * STATUS a (MESSAGES 1)\nIMAP4_OK LIST succeeded\n"},
	{ROW(list_subscribed), {.caps = "LIST-EXTENDED"}, "$1 LIST (SUBSCRIBED) \"\" \"*\"\r\n",
		"IMAP4_OK LIST succeeded\n"},
	{ROW(list_subscribed), {0}, "",
		"IMAP4_E_NOCAP LIST failed: the server does not offer LIST-EXTENDED\n"},
	{ROW(lists_do_not_mix), {.caps = "LIST-EXTENDED LIST-STATUS"},
		"$1 LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n$2 LSUB \"\" \"%\"\r\n"
		"$3 STATUS a (MESSAGES)\r\n",
		"in flight 1\n" LIST_LOG "  * LSUB () \"/\" a\nIMAP4_OK LSUB succeeded\n"
		"  * STATUS a (MESSAGES 2)\nIMAP4_OK STATUS succeeded\n"},
	{ROW(a_list_with_status_keeps_status_away), {.caps = "LIST-EXTENDED LIST-STATUS"},
		"$1 LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n$2 STATUS a (MESSAGES)\r\n"
		"$3 LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n",
		"in flight 1\nin flight 1\n  * STATUS a (MESSAGES 1)\nIMAP4_OK LIST succeeded\n"
		"  * STATUS a (MESSAGES 2)\nIMAP4_OK STATUS succeeded\nIMAP4_OK LIST succeeded\n"},
	{ROW(list_wrong), {0}, "",
		"not started IMAP4_E_ARG: LIST: no pattern\n"
		"not started IMAP4_E_ARG: LIST: a mailbox name is longer than 1000 octets\n"
		"not started IMAP4_E_ARG: LSUB: no pattern\n"},
	{ROW(status_all), {0}, "$1 STATUS \"a b\" (" BASIC_ITEMS ")\r\n", STATUS_LOG},
	{ROW(status_all), {.caps = "CONDSTORE"},
		"$1 STATUS \"a b\" (" BASIC_ITEMS " HIGHESTMODSEQ)\r\n", STATUS_LOG},
	{ROW(status_all), {.caps = "QRESYNC STATUS=SIZE"},
		"$1 STATUS \"a b\" (" BASIC_ITEMS " HIGHESTMODSEQ SIZE)\r\n", STATUS_LOG},
	{ROW(status_all), {.caps = "OBJECTID"}, "$1 STATUS \"a b\" (" BASIC_ITEMS " MAILBOXID)\r\n",
		STATUS_LOG},
	{ROW(status_all), {.caps = "APPENDLIMIT"},
		"$1 STATUS \"a b\" (" BASIC_ITEMS " APPENDLIMIT)\r\n", STATUS_LOG},
	{ROW(status_all), {.caps = "QUOTA=RES-MESSAGE"},
		"$1 STATUS \"a b\" (" BASIC_ITEMS " DELETED)\r\n", STATUS_LOG},
	{ROW(status_all), {.caps = "QUOTA=RES-STORAGE"},
		"$1 STATUS \"a b\" (" BASIC_ITEMS " DELETED-STORAGE)\r\n", STATUS_LOG},
	{ROW(status_nothing_offered), {0}, "",
		"IMAP4_E_NOCAP STATUS failed: the server offers none of the items\n"
		"not started IMAP4_E_ARG: STATUS: no items\n"
		"not started IMAP4_E_ARG: STATUS: a text has a NUL octet, which IMAP cannot carry\n"},
	{ROW(select_writable), {.caps = "CONDSTORE UNSELECT"},
		"$1 SELECT a (CONDSTORE)\r\n$2 UNSELECT\r\n",
		"3 0 4294967295 7 9223372036854775807 ro=0 ns=1 nm=0 id=F22 \\Seen a \\*\n"
		"unasked * OK [HIGHESTMODSEQ 8] later\nunasked * OK [READ-ONLY] now\n"
		"9223372036854775807 ro=1\nIMAP4_OK UNSELECT succeeded\n1\n"},
	{ROW(examine_odd), {0}, "$1 EXAMINE a\r\n",
		"unasked * 1 EXPUNGE\n0 0 0 0 ro=1 nm=1 0\n"
		"IMAP4_E_NOCAP UNSELECT failed: the server does not offer UNSELECT\n"},
	{ROW(backup_refuses_to_write), {.policy = IMAP4_POLICY_BACKUP}, "$1 EXAMINE a\r\n",
		"not started IMAP4_E_POLICY: SELECT may change the mailbox: not during a backup\n"
		"IMAP4_OK EXAMINE succeeded\n"
		"not started IMAP4_E_ARG: UID FETCH: FETCH items: an item would mark messages as read\n"
		"not started IMAP4_E_ARG: UID FETCH: FETCH items: an item would mark messages as read\n"
		"IMAP4_AGAIN the command is not complete yet\n"},
	{ROW(id_pairs), {.caps = "ID"},
		"$1 ID (\"name\" \"imap\\\"sync\" \"x\" NIL)\r\n$2 ID NIL\r\n",
		"  * ID (\"name\" \"Dovecot\")\nIMAP4_OK ID succeeded\n"
		"  * ID NIL\nIMAP4_OK ID succeeded\n"
		"not started IMAP4_E_ARG: ID: a field has no name\n"
		"not started IMAP4_E_ARG: ID: a field or a value is longer than 30 octets\n"
		"not started IMAP4_E_ARG: ID: more than 30 fields\n"},
	{ROW(others), {.caps = "NAMESPACE ENABLE"},
		"$1 NAMESPACE\r\n$2 ENABLE CONDSTORE X\r\n$3 CAPABILITY\r\n",
		"  * NAMESPACE ((\"\" \"/\")) NIL NIL\nIMAP4_OK NAMESPACE succeeded\n"
		"  * ENABLED CONDSTORE\nIMAP4_OK ENABLE succeeded\n"
		"  * CAPABILITY X\nIMAP4_OK CAPABILITY succeeded\n"
		"not started IMAP4_E_ARG: ENABLE: a name has characters that cannot be sent\n"
		"not started IMAP4_E_ARG: ENABLE: no capability is named\n"},
	{ROW(nothing_offered), {0}, "",
		"IMAP4_E_NOCAP NAMESPACE failed: the server does not offer NAMESPACE\n"
		"IMAP4_E_NOCAP ENABLE failed: the server does not offer ENABLE\n"
		"IMAP4_E_NOCAP ID failed: the server does not offer ID\n"},
};

Test(cmd_mailbox, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

Test(cmd_mailbox, options_of_an_older_caller_are_zero_behind_their_end)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	imap4_select_opts o = {.struct_size = offsetof(imap4_select_opts, writable), .writable = 1};
	cr_assert_not_null(imap4_select_start(r->session, str("x"), &o));
	rig_pump(r);
	cr_assert(strstr(buf_str(&r->sent), "EXAMINE x") != NULL, "%s", buf_str(&r->sent));
	rig_free(r);
}

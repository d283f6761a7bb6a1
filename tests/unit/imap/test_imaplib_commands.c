/* SPDX-License-Identifier: MIT */
/*
 * test_imaplib_commands.c -- one play for each command of imaplib, by message number and by UID where there are both, over plain TCP
 * and over TLS: what goes out, and what is made of the answer. The names are imaplib's.
 *
 * Different on purpose: the library needs no words quoted by the caller; the deprecated "uid" form of a command is an argument;
 * FETCH asks for the UID when it goes by UID; SEARCH and FLAGS data come as sets and lists, not as text.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "tests/support/imaplib_rig.h"

#define CAPS                                                                                       \
	"IMAP4rev1 ACL QUOTA NAMESPACE UIDPLUS MOVE UNSELECT ID ENABLE SORT THREAD=REFERENCES "    \
	"ANNOTATEMORE"
#define HELLO "S: * PREAUTH [CAPABILITY " CAPS "] hi\n"
#define OPEN  HELLO "C: SELECT INBOX\nS: * 9 EXISTS\nS: $ OK [READ-WRITE] opened\n"
#define OK    "S: $ OK done\n"

#define PLAY(name, call)                                                                           \
	static void name(struct stage *t)                                                          \
	{                                                                                          \
		(void)stage_done(t, call);                                                         \
	}
#define PLAY_SELECTED(name, call)                                                                  \
	static void name(struct stage *t)                                                          \
	{                                                                                          \
		stage_select(t, 1);                                                                \
		(void)stage_done(t, call);                                                         \
	}

static const char *const any[] = {"*"};
static const imap4_str box = {"a box", 5}, other = {"other", 5};

/* ---- mailboxes --------------------------------------------------------------------------------------------- */

PLAY(create, imap4_create_start(t->s, box, NULL))
PLAY(delete_, imap4_delete_start(t->s, box))
PLAY(rename_, imap4_rename_start(t->s, box, other))
PLAY(subscribe, imap4_subscribe_start(t->s, box))
PLAY(unsubscribe, imap4_unsubscribe_start(t->s, box))
PLAY(list, imap4_list_start(t->s, "~/Mail/", any, 1, NULL))
PLAY(lsub, imap4_lsub_start(t->s, "", "*"))
PLAY(status, imap4_status_start(t->s, box, IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UNSEEN))
PLAY(namespace_, imap4_namespace_start(t->s))
PLAY(getacl, imap4_getacl_start(t->s, box))
PLAY(setacl, imap4_setacl_start(t->s, box, "fred smith", "+lrs"))
PLAY(deleteacl, imap4_deleteacl_start(t->s, box, "fred"))
PLAY(myrights, imap4_myrights_start(t->s, box))
PLAY(getquota, imap4_getquota_start(t->s, ""))
PLAY(getquotaroot, imap4_getquotaroot_start(t->s, box))

static void setquota(struct stage *t)
{
	const imap4_quota limit = {.resource = {"STORAGE", 7}, .limit = 512};
	(void)stage_done(t, imap4_setquota_start(t->s, "", &limit, 1));
}

static void getannotation(struct stage *t)
{
	static const char *const entry[] = {"/comment"}, *const attribute[] = {"value.priv"};
	(void)stage_done(t, imap4_getannotation_start(t->s, box, entry, 1, attribute, 1));
}

static void setannotation(struct stage *t)
{
	const imap4_annotation a = {{"/comment", 8}, {"value.priv", 10}, {"My comment", 10}, 0};
	(void)stage_done(t, imap4_setannotation_start(t->s, box, &a, 1));
}

static const struct stage_row mailboxes[] = {
	{"create", HELLO "C: CREATE \"a box\"\n" OK, create, "OK done\n", NULL},
	{"delete", HELLO "C: DELETE \"a box\"\n" OK, delete_, "OK done\n", NULL},
	{"rename", HELLO "C: RENAME \"a box\" other\nS: $ NO [ALREADYEXISTS] it is there\n",
		rename_, "IMAP4_E_NO [ALREADYEXISTS] it is there\n", NULL},
	{"subscribe", HELLO "C: SUBSCRIBE \"a box\"\n" OK, subscribe, "OK done\n", NULL},
	{"unsubscribe", HELLO "C: UNSUBSCRIBE \"a box\"\nS: $ BAD never heard of it\n", unsubscribe,
		"IMAP4_E_BAD never heard of it\n", NULL},
	{"list",
		HELLO
		"C: LIST \"~/Mail/\" \"*\"\nS: * LIST (\\Noselect) \"/\" ~/Mail/foo\n"
		"S: * LIST () NIL \"a \\\"quoted\\\" name\"\nS: * LIST () \"\\\\\" Entw&APw-rfe\n" OK,
		list,
		"  LIST name=~/Mail/foo delimiter=/ attrs=1 attr=\\Noselect\n"
		"  LIST name=a \"quoted\" name\n"
		"  LIST name=Entw&APw-rfe delimiter=\\\n"
		"OK done\n",
		NULL},
	{"lsub", HELLO "C: LSUB \"\" \"*\"\nS: * LSUB (\\HasNoChildren) \".\" INBOX\n" OK, lsub,
		"  LSUB name=INBOX delimiter=. lsub attrs=10 attr=\\HasNoChildren\n"
		"OK done\n",
		NULL},
	{"status",
		HELLO "C: STATUS \"a box\" (MESSAGES UIDNEXT UNSEEN)\n"
		      "S: * STATUS \"a box\" (MESSAGES 231 UIDNEXT 44292 UNSEEN 0 X-NEW (1))\n" OK,
		status,
		"  STATUS mailbox=a box messages=231 uidnext=44292 unseen=0(MESSAGES 231 UIDNEXT 44292 UNSEEN 0 X-NEW (1))\n"
		"OK done\n",
		NULL},
	{"namespace",
		HELLO "C: NAMESPACE\nS: * NAMESPACE ((\"\" \"/\")) NIL ((\"#shared/\" NIL))\n" OK,
		namespace_,
		"  NAMESPACE 0::/ 2:#shared/:-\n"
		"OK done\n",
		NULL},
	{"getacl", HELLO "C: GETACL \"a box\"\nS: * ACL \"a box\" fred rwipslda -joe lrs\n" OK,
		getacl,
		"  OTHER ACL (\"a box\" fred rwipslda -joe lrs)\n"
		"OK done\n",
		NULL},
	{"setacl", HELLO "C: SETACL \"a box\" \"fred smith\" +lrs\n" OK, setacl, "OK done\n", NULL},
	{"deleteacl", HELLO "C: DELETEACL \"a box\" fred\n" OK, deleteacl, "OK done\n", NULL},
	{"myrights", HELLO "C: MYRIGHTS \"a box\"\nS: * MYRIGHTS \"a box\" rwiptsldaex\n" OK,
		myrights,
		"  OTHER MYRIGHTS (\"a box\" rwiptsldaex)\n"
		"OK done\n",
		NULL},
	{"getquota", HELLO "C: GETQUOTA \"\"\nS: * QUOTA \"\" (STORAGE 10 512)\n" OK, getquota,
		"  OTHER QUOTA (\"\" (STORAGE 10 512))\n"
		"OK done\n",
		NULL},
	{"getquotaroot",
		HELLO "C: GETQUOTAROOT \"a box\"\nS: * QUOTAROOT \"a box\" \"\"\n"
		      "S: * QUOTA \"\" (STORAGE 10 512)\n" OK,
		getquotaroot,
		"  OTHER QUOTAROOT (\"a box\" \"\")\n"
		"  OTHER QUOTA (\"\" (STORAGE 10 512))\n"
		"OK done\n",
		NULL},
	{"setquota", HELLO "C: SETQUOTA \"\" (STORAGE 512)\nS: * QUOTA \"\" (STORAGE 10 512)\n" OK,
		setquota,
		"  OTHER QUOTA (\"\" (STORAGE 10 512))\n"
		"OK done\n",
		NULL},
	{"getannotation",
		HELLO "C: GETANNOTATION \"a box\" \"/comment\" \"value.priv\"\n"
		      "S: * ANNOTATION \"a box\" \"/comment\" (\"value.priv\" \"My comment\")\n" OK,
		getannotation,
		"  OTHER ANNOTATION (\"a box\" \"/comment\" (\"value.priv\" \"My comment\"))\n"
		"OK done\n",
		NULL},
	{"setannotation",
		HELLO
		"C: SETANNOTATION \"a box\" \"/comment\" (\"value.priv\" \"My comment\")\n" OK,
		setannotation, "OK done\n", NULL},
};

Test(imaplib_commands, mailboxes)
{
	stage_check(mailboxes, sizeof(mailboxes) / sizeof(mailboxes[0]), STAGE_BOTH);
}

/* ---- the session ------------------------------------------------------------------------------------------- */

PLAY(capability, imap4_capability_start(t->s))
PLAY(noop, imap4_noop_start(t->s))
PLAY(proxyauth, imap4_proxyauth_start(t->s, "fred"))
PLAY_SELECTED(check, imap4_check_start(t->s))

static void id(struct stage *t)
{
	static const char *const pairs[] = {"name", "x", "os", NULL};
	(void)stage_done(t, imap4_id_start(t->s, pairs, 2));
	(void)stage_done(t, imap4_id_start(t->s, NULL, 0));
}

/* response() and recent(): what nobody asked for is told when it comes, and the counts are kept. */
static void recent(struct stage *t)
{
	stage_select(t, 1);
	(void)stage_done(t, imap4_noop_start(t->s));
	const imap4_selected *m = imap4_selected_mailbox(t->s);
	stage_logf(t, "exists %u recent %u\n", m->exists, m->recent);
}

static void state_after(struct stage *t)
{
	stage_logf(t, "%s\n",
		imap4_session_state(t->s) == IMAP4_SELECTED ? "selected" : "authenticated");
}

static void close_(struct stage *t)
{
	stage_select(t, 1);
	(void)stage_done(t, imap4_close_mailbox_start(t->s));
	state_after(t);
}

static void unselect(struct stage *t)
{
	stage_select(t, 1);
	(void)stage_done(t, imap4_unselect_start(t->s));
	state_after(t);
}

static void select_box(struct stage *t, imap4_str name, int writable)
{
	const imap4_select_opts o = {.struct_size = sizeof(o), .writable = writable};
	(void)stage_done(t, imap4_select_start(t->s, name, &o));
	const imap4_selected *m = imap4_selected_mailbox(t->s);
	if (m)
		stage_logf(t, "exists %u uidvalidity %u%s\n", m->exists, m->uidvalidity,
			m->read_only ? " read-only" : "");
	state_after(t);
}

static void selects(struct stage *t)
{
	select_box(t, stage_str("INBOX"), 1);
	select_box(t, box, 1);
	select_box(t, box, 0);
	select_box(t, other, 1);
}

static void xatom(struct stage *t)
{
	static const char *const claims[] = {"XANSWER"};
	const imap4_arg arg[] = {{.type = IMAP4_ARG_ATOM, .text = {"atom", 4}},
		{.type = IMAP4_ARG_ASTRING, .text = {"a \"b\"", 5}},
		{.type = IMAP4_ARG_NUMBER, .number = 5}};
	const imap4_raw_opts o = {.struct_size = sizeof(o), .claims = claims, .nclaims = 1};
	(void)stage_done(t, imap4_raw_start(t->s, "XTEST", arg, 3, &o));
}

/* uid_unknown_command: imaplib refuses it before anything is sent; here it is a raw command that the server refuses. What
 * no command may hold is refused. */
static void uid_unknown_command(struct stage *t)
{
	const imap4_arg evil = {.type = IMAP4_ARG_ATOM, .text = {"a\r\nB LOGOUT", 11}};
	(void)stage_done(t, imap4_raw_start(t->s, "UID UNKNOWN", NULL, 0, NULL));
	(void)stage_done(t, imap4_raw_start(t->s, "UID\r\nLOGOUT", NULL, 0, NULL));
	(void)stage_done(t, imap4_raw_start(t->s, "XTEST", &evil, 1, NULL));
	(void)stage_done(t, imap4_raw_start(t->s, "LOGOUT", NULL, 0, NULL));
}

/* login, logout: state, BYE and the words of the end. */
static void logout(struct stage *t)
{
	stage_log_in(t, "LOGIN", "user", "pass");
	stage_log_in(t, "LOGIN", "user", "pass");
	(void)stage_done(t, imap4_logout_start(t->s));
	stage_logf(t, "%d\n", imap4_session_state(t->s) == IMAP4_LOGGED_OUT);
	(void)stage_done(t, imap4_noop_start(t->s));
}

static const struct stage_row sessions[] = {
	{"capability", HELLO "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 X-Y\n" OK, capability,
		"  CAPABILITY (IMAP4rev1 X-Y)\n"
		"OK done\n",
		NULL},
	{"noop", HELLO "C: NOOP\nS: $ OK [X-Z 1] done\n", noop, "OK [X-Z 1] done\n", NULL},
	{"proxyauth", HELLO "C: PROXYAUTH fred\n" OK "EOF\n", proxyauth, "OK done\n", NULL},
	{"check", OPEN "C: CHECK\n" OK, check, "OK done\n", NULL},
	{"id",
		HELLO
		"C: ID (\"name\" \"x\" \"os\" NIL)\nS: * ID (\"name\" \"Cyrus\" \"os\" NIL)\n" OK
		"C: ID NIL\nS: * ID NIL\n" OK,
		id,
		"  ID ((\"name\" \"Cyrus\" \"os\" NIL))\n"
		"OK done\n"
		"  ID (NIL)\n"
		"OK done\n",
		NULL},
	{"recent, response", OPEN "C: NOOP\nS: * 12 EXISTS\nS: * 3 RECENT\nS: * X-NEW 7\n" OK,
		recent,
		"unasked EXISTS 12\n"
		"unasked RECENT 3\n"
		"unasked OTHER X-NEW (7)\n"
		"OK done\n"
		"exists 12 recent 3\n",
		NULL},
	{"close", OPEN "C: CLOSE\n" OK, close_,
		"OK done\n"
		"authenticated\n",
		NULL},
	{"unselect", OPEN "C: UNSELECT\n" OK, unselect,
		"OK done\n"
		"authenticated\n",
		NULL},
	{"select: INBOX, another, read-only, none",
		HELLO
		"C: SELECT INBOX\nS: * 2 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: $ OK [READ-WRITE] x\n"
		"C: SELECT \"a box\"\nS: * 3 EXISTS\nS: $ OK [READ-ONLY] x\n"
		"C: EXAMINE \"a box\"\nS: * 4 EXISTS\nS: $ OK [READ-ONLY] x\n"
		"C: SELECT other\nS: $ NO [NONEXISTENT] no such mailbox\n",
		selects,
		"  EXISTS 2\n"
		"  OK code=11 atom=UIDVALIDITY args=7 text=x\n"
		"OK [READ-WRITE] x\n"
		"exists 2 uidvalidity 7\n"
		"selected\n"
		"  EXISTS 3\n"
		"OK [READ-ONLY] x\n"
		"exists 3 uidvalidity 0 read-only\n"
		"selected\n"
		"  EXISTS 4\n"
		"OK [READ-ONLY] x\n"
		"exists 4 uidvalidity 0 read-only\n"
		"selected\n"
		"IMAP4_E_NO [NONEXISTENT] no such mailbox\n"
		"authenticated\n",
		NULL},
	{"xatom", HELLO "C: XTEST atom \"a \\\"b\\\"\" 5\nS: * XANSWER (1 \"2\")\n" OK, xatom,
		"  OTHER XANSWER ((1 \"2\"))\n"
		"OK done\n",
		NULL},
	{"uid_unknown_command, control_characters", HELLO "C: UID UNKNOWN\nS: $ BAD what?\n",
		uid_unknown_command,
		"IMAP4_E_BAD what?\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n"
		"not started IMAP4_E_ARG\n",
		NULL},
	{"login, logout",
		"S: * OK [CAPABILITY IMAP4rev1] hi\nC: LOGIN user pass\nS: $ OK [CAPABILITY IMAP4rev1] in\n"
		"C: LOGOUT\nS: * BYE have a nice day\nS: $ OK logged out\n",
		logout,
		"OK [CAPABILITY IMAP4rev1] in\n"
		"IMAP4_E_STATE\n"
		"unasked BYE text=have a nice day\n"
		"OK logged out\n"
		"1\n"
		"not started IMAP4_E_CLOSED\n",
		NULL},
};

Test(imaplib_commands, sessions)
{
	stage_check(sessions, sizeof(sessions) / sizeof(sessions[0]), STAGE_BOTH);
}

/* ---- messages ---------------------------------------------------------------------------------------------- */

typedef imap4_cmd *start_fn(imap4_session *s, const imap4_set *set, int by);

/* By number, then by UID. */
static void by_both(struct stage *t, const char *text, start_fn *start)
{
	imap4_set *set = imap4_set_of(text);
	stage_select(t, 1);
	for (int by = IMAP4_BY_SEQ; by <= IMAP4_BY_UID; by++)
		(void)stage_done(t, start(t->s, set, by));
	imap4_set_free(set);
}

static imap4_cmd *copy_start(imap4_session *s, const imap4_set *set, int by)
{
	const imap4_copy_opts o = {.struct_size = sizeof(o), .by = by};
	return imap4_copy_start(s, set, box, &o);
}

static imap4_cmd *move_start(imap4_session *s, const imap4_set *set, int by)
{
	const imap4_copy_opts o = {.struct_size = sizeof(o), .by = by};
	return imap4_move_start(s, set, other, &o);
}

static imap4_cmd *store_start(imap4_session *s, const imap4_set *set, int by)
{
	static const imap4_str flags[] = {{"\\Deleted", 8}, {"key", 3}};
	const imap4_store_opts o = {.struct_size = sizeof(o), .by = by};
	return imap4_store_start(s, set, IMAP4_FLAGS_ADD, flags, 2, &o);
}

static imap4_cmd *fetch_start(imap4_session *s, const imap4_set *set, int by)
{
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .by = by, .open_from = 8};
	return imap4_fetch_start(s, set, "(FLAGS BODY.PEEK[HEADER.FIELDS (FROM)])", &o);
}

static imap4_cmd *macro_start(imap4_session *s, const imap4_set *set, int by)
{
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .by = by};
	return imap4_fetch_start(s, set, "all", &o);
}

static imap4_cmd *search_start(imap4_session *s, const imap4_set *set, int by)
{
	const imap4_query_opts o = {.struct_size = sizeof(o), .by = by};
	imap4_query *q = imap4_query_new();
	(void)imap4_query_set(q, by, set, 0);
	(void)imap4_query_text(q, IMAP4_IN_SUBJECT, stage_str("\xd0\xb6 \"x\""));
	(void)imap4_query_flag(q, stage_str("\\Deleted"), 0);
	imap4_cmd *c = imap4_search_start(s, q, &o);
	imap4_query_free(q);
	return c;
}

static imap4_cmd *sort_start(imap4_session *s, const imap4_set *set, int by)
{
	static const int keys[] = {IMAP4_SORT_SUBJECT, IMAP4_SORT_REVERSE | IMAP4_SORT_DATE};
	const imap4_query_opts o = {.struct_size = sizeof(o), .by = by};
	(void)set;
	return imap4_sort_start(s, keys, 2, NULL, &o);
}

static imap4_cmd *thread_start(imap4_session *s, const imap4_set *set, int by)
{
	const imap4_query_opts o = {.struct_size = sizeof(o), .by = by};
	(void)set;
	return imap4_thread_start(s, "REFERENCES", NULL, &o);
}

static void copy(struct stage *t)
{
	by_both(t, "2:4", copy_start);
}

static void move(struct stage *t)
{
	by_both(t, "2:4", move_start);
}

static void store(struct stage *t)
{
	by_both(t, "2:4", store_start);
}

static void fetch(struct stage *t)
{
	by_both(t, "1,3:5", fetch_start);
}

static void fetch_macro(struct stage *t)
{
	by_both(t, "5", macro_start);
}

static void search(struct stage *t)
{
	by_both(t, "1:3,7", search_start);
}

static void sort(struct stage *t)
{
	by_both(t, "1", sort_start);
}

static void thread(struct stage *t)
{
	by_both(t, "1", thread_start);
}

static void search_of_nothing(struct stage *t)
{
	const imap4_query_opts o = {.struct_size = sizeof(o), .plain = 1};
	stage_select(t, 1);
	(void)stage_done(t, imap4_search_start(t->s, NULL, &o));
}

static void expunge(struct stage *t)
{
	imap4_set *set = imap4_set_of("8:9");
	stage_select(t, 1);
	(void)stage_done(t, imap4_expunge_start(t->s));
	(void)stage_done(t, imap4_uid_expunge_start(t->s, set, 0));
	stage_logf(t, "exists %u\n", imap4_selected_mailbox(t->s)->exists);
	imap4_set_free(set);
}

PLAY_SELECTED(partial, imap4_partial_start(t->s, 1, "RFC822", 0, 100))
PLAY_SELECTED(partial_of_octets, imap4_partial_start(t->s, 1, "RFC822", 1, 4))

static const struct stage_row messages[] = {
	{"copy",
		OPEN "C: COPY 2:4 \"a box\"\n" OK
		     "C: UID COPY 2:4 \"a box\"\nS: $ OK [COPYUID 7 2:4 11:13] done\n",
		copy,
		"OK done\n"
		"OK [COPYUID 7 2:4 11:13] done\n",
		NULL},
	{"move",
		OPEN
		"C: MOVE 2:4 other\nS: * OK [COPYUID 7 2:4 11:13] x\nS: * 2 EXPUNGE\nS: * 2 EXPUNGE\n"
		"S: * 2 EXPUNGE\n" OK
		"C: UID MOVE 2:4 other\nS: $ NO [TRYCREATE] no such mailbox\n",
		move,
		"  EXPUNGE 2\n"
		"  EXPUNGE 2\n"
		"  EXPUNGE 2\n"
		"OK done\n"
		"IMAP4_E_NO [TRYCREATE] no such mailbox\n",
		NULL},
	{"store",
		OPEN
		"C: STORE 2:4 +FLAGS (\\Deleted key)\nS: * 2 FETCH (FLAGS (\\Deleted \\Seen key))\n" OK
		"C: UID STORE 2:4 +FLAGS (\\Deleted key)\nS: * 9 FETCH (FLAGS (key) UID 4)\n" OK,
		store,
		"  FETCH seq=2 flags=\\Deleted,\\Seen,key (FLAGS (\\Deleted \\Seen key))\n"
		"OK done\n"
		"  FETCH seq=9 uid=4 flags=key (FLAGS (key) UID 4)\n"
		"OK done\n",
		NULL},
	{"fetch: sets, nested parentheses",
		OPEN
		"C: FETCH 1,3:5,8:* (FLAGS BODY.PEEK[HEADER.FIELDS (FROM)])\n"
		"S+ * 1 FETCH (FLAGS (\\\\Seen) BODY[HEADER.FIELDS (FROM)] {9}\\r\\nFrom: x\\r\\n)\\r\\n\n" OK
		"C~ UID FETCH 1,3:5,8:\\* \\(.*\nS: * 1 FETCH (UID 3 FLAGS ())\n" OK,
		fetch,
		"  FETCH seq=1 flags=\\Seen body section=HEADER.FIELDS (FROM) (FLAGS (\\Seen) BODY[HEADER.FIELDS (FROM)] \"From: x\r\n"
		"\")\n"
		"OK done\n"
		"  FETCH seq=1 uid=3 flags= (UID 3 FLAGS ())\n"
		"OK done\n",
		NULL},
	{"fetch: macros",
		OPEN "C~ FETCH 5 .*\nS: * 5 FETCH (FLAGS () RFC822.SIZE 3)\n" OK
		     "C~ UID FETCH 5 .*\nS: * 5 FETCH (UID 5 FLAGS () RFC822.SIZE 3)\n" OK,
		fetch_macro,
		"  FETCH seq=5 flags= size=3 (FLAGS () RFC822.SIZE 3)\n"
		"OK done\n"
		"  FETCH seq=5 uid=5 flags= size=3 (UID 5 FLAGS () RFC822.SIZE 3)\n"
		"OK done\n",
		NULL},
	{"partial: octets are counted from 1", OPEN "EOF\n", partial, "not started IMAP4_E_ARG\n",
		NULL},
	{"partial", OPEN "C: PARTIAL 1 RFC822 1 4\nS+ * 1 FETCH (RFC822 {4}\\r\\nabcd)\\r\\n\n" OK,
		partial_of_octets,
		"  FETCH seq=1 body section= (RFC822 \"abcd\")\n"
		"OK done\n",
		NULL},
	{"search: a charset is named when it is needed, texts are literals or quoted",
		OPEN
		"C: SEARCH CHARSET UTF-8 1:3,7 SUBJECT {6}\nS: + go\nC= \xd0\xb6 \"x\" UNDELETED\n"
		"S: * SEARCH 7 2\n" OK
		"C: UID SEARCH CHARSET UTF-8 UID 1:3,7 SUBJECT {6}\nS: + go\n"
		"C= \xd0\xb6 \"x\" UNDELETED\nS: $ NO [BADCHARSET (KOI8-U)] not that one\n",
		search,
		"  numbers \"2,7\"\n"
		"OK done\n"
		"IMAP4_E_NO [BADCHARSET (KOI8-U)] not that one\n",
		NULL},
	{"search of nothing", OPEN "C: SEARCH ALL\nS: * SEARCH\n" OK, search_of_nothing,
		"  numbers \"\"\n"
		"OK done\n",
		NULL},
	{"sort",
		OPEN "C: SORT (SUBJECT REVERSE DATE) US-ASCII ALL\nS: * SORT 2 84 882\n" OK
		     "C: UID SORT (SUBJECT REVERSE DATE) US-ASCII ALL\nS: * SORT\n" OK,
		sort,
		"  numbers \"\"\n"
		"  sorted 2\n"
		"  sorted 84\n"
		"  sorted 882\n"
		"OK done\n"
		"  numbers \"\"\n"
		"OK done\n",
		NULL},
	{"thread",
		OPEN "C: THREAD REFERENCES US-ASCII ALL\nS: * THREAD (2)(3 6 (4 23)(44 7 96))\n" OK
		     "C: UID THREAD REFERENCES US-ASCII ALL\nS: * THREAD\n" OK,
		thread,
		"  thread 2 under 0\n"
		"  thread 3 under 0\n"
		"  thread 6 under 3\n"
		"  thread 4 under 6\n"
		"  thread 23 under 4\n"
		"  thread 44 under 6\n"
		"  thread 7 under 44\n"
		"  thread 96 under 7\n"
		"OK done\n"
		"OK done\n",
		NULL},
	{"expunge, in the order received",
		OPEN "C: EXPUNGE\nS: * 3 EXPUNGE\nS: * 3 EXPUNGE\nS: * 5 EXPUNGE\n" OK
		     "C: UID EXPUNGE 8:9\nS: * 6 EXPUNGE\n" OK,
		expunge,
		"  EXPUNGE 3\n"
		"  EXPUNGE 3\n"
		"  EXPUNGE 5\n"
		"OK done\n"
		"  EXPUNGE 6\n"
		"OK done\n"
		"exists 5\n",
		NULL},
};

Test(imaplib_commands, messages)
{
	stage_check(messages, sizeof(messages) / sizeof(messages[0]), STAGE_BOTH);
}

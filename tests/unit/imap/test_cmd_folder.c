/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_folder.c -- DELETE, RENAME, UNSUBSCRIBE: names in every form, and what cannot be a name.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static void all_three(struct rig *r)
{
	imap4_cmd *c[] = {imap4_delete_start(r->session, str("blurdybloop")),
		imap4_rename_start(r->session, str("foo bar"), str("zowie")),
		imap4_unsubscribe_start(r->session, str("#news.comp.mail.mime"))};
	rig_say(r, "$1 OK x\r\n$2 NO [ALREADYEXISTS] there\r\n$3 BAD what\r\n");
	for (size_t i = 0; i < 3; i++)
		rig_finish(r, c[i]);
}

static void names_as_literals(struct rig *r)
{
	imap4_cmd *c = imap4_rename_start(r->session, str("a\r\nx LOGOUT"), str("\xc3\xa9\n"));
	rig_pump(r);
	rig_say(r, "+ go\r\n");
	rig_say(r, "+ go\r\n");
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
	c = imap4_delete_start(r->session, str("\"a\\"));
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, c);
	c = imap4_unsubscribe_start(r->session, str(""));
	rig_say(r, "$3 NO x\r\n");
	rig_finish(r, c);
}

static void no_names(struct rig *r)
{
	char name[1001];
	memset(name, 'a', sizeof name);
	const imap4_str bad[] = {{"a\0b", 3}, {name, 1001}};
	for (size_t i = 0; i < 2; i++) {
		rig_finish(r, imap4_delete_start(r->session, bad[i]));
		rig_finish(r, imap4_rename_start(r->session, str("a"), bad[i]));
		rig_finish(r, imap4_rename_start(r->session, bad[i], str("a")));
		rig_finish(r, imap4_unsubscribe_start(r->session, bad[i]));
	}
	imap4_cmd *c = imap4_delete_start(r->session, (imap4_str){name, 1000});
	rig_pump(r);
	rig_logf(r, "%d\n", r->sent.len == strlen("kabcdef01.1 DELETE \r\n") + 1000);
	buf_clear(&r->sent);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

static void backup_refuses(struct rig *r)
{
	rig_finish(r, imap4_delete_start(r->session, str("a")));
	rig_finish(r, imap4_rename_start(r->session, str("a"), str("b")));
	rig_finish(r, imap4_unsubscribe_start(r->session, str("a")));
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play
#define NUL(verb)                                                                                  \
	"not started IMAP4_E_ARG: " verb ": a text has a NUL octet, which IMAP cannot carry\n"
#define LONG(verb) "not started IMAP4_E_ARG: " verb ": a mailbox name is longer than 1000 bytes\n"
#define REFUSED(verb)                                                                              \
	"not started IMAP4_E_POLICY: " verb " may change the mailbox: not during a backup\n"

static const struct row rows[] = {
	{ROW(all_three), {0},
		"$1 DELETE blurdybloop\r\n$2 RENAME \"foo bar\" zowie\r\n"
		"$3 UNSUBSCRIBE #news.comp.mail.mime\r\n",
		"IMAP4_OK DELETE succeeded\nIMAP4_E_NO RENAME was refused: there\n"
		"IMAP4_E_BAD UNSUBSCRIBE was not understood by the server: what\n"},
	{ROW(names_as_literals), {0},
		"$1 RENAME {11}\r\na\r\nx LOGOUT {3}\r\n\xc3\xa9\n\r\n$2 DELETE \"\\\"a\\\\\"\r\n"
		"$3 UNSUBSCRIBE \"\"\r\n",
		"IMAP4_OK RENAME succeeded\nIMAP4_OK DELETE succeeded\n"
		"IMAP4_E_NO UNSUBSCRIBE was refused: x\n"},
	{ROW(no_names), {0}, "",
		NUL("DELETE") NUL("RENAME") NUL("RENAME") NUL("UNSUBSCRIBE") LONG("DELETE")
			LONG("RENAME") LONG("RENAME")
				LONG("UNSUBSCRIBE") "1\nIMAP4_OK DELETE succeeded\n"},
	{ROW(backup_refuses), {.policy = IMAP4_POLICY_BACKUP}, "",
		REFUSED("DELETE") REFUSED("RENAME") REFUSED("UNSUBSCRIBE")},
};

Test(cmd_folder, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

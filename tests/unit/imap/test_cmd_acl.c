/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_acl.c -- access rights and quota: arguments in every form, and the views of the answers.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static void finish(struct rig *r, imap4_cmd *c)
{
	if (c == NULL) {
		rig_finish(r, NULL);
		return;
	}
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) {
		imap4_acl acl;
		imap4_quota quota;
		imap4_str s, root;
		rig_logf(r, "%s", imap4_data_name(d).ptr);
		for (size_t i = 0; imap4_data_acl(d, i, &acl); i++)
			rig_logf(r, " [%s=%s]", acl.identifier.ptr, acl.rights.ptr);
		for (size_t i = 0; (s = imap4_data_rights(d, i)).ptr != NULL; i++)
			rig_logf(r, " [%s]", s.ptr);
		for (size_t i = 0; imap4_data_quota(d, i, &root, &quota); i++)
			rig_logf(r, " [%s %s %llu/%llu]", root.ptr, quota.resource.ptr,
				(unsigned long long)quota.usage, (unsigned long long)quota.limit);
		for (size_t i = 0; (s = imap4_data_quotaroot(d, i)).ptr != NULL; i++)
			rig_logf(r, " [%s]", s.ptr);
		rig_logf(r, "\n");
	}
	rig_finish(r, c);
}

static void all_rights(struct rig *r)
{
	imap4_session *s = r->session;
	imap4_cmd *c[] = {imap4_getacl_start(s, str("INBOX")),
		imap4_setacl_start(s, str("a b"), "John", "-w"),
		imap4_deleteacl_start(s, str("a"), "-Fred \"x\""),
		imap4_listrights_start(s, str("~/Mail/saved"), "smith"),
		imap4_myrights_start(s, str("a"))};
	rig_say(r,
		"* ACL other Fred rwipslda\r\n* ACL Inbox Fred rwipslda \"A b\" \"\" odd\r\n$1 OK x\r\n");
	rig_say(r, "$2 OK x\r\n$3 NO x\r\n");
	rig_say(r, "* LISTRIGHTS ~/Mail/saved smith la r swicdkxte\r\n$4 OK x\r\n");
	rig_say(r, "* MYRIGHTS a rwiptsldaex\r\n$5 OK x\r\n");
	for (size_t i = 0; i < 5; i++)
		finish(r, c[i]);
}

static void rights_of_nothing(struct rig *r)
{
	imap4_cmd *c = imap4_getacl_start(r->session, str("NIL"));
	rig_say(r, "* ACL NIL a b\r\n* ACL nil\r\n* ACL\r\n* ACL (x) y\r\n$1 OK x\r\n");
	finish(r, c);
}

static void rights_injected(struct rig *r)
{
	imap4_cmd *c = imap4_setacl_start(r->session, str("a"), "b\r\nc", "d\ne");
	rig_pump(r);
	rig_say(r, "+ go\r\n");
	rig_say(r, "+ go\r\n");
	rig_say(r, "$1 OK x\r\n");
	finish(r, c);
	const imap4_str nul = {"a\0b", 3};
	finish(r, imap4_getacl_start(r->session, nul));
	finish(r, imap4_setacl_start(r->session, str("a"), NULL, "x"));
	finish(r, imap4_setacl_start(r->session, str("a"), "x", NULL));
}

static void rights_not_offered(struct rig *r)
{
	imap4_cmd *c = imap4_myrights_start(r->session, str("a"));
	rig_pump(r);
	finish(r, c);
}

static void quotas(struct rig *r)
{
	const imap4_quota limit[] = {{str("STORAGE"), 0, 512}, {str("MESSAGE"), 9, INT64_MAX}};
	imap4_cmd *c[] = {imap4_getquota_start(r->session, ""),
		imap4_getquotaroot_start(r->session, str("INBOX")),
		imap4_setquota_start(r->session, "my root", limit, 2),
		imap4_setquota_start(r->session, "r", NULL, 0)};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r,
		"* QUOTAROOT x y\r\n* QUOTA \"\" (STORAGE 10 512 MESSAGE 1 18446744073709551615)\r\n$1 OK x\r\n");
	rig_say(r,
		"* QUOTAROOT INBOX \"\" comp.mail\r\n* QUOTA \"\" (STORAGE 10 x)\r\n"
		"* QUOTA comp.mail ()\r\n* QUOTA a\r\n* QUOTA\r\n* QUOTA a b\r\n$2 OK x\r\n");
	rig_say(r, "* QUOTA \"my root\" (STORAGE 10 512)\r\n$3 OK x\r\n");
	rig_say(r, "$4 NO x\r\n");
	for (size_t i = 0; i < 4; i++)
		finish(r, c[i]);
}

static void quota_injected(struct rig *r)
{
	const imap4_quota bad[] = {{str("A B"), 0, 1}, {str("A\r\nB"), 0, 1}, {str(""), 0, 1},
		{{"a\0b", 3}, 0, 1}, {str("A"), 0, (uint64_t)INT64_MAX + 1}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		finish(r, imap4_setquota_start(r->session, "r", &bad[i], 1));
	imap4_quota many[1001];
	for (size_t i = 0; i < 1001; i++)
		many[i] = (imap4_quota){str("A"), 0, 1};
	finish(r, imap4_setquota_start(r->session, "r", many, 1001));
	imap4_cmd_free(imap4_setquota_start(r->session, "r", many, 1000));
	finish(r, imap4_getquota_start(r->session, NULL));
	finish(r, imap4_getquotaroot_start(r->session, (imap4_str){"a\0b", 3}));
	imap4_cmd *c = imap4_getquota_start(r->session, "a\r\nb");
	rig_say(r, "$1 OK x\r\n");
	finish(r, c);
}

static void quota_not_offered(struct rig *r)
{
	imap4_cmd *c = imap4_getquota_start(r->session, "a");
	rig_pump(r);
	finish(r, c);
}

static void backup_reads(struct rig *r)
{
	imap4_session *s = r->session;
	imap4_cmd *c[] = {imap4_getacl_start(s, str("a")), imap4_listrights_start(s, str("a"), "b"),
		imap4_myrights_start(s, str("a")), imap4_getquota_start(s, "a"),
		imap4_getquotaroot_start(s, str("a"))};
	finish(r, imap4_setacl_start(s, str("a"), "b", "c"));
	finish(r, imap4_deleteacl_start(s, str("a"), "b"));
	finish(r, imap4_setquota_start(s, "a", NULL, 0));
	rig_say(r, "$1 OK x\r\n$2 OK x\r\n$3 OK x\r\n$4 OK x\r\n");
	rig_say(r, "$5 OK x\r\n");
	for (size_t i = 0; i < 5; i++)
		finish(r, c[i]);
}

/* RFC 9051 section 5.5: what names no tag must be told apart by the mailbox. */
static void rights_of_several_mailboxes(struct rig *r)
{
	imap4_session *s = r->session;
	imap4_cmd *c[] = {imap4_myrights_start(s, str("a")), imap4_myrights_start(s, str("inbox")),
		imap4_getacl_start(s, str("a")), imap4_myrights_start(s, str("INBOX"))};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* MYRIGHTS Inbox 2\r\n* ACL a x y\r\n* MYRIGHTS a 1\r\n$1 OK x\r\n$2 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* MYRIGHTS INBOX 3\r\n$3 OK x\r\n$4 OK x\r\n");
	for (size_t i = 0; i < 4; i++)
		finish(r, c[i]);
}

/* ---- the examples of the RFCs ------------------------------------------------------------------------ */

static void step(struct rig *r, imap4_cmd *c, const char *answer)
{
	rig_say(r, answer);
	finish(r, c);
}

/* RFC 4314 sections 3.1 to 3.5. Three answers there name another mailbox than the command ("INBOX" for "INBOX/Drafts"
 * twice, "archive.imap" for "archive/imap"); they are nobody's, and left out here but for one. */
static void rfc_4314(struct rig *r)
{
	imap4_session *s = r->session;
	const imap4_str drafts = str("INBOX/Drafts"), inbox = str("INBOX");
	step(r, imap4_setacl_start(s, drafts, "David", "lrswida"), "$1 OK Setacl complete\r\n");
	step(r, imap4_getacl_start(s, drafts),
		"* ACL INBOX/Drafts Fred rwipslxetad Chris lrswi\r\n$2 OK Getacl complete\r\n");
	step(r, imap4_setacl_start(s, drafts, "Chris", "+cda"), "$3 OK Setacl complete\r\n");
	step(r, imap4_setacl_start(s, drafts, "John", "lrQswicda"),
		"$4 BAD Uppercase rights are not allowed\r\n");
	step(r, imap4_getacl_start(s, inbox),
		"* ACL INBOX Fred rwipslxetad -Fred wetd $team w\r\n$5 OK Getacl complete\r\n");
	step(r, imap4_deleteacl_start(s, inbox, "Fred"), "$6 OK Deleteacl complete\r\n");
	step(r, imap4_listrights_start(s, str("~/Mail/saved"), "smith"),
		"* LISTRIGHTS ~/Mail/saved smith la r swicdkxte\r\n$7 OK Listrights completed\r\n");
	step(r, imap4_listrights_start(s, str("archive/imap"), "anyone"),
		"* LISTRIGHTS archive/imap anyone \"\" l r s w i p k x t e c d a\r\n"
		"* LISTRIGHTS archive.imap anyone \"\"\r\n$8 OK x\r\n");
	step(r, imap4_myrights_start(s, inbox),
		"* MYRIGHTS INBOX rwiptsldaex\r\n$9 OK Myrights complete\r\n");
}

/* RFC 9208 sections 4.1.1 to 4.1.3, RFC 2087 sections 4 and 5 */
static void rfc_9208(struct rig *r)
{
	imap4_session *s = r->session;
	const imap4_quota storage = {str("STORAGE"), 0, 510}, huge = {str("STORAGE"), 0, 99999999};
	step(r, imap4_getquota_start(s, "!partition/sda4"),
		"* QUOTA \"!partition/sda4\" (STORAGE 104 10923847)\r\n$1 OK Getquota complete\r\n");
	step(r, imap4_getquotaroot_start(s, str("INBOX")),
		"* QUOTAROOT INBOX \"#user/alice\" \"!partition/sda4\"\r\n"
		"* QUOTA \"#user/alice\" (MESSAGE 42 1000)\r\n"
		"* QUOTA \"!partition/sda4\" (STORAGE 104 10923847)\r\n$2 OK Getquotaroot complete\r\n");
	step(r, imap4_setquota_start(s, "#user/alice", &storage, 1),
		"* QUOTA \"#user/alice\" (STORAGE 58 512)\r\n$3 OK Rounded quota\r\n");
	step(r, imap4_setquota_start(s, "!partition/sda4", &huge, 1),
		"* QUOTA \"!partition/sda4\" (STORAGE 104 10923847)\r\n$4 NO Cannot change system limit\r\n");
	step(r, imap4_getquota_start(s, ""),
		"* QUOTA \"\" (STORAGE 10 512)\r\n$5 OK Getquota completed\r\n");
	step(r, imap4_getquotaroot_start(s, str("comp.mail.mime")),
		"* QUOTAROOT comp.mail.mime\r\n$6 OK Getquota completed\r\n");
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play
#define REFUSED(verb)                                                                              \
	"not started IMAP4_E_POLICY: " verb " may change the mailbox: not during a backup\n"

static const struct row rows[] = {
	{ROW(all_rights), {.caps = "ACL"},
		"$1 GETACL INBOX\r\n$2 SETACL \"a b\" John -w\r\n$3 DELETEACL a \"-Fred \\\"x\\\"\"\r\n"
		"$4 LISTRIGHTS ~/Mail/saved smith\r\n$5 MYRIGHTS a\r\n",
		"unasked * ACL other Fred rwipslda\nACL [Fred=rwipslda] [A b=]\n"
		"IMAP4_OK GETACL succeeded\nIMAP4_OK SETACL succeeded\n"
		"IMAP4_E_NO DELETEACL was refused: x\nLISTRIGHTS [la] [r] [swicdkxte]\n"
		"IMAP4_OK LISTRIGHTS succeeded\nMYRIGHTS [rwiptsldaex]\nIMAP4_OK MYRIGHTS succeeded\n"},
	{ROW(rights_of_nothing), {.caps = "ACL"}, "$1 GETACL \"NIL\"\r\n",
		"unasked * ACL\nunasked * ACL (x) y\nACL [a=b]\nACL\nIMAP4_OK GETACL succeeded\n"},
	{ROW(rights_injected), {.caps = "ACL"}, "$1 SETACL a {4}\r\nb\r\nc {3}\r\nd\ne\r\n",
		"IMAP4_OK SETACL succeeded\n"
		"not started IMAP4_E_ARG: GETACL: a text has a NUL octet, which IMAP cannot carry\n"
		"not started IMAP4_E_ARG: SETACL: an argument is missing\n"
		"not started IMAP4_E_ARG: SETACL: an argument is missing\n"},
	{ROW(rights_not_offered), {0}, "",
		"IMAP4_E_NOCAP MYRIGHTS failed: the server does not offer ACL\n"},
	{ROW(quotas), {.caps = "QUOTA=RES-STORAGE"},
		"$1 GETQUOTA \"\"\r\n$2 GETQUOTAROOT INBOX\r\n"
		"$3 SETQUOTA \"my root\" (STORAGE 512 MESSAGE 9223372036854775807)\r\n"
		"$4 SETQUOTA r ()\r\n",
		"in flight 1\nunasked * QUOTAROOT x y\n"
		"QUOTA [ STORAGE 10/512] [ MESSAGE 1/18446744073709551615]\n"
		"IMAP4_OK GETQUOTA succeeded\nQUOTAROOT [] [comp.mail]\nQUOTA\nQUOTA\nQUOTA\nQUOTA\n"
		"QUOTA\nIMAP4_OK GETQUOTAROOT succeeded\nQUOTA [my root STORAGE 10/512]\n"
		"IMAP4_OK SETQUOTA succeeded\nIMAP4_E_NO SETQUOTA was refused: x\n"},
	{ROW(quota_injected), {.caps = "QUOTA LITERAL+"}, "$1 GETQUOTA {4+}\r\na\r\nb\r\n",
		"not started IMAP4_E_ARG: SETQUOTA: a name has characters that cannot be sent\n"
		"not started IMAP4_E_ARG: SETQUOTA: a name has characters that cannot be sent\n"
		"not started IMAP4_E_ARG: SETQUOTA: a resource has no name\n"
		"not started IMAP4_E_ARG: SETQUOTA: a resource has no name\n"
		"not started IMAP4_E_ARG: SETQUOTA: a limit is too large\n"
		"not started IMAP4_E_ARG: SETQUOTA: no root, or too many limits\n"
		"not started IMAP4_E_ARG: GETQUOTA: no root, or too many limits\n"
		"not started IMAP4_E_ARG: GETQUOTAROOT: a text has a NUL octet, which IMAP cannot carry\n"
		"IMAP4_OK GETQUOTA succeeded\n"},
	{ROW(quota_not_offered), {0}, "",
		"IMAP4_E_NOCAP GETQUOTA failed: the server does not offer QUOTA\n"},
	/* case of the verbs apart */
	{ROW(rfc_4314), {.caps = "ACL"},
		"$1 SETACL INBOX/Drafts David lrswida\r\n$2 GETACL INBOX/Drafts\r\n"
		"$3 SETACL INBOX/Drafts Chris +cda\r\n$4 SETACL INBOX/Drafts John lrQswicda\r\n"
		"$5 GETACL INBOX\r\n$6 DELETEACL INBOX Fred\r\n$7 LISTRIGHTS ~/Mail/saved smith\r\n"
		"$8 LISTRIGHTS archive/imap anyone\r\n$9 MYRIGHTS INBOX\r\n",
		"IMAP4_OK SETACL succeeded\nACL [Fred=rwipslxetad] [Chris=lrswi]\nIMAP4_OK GETACL succeeded\n"
		"IMAP4_OK SETACL succeeded\n"
		"IMAP4_E_BAD SETACL was not understood by the server: Uppercase rights are not allowed\n"
		"ACL [Fred=rwipslxetad] [-Fred=wetd] [$team=w]\nIMAP4_OK GETACL succeeded\n"
		"IMAP4_OK DELETEACL succeeded\nLISTRIGHTS [la] [r] [swicdkxte]\nIMAP4_OK LISTRIGHTS succeeded\n"
		"unasked * LISTRIGHTS archive.imap anyone \"\"\n"
		"LISTRIGHTS [] [l] [r] [s] [w] [i] [p] [k] [x] [t] [e] [c] [d] [a]\nIMAP4_OK LISTRIGHTS succeeded\n"
		"MYRIGHTS [rwiptsldaex]\nIMAP4_OK MYRIGHTS succeeded\n"},
	/* "!" and "#" are atom characters: no quotes */
	{ROW(rfc_9208), {.caps = "QUOTA QUOTASET QUOTA=RES-STORAGE QUOTA=RES-MESSAGE"},
		"$1 GETQUOTA !partition/sda4\r\n$2 GETQUOTAROOT INBOX\r\n$3 SETQUOTA #user/alice (STORAGE 510)\r\n"
		"$4 SETQUOTA !partition/sda4 (STORAGE 99999999)\r\n$5 GETQUOTA \"\"\r\n$6 GETQUOTAROOT comp.mail.mime\r\n",
		"QUOTA [!partition/sda4 STORAGE 104/10923847]\nIMAP4_OK GETQUOTA succeeded\n"
		"QUOTAROOT [#user/alice] [!partition/sda4]\nQUOTA [#user/alice MESSAGE 42/1000]\n"
		"QUOTA [!partition/sda4 STORAGE 104/10923847]\nIMAP4_OK GETQUOTAROOT succeeded\n"
		"QUOTA [#user/alice STORAGE 58/512]\nIMAP4_OK SETQUOTA succeeded\n"
		"QUOTA [!partition/sda4 STORAGE 104/10923847]\n"
		"IMAP4_E_NO SETQUOTA was refused: Cannot change system limit\n"
		"QUOTA [ STORAGE 10/512]\nIMAP4_OK GETQUOTA succeeded\nQUOTAROOT\nIMAP4_OK GETQUOTAROOT succeeded\n"},
	{ROW(backup_reads), {.policy = IMAP4_POLICY_BACKUP, .caps = "ACL QUOTA"},
		"$1 GETACL a\r\n$2 LISTRIGHTS a b\r\n$3 MYRIGHTS a\r\n$4 GETQUOTA a\r\n$5 GETQUOTAROOT a\r\n",
		REFUSED("SETACL") REFUSED("DELETEACL") REFUSED(
			"SETQUOTA") "IMAP4_OK GETACL succeeded\n"
				    "IMAP4_OK LISTRIGHTS succeeded\nIMAP4_OK MYRIGHTS succeeded\nIMAP4_OK GETQUOTA succeeded\n"
				    "IMAP4_OK GETQUOTAROOT succeeded\n"},
	{ROW(rights_of_several_mailboxes), {.caps = "ACL"},
		"$1 MYRIGHTS a\r\n$2 MYRIGHTS inbox\r\n$3 GETACL a\r\n$4 MYRIGHTS INBOX\r\n",
		"in flight 3\nin flight 2\nMYRIGHTS [1]\nIMAP4_OK MYRIGHTS succeeded\nMYRIGHTS [2]\n"
		"IMAP4_OK MYRIGHTS succeeded\nACL [x=y]\nIMAP4_OK GETACL succeeded\nMYRIGHTS [3]\n"
		"IMAP4_OK MYRIGHTS succeeded\n"},
};

Test(cmd_acl, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

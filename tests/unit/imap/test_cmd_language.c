/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_language.c -- LANGUAGE and COMPARATOR with every example of RFC 5255, and where [REFERRAL] sends people, with those
 * of RFC 2193 and RFC 2221.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static void log_data(struct rig *r, const imap4_data *d)
{
	imap4_str s;
	const imap4_namespace *ns;
	rig_logf(r, "  %s", imap4_data_name(d).ptr);
	for (size_t i = 0; (s = imap4_data_language(d, i)).ptr != NULL; i++)
		rig_logf(r, " [%s]", s.ptr);
	for (size_t i = 0; (s = imap4_data_comparator(d, i)).ptr != NULL; i++)
		rig_logf(r, " <%s>", s.ptr);
	for (size_t i = 0; (ns = imap4_data_namespace(d, i)) != NULL; i++)
		rig_logf(r, " %d:%s=%s", ns->kind, ns->prefix.ptr,
			ns->translation.ptr != NULL ? ns->translation.ptr : "NULL");
	rig_logf(r, "\n");
}

static void finish(struct rig *r, imap4_cmd *c)
{
	imap4_str url;
	if (c != NULL) {
		for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;)
			log_data(r, d);
		const imap4_result *result = imap4_cmd_result(c);
		for (size_t i = 0; (url = imap4_result_referral(result, i)).ptr != NULL; i++)
			rig_logf(r, "  go to %.*s\n", (int)url.len, url.ptr);
	}
	rig_finish(r, c);
}

static imap4_cmd *language(struct rig *r, const char *a, const char *b)
{
	const char *const range[] = {a, b};
	return imap4_language_start(r->session, range, (size_t)(a != NULL) + (b != NULL));
}

/* ---- RFC 5255 ------------------------------------------------------------------------------------------ */

#define NAMESPACES                                                                                          \
	"* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\" \"TRANSLATION\" (\"Andere Ben&APw-tzer/\"))) " \
	"((\"Public Folders/\" \"/\" \"TRANSLATION\" (\"Gemeinsame Postf&AM8-cher/\")))\r\n"

static void rfc_3_2(struct rig *r)
{
	static const struct {
		const char *a, *b, *answer;
	} steps[] = {
		{"MUL", NULL, "$1 NO Unsupported language MUL\r\n"},
		{NULL, NULL,
			"* LANGUAGE (EN DE IT i-default)\r\n$2 OK Supported languages have been enumerated\r\n"},
		{NULL, NULL, "$3 NO Server is unable to enumerate supported languages\r\n"},
		{"DE", NULL, "* LANGUAGE (DE)\r\n" NAMESPACES "$4 OK Sprachwechsel\r\n"},
		{"FR", NULL, "$5 NO Diese Sprache ist nicht unterstuetzt\r\n"},
		{"DE-IT", NULL, "* LANGUAGE (DE-IT)\r\n" NAMESPACES "$6 OK Sprachwechsel\r\n"},
		{"default", NULL, "* LANGUAGE (DE)\r\n$7 OK Sprachwechsel\r\n"},
		{"FR-CA", "EN-CA", "* LANGUAGE (EN)\r\n$8 OK Now speaking English\r\n"},
		{"DE-IT", NULL, NAMESPACES "$9 OK LANGUAGE-Befehl ausgefuehrt\r\n"},
	};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		imap4_cmd *c = language(r, steps[i].a, steps[i].b);
		rig_say(r, steps[i].answer);
		finish(r, c);
	}
}

static void rfc_4_7(struct rig *r)
{
	static const char *const order[] = {"cz;*", "i;basic"};
	imap4_cmd *c = imap4_comparator_start(r->session, order, 2);
	rig_say(r, "* COMPARATOR i;basic\r\n$1 OK Will use i;basic for collation\r\n");
	finish(r, c);
	c = imap4_comparator_start(r->session, NULL, 0);
	rig_say(r,
		"* COMPARATOR \"a\" (\"a\" b)\r\n* COMPARATOR\r\n* COMPARATOR a b\r\n* COMPARATOR (a)\r\n$2 OK x\r\n");
	finish(r, c);
	c = imap4_comparator_start(r->session, order, 1);
	rig_say(r, "$3 NO [BADCOMPARATOR] x\r\n");
	cr_assert_eq(imap4_cmd_result(c)->code,
		imap4_cmd_done(c) ? IMAP4_CODE_BADCOMPARATOR : IMAP4_CODE_NONE);
	finish(r, c);
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

static void odd_answers(struct rig *r)
{
	imap4_cmd *c = language(r, "a b", "c\"d");
	rig_say(r,
		"* LANGUAGE\r\n* LANGUAGE ()\r\n* LANGUAGE EN DE\r\n* LANGUAGE (\"a b\" NIL)\r\n"
		"* LANGUAGE ((x))\r\n");
	rig_say(r,
		"* NAMESPACE ((\"a\" \"/\" \"X\" (\"y\") translation \"z\")(\"b\" \"/\" \"TRANSLATION\")"
		"(\"c\" \"/\" \"TRANSLATION\" ())) NIL NIL\r\n$1 OK x\r\n");
	finish(r, c);
	rig_say(r, "* LANGUAGE (EN)\r\n");
}

static void barriers(struct rig *r)
{
	imap4_cmd *c[] = {imap4_noop_start(r->session), language(r, NULL, NULL),
		imap4_namespace_start(r->session), imap4_comparator_start(r->session, NULL, 0)};
	for (size_t i = 0; i < 4; i++) {
		char line[16] = "$1 OK x\r\n";
		rig_pump(r);
		rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
		line[1] = (char)('1' + i);
		rig_say(r, line);
	}
	for (size_t i = 0; i < 4; i++)
		finish(r, c[i]);
}

static void not_offered(struct rig *r)
{
	imap4_cmd *c = language(r, NULL, NULL), *d = imap4_comparator_start(r->session, NULL, 0);
	rig_pump(r);
	finish(r, c);
	finish(r, d);
}

static void before_the_login(struct rig *r)
{
	rig_say(r, "* OK [CAPABILITY IMAP4rev1 LANGUAGE I18NLEVEL=2] hello\r\n");
	engine_set_state(r->engine, IMAP4_NOT_AUTHENTICATED);
	engine_open_gate(r->engine);
	imap4_cmd *c = language(r, NULL, NULL);
	rig_say(r, "$1 OK x\r\n");
	imap4_cmd *d = imap4_comparator_start(r->session, NULL, 0);
	rig_pump(r);
	finish(r, c);
	finish(r, d);
}

static void wrong_arguments(struct rig *r)
{
	static const char *const missing[] = {NULL};
	finish(r, imap4_language_start(r->session, missing, 1));
	finish(r, imap4_language_start(r->session, NULL, 1));
	finish(r, imap4_comparator_start(r->session, missing, 1));
	imap4_cmd *c = language(r, "a\r\nb", NULL);
	rig_say(r, "$1 BAD x\r\n");
	finish(r, c);
}

/* RFC 2221 section 4.1, RFC 2193 sections 4, 4.1, 4.3; and what else may come. */
static void referrals(struct rig *r)
{
	static const char *const answers[] = {
		"NO [REFERRAL IMAP://MIKE@SERVER2/] Specified user is invalid on this server. Try SERVER2.",
		"OK [REFERRAL IMAP://MATTHEW@SERVER2/] Specified user's personal mailboxes located on Server2",
		"NO [REFERRAL IMAP://user;AUTH=GSSAPI@SERVER2/] Specified user is invalid on this server.",
		"NO [REFERRAL IMAP://user;AUTH=*@SERVER2/REMOTE]Remote Mailbox",
		"NO [REFERRAL IMAP://user;AUTH=*@SERVER2/REMOTE IMAP://user;AUTH=*@SERVER3/REMOTE] Remote mailbox.",
		"NO [REFERRAL IMAP://user;AUTH=*@SERVER1/FOO IMAP://user;AUTH=*@SERVER2/BAR] Unable to rename",
		"NO [REFERRAL] x", "NO [referral  a  b ] x", "NO [OTHER imap://a/] x"};
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		imap4_cmd *c = imap4_delete_start(r->session, (imap4_str){"a", 1});
		char tag[4] = "$1 ";
		tag[1] = (char)('1' + i);
		rig_say(r, tag);
		rig_say(r, answers[i]);
		rig_say(r, "\r\n");
		finish(r, c);
	}
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play)  #play, play
#define DONE(verb) "IMAP4_OK " verb " succeeded\n"
#define SPOKEN	   DONE("LANGUAGE")
#define TRANSLATED                                                                                 \
	"  NAMESPACE 0:=NULL 1:Other Users/=Andere Ben&APw-tzer/ 2:Public Folders/=Gemeinsame Postf&AM8-cher/\n"
#define DEL "DELETE a\r\n"

static const struct row rows[] = {
	/* the RFC quotes "default", which needs none */
	{ROW(rfc_3_2), {.caps = "LANGUAGE"},
		"$1 LANGUAGE MUL\r\n$2 LANGUAGE\r\n$3 LANGUAGE\r\n$4 LANGUAGE DE\r\n$5 LANGUAGE FR\r\n"
		"$6 LANGUAGE DE-IT\r\n$7 LANGUAGE default\r\n$8 LANGUAGE FR-CA EN-CA\r\n$9 LANGUAGE DE-IT\r\n",
		"IMAP4_E_NO LANGUAGE was refused: Unsupported language MUL\n"
		"  LANGUAGE [EN] [DE] [IT] [i-default]\n" SPOKEN
		"IMAP4_E_NO LANGUAGE was refused: Server is unable to enumerate supported languages\n"
		"  LANGUAGE [DE]\n" TRANSLATED SPOKEN
		"IMAP4_E_NO LANGUAGE was refused: Diese Sprache ist nicht unterstuetzt\n"
		"  LANGUAGE [DE-IT]\n" TRANSLATED SPOKEN "  LANGUAGE [DE]\n" SPOKEN
		"  LANGUAGE [EN]\n" SPOKEN TRANSLATED SPOKEN},
	{ROW(rfc_4_7), {.caps = "I18NLEVEL=2"},
		"$1 COMPARATOR \"cz;*\" i;basic\r\n$2 COMPARATOR\r\n$3 COMPARATOR \"cz;*\"\r\n",
		"  COMPARATOR <i;basic>\n" DONE("COMPARATOR") "  COMPARATOR <a> <a> <b>\n  COMPARATOR\n  COMPARATOR <a>\n  COMPARATOR\n" DONE(
			"COMPARATOR") "IMAP4_E_NO COMPARATOR was refused: x\n"},
	{ROW(odd_answers), {.caps = "LANGUAGE"}, "$1 LANGUAGE \"a b\" \"c\\\"d\"\r\n",
		"  LANGUAGE\n  LANGUAGE\n  LANGUAGE [EN] [DE]\n  LANGUAGE [a b] [NIL]\n  LANGUAGE\n"
		"  NAMESPACE 0:a=z 0:b=NULL 0:c=NULL\n" SPOKEN "unasked * LANGUAGE (EN)\n"},
	{ROW(barriers), {.caps = "LANGUAGE NAMESPACE I18NLEVEL=2"},
		"$1 NOOP\r\n$2 LANGUAGE\r\n$3 NAMESPACE\r\n$4 COMPARATOR\r\n",
		"in flight 1\nin flight 1\nin flight 1\nin flight 1\n" DONE("NOOP")
			SPOKEN DONE("NAMESPACE") DONE("COMPARATOR")},
	{ROW(not_offered), {.caps = "I18NLEVEL=1"}, "",
		"IMAP4_E_NOCAP LANGUAGE failed: the server does not offer LANGUAGE\n"
		"IMAP4_E_NOCAP COMPARATOR failed: the server does not offer I18NLEVEL=2\n"},
	{ROW(before_the_login), {.own_greeting = true}, "$1 LANGUAGE\r\n",
		SPOKEN "IMAP4_E_STATE COMPARATOR failed: not logged in\n"},
	{ROW(wrong_arguments), {.policy = IMAP4_POLICY_BACKUP, .caps = "LANGUAGE LITERAL+"},
		"$1 LANGUAGE {4+}\r\na\r\nb\r\n",
		"not started IMAP4_E_ARG: LANGUAGE: an argument is missing\n"
		"not started IMAP4_E_ARG: LANGUAGE: an argument is missing\n"
		"not started IMAP4_E_ARG: COMPARATOR: an argument is missing\n"
		"IMAP4_E_BAD LANGUAGE was not understood by the server: x\n"},
	{ROW(referrals), {0},
		"$1 " DEL "$2 " DEL "$3 " DEL "$4 " DEL "$5 " DEL "$6 " DEL "$7 " DEL "$8 " DEL
		"$9 " DEL,
		"  go to IMAP://MIKE@SERVER2/\n"
		"IMAP4_E_NO DELETE was refused: Specified user is invalid on this server. Try SERVER2.\n"
		"  go to IMAP://MATTHEW@SERVER2/\n" DONE(
			"DELETE") "  go to IMAP://user;AUTH=GSSAPI@SERVER2/\n"
				  "IMAP4_E_NO DELETE was refused: Specified user is invalid on this server.\n"
				  "  go to IMAP://user;AUTH=*@SERVER2/REMOTE\nIMAP4_E_NO DELETE was refused: Remote Mailbox\n"
				  "  go to IMAP://user;AUTH=*@SERVER2/REMOTE\n  go to IMAP://user;AUTH=*@SERVER3/REMOTE\n"
				  "IMAP4_E_NO DELETE was refused: Remote mailbox.\n"
				  "  go to IMAP://user;AUTH=*@SERVER1/FOO\n  go to IMAP://user;AUTH=*@SERVER2/BAR\n"
				  "IMAP4_E_NO DELETE was refused: Unable to rename\n"
				  "IMAP4_E_NO DELETE was refused: x\n  go to a\n  go to b\nIMAP4_E_NO DELETE was refused: x\n"
				  "IMAP4_E_NO DELETE was refused: x\n"},
};

Test(cmd_language, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

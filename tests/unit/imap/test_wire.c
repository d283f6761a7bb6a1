/* SPDX-License-Identifier: MIT */
/* test_wire.c -- UTF8=ACCEPT, UTF8=ONLY (RFC 6855): names and strings; APPENDLIMIT (RFC 7889). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_util.h"
#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

struct name_row {
	const char *utf8, *utf7; /* utf7 NULL: no name there */
	bool not_in_utf8;
};
static const struct name_row names[] = {
	{"INBOX", "INBOX", false},
	{"Entw\xc3\xbcrfe", "Entw&APw-rfe", false},
	{"a & b", "a &- b", false},
	{"\xe5\x8f\xb0\xe5\x8c\x97", "&U,BTFw-", false},
	{"\xf0\x9f\x92\xa9", "&2D3cqQ-", false},
	{"\xc2\xa0", "&AKA-", false},
	{"\xe2\x80\xaa", "&ICo-", false},
	{"", "", false},
	/* not Net-Unicode */
	{"a\tb", "a&AAk-b", true},
	{"a\x7f", "a&AH8-", true},
	{"\xc2\x80", "&AIA-", true},
	{"\xc2\x9f", "&AJ8-", true},
	{"\xe2\x80\xa8", "&ICg-", true},
	{"\xe2\x80\xa9", "&ICk-", true},
	/* no UTF-8 */
	{"\xff", NULL, true},
	{"a\xc3", NULL, true},
	{"\xed\xa0\x80", NULL, true},
};

static void check_name(struct rig *r, bool utf8, const struct name_row *n)
{
	char *got;
	const char *wire = utf8 ? n->utf8 : n->utf7;
	bool ok = utf8 ? !n->not_in_utf8 : n->utf7 != NULL;
	cr_expect_eq(imap4_wire_name(r->session, n->utf8, &got), ok ? IMAP4_OK : IMAP4_E_ARG, "%s",
		n->utf8);
	cr_expect(ok ? got != NULL && strcmp(got, wire) == 0 : got == NULL, "%s: %s", n->utf8, got);
	free(got);
	if (wire == NULL)
		return;
	cr_expect_eq(imap4_wire_name_decode(r->session, str(wire), &got),
		ok ? IMAP4_OK : IMAP4_E_ARG, "%s", wire);
	cr_expect(ok ? got != NULL && strcmp(got, n->utf8) == 0 : got == NULL, "%s: %s", wire, got);
	free(got);
}

Test(wire, a_name_is_spelt_as_the_session_wants_it)
{
	static const char *const enabled[] = {"", "* ENABLED UTF8=ACCEPT\r\n",
		"* ENABLED IMAP4rev2\r\n", "* ENABLED CONDSTORE\r\n"};
	for (size_t k = 0; k < 4; k++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = "UTF8=ACCEPT"}, 0);
		bool utf8 = k == 1 || k == 2;
		rig_say(r, enabled[k]);
		cr_expect_eq(imap4_utf8_enabled(r->session), utf8);
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
			check_name(r, utf8, &names[i]);
		char *got;
		cr_expect_eq(imap4_wire_name_decode(r->session, str("&x"), &got),
			utf8 ? IMAP4_OK : IMAP4_E_ARG);
		free(got);
		rig_free(r);
	}
}

Test(wire, a_server_of_utf8_only_must_be_told_first)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "UTF8=ONLY"}, 0);
	char *got;
	cr_expect_eq(imap4_wire_name(r->session, "x", &got), IMAP4_E_STATE);
	cr_expect_null(got);
	cr_expect_eq(imap4_wire_name_decode(r->session, str("x"), &got), IMAP4_E_STATE);
	rig_say(r, "* ENABLED UTF8=ACCEPT\r\n");
	cr_expect_eq(imap4_wire_name(r->session, "x", &got), IMAP4_OK);
	free(got);
	rig_free(r);
}

Test(wire, a_name_has_a_limit)
{
	static char name[16386];
	memset(name, 'a', sizeof name - 1);
	for (int utf8 = 0; utf8 < 2; utf8++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = ""}, 0);
		rig_say(r, utf8 ? "* ENABLED UTF8=ACCEPT\r\n" : "");
		char *got;
		name[16384] = 'a';
		cr_expect_eq(imap4_wire_name(r->session, name, &got), IMAP4_E_LIMIT);
		cr_expect_null(got);
		name[16384] = '\0';
		cr_expect_eq(imap4_wire_name(r->session, name, &got), IMAP4_OK);
		free(got);
		rig_free(r);
	}
}

/* ---- what is sent, and when --------------------------------------------------------------------------- */

static const char *const accept_utf8 = "UTF8=ACCEPT", *const rev2 = "IMAP4rev2",
			 *const condstore = "CONDSTORE";

static void queue_behind(struct rig *r, const char *enable)
{
	imap4_cmd *c = imap4_enable_start(r->session, &enable, 1);
	imap4_cmd *open = imap4_select_start(r->session, str("Entw\xc3\xbcrfe"), NULL);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* ENABLED ");
	rig_say(r, enable);
	rig_say(r, "\r\n$1 OK x\r\n");
	rig_finish(r, c);
	rig_pump(r);
	if (strstr(buf_str(&r->sent), "{8}") != NULL)
		rig_say(r, "+ go\r\n");
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, open);
}

static void behind_utf8(struct rig *r)
{
	queue_behind(r, accept_utf8);
}

static void behind_rev2(struct rig *r)
{
	queue_behind(r, rev2);
}

static void behind_refusal(struct rig *r)
{
	imap4_cmd *c = imap4_enable_start(r->session, &accept_utf8, 1);
	imap4_cmd *list = imap4_lsub_start(r->session, "", "\xc3\xbc%");
	rig_say(r, "$1 BAD x\r\n");
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, c);
	rig_finish(r, list);
}

/* Before it something may be in flight, behind it nothing is sent; CONDSTORE changes no spelling. */
static void before_and_behind(struct rig *r)
{
	imap4_cmd *c[5] = {imap4_noop_start(r->session),
		imap4_enable_start(r->session, &condstore, 1), imap4_noop_start(r->session),
		imap4_enable_start(r->session, &accept_utf8, 1), imap4_noop_start(r->session)};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* ENABLED CONDSTORE\r\n$2 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n$3 OK x\r\n* ENABLED UTF8=ACCEPT\r\n$4 OK x\r\n");
	rig_say(r, "$5 OK x\r\n");
	for (size_t i = 0; i < 5; i++)
		rig_finish(r, c[i]);
}

static void too_late(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_cmd *c = imap4_enable_start(r->session, &accept_utf8, 1);
	rig_pump(r);
	rig_finish(r, c);
}

static void names_everywhere(struct rig *r)
{
	rig_say(r, "* ENABLED UTF8=ACCEPT\r\n");
	buf_clear(&r->log);
	imap4_cmd *c[3] = {imap4_create_start(r->session, str("\xe5\x8f\xb0\"\\"), NULL),
		imap4_lsub_start(r->session, "\xc3\xbc", "\xe5\x8f\xb0%"),
		/* no UTF-8: a literal says what it is */
		imap4_status_start(r->session, str("\xff"), IMAP4_ST_MESSAGES)};
	rig_say(r, "$1 OK x\r\n");
	rig_say(r, "* LSUB () \"/\" \"\xe5\x8f\xb0\xe5\x8c\x97\"\r\n$2 OK x\r\n");
	rig_say(r, "+ go\r\n");
	rig_say(r, "$3 BAD that is no UTF-8\r\n");
	for (size_t i = 0; i < 3; i++)
		rig_finish(r, c[i]);
}

static void not_told(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, str("a"), NULL);
	rig_say(r, "$1 NO [CANNOT] UTF-8 only\r\n");
	rig_logf(r, "cannot %d\n", imap4_cmd_result(c)->code == IMAP4_CODE_CANNOT);
	rig_finish(r, c);
}

#define ROW(play) #play, play
static const struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
} rows[] = {
	{ROW(behind_utf8), {.caps = "ENABLE UTF8=ACCEPT"},
		"$1 ENABLE UTF8=ACCEPT\r\n$2 EXAMINE \"Entw\xc3\xbcrfe\"\r\n",
		"in flight 1\n  * ENABLED UTF8=ACCEPT\nIMAP4_OK ENABLE succeeded\n"
		"IMAP4_OK EXAMINE succeeded\n"},
	{ROW(behind_rev2), {.caps = "IMAP4rev2"},
		"$1 ENABLE IMAP4rev2\r\n$2 EXAMINE \"Entw\xc3\xbcrfe\"\r\n",
		"in flight 1\n  * ENABLED IMAP4rev2\nIMAP4_OK ENABLE succeeded\n"
		"IMAP4_OK EXAMINE succeeded\n"},
	{ROW(behind_refusal), {.caps = "ENABLE LITERAL+"},
		"$1 ENABLE UTF8=ACCEPT\r\n$2 LSUB \"\" {3+}\r\n\xc3\xbc%\r\n",
		"IMAP4_E_BAD ENABLE was not understood by the server: x\nIMAP4_OK LSUB succeeded\n"},
	{ROW(before_and_behind), {.caps = "ENABLE"},
		"$1 NOOP\r\n$2 ENABLE CONDSTORE\r\n$3 NOOP\r\n$4 ENABLE UTF8=ACCEPT\r\n$5 NOOP\r\n",
		"in flight 3\nin flight 3\nIMAP4_OK NOOP succeeded\n  * ENABLED CONDSTORE\n"
		"IMAP4_OK ENABLE succeeded\nIMAP4_OK NOOP succeeded\n  * ENABLED UTF8=ACCEPT\n"
		"IMAP4_OK ENABLE succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(too_late), {.caps = "ENABLE"}, "",
		"IMAP4_E_STATE ENABLE failed: a mailbox is selected\n"},
	{ROW(names_everywhere), {0},
		"$1 CREATE \"\xe5\x8f\xb0\\\"\\\\\"\r\n$2 LSUB \"\xc3\xbc\" \"\xe5\x8f\xb0%\"\r\n"
		"$3 STATUS {1}\r\n\xff (MESSAGES)\r\n",
		"IMAP4_OK CREATE succeeded\n  * LSUB () \"/\" \"\xe5\x8f\xb0\xe5\x8c\x97\"\n"
		"IMAP4_OK LSUB succeeded\n"
		"IMAP4_E_BAD STATUS was not understood by the server: that is no UTF-8\n"},
	{ROW(not_told), {.caps = "UTF8=ONLY"}, "$1 EXAMINE a\r\n",
		"cannot 1\nIMAP4_E_NO EXAMINE was refused: UTF-8 only\n"},
};

Test(wire, plays_are_the_same_however_they_are_cut)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s: %s", rows[i].name, why);
		free(why);
	}
}

Test(wire, a_backup_may_enable)
{
	struct rig *r =
		rig_new(&(struct rig_options){.caps = "ENABLE", .policy = IMAP4_POLICY_BACKUP}, 0);
	cr_expect_not_null(imap4_enable_start(r->session, &accept_utf8, 1));
	rig_free(r);
}

/* ---- APPENDLIMIT -------------------------------------------------------------------------------------- */

/* RFC 7889 section 2 has the two forms of the capability. */
Test(wire, the_largest_message_is_known)
{
	static const struct {
		const char *caps;
		int how;
		uint64_t octets;
	} row[] = {
		{"APPENDLIMIT=257890", IMAP4_APPEND_LIMIT_GLOBAL, 257890},
		{"appendlimit=0", IMAP4_APPEND_LIMIT_GLOBAL, 0},
		{"X APPENDLIMIT=4294967296 Y", IMAP4_APPEND_LIMIT_GLOBAL, UINT64_C(4294967296)},
		{"APPENDLIMIT", IMAP4_APPEND_LIMIT_BY_MAILBOX, 77},
		{"", IMAP4_APPEND_LIMIT_UNKNOWN, 77},
		{"APPENDLIMIT=", IMAP4_APPEND_LIMIT_UNKNOWN, 77},
		{"APPENDLIMIT=x", IMAP4_APPEND_LIMIT_UNKNOWN, 77},
		{"APPENDLIMIT=-1", IMAP4_APPEND_LIMIT_UNKNOWN, 77},
		{"APPENDLIMIT=9223372036854775808", IMAP4_APPEND_LIMIT_UNKNOWN, 77},
		{"XAPPENDLIMIT=5", IMAP4_APPEND_LIMIT_UNKNOWN, 77},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = row[i].caps}, 0);
		uint64_t octets = 77;
		cr_expect_eq(
			imap4_append_limit(r->session, &octets), row[i].how, "%s", row[i].caps);
		cr_expect_eq(octets, row[i].octets, "%s", row[i].caps);
		rig_free(r);
	}
}

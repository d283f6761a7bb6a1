/* SPDX-License-Identifier: MIT */
/*
 * test_rev2.c -- a server that lists IMAP4rev2 and nothing else: what RFC 9051 appendix E counts as part of it is used without
 * being listed, what it does not is not (SASL-IR: test_auth.c); its new answers are understood.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_util.h"
#include "tests/support/engine_rig.h"
#include "tests/support/resp_dump.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static imap4_set *one(void)
{
	imap4_set *s = imap4_set_new();
	cr_assert_eq(imap4_set_add(s, 1), IMAP4_OK);
	return s;
}

/* ---- appendix E, 2 and 3 ------------------------------------------------------------------------------- */

static imap4_cmd *namespace(struct rig *r)
{
	return imap4_namespace_start(r->session);
}

static imap4_cmd *unselect(struct rig *r)
{
	return imap4_unselect_start(r->session);
}

static imap4_cmd *uid_expunge(struct rig *r)
{
	imap4_set *set = one();
	imap4_cmd *c = imap4_uid_expunge_start(r->session, set, 0);
	imap4_set_free(set);
	return c;
}

static imap4_cmd *search(struct rig *r)
{
	imap4_query *q = imap4_query_new();
	imap4_cmd *c = imap4_search_start(r->session, q, NULL);
	imap4_query_free(q);
	return c;
}

static imap4_cmd *save(struct rig *r)
{
	imap4_query *q = imap4_query_new();
	imap4_cmd *c = imap4_search_start(r->session, q,
		&(imap4_query_opts){.struct_size = sizeof(imap4_query_opts), .save = 1});
	imap4_query_free(q);
	return c;
}

static imap4_cmd *enable(struct rig *r)
{
	static const char *const name[] = {"X"};
	engine_set_state(r->engine, IMAP4_AUTHENTICATED);
	return imap4_enable_start(r->session, name, 1);
}

static imap4_cmd *idle(struct rig *r)
{
	return imap4_idle_start(r->session);
}

static imap4_cmd *list(struct rig *r)
{
	static const char *const pattern[] = {"*"};
	return imap4_list_start(r->session, "", pattern, 1,
		&(imap4_list_opts){.struct_size = sizeof(imap4_list_opts),
			.ret = IMAP4_RET_CHILDREN | IMAP4_RET_SUBSCRIBED | IMAP4_RET_SPECIAL_USE,
			.status_items = IMAP4_ST_SIZE | IMAP4_ST_DELETED | IMAP4_ST_MAILBOXID |
				IMAP4_ST_HIGHESTMODSEQ | IMAP4_ST_APPENDLIMIT});
}

static imap4_cmd *move(struct rig *r)
{
	imap4_set *set = one();
	imap4_cmd *c = imap4_move_start(r->session, set, str("a"), NULL);
	imap4_set_free(set);
	return c;
}

/* A name that must be a literal. */
static imap4_cmd *literal(struct rig *r)
{
	return imap4_subscribe_start(r->session, str("\xc3\xa4"));
}

static imap4_cmd *binary(struct rig *r)
{
	imap4_set *set = one();
	imap4_cmd *c = imap4_fetch_start(r->session, set, "BINARY.SIZE[1]", NULL);
	imap4_set_free(set);
	return c;
}

static imap4_cmd *status(struct rig *r)
{
	return imap4_status_start(
		r->session, str("a"), IMAP4_ST_SIZE | IMAP4_ST_DELETED | IMAP4_ST_MAILBOXID);
}

/* not in it */

static imap4_cmd *sort(struct rig *r)
{
	static const int by[] = {IMAP4_SORT_DATE};
	imap4_query *q = imap4_query_new();
	imap4_cmd *c = imap4_sort_start(r->session, by, 1, q, NULL);
	imap4_query_free(q);
	return c;
}

static imap4_cmd *create_with_use(struct rig *r)
{
	return imap4_create_start(r->session, str("a"), "\\Sent");
}

static imap4_cmd *id(struct rig *r)
{
	return imap4_id_start(r->session, NULL, 0);
}

static imap4_cmd *changed(struct rig *r)
{
	imap4_set *set = one();
	imap4_cmd *c = imap4_fetch_start(r->session, set, "UID",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts), .changedsince = 5});
	imap4_set_free(set);
	return c;
}

static const struct {
	const char *folded_in; /* capability, or its absence */
	imap4_cmd *(*start)(struct rig *r);
	const char *sent; /* NULL: IMAP4_E_NOCAP */
} parts[] = {
	{"NAMESPACE", namespace, "NAMESPACE\r\n"},
	{"UNSELECT", unselect, "UNSELECT\r\n"},
	{"UIDPLUS", uid_expunge, "UID EXPUNGE 1\r\n"},
	{"ESEARCH", search, "SEARCH RETURN (ALL) ALL\r\n"},
	{"SEARCHRES", save, "SEARCH RETURN (SAVE) ALL\r\n"},
	{"ENABLE", enable, "ENABLE X\r\n"},
	{"IDLE", idle, "IDLE\r\n"},
	/* SPECIAL-USE gave its attributes only */
	{"LIST-EXTENDED, LIST-STATUS, STATUS=SIZE", list,
		"LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN STATUS (SIZE DELETED))\r\n"},
	{"MOVE", move, "MOVE 1 a\r\n"},
	{"LITERAL-", literal, "SUBSCRIBE {2+}\r\n\xc3\xa4\r\n"},
	{"BINARY", binary, "FETCH 1 (BINARY.SIZE[1])\r\n"},
	{"STATUS=SIZE, DELETED", status, "STATUS a (SIZE DELETED)\r\n"},
	{"no SORT", sort, NULL},
	{"no CREATE-SPECIAL-USE", create_with_use, NULL},
	{"no ID", id, NULL},
	{"no CONDSTORE", changed, NULL},
};

Test(rev2, its_parts_are_used_without_being_listed)
{
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		for (int there = 0; there < 2; there++) {
			struct rig *r =
				rig_new(&(struct rig_options){.caps = there ? "IMAP4rev2" : ""}, 0);
			engine_set_state(r->engine, IMAP4_SELECTED);
			imap4_cmd *c = parts[i].start(r);
			cr_assert_not_null(c, "%s", parts[i].folded_in);
			rig_pump(r);
			const char *sent = strchr(buf_str(&r->sent), ' ');
			if (there && parts[i].sent != NULL)
				cr_expect(sent != NULL && strcmp(sent + 1, parts[i].sent) == 0,
					"%s: %s", parts[i].folded_in, buf_str(&r->sent));
			else
				cr_expect(sent == NULL ||
						strcmp(sent + 1,
							parts[i].sent != NULL ? parts[i].sent
									      : "") != 0,
					"%s is there: %s", parts[i].folded_in, buf_str(&r->sent));
			if (there && parts[i].sent == NULL)
				cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_NOCAP, "%s",
					parts[i].folded_in);
			rig_free(r);
		}
}

/* ---- its answers --------------------------------------------------------------------------------------- */

static void finish(struct rig *r, imap4_cmd *c)
{
	const imap4_data *d;
	while (c != NULL && (d = imap4_cmd_next(c)) != NULL) {
		struct buf line = BUF_INIT(1 << 16);
		resp_dump(&line, d);
		rig_logf(r, "%s\n", buf_str(&line));
		buf_release(&line);
	}
	rig_finish(r, c);
}

/* RFC 9051 section 6.3.2: CLOSED between the mailboxes, a LIST, no RECENT and no UNSEEN. */
static void select_again(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	rig_say(r, "* ENABLED IMAP4rev2\r\n");
	imap4_cmd *c = imap4_select_start(r->session, str("INBOX"),
		&(imap4_select_opts){.struct_size = sizeof(imap4_select_opts), .writable = 1});
	rig_say(r,
		"* 99 EXISTS\r\n* OK [CLOSED] Previous mailbox is now closed\r\n* 172 EXISTS\r\n"
		"* OK [UIDVALIDITY 3857529045] UIDs valid\r\n* OK [UIDNEXT 4392] Predicted next UID\r\n"
		"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
		"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n* LIST () \"/\" INBOX\r\n"
		"$1 OK [READ-WRITE] SELECT completed\r\n");
	const imap4_selected *v = engine_selected(r->engine);
	buf_clear(&r->log);
	rig_logf(r, "exists %u recent %u uidvalidity %u uidnext %u read-only %d flags %zu\n",
		v->exists, v->recent, v->uidvalidity, v->uidnext, v->read_only,
		v->npermanent_flags);
	imap4_cmd_free(c);
}

/* RFC 9051 section 6.4.4: the answer is ESEARCH, with an old RETURN-less command as well. */
static void search_plain(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_cmd *c = imap4_search_set_start(r->session, NULL,
		&(imap4_search_opts){
			.struct_size = sizeof(imap4_search_opts), .plain = 1, .open_from = 1});
	rig_say(r, "* ESEARCH (TAG \"$1\") ALL 2,10:11\r\n$1 OK SEARCH completed\r\n");
	const imap4_numbers *n = imap4_cmd_numbers(c);
	rig_logf(r, "found %d\n", n != NULL ? (int)imap4_set_count(n->set) : -1);
	finish(r, c);
}

/* RFC 9051 sections 6.3.9.7 and 6.3.9.8, example 7 */
static void list_extended(struct rig *r)
{
	static const char *const pattern[] = {"*"};
	imap4_cmd *c = imap4_list_start(r->session, "", pattern, 1, NULL);
	rig_say(r,
		"* LIST () \"/\" \"NewMailbox\" (\"OLDNAME\" (\"OldMailbox\"))\r\n"
		"* LIST (\\Subscribed) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
		"* LIST (\\NonExistent) \"/\" \"Foo2\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
		"$1 OK x\r\n");
	finish(r, c);
}

/* RFC 9051 section 5.1: the server's own UTF-8, also unasked, and in its texts. */
static void utf8_names(struct rig *r)
{
	rig_say(r, "* ENABLED IMAP4rev2\r\n");
	buf_clear(&r->log);
	imap4_cmd *c = imap4_status_start(r->session, str("\xc3\xa4"), IMAP4_ST_MESSAGES);
	rig_say(r, "* STATUS \"\xc3\xa4\" (MESSAGES 3)\r\n$1 OK fertig \xc3\xa4\r\n");
	finish(r, c);
}

/* RFC 9051 appendix E, 12 and 17 */
static void what_is_gone(struct rig *r)
{
	rig_say(r, "* ENABLED IMAP4rev2\r\n");
	buf_clear(&r->log);
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_cmd *c = imap4_check_start(r->session);
	imap4_cmd *status =
		imap4_status_start(r->session, str("a"), IMAP4_ST_RECENT | IMAP4_ST_MESSAGES);
	rig_say(r, "$1 OK x\r\n* STATUS a (MESSAGES 3)\r\n$2 OK x\r\n");
	finish(r, c);
	finish(r, status);
}

static const struct {
	void (*play)(struct rig *r);
	const char *sent, *log;
} rows[] = {
	{select_again, "$1 SELECT INBOX\r\n",
		"exists 172 recent 0 uidvalidity 3857529045 uidnext 4392 read-only 0 flags 3\n"},
	{search_plain, "$1 SEARCH 1:*\r\n", "found 3\nIMAP4_OK SEARCH succeeded\n"},
	{list_extended, "$1 LIST \"\" \"*\"\r\n",
		"LIST name=NewMailbox delimiter=/ oldname=OldMailbox extended=(\"OLDNAME\" (\"OldMailbox\"))\n"
		"LIST name=Foo delimiter=/ attrs=20 attr=\\Subscribed extended=(\"CHILDINFO\" (\"SUBSCRIBED\"))\n"
		"LIST name=Foo2 delimiter=/ attrs=3 attr=\\NonExistent extended=(\"CHILDINFO\" (\"SUBSCRIBED\"))\n"
		"IMAP4_OK LIST succeeded\n"},
	{what_is_gone, "$1 NOOP\r\n$2 STATUS a (MESSAGES)\r\n",
		"IMAP4_OK CHECK succeeded\nSTATUS mailbox=a messages=3(MESSAGES 3)\n"
		"IMAP4_OK STATUS succeeded\n"},
	{utf8_names, "$1 STATUS \"\xc3\xa4\" (MESSAGES)\r\n",
		"STATUS mailbox=\xc3\xa4 messages=3(MESSAGES 3)\nIMAP4_OK STATUS succeeded\n"},
};

Test(rev2, its_answers_are_understood_however_they_are_cut)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&(struct rig_options){.caps = "IMAP4rev2"}, rows[i].play,
			rows[i].sent, rows[i].log);
		cr_expect_null(why, "%zu: %s", i, why);
		free(why);
	}
}

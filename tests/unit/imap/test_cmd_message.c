/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_message.c -- STORE, COPY, MOVE, EXPUNGE, CHECK, CLOSE: bytes out, whose the answers are, what the response codes
 * tell.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static struct uidset set_of(const char *text)
{
	struct uidset s = UIDSET_INIT;
	struct err e = ERR_INIT;
	cr_assert(uidset_parse(&s, slice_str(text), &e) == 0, "%s", text);
	return s;
}

static void log_set(struct rig *r, const char *name, const imap4_set *s)
{
	struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;
	if (s == NULL)
		rig_logf(r, "%s none\n", name);
	else if (uidset_format(s, &b, &e) == 0)
		rig_logf(r, "%s [%s]\n", name, buf_str(&b));
	buf_release(&b);
}

static imap4_cmd *store(
	struct rig *r, const char *set, int how, const char *flag, const imap4_store_opts *o)
{
	struct uidset s = set_of(set);
	imap4_str flags[] = {str(flag), str("$Done")};
	imap4_cmd *c = imap4_store_start(r->session, &s, how, flags, 2, o);
	uidset_release(&s);
	return c;
}

#define STORE_OPTS(...)                                                                            \
	(&(imap4_store_opts){                                                                      \
		.struct_size = sizeof(imap4_store_opts), .by = IMAP4_BY_UID, __VA_ARGS__})
#define COPY_OPTS(by_what)                                                                         \
	(&(imap4_copy_opts){.struct_size = sizeof(imap4_copy_opts), .by = (by_what)})

static void finish_store(struct rig *r, imap4_cmd *c)
{
	if (c != NULL)
		log_set(r, "modified", imap4_cmd_modified(c));
	rig_finish(r, c);
}

static void begin(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
}

static void store_plain(struct rig *r)
{
	begin(r);
	imap4_cmd *c = store(r, "3:4", IMAP4_FLAGS_ADD, "\\Seen", STORE_OPTS(.open_from = 9));
	rig_say(r,
		"* 1 FETCH (UID 3 FLAGS (\\Seen $Done))\r\n* 2 FETCH (FLAGS (x) UID 5)\r\n"
		"* 2 FETCH (FLAGS (x))\r\n* 3 FETCH (UID 4 FLAGS () RFC822.SIZE 1)\r\n"
		"* 4 FETCH (UID 4)\r\n* 9 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (7))\r\n$1 OK x\r\n");
	finish_store(r, c);
}

static void store_silent(struct rig *r)
{
	begin(r);
	imap4_cmd *c = store(r, "3", IMAP4_FLAGS_REMOVE, "\\Seen", STORE_OPTS(.silent = 1));
	rig_say(r, "* 1 FETCH (UID 3 FLAGS ())\r\n* 1 FETCH (UID 3 MODSEQ (7))\r\n$1 OK x\r\n");
	finish_store(r, c);
}

static void store_by_number(struct rig *r)
{
	begin(r);
	imap4_cmd *c = store(r, "3", IMAP4_FLAGS_REPLACE, "a",
		&(imap4_store_opts){.struct_size = sizeof(imap4_store_opts)});
	imap4_cmd *n = imap4_noop_start(r->session);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 3 FETCH (FLAGS (a $Done))\r\n* 2 FETCH (FLAGS (b))\r\n$1 OK x\r\n");
	rig_say(r, "$2 OK x\r\n");
	finish_store(r, c);
	rig_finish(r, n);
}

static void store_no_flags(struct rig *r)
{
	begin(r);
	struct uidset s = set_of("1");
	imap4_cmd *c = imap4_store_start(
		r->session, &s, IMAP4_FLAGS_REPLACE, NULL, 0, STORE_OPTS(.silent = 1));
	rig_say(r, "$1 OK x\r\n");
	finish_store(r, c);
	finish_store(r, imap4_store_start(r->session, &s, IMAP4_FLAGS_ADD, NULL, 0, NULL));
	finish_store(r, imap4_store_start(r->session, &s, 3, NULL, 0, NULL));
	finish_store(r, imap4_store_start(r->session, NULL, 0, NULL, 0, NULL));
	uidset_release(&s);
}

static imap4_cmd *conditional(struct rig *r, uint64_t modseq)
{
	begin(r);
	return store(r, "3:5", IMAP4_FLAGS_ADD, "\\Seen",
		STORE_OPTS(.silent = 1, .conditional = 1, .unchangedsince = modseq));
}

static void store_modified(struct rig *r)
{
	imap4_cmd *c = conditional(r, INT64_MAX);
	rig_say(r, "* 1 FETCH (UID 3 MODSEQ (320162350))\r\n$1 OK [MODIFIED 4:5] x\r\n");
	finish_store(r, c);
}

static void store_all_modified(struct rig *r)
{
	imap4_cmd *c = conditional(r, 0);
	rig_say(r, "$1 NO [MODIFIED 3,5] x\r\n");
	finish_store(r, c);
}

static void store_modified_spoilt(struct rig *r)
{
	imap4_cmd *c = conditional(r, 1);
	rig_say(r, "$1 OK [MODIFIED 3;5] x\r\n");
	finish_store(r, c);
	finish_store(r, conditional(r, (uint64_t)INT64_MAX + 1));
}

static void store_not_offered(struct rig *r)
{
	imap4_cmd *c = conditional(r, 1);
	rig_pump(r);
	finish_store(r, c);
}

static void store_injected(struct rig *r)
{
	static const char *const flag[] = {"", "\\", "a b", "a\r\nx", "a)", "(a", "\\\\Seen", "a\"",
		"{3}", "\xc3\xa9", "a%", "*"};
	begin(r);
	for (size_t i = 0; i < sizeof flag / sizeof *flag; i++)
		if (store(r, "1", IMAP4_FLAGS_ADD, flag[i], STORE_OPTS()) != NULL ||
			rig_last(r) != IMAP4_E_ARG)
			rig_logf(r, "accepted %s\n", flag[i]);
	struct uidset s = set_of("1");
	imap4_str nul = {"a\0b", 3};
	finish_store(r, imap4_store_start(r->session, &s, 0, &nul, 1, NULL));
	uidset_release(&s);
	rig_pump(r);
}

/* The flags leave room for a set on the longest line: 200 octets of IMAP_COMMAND_ABSOLUTE_MAX. */
static void store_long_flags(struct rig *r)
{
	char flag[7792];
	memset(flag, 'a', sizeof flag);
	begin(r);
	struct uidset s = set_of("1");
	for (size_t n = 7791; n <= 7792; n++) {
		imap4_str f = {flag, n};
		imap4_cmd *c = imap4_store_start(r->session, &s, 0, &f, 1, STORE_OPTS());
		rig_logf(r, "%zu %d\n", n, c != NULL);
		rig_pump(r);
		imap4_cmd_free(c);
	}
	rig_logf(r, "%zu octets\n", r->sent.len);
	buf_clear(&r->sent);
	uidset_release(&s);
}

/* A set of odd numbers: about five octets each. */
static struct uidset long_set(void)
{
	struct uidset s = UIDSET_INIT;
	struct err e = ERR_INIT;
	for (uint32_t n = 1001; n < 1601; n += 2)
		cr_assert(uidset_add(&s, n, &e) == 0);
	return s;
}

static void store_in_parts(struct rig *r)
{
	begin(r);
	struct uidset s = long_set();
	imap4_str flag = str("a");
	imap4_cmd *c = imap4_store_start(r->session, &s, IMAP4_FLAGS_ADD, &flag, 1,
		STORE_OPTS(.silent = 1, .conditional = 1, .unchangedsince = 5));
	uidset_release(&s);
	rig_pump(r);
	size_t longest = 0;
	for (const char *p = buf_str(&r->sent); *p != '\0';) {
		size_t n = (size_t)(strchr(p, '\n') + 1 - p);
		longest = n > longest ? n : longest;
		p += n;
	}
	rig_logf(r, "in flight %zu, %s\n", engine_in_flight(r->engine),
		longest <= IMAP_COMMAND_MAX ? "short" : "long");
	buf_clear(&r->sent);
	rig_say(r, "$2 OK [MODIFIED 1401] x\r\n$1 OK [MODIFIED 1001] x\r\n");
	finish_store(r, c);
}

static void a_store_waits_for_what_it_would_blur(struct rig *r)
{
	begin(r);
	struct uidset s = set_of("1");
	imap4_cmd *c[] = {store(r, "1:3", IMAP4_FLAGS_ADD, "a", STORE_OPTS()),
		store(r, "5:9", IMAP4_FLAGS_ADD, "b", STORE_OPTS()),
		store(r, "3:4", IMAP4_FLAGS_ADD, "c", STORE_OPTS()),
		imap4_fetch_start(r->session, &s, "FLAGS",
			&(imap4_fetch_opts){
				.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID})};
	uidset_release(&s);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 6 FETCH (UID 6 FLAGS (b $Done))\r\n$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$4 OK x\r\n");
	for (size_t i = 0; i < 4; i++)
		rig_finish(r, c[i]);
}

/* ---- COPY, MOVE --------------------------------------------------------------------------------- */

static void finish_copy(struct rig *r, imap4_cmd *c)
{
	const imap4_copied *told = c != NULL ? imap4_cmd_copied(c) : NULL;
	if (told != NULL) {
		rig_logf(r, "uidvalidity %u in order %d\n", told->uidvalidity, told->in_order);
		log_set(r, "from", told->from);
		log_set(r, "to", told->to);
	}
	rig_finish(r, c);
}

static imap4_cmd *copy(struct rig *r, const char *set, const char *mailbox, int by, bool move)
{
	struct uidset s = set_of(set);
	imap4_cmd *c = move ? imap4_move_start(r->session, &s, str(mailbox), COPY_OPTS(by))
			    : imap4_copy_start(r->session, &s, str(mailbox), COPY_OPTS(by));
	uidset_release(&s);
	return c;
}

static void copy_with_code(struct rig *r, const char *code)
{
	begin(r);
	imap4_cmd *c = copy(r, "304,319:320", "meeting", IMAP4_BY_UID, false);
	rig_pump(r);
	rig_say(r, code);
	finish_copy(r, c);
}

static void copy_told(struct rig *r)
{
	copy_with_code(r, "$1 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n");
}

static void copy_in_another_order(struct rig *r)
{
	copy_with_code(r, "$1 OK [COPYUID 4294967295 304,320:319 3956:3958] Done\r\n");
}

static void copy_refused(struct rig *r)
{
	copy_with_code(r, "$1 NO [TRYCREATE] no such mailbox\r\n");
}

static void copy_refused_and_told(struct rig *r)
{
	copy_with_code(r, "$1 NO [COPYUID 1 2 3] x\r\n");
}

static void copies_badly_told(struct rig *r)
{
	static const char *const code[] = {"", "1", "1 2", "1 2 ", "0 2 3", "4294967296 2 3",
		"1 2:3 4", "1 2 0", "1 * 3", "1 2 3 4", "1  2 3", "1 2,2 3:4", "x 2 3", "1 2 3:"};
	begin(r);
	for (size_t i = 0; i < sizeof code / sizeof *code; i++) {
		imap4_cmd *c = copy(r, "2", "a", IMAP4_BY_UID, false);
		char line[100];
		(void)snprintf(line, sizeof line, "$%zu OK [COPYUID %s] x\r\n", i + 1, code[i]);
		rig_say(r, line);
		if (imap4_cmd_copied(c) != NULL)
			rig_logf(r, "believed %s\n", code[i]);
		if (imap4_cmd_result(c)->err != IMAP4_OK)
			rig_logf(r, "failed %s\n", code[i]);
		imap4_cmd_free(c);
	}
	buf_clear(&r->sent);
}

static void copy_by_number(struct rig *r)
{
	begin(r);
	imap4_cmd *c = copy(r, "2:4", "a \"b", IMAP4_BY_SEQ, false);
	rig_say(r, "$1 OK x\r\n");
	finish_copy(r, c);
	c = imap4_copy_start(r->session, NULL, str("INBOX"),
		&(imap4_copy_opts){.struct_size = sizeof(imap4_copy_opts), .open_from = 7});
	rig_say(r, "$2 OK x\r\n");
	finish_copy(r, c);
}

static void copy_injected(struct rig *r)
{
	begin(r);
	imap4_cmd *c = copy(r, "1", "a\r\nb", IMAP4_BY_UID, false);
	rig_say(r, "+ go\r\n");
	rig_say(r, "$1 OK x\r\n");
	finish_copy(r, c);
	struct uidset s = set_of("1");
	finish_copy(r, imap4_copy_start(r->session, &s, (imap4_str){"a\0b", 3}, NULL));
	char name[1001];
	memset(name, 'a', sizeof name);
	finish_copy(r, imap4_move_start(r->session, &s, (imap4_str){name, 1001}, NULL));
	finish_copy(r, imap4_move_start(r->session, NULL, str("a"), NULL));
	uidset_release(&s);
}

static void move_told(struct rig *r)
{
	begin(r);
	imap4_cmd *c = copy(r, "42:69", "foo", IMAP4_BY_UID, true);
	imap4_cmd *second = copy(r, "70", "foo", IMAP4_BY_UID, true);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r,
		"* OK [COPYUID 432432 42:69 1202:1229] moved\r\n* OK hm\r\n* 22 EXPUNGE\r\n"
		"* VANISHED (EARLIER) 3\r\n* VANISHED 44\r\n$1 OK Done\r\n");
	rig_say(r, "* OK [COPYUID 432432 70 1230] moved\r\n$2 NO later\r\n");
	finish_copy(r, c);
	finish_copy(r, second);
}

static void move_not_offered(struct rig *r)
{
	begin(r);
	imap4_cmd *c = copy(r, "1", "a", IMAP4_BY_UID, true);
	rig_pump(r);
	finish_copy(r, c);
}

static void copies_in_parts(struct rig *r, const char *first, const char *second)
{
	begin(r);
	struct uidset s = long_set();
	imap4_cmd *c = imap4_copy_start(r->session, &s, str("a"), COPY_OPTS(IMAP4_BY_UID));
	uidset_release(&s);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	buf_clear(&r->sent);
	rig_say(r, first);
	rig_say(r, second);
	finish_copy(r, c);
}

static void copy_parts_in_order(struct rig *r)
{
	copies_in_parts(
		r, "$1 OK [COPYUID 9 1001,1003 1:2] x\r\n", "$2 OK [COPYUID 9 1501 3] x\r\n");
}

static void copy_parts_out_of_order(struct rig *r)
{
	copies_in_parts(
		r, "$1 OK [COPYUID 9 1001,1003 2:3] x\r\n", "$2 OK [COPYUID 9 1501 1] x\r\n");
}

static void copy_parts_of_two_mailboxes(struct rig *r)
{
	copies_in_parts(r, "$1 OK [COPYUID 9 1001 2] x\r\n", "$2 OK [COPYUID 8 1501 3] x\r\n");
}

static void copy_parts_that_overlap(struct rig *r)
{
	copies_in_parts(r, "$1 OK [COPYUID 9 1001 2] x\r\n", "$2 OK [COPYUID 9 1501 2] x\r\n");
}

static void copy_second_part_fails(struct rig *r)
{
	copies_in_parts(r, "$1 OK [COPYUID 9 1001 2] x\r\n", "$2 NO [OVERQUOTA] full\r\n");
}

/* ---- EXPUNGE, CHECK, CLOSE ------------------------------------------------------------------------ */

static void expunges(struct rig *r)
{
	begin(r);
	struct uidset s = set_of("3000:3002");
	imap4_cmd *c[] = {imap4_expunge_start(r->session),
		imap4_uid_expunge_start(r->session, &s, 4000), imap4_check_start(r->session)};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 9 EXISTS\r\n$1 OK x\r\n");
	rig_say(r, "* VANISHED 3001\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	for (size_t i = 0; i < 3; i++)
		rig_finish(r, c[i]);
	rig_finish(r, imap4_uid_expunge_start(r->session, NULL, 0));
	uidset_release(&s);
}

static void uid_expunge_not_offered(struct rig *r)
{
	begin(r);
	imap4_cmd *c = imap4_uid_expunge_start(r->session, NULL, 1);
	rig_pump(r);
	rig_finish(r, c);
}

static void closes(struct rig *r)
{
	begin(r);
	imap4_cmd *c = imap4_close_mailbox_start(r->session);
	imap4_cmd *after = imap4_check_start(r->session);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
	rig_logf(r, "selected %d\n", engine_state(r->engine) == IMAP4_SELECTED);
	rig_pump(r);
	rig_finish(r, after);
}

static void close_refused(struct rig *r)
{
	begin(r);
	imap4_cmd *c = imap4_close_mailbox_start(r->session);
	rig_say(r, "$1 NO x\r\n");
	rig_finish(r, c);
	rig_logf(r, "selected %d\n", engine_state(r->engine) == IMAP4_SELECTED);
}

static void backup_refuses(struct rig *r)
{
	begin(r);
	struct uidset s = set_of("1");
	rig_finish(r, imap4_store_start(r->session, &s, 0, NULL, 0, NULL));
	rig_finish(r, imap4_copy_start(r->session, &s, str("a"), NULL));
	rig_finish(r, imap4_move_start(r->session, &s, str("a"), NULL));
	rig_finish(r, imap4_expunge_start(r->session));
	rig_finish(r, imap4_uid_expunge_start(r->session, &s, 0));
	rig_finish(r, imap4_check_start(r->session));
	rig_finish(r, imap4_close_mailbox_start(r->session));
	uidset_release(&s);
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
	{ROW(store_plain), {0}, "$1 UID STORE 3:4,9:* +FLAGS (\\Seen $Done)\r\n",
		"unasked * 2 FETCH (FLAGS (x) UID 5)\nunasked * 2 FETCH (FLAGS (x))\n"
		"unasked * 3 FETCH (UID 4 FLAGS () RFC822.SIZE 1)\nunasked * 4 FETCH (UID 4)\n"
		"modified []\n  * 1 FETCH (UID 3 FLAGS (\\Seen $Done))\n"
		"  * 9 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (7))\nIMAP4_OK UID STORE succeeded\n"},
	{ROW(store_silent), {0}, "$1 UID STORE 3 -FLAGS.SILENT (\\Seen $Done)\r\n",
		"unasked * 1 FETCH (UID 3 FLAGS ())\nmodified []\n  * 1 FETCH (UID 3 MODSEQ (7))\n"
		"IMAP4_OK UID STORE succeeded\n"},
	{ROW(store_by_number), {0}, "$1 STORE 3 FLAGS (a $Done)\r\n$2 NOOP\r\n",
		"in flight 1\nunasked * 2 FETCH (FLAGS (b))\nmodified []\n  * 3 FETCH (FLAGS (a $Done))\n"
		"IMAP4_OK STORE succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(store_no_flags), {0}, "$1 UID STORE 1 FLAGS.SILENT ()\r\n",
		"modified []\nIMAP4_OK UID STORE succeeded\n"
		"not started IMAP4_E_ARG: STORE: no flags\nnot started IMAP4_E_ARG: STORE: no flags\n"
		"not started IMAP4_E_ARG: STORE: the set is empty\n"},
	{ROW(store_modified), {.caps = "CONDSTORE"},
		"$1 UID STORE 3:5 (UNCHANGEDSINCE 9223372036854775807) +FLAGS.SILENT (\\Seen $Done)\r\n",
		"modified [4:5]\n  * 1 FETCH (UID 3 MODSEQ (320162350))\nIMAP4_OK UID STORE succeeded\n"},
	{ROW(store_all_modified), {.caps = "QRESYNC"},
		"$1 UID STORE 3:5 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Seen $Done)\r\n",
		"modified [3,5]\nIMAP4_E_NO UID STORE was refused: x\n"},
	{ROW(store_modified_spoilt), {.caps = "CONDSTORE"},
		"$1 UID STORE 3:5 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Seen $Done)\r\n",
		"modified []\nIMAP4_E_PROTO UID STORE failed: the server sent a MODIFIED code that "
		"cannot be read\n"
		"not started IMAP4_E_ARG: UID STORE: no such modification sequence\n"},
	{ROW(store_not_offered), {0}, "",
		"modified []\nIMAP4_E_NOCAP UID STORE failed: the server does not offer CONDSTORE\n"},
	{ROW(store_injected), {0}, "",
		"not started IMAP4_E_ARG: STORE: a name has characters that cannot be sent\n"},
	{ROW(store_long_flags), {0}, "", "7791 1\n7792 0\n7825 octets\n"},
	{ROW(store_in_parts), {.caps = "CONDSTORE"}, "",
		"in flight 2, short\nmodified [1001,1401]\nIMAP4_OK UID STORE succeeded\n"},
	{ROW(a_store_waits_for_what_it_would_blur), {0},
		"$1 UID STORE 1:3 +FLAGS (a $Done)\r\n$2 UID STORE 5:9 +FLAGS (b $Done)\r\n"
		"$3 UID STORE 3:4 +FLAGS (c $Done)\r\n$4 UID FETCH 1 (FLAGS)\r\n",
		"in flight 2\nin flight 2\nin flight 1\nIMAP4_OK UID STORE succeeded\n"
		"  * 6 FETCH (UID 6 FLAGS (b $Done))\nIMAP4_OK UID STORE succeeded\n"
		"IMAP4_OK UID STORE succeeded\nIMAP4_OK UID FETCH succeeded\n"},
	{ROW(copy_told), {0}, "$1 UID COPY 304,319:320 meeting\r\n",
		"uidvalidity 38505 in order 1\nfrom [304,319:320]\nto [3956:3958]\n"
		"IMAP4_OK UID COPY succeeded\n"},
	{ROW(copy_in_another_order), {0}, "$1 UID COPY 304,319:320 meeting\r\n",
		"uidvalidity 4294967295 in order 0\nfrom [304,319:320]\nto [3956:3958]\n"
		"IMAP4_OK UID COPY succeeded\n"},
	{ROW(copy_refused), {0}, "$1 UID COPY 304,319:320 meeting\r\n",
		"IMAP4_E_NO UID COPY was refused: no such mailbox\n"},
	{ROW(copy_refused_and_told), {0}, "$1 UID COPY 304,319:320 meeting\r\n",
		"IMAP4_E_NO UID COPY was refused: x\n"},
	{ROW(copies_badly_told), {0}, "", ""},
	{ROW(copy_by_number), {0}, "$1 COPY 2:4 \"a \\\"b\"\r\n$2 COPY 7:* INBOX\r\n",
		"IMAP4_OK COPY succeeded\nIMAP4_OK COPY succeeded\n"},
	{ROW(copy_injected), {0}, "$1 UID COPY 1 {4}\r\na\r\nb\r\n",
		"IMAP4_OK UID COPY succeeded\n"
		"not started IMAP4_E_ARG: COPY: a text has a NUL octet, which IMAP cannot carry\n"
		"not started IMAP4_E_ARG: MOVE: a mailbox name is longer than 1000 bytes\n"
		"not started IMAP4_E_ARG: MOVE: the set is empty\n"},
	{ROW(move_told), {.caps = "MOVE"}, "$1 UID MOVE 42:69 foo\r\n$2 UID MOVE 70 foo\r\n",
		"in flight 1\nunasked * OK hm\nunasked * VANISHED (EARLIER) 3\n"
		"uidvalidity 432432 in order 1\nfrom [42:69]\nto [1202:1229]\n"
		"  * 22 EXPUNGE\n  * VANISHED 44\nIMAP4_OK UID MOVE succeeded\n"
		"uidvalidity 432432 in order 1\nfrom [70]\nto [1230]\n"
		"IMAP4_E_NO UID MOVE was refused: later\n"},
	{ROW(move_not_offered), {0}, "",
		"IMAP4_E_NOCAP UID MOVE failed: the server does not offer MOVE\n"},
	{ROW(copy_parts_in_order), {0}, "",
		"in flight 2\nuidvalidity 9 in order 1\nfrom [1001,1003,1501]\nto [1:3]\n"
		"IMAP4_OK UID COPY succeeded\n"},
	{ROW(copy_parts_out_of_order), {0}, "",
		"in flight 2\nuidvalidity 9 in order 0\nfrom [1001,1003,1501]\nto [1:3]\n"
		"IMAP4_OK UID COPY succeeded\n"},
	{ROW(copy_parts_of_two_mailboxes), {0}, "", "in flight 2\nIMAP4_OK UID COPY succeeded\n"},
	{ROW(copy_parts_that_overlap), {0}, "", "in flight 2\nIMAP4_OK UID COPY succeeded\n"},
	{ROW(copy_second_part_fails), {0}, "",
		"in flight 2\nuidvalidity 9 in order 1\nfrom [1001]\nto [2]\n"
		"IMAP4_E_NO UID COPY was refused: full\n"},
	{ROW(expunges), {.caps = "UIDPLUS"},
		"$1 EXPUNGE\r\n$2 UID EXPUNGE 3000:3002,4000:*\r\n$3 CHECK\r\n",
		"in flight 1\nunasked * 9 EXISTS\n  * 3 EXPUNGE\n  * 3 EXPUNGE\n"
		"IMAP4_OK EXPUNGE succeeded\n  * VANISHED 3001\nIMAP4_OK UID EXPUNGE succeeded\n"
		"IMAP4_OK CHECK succeeded\n"
		"not started IMAP4_E_ARG: UID EXPUNGE: the set is empty\n"},
	{ROW(uid_expunge_not_offered), {0}, "",
		"IMAP4_E_NOCAP UID EXPUNGE failed: the server does not offer UIDPLUS\n"},
	{ROW(closes), {0}, "$1 CLOSE\r\n",
		"in flight 1\nIMAP4_OK CLOSE succeeded\nselected 0\n"
		"IMAP4_E_STATE CHECK failed: no mailbox is selected\n"},
	{ROW(close_refused), {0}, "$1 CLOSE\r\n", "IMAP4_E_NO CLOSE was refused: x\nselected 1\n"},
	{ROW(backup_refuses), {.policy = IMAP4_POLICY_BACKUP}, "",
		REFUSED("STORE") REFUSED("COPY") REFUSED("MOVE") REFUSED("EXPUNGE")
			REFUSED("UID EXPUNGE") REFUSED("CHECK") REFUSED("CLOSE")},
};

Test(cmd_message, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

Test(cmd_message, results_belong_to_their_own_kind_of_command)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	begin(r);
	imap4_cmd *c = imap4_noop_start(r->session);
	rig_say(r, "$1 OK [COPYUID 1 2 3] x\r\n");
	cr_assert(imap4_cmd_done(c));
	cr_assert_null(imap4_cmd_copied(c));
	cr_assert_null(imap4_cmd_modified(c));
	rig_free(r);
}

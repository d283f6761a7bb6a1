/* SPDX-License-Identifier: MIT */
/*
 * test_append.c -- APPEND, MULTIAPPEND, CREATE, SUBSCRIBE: bytes against bytes, cut everywhere.
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

/* Gives a text `step` octets at a time; stops at `end`. */
struct text_source {
	const char *text;
	size_t at, end, step;
	size_t calls;
	imap4_cmd *free_in;
};

static long read_text(void *ctx, void *p, size_t n)
{
	struct text_source *t = ctx;
	t->calls++;
	if (t->free_in != NULL)
		imap4_cmd_free(t->free_in);
	t->free_in = NULL;
	size_t left = t->end - t->at, part = n < t->step ? n : t->step;
	part = part < left ? part : left;
	memcpy(p, t->text + t->at, part);
	t->at += part;
	return (long)part;
}

static struct text_source source(const char *text)
{
	return (struct text_source){.text = text, .end = strlen(text), .step = 3};
}

static imap4_append_message message(struct text_source *t)
{
	return (imap4_append_message){.struct_size = sizeof(imap4_append_message),
		.size = strlen(t->text),
		.source = {t, read_text}};
}

static void finish(struct rig *r, imap4_cmd *c)
{
	const imap4_appended *a = c != NULL ? imap4_cmd_appended(c) : NULL;
	if (a != NULL) {
		rig_logf(r, "uidvalidity %u:", a->uidvalidity);
		for (size_t i = 0; i < a->n; i++)
			rig_logf(r, " %u", a->uid[i]);
		rig_logf(r, "\n");
	}
	rig_finish(r, c);
}

/* Line by line: the client sends what each allows before the next one comes. */
static void say_lines(struct rig *r, const char *text)
{
	while (*text != '\0') {
		size_t n = (size_t)(strchr(text, '\n') + 1 - text);
		rig_say_n(r, text, n);
		text += n;
	}
	rig_pump(r);
}

static void one(struct rig *r, const char *answer)
{
	const imap4_str flags[] = {str("\\Seen"), str("$Forwarded")};
	struct text_source t = source("A: b\r\n\r\nbody\r\n");
	imap4_append_message m = message(&t);
	m.flags = flags;
	m.nflags = 2;
	m.internaldate = str(" 7-Feb-1994 21:52:25 -0800");
	imap4_cmd *c = imap4_append_start(r->session, str("Sent Mail"), &m, 1, NULL);
	imap4_cmd *after = imap4_noop_start(r->session);
	say_lines(r, answer);
	rig_finish(r, after);
	finish(r, c);
}

static void a_synchronising_literal_waits(struct rig *r)
{
	one(r, "+ go\r\n$1 OK [APPENDUID 38505 3955] done\r\n$2 OK x\r\n");
}

static void a_non_synchronising_literal_does_not_wait(struct rig *r)
{
	one(r, "$1 OK [APPENDUID 38505 3955] done\r\n$2 OK x\r\n");
}

static void no_instead_of_plus_keeps_the_body_here(struct rig *r)
{
	one(r, "$1 NO [OVERQUOTA] full\r\n$2 OK x\r\n");
}

static void several(struct rig *r, const char *answer)
{
	struct text_source t[3] = {source("one"), source("two two"), source("3")};
	imap4_append_message m[3];
	for (size_t i = 0; i < 3; i++)
		m[i] = message(&t[i]);
	imap4_cmd *c = imap4_append_start(r->session, str("x"), m, 3, NULL);
	say_lines(r, answer);
	finish(r, c);
}

static void several_messages_in_one_command(struct rig *r)
{
	several(r, "$1 OK [APPENDUID 7 5:6,9] done\r\n");
}

static void several_messages_wait_each(struct rig *r)
{
	several(r, "+ a\r\n+ b\r\n+ c\r\n$1 OK [APPENDUID 7 9,5:6] done\r\n");
}

static void several_messages_refused_at_the_second(struct rig *r)
{
	several(r, "+ a\r\n$1 NO no more\r\n");
}

static void several_messages_without_the_capability(struct rig *r)
{
	several(r, "");
}

static void wrong_uids(struct rig *r)
{
	static const char *const set[] = {
		"0", "5,", "5:6", "1:4294967295", "x", "4294967296", "", "7 7", "1:*"};
	for (size_t i = 0; i < sizeof set / sizeof set[0]; i++) {
		char line[80];
		struct text_source t = source("a");
		imap4_append_message m = message(&t);
		imap4_cmd *c = imap4_append_start(r->session, str("x"), &m, 1, NULL);
		(void)snprintf(
			line, sizeof line, "$%zu OK [APPENDUID 7 %s] done\r\n", i + 1, set[i]);
		rig_say(r, line);
		finish(r, c);
	}
}

static void create_and_subscribe(struct rig *r)
{
	imap4_cmd *a = imap4_create_start(r->session, str("a b"), NULL);
	imap4_cmd *b = imap4_create_start(r->session, str("b"), "\\Sent");
	imap4_cmd *c = imap4_subscribe_start(r->session, str("b"));
	rig_say(r, "$1 NO [ALREADYEXISTS] is there\r\n$2 OK x\r\n$3 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, b);
	rig_finish(r, c);
}

static void create_with_a_use_the_server_does_not_know(struct rig *r)
{
	imap4_cmd *b = imap4_create_start(r->session, str("b"), "\\Sent");
	rig_pump(r);
	rig_finish(r, b);
}

static void a_backup_cannot_change_anything(struct rig *r)
{
	struct text_source t = source("a");
	imap4_append_message m = message(&t);
	rig_finish(r, imap4_append_start(r->session, str("x"), &m, 1, NULL));
	rig_finish(r, imap4_create_start(r->session, str("x"), NULL));
	rig_finish(r, imap4_subscribe_start(r->session, str("x")));
}

#define HEAD   "$1 APPEND \"Sent Mail\" (\\Seen $Forwarded) \" 7-Feb-1994 21:52:25 -0800\" "
#define BODY   "A: b\r\n\r\nbody\r\n\r\n"
#define DONE_1 "IMAP4_OK NOOP succeeded\n"

static const struct row {
	const char *name;
	struct rig_options o;
	void (*play)(struct rig *r);
	const char *sent, *log;
} rows[] = {
	{"sync", {0}, a_synchronising_literal_waits, HEAD "{14}\r\n" BODY "$2 NOOP\r\n",
		DONE_1 "uidvalidity 38505: 3955\nIMAP4_OK APPEND succeeded\n"},
	{"LITERAL+", {.caps = "LITERAL+"}, a_non_synchronising_literal_does_not_wait,
		HEAD "{14+}\r\n" BODY "$2 NOOP\r\n",
		DONE_1 "uidvalidity 38505: 3955\nIMAP4_OK APPEND succeeded\n"},
	{"LITERAL-", {.caps = "LITERAL-"}, a_non_synchronising_literal_does_not_wait,
		HEAD "{14+}\r\n" BODY "$2 NOOP\r\n",
		DONE_1 "uidvalidity 38505: 3955\nIMAP4_OK APPEND succeeded\n"},
	{"NO instead of +", {0}, no_instead_of_plus_keeps_the_body_here, HEAD "{14}\r\n$2 NOOP\r\n",
		DONE_1 "IMAP4_E_NO APPEND was refused: full\n"},
	{"MULTIAPPEND", {.caps = "LITERAL+ MULTIAPPEND"}, several_messages_in_one_command,
		"$1 APPEND x {3+}\r\none {7+}\r\ntwo two {1+}\r\n3\r\n",
		"uidvalidity 7: 5 6 9\nIMAP4_OK APPEND succeeded\n"},
	{"MULTIAPPEND sync", {.caps = "MULTIAPPEND"}, several_messages_wait_each,
		"$1 APPEND x {3}\r\none {7}\r\ntwo two {1}\r\n3\r\n",
		"uidvalidity 7: 9 5 6\nIMAP4_OK APPEND succeeded\n"},
	{"MULTIAPPEND refused", {.caps = "MULTIAPPEND"}, several_messages_refused_at_the_second,
		"$1 APPEND x {3}\r\none {7}\r\n", "IMAP4_E_NO APPEND was refused: no more\n"},
	{"no MULTIAPPEND", {.caps = "LITERAL+"}, several_messages_without_the_capability, "",
		"IMAP4_E_NOCAP APPEND failed: the server does not offer MULTIAPPEND\n"},
	{"wrong UIDs", {.caps = "LITERAL+"}, wrong_uids,
		"$1 APPEND x {1+}\r\na\r\n$2 APPEND x {1+}\r\na\r\n$3 APPEND x {1+}\r\na\r\n"
		"$4 APPEND x {1+}\r\na\r\n$5 APPEND x {1+}\r\na\r\n$6 APPEND x {1+}\r\na\r\n"
		"$7 APPEND x {1+}\r\na\r\n$8 APPEND x {1+}\r\na\r\n$9 APPEND x {1+}\r\na\r\n",
		"IMAP4_OK APPEND succeeded\nuidvalidity 7: 5\nIMAP4_OK APPEND succeeded\nIMAP4_OK APPEND succeeded\n"
		"IMAP4_OK APPEND succeeded\nIMAP4_OK APPEND succeeded\n"
		"IMAP4_OK APPEND succeeded\nIMAP4_OK APPEND succeeded\n"
		"IMAP4_OK APPEND succeeded\nIMAP4_OK APPEND succeeded\n"},
	{"CREATE", {.caps = "CREATE-SPECIAL-USE"}, create_and_subscribe,
		"$1 CREATE \"a b\"\r\n$2 CREATE b (USE (\\Sent))\r\n$3 SUBSCRIBE b\r\n",
		"IMAP4_E_NO CREATE was refused: is there\nIMAP4_OK CREATE succeeded\n"
		"IMAP4_OK SUBSCRIBE succeeded\n"},
	{"CREATE USE", {0}, create_with_a_use_the_server_does_not_know, "",
		"IMAP4_E_NOCAP CREATE failed: the server does not offer CREATE-SPECIAL-USE\n"},
	{"policy", {.policy = IMAP4_POLICY_BACKUP}, a_backup_cannot_change_anything, "",
		"not started IMAP4_E_POLICY: APPEND may change the mailbox: not during a backup\n"
		"not started IMAP4_E_POLICY: CREATE may change the mailbox: not during a backup\n"
		"not started IMAP4_E_POLICY: SUBSCRIBE may change the mailbox: not during a backup\n"},
};

Test(append, plays_are_the_same_however_they_are_cut)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s: %s", rows[i].name, why);
		free(why);
	}
}

/* A body of n octets. */
struct big_source {
	uint64_t given, size;
};

static long read_big(void *ctx, void *p, size_t n)
{
	struct big_source *b = ctx;
	uint64_t left = b->size - b->given;
	size_t part = n < left ? n : (size_t)left;
	memset(p, 'x', part);
	b->given += part;
	return (long)part;
}

static imap4_cmd *append_big(struct rig *r, struct big_source *b, uint64_t sync_over)
{
	const imap4_append_message m = {
		.struct_size = sizeof m, .size = b->size, .source = {b, read_big}};
	const imap4_append_opts o = {.struct_size = sizeof o, .sync_over = sync_over};
	return imap4_append_start(r->session, str("x"), &m, 1, &o);
}

Test(append, a_message_is_announced_by_size_and_capability)
{
	static const struct {
		const char *caps;
		uint64_t size, sync_over;
		bool sync;
	} row[] = {
		{"LITERAL+", IMAP_APPEND_SYNC_OVER, 0, false},
		{"LITERAL+", IMAP_APPEND_SYNC_OVER + 1, 0, true},
		{"LITERAL+", IMAP_APPEND_SYNC_OVER + 1, UINT64_MAX, false},
		{"LITERAL+", 100, 99, true},
		{"LITERAL+", 100, 100, false},
		{"LITERAL-", 4096, 0, false},
		{"LITERAL-", 4097, 0, true},
		{"IMAP4rev2", 4096, 0, false},
		{"", 1, 0, true},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct rig *r = rig_new(&(struct rig_options){.caps = row[i].caps}, 0);
		struct big_source b = {0, row[i].size};
		cr_assert_not_null(append_big(r, &b, row[i].sync_over));
		rig_take(r, 60);
		cr_expect_eq(b.given == 0, row[i].sync, "row %zu", i);
		cr_expect_eq(strstr(buf_str(&r->sent), "+}") == NULL, row[i].sync, "row %zu", i);
		rig_free(r);
	}
}

Test(append, a_message_is_never_held_in_memory)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct big_source b = {0, UINT64_C(40) << 20};
	imap4_cmd *c = append_big(r, &b, UINT64_MAX);
	uint64_t sent = 0, most = 0;
	for (struct slice s; (s = engine_output(r->engine)).n > 0; sent += s.n) {
		most = b.given > sent && b.given - sent > most ? b.given - sent : most;
		engine_sent(r->engine, s.n);
	}
	cr_expect_eq(b.given, b.size);
	cr_expect_lt(most, 2 * (uint64_t)IMAP_OUTPUT_MAX);
	rig_say(r, "$1 OK done\r\n");
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
	rig_free(r);
}

Test(append, only_the_message_is_marked_as_a_message)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct big_source b = {0, 10};
	cr_assert_not_null(append_big(r, &b, 0));
	struct buf shown = BUF_INIT(1000);
	bool secret;
	while (engine_output(r->engine).n > 0) {
		struct slice s = engine_output_piece(r->engine, &secret);
		cr_expect(!secret);
		(void)buf_add_str(&shown, engine_output_is_body(r->engine) ? "B[" : "T[");
		(void)buf_add_slice(&shown, s);
		(void)buf_add_str(&shown, "]");
		engine_sent(r->engine, s.n);
	}
	cr_expect_str_eq(buf_str(&shown), "T[kabcdef01.1 APPEND x {10+}\r\n]B[xxxxxxxxxx]T[\r\n]");
	buf_release(&shown);
	rig_free(r);
}

Test(append, command_and_message_leave_in_one_write)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct big_source b = {0, 10};
	cr_assert_not_null(append_big(r, &b, 0));
	struct slice all = engine_output(r->engine);
	cr_expect(slice_eq_str(all, "kabcdef01.1 APPEND x {10+}\r\nxxxxxxxxxx\r\n"));
	/* A write may stop anywhere. */
	engine_sent(r->engine, 30);
	bool secret;
	cr_expect(slice_eq_str(engine_output_piece(r->engine, &secret), "xxxxxxxx"));
	cr_expect(engine_output_is_body(r->engine));
	cr_expect_eq(engine_output(r->engine).n, 10);
	rig_free(r);
}

Test(append, a_source_that_ends_early_costs_the_connection)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct text_source t = source("12345");
	imap4_append_message m = message(&t);
	t.end = 4;
	imap4_cmd *c = imap4_append_start(r->session, str("x"), &m, 1, NULL);
	imap4_cmd *after = imap4_noop_start(r->session);
	rig_pump(r);
	cr_expect(r->failed);
	cr_expect(strstr(buf_str(&r->log), "ended before its size was reached") != NULL, "%s",
		buf_str(&r->log));
	cr_expect_neq(imap4_cmd_result(c)->err, IMAP4_OK);
	cr_expect_neq(imap4_cmd_result(after)->err, IMAP4_OK);
	cr_expect_null(strstr(buf_str(&r->sent), "NOOP"));
	rig_free(r);
}

/* Nothing but the octets that were announced may follow the announcement. */
Test(append, an_upload_that_is_given_up_costs_the_connection)
{
	for (int sync = 0; sync < 2; sync++)
		for (size_t taken = 0; taken < 40; taken++) {
			struct rig *r =
				rig_new(&(struct rig_options){.caps = sync ? "" : "LITERAL+"}, 0);
			struct big_source b = {0, UINT64_C(1) << 19};
			imap4_cmd *c = append_big(r, &b, 0);
			rig_take(r, taken);
			imap4_cmd_free(c);
			(void)imap4_noop_start(r->session);
			rig_pump(r);
			cr_expect_eq(r->failed, taken > 0, "taken %zu", taken);
			cr_expect_eq(strstr(buf_str(&r->sent), "NOOP") != NULL, taken == 0);
			rig_free(r);
		}
}

Test(append, a_command_may_be_freed_while_its_message_is_read)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct text_source t = source("123456789");
	imap4_append_message m = message(&t);
	t.free_in = imap4_append_start(r->session, str("x"), &m, 1, NULL);
	rig_pump(r);
	cr_expect(r->failed);
	cr_expect_eq(t.calls, (size_t)1);
	rig_free(r);
}

Test(append, an_early_refusal_is_kept_until_the_message_is_sent)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct big_source b = {0, IMAP_APPEND_SYNC_OVER};
	imap4_cmd *c = append_big(r, &b, 0);
	imap4_cmd *after = imap4_noop_start(r->session);
	r->hold = true;
	rig_take(r, 100);
	rig_say(r, "$1 NO [TOOBIG] no\r\n");
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_AGAIN);
	r->hold = false;
	rig_pump(r);
	cr_expect_eq(b.given, b.size);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_NO);
	rig_say(r, "$2 OK x\r\n");
	cr_expect_eq(imap4_cmd_result(after)->err, IMAP4_OK);
	cr_expect(!r->failed);
	rig_free(r);
}

Test(append, an_early_ok_breaks_the_protocol)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+"}, 0);
	struct big_source b = {0, IMAP_APPEND_SYNC_OVER};
	cr_assert_not_null(append_big(r, &b, 0));
	r->hold = true;
	rig_take(r, 100);
	rig_say(r, "$1 OK done\r\n");
	cr_expect(r->failed);
	rig_free(r);
}

Test(append, what_cannot_be_sent_is_refused_at_once)
{
	static const struct {
		const char *flag, *date;
		uint64_t size;
	} row[] = {
		{"a b", "", 1},
		{"a]b", "", 1},
		{"\\", "", 1},
		{"", "", 1},
		{"a\nb", "", 1},
		{"ok", "0123456789012345678901234567890123456789012345678901234567890123", 1},
		{"ok", "", 0},
		{"ok", "", (uint64_t)UINT32_MAX + 1},
	};
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct big_source b = {0, row[i].size};
		const imap4_str flag = str(row[i].flag);
		const imap4_append_message m = {.struct_size = sizeof m,
			.flags = &flag,
			.nflags = 1,
			.internaldate = str(row[i].date),
			.size = row[i].size,
			.source = {&b, read_big}};
		cr_expect_null(imap4_append_start(r->session, str("x"), &m, 1, NULL), "row %zu", i);
		cr_expect_eq(rig_last(r), IMAP4_E_ARG, "row %zu", i);
	}
	struct big_source b = {0, UINT32_MAX};
	cr_expect_not_null(append_big(r, &b, 0));
	rig_free(r);
}

Test(append, so_many_messages_fit_in_one_command)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "LITERAL+ MULTIAPPEND"}, 0);
	static imap4_append_message m[IMAP_APPEND_MESSAGES_MAX + 1];
	static struct big_source b[IMAP_APPEND_MESSAGES_MAX];
	for (size_t i = 0; i <= IMAP_APPEND_MESSAGES_MAX; i++) {
		struct big_source *own = &b[i % IMAP_APPEND_MESSAGES_MAX];
		own->size = 2;
		m[i] = (imap4_append_message){.struct_size = sizeof m[i],
			.size = 2,
			.internaldate = str("07-Feb-1994 21:52:25 -0800"),
			.source = {own, read_big}};
	}
	cr_expect_null(
		imap4_append_start(r->session, str("x"), m, IMAP_APPEND_MESSAGES_MAX + 1, NULL));
	cr_expect_null(imap4_append_start(r->session, str("x"), m, 0, NULL));
	imap4_cmd *c = imap4_append_start(r->session, str("x"), m, IMAP_APPEND_MESSAGES_MAX, NULL);
	cr_assert_not_null(c);
	rig_say(r, "$1 OK [APPENDUID 1 1:1000] x\r\n");
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
	cr_assert_not_null(imap4_cmd_appended(c));
	cr_expect_eq(imap4_cmd_appended(c)->uid[999], 1000u);
	rig_free(r);
}

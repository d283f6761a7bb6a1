/* SPDX-License-Identifier: MIT */
/*
 * test_session_nomem.c -- a whole session over a transport in memory, from the greeting to LOGOUT, in which the n-th allocation fails,
 * for every n: an error that says so, never a crash, a leak or a silent OK, and the session can be closed.
 *
 * test_engine_nomem.c, test_append_nomem.c and others do the same with the engine alone; here it is what surrounds it that
 * is out of memory: opening, the trace, the pump, the blocking calls with their results.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "core/imap/imap4_io.h"
#include "tests/support/nomem.h"

#define CALLS_MAX 20
#define LAST	  20000 /* allocations: far more than there are */

/* ---- the server: answers each line as it comes ------------------------------------------------------------ */

struct answer {
	const char *verb, *data;
};
static const struct answer answers[] = {
	{" CAPABILITY", "* CAPABILITY IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN ID SORT\r\n"},
	{" AUTHENTICATE PLAIN ", ""},
	{" ID ", "* ID (\"name\" \"y\")\r\n"},
	{" STATUS ", "* STATUS a (MESSAGES 1)\r\n"},
	{" UID SORT ", "* SORT 11 7 9\r\n"},
	{" UID STORE ", "* 1 FETCH (UID 7 FLAGS (\\Seen key))\r\n"},
	{" UID COPY ", ""},
	{" EXPUNGE", "* 1 EXPUNGE\r\n"},
	{" LIST ", "* LIST (\\Marked) \"/\" a\r\n* LIST () \"/\" {1}\r\nb\r\n"},
	{" SELECT ",
		"* FLAGS (\\Seen)\r\n* 1 EXISTS\r\n* OK [PERMANENTFLAGS (\\Seen)] x\r\n"
		"* OK [UIDVALIDITY 3] x\r\n* OK [MAILBOXID (F2)] x\r\n"},
	{" UID FETCH ", "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {5}\r\nabcde)\r\n* 1 EXISTS\r\n"},
	{" UID SEARCH ", "* SEARCH 7 9 11\r\n"},
	{" APPEND ", ""},
	{" LOGOUT", "* BYE x\r\n"},
};

struct server {
	char in[4096]; /* of the client, not looked at yet */
	size_t nin;
	char out[8192];
	size_t nout, at;
	size_t literal; /* octets that are not a command, with the line end behind them */
	bool greeted, closed;
};

static void say(struct server *v, const char *text)
{
	size_t n = strlen(text);
	if (v->nout + n <= sizeof(v->out)) {
		memcpy(v->out + v->nout, text, n);
		v->nout += n;
	}
}

static void answer_line(struct server *v, const char *line)
{
	char tagged[128];
	const char *verb = strchr(line, ' '), *plus = strstr(line, "+}");
	for (size_t i = 0; verb && i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strncmp(verb, answers[i].verb, strlen(answers[i].verb)) == 0)
			say(v, answers[i].data);
	if (plus)
		v->literal = strtoul(strchr(line, '{') + 1, NULL, 10) + 2;
	(void)snprintf(
		tagged, sizeof(tagged), "%.*s OK x\r\n", verb ? (int)(verb - line) : 1, line);
	say(v, verb ? tagged : "* BAD x\r\n");
}

static void take(struct server *v, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (v->literal > 0) {
			v->literal--;
			continue;
		}
		if (v->nin + 1 < sizeof(v->in))
			v->in[v->nin++] = p[i];
		if (p[i] != '\n')
			continue;
		v->in[v->nin] = '\0';
		v->nin = 0;
		answer_line(v, v->in);
	}
}

/* ---- as a transport that needs no memory ------------------------------------------------------------------- */

static long server_read(void *ctx, void *p, size_t n)
{
	struct server *v = ctx;
	if (!v->greeted)
		say(v, "* OK hello\r\n");
	v->greeted = true;
	size_t some = v->nout - v->at < n ? v->nout - v->at : n;
	memcpy(p, v->out + v->at, some);
	v->at += some;
	return some > 0 ? (long)some : IMAP4_IO_AGAIN;
}

static long server_write(void *ctx, const void *p, size_t n)
{
	take(ctx, p, n);
	return (long)n;
}

static int server_poll(void *ctx, int writing)
{
	(void)ctx, (void)writing;
	return -1;
}

static int server_pending(void *ctx)
{
	const struct server *v = ctx;
	return !v->greeted || v->at < v->nout;
}

static void server_close(void *ctx)
{
	((struct server *)ctx)->closed = true;
}

/* ---- the client -------------------------------------------------------------------------------------------- */

struct outcome {
	imap4_err opened, err[CALLS_MAX]; /* of opening it, and of each call */
	const char *lie;		  /* OK, and yet something is missing */
	size_t body, ended, seen;
};

static void on_trace(void *ctx, const char *line, size_t n)
{
	(void)ctx, (void)line, (void)n;
}

/* What a call gave; `all`: everything that the server said is there. */
static imap4_err checked(struct outcome *o, imap4_err err, bool all, const char *what)
{
	if (err == IMAP4_OK && !all)
		o->lie = what;
	return err;
}

static int begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	(void)ctx, (void)m, (void)section, (void)size;
	return IMAP4_SINK_TAKE;
}

static int data(void *ctx, const void *p, size_t n)
{
	(void)p;
	((struct outcome *)ctx)->body += n;
	return 0;
}

static int end(void *ctx, int complete)
{
	(void)complete;
	((struct outcome *)ctx)->ended++;
	return 0;
}

static int done(void *ctx, const imap4_message *m)
{
	(void)ctx, (void)m;
	return 0;
}

static int see(void *ctx, const imap4_message *m)
{
	struct outcome *o = ctx;
	o->seen += m->uid == 7 && m->nflags == 1;
	return 0;
}

static imap4_err login(imap4_session *s, struct outcome *o)
{
	return checked(o, imap4_call_login(s, "me", "secret"), true, "LOGIN");
}

static imap4_err id(imap4_session *s, struct outcome *o)
{
	static const char *const pair[] = {"name", "x"};
	imap4_reply *r = NULL;
	imap4_err err = imap4_call_id(s, pair, 1, &r);
	(void)checked(o, err, r && r->n == 1, "ID");
	imap4_reply_free(r);
	return err;
}

static imap4_err list(imap4_session *s, struct outcome *o)
{
	imap4_reply *r = NULL;
	imap4_err err = imap4_call_list(s, "", "*", &r);
	(void)checked(o, err, r && r->n == 2, "LIST");
	imap4_reply_free(r);
	return err;
}

static imap4_err status(imap4_session *s, struct outcome *o)
{
	imap4_reply *r = NULL;
	imap4_err err = imap4_call_status(s, "a", IMAP4_ST_MESSAGES, &r);
	(void)checked(o, err, r && imap4_data_status(r->data[0])->messages == 1, "STATUS");
	imap4_reply_free(r);
	return err;
}

static imap4_err select_(imap4_session *s, struct outcome *o)
{
	imap4_err err = imap4_call_select(s, "a", 1);
	const imap4_selected *m = imap4_selected_mailbox(s);
	bool all = m && m->exists == 1 && m->npermanent_flags == 1 && m->mailboxid.len == 2;
	return checked(o, err, all, "SELECT");
}

static imap4_err fetch_to_sink(imap4_session *s, struct outcome *o)
{
	const imap4_sink sink = {o, begin, data, end, done};
	const imap4_fetch_opts opts = {
		.struct_size = sizeof opts, .by = IMAP4_BY_UID, .open_from = 1, .sink = &sink};
	imap4_err err = imap4_call(s, imap4_fetch_start(s, NULL, "FLAGS BODY.PEEK[]", &opts));
	return checked(o, err, o->body == 5 && o->ended == 1, "the body of a FETCH");
}

/* The set is an allocation, too: none is made, none can be asked for. */
static imap4_err with_set(imap4_session *s, struct outcome *o,
	imap4_err (*call)(imap4_session *s, struct outcome *o, const imap4_set *set))
{
	imap4_set *set = imap4_set_of("7");
	imap4_err err = set ? call(s, o, set) : IMAP4_E_NOMEM;
	imap4_set_free(set);
	return err;
}

static imap4_err fetch_set(imap4_session *s, struct outcome *o, const imap4_set *set)
{
	imap4_err err = imap4_call_fetch(s, set, "FLAGS BODY.PEEK[]", IMAP4_BY_UID, see, o);
	return checked(o, err, o->seen == 1, "the message of a FETCH");
}

static imap4_err fetch_each(imap4_session *s, struct outcome *o)
{
	return with_set(s, o, fetch_set);
}

static imap4_err fetch_body(imap4_session *s, struct outcome *o)
{
	char *body = NULL;
	size_t n = 0;
	imap4_err err = imap4_call_fetch_body(s, 7, IMAP4_BY_UID, "", 100, &body, &n);
	(void)checked(o, err, n == 5 && strcmp(body, "abcde") == 0, "a body");
	free(body);
	return err;
}

static imap4_err search(imap4_session *s, struct outcome *o)
{
	imap4_set *found = NULL;
	imap4_err err = imap4_call_search(s, NULL, IMAP4_BY_UID, &found);
	(void)checked(o, err, found && imap4_set_count(found) == 3, "SEARCH");
	imap4_set_free(found);
	return err;
}

static imap4_err sort(imap4_session *s, struct outcome *o)
{
	static const int key = IMAP4_SORT_SUBJECT;
	uint32_t *at = NULL;
	size_t n = 0;
	imap4_err err = imap4_call_sort(s, &key, 1, NULL, IMAP4_BY_UID, &at, &n);
	(void)checked(o, err, n == 3 && at[0] == 11, "SORT");
	free(at);
	return err;
}

static imap4_err store_set(imap4_session *s, struct outcome *o, const imap4_set *set)
{
	imap4_err err = imap4_call_store(s, set, IMAP4_FLAGS_ADD, "(\\Seen key)", IMAP4_BY_UID);
	return checked(o, err, true, "STORE");
}

static imap4_err store(imap4_session *s, struct outcome *o)
{
	return with_set(s, o, store_set);
}

static imap4_err copy_set(imap4_session *s, struct outcome *o, const imap4_set *set)
{
	return checked(o, imap4_call_copy(s, set, "b", IMAP4_BY_UID), true, "COPY");
}

static imap4_err copy(imap4_session *s, struct outcome *o)
{
	return with_set(s, o, copy_set);
}

static imap4_err expunge(imap4_session *s, struct outcome *o)
{
	imap4_reply *r = NULL;
	imap4_err err = imap4_call_expunge(s, &r);
	(void)checked(o, err, r && r->n == 1, "EXPUNGE");
	imap4_reply_free(r);
	return err;
}

static imap4_err append(imap4_session *s, struct outcome *o)
{
	uint32_t uid = 0;
	imap4_err err = imap4_call_append(s, "a", "\\Seen", NULL, "abc\r\n", 5, &uid);
	return checked(o, err, true, "APPEND");
}

static imap4_err logout(imap4_session *s, struct outcome *o)
{
	return checked(o, imap4_call_logout(s), true, "LOGOUT");
}

struct call {
	const char *name;
	imap4_err (*call)(imap4_session *s, struct outcome *o);
};
static const struct call calls[] = {
	{"LOGIN", login},
	{"ID", id},
	{"LIST", list},
	{"STATUS", status},
	{"SELECT", select_},
	{"FETCH to a sink", fetch_to_sink},
	{"FETCH", fetch_each},
	{"a body", fetch_body},
	{"SEARCH", search},
	{"SORT", sort},
	{"STORE", store},
	{"COPY", copy},
	{"EXPUNGE", expunge},
	{"APPEND", append},
	{"LOGOUT", logout},
};
#define CALLS (sizeof calls / sizeof calls[0])
_Static_assert(CALLS <= CALLS_MAX, "outcome.err is too short");

static struct outcome session(struct server *v)
{
	struct outcome o = {.lie = NULL};
	const imap4_io io = {
		sizeof io, v, server_read, server_write, server_poll, server_pending, server_close};
	const imap4_events events = {.struct_size = sizeof events, .ctx = &o, .trace = on_trace};
	imap4_session *s = NULL;
	char *why = NULL;
	imap4_options options;
	imap4_options_init(&options, sizeof options);
	options.security = IMAP4_CLEAR;
	options.allow_cleartext = 1;
	options.io = &io;
	options.events = &events;
	options.connect_ms = options.idle_ms = options.logout_ms = 2000;
	*v = (struct server){.greeted = false};
	o.opened = imap4_open(&s, &options, &why);
	(void)checked(&o, o.opened, s != NULL, "a session");
	for (size_t i = 0; s != NULL && i < CALLS; i++)
		o.err[i] = calls[i].call(s, &o);
	imap4_close(s);
	free(why);
	return o;
}

static bool right(imap4_err err, bool failed, long n, const char *name)
{
	cr_expect(err == IMAP4_OK || failed || err == IMAP4_E_NOMEM,
		"allocation %ld: %s ended with %s", n, name, imap4_err_name(err));
	cr_expect(
		err != IMAP4_AGAIN && err != IMAP4_E_TIMEOUT, "allocation %ld: %s hangs", n, name);
	return err == IMAP4_OK;
}

/* How many calls succeeded. The first that fails has to say why; those behind it may say that the session is over. */
static size_t judge(const struct outcome *o, long n)
{
	size_t good = 0;
	bool failed = !right(o->opened, false, n, "opening");
	for (size_t i = 0; i < CALLS && o->opened == IMAP4_OK; i++) {
		bool ok = right(o->err[i], failed, n, calls[i].name);
		failed = failed || !ok;
		good += ok;
	}
	cr_expect_null(o->lie, "allocation %ld: %s is OK, and something is missing", n, o->lie);
	return good;
}

Test(session_nomem, each_allocation_may_fail, .timeout = 100)
{
	static struct server v;
	size_t good = 0;
	long n = 0;
	bool reached = true;
	while (reached && n < LAST) {
		counting = failing = true;
		outstanding = 0;
		countdown = ++n;
		struct outcome o = session(&v);
		reached = countdown == 0;
		counting = failing = false;
		cr_assert_eq(outstanding, 0, "allocation %ld: %ld blocks leaked", n, outstanding);
		cr_expect(v.closed || o.opened != IMAP4_OK, "allocation %ld: not closed", n);
		good = judge(&o, n);
	}
	cr_assert_eq(good, CALLS, "without failures all succeed");
	cr_assert_lt(n, (long)LAST);
#ifndef SANITIZED
	cr_assert_gt(n, 100);
	printf("%ld allocations\n", n - 1);
	fflush(stdout);
#endif
}

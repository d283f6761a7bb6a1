/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c -- sessions in threads of their own, side by side, over TCP and TLS against servers on loopback: nothing is
 * shared but imap4_wake(). Worth running with -fsanitize=thread.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "tests/support/fake_imap.h"
#include "tests/support/trust.h"

#define ROUNDS	  5
#define BODY_SIZE 300000

/* Assertions of the test runner belong to its own thread: these write down what went wrong. */
struct worker {
	pthread_t thread;
	struct fake_imap *server;
	const char *ca, *body; /* name of the literal */
	imap4_security security;
	unsigned traced, bodies;
	size_t at; /* octets of the body so far */
	char wrong[300];
};

static bool expect(struct worker *w, bool good, const char *what)
{
	if (!good && w->wrong[0] == '\0')
		(void)snprintf(w->wrong, sizeof(w->wrong), "%s", what);
	return good;
}

static void on_trace(void *ctx, const char *line, size_t n)
{
	(void)line;
	((struct worker *)ctx)->traced += n > 0;
}

static int begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	struct worker *w = ctx;
	w->at = 0;
	(void)expect(w, m->uid == 7 && section.len == 0 && size == BODY_SIZE, "another body");
	return IMAP4_SINK_TAKE;
}

static int data(void *ctx, const void *p, size_t n)
{
	struct worker *w = ctx;
	const unsigned char *octet = p;
	for (size_t i = 0; i < n; i++, w->at++)
		if (octet[i] != fake_literal(w->body, w->at))
			return -1;
	return 0;
}

static int end(void *ctx, int complete)
{
	struct worker *w = ctx;
	w->bodies++;
	return complete && w->at == BODY_SIZE ? 0 : -1;
}

static int done(void *ctx, const imap4_message *m)
{
	return expect(ctx, m->have & IMAP4_MSG_FLAGS, "no flags") ? 0 : -1;
}

static const char script[] =
	"S: * OK [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+] hi\n"
	"C: LOGIN me secret\nS: $ OK [CAPABILITY IMAP4rev1 UIDPLUS LITERAL+] in\n"
	"C: LIST \"\" \"*\"\nS: * LIST () \"/\" INBOX\nS: * LIST (\\Sent) \"/\" Sent\nS: $ OK x\n"
	"C: SELECT INBOX\nS: * FLAGS (\\Seen)\nS: * 1 EXISTS\nS: * OK [UIDVALIDITY 3] x\n"
	"S: $ OK [READ-WRITE] x\n"
	"C~ UID FETCH 7 .*\nS+ * 1 FETCH (UID 7 FLAGS (\\\\Seen) BODY[] {300000}\\r\\n\n"
	"LITERAL %s 300000\nS: )\nS: $ OK x\n"
	"C: UID SEARCH ALL\nS: * SEARCH 7\nS: $ OK x\n"
	"C: APPEND Sent {3+}\nC= abc\nS: $ OK [APPENDUID 3 9] x\n"
	"C: LOGOUT\nS: * BYE x\nS: $ OK x\n";

static void talk(struct worker *w, imap4_session *s)
{
	const imap4_sink sink = {w, begin, data, end, done};
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .by = IMAP4_BY_UID, .sink = &sink};
	const imap4_credentials me = {.struct_size = sizeof(me),
		.mechanism = "LOGIN",
		.user = "me",
		.password = "secret"};
	imap4_reply *list = NULL;
	imap4_set *found = NULL, *one = imap4_set_of("7");
	uint32_t uid = 0;
	(void)expect(w, imap4_call(s, imap4_login_start(s, &me)) == IMAP4_OK, "LOGIN");
	(void)expect(w, imap4_call_list(s, "", "*", &list) == IMAP4_OK && list->n == 2, "LIST");
	(void)expect(w, imap4_call_select(s, "INBOX", 1) == IMAP4_OK, "SELECT");
	imap4_cmd *fetch = imap4_fetch_start(s, one, "UID FLAGS BODY.PEEK[]", &o);
	(void)expect(w, imap4_call(s, fetch) == IMAP4_OK, "FETCH");
	(void)expect(w,
		imap4_call_search(s, NULL, IMAP4_BY_UID, &found) == IMAP4_OK &&
			imap4_set_has(found, 7),
		"SEARCH");
	(void)expect(w,
		imap4_call_append(s, "Sent", NULL, NULL, "abc", 3, &uid) == IMAP4_OK && uid == 9,
		"APPEND");
	(void)expect(w, imap4_call_logout(s) == IMAP4_OK, "LOGOUT");
	imap4_reply_free(list);
	imap4_set_free(found);
	imap4_set_free(one);
}

static imap4_session *connected(struct worker *w)
{
	const imap4_events events = {.struct_size = sizeof(events), .ctx = w, .trace = on_trace};
	char *why = NULL;
	imap4_session *s;
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.host = "127.0.0.1";
	o.port = fake_imap_port(w->server);
	o.security = w->security;
	o.ca_file = w->ca;
	o.events = &events;
	if (imap4_open(&s, &o, &why) != IMAP4_OK)
		(void)expect(w, false, why != NULL ? why : "open");
	free(why);
	return s;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	imap4_session *s = connected(w);
	if (s != NULL)
		talk(w, s);
	imap4_close(s);
	return NULL;
}

static void worker_start(
	struct worker *w, const struct trust *t, imap4_security security, const char *text)
{
	char whole[2000];
	*w = (struct worker){
		.ca = t->path, .body = security == IMAP4_TLS ? "one" : "two", .security = security};
	(void)snprintf(whole, sizeof(whole), "%s", security == IMAP4_TLS ? "STARTTLS\n" : "");
	size_t n = strlen(whole);
	const char *name = strstr(text, "%s");
	(void)snprintf(whole + n, sizeof(whole) - n, "%.*s%s%s",
		(int)(name != NULL ? (size_t)(name - text) : strlen(text)), text,
		name != NULL ? w->body : "", name != NULL ? name + 2 : "");
	w->server = fake_imap_script(whole, &t->leaf);
	cr_assert_not_null(w->server);
}

static void worker_end(struct worker *w)
{
	char why[500];
	cr_expect(fake_imap_end(w->server, why, sizeof(why)), "%s", why);
	cr_expect_str_empty(w->wrong, "%s", w->wrong);
}

Test(threads, sessions_run_side_by_side, .timeout = 100)
{
	struct trust t;
	cr_assert(trust_make(&t));
	for (int round = 0; round < ROUNDS; round++) {
		struct worker w[4];
		for (size_t i = 0; i < 4; i++) {
			worker_start(&w[i], &t, i % 2 ? IMAP4_TLS : IMAP4_CLEAR, script);
			cr_assert_eq(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
		}
		for (size_t i = 0; i < 4; i++) {
			cr_assert_eq(pthread_join(w[i].thread, NULL), 0);
			cr_expect_eq(w[i].bodies, 1u);
			cr_expect_gt(w[i].traced, 10u);
			worker_end(&w[i]);
		}
	}
	trust_free(&t);
}

/* ---- made in one thread, used in another ------------------------------------------------------------------ */

struct handed {
	struct worker *w;
	imap4_session *s;
};

static void *talk_and_close(void *arg)
{
	struct handed *h = arg;
	talk(h->w, h->s);
	imap4_close(h->s);
	return NULL;
}

Test(threads, a_session_may_be_handed_to_another_thread, .timeout = 60)
{
	struct trust t;
	cr_assert(trust_make(&t));
	for (int security = IMAP4_TLS; security <= IMAP4_CLEAR; security += 2) {
		struct worker w;
		pthread_t thread;
		worker_start(&w, &t, (imap4_security)security, script);
		struct handed h = {&w, connected(&w)};
		cr_assert_not_null(h.s, "%s", w.wrong);
		cr_assert_eq(pthread_create(&thread, NULL, talk_and_close, &h), 0);
		cr_assert_eq(pthread_join(thread, NULL), 0);
		cr_expect_eq(w.bodies, 1u);
		worker_end(&w);
	}
	trust_free(&t);
}

/* ---- woken while it works ---------------------------------------------------------------------------------- */

struct waker {
	imap4_session *s;
	atomic_bool stop;
	atomic_uint n;
};

static void *wake_on_and_on(void *arg)
{
	struct waker *k = arg;
	while (!atomic_load(&k->stop)) {
		imap4_wake(k->s);
		atomic_fetch_add(&k->n, 1);
	}
	return NULL;
}

/* A wake-up ends a wait and nothing else: no command is lost or answered twice. */
static unsigned wait_through(imap4_cmd *c, imap4_err *err)
{
	unsigned cancelled = 0;
	while ((*err = imap4_cmd_wait(c, -1)) == IMAP4_E_CANCELLED)
		cancelled++;
	return cancelled;
}

Test(threads, one_is_woken_by_another_again_and_again, .timeout = 100)
{
	static const char hello[] = "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\n";
	static const char answer[] = "C: NOOP\nS: * 3 EXISTS\nSLEEP 1\nS: $ OK x\n";
	struct trust t;
	cr_assert(trust_make(&t));
	for (int security = IMAP4_TLS; security <= IMAP4_CLEAR; security += 2) {
		struct waker k = {.stop = false};
		struct worker w;
		pthread_t thread;
		unsigned cancelled = 0;
		char text[2000];
		size_t n = (size_t)snprintf(text, sizeof(text), "%s", hello);
		for (int i = 0; i < 20; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", answer);
		worker_start(&w, &t, (imap4_security)security, text);
		k.s = connected(&w);
		cr_assert_not_null(k.s, "%s", w.wrong);
		cr_assert_eq(pthread_create(&thread, NULL, wake_on_and_on, &k), 0);
		while (atomic_load(&k.n) == 0)
			;
		for (int i = 0; i < 20; i++) {
			imap4_err err;
			imap4_cmd *c = imap4_noop_start(k.s);
			cancelled += wait_through(c, &err);
			cr_expect_eq(err, IMAP4_OK, "%s", imap4_err_name(err));
			imap4_cmd_free(c);
		}
		atomic_store(&k.stop, true);
		cr_assert_eq(pthread_join(thread, NULL), 0);
		cr_expect_gt(cancelled, 0u);
		imap4_close(k.s);
		worker_end(&w);
	}
	trust_free(&t);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_call.c -- the blocking calls: what they give when all does not go well. How they do with a real server:
 * test_dovecot.c.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "core/base/buf.h"
#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "tests/support/fake_imap.h"

struct place {
	struct fake_imap *f;
	imap4_session *s;
	imap4_err inside; /* what a call gave inside a callback; IMAP4_AGAIN: none was made */
};

static void on_data(void *ctx, imap4_session *s, const imap4_data *d)
{
	struct place *p = ctx;
	(void)d;
	p->inside = imap4_call_noop(s);
}

static void place_open(struct place *p, const char *script)
{
	char *why = NULL;
	imap4_options o;
	const imap4_events events = {.struct_size = sizeof(events), .ctx = p, .data = on_data};
	p->inside = IMAP4_AGAIN;
	p->f = fake_imap_script(script, NULL);
	cr_assert_not_null(p->f);
	imap4_options_init(&o, sizeof(o));
	o.host = "127.0.0.1";
	o.port = fake_imap_port(p->f);
	o.security = IMAP4_CLEAR;
	o.events = &events;
	cr_assert_eq(imap4_open(&p->s, &o, &why), IMAP4_OK, "%s", why);
	cr_expect_null(why);
}

static void place_close(struct place *p)
{
	char why[512] = "";
	imap4_close(p->s);
	cr_expect(fake_imap_end(p->f, why, sizeof(why)), "%s", why);
}

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hello\n"

Test(call, results_outlive_the_session)
{
	struct place p;
	imap4_reply *r;
	place_open(&p,
		HELLO "C: LIST \"\" \"*\"\nS: * LIST () \"/\" one\nS: * LIST (\\Noselect) NIL two\n"
		      "S: $ OK [X-CODE arg] listed\nEOF\n");
	cr_assert_eq(imap4_call_list(p.s, "", "*", &r), IMAP4_OK);
	const imap4_result *last = imap4_last(p.s);
	cr_expect_eq(last->err, IMAP4_OK);
	cr_expect_str_eq(last->code_atom.ptr, "X-CODE");
	cr_expect_str_eq(last->code_args.ptr, "arg");
	cr_expect_str_eq(last->text.ptr, "listed");
	cr_expect_str_eq(last->message, "LIST succeeded");
	place_close(&p);
	cr_assert_eq(r->n, 2);
	cr_expect_str_eq(imap4_data_list(r->data[0])->name.ptr, "one");
	cr_expect_str_eq(imap4_data_list(r->data[1])->name.ptr, "two");
	imap4_reply_free(r);
	imap4_reply_free(NULL);
}

Test(call, refusals_give_no_result_and_say_why)
{
	struct place p;
	imap4_reply *r = (imap4_reply *)&p;
	uint32_t uid = 7;
	place_open(&p,
		HELLO "C: LIST \"\" \"*\"\nS: * LIST () \"/\" one\nS: $ NO [NOPERM] not you\n"
		      "C: STATUS a (MESSAGES)\nS: $ OK and nothing else\nEOF\n");
	cr_expect_eq(imap4_call_list(p.s, "", "*", &r), IMAP4_E_NO);
	cr_expect_null(r);
	cr_expect_eq(imap4_last(p.s)->code, IMAP4_CODE_NOPERM);
	cr_expect_str_eq(imap4_last(p.s)->message, "LIST was refused: not you");
	cr_expect_eq(imap4_call_status(p.s, "a", IMAP4_ST_MESSAGES, &r), IMAP4_E_PROTO);
	cr_expect_null(r);
	/* Refused before anything is sent. */
	cr_expect_eq(imap4_call_enable(p.s, "a\r\nb"), IMAP4_E_ARG);
	cr_expect_eq(imap4_call_append(p.s, "a", "(\\Seen", NULL, "x", 1, &uid), IMAP4_E_ARG);
	cr_expect_eq(uid, 0);
	cr_expect_eq(imap4_last(p.s)->err, IMAP4_E_ARG);
	cr_expect_eq(imap4_call_data(p.s, NULL, &r), IMAP4_E_ARG, "the reason of the last refusal");
	place_close(&p);
}

Test(call, wake_gives_up_the_command_and_not_the_session)
{
	struct place p;
	place_open(&p, HELLO "C: NOOP\nC: CHECK\nS: $1 OK late\nS: $ OK checked\nEOF\n");
	imap4_wake(p.s);
	cr_expect_eq(imap4_call_noop(p.s), IMAP4_E_CANCELLED);
	cr_expect_eq(imap4_last(p.s)->err, IMAP4_E_CANCELLED);
	cr_expect_not_null(strstr(imap4_last(p.s)->message, "imap4_wake"));
	(void)imap4_pump(p.s, 0);
	/* CHECK needs a mailbox; what matters is that the connection goes on. */
	cr_expect_eq(imap4_session_state(p.s), IMAP4_AUTHENTICATED);
	imap4_close(p.s);
	(void)fake_imap_end(p.f, NULL, 0);
}

Test(call, inside_a_callback_nothing_is_sent)
{
	struct place p;
	place_open(&p, HELLO "C: NOOP\nS: * 3 EXISTS\nS: $ OK x\nC: NOOP\nS: $ OK x\nEOF\n");
	cr_expect_eq(imap4_call_noop(p.s), IMAP4_OK);
	cr_expect_eq(p.inside, IMAP4_E_STATE);
	p.inside = IMAP4_AGAIN;
	cr_expect_eq(imap4_call_noop(p.s), IMAP4_OK);
	cr_expect_eq(p.inside, IMAP4_AGAIN);
	place_close(&p);
}

static int stop_at_two(void *ctx, const imap4_data *d)
{
	(void)d;
	return ++*(int *)ctx == 2;
}

Test(call, each_is_not_called_again_once_it_said_no)
{
	struct place p;
	int n = 0;
	const char *const pattern[] = {"*"};
	place_open(&p,
		HELLO "C: LIST \"\" \"*\"\nS: * LIST () \"/\" a\nS: * LIST () \"/\" b\n"
		      "S: * LIST () \"/\" c\nS: $ OK x\nC: NOOP\nS: $ OK x\nEOF\n");
	cr_expect_eq(
		imap4_call_each(p.s, imap4_list_start(p.s, "", pattern, 1, NULL), stop_at_two, &n),
		IMAP4_E_CALLBACK);
	cr_expect_eq(n, 2);
	cr_expect_eq(imap4_last(p.s)->err, IMAP4_E_CALLBACK);
	cr_expect_eq(imap4_call_noop(p.s), IMAP4_OK);
	place_close(&p);
}

/* The UID behind the body, and a body of somebody else. */
Test(call, one_body_is_the_one_that_was_asked_for)
{
	struct place p;
	char *body;
	size_t n;
	place_open(&p,
		HELLO "C: EXAMINE INBOX\nS: * 9 EXISTS\nS: $ OK [READ-ONLY] x\n"
		      "C~ UID FETCH 5 .*TEXT.*\n"
		      "S+ * 1 FETCH (BODY[TEXT] {3}\\r\\nabc UID 4)\\r\\n\n"
		      "S+ * 2 FETCH (BODY[TEXT] {3}\\r\\ndef UID 5)\\r\\n\n"
		      "S+ * 3 FETCH (BODY[TEXT] {3}\\r\\nghi UID 6)\\r\\n\nS: $ OK x\n"
		      "C~ UID FETCH 5 .*TEXT.*\n"
		      "S+ * 2 FETCH (UID 5 BODY[TEXT] NIL)\\r\\n\nS: $ OK x\n"
		      "C~ UID FETCH 5 .*\n"
		      "S+ * 2 FETCH (UID 5 BODY[] \"\")\\r\\n\nS: $ OK x\nEOF\n");
	cr_assert_eq(imap4_call_select(p.s, "INBOX", 0), IMAP4_OK);
	cr_assert_eq(imap4_call_fetch_body(p.s, 5, IMAP4_BY_UID, "TEXT", 3, &body, &n), IMAP4_OK,
		"%s", imap4_last(p.s)->message);
	cr_expect_str_eq(body, "def");
	cr_expect_eq(n, 3);
	free(body);
	cr_expect_eq(imap4_call_fetch_body(p.s, 5, IMAP4_BY_UID, "TEXT", 3, &body, &n), IMAP4_E_NO);
	cr_expect_null(body);
	cr_assert_eq(imap4_call_fetch_body(p.s, 5, IMAP4_BY_UID, "", 3, &body, &n), IMAP4_OK);
	cr_expect_str_eq(body, "");
	cr_expect_eq(n, 0);
	free(body);
	cr_expect_eq(imap4_call_fetch_body(p.s, 0, IMAP4_BY_UID, "", 3, &body, &n), IMAP4_E_ARG);
	cr_expect_eq(
		imap4_call_fetch_body(p.s, 5, IMAP4_BY_UID, "] FLAGS", 3, &body, &n), IMAP4_E_ARG);
	place_close(&p);
}

Test(call, open_says_why_not)
{
	static const struct {
		const char *script;
		imap4_err err;
		const char *why;
	} rows[] = {
		{"S: * BYE too many\n", IMAP4_E_BYE, "too many"},
		{"S: +OK POP3\n", IMAP4_E_PROTO, "no IMAP server"},
		{"CLOSE\n", IMAP4_E_CLOSED, "without a greeting"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		imap4_session *s = (imap4_session *)&i;
		char *why = NULL;
		imap4_options o;
		struct fake_imap *f = fake_imap_script(rows[i].script, NULL);
		imap4_options_init(&o, sizeof(o));
		o.host = "127.0.0.1";
		o.port = fake_imap_port(f);
		o.security = IMAP4_CLEAR;
		cr_expect_eq(imap4_open(&s, &o, &why), rows[i].err, "%s", why);
		cr_expect_null(s);
		cr_assert_not_null(why);
		cr_expect_not_null(strstr(why, rows[i].why), "%s", why);
		free(why);
		cr_expect_eq(imap4_open(&s, NULL, NULL), IMAP4_E_ARG);
		cr_expect(fake_imap_end(f, NULL, 0));
	}
}

Test(call, sets_are_read_or_refused)
{
	imap4_set *set = imap4_set_of("1:3,7");
	cr_assert_not_null(set);
	cr_expect_eq(imap4_set_count(set), 4);
	imap4_set_free(set);
	cr_expect_null(imap4_set_of("1:x"));
	cr_expect_null(imap4_set_of(""));
}

/* ---- threads and signals ---------------------------------------------------------------------------------- */

#define ROUNDS 50

static void *many_rounds(void *arg)
{
	size_t *good = arg;
	struct buf script = BUF_INIT(1 << 20);
	struct place p;
	buf_add_str(&script, HELLO);
	for (int i = 0; i < ROUNDS; i++)
		buf_addf(&script,
			"C: STATUS a (MESSAGES)\nS: * STATUS a (MESSAGES %d)\nS: $ OK x\n", i);
	place_open(&p, buf_str(&script));
	for (uint32_t i = 0; i < ROUNDS; i++) {
		imap4_reply *r;
		if (imap4_call_status(p.s, "a", IMAP4_ST_MESSAGES, &r) != IMAP4_OK)
			break;
		*good += imap4_data_status(r->data[0])->messages == i;
		imap4_reply_free(r);
	}
	place_close(&p);
	buf_release(&script);
	return NULL;
}

Test(call, sessions_in_two_threads_know_nothing_of_each_other)
{
	pthread_t thread[2];
	size_t good[2] = {0, 0};
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, many_rounds, &good[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		cr_expect_eq(good[i], ROUNDS);
	}
}

static imap4_session *to_wake;

static void on_signal(int number)
{
	(void)number;
	imap4_wake(to_wake);
}

/* The server says nothing; only the signal ends the wait. */
Test(call, a_signal_handler_may_wake_a_call)
{
	struct place p;
	const struct sigaction handler = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	place_open(&p, HELLO "C: NOOP\nEOF\n");
	to_wake = p.s;
	cr_assert_eq(sigaction(SIGALRM, &handler, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	cr_expect_eq(imap4_call_noop(p.s), IMAP4_E_CANCELLED);
	cr_expect_eq(imap4_session_state(p.s), IMAP4_AUTHENTICATED);
	place_close(&p);
}

Test(call, idle_ends_in_time_and_loses_nothing)
{
	struct place p;
	place_open(&p,
		"S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] hello\nC: IDLE\nS: + idling\n"
		"S: * 3 EXISTS\nC= DONE\nS: * 4 EXISTS\nS: $ OK x\n"
		"C: IDLE\nS: $ NO not now\nEOF\n");
	imap4_keep_untagged(p.s, 9);
	cr_expect_eq(imap4_call_idle(p.s, 30), IMAP4_OK, "%s", imap4_last(p.s)->message);
	for (uint32_t n = 3; n < 5; n++) {
		imap4_data *d = imap4_untagged_take(p.s, "EXISTS");
		cr_assert_not_null(d);
		cr_expect_eq(imap4_data_number(d), n);
		imap4_data_free(d);
	}
	cr_expect_eq(imap4_call_idle(p.s, 5000), IMAP4_E_NO);
	cr_expect_eq(imap4_last(p.s)->err, IMAP4_E_NO);
	cr_expect_eq(imap4_call_idle(p.s, 0), IMAP4_E_ARG);
	cr_expect_eq(imap4_call_idle(p.s, 29 * 60 * 1000 + 1), IMAP4_E_ARG);
	place_close(&p);
}

/* ---- results that have a form of their own ------------------------------------------------------------------- */

#define SELECTED                                                                                        \
	"S: * PREAUTH [CAPABILITY IMAP4rev1 UNSELECT SORT THREAD=REFERENCES ACL QUOTA METADATA-SERVER " \
	"METADATA] hello\nC: EXAMINE a\nS: * 9 EXISTS\nS: $ OK [READ-ONLY] x\n"

Test(call, sort_and_thread_give_arrays)
{
	struct place p;
	const int keys[] = {IMAP4_SORT_DATE | IMAP4_SORT_REVERSE, IMAP4_SORT_SUBJECT};
	uint32_t *at;
	imap4_thread_node *tree;
	size_t n = 9;
	place_open(&p,
		SELECTED
		"C: UID SORT (REVERSE DATE SUBJECT) US-ASCII ALL\nS: * SORT 5 3 4\nS: $ OK x\n"
		"C: SORT (REVERSE DATE SUBJECT) US-ASCII ALL\nS: * SORT\nS: $ OK x\n"
		"C: UID SORT (REVERSE DATE SUBJECT) US-ASCII ALL\nS: $ NO x\n"
		"C: UID THREAD REFERENCES US-ASCII ALL\nS: * THREAD (2)(3 (4)(5))\nS: $ OK x\n"
		"C: THREAD REFERENCES US-ASCII ALL\nS: $ BAD x\nEOF\n");
	cr_assert_eq(imap4_call_select(p.s, "a", 0), IMAP4_OK);
	cr_assert_eq(imap4_call_sort(p.s, keys, 2, NULL, IMAP4_BY_UID, &at, &n), IMAP4_OK);
	cr_assert_eq(n, 3);
	cr_expect(at[0] == 5 && at[1] == 3 && at[2] == 4);
	free(at);
	cr_assert_eq(imap4_call_sort(p.s, keys, 2, NULL, IMAP4_BY_SEQ, &at, &n), IMAP4_OK);
	cr_expect_eq(n, 0);
	free(at);
	cr_assert_eq(imap4_call_sort(p.s, keys, 2, NULL, IMAP4_BY_UID, &at, &n), IMAP4_E_NO);
	cr_expect_null(at);
	cr_assert_eq(imap4_call_thread(p.s, "REFERENCES", NULL, IMAP4_BY_UID, &tree, &n), IMAP4_OK);
	cr_assert_eq(n, 4);
	cr_expect_eq(tree[0].parent, IMAP4_THREAD_ROOT);
	cr_expect(tree[1].number == 3 && tree[1].parent == IMAP4_THREAD_ROOT);
	cr_expect(tree[2].number == 4 && tree[2].parent == 1);
	cr_expect(tree[3].number == 5 && tree[3].parent == 1);
	free(tree);
	cr_expect_eq(
		imap4_call_thread(p.s, "REFERENCES", NULL, IMAP4_BY_SEQ, &tree, &n), IMAP4_E_BAD);
	cr_expect_null(tree);
	cr_expect_eq(n, 0);
	cr_expect_eq(imap4_call_thread(p.s, "ORDEREDSUBJECT", NULL, IMAP4_BY_SEQ, &tree, &n),
		IMAP4_E_NOCAP);
	place_close(&p);
}

Test(call, unselect_leaves_the_mailbox)
{
	struct place p;
	place_open(&p, SELECTED "C: UNSELECT\nS: $ OK x\nEOF\n");
	cr_assert_eq(imap4_call_select(p.s, "a", 0), IMAP4_OK);
	cr_expect_not_null(imap4_selected_mailbox(p.s));
	cr_expect_eq(imap4_call_unselect(p.s), IMAP4_OK);
	cr_expect_null(imap4_selected_mailbox(p.s));
	cr_expect_eq(imap4_session_state(p.s), IMAP4_AUTHENTICATED);
	place_close(&p);
	place_open(&p, HELLO "C: EXAMINE a\nS: $ OK [READ-ONLY] x\nEOF\n");
	cr_assert_eq(imap4_call_select(p.s, "a", 0), IMAP4_OK);
	cr_expect_eq(imap4_call_unselect(p.s), IMAP4_E_NOCAP);
	place_close(&p);
}

Test(call, rights_quota_and_metadata_are_answers)
{
	struct place p;
	imap4_reply *r;
	imap4_acl acl;
	imap4_quota quota;
	imap4_metadata meta;
	imap4_walk at = {0};
	place_open(&p,
		SELECTED
		"C: GETACL a\nS: * ACL a fred rwipslda\nS: $ OK x\n"
		"C: MYRIGHTS a\nS: * MYRIGHTS a lrs\nS: $ OK x\n"
		"C: GETQUOTA \"\"\nS: * QUOTA \"\" (STORAGE 10 512)\nS: $ OK x\n"
		"C: GETQUOTAROOT a\nS: * QUOTAROOT a \"\"\nS: * QUOTA \"\" (STORAGE 10 512)\n"
		"S: $ OK x\nC: GETMETADATA \"\" /shared/comment\n"
		"S: * METADATA \"\" (/shared/comment \"hi\")\nS: $ OK x\n"
		"C: GETACL b\nS: $ NO [NOPERM] not you\nEOF\n");
	cr_assert_eq(imap4_call_select(p.s, "a", 0), IMAP4_OK);
	cr_assert_eq(imap4_call_getacl(p.s, "a", &r), IMAP4_OK);
	cr_assert(r->n == 1 && imap4_data_acl(r->data[0], 0, &acl));
	cr_expect_str_eq(acl.rights.ptr, "rwipslda");
	imap4_reply_free(r);
	cr_assert_eq(imap4_call_myrights(p.s, "a", &r), IMAP4_OK);
	cr_assert_eq(r->n, 1);
	cr_expect_str_eq(imap4_data_rights(r->data[0], 0).ptr, "lrs");
	imap4_reply_free(r);
	cr_assert_eq(imap4_call_getquota(p.s, "", &r), IMAP4_OK);
	cr_assert(r->n == 1 && imap4_data_quota(r->data[0], 0, NULL, &quota));
	cr_expect_eq(quota.limit, 512);
	imap4_reply_free(r);
	cr_assert_eq(imap4_call_getquotaroot(p.s, "a", &r), IMAP4_OK);
	cr_assert_eq(r->n, 2);
	cr_expect_str_eq(imap4_data_quotaroot(r->data[0], 0).ptr, "");
	cr_expect(imap4_data_quota(r->data[1], 0, NULL, &quota));
	imap4_reply_free(r);
	cr_assert_eq(imap4_call_getmetadata(p.s, "", "/shared/comment", &r), IMAP4_OK);
	cr_assert(r->n == 1 && imap4_data_metadata(r->data[0], &at, &meta));
	cr_expect_str_eq(meta.value.ptr, "hi");
	imap4_reply_free(r);
	cr_expect_eq(imap4_call_getacl(p.s, "b", &r), IMAP4_E_NO);
	cr_expect_null(r);
	cr_expect_eq(imap4_last(p.s)->code, IMAP4_CODE_NOPERM);
	place_close(&p);
}

/* ---- from inside a sink ---------------------------------------------------------------------------------------- */

struct starter {
	imap4_session *s;
	imap4_cmd *begin, *data, *end, *done;
	imap4_err wait, call;
};

static int start_in_begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	struct starter *t = ctx;
	(void)m, (void)section, (void)size;
	t->begin = imap4_noop_start(t->s);
	t->wait = t->begin ? imap4_cmd_wait(t->begin, -1) : IMAP4_OK;
	return IMAP4_SINK_TAKE;
}

static int start_in_data(void *ctx, const void *p, size_t n)
{
	struct starter *t = ctx;
	(void)p, (void)n;
	if (!t->data)
		t->data = imap4_list_start(t->s, "", (const char *const[]){"*"}, 1, NULL);
	return 0;
}

static int start_in_end(void *ctx, int complete)
{
	struct starter *t = ctx;
	(void)complete;
	t->end = imap4_noop_start(t->s);
	t->call = imap4_call_noop(t->s);
	return 0;
}

static int start_in_done(void *ctx, const imap4_message *m)
{
	struct starter *t = ctx;
	(void)m;
	t->done = imap4_status_start(t->s, (imap4_str){"b", 1}, IMAP4_ST_MESSAGES);
	return 0;
}

/* They are queued, and sent in order when the protocol allows; to wait for them there is refused. */
Test(call, a_sink_may_start_commands_and_not_wait_for_them)
{
	struct place p;
	struct starter t = {.call = IMAP4_OK};
	const imap4_sink sink = {&t, start_in_begin, start_in_data, start_in_end, start_in_done};
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .by = IMAP4_BY_UID, .sink = &sink};
	place_open(&p,
		SELECTED
		"C~ UID FETCH 5 .*\nS+ * 1 FETCH (UID 5 BODY[] {3}\\r\\nabc)\\r\\n\nS: $ OK x\n"
		"C: NOOP\nS: $ OK x\nC: LIST \"\" \"*\"\nS: * LIST () NIL a\nS: $ OK x\n"
		"C: NOOP\nS: $ OK x\nC: STATUS b (MESSAGES)\n"
		"S: * STATUS b (MESSAGES 3)\nS: $ OK x\nEOF\n");
	t.s = p.s;
	cr_assert_eq(imap4_call_select(p.s, "a", 0), IMAP4_OK);
	imap4_set *set = imap4_set_of("5");
	cr_expect_eq(imap4_call(p.s, imap4_fetch_start(p.s, set, "BODY.PEEK[]", &o)), IMAP4_OK);
	imap4_set_free(set);
	cr_expect_eq(t.wait, IMAP4_E_STATE);
	cr_expect_eq(t.call, IMAP4_E_STATE);
	cr_assert(t.begin && t.data && t.end && t.done);
	cr_expect_eq(imap4_call(p.s, t.begin), IMAP4_OK);
	cr_expect_eq(imap4_cmd_wait(t.data, -1), IMAP4_OK);
	cr_expect_not_null(imap4_cmd_next(t.data));
	imap4_cmd_free(t.data);
	cr_expect_eq(imap4_call(p.s, t.end), IMAP4_OK);
	cr_expect_eq(imap4_cmd_wait(t.done, -1), IMAP4_OK);
	cr_expect_not_null(imap4_cmd_next(t.done));
	imap4_cmd_free(t.done);
	place_close(&p);
}

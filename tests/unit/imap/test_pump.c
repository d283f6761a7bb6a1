/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "tests/support/model_imap.h"
#include "tests/support/session_rig.h"

static void connect_to(struct srig *r, struct model_imap *m)
{
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	cr_assert_eq(srig_connect(r, &o, model_port(m)), IMAP4_OK);
}

static imap4_cmd *log_in(struct srig *r)
{
	const imap4_credentials me = {
		.struct_size = sizeof(me), .user = MODEL_USER, .password = MODEL_PASSWORD};
	return imap4_login_start(r->s, &me);
}

Test(pump, runs_three_sessions_in_one_poll)
{
	struct model_imap *m = model_new();
	model_mailbox(m, "INBOX", 7);
	struct srig r[3] = {0};
	imap4_session *s[5] = {NULL};
	imap4_cmd *c[3];
	for (size_t i = 0; i < 3; i++) {
		connect_to(&r[i], m);
		s[i + 1] = r[i].s;
		(void)log_in(&r[i]);
		c[i] = imap4_status_start(r[i].s, (imap4_str){"INBOX", 5}, IMAP4_ST_UIDVALIDITY);
		cr_assert_not_null(c[i]);
	}
	for (int turn = 0; turn < 1000; turn++) {
		if (imap4_cmd_done(c[0]) && imap4_cmd_done(c[1]) && imap4_cmd_done(c[2]))
			break;
		imap4_err rc = imap4_pump_many(s, 5, 10000);
		cr_assert_eq(rc, IMAP4_OK, "%s", imap4_err_name(rc));
	}
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(imap4_cmd_result(c[i])->err, IMAP4_OK);
		const imap4_data *d = imap4_cmd_next(c[i]);
		cr_assert_not_null(d);
		cr_expect_eq(imap4_data_status(d)->uidvalidity, 7);
	}
	for (size_t i = 0; i < 3; i++)
		srig_close(&r[i]);
	model_free(m);
}

Test(pump, survives_the_death_of_one_of_many)
{
	struct srig r[3] = {0};
	imap4_session *s[3];
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(srig_open_clear(&r[i]), IMAP4_OK);
		s[i] = r[i].s;
	}
	srig_say(&r[0], "220 SMTP");
	srig_say(&r[1], "* OK [CAPABILITY IMAP4rev1] hi");
	cr_expect_eq(imap4_pump_many(s, 3, 0), IMAP4_OK);
	cr_expect_eq(imap4_session_state(s[0]), IMAP4_DEAD);
	cr_expect_eq(imap4_session_state(s[1]), IMAP4_NOT_AUTHENTICATED);
	cr_expect_eq(imap4_session_state(s[2]), IMAP4_CONNECTING);
	cr_expect_eq(imap4_pump(s[0], 0), IMAP4_E_PROTO);
	cr_expect_eq(imap4_pump_many(s, 3, 0), IMAP4_AGAIN);
	cr_expect_eq(imap4_pump_many(s, 1, -1), IMAP4_AGAIN, "only dead ones: no sleep");
	cr_expect_eq(imap4_pump_many(s, 0, -1), IMAP4_AGAIN);
	for (size_t i = 0; i < 3; i++)
		srig_close(&r[i]);
}

Test(pump, reads_at_most_one_chunk_in_a_turn)
{
	for (size_t pieces = 0; pieces <= 100000; pieces += 100000) {
		struct srig r = {0};
		cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
		srig_greet(&r, "IMAP4rev1");
		stream_memory_chunk(r.mem, pieces);
		uint64_t before = imap4_bytes_in(r.s);
		for (size_t i = 0; i < 3 * IMAP_READ_CHUNK / 128; i++) {
			char line[127];
			(void)snprintf(line, sizeof(line), "* OK %0121d", 0);
			srig_say(&r, line);
		}
		for (unsigned turn = 1; turn <= 3; turn++) {
			cr_expect_eq(imap4_pump(r.s, 0), IMAP4_OK);
			cr_expect_eq(
				imap4_bytes_in(r.s) - before, turn * (uint64_t)IMAP_READ_CHUNK);
		}
		srig_close(&r);
	}
}

/* ---- waking -------------------------------------------------------------------------------- */

static imap4_session *to_wake;

static void on_alarm(int sig)
{
	(void)sig;
	imap4_wake(to_wake);
}

static void alarm_in_50_ms(imap4_session *s)
{
	to_wake = s;
	cr_assert_neq(signal(SIGALRM, on_alarm), SIG_ERR);
	const struct itimerval t = {.it_value = {.tv_usec = 50000}};
	cr_assert_eq(setitimer(ITIMER_REAL, &t, NULL), 0);
}

/* A signal would end the sleep by itself. */
static void *wake_in_50_ms(void *s)
{
	const struct timespec t = {.tv_nsec = 50000000};
	(void)nanosleep(&t, NULL);
	imap4_wake(s);
	return NULL;
}

Test(pump, is_woken_from_a_signal_handler_and_from_a_thread, .timeout = 20)
{
	struct srig r[2] = {0};
	imap4_session *s[2];
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(srig_open_clear(&r[i]), IMAP4_OK);
		srig_greet(&r[i], "IMAP4rev1");
		s[i] = r[i].s;
	}
	alarm_in_50_ms(s[0]);
	cr_expect_eq(imap4_pump(s[0], -1), IMAP4_E_CANCELLED);
	cr_expect_eq(imap4_pump(s[0], 0), IMAP4_AGAIN, "once");
	/* Not the one whose poller sleeps. */
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, wake_in_50_ms, s[1]), 0);
	cr_expect_eq(imap4_pump_many(s, 2, -1), IMAP4_E_CANCELLED);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_expect_eq(imap4_pump_many(s, 2, 0), IMAP4_AGAIN);
	imap4_wake(s[1]);
	cr_expect_eq(imap4_pump_many(s, 2, -1), IMAP4_E_CANCELLED, "before the sleep");
	imap4_cmd *c = imap4_noop_start(s[0]);
	alarm_in_50_ms(s[0]);
	cr_expect_eq(imap4_cmd_wait(c, -1), IMAP4_E_CANCELLED);
	cr_expect_not(imap4_cmd_done(c));
	for (size_t i = 0; i < 2; i++)
		srig_close(&r[i]);
}

/* ---- callbacks ----------------------------------------------------------------------------- */

static imap4_cmd *started;

static void try_everything(void *ctx, struct srig *r)
{
	unsigned *bad = ctx;
	*bad += imap4_pump(r->s, 0) != IMAP4_E_STATE;
	*bad += imap4_pump_many(&r->s, 1, 0) != IMAP4_E_STATE;
	imap4_cmd *c = imap4_noop_start(r->s);
	*bad += c == NULL;
	*bad += imap4_cmd_wait(c, 0) != IMAP4_E_STATE;
	imap4_close(r->s);
	*bad += imap4_last(r->s)->err != IMAP4_E_STATE;
	imap4_cmd_free(started);
	started = c;
}

Test(pump, refuses_to_be_entered_from_a_callback)
{
	struct srig r = {0};
	unsigned bad = 0;
	r.on_data = try_everything;
	r.ctx = &bad;
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1");
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "* X-UNKNOWN");
	(void)srig_pump(&r);
	cr_expect_geq(r.data, 2);
	cr_expect_eq(bad, 0, "%u", bad);
	cr_expect_str_eq(srig_line(&r), "NOOP", "what a callback starts is sent");
	srig_say(&r, "$ OK done");
	(void)srig_pump(&r);
	cr_expect(imap4_cmd_done(started));
	srig_close(&r);
}

struct dying {
	imap4_session *s;
	imap4_err pump;
	int ended, complete;
};

static int take(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	(void)ctx;
	(void)m;
	(void)section;
	(void)size;
	return IMAP4_SINK_TAKE;
}

static int ignore(void *ctx, const void *p, size_t n)
{
	(void)ctx;
	(void)p;
	(void)n;
	return 0;
}

static int end_of_body(void *ctx, int complete)
{
	struct dying *d = ctx;
	d->ended++;
	d->complete += complete;
	d->pump = imap4_pump(d->s, 0);
	return 0;
}

static int no_message(void *ctx, const imap4_message *m)
{
	(void)ctx;
	(void)m;
	return 0;
}

Test(pump, refuses_to_be_entered_while_a_session_dies)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_say(&r, "* PREAUTH [CAPABILITY IMAP4rev1] hi");
	struct dying d = {.s = r.s};
	const imap4_sink sink = {&d, take, ignore, end_of_body, no_message};
	const imap4_fetch_opts o = {
		.struct_size = sizeof(o), .by = IMAP4_BY_UID, .open_from = 1, .sink = &sink};
	imap4_cmd *select = imap4_select_start(r.s, (imap4_str){"INBOX", 5}, NULL);
	imap4_cmd *fetch = imap4_fetch_start(r.s, NULL, "BODY.PEEK[]", &o);
	cr_assert(select && fetch);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ OK [READ-ONLY] opened");
	(void)srig_pump(&r);
	srig_say(&r, "* 1 FETCH (UID 1 BODY[] {100}");
	srig_say(&r, "cut here");
	stream_memory_end(r.mem);
	(void)srig_pump(&r);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_DEAD);
	cr_expect_eq(d.ended, 1);
	cr_expect_eq(d.complete, 0);
	cr_expect_eq(d.pump, IMAP4_E_STATE, "%s", imap4_err_name(d.pump));
	cr_expect_eq(imap4_cmd_result(fetch)->err, IMAP4_E_CLOSED);
	srig_close(&r);
}

/* ---- trace --------------------------------------------------------------------------------- */

Test(pump, writes_a_trace_of_what_was_said)
{
	struct model_imap *m = model_new();
	struct srig r = {0};
	connect_to(&r, m);
	cr_assert_eq(imap4_cmd_wait(log_in(&r), 10000), IMAP4_OK);
	cr_assert_eq(imap4_cmd_wait(imap4_logout_start(r.s), 10000), IMAP4_OK);
	const char *trace = buf_str(&r.trace);
	static const char *const parts[] = {"connected to 127.0.0.1:", " S: * OK [CAPABILITY",
		"AUTHENTICATE PLAIN <", " LOGOUT\n", " * logged out\n"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		cr_expect_not_null(strstr(trace, parts[i]), "%s in\n%s", parts[i], trace);
	srig_close(&r);
	model_free(m);
}

/* SPDX-License-Identifier: MIT */
/* imaplib_rig.c -- see imaplib_rig.h. */
#include "tests/support/imaplib_rig.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/imap/imap4_util.h"
#include "tests/support/resp_dump.h"
#include "tests/support/trust.h"

#define STAGE_LOG_MAX ((size_t)4 << 20)

imap4_str stage_str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

void stage_logf(struct stage *t, const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)buf_add_str(&t->log, line);
}

static void log_data(struct stage *t, const char *before, const imap4_data *d)
{
	(void)buf_add_str(&t->log, before);
	resp_dump(&t->log, d);
	const imap4_message *m = imap4_data_message(d);
	if (m) {
		(void)buf_add_byte(&t->log, ' ');
		resp_dump_node(&t->log, m->items);
	}
	(void)buf_add_byte(&t->log, '\n');
	for (unsigned char *p;
		(p = memchr(t->log.data, '\0', t->log.len));) /* to be compared as a string */
		*p = '.';
}

static void on_data(void *ctx, imap4_session *s, const imap4_data *d)
{
	(void)s;
	struct stage *t = ctx;
	log_data(t, "unasked ", d);
	if (t->on_data)
		t->on_data(t);
}

static void on_alert(void *ctx, imap4_session *s, imap4_str text)
{
	(void)s;
	stage_logf(ctx, "alert %s\n", text.ptr);
}

static void on_trace(void *ctx, const char *line, size_t n)
{
	(void)buf_add(&((struct stage *)ctx)->trace, line, n);
}

static void log_outcome(struct stage *t, const imap4_result *r)
{
	stage_logf(t, "%s", r->err == IMAP4_OK ? "OK" : imap4_err_name(r->err));
	if (r->code_atom.ptr)
		stage_logf(t, " [%s%s%s]", r->code_atom.ptr, r->code_args.ptr ? " " : "",
			r->code_args.ptr ? r->code_args.ptr : "");
	if (r->text.ptr)
		stage_logf(t, " %s", r->text.ptr);
	stage_logf(t, "\n");
}

static void log_results(struct stage *t, const imap4_cmd *c)
{
	const imap4_numbers *n = imap4_cmd_numbers(c);
	const imap4_sorted *sorted = imap4_cmd_sorted(c);
	const imap4_threads *threads = imap4_cmd_threads(c);
	char *text = n && n->set ? imap4_set_text(n->set) : NULL;
	if (text)
		stage_logf(t, "  numbers \"%s\"\n", text);
	free(text);
	for (size_t i = 0; sorted && i < sorted->n; i++)
		stage_logf(t, "  sorted %u\n", sorted->at[i]);
	for (size_t i = 0; threads && i < threads->n; i++) {
		size_t parent = threads->at[i].parent;
		stage_logf(t, "  thread %u under %u\n", threads->at[i].number,
			parent == IMAP4_THREAD_ROOT ? 0 : threads->at[parent].number);
	}
}

static imap4_err finish(struct stage *t, imap4_cmd *c, bool quiet)
{
	if (!c) {
		stage_logf(t, "not started %s\n", imap4_err_name(imap4_last(t->s)->err));
		return imap4_last(t->s)->err;
	}
	imap4_err err = imap4_cmd_wait(c, FAKE_WAIT_MS);
	cr_expect_neq(err, IMAP4_AGAIN, "a command has no outcome after:\n%s", buf_str(&t->log));
	for (const imap4_data *d; !quiet && (d = imap4_cmd_next(c));)
		log_data(t, "  ", d);
	if (!quiet) {
		log_results(t, c);
		log_outcome(t, imap4_cmd_result(c));
	}
	imap4_cmd_free(c);
	return err;
}

imap4_err stage_done(struct stage *t, imap4_cmd *c)
{
	return finish(t, c, false);
}

imap4_err stage_quiet(struct stage *t, imap4_cmd *c)
{
	return finish(t, c, true);
}

static const char *state_name(imap4_state state)
{
	static const char *const names[] = {"CONNECTING", "NOT_AUTHENTICATED", "AUTHENTICATED",
		"SELECTED", "LOGGED_OUT", "DEAD"};
	return names[state];
}

static bool alive(const struct stage *t)
{
	return imap4_session_state(t->s) < IMAP4_LOGGED_OUT;
}

void stage_ready(struct stage *t)
{
	int64_t late = clock_deadline(clock_monotonic(), FAKE_WAIT_MS);
	while (imap4_session_state(t->s) == IMAP4_CONNECTING &&
		clock_left(clock_monotonic(), late) > 0)
		(void)imap4_pump(t->s, 100);
	if (alive(t))
		stage_logf(t, "ready %s\n", state_name(imap4_session_state(t->s)));
	else
		stage_logf(t, "dead %s\n", imap4_err_name(imap4_last(t->s)->err));
}

void stage_until(struct stage *t, const char *text)
{
	int64_t late = clock_deadline(clock_monotonic(), FAKE_WAIT_MS);
	while (!strstr(buf_str(&t->log), text) && alive(t) &&
		clock_left(clock_monotonic(), late) > 0)
		(void)imap4_pump(t->s, 100);
	cr_expect_not_null(
		strstr(buf_str(&t->log), text), "no \"%s\" in:\n%s", text, buf_str(&t->log));
}

void stage_end(struct stage *t)
{
	int64_t late = clock_deadline(clock_monotonic(), FAKE_WAIT_MS);
	while (alive(t) && clock_left(clock_monotonic(), late) > 0)
		(void)imap4_pump(t->s, 100);
	stage_logf(t, "%s ", state_name(imap4_session_state(t->s)));
	log_outcome(t, imap4_last(t->s));
}

void stage_select(struct stage *t, int writable)
{
	const imap4_select_opts o = {.struct_size = sizeof(o), .writable = writable};
	cr_assert_eq(stage_quiet(t, imap4_select_start(t->s, stage_str("INBOX"), &o)), IMAP4_OK);
}

void stage_log_in(struct stage *t, const char *mechanism, const char *user, const char *password)
{
	const imap4_credentials c = {.struct_size = sizeof(c),
		.mechanism = mechanism,
		.user = user,
		.password = password};
	(void)stage_done(t, imap4_login_start(t->s, &c));
}

static void run(const struct stage_row *row, bool tls, const struct trust *trust)
{
	struct stage t = {.tls = tls};
	const imap4_events events = {.struct_size = sizeof(events),
		.ctx = &t,
		.alert = on_alert,
		.data = on_data,
		.trace = on_trace};
	const char *channel = tls ? "TLS" : "plain TCP";
	char *why = NULL;
	char wrong[500];
	imap4_options o;
	struct buf script = BUF_INIT(STAGE_LOG_MAX);
	buf_init(&t.log, STAGE_LOG_MAX);
	buf_init(&t.trace, 64 * STAGE_LOG_MAX);
	(void)buf_addf(&script, "%s%s", tls ? "STARTTLS\n" : "", row->script);
	t.server = fake_imap_script(buf_str(&script), &trust->leaf);
	cr_assert_not_null(t.server, "%s", row->name);
	imap4_options_init(&o, sizeof(o));
	o.host = "localhost";
	o.port = fake_imap_port(t.server);
	o.security = tls ? IMAP4_TLS : IMAP4_CLEAR;
	o.ca_file = trust->path;
	o.events = &events;
	if (row->options)
		row->options(&o);
	imap4_err err = imap4_open_start(&t.s, &o, &why);
	cr_assert_eq(err, IMAP4_OK, "%s over %s: %s", row->name, channel, why);
	row->play(&t);
	imap4_close(t.s);
	bool followed = fake_imap_end(t.server, wrong, sizeof(wrong));
	cr_expect(followed, "%s over %s: %s\n%s", row->name, channel, wrong, buf_str(&t.log));
	cr_expect(strcmp(buf_str(&t.log), row->log) == 0,
		"%s over %s: expected\n%s\nbut it was\n%s", row->name, channel, row->log,
		buf_str(&t.log));
	buf_release(&t.log);
	buf_release(&t.trace);
	buf_release(&script);
}

void stage_check(const struct stage_row *rows, size_t n, int channels)
{
	struct trust trust;
	cr_assert(trust_make(&trust));
	for (size_t i = 0; i < n; i++) {
		if (channels & STAGE_PLAIN)
			run(&rows[i], false, &trust);
		if (channels & STAGE_TLS)
			run(&rows[i], true, &trust);
	}
	trust_free(&trust);
}

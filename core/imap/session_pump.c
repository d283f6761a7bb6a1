/* SPDX-License-Identifier: MIT */
/*
 * session_pump.c -- bytes in and out, deadlines, waiting.
 *
 * One turn of a session: read at most one chunk if there is something, let the set-up go on,
 * write what can be written. A turn never waits; imap4_pump_many() sleeps in between, for all
 * sessions in one poll(2).
 */
#include "core/imap/session.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

/* ---- the end -------------------------------------------------------------------------------- */

static void end_session(struct imap4_session *s, imap4_err err, const struct err *why)
{
	s->phase = PHASE_OVER;
	engine_fail(s->engine, err, why);
	if (s->setup) {
		imap4_cmd_free(s->setup);
		s->setup = NULL;
	}
	s->wire_in = imap4_wire_bytes_in(s);
	s->wire_out = imap4_wire_bytes_out(s);
	/* Above TLS this sends close_notify if it can be sent at once. */
	stream_close(s->stream);
	s->stream = NULL;
}

void session_die(struct imap4_session *s, const struct err *e)
{
	session_note(s, "closed: %s", e->text);
	end_session(s, session_err(e->code), e);
}

void session_logged_out(struct imap4_session *s)
{
	struct err e = ERR_INIT;
	session_note(s, "logged out");
	s->logged_out = true;
	err_set(&e, ERR_CONNECTION, E_CLOSED, "the session has been logged out");
	end_session(s, IMAP4_E_CLOSED, &e);
}

/* The stream has ended, in order or not. After BYE in a LOGOUT every end is a good one: there is
 * nothing left that could be cut short. */
static void stream_over(struct imap4_session *s, struct err *e)
{
	if (engine_state(s->engine) == IMAP4_LOGGED_OUT ||
		(engine_logging_out(s->engine) && engine_said_bye(s->engine))) {
		session_logged_out(s);
		return;
	}
	/* Accepting STARTTLS and hanging up is a way to make clients fall back to clear text. */
	if (s->phase == PHASE_STARTTLS) {
		char text[ERR_TEXT_MAX];
		text_show_line(text, sizeof(text), slice_str(e->text));
		err_set(e, ERR_CONNECTION, E_TLS, "instead of an answer to STARTTLS: %s", text);
	}
	session_die(s, e);
}

static void stream_ended(struct imap4_session *s)
{
	struct err e = ERR_INIT;
	int status = s->process ? stream_process_status(s->stream) : -1;
	if (status >= 0)
		err_set(&e, ERR_CONNECTION, E_CLOSED, "the command ended with status %d", status);
	else if (s->phase == PHASE_GREETING)
		err_set(&e, ERR_CONNECTION, E_CLOSED,
			"the server closed the connection without a greeting");
	else
		err_set(&e, ERR_CONNECTION, E_CLOSED, "the server closed the connection");
	stream_over(s, &e);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* The second net under the closed gate: look at the bytes themselves. */
static int check_clear(struct imap4_session *s, struct slice out, struct err *e)
{
	if (s->o.security == IMAP4_CLEAR || s->tls_up || out.n <= s->approved)
		return 0;
	if (!session_clear_line(slice_of(out.p + s->approved, out.n - s->approved)))
		return err_set(e, ERR_CONNECTION, E_TLS,
			"a command was about to leave before TLS was established");
	s->approved = out.n;
	return 0;
}

static void count_written(struct imap4_session *s, size_t n)
{
	s->bytes_out += n;
	s->approved = s->approved > n ? s->approved - n : 0;
	/* A long upload makes progress too, but not octet by octet. */
	s->written_bytes += n;
	if (s->written_bytes >= SESSION_PROGRESS) {
		s->written_bytes = 0;
		s->quiet_since = clock_now(s->clock);
	}
}

/* n octets have left. A password among them is a piece of its own, which the trace hides. */
static void note_written(struct imap4_session *s, size_t n)
{
	while (n > 0) {
		bool secret;
		struct slice piece = engine_output_piece(s->engine, &secret);
		size_t part = piece.n < n ? piece.n : n;
		enum trace_kind what = secret		   ? TRACE_SECRET
			: engine_output_is_body(s->engine) ? TRACE_BODY
							   : TRACE_TEXT;
		trace_bytes(s->trace, TRACE_CLIENT, what, piece.p, part);
		engine_sent(s->engine, part);
		n -= part;
	}
}

/* Write until the stream takes no more. -1: the session must die of *e. */
static int session_flush(struct imap4_session *s, struct err *e)
{
	if (s->phase < PHASE_GREETING || s->phase == PHASE_OVER)
		return 0;
	/* The TLS handshake comes next; nothing may slip in between. */
	if (s->phase == PHASE_STARTTLS && engine_upgrade(s->engine) == ENGINE_UPGRADE_TLS)
		return 0;
	if (!engine_awaits_answer(s->engine))
		s->quiet_since = clock_now(s->clock);
	for (;;) {
		struct slice out = engine_output(s->engine);
		if (out.n == 0)
			return engine_check(s->engine, e);
		if (check_clear(s, out, e) < 0)
			return -1;
		size_t put;
		enum stream_status st = stream_write(s->stream, out.p, out.n, &put, e);
		if (st == STREAM_AGAIN)
			return 0;
		if (st != STREAM_OK)
			return -1;
		note_written(s, put);
		count_written(s, put);
	}
}

/* ---- reading -------------------------------------------------------------------------------- */

static void count_read(struct imap4_session *s, size_t n)
{
	int64_t now = clock_now(s->clock);
	s->bytes_in += n;
	s->quiet_since = now;
	bool before = s->in_response;
	s->in_response = engine_in_response(s->engine);
	s->progress_bytes += n;
	if (!before || !s->in_response || s->progress_bytes >= SESSION_PROGRESS) {
		s->progress_bytes = 0;
		s->progress_since = now;
	}
}

static int feed(struct imap4_session *s, size_t n, struct err *e)
{
	size_t used = 0;
	int rc = engine_feed(s->engine, s->input, n, &used, e);
	count_read(s, n);
	if (rc < 0)
		return -1;
	if (engine_upgrade(s->engine) == ENGINE_UPGRADE_DEFLATE)
		return session_compress(s, slice_of(s->input + used, n - used), e);
	if (engine_upgrade(s->engine) == ENGINE_UPGRADE_PLAIN)
		return session_decompress(s, e);
	if (used < n)
		return err_set(e, ERR_CONNECTION, E_TLS,
			"data in clear text follow the answer to STARTTLS: "
			"somebody may be tampering with the connection");
	return 0;
}

/* Read at most one chunk. -1: the session must die of *e; 1: the stream has ended (and the
 * session with it). */
static int session_read(struct imap4_session *s, struct err *e)
{
	size_t total = 0;
	do {
		/* What follows the answer that ends compression is not compressed. */
		size_t got, most = engine_compression_ends(s->engine) ? 1 : IMAP_READ_CHUNK - total;
		enum stream_status st = stream_read(s->stream, s->input, most, &got, e);
		if (st == STREAM_AGAIN)
			return 0;
		if (st == STREAM_END) {
			stream_ended(s);
			return 1;
		}
		if (st != STREAM_OK) {
			stream_over(s, e);
			return 1;
		}
		total += got;
		if (feed(s, got, e) < 0)
			return -1;
		if (engine_upgrade(s->engine) != ENGINE_UPGRADE_NONE)
			return 0; /* the next octet is not for the engine */
	} while (total < IMAP_READ_CHUNK && stream_pending(s->stream));
	return 0;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int64_t add_ms(int64_t t, int ms)
{
	return t > DEADLINE_NEVER - ms ? DEADLINE_NEVER : t + ms;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool progress_counts(const struct imap4_session *s)
{
	return s->phase == PHASE_OPEN && s->in_response;
}

static int64_t session_deadline(const struct imap4_session *s)
{
	int64_t t = earlier(s->phase_deadline, s->logout_deadline);
	if (s->phase == PHASE_OPEN && engine_awaits_answer(s->engine))
		t = earlier(t, add_ms(s->quiet_since, s->o.idle_ms));
	if (progress_counts(s))
		t = earlier(t, add_ms(s->progress_since, s->o.idle_ms / 2));
	return t;
}

/* -1: a deadline has passed. */
static int check_time(struct imap4_session *s, struct err *e)
{
	if (s->phase == PHASE_OPEN && s->logout_deadline == DEADLINE_NEVER &&
		engine_logging_out(s->engine))
		s->logout_deadline = clock_deadline(s->clock, s->o.logout_ms);
	int64_t now = clock_now(s->clock);
	if (now < session_deadline(s))
		return 0;
	if (now >= s->phase_deadline)
		return session_late(s, e);
	if (now >= s->logout_deadline)
		return err_set(e, ERR_CONNECTION, E_TIMEOUT, "no answer to LOGOUT within %d ms",
			s->o.logout_ms);
	if (progress_counts(s) && now >= add_ms(s->progress_since, s->o.idle_ms / 2))
		return err_set(e, ERR_CONNECTION, E_TIMEOUT,
			"the server sent less than %d bytes of a response in %d ms",
			SESSION_PROGRESS, s->o.idle_ms / 2);
	return err_set(
		e, ERR_CONNECTION, E_TIMEOUT, "the server was silent for %d ms", s->o.idle_ms);
}

/* ---- turns ---------------------------------------------------------------------------------- */

static int turn_steps(struct imap4_session *s, bool readable, struct err *e)
{
	/* Reading comes first: a server that hangs up says why, and a write that fails would
	 * hide it. */
	if (readable && s->phase >= PHASE_GREETING) {
		int rc = session_read(s, e);
		if (rc != 0)
			return rc;
	}
	if (session_advance(s, e) < 0 || session_flush(s, e) < 0)
		return -1;
	/* Commands may have ended without a byte, and made room for a set-up command. */
	if (session_advance(s, e) < 0 || session_flush(s, e) < 0)
		return -1;
	if (engine_state(s->engine) == IMAP4_LOGGED_OUT) {
		session_logged_out(s);
		return 1;
	}
	return check_time(s, e);
}

/* What tells that a turn did something. */
struct marks {
	uint64_t bytes;
	enum session_phase phase;
	size_t open;
};

static struct marks marks_of(const struct imap4_session *s)
{
	return (struct marks){s->bytes_in + s->bytes_out, s->phase,
		engine_in_flight(s->engine) + engine_queued(s->engine)};
}

static bool session_turn(struct imap4_session *s, bool readable)
{
	struct marks before = marks_of(s);
	struct err e = ERR_INIT;
	s->in_turn = true;
	if (turn_steps(s, readable, &e) < 0)
		session_die(s, &e);
	s->in_turn = false;
	if (s->secrets_over) {
		secrets_wipe(&s->secrets);
		s->secrets_over = false;
	}
	struct marks after = marks_of(s);
	return before.bytes != after.bytes || before.phase != after.phase ||
		before.open != after.open;
}

/* ---- many sessions -------------------------------------------------------------------------- */

static bool alive(const struct imap4_session *s)
{
	return s && s->phase != PHASE_OVER;
}

static bool output_left(struct imap4_session *s)
{
	return s->phase >= PHASE_GREETING && engine_output(s->engine).n > 0;
}

/* One sleep for all. -1: out of memory, or poll(2) refused. */
static int wait_for_all(
	imap4_session *const *all, size_t n, struct poller *p, int64_t deadline, struct err *e)
{
	poller_begin(p);
	for (size_t i = 0; i < n; i++) {
		struct imap4_session *s = all[i];
		if (!alive(s))
			continue;
		if (s->poller != p && poller_add_wake(p, s->poller, e) < 0)
			return -1;
		/* While connecting the stream alone knows what it waits for. */
		bool reading = s->phase >= PHASE_GREETING;
		s->slot = poller_add(p, s->stream, reading, output_left(s), e);
		if (s->slot < 0)
			return -1;
		deadline = earlier(deadline, session_deadline(s));
	}
	return poller_wait(p, deadline, e) < 0 ? -1 : 0;
}

static bool any_woken(imap4_session *const *all, size_t n)
{
	bool woken = false;
	for (size_t i = 0; i < n; i++) {
		if (all[i] && poller_woken(all[i]->poller))
			woken = true;
	}
	return woken;
}

static bool turn_all(imap4_session *const *all, size_t n, struct poller *p)
{
	bool moved = false;
	for (size_t i = 0; i < n; i++) {
		if (!alive(all[i]))
			continue;
		/* p NULL: before any sleep, so nothing is known to be readable. */
		bool readable = p && poller_ready(p, all[i]->slot);
		if (session_turn(all[i], readable))
			moved = true;
	}
	return moved;
}

static struct imap4_session *first_alive(imap4_session *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (alive(all[i]))
			return all[i];
	}
	return NULL;
}

static bool inside_callback(imap4_session *const *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (all[i] && (all[i]->in_turn || engine_in_callback(all[i]->engine)))
			return true;
	}
	return false;
}

imap4_err imap4_pump_many(imap4_session *const *all, size_t n, int timeout_ms)
{
	if (inside_callback(all, n))
		return IMAP4_E_STATE;
	struct imap4_session *lead = first_alive(all, n);
	if (!lead)
		return any_woken(all, n) ? IMAP4_E_CANCELLED : IMAP4_AGAIN;
	const struct clock *clock = lead->clock;
	int64_t deadline = clock_deadline(clock, timeout_ms);
	for (;;) {
		bool moved = turn_all(all, n, NULL);
		bool woken = any_woken(all, n);
		lead = first_alive(all, n);
		if (!lead)
			return woken ? IMAP4_E_CANCELLED : IMAP4_OK;
		struct err e = ERR_INIT;
		if (wait_for_all(all, n, lead->poller, moved || woken ? INT64_MIN : deadline, &e) <
			0)
			return session_err(e.code);
		moved = turn_all(all, n, lead->poller) || moved;
		if (any_woken(all, n) || woken)
			return IMAP4_E_CANCELLED;
		if (moved)
			return IMAP4_OK;
		if (clock_left(clock, deadline) == 0)
			return IMAP4_AGAIN;
	}
}

imap4_err imap4_pump(imap4_session *s, int timeout_ms)
{
	imap4_err rc = imap4_pump_many(&s, 1, timeout_ms);
	if (rc == IMAP4_E_STATE || rc == IMAP4_E_CANCELLED || alive(s))
		return rc;
	const imap4_result *end = engine_result(s->engine);
	return end ? end->err : IMAP4_E_CLOSED;
}

void imap4_wake(imap4_session *s)
{
	poller_wake(s->poller);
}

imap4_err imap4_cmd_wait(imap4_cmd *c, int timeout_ms)
{
	struct imap4_session *s = c->session;
	int64_t deadline = clock_deadline(s->clock, timeout_ms);
	while (!imap4_cmd_done(c)) {
		imap4_err rc = imap4_pump(s, clock_left(s->clock, deadline));
		if (rc == IMAP4_E_STATE || rc == IMAP4_E_CANCELLED)
			return rc;
		if (!imap4_cmd_done(c) && clock_left(s->clock, deadline) == 0)
			return IMAP4_AGAIN;
	}
	return imap4_cmd_result(c)->err;
}

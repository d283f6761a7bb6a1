/* SPDX-License-Identifier: MIT */
/*
 * session.h -- the inside of a session: an engine, a stack of streams, and the time.
 *
 *   session.c        open, close, what one can ask
 *   session_setup.c  from the first packet to the open gate: TCP, TLS, greeting, CAPABILITY,
 * STARTTLS
 *   session_pump.c   bytes in and out, deadlines, waiting
 *   session_compress.c  the layer of COMPRESS
 *   session_untagged.c  what nobody asked for, kept by name
 *   call_idle.c      the same, while somebody listens
 *   session_trace.c  trace lines and the search for credentials in what the server says
 *
 * Invariants
 *   - Nothing but CAPABILITY, STARTTLS, NOOP and LOGOUT leaves before TLS is up in a session
 * that wants TLS
 *     (checked on the bytes, in session_flush()); no credential leaves unless
 * session_may_send_secret().
 *   - phase is PHASE_OVER exactly when stream is NULL; all commands are complete then.
 *   - While in_turn, callbacks of the caller may run: pump, wait and close are refused.
 */
#ifndef CORE_IMAP_SESSION_H
#define CORE_IMAP_SESSION_H

#include "core/base/clock.h"
#include "core/imap/cmd.h"
#include "core/imap/secrets.h"
#include "core/net/poller.h"
#include "core/net/stream.h"
#include "core/net/trace.h"

#define SESSION_CONNECT_MS 30000
#define SESSION_IDLE_MS	   120000
#define SESSION_LOGOUT_MS  5000
/* Minimum progress inside a response: so many octets in half of idle_ms (rule R15, test T35). */
#define SESSION_PROGRESS 1024

enum session_phase {
	PHASE_CONNECT, /* TCP connection, or start of the sub-process */
	PHASE_TLS,     /* a handshake: implicit TLS, or after STARTTLS */
	PHASE_GREETING,
	PHASE_CAPABILITY,
	PHASE_STARTTLS, /* sent, no answer yet */
	PHASE_OPEN,	/* the gate is open */
	PHASE_OVER,
};

struct imap4_session {
	struct engine *engine;
	struct stream *stream; /* top of the stack, owned; NULL when over */
	struct poller *poller;
	struct trace *trace; /* NULL: nobody listens */
	const struct clock *clock;
	imap4_events events;
	imap4_options o; /* its pointers point into `kept` */
	char **kept;
	size_t nkept;
	const char **pins; /* s->o.pins; the strings are in `kept` */
	bool process;	   /* the bottom is a sub-process of ours */

	enum session_phase phase;
	bool tls_up, starttls_done;
	bool in_turn, logged_out;
	struct imap4_cmd *setup; /* CAPABILITY or STARTTLS of our own that is running */
	bool asked;		 /* CAPABILITY, since the last change of security */
	bool refresh;		 /* ask for CAPABILITY again before anything else leaves */
	size_t approved;	 /* octets of the engine's output that may leave without TLS */

	int64_t phase_deadline;
	int64_t quiet_since;	 /* last sign of life while commands are running */
	int64_t logout_deadline; /* DEADLINE_NEVER unless LOGOUT was sent */
	bool in_response;	 /* a response has begun and not ended */
	int64_t progress_since;
	size_t progress_bytes, written_bytes;
	uint64_t bytes_in, bytes_out;
	uint64_t wire_in, wire_out; /* of the bottom layer, when the session is over */
	int slot;		    /* in the poller of this turn; -1 = none */

	struct secrets secrets; /* looked for in all that the server says; wiped after the login */
	bool secrets_over;
	struct buf trace_line;
	unsigned char *input; /* IMAP_READ_CHUNK octets */

	/* imap4_keep_untagged(): nobody's responses, oldest first */
	struct cmd_data *kept_first, *kept_last;
	size_t nkept_data, kept_max;
	struct imap4_idler *idler; /* hears them in the place of that; not owned; NULL: nobody */

	imap4_result last; /* of a refused _start call, or of a blocking one */
	char last_text[ERR_TEXT_MAX];
	struct buf last_store; /* strings of `last` that are not in last_text */
};

/* A session on a stream that exists already (tests; a process or TCP stream from
 * imap4_open_start). Takes ownership of `bottom`, also on failure. o->host is needed for TLS
 * only. */
imap4_err session_open_stream(imap4_session **out, const imap4_options *o, struct stream *bottom,
	const struct clock *clock, struct err *e);

struct tls_options session_tls_options(const struct imap4_session *s);

/* One function for the whole library: what a local error is called in public. */
imap4_err session_err(enum err_code code);

/* imap4_last() says from now on how a command ended; copied. */
void session_keep_result(struct imap4_session *s, const imap4_result *r);

/* ---- session_setup.c ---- */

/* Go as far as possible without waiting. -1: the session must die of *e. */
int session_advance(struct imap4_session *s, struct err *e) NODISCARD;
void session_enter(struct imap4_session *s, enum session_phase phase);
/* The text of a deadline that passed in this phase. */
int session_late(const struct imap4_session *s, struct err *e);
/* Is this what may leave before TLS: whole lines, each a command without arguments of RFC 8314's
 * short list? */
bool session_clear_line(struct slice lines);

/* ---- session_pump.c ---- */

/* The session ends of *e: all commands complete, the stream is closed. */
void session_die(struct imap4_session *s, const struct err *e);
void session_logged_out(struct imap4_session *s);

/* ---- session_compress.c ---- */

/* After the OK of COMPRESS. behind: what was read behind its CRLF, compressed already. -1: the session must die of *e. */
int session_compress(struct imap4_session *s, struct slice behind, struct err *e) NODISCARD;
/* After the OK of UNAUTHENTICATE, of which nothing behind the CRLF was read. */
int session_decompress(struct imap4_session *s, struct err *e) NODISCARD;

/* ---- session_untagged.c ---- */

/* A response that nobody asked for, or the copy of one that a command has: kept when the caller wants that (then *d is
 * NULL). */
void session_keep_data(struct imap4_session *s, struct imap4_data **d, bool claimed);
void session_drop_data(struct imap4_session *s);

/* ---- call_idle.c ---- */

/* Takes *d, unless there is no memory. */
void idler_hear(struct imap4_idler *i, struct imap4_data **d);
/* The session ends, and its commands are freed already. */
void idler_leave(struct imap4_idler *i);

/* ---- session_trace.c ---- */

int session_trace_open(struct imap4_session *s, struct err *e) NODISCARD;
void session_note(struct imap4_session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Look for this credential from now on, until session_secrets_over() and the end of the turn. */
int session_secret(struct imap4_session *s, struct slice secret, struct err *e) NODISCARD;
void session_secrets_over(struct imap4_session *s);

/* The identity changed and the server did not tell its capabilities: ask, and hold everything
 * back until then. */
void session_refresh_capabilities(struct imap4_session *s);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * session_setup.c -- from the first packet to the open gate.
 *
 *   IMAP4_TLS       connect -> TLS -> greeting -> CAPABILITY unless the greeting told -> open
 *   IMAP4_STARTTLS  connect -> greeting -> CAPABILITY -> STARTTLS -> TLS -> CAPABILITY -> open
 *   IMAP4_CLEAR     connect -> greeting -> CAPABILITY unless the greeting told -> open
 *
 * What a server said before TLS may have been said by anybody: after STARTTLS all of it is
 * forgotten, a single octet that came along with the tagged OK ends the session, and PREAUTH
 * (which would make STARTTLS impossible) does too. (RFC 3501 section 6.2.1; RFC 8314; the
 * attacks are in https://nostarttls.secvuln.info.)
 */
#include "core/imap/session.h"

#include <string.h>

#include "core/base/text.h"
#include "core/imap/caps.h"

struct tls_options session_tls_options(const struct imap4_session *s)
{
	return (struct tls_options){
		.host = s->o.host,
		.ca_file = s->o.ca_file,
		.pins = s->o.pins,
		.npins = s->o.npins,
		.pin_only = s->o.pin_only != 0,
		.client_cert = s->o.client_cert,
		.client_key = s->o.client_key,
		.ssl_ctx = s->o.ssl_ctx,
	};
}

void session_enter(struct imap4_session *s, enum session_phase phase)
{
	s->phase = phase;
	s->phase_deadline =
		phase == PHASE_OPEN ? DEADLINE_NEVER : clock_deadline(s->clock, s->o.connect_ms);
}

int session_late(const struct imap4_session *s, struct err *e)
{
	const char *what = "answer";
	switch (s->phase) {
	case PHASE_CONNECT: what = "connection"; break;
	case PHASE_TLS: what = "end of the TLS handshake"; break;
	case PHASE_GREETING:
		what = s->o.security == IMAP4_TLS
			? "greeting"
			: "greeting (does this port want TLS from the start?)";
		break;
	case PHASE_CAPABILITY: what = "answer to CAPABILITY"; break;
	case PHASE_STARTTLS: what = "answer to STARTTLS"; break;
	case PHASE_OPEN:
	case PHASE_OVER: break;
	}
	return err_set(e, ERR_CONNECTION, E_TIMEOUT, "no %s within %d ms", what, s->o.connect_ms);
}

bool session_clear_line(struct slice lines)
{
	static const char *const allowed[] = {"CAPABILITY", "STARTTLS", "NOOP", "LOGOUT"};
	const unsigned char *p = lines.p, *end = lines.p + lines.n;
	while (p < end) {
		const unsigned char *nl = memchr(p, '\n', (size_t)(end - p));
		const unsigned char *sp = memchr(p, ' ', (size_t)(end - p));
		if (!nl || !sp || sp > nl || nl - sp < 2 || nl[-1] != '\r')
			return false;
		struct slice verb = slice_of(sp + 1, (size_t)(nl - sp) - 2);
		bool known = false;
		for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
			known = known || slice_eq_str(verb, allowed[i]);
		if (!known)
			return false;
		p = nl + 1;
	}
	return true;
}

/* ---- set-up commands ------------------------------------------------------------------------ */

/* 0 with s->setup running; the reason of a refusal is a local one (memory). */
static int start_setup(struct imap4_session *s, struct imap4_cmd *c, struct err *e)
{
	if (!c)
		return err_set(e, ERR_CONNECTION, E_NOMEM, "%s", s->last_text);
	s->setup = c;
	return 0;
}

/* 1: done and OK; 0: not yet; -1: refused, as `code`. */
static int setup_result(
	struct imap4_session *s, const char *name, enum err_code code, struct err *e)
{
	if (!imap4_cmd_done(s->setup))
		return 0;
	const imap4_result *r = imap4_cmd_result(s->setup);
	imap4_err err = r->err;
	char text[TEXT_SHOW_SIZE];
	text_show(text, sizeof(text), slice_of(r->text.ptr, r->text.len));
	imap4_cmd_free(s->setup);
	s->setup = NULL;
	if (err == IMAP4_OK)
		return 1;
	if (err == IMAP4_E_NOMEM) /* the server is not to blame */
		return err_set(e, ERR_CONNECTION, E_NOMEM, "%s: out of memory", name);
	return err_set(e, ERR_CONNECTION, code, "the server refused %s: %s", name, text);
}

/* ---- one function a phase: 1 = went on, 0 = must wait, -1 = over ---------------------------- */

static int start_tls(struct imap4_session *s, struct err *e)
{
	const struct tls_options t = session_tls_options(s);
	struct stream *tls;
	if (stream_tls_new(&tls, s->stream, &t, e) < 0)
		return -1;
	s->stream = tls;
	session_enter(s, PHASE_TLS);
	return 1;
}

static int connect_step(struct imap4_session *s, struct err *e)
{
	enum stream_status st = stream_connect(s->stream, e);
	if (st == STREAM_AGAIN)
		return 0;
	if (st == STREAM_OK)
		return 1;
	if (st == STREAM_END)
		err_set(e, ERR_CONNECTION, E_CLOSED,
			"the connection ended while it was being made");
	return -1;
}

static int in_connect(struct imap4_session *s, struct err *e)
{
	int rc = connect_step(s, e);
	if (rc <= 0)
		return rc;
	const char *peer = s->process ? "a sub-process" : stream_tcp_peer(s->stream);
	session_note(s, "connected to %s", *peer ? peer : "whatever the program gave");
	if (s->o.security == IMAP4_TLS)
		return start_tls(s, e);
	session_enter(s, PHASE_GREETING);
	return 1;
}

static int in_tls(struct imap4_session *s, struct err *e)
{
	int rc = connect_step(s, e);
	if (rc <= 0)
		return rc;
	s->tls_up = true;
	session_note(s, "%s", stream_tls_describe(s->stream));
	if (!s->starttls_done) {
		session_enter(s, PHASE_GREETING);
		return 1;
	}
	if (engine_upgraded(s->engine, e) < 0)
		return -1;
	session_enter(s, PHASE_CAPABILITY);
	return 1;
}

static int in_greeting(struct imap4_session *s, struct err *e)
{
	if (!engine_greeted(s->engine))
		return 0;
	if (s->o.security == IMAP4_STARTTLS && engine_preauth(s->engine))
		return err_set(e, ERR_CONNECTION, E_TLS,
			"the server greets with PREAUTH, which rules out STARTTLS: "
			"nothing is safe on this connection");
	session_enter(s, PHASE_CAPABILITY);
	return 1;
}

static int open_session(struct imap4_session *s)
{
	engine_open_gate(s->engine);
	session_enter(s, PHASE_OPEN);
	s->quiet_since = clock_now(s->clock);
	return 1;
}

/* After STARTTLS always, for engine_upgraded() has made the engine forget what it was told. */
static bool must_ask(const struct imap4_session *s, const struct caps *caps)
{
	if (s->asked)
		return false;
	return !caps->known || (s->o.security == IMAP4_STARTTLS && !caps_has(caps, "STARTTLS"));
}

static int in_capability(struct imap4_session *s, struct err *e)
{
	const struct caps *caps = engine_caps(s->engine);
	if (s->setup) {
		int rc = setup_result(s, "CAPABILITY", E_PROTO, e);
		if (rc <= 0)
			return rc;
	} else if (must_ask(s, caps)) {
		s->asked = true;
		return start_setup(s, cmd_capability_setup(s), e);
	}
	if (s->o.security != IMAP4_STARTTLS || s->starttls_done)
		return open_session(s);
	if (!caps_has(caps, "STARTTLS"))
		return err_set(e, ERR_CONNECTION, E_TLS, "the server does not offer STARTTLS");
	session_enter(s, PHASE_STARTTLS);
	return start_setup(s, cmd_starttls_start(s), e) < 0 ? -1 : 1;
}

/* Whatever lies between the OK and the handshake was put there by somebody in the middle (test
 * T45). */
static int check_injection(struct imap4_session *s, struct err *e)
{
	size_t got;
	unsigned char octet;
	struct err why = ERR_INIT;
	switch (stream_read(s->stream, &octet, 1, &got, &why)) {
	case STREAM_AGAIN: return 0;
	case STREAM_OK:
		return err_set(e, ERR_CONNECTION, E_TLS,
			"data in clear text follow the answer to STARTTLS: "
			"somebody may be tampering with the connection");
	case STREAM_END:
	case STREAM_ERROR: break;
	}
	return err_set(
		e, ERR_CONNECTION, E_TLS, "the connection ended after the answer to STARTTLS");
}

static int in_starttls(struct imap4_session *s, struct err *e)
{
	int rc = setup_result(s, "STARTTLS", E_TLS, e);
	if (rc <= 0)
		return rc;
	if (engine_upgrade(s->engine) != ENGINE_UPGRADE_TLS)
		return err_set(e, ERR_CONNECTION, E_TLS, "STARTTLS did not lead to TLS");
	if (check_injection(s, e) < 0)
		return -1;
	s->starttls_done = true;
	s->asked = false;
	return start_tls(s, e);
}

/* The identity changed: capabilities are asked again before the next command leaves. */
static int in_open(struct imap4_session *s, struct err *e)
{
	if (s->setup) {
		int rc = setup_result(s, "CAPABILITY", E_PROTO, e);
		if (rc > 0)
			engine_open_gate(s->engine);
		return rc;
	}
	if (!s->refresh)
		return 0;
	s->refresh = false;
	return start_setup(s, cmd_capability_setup(s), e) < 0 ? -1 : 1;
}

int session_advance(struct imap4_session *s, struct err *e)
{
	int rc = 1;
	while (rc > 0) {
		switch (s->phase) {
		case PHASE_CONNECT: rc = in_connect(s, e); break;
		case PHASE_TLS: rc = in_tls(s, e); break;
		case PHASE_GREETING: rc = in_greeting(s, e); break;
		case PHASE_CAPABILITY: rc = in_capability(s, e); break;
		case PHASE_STARTTLS: rc = in_starttls(s, e); break;
		case PHASE_OPEN: rc = in_open(s, e); break;
		case PHASE_OVER: return 0;
		}
	}
	return rc;
}

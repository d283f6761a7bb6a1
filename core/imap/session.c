/* SPDX-License-Identifier: MIT */
/*
 * session.c -- open and close a session, and what one can ask about it.
 */
#include "core/imap/session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/imap/caps.h"
#include "core/imap/io.h"

#define ALERT_MAX 8192 /* octets of an alert that are handed on */

void imap4_options_init(imap4_options *o, size_t struct_size)
{
	memset(o, 0, struct_size);
	o->struct_size = struct_size;
}

imap4_err session_err(enum err_code code)
{
	switch (code) {
	case E_NONE: return IMAP4_OK;
	case E_NOMEM: return IMAP4_E_NOMEM;
	case E_LIMIT: return IMAP4_E_LIMIT;
	case E_INVALID:
	case E_USAGE: return IMAP4_E_ARG;
	case E_STATE: return IMAP4_E_STATE;
	case E_CANCELLED: return IMAP4_E_CANCELLED;
	case E_TIMEOUT: return IMAP4_E_TIMEOUT;
	case E_CLOSED: return IMAP4_E_CLOSED;
	case E_TLS: return IMAP4_E_TLS;
	case E_CERT: return IMAP4_E_CERT;
	case E_PROTO: return IMAP4_E_PROTO;
	case E_NO:
	case E_THROTTLE: return IMAP4_E_NO;
	case E_BAD: return IMAP4_E_BAD;
	case E_BYE: return IMAP4_E_BYE;
	case E_AUTH: return IMAP4_E_NOAUTH;
	case E_CONFIG: return IMAP4_E_CONFIG;
	case E_NET:
	case E_IO:
	case E_FULL:
	case E_LOCKED:
	case E_CORRUPT:
	case E_EXISTS:
	case E_MISSING:
	case E_CODE_COUNT: break;
	}
	return IMAP4_E_IO;
}

/* ---- the caller's options are copied: STARTTLS needs them later ----------------------------- */

static int keep_string(struct imap4_session *s, const char **text, struct err *e)
{
	if (!*text)
		return 0;
	char **kept = realloc(s->kept, (s->nkept + 1) * sizeof(*kept));
	if (!kept)
		return err_nomem(e, "opening a session");
	s->kept = kept;
	char *copy = strdup(*text);
	if (!copy)
		return err_nomem(e, "opening a session");
	s->kept[s->nkept++] = copy;
	*text = copy;
	return 0;
}

static int keep_pins(struct imap4_session *s, struct err *e)
{
	if (s->o.npins == 0)
		return 0;
	s->pins = calloc(s->o.npins, sizeof(*s->pins));
	if (!s->pins)
		return err_nomem(e, "opening a session");
	for (size_t i = 0; i < s->o.npins; i++) {
		s->pins[i] = s->o.pins[i];
		if (keep_string(s, &s->pins[i], e) < 0)
			return -1;
	}
	s->o.pins = s->pins;
	return 0;
}

/* No more is read than the caller says is there; what is not there is zero, and zero is the
 * default. */
static void copy_struct(void *to, size_t size, const void *from, size_t from_size)
{
	memcpy(to, from, from_size < size ? from_size : size);
}

static int ms_or(int ms, int otherwise)
{
	return ms > 0 ? ms : otherwise;
}

static int keep_options(struct imap4_session *s, const imap4_options *o, struct err *e)
{
	copy_struct(&s->o, sizeof(s->o), o, o->struct_size);
	if (s->o.events)
		copy_struct(&s->events, sizeof(s->events), s->o.events, s->o.events->struct_size);
	s->o.events = NULL;
	s->process = s->o.argv != NULL;
	s->o.argv = NULL;
	s->o.io = NULL;
	if (s->o.npins > 0 && !s->o.pins)
		return err_set(e, ERR_USAGE, E_USAGE, "npins without pins");
	if (!s->o.label)
		s->o.label = s->o.host ? s->o.host : "session";
	if (keep_pins(s, e) < 0 || keep_string(s, &s->o.host, e) < 0 ||
		keep_string(s, &s->o.ca_file, e) < 0 || keep_string(s, &s->o.client_cert, e) < 0 ||
		keep_string(s, &s->o.client_key, e) < 0 || keep_string(s, &s->o.label, e) < 0)
		return -1;
	s->o.connect_ms = ms_or(s->o.connect_ms, SESSION_CONNECT_MS);
	s->o.idle_ms = ms_or(s->o.idle_ms, SESSION_IDLE_MS);
	s->o.logout_ms = ms_or(s->o.logout_ms, SESSION_LOGOUT_MS);
	return 0;
}

/* Tags must not be guessable from outside: an answer sent ahead of its command would look right. */
static uint32_t tag_seed(const struct imap4_session *s)
{
	uint32_t seed = 0;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, &seed, sizeof(seed)) : -1;
	if (fd >= 0)
		close(fd);
	if (n != (ssize_t)sizeof(seed))
		seed = (uint32_t)clock_now(NULL) * 2654435761u ^ (uint32_t)getpid() ^
			(uint32_t)((uintptr_t)s >> 4);
	return seed;
}

/* ---- what the engine tells ------------------------------------------------------------------ */

/* Before TLS anybody could have said it (rule S3): people must not see it, callers must not act
 * on it. */
static bool untrusted(const struct imap4_session *s)
{
	return s->o.security != IMAP4_CLEAR && !s->tls_up;
}

static void on_unasked(void *ctx, const struct imap4_data *d)
{
	struct imap4_session *s = ctx;
	if (s->events.data && !untrusted(s))
		s->events.data(s->events.ctx, s, d);
}

static void on_keep(void *ctx, struct imap4_data **d, bool claimed)
{
	struct imap4_session *s = ctx;
	if (!untrusted(s))
		session_keep_data(s, d, claimed);
}

static void on_alert(void *ctx, imap4_str text)
{
	struct imap4_session *s = ctx;
	if (!s->events.alert || untrusted(s))
		return;
	char copy[ALERT_MAX + 1];
	size_t n = text.len < ALERT_MAX ? text.len : ALERT_MAX;
	if (n > 0)
		memcpy(copy, text.ptr, n);
	copy[n] = '\0';
	secrets_hide(&s->secrets, copy, n);
	s->events.alert(s->events.ctx, s, (imap4_str){copy, n});
}

static void on_progress(void *ctx, const imap4_progress *p)
{
	struct imap4_session *s = ctx;
	if (s->events.progress && !untrusted(s))
		s->events.progress(s->events.ctx, s, p);
}

static void on_saw(void *ctx, int kind, const void *p, size_t n)
{
	struct imap4_session *s = ctx;
	trace_bytes(s->trace, TRACE_SERVER, (enum trace_kind)kind, p, n);
}

static int make_engine(struct imap4_session *s, struct err *e)
{
	const struct engine_config c = {
		.limits =
			{
				.token = s->o.max_token ? s->o.max_token : IMAP_TOKEN_MAX,
				.response =
					s->o.max_response ? s->o.max_response : IMAP_RESPONSE_MAX,
				.list_response = IMAP_LIST_RESPONSE_MAX,
				.literal = s->o.max_literal ? s->o.max_literal : IMAP_LITERAL_MAX,
			},
		.window = s->o.window ? s->o.window : IMAP_WINDOW_DEFAULT,
		.policy = s->o.policy,
		.tag_seed = tag_seed(s),
		.ctx = s,
		.unasked = on_unasked,
		.keep = on_keep,
		.alert = on_alert,
		.progress = on_progress,
		.saw = on_saw,
	};
	return engine_new(&s->engine, &c, e);
}

/* ---- open and close ------------------------------------------------------------------------- */

static void session_free(struct imap4_session *s)
{
	engine_free(s->engine);
	stream_close(s->stream);
	trace_free(s->trace);
	poller_free(s->poller);
	secrets_wipe(&s->secrets);
	buf_release(&s->trace_line);
	buf_release(&s->last_store);
	session_drop_data(s);
	for (size_t i = 0; i < s->nkept; i++)
		free(s->kept[i]);
	free(s->kept);
	free(s->pins);
	free(s->input);
	free(s);
}

/* CA file, certificate, key and pins are wrong now or never: with STARTTLS they would be read
 * only after the server was asked, so they are tried on a stream that leads nowhere. */
static int check_tls_files(const struct imap4_session *s, struct err *e)
{
	struct stream *nowhere, *tls;
	if (stream_memory_new(&nowhere, e) < 0)
		return -1;
	const struct tls_options t = session_tls_options(s);
	int rc = stream_tls_new(&tls, nowhere, &t, e);
	stream_close(rc == 0 ? tls : nowhere);
	return rc;
}

static int check_options(const imap4_options *o, struct err *e)
{
	if (o->security != IMAP4_TLS && o->security != IMAP4_STARTTLS && o->security != IMAP4_CLEAR)
		return err_set(e, ERR_USAGE, E_USAGE, "unknown kind of security");
	return 0;
}

static int session_make(
	struct imap4_session *s, const imap4_options *o, const struct clock *clock, struct err *e)
{
	s->clock = clock;
	s->phase = PHASE_CONNECT;
	s->logout_deadline = DEADLINE_NEVER;
	s->last.message = "";
	if (check_options(o, e) < 0)
		return -1;
	s->input = malloc(IMAP_READ_CHUNK);
	if (!s->input)
		return err_nomem(e, "opening a session");
	if (keep_options(s, o, e) < 0 || poller_new(&s->poller, clock, e) < 0 ||
		session_trace_open(s, e) < 0)
		return -1;
	if (s->o.security != IMAP4_CLEAR && !s->o.host)
		return err_set(e, ERR_USAGE, E_USAGE, "TLS needs the name of the server");
	if (s->o.security != IMAP4_CLEAR && check_tls_files(s, e) < 0)
		return -1;
	if (make_engine(s, e) < 0)
		return -1;
	session_enter(s, PHASE_CONNECT);
	return 0;
}

imap4_err session_open_stream(imap4_session **out, const imap4_options *o, struct stream *bottom,
	const struct clock *clock, struct err *e)
{
	*out = NULL;
	struct imap4_session *s = calloc(1, sizeof(*s));
	if (!s) {
		stream_close(bottom);
		err_nomem(e, "opening a session");
		return IMAP4_E_NOMEM;
	}
	s->stream = bottom;
	if (session_make(s, o, clock, e) < 0) {
		session_free(s);
		return session_err(e->code);
	}
	*out = s;
	return IMAP4_OK;
}

static int open_bottom(const imap4_options *o, struct stream **bottom, struct err *e)
{
	if (o->io)
		return io_stream_new(bottom, o->io, e);
	if (check_options(o, e) < 0)
		return -1;
	if (o->argv)
		return o->argv[0] ? stream_process_new(bottom, o->argv, e)
				  : err_set(e, ERR_USAGE, E_USAGE, "argv is empty");
	if (!o->host)
		return err_set(e, ERR_USAGE, E_USAGE, "neither host nor argv is given");
	uint16_t port = o->port ? o->port : o->security == IMAP4_TLS ? 993 : 143;
	return stream_tcp_new(bottom, o->host, port, clock_monotonic(), e);
}

imap4_err imap4_open_start(imap4_session **out, const imap4_options *o, char **why)
{
	*out = NULL;
	if (why)
		*why = NULL;
	struct err e = ERR_INIT;
	imap4_err rc;
	imap4_options whole = {0};
	struct stream *bottom;
	if (!o || o->struct_size < sizeof(o->struct_size)) {
		err_set(&e, ERR_USAGE, E_USAGE, "options without struct_size");
		rc = IMAP4_E_ARG;
	} else {
		copy_struct(&whole, sizeof(whole), o, o->struct_size);
		whole.struct_size = sizeof(whole);
		if (open_bottom(&whole, &bottom, &e) < 0)
			rc = session_err(e.code);
		else
			rc = session_open_stream(out, &whole, bottom, clock_monotonic(), &e);
	}
	if (rc != IMAP4_OK && why)
		*why = strdup(e.text);
	return rc;
}

void imap4_close(imap4_session *s)
{
	if (!s)
		return;
	if (s->in_turn || engine_in_callback(s->engine)) {
		session_refuse(
			s, IMAP4_E_STATE, "a session cannot be closed from inside a callback");
		return;
	}
	/* Sinks of running commands get their end() from here. */
	s->in_turn = true;
	session_free(s);
}

/* ---- questions ------------------------------------------------------------------------------ */

struct engine *session_engine(const struct imap4_session *s)
{
	return s->engine;
}

const struct caps *session_caps(const struct imap4_session *s)
{
	return engine_caps(s->engine);
}

struct imap4_cmd *session_refuse(struct imap4_session *s, imap4_err err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(s->last_text, sizeof(s->last_text), fmt, ap);
	va_end(ap);
	s->last = (imap4_result){.err = err, .retry = IMAP4_RETRY_NEVER, .message = s->last_text};
	return NULL;
}

void session_keep_result(struct imap4_session *s, const imap4_result *r)
{
	result_copy(&s->last, &s->last_store, r);
}

bool session_may_send_secret(const struct imap4_session *s)
{
	if (!s->stream)
		return false;
	if (s->tls_up)
		return true;
	/* A session that wants TLS never makes do with less. */
	if (s->o.security != IMAP4_CLEAR)
		return false;
	return s->process || s->o.allow_cleartext || stream_tcp_is_loopback(s->stream);
}

imap4_state imap4_session_state(const imap4_session *s)
{
	if (s->phase == PHASE_OVER)
		return s->logged_out ? IMAP4_LOGGED_OUT : IMAP4_DEAD;
	return s->phase == PHASE_OPEN ? engine_state(s->engine) : IMAP4_CONNECTING;
}

const imap4_result *imap4_last(const imap4_session *s)
{
	const imap4_result *end = engine_result(s->engine);
	return end ? end : &s->last;
}

imap4_str imap4_greeting(const imap4_session *s)
{
	struct slice text = engine_greeting(s->engine);
	return (imap4_str){(const char *)text.p, text.n};
}

int imap4_preauth(const imap4_session *s)
{
	return engine_preauth(s->engine);
}

int imap4_has(const imap4_session *s, const char *capability)
{
	return caps_has(engine_caps(s->engine), capability);
}

imap4_str imap4_capability(const imap4_session *s, size_t i)
{
	return caps_at(engine_caps(s->engine), i);
}

int imap4_enabled(const imap4_session *s, const char *capability)
{
	return engine_enabled(s->engine, capability);
}

const char *imap4_tls(const imap4_session *s)
{
	return s->tls_up && s->stream ? stream_tls_describe(s->stream) : "";
}

int imap4_tls_pin(const imap4_session *s, char out[45])
{
	return s->tls_up && s->stream && stream_tls_peer_pin(s->stream, out);
}

int imap4_tls_peer(
	const imap4_session *s, char *subject, char *issuer, size_t size, int64_t *not_after)
{
	if (size > 0)
		subject[0] = issuer[0] = '\0';
	*not_after = 0;
	if (!s->tls_up || !s->stream || size < 8)
		return 0;
	struct buf subject_buf = BUF_INIT(4096), issuer_buf = BUF_INIT(4096);
	struct err e = ERR_INIT;
	int rc = stream_tls_peer_info(s->stream, &subject_buf, &issuer_buf, not_after, &e);
	if (rc == 0) {
		text_show(subject, size, buf_slice(&subject_buf));
		text_show(issuer, size, buf_slice(&issuer_buf));
	}
	buf_release(&subject_buf);
	buf_release(&issuer_buf);
	return rc == 0;
}

uint64_t imap4_bytes_in(const imap4_session *s)
{
	return s->bytes_in;
}

uint64_t imap4_bytes_out(const imap4_session *s)
{
	return s->bytes_out;
}

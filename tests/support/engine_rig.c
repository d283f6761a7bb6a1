/* SPDX-License-Identifier: MIT */
/*
 * engine_rig.c -- see the header. Defines the session side of cmd.h, so it cannot be linked with session.c.
 */
#include "tests/support/engine_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

#define RIG_SEED 0xabcdef01u
#define RIG_TAG	 "kabcdef01."
#define RIG_MAX	 ((size_t)64 << 20)

struct imap4_session {
	struct engine *engine;
	imap4_err last;
	char last_text[512];
};

struct engine *session_engine(const struct imap4_session *s)
{
	return s->engine;
}

const struct caps *session_caps(const struct imap4_session *s)
{
	return engine_caps(s->engine);
}

bool session_may_send_secret(const struct imap4_session *s)
{
	return s != NULL;
}

struct imap4_cmd *session_refuse(struct imap4_session *s, imap4_err err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(s->last_text, sizeof s->last_text, fmt, ap);
	va_end(ap);
	s->last = err;
	return NULL;
}

void rig_logf(struct rig *r, const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	(void)buf_add_str(&r->log, line);
}

static void on_unasked(void *ctx, const struct imap4_data *d)
{
	struct rig *r = ctx;
	struct slice text = resp_text(d);
	rig_logf(r, "unasked %.*s\n", (int)text.n, (const char *)text.p);
	if (r->on_unasked != NULL)
		r->on_unasked(r, d);
}

static void on_alert(void *ctx, imap4_str text)
{
	rig_logf(ctx, "alert %.*s\n", (int)text.len, text.ptr);
}

static void on_progress(void *ctx, const imap4_progress *p)
{
	rig_logf(ctx, "progress of %s, tag %.*s", p->cmd != NULL ? "a command" : "nothing",
		(int)p->tag.len, p->tag.ptr != NULL ? p->tag.ptr : "");
	if (p->has_done)
		rig_logf(ctx, ", done %llu", (unsigned long long)p->done);
	if (p->has_goal)
		rig_logf(ctx, ", goal %llu", (unsigned long long)p->goal);
	rig_logf(ctx, "\n");
}

static void on_saw(void *ctx, int kind, const void *p, size_t n)
{
	static const char mark[] = {'T', 'S', 'B'};
	struct rig *r = ctx;
	if (!r->trace)
		return;
	if (r->seen_kind != mark[kind])
		(void)buf_addf(&r->seen, "%s%c[", r->seen.len > 0 ? "]" : "", mark[kind]);
	r->seen_kind = mark[kind];
	(void)buf_add(&r->seen, p, n);
}

struct rig *rig_new(const struct rig_options *o, size_t cut)
{
	struct rig *r = calloc(1, sizeof *r);
	if (r == NULL)
		return NULL;
	buf_init(&r->sent, RIG_MAX);
	buf_init(&r->log, RIG_MAX);
	buf_init(&r->body, RIG_MAX);
	buf_init(&r->seen, RIG_MAX);
	r->cut = cut;
	r->session = calloc(1, sizeof *r->session);
	const struct engine_config config = {
		.limits = {IMAP_TOKEN_MAX, IMAP_RESPONSE_MAX, IMAP_LIST_RESPONSE_MAX,
			IMAP_LITERAL_MAX},
		.window = o->window,
		.policy = o->policy,
		.tag_seed = RIG_SEED,
		.ctx = r,
		.unasked = on_unasked,
		.alert = on_alert,
		.progress = on_progress,
		.saw = on_saw,
	};
	struct err e = ERR_INIT;
	if (r->session == NULL || engine_new(&r->engine, &config, &e) != 0) {
		free(r->session);
		free(r);
		return NULL;
	}
	r->session->engine = r->engine;
	if (!o->own_greeting) {
		char hello[512];
		size_t at = r->cut;
		r->cut = 0;
		(void)snprintf(hello, sizeof hello, "* OK [CAPABILITY IMAP4rev1%s%s] hello\r\n",
			o->caps != NULL ? " " : "", o->caps != NULL ? o->caps : "");
		rig_say(r, hello);
		r->cut = at;
		r->said = 0;
		engine_set_state(r->engine, IMAP4_AUTHENTICATED);
		engine_open_gate(r->engine);
		buf_clear(&r->log);
	}
	return r;
}

void rig_free(struct rig *r)
{
	if (r == NULL)
		return;
	engine_free(r->engine);
	free(r->session);
	buf_release(&r->sent);
	buf_release(&r->log);
	buf_release(&r->body);
	buf_release(&r->seen);
	free(r);
}

void rig_take(struct rig *r, size_t n)
{
	while (n > 0) {
		bool secret;
		if (engine_output(r->engine).n == 0) {
			struct err e = ERR_INIT;
			if (!r->failed && engine_check(r->engine, &e) != 0) {
				rig_logf(r, "failed %s: %s\n", err_code_name(e.code), e.text);
				r->failed = true;
				engine_fail(r->engine, IMAP4_E_STATE, &e);
			}
			return;
		}
		struct slice s = engine_output_piece(r->engine, &secret);
		size_t part = s.n < n ? s.n : n;
		r->secret = r->secret || secret;
		(void)buf_add(&r->sent, s.p, part);
		engine_sent(r->engine, part);
		n -= part;
	}
}

void rig_pump(struct rig *r)
{
	if (!r->hold)
		rig_take(r, SIZE_MAX);
}

void rig_lose(struct rig *r, imap4_err err, enum err_code code, const char *text)
{
	struct err e = ERR_INIT;
	(void)err_set(&e, ERR_CONNECTION, code, "%s", text);
	engine_fail(r->engine, err, &e);
	r->failed = true;
}

static imap4_err err_of(enum err_code code)
{
	switch ((int)code) {
	case E_BYE: return IMAP4_E_BYE;
	case E_LIMIT: return IMAP4_E_LIMIT;
	case E_NOMEM: return IMAP4_E_NOMEM;
	default: return IMAP4_E_PROTO;
	}
}

static void feed(struct rig *r, const char *p, size_t n)
{
	struct err e = ERR_INIT;
	size_t used = 0;
	if (r->failed)
		return;
	if (engine_feed(r->engine, p, n, &used, &e) != 0) {
		rig_logf(r, "failed %s: %s\n", err_code_name(e.code), e.text);
		r->failed = true;
		engine_fail(r->engine, err_of(e.code), &e);
	} else if (used < n) {
		rig_logf(r, "stopped before [%.*s]\n", (int)(n - used), p + used);
	}
	rig_pump(r);
}

void rig_say_bytes(struct rig *r, const void *bytes, size_t n)
{
	const char *p = bytes;
	size_t start = r->said;
	r->said += n;
	rig_pump(r);
	if (r->cut == RIG_BYTES) {
		for (size_t i = 0; i < n && engine_upgrade(r->engine) == ENGINE_UPGRADE_NONE; i++)
			feed(r, p + i, 1);
	} else if (r->cut > start && r->cut < start + n) {
		feed(r, p, r->cut - start);
		feed(r, p + (r->cut - start), n - (r->cut - start));
	} else {
		feed(r, p, n);
	}
}

void rig_say_n(struct rig *r, const char *text, size_t n)
{
	struct buf b = BUF_INIT(RIG_MAX);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '$' && i + 1 < n && text[i + 1] >= '0' && text[i + 1] <= '9')
			(void)buf_add_str(&b, RIG_TAG);
		else
			(void)buf_add_byte(&b, (unsigned char)text[i]);
	}
	rig_say_bytes(r, buf_str(&b), b.len);
	buf_release(&b);
}

void rig_say(struct rig *r, const char *text)
{
	rig_say_n(r, text, strlen(text));
}

imap4_err rig_last(const struct rig *r)
{
	return r->session->last;
}

const char *rig_last_text(const struct rig *r)
{
	return r->session->last_text;
}

void rig_finish(struct rig *r, imap4_cmd *c)
{
	if (c == NULL) {
		rig_logf(r, "not started %s: %s\n", imap4_err_name(r->session->last),
			r->session->last_text);
		return;
	}
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) {
		struct slice text = resp_text(d);
		rig_logf(r, "  %.*s\n", (int)text.n, (const char *)text.p);
	}
	const imap4_result *res = imap4_cmd_result(c);
	rig_logf(r, "%s %s\n", imap4_err_name(res->err), res->message);
	imap4_cmd_free(c);
}

/* ---- a sink that writes down its calls ------------------------------------------------------------ */

static void maybe_free(struct rig_sink *s)
{
	imap4_cmd_free(s->free_in);
	s->free_in = NULL;
}

static int sink_begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	struct rig_sink *s = ctx;
	rig_logf(s->rig, "%sbegin uid=%u section=%.*s size=%u\n", s->name, m->uid, (int)section.len,
		section.ptr, (unsigned)size);
	buf_clear(&s->rig->body);
	maybe_free(s);
	return s->begin;
}

static int sink_data(void *ctx, const void *p, size_t n)
{
	struct rig_sink *s = ctx;
	(void)buf_add(&s->rig->body, p, n);
	maybe_free(s);
	return s->data;
}

static int sink_end(void *ctx, int complete)
{
	struct rig_sink *s = ctx;
	/* How much had come when the connection was lost depends on where it was cut. */
	rig_logf(s->rig, "%send %d [%s]\n", s->name, complete,
		complete ? buf_str(&s->rig->body) : "");
	maybe_free(s);
	return s->end;
}

static int sink_done(void *ctx, const imap4_message *m)
{
	struct rig_sink *s = ctx;
	rig_logf(s->rig, "%sdone uid=%u body=%d nil=%d\n", s->name, m->uid,
		(m->have & IMAP4_MSG_BODY) != 0, (m->have & IMAP4_MSG_BODY_NIL) != 0);
	maybe_free(s);
	return s->done;
}

void rig_sink_init(struct rig_sink *s, struct rig *r)
{
	*s = (struct rig_sink){
		.rig = r,
		.name = "",
		.sink = {NULL, sink_begin, sink_data, sink_end, sink_done},
	};
	s->sink.ctx = s;
}

/* ---- the same play in all cuts -------------------------------------------------------------------- */

/* Tags as $1, and NUL as <NUL>. */
static char *tags_shown(const struct buf *b)
{
	struct buf out = BUF_INIT(RIG_MAX);
	size_t n = strlen(RIG_TAG);
	for (size_t i = 0; i < b->len;) {
		if (b->len - i >= n && memcmp(b->data + i, RIG_TAG, n) == 0) {
			(void)buf_add_byte(&out, '$');
			i += n;
		} else if (b->data[i] == '\0') {
			(void)buf_add_str(&out, "<NUL>");
			i++;
		} else {
			(void)buf_add_byte(&out, b->data[i++]);
		}
	}
	return buf_take(&out);
}

static char *differs(const char *what, size_t cut, const char *expected, const char *got)
{
	if (strcmp(expected, got) == 0)
		return NULL;
	struct buf b = BUF_INIT(RIG_MAX);
	(void)buf_addf(&b, "%s, cut %zd\n--- expected\n%s\n--- got\n%s\n---\n", what, (ssize_t)cut,
		expected, got);
	return buf_take(&b);
}

static char *run(const struct rig_options *o, void (*play)(struct rig *r), size_t cut,
	const char *sent, const char *log, size_t *said)
{
	struct rig *r = rig_new(o, cut);
	if (r == NULL)
		return strdup("no rig");
	play(r);
	*said = r->said;
	char *s = tags_shown(&r->sent), *l = tags_shown(&r->log);
	char *why = differs("sent", cut, sent, s);
	if (why == NULL)
		why = differs("log", cut, log, l);
	free(s);
	free(l);
	rig_free(r);
	return why;
}

char *rig_check(
	const struct rig_options *o, void (*play)(struct rig *r), const char *sent, const char *log)
{
	size_t said = 0, ignored;
	char *why = run(o, play, 0, sent, log, &said);
	if (why == NULL)
		why = run(o, play, RIG_BYTES, sent, log, &ignored);
	for (size_t cut = 1; cut < said && why == NULL; cut++)
		why = run(o, play, cut, sent, log, &ignored);
	return why;
}

/* SPDX-License-Identifier: MIT */
/*
 * trace.h -- write a readable record of a session, with secrets masked by position.
 *
 * The tap sits above TLS and sees plain text. It never looks for secrets: whoever calls it says
 * what the bytes are (the encoder knows which argument is a password, the engine knows which
 * literal is a message). TRACE_SECRET is shown as "<secret: N bytes>", TRACE_BODY as "<N bytes>";
 * consecutive calls of the same kind are joined. Everything else goes through text_escape(), one
 * protocol line a line:
 *
 *   12.345 work#1 C: a1b2.3 LOGIN "me" <secret: 8 bytes>
 *   12.401 work#1 S: a1b2.3 OK Logged in
 *
 * The time is seconds since trace_new(). A line is written when it ends, so that two directions
 * never mix; one that has reached TRACE_LINE_MAX bytes is written with the mark "[continues]".
 */
#ifndef CORE_NET_TRACE_H
#define CORE_NET_TRACE_H

#include "core/base/clock.h"
#include "core/base/err.h"

enum trace_dir { TRACE_CLIENT, TRACE_SERVER };
enum trace_kind { TRACE_TEXT, TRACE_SECRET, TRACE_BODY };

#define TRACE_LINE_MAX 8192

struct trace;

/* write(ctx, line, n) gets whole lines with their '\n'. `label` names the connection; copied. */
int trace_new(struct trace **out, const char *label,
	void (*write)(void *ctx, const char *line, size_t n), void *ctx, const struct clock *clock,
	struct err *e) NODISCARD;
void trace_free(struct trace *t); /* writes what is unfinished; NULL is fine */

/* All calls accept t == NULL and do nothing then. */
void trace_bytes(
	struct trace *t, enum trace_dir dir, enum trace_kind kind, const void *p, size_t n);
/* An event of the connection: trace_note(t, "TLSv1.3 established") gives
 * "12.345 work#1 * TLSv1.3 established". Escaped by the trace. */
void trace_note(struct trace *t, const char *text);

#endif

/* SPDX-License-Identifier: MIT */
/* lexer_log.c -- see lexer_log.h. */
#include "tests/support/lexer_log.h"

#include <stdlib.h>
#include <string.h>

const struct imap_limits lexer_log_limits = {
	IMAP_TOKEN_MAX, IMAP_RESPONSE_MAX, IMAP_LIST_RESPONSE_MAX, IMAP_LITERAL_MAX};

struct log {
	struct buf *out;
	struct lexer *x;
	enum lexer_body how;
	bool in_body;
	bool failed;
};

static void log_gaps(struct buf *out, const struct lexer_output *o)
{
	for (size_t i = 0; i < o->ngaps; i++)
		(void)buf_addf(
			out, "<%zu:%llu>", o->gaps[i].at, (unsigned long long)o->gaps[i].size);
	(void)buf_add_byte(out, '\n');
}

static void log_event(struct log *l, const struct lexer_output *o)
{
	struct err e = ERR_INIT;
	switch (o->event) {
	case LEXER_MORE: return;
	case LEXER_RESPONSE:
		(void)buf_add_str(l->out, "R[");
		(void)buf_add_slice(l->out, o->text);
		(void)buf_add_str(l->out, "]");
		log_gaps(l->out, o);
		return;
	case LEXER_BODY_BEGIN:
		(void)buf_addf(l->out, "B %llu [", (unsigned long long)o->body_size);
		(void)buf_add_slice(l->out, o->text);
		(void)buf_add_str(l->out, "]");
		log_gaps(l->out, o);
		if (lexer_body(l->x, l->how, &e) != 0 && lexer_body(l->x, LEXER_BODY_SKIP, &e) != 0)
			abort();
		return;
	case LEXER_BODY_DATA:
		if (!l->in_body)
			(void)buf_add_str(l->out, "D[");
		l->in_body = true;
		(void)buf_add_slice(l->out, o->data);
		return;
	case LEXER_BODY_END:
		(void)buf_add_str(l->out, l->in_body ? "]\nE\n" : "E\n");
		l->in_body = false;
		return;
	}
}

static void log_piece(struct log *l, struct slice piece)
{
	unsigned char *copy = malloc(piece.n + (piece.n == 0));
	if (copy == NULL)
		abort();
	memcpy(copy, piece.p, piece.n);
	struct slice in = slice_of(copy, piece.n);
	struct lexer_output o = {.event = LEXER_BODY_END};
	while (!l->failed && o.event != LEXER_MORE) {
		struct err e = ERR_INIT;
		if (lexer_next(l->x, &in, &o, &e) != 0) {
			(void)buf_addf(
				l->out, "%s!%s\n", l->in_body ? "]\n" : "", err_code_name(e.code));
			l->in_body = false;
			l->failed = true;
		} else {
			log_event(l, &o);
		}
	}
	free(copy);
}

void lexer_log(struct buf *out, const struct imap_limits *limits, enum lexer_body how,
	struct slice input, const size_t *cut, size_t ncuts)
{
	struct log l = {out, NULL, how, false, false};
	struct err e = ERR_INIT;
	if (lexer_new(&l.x, limits, &e) != 0)
		abort();
	size_t from = 0;
	for (size_t i = 0; i <= ncuts && !l.failed; i++) {
		size_t to = i < ncuts ? cut[i] : input.n;
		if (to > from)
			log_piece(&l, slice_of(input.p + from, to - from));
		from = to > from ? to : from;
	}
	if (!l.failed)
		(void)buf_addf(out, "%s?%d\n", l.in_body ? "]\n" : "", lexer_in_response(l.x));
	lexer_free(l.x);
}

void lexer_log_octets(
	struct buf *out, const struct imap_limits *limits, enum lexer_body how, struct slice input)
{
	size_t *cut = malloc((input.n + 1) * sizeof *cut);
	if (cut == NULL)
		abort();
	for (size_t i = 0; i < input.n; i++)
		cut[i] = i + 1;
	lexer_log(out, limits, how, input, cut, input.n);
	free(cut);
}

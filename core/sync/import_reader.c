/* SPDX-License-Identifier: MIT */
/* import_reader.c -- a stretch of a file as the bytes of the wire: without mbox quoting, with CRs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sync/import_internal.h"

#define IN_SIZE	 ((size_t)16 << 10)
#define OUT_SIZE (2 * IN_SIZE + 64) /* every byte an LF, and what the quoting held back */

struct reader {
	struct origin_reader base;
	struct import_span span;
	uint64_t at; /* bytes read of the span */
	struct mboxrd quoting;
	bool after_cr, ended;
	struct buf out;
	size_t given; /* of out */
	unsigned char in[IN_SIZE];
};

static int add_ends(void *ctx, const void *p, size_t n, struct err *e)
{
	struct reader *x = ctx;
	const unsigned char *at = p;
	for (size_t i = 0; i < n; i++) {
		bool lf = at[i] == '\n' && x->span.ends != IMPORT_AS_IS;
		if (lf && (x->span.ends == IMPORT_CR_ALL || !x->after_cr))
			buf_add_byte(&x->out, '\r');
		buf_add_byte(&x->out, at[i]);
		x->after_cr = at[i] == '\r';
	}
	return buf_check(&x->out, "a part of a message", e);
}

static int refill(struct reader *x, struct err *e)
{
	uint64_t left = x->span.length - x->at;
	size_t want = left < IN_SIZE ? (size_t)left : IN_SIZE, got;
	buf_clear(&x->out);
	x->given = 0;
	if (left == 0) {
		x->ended = true;
		return x->span.quoted ? mboxrd_end(&x->quoting, e) : 0;
	}
	if (import_pread(x->span.fd, x->in, want, x->span.offset + x->at, &got, e) != 0)
		return -1;
	if (got < want)
		return err_set(e, ERR_MESSAGE, E_CORRUPT, "the file ends within it");
	x->at += got;
	return x->span.quoted ? mboxrd_add(&x->quoting, x->in, got, e) : add_ends(x, x->in, got, e);
}

static long reader_read(struct origin_reader *r, void *p, size_t n, struct err *e)
{
	struct reader *x = (struct reader *)r;
	while (x->given == x->out.len && !x->ended)
		if (refill(x, e) != 0)
			return -1;
	size_t left = x->out.len - x->given, take = n < left ? n : left;
	if (take > 0)
		memcpy(p, x->out.data + x->given, take);
	x->given += take;
	return (long)take;
}

static void reader_close(struct origin_reader *r)
{
	struct reader *x = (struct reader *)r;
	if (x->span.own)
		close(x->span.fd);
	buf_release(&x->out);
	free(x);
}

int import_reader_open(const struct import_span *span, struct origin_reader **out, struct err *e)
{
	struct reader *x = malloc(sizeof *x);
	if (x == NULL) {
		if (span->own)
			close(span->fd);
		return err_nomem(e, "reading a message");
	}
	x->base = (struct origin_reader){reader_read, reader_close};
	x->span = *span;
	x->at = x->given = 0;
	x->after_cr = x->ended = false;
	x->quoting.put = add_ends;
	x->quoting.ctx = x;
	mboxrd_begin(&x->quoting, MBOXRD_UNQUOTE);
	buf_init(&x->out, OUT_SIZE);
	*out = &x->base;
	return 0;
}

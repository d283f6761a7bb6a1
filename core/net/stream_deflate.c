/* SPDX-License-Identifier: MIT */
/*
 * stream_deflate.c -- raw deflate (RFC 1951) both ways over whatever stream is below: IMAP's
 * COMPRESS=DEFLATE (RFC 4978).
 *
 * Three things need care:
 *   - what zlib has swallowed and not sent is a command that the server never sees. So every write
 *     ends with a flush, and is STREAM_OK only when the stream below has taken all that came of it.
 *     Until then the caller is told STREAM_AGAIN and repeats itself: its bytes are in `held`
 *     already and are not compressed again ("owed").
 *   - what zlib has read and not given out is invisible to poll(2), hence deflate_pending().
 *   - a few bytes may become very many. They go into the caller's buffer and nowhere else, so
 *     memory is fixed; how much is too much the caller must say.
 *
 * Compression may end while the connection goes on (RFC 8437 section 4.1). Nothing in the stream says
 * where: behind the last line there is what a flush, or a final block, adds to it, and then text.
 */
#include "core/net/stream.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* input is read only */
#include <zlib.h>

#include "core/base/text.h"

#define WINDOW_BITS  (-15) /* negative: no zlib header (RFC 4978 section 4) */
#define MEMORY_LEVEL 8	   /* zlib's default */
#define READ_SIZE    ((size_t)64 << 10)
#define WRITE_SIZE   ((size_t)64 << 10)
/* Data that do not shrink grow by a few bytes a block; zlib's deflateBound() says far less. */
#define HELD_MAX  (WRITE_SIZE * 2)
#define HELD_STEP ((size_t)4 << 10)
/* Blocks may hold no data at all. After so many reads without a byte the caller gets a turn. */
#define EMPTY_READS 16

struct deflate {
	struct stream s;
	z_stream out, in;
	bool out_open, in_open; /* zlib has state to free */

	struct buf held; /* compressed, for the stream below */
	size_t held_at;	 /* how much of it has been taken */
	size_t owed;	 /* plain bytes that are in `held` and not yet reported as written */

	struct buf raw; /* compressed, from the stream below; zlib's next_in points into it */
	bool started;	/* the first byte has been asked for */
	bool more;	/* zlib filled the caller's buffer and may hold more */
	bool within;	/* the bytes so far end inside a block */
	bool ending;	/* nothing but the end of the compressed part is expected */
	bool plain;	/* what is read is what is below: the rest of `raw` first */
	bool plain_out;

	enum stream_status over; /* STREAM_OK while there is something to read, then END or ERROR */
	struct err why;		 /* with STREAM_ERROR */
};

static const struct stream_ops deflate_ops;

static enum stream_status deflate_connect(struct stream *s, struct err *e)
{
	(void)s;
	(void)e;
	return STREAM_OK;
}

/* An error is for good: the window of one side no longer matches the other's. */
static enum stream_status fail(struct deflate *d, const struct err *e)
{
	d->why = *e;
	d->over = STREAM_ERROR;
	return STREAM_ERROR;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Compress n bytes into `held`, with an end that the server can decode up to. */
static int compress_batch(struct deflate *d, const void *p, size_t n, struct err *e)
{
	buf_clear(&d->held);
	d->held_at = 0;
	d->out.next_in = p;
	d->out.avail_in = (uInt)n;
	do {
		unsigned char *room = buf_reserve(&d->held, HELD_STEP);
		if (!room)
			break;
		d->out.next_out = room;
		d->out.avail_out = (uInt)HELD_STEP;
		/* Z_BUF_ERROR means that nothing was left to do, and is no error (zlib.h). */
		int rc = deflate(&d->out, Z_SYNC_FLUSH);
		if (rc == Z_STREAM_ERROR)
			return err_set(e, ERR_CONNECTION, E_INVALID,
				"compression failed (zlib error %d)", rc);
		buf_added(&d->held, HELD_STEP - d->out.avail_out);
	} while (d->out.avail_out == 0);
	d->out.next_in = NULL;
	return buf_check(&d->held, "the compressed form of one write", e);
}

/* Hand what is held to the stream below; STREAM_OK when nothing is left. */
static enum stream_status push(struct deflate *d, struct err *e)
{
	while (d->held_at < d->held.len) {
		size_t put;
		enum stream_status st = stream_write(
			d->s.below, d->held.data + d->held_at, d->held.len - d->held_at, &put, e);
		if (st != STREAM_OK)
			return st;
		d->held_at += put;
	}
	return STREAM_OK;
}

static enum stream_status deflate_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	struct deflate *d = (struct deflate *)s;
	if (d->over == STREAM_ERROR) {
		*e = d->why;
		return STREAM_ERROR;
	}
	if (d->plain_out)
		return stream_write(d->s.below, p, n, put, e);
	if (n < d->owed) {
		err_set(e, ERR_CONNECTION, E_STATE,
			"a compressed write was repeated with fewer bytes");
		return STREAM_ERROR;
	}
	if (d->owed == 0) {
		d->owed = n < WRITE_SIZE ? n : WRITE_SIZE;
		if (compress_batch(d, p, d->owed, e) < 0)
			return fail(d, e);
	}
	enum stream_status st = push(d, e);
	if (st == STREAM_ERROR)
		return fail(d, e);
	if (st == STREAM_OK) {
		*put = d->owed;
		d->owed = 0;
	}
	return st;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void say_corrupt(const z_stream *z, struct err *e)
{
	char shown[64];
	err_set(e, ERR_CONNECTION, E_PROTO, "the server's compressed data are damaged (%s)",
		text_show(shown, sizeof(shown), slice_str(z->msg)));
}

/* The sender has ended compression (BFINAL). Whatever follows is in no known format. */
static void say_trailing(struct err *e)
{
	err_set(e, ERR_CONNECTION, E_PROTO,
		"the server sends data after the end of its compressed stream");
}

/* One call of inflate() into the caller's buffer; *got may be 0. Sets d->over when it was the last.
 * */
static void expand(struct deflate *d, void *p, size_t n, size_t *got)
{
	uInt room = n < UINT_MAX ? (uInt)n : UINT_MAX;
	struct err why = ERR_INIT;
	d->in.next_out = p;
	d->in.avail_out = room;
	/* Who asks for one byte must not lose those behind it: zlib looks no further than to the end of the block. */
	int rc = inflate(&d->in, n == 1 ? Z_BLOCK : Z_SYNC_FLUSH);
	*got = room - d->in.avail_out;
	d->in.next_out = NULL;
	/* zlib.h on data_type: 128 is the border between two blocks. A flush ends there, so a cut
	 * anywhere else has taken data with it. A call that does nothing forgets the border. */
	if (rc == Z_OK)
		d->within = (d->in.data_type & 128) == 0;
	d->more = d->in.avail_out == 0;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return;
	if (rc == Z_STREAM_END && d->in.avail_in == 0) {
		d->over = STREAM_END;
		return;
	}
	if (rc == Z_STREAM_END)
		say_trailing(&why);
	else if (rc == Z_MEM_ERROR)
		err_nomem(&why, "decompressing");
	else
		say_corrupt(&d->in, &why);
	(void)fail(d, &why);
}

static enum stream_status refill(struct deflate *d, struct err *e)
{
	buf_clear(&d->raw);
	unsigned char *room = buf_reserve(&d->raw, READ_SIZE);
	if (!room) {
		err_nomem(e, "reading compressed data");
		return fail(d, e);
	}
	size_t got;
	enum stream_status st = stream_read(d->s.below, room, READ_SIZE, &got, e);
	if (st == STREAM_OK) {
		buf_added(&d->raw, got);
		d->in.next_in = d->raw.data;
		d->in.avail_in = (uInt)got;
		return STREAM_OK;
	}
	if (st == STREAM_END && d->within) {
		err_set(e, ERR_CONNECTION, E_CLOSED,
			"the connection was cut within compressed data");
		st = STREAM_ERROR;
	}
	if (st == STREAM_END)
		d->over = STREAM_END;
	return st == STREAM_ERROR ? fail(d, e) : st;
}

/* The end stays the end, unless the server goes on after it. */
static enum stream_status read_over(struct deflate *d, struct err *e)
{
	unsigned char extra;
	size_t got;
	if (d->over == STREAM_END) {
		enum stream_status st = stream_read(d->s.below, &extra, 1, &got, e);
		if (st == STREAM_OK)
			say_trailing(e);
		if (st == STREAM_OK || st == STREAM_ERROR)
			return fail(d, e);
		return STREAM_END;
	}
	*e = d->why;
	return STREAM_ERROR;
}

/* ---- the end of compression ------------------------------------------------------------------- */

/*
 * Whole bytes have been read, up to the border between two blocks, and the next one can only be text: what a flush adds
 * there begins with 0, a final block without data with 1 or 3, and no line of text with a control character.
 */
static bool at_text(const struct deflate *d)
{
	return (d->in.data_type & 0xbf) == 128 && d->in.avail_in > 0 && *d->in.next_in >= ' ';
}

/* Give zlib at most one byte; nothing may come of it. */
static int end_step(struct deflate *d, struct err *e)
{
	unsigned char extra;
	uInt left = d->in.avail_in;
	d->in.avail_in = left > 0;
	d->in.next_out = &extra;
	d->in.avail_out = 1;
	int rc = inflate(&d->in, Z_SYNC_FLUSH);
	d->in.avail_in += left > 0 ? left - 1 : 0;
	bool empty = d->in.avail_out == 1;
	d->in.next_out = NULL;
	d->within = (d->in.data_type & 128) == 0;
	d->plain = rc == Z_STREAM_END;
	if (rc == Z_MEM_ERROR)
		return err_nomem(e, "decompressing");
	if (empty && (rc == Z_OK || rc == Z_BUF_ERROR || rc == Z_STREAM_END))
		return 0;
	return err_set(e, ERR_CONNECTION, E_PROTO,
		"the server does not end its compressed data where it should");
}

/* Up to the first byte that is not compressed; STREAM_OK: it is there. */
static enum stream_status read_end(struct deflate *d, struct err *e)
{
	for (int reads = 0; reads <= EMPTY_READS; reads++) {
		/* The first time without a byte: zlib may have all of it already. */
		do {
			if (at_text(d))
				d->plain = true;
			else if (end_step(d, e) < 0)
				return fail(d, e);
		} while (!d->plain && d->in.avail_in > 0);
		if (d->plain)
			return STREAM_OK;
		enum stream_status st = refill(d, e);
		if (st != STREAM_OK)
			return st;
	}
	return STREAM_AGAIN;
}

static enum stream_status read_plain(
	struct deflate *d, void *p, size_t n, size_t *got, struct err *e)
{
	if (d->in.avail_in == 0)
		return stream_read(d->s.below, p, n, got, e);
	*got = d->in.avail_in < n ? d->in.avail_in : n;
	memcpy(p, d->in.next_in, *got);
	d->in.next_in += *got;
	d->in.avail_in -= (uInt)*got;
	return STREAM_OK;
}

static enum stream_status deflate_read(
	struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	struct deflate *d = (struct deflate *)s;
	d->started = true;
	if (d->over != STREAM_OK)
		return read_over(d, e);
	if (d->ending && !d->plain) {
		enum stream_status st = read_end(d, e);
		if (st != STREAM_OK)
			return st;
	}
	if (d->plain)
		return read_plain(d, p, n, got, e);
	for (int reads = 0; reads <= EMPTY_READS; reads++) {
		if (d->in.avail_in > 0 || d->more)
			expand(d, p, n, got);
		if (*got > 0)
			return STREAM_OK; /* an end or an error waits for the next call */
		if (d->over == STREAM_ERROR)
			*e = d->why;
		if (d->over != STREAM_OK)
			return d->over;
		enum stream_status st = d->in.avail_in == 0 ? refill(d, e) : STREAM_OK;
		if (st != STREAM_OK)
			return st;
	}
	return STREAM_AGAIN; /* what was read last is pending */
}

/* ---- the stream ------------------------------------------------------------------------------ */

static void deflate_wants(
	const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	stream_wants(s->below, reading, writing, w);
}

static bool deflate_pending(const struct stream *s)
{
	const struct deflate *d = (const struct deflate *)s;
	return (d->more && !d->ending) || d->in.avail_in > 0 || d->over != STREAM_OK;
}

static void deflate_close(struct stream *s)
{
	struct deflate *d = (struct deflate *)s;
	/* No final block: whoever closes says LOGOUT first, and waiting to write is not for close.
	 * */
	if (d->out_open)
		(void)deflateEnd(&d->out);
	if (d->in_open)
		(void)inflateEnd(&d->in);
	buf_release(&d->held);
	buf_release(&d->raw);
	free(d);
}

static const struct stream_ops deflate_ops = {
	.name = "deflate",
	.connect = deflate_connect,
	.read = deflate_read,
	.write = deflate_write,
	.wants = deflate_wants,
	.pending = deflate_pending,
	.close = deflate_close,
};

int stream_deflate_new(struct stream **out, struct stream *below, int level, struct err *e)
{
	if (level < STREAM_DEFLATE_LEVEL_MIN || level > STREAM_DEFLATE_LEVEL_MAX)
		return err_set(e, ERR_USAGE, E_INVALID,
			"there is no compression level %d (%d to %d)", level,
			STREAM_DEFLATE_LEVEL_MIN, STREAM_DEFLATE_LEVEL_MAX);
	struct deflate *d = calloc(1, sizeof(*d));
	if (!d)
		return err_nomem(e, "preparing compression");
	d->s.ops = &deflate_ops;
	d->s.below = below;
	d->over = STREAM_OK;
	buf_init(&d->held, HELD_MAX);
	buf_init(&d->raw, STREAM_DEFLATE_PRELOAD_MAX);
	d->out_open = deflateInit2(&d->out, level, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
			      Z_DEFAULT_STRATEGY) == Z_OK;
	d->in_open = inflateInit2(&d->in, WINDOW_BITS) == Z_OK;
	if (!d->out_open || !d->in_open) {
		deflate_close(&d->s);
		return err_nomem(e, "preparing compression");
	}
	*out = &d->s;
	return 0;
}

int stream_deflate_preload(struct stream *s, const void *p, size_t n, struct err *e)
{
	if (s->ops != &deflate_ops || ((struct deflate *)s)->started)
		return err_set(e, ERR_CONNECTION, E_STATE,
			"bytes can be put before a compressed stream only at its start");
	struct deflate *d = (struct deflate *)s;
	buf_add(&d->raw, p, n);
	if (buf_check(&d->raw, "what was received together with the switch to compression", e) < 0)
		return err_widen(e, ERR_CONNECTION);
	d->in.next_in = d->raw.data;
	d->in.avail_in = (uInt)d->raw.len;
	return 0;
}

int stream_deflate_finish(struct stream *s, struct err *e)
{
	struct deflate *d = s->ops == &deflate_ops ? (struct deflate *)s : NULL;
	if (!d || d->owed > 0)
		return err_set(e, ERR_CONNECTION, E_STATE,
			"compression can end only behind a whole write");
	d->ending = true;
	d->plain_out = true;
	return 0;
}

struct stream *stream_deflate_shed(struct stream *s)
{
	struct deflate *d = s->ops == &deflate_ops ? (struct deflate *)s : NULL;
	if (!d || !d->plain || !d->plain_out || d->in.avail_in > 0 || d->over != STREAM_OK)
		return s;
	struct stream *below = s->below;
	deflate_close(s);
	return below;
}

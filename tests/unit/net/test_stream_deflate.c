/* SPDX-License-Identifier: MIT */
/*
 * The deflate layer against zlib itself as the other side. Below it is a memory stream, or
 * `strait`, a bottom layer that takes a given number of bytes and is full then.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/net/stream.h"
#include "tests/support/pki.h"
#include "tests/support/tls_server.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* ---- the other side -------------------------------------------------------------------------- */

/* Appends what a server sends for p: one batch, ended by `flush`. */
static void server_send(z_stream *z, struct buf *out, const void *p, size_t n, int flush)
{
	unsigned char room[4096];
	z->next_in = (Bytef *)(uintptr_t)p;
	z->avail_in = (uInt)n;
	do {
		z->next_out = room;
		z->avail_out = sizeof(room);
		(void)deflate(z, flush);
		cr_assert_eq(buf_add(out, room, sizeof(room) - z->avail_out), 0);
	} while (z->avail_out == 0);
}

static void server_open(z_stream *z)
{
	memset(z, 0, sizeof(*z));
	cr_assert_eq(deflateInit2(z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
}

static void packed(struct buf *out, const void *p, size_t n, int flush)
{
	z_stream z;
	server_open(&z);
	server_send(&z, out, p, n, flush);
	(void)deflateEnd(&z);
}

static void server_reads(z_stream *z, struct buf *out, struct slice in)
{
	unsigned char room[4096];
	z->next_in = (Bytef *)(uintptr_t)in.p;
	z->avail_in = (uInt)in.n;
	do {
		z->next_out = room;
		z->avail_out = sizeof(room);
		int rc = inflate(z, Z_SYNC_FLUSH);
		cr_assert(rc == Z_OK || rc == Z_BUF_ERROR, "the server cannot decode: %d", rc);
		cr_assert_eq(buf_add(out, room, sizeof(room) - z->avail_out), 0);
	} while (z->avail_out == 0);
	cr_assert_eq(z->avail_in, 0);
}

/* ---- a bottom layer that fills up ------------------------------------------------------------ */

struct strait {
	struct stream s;
	struct buf out;
	size_t room; /* bytes it takes before it is full */
	bool broken;
};

static enum stream_status strait_read(
	struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	(void)s;
	(void)p;
	(void)n;
	(void)got;
	(void)e;
	return STREAM_AGAIN;
}

static enum stream_status strait_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	struct strait *w = (struct strait *)s;
	if (w->broken) {
		err_set(e, ERR_CONNECTION, E_NET, "the strait is closed");
		return STREAM_ERROR;
	}
	if (n > w->room)
		n = w->room;
	if (n == 0)
		return STREAM_AGAIN;
	w->room -= n;
	*put = n;
	return buf_add(&w->out, p, n) == 0 ? STREAM_OK : STREAM_ERROR;
}

static void strait_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *v)
{
	(void)s;
	v->read_fd = v->write_fd = 7;
	v->read = reading;
	v->write = writing;
}

static bool strait_pending(const struct stream *s)
{
	(void)s;
	return false;
}

static void strait_close(struct stream *s)
{
	buf_release(&((struct strait *)s)->out);
}

static const struct stream_ops strait_ops = {.name = "strait",
	.read = strait_read,
	.write = strait_write,
	.wants = strait_wants,
	.pending = strait_pending,
	.close = strait_close};

static struct stream *over_strait(struct strait *w)
{
	*w = (struct strait){.s = {&strait_ops, NULL}, .out = BUF_INIT((size_t)1 << 24)};
	struct err e = ERR_INIT;
	struct stream *s = NULL;
	cr_assert_eq(stream_deflate_new(&s, &w->s, 6, &e), 0, "%s", e.text);
	return s;
}

/* ---- helpers --------------------------------------------------------------------------------- */

struct pair {
	struct stream *s, *below;
	struct err e;
};

static void pair_open(struct pair *p, int level)
{
	*p = (struct pair){.e = ERR_INIT};
	cr_assert_eq(stream_memory_new(&p->below, &p->e), 0);
	cr_assert_eq(stream_deflate_new(&p->s, p->below, level, &p->e), 0, "%s", p->e.text);
	cr_assert_eq(stream_connect(p->s, &p->e), STREAM_OK);
}

static void arrives(struct pair *p, const void *bytes, size_t n)
{
	cr_assert_eq(stream_memory_input(p->below, bytes, n, &p->e), 0);
}

/* Reads with a buffer of `size` bytes until it is not STREAM_OK. */
static enum stream_status read_all(struct pair *p, struct buf *out, size_t size)
{
	unsigned char room[8192];
	for (;;) {
		size_t got;
		enum stream_status st = stream_read(p->s, room, size, &got, &p->e);
		if (st != STREAM_OK)
			return st;
		cr_assert(got > 0 && got <= size);
		cr_assert_eq(buf_add(out, room, got), 0);
	}
}

static void write_all(struct stream *s, const unsigned char *p, size_t n)
{
	struct err e = ERR_INIT;
	while (n > 0) {
		size_t put;
		cr_assert_eq(stream_write(s, p, n, &put, &e), STREAM_OK, "%s", e.text);
		cr_assert(put > 0 && put <= n);
		p += put;
		n -= put;
	}
}

static void same(struct slice a, struct slice b, const char *what, size_t at)
{
	cr_assert(slice_eq(a, b), "%s, at %zu: %zu and %zu bytes differ", what, at, a.n, b.n);
}

enum kind { TEXT, NOISE, ZEROS };

static void fill(struct buf *b, enum kind kind, size_t n)
{
	uint32_t seed = 12345;
	buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t c = 0;
		if (kind == NOISE)
			c = seed >> 24;
		else if (kind == TEXT)
			c = (uint32_t) "* 1 FETCH (UID \r\n"[i % 17] + (seed >> 30);
		(void)buf_add_byte(b, (unsigned char)c);
	}
	cr_assert_eq(b->len, n);
}

static const struct {
	const char *name;
	enum kind kind;
	size_t n;
} samples[] = {
	{"one byte", TEXT, 1},
	{"a line", TEXT, 40},
	{"text", TEXT, 100000},
	{"noise", NOISE, 300000},
	{"one write exactly", NOISE, 65536},
	{"one write and a byte", NOISE, 65537},
	{"zeros", ZEROS, 1000000},
};

#define BIG ((size_t)64 << 20)

/* ---- writing --------------------------------------------------------------------------------- */

Test(stream_deflate, every_write_can_be_decoded_at_once, .timeout = 60)
{
	for (int level = STREAM_DEFLATE_LEVEL_MIN; level <= STREAM_DEFLATE_LEVEL_MAX; level += 3) {
		for (size_t i = 0; i < COUNT(samples); i++) {
			struct buf data = BUF_INIT(BIG), seen = BUF_INIT(BIG);
			fill(&data, samples[i].kind, samples[i].n);
			struct pair p;
			pair_open(&p, level);
			z_stream z = {0};
			cr_assert_eq(inflateInit2(&z, -15), Z_OK);
			for (size_t at = 0, put = 0; at < data.len; at += put) {
				cr_assert_eq(stream_write(p.s, data.data + at, data.len - at, &put,
						     &p.e),
					STREAM_OK);
				server_reads(&z, &seen, stream_memory_output(p.below));
				stream_memory_drain(p.below);
				cr_assert_eq(seen.len, at + put, "%s, level %d: kept back",
					samples[i].name, level);
			}
			same(buf_slice(&data), buf_slice(&seen), samples[i].name, 0);
			(void)inflateEnd(&z);
			stream_close(p.s);
			buf_release(&data);
			buf_release(&seen);
		}
	}
}

Test(stream_deflate, the_compressed_size_of_a_write_does_not_matter, .timeout = 60)
{
	/* Around a multiple of the step in which output is taken from zlib. */
	struct buf data = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	fill(&data, NOISE, 8400);
	for (size_t i = 0; i < 2 * 500; i++) {
		int level = i % 2 ? 6 : 0;
		size_t n = data.len - i / 2;
		struct pair p;
		size_t put;
		pair_open(&p, level);
		cr_assert_eq(stream_write(p.s, data.data, n, &put, &p.e), STREAM_OK, "%zu: %s", n,
			p.e.text);
		z_stream z = {0};
		cr_assert_eq(inflateInit2(&z, -15), Z_OK);
		buf_clear(&seen);
		server_reads(&z, &seen, stream_memory_output(p.below));
		same(slice_of(data.data, n), buf_slice(&seen), "write", n);
		(void)inflateEnd(&z);
		stream_close(p.s);
	}
	buf_release(&data);
	buf_release(&seen);
}

Test(stream_deflate, compresses)
{
	struct buf data = BUF_INIT(BIG);
	fill(&data, ZEROS, 60000);
	struct pair p;
	pair_open(&p, 6);
	write_all(p.s, data.data, data.len);
	cr_assert_lt(stream_memory_output(p.below).n, 200);
	stream_close(p.s);
	buf_release(&data);
}

Test(stream_deflate, a_write_is_done_when_the_layer_below_has_all_of_it, .timeout = 60)
{
	struct buf data = BUF_INIT(BIG), whole = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	fill(&data, NOISE, 3000);
	struct err e = ERR_INIT;
	size_t put;
	struct strait w;
	struct stream *s = over_strait(&w);
	w.room = SIZE_MAX;
	cr_assert_eq(stream_write(s, data.data, data.len, &put, &e), STREAM_OK);
	(void)buf_add_slice(&whole, buf_slice(&w.out));
	stream_close(s);

	for (size_t cut = 0; cut < whole.len; cut++) {
		s = over_strait(&w);
		w.room = cut;
		cr_assert_eq(stream_write(s, data.data, data.len, &put, &e), STREAM_AGAIN);
		cr_assert_eq(put, 0);
		cr_assert_eq(w.out.len, cut);
		/* Again with nothing gained, then from another address and with more behind. */
		cr_assert_eq(stream_write(s, data.data, data.len, &put, &e), STREAM_AGAIN);
		struct buf moved = BUF_INIT(BIG);
		(void)buf_add_slice(&moved, buf_slice(&data));
		(void)buf_add_str(&moved, "more");
		w.room = SIZE_MAX;
		cr_assert_eq(stream_write(s, moved.data, moved.len, &put, &e), STREAM_OK);
		cr_assert_eq(put, data.len, "the additional bytes are for the next call");
		same(buf_slice(&whole), buf_slice(&w.out), "cut write", cut);
		buf_release(&moved);
		stream_close(s);
	}

	s = over_strait(&w);
	z_stream z = {0};
	cr_assert_eq(inflateInit2(&z, -15), Z_OK);
	size_t at = 0;
	while (at < data.len) {
		w.room = 1;
		enum stream_status st = stream_write(s, data.data + at, data.len - at, &put, &e);
		cr_assert(st == STREAM_OK || st == STREAM_AGAIN);
		at += put;
	}
	server_reads(&z, &seen, buf_slice(&w.out));
	same(buf_slice(&data), buf_slice(&seen), "a byte at a time", 0);
	(void)inflateEnd(&z);
	stream_close(s);
	buf_release(&data);
	buf_release(&whole);
	buf_release(&seen);
}

Test(stream_deflate, a_shorter_repetition_of_a_write_is_refused)
{
	struct err e = ERR_INIT;
	size_t put;
	struct strait w;
	struct stream *s = over_strait(&w);
	cr_assert_eq(stream_write(s, "hello", 5, &put, &e), STREAM_AGAIN);
	cr_assert_eq(stream_write(s, "hell", 4, &put, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_STATE);
	stream_close(s);
}

Test(stream_deflate, passes_the_error_of_the_layer_below_on_and_stays_in_it)
{
	struct strait w;
	struct err e = ERR_INIT;
	size_t n;
	char c;
	struct stream *s = over_strait(&w);
	w.broken = true;
	cr_assert_eq(stream_write(s, "hello", 5, &n, &e), STREAM_ERROR);
	cr_assert_str_eq(e.text, "the strait is closed");
	w.broken = false;
	w.room = SIZE_MAX;
	err_clear(&e);
	cr_assert_eq(stream_write(s, "hello", 5, &n, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_NET);
	err_clear(&e);
	cr_assert_eq(stream_read(s, &c, 1, &n, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_NET);
	stream_close(s);

	struct pair p;
	pair_open(&p, 6);
	stream_memory_fail_after(p.below, 0);
	cr_assert_eq(stream_read(p.s, &c, 1, &n, &p.e), STREAM_ERROR);
	cr_assert_eq(p.e.code, E_NET);
	err_clear(&p.e);
	cr_assert_eq(
		stream_write(p.s, "x", 1, &n, &p.e), STREAM_ERROR, "neither direction goes on");
	cr_assert_eq(p.e.code, E_NET);
	stream_close(p.s);
}

/* ---- reading --------------------------------------------------------------------------------- */

Test(stream_deflate, expands_whatever_the_server_compressed, .timeout = 60)
{
	static const size_t sizes[] = {1, 7, 8192}, chunks[] = {0, 1, 1000};
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG);
		fill(&data, samples[i].kind, samples[i].n);
		packed(&raw, data.data, data.len, Z_SYNC_FLUSH);
		for (size_t j = 0; j < COUNT(sizes) * COUNT(chunks); j++) {
			struct buf seen = BUF_INIT(BIG);
			struct pair p;
			pair_open(&p, 6);
			stream_memory_chunk(p.below, chunks[j / COUNT(sizes)]);
			arrives(&p, raw.data, raw.len);
			cr_assert(stream_pending(p.s));
			while (seen.len < data.len && stream_pending(p.s))
				cr_assert_eq(
					read_all(&p, &seen, sizes[j % COUNT(sizes)]), STREAM_AGAIN);
			same(buf_slice(&data), buf_slice(&seen), samples[i].name, j);
			cr_assert_eq(read_all(&p, &seen, 1), STREAM_AGAIN);
			cr_assert_not(stream_pending(p.s), "%s: it would spin", samples[i].name);
			stream_close(p.s);
			buf_release(&seen);
		}
		buf_release(&data);
		buf_release(&raw);
	}
}

Test(stream_deflate, input_may_be_cut_anywhere, .timeout = 60)
{
	struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG);
	fill(&data, TEXT, 600);
	z_stream z;
	server_open(&z);
	server_send(&z, &raw, data.data, 300, Z_SYNC_FLUSH);
	size_t border = raw.len;
	server_send(&z, &raw, data.data + 300, 300, Z_SYNC_FLUSH);
	(void)deflateEnd(&z);
	for (size_t cut = 0; cut <= raw.len; cut++) {
		struct buf seen = BUF_INIT(BIG);
		struct pair p;
		pair_open(&p, 6);
		arrives(&p, raw.data, cut);
		cr_assert_eq(read_all(&p, &seen, 64), STREAM_AGAIN);
		cr_assert_not(stream_pending(p.s), "cut at %zu", cut);
		cr_assert(cut < border || seen.len >= 300, "what was flushed is there (%zu)", cut);
		arrives(&p, raw.data + cut, raw.len - cut);
		cr_assert_eq(read_all(&p, &seen, 64), STREAM_AGAIN);
		same(buf_slice(&data), buf_slice(&seen), "cut input", cut);
		stream_close(p.s);

		/* And the connection ends there. */
		buf_clear(&seen);
		pair_open(&p, 6);
		arrives(&p, raw.data, cut);
		stream_memory_end(p.below);
		enum stream_status st = read_all(&p, &seen, 64);
		if (cut == 0 || cut == border || cut == raw.len) {
			cr_assert_eq(st, STREAM_END, "cut at %zu: %s", cut, p.e.text);
			cr_assert_eq(read_all(&p, &seen, 64), STREAM_END, "and again");
			cr_assert(stream_pending(p.s));
		} else {
			cr_assert_eq(st, STREAM_ERROR, "cut at %zu", cut);
			cr_assert_eq(p.e.code, E_CLOSED);
		}
		stream_close(p.s);
		buf_release(&seen);
	}
	buf_release(&data);
	buf_release(&raw);
}

Test(stream_deflate, whatever_can_be_read_at_once_is_pending, .timeout = 60)
{
	struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG);
	fill(&data, ZEROS, 3000);
	packed(&raw, data.data, data.len, Z_SYNC_FLUSH);
	for (size_t cut = 0; cut <= raw.len; cut++) {
		/* Where the input ends within a block, only zlib knows that there is more to come.
		 * */
		struct pair p;
		pair_open(&p, 6);
		cr_assert_eq(stream_deflate_preload(p.s, raw.data, cut, &p.e), 0);
		for (;;) {
			char c;
			size_t got;
			bool pending = stream_pending(p.s);
			if (stream_read(p.s, &c, 1, &got, &p.e) != STREAM_OK)
				break;
			cr_assert(pending, "cut at %zu", cut);
		}
		cr_assert_not(stream_pending(p.s), "cut at %zu", cut);
		stream_close(p.s);
	}
	buf_release(&data);
	buf_release(&raw);
}

Test(stream_deflate, a_few_bytes_that_become_many_come_in_pieces_of_the_readers_size, .timeout = 60)
{
	struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG);
	fill(&data, ZEROS, (size_t)16 << 20);
	packed(&raw, data.data, data.len, Z_SYNC_FLUSH);
	cr_assert_lt(raw.len, 20000);
	struct pair p;
	pair_open(&p, 6);
	arrives(&p, raw.data, raw.len);
	unsigned char room[1000];
	size_t total = 0, got;
	while (stream_read(p.s, room, sizeof(room), &got, &p.e) == STREAM_OK) {
		cr_assert_leq(got, sizeof(room));
		total += got;
		cr_assert(total == data.len || stream_pending(p.s));
	}
	cr_assert_eq(total, data.len);
	stream_close(p.s);
	buf_release(&data);
	buf_release(&raw);
}

Test(stream_deflate, blocks_without_data_give_the_caller_a_turn, .timeout = 60)
{
	static const unsigned char empty[] = {0, 0, 0, 0xff, 0xff};
	struct buf raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	packed(&raw, "data", 4, Z_SYNC_FLUSH);
	struct pair p;
	pair_open(&p, 6);
	stream_memory_chunk(p.below, sizeof(empty));
	for (int i = 0; i < 100; i++)
		arrives(&p, empty, sizeof(empty));
	arrives(&p, raw.data, raw.len);
	int turns = 0;
	while (seen.len < 4 && turns < 1000) {
		cr_assert(stream_pending(p.s));
		cr_assert_eq(read_all(&p, &seen, 64), STREAM_AGAIN);
		turns++;
	}
	cr_assert(slice_eq_str(buf_slice(&seen), "data"));
	cr_assert(turns > 3 && turns < 100, "%d turns", turns);
	stream_close(p.s);
	buf_release(&raw);
	buf_release(&seen);
}

Test(stream_deflate, the_end_is_orderly_whatever_the_size_of_the_readers_buffer)
{
	struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	fill(&data, TEXT, 600);
	packed(&raw, data.data, data.len, Z_SYNC_FLUSH);
	for (size_t size = 1; size <= data.len + 1; size++) {
		struct pair p;
		pair_open(&p, 6);
		arrives(&p, raw.data, raw.len);
		stream_memory_end(p.below);
		buf_clear(&seen);
		cr_assert_eq(read_all(&p, &seen, size), STREAM_END, "%zu: %s", size, p.e.text);
		same(buf_slice(&data), buf_slice(&seen), "buffer", size);
		stream_close(p.s);
	}
	buf_release(&data);
	buf_release(&raw);
	buf_release(&seen);
}

/* ---- the end and damage ---------------------------------------------------------------------- */

Test(stream_deflate, a_final_block_ends_the_stream_and_nothing_may_follow)
{
	for (int follows = 0; follows < 3; follows++) {
		struct buf raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
		packed(&raw, "goodbye", 7, Z_FINISH);
		if (follows == 1)
			(void)buf_add_byte(&raw, 'x');
		struct pair p;
		pair_open(&p, 6);
		arrives(&p, raw.data, raw.len);
		enum stream_status st = read_all(&p, &seen, 64);
		cr_assert(slice_eq_str(buf_slice(&seen), "goodbye"));
		cr_assert(stream_pending(p.s), "the end is news");
		if (follows == 1) {
			cr_assert_eq(st, STREAM_ERROR);
			cr_assert_eq(p.e.code, E_PROTO);
		} else {
			cr_assert_eq(st, STREAM_END);
			size_t put;
			cr_assert_eq(stream_write(p.s, "x", 1, &put, &p.e), STREAM_OK,
				"the other direction goes on");
		}
		if (follows == 2) {
			arrives(&p, "x", 1);
			cr_assert_eq(read_all(&p, &seen, 64), STREAM_ERROR);
			cr_assert_eq(p.e.code, E_PROTO);
			err_clear(&p.e);
			cr_assert_eq(read_all(&p, &seen, 64), STREAM_ERROR, "and stays");
			cr_assert_eq(p.e.code, E_PROTO);
		}
		stream_close(p.s);
		buf_release(&raw);
		buf_release(&seen);
	}
}

Test(stream_deflate, damage_is_an_error_after_what_came_before_it)
{
	struct buf raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	packed(&raw, "before", 6, Z_SYNC_FLUSH);
	(void)buf_add_byte(&raw, 0x07); /* block type 3 does not exist (RFC 1951 section 3.2.3) */
	struct pair p;
	pair_open(&p, 6);
	arrives(&p, raw.data, raw.len);
	size_t n;
	char room[64];
	cr_assert_eq(stream_read(p.s, room, sizeof(room), &n, &p.e), STREAM_OK);
	cr_assert_eq(n, 6);
	cr_assert(stream_pending(p.s), "the error is news");
	for (int i = 0; i < 2; i++) {
		err_clear(&p.e);
		cr_assert_eq(stream_read(p.s, room, sizeof(room), &n, &p.e), STREAM_ERROR);
		cr_assert_eq(p.e.code, E_PROTO);
		cr_assert_eq(p.e.scope, ERR_CONNECTION);
		cr_assert_not_null(strstr(p.e.text, "invalid block type"), "%s", p.e.text);
	}
	err_clear(&p.e);
	cr_assert_eq(stream_write(p.s, "x", 1, &n, &p.e), STREAM_ERROR);
	cr_assert_eq(p.e.code, E_PROTO);
	stream_close(p.s);
	buf_release(&raw);
	buf_release(&seen);
}

Test(stream_deflate, any_bit_may_be_wrong_without_harm, .timeout = 60)
{
	struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	fill(&data, TEXT, 400);
	packed(&raw, data.data, data.len, Z_SYNC_FLUSH);
	size_t errors = 0;
	for (size_t bit = 0; bit < raw.len * 8; bit++) {
		struct pair p;
		pair_open(&p, 6);
		raw.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		arrives(&p, raw.data, raw.len);
		raw.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
		stream_memory_end(p.below);
		buf_clear(&seen);
		enum stream_status st = read_all(&p, &seen, 64);
		cr_assert(st == STREAM_END ||
			(st == STREAM_ERROR && (p.e.code == E_PROTO || p.e.code == E_CLOSED)));
		errors += st == STREAM_ERROR;
		stream_close(p.s);
	}
	cr_assert_gt(errors, raw.len);
	buf_release(&data);
	buf_release(&raw);
	buf_release(&seen);
}

/* ---- making one ------------------------------------------------------------------------------ */

Test(stream_deflate, knows_its_levels_and_leaves_the_lower_stream_on_failure)
{
	static const struct {
		int level;
		bool ok;
	} rows[] = {{-1, false}, {0, true}, {1, true}, {9, true}, {10, false}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct stream *below = NULL, *s = NULL;
		cr_assert_eq(stream_memory_new(&below, &e), 0);
		int rc = stream_deflate_new(&s, below, rows[i].level, &e);
		cr_assert_eq(rc == 0, rows[i].ok, "level %d", rows[i].level);
		if (rc < 0) {
			cr_assert_eq(e.code, E_INVALID);
			cr_assert_null(s);
		}
		stream_close(rc == 0 ? s : below);
	}
}

Test(stream_deflate, what_was_read_before_the_switch_comes_first)
{
	struct buf raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
	packed(&raw, "* 1 EXISTS\r\n* 2 EXISTS\r\n", 24, Z_SYNC_FLUSH);
	for (size_t cut = 0; cut <= raw.len; cut++) {
		struct pair p;
		pair_open(&p, 6);
		cr_assert_eq(stream_deflate_preload(p.s, raw.data, cut / 2, &p.e), 0);
		cr_assert_eq(stream_deflate_preload(p.s, raw.data + cut / 2, cut - cut / 2, &p.e),
			0, "in two parts");
		cr_assert_eq(stream_pending(p.s), cut > 0);
		arrives(&p, raw.data + cut, raw.len - cut);
		buf_clear(&seen);
		cr_assert_eq(read_all(&p, &seen, 64), STREAM_AGAIN);
		cr_assert(slice_eq_str(buf_slice(&seen), "* 1 EXISTS\r\n* 2 EXISTS\r\n"),
			"cut at %zu", cut);
		cr_assert_eq(stream_deflate_preload(p.s, "x", 1, &p.e), -1, "too late");
		cr_assert_eq(p.e.code, E_STATE);
		stream_close(p.s);
	}
	buf_release(&raw);
	buf_release(&seen);
}

Test(stream_deflate, preloading_has_a_limit_and_needs_a_deflate_layer)
{
	struct buf data = BUF_INIT(BIG);
	fill(&data, ZEROS, STREAM_DEFLATE_PRELOAD_MAX + 1);
	for (size_t over = 0; over < 2; over++) {
		struct pair p;
		pair_open(&p, 6);
		int rc = stream_deflate_preload(
			p.s, data.data, STREAM_DEFLATE_PRELOAD_MAX + over, &p.e);
		cr_assert_eq(rc, over ? -1 : 0);
		if (over) {
			cr_assert_eq(p.e.code, E_LIMIT);
			cr_assert_eq(p.e.scope, ERR_CONNECTION);
		}
		cr_assert_eq(stream_deflate_preload(p.below, "x", 1, &p.e), -1);
		cr_assert_eq(p.e.code, E_STATE);
		stream_close(p.s);
	}
	buf_release(&data);
}

Test(stream_deflate, votes_as_the_layer_below_does)
{
	struct strait w;
	struct stream *s = over_strait(&w);
	for (int i = 0; i < 4; i++) {
		struct stream_wants v;
		stream_wants(s, i & 1, i & 2, &v);
		cr_assert_eq(v.read, (i & 1) != 0);
		cr_assert_eq(v.write, (i & 2) != 0);
		cr_assert_eq(v.read_fd, 7);
	}
	stream_close(s);
}

/* ---- over TLS -------------------------------------------------------------------------------- */

struct tunnel {
	struct pki_cert cert;
	struct tls_server server;
	struct stream *memory, *tls, *s;
	struct err e;
};

/* Carries the bytes of both sides across, `chunk` at a time. */
static void carry(struct tunnel *t, size_t chunk)
{
	unsigned char room[4096];
	struct slice out = stream_memory_output(t->memory);
	tls_server_give(&t->server, out.p, out.n);
	stream_memory_drain(t->memory);
	for (size_t n; (n = tls_server_take(&t->server, room, chunk)) > 0;)
		cr_assert_eq(stream_memory_input(t->memory, room, n, &t->e), 0);
}

static void tunnel_open(struct tunnel *t, size_t chunk)
{
	*t = (struct tunnel){.e = ERR_INIT};
	struct pki_spec spec = {.cn = "mail.example.org",
		.san = "DNS:mail.example.org",
		.from_days = -1,
		.to_days = 9};
	char pin[45];
	cr_assert(pki_make(&t->cert, &spec, NULL));
	cr_assert(pki_pin_base64(&t->cert, pin));
	const char *pins[] = {pin};
	struct tls_options o = {
		.host = "mail.example.org", .pins = pins, .npins = 1, .pin_only = true};
	cr_assert(tls_server_open(&t->server, &(struct tls_server_options){.cert = &t->cert}));
	cr_assert_eq(stream_memory_new(&t->memory, &t->e), 0);
	cr_assert_eq(stream_tls_new(&t->tls, t->memory, &o, &t->e), 0, "%s", t->e.text);
	stream_memory_chunk(t->memory, chunk);
	enum stream_status st = STREAM_AGAIN;
	for (int i = 0; i < 10000 && st == STREAM_AGAIN; i++) {
		st = stream_connect(t->tls, &t->e);
		carry(t, 4096);
	}
	cr_assert_eq(st, STREAM_OK, "%s", t->e.text);
	cr_assert_eq(stream_deflate_new(&t->s, t->tls, 6, &t->e), 0);
}

static void tunnel_close(struct tunnel *t)
{
	stream_close(t->s);
	tls_server_close(&t->server);
	pki_free(&t->cert);
}

Test(stream_deflate, works_over_tls_in_both_directions, .timeout = 60)
{
	static const size_t chunks[] = {0, 1, 77};
	for (size_t c = 0; c < COUNT(chunks); c++) {
		struct tunnel t;
		struct buf data = BUF_INIT(BIG), raw = BUF_INIT(BIG), seen = BUF_INIT(BIG);
		tunnel_open(&t, chunks[c]);
		fill(&data, TEXT, 50000);
		z_stream z = {0};
		cr_assert_eq(inflateInit2(&z, -15), Z_OK);
		write_all(t.s, data.data, data.len);
		carry(&t, 4096);
		unsigned char room[4096];
		for (size_t n; (n = tls_server_read(&t.server, room, sizeof(room))) > 0;)
			server_reads(&z, &seen, slice_of(room, n));
		same(buf_slice(&data), buf_slice(&seen), "to the server", c);
		(void)inflateEnd(&z);

		packed(&raw, data.data, data.len, Z_SYNC_FLUSH);
		cr_assert(tls_server_write(&t.server, raw.data, raw.len));
		tls_server_notify(&t.server);
		carry(&t, 4096);
		buf_clear(&seen);
		struct pair p = {.s = t.s, .e = ERR_INIT};
		enum stream_status st = STREAM_AGAIN;
		while (st == STREAM_AGAIN && stream_pending(t.s))
			st = read_all(&p, &seen, 100);
		cr_assert_eq(st, STREAM_END, "%s at %zu of %zu", p.e.text, seen.len, data.len);
		same(buf_slice(&data), buf_slice(&seen), "from the server", c);
		tunnel_close(&t);
		buf_release(&data);
		buf_release(&raw);
		buf_release(&seen);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_inflate.c -- any bytes as what a server sends after COMPRESS DEFLATE.
 *
 * What must hold: the same bytes and the same end come out however the input is cut and however
 * small the reader's buffer is; a stream that has nothing to give says so; an error has a text
 * without control characters and stays.
 *
 * Input: how the second reading is done (bytes a chunk, bytes of the reader's buffer, bytes
 * preloaded), then the stream.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/net/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUTPUT_MAX ((size_t)1 << 20)
#define HEAD	   3

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct outcome {
	struct buf out;
	enum stream_status end;
	enum err_code code;
};

static void check_error(const struct err *e)
{
	must(e->scope == ERR_CONNECTION && e->text[0] != '\0');
	must(e->code == E_PROTO || e->code == E_CLOSED);
	for (const char *p = e->text; *p != '\0'; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void read_all(struct stream *s, size_t room, struct outcome *o)
{
	static unsigned char space[4096];
	enum stream_status st = STREAM_OK;
	struct err e = ERR_INIT;
	bool ended = false;
	while (o->out.len < OUTPUT_MAX) {
		size_t got;
		must(stream_pending(s));
		st = stream_read(s, space, room, &got, &e);
		must((st == STREAM_OK) == (got > 0) && got <= room);
		if (st == STREAM_OK)
			must(!ended && buf_add(&o->out, space, got) == 0);
		/* The first end may come before the bytes behind it have been seen. */
		if (st == STREAM_ERROR || (st == STREAM_END && ended))
			break;
		ended = st == STREAM_END;
	}
	o->end = st;
	if (st == STREAM_ERROR) {
		size_t n;
		check_error(&e);
		o->code = e.code;
		err_clear(&e);
		must(stream_read(s, space, 1, &n, &e) == STREAM_ERROR && e.code == o->code);
		must(stream_write(s, "x", 1, &n, &e) == STREAM_ERROR);
	}
}

static void run(
	const uint8_t *p, size_t n, size_t chunk, size_t room, size_t preload, struct outcome *o)
{
	struct err e = ERR_INIT;
	struct stream *below = NULL, *s = NULL;
	buf_init(&o->out, OUTPUT_MAX + 4096);
	o->code = E_NONE;
	if (preload > n)
		preload = n;
	must(stream_memory_new(&below, &e) == 0);
	must(stream_deflate_new(&s, below, 1, &e) == 0);
	must(stream_deflate_preload(s, p, preload, &e) == 0);
	must(stream_memory_input(below, p + preload, n - preload, &e) == 0);
	stream_memory_chunk(below, chunk);
	stream_memory_end(below);
	read_all(s, room, o);
	stream_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEAD)
		return 0;
	struct outcome whole, cut;
	const uint8_t *p = data + HEAD;
	size_t n = size - HEAD;
	run(p, n, 0, 4096, 0, &whole);
	run(p, n, (size_t)data[0] + 1, (size_t)data[1] + 1, data[2], &cut);
	if (whole.out.len < OUTPUT_MAX && cut.out.len < OUTPUT_MAX) {
		must(whole.end == cut.end && whole.code == cut.code);
		must(slice_eq(buf_slice(&whole.out), buf_slice(&cut.out)));
	}
	buf_release(&whole.out);
	buf_release(&cut.out);
	return 0;
}

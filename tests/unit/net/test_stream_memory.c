/* SPDX-License-Identifier: MIT */
/*
 * The memory stream, and the walk through a stack (stream.c) with layers made for the purpose.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/net/stream.h"

static struct stream *memory(const char *input)
{
	struct err e = ERR_INIT;
	struct stream *s = NULL;
	cr_assert_eq(stream_memory_new(&s, &e), 0, "%s", e.text);
	cr_assert_eq(stream_memory_input(s, input, strlen(input), &e), 0, "%s", e.text);
	return s;
}

Test(stream_memory, input_comes_out_in_order_then_the_stream_asks_to_wait_and_after_the_end_ends)
{
	struct err e = ERR_INIT;
	struct stream *s = memory("hello");
	char p[8];
	size_t got;
	cr_assert_eq(stream_connect(s, &e), STREAM_OK);
	cr_assert(stream_pending(s));
	cr_assert_eq(stream_read(s, p, 3, &got, &e), STREAM_OK);
	cr_assert_eq(got, 3);
	cr_assert_arr_eq(p, "hel", 3);
	cr_assert_eq(stream_read(s, p, sizeof(p), &got, &e), STREAM_OK);
	cr_assert_eq(got, 2);
	cr_assert_arr_eq(p, "lo", 2);
	cr_assert_not(stream_pending(s));
	cr_assert_eq(stream_read(s, p, sizeof(p), &got, &e), STREAM_AGAIN);
	cr_assert_eq(got, 0);
	cr_assert_eq(stream_memory_input(s, "x", 1, &e), 0);
	stream_memory_end(s);
	cr_assert_eq(stream_read(s, p, sizeof(p), &got, &e), STREAM_OK);
	cr_assert(stream_pending(s), "the end counts as pending");
	cr_assert_eq(stream_read(s, p, sizeof(p), &got, &e), STREAM_END);
	cr_assert_eq(stream_read(s, p, sizeof(p), &got, &e), STREAM_END, "and stays");
	stream_close(s);
}

Test(stream_memory, chunk_limits_every_read_and_write)
{
	struct err e = ERR_INIT;
	struct stream *s = memory("abcdef");
	char p[8];
	size_t n;
	stream_memory_chunk(s, 2);
	cr_assert_eq(stream_read(s, p, sizeof(p), &n, &e), STREAM_OK);
	cr_assert_eq(n, 2);
	cr_assert_eq(stream_write(s, "12345", 5, &n, &e), STREAM_OK);
	cr_assert_eq(n, 2);
	stream_memory_chunk(s, 0);
	cr_assert_eq(stream_write(s, "345", 3, &n, &e), STREAM_OK);
	cr_assert_eq(n, 3);
	cr_assert(slice_eq_str(stream_memory_output(s), "12345"));
	stream_memory_drain(s);
	cr_assert_eq(stream_memory_output(s).n, 0);
	stream_close(s);
}

Test(stream_memory, fails_after_exactly_the_bytes_asked_for)
{
	for (uint64_t at = 0; at <= 5; at++) {
		struct err e = ERR_INIT;
		struct stream *s = memory("12345");
		stream_memory_fail_after(s, at);
		char p[8];
		size_t got, total = 0;
		enum stream_status st;
		while ((st = stream_read(s, p, sizeof(p), &got, &e)) == STREAM_OK)
			total += got;
		cr_assert_eq(st, STREAM_ERROR, "at %u", (unsigned)at);
		cr_assert_eq(total, at, "at %u", (unsigned)at);
		cr_assert_eq(e.code, E_NET);
		stream_close(s);
	}
}

Test(stream_memory, has_nothing_for_poll)
{
	struct stream *s = memory("");
	struct stream_wants w;
	stream_wants(s, true, true, &w);
	cr_assert_eq(w.read_fd, -1);
	cr_assert_eq(w.write_fd, -1);
	cr_assert(w.read && w.write);
	cr_assert_eq(w.deadline, DEADLINE_NEVER);
	cr_assert_eq(w.nmore, 0);
	stream_close(s);
	stream_close(NULL);
}

/* ---- the walk -------------------------------------------------------------------------------- */

struct layer {
	struct stream s;
	char name;
	int steps; /* connect calls before it is up; -1: fails */
	bool pending;
	char *diary;
};

static void note(const struct layer *l, char what)
{
	size_t n = strlen(l->diary);
	l->diary[n] = what;
	l->diary[n + 1] = l->name;
	l->diary[n + 2] = '\0';
}

static enum stream_status layer_connect(struct stream *s, struct err *e)
{
	struct layer *l = (struct layer *)s;
	note(l, 'c');
	if (l->steps < 0) {
		err_set(e, ERR_CONNECTION, E_NET, "layer fails");
		return STREAM_ERROR;
	}
	return l->steps-- > 0 ? STREAM_AGAIN : STREAM_OK;
}

static bool layer_pending(const struct stream *s)
{
	return ((const struct layer *)s)->pending;
}

static void layer_close(struct stream *s)
{
	note((struct layer *)s, 'x');
}

static const struct stream_ops layer_ops = {
	.name = "layer", .connect = layer_connect, .pending = layer_pending, .close = layer_close};
static const struct stream_ops other_ops = {
	.name = "other", .connect = layer_connect, .pending = layer_pending, .close = layer_close};

Test(stream, connects_from_the_bottom_up_and_closes_from_the_top_down)
{
	char diary[64] = "";
	struct layer low = {.s = {&layer_ops, NULL}, .name = '1', .steps = 1, .diary = diary};
	struct layer high = {.s = {&other_ops, &low.s}, .name = '2', .steps = 0, .diary = diary};
	struct err e = ERR_INIT;
	cr_assert_eq(stream_connect(&high.s, &e), STREAM_AGAIN);
	cr_assert_str_eq(diary, "c1", "the upper layer waits for the lower one");
	low.steps = 0;
	cr_assert_eq(stream_connect(&high.s, &e), STREAM_OK);
	cr_assert_str_eq(diary, "c1c1c2");
	low.steps = -1;
	cr_assert_eq(stream_connect(&high.s, &e), STREAM_ERROR);
	cr_assert_str_eq(e.text, "layer fails");
	diary[0] = '\0';
	stream_close(&high.s);
	cr_assert_str_eq(diary, "x2x1");
}

Test(stream, is_pending_when_any_layer_is_and_finds_a_layer_by_its_kind)
{
	char diary[64] = "";
	struct layer low = {.s = {&layer_ops, NULL}, .diary = diary};
	struct layer high = {.s = {&other_ops, &low.s}, .diary = diary};
	cr_assert_not(stream_pending(&high.s));
	low.pending = true;
	cr_assert(stream_pending(&high.s));
	low.pending = false;
	high.pending = true;
	cr_assert(stream_pending(&high.s));
	cr_assert_not(stream_pending(&low.s));
	cr_assert_eq(stream_layer(&high.s, &layer_ops), &low.s);
	cr_assert_eq(stream_layer(&high.s, &other_ops), &high.s);
	cr_assert_null(stream_layer(&low.s, &other_ops));
}

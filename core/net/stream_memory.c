/* SPDX-License-Identifier: MIT */
/*
 * stream_memory.c -- a bottom layer without a peer: input is handed in, output is kept.
 *
 * It behaves as a socket would: reading without input is STREAM_AGAIN, reading after the end is
 * STREAM_END again and again. Since poll(2) cannot see any of it, everything a read would answer at
 * once counts as pending, the end and the error included.
 */
#include "core/net/stream.h"

#include <stdlib.h>
#include <string.h>

struct memory {
	struct stream s;
	struct buf in, out;
	size_t at;	  /* how much of `in` has been read */
	size_t chunk;	  /* 0 = no limit */
	uint64_t total;	  /* bytes ever read */
	uint64_t fail_at; /* UINT64_MAX = never */
	bool ended;
};

static enum stream_status memory_connect(struct stream *s, struct err *e)
{
	(void)s;
	(void)e;
	return STREAM_OK;
}

static enum stream_status memory_read(
	struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	struct memory *m = (struct memory *)s;
	if (m->total >= m->fail_at) {
		err_set(e, ERR_CONNECTION, E_NET,
			"the memory stream fails after %llu bytes, as asked",
			(unsigned long long)m->fail_at);
		return STREAM_ERROR;
	}
	size_t left = m->in.len - m->at;
	if (left == 0)
		return m->ended ? STREAM_END : STREAM_AGAIN;
	if (n > left)
		n = left;
	if (m->chunk > 0 && n > m->chunk)
		n = m->chunk;
	if (n > m->fail_at - m->total)
		n = (size_t)(m->fail_at - m->total);
	memcpy(p, m->in.data + m->at, n);
	m->at += n;
	m->total += n;
	if (m->at == m->in.len) {
		buf_clear(&m->in);
		m->at = 0;
	}
	*got = n;
	return STREAM_OK;
}

static enum stream_status memory_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	struct memory *m = (struct memory *)s;
	if (m->chunk > 0 && n > m->chunk)
		n = m->chunk;
	buf_add(&m->out, p, n);
	if (buf_check(&m->out, "the output of a memory stream", e) < 0)
		return STREAM_ERROR;
	*put = n;
	return STREAM_OK;
}

static void memory_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	(void)s;
	w->read = reading;
	w->write = writing;
}

static bool memory_pending(const struct stream *s)
{
	const struct memory *m = (const struct memory *)s;
	return m->at < m->in.len || m->ended || m->total >= m->fail_at;
}

static void memory_close(struct stream *s)
{
	struct memory *m = (struct memory *)s;
	buf_release(&m->in);
	buf_release(&m->out);
	free(m);
}

static const struct stream_ops memory_ops = {
	.name = "memory",
	.connect = memory_connect,
	.read = memory_read,
	.write = memory_write,
	.wants = memory_wants,
	.pending = memory_pending,
	.close = memory_close,
};

int stream_memory_new(struct stream **out, struct err *e)
{
	struct memory *m = calloc(1, sizeof(*m));
	if (!m)
		return err_nomem(e, "opening a memory stream");
	m->s.ops = &memory_ops;
	buf_init(&m->in, STREAM_MEMORY_MAX);
	buf_init(&m->out, STREAM_MEMORY_MAX);
	m->fail_at = UINT64_MAX;
	*out = &m->s;
	return 0;
}

int stream_memory_input(struct stream *s, const void *p, size_t n, struct err *e)
{
	struct memory *m = (struct memory *)s;
	buf_add(&m->in, p, n);
	return buf_check(&m->in, "the input of a memory stream", e);
}

void stream_memory_end(struct stream *s)
{
	((struct memory *)s)->ended = true;
}

void stream_memory_chunk(struct stream *s, size_t n)
{
	((struct memory *)s)->chunk = n;
}

void stream_memory_fail_after(struct stream *s, uint64_t n)
{
	((struct memory *)s)->fail_at = n;
}

struct slice stream_memory_output(const struct stream *s)
{
	return buf_slice(&((const struct memory *)s)->out);
}

void stream_memory_drain(struct stream *s)
{
	buf_clear(&((struct memory *)s)->out);
}

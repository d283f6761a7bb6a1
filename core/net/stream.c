/* SPDX-License-Identifier: MIT */
/*
 * stream.c -- the walk through a stack of streams; what a layer does is in its own file.
 */
#include "core/net/stream.h"

enum stream_status stream_connect(struct stream *s, struct err *e)
{
	/* From the bottom up: a handshake needs a connection below it. A layer that is up says so
	 * at once, hence no state here. */
	if (s->below) {
		enum stream_status st = stream_connect(s->below, e);
		if (st != STREAM_OK)
			return st;
	}
	return s->ops->connect(s, e);
}

enum stream_status stream_read(struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	*got = 0;
	enum stream_status st = s->ops->read(s, p, n, got, e);
	s->in += *got;
	return st;
}

enum stream_status stream_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	*put = 0;
	enum stream_status st = s->ops->write(s, p, n, put, e);
	s->out += *put;
	return st;
}

void stream_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	*w = (struct stream_wants){.read_fd = -1, .write_fd = -1, .deadline = DEADLINE_NEVER};
	s->ops->wants(s, reading, writing, w);
}

bool stream_pending(const struct stream *s)
{
	for (; s; s = s->below) {
		if (s->ops->pending(s))
			return true;
	}
	return false;
}

const struct stream *stream_bottom(const struct stream *s)
{
	while (s->below)
		s = s->below;
	return s;
}

void stream_close(struct stream *s)
{
	while (s) {
		struct stream *below = s->below;
		s->ops->close(s);
		s = below;
	}
}

const struct stream *stream_layer(const struct stream *s, const struct stream_ops *ops)
{
	while (s && s->ops != ops)
		s = s->below;
	return s;
}

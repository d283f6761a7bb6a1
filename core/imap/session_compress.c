/* SPDX-License-Identifier: MIT */
/*
 * session_compress.c -- the deflate layer (RFC 4978) on top of a session's streams, its end (RFC 8437 section 4.1), and the
 * counts below it.
 *
 * TLS stays underneath: what leaves is compressed first and encrypted then (section 3).
 */
#include "core/imap/session.h"

/* Text that repeats itself shrinks most at the first levels; more costs time on every message that is uploaded. */
#define COMPRESS_LEVEL 6

int session_compress(struct imap4_session *s, struct slice behind, struct err *e)
{
	struct stream *deflate;
	s->stream = stream_deflate_shed(s->stream);
	if (stream_deflate_new(&deflate, s->stream, COMPRESS_LEVEL, e) < 0)
		return -1;
	s->stream = deflate;
	if (behind.n > 0 && stream_deflate_preload(deflate, behind.p, behind.n, e) < 0)
		return -1;
	session_note(s, "compressed from here on");
	return engine_upgraded(s->engine, e);
}

int session_decompress(struct imap4_session *s, struct err *e)
{
	if (stream_deflate_finish(s->stream, e) < 0)
		return -1;
	session_note(s, "not compressed from here on");
	return engine_upgraded(s->engine, e);
}

int imap4_compressed(const imap4_session *s)
{
	return engine_compressed(s->engine);
}

uint64_t imap4_wire_bytes_in(const imap4_session *s)
{
	return s->stream ? stream_bottom(s->stream)->in : s->wire_in;
}

uint64_t imap4_wire_bytes_out(const imap4_session *s)
{
	return s->stream ? stream_bottom(s->stream)->out : s->wire_out;
}

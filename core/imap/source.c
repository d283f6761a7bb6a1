/* SPDX-License-Identifier: MIT */
/* source.c -- where messages to be uploaded come from: memory, files, and any of them with other line ends. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/imap/imap4_util.h"

static long read_memory(void *ctx, void *p, size_t n)
{
	imap4_memory_source *s = ctx;
	size_t part = n < s->left ? n : s->left;
	if (part == 0)
		return 0;
	memcpy(p, s->p, part);
	s->p += part;
	s->left -= part;
	return (long)part;
}

imap4_source imap4_source_memory(imap4_memory_source *state, const void *p, size_t n)
{
	*state = (imap4_memory_source){p, n};
	return (imap4_source){state, read_memory};
}

static long read_file(void *ctx, void *p, size_t n)
{
	FILE *f = ctx;
	size_t got = fread(p, 1, n, f);
	return got > 0 ? (long)got : ferror(f) ? -1 : 0;
}

imap4_source imap4_source_file(FILE *f)
{
	return (imap4_source){f, read_file};
}

static long read_fd(void *ctx, void *p, size_t n)
{
	const imap4_fd_source *s = ctx;
	ssize_t got;
	do
		got = read(s->fd, p, n);
	while (got < 0 && errno == EINTR);
	return (long)got;
}

imap4_source imap4_source_fd(imap4_fd_source *state, int fd)
{
	state->fd = fd;
	return (imap4_source){state, read_fd};
}

/* ---- line ends ------------------------------------------------------------------------------------- */

/* One octet of the original: how many octets it becomes. A CR is answered with CRLF at once, so that the LF behind it, if
 * there is one, becomes nothing. */
static int octets_of(unsigned char c, int *after_cr)
{
	int behind_cr = *after_cr;
	*after_cr = c == '\r';
	if (c == '\n' && behind_cr)
		return 0;
	return c == '\r' || c == '\n' ? 2 : 1;
}

/* 1: there is something to use; 0: the end; -1: it fails. */
static int refill(imap4_crlf_source *s)
{
	if (s->at < s->n)
		return 1;
	long got = s->from.read(s->from.ctx, s->in, sizeof s->in);
	s->at = 0;
	s->n = got > 0 ? (size_t)got : 0;
	return got > 0 ? 1 : got < 0 ? -1 : 0;
}

static size_t translate(imap4_crlf_source *s, unsigned char *p, size_t n)
{
	size_t out = 0;
	while (out < n && (s->owes_lf || s->at < s->n)) {
		if (s->owes_lf) {
			p[out++] = '\n';
			s->owes_lf = 0;
			continue;
		}
		unsigned char c = s->in[s->at++];
		int octets = octets_of(c, &s->after_cr);
		if (octets > 0)
			p[out++] = octets == 2 ? '\r' : c;
		s->owes_lf = octets == 2;
	}
	return out;
}

static long read_crlf(void *ctx, void *p, size_t n)
{
	imap4_crlf_source *s = ctx;
	/* What was read may have been the LF of a CRLF only. */
	for (;;) {
		size_t got = translate(s, p, n);
		if (got > 0)
			return (long)got;
		int r = refill(s);
		if (r <= 0)
			return r;
	}
}

imap4_source imap4_source_crlf(imap4_crlf_source *state, const imap4_source *from)
{
	*state = (imap4_crlf_source){.from = *from};
	return (imap4_source){state, read_crlf};
}

imap4_err imap4_crlf_size(const imap4_source *from, uint64_t *size)
{
	imap4_crlf_source s = {.from = *from};
	int r, after_cr = 0;
	*size = 0;
	while ((r = refill(&s)) > 0)
		while (s.at < s.n)
			*size += (unsigned)octets_of(s.in[s.at++], &after_cr);
	return r == 0 ? IMAP4_OK : IMAP4_E_CALLBACK;
}

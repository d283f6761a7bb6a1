/* SPDX-License-Identifier: MIT */
/*
 * io.c -- transports of the caller as streams, and the ready-made one over a descriptor.
 */
#include "core/imap/io.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/imap/cmd.h"
#include "core/net/fd.h"

/* ---- a table as a stream --------------------------------------------------------------------------------- */

struct io_stream {
	struct stream s;
	imap4_io io;
};

static imap4_io *io_of(const struct stream *s)
{
	return &((struct io_stream *)(uintptr_t)s)->io;
}

static enum stream_status io_connect(struct stream *s, struct err *e)
{
	(void)s;
	(void)e;
	return STREAM_OK;
}

/* What a function returned that was to move up to n octets. */
static enum stream_status outcome(long rc, size_t n, size_t *moved, struct err *e)
{
	if (rc == IMAP4_IO_AGAIN)
		return STREAM_AGAIN;
	if (rc < 0 || (size_t)rc > n) {
		err_set(e, ERR_CONNECTION, E_NET, "the transport given by the program failed");
		return STREAM_ERROR;
	}
	*moved = (size_t)rc;
	return rc > 0 ? STREAM_OK : STREAM_END;
}

static enum stream_status io_read(struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	return outcome(io_of(s)->read(io_of(s)->ctx, p, n), n, got, e);
}

static enum stream_status io_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	enum stream_status st = outcome(io_of(s)->write(io_of(s)->ctx, p, n), n, put, e);
	/* Writing has no end of its own: nothing moved is not now. */
	return st == STREAM_END ? STREAM_AGAIN : st;
}

static void io_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	w->read_fd = io_of(s)->poll_fd(io_of(s)->ctx, 0);
	w->write_fd = io_of(s)->poll_fd(io_of(s)->ctx, 1);
	w->read = reading;
	w->write = writing;
}

static bool io_pending(const struct stream *s)
{
	return io_of(s)->pending && io_of(s)->pending(io_of(s)->ctx) != 0;
}

static void io_close(struct stream *s)
{
	if (io_of(s)->close)
		io_of(s)->close(io_of(s)->ctx);
	free(s);
}

static const struct stream_ops io_ops = {
	.name = "io",
	.connect = io_connect,
	.read = io_read,
	.write = io_write,
	.wants = io_wants,
	.pending = io_pending,
	.close = io_close,
};

int io_stream_new(struct stream **out, const imap4_io *io, struct err *e)
{
	imap4_io all;
	int rc = 0;
	cmd_options(&all, sizeof(all), io);
	struct io_stream *s = calloc(1, sizeof(*s));
	if (!s)
		rc = err_nomem(e, "opening a session");
	else if (!all.read || !all.write || !all.poll_fd)
		rc = err_set(e, ERR_USAGE, E_USAGE, "the transport lacks a function");
	if (rc < 0) {
		free(s);
		if (all.close)
			all.close(all.ctx);
		return -1;
	}
	s->s.ops = &io_ops;
	s->io = all;
	*out = &s->s;
	return 0;
}

/* ---- over a descriptor ----------------------------------------------------------------------------------- */

struct fd_io {
	int fd;
	bool is_socket;
};

static long fd_outcome(ssize_t n)
{
	if (n >= 0)
		return (long)n;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IMAP4_IO_AGAIN
									 : IMAP4_IO_ERROR;
}

static long fd_read(void *ctx, void *p, size_t n)
{
	return fd_outcome(read(((struct fd_io *)ctx)->fd, p, n));
}

static long fd_write(void *ctx, const void *p, size_t n)
{
	const struct fd_io *f = ctx;
	return fd_outcome(f->is_socket ? fd_send(f->fd, p, n) : write(f->fd, p, n));
}

static int fd_poll(void *ctx, int writing)
{
	(void)writing;
	return ((struct fd_io *)ctx)->fd;
}

static void fd_close(void *ctx)
{
	close(((struct fd_io *)ctx)->fd);
	free(ctx);
}

imap4_err imap4_io_fd(imap4_io *io, int fd)
{
	int type;
	socklen_t size = sizeof(type);
	if (fd_prepare(fd) < 0)
		return IMAP4_E_ARG;
	struct fd_io *f = calloc(1, sizeof(*f));
	if (!f)
		return IMAP4_E_NOMEM;
	f->fd = fd;
	f->is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
	*io = (imap4_io){.struct_size = sizeof(*io),
		.ctx = f,
		.read = fd_read,
		.write = fd_write,
		.poll_fd = fd_poll,
		.close = fd_close};
	return IMAP4_OK;
}

/* SPDX-License-Identifier: MIT */
/*
 * imap4_io.h -- a transport of one's own: imap4_options.io instead of host:port. Not included by imap4.h.
 *
 * A table of functions moves octets and never blocks. The session closes it exactly once, also when it could not be
 * opened. TLS and STARTTLS (imap4_options.security, with the host for the name check) and COMPRESS work on top of it.
 * Nobody knows who listens on it, so that credentials leave only with TLS or allow_cleartext.
 *
 *       imap4_io io;
 *       if (imap4_io_fd(&io, connected_socket) != IMAP4_OK) ...
 *       options.io = &io;
 */
#ifndef IMAP4_IO_H
#define IMAP4_IO_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IMAP4_IO_AGAIN (-1L) /* nothing can be moved now */
#define IMAP4_IO_ERROR (-2L) /* the transport is broken: the session ends with IMAP4_E_IO */

typedef struct imap4_io {
	size_t struct_size;
	void *ctx;
	/* Up to n (> 0) octets: how many were moved, IMAP4_IO_AGAIN or IMAP4_IO_ERROR. read: 0 when the peer has ended the
	 * stream. */
	long (*read)(void *ctx, void *p, size_t n);
	long (*write)(void *ctx, const void *p, size_t n);
	/* The descriptor on which poll(2) tells that reading (writing = 0) or writing can go on. -1: there is none; the
	 * pump does not wake up by itself then, call it when something may have changed. */
	int (*poll_fd)(void *ctx, int writing);
	/* 1 when read() would give something that poll(2) does not see. May be NULL. */
	int (*pending)(void *ctx);
	void (*close)(void *ctx); /* may be NULL */
} imap4_io;

/* The transport over a connected socket (or another descriptor for both directions), which becomes non-blocking and is
 * closed with the session. IMAP4_E_ARG: no such descriptor; IMAP4_E_NOMEM. Then fd is still the caller's. */
IMAP4_API imap4_err imap4_io_fd(imap4_io *io, int fd);

#ifdef __cplusplus
}
#endif
#endif

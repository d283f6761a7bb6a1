/* SPDX-License-Identifier: MIT */
/*
 * fd.c -- see fd.h.
 */
#include "core/net/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#ifdef MSG_NOSIGNAL
#	define SEND_FLAGS MSG_NOSIGNAL
#else
#	define SEND_FLAGS 0
#endif

int fd_prepare(int fd)
{
	int status = fcntl(fd, F_GETFL);
	if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0)
		return -1;
	int flags = fcntl(fd, F_GETFD);
	if (flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
		return -1;
#ifdef SO_NOSIGPIPE
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) < 0 && errno != ENOTSOCK)
		return -1;
#endif
	return 0;
}

ssize_t fd_recv(int fd, void *p, size_t n)
{
	ssize_t r;
	do {
		r = recv(fd, p, n, 0);
	} while (r < 0 && errno == EINTR);
	return r;
}

ssize_t fd_send(int fd, const void *p, size_t n)
{
	ssize_t r;
	do {
		r = send(fd, p, n, SEND_FLAGS);
	} while (r < 0 && errno == EINTR);
	return r;
}

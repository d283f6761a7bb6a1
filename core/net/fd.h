/* SPDX-License-Identifier: MIT */
/*
 * fd.h -- the few socket calls of which systems have different versions. Private to core/net.
 */
#ifndef CORE_NET_FD_H
#define CORE_NET_FD_H

#include <stddef.h>
#include <sys/types.h>

/* Non-blocking and close-on-exec; on sockets also no SIGPIPE where that is an option of the socket.
 * 0, or -1 with errno. */
int fd_prepare(int fd);

/* As recv and send, but EINTR is repeated and SIGPIPE never raised. */
ssize_t fd_recv(int fd, void *p, size_t n);
ssize_t fd_send(int fd, const void *p, size_t n);

#endif

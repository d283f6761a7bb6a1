/* SPDX-License-Identifier: MIT */
/*
 * raw_conn.c -- a connection of the raw limit client: plain, TLS or deflated, with one buffer each way.
 */
#include "tests/bench/raw.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum {
	IN_SIZE = 256 * 1024,
	OUT_SIZE = 128 * 1024,
	WIRE_SIZE = 64 * 1024,
	LOWAT_POLL_MS = 2, /* how long the rest below the low-water mark may lie */
};

struct conn {
	int fd;
	bool lowat, inflating;
	SSL *ssl;
	char *in; /* bytes r to w are to be read */
	size_t r, w;
	char *out;
	size_t out_n;
	z_stream inflate, deflate;
	char *packed; /* compressed input */
	uint64_t wire;
};

void die(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- opening ---- */

static int dial(const struct target *t)
{
	struct addrinfo want = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *a;
	if (getaddrinfo(t->host, t->port, &want, &a) != 0)
		die("%s: cannot resolve", t->host);
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (t->lowat > 0 && !t->tls)
		setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &t->lowat, sizeof t->lowat);
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		die("%s port %s: %s", t->host, t->port, strerror(errno));
	freeaddrinfo(a);
	return fd;
}

static SSL *secure(int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL)
		die("no TLS");
	/* Several records for each system call. */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, WIRE_SIZE);
	SSL *ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		die("the TLS handshake failed");
	return ssl;
}

static void start_deflate(struct conn *c)
{
	conn_until(c, "A", NULL);
	conn_printf(c, "Z COMPRESS DEFLATE\r\n");
	conn_until(c, "Z", NULL);
	if (inflateInit2(&c->inflate, -15) != Z_OK ||
		deflateInit2(&c->deflate, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die("no zlib");
	c->inflating = true;
}

struct conn *conn_open(const struct target *t)
{
	struct conn *c = calloc(1, sizeof *c);
	if (c == NULL)
		die("no memory");
	c->in = malloc(IN_SIZE);
	c->out = malloc(OUT_SIZE);
	c->packed = malloc(WIRE_SIZE);
	if (c->in == NULL || c->out == NULL || c->packed == NULL)
		die("no memory");
	c->fd = dial(t);
	c->lowat = t->lowat > 0 && !t->tls;
	if (t->tls)
		c->ssl = secure(c->fd);
	size_t n;
	if (strncmp(conn_line(c, &n), "* OK", 4) != 0)
		die("the server does not greet with OK");
	conn_printf(c, "A LOGIN %s %s\r\n", t->user, t->password);
	if (t->compress)
		start_deflate(c);
	return c;
}

uint64_t conn_close(struct conn *c)
{
	uint64_t wire = c->wire;
	conn_printf(c, "X LOGOUT\r\n");
	conn_flush(c);
	if (c->inflating) {
		inflateEnd(&c->inflate);
		deflateEnd(&c->deflate);
	}
	SSL_free(c->ssl);
	close(c->fd);
	free(c->packed);
	free(c->out);
	free(c->in);
	free(c);
	return wire;
}

/* ---- output ---- */

static void send_all(struct conn *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = c->ssl ? SSL_write(c->ssl, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			die("sending failed: %s", strerror(errno));
		p += k;
		n -= (size_t)k;
	}
}

static void send_deflated(struct conn *c)
{
	char packed[16 * 1024];
	c->deflate.next_in = (void *)c->out;
	c->deflate.avail_in = (uInt)c->out_n;
	do {
		c->deflate.next_out = (void *)packed;
		c->deflate.avail_out = sizeof packed;
		deflate(&c->deflate, Z_SYNC_FLUSH);
		send_all(c, packed, sizeof packed - c->deflate.avail_out);
	} while (c->deflate.avail_out == 0);
}

void conn_flush(struct conn *c)
{
	if (c->out_n == 0)
		return;
	if (c->inflating)
		send_deflated(c);
	else
		send_all(c, c->out, c->out_n);
	c->out_n = 0;
}

void conn_put(struct conn *c, const void *p, size_t n)
{
	const char *from = p;
	while (n > 0) {
		size_t k = OUT_SIZE - c->out_n < n ? OUT_SIZE - c->out_n : n;
		memcpy(c->out + c->out_n, from, k);
		c->out_n += k;
		from += k;
		n -= k;
		if (c->out_n == OUT_SIZE)
			conn_flush(c);
	}
}

void conn_printf(struct conn *c, const char *format, ...)
{
	char text[4096];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof text)
		die("command too long");
	conn_put(c, text, (size_t)n);
}

/* ---- input ---- */

/* With a low-water mark poll() sleeps until that much is there, so the timeout fetches the rest. */
static ssize_t receive_lowat(struct conn *c, char *p, size_t n)
{
	for (;;) {
		struct pollfd fd = {c->fd, POLLIN, 0};
		(void)poll(&fd, 1, LOWAT_POLL_MS);
		ssize_t k = recv(c->fd, p, n, MSG_DONTWAIT);
		if (k >= 0 || errno != EAGAIN)
			return k;
	}
}

static size_t receive(struct conn *c, char *p, size_t n)
{
	ssize_t k;
	if (c->ssl != NULL)
		k = SSL_read(c->ssl, p, (int)n);
	else
		k = c->lowat ? receive_lowat(c, p, n) : recv(c->fd, p, n, 0);
	if (k <= 0)
		die("the server closed the connection");
	c->wire += (uint64_t)k;
	return (size_t)k;
}

static size_t receive_inflated(struct conn *c, char *p, size_t n)
{
	for (;;) {
		if (c->inflate.avail_in == 0) {
			c->inflate.next_in = (void *)c->packed;
			c->inflate.avail_in = (uInt)receive(c, c->packed, WIRE_SIZE);
		}
		c->inflate.next_out = (void *)p;
		c->inflate.avail_out = (uInt)n;
		int e = inflate(&c->inflate, Z_SYNC_FLUSH);
		if (e != Z_OK && e != Z_BUF_ERROR)
			die("the compressed stream is broken");
		if (c->inflate.avail_out < n)
			return n - c->inflate.avail_out;
	}
}

/* Adds to the buffer, behind what is left of it. */
static void fill(struct conn *c)
{
	conn_flush(c);
	memmove(c->in, c->in + c->r, c->w - c->r);
	c->w -= c->r;
	c->r = 0;
	if (c->w == IN_SIZE)
		die("the server sent a line of more than %d bytes", IN_SIZE);
	c->w += c->inflating ? receive_inflated(c, c->in + c->w, IN_SIZE - c->w)
			     : receive(c, c->in + c->w, IN_SIZE - c->w);
}

char *conn_line(struct conn *c, size_t *n)
{
	size_t seen = 0;
	for (;;) {
		char *line = c->in + c->r;
		char *end = memchr(line + seen, '\n', c->w - c->r - seen);
		if (end != NULL) {
			c->r += (size_t)(end - line) + 1;
			if (end > line && end[-1] == '\r')
				end--;
			*end = '\0';
			*n = (size_t)(end - line);
			return line;
		}
		seen = c->w - c->r;
		fill(c);
	}
}

bool literal_follows(const char *line, size_t n, uint64_t *size)
{
	if (n < 3 || line[n - 1] != '}')
		return false;
	const char *open = memrchr(line, '{', n);
	if (open == NULL)
		return false;
	*size = strtoull(open + 1, NULL, 10);
	return true;
}

void conn_literal(struct conn *c, uint64_t size, sink_fn *sink, void *arg)
{
	while (size > 0) {
		if (c->r == c->w)
			fill(c);
		size_t k = c->w - c->r;
		if (k > size)
			k = (size_t)size;
		if (sink != NULL)
			sink(arg, c->in + c->r, k);
		c->r += k;
		size -= k;
	}
}

bool conn_ready(struct conn *c)
{
	if (memchr(c->in + c->r, '\n', c->w - c->r) != NULL)
		return true;
	if (c->ssl != NULL && SSL_pending(c->ssl) > 0)
		return true;
	struct pollfd fd = {c->fd, POLLIN, 0};
	return poll(&fd, 1, 0) > 0;
}

void conn_until(struct conn *c, const char *tag, const struct reader *r)
{
	size_t n, tag_n = strlen(tag);
	uint64_t size;
	for (;;) {
		char *line = conn_line(c, &n);
		if (strncmp(line, tag, tag_n) == 0 && line[tag_n] == ' ') {
			if (strncmp(line + tag_n + 1, "OK", 2) != 0)
				die("the server answers: %s", line);
			return;
		}
		if (literal_follows(line, n, &size)) {
			if (r != NULL && r->literal != NULL)
				r->literal(r->arg, c, size);
			else
				conn_literal(c, size, NULL, NULL);
		} else if (r != NULL && r->line != NULL) {
			r->line(r->arg, line);
		}
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * fake_imap.c -- see fake_imap.h: sockets, threads and TLS. The language of scripts is in
 * fake_script.c.
 */
#include "tests/support/fake_imap_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/tls_server.h"

#define GATHER (64u << 10)

/* ---- octets --------------------------------------------------------------------------------- */

static bool raw_write(struct fake_conn *c, const unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t put;
		if (c->ssl) {
			size_t some = 0;
			ERR_clear_error();
			put = SSL_write_ex(c->ssl, p, n, &some) == 1 ? (ssize_t)some : -1;
		} else {
			put = send(c->fd, p, n, MSG_NOSIGNAL);
			if (put < 0 && errno == EINTR)
				continue;
		}
		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
		c->sent += (uint64_t)put;
	}
	return true;
}

bool fake_flush(struct fake_conn *c)
{
	size_t n = c->nout;
	c->nout = 0;
	if (c->gone)
		return false;
	bool cut = n >= c->cut;
	if (cut)
		n = (size_t)c->cut;
	c->cut -= n;
	if (!raw_write(c, c->out, n) || cut) {
		c->gone = true;
		shutdown(c->fd, SHUT_RDWR);
	}
	return !c->gone;
}

void fake_send(struct fake_conn *c, const void *p, size_t n)
{
	const unsigned char *from = p;
	while (n > 0 && !c->gone) {
		size_t take = GATHER - c->nout < n ? GATHER - c->nout : n;
		memcpy(c->out + c->nout, from, take);
		c->nout += take;
		from += take;
		n -= take;
		if (c->nout == GATHER)
			(void)fake_flush(c);
	}
}

void fake_sendf(struct fake_conn *c, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		fake_send(c, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* 1 octet is there, 0 the client closed (or reset, or the server stops), -1 nothing came in
 * time. */
static int fill(struct fake_conn *c)
{
	if (c->at < c->nin)
		return 1;
	c->at = c->nin = 0;
	if (!c->ssl || SSL_pending(c->ssl) == 0) {
		struct pollfd p = {.fd = c->fd, .events = POLLIN};
		int rc;
		do {
			rc = poll(&p, 1, FAKE_WAIT_MS);
		} while (rc < 0 && errno == EINTR);
		if (rc == 0)
			return -1;
	}
	if (c->ssl) {
		ERR_clear_error();
		if (SSL_read_ex(c->ssl, c->in, sizeof(c->in), &c->nin) != 1)
			return 0;
		return 1;
	}
	ssize_t n = recv(c->fd, c->in, sizeof(c->in), 0);
	if (n <= 0)
		return 0;
	c->nin = (size_t)n;
	return 1;
}

int fake_octet(struct fake_conn *c)
{
	int rc = c->gone ? 0 : fill(c);
	return rc > 0 ? c->in[c->at++] : rc == 0 ? FAKE_EOF : FAKE_LATE;
}

int fake_line(struct fake_conn *c, struct fake_text *line)
{
	line->n = 0;
	for (;;) {
		int ch = fake_octet(c);
		if (ch < 0)
			return ch;
		if (!fake_text_add(line, (char)ch))
			return FAKE_EOF;
		if (ch == '\n') {
			line->n--;
			if (line->n > 0 && line->p[line->n - 1] == '\r')
				line->n--;
			line->p[line->n] = '\0';
			return 0;
		}
	}
}

bool fake_text_add(struct fake_text *t, char ch)
{
	if (t->n + 2 > t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		char *p = realloc(t->p, cap);
		if (!p)
			return false;
		t->p = p;
		t->cap = cap;
	}
	t->p[t->n++] = ch;
	t->p[t->n] = '\0';
	return true;
}

int fake_read_line(struct fake_conn *c, char *line, size_t size)
{
	struct fake_text text = {NULL, 0, 0};
	int rc = -1;
	if (fake_flush(c) && fake_line(c, &text) == 0) {
		(void)snprintf(line, size, "%s", text.p);
		rc = 0;
	}
	free(text.p);
	return rc;
}

bool fake_start_tls(struct fake_conn *c)
{
	if (!c->server->cert || !fake_flush(c))
		return false;
	const struct tls_server_options o = {.cert = c->server->cert};
	c->ssl_ctx = tls_server_ctx(&o);
	c->ssl = c->ssl_ctx ? SSL_new(c->ssl_ctx) : NULL;
	ERR_clear_error();
	bool ok = c->ssl && SSL_set_fd(c->ssl, c->fd) == 1 && SSL_accept(c->ssl) == 1;
	ERR_clear_error();
	c->at = c->nin = 0;
	return ok;
}

bool fake_pending(const struct fake_conn *c)
{
	return c->at < c->nin;
}

void *fake_conn_data(const struct fake_conn *c)
{
	return c->data;
}

unsigned fake_conn_number(const struct fake_conn *c)
{
	return c->number;
}

void fake_cut_after(struct fake_conn *c, uint64_t n)
{
	c->cut = n + c->nout;
}

uint64_t fake_conn_sent(const struct fake_conn *c)
{
	return c->sent + c->nout;
}

unsigned char fake_literal(const char *name, size_t i)
{
	unsigned seed = 7;
	for (const char *p = name; *p; p++)
		seed = seed * 31 + (unsigned char)*p;
	size_t column = i % 72;
	if (column == 70)
		return '\r';
	if (column == 71)
		return '\n';
	return (unsigned char)(' ' + (seed + i * 7 + i / 72 * 13) % 94);
}

/* ---- handler mode --------------------------------------------------------------------------- */

/* "{12}" or "{12+}" at the end of the line so far: the number, and whether the client waits for
 * "+". */
static bool literal_marker(const struct fake_text *line, size_t *n, bool *waits)
{
	if (line->n < 3 || line->p[line->n - 1] != '}')
		return false;
	size_t i = line->n - 2;
	*waits = line->p[i] != '+';
	if (!*waits)
		i--;
	size_t scale = 1, digits = 0;
	*n = 0;
	for (; i > 0 && line->p[i] >= '0' && line->p[i] <= '9' && digits < 9; i--, digits++) {
		*n += scale * (size_t)(line->p[i] - '0');
		scale *= 10;
	}
	return digits > 0 && line->p[i] == '{';
}

/* A whole command with its literals; 0, or FAKE_EOF, FAKE_LATE. */
static int read_command(struct fake_conn *c, struct fake_text *whole)
{
	struct fake_text line = {NULL, 0, 0};
	whole->n = 0;
	for (;;) {
		int rc = fake_line(c, &line);
		for (size_t i = 0; rc == 0 && i < line.n; i++)
			rc = fake_text_add(whole, line.p[i]) ? 0 : FAKE_EOF;
		size_t n = 0;
		bool waits = false;
		if (rc != 0 || !literal_marker(&line, &n, &waits)) {
			free(line.p);
			return rc;
		}
		(void)fake_text_add(whole, '\r');
		(void)fake_text_add(whole, '\n');
		if (waits)
			fake_sendf(c, "+ go ahead\r\n");
		(void)fake_flush(c);
		for (; n > 0; n--) {
			int ch = fake_octet(c);
			if (ch < 0) {
				free(line.p);
				return ch;
			}
			(void)fake_text_add(whole, (char)ch);
		}
	}
}

static void serve_handler(struct fake_conn *c)
{
	const struct fake_handler *h = &c->server->handler;
	struct fake_text line = {NULL, 0, 0};
	c->data = h->connected(h->ctx, c);
	while (fake_flush(c)) {
		int rc = read_command(c, &line);
		if (rc == FAKE_LATE)
			continue;
		if (rc < 0)
			break;
		if (!fake_text_add(&line, '\0'))
			break;
		bool on = h->command(h->ctx, c, line.p, line.n - 1);
		if (!fake_flush(c) || !on)
			break;
	}
	h->closed(h->ctx, c);
	free(line.p);
}

/* ---- threads -------------------------------------------------------------------------------- */

void fake_fail(struct fake_imap *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	pthread_mutex_lock(&f->lock);
	/* The first failure is the one to know. */
	if (f->why[0] == '\0')
		(void)vsnprintf(f->why, sizeof(f->why), fmt, ap);
	pthread_mutex_unlock(&f->lock);
	va_end(ap);
}

static void close_conn(struct fake_conn *c)
{
	ERR_clear_error();
	if (c->ssl && !c->gone)
		(void)SSL_shutdown(c->ssl);
	ERR_clear_error();
	SSL_free(c->ssl);
	SSL_CTX_free(c->ssl_ctx);
	if (c->reset) {
		const struct linger now = {.l_onoff = 1, .l_linger = 0};
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	pthread_mutex_lock(&c->server->lock);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->server->lock);
}

static void *conn_thread(void *arg)
{
	struct fake_conn *c = arg;
	if (c->server->script)
		fake_serve_script(c);
	else
		serve_handler(c);
	close_conn(c);
	return NULL;
}

static void start_conn(struct fake_imap *f, int fd)
{
	struct fake_conn *c = calloc(1, sizeof(*c));
	unsigned char *out = malloc(GATHER);
	if (!c || !out) {
		free(c);
		free(out);
		close(fd);
		return;
	}
	c->server = f;
	c->fd = fd;
	c->out = out;
	c->cut = UINT64_MAX;
	pthread_mutex_lock(&f->lock);
	c->number = ++f->nconn;
	bool ok = !f->stopping && pthread_create(&c->thread, NULL, conn_thread, c) == 0;
	if (ok) {
		c->next = f->conns;
		f->conns = c;
	}
	pthread_mutex_unlock(&f->lock);
	if (!ok) {
		close(fd);
		free(out);
		free(c);
	}
}

static void *accept_thread(void *arg)
{
	struct fake_imap *f = arg;
	for (;;) {
		struct pollfd p[2] = {{.fd = f->listen_fd, .events = POLLIN},
			{.fd = f->stop[0], .events = POLLIN}};
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return NULL;
		/* Who connected before the end is served. */
		int fd = p[0].revents ? accept(f->listen_fd, NULL, NULL) : -1;
		if (fd >= 0) {
			/* Else an answer of several pieces waits 40 ms for the client's kernel. */
			(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
			start_conn(f, fd);
		} else if (p[1].revents)
			return NULL;
	}
}

static int listen_on_loopback(uint16_t *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	socklen_t n = sizeof(a);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0 || listen(fd, 16) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &n) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

static void release(struct fake_imap *f)
{
	if (f->listen_fd >= 0)
		close(f->listen_fd);
	if (f->stop[0] >= 0) {
		close(f->stop[0]);
		close(f->stop[1]);
	}
	pthread_mutex_destroy(&f->lock);
	fake_script_free(f->script);
	free(f);
}

static struct fake_imap *start(
	struct fake_script *script, const struct fake_handler *h, const struct pki_cert *cert)
{
	struct fake_imap *f = calloc(1, sizeof(*f));
	if (!f) {
		fake_script_free(script);
		return NULL;
	}
	f->script = script;
	if (h)
		f->handler = *h;
	f->cert = cert;
	f->stop[0] = f->stop[1] = -1;
	pthread_mutex_init(&f->lock, NULL);
	f->listen_fd = listen_on_loopback(&f->port);
	if (f->listen_fd < 0 || pipe(f->stop) < 0 ||
		pthread_create(&f->thread, NULL, accept_thread, f) != 0) {
		release(f);
		return NULL;
	}
	return f;
}

struct fake_imap *fake_imap_script(const char *script, const struct pki_cert *cert)
{
	struct fake_script *parsed = fake_script_parse(script);
	return parsed ? start(parsed, NULL, cert) : NULL;
}

struct fake_imap *fake_imap_handle(const struct fake_handler *h, const struct pki_cert *cert)
{
	return start(NULL, h, cert);
}

uint16_t fake_imap_port(const struct fake_imap *f)
{
	return f->port;
}

unsigned fake_imap_connections(struct fake_imap *f)
{
	pthread_mutex_lock(&f->lock);
	unsigned n = f->nconn;
	pthread_mutex_unlock(&f->lock);
	return n;
}

/* A script is given the time to read to its end what the client has sent; a handler is not. */
static void cut_connections(struct fake_imap *f)
{
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	for (struct fake_conn *c = f->conns; c; c = c->next) {
		if (c->fd >= 0)
			shutdown(c->fd, f->script ? SHUT_RD : SHUT_RDWR);
	}
	pthread_mutex_unlock(&f->lock);
}

bool fake_imap_end(struct fake_imap *f, char *why, size_t size)
{
	ssize_t put = write(f->stop[1], "", 1);
	(void)put;
	pthread_join(f->thread, NULL);
	cut_connections(f);
	while (f->conns) {
		struct fake_conn *c = f->conns;
		pthread_join(c->thread, NULL);
		f->conns = c->next;
		free(c->out);
		free(c);
	}
	if (f->script && f->nconn < fake_script_connections(f->script))
		fake_fail(f, "only %u of %u connections were made", f->nconn,
			fake_script_connections(f->script));
	bool ok = f->why[0] == '\0';
	if (why && size > 0)
		(void)snprintf(why, size, "%s", f->why);
	release(f);
	return ok;
}

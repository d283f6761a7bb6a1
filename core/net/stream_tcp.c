/* SPDX-License-Identifier: MIT */
/*
 * stream_tcp.c -- a TCP connection to a host name, by whichever address answers first.
 *
 * Several attempts may be in flight at once (RFC 8305): a dead IPv6 route must not cost half a
 * minute. They live in `flight`, and the vote for poll(2) names them all, plus the time at which
 * the next one is due. Once one has connected, the others are closed and `fd` is all that is left.
 */
#include "core/net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/net/fd.h"

#define ADDRESSES_SHOWN	 4  /* in an error text */
#define KEEPALIVE_IDLE_S 60 /* a NAT table forgets a silent connection after a few minutes */

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
	int failed; /* errno of its attempt, or 0 */
};

struct tcp {
	struct stream s;
	const struct clock *clock;
	char where[TEXT_SHOW_SIZE]; /* "host:port", safe to show */
	char peer[INET6_ADDRSTRLEN + 16];
	int fd; /* -1 until connected */
	bool loopback;

	struct address addr[TCP_ADDRESSES_MAX];
	size_t naddr, next; /* addr[next] is to be tried next */
	int flight[TCP_ADDRESSES_MAX];
	size_t flight_addr[TCP_ADDRESSES_MAX]; /* which address each of `flight` tries */
	size_t nflight;
	bool started;
	int64_t next_at, deadline;
};

static enum stream_status tcp_connect(struct stream *s, struct err *e);
static const struct stream_ops tcp_ops;

/* ---- names and addresses --------------------------------------------------------------------- */

static void address_text(const struct address *a, char *out, size_t size)
{
	const void *raw = a->sa.ss_family == AF_INET6
		? (const void *)&((const struct sockaddr_in6 *)(const void *)&a->sa)->sin6_addr
		: (const void *)&((const struct sockaddr_in *)(const void *)&a->sa)->sin_addr;
	if (!inet_ntop(a->sa.ss_family, raw, out, (socklen_t)size))
		snprintf(out, size, "?");
}

static bool address_is_loopback(const struct address *a)
{
	if (a->sa.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&a->sa;
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	const struct sockaddr_in6 *in6 = (const void *)&a->sa;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ||
		(IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127);
}

static int resolve(const char *host, uint16_t port, struct addrinfo **list)
{
	char service[8];
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	/* A numeric address first and without AI_ADDRCONFIG, which would refuse "::1" on a machine
	 * that has IPv6 on its loopback interface only. */
	int rc = getaddrinfo(host, service, &hints, list);
	if (rc == EAI_NONAME) {
		hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
		rc = getaddrinfo(host, service, &hints, list);
	}
	return rc;
}

static const struct addrinfo *next_of_family(const struct addrinfo *ai, int family, bool same)
{
	while (ai && (ai->ai_family == family) != same)
		ai = ai->ai_next;
	return ai;
}

/* RFC 8305 section 4: keep the order of the list within a family, but alternate families. */
static void interleave(struct tcp *t, const struct addrinfo *list)
{
	int family = list->ai_family;
	const struct addrinfo *a = next_of_family(list, family, true);
	const struct addrinfo *b = next_of_family(list, family, false);
	for (bool turn_a = true; (a || b) && t->naddr < TCP_ADDRESSES_MAX; turn_a = !turn_a) {
		const struct addrinfo **from = (turn_a && a) || !b ? &a : &b;
		const struct addrinfo *ai = *from;
		if ((ai->ai_family == AF_INET || ai->ai_family == AF_INET6) &&
			ai->ai_addrlen <= sizeof(t->addr[0].sa)) {
			struct address *to = &t->addr[t->naddr++];
			memcpy(&to->sa, ai->ai_addr, ai->ai_addrlen);
			to->len = ai->ai_addrlen;
		}
		*from = next_of_family(ai->ai_next, family, from == &a);
	}
}

int stream_tcp_new(struct stream **out, const char *host, uint16_t port, const struct clock *clock,
	struct err *e)
{
	char shown[TEXT_SHOW_SIZE - 16];
	text_show(shown, sizeof(shown), slice_str(host));
	if (*host == '\0')
		return err_set(e, ERR_ACCOUNT, E_CONFIG, "no host name given");

	struct addrinfo *list = NULL;
	int rc = resolve(host, port, &list);
	if (rc == EAI_SYSTEM)
		return err_sys(e, ERR_CONNECTION, E_NET, errno, "cannot find host \"%s\"", shown);
	if (rc == EAI_MEMORY)
		return err_nomem(e, "looking up a host name");
	if (rc != 0)
		return err_set(e, ERR_CONNECTION, E_NET, "cannot find host \"%s\": %s", shown,
			gai_strerror(rc));

	struct tcp *t = calloc(1, sizeof(*t));
	if (!t) {
		freeaddrinfo(list);
		return err_nomem(e, "opening a connection");
	}
	t->s.ops = &tcp_ops;
	t->clock = clock;
	t->fd = -1;
	bool bracket = strchr(host, ':') != NULL;
	snprintf(t->where, sizeof(t->where), bracket ? "[%s]:%u" : "%s:%u", shown, (unsigned)port);
	interleave(t, list);
	freeaddrinfo(list);
	if (t->naddr == 0) {
		free(t);
		return err_set(e, ERR_CONNECTION, E_NET,
			"cannot find host \"%s\": it has no internet address", shown);
	}
	*out = &t->s;
	return 0;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void drop_flight(struct tcp *t, size_t i, int failed)
{
	t->addr[t->flight_addr[i]].failed = failed;
	close(t->flight[i]);
	t->nflight--;
	t->flight[i] = t->flight[t->nflight];
	t->flight_addr[i] = t->flight_addr[t->nflight];
}

/* These make things better where they exist; a connection works without. */
static void set_options(int fd)
{
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
	int idle = KEEPALIVE_IDLE_S;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
#endif
}

/* This one has won: it becomes the connection, the others end. */
static void win(struct tcp *t, size_t i)
{
	const struct address *a = &t->addr[t->flight_addr[i]];
	t->fd = t->flight[i];
	t->nflight--;
	t->flight[i] = t->flight[t->nflight];
	for (size_t k = 0; k < t->nflight; k++)
		close(t->flight[k]);
	t->nflight = 0;

	t->loopback = address_is_loopback(a);
	char text[INET6_ADDRSTRLEN];
	address_text(a, text, sizeof(text));
	const struct sockaddr_in *in = (const void *)&a->sa;
	const struct sockaddr_in6 *in6 = (const void *)&a->sa;
	bool six = a->sa.ss_family == AF_INET6;
	snprintf(t->peer, sizeof(t->peer), six ? "[%s]:%u" : "%s:%u", text,
		(unsigned)ntohs(six ? in6->sin6_port : in->sin_port));
}

/* Start an attempt on the next address; a failure is noted there. */
static void start_next(struct tcp *t)
{
	struct address *a = &t->addr[t->next];
	int type = SOCK_STREAM;
#ifdef SOCK_CLOEXEC
	type |= SOCK_CLOEXEC; /* at once: another thread may be starting a process */
#endif
	int fd = socket(a->sa.ss_family, type, 0);
	if (fd < 0) {
		a->failed = errno;
		t->next++;
		return;
	}
	int rc = fd_prepare(fd);
	if (rc == 0) {
		set_options(fd);
		rc = connect(fd, (const struct sockaddr *)&a->sa, a->len);
	}
	if (rc < 0 && errno != EINPROGRESS && errno != EINTR) {
		a->failed = errno;
		close(fd);
		t->next++;
		return;
	}
	/* One that has connected already is found by the next look at those in flight. */
	t->flight[t->nflight] = fd;
	t->flight_addr[t->nflight++] = t->next++;
}

/* Look at the attempts in flight: true when one has connected. */
static bool check_flight(struct tcp *t, int64_t now)
{
	struct pollfd pfd[TCP_ADDRESSES_MAX];
	for (size_t i = 0; i < t->nflight; i++)
		pfd[i] = (struct pollfd){.fd = t->flight[i], .events = POLLOUT};
	if (t->nflight == 0 || poll(pfd, (nfds_t)t->nflight, 0) <= 0)
		return false;
	/* From the end, because drop_flight() moves the last one into the gap. */
	for (size_t i = t->nflight; i-- > 0;) {
		if (pfd[i].revents == 0)
			continue;
		int soerr = 0;
		socklen_t len = sizeof(soerr);
		if (getsockopt(t->flight[i], SOL_SOCKET, SO_ERROR, &soerr, &len) < 0)
			soerr = errno;
		if (soerr == 0) {
			win(t, i);
			return true;
		}
		drop_flight(t, i, soerr);
		t->next_at = now;
	}
	return false;
}

/* "cannot connect to host:port: Connection refused (192.0.2.1), no answer in 30 s (192.0.2.2)" */
static enum stream_status connect_failed(struct tcp *t, bool timed_out, struct err *e)
{
	struct buf why;
	buf_init(&why, ERR_TEXT_MAX);
	int sys = 0;
	size_t shown = 0;
	for (size_t i = 0; i < t->next; i++) {
		if (shown == ADDRESSES_SHOWN) {
			buf_add_str(&why, ", ...");
			break;
		}
		char text[INET6_ADDRSTRLEN];
		address_text(&t->addr[i], text, sizeof(text));
		buf_add_str(&why, shown++ ? ", " : "");
		if (t->addr[i].failed != 0) {
			sys = t->addr[i].failed;
			buf_addf(&why, "%s (%s)", strerror(sys), text);
		} else {
			buf_addf(&why, "no answer in %d s (%s)", TCP_CONNECT_MS / 1000, text);
		}
	}
	err_set(e, ERR_CONNECTION, timed_out ? E_TIMEOUT : E_NET, "cannot connect to %s: %s",
		t->where, buf_str(&why));
	e->sys = timed_out ? ETIMEDOUT : sys;
	buf_release(&why);
	return STREAM_ERROR;
}

static enum stream_status tcp_connect(struct stream *s, struct err *e)
{
	struct tcp *t = (struct tcp *)s;
	if (t->fd >= 0)
		return STREAM_OK;
	int64_t now = clock_now(t->clock);
	if (!t->started) {
		t->started = true;
		t->deadline = clock_deadline(t->clock, TCP_CONNECT_MS);
		t->next_at = now;
	}
	for (;;) {
		if (check_flight(t, now))
			return STREAM_OK;
		if (t->next == t->naddr || (now < t->next_at && t->nflight > 0))
			break;
		size_t before = t->nflight;
		start_next(t);
		if (t->nflight > before)
			t->next_at = now + TCP_ATTEMPT_MS;
	}
	if (t->nflight == 0)
		return connect_failed(t, false, e);
	if (now >= t->deadline)
		return connect_failed(t, true, e);
	return STREAM_AGAIN;
}

/* ---- the connection -------------------------------------------------------------------------- */

static enum stream_status broken(const struct tcp *t, int errnum, struct err *e)
{
	if (errnum == EAGAIN || errnum == EWOULDBLOCK)
		return STREAM_AGAIN;
	err_sys(e, ERR_CONNECTION, E_NET, errnum, "the connection to %s broke", t->where);
	return STREAM_ERROR;
}

static enum stream_status tcp_read(struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	struct tcp *t = (struct tcp *)s;
	ssize_t r = fd_recv(t->fd, p, n);
	if (r < 0)
		return broken(t, errno, e);
	*got = (size_t)r;
	return r == 0 ? STREAM_END : STREAM_OK;
}

static enum stream_status tcp_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	struct tcp *t = (struct tcp *)s;
	ssize_t r = fd_send(t->fd, p, n);
	if (r < 0)
		return broken(t, errno, e);
	*put = (size_t)r;
	return STREAM_OK;
}

static void tcp_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	const struct tcp *t = (const struct tcp *)s;
	if (t->fd >= 0) {
		w->read_fd = w->write_fd = t->fd;
		w->read = reading;
		w->write = writing;
		return;
	}
	w->more_fd = t->flight;
	w->nmore = t->nflight;
	/* Before the first call of connect there is nothing to wait for. */
	w->deadline = t->started ? t->deadline : 0;
	if (t->started && t->next < t->naddr && t->next_at < w->deadline)
		w->deadline = t->next_at;
}

static bool tcp_pending(const struct stream *s)
{
	(void)s;
	return false;
}

static void tcp_close(struct stream *s)
{
	struct tcp *t = (struct tcp *)s;
	while (t->nflight > 0)
		close(t->flight[--t->nflight]);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static const struct stream_ops tcp_ops = {
	.name = "tcp",
	.connect = tcp_connect,
	.read = tcp_read,
	.write = tcp_write,
	.wants = tcp_wants,
	.pending = tcp_pending,
	.close = tcp_close,
};

bool stream_tcp_is_loopback(const struct stream *s)
{
	const struct tcp *t = (const struct tcp *)stream_layer(s, &tcp_ops);
	return t && t->loopback;
}

const char *stream_tcp_peer(const struct stream *s)
{
	const struct tcp *t = (const struct tcp *)stream_layer(s, &tcp_ops);
	return t ? t->peer : "";
}

bool stream_tcp_lowat(struct stream *s, size_t bytes)
{
	const struct tcp *t = (const struct tcp *)stream_layer(s, &tcp_ops);
	if (!t || t->fd < 0)
		return false;
	int value = bytes < 1 ? 1 : bytes > INT_MAX ? INT_MAX : (int)bytes;
	return setsockopt(t->fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value)) == 0;
}

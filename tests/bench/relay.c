/* SPDX-License-Identifier: MIT */
/*
 * relay.c -- the slow link where TUN devices cannot be had: a TCP relay on loopback that hands bytes on late.
 *
 *     relay PORT RTT_MS [MBIT]
 *
 * Listens on a free port, prints "ready PORT", and connects to 127.0.0.1:PORT for each connection. The client's
 * handshake is answered at once by the local kernel, so the connection to the server is held back as long as a
 * real handshake would take. Slow start and windows are those of loopback: many connections gain less here than
 * on a real path, and one connection is never bound by its window.
 */
#include "tests/bench/delay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	LINKS = 64,
	QUEUE_MAX = 64 * 1024 * 1024,
};

/* Side 0 is the client, 1 the server; queue i holds what came from side i. */
struct link {
	bool used, connected;
	int fd[2];
	bool ended[2]; /* nothing more comes from this side */
	bool told[2];  /* the other side was told so */
	struct delay_queue q[2];
	uint64_t connect_at;
};

struct relay {
	int listener;
	uint16_t port;
	double rtt, mbit;
	struct link links[LINKS];
};

static void fail(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void prepare(int fd)
{
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void take_client(struct relay *r)
{
	int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	for (int i = 0; i < LINKS; i++)
		if (!r->links[i].used) {
			prepare(fd);
			r->links[i] = (struct link){.used = true, .fd = {fd, -1}};
			r->links[i].q[0] = delay_queue(r->rtt, r->mbit);
			r->links[i].q[1] = delay_queue(r->rtt, r->mbit);
			/* SYN, SYN and ACK, ACK: one and a half round trips until the server speaks */
			r->links[i].connect_at = delay_now() + (uint64_t)(r->rtt * 1.5e6);
			return;
		}
	close(fd);
}

static void connect_server(struct relay *r, struct link *l)
{
	struct sockaddr_in a = loopback(r->port);
	l->fd[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd[1] < 0 || connect(l->fd[1], (struct sockaddr *)&a, sizeof a) != 0)
		fail("the server");
	prepare(l->fd[1]);
	l->connected = true;
}

static void end_link(struct link *l)
{
	for (int side = 0; side < 2; side++) {
		if (l->fd[side] >= 0)
			close(l->fd[side]);
		delay_release(&l->q[side]);
	}
	l->used = false;
}

/* false: the connection is dead */
static bool collect(struct link *l, int side)
{
	static char piece[64 * 1024];
	ssize_t n = recv(l->fd[side], piece, sizeof piece, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		l->ended[side] = true;
	else if (!delay_put(&l->q[side], piece, (size_t)n))
		fail("memory");
	return true;
}

static bool deliver(struct link *l, int side)
{
	struct delayed *d;
	while ((d = delay_due(&l->q[side], delay_now())) != NULL) {
		ssize_t n = send(l->fd[!side], d->data + d->sent, d->n - d->sent, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		d->sent += (size_t)n;
		if (d->sent == d->n)
			delay_drop_head(&l->q[side]);
	}
	if (l->ended[side] && !l->told[side] && l->q[side].head == NULL) {
		shutdown(l->fd[!side], SHUT_WR);
		l->told[side] = true;
	}
	return true;
}

static short wanted(const struct link *l, int side)
{
	short events = 0;
	if (!l->ended[side] && l->q[side].bytes < QUEUE_MAX)
		events |= POLLIN;
	if (delay_due(&l->q[!side], delay_now()) != NULL)
		events |= POLLOUT;
	return events;
}

static uint64_t earliest(const struct relay *r)
{
	uint64_t due = UINT64_MAX, now = delay_now();
	for (int i = 0; i < LINKS; i++) {
		const struct link *l = &r->links[i];
		if (!l->used)
			continue;
		if (!l->connected && l->connect_at < due)
			due = l->connect_at;
		for (int side = 0; side < 2 && l->connected; side++) {
			const struct delayed *d = l->q[side].head;
			/* What is due already waits for its socket. */
			if (d != NULL && d->due > now && d->due < due)
				due = d->due;
		}
	}
	return due;
}

static size_t poll_list(const struct relay *r, struct pollfd *fds)
{
	size_t n = 0;
	fds[n++] = (struct pollfd){r->listener, POLLIN, 0};
	for (int i = 0; i < LINKS; i++)
		for (int side = 0; side < 2 && r->links[i].used; side++)
			if (r->links[i].connected)
				fds[n++] = (struct pollfd){
					r->links[i].fd[side], wanted(&r->links[i], side), 0};
	return n;
}

static void serve_link(struct relay *r, struct link *l)
{
	if (!l->connected) {
		if (l->connect_at > delay_now())
			return;
		connect_server(r, l);
	}
	for (int side = 0; side < 2; side++) {
		bool alive = l->ended[side] || l->q[side].bytes >= QUEUE_MAX || collect(l, side);
		if (!alive || !deliver(l, side)) {
			end_link(l);
			return;
		}
	}
	if (l->told[0] && l->told[1])
		end_link(l);
}

static void serve(struct relay *r)
{
	static struct pollfd fds[1 + 2 * LINKS];
	for (;;) {
		delay_wait(fds, poll_list(r, fds), earliest(r));
		if (fds[0].revents & POLLIN)
			take_client(r);
		for (int i = 0; i < LINKS; i++)
			if (r->links[i].used)
				serve_link(r, &r->links[i]);
	}
}

int main(int argc, char **argv)
{
	static struct relay r;
	struct sockaddr_in a = loopback(0);
	socklen_t size = sizeof a;
	if (argc < 3) {
		fprintf(stderr, "usage: relay PORT RTT_MS [MBIT]\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000ul);
	r.port = (uint16_t)strtoul(argv[1], NULL, 10);
	r.rtt = strtod(argv[2], NULL);
	r.mbit = argc > 3 ? strtod(argv[3], NULL) : 0;
	r.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r.listener < 0 || bind(r.listener, (struct sockaddr *)&a, sizeof a) != 0 ||
		listen(r.listener, LINKS) != 0)
		fail("listening");
	if (getsockname(r.listener, (struct sockaddr *)&a, &size) != 0)
		fail("listening");
	printf("ready %u\n", ntohs(a.sin_port));
	fflush(stdout);
	serve(&r);
}

/* SPDX-License-Identifier: MIT */
/*
 * tunlink.c -- a slow link without any kernel module for it.
 *
 *     tunlink RTT_MS [MBIT]
 *
 * Makes a TUN device with 10.99.0.1 in the network namespace that it is started in (the server's) and one with
 * 10.99.0.2 in a new namespace (the client's), and carries packets between them half a round trip later. At both
 * ends is the kernel's own TCP, so that handshake, slow start and windows are those of a real path; packets are
 * not lost. Prints "ready PID" when the link is up: the client's namespace is /proc/PID/ns/net. Devices and
 * namespace are gone when the process is.
 *
 * Start it in a namespace of its own (unshare --net), so that no device appears on the host.
 */
#include "tests/bench/delay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PACKET_MAX = 66000, /* offloading hands over up to 64 KB in one piece */
	QUEUE_MAX = 256 * 1024 * 1024,
	BURST = 256,
	TX_QUEUE = 10000,
};

static void fail(const char *what)
{
	fprintf(stderr, "tunlink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct ifreq named(const char *device)
{
	struct ifreq r;
	memset(&r, 0, sizeof r);
	strncpy(r.ifr_name, device, IFNAMSIZ - 1);
	return r;
}

static void up(int s, const char *device)
{
	struct ifreq r = named(device);
	if (ioctl(s, SIOCGIFFLAGS, &r) != 0)
		fail(device);
	r.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(s, SIOCSIFFLAGS, &r) != 0)
		fail(device);
}

static void set_address(int s, const char *device, unsigned long request, const char *address)
{
	struct ifreq r = named(device);
	struct sockaddr_in a = {.sin_family = AF_INET};
	inet_pton(AF_INET, address, &a.sin_addr);
	memcpy(&r.ifr_addr, &a, sizeof a);
	if (ioctl(s, request, &r) != 0)
		fail(address);
}

/* With the virtio header and offloading on, large segments cross in one piece and checksums are not computed. */
static int tun_open(const char *device)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq r = named(device);
	if (fd < 0)
		fail("/dev/net/tun");
	r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &r) != 0)
		fail(device);
	if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
		fail("offloading");
	return fd;
}

/* In the namespace that the process is in now. */
static int make_end(const char *device, const char *address)
{
	int fd = tun_open(device), s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = named(device);
	if (s < 0)
		fail("socket");
	up(s, "lo");
	set_address(s, device, SIOCSIFADDR, address);
	set_address(s, device, SIOCSIFNETMASK, "255.255.255.252");
	r.ifr_qlen = TX_QUEUE;
	if (ioctl(s, SIOCSIFTXQLEN, &r) != 0)
		fail("queue length");
	up(s, device);
	close(s);
	return fd;
}

static void deliver(struct delay_queue *q, int to)
{
	struct delayed *d;
	while ((d = delay_due(q, delay_now())) != NULL) {
		if (write(to, d->data, d->n) < 0 && errno == EAGAIN)
			return;
		delay_drop_head(q);
	}
}

static void collect(struct delay_queue *q, int from)
{
	static char packet[PACKET_MAX];
	for (int i = 0; i < BURST; i++) {
		ssize_t n = read(from, packet, sizeof packet);
		if (n <= 0)
			return;
		if (q->bytes < QUEUE_MAX && !delay_put(q, packet, (size_t)n))
			fail("packet");
	}
}

static uint64_t earliest(const struct delay_queue q[2])
{
	uint64_t due = UINT64_MAX;
	for (int i = 0; i < 2; i++)
		if (q[i].head != NULL && q[i].head->due < due)
			due = q[i].head->due;
	return due;
}

static void carry(const int fd[2], struct delay_queue q[2])
{
	for (;;) {
		deliver(&q[0], fd[1]);
		deliver(&q[1], fd[0]);
		struct pollfd fds[2] = {{fd[0], POLLIN, 0}, {fd[1], POLLIN, 0}};
		delay_wait(fds, 2, earliest(q));
		for (int i = 0; i < 2; i++)
			if (fds[i].revents & POLLIN)
				collect(&q[i], fd[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: tunlink RTT_MS [MBIT]\n");
		return 2;
	}
	double rtt = strtod(argv[1], NULL), mbit = argc > 2 ? strtod(argv[2], NULL) : 0;
	struct delay_queue q[2] = {delay_queue(rtt, mbit), delay_queue(rtt, mbit)};
	int fd[2];
	/* The link ends with the benchmark, however that ends, and wakes up in time. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000ul);
	fd[0] = make_end("bench0", "10.99.0.1");
	if (unshare(CLONE_NEWNET) != 0)
		fail("a network namespace");
	fd[1] = make_end("bench0", "10.99.0.2");
	printf("ready %ld\n", (long)getpid());
	fflush(stdout);
	carry(fd, q);
}

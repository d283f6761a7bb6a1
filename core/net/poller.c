/* SPDX-License-Identifier: MIT */
/*
 * poller.c -- see poller.h. The wake-up is a pipe that is polled with the streams: a byte in it
 * cannot be lost between a look at a flag and the call of poll(2).
 */
#include "core/net/poller.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/net/fd.h"

struct slot {
	size_t first, n;  /* its part of the pollfd array */
	int64_t deadline; /* the stream's own; DEADLINE_NEVER when there is none */
	bool now;	  /* ready without asking the kernel */
	bool ready;
};

struct poller {
	const struct clock *clock;
	int wake_read, wake_write;
	atomic_bool woken;
	struct pollfd *fd; /* fd[0] is wake_read */
	size_t nfd, fd_cap;
	struct slot *slot;
	size_t nslot, slot_cap;
};

int poller_new(struct poller **out, const struct clock *clock, struct err *e)
{
	struct poller *p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(e, "preparing to poll");
	p->clock = clock;
	atomic_init(&p->woken, false);
	int end[2];
	if (pipe(end) < 0) {
		free(p);
		return err_sys(e, ERR_ACCOUNT, E_IO, errno, "cannot make a pipe");
	}
	p->wake_read = end[0];
	p->wake_write = end[1];
	p->fd_cap = 8;
	p->fd = calloc(p->fd_cap, sizeof(*p->fd));
	if (!p->fd) {
		poller_free(p);
		return err_nomem(e, "preparing to poll");
	}
	if (fd_prepare(end[0]) < 0 || fd_prepare(end[1]) < 0) {
		err_sys(e, ERR_ACCOUNT, E_IO, errno, "cannot prepare a pipe");
		poller_free(p);
		return -1;
	}
	poller_begin(p);
	*out = p;
	return 0;
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	close(p->wake_read);
	close(p->wake_write);
	free(p->fd);
	free(p->slot);
	free(p);
}

void poller_begin(struct poller *p)
{
	p->fd[0] = (struct pollfd){.fd = p->wake_read, .events = POLLIN};
	p->nfd = 1;
	p->nslot = 0;
}

/* Room for `need` elements of `size` bytes; false when there is no memory. */
static bool grow(void **array, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return true;
	size_t cap_new = *cap ? *cap : 8;
	while (cap_new < need)
		cap_new *= 2;
	if (cap_new > SIZE_MAX / size)
		return false;
	void *grown = realloc(*array, cap_new * size);
	if (!grown)
		return false;
	*array = grown;
	*cap = cap_new;
	return true;
}

static void add_fd(struct poller *p, int fd, short events)
{
	/* Without events poll(2) would still report a hang-up, for ever. */
	if (fd >= 0 && events != 0)
		p->fd[p->nfd++] = (struct pollfd){.fd = fd, .events = events};
}

int poller_add(struct poller *p, const struct stream *s, bool reading, bool writing, struct err *e)
{
	struct stream_wants w;
	stream_wants(s, reading, writing, &w);

	void *fds = p->fd, *slots = p->slot;
	bool room = grow(&fds, &p->fd_cap, p->nfd + 2 + w.nmore, sizeof(*p->fd));
	p->fd = fds;
	room = room && grow(&slots, &p->slot_cap, p->nslot + 1, sizeof(*p->slot));
	p->slot = slots;
	if (!room)
		return err_nomem(e, "preparing to poll");

	struct slot *slot = &p->slot[p->nslot];
	*slot = (struct slot){.first = p->nfd, .deadline = w.deadline};
	short in = w.read ? POLLIN : 0, out = w.write ? POLLOUT : 0;
	if (w.read_fd == w.write_fd) {
		add_fd(p, w.read_fd, (short)(in | out));
	} else {
		add_fd(p, w.read_fd, in);
		add_fd(p, w.write_fd, out);
	}
	for (size_t i = 0; i < w.nmore; i++)
		add_fd(p, w.more_fd[i], POLLOUT);
	slot->n = p->nfd - slot->first;
	/* Writing to something that has no descriptor never waits. */
	slot->now = ((reading || w.read) && stream_pending(s)) || (w.write && w.write_fd < 0);
	return (int)p->nslot++;
}

int poller_add_wake(struct poller *p, const struct poller *other, struct err *e)
{
	void *fds = p->fd;
	bool room = grow(&fds, &p->fd_cap, p->nfd + 1, sizeof(*p->fd));
	p->fd = fds;
	if (!room)
		return err_nomem(e, "preparing to poll");
	add_fd(p, other->wake_read, POLLIN);
	return 0;
}

static void drain_wake(struct poller *p)
{
	char sink[64];
	ssize_t n;
	do {
		n = read(p->wake_read, sink, sizeof(sink));
	} while (n > 0 || (n < 0 && errno == EINTR));
}

/* Settle which slots are ready once poll(2) has answered; returns their number. */
static int settle(struct poller *p, bool kernel_answered)
{
	int64_t now = clock_now(p->clock);
	int ready = 0;
	for (size_t i = 0; i < p->nslot; i++) {
		struct slot *slot = &p->slot[i];
		slot->ready = slot->now || slot->deadline <= now;
		for (size_t k = 0; kernel_answered && k < slot->n; k++)
			slot->ready = slot->ready || p->fd[slot->first + k].revents != 0;
		ready += slot->ready;
	}
	return ready;
}

int poller_wait(struct poller *p, int64_t deadline, struct err *e)
{
	bool now = false;
	for (size_t i = 0; i < p->nslot; i++) {
		now = now || p->slot[i].now;
		if (p->slot[i].deadline < deadline)
			deadline = p->slot[i].deadline;
	}
	/* Even when one is ready at once the kernel is asked, so that a busy stream starves no
	 * other. */
	int n = poll(p->fd, (nfds_t)p->nfd, now ? 0 : clock_left(p->clock, deadline));
	if (n < 0 && errno != EINTR)
		return err_sys(e, ERR_ACCOUNT, E_IO, errno, "cannot wait for the network");
	if (n > 0 && p->fd[0].revents != 0)
		drain_wake(p);
	return settle(p, n > 0);
}

bool poller_ready(const struct poller *p, int slot)
{
	return slot >= 0 && (size_t)slot < p->nslot && p->slot[slot].ready;
}

bool poller_woken(struct poller *p)
{
	if (!atomic_load(&p->woken))
		return false;
	/* poller_wait() of another poller leaves the byte where it is. Drained before the flag is
	 * taken: the flag is set before the byte is written, so no wake-up is lost. */
	drain_wake(p);
	return atomic_exchange(&p->woken, false);
}

void poller_wake(struct poller *p)
{
	int saved = errno;
	atomic_store(&p->woken, true);
	/* A full pipe is as good as one more byte. */
	ssize_t n;
	do {
		n = write(p->wake_write, "", 1);
	} while (n < 0 && errno == EINTR);
	errno = saved;
}

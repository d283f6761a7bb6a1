/* SPDX-License-Identifier: MIT */
/*
 * delay.c -- see delay.h.
 */
#include "tests/bench/delay.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t delay_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct delay_queue delay_queue(double rtt_ms, double mbit)
{
	return (struct delay_queue){
		.delay = (uint64_t)(rtt_ms * 1e6 / 2),
		.ns_per_byte = mbit > 0 ? 8000 / mbit : 0,
	};
}

/* When the last byte has left, if the link is free now or busy with earlier pieces. */
static uint64_t leaves(struct delay_queue *q, size_t n)
{
	uint64_t now = delay_now();
	if (q->busy < now)
		q->busy = now;
	q->busy += (uint64_t)((double)n * q->ns_per_byte);
	return q->busy;
}

bool delay_put(struct delay_queue *q, const void *p, size_t n)
{
	struct delayed *d = malloc(sizeof *d + n);
	if (d == NULL)
		return false;
	*d = (struct delayed){.due = leaves(q, n) + q->delay, .n = n};
	memcpy(d->data, p, n);
	if (q->tail != NULL)
		q->tail->next = d;
	else
		q->head = d;
	q->tail = d;
	q->bytes += n;
	return true;
}

struct delayed *delay_due(const struct delay_queue *q, uint64_t now)
{
	return q->head != NULL && q->head->due <= now ? q->head : NULL;
}

void delay_drop_head(struct delay_queue *q)
{
	struct delayed *d = q->head;
	q->head = d->next;
	if (q->head == NULL)
		q->tail = NULL;
	q->bytes -= d->n;
	free(d);
}

void delay_release(struct delay_queue *q)
{
	while (q->head != NULL)
		delay_drop_head(q);
}

void delay_wait(struct pollfd *fds, size_t n, uint64_t due)
{
	struct timespec left, *timeout = NULL;
	if (due != UINT64_MAX) {
		uint64_t now = delay_now(), ns = due > now ? due - now : 0;
		left.tv_sec = (time_t)(ns / 1000000000u);
		left.tv_nsec = (long)(ns % 1000000000u);
		timeout = &left;
	}
	(void)ppoll(fds, n, timeout, NULL);
}

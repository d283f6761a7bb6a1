/* SPDX-License-Identifier: MIT */
/*
 * delay.h -- one direction of a slow link: what goes in comes out after a fixed time, at a limited rate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct delayed {
	struct delayed *next;
	uint64_t due; /* nanoseconds of the monotonic clock */
	size_t n, sent;
	char data[];
};

struct delay_queue {
	struct delayed *head, *tail;
	size_t bytes;	    /* waiting */
	uint64_t delay;	    /* nanoseconds */
	double ns_per_byte; /* 0: any rate */
	uint64_t busy;	    /* until when the link is sending */
};

/* A round trip in milliseconds gives half of it to each direction; mbit 0: any rate. */
struct delay_queue delay_queue(double rtt_ms, double mbit);
/* Copies; false when there is no memory. */
bool delay_put(struct delay_queue *q, const void *p, size_t n);
/* The oldest piece when it is due, else NULL. */
struct delayed *delay_due(const struct delay_queue *q, uint64_t now);
void delay_drop_head(struct delay_queue *q);
void delay_release(struct delay_queue *q);

uint64_t delay_now(void);
/* Waits for one of the descriptors, or until the earliest piece of the queues is due (UINT64_MAX: no piece). */
struct pollfd;
void delay_wait(struct pollfd *fds, size_t n, uint64_t due);

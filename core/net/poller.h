/* SPDX-License-Identifier: MIT */
/*
 * poller.h -- wait for many streams at once with poll(2), with a wake-up from outside.
 *
 * The set is rebuilt every turn from the streams' votes, so that no registration can go stale.
 *
 *   poller_begin(p); for each stream: slot = poller_add(p, stream, ...); poller_wait(p, deadline, e);
 *   for each slot: if (poller_ready(p, slot)) ...
 */
#ifndef CORE_NET_POLLER_H
#define CORE_NET_POLLER_H

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/net/stream.h"

struct poller;

int poller_new(struct poller **out, const struct clock *clock, struct err *e) NODISCARD;
void poller_free(struct poller *p); /* NULL is fine */

void poller_begin(struct poller *p);
/* Returns the slot number (>= 0), or -1 (E_NOMEM). A stream with pending bytes is ready at once
 * when reading is asked for. A slot may also become ready because the stream's own deadline has
 * passed (struct stream_wants): call the stream again and see. */
int poller_add(struct poller *p, const struct stream *s, bool reading, bool writing,
	struct err *e) NODISCARD;
/* Sleep until a stream is ready, the deadline passes or poller_wake() is called. Returns the number
 * of ready slots, 0 on time-out or wake-up, -1 on error. EINTR counts as a wake-up. */
int poller_wait(struct poller *p, int64_t deadline, struct err *e) NODISCARD;
bool poller_ready(const struct poller *p, int slot);
/* A wake-up of `other` ends the sleep of p too, until the next poller_begin(p): for one poll(2) over objects
 * that have a poller each. Ask poller_woken(other) afterwards. -1: E_NOMEM. */
int poller_add_wake(struct poller *p, const struct poller *other, struct err *e) NODISCARD;
/* True once if poller_wake() was called since the last time. */
bool poller_woken(struct poller *p);
/* Async-signal-safe, callable from any thread. */
void poller_wake(struct poller *p);

#endif

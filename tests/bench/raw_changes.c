/* SPDX-License-Identifier: MIT */
/*
 * raw_changes.c -- the network's part of an incremental run: what a client has to ask that knows each folder's
 * UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ of the last time. Nothing is written.
 */
#include "tests/bench/raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 64 };

struct change {
	const struct box *old, *now;
};

static void message(void *arg, struct conn *c, uint64_t size)
{
	struct moved *sum = arg;
	conn_literal(c, size, NULL, NULL);
	sum->messages++;
	sum->bytes += size;
}

static bool same(const struct box *a, const struct box *b)
{
	return a->validity == b->validity && a->uidnext == b->uidnext && a->modseq == b->modseq &&
		a->messages == b->messages;
}

static size_t compare(const struct boxes *old, const struct boxes *now, struct change *out)
{
	size_t n = 0, hint = 0;
	for (size_t i = 0; i < now->n; i++) {
		const struct box *before = boxes_find(old, now->at[i].name, &hint);
		if (before != NULL && !same(before, &now->at[i]))
			out[n++] = (struct change){before, &now->at[i]};
	}
	return n;
}

/* RFC 7162, 3.2.5: the flags that changed come with the answer to EXAMINE. */
static void ask(struct conn *c, const struct change *x, size_t no)
{
	conn_printf(c, "E%zu EXAMINE %s (QRESYNC (%u %llu))\r\n", no, x->now->name,
		(unsigned)x->old->validity, (unsigned long long)x->old->modseq);
	if (x->now->uidnext > x->old->uidnext)
		conn_printf(c, "F%zu UID FETCH %u:* (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n", no,
			(unsigned)x->old->uidnext);
	else
		conn_printf(c, "F%zu NOOP\r\n", no);
}

struct moved changes(const struct target *t, const char *state)
{
	struct boxes old = {NULL, 0}, now = {NULL, 0};
	struct moved sum = {0};
	struct reader r = {.literal = message, .arg = &sum};
	boxes_load(&old, state);
	if (old.n == 0)
		die("%s: no folders", state);
	struct conn *c = conn_open(t);
	conn_printf(c, "Q ENABLE QRESYNC\r\n");
	boxes_list_status(c, &now);
	struct change *todo = calloc(now.n + 1, sizeof *todo);
	if (todo == NULL)
		die("no memory");
	size_t n = compare(&old, &now, todo), asked = 0;
	for (size_t got = 0; got < n; got++) {
		for (; asked < n && asked - got < IN_FLIGHT; asked++)
			ask(c, &todo[asked], asked);
		char tag[32];
		snprintf(tag, sizeof tag, "F%zu", got);
		conn_until(c, tag, &r);
	}
	sum.wire = conn_close(c);
	sum.folders = n;
	free(todo);
	boxes_release(&old);
	boxes_release(&now);
	return sum;
}

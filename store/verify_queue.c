/* SPDX-License-Identifier: MIT */
/*
 * verify_queue.c -- rows on their way through a verification: looked at and read ahead, settled in the order in which they
 * came.
 *
 * Hashing is most of the work, and a thread does it (core/base/hasher.h). Files are opened and read here, so while the thread is
 * at one message this side reads those behind it. A row whose content is on its way keeps all behind it waiting: whoever is told
 * sees one row after the other, as if each had been finished before the next was begun. Bytes are held only until they are
 * hashed, so the size of a message does not matter.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/hasher.h"
#include "store/verify_internal.h"

#define ITEMS 512
#define AHEAD 4 /* blocks that wait for the thread */

struct verify_queue {
	struct store *s;
	int (*settle)(void *ctx, const struct verify_item *m);
	void *ctx;
	struct hasher *h;
	struct verify_item item[ITEMS]; /* a ring; strings stay until their place is used again */
	size_t first, n;
	struct hash_block *filling; /* or NULL */
};

/* ---- settling --------------------------------------------------------------------------------- */

static struct verify_item *front(struct verify_queue *q)
{
	return &q->item[q->first];
}

static void give(struct verify_queue *q)
{
	if (q->filling != NULL)
		hasher_give(q->h, q->filling);
	q->filling = NULL;
}

/* Whoever is told wants no more. */
static void drop_all(struct verify_queue *q)
{
	struct hash_block *b;
	give(q);
	while ((b = hasher_take(q->h)) != NULL)
		hasher_put_back(q->h, b);
	q->n = 0;
}

static int settle_front(struct verify_queue *q)
{
	int result = q->settle(q->ctx, front(q));
	q->first = (q->first + 1) % ITEMS;
	q->n--;
	if (result != 0)
		drop_all(q);
	return result;
}

/* Those at the front that wait for nothing. */
static int settle_ready(struct verify_queue *q)
{
	int result = 0;
	while (result == 0 && q->n > 0 && !front(q)->hashed)
		result = settle_front(q);
	return result;
}

/* The first one that waits has come whole. */
static int settle_hashed(struct verify_queue *q, const struct hash_piece *sum)
{
	int result = settle_ready(q);
	if (result != 0)
		return result;
	struct verify_content *c = &front(q)->content;
	c->size_wire = sum->size;
	memcpy(c->sha256, sum->sha256, SHA256_LEN);
	return settle_front(q);
}

/* The oldest block, and all messages that end in it. */
static int settle_block(struct verify_queue *q, struct err *e)
{
	int result = 0;
	if (hasher_given(q->h) == 0)
		give(q);
	struct hash_block *b = hasher_take(q->h);
	if (b == NULL)
		return 0;
	if (err_is_set(&b->e)) {
		*e = b->e;
		drop_all(q);
		result = -1;
	}
	for (size_t i = 0; result == 0 && i < b->pieces; i++)
		if (b->piece[i].last)
			result = settle_hashed(q, &b->piece[i]);
	hasher_put_back(q->h, b);
	return result;
}

int verify_queue_drain(struct verify_queue *q, struct err *e)
{
	int result = 0;
	if (q->filling != NULL)
		hasher_give_last(q->h, q->filling);
	q->filling = NULL;
	while (result == 0 && hasher_given(q->h) > 0)
		result = settle_block(q, e);
	return result == 0 ? settle_ready(q) : result;
}

/* ---- what comes in ---------------------------------------------------------------------------- */

static void release(struct verify_item *m)
{
	free(m->text);
	free(m->wrong);
	memset(m, 0, sizeof *m);
}

/* The strings that are needed, which the row only lends. */
static int keep(struct verify_item *m, const struct store_record *r, struct err *e)
{
	m->text = malloc(r->base.n + r->flags.n + 1);
	if (m->text == NULL)
		return err_nomem(e, "checking a message");
	m->record = *r;
	m->record.base = slice_of(m->text, r->base.n);
	m->record.flags = slice_of(m->text + r->base.n, r->flags.n);
	m->record.date_raw = m->record.email_id = m->record.thread_id = SLICE_NONE;
	m->record.reason = SLICE_NONE;
	if (r->base.n > 0)
		memcpy(m->text, r->base.p, r->base.n);
	if (r->flags.n > 0)
		memcpy(m->text + r->base.n, r->flags.p, r->flags.n);
	return 0;
}

int verify_queue_next(struct verify_queue *q, const struct store_record *r,
	struct verify_item **out, struct err *e)
{
	int result = 0;
	while (result == 0 && q->n == ITEMS)
		result = front(q)->hashed ? settle_block(q, e) : settle_ready(q);
	if (result != 0)
		return result;
	*out = &q->item[(q->first + q->n) % ITEMS];
	release(*out);
	return keep(*out, r, e);
}

int verify_queue_push(struct verify_queue *q)
{
	q->n++;
	return settle_ready(q);
}

int verify_item_wrong(
	struct verify_item *m, enum store_fault fault, const char *detail, struct err *e)
{
	m->fault = fault;
	m->wrong = strdup(detail);
	return m->wrong != NULL ? 0 : err_nomem(e, "checking a message");
}

/* A block to fill, with some room. */
static int make_room(struct verify_queue *q, struct err *e)
{
	int result = 0;
	if (q->filling != NULL && hash_block_is_full(q->filling))
		give(q);
	while (result == 0 && hasher_given(q->h) >= AHEAD)
		result = settle_block(q, e);
	if (result == 0 && q->filling == NULL && (q->filling = hasher_empty(q->h, e)) == NULL)
		return -1;
	return result;
}

int verify_queue_read(struct verify_queue *q, struct verify_item *m, int fd, struct err *e)
{
	const struct store_record *r = &m->record;
	const struct store_file f = {
		.fd = fd, .add_cr = r->size_disk < r->size_wire, .size = r->size_disk};
	uint64_t left = f.size;
	for (bool first = true, last = false; !last; first = false) {
		struct err why = ERR_INIT;
		size_t added = 0;
		int result = make_room(q, e);
		if (result != 0)
			return result;
		long n = store_file_fill(q->s, &f, f.add_cr, left, q->filling, &added, &why);
		if (n < 0 && verify_item_wrong(m, STORE_FAULT_UNREADABLE, why.text, e) != 0)
			return -1;
		left -= n > 0 ? (uint64_t)n : 0;
		/* Its sum is wrong when it could not be read or has become shorter. */
		last = n <= 0 || left == 0;
		hash_block_add(q->filling, added, first, last, false);
	}
	m->hashed = true;
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------- */

struct verify_queue *verify_queue_new(struct store *s, bool threaded,
	int (*settle)(void *ctx, const struct verify_item *m), void *ctx, struct err *e)
{
	struct verify_queue *q = calloc(1, sizeof *q);
	if (q == NULL) {
		err_nomem(e, "checking the archive");
		return NULL;
	}
	q->s = s;
	q->settle = settle;
	q->ctx = ctx;
	q->h = hasher_new(AHEAD + 1, threaded, e);
	if (q->h == NULL) {
		free(q);
		return NULL;
	}
	return q;
}

void verify_queue_free(struct verify_queue *q)
{
	if (q == NULL)
		return;
	drop_all(q);
	for (size_t i = 0; i < ITEMS; i++)
		release(&q->item[i]);
	hasher_free(q->h);
	free(q);
}

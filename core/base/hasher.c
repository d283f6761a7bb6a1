/* SPDX-License-Identifier: MIT */
/* hasher.c -- see hasher.h. */
#include "core/base/hasher.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/crlf.h"
#include "core/base/thread.h"

/* Bytes that get their CRs at a time: little enough for the innermost cache. */
#define PART_SIZE ((size_t)8 << 10)

struct hasher {
	/* the caller's */
	struct hash_block *spare; /* the one used last is in the cache, so it comes first */
	size_t blocks, most, given;
	bool threaded;
	pthread_t thread;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct hash_block *first, *last; /* given */
	struct hash_block *todo;	 /* the first of them that is not done; NULL: all are */
	size_t undone;			 /* how many are not */
	size_t enough; /* the caller waits until no more than these are not done */
	bool idle, waiting, stop;
	/* the thread's */
	struct sha256 *hash;
	uint64_t size;
	unsigned char part[2 * PART_SIZE];
};

/* ---- computing -------------------------------------------------------------------------------- */

static int add_bytes(struct hasher *h, const unsigned char *p, size_t n, bool add_cr, struct err *e)
{
	while (n > 0) {
		size_t step = add_cr && n > PART_SIZE ? PART_SIZE : n;
		size_t len = add_cr ? crlf_expand(p, step, h->part) : step;
		if (sha256_add(h->hash, add_cr ? h->part : p, len, e) != 0)
			return -1;
		h->size += len;
		p += step;
		n -= step;
	}
	return 0;
}

static int compute_piece(
	struct hasher *h, struct hash_piece *piece, const unsigned char *p, struct err *e)
{
	if (piece->first) {
		h->size = 0;
		if (sha256_begin(h->hash, e) != 0)
			return -1;
	}
	if (add_bytes(h, p, piece->n, piece->add_cr, e) != 0)
		return -1;
	if (!piece->last)
		return 0;
	piece->size = h->size;
	return sha256_end(h->hash, piece->sha256, e);
}

static void compute(struct hasher *h, struct hash_block *b)
{
	const unsigned char *p = b->data;
	for (size_t i = 0; i < b->pieces && !err_is_set(&b->e); i++) {
		if (compute_piece(h, &b->piece[i], p, &b->e) != 0)
			break;
		p += b->piece[i].n;
	}
}

/* ---- the thread ------------------------------------------------------------------------------- */

/* The next block to compute; NULL: it is over. With the lock. */
static struct hash_block *next_work(struct hasher *h)
{
	while (h->todo == NULL && !h->stop) {
		h->idle = true;
		pthread_cond_wait(&h->work, &h->lock);
		h->idle = false;
	}
	return h->stop ? NULL : h->todo;
}

static void *run(void *ctx)
{
	struct hasher *h = ctx;
	struct hash_block *b;
	pthread_mutex_lock(&h->lock);
	while ((b = next_work(h)) != NULL) {
		pthread_mutex_unlock(&h->lock);
		compute(h, b);
		pthread_mutex_lock(&h->lock);
		b->done = true;
		h->todo = b->next;
		h->undone--;
		if (h->waiting && h->undone <= h->enough)
			pthread_cond_signal(&h->done);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

static void stop(struct hasher *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
}

/* ---- life --------------------------------------------------------------------------------------- */

bool hasher_has_processor(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) > 1;
}

static bool init_locks(struct hasher *h)
{
	if (pthread_mutex_init(&h->lock, NULL) != 0)
		return false;
	if (pthread_cond_init(&h->work, NULL) == 0) {
		if (pthread_cond_init(&h->done, NULL) == 0)
			return true;
		pthread_cond_destroy(&h->work);
	}
	pthread_mutex_destroy(&h->lock);
	return false;
}

static void destroy_locks(struct hasher *h)
{
	pthread_cond_destroy(&h->done);
	pthread_cond_destroy(&h->work);
	pthread_mutex_destroy(&h->lock);
}

struct hasher *hasher_new(size_t blocks, bool threaded, struct err *e)
{
	struct hasher *h = calloc(1, sizeof *h);
	if (h == NULL) {
		err_nomem(e, "computing SHA-256");
		return NULL;
	}
	h->most = blocks;
	h->hash = sha256_new(e);
	if (h->hash == NULL) {
		free(h);
		return NULL;
	}
	if (threaded && init_locks(h)) {
		h->threaded = thread_start(&h->thread, run, h) == 0;
		if (!h->threaded)
			destroy_locks(h);
	}
	return h;
}

static void free_list(struct hash_block *b)
{
	while (b != NULL) {
		struct hash_block *next = b->next;
		free(b);
		b = next;
	}
}

void hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	if (h->threaded) {
		stop(h);
		destroy_locks(h);
	}
	free_list(h->first);
	free_list(h->spare);
	sha256_free(h->hash);
	free(h);
}

/* ---- blocks --------------------------------------------------------------------------------------- */

struct hash_block *hasher_empty(struct hasher *h, struct err *e)
{
	struct hash_block *b = h->spare;
	if (b != NULL) {
		h->spare = b->next;
	} else if (h->blocks == h->most) {
		err_set(e, ERR_ACCOUNT, E_LIMIT, "more than %zu blocks to hash at a time", h->most);
		return NULL;
	} else if ((b = malloc(sizeof *b)) == NULL) {
		err_nomem(e, "computing SHA-256");
		return NULL;
	} else {
		h->blocks++;
	}
	b->len = b->pieces = 0;
	b->next = NULL;
	b->done = false;
	err_clear(&b->e);
	return b;
}

bool hash_block_is_full(const struct hash_block *b)
{
	return HASH_BLOCK_BYTES - b->len < HASH_BLOCK_ROOM || b->pieces == HASH_BLOCK_PIECES;
}

void hash_block_add(struct hash_block *b, size_t n, bool first, bool last, bool add_cr)
{
	b->len += n;
	b->piece[b->pieces++] =
		(struct hash_piece){.n = n, .first = first, .last = last, .add_cr = add_cr};
}

static void append(struct hasher *h, struct hash_block *b)
{
	if (h->last != NULL)
		h->last->next = b;
	else
		h->first = b;
	h->last = b;
}

/* By the caller, while the thread has nothing to do. */
static void compute_here(struct hasher *h, struct hash_block *b)
{
	compute(h, b);
	b->done = true;
	append(h, b);
}

void hasher_give(struct hasher *h, struct hash_block *b)
{
	h->given++;
	if (!h->threaded) {
		compute_here(h, b);
		return;
	}
	pthread_mutex_lock(&h->lock);
	append(h, b);
	if (h->todo == NULL)
		h->todo = b;
	h->undone++;
	if (h->idle)
		pthread_cond_signal(&h->work);
	pthread_mutex_unlock(&h->lock);
}

static bool is_at_work(struct hasher *h)
{
	pthread_mutex_lock(&h->lock);
	bool result = h->todo != NULL;
	pthread_mutex_unlock(&h->lock);
	return result;
}

void hasher_give_last(struct hasher *h, struct hash_block *b)
{
	if (h->threaded && is_at_work(h)) {
		hasher_give(h, b);
		return;
	}
	h->given++;
	compute_here(h, b);
}

size_t hasher_given(const struct hasher *h)
{
	return h->given;
}

static struct hash_block *remove_first(struct hasher *h)
{
	struct hash_block *b = h->first;
	h->first = b->next;
	if (h->first == NULL)
		h->last = NULL;
	b->next = NULL;
	return b;
}

struct hash_block *hasher_take(struct hasher *h)
{
	if (h->given == 0)
		return NULL;
	h->given--;
	if (!h->threaded)
		return remove_first(h);
	pthread_mutex_lock(&h->lock);
	/* Waking somebody costs as much as hashing many a message, so it is done once for half of the blocks. */
	h->enough = h->undone / 2;
	h->waiting = true;
	while (!h->first->done)
		pthread_cond_wait(&h->done, &h->lock);
	h->waiting = false;
	struct hash_block *b = remove_first(h);
	pthread_mutex_unlock(&h->lock);
	return b;
}

void hasher_put_back(struct hasher *h, struct hash_block *b)
{
	b->next = h->spare;
	h->spare = b;
}

/* SPDX-License-Identifier: MIT */
/*
 * hasher.h -- SHA-256 of many messages, computed by a thread of its own while the caller reads and writes.
 *
 * The caller fills blocks with the bytes of one message after the other, gives them away, and takes them back in the same
 * order with the sums filled in. A message may go on in the next block, and a block may hold many.
 *
 * It is not a pool: one thread, which does arithmetic and nothing else. It opens, reads and writes nothing, calls nobody back,
 * and touches no memory but the blocks it was given and the object's own. Nothing is shared between two objects.
 *
 * Invariants:
 *   - A block belongs to the caller until it is given, to the thread until it is taken, and to the caller again.
 *   - Blocks come back in the order in which they were given, whatever the thread does: a caller that takes one only when
 *     it has to behaves the same in every run.
 *   - There are never more blocks than hasher_new() was told.
 *   - An error of the thread comes with its block; nothing that follows in the same message has a sum then.
 *   - Signals are blocked in the thread, so they are the caller's as before.
 *
 * Where there is no second processor, or no thread can be had, hasher_give() computes at once, and all else stays the same.
 *
 * Life cycle: hasher_new -> (hasher_empty -> fill -> hasher_give -> hasher_take -> hasher_put_back), any number of times and
 * any number of blocks ahead -> hasher_free, at any time: what is not computed yet is given up.
 */
#ifndef CORE_BASE_HASHER_H
#define CORE_BASE_HASHER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/hash.h"

/* A block stays in the processor's cache, and is large enough that handing it over costs next to nothing. */
#define HASH_BLOCK_BYTES  ((size_t)256 << 10)
#define HASH_BLOCK_PIECES 128
#define HASH_BLOCK_ROOM	  ((size_t)4 << 10) /* for less nothing more is put into it */

/* A message, or a part of one. */
struct hash_piece {
	size_t n;	  /* bytes in the block, behind those of the piece before */
	bool first, last; /* of a message */
	bool add_cr;	  /* the message has a CR before each LF that is not in the block */
	/* Filled in when it is the last one: */
	uint64_t size; /* of the message, with these CRs */
	unsigned char sha256[SHA256_LEN];
};

struct hash_block {
	size_t len;    /* of data */
	size_t pieces; /* of piece */
	struct hash_piece piece[HASH_BLOCK_PIECES];
	struct err e;		 /* when it comes back: why not everything was computed */
	struct hash_block *next; /* hasher.c's */
	bool done;
	unsigned char data[HASH_BLOCK_BYTES];
};

struct hasher;

/* Would a thread gain anything here? */
bool hasher_has_processor(void);
/* NULL: E_NOMEM. blocks: how many there may be. threaded: usually hasher_has_processor(). */
struct hasher *hasher_new(size_t blocks, bool threaded, struct err *e);
void hasher_free(struct hasher *
		h); /* also the blocks, all of them must be given, taken and put back; NULL is fine */

/* A block without bytes. NULL: E_NOMEM, or E_LIMIT when there are too many. */
struct hash_block *hasher_empty(struct hasher *h, struct err *e);
/* Give it away, and go on in the next one. */
bool hash_block_is_full(const struct hash_block *b);
/* n more bytes are at data + len: a piece. */
void hash_block_add(struct hash_block *b, size_t n, bool first, bool last, bool add_cr);

void hasher_give(struct hasher *h, struct hash_block *b);
/* The same when the caller has nothing else to do before it takes all: the thread is not woken for this block if it has come to
 * its end with the others; then the caller computes. */
void hasher_give_last(struct hasher *h, struct hash_block *b);
size_t hasher_given(const struct hasher *h); /* and not taken yet */
/* The block that was given first, when it is done. NULL: none is given. */
struct hash_block *hasher_take(struct hasher *h);
void hasher_put_back(struct hasher *h, struct hash_block *b);

#endif

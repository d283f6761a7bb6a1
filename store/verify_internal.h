/* SPDX-License-Identifier: MIT */
/*
 * verify_internal.h -- what the files verify*.c and repair.c share; besides them only tests include it.
 */
#ifndef STORE_VERIFY_INTERNAL_H
#define STORE_VERIFY_INTERNAL_H

#include "store/store_internal.h"

/* A name in cur/ or new/. */
struct verify_file {
	char *name;
	bool in_new;
	bool regular;
	bool ours; /* the name is one of ours; then: */
	struct message_name n;
	size_t base; /* bytes before ':' */
	bool taken;  /* a row has it */
};

/* What one mailbox's folder holds: ours first, by UIDVALIDITY, UID and name. */
struct verify_listing {
	struct verify_file *at;
	size_t n, cap, ours;
};

int verify_list(struct maildir *m, struct verify_listing *l, struct err *e) NODISCARD;
void verify_listing_release(struct verify_listing *l);
/* The first file with this UIDVALIDITY and at least this UID. */
size_t verify_listing_find(const struct verify_listing *l, uint32_t uidvalidity, uint32_t uid);

/* What a file holds, hashed in the two ways a message file can be read. */
struct verify_content {
	uint64_t size_wire;
	unsigned char sha256[SHA256_LEN];
};
/* 0; 1 it cannot be read, *e says why (ERR_MESSAGE); -1. */
int verify_hash(const struct fsys *fs, int fd, bool add_cr, struct sha256 *hash,
	struct verify_content *out, struct err *e) NODISCARD;

/* Open name in cur/ or new/ of the folder; the descriptor or -1 with errno. */
int verify_open(struct maildir *m, const char *name, bool in_new, struct stat *st);

/* store_verify(), which says itself whether another thread hashes: nothing but the time it takes depends on that. */
int verify_archive(struct store *s, const struct store_verify_options *o, bool threaded,
	struct store_verify_counts *counts, struct err *e) NODISCARD;

/* ---- verify_queue.c ---------------------------------------------------------------------------- */

/* A row that was looked at, until it is its turn to be settled. */
struct verify_item {
	struct store_record record;	/* of its strings base and flags */
	const struct verify_file *file; /* NULL: none */
	enum store_fault fault;
	char *wrong; /* this fault, told without regard to the content; NULL: none */
	bool hashed; /* the file was read, and this is what it holds: */
	struct verify_content content;
	bool in_time; /* the file's time is right */
	int64_t mtime;
	char *text; /* the queue's */
};

struct verify_queue;

/*
 * settle() is told of each row, in the order in which they are pushed. When it returns non-zero, all that is on its way is
 * dropped, and whichever function called it returns that. NULL: E_NOMEM.
 */
struct verify_queue *verify_queue_new(struct store *s, bool threaded,
	int (*settle)(void *ctx, const struct verify_item *m), void *ctx, struct err *e);
void verify_queue_free(struct verify_queue *q); /* what is not settled is dropped; NULL is fine */
/* A new item for the row, which is not in the queue before verify_queue_push(). */
int verify_queue_next(struct verify_queue *q, const struct store_record *r,
	struct verify_item **out, struct err *e) NODISCARD;
int verify_item_wrong(
	struct verify_item *m, enum store_fault fault, const char *detail, struct err *e) NODISCARD;
/* Read the file, which is as long as the row says. Push the item when it is read. */
int verify_queue_read(
	struct verify_queue *q, struct verify_item *m, int fd, struct err *e) NODISCARD;
int verify_queue_push(struct verify_queue *q) NODISCARD;
/* Settle everything. */
int verify_queue_drain(struct verify_queue *q, struct err *e) NODISCARD;

#endif

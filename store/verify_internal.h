/* SPDX-License-Identifier: MIT */
/*
 * verify_internal.h -- what the files verify*.c and repair.c share; nobody else includes it.
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

#endif

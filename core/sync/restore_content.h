/* SPDX-License-Identifier: MIT */
/*
 * restore_content.h -- two hashes of one message: of all octets, and of what no server changes when it stores mail (line
 * ends, NULs). Bytes that differ by nothing but that are *normalised*.
 *
 * Life cycle: content_hash_init -> (begin -> add ... -> end), any number of times -> content_hash_release.
 */
#ifndef CORE_SYNC_RESTORE_CONTENT_H
#define CORE_SYNC_RESTORE_CONTENT_H

#include "core/sync/restore_origin.h"

struct content {
	unsigned char exact[SHA256_LEN], loose[SHA256_LEN];
};

struct content_hash {
	struct sha256 *exact, *loose;
	struct err *e; /* of the running call */
};

int content_hash_init(struct content_hash *h, struct err *e) NODISCARD;
void content_hash_release(struct content_hash *h); /* all zero is fine */
int content_hash_begin(struct content_hash *h, struct err *e) NODISCARD;
int content_hash_add(struct content_hash *h, const void *p, size_t n, struct err *e) NODISCARD;
int content_hash_end(struct content_hash *h, struct content *out, struct err *e) NODISCARD;
/* Of a message of the origin. ERR_MESSAGE when it cannot be read. */
int content_of(struct content_hash *h, struct restore_origin *o, int64_t generation, uint32_t uid,
	struct content *out, struct err *e) NODISCARD;

#endif

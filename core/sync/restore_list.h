/* SPDX-License-Identifier: MIT */
/*
 * restore_list.h -- the target's messages as it lists them, and which of them a wanted message may be.
 *
 * Life cycle: all zero -> listing_take, any number of times -> listing_sort -> questions -> listing_release.
 */
#ifndef CORE_SYNC_RESTORE_LIST_H
#define CORE_SYNC_RESTORE_LIST_H

#include "core/sync/restore_internal.h"

struct there {
	uint64_t size;
	int64_t secs;
	uint32_t uid;
	bool dated, used, candidate, hashed;
	unsigned char header[SHA256_LEN];
	size_t claims; /* wanted messages that it may be, by all but the bytes */
	bool tied;
	struct content *content; /* when tied */
};

struct listing {
	struct there *at; /* by UID */
	size_t n, cap;
	size_t *by_date; /* indices, by date and UID */
};

void listing_release(struct listing *l);
/* What has come of the answer to UID FETCH (UID RFC822.SIZE INTERNALDATE) so far. */
int listing_take(struct listing *l, imap4_cmd *c, struct err *e) NODISCARD;
/* It is complete. */
int listing_sort(struct listing *l, struct err *e) NODISCARD;

struct there *listing_find(const struct listing *l, uint32_t uid); /* NULL: not there */
/* Calls fn for each message that may be w, until it returns non-zero, and returns that. */
int listing_candidates(
	struct listing *l, const struct want *w, int (*fn)(struct there *t, void *ctx), void *ctx);
bool listing_same_size(const struct want *w, const struct there *t);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * index_view.h -- questions to the index about the past: what a run saw. For store/ only; errors as
 * in index.h.
 */
#ifndef STORE_INDEX_VIEW_H
#define STORE_INDEX_VIEW_H

#include "store/index.h"

/* See store_run_at(). */
int index_run_at(struct index *x, int64_t at, int64_t *run, struct err *e) NODISCARD;
/* The generation that was current in this run: 1 found (0 = never opened until then), 0 when the
 * mailbox did not exist, -1. */
int index_span_at(struct index *x, int64_t mailbox, int64_t run, int64_t *generation,
	struct err *e) NODISCARD;
/* How many messages with a file the run saw, and their wire bytes. */
int index_count_at(struct index *x, int64_t generation, int64_t run, uint64_t *messages,
	uint64_t *bytes, struct err *e) NODISCARD;
/* The flags a message had in this run when they have changed since: 1 (out is replaced), 0 when
 * today's are those of then, -1. */
int index_flags_at(struct index *x, int64_t generation, uint32_t uid, int64_t run, struct buf *out,
	struct err *e) NODISCARD;
/* Calls each(ctx, generation, uidvalidity) for the generations of a mailbox, the oldest first. */
int index_generations(struct index *x, int64_t mailbox,
	int (*each)(void *ctx, int64_t generation, uint32_t uidvalidity), void *ctx,
	struct err *e) NODISCARD;
/* Is a message with this content stored (and not gone) in the generation? 1, 0, -1. */
int index_has_content(struct index *x, int64_t generation, const unsigned char sha256[SHA256_LEN],
	struct err *e) NODISCARD;

#endif

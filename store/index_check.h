/* SPDX-License-Identifier: MIT */
/*
 * index_check.h -- is the index sound, and what repair writes into it. For store/ only; errors as
 * in index.h.
 */
#ifndef STORE_INDEX_CHECK_H
#define STORE_INDEX_CHECK_H

#include "store/index.h"

/*
 * SQLite's full check of pages and keys, then that references lead somewhere and that the
 * counters of the generations are those of their messages. Calls each(ctx, text) for each
 * contradiction, at most INDEX_CONTRADICTIONS_MAX times; the text is not escaped. Non-zero stops
 * and is returned. A file that SQLite cannot read at all gives E_CORRUPT.
 */
#define INDEX_CONTRADICTIONS_MAX 20
int index_contradictions(struct index *x, int (*each)(void *ctx, struct slice text), void *ctx,
	struct err *e) NODISCARD;
/* The same as one answer: E_CORRUPT with the first contradiction. */
int index_check_full(struct index *x, struct err *e) NODISCARD;

/* The row's file is lost: a stored message becomes failed with this reason, a gone one stays
 * gone, without a file. */
int index_message_lost(struct index *x, int64_t generation, uint32_t uid, struct slice reason,
	int64_t run, struct err *e) NODISCARD;

/* Calls each(ctx, generation, uid) for the rows of a mailbox whose message has this content;
 * non-zero stops and is returned. */
int index_rows_with(struct index *x, int64_t mailbox, const unsigned char sha256[SHA256_LEN],
	int (*each)(void *ctx, int64_t generation, uint32_t uid), void *ctx,
	struct err *e) NODISCARD;

/* The user_version that this program writes; a larger one is of a newer program. */
int64_t index_version(void);

#endif

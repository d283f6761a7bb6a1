/* SPDX-License-Identifier: MIT */
/* index_journal.h -- the restore journal in the index. For store/ only; errors as in index.h. */
#ifndef STORE_INDEX_JOURNAL_H
#define STORE_INDEX_JOURNAL_H

#include "store/index.h"

/* Replace what is noted about this message and this target. Part of the open group. */
int index_journal_put(struct index *x, struct slice target, struct slice mailbox,
	const struct store_journal_row *r, struct err *e) NODISCARD;
/* Calls each(ctx, row) in the order of generation and UID; non-zero stops and is returned. */
int index_journal_rows(struct index *x, struct slice target, struct slice mailbox,
	int (*each)(void *ctx, const struct store_journal_row *r), void *ctx,
	struct err *e) NODISCARD;
/* *any: something is noted as about to be sent to the target. */
int index_journal_unsettled(
	struct index *x, struct slice target, bool *any, struct err *e) NODISCARD;

#endif

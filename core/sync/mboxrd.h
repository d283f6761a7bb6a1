/* SPDX-License-Identifier: MIT */
/*
 * mboxrd.h -- the quoting of lines in an mbox, both ways, for data that comes in pieces: a line of any number of '>' and
 * then "From " has one more '>' in the file. Not the lines between messages.
 *
 * Life cycle: mboxrd_begin for each message -> mboxrd_add ... -> mboxrd_end. There is nothing to release.
 */
#ifndef CORE_SYNC_MBOXRD_H
#define CORE_SYNC_MBOXRD_H

#include "core/base/err.h"

enum mboxrd_way { MBOXRD_QUOTE, MBOXRD_UNQUOTE };

struct mboxrd {
	/* What comes out; in pieces of at most 6 bytes more than what was added. */
	int (*put)(void *ctx, const void *p, size_t n, struct err *e);
	void *ctx;
	/* private */
	enum mboxrd_way way;
	bool quotes;	/* so far the line is nothing but '>' */
	bool held;	/* one of them is held back */
	size_t matched; /* bytes of "From " behind them, held back too */
};

void mboxrd_begin(struct mboxrd *m, enum mboxrd_way way);
/* -1: what put() gave. */
int mboxrd_add(struct mboxrd *m, const void *p, size_t n, struct err *e) NODISCARD;
/* The message ends: what was held back comes out. */
int mboxrd_end(struct mboxrd *m, struct err *e) NODISCARD;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * repair_internal.h -- what repair.c and repair_file.c share; nobody else includes it.
 */
#ifndef STORE_REPAIR_INTERNAL_H
#define STORE_REPAIR_INTERNAL_H

#include "store/verify_internal.h"

/* A finding, kept until everything was looked at: the tree is not changed while it is being
 * compared. */
struct wound {
	struct store_finding f; /* its slices point into text */
	char *text, *detail;
	enum store_mending mending;
};

struct repair {
	struct store *s;
	struct err *e;
	struct sha256 *hash;
	struct store_repair_counts *counts;
	struct wound *at;
	size_t n, cap;
	/* Those that are missing, by generation and UID. */
	struct wound **missing;
	size_t nmissing;
	/* the folder at hand */
	struct maildir m;
	bool open;
	/* the caller's */
	int (*progress)(void *ctx, const struct store_verify_counts *c, struct slice mailbox);
	void *ctx;
};

/* The row of a finding. */
struct wound_row {
	bool found, has_file, add_cr;
	char base[MESSAGE_NAME_MAX];
	uint64_t size_disk, size_wire;
	unsigned char sha256[SHA256_LEN];
	int64_t secs;
	struct buf flags;
};
int repair_row(struct repair *r, int64_t generation, uint32_t uid, struct wound_row *row) NODISCARD;
/* qsort and bsearch over struct wound *: by generation and UID. */
int repair_by_row(const void *a, const void *b);

/* ---- repair_file.c: 1 done, 0 not possible, -1 ----------------------------------------------- */

/* Move the file to damaged/. */
int repair_set_aside(struct repair *r, const struct wound *w) NODISCARD;
/* The file's time becomes INTERNALDATE. */
int repair_time(struct repair *r, const struct wound *w) NODISCARD;
/* 1 the file of the row can be read and is what the row says (its time is, too, from now on), 0 not, -1. */
int repair_can_be_read(struct repair *r, const struct wound *w) NODISCARD;
/* The row's own file has a wrong name, or a stray one is the missing file of some row: it gets
 * that name. */
int repair_name(struct repair *r, struct wound *w) NODISCARD;
/* The content is what the file's own name says. */
int repair_is_sound(struct repair *r, const struct wound *w) NODISCARD;

#endif

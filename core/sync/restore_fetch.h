/* SPDX-License-Identifier: MIT */
/*
 * restore_fetch.h -- SHA-256 of messages of the target, or of their headers, one UID FETCH at a time.
 *
 * Life cycle: all zero -> hash_fetch_init -> (hash_fetch_start -> hash_fetch_done until it is not 0), any number of times
 * -> restore_drop, when a command is still running -> hash_fetch_release.
 */
#ifndef CORE_SYNC_RESTORE_FETCH_H
#define CORE_SYNC_RESTORE_FETCH_H

#include "core/sync/restore_internal.h"

struct hash_fetch {
	/* Called for each message whose octets came whole; `m` has its UID. -1 with *e: stop. */
	int (*each)(void *ctx, const imap4_message *m, const struct content *c, struct err *e);
	void *ctx;
	/* private */
	imap4_sink sink;
	bool messages; /* else headers */
	struct content_hash hash;
	struct content got;
	bool body, whole; /* of the message that arrives */
	struct err err;
};

int hash_fetch_init(struct hash_fetch *h,
	int (*each)(void *ctx, const imap4_message *m, const struct content *c, struct err *e),
	void *ctx, struct err *e) NODISCARD;
void hash_fetch_release(struct hash_fetch *h);
/* Start f->cmd. items: "UID BODY.PEEK[]" (messages) or "UID BODY.PEEK[HEADER]", with others in front. */
int hash_fetch_start(struct hash_fetch *h, struct restore_folder *f, const struct uidset *set,
	const char *items, bool messages, struct err *e) NODISCARD;
/* 1: complete, f->cmd is dropped; 0; -1. */
int hash_fetch_done(struct hash_fetch *h, struct restore_folder *f, struct err *e) NODISCARD;

#endif

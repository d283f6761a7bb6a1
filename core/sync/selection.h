/* SPDX-License-Identifier: MIT */
/*
 * selection.h -- which archived messages are meant: one set of criteria for list, show, export and
 * restore.
 *
 * Without `deleted` and `as_of` a selection is what the server has, as far as the archive knows:
 * stored messages of the current generation of each mailbox that the last LIST had. `as_of` is the
 * same for an earlier run, with the flags of then. `deleted` is the opposite: what the archive
 * still has and the server has not: messages found to be gone, those of vanished mailboxes, and
 * those of earlier generations (UIDVALIDITY) that were not found again. Both together: what that
 * run saw and is gone today.
 *
 * The order never depends on anything but the archive: mailboxes by the bytes of their wire name,
 * then generations as they came, then UIDs.
 *
 * Life cycle: selection_init -> fields, selection_add_header -> selection_run, any number of times
 * -> selection_release.
 */
#ifndef CORE_SYNC_SELECTION_H
#define CORE_SYNC_SELECTION_H

#include "core/sync/sync.h"

#define SELECTION_HEADERS_MAX 32

struct selection_header {
	struct slice name, text; /* borrowed */
};

struct selection {
	struct sync_patterns folders, exclude; /* as in struct sync_account; borrowed */
	/* INTERNALDATE: since <= date < before. A message without a date is in no such range. */
	bool has_since, has_before, has_uids, deleted, has_as_of;
	int64_t since, before;
	int64_t as_of; /* the newest run that began before this moment */
	struct uidset uids;
	const char *message_id; /* with or without <>; NULL = any; borrowed */
	/* Each must be in the message, its text within the field (decoded or as it is); ASCII case
	 * is ignored. */
	struct selection_header headers[SELECTION_HEADERS_MAX];
	size_t nheaders;
};

void selection_init(struct selection *sel);
void selection_release(struct selection *sel);
/* "NAME=TEXT"; the text may be empty: then the field must be there. E_USAGE. Borrows arg. */
int selection_add_header(struct selection *sel, const char *arg, struct err *e) NODISCARD;
/* "YYYY-MM-DD", "YYYY-MM-DD HH:MM" or "... HH:MM:SS" (or 'T' for the space), local time; a date
 * alone is its first moment. E_USAGE. */
int selection_parse_date(const char *text, int64_t *out, struct err *e) NODISCARD;

struct selection_item {
	const struct store_mailbox *box;
	uint32_t uidvalidity;
	const struct store_record *record; /* has a file; flags as of the selection */
};

struct selection_counts {
	size_t folders;	   /* selected */
	size_t vanished;   /* match the patterns, but the server no longer has them: left out */
	uint64_t messages; /* selected */
	uint64_t bytes;	   /* on the wire */
	uint64_t failed;   /* were never fetched, so that nobody can say whether they belong here */
	uint64_t unreadable; /* criteria on the header could not be checked */
	const char *
		unmatched; /* the first pattern that fits no folder at all, or NULL; of the selection */
};

/* Is it this one of the patterns that selects the folder? */
bool selection_fits(
	const char *pattern, struct slice name, char delimiter, struct slice attributes);

/* Are some messages of a folder meant, and others not? What has none of them is then of no interest. */
bool selection_of_messages(const struct selection *sel);
/* For messages that are in no archive: the criteria one by one. */
bool selection_in_dates(const struct selection *sel, const struct mail_date *d);
bool selection_asks_header(const struct selection *sel);
/* value and decoded: scratch, with room for HEADER_MAX (header.h) and four times that. */
bool selection_header_matches(
	const struct selection *sel, struct slice header, struct buf *value, struct buf *decoded);

/* 0 to go on; -1 with *e to stop. Strings are borrowed until the call returns, mailboxes until selection_run() does. They
 * may read messages. */
struct selection_sink {
	void *ctx;
	/* Before the messages of each selectable mailbox, also when it has none. May be NULL. */
	int (*folder)(void *ctx, const struct store_mailbox *box, struct err *e);
	int (*message)(void *ctx, const struct selection_item *item, struct err *e);
	/* The header of this message is needed and cannot be read. */
	int (*unreadable)(
		void *ctx, const struct selection_item *item, const struct err *why, struct err *e);
	/* All have come, and mailboxes are still there. May be NULL. */
	int (*end)(void *ctx, struct err *e);
};

/* -1: what a callback gave, an error of the store, or E_USAGE when no run began before as_of. */
int selection_run(struct store *s, const struct selection *sel, const struct selection_sink *sink,
	struct selection_counts *counts, struct err *e) NODISCARD;

#endif

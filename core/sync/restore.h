/* SPDX-License-Identifier: MIT */
/*
 * restore.h -- give messages of an archive, or of another tree, back to an IMAP server.
 *
 * What it promises (DESIGN rule 7): the archive's messages are never changed; a message that the target has already is
 * not sent again, whatever happened to earlier restores. Three things together see to that: the journal in the index,
 * written before and after each batch; the target's own list of messages (size, INTERNALDATE, hash of the header, and
 * all bytes of those that are alike so far); and the UIDs that the server tells. An upload whose outcome is unknown is resolved
 * by looking, once the server has had time to finish what it had received.
 *
 * A message that the server refuses is named with the server's words and the rest goes on.
 */
#ifndef CORE_SYNC_RESTORE_H
#define CORE_SYNC_RESTORE_H

#include "core/sync/selection.h"

struct restore_map {
	const char *from, *to; /* UTF-8, '/' between levels; children move along */
};

/* Names in UTF-8, not escaped, with '/' between levels of `from`; borrowed for the call. */
struct restore_plan {
	struct slice from, to;
	bool make;		  /* the folder is not there */
	uint64_t messages, bytes; /* to be sent */
	uint64_t present;
	uint64_t flags; /* of those, how many would have their flags set */
};

struct restore_options {
	const struct selection *select;
	const char *folder_prefix; /* put everything below this folder, or NULL */
	const struct restore_map *map;
	size_t nmap;
	bool dry_run; /* look at both sides, change nothing */
	bool verify;  /* read back what was restored, or there already, and compare */
	/*
	 * A rehearsal, into folders that nobody uses: the journal is neither asked nor written and the archive not locked
	 * against readers; nothing is subscribed to; no folder is made without a message; `verify` compares dates and flags of
	 * what was found there after a lost connection, too.
	 */
	bool rehearsal;
	/* How long, in ms, an upload may still arrive after its connection was lost or its sender killed: before that the
	 * target's messages are not looked at, or it would be sent twice. 0: SYNC_SETTLE_MS. */
	unsigned settle_ms;
	void *ctx; /* of the functions below */
	/* Which of the selected messages are meant; NULL: all. */
	bool (*wants)(void *ctx, const struct selection_item *item);
	/* dry_run: what is planned for a folder that is not left alone. May be NULL. */
	void (*plan)(void *ctx, const struct restore_plan *p);
	/* The server has made this folder, or may have: the connection was lost over it. May be NULL. */
	void (*made)(void *ctx, struct slice wire, char delimiter);
};

struct restore_report {
	struct selection_counts selected;
	size_t folders, folders_created, folders_failed;
	uint64_t restored, bytes; /* sent (dry_run: would be sent), octets on the wire */
	uint64_t present;	  /* were on the target already */
	uint64_t flags_set;	  /* ... with other flags, which were set (as_of) */
	uint64_t refused;	  /* by the server */
	uint64_t damaged;	  /* where it comes from: not sent */
	uint64_t flags_dropped;	  /* messages that lost a flag which the target cannot keep */
	uint64_t dates_dropped;	  /* ... or their INTERNALDATE, which the target does not take */
	uint64_t identical, normalised, different, unverified; /* verify */
	size_t problems;
};

/* Restore from the archive at `path` to the account `to`. 0: it finished (look at the report: it may be partial); -1: it
 * could not, *e says why; running it again goes on. */
int sync_restore(const char *path, const struct sync_account *to, const struct restore_options *o,
	const struct sync_hooks *h, struct restore_report *r, struct err *e) NODISCARD;
/* The same from a Maildir tree, an mbox or an export (import.h). There is no journal: what the target has is recognised by
 * its bytes, size and date alone. Of the selection, UIDs, `deleted` and `as_of` mean nothing here; `wants` is not called. */
int sync_restore_from(const char *path, const struct sync_account *to,
	const struct restore_options *o, const struct sync_hooks *h, struct restore_report *r,
	struct err *e) NODISCARD;

#endif

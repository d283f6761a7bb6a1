/* SPDX-License-Identifier: MIT */
/*
 * sync_rig.h -- a model server, an archive in a temporary folder, and backups between the two; then
 * the question that matters: is what the server has in the archive?
 */
#ifndef TESTS_SUPPORT_SYNC_RIG_H
#define TESTS_SUPPORT_SYNC_RIG_H

#include "core/sync/sync.h"
#include "tests/support/model_imap.h"
#include "tests/support/tmp_tree.h"

struct sync_rig {
	struct model_imap *m;
	struct tmp_tree dir;
	char path[160];
	struct sync_account account;
	struct sync_backup_options options;
	struct sync_interrupt interrupt;
	struct sync_hooks hooks;
	/* of the last run */
	struct sync_report report;
	struct err err;
	int rc;
	struct buf notes; /* one a line, with "problem: " and the like in front */
	unsigned secrets; /* how often the password was asked for */
};

bool rig_start(struct sync_rig *r);
void rig_end(struct sync_rig *r);

int rig_backup(struct sync_rig *r); /* r->rc */
/* The run said that everything is safe. */
bool rig_ok(const struct sync_rig *r);
bool rig_noted(const struct sync_rig *r, const char *text);

/* The newest generation of the mailbox has exactly the server's messages as stored ones, octet
 * for octet. When not, why (of size) says which. */
bool rig_same(struct sync_rig *r, const char *mailbox, char *why, size_t size);
/* Each message the mailbox's newest generation calls stored or keeps as a tombstone has a file
 * with its hash. */
bool rig_sound(struct sync_rig *r, const char *mailbox, char *why, size_t size);
/* UIDs of the newest generation in a state, as text ("1:3,7"); "-" when there is no such
 * mailbox. */
const char *rig_uids(
	struct sync_rig *r, const char *mailbox, enum store_state state, char *out, size_t size);
/* Flags of one stored message; "?" when there is none. */
const char *rig_flags(
	struct sync_rig *r, const char *mailbox, uint32_t uid, char *out, size_t size);
/* The mailbox's row; false when there is none. Strings are not kept. */
bool rig_mailbox(struct sync_rig *r, const char *mailbox, struct store_mailbox *out);
/* How the newest run ended. */
enum store_result rig_last_result(struct sync_rig *r);
/* A number that changes when any file or folder below mail/ is made, written, renamed or
 * removed. */
uint64_t rig_tree_state(const struct sync_rig *r);
/* Files in cur/ of all mailboxes. */
size_t rig_files(const struct sync_rig *r);

#endif

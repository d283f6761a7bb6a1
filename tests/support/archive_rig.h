/* SPDX-License-Identifier: MIT */
/*
 * archive_rig.h -- a small account and a "backup" of it, for tests that break the store in the middle.
 *
 * The account: INBOX (UIDVALIDITY 7) with UIDs 1-10 to be stored, of which 4 is then gone and 2 and 3 get other
 * flags, and 11, which cannot be fetched; Work/2016 (UIDVALIDITY 9) with UID 1, the same mail as INBOX 1, and
 * UID 2, which has a bare LF. archive_rig_sync() may be run again and again: like a backup, it stores only what
 * is missing.
 */
#ifndef TESTS_SUPPORT_ARCHIVE_RIG_H
#define TESTS_SUPPORT_ARCHIVE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

#define RIG_INBOX_FILES 10
#define RIG_WORK_FILES	2
#define RIG_BODY_MAX	128

/* Put temporary folders where flushing costs nothing, if there is such a place and TMPDIR says nothing else: what
 * these tests do thousands of times would take minutes on a disk, and no power is cut here. */
void archive_rig_in_memory(void);

/* How far apart the calls are that fail, where one way of failing is tried at every call and this is another: `step`,
 * and 1 where IMAPSYNC_LONG is set. */
unsigned long archive_rig_step(unsigned long step);

/* The wire bytes of a message; returns their number. */
size_t archive_rig_body(bool work, uint32_t uid, char out[RIG_BODY_MAX]);

/* Bring the archive at `path` up to date. *fetched: messages that were written (links do not count). */
int archive_rig_sync(const char *path, const struct fsys *fs, unsigned *fetched, struct err *e);

/* What must be true at any time, with any process killed anywhere: every message file is complete and what its
 * name says; every row that says stored has its file, with the right bytes; marks say complete only when all is
 * there. The archive is opened with `mode` for it; one that does not exist yet is fine. NULL, or what is
 * wrong (until the next call). */
const char *archive_rig_check(const char *path, enum store_mode mode);
/* What must be true after a whole sync: all of the above, each message once, nothing in tmp/. */
const char *archive_rig_check_complete(const char *path);

/* ---- pieces ---------------------------------------------------------------------------------------- */

int archive_rig_open(struct store **s, const char *path, enum store_mode mode,
	const struct fsys *fs, struct err *e);
int archive_rig_mailbox(struct store *s, const char *wire, int64_t *id, struct err *e);
/* Store a message with flags and a date of uid seconds after 2001-09-09 01:46:40 UTC. */
int archive_rig_put(struct store_generation *g, uint32_t uid, const void *body, size_t n,
	const char *flags, struct err *e);
int archive_rig_end(struct store *s, enum store_result result, struct err *e);

#endif

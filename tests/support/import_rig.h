/* SPDX-License-Identifier: MIT */
/*
 * import_rig.h -- what a restore from another tree would send, as text: one line "FOLDER" (behind it attributes and " subscribed")
 * for each folder, below it one line a message:
 *     <label> [flags] <date> "bytes with CR, LF and others as \r, \n, \xNN"
 * "! <label>: <why>" stands for one that is left out, "!! <why>" for a folder that cannot be read.
 */
#ifndef TESTS_SUPPORT_IMPORT_RIG_H
#define TESTS_SUPPORT_IMPORT_RIG_H

#include "core/sync/import.h"
#include "tests/support/tmp_tree.h"

struct import_rig {
	struct tmp_tree tree;
	struct selection sel;
	struct selection_counts counts;
	struct buf text; /* of the last run */
	struct err err;
};

bool import_rig_start(struct import_rig *r);
void import_rig_end(struct import_rig *r);
/* Folders on the way are made; the file has this modification time. */
bool import_rig_file(
	struct import_rig *r, const char *path, const char *content, size_t n, int64_t mtime);
/* cur, new and tmp of a Maildir; "" is the top. */
bool import_rig_maildir(struct import_rig *r, const char *path);
/* Read what is at this path of the tree (NULL: an absolute one); the text, or the error's when it fails. */
const char *import_rig_run(struct import_rig *r, const char *path);
/* A number that changes when anything in the tree does. */
uint64_t import_rig_state(const struct import_rig *r);

#endif

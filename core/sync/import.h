/* SPDX-License-Identifier: MIT */
/*
 * import.h -- mail that is not in one of our archives as the origin of a restore: Maildir trees of any layout, an mbox, and
 * what export wrote (export.h).
 *
 *   folder with MANIFEST    an export: folders, dates and flags are those of the manifest, and every message must have its
 *                           SHA-256
 *   other folder            each folder in it that has cur and new or tmp is a Maildir (import_maildir.c has the names)
 *   file                    an mbox, or a tar file of an export; with gzip, too. An mbox with its manifest beside it is
 *                           read by the manifest.
 *
 * Everything is hostile: paths stay below the folder, links are not followed, nothing but regular files is read, and
 * sizes are those of the files. Nothing is changed: all is opened for reading only. What is compressed is first expanded
 * into a temporary file without a name (in TMPDIR, else /tmp).
 *
 * Memory: the messages of the folders that are not done with, about 150 bytes each; of a tar file 32 bytes for each file
 * besides.
 */
#ifndef CORE_SYNC_IMPORT_H
#define CORE_SYNC_IMPORT_H

#include "core/sync/restore.h"
#include "core/sync/restore_origin.h"

#define IMPORT_MESSAGES_MAX ((size_t)4 << 20) /* in one folder; files in a tar file */

/* What is at `path`. `o`, `h` and what they point to must live as long as the origin. E_USAGE: there is no mail that could
 * be read; E_CORRUPT: a file is cut off or damaged; E_LIMIT; E_IO and E_FULL. */
int import_open(struct restore_origin **out, const char *path, const struct restore_options *o,
	const struct sync_hooks *h, struct err *e) NODISCARD;

#endif

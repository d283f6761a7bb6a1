/* SPDX-License-Identifier: MIT */
/*
 * export.h -- archived messages into one file: mbox, tar, or a folder with a Maildir tree or .eml
 * files.
 *
 * Invariants:
 *   - Reproducible: the same selection of the same archive gives the same bytes. Order is that of
 *     core/sync/selection.h; times are those of the messages; owners, the gzip header and modes are
 *     fixed.
 *   - Nothing appears under the final name before it is complete and flushed; nothing stays after a
 *     failure. A file that exists is replaced only when asked, and then only a regular file.
 *   - Every message is compared with the SHA-256 of its row before its first byte is written. One
 *     that differs or cannot be read is reported and left out.
 *   - Memory does not depend on the size of a message or of the archive.
 *
 * The manifest: one line a folder, behind it one line for each of its messages, in their order; its first two lines say
 * so, and the last one has the SHA-256 of all bytes in front of it:
 *     imapsync-manifest 3
 *     # sha256 size date flags uidvalidity uid folder place
 *     # folder Sent \Sent,\Subscribed
 *     ...
 *     # end SHA256
 * Version 2 is the same without the lines of folders, and version 1 also without the last line. A folder without messages
 * has its line unless only some messages of the folders were selected. Behind its name are those of its attributes that
 * export_attribute[] knows, separated by commas, or "-". Fields are separated by single spaces. sha256 and size: of the message as the server sent it. date:
 * INTERNALDATE as 2024-03-01T10:00:00+0200, or "-". flags: separated by commas, or "-". folder: the
 * mailbox's name as the server spells it, with '/' between levels unless a line "# delimiter ." in
 * front says another one ("-": there is none). place: the path in the tar file or folder, or
 * @OFFSET+LENGTH in the (uncompressed) mbox, before quoting is undone. In flags, folder and place,
 * '%', ',' and bytes outside 21-7E are %XX; so is a flag "-". In a tar file it is the last entry,
 * MANIFEST; in a folder the file MANIFEST; beside an mbox FILE.manifest.
 */
#ifndef CORE_SYNC_EXPORT_H
#define CORE_SYNC_EXPORT_H

#include "core/sync/selection.h"

enum export_container { EXPORT_MBOX, EXPORT_TAR, EXPORT_FOLDER };
enum export_layout { EXPORT_MAILDIR, EXPORT_EML }; /* of a tar file or folder */

struct export_format {
	enum export_container container;
	enum export_layout layout;
	bool gzip;
};

/*
 * The format by its name ("mbox", "mbox.gz", "tar", "tar.gz", "eml.tar", "eml.tar.gz", "maildir",
 * "eml"), else (NULL) by the ending of the file's name: .mbox .tar .tar.gz .tgz .mbox.gz. "eml" and
 * "maildir" with such an ending mean the layout inside. A tar file has the Maildir layout unless
 * told otherwise. E_USAGE.
 */
int export_format_choose(
	const char *name, const char *output, struct export_format *out, struct err *e) NODISCARD;

struct export_options {
	const struct selection *select;
	const char *output; /* a path, or "-": standard output */
	struct export_format format;
	bool force; /* replace existing files */
};

struct export_report {
	struct selection_counts counts;
	uint64_t messages, bytes; /* written; bytes as on the wire */
	uint64_t damaged; /* selected, but unreadable or not what the server sent: not written */
};

/* Before work that takes long: can sync_export() begin to write there? Opens the output and gives it
 * up again; nothing stays. */
int sync_export_check(const struct export_options *o, struct err *e) NODISCARD;

/* 0: the output is complete but for what the report says; -1: there is none. Interrupted: -1,
 * E_CANCELLED. Problems with single messages go to h->note. */
int sync_export(struct store *s, const struct export_options *o, const struct sync_hooks *h,
	struct export_report *r, struct err *e) NODISCARD;

#endif

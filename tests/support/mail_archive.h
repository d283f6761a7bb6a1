/* SPDX-License-Identifier: MIT */
/*
 * mail_archive.h -- a small archive for one test, filled run by run through store.h alone.
 *
 *     mail_archive_make(&a)
 *     mail_archive_begin(&a)  a.s is open for writing, a run is open
 *         g = mail_archive_box(&a, "INBOX", 1)   mail_archive_add(g, 1, "\\Seen", date, text) ...
 *     mail_archive_end(&a, started)   everything is closed; the run began at `started`
 *     mail_archive_read(&a)   a.s is open for reading
 *     mail_archive_remove(&a)
 *
 * The functions tell false (or NULL) on failure, and a.e says why.
 */
#ifndef TESTS_SUPPORT_MAIL_ARCHIVE_H
#define TESTS_SUPPORT_MAIL_ARCHIVE_H

#include "store/store.h"
#include "tests/support/tmp_tree.h"

#define MAIL_ARCHIVE_BOXES 16

struct mail_archive {
	struct tmp_tree tree;
	char path[160]; /* of the archive, in the tree */
	struct store *s;
	struct store_generation *open[MAIL_ARCHIVE_BOXES];
	size_t opened;
	enum store_layout layout;
	enum store_newline newline;
	struct err e;
};

bool mail_archive_make(struct mail_archive *a);
void mail_archive_remove(struct mail_archive *a);
bool mail_archive_begin(struct mail_archive *a);
bool mail_archive_end(struct mail_archive *a, int64_t started);
bool mail_archive_read(struct mail_archive *a);
void mail_archive_close(struct mail_archive *a);

/* The mailbox was listed ('/' is its delimiter) and has this UIDVALIDITY; 0: it was not opened,
 * NULL is right then. */
struct store_generation *mail_archive_box(
	struct mail_archive *a, const char *wire, uint32_t uidvalidity);
/* A LIST did not have it any more. */
bool mail_archive_vanish(struct mail_archive *a, const char *wire);
/* date: INTERNALDATE, or NULL for none. */
bool mail_archive_add(struct mail_archive *a, struct store_generation *g, uint32_t uid,
	const char *flags, const char *date, struct slice message);
bool mail_archive_gone(
	struct mail_archive *a, struct store_generation *g, uint32_t lo, uint32_t hi);
/* The current row of a mailbox by its wire name: its generation, 0 when there is none. */
int64_t mail_archive_generation(struct mail_archive *a, const char *wire);
/* The first file below mail/<path>/cur whose name holds `part`: its path within a.tree. */
bool mail_archive_find(
	struct mail_archive *a, const char *box, const char *part, char *out, size_t size);

#endif

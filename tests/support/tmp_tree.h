/* SPDX-License-Identifier: MIT */
/*
 * tmp_tree.h -- a folder for one test, and the few things tests do to folders behind the program's back.
 */
#ifndef TESTS_SUPPORT_TMP_TREE_H
#define TESTS_SUPPORT_TMP_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tmp_tree {
	char path[128];
	int fd; /* of the folder */
};

bool tmp_tree_make(struct tmp_tree *t);
void tmp_tree_remove(struct tmp_tree *t); /* with everything in it; follows no links */

bool tmp_tree_write(const struct tmp_tree *t, const char *name, const void *p, size_t n);
/* The file's bytes (free() them) and their number; NULL when it cannot be read. */
unsigned char *tmp_tree_read(const struct tmp_tree *t, const char *name, size_t *n);
bool tmp_tree_mkdir(const struct tmp_tree *t, const char *name);
bool tmp_tree_exists(
	const struct tmp_tree *t, const char *name); /* itself, not what it points to */
/* Entries of a folder, without "." and ".."; -1 when it cannot be read. */
int tmp_tree_count(const struct tmp_tree *t, const char *name);
/* The first path whose permissions are not 0700 (folder) or 0600 (file); false when all are right. */
bool tmp_tree_wrong_mode(const struct tmp_tree *t, char *out, size_t size);

#endif

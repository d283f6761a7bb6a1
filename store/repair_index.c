/* SPDX-License-Identifier: MIT */
/*
 * repair_index.c -- is the index damaged? Then it is set aside, whole, for whoever wants to look
 * for flag history in it; opening the archive makes a new one from the tree.
 *
 * Only what SQLite or our own checks call damaged is set aside. An index that cannot be read for
 * other reasons (rights, a failing disk, a newer program) stays where it is: making another one
 * would only hide the trouble.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "store/index_check.h"
#include "store/store_internal.h"

#define JOURNAL	     INDEX_FILE "-journal"
#define ASIDE_TRIES  100
#define HEADER_BYTES 100 /* SQLite file format, section 1.3 */

static uint32_t big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* SQLite would say so as well, but in the words of an error. */
static bool is_newer(struct store *s)
{
	unsigned char h[HEADER_BYTES];
	int fd = fsys_open_file(s->fs, s->root, INDEX_FILE, NULL);
	if (fd < 0)
		return false;
	ssize_t n = fsys_read_full(s->fs, fd, h, sizeof h);
	fsys_close_quiet(s->fs, fd);
	return n == (ssize_t)sizeof h && memcmp(h, "SQLite format 3", 16) == 0 &&
		big_endian(h + 68) == INDEX_APPLICATION_ID &&
		(int64_t)(int32_t)big_endian(h + 60) > index_version();
}

/* 0 sound (or empty: that one is filled in), 1 damaged, -1 something else is wrong. */
static int is_damaged(struct store *s, struct err *e)
{
	struct index *x;
	bool fresh;
	int result = index_open(&x, s->fs, s->root, s->path, true, &fresh, e);
	if (result == 0) {
		result = fresh ? 0 : index_check_full(x, e);
		index_close(x);
	}
	if (result == 0)
		return 0;
	if (e->code != E_CORRUPT || is_newer(s))
		return -1;
	err_clear(e);
	return 1;
}

static int move_failed(struct store *s, const char *name, struct err *e)
{
	int errnum = errno;
	char path[STORE_PATH_SHOWN];
	return err_sys(
		e, ERR_STORE, E_IO, errnum, "cannot rename %s/%s", store_show_path(s, path), name);
}

/* The journal first: beside a new index it would be taken for that one's, and played back into
 * it. */
static int move_both(struct store *s, const char *aside, struct err *e)
{
	char journal[sizeof s->recovery.aside + 16];
	snprintf(journal, sizeof journal, "%s-journal", aside);
	if (fsys_rename_noreplace(s->fs, s->root, JOURNAL, s->root, journal) != 0 &&
		errno != ENOENT)
		return errno == EEXIST ? 1 : move_failed(s, JOURNAL, e);
	if (fsys_rename_noreplace(s->fs, s->root, INDEX_FILE, s->root, aside) != 0)
		return errno == EEXIST ? 1 : move_failed(s, INDEX_FILE, e);
	return s->fs->fsync(s->fs->ctx, s->root) == 0 ? 0 : move_failed(s, INDEX_FILE, e);
}

int index_set_aside_if_damaged(struct store *s, struct err *e)
{
	char *aside = s->recovery.aside;
	if (fsys_type_at(s->fs, s->root, INDEX_FILE) != FSYS_FILE)
		return 0;
	/* Without the tree there is nothing to make an index from. */
	int damaged = fsys_type_at(s->fs, s->root, "mail") == FSYS_DIR ? is_damaged(s, e) : 0;
	if (damaged <= 0)
		return damaged;
	int64_t now = clock_wall();
	int result = 1;
	for (int i = 0; result > 0 && i < ASIDE_TRIES; i++) {
		snprintf(aside, sizeof s->recovery.aside, INDEX_FILE ".damaged-%lld",
			(long long)now + i);
		result = move_both(s, aside, e);
	}
	if (result > 0)
		result = err_set(e, ERR_STORE, E_EXISTS,
			"there are too many damaged indexes in the archive");
	if (result != 0)
		aside[0] = '\0';
	return result;
}

bool store_has_tree(const char *path)
{
	const struct fsys *fs = fsys_real();
	int root = fsys_open_root(fs, path);
	bool tree = root >= 0 && fsys_type_at(fs, root, "mail") == FSYS_DIR;
	fsys_close_quiet(fs, root);
	return tree;
}

/* SPDX-License-Identifier: MIT */
/*
 * scratch.c -- see scratch.h.
 *
 * Folder names come from a server, so the tree may be deeper than there are descriptors or stack. A
 * folder that holds folders is therefore emptied by moving those to the top: nothing is ever handled
 * more than one level down.
 */
#include "cmd/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/text.h"

#define SCRATCH_PATH_MAX 4096
#define SCRATCH_NAME	 "imapsync-export-XXXXXX"
#define OPEN_DIR	 (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static int fail(struct err *e, const char *doing, const char *path, int error)
{
	char shown[TEXT_SHOW_SIZE];
	return err_sys(e, ERR_STORE, E_IO, error, "cannot %s the temporary folder %s", doing,
		text_show(shown, sizeof shown, slice_str(path)));
}

/* ---- making ---------------------------------------------------------------------------------- */

/* The folder that holds `output`, without slashes at its end: "" is the root. */
static struct slice folder_of(const char *output)
{
	if (strcmp(output, "-") == 0) {
		const char *tmp = getenv("TMPDIR");
		return slice_str(tmp != NULL && *tmp != '\0' ? tmp : "/tmp");
	}
	size_t n = strlen(output);
	while (n > 0 && output[n - 1] == '/')
		n--;
	while (n > 0 && output[n - 1] != '/')
		n--;
	if (n == 0 && output[0] != '/')
		return slice_str(".");
	while (n > 0 && output[n - 1] == '/')
		n--;
	return slice_of(output, n);
}

/* From here on the folder is known by its descriptor. */
static int hold(struct scratch *s, struct err *e)
{
	struct stat st;
	s->dir = open(s->path, OPEN_DIR);
	if (s->dir < 0 || fstat(s->dir, &st) != 0)
		return fail(e, "open", s->path, errno);
	if (st.st_uid != geteuid() || (st.st_mode & 07777) != 0700)
		return err_set(e, ERR_STORE, E_STATE,
			"the temporary folder was exchanged while it was made");
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return 0;
}

static void release(struct scratch *s)
{
	if (s->dir >= 0)
		close(s->dir);
	if (s->parent >= 0)
		close(s->parent);
	free(s->path);
	*s = (struct scratch)SCRATCH_INIT;
}

int scratch_make(struct scratch *s, const char *output, struct err *e)
{
	struct buf path = BUF_INIT(SCRATCH_PATH_MAX);
	struct slice folder = folder_of(output);
	*s = (struct scratch)SCRATCH_INIT;
	buf_add_slice(&path, folder);
	buf_add_str(&path, "/");
	if (buf_check(&path, "the name of a temporary folder", e) == 0)
		s->parent = open(buf_str(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err_is_set(e) && s->parent < 0)
		fail(e, "make", buf_str(&path), errno);
	buf_add_str(&path, SCRATCH_NAME);
	if (!err_is_set(e))
		(void)!buf_check(&path, "the name of a temporary folder", e);
	s->path = buf_take(&path);
	if (err_is_set(e)) {
		release(s);
		return err_widen(e, ERR_STORE);
	}
	if (mkdtemp(s->path) == NULL) {
		fail(e, "make", s->path, errno);
		release(s);
		return -1;
	}
	if (hold(s, e) != 0) {
		/* Empty, if it is ours at all. */
		rmdir(s->path);
		release(s);
		return -1;
	}
	return 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A stream of its own, at the beginning; the descriptor stays open. */
static DIR *list(int dir)
{
	int fd = openat(dir, ".", OPEN_DIR);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL && fd >= 0) {
		int error = errno;
		close(fd);
		errno = error;
	}
	return d;
}

/* To the top, under the next number that is free there. */
static int move_up(struct scratch *s, int from, const char *name)
{
	char number[24];
	struct stat st;
	do
		snprintf(number, sizeof number, "%u", s->moved++);
	while (fstatat(s->dir, number, &st, AT_SYMLINK_NOFOLLOW) == 0);
	return renameat(from, name, s->dir, number);
}

static int remove_entry(struct scratch *s, int dir, const char *name);

/* Every entry once; *seen: how many there were. */
static int sweep(struct scratch *s, int dir, size_t *seen)
{
	DIR *d = list(dir);
	if (d == NULL)
		return -1;
	int rc = 0;
	*seen = 0;
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(d);
		if (entry == NULL) {
			rc = errno != 0 ? -1 : 0;
			break;
		}
		if (is_dots(entry->d_name))
			continue;
		++*seen;
		if ((rc = remove_entry(s, dir, entry->d_name)) != 0)
			break;
	}
	int error = errno;
	closedir(d);
	errno = error;
	return rc;
}

/* Again until there is none: what is removed while a folder is read may hide other entries. */
static int empty(struct scratch *s, int dir)
{
	size_t seen;
	do {
		if (sweep(s, dir, &seen) != 0)
			return -1;
	} while (seen > 0);
	return 0;
}

/* A file or link goes, a folder below the top moves there, a folder at the top goes with its files.
 */
static int remove_entry(struct scratch *s, int dir, const char *name)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir, name, 0);
	if (dir != s->dir)
		return move_up(s, dir, name);
	int fd = openat(dir, name, OPEN_DIR);
	if (fd < 0)
		return -1;
	int rc = empty(s, fd);
	int error = errno;
	close(fd);
	errno = error;
	return rc == 0 ? unlinkat(dir, name, AT_REMOVEDIR) : -1;
}

/* Its own name, if that still is its name. */
static int remove_top(const struct scratch *s)
{
	struct stat st;
	const char *name = strrchr(s->path, '/') + 1;
	if (fstatat(s->parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (st.st_dev != s->dev || st.st_ino != s->ino) {
		errno = ESTALE;
		return -1;
	}
	return unlinkat(s->parent, name, AT_REMOVEDIR);
}

int scratch_remove(struct scratch *s, struct err *e)
{
	int rc = 0;
	if (s->path != NULL && (empty(s, s->dir) != 0 || remove_top(s) != 0))
		rc = fail(e, "remove", s->path, errno);
	release(s);
	return rc;
}

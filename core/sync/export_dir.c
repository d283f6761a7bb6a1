/* SPDX-License-Identifier: MIT */
/*
 * export_dir.c -- a tree as a folder: made as FOLDER.part-XXXXXX, every file flushed, then renamed.
 * A folder that is there already is never touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"

#define DIR_BUFFER ((size_t)64 << 10)
#define DEPTH_FDS  16 /* descriptors while removing */

struct dir {
	struct export_tree t;
	char *path, *part; /* part NULL: it has its final name */
	int root;	   /* part, open */
	int fd;		   /* the file being written, or -1 */
	int64_t mtime;
	size_t held;
	unsigned char buffer[DIR_BUFFER];
};

static int fail(struct dir *d, struct err *e, const char *doing, const char *name)
{
	char shown[TEXT_SHOW_SIZE / 2], within[TEXT_SHOW_SIZE / 2];
	int error = errno;
	return err_sys(e, ERR_STORE, E_IO, error, "cannot %s %s%s%s", doing,
		text_show(shown, sizeof shown, slice_str(d->path)), name != NULL ? "/" : "",
		name != NULL ? text_show(within, sizeof within, slice_str(name)) : "");
}

static int dir_dir(struct export_tree *tree, const char *path, struct err *e)
{
	struct dir *d = (struct dir *)tree;
	struct stat st;
	if (mkdirat(d->root, path, 0700) == 0)
		return 0;
	if (errno == EEXIST && fstatat(d->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode))
		return 0;
	return fail(d, e, "make", path);
}

static int dir_file(
	struct export_tree *tree, const char *path, uint64_t size, int64_t mtime, struct err *e)
{
	struct dir *d = (struct dir *)tree;
	(void)size;
	d->mtime = mtime;
	d->held = 0;
	d->fd = openat(d->root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return d->fd >= 0 ? 0 : fail(d, e, "make", path);
}

static int write_all(struct dir *d, const unsigned char *p, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t done = write(d->fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? EIO : errno;
			return fail(d, e, "write into", NULL);
		}
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

static int dir_data(struct export_tree *tree, const void *p, size_t n, struct err *e)
{
	struct dir *d = (struct dir *)tree;
	if (n > DIR_BUFFER - d->held) {
		if (write_all(d, d->buffer, d->held, e) != 0)
			return -1;
		d->held = 0;
	}
	if (n >= DIR_BUFFER)
		return write_all(d, p, n, e);
	if (n > 0)
		memcpy(d->buffer + d->held, p, n);
	d->held += n;
	return 0;
}

static int dir_end(struct export_tree *tree, struct err *e)
{
	struct dir *d = (struct dir *)tree;
	const struct timespec times[2] = {{(time_t)d->mtime, 0}, {(time_t)d->mtime, 0}};
	int rc = write_all(d, d->buffer, d->held, e);
	if (rc == 0 && (futimens(d->fd, times) != 0 || fsync(d->fd) != 0))
		rc = fail(d, e, "flush a file of", NULL);
	if (close(d->fd) != 0 && rc == 0)
		rc = fail(d, e, "close a file of", NULL);
	d->fd = -1;
	return rc;
}

/* nftw() has no context; folders are flushed and things removed by their name alone. */
static int flush_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	if (type != FTW_DP && type != FTW_D)
		return 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int rc = fsync(fd), error = errno;
	close(fd);
	errno = error;
	return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	/* What cannot be removed does not keep the rest. */
	(void)remove(path);
	return 0;
}

static int dir_finish(struct export_tree *tree, struct err *e)
{
	struct dir *d = (struct dir *)tree;
	struct stat st;
	if (nftw(d->part, flush_entry, DEPTH_FDS, FTW_PHYS | FTW_DEPTH) != 0)
		return fail(d, e, "flush", NULL);
	/* rename(2) would replace an empty folder that has come up meanwhile; one with something in
	 * it, never. */
	if (lstat(d->path, &st) == 0)
		return export_may_write(d->path, false, e);
	if (rename(d->part, d->path) != 0)
		return fail(d, e, "name the output", NULL);
	free(d->part);
	d->part = NULL;
	return export_flush_parent(d->path, e);
}

static void dir_close(struct export_tree *tree)
{
	struct dir *d = (struct dir *)tree;
	if (d->fd >= 0)
		close(d->fd);
	if (d->root >= 0)
		close(d->root);
	if (d->part != NULL)
		(void)nftw(d->part, remove_entry, DEPTH_FDS, FTW_PHYS | FTW_DEPTH);
	free(d->part);
	free(d->path);
	free(d);
}

/* A name with a slash at its end is the same folder. */
static int open_part(struct dir *d, const char *output, struct err *e)
{
	size_t n = strlen(output);
	while (n > 1 && output[n - 1] == '/')
		n--;
	d->path = strndup(output, n);
	char *part = malloc(n + sizeof ".part-XXXXXX");
	if (d->path == NULL || part == NULL) {
		free(part);
		return err_nomem(e, "the name of the output");
	}
	memcpy(part, output, n);
	memcpy(part + n, ".part-XXXXXX", sizeof ".part-XXXXXX");
	if (export_may_write(d->path, false, e) != 0 || mkdtemp(part) == NULL) {
		if (!err_is_set(e))
			fail(d, e, "make", NULL);
		free(part);
		return -1;
	}
	d->part = part;
	d->root = open(part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return d->root >= 0 ? 0 : fail(d, e, "open", NULL);
}

struct export_tree *export_dir_new(const char *output, struct err *e)
{
	struct dir *d = malloc(sizeof *d);
	if (d == NULL) {
		err_nomem(e, "the folder");
		return NULL;
	}
	memset(d, 0, offsetof(struct dir, buffer));
	d->root = d->fd = -1;
	d->t = (struct export_tree){dir_dir, dir_file, dir_data, dir_end, dir_finish, dir_close};
	if (open_part(d, output, e) != 0) {
		dir_close(&d->t);
		return NULL;
	}
	return &d->t;
}

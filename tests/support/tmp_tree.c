/* SPDX-License-Identifier: MIT */
/*
 * tmp_tree.c -- see tmp_tree.h.
 */
#include "tests/support/tmp_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool tmp_tree_make(struct tmp_tree *t)
{
	const char *base = getenv("TMPDIR");
	t->fd = -1;
	int n = snprintf(t->path, sizeof t->path, "%s/imapsync-test-XXXXXX",
		base != NULL && *base != '\0' ? base : "/tmp");
	if (n < 0 || (size_t)n >= sizeof t->path || mkdtemp(t->path) == NULL)
		return false;
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return t->fd >= 0;
}

static void remove_below(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0)
		return;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(d)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			remove_below(fd, entry->d_name);
	closedir(d);
	unlinkat(dir, name, AT_REMOVEDIR);
}

void tmp_tree_remove(struct tmp_tree *t)
{
	if (t->fd < 0)
		return;
	close(t->fd);
	t->fd = -1;
	remove_below(AT_FDCWD, t->path);
}

bool tmp_tree_write(const struct tmp_tree *t, const char *name, const void *p, size_t n)
{
	int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool good = write(fd, p, n) == (ssize_t)n;
	return close(fd) == 0 && good;
}

unsigned char *tmp_tree_read(const struct tmp_tree *t, const char *name, size_t *n)
{
	int fd = openat(t->fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	unsigned char *p = NULL;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		*n = (size_t)st.st_size;
		p = malloc(*n + 1);
		if (p != NULL && read(fd, p, *n) != (ssize_t)*n) {
			free(p);
			p = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return p;
}

bool tmp_tree_mkdir(const struct tmp_tree *t, const char *name)
{
	return mkdirat(t->fd, name, 0700) == 0;
}

bool tmp_tree_exists(const struct tmp_tree *t, const char *name)
{
	struct stat st;
	return fstatat(t->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int tmp_tree_count(const struct tmp_tree *t, const char *name)
{
	int fd = openat(t->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL)
		return -1;
	for (struct dirent *entry; (entry = readdir(d)) != NULL;)
		n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(d);
	return n;
}

static bool wrong_below(int dir, const char *name, char *out, size_t size)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if ((st.st_mode & 07777) != (S_ISDIR(st.st_mode) ? 0700 : 0600)) {
		snprintf(out, size, "%s (%o)", name, (unsigned)st.st_mode);
		return true;
	}
	int fd = S_ISDIR(st.st_mode) ? openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL)
		return false;
	bool wrong = false;
	for (struct dirent *entry; !wrong && (entry = readdir(d)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			wrong = wrong_below(fd, entry->d_name, out, size);
	closedir(d);
	return wrong;
}

bool tmp_tree_wrong_mode(const struct tmp_tree *t, char *out, size_t size)
{
	return wrong_below(AT_FDCWD, t->path, out, size);
}

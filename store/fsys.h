/* SPDX-License-Identifier: MIT */
/*
 * fsys.h -- the system calls the archive uses, as a table, and the few ways in which it uses them.
 *
 * A table, so that tests can fail each call in turn; helpers, so that every file is opened and made
 * in the same careful way: nothing is followed out of the archive (no symbolic link, no ".."), a
 * FIFO in place of a file cannot make us hang, and modes are 0600 and 0700 whatever the umask.
 *
 * Table entries behave as the system call of their name: -1 (or NULL) and errno. They take `ctx`
 * first. No code outside fsys.c makes these calls directly, and this is the only part of store/
 * where the operating systems may differ.
 */
#ifndef STORE_FSYS_H
#define STORE_FSYS_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct fsys {
	void *ctx; /* handed to every call */
	bool threads; /* openat, write, fchmod, futimens, close and unlinkat may be called by two threads at a time */
	int (*openat)(void *ctx, int dir, const char *path, int flags, mode_t mode);
	/* openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS); ENOSYS where
	 * missing. */
	int (*open_beneath)(void *ctx, int dir, const char *path, int flags, mode_t mode);
	int (*mkdirat)(void *ctx, int dir, const char *path, mode_t mode);
	ssize_t (*read)(void *ctx, int fd, void *p, size_t n);
	ssize_t (*pread)(void *ctx, int fd, void *p, size_t n, off_t at);
	ssize_t (*write)(void *ctx, int fd, const void *p, size_t n);
	int (*fchmod)(void *ctx, int fd, mode_t mode);
	int (*fchmodat)(void *ctx, int dir, const char *path, mode_t mode);
	int (*futimens)(void *ctx, int fd, const struct timespec times[2]);
	int (*fdatasync)(void *ctx, int fd);
	int (*fsync)(void *ctx, int fd);
	int (*syncfs)(void *ctx, int fd);
	int (*close)(void *ctx, int fd);
	/* renameat2(RENAME_NOREPLACE); ENOSYS or EINVAL where missing. */
	int (*rename_noreplace)(
		void *ctx, int from_dir, const char *from, int to_dir, const char *to);
	int (*renameat)(void *ctx, int from_dir, const char *from, int to_dir, const char *to);
	int (*linkat)(void *ctx, int from_dir, const char *from, int to_dir, const char *to);
	int (*unlinkat)(void *ctx, int dir, const char *path);
	int (*fstat)(void *ctx, int fd, struct stat *st);
	int (*fstatat)(
		void *ctx, int dir, const char *path, struct stat *st); /* of a link itself */
	int (*flock)(void *ctx, int fd, int operation);
	DIR *(*fdopendir)(void *ctx, int fd);
	struct dirent *(*readdir)(void *ctx, DIR *d);
	int (*closedir)(void *ctx, DIR *d);
	/*
	 * NULL: what fsys_mkdirs_durable(), fsys_replace_file() and fsys_flush_dir() do is on the disk when they return.
	 * Else they flush nothing and set *owed: whoever made this table calls syncfs() before anything relies on it.
	 */
	bool *owed;
};

const struct fsys *fsys_real(void);

/* ---- helpers: 0 (or a descriptor) and -1 with errno ------------------------------------------ */

/* O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, for the folder the user named: here symbolic
 * links in the leading components are the user's own business, the last one may not be a link. */
int fsys_open_root(const struct fsys *fs, const char *path);

/*
 * Open what is at `path` below `dir`: relative, "." allowed, no component "..", no symbolic link
 * anywhere (ELOOP, ENOTDIR or EXDEV). Always O_CLOEXEC | O_NOCTTY. Uses openat2 where the kernel
 * has it, else walks the components one by one with O_NOFOLLOW.
 */
int fsys_open_beneath(const struct fsys *fs, int dir, const char *path, int flags, mode_t mode);
/* The same for a directory, read-only. */
int fsys_open_dir(const struct fsys *fs, int dir, const char *path);
/* Open an existing regular file read-only and tell its size and times; anything else (FIFO, device,
 * directory: EINVAL) is refused without waiting for it. st may be NULL. */
int fsys_open_file(const struct fsys *fs, int dir, const char *path, struct stat *st);
/* Make a new file (O_EXCL) for reading and writing, 0600. */
int fsys_create(const struct fsys *fs, int dir, const char *name);
/* Open or make a small file that stays (the lock), for reading and writing, 0600; regular files
 * only. */
int fsys_open_or_create(const struct fsys *fs, int dir, const char *name);

/* Make one directory, 0700; 0 also when it exists as a directory. */
int fsys_mkdir(const struct fsys *fs, int dir, const char *name);
/* Flush the entries of an open directory, or note that it is owed. */
int fsys_flush_dir(const struct fsys *fs, int fd);
/* Make all levels of `path` below `dir` and flush the parent of each, of levels that existed as
 * well: an earlier run may have been killed between making and flushing. */
int fsys_mkdirs_durable(const struct fsys *fs, int dir, const char *path);

/* All n bytes, over EINTR and short writes; a write of 0 bytes is EIO. */
int fsys_write_all(const struct fsys *fs, int fd, const void *p, size_t n);
/* Up to n bytes, over EINTR; fewer only at the end of the file. */
ssize_t fsys_read_full(const struct fsys *fs, int fd, void *p, size_t n);
ssize_t fsys_pread_full(const struct fsys *fs, int fd, void *p, size_t n, off_t at);
/* Close when fd >= 0 and keep errno: for the way out of an error. */
void fsys_close_quiet(const struct fsys *fs, int fd);

/* Rename, never replacing (EEXIST): renameat2, or link and unlink where that is missing. */
int fsys_rename_noreplace(
	const struct fsys *fs, int from_dir, const char *from, int to_dir, const char *to);

/*
 * Put a small file in place of `name`, whole or not at all: written as `tmp_name` in `tmp_dir`,
 * flushed, renamed over dir/name, dir flushed. A leftover of the name tmp_name is replaced.
 */
int fsys_replace_file(const struct fsys *fs, int dir, const char *name, int tmp_dir,
	const char *tmp_name, struct slice text);
/* The first half of that, without a flush: the file in place of a leftover of its name. */
int fsys_stage_file(const struct fsys *fs, int dir, const char *name, struct slice text);
/* Read a small file whole. 1 read, 0 absent, -1 (EFBIG over out->max, ENOMEM). out is cleared
 * first. */
int fsys_read_file(const struct fsys *fs, int dir, const char *name, struct buf *out);

enum fsys_type { FSYS_UNKNOWN, FSYS_FILE, FSYS_DIR, FSYS_OTHER };

/* Call each(ctx, name, type) for all entries of a directory but "." and ".."; the descriptor's
 * own position is not touched. Stops when each() returns non-zero and gives that in *stopped
 * (else 0). */
int fsys_list(const struct fsys *fs, int dir,
	int (*each)(void *ctx, const char *name, enum fsys_type type), void *ctx, int *stopped);
/* Ask the file system when the type of an entry is unknown. FSYS_UNKNOWN: errno says why. */
enum fsys_type fsys_type_at(const struct fsys *fs, int dir, const char *name);
/* The time of the last change of the contents, which has another name on every system. */
struct timespec fsys_mtime(const struct stat *st);

#endif

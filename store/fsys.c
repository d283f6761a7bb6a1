/* SPDX-License-Identifier: MIT */
/*
 * fsys.c -- the real system calls, and the careful ways of using them.
 *
 * Linux has calls that say exactly what is meant (openat2, renameat2, syncfs). Everything else gets
 * the same guarantees from POSIX calls, in more steps.
 */
#include "store/fsys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#if defined(__linux__)
#	include <linux/openat2.h>
#	include <sys/syscall.h>
#endif

#define FLAGS_ALWAYS (O_CLOEXEC | O_NOCTTY)
#define DIR_FLAGS    (O_RDONLY | O_DIRECTORY)

/* ---- the real calls -------------------------------------------------------------------------- */

static int real_openat(void *ctx, int dir, const char *path, int flags, mode_t mode)
{
	(void)ctx;
	return openat(dir, path, flags, mode);
}

static int real_open_beneath(void *ctx, int dir, const char *path, int flags, mode_t mode)
{
	(void)ctx;
#if defined(SYS_openat2)
	struct open_how how;
	memset(&how, 0, sizeof how);
	how.flags = (unsigned)flags;
	/* openat2 refuses a mode that open would ignore. */
	how.mode = (flags & O_CREAT) != 0 ? mode : 0;
	how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
	return (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
#else
	(void)dir, (void)path, (void)flags, (void)mode;
	errno = ENOSYS;
	return -1;
#endif
}

static int real_mkdirat(void *ctx, int dir, const char *path, mode_t mode)
{
	(void)ctx;
	return mkdirat(dir, path, mode);
}

static ssize_t real_read(void *ctx, int fd, void *p, size_t n)
{
	(void)ctx;
	return read(fd, p, n);
}

static ssize_t real_pread(void *ctx, int fd, void *p, size_t n, off_t at)
{
	(void)ctx;
	return pread(fd, p, n, at);
}

static ssize_t real_write(void *ctx, int fd, const void *p, size_t n)
{
	(void)ctx;
	return write(fd, p, n);
}

static int real_fchmod(void *ctx, int fd, mode_t mode)
{
	(void)ctx;
	return fchmod(fd, mode);
}

static int real_fchmodat(void *ctx, int dir, const char *path, mode_t mode)
{
	(void)ctx;
	return fchmodat(dir, path, mode, 0);
}

static int real_futimens(void *ctx, int fd, const struct timespec times[2])
{
	(void)ctx;
	return futimens(fd, times);
}

static int real_fsync(void *ctx, int fd)
{
	(void)ctx;
#if defined(F_FULLFSYNC)
	/* macOS: fsync() stops at the drive's cache. */
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	if (errno != ENOTSUP && errno != EINVAL && errno != ENOTTY)
		return -1;
#endif
	return fsync(fd);
}

static int real_fdatasync(void *ctx, int fd)
{
#if defined(__APPLE__)
	return real_fsync(ctx, fd);
#else
	(void)ctx;
	return fdatasync(fd);
#endif
}

static int real_syncfs(void *ctx, int fd)
{
	(void)ctx;
#if defined(__linux__)
	return syncfs(fd);
#else
	/* sync() elsewhere reports nothing: the caller flushes file by file. */
	(void)fd;
	errno = ENOSYS;
	return -1;
#endif
}

static int real_close(void *ctx, int fd)
{
	(void)ctx;
	return close(fd);
}

static int real_rename_noreplace(
	void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
	(void)ctx;
#if defined(SYS_renameat2)
	/* The system call itself: not every C library has the function. 1 = RENAME_NOREPLACE. */
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 1u);
#else
	(void)from_dir, (void)from, (void)to_dir, (void)to;
	errno = ENOSYS;
	return -1;
#endif
}

static int real_renameat(void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
	(void)ctx;
	return renameat(from_dir, from, to_dir, to);
}

static int real_linkat(void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
	(void)ctx;
	return linkat(from_dir, from, to_dir, to, 0);
}

static int real_unlinkat(void *ctx, int dir, const char *path)
{
	(void)ctx;
	return unlinkat(dir, path, 0);
}

static int real_fstat(void *ctx, int fd, struct stat *st)
{
	(void)ctx;
	return fstat(fd, st);
}

static int real_fstatat(void *ctx, int dir, const char *path, struct stat *st)
{
	(void)ctx;
	return fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW);
}

static int real_flock(void *ctx, int fd, int operation)
{
	(void)ctx;
	return flock(fd, operation);
}

static DIR *real_fdopendir(void *ctx, int fd)
{
	(void)ctx;
	return fdopendir(fd);
}

static struct dirent *real_readdir(void *ctx, DIR *d)
{
	(void)ctx;
	return readdir(d);
}

static int real_closedir(void *ctx, DIR *d)
{
	(void)ctx;
	return closedir(d);
}

const struct fsys *fsys_real(void)
{
	static const struct fsys real = {
		.ctx = NULL,
		.threads = true,
		.openat = real_openat,
		.open_beneath = real_open_beneath,
		.mkdirat = real_mkdirat,
		.read = real_read,
		.pread = real_pread,
		.write = real_write,
		.fchmod = real_fchmod,
		.fchmodat = real_fchmodat,
		.futimens = real_futimens,
		.fdatasync = real_fdatasync,
		.fsync = real_fsync,
		.syncfs = real_syncfs,
		.close = real_close,
		.rename_noreplace = real_rename_noreplace,
		.renameat = real_renameat,
		.linkat = real_linkat,
		.unlinkat = real_unlinkat,
		.fstat = real_fstat,
		.fstatat = real_fstatat,
		.flock = real_flock,
		.fdopendir = real_fdopendir,
		.readdir = real_readdir,
		.closedir = real_closedir,
	};
	return &real;
}

/* ---- opening --------------------------------------------------------------------------------- */

void fsys_close_quiet(const struct fsys *fs, int fd)
{
	int keep = errno;
	if (fd >= 0)
		fs->close(fs->ctx, fd);
	errno = keep;
}

static int open_retry(const struct fsys *fs, int dir, const char *path, int flags, mode_t mode)
{
	int fd;
	do {
		fd = fs->openat(fs->ctx, dir, path, flags | FLAGS_ALWAYS, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

int fsys_open_root(const struct fsys *fs, const char *path)
{
	return open_retry(fs, AT_FDCWD, path, DIR_FLAGS | O_NOFOLLOW, 0);
}

static size_t component_length(const char *p)
{
	return strcspn(p, "/");
}

/* Neither empty, absolute nor upwards. Checked before any call, for all systems alike. */
static bool stays_beneath(const char *path)
{
	if (*path == '\0' || *path == '/')
		return false;
	for (const char *p = path;;) {
		size_t n = component_length(p);
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
}

/* Component by component; each but the last must be a directory and none a link. */
static int open_walk(const struct fsys *fs, int dir, const char *path, int flags, mode_t mode)
{
	char *copy = strdup(path);
	if (copy == NULL)
		return -1;
	int at = dir, fd = -1;
	for (char *p = copy;;) {
		size_t n = component_length(p);
		bool last = p[n] == '\0';
		p[n] = '\0';
		const char *name = n == 0 ? "." : p;
		fd = open_retry(fs, at, name, (last ? flags : DIR_FLAGS) | O_NOFOLLOW, mode);
		if (at != dir)
			fsys_close_quiet(fs, at);
		if (fd < 0 || last)
			break;
		at = fd;
		p += n + 1;
	}
	int keep = errno;
	free(copy);
	errno = keep;
	return fd;
}

int fsys_open_beneath(const struct fsys *fs, int dir, const char *path, int flags, mode_t mode)
{
	if (!stays_beneath(path)) {
		errno = EXDEV;
		return -1;
	}
	/* EAGAIN: a rename somewhere made the kernel unsure about "beneath"; the walk is not. */
	int fd;
	do {
		fd = fs->open_beneath(fs->ctx, dir, path, flags | FLAGS_ALWAYS, mode);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		fd = open_walk(fs, dir, path, flags, mode);
	return fd;
}

int fsys_open_dir(const struct fsys *fs, int dir, const char *path)
{
	return fsys_open_beneath(fs, dir, path, DIR_FLAGS, 0);
}

static int refuse(const struct fsys *fs, int fd, int errnum)
{
	fsys_close_quiet(fs, fd);
	errno = errnum;
	return -1;
}

int fsys_open_file(const struct fsys *fs, int dir, const char *path, struct stat *st)
{
	/* O_NONBLOCK: opening a FIFO would wait for a writer. It means nothing for files. */
	int fd = fsys_open_beneath(fs, dir, path, O_RDONLY | O_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	struct stat own;
	if (fs->fstat(fs->ctx, fd, &own) != 0)
		return refuse(fs, fd, errno);
	if (!S_ISREG(own.st_mode))
		return refuse(fs, fd, EINVAL);
	if (st != NULL)
		*st = own;
	return fd;
}

int fsys_create(const struct fsys *fs, int dir, const char *name)
{
	int fd = open_retry(fs, dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	/* The umask may have taken the owner's own rights away. */
	if (fs->fchmod(fs->ctx, fd, 0600) != 0) {
		int keep = errno;
		fs->unlinkat(fs->ctx, dir, name);
		return refuse(fs, fd, keep);
	}
	return fd;
}

int fsys_open_or_create(const struct fsys *fs, int dir, const char *name)
{
	int fd = open_retry(fs, dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return -1;
	struct stat st;
	if (fs->fstat(fs->ctx, fd, &st) != 0)
		return refuse(fs, fd, errno);
	if (!S_ISREG(st.st_mode))
		return refuse(fs, fd, EINVAL);
	if ((st.st_mode & 07777) != 0600 && fs->fchmod(fs->ctx, fd, 0600) != 0)
		return refuse(fs, fd, errno);
	return fd;
}

/* ---- directories ----------------------------------------------------------------------------- */

enum fsys_type fsys_type_at(const struct fsys *fs, int dir, const char *name)
{
	struct stat st;
	if (fs->fstatat(fs->ctx, dir, name, &st) != 0)
		return FSYS_UNKNOWN;
	return S_ISREG(st.st_mode) ? FSYS_FILE : S_ISDIR(st.st_mode) ? FSYS_DIR : FSYS_OTHER;
}

struct timespec fsys_mtime(const struct stat *st)
{
#if defined(__APPLE__)
	return st->st_mtimespec;
#else
	return st->st_mtim;
#endif
}

int fsys_mkdir(const struct fsys *fs, int dir, const char *name)
{
	if (fs->mkdirat(fs->ctx, dir, name, 0700) == 0)
		return fs->fchmodat(fs->ctx, dir, name, 0700);
	if (errno != EEXIST)
		return -1;
	enum fsys_type type = fsys_type_at(fs, dir, name);
	if (type == FSYS_DIR)
		return 0;
	if (type != FSYS_UNKNOWN)
		errno = ENOTDIR;
	return -1;
}

int fsys_flush_dir(const struct fsys *fs, int fd)
{
	if (fs->owed == NULL)
		return fs->fsync(fs->ctx, fd);
	*fs->owed = true;
	return 0;
}

int fsys_mkdirs_durable(const struct fsys *fs, int dir, const char *path)
{
	if (!stays_beneath(path)) {
		errno = EXDEV;
		return -1;
	}
	char *copy = strdup(path);
	if (copy == NULL)
		return -1;
	int at = dir, result = 0;
	for (char *p = copy; result == 0;) {
		size_t n = component_length(p);
		bool last = p[n] == '\0';
		p[n] = '\0';
		int next = -1;
		if (fsys_mkdir(fs, at, p) != 0 || fsys_flush_dir(fs, at) != 0)
			result = -1;
		else if (!last && (next = open_retry(fs, at, p, DIR_FLAGS | O_NOFOLLOW, 0)) < 0)
			result = -1;
		if (at != dir)
			fsys_close_quiet(fs, at);
		if (next < 0)
			break;
		at = next;
		p += n + 1;
	}
	int keep = errno;
	free(copy);
	errno = keep;
	return result;
}

static enum fsys_type entry_type(const struct dirent *d)
{
#if defined(DT_UNKNOWN)
	switch (d->d_type) {
	case DT_UNKNOWN: return FSYS_UNKNOWN;
	case DT_REG: return FSYS_FILE;
	case DT_DIR: return FSYS_DIR;
	default: return FSYS_OTHER;
	}
#else
	(void)d;
	return FSYS_UNKNOWN;
#endif
}

int fsys_list(const struct fsys *fs, int dir,
	int (*each)(void *ctx, const char *name, enum fsys_type type), void *ctx, int *stopped)
{
	*stopped = 0;
	int fd = open_retry(fs, dir, ".", DIR_FLAGS, 0);
	if (fd < 0)
		return -1;
	DIR *d = fs->fdopendir(fs->ctx, fd);
	if (d == NULL)
		return refuse(fs, fd, errno);
	int failed = 0;
	while (*stopped == 0) {
		errno = 0;
		struct dirent *entry = fs->readdir(fs->ctx, d);
		if (entry == NULL) {
			failed = errno;
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			*stopped = each(ctx, entry->d_name, entry_type(entry));
	}
	fs->closedir(fs->ctx, d);
	errno = failed;
	return failed == 0 ? 0 : -1;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

int fsys_write_all(const struct fsys *fs, int fd, const void *p, size_t n)
{
	const unsigned char *at = p;
	while (n > 0) {
		ssize_t put = fs->write(fs->ctx, fd, at, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		if (put == 0 || (size_t)put > n) {
			errno = EIO;
			return -1;
		}
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

ssize_t fsys_read_full(const struct fsys *fs, int fd, void *p, size_t n)
{
	unsigned char *at = p;
	size_t got = 0;
	while (got < n) {
		ssize_t r = fs->read(fs->ctx, fd, at + got, n - got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

ssize_t fsys_pread_full(const struct fsys *fs, int fd, void *p, size_t n, off_t at)
{
	unsigned char *to = p;
	size_t got = 0;
	while (got < n) {
		ssize_t r = fs->pread(fs->ctx, fd, to + got, n - got, at + (off_t)got);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

/* ---- names and whole files ------------------------------------------------------------------- */

int fsys_rename_noreplace(
	const struct fsys *fs, int from_dir, const char *from, int to_dir, const char *to)
{
	if (fs->rename_noreplace(fs->ctx, from_dir, from, to_dir, to) == 0)
		return 0;
	if (errno != ENOSYS && errno != EINVAL && errno != EPERM)
		return -1;
	if (fs->linkat(fs->ctx, from_dir, from, to_dir, to) != 0)
		return -1;
	return fs->unlinkat(fs->ctx, from_dir, from);
}

/* Write, flush and close a new file; it is gone again after a failure. */
static int write_new(
	const struct fsys *fs, int dir, const char *name, struct slice text, bool flush)
{
	int fd = fsys_create(fs, dir, name);
	if (fd < 0 && errno == EEXIST && fs->unlinkat(fs->ctx, dir, name) == 0)
		fd = fsys_create(fs, dir, name);
	if (fd < 0)
		return -1;
	int result = fsys_write_all(fs, fd, text.p, text.n);
	if (result == 0 && flush)
		result = fs->fdatasync(fs->ctx, fd);
	if (result == 0)
		result = fs->close(fs->ctx, fd);
	else
		fsys_close_quiet(fs, fd);
	if (result != 0) {
		int keep = errno;
		fs->unlinkat(fs->ctx, dir, name);
		errno = keep;
	}
	return result;
}

int fsys_stage_file(const struct fsys *fs, int dir, const char *name, struct slice text)
{
	return write_new(fs, dir, name, text, false);
}

int fsys_replace_file(const struct fsys *fs, int dir, const char *name, int tmp_dir,
	const char *tmp_name, struct slice text)
{
	if (write_new(fs, tmp_dir, tmp_name, text, fs->owed == NULL) != 0)
		return -1;
	if (fs->renameat(fs->ctx, tmp_dir, tmp_name, dir, name) != 0) {
		int keep = errno;
		fs->unlinkat(fs->ctx, tmp_dir, tmp_name);
		errno = keep;
		return -1;
	}
	return fsys_flush_dir(fs, dir);
}

/* 0, or -1 with errno: EFBIG when there is more than the buffer may hold. */
static int read_whole(const struct fsys *fs, int fd, struct buf *out)
{
	unsigned char chunk[4096];
	for (;;) {
		ssize_t n = fsys_read_full(fs, fd, chunk, sizeof chunk);
		if (n <= 0)
			return (int)n;
		if (buf_add(out, chunk, (size_t)n) != 0) {
			errno = out->failed == E_LIMIT ? EFBIG : ENOMEM;
			return -1;
		}
	}
}

int fsys_read_file(const struct fsys *fs, int dir, const char *name, struct buf *out)
{
	buf_clear(out);
	int fd = fsys_open_file(fs, dir, name, NULL);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	int result = read_whole(fs, fd, out);
	fsys_close_quiet(fs, fd);
	return result == 0 ? 1 : -1;
}

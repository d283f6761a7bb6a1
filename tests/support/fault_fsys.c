/* SPDX-License-Identifier: MIT */
/*
 * fault_fsys.c -- see fault_fsys.h.
 */
#include "tests/support/fault_fsys.h"

#include <errno.h>
#include <string.h>

static const char *const kind_names[FAULT_KINDS + 1] = {
	"openat",
	"open_beneath",
	"mkdirat",
	"read",
	"pread",
	"write",
	"fchmod",
	"fchmodat",
	"futimens",
	"fdatasync",
	"fsync",
	"syncfs",
	"close",
	"rename_noreplace",
	"renameat",
	"linkat",
	"unlinkat",
	"fstat",
	"fstatat",
	"flock",
	"fdopendir",
	"readdir",
	"closedir",
	"any",
};

const char *fault_kind_name(enum fault_kind kind)
{
	return kind_names[kind];
}

/* The lock is held. */
static bool count(struct fault_fsys *f, enum fault_kind kind, const char *a, const char *b)
{
	f->helped = f->helped || !pthread_equal(f->owner, pthread_self());
	f->calls[kind]++;
	f->calls[FAULT_ANY]++;
	if (f->logging)
		buf_addf(&f->log, "%s%s%s%s%s\n", kind_names[kind], a != NULL ? " " : "",
			a != NULL ? a : "", b != NULL ? " " : "", b != NULL ? b : "");
	if (f->always[kind] != 0) {
		errno = f->always[kind];
		return true;
	}
	bool counted = f->kind == FAULT_ANY || f->kind == kind;
	if (f->nth != 0 && counted && f->calls[f->kind] == f->nth) {
		f->failed = true;
		if (f->at_fault != NULL)
			f->at_fault();
	} else if (!f->failed || !f->sticky)
		return false;
	errno = f->error;
	return true;
}

/* Count one call; true: it has to fail, errno is set. */
static bool fails(struct fault_fsys *f, enum fault_kind kind, const char *a, const char *b)
{
	pthread_mutex_lock(&f->lock);
	bool fail = count(f, kind, a, b);
	pthread_mutex_unlock(&f->lock);
	return fail;
}

/* The lock is held. */
static bool count_io(struct fault_fsys *f, enum fault_kind kind, size_t *n)
{
	if (count(f, kind, NULL, NULL))
		return true;
	f->io_calls++;
	if (f->interrupt != 0 && f->io_calls % f->interrupt == 0) {
		errno = EINTR;
		return true;
	}
	if (f->longest_io != 0 && *n > f->longest_io)
		*n = f->longest_io;
	return false;
}

/* Reads and writes also come short and are interrupted. */
static bool io_fails(struct fault_fsys *f, enum fault_kind kind, size_t *n)
{
	pthread_mutex_lock(&f->lock);
	bool fail = count_io(f, kind, n);
	pthread_mutex_unlock(&f->lock);
	return fail;
}

static void add_open(struct fault_fsys *f, long n)
{
	pthread_mutex_lock(&f->lock);
	f->open += n;
	pthread_mutex_unlock(&f->lock);
}

static int opened(struct fault_fsys *f, int fd)
{
	add_open(f, fd >= 0);
	return fd;
}

static int fault_openat(void *ctx, int dir, const char *path, int flags, mode_t mode)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_OPENAT, path, NULL)
		? -1
		: opened(f, f->real->openat(f->real->ctx, dir, path, flags, mode));
}

static int fault_open_beneath(void *ctx, int dir, const char *path, int flags, mode_t mode)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_OPEN_BENEATH, path, NULL)
		? -1
		: opened(f, f->real->open_beneath(f->real->ctx, dir, path, flags, mode));
}

static int fault_mkdirat(void *ctx, int dir, const char *path, mode_t mode)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_MKDIRAT, path, NULL)
		? -1
		: f->real->mkdirat(f->real->ctx, dir, path, mode);
}

static ssize_t fault_read(void *ctx, int fd, void *p, size_t n)
{
	struct fault_fsys *f = ctx;
	return io_fails(f, FAULT_READ, &n) ? -1 : f->real->read(f->real->ctx, fd, p, n);
}

static ssize_t fault_pread(void *ctx, int fd, void *p, size_t n, off_t at)
{
	struct fault_fsys *f = ctx;
	return io_fails(f, FAULT_PREAD, &n) ? -1 : f->real->pread(f->real->ctx, fd, p, n, at);
}

static ssize_t fault_write(void *ctx, int fd, const void *p, size_t n)
{
	struct fault_fsys *f = ctx;
	return io_fails(f, FAULT_WRITE, &n) ? -1 : f->real->write(f->real->ctx, fd, p, n);
}

static int fault_fchmod(void *ctx, int fd, mode_t mode)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FCHMOD, NULL, NULL) ? -1 : f->real->fchmod(f->real->ctx, fd, mode);
}

static int fault_fchmodat(void *ctx, int dir, const char *path, mode_t mode)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FCHMODAT, path, NULL)
		? -1
		: f->real->fchmodat(f->real->ctx, dir, path, mode);
}

static int fault_futimens(void *ctx, int fd, const struct timespec times[2])
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FUTIMENS, NULL, NULL) ? -1
						    : f->real->futimens(f->real->ctx, fd, times);
}

static int fault_fdatasync(void *ctx, int fd)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FDATASYNC, NULL, NULL) ? -1 : f->real->fdatasync(f->real->ctx, fd);
}

static int fault_fsync(void *ctx, int fd)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FSYNC, NULL, NULL) ? -1 : f->real->fsync(f->real->ctx, fd);
}

static int fault_syncfs(void *ctx, int fd)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_SYNCFS, NULL, NULL) ? -1 : f->real->syncfs(f->real->ctx, fd);
}

static int fault_close(void *ctx, int fd)
{
	struct fault_fsys *f = ctx;
	bool fail = fails(f, FAULT_CLOSE, NULL, NULL);
	int keep = errno, result = f->real->close(f->real->ctx, fd);
	add_open(f, -1);
	errno = fail ? keep : errno;
	return fail ? -1 : result;
}

static int fault_rename_noreplace(
	void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_RENAME_NOREPLACE, from, to)
		? -1
		: f->real->rename_noreplace(f->real->ctx, from_dir, from, to_dir, to);
}

static int fault_renameat(void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_RENAMEAT, from, to)
		? -1
		: f->real->renameat(f->real->ctx, from_dir, from, to_dir, to);
}

static int fault_linkat(void *ctx, int from_dir, const char *from, int to_dir, const char *to)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_LINKAT, from, to)
		? -1
		: f->real->linkat(f->real->ctx, from_dir, from, to_dir, to);
}

static int fault_unlinkat(void *ctx, int dir, const char *path)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_UNLINKAT, path, NULL) ? -1
						    : f->real->unlinkat(f->real->ctx, dir, path);
}

static int fault_fstat(void *ctx, int fd, struct stat *st)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FSTAT, NULL, NULL) ? -1 : f->real->fstat(f->real->ctx, fd, st);
}

static int fault_fstatat(void *ctx, int dir, const char *path, struct stat *st)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FSTATAT, path, NULL) ? -1
						   : f->real->fstatat(f->real->ctx, dir, path, st);
}

static int fault_flock(void *ctx, int fd, int operation)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FLOCK, NULL, NULL) ? -1 : f->real->flock(f->real->ctx, fd, operation);
}

static DIR *fault_fdopendir(void *ctx, int fd)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_FDOPENDIR, NULL, NULL) ? NULL : f->real->fdopendir(f->real->ctx, fd);
}

static struct dirent *fault_readdir(void *ctx, DIR *d)
{
	struct fault_fsys *f = ctx;
	return fails(f, FAULT_READDIR, NULL, NULL) ? NULL : f->real->readdir(f->real->ctx, d);
}

static int fault_closedir(void *ctx, DIR *d)
{
	struct fault_fsys *f = ctx;
	bool fail = fails(f, FAULT_CLOSEDIR, NULL, NULL);
	int keep = errno, result = f->real->closedir(f->real->ctx, d);
	add_open(f, -1);
	errno = fail ? keep : errno;
	return fail ? -1 : result;
}

void fault_fsys_init(struct fault_fsys *f)
{
	memset(f, 0, sizeof *f);
	f->real = fsys_real();
	pthread_mutex_init(&f->lock, NULL);
	f->owner = pthread_self();
	buf_init(&f->log, 1u << 20);
	f->fs = (struct fsys){
		.ctx = f,
		.openat = fault_openat,
		.open_beneath = fault_open_beneath,
		.mkdirat = fault_mkdirat,
		.read = fault_read,
		.pread = fault_pread,
		.write = fault_write,
		.fchmod = fault_fchmod,
		.fchmodat = fault_fchmodat,
		.futimens = fault_futimens,
		.fdatasync = fault_fdatasync,
		.fsync = fault_fsync,
		.syncfs = fault_syncfs,
		.close = fault_close,
		.rename_noreplace = fault_rename_noreplace,
		.renameat = fault_renameat,
		.linkat = fault_linkat,
		.unlinkat = fault_unlinkat,
		.fstat = fault_fstat,
		.fstatat = fault_fstatat,
		.flock = fault_flock,
		.fdopendir = fault_fdopendir,
		.readdir = fault_readdir,
		.closedir = fault_closedir,
	};
}

void fault_fsys_release(struct fault_fsys *f)
{
	buf_release(&f->log);
	pthread_mutex_destroy(&f->lock);
}

void fault_fsys_fail(struct fault_fsys *f, enum fault_kind kind, unsigned long nth, int error)
{
	memset(f->calls, 0, sizeof f->calls);
	f->kind = kind;
	f->nth = nth;
	f->error = error;
	f->failed = false;
}

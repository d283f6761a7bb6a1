/* SPDX-License-Identifier: MIT */
/*
 * export_out.c -- a file that appears when it is complete: written as FILE.part-XXXXXX, flushed,
 * renamed.
 *
 * Without `force` the last step is link(2), which never replaces anything; where there are no hard
 * links, a look and rename(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/base/writeback.h"
#include "core/sync/export_internal.h"
#include "core/sync/gzip.h"

#define OUT_BUFFER ((size_t)256 << 10)
#define OUT_DIRECT ((size_t)64 << 10)  /* from here on, copying costs more than another write */
#define WRITEBACK  (UINT64_C(8) << 20) /* so much is handed to the disk at a time */

struct export_out {
	char *path, *part; /* NULL for standard output */
	int fd;
	bool force;
	struct gzip *gzip; /* or NULL */
	uint64_t at;
	uint64_t written, begun; /* bytes of the file; of these, on their way to the disk */
	size_t held;
	unsigned char buffer[OUT_BUFFER];
};

static int fail(struct err *e, const char *doing, const char *path)
{
	char shown[TEXT_SHOW_SIZE];
	int error = errno;
	return err_sys(e, ERR_STORE, E_IO, error, "cannot %s %s", doing,
		path != NULL ? text_show(shown, sizeof shown, slice_str(path)) : "standard output");
}

int export_may_write(const char *path, bool force, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct stat st;
	if (strcmp(path, "-") == 0)
		return 0;
	text_show(shown, sizeof shown, slice_str(path));
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : fail(e, "look at", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_USAGE, E_USAGE,
			"%s exists and is no ordinary file; name a new one", shown);
	return force
		? 0
		: err_set(e, ERR_USAGE, E_USAGE, "%s exists already; --force replaces it", shown);
}

/* ---- writing
 * -------------------------------------------------------------------------------------- */

static int write_fd(void *ctx, const void *p, size_t n, struct err *e)
{
	struct export_out *o = ctx;
	const unsigned char *at = p;
	while (n > 0) {
		ssize_t done = write(o->fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? EIO : errno;
			return fail(e, "write", o->part);
		}
		at += done;
		n -= (size_t)done;
		o->written += (uint64_t)done;
	}
	if (o->part != NULL && o->written - o->begun >= WRITEBACK) {
		writeback_begin(o->fd, o->begun, o->written - o->begun);
		o->begun = o->written;
	}
	return 0;
}

static int pass_on(struct export_out *o, const void *p, size_t n, struct err *e)
{
	return o->gzip != NULL ? gzip_write(o->gzip, p, n, e) : write_fd(o, p, n, e);
}

static int empty_buffer(struct export_out *o, struct err *e)
{
	size_t n = o->held;
	o->held = 0;
	return n > 0 ? pass_on(o, o->buffer, n, e) : 0;
}

int export_out_write(struct export_out *o, const void *p, size_t n, struct err *e)
{
	o->at += n;
	if ((n >= OUT_DIRECT || n > OUT_BUFFER - o->held) && empty_buffer(o, e) != 0)
		return -1;
	if (n >= OUT_DIRECT)
		return pass_on(o, p, n, e);
	if (n > 0)
		memcpy(o->buffer + o->held, p, n);
	o->held += n;
	return 0;
}

uint64_t export_out_at(const struct export_out *o)
{
	return o->at;
}

/* ---- opening
 * -------------------------------------------------------------------------------------- */

static int open_part(struct export_out *o, const char *path, struct err *e)
{
	size_t n = strlen(path) + sizeof ".part-XXXXXX";
	o->path = strdup(path);
	o->part = malloc(n);
	if (o->path == NULL || o->part == NULL) {
		free(o->part);
		o->part = NULL;
		return err_nomem(e, "the name of the output");
	}
	snprintf(o->part, n, "%s.part-XXXXXX", path);
	o->fd = mkstemp(o->part);
	if (o->fd >= 0)
		return 0;
	free(o->part);
	o->part = NULL;
	return fail(e, "make", path);
}

int export_out_open(struct export_out **out, const char *path, bool gzip, bool force, struct err *e)
{
	*out = NULL;
	if (export_may_write(path, force, e) != 0)
		return -1;
	struct export_out *o = malloc(sizeof *o);
	if (o == NULL)
		return err_nomem(e, "the output");
	memset(o, 0, offsetof(struct export_out, buffer));
	o->fd = STDOUT_FILENO;
	o->force = force;
	int rc = strcmp(path, "-") == 0 ? 0 : open_part(o, path, e);
	if (rc == 0 && gzip && (o->gzip = gzip_new(write_fd, o, e)) == NULL)
		rc = -1;
	if (rc != 0) {
		export_out_abandon(o);
		return -1;
	}
	*out = o;
	return 0;
}

void export_out_abandon(struct export_out *o)
{
	if (o == NULL)
		return;
	if (o->part != NULL) {
		if (o->fd >= 0)
			close(o->fd);
		unlink(o->part);
	}
	gzip_free(o->gzip);
	free(o->part);
	free(o->path);
	free(o);
}

/* ---- the end
 * -------------------------------------------------------------------------------------- */

int export_flush_parent(const char *path, struct err *e)
{
	char *dir = strdup(path);
	if (dir == NULL)
		return err_nomem(e, "the name of the output");
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir] = '\0';
	int fd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? fail(e, "flush the folder of", path) : 0;
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

static bool no_links_here(int error)
{
	return error == EPERM || error == ENOSYS || error == ENOTSUP || error == EOPNOTSUPP ||
		error == EMLINK;
}

static int settle(struct export_out *o, struct err *e)
{
	if (!o->force) {
		if (link(o->part, o->path) == 0) {
			unlink(o->part);
			return 0;
		}
		if (errno != EEXIST && !no_links_here(errno))
			return fail(e, "name the output", o->path);
		if (export_may_write(o->path, false, e) != 0)
			return -1;
	}
	return rename(o->part, o->path) == 0 ? 0 : fail(e, "name the output", o->path);
}

int export_out_publish(struct export_out *o, struct err *e)
{
	int rc = empty_buffer(o, e);
	if (rc == 0 && o->gzip != NULL)
		rc = gzip_finish(o->gzip, e);
	if (rc == 0 && o->part != NULL) {
		if (fsync(o->fd) != 0)
			rc = fail(e, "flush", o->part);
		int fd = o->fd;
		o->fd = -1;
		if (close(fd) != 0 && rc == 0)
			rc = fail(e, "close", o->part);
		if (rc == 0)
			rc = settle(o, e);
		if (rc == 0) {
			free(o->part);
			o->part = NULL;
			rc = export_flush_parent(o->path, e);
		}
	}
	export_out_abandon(o);
	return rc;
}

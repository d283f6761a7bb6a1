/* SPDX-License-Identifier: MIT */
/* import_file.c -- opening what nobody vouches for, and expanding what is compressed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sync/import_internal.h"
#include "core/sync/job.h"

#define LEVEL_MAX 255

/* One component into level; what is left. NULL: it cannot be part of a path. */
static const char *next_level(const char *path, char level[LEVEL_MAX + 1])
{
	size_t n = strcspn(path, "/");
	if (n == 0 || n > LEVEL_MAX)
		return NULL;
	memcpy(level, path, n);
	level[n] = '\0';
	if (strcmp(level, ".") == 0 || strcmp(level, "..") == 0)
		return NULL;
	return path + n + (path[n] == '/');
}

int import_open_beneath(int dir, const char *path, int flags)
{
	char level[LEVEL_MAX + 1];
	int at = dir, next;
	do {
		path = next_level(path, level);
		if (path == NULL) {
			next = -1;
			errno = EINVAL;
		} else {
			int as = *path != '\0' ? O_RDONLY | O_DIRECTORY : flags;
			next = openat(
				at, level, as | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		}
		int error = errno;
		if (at != dir)
			close(at);
		errno = error;
		at = next;
	} while (at >= 0 && *path != '\0');
	return at;
}

int import_open_file(int dir, const char *path, struct stat *st, struct err *e)
{
	int fd = import_open_beneath(dir, path, O_RDONLY);
	if (fd < 0 && (errno == EINVAL || errno == ELOOP || errno == ENOTDIR))
		return err_set(e, ERR_MESSAGE, E_CORRUPT,
			"it is a link, or no path that could be below the folder");
	if (fd < 0)
		return err_sys(e, ERR_MESSAGE, E_IO, errno, "cannot open it");
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_MESSAGE, E_CORRUPT, "it is not a file");
}

int import_pread(int fd, void *p, size_t n, uint64_t at, size_t *got, struct err *e)
{
	for (*got = 0; *got < n;) {
		ssize_t done = pread(fd, (char *)p + *got, n - *got, (off_t)(at + *got));
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(e, ERR_MESSAGE, E_IO, errno, "cannot read it");
		if (done == 0)
			break;
		*got += (size_t)done;
	}
	return 0;
}

int import_read_small(int dir, const char *path, struct buf *out, struct err *e)
{
	unsigned char part[4096];
	struct stat st;
	size_t got = 0;
	buf_clear(out);
	int fd = import_open_beneath(dir, path, O_RDONLY);
	if (fd < 0)
		return 0;
	int rc = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	do {
		if (rc > 0 && import_pread(fd, part, sizeof part, out->len, &got, e) != 0)
			rc = -1;
		if (rc > 0)
			buf_add(out, part, got);
	} while (rc > 0 && got == sizeof part && out->failed == E_NONE);
	close(fd);
	if (rc > 0 && buf_check(out, path, e) != 0)
		rc = -1;
	return rc;
}

/* ---- expanding ------------------------------------------------------------------------------- */

struct expanding {
	const struct sync_hooks *hooks;
	int fd;
};

static int get(void *ctx, void *p, size_t n, size_t *got, struct err *e)
{
	struct expanding *x = ctx;
	ssize_t done;
	do {
		if (hooks_interrupted(x->hooks))
			return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
		done = read(x->fd, p, n);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot read it");
	*got = (size_t)done;
	return 0;
}

static int put(int fd, struct slice s, struct err *e)
{
	while (s.n > 0) {
		ssize_t done = write(fd, s.p, s.n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return err_sys(e, ERR_STORE, E_IO, done == 0 ? EIO : errno,
				"cannot expand it into a temporary file");
		s = slice_of(s.p + done, s.n - (size_t)done);
	}
	return 0;
}

/* Without a name from the beginning, so that nothing of it stays. */
static int temporary(struct err *e)
{
	const char *where = getenv("TMPDIR");
	struct buf name = BUF_INIT(1u << 16);
	buf_addf(&name, "%s/imapsync-restore-XXXXXX",
		where != NULL && where[0] != '\0' ? where : "/tmp");
	int fd = buf_check(&name, "TMPDIR", e) == 0 ? mkostemp((char *)name.data, O_CLOEXEC) : -1;
	if (fd >= 0)
		unlink(buf_str(&name));
	else if (!err_is_set(e))
		err_sys(e, ERR_STORE, E_IO, errno, "cannot make a temporary file %s",
			buf_str(&name));
	buf_release(&name);
	return fd;
}

static int expand(struct expanding *x, int to, struct err *e)
{
	const struct export_source source = {x, get};
	struct export_in *in = NULL;
	struct slice s = SLICE_NONE;
	int rc = export_in_open(&in, &source, e);
	do {
		if (rc == 0)
			rc = export_in_take(in, UINT64_MAX, &s, e);
		if (rc == 0)
			rc = put(to, s, e);
	} while (rc == 0 && s.n > 0);
	export_in_close(in);
	return rc;
}

int import_open_plain(const char *path, const struct sync_hooks *h, int *fd, struct err *e)
{
	unsigned char magic[2];
	struct stat st;
	size_t got;
	struct expanding x = {h, open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
	*fd = -1;
	if (x.fd < 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot open it");
	int rc = 0;
	if (fstat(x.fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = err_set(e, ERR_USAGE, E_USAGE, "it is neither a file nor a folder");
	if (rc == 0)
		rc = import_pread(x.fd, magic, sizeof magic, 0, &got, e);
	if (rc == 0 && (got < sizeof magic || magic[0] != 0x1F || magic[1] != 0x8B)) {
		*fd = x.fd;
		return 0;
	}
	if (rc == 0)
		rc = *fd = temporary(e);
	if (rc >= 0)
		rc = expand(&x, *fd, e);
	close(x.fd);
	if (rc != 0 && *fd >= 0)
		close(*fd);
	if (rc != 0)
		*fd = -1;
	return rc == 0 ? 0 : err_widen(e, ERR_ACCOUNT);
}

/* SPDX-License-Identifier: MIT */
/*
 * maildir_file.c -- one message on its way from the wire to cur/.
 *
 * The LF rule: line ends are stored as LF when putting a CR before each LF gives the wire bytes
 * back, which is when every LF on the wire had a CR before it. That is not known before the last
 * byte. So CRLF becomes LF while the bytes come in, and the first LF without CR turns it round:
 * what was written so far is expanded again (into a new file, unless it is still all in the
 * buffer) and the rest goes in as it comes. A CR that no LF follows is an ordinary byte.
 *
 * A small message costs one open, one write and one close; in a first sync another thread does these (writer.h).
 */
#include "store/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/maildir_internal.h"
#include "store/writer.h"

#define FILE_BUFFER WRITER_BUFFER

struct maildir_file {
	struct maildir *m;
	struct sha256 *hash;
	unsigned char *buf; /* FILE_BUFFER bytes */
	size_t used;
	uint64_t flushed; /* bytes in the file */
	uint64_t wire;	  /* bytes received */
	uint64_t serial;
	int fd;
	bool lf;     /* still converting */
	bool cr;     /* converting, and the last byte received was a CR, which is not in buf yet */
	bool failed; /* bytes are missing: the file must not be finished */
	struct writer *writer; /* writes `out`; NULL: we write, to fd */
	struct writer_file *out;
	char tmp_name[MAILDIR_TMP_NAME];
};

/* ---- making the file ------------------------------------------------------------------------- */

int maildir_create_tmp(struct maildir *m, const char *name)
{
	const struct fsys *fs = m->fs;
	int fd = fsys_create(fs, m->tmp, name);
	/* Process ids come again, in containers on every start: such a file is a leftover. */
	if (fd < 0 && errno == EEXIST && fs->unlinkat(fs->ctx, m->tmp, name) == 0)
		fd = fsys_create(fs, m->tmp, name);
	return fd;
}

/* tmp/<pid>.<serial><middle>.imapsync-tmp */
static void name_tmp(struct maildir_file *f, const char *middle)
{
	snprintf(f->tmp_name, sizeof f->tmp_name, "%ld.%llu%s" TMP_SUFFIX, (long)getpid(),
		(unsigned long long)f->serial, middle);
}

static int create_tmp(struct maildir_file *f, const char *middle, struct err *e)
{
	name_tmp(f, middle);
	int fd = maildir_create_tmp(f->m, f->tmp_name);
	return fd >= 0 ? fd : maildir_fail(f->m, e, "make", "tmp", f->tmp_name);
}

/* The first file of a mailbox is made at once: one that cannot be written to is this mailbox's own trouble, which the
 * writer could not tell from others. */
static int open_tmp(struct maildir_file *f, struct writer *w, struct err *e)
{
	if (w != NULL && f->m->made_file) {
		name_tmp(f, "");
	} else {
		f->fd = create_tmp(f, "", e);
		if (f->fd < 0)
			return -1;
		f->m->made_file = true;
	}
	if (w == NULL)
		return 0;
	f->out = writer_file_new(f->m, f->fd, f->tmp_name);
	if (f->out == NULL) {
		fsys_close_quiet(f->m->fs, f->fd);
		maildir_remove_tmp(f->m, f->tmp_name);
		return err_nomem(e, "starting a message file");
	}
	f->writer = w;
	f->fd = -1;
	return 0;
}

int maildir_file_begin(struct maildir *m, uint64_t serial, bool lf, struct sha256 *hash,
	struct writer *w, struct maildir_file **out, struct err *e)
{
	*out = NULL;
	struct maildir_file *f = calloc(1, sizeof *f);
	if (f != NULL)
		f->buf = w != NULL ? writer_buffer(w) : malloc(FILE_BUFFER);
	if (f == NULL || f->buf == NULL) {
		free(f);
		return err_nomem(e, "starting a message file");
	}
	f->m = m;
	f->hash = hash;
	f->serial = serial;
	f->lf = lf;
	f->fd = -1;
	if (sha256_begin(hash, e) != 0 || open_tmp(f, w, e) != 0) {
		free(f->buf);
		free(f);
		return -1;
	}
	*out = f;
	return 0;
}

static void release(struct maildir_file *f)
{
	free(f->buf);
	free(f);
}

void maildir_file_discard(struct maildir_file *f)
{
	if (f == NULL)
		return;
	if (f->writer != NULL) {
		writer_discard(f->writer, f->out);
	} else {
		fsys_close_quiet(f->m->fs, f->fd);
		maildir_remove_tmp(f->m, f->tmp_name);
	}
	release(f);
}

/* ---- bytes to the file ----------------------------------------------------------------------- */

static int write_out(struct maildir_file *f, const void *p, size_t n, struct err *e)
{
	if (fsys_write_all(f->m->fs, f->fd, p, n) != 0)
		return maildir_fail(f->m, e, "write", "tmp", f->tmp_name);
	f->flushed += n;
	return 0;
}

/* The buffer goes to the writer, and there is another one. */
static int hand_over(struct maildir_file *f, struct err *e)
{
	unsigned char *next = writer_buffer(f->writer);
	if (next == NULL)
		return err_nomem(e, "writing a message file");
	writer_put(f->writer, f->out, f->buf, f->used);
	f->flushed += f->used;
	f->buf = next;
	f->used = 0;
	return writer_check(f->writer, e);
}

static int flush_buffer(struct maildir_file *f, struct err *e)
{
	size_t n = f->used;
	if (n > 0 && f->writer != NULL)
		return hand_over(f, e);
	f->used = 0;
	return n == 0 ? 0 : write_out(f, f->buf, n, e);
}

static int put(struct maildir_file *f, const unsigned char *p, size_t n, struct err *e)
{
	if (n > FILE_BUFFER - f->used && flush_buffer(f, e) != 0)
		return -1;
	if (n > FILE_BUFFER && f->writer == NULL)
		return write_out(f, p, n, e);
	for (; n > FILE_BUFFER; p += FILE_BUFFER, n -= FILE_BUFFER) {
		memcpy(f->buf, p, FILE_BUFFER);
		f->used = FILE_BUFFER;
		if (flush_buffer(f, e) != 0)
			return -1;
	}
	if (n > 0)
		memcpy(f->buf + f->used, p, n);
	f->used += n;
	return 0;
}

static int put_byte(struct maildir_file *f, unsigned char c, struct err *e)
{
	if (f->used == FILE_BUFFER && flush_buffer(f, e) != 0)
		return -1;
	f->buf[f->used++] = c;
	return 0;
}

/* Write converted bytes as they were on the wire. */
static int put_expanded(struct maildir_file *f, const unsigned char *p, size_t n, struct err *e)
{
	while (n > 0) {
		const unsigned char *lf = memchr(p, '\n', n);
		size_t len = lf != NULL ? (size_t)(lf - p) : n;
		if (put(f, p, len, e) != 0)
			return -1;
		if (lf != NULL) {
			if (put_byte(f, '\r', e) != 0 || put_byte(f, '\n', e) != 0)
				return -1;
			len++;
		}
		p += len;
		n -= len;
	}
	return 0;
}

/* ---- turning round --------------------------------------------------------------------------- */

/* Copy the first `size` bytes of a converted file, expanded. */
static int copy_expanded(
	struct maildir_file *f, int from, uint64_t size, const char *from_name, struct err *e)
{
	unsigned char *chunk = malloc(FILE_BUFFER);
	if (chunk == NULL)
		return err_nomem(e, "writing a message file");
	int result = 0;
	for (uint64_t at = 0; at < size && result == 0;) {
		size_t want = size - at < FILE_BUFFER ? (size_t)(size - at) : FILE_BUFFER;
		ssize_t n = fsys_pread_full(f->m->fs, from, chunk, want, (off_t)at);
		/* Somebody cut it: there is nothing to copy, and nothing to trust. */
		if (n >= 0 && (size_t)n < want) {
			errno = EIO;
			n = -1;
		}
		result = n < 0 ? maildir_fail(f->m, e, "read", "tmp", from_name)
			       : put_expanded(f, chunk, want, e);
		at += want;
	}
	free(chunk);
	return result;
}

/* What is in the file already, as it was on the wire, goes into another file, written by us. */
static int rewrite_file(struct maildir_file *f, struct err *e)
{
	if (f->writer != NULL) {
		f->fd = writer_take_back(f->writer, f->out, e);
		f->writer = NULL;
		if (f->fd < 0)
			return -1;
	}
	char old_name[sizeof f->tmp_name];
	int old = f->fd;
	uint64_t size = f->flushed;
	memcpy(old_name, f->tmp_name, sizeof old_name);
	f->fd = create_tmp(f, ".raw", e);
	if (f->fd < 0) {
		f->fd = old;
		memcpy(f->tmp_name, old_name, sizeof old_name);
		return -1;
	}
	f->flushed = 0;
	int result = copy_expanded(f, old, size, old_name, e);
	fsys_close_quiet(f->m->fs, old);
	maildir_remove_tmp(f->m, old_name);
	return result;
}

/* A bare LF comes: from here on as received, and what there is as well. */
static int go_raw(struct maildir_file *f, struct err *e)
{
	unsigned char *fresh = malloc(FILE_BUFFER), *converted = f->buf;
	if (fresh == NULL)
		return err_nomem(e, "writing a message file");
	size_t n = f->used;
	f->buf = fresh;
	f->used = 0;
	f->lf = false;
	int result = f->flushed > 0 ? rewrite_file(f, e) : 0;
	if (result == 0)
		result = put_expanded(f, converted, n, e);
	free(converted);
	return result;
}

/* ---- bytes from the wire --------------------------------------------------------------------- */

/* p[0..n) ends in CRLF: the line with LF instead. */
static int put_line(struct maildir_file *f, const unsigned char *p, size_t n, struct err *e)
{
	if (n > FILE_BUFFER - f->used)
		return put(f, p, n - 2, e) != 0 ? -1 : put_byte(f, '\n', e);
	memcpy(f->buf + f->used, p, n - 2);
	f->used += n - 1;
	f->buf[f->used - 1] = '\n';
	return 0;
}

static int convert(struct maildir_file *f, const unsigned char *p, size_t n, struct err *e)
{
	while (n > 0) {
		const unsigned char *lf = memchr(p, '\n', n);
		size_t len = lf != NULL ? (size_t)(lf - p) : n;
		bool held = f->cr;
		f->cr = false;
		if (lf == NULL) {
			f->cr = p[n - 1] == '\r';
			return held && put_byte(f, '\r', e) != 0 ? -1 : put(f, p, n - f->cr, e);
		}
		if (len == 0 && held) {
			if (put_byte(f, '\n', e) != 0)
				return -1;
		} else {
			if (held && put_byte(f, '\r', e) != 0)
				return -1;
			if (len == 0 || p[len - 1] != '\r') {
				if (put(f, p, len, e) != 0 || go_raw(f, e) != 0)
					return -1;
				return put(f, lf, n - len, e);
			}
			if (put_line(f, p, len + 1, e) != 0)
				return -1;
		}
		p += len + 1;
		n -= len + 1;
	}
	return 0;
}

int maildir_file_write(struct maildir_file *f, const void *p, size_t n, struct err *e)
{
	if (f->failed)
		return err_set(e, ERR_MESSAGE, E_STATE, "this message file has failed before");
	int result = sha256_add(f->hash, p, n, e);
	if (result == 0 && n > 0)
		result = f->lf ? convert(f, p, n, e) : put(f, p, n, e);
	f->wire += n;
	f->failed = result != 0;
	return result;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* mtime = INTERNALDATE. The name has the date as well, so a file system that cannot hold it (FAT
 * before 1980) is no reason to lose the message. */
int maildir_set_time(const struct fsys *fs, int fd, int64_t secs)
{
	struct timespec times[2];
	memset(times, 0, sizeof times);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_sec = (time_t)secs;
	bool fine = fs->futimens(fs->ctx, fd, times) == 0 || errno == EINVAL ||
		errno == EOVERFLOW || errno == ENOTSUP || errno == ENOSYS;
	return fine ? 0 : -1;
}

/* The rest goes to the writer. */
static int finish_later(struct maildir_file *f, int64_t secs, struct err *e)
{
	f->flushed += f->used;
	writer_finish(f->writer, f->out, f->buf, f->used, secs);
	f->buf = NULL;
	return writer_check(f->writer, e);
}

static int finish(struct maildir_file *f, int64_t secs, struct err *e)
{
	if (flush_buffer(f, e) != 0)
		return -1;
	return maildir_set_time(f->m->fs, f->fd, secs) == 0
		? 0
		: maildir_fail(f->m, e, "set the time of", "tmp", f->tmp_name);
}

static int complete(struct maildir_file *f, struct maildir_done *done, struct err *e)
{
	if (f->failed)
		return err_set(e, ERR_MESSAGE, E_STATE, "this message file has failed before");
	if (f->cr && put_byte(f, '\r', e) != 0)
		return -1;
	return sha256_end(f->hash, done->sha256, e);
}

int maildir_file_finish(
	struct maildir_file *f, int64_t secs, struct maildir_done *done, struct err *e)
{
	memset(done, 0, sizeof *done);
	done->fd = -1;
	if (complete(f, done, e) != 0 || (f->writer == NULL && finish(f, secs, e) != 0)) {
		maildir_file_discard(f);
		return -1;
	}
	int result = f->writer != NULL ? finish_later(f, secs, e) : 0;
	done->size_disk = f->flushed;
	done->size_wire = f->wire;
	memcpy(done->tmp_name, f->tmp_name, sizeof done->tmp_name);
	done->fd = f->fd;
	release(f);
	return result;
}

int maildir_file_flush(struct maildir *m, struct maildir_done *done, bool sync, struct err *e)
{
	const struct fsys *fs = m->fs;
	int fd = done->fd;
	done->fd = -1;
	if (sync && fs->fdatasync(fs->ctx, fd) != 0) {
		fsys_close_quiet(fs, fd);
		return maildir_fail(m, e, "flush", "tmp", done->tmp_name);
	}
	/* Some network file systems report a failed write only here. */
	if (fs->close(fs->ctx, fd) != 0)
		return maildir_fail(m, e, "close", "tmp", done->tmp_name);
	return 0;
}

/* ---- into cur/ ------------------------------------------------------------------------------- */

/* A taken or missing name concerns this message alone, and so does a source that is not a file. */
static int place_failed(struct maildir *m, const char *doing, const char *name, struct err *e)
{
	maildir_fail(m, e, doing, "cur", name);
	if (e->code == E_EXISTS || e->code == E_MISSING || e->code == E_CORRUPT)
		e->scope = ERR_MESSAGE;
	return -1;
}

int maildir_publish(struct maildir *m, const char *tmp_name, const char *name, struct err *e)
{
	if (maildir_check_component(m, tmp_name, e) != 0 ||
		maildir_check_component(m, name, e) != 0)
		return -1;
	if (fsys_rename_noreplace(m->fs, m->tmp, tmp_name, m->cur, name) != 0)
		return place_failed(m, "publish", name, e);
	m->cur_dirty = true;
	return 0;
}

/* Copy what is left of `from` to `to`. */
static int copy_bytes(const struct fsys *fs, int from, int to)
{
	unsigned char *chunk = malloc(FILE_BUFFER);
	if (chunk == NULL)
		return -1;
	int result = 0;
	for (ssize_t n = 1; result == 0 && n > 0;) {
		n = fsys_read_full(fs, from, chunk, FILE_BUFFER);
		result = n < 0 ? -1 : fsys_write_all(fs, to, chunk, (size_t)n);
	}
	int keep = errno;
	free(chunk);
	errno = keep;
	return result;
}

/* Where hard links are not possible: a durable copy with the same time. 0, or -1 with errno. */
static int copy_file(struct maildir *m, int from, const struct stat *st, const char *name)
{
	const struct fsys *fs = m->fs;
	char tmp_name[64];
	snprintf(tmp_name, sizeof tmp_name, "%ld.copy" TMP_SUFFIX, (long)getpid());
	fs->unlinkat(fs->ctx, m->tmp, tmp_name);
	int to = fsys_create(fs, m->tmp, tmp_name);
	if (to < 0)
		return -1;
	struct timespec times[2] = {fsys_mtime(st), fsys_mtime(st)};
	int result = copy_bytes(fs, from, to);
	if (result == 0 && fs->futimens(fs->ctx, to, times) != 0 && errno != EINVAL)
		result = -1;
	if (result == 0)
		result = fs->fdatasync(fs->ctx, to);
	if (result == 0)
		result = fs->close(fs->ctx, to);
	else
		fsys_close_quiet(fs, to);
	if (result == 0)
		result = fsys_rename_noreplace(fs, m->tmp, tmp_name, m->cur, name);
	if (result != 0) {
		int keep = errno;
		maildir_remove_tmp(m, tmp_name);
		errno = keep;
	}
	return result;
}

/* Link or copy dir/<from>; 0, or -1 with errno. */
static int link_or_copy(struct maildir *m, int dir, const char *from, const char *name)
{
	const struct fsys *fs = m->fs;
	struct stat st;
	/* Opened, since a link to a symbolic link or a FIFO would be one as well. */
	int fd = fsys_open_file(fs, dir, from, &st);
	if (fd < 0)
		return -1;
	int result = fs->linkat(fs->ctx, dir, from, m->cur, name);
	if (result != 0 &&
		(errno == EXDEV || errno == EPERM || errno == EMLINK || errno == ENOTSUP ||
			errno == EOPNOTSUPP || errno == ENOSYS))
		result = copy_file(m, fd, &st, name);
	fsys_close_quiet(fs, fd);
	return result;
}

static int link_found(struct maildir *m, struct maildir *from_dir,
	const struct maildir_found *found, const char *name)
{
	if (!found->in_new)
		return link_or_copy(m, from_dir->cur, found->name, name);
	int dir = fsys_open_dir(m->fs, from_dir->dir, "new");
	if (dir < 0)
		return -1;
	int result = link_or_copy(m, dir, found->name, name);
	fsys_close_quiet(m->fs, dir);
	return result;
}

int maildir_link(struct maildir *m, struct maildir *from_dir, const char *from, const char *name,
	struct err *e)
{
	if (maildir_check_component(from_dir, from, e) != 0 ||
		maildir_check_component(m, name, e) != 0)
		return -1;
	char base[MESSAGE_NAME_MAX];
	snprintf(base, sizeof base, "%.*s", (int)strcspn(from, ":"), from);
	struct maildir_found found = {from, false};
	for (int attempt = 0; link_found(m, from_dir, &found, name) != 0; attempt++) {
		if (errno != ENOENT || attempt == 2)
			return place_failed(m, "link", name, e);
		int there = maildir_find(from_dir, base, attempt == 1, &found, e);
		if (there < 0)
			return -1;
		if (there == 0) {
			errno = ENOENT;
			return place_failed(from_dir, "link", from, e);
		}
	}
	m->cur_dirty = true;
	return 0;
}

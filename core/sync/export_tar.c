/* SPDX-License-Identifier: MIT */
/*
 * export_tar.c -- a tree as a tar file: ustar, with a pax header (POSIX.1-2001, pax, "ustar
 * Interchange Format") in front of an entry whose name, size or time does not fit into it. Owners
 * are 0, modes 0600 and 0700.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/export_internal.h"

#define BLOCK  512
#define NAME   100
#define PREFIX 155

/* POSIX.1-2017, pax, table 4-14. */
struct header {
	char name[NAME], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag,
		linkname[100], magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8],
		prefix[PREFIX], padding[12];
};

struct tar {
	struct export_tree t;
	struct export_out *out;
	uint64_t left; /* bytes that the entry still needs */
	uint64_t size;
};

/* Digits and a NUL; false: it does not fit, and the field says 0. */
static bool octal(char *field, size_t size, uint64_t v)
{
	bool fits = size > 21 || v >> 3 * (size - 1) == 0;
	for (size_t i = size - 1; i > 0; i--) {
		field[i - 1] = (char)('0' + (fits ? v & 7 : 0));
		v >>= 3;
	}
	field[size - 1] = '\0';
	return fits;
}

static void copy(char *field, const char *text, size_t n)
{
	memcpy(field, text, n);
}

/* The whole path in name, or split at a '/' into prefix and name; false: neither, and name has its
 * beginning. */
static bool put_path(struct header *h, const char *path)
{
	size_t n = strlen(path);
	bool plain = true;
	for (size_t i = 0; i < n; i++)
		plain = plain && path[i] >= 0x20 && path[i] < 0x7F;
	if (plain && n <= NAME) {
		copy(h->name, path, n);
		return true;
	}
	for (size_t i = n > NAME ? n - NAME - 1 : 0; plain && i <= PREFIX && i + 1 < n; i++)
		if (path[i] == '/' && i > 0) {
			copy(h->prefix, path, i);
			copy(h->name, path + i + 1, n - i - 1);
			return true;
		}
	for (size_t i = 0; i < n && i < NAME; i++)
		h->name[i] = path[i] >= 0x20 && path[i] < 0x7F ? path[i] : '_';
	return false;
}

static int put_header(struct tar *t, struct header *h, char type, struct err *e)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;
	octal(h->mode, sizeof h->mode, type == '5' ? 0700 : 0600);
	octal(h->uid, sizeof h->uid, 0);
	octal(h->gid, sizeof h->gid, 0);
	octal(h->devmajor, sizeof h->devmajor, 0);
	octal(h->devminor, sizeof h->devminor, 0);
	h->typeflag = type;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->chksum, ' ', sizeof h->chksum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += p[i];
	octal(h->chksum, sizeof h->chksum - 1, sum);
	return export_out_write(t->out, h, sizeof *h, e);
}

static int pad(struct tar *t, uint64_t size, struct err *e)
{
	static const char zeros[BLOCK];
	size_t over = (size_t)(size % BLOCK);
	return over > 0 ? export_out_write(t->out, zeros, BLOCK - over, e) : 0;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static void add_record(struct buf *out, const char *key, const char *value)
{
	size_t rest = 1 + strlen(key) + 1 + strlen(value) + 1, n = rest;
	for (size_t before = 0; n != before;) {
		size_t digits = 1;
		for (size_t v = n; v >= 10; v /= 10)
			digits++;
		before = n;
		n = rest + digits;
	}
	buf_addf(out, "%zu %s=", n, key);
	buf_add_str(out, value);
	buf_add_byte(out, '\n');
}

static int put_pax(struct tar *t, struct buf *records, struct err *e)
{
	struct header h;
	memset(&h, 0, sizeof h);
	copy(h.name, "PaxHeader", 9);
	octal(h.size, sizeof h.size, records->len);
	octal(h.mtime, sizeof h.mtime, (uint64_t)EXPORT_EPOCH);
	if (buf_check(records, "a header of the tar file", e) != 0 ||
		put_header(t, &h, 'x', e) != 0 ||
		export_out_write(t->out, records->data, records->len, e) != 0)
		return -1;
	return pad(t, records->len, e);
}

static int put_entry(
	struct tar *t, const char *path, char type, uint64_t size, int64_t mtime, struct err *e)
{
	struct header h;
	struct buf records = BUF_INIT(EXPORT_PLACE_MAX + 200);
	char number[32];
	memset(&h, 0, sizeof h);
	if (!put_path(&h, path))
		add_record(&records, "path", path);
	if (!octal(h.size, sizeof h.size, size)) {
		snprintf(number, sizeof number, "%" PRIu64, size);
		add_record(&records, "size", number);
	}
	if (!octal(h.mtime, sizeof h.mtime, mtime < 0 ? UINT64_MAX : (uint64_t)mtime)) {
		snprintf(number, sizeof number, "%" PRId64, mtime);
		add_record(&records, "mtime", number);
	}
	int rc = records.len > 0 || records.failed != E_NONE ? put_pax(t, &records, e) : 0;
	buf_release(&records);
	return rc != 0 ? -1 : put_header(t, &h, type, e);
}

static int tar_dir(struct export_tree *tree, const char *path, struct err *e)
{
	struct buf name = BUF_INIT(EXPORT_PLACE_MAX + 1);
	buf_addf(&name, "%s/", path);
	int rc = buf_check(&name, "a path", e);
	if (rc == 0)
		rc = put_entry((struct tar *)tree, buf_str(&name), '5', 0, EXPORT_EPOCH, e);
	buf_release(&name);
	return rc;
}

static int tar_file(
	struct export_tree *tree, const char *path, uint64_t size, int64_t mtime, struct err *e)
{
	struct tar *t = (struct tar *)tree;
	t->left = t->size = size;
	return put_entry(t, path, '0', size, mtime, e);
}

static int tar_data(struct export_tree *tree, const void *p, size_t n, struct err *e)
{
	struct tar *t = (struct tar *)tree;
	if (n > t->left)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"a file grew while it was written to the tar file");
	t->left -= n;
	return export_out_write(t->out, p, n, e);
}

static int tar_end(struct export_tree *tree, struct err *e)
{
	struct tar *t = (struct tar *)tree;
	if (t->left > 0)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"a file shrank while it was written to the tar file");
	return pad(t, t->size, e);
}

static int tar_finish(struct export_tree *tree, struct err *e)
{
	static const char zeros[2 * BLOCK];
	struct tar *t = (struct tar *)tree;
	if (export_out_write(t->out, zeros, sizeof zeros, e) != 0)
		return -1;
	struct export_out *out = t->out;
	t->out = NULL;
	return export_out_publish(out, e);
}

static void tar_close(struct export_tree *tree)
{
	struct tar *t = (struct tar *)tree;
	export_out_abandon(t->out);
	free(t);
}

struct export_tree *export_tar_new(const char *output, bool gzip, bool force, struct err *e)
{
	struct tar *t = calloc(1, sizeof *t);
	if (t == NULL) {
		err_nomem(e, "the tar file");
		return NULL;
	}
	if (export_out_open(&t->out, output, gzip, force, e) != 0) {
		free(t);
		return NULL;
	}
	t->t = (struct export_tree){tar_dir, tar_file, tar_data, tar_end, tar_finish, tar_close};
	return &t->t;
}

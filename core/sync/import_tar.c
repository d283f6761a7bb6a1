/* SPDX-License-Identifier: MIT */
/*
 * import_tar.c -- where the files of a tar file are, by their paths. The manifest comes last and may name them in any
 * order, so all places are kept; of a path only half its SHA-256, which nobody can make collide.
 */
#include <stdlib.h>
#include <string.h>

#include "core/sync/import_internal.h"

struct indexing {
	struct import_tar *t;
	const struct import *m;
	int fd;
	uint64_t at; /* read so far */
	struct export_in *in;
	struct sha256 *hash;
	struct import_tar_entry entry;
	bool file, manifest;
};

static int get(void *ctx, void *p, size_t n, size_t *got, struct err *e)
{
	struct indexing *x = ctx;
	if (import_check(x->m, e) != 0)
		return -1;
	if (import_pread(x->fd, p, n, x->at, got, e) != 0)
		return err_widen(e, ERR_STORE);
	x->at += *got;
	return 0;
}

static int key_of(struct sha256 *hash, struct slice path, unsigned char key[16], struct err *e)
{
	unsigned char sum[SHA256_LEN];
	if (sha256_begin(hash, e) != 0 || sha256_add(hash, path.p, path.n, e) != 0 ||
		sha256_end(hash, sum, e) != 0)
		return -1;
	memcpy(key, sum, 16);
	return 0;
}

static int on_begin(void *ctx, struct slice path, enum export_entry kind, struct err *e)
{
	struct indexing *x = ctx;
	/* As "tar -c ." writes it. */
	while (path.n > 2 && memcmp(path.p, "./", 2) == 0)
		path = slice_of(path.p + 2, path.n - 2);
	x->file = kind == EXPORT_ENTRY_FILE;
	x->manifest = x->file && slice_eq_str(path, "MANIFEST");
	x->entry.offset = export_in_at(x->in);
	x->entry.size = 0;
	return x->file ? key_of(x->hash, path, x->entry.key, e) : 0;
}

static int on_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct indexing *x = ctx;
	(void)p;
	(void)e;
	x->entry.size += n;
	return 0;
}

static int on_end(void *ctx, bool clean, struct err *e)
{
	struct indexing *x = ctx;
	struct import_tar *t = x->t;
	(void)clean;
	if (x->manifest) {
		t->has_manifest = true;
		t->manifest = x->entry.offset;
		t->manifest_size = x->entry.size;
	}
	if (!x->file || x->manifest)
		return 0;
	if (t->n >= IMPORT_MESSAGES_MAX)
		return err_set(e, ERR_STORE, E_LIMIT, "there are more than %zu files in it",
			IMPORT_MESSAGES_MAX);
	if (t->n == t->cap) {
		size_t cap = t->cap > 0 ? 2 * t->cap : 256;
		struct import_tar_entry *at = realloc(t->at, cap * sizeof *at);
		if (at == NULL)
			return err_nomem(e, "the files of a tar file");
		t->at = at;
		t->cap = cap;
	}
	t->at[t->n++] = x->entry;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct import_tar_entry *x = a, *y = b;
	return memcmp(x->key, y->key, sizeof x->key);
}

int import_tar_index(struct import_tar *t, int fd, const struct import *m, struct err *e)
{
	struct indexing x = {.t = t, .m = m, .fd = fd, .hash = sha256_new(e)};
	const struct export_source source = {&x, get};
	const struct export_entries to = {&x, on_begin, on_data, on_end};
	unsigned char magic[2];
	size_t got = 0;
	int rc = x.hash != NULL ? import_pread(fd, magic, sizeof magic, 0, &got, e) : -1;
	/* It would be expanded on the way, and the places would not be those of the file. */
	if (rc == 0 && got == sizeof magic && magic[0] == 0x1F && magic[1] == 0x8B)
		rc = err_set(e, ERR_STORE, E_CORRUPT, "it is compressed twice");
	if (rc == 0)
		rc = export_in_open(&x.in, &source, e);
	if (rc == 0)
		rc = export_tar_read(x.in, &to, e);
	export_in_close(x.in);
	sha256_free(x.hash);
	if (rc == 0 && t->n > 0)
		qsort(t->at, t->n, sizeof *t->at, compare);
	return rc;
}

void import_tar_release(struct import_tar *t)
{
	free(t->at);
	*t = (struct import_tar){.at = NULL};
}

const struct import_tar_entry *import_tar_find(
	const struct import_tar *t, struct slice path, struct err *e)
{
	struct import_tar_entry key;
	struct sha256 *hash = sha256_new(e);
	int rc = hash != NULL ? key_of(hash, path, key.key, e) : -1;
	sha256_free(hash);
	return rc == 0 && t->n > 0 ? bsearch(&key, t->at, t->n, sizeof key, compare) : NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * verify_list.c -- everything that is in cur/ and new/ of one mailbox, whatever it is, in the
 * order of the index.
 *
 * Unlike maildir_scan() this also sees what is not ours: a stray file is a finding.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/maildir_internal.h"
#include "store/verify_internal.h"

struct adding {
	struct verify_listing *l;
	struct maildir *m;
	int dir;
	bool in_new;
};

static struct verify_file *grow(struct verify_listing *l)
{
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : 2 * l->cap;
		struct verify_file *at =
			cap > SIZE_MAX / sizeof *at ? NULL : realloc(l->at, cap * sizeof *at);
		if (at == NULL)
			return NULL;
		l->at = at;
		l->cap = cap;
	}
	return &l->at[l->n];
}

static int add_entry(void *ctx, const char *name, enum fsys_type type)
{
	struct adding *a = ctx;
	/* Maildir readers pass over such names; network file systems make them. */
	if (name[0] == '.')
		return 0;
	if (type == FSYS_UNKNOWN)
		type = fsys_type_at(a->m->fs, a->dir, name);
	struct verify_file *f = grow(a->l);
	char *copy = f != NULL ? strdup(name) : NULL;
	if (copy == NULL)
		return 1;
	struct slice letters;
	*f = (struct verify_file){.name = copy, .in_new = a->in_new, .regular = type == FSYS_FILE};
	f->base = strcspn(copy, ":");
	f->ours = f->regular && message_name_parse(slice_str(copy), &f->n, &letters);
	a->l->ours += f->ours;
	a->l->n++;
	return 0;
}

static int in_order(const void *a, const void *b)
{
	const struct verify_file *x = a, *y = b;
	if (x->ours != y->ours)
		return x->ours ? -1 : 1;
	if (x->ours && x->n.uidvalidity != y->n.uidvalidity)
		return x->n.uidvalidity < y->n.uidvalidity ? -1 : 1;
	if (x->ours && x->n.uid != y->n.uid)
		return x->n.uid < y->n.uid ? -1 : 1;
	int c = strcmp(x->name, y->name);
	return c != 0 ? c : (int)x->in_new - (int)y->in_new;
}

static int list_one(struct adding *a, const char *sub, struct err *e)
{
	int stopped = 0;
	if (fsys_list(a->m->fs, a->dir, add_entry, a, &stopped) != 0)
		return maildir_fail(a->m, e, "list", sub, NULL);
	return stopped != 0 ? err_nomem(e, "listing a mailbox") : 0;
}

int verify_list(struct maildir *m, struct verify_listing *l, struct err *e)
{
	struct adding a = {l, m, m->cur, false};
	if (list_one(&a, "cur", e) != 0)
		return -1;
	int new = fsys_open_dir(m->fs, m->dir, "new");
	if (new < 0 && errno != ENOENT)
		return maildir_fail(m, e, "open", "new", NULL);
	if (new >= 0) {
		a.dir = new;
		a.in_new = true;
		int result = list_one(&a, "new", e);
		fsys_close_quiet(m->fs, new);
		if (result != 0)
			return -1;
	}
	if (l->n > 0)
		qsort(l->at, l->n, sizeof *l->at, in_order);
	return 0;
}

void verify_listing_release(struct verify_listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].name);
	free(l->at);
	*l = (struct verify_listing){NULL, 0, 0, 0};
}

size_t verify_listing_find(const struct verify_listing *l, uint32_t uidvalidity, uint32_t uid)
{
	size_t low = 0, high = l->ours;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct message_name *n = &l->at[mid].n;
		if (n->uidvalidity < uidvalidity || (n->uidvalidity == uidvalidity && n->uid < uid))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- contents -------------------------------------------------------------------------------- */

int verify_open(struct maildir *m, const char *name, bool in_new, struct stat *st)
{
	int dir = m->cur;
	if (in_new && (dir = fsys_open_dir(m->fs, m->dir, "new")) < 0)
		return -1;
	int fd = fsys_open_file(m->fs, dir, name, st);
	if (in_new)
		fsys_close_quiet(m->fs, dir);
	return fd;
}

struct hashing {
	struct sha256 *hash;
	uint64_t n;
	struct err *e;
	bool failed; /* the hash, not the file */
};

static int hash_chunk(void *ctx, const void *p, size_t n)
{
	struct hashing *h = ctx;
	h->n += n;
	if (sha256_add(h->hash, p, n, h->e) == 0)
		return 0;
	h->failed = true;
	return -1;
}

int verify_hash(const struct fsys *fs, int fd, bool add_cr, struct sha256 *hash,
	struct verify_content *out, struct err *e)
{
	struct hashing h = {hash, 0, e, false};
	if (sha256_begin(hash, e) != 0)
		return -1;
	if (maildir_read_wire(fs, fd, add_cr, hash_chunk, &h, e) != 0)
		return h.failed || e->scope > ERR_MESSAGE ? -1 : 1;
	out->size_wire = h.n;
	return sha256_end(hash, out->sha256, e);
}

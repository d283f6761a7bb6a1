/* SPDX-License-Identifier: MIT */
/*
 * store_read.c -- what is in the archive: rows and messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/crlf.h"
#include "core/base/hasher.h"
#include "store/store_internal.h"

int store_records(struct store *s, int64_t generation, const struct uidset *which,
	int (*each)(void *ctx, const struct store_record *r), void *ctx, struct err *e)
{
	if (which == NULL)
		return index_records(s->x, generation, 1, UID_MAX, each, ctx, e);
	int result = 0;
	struct uid_range r = {0, 0};
	while (result == 0 && uidset_range_after(which, r.hi, &r))
		result = index_records(s->x, generation, r.lo, r.hi, each, ctx, e);
	return result;
}

/* ---- one message ------------------------------------------------------------------------------ */

struct place {
	bool found, has_file, add_cr;
	char base[MESSAGE_NAME_MAX];
	struct buf flags;
};

static int take_place(void *ctx, const struct store_record *r)
{
	struct place *p = ctx;
	p->found = true;
	p->has_file = r->has_file && r->base.n < sizeof p->base;
	if (!p->has_file)
		return 0;
	memcpy(p->base, r->base.p, r->base.n);
	p->base[r->base.n] = '\0';
	p->add_cr = r->size_disk < r->size_wire;
	buf_add_slice(&p->flags, r->flags);
	return 0;
}

static int open_place(struct store *s, int64_t generation, const struct place *p, int *fd,
	struct stat *st, struct err *e)
{
	struct index_generation row;
	struct folder *f;
	char letters[FLAG_LETTERS_MAX];
	if (index_generation_get(s->x, generation, &row, e) <= 0)
		return -1;
	if (folder_get(s, row.mailbox, &f, e) != 0 ||
		flag_letters(buf_slice(&p->flags), &f->m.keywords, letters, e) != 0)
		return -1;
	return maildir_open_message(&f->m, p->base, letters, fd, st, e);
}

static int find_place(
	struct store *s, int64_t generation, uint32_t uid, struct place *p, struct err *e)
{
	if (index_records(s->x, generation, uid, uid, take_place, p, e) != 0)
		return -1;
	if (buf_check(&p->flags, "the flags of a message", e) != 0)
		return -1;
	if (!p->has_file)
		return err_set(
			e, ERR_MESSAGE, E_MISSING, "UID %lu is not stored", (unsigned long)uid);
	/* It waits in tmp/, and has no name before the group is committed. */
	return group_find(s, generation, uid) != NULL ? store_commit(s, e) : 0;
}

int store_file_open(
	struct store *s, int64_t generation, uint32_t uid, struct store_file *out, struct err *e)
{
	struct place p = {.flags = BUF_INIT(MAIL_FLAGS_TEXT_MAX)};
	struct stat st;
	int result = find_place(s, generation, uid, &p, e);
	if (result == 0)
		result = open_place(s, generation, &p, &out->fd, &st, e);
	if (result == 0) {
		out->add_cr = p.add_cr;
		out->size = (uint64_t)st.st_size;
	}
	buf_release(&p.flags);
	return result != 0 ? -1 : 0;
}

long store_file_read(struct store *s, const struct store_file *f, void *p, size_t n, struct err *e)
{
	ssize_t got = fsys_read_full(s->fs, f->fd, p, n);
	if (got < 0)
		return err_sys(e, ERR_MESSAGE, E_IO, errno, "cannot read a message file");
	return (long)got;
}

long store_file_fill(struct store *s, const struct store_file *f, bool widen, uint64_t left,
	struct hash_block *b, size_t *added, struct err *e)
{
	unsigned char *to = b->data + b->len;
	size_t room = HASH_BLOCK_BYTES - b->len, most = widen ? room / 2 : room;
	size_t want = left < most ? (size_t)left : most;
	/* At the far end of the room: what it becomes grows towards it, and meets it only behind its last byte. */
	unsigned char *raw = widen ? to + room - want : to;
	*added = 0;
	long n = store_file_read(s, f, raw, want, e);
	if (n > 0)
		*added = widen ? crlf_expand(raw, (size_t)n, to) : (size_t)n;
	return n;
}

void store_file_close(struct store *s, struct store_file *f)
{
	fsys_close_quiet(s->fs, f->fd);
}

int store_message_read(struct store *s, int64_t generation, uint32_t uid,
	int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e)
{
	struct store_file f;
	if (store_file_open(s, generation, uid, &f, e) != 0)
		return -1;
	int result = maildir_read_wire(s->fs, f.fd, f.add_cr, sink, ctx, e);
	store_file_close(s, &f);
	return result;
}

/* ---- the header ------------------------------------------------------------------------------- */

struct header {
	struct sha256 *hash;
	bool line_start; /* nothing but perhaps a CR since the last LF */
	bool after_cr;	 /* that CR */
	struct err *e;
};

/* How many bytes belong to the header; *end: it ends with them. */
static size_t header_bytes(struct header *h, const unsigned char *p, size_t n, bool *end)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			if (h->line_start) {
				*end = true;
				return i + 1;
			}
			h->line_start = true;
			h->after_cr = false;
		} else if (p[i] == '\r' && h->line_start && !h->after_cr) {
			h->after_cr = true;
		} else {
			h->line_start = h->after_cr = false;
		}
	}
	*end = false;
	return n;
}

static int hash_header(void *ctx, const void *p, size_t n)
{
	struct header *h = ctx;
	bool end;
	size_t take = header_bytes(h, p, n, &end);
	if (sha256_add(h->hash, p, take, h->e) != 0)
		return -1;
	return end ? 1 : 0;
}

int store_message_header_hash(struct store *s, int64_t generation, uint32_t uid,
	unsigned char out[SHA256_LEN], struct err *e)
{
	struct header h = {hash_take(s, e), true, false, e};
	if (h.hash == NULL)
		return -1;
	int result = sha256_begin(h.hash, e);
	if (result == 0)
		result = store_message_read(s, generation, uid, hash_header, &h, e);
	if (result >= 0)
		result = sha256_end(h.hash, out, e);
	hash_put_back(s, h.hash);
	return result;
}

/* ---- by pulling -------------------------------------------------------------------------------- */

#define READER_BUFFER 65536

struct store_reader {
	struct store *s;
	struct store_file f;
	bool cr_given; /* of the LF that comes next */
	size_t at, n;  /* buf[at..n) waits */
	unsigned char buf[READER_BUFFER];
};

int store_reader_open(
	struct store *s, int64_t generation, uint32_t uid, struct store_reader **out, struct err *e)
{
	struct store_reader *r = malloc(sizeof *r);
	if (r == NULL)
		return err_nomem(e, "reading a message");
	r->s = s;
	r->cr_given = false;
	r->at = r->n = 0;
	if (store_file_open(s, generation, uid, &r->f, e) != 0) {
		free(r);
		return -1;
	}
	*out = r;
	return 0;
}

/* 1, 0 at the end of the file, -1. */
static int reader_fill(struct store_reader *r, struct err *e)
{
	if (r->at < r->n)
		return 1;
	long n = store_file_read(r->s, &r->f, r->buf, sizeof r->buf, e);
	if (n < 0)
		return -1;
	r->at = 0;
	r->n = (size_t)n;
	return n > 0;
}

/* Some of what waits, at least one octet: up to the next LF, or the CR that goes before it. */
static size_t reader_take(struct store_reader *r, unsigned char *out, size_t n)
{
	const unsigned char *from = r->buf + r->at;
	size_t have = r->n - r->at, take = n < have ? n : have;
	if (r->f.add_cr && *from == '\n' && !r->cr_given) {
		*out = '\r';
		r->cr_given = true;
		return 1;
	}
	size_t known = r->cr_given ? 1 : 0;
	const unsigned char *lf = r->f.add_cr ? memchr(from + known, '\n', take - known) : NULL;
	if (lf != NULL)
		take = (size_t)(lf - from);
	memcpy(out, from, take);
	r->cr_given = false;
	r->at += take;
	return take;
}

long store_reader_read(struct store_reader *r, void *p, size_t n, struct err *e)
{
	unsigned char *out = p;
	size_t got = 0;
	while (got < n) {
		int more = reader_fill(r, e);
		if (more <= 0)
			return more < 0 ? -1 : (long)got;
		got += reader_take(r, out + got, n - got);
	}
	return (long)got;
}

void store_reader_close(struct store_reader *r)
{
	if (r == NULL)
		return;
	store_file_close(r->s, &r->f);
	free(r);
}

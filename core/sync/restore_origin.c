/* SPDX-License-Identifier: MIT */
/* restore_origin.c -- what all origins share; see restore_origin.h. */
#include "core/sync/restore_origin.h"

#include <string.h>

#define PART_SIZE 16384

void origin_folder_init(struct origin_folder *f)
{
	buf_init(&f->wire, ORIGIN_NAME_MAX);
	buf_init(&f->name, ORIGIN_NAME_MAX);
	buf_init(&f->attributes, ORIGIN_NAME_MAX);
	f->key = 0;
	f->delimiter = '\0';
	f->subscribed = false;
}

void origin_folder_release(struct origin_folder *f)
{
	buf_release(&f->wire);
	buf_release(&f->name);
	buf_release(&f->attributes);
}

static int copy(struct buf *to, const struct buf *from, struct err *e)
{
	buf_clear(to);
	buf_add_slice(to, buf_slice(from));
	return buf_check(to, "the name of a folder", e) != 0 ? err_widen(e, ERR_MAILBOX) : 0;
}

int origin_folder_copy(struct origin_folder *to, const struct origin_folder *from, struct err *e)
{
	to->key = from->key;
	to->delimiter = from->delimiter;
	to->subscribed = from->subscribed;
	if (copy(&to->wire, &from->wire, e) != 0 || copy(&to->name, &from->name, e) != 0)
		return -1;
	return copy(&to->attributes, &from->attributes, e);
}

void origin_close(struct restore_origin *o)
{
	if (o != NULL)
		o->close(o);
}

void origin_reader_close(struct origin_reader *x)
{
	if (x != NULL)
		x->close(x);
}

int origin_read(struct restore_origin *o, int64_t generation, uint32_t uid,
	int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e)
{
	unsigned char part[PART_SIZE];
	struct origin_reader *x = NULL;
	long got = 1;
	int rc = o->open(o, generation, uid, &x, e);
	while (rc == 0 && got > 0) {
		got = x->read(x, part, sizeof part, e);
		if (got < 0)
			rc = -1;
		else if (got > 0)
			rc = sink(ctx, part, (size_t)got);
	}
	origin_reader_close(x);
	return rc;
}

/* ---- headers --------------------------------------------------------------------------------- */

size_t header_end_bytes(struct header_end *h, const void *p, size_t n)
{
	const unsigned char *at = p;
	for (size_t i = 0; i < n && !h->found; i++) {
		if (at[i] == '\n') {
			h->found = h->line_start;
			h->line_start = true;
			h->after_cr = false;
			if (h->found)
				return i + 1;
		} else if (at[i] == '\r' && h->line_start && !h->after_cr) {
			h->after_cr = true;
		} else {
			h->line_start = h->after_cr = false;
		}
	}
	return n;
}

struct hashing {
	struct sha256 *hash;
	struct header_end end;
	struct err *e;
};

static int hash_header(void *ctx, const void *p, size_t n)
{
	struct hashing *h = ctx;
	size_t take = header_end_bytes(&h->end, p, n);
	if (sha256_add(h->hash, p, take, h->e) != 0)
		return -1;
	return h->end.found ? 1 : 0;
}

int origin_header_hash(struct restore_origin *o, int64_t generation, uint32_t uid,
	unsigned char out[SHA256_LEN], struct err *e)
{
	struct hashing h = {sha256_new(e), HEADER_END_INIT, e};
	if (h.hash == NULL)
		return -1;
	int rc = sha256_begin(h.hash, e);
	if (rc == 0)
		rc = origin_read(o, generation, uid, hash_header, &h, e);
	if (rc >= 0)
		rc = sha256_end(h.hash, out, e);
	sha256_free(h.hash);
	return rc;
}

/* ---- names ----------------------------------------------------------------------------------- */

void inbox_survey_add(struct inbox_survey *s, struct slice wire, char delimiter)
{
	if (mailbox_is_inbox(wire))
		return;
	const unsigned char *end =
		delimiter != '\0' && wire.n > 0 ? memchr(wire.p, delimiter, wire.n) : NULL;
	bool below = end != NULL && mailbox_is_inbox(slice_of(wire.p, (size_t)(end - wire.p))) &&
		end + 1 < wire.p + wire.n;
	s->below = s->below || below;
	s->beside = s->beside || !below;
}

bool inbox_survey_all_below(const struct inbox_survey *s)
{
	return s->below && !s->beside;
}

/* SPDX-License-Identifier: MIT */
/* export_read.c -- input and hashes; see export_read.h. */
#include "core/sync/export_read.h"

#include <stdlib.h>
#include <string.h>

#include "core/sync/gunzip.h"

#define IN_SIZE	  ((size_t)64 << 10)
#define PART_SIZE ((size_t)8 << 10)

struct export_in {
	struct export_source source;
	struct gunzip *z;      /* NULL: not compressed */
	size_t sniffed, given; /* bytes of head[]: there are, gunzip has */
	unsigned char head[2];
	uint64_t at;
	bool ended;
	struct err failure; /* comes when all in front of it is taken */
	size_t pos, len;
	unsigned char data[IN_SIZE];
};

/* gunzip's input: first what was looked at. */
static int get_compressed(void *ctx, void *p, size_t n, size_t *got, struct err *e)
{
	struct export_in *in = ctx;
	if (in->given == in->sniffed)
		return in->source.get(in->source.ctx, p, n, got, e);
	*got = in->sniffed - in->given < n ? in->sniffed - in->given : n;
	memcpy(p, in->head + in->given, *got);
	in->given += *got;
	return 0;
}

static int sniff(struct export_in *in, struct err *e)
{
	while (in->sniffed < sizeof in->head) {
		size_t got = 0;
		if (in->source.get(in->source.ctx, in->head + in->sniffed,
			    sizeof in->head - in->sniffed, &got, e) != 0)
			return -1;
		if (got == 0)
			break;
		in->sniffed += got;
	}
	if (in->sniffed == sizeof in->head && in->head[0] == 0x1F && in->head[1] == 0x8B) {
		in->z = gunzip_new(get_compressed, in, e);
		return in->z != NULL ? 0 : -1;
	}
	memcpy(in->data, in->head, in->sniffed);
	in->len = in->sniffed;
	return 0;
}

int export_in_open(struct export_in **out, const struct export_source *src, struct err *e)
{
	struct export_in *in = calloc(1, sizeof *in);
	*out = NULL;
	if (in == NULL)
		return err_nomem(e, "reading an export");
	in->source = *src;
	if (sniff(in, e) != 0) {
		export_in_close(in);
		return -1;
	}
	*out = in;
	return 0;
}

void export_in_close(struct export_in *in)
{
	if (in == NULL)
		return;
	gunzip_free(in->z);
	free(in);
}

/* At least n bytes, unless it ends before. */
static int fill(struct export_in *in, size_t n, struct err *e)
{
	if (in->len - in->pos >= n)
		return 0;
	if (err_is_set(&in->failure) && in->len == in->pos) {
		*e = in->failure;
		return -1;
	}
	memmove(in->data, in->data + in->pos, in->len - in->pos);
	in->len -= in->pos;
	in->pos = 0;
	while (in->len < n && !in->ended && !err_is_set(&in->failure)) {
		size_t got = 0;
		int rc = in->z != NULL
			? gunzip_read(in->z, in->data + in->len, IN_SIZE - in->len, &got, e)
			: in->source.get(
				  in->source.ctx, in->data + in->len, IN_SIZE - in->len, &got, e);
		if (rc != 0) {
			in->failure = *e;
			if (in->len == 0)
				return -1;
			err_clear(e);
			return 0;
		}
		in->ended = got == 0;
		in->len += got;
	}
	return 0;
}

int export_in_peek(struct export_in *in, size_t n, struct slice *out, struct err *e)
{
	if (fill(in, n, e) != 0)
		return -1;
	*out = slice_of(in->data + in->pos, n < in->len - in->pos ? n : in->len - in->pos);
	return 0;
}

int export_in_take(struct export_in *in, uint64_t max, struct slice *out, struct err *e)
{
	*out = SLICE_NONE;
	if (max == 0)
		return 0;
	if (fill(in, 1, e) != 0)
		return -1;
	size_t n = in->len - in->pos;
	*out = slice_of(in->data + in->pos, n < max ? n : (size_t)max);
	in->pos += out->n;
	in->at += out->n;
	return 0;
}

uint64_t export_in_at(const struct export_in *in)
{
	return in->at;
}

/* ---- hashes ---------------------------------------------------------------------------------- */

int export_digest_init(struct export_digest *d, struct err *e)
{
	memset(d, 0, sizeof *d);
	d->raw = sha256_new(e);
	d->crlf = d->raw != NULL ? sha256_new(e) : NULL;
	return d->crlf != NULL ? 0 : -1;
}

void export_digest_release(struct export_digest *d)
{
	sha256_free(d->raw);
	sha256_free(d->crlf);
	d->raw = d->crlf = NULL;
}

int export_digest_begin(struct export_digest *d, bool raw, bool crlf, struct err *e)
{
	d->want_raw = raw;
	d->want_crlf = crlf;
	d->size = d->lfs = 0;
	if (raw && sha256_begin(d->raw, e) != 0)
		return -1;
	return crlf ? sha256_begin(d->crlf, e) : 0;
}

static int add_crlf(struct export_digest *d, const unsigned char *p, size_t n, struct err *e)
{
	unsigned char out[2 * PART_SIZE];
	while (n > 0) {
		size_t part = n < PART_SIZE ? n : PART_SIZE, len = 0;
		for (size_t i = 0; i < part; i++) {
			if (p[i] == '\n') {
				out[len++] = '\r';
				d->lfs++;
			}
			out[len++] = p[i];
		}
		if (sha256_add(d->crlf, out, len, e) != 0)
			return -1;
		p += part;
		n -= part;
	}
	return 0;
}

int export_digest_add(struct export_digest *d, const void *p, size_t n, struct err *e)
{
	d->size += n;
	if (d->want_raw && sha256_add(d->raw, p, n, e) != 0)
		return -1;
	return d->want_crlf ? add_crlf(d, p, n, e) : 0;
}

int export_digest_end(struct export_digest *d, struct err *e)
{
	if (d->want_raw && sha256_end(d->raw, d->raw_sum, e) != 0)
		return -1;
	return d->want_crlf ? sha256_end(d->crlf, d->crlf_sum, e) : 0;
}

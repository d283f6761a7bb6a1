/* SPDX-License-Identifier: MIT */
/* test_gunzip.c -- what gzip.c wrote comes back; what was damaged or cut off does not pass. */
#include <criterion/criterion.h>

#include <string.h>

#include "core/base/buf.h"
#include "core/sync/gunzip.h"
#include "core/sync/gzip.h"

struct input {
	struct slice s;
	size_t step;
};

static int get(void *ctx, void *p, size_t n, size_t *got, struct err *e)
{
	struct input *in = ctx;
	(void)e;
	*got = in->s.n < n ? in->s.n : n;
	*got = *got < in->step ? *got : in->step;
	if (*got > 0)
		memcpy(p, in->s.p, *got);
	in->s = slice_of(in->s.p + *got, in->s.n - *got);
	return 0;
}

static int put(void *ctx, const void *p, size_t n, struct err *e)
{
	return buf_add(ctx, p, n) == 0 ? 0 : err_set(e, ERR_STORE, E_FULL, "no room");
}

static bool squeeze(struct buf *out, struct slice s)
{
	struct err e = ERR_INIT;
	struct gzip *g = gzip_new(put, out, &e);
	bool good = g != NULL && gzip_write(g, s.p, s.n, &e) == 0 && gzip_finish(g, &e) == 0;
	gzip_free(g);
	return good;
}

static int expand(struct slice s, size_t step, size_t room, struct buf *out, struct err *e)
{
	struct input in = {s, step};
	unsigned char part[4096];
	size_t got = 1;
	struct gunzip *g = gunzip_new(get, &in, e);
	int rc = g != NULL ? 0 : -1;
	buf_clear(out);
	while (rc == 0 && got > 0) {
		rc = gunzip_read(g, part, room, &got, e);
		if (rc == 0)
			buf_add(out, part, got);
	}
	gunzip_free(g);
	return rc;
}

static struct buf sample(void)
{
	struct buf b = BUF_INIT(1u << 20);
	for (unsigned i = 0; i < 400; i++)
		buf_addf(&b, "line %u of %u\n", i * 7919 % 400, i);
	return b;
}

Test(gunzip, what_was_compressed_comes_back_however_it_is_cut_up)
{
	struct buf text = sample(), z = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	cr_assert(squeeze(&z, buf_slice(&text)));
	size_t one = z.len;
	cr_assert(squeeze(&z, SLICE_NONE));
	cr_assert(squeeze(&z, buf_slice(&text)));
	for (size_t step = 1; step <= 4096; step *= 8)
		for (size_t room = 1; room <= 4096; room *= 16) {
			cr_assert_eq(expand(slice_of(z.data, one), step, room, &out, &e), 0, "%s",
				e.text);
			cr_assert(
				slice_eq(buf_slice(&out), buf_slice(&text)), "%zu %zu", step, room);
			cr_assert_eq(expand(buf_slice(&z), step, room, &out, &e), 0, "%s", e.text);
			cr_assert_eq(out.len, 2 * text.len, "three members, %zu %zu", step, room);
		}
	buf_release(&text);
	buf_release(&z);
	buf_release(&out);
}

Test(gunzip, what_is_cut_off_or_followed_by_something_or_damaged_is_refused)
{
	struct buf text = sample(), z = BUF_INIT(1u << 20), out = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	cr_assert(squeeze(&z, buf_slice(&text)));
	for (size_t n = 0; n < z.len; n++) {
		int rc = expand(slice_of(z.data, n), 4096, 4096, &out, &e);
		cr_assert(rc != 0 && e.code == E_CORRUPT, "%zu bytes", n);
	}
	/* Behind the fields of the header that hold no data: time, level, system. */
	for (size_t i = 10; i < z.len; i++) {
		z.data[i] ^= 1;
		int rc = expand(buf_slice(&z), 4096, 4096, &out, &e);
		cr_assert(rc != 0 && e.code == E_CORRUPT, "byte %zu", i);
		z.data[i] ^= 1;
	}
	cr_assert_eq(expand(buf_slice(&z), 4096, 4096, &out, &e), 0);
	buf_add_str(&z, "x");
	cr_assert_eq(expand(buf_slice(&z), 4096, 4096, &out, &e), -1);
	cr_assert_eq(e.code, E_CORRUPT);
	buf_release(&text);
	buf_release(&z);
	buf_release(&out);
}

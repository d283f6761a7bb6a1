/* SPDX-License-Identifier: MIT */
/* test_gzip.c -- what is compressed comes back, and is the same each time. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/buf.h"
#include "core/sync/gzip.h"

static int put(void *ctx, const void *p, size_t n, struct err *e)
{
	struct buf *out = ctx;
	if (buf_add(out, p, n) != 0)
		return err_set(e, ERR_STORE, E_FULL, "no room");
	return 0;
}

static int squeeze(struct buf *out, const unsigned char *p, size_t n, size_t step, struct err *e)
{
	struct gzip *g = gzip_new(put, out, e);
	int rc = g != NULL ? 0 : -1;
	for (size_t i = 0; rc == 0 && i < n; i += step)
		rc = gzip_write(g, p + i, n - i < step ? n - i : step, e);
	if (rc == 0)
		rc = gzip_finish(g, e);
	gzip_free(g);
	return rc;
}

static bool comes_back(const struct buf *z, const unsigned char *want, size_t n)
{
	unsigned char *got = malloc(n + 16);
	z_stream in;
	memset(&in, 0, sizeof in);
	inflateInit2(&in, 15 + 16);
	in.next_in = z->data;
	in.avail_in = (uInt)z->len;
	in.next_out = got;
	in.avail_out = (uInt)(n + 16);
	bool good = inflate(&in, Z_FINISH) == Z_STREAM_END && in.total_out == n &&
		in.avail_in == 0 && (n == 0 || memcmp(got, want, n) == 0);
	inflateEnd(&in);
	free(got);
	return good;
}

Test(gzip, what_is_compressed_comes_back_whatever_its_size)
{
	static const size_t sizes[] = {0, 1, 1000, 65535, 65536, 65537, 1000000};
	unsigned char *noise = malloc(1000000);
	cr_assert_not_null(noise);
	srand(1);
	for (size_t i = 0; i < 1000000; i++)
		noise[i] = (unsigned char)(rand() >> 7);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buf a = BUF_INIT(4u << 20), b = BUF_INIT(4u << 20);
		struct err e = ERR_INIT;
		cr_assert_eq(squeeze(&a, noise, sizes[i], 1 + sizes[i] / 3, &e), 0, "%s", e.text);
		cr_expect(comes_back(&a, noise, sizes[i]), "%zu", sizes[i]);
		cr_assert_eq(squeeze(&b, noise, sizes[i], 1 + sizes[i] / 3, &e), 0, "%s", e.text);
		cr_expect(slice_eq(buf_slice(&a), buf_slice(&b)), "%zu", sizes[i]);
		/* RFC 1952 section 2.3: no flags, no time, unknown system. */
		static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
		cr_expect_eq(memcmp(a.data, head, sizeof head), 0);
		buf_release(&a);
		buf_release(&b);
	}
	free(noise);
}

Test(gzip, an_error_of_the_taker_comes_through)
{
	struct buf out = BUF_INIT(5);
	struct err e = ERR_INIT;
	cr_assert_eq(squeeze(&out, (const unsigned char *)"abc", 3, 1, &e), -1);
	cr_assert_eq(e.code, E_FULL);
	buf_release(&out);
}

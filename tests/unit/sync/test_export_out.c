/* SPDX-License-Identifier: MIT */
/* test_export_out.c -- small and large pieces in one file: whole, in order, and only under its final name. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sync/export_internal.h"

#define KB	((size_t)1 << 10)
#define TOTAL	((size_t)3 << 20)
#define PATTERN 257

static char folder[64], path[96];

static void setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/imapsync-out-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/export.tar", folder);
}

static void teardown(void)
{
	unlink(path);
	rmdir(folder);
}

TestSuite(export_out, .init = setup, .fini = teardown);

static unsigned char *pattern(void)
{
	unsigned char *p = malloc(TOTAL);
	cr_assert_not_null(p);
	for (size_t i = 0; i < TOTAL; i++)
		p[i] = (unsigned char)(i % PATTERN + i / 65521);
	return p;
}

/* The pieces in turn, until `total` bytes are written. */
static void write_pieces(struct export_out *o, const unsigned char *p, size_t total,
	const size_t *pieces, size_t count)
{
	struct err e = ERR_INIT;
	size_t at = 0;
	for (size_t i = 0; at < total; i++) {
		size_t n = pieces[i % count] < total - at ? pieces[i % count] : total - at;
		cr_assert_eq(export_out_write(o, p + at, n, &e), 0, "%s", e.text);
		at += n;
		cr_assert_eq(export_out_at(o), at);
	}
}

static bool file_is(const unsigned char *want, size_t n)
{
	unsigned char *got = malloc(n + 1);
	int fd = open(path, O_RDONLY);
	size_t have = 0;
	for (ssize_t r = 1; fd >= 0 && r > 0 && have <= n; have += (size_t)r) {
		r = read(fd, got + have, n + 1 - have);
		cr_assert_geq(r, 0);
	}
	bool same = fd >= 0 && have == n && memcmp(got, want, n) == 0;
	if (fd >= 0)
		close(fd);
	free(got);
	return same;
}

Test(export_out, pieces_of_any_size_come_in_their_order)
{
	/* As in a tar file: a header, a message, padding; around the limits of copying and of the buffer. */
	static const size_t large[] = {1, 64 * KB - 1, 64 * KB, 64 * KB + 1, 256 * KB - 512,
		256 * KB - 1, 256 * KB, 256 * KB + 1, 1 << 20};
	unsigned char *p = pattern();
	for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
		const size_t pieces[] = {512, large[i], 37, large[i], large[i], 475};
		struct export_out *o;
		struct err e = ERR_INIT;
		cr_assert_eq(export_out_open(&o, path, false, true, &e), 0, "%s", e.text);
		write_pieces(o, p, TOTAL, pieces, sizeof pieces / sizeof *pieces);
		cr_assert_eq(export_out_publish(o, &e), 0, "%s", e.text);
		cr_assert(file_is(p, TOTAL), "pieces of %zu bytes", large[i]);
	}
	free(p);
}

Test(export_out, nothing_has_the_name_before_the_end)
{
	static const size_t pieces[] = {512, 300 * KB};
	unsigned char *p = pattern();
	struct export_out *o;
	struct err e = ERR_INIT;
	cr_assert_eq(export_out_open(&o, path, false, false, &e), 0, "%s", e.text);
	write_pieces(o, p, TOTAL, pieces, 2);
	cr_assert_neq(access(path, F_OK), 0);
	export_out_abandon(o);
	cr_assert_eq(rmdir(folder), 0, "something is left in %s", folder);
	free(p);
}

/* SPDX-License-Identifier: MIT */
/* test_export_tar.c -- tar files, read back by a reader of our own: headers, pax records, sizes. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/export_internal.h"
#include "tests/support/tmp_tree.h"

/* One entry, and what is known about it. */
struct entry {
	char path[4096];
	long long mtime;
	unsigned long long size;
	char type;
	bool pax;
	const unsigned char *data;
};

static unsigned long long number(const unsigned char *field, size_t n)
{
	char text[16];
	memcpy(text, field, n);
	text[n] = '\0';
	return strtoull(text, NULL, 8);
}

static bool checksum_holds(const unsigned char *h)
{
	unsigned sum = 0;
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	return number(h + 148, 7) == sum;
}

/* "LENGTH KEY=VALUE\n" ...; false when a length is not that of its record. */
static bool read_pax(const unsigned char *p, size_t n, struct entry *e)
{
	while (n > 0) {
		char *end;
		unsigned long len = strtoul((const char *)p, &end, 10);
		if (len == 0 || len > n || p[len - 1] != '\n' || *end != ' ')
			return false;
		const char *value = memchr(end, '=', len);
		int size = (int)((const char *)p + len - 1 - value - 1);
		if (strncmp(end, " path=", 6) == 0)
			snprintf(e->path, sizeof e->path, "%.*s", size, value + 1);
		else if (strncmp(end, " mtime=", 7) == 0)
			e->mtime = strtoll(value + 1, NULL, 10);
		else if (strncmp(end, " size=", 6) == 0)
			e->size = strtoull(value + 1, NULL, 10);
		else
			return false;
		p += len;
		n -= len;
	}
	return true;
}

/* The next entry: 1, 0 at the end, -1 wrong. */
static int next(const unsigned char *tar, size_t n, size_t *at, struct entry *e)
{
	memset(e, 0, sizeof *e);
	e->mtime = -1;
	for (;;) {
		const unsigned char *h = tar + *at;
		static const unsigned char zeros[1024];
		if (n - *at == 1024)
			return memcmp(h, zeros, 1024) == 0 ? 0 : -1;
		if (n - *at < 1024 || !checksum_holds(h) ||
			memcmp(h + 257,
				"ustar\0"
				"00",
				8) != 0)
			return -1;
		unsigned long long size = number(h + 124, 12);
		e->type = (char)h[156];
		if (e->type == 'x') {
			e->pax = true;
			if (!read_pax(h + 512, size, e))
				return -1;
			*at += 512 + (size + 511) / 512 * 512;
			continue;
		}
		if (e->path[0] == '\0')
			snprintf(e->path, sizeof e->path, "%.155s%s%.100s", (const char *)h + 345,
				h[345] != '\0' ? "/" : "", (const char *)h);
		if (!e->pax || e->mtime == -1)
			e->mtime = (long long)number(h + 136, 12);
		e->size = e->size != 0 ? e->size : size;
		e->data = h + 512;
		*at += 512 + (size + 511) / 512 * 512;
		return number(h + 108, 8) == 0 && number(h + 116, 8) == 0 ? 1 : -1;
	}
}

static char *long_path(size_t n, size_t slash)
{
	char *p = malloc(n + 1);
	memset(p, 'a', n);
	p[n] = '\0';
	if (slash > 0)
		p[slash] = '/';
	return p;
}

Test(export_tar, names_sizes_and_times_come_back_whether_or_not_they_fit_into_ustar)
{
	static const struct {
		size_t n, slash; /* of a path of 'a' */
		const char *path;
		int64_t mtime;
		bool pax;
	} row[] = {
		{.path = "x", .mtime = 1},
		{.n = 100, .mtime = 077777777777},
		{.n = 101, .mtime = 5, .pax = true},
		{.n = 101, .slash = 1, .mtime = 5},
		{.n = 256, .slash = 155, .mtime = 5},
		{.n = 257, .slash = 155, .mtime = 5, .pax = true},
		{.n = 257, .slash = 156, .mtime = 5, .pax = true},
		{.n = 3000, .slash = 100, .mtime = 5, .pax = true},
		{.path = "Entw\xc3\xbcrfe", .mtime = 5, .pax = true},
		{.path = "t", .mtime = 0100000000000, .pax = true},
		{.path = "t", .mtime = -2, .pax = true},
		/* record lengths around the step from two to three digits */
		{.n = 101 + 0, .slash = 100, .mtime = 5, .pax = true},
	};
	struct tmp_tree tree;
	struct err e = ERR_INIT;
	char out[200];
	cr_assert(tmp_tree_make(&tree));
	snprintf(out, sizeof out, "%s/out.tar", tree.path);
	struct export_tree *t = export_tar_new(out, false, false, &e);
	cr_assert_not_null(t, "%s", e.text);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char *path = row[i].path != NULL ? strdup(row[i].path)
						 : long_path(row[i].n, row[i].slash);
		cr_assert_eq(t->file(t, path, i * 200, row[i].mtime, &e), 0, "%s", e.text);
		for (size_t k = 0; k < i; k++) {
			char text[200];
			memset(text, (int)('a' + i), sizeof text);
			cr_assert_eq(t->data(t, text, sizeof text, &e), 0);
		}
		cr_assert_eq(t->end(t, &e), 0);
		free(path);
	}
	cr_assert_eq(t->finish(t, &e), 0, "%s", e.text);
	t->close(t);
	size_t n, at = 0;
	unsigned char *tar = tmp_tree_read(&tree, "out.tar", &n);
	cr_assert_not_null(tar);
	cr_assert_eq(n % 512, 0);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct entry got;
		char *path = row[i].path != NULL ? strdup(row[i].path)
						 : long_path(row[i].n, row[i].slash);
		cr_assert_eq(next(tar, n, &at, &got), 1, "row %zu", i);
		cr_expect_str_eq(got.path, path, "row %zu", i);
		cr_expect_eq(got.mtime, row[i].mtime, "row %zu: %lld", i, got.mtime);
		cr_expect_eq(got.size, i * 200, "row %zu", i);
		cr_expect_eq(got.pax, row[i].pax, "row %zu", i);
		cr_expect(i == 0 || (got.data[0] == 'a' + i && got.data[i * 200 - 1] == 'a' + i));
		free(path);
	}
	struct entry none;
	cr_assert_eq(next(tar, n, &at, &none), 0);
	free(tar);
	tmp_tree_remove(&tree);
}

Test(export_tar, pax_records_count_their_own_length)
{
	struct tmp_tree tree;
	struct err e = ERR_INIT;
	char out[200];
	cr_assert(tmp_tree_make(&tree));
	snprintf(out, sizeof out, "%s/out.tar", tree.path);
	struct export_tree *t = export_tar_new(out, false, false, &e);
	cr_assert_not_null(t, "%s", e.text);
	/* Two bytes and more each, so that the length of the record passes 9, 99 and 999 one by one. */
	for (size_t n = 1; n <= 1000; n++) {
		char *path = long_path(n + 1, 0);
		path[0] = '\xc3';
		path[1] = '\xbc';
		cr_assert_eq(t->dir(t, path, &e), 0, "%s", e.text);
		free(path);
	}
	cr_assert_eq(t->finish(t, &e), 0, "%s", e.text);
	t->close(t);
	size_t n, at = 0;
	unsigned char *tar = tmp_tree_read(&tree, "out.tar", &n);
	for (size_t i = 1; i <= 1000; i++) {
		struct entry got;
		cr_assert_eq(next(tar, n, &at, &got), 1, "%zu", i);
		cr_assert_eq(strlen(got.path), i + 2, "%zu", i);
		cr_assert_eq(got.type, '5');
	}
	free(tar);
	tmp_tree_remove(&tree);
}

Test(export_tar, a_file_that_is_not_as_long_as_announced_is_an_error)
{
	for (size_t given = 9; given <= 11; given++) {
		struct tmp_tree tree;
		struct err e = ERR_INIT;
		char out[200];
		cr_assert(tmp_tree_make(&tree));
		snprintf(out, sizeof out, "%s/out.tar", tree.path);
		struct export_tree *t = export_tar_new(out, false, false, &e);
		cr_assert_not_null(t, "%s", e.text);
		cr_assert_eq(t->file(t, "x", 10, 0, &e), 0);
		int rc = t->data(t, "0123456789a", given, &e);
		if (rc == 0)
			rc = t->end(t, &e);
		cr_expect_eq(rc, given == 10 ? 0 : -1, "%zu", given);
		t->close(t);
		cr_expect_eq(tmp_tree_count(&tree, "."), 0);
		tmp_tree_remove(&tree);
	}
}

/* SPDX-License-Identifier: MIT */
/* test_verify_export.c -- exports are sound as written; damage anywhere is found; hostile input is refused. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sync/export.h"
#include "core/sync/verify_export_internal.h"
#include "tests/support/mail_archive.h"

#define DATE " 1-Mar-2024 10:00:00 +0200"

struct ctx {
	struct mail_archive a;
	struct selection sel;
	struct export_report made;
	struct export_verify_report r;
	char path[512], last[512];
	struct err e;
};

static void note(void *p, enum sync_note kind, const char *line)
{
	(void)p;
	(void)kind;
	(void)line;
}

static void finding(void *p, const struct export_finding *f)
{
	struct ctx *c = p;
	snprintf(c->last, sizeof c->last, "%s %.*s %.*s %u", export_fault_name(f->fault),
		(int)f->folder.n, (const char *)f->folder.p, (int)f->path.n,
		(const char *)f->path.p, f->uid);
}

static bool make(struct ctx *c)
{
	struct store_generation *g;
	struct mail_archive *a = &c->a;
	memset(c, 0, sizeof *c);
	selection_init(&c->sel);
	return mail_archive_make(a) && mail_archive_begin(a) &&
		(g = mail_archive_box(a, "INBOX", 1)) != NULL &&
		mail_archive_add(a, g, 1, "\\Seen work", DATE,
			slice_str(
				"Subject: one\r\n\r\nFrom me\r\n>From\r\n>>From you\r\n>Fro\r\n>x\r\n")) &&
		mail_archive_add(
			a, g, 2, "- a,b%", NULL, slice_str("no header\nbare\r\nFrom \n")) &&
		mail_archive_add(
			a, g, 3, "", " 1-Mar-1960 10:00:00 -0330", slice_str("no end>From")) &&
		mail_archive_add(a, g, 4, "", DATE, SLICE_NONE) &&
		mail_archive_add(a, g, 5, "", DATE, slice_str(">From")) &&
		(g = mail_archive_box(a, "Work/x.eml", 2)) != NULL &&
		mail_archive_add(a, g, 7, "", DATE, slice_str("A: b\r\n\r\n")) &&
		mail_archive_end(a, 1000) && mail_archive_read(a);
}

static int export(struct ctx *c, const char *format, const char *name)
{
	const struct sync_hooks h = {.ctx = c, .note = note};
	snprintf(c->path, sizeof c->path, "%s/%s", c->a.tree.path, name);
	struct export_options o = {.select = &c->sel, .output = c->path};
	return export_format_choose(format, c->path, &o.format, &c->e) != 0
		? -1
		: sync_export(c->a.s, &o, &h, &c->made, &c->e);
}

/* Damage found, or why it could not be read: both are damage. */
static bool is_damaged(struct ctx *c)
{
	const struct export_verify v = {c, finding, NULL};
	err_clear(&c->e);
	c->last[0] = '\0';
	int rc = sync_verify_export(c->path, &v, &c->r, &c->e);
	return rc != 0 || c->r.damage > 0;
}

static bool write_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	bool good = f != NULL && fwrite(p, 1, n, f) == n;
	return (f == NULL || fclose(f) == 0) && good;
}

static unsigned char *contents(struct ctx *c, const char *name, size_t *n)
{
	return tmp_tree_read(&c->a.tree, name, n);
}

Test(verify_export, every_format_is_sound_as_it_was_written)
{
	static const char *const formats[] = {
		"mbox", "mbox.gz", "tar", "tar.gz", "eml.tar", "eml.tar.gz", "maildir", "eml"};
	struct ctx c;
	cr_assert(make(&c), "%s", c.a.e.text);
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		cr_assert_eq(export(&c, formats[i], formats[i]), 0, "%s: %s", formats[i], c.e.text);
		cr_assert(!is_damaged(&c), "%s: %s %s", formats[i], c.e.text, c.last);
		cr_assert_eq(c.r.messages, 6, "%s", formats[i]);
	}
	snprintf(c.path, sizeof c.path, "%s/none", c.a.tree.path);
	cr_assert(is_damaged(&c));
	cr_assert_eq(c.e.code, E_USAGE);
	mail_archive_remove(&c.a);
}

Test(verify_export, every_bit_and_every_cut_of_an_mbox_counts)
{
	struct ctx c;
	size_t n;
	cr_assert(make(&c), "%s", c.a.e.text);
	cr_assert_eq(export(&c, "mbox", "m"), 0, "%s", c.e.text);
	unsigned char *p = contents(&c, "m", &n);
	cr_assert_not_null(p);
	for (size_t i = 0; i < n; i++) {
		p[i] ^= 1;
		cr_assert(write_file(c.path, p, n));
		cr_assert(is_damaged(&c), "byte %zu", i);
		cr_assert(c.e.code == E_NONE && c.r.damage >= 1, "byte %zu is named: %s", i,
			c.e.text);
		p[i] ^= 1;
		cr_assert(write_file(c.path, p, i));
		cr_assert(is_damaged(&c), "%zu bytes", i);
	}
	free(p);
	mail_archive_remove(&c.a);
}

Test(verify_export, every_cut_of_a_tar_file_and_every_byte_to_the_end_of_its_manifest_counts)
{
	struct ctx c;
	size_t n, manifest = 0;
	cr_assert(make(&c), "%s", c.a.e.text);
	cr_assert_eq(export(&c, "eml.tar", "t"), 0, "%s", c.e.text);
	unsigned char *p = contents(&c, "t", &n);
	cr_assert_not_null(p);
	for (size_t i = 0; i < n; i += 512)
		if (memcmp(p + i, "MANIFEST", 9) == 0)
			manifest = i;
	size_t size = strtoul((const char *)p + manifest + 124, NULL, 8);
	cr_assert(manifest > 0 && size > 0);
	for (size_t i = 0; i < manifest + 512 + (size + 511) / 512 * 512; i++) {
		/* The value of a pax header can be a time, which is not compared. */
		if (i >= 512 && p[i / 512 * 512 - 512 + 156] == 'x')
			continue;
		p[i] ^= 1;
		cr_assert(write_file(c.path, p, n));
		cr_assert(is_damaged(&c), "byte %zu", i);
		p[i] ^= 1;
	}
	for (size_t i = 0; i < n; i += 37) {
		cr_assert(write_file(c.path, p, i));
		cr_assert(is_damaged(&c) && c.e.code == E_CORRUPT, "%zu bytes", i);
	}
	free(p);
	mail_archive_remove(&c.a);
}

/* ---- the manifest ---------------------------------------------------------------------------- */

#define HEAD "imapsync-manifest 1\n# sha256 size date flags uidvalidity uid folder place\n"
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int count(void *ctx, const struct export_line *line, struct err *e)
{
	(void)line;
	(void)e;
	++*(size_t *)ctx;
	return 0;
}

static int read_lines(const char *text, size_t n, size_t step, size_t *lines, struct err *e)
{
	struct export_lines l;
	int rc = 0;
	*lines = 0;
	export_lines_init(&l, count, lines);
	for (size_t i = 0; rc == 0 && i < n; i += step)
		rc = export_lines_add(&l, text + i, n - i < step ? n - i : step, e);
	if (rc == 0)
		rc = export_lines_end(&l, e);
	export_lines_release(&l);
	return rc;
}

Test(verify_export, a_line_of_the_manifest_is_what_the_export_writes_or_damage)
{
	static const struct {
		const char *line;
		bool good;
	} row[] = {
		{HASH " 5 2024-03-01T10:00:00+0200 \\Seen,work,%2D 1 2 INBOX mail/x", true},
		{HASH " 0 - - 4294967295 4294967295 a%20b%25%2C @0+0", true},
		{HASH " 5 - - 1 2 INBOX", false},
		{HASH " 5 - - 1 2 INBOX x y", false},
		{HASH "0 5 - - 1 2 INBOX x", false},
		{"g" HASH " 5 - - 1 2 INBOX x", false},
		{HASH " -5 - - 1 2 INBOX x", false},
		{HASH " 5 2024-13-01T10:00:00+0200 - 1 2 INBOX x", false},
		{HASH " 5 2024-03-01 10:00:00+0200 - 1 2 INBOX x", false},
		{HASH " 5 2024-02-30T10:00:00+0200 - 1 2 INBOX x", false},
		{HASH " 5 - a,,b 1 2 INBOX x", false},
		{HASH " 5 - a,- 1 2 INBOX x", false},
		{HASH " 5 - - 4294967296 2 INBOX x", false},
		{HASH " 5 - - 1 x INBOX x", false},
		{HASH " 5 - - 1 2 INB%4FX x", false},
		{HASH " 5 - - 1 2 INBOX a%2", false},
		{HASH " 5 - - 1 2 INBOX a%ff", false},
		{HASH " 5 - - 1 2  x", false},
		{HASH " 5 - - 1 2 INBOX ", false},
		{"", false},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		for (size_t step = 1; step < 1000; step *= 10) {
			char text[1024];
			struct err e = ERR_INIT;
			size_t lines,
				n = (size_t)snprintf(text, sizeof text, HEAD "%s\n", row[i].line);
			int rc = read_lines(text, n, step, &lines, &e);
			cr_expect_eq(rc == 0, row[i].good, "%s: %s", row[i].line, e.text);
			cr_expect(rc == 0 || e.code == E_CORRUPT, "%s", row[i].line);
			cr_expect_eq(lines, row[i].good ? 1 : 0, "%s", row[i].line);
		}
}

Test(verify_export, a_manifest_that_is_cut_off_or_of_another_version_is_refused)
{
	static const char whole[] = HEAD HASH " 5 - - 1 2 INBOX x\n";
	struct err e = ERR_INIT;
	size_t lines;
	for (size_t n = 0; n < sizeof whole - 1; n++)
		cr_expect_eq(read_lines(whole, n, 7, &lines, &e), n == sizeof HEAD - 1 ? 0 : -1,
			"%zu", n);
	static const char *const versions[] = {"0", "4", "21", "2 ", "", "1\n# sha256"};
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		char text[200];
		size_t n = (size_t)snprintf(text, sizeof text,
			"imapsync-manifest %s\n# sha256 size date flags uidvalidity uid folder place\n",
			versions[i]);
		cr_expect_eq(read_lines(text, n, n, &lines, &e), -1, "%s", versions[i]);
	}
	struct buf line = BUF_INIT(2u << 20);
	buf_add_str(&line, HEAD);
	for (size_t i = 0; i < 1u << 20; i++)
		buf_add_byte(&line, 'x');
	cr_expect_eq(read_lines(buf_str(&line), line.len, 4096, &lines, &e), -1);
	cr_expect_eq(e.code, E_LIMIT);
	buf_release(&line);
}

/* With the last line that the export writes. */
static size_t sealed(const char *lines, char *out, size_t size)
{
	unsigned char sum[SHA256_LEN];
	char hex[SHA256_HEX + 1];
	struct err e = ERR_INIT;
	struct sha256 *h = sha256_new(&e);
	int n = snprintf(out, size, "imapsync-manifest 3\n%s%s", strchr(HEAD, '\n') + 1, lines);
	cr_assert(h != NULL && sha256_begin(h, &e) == 0 && sha256_add(h, out, (size_t)n, &e) == 0 &&
		sha256_end(h, sum, &e) == 0);
	sha256_free(h);
	hex_format(sum, SHA256_LEN, hex);
	return (size_t)(n + snprintf(out + n, size - (size_t)n, "# end %s\n", hex));
}

Test(verify_export, the_last_line_of_a_manifest_speaks_for_all_before_it)
{
	char text[2000];
	struct err e = ERR_INIT;
	size_t lines,
		n = sealed("# folder INBOX -\n" HASH
			   " 5 2024-03-01T10:00:00+0200 \\Seen,work 1 2 INBOX x\n# delimiter .\n"
			   "# folder a.b \\Sent,\\Subscribed\n" HASH " 5 - - 1 3 a.b y\n",
			text, sizeof text);
	for (size_t step = 1; step < 1000; step *= 10)
		cr_expect_eq(read_lines(text, n, step, &lines, &e), 0, "%s", e.text);
	cr_expect_eq(lines, (size_t)2);
	/* Every other byte in every place, and every cut. */
	for (size_t i = 0; i < n; i++) {
		char was = text[i];
		for (int c = 0; c < 256; c++) {
			text[i] = (char)c;
			cr_assert((char)c == was || read_lines(text, n, n, &lines, &e) != 0,
				"byte %zu: %d", i, c);
		}
		text[i] = was;
		cr_assert_eq(read_lines(text, i, n, &lines, &e), -1, "%zu bytes", i);
		cr_assert_eq(e.code, E_CORRUPT, "%zu bytes: %s", i, e.text);
	}
	/* Nothing may stand behind it, not even the same again. */
	size_t last = n - sizeof "# end " - SHA256_HEX;
	memcpy(text + n, text + last, n - last);
	cr_expect_eq(read_lines(text, n + n - last, n, &lines, &e), -1);
	memcpy(text + n, HASH " 5 - - 1 4 z z\n", sizeof HASH " 5 - - 1 4 z z\n");
	cr_expect_eq(read_lines(text, strlen(text), n, &lines, &e), -1);
}

Test(verify_export, a_line_about_a_folder_is_what_the_export_writes_or_damage)
{
	static const struct {
		const char *lines;
		bool good;
	} row[] = {
		{"# folder INBOX -\n", true},
		{"# folder a%20b \\Sent\n", true},
		{"# folder a \\All,\\Archive,\\Drafts,\\Flagged,\\Important,\\Junk,\\Sent,"
		 "\\Subscribed,\\Trash\n",
			true},
		{"# folder a -\n# folder b -\n" HASH " 5 - - 1 2 b x\n", true},
		/* A message stands behind its folder. */
		{HASH " 5 - - 1 2 a x\n", false},
		{"# folder a -\n# folder b -\n" HASH " 5 - - 1 2 a x\n", false},
		{"# folder a -\n" HASH " 5 - - 1 2 A x\n", false},
		{"# folder a\n", false},
		{"# folder a \n", false},
		{"# folder  -\n", false},
		{"# folder a - \n", false},
		{"# folder %41 -\n", false},
		{"# folder a \\Sent,\\Sent\n", false},
		{"# folder a \\Trash,\\Sent\n", false},
		{"# folder a \\sent\n", false},
		{"# folder a \\Sent,\n", false},
		{"# folder a ,\\Sent\n", false},
		{"# folder a \\HasNoChildren\n", false},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char text[1024];
		struct err e = ERR_INIT;
		size_t lines, n = sealed(row[i].lines, text, sizeof text);
		int rc = read_lines(text, n, n, &lines, &e);
		cr_expect_eq(rc == 0, row[i].good, "%s: %s", row[i].lines, e.text);
		cr_expect(rc == 0 || e.code == E_CORRUPT, "%s", row[i].lines);
		/* Older ones have no such lines. */
		text[sizeof "imapsync-manifest " - 1] = '2';
		cr_expect_eq(read_lines(text, n, n, &lines, &e), -1, "%s", row[i].lines);
	}
}

/* As seen by a person: whatever is flipped in the manifest of any format. */
Test(verify_export, every_bit_of_a_manifest_counts, .timeout = 120)
{
	static const struct {
		const char *format, *file;
		size_t step; /* in bits: 9 is one in each byte */
	} rows[] = {
		{"mbox", "x.manifest", 1}, {"eml", "x/MANIFEST", 9}, {"maildir", "x/MANIFEST", 9}};
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		struct ctx c;
		size_t n;
		char path[600];
		cr_assert(make(&c), "%s", c.a.e.text);
		cr_assert_eq(export(&c, rows[r].format, "x"), 0, "%s", c.e.text);
		cr_assert(!is_damaged(&c), "%s", c.e.text);
		cr_expect_not(c.r.unproven, "%s", rows[r].format);
		unsigned char *p = contents(&c, rows[r].file, &n);
		cr_assert_not_null(p);
		snprintf(path, sizeof path, "%s/%s", c.a.tree.path, rows[r].file);
		for (size_t i = 0; i < 8 * n; i += rows[r].step) {
			p[i / 8] ^= (unsigned char)(1 << i % 8);
			cr_assert(write_file(path, p, n));
			cr_assert(is_damaged(&c), "%s: bit %zu", rows[r].format, i);
			p[i / 8] ^= (unsigned char)(1 << i % 8);
		}
		free(p);
		mail_archive_remove(&c.a);
	}
}

/* Takes the lines about folders out. */
static size_t without_folders(char *text, size_t n)
{
	size_t kept = 0;
	for (size_t at = 0; at < n;) {
		const char *lf = memchr(text + at, '\n', n - at);
		size_t len = (size_t)(lf + 1 - (text + at));
		if (strncmp(text + at, "# folder ", 9) != 0) {
			memmove(text + kept, text + at, len);
			kept += len;
		}
		at += len;
	}
	return kept;
}

Test(verify_export, a_manifest_of_version_1_is_read_and_called_unproven)
{
	struct ctx c;
	size_t n;
	char path[600];
	cr_assert(make(&c), "%s", c.a.e.text);
	cr_assert_eq(export(&c, "mbox", "m"), 0, "%s", c.e.text);
	unsigned char *p = contents(&c, "m.manifest", &n);
	cr_assert_not_null(p);
	p[sizeof "imapsync-manifest " - 1] = '1';
	n = without_folders((char *)p, n);
	snprintf(path, sizeof path, "%s.manifest", c.path);
	cr_assert(write_file(path, p, n - sizeof "# end" - SHA256_HEX - 1));
	cr_expect(!is_damaged(&c), "%s", c.e.text);
	cr_expect(c.r.unproven);
	cr_assert(write_file(path, p, n));
	cr_expect(is_damaged(&c), "version 1 has no such line");
	free(p);
	mail_archive_remove(&c.a);
}

Test(verify_export, folders_in_one_another_are_followed_to_a_limit)
{
	struct ctx c;
	int at;
	cr_assert(make(&c), "%s", c.a.e.text);
	cr_assert_eq(export(&c, "eml", "f"), 0, "%s", c.e.text);
	at = open(c.path, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(at, 0);
	/* The folder itself is the first. */
	for (int i = 1; i <= VERIFY_DEPTH_MAX; i++) {
		cr_assert_eq(mkdirat(at, "d", 0700), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
		cr_assert_geq(next, 0);
		close(at);
		at = next;
		if (i == VERIFY_DEPTH_MAX - 1)
			cr_expect(!is_damaged(&c), "%s %s", c.e.text, c.last);
	}
	close(at);
	cr_expect(is_damaged(&c));
	cr_expect_eq(c.e.code, E_LIMIT, "%s", c.e.text);
	mail_archive_remove(&c.a);
}

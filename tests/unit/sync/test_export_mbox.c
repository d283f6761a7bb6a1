/* SPDX-License-Identifier: MIT */
/* test_export_mbox.c -- mboxrd: every message comes back byte by byte, whatever is in it. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/export.h"
#include "tests/support/mail_archive.h"

#define MESSAGES 400

static void note(void *ctx, enum sync_note kind, const char *line)
{
	(void)ctx;
	(void)kind;
	(void)line;
}

/* Texts over the alphabet that the quoting is about; line ends are CRLF, or, in every third, LF as
 * well. */
static size_t make_text(unsigned i, char out[256])
{
	static const char *const parts[] = {
		"\r\n", ">", "F", "r", "o", "m", " ", "From ", "\r\n>>From ", "\r"};
	size_t n = 0, count = (size_t)rand() % 24;
	for (size_t k = 0; k < count; k++) {
		const char *part = parts[(size_t)rand() % 10];
		if (i % 3 == 0 && *part == '\r' && rand() % 2 == 0)
			part = "\n";
		memcpy(out + n, part, strlen(part));
		n += strlen(part);
	}
	return n;
}

static int export(struct mail_archive *a, const char *name, struct export_report *r)
{
	char path[256];
	struct selection sel;
	const struct sync_hooks h = {.note = note};
	struct export_options o = {.select = &sel, .output = path};
	selection_init(&sel);
	snprintf(path, sizeof path, "%s/%s", a->tree.path, name);
	return export_format_choose("mbox", path, &o.format, &a->e) != 0
		? -1
		: sync_export(a->s, &o, &h, r, &a->e);
}

/* Take one '>' from each line that is some '>' and "From ". */
static void unquote(struct slice s, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < s.n;) {
		size_t q = i;
		while (q < s.n && s.p[q] == '>')
			q++;
		if (q > i && s.n - q >= 5 && memcmp(s.p + q, "From ", 5) == 0)
			i++;
		const unsigned char *lf = memchr(s.p + i, '\n', s.n - i);
		size_t end = lf != NULL ? (size_t)(lf - s.p) + 1 : s.n;
		buf_add(out, s.p + i, end - i);
		i = end;
	}
}

static void add_cr(struct slice s, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			buf_add_byte(out, '\r');
		buf_add_byte(out, s.p[i]);
	}
}

Test(export_mbox, quoting_is_reversible)
{
	static char text[MESSAGES][256];
	size_t len[MESSAGES], size = 0, manifest_size = 0;
	struct mail_archive a;
	struct export_report r;
	srand(7);
	cr_assert(mail_archive_make(&a));
	cr_assert(mail_archive_begin(&a));
	struct store_generation *g = mail_archive_box(&a, "INBOX", 1);
	cr_assert_not_null(g);
	for (unsigned i = 0; i < MESSAGES; i++) {
		len[i] = make_text(i, text[i]);
		cr_assert(mail_archive_add(&a, g, i + 1, "", NULL, slice_of(text[i], len[i])), "%s",
			a.e.text);
	}
	cr_assert(mail_archive_end(&a, 1000) && mail_archive_read(&a), "%s", a.e.text);
	cr_assert_eq(export(&a, "out", &r), 0, "%s", a.e.text);
	cr_assert_eq(r.messages, MESSAGES);
	unsigned char *mbox = tmp_tree_read(&a.tree, "out", &size);
	char *manifest = (char *)tmp_tree_read(&a.tree, "out.manifest", &manifest_size);
	cr_assert(mbox != NULL && manifest != NULL);
	struct buf plain = BUF_INIT(4096), wire = BUF_INIT(4096);
	char *line = manifest;
	size_t end = 0, crlf = 0;
	for (size_t i = 0; i < MESSAGES + 3; i++, line = strchr(line, '\n') + 1) {
		uint64_t at, n;
		if (i < 3)
			continue; /* what it is, the fields, the folder */
		cr_assert_eq(sscanf(strchr(line, '@'), "@%" SCNu64 "+%" SCNu64, &at, &n), 2);
		/* Between two messages there is nothing but line ends and the From line. */
		static const char from[] = "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n";
		cr_assert_eq(memcmp(mbox + at - strlen(from), from, strlen(from)), 0);
		cr_assert_leq(at - strlen(from) - end, i == 3 ? 0 : 2);
		end = at + n;
		unquote(slice_of(mbox + at, n), &plain);
		/* A line that begins with "From " is the beginning of a message. */
		for (uint64_t k = at; k + 5 <= end; k++)
			cr_assert(memcmp(mbox + k, "From ", 5) != 0 || mbox[k - 1] != '\n',
				"message %zu", i);
		add_cr(buf_slice(&plain), &wire);
		struct slice want = slice_of(text[i - 3], len[i - 3]);
		bool as_is = slice_eq(buf_slice(&plain), want),
		     with_cr = slice_eq(buf_slice(&wire), want);
		cr_assert(as_is || with_cr, "message %zu", i - 3);
		crlf += with_cr;
	}
	cr_assert_gt(crlf, MESSAGES / 2);
	free(mbox);
	free(manifest);
	buf_release(&plain);
	buf_release(&wire);
	mail_archive_remove(&a);
}

Test(export_mbox, the_from_line_has_the_date_of_the_message_in_utc)
{
	static const struct {
		const char *date, *want;
	} row[] = {{" 1-Mar-2024 01:30:00 +0200", "From MAILER-DAEMON Thu Feb 29 23:30:00 2024\n"},
		{"31-Dec-1969 00:00:00 +0000", "From MAILER-DAEMON Wed Dec 31 00:00:00 1969\n"},
		{NULL, "From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct mail_archive a;
		struct export_report r;
		size_t n;
		cr_assert(mail_archive_make(&a));
		cr_assert(mail_archive_begin(&a));
		cr_assert(mail_archive_add(&a, mail_archive_box(&a, "INBOX", 1), 1, "", row[i].date,
			slice_str("A: b\r\n\r\nx\r\n")));
		cr_assert(mail_archive_end(&a, 1000) && mail_archive_read(&a), "%s", a.e.text);
		cr_assert_eq(export(&a, "out", &r), 0, "%s", a.e.text);
		char *got = (char *)tmp_tree_read(&a.tree, "out", &n);
		cr_assert_eq(n, strlen(row[i].want) + 9);
		cr_expect_eq(memcmp(got, row[i].want, strlen(row[i].want)), 0, "%.50s", got);
		cr_expect_eq(memcmp(got + strlen(row[i].want), "A: b\n\nx\n\n", 9), 0);
		free(got);
		mail_archive_remove(&a);
	}
}

/* SPDX-License-Identifier: MIT */
/* test_export.c -- archives to tar files, folders and mboxes: what must hold for all formats. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sync/export_internal.h"
#include "tests/support/mail_archive.h"

#define DATE " 1-Mar-2024 10:00:00 +0200"
#define BIG  (EXPORT_HOLD + ((size_t)1 << 20)) /* read twice */

struct ctx {
	struct mail_archive a;
	struct selection sel;
	struct export_report r;
	struct sync_interrupt interrupt;
	size_t notes;
	char last[1024];
};

static void note(void *p, enum sync_note kind, const char *line)
{
	struct ctx *c = p;
	c->notes += kind == SYNC_NOTE_PROBLEM;
	snprintf(c->last, sizeof c->last, "%s", line);
}

static bool fill(struct mail_archive *a, enum store_layout layout)
{
	struct store_generation *g;
	char *big = malloc(BIG);
	if (big == NULL)
		return false;
	/* One byte first, so that CR and LF are in different parts wherever it is cut at a power of
	 * two. */
	big[0] = 'x';
	for (size_t i = 1; i < BIG; i++)
		big[i] = "ab\r\n"[(i - 1) % 4];
	memcpy(big + BIG - 3, "z\r\n", 3);
	a->layout = layout;
	bool good = mail_archive_begin(a) && (g = mail_archive_box(a, "INBOX", 1)) != NULL &&
		mail_archive_add(a, g, 1, "\\Seen work", DATE,
			slice_str("Subject: one\r\n\r\nFrom me\r\n")) &&
		mail_archive_add(
			a, g, 2, "\\Answered - a,b%", NULL, slice_str("no header\nbare\r\n")) &&
		mail_archive_add(
			a, g, 3, "work zebra", " 1-Mar-1960 10:00:00 -0330", slice_str("no end")) &&
		mail_archive_add(a, g, 4, "", DATE, SLICE_NONE) &&
		mail_archive_add(a, g, 5, "", DATE, slice_of(big, BIG)) &&
		(g = mail_archive_box(a, "Entw&APw-rfe/x.eml", 2)) != NULL &&
		mail_archive_add(a, g, 7, "zebra", DATE, slice_str("A: b\r\n\r\n")) &&
		mail_archive_box(a, "Empty", 0) == NULL && mail_archive_end(a, 1000) &&
		mail_archive_read(a);
	free(big);
	return good;
}

static bool make(struct ctx *c, enum store_layout layout)
{
	memset(c, 0, sizeof *c);
	selection_init(&c->sel);
	return mail_archive_make(&c->a) && fill(&c->a, layout);
}

static const char *in_tree(struct ctx *c, const char *name)
{
	static char path[2][1024];
	static unsigned turn;
	turn ^= 1;
	snprintf(path[turn], sizeof path[turn], "%s/%s", c->a.tree.path, name);
	return path[turn];
}

static int export(struct ctx *c, const char *format, const char *name, bool force)
{
	struct export_options o = {.select = &c->sel, .output = in_tree(c, name), .force = force};
	const struct sync_hooks h = {.ctx = c, .note = note, .interrupt = &c->interrupt};
	err_clear(&c->a.e);
	return export_format_choose(format, o.output, &o.format, &c->a.e) != 0
		? -1
		: sync_export(c->a.s, &o, &h, &c->r, &c->a.e);
}

static struct buf read_all(struct ctx *c, const char *name)
{
	struct buf b = BUF_INIT(64u << 20);
	size_t n;
	unsigned char *p = tmp_tree_read(&c->a.tree, name, &n);
	if (p != NULL)
		buf_add(&b, p, n);
	free(p);
	return b;
}

Test(export, the_format_follows_from_the_name_unless_it_is_given)
{
	static const struct {
		const char *format, *output;
		int container, layout, gzip; /* container -1: refused */
	} row[] = {
		{NULL, "a.mbox", EXPORT_MBOX, -1, 0},
		{NULL, "a.mbox.gz", EXPORT_MBOX, -1, 1},
		{NULL, "a.tar", EXPORT_TAR, EXPORT_MAILDIR, 0},
		{NULL, "a.TAR.GZ", EXPORT_TAR, EXPORT_MAILDIR, 1},
		{NULL, "a.tgz", EXPORT_TAR, EXPORT_MAILDIR, 1},
		{NULL, "a", -1, 0, 0},
		{NULL, ".tar", -1, 0, 0},
		{NULL, "a.zip", -1, 0, 0},
		{NULL, "-", -1, 0, 0},
		{"mbox", "-", EXPORT_MBOX, -1, 0},
		{"tar.gz", "-", EXPORT_TAR, EXPORT_MAILDIR, 1},
		{"eml.tar", "-", EXPORT_TAR, EXPORT_EML, 0},
		{"eml.tar.gz", "x", EXPORT_TAR, EXPORT_EML, 1},
		{"eml", "x", EXPORT_FOLDER, EXPORT_EML, 0},
		{"eml", "x.tar.gz", EXPORT_TAR, EXPORT_EML, 1},
		{"maildir", "x.tar", EXPORT_TAR, EXPORT_MAILDIR, 0},
		{"maildir", "x.mbox", EXPORT_FOLDER, EXPORT_MAILDIR, 0},
		{"maildir", "-", -1, 0, 0},
		{"eml", "-", -1, 0, 0},
		{"zip", "a.tar", -1, 0, 0},
		{"", "a.tar", -1, 0, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct export_format f;
		struct err e = ERR_INIT;
		int rc = export_format_choose(row[i].format, row[i].output, &f, &e);
		cr_expect_eq(rc, row[i].container < 0 ? -1 : 0, "%s", row[i].output);
		if (rc != 0) {
			cr_expect_eq(e.code, E_USAGE);
			continue;
		}
		cr_expect_eq((int)f.container, row[i].container, "%s", row[i].output);
		cr_expect(row[i].layout < 0 || (int)f.layout == row[i].layout, "%s", row[i].output);
		cr_expect_eq(f.gzip, row[i].gzip != 0, "%s", row[i].output);
	}
}

Test(export, the_same_selection_gives_the_same_bytes)
{
	static const char *const formats[] = {
		"mbox", "mbox.gz", "tar", "tar.gz", "eml.tar", "eml.tar.gz"};
	struct ctx c;
	cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		cr_assert_eq(
			export(&c, formats[i], "one", false), 0, "%s: %s", formats[i], c.a.e.text);
		cr_expect_eq(c.r.messages, 6);
		cr_expect_eq(c.r.damaged, 0);
		cr_assert_eq(
			export(&c, formats[i], "two", false), 0, "%s: %s", formats[i], c.a.e.text);
		struct buf one = read_all(&c, "one"), two = read_all(&c, "two");
		cr_expect_gt(one.len, 1000);
		cr_expect(slice_eq(buf_slice(&one), buf_slice(&two)), "%s", formats[i]);
		buf_release(&one);
		buf_release(&two);
		cr_assert_eq(unlink(in_tree(&c, "one")) | unlink(in_tree(&c, "two")), 0);
		unlink(in_tree(&c, "one.manifest"));
		unlink(in_tree(&c, "two.manifest"));
	}
	mail_archive_remove(&c.a);
}

Test(export, a_maildir_tree_holds_what_the_archive_holds)
{
	static const enum store_layout layouts[] = {STORE_NESTED, STORE_MAILDIRPP};
	for (size_t i = 0; i < 2; i++) {
		struct ctx c;
		struct stat st;
		const char *box = i == 0 ? "out/mail/INBOX" : "out/mail";
		char name[600], mail[600];
		cr_assert(make(&c, layouts[i]), "%s", c.a.e.text);
		cr_assert_eq(export(&c, "maildir", "out", false), 0, "%s", c.a.e.text);
		snprintf(name, sizeof name, "%s/cur", box);
		cr_expect_eq(tmp_tree_count(&c.a.tree, name), 5);
		snprintf(name, sizeof name, "%s/tmp", box);
		cr_expect_eq(tmp_tree_count(&c.a.tree, name), 0);
		static const char *const parts[] = {"U1H", "U5H"}, *const letters[] = {"Sa", ""};
		struct buf got;
		for (size_t k = 0; k < 2; k++) {
			/* The archive's own file has the same base and bytes; the letters are
			 * sorted. */
			cr_assert(mail_archive_find(
				&c.a, i == 0 ? "INBOX" : ".", parts[k], mail, sizeof mail));
			const char *base = strstr(mail, "/cur/") + 5, *colon = strchr(base, ':');
			snprintf(name, sizeof name, "%s/cur/%.*s:2,%s", box, (int)(colon - base),
				base, letters[k]);
			struct buf want = read_all(&c, mail);
			got = read_all(&c, name);
			cr_expect_gt(want.len, 0);
			cr_expect(slice_eq(buf_slice(&want), buf_slice(&got)), "%s", name);
			cr_assert_eq(stat(in_tree(&c, name), &st), 0, "%s", name);
			cr_expect_eq(st.st_mtime, 1709280000);
			cr_expect_eq(st.st_mode & 07777, 0600);
			buf_release(&want);
			buf_release(&got);
		}
		snprintf(name, sizeof name, "%s/dovecot-keywords", box);
		got = read_all(&c, name);
		cr_expect_str_eq(buf_str(&got), "0 work\n1 -\n2 a,b%\n3 zebra\n");
		buf_release(&got);
		mail_archive_remove(&c.a);
	}
}

Test(export, eml_files_have_the_bytes_of_the_wire)
{
	struct ctx c;
	cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
	cr_assert_eq(export(&c, "eml", "out/", false), 0, "%s", c.a.e.text);
	static const struct {
		const char *name, *want;
	} row[] = {{"out/mail/INBOX/1.1.eml", "Subject: one\r\n\r\nFrom me\r\n"},
		{"out/mail/INBOX/1.2.eml", "no header\nbare\r\n"},
		{"out/mail/INBOX/1.3.eml", "no end"}, {"out/mail/INBOX/1.4.eml", ""},
		{"out/mail/Entw\xc3\xbcrfe/x%2Eeml/2.7.eml", "A: b\r\n\r\n"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		cr_expect(tmp_tree_exists(&c.a.tree, row[i].name), "%s", row[i].name);
		struct buf got = read_all(&c, row[i].name);
		cr_expect_str_eq(buf_str(&got), row[i].want, "%s", row[i].name);
		buf_release(&got);
	}
	struct stat st;
	cr_assert_eq(stat(in_tree(&c, "out/mail/INBOX/1.5.eml"), &st), 0);
	cr_expect_eq(st.st_size, (off_t)BIG);
	mail_archive_remove(&c.a);
}

Test(export, the_manifest_has_a_line_for_each_message)
{
	static const char *const want[] = {
		"\n# folder INBOX -\n",
		"\n# folder Empty -\n",
		" 25 2024-03-01T10:00:00+0200 \\Seen,work 1 1 INBOX mail/INBOX/1.1.eml\n",
		" 16 - \\Answered,%2D,a%2Cb%25 1 2 INBOX mail/INBOX/1.2.eml\n",
		" 6 1960-03-01T10:00:00-0330 work,zebra 1 3 INBOX mail/INBOX/1.3.eml\n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 2024-03-01T10:00:00+0200 - 1 4 ",
		" 2 7 Entw&APw-rfe/x.eml mail/Entw%C3%BCrfe/x%252Eeml/2.7.eml\n",
	};
	struct ctx c;
	cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
	cr_assert_eq(export(&c, "eml", "out", false), 0, "%s", c.a.e.text);
	struct buf got = read_all(&c, "out/MANIFEST");
	cr_expect_eq(strncmp(buf_str(&got), "imapsync-manifest 3\n# sha256 ", 29), 0);
	size_t lines = 0;
	for (size_t i = 0; i < got.len; i++)
		lines += got.data[i] == '\n';
	cr_expect_eq(lines, 3 + 3 + 6);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		cr_expect_not_null(
			strstr(buf_str(&got), want[i]), "%s in\n%s", want[i], buf_str(&got));
	buf_release(&got);
	mail_archive_remove(&c.a);
}

Test(export, a_damaged_message_is_named_and_left_out)
{
	static const char *const formats[] = {"tar", "mbox", "eml", "maildir"};
	for (size_t big = 0; big < 2; big++)
		for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
			struct ctx c;
			char file[600];
			cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
			cr_assert(mail_archive_find(
				&c.a, "INBOX", big ? "U5H" : "U1H", file, sizeof file));
			int fd = openat(c.a.tree.fd, file, O_WRONLY);
			cr_assert_eq(pwrite(fd, "X", 1, 3), 1);
			close(fd);
			cr_assert_eq(export(&c, formats[i], "out", false), 0, "%s", c.a.e.text);
			cr_expect_eq(c.r.messages, 5);
			cr_expect_eq(c.r.damaged, 1);
			cr_expect_eq(c.notes, 1);
			cr_expect_not_null(
				strstr(c.last, big ? "INBOX UID 5" : "INBOX UID 1"), "%s", c.last);
			mail_archive_remove(&c.a);
		}
}

Test(export, a_missing_file_is_named_and_left_out)
{
	struct ctx c;
	char file[600];
	cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
	cr_assert(mail_archive_find(&c.a, "INBOX", "U2H", file, sizeof file));
	cr_assert_eq(unlinkat(c.a.tree.fd, file, 0), 0);
	cr_assert_eq(export(&c, NULL, "out.tar", false), 0, "%s", c.a.e.text);
	cr_expect_eq(c.r.damaged, 1);
	cr_expect_eq(c.r.messages, 5);
	mail_archive_remove(&c.a);
}

Test(export, nothing_is_replaced_without_force)
{
	static const struct {
		const char *format, *output, *there;
		bool force;
		int want;
	} row[] = {
		{"tar", "out", "out", false, -1},
		{"tar", "out", "out", true, 0},
		{"mbox", "out", "out.manifest", false, -1},
		{"mbox", "out", "out.manifest", true, 0},
		{"eml", "out", "out", false, -1},
		{"eml", "out", "out", true, -1},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct ctx c;
		cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
		cr_assert(tmp_tree_write(&c.a.tree, row[i].there, "mine", 4));
		cr_expect_eq(export(&c, row[i].format, row[i].output, row[i].force), row[i].want,
			"row %zu: %s", i, c.a.e.text);
		struct buf got = read_all(&c, row[i].there);
		cr_expect_eq(slice_eq_str(buf_slice(&got), "mine"), row[i].want != 0, "row %zu", i);
		buf_release(&got);
		if (row[i].want != 0) {
			cr_expect_eq(c.a.e.code, E_USAGE);
			/* The archive and what was there: no leftovers. */
			cr_expect_eq(tmp_tree_count(&c.a.tree, "."), 2, "row %zu", i);
		}
		mail_archive_remove(&c.a);
	}
}

Test(export, links_and_folders_are_not_replaced_even_with_force)
{
	struct ctx c;
	cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
	cr_assert_eq(symlink("/dev/null", in_tree(&c, "link.tar")), 0);
	cr_assert(tmp_tree_mkdir(&c.a.tree, "folder.tar"));
	cr_expect_eq(export(&c, NULL, "link.tar", true), -1);
	cr_expect_eq(export(&c, NULL, "folder.tar", true), -1);
	cr_expect_eq(export(&c, "eml", "folder.tar", true), -1);
	cr_expect_eq(export(&c, "maildir", "folder.tar/", true), -1);
	cr_expect_eq(tmp_tree_count(&c.a.tree, "."), 3);
	mail_archive_remove(&c.a);
}

static void stop(void *p, const struct sync_progress *progress)
{
	struct ctx *c = p;
	if (progress->messages_done == 2)
		c->interrupt.signal = 15;
}

Test(export, nothing_is_left_when_it_is_stopped)
{
	static const char *const formats[] = {"tar", "mbox.gz", "eml", "maildir"};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		struct ctx c;
		cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
		struct export_options o = {.select = &c.sel, .output = in_tree(&c, "out")};
		const struct sync_hooks h = {
			.ctx = &c, .note = note, .progress = stop, .interrupt = &c.interrupt};
		cr_assert_eq(export_format_choose(formats[i], o.output, &o.format, &c.a.e), 0);
		cr_expect_eq(sync_export(c.a.s, &o, &h, &c.r, &c.a.e), -1);
		cr_expect_eq(c.a.e.code, E_CANCELLED, "%s", c.a.e.text);
		cr_expect_eq(tmp_tree_count(&c.a.tree, "."), 1, "%s", formats[i]);
		mail_archive_remove(&c.a);
	}
}

Test(export, a_selection_is_respected)
{
	struct ctx c;
	cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
	c.sel.has_uids = true;
	cr_assert_eq(uidset_parse(&c.sel.uids, slice_str("2:3"), &c.a.e), 0);
	cr_assert_eq(export(&c, "eml", "out", false), 0, "%s", c.a.e.text);
	cr_expect_eq(c.r.messages, 2);
	cr_expect_eq(c.r.bytes, 16 + 6);
	cr_expect_eq(tmp_tree_count(&c.a.tree, "out/mail/INBOX"), 2);
	selection_release(&c.sel);
	mail_archive_remove(&c.a);
}

static void appear(void *p, const struct sync_progress *progress)
{
	struct ctx *c = p;
	if (progress->messages_done == 2)
		(void)tmp_tree_write(&c->a.tree, "out", "mine", 4);
}

Test(export, a_file_that_appears_meanwhile_is_not_replaced)
{
	static const char *const formats[] = {"tar", "mbox", "maildir"};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		struct ctx c;
		cr_assert(make(&c, STORE_NESTED), "%s", c.a.e.text);
		struct export_options o = {.select = &c.sel, .output = in_tree(&c, "out")};
		const struct sync_hooks h = {.ctx = &c, .note = note, .progress = appear};
		cr_assert_eq(export_format_choose(formats[i], o.output, &o.format, &c.a.e), 0);
		cr_expect_eq(sync_export(c.a.s, &o, &h, &c.r, &c.a.e), -1, "%s", formats[i]);
		cr_expect_eq(c.a.e.code, E_USAGE, "%s", c.a.e.text);
		struct buf got = read_all(&c, "out");
		cr_expect(slice_eq_str(buf_slice(&got), "mine"), "%s", formats[i]);
		buf_release(&got);
		cr_expect_eq(tmp_tree_count(&c.a.tree, "."), 2, "%s", formats[i]);
		mail_archive_remove(&c.a);
	}
}

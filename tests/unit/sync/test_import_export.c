/* SPDX-License-Identifier: MIT */
/* test_import_export.c -- exports as the origin of a restore: every format gives the same mail; damage and lies are seen. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sync/export.h"
#include "core/sync/import_internal.h"
#include "core/sync/limits.h"
#include "tests/support/import_rig.h"
#include "tests/support/mail_archive.h"

#define DATE " 1-Mar-2024 10:00:00 +0200"
#define HEAD "imapsync-manifest 1\n# sha256 size date flags uidvalidity uid folder place\n"

static void note(void *p, enum sync_note kind, const char *line)
{
	(void)p;
	(void)kind;
	(void)line;
}

static bool fill(struct mail_archive *a)
{
	struct store_generation *g;
	return mail_archive_make(a) && mail_archive_begin(a) &&
		(g = mail_archive_box(a, "INBOX", 1)) != NULL &&
		mail_archive_add(a, g, 1, "\\Seen work", DATE,
			slice_str("Subject: one\r\n\r\nFrom me\r\n>From\r\n>>From you\r\n")) &&
		mail_archive_add(
			a, g, 2, "- a,b%", NULL, slice_str("no header\nbare\r\nFrom \n")) &&
		mail_archive_add(
			a, g, 3, "", " 1-Mar-1960 10:00:00 -0330", slice_str("no end>From")) &&
		(g = mail_archive_box(a, "Entw&APw-rfe/x.eml", 2)) != NULL &&
		mail_archive_add(a, g, 7, "$Forwarded", DATE, slice_str("A: b\r\n\r\n")) &&
		mail_archive_add(a, g, 8, "", DATE, slice_str("\r\n\r\n\r\n")) &&
		mail_archive_box(a, "Sent", 3) != NULL && mail_archive_end(a, 1000) &&
		mail_archive_read(a);
}

static void export_to(struct mail_archive *a, const char *format, const char *output)
{
	struct selection sel;
	struct export_report made;
	const struct sync_hooks hooks = {.note = note};
	struct export_options o = {.select = &sel, .output = output};
	selection_init(&sel);
	cr_assert_eq(export_format_choose(format, output, &o.format, &a->e), 0, "%s", a->e.text);
	cr_assert_eq(sync_export(a->s, &o, &hooks, &made, &a->e), 0, "%s", a->e.text);
	cr_assert_eq(made.messages, 5u);
	selection_release(&sel);
}

/* The text without the labels, which differ from format to format. */
static void expect_all(const char *text)
{
	static const char *const want[] = {"Entw&APw-rfe/x.eml\n",
		" [$Forwarded] " DATE " \"A: b\\r\\n\\r\\n\"\n",
		" [] " DATE " \"\\r\\n\\r\\n\\r\\n\"\n", "INBOX\n",
		" [\\Seen work] " DATE
		" \"Subject: one\\r\\n\\r\\nFrom me\\r\\n>From\\r\\n>>From you\\r\\n\"\n",
		" [- a,b%] - \"no header\\nbare\\r\\nFrom \\n\"\n",
		" []  1-Mar-1960 10:00:00 -0330 \"no end>From\"\n",
		/* Without a message. */
		"Sent \\Sent subscribed\n"};
	const char *at = text;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		at = strstr(at, want[i]);
		cr_assert(at != NULL, "%s is not in its place in:\n%s", want[i], text);
		at += strlen(want[i]);
	}
	cr_expect_str_eq(at, "");
}

Test(import_export, every_format_gives_the_same_mail)
{
	static const char *const formats[] = {
		"mbox", "mbox.gz", "tar", "tar.gz", "eml.tar", "eml.tar.gz", "maildir", "eml"};
	for (int layout = STORE_NESTED; layout <= STORE_MAILDIRPP; layout++) {
		struct mail_archive a = {.layout = (enum store_layout)layout};
		struct import_rig r;
		char output[300];
		cr_assert(fill(&a), "%s", a.e.text);
		cr_assert(import_rig_start(&r));
		for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
			snprintf(output, sizeof output, "%s/out-%zu", r.tree.path, i);
			export_to(&a, formats[i], output);
			uint64_t before = import_rig_state(&r);
			expect_all(import_rig_run(&r, output));
			cr_expect_eq(r.counts.messages, 5u, "%s", formats[i]);
			cr_expect_eq(import_rig_state(&r), before, "%s was changed", formats[i]);
		}
		import_rig_end(&r);
		mail_archive_remove(&a);
	}
}

Test(import_export, a_selection_of_messages_makes_no_folder_without_one)
{
	struct mail_archive a = {.layout = STORE_NESTED};
	struct import_rig r;
	struct selection sel;
	struct export_report made;
	char output[300];
	const struct sync_hooks hooks = {.note = note};
	struct export_options o = {.select = &sel, .output = output};
	selection_init(&sel);
	cr_assert_eq(selection_add_header(&sel, "A=b", &a.e), 0);
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert(import_rig_start(&r));
	snprintf(output, sizeof output, "%s/out.tar", r.tree.path);
	cr_assert_eq(export_format_choose(NULL, output, &o.format, &a.e), 0);
	cr_assert_eq(sync_export(a.s, &o, &hooks, &made, &a.e), 0, "%s", a.e.text);
	const char *text = import_rig_run(&r, output);
	cr_expect_eq(r.counts.folders, (size_t)1, "%s", text);
	cr_expect_eq(strncmp(text, "Entw&APw-rfe/x.eml\n", 19), 0, "%s", text);
	selection_release(&sel);
	import_rig_end(&r);
	mail_archive_remove(&a);
}

Test(import_export, nothing_of_what_was_expanded_stays)
{
	struct mail_archive a = {.layout = STORE_NESTED};
	struct import_rig r;
	char output[300];
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert(import_rig_start(&r));
	snprintf(output, sizeof output, "%s/out.tgz", r.tree.path);
	export_to(&a, NULL, output);
	cr_assert(tmp_tree_mkdir(&r.tree, "tmp"));
	snprintf(output, sizeof output, "%s/tmp", r.tree.path);
	setenv("TMPDIR", output, 1);
	expect_all(import_rig_run(&r, "out.tgz"));
	cr_expect_eq(tmp_tree_count(&r.tree, "tmp"), 0);
	rmdir(output);
	(void)import_rig_run(&r, "out.tgz");
	cr_expect_eq(r.err.code, E_MISSING, "%s", r.err.text);
	cr_expect(strstr(r.err.text, "temporary file") != NULL, "%s", r.err.text);
	unsetenv("TMPDIR");
	import_rig_end(&r);
	mail_archive_remove(&a);
}

Test(import_export, the_delimiter_of_the_folders_comes_along)
{
	static const char manifest[] = HEAD
		"0000000000000000000000000000000000000000000000000000000000000000 1 - - 1 1 a.b x\n"
		"# delimiter .\n"
		"0000000000000000000000000000000000000000000000000000000000000000 1 - - 1 1 a.b x\n"
		"0000000000000000000000000000000000000000000000000000000000000000 1 - - 1 2 a.b x\n"
		"# delimiter -\n"
		"0000000000000000000000000000000000000000000000000000000000000000 1 - - 1 1 a.b x\n";
	static const char want[] = {'/', '.', '\0'};
	struct import_rig r;
	struct restore_origin *o;
	cr_assert(import_rig_start(&r));
	cr_assert(import_rig_file(&r, "e/MANIFEST", manifest, sizeof manifest - 1, 1));
	const struct restore_options options = {.select = &r.sel, .settle_ms = 1};
	char path[300];
	snprintf(path, sizeof path, "%s/e", r.tree.path);
	cr_assert_eq(import_open(&o, path, &options, NULL, &r.err), 0, "%s", r.err.text);
	const struct import *m = (const struct import *)o;
	cr_expect_eq(m->nfolders, sizeof want);
	for (size_t i = 0; i < sizeof want && i < m->nfolders; i++)
		cr_expect_eq(m->folder[i].f.delimiter, want[i], "%zu", i);
	origin_close(o);
	import_rig_end(&r);
}

/* ---- damage and lies ------------------------------------------------------------------------- */

/* A folder with one file and a manifest that names these places. */
static const char *run_with(struct import_rig *r, const char *const *places)
{
	struct buf text = BUF_INIT(10000);
	buf_add_str(&text, HEAD);
	for (size_t i = 0; places[i] != NULL; i++)
		buf_addf(&text, "%064d 3 - - 1 %zu INBOX %s\n", 0, i + 1, places[i]);
	cr_assert(import_rig_file(r, "e/MANIFEST", buf_str(&text), text.len, 1));
	cr_assert(import_rig_file(r, "e/mail/good", "x\n", 2, 1));
	cr_assert(import_rig_file(r, "outside", "secret\n", 7, 1));
	buf_release(&text);
	return import_rig_run(r, "e");
}

Test(import_export, places_outside_of_the_folder_are_not_read)
{
	static const char *const nul[] = {"mail%00x", NULL};
	static const char *const places[] = {"mail/good", "../outside", "mail/../../outside",
		"/etc/passwd", "mail/good/x", "mail/none", "mail", "link", NULL};
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	cr_assert(tmp_tree_mkdir(&r.tree, "e"));
	cr_assert_eq(symlinkat("../outside", r.tree.fd, "e/link"), 0);
	const char *text = run_with(&r, nul);
	cr_expect_eq(r.err.code, E_CORRUPT, "%s", text);
	text = run_with(&r, places);
	cr_expect_eq(r.err.code, E_NONE, "%s", r.err.text);
	cr_expect(strstr(text, "secret") == NULL && strstr(text, "root:") == NULL, "%s", text);
	cr_expect(strstr(text, "mail/good [] - \"x\\r\\n\"\n") != NULL, "%s", text);
	size_t refused = 0;
	for (const char *at = text; (at = strstr(at, "\"\" ")) != NULL; at++)
		refused++;
	cr_expect_eq(refused, (size_t)7, "%s", text);
	import_rig_end(&r);
}

Test(import_export, a_tar_file_cut_anywhere_is_refused)
{
	struct mail_archive a = {.layout = STORE_NESTED};
	struct import_rig r;
	char output[300];
	size_t n;
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert(import_rig_start(&r));
	snprintf(output, sizeof output, "%s/out.tar", r.tree.path);
	export_to(&a, NULL, output);
	unsigned char *whole = tmp_tree_read(&r.tree, "out.tar", &n);
	cr_assert(whole != NULL);
	/* The end is two blocks of zeros, which tar programs fill up. */
	while (n > 1024 && whole[n - 1025] == 0)
		n--;
	for (size_t cut = 300; cut < n; cut += 97) {
		cr_assert(import_rig_file(&r, "cut.tar", (const char *)whole, cut, 1));
		(void)import_rig_run(&r, "cut.tar");
		cr_expect_eq(r.err.code, E_CORRUPT, "cut at %zu: %s", cut, r.err.text);
	}
	free(whole);
	import_rig_end(&r);
	mail_archive_remove(&a);
}

Test(import_export, a_compressed_file_cut_anywhere_is_refused)
{
	static const char *const formats[] = {"mbox.gz", "tar.gz"};
	for (size_t i = 0; i < 2; i++) {
		struct mail_archive a = {.layout = STORE_NESTED};
		struct import_rig r;
		char output[300];
		size_t n;
		cr_assert(fill(&a), "%s", a.e.text);
		cr_assert(import_rig_start(&r));
		snprintf(output, sizeof output, "%s/out", r.tree.path);
		export_to(&a, formats[i], output);
		unsigned char *whole = tmp_tree_read(&r.tree, "out", &n);
		cr_assert(whole != NULL);
		for (size_t cut = 2; cut < n; cut += 13) {
			cr_assert(import_rig_file(&r, "out", (const char *)whole, cut, 1));
			(void)import_rig_run(&r, "out");
			cr_expect_eq(r.err.code, E_CORRUPT, "%s cut at %zu: %s", formats[i], cut,
				r.err.text);
		}
		free(whole);
		import_rig_end(&r);
		mail_archive_remove(&a);
	}
}

Test(import_export, a_tar_file_without_a_manifest_is_no_export)
{
	struct mail_archive a = {.layout = STORE_NESTED};
	struct import_rig r;
	char output[300];
	size_t n;
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert(import_rig_start(&r));
	snprintf(output, sizeof output, "%s/out.tar", r.tree.path);
	export_to(&a, NULL, output);
	unsigned char *whole = tmp_tree_read(&r.tree, "out.tar", &n);
	unsigned char *name = whole != NULL ? memmem(whole, n, "MANIFEST\0", 9) : NULL;
	cr_assert(name != NULL);
	memcpy(name, "MANIFETS", 8); /* the checksum stays right */
	cr_assert(import_rig_file(&r, "out.tar", (const char *)whole, n, 1));
	(void)import_rig_run(&r, "out.tar");
	cr_expect_eq(r.err.code, E_CORRUPT, "%s", r.err.text);
	cr_expect(strstr(r.err.text, "there is no MANIFEST in it") != NULL, "%s", r.err.text);
	free(whole);
	import_rig_end(&r);
	mail_archive_remove(&a);
}

Test(import_export, places_in_a_tar_file_are_never_those_of_expanded_bytes)
{
	struct mail_archive a = {.layout = STORE_NESTED};
	struct import_rig r;
	struct import m;
	char output[300];
	memset(&m, 0, sizeof m);
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert(import_rig_start(&r));
	snprintf(output, sizeof output, "%s/out.tgz", r.tree.path);
	export_to(&a, NULL, output);
	int fd = openat(r.tree.fd, "out.tgz", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(import_tar_index(&m.tar, fd, &m, &r.err), -1);
	cr_expect_eq(r.err.code, E_CORRUPT, "%s", r.err.text);
	close(fd);
	import_tar_release(&m.tar);
	import_rig_end(&r);
	mail_archive_remove(&a);
}

Test(import_export, places_in_an_mbox_behind_its_end_are_seen)
{
	static const char *const places[] = {
		"@0+3", "@5+100", "@99999999999+1", "@9223372036854775807+1"};
	static const char mbox[] = "From x\nx\n\n";
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	for (size_t i = 0; i < 4; i++) {
		char text[400];
		int n = snprintf(
			text, sizeof text, HEAD "%064d 3 - - 1 1 INBOX %s\n", 0, places[i]);
		cr_assert(import_rig_file(&r, "a.manifest", text, (size_t)n, 1));
		cr_assert(import_rig_file(&r, "a", mbox, sizeof mbox - 1, 1));
		const char *said = import_rig_run(&r, "a");
		cr_expect_eq(r.err.code, E_NONE, "%s", said);
		cr_expect_eq(strstr(said, "the file ends within it") != NULL ||
				strstr(said, "cannot read it") != NULL,
			i > 0, "%s: %s", places[i], said);
	}
	import_rig_end(&r);
}

Test(import_export, folders_have_a_limit)
{
	for (unsigned more = 0; more <= 1; more++) {
		struct import_rig r;
		struct buf text = BUF_INIT((size_t)1 << 25);
		cr_assert(import_rig_start(&r));
		buf_add_str(&text, HEAD);
		for (unsigned i = 0; i < SYNC_MAILBOXES_MAX + more; i++)
			buf_addf(&text, "%064d 3 - - 1 1 F%u x\n", 0, i);
		cr_assert(import_rig_file(&r, "e/MANIFEST", buf_str(&text), text.len, 1));
		/* None of them is selected: it is about finding them. */
		r.sel.folders = (struct sync_patterns){(char *[]){(char[]){"none"}}, 1};
		(void)import_rig_run(&r, "e");
		cr_expect_eq(r.err.code, more ? E_LIMIT : E_NONE, "%s", r.err.text);
		buf_release(&text);
		import_rig_end(&r);
	}
}

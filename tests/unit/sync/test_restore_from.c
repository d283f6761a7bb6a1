/* SPDX-License-Identifier: MIT */
/*
 * test_restore_from.c -- a restore without a journal: nothing twice, whatever becomes of the connection, and of messages
 * that are alike each the right one.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/restore.h"
#include "tests/support/import_rig.h"
#include "tests/support/sync_rig.h"
#include "tests/support/upload_hook.h"

#define DAY   1709283600
#define COUNT 12
#define ALIKE "Subject: alike\n\n"

struct both {
	struct sync_rig r;
	struct import_rig tree;
	struct upload_hook f;
	struct restore_report report;
};

static bool both_start(struct both *b, const char *more_capabilities)
{
	char caps[500];
	memset(b, 0, sizeof *b);
	if (!rig_start(&b->r) || !import_rig_start(&b->tree) || !import_rig_maildir(&b->tree, "m"))
		return false;
	snprintf(caps, sizeof caps, "%s%s", MODEL_CAPABILITIES, more_capabilities);
	model_capabilities(b->r.m, caps);
	model_mailbox(b->r.m, "INBOX", 7);
	upload_hook_init(&b->f, b->r.m);
	return true;
}

static void both_end(struct both *b)
{
	rig_end(&b->r);
	import_rig_end(&b->tree);
}

static void add(struct both *b, unsigned n, const char *content)
{
	char path[40];
	snprintf(path, sizeof path, "m/cur/%02u:2,S", n);
	cr_assert(import_rig_file(&b->tree, path, content, strlen(content), DAY));
}

static void run_settling(struct both *b, bool verify, unsigned settle_ms)
{
	char path[200];
	const struct restore_options o = {
		.select = &b->tree.sel, .verify = verify, .settle_ms = settle_ms};
	snprintf(path, sizeof path, "%s/m", b->tree.tree.path);
	err_clear(&b->r.err);
	buf_clear(&b->r.notes);
	upload_hook_set(&b->f);
	cr_assert_eq(sync_restore_from(path, &b->r.account, &o, &b->r.hooks, &b->report, &b->r.err),
		0, "%s", b->r.err.text);
}

static void run(struct both *b, bool verify)
{
	run_settling(b, verify, 1);
}

/* How often the server has these bytes. */
static size_t times(struct both *b, const char *wire)
{
	size_t found = 0, n, size = strlen(wire);
	uint32_t uid;
	for (size_t i = 0; i < model_count_messages(b->r.m, "INBOX"); i++) {
		unsigned char *p = model_message(b->r.m, "INBOX", i, &n, &uid);
		found += n == size && memcmp(p, wire, n) == 0;
		free(p);
	}
	return found;
}

/* There is no knowing whether a run was killed a moment ago, with messages still on their way. */
Test(restore_from, it_looks_only_when_an_earlier_run_has_settled)
{
	struct both b;
	cr_assert(both_start(&b, ""));
	add(&b, 1, "A: b\n\nx\n");
	int64_t before = clock_now(clock_monotonic());
	run_settling(&b, false, 300);
	cr_expect_geq(clock_now(clock_monotonic()) - before, 300);
	both_end(&b);
}

#define FOLDERS	 6
#define MESSAGES 4

/* Folders beside the INBOX with the same names and sizes of messages, so that none may be taken for another's. */
static void add_folders(struct both *b)
{
	for (unsigned i = 0; i < FOLDERS; i++) {
		char path[60], text[60];
		snprintf(path, sizeof path, "m/.Box%u", i);
		cr_assert(import_rig_maildir(&b->tree, path));
		for (unsigned k = 0; k < MESSAGES; k++) {
			snprintf(path, sizeof path, "m/.Box%u/cur/%u:2,S", i, k);
			int n = snprintf(text, sizeof text, "Subject: %u of %u\n\nx\n", k, i);
			cr_assert(import_rig_file(&b->tree, path, text, (size_t)n, DAY));
		}
	}
}

Test(restore_from, the_folders_of_a_tree_are_shared_among_connections, .timeout = 60)
{
	/* cut: a connection is lost at this upload. */
	for (unsigned connections = 1; connections <= 4; connections += 3)
		for (unsigned cut = 0; cut <= 8; cut += 4) {
			struct both b;
			cr_assert(both_start(&b, " UIDPLUS"));
			b.r.account.connections = connections;
			b.f.cut_append = cut;
			add_folders(&b);
			run(&b, true);
			cr_expect_eq(
				b.report.identical, FOLDERS * MESSAGES, "%s", buf_str(&b.r.notes));
			cr_expect_eq(b.report.problems, (size_t)0, "%s", buf_str(&b.r.notes));
			cr_expect_eq(b.f.logins > 1, connections > 1 || cut > 0, "%u logins",
				b.f.logins);
			for (unsigned i = 0; i < FOLDERS; i++) {
				char name[20];
				snprintf(name, sizeof name, "Box%u", i);
				cr_expect_eq(model_count_messages(b.r.m, name), (size_t)MESSAGES);
			}
			run(&b, false);
			cr_expect_eq(b.report.present, FOLDERS * MESSAGES);
			both_end(&b);
		}
}

static const char *const capability[] = {"", " MULTIAPPEND", " UIDPLUS", " UIDPLUS MULTIAPPEND"};

Test(restore_from, nothing_comes_twice_without_a_journal, .timeout = 60)
{
	for (size_t i = 0; i < 4; i++)
		for (unsigned cut = 0; cut <= COUNT; cut += i % 2 == 0 ? 4 : COUNT) {
			struct both b;
			cr_assert(both_start(&b, capability[i]));
			b.f.no_uids = i < 2;
			b.f.cut_append = i % 2 == 0 ? cut : cut > 0;
			for (unsigned n = 0; n < COUNT; n++) {
				char text[60];
				snprintf(text, sizeof text, "Number: %u\n\n%*s\n", n, n % 3, "x");
				add(&b, n, text);
			}
			uint64_t before = import_rig_state(&b.tree);
			run(&b, true);
			cr_expect_eq(model_count_messages(b.r.m, "INBOX"), (size_t)COUNT,
				"%s, cut %u: %zu", capability[i], cut,
				model_count_messages(b.r.m, "INBOX"));
			cr_expect_eq(b.report.problems, (size_t)0, "%s", buf_str(&b.r.notes));
			cr_expect_eq(b.report.unverified, 0u, "%s, cut %u", capability[i], cut);
			for (int again = 0; again < 2; again++) {
				run(&b, false);
				cr_expect_eq(b.report.restored, 0u);
				cr_expect_eq(b.report.present, COUNT);
			}
			cr_expect_eq(import_rig_state(&b.tree), before, "the tree was changed");
			both_end(&b);
		}
}

Test(restore_from, of_messages_that_are_alike_the_bytes_decide)
{
	static const char *const wire[] = {"Subject: alike\r\n\r\na\r\n",
		"Subject: alike\r\n\r\nb\r\n", "Subject: alike\r\n\r\nc\r\n"};
	/* Which of them the server has before: bits. */
	for (unsigned there = 0; there < 8; there++) {
		struct both b;
		cr_assert(both_start(&b, ""));
		for (unsigned n = 0; n < 3; n++)
			if (there & 1u << n)
				(void)model_add(b.r.m, "INBOX", wire[n], strlen(wire[n]), "",
					" 1-Mar-2024 09:00:00 +0000");
		add(&b, 1, ALIKE "a\n");
		add(&b, 2, ALIKE "b\n");
		add(&b, 3, ALIKE "c\n");
		run(&b, false);
		for (unsigned n = 0; n < 3; n++)
			cr_expect_eq(times(&b, wire[n]), (size_t)1, "%u: %s %zu times", there,
				wire[n], times(&b, wire[n]));
		run(&b, false);
		cr_expect_eq(b.report.present, 3u, "%u", there);
		both_end(&b);
	}
}

Test(restore_from, a_message_is_not_taken_for_others_that_are_alike)
{
	struct both b;
	cr_assert(both_start(&b, ""));
	for (char other = 'd'; other <= 'e'; other++) {
		char text[40];
		int n = snprintf(text, sizeof text, "Subject: alike\r\n\r\n%c\r\n", other);
		(void)model_add(b.r.m, "INBOX", text, (size_t)n, "", " 1-Mar-2024 09:00:00 +0000");
	}
	add(&b, 1, ALIKE "a\n");
	run(&b, false);
	cr_expect_eq(b.report.restored, 1u);
	cr_expect_eq(times(&b, "Subject: alike\r\n\r\na\r\n"), (size_t)1);
	both_end(&b);
}

Test(restore_from, alike_and_normalised_by_the_server_is_still_the_same)
{
	struct both b;
	cr_assert(both_start(&b, ""));
	/* As received: a bare LF, which the server makes CRLF, in messages of one size. */
	for (unsigned n = 0; n < 2; n++) {
		char path[100], text[40];
		int len = snprintf(text, sizeof text, "A: b\r\n\r\n%u\nx\r\n", n);
		snprintf(path, sizeof path, "m/cur/%u.imapsync,S=%d,W=%d:2,", n, len, len);
		cr_assert(import_rig_file(&b.tree, path, text, (size_t)len, DAY));
	}
	b.f.add_cr = true;
	b.f.no_uids = true;
	run(&b, true);
	cr_expect_eq(b.report.restored, 2u);
	cr_expect_eq(b.report.normalised, 2u, "%s", buf_str(&b.r.notes));
	cr_expect_eq(times(&b, "A: b\r\n\r\n0\r\nx\r\n"), (size_t)1);
	both_end(&b);
}

Test(restore_from, an_upload_without_an_answer_is_found_though_its_size_changed)
{
	for (int uids = 0; uids < 2; uids++) {
		struct both b;
		cr_assert(both_start(&b, uids ? " UIDPLUS" : ""));
		for (unsigned n = 0; n < 3; n++) {
			char path[100], text[40];
			int len = snprintf(text, sizeof text, "A: %u\r\n\r\nbare\nx\r\n", n);
			snprintf(path, sizeof path, "m/cur/%u.imapsync,S=%d,W=%d:2,", n, len, len);
			cr_assert(import_rig_file(&b.tree, path, text, (size_t)len, DAY));
		}
		b.f.add_cr = true;
		b.f.cut_append = 1;
		run(&b, false);
		cr_expect_eq(model_count_messages(b.r.m, "INBOX"), (size_t)3);
		/* The next run knows nothing of this one. */
		run(&b, false);
		cr_expect_eq(b.report.present, 3u);
		cr_expect_eq(model_count_messages(b.r.m, "INBOX"), (size_t)3);
		both_end(&b);
	}
}

Test(restore_from, a_longer_message_with_the_same_header_and_date_is_another_one)
{
	struct both b;
	static const char text[] = "A: b\r\n\r\nlonger\r\n";
	cr_assert(both_start(&b, ""));
	(void)model_add(b.r.m, "INBOX", text, sizeof text - 1, "", " 1-Mar-2024 09:00:00 +0000");
	add(&b, 1, "A: b\n\nlong\n");
	run(&b, false);
	cr_expect_eq(b.report.restored, 1u);
	cr_expect_eq(model_count_messages(b.r.m, "INBOX"), (size_t)2);
	both_end(&b);
}

Test(restore_from, bytes_are_fetched_for_messages_that_are_alike_alone)
{
	struct both b;
	cr_assert(both_start(&b, ""));
	add(&b, 1, "Subject: one\n\n1\n");
	add(&b, 2, "Subject: two\n\n2\n");
	run(&b, false);
	model_counts_reset(b.r.m);
	run(&b, false);
	cr_expect_eq(b.report.present, 2u);
	cr_expect_eq(model_bodies(b.r.m), 0u);
	cr_expect_eq(model_headers(b.r.m), 2u);
	both_end(&b);
}

Test(restore_from, what_is_refused_or_unreadable_is_named_by_its_file)
{
	struct both b;
	cr_assert(both_start(&b, ""));
	add(&b, 1, "A: taste\n\nx\n");
	add(&b, 2, "A: b\n\nx\n");
	add(&b, 3, "");
	b.f.refuse = "taste";
	run(&b, false);
	cr_expect_eq(b.report.restored, 1u);
	cr_expect_eq(b.report.refused, 2u);
	cr_expect(rig_noted(&b.r, "problem: INBOX: cur/01:2,S: "), "%s", buf_str(&b.r.notes));
	cr_expect(rig_noted(&b.r, "problem: INBOX: cur/03:2,S: has no content"), "%s",
		buf_str(&b.r.notes));
	both_end(&b);
}

/* Names come from a manifest that anybody could have made. */
Test(restore_from, a_folder_that_cannot_be_named_does_not_keep_the_others)
{
	static const char text[] =
		"imapsync-manifest 1\n# sha256 size date flags uidvalidity uid folder place\n"
		"0000000000000000000000000000000000000000000000000000000000000000 9223372036854775807 - - 1 1 a%0D%0Ab x\n"
		"0000000000000000000000000000000000000000000000000000000000000000 3 - - 1 1 a%00b x\n"
		"0000000000000000000000000000000000000000000000000000000000000000 3 - %0D%0A 1 1 INBOX x\n"
		"8c5eb2a3ed7ab4a2c8c7d4b9c8a4a6b5d5b4e3a1f0c9d8e7b6a5f4e3d2c1b0a9 3 - - 1 1 INBOX y\n";
	struct both b;
	cr_assert(both_start(&b, ""));
	cr_assert(import_rig_file(&b.tree, "m/MANIFEST", text, sizeof text - 1, DAY));
	cr_assert(import_rig_file(&b.tree, "m/x", "x\r\n", 3, DAY));
	run(&b, false);
	cr_expect_eq(b.report.folders_failed, (size_t)2, "%s", buf_str(&b.r.notes));
	cr_expect_eq(b.report.damaged, 2u, "%s", buf_str(&b.r.notes));
	cr_expect(rig_noted(&b.r, "damaged in its file"), "%s", buf_str(&b.r.notes));
	cr_expect_eq(b.report.restored, 0u);
	both_end(&b);
}

struct renumbering {
	struct both *b;
	unsigned appends;
};

/* The first upload is lost with its connection; the folder is another one then, with a message that looks like it. */
static int renumber(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	struct renumbering *x = ctx;
	(void)arguments;
	if (strcmp(verb, "APPEND") != 0)
		return 0;
	if (++x->appends == 1) {
		model_new_uidvalidity(x->b->r.m, "INBOX", 8, false);
		(void)model_add(x->b->r.m, "INBOX", "A: b\r\n\r\nother\r\n", 15, "",
			" 2-Apr-2020 09:00:00 +0000");
		return -1;
	}
	fake_sendf(c, "%s OK done\r\n", tag);
	return 1;
}

Test(restore_from, uids_of_another_uidvalidity_prove_nothing)
{
	struct both b;
	char path[200];
	cr_assert(both_start(&b, ""));
	struct renumbering x = {.b = &b};
	const struct model_faults faults = {.hook = renumber, .hook_ctx = &x};
	const struct restore_options o = {.select = &b.tree.sel, .settle_ms = 1};
	(void)model_add(b.r.m, "INBOX", "A: x\r\n\r\n", 8, "", NULL);
	add(&b, 1, "A: b\n\nx\n");
	model_faults(b.r.m, &faults);
	snprintf(path, sizeof path, "%s/m", b.tree.tree.path);
	cr_assert_eq(sync_restore_from(path, &b.r.account, &o, &b.r.hooks, &b.report, &b.r.err), 0,
		"%s", b.r.err.text);
	cr_expect_eq(x.appends, 2u);
	cr_expect_eq(b.report.restored, 1u);
	both_end(&b);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_rehearse.c -- a rehearsal proves what it says, leaves nothing behind on the server, and nothing in the archive.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sync/rehearse.h"
#include "tests/support/sync_rig.h"
#include "tests/support/upload_hook.h"

#define PER_FOLDER 12

static const char *const box[] = {"INBOX", "Work", "Work/2016", "Sent"};

struct trial {
	struct sync_rig rig;
	struct upload_hook hook;
	struct rehearse_options options;
	struct rehearse_report report;
	char findings[2000], left[2000];
};

static void on_finding(void *ctx, const struct store_finding *f)
{
	struct trial *t = ctx;
	size_t at = strlen(t->findings);
	snprintf(t->findings + at, sizeof t->findings - at, "%s %.*s %u\n",
		store_fault_name(f->fault), (int)f->mailbox.n, (const char *)f->mailbox.p,
		(unsigned)f->uid);
}

static void on_left(void *ctx, struct slice folder, const char *why)
{
	struct trial *t = ctx;
	size_t at = strlen(t->left);
	snprintf(t->left + at, sizeof t->left - at, "%.*s: %s\n", (int)folder.n,
		(const char *)folder.p, why);
}

/* An archive of four folders with 12 messages each. */
static void start(struct trial *t)
{
	memset(t, 0, sizeof *t);
	cr_assert(rig_start(&t->rig));
	for (size_t i = 0; i < 4; i++) {
		model_mailbox(t->rig.m, box[i], 7);
		(void)model_add_many(t->rig.m, box[i], PER_FOLDER, 300);
		model_subscribe(t->rig.m, box[i], true);
	}
	model_attributes(t->rig.m, "Sent", "\\Sent");
	cr_assert_eq(rig_backup(&t->rig), 0, "%s", t->rig.err.text);
	upload_hook_init(&t->hook, t->rig.m);
	t->options = (struct rehearse_options){
		.settle_ms = 1, .ctx = t, .finding = on_finding, .left = on_left};
}

static void end(struct trial *t)
{
	rig_end(&t->rig);
}

static int rehearse(struct trial *t)
{
	struct sync_rig *r = &t->rig;
	upload_hook_set(&t->hook);
	err_clear(&r->err);
	buf_clear(&r->notes);
	return sync_rehearse(r->path, &r->account, &t->options, &r->hooks, &t->report, &r->err);
}

/* Folders of the server that a rehearsal made. */
static size_t scratch_folders(struct trial *t)
{
	size_t n = 0;
	uint32_t uid;
	for (size_t i = 0; i < t->hook.creates; i++) {
		size_t size;
		unsigned char *m = model_message(t->rig.m, t->hook.created[i], 0, &size, &uid);
		n += m != NULL;
		free(m);
	}
	return n;
}

static uint64_t hash_file(const char *path)
{
	uint64_t h = 14695981039346656037u;
	unsigned char part[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY);
	cr_assert_geq(fd, 0, "%s", path);
	while ((n = read(fd, part, sizeof part)) > 0)
		for (ssize_t i = 0; i < n; i++)
			h = (h ^ part[i]) * 1099511628211u;
	close(fd);
	return h;
}

static uint64_t hash_index(const struct trial *t)
{
	char path[200];
	snprintf(path, sizeof path, "%s/index.db", t->rig.path);
	return hash_file(path);
}

Test(rehearse, all_folders_are_proven_and_nothing_stays)
{
	for (int uids = 0; uids < 2; uids++) {
		struct trial t;
		start(&t);
		t.hook.no_uids = uids == 0;
		uint64_t tree = rig_tree_state(&t.rig), index = hash_index(&t);
		cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
		cr_expect(rehearse_proven(&t.report), "%s", buf_str(&t.rig.notes));
		cr_expect_eq(t.report.messages, 4u * PER_FOLDER);
		cr_expect_eq(t.report.sampled, 4u * PER_FOLDER, "fewer than 50: all");
		cr_expect_eq(t.report.folders, (size_t)4);
		cr_expect_eq(t.report.restore.identical, 4u * PER_FOLDER);
		cr_expect_eq(t.report.restore.problems, (size_t)0, "%s", buf_str(&t.rig.notes));
		/* The scratch folder, and four below it. */
		cr_expect_eq(t.hook.creates, 5u);
		cr_expect_eq(t.hook.deletes, 5u);
		cr_expect_eq(scratch_folders(&t), (size_t)0);
		cr_expect_eq(t.hook.subscribes, 0u, "a subscription outlives its folder");
		cr_expect_eq(t.report.left, (size_t)0, "%s", t.left);
		/* Nobody else's mail was touched. */
		for (size_t i = 0; i < 4; i++)
			cr_expect_eq(model_count_messages(t.rig.m, box[i]), (size_t)PER_FOLDER);
		cr_expect_eq(rig_tree_state(&t.rig), tree);
		cr_expect_eq(hash_index(&t), index, "the index was written to");
		end(&t);
	}
}

Test(rehearse, names_are_new_each_time_and_below_the_scratch_folder)
{
	struct trial t;
	char first[64];
	start(&t);
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	snprintf(first, sizeof first, "%s", t.report.scratch);
	static const char form[] = "imapsync-restore-test-########-######-########";
	cr_assert_eq(strlen(first), sizeof form - 1, "%s", first);
	for (size_t i = 0; form[i] != '\0'; i++)
		cr_expect(form[i] == '#' ? strchr("0123456789abcdef", first[i]) != NULL
					 : first[i] == form[i],
			"%s", first);
	for (size_t i = 0; i < t.hook.creates; i++)
		cr_expect_eq(strncmp(t.hook.created[i], first, strlen(first)), 0, "%s",
			t.hook.created[i]);
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_str_neq(t.report.scratch, first);
	end(&t);
}

/* The journal must not say that something is there, or was. */
Test(rehearse, a_restore_afterwards_is_not_misled)
{
	struct trial t;
	struct restore_report done;
	struct selection all;
	start(&t);
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	for (size_t i = 0; i < 4; i++)
		for (uint32_t uid = 1; uid <= PER_FOLDER; uid++)
			model_expunge(t.rig.m, box[i], uid);
	selection_init(&all);
	const struct restore_options o = {.select = &all, .settle_ms = 1};
	cr_assert_eq(sync_restore(t.rig.path, &t.rig.account, &o, &t.rig.hooks, &done, &t.rig.err),
		0, "%s", t.rig.err.text);
	cr_expect_eq(done.restored, 4u * PER_FOLDER);
	/* Nor does a rehearsal believe the journal of that restore. */
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.restore.restored, 4u * PER_FOLDER);
	cr_expect(rehearse_proven(&t.report));
	selection_release(&all);
	end(&t);
}

Test(rehearse, a_part_is_as_large_as_was_asked_for)
{
	static const struct {
		uint32_t take, of;
		uint64_t sampled;
	} rows[] = {{1, 7, 7}, {1, 48, 1}, {1, 10000, 1}, {50, 100, 24}, {1, 1, 48}};
	struct trial t;
	start(&t);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t.options.take = rows[i].take;
		t.options.of = rows[i].of;
		cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
		cr_expect_eq(t.report.sampled, rows[i].sampled, "%u/%u: %u", rows[i].take,
			rows[i].of, (unsigned)t.report.sampled);
		cr_expect_eq(t.report.restore.restored, rows[i].sampled);
		cr_expect_eq(t.report.folders, (size_t)(rows[i].sampled < 4 ? rows[i].sampled : 4));
		cr_expect(rehearse_proven(&t.report));
		cr_expect_eq(t.hook.creates, t.hook.deletes);
	}
	end(&t);
}

/* Folders from which nothing was chosen are not made. */
Test(rehearse, no_folder_is_made_in_vain)
{
	struct trial t;
	start(&t);
	t.options.take = 1;
	t.options.of = 48;
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_leq(t.hook.creates, 3u, "the scratch folder, Work, Work/2016 at most");
	end(&t);
}

/* ---- what is wrong --------------------------------------------------------------------------------- */

/* The file of INBOX with this UID. */
static void find_file(const struct trial *t, uint32_t uid, char *out, size_t size)
{
	char command[400], part[40];
	snprintf(part, sizeof part, "V7U%uH", (unsigned)uid);
	snprintf(command, sizeof command, "ls -d '%s/mail/INBOX/cur/'*%s*", t->rig.path, part);
	FILE *f = popen(command, "r");
	cr_assert_not_null(f);
	cr_assert_not_null(fgets(out, (int)size, f), "UID %u", (unsigned)uid);
	out[strcspn(out, "\n")] = '\0';
	cr_assert_eq(pclose(f), 0);
}

Test(rehearse, damage_in_the_archive_is_found_and_named)
{
	struct trial t;
	char path[400];
	start(&t);
	find_file(&t, 2, path, sizeof path);
	cr_assert_eq(unlink(path), 0);
	find_file(&t, 3, path, sizeof path);
	cr_assert_eq(truncate(path, 100), 0);
	find_file(&t, 4, path, sizeof path);
	int fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, "#", 1, 120), 1);
	close(fd);
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_str_eq(t.findings, "missing INBOX 2\nsize INBOX 3\nchanged INBOX 4\n");
	cr_expect_eq(t.report.damaged, 3u);
	cr_expect_not(rehearse_proven(&t.report));
	cr_expect_eq(t.report.restore.identical, 4u * PER_FOLDER - 3);
	cr_expect_eq(t.report.restore.problems, (size_t)0, "told once: %s", buf_str(&t.rig.notes));
	cr_expect_eq(scratch_folders(&t), (size_t)0);
	end(&t);
}

Test(rehearse, a_server_that_spoils_mail_is_found_out)
{
	struct trial t;
	start(&t);
	t.hook.spoil = "Work/2016";
	uint32_t uid = model_add(t.rig.m, "INBOX", "A: Work/2016\r\n\r\nx\r\n", 19, "", NULL);
	(void)uid;
	upload_hook_set(&t.hook);
	cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_geq(t.report.restore.different, 1u);
	cr_expect_not(rehearse_proven(&t.report));
	cr_expect_eq(scratch_folders(&t), (size_t)0);
	end(&t);
}

Test(rehearse, a_server_that_refuses_a_message_proves_nothing)
{
	struct trial t;
	start(&t);
	(void)model_add(t.rig.m, "INBOX", "A: poison\r\n\r\nx\r\n", 16, "", NULL);
	cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
	t.hook.refuse = "poison";
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.restore.refused, 1u);
	cr_expect_eq(t.report.restore.identical, 4u * PER_FOLDER);
	cr_expect_not(rehearse_proven(&t.report));
	cr_expect_eq(scratch_folders(&t), (size_t)0);
	end(&t);
}

Test(rehearse, line_ends_that_a_server_changes_are_proof_enough)
{
	struct trial t;
	start(&t);
	(void)model_add(t.rig.m, "INBOX", "A: b\r\n\r\nbare\nend\r\n", 19, "", NULL);
	cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
	t.hook.add_cr = true;
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.restore.normalised, 1u);
	cr_expect(rehearse_proven(&t.report), "%s", buf_str(&t.rig.notes));
	end(&t);
}

Test(rehearse, an_empty_archive_proves_nothing)
{
	struct trial t;
	memset(&t, 0, sizeof t);
	cr_assert(rig_start(&t.rig));
	model_mailbox(t.rig.m, "INBOX", 7);
	cr_assert_eq(rig_backup(&t.rig), 0);
	upload_hook_init(&t.hook, t.rig.m);
	cr_assert_eq(rehearse(&t), -1);
	cr_expect_eq(t.rig.err.code, E_MISSING);
	cr_expect_eq(t.rig.err.scope, ERR_ACCOUNT);
	cr_expect_eq(t.hook.creates, 0u);
	cr_expect_not(rehearse_proven(&t.report));
	rig_end(&t.rig);
}

/* ---- lost connections, signals --------------------------------------------------------------------- */

Test(rehearse, a_lost_connection_costs_neither_proof_nor_order)
{
	for (unsigned at = 1; at <= 4 * PER_FOLDER; at += 5) {
		struct trial t;
		start(&t);
		if (at % 2 == 0)
			model_capabilities(t.rig.m, MODEL_CAPABILITIES " UIDPLUS");
		t.hook.cut_append = at;
		cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
		cr_expect(rehearse_proven(&t.report), "cut at %u: %s", at, buf_str(&t.rig.notes));
		cr_expect_eq(t.hook.creates, t.hook.deletes, "cut at %u: %s", at, t.left);
		end(&t);
	}
}

Test(rehearse, a_folder_that_was_made_without_a_word_is_removed_too)
{
	for (unsigned at = 1; at <= 5; at++) {
		struct trial t;
		start(&t);
		t.hook.cut_create = at;
		cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
		cr_expect(rehearse_proven(&t.report), "cut at %u: %s", at, buf_str(&t.rig.notes));
		cr_expect_eq(t.hook.creates, t.hook.deletes, "cut at %u: %s", at, t.left);
		cr_expect_eq(t.report.left, (size_t)0, "%s", t.left);
		end(&t);
	}
}

Test(rehearse, a_signal_ends_it_and_the_scratch_folder_goes_all_the_same)
{
	for (unsigned at = 1; at <= 3; at++) {
		struct trial t;
		start(&t);
		t.hook.stop = &t.rig.interrupt;
		t.hook.stop_at = 1 + (at - 1) * PER_FOLDER;
		cr_assert_eq(rehearse(&t), -1);
		cr_expect_eq(t.rig.err.code, E_CANCELLED, "%s", t.rig.err.text);
		cr_expect_gt(t.hook.creates, 0u);
		cr_expect_eq(t.hook.creates, t.hook.deletes, "%s", t.left);
		cr_expect_eq(scratch_folders(&t), (size_t)0);
		end(&t);
	}
}

/* ---- what cannot be removed, and what must not be -------------------------------------------------- */

Test(rehearse, a_folder_that_cannot_be_removed_is_named)
{
	struct trial t;
	char want[200];
	start(&t);
	t.hook.refuse_delete = "Work/2016";
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect(rehearse_proven(&t.report));
	/* With it stay those above it. */
	cr_expect_eq(t.report.left, (size_t)3);
	cr_expect_eq(t.hook.deletes, 2u, "the others go");
	snprintf(want, sizeof want, "%s/Work/2016: ", t.report.scratch);
	cr_expect_eq(strncmp(t.left, want, strlen(want)), 0, "%s", t.left);
	cr_expect(strstr(t.left, "somebody is in it") != NULL, "the server's words: %s", t.left);
	end(&t);
}

Test(rehearse, when_nothing_can_be_removed_all_is_named)
{
	struct trial t;
	start(&t);
	t.hook.cut_delete = true;
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.left, (size_t)5, "%s", t.left);
	for (size_t i = 0; i < t.hook.creates; i++)
		cr_expect(strstr(t.left, t.hook.created[i]) != NULL, "%s", t.hook.created[i]);
	end(&t);
}

/* Somebody else made it in the meantime: it is not ours to delete. */
Test(rehearse, a_folder_that_somebody_else_made_stays)
{
	struct trial t;
	start(&t);
	t.hook.exists = "/Sent";
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.restore.folders_failed, (size_t)1, "the model has no such folder: %s",
		buf_str(&t.rig.notes));
	cr_expect_eq(model_commands(t.rig.m, "DELETE"), 4u);
	cr_expect_eq(t.hook.deletes, t.hook.creates);
	end(&t);
}

Test(rehearse, a_server_without_room_for_folders_is_named)
{
	struct trial t;
	start(&t);
	t.hook.refuse_create = "imapsync-restore-test";
	cr_assert_eq(rehearse(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.restore.folders_failed, (size_t)4);
	cr_expect_not(rehearse_proven(&t.report));
	cr_expect_eq(model_commands(t.rig.m, "DELETE"), 0u, "nothing was made");
	cr_expect_eq(t.report.left, (size_t)0);
	end(&t);
}

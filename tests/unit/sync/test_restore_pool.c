/* SPDX-License-Identifier: MIT */
/*
 * test_restore_pool.c -- a restore over several connections: whatever one of them meets, each message is there once and
 * nothing is lost. And what is made on the way: folders, and no more of them than there were.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore.h"
#include "tests/support/sync_rig.h"
#include "tests/support/upload_hook.h"

#define FOLDERS	 6
#define MESSAGES 5
#define ALL	 (FOLDERS * MESSAGES)

struct trial {
	struct sync_rig rig;
	struct upload_hook hook;
	struct restore_report report;
};

static const char *const capability[] = {"", " MULTIAPPEND", " UIDPLUS", " UIDPLUS MULTIAPPEND"};

static void start(struct trial *t, const char *more_capabilities, unsigned connections)
{
	char caps[500];
	memset(t, 0, sizeof *t);
	cr_assert(rig_start(&t->rig));
	snprintf(caps, sizeof caps, "%s%s", MODEL_CAPABILITIES, more_capabilities);
	model_capabilities(t->rig.m, caps);
	t->rig.account.connections = connections;
	upload_hook_init(&t->hook, t->rig.m);
}

static void name_folder(unsigned i, char name[20])
{
	snprintf(name, 20, "Box%u", i);
}

static void add_numbered(struct trial *t, const char *folder, unsigned k, unsigned of)
{
	char text[100];
	int n = snprintf(text, sizeof text, "Subject: %u of %u\r\n\r\nx\r\n", k, of);
	(void)model_add(t->rig.m, folder, text, (size_t)n, "\\Seen", NULL);
}

/* FOLDERS with MESSAGES each, all of them backed up and gone. */
static void start_filled(struct trial *t, const char *more_capabilities, unsigned connections)
{
	char name[20];
	start(t, more_capabilities, connections);
	for (unsigned i = 0; i < FOLDERS; i++) {
		name_folder(i, name);
		model_mailbox(t->rig.m, name, 7);
		for (unsigned k = 0; k < MESSAGES; k++)
			add_numbered(t, name, k, i);
	}
	cr_assert_eq(rig_backup(&t->rig), 0, "%s", t->rig.err.text);
	for (unsigned i = 0; i < FOLDERS; i++) {
		name_folder(i, name);
		model_drop_mailbox(t->rig.m, name);
	}
}

static int restore_mapped(struct trial *t, const struct restore_map *map, size_t nmap)
{
	struct sync_rig *r = &t->rig;
	struct selection all;
	selection_init(&all);
	const struct restore_options o = {.select = &all, .map = map, .nmap = nmap, .settle_ms = 1};
	upload_hook_set(&t->hook);
	err_clear(&r->err);
	buf_clear(&r->notes);
	int rc = sync_restore(r->path, &r->account, &o, &r->hooks, &t->report, &r->err);
	selection_release(&all);
	return rc;
}

static int restore(struct trial *t)
{
	return restore_mapped(t, NULL, 0);
}

static size_t count_twins(struct trial *t, const char *box)
{
	size_t n = model_count_messages(t->rig.m, box), same = 0, size[64];
	unsigned char *body[64];
	uint32_t uid;
	cr_assert_leq(n, (size_t)64);
	for (size_t i = 0; i < n; i++) {
		body[i] = model_message(t->rig.m, box, i, &size[i], &uid);
		for (size_t k = 0; k < i; k++)
			same += size[k] == size[i] && memcmp(body[k], body[i], size[i]) == 0;
	}
	for (size_t i = 0; i < n; i++)
		free(body[i]);
	return same;
}

/* Every message in its folder, once. */
static void expect_all(struct trial *t, const char *when)
{
	for (unsigned i = 0; i < FOLDERS; i++) {
		char name[20];
		name_folder(i, name);
		cr_expect_eq(model_count_messages(t->rig.m, name), (size_t)MESSAGES,
			"%s: %zu in %s\n%s", when, model_count_messages(t->rig.m, name), name,
			buf_str(&t->rig.notes));
		cr_expect_eq(count_twins(t, name), (size_t)0, "%s: %s", when, name);
	}
}

/* ---- sharing the work ------------------------------------------------------------------------------ */

Test(restore_pool, the_folders_are_shared_and_each_message_is_there_once)
{
	static const unsigned most[] = {0, 1, 2, 4, 16};
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < sizeof most / sizeof most[0]; k++) {
			struct trial t;
			unsigned allowed = most[k] == 0 ? 1 : most[k] < FOLDERS ? most[k] : FOLDERS;
			start_filled(&t, capability[i], most[k]);
			cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
			cr_expect_eq(t.report.restored, (uint64_t)ALL);
			cr_expect_eq(t.report.folders_created, (size_t)FOLDERS);
			cr_expect_eq(t.report.problems, (size_t)0, "%s", buf_str(&t.rig.notes));
			cr_expect_leq(t.hook.logins, allowed, "%u connections, %u allowed",
				t.hook.logins, most[k]);
			cr_expect(most[k] < 2 || t.hook.logins > 1, "only one was used");
			expect_all(&t, capability[i]);
			cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
			cr_expect_eq(t.report.restored, 0u);
			cr_expect_eq(t.report.present, (uint64_t)ALL);
			rig_end(&t.rig);
		}
}

Test(restore_pool, what_goes_to_one_folder_goes_there_in_turn)
{
	struct trial t;
	const struct restore_map map[] = {{"One", "Both"}, {"Two", "Both"}};
	start(&t, " UIDPLUS", 4);
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "One" : "Two";
		model_mailbox(t.rig.m, name, 7);
		for (unsigned k = 0; k < MESSAGES; k++)
			add_numbered(&t, name, k, 0);
		add_numbered(&t, name, 0, 1 + (unsigned)i);
	}
	cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
	cr_assert_eq(restore_mapped(&t, map, 2), 0, "%s", t.rig.err.text);
	/* The second sees what the first has put there: equal messages are not sent again. */
	cr_expect_eq(model_count_messages(t.rig.m, "Both"), (size_t)MESSAGES + 2);
	cr_expect_eq(t.report.present, (uint64_t)MESSAGES);
	cr_expect_eq(t.hook.creates, 1u);
	rig_end(&t.rig);
}

/* ---- connections that are lost or refused ---------------------------------------------------------- */

Test(restore_pool, a_connection_is_lost_at_any_command, .timeout = 300)
{
	for (size_t i = 0; i < 4; i++)
		for (int late = 0; late < 2; late++) {
			/* Not each with each: all places are met in the turns taken together. */
			unsigned at = (unsigned)i, commands;
			do {
				struct trial t;
				char when[80];
				start_filled(&t, capability[i], 3);
				t.hook.no_uids = i < 2;
				at += 4;
				t.hook.cut_command = at - 3;
				t.hook.cut_late = late;
				snprintf(when, sizeof when, "%s, cut %s %u", capability[i],
					late ? "after" : "at", at - 3);
				int rc = restore(&t);
				/* The very first connection may not come about: then nothing is done, and
				 * the next run does it all. */
				if (rc != 0)
					rc = restore(&t);
				cr_assert_eq(rc, 0, "%s: %s", when, t.rig.err.text);
				cr_expect_eq(t.report.problems, (size_t)0, "%s: %s", when,
					buf_str(&t.rig.notes));
				expect_all(&t, when);
				commands = t.hook.commands;
				rig_end(&t.rig);
			} while (at < commands && at < 60);
			cr_expect_gt(at, 20u, "it goes through all of them");
		}
}

Test(restore_pool, connections_that_are_refused_cost_speed_and_no_mail)
{
	for (unsigned allowed = 1; allowed <= 3; allowed++) {
		struct trial t;
		start_filled(&t, " UIDPLUS MULTIAPPEND", 4);
		t.hook.max_logins = allowed;
		cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
		cr_expect_eq(t.report.restored, (uint64_t)ALL);
		cr_expect_eq(t.report.problems, (size_t)0, "%s", buf_str(&t.rig.notes));
		cr_expect(rig_noted(&t.rig, "too many connections"), "%s", buf_str(&t.rig.notes));
		cr_expect(rig_noted(&t.rig, "; going on with fewer connections"), "%s",
			buf_str(&t.rig.notes));
		expect_all(&t, "refused");
		rig_end(&t.rig);
	}
}

/* Then there is nobody to go on with. */
Test(restore_pool, when_the_last_connection_cannot_be_replaced_the_run_ends)
{
	struct trial t;
	start_filled(&t, " UIDPLUS", 1);
	t.hook.max_logins = 1;
	t.hook.cut_append = MESSAGES + 2;
	cr_expect_neq(restore(&t), 0);
	cr_expect_lt(t.report.restored, (uint64_t)ALL);
	t.hook.max_logins = t.hook.cut_append = 0;
	cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
	expect_all(&t, "after the next run");
	rig_end(&t.rig);
}

Test(restore_pool, a_signal_at_any_upload_leaves_what_the_next_run_completes, .timeout = 120)
{
	for (size_t i = 0; i < 4; i++)
		for (unsigned at = 1; at <= FOLDERS; at++) {
			struct trial t;
			start_filled(&t, capability[i], 3);
			t.hook.no_uids = i < 2;
			t.hook.stop = &t.rig.interrupt;
			t.hook.stop_at = at;
			cr_expect_neq(restore(&t), 0);
			cr_expect_eq(t.rig.err.code, E_CANCELLED, "%s", t.rig.err.text);
			t.rig.interrupt.signal = 0;
			t.hook.stop = NULL;
			cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
			expect_all(&t, capability[i]);
			rig_end(&t.rig);
		}
}

/* ---- folders --------------------------------------------------------------------------------------- */

static bool was_created(const struct trial *t, const char *name)
{
	for (size_t i = 0; i < t->hook.creates; i++)
		if (strcmp(t->hook.created[i], name) == 0)
			return true;
	return false;
}

Test(restore_pool, a_level_that_was_no_folder_becomes_none)
{
	for (int parents_first = 0; parents_first < 2; parents_first++) {
		struct trial t;
		start(&t, "", 2);
		model_mailbox(t.rig.m, "Work", 7);
		model_attributes(t.rig.m, "Work", "\\Noselect");
		model_mailbox(t.rig.m, "Work/2016", 7);
		(void)model_add_many(t.rig.m, "Work/2016", 2, 200);
		cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
		model_drop_mailbox(t.rig.m, "Work/2016");
		model_drop_mailbox(t.rig.m, "Work");
		t.hook.parents_first = parents_first;
		cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
		cr_expect_eq(t.report.restored, 2u, "%s", buf_str(&t.rig.notes));
		cr_expect_eq(t.report.folders_created, (size_t)1);
		cr_expect(was_created(&t, "Work/2016"));
		/* Unless the server wants it. */
		cr_expect_eq(was_created(&t, "Work"), parents_first);
		rig_end(&t.rig);
	}
}

/* ---- INTERNALDATE ---------------------------------------------------------------------------------- */

static void add_dated(struct trial *t, const char *subject, const char *date)
{
	char text[100];
	int n = snprintf(text, sizeof text, "Subject: %s\r\n\r\nx\r\n", subject);
	(void)model_add(t->rig.m, "INBOX", text, (size_t)n, "", date);
}

Test(restore_pool, a_date_that_the_server_does_not_take_is_left_out_and_told)
{
	static const struct {
		const char *date, *refuse;
		bool given_up;
	} rows[] = {
		{"01-Mar-1961 10:00:00 +0100", "1961", false},
		{"31-Dec-1969 23:59:59 +0000", "1969", false},
		{"01-Jan-2199 10:00:00 +0000", "2199", false},
		/* It is not for its date that an ordinary one is refused. */
		{"01-Jan-1970 00:00:00 +0000", "1970", true},
		{"01-Mar-2016 10:00:00 +0000", "2016", true},
	};
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
			struct trial t;
			start(&t, capability[i], 1);
			model_mailbox(t.rig.m, "INBOX", 7);
			add_dated(&t, "before", " 1-Mar-2017 10:00:00 +0000");
			add_dated(&t, "odd", rows[k].date);
			add_dated(&t, "behind", " 1-Mar-2018 10:00:00 +0000");
			cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
			for (uint32_t uid = 1; uid <= 3; uid++)
				model_expunge(t.rig.m, "INBOX", uid);
			t.hook.refuse_date = rows[k].refuse;
			cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
			cr_expect_eq(t.report.restored, rows[k].given_up ? 2u : 3u, "%s: %s",
				rows[k].date, buf_str(&t.rig.notes));
			cr_expect_eq(t.report.refused, rows[k].given_up, "%s", rows[k].date);
			cr_expect_eq(t.report.dates_dropped, !rows[k].given_up);
			cr_expect_neq(
				rig_noted(&t.rig,
					"warning: INBOX: UID 2: the server does not take its date"),
				rows[k].given_up, "%s", buf_str(&t.rig.notes));
			t.hook.refuse_date = NULL;
			cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
			cr_expect_eq(model_count_messages(t.rig.m, "INBOX"), (size_t)3);
			cr_expect_eq(count_twins(&t, "INBOX"), (size_t)0, "%s", rows[k].date);
			rig_end(&t.rig);
		}
}

/* SPDX-License-Identifier: MIT */
/* Whole backups of a well-behaved server: what is fetched, what is not, and what is recorded. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/sync_rig.h"

static struct sync_rig rig;
static char why[600], text[2000];

static void start(void)
{
	cr_assert(rig_start(&rig));
}

static void stop(void)
{
	rig_end(&rig);
}

TestSuite(backup, .init = start, .fini = stop);

static void expect_ok(const char *what)
{
	rig_backup(&rig);
	cr_expect(
		rig_ok(&rig), "%s: rc %d, %s\n%s", what, rig.rc, rig.err.text, buf_str(&rig.notes));
	cr_expect_eq(rig_last_result(&rig), STORE_RUN_OK, "%s", what);
	cr_expect_not(model_was_touched(rig.m), "%s: the server was changed", what);
}

static void expect_same(const char *mailbox)
{
	cr_expect(rig_same(&rig, mailbox, why, sizeof why), "%s", why);
	cr_expect(rig_sound(&rig, mailbox, why, sizeof why), "%s", why);
}

static void expect_uids(const char *mailbox, enum store_state state, const char *want)
{
	cr_expect_str_eq(
		rig_uids(&rig, mailbox, state, text, sizeof text), want, "%s: %s", mailbox, text);
}

/* A run that must find nothing to do. */
static void expect_quiet(const char *what, bool opened)
{
	uint64_t before = rig_tree_state(&rig);
	model_counts_reset(rig.m);
	expect_ok(what);
	cr_expect_eq(model_bodies(rig.m), 0, "%s: %u bodies", what, model_bodies(rig.m));
	cr_expect_eq(rig_tree_state(&rig), before, "%s: a file was touched", what);
	cr_expect_eq(rig.report.messages_new + rig.report.flags_changed + rig.report.messages_gone,
		0, "%s", what);
	if (!opened)
		cr_expect_eq(model_commands(rig.m, "EXAMINE"), 0, "%s: a mailbox was opened", what);
}

static void fill(void)
{
	model_mailbox(rig.m, "INBOX", 100);
	model_mailbox(rig.m, "Work", 200);
	model_mailbox(rig.m, "Work/2016", 300);
	model_add_many(rig.m, "INBOX", 7, 400);
	model_add_many(rig.m, "Work", 250, 300);
}

Test(backup, the_first_run_saves_all_and_the_second_does_nothing)
{
	fill();
	expect_ok("first");
	cr_expect_eq(rig.report.messages_new, 257);
	cr_expect_eq(rig.report.archive_messages, 257);
	cr_expect_eq(rig.report.folders, 3);
	cr_expect_eq(rig.report.folders_new, 3);
	cr_expect_eq(rig.secrets, 1);
	cr_expect_eq(model_bodies(rig.m), 257);
	cr_expect_eq(rig_files(&rig), 257);
	expect_same("INBOX");
	expect_same("Work");
	expect_same("Work/2016");
	expect_quiet("second", false);
	cr_expect_eq(rig.report.folders_unchanged, 3);
	cr_expect_leq(model_commands(rig.m, NULL), 6, "%u commands for an unchanged account",
		model_commands(rig.m, NULL));
}

Test(backup, new_mail_is_fetched_and_nothing_else)
{
	fill();
	expect_ok("first");
	model_add_many(rig.m, "Work", 5, 300);
	model_counts_reset(rig.m);
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 5);
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), 1);
	expect_same("Work");
	expect_quiet("third", false);
}

Test(backup, deleted_messages_become_tombstones_and_stay_on_disk)
{
	fill();
	expect_ok("first");
	model_expunge(rig.m, "Work", 3);
	model_expunge(rig.m, "Work", 250);
	expect_ok("second");
	cr_expect_eq(rig.report.messages_gone, 2);
	expect_uids("Work", STORE_GONE, "3,250");
	expect_same("Work");
	cr_expect_eq(rig_files(&rig), 257);
	expect_quiet("third", false);
}

Test(backup, deleted_and_new_at_once)
{
	fill();
	expect_ok("first");
	model_expunge(rig.m, "Work", 10);
	model_add_many(rig.m, "Work", 1, 300);
	expect_ok("second: as many messages as before");
	expect_uids("Work", STORE_GONE, "10");
	expect_same("Work");
	for (uint32_t uid = 1; uid <= 7; uid++)
		model_expunge(rig.m, "INBOX", uid);
	expect_ok("third: an empty mailbox");
	expect_uids("INBOX", STORE_GONE, "1:7");
	cr_expect_eq(rig_files(&rig), 258);
	expect_quiet("fourth", false);
}

Test(backup, flags_and_keywords_follow)
{
	fill();
	expect_ok("first");
	model_flags(rig.m, "Work", 5, "\\Flagged \\Seen project-x $Forwarded");
	model_counts_reset(rig.m);
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 0);
	cr_expect_eq(rig.report.flags_changed, 1);
	cr_expect_str_eq(rig_flags(&rig, "Work", 5, text, sizeof text),
		"\\Flagged \\Seen $Forwarded project-x");
	model_flags(rig.m, "Work", 5, "");
	expect_ok("third");
	cr_expect_str_eq(rig_flags(&rig, "Work", 5, text, sizeof text), "");
	expect_quiet("fourth", false);
}

static const char *const bare[] = {
	"IMAP4rev1 AUTH=PLAIN",
	"IMAP4rev1",
	"IMAP4rev1 LIST-EXTENDED",
	"IMAP4rev1 LIST-EXTENDED LIST-STATUS",
	"IMAP4rev1 CONDSTORE",
	"IMAP4rev1 ESEARCH NAMESPACE CONDSTORE LIST-EXTENDED",
};

Test(backup, servers_with_few_extensions)
{
	for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
		if (i > 0) {
			stop();
			start();
		}
		model_capabilities(rig.m, bare[i]);
		fill();
		expect_ok(bare[i]);
		expect_same("Work");
		expect_quiet(bare[i], true);
		model_expunge(rig.m, "Work", 4);
		model_flags(rig.m, "Work", 5, "\\Answered");
		model_add_many(rig.m, "Work", 3, 300);
		model_counts_reset(rig.m);
		expect_ok(bare[i]);
		cr_expect_eq(model_bodies(rig.m), 3, "%s", bare[i]);
		cr_expect_eq(rig.report.flags_changed, 1, "%s", bare[i]);
		expect_same("Work");
		expect_uids("Work", STORE_GONE, "4");
		cr_expect_eq(model_commands(rig.m, "BAD"), 0, "%s: not understood", bare[i]);
	}
}

Test(backup, extensions_can_be_switched_off)
{
	static const char *const off[] = {"LIST-STATUS", "condstore", "ESEARCH", "OBJECTID", NULL};
	rig.account.disable = off;
	fill();
	expect_ok("first");
	expect_same("Work");
	expect_quiet("second", true);
	cr_expect_gt(model_commands(rig.m, "EXAMINE"), 0, "without CONDSTORE flags must be listed");
}

/* ---- UIDVALIDITY ----------------------------------------------------------------------------- */

Test(backup, a_new_uidvalidity_keeps_the_old_and_matches_what_is_known)
{
	fill();
	expect_ok("first");
	model_new_uidvalidity(rig.m, "Work", 201, true);
	model_add_many(rig.m, "Work", 2, 300);
	model_counts_reset(rig.m);
	expect_ok("second");
	expect_same("Work");
	cr_expect_leq(model_bodies(rig.m), 2 + 3, "%u bodies", model_bodies(rig.m));
	cr_expect_eq(rig.report.messages_linked, 247);
	cr_expect_eq(rig_files(&rig), 257 + 252);
	cr_expect(rig_noted(&rig, "UIDVALIDITY is now 201"));
	expect_quiet("third", false);
}

Test(backup, a_changed_message_is_not_taken_for_a_known_one)
{
	/* Same size, same date, same header, another body: only the body tells. */
	static const char date[] = " 1-Jan-2020 10:00:00 +0100";
	char m[100];
	model_mailbox(rig.m, "INBOX", 1);
	model_capabilities(rig.m, "IMAP4rev1 ESEARCH CONDSTORE");
	for (int i = 0; i < 9; i++) {
		int n = snprintf(m, sizeof m, "Subject: %d\r\n\r\n%0*d\r\n", i, 10 + i, 1);
		model_add(rig.m, "INBOX", m, (size_t)n, "", date);
	}
	expect_ok("first");
	model_drop_mailbox(rig.m, "INBOX");
	model_mailbox(rig.m, "INBOX", 2);
	for (int i = 0; i < 9; i++) {
		int n = snprintf(m, sizeof m, "Subject: %d\r\n\r\n%0*d\r\n", i, 10 + i, 2);
		model_add(rig.m, "INBOX", m, (size_t)n, "", date);
	}
	expect_ok("second");
	expect_same("INBOX");
	cr_expect_eq(rig.report.messages_linked, 0);
	cr_expect(rig_noted(&rig, "look the same as before differ"));
}

Test(backup, another_header_is_not_taken_for_a_known_message)
{
	/* The first three are what they were; the others have the size and date of old ones, but
	 * are not those. */
	static const char date[] = " 1-Jan-2020 10:00:00 +0100";
	char m[100];
	model_capabilities(rig.m, "IMAP4rev1 ESEARCH CONDSTORE");
	for (uint32_t validity = 1; validity <= 2; validity++) {
		model_mailbox(rig.m, "INBOX", validity);
		for (int i = 0; i < 9; i++) {
			int n = snprintf(m, sizeof m, "Subject: %0*u\r\n\r\nx\r\n", 10 + i,
				i < 3 ? 1U : validity);
			model_add(rig.m, "INBOX", m, (size_t)n, "", date);
		}
		expect_ok("run");
		expect_same("INBOX");
		cr_expect_eq(rig.report.messages_linked, 0);
		if (validity == 1)
			model_drop_mailbox(rig.m, "INBOX");
	}
	cr_expect_eq(model_headers(rig.m), 6);
}

Test(backup, twins_are_never_matched)
{
	static const char date[] = " 1-Jan-2020 10:00:00 +0100";
	model_capabilities(rig.m, "IMAP4rev1 ESEARCH CONDSTORE");
	for (uint32_t validity = 1; validity <= 2; validity++) {
		model_mailbox(rig.m, "INBOX", validity);
		for (int i = 0; i < 6; i++) {
			char m[40];
			int n = snprintf(m, sizeof m, "Subject: x\r\n\r\n%d\r\n", i);
			model_add(rig.m, "INBOX", m, (size_t)n, "", date);
		}
		expect_ok("run");
		expect_same("INBOX");
		if (validity == 1)
			model_drop_mailbox(rig.m, "INBOX");
	}
	cr_expect_eq(model_headers(rig.m), 0);
	cr_expect_eq(rig.report.messages_linked, 0);
}

Test(backup, a_uidvalidity_that_comes_back_finds_its_own_messages)
{
	fill();
	expect_ok("A");
	model_new_uidvalidity(rig.m, "Work", 201, true);
	expect_ok("B");
	model_new_uidvalidity(rig.m, "Work", 200, true);
	model_counts_reset(rig.m);
	expect_ok("A again");
	cr_expect_eq(model_bodies(rig.m), 0, "%u bodies", model_bodies(rig.m));
	expect_same("Work");
	expect_quiet("fourth", false);
}

/* ---- folders --------------------------------------------------------------------------------- */

Test(backup, folders_appear_vanish_and_come_back)
{
	struct store_mailbox m;
	fill();
	expect_ok("first");
	model_mailbox(rig.m, "New", 1);
	model_add_many(rig.m, "New", 3, 200);
	expect_ok("second");
	cr_expect_eq(rig.report.folders_new, 1);
	model_drop_mailbox(rig.m, "New");
	expect_ok("third");
	cr_expect_eq(rig.report.folders_vanished, 1);
	cr_expect(rig_mailbox(&rig, "New", &m));
	cr_expect_not(m.present);
	cr_expect_eq(m.stored, 3, "a folder that vanished keeps its messages as they were");
	expect_ok("fourth");
	cr_expect_eq(rig.report.folders_vanished, 0, "it vanishes once");
	model_mailbox(rig.m, "New", 1);
	model_add_many(rig.m, "New", 3, 200);
	expect_ok("fifth");
	cr_expect(rig_mailbox(&rig, "New", &m));
	cr_expect(m.present);
	expect_same("New");
}

Test(backup, noselect_is_recorded_and_not_opened)
{
	struct store_mailbox m;
	fill();
	model_mailbox(rig.m, "Top", 1);
	model_attributes(rig.m, "Top", "\\Noselect \\HasChildren");
	model_mailbox(rig.m, "Top/sub", 1);
	model_add_many(rig.m, "Top/sub", 2, 100);
	expect_ok("first");
	cr_expect(rig_mailbox(&rig, "Top", &m));
	cr_expect_not(m.selectable);
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), 4);
	expect_same("Top/sub");
	expect_quiet("second", false);
}

Test(backup, inbox_is_saved_though_list_does_not_show_it)
{
	static const struct model_faults f = {.hide_in_list = "INBOX"};
	fill();
	model_faults(rig.m, &f);
	expect_ok("first");
	expect_same("INBOX");
}

Test(backup, what_is_not_selected_is_neither_opened_nor_gone)
{
	static char work[] = "Work*";
	char *patterns[] = {work};
	struct store_mailbox m;
	fill();
	rig.account.exclude = (struct sync_patterns){patterns, 1};
	expect_ok("first");
	cr_expect_not(rig_mailbox(&rig, "Work", &m));
	cr_expect_eq(rig.report.folders, 1);
	rig.account.exclude.n = 0;
	expect_ok("second");
	rig.account.exclude.n = 1;
	expect_ok("third");
	cr_expect_eq(rig.report.folders_vanished, 0);
	cr_expect(rig_mailbox(&rig, "Work", &m) && m.present);
}

Test(backup, only_subscribed_folders_and_inbox)
{
	struct store_mailbox m;
	static const char *const caps[] = {MODEL_CAPABILITIES, "IMAP4rev1"};
	for (size_t i = 0; i < 2; i++) {
		if (i > 0) {
			stop();
			start();
		}
		model_capabilities(rig.m, caps[i]);
		fill();
		model_subscribe(rig.m, "Work", true);
		model_subscribe(rig.m, "INBOX", false);
		model_subscribe(rig.m, "Work/2016", false);
		rig.account.subscribed_only = true;
		expect_ok(caps[i]);
		cr_expect(rig_mailbox(&rig, "Work", &m) && m.subscribed, "%s", caps[i]);
		cr_expect(rig_mailbox(&rig, "INBOX", &m), "%s", caps[i]);
		cr_expect_not(rig_mailbox(&rig, "Work/2016", &m), "%s", caps[i]);
	}
}

Test(backup, strange_names_are_sent_back_as_they_came)
{
	static const char *const names[] = {"Entw&APw-rfe", "a \"quoted\" name", "back\\slash",
		"&AC4ALgAv-", "...", "cur", "x&y", "{5}"};
	model_mailbox(rig.m, "INBOX", 1);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		model_mailbox(rig.m, names[i], 1);
		model_add_many(rig.m, names[i], 2, 100);
	}
	expect_ok("first");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		expect_same(names[i]);
	expect_quiet("second", false);
}

/* ---- many connections, audits, limits -------------------------------------------------------- */

Test(backup, several_connections_share_the_work)
{
	model_mailbox(rig.m, "INBOX", 1);
	for (int i = 0; i < 12; i++) {
		char name[20];
		snprintf(name, sizeof name, "F%d", i);
		model_mailbox(rig.m, name, 1);
		model_add_many(rig.m, name, 30, 300);
	}
	rig.account.connections = 3;
	expect_ok("first");
	cr_expect_eq(model_connections(rig.m), 3);
	cr_expect_eq(rig.secrets, 3);
	for (int i = 0; i < 12; i++) {
		char name[20];
		snprintf(name, sizeof name, "F%d", i);
		expect_same(name);
	}
}

Test(backup, a_window_of_one_works_too)
{
	fill();
	rig.account.window = 1;
	expect_ok("first");
	expect_same("Work");
	expect_quiet("second", false);
}

Test(backup, an_audit_lists_everything_and_fetches_nothing)
{
	fill();
	expect_ok("first");
	rig.options.audit = true;
	expect_quiet("asked for", true);
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), 3);
	rig.options.audit = false;
	rig.account.audit_every = 2;
	expect_quiet("after an audit", false);
	expect_quiet("the run after that", true);
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), 3);
	expect_quiet("and the next", false);
}

Test(backup, a_message_of_the_largest_size_is_saved_and_one_octet_more_is_not)
{
	static char m[1001];
	memset(m, 'x', sizeof m);
	model_mailbox(rig.m, "INBOX", 1);
	model_add(rig.m, "INBOX", m, 1000, "", NULL);
	model_add(rig.m, "INBOX", m, 1001, "", NULL);
	model_add(rig.m, "INBOX", m, 0, "", NULL);
	rig.account.max_message_size = 1000;
	for (int i = 0; i < 2; i++) {
		rig_backup(&rig);
		cr_expect_eq(rig.rc, 0, "%s", rig.err.text);
		expect_uids("INBOX", STORE_STORED, "1,3");
		expect_uids("INBOX", STORE_FAILED, "2");
		cr_expect_eq(rig.report.messages_failed, 1);
		cr_expect(rig_noted(&rig, "max-message-size"), "%s", buf_str(&rig.notes));
		cr_expect_eq(rig_last_result(&rig), STORE_RUN_PARTIAL);
	}
	rig.account.max_message_size = 1001;
	expect_ok("with a larger limit");
	expect_same("INBOX");
}

Test(backup, the_budget_stops_cleanly_and_the_next_run_goes_on)
{
	size_t runs = 0;
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 40, 1000);
	rig.account.byte_budget = 12000;
	do {
		rig_backup(&rig);
		cr_expect_eq(rig.rc, 0, "%s", rig.err.text);
		cr_expect_leq(rig.report.bytes_new, 12000 + 2500);
		cr_expect_gt(rig.report.bytes_new, 0);
		cr_expect_eq(rig_last_result(&rig),
			rig.report.budget_reached ? STORE_RUN_PARTIAL : STORE_RUN_OK);
	} while (rig.report.budget_reached && ++runs < 10);
	cr_expect_geq(runs, 2);
	cr_expect_lt(runs, 10);
	expect_same("INBOX");
	cr_expect_eq(model_bodies(rig.m), 40);
}

Test(backup, a_dry_run_says_what_would_be_fetched_and_writes_nothing)
{
	fill();
	rig.options.dry_run = true;
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s", rig.err.text);
	cr_expect_eq(rig.report.messages_new, 257);
	cr_expect_not(tmp_tree_exists(&rig.dir, "archive"));
	rig.options.dry_run = false;
	expect_ok("for real");
	model_add_many(rig.m, "Work", 3, 100);
	uint64_t before = rig_tree_state(&rig);
	rig.options.dry_run = true;
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s", rig.err.text);
	cr_expect_eq(rig.report.messages_new, 3);
	cr_expect(rig_noted(&rig, "Work: would fetch 3 messages"));
	cr_expect_eq(rig_tree_state(&rig), before);
}

Test(backup, a_second_run_at_the_same_time_is_refused_before_it_connects)
{
	struct store *s;
	struct err e = ERR_INIT;
	const struct store_options o = {.mode = STORE_WRITE};
	fill();
	cr_assert_eq(store_open(&s, rig.path, &o, &e), 0, "%s", e.text);
	rig_backup(&rig);
	cr_expect_eq(rig.rc, -1);
	cr_expect_eq(rig.err.code, E_LOCKED, "%s", rig.err.text);
	cr_expect_eq(model_connections(rig.m), 0);
	store_close(s);
	expect_ok("afterwards");
}

/* ---- interruption ---------------------------------------------------------------------------- */

static int interrupt_at(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	(void)c;
	(void)tag;
	(void)arguments;
	if (strcmp(verb, ctx) == 0) {
		rig.interrupt.signal = SIGTERM;
		sync_interrupt_wake(&rig.interrupt);
	}
	return 0;
}

Test(backup, an_interrupt_keeps_what_is_complete_at_every_stage)
{
	static char verbs[][16] = {"LOGIN", "AUTHENTICATE", "LIST", "EXAMINE", "UID FETCH"};
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		const struct model_faults f = {.hook = interrupt_at, .hook_ctx = verbs[i]};
		if (i > 0) {
			stop();
			start();
		}
		fill();
		if (i == 0)
			model_capabilities(rig.m, "IMAP4rev1");
		model_faults(rig.m, &f);
		rig_backup(&rig);
		cr_expect_eq(rig.rc, -1, "%s", verbs[i]);
		cr_expect_eq(rig.err.code, E_CANCELLED, "%s: %s", verbs[i], rig.err.text);
		cr_expect_eq(rig_last_result(&rig), STORE_RUN_INTERRUPTED, "%s", verbs[i]);
		cr_expect(rig_sound(&rig, "Work", why, sizeof why), "%s", why);
		model_faults(rig.m, NULL);
		rig.interrupt.signal = 0;
		expect_ok(verbs[i]);
		expect_same("Work");
	}
}

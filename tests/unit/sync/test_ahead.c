/* SPDX-License-Identifier: MIT */
/*
 * test_ahead.c -- many mailboxes behind one another on one connection: how often the client waits, and that no answer of one mailbox
 * is ever taken for another's, whatever fails in between.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/limits.h"
#include "tests/support/sync_rig.h"

#define BOXES 40

static struct sync_rig rig;
static char why[600], text[2000];

static const char *box(unsigned i)
{
	static char name[16];
	snprintf(name, sizeof name, "box%02u", i);
	return name;
}

/* All have the same UIDs, and no two messages are alike. */
static void start(void)
{
	cr_assert(rig_start(&rig));
	/* Without OBJECTID, which makes new mail wait until it is known by its listing. */
	model_capabilities(rig.m,
		"IMAP4rev1 SASL-IR AUTH=PLAIN ENABLE LITERAL+ LIST-EXTENDED LIST-STATUS ESEARCH CONDSTORE");
	model_mailbox(rig.m, "INBOX", 1);
	for (unsigned i = 0; i < BOXES; i++) {
		model_mailbox(rig.m, box(i), 100 + i);
		if (i % 8 != 7)
			model_add_many(rig.m, box(i), 3 + i % 5, 300);
	}
}

static void stop(void)
{
	rig_end(&rig);
}

TestSuite(ahead, .init = start, .fini = stop);

static void expect_same(const char *what)
{
	for (unsigned i = 0; i < BOXES; i++) {
		cr_expect(rig_same(&rig, box(i), why, sizeof why), "%s: %s", what, why);
		cr_expect(rig_sound(&rig, box(i), why, sizeof why), "%s: %s", what, why);
	}
}

static void expect_ok(const char *what)
{
	model_counts_reset(rig.m);
	rig_backup(&rig);
	cr_expect(
		rig_ok(&rig), "%s: rc %d, %s\n%s", what, rig.rc, rig.err.text, buf_str(&rig.notes));
	expect_same(what);
}

static unsigned count(void)
{
	unsigned n = 0;
	for (unsigned i = 0; i < BOXES; i++)
		n += (unsigned)model_count_messages(rig.m, box(i));
	return n;
}

static void change_all(void)
{
	for (unsigned i = 0; i < BOXES; i++) {
		model_add_many(rig.m, box(i), 2, 300);
		model_flags(rig.m, box(i), 1, "\\Answered");
	}
}

Test(ahead, many_mailboxes_cost_few_turns)
{
	expect_ok("first");
	cr_expect_eq(model_bodies(rig.m), count());
	/* Greeting to LIST are four; the line is full once or twice. */
	cr_expect_leq(model_turns(rig.m), 16, "first: %u turns", model_turns(rig.m));
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), BOXES + 1);
	change_all();
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 2 * BOXES, "%u bodies", model_bodies(rig.m));
	cr_expect_leq(model_turns(rig.m), 16, "second: %u turns", model_turns(rig.m));
	cr_expect_eq(rig.report.flags_changed, BOXES - BOXES / 8);
	rig.options.audit = true;
	expect_ok("audit");
	cr_expect_eq(model_bodies(rig.m), 0);
	cr_expect_leq(model_turns(rig.m), 16, "audit: %u turns", model_turns(rig.m));
}

Test(ahead, a_server_without_condstore_lists_in_few_turns_as_well)
{
	model_capabilities(rig.m, "IMAP4rev1 LITERAL+ LIST-EXTENDED LIST-STATUS");
	expect_ok("first");
	change_all();
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 2 * BOXES, "%u bodies", model_bodies(rig.m));
	cr_expect_leq(model_turns(rig.m), 16, "%u turns", model_turns(rig.m));
}

/* More than the window holds, so its places are used again: each answer still belongs to the mailbox that was asked about. */
Test(ahead, many_more_mailboxes_than_status_may_be_asked_at_a_time, .timeout = 60)
{
	static const struct model_faults f = {.refuse_status = "m0600"};
	const unsigned many = SYNC_STATUS_WINDOW + 200;
	char name[16];
	model_capabilities(rig.m, "IMAP4rev1 LITERAL+ ENABLE CONDSTORE");
	for (unsigned i = 0; i < many; i++) {
		snprintf(name, sizeof name, "m%04u", i);
		model_mailbox(rig.m, name, 1000 + i);
	}
	model_add_many(rig.m, "m0650", 2, 300);
	expect_ok("first");
	model_add_many(rig.m, "m0650", 1, 300);
	model_counts_reset(rig.m);
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_eq(model_commands(rig.m, "STATUS"), many + BOXES + 1, "%u",
		model_commands(rig.m, "STATUS"));
	/* The one with new mail, and the one of which nothing is known. */
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), 2, "%u", model_commands(rig.m, "EXAMINE"));
	cr_expect_eq(model_bodies(rig.m), 1);
	cr_expect(rig_same(&rig, "m0650", why, sizeof why), "%s", why);
}

Test(ahead, a_window_of_one_waits_each_time)
{
	rig.account.window = 1;
	expect_ok("first");
	cr_expect_geq(model_turns(rig.m), 2 * BOXES, "%u turns", model_turns(rig.m));
	cr_expect_eq(model_bodies(rig.m), count());
}

Test(ahead, the_ok_of_a_listing_may_come_behind_the_bodies)
{
	static const struct model_faults f = {.late_ok = true};
	model_faults(rig.m, &f);
	expect_ok("first");
	cr_expect_eq(model_bodies(rig.m), count(), "%u bodies", model_bodies(rig.m));
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), BOXES + 1);
	change_all();
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 2 * BOXES, "%u bodies", model_bodies(rig.m));
	cr_expect_leq(model_turns(rig.m), 16, "%u turns", model_turns(rig.m));
}

Test(ahead, bodies_may_come_between_two_halves_of_the_listing)
{
	static const struct model_faults f = {.late_half = true};
	model_faults(rig.m, &f);
	expect_ok("first");
	cr_expect_eq(model_bodies(rig.m), count(), "%u bodies", model_bodies(rig.m));
	/* A UID that EXAMINE does not allow is not believed then either. */
	static const struct model_faults wrong = {
		.late_half = true, .poison = {{"box03", 2, MODEL_WRONG_UID, 1}}};
	stop();
	start();
	model_faults(rig.m, &wrong);
	expect_ok("wrong UID");
	cr_expect_str_eq(
		rig_uids(&rig, "box03", STORE_STORED, text, sizeof text), "1:6", "%s", text);
	cr_expect_str_eq(rig_uids(&rig, "box03", STORE_GONE, text, sizeof text), "", "%s", text);
}

Test(ahead, a_mailbox_that_does_not_open_costs_only_itself)
{
	static const struct model_faults f = {.refuse_open = "box20"};
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_eq(rig.report.folders_failed, 1, "%s", buf_str(&rig.notes));
	cr_expect(rig_noted(&rig, "box20"));
	cr_expect_eq(rig.report.messages_new, count() - model_count_messages(rig.m, "box20"));
	model_faults(rig.m, NULL);
	expect_ok("again");
	cr_expect_eq(model_bodies(rig.m), model_count_messages(rig.m, "box20"));
}

/* What the listing says is not what STATUS promised: each mailbox has to ask again, and comes back for it. */
Test(ahead, who_must_ask_again_comes_back)
{
	static const struct model_faults capped = {.fetch_cap = 2}, hiding = {.hide_uid = 2};
	model_faults(rig.m, &capped);
	expect_ok("capped");
	model_faults(rig.m, &hiding);
	change_all();
	rig_backup(&rig);
	/* Of a stored message that a listing hides nobody may say that it is gone. */
	cr_expect_str_eq(rig_uids(&rig, "box03", STORE_GONE, text, sizeof text), "", "%s", text);
	model_faults(rig.m, NULL);
	expect_ok("honest");
}

Test(ahead, what_went_away_is_found_behind_others)
{
	expect_ok("first");
	change_all();
	for (unsigned i = 0; i < BOXES; i += 3)
		if (i % 8 != 7)
			model_expunge(rig.m, box(i), 2);
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 2 * BOXES, "%u bodies", model_bodies(rig.m));
	for (unsigned i = 0; i < BOXES; i += 3)
		if (i % 8 != 7)
			cr_expect_str_eq(rig_uids(&rig, box(i), STORE_GONE, text, sizeof text), "2",
				"%s: %s", box(i), text);
}

Test(ahead, another_uidvalidity_throws_the_guess_away)
{
	expect_ok("first");
	for (unsigned i = 0; i < BOXES; i += 5)
		model_new_uidvalidity(rig.m, box(i), 900 + i, true);
	change_all();
	expect_ok("second");
}

/* The answers that were on their way when the connection went are asked for again, and nobody is blamed for it. */
Test(ahead, a_lost_connection_loses_nothing)
{
	for (uint64_t after = 2000; after < 60000; after += 7001) {
		const struct model_faults f = {.cut_after = after, .cut_connections = 1};
		stop();
		start();
		model_faults(rig.m, &f);
		rig_backup(&rig);
		char what[40];
		snprintf(what, sizeof what, "cut after %lu", (unsigned long)after);
		cr_expect_eq(rig.report.messages_failed, 0, "%s: %s", what, buf_str(&rig.notes));
		model_faults(rig.m, NULL);
		expect_ok(what);
	}
}

Test(ahead, several_connections_share_the_mailboxes)
{
	rig.account.connections = 4;
	expect_ok("first");
	cr_expect_eq(model_bodies(rig.m), count());
	/* How many there are is a matter of time. */
	cr_expect_leq(model_connections(rig.m), 4, "%u", model_connections(rig.m));
	change_all();
	expect_ok("second");
	cr_expect_eq(model_bodies(rig.m), 2 * BOXES);
}

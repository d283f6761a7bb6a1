/* SPDX-License-Identifier: MIT */
/*
 * Backups of servers that fail and lie. After each fault two things are checked: the archive holds
 * nothing that is not whole, and the next run against an honest server makes it complete.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/limits.h"
#include "tests/support/sync_rig.h"

static struct sync_rig rig;
static char why[600], text[4000];

static void start(void)
{
	cr_assert(rig_start(&rig));
	model_mailbox(rig.m, "INBOX", 100);
	model_mailbox(rig.m, "Work", 200);
	model_add_many(rig.m, "INBOX", 5, 300);
	model_add_many(rig.m, "Work", 200, 300);
}

static void stop(void)
{
	rig_end(&rig);
}

static void again(void)
{
	stop();
	start();
}

TestSuite(faults, .init = start, .fini = stop);

static const char *uids(enum store_state state)
{
	return rig_uids(&rig, "Work", state, text, sizeof text);
}

static void expect_sound(const char *what)
{
	cr_expect(rig_sound(&rig, "Work", why, sizeof why), "%s: %s", what, why);
	cr_expect(rig_sound(&rig, "INBOX", why, sizeof why), "%s: %s", what, why);
	cr_expect_not(model_was_touched(rig.m), "%s", what);
}

/* The server has become honest: one run, and everything is right. */
static void expect_healed(const char *what)
{
	model_faults(rig.m, NULL);
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s, healed: rc %d, %s\n%s", what, rig.rc, rig.err.text,
		buf_str(&rig.notes));
	cr_expect(rig_same(&rig, "Work", why, sizeof why), "%s: %s", what, why);
	cr_expect(rig_same(&rig, "INBOX", why, sizeof why), "%s: %s", what, why);
	cr_expect_eq(rig_last_result(&rig), STORE_RUN_OK, "%s", what);
	expect_sound(what);
	model_counts_reset(rig.m);
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s, once more: %s", what, buf_str(&rig.notes));
	cr_expect_eq(model_bodies(rig.m), 0, "%s: fetched again", what);
	cr_expect_eq(rig_files(&rig),
		model_count_messages(rig.m, "Work") + model_count_messages(rig.m, "INBOX") +
			rig.report.messages_gone,
		"%s: files", what);
}

static void expect_partial(const char *what, const char *said)
{
	rig_backup(&rig);
	cr_expect_eq(rig.rc, 0, "%s: %s", what, rig.err.text);
	cr_expect_not(rig_ok(&rig), "%s must not be called safe\n%s", what, buf_str(&rig.notes));
	cr_expect_eq(rig_last_result(&rig), STORE_RUN_PARTIAL, "%s", what);
	cr_expect(rig_noted(&rig, said), "%s: not said: %s\n%s", what, said, buf_str(&rig.notes));
	expect_sound(what);
}

static void expect_ok(const char *what)
{
	rig_backup(&rig);
	cr_expect(
		rig_ok(&rig), "%s: rc %d %s\n%s", what, rig.rc, rig.err.text, buf_str(&rig.notes));
	cr_expect(rig_same(&rig, "Work", why, sizeof why), "%s: %s", what, why);
	expect_sound(what);
}

/* ---- one bad message ------------------------------------------------------------------------- */

static struct model_faults poison(uint32_t uid, enum model_poison how, unsigned times)
{
	struct model_faults f = {.uidnext = 0};
	f.poison[0].mailbox = "Work";
	f.poison[0].uid = uid;
	f.poison[0].how = how;
	f.poison[0].times = times;
	return f;
}

static const struct {
	const char *name;
	enum model_poison how;
} poisons[] = {
	{"NO", MODEL_NO},
	{"BAD", MODEL_BAD},
	{"hang-up", MODEL_HANG_UP},
	{"OK without a response", MODEL_NO_BODY},
	{"empty body", MODEL_EMPTY_BODY},
	{"NIL", MODEL_NIL_BODY},
};

Test(faults, one_poisonous_message_costs_itself_only)
{
	static const uint32_t places[] = {77, 200};
	for (size_t i = 0; i < sizeof poisons / sizeof poisons[0]; i++) {
		for (size_t k = 0; k < 2; k++) {
			char what[80], said[80];
			const struct model_faults f = poison(places[k], poisons[i].how, 0);
			snprintf(what, sizeof what, "%s at %u", poisons[i].name, places[k]);
			snprintf(said, sizeof said, "problem: Work: message UID %u is not saved",
				places[k]);
			again();
			model_faults(rig.m, &f);
			expect_partial(what, said);
			cr_expect_eq(rig.report.messages_failed, 1, "%s: %llu", what,
				(unsigned long long)rig.report.messages_failed);
			cr_expect_eq(rig.report.messages_new, 204, "%s", what);
			snprintf(said, sizeof said, "%u", places[k]);
			cr_expect_str_eq(uids(STORE_FAILED), said, "%s: %s", what, text);
			cr_expect_str_eq(uids(STORE_GONE), "", "%s: %s", what, text);
			model_counts_reset(rig.m);
			expect_partial(what, "is not saved");
			cr_expect_leq(
				model_bodies(rig.m), 4, "%s: the others are not asked again", what);
			expect_healed(what);
		}
	}
}

Test(faults, a_message_that_fails_once_is_saved_in_the_same_run)
{
	for (size_t i = 0; i < sizeof poisons / sizeof poisons[0]; i++) {
		for (unsigned times = 1; times <= 2; times++) {
			/* An OK without the message is asked for twice, not three times. */
			if (times == 2 && poisons[i].how != MODEL_HANG_UP)
				continue;
			const struct model_faults f = poison(77, poisons[i].how, times);
			again();
			model_faults(rig.m, &f);
			expect_ok(poisons[i].name);
			expect_healed(poisons[i].name);
		}
	}
}

Test(faults, eight_poisonous_messages_in_one_batch)
{
	struct model_faults f = {.uidnext = 0};
	for (size_t i = 0; i < 8; i++) {
		f.poison[i].mailbox = "Work";
		f.poison[i].uid = (uint32_t)(20 * i + 3);
		f.poison[i].how = MODEL_NO;
	}
	model_faults(rig.m, &f);
	expect_partial("eight", "UID 3 is not saved");
	cr_expect_str_eq(uids(STORE_FAILED), "3,23,43,63,83,103,123,143");
	cr_expect_eq(rig.report.messages_failed, 8);
	expect_healed("eight");
}

Test(faults, odd_but_whole_messages_are_saved)
{
	static const struct {
		const char *name;
		enum model_poison how;
	} odd[] = {{"size one too large", MODEL_WRONG_SIZE}, {"size zero", MODEL_SIZE_ZERO},
		{"sent twice", MODEL_TWICE}, {"UID behind the body", MODEL_LATE_UID}};
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		const struct model_faults f = poison(77, odd[i].how, 0);
		again();
		model_faults(rig.m, &f);
		expect_ok(odd[i].name);
		cr_expect_eq(rig_noted(&rig, "UID 77, which was not asked for or is here already"),
			odd[i].how == MODEL_TWICE, "%s", odd[i].name);
		expect_healed(odd[i].name);
	}
}

Test(faults, a_body_under_another_uid_is_not_used)
{
	const struct model_faults f = poison(77, MODEL_WRONG_UID, 0);
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_not(rig_ok(&rig), "%s", buf_str(&rig.notes));
	expect_sound("wrong UID");
	expect_healed("wrong UID");
}

/* ---- numbers that lie ------------------------------------------------------------------------ */

Test(faults, status_that_is_missing_or_refused_is_no_reason_to_skip)
{
	static const struct model_faults faults[] = {
		{.drop_status = "Work"},
		{.refuse_status = "Work"},
		{.refuse_list_return = true},
		{.no_uidnext = true},
		{.no_modseq = true},
		{.no_uidvalidity = true},
		{.uidnext = 5},
		{.uidnext = 420000},
		{.uidnext = 1},
	};
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		char what[30];
		snprintf(what, sizeof what, "fault %zu", i);
		again();
		model_faults(rig.m, &faults[i]);
		expect_ok(what);
		model_expunge(rig.m, "Work", 10);
		model_add_many(rig.m, "Work", 3, 300);
		model_flags(rig.m, "Work", 20, "\\Answered");
		model_counts_reset(rig.m);
		expect_ok(what);
		cr_expect_eq(model_bodies(rig.m), 3, "%s: %u", what, model_bodies(rig.m));
		cr_expect_str_eq(uids(STORE_GONE), "10", "%s: %s", what, text);
		cr_expect_eq(rig.report.flags_changed, 1, "%s", what);
	}
}

static int list_then_refuse(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	(void)ctx;
	if (strcmp(verb, "LIST") != 0 || strstr(arguments, "RETURN") == NULL)
		return 0;
	fake_sendf(c, "* LIST () \"/\" Ghost\r\n* STATUS Ghost (MESSAGES 1 UIDNEXT 2)\r\n");
	fake_sendf(c, "* STATUS Other (MESSAGES 1 UIDNEXT 2)\r\n%s BAD no such option\r\n", tag);
	return 1;
}

/* What a LIST says is taken as it comes, and given back when the end is a refusal. */
Test(faults, what_a_refused_list_had_said_counts_for_nothing)
{
	static const struct model_faults f = {.hook = list_then_refuse};
	struct store_mailbox ghost;
	model_faults(rig.m, &f);
	expect_ok("refused at the end");
	cr_expect_not(rig_mailbox(&rig, "Ghost", &ghost));
	cr_expect_eq(model_commands(rig.m, "LIST"), 4, "%u", model_commands(rig.m, "LIST"));
}

Test(faults, a_frozen_uidnext_with_equal_counts_is_seen_by_the_audit)
{
	static const struct model_faults f = {.uidnext = 5, .no_modseq = true};
	model_faults(rig.m, &f);
	expect_ok("first");
	model_expunge(rig.m, "Work", 10);
	model_add_many(rig.m, "Work", 1, 300);
	expect_ok("second");
	cr_expect_eq(rig.report.messages_new, 1);
}

Test(faults, exists_that_disagrees_is_told_and_nothing_is_gone)
{
	/* Not +1: two new ones, one deleted and one lie too many add up, and the deletion is
	 * seen later. */
	static const int lies[] = {-3, -1, 3};
	for (size_t i = 0; i < 3; i++) {
		int off = lies[i];
		const struct model_faults f = {.exists_off_by = off};
		char what[30];
		snprintf(what, sizeof what, "EXISTS off by %d", off);
		again();
		rig_backup(&rig);
		model_expunge(rig.m, "Work", 9);
		model_add_many(rig.m, "Work", 2, 300);
		model_faults(rig.m, &f);
		expect_partial(what, "messages but lists 201");
		cr_expect_str_eq(uids(STORE_GONE), "", "%s: %s", what, text);
		expect_partial(what, "lists");
		model_faults(rig.m, NULL);
		rig_backup(&rig);
		cr_expect(rig_ok(&rig), "%s: %s", what, buf_str(&rig.notes));
		cr_expect_str_eq(uids(STORE_GONE), "9", "%s: %s", what, text);
		cr_expect(rig_same(&rig, "Work", why, sizeof why), "%s", why);
	}
}

Test(faults, a_capped_search_proves_nothing)
{
	static const struct model_faults f = {.search_cap = 10};
	rig_backup(&rig);
	model_expunge(rig.m, "Work", 150);
	model_faults(rig.m, &f);
	expect_partial("capped search", "not taken for deleted");
	cr_expect_str_eq(uids(STORE_GONE), "", "%s", text);
	model_faults(rig.m, NULL);
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s", buf_str(&rig.notes));
	cr_expect_str_eq(uids(STORE_GONE), "150", "%s", text);
}

Test(faults, a_capped_fetch_hides_nothing)
{
	/* Listings and batches answer only some, with a tagged OK. */
	static const unsigned caps[] = {1, 7, 150};
	for (size_t i = 0; i < 3; i++) {
		const struct model_faults f = {.fetch_cap = caps[i]};
		char what[30];
		snprintf(what, sizeof what, "cap %u", caps[i]);
		again();
		model_faults(rig.m, &f);
		expect_ok(what);
		expect_healed(what);
	}
}

Test(faults, a_stored_message_that_one_method_hides_is_not_gone)
{
	static const struct model_faults faults[] = {
		{.hide_uid = 50},
		{.hide_uid_always = 50},
		{.hide_uid = 50, .search_cap = 20},
	};
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		char what[30];
		snprintf(what, sizeof what, "fault %zu", i);
		again();
		rig_backup(&rig);
		rig.options.audit = true;
		model_faults(rig.m, &faults[i]);
		rig_backup(&rig);
		cr_expect_str_eq(uids(STORE_GONE), "", "%s: %s", what, text);
		expect_sound(what);
		rig.options.audit = false;
		expect_healed(what);
	}
}

Test(faults, a_message_that_fetch_shows_is_not_gone_though_search_and_exists_deny_it)
{
	static const struct model_faults f = {.search_cap = 199, .exists_off_by = -1};
	rig_backup(&rig);
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_str_eq(uids(STORE_GONE), "", "%s", text);
	cr_expect_str_eq(uids(STORE_STORED), "1:200", "%s", text);
	expect_healed("denied");
}

Test(faults, a_new_message_that_one_method_hides_is_told)
{
	static const struct model_faults faults[] = {{.hide_uid = 50}, {.hide_uid_always = 50}};
	for (size_t i = 0; i < 2; i++) {
		char what[30];
		snprintf(what, sizeof what, "fault %zu", i);
		again();
		model_faults(rig.m, &faults[i]);
		expect_partial(what, "problem: Work");
		cr_expect_str_eq(uids(STORE_GONE), "", "%s: %s", what, text);
		expect_healed(what);
	}
}

Test(faults, a_message_that_is_back_is_stored_again)
{
	/* Everything agrees that it is gone, EXISTS too; then it is back, with its UID. */
	rig_backup(&rig);
	char *copy;
	size_t n;
	uint32_t uid;
	copy = (char *)model_message(rig.m, "Work", 199, &n, &uid);
	cr_assert_eq(uid, 200);
	model_expunge(rig.m, "Work", 200);
	expect_ok("gone");
	cr_expect_str_eq(uids(STORE_GONE), "200", "%s", text);
	model_uidnext(rig.m, "Work", 200);
	model_add(rig.m, "Work", copy, n, "", NULL);
	free(copy);
	model_counts_reset(rig.m);
	rig.options.audit = true;
	expect_ok("back");
	cr_expect_str_eq(uids(STORE_GONE), "", "%s", text);
	cr_expect_eq(model_bodies(rig.m), 0, "it has a file already");
}

static int limit_messages(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	unsigned *rounds = ctx;
	arguments += strspn(arguments, " ");
	uint32_t above = strncmp(arguments, "1:* (UID FLAGS)", 15) == 0 ? 200
		: strncmp(arguments, "1:150 (UID FLAGS)", 17) == 0	? 150
		: strncmp(arguments, "1:100 (UID FLAGS)", 17) == 0	? 100
									: 0;
	/* INBOX comes first and is answered like any. */
	if (strcmp(verb, "UID FETCH") != 0 || above == 0 || (*rounds)++ == 0)
		return 0;
	for (uint32_t uid = above - 49; uid <= above; uid++)
		fake_sendf(c, "* %u FETCH (UID %u FLAGS ())\r\n", uid, uid);
	fake_sendf(c, "%s OK [MESSAGELIMIT 50 %u] more below\r\n", tag, above - 49);
	return 1;
}

Test(faults, a_message_limit_is_followed_downwards)
{
	unsigned rounds = 0;
	const struct model_faults f = {.hook = limit_messages, .hook_ctx = &rounds};
	model_faults(rig.m, &f);
	expect_ok("MESSAGELIMIT");
	cr_expect_eq(rounds, 4, "%u listings", rounds);
	cr_expect_eq(model_commands(rig.m, "UID SEARCH"), 0, "no second method was needed");
}

/* ---- folders and connections ----------------------------------------------------------------- */

Test(faults, a_folder_that_cannot_be_opened_costs_itself_only)
{
	static const struct model_faults f = {.refuse_open = "Work"};
	rig_backup(&rig);
	model_add_many(rig.m, "Work", 2, 100);
	model_add_many(rig.m, "INBOX", 2, 100);
	model_faults(rig.m, &f);
	expect_partial("EXAMINE refused", "problem: Work: ");
	cr_expect_eq(rig.report.folders_failed, 1);
	cr_expect_eq(rig.report.messages_new, 2);
	cr_expect_str_eq(uids(STORE_STORED), "1:200");
	expect_healed("EXAMINE refused");
}

Test(faults, a_refused_login_is_tried_once)
{
	static const struct model_faults f = {.refuse_login = true};
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_eq(rig.rc, -1);
	cr_expect_eq(rig.err.code, E_AUTH, "%s", rig.err.text);
	cr_expect_eq(model_connections(rig.m), 1);
	cr_expect_eq(rig.secrets, 1);
	cr_expect_eq(rig_last_result(&rig), STORE_RUN_FAILED);
	expect_healed("login");
}

static _Atomic unsigned refused;

/* The first one waits for another to be refused, or it could be done before that. */
static int second_login_refused(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	(void)ctx;
	(void)arguments;
	bool login = strcmp(verb, "LOGIN") == 0 || strcmp(verb, "AUTHENTICATE") == 0;
	if (fake_conn_number(c) == 1)
		for (int i = 0; strcmp(verb, "EXAMINE") == 0 && refused == 0 && i < 5000; i++)
			(void)poll(NULL, 0, 1);
	if (!login || fake_conn_number(c) == 1)
		return 0;
	fake_sendf(c, "%s NO too many connections\r\n", tag);
	refused++;
	return 1;
}

Test(faults, refused_further_connections_cost_speed_only)
{
	static const struct model_faults f = {.hook = second_login_refused};
	model_faults(rig.m, &f);
	rig.account.connections = 3;
	refused = 0;
	expect_ok("one connection is enough");
	cr_expect(rig_noted(&rig, "fewer connections"));
}

Test(faults, bye_at_each_verb)
{
	static const char *const verbs[] = {"LIST", "NAMESPACE", "EXAMINE", "UID FETCH"};
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		const struct model_faults f = {.bye_at = verbs[i]};
		again();
		model_faults(rig.m, &f);
		rig_backup(&rig);
		/* NAMESPACE is left out when it hangs up. */
		cr_expect_eq(rig_ok(&rig), i == 1, "%s: %s", verbs[i], buf_str(&rig.notes));
		cr_expect_leq(model_connections(rig.m), SYNC_RECONNECTS_MAX + 1, "%s", verbs[i]);
		expect_healed(verbs[i]);
	}
}

struct hang_ups {
	unsigned left;
	char last[80];
};

/* Hangs up once at each folder, as often as told. */
static int hang_up_once_a_folder(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	struct hang_ups *h = ctx;
	(void)c;
	(void)tag;
	if (strcmp(verb, "EXAMINE") != 0 || h->left == 0 || strcmp(h->last, arguments) == 0)
		return 0;
	snprintf(h->last, sizeof h->last, "%s", arguments);
	h->left--;
	return -1;
}

Test(faults, connections_are_replaced_up_to_the_budget_and_not_beyond)
{
	for (unsigned n = SYNC_RECONNECTS_MAX; n <= SYNC_RECONNECTS_MAX + 1; n++) {
		struct hang_ups h = {n, ""};
		const struct model_faults f = {.hook = hang_up_once_a_folder, .hook_ctx = &h};
		again();
		for (unsigned i = 0; i < SYNC_RECONNECTS_MAX; i++) {
			char name[20];
			snprintf(name, sizeof name, "F%u", i);
			model_mailbox(rig.m, name, 1);
		}
		model_faults(rig.m, &f);
		rig_backup(&rig);
		cr_expect_eq(rig_ok(&rig), n == SYNC_RECONNECTS_MAX, "%u: %s\n%s", n, rig.err.text,
			buf_str(&rig.notes));
		cr_expect_eq(model_connections(rig.m), SYNC_RECONNECTS_MAX + 1, "%u: %u", n,
			model_connections(rig.m));
		expect_healed("hang-ups");
	}
}

static int lost_then_refused(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	return strcmp(verb, "UID FETCH") == 0 ? -1
					      : second_login_refused(ctx, c, tag, verb, arguments);
}

/* What cannot be reached now is left to the next run: a second try would double the wait for a host that is down. */
Test(faults, a_connection_that_was_never_logged_in_is_not_replaced)
{
	static const struct model_faults f = {.cut_after = 1};
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_eq(rig.rc, -1);
	cr_expect_eq(rig.err.scope, ERR_CONNECTION, "%s", rig.err.text);
	cr_expect_eq(model_connections(rig.m), 1, "%u", model_connections(rig.m));
	expect_healed("cut in the greeting");
}

Test(faults, a_login_that_is_refused_at_a_reconnect_is_not_repeated)
{
	static const struct model_faults f = {.hook = lost_then_refused};
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_eq(rig.rc, -1);
	cr_expect_eq(rig.err.code, E_AUTH, "%s", rig.err.text);
	cr_expect_eq(model_connections(rig.m), 2);
	expect_healed("refused at the reconnect");
}

static unsigned throttled;

static int throttle(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	const unsigned *times = ctx;
	(void)arguments;
	if (strcmp(verb, "UID FETCH") != 0 || throttled >= *times)
		return 0;
	throttled++;
	fake_sendf(
		c, "%s BAD Request is throttled. Suggested Backoff Time: 3 milliseconds\r\n", tag);
	return 1;
}

Test(faults, a_pause_that_is_asked_for_is_made)
{
	unsigned times = 4;
	const struct model_faults f = {.hook = throttle, .hook_ctx = &times};
	throttled = 0;
	model_faults(rig.m, &f);
	expect_ok("throttled");
	cr_expect_eq(throttled, 4);
	cr_expect_eq(model_connections(rig.m), 1);
	cr_expect_eq(rig.report.messages_new, 205);
}

static int throttle_inbox(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	(void)ctx;
	if (strcmp(verb, "EXAMINE") != 0 || strstr(arguments, "INBOX") == NULL || throttled == 4)
		return 0;
	throttled++;
	fake_sendf(
		c, "%s BAD Request is throttled. Suggested Backoff Time: 3 milliseconds\r\n", tag);
	return 1;
}

/* 3 + 6 + 12 + 24 ms, and not the five minutes that are the most. */
Test(faults, pauses_of_one_mailbox_double, .timeout = 60)
{
	static const struct model_faults f = {.hook = throttle_inbox};
	throttled = 0;
	model_faults(rig.m, &f);
	expect_ok("throttled again and again");
	cr_expect_eq(throttled, 4);
	cr_expect_eq(rig.report.messages_new, 205);
}

/* ---- changes during the run ------------------------------------------------------------------ */

static int change_in_the_middle(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	unsigned *n = ctx;
	(void)c;
	(void)tag;
	if (strcmp(verb, "UID FETCH") != 0 || strstr(arguments, "BODY.PEEK[]") == NULL || ++*n != 2)
		return 0;
	model_expunge(rig.m, "Work", 150);
	model_add_many(rig.m, "Work", 2, 100);
	return 0;
}

Test(faults, mail_that_comes_and_goes_during_the_run)
{
	unsigned n = 0;
	const struct model_faults f = {.hook = change_in_the_middle, .hook_ctx = &n};
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s", buf_str(&rig.notes));
	cr_expect_str_eq(uids(STORE_GONE), "150", "%s", text);
	model_faults(rig.m, NULL);
	model_counts_reset(rig.m);
	expect_ok("the next run");
	cr_expect_eq(model_bodies(rig.m), 2);
}

static int renumber_in_the_middle(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	unsigned *n = ctx;
	(void)c;
	(void)tag;
	if (strcmp(verb, "UID FETCH") != 0 || strstr(arguments, "BODY.PEEK[]") == NULL)
		return 0;
	if (++*n > 1)
		return 0;
	model_new_uidvalidity(rig.m, "Work", 201, true);
	model_new_uidvalidity(rig.m, "INBOX", 101, true);
	return -1;
}

Test(faults, a_new_uidvalidity_during_the_run_is_noticed_at_the_reconnect)
{
	unsigned n = 0;
	const struct model_faults f = {.hook = renumber_in_the_middle, .hook_ctx = &n};
	model_faults(rig.m, &f);
	expect_ok("renumbered");
	struct store_mailbox m;
	cr_expect(rig_mailbox(&rig, "Work", &m) && m.uidvalidity == 201);
	expect_healed("renumbered");
}

static int renumber_always(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	uint32_t *n = ctx;
	(void)c;
	(void)tag;
	(void)arguments;
	if (strcmp(verb, "EXAMINE") == 0)
		model_new_uidvalidity(rig.m, "Work", ++*n, true);
	return strcmp(verb, "UID FETCH") == 0 ? -1 : 0;
}

Test(faults, a_uidvalidity_that_never_rests_ends)
{
	uint32_t n = 1000;
	const struct model_faults f = {.hook = renumber_always, .hook_ctx = &n};
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_not(rig_ok(&rig));
	cr_expect_leq(model_connections(rig.m), SYNC_RECONNECTS_MAX + 1);
	model_faults(rig.m, NULL);
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s", buf_str(&rig.notes));
	cr_expect(rig_same(&rig, "Work", why, sizeof why), "%s", why);
}

/* ---- hang-ups at every place ----------------------------------------------------------------- */

/* Each connection, or only the first, is cut after so many octets. */
static void cut_at(uint64_t octets, unsigned connections)
{
	char what[60];
	const struct model_faults f = {.cut_after = octets, .cut_connections = connections};
	snprintf(what, sizeof what, "cut after %llu, %u connections", (unsigned long long)octets,
		connections);
	again();
	model_faults(rig.m, &f);
	rig_backup(&rig);
	expect_sound(what);
	cr_expect_str_eq(uids(STORE_GONE), strcmp(uids(STORE_GONE), "-") == 0 ? "-" : "", "%s: %s",
		what, text);
	if (rig_ok(&rig))
		cr_expect(rig_same(&rig, "Work", why, sizeof why), "%s: %s", what, why);
	else
		cr_expect(rig.rc != 0 || rig.report.problems > 0, "%s: nothing was said", what);
	expect_healed(what);
}

Test(faults, hang_up_anywhere_on_every_connection, .timeout = 300)
{
	for (uint64_t n = 1; n < 120000; n += n < 3000 ? 397 : 14983)
		cut_at(n, 0);
}

Test(faults, hang_up_anywhere_once, .timeout = 300)
{
	for (uint64_t n = 1500; n < 120000; n += 13007)
		cut_at(n, 1);
}

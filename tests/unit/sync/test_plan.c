/* SPDX-License-Identifier: MIT */
/* The decisions of a backup as tables. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/limits.h"
#include "core/sync/plan.h"

static struct uidset set_of(const char *text)
{
	struct uidset s = UIDSET_INIT;
	struct err e = ERR_INIT;
	cr_assert_eq(uidset_parse(&s, slice_str(text), &e), 0, "%s: %s", text, e.text);
	return s;
}

static void expect_set(const struct uidset *s, const char *want, const char *what)
{
	struct buf b = BUF_INIT(10000);
	struct err e = ERR_INIT;
	cr_assert_eq(uidset_format(s, &b, &e), 0);
	cr_expect_str_eq(buf_str(&b), want, "%s: %s instead of %s", what, buf_str(&b), want);
	buf_release(&b);
}

#define SET(name, text)                                                                            \
	struct uidset name = UIDSET_INIT;                                                          \
	if ((text)[0] != '\0')                                                                     \
	name = set_of(text)

/* ---- the account ----------------------------------------------------------------------------- */

static const struct sync_folder remote_base = {.selectable = true,
	.selected = true,
	.have = IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY |
		IMAP4_ST_HIGHESTMODSEQ,
	.messages = 10,
	.uidnext = 21,
	.uidvalidity = 7,
	.highestmodseq = 99,
	.wire = BUF_INIT(100)};
static const struct store_mailbox local_base = {.id = 1,
	.present = true,
	.selectable = true,
	.complete_run = 3,
	.uidvalidity = 7,
	.uidnext = 21,
	.messages = 10,
	.highestmodseq = 99,
	.wire = BUF_INIT(100)};

/* One mailbox on both sides; what happens to it? */
static struct plan_entry decide(
	struct sync_folder f, struct store_mailbox m, bool have_local, bool audit)
{
	struct plan p;
	struct err e = ERR_INIT;
	struct sync_folders remote = {&f, 1};
	struct store_mailbox_list local = {&m, have_local};
	buf_add_str(&f.wire, "Work");
	buf_add_str(&m.wire, "Work");
	cr_assert_eq(plan_account(&p, &remote, true, &local, 10, audit, &e), 0);
	struct plan_entry got = p.at[0];
	plan_release(&p);
	buf_release(&f.wire);
	buf_release(&m.wire);
	return got;
}

Test(plan, equal_numbers_of_a_complete_run_are_a_reason_not_to_look)
{
	struct plan_entry p = decide(remote_base, local_base, true, false);
	cr_expect_eq(p.action, PLAN_UNCHANGED, "%s", p.reason != NULL ? p.reason : "");
}

Test(plan, each_number_alone_is_a_reason_to_look)
{
	static const char *const what[] = {"no local copy", "no MESSAGES", "no UIDNEXT",
		"no UIDVALIDITY", "no HIGHESTMODSEQ", "more messages", "fewer messages",
		"UIDNEXT up", "UIDNEXT down", "UIDVALIDITY", "modseq up", "modseq down",
		"modseq 0 on both sides", "never complete", "failed messages",
		"uidnext 0 on both sides", "audit is due", "audit is asked for"};
	for (size_t i = 0; i < sizeof what / sizeof what[0]; i++) {
		struct sync_folder f = remote_base;
		struct store_mailbox m = local_base;
		switch (i) {
		case 1: f.have &= ~(uint32_t)IMAP4_ST_MESSAGES; break;
		case 2: f.have &= ~(uint32_t)IMAP4_ST_UIDNEXT; break;
		case 3: f.have &= ~(uint32_t)IMAP4_ST_UIDVALIDITY; break;
		case 4: f.have &= ~(uint32_t)IMAP4_ST_HIGHESTMODSEQ; break;
		case 5: f.messages++; break;
		case 6: f.messages--; break;
		case 7: f.uidnext++; break;
		case 8: f.uidnext--; break;
		case 9: f.uidvalidity++; break;
		case 10: f.highestmodseq++; break;
		case 11: f.highestmodseq--; break;
		case 12: f.highestmodseq = m.highestmodseq = 0; break;
		case 13: m.complete_run = 0; break;
		case 14: m.failed = 1; break;
		case 15: f.uidnext = m.uidnext = 0; break;
		case 16: m.runs_since_audit = 9; break;
		default: break;
		}
		struct plan_entry p = decide(f, m, i != 0, i == 17);
		cr_expect_eq(p.action, PLAN_OPEN, "%s", what[i]);
		cr_expect_not_null(p.reason, "%s", what[i]);
		cr_expect_eq(p.audit, i >= 16, "%s", what[i]);
	}
}

Test(plan, an_audit_is_due_at_its_run_and_not_before)
{
	struct store_mailbox m = local_base;
	m.runs_since_audit = 8;
	cr_expect_eq(decide(remote_base, m, true, false).action, PLAN_UNCHANGED);
	m.runs_since_audit = 9;
	cr_expect_eq(decide(remote_base, m, true, false).action, PLAN_OPEN);
}

Test(plan, what_is_not_selected_is_left_and_what_cannot_be_opened_is_recorded)
{
	struct sync_folder f = remote_base;
	f.selected = false;
	cr_expect_eq(decide(f, local_base, true, true).action, PLAN_LEAVE);
	f = remote_base;
	f.selectable = false;
	cr_expect_eq(decide(f, local_base, true, true).action, PLAN_RECORD);
}

Test(plan, only_a_whole_list_makes_a_folder_vanish)
{
	static const char *const names[] = {"A", "B", "C"};
	struct store_mailbox at[3];
	struct sync_folder f = remote_base;
	struct err e = ERR_INIT;
	for (size_t i = 0; i < 3; i++) {
		at[i] = local_base;
		buf_init(&at[i].wire, 10);
		buf_add_str(&at[i].wire, names[i]);
	}
	at[2].present = false; /* vanished before */
	f.selected = false;    /* a folder that is left out is still there */
	buf_add_str(&f.wire, "B");
	const struct store_mailbox_list local = {at, 3};
	const struct sync_folders remote = {&f, 1};
	for (int complete = 0; complete < 2; complete++) {
		struct plan p;
		cr_assert_eq(plan_account(&p, &remote, complete, &local, 0, false, &e), 0);
		cr_expect_eq(p.nvanished, complete ? 1 : 0);
		if (complete && p.nvanished == 1)
			cr_expect_str_eq(buf_str(&p.vanished[0]->wire), "A");
		plan_release(&p);
	}
	buf_release(&f.wire);
	for (size_t i = 0; i < 3; i++)
		buf_release(&at[i].wire);
}

/* ---- listing --------------------------------------------------------------------------------- */

Test(plan, changes_are_asked_for_only_when_every_number_can_be_built_on)
{
	static const char *const what[] = {"fine", "audit", "never complete", "failed messages",
		"another UIDVALIDITY", "UIDVALIDITY 0", "no modseq now", "no modseq then",
		"modseq went down", "UIDNEXT went down", "UIDNEXT 0 then", "UIDNEXT 1 then",
		"UIDNEXT frozen below what is stored"};
	for (size_t i = 0; i < sizeof what / sizeof what[0]; i++) {
		struct store_mailbox m = local_base;
		struct plan_numbers now = {
			.uidvalidity = 7, .uidnext = 30, .exists = 12, .highestmodseq = 120};
		SET(stored, "1:20");
		switch (i) {
		case 2: m.complete_run = 0; break;
		case 3: m.failed = 1; break;
		case 4: now.uidvalidity = 8; break;
		case 5: now.uidvalidity = m.uidvalidity = 0; break;
		case 6: now.highestmodseq = 0; break;
		case 7: m.highestmodseq = 0; break;
		case 8: now.highestmodseq = 98; break;
		case 9: now.uidnext = 20; break;
		case 10: m.uidnext = 0; break;
		case 11: m.uidnext = 1; break;
		case 12: m.uidnext = 20; break;
		default: break;
		}
		cr_expect_eq(plan_incremental(&m, i == 1, &now, &stored), i == 0, "%s", what[i]);
		cr_expect_not(plan_incremental(NULL, false, &now, &stored));
		uidset_release(&stored);
	}
}

Test(plan, a_listing_counts_when_its_number_is_that_of_exists)
{
	static const struct {
		uint64_t listed;
		bool listed_ok;
		uint64_t searched;
		bool searched_ok;
		bool want;
	} row[] = {
		{10, true, 0, false, true},
		{10, false, 0, false, false}, /* it was cut, by chance at the right place */
		{9, true, 10, true, true},
		{9, true, 10, false, false},
		{9, true, 9, true, false},
		{11, true, 10, true, true}, /* one was expunged in between */
		{11, true, 0, true, false},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		cr_expect_eq(plan_counts_agree(row[i].listed, row[i].listed_ok, row[i].searched,
				     row[i].searched_ok, 10),
			row[i].want, "row %zu", i);
}

Test(plan, a_mailbox_is_divided_without_remainder)
{
	static const struct {
		const char *seen, *stored, *gone, *failed;
		bool trusted;
		const char *want, *back, *suspects;
		bool unproved;
	} row[] = {
		{"1:5", "", "", "", true, "1:5", "", "", false},
		{"1:5", "1:5", "", "", true, "", "", "", false},
		{"1:5", "1:3", "", "4", true, "4:5", "", "", false},
		{"1:4", "1:5", "", "", true, "", "", "5", false},
		{"1:4", "1:5", "", "", false, "", "", "", true},
		{"1:4", "1:4", "", "6", true, "", "", "6", false},
		{"1:4", "1:2", "3,9", "", true, "3:4", "3", "", false},
		{"", "1:3", "", "", true, "", "", "1:3", false},
		{"", "1:3", "", "", false, "", "", "", true},
		{"", "", "1:3", "", true, "", "", "", false},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		char what[40];
		struct plan_mailbox p;
		struct err e = ERR_INIT;
		SET(seen, row[i].seen);
		SET(stored, row[i].stored);
		SET(gone, row[i].gone);
		SET(failed, row[i].failed);
		cr_assert_eq(
			plan_mailbox(&p, &seen, row[i].trusted, &stored, &gone, &failed, &e), 0);
		snprintf(what, sizeof what, "row %zu", i);
		expect_set(&p.want, row[i].want, what);
		expect_set(&p.back, row[i].back, what);
		expect_set(&p.suspects, row[i].suspects, what);
		cr_expect_eq(p.unproved, row[i].unproved, "%s", what);
		plan_mailbox_release(&p);
		uidset_release(&seen);
		uidset_release(&stored);
		uidset_release(&gone);
		uidset_release(&failed);
	}
}

Test(plan, absence_needs_a_later_listing_that_can_be_believed)
{
	static const struct {
		const char *suspects, *doubt, *later;
		bool credible;
		const char *gone, *there, *unfetched;
	} row[] = {
		{"5", "", "1:4", true, "5", "", ""},
		{"5", "", "1:4", false, "", "5", ""},
		{"5:6", "", "1:5", true, "6", "5", ""},
		{"", "7:8", "1:7", true, "8", "", "7"},
		{"", "7:8", "", false, "", "", "7:8"},
		{"3", "9", "1:2", true, "3,9", "", ""},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		char what[40];
		struct plan_absence p;
		struct err e = ERR_INIT;
		SET(suspects, row[i].suspects);
		SET(doubt, row[i].doubt);
		SET(later, row[i].later);
		cr_assert_eq(plan_absence(&p, &suspects, &doubt, &later, row[i].credible, &e), 0);
		snprintf(what, sizeof what, "row %zu", i);
		expect_set(&p.gone, row[i].gone, what);
		expect_set(&p.there, row[i].there, what);
		expect_set(&p.unfetched, row[i].unfetched, what);
		plan_absence_release(&p);
		uidset_release(&suspects);
		uidset_release(&doubt);
		uidset_release(&later);
	}
}

/* ---- the sum --------------------------------------------------------------------------------- */

Test(plan, a_mailbox_is_complete_only_without_remainder)
{
	static const struct {
		const char *seen, *stored, *gone, *failed;
		bool incomplete, complete;
		uint64_t rest;
	} row[] = {
		{"", "", "", "", false, true, 0},
		{"1:5", "1:5", "", "", false, true, 0},
		{"1:5", "1:4", "5", "", false, true, 0},
		{"1:5", "1:4", "", "", false, false, 1},
		{"1:5", "1:4", "", "5", false, false, 1},
		{"1:5", "1:5", "", "9", false, false, 0},
		{"1:5", "1:5", "", "", true, false, 0},
		{"1:5", "", "", "", false, false, 5},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct err e = ERR_INIT;
		bool complete;
		uint64_t rest;
		SET(seen, row[i].seen);
		SET(stored, row[i].stored);
		SET(gone, row[i].gone);
		SET(failed, row[i].failed);
		cr_assert_eq(plan_complete(&complete, &rest, &seen, &stored, &gone, &failed,
				     row[i].incomplete, &e),
			0);
		cr_expect_eq(complete, row[i].complete, "row %zu", i);
		cr_expect_eq(rest, row[i].rest, "row %zu", i);
		uidset_release(&seen);
		uidset_release(&stored);
		uidset_release(&gone);
		uidset_release(&failed);
	}
}

/* ---- batches --------------------------------------------------------------------------------- */

Test(plan, batches_follow_the_size_of_messages_and_the_budget)
{
	const uint64_t none = UINT64_MAX, mb = 1 << 20;
	static const struct {
		const char *what;
		uint64_t messages, bytes, budget, want;
	} row[] = {
		{"nothing known", 0, 0, UINT64_MAX, SYNC_BATCH_FIRST},
		{"tiny", 100, 100 * 10, UINT64_MAX, SYNC_BATCH_MAX},
		{"empty", 100, 0, UINT64_MAX, SYNC_BATCH_MAX},
		{"1 MiB each", 10, 10 << 20, UINT64_MAX, 8},
		{"larger than a batch", 1, 64 << 20, UINT64_MAX, 1},
		{"no budget left", 10, 100, 0, 0},
		{"budget, nothing known", 0, 0, 1000, 1},
		{"budget for three", 10, 10 << 20, 3 << 20, 3},
		{"budget for less than one", 10, 10 << 20, 1, 1},
		{"large budget", 10, 10 << 20, UINT64_C(1) << 40, 8},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		cr_expect_eq(plan_batch(row[i].messages, row[i].bytes, row[i].budget), row[i].want,
			"%s", row[i].what);
	/* At the limit and one beyond. */
	cr_expect_eq(plan_batch(1, 8 * mb, none), 1);
	cr_expect_eq(plan_batch(1, 8 * mb + 1, none), 1);
	cr_expect_eq(plan_batch(SYNC_BATCH_MAX, 8 * mb, none), SYNC_BATCH_MAX);
}

Test(plan, a_failed_batch_is_parted_into_the_first_and_two_halves)
{
	static const struct {
		const char *set, *part[PLAN_PARTS];
		size_t n;
	} row[] = {
		{"", {"", "", ""}, 0},
		{"7", {"7", "", ""}, 1},
		{"7:8", {"7", "8", ""}, 2},
		{"7:9", {"7", "8", "9"}, 3},
		{"1:10,20:30", {"1", "2:10,20", "21:30"}, 3},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct uidset part[PLAN_PARTS] = {UIDSET_INIT};
		struct err e = ERR_INIT;
		size_t n;
		char what[40];
		SET(set, row[i].set);
		cr_assert_eq(plan_split(&set, part, &n, &e), 0);
		cr_expect_eq(n, row[i].n, "row %zu", i);
		cr_expect(uidset_is_empty(&set));
		snprintf(what, sizeof what, "row %zu", i);
		for (size_t k = 0; k < PLAN_PARTS; k++) {
			expect_set(&part[k], row[i].part[k], what);
			uidset_release(&part[k]);
		}
		uidset_release(&set);
	}
}

Test(plan, one_poison_message_is_found_in_few_rounds)
{
	/* Whatever its place, a batch of the largest size is parted down to it within the
	 * reconnect budget, when servers answer in order and so all before it has come. */
	for (uint32_t poison = 1; poison <= SYNC_BATCH_MAX; poison += 83) {
		struct uidset part[PLAN_PARTS] = {UIDSET_INIT}, left = UIDSET_INIT;
		struct err e = ERR_INIT;
		size_t n;
		cr_assert_eq(uidset_add_range(&left, poison, SYNC_BATCH_MAX, &e), 0);
		cr_assert_eq(plan_split(&left, part, &n, &e), 0);
		cr_expect_eq(uidset_min(&part[0]), poison);
		cr_expect_eq(uidset_count(&part[0]), 1);
		for (size_t k = 0; k < PLAN_PARTS; k++)
			uidset_release(&part[k]);
		uidset_release(&left);
	}
}

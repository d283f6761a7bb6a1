/* SPDX-License-Identifier: MIT */
/*
 * test_restore.c -- uploads that are refused, cut off, or answered by nobody; the model server is given an APPEND here.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/restore.h"
#include "tests/support/sync_rig.h"

#define MESSAGES 12

/* What the server does with uploads. */
struct upload_faults {
	struct model_imap *m;
	unsigned appends;    /* commands so far */
	unsigned cut_at;     /* hang up instead of answering this one; 0 = never */
	unsigned cut_times;  /* connections that are still to be cut */
	bool cut_before;     /* and do not keep the message */
	bool no_uids;	     /* no APPENDUID */
	bool own_date;	     /* the server takes the time of now, whatever the client says */
	int change;	     /* what is kept: 1 with CRLF line ends, 2 with another last octet */
	const char *refuse;  /* messages with this text: NO */
	const char *hang_up; /* messages with this text: always hang up */
	unsigned late_ms;    /* what comes with a cut is kept so much later */
	struct sync_interrupt *stop; /* a signal comes with the cut */
	unsigned created;
	char *late; /* the arguments of the APPEND that is late */
	int64_t late_at;
};

static const char *skip_list(const char *p, char *out, size_t size)
{
	*out = '\0';
	if (*p != '(')
		return p;
	size_t n = strcspn(p + 1, ")");
	snprintf(out, size, "%.*s", (int)n, p + 1);
	return p + n + 3;
}

static const char *skip_date(const char *p, char *out, size_t size)
{
	*out = '\0';
	if (*p != '"')
		return p;
	size_t n = strcspn(p + 1, "\"");
	snprintf(out, size, "%.*s", (int)n, p + 1);
	return p + n + 3;
}

/* What the server makes of a message. */
static size_t keep(const struct upload_faults *f, const char *p, size_t n, char out[2000])
{
	size_t k = 0;
	for (size_t i = 0; i < n && k + 2 < 2000; i++) {
		if (f->change == 1 && p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			out[k++] = '\r';
		out[k++] = p[i];
	}
	if (f->change == 2)
		out[k - 1] = '!';
	return k;
}

/* The messages of an APPEND go into their mailbox. */
static void take(struct upload_faults *f, const char *p, char uids[2000])
{
	char box[100], flags[200], date[40];
	size_t n = strcspn(p, " ");
	snprintf(box, sizeof box, "%.*s", (int)n, p);
	*uids = '\0';
	for (p += n; *p == ' ';) {
		p = skip_date(skip_list(p + 1, flags, sizeof flags), date, sizeof date);
		char *end;
		size_t size = strtoul(p + 1, &end, 10);
		p = strchr(end, '\n') + 1;
		char kept[2000];
		size_t n_kept = keep(f, p, size, kept);
		uint32_t uid = model_add(f->m, box, kept, n_kept, flags,
			f->own_date	  ? " 9-Sep-2029 09:09:09 +0000"
				: date[0] ? date
					  : NULL);
		size_t at = strlen(uids);
		snprintf(uids + at, 2000 - at, "%s%u", at > 0 ? "," : "", (unsigned)uid);
		p += size;
	}
}

static void take_late(struct upload_faults *f)
{
	char uids[2000];
	if (f->late == NULL || clock_now(clock_monotonic()) < f->late_at)
		return;
	take(f, f->late, uids);
	free(f->late);
	f->late = NULL;
}

static void stop(struct sync_interrupt *i)
{
	i->signal = SIGTERM;
	sync_interrupt_wake(i);
}

static int append(struct upload_faults *f, struct fake_conn *c, const char *tag, const char *p)
{
	char uids[2000] = "";
	bool refuse = f->refuse != NULL && strstr(p, f->refuse) != NULL;
	bool cut = ++f->appends == f->cut_at && f->cut_times > 0;
	if (f->hang_up != NULL && strstr(p, f->hang_up) != NULL)
		return -1;
	if (cut && f->late_ms > 0) {
		f->late = strdup(p);
		f->late_at = clock_now(clock_monotonic()) + f->late_ms;
	} else if (!refuse && !(cut && f->cut_before)) {
		take(f, p, uids);
	}
	if (cut) {
		f->cut_times--;
		f->appends = 0;
		if (f->stop != NULL)
			stop(f->stop);
		return -1;
	}
	if (refuse)
		fake_sendf(c, "%s NO [LIMIT] this one is refused\r\n", tag);
	else if (f->no_uids)
		fake_sendf(c, "%s OK done\r\n", tag);
	else
		fake_sendf(c, "%s OK [APPENDUID 7 %s] done\r\n", tag, uids);
	return 1;
}

static int hook(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	struct upload_faults *f = ctx;
	take_late(f);
	if (strcmp(verb, "APPEND") == 0)
		return append(f, c, tag, arguments + strspn(arguments, " "));
	if (strcmp(verb, "CREATE") != 0 && strcmp(verb, "SUBSCRIBE") != 0)
		return 0;
	if (strcmp(verb, "CREATE") == 0) {
		char name[100];
		snprintf(name, sizeof name, "%.*s", (int)strcspn(arguments, "\r"), arguments);
		model_mailbox(f->m, name + strspn(name, " "), 7);
		f->created++;
	}
	fake_sendf(c, "%s OK done\r\n", tag);
	return 1;
}

static bool rig_filled(struct sync_rig *r, const char *more_capabilities)
{
	char caps[500];
	if (!rig_start(r))
		return false;
	snprintf(caps, sizeof caps, "%s%s", MODEL_CAPABILITIES, more_capabilities);
	model_capabilities(r->m, caps);
	model_mailbox(r->m, "INBOX", 7);
	(void)model_add_many(r->m, "INBOX", MESSAGES, 300);
	if (rig_backup(r) != 0)
		return false;
	/* All is lost. */
	for (uint32_t uid = 1; uid <= MESSAGES; uid++)
		model_expunge(r->m, "INBOX", uid);
	return true;
}

static int restore(
	struct sync_rig *r, struct upload_faults *f, bool verify, struct restore_report *report)
{
	struct selection sel;
	selection_init(&sel);
	f->m = r->m;
	const struct model_faults faults = {.hook = hook, .hook_ctx = f};
	model_faults(r->m, &faults);
	const struct restore_options o = {
		.select = &sel, .verify = verify, .settle_ms = f->late_ms > 0 ? 3 * f->late_ms : 1};
	err_clear(&r->err);
	buf_clear(&r->notes);
	int rc = sync_restore(r->path, &r->account, &o, &r->hooks, report, &r->err);
	selection_release(&sel);
	return rc;
}

/* Each message once: how many are there, and how many of them are equal to another one. */
static size_t twins(struct sync_rig *r, const char *box)
{
	size_t n = model_count_messages(r->m, box), same = 0;
	unsigned char *body[64];
	size_t size[64];
	uint32_t uid;
	cr_assert_leq(n, (size_t)64);
	for (size_t i = 0; i < n; i++) {
		body[i] = model_message(r->m, box, i, &size[i], &uid);
		for (size_t k = 0; k < i; k++)
			same += size[k] == size[i] && memcmp(body[k], body[i], size[i]) == 0;
	}
	for (size_t i = 0; i < n; i++)
		free(body[i]);
	return same;
}

static const char *const capability[] = {"", " MULTIAPPEND", " UIDPLUS", " UIDPLUS MULTIAPPEND"};

Test(restore, a_second_restore_adds_nothing)
{
	for (size_t i = 0; i < 4; i++)
		for (int no_uids = 0; no_uids < 2; no_uids++) {
			struct sync_rig r;
			struct restore_report report;
			struct upload_faults f = {.no_uids = no_uids};
			cr_assert(rig_filled(&r, capability[i]), "%s", r.err.text);
			uint64_t tree = rig_tree_state(&r);
			cr_assert_eq(restore(&r, &f, true, &report), 0, "%s", r.err.text);
			cr_expect_eq(report.restored, MESSAGES, "%s", capability[i]);
			cr_expect_eq(report.identical, MESSAGES, "%s: %s", capability[i],
				buf_str(&r.notes));
			cr_expect_eq(report.problems, (size_t)0, "%s", buf_str(&r.notes));
			model_counts_reset(r.m);
			for (int again = 0; again < 2; again++) {
				cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
				cr_expect_eq(report.restored, 0u, "%s", capability[i]);
				cr_expect_eq(report.present, MESSAGES, "%s", capability[i]);
			}
			cr_expect_eq(model_count_messages(r.m, "INBOX"), (size_t)MESSAGES);
			cr_expect_eq(tree, rig_tree_state(&r), "the archive's files changed");
			cr_expect_eq(model_headers(r.m), 0u, "the journal knows them by UID");
			rig_end(&r);
		}
}

Test(restore, an_upload_without_an_answer_is_resolved_by_looking, .timeout = 120)
{
	for (size_t i = 0; i < 4; i++)
		for (unsigned at = 1; at <= MESSAGES; at += i % 2 == 0 ? 4 : MESSAGES)
			for (int kind = 0; kind < 4; kind++) {
				struct sync_rig r;
				struct restore_report report;
				struct upload_faults f = {.cut_at = at,
					.cut_times = 1,
					.cut_before = kind & 1,
					.no_uids = kind & 2};
				cr_assert(rig_filled(&r, capability[i]), "%s", r.err.text);
				cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
				cr_expect_eq(model_count_messages(r.m, "INBOX"), (size_t)MESSAGES,
					"%s, cut at %u, kind %d: %zu messages", capability[i], at,
					kind, model_count_messages(r.m, "INBOX"));
				cr_expect_eq(twins(&r, "INBOX"), (size_t)0);
				cr_expect_eq(f.cut_times, 0u);
				rig_end(&r);
			}
}

/* The server has all of it when the connection is lost, but works on it still: the same run, and the next one, look too
 * early if they look at once. */
Test(restore, an_upload_that_arrives_late_is_waited_for, .timeout = 60)
{
	for (size_t i = 0; i < 4; i++)
		for (int killed = 0; killed < 2; killed++) {
			struct sync_rig r;
			struct restore_report report;
			struct upload_faults f = {.cut_at = 1, .cut_times = 1, .late_ms = 150};
			cr_assert(rig_filled(&r, capability[i]), "%s", r.err.text);
			f.stop = killed ? &r.interrupt : NULL;
			cr_assert_eq(restore(&r, &f, false, &report), -killed, "%s", r.err.text);
			r.interrupt.signal = 0;
			if (killed)
				cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
			cr_expect_null(f.late);
			cr_expect_gt(report.present, 0u);
			cr_expect_eq(model_count_messages(r.m, "INBOX"), (size_t)MESSAGES,
				"%s, killed %d: %zu messages", capability[i], killed,
				model_count_messages(r.m, "INBOX"));
			cr_expect_eq(twins(&r, "INBOX"), (size_t)0);
			rig_end(&r);
		}
}

/* Then neither size and date nor anything else but the journal tells. */
Test(restore, a_server_that_changes_dates_gets_nothing_twice)
{
	for (size_t i = 0; i < 4; i++)
		for (unsigned at = 0; at <= 1; at++)
			for (int no_uids = 0; no_uids < 2; no_uids++) {
				struct sync_rig r;
				struct restore_report report;
				struct upload_faults f = {.cut_at = at,
					.cut_times = at,
					.no_uids = no_uids,
					.own_date = true};
				cr_assert(rig_filled(&r, capability[i]), "%s", r.err.text);
				for (int again = 0; again < 3; again++)
					cr_assert_eq(restore(&r, &f, false, &report), 0, "%s",
						r.err.text);
				cr_expect_eq(report.present, MESSAGES, "%s", capability[i]);
				cr_expect_eq(model_count_messages(r.m, "INBOX"), (size_t)MESSAGES,
					"%s, cut %u, no UIDs %d: %zu", capability[i], at, no_uids,
					model_count_messages(r.m, "INBOX"));
				rig_end(&r);
			}
}

Test(restore, reading_back_tells_what_a_server_normalised_from_what_it_spoilt)
{
	static const char text[] = "Subject: a\r\n\r\nbare\nend\r\n";
	for (int change = 0; change <= 2; change++) {
		struct sync_rig r;
		struct restore_report report;
		struct upload_faults f = {.change = change};
		cr_assert(rig_start(&r));
		model_mailbox(r.m, "INBOX", 7);
		(void)model_add(r.m, "INBOX", text, sizeof text - 1, "\\Seen", NULL);
		cr_assert_eq(rig_backup(&r), 0, "%s", r.err.text);
		model_expunge(r.m, "INBOX", 1);
		cr_assert_eq(restore(&r, &f, true, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.identical, change == 0, "%d", change);
		cr_expect_eq(report.normalised, change == 1, "%d", change);
		cr_expect_eq(report.different, change == 2, "%d", change);
		cr_expect_eq(report.problems, change == 2, "%d", change);
		/* What is there is read back by the next run, too; its flags may be somebody's work. */
		model_flags(r.m, "INBOX", 2, "\\Flagged");
		cr_assert_eq(restore(&r, &f, true, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.restored + report.refused, 0u, "%d", change);
		cr_expect_eq(report.present, 1u, "%d", change);
		cr_expect_eq(report.identical, change == 0, "%d", change);
		cr_expect_eq(report.normalised, change == 1, "%d", change);
		cr_expect_eq(report.different, change == 2, "%d", change);
		cr_expect_eq(report.problems, change == 2, "%s", buf_str(&r.notes));
		rig_end(&r);
	}
}

Test(restore, two_equal_messages_are_restored_as_two)
{
	static const char text[] = "Subject: twin\r\n\r\nx\r\n";
	for (unsigned left = 0; left <= 3; left++) {
		struct sync_rig r;
		struct restore_report report;
		struct upload_faults f = {.no_uids = true};
		cr_assert(rig_start(&r));
		model_mailbox(r.m, "INBOX", 7);
		for (int k = 0; k < 3; k++)
			(void)model_add(r.m, "INBOX", text, sizeof text - 1, "", NULL);
		cr_assert_eq(rig_backup(&r), 0, "%s", r.err.text);
		for (uint32_t uid = 1; uid <= 3 - left; uid++)
			model_expunge(r.m, "INBOX", uid);
		cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.restored, 3 - left);
		cr_expect_eq(report.present, left);
		cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.present, 3u);
		cr_expect_eq(model_count_messages(r.m, "INBOX"), (size_t)3);
		/* One of them is lost again: the others do not stand for it. */
		uint32_t uid;
		size_t n;
		free(model_message(r.m, "INBOX", 2, &n, &uid));
		model_expunge(r.m, "INBOX", uid);
		cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.restored, 1u, "%u left", left);
		rig_end(&r);
	}
}

Test(restore, a_refused_message_is_named_and_the_rest_goes_on)
{
	for (size_t i = 0; i < 4; i++) {
		struct sync_rig r;
		struct restore_report report;
		struct upload_faults f = {.refuse = "Bad: taste"};
		cr_assert(rig_start(&r));
		char caps[500];
		snprintf(caps, sizeof caps, "%s%s", MODEL_CAPABILITIES, capability[i]);
		model_capabilities(r.m, caps);
		model_mailbox(r.m, "INBOX", 7);
		for (int k = 0; k < 5; k++) {
			char text[60];
			int n = snprintf(text, sizeof text, "Number: %d%s\r\n\r\nx\r\n", k,
				k == 3 ? "\r\nBad: taste" : "");
			(void)model_add(r.m, "INBOX", text, (size_t)n, "", NULL);
		}
		cr_assert_eq(rig_backup(&r), 0, "%s", r.err.text);
		for (uint32_t uid = 1; uid <= 5; uid++)
			model_expunge(r.m, "INBOX", uid);
		cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.restored, 4u, "%s: %s", capability[i], buf_str(&r.notes));
		cr_expect_eq(report.refused, 1u);
		cr_expect(rig_noted(&r, "problem: INBOX: UID 4: "), "%s", buf_str(&r.notes));
		cr_expect(rig_noted(&r, "this one is refused"), "%s", buf_str(&r.notes));
		/* Next time the server may be in a better mood. */
		f.refuse = NULL;
		cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
		cr_expect_eq(report.restored, 1u);
		cr_expect_eq(report.present, 4u);
		cr_expect_eq(twins(&r, "INBOX"), (size_t)0);
		rig_end(&r);
	}
}

Test(restore, a_message_that_ends_every_connection_is_given_up)
{
	struct sync_rig r;
	struct restore_report report;
	struct upload_faults f = {.hang_up = "poison"};
	cr_assert(rig_start(&r));
	model_mailbox(r.m, "INBOX", 7);
	(void)model_add_many(r.m, "INBOX", 3, 200);
	(void)model_add(r.m, "INBOX", "A: poison\r\n\r\n", 13, "", NULL);
	(void)model_add(r.m, "INBOX", "A: last\r\n\r\n", 11, "", NULL);
	cr_assert_eq(rig_backup(&r), 0, "%s", r.err.text);
	for (uint32_t uid = 1; uid <= 5; uid++)
		model_expunge(r.m, "INBOX", uid);
	cr_assert_eq(restore(&r, &f, false, &report), 0, "%s", r.err.text);
	cr_expect_eq(report.refused, 1u, "%s", buf_str(&r.notes));
	cr_expect_eq(model_count_messages(r.m, "INBOX"), (size_t)4, "%s", buf_str(&r.notes));
	cr_expect_eq(twins(&r, "INBOX"), (size_t)0);
	rig_end(&r);
}

Test(restore, a_folder_is_made_with_its_parents)
{
	struct sync_rig r;
	struct restore_report report;
	struct upload_faults f = {.m = NULL};
	cr_assert(rig_start(&r));
	model_mailbox(r.m, "INBOX", 7);
	model_mailbox(r.m, "Work", 7);
	model_mailbox(r.m, "Work/2016", 7);
	(void)model_add_many(r.m, "Work/2016", 2, 200);
	cr_assert_eq(rig_backup(&r), 0, "%s", r.err.text);
	struct selection sel;
	selection_init(&sel);
	f.m = r.m;
	const struct model_faults faults = {.hook = hook, .hook_ctx = &f};
	model_faults(r.m, &faults);
	const struct restore_map map = {"Work", "Old/Jobs"};
	struct restore_options o = {
		.select = &sel, .map = &map, .nmap = 1, .dry_run = true, .settle_ms = 1};
	cr_assert_eq(sync_restore(r.path, &r.account, &o, &r.hooks, &report, &r.err), 0, "%s",
		r.err.text);
	cr_expect_eq(f.created, 0u);
	cr_expect_eq(report.restored, 2u);
	cr_expect_eq(model_commands(r.m, "SELECT"), 0u);
	o.dry_run = false;
	cr_assert_eq(sync_restore(r.path, &r.account, &o, &r.hooks, &report, &r.err), 0, "%s",
		r.err.text);
	cr_expect_eq(f.created, 2u, "Old/Jobs, Old/Jobs/2016: Old is not a folder of its own");
	cr_expect_eq(model_count_messages(r.m, "Old/Jobs/2016"), (size_t)2);
	selection_release(&sel);
	rig_end(&r);
}

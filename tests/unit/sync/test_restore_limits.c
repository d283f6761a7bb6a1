/* SPDX-License-Identifier: MIT */
/* test_restore_limits.c -- flags that a server cannot keep (PERMANENTFLAGS), messages that it does not take (APPENDLIMIT). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/restore.h"
#include "tests/support/sync_rig.h"
#include "tests/support/upload_hook.h"

#define LIMIT 400

struct trial {
	struct sync_rig rig;
	struct upload_hook hook;
	struct restore_report report;
};

static void start(struct trial *t, const char *more_capabilities)
{
	char caps[500];
	memset(t, 0, sizeof *t);
	cr_assert(rig_start(&t->rig));
	snprintf(caps, sizeof caps, "%s UIDPLUS%s", MODEL_CAPABILITIES, more_capabilities);
	model_capabilities(t->rig.m, caps);
	model_mailbox(t->rig.m, "INBOX", 7);
	upload_hook_init(&t->hook, t->rig.m);
}

/* What is on the server is backed up and lost. */
static void lose_all(struct trial *t)
{
	size_t n = model_count_messages(t->rig.m, "INBOX");
	cr_assert_eq(rig_backup(&t->rig), 0, "%s", t->rig.err.text);
	for (uint32_t uid = 1; uid <= n; uid++)
		model_expunge(t->rig.m, "INBOX", uid);
}

static int restore_as_of(struct trial *t, int64_t as_of)
{
	struct sync_rig *r = &t->rig;
	struct selection all;
	selection_init(&all);
	all.has_as_of = as_of > 0;
	all.as_of = as_of;
	const struct restore_options o = {.select = &all, .verify = true, .settle_ms = 1};
	upload_hook_set(&t->hook);
	err_clear(&r->err);
	buf_clear(&r->notes);
	int rc = sync_restore(r->path, &r->account, &o, &r->hooks, &t->report, &r->err);
	selection_release(&all);
	return rc;
}

static int restore(struct trial *t)
{
	return restore_as_of(t, 0);
}

/* ---- PERMANENTFLAGS (RFC 9051 section 7.1) --------------------------------------------------------- */

Test(restore_limits, only_flags_that_the_server_keeps_are_sent)
{
	static const struct {
		const char *permanent, *flags, *sent;
		const char *lost; /* NULL: none */
	} rows[] = {
		{"\\Seen \\Flagged", "\\Seen", "\\Seen", NULL},
		{"\\Seen \\Flagged", "\\Answered \\Seen work", "\\Seen", "\\Answered work"},
		{"\\seen", "\\Seen", "\\Seen", NULL},
		{"\\Seen work", "\\Seen Work", "\\Seen Work", NULL},
		{"\\Seen work", "\\Seen works", "\\Seen", "works"},
		{"\\Seen \\*", "\\Seen any $Forwarded", "\\Seen $Forwarded any", NULL},
		/* "\*" is about keywords only. */
		{"\\Seen \\*", "\\Answered any", "any", "\\Answered"},
		{"\\Answered", "\\Seen work", "", "\\Seen work"},
		{"\\Answered", "", "", NULL},
		/* An empty list says that none is kept, no list that all are. */
		{"", "\\Seen work", "", "\\Seen work"},
		{NULL, "\\Seen work", "\\Seen work", NULL},
		/* APPEND's grammar has no place for these, whatever the server keeps. */
		{NULL, "\\Seen a]b good", "\\Seen good", "a]b"},
		{"\\Seen \\*", "\\Seen [x] %y z*", "\\Seen", "%y [x] z*"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct trial t;
		start(&t, "");
		(void)model_add(t.rig.m, "INBOX", "A: b\r\n\r\nx\r\n", 11, rows[i].flags, NULL);
		lose_all(&t);
		t.hook.permanent_flags = rows[i].permanent;
		cr_assert_eq(restore(&t), 0, "row %zu: %s", i, t.rig.err.text);
		cr_expect_eq(t.report.restored, 1u, "row %zu", i);
		cr_expect_str_eq(t.hook.flags, rows[i].sent, "row %zu: %s", i, t.hook.flags);
		char said[200] = "warning: ";
		if (rows[i].lost != NULL)
			snprintf(said, sizeof said,
				"warning: INBOX: 1 message restored without flags that the server "
				"cannot keep: %s\n",
				rows[i].lost);
		cr_expect_eq(t.report.flags_dropped, rows[i].lost != NULL, "row %zu", i);
		cr_expect_eq(rig_noted(&t.rig, said), rows[i].lost != NULL, "row %zu: %s", i,
			buf_str(&t.rig.notes));
		/* What could not be kept is counted, and is no difference. */
		cr_expect_eq(t.report.identical, 1u, "row %zu: %s", i, buf_str(&t.rig.notes));
		cr_expect_eq(t.report.problems, (size_t)0, "row %zu", i);
		rig_end(&t.rig);
	}
}

/* The model does not know STORE. */
Test(restore_limits, flags_of_then_that_the_server_does_not_set_are_told_and_the_rest_goes_on)
{
	for (int flags = 0; flags < 2; flags++) {
		struct trial t;
		start(&t, "");
		for (int i = 0; i < 3; i++)
			(void)model_add(t.rig.m, "INBOX",
				i == 1 ? "B: b\r\n\r\ny\r\n" : "A: b\r\n\r\nx\r\n", 11, "\\Seen",
				NULL);
		cr_assert_eq(rig_backup(&t.rig), 0, "%s", t.rig.err.text);
		model_flags(t.rig.m, "INBOX", 2, flags ? "\\Flagged" : "\\Seen \\Recent");
		model_expunge(t.rig.m, "INBOX", 3);
		cr_assert_eq(restore_as_of(&t, INT64_MAX), 0, "%s", t.rig.err.text);
		cr_expect_eq(t.report.restored, 1u, "%s", buf_str(&t.rig.notes));
		cr_expect_eq(t.report.flags_set, 0u);
		cr_expect_eq(t.report.problems, (size_t)flags, "%s", buf_str(&t.rig.notes));
		cr_expect_eq(
			rig_noted(&t.rig, "problem: INBOX: the flags of 1 message were not set: "),
			flags, "%s", buf_str(&t.rig.notes));
		rig_end(&t.rig);
	}
}

/* ---- APPENDLIMIT (RFC 7889) ------------------------------------------------------------------------ */

/* Messages of LIMIT - 1, LIMIT and LIMIT + 1 octets. */
static void add_three(struct trial *t)
{
	char text[LIMIT + 2];
	for (size_t n = LIMIT - 1; n <= LIMIT + 1; n++) {
		memset(text, 'x', n);
		memcpy(text, "Subject: a\r\n\r\n", 14);
		memcpy(text + n - 2, "\r\n", 2);
		(void)model_add(t->rig.m, "INBOX", text, n, "", NULL);
	}
}

Test(restore_limits, what_is_too_large_is_named_and_never_sent)
{
	static const struct {
		const char *capability, *status;
		unsigned sent;
	} rows[] = {
		{"", NULL, 3},
		{" APPENDLIMIT=400", NULL, 2},
		{" APPENDLIMIT=399", NULL, 1},
		{" APPENDLIMIT=4294967295", NULL, 3},
		{" APPENDLIMIT=0", NULL, 0},
		/* Without a number it is the mailbox's, or none (section 3.2). */
		{" APPENDLIMIT", "400", 2},
		{" APPENDLIMIT", "NIL", 3},
		{" APPENDLIMIT", "0", 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct trial t;
		start(&t, rows[i].capability);
		add_three(&t);
		lose_all(&t);
		t.hook.append_limit = rows[i].status;
		cr_assert_eq(restore(&t), 0, "row %zu: %s", i, t.rig.err.text);
		cr_expect_eq(t.report.restored, rows[i].sent, "row %zu: %u", i,
			(unsigned)t.report.restored);
		cr_expect_eq(t.report.refused, 3 - rows[i].sent, "row %zu", i);
		cr_expect_eq(t.hook.appends, rows[i].sent, "row %zu: the others never leave", i);
		cr_expect_eq(t.report.problems, (size_t)(3 - rows[i].sent), "row %zu", i);
		cr_expect_eq(
			rig_noted(&t.rig, "problem: INBOX: UID 3: is larger than the server takes"),
			rows[i].sent < 3, "row %zu: %s", i, buf_str(&t.rig.notes));
		rig_end(&t.rig);
	}
}

Test(restore_limits, a_mailbox_that_does_not_tell_its_limit_has_none)
{
	struct trial t;
	start(&t, " APPENDLIMIT");
	add_three(&t);
	lose_all(&t);
	/* The model does not know the word, and answers BAD or leaves it out. */
	cr_assert_eq(restore(&t), 0, "%s", t.rig.err.text);
	cr_expect_eq(t.report.restored, 3u, "%s", buf_str(&t.rig.notes));
	rig_end(&t.rig);
}

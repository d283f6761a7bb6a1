/* SPDX-License-Identifier: MIT */
/* Messages that the archive has under another name already: known by the server's ids, linked, and not fetched. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/sync_rig.h"

#define GMAIL                                                                                                       \
	"IMAP4rev1 SASL-IR AUTH=PLAIN ID NAMESPACE ENABLE UNSELECT CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE " \
	"ESEARCH CONDSTORE X-GM-EXT-1"

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

TestSuite(known, .init = start, .fini = stop);

static void expect_ok(const char *what)
{
	model_counts_reset(rig.m);
	rig_backup(&rig);
	cr_expect(
		rig_ok(&rig), "%s: rc %d, %s\n%s", what, rig.rc, rig.err.text, buf_str(&rig.notes));
	cr_expect_not(model_was_touched(rig.m), "%s: the server was changed", what);
	cr_expect_eq(model_commands(rig.m, "BAD"), 0, "%s", what);
}

static void expect_same(const char *mailbox)
{
	cr_expect(rig_same(&rig, mailbox, why, sizeof why), "%s", why);
	cr_expect(rig_sound(&rig, mailbox, why, sizeof why), "%s", why);
}

static void expect_fetched(unsigned bodies, uint64_t linked, const char *what)
{
	cr_expect_eq(model_bodies(rig.m), bodies, "%s: %u bodies", what, model_bodies(rig.m));
	cr_expect_eq(rig.report.messages_new, bodies, "%s", what);
	cr_expect_eq(rig.report.messages_linked, linked, "%s: %llu linked", what,
		(unsigned long long)rig.report.messages_linked);
}

static size_t linked_files;

static int count_linked(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)at;
	if (kind == FTW_F && strstr(path, "/cur/") != NULL && st->st_nlink > 1)
		linked_files++;
	return 0;
}

static size_t count_files_with_two_names(void)
{
	linked_files = 0;
	cr_assert_eq(nftw(rig.path, count_linked, 16, FTW_PHYS), 0);
	return linked_files;
}

static void copy_all(const char *from, uint32_t first, uint32_t last, const char *to)
{
	for (uint32_t uid = first; uid <= last; uid++)
		model_copy(rig.m, from, uid, to);
}

static void move_all(const char *from, uint32_t first, uint32_t last, const char *to)
{
	copy_all(from, first, last, to);
	for (uint32_t uid = first; uid <= last; uid++)
		model_expunge(rig.m, from, uid);
}

/* What every server with ids must come to, whatever it calls them. */
static void moved_messages_are_linked(const char *capabilities)
{
	model_capabilities(rig.m, capabilities);
	model_mailbox(rig.m, "INBOX", 1);
	model_mailbox(rig.m, "Work", 2);
	model_add_many(rig.m, "INBOX", 20, 300);
	model_add_many(rig.m, "Work", 3, 300);
	expect_ok("first");
	expect_fetched(23, 0, "first");
	move_all("INBOX", 1, 10, "Work");
	model_add_many(rig.m, "Work", 2, 300);
	model_flags(rig.m, "Work", 7, "\\Flagged");
	expect_ok("second");
	expect_fetched(2 + 1, 9, "second: new ones, and the sample");
	expect_same("INBOX");
	expect_same("Work");
	cr_expect_eq(count_files_with_two_names(), 9 * 2);
	cr_expect_str_eq(rig_flags(&rig, "Work", 7, text, sizeof text), "\\Flagged");
	cr_expect_eq(rig_files(&rig), 23 + 12);
	expect_ok("third");
	expect_fetched(0, 0, "third");
}

Test(known, moved_messages_are_linked_by_emailid)
{
	moved_messages_are_linked(MODEL_CAPABILITIES);
}

Test(known, moved_messages_are_linked_by_gmails_number)
{
	moved_messages_are_linked(GMAIL);
}

Test(known, moved_messages_are_linked_without_condstore)
{
	/* Then a mailbox that was complete is listed without ids, but a new one is not. */
	model_capabilities(rig.m, "IMAP4rev1 LIST-EXTENDED LIST-STATUS OBJECTID");
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 20, 300);
	expect_ok("first");
	model_mailbox(rig.m, "New", 2);
	move_all("INBOX", 1, 10, "New");
	expect_ok("second");
	expect_fetched(1, 9, "second");
	expect_same("INBOX");
	expect_same("New");
}

Test(known, once_proved_ids_need_no_more_samples)
{
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 30, 300);
	expect_ok("first");
	model_mailbox(rig.m, "A", 2);
	model_mailbox(rig.m, "B", 3);
	copy_all("INBOX", 1, 10, "A");
	copy_all("INBOX", 11, 30, "B");
	expect_ok("second");
	expect_fetched(1, 29, "second");
	expect_same("A");
	expect_same("B");
}

Test(known, a_message_with_labels_is_fetched_once_from_where_all_are)
{
	model_capabilities(rig.m, GMAIL);
	model_mailbox(rig.m, "INBOX", 1);
	model_mailbox(rig.m, "Label", 2);
	model_mailbox(rig.m, "[Gmail]/Everything", 3);
	model_mailbox(rig.m, "[Gmail]/Spam", 4);
	model_attributes(rig.m, "[Gmail]/Everything", "\\All \\HasNoChildren");
	model_attributes(rig.m, "[Gmail]/Spam", "\\HasNoChildren \\Junk");
	model_add_many(rig.m, "[Gmail]/Everything", 40, 400);
	model_add_many(rig.m, "[Gmail]/Spam", 4, 400);
	copy_all("[Gmail]/Everything", 1, 25, "INBOX");
	copy_all("[Gmail]/Everything", 20, 40, "Label");
	expect_ok("first");
	expect_fetched(44 + 1, 25 + 21 - 1, "first");
	expect_same("INBOX");
	expect_same("Label");
	expect_same("[Gmail]/Everything");
	expect_same("[Gmail]/Spam");
	expect_ok("second");
	expect_fetched(0, 0, "second");
}

Test(known, mailboxes_behind_one_another_with_new_mail_among_what_is_known)
{
	char name[8];
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 60, 300);
	expect_ok("first");
	for (uint32_t i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "F%02u", i);
		model_mailbox(rig.m, name, 10 + i);
		copy_all("INBOX", 5 * i + 1, 5 * i + 5, name);
		if (i % 3 == 2)
			model_add_many(rig.m, name, 2, 300);
	}
	expect_ok("second");
	expect_fetched(1 + 8, 59, "second");
	/* One that has new mail is opened again when the next one was opened behind it already. */
	cr_expect_leq(model_commands(rig.m, "EXAMINE"), 12 + 4, "%u opened",
		model_commands(rig.m, "EXAMINE"));
	for (uint32_t i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "F%02u", i);
		expect_same(name);
	}
	expect_ok("third");
	cr_expect_eq(model_commands(rig.m, "EXAMINE"), 0);
}

static char opened[500];

static int note_opened(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	size_t n = strlen(opened);
	(void)ctx, (void)c, (void)tag;
	if (strcmp(verb, "EXAMINE") == 0)
		snprintf(opened + n, sizeof opened - n, "%.*s", (int)strcspn(arguments, "("),
			arguments);
	return 0;
}

static void expect_order(const char *want)
{
	struct model_faults f = {.hook = note_opened};
	opened[0] = '\0';
	model_faults(rig.m, &f);
	rig.options.audit = true;
	expect_ok(want);
	cr_expect_str_eq(opened, want);
}

Test(known, the_mailbox_that_has_all_comes_first_where_messages_have_ids)
{
	model_mailbox(rig.m, "INBOX", 1);
	model_mailbox(rig.m, "A", 2);
	model_mailbox(rig.m, "Bin", 3);
	model_mailbox(rig.m, "Spam", 4);
	model_mailbox(rig.m, "Whole", 5);
	model_attributes(rig.m, "Bin", "\\Trash");
	model_attributes(rig.m, "Spam", "\\junk");
	expect_order(" INBOX  A  Bin  Spam  Whole ");
	model_attributes(rig.m, "Whole", "\\All");
	expect_order(" Whole  Spam  Bin  INBOX  A ");
	model_capabilities(rig.m, "IMAP4rev1 LIST-EXTENDED LIST-STATUS CONDSTORE");
	expect_order(" INBOX  A  Bin  Spam  Whole ");
}

Test(known, a_sample_that_does_not_come_proves_nothing)
{
	struct model_faults f = {.poison = {{"Work", 1, MODEL_NO, 0}}};
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 10, 300);
	expect_ok("first");
	model_mailbox(rig.m, "Work", 2);
	copy_all("INBOX", 1, 10, "Work");
	model_faults(rig.m, &f);
	rig_backup(&rig);
	cr_expect_eq(rig.report.messages_failed, 1, "%s", buf_str(&rig.notes));
	cr_expect_eq(rig.report.messages_new, 9);
	cr_expect_eq(rig.report.messages_linked, 0);
	model_faults(rig.m, NULL);
	expect_ok("third");
	expect_same("Work");
}

Test(known, an_id_with_two_contents_is_caught_by_the_sample)
{
	static const char date[] = " 1-Jan-2020 10:00:00 +0100";
	char m[100];
	model_mailbox(rig.m, "INBOX", 1);
	for (int i = 0; i < 10; i++) {
		int n = snprintf(m, sizeof m, "Subject: %d\r\n\r\n1\r\n", i);
		model_add(rig.m, "INBOX", m, (size_t)n, "", date);
	}
	expect_ok("first");
	model_mailbox(rig.m, "Work", 2);
	for (uint32_t i = 0; i < 10; i++) {
		int n = snprintf(m, sizeof m, "Subject: %u\r\n\r\n2\r\n", i);
		model_add(rig.m, "Work", m, (size_t)n, "", date);
		model_steal_id(rig.m, "Work", i + 1, "INBOX", i + 1);
	}
	expect_ok("second");
	expect_fetched(10, 0, "second");
	expect_same("Work");
	cr_expect(rig_noted(&rig,
		"warning: Work: the server gives the same id to messages of "
		"different content"));
}

Test(known, an_id_with_two_sizes_is_not_believed)
{
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 10, 300);
	expect_ok("first");
	model_mailbox(rig.m, "Work", 2);
	copy_all("INBOX", 1, 5, "Work");
	/* Each has a size of its own. */
	for (uint32_t uid = 1; uid <= 5; uid++)
		model_steal_id(rig.m, "Work", uid, "INBOX", uid + 5);
	expect_ok("second");
	expect_fetched(5, 0, "second");
	expect_same("Work");
	cr_expect(rig_noted(&rig, "different sizes"));
}

Test(known, another_internaldate_makes_a_file_of_its_own)
{
	static const char body[] = "Subject: a\r\n\r\nb\r\n";
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 3, 300);
	model_add(rig.m, "INBOX", body, sizeof body - 1, "", " 1-Jan-2020 10:00:00 +0100");
	expect_ok("first");
	model_mailbox(rig.m, "Work", 2);
	copy_all("INBOX", 1, 3, "Work");
	model_add(rig.m, "Work", body, sizeof body - 1, "", " 2-Jan-2020 10:00:00 +0100");
	model_steal_id(rig.m, "Work", 4, "INBOX", 4);
	expect_ok("second");
	expect_fetched(2, 2, "second");
	expect_same("Work");
	cr_expect_eq(count_files_with_two_names(), 2 * 2);
}

Test(known, without_the_extension_everything_is_fetched)
{
	static const char *const off[] = {"OBJECTID", NULL};
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 10, 300);
	expect_ok("first");
	model_mailbox(rig.m, "Work", 2);
	copy_all("INBOX", 1, 10, "Work");
	rig.account.disable = off;
	expect_ok("second");
	expect_fetched(10, 0, "second");
	expect_same("Work");
}

static unsigned hang_up_at;

static int hang_up(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	(void)ctx, (void)c, (void)tag, (void)arguments;
	return strcmp(verb, "UID FETCH") == 0 && hang_up_at > 0 && --hang_up_at == 0 ? -1 : 0;
}

static void expect_all_with_one_reconnect(
	const struct model_faults *f, const char *what, unsigned at)
{
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 20, 300);
	expect_ok("first");
	model_mailbox(rig.m, "Work", 2);
	copy_all("INBOX", 1, 20, "Work");
	model_add_many(rig.m, "Work", 2, 300);
	model_faults(rig.m, f);
	model_counts_reset(rig.m);
	hang_up_at = at;
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s %u: %s\n%s", what, at, rig.err.text, buf_str(&rig.notes));
	cr_expect_eq(model_connections(rig.m), 2, "%s %u", what, at);
	expect_same("Work");
	cr_expect_eq(rig_files(&rig), 42, "%s %u", what, at);
}

Test(known, a_lost_connection_loses_nothing)
{
	/* The listing, the sample with what is new, and the ids of those that are held. */
	const struct model_faults f = {.hook = hang_up};
	for (unsigned at = 1; at <= 3; at++) {
		cr_assert(at == 1 || rig_start(&rig));
		expect_all_with_one_reconnect(&f, "hung up at FETCH", at);
		if (at < 3)
			rig_end(&rig);
	}
}

Test(known, nor_does_one_that_is_lost_in_the_middle_of_an_answer)
{
	const unsigned first = 2000, last = 5500;
	for (unsigned at = first; at <= last; at += 250) {
		const struct model_faults f = {.cut_after = at, .cut_connections = 1};
		cr_assert(at == first || rig_start(&rig));
		expect_all_with_one_reconnect(&f, "cut after", at);
		if (at < last)
			rig_end(&rig);
	}
}

Test(known, several_connections)
{
	model_mailbox(rig.m, "INBOX", 1);
	model_add_many(rig.m, "INBOX", 60, 300);
	expect_ok("first");
	for (uint32_t i = 0; i < 6; i++) {
		char name[8];
		snprintf(name, sizeof name, "F%u", i);
		model_mailbox(rig.m, name, 10 + i);
		copy_all("INBOX", 10 * i + 1, 10 * i + 10, name);
	}
	rig.account.connections = 3;
	expect_ok("second");
	/* Each connection may take a sample before the first one is in. */
	cr_expect_leq(model_bodies(rig.m), 3, "%u bodies", model_bodies(rig.m));
	cr_expect_eq(rig.report.messages_linked + model_bodies(rig.m), 60);
	for (uint32_t i = 0; i < 6; i++) {
		char name[8];
		snprintf(name, sizeof name, "F%u", i);
		expect_same(name);
	}
}

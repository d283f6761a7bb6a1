/* SPDX-License-Identifier: MIT */
/* test_store_view.c -- the archive as an earlier run saw it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "tests/support/mail_archive.h"

#define DATE " 1-Mar-2024 10:00:00 +0200"

static bool add(struct mail_archive *a, struct store_generation *g, uint32_t uid, const char *flags)
{
	char text[80];
	int n = snprintf(text, sizeof text, "Subject: %u\r\n\r\nbody %u\r\n", uid, uid);
	return mail_archive_add(a, g, uid, flags, DATE, slice_of(text, (size_t)n));
}

/*
 * Run 1 at 1000: INBOX 1:3, Old 1.        Run 2 at 2000: INBOX 2 gone, 3 flagged, 4 new; Old
 * vanished. Run 3 at 3000: INBOX has UIDVALIDITY 2 with 1; Old is back with 1 seen.
 */
static bool fill(struct mail_archive *a)
{
	struct store_generation *g;
	if (!mail_archive_begin(a) || (g = mail_archive_box(a, "INBOX", 1)) == NULL)
		return false;
	if (!add(a, g, 1, "") || !add(a, g, 2, "\\Seen") || !add(a, g, 3, "work"))
		return false;
	if ((g = mail_archive_box(a, "Old", 7)) == NULL || !add(a, g, 1, ""))
		return false;
	if (!mail_archive_end(a, 1000) || !mail_archive_begin(a))
		return false;
	if ((g = mail_archive_box(a, "INBOX", 1)) == NULL || !add(a, g, 4, "") ||
		!mail_archive_gone(a, g, 2, 2) || !mail_archive_vanish(a, "Old") ||
		store_flags_seen(g, 3, slice_str("\\Flagged work"), &a->e) != 1)
		return false;
	if (!mail_archive_end(a, 2000) || !mail_archive_begin(a))
		return false;
	if ((g = mail_archive_box(a, "INBOX", 2)) == NULL || !add(a, g, 1, ""))
		return false;
	if ((g = mail_archive_box(a, "Old", 7)) == NULL ||
		store_flags_seen(g, 1, slice_str("\\Seen"), &a->e) != 1)
		return false;
	return mail_archive_end(a, 3000) && mail_archive_read(a);
}

/* "1() 2(\Seen) " */
static int write_record(void *ctx, const struct store_record *r)
{
	struct buf *out = ctx;
	buf_addf(out, "%u(%.*s) ", (unsigned)r->uid, (int)r->flags.n,
		r->flags.n > 0 ? (const char *)r->flags.p : "");
	return r->state != STORE_STORED || !r->has_file ? 99 : 0;
}

static int write_generation(void *ctx, int64_t generation, uint32_t uidvalidity)
{
	(void)generation;
	buf_addf(ctx, "%u ", (unsigned)uidvalidity);
	return 0;
}

/* The whole archive in one line: "INBOX/1: 1() 2(\Seen) ; Old/7: ..." */
static bool view(struct mail_archive *a, int64_t run, struct buf *out)
{
	struct store_mailbox_list list = {NULL, 0};
	bool good = store_mailboxes_at(a->s, run, &list, &a->e) == 0;
	for (size_t i = 0; good && i < list.n; i++) {
		const struct store_mailbox *m = &list.at[i];
		buf_addf(out, "%s/%u %u: ", buf_str(&m->wire), (unsigned)m->uidvalidity,
			(unsigned)m->stored);
		good = m->generation == 0 ||
			store_records_at(
				a->s, m->generation, run, NULL, write_record, out, &a->e) == 0;
		buf_add_str(out, "; ");
	}
	store_mailbox_list_release(&list);
	return good;
}

Test(store_view, each_run_is_seen_as_it_was)
{
	static const char *const want[] = {
		"",
		"INBOX/1 3: 1() 2(\\Seen) 3(work) ; Old/7 1: 1() ; ",
		"INBOX/1 3: 1() 3(\\Flagged work) 4() ; ",
		"INBOX/2 1: 1() ; Old/7 1: 1(\\Seen) ; ",
		"INBOX/2 1: 1() ; Old/7 1: 1(\\Seen) ; ",
	};
	struct mail_archive a;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	for (int64_t run = 0; run < 5; run++) {
		struct buf got = BUF_INIT(4096);
		cr_expect(view(&a, run, &got), "run %d: %s", (int)run, a.e.text);
		cr_expect_str_eq(buf_str(&got), want[run], "run %d: %s", (int)run, buf_str(&got));
		buf_release(&got);
	}
	mail_archive_remove(&a);
}

Test(store_view, a_moment_belongs_to_the_run_that_began_before_it)
{
	static const struct {
		int64_t at, run;
	} row[] = {{0, 0}, {1000, 0}, {1001, 1}, {2000, 1}, {2001, 2}, {3000, 2}, {3001, 3},
		{INT64_MAX, 3}, {-5, 0}};
	struct mail_archive a;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int64_t run = -1;
		int found = store_run_at(a.s, row[i].at, &run, &a.e);
		cr_expect_eq(found, row[i].run > 0, "at %d", (int)row[i].at);
		cr_expect_eq(run, row[i].run, "at %d: %d", (int)row[i].at, (int)run);
	}
	mail_archive_remove(&a);
}

Test(store_view, a_run_that_has_not_ended_is_not_looked_at)
{
	struct mail_archive a;
	int64_t run;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	mail_archive_close(&a);
	cr_assert(mail_archive_begin(&a), "%s", a.e.text);
	cr_assert_eq(store_run_id(a.s), 4);
	cr_assert_eq(store_run_at(a.s, INT64_MAX, &run, &a.e), 1);
	cr_assert_eq(run, 3);
	mail_archive_remove(&a);
}

Test(store_view, a_set_of_uids_limits_the_records)
{
	struct mail_archive a;
	struct uidset which = UIDSET_INIT;
	struct buf got = BUF_INIT(4096);
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert_eq(uidset_parse(&which, slice_str("1,3:4"), &a.e), 0);
	/* The first generation is the one of INBOX. */
	cr_assert_eq(store_records_at(a.s, 1, 1, &which, write_record, &got, &a.e), 0);
	cr_assert_str_eq(buf_str(&got), "1() 3(work) ");
	buf_release(&got);
	uidset_release(&which);
	mail_archive_remove(&a);
}

static int stop_at_two(void *ctx, const struct store_record *r)
{
	++*(int *)ctx;
	return r->uid == 2 ? 42 : 0;
}

Test(store_view, the_callback_can_stop)
{
	struct mail_archive a;
	int calls = 0;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert_eq(store_records_at(a.s, 1, 1, NULL, stop_at_two, &calls, &a.e), 42);
	cr_assert_eq(calls, 2);
	mail_archive_remove(&a);
}

Test(store_view, generations_come_in_order_and_content_is_found_where_it_is_stored)
{
	struct mail_archive a;
	struct store_mailbox_list list = {NULL, 0};
	struct buf got = BUF_INIT(4096);
	unsigned char hash[SHA256_LEN];
	static const char text[] = "Subject: 2\r\n\r\nbody 2\r\n";
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert_eq(store_mailboxes(a.s, &list, &a.e), 0);
	cr_assert_eq(store_generations(a.s, list.at[0].id, write_generation, &got, &a.e), 0);
	cr_assert_str_eq(buf_str(&got), "1 2 ");
	struct sha256 *h = sha256_new(&a.e);
	cr_assert_eq(sha256_begin(h, &a.e), 0);
	cr_assert_eq(sha256_add(h, text, sizeof text - 1, &a.e), 0);
	cr_assert_eq(sha256_end(h, hash, &a.e), 0);
	/* Message 2 of the first generation is gone; message 1 has the same text in both, but for
	 * its number. */
	cr_assert_eq(store_has_content(a.s, 1, hash, &a.e), 0);
	static const char one[] = "Subject: 1\r\n\r\nbody 1\r\n";
	cr_assert_eq(sha256_begin(h, &a.e), 0);
	cr_assert_eq(sha256_add(h, one, sizeof one - 1, &a.e), 0);
	cr_assert_eq(sha256_end(h, hash, &a.e), 0);
	cr_assert_eq(store_has_content(a.s, 1, hash, &a.e), 1);
	cr_assert_eq(store_has_content(a.s, list.at[0].generation, hash, &a.e), 1);
	cr_assert_eq(store_has_content(a.s, 999, hash, &a.e), 0);
	sha256_free(h);
	buf_release(&got);
	store_mailbox_list_release(&list);
	mail_archive_remove(&a);
}

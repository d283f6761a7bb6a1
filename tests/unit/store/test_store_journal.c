/* SPDX-License-Identifier: MIT */
/* test_store_journal.c -- the restore journal, and reading messages by pulling. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "tests/support/mail_archive.h"

#define DATE " 1-Mar-2024 10:00:00 +0200"

static bool fill(struct mail_archive *a, struct slice message)
{
	struct store_generation *g;
	return mail_archive_make(a) && mail_archive_begin(a) &&
		(g = mail_archive_box(a, "INBOX", 1)) != NULL &&
		mail_archive_add(a, g, 1, "", DATE, message) &&
		mail_archive_add(a, g, 2, "", DATE, slice_str("Subject: 2\r\n\r\nx\r\n")) &&
		mail_archive_end(a, 1000);
}

static int show_row(void *ctx, const struct store_journal_row *r)
{
	buf_addf(ctx, "%u=%d:%u/%u ", (unsigned)r->uid, (int)r->state, (unsigned)r->uidvalidity,
		(unsigned)r->appended_uid);
	return 0;
}

static const char *journal(struct mail_archive *a, const char *target, const char *box)
{
	static struct buf out;
	buf_release(&out);
	buf_init(&out, 10000);
	struct err e = ERR_INIT;
	if (store_journal_read(a->s, slice_str(target), slice_str(box), show_row, &out, &e) != 0)
		return "error";
	return buf_str(&out);
}

static bool open_for_journal(struct mail_archive *a)
{
	const struct store_options o = {.mode = STORE_WRITE};
	mail_archive_close(a);
	return store_open(&a->s, a->path, &o, &a->e) == 0;
}

Test(store_journal, keeps_one_row_for_each_message_and_target)
{
	struct mail_archive a;
	struct err e = ERR_INIT;
	cr_assert(fill(&a, slice_str("Subject: 1\r\n\r\n")), "%s", a.e.text);
	cr_assert(open_for_journal(&a), "%s", a.e.text);
	int64_t g = mail_archive_generation(&a, "INBOX");
	const struct slice me = slice_str("me@host"), you = slice_str("you@host");
	const struct slice box = slice_str("Sent"), other = slice_str("sent");
	const struct store_journal_row rows[] = {
		{g, 2, STORE_JOURNAL_SENDING, 7, 100},
		{g, 1, STORE_JOURNAL_SENDING, 7, 100},
	};
	const struct store_journal_row done = {g, 1, STORE_JOURNAL_DONE, 7, UINT32_MAX};
	const struct store_journal_row refused = {g, 1, STORE_JOURNAL_REFUSED, 0, 0};
	cr_assert_eq(store_journal_write(a.s, me, box, rows, 2, &e), 0, "%s", e.text);
	cr_expect_str_eq(journal(&a, "me@host", "Sent"), "1=0:7/100 2=0:7/100 ");
	cr_assert_eq(store_journal_write(a.s, me, box, &done, 1, &e), 0);
	cr_assert_eq(store_journal_write(a.s, you, box, &refused, 1, &e), 0);
	cr_assert_eq(store_journal_write(a.s, me, other, &refused, 1, &e), 0);
	/* It is durable: another process reads it. */
	store_close(a.s);
	a.s = NULL;
	cr_assert(mail_archive_read(&a), "%s", a.e.text);
	cr_expect_str_eq(journal(&a, "me@host", "Sent"), "1=1:7/4294967295 2=0:7/100 ");
	cr_expect_str_eq(journal(&a, "you@host", "Sent"), "1=2:0/0 ");
	cr_expect_str_eq(journal(&a, "me@host", "sent"), "1=2:0/0 ");
	cr_expect_str_eq(journal(&a, "me@host", "INBOX"), "");
	mail_archive_remove(&a);
}

Test(store_journal, what_is_noted_lasts_with_the_next_write)
{
	for (int written = 0; written < 2; written++) {
		struct mail_archive a;
		struct err e = ERR_INIT;
		cr_assert(fill(&a, slice_str("Subject: 1\r\n\r\n")), "%s", a.e.text);
		cr_assert(open_for_journal(&a), "%s", a.e.text);
		int64_t g = mail_archive_generation(&a, "INBOX");
		const struct slice me = slice_str("me@host"), box = slice_str("Sent");
		const struct store_journal_row sending = {g, 1, STORE_JOURNAL_SENDING, 7, 100};
		const struct store_journal_row done = {g, 1, STORE_JOURNAL_DONE, 7, 101};
		cr_assert_eq(store_journal_write(a.s, me, box, &sending, 1, &e), 0, "%s", e.text);
		cr_assert_eq(store_journal_note(a.s, me, box, &done, 1, &e), 0, "%s", e.text);
		cr_expect_str_eq(journal(&a, "me@host", "Sent"), "1=1:7/101 ");
		if (written)
			cr_assert_eq(store_journal_write(a.s, me, SLICE_NONE, NULL, 0, &e), 0);
		store_close(a.s);
		a.s = NULL;
		cr_assert(mail_archive_read(&a), "%s", a.e.text);
		cr_expect_str_eq(
			journal(&a, "me@host", "Sent"), written ? "1=1:7/101 " : "1=0:7/100 ");
		mail_archive_remove(&a);
	}
}

Test(store_journal, is_written_only_into_an_archive_that_is_open_for_writing_without_a_run)
{
	struct mail_archive a;
	struct err e = ERR_INIT;
	const struct store_journal_row row = {1, 1, STORE_JOURNAL_DONE, 7, 1};
	cr_assert(fill(&a, slice_str("Subject: 1\r\n\r\n")), "%s", a.e.text);
	cr_assert(mail_archive_read(&a));
	cr_expect_eq(store_journal_write(a.s, slice_str("t"), slice_str("b"), &row, 1, &e), -1);
	cr_expect_eq(e.code, E_STATE);
	mail_archive_close(&a);
	cr_assert(mail_archive_begin(&a), "%s", a.e.text);
	err_clear(&e);
	cr_expect_eq(store_journal_write(a.s, slice_str("t"), slice_str("b"), &row, 1, &e), -1);
	cr_expect_eq(e.code, E_STATE);
	mail_archive_remove(&a);
}

Test(store_journal, a_reader_gives_the_wire_bytes_in_pieces_of_any_size)
{
	static char big[150000]; /* more than a reader holds */
	for (size_t i = 0; i + 1 < sizeof big; i += 2)
		memcpy(big + i, i % 34 == 0 ? "\r\n" : "ab", 2);
	const struct slice text[] = {slice_str("A: b\r\n\r\nc\r\n"), slice_str("A: b\n\nbare\r\n"),
		slice_str("\r\n"), slice_of(big, sizeof big)};
	static const size_t step[] = {1, 2, 7, 4096, 60000};
	for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
		struct mail_archive a;
		struct err e = ERR_INIT;
		cr_assert(fill(&a, text[i]) && mail_archive_read(&a), "%s", a.e.text);
		int64_t g = mail_archive_generation(&a, "INBOX");
		for (size_t k = 0; k < sizeof step / sizeof step[0]; k++) {
			static char piece[60000];
			struct store_reader *r = NULL;
			struct buf got = BUF_INIT(2 * sizeof big);
			cr_assert_eq(store_reader_open(a.s, g, 1, &r, &e), 0, "%s", e.text);
			for (long n; (n = store_reader_read(r, piece, step[k], &e)) > 0;)
				(void)buf_add(&got, piece, (size_t)n);
			cr_expect(slice_eq(buf_slice(&got), text[i]), "text %zu step %zu", i,
				step[k]);
			buf_release(&got);
			store_reader_close(r);
		}
		struct store_reader *none = NULL;
		cr_expect_eq(store_reader_open(a.s, g, 9, &none, &e), -1);
		cr_expect_eq(e.code, E_MISSING);
		mail_archive_remove(&a);
	}
}

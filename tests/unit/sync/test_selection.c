/* SPDX-License-Identifier: MIT */
/* test_selection.c -- which messages are meant. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/sync/header.h"
#include "core/sync/selection.h"
#include "tests/support/mail_archive.h"

static bool add(struct mail_archive *a, struct store_generation *g, uint32_t uid, const char *date,
	const char *header)
{
	char text[400];
	int n = snprintf(text, sizeof text,
		"%sMessage-ID: <%u@example.org>\r\n\r\nSubject: body\r\n", header, (unsigned)uid);
	return mail_archive_add(a, g, uid, "", date, slice_of(text, (size_t)n));
}

#define D1 " 1-Mar-2024 10:00:00 +0000" /* 1709287200 */
#define D2 " 2-Mar-2024 10:00:00 +0000"
#define D3 " 3-Mar-2024 10:00:00 +0000"

static bool fill(struct mail_archive *a)
{
	struct store_generation *g;
	if (!mail_archive_begin(a) || (g = mail_archive_box(a, "INBOX", 1)) == NULL ||
		!add(a, g, 1, D1, "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= to all\r\n") ||
		!add(a, g, 2, D2, "SUBJECT : folded\r\n\tline\r\nTo: a@example.org\r\n") ||
		!add(a, g, 3, D3, "Subject: third\r\n") || !add(a, g, 5, NULL, "X: y\r\n"))
		return false;
	if (store_message_failed(g, 9, "the server refused", &a->e) != 0)
		return false;
	if (mail_archive_box(a, "Empty", 0) != NULL ||
		(g = mail_archive_box(a, "Work/Old", 4)) == NULL ||
		!add(a, g, 1, D1, "Subject: old\r\n") || !add(a, g, 2, D1, "Subject: older\r\n"))
		return false;
	if ((g = mail_archive_box(a, "Renumbered", 5)) == NULL ||
		!add(a, g, 1, D1, "Subject: kept\r\n") || !add(a, g, 2, D1, "Subject: lost\r\n") ||
		!mail_archive_end(a, 1000))
		return false;
	if (!mail_archive_begin(a) || (g = mail_archive_box(a, "INBOX", 1)) == NULL ||
		!mail_archive_gone(a, g, 3, 3) || !mail_archive_vanish(a, "Work/Old"))
		return false;
	if ((g = mail_archive_box(a, "Renumbered", 6)) == NULL ||
		!add(a, g, 1, D1, "Subject: kept\r\n"))
		return false;
	return mail_archive_end(a, 2000) && mail_archive_read(a);
}

struct seen {
	struct buf text;
	struct store *s; /* not NULL: read each message in the callback */
	size_t unreadable;
};

static int on_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	(void)e;
	return buf_addf(&((struct seen *)ctx)->text, "[%s] ", buf_str(&box->wire));
}

static int on_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct seen *seen = ctx;
	struct buf header = BUF_INIT(HEADER_MAX);
	(void)e;
	if (item->uidvalidity == item->box->uidvalidity)
		buf_addf(&seen->text, "%u ", (unsigned)item->record->uid);
	else
		buf_addf(&seen->text, "%u.%u ", (unsigned)item->uidvalidity,
			(unsigned)item->record->uid);
	int rc = seen->s == NULL
		? 0
		: header_read(seen->s, item->record->generation, item->record->uid, &header, e);
	buf_release(&header);
	return rc;
}

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	(void)item;
	(void)e;
	((struct seen *)ctx)->unreadable += why->text[0] != '\0';
	return 0;
}

static int run(struct mail_archive *a, const struct selection *sel, struct seen *seen,
	struct selection_counts *counts)
{
	memset(seen, 0, sizeof *seen);
	buf_init(&seen->text, 1u << 20);
	seen->s = a->s;
	const struct selection_sink sink = {seen, on_folder, on_message, on_unreadable, NULL};
	err_clear(&a->e);
	return selection_run(a->s, sel, &sink, counts, &a->e);
}

struct row {
	const char *name;
	const char *folder, *exclude;
	const char *uids, *id, *header;
	int64_t since, before, as_of;
	bool deleted;
	const char *want;
};

static void check_row(struct mail_archive *a, const struct row *row)
{
	struct selection sel;
	struct selection_counts counts;
	struct seen seen;
	char folder[64], exclude[64];
	char *folders[] = {folder}, *excludes[] = {exclude};
	selection_init(&sel);
	if (row->folder != NULL) {
		snprintf(folder, sizeof folder, "%s", row->folder);
		sel.folders = (struct sync_patterns){folders, 1};
	}
	if (row->exclude != NULL) {
		snprintf(exclude, sizeof exclude, "%s", row->exclude);
		sel.exclude = (struct sync_patterns){excludes, 1};
	}
	sel.has_uids = row->uids != NULL;
	if (sel.has_uids)
		cr_assert_eq(uidset_parse(&sel.uids, slice_str(row->uids), &a->e), 0);
	sel.message_id = row->id;
	if (row->header != NULL)
		cr_assert_eq(selection_add_header(&sel, row->header, &a->e), 0, "%s", row->name);
	sel.has_since = row->since != 0;
	sel.since = row->since;
	sel.has_before = row->before != 0;
	sel.before = row->before;
	sel.has_as_of = row->as_of != 0;
	sel.as_of = row->as_of;
	sel.deleted = row->deleted;
	cr_expect_eq(run(a, &sel, &seen, &counts), 0, "%s: %s", row->name, a->e.text);
	cr_expect_str_eq(buf_str(&seen.text), row->want, "%s: %s", row->name, buf_str(&seen.text));
	buf_release(&seen.text);
	selection_release(&sel);
}

Test(selection, each_criterion_takes_what_it_says)
{
	static const struct row rows[] = {
		{.name = "all", .want = "[Empty] [INBOX] 1 2 5 [Renumbered] 1 "},
		{.name = "one folder", .folder = "inbox", .want = "[INBOX] 1 2 5 "},
		{.name = "pattern", .folder = "*e*", .want = "[Renumbered] 1 "},
		{.name = "exclude", .exclude = "INBOX", .want = "[Empty] [Renumbered] 1 "},
		{.name = "uids", .uids = "2:9", .want = "[Empty] [INBOX] 2 5 [Renumbered] "},
		{.name = "since", .folder = "INBOX", .since = 1709287201, .want = "[INBOX] 2 "},
		{.name = "since includes",
			.folder = "INBOX",
			.since = 1709287200,
			.want = "[INBOX] 1 2 "},
		{.name = "before excludes",
			.folder = "INBOX",
			.before = 1709287200,
			.want = "[INBOX] "},
		{.name = "before", .folder = "INBOX", .before = 1709287201, .want = "[INBOX] 1 "},
		{.name = "id", .folder = "INBOX", .id = "<2@example.org>", .want = "[INBOX] 2 "},
		{.name = "bare id", .folder = "INBOX", .id = "2@example.org", .want = "[INBOX] 2 "},
		{.name = "part of an id",
			.folder = "INBOX",
			.id = "2@example.or",
			.want = "[INBOX] "},
		{.name = "decoded",
			.folder = "INBOX",
			.header = "subject=gr\xc3\xbc\xc3\x9f"
				  "E TO",
			.want = "[INBOX] 1 "},
		{.name = "raw",
			.folder = "INBOX",
			.header = "Subject==?UTF-8?q?gr",
			.want = "[INBOX] 1 "},
		{.name = "unfolded",
			.folder = "INBOX",
			.header = "Subject=folded\tline",
			.want = "[INBOX] 2 "},
		{.name = "there", .folder = "INBOX", .header = "To=", .want = "[INBOX] 2 "},
		{.name = "not in the body",
			.folder = "INBOX",
			.header = "Subject=body",
			.want = "[INBOX] "},
		{.name = "prefix of a name",
			.folder = "INBOX",
			.header = "Subj=third",
			.want = "[INBOX] "},
		{.name = "deleted",
			.deleted = true,
			.want = "[Empty] [INBOX] 3 [Renumbered] 5.2 [Work/Old] 1 2 "},
		{.name = "deleted, one",
			.deleted = true,
			.uids = "3",
			.folder = "INBOX",
			.want = "[INBOX] 3 "},
		{.name = "as of",
			.as_of = 1500,
			.want = "[Empty] [INBOX] 1 2 3 5 [Renumbered] 1 2 [Work/Old] 1 2 "},
		{.name = "as of today",
			.as_of = 5000,
			.want = "[Empty] [INBOX] 1 2 5 [Renumbered] 1 "},
		{.name = "as of, deleted since",
			.as_of = 1500,
			.deleted = true,
			.want = "[Empty] [INBOX] 3 [Renumbered] 2 [Work/Old] 1 2 "},
	};
	struct mail_archive a;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(&a, &rows[i]);
	mail_archive_remove(&a);
}

Test(selection, what_is_left_out_is_counted)
{
	struct mail_archive a;
	struct selection sel;
	struct selection_counts counts;
	struct seen seen;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	selection_init(&sel);
	cr_assert_eq(run(&a, &sel, &seen, &counts), 0);
	cr_expect_eq(counts.folders, 3);
	cr_expect_eq(counts.vanished, 1);
	cr_expect_eq(counts.messages, 4);
	cr_expect_eq(counts.failed, 1);
	cr_expect_gt(counts.bytes, 4 * 40);
	buf_release(&seen.text);
	sel.has_uids = true;
	cr_assert_eq(uidset_add_range(&sel.uids, 1, 8, &a.e), 0);
	cr_assert_eq(run(&a, &sel, &seen, &counts), 0);
	cr_expect_eq(counts.failed, 0);
	buf_release(&seen.text);
	selection_release(&sel);
	mail_archive_remove(&a);
}

Test(selection, a_header_that_cannot_be_read_is_reported_and_the_others_are_looked_at)
{
	struct mail_archive a;
	struct selection sel;
	struct selection_counts counts;
	struct seen seen;
	char file[500];
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	cr_assert(mail_archive_find(&a, "INBOX", "U1H", file, sizeof file));
	cr_assert_eq(unlinkat(a.tree.fd, file, 0), 0);
	selection_init(&sel);
	cr_assert_eq(selection_add_header(&sel, "Message-ID=example.org", &a.e), 0);
	cr_assert_eq(run(&a, &sel, &seen, &counts), 0, "%s", a.e.text);
	cr_expect_str_eq(buf_str(&seen.text), "[Empty] [INBOX] 2 5 [Renumbered] 1 ");
	cr_expect_eq(seen.unreadable, 1);
	cr_expect_eq(counts.unreadable, 1);
	buf_release(&seen.text);
	mail_archive_remove(&a);
}

Test(selection, a_date_before_the_first_run_is_refused)
{
	struct mail_archive a;
	struct selection sel;
	struct selection_counts counts;
	struct seen seen;
	cr_assert(mail_archive_make(&a));
	cr_assert(fill(&a), "%s", a.e.text);
	selection_init(&sel);
	sel.has_as_of = true;
	sel.as_of = 1000;
	cr_assert_eq(run(&a, &sel, &seen, &counts), -1);
	cr_assert_eq(a.e.code, E_USAGE);
	buf_release(&seen.text);
	mail_archive_remove(&a);
}

Test(selection, more_messages_than_a_batch_come_once_and_in_order)
{
	struct mail_archive a;
	struct selection sel;
	struct selection_counts counts;
	struct seen seen;
	struct buf want = BUF_INIT(1u << 20);
	cr_assert(mail_archive_make(&a));
	cr_assert(mail_archive_begin(&a));
	struct store_generation *g = mail_archive_box(&a, "A", 1);
	cr_assert_not_null(g);
	buf_add_str(&want, "[A] ");
	/* More than two batches, the last one full. */
	for (uint32_t uid = 2; uid <= 2 * 768; uid += 2) {
		cr_assert(add(&a, g, uid, D1, ""), "%s", a.e.text);
		buf_addf(&want, "%u ", (unsigned)uid);
	}
	cr_assert(mail_archive_end(&a, 1000) && mail_archive_read(&a), "%s", a.e.text);
	selection_init(&sel);
	cr_assert_eq(run(&a, &sel, &seen, &counts), 0, "%s", a.e.text);
	cr_assert_str_eq(buf_str(&seen.text), buf_str(&want));
	cr_assert_eq(counts.messages, 768);
	buf_release(&seen.text);
	buf_release(&want);
	mail_archive_remove(&a);
}

Test(selection, dates_are_local_and_strict)
{
	static const struct {
		const char *text;
		int64_t want; /* 0: refused */
	} row[] = {
		{"2024-03-01", 1709247600},
		{"2024-03-01 10:30", 1709285400},
		{"2024-03-01T10:30", 1709285400},
		{"2024-03-01 10:30:15", 1709285415},
		{"2024-07-01", 1719784800},
		{"2024-02-29", 1709161200},
		{"2023-02-29", 0},
		{"2024-13-01", 0},
		{"2024-00-01", 0},
		{"2024-01-00", 0},
		{"2024-01-32", 0},
		{"24-01-01", 0},
		{"2024-1-1", 0},
		{"2024-01-01 24:00", 0},
		{"2024-01-01 10:60", 0},
		{"2024-01-01 10:00:60", 0},
		{"2024-01-01 ", 0},
		{"2024-01-01 10", 0},
		{"2024-01-01x", 0},
		{"2024-01-01 10:00 ", 0},
		{"", 0},
		{"yesterday", 0},
		{"+024-01-01", 0},
		{"2024-01-0", 0},
	};
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		int64_t got = 0;
		struct err e = ERR_INIT;
		int rc = selection_parse_date(row[i].text, &got, &e);
		cr_expect_eq(rc, row[i].want != 0 ? 0 : -1, "%s", row[i].text);
		cr_expect_eq(got, row[i].want, "%s: %lld", row[i].text, (long long)got);
		if (rc != 0)
			cr_expect_eq(e.code, E_USAGE);
	}
}

Test(selection, wrong_header_criteria_are_refused_and_so_is_one_too_many)
{
	static const char *const wrong[] = {
		"", "=", "=x", "Subject", "Sub ject=x", "Subject:=x", "S\xc3=x"};
	struct selection sel;
	struct err e = ERR_INIT;
	selection_init(&sel);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_eq(selection_add_header(&sel, wrong[i], &e), -1, "%s", wrong[i]);
	for (size_t i = 0; i < SELECTION_HEADERS_MAX; i++)
		cr_assert_eq(selection_add_header(&sel, "a=b=c", &e), 0);
	cr_expect(slice_eq_str(sel.headers[0].text, "b=c"));
	cr_expect_eq(selection_add_header(&sel, "a=b", &e), -1);
}

Test(selection, a_header_ends_at_its_empty_line_or_at_the_limit)
{
	static const struct {
		const char *message, *want;
	} row[] = {
		{"A: b\r\n\r\nbody", "A: b\r\n\r\n"},
		{"A: b\n\nbody", "A: b\n\n"},
		{"\r\nbody", "\r\n"},
		{"\nbody", "\n"},
		{"A: b\r\n", "A: b\r\n"},
		{"A: b\r\n \r\nC: d\r\n\r\nx", "A: b\r\n \r\nC: d\r\n\r\n"},
		{"A: b\n\r\nbody", "A: b\n\r\n"},
	};
	struct mail_archive a;
	struct buf got = BUF_INIT(HEADER_MAX);
	char *big = malloc(HEADER_MAX + 10);
	cr_assert_not_null(big);
	/* Lines, so that what is read at a time is no power of two: CRs are added to it. */
	memset(big, 'x', HEADER_MAX + 10);
	for (size_t i = 100; i + 2 < HEADER_MAX; i += 100)
		memcpy(big + i, "\r\n", 2);
	cr_assert(mail_archive_make(&a));
	cr_assert(mail_archive_begin(&a));
	struct store_generation *g = mail_archive_box(&a, "A", 1);
	cr_assert_not_null(g);
	for (uint32_t i = 0; i < sizeof row / sizeof *row; i++)
		cr_assert(mail_archive_add(&a, g, i + 1, "", D1, slice_str(row[i].message)));
	cr_assert(mail_archive_add(&a, g, 100, "", D1, slice_of(big, HEADER_MAX + 10)));
	cr_assert(mail_archive_end(&a, 1000) && mail_archive_read(&a));
	for (uint32_t i = 0; i < sizeof row / sizeof *row; i++) {
		cr_assert_eq(header_read(a.s, 1, i + 1, &got, &a.e), 0, "%s", a.e.text);
		cr_expect_str_eq(buf_str(&got), row[i].want, "%s", row[i].message);
	}
	cr_assert_eq(header_read(a.s, 1, 100, &got, &a.e), 0, "%s", a.e.text);
	cr_expect_eq(got.len, HEADER_MAX);
	free(big);
	buf_release(&got);
	mail_archive_remove(&a);
}

/* SPDX-License-Identifier: MIT */
/* test_import_mbox.c -- an mbox without a manifest: where messages begin, what their flags are, and the way back. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sync/import_internal.h"
#include "tests/support/import_rig.h"

#define FROM	     "From a@b Fri Mar  1 09:00:00 2024\n"
#define DATE	     " 1-Mar-2024 09:00:00 +0000"
#define ADD(r, p, s) cr_assert(import_rig_file(&(r), (p), (s), sizeof(s) - 1, 1), "%s", (p))

static void expect(const char *content, const char *want)
{
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	cr_assert(import_rig_file(&r, "Old mail.mbox", content, strlen(content), 1));
	uint64_t before = import_rig_state(&r);
	cr_expect_str_eq(import_rig_run(&r, "Old mail.mbox"), want, "%s", buf_str(&r.text));
	cr_expect_eq(import_rig_state(&r), before, "the file was changed");
	import_rig_end(&r);
}

Test(import_mbox, messages_begin_behind_an_empty_line_and_a_line_with_a_date)
{
	expect("", "Old mail\n");
	expect(FROM "A: b\n\nx\n\n" FROM "A: c\n\ny\n\n",
		"Old mail\nmessage 1 [] " DATE " \"A: b\\r\\n\\r\\nx\\r\\n\"\nmessage 2 [] " DATE
		" \"A: c\\r\\n\\r\\ny\\r\\n\"\n");
	/* Neither behind text nor without a date, and not cut at the end. */
	expect(FROM "A: b\n\nx\n" FROM "\nFrom here on\n\nFrom\n",
		"Old mail\nmessage 1 [] " DATE " \"A: b\\r\\n\\r\\nx\\r\\nFrom a@b Fri Mar  1 "
		"09:00:00 2024\\r\\n\\r\\nFrom here on\\r\\n\\r\\nFrom\\r\\n\"\n");
	/* A file whose lines have no dates is not one message. */
	expect("From a\nA: b\n\n\nFrom c\nA: d\n",
		"Old mail\nmessage 1 [] - \"A: b\\r\\n\\r\\n\"\nmessage 2 [] - \"A: d\\r\\n\"\n");
	/* Empty lines of a message stay but for the one behind it; CRLF and no line end are as good. */
	expect("From a@b Fri Mar  1 09:00:00 2024\r\nA: b\r\n\r\n\r\n\r\n" FROM "A: c\n\nend",
		"Old mail\nmessage 1 [] " DATE " \"A: b\\r\\n\\r\\n\\r\\n\"\nmessage 2 [] " DATE
		" \"A: c\\r\\n\\r\\nend\"\n");
	/* Nothing in between, nothing behind. */
	expect(FROM "\n" FROM,
		"Old mail\nmessage 1 [] " DATE " \"\"\nmessage 2 [] " DATE " \"\"\n");
}

Test(import_mbox, one_level_of_quoting_is_taken_away)
{
	expect(FROM "A: b\n\n>From me\n>>From you\n> From\n>From\n>>Fro\n>",
		"Old mail\nmessage 1 [] " DATE
		" \"A: b\\r\\n\\r\\nFrom me\\r\\n>From you\\r\\n> From\\r\\n>From\\r\\n>>Fro\\r\\n>\"\n");
}

Test(import_mbox, flags_are_those_of_the_status_fields_which_stay)
{
	expect(FROM
		"Status: RO\nX-Status: AFDT\nX-Keywords: work   $Label1  \nx-keywords: later\n\nx\n",
		"Old mail\nmessage 1 [\\Answered \\Deleted \\Draft \\Flagged \\Seen $Label1 later work] " DATE
		" \"Status: RO\\r\\nX-Status: AFDT\\r\\nX-Keywords: work   $Label1  \\r\\nx-keywords: "
		"later\\r\\n\\r\\nx\\r\\n\"\n");
	expect(FROM "Status: O\n\nStatus: R\n",
		"Old mail\nmessage 1 [] " DATE " \"Status: O\\r\\n\\r\\nStatus: R\\r\\n\"\n");
	/* The first message of a server that keeps its notes there. */
	expect(FROM
		"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nx\n\n" FROM
		"A: b\n\n",
		"Old mail\nmessage 1 [] " DATE " \"A: b\\r\\n\"\n");
}

Test(import_mbox, dates_are_found_in_all_their_forms)
{
	static const struct {
		const char *line, *want;
	} t[] = {
		{"From a@b Fri Mar  1 09:00:00 2024\n", " 1-Mar-2024 09:00:00 +0000"},
		{"From - Fri Mar 01 09:00:00 2024\r\n", " 1-Mar-2024 09:00:00 +0000"},
		{"From \"May 1\"@b Fri Mar 1 09:00 2024\n", " 1-Mar-2024 09:00:00 +0000"},
		{"From a Fri Mar  1 09:00:00 +0200 2024\n", " 1-Mar-2024 09:00:00 +0200"},
		{"From a Fri Mar  1 09:00:00 2024 -0330\n", " 1-Mar-2024 09:00:00 -0330"},
		{"From a Fri Mar  1 09:00:00 CEST 2024\n", " 1-Mar-2024 09:00:00 +0000"},
		{"From a Fri Mar 99 09:00:00 2024\n", NULL},
		{"From a Fri Mar  1 9 2024\n", NULL},
		{"From a Fri Mar  1 09:00:00\n", NULL},
		{"From here on Mar is one\n", NULL},
		{"From \n", NULL},
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct mail_date d;
		char text[MAIL_DATE_LEN + 1] = "";
		bool found = import_mbox_date(slice_str(t[i].line), &d);
		cr_expect_eq(found, t[i].want != NULL, "%s", t[i].line);
		cr_expect_eq(d.valid, found, "%s", t[i].line);
		if (found && mail_date_format(&d, text))
			cr_expect_str_eq(text, t[i].want, "%s", t[i].line);
	}
}

static int on_place(
	void *ctx, uint64_t offset, uint64_t length, const struct mail_date *date, struct err *e)
{
	buf_addf(ctx, "%llu+%llu %lld\n", (unsigned long long)offset, (unsigned long long)length,
		(long long)date->secs);
	(void)e;
	return 0;
}

Test(import_mbox, how_the_file_is_cut_into_pieces_changes_nothing)
{
	static const char text[] = FROM "A: b\n\nFrom x\n\r\n" FROM "\n\n" FROM "long";
	struct buf whole = BUF_INIT(1000), pieces = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct import_mbox_scan s = {.each = on_place, .ctx = &whole};
	import_mbox_begin(&s);
	cr_assert_eq(import_mbox_add(&s, text, sizeof text - 1, &e), 0);
	cr_assert_eq(import_mbox_end(&s, &e), 0);
	cr_assert_neq(whole.len, (size_t)0);
	for (size_t cut = 0; cut < sizeof text; cut++) {
		buf_clear(&pieces);
		s.ctx = &pieces;
		import_mbox_begin(&s);
		cr_assert_eq(import_mbox_add(&s, text, cut, &e), 0);
		cr_assert_eq(import_mbox_add(&s, text + cut, sizeof text - 1 - cut, &e), 0);
		cr_assert_eq(import_mbox_end(&s, &e), 0);
		cr_expect_str_eq(buf_str(&pieces), buf_str(&whole), "cut at %zu", cut);
	}
	buf_release(&whole);
	buf_release(&pieces);
}

Test(import_mbox, names_follow_from_the_file)
{
	static const char *const t[][2] = {{"Sent.mbox", "Sent"}, {"inbox.MBOX", "inbox"},
		{"Entw\xC3\xBCrfe", "Entw&APw-rfe"}, {".mbox", ".mbox"}, {"a.b.mbox", "a.b"}};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct import_rig r;
		char want[64];
		cr_assert(import_rig_start(&r));
		ADD(r, t[i][0], "");
		snprintf(want, sizeof want, "%s\n", t[i][1]);
		cr_expect_str_eq(import_rig_run(&r, t[i][0]), want);
		import_rig_end(&r);
	}
}

/* ---- quoting, both ways ---------------------------------------------------------------------- */

static int collect(void *ctx, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(ctx, p, n);
}

static void transform(enum mboxrd_way way, struct slice in, size_t cut, struct buf *out)
{
	struct mboxrd m = {.put = collect, .ctx = out};
	struct err e = ERR_INIT;
	buf_clear(out);
	mboxrd_begin(&m, way);
	cr_assert_eq(mboxrd_add(&m, in.p, cut, &e), 0);
	cr_assert_eq(mboxrd_add(&m, in.p + cut, in.n - cut, &e), 0);
	cr_assert_eq(mboxrd_end(&m, &e), 0);
}

Test(import_mbox, quoting_is_reversible_wherever_the_data_is_cut)
{
	static const char text[] =
		"From a\n>From b\nFro\n>>\n>>From c\r\n>Fr\n\nFrom\n From x\n>>>From ";
	struct slice in = slice_of(text, sizeof text - 1);
	struct buf quoted = BUF_INIT(1000), back = BUF_INIT(1000), first = BUF_INIT(1000);
	transform(MBOXRD_QUOTE, in, 0, &first);
	cr_expect_str_eq(buf_str(&first),
		">From a\n>>From b\nFro\n>>\n>>>From c\r\n>Fr\n\nFrom\n From x\n>>>>From ");
	for (size_t cut = 0; cut <= in.n; cut++) {
		transform(MBOXRD_QUOTE, in, cut, &quoted);
		cr_expect(slice_eq(buf_slice(&quoted), buf_slice(&first)), "cut at %zu", cut);
	}
	for (size_t cut = 0; cut <= first.len; cut++) {
		transform(MBOXRD_UNQUOTE, buf_slice(&first), cut, &back);
		cr_expect(slice_eq(buf_slice(&back), in), "cut at %zu", cut);
	}
	buf_release(&quoted);
	buf_release(&back);
	buf_release(&first);
}

/* ---- readers --------------------------------------------------------------------------------- */

Test(import_mbox, a_message_read_in_any_steps_is_the_same)
{
	static const char text[] = "A: b\n>From x\r\nbare\n\r\r\n>";
	static const char *const want[] = {"A: b\nFrom x\r\nbare\n\r\r\n>",
		"A: b\r\nFrom x\r\r\nbare\r\n\r\r\r\n>", "A: b\r\nFrom x\r\nbare\r\n\r\r\n>"};
	struct import_rig r;
	struct err e = ERR_INIT;
	struct stat st;
	cr_assert(import_rig_start(&r));
	ADD(r, "m", text);
	for (size_t step = 1; step <= 40; step++)
		for (size_t ends = IMPORT_AS_IS; ends <= IMPORT_CR_BARE; ends++) {
			char got[100];
			size_t n = 0;
			long more;
			struct origin_reader *x;
			struct import_span span = {.fd = import_open_file(r.tree.fd, "m", &st, &e),
				.own = true,
				.length = sizeof text - 1,
				.quoted = true,
				.ends = (enum import_ends)ends};
			cr_assert_geq(span.fd, 0);
			cr_assert_eq(import_reader_open(&span, &x, &e), 0);
			while ((more = x->read(x, got + n, step, &e)) > 0)
				n += (size_t)more;
			cr_expect_eq(more, 0L, "%s", e.text);
			cr_expect(slice_eq_str(slice_of(got, n), want[ends]), "%zu, %zu: %.*s",
				step, ends, (int)n, got);
			origin_reader_close(x);
		}
	import_rig_end(&r);
}

Test(import_mbox, a_file_that_shrinks_is_not_padded)
{
	struct import_rig r;
	struct err e = ERR_INIT;
	struct stat st;
	char got[100];
	struct origin_reader *x;
	cr_assert(import_rig_start(&r));
	ADD(r, "m", "short");
	struct import_span span = {
		.fd = import_open_file(r.tree.fd, "m", &st, &e), .own = true, .length = 6};
	cr_assert_eq(import_reader_open(&span, &x, &e), 0);
	cr_expect_eq(x->read(x, got, sizeof got, &e), -1L);
	cr_expect_eq(e.code, E_CORRUPT);
	cr_expect_eq(e.scope, ERR_MESSAGE);
	origin_reader_close(x);
	import_rig_end(&r);
}

Test(import_mbox, no_path_leaves_the_folder)
{
	static const char *const bad[] = {
		"", "/", "..", "../x", "a/../../x", "./x", "a//x", "/etc/passwd", "link/x", "a/.."};
	struct import_rig r;
	struct err e = ERR_INIT;
	struct stat st;
	cr_assert(import_rig_start(&r));
	ADD(r, "x", "x");
	ADD(r, "a/x", "x");
	cr_assert_eq(symlinkat("a", r.tree.fd, "link"), 0);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_expect_eq(import_open_file(r.tree.fd, bad[i], &st, &e), -1, "%s", bad[i]);
		cr_expect_eq(e.code, E_CORRUPT, "%s: %s", bad[i], e.text);
	}
	int fd = import_open_file(r.tree.fd, "a/x", &st, &e);
	cr_expect_geq(fd, 0);
	close(fd);
	import_rig_end(&r);
}

/* SPDX-License-Identifier: MIT */
/* test_import.c -- Maildir trees as programs leave them: layouts, names, flags, line ends; and hostile ones. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/import_rig.h"

#define DAY	      1709283600 /* 1 March 2024, 09:00 UTC */
#define DATE	      " 1-Mar-2024 09:00:00 +0000"
#define ADD(r, p, s)  cr_assert(import_rig_file(&(r), (p), (s), sizeof(s) - 1, DAY), "%s", (p))
#define BOX(r, p)     cr_assert(import_rig_maildir(&(r), (p)), "%s", (p))
#define IS(r, p, ...) cr_expect_str_eq(import_rig_run(&(r), (p)), (__VA_ARGS__))

Test(import, a_single_maildir_is_the_inbox_with_flags_dates_and_wire_line_ends)
{
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	BOX(r, "m");
	ADD(r, "m/cur/1.a:2,FRS", "A: b\n\nx\n");
	ADD(r, "m/cur/2.b,U=7:2,DPT", "A: b\r\n\r\nx\r\n");
	ADD(r, "m/cur/3.c;2,S", "mixed\r\nbare\n\r\r\nend");
	ADD(r, "m/cur/4.d!2,ab", "k\n");
	ADD(r, "m/cur/5.e", "");
	ADD(r, "m/cur/6.V1U1H0123456789abcdef.imapsync,S=2,W=2:2,", "x\n");
	ADD(r, "m/cur/7.V1U1H0123456789abcdef.imapsync,S=2,W=3:2,", "x\n");
	ADD(r, "m/cur/8.dovecot,S=2,W=3:2,Zz,2", "x\n");
	ADD(r, "m/new/9.f:2,FS", "n\n");
	ADD(r, "m/cur/.hidden", "x\n");
	ADD(r, "m/tmp/9.t", "x\n");
	ADD(r, "m/dovecot-keywords", "0 work\n1 $Label1\n26 no\nx y\n2\n3 last");
	uint64_t before = import_rig_state(&r);
	IS(r, "m",
		"INBOX\n"
		"cur/1.a:2,FRS [\\Answered \\Flagged \\Seen] " DATE " \"A: b\\r\\n\\r\\nx\\r\\n\"\n"
		"cur/2.b,U=7:2,DPT [\\Deleted \\Draft $Forwarded] " DATE
		" \"A: b\\r\\n\\r\\nx\\r\\n\"\n"
		"cur/3.c;2,S [\\Seen] " DATE " \"mixed\\r\\nbare\\r\\n\\r\\r\\nend\"\n"
		"cur/4.d!2,ab [$Label1 work] " DATE " \"k\\r\\n\"\n"
		"cur/5.e [] " DATE " \"\"\n"
		"cur/6.V1U1H0123456789abcdef.imapsync,S=2,W=2:2, [] " DATE " \"x\\n\"\n"
		"cur/7.V1U1H0123456789abcdef.imapsync,S=2,W=3:2, [] " DATE " \"x\\r\\n\"\n"
		"cur/8.dovecot,S=2,W=3:2,Zz,2 [] " DATE " \"x\\r\\n\"\n"
		"new/9.f:2,FS [\\Flagged] " DATE " \"n\\r\\n\"\n");
	cr_expect_eq(r.counts.messages, 9u);
	cr_expect_eq(import_rig_state(&r), before, "the tree was changed");
	import_rig_end(&r);
}

Test(import, messages_come_by_date_then_by_name)
{
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	BOX(r, "m");
	ADD(r, "m/cur/2", "2");
	ADD(r, "m/new/1", "1");
	cr_assert(import_rig_file(&r, "m/cur/3", "3", 1, DAY - 1));
	IS(r, "m",
		"INBOX\ncur/3 []  1-Mar-2024 08:59:59 +0000 \"3\"\ncur/2 [] " DATE
		" \"2\"\nnew/1 [] " DATE " \"1\"\n");
	import_rig_end(&r);
}

/* Folders alone; the messages are the same everywhere. */
static void expect_folders(const char *what, const char *const *boxes, const char *want)
{
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	for (size_t i = 0; boxes[i] != NULL; i++) {
		char path[300];
		snprintf(path, sizeof path, "t%s%s", boxes[i][0] != '\0' ? "/" : "", boxes[i]);
		BOX(r, path);
	}
	cr_expect_str_eq(import_rig_run(&r, "t"), want, "%s: %s", what, buf_str(&r.text));
	import_rig_end(&r);
}

Test(import, every_layout_is_recognised_by_looking)
{
	static const struct {
		const char *what;
		const char *boxes[8];
		const char *want;
	} t[] = {
		{"Maildir++ of Dovecot", {"", ".Work", ".Work.2016", ".Entw&APw-rfe", ".R&D"},
			"INBOX\nEntw&APw-rfe\nR&-D\nWork\nWork/2016\n"},
		{"UTF-8 names", {"", ".Entw\xC3\xBCrfe", ".\xFF"}, "INBOX\nEntw&APw-rfe\n_\n"},
		{"mbsync Verbatim, INBOX beside", {"INBOX", "Work", "Work/2016", "v1.0"},
			"INBOX\nWork\nWork/2016\nv1.0\n"},
		{"mbsync Verbatim, INBOX at the top", {"", "Work", "a/b/c"},
			"INBOX\nWork\na/b/c\n"},
		{"mbsync Maildir++", {"INBOX", "top", "top/.sub.subsub"},
			"INBOX\ntop\ntop/sub/subsub\n"},
		{"mbsync Legacy", {"top", "top/.sub", "top/.sub/.subsub"},
			"top\ntop/sub\ntop/sub/subsub\n"},
		{"offlineimap", {"INBOX", "INBOX.Sent", "Work.2016"},
			"INBOX\nINBOX/Sent\nWork/2016\n"},
		{"offlineimap, no parents", {"[Gmail].All", "[Gmail].Sent"},
			"[Gmail]/All\n[Gmail]/Sent\n"},
		{"a dot that separates nothing", {"v1.0", "w2.0"}, "v1.0\nw2.0\n"},
		{"inbox in lower case", {"inbox"}, "inbox\n"},
	};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		expect_folders(t[i].what, t[i].boxes, t[i].want);
}

Test(import, subscriptions_of_both_versions_are_read)
{
	static const char *const text[] = {
		"Work.2016\nINBOX\nnone", "V\t2\n\nWork\t2016\nINBOX\n", "Work/2016\nINBOX"};
	for (size_t i = 0; i < 3; i++) {
		struct import_rig r;
		cr_assert(import_rig_start(&r));
		BOX(r, "t");
		BOX(r, "t/.Work");
		BOX(r, "t/.Work.2016");
		cr_assert(import_rig_file(&r, "t/subscriptions", text[i], strlen(text[i]), DAY));
		IS(r, "t", "INBOX subscribed\nWork\nWork/2016 subscribed\n");
		import_rig_end(&r);
	}
}

Test(import, the_selection_is_that_of_an_archive)
{
	struct import_rig r;
	char *folders[] = {(char[]){"Wo*"}}, *exclude[] = {(char[]){"Work/2016"}};
	cr_assert(import_rig_start(&r));
	BOX(r, "t");
	BOX(r, "t/.Work");
	BOX(r, "t/.Work.2016");
	ADD(r, "t/.Work/cur/1", "Message-ID: <a@b>\nSubject: =?utf-8?q?Rechnung?=\n\nx\n");
	ADD(r, "t/.Work/cur/2", "Message-ID: <c@d>\n\nRechnung\n");
	cr_assert(import_rig_file(&r, "t/.Work/cur/3", "A: b\n\n", 6, DAY + 86400));
	r.sel.folders = (struct sync_patterns){folders, 1};
	r.sel.exclude = (struct sync_patterns){exclude, 1};
	(void)import_rig_run(&r, "t");
	cr_expect_eq(r.counts.folders, (size_t)1);
	cr_expect_eq(r.counts.messages, 3u);
	r.sel.has_before = true;
	r.sel.before = DAY + 1;
	(void)import_rig_run(&r, "t");
	cr_expect_eq(r.counts.messages, 2u);
	r.sel.message_id = "c@d";
	(void)import_rig_run(&r, "t");
	cr_expect_eq(r.counts.messages, 1u);
	cr_expect(strstr(buf_str(&r.text), "cur/2") != NULL, "%s", buf_str(&r.text));
	r.sel.message_id = NULL;
	cr_assert_eq(selection_add_header(&r.sel, "Subject=rechnung", &r.err), 0);
	(void)import_rig_run(&r, "t");
	cr_expect_eq(r.counts.messages, 1u);
	cr_expect(strstr(buf_str(&r.text), "cur/1") != NULL, "%s", buf_str(&r.text));
	import_rig_end(&r);
}

/* ---- hostile trees --------------------------------------------------------------------------- */

Test(import, no_link_is_followed_and_no_pipe_waited_for)
{
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	BOX(r, "t");
	BOX(r, "secret");
	ADD(r, "secret/cur/1", "A: secret\n\n");
	ADD(r, "t/cur/1", "A: b\n\n");
	cr_assert_eq(symlinkat("../../secret/cur/1", r.tree.fd, "t/cur/2"), 0);
	cr_assert_eq(symlinkat("../secret", r.tree.fd, "t/.Link"), 0);
	cr_assert_eq(symlinkat("../secret/cur/1", r.tree.fd, "t/dovecot-keywords"), 0);
	cr_assert_eq(mkfifoat(r.tree.fd, "t/cur/3", 0600), 0);
	cr_assert(tmp_tree_mkdir(&r.tree, "t/cur/4"));
	const char *text = import_rig_run(&r, "t");
	cr_expect(strstr(text, "secret") == NULL, "%s", text);
	cr_expect(strstr(text, "Link") == NULL, "%s", text);
	cr_expect(strstr(text, "! cur/2: it is a link") != NULL, "%s", text);
	cr_expect(strstr(text, "! cur/3: it is not a file\n") != NULL, "%s", text);
	cr_expect(strstr(text, "! cur/4: it is not a file\n") != NULL, "%s", text);
	cr_expect_eq(r.counts.messages, 1u);
	cr_expect_eq(r.counts.unreadable, 3u);
	import_rig_end(&r);
}

Test(import, folders_in_folders_have_a_limit)
{
	/* The top is the first level. */
	for (int depth = 128; depth <= 129; depth++) {
		struct import_rig r;
		char path[600] = "t";
		cr_assert(import_rig_start(&r));
		for (int i = 1; i < depth; i++)
			strcat(path, "/d");
		BOX(r, path);
		(void)import_rig_run(&r, "t");
		if (depth == 128) {
			cr_expect_eq(r.err.code, E_NONE, "%s", r.err.text);
			cr_expect_eq(r.counts.folders, (size_t)1);
		} else {
			cr_expect_eq(r.err.code, E_LIMIT, "%s", r.err.text);
		}
		import_rig_end(&r);
	}
}

Test(import, what_is_no_mail_is_refused_with_a_reason)
{
	struct import_rig r;
	cr_assert(import_rig_start(&r));
	cr_assert(tmp_tree_mkdir(&r.tree, "empty"));
	ADD(r, "a/index.db", "");
	cr_assert(tmp_tree_mkdir(&r.tree, "a/mail"));
	ADD(r, "text", "Dear all,\n");
	static const struct {
		const char *path, *text;
		enum err_code code;
	} t[] = {{"none", "there is no such file", E_USAGE}, {"empty", "no Maildir", E_USAGE},
		{"a", "it is an archive", E_USAGE}, {"text", "neither as a tar", E_CORRUPT},
		{"/dev/null", "neither a file", E_USAGE}};
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		const char *said = import_rig_run(&r, t[i].path);
		cr_expect_eq(r.err.code, t[i].code, "%s: %s", t[i].path, said);
		cr_expect(strstr(said, t[i].text) != NULL, "%s: %s", t[i].path, said);
	}
	import_rig_end(&r);
}

Test(import, one_folder_that_cannot_be_read_does_not_keep_the_others)
{
	struct import_rig r;
	static char big[70000];
	memset(big, 'x', sizeof big);
	cr_assert(import_rig_start(&r));
	BOX(r, "t");
	BOX(r, "t/.A");
	BOX(r, "t/.B");
	ADD(r, "t/.A/cur/1", "A: b\n\n");
	ADD(r, "t/.B/cur/1", "A: b\n\n");
	cr_assert(import_rig_file(&r, "t/.A/dovecot-keywords", big, sizeof big, DAY));
	const char *text = import_rig_run(&r, "t");
	cr_expect(strstr(text, "A\n!! .A/dovecot-keywords is longer") != NULL, "%s", text);
	cr_expect(strstr(text, "B\ncur/1 [") != NULL, "%s", text);
	import_rig_end(&r);
}

Test(import, a_signal_ends_the_reading)
{
	struct import_rig r;
	struct restore_origin *origin = NULL;
	char path[300];
	struct sync_interrupt interrupt = {.signal = 15};
	const struct sync_hooks hooks = {.interrupt = &interrupt};
	const struct restore_options o = {.select = &r.sel, .settle_ms = 1};
	cr_assert(import_rig_start(&r));
	BOX(r, "t");
	snprintf(path, sizeof path, "%s/t", r.tree.path);
	cr_expect_eq(import_open(&origin, path, &o, &hooks, &r.err), -1);
	cr_expect_eq(r.err.code, E_CANCELLED);
	import_rig_end(&r);
}

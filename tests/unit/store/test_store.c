/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/uidset.h"
#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

TestSuite(store, .init = archive_rig_in_memory);

struct fixture {
	struct tmp_tree t;
	char path[256];
	struct store *s;
	int64_t inbox, previous;
	struct store_generation *g;
	struct err e;
};

#define OK(x, call) cr_assert_eq((call), 0, "%s", (x)->e.text)

static void reopen(struct fixture *x)
{
	store_generation_close(x->g);
	x->g = NULL;
	store_close(x->s);
	OK(x, archive_rig_open(&x->s, x->path, STORE_WRITE, NULL, &x->e));
}

static void begin_run(struct fixture *x, uint32_t uidvalidity)
{
	OK(x, store_run_begin(x->s, &x->e));
	OK(x, archive_rig_mailbox(x->s, "INBOX", &x->inbox, &x->e));
	OK(x, store_generation_open(x->s, x->inbox, uidvalidity, &x->g, &x->previous, &x->e));
}

static void end_run(struct fixture *x)
{
	OK(x, archive_rig_end(x->s, STORE_RUN_OK, &x->e));
	store_generation_close(x->g);
	x->g = NULL;
}

/* A run dies after its first change. */
static void die_in_a_run(struct fixture *x)
{
	int64_t id;
	OK(x, store_run_begin(x->s, &x->e));
	OK(x, archive_rig_mailbox(x->s, "dies", &id, &x->e));
	store_close(x->s);
	x->s = NULL;
}

static void begin(struct fixture *x)
{
	memset(x, 0, sizeof *x);
	cr_assert(tmp_tree_make(&x->t));
	snprintf(x->path, sizeof x->path, "%s/a", x->t.path);
	OK(x, archive_rig_open(&x->s, x->path, STORE_WRITE, NULL, &x->e));
}

static void finish(struct fixture *x)
{
	store_generation_close(x->g);
	store_close(x->s);
	tmp_tree_remove(&x->t);
}

static void put(struct fixture *x, uint32_t uid, const char *body, const char *flags)
{
	OK(x, archive_rig_put(x->g, uid, body, strlen(body), flags, &x->e));
}

/* One number out of the index, as another program sees it. The store must be closed. */
static long ask(struct fixture *x, const char *sql)
{
	char path[300];
	sqlite3 *db;
	sqlite3_stmt *st;
	snprintf(path, sizeof path, "%s/index.db", x->path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW, "%s: no row", sql);
	long v = (long)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static long ask_closed(struct fixture *x, const char *sql)
{
	store_generation_close(x->g);
	x->g = NULL;
	store_close(x->s);
	x->s = NULL;
	long v = ask(x, sql);
	OK(x, archive_rig_open(&x->s, x->path, STORE_WRITE, NULL, &x->e));
	return v;
}

/* Something behind the program's back. The store must be closed. */
static void run_sql(struct fixture *x, const char *sql)
{
	char path[300];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/index.db", x->path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sql);
	sqlite3_close(db);
}

static void add_chunk(struct buf *b, const void *p, size_t n)
{
	cr_assert_eq(buf_add(b, p, n), 0);
}

static int collect(void *ctx, const void *p, size_t n)
{
	add_chunk(ctx, p, n);
	return 0;
}

static void must_read(struct fixture *x, int64_t generation, uint32_t uid, const char *body)
{
	struct buf b = BUF_INIT(1 << 20);
	OK(x, store_message_read(x->s, generation, uid, collect, &b, &x->e));
	cr_assert_str_eq(buf_str(&b), body);
	buf_release(&b);
}

/* ---- opening ---------------------------------------------------------------------------------- */

Test(store, a_new_archive_has_a_readme_and_is_private)
{
	static const mode_t masks[] = {0, 022, 077};
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		struct fixture x;
		char bad[256];
		size_t n;
		mode_t old = umask(masks[i]);
		begin(&x);
		begin_run(&x, 7);
		put(&x, 1, "a\r\n", "work");
		end_run(&x);
		umask(old);
		cr_assert_not(tmp_tree_wrong_mode(&x.t, bad, sizeof bad), "umask %03o: %s",
			(unsigned)masks[i], bad);
		char *readme = (char *)tmp_tree_read(&x.t, "a/README", &n);
		cr_assert_not_null(readme);
		cr_assert_eq(readme[n - 1], '\n');
		free(readme);
		finish(&x);
	}
}

Test(store, a_folder_that_is_open_to_others_is_closed_to_them)
{
	struct fixture x;
	struct stat st;
	begin(&x);
	store_close(x.s);
	cr_assert_eq(chmod(x.path, 0755), 0);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	cr_assert_eq(stat(x.path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);
	finish(&x);
}

Test(store, neither_the_folder_nor_what_is_in_it_may_be_a_symbolic_link)
{
	struct fixture x;
	char link[256], mail[300], other[300];
	struct store *s;
	begin(&x);
	store_close(x.s);
	x.s = NULL;
	snprintf(link, sizeof link, "%s/link", x.t.path);
	cr_assert_eq(symlink("a", link), 0);
	for (int mode = 0; mode <= 1; mode++)
		for (int slash = 0; slash <= 1; slash++) {
			snprintf(other, sizeof other, "%s%s", link, slash ? "//" : "");
			cr_assert_eq(archive_rig_open(&s, other, mode ? STORE_WRITE : STORE_READ,
					     NULL, &x.e),
				-1, "%s", other);
			cr_assert_eq(x.e.code, E_CONFIG, "%s", x.e.text);
		}
	snprintf(mail, sizeof mail, "%s/mail", x.path);
	snprintf(other, sizeof other, "%s/other", x.path);
	cr_assert_eq(rename(mail, other), 0);
	cr_assert_eq(symlink("other", mail), 0);
	cr_assert_eq(archive_rig_open(&s, x.path, STORE_WRITE, NULL, &x.e), -1);
	cr_assert_eq(x.e.code, E_CORRUPT, "%s", x.e.text);
	finish(&x);
}

Test(store, what_does_not_exist_is_missing)
{
	struct tmp_tree t;
	char path[256];
	struct store *s;
	struct err e;
	cr_assert(tmp_tree_make(&t));
	snprintf(path, sizeof path, "%s/a/b", t.path);
	for (int mode = 0; mode <= 1; mode++) {
		cr_assert_eq(
			archive_rig_open(&s, path, mode ? STORE_WRITE : STORE_READ, NULL, &e), -1);
		cr_assert_eq(e.code, E_MISSING, "%s", e.text);
	}
	cr_assert_not(tmp_tree_exists(&t, "a"));
	tmp_tree_remove(&t);
}

Test(store, layout_and_account_must_be_those_of_the_archive)
{
	struct tmp_tree t;
	char path[256];
	struct store *s;
	struct err e = ERR_INIT;
	struct store_options o = {
		.mode = STORE_WRITE, .layout = STORE_MAILDIRPP, .account = "a@example.org:993"};
	cr_assert(tmp_tree_make(&t));
	snprintf(path, sizeof path, "%s/a", t.path);
	cr_assert_eq(store_open(&s, path, &o, &e), 0, "%s", e.text);
	store_close(s);
	o.layout = STORE_NESTED;
	cr_assert_eq(store_open(&s, path, &o, &e), -1);
	cr_assert_eq(e.code, E_CONFIG);
	cr_assert_eq(e.scope, ERR_USAGE);
	o.layout = STORE_MAILDIRPP;
	o.account = "b@example.org:993";
	cr_assert_eq(store_open(&s, path, &o, &e), -1);
	cr_assert_eq(e.code, E_CONFIG);
	o.mode = STORE_READ;
	cr_assert_eq(store_open(&s, path, &o, &e), -1);
	o.account = NULL;
	cr_assert_eq(store_open(&s, path, &o, &e), 0, "%s", e.text);
	cr_assert_eq(store_layout_of(s), STORE_MAILDIRPP);
	store_close(s);
	tmp_tree_remove(&t);
}

Test(store, a_tree_that_was_taken_away_is_not_replaced_by_an_empty_one)
{
	struct fixture x;
	char mail[300], other[300];
	begin(&x);
	begin_run(&x, 7);
	end_run(&x);
	store_close(x.s);
	snprintf(mail, sizeof mail, "%s/mail", x.path);
	snprintf(other, sizeof other, "%s/other", x.path);
	cr_assert_eq(rename(mail, other), 0);
	cr_assert_eq(archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e), -1);
	cr_assert_eq(x.e.code, E_CORRUPT, "%s", x.e.text);
	cr_assert_not(tmp_tree_exists(&x.t, "a/mail"));
	finish(&x);
}

Test(store, a_reader_may_not_write_and_nobody_may_without_a_run)
{
	struct fixture x;
	int64_t id;
	begin(&x);
	cr_assert_eq(archive_rig_mailbox(x.s, "INBOX", &id, &x.e), -1);
	cr_assert_eq(x.e.code, E_STATE);
	store_close(x.s);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_READ, NULL, &x.e));
	cr_assert_eq(store_run_begin(x.s, &x.e), -1);
	cr_assert_eq(archive_rig_mailbox(x.s, "INBOX", &id, &x.e), -1);
	cr_assert_eq(x.e.code, E_STATE);
	finish(&x);
}

/* ---- runs ------------------------------------------------------------------------------------- */

Test(store, the_last_run_can_be_asked_for_by_quality)
{
	static const enum store_result result[] = {
		STORE_RUN_OK, STORE_RUN_PARTIAL, STORE_RUN_FAILED, STORE_RUN_INTERRUPTED};
	struct fixture x;
	struct store_run r;
	struct buf text = BUF_INIT(100);
	int64_t id[4];
	begin(&x);
	cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 0);
	for (size_t i = 0; i < 4; i++) {
		OK(&x, store_run_begin(x.s, &x.e));
		id[i] = store_run_id(x.s);
		struct store_run end = {
			.result = result[i], .messages_new = 5, .failed = i, .text = "why"};
		OK(&x, store_run_end(x.s, &end, &x.e));
		cr_assert_eq(store_run_id(x.s), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(store_run_last(x.s, result[i], &r, &text, &x.e), 1);
		cr_assert_eq(r.id, id[i], "result %zu", i);
		cr_assert_eq(r.result, result[i]);
		cr_assert_eq(r.messages_new, 5);
		cr_assert_eq(r.failed, i);
		cr_assert_str_eq(r.text, "why");
	}
	cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 1);
	cr_assert_eq(r.id, id[3]);
	buf_release(&text);
	finish(&x);
}

/* Nothing to mend, and nothing to pay for: a run is written down before it changes something, and not before. */
Test(store, a_run_that_died_before_it_changed_anything_leaves_no_trace)
{
	struct fixture x;
	struct store_run r;
	struct buf text = BUF_INIT(100);
	begin(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	store_close(x.s);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	cr_assert_not(store_recovered(x.s)->unclean);
	cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 0);
	/* It ends badly without a change: that is recorded all the same. */
	OK(&x, store_run_begin(x.s, &x.e));
	OK(&x, archive_rig_end(x.s, STORE_RUN_FAILED, &x.e));
	cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 1);
	cr_assert_eq(r.result, STORE_RUN_FAILED);
	buf_release(&text);
	finish(&x);
}

Test(store, a_run_that_did_not_end_is_found_and_called_interrupted)
{
	struct fixture x;
	struct store_run r;
	struct buf text = BUF_INIT(100);
	begin(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	int64_t id = store_run_id(x.s), box;
	OK(&x, archive_rig_mailbox(x.s, "a", &box, &x.e));
	store_close(x.s);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_READ, NULL, &x.e));
	cr_assert(store_recovered(x.s)->unclean);
	cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 1);
	cr_assert_eq(r.result, STORE_RUN_RUNNING);
	reopen(&x);
	cr_assert(store_recovered(x.s)->unclean);
	cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 1);
	cr_assert_eq(r.id, id);
	cr_assert_eq(r.result, STORE_RUN_INTERRUPTED);
	reopen(&x);
	cr_assert_not(store_recovered(x.s)->unclean);
	buf_release(&text);
	finish(&x);
}

/* ---- mailboxes -------------------------------------------------------------------------------- */

Test(store, mailboxes_are_listed_by_name_with_what_the_server_said)
{
	struct fixture x;
	struct store_mailbox_list l;
	int64_t id;
	const struct store_mailbox_seen sent = {.wire = slice_str("Entw&APw-rfe.x"),
		.delimiter = '.',
		.attributes = slice_str("\\HasNoChildren \\Sent"),
		.selectable = true};
	const struct store_mailbox_seen parent = {.wire = slice_str("A"), .delimiter = '.'};
	begin(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	OK(&x, store_mailbox_seen(x.s, &sent, &id, &x.e));
	OK(&x, store_mailbox_seen(x.s, &parent, &id, &x.e));
	OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
	reopen(&x);
	OK(&x, store_mailboxes(x.s, &l, &x.e));
	cr_assert_eq(l.n, 2);
	cr_assert_str_eq(buf_str(&l.at[0].wire), "A");
	cr_assert_not(l.at[0].selectable);
	cr_assert_str_eq(buf_str(&l.at[1].name), "Entw\xC3\xBCrfe.x");
	cr_assert_str_eq(buf_str(&l.at[1].path), "Entw\xC3\xBCrfe/x");
	cr_assert_str_eq(buf_str(&l.at[1].attributes), "\\HasNoChildren \\Sent");
	cr_assert_eq(l.at[1].delimiter, '.');
	cr_assert(l.at[1].selectable && l.at[1].present && !l.at[1].subscribed);
	cr_assert_eq(l.at[1].generation, 0);
	store_mailbox_list_release(&l);
	cr_assert(tmp_tree_exists(&x.t, "a/mail/Entw\xC3\xBCrfe/x/.mailbox"));
	cr_assert_not(tmp_tree_exists(&x.t, "a/mail/A"));
	finish(&x);
}

Test(store, names_at_the_limit_are_taken_and_over_it_refused)
{
	struct fixture x;
	char name[STORE_NAME_MAX + 2];
	int64_t id;
	memset(name, 'a', sizeof name);
	for (size_t i = 100; i < STORE_NAME_MAX; i += 100)
		name[i] = '/';
	name[STORE_NAME_MAX] = '\0';
	begin(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	OK(&x, archive_rig_mailbox(x.s, name, &id, &x.e));
	name[STORE_NAME_MAX] = 'a';
	name[STORE_NAME_MAX + 1] = '\0';
	cr_assert_eq(archive_rig_mailbox(x.s, name, &id, &x.e), -1);
	cr_assert_eq(x.e.code, E_LIMIT);
	cr_assert_eq(x.e.scope, ERR_MAILBOX);
	OK(&x, archive_rig_mailbox(x.s, "other", &id, &x.e));
	OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
	finish(&x);
}

Test(store, two_names_never_share_a_folder)
{
	struct fixture x;
	int64_t id, again;
	const struct store_mailbox_seen dotted = {
		.wire = slice_str("a.b"), .delimiter = '.', .selectable = true};
	begin(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	OK(&x, archive_rig_mailbox(x.s, "a/b", &id, &x.e));
	cr_assert_eq(store_mailbox_seen(x.s, &dotted, &id, &x.e), -1);
	cr_assert_eq(x.e.code, E_EXISTS);
	cr_assert_eq(x.e.scope, ERR_MAILBOX);
	/* Also where no folder is made. */
	const struct store_mailbox_seen parent = {.wire = slice_str("a.b"), .delimiter = '.'};
	cr_assert_eq(store_mailbox_seen(x.s, &parent, &id, &x.e), -1);
	cr_assert_eq(x.e.code, E_EXISTS);
	cr_assert_eq(x.e.scope, ERR_MAILBOX);
	OK(&x, archive_rig_mailbox(x.s, "INBOX", &id, &x.e));
	OK(&x, archive_rig_mailbox(x.s, "inbox", &again, &x.e));
	cr_assert_eq(id, again);
	/* As on a file system that ignores case: the folder is there and says whose it is. */
	cr_assert(tmp_tree_mkdir(&x.t, "a/mail/Foo"));
	static const char side[] = "imapsync-mailbox 1\nname foo\n";
	cr_assert(tmp_tree_write(&x.t, "a/mail/Foo/.mailbox", side, sizeof side - 1));
	cr_assert_eq(archive_rig_mailbox(x.s, "Foo", &id, &x.e), -1);
	cr_assert_eq(x.e.code, E_EXISTS, "%s", x.e.text);
	OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
	finish(&x);
}

Test(store, a_broken_folder_concerns_its_mailbox_alone)
{
	struct fixture x;
	int64_t id;
	begin(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	cr_assert_eq(symlinkat("/tmp", x.t.fd, "a/mail/bad"), 0);
	cr_assert_eq(archive_rig_mailbox(x.s, "bad", &id, &x.e), -1);
	cr_assert_eq(x.e.scope, ERR_MAILBOX, "%s", x.e.text);
	OK(&x, archive_rig_mailbox(x.s, "good", &id, &x.e));
	OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
	finish(&x);
}

Test(store, a_mailbox_that_vanished_stays_and_its_time_is_known)
{
	struct fixture x;
	struct store_mailbox_list l;
	begin(&x);
	begin_run(&x, 7); /* run 1 */
	put(&x, 1, "a\r\n", "");
	end_run(&x);
	OK(&x, store_run_begin(x.s, &x.e));
	OK(&x, store_mailbox_vanished(x.s, x.inbox, &x.e));
	OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
	OK(&x, store_mailboxes(x.s, &l, &x.e));
	cr_assert_eq(l.n, 1);
	cr_assert_not(l.at[0].present);
	cr_assert_eq(l.at[0].stored, 1);
	store_mailbox_list_release(&l);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 1);
	cr_assert_eq(ask_closed(&x,
			     "SELECT count(*) FROM mailbox_span WHERE generation_id = 1 AND"
			     " from_run = 1 AND to_run = 2"),
		1);
	begin_run(&x, 7);
	end_run(&x);
	cr_assert_eq(ask_closed(&x, "SELECT count(*) FROM mailbox_span"), 2);
	cr_assert_eq(ask_closed(&x, "SELECT from_run FROM mailbox_span WHERE to_run IS NULL"), 3);
	finish(&x);
}

Test(store, audits_and_marks_are_counted)
{
	struct fixture x;
	struct store_mailbox_list l;
	static const struct {
		bool complete, audited, unchanged;
		uint32_t expected;
		int complete_run;
	} row[] = {
		{true, true, false, 0, 1},
		{false, false, true, 1, 2},
		{true, false, false, 2, 3},
		{false, false, false, 2, 3},
		{false, false, true, 3, 5},
		{true, true, false, 0, 6},
	};
	begin(&x);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		begin_run(&x, 7);
		const struct store_marks m = {.uidnext = 4000000000,
			.messages = 3,
			.highestmodseq = 1ull << 62,
			.complete = row[i].complete,
			.audited = row[i].audited};
		if (row[i].unchanged)
			OK(&x, store_mailbox_unchanged(x.s, x.inbox, &x.e));
		else
			OK(&x, store_marks_set(x.g, &m, &x.e));
		end_run(&x);
		OK(&x, store_mailboxes(x.s, &l, &x.e));
		cr_assert_eq(l.at[0].runs_since_audit, row[i].expected, "row %zu", i);
		cr_assert_eq(l.at[0].complete_run, row[i].complete_run, "row %zu", i);
		cr_assert_eq(l.at[0].uidnext, 4000000000);
		cr_assert_eq(l.at[0].highestmodseq, 1ull << 62);
		store_mailbox_list_release(&l);
	}
	finish(&x);
}

/* ---- generations ------------------------------------------------------------------------------ */

Test(store, an_old_uidvalidity_that_comes_back_has_its_messages)
{
	struct fixture x;
	int64_t a, b;
	begin(&x);
	begin_run(&x, 7);
	a = store_generation_id(x.g);
	cr_assert_eq(x.previous, 0);
	put(&x, 1, "a\r\n", "");
	end_run(&x);
	begin_run(&x, 8);
	b = store_generation_id(x.g);
	cr_assert_eq(x.previous, a);
	cr_assert(uidset_is_empty(store_stored(x.g)));
	put(&x, 1, "b\r\n", "");
	end_run(&x);
	reopen(&x);
	begin_run(&x, 7);
	cr_assert_eq(store_generation_id(x.g), a);
	cr_assert_eq(x.previous, b);
	cr_assert(uidset_has(store_stored(x.g), 1));
	must_read(&x, a, 1, "a\r\n");
	must_read(&x, b, 1, "b\r\n");
	end_run(&x);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 2);
	cr_assert_eq(ask_closed(&x, "SELECT count(*) FROM mailbox_span"), 3);
	cr_assert_eq(ask_closed(&x,
			     "SELECT generation_id FROM mailbox_span"
			     " WHERE from_run <= 2 AND to_run > 2"),
		b);
	finish(&x);
}

Test(store, uidvalidity_0_is_refused)
{
	struct fixture x;
	struct store_generation *g;
	begin(&x);
	begin_run(&x, 7);
	cr_assert_eq(store_generation_open(x.s, x.inbox, 0, &g, &x.previous, &x.e), -1);
	cr_assert_eq(x.e.code, E_INVALID);
	cr_assert_eq(store_generation_open(x.s, 99, 1, &g, &x.previous, &x.e), -1);
	cr_assert_eq(x.e.code, E_MISSING);
	cr_assert_eq(store_generation_load(x.s, 99, &g, &x.e), -1);
	cr_assert_eq(x.e.code, E_MISSING);
	end_run(&x);
	finish(&x);
}

/* ---- messages --------------------------------------------------------------------------------- */

Test(store, a_message_is_stored_once_and_never_replaced)
{
	struct fixture x;
	begin(&x);
	begin_run(&x, 7);
	int64_t g = store_generation_id(x.g);
	put(&x, 1, "a\r\n", "");
	put(&x, 1, "a\r\n", "");
	OK(&x, store_commit(x.s, &x.e));
	put(&x, 1, "a\r\n", "");
	cr_assert_eq(archive_rig_put(x.g, 1, "b\r\n", 3, "", &x.e), -1);
	cr_assert_eq(x.e.code, E_CORRUPT);
	cr_assert_eq(x.e.scope, ERR_MESSAGE);
	cr_assert(strstr(x.e.text, "UID 1") != NULL);
	cr_assert_eq(archive_rig_put(x.g, 0, "b\r\n", 3, "", &x.e), -1);
	cr_assert_eq(x.e.code, E_INVALID);
	put(&x, 2, "c\r\n", "");
	end_run(&x);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 2);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/tmp"), 0);
	must_read(&x, g, 1, "a\r\n");
	finish(&x);
}

struct found {
	unsigned calls;
	struct store_record r;
	char base[256], flags[256], reason[1024], date_raw[64], email_id[64];
};

static void copy_text(char *to, size_t size, struct slice s)
{
	snprintf(to, size, "%.*s", (int)s.n, s.n > 0 ? (const char *)s.p : "");
}

static int take(void *ctx, const struct store_record *r)
{
	struct found *f = ctx;
	f->calls++;
	f->r = *r;
	copy_text(f->base, sizeof f->base, r->base);
	copy_text(f->flags, sizeof f->flags, r->flags);
	copy_text(f->reason, sizeof f->reason, r->reason);
	copy_text(f->date_raw, sizeof f->date_raw, r->date_raw);
	copy_text(f->email_id, sizeof f->email_id, r->email_id);
	return 0;
}

static void look(struct fixture *x, int64_t generation, uint32_t uid, struct found *f)
{
	struct uidset one = UIDSET_INIT;
	memset(f, 0, sizeof *f);
	OK(x, uidset_add(&one, uid, &x->e));
	OK(x, store_records(x->s, generation, &one, take, f, &x->e));
	uidset_release(&one);
}

Test(store, a_record_says_all_that_was_said_about_the_message)
{
	struct fixture x;
	struct found f;
	struct store_message *m;
	const struct store_meta meta = {.uid = 4294967295,
		.date_raw = slice_str("00-Jan-0000"),
		.flags = slice_str("\\Seen work"),
		.email_id = slice_str("M1"),
		.size_claimed = UINT64_MAX};
	begin(&x);
	begin_run(&x, 4294967295);
	int64_t g = store_generation_id(x.g);
	OK(&x, store_message_begin(x.g, &m, &x.e));
	OK(&x, store_message_write(m, "a\r", 2, &x.e));
	OK(&x, store_message_write(m, "\nb\r\n", 4, &x.e));
	OK(&x, store_message_finish(m, &meta, &x.e));
	put(&x, 5, "x\n", "");
	end_run(&x);
	reopen(&x);
	look(&x, g, 4294967295, &f);
	cr_assert_eq(f.calls, 1);
	cr_assert_eq(f.r.state, STORE_STORED);
	cr_assert(f.r.has_file);
	cr_assert_eq(f.r.size_wire, 6);
	cr_assert_eq(f.r.size_disk, 4);
	cr_assert_not(f.r.date.valid);
	cr_assert_str_eq(f.date_raw, "00-Jan-0000");
	cr_assert_str_eq(f.flags, "\\Seen work");
	cr_assert_str_eq(f.email_id, "M1");
	cr_assert_eq(f.r.first_run, 1);
	cr_assert_eq(f.r.gone_run, 0);
	look(&x, g, 5, &f);
	cr_assert_eq(f.r.size_wire, 2);
	cr_assert_eq(f.r.size_disk, 2);
	cr_assert(f.r.date.valid);
	cr_assert_eq(f.r.date.zone, 120);
	cr_assert_eq(f.r.date.secs, 1000000005);
	look(&x, g, 6, &f);
	cr_assert_eq(f.calls, 0);
	finish(&x);
}

Test(store, flags_that_change_are_recorded_and_rename_the_file)
{
	struct fixture x;
	char old_name[512];
	struct found f;
	begin(&x);
	begin_run(&x, 7); /* run 1 */
	int64_t g = store_generation_id(x.g);
	put(&x, 1, "a\r\n", "\\Seen");
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str("\\Seen"), &x.e), 0);
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str("\\Flagged"), &x.e), 1);
	cr_assert_eq(store_flags_seen(x.g, 9, slice_str("\\Flagged"), &x.e), -1);
	cr_assert_eq(x.e.code, E_MISSING);
	end_run(&x);
	look(&x, g, 1, &f);
	cr_assert_str_eq(f.flags, "\\Flagged");
	snprintf(old_name, sizeof old_name, "a/mail/INBOX/cur/%s:2,F", f.base);
	cr_assert(tmp_tree_exists(&x.t, old_name));
	begin_run(&x, 7); /* run 2 */
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str("\\Seen work"), &x.e), 1);
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str("\\Seen work"), &x.e), 0);
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str("work"), &x.e), 1);
	end_run(&x);
	cr_assert_not(tmp_tree_exists(&x.t, old_name));
	snprintf(old_name, sizeof old_name, "a/mail/INBOX/cur/%s:2,a", f.base);
	cr_assert(tmp_tree_exists(&x.t, old_name));
	cr_assert(tmp_tree_exists(&x.t, "a/mail/INBOX/dovecot-keywords"));
	cr_assert_eq(ask_closed(&x, "SELECT count(*) FROM flag_history"), 1);
	cr_assert_eq(ask_closed(&x,
			     "SELECT count(*) FROM flag_history JOIN flagset ON id = flags_id"
			     " WHERE text = '\\Flagged' AND from_run = 1 AND to_run = 2"),
		1);
	/* The file is gone: the flags are recorded all the same. */
	cr_assert_eq(unlinkat(x.t.fd, old_name, 0), 0);
	begin_run(&x, 7);
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str(""), &x.e), 1, "%s", x.e.text);
	end_run(&x);
	look(&x, g, 1, &f);
	cr_assert_str_eq(f.flags, "");
	finish(&x);
}

Test(store, flags_are_known_however_the_messages_came)
{
	static const char *const flags[] = {"", "\\Seen", "work", "\\Seen work"};
	struct fixture x;
	char body[RIG_BODY_MAX];
	begin(&x);
	begin_run(&x, 7);
	for (uint32_t i = 0; i < 1500; i++) {
		/* Newest first, then oldest first, then some in between. */
		uint32_t uid = i < 700 ? 2000 - i : i < 1400 ? i - 699 : 900 + (i - 1400) * 2;
		cr_assert_eq(archive_rig_put(x.g, uid, body, archive_rig_body(false, uid, body),
				     flags[uid % 4], &x.e),
			0, "%s", x.e.text);
		if (store_commit_due(x.s))
			OK(&x, store_commit(x.s, &x.e));
		if (i % 300 == 0)
			cr_assert_eq(
				store_flags_seen(x.g, uid, slice_str(flags[uid % 4]), &x.e), 0);
	}
	for (int again = 0; again <= 1; again++) {
		cr_assert_eq(uidset_count(store_stored(x.g)), 1500);
		for (uint32_t uid = 0; (uid = uidset_next(store_stored(x.g), uid)) != 0;)
			cr_assert_eq(store_flags_seen(x.g, uid, slice_str(flags[uid % 4]), &x.e), 0,
				"UID %u", uid);
		end_run(&x);
		reopen(&x);
		begin_run(&x, 7);
	}
	end_run(&x);
	finish(&x);
}

Test(store, failed_messages_count_their_attempts_until_they_are_stored)
{
	struct fixture x;
	struct found f;
	char reason[1000];
	memset(reason, 'r', sizeof reason - 1);
	reason[sizeof reason - 1] = '\0';
	begin(&x);
	begin_run(&x, 7);
	int64_t g = store_generation_id(x.g);
	OK(&x, store_message_failed(x.g, 3, "NO", &x.e));
	OK(&x, store_message_failed(x.g, 3, reason, &x.e));
	cr_assert(uidset_has(store_failed(x.g), 3));
	put(&x, 4, "d\r\n", "");
	OK(&x, store_message_failed(x.g, 4, "NO", &x.e));
	cr_assert(uidset_has(store_stored(x.g), 4));
	cr_assert_not(uidset_has(store_failed(x.g), 4));
	end_run(&x);
	reopen(&x);
	look(&x, g, 3, &f);
	cr_assert_eq(f.r.state, STORE_FAILED);
	cr_assert_eq(f.r.attempts, 2);
	cr_assert_eq(strlen(f.reason), 500);
	begin_run(&x, 7);
	cr_assert(uidset_has(store_failed(x.g), 3));
	put(&x, 3, "c\r\n", "");
	cr_assert_not(uidset_has(store_failed(x.g), 3));
	end_run(&x);
	look(&x, g, 3, &f);
	cr_assert_eq(f.r.state, STORE_STORED);
	cr_assert_eq(f.r.first_run, 2);
	cr_assert_str_eq(f.reason, "");
	must_read(&x, g, 3, "c\r\n");
	finish(&x);
}

static void range(struct fixture *x, struct uidset *s, uint32_t lo, uint32_t hi)
{
	uidset_clear(s);
	OK(x, uidset_add_range(s, lo, hi, &x->e));
}

Test(store, what_is_gone_keeps_its_file_and_may_come_back)
{
	struct fixture x;
	struct found f;
	struct uidset u = UIDSET_INIT;
	begin(&x);
	begin_run(&x, 7);
	int64_t g = store_generation_id(x.g);
	put(&x, 1, "a\r\n", "\\Seen");
	put(&x, 2, "b\r\n", "");
	OK(&x, store_message_failed(x.g, 3, "NO", &x.e));
	end_run(&x);
	begin_run(&x, 7);
	range(&x, &u, 1, 5);
	OK(&x, store_messages_gone(x.g, &u, &x.e));
	OK(&x, store_messages_gone(x.g, &u, &x.e));
	end_run(&x);
	reopen(&x);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 2);
	must_read(&x, g, 1, "a\r\n");
	look(&x, g, 1, &f);
	cr_assert_eq(f.r.state, STORE_GONE);
	cr_assert_eq(f.r.gone_run, 2);
	begin_run(&x, 7);
	cr_assert_eq(uidset_count(store_gone(x.g)), 5);
	cr_assert(uidset_is_empty(store_stored(x.g)) && uidset_is_empty(store_failed(x.g)));
	/* Fetched after all: it is the one we have. */
	put(&x, 2, "b\r\n", "");
	cr_assert(uidset_has(store_stored(x.g), 2));
	range(&x, &u, 1, UID_MAX);
	OK(&x, store_messages_back(x.g, &u, &x.e));
	cr_assert_eq(uidset_count(store_stored(x.g)), 2);
	cr_assert(uidset_is_empty(store_gone(x.g)));
	cr_assert_eq(store_flags_seen(x.g, 1, slice_str("\\Seen"), &x.e), 0);
	end_run(&x);
	look(&x, g, 1, &f);
	cr_assert_eq(f.r.gone_run, 0);
	look(&x, g, 4, &f);
	cr_assert_eq(f.calls, 0);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 2);
	uidset_release(&u);
	finish(&x);
}

Test(store, unknown_uids_are_gone_up_to_the_limit)
{
	struct fixture x;
	struct uidset u = UIDSET_INIT;
	begin(&x);
	begin_run(&x, 7);
	put(&x, 5, "a\r\n", "");
	range(&x, &u, 1, STORE_GONE_MAX + 2);
	cr_assert_eq(store_messages_gone(x.g, &u, &x.e), -1);
	cr_assert_eq(x.e.code, E_LIMIT);
	cr_assert_eq(x.e.scope, ERR_MAILBOX);
	cr_assert(uidset_has(store_stored(x.g), 5));
	range(&x, &u, 1, STORE_GONE_MAX + 1); /* one of them is known */
	OK(&x, store_messages_gone(x.g, &u, &x.e));
	cr_assert_eq(uidset_count(store_gone(x.g)), STORE_GONE_MAX + 1);
	end_run(&x);
	uidset_release(&u);
	finish(&x);
}

Test(store, a_link_is_another_name_of_the_same_file)
{
	struct fixture x;
	int64_t other, previous;
	struct store_generation *h;
	struct stat st;
	struct found f;
	char name[512];
	const struct store_meta meta = {.uid = 8,
		.flags = slice_str("\\Flagged work"),
		.date = {.secs = 1000000001, .zone = -60, .valid = true}};
	begin(&x);
	begin_run(&x, 7);
	int64_t g = store_generation_id(x.g);
	put(&x, 1, "a\r\n", "");
	OK(&x, archive_rig_mailbox(x.s, "All", &other, &x.e));
	OK(&x, store_generation_open(x.s, other, 3, &h, &previous, &x.e));
	/* The source is still in the open group. */
	OK(&x, store_message_link(h, &meta, g, 1, &x.e));
	OK(&x, store_message_link(h, &meta, g, 1, &x.e));
	cr_assert_eq(store_message_link(h, &meta, g, 2, &x.e), -1);
	cr_assert_eq(x.e.code, E_MISSING);
	cr_assert_eq(x.e.scope, ERR_MESSAGE);
	int64_t there = store_generation_id(h);
	end_run(&x);
	must_read(&x, there, 8, "a\r\n");
	look(&x, there, 8, &f);
	snprintf(name, sizeof name, "a/mail/All/cur/%s:2,Fa", f.base);
	cr_assert_eq(fstatat(x.t.fd, name, &st, 0), 0, "%s", name);
	cr_assert_eq(st.st_nlink, 2);
	store_generation_close(h);
	finish(&x);
}

static int64_t size_of_id(struct fixture *x, const char *id)
{
	struct store_known k;
	int found = store_known_by_id(x->s, slice_str(id), &k, &x->e);
	cr_assert_geq(found, 0, "%s", x->e.text);
	return found > 0 ? (int64_t)k.size : -1;
}

static void put_with_id(struct fixture *x, uint32_t uid, const char *id, uint64_t claimed)
{
	struct store_message *m;
	const struct store_meta meta = {
		.uid = uid, .email_id = slice_str(id), .size_claimed = claimed};
	OK(x, store_message_begin(x->g, &m, &x->e));
	OK(x, store_message_write(m, "a\r\n", 3, &x->e));
	OK(x, store_message_finish(m, &meta, &x->e));
}

Test(store, messages_are_found_by_their_id)
{
	struct fixture x;
	struct store_known k;
	begin(&x);
	begin_run(&x, 7);
	put_with_id(&x, 1, "M1", 0);
	put_with_id(&x, 2, "m1", 77);
	OK(&x, store_message_failed(x.g, 3, "no", &x.e));
	cr_assert_eq(size_of_id(&x, "M1"), 3, "in the open group");
	cr_assert_eq(size_of_id(&x, "m1"), 77, "an id has upper and lower case");
	cr_assert_eq(size_of_id(&x, "M"), -1);
	cr_assert_eq(size_of_id(&x, ""), -1);
	OK(&x, store_commit(x.s, &x.e));
	cr_assert_eq(store_known_by_id(x.s, slice_str("m1"), &k, &x.e), 1);
	cr_assert_eq(k.generation, store_generation_id(x.g));
	cr_assert_eq(k.uid, 2);
	end_run(&x);
	finish(&x);
}

Test(store, a_link_has_the_time_of_its_file)
{
	struct fixture x;
	struct store_meta meta = {.uid = 8, .flags = slice_str("")};
	begin(&x);
	begin_run(&x, 7);
	put_with_id(&x, 1, "M1", 0);
	int64_t g = store_generation_id(x.g);
	meta.date = (struct mail_date){.secs = 5, .valid = true};
	cr_assert_eq(store_message_link(x.g, &meta, g, 1, &x.e), -1);
	cr_assert_eq(x.e.code, E_INVALID);
	cr_assert_eq(x.e.scope, ERR_MESSAGE);
	err_clear(&x.e);
	meta.date.secs = 0; /* what a message without a date has */
	OK(&x, store_message_link(x.g, &meta, g, 1, &x.e));
	end_run(&x);
	finish(&x);
}

Test(store, a_message_of_the_open_group_can_be_read)
{
	struct fixture x;
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	must_read(&x, store_generation_id(x.g), 1, "a\r\n");
	end_run(&x);
	finish(&x);
}

Test(store, the_header_ends_with_the_first_empty_line)
{
	static const struct {
		const char *body, *header;
	} row[] = {
		{"A: b\r\n\r\nbody\r\n\r\n", "A: b\r\n\r\n"},
		{"A: b\n\nbody\n", "A: b\n\n"},
		{"\r\nbody\r\n", "\r\n"},
		{"\nbody", "\n"},
		{"A: b\r\n", "A: b\r\n"},
		{"", ""},
		{"A\r\n\rB\r\n\r\nx", "A\r\n\rB\r\n\r\n"},
		{"A\r\n\r\r\n\r\nx", "A\r\n\r\r\n\r\n"},
	};
	struct fixture x;
	begin(&x);
	begin_run(&x, 7);
	for (uint32_t i = 0; i < sizeof row / sizeof row[0]; i++)
		put(&x, i + 1, row[i].body, "");
	int64_t g = store_generation_id(x.g);
	end_run(&x);
	for (uint32_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		unsigned char got[SHA256_LEN], want[SHA256_LEN];
		struct sha256 *h = sha256_new(&x.e);
		OK(&x, sha256_begin(h, &x.e));
		OK(&x, sha256_add(h, row[i].header, strlen(row[i].header), &x.e));
		OK(&x, sha256_end(h, want, &x.e));
		sha256_free(h);
		OK(&x, store_message_header_hash(x.s, g, i + 1, got, &x.e));
		cr_assert_arr_eq(got, want, SHA256_LEN, "row %u", i);
	}
	finish(&x);
}

/* ---- recovery --------------------------------------------------------------------------------- */

Test(store, a_lost_index_is_made_anew_from_the_tree)
{
	static const char *const lost[] = {"missing", "empty"};
	for (int k = 0; k < 2; k++) {
		struct fixture x;
		struct found f;
		struct store_run r;
		struct buf text = BUF_INIT(100);
		int64_t id;
		begin(&x);
		begin_run(&x, 6);
		put(&x, 1, "old\r\n", "");
		end_run(&x);
		begin_run(&x, 7);
		put(&x, 1, "a\r\n", "\\Seen work");
		put(&x, 2, "b\n", "");
		OK(&x, archive_rig_mailbox(x.s, "Empty/box", &id, &x.e));
		end_run(&x);
		store_close(x.s);
		if (k == 0)
			cr_assert_eq(unlinkat(x.t.fd, "a/index.db", 0), 0);
		else
			cr_assert(tmp_tree_write(&x.t, "a/index.db", "", 0));
		OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
		cr_assert(store_recovered(x.s)->unclean, "%s", lost[k]);
		cr_assert_eq(store_recovered(x.s)->adopted, 3);
		cr_assert_eq(store_recovered(x.s)->damaged, 0);
		cr_assert_eq(store_run_last(x.s, STORE_RUN_RUNNING, &r, &text, &x.e), 0);
		struct store_mailbox_list l;
		OK(&x, store_mailboxes(x.s, &l, &x.e));
		cr_assert_eq(l.n, 2);
		cr_assert_str_eq(buf_str(&l.at[0].wire), "Empty/box");
		cr_assert_eq(l.at[1].uidvalidity, 7);
		cr_assert_eq(l.at[1].stored, 2);
		cr_assert_eq(l.at[1].complete_run, 0);
		int64_t g = l.at[1].generation;
		store_mailbox_list_release(&l);
		look(&x, g, 1, &f);
		cr_assert_str_eq(f.flags, "\\Seen work");
		cr_assert_eq(f.r.date.secs, 1000000001);
		must_read(&x, g, 2, "b\n");
		begin_run(&x, 7);
		cr_assert_eq(x.previous, 0);
		cr_assert_eq(uidset_count(store_stored(x.g)), 2);
		end_run(&x);
		buf_release(&text);
		finish(&x);
	}
}

Test(store, without_side_files_the_folders_tell_the_names)
{
	struct fixture x;
	struct store_mailbox_list l;
	int64_t id;
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	OK(&x, archive_rig_mailbox(x.s, "A&APw-/b", &id, &x.e));
	end_run(&x);
	store_close(x.s);
	cr_assert_eq(unlinkat(x.t.fd, "a/index.db", 0), 0);
	cr_assert_eq(unlinkat(x.t.fd, "a/mail/INBOX/.mailbox", 0), 0);
	cr_assert_eq(unlinkat(x.t.fd, "a/mail/A\xC3\xBC/b/.mailbox", 0), 0);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	OK(&x, store_mailboxes(x.s, &l, &x.e));
	cr_assert_eq(l.n, 2);
	cr_assert_str_eq(buf_str(&l.at[0].wire), "A&APw-/b");
	cr_assert_str_eq(buf_str(&l.at[1].wire), "INBOX");
	cr_assert_eq(l.at[1].stored, 1);
	store_mailbox_list_release(&l);
	finish(&x);
}

Test(store, a_file_whose_name_lies_about_its_size_is_not_adopted)
{
	struct fixture x;
	struct found f;
	char from[512], to[512];
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "ab\r\n", "");
	int64_t g = store_generation_id(x.g);
	end_run(&x);
	look(&x, g, 1, &f);
	store_close(x.s);
	snprintf(from, sizeof from, "a/mail/INBOX/cur/%s:2,", f.base);
	snprintf(to, sizeof to, "%s", from);
	char *size = strstr(to, ",S=3,");
	cr_assert_not_null(size, "%s", to);
	size[3] = '2';
	cr_assert_eq(renameat(x.t.fd, from, x.t.fd, to), 0);
	cr_assert_eq(unlinkat(x.t.fd, "a/index.db", 0), 0);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	cr_assert_eq(store_recovered(x.s)->adopted, 0);
	cr_assert_eq(store_recovered(x.s)->damaged, 1);
	finish(&x);
}

/* Change one byte of the only file in INBOX. */
static void damage(struct fixture *x, const char *base)
{
	char name[512];
	snprintf(name, sizeof name, "a/mail/INBOX/cur/%s:2,", base);
	cr_assert(tmp_tree_exists(&x->t, name), "%s", name);
	cr_assert(tmp_tree_write(&x->t, name, "z\n", 2));
}

Test(store, a_damaged_file_is_not_adopted_and_its_message_stays_failed)
{
	struct fixture x;
	struct found f;
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	int64_t g = store_generation_id(x.g);
	end_run(&x);
	look(&x, g, 1, &f);
	store_close(x.s);
	damage(&x, f.base);
	cr_assert_eq(unlinkat(x.t.fd, "a/index.db", 0), 0);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	cr_assert_eq(store_recovered(x.s)->adopted, 0);
	cr_assert_eq(store_recovered(x.s)->damaged, 1);
	/* Fetched again it would get the same name. What is there is not replaced, and not believed. */
	begin_run(&x, 7);
	g = store_generation_id(x.g);
	put(&x, 1, "a\r\n", "");
	put(&x, 2, "b\r\n", "");
	OK(&x, store_commit(x.s, &x.e));
	cr_assert(uidset_has(store_failed(x.g), 1));
	cr_assert_not(uidset_has(store_stored(x.g), 1));
	cr_assert(uidset_has(store_stored(x.g), 2));
	end_run(&x);
	look(&x, g, 1, &f);
	cr_assert_eq(f.r.state, STORE_FAILED);
	cr_assert_not(f.r.has_file);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 2);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/tmp"), 0);
	finish(&x);
}

Test(store, a_good_file_of_the_same_name_is_taken_for_the_message)
{
	struct fixture x;
	struct found f;
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	int64_t g = store_generation_id(x.g);
	end_run(&x);
	look(&x, g, 1, &f);
	store_close(x.s);
	/* The row is lost, and nobody noticed. */
	run_sql(&x, "DELETE FROM message");
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	end_run(&x);
	must_read(&x, g, 1, "a\r\n");
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/cur"), 1);
	cr_assert_eq(tmp_tree_count(&x.t, "a/mail/INBOX/tmp"), 0);
	finish(&x);
}

Test(store, a_rebuilt_index_takes_the_current_uidvalidity_from_the_side_file)
{
	struct fixture x;
	struct store_mailbox_list l;
	static const uint32_t uidvalidity[] = {6, 7, 6};
	begin(&x);
	for (size_t i = 0; i < 3; i++) {
		begin_run(&x, uidvalidity[i]);
		put(&x, 1, "a\r\n", "");
		end_run(&x);
	}
	store_close(x.s);
	cr_assert_eq(unlinkat(x.t.fd, "a/index.db", 0), 0);
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	cr_assert_eq(store_recovered(x.s)->adopted, 2);
	OK(&x, store_mailboxes(x.s, &l, &x.e));
	cr_assert_eq(l.at[0].uidvalidity, 6);
	store_mailbox_list_release(&l);
	finish(&x);
}

Test(store, a_side_file_in_the_wrong_folder_is_not_believed)
{
	struct fixture x;
	struct store_mailbox_list l;
	static const char side[] = "imapsync-mailbox 1\nname Other\ndelimiter /\n";
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	end_run(&x);
	store_close(x.s);
	cr_assert_eq(unlinkat(x.t.fd, "a/index.db", 0), 0);
	cr_assert(tmp_tree_write(&x.t, "a/mail/INBOX/.mailbox", side, sizeof side - 1));
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	OK(&x, store_mailboxes(x.s, &l, &x.e));
	cr_assert_eq(l.n, 1);
	cr_assert_str_eq(buf_str(&l.at[0].wire), "INBOX");
	store_mailbox_list_release(&l);
	finish(&x);
}

Test(store, an_adopted_file_is_flushed_with_its_directory_before_it_has_a_row)
{
	static const enum fault_kind kind[] = {FAULT_FDATASYNC, FAULT_FSYNC};
	for (size_t i = 0; i < 2; i++) {
		struct fixture x;
		struct fault_fsys f;
		begin(&x);
		begin_run(&x, 7);
		put(&x, 1, "a\r\n", "");
		end_run(&x);
		die_in_a_run(&x);
		run_sql(&x, "DELETE FROM message");
		fault_fsys_init(&f);
		fault_fsys_fail(&f, kind[i], 1, EIO);
		cr_assert_eq(archive_rig_open(&x.s, x.path, STORE_WRITE, &f.fs, &x.e), -1, "%s",
			fault_kind_name(kind[i]));
		cr_assert_eq(x.e.code, E_IO, "%s", x.e.text);
		cr_assert_eq(ask(&x, "SELECT count(*) FROM message"), 0);
		fault_fsys_release(&f);
		OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
		cr_assert_eq(store_recovered(x.s)->adopted, 1);
		finish(&x);
	}
}

Test(store, a_damaged_index_is_found_after_an_unclean_end)
{
	struct fixture x;
	size_t n;
	begin(&x);
	die_in_a_run(&x);
	/* A table that opening does not read. */
	long page = ask(&x, "SELECT rootpage FROM sqlite_schema WHERE name = 'restore_journal'");
	unsigned char *bytes = tmp_tree_read(&x.t, "a/index.db", &n);
	cr_assert(bytes != NULL && (size_t)page * 4096 <= n);
	memset(bytes + (size_t)(page - 1) * 4096, 0xA5, 16);
	cr_assert(tmp_tree_write(&x.t, "a/index.db", bytes, n));
	free(bytes);
	cr_assert_eq(archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e), -1);
	cr_assert_eq(x.e.code, E_CORRUPT, "%s", x.e.text);
	finish(&x);
}

Test(store, a_new_archive_is_flushed_with_its_parent_before_the_index_is_committed)
{
	struct tmp_tree t;
	struct store *s;
	struct fault_fsys f;
	struct err e = ERR_INIT;
	char path[256];
	cr_assert(tmp_tree_make(&t));
	snprintf(path, sizeof path, "%s/a", t.path);
	fault_fsys_init(&f);
	f.logging = true;
	cr_assert_eq(archive_rig_open(&s, path, STORE_WRITE, &f.fs, &e), 0, "%s", e.text);
	const char *log = buf_str(&f.log);
	const char *parent = strstr(log, "openat ..\nfsync\n"), *mail = strstr(log, "mkdirat mail");
	cr_assert(parent != NULL && mail != NULL, "%s", log);
	const char *root = strstr(parent + strlen("openat ..\nfsync\n"), "fsync\n");
	cr_assert(root != NULL && root < mail, "%s", log);
	store_close(s);
	fault_fsys_release(&f);
	tmp_tree_remove(&t);
}

Test(store, leftovers_are_removed_after_an_unclean_end_and_strangers_stay)
{
	struct fixture x;
	begin(&x);
	begin_run(&x, 7);
	end_run(&x);
	die_in_a_run(&x);
	cr_assert(tmp_tree_write(&x.t, "a/mail/INBOX/tmp/1.2.imapsync-tmp", "x", 1));
	cr_assert(tmp_tree_write(&x.t, "a/mail/INBOX/tmp/stranger", "x", 1));
	cr_assert(tmp_tree_write(&x.t, "a/mail/INBOX/cur/stranger:2,S", "x", 1));
	OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, NULL, &x.e));
	cr_assert_eq(store_recovered(x.s)->reaped, 1);
	cr_assert_eq(store_recovered(x.s)->adopted, 0);
	cr_assert(tmp_tree_exists(&x.t, "a/mail/INBOX/tmp/stranger"));
	cr_assert(tmp_tree_exists(&x.t, "a/mail/INBOX/cur/stranger:2,S"));
	finish(&x);
}

Test(store, a_missing_file_is_an_error_of_its_message_alone)
{
	struct fixture x;
	struct found f;
	struct buf b = BUF_INIT(100);
	char name[512];
	begin(&x);
	begin_run(&x, 7);
	put(&x, 1, "a\r\n", "");
	put(&x, 2, "b\r\n", "");
	int64_t g = store_generation_id(x.g);
	end_run(&x);
	look(&x, g, 1, &f);
	snprintf(name, sizeof name, "a/mail/INBOX/cur/%s:2,", f.base);
	cr_assert_eq(unlinkat(x.t.fd, name, 0), 0);
	OK(&x, store_run_begin(x.s, &x.e));
	reopen(&x);
	cr_assert_eq(store_message_read(x.s, g, 1, collect, &b, &x.e), -1);
	cr_assert_eq(x.e.code, E_MISSING, "%s", x.e.text);
	cr_assert_eq(x.e.scope, ERR_MESSAGE);
	must_read(&x, g, 2, "b\r\n");
	buf_release(&b);
	finish(&x);
}

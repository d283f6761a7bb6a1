/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/index.h"
#include "tests/support/tmp_tree.h"

struct opened {
	struct tmp_tree t;
	struct index *x;
	bool fresh;
	struct err e;
};

static void begin(struct opened *o)
{
	memset(o, 0, sizeof *o);
	cr_assert(tmp_tree_make(&o->t));
}

static int open_index(struct opened *o, bool write)
{
	return index_open(&o->x, fsys_real(), o->t.fd, o->t.path, write, &o->fresh, &o->e);
}

static void close_index(struct opened *o)
{
	index_close(o->x);
	o->x = NULL;
}

static void create(struct opened *o)
{
	begin(o);
	cr_assert_eq(open_index(o, true), 0, "%s", o->e.text);
	cr_assert(o->fresh);
	cr_assert_eq(index_commit(o->x, &o->e), 0, "%s", o->e.text);
	close_index(o);
}

static void finish(struct opened *o)
{
	close_index(o);
	tmp_tree_remove(&o->t);
}

/* Something behind the program's back. */
static void run_sql(struct opened *o, const char *sql)
{
	char path[256];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/index.db", o->t.path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql,
		sqlite3_errmsg(db));
	sqlite3_close(db);
}

static long ask(struct opened *o, const char *sql)
{
	char path[256];
	sqlite3 *db;
	sqlite3_stmt *st;
	snprintf(path, sizeof path, "%s/index.db", o->t.path);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW, "%s: no row", sql);
	long v = (long)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

Test(index, a_new_one_has_our_number_a_version_and_all_tables)
{
	struct opened o;
	create(&o);
	cr_assert_eq(ask(&o, "PRAGMA application_id"), 0x494D5359);
	cr_assert_eq(ask(&o, "PRAGMA user_version"), 1);
	cr_assert_eq(
		ask(&o,
			"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
			" ('meta','run','flagset','mailbox','mailbox_span','generation','message',"
			"'flag_history','restore_journal')"),
		9);
	cr_assert_eq(open_index(&o, true), 0, "%s", o.e.text);
	cr_assert_not(o.fresh);
	finish(&o);
}

Test(index, is_readable_by_its_owner_only_whatever_the_umask)
{
	static const mode_t masks[] = {0, 022, 077};
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		struct opened o;
		struct stat st;
		mode_t old = umask(masks[i]);
		create(&o);
		umask(old);
		cr_assert_eq(fstatat(o.t.fd, "index.db", &st, 0), 0);
		cr_assert_eq(st.st_mode & 07777, 0600, "umask %03o", (unsigned)masks[i]);
		finish(&o);
	}
}

Test(index, what_is_not_committed_is_gone_after_closing)
{
	struct opened o;
	struct buf value = BUF_INIT(100);
	create(&o);
	cr_assert_eq(open_index(&o, true), 0);
	cr_assert_eq(index_meta_set(o.x, "a", slice_str("1"), &o.e), 0);
	cr_assert_eq(index_commit(o.x, &o.e), 0);
	cr_assert_eq(index_meta_set(o.x, "a", slice_str("2"), &o.e), 0);
	cr_assert_eq(index_meta_get(o.x, "a", &value, &o.e), 1);
	cr_assert_str_eq(buf_str(&value), "2");
	close_index(&o);
	cr_assert_eq(open_index(&o, true), 0);
	cr_assert_eq(index_meta_get(o.x, "a", &value, &o.e), 1);
	cr_assert_str_eq(buf_str(&value), "1");
	buf_release(&value);
	finish(&o);
}

Test(index, refuses_what_is_not_its_own)
{
	static const struct {
		const char *sql, *text;
	} row[] = {
		{"PRAGMA user_version = 2", "newer imapsync"},
		{"PRAGMA user_version = 2000000000", "newer imapsync"},
		{"PRAGMA user_version = 0", "no version"},
		{"PRAGMA user_version = -1", "no version"},
		{"PRAGMA application_id = 1", "not made by imapsync"},
		{"PRAGMA application_id = 0", "not made by imapsync"},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		for (int write = 0; write <= 1; write++) {
			struct opened o;
			create(&o);
			run_sql(&o, row[i].sql);
			cr_assert_eq(open_index(&o, write), -1, "%s", row[i].sql);
			cr_assert_eq(o.e.code, E_CORRUPT, "%s", row[i].sql);
			cr_assert_eq(o.e.scope, ERR_STORE, "%s", row[i].sql);
			cr_assert(strstr(o.e.text, row[i].text) != NULL, "%s: %s", row[i].sql,
				o.e.text);
			finish(&o);
		}
}

Test(index, a_file_that_is_no_database_is_corrupt_and_stays_as_it_is)
{
	struct opened o;
	char junk[8192];
	size_t n;
	memset(junk, 'x', sizeof junk);
	begin(&o);
	cr_assert(tmp_tree_write(&o.t, "index.db", junk, sizeof junk));
	for (int write = 0; write <= 1; write++) {
		cr_assert_eq(open_index(&o, write), -1);
		cr_assert_eq(o.e.code, E_CORRUPT, "%s", o.e.text);
	}
	unsigned char *now = tmp_tree_read(&o.t, "index.db", &n);
	cr_assert(now != NULL && n == sizeof junk && memcmp(now, junk, n) == 0);
	free(now);
	finish(&o);
}

Test(index, an_empty_file_is_made_anew_by_a_writer_and_refused_by_a_reader)
{
	struct opened o;
	create(&o);
	cr_assert(tmp_tree_write(&o.t, "index.db", "", 0));
	cr_assert_eq(open_index(&o, false), -1);
	cr_assert_eq(o.e.code, E_CORRUPT);
	cr_assert_eq(open_index(&o, true), 0, "%s", o.e.text);
	cr_assert(o.fresh);
	finish(&o);
}

Test(index, a_missing_file_is_missing_for_a_reader)
{
	struct opened o;
	begin(&o);
	cr_assert_eq(open_index(&o, false), -1);
	cr_assert_eq(o.e.code, E_MISSING);
	cr_assert_not(tmp_tree_exists(&o.t, "index.db"));
	finish(&o);
}

Test(index, only_an_ordinary_file_is_opened)
{
	static const char *const kind[] = {"symbolic link", "folder", "FIFO"};
	for (int k = 0; k < 3; k++)
		for (int write = 0; write <= 1; write++) {
			struct opened o;
			char path[256];
			create(&o);
			snprintf(path, sizeof path, "%s/index.db", o.t.path);
			if (k == 0) {
				cr_assert_eq(renameat(o.t.fd, "index.db", o.t.fd, "real.db"), 0);
				cr_assert_eq(symlinkat("real.db", o.t.fd, "index.db"), 0);
			} else {
				cr_assert_eq(unlink(path), 0);
				cr_assert_eq(k == 1 ? mkdir(path, 0700) : mkfifo(path, 0600), 0);
			}
			cr_assert_eq(open_index(&o, write), -1, "%s", kind[k]);
			cr_assert_eq(o.e.code, E_CORRUPT, "%s: %s", kind[k], o.e.text);
			finish(&o);
		}
}

Test(index, the_path_must_lead_to_the_folder_that_was_opened)
{
	struct opened o;
	struct tmp_tree other;
	bool fresh;
	create(&o);
	cr_assert(tmp_tree_make(&other));
	cr_assert(tmp_tree_write(&other, "index.db", "", 0));
	cr_assert_eq(index_open(&o.x, fsys_real(), o.t.fd, other.path, true, &fresh, &o.e), -1);
	cr_assert_eq(o.e.code, E_IO, "%s", o.e.text);
	tmp_tree_remove(&other);
	finish(&o);
}

Test(index, a_damaged_page_is_found_by_the_check)
{
	struct opened o;
	size_t n;
	create(&o);
	unsigned char *bytes = tmp_tree_read(&o.t, "index.db", &n);
	cr_assert(bytes != NULL && n > 3 * 4096);
	unsigned found = 0;
	for (size_t page = 1; page < n / 4096; page++) {
		unsigned char keep[16];
		memcpy(keep, bytes + page * 4096, sizeof keep);
		memset(bytes + page * 4096, 0xA5, sizeof keep);
		cr_assert(tmp_tree_write(&o.t, "index.db", bytes, n));
		int result = open_index(&o, true);
		if (result == 0)
			result = index_check(o.x, &o.e);
		cr_assert_eq(result, -1, "page %zu", page);
		cr_assert_eq(o.e.code, E_CORRUPT, "page %zu: %s", page, o.e.text);
		close_index(&o);
		memcpy(bytes + page * 4096, keep, sizeof keep);
		found++;
	}
	cr_assert_gt(found, 3);
	cr_assert(tmp_tree_write(&o.t, "index.db", bytes, n));
	cr_assert_eq(open_index(&o, true), 0);
	cr_assert_eq(index_check(o.x, &o.e), 0, "%s", o.e.text);
	free(bytes);
	finish(&o);
}

Test(index, a_file_cut_short_is_corrupt)
{
	struct opened o;
	size_t n;
	create(&o);
	unsigned char *bytes = tmp_tree_read(&o.t, "index.db", &n);
	cr_assert_not_null(bytes);
	/* SQLite counts a file of one byte as an empty one; and an empty table does not miss the end of the
	 * last page. */
	for (size_t cut = 2; cut + 4096 <= n; cut += cut < 200 ? 1 : 1021) {
		cr_assert(tmp_tree_write(&o.t, "index.db", bytes, cut));
		int result = open_index(&o, true);
		if (result == 0)
			result = index_check(o.x, &o.e);
		cr_assert_eq(result, -1, "%zu bytes", cut);
		cr_assert_eq(o.e.code, E_CORRUPT, "%zu bytes: %s", cut, o.e.text);
		close_index(&o);
	}
	free(bytes);
	finish(&o);
}

static int count_flags(void *ctx, const struct store_record *r)
{
	(void)r;
	++*(int *)ctx;
	return 0;
}

struct nested {
	struct index *x;
	int calls;
};

static int look_again(void *ctx, const struct store_record *r)
{
	struct nested *n = ctx;
	struct err e;
	int seen = 0;
	cr_assert_eq(index_records(n->x, r->generation, r->uid, r->uid, count_flags, &seen, &e), 0);
	cr_assert_eq(seen, 1);
	n->calls++;
	return 0;
}

Test(index, a_question_may_be_asked_while_it_is_being_answered)
{
	struct opened o;
	struct index_mailbox box;
	struct index_generation g = {0, 0, 7};
	int64_t run, flagset;
	static const unsigned char hash[SHA256_LEN];
	create(&o);
	cr_assert_eq(open_index(&o, true), 0);
	cr_assert_eq(index_run_insert(o.x, INDEX_RUN_BACKUP, 1, &run, &o.e), 0);
	index_mailbox_init(&box);
	buf_add_str(&box.wire, "INBOX");
	cr_assert_eq(index_mailbox_insert(o.x, &box, run, &o.e), 0, "%s", o.e.text);
	g.mailbox = box.id;
	cr_assert_eq(index_generation_make(o.x, &g, run, &o.e), 0, "%s", o.e.text);
	cr_assert_eq(index_flagset_make(o.x, slice_str(""), &flagset, &o.e), 0);
	for (uint32_t uid = 1; uid <= 5; uid++) {
		const struct index_message m = {
			.uid = uid, .base = slice_str("x"), .sha256 = hash, .flagset = flagset};
		cr_assert_eq(index_message_put(o.x, g.id, &m, run, &o.e), 0, "%s", o.e.text);
		cr_assert_eq(index_message_put(o.x, g.id, &m, run, &o.e), -1, "stored twice");
	}
	struct nested n = {o.x, 0};
	cr_assert_eq(index_records(o.x, g.id, 1, UID_MAX, look_again, &n, &o.e), 0);
	cr_assert_eq(n.calls, 5);
	index_mailbox_release(&box);
	finish(&o);
}

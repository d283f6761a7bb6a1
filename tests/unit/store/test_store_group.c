/* SPDX-License-Identifier: MIT */
/*
 * A small backup in which every system call, and every file operation of SQLite, fails in turn. After each: what is
 * on disk is true, and the next backup completes, fetching nothing twice.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <sqlite3.h>
#include <string.h>

#include "core/base/uidset.h"
#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/tmp_tree.h"

TestSuite(store_group, .init = archive_rig_in_memory);

static void path_in(const struct tmp_tree *t, char out[256])
{
	snprintf(out, 256, "%s/a", t->path);
}

/* Check, sync, check completely; `what` is for the message. */
static void must_heal(const char *path, const char *what, unsigned long n)
{
	struct err e = ERR_INIT;
	unsigned fetched;
	const char *problem = archive_rig_check(path, STORE_READ);
	cr_assert(problem == NULL, "%s %lu: %s", what, n, problem);
	cr_assert_eq(archive_rig_sync(path, NULL, &fetched, &e), 0, "%s %lu, again: %s", what, n,
		e.text);
	problem = archive_rig_check_complete(path);
	cr_assert(problem == NULL, "%s %lu, at the end: %s", what, n, problem);
	cr_assert_eq(archive_rig_sync(path, NULL, &fetched, &e), 0, "%s %lu, once more: %s", what,
		n, e.text);
	cr_assert_eq(fetched, 0, "%s %lu: %u messages were fetched again", what, n, fetched);
}

enum way { ONE_THREAD, NO_SYNCFS, WITH_WRITER };

/* One round; false: there are not so many calls. */
static bool round_with(int error, unsigned long n, enum way way)
{
	struct tmp_tree t;
	char path[256];
	struct fault_fsys f;
	struct err e = ERR_INIT;
	unsigned fetched;
	cr_assert(tmp_tree_make(&t));
	path_in(&t, path);
	fault_fsys_init(&f);
	if (way == NO_SYNCFS)
		f.always[FAULT_SYNCFS] = ENOSYS;
	f.fs.threads = way == WITH_WRITER;
	fault_fsys_fail(&f, FAULT_ANY, n, error);
	int result = archive_rig_sync(path, &f.fs, &fetched, &e);
	bool failed = f.failed, more = f.calls[FAULT_ANY] >= n;
	cr_assert(failed || result == 0, "call %lu: %s", n, e.text);
	cr_assert_eq(f.open, 0, "call %lu: %ld descriptors are still open", n, f.open);
	cr_assert(result == 0 || e.text[0] != '\0', "call %lu: no text", n);
	cr_assert(f.helped == (way == WITH_WRITER) || failed, "the wrong threads were at work");
	fault_fsys_release(&f);
	must_heal(path, "call", n);
	tmp_tree_remove(&t);
	return more;
}

Test(store_group, every_system_call_may_fail_with_an_input_output_error)
{
	unsigned long n = 1;
	while (round_with(EIO, n, ONE_THREAD))
		n++;
	cr_assert_gt(n, 200, "only %lu calls were tried", n);
}

Test(store_group, every_system_call_may_fail_because_the_disk_is_full)
{
	unsigned long n = 1;
	while (round_with(ENOSPC, n, ONE_THREAD))
		n += archive_rig_step(3);
	cr_assert_gt(n, 200, "only %lu calls were tried", n);
}

Test(store_group, every_system_call_may_fail_where_there_is_no_syncfs)
{
	unsigned long n = 1;
	while (round_with(EIO, n, NO_SYNCFS))
		n++;
	cr_assert_gt(n, 200, "only %lu calls were tried", n);
}

/* Which call is number n differs from run to run then. */
Test(store_group, every_system_call_may_fail_when_a_thread_writes)
{
	unsigned long n = 1;
	while (round_with(n % 2 == 0 ? EIO : ENOSPC, n, WITH_WRITER))
		n += archive_rig_step(3);
	cr_assert_gt(n, 200, "only %lu calls were tried", n);
}

static bool sqlite_round(int rc, unsigned long n)
{
	struct tmp_tree t;
	char path[256];
	struct err e = ERR_INIT;
	unsigned fetched;
	cr_assert(tmp_tree_make(&t));
	path_in(&t, path);
	cr_assert(fault_vfs_install());
	fault_vfs_fail(n, rc, NULL);
	int result = archive_rig_sync(path, NULL, &fetched, &e);
	bool failed = fault_vfs_failed();
	cr_assert(failed || result == 0, "operation %lu: %s", n, e.text);
	fault_vfs_fail(0, 0, NULL);
	fault_vfs_remove();
	if (result != 0 && (rc & 0xff) == SQLITE_FULL && e.code != E_FULL && e.code != E_IO)
		cr_assert(false, "operation %lu: code %s", n, err_code_name(e.code));
	must_heal(path, "operation", n);
	tmp_tree_remove(&t);
	return failed;
}

Test(store_group, every_operation_of_sqlite_may_fail)
{
	unsigned long n = 1;
	while (sqlite_round(SQLITE_IOERR_WRITE, n))
		n++;
	cr_assert_gt(n, 50, "only %lu operations were tried", n);
}

Test(store_group, every_operation_of_sqlite_may_find_the_disk_full)
{
	unsigned long n = 1;
	while (sqlite_round(SQLITE_FULL, n))
		n += archive_rig_step(3);
	cr_assert_gt(n, 50, "only %lu operations were tried", n);
}

/* ---- single failures and their codes ----------------------------------------------------------- */

struct opened {
	struct tmp_tree t;
	char path[256];
	struct fault_fsys f;
	struct store *s;
	struct store_generation *g;
	struct err e;
};

static void start(struct opened *o)
{
	int64_t id, previous;
	memset(o, 0, sizeof *o);
	cr_assert(tmp_tree_make(&o->t));
	path_in(&o->t, o->path);
	fault_fsys_init(&o->f);
	cr_assert_eq(
		archive_rig_open(&o->s, o->path, STORE_WRITE, &o->f.fs, &o->e), 0, "%s", o->e.text);
	cr_assert_eq(store_run_begin(o->s, &o->e), 0);
	cr_assert_eq(archive_rig_mailbox(o->s, "INBOX", &id, &o->e), 0);
	cr_assert_eq(store_generation_open(o->s, id, 7, &o->g, &previous, &o->e), 0);
	/* What a new folder owes is settled. */
	cr_assert_eq(store_commit(o->s, &o->e), 0, "%s", o->e.text);
}

static void put_messages(struct opened *o, uint32_t from, uint32_t to)
{
	char body[RIG_BODY_MAX];
	for (uint32_t uid = from; uid <= to; uid++)
		cr_assert_eq(archive_rig_put(o->g, uid, body, archive_rig_body(false, uid, body),
				     "\\Seen", &o->e),
			0, "%s", o->e.text);
}

static void finish(struct opened *o)
{
	store_generation_close(o->g);
	store_close(o->s);
	fault_fsys_release(&o->f);
	tmp_tree_remove(&o->t);
}

Test(store_group, a_failed_flush_ends_the_store_and_leaves_no_file)
{
	static const struct {
		enum fault_kind kind;
		uint32_t messages;
		int error;
		enum err_code code;
	} row[] = {
		{FAULT_FDATASYNC, 1, EIO, E_IO},
		{FAULT_FDATASYNC, 1, ENOSPC, E_FULL},
		{FAULT_FDATASYNC, 8, EDQUOT, E_FULL},
		{FAULT_SYNCFS, 9, EIO, E_IO},
		{FAULT_SYNCFS, 20, ENOSPC, E_FULL},
		{FAULT_CLOSE, 3, EIO, E_IO},
		{FAULT_FSYNC, 3, EIO, E_IO},
		{FAULT_RENAME_NOREPLACE, 3, ENOSPC, E_FULL},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct opened o;
		struct err e = ERR_INIT;
		const char *what = fault_kind_name(row[i].kind);
		start(&o);
		put_messages(&o, 1, row[i].messages);
		fault_fsys_fail(&o.f, row[i].kind, 1, row[i].error);
		cr_assert_eq(store_commit(o.s, &e), -1, "%s", what);
		cr_assert_eq(e.scope, ERR_STORE, "%s", what);
		cr_assert_eq(e.code, row[i].code, "%s: %s", what, e.text);
		cr_assert_eq(tmp_tree_count(&o.t, "a/mail/INBOX/tmp"), 0, "%s", what);
		cr_assert_eq(tmp_tree_count(&o.t, "a/mail/INBOX/cur"), 0, "%s", what);
		cr_assert_eq(store_commit(o.s, &e), -1, "%s: committed after a failure", what);
		cr_assert_eq(e.code, E_STATE, "%s", what);
		cr_assert_eq(archive_rig_end(o.s, STORE_RUN_OK, &e), 0, "%s: %s", what, e.text);
		finish(&o);
	}
}

Test(store_group, a_dead_run_is_recorded_as_failed_and_the_next_opening_looks_for_files)
{
	struct opened o;
	struct err e = ERR_INIT;
	struct store_run r;
	struct buf text = BUF_INIT(1024);
	struct store *s;
	start(&o);
	put_messages(&o, 1, 2);
	fault_fsys_fail(&o.f, FAULT_FDATASYNC, 1, EIO);
	cr_assert_eq(store_commit(o.s, &e), -1);
	cr_assert_eq(archive_rig_end(o.s, STORE_RUN_OK, &e), 0);
	store_generation_close(o.g);
	store_close(o.s);
	o.g = NULL;
	o.s = NULL;
	cr_assert_eq(archive_rig_open(&s, o.path, STORE_WRITE, NULL, &e), 0, "%s", e.text);
	cr_assert(store_recovered(s)->unclean);
	cr_assert_eq(store_run_last(s, STORE_RUN_RUNNING, &r, &text, &e), 1);
	cr_assert_eq(r.result, STORE_RUN_FAILED);
	cr_assert_eq(store_run_last(s, STORE_RUN_OK, &r, &text, &e), 0);
	store_close(s);
	cr_assert_eq(archive_rig_open(&s, o.path, STORE_WRITE, NULL, &e), 0, "%s", e.text);
	cr_assert_not(store_recovered(s)->unclean);
	store_close(s);
	buf_release(&text);
	finish(&o);
}

Test(store_group, a_group_is_flushed_published_and_flushed_again_in_this_order)
{
	static const uint32_t sizes[] = {1, 8, 9, 40};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct opened o;
		start(&o);
		put_messages(&o, 1, sizes[i]);
		o.f.logging = true;
		cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
		const char *log = buf_str(&o.f.log);
		const char *rename = strstr(log, "rename_noreplace");
		const char *flush = strstr(log, sizes[i] <= 8 ? "fdatasync" : "syncfs");
		cr_assert(
			rename != NULL && flush != NULL && flush < rename, "%u: %s", sizes[i], log);
		const char *last = rename;
		for (const char *p = rename; (p = strstr(p, "rename_noreplace")) != NULL; p++)
			last = p;
		cr_assert(
			strstr(last, "fsync") != NULL, "%u: no flush after the renames", sizes[i]);
		for (const char *p = rename; p != NULL && sizes[i] <= 8; p = strstr(p, "fdatasync"))
			cr_assert(p == rename, "%u: a file is flushed after a rename", sizes[i]);
		finish(&o);
	}
}

/* The last call of one of these kinds in a log. */
static const char *last_of(const char *log, const char *a, const char *b)
{
	const char *last = NULL;
	for (const char *p = log; *p != '\0'; p = strchr(p, '\n') + 1)
		if (strncmp(p, a, strlen(a)) == 0 || strncmp(p, b, strlen(b)) == 0)
			last = p;
	return last;
}

static void new_folder(struct opened *o, const char *name)
{
	int64_t id, previous;
	struct store_generation *g;
	cr_assert_eq(archive_rig_mailbox(o->s, name, &id, &o->e), 0, "%s", o->e.text);
	cr_assert_eq(store_generation_open(o->s, id, 5, &g, &previous, &o->e), 0, "%s", o->e.text);
	store_generation_close(g);
}

Test(store_group, new_folders_wait_for_one_flush_at_the_commit)
{
	struct opened o;
	char name[16];
	start(&o);
	o.f.logging = true;
	for (unsigned i = 0; i < 30; i++) {
		snprintf(name, sizeof name, "a/box%u", i);
		new_folder(&o, name);
	}
	const char *log = buf_str(&o.f.log);
	cr_assert(last_of(log, "fsync", "fdatasync") == NULL &&
			last_of(log, "syncfs", "syncfs") == NULL,
		"%s", log);
	cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
	const char *made = last_of(buf_str(&o.f.log), "mkdirat", "rename");
	cr_assert(made != NULL && strstr(made, "syncfs") != NULL, "a folder was never flushed");
	/* Owed once, not for ever. */
	buf_clear(&o.f.log);
	cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
	cr_assert(strstr(buf_str(&o.f.log), "syncfs") == NULL, "%s", buf_str(&o.f.log));
	finish(&o);
}

Test(store_group, a_new_folder_whose_flush_failed_has_no_row)
{
	struct opened o;
	struct store_mailbox_list l;
	start(&o);
	new_folder(&o, "box");
	fault_fsys_fail(&o.f, FAULT_SYNCFS, 1, EIO);
	cr_assert_eq(store_commit(o.s, &o.e), -1);
	cr_assert_eq(o.e.code, E_IO);
	err_clear(&o.e);
	/* What is recorded of a run owes nothing, so the failure is on the disk after a flush only. */
	o.f.logging = true;
	cr_assert_eq(archive_rig_end(o.s, STORE_RUN_OK, &o.e), 0, "%s", o.e.text);
	cr_assert(strstr(buf_str(&o.f.log), "syncfs") != NULL, "%s", buf_str(&o.f.log));
	cr_assert_eq(store_mailboxes(o.s, &l, &o.e), 0);
	cr_assert_eq(l.n, 1, "%zu mailboxes", l.n);
	store_mailbox_list_release(&l);
	finish(&o);
}

Test(store_group, folders_of_a_run_that_died_are_flushed_at_the_next_opening)
{
	struct opened o;
	start(&o);
	new_folder(&o, "box");
	store_generation_close(o.g);
	o.g = NULL;
	store_close(o.s);
	o.f.logging = true;
	cr_assert_eq(archive_rig_open(&o.s, o.path, STORE_WRITE, &o.f.fs, &o.e), 0, "%s", o.e.text);
	cr_assert(store_recovered(o.s)->unclean);
	cr_assert(strstr(buf_str(&o.f.log), "syncfs") != NULL, "%s", buf_str(&o.f.log));
	finish(&o);
}

Test(store_group, the_side_file_of_a_known_folder_is_never_at_risk)
{
	struct opened o;
	struct store_generation *g;
	int64_t id, previous;
	start(&o);
	new_folder(&o, "box"); /* something is owed */
	o.f.logging = true;
	cr_assert_eq(archive_rig_mailbox(o.s, "INBOX", &id, &o.e), 0);
	cr_assert_eq(store_generation_open(o.s, id, 8, &g, &previous, &o.e), 0, "%s", o.e.text);
	store_generation_close(g);
	const char *log = buf_str(&o.f.log);
	const char *rename = strstr(log, "renameat"), *flush = strstr(log, "fdatasync");
	cr_assert(rename != NULL && flush != NULL && flush < rename, "%s", log);
	finish(&o);
}

Test(store_group, where_there_is_no_syncfs_a_new_folder_is_flushed_at_once)
{
	struct opened o;
	start(&o);
	store_generation_close(o.g);
	o.g = NULL;
	cr_assert_eq(archive_rig_end(o.s, STORE_RUN_OK, &o.e), 0, "%s", o.e.text);
	store_close(o.s);
	o.f.always[FAULT_SYNCFS] = ENOSYS;
	cr_assert_eq(archive_rig_open(&o.s, o.path, STORE_WRITE, &o.f.fs, &o.e), 0, "%s", o.e.text);
	cr_assert_eq(store_run_begin(o.s, &o.e), 0);
	o.f.logging = true;
	new_folder(&o, "box");
	const char *made = last_of(buf_str(&o.f.log), "mkdirat", "rename");
	cr_assert(made != NULL && strstr(made, "\nfsync") != NULL, "%s", buf_str(&o.f.log));
	finish(&o);
}

Test(store_group, a_keyword_has_its_letter_on_disk_before_a_file_name_uses_it)
{
	struct opened o;
	char body[RIG_BODY_MAX];
	start(&o);
	cr_assert_eq(
		archive_rig_put(o.g, 1, body, archive_rig_body(false, 1, body), "work", &o.e), 0);
	o.f.logging = true;
	cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
	const char *log = buf_str(&o.f.log);
	const char *letter = strstr(log, "dovecot-keywords"), *use = strstr(log, ":2,a");
	cr_assert(letter != NULL && use != NULL && letter < use, "%s", log);
	finish(&o);
}

Test(store_group, many_files_do_not_need_many_descriptors)
{
	struct opened o;
	start(&o);
	long before = o.f.open;
	put_messages(&o, 1, 300);
	cr_assert_leq(o.f.open - before, 8, "%ld are open", o.f.open - before);
	cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
	cr_assert_eq(tmp_tree_count(&o.t, "a/mail/INBOX/cur"), 300);
	finish(&o);
}

Test(store_group, many_mailboxes_do_not_need_many_descriptors)
{
	struct opened o;
	char name[64], body[RIG_BODY_MAX];
	size_t n = archive_rig_body(false, 1, body);
	start(&o);
	long before = o.f.open;
	o.f.logging = true;
	for (unsigned i = 0; i < 80; i++) {
		int64_t id, previous;
		struct store_generation *g;
		snprintf(name, sizeof name, "box%u", i);
		cr_assert_eq(archive_rig_mailbox(o.s, name, &id, &o.e), 0, "%s", o.e.text);
		cr_assert_eq(store_generation_open(o.s, id, 5, &g, &previous, &o.e), 0);
		cr_assert_eq(archive_rig_put(g, 1, body, n, "work", &o.e), 0, "%s", o.e.text);
		store_generation_close(g);
		cr_assert_leq(o.f.open - before, 3 * 48 + 8, "%ld are open", o.f.open - before);
	}
	buf_clear(&o.f.log);
	cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
	cr_assert_eq(tmp_tree_count(&o.t, "a/mail/box0/cur"), 1);
	cr_assert(tmp_tree_exists(&o.t, "a/mail/box0/dovecot-keywords"));
	finish(&o);
}

Test(store_group, is_due_at_its_number_of_files)
{
	struct opened o;
	start(&o);
	put_messages(&o, 1, STORE_GROUP_FILES - 1);
	cr_assert_not(store_commit_due(o.s));
	put_messages(&o, STORE_GROUP_FILES, STORE_GROUP_FILES);
	cr_assert(store_commit_due(o.s));
	cr_assert_eq(store_commit(o.s, &o.e), 0, "%s", o.e.text);
	cr_assert_not(store_commit_due(o.s));
	finish(&o);
}

Test(store_group, is_due_at_its_number_of_bytes)
{
	struct opened o;
	struct store_message *m;
	const struct store_meta meta = {.uid = 1};
	static const char chunk[1 << 20];
	start(&o);
	cr_assert_eq(store_message_begin(o.g, &m, &o.e), 0);
	for (size_t n = 0; n < STORE_GROUP_BYTES; n += sizeof chunk)
		cr_assert_eq(store_message_write(m, chunk, sizeof chunk - (n == 0), &o.e), 0);
	cr_assert_eq(store_message_finish(m, &meta, &o.e), 0, "%s", o.e.text);
	cr_assert_not(store_commit_due(o.s));
	put_messages(&o, 2, 2);
	cr_assert(store_commit_due(o.s));
	finish(&o);
}

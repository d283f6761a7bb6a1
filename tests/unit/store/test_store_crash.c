/* SPDX-License-Identifier: MIT */
/*
 * A small backup is killed before each of its system calls, and before each file operation of SQLite. What is left
 * on disk is true at every point, and the next backup completes it without fetching anything that was
 * already in its place.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/tmp_tree.h"

TestSuite(store_crash, .init = archive_rig_in_memory);

static void die(void)
{
	kill(getpid(), SIGKILL);
}

enum victim { SYSTEM_CALL, SYSTEM_CALL_OF_ANY_THREAD, SQLITE_OPERATION };

/* Run the backup in a child that dies at step n. true: it died; false: it came to the end. */
static bool killed_at(const char *path, enum victim victim, unsigned long n)
{
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		struct fault_fsys f;
		struct err e = ERR_INIT;
		unsigned fetched;
		fault_fsys_init(&f);
		f.at_fault = die;
		f.fs.threads = victim == SYSTEM_CALL_OF_ANY_THREAD;
		if (victim != SQLITE_OPERATION)
			fault_fsys_fail(&f, FAULT_ANY, n, EIO);
		else if (!fault_vfs_install())
			_exit(3);
		else
			fault_vfs_fail(n, SQLITE_IOERR, die);
		_exit(archive_rig_sync(path, &f.fs, &fetched, &e) == 0 ? 0 : 2);
	}
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "step %lu: status %d", n, status);
	return false;
}

/* Files in cur/ of both mailboxes: what the next backup need not fetch. */
static int published(const struct tmp_tree *t)
{
	int a = tmp_tree_count(t, "a/mail/INBOX/cur"),
	    b = tmp_tree_count(t, "a/mail/Work/2016/cur");
	return (a > 0 ? a : 0) + (b > 0 ? b : 0);
}

static bool round_at(enum victim victim, unsigned long n)
{
	struct tmp_tree t;
	char path[256];
	struct err e = ERR_INIT;
	unsigned fetched;
	cr_assert(tmp_tree_make(&t));
	snprintf(path, sizeof path, "%s/a", t.path);
	bool killed = killed_at(path, victim, n);
	const char *problem = archive_rig_check(path, STORE_READ);
	cr_assert(problem == NULL, "step %lu: %s", n, problem);
	int there = published(&t);
	cr_assert_eq(archive_rig_sync(path, NULL, &fetched, &e), 0, "step %lu: %s", n, e.text);
	problem = archive_rig_check_complete(path);
	cr_assert(problem == NULL, "step %lu, at the end: %s", n, problem);
	/* All but one are fetched; that one is a link, when its time comes. */
	int most = RIG_INBOX_FILES + RIG_WORK_FILES - there;
	cr_assert_leq((int)fetched, most, "step %lu: %u fetched, %d were there", n, fetched, there);
	cr_assert_eq(archive_rig_sync(path, NULL, &fetched, &e), 0, "step %lu: %s", n, e.text);
	cr_assert_eq(fetched, 0, "step %lu: %u fetched again", n, fetched);
	tmp_tree_remove(&t);
	return killed;
}

Test(store_crash, a_backup_may_be_killed_before_any_system_call)
{
	unsigned long n = 1;
	while (round_at(SYSTEM_CALL, n))
		n++;
	cr_assert_gt(n, 200, "only %lu steps were tried", n);
}

Test(store_crash, a_backup_may_be_killed_before_any_system_call_when_a_thread_writes)
{
	unsigned long n = 1;
	while (round_at(SYSTEM_CALL_OF_ANY_THREAD, n))
		n += archive_rig_step(3);
	cr_assert_gt(n, 200, "only %lu steps were tried", n);
}

Test(store_crash, a_backup_may_be_killed_before_any_file_operation_of_sqlite)
{
	unsigned long n = 1;
	while (round_at(SQLITE_OPERATION, n))
		n++;
	cr_assert_gt(n, 50, "only %lu steps were tried", n);
}

/* SPDX-License-Identifier: MIT */
/* Flags in file names: changed with the commit, letters before names, many folders with few flushes. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

TestSuite(store_rename, .init = archive_rig_in_memory);

#define BOXES_MAX 120

struct fixture {
	struct tmp_tree t;
	char path[256];
	struct fault_fsys f;
	struct store *s;
	struct store_generation *g[BOXES_MAX];
	unsigned n;
	struct err e;
};

#define OK(x, call) cr_assert_eq((call), 0, "%s", (x)->e.text)

static void close_it(struct fixture *x)
{
	for (unsigned i = 0; i < x->n; i++) {
		store_generation_close(x->g[i]);
		x->g[i] = NULL;
	}
	store_close(x->s);
	x->s = NULL;
}

/* A run that has the mailboxes open. */
static int open_it(struct fixture *x, struct err *e)
{
	if (archive_rig_open(&x->s, x->path, STORE_WRITE, &x->f.fs, e) != 0 ||
		store_run_begin(x->s, e) != 0)
		return -1;
	for (unsigned i = 0; i < x->n; i++) {
		int64_t id, previous;
		char name[16];
		snprintf(name, sizeof name, "box%03u", i);
		if (archive_rig_mailbox(x->s, name, &id, e) != 0 ||
			store_generation_open(x->s, id, 5, &x->g[i], &previous, e) != 0)
			return -1;
	}
	return 0;
}

/* An archive with one message in each of n mailboxes, and a run. */
static void begin(struct fixture *x, unsigned n, int syncfs)
{
	char body[RIG_BODY_MAX];
	memset(x, 0, sizeof *x);
	x->n = n;
	cr_assert(tmp_tree_make(&x->t));
	snprintf(x->path, sizeof x->path, "%s/a", x->t.path);
	fault_fsys_init(&x->f);
	x->f.always[FAULT_SYNCFS] = syncfs;
	OK(x, open_it(x, &x->e));
	for (unsigned i = 0; i < n; i++)
		OK(x,
			archive_rig_put(
				x->g[i], 1, body, archive_rig_body(false, 1, body), "", &x->e));
	OK(x, archive_rig_end(x->s, STORE_RUN_OK, &x->e));
	close_it(x);
	OK(x, open_it(x, &x->e));
	fault_fsys_fail(&x->f, FAULT_ANY, 0, 0);
	x->f.logging = true;
}

static void finish(struct fixture *x)
{
	close_it(x);
	cr_assert_eq(x->f.open, 0, "%ld descriptors are still open", x->f.open);
	fault_fsys_release(&x->f);
	tmp_tree_remove(&x->t);
}

static int change(struct fixture *x, const char *flags, struct err *e)
{
	for (unsigned i = 0; i < x->n; i++)
		if (store_flags_seen(x->g[i], 1, slice_str(flags), e) < 0)
			return -1;
	return 0;
}

/* The letters in the name of the only file of a mailbox, or NULL. */
static const char *letters_of(const struct fixture *x, unsigned box)
{
	static char text[64];
	char folder[300], name[300] = "";
	unsigned files = 0;
	snprintf(folder, sizeof folder, "%s/mail/box%03u/cur", x->path, box);
	DIR *d = opendir(folder);
	cr_assert_not_null(d);
	for (struct dirent *entry; (entry = readdir(d)) != NULL;)
		if (entry->d_name[0] != '.') {
			snprintf(name, sizeof name, "%s", entry->d_name);
			files++;
		}
	closedir(d);
	char *at = files == 1 ? strstr(name, ":2,") : NULL;
	if (at == NULL)
		return NULL;
	snprintf(text, sizeof text, "%s", at + 3);
	return text;
}

static void all_have(const struct fixture *x, const char *letters, const char *when)
{
	for (unsigned i = 0; i < x->n; i++) {
		const char *found = letters_of(x, i);
		cr_assert(found != NULL && strcmp(found, letters) == 0, "%s: box %u has %s, not %s",
			when, i, found != NULL ? found : "no file", letters);
	}
}

/* ---- when ------------------------------------------------------------------------------------- */

Test(store_rename, names_change_with_the_commit_and_not_before)
{
	struct fixture x;
	begin(&x, 3, 0);
	OK(&x, change(&x, "\\Seen", &x.e));
	all_have(&x, "", "before");
	OK(&x, store_commit(x.s, &x.e));
	all_have(&x, "S", "after");
	OK(&x, change(&x, "", &x.e));
	close_it(&x);
	all_have(&x, "S", "given up");
	finish(&x);
}

Test(store_rename, the_last_of_several_changes_is_the_one_that_stays)
{
	static const char *const flags[] = {
		"\\Seen", "\\Flagged work", "\\Answered \\Seen work", "\\Seen", "", "\\Draft"};
	struct fixture x;
	begin(&x, 2, 0);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		OK(&x, change(&x, flags[i], &x.e));
	OK(&x, store_commit(x.s, &x.e));
	all_have(&x, "D", "six changes");
	finish(&x);
}

/* ---- the order of flushes --------------------------------------------------------------------- */

static const char *first(const char *log, const char *what)
{
	return strstr(log, what);
}

static const char *last(const char *log, const char *what)
{
	const char *found = NULL;
	for (const char *p = log; (p = strstr(p, what)) != NULL; p++)
		found = p;
	return found;
}

static bool between(const char *a, const char *what, const char *b)
{
	const char *found = a != NULL ? strstr(a, what) : NULL;
	return found != NULL && b != NULL && found < b;
}

#define SIDE "dovecot-keywords"

Test(store_rename, letters_of_many_folders_are_flushed_together_and_before_names_use_them)
{
	struct fixture x;
	begin(&x, BOXES_MAX, 0);
	OK(&x, change(&x, "\\Seen work", &x.e));
	buf_clear(&x.f.log);
	fault_fsys_fail(&x.f, FAULT_ANY, 0, 0);
	OK(&x, store_commit(x.s, &x.e));
	cr_assert_eq(buf_check(&x.f.log, "the log", &x.e), 0);
	const char *log = buf_str(&x.f.log), *name = first(log, "rename_noreplace");
	cr_assert(between(first(log, "write"), "syncfs", first(log, "renameat")),
		"a side file gets its name before it is flushed");
	cr_assert(between(last(log, "renameat"), "syncfs", name),
		"a letter is used before it is flushed");
	cr_assert(last(log, "syncfs") > last(log, "rename_noreplace"), "names are not flushed");
	cr_assert_leq(x.f.calls[FAULT_SYNCFS], 7, "%lu", x.f.calls[FAULT_SYNCFS]);
	cr_assert_eq(x.f.calls[FAULT_FSYNC] + x.f.calls[FAULT_FDATASYNC], 0);
	all_have(&x, "Sa", "together");
	/* The next keyword does not cost the first its letter. */
	OK(&x, change(&x, "home work", &x.e));
	OK(&x, store_commit(x.s, &x.e));
	all_have(&x, "ab", "the next one");
	finish(&x);
}

Test(store_rename, flags_without_letters_of_their_own_take_one_flush)
{
	struct fixture x;
	begin(&x, BOXES_MAX, 0);
	OK(&x, change(&x, "\\Flagged \\Seen", &x.e));
	fault_fsys_fail(&x.f, FAULT_ANY, 0, 0);
	OK(&x, store_commit(x.s, &x.e));
	cr_assert_leq(x.f.calls[FAULT_SYNCFS], 2, "%lu", x.f.calls[FAULT_SYNCFS]);
	cr_assert_eq(x.f.calls[FAULT_FSYNC] + x.f.calls[FAULT_FDATASYNC], 0);
	cr_assert_eq(x.f.calls[FAULT_RENAME_NOREPLACE], BOXES_MAX);
	all_have(&x, "FS", "together");
	finish(&x);
}

Test(store_rename, without_syncfs_each_folder_is_flushed)
{
	struct fixture x;
	begin(&x, BOXES_MAX, ENOSYS);
	OK(&x, change(&x, "\\Seen work", &x.e));
	buf_clear(&x.f.log);
	fault_fsys_fail(&x.f, FAULT_ANY, 0, 0);
	OK(&x, store_commit(x.s, &x.e));
	/* Of each: the side file, the folder that it is in, the names of the messages. */
	cr_assert_geq(x.f.calls[FAULT_FDATASYNC], BOXES_MAX);
	cr_assert_geq(x.f.calls[FAULT_FSYNC], 2 * BOXES_MAX);
	const char *log = buf_str(&x.f.log);
	cr_assert_lt(first(log, SIDE), first(log, "rename_noreplace"));
	all_have(&x, "Sa", "singly");
	finish(&x);
}

/* ---- failures --------------------------------------------------------------------------------- */

#define FEW 5 /* more than are flushed one by one */

static void die(void)
{
	kill(getpid(), SIGKILL);
}

/* A run in which flags changed; killed before its n-th system call, or that fails. */
static int change_and_end(struct fixture *x, unsigned long n, int error, void (*at_fault)(void))
{
	struct err e = ERR_INIT, second = ERR_INIT;
	x->f.at_fault = at_fault;
	fault_fsys_fail(&x->f, FAULT_ANY, n, error);
	int result = open_it(x, &e);
	if (result == 0)
		result = change(x, "\\Seen work", &e);
	if (x->s != NULL && store_run_id(x->s) != 0 &&
		archive_rig_end(x->s, result == 0 ? STORE_RUN_OK : STORE_RUN_FAILED, &second) != 0)
		result = -1;
	close_it(x);
	return result;
}

/* One file in each folder, with letters that the side file knows; and the next run puts all right. */
static void must_heal(struct fixture *x, const char *what, unsigned long n)
{
	for (unsigned i = 0; i < x->n; i++) {
		char side[64];
		const char *found = letters_of(x, i);
		snprintf(side, sizeof side, "a/mail/box%03u/" SIDE, i);
		cr_assert_not_null(found, "%s %lu: box %u", what, n, i);
		cr_assert(strchr(found, 'a') == NULL || tmp_tree_exists(&x->t, side),
			"%s %lu: box %u uses a letter that nobody knows", what, n, i);
	}
	cr_assert_eq(change_and_end(x, 0, 0, NULL), 0, "%s %lu", what, n);
	all_have(x, "Sa", what);
}

Test(store_rename, a_run_may_be_killed_before_any_system_call)
{
	bool killed = true;
	unsigned long n = 1;
	for (; killed; n++) {
		struct fixture x;
		int status;
		begin(&x, FEW, 0);
		close_it(&x);
		pid_t child = fork();
		cr_assert_geq(child, 0);
		if (child == 0)
			_exit(change_and_end(&x, n, EIO, die) == 0 ? 0 : 2);
		cr_assert_eq(waitpid(child, &status, 0), child);
		killed = WIFSIGNALED(status);
		cr_assert(killed || WEXITSTATUS(status) == 0, "step %lu", n);
		must_heal(&x, "step", n);
		finish(&x);
	}
	cr_assert_gt(n, 60, "only %lu steps were tried", n);
}

Test(store_rename, any_system_call_may_fail)
{
	static const int error[] = {EIO, ENOSPC};
	for (size_t k = 0; k < sizeof error / sizeof error[0]; k++) {
		bool failed = true;
		for (unsigned long n = 1; failed; n += k == 0 ? 1 : archive_rig_step(3)) {
			struct fixture x;
			begin(&x, FEW, 0);
			close_it(&x);
			(void)change_and_end(&x, n, error[k], NULL);
			failed = x.f.failed;
			must_heal(&x, "call", n);
			finish(&x);
		}
	}
}

/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

struct tree {
	struct tmp_tree t;
	char path[256];
	struct err e;
};

static void begin(struct tree *x)
{
	struct store *s;
	memset(x, 0, sizeof *x);
	cr_assert(tmp_tree_make(&x->t));
	snprintf(x->path, sizeof x->path, "%s/a", x->t.path);
	cr_assert_eq(archive_rig_open(&s, x->path, STORE_WRITE, NULL, &x->e), 0, "%s", x->e.text);
	store_close(s);
}

Test(store_lock, one_writer_excludes_all_and_readers_exclude_writers)
{
	static const struct {
		enum store_mode first, second;
		bool together;
	} row[] = {
		{STORE_WRITE, STORE_WRITE, false},
		{STORE_WRITE, STORE_READ, false},
		{STORE_READ, STORE_WRITE, false},
		{STORE_READ, STORE_READ, true},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct tree x;
		struct store *a, *b;
		begin(&x);
		cr_assert_eq(
			archive_rig_open(&a, x.path, row[i].first, NULL, &x.e), 0, "%s", x.e.text);
		int result = archive_rig_open(&b, x.path, row[i].second, NULL, &x.e);
		cr_assert_eq(result, row[i].together ? 0 : -1, "row %zu", i);
		if (!row[i].together) {
			cr_assert_null(b);
			cr_assert_eq(x.e.code, E_LOCKED, "row %zu", i);
			cr_assert(strstr(x.e.text, "another run is using the archive") != NULL);
			cr_assert(strstr(x.e.text, x.path) != NULL, "%s", x.e.text);
		}
		store_close(b);
		store_close(a);
		cr_assert_eq(archive_rig_open(&b, x.path, STORE_WRITE, NULL, &x.e), 0,
			"row %zu: the lock stays after closing", i);
		store_close(b);
		tmp_tree_remove(&x.t);
	}
}

Test(store_lock, goes_with_the_process_that_held_it)
{
	struct tree x;
	struct store *s;
	int ready[2];
	int64_t id;
	char c;
	begin(&x);
	cr_assert_eq(pipe(ready), 0);
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		if (archive_rig_open(&s, x.path, STORE_WRITE, NULL, &x.e) != 0 ||
			store_run_begin(s, &x.e) != 0 ||
			archive_rig_mailbox(s, "INBOX", &id, &x.e) != 0 ||
			write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	cr_assert_eq(read(ready[0], &c, 1), 1);
	cr_assert_eq(archive_rig_open(&s, x.path, STORE_WRITE, NULL, &x.e), -1);
	cr_assert_eq(x.e.code, E_LOCKED);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	cr_assert_eq(archive_rig_open(&s, x.path, STORE_WRITE, NULL, &x.e), 0, "%s", x.e.text);
	cr_assert(store_recovered(s)->unclean);
	store_close(s);
	close(ready[0]);
	close(ready[1]);
	tmp_tree_remove(&x.t);
}

/* An fsys whose flock() is preceded by somebody replacing (or removing) the file. */
static char steal_from[300];
static bool steal_removes;

static int stealing_flock(void *ctx, int fd, int operation)
{
	(void)ctx;
	unlink(steal_from);
	if (!steal_removes)
		close(open(steal_from, O_CREAT | O_RDWR, 0600));
	return flock(fd, operation);
}

Test(store_lock, a_lock_file_that_is_replaced_meanwhile_is_no_lock)
{
	for (int removes = 0; removes <= 1; removes++)
		for (int mode = 0; mode <= 1; mode++) {
			struct tree x;
			struct store *s;
			begin(&x);
			struct fsys fs = *fsys_real();
			fs.flock = stealing_flock;
			steal_removes = removes;
			snprintf(steal_from, sizeof steal_from, "%s/lock", x.path);
			cr_assert_eq(archive_rig_open(&s, x.path, mode ? STORE_WRITE : STORE_READ,
					     &fs, &x.e),
				-1);
			cr_assert_eq(x.e.code, E_LOCKED, "%s", x.e.text);
			tmp_tree_remove(&x.t);
		}
}

Test(store_lock, must_be_an_ordinary_file)
{
	static const char *const kind[] = {"symbolic link", "folder", "FIFO"};
	for (int k = 0; k < 3; k++)
		for (int mode = 0; mode <= 1; mode++) {
			struct tree x;
			struct store *s;
			char lock[300];
			begin(&x);
			snprintf(lock, sizeof lock, "%s/lock", x.path);
			cr_assert_eq(unlink(lock), 0);
			int made = k == 0 ? symlink("README", lock)
				: k == 1  ? mkdir(lock, 0700)
					  : mkfifo(lock, 0600);
			cr_assert_eq(made, 0);
			cr_assert_eq(archive_rig_open(&s, x.path, mode ? STORE_WRITE : STORE_READ,
					     NULL, &x.e),
				-1, "%s", kind[k]);
			cr_assert_neq(x.e.code, E_LOCKED, "%s", kind[k]);
			tmp_tree_remove(&x.t);
		}
}

/* SPDX-License-Identifier: MIT */
/* Runs that find nothing new leave the index alone, and nobody can tell but by looking at it. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

TestSuite(store_unchanged, .init = archive_rig_in_memory);

#define FILE_SIZE 180

struct fixture {
	struct tmp_tree t;
	char path[256], file[300], index[300];
	struct store *s;
	struct err e;
};

#define OK(x, call) cr_assert_eq((call), 0, "%s", (x)->e.text)

static void reopen(struct fixture *x, enum store_mode mode)
{
	store_close(x->s);
	OK(x, archive_rig_open(&x->s, x->path, mode, NULL, &x->e));
}

/* A run that makes the mailboxes and looks at INBOX: number 1. */
static int first_run(struct store *s, struct err *e)
{
	int64_t inbox, work, previous;
	struct store_generation *g;
	const struct store_marks m = {.uidnext = 5, .complete = true, .audited = true};
	if (store_run_begin(s, e) != 0 || archive_rig_mailbox(s, "INBOX", &inbox, e) != 0 ||
		archive_rig_mailbox(s, "Work", &work, e) != 0 ||
		store_generation_open(s, inbox, 7, &g, &previous, e) != 0)
		return -1;
	int result = store_marks_set(g, &m, e);
	store_generation_close(g);
	return result == 0 ? archive_rig_end(s, STORE_RUN_OK, e) : -1;
}

/* STATUS says that nothing changed; *r is how it ends. */
static int unchanged_run(struct store *s, struct store_run *r, struct err *e)
{
	struct store_mailbox_list l;
	if (store_run_begin(s, e) != 0 || store_mailboxes(s, &l, e) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; i < l.n && result == 0; i++) {
		int64_t id;
		const struct store_mailbox_seen m = {.wire = buf_slice(&l.at[i].wire),
			.delimiter = '/',
			.selectable = true,
			.subscribed = true,
			.known = &l.at[i]};
		result = store_mailbox_seen(s, &m, &id, e);
		if (result == 0)
			result = store_mailbox_unchanged(s, id, e);
	}
	store_mailbox_list_release(&l);
	struct err second = ERR_INIT;
	if (store_run_end(s, r, &second) != 0 && result == 0) {
		*e = second;
		result = -1;
	}
	return result;
}

static void run(struct fixture *x, enum store_result result)
{
	struct store_run r = {.result = result, .mailboxes = 2, .text = ""};
	OK(x, unchanged_run(x->s, &r, &x->e));
	cr_assert(r.started > 0 && r.ended >= r.started);
}

static void begin(struct fixture *x)
{
	memset(x, 0, sizeof *x);
	cr_assert(tmp_tree_make(&x->t));
	snprintf(x->path, sizeof x->path, "%s/a", x->t.path);
	snprintf(x->file, sizeof x->file, "%s/unchanged", x->path);
	snprintf(x->index, sizeof x->index, "%s/index.db", x->path);
	OK(x, archive_rig_open(&x->s, x->path, STORE_WRITE, NULL, &x->e));
	OK(x, first_run(x->s, &x->e));
	reopen(x, STORE_WRITE);
}

static void finish(struct fixture *x)
{
	store_close(x->s);
	tmp_tree_remove(&x->t);
}

static struct store_run last(struct fixture *x, enum store_result result)
{
	struct store_run r;
	struct buf text = BUF_INIT(200);
	cr_assert_eq(store_run_last(x->s, result, &r, &text, &x->e), 1, "%s", x->e.text);
	buf_release(&text);
	r.text = NULL;
	return r;
}

static uint32_t unaudited(struct fixture *x)
{
	struct store_mailbox_list l;
	OK(x, store_mailboxes(x->s, &l, &x->e));
	cr_assert_eq(l.n, 2);
	uint32_t runs = l.at[0].runs_since_audit;
	cr_assert_eq(l.at[1].runs_since_audit, runs);
	store_mailbox_list_release(&l);
	return runs;
}

static struct stat look(const char *path)
{
	struct stat st;
	cr_assert_eq(stat(path, &st), 0, "%s", path);
	return st;
}

static bool same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* ---- nothing new ------------------------------------------------------------------------------ */

Test(store_unchanged, such_a_run_writes_no_index_and_is_the_last_good_one)
{
	struct fixture x;
	begin(&x);
	run(&x, STORE_RUN_OK);
	reopen(&x, STORE_WRITE);
	struct stat before = look(x.index);
	for (int64_t n = 2; n < 5; n++) {
		run(&x, STORE_RUN_OK);
		reopen(&x, n % 2 == 0 ? STORE_READ : STORE_WRITE);
		struct store_run r = last(&x, STORE_RUN_OK);
		cr_assert_eq(r.id, 2);
		cr_assert_eq(r.result, STORE_RUN_OK);
		cr_assert_eq(r.mailboxes, 2);
		cr_assert_eq(last(&x, STORE_RUN_RUNNING).id, 2);
		cr_assert_eq(unaudited(&x), n);
		reopen(&x, STORE_WRITE);
	}
	struct stat after = look(x.index), file = look(x.file);
	cr_assert(same_time(&before, &after), "the index was written");
	cr_assert_eq(file.st_size, FILE_SIZE);
	cr_assert_eq(file.st_mode & 07777, 0600);
	finish(&x);
}

Test(store_unchanged, the_number_of_a_run_is_known_before_it_has_a_row)
{
	struct fixture x;
	begin(&x);
	for (int64_t want = 2; want < 8; want += 2) {
		run(&x, STORE_RUN_OK);
		OK(&x, store_run_begin(x.s, &x.e));
		cr_assert_eq(store_run_id(x.s), want + 1);
		int64_t id;
		OK(&x, archive_rig_mailbox(x.s, "INBOX", &id, &x.e));
		cr_assert_eq(store_run_id(x.s), want + 1);
		OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
		cr_assert_eq(last(&x, STORE_RUN_OK).id, want + 1);
	}
	finish(&x);
}

Test(store_unchanged, whatever_else_a_run_found_is_written_into_the_index)
{
	static const struct store_run row[] = {
		{.result = STORE_RUN_PARTIAL},
		{.result = STORE_RUN_FAILED},
		{.result = STORE_RUN_INTERRUPTED},
		{.result = STORE_RUN_OK, .messages_new = 1},
		{.result = STORE_RUN_OK, .bytes_new = 1},
		{.result = STORE_RUN_OK, .messages_gone = 1},
		{.result = STORE_RUN_OK, .flags_changed = 1},
		{.result = STORE_RUN_OK, .failed = 1},
	};
	struct fixture x;
	begin(&x);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct store_run r = row[i];
		r.text = "";
		OK(&x, unchanged_run(x.s, &r, &x.e));
		cr_assert_neq(access(x.file, F_OK), 0, "row %zu", i);
		cr_assert_eq(last(&x, STORE_RUN_RUNNING).result, row[i].result, "row %zu", i);
		cr_assert_eq(unaudited(&x), i + 1, "row %zu", i);
	}
	/* And one that looked at nothing. */
	OK(&x, store_run_begin(x.s, &x.e));
	OK(&x, archive_rig_end(x.s, STORE_RUN_OK, &x.e));
	cr_assert_neq(access(x.file, F_OK), 0);
	finish(&x);
}

/* ---- something new ---------------------------------------------------------------------------- */

Test(store_unchanged, the_last_of_them_gets_a_row_before_the_next_run_has_one)
{
	struct fixture x;
	begin(&x);
	for (int i = 0; i < 3; i++)
		run(&x, STORE_RUN_OK);
	struct store_run good = last(&x, STORE_RUN_OK);
	reopen(&x, STORE_WRITE);
	run(&x, STORE_RUN_FAILED);
	for (int i = 0; i < 2; i++) {
		struct store_run still = last(&x, STORE_RUN_OK);
		cr_assert_eq(still.id, good.id);
		cr_assert_eq(still.started, good.started);
		cr_assert_eq(still.ended, good.ended);
		cr_assert_eq(still.mailboxes, 2);
		cr_assert_eq(last(&x, STORE_RUN_FAILED).id, good.id + 1);
		cr_assert_eq(unaudited(&x), 4);
		reopen(&x, STORE_READ);
	}
	reopen(&x, STORE_WRITE);
	run(&x, STORE_RUN_OK);
	cr_assert_eq(last(&x, STORE_RUN_RUNNING).id, good.id + 2);
	cr_assert_eq(unaudited(&x), 5);
	finish(&x);
}

Test(store_unchanged, a_repair_does_not_make_the_last_good_run_older)
{
	struct fixture x;
	struct store_repair_counts counts;
	begin(&x);
	run(&x, STORE_RUN_OK);
	struct store_run good = last(&x, STORE_RUN_OK);
	OK(&x, store_repair(x.s, NULL, NULL, NULL, &counts, &x.e));
	reopen(&x, STORE_READ);
	struct store_run still = last(&x, STORE_RUN_OK);
	cr_assert_eq(still.id, good.id);
	cr_assert_eq(still.ended, good.ended);
	cr_assert_eq(unaudited(&x), 1);
	finish(&x);
}

/* ---- a file that cannot be believed ----------------------------------------------------------- */

static size_t read_file(const char *path, char out[FILE_SIZE + 1])
{
	FILE *f = fopen(path, "r");
	cr_assert_not_null(f);
	size_t n = fread(out, 1, FILE_SIZE + 1, f);
	fclose(f);
	return n;
}

static void write_file(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, n, f), n);
	fclose(f);
}

Test(store_unchanged, a_torn_file_says_nothing)
{
	struct fixture x;
	char whole[FILE_SIZE + 1], text[FILE_SIZE + 1];
	begin(&x);
	run(&x, STORE_RUN_OK);
	cr_assert_eq(read_file(x.file, whole), FILE_SIZE);
	for (size_t i = 0; i <= 2 * FILE_SIZE; i++) {
		memcpy(text, whole, sizeof text);
		if (i < FILE_SIZE)
			text[i] = text[i] == '1' ? '2' : '1';
		size_t n = i <= FILE_SIZE ? FILE_SIZE : i - FILE_SIZE - 1;
		write_file(x.file, text, n);
		reopen(&x, STORE_READ);
		cr_assert_eq(last(&x, STORE_RUN_OK).id, i == FILE_SIZE ? 2 : 1, "case %zu", i);
		cr_assert_eq(unaudited(&x), i == FILE_SIZE, "case %zu", i);
	}
	text[FILE_SIZE] = '\n';
	memcpy(text, whole, FILE_SIZE);
	write_file(x.file, text, FILE_SIZE + 1);
	reopen(&x, STORE_WRITE);
	cr_assert_eq(last(&x, STORE_RUN_OK).id, 1, "one octet too many");
	/* It is put right when there is something to write. */
	unlink(x.file);
	run(&x, STORE_RUN_OK);
	cr_assert_eq(last(&x, STORE_RUN_OK).id, 2);
	finish(&x);
}

Test(store_unchanged, the_file_counts_only_behind_the_run_that_it_names)
{
	struct fixture x;
	char old[FILE_SIZE + 1];
	begin(&x);
	run(&x, STORE_RUN_OK);
	cr_assert_eq(read_file(x.file, old), FILE_SIZE);
	run(&x, STORE_RUN_FAILED);
	write_file(x.file, old, FILE_SIZE);
	reopen(&x, STORE_READ);
	cr_assert_eq(last(&x, STORE_RUN_RUNNING).result, STORE_RUN_FAILED);
	cr_assert_eq(unaudited(&x), 2);
	finish(&x);
}

Test(store_unchanged, where_the_file_cannot_be_written_the_index_is)
{
	static const enum fault_kind kind[] = {FAULT_OPENAT, FAULT_WRITE};
	struct fixture x;
	struct fault_fsys f;
	begin(&x);
	cr_assert_eq(mkdir(x.file, 0700), 0);
	run(&x, STORE_RUN_OK);
	reopen(&x, STORE_WRITE);
	cr_assert_eq(last(&x, STORE_RUN_OK).id, 2);
	cr_assert_eq(unaudited(&x), 1);
	cr_assert_eq(rmdir(x.file), 0);
	/* A link must not be followed. */
	char other[300];
	snprintf(other, sizeof other, "%s/other", x.t.path);
	write_file(other, "", 0);
	cr_assert_eq(symlink(other, x.file), 0);
	run(&x, STORE_RUN_OK);
	cr_assert_eq(look(other).st_size, 0);
	cr_assert_eq(last(&x, STORE_RUN_OK).id, 3);
	cr_assert_eq(unlink(x.file), 0);
	for (size_t i = 0; i < sizeof kind / sizeof kind[0]; i++) {
		store_close(x.s);
		fault_fsys_init(&f);
		OK(&x, archive_rig_open(&x.s, x.path, STORE_WRITE, &f.fs, &x.e));
		f.always[kind[i]] = ENOSPC;
		f.always[FAULT_OPEN_BENEATH] = ENOSPC;
		run(&x, STORE_RUN_OK);
		reopen(&x, STORE_WRITE);
		fault_fsys_release(&f);
		cr_assert_eq(last(&x, STORE_RUN_OK).id, 4 + (int64_t)i, "case %zu", i);
		cr_assert_eq(unaudited(&x), 3 + i, "case %zu", i);
	}
	finish(&x);
}

/* ---- killed ----------------------------------------------------------------------------------- */

static void die(void)
{
	kill(getpid(), SIGKILL);
}

/* Two runs that find nothing, and one that fails, die before their n-th system call. */
static bool killed_at(const char *path, unsigned long n)
{
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		struct fault_fsys f;
		struct err e = ERR_INIT;
		fault_fsys_init(&f);
		f.at_fault = die;
		fault_fsys_fail(&f, FAULT_ANY, n, EIO);
		for (int i = 0; i < 3; i++) {
			struct store *s;
			struct store_run r = {
				.result = i < 2 ? STORE_RUN_OK : STORE_RUN_FAILED, .text = ""};
			if (archive_rig_open(&s, path, STORE_WRITE, &f.fs, &e) != 0 ||
				unchanged_run(s, &r, &e) != 0)
				_exit(2);
			store_close(s);
		}
		_exit(0);
	}
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "step %lu", n);
	return WIFSIGNALED(status);
}

Test(store_unchanged, such_runs_may_be_killed_before_any_system_call)
{
	bool killed = true;
	unsigned long n = 1;
	for (; killed; n++) {
		struct fixture x;
		begin(&x);
		store_close(x.s);
		x.s = NULL;
		killed = killed_at(x.path, n);
		reopen(&x, STORE_WRITE);
		/* Never more than there were, and none is good that was not. */
		cr_assert_leq(unaudited(&x), 3, "step %lu", n);
		cr_assert_leq(last(&x, STORE_RUN_OK).id, 2, "step %lu", n);
		uint32_t runs = unaudited(&x);
		run(&x, STORE_RUN_OK);
		reopen(&x, STORE_READ);
		cr_assert_eq(unaudited(&x), runs + 1, "step %lu", n);
		cr_assert_eq(last(&x, STORE_RUN_RUNNING).result, STORE_RUN_OK, "step %lu", n);
		finish(&x);
	}
	cr_assert_gt(n, 30, "only %lu steps were tried", n);
}

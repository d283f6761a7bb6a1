/* SPDX-License-Identifier: MIT */
/*
 * A repair whose system calls fail, one after the other, or that is killed before each of them: no content that was on the disk
 * is lost, a repair that says all is well is right, and the next one finishes the work.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/archive_rig.h"
#include "tests/support/damage.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

#define FILES_MAX 64

TestSuite(repair_faults, .init = archive_rig_in_memory, .timeout = 240);

/* ---- what is on the disk --------------------------------------------------------------------------- */

/* Contents of all message files, wherever they are: in mail/ or damaged/. */
struct contents {
	uint64_t at[FILES_MAX];
	size_t n;
};

static struct contents *gathering;

static int gather(const char *path, const struct stat *st, int type, struct FTW *at)
{
	unsigned char c[1024];
	(void)at;
	if (type != FTW_F || (strstr(path, "/mail/") == NULL && strstr(path, "/damaged/") == NULL))
		return 0;
	const char *name = strrchr(path, '/') + 1;
	if (strcmp(name, ".mailbox") == 0 || strcmp(name, "dovecot-keywords") == 0)
		return 0;
	cr_assert_leq((size_t)st->st_size, sizeof c);
	int fd = open(path, O_RDONLY);
	cr_assert_geq(fd, 0);
	ssize_t n = read(fd, c, sizeof c);
	close(fd);
	uint64_t h = 14695981039346656037u;
	for (ssize_t i = 0; i < n; i++)
		h = (h ^ c[i]) * 1099511628211u;
	cr_assert_lt(gathering->n, (size_t)FILES_MAX);
	gathering->at[gathering->n++] = h;
	return 0;
}

static void look(const char *path, struct contents *c)
{
	c->n = 0;
	gathering = c;
	cr_assert_eq(nftw(path, gather, 8, FTW_PHYS), 0);
}

/* Everything that was there is there, as often or more. */
static bool keeps(const struct contents *before, const struct contents *after)
{
	for (size_t i = 0; i < before->n; i++) {
		size_t was = 0, is = 0;
		for (size_t k = 0; k < before->n; k++)
			was += before->at[k] == before->at[i];
		for (size_t k = 0; k < after->n; k++)
			is += after->at[k] == before->at[i];
		if (is < was)
			return false;
	}
	return true;
}

/* ---- an archive with one damage of each kind ------------------------------------------------------- */

static void copy(const char *from, const char *to)
{
	char b[512];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ssize_t n = read(in, b, sizeof b);
	cr_assert(in >= 0 && out >= 0 && n > 0 && write(out, b, (size_t)n) == n);
	close(in);
	close(out);
}

static void make(struct tmp_tree *t, char path[200])
{
	static const struct timespec times[2] = {{7, 0}, {7, 0}};
	struct err e = ERR_INIT;
	unsigned fetched;
	char f[DAMAGE_PATH], to[800];
	cr_assert(tmp_tree_make(t));
	snprintf(path, 200, "%s/a", t->path);
	cr_assert_eq(archive_rig_sync(path, NULL, &fetched, &e), 0, "%s", e.text);
	damage_file_of(path, "mail/INBOX/cur", 5, f); /* other bytes */
	int fd = open(f, O_RDWR);
	cr_assert(fd >= 0 && pwrite(fd, "#", 1, 9) == 1);
	close(fd);
	cr_assert_eq(utimensat(AT_FDCWD, f, times, 0), 0);
	damage_file_of(path, "mail/INBOX/cur", 6, f); /* gone */
	cr_assert_eq(unlink(f), 0);
	damage_file_of(path, "mail/INBOX/cur", 7, f); /* too short */
	cr_assert_eq(truncate(f, 7), 0);
	damage_file_of(path, "mail/INBOX/cur", 8, f); /* another time */
	cr_assert_eq(utimensat(AT_FDCWD, f, times, 0), 0);
	damage_file_of(path, "mail/INBOX/cur", 9,
		f); /* another name, and a copy of it under the right one of nobody */
	snprintf(to, sizeof to, "%s/mail/INBOX/cur/1.V7U900H0000000000000000.imapsync,S=1,W=1:2,",
		path);
	copy(f, to);
	snprintf(to, sizeof to, "%.*s,X", (int)strcspn(f, ":"), f);
	cr_assert_eq(rename(f, to), 0);
	snprintf(f, sizeof f, "%s/README", path);
	snprintf(to, sizeof to, "%s/mail/INBOX/cur/a stray file", path);
	copy(f, to);
	snprintf(to, sizeof to, "%s/mail/Work/2016/.mailbox", path);
	cr_assert_eq(unlink(to), 0);
}

/* ---- repairing ------------------------------------------------------------------------------------- */

static int repair(
	const char *path, const struct fsys *fs, struct store_repair_counts *c, struct err *e)
{
	struct store *s;
	const struct store_options o = {.mode = STORE_WRITE, .fsys = fs, .rebuild = true};
	memset(c, 0, sizeof *c);
	if (store_open(&s, path, &o, e) != 0)
		return -1;
	int rc = store_repair(s, NULL, NULL, NULL, c, e);
	store_close(s);
	return rc;
}

static uint64_t damage(const char *path)
{
	struct store *s;
	struct err e = ERR_INIT;
	struct store_verify_counts c;
	uint64_t n = 0;
	const struct store_verify_options o = {.ctx = NULL};
	cr_assert_eq(archive_rig_open(&s, path, STORE_READ, NULL, &e), 0, "%s", e.text);
	cr_assert_eq(store_verify(s, &o, &c, &e), 0, "%s", e.text);
	store_close(s);
	for (int i = 0; i < STORE_FAULT_COUNT; i++)
		n += store_fault_is_damage((enum store_fault)i) ? c.faults[i] : 0;
	return n;
}

/* The next repair and the next backup make it whole. */
static void finish(const char *path, unsigned long n, const struct contents *before)
{
	struct store_repair_counts c;
	struct contents after;
	struct err e = ERR_INIT;
	unsigned fetched;
	cr_assert_eq(repair(path, NULL, &c, &e), 0, "call %lu, the next one: %s", n, e.text);
	cr_assert_eq(c.not_mended, 0u, "call %lu", n);
	cr_assert_eq(damage(path), 0u, "call %lu", n);
	look(path, &after);
	cr_assert(keeps(before, &after), "call %lu: the next repair lost something", n);
	cr_assert_eq(archive_rig_sync(path, NULL, &fetched, &e), 0, "call %lu: %s", n, e.text);
	const char *problem = archive_rig_check_complete(path);
	cr_assert(problem == NULL, "call %lu: %s", n, problem);
}

/* false: the repair was over before its call number n. */
static bool fails_at(unsigned long n, int error)
{
	struct tmp_tree t;
	char path[200];
	struct contents before, after;
	struct store_repair_counts c;
	struct fault_fsys f;
	struct err e = ERR_INIT;
	make(&t, path);
	look(path, &before);
	fault_fsys_init(&f);
	fault_fsys_fail(&f, FAULT_ANY, n, error);
	int rc = repair(path, &f.fs, &c, &e);
	bool failed = f.failed;
	cr_assert_eq(f.open, 0L, "call %lu: %ld descriptors are left", n, f.open);
	fault_fsys_release(&f);
	cr_assert(failed || rc == 0, "call %lu: %s", n, e.text);
	look(path, &after);
	cr_assert(keeps(&before, &after), "call %lu: something is lost", n);
	if (rc == 0 && c.not_mended == 0)
		cr_assert_eq(damage(path), 0u, "call %lu: not all is well", n);
	finish(path, n, &before);
	tmp_tree_remove(&t);
	return failed;
}

static void each_call_fails(int error, unsigned long step)
{
	unsigned long n = 1;
	while (fails_at(n, error))
		n += step;
	cr_assert_gt(n, 100ul, "these are not all calls");
}

Test(repair_faults, each_call_fails_once_with_an_io_error)
{
	each_call_fails(EIO, archive_rig_step(3));
}

Test(repair_faults, some_calls_fail_because_the_disk_is_full)
{
	/* The path is that of any error; whether what it says is kept apart is seen at some. */
	each_call_fails(ENOSPC, 4);
}

static void die(void)
{
	kill(getpid(), SIGKILL);
}

/* false: it came to the end. */
static bool killed_at(const char *path, unsigned long n)
{
	int status;
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		struct fault_fsys f;
		struct store_repair_counts c;
		struct err e = ERR_INIT;
		fault_fsys_init(&f);
		f.at_fault = die;
		fault_fsys_fail(&f, FAULT_ANY, n, EIO);
		_exit(repair(path, &f.fs, &c, &e) == 0 ? 0 : 2);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return true;
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "call %lu: status %d", n, status);
	return false;
}

Test(repair_faults, it_is_killed_before_each_call)
{
	bool killed = true;
	for (unsigned long n = 1; killed; n += archive_rig_step(3)) {
		struct tmp_tree t;
		char path[200];
		struct contents before, after;
		make(&t, path);
		look(path, &before);
		killed = killed_at(path, n);
		look(path, &after);
		cr_assert(keeps(&before, &after), "call %lu: something is lost", n);
		finish(path, n, &before);
		tmp_tree_remove(&t);
	}
}

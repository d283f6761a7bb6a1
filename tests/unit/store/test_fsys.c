/* SPDX-License-Identifier: MIT */
/*
 * test_fsys.c -- the careful ways of opening, making, writing and renaming; with the Linux calls and
 * with their POSIX replacements.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

TestSuite(fsys, .timeout = 60);

/* Both ways to open and to rename: 0 = openat2 and renameat2, 1 = systems without them. */
static void setup(struct tmp_tree *t, struct fault_fsys *f, int way)
{
	cr_assert(tmp_tree_make(t));
	fault_fsys_init(f);
	if (way == 1) {
		f->always[FAULT_OPEN_BENEATH] = ENOSYS;
		f->always[FAULT_RENAME_NOREPLACE] = EINVAL;
	}
}

static void teardown(struct tmp_tree *t, struct fault_fsys *f)
{
	cr_assert_eq(f->open, 0, "%ld descriptors are still open", f->open);
	fault_fsys_release(f);
	tmp_tree_remove(t);
}

Test(fsys, opens_only_what_is_really_beneath)
{
	static const struct {
		const char *path;
		bool good;
	} rows[] = {
		{"a/b/file", true},
		{"./a/./b/file", true},
		{"a//b/file", true},
		{"", false},
		{"/", false},
		{"/etc/passwd", false},
		{"..", false},
		{"a/..", false},
		{"a/../a/b/file", false},
		{"../x", false},
		{"a/b/file/", false},
		{"a/b/missing", false},
		{"link/file", false},
		{"a/b/link", false},
		{"up/file", false},
		{"abs/hostname", false},
		{"proc/maps", false},
	};
	for (int way = 0; way < 2; way++) {
		struct tmp_tree t;
		struct fault_fsys f;
		setup(&t, &f, way);
		cr_assert(tmp_tree_mkdir(&t, "a") && tmp_tree_mkdir(&t, "a/b"));
		cr_assert(tmp_tree_write(&t, "a/b/file", "x", 1));
		cr_assert_eq(symlinkat("a/b", t.fd, "link"), 0);
		cr_assert_eq(symlinkat("file", t.fd, "a/b/link"), 0);
		cr_assert_eq(symlinkat("..", t.fd, "up"), 0);
		cr_assert_eq(symlinkat("/etc", t.fd, "abs"), 0);
		cr_assert_eq(symlinkat("/proc/self", t.fd, "proc"), 0);
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			int fd = fsys_open_beneath(&f.fs, t.fd, rows[i].path, O_RDONLY, 0);
			cr_assert_eq(fd >= 0, rows[i].good, "way %d: %s", way, rows[i].path);
			if (fd < 0)
				continue;
			cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
			fsys_close_quiet(&f.fs, fd);
		}
		teardown(&t, &f);
	}
}

Test(fsys, refuses_a_fifo_and_a_directory_without_waiting)
{
	for (int way = 0; way < 2; way++) {
		struct tmp_tree t;
		struct fault_fsys f;
		setup(&t, &f, way);
		cr_assert_eq(mkfifoat(t.fd, "fifo", 0600), 0);
		cr_assert(tmp_tree_mkdir(&t, "dir"));
		errno = 0;
		cr_assert_eq(fsys_open_file(&f.fs, t.fd, "fifo", NULL), -1);
		cr_assert_eq(errno, EINVAL);
		cr_assert_eq(fsys_open_file(&f.fs, t.fd, "dir", NULL), -1);
		cr_assert_eq(fsys_open_or_create(&f.fs, t.fd, "fifo"), -1);
		cr_assert_eq(fsys_open_or_create(&f.fs, t.fd, "dir"), -1);
		cr_assert_eq(fsys_create(&f.fs, t.fd, "fifo"), -1);
		teardown(&t, &f);
	}
}

Test(fsys, makes_0600_and_0700_whatever_the_umask)
{
	static const mode_t masks[] = {0, 022, 077, 0777};
	for (size_t i = 0; i < 4; i++) {
		struct tmp_tree t;
		struct fault_fsys f;
		setup(&t, &f, 0);
		mode_t old = umask(masks[i]);
		int a = fsys_create(&f.fs, t.fd, "a"), b = fsys_open_or_create(&f.fs, t.fd, "b");
		int made = fsys_mkdirs_durable(&f.fs, t.fd, "d/e/f");
		umask(old);
		cr_assert(a >= 0 && b >= 0 && made == 0);
		fsys_close_quiet(&f.fs, a);
		fsys_close_quiet(&f.fs, b);
		char wrong[300] = "";
		cr_assert_not(tmp_tree_wrong_mode(&t, wrong, sizeof wrong), "umask %o: %s",
			(unsigned)masks[i], wrong);
		teardown(&t, &f);
	}
}

Test(fsys, follows_no_link_when_it_makes_a_file)
{
	struct tmp_tree t;
	struct fault_fsys f;
	setup(&t, &f, 0);
	cr_assert_eq(symlinkat("target", t.fd, "link"), 0);
	cr_assert_eq(fsys_create(&f.fs, t.fd, "link"), -1);
	cr_assert_eq(fsys_open_or_create(&f.fs, t.fd, "link"), -1);
	cr_assert_eq(fsys_mkdir(&f.fs, t.fd, "link"), -1);
	cr_assert_eq(fsys_mkdirs_durable(&f.fs, t.fd, "link/x"), -1);
	cr_assert_not(tmp_tree_exists(&t, "target"));
	char path[200];
	snprintf(path, sizeof path, "%s/link", t.path);
	cr_assert_eq(fsys_open_root(&f.fs, path), -1);
	teardown(&t, &f);
}

Test(fsys, does_not_make_directories_through_a_link)
{
	struct tmp_tree t;
	struct fault_fsys f;
	setup(&t, &f, 0);
	cr_assert(tmp_tree_mkdir(&t, "outside"));
	cr_assert_eq(symlinkat("outside", t.fd, "link"), 0);
	cr_assert_eq(fsys_mkdirs_durable(&f.fs, t.fd, "link/x"), -1);
	cr_assert_eq(fsys_mkdirs_durable(&f.fs, t.fd, "../x"), -1);
	cr_assert_eq(fsys_mkdirs_durable(&f.fs, t.fd, "a/../../x"), -1);
	cr_assert_eq(tmp_tree_count(&t, "outside"), 0);
	teardown(&t, &f);
}

/* Somebody swaps a folder for a link between our look at it and our opening it. */
static int swap_after_fstatat(void *ctx, int dir, const char *path, struct stat *st)
{
	struct tmp_tree *t = ctx;
	int result = fstatat(dir, path, st, AT_SYMLINK_NOFOLLOW);
	if (strcmp(path, "a") == 0 && renameat(t->fd, "a", t->fd, "outside") == 0)
		result |= symlinkat("outside", t->fd, "a");
	return result;
}

Test(fsys, does_not_follow_a_link_that_replaces_a_folder_at_the_wrong_moment)
{
	struct tmp_tree t;
	cr_assert(tmp_tree_make(&t));
	cr_assert(tmp_tree_mkdir(&t, "a"));
	struct fsys fs = *fsys_real();
	fs.ctx = &t;
	fs.fstatat = swap_after_fstatat;
	cr_assert_eq(fsys_mkdirs_durable(&fs, t.fd, "a/b"), -1);
	cr_assert(tmp_tree_exists(&t, "outside"));
	cr_assert_eq(tmp_tree_count(&t, "outside"), 0);
	tmp_tree_remove(&t);
}

Test(fsys, flushes_the_parent_of_each_directory_also_of_existing_ones)
{
	struct tmp_tree t;
	struct fault_fsys f;
	setup(&t, &f, 0);
	for (int i = 0; i < 2; i++) {
		f.logging = true;
		buf_clear(&f.log);
		fault_fsys_fail(&f, FAULT_ANY, 0, 0);
		cr_assert_eq(fsys_mkdirs_durable(&f.fs, t.fd, "a/b/c"), 0);
		cr_assert_eq(f.calls[FAULT_FSYNC], 3, "%s", buf_str(&f.log));
		/* The flush of a parent comes after its child was made. */
		cr_assert_not_null(
			strstr(buf_str(&f.log), i == 0 ? "fchmodat c\nfsync" : "fstatat c\nfsync"));
	}
	for (unsigned long n = 1; n <= 3; n++) {
		fault_fsys_fail(&f, FAULT_FSYNC, n, EIO);
		cr_assert_eq(fsys_mkdirs_durable(&f.fs, t.fd, "a/b/c"), -1, "flush %lu", n);
		cr_assert_eq(errno, EIO);
	}
	teardown(&t, &f);
}

Test(fsys, reads_and_writes_all_bytes_over_short_and_interrupted_calls)
{
	static const size_t longest[] = {1, 2, 7, 0};
	unsigned char out[1000], in[1001];
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (unsigned char)(i * 31);
	for (size_t i = 0; i < 4; i++) {
		struct tmp_tree t;
		struct fault_fsys f;
		setup(&t, &f, 0);
		f.longest_io = longest[i];
		f.interrupt = 3;
		int fd = fsys_create(&f.fs, t.fd, "x");
		cr_assert_geq(fd, 0);
		cr_assert_eq(fsys_write_all(&f.fs, fd, out, sizeof out), 0);
		cr_assert_eq(fsys_pread_full(&f.fs, fd, in, sizeof in, 0), 1000);
		cr_assert_arr_eq(in, out, sizeof out);
		cr_assert_eq(fsys_pread_full(&f.fs, fd, in, 10, 995), 5);
		cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
		cr_assert_eq(fsys_read_full(&f.fs, fd, in, sizeof in), 1000);
		cr_assert_arr_eq(in, out, sizeof out);
		fsys_close_quiet(&f.fs, fd);
		teardown(&t, &f);
	}
}

static ssize_t write_nothing(void *ctx, int fd, const void *p, size_t n)
{
	(void)ctx, (void)fd, (void)p, (void)n;
	return 0;
}

Test(fsys, takes_a_write_of_nothing_for_an_error)
{
	struct fsys fs = *fsys_real();
	fs.write = write_nothing;
	errno = 0;
	cr_assert_eq(fsys_write_all(&fs, 1, "x", 1), -1);
	cr_assert_eq(errno, EIO);
}

Test(fsys, never_replaces_when_it_renames)
{
	for (int way = 0; way < 2; way++) {
		struct tmp_tree t;
		struct fault_fsys f;
		setup(&t, &f, way);
		cr_assert(tmp_tree_write(&t, "a", "A", 1) && tmp_tree_write(&t, "b", "B", 1));
		cr_assert_eq(fsys_rename_noreplace(&f.fs, t.fd, "a", t.fd, "b"), -1, "way %d", way);
		cr_assert_eq(errno, EEXIST);
		size_t n = 0;
		unsigned char *b = tmp_tree_read(&t, "b", &n);
		cr_assert(b != NULL && n == 1 && b[0] == 'B');
		free(b);
		cr_assert(tmp_tree_exists(&t, "a"));
		cr_assert_eq(fsys_rename_noreplace(&f.fs, t.fd, "a", t.fd, "c"), 0);
		cr_assert(tmp_tree_exists(&t, "c") && !tmp_tree_exists(&t, "a"));
		teardown(&t, &f);
	}
}

Test(fsys, replaces_a_small_file_whole_or_not_at_all)
{
	bool done = false;
	for (unsigned long n = 1; !done; n++) {
		cr_assert_lt(n, 50);
		struct tmp_tree t;
		struct fault_fsys f;
		setup(&t, &f, 0);
		cr_assert(tmp_tree_mkdir(&t, "tmp"));
		cr_assert(tmp_tree_write(&t, "x", "old", 3));
		cr_assert(tmp_tree_write(&t, "tmp/t", "left over", 9));
		int tmp = fsys_open_dir(&f.fs, t.fd, "tmp");
		fault_fsys_fail(&f, FAULT_ANY, n, EIO);
		int result = fsys_replace_file(&f.fs, t.fd, "x", tmp, "t", slice_str("newer"));
		done = !f.failed;
		cr_assert_eq(result, done ? 0 : -1, "call %lu", n);
		size_t len = 0;
		unsigned char *got = tmp_tree_read(&t, "x", &len);
		cr_assert_not_null(got);
		bool old = len == 3 && memcmp(got, "old", 3) == 0;
		bool new = len == 5 && memcmp(got, "newer", 5) == 0;
		cr_assert(done ? new : old || new, "call %lu: %zu bytes", n, len);
		free(got);
		fault_fsys_fail(&f, FAULT_ANY, 0, 0);
		fsys_close_quiet(&f.fs, tmp);
		teardown(&t, &f);
	}
}

Test(fsys, flushes_a_small_file_before_the_rename_and_the_folder_after_it)
{
	struct tmp_tree t;
	struct fault_fsys f;
	setup(&t, &f, 0);
	f.logging = true;
	cr_assert_eq(fsys_replace_file(&f.fs, t.fd, "x", t.fd, "t", slice_str("new")), 0);
	cr_assert_str_eq(buf_str(&f.log),
		"openat t\nfchmod\nwrite\nfdatasync\nclose\nrenameat t x\nfsync\n");
	teardown(&t, &f);
}

Test(fsys, reads_a_small_file_up_to_its_limit)
{
	struct tmp_tree t;
	struct fault_fsys f;
	setup(&t, &f, 0);
	static const unsigned char bytes[10001];
	struct buf out = BUF_INIT(10000);
	cr_assert_eq(fsys_read_file(&f.fs, t.fd, "x", &out), 0);
	cr_assert(tmp_tree_write(&t, "x", bytes, 10000));
	cr_assert_eq(fsys_read_file(&f.fs, t.fd, "x", &out), 1);
	cr_assert_eq(out.len, 10000);
	cr_assert(tmp_tree_write(&t, "x", bytes, 10001));
	cr_assert_eq(fsys_read_file(&f.fs, t.fd, "x", &out), -1);
	cr_assert_eq(errno, EFBIG);
	cr_assert(tmp_tree_write(&t, "x", "", 0));
	cr_assert_eq(fsys_read_file(&f.fs, t.fd, "x", &out), 1);
	cr_assert_eq(out.len, 0);
	buf_release(&out);
	teardown(&t, &f);
}

struct seen {
	int files, dirs, others;
	int stop_at;
};

static int see(void *ctx, const char *name, enum fsys_type type)
{
	struct seen *s = ctx;
	cr_assert(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	s->files += type == FSYS_FILE;
	s->dirs += type == FSYS_DIR;
	s->others += type == FSYS_OTHER;
	return s->files + s->dirs + s->others == s->stop_at ? 7 : 0;
}

Test(fsys, lists_entries_with_their_types_and_stops_when_told)
{
	struct tmp_tree t;
	struct fault_fsys f;
	setup(&t, &f, 0);
	cr_assert(tmp_tree_mkdir(&t, "d") && tmp_tree_write(&t, "f", "", 0));
	cr_assert_eq(symlinkat("f", t.fd, "l"), 0);
	/* Twice over one descriptor: its position plays no part. */
	for (int i = 0; i < 2; i++) {
		struct seen s = {0, 0, 0, -1};
		int stopped = 1;
		cr_assert_eq(fsys_list(&f.fs, t.fd, see, &s, &stopped), 0);
		cr_assert_eq(stopped, 0);
		cr_assert(s.files == 1 && s.dirs == 1 && s.others == 1);
	}
	struct seen s = {0, 0, 0, 2};
	int stopped = 0;
	cr_assert_eq(fsys_list(&f.fs, t.fd, see, &s, &stopped), 0);
	cr_assert_eq(stopped, 7);
	cr_assert_eq(fsys_type_at(&f.fs, t.fd, "l"), FSYS_OTHER);
	cr_assert_eq(fsys_type_at(&f.fs, t.fd, "none"), FSYS_UNKNOWN);
	for (unsigned long n = 1; n <= 5; n++) {
		fault_fsys_fail(&f, FAULT_READDIR, n, EIO);
		s.stop_at = -1;
		cr_assert_eq(fsys_list(&f.fs, t.fd, see, &s, &stopped), -1, "readdir %lu", n);
		cr_assert_eq(errno, EIO);
	}
	teardown(&t, &f);
}

Test(fsys, leaks_nothing_when_any_call_fails)
{
	for (int way = 0; way < 2; way++) {
		bool done = false;
		for (unsigned long n = 1; !done; n++) {
			cr_assert_lt(n, 100);
			struct tmp_tree t;
			struct fault_fsys f;
			setup(&t, &f, way);
			fault_fsys_fail(&f, FAULT_ANY, n, EIO);
			struct seen s = {0, 0, 0, -1};
			int stopped, fd, bad = 0;
			bad += fsys_mkdirs_durable(&f.fs, t.fd, "a/b") != 0;
			fd = fsys_open_dir(&f.fs, t.fd, "a/b");
			bad += fd < 0;
			fsys_close_quiet(&f.fs, fd);
			fd = fsys_open_or_create(&f.fs, t.fd, "lock");
			bad += fd < 0;
			fsys_close_quiet(&f.fs, fd);
			fd = fsys_open_file(&f.fs, t.fd, "lock", NULL);
			bad += fd < 0;
			fsys_close_quiet(&f.fs, fd);
			fd = fsys_create(&f.fs, t.fd, "new");
			bad += fd < 0;
			fsys_close_quiet(&f.fs, fd);
			bad += fsys_list(&f.fs, t.fd, see, &s, &stopped) != 0;
			done = !f.failed;
			cr_assert(!done || bad == 0, "way %d: %d failures without cause", way, bad);
			teardown(&t, &f);
		}
	}
}

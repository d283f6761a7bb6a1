/* SPDX-License-Identifier: MIT */
/*
 * test_maildir_file.c -- the message writer: the LF rule for all small inputs and at the borders of the
 * buffer, publishing, and the failure of every system call.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/maildir.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

TestSuite(maildir_file, .timeout = 120);

#define BUFFER 65536 /* where the writer's buffer is full */

/* ---- a file in memory, for millions of small messages ------------------------------------------ */

#define MEMORY_MAX 64

struct memory {
	struct fsys fs;
	unsigned char data[MEMORY_MAX];
	size_t n, at;
	int made, writes, closed;
};

static int memory_openat(void *ctx, int dir, const char *path, int flags, mode_t mode)
{
	struct memory *f = ctx;
	(void)dir, (void)path, (void)flags, (void)mode;
	f->made++;
	f->n = f->at = 0;
	return 1000;
}

static ssize_t memory_write(void *ctx, int fd, const void *p, size_t n)
{
	struct memory *f = ctx;
	(void)fd;
	f->writes++;
	if (n > MEMORY_MAX - f->n) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(f->data + f->n, p, n);
	f->n += n;
	return (ssize_t)n;
}

static ssize_t memory_read(void *ctx, int fd, void *p, size_t n)
{
	struct memory *f = ctx;
	(void)fd;
	if (n > f->n - f->at)
		n = f->n - f->at;
	memcpy(p, f->data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static int memory_mode(void *ctx, int fd, mode_t mode)
{
	(void)ctx, (void)fd, (void)mode;
	return 0;
}

static int memory_times(void *ctx, int fd, const struct timespec times[2])
{
	(void)ctx, (void)fd, (void)times;
	return 0;
}

static int memory_close(void *ctx, int fd)
{
	struct memory *f = ctx;
	(void)fd;
	f->closed++;
	return 0;
}

static void memory_init(struct memory *f)
{
	memset(f, 0, sizeof *f);
	f->fs = (struct fsys){.ctx = f,
		.openat = memory_openat,
		.write = memory_write,
		.read = memory_read,
		.fchmod = memory_mode,
		.futimens = memory_times,
		.close = memory_close};
}

struct collected {
	unsigned char *data;
	size_t n, max;
};

static int collect(void *ctx, const void *p, size_t n)
{
	struct collected *c = ctx;
	if (n > c->max - c->n)
		return 1;
	memcpy(c->data + c->n, p, n);
	c->n += n;
	return 0;
}

/* Does LF -> CRLF give these bytes from their own CRLF -> LF? */
static bool is_convertible(const unsigned char *p, size_t n, size_t *crlf)
{
	*crlf = 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (i == 0 || p[i - 1] != '\r')
			return false;
		++*crlf;
	}
	return true;
}

/* One message, written in two parts, through the writer and back through the reader. */
static void check_small(struct memory *f, struct maildir *m, struct sha256 *h,
	const unsigned char *p, size_t n, size_t cut, bool lf)
{
	struct maildir_file *file;
	struct maildir_done done;
	struct err e = ERR_INIT;
	size_t crlf;
	bool convertible = is_convertible(p, n, &crlf);
	cr_assert_eq(maildir_file_begin(m, 1, lf, h, NULL, &file, &e), 0);
	if (maildir_file_write(file, p, cut, &e) != 0 ||
		maildir_file_write(file, p + cut, n - cut, &e) != 0 ||
		maildir_file_finish(file, 0, &done, &e) != 0)
		cr_assert_fail("%s", e.text);
	size_t disk = lf && convertible ? n - crlf : n;
	if (done.size_wire != n || done.size_disk != disk || f->n != disk)
		cr_assert_fail("%zu bytes cut at %zu: S=%zu W=%zu, want S=%zu", n, cut,
			(size_t)done.size_disk, (size_t)done.size_wire, disk);
	unsigned char back[MEMORY_MAX];
	struct collected c = {back, 0, sizeof back};
	if (maildir_read_wire(&f->fs, 1000, done.size_disk < done.size_wire, collect, &c, &e) !=
			0 ||
		c.n != n || memcmp(back, p, n) != 0)
		cr_assert_fail("%zu bytes cut at %zu do not come back", n, cut);
	done.fd = -1;
}

/* Minutes where each of a million buffers is watched by a sanitizer. */
Test(maildir_file, gives_every_short_text_of_cr_lf_and_a_back_wherever_it_is_cut, .timeout = 280)
{
	struct memory f;
	struct maildir m;
	struct err e = ERR_INIT;
	memory_init(&f);
	memset(&m, 0, sizeof m);
	m.fs = &f.fs;
	m.tmp = 999;
	struct sha256 *h = sha256_new(&e);
	cr_assert_not_null(h);
	size_t tried = 0;
	unsigned count = 1;
	for (size_t n = 0; n <= 9; n++, count *= 3) {
		for (unsigned v = 0; v < count; v++) {
			unsigned char text[9];
			unsigned rest = v;
			for (size_t i = 0; i < n; i++, rest /= 3)
				text[i] = (unsigned char)"\r\na"[rest % 3];
			for (size_t cut = 0; cut <= n; cut++, tried++)
				check_small(&f, &m, h, text, n, cut, true);
			if (n <= 5)
				check_small(&f, &m, h, text, n, 0, false);
		}
	}
	cr_assert_gt(tried, 250000);
	sha256_free(h);
}

Test(maildir_file, costs_one_open_one_write_and_one_close_for_a_small_message)
{
	static const char *const texts[] = {"a\r\nb\r\n", "a\nb\r\n"};
	for (size_t i = 0; i < 2; i++) {
		struct memory f;
		struct maildir m;
		struct maildir_file *file;
		struct maildir_done done;
		struct err e = ERR_INIT;
		memory_init(&f);
		memset(&m, 0, sizeof m);
		m.fs = &f.fs;
		struct sha256 *h = sha256_new(&e);
		cr_assert_eq(maildir_file_begin(&m, 1, true, h, NULL, &file, &e), 0);
		for (const char *p = texts[i]; *p != '\0'; p++)
			cr_assert_eq(maildir_file_write(file, p, 1, &e), 0);
		cr_assert_eq(maildir_file_finish(file, 0, &done, &e), 0);
		cr_assert_eq(maildir_file_flush(&m, &done, false, &e), 0);
		cr_assert_eq(done.fd, -1);
		cr_assert(f.made == 1 && f.writes == 1 && f.closed == 1);
		sha256_free(h);
	}
}

/* ---- real files ------------------------------------------------------------------------------- */

struct place {
	struct tmp_tree tree;
	struct fault_fsys f;
	struct err e;
	struct sha256 *hash;
	struct maildir m;
	int mail;
};

static void place_make(struct place *p)
{
	cr_assert(tmp_tree_make(&p->tree));
	cr_assert(tmp_tree_mkdir(&p->tree, "mail"));
	fault_fsys_init(&p->f);
	err_clear(&p->e);
	p->hash = sha256_new(&p->e);
	p->mail = openat(p->tree.fd, "mail", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(p->hash != NULL && p->mail >= 0);
	cr_assert_eq(maildir_open(&p->m, &p->f.fs, p->mail, slice_str("Example"), true, &p->e), 0,
		"%s", p->e.text);
}

static void place_remove(struct place *p)
{
	maildir_close(&p->m);
	cr_assert_eq(p->f.open, 0, "%ld descriptors are still open", p->f.open);
	sha256_free(p->hash);
	close(p->mail);
	fault_fsys_release(&p->f);
	tmp_tree_remove(&p->tree);
}

/* The whole way into cur/<name>, as the store goes it; cleans up after a failure. */
static int deliver(struct place *p, const struct slice *part, size_t parts, const char *name,
	struct maildir_done *done)
{
	struct maildir_file *file;
	if (maildir_file_begin(&p->m, 1, true, p->hash, NULL, &file, &p->e) != 0)
		return -1;
	for (size_t i = 0; i < parts; i++)
		if (maildir_file_write(file, part[i].p, part[i].n, &p->e) != 0) {
			maildir_file_discard(file);
			return -1;
		}
	if (maildir_file_finish(file, 1500000000, done, &p->e) != 0)
		return -1;
	int result = maildir_file_flush(&p->m, done, true, &p->e);
	if (result == 0)
		result = maildir_publish(&p->m, done->tmp_name, name, &p->e);
	if (result != 0)
		maildir_remove_tmp(&p->m, done->tmp_name);
	if (result == 0)
		result = maildir_flush(&p->m, &p->e);
	return result;
}

/* cur/<name> holds these bytes on the wire. */
static bool holds(
	struct place *p, const char *name, const unsigned char *want, size_t n, bool add_cr)
{
	char path[300];
	snprintf(path, sizeof path, "mail/Example/cur/%s", name);
	int fd = openat(p->tree.fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	unsigned char *back = malloc(n + 1);
	struct collected c = {back, 0, n + 1};
	struct err e = ERR_INIT;
	bool same = back != NULL &&
		maildir_read_wire(fsys_real(), fd, add_cr, collect, &c, &e) == 0 && c.n == n &&
		memcmp(back, want, n) == 0;
	close(fd);
	free(back);
	return same;
}

static void check_hash(const struct maildir_done *done, const unsigned char *p, size_t n)
{
	struct err e = ERR_INIT;
	unsigned char sum[SHA256_LEN];
	struct sha256 *h = sha256_new(&e);
	cr_assert_eq(sha256_begin(h, &e), 0);
	cr_assert_eq(sha256_add(h, p, n, &e), 0);
	cr_assert_eq(sha256_end(h, sum, &e), 0);
	cr_assert_arr_eq(sum, done->sha256, SHA256_LEN);
	sha256_free(h);
}

/* n bytes of lines with CRLF every `line` bytes. */
static unsigned char *make_text(size_t n, size_t line)
{
	unsigned char *p = malloc(n + 1);
	cr_assert_not_null(p);
	for (size_t i = 0; i < n; i++) {
		size_t at = i % line;
		p[i] = (unsigned char)(at == line - 1 ? '\n'
				: at == line - 2      ? '\r'
						      : 'a' + i % 26);
	}
	/* Not in the middle of a line end, which would be another case. */
	if (n > 0 && p[n - 1] == '\r')
		p[n - 1] = 'x';
	return p;
}

Test(maildir_file, keeps_the_lf_rule_at_the_borders_of_the_buffer)
{
	static const size_t lines[] = {2, 3, 78, 1000, 70000};
	static const size_t parts[] = {1, 7000, BUFFER - 1, BUFFER, BUFFER + 1, 200000};
	struct place p;
	place_make(&p);
	unsigned serial = 0;
	for (size_t l = 0; l < 5; l++)
		for (size_t k = 0; k < 6; k++)
			for (size_t n = BUFFER - 1; n <= 2 * BUFFER + 1;
				n += k == 0 ? BUFFER : 8192 - 1)
				for (int bare = 0; bare < 3; bare++) {
					/* bare 0: CRLF only; 1: a bare LF at the end; 2: half way */
					unsigned char *text = make_text(n, lines[l]);
					if (bare > 0) {
						size_t at = bare == 1 ? n - 1 : n / 2;
						text[at] = '\n';
						text[at - 1] = 'x';
					}
					size_t pieces = (n + parts[k] - 1) / parts[k], crlf;
					struct slice *piece = calloc(pieces, sizeof *piece);
					for (size_t i = 0; i < pieces; i++) {
						size_t at = i * parts[k], len = n - at;
						piece[i] = slice_of(
							text + at, len < parts[k] ? len : parts[k]);
					}
					bool convertible = is_convertible(text, n, &crlf);
					char name[32];
					struct maildir_done done;
					snprintf(name, sizeof name, "m%u", serial++);
					cr_assert_eq(deliver(&p, piece, pieces, name, &done), 0,
						"%s", p.e.text);
					cr_assert_eq(done.size_wire, n);
					cr_assert_eq(done.size_disk, convertible ? n - crlf : n,
						"line %zu, part %zu, %zu bytes, bare %d", lines[l],
						parts[k], n, bare);
					cr_assert(holds(&p, name, text, n,
							  done.size_disk < done.size_wire),
						"line %zu, part %zu, %zu bytes, bare %d", lines[l],
						parts[k], n, bare);
					check_hash(&done, text, n);
					cr_assert_eq(
						tmp_tree_count(&p.tree, "mail/Example/tmp"), 0);
					free(piece);
					free(text);
				}
	place_remove(&p);
}

Test(maildir_file, notices_that_its_file_was_cut_before_it_is_written_again)
{
	struct place p;
	struct maildir_file *file;
	place_make(&p);
	unsigned char *text = make_text(2 * BUFFER, 78);
	cr_assert_eq(maildir_file_begin(&p.m, 1, true, p.hash, NULL, &file, &p.e), 0);
	cr_assert_eq(maildir_file_write(file, text, 2 * BUFFER, &p.e), 0);
	char name[300];
	snprintf(name, sizeof name, "%s/mail/Example/tmp/%ld.1.imapsync-tmp", p.tree.path,
		(long)getpid());
	cr_assert_eq(truncate(name, 1000), 0);
	cr_assert_eq(maildir_file_write(file, "x\n", 2, &p.e), -1);
	cr_assert_eq(p.e.code, E_IO);
	maildir_file_discard(file);
	cr_assert_eq(tmp_tree_count(&p.tree, "mail/Example/tmp"), 0);
	free(text);
	place_remove(&p);
}

Test(maildir_file, sets_the_time_of_the_message_and_private_modes_whatever_the_umask)
{
	static const mode_t masks[] = {0, 077, 0777};
	static const int64_t times[] = {0, 1500000000, -86400};
	for (size_t i = 0; i < 3; i++) {
		struct place p;
		place_make(&p);
		maildir_close(&p.m);
		mode_t old = umask(masks[i]);
		cr_assert_eq(maildir_open(&p.m, &p.f.fs, p.mail, slice_str("A/B"), true, &p.e), 0);
		struct maildir_file *file;
		struct maildir_done done;
		cr_assert_eq(maildir_file_begin(&p.m, 5, true, p.hash, NULL, &file, &p.e), 0);
		cr_assert_eq(maildir_file_write(file, "x", 1, &p.e), 0);
		cr_assert_eq(maildir_file_finish(file, times[i], &done, &p.e), 0);
		cr_assert_eq(maildir_file_flush(&p.m, &done, true, &p.e), 0);
		cr_assert_eq(maildir_publish(&p.m, done.tmp_name, "x:2,", &p.e), 0);
		cr_assert_eq(maildir_write_side(&p.m, ".mailbox", slice_str("x"), &p.e), 0);
		umask(old);
		char wrong[300] = "";
		cr_assert_not(tmp_tree_wrong_mode(&p.tree, wrong, sizeof wrong), "umask %o: %s",
			(unsigned)masks[i], wrong);
		struct stat st;
		cr_assert_eq(fstatat(p.tree.fd, "mail/A/B/cur/x:2,", &st, 0), 0);
		cr_assert_eq(st.st_mtime, times[i]);
		place_remove(&p);
	}
}

Test(maildir_file, never_publishes_over_another_message)
{
	static const int missing[] = {0, EINVAL, ENOSYS};
	for (size_t i = 0; i < 3; i++) {
		struct place p;
		place_make(&p);
		p.f.always[FAULT_RENAME_NOREPLACE] = missing[i];
		cr_assert(tmp_tree_write(&p.tree, "mail/Example/cur/x", "old", 3));
		struct slice text = slice_str("new\r\n");
		struct maildir_done done;
		cr_assert_eq(deliver(&p, &text, 1, "x", &done), -1);
		cr_assert_eq(p.e.code, E_EXISTS);
		cr_assert_eq(p.e.scope, ERR_MESSAGE);
		cr_assert_not_null(strstr(p.e.text, "mail/Example/cur/x"), "%s", p.e.text);
		cr_assert(holds(&p, "x", (const unsigned char *)"old", 3, false));
		cr_assert_eq(tmp_tree_count(&p.tree, "mail/Example/tmp"), 0);
		cr_assert_eq(deliver(&p, &text, 1, "y", &done), 0, "%s", p.e.text);
		cr_assert(holds(&p, "y", text.p, text.n, true));
		place_remove(&p);
	}
}

Test(maildir_file, replaces_leftovers_of_its_name_and_follows_no_link_there)
{
	struct place p;
	place_make(&p);
	char name[300];
	cr_assert(tmp_tree_write(&p.tree, "victim", "keep", 4));
	for (int link = 0; link < 2; link++) {
		snprintf(name, sizeof name, "mail/Example/tmp/%ld.1.imapsync-tmp", (long)getpid());
		if (link == 0)
			cr_assert(tmp_tree_write(
				&p.tree, name, "left over from a run that was killed", 36));
		else
			cr_assert_eq(symlinkat("../../../victim", p.tree.fd, name), 0);
		struct slice text = slice_str("a\r\n");
		struct maildir_done done;
		snprintf(name, sizeof name, "m%d", link);
		cr_assert_eq(deliver(&p, &text, 1, name, &done), 0, "%s", p.e.text);
		cr_assert(holds(&p, name, text.p, text.n, true));
	}
	size_t n = 0;
	unsigned char *victim = tmp_tree_read(&p.tree, "victim", &n);
	cr_assert(victim != NULL && n == 4 && memcmp(victim, "keep", 4) == 0);
	free(victim);
	place_remove(&p);
}

Test(maildir_file, leaves_nothing_when_it_is_discarded_and_refuses_to_go_on_after_a_failure)
{
	struct place p;
	struct maildir_file *file;
	struct maildir_done done;
	place_make(&p);
	maildir_file_discard(NULL);
	cr_assert_eq(maildir_file_begin(&p.m, 1, true, p.hash, NULL, &file, &p.e), 0);
	cr_assert_eq(maildir_file_write(file, "x", 1, &p.e), 0);
	maildir_file_discard(file);
	cr_assert_eq(tmp_tree_count(&p.tree, "mail/Example/tmp"), 0);
	unsigned char *big = make_text(3 * BUFFER, 78);
	cr_assert_eq(maildir_file_begin(&p.m, 1, true, p.hash, NULL, &file, &p.e), 0);
	fault_fsys_fail(&p.f, FAULT_WRITE, 1, ENOSPC);
	cr_assert_eq(maildir_file_write(file, big, 3 * BUFFER, &p.e), -1);
	cr_assert_eq(p.e.code, E_FULL);
	cr_assert_eq(p.e.scope, ERR_STORE);
	cr_assert_not_null(strstr(p.e.text, "mail/Example/tmp/"), "%s", p.e.text);
	cr_assert_eq(maildir_file_write(file, "x", 1, &p.e), -1);
	cr_assert_eq(p.e.code, E_STATE);
	cr_assert_eq(maildir_file_finish(file, 0, &done, &p.e), -1);
	cr_assert_eq(done.fd, -1);
	cr_assert_eq(tmp_tree_count(&p.tree, "mail/Example/tmp"), 0);
	free(big);
	place_remove(&p);
}

Test(maildir_file, takes_no_failed_flush_or_close_for_a_success)
{
	static const enum fault_kind kinds[] = {FAULT_FDATASYNC, FAULT_CLOSE, FAULT_FSYNC};
	for (size_t i = 0; i < 3; i++) {
		struct place p;
		struct maildir_done done;
		struct slice text = slice_str("a\r\n");
		place_make(&p);
		fault_fsys_fail(&p.f, kinds[i], 1, EIO);
		cr_assert_eq(
			deliver(&p, &text, 1, "x", &done), -1, "%s", fault_kind_name(kinds[i]));
		cr_assert_eq(p.e.code, E_IO);
		cr_assert_eq(p.e.scope, ERR_STORE);
		cr_assert_eq(
			tmp_tree_exists(&p.tree, "mail/Example/cur/x"), kinds[i] == FAULT_FSYNC);
		place_remove(&p);
	}
}

static void check_tmp_names(struct place *p, unsigned long n)
{
	uint64_t removed;
	fault_fsys_fail(&p->f, FAULT_ANY, 0, 0);
	cr_assert_eq(maildir_reap(&p->m, &removed, &p->e), 0);
	cr_assert_eq(tmp_tree_count(&p->tree, "mail/Example/tmp"), 0,
		"call %lu left something that is not known as ours", n);
}

/* Each call fails in turn: what is under its final name is whole, what is in tmp/ is ours, and the next
 * try succeeds. `sticky`: all calls after it fail as well, as if the disk were gone. */
static void fail_each_call(
	const unsigned char *text, size_t n, bool convertible, bool sticky, int missing)
{
	bool done = false;
	for (unsigned long nth = 1; !done; nth++) {
		cr_assert_lt(nth, 200);
		struct place p;
		struct maildir_done d;
		struct slice part[2] = {slice_of(text, n / 2), slice_of(text + n / 2, n - n / 2)};
		place_make(&p);
		p.f.always[FAULT_RENAME_NOREPLACE] = missing;
		p.f.sticky = sticky;
		fault_fsys_fail(&p.f, FAULT_ANY, nth, EIO);
		int result = deliver(&p, part, 2, "x", &d);
		done = !p.f.failed;
		cr_assert(!done || result == 0, "%s", p.e.text);
		bool there = tmp_tree_exists(&p.tree, "mail/Example/cur/x");
		cr_assert(there || result != 0, "call %lu: success without a file", nth);
		cr_assert(
			!there || holds(&p, "x", text, n, convertible), "call %lu: not whole", nth);
		cr_assert(result == 0 || p.e.text[0] != '\0');
		check_tmp_names(&p, nth);
		if (!there)
			cr_assert_eq(deliver(&p, part, 2, "x", &d), 0, "%s", p.e.text);
		cr_assert(holds(&p, "x", text, n, convertible));
		place_remove(&p);
	}
}

Test(maildir_file, never_leaves_an_incomplete_message_when_any_call_fails)
{
	unsigned char *crlf = make_text(2 * BUFFER + 100, 78),
		      *bare = make_text(2 * BUFFER + 100, 78);
	bare[2 * BUFFER + 98] = 'x';
	bare[2 * BUFFER + 99] = '\n';
	for (int sticky = 0; sticky < 2; sticky++) {
		fail_each_call((const unsigned char *)"a\r\nb", 4, true, sticky == 1, 0);
		fail_each_call((const unsigned char *)"a\nb", 3, false, sticky == 1, 0);
		fail_each_call((const unsigned char *)"", 0, false, sticky == 1, EINVAL);
		fail_each_call(crlf, 2 * BUFFER + 100, true, sticky == 1, 0);
		fail_each_call(bare, 2 * BUFFER + 100, false, sticky == 1, 0);
	}
	free(crlf);
	free(bare);
}

Test(maildir_file, is_not_disturbed_by_short_and_interrupted_calls)
{
	unsigned char *bare = make_text(BUFFER + 5000, 78);
	bare[BUFFER + 4998] = 'x';
	bare[BUFFER + 4999] = '\n';
	struct place p;
	struct maildir_done done;
	struct slice text = slice_of(bare, BUFFER + 5000);
	place_make(&p);
	p.f.longest_io = 1000;
	p.f.interrupt = 3;
	cr_assert_eq(deliver(&p, &text, 1, "x", &done), 0, "%s", p.e.text);
	cr_assert_eq(done.size_disk, text.n);
	cr_assert(holds(&p, "x", text.p, text.n, false));
	free(bare);
	place_remove(&p);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static int take_wire(void *ctx, const void *p, size_t n)
{
	return buf_add(ctx, p, n);
}

Test(maildir_file, gives_the_bytes_of_the_wire)
{
	struct place p;
	place_make(&p);
	unsigned char *text = make_text(
		3 * BUFFER, 78); /* with CRLF: it gets a second CR when one is to be added */
	cr_assert(tmp_tree_write(&p.tree, "mail/Example/cur/x", text, 3 * BUFFER));
	for (int add_cr = 0; add_cr < 2; add_cr++) {
		struct buf wire = BUF_INIT(8 * BUFFER), want = BUF_INIT(8 * BUFFER);
		int fd = fsys_open_file(&p.f.fs, p.m.cur, "x", NULL);
		cr_assert_eq(
			maildir_read_wire(&p.f.fs, fd, add_cr != 0, take_wire, &wire, &p.e), 0);
		for (size_t i = 0; i < 3 * BUFFER; i++) {
			if (add_cr != 0 && text[i] == '\n')
				buf_add_byte(&want, '\r');
			buf_add_byte(&want, text[i]);
		}
		cr_expect(slice_eq(buf_slice(&wire), buf_slice(&want)), "%d", add_cr);
		fsys_close_quiet(&p.f.fs, fd);
		buf_release(&wire);
		buf_release(&want);
	}
	free(text);
	place_remove(&p);
}

static int stop_now(void *ctx, const void *p, size_t n)
{
	(void)p, (void)n;
	++*(int *)ctx;
	return 3;
}

Test(maildir_file, stops_reading_when_told_and_reports_what_it_cannot_read)
{
	struct place p;
	place_make(&p);
	unsigned char *text = make_text(3 * BUFFER, 78);
	cr_assert(tmp_tree_write(&p.tree, "mail/Example/cur/x", text, 3 * BUFFER));
	int fd = fsys_open_file(&p.f.fs, p.m.cur, "x", NULL), calls = 0;
	cr_assert_eq(maildir_read_wire(&p.f.fs, fd, true, stop_now, &calls, &p.e), 3);
	cr_assert_eq(calls, 1);
	fault_fsys_fail(&p.f, FAULT_READ, 1, EIO);
	cr_assert_eq(maildir_read_wire(&p.f.fs, fd, true, stop_now, &calls, &p.e), -1);
	cr_assert_eq(p.e.code, E_IO);
	cr_assert_eq(p.e.scope, ERR_MESSAGE);
	fsys_close_quiet(&p.f.fs, fd);
	free(text);
	place_remove(&p);
}

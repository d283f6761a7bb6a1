/* SPDX-License-Identifier: MIT */
/*
 * test_writer.c -- the thread that writes message files: alone, below a message file, and in an archive whose disk is slow.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/writer.h"
#include "tests/support/archive_rig.h"
#include "tests/support/fault_fsys.h"
#include "tests/support/tmp_tree.h"

TestSuite(writer, .init = archive_rig_in_memory, .timeout = 60);

struct place {
	struct tmp_tree tree;
	struct fault_fsys f;
	struct err e;
	struct sha256 *hash;
	struct maildir m;
	struct writer *w;
	int mail;
};

static void place_make(struct place *p)
{
	cr_assert(tmp_tree_make(&p->tree));
	cr_assert(tmp_tree_mkdir(&p->tree, "mail"));
	fault_fsys_init(&p->f);
	p->f.fs.threads = true;
	err_clear(&p->e);
	p->hash = sha256_new(&p->e);
	p->mail = openat(p->tree.fd, "mail", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(p->hash != NULL && p->mail >= 0);
	cr_assert_eq(maildir_open(&p->m, &p->f.fs, p->mail, slice_str("Example"), true, &p->e), 0);
	cr_assert_eq(writer_new(&p->w, &p->e), 0, "%s", p->e.text);
}

static void place_remove(struct place *p)
{
	writer_free(p->w);
	maildir_close(&p->m);
	cr_assert_eq(p->f.open, 0, "%ld descriptors are still open", p->f.open);
	sha256_free(p->hash);
	close(p->mail);
	fault_fsys_release(&p->f);
	tmp_tree_remove(&p->tree);
}

/* n bytes, different for each message. */
static unsigned char *content(unsigned seed, size_t n)
{
	unsigned char *p = malloc(n);
	cr_assert_not_null(p);
	for (size_t i = 0; i < n; i++)
		p[i] = i % 78 == 76    ? '\r'
			: i % 78 == 77 ? '\n'
				       : (unsigned char)('a' + (i * 7 + seed) % 26);
	return p;
}

/* The bytes in tmp/ are those of the wire, with or without their CRs. */
static void check_file(
	struct place *p, const struct maildir_done *done, const unsigned char *wire, size_t n)
{
	char name[200];
	size_t have, want = 0;
	snprintf(name, sizeof name, "mail/Example/tmp/%s", done->tmp_name);
	unsigned char *file = tmp_tree_read(&p->tree, name, &have);
	cr_assert_not_null(file, "%s", name);
	bool lf = done->size_disk < done->size_wire;
	for (size_t i = 0; i < n; i++) {
		if (lf && wire[i] == '\r' && i + 1 < n && wire[i + 1] == '\n')
			continue;
		cr_assert(want < have && file[want] == wire[i], "octet %zu of %zu", i, n);
		want++;
	}
	cr_assert_eq(have, want);
	cr_assert_eq((size_t)done->size_disk, want);
	free(file);
}

static int write_message(struct place *p, uint64_t serial, bool lf, const unsigned char *wire,
	size_t n, struct maildir_done *done)
{
	struct maildir_file *file;
	size_t piece = serial % 3 == 0 ? 100001 : 4096;
	if (maildir_file_begin(&p->m, serial, lf, p->hash, p->w, &file, &p->e) != 0)
		return -1;
	for (size_t at = 0; at < n; at += piece)
		if (maildir_file_write(file, wire + at, n - at < piece ? n - at : piece, &p->e) !=
			0) {
			maildir_file_discard(file);
			return -1;
		}
	return maildir_file_finish(file, 1500000000, done, &p->e);
}

/* Small ones, one of several buffers, one with more pieces than may wait, an empty one; some end with a bare LF, which
 * turns the file round after some of it was written. */
Test(writer, files_are_what_was_received)
{
	static const size_t size[] = {0, 1, 2000, WRITER_BUFFER, 5 * WRITER_BUFFER + 17,
		(WRITER_PIECES + 8) * WRITER_BUFFER};
	for (int kind = 0; kind < 4; kind++) {
		struct place p;
		struct maildir_done done[6];
		unsigned char *wire[6];
		place_make(&p);
		for (unsigned i = 0; i < 6; i++) {
			wire[i] = content(i, size[i] + 2);
			if (kind & 1)
				memcpy(wire[i] + size[i], "x\n", 2);
			cr_assert_eq(
				write_message(&p, i, !(kind & 2), wire[i], size[i] + 2, &done[i]),
				0, "%s", p.e.text);
		}
		cr_assert_eq(writer_drain(p.w, &p.e), 0, "%s", p.e.text);
		cr_expect_eq(p.m.waiting, 0u);
		for (unsigned i = 0; i < 6; i++) {
			/* One that was turned round was written by this thread. */
			if (done[i].fd >= 0)
				cr_assert_eq(maildir_file_flush(&p.m, &done[i], false, &p.e), 0);
			check_file(&p, &done[i], wire[i], size[i] + 2);
			free(wire[i]);
		}
		cr_expect(p.f.helped);
		place_remove(&p);
	}
}

Test(writer, what_is_discarded_leaves_nothing)
{
	struct place p;
	unsigned char *wire = content(1, 300000);
	place_make(&p);
	for (uint64_t i = 0; i < 50; i++) {
		struct maildir_file *file;
		cr_assert_eq(maildir_file_begin(&p.m, i, true, p.hash, p.w, &file, &p.e), 0);
		cr_assert_eq(maildir_file_write(file, wire, 6000 * (size_t)i, &p.e), 0);
		maildir_file_discard(file);
	}
	writer_wait(p.w, &p.m);
	cr_expect_eq(tmp_tree_count(&p.tree, "mail/Example/tmp"), 0);
	free(wire);
	place_remove(&p);
}

/* Whatever fails, it is told, by name; what comes later is not written any more, and leaves nothing. */
Test(writer, the_first_failure_is_final)
{
	static const enum fault_kind kinds[] = {
		FAULT_OPENAT, FAULT_FCHMOD, FAULT_WRITE, FAULT_FUTIMENS, FAULT_CLOSE};
	for (size_t k = 0; k < 5; k++) {
		struct place p;
		struct maildir_done done;
		struct err e = ERR_INIT;
		unsigned char *wire = content(2, 5000);
		place_make(&p);
		cr_assert_eq(write_message(&p, 1, true, wire, 5000, &done), 0);
		cr_assert_eq(writer_drain(p.w, &p.e), 0);
		fault_fsys_fail(&p.f, kinds[k], 1, k == 0 ? EACCES : ENOSPC);
		(void)write_message(&p, 2, true, wire, 5000, &done);
		cr_expect_eq(writer_drain(p.w, &e), -1, "%s", fault_kind_name(kinds[k]));
		cr_expect_eq(e.scope, ERR_STORE, "%s", e.text);
		cr_expect(k == 0 || e.code == E_FULL, "%s", e.text);
		cr_expect_not_null(strstr(e.text, "mail/Example/tmp/"), "%s", e.text);
		cr_expect_eq(write_message(&p, 3, true, wire, 5000, &done), -1);
		cr_expect_eq(p.e.scope, ERR_STORE);
		cr_expect_eq(writer_drain(p.w, &e), -1);
		/* The one from before stays: its group has to see to it. */
		cr_expect_eq(tmp_tree_count(&p.tree, "mail/Example/tmp"), 1, "%s",
			fault_kind_name(kinds[k]));
		free(wire);
		place_remove(&p);
	}
}

/* A folder that nobody may write to is that mailbox's trouble: told at once, and by no writer. */
Test(writer, a_mailbox_that_cannot_be_written_fails_alone)
{
	struct place p;
	struct maildir_done done;
	struct err e = ERR_INIT;
	place_make(&p);
	fault_fsys_fail(&p.f, FAULT_OPENAT, 1, EACCES);
	cr_expect_eq(write_message(&p, 1, true, (const unsigned char *)"x\r\n", 3, &done), -1);
	cr_expect_eq(p.e.scope, ERR_MAILBOX, "%s", p.e.text);
	cr_expect_eq(writer_drain(p.w, &e), 0);
	place_remove(&p);
}

/* ---- a slow disk ----------------------------------------------------------------------------------- */

static struct fsys slow;
static pthread_t owner;

static ssize_t slow_write(void *ctx, int fd, const void *p, size_t n)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	if (!pthread_equal(owner, pthread_self()))
		nanosleep(&pause, NULL);
	return fsys_real()->write(ctx, fd, p, n);
}

static int slow_openat(void *ctx, int dir, const char *path, int flags, mode_t mode)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	if (!pthread_equal(owner, pthread_self()))
		nanosleep(&pause, NULL);
	return fsys_real()->openat(ctx, dir, path, flags, mode);
}

/* From here on what the writer does in `slow` takes its time. */
static void slow_down(void)
{
	owner = pthread_self();
	slow = *fsys_real();
	slow.write = slow_write;
	slow.openat = slow_openat;
}

/* A group gets its names, its rows and its end only when the writer is done. */
Test(writer, a_commit_waits_for_it)
{
	struct tmp_tree t;
	char path[256];
	unsigned fetched;
	struct err e = ERR_INIT;
	cr_assert(tmp_tree_make(&t));
	snprintf(path, sizeof path, "%s/a", t.path);
	slow_down();
	cr_assert_eq(archive_rig_sync(path, &slow, &fetched, &e), 0, "%s", e.text);
	const char *problem = archive_rig_check_complete(path);
	cr_assert(problem == NULL, "%s", problem);
	tmp_tree_remove(&t);
}

/* Many mailboxes: their folders are closed to make room while messages of theirs may still wait. */
Test(writer, a_folder_is_not_closed_before_its_messages_are_written)
{
	struct tmp_tree t;
	char path[256], name[20];
	struct store *s;
	struct err e = ERR_INIT;
	cr_assert(tmp_tree_make(&t));
	snprintf(path, sizeof path, "%s/a", t.path);
	slow_down();
	cr_assert_eq(archive_rig_open(&s, path, STORE_WRITE, &slow, &e), 0, "%s", e.text);
	cr_assert_eq(store_run_begin(s, &e), 0);
	int64_t previous;
	for (unsigned i = 0; i < 40; i++) {
		int64_t id;
		struct store_generation *g;
		snprintf(name, sizeof name, "box%02u", i);
		cr_assert_eq(archive_rig_mailbox(s, name, &id, &e), 0, "%s", e.text);
		cr_assert_eq(store_generation_open(s, id, 7, &g, &previous, &e), 0, "%s", e.text);
		for (uint32_t uid = 1; uid <= 2; uid++)
			cr_assert_eq(archive_rig_put(g, uid, name, strlen(name), "", &e), 0, "%s",
				e.text);
		store_generation_close(g);
	}
	cr_assert_eq(store_commit(s, &e), 0, "%s", e.text);
	cr_assert_eq(archive_rig_end(s, STORE_RUN_OK, &e), 0, "%s", e.text);
	store_close(s);
	for (unsigned i = 0; i < 40; i++) {
		char cur[60];
		snprintf(cur, sizeof cur, "a/mail/box%02u/cur", i);
		cr_expect_eq(tmp_tree_count(&t, cur), 2, "%s", cur);
	}
	tmp_tree_remove(&t);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_maildir.c -- directories, side files, finding, scanning, walking. The message writer has
 * test_maildir_file.c.
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

TestSuite(maildir, .timeout = 120);

struct place {
	struct tmp_tree tree;
	struct fault_fsys f;
	struct err e;
	int mail;
};

static void place_make(struct place *p, int way)
{
	cr_assert(tmp_tree_make(&p->tree));
	cr_assert(tmp_tree_mkdir(&p->tree, "mail"));
	fault_fsys_init(&p->f);
	err_clear(&p->e);
	if (way == 1) {
		p->f.always[FAULT_OPEN_BENEATH] = ENOSYS;
		p->f.always[FAULT_RENAME_NOREPLACE] = ENOSYS;
	}
	p->mail = openat(p->tree.fd, "mail", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(p->mail, 0);
}

static void place_remove(struct place *p)
{
	cr_assert_eq(p->f.open, 0, "%ld descriptors are still open", p->f.open);
	close(p->mail);
	fault_fsys_release(&p->f);
	tmp_tree_remove(&p->tree);
}

static void open_box(struct place *p, struct maildir *m, const char *path)
{
	cr_assert_eq(maildir_open(m, &p->f.fs, p->mail, slice_str(path), true, &p->e), 0, "%s: %s",
		path, p->e.text);
}

/* A valid file name for uid. */
static const char *base_of(unsigned uid, char out[MESSAGE_NAME_MAX])
{
	struct message_name n = {
		1000 + uid, 7, uid, {1, 2, 3, 4, 5, 6, 7, (unsigned char)uid}, 3, 4};
	message_name_format(&n, out);
	return out;
}

/* Put a message file there by hand. */
static void plant(struct place *p, const char *folder, unsigned uid, const char *tail)
{
	char base[MESSAGE_NAME_MAX], path[2 * MESSAGE_NAME_MAX];
	snprintf(path, sizeof path, "mail/%s/%s%s", folder, base_of(uid, base), tail);
	cr_assert(tmp_tree_write(&p->tree, path, "abc", 3), "%s", path);
}

static bool is_there(struct place *p, const char *folder, unsigned uid, const char *tail)
{
	char base[MESSAGE_NAME_MAX], path[2 * MESSAGE_NAME_MAX];
	snprintf(path, sizeof path, "mail/%s/%s%s", folder, base_of(uid, base), tail);
	return tmp_tree_exists(&p->tree, path);
}

/* ---- opening ---------------------------------------------------------------------------------- */

Test(maildir, is_made_with_all_levels_and_opened_again_without_a_flush)
{
	static const char *const paths[] = {"INBOX", "a/b/c", "", ".Example.2016"};
	for (size_t i = 0; i < 4; i++) {
		struct place p;
		struct maildir m;
		place_make(&p, 0);
		cr_assert_eq(
			maildir_open(&m, &p.f.fs, p.mail, slice_str(paths[i]), false, &p.e), -1);
		cr_assert_eq(p.e.code, E_MISSING);
		cr_assert_eq(p.e.scope, ERR_MAILBOX);
		open_box(&p, &m, paths[i]);
		maildir_close(&m);
		char sub[64];
		static const char *const three[] = {"cur", "new", "tmp"};
		for (int k = 0; k < 3; k++) {
			snprintf(sub, sizeof sub, "mail/%s/%s", paths[i], three[k]);
			cr_assert_eq(tmp_tree_count(&p.tree, sub), 0, "%s", sub);
		}
		fault_fsys_fail(&p.f, FAULT_ANY, 0, 0);
		open_box(&p, &m, paths[i]);
		cr_assert_eq(p.f.calls[FAULT_FSYNC], 0);
		cr_assert_eq(p.f.calls[FAULT_MKDIRAT], 0);
		maildir_close(&m);
		cr_assert_eq(
			maildir_open(&m, &p.f.fs, p.mail, slice_str(paths[i]), false, &p.e), 0);
		maildir_close(&m);
		place_remove(&p);
	}
}

Test(maildir, makes_tmp_last_and_after_a_flush)
{
	struct place p;
	struct maildir m;
	place_make(&p, 0);
	p.f.logging = true;
	open_box(&p, &m, "a/b");
	const char *log = buf_str(&p.f.log);
	const char *order[] = {"mkdirat a\n", "fsync", "mkdirat b\n", "fsync", "mkdirat cur\n",
		"mkdirat new\n", "fsync", "mkdirat tmp\n", "fsync"};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		log = strstr(log, order[i]);
		cr_assert_not_null(log, "%s is missing in %s", order[i], buf_str(&p.f.log));
		log += strlen(order[i]);
	}
	maildir_close(&m);
	place_remove(&p);
}

Test(maildir, opens_for_reading_without_tmp_and_new)
{
	struct place p;
	struct maildir m;
	place_make(&p, 0);
	cr_assert(tmp_tree_mkdir(&p.tree, "mail/a") && tmp_tree_mkdir(&p.tree, "mail/a/cur"));
	cr_assert_eq(
		maildir_open(&m, &p.f.fs, p.mail, slice_str("a"), false, &p.e), 0, "%s", p.e.text);
	uint64_t removed = 1;
	cr_assert_eq(maildir_reap(&m, &removed, &p.e), 0);
	cr_assert_eq(removed, 0);
	maildir_close(&m);
	/* For writing they are made. */
	open_box(&p, &m, "a");
	cr_assert(tmp_tree_exists(&p.tree, "mail/a/tmp") && tmp_tree_exists(&p.tree, "mail/a/new"));
	maildir_close(&m);
	place_remove(&p);
}

Test(maildir, survives_the_failure_of_any_call_while_it_is_made)
{
	for (int way = 0; way < 2; way++) {
		bool done = false;
		for (unsigned long n = 1; !done; n++) {
			cr_assert_lt(n, 200);
			struct place p;
			struct maildir m;
			place_make(&p, way);
			fault_fsys_fail(&p.f, FAULT_ANY, n, EIO);
			int result =
				maildir_open(&m, &p.f.fs, p.mail, slice_str("a/b"), true, &p.e);
			done = !p.f.failed;
			cr_assert(!done || result == 0);
			cr_assert(result == 0 || err_is_set(&p.e), "call %lu", n);
			if (result == 0)
				maildir_close(&m);
			fault_fsys_fail(&p.f, FAULT_ANY, 0, 0);
			open_box(&p, &m, "a/b");
			maildir_close(&m);
			cr_assert(tmp_tree_exists(&p.tree, "mail/a/b/new"));
			place_remove(&p);
		}
	}
}

Test(maildir, refuses_a_symbolic_link_at_every_component)
{
	static const char *const links[] = {
		"mail/A", "mail/A/B", "mail/A/B/cur", "mail/A/B/tmp", "mail/A/B/dovecot-keywords"};
	for (int way = 0; way < 2; way++) {
		for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
			for (int create = 0; create < 2; create++) {
				struct place p;
				struct maildir m;
				place_make(&p, way);
				open_box(&p, &m, "A/B");
				maildir_close(&m);
				/* What was there lies outside now and a link stands in its place. */
				char outside[200];
				snprintf(outside, sizeof outside, "%s/outside", p.tree.path);
				if (i == 4)
					cr_assert(tmp_tree_write(&p.tree, "outside", "0 x\n", 4));
				else
					cr_assert_eq(
						renameat(p.tree.fd, links[i], p.tree.fd, "outside"),
						0);
				cr_assert_eq(symlinkat(outside, p.tree.fd, links[i]), 0);
				cr_assert_eq(maildir_open(&m, &p.f.fs, p.mail, slice_str("A/B"),
						     create == 1, &p.e),
					-1, "way %d: %s", way, links[i]);
				cr_assert_eq(p.e.code, E_CORRUPT, "%s", p.e.text);
				cr_assert_eq(p.e.scope, ERR_MAILBOX);
				cr_assert_not_null(strstr(p.e.text, "mail/A/B"), "%s", p.e.text);
				place_remove(&p);
			}
		}
	}
}

Test(maildir, makes_nothing_behind_a_symbolic_link)
{
	for (int way = 0; way < 2; way++) {
		struct place p;
		struct maildir m;
		place_make(&p, way);
		cr_assert(tmp_tree_mkdir(&p.tree, "outside"));
		cr_assert_eq(symlinkat("../outside", p.tree.fd, "mail/A"), 0);
		cr_assert_eq(maildir_open(&m, &p.f.fs, p.mail, slice_str("A"), true, &p.e), -1);
		cr_assert_eq(maildir_open(&m, &p.f.fs, p.mail, slice_str("A/B"), true, &p.e), -1);
		cr_assert_eq(maildir_open(&m, &p.f.fs, p.mail, slice_str("../x"), true, &p.e), -1);
		cr_assert_eq(tmp_tree_count(&p.tree, "outside"), 0);
		cr_assert_not(tmp_tree_exists(&p.tree, "x"));
		place_remove(&p);
	}
}

Test(maildir, refuses_fifos_without_waiting)
{
	struct place p;
	struct maildir m;
	char base[MESSAGE_NAME_MAX], path[2 * MESSAGE_NAME_MAX];
	place_make(&p, 0);
	open_box(&p, &m, "a");
	snprintf(path, sizeof path, "mail/a/cur/%s:2,S", base_of(1, base));
	cr_assert_eq(mkfifoat(p.tree.fd, path, 0600), 0);
	int fd = -1;
	cr_assert_eq(maildir_open_message(&m, base, "S", &fd, NULL, &p.e), -1);
	cr_assert_eq(p.e.code, E_CORRUPT, "%s", p.e.text);
	cr_assert_eq(p.e.scope, ERR_MESSAGE);
	cr_assert_eq(maildir_link(&m, &m, strrchr(path, '/') + 1, "x", &p.e), -1);
	cr_assert_eq(mkfifoat(p.tree.fd, "mail/a/dovecot-keywords", 0600), 0);
	maildir_close(&m);
	cr_assert_eq(maildir_open(&m, &p.f.fs, p.mail, slice_str("a"), true, &p.e), -1);
	cr_assert_eq(p.e.code, E_CORRUPT, "%s", p.e.text);
	place_remove(&p);
}

Test(maildir, names_files_relative_to_the_archive_and_shows_them_safely)
{
	struct place p;
	struct maildir m;
	place_make(&p, 0);
	open_box(&p, &m, "Ex\x1b[31m");
	int fd = -1;
	char base[MESSAGE_NAME_MAX];
	cr_assert_eq(maildir_open_message(&m, base_of(1, base), "", &fd, NULL, &p.e), -1);
	cr_assert_not_null(strstr(p.e.text, "mail/Ex\\u{1B}[31m/cur/1001.V7U1H"), "%s", p.e.text);
	cr_assert_null(strchr(p.e.text, '\x1b'));
	cr_assert_null(strstr(p.e.text, p.tree.path));
	maildir_close(&m);
	place_remove(&p);
}

/* ---- side files ------------------------------------------------------------------------------- */

Test(maildir, saves_keywords_only_when_they_changed_and_loads_them_again)
{
	struct place p;
	struct maildir m;
	char letters[FLAG_LETTERS_MAX];
	place_make(&p, 0);
	open_box(&p, &m, "a");
	cr_assert_eq(maildir_save_keywords(&m, &p.e), 0);
	cr_assert_not(tmp_tree_exists(&p.tree, "mail/a/dovecot-keywords"));
	cr_assert_eq(flag_letters(slice_str("$Junk work"), &m.keywords, letters, &p.e), 0);
	cr_assert_eq(maildir_save_keywords(&m, &p.e), 0);
	cr_assert_not(m.keywords.changed);
	maildir_close(&m);
	open_box(&p, &m, "a");
	cr_assert_str_eq(buf_str(&m.keywords.name[1]), "work");
	cr_assert_eq(tmp_tree_count(&p.tree, "mail/a/tmp"), 0);
	maildir_close(&m);
	place_remove(&p);
}

Test(maildir, writes_side_files_into_its_own_folder_only)
{
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", "/x"};
	struct place p;
	struct maildir m;
	place_make(&p, 0);
	open_box(&p, &m, "a");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		cr_assert_eq(
			maildir_write_side(&m, bad[i], slice_str("x"), &p.e), -1, "%s", bad[i]);
		cr_assert_eq(p.e.code, E_CORRUPT, "%s", bad[i]);
		cr_assert_eq(maildir_publish(&m, bad[i], "y", &p.e), -1);
		cr_assert_eq(maildir_publish(&m, "y", bad[i], &p.e), -1);
		cr_assert_eq(maildir_link(&m, &m, bad[i], "y", &p.e), -1);
		cr_assert_eq(maildir_link(&m, &m, "y", bad[i], &p.e), -1);
	}
	cr_assert_eq(maildir_write_side(&m, ".mailbox", slice_str("text"), &p.e), 0);
	struct buf out = BUF_INIT(4), less = BUF_INIT(3);
	cr_assert_eq(maildir_read_side(&m, ".mailbox", &out, &p.e), 1);
	cr_assert_str_eq(buf_str(&out), "text");
	cr_assert_eq(maildir_read_side(&m, ".nothing", &out, &p.e), 0);
	cr_assert_eq(maildir_read_side(&m, ".mailbox", &less, &p.e), -1);
	cr_assert_eq(p.e.code, E_LIMIT);
	buf_release(&out);
	buf_release(&less);
	maildir_close(&m);
	place_remove(&p);
}

Test(maildir, reaps_its_own_leftovers_and_nothing_else)
{
	struct place p;
	struct maildir m;
	place_make(&p, 0);
	open_box(&p, &m, "a");
	static const char *const files[] = {"mail/a/tmp/1.2.imapsync-tmp",
		"mail/a/tmp/1.2.raw.imapsync-tmp", "mail/a/tmp/9.side.imapsync-tmp",
		"mail/a/tmp/1500.M1P2.host", "mail/a/tmp/.imapsync-tmp",
		"mail/a/tmp/imapsync-tmp.x", "mail/a/cur/1.2.imapsync-tmp"};
	for (size_t i = 0; i < 7; i++)
		cr_assert(tmp_tree_write(&p.tree, files[i], "x", 1));
	cr_assert(tmp_tree_mkdir(&p.tree, "mail/a/tmp/d.imapsync-tmp"));
	uint64_t removed = 0;
	cr_assert_eq(maildir_reap(&m, &removed, &p.e), 0);
	cr_assert_eq(removed, 3);
	for (size_t i = 0; i < 7; i++)
		cr_assert_eq(tmp_tree_exists(&p.tree, files[i]), i >= 3, "%s", files[i]);
	cr_assert(tmp_tree_exists(&p.tree, "mail/a/tmp/d.imapsync-tmp"));
	maildir_close(&m);
	place_remove(&p);
}

/* ---- messages that are there ------------------------------------------------------------------ */

Test(maildir, changes_letters_also_after_somebody_else_did)
{
	static const struct {
		const char *folder, *tail;
	} rows[] = {{"cur", ":2,"}, {"cur", ":2,FS"}, {"cur", ""}, {"cur", ":2,T"}, {"new", ""},
		{"new", ":2,"}};
	for (int way = 0; way < 2; way++) {
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct place p;
			struct maildir m;
			char folder[16], base[MESSAGE_NAME_MAX];
			place_make(&p, way);
			open_box(&p, &m, "a");
			snprintf(folder, sizeof folder, "a/%s", rows[i].folder);
			plant(&p, folder, 1, rows[i].tail);
			cr_assert_eq(maildir_set_letters(&m, base_of(1, base), "", "T", &p.e), 0,
				"row %zu: %s", i, p.e.text);
			cr_assert(is_there(&p, "a/cur", 1, ":2,T"), "row %zu", i);
			cr_assert_eq(tmp_tree_count(&p.tree, "mail/a/cur"), 1);
			cr_assert_eq(tmp_tree_count(&p.tree, "mail/a/new"), 0);
			cr_assert_eq(m.cur_dirty, strcmp(rows[i].tail, ":2,T") != 0, "row %zu", i);
			cr_assert_eq(maildir_flush(&m, &p.e), 0);
			cr_assert_not(m.cur_dirty);
			maildir_close(&m);
			place_remove(&p);
		}
	}
}

Test(maildir, never_replaces_a_file_when_letters_change)
{
	for (int way = 0; way < 2; way++) {
		struct place p;
		struct maildir m;
		char base[MESSAGE_NAME_MAX];
		place_make(&p, way);
		open_box(&p, &m, "a");
		plant(&p, "a/cur", 1, ":2,");
		plant(&p, "a/cur", 1, ":2,S");
		cr_assert_eq(maildir_set_letters(&m, base_of(1, base), "", "S", &p.e), -1);
		cr_assert_eq(p.e.code, E_EXISTS);
		cr_assert_eq(p.e.scope, ERR_MESSAGE);
		cr_assert_eq(tmp_tree_count(&p.tree, "mail/a/cur"), 2);
		cr_assert_eq(maildir_set_letters(&m, base_of(2, base), "", "S", &p.e), -1);
		cr_assert_eq(p.e.code, E_MISSING);
		cr_assert_eq(p.e.scope, ERR_MESSAGE);
		maildir_close(&m);
		place_remove(&p);
	}
}

Test(maildir, finds_files_that_were_renamed_and_lists_the_folder_once)
{
	struct place p;
	struct maildir m;
	char base[MESSAGE_NAME_MAX];
	place_make(&p, 0);
	open_box(&p, &m, "a");
	for (unsigned uid = 1; uid <= 50; uid++)
		plant(&p, uid % 5 == 0 ? "a/new" : "a/cur", uid, uid % 2 == 0 ? ":2,S" : "");
	fault_fsys_fail(&p.f, FAULT_ANY, 0, 0);
	for (unsigned uid = 1; uid <= 60; uid++) {
		int fd = -1;
		int result = maildir_open_message(&m, base_of(uid, base), "F", &fd, NULL, &p.e);
		cr_assert_eq(result, uid <= 50 ? 0 : -1, "%u", uid);
		if (result == 0)
			fsys_close_quiet(&p.f.fs, fd);
		else
			cr_assert(p.e.code == E_MISSING && p.e.scope == ERR_MESSAGE);
	}
	cr_assert_eq(p.f.calls[FAULT_FDOPENDIR], 2, "%lu", p.f.calls[FAULT_FDOPENDIR]);
	/* Renaming them all needs no further listing, and what moved since is found. */
	for (unsigned uid = 1; uid <= 50; uid++)
		cr_assert_eq(maildir_set_letters(&m, base_of(uid, base), "F", "R", &p.e), 0,
			"%u: %s", uid, p.e.text);
	cr_assert_leq(p.f.calls[FAULT_FDOPENDIR], 2);
	plant(&p, "a/cur", 77, ":2,DF");
	int fd = -1;
	cr_assert_eq(maildir_open_message(&m, base_of(77, base), "", &fd, NULL, &p.e), 0, "%s",
		p.e.text);
	fsys_close_quiet(&p.f.fs, fd);
	maildir_close(&m);
	place_remove(&p);
}

struct scanned {
	unsigned n, in_new, sum, stop_at;
};

static int count_scan(void *ctx, const char *name, bool in_new)
{
	struct scanned *s = ctx;
	struct message_name n;
	struct slice letters;
	cr_assert(message_name_parse(slice_str(name), &n, &letters));
	s->n++;
	s->in_new += in_new;
	s->sum += n.uid;
	return s->n == s->stop_at ? 5 : 0;
}

Test(maildir, scans_our_messages_in_cur_and_new_only)
{
	struct place p;
	struct maildir m;
	char base[MESSAGE_NAME_MAX], path[2 * MESSAGE_NAME_MAX];
	place_make(&p, 0);
	open_box(&p, &m, "a");
	plant(&p, "a/cur", 1, ":2,S");
	plant(&p, "a/cur", 2, "");
	plant(&p, "a/new", 4, "");
	plant(&p, "a/tmp", 8, "");
	plant(&p, "a/cur", 16, ".gz");
	cr_assert(tmp_tree_write(&p.tree, "mail/a/cur/1500.M1P2.host,S=1:2,S", "x", 1));
	snprintf(path, sizeof path, "mail/a/cur/%s", base_of(32, base));
	cr_assert(tmp_tree_mkdir(&p.tree, path));
	snprintf(path, sizeof path, "mail/a/cur/%s", base_of(64, base));
	cr_assert_eq(symlinkat("x", p.tree.fd, path), 0);
	struct scanned s = {0, 0, 0, 0};
	cr_assert_eq(maildir_scan(&m, count_scan, &s, &p.e), 0);
	cr_assert_eq(s.sum, 7);
	cr_assert_eq(s.in_new, 1);
	for (unsigned stop = 1; stop <= 3; stop++) {
		s = (struct scanned){0, 0, 0, stop};
		cr_assert_eq(maildir_scan(&m, count_scan, &s, &p.e), 5);
		cr_assert_eq(s.n, stop);
	}
	bool done = false;
	for (unsigned long n = 1; !done; n++) {
		cr_assert_lt(n, 100);
		fault_fsys_fail(&p.f, FAULT_ANY, n, EIO);
		s = (struct scanned){0, 0, 0, 0};
		int result = maildir_scan(&m, count_scan, &s, &p.e);
		done = !p.f.failed;
		cr_assert(result == -1 || s.sum == 7, "call %lu: silently cut short", n);
	}
	maildir_close(&m);
	place_remove(&p);
}

Test(maildir, links_a_message_into_another_mailbox_or_copies_it)
{
	static const int errors[] = {0, EXDEV, EPERM, EMLINK};
	for (size_t i = 0; i < 4; i++) {
		for (int tail = 0; tail < 2; tail++) {
			struct place p;
			struct maildir a, b;
			char base[MESSAGE_NAME_MAX], from[MESSAGE_NAME_MAX + 4];
			place_make(&p, 0);
			open_box(&p, &a, "a");
			open_box(&p, &b, "b");
			plant(&p, tail == 0 ? "a/cur" : "a/new", 1, tail == 0 ? ":2,S" : ":2,FRS");
			p.f.always[FAULT_LINKAT] = errors[i];
			snprintf(from, sizeof from, "%s:2,S", base_of(1, base));
			char to[MESSAGE_NAME_MAX];
			base_of(2, to);
			cr_assert_eq(maildir_link(&b, &a, from, to, &p.e), 0, "%s", p.e.text);
			cr_assert(b.cur_dirty);
			cr_assert(is_there(&p, "b/cur", 2, ""));
			char path[2 * MESSAGE_NAME_MAX];
			snprintf(path, sizeof path, "mail/b/cur/%s", to);
			size_t n = 0;
			unsigned char *got = tmp_tree_read(&p.tree, path, &n);
			cr_assert(got != NULL && n == 3 && memcmp(got, "abc", 3) == 0);
			free(got);
			struct stat st;
			cr_assert_eq(fstatat(p.tree.fd, path, &st, 0), 0);
			cr_assert_eq(st.st_nlink, errors[i] == 0 ? 2 : 1);
			cr_assert_eq(tmp_tree_count(&p.tree, "mail/b/tmp"), 0);
			/* Never over another file. */
			cr_assert_eq(maildir_link(&b, &a, from, to, &p.e), -1);
			cr_assert(errors[i] != 0 || p.e.code == E_EXISTS);
			cr_assert_eq(p.e.scope, ERR_MESSAGE);
			cr_assert_eq(tmp_tree_count(&p.tree, "mail/b/tmp"), 0);
			cr_assert_eq(maildir_link(&b, &a, "none", "x", &p.e), -1);
			cr_assert(p.e.code == E_MISSING && p.e.scope == ERR_MESSAGE);
			maildir_close(&a);
			maildir_close(&b);
			place_remove(&p);
		}
	}
}

/* ---- the walk --------------------------------------------------------------------------------- */

static int add_path(void *ctx, struct slice path)
{
	struct buf *out = ctx;
	buf_add_byte(out, '[');
	buf_add_slice(out, path);
	buf_add_byte(out, ']');
	return path.n == 4 && memcmp(path.p, "stop", 4) == 0 ? 9 : 0;
}

static void make_boxes(struct place *p, const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct maildir m;
		open_box(p, &m, paths[i]);
		maildir_close(&m);
	}
}

Test(maildir, walks_over_all_mailboxes_in_order_and_no_links)
{
	struct place p;
	static const char *const paths[] = {"b", "INBOX", "b/x/deep", "b/a", "%63ur"};
	place_make(&p, 0);
	make_boxes(&p, paths, 5);
	cr_assert(tmp_tree_mkdir(&p.tree, "mail/plain") &&
		tmp_tree_mkdir(&p.tree, "mail/.hidden") &&
		tmp_tree_mkdir(&p.tree, "mail/.hidden/cur"));
	cr_assert(tmp_tree_write(&p.tree, "mail/file", "x", 1));
	cr_assert_eq(symlinkat("b", p.tree.fd, "mail/link"), 0);
	cr_assert_eq(symlinkat("..", p.tree.fd, "mail/b/up"), 0);
	struct buf out = BUF_INIT(1000);
	cr_assert_eq(maildir_walk(&p.f.fs, p.mail, STORE_NESTED, add_path, &out, &p.e), 0);
	cr_assert_str_eq(buf_str(&out), "[%63ur][INBOX][b][b/a][b/x/deep]");
	static const char *const more[] = {"stop", "zzz"};
	make_boxes(&p, more, 2);
	buf_clear(&out);
	cr_assert_eq(maildir_walk(&p.f.fs, p.mail, STORE_NESTED, add_path, &out, &p.e), 9);
	cr_assert_null(strstr(buf_str(&out), "zzz"));
	buf_release(&out);
	place_remove(&p);
}

Test(maildir, walks_over_the_flat_folders_of_maildirpp)
{
	struct place p;
	static const char *const paths[] = {"", ".b", ".a.x", ".a"};
	place_make(&p, 0);
	make_boxes(&p, paths, 4);
	cr_assert(tmp_tree_mkdir(&p.tree, "mail/nested") &&
		tmp_tree_mkdir(&p.tree, "mail/nested/cur"));
	struct buf out = BUF_INIT(1000);
	cr_assert_eq(maildir_walk(&p.f.fs, p.mail, STORE_MAILDIRPP, add_path, &out, &p.e), 0);
	cr_assert_str_eq(buf_str(&out), "[][.a][.a.x][.b]");
	buf_release(&out);
	place_remove(&p);
}

Test(maildir, walks_over_a_very_deep_tree_with_few_descriptors)
{
	struct place p;
	place_make(&p, 0);
	struct buf path = BUF_INIT(NAME_PATH_MAX);
	for (int i = 0; i < 500; i++)
		buf_add_str(&path, i == 0 ? "d" : "/d");
	struct maildir m;
	open_box(&p, &m, buf_str(&path));
	maildir_close(&m);
	struct buf out = BUF_INIT(2000);
	cr_assert_eq(maildir_walk(&p.f.fs, p.mail, STORE_NESTED, add_path, &out, &p.e), 0);
	cr_assert_eq(out.len, path.len + 2);
	buf_release(&out);
	buf_release(&path);
	place_remove(&p);
}

Test(maildir, never_passes_over_a_mailbox_in_silence_when_a_call_fails)
{
	struct place p;
	static const char *const paths[] = {"INBOX", "a", "a/b"};
	for (int way = 0; way < 2; way++) {
		place_make(&p, way);
		make_boxes(&p, paths, 3);
		bool done = false;
		for (unsigned long n = 1; !done; n++) {
			cr_assert_lt(n, 300);
			struct buf out = BUF_INIT(1000);
			fault_fsys_fail(&p.f, FAULT_ANY, n, EIO);
			err_clear(&p.e);
			int result =
				maildir_walk(&p.f.fs, p.mail, STORE_NESTED, add_path, &out, &p.e);
			done = !p.f.failed;
			if (result == 0)
				cr_assert_str_eq(buf_str(&out), "[INBOX][a][a/b]", "call %lu", n);
			else
				cr_assert_eq(p.e.code, E_IO, "call %lu: %s", n, p.e.text);
			buf_release(&out);
		}
		place_remove(&p);
	}
}

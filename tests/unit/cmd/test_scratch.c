/* SPDX-License-Identifier: MIT */
/* test_scratch.c -- a temporary folder is private, and goes with all that is in it and nothing else. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/scratch.h"
#include "tests/support/tmp_tree.h"

/* A scratch folder for the output FOLDER/name. */
static int make_in(struct scratch *s, const struct tmp_tree *t, const char *name, struct err *e)
{
	char output[256];
	snprintf(output, sizeof output, "%s/%s", t->path, name);
	return scratch_make(s, output, e);
}

/* NAME/below in the scratch folder, seen from the tree around it. */
static const char *below(char out[256], const struct scratch *s, const char *name)
{
	snprintf(out, 256, "%s/%s", strrchr(s->path, '/') + 1, name);
	return out;
}

Test(scratch, it_is_private_and_beside_the_output)
{
	static const char *const names[] = {"mail.tar", "folder/", "folder///"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct tmp_tree t;
		struct scratch s;
		struct err e = ERR_INIT;
		struct stat st;
		cr_assert(tmp_tree_make(&t));
		umask(0);
		cr_assert_eq(make_in(&s, &t, names[i], &e), 0, "%s: %s", names[i], e.text);
		cr_assert_eq(strncmp(s.path, t.path, strlen(t.path)), 0, "%s", s.path);
		cr_assert(strchr(s.path + strlen(t.path) + 1, '/') == NULL, "%s", s.path);
		cr_assert_eq(lstat(s.path, &st), 0);
		cr_assert(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700);
		cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
		cr_assert_eq(tmp_tree_count(&t, "."), 0, "%s", names[i]);
		cr_assert_null(s.path);
		cr_assert_eq(scratch_remove(&s, &e), 0, "a second time");
		tmp_tree_remove(&t);
	}
}

Test(scratch, a_name_without_a_folder_and_the_root_are_understood)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	cr_assert(tmp_tree_make(&t));
	cr_assert_eq(fchdir(t.fd), 0);
	cr_assert_eq(scratch_make(&s, "mail.tar", &e), 0, "%s", e.text);
	cr_assert_eq(strncmp(s.path, "./imapsync-export-", 18), 0, "%s", s.path);
	cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
	if (scratch_make(&s, "/mail.tar", &e) == 0) {
		cr_assert_eq(strncmp(s.path, "/imapsync-export-", 17), 0, "%s", s.path);
		cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
	} else {
		cr_assert_eq(strncmp(e.text, "cannot make the temporary folder /imapsync", 42), 0,
			"%s", e.text);
	}
	cr_assert_eq(tmp_tree_count(&t, "."), 0);
	tmp_tree_remove(&t);
}

Test(scratch, for_standard_output_it_is_where_temporary_files_are)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	cr_assert(tmp_tree_make(&t));
	setenv("TMPDIR", t.path, 1);
	cr_assert_eq(scratch_make(&s, "-", &e), 0, "%s", e.text);
	cr_assert_eq(tmp_tree_count(&t, "."), 1);
	cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
	static const char *const none[] = {NULL, ""};
	for (size_t i = 0; i < 2; i++) {
		if (none[i] != NULL)
			setenv("TMPDIR", none[i], 1);
		else
			unsetenv("TMPDIR");
		cr_assert_eq(scratch_make(&s, "-", &e), 0, "%s", e.text);
		cr_assert_eq(strncmp(s.path, "/tmp/imapsync-export-", 21), 0, "%s", s.path);
		cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
	}
	tmp_tree_remove(&t);
}

Test(scratch, without_its_folder_it_is_not_made)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	char name[6000];
	cr_assert(tmp_tree_make(&t));
	cr_assert_eq(make_in(&s, &t, "nowhere/mail.tar", &e), -1);
	cr_assert_eq(e.scope, ERR_STORE);
	cr_assert_eq(e.code, E_MISSING);
	cr_assert_null(s.path);
	cr_assert_eq(scratch_remove(&s, &e), 0);
	err_clear(&e);
	memset(name, 'x', sizeof name);
	memcpy(name + sizeof name - 3, "/a", 3);
	cr_assert_eq(scratch_make(&s, name, &e), -1);
	cr_assert_eq(e.scope, ERR_STORE);
	cr_assert_null(s.path);
	tmp_tree_remove(&t);
}

Test(scratch, links_are_removed_and_not_followed)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	char b[256], kept[256];
	cr_assert(tmp_tree_make(&t));
	cr_assert(tmp_tree_mkdir(&t, "kept"));
	cr_assert(tmp_tree_mkdir(&t, "kept/cur"));
	cr_assert(tmp_tree_write(&t, "kept/cur/mail", "x", 1));
	cr_assert_eq(make_in(&s, &t, "out", &e), 0, "%s", e.text);
	cr_assert(tmp_tree_mkdir(&t, below(b, &s, "mail")));
	snprintf(kept, sizeof kept, "%s/kept", t.path);
	cr_assert_eq(symlinkat(kept, t.fd, below(b, &s, "top")), 0);
	cr_assert_eq(symlinkat(kept, t.fd, below(b, &s, "mail/inner")), 0);
	cr_assert_eq(symlinkat("../../kept/cur/mail", t.fd, below(b, &s, "mail/file")), 0);
	cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
	cr_assert(tmp_tree_exists(&t, "kept/cur/mail"));
	cr_assert_eq(tmp_tree_count(&t, "."), 1);
	tmp_tree_remove(&t);
}

Test(scratch, a_folder_that_took_its_name_stays)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	char b[256], name[64];
	cr_assert(tmp_tree_make(&t));
	cr_assert_eq(make_in(&s, &t, "out", &e), 0, "%s", e.text);
	cr_assert(tmp_tree_write(&t, below(b, &s, "ours"), "x", 1));
	snprintf(name, sizeof name, "%s", strrchr(s.path, '/') + 1);
	cr_assert_eq(renameat(t.fd, name, t.fd, "elsewhere"), 0);
	cr_assert(tmp_tree_mkdir(&t, name));
	cr_assert_eq(scratch_remove(&s, &e), -1);
	cr_assert_eq(e.scope, ERR_STORE);
	cr_assert(strstr(e.text, name) != NULL, "%s", e.text);
	cr_assert(tmp_tree_exists(&t, name), "an empty folder that is not ours");
	cr_assert_eq(tmp_tree_count(&t, "elsewhere"), 0, "ours was emptied all the same");
	tmp_tree_remove(&t);
}

/* Levels deeper than descriptors, and a folder with more folders than fit into one read. */
Test(scratch, depth_and_width_do_not_matter)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	char b[256], name[32];
	struct rlimit limit;
	cr_assert(tmp_tree_make(&t));
	cr_assert_eq(make_in(&s, &t, "out", &e), 0, "%s", e.text);
	/* Numbers are what the removal itself gives to folders. */
	cr_assert(tmp_tree_mkdir(&t, below(b, &s, "0")));
	cr_assert(tmp_tree_write(&t, below(b, &s, "0/file"), "x", 1));
	cr_assert(tmp_tree_write(&t, below(b, &s, "1"), "x", 1));
	cr_assert(tmp_tree_mkdir(&t, below(b, &s, "deep")));
	cr_assert(tmp_tree_mkdir(&t, below(b, &s, "wide")));
	int fd = openat(t.fd, below(b, &s, "deep"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 400; i++) {
		cr_assert_eq(mkdirat(fd, "d", 0700), 0);
		cr_assert_eq(mkdirat(fd, "cur", 0700), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		int file = openat(fd, "cur/mail", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		cr_assert(next >= 0 && file >= 0);
		close(file);
		close(fd);
		fd = next;
	}
	close(fd);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "wide/%d", i);
		cr_assert(tmp_tree_mkdir(&t, below(b, &s, name)));
	}
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(scratch_remove(&s, &e), 0, "%s", e.text);
	cr_assert_eq(tmp_tree_count(&t, "."), 0);
	tmp_tree_remove(&t);
}

Test(scratch, what_cannot_be_removed_is_said)
{
	struct tmp_tree t;
	struct scratch s;
	struct err e = ERR_INIT;
	char b[256], path[256];
	struct rlimit limit, none;
	cr_assert(tmp_tree_make(&t));
	cr_assert_eq(make_in(&s, &t, "out", &e), 0, "%s", e.text);
	cr_assert(tmp_tree_mkdir(&t, below(b, &s, "a")));
	cr_assert(tmp_tree_write(&t, below(b, &s, "a/file"), "x", 1));
	snprintf(path, sizeof path, "%s", s.path);
	/* No folder can be opened: the one failure that root has, too. */
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	int rc = scratch_remove(&s, &e);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_assert_eq(rc, -1);
	cr_assert_eq(e.scope, ERR_STORE);
	cr_assert(strstr(e.text, path) != NULL, "%s", e.text);
	cr_assert(tmp_tree_exists(&t, below(b, &(struct scratch){.path = path}, "a/file")));
	cr_assert_null(s.path);
	tmp_tree_remove(&t);
}

/* SPDX-License-Identifier: MIT */
/* Each kind of damage is found, named, and mended as far as that is possible; nothing else is reported. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/archive_rig.h"
#include "tests/support/damage.h"
#include "tests/support/tmp_tree.h"

#define FOUND_MAX 64

struct found {
	enum store_fault fault;
	uint32_t uid;
	enum store_mending mending;
	char file[300];
};

struct rig {
	struct tmp_tree t;
	char path[200];
	struct found at[FOUND_MAX];
	size_t n;
	struct store_verify_counts counts;
	struct err e;
};

static void start(struct rig *r)
{
	unsigned fetched;
	memset(r, 0, sizeof *r);
	cr_assert(tmp_tree_make(&r->t));
	snprintf(r->path, sizeof r->path, "%s/a", r->t.path);
	cr_assert_eq(archive_rig_sync(r->path, NULL, &fetched, &r->e), 0, "%s", r->e.text);
}

static void finish(struct rig *r)
{
	tmp_tree_remove(&r->t);
}

static int take(void *ctx, const struct store_finding *f)
{
	struct rig *r = ctx;
	cr_assert_lt(r->n, FOUND_MAX);
	struct found *to = &r->at[r->n++];
	to->fault = f->fault;
	to->uid = f->uid;
	snprintf(to->file, sizeof to->file, "%.*s", (int)f->file.n, (const char *)f->file.p);
	cr_assert_gt(strlen(f->detail), 0);
	return 0;
}

static int take_mended(void *ctx, const struct store_finding *f, enum store_mending m)
{
	struct rig *r = ctx;
	take(ctx, f);
	r->at[r->n - 1].mending = m;
	return 0;
}

static void verify_part(struct rig *r, uint32_t n, uint32_t of, uint64_t round)
{
	struct store *s;
	const struct store_verify_options o = {
		.take = n, .of = of, .round = round, .ctx = r, .each = take};
	r->n = 0;
	cr_assert_eq(archive_rig_open(&s, r->path, STORE_READ, NULL, &r->e), 0, "%s", r->e.text);
	cr_assert_eq(store_verify(s, &o, &r->counts, &r->e), 0, "%s", r->e.text);
	store_close(s);
}

static void verify(struct rig *r)
{
	verify_part(r, 0, 0, 0);
}

static struct store_repair_counts repair(struct rig *r)
{
	struct store *s;
	struct store_repair_counts c;
	const struct store_options o = {.mode = STORE_WRITE, .rebuild = true};
	r->n = 0;
	cr_assert_eq(store_open(&s, r->path, &o, &r->e), 0, "%s", r->e.text);
	cr_assert_eq(store_repair(s, take_mended, r, NULL, &c, &r->e), 0, "%s", r->e.text);
	store_close(s);
	return c;
}

static void copy(const char *from, const char *to)
{
	char b[4096];
	struct stat st;
	cr_assert_eq(stat(from, &st), 0);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ssize_t n = read(in, b, sizeof b);
	cr_assert_geq(out, 0);
	cr_assert_eq(write(out, b, (size_t)n), n);
	close(in);
	close(out);
	damage_set_time(to, st.st_mtime);
}

/* ---- the kinds of damage: each is done to INBOX, UID 5 --------------------------------------- */

static void do_flip(const struct rig *r, const char *f)
{
	(void)r;
	damage_flip(f, 9);
}
static void do_delete(const struct rig *r, const char *f)
{
	(void)r;
	cr_assert_eq(unlink(f), 0);
}
static void do_truncate(const struct rig *r, const char *f)
{
	(void)r;
	cr_assert_eq(truncate(f, 7), 0);
}
static void do_append(const struct rig *r, const char *f)
{
	(void)r;
	int fd = open(f, O_WRONLY | O_APPEND);
	cr_assert_eq(write(fd, "x", 1), 1);
	close(fd);
}
static void do_touch(const struct rig *r, const char *f)
{
	(void)r;
	damage_set_time(f, 7);
}
static void do_letters(const struct rig *r, const char *f)
{
	char to[700];
	(void)r;
	snprintf(to, sizeof to, "%.*s:2,T", (int)strcspn(f, ":"), f);
	cr_assert_eq(rename(f, to), 0);
}
static void do_new(const struct rig *r, const char *f)
{
	char to[700];
	snprintf(to, sizeof to, "%s/mail/INBOX/new/%s", r->path, strrchr(f, '/') + 1);
	cr_assert_eq(rename(f, to), 0);
}
static void change_in_name(const char *f, const char *mark, char c)
{
	char to[600];
	snprintf(to, sizeof to, "%s", f);
	*(strstr(to, mark) + strlen(mark)) = c;
	cr_assert_eq(rename(f, to), 0);
}
static void do_name_hash(const struct rig *r, const char *f)
{
	(void)r;
	change_in_name(f, "U5H", strstr(f, "U5H")[3] == '0' ? '1' : '0');
}
static void do_name_rubbish(const struct rig *r, const char *f)
{
	(void)r;
	change_in_name(f, "U5", '!');
}
static void do_name_uid(const struct rig *r, const char *f)
{
	char to[700];
	const char *at = strstr(f, "V7U") + 3;
	(void)r;
	snprintf(to, sizeof to, "%.*s2%s", (int)(at - f), f, at);
	cr_assert_eq(rename(f, to), 0);
}
static void do_second(const struct rig *r, const char *f)
{
	char to[700];
	(void)r;
	snprintf(to, sizeof to, "%.*s:2,T", (int)strcspn(f, ":"), f);
	copy(f, to);
}
static void do_second_and_flip(const struct rig *r, const char *f)
{
	char name[600];
	snprintf(name, sizeof name, "%s", f);
	do_second(r, f);
	damage_flip(name, 9);
}
static void do_stray(const struct rig *r, const char *f)
{
	(void)f;
	cr_assert(tmp_tree_write(&r->t, "a/mail/INBOX/cur/1234.foreign:2,S", "hello", 5));
}
static void do_folder(const struct rig *r, const char *f)
{
	(void)f;
	cr_assert(tmp_tree_mkdir(&r->t, "a/mail/INBOX/cur/sub"));
}
static void do_link(const struct rig *r, const char *f)
{
	(void)r;
	cr_assert_eq(unlink(f), 0);
	cr_assert_eq(symlink("/etc/hostname", f), 0);
}
static void do_side(const struct rig *r, const char *f)
{
	char path[300];
	(void)f;
	snprintf(path, sizeof path, "%s/mail/INBOX/.mailbox", r->path);
	cr_assert_eq(unlink(path), 0);
}
static void do_row(const struct rig *r, const char *f)
{
	(void)f;
	damage_sql(r->path, "UPDATE message SET sha256 = zeroblob(32) WHERE uid = 5");
}
static void do_no_row(const struct rig *r, const char *f)
{
	(void)f;
	damage_sql(r->path, "DELETE FROM message WHERE uid = 5");
}
static void do_counter(const struct rig *r, const char *f)
{
	(void)f;
	damage_sql(r->path, "UPDATE generation SET stored = stored + 1");
}
static void do_nothing(const struct rig *r, const char *f)
{
	(void)r;
	(void)f;
}

static const struct damage {
	const char *name;
	void (*make)(const struct rig *r, const char *file);
	size_t findings;
	enum store_fault fault; /* of the first */
	uint32_t uid;
	/* repair */
	bool fetch;   /* the message has to be fetched again */
	size_t aside; /* files that go to damaged/ */
	bool stays;   /* verify finds it still, after the repair and the next backup */
} damages[] = {
	{"nothing", do_nothing, 0, 0, 0, false, 0, false},
	{"a flipped bit", do_flip, 1, STORE_FAULT_CHANGED, 5, true, 1, false},
	{"a deleted file", do_delete, 1, STORE_FAULT_MISSING, 5, true, 0, false},
	{"a truncated file", do_truncate, 1, STORE_FAULT_SIZE, 5, true, 1, false},
	{"a longer file", do_append, 1, STORE_FAULT_SIZE, 5, true, 1, false},
	{"another time", do_touch, 1, STORE_FAULT_TIME, 5, false, 0, false},
	{"other letters", do_letters, 1, STORE_FAULT_LETTERS, 5, false, 0, true},
	{"moved to new/", do_new, 1, STORE_FAULT_LETTERS, 5, false, 0, true},
	{"another hash in the name", do_name_hash, 1, STORE_FAULT_NAME, 5, false, 0, false},
	{"rubbish in the name", do_name_rubbish, 2, STORE_FAULT_MISSING, 5, false, 0, false},
	{"another UID in the name", do_name_uid, 2, STORE_FAULT_MISSING, 5, false, 0, false},
	{"a second file", do_second, 1, STORE_FAULT_EXTRA, 5, false, 1, false},
	{"a second file, sound, beside a damaged one", do_second_and_flip, 2, STORE_FAULT_CHANGED,
		5, false, 1, false},
	{"a stray file", do_stray, 1, STORE_FAULT_EXTRA, 0, false, 1, false},
	{"a folder among the messages", do_folder, 1, STORE_FAULT_EXTRA, 0, false, 1, false},
	{"a symbolic link", do_link, 2, STORE_FAULT_MISSING, 5, true, 1, false},
	{"no side file", do_side, 1, STORE_FAULT_FOLDER, 0, false, 0, false},
	{"a damaged row", do_row, 2, STORE_FAULT_INDEX, 5, false, 0, false},
	{"a lost row", do_no_row, 1, STORE_FAULT_EXTRA, 5, false, 0, false},
	{"a wrong counter", do_counter, 2, STORE_FAULT_INDEX, 0, false, 0, false},
};
#define DAMAGES (sizeof damages / sizeof damages[0])

static void damage(struct rig *r, const struct damage *d)
{
	char file[DAMAGE_PATH];
	start(r);
	damage_file_of(r->path, "mail/INBOX/cur", 5, file);
	d->make(r, file);
}

Test(verify, finds_each_kind_of_damage_and_nothing_else)
{
	for (size_t i = 0; i < DAMAGES; i++) {
		const struct damage *d = &damages[i];
		struct rig r;
		damage(&r, d);
		verify(&r);
		cr_assert_eq(r.n, d->findings, "%s: %zu findings, the first is %s", d->name, r.n,
			r.n > 0 ? store_fault_name(r.at[0].fault) : "-");
		if (d->findings > 0) {
			cr_assert_eq(r.at[0].fault, d->fault, "%s: %s", d->name,
				store_fault_name(r.at[0].fault));
			cr_assert_eq(r.at[0].uid, d->uid, "%s: UID %u", d->name, r.at[0].uid);
		}
		finish(&r);
	}
}

Test(verify, reads_every_file_of_a_sound_archive)
{
	struct rig r;
	start(&r);
	verify(&r);
	cr_assert_eq(r.counts.files, RIG_INBOX_FILES + RIG_WORK_FILES);
	cr_assert_eq(r.counts.rows, r.counts.files);
	cr_assert_eq(r.counts.read, r.counts.files);
	finish(&r);
}

/* ---- repair ---------------------------------------------------------------------------------- */

Test(verify, repair_mends_each_kind_of_damage_with_the_help_of_the_next_backup)
{
	for (size_t i = 0; i < DAMAGES; i++) {
		const struct damage *d = &damages[i];
		struct rig r;
		unsigned fetched;
		damage(&r, d);
		struct store_repair_counts c = repair(&r);
		cr_assert_eq(c.to_fetch, d->fetch, "%s: %llu to fetch", d->name,
			(unsigned long long)c.to_fetch);
		cr_assert_eq(c.set_aside, d->aside, "%s: %llu set aside", d->name,
			(unsigned long long)c.set_aside);
		cr_assert_eq(c.lost, 0, "%s", d->name);
		cr_assert_eq(archive_rig_sync(r.path, NULL, &fetched, &r.e), 0, "%s: %s", d->name,
			r.e.text);
		cr_assert_eq(fetched, d->fetch, "%s: %u fetched", d->name, fetched);
		verify(&r);
		cr_assert_eq(r.n > 0, d->stays, "%s: still %zu findings, %s", d->name, r.n,
			r.n > 0 ? store_fault_name(r.at[0].fault) : "-");
		finish(&r);
	}
}

Test(verify, repair_never_deletes_a_message_file)
{
	for (size_t i = 0; i < DAMAGES; i++) {
		struct rig r;
		damage(&r, &damages[i]);
		int before = tmp_tree_count(&r.t, "a/mail/INBOX/cur") +
			tmp_tree_count(&r.t, "a/mail/INBOX/new");
		repair(&r);
		int aside = tmp_tree_count(&r.t, "a/damaged/INBOX");
		int after = tmp_tree_count(&r.t, "a/mail/INBOX/cur") +
			tmp_tree_count(&r.t, "a/mail/INBOX/new") + (aside > 0 ? aside : 0);
		cr_assert_eq(
			after, before, "%s: %d files, then %d", damages[i].name, before, after);
		finish(&r);
	}
}

Test(verify, a_message_that_is_gone_from_the_server_is_reported_as_lost)
{
	struct rig r;
	char file[DAMAGE_PATH];
	start(&r);
	damage_file_of(r.path, "mail/INBOX/cur", 4, file);
	damage_flip(file, 9);
	struct store_repair_counts c = repair(&r);
	cr_assert_eq(c.lost, 1);
	cr_assert_eq(c.to_fetch, 0);
	cr_assert_eq(r.n, 1);
	cr_assert_eq(r.at[0].mending, STORE_LOST);
	verify(&r);
	cr_assert_eq(r.n, 0);
	finish(&r);
}

Test(verify, a_file_set_aside_twice_keeps_both)
{
	struct rig r;
	char file[DAMAGE_PATH];
	unsigned fetched;
	start(&r);
	for (int i = 1; i <= 3; i++) {
		damage_file_of(r.path, "mail/INBOX/cur", 5, file);
		damage_flip(file, 9);
		repair(&r);
		cr_assert_eq(tmp_tree_count(&r.t, "a/damaged/INBOX"), i);
		cr_assert_eq(archive_rig_sync(r.path, NULL, &fetched, &r.e), 0, "%s", r.e.text);
	}
	finish(&r);
}

/* ---- the index ------------------------------------------------------------------------------- */

static void index_bytes(const struct rig *r, off_t at, const void *p, size_t n)
{
	char path[300];
	snprintf(path, sizeof path, "%s/index.db", r->path);
	int fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, p, n, at), (ssize_t)n);
	close(fd);
}

static int asides(const struct rig *r)
{
	int n = 0;
	struct dirent *d;
	DIR *list = opendir(r->path);
	while ((d = readdir(list)) != NULL)
		n += strncmp(d->d_name, "index.db.damaged-", 17) == 0 &&
			strstr(d->d_name, "journal") == NULL;
	closedir(list);
	return n;
}

Test(verify, repair_makes_a_lost_or_damaged_index_anew_and_nothing_is_fetched_again)
{
	static const char *const how[] = {
		"deleted", "emptied", "cut in the middle", "page overwritten", "no database"};
	for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
		struct rig r;
		struct stat st;
		char path[300], rubbish[4096];
		unsigned fetched;
		start(&r);
		snprintf(path, sizeof path, "%s/index.db", r.path);
		memset(rubbish, 0x5a, sizeof rubbish);
		cr_assert_eq(stat(path, &st), 0);
		if (i == 0)
			cr_assert_eq(unlink(path), 0);
		else if (i < 3)
			cr_assert_eq(truncate(path, i == 1 ? 0 : st.st_size / 2), 0);
		else
			index_bytes(&r, i == 3 ? 4096 * 8 : 0, rubbish, sizeof rubbish);
		struct store_repair_counts c = repair(&r);
		cr_assert_eq(c.not_mended + c.lost + c.to_fetch + c.set_aside, 0, "%s", how[i]);
		cr_assert_eq(asides(&r), i >= 2, "%s: %d set aside", how[i], asides(&r));
		cr_assert_eq(archive_rig_sync(r.path, NULL, &fetched, &r.e), 0, "%s: %s", how[i],
			r.e.text);
		cr_assert_eq(fetched, 0, "%s: %u messages were fetched again", how[i], fetched);
		verify(&r);
		cr_assert_eq(r.n, 0, "%s", how[i]);
		cr_assert_eq(r.counts.rows, RIG_INBOX_FILES + RIG_WORK_FILES, "%s", how[i]);
		finish(&r);
	}
}

Test(verify, an_index_of_a_newer_program_is_not_set_aside)
{
	struct rig r;
	struct store *s;
	const struct store_options o = {.mode = STORE_WRITE, .rebuild = true};
	start(&r);
	damage_sql(r.path, "PRAGMA user_version = 1000");
	cr_assert_eq(store_open(&s, r.path, &o, &r.e), -1);
	cr_assert_eq(r.e.code, E_CORRUPT);
	cr_assert_eq(asides(&r), 0);
	finish(&r);
}

Test(verify, a_sound_index_is_not_set_aside)
{
	struct rig r;
	start(&r);
	repair(&r);
	cr_assert_eq(asides(&r), 0);
	cr_assert_eq(r.n, 0);
	finish(&r);
}

/* ---- samples --------------------------------------------------------------------------------- */

Test(verify, rounds_of_a_sample_read_each_message_once)
{
	static const struct {
		uint32_t n, of, rounds;
	} row[] = {{1, 7, 7}, {1, 1, 1}, {1, 2, 2}, {2, 6, 3}, {5, 100, 20}, {1, 10000, 0}};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct rig r;
		uint64_t read = 0;
		start(&r);
		for (uint32_t k = 0; k < row[i].rounds; k++) {
			verify_part(&r, row[i].n, row[i].of, 1000003 + k);
			read += r.counts.read;
		}
		if (row[i].rounds > 0)
			cr_assert_eq(read, RIG_INBOX_FILES + RIG_WORK_FILES, "%u/%u: %llu read",
				row[i].n, row[i].of, (unsigned long long)read);
		finish(&r);
	}
}

Test(verify, a_sample_reads_only_its_part)
{
	struct rig r;
	start(&r);
	verify_part(&r, 1, 7, 0);
	cr_assert_lt(r.counts.read, RIG_INBOX_FILES);
	finish(&r);
}

Test(verify, a_wrong_time_makes_even_a_sample_read_the_file)
{
	struct rig r;
	char file[DAMAGE_PATH];
	start(&r);
	damage_file_of(r.path, "mail/INBOX/cur", 5, file);
	damage_flip(file, 9);
	damage_set_time(file, 1);
	for (uint64_t k = 0; k < 7; k++) {
		verify_part(&r, 1, 7, k);
		cr_assert_eq(r.n, 1);
		cr_assert_eq(r.at[0].fault, STORE_FAULT_CHANGED);
	}
	finish(&r);
}

Test(verify, the_round_counts_up_only_when_it_is_done)
{
	struct rig r;
	struct store *s;
	start(&r);
	cr_assert_eq(archive_rig_open(&s, r.path, STORE_READ, NULL, &r.e), 0);
	uint64_t day = store_sample_round(s);
	cr_assert_eq(store_sample_round(s), day);
	store_sample_done(s, 41);
	cr_assert_eq(store_sample_round(s), 42);
	store_sample_done(s, UINT32_MAX);
	cr_assert_eq(store_sample_round(s), 0);
	store_close(s);
	cr_assert(tmp_tree_write(&r.t, "a/verify-state", "rubbish\n", 8));
	cr_assert_eq(archive_rig_open(&s, r.path, STORE_READ, NULL, &r.e), 0);
	cr_assert_geq(store_sample_round(s), day);
	store_close(s);
	finish(&r);
}

static int stop(void *ctx, const struct store_verify_counts *c, struct slice mailbox)
{
	(void)c;
	(void)mailbox;
	return ++*(int *)ctx > 1;
}

Test(verify, can_be_stopped_between_folders)
{
	struct rig r;
	struct store *s;
	int calls = 0;
	const struct store_verify_options o = {.ctx = &calls, .progress = stop};
	start(&r);
	cr_assert_eq(archive_rig_open(&s, r.path, STORE_READ, NULL, &r.e), 0);
	cr_assert_eq(store_verify(s, &o, &r.counts, &r.e), -1);
	cr_assert_eq(r.e.code, E_CANCELLED);
	store_close(s);
	finish(&r);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_verify_queue.c -- an archive is checked with a thread that hashes as without it: the same findings and the same
 * progress in the same order, whatever is read ahead meanwhile.
 */
#ifndef _GNU_SOURCE
#	define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include <criterion/criterion.h>

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hasher.h"
#include "store/verify_internal.h"
#include "tests/support/archive_rig.h"
#include "tests/support/damage.h"
#include "tests/support/tmp_tree.h"

TestSuite(verify_queue, .init = archive_rig_in_memory, .timeout = 240);

#define INBOX	  "mail/INBOX/cur"
#define MESSAGES  900
#define LARGE	  500 /* its UID */
#define LARGE_LEN (7 * HASH_BLOCK_BYTES + 4321)
#define WORK	  30

/* ---- what fails ------------------------------------------------------------------------------- */

/* Reading this file gives -1 or nothing any more from an offset on. */
static struct {
	ino_t file;
	off_t from;
	ssize_t result;
} bad;

static ssize_t bad_read(void *ctx, int fd, void *p, size_t n)
{
	struct stat st;
	const struct fsys *real = fsys_real();
	off_t at = lseek(fd, 0, SEEK_CUR);
	(void)ctx;
	if (bad.file == 0 || fstat(fd, &st) != 0 || st.st_ino != bad.file)
		return real->read(real->ctx, fd, p, n);
	if (at < bad.from)
		return real->read(
			real->ctx, fd, p, (off_t)n < bad.from - at ? n : (size_t)(bad.from - at));
	errno = EIO;
	return bad.result;
}

static void spoil(const char *file, off_t from, ssize_t result)
{
	struct stat st;
	cr_assert_eq(stat(file, &st), 0);
	bad.file = st.st_ino;
	bad.from = from;
	bad.result = result;
}

/* SHA-256 of the cryptographic library: this call fails; 0: none. */
static atomic_long bad_hash;

int EVP_DigestUpdate(void *ctx, const void *p, size_t n);
int EVP_DigestUpdate(void *ctx, const void *p, size_t n)
{
	static int (*real)(void *, const void *, size_t);
	if (atomic_load(&bad_hash) > 0 && atomic_fetch_sub(&bad_hash, 1) == 1)
		return 0;
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "EVP_DigestUpdate");
	return real(ctx, p, n);
}

/* ---- an archive ------------------------------------------------------------------------------- */

struct rig {
	struct tmp_tree t;
	char path[200];
	struct fsys fs;
	/* what was told */
	char *log;
	size_t len, cap;
	unsigned events, stop_at; /* 0: never */
	struct store_verify_counts counts;
	struct err e;
	int result;
};

/* Every ninth has a line without CR, so that it is stored as it was received. */
static void put(struct store_generation *g, uint32_t uid, size_t n)
{
	struct err e = ERR_INIT;
	char *text = malloc(n);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 61 == 59 ? '\r' : i % 61 == 60 ? '\n' : (char)('a' + (i + uid) % 23);
	if (uid % 9 == 0)
		text[0] = '\n';
	cr_assert_eq(archive_rig_put(g, uid, text, n, "", &e), 0, "%s", e.text);
	free(text);
}

static size_t length(uint32_t uid)
{
	return uid == LARGE ? LARGE_LEN : 1000 + uid * 7919 % 14000;
}

static void put_folder(struct store *s, const char *name, uint32_t uidvalidity, uint32_t messages,
	size_t (*len)(uint32_t uid))
{
	struct err e = ERR_INIT;
	struct store_generation *g;
	int64_t id, previous;
	cr_assert_eq(archive_rig_mailbox(s, name, &id, &e), 0, "%s", e.text);
	cr_assert_eq(store_generation_open(s, id, uidvalidity, &g, &previous, &e), 0, "%s", e.text);
	for (uint32_t uid = 1; uid <= messages; uid++)
		put(g, uid, len(uid));
	const struct store_marks marks = {
		.uidnext = messages + 1, .messages = messages, .complete = true, .audited = true};
	cr_assert_eq(store_commit(s, &e), 0, "%s", e.text);
	cr_assert_eq(store_marks_set(g, &marks, &e), 0, "%s", e.text);
	store_generation_close(g);
}

static void start(struct rig *r, uint32_t messages, size_t (*len)(uint32_t uid))
{
	struct store *s;
	memset(r, 0, sizeof *r);
	memset(&bad, 0, sizeof bad);
	r->fs = *fsys_real();
	r->fs.read = bad_read;
	cr_assert(tmp_tree_make(&r->t));
	snprintf(r->path, sizeof r->path, "%s/a", r->t.path);
	cr_assert_eq(archive_rig_open(&s, r->path, STORE_WRITE, NULL, &r->e), 0, "%s", r->e.text);
	cr_assert_eq(store_run_begin(s, &r->e), 0, "%s", r->e.text);
	put_folder(s, "INBOX", 7, messages, len);
	put_folder(s, "Work", 9, WORK, len);
	cr_assert_eq(archive_rig_end(s, STORE_RUN_OK, &r->e), 0, "%s", r->e.text);
	store_close(s);
}

static void finish(struct rig *r)
{
	free(r->log);
	tmp_tree_remove(&r->t);
}

/* ---- what is told ------------------------------------------------------------------------------ */

/* Non-zero: this was the last event that is wanted. */
static int note(struct rig *r, const char *line)
{
	size_t n = strlen(line);
	cr_assert_neq(r->events, r->stop_at == 0 ? UINT32_MAX : r->stop_at, "told after: %s", line);
	if (r->len + n + 1 > r->cap)
		r->log = realloc(r->log, r->cap = 2 * (r->len + n + 1));
	memcpy(r->log + r->len, line, n + 1);
	r->len += n;
	return ++r->events == r->stop_at ? 7 : 0;
}

static int on_finding(void *ctx, const struct store_finding *f)
{
	char line[1200];
	snprintf(line, sizeof line, "%s %" PRIu32 "/%" PRIu32 " [%.*s] %.*s %d%d%d: %s\n",
		store_fault_name(f->fault), f->uidvalidity, f->uid, (int)f->mailbox.n,
		(const char *)f->mailbox.p, (int)f->file.n, (const char *)f->file.p, f->in_new,
		f->current, f->unseen, f->detail);
	return note(ctx, line);
}

static int on_progress(void *ctx, const struct store_verify_counts *c, struct slice mailbox)
{
	char line[200];
	uint64_t faults = 0;
	for (size_t i = 0; i < STORE_FAULT_COUNT; i++)
		faults += c->faults[i];
	snprintf(line, sizeof line,
		"progress %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " [%.*s]\n",
		c->rows, c->files, c->read, c->bytes, faults, (int)mailbox.n,
		(const char *)mailbox.p);
	return note(ctx, line);
}

static void verify(struct rig *r, bool threaded, unsigned stop_at)
{
	struct store *s;
	const struct store_verify_options o = {
		.ctx = r, .each = on_finding, .progress = on_progress};
	free(r->log);
	r->log = NULL;
	r->len = r->cap = r->events = 0;
	r->stop_at = stop_at;
	err_clear(&r->e);
	cr_assert_eq(archive_rig_open(&s, r->path, STORE_READ, &r->fs, &r->e), 0, "%s", r->e.text);
	r->result = verify_archive(s, &o, threaded, &r->counts, &r->e);
	store_close(s);
}

struct expected {
	enum store_fault fault;
	uint32_t uid;
};

/* These findings, and no others, in this order. */
static void expect(struct rig *r, const struct expected *want, size_t n)
{
	char *line = r->log, *end;
	size_t i = 0;
	cr_assert_eq(r->result, 0, "%s", r->e.text);
	for (; line != NULL && *line != '\0'; line = end + 1) {
		uint32_t uid;
		char fault[32];
		end = strchr(line, '\n');
		if (sscanf(line, "%31s %*u/%" SCNu32, fault, &uid) != 2)
			continue; /* progress */
		cr_assert_lt(i, n, "one more: %.*s", (int)(end - line), line);
		cr_assert_eq(uid, want[i].uid, "finding %zu: %.*s", i, (int)(end - line), line);
		cr_assert_str_eq(fault, store_fault_name(want[i].fault), "UID %u", uid);
		i++;
	}
	cr_assert_eq(i, n);
}

#define EXPECT(r, ...)                                                                             \
	expect(r, (const struct expected[]){__VA_ARGS__},                                          \
		sizeof((const struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

/* ---- order ------------------------------------------------------------------------------------ */

static void to_letters(const char *file)
{
	char to[DAMAGE_PATH + 16];
	snprintf(to, sizeof to, "%.*s:2,T", (int)strcspn(file, ":"), file);
	cr_assert_eq(rename(file, to), 0);
}

static void to_other_name(const char *file)
{
	char to[DAMAGE_PATH];
	snprintf(to, sizeof to, "%s", file);
	char *hash = strchr(strstr(to, ".V7U"), 'H') + 1;
	*hash = *hash == '0' ? '1' : '0';
	cr_assert_eq(rename(file, to), 0);
}

static void damage_all(const struct rig *r)
{
	char f[DAMAGE_PATH];
	static const uint32_t flipped[] = {3, 150, 302, LARGE, 899};
	for (size_t i = 0; i < sizeof flipped / sizeof flipped[0]; i++) {
		damage_file_of(r->path, INBOX, flipped[i], f);
		damage_flip(f, -1);
	}
	damage_file_of(r->path, INBOX, 4, f);
	cr_assert_eq(unlink(f), 0);
	damage_file_of(r->path, INBOX, 5, f);
	cr_assert_eq(truncate(f, 7), 0);
	damage_file_of(r->path, INBOX, 6, f);
	damage_set_time(f, 5);
	damage_file_of(r->path, INBOX, 7, f);
	to_letters(f);
	damage_file_of(r->path, INBOX, LARGE + 1, f);
	to_letters(f);
	damage_file_of(r->path, INBOX, 900, f);
	to_other_name(f);
	damage_file_of(r->path, "mail/Work/cur", 1, f);
	damage_flip(f, 0);
	damage_sql(r->path,
		"UPDATE message SET size_wire = size_wire + 1 WHERE uid = 151 AND size_wire > 5000");
	cr_assert(tmp_tree_write(&r->t, "a/" INBOX "/stray", "hello", 5));
	damage_file_of(r->path, INBOX, 301, f);
	spoil(f, 0, -1);
}

#define ALL_FINDINGS                                                                               \
	{STORE_FAULT_CHANGED, 3}, {STORE_FAULT_MISSING, 4}, {STORE_FAULT_SIZE, 5},                 \
		{STORE_FAULT_TIME, 6}, {STORE_FAULT_LETTERS, 7}, {STORE_FAULT_CHANGED, 150},       \
		{STORE_FAULT_INDEX, 151}, {STORE_FAULT_UNREADABLE, 301},                           \
		{STORE_FAULT_CHANGED, 302}, {STORE_FAULT_CHANGED, LARGE},                          \
		{STORE_FAULT_LETTERS, LARGE + 1}, {STORE_FAULT_CHANGED, 899},                      \
		{STORE_FAULT_NAME, 900}, {STORE_FAULT_EXTRA, 151}, {STORE_FAULT_EXTRA, 0},         \
	{                                                                                          \
		STORE_FAULT_CHANGED, 1                                                             \
	}

static int progress(const struct rig *r)
{
	int n = 0;
	for (const char *p = r->log; (p = strstr(p, "progress ")) != NULL; p++)
		n++;
	return n;
}

Test(verify_queue, findings_and_progress_keep_their_order)
{
	struct rig r;
	char *without;
	start(&r, MESSAGES, length);
	damage_all(&r);
	verify(&r, false, 0);
	EXPECT(&r, ALL_FINDINGS);
	cr_assert_geq(progress(&r), 3); /* one of them on the way */
	cr_assert_eq(r.counts.rows, MESSAGES + WORK);
	/* Not read: 4, 5, 151, 301 and 900. */
	cr_assert_eq(r.counts.read, MESSAGES + WORK - 5);
	const struct store_verify_counts counts = r.counts;
	without = strdup(r.log);
	verify(&r, true, 0);
	EXPECT(&r, ALL_FINDINGS);
	cr_assert_str_eq(r.log, without);
	cr_assert_arr_eq(&r.counts, &counts, sizeof counts);
	free(without);
	finish(&r);
}

Test(verify_queue, after_a_stop_nothing_more_is_told)
{
	struct rig r;
	char *all;
	start(&r, MESSAGES, length);
	damage_all(&r);
	verify(&r, true, 0);
	all = strdup(r.log);
	unsigned events = r.events;
	for (unsigned at = 1; at <= events; at++)
		for (int threaded = 0; threaded < 2; threaded++) {
			verify(&r, threaded != 0, at);
			cr_assert_eq(r.events, at);
			cr_assert_eq(strncmp(all, r.log, r.len), 0, "%s", r.log);
			/* by a finding; by progress */
			if (r.result > 0)
				cr_assert_eq(r.result, 7);
			else
				cr_assert_eq(r.e.code, E_CANCELLED, "%s", r.e.text);
			cr_assert_neq(r.result, 0);
		}
	free(all);
	finish(&r);
}

Test(verify_queue, what_was_found_comes_before_rows_that_cannot_be_read)
{
	static const struct expected want[] = {{STORE_FAULT_CHANGED, 3}, {STORE_FAULT_MISSING, 4},
		{STORE_FAULT_SIZE, 5}, {STORE_FAULT_TIME, 6}, {STORE_FAULT_LETTERS, 7},
		{STORE_FAULT_CHANGED, 150}, {STORE_FAULT_INDEX, 151}, {STORE_FAULT_INDEX, 0}};
	for (int threaded = 0; threaded < 2; threaded++) {
		struct rig r;
		start(&r, MESSAGES, length);
		damage_all(&r);
		damage_sql(r.path, "UPDATE message SET sha256 = x'00' WHERE uid = 155");
		verify(&r, threaded != 0, 0);
		expect(&r, want, sizeof want / sizeof want[0]);
		finish(&r);
	}
}

static size_t short_length(uint32_t uid)
{
	return 200 + uid;
}

/* More rows that need no reading than there is room for, behind one that is being read. */
Test(verify_queue, any_number_of_rows_may_wait_for_one_message)
{
	enum { N = 620 };
	struct expected want[N];
	struct rig r;
	start(&r, N, short_length);
	for (uint32_t uid = 1; uid <= N; uid++) {
		char f[DAMAGE_PATH];
		bool there = uid == 1 || uid == N;
		want[uid - 1].fault = there ? STORE_FAULT_CHANGED : STORE_FAULT_MISSING;
		want[uid - 1].uid = uid;
		damage_file_of(r.path, INBOX, uid, f);
		if (there)
			damage_flip(f, 20);
		else
			cr_assert_eq(unlink(f), 0);
	}
	for (int threaded = 0; threaded < 2; threaded++) {
		verify(&r, threaded != 0, 0);
		expect(&r, want, N);
	}
	finish(&r);
}

/* ---- one file --------------------------------------------------------------------------------- */

/* Around a block, and around what fits into one with its CRs. */
static size_t long_length(uint32_t uid)
{
	static const size_t n[] = {0, 1, HASH_BLOCK_BYTES / 2, HASH_BLOCK_BYTES - 1,
		HASH_BLOCK_BYTES, HASH_BLOCK_BYTES + 1, HASH_BLOCK_BYTES + 4096, 300000,
		3 * HASH_BLOCK_BYTES, 3 * HASH_BLOCK_BYTES + 1, 9 * HASH_BLOCK_BYTES + 7, 5};
	return n[uid % 12] + 60;
}

Test(verify_queue, the_last_byte_of_a_message_counts_whatever_its_length)
{
	enum { N = 36 };
	struct rig r;
	start(&r, N, long_length);
	for (int threaded = 0; threaded < 2; threaded++) {
		verify(&r, threaded != 0, 0);
		expect(&r, NULL, 0);
		cr_assert_eq(r.counts.read, N + WORK);
	}
	/* First the odd ones, then all of the others instead. */
	for (uint32_t odd = 1; odd < 2; odd--) {
		struct expected want[N / 2];
		for (uint32_t uid = 1; uid <= N; uid++) {
			char f[DAMAGE_PATH];
			if (uid % 2 == odd)
				want[(uid - 1) / 2] = (struct expected){STORE_FAULT_CHANGED, uid};
			else if (odd == 1)
				continue;
			damage_file_of(r.path, INBOX, uid, f);
			damage_flip(f, -1);
		}
		for (int threaded = 0; threaded < 2; threaded++) {
			verify(&r, threaded != 0, 0);
			expect(&r, want, N / 2);
		}
	}
	finish(&r);
}

/* The large one gives `result` from some place on, and the others are as they were: one finding. */
static void spoil_from_anywhere(ssize_t result, enum store_fault fault, uint64_t read)
{
	static const off_t from[] = {0, 1000, HASH_BLOCK_BYTES, LARGE_LEN / 2};
	struct rig r;
	char f[DAMAGE_PATH];
	start(&r, LARGE + 20, length);
	damage_file_of(r.path, INBOX, LARGE, f);
	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++)
		for (int threaded = 0; threaded < 2; threaded++) {
			spoil(f, from[i], result);
			verify(&r, threaded != 0, 0);
			EXPECT(&r, {fault, LARGE});
			cr_assert_eq(strstr(r.log, strerror(EIO)) != NULL, result < 0, "%s", r.log);
			cr_assert_not_null(strstr(r.log, strrchr(f, '/') + 1));
			cr_assert_eq(r.counts.read, read);
		}
	finish(&r);
}

Test(verify_queue, a_file_that_cannot_be_read_to_its_end_is_named_and_the_others_are_not)
{
	spoil_from_anywhere(-1, STORE_FAULT_UNREADABLE, LARGE + 20 + WORK - 1);
}

Test(verify_queue, a_file_that_becomes_shorter_meanwhile_has_changed)
{
	spoil_from_anywhere(0, STORE_FAULT_CHANGED, LARGE + 20 + WORK);
}

/* ---- the hash --------------------------------------------------------------------------------- */

/* An error of the cryptographic library is a folder's, and no message is called damaged for it. */
Test(verify_queue, a_hash_that_fails_ends_the_folder)
{
	for (int threaded = 0; threaded < 2; threaded++) {
		struct rig r;
		start(&r, MESSAGES, length);
		atomic_store(&bad_hash, 200);
		verify(&r, threaded != 0, 0);
		atomic_store(&bad_hash, 0);
		EXPECT(&r, {STORE_FAULT_FOLDER, 0});
		cr_assert_not_null(strstr(r.log, "SHA-256 failed"), "%s", r.log);
		cr_assert_lt(r.counts.rows, MESSAGES);
		cr_assert_not_null(strstr(r.log, "[Work]"));
		finish(&r);
	}
}

/* SPDX-License-Identifier: MIT */
/*
 * archive_rig.c -- see archive_rig.h. The checks read the tree by themselves, not through store/.
 */
#include "tests/support/archive_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/uidset.h"
#include "store/names.h"

#define INBOX_VALIDITY 7
#define WORK_VALIDITY  9

void archive_rig_in_memory(void)
{
	if (access("/dev/shm", W_OK | X_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
}

unsigned long archive_rig_step(unsigned long step)
{
	return getenv("IMAPSYNC_LONG") != NULL ? 1 : step;
}

size_t archive_rig_body(bool work, uint32_t uid, char out[RIG_BODY_MAX])
{
	int n;
	if (work && uid == 2)
		n = snprintf(out, RIG_BODY_MAX, "Subject: bare\r\n\r\none\ntwo\r\n");
	else
		n = snprintf(out, RIG_BODY_MAX, "Subject: %u\r\n\r\nmessage %u\r\n", uid, uid);
	return (size_t)n;
}

/* ---- pieces ------------------------------------------------------------------------------------ */

int archive_rig_open(struct store **s, const char *path, enum store_mode mode,
	const struct fsys *fs, struct err *e)
{
	const struct store_options o = {
		.mode = mode, .layout = STORE_NESTED, .newline = STORE_LF, .fsys = fs};
	return store_open(s, path, &o, e);
}

int archive_rig_mailbox(struct store *s, const char *wire, int64_t *id, struct err *e)
{
	const struct store_mailbox_seen m = {
		.wire = slice_str(wire), .delimiter = '/', .selectable = true, .subscribed = true};
	return store_mailbox_seen(s, &m, id, e);
}

static struct store_meta meta_of(uint32_t uid, const char *flags)
{
	return (struct store_meta){
		.uid = uid,
		.date = {.secs = 1000000000 + (int64_t)uid, .zone = 120, .valid = true},
		.flags = slice_str(flags),
	};
}

int archive_rig_put(struct store_generation *g, uint32_t uid, const void *body, size_t n,
	const char *flags, struct err *e)
{
	struct store_message *m;
	struct store_meta meta = meta_of(uid, flags);
	if (store_message_begin(g, &m, e) != 0)
		return -1;
	if (store_message_write(m, body, n, e) != 0) {
		store_message_discard(m);
		return -1;
	}
	return store_message_finish(m, &meta, e);
}

int archive_rig_end(struct store *s, enum store_result result, struct err *e)
{
	struct store_run r = {.result = result, .text = ""};
	return store_run_end(s, &r, e);
}

/* ---- the backup -------------------------------------------------------------------------------- */

static int put_missing(
	struct store_generation *g, bool work, uint32_t uid, unsigned *fetched, struct err *e)
{
	char body[RIG_BODY_MAX];
	if (uidset_has(store_stored(g), uid) || uidset_has(store_gone(g), uid))
		return 0;
	++*fetched;
	return archive_rig_put(g, uid, body, archive_rig_body(work, uid, body), "", e);
}

static int sync_inbox(struct store *s, struct store_generation *g, unsigned *fetched, struct err *e)
{
	for (uint32_t uid = 1; uid <= RIG_INBOX_FILES; uid++)
		if (put_missing(g, false, uid, fetched, e) != 0)
			return -1;
	if (store_message_failed(g, 11, "the server said NO", e) != 0 || store_commit(s, e) != 0)
		return -1;
	if (store_flags_seen(g, 2, slice_str("\\Seen work"), e) < 0 ||
		store_flags_seen(g, 3, slice_str("\\Flagged"), e) < 0)
		return -1;
	struct uidset gone = UIDSET_INIT;
	int result = uidset_add(&gone, 4, e);
	if (result == 0)
		result = store_messages_gone(g, &gone, e);
	uidset_release(&gone);
	const struct store_marks marks = {
		.uidnext = 12, .messages = 10, .complete = true, .audited = true};
	return result != 0 ? -1 : store_marks_set(g, &marks, e);
}

static int sync_work(struct store_generation *g, int64_t inbox, unsigned *fetched, struct err *e)
{
	const struct store_meta meta = meta_of(1, "\\Answered");
	if (!uidset_has(store_stored(g), 1) && store_message_link(g, &meta, inbox, 1, e) != 0)
		return -1;
	if (put_missing(g, true, 2, fetched, e) != 0)
		return -1;
	const struct store_marks marks = {
		.uidnext = 3, .messages = 2, .complete = true, .audited = true};
	return store_marks_set(g, &marks, e);
}

static int sync_all(struct store *s, unsigned *fetched, struct err *e)
{
	int64_t inbox, work, previous;
	struct store_generation *g = NULL, *h = NULL;
	int result = -1;
	if (store_run_begin(s, e) == 0 && archive_rig_mailbox(s, "INBOX", &inbox, e) == 0 &&
		archive_rig_mailbox(s, "Work/2016", &work, e) == 0 &&
		store_generation_open(s, inbox, INBOX_VALIDITY, &g, &previous, e) == 0 &&
		store_generation_open(s, work, WORK_VALIDITY, &h, &previous, e) == 0 &&
		sync_inbox(s, g, fetched, e) == 0 &&
		sync_work(h, store_generation_id(g), fetched, e) == 0)
		result = 0;
	store_generation_close(g);
	store_generation_close(h);
	return result;
}

int archive_rig_sync(const char *path, const struct fsys *fs, unsigned *fetched, struct err *e)
{
	struct store *s;
	*fetched = 0;
	if (archive_rig_open(&s, path, STORE_WRITE, fs, e) != 0)
		return -1;
	int result = sync_all(s, fetched, e);
	struct err ignored = ERR_INIT;
	if (result == 0)
		result = archive_rig_end(s, STORE_RUN_OK, e);
	else if (store_run_id(s) != 0 && archive_rig_end(s, STORE_RUN_FAILED, &ignored) != 0)
		result = -1;
	store_close(s);
	return result;
}

/* ---- checks ------------------------------------------------------------------------------------ */

static const char *wrong(const char *what, const char *detail)
{
	static char text[1024];
	snprintf(text, sizeof text, "%s: %s", what, detail);
	return text;
}

/* Is the message file what its name says? By its own reading, not that of store/. */
static bool file_is_right(int dir, const char *name)
{
	struct message_name n;
	struct slice letters;
	char disk[4 * RIG_BODY_MAX], wire[8 * RIG_BODY_MAX];
	size_t w = 0;
	struct stat st;
	if (!message_name_parse(slice_str(name), &n, &letters))
		return false;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, disk, sizeof disk);
	bool ok = fstat(fd, &st) == 0 && st.st_size == got && (uint64_t)got == n.size_disk &&
		(st.st_mode & 0777) == 0600;
	close(fd);
	for (ssize_t i = 0; ok && i < got; i++) {
		if (disk[i] == '\n' && n.size_disk < n.size_wire)
			wire[w++] = '\r';
		wire[w++] = disk[i];
	}
	struct err e;
	unsigned char hash[SHA256_LEN] = {0};
	struct sha256 *h = sha256_new(&e);
	ok = ok && h != NULL && sha256_begin(h, &e) == 0 && sha256_add(h, wire, w, &e) == 0 &&
		sha256_end(h, hash, &e) == 0;
	sha256_free(h);
	return ok && w == n.size_wire && memcmp(hash, n.hash, sizeof n.hash) == 0;
}

/* Files in mail/<box>/<sub>; -1 none such folder, -2 a bad one is in it. */
static int count_files(const char *path, const char *sub, bool messages)
{
	char full[512];
	snprintf(full, sizeof full, "%s/mail/%s", path, sub);
	DIR *d = opendir(full);
	if (d == NULL)
		return -1;
	int n = 0;
	for (struct dirent *entry; n >= 0 && (entry = readdir(d)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		n = messages && !file_is_right(dirfd(d), entry->d_name) ? -2 : n + 1;
	}
	closedir(d);
	return n;
}

struct reading {
	struct store *s;
	struct sha256 *hash;
	const char *wrong;
	unsigned files, stored, gone, failed;
};

static int hash_chunk(void *ctx, const void *p, size_t n)
{
	struct err e;
	return sha256_add(ctx, p, n, &e) == 0 ? 0 : 1;
}

static int check_record(void *ctx, const struct store_record *r)
{
	struct reading *x = ctx;
	struct err e = ERR_INIT;
	unsigned char hash[SHA256_LEN];
	x->stored += r->state == STORE_STORED;
	x->gone += r->state == STORE_GONE;
	x->failed += r->state == STORE_FAILED;
	if (!r->has_file) {
		if (r->state == STORE_STORED)
			x->wrong = "a stored row has no file name";
		return x->wrong != NULL;
	}
	x->files++;
	if (sha256_begin(x->hash, &e) != 0 ||
		store_message_read(x->s, r->generation, r->uid, hash_chunk, x->hash, &e) != 0 ||
		sha256_end(x->hash, hash, &e) != 0)
		x->wrong = wrong("a row's file cannot be read", e.text);
	else if (memcmp(hash, r->sha256, SHA256_LEN) != 0)
		x->wrong = "a row's file has other bytes";
	return x->wrong != NULL;
}

static void check_mailbox(struct reading *x, const struct store_mailbox *m)
{
	struct err e = ERR_INIT;
	bool inbox = slice_eq_str(buf_slice(&m->wire), "INBOX");
	x->files = x->stored = x->gone = x->failed = 0;
	if (m->generation != 0 && store_records(x->s, m->generation, NULL, check_record, x, &e) < 0)
		x->wrong = wrong("the rows cannot be read", e.text);
	else if (x->wrong == NULL &&
		(m->stored != x->stored || m->gone != x->gone || m->failed != x->failed))
		x->wrong = "the counts of a generation are wrong";
	else if (x->wrong == NULL && m->complete_run != 0 &&
		x->files != (inbox ? RIG_INBOX_FILES : RIG_WORK_FILES))
		x->wrong = "a mailbox is marked complete and is not";
}

static const char *check_rows(struct store *s)
{
	struct err e = ERR_INIT;
	struct store_mailbox_list list;
	struct reading x = {.s = s, .hash = sha256_new(&e)};
	if (x.hash == NULL || store_mailboxes(s, &list, &e) != 0) {
		sha256_free(x.hash);
		return wrong("the mailboxes cannot be listed", e.text);
	}
	for (size_t i = 0; x.wrong == NULL && i < list.n; i++)
		check_mailbox(&x, &list.at[i]);
	store_mailbox_list_release(&list);
	sha256_free(x.hash);
	return x.wrong;
}

const char *archive_rig_check(const char *path, enum store_mode mode)
{
	static const char *const folder[] = {"INBOX/cur", "Work/2016/cur"};
	for (size_t i = 0; i < sizeof folder / sizeof folder[0]; i++)
		if (count_files(path, folder[i], true) == -2)
			return wrong(folder[i], "has an incomplete file");
	struct store *s;
	struct err e = ERR_INIT;
	if (archive_rig_open(&s, path, mode, NULL, &e) != 0) {
		bool unborn = e.code == E_MISSING ||
			(e.code == E_CORRUPT && strstr(e.text, "is empty") != NULL) ||
			(e.code == E_CORRUPT && strstr(e.text, "mail is missing") != NULL);
		return mode == STORE_READ && unborn ? NULL : wrong("cannot open", e.text);
	}
	const char *problem = check_rows(s);
	if (problem == NULL && store_recovered(s)->damaged != 0)
		problem = "recovery found damaged files";
	store_close(s);
	return problem;
}

const char *archive_rig_check_complete(const char *path)
{
	const struct {
		const char *folder;
		int files;
	} want[] = {
		{"INBOX/cur", RIG_INBOX_FILES},
		{"INBOX/tmp", 0},
		{"Work/2016/cur", RIG_WORK_FILES},
		{"Work/2016/tmp", 0},
	};
	const char *problem = archive_rig_check(path, STORE_READ);
	if (problem != NULL)
		return problem;
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
		if (count_files(path, want[i].folder, false) != want[i].files)
			return wrong(want[i].folder, "has the wrong number of files");
	struct store *s;
	struct err e = ERR_INIT;
	struct store_run r;
	struct buf text = BUF_INIT(1024);
	if (archive_rig_open(&s, path, STORE_READ, NULL, &e) != 0)
		return wrong("cannot open", e.text);
	struct store_mailbox_list list;
	if (store_run_last(s, STORE_RUN_RUNNING, &r, &text, &e) != 1 || r.result != STORE_RUN_OK)
		problem = "the last run is not recorded as good";
	else if (store_mailboxes(s, &list, &e) != 0)
		problem = "the mailboxes cannot be listed";
	else {
		if (list.n != 2 || list.at[0].complete_run != r.id ||
			list.at[1].complete_run != r.id)
			problem = "not both mailboxes are complete";
		else if (list.at[0].stored != 9 || list.at[0].gone != 1 || list.at[0].failed != 1)
			problem = "INBOX has wrong counts";
		store_mailbox_list_release(&list);
	}
	buf_release(&text);
	store_close(s);
	return problem;
}

/* SPDX-License-Identifier: MIT */
/*
 * group.c -- making a group durable: flush the files, give them their names, flush the directories, commit the
 * rows. In this order, so that no row ever speaks of a file that a power cut could take away.
 *
 * Flushes are shared. A few files are flushed one by one; of many, the descriptors are closed as they come
 * and one syncfs() flushes all of them, and later one more all of their directories. That one also makes durable the
 * folders that were made since the last commit, so that a new folder costs no flush of its own; a run that dies before
 * is unsettled, and the next opening flushes once. The files of such a large group are written by a thread (writer.h),
 * which has to be done before the first flush.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "store/store_internal.h"

/* Up to here files stay open and are flushed one by one. */
#define KEPT_OPEN 8
/* Other changes that make a group due; each is a row or two in the journal. */
#define CHANGES_DUE (16 * (size_t)STORE_GROUP_FILES)
/* Folders with new names that are flushed one by one; of more, a syncfs() flushes all. */
#define FOLDERS_SINGLY 4
/* A caller that never commits: no more files than this wait. */
#define GROUP_FILES_LIMIT (4 * (size_t)STORE_GROUP_FILES)

bool store_files_waiting(const struct store *s)
{
	return s->group.n > 0;
}

bool store_commit_due(const struct store *s)
{
	return s->group.n >= STORE_GROUP_FILES || s->group.bytes >= STORE_GROUP_BYTES ||
		s->group.changes >= CHANGES_DUE;
}

struct pending *group_find(struct store *s, int64_t generation, uint32_t uid)
{
	for (size_t i = s->group.n; i > 0; i--) {
		struct pending *p = &s->group.at[i - 1];
		if (p->uid == uid && p->generation == generation)
			return p;
	}
	return NULL;
}

/* ---- files join ------------------------------------------------------------------------------- */

int group_reserve(struct store *s, struct err *e)
{
	struct group *g = &s->group;
	if (g->n >= GROUP_FILES_LIMIT)
		return err_set(e, ERR_STORE, E_LIMIT, "more than %zu files wait for a commit",
			GROUP_FILES_LIMIT);
	if (g->n < g->cap)
		return 0;
	size_t cap = g->cap == 0 ? 16 : 2 * g->cap;
	struct pending *at = realloc(g->at, cap * sizeof *at);
	if (at == NULL)
		return err_nomem(e, "collecting messages");
	g->at = at;
	g->cap = cap;
	return 0;
}

static int flush_failed(struct store *s, struct err *e)
{
	int errnum = errno;
	char path[STORE_PATH_SHOWN];
	return err_sys(e, ERR_STORE, E_IO, errnum, "cannot flush the file system of %s",
		store_show_path(s, path));
}

int group_sync_all(struct store *s, struct err *e)
{
	return s->fs->syncfs(s->fs->ctx, s->root) == 0 ? 0 : flush_failed(s, e);
}

int group_try_syncfs(struct store *s, struct err *e)
{
	if (s->syncfs != SYNCFS_UNTRIED)
		return 0;
	if (s->fs->syncfs(s->fs->ctx, s->root) == 0) {
		s->syncfs = SYNCFS_WORKS;
		return 0;
	}
	if (errno != ENOSYS && errno != EPERM && errno != EINVAL && errno != EOPNOTSUPP)
		return flush_failed(s, e);
	s->syncfs = SYNCFS_UNUSABLE;
	return 0;
}

int group_lazy(struct store *s, const struct fsys **fs, struct err *e)
{
	if (group_try_syncfs(s, e) != 0)
		return -1;
	*fs = s->syncfs == SYNCFS_WORKS ? &s->lazy : s->fs;
	return 0;
}

int group_settle(struct store *s, struct err *e)
{
	if (!s->owed)
		return 0;
	if (group_sync_all(s, e) != 0)
		return -1;
	s->owed = false;
	return 0;
}

/* Close the file of one entry; sync: flush it before. */
static int close_file(struct store *s, struct pending *p, bool sync, struct err *e)
{
	struct folder *f;
	if (p->file.fd < 0)
		return 0;
	if (folder_get(s, p->mailbox, &f, e) != 0)
		return err_widen(e, ERR_STORE);
	return maildir_file_flush(&f->m, &p->file, sync, e) == 0 ? 0 : err_widen(e, ERR_STORE);
}

/* Those from number `from` on. */
static int close_files(struct store *s, size_t from, bool sync, struct err *e)
{
	for (size_t i = from; i < s->group.n; i++)
		if (close_file(s, &s->group.at[i], sync, e) != 0)
			return -1;
	return 0;
}

int group_add(struct store *s, const struct pending *p, struct err *e)
{
	struct group *g = &s->group;
	size_t closed = g->n > KEPT_OPEN ? g->n : 0;
	g->at[g->n++] = *p;
	g->bytes += p->file.size_disk;
	/* One that was begun in the group before is the writer's, and closed by it without a flush. */
	g->bulk = g->bulk || p->file.fd < 0;
	if (g->n <= KEPT_OPEN)
		return 0;
	if (group_try_syncfs(s, e) != 0)
		return -1;
	g->bulk = s->syncfs == SYNCFS_WORKS;
	return close_files(s, closed, !g->bulk, e);
}

/* ---- names ------------------------------------------------------------------------------------ */

/* The name is taken by a file without a row. If it is the same message, it is adopted in place of ours; if
 * it is damaged, the message counts as failed: what is in cur/ is never replaced. */
static int adopt_or_fail(struct store *s, struct folder *f, struct pending *p, struct err *e)
{
	struct message_name n;
	struct slice rest;
	unsigned char sha256[SHA256_LEN];
	int right = 0;
	err_clear(e);
	if (message_name_parse(slice_str(p->base), &n, &rest))
		right = folder_check_file(&f->m, &n, p->letters, sha256, e);
	if (right > 0 && memcmp(sha256, p->file.sha256, SHA256_LEN) != 0)
		right = 0;
	if (right < 0)
		return err_widen(e, ERR_STORE);
	maildir_remove_tmp(&f->m, p->file.tmp_name);
	p->settled = true;
	if (right > 0) {
		f->m.cur_dirty = true;
		return 0;
	}
	if (index_message_spoil(
		    s->x, p->generation, p->uid, "a damaged file has its name", s->run, e) != 0)
		return -1;
	struct store_generation *g = generation_find(s, p->generation);
	return g != NULL && generation_move(g, p->uid, STORE_FAILED, e) != 0
		? err_widen(e, ERR_STORE)
		: 0;
}

static int publish(struct store *s, struct pending *p, struct err *e)
{
	struct folder *f;
	char name[FILE_NAME_SIZE];
	if (folder_get(s, p->mailbox, &f, e) != 0 ||
		flagset_letters(s, p->flagset, &f->m, p->letters, e) != 0 ||
		maildir_save_keywords(&f->m, e) != 0)
		return err_widen(e, ERR_STORE);
	folder_file_name(p->base, p->letters, name);
	if (maildir_publish(&f->m, p->file.tmp_name, name, e) == 0) {
		p->settled = p->published = true;
		return 0;
	}
	return e->code == E_EXISTS ? adopt_or_fail(s, f, p, e) : err_widen(e, ERR_STORE);
}

static int by_mailbox(const void *a, const void *b)
{
	const struct pending *x = a, *y = b;
	if (x->mailbox != y->mailbox)
		return x->mailbox < y->mailbox ? -1 : 1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static size_t count_mailboxes(const struct group *g)
{
	size_t n = g->n > 0;
	for (size_t i = 1; i < g->n; i++)
		n += g->at[i].mailbox != g->at[i - 1].mailbox;
	return n;
}

static int publish_all(struct store *s, struct err *e)
{
	struct group *g = &s->group;
	if (g->n > 1)
		qsort(g->at, g->n, sizeof *g->at, by_mailbox);
	g->bulk_dirs = s->owed ||
		(s->syncfs == SYNCFS_WORKS &&
			count_mailboxes(g) + renames_mailboxes(g) > FOLDERS_SINGLY);
	/* Folder by folder, so that each is opened once. */
	for (size_t i = 0; i < g->n; i++)
		if (renames_make(s, g->at[i].mailbox, e) != 0 || publish(s, &g->at[i], e) != 0)
			return -1;
	return renames_make(s, INT64_MAX, e);
}

static int flush_directories(struct store *s, struct err *e)
{
	if (s->group.bulk_dirs) {
		if (group_sync_all(s, e) != 0)
			return -1;
		for (size_t i = 0; i < s->folders; i++)
			s->folder[i]->m.cur_dirty = false;
		s->group.bulk_dirs = s->owed = false;
	}
	return folders_flush(s, e);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void forget(struct group *g)
{
	g->n = 0;
	g->bytes = 0;
	g->changes = g->renamings = g->renamed = 0;
	g->bulk = g->bulk_dirs = false;
}

/* The directory of a published file could not be flushed, and a second attempt would prove nothing: the name
 * goes again, as far as possible. */
static void unpublish_all(struct store *s)
{
	struct group *g = &s->group;
	struct err ignored = ERR_INIT;
	for (size_t i = 0; i < g->n; i++) {
		struct folder *f;
		char name[FILE_NAME_SIZE];
		if (!g->at[i].published || folder_get(s, g->at[i].mailbox, &f, &ignored) != 0)
			continue;
		folder_file_name(g->at[i].base, g->at[i].letters, name);
		s->fs->unlinkat(s->fs->ctx, f->m.cur, name);
	}
}

void group_undo(struct store *s)
{
	struct group *g = &s->group;
	struct err ignored = ERR_INIT;
	if (s->writer != NULL && writer_drain(s->writer, &ignored) != 0)
		err_clear(&ignored);
	for (size_t i = 0; i < g->n; i++) {
		struct folder *f;
		fsys_close_quiet(s->fs, g->at[i].file.fd);
		if (!g->at[i].settled && folder_get(s, g->at[i].mailbox, &f, &ignored) == 0)
			maildir_remove_tmp(&f->m, g->at[i].file.tmp_name);
	}
	forget(g);
	index_rollback(s->x);
}

static int commit(struct store *s, struct err *e)
{
	struct group *g = &s->group;
	if (s->writer != NULL && writer_drain(s->writer, e) != 0)
		return -1;
	if (close_files(s, 0, !g->bulk, e) != 0 || (g->bulk && group_sync_all(s, e) != 0))
		return -1;
	if (renames_prepare(s, e) != 0 || publish_all(s, e) != 0)
		return -1;
	if (flush_directories(s, e) != 0) {
		unpublish_all(s);
		return -1;
	}
	return index_commit(s->x, e);
}

int store_commit(struct store *s, struct err *e)
{
	if (store_writable(s, e) != 0)
		return -1;
	if (commit(s, e) != 0) {
		err_widen(e, ERR_STORE);
		group_undo(s);
		return store_outcome(s, -1, e);
	}
	s->run_recorded = true;
	forget(&s->group);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * maildir_find.c -- message files that are there already: finding, reading, renaming, scanning.
 *
 * The index knows under which letters a file was last seen. Another program may have changed
 * them, or moved the file between new/ and cur/. So when the first guess is wrong the file is
 * looked for by its base, in a sorted listing: somebody may have renamed all of them, and a scan
 * for each would take time by the square of their number.
 */
#include "store/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/crlf.h"
#include "store/maildir_internal.h"

#define FILE_NAME_MAX (MESSAGE_NAME_MAX + 16)
#define READ_CHUNK    (64u << 10)

/* ---- the listing ----------------------------------------------------------------------------- */

struct entry {
	char *name;
	size_t base; /* bytes before ':' */
	bool in_new;
};

struct maildir_listing {
	struct entry *at;
	size_t n, cap;
	struct timespec cur_time, new_time; /* of the directories, when they were read */
};

void maildir_listing_free(struct maildir *m)
{
	struct maildir_listing *l = m->listing;
	m->listing = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].name);
	free(l->at);
	free(l);
}

/* By base, then cur/ before new/. */
static int by_base(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = slice_cmp(slice_of(x->name, x->base), slice_of(y->name, y->base));
	return c != 0 ? c : (int)x->in_new - (int)y->in_new;
}

static int list_entry(void *ctx, const char *name, bool in_new)
{
	struct maildir_listing *l = ctx;
	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 256 : 2 * l->cap;
		struct entry *at =
			cap > SIZE_MAX / sizeof *at ? NULL : realloc(l->at, cap * sizeof *at);
		if (at == NULL)
			return 1;
		l->at = at;
		l->cap = cap;
	}
	char *copy = strdup(name);
	if (copy == NULL)
		return 1;
	l->at[l->n++] = (struct entry){copy, strcspn(copy, ":"), in_new};
	return 0;
}

static struct timespec zero_time(void)
{
	return (struct timespec){0, 0};
}

/* When were the two directories last changed? Zero for one that cannot be asked. */
static void directory_times(struct maildir *m, struct timespec *cur, struct timespec *new)
{
	struct stat st;
	*cur = m->fs->fstat(m->fs->ctx, m->cur, &st) == 0 ? fsys_mtime(&st) : zero_time();
	*new = m->fs->fstatat(m->fs->ctx, m->dir, "new", &st) == 0 ? fsys_mtime(&st) : zero_time();
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_fresh(struct maildir *m)
{
	if (m->listing == NULL)
		return false;
	struct timespec cur, new;
	directory_times(m, &cur, &new);
	return same_time(cur, m->listing->cur_time) && same_time(new, m->listing->new_time);
}

static int load_listing(struct maildir *m, struct err *e)
{
	maildir_listing_free(m);
	struct maildir_listing *l = calloc(1, sizeof *l);
	if (l == NULL)
		return err_nomem(e, "listing a mailbox");
	m->listing = l;
	directory_times(m, &l->cur_time, &l->new_time);
	int result = maildir_scan(m, list_entry, l, e);
	if (result != 0) {
		maildir_listing_free(m);
		return result > 0 ? err_nomem(e, "listing a mailbox") : -1;
	}
	if (l->n > 0)
		qsort(l->at, l->n, sizeof *l->at, by_base);
	return 0;
}

static struct entry *search(const struct maildir_listing *l, struct slice base)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (slice_cmp(slice_of(l->at[mid].name, l->at[mid].base), base) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == l->n || !slice_eq(slice_of(l->at[low].name, l->at[low].base), base))
		return NULL;
	return &l->at[low];
}

int maildir_find(
	struct maildir *m, const char *base, bool again, struct maildir_found *found, struct err *e)
{
	if ((again || !is_fresh(m)) && load_listing(m, e) != 0)
		return -1;
	const struct entry *entry = search(m->listing, slice_str(base));
	if (entry == NULL)
		return 0;
	*found = (struct maildir_found){entry->name, entry->in_new};
	return 1;
}

void maildir_listing_renamed(struct maildir *m, const char *base, const char *name)
{
	if (m->listing == NULL)
		return;
	struct entry *entry = search(m->listing, slice_str(base));
	char *copy = strdup(name);
	if (entry == NULL || copy == NULL) {
		free(copy);
		maildir_listing_free(m);
		return;
	}
	free(entry->name);
	*entry = (struct entry){copy, strcspn(copy, ":"), false};
	directory_times(m, &m->listing->cur_time, &m->listing->new_time);
}

/* ---- scanning -------------------------------------------------------------------------------- */

struct scan {
	int (*each)(void *ctx, const char *name, bool in_new);
	void *ctx;
	bool in_new;
};

static int scan_entry(void *ctx, const char *name, enum fsys_type type)
{
	struct scan *s = ctx;
	struct message_name parsed;
	struct slice letters;
	if (type != FSYS_FILE && type != FSYS_UNKNOWN)
		return 0;
	if (!message_name_parse(slice_str(name), &parsed, &letters))
		return 0;
	return s->each(s->ctx, name, s->in_new);
}

int maildir_scan(struct maildir *m, int (*each)(void *ctx, const char *name, bool in_new),
	void *ctx, struct err *e)
{
	struct scan s = {each, ctx, false};
	int stopped = 0;
	if (fsys_list(m->fs, m->cur, scan_entry, &s, &stopped) != 0)
		return maildir_fail(m, e, "list", "cur", NULL);
	if (stopped != 0)
		return stopped;
	int new = fsys_open_dir(m->fs, m->dir, "new");
	if (new < 0)
		return errno == ENOENT ? 0 : maildir_fail(m, e, "open", "new", NULL);
	s.in_new = true;
	if (fsys_list(m->fs, new, scan_entry, &s, &stopped) != 0)
		stopped = maildir_fail(m, e, "list", "new", NULL);
	fsys_close_quiet(m->fs, new);
	return stopped;
}

/* ---- flags ----------------------------------------------------------------------------------- */

static int full_name(struct maildir *m, const char *base, const char *letters,
	char out[FILE_NAME_MAX], struct err *e)
{
	int n = snprintf(out, FILE_NAME_MAX, "%s:2,%s", base, letters);
	if (n < 0 || n >= FILE_NAME_MAX)
		return err_set(
			e, ERR_MESSAGE, E_CORRUPT, "the index has a file name of %d bytes", n);
	return maildir_check_component(m, out, e);
}

static int missing(struct maildir *m, const char *doing, const char *base, struct err *e)
{
	errno = ENOENT;
	return maildir_fail_message(m, e, doing, "cur", base);
}

/* Rename dir/<from> to cur/<to>. errno as usual; `from` being `to` is no change. */
static int rename_to_cur(struct maildir *m, bool in_new, const char *from, const char *to)
{
	if (!in_new && strcmp(from, to) == 0)
		return 0;
	int dir = m->cur;
	if (in_new && (dir = fsys_open_dir(m->fs, m->dir, "new")) < 0)
		return -1;
	int result = fsys_rename_noreplace(m->fs, dir, from, m->cur, to);
	if (in_new)
		fsys_close_quiet(m->fs, dir);
	if (result == 0)
		m->cur_dirty = true;
	return result;
}

static int rename_failed(struct maildir *m, const char *name, struct err *e)
{
	bool taken = errno == EEXIST;
	maildir_fail(m, e, "rename", "cur", name);
	if (taken)
		e->scope = ERR_MESSAGE;
	return -1;
}

int maildir_set_letters(struct maildir *m, const char *base, const char *old_letters,
	const char *letters, struct err *e)
{
	char from[FILE_NAME_MAX], to[FILE_NAME_MAX];
	if (strcmp(old_letters, letters) == 0)
		return 0;
	if (full_name(m, base, old_letters, from, e) != 0 ||
		full_name(m, base, letters, to, e) != 0)
		return -1;
	struct maildir_found found = {from, false};
	for (int attempt = 0;; attempt++) {
		if (rename_to_cur(m, found.in_new, found.name, to) == 0) {
			maildir_listing_renamed(m, base, to);
			return 0;
		}
		if (errno != ENOENT)
			return rename_failed(m, to, e);
		if (attempt == 2)
			return missing(m, "rename", base, e);
		int there = maildir_find(m, base, attempt == 1, &found, e);
		if (there < 0)
			return -1;
		if (there == 0)
			return missing(m, "rename", base, e);
	}
}

/* ---- reading --------------------------------------------------------------------------------- */

static int open_found(struct maildir *m, const struct maildir_found *found, struct stat *st)
{
	int dir = m->cur;
	if (found->in_new && (dir = fsys_open_dir(m->fs, m->dir, "new")) < 0)
		return -1;
	int fd = fsys_open_file(m->fs, dir, found->name, st);
	if (found->in_new)
		fsys_close_quiet(m->fs, dir);
	return fd;
}

int maildir_open_message(struct maildir *m, const char *base, const char *letters, int *fd,
	struct stat *st, struct err *e)
{
	char guess[FILE_NAME_MAX];
	if (full_name(m, base, letters, guess, e) != 0)
		return -1;
	struct maildir_found found = {guess, false};
	for (int attempt = 0;; attempt++) {
		*fd = open_found(m, &found, st);
		if (*fd >= 0)
			return 0;
		if (errno != ENOENT)
			return maildir_fail_message(
				m, e, "open", found.in_new ? "new" : "cur", found.name);
		if (attempt == 2)
			return missing(m, "open", base, e);
		int there = maildir_find(m, base, attempt == 1, &found, e);
		if (there < 0)
			return -1;
		if (there == 0)
			return missing(m, "open", base, e);
	}
}

int maildir_read_wire(const struct fsys *fs, int fd, bool add_cr,
	int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e)
{
	unsigned char *chunk = malloc(3 * (size_t)READ_CHUNK);
	if (chunk == NULL)
		return err_nomem(e, "reading a message");
	unsigned char *wide = chunk + READ_CHUNK;
	int result = 0;
	while (result == 0) {
		ssize_t n = fsys_read_full(fs, fd, chunk, READ_CHUNK);
		if (n < 0)
			result = err_sys(e, ERR_MESSAGE, E_IO, errno, "cannot read a message file");
		if (n <= 0)
			break;
		result = add_cr ? sink(ctx, wide, crlf_expand(chunk, (size_t)n, wide))
				: sink(ctx, chunk, (size_t)n);
		if ((size_t)n < READ_CHUNK)
			break;
	}
	free(chunk);
	return result;
}

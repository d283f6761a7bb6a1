/* SPDX-License-Identifier: MIT */
/*
 * repair_file.c -- what repair does to one file: another name, another time, or out of the way.
 *
 * All of it is renaming, never replacing; a file that could not be moved stays where it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/index_check.h"
#include "store/repair_internal.h"

#define DAMAGED_DIR "damaged"
#define ASIDE_NAME  256
#define ASIDE_TRIES 1000

static const char *file_name(const struct wound *w)
{
	return (const char *)w->f.file.p;
}

/* The descriptor of cur/ or new/, where the file is; -1 with errno. *opened: to be closed. */
static int file_dir(struct repair *r, const struct wound *w, bool *opened)
{
	*opened = w->f.in_new;
	return w->f.in_new ? fsys_open_dir(r->s->fs, r->m.dir, "new") : r->m.cur;
}

/* Entries were renamed: durable before the index tells of it. */
static int flush_dirs(struct repair *r, int a, int b)
{
	const struct fsys *fs = r->s->fs;
	if (fs->fsync(fs->ctx, a) == 0 && fs->fsync(fs->ctx, b) == 0)
		return 1;
	return err_sys(r->e, ERR_STORE, E_IO, errno, "cannot flush a folder of the archive");
}

/* ---- aside ----------------------------------------------------------------------------------- */

static int open_aside(struct repair *r)
{
	struct buf path = BUF_INIT(NAME_PATH_MAX + sizeof DAMAGED_DIR);
	int fd = -1;
	buf_add_str(&path, DAMAGED_DIR);
	if (r->m.path.len > 0) {
		buf_add_byte(&path, '/');
		buf_add_slice(&path, buf_slice(&r->m.path));
	}
	if (path.failed != E_NONE)
		errno = ENAMETOOLONG;
	else if (fsys_mkdirs_durable(r->s->fs, r->s->root, buf_str(&path)) == 0)
		fd = fsys_open_dir(r->s->fs, r->s->root, buf_str(&path));
	buf_release(&path);
	return fd;
}

static int move_aside(struct repair *r, int from, int to, const char *name)
{
	char aside[ASIDE_NAME];
	for (int i = 0; i < ASIDE_TRIES; i++) {
		int n = i == 0 ? snprintf(aside, sizeof aside, "%s", name)
			       : snprintf(aside, sizeof aside, "%s.%d", name, i);
		if (n < 0 || n >= (int)sizeof aside)
			return 0;
		if (fsys_rename_noreplace(r->s->fs, from, name, to, aside) == 0) {
			r->counts->set_aside++;
			return flush_dirs(r, to, from);
		}
		if (errno != EEXIST)
			return 0;
	}
	return 0;
}

int repair_set_aside(struct repair *r, const struct wound *w)
{
	bool opened;
	int to = open_aside(r);
	if (to < 0)
		return errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EIO
			? err_sys(r->e, ERR_STORE, E_IO, errno,
				  "cannot make the folder " DAMAGED_DIR)
			: 0;
	int from = file_dir(r, w, &opened);
	int result = from >= 0 ? move_aside(r, from, to, file_name(w)) : 0;
	if (opened)
		fsys_close_quiet(r->s->fs, from);
	fsys_close_quiet(r->s->fs, to);
	return result;
}

/* ---- time ------------------------------------------------------------------------------------ */

/* 1 it has this time now, 0 it cannot. */
static int set_time(struct repair *r, const struct wound *w, int64_t secs)
{
	const struct fsys *fs = r->s->fs;
	const struct timespec times[2] = {
		{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)secs, .tv_nsec = 0}};
	int fd = verify_open(&r->m, file_name(w), w->f.in_new, NULL);
	if (fd < 0)
		return 0;
	int result = fs->futimens(fs->ctx, fd, times) == 0;
	fsys_close_quiet(fs, fd);
	return result;
}

int repair_time(struct repair *r, const struct wound *w)
{
	struct wound_row row;
	if (repair_row(r, w->f.generation, w->f.uid, &row) != 0)
		return -1;
	buf_release(&row.flags);
	return row.found ? set_time(r, w, row.secs) : 0;
}

/* ---- name ------------------------------------------------------------------------------------ */

/* A time that is wrong besides needs no second repair. That of a file with several names is another message's. */
static int time_besides(
	struct repair *r, const struct wound *w, const struct wound_row *row, const struct stat *st)
{
	if (st->st_nlink > 1 || (int64_t)st->st_mtime == row->secs || set_time(r, w, row->secs))
		return 0;
	return err_set(r->e, ERR_MESSAGE, E_IO, "cannot set the time of a message file");
}

/* Rename the file to what the row says. */
static int give_name(
	struct repair *r, const struct wound *w, const struct wound_row *row, const struct stat *st)
{
	char letters[FLAG_LETTERS_MAX], name[FILE_NAME_SIZE];
	bool opened;
	if (flag_letters(buf_slice(&row->flags), &r->m.keywords, letters, r->e) != 0 ||
		maildir_save_keywords(&r->m, r->e) != 0)
		return -1;
	folder_file_name(row->base, letters, name);
	if (time_besides(r, w, row, st) != 0)
		return -1;
	int from = file_dir(r, w, &opened);
	int result = 0;
	if (from >= 0 && fsys_rename_noreplace(r->s->fs, from, file_name(w), r->m.cur, name) == 0)
		result = flush_dirs(r, r->m.cur, from);
	if (opened)
		fsys_close_quiet(r->s->fs, from);
	return result;
}

/* 1 the content is read (in *c), 0 it cannot be. */
static int read_content(struct repair *r, const struct wound *w, bool add_cr, struct stat *st,
	struct verify_content *c)
{
	int fd = verify_open(&r->m, file_name(w), w->f.in_new, st);
	if (fd < 0)
		return 0;
	int result = verify_hash(r->s->fs, fd, add_cr, r->hash, c, r->e);
	fsys_close_quiet(r->s->fs, fd);
	if (result > 0)
		err_clear(r->e);
	return result < 0 ? -1 : result == 0;
}

static bool is_row(
	const struct wound_row *row, const struct stat *st, const struct verify_content *c)
{
	return row->found && row->has_file && (uint64_t)st->st_size == row->size_disk &&
		c->size_wire == row->size_wire && memcmp(c->sha256, row->sha256, SHA256_LEN) == 0;
}

static int name_of_row(struct repair *r, const struct wound *w)
{
	struct wound_row row;
	struct verify_content c;
	struct stat st;
	int result = repair_row(r, w->f.generation, w->f.uid, &row) == 0 ? 0 : -1;
	if (result == 0)
		result = read_content(r, w, row.add_cr, &st, &c);
	if (result > 0)
		result = is_row(&row, &st, &c) ? give_name(r, w, &row, &st) : 0;
	buf_release(&row.flags);
	return result;
}

int repair_can_be_read(struct repair *r, const struct wound *w)
{
	struct wound_row row;
	struct verify_content c;
	struct stat st;
	int result = repair_row(r, w->f.generation, w->f.uid, &row) == 0 ? 0 : -1;
	if (result == 0)
		result = read_content(r, w, row.add_cr, &st, &c);
	if (result > 0)
		result = is_row(&row, &st, &c);
	if (result > 0 && time_besides(r, w, &row, &st) != 0)
		result = -1;
	buf_release(&row.flags);
	return result;
}

struct wish {
	struct repair *r;
	struct wound *found;
};

static int is_missing(void *ctx, int64_t generation, uint32_t uid)
{
	struct wish *wish = ctx;
	struct wound key = {.f = {.generation = generation, .uid = uid}}, *pkey = &key;
	struct repair *r = wish->r;
	struct wound **hit = r->nmissing == 0
		? NULL
		: bsearch(&pkey, r->missing, r->nmissing, sizeof(struct wound *), repair_by_row);
	if (hit == NULL || (*hit)->mending == STORE_MENDED)
		return 0;
	wish->found = *hit;
	return 1;
}

/* A file that no row knows under this name: is it the one that some row misses? */
static int name_of_missing(struct repair *r, const struct wound *w)
{
	for (int add_cr = 1; add_cr >= 0; add_cr--) {
		struct verify_content c;
		struct stat st;
		struct wish wish = {r, NULL};
		struct wound_row row;
		int result = read_content(r, w, add_cr != 0, &st, &c);
		if (result > 0)
			result = index_rows_with(
				r->s->x, w->f.mailbox_id, c.sha256, is_missing, &wish, r->e);
		if (result < 0)
			return -1;
		if (wish.found == NULL)
			continue;
		if (repair_row(r, wish.found->f.generation, wish.found->f.uid, &row) != 0)
			result = -1;
		else
			result = is_row(&row, &st, &c) ? give_name(r, w, &row, &st) : 0;
		buf_release(&row.flags);
		if (result > 0)
			wish.found->mending = STORE_MENDED;
		if (result != 0)
			return result;
	}
	return 0;
}

int repair_name(struct repair *r, struct wound *w)
{
	if (w->f.has_row)
		return name_of_row(r, w);
	return r->nmissing > 0 && w->f.mailbox_id != 0 ? name_of_missing(r, w) : 0;
}

int repair_is_sound(struct repair *r, const struct wound *w)
{
	struct message_name n;
	struct slice letters;
	struct verify_content c;
	struct stat st;
	if (!message_name_parse(w->f.file, &n, &letters))
		return 0;
	int result = read_content(r, w, n.size_disk < n.size_wire, &st, &c);
	if (result <= 0)
		return result;
	return (uint64_t)st.st_size == n.size_disk && c.size_wire == n.size_wire &&
		memcmp(c.sha256, n.hash, sizeof n.hash) == 0;
}

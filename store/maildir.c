/* SPDX-License-Identifier: MIT */
/*
 * maildir.c -- the directories of one mailbox, its side files, and the walk over all mailboxes.
 *
 * tmp/ is made last, after everything above it was flushed (or is owed to the next commit, fsys.h). So where tmp/ exists,
 * the whole path is known to be durable, and opening a mailbox of an earlier run needs no flush at all.
 */
#include "store/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "store/maildir_internal.h"

#define KEYWORDS_FILE	  "dovecot-keywords"
#define KEYWORDS_FILE_MAX (64u << 10)

/* ---- errors ---------------------------------------------------------------------------------- */

/* Bytes of a path and of a file name in a text; together they leave room for the reason. */
#define PATH_SHOWN 160
#define NAME_SHOWN 180

static int fail_with(const struct maildir *m, struct err *e, enum err_scope scope,
	enum err_code code, const char *doing, const char *sub, const char *name)
{
	int errnum = errno;
	char path[PATH_SHOWN], file[NAME_SHOWN];
	text_show(path, sizeof path, buf_slice(&m->path));
	text_show(file, sizeof file, slice_str(name));
	return err_sys(e, scope, code, errnum, "cannot %s mail%s%s%s%s%s%s", doing,
		path[0] != '\0' ? "/" : "", path, sub != NULL ? "/" : "", sub != NULL ? sub : "",
		file[0] != '\0' ? "/" : "", file);
}

int maildir_fail(const struct maildir *m, struct err *e, const char *doing, const char *sub,
	const char *name)
{
	switch (errno) {
	case ELOOP:
	case ENOTDIR:
	case EXDEV:
	case EINVAL: return fail_with(m, e, ERR_MAILBOX, E_CORRUPT, doing, sub, name);
	case EACCES:
	case EPERM: return fail_with(m, e, ERR_MAILBOX, E_IO, doing, sub, name);
	case ENAMETOOLONG:
	case EFBIG: return fail_with(m, e, ERR_MAILBOX, E_LIMIT, doing, sub, name);
	default: return fail_with(m, e, ERR_STORE, E_IO, doing, sub, name);
	}
}

int maildir_fail_message(const struct maildir *m, struct err *e, const char *doing, const char *sub,
	const char *name)
{
	bool strange = errno == ELOOP || errno == EINVAL || errno == ENOTDIR || errno == EXDEV ||
		errno == ENXIO;
	return fail_with(m, e, ERR_MESSAGE, strange ? E_CORRUPT : E_IO, doing, sub, name);
}

int maildir_check_component(const struct maildir *m, const char *name, struct err *e)
{
	if (*name != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
		strcmp(name, "..") != 0)
		return 0;
	char path[PATH_SHOWN], file[NAME_SHOWN];
	return err_set(e, ERR_MESSAGE, E_CORRUPT, "\"%s\" cannot be a file of mail/%s",
		text_show(file, sizeof file, slice_str(name)),
		text_show(path, sizeof path, buf_slice(&m->path)));
}

/* ---- opening --------------------------------------------------------------------------------- */

static void close_descriptors(struct maildir *m)
{
	fsys_close_quiet(m->fs, m->tmp);
	fsys_close_quiet(m->fs, m->cur);
	fsys_close_quiet(m->fs, m->dir);
	m->dir = m->cur = m->tmp = -1;
}

/* Open the three directories; on failure *sub names the one that it was (NULL: the mailbox's
 * own). */
static int open_existing(struct maildir *m, int mail, bool need_tmp, const char **sub)
{
	const char *path = m->path.len > 0 ? buf_str(&m->path) : ".";
	*sub = NULL;
	m->dir = fsys_open_dir(m->fs, mail, path);
	if (m->dir < 0)
		return -1;
	*sub = "cur";
	m->cur = fsys_open_dir(m->fs, m->dir, "cur");
	if (m->cur < 0)
		return -1;
	*sub = "tmp";
	m->tmp = fsys_open_dir(m->fs, m->dir, "tmp");
	return m->tmp >= 0 || (errno == ENOENT && !need_tmp) ? 0 : -1;
}

static int make_directories(struct maildir *m, int mail, struct err *e)
{
	const struct fsys *fs = m->fs;
	if (m->path.len > 0 && fsys_mkdirs_durable(fs, mail, buf_str(&m->path)) != 0)
		return maildir_fail(m, e, "make the folder", NULL, NULL);
	int dir = fsys_open_dir(fs, mail, m->path.len > 0 ? buf_str(&m->path) : ".");
	if (dir < 0)
		return maildir_fail(m, e, "open", NULL, NULL);
	const char *bad = NULL;
	if (fsys_mkdir(fs, dir, "cur") != 0)
		bad = "cur";
	else if (fsys_mkdir(fs, dir, "new") != 0)
		bad = "new";
	else if (fsys_flush_dir(fs, dir) != 0)
		bad = ".";
	else if (fsys_mkdir(fs, dir, "tmp") != 0)
		bad = "tmp";
	else if (fsys_flush_dir(fs, dir) != 0)
		bad = ".";
	int result = bad == NULL ? 0 : maildir_fail(m, e, "make the folder", bad, NULL);
	fsys_close_quiet(fs, dir);
	return result;
}

static int open_directories(struct maildir *m, int mail, bool create, struct err *e)
{
	const char *sub;
	if (open_existing(m, mail, create, &sub) == 0)
		return 0;
	if (create && errno == ENOENT) {
		close_descriptors(m);
		if (make_directories(m, mail, e) != 0)
			return -1;
		if (open_existing(m, mail, true, &sub) == 0)
			return 0;
	}
	int result = maildir_fail(m, e, "open", sub, NULL);
	/* One folder that is not there says nothing about the others. */
	if (e->code == E_MISSING)
		e->scope = ERR_MAILBOX;
	return result;
}

static int load_keywords(struct maildir *m, struct err *e)
{
	struct buf text = BUF_INIT(KEYWORDS_FILE_MAX);
	int result = maildir_read_side(m, KEYWORDS_FILE, &text, e);
	if (result > 0)
		result = keyword_map_parse(&m->keywords, buf_slice(&text), e);
	buf_release(&text);
	return result;
}

int maildir_open(struct maildir *m, const struct fsys *fs, int mail, struct slice path, bool create,
	struct err *e)
{
	m->fs = fs;
	m->dir = m->cur = m->tmp = -1;
	m->cur_dirty = false;
	m->listing = NULL;
	m->made_file = false;
	m->waiting = 0;
	buf_init(&m->path, NAME_PATH_MAX);
	keyword_map_init(&m->keywords);
	buf_add_slice(&m->path, path);
	int result = buf_check(&m->path, "the path of a mailbox", e);
	if (result != 0)
		err_widen(e, ERR_MAILBOX);
	if (result == 0 && path.n > 0 && memchr(path.p, '\0', path.n) != NULL)
		result = err_set(e, ERR_MAILBOX, E_INVALID, "the path of a mailbox has a NUL");
	if (result == 0)
		result = open_directories(m, mail, create, e);
	if (result == 0)
		result = load_keywords(m, e);
	if (result != 0)
		maildir_close(m);
	return result;
}

void maildir_close(struct maildir *m)
{
	close_descriptors(m);
	keyword_map_release(&m->keywords);
	buf_release(&m->path);
	maildir_listing_free(m);
	m->cur_dirty = false;
}

int maildir_flush(struct maildir *m, struct err *e)
{
	if (!m->cur_dirty)
		return 0;
	if (m->fs->fsync(m->fs->ctx, m->cur) != 0)
		return fail_with(m, e, ERR_STORE, E_IO, "flush", "cur", NULL);
	m->cur_dirty = false;
	return 0;
}

/* ---- side files ------------------------------------------------------------------------------ */

#define SIDE_TMP_NAME 64

static void side_tmp_name(char out[SIDE_TMP_NAME])
{
	snprintf(out, SIDE_TMP_NAME, "%ld.side" TMP_SUFFIX, (long)getpid());
}

int maildir_write_side(struct maildir *m, const char *name, struct slice text, struct err *e)
{
	char tmp_name[SIDE_TMP_NAME];
	side_tmp_name(tmp_name);
	if (maildir_check_component(m, name, e) != 0)
		return err_widen(e, ERR_STORE);
	if (fsys_replace_file(m->fs, m->dir, name, m->tmp, tmp_name, text) != 0)
		return fail_with(m, e, ERR_STORE, E_IO, "write", NULL, name);
	return 0;
}

int maildir_read_side(struct maildir *m, const char *name, struct buf *out, struct err *e)
{
	int result = fsys_read_file(m->fs, m->dir, name, out);
	return result >= 0 ? result : maildir_fail(m, e, "read", NULL, name);
}

int maildir_save_keywords(struct maildir *m, struct err *e)
{
	if (!m->keywords.changed)
		return 0;
	struct buf text = BUF_INIT(KEYWORDS_FILE_MAX);
	int result = keyword_map_format(&m->keywords, &text, e);
	if (result == 0)
		result = maildir_write_side(m, KEYWORDS_FILE, buf_slice(&text), e);
	if (result == 0)
		m->keywords.changed = false;
	buf_release(&text);
	return result;
}

int maildir_stage_keywords(struct maildir *m, struct err *e)
{
	char tmp_name[SIDE_TMP_NAME];
	struct buf text = BUF_INIT(KEYWORDS_FILE_MAX);
	side_tmp_name(tmp_name);
	int result = keyword_map_format(&m->keywords, &text, e);
	if (result == 0 && fsys_stage_file(m->fs, m->tmp, tmp_name, buf_slice(&text)) != 0)
		result = fail_with(m, e, ERR_STORE, E_IO, "write", "tmp", tmp_name);
	buf_release(&text);
	return result;
}

int maildir_place_keywords(struct maildir *m, struct err *e)
{
	char tmp_name[SIDE_TMP_NAME];
	side_tmp_name(tmp_name);
	if (m->fs->renameat(m->fs->ctx, m->tmp, tmp_name, m->dir, KEYWORDS_FILE) != 0)
		return fail_with(m, e, ERR_STORE, E_IO, "write", NULL, KEYWORDS_FILE);
	m->keywords.changed = false;
	return 0;
}

/* ---- leftovers ------------------------------------------------------------------------------- */

struct reaping {
	struct maildir *m;
	uint64_t removed;
	struct err *e;
};

static bool is_our_tmp(const char *name)
{
	size_t n = strlen(name), suffix = sizeof TMP_SUFFIX - 1;
	return n > suffix && memcmp(name + n - suffix, TMP_SUFFIX, suffix) == 0;
}

static int reap_one(void *ctx, const char *name, enum fsys_type type)
{
	struct reaping *r = ctx;
	struct maildir *m = r->m;
	if (!is_our_tmp(name))
		return 0;
	if (type == FSYS_UNKNOWN)
		type = fsys_type_at(m->fs, m->tmp, name);
	if (type != FSYS_FILE)
		return 0;
	if (m->fs->unlinkat(m->fs->ctx, m->tmp, name) == 0)
		r->removed++;
	else if (errno != ENOENT)
		return fail_with(m, r->e, ERR_STORE, E_IO, "remove", "tmp", name);
	return 0;
}

int maildir_reap(struct maildir *m, uint64_t *removed, struct err *e)
{
	struct reaping r = {m, 0, e};
	int stopped = 0;
	*removed = 0;
	if (m->tmp < 0)
		return 0;
	if (fsys_list(m->fs, m->tmp, reap_one, &r, &stopped) != 0)
		stopped = fail_with(m, e, ERR_STORE, E_IO, "list", "tmp", NULL);
	*removed = r.removed;
	return stopped;
}

void maildir_remove_tmp(struct maildir *m, const char *tmp_name)
{
	m->fs->unlinkat(m->fs->ctx, m->tmp, tmp_name);
}

/* ---- all mailboxes --------------------------------------------------------------------------- */

/* Paths still to be visited, the next one last. A stack of names and not of descriptors: the
 * depth of a tree must not use them up. */
struct walk {
	const struct fsys *fs;
	enum store_layout layout;
	char **todo;
	size_t n, cap;
	const char *at; /* path whose entries are being listed */
	bool nomem;
};

static bool walk_push(struct walk *w, char *path)
{
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 64 : 2 * w->cap;
		char **todo =
			cap > SIZE_MAX / sizeof *todo ? NULL : realloc(w->todo, cap * sizeof *todo);
		if (todo == NULL)
			return false;
		w->todo = todo;
		w->cap = cap;
	}
	w->todo[w->n++] = path;
	return true;
}

/* Could the entry be a mailbox or lead to one? */
static bool is_wanted(const struct walk *w, const char *name, enum fsys_type type)
{
	if (type != FSYS_DIR && type != FSYS_UNKNOWN)
		return false;
	if (strlen(w->at) + 1 + strlen(name) > NAME_PATH_MAX)
		return false;
	if (w->layout == STORE_MAILDIRPP)
		return w->at[0] == '\0' && name[0] == '.';
	return name[0] != '.' && strcmp(name, "cur") != 0 && strcmp(name, "new") != 0 &&
		strcmp(name, "tmp") != 0;
}

static int walk_entry(void *ctx, const char *name, enum fsys_type type)
{
	struct walk *w = ctx;
	if (!is_wanted(w, name, type))
		return 0;
	size_t a = strlen(w->at), b = strlen(name), slash = a > 0;
	char *path = malloc(a + slash + b + 1);
	if (path != NULL) {
		memcpy(path, w->at, a);
		if (slash)
			path[a] = '/';
		memcpy(path + a + slash, name, b + 1);
		if (walk_push(w, path))
			return 0;
	}
	free(path);
	w->nomem = true;
	return 1;
}

static int by_name_backwards(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

/* Visit one path: 1 it is a mailbox, 0 it is none, -1. Its sub-folders go onto the stack. */
static int walk_visit(struct walk *w, int mail, const char *path, struct err *e)
{
	struct maildir where = {.fs = w->fs, .dir = -1, .cur = -1, .tmp = -1};
	buf_init(&where.path, NAME_PATH_MAX);
	buf_add_str(&where.path, path);
	int result = 0, stopped = 0;
	int dir = fsys_open_dir(w->fs, mail, path[0] != '\0' ? path : ".");
	if (dir < 0) {
		/* Not a directory after all, or gone since it was listed. */
		if (errno != ELOOP && errno != ENOTDIR && errno != ENOENT && errno != EXDEV)
			result = maildir_fail(&where, e, "open", NULL, NULL);
	} else {
		size_t before = w->n;
		enum fsys_type type;
		w->at = path;
		if (fsys_list(w->fs, dir, walk_entry, w, &stopped) != 0)
			result = maildir_fail(&where, e, "list", NULL, NULL);
		else if (w->nomem)
			result = err_nomem(e, "walking over the mailboxes");
		else if ((type = fsys_type_at(w->fs, dir, "cur")) == FSYS_UNKNOWN &&
			errno != ENOENT)
			result = maildir_fail(&where, e, "look at", "cur", NULL);
		else
			result = type == FSYS_DIR;
		if (w->n > before)
			qsort(w->todo + before, w->n - before, sizeof *w->todo, by_name_backwards);
	}
	fsys_close_quiet(w->fs, dir);
	buf_release(&where.path);
	return result;
}

int maildir_walk(const struct fsys *fs, int mail, enum store_layout layout,
	int (*each)(void *ctx, struct slice path), void *ctx, struct err *e)
{
	struct walk w = {.fs = fs, .layout = layout, .at = ""};
	int result = walk_visit(&w, mail, "", e);
	/* mail/ itself is a mailbox only under Maildir++. */
	if (result > 0)
		result = layout == STORE_MAILDIRPP ? each(ctx, slice_str("")) : 0;
	while (result == 0 && w.n > 0) {
		char *path = w.todo[--w.n];
		result = walk_visit(&w, mail, path, e);
		if (result > 0)
			result = each(ctx, slice_str(path));
		free(path);
	}
	while (w.n > 0)
		free(w.todo[--w.n]);
	free(w.todo);
	return result;
}

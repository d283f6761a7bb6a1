/* SPDX-License-Identifier: MIT */
/*
 * store.c -- opening and closing an archive: folder, lock, README, index, tree, recovery.
 *
 * Order at creation: folder, lock, README, index, and mail/ last. So where there is mail/ but no index,
 * the index was lost and is made anew from the tree.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "store/store_internal.h"

#define LOCK_FILE  "lock"
#define MAIL_DIR   "mail"
#define README	   "README"
#define README_TMP "README.imapsync-tmp"

#define META_LAYOUT  "layout"
#define META_ACCOUNT "account"
#define META_CREATED "created"
#define META_MAX     4096

const char *store_show_path(const struct store *s, char out[STORE_PATH_SHOWN])
{
	return text_show(out, STORE_PATH_SHOWN, slice_str(s->path));
}

/* ---- the folder ------------------------------------------------------------------------------- */

static int root_failed(const struct store *s, struct err *e, const char *doing)
{
	int errnum = errno;
	char path[STORE_PATH_SHOWN];
	return err_sys(e, ERR_STORE, E_IO, errnum, "cannot %s %s", doing, store_show_path(s, path));
}

/* 0700 and ours. *made: it was not there before. */
static int make_root(struct store *s, bool *made, struct err *e)
{
	*made = s->fs->mkdirat(s->fs->ctx, AT_FDCWD, s->path, 0700) == 0;
	return *made || errno == EEXIST ? 0 : root_failed(s, e, "make the folder");
}

static int open_root(struct store *s, struct err *e)
{
	char path[STORE_PATH_SHOWN];
	s->root = fsys_open_root(s->fs, s->path);
	if (s->root >= 0)
		return 0;
	if (errno == ELOOP || errno == ENOTDIR)
		return err_set(e, ERR_USAGE, E_CONFIG, "%s is not a folder, or a symbolic link",
			store_show_path(s, path));
	return root_failed(s, e, "open");
}

static int check_root_mode(struct store *s, bool made, struct err *e)
{
	struct stat st;
	char path[STORE_PATH_SHOWN];
	if (s->fs->fstat(s->fs->ctx, s->root, &st) != 0)
		return root_failed(s, e, "look at");
	if ((st.st_mode & 077) == 0 && !made)
		return 0;
	if (st.st_uid != geteuid())
		return err_set(e, ERR_USAGE, E_CONFIG,
			"%s belongs to another user and is open to others",
			store_show_path(s, path));
	if ((st.st_mode & 07777) != 0700 && s->fs->fchmod(s->fs->ctx, s->root, 0700) != 0)
		return root_failed(s, e, "set the permissions of");
	return 0;
}

/* Flush the entry of the archive in its parent, if that may be opened at all. */
static int flush_parent(struct store *s, struct err *e)
{
	int fd = s->fs->openat(s->fs->ctx, s->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? 0
							 : root_failed(s, e, "open the parent of");
	int result = s->fs->fsync(s->fs->ctx, fd);
	if (result != 0)
		root_failed(s, e, "flush the parent of");
	fsys_close_quiet(s->fs, fd);
	return result;
}

static int flush_root(struct store *s, struct err *e)
{
	return s->fs->fsync(s->fs->ctx, s->root) == 0 ? 0 : root_failed(s, e, "flush");
}

/* ---- the lock --------------------------------------------------------------------------------- */

static int locked(const struct store *s, struct err *e)
{
	char path[STORE_PATH_SHOWN];
	return err_set(e, ERR_STORE, E_LOCKED, "another run is using the archive %s",
		store_show_path(s, path));
}

static int take_lock(struct store *s, struct err *e)
{
	bool write = s->mode == STORE_WRITE;
	s->lock = write ? fsys_open_or_create(s->fs, s->root, LOCK_FILE)
			: fsys_open_file(s->fs, s->root, LOCK_FILE, NULL);
	if (s->lock < 0)
		return root_failed(s, e, "open the lock of the archive");
	if (s->fs->flock(s->fs->ctx, s->lock, (write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? locked(s, e) : root_failed(s, e, "lock the archive");
	/* Somebody may have replaced the file between open and flock: then others lock another file. */
	struct stat ours, named;
	if (s->fs->fstat(s->fs->ctx, s->lock, &ours) != 0)
		return root_failed(s, e, "look at the lock of the archive");
	if (s->fs->fstatat(s->fs->ctx, s->root, LOCK_FILE, &named) != 0)
		return errno == ENOENT ? locked(s, e)
				       : root_failed(s, e, "look at the lock of the archive");
	return ours.st_dev == named.st_dev && ours.st_ino == named.st_ino ? 0 : locked(s, e);
}

/* ---- README and facts ------------------------------------------------------------------------- */

static int write_readme(struct store *s, const char *account, struct err *e)
{
	struct buf text = BUF_INIT(META_MAX);
	char who[256];
	buf_addf(&text,
		"This folder is a copy of the mail of %s, made by imapsync.\n"
		"Every file below mail/*/cur is one message as plain text, so any mail program that reads"
		" Maildir, or a text editor, can show it without imapsync.\n"
		"To give the mail back to a server, run \"imapsync restore\", or copy the files into the"
		" Maildir of another mail program.\n",
		account != NULL ? text_show(who, sizeof who, slice_str(account)) : "one account");
	int result = buf_check(&text, "the text of README", e);
	if (result != 0)
		err_widen(e, ERR_STORE);
	else if (fsys_replace_file(s->fs, s->root, README, s->root, README_TMP, buf_slice(&text)) !=
		0)
		result = root_failed(s, e, "write README in");
	buf_release(&text);
	return result;
}

static const char *layout_name(enum store_layout layout)
{
	return layout == STORE_MAILDIRPP ? "maildir++" : "nested";
}

static int write_facts(struct store *s, const char *account, struct err *e)
{
	struct buf now = BUF_INIT(32);
	buf_addf(&now, "%lld", (long long)clock_wall());
	int result = buf_check(&now, "a date", e);
	if (result == 0)
		result = index_meta_set(s->x, META_CREATED, buf_slice(&now), e);
	if (result == 0)
		result = index_meta_set(s->x, META_LAYOUT, slice_str(layout_name(s->layout)), e);
	if (result == 0 && account != NULL)
		result = index_meta_set(s->x, META_ACCOUNT, slice_str(account), e);
	buf_release(&now);
	return result;
}

static int check_layout(struct store *s, const struct store_options *o, struct err *e)
{
	struct buf value = BUF_INIT(META_MAX);
	char path[STORE_PATH_SHOWN];
	int result = index_meta_get(s->x, META_LAYOUT, &value, e);
	if (result >= 0) {
		if (slice_eq_str(buf_slice(&value), layout_name(STORE_NESTED)))
			s->layout = STORE_NESTED;
		else if (slice_eq_str(buf_slice(&value), layout_name(STORE_MAILDIRPP)))
			s->layout = STORE_MAILDIRPP;
		else
			result = err_set(e, ERR_STORE, E_CORRUPT,
				"the index of %s has an unknown layout", store_show_path(s, path));
	}
	if (result >= 0 && s->mode == STORE_WRITE && s->layout != o->layout)
		result = err_set(e, ERR_USAGE, E_CONFIG,
			"the archive %s has the layout %s, the configuration says %s",
			store_show_path(s, path), layout_name(s->layout), layout_name(o->layout));
	buf_release(&value);
	return result < 0 ? -1 : 0;
}

static int check_account(struct store *s, const char *account, struct err *e)
{
	struct buf value = BUF_INIT(META_MAX);
	char path[STORE_PATH_SHOWN], theirs[160];
	int result = account == NULL ? 0 : index_meta_get(s->x, META_ACCOUNT, &value, e);
	if (result > 0 && !slice_eq_str(buf_slice(&value), account))
		result = err_set(e, ERR_USAGE, E_CONFIG,
			"the archive %s belongs to %s; give this account a path of its own",
			store_show_path(s, path),
			text_show(theirs, sizeof theirs, buf_slice(&value)));
	else if (result == 0 && account != NULL && s->mode == STORE_WRITE)
		result = index_meta_set(s->x, META_ACCOUNT, slice_str(account), e);
	buf_release(&value);
	return result < 0 ? -1 : 0;
}

/* ---- index and tree --------------------------------------------------------------------------- */

/* The index is there and says whose it is; a lost one gets a run for the rows that recovery will make. */
static int open_index(struct store *s, const struct store_options *o, struct err *e)
{
	bool fresh;
	bool had_mail = fsys_type_at(s->fs, s->root, MAIL_DIR) == FSYS_DIR;
	if (index_open(&s->x, s->fs, s->root, s->path, s->mode == STORE_WRITE, &fresh, e) != 0)
		return -1;
	if (fresh) {
		int64_t run;
		if (flush_parent(s, e) != 0 || write_facts(s, o->account, e) != 0)
			return -1;
		s->recovery.rebuilt = had_mail;
		if (had_mail &&
			index_run_insert(s->x, INDEX_RUN_REBUILD, clock_wall(), &run, e) != 0)
			return -1;
	} else if (check_layout(s, o, e) != 0 || check_account(s, o->account, e) != 0) {
		return -1;
	}
	/* The entries of lock, README and index in the folder, before anything depends on them. */
	if (fresh && flush_root(s, e) != 0)
		return -1;
	return index_commit(s->x, e);
}

static int has_mailboxes(struct store *s, struct err *e)
{
	struct store_mailbox_list list;
	if (index_mailboxes(s->x, &list, e) != 0)
		return -1;
	bool any = list.n > 0;
	store_mailbox_list_release(&list);
	return any;
}

static int open_mail(struct store *s, struct err *e)
{
	char path[STORE_PATH_SHOWN];
	s->mail = fsys_open_dir(s->fs, s->root, MAIL_DIR);
	if (s->mail < 0 && errno == ENOENT) {
		/* Killed while the archive was made; or somebody took the tree away, perhaps by not
		 * mounting it. Then a new one would only hide that. */
		int any = has_mailboxes(s, e);
		if (any != 0 || s->mode != STORE_WRITE)
			return any < 0
				? -1
				: err_set(e, ERR_STORE, E_CORRUPT, "%s/" MAIL_DIR " is missing",
					  store_show_path(s, path));
		if (fsys_mkdir(s->fs, s->root, MAIL_DIR) != 0)
			return root_failed(s, e, "make " MAIL_DIR "/ in");
		if (flush_root(s, e) != 0)
			return -1;
		s->mail = fsys_open_dir(s->fs, s->root, MAIL_DIR);
	}
	if (s->mail >= 0)
		return 0;
	if (errno == ELOOP || errno == ENOTDIR)
		return err_set(e, ERR_STORE, E_CORRUPT, "%s/" MAIL_DIR " is not a folder",
			store_show_path(s, path));
	return root_failed(s, e, "open " MAIL_DIR "/ in");
}

/* Linux before 5.8 does not tell syncfs() that writing a file failed; elsewhere there is no such call. */
static enum syncfs_state look_for_syncfs(void)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	if (uname(&u) != 0 || strcmp(u.sysname, "Linux") != 0 ||
		sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return SYNCFS_UNUSABLE;
	return major > 5 || (major == 5 && minor >= 8) ? SYNCFS_UNTRIED : SYNCFS_UNUSABLE;
}

static int recover(struct store *s, struct err *e)
{
	int64_t run;
	if (index_run_unsettled(s->x, &run, e) != 0)
		return -1;
	s->recovery.unclean = run != 0;
	if (run == 0 || s->mode != STORE_WRITE)
		return 0;
	/* Folders of that run may never have been flushed; from here on they count as durable. */
	if (group_try_syncfs(s, e) != 0 || index_check(s->x, e) != 0)
		return -1;
	return store_recover(s, run, e);
}

static int open_all(struct store *s, const struct store_options *o, struct err *e)
{
	bool made = false;
	if (s->mode == STORE_WRITE && make_root(s, &made, e) != 0)
		return -1;
	if (open_root(s, e) != 0)
		return -1;
	if (s->mode == STORE_WRITE && check_root_mode(s, made, e) != 0)
		return -1;
	if (take_lock(s, e) != 0)
		return -1;
	if (s->mode == STORE_WRITE && o->rebuild && index_set_aside_if_damaged(s, e) != 0)
		return -1;
	if (s->mode == STORE_WRITE && fsys_type_at(s->fs, s->root, INDEX_FILE) == FSYS_UNKNOWN &&
		write_readme(s, o->account, e) != 0)
		return -1;
	if (open_index(s, o, e) != 0 || open_mail(s, e) != 0)
		return -1;
	return recover(s, e);
}

/* A name with a slash at its end would be followed if it were a symbolic link. */
static char *copy_path(const char *path)
{
	char *copy = strdup(path);
	if (copy == NULL)
		return NULL;
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	return copy;
}

int store_open(struct store **out, const char *path, const struct store_options *o, struct err *e)
{
	*out = NULL;
	struct store *s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_nomem(e, "opening the archive");
	s->fs = o->fsys != NULL ? o->fsys : fsys_real();
	s->path = copy_path(path);
	s->mode = o->mode;
	s->layout = o->layout;
	s->newline = o->newline;
	s->root = s->lock = s->mail = -1;
	s->syncfs = look_for_syncfs();
	s->lazy = *s->fs;
	s->lazy.owed = &s->owed;
	int result = s->path == NULL ? err_nomem(e, "opening the archive") : open_all(s, o, e);
	if (result != 0) {
		err_widen(e, ERR_STORE);
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->x != NULL)
		group_undo(s);
	folders_close(s);
	writer_free(s->writer);
	sha256_free(s->hash);
	index_close(s->x);
	flagsets_release(s);
	unchanged_release(s);
	free(s->group.at);
	free(s->group.renaming);
	/* The lock last: whoever waits for it must find all closed. */
	fsys_close_quiet(s->fs, s->mail);
	fsys_close_quiet(s->fs, s->root);
	fsys_close_quiet(s->fs, s->lock);
	free(s->path);
	free(s);
}

const struct store_recovery *store_recovered(const struct store *s)
{
	return &s->recovery;
}

enum store_layout store_layout_of(const struct store *s)
{
	return s->layout;
}

/* ---- may this call write? --------------------------------------------------------------------- */

int store_has_run(struct store *s, struct err *e)
{
	if (s->mode != STORE_WRITE)
		return err_set(e, ERR_STORE, E_STATE, "the archive is open for reading only");
	if (s->dead)
		return err_set(e, ERR_STORE, E_STATE, "writing the archive has failed before");
	if (s->run == 0)
		return err_set(e, ERR_STORE, E_STATE, "no run of the archive is open");
	return 0;
}

int store_writable(struct store *s, struct err *e)
{
	return store_has_run(s, e) == 0 ? run_start(s, e) : -1;
}

int store_outcome(struct store *s, int result, struct err *e)
{
	if (result < 0 && e->scope > ERR_MAILBOX) {
		s->dead = true;
		err_widen(e, ERR_STORE);
	}
	return result;
}

/* ---- hashes ----------------------------------------------------------------------------------- */

struct sha256 *hash_take(struct store *s, struct err *e)
{
	struct sha256 *hash = s->hash;
	s->hash = NULL;
	return hash != NULL ? hash : sha256_new(e);
}

void hash_put_back(struct store *s, struct sha256 *hash)
{
	if (s->hash == NULL)
		s->hash = hash;
	else
		sha256_free(hash);
}

/* SPDX-License-Identifier: MIT */
/*
 * index.c -- the connection to index.db: opening with care, groups, facts about the archive.
 */
#include "store/index.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "store/index_query.h"

/* How long a reader waits for another program (such as the sqlite3 shell) that has the index open. */
#define BUSY_MS 5000

/* ---- opening ---------------------------------------------------------------------------------- */

/* Is there an index, and is it an ordinary file? Made when writing. SQLite would make it too, but with
 * the user's umask, and would open whatever else has that name. */
static int prepare_file(struct index *x, const struct fsys *fs, int root, struct err *e)
{
	char path[TEXT_SHOW_SIZE / 2];
	text_show(path, sizeof path, slice_str(x->path));
	int fd = x->write ? fsys_open_or_create(fs, root, INDEX_FILE)
			  : fsys_open_file(fs, root, INDEX_FILE, NULL);
	if (fd < 0) {
		bool strange = errno == ELOOP || errno == EINVAL || errno == EISDIR ||
			errno == ENXIO || errno == EXDEV || errno == ENOTDIR;
		return err_sys(e, ERR_STORE, strange ? E_CORRUPT : E_IO, errno,
			"cannot open the index %s/" INDEX_FILE, path);
	}
	if (fs->close(fs->ctx, fd) != 0)
		return err_sys(
			e, ERR_STORE, E_IO, errno, "cannot close the index %s/" INDEX_FILE, path);
	return 0;
}

/* The name SQLite gets has no symbolic link in it, so that it can be told to follow none; and it must lead
 * to the same file as the descriptor of the archive does. */
static char *real_name(struct index *x, const struct fsys *fs, int root, struct err *e)
{
	char path[TEXT_SHOW_SIZE / 2];
	text_show(path, sizeof path, slice_str(x->path));
	char *dir = realpath(x->path, NULL);
	if (dir == NULL) {
		err_sys(e, ERR_STORE, E_IO, errno, "cannot resolve %s", path);
		return NULL;
	}
	size_t n = strlen(dir) + sizeof "/" INDEX_FILE;
	char *name = malloc(n);
	if (name != NULL)
		snprintf(name, n, "%s/" INDEX_FILE, dir);
	free(dir);
	if (name == NULL) {
		err_nomem(e, "opening the index");
		return NULL;
	}
	struct stat here, there;
	if (fs->fstatat(fs->ctx, root, INDEX_FILE, &here) != 0 ||
		fs->fstatat(fs->ctx, AT_FDCWD, name, &there) != 0) {
		err_sys(e, ERR_STORE, E_IO, errno, "cannot look at the index %s/" INDEX_FILE, path);
	} else if (here.st_dev != there.st_dev || here.st_ino != there.st_ino) {
		err_set(e, ERR_STORE, E_IO, "%s was moved while it was being opened", path);
	} else {
		return name;
	}
	free(name);
	return NULL;
}

/*
 * trusted_schema, defensive, cell_size_check: the file may have been written by somebody else.
 * locking_mode EXCLUSIVE: nobody else may come in between, and the journal needs no re-reading.
 * temp_store MEMORY: nothing of the archive is written outside of it.
 * cache_size, KB: what a second reading of a page saves is less than what it costs to hold it, for the system has it too. But
 * a page that was changed has to stay until the commit, or the journal is flushed once more for it: cache_spill, in pages,
 * leaves room for all that a group of 1,000 messages changes in the indexes, where each of them is somewhere else.
 */
static const char writer_setup[] = "PRAGMA trusted_schema = OFF;"
				   "PRAGMA cell_size_check = ON;"
				   "PRAGMA temp_store = MEMORY;"
				   "PRAGMA cache_size = -4096;"
				   "PRAGMA cache_spill = 4096;"
				   "PRAGMA locking_mode = EXCLUSIVE;"
				   "PRAGMA journal_mode = TRUNCATE;"
				   "PRAGMA synchronous = FULL;"
				   "PRAGMA foreign_keys = ON;";

static const char reader_setup[] = "PRAGMA trusted_schema = OFF;"
				   "PRAGMA cell_size_check = ON;"
				   "PRAGMA temp_store = MEMORY;"
				   "PRAGMA cache_size = -8192;"
				   "PRAGMA query_only = ON;";

/* A reader too opens for writing: only so can it undo what a killed writer left in the journal. */
static int connect_to(struct index *x, const char *name, struct err *e)
{
	int rc = sqlite3_open_v2(name, &x->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (rc != SQLITE_OK)
		return index_fail(x, rc, e);
	sqlite3_db_config(x->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (!x->write)
		sqlite3_busy_timeout(x->db, BUSY_MS);
	return index_exec(x, x->write ? writer_setup : reader_setup, e);
}

static int open_it(struct index *x, const struct fsys *fs, int root, bool *fresh, struct err *e)
{
	if (prepare_file(x, fs, root, e) != 0)
		return -1;
	char *name = real_name(x, fs, root, e);
	if (name == NULL)
		return -1;
	int result = connect_to(x, name, e);
	free(name);
	if (result != 0 || index_migrate(x, fresh, e) != 0)
		return -1;
	/* A reader stays in one transaction: each question would lock and look for a journal anew, at a cost of
	 * some 15 system calls, and nobody writes under the archive's shared lock. */
	return x->write ? 0 : index_exec(x, "BEGIN", e);
}

int index_open(struct index **out, const struct fsys *fs, int root, const char *path, bool write,
	bool *fresh, struct err *e)
{
	*out = NULL;
	*fresh = false;
	struct index *x = calloc(1, sizeof *x);
	if (x != NULL)
		x->path = strdup(path);
	if (x == NULL || x->path == NULL) {
		free(x);
		return err_nomem(e, "opening the index");
	}
	x->write = write;
	if (open_it(x, fs, root, fresh, e) != 0) {
		err_widen(e, ERR_STORE);
		index_close(x);
		return -1;
	}
	*out = x;
	return 0;
}

void index_close(struct index *x)
{
	if (x == NULL)
		return;
	index_rollback(x);
	for (size_t i = 0; i < x->cached; i++)
		sqlite3_finalize(x->cache[i].st);
	sqlite3_close(x->db);
	free(x->path);
	free(x);
}

int index_check(struct index *x, struct err *e)
{
	struct query q;
	if (query_start(&q, x, "PRAGMA quick_check(1)", e) != 0)
		return -1;
	int result = query_next(&q, e);
	if (result > 0) {
		struct slice said = query_col_bytes(&q, 0);
		char shown[TEXT_SHOW_SIZE / 4], what[TEXT_SHOW_SIZE / 2];
		snprintf(what, sizeof what, "is damaged: %s", text_show(shown, sizeof shown, said));
		result = slice_eq_str(said, "ok") ? 0 : index_corrupt(x, e, what);
	} else if (result == 0) {
		result = index_corrupt(x, e, "is damaged: its check says nothing");
	}
	query_end(&q);
	return result;
}

/* ---- groups ----------------------------------------------------------------------------------- */

int index_begin(struct index *x, struct err *e)
{
	if (x->in_group)
		return 0;
	if (index_exec(x, "BEGIN IMMEDIATE", e) != 0)
		return -1;
	x->in_group = true;
	return 0;
}

int index_commit(struct index *x, struct err *e)
{
	if (!x->in_group)
		return 0;
	if (index_exec(x, "COMMIT", e) != 0)
		return -1;
	x->in_group = false;
	return 0;
}

/* Many failures have rolled back by themselves; then SQLite is in autocommit mode again. When even the
 * rollback fails, the journal stays, and whoever opens the index next plays it back. */
void index_rollback(struct index *x)
{
	for (size_t i = 0; i < x->cached; i++)
		sqlite3_reset(x->cache[i].st);
	if (x->in_group && !sqlite3_get_autocommit(x->db))
		sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
	x->in_group = false;
}

/* ---- facts about the archive ------------------------------------------------------------------ */

int index_meta_get(struct index *x, const char *key, struct buf *out, struct err *e)
{
	static const char sql[] = "SELECT value FROM meta WHERE key = ?";
	struct query q;
	buf_clear(out);
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, slice_str(key));
	int result = query_next(&q, e);
	if (result > 0) {
		buf_add_slice(out, query_col_bytes(&q, 0));
		if (buf_check(out, "a fact of the index", e) != 0)
			result = err_widen(e, ERR_STORE);
	}
	query_end(&q);
	return result;
}

int index_meta_set(struct index *x, const char *key, struct slice value, struct err *e)
{
	static const char sql[] = "INSERT INTO meta (key, value) VALUES (?, ?)"
				  " ON CONFLICT (key) DO UPDATE SET value = excluded.value";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, slice_str(key));
	query_text(&q, value);
	return query_run(&q, e);
}

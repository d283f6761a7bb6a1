/* SPDX-License-Identifier: MIT */
/*
 * index_query.c -- prepared statements, kept for the life of the connection, and SQLite's errors in our words.
 */
#include "store/index_query.h"

#include <errno.h>
#include <sqlite3.h>

#include "core/base/text.h"

/* ---- errors ----------------------------------------------------------------------------------- */

static enum err_code code_of(int rc, int sys)
{
	switch (rc & 0xff) {
	case SQLITE_FULL: return E_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT:
	case SQLITE_SCHEMA:
	case SQLITE_MISMATCH: return E_CORRUPT;
	case SQLITE_NOMEM: return E_NOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return E_LOCKED;
	case SQLITE_TOOBIG: return E_LIMIT;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return sys == ENOSPC || sys == EDQUOT ? E_FULL : E_IO;
	default: return E_IO;
	}
}

int index_fail(struct index *x, int rc, struct err *e)
{
	int sys = 0;
	if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN)
		sys = x->db != NULL ? sqlite3_system_errno(x->db) : 0;
	/* sqlite3_errmsg() speaks of the last call, which need not be the one that failed. */
	const char *why = x->db != NULL && sqlite3_extended_errcode(x->db) == rc
		? sqlite3_errmsg(x->db)
		: sqlite3_errstr(rc);
	char path[TEXT_SHOW_SIZE / 2], said[TEXT_SHOW_SIZE / 4];
	err_set(e, ERR_STORE, code_of(rc, sys), "the index %s/" INDEX_FILE ": %s",
		text_show(path, sizeof path, slice_str(x->path)),
		text_show(said, sizeof said, slice_str(why)));
	e->sys = sys;
	return -1;
}

int index_corrupt(struct index *x, struct err *e, const char *what)
{
	char path[TEXT_SHOW_SIZE / 2];
	return err_set(e, ERR_STORE, E_CORRUPT, "the index %s/" INDEX_FILE " %s",
		text_show(path, sizeof path, slice_str(x->path)), what);
}

/* ---- statements ------------------------------------------------------------------------------- */

/* A callback may ask the very question that is being answered (a message while walking over messages), so a
 * statement that is in use is left alone and prepared once more. */
int query_start(struct query *q, struct index *x, const char *sql, struct err *e)
{
	*q = (struct query){x, NULL, 0, SQLITE_OK, false};
	for (size_t i = 0; i < x->cached; i++)
		if (x->cache[i].sql == sql) {
			if (!sqlite3_stmt_busy(x->cache[i].st)) {
				q->st = x->cache[i].st;
				return 0;
			}
			q->extra = true;
		}
	if (!q->extra && x->cached == INDEX_STATEMENTS_MAX)
		return err_set(e, ERR_STORE, E_LIMIT, "more than %d different SQL statements",
			INDEX_STATEMENTS_MAX);
	unsigned flags = q->extra ? 0 : SQLITE_PREPARE_PERSISTENT;
	int rc = sqlite3_prepare_v3(x->db, sql, -1, flags, &q->st, NULL);
	if (rc != SQLITE_OK)
		return index_fail(x, rc, e);
	if (!q->extra) {
		x->cache[x->cached].sql = sql;
		x->cache[x->cached++].st = q->st;
	}
	return 0;
}

static void bound(struct query *q, int rc)
{
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

void query_int(struct query *q, int64_t v)
{
	bound(q, sqlite3_bind_int64(q->st, ++q->at, v));
}

void query_u64(struct query *q, uint64_t v)
{
	query_int(q, v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

/* SQLite takes a NULL pointer for NULL, also when the length is 0. */
static const char *not_null(struct slice v)
{
	return v.p != NULL ? (const char *)v.p : "";
}

void query_text(struct query *q, struct slice v)
{
	bound(q, sqlite3_bind_text64(q->st, ++q->at, not_null(v), v.n, SQLITE_STATIC, SQLITE_UTF8));
}

void query_text_or_null(struct query *q, struct slice v)
{
	if (v.n == 0)
		query_null(q);
	else
		query_text(q, v);
}

void query_blob(struct query *q, struct slice v)
{
	bound(q, sqlite3_bind_blob64(q->st, ++q->at, not_null(v), v.n, SQLITE_STATIC));
}

void query_null(struct query *q)
{
	bound(q, sqlite3_bind_null(q->st, ++q->at));
}

int query_next(struct query *q, struct err *e)
{
	if (q->rc != SQLITE_OK)
		return index_fail(q->x, q->rc, e);
	int rc = sqlite3_step(q->st);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : index_fail(q->x, rc, e);
}

int query_run(struct query *q, struct err *e)
{
	int result;
	while ((result = query_next(q, e)) > 0)
		;
	query_end(q);
	return result;
}

void query_end(struct query *q)
{
	if (q->st == NULL)
		return;
	if (q->extra) {
		sqlite3_finalize(q->st);
	} else {
		sqlite3_reset(q->st);
		sqlite3_clear_bindings(q->st);
	}
	q->st = NULL;
}

/* ---- columns ---------------------------------------------------------------------------------- */

int64_t query_col_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

bool query_col_u32(struct query *q, int column, uint32_t *v)
{
	int64_t n = query_col_int(q, column);
	if (n < 0 || n > UINT32_MAX)
		return false;
	*v = (uint32_t)n;
	return true;
}

uint64_t query_col_u64(struct query *q, int column)
{
	int64_t n = query_col_int(q, column);
	return n < 0 ? 0 : (uint64_t)n;
}

bool query_col_null(struct query *q, int column)
{
	return sqlite3_column_type(q->st, column) == SQLITE_NULL;
}

struct slice query_col_bytes(struct query *q, int column)
{
	const void *p = sqlite3_column_blob(q->st, column);
	int n = sqlite3_column_bytes(q->st, column);
	return p != NULL && n > 0 ? slice_of(p, (size_t)n) : SLICE_NONE;
}

int64_t query_changes(struct index *x)
{
	return sqlite3_changes64(x->db);
}

int64_t query_inserted(struct index *x)
{
	return sqlite3_last_insert_rowid(x->db);
}

int index_exec(struct index *x, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(x->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : index_fail(x, rc, e);
}

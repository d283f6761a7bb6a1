/* SPDX-License-Identifier: MIT */
/*
 * index_query.h -- one SQL statement at a time: bind in order, step, look at columns. Only index*.c
 * include this; SQLite itself is seen by index.c and index_query.c alone.
 *
 *     struct query q;
 *     query_start(&q, x, "SELECT ... WHERE id = ?", e)     the text must be a constant: its address is
 *     query_int(&q, id);                                   the key of the statement cache
 *     while ((more = query_next(&q, e)) > 0) ... query_col_int(&q, 0) ...
 *     query_end(&q);
 *
 * Bound text is borrowed until query_end(). A failing bind is reported by the next query_next() or
 * query_run(). A statement that is started again before its query_end() is prepared once more.
 */
#ifndef STORE_INDEX_QUERY_H
#define STORE_INDEX_QUERY_H

#include "store/index.h"

struct sqlite3;
struct sqlite3_stmt;

#define INDEX_STATEMENTS_MAX 64 /* different statements; a programming limit, not one of data */

struct index {
	struct sqlite3 *db;
	char *path; /* of the archive, for texts */
	bool write;
	bool in_group; /* a transaction is open */
	struct {
		const char *sql;
		struct sqlite3_stmt *st;
	} cache[INDEX_STATEMENTS_MAX];
	size_t cached;
};

struct query {
	struct index *x;
	struct sqlite3_stmt *st;
	int at;	    /* parameters bound so far */
	int rc;	    /* the first failing bind */
	bool extra; /* not in the cache */
};

int query_start(struct query *q, struct index *x, const char *sql, struct err *e) NODISCARD;
void query_int(struct query *q, int64_t v);
void query_u64(struct query *q, uint64_t v); /* over INT64_MAX: INT64_MAX */
void query_text(struct query *q, struct slice v);
void query_text_or_null(struct query *q, struct slice v); /* NULL when empty */
void query_blob(struct query *q, struct slice v);
void query_null(struct query *q);
int query_next(struct query *q, struct err *e) NODISCARD; /* 1 a row, 0 no more, -1 */
/* For statements without rows: step to the end, then query_end(). */
int query_run(struct query *q, struct err *e) NODISCARD;
void query_end(struct query *q);

/* Columns of the current row, from 0. Bytes are borrowed until the next step. */
int64_t query_col_int(struct query *q, int column); /* NULL gives 0 */
/* A number that must be in 0..max: an index whose numbers are not is damaged. */
bool query_col_u32(struct query *q, int column, uint32_t *v);
uint64_t query_col_u64(struct query *q, int column); /* negative gives 0 */
bool query_col_null(struct query *q, int column);
struct slice query_col_bytes(struct query *q, int column);

/* Rows changed by the last statement, and the id of the last row inserted. */
int64_t query_changes(struct index *x);
int64_t query_inserted(struct index *x);

/* Fill *e in (ERR_STORE) from a result code of SQLite, or from what SQLite last said. Returns -1. */
int index_fail(struct index *x, int rc, struct err *e);
/* The index says something it cannot say. Returns -1 (E_CORRUPT). */
int index_corrupt(struct index *x, struct err *e, const char *what);
/* Statements without parameters and rows. */
int index_exec(struct index *x, const char *sql, struct err *e) NODISCARD;

/* index_schema.c: refuse what is not ours, bring the schema up to date. *fresh: it was empty. */
int index_migrate(struct index *x, bool *fresh, struct err *e) NODISCARD;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * index_run.c -- the rows of runs: begin, end, and which of them left something to mend.
 */
#include "store/index_query.h"

int index_run_insert(struct index *x, const char *kind, int64_t started, int64_t *id, struct err *e)
{
	static const char sql[] = "INSERT INTO run (kind, started) VALUES (?, ?)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, slice_str(kind));
	query_int(&q, started);
	if (query_run(&q, e) != 0)
		return -1;
	*id = query_inserted(x);
	return 0;
}

int index_run_finish(struct index *x, const struct store_run *r, bool settled, struct err *e)
{
	static const char sql[] =
		"UPDATE run SET ended = ?, result = ?, settled = ?, mailboxes = ?, messages_new = ?,"
		" bytes_new = ?, messages_gone = ?, flags_changed = ?, failed = ?, text = ?"
		" WHERE id = ?";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, r->ended);
	query_int(&q, (int64_t)r->result);
	query_int(&q, settled);
	query_u64(&q, r->mailboxes);
	query_u64(&q, r->messages_new);
	query_u64(&q, r->bytes_new);
	query_u64(&q, r->messages_gone);
	query_u64(&q, r->flags_changed);
	query_u64(&q, r->failed);
	query_text(&q, slice_str(r->text));
	query_int(&q, r->id);
	return query_run(&q, e);
}

static int read_run(struct query *q, struct store_run *r, struct buf *text, struct err *e)
{
	int64_t result = query_col_int(q, 3);
	if (result < STORE_RUN_RUNNING || result > STORE_RUN_INTERRUPTED)
		return index_corrupt(q->x, e, "has a run with an unknown result");
	r->id = query_col_int(q, 0);
	r->started = query_col_int(q, 1);
	r->ended = query_col_int(q, 2);
	r->result = (enum store_result)result;
	r->mailboxes = query_col_u64(q, 4);
	r->messages_new = query_col_u64(q, 5);
	r->bytes_new = query_col_u64(q, 6);
	r->messages_gone = query_col_u64(q, 7);
	r->flags_changed = query_col_u64(q, 8);
	r->failed = query_col_u64(q, 9);
	buf_add_slice(text, query_col_bytes(q, 10));
	if (buf_check(text, "the text of a run", e) != 0)
		return err_widen(e, ERR_STORE);
	r->text = buf_str(text);
	return 0;
}

int index_run_newest(struct index *x, int64_t *id, int64_t *started, struct err *e)
{
	static const char sql[] = "SELECT id, started FROM run ORDER BY id DESC LIMIT 1";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	int result = query_next(&q, e);
	if (result > 0) {
		*id = query_col_int(&q, 0);
		*started = query_col_int(&q, 1);
	}
	query_end(&q);
	return result;
}

int index_run_last(struct index *x, enum store_result result, struct store_run *r, struct buf *text,
	struct err *e)
{
	/* The results are numbered from good to bad, but RUNNING = 0, which as a wish means "any". */
	static const char sql[] =
		"SELECT id, started, ended, result, mailboxes, messages_new, bytes_new,"
		" messages_gone, flags_changed, failed, text FROM run"
		" WHERE kind = '" INDEX_RUN_BACKUP "' AND (?1 = 0 OR result BETWEEN 1 AND ?1)"
		" ORDER BY id DESC LIMIT 1";
	struct query q;
	buf_clear(text);
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, (int64_t)result);
	int found = query_next(&q, e);
	if (found > 0 && read_run(&q, r, text, e) != 0)
		found = -1;
	query_end(&q);
	return found;
}

int index_run_unsettled(struct index *x, int64_t *id, struct err *e)
{
	static const char sql[] = "SELECT max(id) FROM run WHERE settled = 0";
	struct query q;
	*id = 0;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	int result = query_next(&q, e);
	if (result > 0)
		*id = query_col_int(&q, 0);
	query_end(&q);
	return result < 0 ? -1 : 0;
}

int index_runs_settle(struct index *x, int64_t now, struct err *e)
{
	static const char sql[] = "UPDATE run SET settled = 1,"
				  " ended = CASE result WHEN 0 THEN ? ELSE ended END,"
				  " result = CASE WHEN result <> 0 THEN result"
				  " WHEN kind = '" INDEX_RUN_REBUILD "' THEN 1 ELSE 4 END"
				  " WHERE settled = 0";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, now);
	return query_run(&q, e);
}

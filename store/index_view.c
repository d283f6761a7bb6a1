/* SPDX-License-Identifier: MIT */
/*
 * index_view.c -- the past, by run numbers: history never asks the clock but for the first step,
 * from a time to a run.
 */
#include "store/index_view.h"

#include "store/index_query.h"

int index_run_at(struct index *x, int64_t at, int64_t *run, struct err *e)
{
	/* Of any kind and result: also a run that was cut off has seen what it committed. */
	static const char sql[] =
		"SELECT max(id) FROM run WHERE started < ? AND (ended <> 0 OR result <> 0)";
	struct query q;
	*run = 0;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, at);
	int result = query_next(&q, e);
	if (result > 0)
		*run = query_col_int(&q, 0);
	query_end(&q);
	return result < 0 ? -1 : *run > 0;
}

int index_span_at(struct index *x, int64_t mailbox, int64_t run, int64_t *generation, struct err *e)
{
	static const char sql[] =
		"SELECT coalesce(generation_id, 0) FROM mailbox_span"
		" WHERE mailbox_id = ?1 AND from_run <= ?2 AND (to_run IS NULL OR to_run > ?2)"
		" ORDER BY from_run DESC LIMIT 1";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, mailbox);
	query_int(&q, run);
	int result = query_next(&q, e);
	if (result > 0)
		*generation = query_col_int(&q, 0);
	query_end(&q);
	return result;
}

int index_count_at(struct index *x, int64_t generation, int64_t run, uint64_t *messages,
	uint64_t *bytes, struct err *e)
{
	static const char sql[] =
		"SELECT count(*), coalesce(sum(size_wire), 0) FROM message"
		" WHERE generation_id = ?1 AND base IS NOT NULL AND first_run <= ?2"
		" AND (gone_run = 0 OR gone_run > ?2)";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, run);
	int result = query_next(&q, e);
	if (result > 0) {
		*messages = query_col_u64(&q, 0);
		*bytes = query_col_u64(&q, 1);
	}
	query_end(&q);
	return result < 0 ? -1 : 0;
}

int index_flags_at(struct index *x, int64_t generation, uint32_t uid, int64_t run, struct buf *out,
	struct err *e)
{
	static const char sql[] =
		"SELECT f.text FROM flag_history h JOIN flagset f ON f.id = h.flags_id"
		" WHERE h.generation_id = ?1 AND h.uid = ?2 AND h.from_run <= ?3 AND h.to_run > ?3"
		" ORDER BY h.from_run DESC LIMIT 1";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, uid);
	query_int(&q, run);
	int result = query_next(&q, e);
	if (result > 0) {
		buf_clear(out);
		buf_add_slice(out, query_col_bytes(&q, 0));
		if (buf_check(out, "a set of flags in the index", e) != 0)
			result = err_widen(e, ERR_STORE);
	}
	query_end(&q);
	return result;
}

int index_generations(struct index *x, int64_t mailbox,
	int (*each)(void *ctx, int64_t generation, uint32_t uidvalidity), void *ctx, struct err *e)
{
	static const char sql[] =
		"SELECT id, uidvalidity FROM generation WHERE mailbox_id = ? ORDER BY id";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, mailbox);
	int result;
	while ((result = query_next(&q, e)) > 0) {
		uint32_t uidvalidity;
		if (!query_col_u32(&q, 1, &uidvalidity))
			result = index_corrupt(x, e, "has an impossible UIDVALIDITY");
		else
			result = each(ctx, query_col_int(&q, 0), uidvalidity);
		if (result != 0)
			break;
	}
	query_end(&q);
	return result;
}

int index_has_content(
	struct index *x, int64_t generation, const unsigned char sha256[SHA256_LEN], struct err *e)
{
	static const char sql[] = "SELECT 1 FROM message INDEXED BY message_sha256"
				  " WHERE sha256 = ? AND generation_id = ? AND state = 0 LIMIT 1";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_blob(&q, slice_of(sha256, SHA256_LEN));
	query_int(&q, generation);
	int result = query_next(&q, e);
	query_end(&q);
	return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * index_message.c -- the rows of messages, their flags and the history of these.
 */
#include <string.h>

#include "store/index_query.h"

/* ---- stored ----------------------------------------------------------------------------------- */

int index_message_put(struct index *x, int64_t generation, const struct index_message *m,
	int64_t run, struct err *e)
{
	/* The WHERE is the last line of defence for the rule that a stored message is never replaced. */
	static const char sql[] =
		"INSERT INTO message (generation_id, uid, state, base, size_disk, size_wire,"
		" size_claimed, sha256, date, zone, date_raw, email_id, thread_id, flags_id,"
		" flags_run, first_run)"
		" VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?14, ?14)"
		" ON CONFLICT (generation_id, uid) DO UPDATE SET state = 0, base = excluded.base,"
		" size_disk = excluded.size_disk, size_wire = excluded.size_wire,"
		" size_claimed = excluded.size_claimed, sha256 = excluded.sha256,"
		" date = excluded.date, zone = excluded.zone, date_raw = excluded.date_raw,"
		" email_id = excluded.email_id, thread_id = excluded.thread_id,"
		" flags_id = excluded.flags_id, flags_run = excluded.flags_run,"
		" first_run = excluded.first_run, gone_run = 0, reason = NULL"
		" WHERE message.base IS NULL";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, m->uid);
	query_text(&q, m->base);
	query_u64(&q, m->size_disk);
	query_u64(&q, m->size_wire);
	query_u64(&q, m->size_claimed);
	query_blob(&q, slice_of(m->sha256, SHA256_LEN));
	if (m->date.valid) {
		query_int(&q, m->date.secs);
		query_int(&q, m->date.zone);
	} else {
		query_null(&q);
		query_null(&q);
	}
	query_text_or_null(&q, m->date_raw);
	query_text_or_null(&q, m->email_id);
	query_text_or_null(&q, m->thread_id);
	query_int(&q, m->flagset);
	query_int(&q, run);
	if (query_run(&q, e) != 0)
		return -1;
	return query_changes(x) == 1 ? 0 : index_corrupt(x, e, "has this message already");
}

int index_message_spoil(struct index *x, int64_t generation, uint32_t uid, const char *reason,
	int64_t run, struct err *e)
{
	static const char sql[] =
		"UPDATE message SET state = 2, base = NULL, sha256 = NULL, size_disk = 0, size_wire = 0,"
		" reason = ?, attempts = attempts + 1, last_attempt = ?"
		" WHERE generation_id = ? AND uid = ?";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, slice_str(reason));
	query_int(&q, run);
	query_int(&q, generation);
	query_int(&q, uid);
	return query_run(&q, e);
}

int index_message_file(struct index *x, int64_t generation, uint32_t uid, bool *has_file,
	unsigned char sha256[SHA256_LEN], struct err *e)
{
	static const char sql[] = "SELECT base IS NOT NULL, sha256 FROM message"
				  " WHERE generation_id = ? AND uid = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, uid);
	int result = query_next(&q, e);
	if (result > 0) {
		bool has = query_col_int(&q, 0) != 0;
		struct slice hash = query_col_bytes(&q, 1);
		if (has && hash.n != SHA256_LEN)
			result = index_corrupt(x, e, "has a stored message without SHA-256");
		else if (has && sha256 != NULL)
			memcpy(sha256, hash.p, SHA256_LEN);
		if (has_file != NULL)
			*has_file = has;
	}
	query_end(&q);
	return result;
}

int index_message_by_id(
	struct index *x, struct slice email_id, struct store_known *out, struct err *e)
{
	static const char sql[] =
		"SELECT generation_id, uid, size_claimed, size_wire FROM message"
		" INDEXED BY message_email_id WHERE email_id = ? AND base IS NOT NULL LIMIT 1";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, email_id);
	int result = query_next(&q, e);
	if (result > 0) {
		uint64_t claimed = query_col_u64(&q, 2);
		out->generation = query_col_int(&q, 0);
		out->size = claimed != 0 ? claimed : query_col_u64(&q, 3);
		if (!query_col_u32(&q, 1, &out->uid) || out->uid == 0)
			result = index_corrupt(x, e, "has an impossible UID");
	}
	query_end(&q);
	return result;
}

/* ---- failed, gone, back ----------------------------------------------------------------------- */

int index_message_failed(struct index *x, int64_t generation, uint32_t uid, struct slice reason,
	int64_t run, struct err *e)
{
	static const char sql[] =
		"INSERT INTO message (generation_id, uid, state, reason, attempts, last_attempt,"
		" first_run) VALUES (?, ?, 2, ?, 1, ?4, ?4)"
		" ON CONFLICT (generation_id, uid) DO UPDATE SET state = 2, reason = excluded.reason,"
		" attempts = attempts + 1, last_attempt = excluded.last_attempt, gone_run = 0"
		" WHERE message.base IS NULL";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, uid);
	query_text(&q, reason);
	query_int(&q, run);
	return query_run(&q, e);
}

/* Statements of the form "... WHERE generation_id = ? AND uid BETWEEN ? AND ?". */
static int run_on_range(struct index *x, const char *sql, int64_t generation, uint32_t lo,
	uint32_t hi, struct err *e)
{
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, lo);
	query_int(&q, hi);
	return query_run(&q, e);
}

int index_messages_gone(
	struct index *x, int64_t generation, uint32_t lo, uint32_t hi, int64_t run, struct err *e)
{
	static const char sql[] = "UPDATE message SET state = 1, gone_run = ?"
				  " WHERE generation_id = ? AND uid BETWEEN ? AND ? AND state <> 1";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, run);
	query_int(&q, generation);
	query_int(&q, lo);
	query_int(&q, hi);
	return query_run(&q, e);
}

int index_message_gone_insert(
	struct index *x, int64_t generation, uint32_t uid, int64_t run, struct err *e)
{
	static const char sql[] =
		"INSERT INTO message (generation_id, uid, state, first_run, gone_run)"
		" VALUES (?, ?, 1, ?3, ?3)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, uid);
	query_int(&q, run);
	return query_run(&q, e);
}

int index_messages_back(
	struct index *x, int64_t generation, uint32_t lo, uint32_t hi, struct err *e)
{
	static const char with_file[] =
		"UPDATE message SET state = 0, gone_run = 0"
		" WHERE generation_id = ? AND uid BETWEEN ? AND ? AND state = 1 AND base IS NOT NULL";
	static const char without[] =
		"DELETE FROM message"
		" WHERE generation_id = ? AND uid BETWEEN ? AND ? AND state = 1 AND base IS NULL";
	if (run_on_range(x, with_file, generation, lo, hi, e) != 0)
		return -1;
	return run_on_range(x, without, generation, lo, hi, e);
}

/* ---- flags ------------------------------------------------------------------------------------ */

static int keep_old_flags(
	struct index *x, int64_t generation, uint32_t uid, int64_t run, struct err *e)
{
	static const char sql[] =
		"INSERT INTO flag_history (generation_id, uid, flags_id, from_run, to_run)"
		" SELECT generation_id, uid, flags_id, flags_run, ?1 FROM message"
		" WHERE generation_id = ?2 AND uid = ?3 AND flags_run <> ?1 AND flags_id IS NOT NULL";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, run);
	query_int(&q, generation);
	query_int(&q, uid);
	return query_run(&q, e);
}

int index_message_flags(struct index *x, int64_t generation, uint32_t uid, int64_t flagset,
	int64_t run, struct err *e)
{
	static const char sql[] = "UPDATE message SET flags_id = ?, flags_run = ?"
				  " WHERE generation_id = ? AND uid = ?";
	struct query q;
	if (keep_old_flags(x, generation, uid, run, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, flagset);
	query_int(&q, run);
	query_int(&q, generation);
	query_int(&q, uid);
	return query_run(&q, e);
}

static int insert_flagset(struct index *x, struct slice text, int64_t *id, struct err *e)
{
	static const char sql[] = "INSERT INTO flagset (text) VALUES (?)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, text);
	if (query_run(&q, e) != 0)
		return -1;
	*id = query_inserted(x);
	return 0;
}

int index_flagset_make(struct index *x, struct slice text, int64_t *id, struct err *e)
{
	static const char sql[] = "SELECT id FROM flagset WHERE text = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, text);
	int result = query_next(&q, e);
	if (result > 0)
		*id = query_col_int(&q, 0);
	query_end(&q);
	if (result != 0)
		return result < 0 ? -1 : 0;
	return insert_flagset(x, text, id, e);
}

int index_flagset_text(struct index *x, int64_t id, struct buf *out, struct err *e)
{
	static const char sql[] = "SELECT text FROM flagset WHERE id = ?";
	struct query q;
	buf_clear(out);
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, id);
	int result = query_next(&q, e);
	if (result > 0) {
		buf_add_slice(out, query_col_bytes(&q, 0));
		if (buf_check(out, "a set of flags in the index", e) != 0)
			result = err_widen(e, ERR_STORE);
	}
	query_end(&q);
	return result;
}

int index_message_base(
	struct index *x, int64_t generation, uint32_t uid, char *base, size_t size, struct err *e)
{
	static const char sql[] = "SELECT base FROM message WHERE generation_id = ? AND uid = ?"
				  " AND base IS NOT NULL";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, uid);
	int result = query_next(&q, e);
	if (result > 0) {
		struct slice s = query_col_bytes(&q, 0);
		if (s.n == 0 || s.n >= size) {
			result = index_corrupt(x, e, "has a message with an impossible name");
		} else {
			memcpy(base, s.p, s.n);
			base[s.n] = '\0';
		}
	}
	query_end(&q);
	return result;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static int read_state(struct query *q, int column, enum store_state *state, struct err *e)
{
	int64_t n = query_col_int(q, column);
	if (n < STORE_STORED || n > STORE_FAILED)
		return index_corrupt(q->x, e, "has a message in an unknown state");
	*state = (enum store_state)n;
	return 0;
}

int index_states(struct index *x, int64_t generation, uint32_t lo, uint32_t hi,
	int (*each)(
		void *ctx, uint32_t uid, enum store_state state, int64_t flagset, bool has_file),
	void *ctx, struct err *e)
{
	static const char sql[] =
		"SELECT uid, state, coalesce(flags_id, 0), base IS NOT NULL FROM message"
		" WHERE generation_id = ? AND uid BETWEEN ? AND ? ORDER BY uid";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, lo);
	query_int(&q, hi);
	int result;
	while ((result = query_next(&q, e)) > 0) {
		uint32_t uid;
		enum store_state state = STORE_STORED;
		if (!query_col_u32(&q, 0, &uid) || uid == 0)
			result = index_corrupt(x, e, "has an impossible UID");
		else if (read_state(&q, 1, &state, e) != 0)
			result = -1;
		else
			result = each(
				ctx, uid, state, query_col_int(&q, 2), query_col_int(&q, 3) != 0);
		if (result != 0)
			break;
	}
	query_end(&q);
	return result;
}

static int read_record(struct query *q, struct store_record *r, struct err *e)
{
	memset(r, 0, sizeof *r);
	r->generation = query_col_int(q, 0);
	if (!query_col_u32(q, 1, &r->uid) || read_state(q, 2, &r->state, e) != 0 ||
		!query_col_u32(q, 18, &r->attempts))
		return index_corrupt(q->x, e, "has a message with impossible numbers");
	r->has_file = !query_col_null(q, 3);
	r->base = query_col_bytes(q, 3);
	r->size_disk = query_col_u64(q, 4);
	r->size_wire = query_col_u64(q, 5);
	r->size_claimed = query_col_u64(q, 6);
	struct slice hash = query_col_bytes(q, 7);
	if (r->has_file && (hash.n != SHA256_LEN || r->base.n == 0))
		return index_corrupt(q->x, e, "has a stored message without name or SHA-256");
	if (hash.n == SHA256_LEN)
		memcpy(r->sha256, hash.p, SHA256_LEN);
	int64_t zone = query_col_int(q, 9);
	r->date.valid = !query_col_null(q, 8) && zone > -1440 && zone < 1440;
	if (r->date.valid) {
		r->date.secs = query_col_int(q, 8);
		r->date.zone = (int)zone;
	}
	r->date_raw = query_col_bytes(q, 10);
	r->email_id = query_col_bytes(q, 11);
	r->thread_id = query_col_bytes(q, 12);
	r->flags = query_col_bytes(q, 13);
	r->first_run = query_col_int(q, 15);
	r->gone_run = query_col_int(q, 16);
	r->reason = query_col_bytes(q, 17);
	return 0;
}

int index_records(struct index *x, int64_t generation, uint32_t lo, uint32_t hi,
	int (*each)(void *ctx, const struct store_record *r), void *ctx, struct err *e)
{
	static const char sql[] =
		"SELECT m.generation_id, m.uid, m.state, m.base, m.size_disk, m.size_wire,"
		" m.size_claimed, m.sha256, m.date, m.zone, m.date_raw, m.email_id, m.thread_id,"
		" f.text, m.flags_run, m.first_run, m.gone_run, m.reason, m.attempts"
		" FROM message m LEFT JOIN flagset f ON f.id = m.flags_id"
		" WHERE m.generation_id = ? AND m.uid BETWEEN ? AND ? ORDER BY m.uid";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	query_int(&q, lo);
	query_int(&q, hi);
	int result;
	while ((result = query_next(&q, e)) > 0) {
		struct store_record r;
		result = read_record(&q, &r, e);
		if (result == 0)
			result = each(ctx, &r);
		if (result != 0)
			break;
	}
	query_end(&q);
	return result;
}

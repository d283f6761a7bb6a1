/* SPDX-License-Identifier: MIT */
/*
 * index_check.c -- SQLite checks its own pages; the sums that only we know are checked here.
 */
#include "store/index_check.h"

#include <stdio.h>

#include "core/base/text.h"
#include "store/index_query.h"

/* Rows of one text column; "ok" is what integrity_check says when there is nothing to say. */
static int each_text(struct index *x, const char *sql, int (*each)(void *ctx, struct slice text),
	void *ctx, struct err *e)
{
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	int result;
	while ((result = query_next(&q, e)) > 0) {
		struct slice text = query_col_bytes(&q, 0);
		if (slice_eq_str(text, "ok"))
			continue;
		result = each(ctx, text);
		if (result != 0)
			break;
	}
	query_end(&q);
	return result;
}

int index_contradictions(
	struct index *x, int (*each)(void *ctx, struct slice text), void *ctx, struct err *e)
{
	/* The second column of foreign_key_check is the row; its first is enough to say where to look. */
	static const char *const sql[] = {
		"PRAGMA integrity_check(20)",
		"SELECT 'table ' || \"table\" || ' refers to a missing row of ' || parent"
		" FROM pragma_foreign_key_check LIMIT 20",
		"SELECT 'generation ' || g.id || ' counts ' || g.stored || ' stored, ' || g.gone"
		" || ' gone, ' || g.failed || ' failed messages, and has ' || count(m.uid) FILTER"
		" (WHERE m.state = 0) || ', ' || count(m.uid) FILTER (WHERE m.state = 1) || ', '"
		" || count(m.uid) FILTER (WHERE m.state = 2)"
		" FROM generation g LEFT JOIN message m ON m.generation_id = g.id GROUP BY g.id"
		" HAVING g.stored <> count(m.uid) FILTER (WHERE m.state = 0)"
		" OR g.gone <> count(m.uid) FILTER (WHERE m.state = 1)"
		" OR g.failed <> count(m.uid) FILTER (WHERE m.state = 2) LIMIT 20",
	};
	for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
		int result = each_text(x, sql[i], each, ctx, e);
		if (result != 0)
			return result;
	}
	return 0;
}

struct first {
	struct index *x;
	struct err *e;
};

static int take_first(void *ctx, struct slice text)
{
	struct first *f = ctx;
	char shown[TEXT_SHOW_SIZE / 4], what[TEXT_SHOW_SIZE / 2];
	snprintf(what, sizeof what, "is damaged: %s", text_show(shown, sizeof shown, text));
	return index_corrupt(f->x, f->e, what);
}

int index_check_full(struct index *x, struct err *e)
{
	struct first f = {x, e};
	return index_contradictions(x, take_first, &f, e);
}

int index_message_lost(struct index *x, int64_t generation, uint32_t uid, struct slice reason,
	int64_t run, struct err *e)
{
	static const char sql[] =
		"UPDATE message SET base = NULL, sha256 = NULL, size_disk = 0, size_wire = 0,"
		" state = CASE state WHEN 1 THEN 1 ELSE 2 END,"
		" reason = CASE state WHEN 1 THEN reason ELSE ?1 END, last_attempt = ?2"
		" WHERE generation_id = ?3 AND uid = ?4";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, reason);
	query_int(&q, run);
	query_int(&q, generation);
	query_int(&q, uid);
	return query_run(&q, e);
}

int index_rows_with(struct index *x, int64_t mailbox, const unsigned char sha256[SHA256_LEN],
	int (*each)(void *ctx, int64_t generation, uint32_t uid), void *ctx, struct err *e)
{
	static const char sql[] = "SELECT m.generation_id, m.uid FROM message m"
				  " JOIN generation g ON g.id = m.generation_id"
				  " WHERE m.sha256 = ? AND g.mailbox_id = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_blob(&q, slice_of(sha256, SHA256_LEN));
	query_int(&q, mailbox);
	int result;
	while ((result = query_next(&q, e)) > 0) {
		uint32_t uid;
		if (!query_col_u32(&q, 1, &uid))
			result = index_corrupt(x, e, "has an impossible UID");
		else
			result = each(ctx, query_col_int(&q, 0), uid);
		if (result != 0)
			break;
	}
	query_end(&q);
	return result;
}

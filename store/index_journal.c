/* SPDX-License-Identifier: MIT */
/*
 * index_journal.c -- the rows of the restore journal: at most one for each message and target mailbox.
 */
#include "store/index_journal.h"

#include "store/index_query.h"

static int forget(struct index *x, struct slice target, struct slice mailbox,
	const struct store_journal_row *r, struct err *e)
{
	static const char sql[] = "DELETE FROM restore_journal WHERE generation_id = ? AND uid = ?"
				  " AND target = ? AND target_mailbox = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, r->generation);
	query_int(&q, r->uid);
	query_text(&q, target);
	query_blob(&q, mailbox);
	return query_run(&q, e);
}

int index_journal_put(struct index *x, struct slice target, struct slice mailbox,
	const struct store_journal_row *r, struct err *e)
{
	/* A restore is no run of its own: it sees what the newest one left. */
	static const char sql[] =
		"INSERT INTO restore_journal (run_id, target, target_mailbox, generation_id,"
		" uid, state, uidvalidity, appended_uid)"
		" VALUES ((SELECT max(id) FROM run), ?, ?, ?, ?, ?, ?, ?)";
	struct query q;
	if (index_begin(x, e) != 0 || forget(x, target, mailbox, r, e) != 0 ||
		query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, target);
	query_blob(&q, mailbox);
	query_int(&q, r->generation);
	query_int(&q, r->uid);
	query_int(&q, (int64_t)r->state);
	query_int(&q, r->uidvalidity);
	query_int(&q, r->appended_uid);
	return query_run(&q, e);
}

int index_journal_rows(struct index *x, struct slice target, struct slice mailbox,
	int (*each)(void *ctx, const struct store_journal_row *r), void *ctx, struct err *e)
{
	static const char sql[] =
		"SELECT generation_id, uid, state, uidvalidity, appended_uid FROM restore_journal"
		" WHERE target = ? AND target_mailbox = ? ORDER BY generation_id, uid";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, target);
	query_blob(&q, mailbox);
	int result;
	while ((result = query_next(&q, e)) > 0) {
		int64_t state = query_col_int(&q, 2);
		struct store_journal_row r = {.generation = query_col_int(&q, 0),
			.state = (enum store_journal_state)state};
		if (!query_col_u32(&q, 1, &r.uid) || state < STORE_JOURNAL_SENDING ||
			state > STORE_JOURNAL_REFUSED || !query_col_u32(&q, 3, &r.uidvalidity) ||
			!query_col_u32(&q, 4, &r.appended_uid)) {
			result = index_corrupt(x, e, "has a wrong row in the restore journal");
			break;
		}
		result = each(ctx, &r);
		if (result != 0)
			break;
	}
	query_end(&q);
	return result;
}

int index_journal_unsettled(struct index *x, struct slice target, bool *any, struct err *e)
{
	struct query q;
	if (query_start(&q, x,
		    "SELECT 1 FROM restore_journal WHERE target = ? AND state = ? LIMIT 1", e) != 0)
		return -1;
	query_text(&q, target);
	query_int(&q, STORE_JOURNAL_SENDING);
	int rc = query_next(&q, e);
	query_end(&q);
	*any = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * index_mailbox.c -- the rows of mailboxes, of their generations, and of which was current when.
 */
#include <stdlib.h>
#include <string.h>

#include "store/index_query.h"
#include "store/names.h"

/* Attributes and names come from servers; the store limits what it puts in, this what it takes out. */
#define TEXT_MAX SIDE_FILE_MAX

void index_mailbox_init(struct index_mailbox *m)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->wire, STORE_NAME_MAX);
	buf_init(&m->name, TEXT_MAX);
	buf_init(&m->path, NAME_PATH_MAX);
	buf_init(&m->attributes, TEXT_MAX);
}

void index_mailbox_release(struct index_mailbox *m)
{
	buf_release(&m->wire);
	buf_release(&m->name);
	buf_release(&m->path);
	buf_release(&m->attributes);
}

/* ---- reading ---------------------------------------------------------------------------------- */

#define MAILBOX_COLUMNS                                                                            \
	"SELECT id, coalesce(generation_id, 0), delimiter, selectable, subscribed, present,"       \
	" wire, name, path, attributes FROM mailbox"

static int column_to_buf(struct query *q, int column, struct buf *out, struct err *e)
{
	buf_clear(out);
	buf_add_slice(out, query_col_bytes(q, column));
	return buf_check(out, "a text of the index", e) == 0 ? 0 : err_widen(e, ERR_STORE);
}

static char column_to_delimiter(struct query *q, int column)
{
	struct slice s = query_col_bytes(q, column);
	return s.n > 0 ? (char)s.p[0] : '\0';
}

/* Step, and take the one row. Ends the query. */
static int take_mailbox(struct query *q, struct index_mailbox *m, struct err *e)
{
	int result = query_next(q, e);
	if (result > 0) {
		m->id = query_col_int(q, 0);
		m->generation = query_col_int(q, 1);
		m->delimiter = column_to_delimiter(q, 2);
		m->selectable = query_col_int(q, 3) != 0;
		m->subscribed = query_col_int(q, 4) != 0;
		m->present = query_col_int(q, 5) != 0;
		if (column_to_buf(q, 6, &m->wire, e) != 0 ||
			column_to_buf(q, 7, &m->name, e) != 0 ||
			column_to_buf(q, 8, &m->path, e) != 0 ||
			column_to_buf(q, 9, &m->attributes, e) != 0)
			result = -1;
	}
	query_end(q);
	return result;
}

int index_mailbox_get(struct index *x, int64_t id, struct index_mailbox *m, struct err *e)
{
	static const char sql[] = MAILBOX_COLUMNS " WHERE id = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, id);
	return take_mailbox(&q, m, e);
}

int index_mailbox_by_wire(
	struct index *x, struct slice wire, struct index_mailbox *m, struct err *e)
{
	static const char sql[] = MAILBOX_COLUMNS " WHERE wire = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_blob(&q, wire);
	return take_mailbox(&q, m, e);
}

int index_mailbox_by_path(
	struct index *x, struct slice path, struct index_mailbox *m, struct err *e)
{
	static const char sql[] = MAILBOX_COLUMNS " WHERE path = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, path);
	return take_mailbox(&q, m, e);
}

/* ---- the whole list --------------------------------------------------------------------------- */

static int add_to_list(struct query *q, struct store_mailbox_list *out, size_t *cap, struct err *e)
{
	if (out->n == *cap) {
		size_t more = *cap == 0 ? 64 : 2 * *cap;
		struct store_mailbox *at =
			more > SIZE_MAX / sizeof *at ? NULL : realloc(out->at, more * sizeof *at);
		if (at == NULL)
			return err_nomem(e, "listing the mailboxes");
		out->at = at;
		*cap = more;
	}
	struct store_mailbox *m = &out->at[out->n++];
	memset(m, 0, sizeof *m);
	buf_init(&m->wire, STORE_NAME_MAX);
	buf_init(&m->name, TEXT_MAX);
	buf_init(&m->path, NAME_PATH_MAX);
	buf_init(&m->attributes, TEXT_MAX);
	m->id = query_col_int(q, 0);
	m->generation = query_col_int(q, 1);
	m->delimiter = column_to_delimiter(q, 2);
	m->selectable = query_col_int(q, 3) != 0;
	m->subscribed = query_col_int(q, 4) != 0;
	m->present = query_col_int(q, 5) != 0;
	m->highestmodseq = query_col_u64(q, 13);
	m->complete_run = query_col_int(q, 14);
	m->stored = query_col_u64(q, 16);
	m->gone = query_col_u64(q, 17);
	m->failed = query_col_u64(q, 18);
	m->bytes = query_col_u64(q, 19);
	if (!query_col_u32(q, 10, &m->uidvalidity) || !query_col_u32(q, 11, &m->uidnext) ||
		!query_col_u32(q, 12, &m->messages) || !query_col_u32(q, 15, &m->runs_since_audit))
		return index_corrupt(q->x, e, "has a mailbox with impossible numbers");
	if (column_to_buf(q, 6, &m->wire, e) != 0 || column_to_buf(q, 7, &m->name, e) != 0 ||
		column_to_buf(q, 8, &m->path, e) != 0)
		return -1;
	return column_to_buf(q, 9, &m->attributes, e);
}

int index_mailboxes(struct index *x, struct store_mailbox_list *out, struct err *e)
{
	static const char sql[] =
		"SELECT m.id, coalesce(m.generation_id, 0), m.delimiter, m.selectable, m.subscribed,"
		" m.present, m.wire, m.name, m.path, m.attributes, g.uidvalidity, g.uidnext,"
		" g.messages, g.highestmodseq, g.complete_run, m.runs_since_audit, g.stored, g.gone,"
		" g.failed, g.bytes"
		" FROM mailbox m LEFT JOIN generation g ON g.id = m.generation_id ORDER BY m.wire";
	struct query q;
	size_t cap = 0;
	*out = (struct store_mailbox_list){NULL, 0};
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	int result;
	while ((result = query_next(&q, e)) > 0)
		if (add_to_list(&q, out, &cap, e) != 0) {
			result = -1;
			break;
		}
	query_end(&q);
	if (result != 0)
		store_mailbox_list_release(out);
	return result;
}

void store_mailbox_list_release(struct store_mailbox_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_release(&l->at[i].wire);
		buf_release(&l->at[i].name);
		buf_release(&l->at[i].path);
		buf_release(&l->at[i].attributes);
	}
	free(l->at);
	*l = (struct store_mailbox_list){NULL, 0};
}

/* ---- writing ---------------------------------------------------------------------------------- */

static struct slice delimiter_slice(const char *delimiter)
{
	return slice_of(delimiter, *delimiter != '\0');
}

int index_mailbox_insert(struct index *x, struct index_mailbox *m, int64_t run, struct err *e)
{
	static const char sql[] =
		"INSERT INTO mailbox (wire, delimiter, name, path, attributes, selectable,"
		" subscribed, present, first_run, last_run)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?9, ?9)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_blob(&q, buf_slice(&m->wire));
	query_text(&q, delimiter_slice(&m->delimiter));
	query_text(&q, buf_slice(&m->name));
	query_text(&q, buf_slice(&m->path));
	query_text(&q, buf_slice(&m->attributes));
	query_int(&q, m->selectable);
	query_int(&q, m->subscribed);
	query_int(&q, m->present);
	query_int(&q, run);
	if (query_run(&q, e) != 0)
		return -1;
	m->id = query_inserted(x);
	return 0;
}

int index_mailbox_update(struct index *x, const struct index_mailbox *m, int64_t run, struct err *e)
{
	static const char sql[] =
		"UPDATE mailbox SET delimiter = ?1, attributes = ?2, selectable = ?3, subscribed = ?4,"
		" present = ?5, last_run = CASE ?5 WHEN 0 THEN last_run ELSE ?6 END WHERE id = ?7";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_text(&q, delimiter_slice(&m->delimiter));
	query_text(&q, buf_slice(&m->attributes));
	query_int(&q, m->selectable);
	query_int(&q, m->subscribed);
	query_int(&q, m->present);
	query_int(&q, run);
	query_int(&q, m->id);
	return query_run(&q, e);
}

static int complete_current(struct index *x, int64_t mailbox, int64_t run, struct err *e)
{
	static const char sql[] = "UPDATE generation SET complete_run = ?"
				  " WHERE id = (SELECT generation_id FROM mailbox WHERE id = ?)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, run);
	query_int(&q, mailbox);
	return query_run(&q, e);
}

int index_mailbox_listed(
	struct index *x, int64_t mailbox, bool unchanged, int64_t run, struct err *e)
{
	static const char sql[] =
		"UPDATE mailbox SET last_run = ?,"
		" runs_since_audit = min(runs_since_audit + ?, 4294967295) WHERE id = ?";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, run);
	query_int(&q, unchanged);
	query_int(&q, mailbox);
	if (query_run(&q, e) != 0)
		return -1;
	return unchanged ? complete_current(x, mailbox, run, e) : 0;
}

static int count_unaudited(struct index *x, int64_t mailbox, struct err *e)
{
	static const char sql[] =
		"UPDATE mailbox SET runs_since_audit = min(runs_since_audit + 1, 4294967295)"
		" WHERE id = ?";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, mailbox);
	return query_run(&q, e);
}

int index_mailboxes_unaudited(struct index *x, uint64_t runs, struct err *e)
{
	static const char sql[] =
		"UPDATE mailbox SET runs_since_audit = min(runs_since_audit + ?, 4294967295)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_u64(&q, runs < UINT32_MAX ? runs : UINT32_MAX);
	return query_run(&q, e);
}

/* ---- spans ------------------------------------------------------------------------------------ */

int index_span_begin(
	struct index *x, int64_t mailbox, int64_t generation, int64_t run, struct err *e)
{
	static const char sql[] = "INSERT INTO mailbox_span (mailbox_id, generation_id, from_run)"
				  " VALUES (?, nullif(?, 0), ?)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, mailbox);
	query_int(&q, generation);
	query_int(&q, run);
	return query_run(&q, e);
}

/* A span that began in this very run never was: nobody can ask for the middle of a run. */
int index_span_end(struct index *x, int64_t mailbox, int64_t run, struct err *e)
{
	static const char drop[] =
		"DELETE FROM mailbox_span WHERE mailbox_id = ? AND to_run IS NULL AND from_run = ?";
	static const char end[] =
		"UPDATE mailbox_span SET to_run = ?2 WHERE mailbox_id = ?1 AND to_run IS NULL";
	static const char *const steps[] = {drop, end};
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct query q;
		if (index_begin(x, e) != 0 || query_start(&q, x, steps[i], e) != 0)
			return -1;
		query_int(&q, mailbox);
		query_int(&q, run);
		if (query_run(&q, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- generations ------------------------------------------------------------------------------ */

int index_generation_get(struct index *x, int64_t id, struct index_generation *g, struct err *e)
{
	static const char sql[] = "SELECT id, mailbox_id, uidvalidity FROM generation WHERE id = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, id);
	int result = query_next(&q, e);
	if (result > 0) {
		g->id = query_col_int(&q, 0);
		g->mailbox = query_col_int(&q, 1);
		if (!query_col_u32(&q, 2, &g->uidvalidity))
			result = index_corrupt(x, e, "has an impossible UIDVALIDITY");
	}
	query_end(&q);
	return result;
}

static int insert_generation(
	struct index *x, struct index_generation *g, int64_t run, struct err *e)
{
	static const char sql[] =
		"INSERT INTO generation (mailbox_id, uidvalidity, opened_run) VALUES (?, ?, ?)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, g->mailbox);
	query_int(&q, g->uidvalidity);
	query_int(&q, run);
	if (query_run(&q, e) != 0)
		return -1;
	g->id = query_inserted(x);
	return 0;
}

int index_generation_make(struct index *x, struct index_generation *g, int64_t run, struct err *e)
{
	static const char sql[] =
		"SELECT id FROM generation WHERE mailbox_id = ? AND uidvalidity = ?";
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, g->mailbox);
	query_int(&q, g->uidvalidity);
	int result = query_next(&q, e);
	if (result > 0)
		g->id = query_col_int(&q, 0);
	query_end(&q);
	if (result != 0)
		return result < 0 ? -1 : 0;
	return insert_generation(x, g, run, e);
}

int index_generation_make_current(struct index *x, const struct index_generation *g, struct err *e)
{
	static const char sql[] = "UPDATE mailbox SET generation_id = ? WHERE id = ?";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, g->id);
	query_int(&q, g->mailbox);
	return query_run(&q, e);
}

static int reset_audit(struct index *x, int64_t generation, struct err *e)
{
	static const char sql[] = "UPDATE mailbox SET runs_since_audit = 0"
				  " WHERE id = (SELECT mailbox_id FROM generation WHERE id = ?)";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, generation);
	return query_run(&q, e);
}

int index_marks_set(struct index *x, int64_t generation, const struct store_marks *m, int64_t run,
	struct err *e)
{
	static const char sql[] =
		"UPDATE generation SET uidnext = ?1, messages = ?2, highestmodseq = ?3,"
		" complete_run = CASE ?4 WHEN 0 THEN complete_run ELSE ?5 END WHERE id = ?6";
	struct query q;
	if (index_begin(x, e) != 0 || query_start(&q, x, sql, e) != 0)
		return -1;
	query_int(&q, m->uidnext);
	query_int(&q, m->messages);
	query_u64(&q, m->highestmodseq);
	query_int(&q, m->complete);
	query_int(&q, run);
	query_int(&q, generation);
	if (query_run(&q, e) != 0)
		return -1;
	if (m->audited)
		return reset_audit(x, generation, e);
	if (!m->complete)
		return 0;
	struct index_generation g;
	int result = index_generation_get(x, generation, &g, e);
	return result < 0 ? -1 : result == 0 ? 0 : count_unaudited(x, g.mailbox, e);
}

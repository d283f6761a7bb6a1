/* SPDX-License-Identifier: MIT */
/*
 * store_view.c -- the archive as an earlier run saw it, for looking, exporting and restoring.
 */
#include "store/index_view.h"
#include "store/store_internal.h"

int store_run_at(struct store *s, int64_t at, int64_t *run, struct err *e)
{
	return index_run_at(s->x, at, run, e);
}

/* ---- mailboxes ------------------------------------------------------------------------------ */

static void release_mailbox(struct store_mailbox *m)
{
	buf_release(&m->wire);
	buf_release(&m->name);
	buf_release(&m->path);
	buf_release(&m->attributes);
}

/* Take the row back to that run: 1, 0 when the mailbox did not exist then, -1. */
static int mailbox_at(struct store *s, int64_t run, struct store_mailbox *m, struct err *e)
{
	struct index_generation g = {0, 0, 0};
	int found = index_span_at(s->x, m->id, run, &m->generation, e);
	if (found <= 0)
		return found;
	if (m->generation != 0 && index_generation_get(s->x, m->generation, &g, e) < 0)
		return -1;
	m->uidvalidity = g.uidvalidity;
	/* Only today's are known. */
	m->uidnext = m->messages = m->runs_since_audit = 0;
	m->highestmodseq = 0;
	m->complete_run = 0;
	m->stored = m->gone = m->failed = m->bytes = 0;
	if (m->generation != 0 &&
		index_count_at(s->x, m->generation, run, &m->stored, &m->bytes, e) != 0)
		return -1;
	return 1;
}

int store_mailboxes_at(struct store *s, int64_t run, struct store_mailbox_list *out, struct err *e)
{
	if (index_mailboxes(s->x, out, e) != 0)
		return -1;
	size_t kept = 0;
	for (size_t i = 0; i < out->n; i++) {
		int found = mailbox_at(s, run, &out->at[i], e);
		if (found < 0) {
			/* Those between `kept` and `i` are released already, or moved down. */
			for (size_t j = i; j < out->n; j++)
				release_mailbox(&out->at[j]);
			out->n = kept;
			store_mailbox_list_release(out);
			return -1;
		}
		if (found == 0)
			release_mailbox(&out->at[i]);
		else
			out->at[kept++] = out->at[i];
	}
	out->n = kept;
	return 0;
}

int store_generations(struct store *s, int64_t mailbox,
	int (*each)(void *ctx, int64_t generation, uint32_t uidvalidity), void *ctx, struct err *e)
{
	return index_generations(s->x, mailbox, each, ctx, e);
}

int store_has_content(
	struct store *s, int64_t generation, const unsigned char sha256[SHA256_LEN], struct err *e)
{
	return index_has_content(s->x, generation, sha256, e);
}

/* ---- messages ------------------------------------------------------------------------------- */

struct view {
	struct store *s;
	int64_t run;
	struct buf flags;
	int (*each)(void *ctx, const struct store_record *r);
	void *ctx;
	struct err *e;
};

static int record_at(void *ctx, const struct store_record *r)
{
	struct view *v = ctx;
	if (!r->has_file || r->first_run > v->run || (r->gone_run != 0 && r->gone_run <= v->run))
		return 0;
	struct store_record then = *r;
	int changed = index_flags_at(v->s->x, r->generation, r->uid, v->run, &v->flags, v->e);
	if (changed < 0)
		return -1;
	if (changed > 0)
		then.flags = buf_slice(&v->flags);
	then.state = STORE_STORED;
	return v->each(v->ctx, &then);
}

int store_records_at(struct store *s, int64_t generation, int64_t run, const struct uidset *which,
	int (*each)(void *ctx, const struct store_record *r), void *ctx, struct err *e)
{
	struct view v = {.s = s, .run = run, .each = each, .ctx = ctx, .e = e};
	struct uid_range r = {0, 0};
	int result = 0;
	buf_init(&v.flags, MAIL_FLAGS_TEXT_MAX);
	if (which == NULL)
		result = index_records(s->x, generation, 1, UID_MAX, record_at, &v, e);
	while (which != NULL && result == 0 && uidset_range_after(which, r.hi, &r))
		result = index_records(s->x, generation, r.lo, r.hi, record_at, &v, e);
	buf_release(&v.flags);
	return result;
}

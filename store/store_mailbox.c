/* SPDX-License-Identifier: MIT */
/*
 * store_mailbox.c -- mailboxes as the server lists them.
 *
 * Directories and side file come before the row, so that a failure which concerns this mailbox alone leaves
 * the index as it was.
 */
#include "core/base/text.h"
#include "store/names.h"
#include "store/store_internal.h"

static int settle_notes(struct store *s, struct err *e)
{
	s->group.changes++;
	return store_outcome(s, unchanged_settle(s, e), e);
}

static uint32_t add_runs(uint32_t runs, uint64_t more)
{
	return more < UINT32_MAX - runs ? runs + (uint32_t)more : UINT32_MAX;
}

int store_mailboxes(struct store *s, struct store_mailbox_list *out, struct err *e)
{
	/* What is known only in memory would be missing. */
	if (s->unchanged.notes > 0 && (store_writable(s, e) != 0 || settle_notes(s, e) != 0))
		return -1;
	if (unchanged_load(s, e) != 0 || index_mailboxes(s->x, out, e) != 0)
		return -1;
	for (size_t i = 0; i < out->n; i++)
		out->at[i].runs_since_audit =
			add_runs(out->at[i].runs_since_audit, s->unchanged.count);
	return 0;
}

static int set_buf(struct buf *to, struct slice from, const char *what, struct err *e)
{
	buf_clear(to);
	buf_add_slice(to, from);
	return buf_check(to, what, e) == 0 ? 0 : err_widen(e, ERR_MAILBOX);
}

/* Another mailbox may have the path: "a.b" and "a/b" of two namespaces. */
static int refuse_taken_path(struct store *s, const struct index_mailbox *box, struct err *e)
{
	struct index_mailbox other;
	index_mailbox_init(&other);
	int result = index_mailbox_by_path(s->x, buf_slice(&box->path), &other, e);
	if (result > 0) {
		char path[160], name[160];
		result = err_set(e, ERR_MAILBOX, E_EXISTS,
			"the folder mail/%s already belongs to %s",
			text_show(path, sizeof path, buf_slice(&box->path)),
			text_show(name, sizeof name, buf_slice(&other.wire)));
	}
	index_mailbox_release(&other);
	return result;
}

/* Name and path of a mailbox that was never seen before. */
static int name_new(struct store *s, const struct store_mailbox_seen *m, struct index_mailbox *box,
	struct err *e)
{
	if (set_buf(&box->wire, m->wire, "the name of a mailbox", e) != 0)
		return -1;
	buf_clear(&box->path);
	buf_clear(&box->name);
	if (name_to_path(m->wire, m->delimiter, s->layout, &box->path, e) != 0 ||
		name_display(m->wire, m->delimiter, &box->name, e) != 0)
		return err_widen(e, ERR_MAILBOX);
	return refuse_taken_path(s, box, e);
}

/* 1 the row has to be written, 0 all is as it was. */
static int take_facts(
	struct index_mailbox *box, const struct store_mailbox_seen *m, bool *on_disk, struct err *e)
{
	bool same = slice_eq(buf_slice(&box->attributes), m->attributes) &&
		box->delimiter == m->delimiter;
	*on_disk = m->selectable && (box->id == 0 || !same || !box->selectable);
	if (set_buf(&box->attributes, m->attributes, "the attributes of a mailbox", e) != 0)
		return -1;
	box->delimiter = m->delimiter;
	box->selectable = m->selectable;
	box->subscribed = m->subscribed;
	box->present = true;
	return 0;
}

static int make_on_disk(struct store *s, const struct index_mailbox *box, struct err *e)
{
	struct maildir m;
	const struct fsys *fs = s->fs;
	if (run_record(s, e) != 0 || (box->id == 0 && group_lazy(s, &fs, e) != 0))
		return -1;
	if (maildir_open(&m, fs, s->mail, buf_slice(&box->path), true, e) != 0)
		return -1;
	int result = folder_write_side(s, &m, box, 0, e);
	maildir_close(&m);
	return result;
}

static int seen(struct store *s, const struct store_mailbox_seen *m, struct index_mailbox *box,
	struct err *e)
{
	int known = index_mailbox_by_wire(s->x, m->wire, box, e);
	if (known < 0 || (known == 0 && name_new(s, m, box, e) != 0))
		return -1;
	bool was_there = known > 0 && box->present, on_disk;
	if (take_facts(box, m, &on_disk, e) != 0)
		return -1;
	if (on_disk && make_on_disk(s, box, e) != 0)
		return -1;
	int result = known > 0 ? index_mailbox_update(s->x, box, s->run, e)
			       : index_mailbox_insert(s->x, box, s->run, e);
	if (result == 0 && !was_there)
		result = index_span_begin(s->x, box->id, box->generation, s->run, e);
	return result;
}

static bool is_as_known(const struct store_mailbox_seen *m)
{
	const struct store_mailbox *k = m->known;
	return k != NULL && k->present && k->delimiter == m->delimiter &&
		k->selectable == m->selectable && k->subscribed == m->subscribed &&
		slice_eq(buf_slice(&k->attributes), m->attributes);
}

int store_mailbox_seen(
	struct store *s, const struct store_mailbox_seen *m, int64_t *id, struct err *e)
{
	if (store_has_run(s, e) != 0)
		return -1;
	if (is_as_known(m)) {
		*id = m->known->id;
		return unchanged_note(s, *id, false, e);
	}
	if (store_writable(s, e) != 0)
		return -1;
	/* INBOX is one mailbox, however the server spells it today (RFC 9051 section 5.1). */
	struct store_mailbox_seen as = *m;
	if (mailbox_is_inbox(m->wire))
		as.wire = slice_str("INBOX");
	struct index_mailbox box;
	index_mailbox_init(&box);
	int result = store_outcome(s, seen(s, &as, &box, e), e);
	if (result == 0)
		*id = box.id;
	s->group.changes++;
	index_mailbox_release(&box);
	return result;
}

static int vanished(struct store *s, struct index_mailbox *box, struct err *e)
{
	if (!box->present)
		return 0;
	box->present = false;
	if (index_mailbox_update(s->x, box, s->run, e) != 0)
		return -1;
	return index_span_end(s->x, box->id, s->run, e);
}

int store_mailbox_vanished(struct store *s, int64_t id, struct err *e)
{
	if (store_writable(s, e) != 0)
		return -1;
	struct index_mailbox box;
	index_mailbox_init(&box);
	int result = index_mailbox_get(s->x, id, &box, e);
	if (result > 0)
		result = vanished(s, &box, e);
	else if (result == 0)
		result = err_set(e, ERR_MAILBOX, E_MISSING, "the index has no mailbox number %lld",
			(long long)id);
	s->group.changes++;
	index_mailbox_release(&box);
	return store_outcome(s, result, e);
}

int store_mailbox_unchanged(struct store *s, int64_t mailbox, struct err *e)
{
	if (store_has_run(s, e) != 0)
		return -1;
	return unchanged_note(s, mailbox, true, e);
}

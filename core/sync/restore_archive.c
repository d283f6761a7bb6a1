/* SPDX-License-Identifier: MIT */
/* restore_archive.c -- our archive as the origin of a restore, with the journal in its index. */
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore.h"
#include "core/sync/restore_origin.h"

struct archive {
	struct restore_origin base;
	const struct restore_options *options;
	struct store *store;
	/* of the running call */
	const struct origin_sink *to;
};

struct archive_reader {
	struct origin_reader base;
	struct store_reader *in;
};

/* ---- reading --------------------------------------------------------------------------------- */

static long reader_read(struct origin_reader *x, void *p, size_t n, struct err *e)
{
	return store_reader_read(((struct archive_reader *)x)->in, p, n, e);
}

static void reader_close(struct origin_reader *x)
{
	store_reader_close(((struct archive_reader *)x)->in);
	free(x);
}

static int archive_open_message(struct restore_origin *o, int64_t generation, uint32_t uid,
	struct origin_reader **out, struct err *e)
{
	struct archive *a = (struct archive *)o;
	struct archive_reader *x = calloc(1, sizeof *x);
	if (x == NULL)
		return err_nomem(e, "reading a message");
	x->base = (struct origin_reader){reader_read, reader_close};
	if (store_reader_open(a->store, generation, uid, &x->in, e) != 0) {
		free(x);
		return -1;
	}
	*out = &x->base;
	return 0;
}

static void archive_label(
	struct restore_origin *o, int64_t generation, uint32_t uid, struct buf *out)
{
	(void)o;
	(void)generation;
	buf_addf(out, "UID %lu", (unsigned long)uid);
}

/* ---- the selection --------------------------------------------------------------------------- */

static int on_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	struct archive *a = ctx;
	const struct origin_folder f = {.wire = box->wire,
		.name = box->name,
		.attributes = box->attributes,
		.delimiter = box->delimiter,
		.subscribed = box->subscribed};
	return a->to->folder(a->to->ctx, &f, e);
}

static int on_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct archive *a = ctx;
	const struct store_record *r = item->record;
	if (a->options->wants != NULL && !a->options->wants(a->options->ctx, item))
		return 0;
	struct origin_message m = {.generation = r->generation,
		.uid = r->uid,
		.size = r->size_wire,
		.claimed = r->size_claimed,
		.date = r->date,
		.flags = r->flags};
	memcpy(m.sha256, r->sha256, SHA256_LEN);
	return a->to->message(a->to->ctx, &m, e);
}

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	struct archive *a = ctx;
	struct buf text = BUF_INIT(2 * ERR_TEXT_MAX);
	buf_addf(&text, "%s; whether it is meant cannot be said", why->text);
	int rc = a->to->odd(
		a->to->ctx, item->record->generation, item->record->uid, buf_str(&text), e);
	buf_release(&text);
	return rc;
}

static int archive_run(struct restore_origin *o, const struct origin_sink *to,
	struct selection_counts *counts, struct err *e)
{
	struct archive *a = (struct archive *)o;
	const struct selection_sink sink = {
		.ctx = a, .folder = on_folder, .message = on_message, .unreadable = on_unreadable};
	a->to = to;
	return selection_run(a->store, a->options->select, &sink, counts, e);
}

/* ---- the journal ----------------------------------------------------------------------------- */

static int archive_journal_read(struct restore_origin *o, struct slice target, struct slice mailbox,
	int (*each)(void *ctx, const struct store_journal_row *r), void *ctx, struct err *e)
{
	return store_journal_read(((struct archive *)o)->store, target, mailbox, each, ctx, e);
}

static int archive_journal_write(struct restore_origin *o, struct slice target,
	struct slice mailbox, const struct store_journal_row *row, size_t n, bool durable,
	struct err *e)
{
	struct archive *a = (struct archive *)o;
	if (a->options->dry_run)
		return 0;
	return (durable ? store_journal_write : store_journal_note)(
		a->store, target, mailbox, row, n, e);
}

static int archive_unsettled(
	struct restore_origin *o, struct slice target, bool *any, struct err *e)
{
	return store_journal_unsettled(((struct archive *)o)->store, target, any, e);
}

/* ---- the archive ----------------------------------------------------------------------------- */

/* For the journal the archive must be written, which needs its layout; and it is not to be made when it is not there. */
static int open_store(struct archive *a, const char *path, struct err *e)
{
	struct store_options o = {.mode = STORE_READ};
	if (store_open(&a->store, path, &o, e) != 0)
		return -1;
	if (a->options->dry_run || a->options->rehearsal)
		return 0;
	o.layout = store_layout_of(a->store);
	o.mode = STORE_WRITE;
	store_close(a->store);
	a->store = NULL;
	return store_open(&a->store, path, &o, e);
}

static int survey(struct archive *a, struct err *e)
{
	struct store_mailbox_list l = {NULL, 0};
	struct inbox_survey s = {false, false};
	if (store_mailboxes(a->store, &l, e) != 0)
		return -1;
	for (size_t i = 0; i < l.n; i++)
		inbox_survey_add(&s, buf_slice(&l.at[i].wire), l.at[i].delimiter);
	store_mailbox_list_release(&l);
	a->base.all_below_inbox = inbox_survey_all_below(&s);
	return 0;
}

static void archive_close(struct restore_origin *o)
{
	struct archive *a = (struct archive *)o;
	store_close(a->store);
	free(a);
}

int archive_origin_open(struct restore_origin **out, const char *path,
	const struct restore_options *options, struct err *e)
{
	struct archive *a = calloc(1, sizeof *a);
	*out = NULL;
	if (a == NULL)
		return err_nomem(e, "the archive");
	a->options = options;
	a->base = (struct restore_origin){.where = "in the archive",
		.advice = "; see imapsync verify",
		.run = archive_run,
		.label = archive_label,
		.open = archive_open_message,
		.journal_read = options->rehearsal ? NULL : archive_journal_read,
		.journal_write = options->rehearsal ? NULL : archive_journal_write,
		.unsettled = options->rehearsal ? NULL : archive_unsettled,
		.close = archive_close};
	if (open_store(a, path, e) != 0 || survey(a, e) != 0) {
		archive_close(&a->base);
		return -1;
	}
	*out = &a->base;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* restore.c -- the job: open the origin, connect, and hand its folders over, one after the other. */
#include "core/sync/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/import.h"
#include "core/sync/restore_internal.h"

#define WHO_MAX	 4096
#define NOTE_MAX 2048

/* ---- telling --------------------------------------------------------------------------------------- */

static void tell(struct restore *r, enum sync_note kind, const char *line)
{
	if (r->hooks != NULL && r->hooks->note != NULL)
		r->hooks->note(r->hooks->ctx, kind, line);
	if (kind == SYNC_NOTE_PROBLEM)
		r->report->problems++;
}

void restore_note(struct restore *r, enum sync_note kind, const char *fmt, ...)
{
	char line[NOTE_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	tell(r, kind, line);
}

void restore_say(
	struct restore_folder *f, enum sync_note kind, const struct want *w, const char *text)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf label = BUF_INIT(ORIGIN_NAME_MAX);
	f->r->origin->label(f->r->origin, w->generation, w->uid, &label);
	restore_note(f->r, kind, "%s: %s: %s", buf_str(&f->name),
		text_show(shown, sizeof shown, buf_slice(&label)), text);
	buf_release(&label);
}

void restore_odd(struct restore_folder *f, const struct want *w, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	f->notes++;
	if (f->notes > SYNC_NOTES_MAX) {
		f->r->report->problems++;
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	restore_say(f, SYNC_NOTE_PROBLEM, w, text);
}

void restore_progress(struct restore *r)
{
	int64_t now = clock_now(clock_monotonic());
	if (r->hooks == NULL || r->hooks->progress == NULL || now < r->progress_due)
		return;
	r->progress_due = now + SYNC_PROGRESS_MS;
	r->hooks->progress(r->hooks->ctx, &r->progress);
}

/* ---- what is wanted -------------------------------------------------------------------------------- */

struct gather {
	struct restore *r;
	struct restore_folder *folder; /* whose messages come, or NULL */
};

static int settle(struct gather *g, struct err *e)
{
	struct restore_folder *f = g->folder;
	g->folder = NULL;
	return f != NULL ? pool_add(g->r, f, e) : 0;
}

static int on_folder(void *ctx, const struct origin_folder *f, struct err *e)
{
	struct gather *g = ctx;
	if (settle(g, e) != 0)
		return -1;
	g->folder = restore_folder_new(g->r, f, e);
	g->r->report->folders++;
	g->r->progress.folders_total++;
	return g->folder != NULL ? 0 : -1;
}

static int on_message(void *ctx, const struct origin_message *m, struct err *e)
{
	struct gather *g = ctx;
	g->r->progress.messages_total++;
	return restore_folder_add(g->folder, m, e);
}

static int on_broken(void *ctx, const struct err *why, struct err *e)
{
	struct gather *g = ctx;
	(void)e;
	g->r->report->folders_failed++;
	restore_note(g->r, SYNC_NOTE_PROBLEM, "%s: %s", buf_str(&g->folder->name), why->text);
	return 0;
}

static int on_odd(void *ctx, int64_t generation, uint32_t uid, const char *why, struct err *e)
{
	const struct want w = {.generation = generation, .uid = uid};
	(void)e;
	restore_odd(((struct gather *)ctx)->folder, &w, "%s", why);
	return 0;
}

static int flush_journal(struct restore *r, struct err *e)
{
	struct restore_origin *o = r->origin;
	return o->journal_write == NULL
		? 0
		: o->journal_write(o, buf_slice(&r->who), SLICE_NONE, NULL, 0, true, e);
}

int64_t restore_settled_at(const struct restore *r)
{
	unsigned ms = r->options->settle_ms != 0 ? r->options->settle_ms : SYNC_SETTLE_MS;
	return clock_now(clock_monotonic()) + ms;
}

/* An earlier run may have been killed a moment ago. Without a journal there is no knowing; nobody else knows of the folders
 * of a rehearsal. */
static int await_earlier(struct restore *r, struct err *e)
{
	struct restore_origin *o = r->origin;
	bool any = !r->options->rehearsal;
	if (o->unsettled != NULL && o->unsettled(o, buf_slice(&r->who), &any, e) != 0)
		return -1;
	r->settled_at = any ? restore_settled_at(r) : 0;
	return 0;
}

static int run(struct restore *r, struct err *e)
{
	struct err second = ERR_INIT;
	struct gather g = {.r = r};
	const struct origin_sink sink = {.ctx = &g,
		.folder = on_folder,
		.message = on_message,
		.broken = on_broken,
		.odd = on_odd};
	r->make_empty = !r->options->rehearsal && !selection_of_messages(r->options->select);
	int rc = await_earlier(r, e);
	if (rc == 0)
		rc = pool_begin(r, e);
	if (rc == 0)
		rc = r->origin->run(r->origin, &sink, &r->report->selected, e);
	if (rc == 0)
		rc = settle(&g, e);
	if (rc == 0)
		rc = pool_finish(r, e);
	r->progress.folder = SLICE_NONE;
	restore_folder_free(g.folder);
	pool_end(r, rc == 0);
	/* What is known must be known to the next run, however this one ends. */
	struct err *why = rc == 0 ? e : &second;
	if (flush_journal(r, why) != 0)
		rc = -1;
	return rc;
}

/* ---- the job --------------------------------------------------------------------------------------- */

static int name_target(struct restore *r, struct err *e)
{
	const struct sync_account *a = r->account;
	buf_addf(&r->who, "%s@", a->user != NULL ? a->user : "");
	for (size_t i = 0; a->tunnel != NULL && a->tunnel[i] != NULL; i++)
		buf_addf(&r->who, "%s%s", i > 0 ? " " : "", a->tunnel[i]);
	unsigned port = a->port != 0 ? a->port : a->security == IMAP4_TLS ? 993 : 143;
	if (a->tunnel == NULL)
		buf_addf(&r->who, "%s:%u", a->host != NULL ? a->host : "", port);
	return buf_check(&r->who, "the name of the target", e);
}

static void release(struct restore *r)
{
	sync_folders_release(&r->remote);
	sha256_free(r->hash);
	buf_release(&r->who);
	buf_release(&r->prefix);
}

static int restore_from(struct restore_origin *origin, const struct sync_account *to,
	const struct restore_options *o, const struct sync_hooks *h, struct restore_report *report,
	struct err *e)
{
	struct sync_account account = *to;
	struct restore r = {
		.account = &account, .options = o, .hooks = h, .report = report, .origin = origin};
	account.alerts = h;
	account.may_write = !o->dry_run;
	buf_init(&r.who, WHO_MAX);
	buf_init(&r.prefix, STORE_NAME_MAX);
	r.hash = sha256_new(e);
	int rc = r.hash != NULL ? name_target(&r, e) : -1;
	if (rc == 0)
		rc = run(&r, e);
	release(&r);
	return rc;
}

int sync_restore_from(const char *path, const struct sync_account *to,
	const struct restore_options *o, const struct sync_hooks *h, struct restore_report *report,
	struct err *e)
{
	struct restore_origin *origin = NULL;
	memset(report, 0, sizeof *report);
	int rc = import_open(&origin, path, o, h, e);
	if (rc == 0)
		rc = restore_from(origin, to, o, h, report, e);
	origin_close(origin);
	return rc;
}

int sync_restore(const char *path, const struct sync_account *to, const struct restore_options *o,
	const struct sync_hooks *h, struct restore_report *report, struct err *e)
{
	struct restore_origin *origin = NULL;
	memset(report, 0, sizeof *report);
	int rc = archive_origin_open(&origin, path, o, e);
	if (rc == 0)
		rc = restore_from(origin, to, o, h, report, e);
	origin_close(origin);
	return rc;
}

/* SPDX-License-Identifier: MIT */
/*
 * repair.c -- mend the archive, then fetch what it lost from the server, then say what could not
 * be had.
 *
 * Fetching is an ordinary backup of the folders concerned: messages that were lost here say
 * *failed*, and those are tried again in each run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/job.h"
#include "core/sync/verify.h"

/* A message that has to be fetched again. */
struct lost {
	char *mailbox; /* UTF-8 name */
	int64_t generation;
	uint32_t uid;
};

struct repair_job {
	const struct sync_account *account;
	const struct sync_repair_options *options;
	const struct sync_hooks *hooks;
	struct sync_repair_report *report;
	struct lost *at;
	size_t n, cap;
	bool nomem;
};

/* ---- what store_repair() tells --------------------------------------------------------------- */

static void remember(struct repair_job *j, const struct store_finding *f)
{
	if (j->n == j->cap) {
		size_t cap = j->cap == 0 ? 64 : 2 * j->cap;
		struct lost *at = realloc(j->at, cap * sizeof *at);
		j->nomem = j->nomem || at == NULL;
		if (at == NULL)
			return;
		j->at = at;
		j->cap = cap;
	}
	char *name = malloc(f->mailbox.n + 1);
	j->nomem = j->nomem || name == NULL;
	if (name == NULL)
		return;
	memcpy(name, f->mailbox.p, f->mailbox.n);
	name[f->mailbox.n] = '\0';
	j->at[j->n++] = (struct lost){name, f->generation, f->uid};
}

static int on_mended(void *ctx, const struct store_finding *f, enum store_mending m)
{
	struct repair_job *j = ctx;
	if (m == STORE_TO_FETCH)
		remember(j, f);
	if (j->options->finding != NULL)
		j->options->finding(j->options->ctx, f, m);
	return 0;
}

static int on_progress(void *ctx, const struct store_verify_counts *c, struct slice mailbox)
{
	const struct repair_job *j = ctx;
	return hooks_reading(j->hooks, c, mailbox);
}

static int repair_local(struct repair_job *j, struct err *e)
{
	char who[JOB_IDENTITY_MAX];
	const struct sync_account *a = j->account;
	const struct store_options o = {.mode = STORE_WRITE,
		.layout = a->layout,
		.newline = a->newline,
		.account = job_identity(a, who, sizeof who),
		.rebuild = true};
	struct store *s;
	/* Opening for writing would make an empty archive of a path that was mistyped. */
	if (!store_has_tree(a->path)) {
		char shown[TEXT_SHOW_SIZE];
		return err_set(e, ERR_STORE, E_MISSING,
			"there is no archive with messages in %s: nothing to repair",
			text_show(shown, sizeof shown, slice_str(a->path)));
	}
	if (store_open(&s, a->path, &o, e) != 0)
		return -1;
	j->report->recovery = *store_recovered(s);
	int rc = store_repair(s, on_mended, j, on_progress, &j->report->local, e);
	store_close(s);
	if (rc == 0 && j->nomem)
		rc = err_nomem(e, "repairing the archive");
	return rc;
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* Findings come by folder, so the same names stand together. */
static int fetch(struct repair_job *j, struct err *e)
{
	struct sync_account a = *j->account;
	const struct sync_backup_options o = {.audit = false};
	char **name = calloc(j->n, sizeof *name);
	size_t n = 0;
	if (name == NULL)
		return err_nomem(e, "fetching damaged messages");
	for (size_t i = 0; i < j->n; i++)
		if (n == 0 || strcmp(name[n - 1], j->at[i].mailbox) != 0)
			name[n++] = j->at[i].mailbox;
	a.folders = (struct sync_patterns){name, n};
	a.exclude = (struct sync_patterns){NULL, 0};
	a.subscribed_only = false;
	j->report->fetched = true;
	int rc = sync_backup(&a, &o, j->hooks, &j->report->backup, e);
	free(name);
	return rc;
}

/* ---- what is still missing ------------------------------------------------------------------- */

struct look {
	bool stored;
	char why[ERR_TEXT_MAX];
};

static int look_at(void *ctx, const struct store_record *r)
{
	struct look *l = ctx;
	char shown[TEXT_SHOW_SIZE];
	l->stored = r->has_file;
	if (r->state == STORE_GONE)
		snprintf(l->why, sizeof l->why, "the server does not have it any more");
	else
		snprintf(l->why, sizeof l->why, "%s", text_show(shown, sizeof shown, r->reason));
	return 0;
}

static int look_at_lost(
	struct repair_job *j, struct store *s, const struct lost *lost, struct err *e)
{
	struct uidset one = UIDSET_INIT;
	struct look l = {false, "the index does not know it"};
	int rc = uidset_add(&one, lost->uid, e);
	if (rc == 0)
		rc = store_records(s, lost->generation, &one, look_at, &l, e);
	uidset_release(&one);
	if (rc != 0 || l.stored)
		return rc;
	j->report->unmended++;
	if (j->options->unmended != NULL)
		j->options->unmended(j->options->ctx, slice_str(lost->mailbox), lost->uid, l.why);
	return 0;
}

static int check_result(struct repair_job *j, struct err *e)
{
	const struct store_options o = {
		.mode = STORE_READ, .layout = j->account->layout, .newline = j->account->newline};
	struct store *s;
	if (store_open(&s, j->account->path, &o, e) != 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < j->n; i++)
		rc = look_at_lost(j, s, &j->at[i], e);
	store_close(s);
	return rc;
}

int sync_repair(const struct sync_account *a, const struct sync_repair_options *o,
	const struct sync_hooks *h, struct sync_repair_report *r, struct err *e)
{
	struct repair_job j = {.account = a, .options = o, .hooks = h, .report = r};
	memset(r, 0, sizeof *r);
	int rc = repair_local(&j, e);
	r->unmended = r->local.lost + r->local.not_mended;
	if (rc == 0 && j.n > 0) {
		int fetched = o->offline ? 0 : fetch(&j, e);
		struct err second = ERR_INIT;
		/* Also when fetching failed: some may have come, and the others must be named. */
		rc = check_result(&j, fetched == 0 ? e : &second);
		rc = fetched != 0 ? fetched : rc;
	}
	for (size_t i = 0; i < j.n; i++)
		free(j.at[i].mailbox);
	free(j.at);
	return rc;
}

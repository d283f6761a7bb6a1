/* SPDX-License-Identifier: MIT */
/*
 * verify.c -- the archive checked against itself, then against the server.
 *
 * An archive whose index is missing or unreadable is exactly what this job is for, so those
 * failures of opening it are findings; a lock held by another run or a folder that is not there
 * are errors.
 */
#include <string.h>

#include "core/sync/job.h"
#include "core/sync/verify_internal.h"

static int on_finding(void *ctx, const struct store_finding *f)
{
	struct verify_job *j = ctx;
	j->report->damage += store_fault_is_damage(f->fault);
	if (j->options->finding != NULL)
		j->options->finding(j->options->ctx, f);
	return 0;
}

static int on_progress(void *ctx, const struct store_verify_counts *c, struct slice mailbox)
{
	const struct verify_job *j = ctx;
	return hooks_reading(j->hooks, c, mailbox);
}

static int verify_local(struct verify_job *j, struct err *e)
{
	const struct sync_verify_options *o = j->options;
	struct store_verify_options options = {
		.ctx = j, .each = on_finding, .progress = on_progress};
	if (o->sample) {
		options.take = o->take;
		options.of = o->of;
		options.round = store_sample_round(j->store);
	}
	if (store_verify(j->store, &options, &j->report->local, e) != 0)
		return -1;
	if (o->sample)
		store_sample_done(j->store, options.round);
	return 0;
}

/* What repair makes anew: the tree is there, and its index cannot be opened. */
static int index_unusable(struct verify_job *j, struct err *e)
{
	const struct err why = *e;
	const struct store_finding f = {.fault = STORE_FAULT_INDEX, .detail = why.text};
	err_clear(e);
	j->report->index_unusable = true;
	j->report->local.faults[STORE_FAULT_INDEX]++;
	return on_finding(j, &f);
}

int sync_verify(const struct sync_account *account, const struct sync_verify_options *o,
	const struct sync_hooks *h, struct sync_verify_report *r, struct err *e)
{
	struct sync_account a = *account;
	struct verify_job j = {.account = &a, .options = o, .hooks = h, .report = r};
	const struct store_options options = {
		.mode = STORE_READ, .layout = a.layout, .newline = a.newline};
	memset(r, 0, sizeof *r);
	if (store_open(&j.store, a.path, &options, e) != 0) {
		if (e->code == E_CORRUPT || (e->code == E_MISSING && store_has_tree(a.path)))
			return index_unusable(&j, e);
		return -1;
	}
	int result = verify_local(&j, e);
	if (result == 0 && o->server != SYNC_SERVER_NO)
		result = verify_server(&j, e);
	store_close(j.store);
	return result;
}

const char *sync_difference_name(enum sync_difference_kind k)
{
	static const char *const name[SYNC_DIFF_COUNT] = {"not-here", "not-there", "server-size",
		"server-date", "server-content", "uidvalidity", "server-folder"};
	return (unsigned)k < SYNC_DIFF_COUNT ? name[k] : "unknown";
}

bool sync_difference_is_damage(enum sync_difference_kind k)
{
	return k == SYNC_DIFF_DATE || k == SYNC_DIFF_CONTENT;
}

bool sync_difference_is_unsafe(enum sync_difference_kind k)
{
	return k == SYNC_DIFF_NOT_HERE || k == SYNC_DIFF_FOLDER;
}

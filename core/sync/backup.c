/* SPDX-License-Identifier: MIT */
/*
 * backup.c -- the job from start to end: archive, connection, list of mailboxes, plan, mailboxes,
 * report.
 *
 * The archive comes first: its lock is what keeps two runs apart, and a run that never reached the
 * server is recorded like any other.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/dry.h"
#include "core/sync/folders.h"
#include "core/sync/job.h"
#include "core/sync/plan.h"
#include "core/sync/pool.h"

/* What a running backup gathers before it opens mailboxes. */
struct run {
	struct job *job;
	struct dial dial;
	struct sync_folders remote;
	struct store_mailbox_list local;
	struct plan plan;
	int64_t *mailbox; /* row of each entry of the plan */
	size_t opened; /* mailboxes that were to be opened: none, and `local` is still true at the end */
};

/* ---- recording what LIST said ---------------------------------------------------------------- */

static int record_folder(struct run *r, size_t i, struct err *e)
{
	const struct plan_entry *p = &r->plan.at[i];
	const struct sync_folder *f = p->remote;
	struct sync_report *report = r->job->report;
	if (p->action == PLAN_LEAVE)
		return 0;
	report->folders++;
	report->folders_new += p->local == NULL;
	const struct store_mailbox_seen seen = {.wire = buf_slice(&f->wire),
		.delimiter = f->delimiter,
		.attributes = buf_slice(&f->attributes),
		.selectable = f->selectable,
		.subscribed = f->subscribed,
		.known = p->local};
	if (store_mailbox_seen(r->job->store, &seen, &r->mailbox[i], e) != 0) {
		char shown[TEXT_SHOW_SIZE];
		if (e->scope > ERR_MAILBOX)
			return -1;
		r->mailbox[i] = 0;
		report->folders_failed++;
		job_note(r->job, SYNC_NOTE_PROBLEM, "%s: %s; the folder is not saved",
			text_show(shown, sizeof shown, buf_slice(&f->name)), e->text);
		err_clear(e);
		return 0;
	}
	if (p->action != PLAN_UNCHANGED)
		return 0;
	report->folders_unchanged++;
	return store_mailbox_unchanged(r->job->store, r->mailbox[i], e);
}

static int record_vanished(struct run *r, struct err *e)
{
	for (size_t i = 0; i < r->plan.nvanished; i++) {
		char shown[TEXT_SHOW_SIZE];
		const struct store_mailbox *m = r->plan.vanished[i];
		if (store_mailbox_vanished(r->job->store, m->id, e) != 0)
			return -1;
		r->job->report->folders_vanished++;
		job_note(r->job, SYNC_NOTE_STEP, "%s: not on the server any more; the copy is kept",
			text_show(shown, sizeof shown, buf_slice(&m->name)));
	}
	return 0;
}

static int record(struct run *r, struct err *e)
{
	struct job *j = r->job;
	r->mailbox = calloc(r->plan.n + 1, sizeof *r->mailbox);
	if (r->mailbox == NULL)
		return err_nomem(e, "planning the backup");
	for (size_t i = 0; i < r->plan.n; i++) {
		if (record_folder(r, i, e) != 0)
			return -1;
		if (r->plan.at[i].action == PLAN_OPEN && r->mailbox[i] != 0)
			r->opened++;
	}
	j->progress.folders_total = r->opened;
	if (record_vanished(r, e) != 0)
		return -1;
	job_note(j, SYNC_NOTE_STEP, "%zu of %zu folders to look at", j->progress.folders_total,
		j->report->folders);
	/* A pattern with a slip of the pen must not pass for a good backup. */
	if (j->report->folders == 0)
		job_note(j, SYNC_NOTE_PROBLEM,
			"no folder of the server is selected; nothing was saved (check \"folders\" and "
			"\"exclude\")");
	return 0;
}

/* ---- what the server can do ------------------------------------------------------------------ */

/* How many messages are new, going by the numbers. */
static uint64_t count_expected(const struct plan *plan)
{
	uint64_t n = 0;
	for (size_t i = 0; i < plan->n; i++) {
		const struct sync_folder *f = plan->at[i].remote;
		const struct store_mailbox *m = plan->at[i].local;
		if (plan->at[i].action != PLAN_OPEN)
			continue;
		if (m == NULL || m->complete_run == 0 || m->uidvalidity != f->uidvalidity)
			n += f->messages;
		else if (f->uidnext > m->uidnext)
			n += f->uidnext - m->uidnext;
	}
	return n;
}

/* COMPRESS costs a round trip, so there must be something to win. */
static void choose_compression(struct run *r)
{
	struct sync_account *a = r->job->account;
	if (a->compress != SYNC_COMPRESS_AUTO)
		return;
	bool on = count_expected(&r->plan) >= SYNC_COMPRESS_FROM && dial_compress(&r->dial);
	if (on)
		job_note(r->job, SYNC_NOTE_STEP, "asking for compression");
	/* For the connections that are still to come. */
	a->compress = on ? SYNC_COMPRESS_YES : SYNC_COMPRESS_NO;
}

/* Can a message be met that the archive has already? In an empty one only behind the mailbox that has all (RFC 6154). */
static bool may_know_messages(const struct run *r)
{
	for (size_t i = 0; i < r->local.n; i++)
		if (r->local.at[i].stored > 0 || r->local.at[i].gone > 0)
			return true;
	for (size_t i = 0; i < r->plan.n; i++)
		if (r->plan.at[i].action == PLAN_OPEN &&
			folder_has_attribute(r->plan.at[i].remote, "\\All"))
			return true;
	return false;
}

static void choose_ids(struct run *r)
{
	if (account_has_ids(r->job->account, r->dial.session) && may_know_messages(r))
		r->job->ids = JOB_IDS_OFFERED;
}

/* ---- the steps ------------------------------------------------------------------------------- */

static int dial_and_list(struct run *r, unsigned options, bool *complete, struct err *e)
{
	struct job *j = r->job;
	if (dial_start(&r->dial, j->account, j->hooks, 0, e) != 0 || dial_ask(&r->dial, e) != 0)
		return -1;
	/* The second time, after a connection was lost, they are known. */
	if (r->local.at == NULL && store_mailboxes(j->store, &r->local, e) != 0)
		return -1;
	if (dial_wait(&r->dial, e) != 0)
		return -1;
	job_note(j, SYNC_NOTE_STEP, "connected%s%s",
		imap4_tls(r->dial.session)[0] != '\0' ? ": " : "", imap4_tls(r->dial.session));
	int64_t asked = clock_now(clock_monotonic());
	int rc = folders_gather(
		r->dial.session, j->account, options | FOLDERS_SELECTED, &r->remote, complete, e);
	dial_waited(&r->dial, clock_now(clock_monotonic()) - asked);
	return rc;
}

static int connect_and_list(struct run *r, bool *complete, struct err *e)
{
	if (dial_and_list(r, 0, complete, e) == 0)
		return 0;
	bool logged_in = r->dial.ready;
	dial_close(&r->dial);
	/* A login that failed is not repeated (accounts get locked); a connection lost after it
	 * is replaced once, and then without NAMESPACE, which Exchange 2003 hangs up on. */
	if (!logged_in || e->scope != ERR_CONNECTION)
		return -1;
	job_note(r->job, SYNC_NOTE_STEP, "%s; connecting again", e->text);
	r->job->reconnects++;
	err_clear(e);
	return dial_and_list(r, FOLDERS_NO_NAMESPACE, complete, e);
}

static int run_steps(struct run *r, struct err *e)
{
	struct job *j = r->job;
	bool complete = false;
	if (connect_and_list(r, &complete, e) != 0)
		return -1;
	if (!complete)
		job_note(j, SYNC_NOTE_WARNING,
			"the list of folders is not whole; folders that are missing from it are not taken for deleted");
	if (plan_account(&r->plan, &r->remote, complete, &r->local, j->account->audit_every,
		    j->options->audit, e) != 0 ||
		record(r, e) != 0)
		return -1;
	choose_compression(r);
	choose_ids(r);
	return pool_run(j, &r->dial, &r->plan, r->mailbox, e);
}

/* ---- the end --------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void count_mailboxes(struct run *r, const struct store_mailbox_list *now, size_t rows)
{
	struct sync_report *report = r->job->report;
	for (size_t i = 0; i < now->n; i++) {
		const struct store_mailbox *m = &now->at[i];
		report->archive_messages += m->stored;
		report->archive_bytes += m->bytes;
		if (rows > 0 && bsearch(&m->id, r->mailbox, rows, sizeof *r->mailbox, by_id))
			report->messages_failed += m->failed;
	}
}

/* What is in the archive now, and how much of what the account selects is not safe. */
static int count_archive(struct run *r, struct err *e)
{
	struct store_mailbox_list now = {NULL, 0};
	/* The plan is done with: its rows may be sorted. */
	size_t rows = r->mailbox != NULL ? r->plan.n : 0;
	bool same = rows > 0 && r->opened == 0;
	if (!same && store_mailboxes(r->job->store, &now, e) != 0)
		return -1;
	if (rows > 0)
		qsort(r->mailbox, rows, sizeof *r->mailbox, by_id);
	count_mailboxes(r, same ? &r->local : &now, rows);
	store_mailbox_list_release(&now);
	return 0;
}

static bool is_partial(const struct sync_report *r)
{
	return r->problems > 0 || r->messages_failed > 0 || r->folders_failed > 0 ||
		r->budget_reached;
}

static enum store_result result_of(const struct job *j, int rc, const struct err *e)
{
	if (rc != 0)
		return e->code == E_CANCELLED ? STORE_RUN_INTERRUPTED : STORE_RUN_FAILED;
	return is_partial(j->report) ? STORE_RUN_PARTIAL : STORE_RUN_OK;
}

static int end_run(struct run *r, int rc, struct err *e)
{
	struct job *j = r->job;
	struct sync_report *report = j->report;
	struct err second = ERR_INIT;
	bool dead = rc != 0 && e->scope == ERR_STORE;
	/* Counted before the end is recorded, for the record says whether all is safe; and after the files have their
	 * names, for one may turn out to be damaged. A run without files is one transaction. */
	bool waiting = !dead && store_files_waiting(j->store);
	if (!dead &&
		((waiting && store_commit(j->store, &second) != 0) ||
			count_archive(r, &second) != 0)) {
		if (rc == 0)
			*e = second;
		rc = -1;
	}
	err_clear(&second);
	struct store_run run = {.result = result_of(j, rc, e),
		.mailboxes = report->folders,
		.messages_new = report->messages_new,
		.bytes_new = report->bytes_new,
		.messages_gone = report->messages_gone,
		.flags_changed = report->flags_changed,
		.failed = report->messages_failed + report->folders_failed,
		.text = rc != 0			 ? e->text
			: report->budget_reached ? "byte-budget reached"
			: is_partial(report)	 ? "not everything could be saved"
						 : ""};
	if (store_run_end(j->store, &run, &second) != 0 && rc == 0) {
		*e = second;
		rc = -1;
	}
	return rc;
}

static int in_archive(struct job *j, struct err *e)
{
	struct run r = {.job = j};
	if (store_run_begin(j->store, e) != 0)
		return -1;
	int rc = run_steps(&r, e);
	rc = end_run(&r, rc, e);
	if (r.dial.session != NULL)
		dial_close(&r.dial);
	free(r.mailbox);
	plan_release(&r.plan);
	store_mailbox_list_release(&r.local);
	sync_folders_release(&r.remote);
	return rc;
}

const char *job_identity(const struct sync_account *a, char *buf, size_t size)
{
	if (a->tunnel != NULL || a->host == NULL)
		return NULL;
	snprintf(buf, size, "%s@%s", a->user != NULL ? a->user : "", a->host);
	return buf;
}

static int with_store(struct job *j, struct err *e)
{
	char who[JOB_IDENTITY_MAX];
	const struct sync_account *a = j->account;
	const struct store_options o = {.mode = STORE_WRITE,
		.layout = a->layout,
		.newline = a->newline,
		.account = job_identity(a, who, sizeof who)};
	if (store_open(&j->store, a->path, &o, e) != 0)
		return -1;
	j->report->recovery = *store_recovered(j->store);
	int rc = in_archive(j, e);
	store_close(j->store);
	return rc;
}

int sync_backup(const struct sync_account *account, const struct sync_backup_options *o,
	const struct sync_hooks *h, struct sync_report *r, struct err *e)
{
	struct sync_account a = *account;
	struct job j = {.account = &a, .options = o, .hooks = h, .report = r};
	memset(r, 0, sizeof *r);
	a.alerts = h;
	j.max_message = a.max_message_size != 0 ? a.max_message_size : SYNC_MESSAGE_DEFAULT;
	if (j.max_message > SYNC_MESSAGE_MAX)
		j.max_message = SYNC_MESSAGE_MAX;
	int rc = o->dry_run ? dry_run(&j, e) : with_store(&j, e);
	r->wire_in = j.wire_in;
	r->wire_out = j.wire_out;
	if (rc != 0)
		r->worst = *e;
	return rc;
}

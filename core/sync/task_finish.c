/* SPDX-License-Identifier: MIT */
/*
 * task_finish.c -- proof of absence by a later listing, then the sum: is every listed UID accounted
 * for? Only then may the next run skip this mailbox on the word of STATUS.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/connect.h"
#include "core/sync/task.h"

#define SEARCHES_MAX 2 /* mail may arrive between a search and its EXISTS: look once more */

static int after_confirm(struct task *t, struct err *e);

int task_confirm(struct task *t, struct err *e)
{
	if (uidset_is_empty(&t->suspects) && uidset_is_empty(&t->doubt)) {
		t->step = task_finish;
		return 1;
	}
	if (!task_may_start(t))
		return 0;
	if (task_search(t, e) != 0)
		return -1;
	t->searches++;
	t->step = after_confirm;
	return 0;
}

static int record_gone(struct task *t, const struct uidset *gone, struct err *e)
{
	if (uidset_is_empty(gone))
		return 0;
	if (store_messages_gone(t->generation, gone, e) != 0)
		return -1;
	uint64_t n = uidset_count(gone);
	t->gone += n;
	t->job->report->messages_gone += n;
	return 0;
}

static int record_absence(struct task *t, bool credible, struct err *e)
{
	struct plan_absence p;
	if (plan_absence(&p, &t->suspects, &t->doubt, &t->later, credible, e) != 0)
		return -1;
	int rc = record_gone(t, &p.gone, e);
	for (uint32_t uid = 0; rc == 0 && (uid = uidset_next(&p.unfetched, uid)) != 0;)
		rc = task_failed(t, uid, "the server said OK but sent no message", e);
	uint64_t there = uidset_count(&p.there);
	if (rc == 0 && there > 0) {
		t->incomplete = true;
		job_note(t->job, SYNC_NOTE_PROBLEM,
			"%s: %" PRIu64
			" messages saved earlier are missing from one listing but not from another; "
			"they are not taken for deleted",
			t->name, there);
	}
	plan_absence_release(&p);
	uidset_clear(&t->suspects);
	uidset_clear(&t->doubt);
	return rc;
}

/* A UID below the mark that no FETCH showed: the first listing was not whole, whatever its
 * count. */
static int check_overlooked(struct task *t, struct err *e)
{
	struct uidset extra = UIDSET_INIT;
	int rc = 0;
	if (t->marks.uidnext > 1) {
		rc = uidset_copy(&extra, &t->later, e);
		if (rc == 0)
			rc = uidset_subtract(&extra, &t->seen, e);
		if (rc == 0 && uidset_min(&extra) != 0 && uidset_min(&extra) < t->marks.uidnext) {
			t->incomplete = true;
			job_note(t->job, SYNC_NOTE_PROBLEM,
				"%s: the server listed UID %" PRIu32
				" only at second asking; the folder is listed again next time",
				t->name, uidset_min(&extra));
		}
	}
	uidset_release(&extra);
	return rc;
}

static int after_confirm(struct task *t, struct err *e)
{
	int rc = task_done(t, t->cmd, e);
	if (rc == 0)
		return 0;
	if (rc < 0 && (e->scope > ERR_MAILBOX || t->pause_ms > 0))
		return -1;
	if (rc > 0 && task_search_take(t, e) != 0)
		return -1;
	bool credible = rc > 0 && uidset_count(&t->later) == t->exists;
	task_drop(&t->cmd);
	err_clear(e);
	if (rc > 0 && !credible && t->searches < SEARCHES_MAX) {
		t->step = task_confirm;
		return 1;
	}
	if (credible && check_overlooked(t, e) != 0)
		return -1;
	if (record_absence(t, credible, e) != 0)
		return -1;
	t->step = task_finish;
	return 1;
}

/* ---- the sum --------------------------------------------------------------------------------- */

static int is_complete(struct task *t, bool *complete, struct err *e)
{
	const struct store_generation *g = t->generation;
	uint64_t rest;
	if (plan_complete(complete, &rest, &t->seen, store_stored(g), store_gone(g),
		    store_failed(g), t->incomplete, e) != 0)
		return -1;
	/* People have been told of whatever is failed, left out by the budget, or doubted.
	 * Nothing else may be left. */
	if (!*complete && !t->incomplete && uidset_is_empty(store_failed(g))) {
		t->incomplete = true;
		job_note(t->job, SYNC_NOTE_PROBLEM,
			"%s: %" PRIu64
			" listed messages are not saved; they will be tried in the next run",
			t->name, rest);
	}
	return 0;
}

static void add_count(char *line, size_t size, uint64_t n, const char *one, const char *many)
{
	size_t len = strlen(line);
	if (n > 0)
		snprintf(line + len, size - len, "%s%" PRIu64 " %s", len > 0 ? ", " : "", n,
			n == 1 ? one : many);
}

static void tell(struct task *t, bool complete)
{
	char line[256] = "";
	add_count(line, sizeof line, t->fresh, "new message", "new messages");
	add_count(line, sizeof line, t->linked, "message known already", "messages known already");
	add_count(line, sizeof line, t->flags_changed, "flag change", "flag changes");
	add_count(line, sizeof line, t->gone, "gone (kept here)", "gone (kept here)");
	add_count(line, sizeof line, t->failed, "message not saved", "messages not saved");
	job_note(t->job, SYNC_NOTE_FOLDER, "%s: %s%s", t->name,
		line[0] != '\0' ? line : "nothing new", complete ? "" : "; not complete");
	if (t->oddities > SYNC_NOTES_MAX)
		job_note(t->job, SYNC_NOTE_WARNING,
			"%s: %" PRIu64 " more notes about single messages", t->name,
			t->oddities - SYNC_NOTES_MAX);
}

int task_finish(struct task *t, struct err *e)
{
	bool complete;
	if (is_complete(t, &complete, e) != 0)
		return -1;
	/* Marks of an incomplete run are zero: no STATUS equals them, so the mailbox is opened
	 * again and listed in full until it is complete. */
	struct store_marks marks;
	memset(&marks, 0, sizeof marks);
	if (complete) {
		marks = t->marks;
		marks.complete = true;
		marks.audited = t->full;
	}
	if (store_marks_set(t->generation, &marks, e) != 0)
		return -1;
	t->job->report->flags_changed += t->flags_changed;
	tell(t, complete);
	t->step = NULL;
	return 1;
}

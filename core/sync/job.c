/* SPDX-License-Identifier: MIT */
/* job.c -- notes, progress and interruption of a running backup. */
#include "core/sync/job.h"

#include <stdio.h>

#include "core/base/clock.h"

/* A line holds a few shown names and one error text; what does not fit is cut at its end. */
#define NOTE_MAX 2048

static void note(const struct sync_hooks *h, enum sync_note kind, const char *fmt, va_list args)
	PRINTF_LIKE(3, 0);
static void note(const struct sync_hooks *h, enum sync_note kind, const char *fmt, va_list args)
{
	char line[NOTE_MAX];
	if (h == NULL || h->note == NULL)
		return;
	vsnprintf(line, sizeof line, fmt, args);
	h->note(h->ctx, kind, line);
}

void hooks_note(const struct sync_hooks *h, enum sync_note kind, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	note(h, kind, fmt, args);
	va_end(args);
}

void job_note(struct job *j, enum sync_note kind, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	note(j->hooks, kind, fmt, args);
	va_end(args);
	if (kind == SYNC_NOTE_PROBLEM)
		j->report->problems++;
}

void job_progress(struct job *j)
{
	int64_t now = clock_now(clock_monotonic());
	if (j->hooks == NULL || j->hooks->progress == NULL || now < j->progress_due)
		return;
	j->progress_due = now + SYNC_PROGRESS_MS;
	j->hooks->progress(j->hooks->ctx, &j->progress);
}

bool hooks_interrupted(const struct sync_hooks *h)
{
	return h != NULL && h->interrupt != NULL && h->interrupt->signal != 0;
}

bool hooks_reading(
	const struct sync_hooks *h, const struct store_verify_counts *c, struct slice mailbox)
{
	const struct sync_progress p = {.messages_done = c->rows,
		.messages_total = c->files,
		.bytes = c->bytes,
		.folder = mailbox};
	if (h != NULL && h->progress != NULL)
		h->progress(h->ctx, &p);
	return hooks_interrupted(h);
}

int job_check_interrupt(const struct job *j, struct err *e)
{
	if (!hooks_interrupted(j->hooks))
		return 0;
	return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by signal %d",
		(int)j->hooks->interrupt->signal);
}

uint64_t job_budget_left(const struct job *j)
{
	uint64_t budget = j->account->byte_budget, used = j->progress.bytes;
	if (budget == 0)
		return UINT64_MAX;
	return used < budget ? budget - used : 0;
}

void sync_interrupt_wake(struct sync_interrupt *i)
{
	for (size_t k = 0; k < sizeof i->wake / sizeof i->wake[0]; k++) {
		imap4_session *s = i->wake[k];
		if (s != NULL)
			imap4_wake(s);
	}
}

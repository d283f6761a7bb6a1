/* SPDX-License-Identifier: MIT */
/*
 * job.h -- what all parts of one running backup share: the account, the open archive, the report
 * that is being filled in, and the way to tell people about it.
 */
#ifndef CORE_SYNC_JOB_H
#define CORE_SYNC_JOB_H

#include "core/sync/limits.h"
#include "core/sync/sync.h"

/* Object ids of messages (RFC 8474, or Gmail's): may they say that the archive has a message already? */
enum job_ids {
	JOB_IDS_UNUSED,	 /* none are offered, or no message can be known by one yet */
	JOB_IDS_OFFERED, /* a sample decides */
	JOB_IDS_PROVED,
	JOB_IDS_BROKEN, /* one id had two contents: none is believed any more in this run */
};

struct job {
	struct sync_account *account; /* the job's own copy */
	const struct sync_backup_options *options;
	const struct sync_hooks *hooks;
	struct sync_report *report;
	struct store *store;
	uint64_t max_message;
	enum job_ids ids;
	unsigned reconnects;	    /* used up of SYNC_RECONNECTS_MAX */
	int64_t throttled_ms;	    /* used up of SYNC_THROTTLE_RUN_MS */
	uint64_t wire_in, wire_out; /* of connections that are closed */
	struct sync_progress progress;
	int64_t progress_due; /* monotonic ms */
};

/* One line for people. Pieces from outside must have gone through text_show(). A problem is
 * counted. */
void job_note(struct job *j, enum sync_note kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same without a job, for code that also runs outside a backup. h may be NULL. */
void hooks_note(const struct sync_hooks *h, enum sync_note kind, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* Tell the progress, unless that happened just now. */
void job_progress(struct job *j);
bool hooks_interrupted(const struct sync_hooks *h);
/* Progress of a walk over the archive (store_verify, store_repair). True when a signal asks to stop. */
bool hooks_reading(
	const struct sync_hooks *h, const struct store_verify_counts *c, struct slice mailbox);
/* -1 with E_CANCELLED when a signal asks to stop. */
int job_check_interrupt(const struct job *j, struct err *e) NODISCARD;
/* May so many more bytes of mail be asked for? UINT64_MAX without a budget. */
uint64_t job_budget_left(const struct job *j);

#define JOB_IDENTITY_MAX 1024
/* Whose mail it is, as store_options.account wants it: another account's must not end up in this archive. NULL for a
 * tunnel, which has no address to compare. */
const char *job_identity(const struct sync_account *a, char *buf, size_t size);

#endif

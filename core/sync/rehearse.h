/* SPDX-License-Identifier: MIT */
/*
 * rehearse.h -- a restore that is only a test: the job behind `imapsync verify --restore-test`.
 *
 * A random sample of the archive's messages (rehearse_sample.h) is restored into a scratch folder of the target, read back
 * and compared, and the scratch folder is removed again.
 *
 * What it promises:
 *   - The archive is opened for reading; nothing in it changes, the restore journal neither.
 *   - The scratch folder is imapsync-restore-test-YYYYMMDD-HHMMSS-XXXXXXXX (UTC, and 32 bits that nobody can guess), below
 *     the personal namespace; the archive's tree stands below it. Nothing else of the target is written to.
 *   - Folders that this very run made are removed, and no others: also after a failure or a signal. What could not be
 *     removed is named.
 */
#ifndef CORE_SYNC_REHEARSE_H
#define CORE_SYNC_REHEARSE_H

#include "core/sync/restore.h"

#define REHEARSE_SAMPLE	    50	   /* messages, unless a part is asked for */
#define REHEARSE_SAMPLE_MAX 100000 /* of a part; more are not chosen */

struct rehearse_options {
	uint32_t take,
		of; /* this part of all messages: 1/7, 5/100; of = 0: REHEARSE_SAMPLE of them */
	unsigned settle_ms; /* as in struct restore_options */
	void *ctx;
	/* A sampled message that is damaged in the archive, and so was not sent: MISSING, SIZE, CHANGED or UNREADABLE; file
	 * and path are empty. */
	void (*finding)(void *ctx, const struct store_finding *f);
	/* A folder that was made and is still there, and why. Name in UTF-8 with '/' between levels, not escaped. */
	void (*left)(void *ctx, struct slice folder, const char *why);
};

struct rehearse_report {
	uint64_t messages;	       /* that a restore would be about */
	uint64_t sampled;	       /* chosen */
	size_t folders;		       /* that they are from, at least */
	uint64_t damaged;	       /* of them: told to finding() */
	struct restore_report restore; /* of the others */
	char scratch[64];	       /* the folder's name without the namespace, or "" */
	size_t left;		       /* folders that could not be removed */
};

/*
 * Rehearse with the archive at `path` and the account `to`. 0: it was done (rehearse_proven() says whether it went well);
 * -1: it was not, *e says why; E_MISSING (ERR_ACCOUNT): the archive has no message that could be restored. What was
 * made is removed in both cases; a removal that fails is no error but in report->left.
 */
int sync_rehearse(const char *path, const struct sync_account *to, const struct rehearse_options *o,
	const struct sync_hooks *h, struct rehearse_report *r, struct err *e) NODISCARD;

/* Every sampled message came back, equal or as servers store mail (normalised). */
bool rehearse_proven(const struct rehearse_report *r);

#endif

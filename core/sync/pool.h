/* SPDX-License-Identifier: MIT */
/*
 * pool.h -- several connections, one poll loop: each connection works on one mailbox after the
 * other.
 *
 * Here it is decided what a failure costs: a mailbox that fails is named and left; a connection
 * that is lost is replaced, within a budget; further connections that the server refuses are done
 * without; what cannot be mended ends the run.
 */
#ifndef CORE_SYNC_POOL_H
#define CORE_SYNC_POOL_H

#include "core/sync/connect.h"
#include "core/sync/job.h"
#include "core/sync/plan.h"

/* Bring every mailbox of the plan up to date that is to be opened. mailbox[i] is the row of
 * plan->at[i], 0: leave it out. `first` is logged in; it is taken over. -1: the run cannot go on
 * (interrupt, store, account, no connection left). The open group is not committed at the end. */
int pool_run(struct job *j, struct dial *first, const struct plan *plan, const int64_t *mailbox,
	struct err *e) NODISCARD;

#endif

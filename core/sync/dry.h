/* SPDX-License-Identifier: MIT */
/* dry.h -- what a backup would do, without writing anything. */
#ifndef CORE_SYNC_DRY_H
#define CORE_SYNC_DRY_H

#include "core/sync/job.h"

int dry_run(struct job *j, struct err *e) NODISCARD;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * verify_internal.h -- what verify.c and verify_server.c share; nobody else includes it.
 */
#ifndef CORE_SYNC_VERIFY_INTERNAL_H
#define CORE_SYNC_VERIFY_INTERNAL_H

#include "core/sync/verify.h"

struct verify_job {
	struct sync_account *account;
	const struct sync_verify_options *options;
	const struct sync_hooks *hooks;
	struct sync_verify_report *report;
	struct store *store;
};

/* Compare with the server by UID, size, date and, if asked for, content. */
int verify_server(struct verify_job *j, struct err *e) NODISCARD;

#endif

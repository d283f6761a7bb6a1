/* SPDX-License-Identifier: MIT */
/* verify_export_internal.h -- what the files verify_export*.c share; nobody else but tests includes it. */
#ifndef CORE_SYNC_VERIFY_EXPORT_INTERNAL_H
#define CORE_SYNC_VERIFY_EXPORT_INTERNAL_H

#include "core/sync/export_read.h"
#include "core/sync/verify_export.h"

struct verify {
	const struct export_verify *v;
	struct export_verify_report *r;
	struct export_digest digest;
	struct buf folder; /* scratch */
};

int verify_export_init(struct verify *x, const struct export_verify *v,
	struct export_verify_report *r, struct err *e) NODISCARD;
void verify_export_release(struct verify *x);
/* Count and report. line: what the manifest says, or NULL. */
void verify_export_found(struct verify *x, enum export_fault fault, struct slice path,
	const struct export_line *line, const char *detail);

int verify_export_mbox(struct verify *x, struct export_in *in, struct export_in *manifest,
	struct err *e) NODISCARD;
int verify_export_tar(struct verify *x, struct export_in *in, struct err *e) NODISCARD;
/* Takes over the descriptor. */
int verify_export_folder(struct verify *x, int fd, struct err *e) NODISCARD;

/* A file as input; E_CANCELLED when interrupted. */
struct verify_file {
	struct verify *x;
	int fd;
};
struct export_source verify_file_source(struct verify_file *f);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * verify_export.h -- is an exported file what its manifest says? The job behind `imapsync verify FILE`. export.h has the
 * formats and the manifest.
 *
 * Every message must be at its place with its size and SHA-256, as on the wire or with the line ends that the format
 * gives it; nothing else may be there but folders and dovecot-keywords (which the manifest does not cover).
 *
 * Input is not trusted: nothing is extracted, no link is followed, memory is a few hundred bytes a message, and what
 * exceeds a limit below is refused (E_LIMIT). Nothing is changed.
 */
#ifndef CORE_SYNC_VERIFY_EXPORT_H
#define CORE_SYNC_VERIFY_EXPORT_H

#include "core/sync/sync.h"

#define VERIFY_ENTRIES_MAX ((size_t)4 << 20) /* files in a tar file or folder */
#define VERIFY_NAMES_MAX   ((size_t)1 << 30) /* bytes of their paths in all */
#define VERIFY_DEPTH_MAX   128		     /* folders in folders */

enum export_fault {
	EXPORT_MISSING, /* in the manifest only */
	EXPORT_EXTRA,	/* not in the manifest, or there twice */
	EXPORT_CHANGED, /* other bytes */
	EXPORT_SIZE,	/* longer or shorter */
	EXPORT_FAULT_COUNT,
};
const char *export_fault_name(enum export_fault f); /* "missing", "extra", "changed", "size" */

struct export_finding {
	enum export_fault fault;
	struct slice path;   /* in the tar file or folder; @OFFSET+LENGTH or @OFFSET in an mbox */
	struct slice folder; /* UTF-8, not escaped; empty when the manifest does not know it */
	uint32_t uid;	     /* 0: none */
	const char *detail;  /* safe to print */
};

struct export_verify {
	void *ctx;
	void (*finding)(void *ctx, const struct export_finding *f);
	const struct sync_interrupt *interrupt; /* may be NULL */
};

struct export_verify_report {
	uint64_t messages; /* in the manifest */
	uint64_t bytes;	   /* read, after decompression */
	uint64_t faults[EXPORT_FAULT_COUNT], damage;
	bool unproven; /* the manifest is of version 1, without a SHA-256 of itself: flags, dates and names may be wrong */
};

/*
 * The file or folder at `path`; what it is its content tells. 0: it was read to its end, look at the report. -1: it was
 * not; the report has what was found before. E_CORRUPT: it is cut off or damaged so that it cannot be read on, or it has
 * no manifest; E_LIMIT; E_USAGE: there is nothing at this path.
 */
int sync_verify_export(const char *path, const struct export_verify *v,
	struct export_verify_report *r, struct err *e) NODISCARD;

#endif

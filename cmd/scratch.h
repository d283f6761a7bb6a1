/* SPDX-License-Identifier: MIT */
/*
 * scratch.h -- a private folder for the time of one command, and its removal.
 *
 * Invariants:
 *   - The folder is new, 0700 and ours; it is never one that was there before.
 *   - What is removed is what lies in that very folder, by descriptor: neither a link inside it nor
 *     a name that somebody gave to another folder meanwhile leads the removal elsewhere.
 *   - Removal needs the same few descriptors and no recursion, however deep the tree is.
 *
 * Life cycle: scratch_make -> use path -> scratch_remove. Nothing removes it when the process is
 * killed outright; its name, imapsync-export-XXXXXX, then says what it was.
 */
#ifndef CMD_SCRATCH_H
#define CMD_SCRATCH_H

#include <sys/types.h>

#include "core/base/err.h"

struct scratch {
	char *path; /* NULL: there is none */
	/* private */
	int parent, dir;
	unsigned moved; /* numbers given while removing */
	dev_t dev;
	ino_t ino;
};

#define SCRATCH_INIT                                                                               \
	{                                                                                          \
		NULL, -1, -1, 0, 0, 0                                                              \
	}

/* Make one where `output` will be: in its folder, or in $TMPDIR (else /tmp) when it is "-".
 * ERR_STORE. */
int scratch_make(struct scratch *s, const char *output, struct err *e) NODISCARD;
/* Remove it with all that is in it. What could not be removed stays; *e names the folder then. The
 * struct is as after SCRATCH_INIT in any case; without a folder, nothing is done. */
int scratch_remove(struct scratch *s, struct err *e) NODISCARD;

#endif

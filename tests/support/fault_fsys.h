/* SPDX-License-Identifier: MIT */
/*
 * fault_fsys.h -- system calls that fail on demand: the real ones behind a counter.
 *
 *     struct fault_fsys f;
 *     fault_fsys_init(&f);
 *     fault_fsys_fail(&f, FAULT_FDATASYNC, 1, EIO);     the next fdatasync fails
 *     ... &f.fs ...
 *     fault_fsys_release(&f);
 *
 * A call that is made to fail has no effect, but for close: the descriptor is closed and the failure
 * reported, as systems do. Descriptors are counted, so that a test can see leaks.
 *
 * All calls come from one thread, so that call number n is the same one each time; a test that sets fs.threads lets a
 * second one take part.
 */
#ifndef TESTS_SUPPORT_FAULT_FSYS_H
#define TESTS_SUPPORT_FAULT_FSYS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "store/fsys.h"

enum fault_kind {
	FAULT_OPENAT,
	FAULT_OPEN_BENEATH,
	FAULT_MKDIRAT,
	FAULT_READ,
	FAULT_PREAD,
	FAULT_WRITE,
	FAULT_FCHMOD,
	FAULT_FCHMODAT,
	FAULT_FUTIMENS,
	FAULT_FDATASYNC,
	FAULT_FSYNC,
	FAULT_SYNCFS,
	FAULT_CLOSE,
	FAULT_RENAME_NOREPLACE,
	FAULT_RENAMEAT,
	FAULT_LINKAT,
	FAULT_UNLINKAT,
	FAULT_FSTAT,
	FAULT_FSTATAT,
	FAULT_FLOCK,
	FAULT_FDOPENDIR,
	FAULT_READDIR,
	FAULT_CLOSEDIR,
	FAULT_KINDS,
	FAULT_ANY = FAULT_KINDS, /* counts calls of every kind */
};

struct fault_fsys {
	struct fsys fs; /* hand this to the code under test; the object must not move */
	const struct fsys *real;

	enum fault_kind kind;
	unsigned long nth; /* 0 = none */
	int error;
	bool sticky; /* that call and all calls (of any kind) after it fail */
	bool failed; /* it has happened */
	void (*at_fault)(
		void); /* called in place of that failure, such as to end the process; NULL: none */

	int always[FAULT_KINDS];	      /* errno of kinds that never work here; 0 = they do */
	unsigned long calls[FAULT_KINDS + 1]; /* of each kind; FAULT_ANY: of all */
	size_t longest_io;		      /* most bytes of one read or write; 0 = no limit */
	unsigned interrupt; /* every so many reads and writes fail with EINTR; 0 = none */
	unsigned long io_calls;
	long open; /* descriptors opened and not closed */
	pthread_mutex_t lock;
	pthread_t owner; /* who called fault_fsys_init() */
	bool helped;	 /* another thread has made a call */
	struct buf log;	 /* "kind name[ name]\n" for each call while logging */
	bool logging;
};

void fault_fsys_init(struct fault_fsys *f);
void fault_fsys_release(struct fault_fsys *f);
/* From now on: counters at zero, and call number nth of this kind fails with `error`. */
void fault_fsys_fail(struct fault_fsys *f, enum fault_kind kind, unsigned long nth, int error);
const char *fault_kind_name(enum fault_kind kind);

#endif

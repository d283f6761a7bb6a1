/* SPDX-License-Identifier: MIT */
/* exit.h -- the exit status tells the truth (imapsync(1), EXIT STATUS; sysexits.h). */
#ifndef CMD_EXIT_H
#define CMD_EXIT_H

#include "core/base/err.h"

enum {
	EXIT_OK = 0,
	EXIT_PARTIAL = 1,
	EXIT_USAGE = 64,
	EXIT_DAMAGE = 65,
	EXIT_FULL = 73,
	EXIT_IO = 74,
	EXIT_TEMPFAIL = 75,
	EXIT_PROTOCOL = 76,
	EXIT_REFUSED = 77,
	EXIT_CONFIG = 78,
};

int exit_status(const struct err *e); /* 0 when no error is set */
/* The more serious of two: a signal (128+n) first, then 64, 74, 73, 65, 78, 77, 76, 75, 1, 0. */
int exit_worse(int a, int b);

#endif

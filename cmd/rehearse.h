/* SPDX-License-Identifier: MIT */
/* rehearse.h -- imapsync verify --restore-test. */
#ifndef CMD_REHEARSE_H
#define CMD_REHEARSE_H

#include "cmd/cli.h"

/* Restore a sample of one archive to a scratch folder of c->restore_test. Returns the exit status. */
int rehearse(struct cli *c);

#endif

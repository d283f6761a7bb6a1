/* SPDX-License-Identifier: MIT */
/* finding.h -- how verify, its rehearsal and repair say what is wrong with an archive. */
#ifndef CMD_FINDING_H
#define CMD_FINDING_H

#include "cmd/cli.h"

/* The account at hand, or "". */
const char *finding_account(const struct cli *c);
/* "Work/2016 UID 17"; the folder's path where it has no name; UID 0 is left out. */
void finding_message(FILE *f, struct slice mailbox, struct slice path, uint32_t uid);
/* "work: changed: Work/2016 UID 17: the content is ...; mail/Work/2016/cur/NAME", without a line end. */
void finding_line(const struct cli *c, const struct store_finding *f);
/* A JSON object with what all findings have, without its closing brace. */
void finding_json(const struct cli *c, const char *class, struct slice mailbox, uint32_t uid,
	const char *detail, bool damage, const char *mend);
/* A whole finding with the command that mends it, as text or JSON. ctx: struct cli. */
void finding_report(void *ctx, const struct store_finding *f);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * cli_archive.h -- what list, show and export share: one archive, opened for reading, and the
 * selection's options.
 */
#ifndef CMD_CLI_ARCHIVE_H
#define CMD_CLI_ARCHIVE_H

#include "cmd/cli.h"

/*
 * Run one(c, account) for the one account that `account` names (NULL: the only one of the
 * configuration; with --path, no configuration is needed). `how` is said behind "name one of
 * them". Returns the exit status.
 */
int cli_archive(struct cli *c, const char *account, const char *how,
	int (*one)(struct cli *c, struct config_account *a));
/* An archive could not be opened: if there is none, or no index, *e says what to do. */
void cli_advise(const char *path, struct err *e);
/*
 * An archive and a server: the accounts that `archive` and `to` name. Without `archive`, whose archive it is follows from
 * `to`, unless that is a URL: then --path must say it. --path is the archive's, and given to no account. Pointers into
 * c->config. E_USAGE.
 */
int cli_pair(struct cli *c, const char *archive, const char *to, struct config_account **from,
	struct config_account **target, struct err *e) NODISCARD;
/* The archive of the account, for reading. */
int cli_open_archive(const struct config_account *a, struct store **out, struct err *e) NODISCARD;
/* An option of the selection (--since, --uid, ...); E_USAGE. */
int cli_select_date(
	const char *option, const char *arg, bool *has, int64_t *out, struct err *e) NODISCARD;
int cli_select_uids(struct selection *sel, const char *arg, struct err *e) NODISCARD;
/* Say what was left out of the selection, so that nobody takes it for complete; returns the exit
 * status for it. */
int cli_left_out(struct cli *c, const struct selection_counts *n);

#endif

/* SPDX-License-Identifier: MIT */
/* remote.h -- looking at a server: one session for one account, and its end whatever happens in between. */
#ifndef CMD_REMOTE_H
#define CMD_REMOTE_H

#include "cmd/cli.h"

struct remote {
	struct cli *cli;
	const struct config_account *config;
	struct sync_account account;
	imap4_session *session;
};

/* Connect, log in, call look(), log out. The exit status: that of look(), or of what failed before, which is reported. */
int remote_session(struct cli *c, struct config_account *a, int (*look)(struct remote *r));
/* Its folders, handed to show(); a failure is reported. The exit status. */
int remote_folders(struct remote *r, bool with_size,
	int (*show)(struct remote *r, const struct sync_folders *f));

#endif

/* SPDX-License-Identifier: MIT */
/* remote.c -- see remote.h. */
#include "cmd/remote.h"

int remote_session(struct cli *c, struct config_account *a, int (*look)(struct remote *r))
{
	struct err e = ERR_INIT;
	struct remote r = {.cli = c, .config = a};
	const struct sync_hooks hooks = cli_hooks(c);
	cli_account(c, a, &r.account);
	if (sync_connect(&r.account, &hooks, &r.session, &e) != 0)
		return cli_fail(c, &e);
	int status = look(&r);
	sync_disconnect(r.session);
	return status;
}

int remote_folders(struct remote *r, bool with_size,
	int (*show)(struct remote *r, const struct sync_folders *f))
{
	struct err e = ERR_INIT;
	struct sync_folders folders = {NULL, 0};
	int status = sync_folders_remote(r->session, &r->account, with_size, &folders, &e) == 0
		? show(r, &folders)
		: cli_fail(r->cli, &e);
	sync_folders_release(&folders);
	return status;
}

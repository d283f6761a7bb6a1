/* SPDX-License-Identifier: MIT */
/* cli_archive.c -- see cli_archive.h. */
#include "cmd/cli_archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/exit.h"
#include "core/base/text.h"

static int ended(const struct cli *c, int status)
{
	return c->interrupt->signal != 0 ? 128 + (int)c->interrupt->signal : status;
}

/* An archive by its folder alone. */
static int by_path(struct cli *c, int (*one)(struct cli *c, struct config_account *a))
{
	struct config_account a;
	struct err e = ERR_INIT;
	char *path = strdup(c->path);
	if (path == NULL) {
		err_nomem(&e, "the path");
		return cli_fail(c, &e);
	}
	memset(&a, 0, sizeof a);
	a.name = path;
	a.path = path;
	int status = one(c, &a);
	free(path);
	return ended(c, status);
}

int cli_archive(struct cli *c, const char *account, const char *how,
	int (*one)(struct cli *c, struct config_account *a))
{
	struct err e = ERR_INIT;
	struct config_account **list = NULL;
	size_t n = 0;
	char *name = NULL;
	if (account == NULL && c->path != NULL)
		return by_path(c, one);
	if (account != NULL && (name = strdup(account)) == NULL) {
		err_nomem(&e, "the account");
		return cli_fail(c, &e);
	}
	c->args = &name;
	c->nargs = name != NULL;
	int status;
	if (cli_accounts(c, &list, &n, &e) == 0 && n != 1)
		err_set(&e, ERR_USAGE, E_USAGE, "there are %zu accounts in %s; name one of them%s",
			n, c->config.file, how);
	if (err_is_set(&e)) {
		status = cli_fail(c, &e);
	} else {
		c->out.account = list[0]->name;
		status = one(c, list[0]);
		c->out.account = NULL;
	}
	free(list);
	free(name);
	c->args = NULL;
	c->nargs = 0;
	return ended(c, status);
}

int cli_pair(struct cli *c, const char *archive, const char *to, struct config_account **from,
	struct config_account **target, struct err *e)
{
	const char *path = c->path;
	char **args = c->args, *name[2] = {NULL, NULL};
	size_t nargs = c->nargs, n = 0, found = 0;
	struct config_account **list = NULL;
	if (archive == NULL && path == NULL && config_is_url(to))
		return err_set(
			e, ERR_USAGE, E_USAGE, "whose archive? Name its account, or give --path");
	if (archive != NULL)
		name[n++] = (char *)(uintptr_t)archive;
	name[n++] = (char *)(uintptr_t)to;
	c->path = NULL;
	c->args = name;
	c->nargs = n;
	int rc = cli_accounts(c, &list, &found, e);
	c->args = args;
	c->nargs = nargs;
	c->path = path;
	if (rc == 0) {
		*from = list[0];
		*target = list[found - 1];
	}
	free(list);
	return rc;
}

void cli_advise(const char *path, struct err *e)
{
	char shown[TEXT_SHOW_SIZE / 2], index[4096];
	int n = snprintf(index, sizeof index, "%s/index.db", path);
	if (e->code != E_MISSING || e->scope != ERR_STORE || (size_t)n >= sizeof index ||
		access(index, F_OK) == 0)
		return;
	err_set(e, ERR_STORE, E_MISSING,
		store_has_tree(path)
			? "there is no index in %s; imapsync repair makes it anew from the message files"
			: "there is no archive in %s; imapsync backup makes it",
		text_show(shown, sizeof shown, slice_str(path)));
}

int cli_open_archive(const struct config_account *a, struct store **out, struct err *e)
{
	const struct store_options options = {.mode = STORE_READ};
	if (store_open(out, a->path, &options, e) == 0)
		return 0;
	cli_advise(a->path, e);
	return -1;
}

int cli_select_date(const char *option, const char *arg, bool *has, int64_t *out, struct err *e)
{
	if (selection_parse_date(arg, out, e) != 0)
		return err_context(e, "--%s", option);
	*has = true;
	return 0;
}

int cli_select_uids(struct selection *sel, const char *arg, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	if (uidset_parse(&sel->uids, slice_str(arg), e) != 0)
		return err_set(e, ERR_USAGE, E_USAGE,
			"--uid expects numbers and ranges such as 7 or 1:20,33, not \"%s\"",
			text_show(shown, sizeof shown, slice_str(arg)));
	sel->has_uids = true;
	return 0;
}

int cli_left_out(struct cli *c, const struct selection_counts *n)
{
	char line[256 + TEXT_SHOW_SIZE], shown[TEXT_SHOW_SIZE];
	if (n->unmatched != NULL) {
		snprintf(line, sizeof line, "there is no folder \"%s\" %s",
			text_show(shown, sizeof shown, slice_str(n->unmatched)),
			c->from != NULL ? "in it" : "in the archive");
		output_note(&c->out, SYNC_NOTE_PROBLEM, line);
	}
	if (n->messages == 0 && n->unmatched == NULL && selection_of_messages(&c->select))
		output_note(&c->out, SYNC_NOTE_WARNING, "no message was found that is meant");
	if (n->vanished > 0) {
		snprintf(line, sizeof line,
			"%zu %s that the server no longer has left out; --deleted or --as-of shows %s",
			n->vanished, plural(n->vanished, "folder", "folders"),
			plural(n->vanished, "it", "them"));
		output_note(&c->out, SYNC_NOTE_WARNING, line);
	}
	if (n->failed > 0) {
		snprintf(line, sizeof line,
			"%" PRIu64 " %s never fetched and cannot be here; see imapsync status",
			n->failed, plural(n->failed, "message was", "messages were"));
		output_note(&c->out, SYNC_NOTE_PROBLEM, line);
	}
	bool all = n->failed == 0 && n->unreadable == 0 && n->unmatched == NULL;
	return all ? EXIT_OK : EXIT_PARTIAL;
}

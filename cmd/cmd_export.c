/* SPDX-License-Identifier: MIT */
/* cmd_export.c -- imapsync export: messages of an archive, or of a server, into one file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "cmd/scratch.h"
#include "core/base/text.h"
#include "core/sync/export.h"

static void print_json(const struct config_account *a, const struct export_options *o,
	const struct export_report *r)
{
	fputs("{\"account\": ", stdout);
	json_text(stdout, slice_str(a->name));
	fputs(", \"output\": ", stdout);
	json_text(stdout, slice_str(o->output));
	printf(", \"folders\": %zu, \"messages\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"damaged\": %" PRIu64 ", \"failed\": %" PRIu64 "}\n",
		r->counts.folders, r->messages, r->bytes, r->damaged, r->counts.failed);
}

static void print_text(struct cli *c, const struct export_options *o, const struct export_report *r)
{
	char count[UNIT_SIZE], bytes[UNIT_SIZE], name[TEXT_SHOW_SIZE];
	if (c->out.level < OUTPUT_NORMAL)
		return;
	printf("%s: %s %s of %zu %s, %s\n", text_show(name, sizeof name, slice_str(o->output)),
		unit_count(count, r->messages), plural(r->messages, "message", "messages"),
		r->counts.folders, plural(r->counts.folders, "folder", "folders"),
		unit_bytes(bytes, r->bytes));
}

/* What is said about the output, and the exit status for messages that could not be read. */
static int report_output(struct cli *c, const struct config_account *a,
	const struct export_options *o, const struct export_report *r)
{
	bool piped = strcmp(o->output, "-") == 0;
	if (!piped && c->json)
		print_json(a, o, r);
	else if (!piped)
		print_text(c, o, r);
	return r->damaged > 0 || r->counts.unreadable > 0 ? EXIT_PARTIAL : EXIT_OK;
}

static int write_output(struct cli *c, struct config_account *a, const struct export_options *o,
	struct export_report *r, struct err *e)
{
	struct store *s = NULL;
	const struct sync_hooks hooks = cli_hooks(c);
	if (cli_open_archive(a, &s, e) != 0)
		return -1;
	int rc = sync_export(s, o, &hooks, r, e);
	store_close(s);
	output_clear_progress(&c->out);
	return rc;
}

static int export_one(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct export_report r;
	struct export_options o = {.select = &c->select, .output = c->output, .force = c->force};
	if (export_format_choose(c->format, c->output, &o.format, &e) != 0 ||
		write_output(c, a, &o, &r, &e) != 0)
		return cli_fail(c, &e);
	return exit_worse(report_output(c, a, &o, &r), cli_left_out(c, &r.counts));
}

/* ---- straight from a server ------------------------------------------------------------------ */

/* The account's archive is in the temporary folder from here on. */
static int use_scratch(struct config_account *a, const struct scratch *tmp, struct err *e)
{
	size_t n = strlen(tmp->path) + sizeof "/archive";
	char *path = malloc(n);
	if (path == NULL)
		return err_nomem(e, "the path");
	snprintf(path, n, "%s/archive", tmp->path);
	free(a->path);
	a->path = path;
	return 0;
}

static int stopped(struct cli *c, struct err *e)
{
	size_t n = strlen(e->text);
	if (e->code == E_CANCELLED && c->interrupt->signal != 0)
		return 128 + (int)c->interrupt->signal; /* no news to the person who sent it */
	if (n > 0 && e->text[n - 1] == '.')
		e->text[n - 1] = '\0';
	output_error(&c->out, "%s; nothing was exported", e->text);
	return exit_status(e);
}

/* What the server has and the output will not have: said once more, behind the notes that name it. */
static int say_incomplete(struct cli *c, const struct sync_report *r)
{
	char line[ERR_TEXT_MAX + 64], count[UNIT_SIZE];
	bool missing = r->messages_failed > 0 || r->folders_failed > 0;
	int status = exit_worse(
		missing || r->problems > 0 ? EXIT_PARTIAL : EXIT_OK, exit_status(&r->worst));
	if (status == EXIT_OK)
		return status;
	if (missing)
		snprintf(line, sizeof line,
			"the export is not complete: %s %s and %zu %s could not be fetched",
			unit_count(count, r->messages_failed),
			plural(r->messages_failed, "message", "messages"), r->folders_failed,
			plural(r->folders_failed, "folder", "folders"));
	else
		snprintf(line, sizeof line, "the export may not be complete: %s",
			err_is_set(&r->worst) ? r->worst.text : "see the problems above");
	output_note(&c->out, SYNC_NOTE_PROBLEM, line);
	return status;
}

static int fetch_and_write(struct cli *c, struct config_account *a, const struct export_options *o)
{
	struct err e = ERR_INIT;
	struct sync_account account;
	struct sync_report fetched;
	struct export_report r;
	const struct sync_backup_options options = {.dry_run = false};
	const struct sync_hooks hooks = cli_hooks(c);
	cli_account(c, a, &account);
	memset(&fetched, 0, sizeof fetched);
	int rc = sync_backup(&account, &options, &hooks, &fetched, &e);
	output_clear_progress(&c->out);
	if (rc != 0 || write_output(c, a, o, &r, &e) != 0)
		return stopped(c, &e);
	int status = report_output(c, a, o, &r);
	return exit_worse(status, say_incomplete(c, &fetched));
}

/* By way of an archive that lives as long as this call. */
static int export_direct(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct scratch tmp = SCRATCH_INIT;
	struct export_options o = {.select = &c->select, .output = c->output, .force = c->force};
	if (c->select.has_as_of || c->select.deleted)
		err_set(&e, ERR_USAGE, E_USAGE,
			"a server knows no past: --as-of and --deleted need an archive (--path)");
	else if (export_format_choose(c->format, c->output, &o.format, &e) == 0 &&
		sync_export_check(&o, &e) == 0 && scratch_make(&tmp, c->output, &e) == 0)
		(void)!use_scratch(a, &tmp, &e);
	int status = err_is_set(&e) ? cli_fail(c, &e) : fetch_and_write(c, a, &o);
	err_clear(&e);
	if (scratch_remove(&tmp, &e) != 0)
		status = exit_worse(status, cli_fail(c, &e));
	return status;
}

int cmd_export(struct cli *c)
{
	struct err e = ERR_INIT;
	if (c->nargs > 1)
		err_set(&e, ERR_USAGE, E_USAGE, "one account at a time");
	else if (c->output == NULL || *c->output == '\0')
		err_set(&e, ERR_USAGE, E_USAGE,
			"where to? Give --output FILE, or --output - for a pipe");
	else if (strcmp(c->output, "-") == 0 && isatty(STDOUT_FILENO) == 1)
		err_set(&e, ERR_USAGE, E_USAGE,
			"an export is nothing for a terminal; use a pipe or a file");
	if (err_is_set(&e))
		return cli_fail(c, &e);
	c->select.folders = (struct sync_patterns){c->folders.at, c->folders.n};
	c->select.exclude = (struct sync_patterns){c->exclude.at, c->exclude.n};
	const char *account = c->nargs == 1 ? c->args[0] : NULL;
	bool direct = account != NULL && config_is_url(account) && c->path == NULL;
	return cli_archive(c, account, "", direct ? export_direct : export_one);
}

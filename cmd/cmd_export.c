/* SPDX-License-Identifier: MIT */
/* cmd_export.c -- imapsync export: messages of an archive into one file. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
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

static int export_one(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;
	struct export_report r;
	struct export_options o = {.select = &c->select, .output = c->output, .force = c->force};
	const struct sync_hooks hooks = cli_hooks(c);
	bool piped = strcmp(c->output, "-") == 0;
	if (export_format_choose(c->format, c->output, &o.format, &e) != 0 ||
		cli_open_archive(a, &s, &e) != 0)
		return cli_fail(c, &e);
	int rc = sync_export(s, &o, &hooks, &r, &e);
	store_close(s);
	output_clear_progress(&c->out);
	if (rc != 0)
		return cli_fail(c, &e);
	if (!piped && c->json)
		print_json(a, &o, &r);
	else if (!piped)
		print_text(c, &o, &r);
	return exit_worse(r.damaged > 0 ? EXIT_PARTIAL : EXIT_OK, cli_left_out(c, &r.counts));
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
	return cli_archive(c, c->nargs == 1 ? c->args[0] : NULL, export_one);
}

/* SPDX-License-Identifier: MIT */
/* cmd_restore.c -- imapsync restore: give messages of an archive, or of another tree, back to an IMAP server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "core/base/text.h"
#include "core/sync/restore.h"

/* ---- --map ----------------------------------------------------------------------------------------- */

/* "FROM=TO"; FROM may hold '=' when TO does not. -1: *e. */
static int split_maps(struct string_list *from_to, struct restore_map *out, struct err *e)
{
	for (size_t i = 0; i < from_to->n; i++) {
		char *equals = strrchr(from_to->at[i], '=');
		if (equals == NULL || equals == from_to->at[i] || equals[1] == '\0')
			return err_set(e, ERR_USAGE, E_USAGE,
				"--map expects FROM=TO, such as Sent=Old/Sent");
		*equals = '\0';
		out[i] = (struct restore_map){from_to->at[i], equals + 1};
	}
	return 0;
}

/* ---- the plan of a dry run -------------------------------------------------------------------------- */

/* It is printed when it is complete: until then there is the line of the progress. */
struct plan {
	FILE *out;
	char *text;
	size_t size;
	bool json, first;
};

static int plan_open(struct plan *p, bool json, struct err *e)
{
	*p = (struct plan){.json = json, .first = true};
	p->out = open_memstream(&p->text, &p->size);
	return p->out != NULL ? 0 : err_nomem(e, "the plan");
}

static void plan_close(struct plan *p)
{
	if (p->out != NULL)
		fclose(p->out);
	free(p->text);
}

static void plan_json(struct plan *p, const struct restore_plan *f)
{
	fprintf(p->out, "%s\n  {\"from\": ", p->first ? "" : ",");
	json_text(p->out, f->from);
	fputs(", \"to\": ", p->out);
	json_text(p->out, f->to);
	fprintf(p->out,
		", \"make\": %s, \"messages\": %" PRIu64 ", \"bytes\": %" PRIu64
		", \"present\": %" PRIu64 ", \"flags\": %" PRIu64 "}",
		f->make ? "true" : "false", f->messages, f->bytes, f->present, f->flags);
	p->first = false;
}

static void plan_text(struct plan *p, const struct restore_plan *f)
{
	char from[TEXT_SHOW_SIZE], to[TEXT_SHOW_SIZE], count[UNIT_SIZE], bytes[UNIT_SIZE];
	fprintf(p->out, "  %s", text_show(from, sizeof from, f->from));
	if (!slice_eq(f->from, f->to))
		fprintf(p->out, " -> %s", text_show(to, sizeof to, f->to));
	fprintf(p->out, ": %s %s (%s)", unit_count(count, f->messages),
		plural(f->messages, "message", "messages"), unit_bytes(bytes, f->bytes));
	if (f->present > 0)
		fprintf(p->out, ", %s there already", unit_count(count, f->present));
	if (f->flags > 0)
		fprintf(p->out, ", flags of %s to be set", unit_count(count, f->flags));
	fputs(f->make ? ", to be made\n" : "\n", p->out);
}

static void on_plan(void *ctx, const struct restore_plan *f)
{
	struct plan *p = ctx;
	if (p->json)
		plan_json(p, f);
	else
		plan_text(p, f);
}

static void plan_print(struct plan *p)
{
	if (fflush(p->out) == 0 && p->size > 0)
		fwrite(p->text, 1, p->size, stdout);
}

/* ---- the report ------------------------------------------------------------------------------------ */

static void print_count(uint64_t n, const char *what)
{
	char count[UNIT_SIZE];
	if (n > 0)
		printf(", %s %s", unit_count(count, n), what);
}

static void print_summary(const struct cli *c, const struct config_account *to,
	const struct restore_report *r, bool failed)
{
	char count[UNIT_SIZE], bytes[UNIT_SIZE];
	printf("%s: %s%s %s (%s)", to->name,
		failed		     ? "stopped: restored "
			: c->dry_run ? "would restore "
				     : "restored ",
		unit_count(count, r->restored), plural(r->restored, "message", "messages"),
		unit_bytes(bytes, r->bytes));
	print_count(r->present, "there already");
	print_count(r->flags_set, c->dry_run ? "whose flags would be set" : "whose flags were set");
	print_count(r->folders_created,
		c->dry_run ? plural(r->folders_created, "folder to be made", "folders to be made")
			   : plural(r->folders_created, "folder made", "folders made"));
	print_count(r->refused, "REFUSED by the server");
	print_count(r->damaged, c->from != NULL ? "DAMAGED" : "DAMAGED in the archive");
	print_count(r->folders_failed,
		plural(r->folders_failed, "folder NOT RESTORED", "folders NOT RESTORED"));
	print_count(r->flags_dropped, "with flags that the server cannot keep");
	print_count(r->dates_dropped, "with dates that the server does not take");
	putchar('\n');
	if (!c->verify_restore || c->dry_run)
		return;
	printf("  read back: %s identical", unit_count(count, r->identical));
	print_count(r->normalised, "normalised by the server");
	print_count(r->different, "DIFFERENT");
	print_count(r->unverified, "that could not be found");
	putchar('\n');
}

static void print_json(const struct cli *c, const struct config_account *to,
	const struct restore_report *r, struct plan *plan, const struct err *e, int status)
{
	printf("{\"to\": ");
	json_text(stdout, slice_str(to->name));
	printf(", \"status\": %d, \"dry_run\": %s, \"folders\": %zu, \"folders_created\": %zu, "
	       "\"folders_failed\": %zu",
		status, c->dry_run ? "true" : "false", r->folders, r->folders_created,
		r->folders_failed);
	printf(", \"selected\": %" PRIu64 ", \"restored\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"present\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"damaged\": %" PRIu64
	       ", \"flags_set\": %" PRIu64 ", \"flags_dropped\": %" PRIu64
	       ", \"dates_dropped\": %" PRIu64,
		r->selected.messages, r->restored, r->bytes, r->present, r->refused, r->damaged,
		r->flags_set, r->flags_dropped, r->dates_dropped);
	printf(", \"identical\": %" PRIu64 ", \"normalised\": %" PRIu64 ", \"different\": %" PRIu64
	       ", \"unverified\": %" PRIu64 ", \"error\": ",
		r->identical, r->normalised, r->different, r->unverified);
	if (err_is_set(e))
		json_text(stdout, slice_str(e->text));
	else
		fputs("null", stdout);
	if (c->dry_run) {
		fputs(", \"plan\": [", stdout);
		plan_print(plan);
		fputs("]", stdout);
	}
	puts("}");
}

/* ---- the job --------------------------------------------------------------------------------------- */

static int restore_to(struct cli *c, const char *path, struct config_account *to)
{
	struct sync_account account;
	struct restore_report report;
	struct err e = ERR_INIT;
	const struct sync_hooks hooks = cli_hooks(c);
	struct restore_map *map = calloc(c->maps.n + 1, sizeof *map);
	struct plan plan = {.out = NULL};
	memset(&report, 0, sizeof report);
	if (map == NULL || plan_open(&plan, c->json, &e) != 0) {
		err_nomem(&e, "the options");
		free(map);
		return cli_fail(c, &e);
	}
	const struct restore_options options = {.select = &c->select,
		.folder_prefix = c->folder_prefix,
		.map = map,
		.nmap = c->maps.n,
		.dry_run = c->dry_run,
		.verify = c->verify_restore,
		.ctx = &plan,
		.plan = on_plan};
	c->out.account = to->name;
	cli_account(c, to, &account);
	int failed = split_maps(&c->maps, map, &e) != 0 ||
		(c->from != NULL ? sync_restore_from : sync_restore)(
			path, &account, &options, &hooks, &report, &e) != 0;
	if (failed && c->from == NULL)
		cli_advise(path, &e);
	free(map);
	output_clear_progress(&c->out);
	int status = EXIT_OK;
	if (failed && e.code == E_CANCELLED && c->interrupt->signal != 0)
		status = 128 + (int)c->interrupt->signal;
	else if (failed)
		status = cli_fail(c, &e);
	else
		status = exit_worse(
			report.problems > 0 || report.unverified > 0 ? EXIT_PARTIAL : EXIT_OK,
			cli_left_out(c, &report.selected));
	if (c->json)
		print_json(c, to, &report, &plan, &e, status);
	else if (c->out.level >= OUTPUT_NORMAL || c->dry_run)
		print_summary(c, to, &report, failed);
	if (!c->json)
		plan_print(&plan);
	plan_close(&plan);
	c->out.account = NULL;
	return status;
}

/* The archive's account (by --path there may be none), and where to. */
static int find_accounts(
	struct cli *c, struct config_account **from, struct config_account **to, struct err *e)
{
	const char *path = c->path;
	char *name[2] = {NULL, NULL}, **given = c->args;
	size_t n = 0, ngiven = c->nargs;
	if (ngiven > 0)
		name[n++] = given[0];
	if (c->to != NULL)
		name[n++] = (char *)(uintptr_t)c->to;
	struct config_account **list = NULL;
	size_t found = 0;
	/* --path is the archive's, whichever accounts are named. */
	c->path = NULL;
	c->args = name;
	c->nargs = n;
	int rc = cli_accounts(c, &list, &found, e);
	c->args = given;
	c->nargs = ngiven;
	c->path = path;
	if (rc == 0 && n == 0 && found != 1)
		rc = err_set(e, ERR_USAGE, E_USAGE,
			"there are %zu accounts in %s; name one of them", found, c->config.file);
	if (rc == 0) {
		*to = list[found - 1];
		*from = list[0];
		if (c->to != NULL && ngiven == 0 && path == NULL)
			rc = err_set(e, ERR_USAGE, E_USAGE,
				"whose archive? Name its account, or give --path");
	}
	free(list);
	return rc;
}

/* What cannot be meant together with --from. */
static int check_from(const struct cli *c, struct err *e)
{
	const char *what = c->select.has_uids ? "--uid"
		: c->select.deleted	      ? "--deleted"
		: c->select.has_as_of	      ? "--as-of"
		: c->path != NULL	      ? "--path"
					      : NULL;
	if (what != NULL)
		return err_set(e, ERR_USAGE, E_USAGE,
			"%s is about an archive: it cannot be used together with --from", what);
	if (c->nargs > 0 || c->to == NULL)
		return err_set(e, ERR_USAGE, E_USAGE,
			"--from says where the mail comes from; where it goes: imapsync restore "
			"--from FILE --to ACCOUNT");
	return 0;
}

/* Without a configuration when the target is a URL. */
static int find_target(struct cli *c, struct config_account **to, struct err *e)
{
	char *name = (char *)(uintptr_t)c->to;
	struct config_account **list = NULL;
	size_t found = 0;
	c->args = &name;
	c->nargs = 1;
	int rc = cli_accounts(c, &list, &found, e);
	if (rc == 0)
		*to = list[0];
	c->args = NULL;
	c->nargs = 0;
	free(list);
	return rc;
}

static int restore_from(struct cli *c)
{
	struct err e = ERR_INIT;
	struct config_account *to = NULL;
	if (check_from(c, &e) != 0 || find_target(c, &to, &e) != 0 || cli_open_trace(c, &e) != 0)
		return cli_fail(c, &e);
	return restore_to(c, c->from, to);
}

static int restore_archive(struct cli *c)
{
	struct err e = ERR_INIT;
	struct config_account *from = NULL, *to = NULL;
	if (c->nargs > 1) {
		err_set(&e, ERR_USAGE, E_USAGE, "one archive at a time: imapsync restore ACCOUNT");
		return cli_fail(c, &e);
	}
	if (find_accounts(c, &from, &to, &e) != 0 || cli_open_trace(c, &e) != 0)
		return cli_fail(c, &e);
	return restore_to(c, c->path != NULL ? c->path : from->path, to);
}

int cmd_restore(struct cli *c)
{
	c->select.folders = (struct sync_patterns){c->folders.at, c->folders.n};
	c->select.exclude = (struct sync_patterns){c->exclude.at, c->exclude.n};
	int status = c->from != NULL ? restore_from(c) : restore_archive(c);
	return c->interrupt->signal != 0 ? 128 + (int)c->interrupt->signal : status;
}

/* SPDX-License-Identifier: MIT */
/* rehearse.c -- imapsync verify --restore-test: what was damaged, what came back, what is left on the server. */
#include "cmd/rehearse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "cmd/finding.h"
#include "core/base/text.h"
#include "core/sync/rehearse.h"

/* One rehearsal; c->state of the callbacks. */
struct rehearsal {
	const struct config_account *from, *to;
	struct string_list left;
};

/* ---- while it runs --------------------------------------------------------------------------------- */

/* One word of a command line. */
static void print_quoted(const char *s)
{
	putchar('\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*s);
	putchar('\'');
}

static void on_left(void *ctx, struct slice folder, const char *why)
{
	struct cli *c = ctx;
	struct rehearsal *x = c->state;
	char shown[TEXT_SHOW_SIZE];
	output_clear_progress(&c->out);
	if (c->json) {
		/* Without memory it is still counted. */
		(void)string_list_add(&x->left, (const char *)folder.p, folder.n);
		return;
	}
	text_show(shown, sizeof shown, folder);
	printf("%s: NOT REMOVED: %s: %s; remove it with: imapsync imap ", x->to->name, shown, why);
	print_quoted(x->to->name);
	fputs(" delete --yes ", stdout);
	print_quoted(shown);
	putchar('\n');
}

/* ---- the report ------------------------------------------------------------------------------------ */

static void print_count(uint64_t n, const char *what)
{
	char count[UNIT_SIZE];
	if (n > 0)
		printf(", %s %s", unit_count(count, n), what);
}

static void print_summary(const struct rehearsal *x, const struct rehearse_report *r, bool failed)
{
	char count[UNIT_SIZE], all[UNIT_SIZE], folders[UNIT_SIZE], bytes[UNIT_SIZE];
	const struct restore_report *n = &r->restore;
	printf("%s: restore test to %s: %s of %s %s chosen, from %s %s (%s sent): %s%s identical",
		x->from->name, x->to->name, unit_count(count, r->sampled),
		unit_count(all, r->messages), plural(r->messages, "message", "messages"),
		unit_count(folders, r->folders), plural(r->folders, "folder", "folders"),
		unit_bytes(bytes, n->bytes), failed ? "stopped: " : "",
		unit_count(count, n->identical));
	print_count(n->normalised, "normalised by the server");
	print_count(n->different, "DIFFERENT");
	print_count(r->damaged + n->damaged, "DAMAGED in the archive");
	print_count(n->refused, "REFUSED by the server");
	print_count(n->unverified, "that could not be found");
	print_count(n->flags_dropped, "with flags that the server cannot keep");
	print_count(n->folders_failed,
		plural(n->folders_failed, "folder that could not be made or opened",
			"folders that could not be made or opened"));
	print_count(r->left,
		plural(r->left, "scratch folder NOT REMOVED", "scratch folders NOT REMOVED"));
	puts(failed ? "" : rehearse_proven(r) ? ": proven" : ": NOT PROVEN");
}

static void print_json(
	const struct rehearsal *x, const struct rehearse_report *r, int status, const struct err *e)
{
	const struct restore_report *n = &r->restore;
	fputs("{\"account\": ", stdout);
	json_text(stdout, slice_str(x->from->name));
	fputs(", \"to\": ", stdout);
	json_text(stdout, slice_str(x->to->name));
	printf(", \"status\": %d, \"proven\": %s, \"messages\": %" PRIu64 ", \"sampled\": %" PRIu64
	       ", \"folders\": %zu, \"damaged\": %" PRIu64,
		status, rehearse_proven(r) ? "true" : "false", r->messages, r->sampled, r->folders,
		r->damaged + n->damaged);
	printf(", \"restored\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"identical\": %" PRIu64
	       ", \"normalised\": %" PRIu64 ", \"different\": %" PRIu64 ", \"unverified\": %" PRIu64
	       ", \"refused\": %" PRIu64 ", \"flags_dropped\": %" PRIu64
	       ", \"folders_failed\": %zu, \"scratch\": ",
		n->restored, n->bytes, n->identical, n->normalised, n->different, n->unverified,
		n->refused, n->flags_dropped, n->folders_failed);
	json_text(stdout, slice_str(r->scratch));
	printf(", \"left\": %zu, \"left_folders\": [", r->left);
	for (size_t i = 0; i < x->left.n; i++) {
		fputs(i > 0 ? ", " : "", stdout);
		json_text(stdout, slice_str(x->left.at[i]));
	}
	fputs("], \"error\": ", stdout);
	if (err_is_set(e))
		json_text(stdout, slice_str(e->text));
	else
		fputs("null", stdout);
	puts("}");
}

/* ---- the job --------------------------------------------------------------------------------------- */

static int status_of(const struct rehearse_report *r)
{
	int status = r->damaged > 0 || r->restore.damaged > 0 || r->restore.different > 0
		? EXIT_DAMAGE
		: EXIT_OK;
	if (r->left > 0 || r->restore.problems > 0)
		status = exit_worse(status, EXIT_PARTIAL);
	return rehearse_proven(r) ? status : exit_worse(status, EXIT_PARTIAL);
}

static int rehearse_with(struct cli *c, struct rehearsal *x, const char *path)
{
	struct sync_account account;
	struct rehearse_report r;
	struct err e = ERR_INIT;
	const struct rehearse_options o = {.take = c->sample_take,
		.of = c->sample_of,
		.ctx = c,
		.finding = finding_report,
		.left = on_left};
	const struct sync_hooks hooks = cli_hooks(c);
	memset(&account, 0, sizeof account);
	cli_account(c, (struct config_account *)(uintptr_t)x->to, &account);
	c->state = x;
	c->out.account = x->from->name;
	int failed = sync_rehearse(path, &account, &o, &hooks, &r, &e) != 0;
	output_clear_progress(&c->out);
	int status = failed ? EXIT_OK : status_of(&r);
	if (failed && (r.damaged > 0 || r.restore.different > 0))
		status = EXIT_DAMAGE;
	if (failed && e.code == E_CANCELLED && c->interrupt->signal != 0)
		status = 128 + (int)c->interrupt->signal; /* no news to the person who sent it */
	else if (failed)
		status = exit_worse(status, cli_fail(c, &e));
	if (c->json)
		print_json(x, &r, status, &e);
	else if (r.sampled > 0 && c->out.level >= OUTPUT_CRON &&
		(c->out.level >= OUTPUT_NORMAL || status != EXIT_OK))
		print_summary(x, &r, failed);
	c->out.account = NULL;
	return status;
}

static int check_arguments(const struct cli *c, struct err *e)
{
	if (c->server)
		return err_set(e, ERR_USAGE, E_USAGE,
			"--restore-test and --server are two different tests; run one after the other");
	if (c->nargs > 1)
		return err_set(
			e, ERR_USAGE, E_USAGE, "--restore-test is for one archive at a time");
	return 0;
}

int rehearse(struct cli *c)
{
	struct err e = ERR_INIT;
	struct config_account *from = NULL, *to = NULL;
	if (check_arguments(c, &e) != 0 ||
		cli_pair(c, c->nargs > 0 ? c->args[0] : NULL, c->restore_test, &from, &to, &e) !=
			0 ||
		cli_open_trace(c, &e) != 0)
		return cli_fail(c, &e);
	struct rehearsal x = {from, to, {NULL, 0}};
	int status = rehearse_with(c, &x, c->path != NULL ? c->path : from->path);
	string_list_release(&x.left);
	return c->interrupt->signal != 0 ? 128 + (int)c->interrupt->signal : status;
}

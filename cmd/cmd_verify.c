/* SPDX-License-Identifier: MIT */
/* cmd_verify.c -- imapsync verify: a line for each finding, with what mends it; a line at the
 * end; 65 on damage. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/exit.h"
#include "cmd/finding.h"
#include "cmd/rehearse.h"
#include "core/base/text.h"
#include "core/sync/verify.h"
#include "core/sync/verify_export.h"

#define SAMPLE_MAX 10000

/* "1/7" or "5%". */
int cli_sample(struct cli *c, const char *arg)
{
	size_t n = strspn(arg, "0123456789");
	const char *rest = arg + n;
	uint64_t take, of = 100;
	bool ok = slice_u64(slice_of(arg, n), SAMPLE_MAX, &take);
	if (*rest == '/')
		ok = ok && slice_u64(slice_str(rest + 1), SAMPLE_MAX, &of);
	else
		ok = ok && strcmp(rest, "%") == 0;
	if (!ok || take == 0 || of == 0 || take > of) {
		fprintf(stderr, "imapsync: --sample expects a part such as 1/7 or 5%%\n");
		return -1;
	}
	c->sample_take = (uint32_t)take;
	c->sample_of = (uint32_t)of;
	return 0;
}

int cli_server(struct cli *c, const char *arg)
{
	c->server = true;
	c->server_full = arg != NULL;
	if (arg == NULL || strcmp(arg, "full") == 0)
		return 0;
	fprintf(stderr, "imapsync: --server takes no value but full\n");
	return -1;
}

/* ---- findings -------------------------------------------------------------------------------- */

static const char *mend_of(enum sync_difference_kind k)
{
	switch (k) {
	case SYNC_DIFF_NOT_HERE:
	case SYNC_DIFF_UIDVALIDITY:
	case SYNC_DIFF_FOLDER: return "imapsync backup";
	case SYNC_DIFF_CONTENT:
	case SYNC_DIFF_DATE: return "imapsync show";
	case SYNC_DIFF_NOT_THERE:
	case SYNC_DIFF_SIZE:
	case SYNC_DIFF_COUNT: break;
	}
	return "";
}

static void on_difference(void *ctx, const struct sync_difference *d)
{
	struct cli *c = ctx;
	bool damage = sync_difference_is_damage(d->kind);
	const char *mend = mend_of(d->kind);
	output_clear_progress(&c->out);
	if (c->json) {
		finding_json(c, sync_difference_name(d->kind), d->mailbox, d->uid, d->detail,
			damage, mend);
		puts("}");
		return;
	}
	if (!damage && !sync_difference_is_unsafe(d->kind) && c->out.level < OUTPUT_VERBOSE)
		return;
	printf("%s: %s: ", finding_account(c), sync_difference_name(d->kind));
	finding_message(stdout, d->mailbox, SLICE_NONE, d->uid);
	printf(": %s", d->detail);
	if (strcmp(mend, "imapsync show") == 0)
		fputs("; the archive keeps what it has, see imapsync show", stdout);
	else if (mend[0] != '\0')
		printf("; mend with: %s %s", mend, finding_account(c));
	putchar('\n');
}

/* ---- the end --------------------------------------------------------------------------------- */

static void summary_json(
	const struct cli *c, const struct sync_verify_report *r, int status, const struct err *e)
{
	fputs("{\"account\": ", stdout);
	json_text(stdout, slice_str(finding_account(c)));
	printf(", \"status\": %d, \"messages\": %" PRIu64 ", \"files\": %" PRIu64
	       ", \"read\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"damaged\": %" PRIu64
	       ", \"findings\": {",
		status, r->local.rows, r->local.files, r->local.read, r->local.bytes, r->damage);
	for (int i = 0; i < STORE_FAULT_COUNT; i++)
		printf("%s\"%s\": %" PRIu64, i > 0 ? ", " : "",
			store_fault_name((enum store_fault)i), r->local.faults[i]);
	if (c->server)
		for (int i = 0; i < SYNC_DIFF_COUNT; i++)
			printf(", \"%s\": %" PRIu64,
				sync_difference_name((enum sync_difference_kind)i),
				r->differences[i]);
	printf("}, \"compared\": %" PRIu64 ", \"error\": ", r->compared);
	if (err_is_set(e))
		json_text(stdout, slice_str(e->text));
	else
		fputs("null", stdout);
	puts("}");
}

static void summary(const struct cli *c, const struct sync_verify_report *r, uint64_t differing)
{
	char n[UNIT_SIZE], read[UNIT_SIZE], bytes[UNIT_SIZE];
	printf("%s: %s %s, %s read (%s): ", finding_account(c), unit_count(n, r->local.rows),
		plural(r->local.rows, "message", "messages"), unit_count(read, r->local.read),
		unit_bytes(bytes, r->local.bytes));
	if (r->damage == 0)
		fputs("no damage", stdout);
	else
		printf("%s %s", unit_count(n, r->damage),
			plural(r->damage, "DAMAGE found", "DAMAGES found"));
	if (r->local.faults[STORE_FAULT_LETTERS] > 0)
		printf(", %s with flag letters of another program",
			unit_count(n, r->local.faults[STORE_FAULT_LETTERS]));
	if (c->server) {
		printf("; %s compared with the server: ", unit_count(n, r->compared));
		printf("%s %s", unit_count(n, differing),
			plural(differing, "difference", "differences"));
	}
	putchar('\n');
}

static int status_of(const struct sync_verify_report *r)
{
	int status = r->damage > 0 ? EXIT_DAMAGE : EXIT_OK;
	for (int i = 0; i < SYNC_DIFF_COUNT; i++) {
		enum sync_difference_kind k = (enum sync_difference_kind)i;
		if (r->differences[i] == 0)
			continue;
		if (sync_difference_is_damage(k))
			status = exit_worse(status, EXIT_DAMAGE);
		if (sync_difference_is_unsafe(k))
			status = exit_worse(status, EXIT_PARTIAL);
	}
	return status;
}

static int verify_one(struct cli *c, struct config_account *a)
{
	struct sync_account account;
	struct sync_verify_report r;
	struct err e = ERR_INIT;
	const struct sync_verify_options o = {.sample = c->sample_of != 0,
		.take = c->sample_take,
		.of = c->sample_of,
		.server = c->server_full ? SYNC_SERVER_FULL
			: c->server	 ? SYNC_SERVER_LIST
					 : SYNC_SERVER_NO,
		.ctx = c,
		.finding = finding_report,
		.difference = on_difference};
	const struct sync_hooks hooks = cli_hooks(c);
	cli_account(c, a, &account);
	memset(&r, 0, sizeof r);
	int failed = sync_verify(&account, &o, &hooks, &r, &e) != 0;
	output_clear_progress(&c->out);
	int status = status_of(&r);
	uint64_t differing = 0;
	for (int i = 0; i < SYNC_DIFF_COUNT; i++)
		differing += r.differences[i];
	if (failed && e.code == E_CANCELLED && c->interrupt->signal != 0)
		status = 128 + (int)c->interrupt->signal;
	else if (failed)
		status = exit_worse(status, cli_fail(c, &e));
	if (c->json)
		summary_json(c, &r, status, &e);
	else if (!failed && !r.index_unusable && c->out.level >= OUTPUT_CRON &&
		(c->out.level >= OUTPUT_NORMAL || status != EXIT_OK))
		summary(c, &r, differing);
	return status;
}

/* ---- exported files -------------------------------------------------------------------------- */

static void on_export_finding(void *ctx, const struct export_finding *f)
{
	struct cli *c = ctx;
	char shown[TEXT_SHOW_SIZE], path[TEXT_SHOW_SIZE];
	if (c->json) {
		fputs("{\"file\": ", stdout);
		json_text(stdout, slice_str(c->state));
		printf(", \"class\": \"%s\", \"path\": ", export_fault_name(f->fault));
		json_text(stdout, f->path);
		fputs(", \"folder\": ", stdout);
		json_text(stdout, f->folder);
		printf(", \"uid\": %" PRIu32 ", \"detail\": ", f->uid);
		json_text(stdout, slice_str(f->detail));
		puts("}");
		return;
	}
	printf("%s: %s: ", text_show(shown, sizeof shown, slice_str(c->state)),
		export_fault_name(f->fault));
	if (f->uid != 0) {
		finding_message(stdout, f->folder, SLICE_NONE, f->uid);
		fputs(": ", stdout);
	}
	printf("%s: %s\n", text_show(path, sizeof path, f->path), f->detail);
}

static void export_summary_json(
	const char *path, const struct export_verify_report *r, int status, const struct err *e)
{
	fputs("{\"file\": ", stdout);
	json_text(stdout, slice_str(path));
	printf(", \"status\": %d, \"messages\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"manifest_proven\": %s, \"damaged\": %" PRIu64 ", \"findings\": {",
		status, r->messages, r->bytes, err_is_set(e) || r->unproven ? "false" : "true",
		r->damage);
	for (int i = 0; i < EXPORT_FAULT_COUNT; i++)
		printf("%s\"%s\": %" PRIu64, i > 0 ? ", " : "",
			export_fault_name((enum export_fault)i), r->faults[i]);
	fputs("}, \"error\": ", stdout);
	if (err_is_set(e))
		json_text(stdout, slice_str(e->text));
	else
		fputs("null", stdout);
	puts("}");
}

static void export_summary(const char *path, const struct export_verify_report *r)
{
	char shown[TEXT_SHOW_SIZE], n[UNIT_SIZE], bytes[UNIT_SIZE];
	printf("%s: %s %s, %s read: ", text_show(shown, sizeof shown, slice_str(path)),
		unit_count(n, r->messages), plural(r->messages, "message", "messages"),
		unit_bytes(bytes, r->bytes));
	if (r->damage == 0)
		puts("no damage");
	else
		printf("%s %s; make the file again with imapsync export\n",
			unit_count(n, r->damage),
			plural(r->damage, "DAMAGE found", "DAMAGES found"));
}

static int verify_export(struct cli *c, char *path)
{
	struct export_verify_report r;
	struct err e = ERR_INIT;
	const struct export_verify v = {c, on_export_finding, c->interrupt};
	c->state = path;
	int failed = sync_verify_export(path, &v, &r, &e) != 0;
	int status = r.damage > 0 ? EXIT_DAMAGE : EXIT_OK;
	if (failed && e.code == E_CANCELLED && c->interrupt->signal != 0)
		status = 128 + (int)c->interrupt->signal;
	else if (failed)
		status = exit_worse(status, cli_fail(c, &e));
	if (r.unproven)
		output_note(&c->out, SYNC_NOTE_WARNING,
			"the manifest is of an older version and has no hash of itself: the messages are "
			"compared with it, but whether its flags, dates and folder names are right "
			"cannot be proven; export anew");
	if (c->json)
		export_summary_json(path, &r, status, &e);
	else if (!failed && c->out.level >= OUTPUT_CRON &&
		(c->out.level >= OUTPUT_NORMAL || status != EXIT_OK))
		export_summary(path, &r);
	return status;
}

/* A '/' cannot be in the name of an account; a file without one is only looked at when no account has that name. */
static int find_files(struct cli *c, bool *is_file, size_t *files, struct err *e)
{
	struct config known;
	int rc = 0;
	config_init(&known);
	for (size_t i = 0; i < c->nargs && rc == 0; i++) {
		if (config_is_url(c->args[i]))
			continue;
		is_file[i] = strchr(c->args[i], '/') != NULL;
		if (!is_file[i] && access(c->args[i], F_OK) == 0) {
			if (known.file == NULL && config_read(&known, c->config_file, e) != 0) {
				rc = e->code == E_MISSING && c->config_file == NULL ? 0 : -1;
				if (rc == 0)
					err_clear(e);
			}
			is_file[i] = config_find(&known, c->args[i]) == NULL;
		}
		*files += is_file[i];
	}
	config_release(&known);
	return rc;
}

static int verify_files(struct cli *c, const bool *is_file, size_t files)
{
	struct err e = ERR_INIT;
	size_t accounts = 0;
	int status = EXIT_OK;
	if (files > 0 && (c->server || c->sample_of != 0 || c->path != NULL)) {
		err_set(&e, ERR_USAGE, E_USAGE,
			"--sample, --server and --path are for archives, not for exported files");
		return cli_fail(c, &e);
	}
	for (size_t i = 0; i < c->nargs; i++) {
		if (!is_file[i])
			c->args[accounts++] = c->args[i];
		else if (c->interrupt->signal == 0)
			status = exit_worse(status, verify_export(c, c->args[i]));
	}
	if (c->interrupt->signal != 0)
		return 128 + (int)c->interrupt->signal;
	bool all = files == 0;
	c->nargs = accounts;
	return all || accounts > 0 ? exit_worse(status, cli_each(c, verify_one)) : status;
}

int cmd_verify(struct cli *c)
{
	struct err e = ERR_INIT;
	size_t files = 0;
	if (c->restore_test != NULL)
		return rehearse(c);
	bool *is_file = calloc(c->nargs + 1, sizeof *is_file);
	int status;
	if (is_file == NULL) {
		err_nomem(&e, "the arguments");
		status = cli_fail(c, &e);
	} else if (find_files(c, is_file, &files, &e) != 0) {
		status = cli_fail(c, &e);
	} else {
		status = verify_files(c, is_file, files);
	}
	free(is_file);
	return status;
}

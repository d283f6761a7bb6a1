/* SPDX-License-Identifier: MIT */
/* cmd_backup.c -- imapsync backup: run the job for each account, say in a line or two how it went. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/cli.h"
#include "cmd/exit.h"

/* "2 folders changed, " and the like: only what is not zero. */
static void add_count(struct buf *b, uint64_t n, const char *one, const char *many)
{
	char count[UNIT_SIZE];
	if (n > 0)
		buf_addf(b, "%s%s %s", b->len > 0 ? ", " : "", unit_count(count, n),
			plural(n, one, many));
}

/* "3 new messages (1.2 MB), 1 flag change, 2 gone" or "nothing new". */
static void describe(const struct sync_report *r, bool dry_run, struct buf *b)
{
	char bytes[UNIT_SIZE];
	add_count(b, r->messages_new, "new message", "new messages");
	if (r->messages_new > 0 && r->bytes_new > 0)
		buf_addf(b, " (%s)", unit_bytes(bytes, r->bytes_new));
	add_count(b, r->messages_linked, "message known already", "messages known already");
	add_count(b, r->flags_changed, "flag change", "flag changes");
	add_count(b, r->messages_gone, "gone from the server (kept here)",
		"gone from the server (kept here)");
	add_count(b, r->folders_new, "new folder", "new folders");
	add_count(b, r->folders_vanished, "folder gone from the server (kept here)",
		"folders gone from the server (kept here)");
	if (b->len == 0)
		buf_add_str(b, dry_run ? "nothing to fetch" : "nothing new");
	add_count(b, r->messages_failed, "message NOT SAFE", "messages NOT SAFE");
	add_count(b, r->folders_failed, "folder NOT SAFE", "folders NOT SAFE");
}

static void print_summary(
	struct cli *c, const struct config_account *a, const struct sync_report *r, bool failed)
{
	struct buf what = BUF_INIT(1024);
	char total[UNIT_SIZE], bytes[UNIT_SIZE];
	describe(r, c->dry_run, &what);
	printf("%s: %s%s", a->name,
		c->dry_run	 ? "would fetch: "
			: failed ? "stopped: "
				 : "",
		buf_str(&what));
	putchar('\n');
	const struct shown_path path = shown_path(a->path);
	if (!c->dry_run)
		printf("  %zu %s, %s %s, %s in %s%s\n", r->folders,
			plural(r->folders, "folder", "folders"),
			unit_count(total, r->archive_messages),
			plural(r->archive_messages, "message", "messages"),
			unit_bytes(bytes, r->archive_bytes), path.home, path.rest);
	buf_release(&what);
}

static void print_json(const struct cli *c, const struct config_account *a,
	const struct sync_report *r, const struct err *e, int status)
{
	printf("{\"account\": ");
	json_text(stdout, slice_str(a->name));
	printf(", \"status\": %d, \"dry_run\": %s, \"path\": ", status,
		c->dry_run ? "true" : "false");
	json_text(stdout, slice_str(a->path));
	printf(", \"folders\": %zu, \"folders_unchanged\": %zu, \"folders_failed\": %zu, \"folders_new\": %zu, "
	       "\"folders_vanished\": %zu",
		r->folders, r->folders_unchanged, r->folders_failed, r->folders_new,
		r->folders_vanished);
	printf(", \"messages_new\": %" PRIu64 ", \"bytes_new\": %" PRIu64
	       ", \"messages_linked\": %" PRIu64 ", \"messages_gone\": %" PRIu64
	       ", \"flags_changed\": %" PRIu64 ", \"messages_failed\": %" PRIu64,
		r->messages_new, r->bytes_new, r->messages_linked, r->messages_gone,
		r->flags_changed, r->messages_failed);
	printf(", \"wire_bytes_in\": %" PRIu64 ", \"wire_bytes_out\": %" PRIu64, r->wire_in,
		r->wire_out);
	printf(", \"archive_messages\": %" PRIu64 ", \"archive_bytes\": %" PRIu64 ", \"error\": ",
		r->archive_messages, r->archive_bytes);
	if (err_is_set(e))
		json_text(stdout, slice_str(e->text));
	else
		fputs("null", stdout);
	puts("}");
}

static void note_recovery(struct cli *c, const struct store_recovery *r)
{
	char line[200];
	if (!r->unclean)
		return;
	snprintf(line, sizeof line,
		"the last run was cut off; mended: %" PRIu64
		" %s taken over without fetching, %" PRIu64 " unfinished %s removed",
		r->adopted, plural(r->adopted, "message", "messages"), r->reaped,
		plural(r->reaped, "file", "files"));
	/* Nobody needs to hear of a cut that left nothing behind. */
	output_note(&c->out, r->adopted + r->reaped > 0 ? SYNC_NOTE_WARNING : SYNC_NOTE_STEP, line);
	if (r->damaged > 0) {
		snprintf(line, sizeof line,
			"%" PRIu64
			" %s in the archive whose content contradicts its name; left alone",
			r->damaged, plural(r->damaged, "file", "files"));
		output_note(&c->out, SYNC_NOTE_PROBLEM, line);
	}
}

/* The parent of an archive must exist: it may be a disk that is not mounted. Only the one that we chose
 * ourselves is made. What goes wrong here, the store says better. */
static void make_default_parent(const struct config_account *a)
{
	const char *slash = strrchr(a->path, '/');
	char *parent = a->default_path && slash != NULL && slash != a->path
		? strndup(a->path, (size_t)(slash - a->path))
		: NULL;
	if (parent != NULL)
		(void)mkdir(parent, 0700);
	free(parent);
}

/* What a person can do about it; NULL when the text says so already, or there is nothing. */
static const char *next_step(const struct err *e)
{
	static const char *const steps[E_CODE_COUNT] = {
		[E_AUTH] = "check user and password",
		[E_NET] = "the next run carries on",
		[E_TIMEOUT] = "the next run carries on",
		[E_CLOSED] = "the next run carries on",
		[E_BYE] = "the next run carries on",
		[E_THROTTLE] = "the next run carries on",
		[E_FULL] = "make room and run it again",
		[E_LOCKED] = "run it again when that has ended",
		[E_MISSING] = "the folder above it must exist (is its disk mounted?)",
	};
	return steps[e->code];
}

/* The error, what was kept, what to do: one line. */
static int fail(struct cli *c, const struct sync_report *r, struct err *e)
{
	char count[UNIT_SIZE], kept[80] = "nothing was changed";
	const char *step = next_step(e);
	size_t n = strlen(e->text);
	if (e->scope == ERR_USAGE)
		return cli_fail(c, e);
	if (n > 0 && e->text[n - 1] == '.')
		e->text[n - 1] = '\0';
	/* When the archive fails, the last group of messages is not in it; nobody knows the number. */
	if (r->messages_new > 0 && e->scope == ERR_STORE)
		snprintf(kept, sizeof kept, "what was saved before is kept");
	else if (r->messages_new > 0)
		snprintf(kept, sizeof kept, "%s new %s saved", unit_count(count, r->messages_new),
			plural(r->messages_new, "message is", "messages are"));
	output_error(&c->out, "%s; %s%s%s", e->text, kept, step != NULL ? "; " : "",
		step != NULL ? step : "");
	return exit_status(e);
}

static int backup_one(struct cli *c, struct config_account *a)
{
	struct sync_account account;
	struct sync_report report;
	struct err e = ERR_INIT;
	const struct sync_backup_options options = {.dry_run = c->dry_run, .audit = c->audit};
	const struct sync_hooks hooks = cli_hooks(c);
	cli_account(c, a, &account);
	if (!c->dry_run)
		make_default_parent(a);
	memset(&report, 0, sizeof report);
	int failed = sync_backup(&account, &options, &hooks, &report, &e) != 0;
	output_clear_progress(&c->out);
	note_recovery(c, &report.recovery);
	int status = EXIT_OK;
	if (failed && e.code == E_CANCELLED && c->interrupt->signal != 0) {
		status = 128 + (int)c->interrupt->signal; /* no news to the person who sent it */
	} else if (failed) {
		status = fail(c, &report, &e);
	} else {
		bool partial = report.problems > 0 || report.messages_failed > 0 ||
			report.folders_failed > 0 || report.budget_reached;
		status = exit_worse(partial ? EXIT_PARTIAL : EXIT_OK, exit_status(&report.worst));
	}
	if (c->json)
		print_json(c, a, &report, &e, status);
	else if (c->out.level >= OUTPUT_NORMAL && (!failed || report.messages_new > 0))
		print_summary(c, a, &report, failed);
	return status;
}

int cmd_backup(struct cli *c)
{
	return cli_each(c, backup_one);
}

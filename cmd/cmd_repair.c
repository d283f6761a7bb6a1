/* SPDX-License-Identifier: MIT */
/* cmd_repair.c -- imapsync repair: what was wrong, what became of it, and what is still missing. */
#include <inttypes.h>
#include <string.h>

#include "cmd/exit.h"
#include "cmd/finding.h"
#include "core/sync/verify.h"

static const char *mending_name(enum store_mending m)
{
	switch (m) {
	case STORE_MENDED: return "mended";
	case STORE_TO_ADOPT: return "taken into the index";
	case STORE_TO_FETCH: return "to be fetched again";
	case STORE_LOST: return "LOST: the server has no such message";
	case STORE_NOT_MENDED: return "NOT MENDED";
	}
	return "";
}

static void on_finding(void *ctx, const struct store_finding *f, enum store_mending m)
{
	struct cli *c = ctx;
	bool bad = m == STORE_LOST || m == STORE_NOT_MENDED;
	if (c->json || (!bad && c->out.level < OUTPUT_NORMAL))
		return;
	output_clear_progress(&c->out);
	finding_line(c, f);
	printf(": %s\n", mending_name(m));
}

static void on_unmended(void *ctx, struct slice mailbox, uint32_t uid, const char *why)
{
	struct cli *c = ctx;
	if (c->json)
		return;
	output_clear_progress(&c->out);
	printf("%s: NOT SAFE: ", finding_account(c));
	finding_message(stdout, mailbox, SLICE_NONE, uid);
	printf(": %s\n", why);
}

static void note_rebuilt(struct cli *c, const struct store_recovery *r)
{
	char line[512];
	if (!r->rebuilt)
		return;
	if (r->aside[0] != '\0')
		snprintf(line, sizeof line, "the index was damaged; it is kept as %s", r->aside);
	else
		snprintf(line, sizeof line, "the index was missing");
	output_note(&c->out, SYNC_NOTE_WARNING, line);
	snprintf(line, sizeof line,
		"a new index was made from %" PRIu64
		" message %s, without fetching. What only the old one knew is lost: flag history, "
		"which messages were gone and since when, zones of dates, keywords beyond 26 a folder",
		r->adopted, plural(r->adopted, "file", "files"));
	output_note(&c->out, SYNC_NOTE_WARNING, line);
}

static void print_json(
	const struct cli *c, const struct sync_repair_report *r, int status, const struct err *e)
{
	const struct store_repair_counts *n = &r->local;
	fputs("{\"account\": ", stdout);
	json_text(stdout, slice_str(finding_account(c)));
	printf(", \"status\": %d, \"index_rebuilt\": %s, \"index_aside\": ", status,
		r->recovery.rebuilt ? "true" : "false");
	json_text(stdout, slice_str(r->recovery.aside));
	printf(", \"adopted\": %" PRIu64 ", \"mended\": %" PRIu64 ", \"set_aside\": %" PRIu64
	       ", \"to_fetch\": %" PRIu64 ", \"fetched\": %" PRIu64 ", \"unmended\": %" PRIu64
	       ", \"error\": ",
		r->recovery.adopted + n->adopted, n->mended, n->set_aside, n->to_fetch,
		r->backup.messages_new, r->unmended);
	if (err_is_set(e))
		json_text(stdout, slice_str(e->text));
	else
		fputs("null", stdout);
	puts("}");
}

static void print_summary(const struct cli *c, const struct sync_repair_report *r)
{
	const struct store_repair_counts *n = &r->local;
	char count[UNIT_SIZE];
	uint64_t found = n->mended + n->adopted + n->to_fetch + n->lost + n->not_mended;
	printf("%s: ", finding_account(c));
	if (found == 0 && !r->recovery.rebuilt) {
		puts("nothing to repair");
		return;
	}
	printf("%s %s found", unit_count(count, found), plural(found, "damage", "damages"));
	if (n->set_aside > 0)
		printf(", %s %s moved to damaged/", unit_count(count, n->set_aside),
			plural(n->set_aside, "file", "files"));
	if (r->fetched)
		printf(", %s fetched", unit_count(count, r->backup.messages_new));
	if (r->unmended > 0)
		printf(", %s NOT SAFE", unit_count(count, r->unmended));
	putchar('\n');
}

static int repair_one(struct cli *c, struct config_account *a)
{
	struct sync_account account;
	struct sync_repair_report r;
	struct err e = ERR_INIT;
	const struct sync_repair_options o = {
		.offline = c->offline, .ctx = c, .finding = on_finding, .unmended = on_unmended};
	const struct sync_hooks hooks = cli_hooks(c);
	cli_account(c, a, &account);
	memset(&r, 0, sizeof r);
	int failed = sync_repair(&account, &o, &hooks, &r, &e) != 0;
	output_clear_progress(&c->out);
	note_rebuilt(c, &r.recovery);
	int status = r.unmended > 0 ? EXIT_PARTIAL : EXIT_OK;
	if (r.fetched)
		status = exit_worse(status, exit_status(&r.backup.worst));
	if (failed && e.code == E_CANCELLED && c->interrupt->signal != 0)
		status = 128 + (int)c->interrupt->signal;
	else if (failed)
		status = exit_worse(status, cli_fail(c, &e));
	if (c->json)
		print_json(c, &r, status, &e);
	else if (!failed && (c->out.level >= OUTPUT_NORMAL || status != EXIT_OK))
		print_summary(c, &r);
	return status;
}

int cmd_repair(struct cli *c)
{
	return cli_each(c, repair_one);
}

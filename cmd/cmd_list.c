/* SPDX-License-Identifier: MIT */
/* cmd_list.c -- imapsync list: the messages of an archive, so that a person can find what to show
 * or restore. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "core/base/text.h"
#include "core/sync/header.h"

#define FROM_COLUMNS  20
#define FIXED_COLUMNS (10 + 1 + 16 + 1 + 7 + 1 + 6 + 1 + FROM_COLUMNS + 1)

struct list {
	struct cli *c;
	struct store *s;
	struct buf header, from, subject;
	size_t subject_columns; /* 0: not cut, nobody's screen is too narrow */
	bool first;
	const struct store_mailbox *unnamed; /* its name is printed with its first message */
	int status;
};

/* ---- columns -------------------------------------------------------------------------------- */

/* As in Maildir, in the order of the alphabet; '+' for keywords. */
static const char *flag_letters(char out[8], struct slice flags)
{
	static const struct {
		const char *flag;
		char letter;
	} known[] = {{"\\Draft", 'D'}, {"\\Flagged", 'F'}, {"$Forwarded", 'P'}, {"\\Answered", 'R'},
		{"\\Seen", 'S'}, {"\\Deleted", 'T'}};
	bool have[sizeof known / sizeof known[0]] = {false}, more = false;
	size_t at = 0, n = 0;
	struct slice flag;
	while (mail_flags_next(flags, &at, &flag)) {
		bool found = false;
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			if (slice_ieq_str(flag, known[i].flag))
				found = have[i] = true;
		more = more || !found;
	}
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (have[i])
			out[n++] = known[i].letter;
	if (more)
		out[n++] = '+';
	out[n] = '\0';
	return out;
}

/* "17", or "1500000001.17" for a message of an earlier UIDVALIDITY. */
static void print_uid(const struct selection_item *i)
{
	char text[32];
	int n = i->uidvalidity == i->box->uidvalidity
		? snprintf(text, sizeof text, "%" PRIu32, i->record->uid)
		: snprintf(text, sizeof text, "%" PRIu32 ".%" PRIu32, i->uidvalidity,
			  i->record->uid);
	printf("%*s%s", n < 10 ? 10 - n : 0, "", text);
}

static void print_text(struct list *l, const struct selection_item *i)
{
	char when[UNIT_SIZE] = "", size[UNIT_SIZE], letters[8];
	const struct store_record *r = i->record;
	if (r->date.valid)
		unit_time(when, r->date.secs);
	print_uid(i);
	printf(" %-16s %7s %-6s ", when, unit_bytes(size, r->size_wire),
		flag_letters(letters, r->flags));
	print_cell(stdout, buf_slice(&l->from), FROM_COLUMNS, false);
	putchar(' ');
	print_last_cell(buf_slice(&l->subject), l->subject_columns);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void print_flags_json(struct slice flags)
{
	size_t at = 0;
	struct slice flag;
	putchar('[');
	for (bool first = true; mail_flags_next(flags, &at, &flag); first = false) {
		if (!first)
			fputs(", ", stdout);
		json_text(stdout, flag);
	}
	putchar(']');
}

static void print_json(struct list *l, const struct selection_item *i)
{
	const struct store_record *r = i->record;
	char date[MAIL_DATE_LEN + 1], hash[SHA256_HEX + 1];
	hex_format(r->sha256, SHA256_LEN, hash);
	printf("%s\n  {\"folder\": ", l->first ? "" : ",");
	json_text(stdout, buf_slice(&i->box->name));
	printf(", \"uidvalidity\": %" PRIu32 ", \"uid\": %" PRIu32 ", \"date\": ", i->uidvalidity,
		r->uid);
	if (mail_date_format(&r->date, date))
		json_text(stdout, slice_str(date));
	else
		fputs("null", stdout);
	printf(", \"size\": %" PRIu64 ", \"sha256\": \"%s\", \"gone\": %s, \"flags\": ",
		r->size_wire, hash, r->gone_run != 0 || !i->box->present ? "true" : "false");
	print_flags_json(r->flags);
	fputs(", \"from\": ", stdout);
	json_text(stdout, buf_slice(&l->from));
	fputs(", \"subject\": ", stdout);
	json_text(stdout, buf_slice(&l->subject));
	putchar('}');
}

/* ---- the list ------------------------------------------------------------------------------- */

static void report(struct list *l, const struct selection_item *i, const struct err *why)
{
	char folder[TEXT_SHOW_SIZE], line[1024];
	snprintf(line, sizeof line, "%s UID %" PRIu32 ": %s",
		text_show(folder, sizeof folder, buf_slice(&i->box->name)), i->record->uid,
		why->text);
	output_note(&l->c->out, SYNC_NOTE_PROBLEM, line);
	l->status = EXIT_PARTIAL;
}

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	(void)e;
	report(ctx, item, why);
	return 0;
}

static void print_name(struct list *l)
{
	char name[TEXT_SHOW_SIZE];
	if (l->unnamed != NULL && !l->c->json)
		printf("%s\n", text_show(name, sizeof name, buf_slice(&l->unnamed->name)));
	l->unnamed = NULL;
}

static int on_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	struct list *l = ctx;
	(void)e;
	l->unnamed = box;
	if (!selection_of_messages(&l->c->select))
		print_name(l);
	return 0;
}

static int on_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct list *l = ctx;
	if (l->c->interrupt->signal != 0)
		return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
	print_name(l);
	buf_clear(&l->from);
	buf_clear(&l->subject);
	/* A message that cannot be read is listed all the same: its row is there. */
	if (header_read(l->s, item->record->generation, item->record->uid, &l->header, e) != 0) {
		if (e->scope > ERR_MAILBOX)
			return -1;
		report(l, item, e);
		err_clear(e);
	} else {
		header_text(buf_slice(&l->header), "From", &l->from);
		header_text(buf_slice(&l->header), "Subject", &l->subject);
	}
	if (l->c->json)
		print_json(l, item);
	else
		print_text(l, item);
	l->first = false;
	return 0;
}

static int list_one(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct selection_counts counts;
	struct list l = {.c = c, .first = true, .subject_columns = last_column(FIXED_COLUMNS)};
	const struct selection_sink sink = {&l, on_folder, on_message, on_unreadable, NULL};
	if (cli_open_archive(a, &l.s, &e) != 0)
		return cli_fail(c, &e);
	buf_init(&l.header, HEADER_MAX);
	buf_init(&l.from, 4 * (size_t)HEADER_MAX);
	buf_init(&l.subject, 4 * (size_t)HEADER_MAX);
	if (c->json) {
		fputs("{\"account\": ", stdout);
		json_text(stdout, slice_str(a->name));
		fputs(", \"messages\": [", stdout);
	}
	int rc = selection_run(l.s, &c->select, &sink, &counts, &e);
	if (c->json)
		puts("]}");
	buf_release(&l.header);
	buf_release(&l.from);
	buf_release(&l.subject);
	store_close(l.s);
	if (rc != 0)
		return cli_fail(c, &e);
	return exit_worse(l.status, cli_left_out(c, &counts));
}

int cmd_list(struct cli *c)
{
	for (size_t i = 0; i < c->nargs; i++)
		if (string_list_add(&c->folders, c->args[i], strlen(c->args[i])) != 0) {
			struct err e = ERR_INIT;
			err_nomem(&e, "the folders");
			return cli_fail(c, &e);
		}
	c->select.folders = (struct sync_patterns){c->folders.at, c->folders.n};
	c->select.exclude = (struct sync_patterns){c->exclude.at, c->exclude.n};
	return cli_archive(c, c->account, " with --account", list_one);
}

/* SPDX-License-Identifier: MIT */
/* cmd_folders.c -- imapsync folders: what is in the archive, or on the server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "cmd/remote.h"
#include "core/base/text.h"

/* One line of the table, wherever it comes from. */
struct row {
	struct slice name, attributes;
	bool counted, sized, selected, selectable;
	uint64_t messages, bytes;
	const char *remark; /* "gone from the server", an error, or "" */
};

/* The attribute of RFC 6154 among LIST attributes: "\Sent", or empty. */
static struct slice special_use(struct slice attributes)
{
	static const char *const uses[] = {"\\All", "\\Archive", "\\Drafts", "\\Flagged",
		"\\Important", "\\Junk", "\\Sent", "\\Trash"};
	size_t at = 0;
	struct slice word;
	while (mail_flags_next(attributes, &at, &word))
		for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
			if (slice_ieq_str(word, uses[i]))
				return word;
	return SLICE_NONE;
}

static void print_row_text(const struct row *r, size_t width)
{
	char count[UNIT_SIZE] = "", bytes[UNIT_SIZE] = "";
	if (r->counted)
		unit_count(count, r->messages);
	if (r->sized)
		unit_bytes(bytes, r->bytes);
	print_cell(stdout, r->name, width, false);
	printf(" %10s %8s", count, bytes);
	struct slice use = special_use(r->attributes);
	if (use.n > 0 || *r->remark != '\0')
		printf("  %.*s%s%s", (int)use.n, use.n > 0 ? (const char *)use.p : "",
			use.n > 0 && *r->remark != '\0' ? " " : "", r->remark);
	putchar('\n');
}

static void print_row_json(const struct row *r, bool first)
{
	printf("%s\n  {\"name\": ", first ? "" : ",");
	json_text(stdout, r->name);
	printf(", \"attributes\": ");
	json_text(stdout, r->attributes);
	printf(", \"selected\": %s, \"messages\": ", r->selected ? "true" : "false");
	if (r->counted)
		printf("%" PRIu64, r->messages);
	else
		fputs("null", stdout);
	fputs(", \"bytes\": ", stdout);
	if (r->sized)
		printf("%" PRIu64, r->bytes);
	else
		fputs("null", stdout);
	fputs(", \"remark\": ", stdout);
	json_text(stdout, slice_str(r->remark));
	putchar('}');
}

static size_t name_width(const struct row *rows, size_t n)
{
	size_t width = 12;
	for (size_t i = 0; i < n; i++) {
		struct buf safe = BUF_INIT(4 * TEXT_SHOWN_MAX);
		text_escape(&safe, rows[i].name);
		size_t w = text_columns(buf_slice(&safe));
		buf_release(&safe);
		if (w > width)
			width = w;
	}
	/* With count, size and special use the line stays within 80 columns. */
	return width < 48 ? width : 48;
}

static void print_rows(struct cli *c, const struct config_account *a, const struct row *rows,
	size_t n, const char *where)
{
	if (c->json) {
		fputs("{\"account\": ", stdout);
		json_text(stdout, slice_str(a->name));
		fputs(", \"where\": ", stdout);
		json_text(stdout, slice_str(where));
		fputs(", \"folders\": [", stdout);
		for (size_t i = 0; i < n; i++)
			print_row_json(&rows[i], i == 0);
		puts("]}");
		return;
	}
	size_t width = name_width(rows, n);
	struct row total = {
		.name = slice_str("total"), .counted = true, .sized = n > 0, .remark = ""};
	const struct shown_path shown = shown_path(where);
	printf("%s (%s%s)\n", a->name, shown.home, shown.rest);
	print_cell(stdout, slice_str("folder"), width, false);
	printf(" %10s %8s\n", "messages", "size");
	for (size_t i = 0; i < n; i++) {
		print_row_text(&rows[i], width);
		total.messages += rows[i].messages;
		total.bytes += rows[i].bytes;
		total.sized = total.sized && (rows[i].sized || !rows[i].selectable);
	}
	print_row_text(&total, width);
}

static int folders_local(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;
	struct store_mailbox_list list = {NULL, 0};
	if (cli_open_archive(a, &s, &e) != 0 || store_mailboxes(s, &list, &e) != 0) {
		store_close(s);
		return cli_fail(c, &e);
	}
	struct row *rows = calloc(list.n + 1, sizeof *rows);
	for (size_t i = 0; rows != NULL && i < list.n; i++) {
		const struct store_mailbox *m = &list.at[i];
		rows[i] = (struct row){.name = buf_slice(&m->name),
			.attributes = buf_slice(&m->attributes),
			.counted = m->selectable,
			.sized = m->selectable,
			.selected = true,
			.selectable = m->selectable,
			.messages = m->stored,
			.bytes = m->bytes,
			.remark = !m->present	? "(gone from the server)"
				: m->failed > 0 ? "(some messages failed)"
						: ""};
	}
	if (rows != NULL)
		print_rows(c, a, rows, list.n, a->path);
	else
		err_nomem(&e, "the list of folders");
	free(rows);
	store_mailbox_list_release(&list);
	store_close(s);
	return err_is_set(&e) ? cli_fail(c, &e) : EXIT_OK;
}

static int print_remote(struct remote *r, const struct sync_folders *f)
{
	const struct config_account *a = r->config;
	struct err e = ERR_INIT;
	struct row *rows = calloc(f->n + 1, sizeof *rows);
	if (rows == NULL) {
		err_nomem(&e, "the list of folders");
		return cli_fail(r->cli, &e);
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct sync_folder *m = &f->at[i];
		rows[i] = (struct row){.name = buf_slice(&m->name),
			.attributes = buf_slice(&m->attributes),
			.counted = (m->have & IMAP4_ST_MESSAGES) != 0,
			.sized = (m->have & IMAP4_ST_SIZE) != 0,
			.selected = m->selected,
			.selectable = m->selectable,
			.messages = m->messages,
			.bytes = m->size,
			.remark = !m->selectable ? "(holds folders only)"
				: !m->selected	 ? "(not backed up)"
						 : buf_str(&m->refusal)};
	}
	print_rows(r->cli, a, rows, f->n, a->host != NULL ? a->host : a->tunnel.at[0]);
	free(rows);
	return EXIT_OK;
}

static int look(struct remote *r)
{
	return remote_folders(r, true, print_remote);
}

static int folders_remote(struct cli *c, struct config_account *a)
{
	return remote_session(c, a, look);
}

int cmd_folders(struct cli *c)
{
	return cli_each(c, c->remote ? folders_remote : folders_local);
}

/* SPDX-License-Identifier: MIT */
/* cmd_imap_folder.c -- imapsync imap: list, status, create, delete, rename, subscriptions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_imap.h"
#include "cmd/exit.h"
#include "core/base/text.h"

#define NAME_SHOWN_MAX 8192

/* ---- list ---------------------------------------------------------------------------------------------- */

struct listed {
	struct buf name, attributes; /* attributes: for people, separated by blanks */
};

struct list {
	struct imap_call *k;
	struct listed *at;
	size_t n, cap, width;
};

static void add_json(struct json *j, const imap4_list *l, struct slice name)
{
	json_begin(j, NULL, '{');
	json_add_text(j, "name", name);
	json_add_str(j, "wire", l->name);
	if (l->delimiter != '\0')
		json_add_text(j, "delimiter", slice_of(&l->delimiter, 1));
	else
		json_add_null(j, "delimiter");
	imap_add_strs(j, "attributes", l->attributes, l->nattributes);
	json_end(j);
}

static int take_list(void *ctx, const imap4_data *d, struct err *e)
{
	struct list *list = ctx;
	const imap4_list *l = imap4_data_list(d);
	if (l == NULL)
		return 0;
	if (list->n == list->cap) {
		size_t cap = list->cap > 0 ? 2 * list->cap : 64;
		struct listed *grown = realloc(list->at, cap * sizeof *grown);
		if (grown == NULL)
			return err_nomem(e, "the list of folders");
		list->at = grown;
		list->cap = cap;
	}
	struct listed *row = &list->at[list->n++];
	buf_init(&row->name, NAME_SHOWN_MAX);
	buf_init(&row->attributes, NAME_SHOWN_MAX);
	imap_display(l->name, &row->name);
	for (size_t i = 0; i < l->nattributes; i++) {
		buf_add_str(&row->attributes, i > 0 ? " " : "");
		buf_add_slice(&row->attributes, imap_slice(l->attributes[i]));
	}
	list->width = imap_width(list->width, buf_slice(&row->name));
	if (list->k->c->json)
		add_json(&list->k->json, l, buf_slice(&row->name));
	return 0;
}

static void print_list(const struct list *list)
{
	char shown[TEXT_SHOW_SIZE];
	for (size_t i = 0; i < list->n; i++) {
		print_cell(stdout, buf_slice(&list->at[i].name), list->width, false);
		printf("  %s\n",
			text_show(shown, sizeof shown, buf_slice(&list->at[i].attributes)));
	}
}

static imap4_cmd *start_list(struct imap_call *k, const char *pattern)
{
	const imap4_list_opts o = {.struct_size = sizeof o,
		.ret = IMAP4_RET_SUBSCRIBED | IMAP4_RET_CHILDREN | IMAP4_RET_SPECIAL_USE,
		.select_subscribed = k->c->subscribed};
	bool extended = imap4_has(k->s, "LIST-EXTENDED") || imap4_has(k->s, "IMAP4rev2");
	if (k->c->subscribed && !extended)
		return imap4_lsub_start(k->s, "", pattern);
	return imap4_list_start(k->s, "", &pattern, 1, &o);
}

int imap_list(struct imap_call *k, struct err *e)
{
	struct list list = {.k = k, .width = 12};
	struct buf wire;
	int rc = imap_wire(k, k->n > 0 ? k->arg[0] : "*", &wire, e);
	if (rc == 0) {
		if (k->c->json)
			json_begin(&k->json, "folders", '[');
		rc = imap_run(k, start_list(k, buf_str(&wire)), NULL, take_list, &list, e);
		if (rc == 0 && k->c->json)
			json_end(&k->json);
	}
	if (!k->c->json)
		print_list(&list);
	buf_release(&wire);
	for (size_t i = 0; i < list.n; i++) {
		buf_release(&list.at[i].name);
		buf_release(&list.at[i].attributes);
	}
	free(list.at);
	return rc;
}

/* ---- status -------------------------------------------------------------------------------------------- */

#define STATUS_ITEMS                                                                               \
	(IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY | IMAP4_ST_UNSEEN |           \
		IMAP4_ST_RECENT | IMAP4_ST_HIGHESTMODSEQ | IMAP4_ST_SIZE | IMAP4_ST_MAILBOXID |    \
		IMAP4_ST_APPENDLIMIT | IMAP4_ST_DELETED)

struct status {
	struct imap_call *k;
	const char *folder;
	size_t width;
	uint64_t messages;
	bool answered;
};

/* One number of STATUS, and how wide its column is. */
static void print_count(uint32_t have, uint32_t bit, uint64_t v, int columns)
{
	if ((have & bit) != 0)
		printf(" %*" PRIu64, columns, v);
	else
		printf(" %*s", columns, "-");
}

static void print_status(const struct status *f, const imap4_status *st)
{
	char size[UNIT_SIZE] = "-";
	if ((st->have & IMAP4_ST_SIZE) != 0)
		unit_bytes(size, st->size);
	print_cell(stdout, slice_str(f->folder), f->width, false);
	print_count(st->have, IMAP4_ST_MESSAGES, st->messages, 10);
	print_count(st->have, IMAP4_ST_UNSEEN, st->unseen, 8);
	print_count(st->have, IMAP4_ST_UIDNEXT, st->uidnext, 10);
	print_count(st->have, IMAP4_ST_UIDVALIDITY, st->uidvalidity, 11);
	printf(" %8s\n", size);
}

static void add_status(struct json *j, const char *folder, const imap4_status *st)
{
	const struct {
		const char *key;
		uint32_t bit;
		uint64_t v;
	} counts[] = {
		{"messages", IMAP4_ST_MESSAGES, st->messages},
		{"unseen", IMAP4_ST_UNSEEN, st->unseen},
		{"recent", IMAP4_ST_RECENT, st->recent},
		{"deleted", IMAP4_ST_DELETED, st->deleted},
		{"deleted_storage", IMAP4_ST_DELETED_STORAGE, st->deleted_storage},
		{"uidnext", IMAP4_ST_UIDNEXT, st->uidnext},
		{"uidvalidity", IMAP4_ST_UIDVALIDITY, st->uidvalidity},
		{"highestmodseq", IMAP4_ST_HIGHESTMODSEQ, st->highestmodseq},
		{"size", IMAP4_ST_SIZE, st->size},
	};
	json_begin(j, NULL, '{');
	json_add_text(j, "name", slice_str(folder));
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		if ((st->have & counts[i].bit) != 0)
			json_add_u64(j, counts[i].key, counts[i].v);
	if ((st->have & IMAP4_ST_MAILBOXID) != 0)
		json_add_str(j, "mailboxid", st->mailboxid);
	if ((st->have & IMAP4_ST_APPENDLIMIT) != 0 && st->appendlimit >= 0)
		json_add_u64(j, "appendlimit", (uint64_t)st->appendlimit);
	json_end(j);
}

static int take_status(void *ctx, const imap4_data *d, struct err *e)
{
	struct status *f = ctx;
	const imap4_status *st = imap4_data_status(d);
	(void)e;
	if (st == NULL)
		return 0;
	f->answered = true;
	f->messages = st->messages;
	if (f->width > 0 && f->k->c->json)
		add_status(&f->k->json, f->folder, st);
	else if (f->width > 0)
		print_status(f, st);
	return 0;
}

static int ask_status(struct status *f, uint32_t items, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire;
	int rc = imap_wire(f->k, f->folder, &wire, e);
	f->answered = false;
	if (rc == 0)
		rc = imap_run(f->k, imap4_status_start(f->k->s, imap_str(&wire), items),
			imap_shown(shown, f->folder), take_status, f, e);
	buf_release(&wire);
	if (rc == 0 && !f->answered)
		rc = err_set(e, ERR_MAILBOX, E_NO, "%s: the server gives no status of it",
			imap_shown(shown, f->folder));
	return rc;
}

/* One folder that is not there does not stop the others. */
static void report_status(struct imap_call *k, const char *folder, struct err *e)
{
	k->status = exit_worse(k->status, cli_fail(k->c, e));
	if (k->c->json) {
		json_begin(&k->json, NULL, '{');
		json_add_text(&k->json, "name", slice_str(folder));
		json_add_text(&k->json, "error", slice_str(e->text));
		json_end(&k->json);
	}
	err_clear(e);
}

int imap_status(struct imap_call *k, struct err *e)
{
	struct status f = {.k = k, .width = 12};
	for (size_t i = 0; i < k->n; i++)
		f.width = imap_width(f.width, slice_str(k->arg[i]));
	if (k->c->json) {
		json_begin(&k->json, "folders", '[');
	} else {
		print_cell(stdout, slice_str("folder"), f.width, false);
		puts("   messages   unseen    uidnext uidvalidity     size");
	}
	for (size_t i = 0; i < k->n; i++) {
		f.folder = k->arg[i];
		if (ask_status(&f, STATUS_ITEMS, e) == 0)
			continue;
		if (e->scope > ERR_MAILBOX)
			return -1;
		report_status(k, f.folder, e);
	}
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

/* ---- changes ------------------------------------------------------------------------------------------- */

static void add_folder(struct imap_call *k, const char *key, const char *folder)
{
	if (k->c->json)
		json_add_text(&k->json, key, slice_str(folder));
}

/* Run a command on one folder. */
static int change(struct imap_call *k, const char *folder,
	imap4_cmd *(*start)(imap4_session *, imap4_str), struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire;
	int rc = imap_wire(k, folder, &wire, e);
	if (rc == 0)
		rc = imap_run(
			k, start(k->s, imap_str(&wire)), imap_shown(shown, folder), NULL, NULL, e);
	buf_release(&wire);
	return rc;
}

static int must_not_exist(struct imap_call *k, const char *folder, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	bool exists;
	if (imap_exists(k, folder, &exists, e) != 0)
		return -1;
	if (!exists)
		return 0;
	return err_set(e, ERR_MAILBOX, E_EXISTS, "there is a folder \"%s\" already",
		imap_shown(shown, folder));
}

/* "sent" or "\Sent" as the attribute "\sent" (RFC 6154 section 2). NULL: *e. */
static char *special_use(const char *word, struct err *e)
{
	size_t n = strlen(word);
	char *use = malloc(n + 2);
	if (use == NULL) {
		err_nomem(e, "the special use");
		return NULL;
	}
	use[0] = '\\';
	memcpy(use + 1, word[0] == '\\' ? word + 1 : word, n + (word[0] != '\\'));
	return use;
}

static int create(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire;
	char *use = NULL;
	int rc = imap_wire(k, k->arg[0], &wire, e);
	if (rc == 0 && k->c->special_use != NULL) {
		use = special_use(k->c->special_use, e);
		rc = use == NULL ? -1 : 0;
	}
	if (rc == 0)
		rc = imap_run(k, imap4_create_start(k->s, imap_str(&wire), use),
			imap_shown(shown, k->arg[0]), NULL, NULL, e);
	free(use);
	buf_release(&wire);
	return rc;
}

int imap_create(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	add_folder(k, "folder", k->arg[0]);
	if ((k->c->dry_run ? must_not_exist(k, k->arg[0], e) : create(k, e)) != 0)
		return -1;
	imap_say(k, "created", "would create", "%s", imap_shown(shown, k->arg[0]));
	return 0;
}

int imap_delete(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct status f = {.k = k, .folder = k->arg[0]};
	add_folder(k, "folder", f.folder);
	if (imap_must_exist(k, f.folder, e) != 0)
		return -1;
	/* A place in the hierarchy that holds no messages has no status, and may be deleted all the same. */
	bool counted = ask_status(&f, IMAP4_ST_MESSAGES, e) == 0;
	if (!counted && e->scope > ERR_MAILBOX)
		return -1;
	err_clear(e);
	if (!k->c->dry_run && change(k, f.folder, imap4_delete_start, e) != 0)
		return -1;
	if (k->c->json)
		json_add_u64(&k->json, "messages", f.messages);
	imap_say(k, "deleted", "would delete", "%s with %" PRIu64 " %s",
		imap_shown(shown, f.folder), f.messages, plural(f.messages, "message", "messages"));
	return 0;
}

static int rename_folder(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf from, to = BUF_INIT(NAME_SHOWN_MAX);
	int rc = imap_wire(k, k->arg[0], &from, e);
	if (rc == 0)
		rc = imap_wire(k, k->arg[1], &to, e);
	if (rc == 0)
		rc = imap_run(k, imap4_rename_start(k->s, imap_str(&from), imap_str(&to)),
			imap_shown(shown, k->arg[0]), NULL, NULL, e);
	buf_release(&from);
	buf_release(&to);
	return rc;
}

static int rename_dry(struct imap_call *k, struct err *e)
{
	return imap_must_exist(k, k->arg[0], e) != 0 ? -1 : must_not_exist(k, k->arg[1], e);
}

int imap_rename(struct imap_call *k, struct err *e)
{
	char from[TEXT_SHOW_SIZE], to[TEXT_SHOW_SIZE];
	add_folder(k, "folder", k->arg[0]);
	add_folder(k, "to", k->arg[1]);
	if ((k->c->dry_run ? rename_dry(k, e) : rename_folder(k, e)) != 0)
		return -1;
	imap_say(k, "renamed", "would rename", "%s to %s", imap_shown(from, k->arg[0]),
		imap_shown(to, k->arg[1]));
	return 0;
}

int imap_subscribe(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	add_folder(k, "folder", k->arg[0]);
	int rc = k->c->dry_run ? imap_must_exist(k, k->arg[0], e)
			       : change(k, k->arg[0], imap4_subscribe_start, e);
	if (rc == 0)
		imap_say(k, "subscribed to", "would subscribe to", "%s",
			imap_shown(shown, k->arg[0]));
	return rc;
}

/* A subscription may outlive its folder: there is nothing to look at before. */
int imap_unsubscribe(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	add_folder(k, "folder", k->arg[0]);
	if (!k->c->dry_run && change(k, k->arg[0], imap4_unsubscribe_start, e) != 0)
		return -1;
	imap_say(k, "unsubscribed from", "would unsubscribe from", "%s",
		imap_shown(shown, k->arg[0]));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* cmd_imap.c -- imapsync imap ACCOUNT COMMAND: the table of commands, and the frame around each. */
#include "cmd/cmd_imap.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/exit.h"
#include "cmd/query_words.h"
#include "core/base/text.h"
#include "core/base/uidset.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define NO_LIMIT  SIZE_MAX
#define CHANGES	  (IMAP_CHANGES | IMAP_DRY_RUN)
#define DESTROYS  (CHANGES | IMAP_YES | IMAP_NEED_YES)
#define NAME_COLS 35 /* a line of the list stays within 80 columns */

static const struct imap_sub subs[] = {
	{"list", "[PATTERN]", "folders; * is any text, % any without /", 0, 1, IMAP_SUBSCRIBED,
		imap_list},
	{"status", "FOLDER...", "counts of folders", 1, NO_LIMIT, 0, imap_status},
	{"search", "FOLDER [QUERY...]", "UIDs of the messages that a query finds", 1, NO_LIMIT,
		IMAP_ANY | IMAP_QUERY, imap_search},
	{"sort", "FOLDER KEYS [QUERY...]", "the same in an order: date,-size", 2, NO_LIMIT,
		IMAP_ANY | IMAP_QUERY, imap_sort},
	{"thread", "FOLDER ALGORITHM [QUERY...]", "the same as conversations", 2, NO_LIMIT,
		IMAP_ANY | IMAP_QUERY, imap_thread},
	{"fetch", "FOLDER UIDS [ITEM...]", "a table, items, or the bytes of one message", 2,
		NO_LIMIT, IMAP_OUTPUT | IMAP_UIDS, imap_fetch},
	{"append", "FOLDER FILE", "upload a message; - is standard input", 2, 2,
		CHANGES | IMAP_FLAG | IMAP_DATE, imap_append},
	{"copy", "FOLDER UIDS TO", "copy messages to another folder", 3, 3, CHANGES | IMAP_UIDS,
		imap_copy},
	{"move", "FOLDER UIDS TO", "move messages to another folder", 3, 3, CHANGES | IMAP_UIDS,
		imap_move},
	{"store", "FOLDER UIDS +FLAGS|-FLAGS|FLAGS FLAG...", "add, remove or replace flags", 3,
		NO_LIMIT, CHANGES | IMAP_UIDS, imap_store},
	{"expunge", "FOLDER [UIDS]", "remove messages that have \\Deleted", 1, 2,
		DESTROYS | IMAP_UIDS, imap_expunge},
	{"create", "FOLDER", "make a folder", 1, 1, CHANGES | IMAP_SPECIAL_USE, imap_create},
	{"delete", "FOLDER", "remove a folder and its messages", 1, 1, DESTROYS, imap_delete},
	{"rename", "FOLDER TO", "rename a folder, with those below it", 2, 2, CHANGES, imap_rename},
	{"subscribe", "FOLDER", "add to the subscriptions", 1, 1, CHANGES, imap_subscribe},
	{"unsubscribe", "FOLDER", "take out of the subscriptions", 1, 1, CHANGES, imap_unsubscribe},
	{"acl get", "FOLDER", "who may do what", 1, 1, IMAP_ANY, imap_acl_get},
	{"acl set", "FOLDER WHO RIGHTS", "lrs sets, +w and -w change rights", 3, 3, CHANGES,
		imap_acl_set},
	{"acl delete", "FOLDER WHO", "remove what is set for somebody", 2, 2, CHANGES,
		imap_acl_delete},
	{"acl rights", "FOLDER WHO", "rights that somebody can be given", 2, 2, IMAP_ANY,
		imap_acl_rights},
	{"acl myrights", "FOLDER", "what this account may do", 1, 1, IMAP_ANY, imap_acl_myrights},
	{"quota get", "ROOT", "usage and limits of a quota root", 1, 1, IMAP_ANY, imap_quota_get},
	{"quota root", "FOLDER", "the quota roots of a folder, with usage", 1, 1, IMAP_ANY,
		imap_quota_root},
	{"quota set", "ROOT [RESOURCE=LIMIT...]", "set limits; none lifts all", 1, NO_LIMIT,
		CHANGES, imap_quota_set},
	{"metadata get", "FOLDER ENTRY...", "annotations; \"\" is the server itself", 2, NO_LIMIT,
		0, imap_metadata_get},
	{"metadata set", "FOLDER ENTRY [VALUE]", "set an annotation; no value removes it", 2, 3,
		CHANGES, imap_metadata_set},
	{"namespace", "", "where folders are, and whose", 0, 0, 0, imap_namespace},
	{"id", "", "what the server says about itself", 0, 0, 0, imap_server_id},
	{"capability", "", "extensions that the server offers", 0, 0, 0, imap_capabilities},
	{"idle", "FOLDER", "print what happens, until a signal", 1, 1,
		IMAP_ANY | IMAP_FOR | IMAP_LINES, imap_idle},
	{"raw", "NAME [WORD...]", "a command that has no name here", 1, NO_LIMIT,
		CHANGES | IMAP_FOLDER, imap_raw},
};

void imap_help(void)
{
	puts("\nIMAP commands:");
	for (size_t i = 0; i < COUNT(subs); i++) {
		int n = printf("  %s %s", subs[i].name, subs[i].args);
		if (n > NAME_COLS)
			n = printf("\n ") - 1;
		printf("%*s%s\n", NAME_COLS + 2 - n, "", subs[i].brief);
	}
	puts("\nFOLDER is written with / between levels; UIDS as 7 or 1:5,9,20:*. A QUERY is\n"
	     "made of words: from TEXT, subject TEXT, since 2024-01-31, unseen, larger 1M,\n"
	     "not X, or X Y, ( X Y ) ... Behind COMMAND short options stand alone: a longer\n"
	     "word such as -FLAGS is an argument.");
}

bool imap_is_argument(const char *word, const char *letters)
{
	if (word == NULL || word[0] != '-' || word[1] == '-' || word[1] == '\0')
		return false;
	return word[2] != '\0' || word[1] == ':' || strchr(letters, word[1]) == NULL;
}

/* ---- usage ------------------------------------------------------------------------------------------- */

/* The row that the words name, and how many words its name has. */
static const struct imap_sub *find_sub(char **word, size_t n, size_t *used)
{
	for (size_t i = 0; i < COUNT(subs) && n > 0; i++) {
		const char *name = subs[i].name, *blank = strchr(name, ' ');
		size_t first = blank != NULL ? (size_t)(blank - name) : strlen(name);
		*used = blank != NULL ? 2 : 1;
		if (strlen(word[0]) != first || strncasecmp(word[0], name, first) != 0)
			continue;
		if (blank == NULL || (n > 1 && strcasecmp(word[1], blank + 1) == 0))
			return &subs[i];
	}
	return NULL;
}

/* What there is of a name in two words, when only the first is right. */
static void unknown_sub(const char *word, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf with = BUF_INIT(256);
	for (size_t i = 0; i < COUNT(subs); i++) {
		const char *blank = strchr(subs[i].name, ' ');
		if (blank == NULL || strlen(word) != (size_t)(blank - subs[i].name) ||
			strncasecmp(word, subs[i].name, strlen(word)) != 0)
			continue;
		if (with.len > 0)
			buf_add_str(&with, " | ");
		buf_add_str(&with, blank + 1);
	}
	imap_shown(shown, word);
	if (with.len > 0)
		err_set(e, ERR_USAGE, E_USAGE,
			"how? imapsync imap ACCOUNT %s %s ...; see imapsync imap --help", shown,
			buf_str(&with));
	else
		err_set(e, ERR_USAGE, E_USAGE,
			"\"%s\" is not an IMAP command here; see imapsync imap --help", shown);
	buf_release(&with);
}

/* An option that was given, but not for this command. */
static const char *stray_option(const struct cli *c, unsigned takes)
{
	const struct {
		bool given;
		unsigned bit;
		const char *name;
	} options[] = {
		{c->dry_run, IMAP_DRY_RUN, "dry-run"},
		{c->yes, IMAP_YES, "yes"},
		{c->output != NULL, IMAP_OUTPUT, "output"},
		{c->flags.n > 0, IMAP_FLAG, "flag"},
		{c->date != NULL, IMAP_DATE, "date"},
		{c->special_use != NULL, IMAP_SPECIAL_USE, "special-use"},
		{c->subscribed, IMAP_SUBSCRIBED, "subscribed"},
		{c->idle_for != 0, IMAP_FOR, "for"},
		{c->folders.n > 0, IMAP_FOLDER, "folder"},
	};
	for (size_t i = 0; i < COUNT(options); i++)
		if (options[i].given && (takes & options[i].bit) == 0)
			return options[i].name;
	return NULL;
}

/* Before anything is connected; the command reads them again. */
static int check_words(const struct imap_call *k, struct err *e)
{
	struct uidset set = UIDSET_INIT;
	uint32_t open_from;
	bool last;
	int rc = 0;
	if ((k->sub->takes & IMAP_UIDS) != 0 && k->n > 1)
		rc = uid_words_parse(k->arg[1], &set, &open_from, &last, e);
	uidset_release(&set);
	if ((k->sub->takes & IMAP_QUERY) == 0)
		return rc;
	imap4_query *q = imap4_query_new();
	if (q == NULL)
		return err_nomem(e, "the query");
	rc = query_words_parse(q, k->arg + k->sub->least, k->n - k->sub->least, e);
	imap4_query_free(q);
	return rc;
}

static int check_usage(const struct imap_call *k, struct err *e)
{
	const struct imap_sub *sub = k->sub;
	const char *stray = stray_option(k->c, sub->takes);
	if (stray != NULL)
		return err_set(
			e, ERR_USAGE, E_USAGE, "\"imap %s\" does not take --%s", sub->name, stray);
	if (k->n < sub->least || k->n > sub->most)
		return err_set(e, ERR_USAGE, E_USAGE,
			"how? imapsync imap ACCOUNT %s%s%s; a query with blanks in a text needs quotation marks",
			sub->name, *sub->args != '\0' ? " " : "", sub->args);
	if ((sub->takes & IMAP_NEED_YES) != 0 && !k->c->yes && !k->c->dry_run)
		return err_set(e, ERR_USAGE, E_USAGE,
			"\"imap %s\" cannot be undone: --dry-run shows what it would do, --yes does it",
			sub->name);
	return check_words(k, e);
}

/* ---- one call ------------------------------------------------------------------------------------------ */

static bool has_document(const struct imap_call *k)
{
	return k->c->json && (k->sub->takes & IMAP_LINES) == 0;
}

static void open_document(struct imap_call *k)
{
	k->json = (struct json){.f = stdout};
	if (!has_document(k))
		return;
	json_begin(&k->json, NULL, '{');
	json_add_text(&k->json, "account", slice_str(k->account.name));
	json_add_text(&k->json, "command", slice_str(k->sub->name));
	if ((k->sub->takes & IMAP_DRY_RUN) != 0)
		json_add_bool(&k->json, "dry_run", k->c->dry_run);
}

static void close_document(struct imap_call *k, const struct err *e)
{
	if (!has_document(k))
		return;
	while (k->json.depth > 1)
		json_end(&k->json);
	if (err_is_set(e))
		json_add_text(&k->json, "error", slice_str(e->text));
	json_end(&k->json);
}

/* sync_connect() watches for signals while it connects; from then on it is up to us. */
static void watch(struct imap_call *k, imap4_session *s)
{
	k->c->interrupt->wake[0] = s;
}

static int run_one(struct cli *c, struct config_account *a)
{
	struct imap_call *k = c->state;
	struct err e = ERR_INIT;
	const struct sync_hooks hooks = cli_hooks(c);
	cli_account(c, a, &k->account);
	bool changes = (k->sub->takes & IMAP_CHANGES) != 0 && !c->dry_run;
	k->account.may_write = changes || (k->sub->takes & IMAP_ANY) != 0;
	if (k->sub->run == imap_idle)
		imap_idle_prepare(k);
	open_document(k);
	if (sync_connect(&k->account, &hooks, &k->s, &e) == 0) {
		watch(k, k->s);
		if (k->sub->run(k, &e) == 0)
			err_clear(&e);
		watch(k, NULL);
	}
	close_document(k, &e);
	sync_disconnect(k->s);
	k->s = NULL;
	return err_is_set(&e) ? exit_worse(cli_fail(c, &e), k->status) : k->status;
}

int cmd_imap(struct cli *c)
{
	struct err e = ERR_INIT;
	struct imap_call k = {.c = c, .status = EXIT_OK};
	size_t used = 0;
	if (c->nargs < 2) {
		err_set(&e, ERR_USAGE, E_USAGE,
			"which account, and what? imapsync imap ACCOUNT COMMAND; see imapsync imap --help");
		return cli_fail(c, &e);
	}
	k.sub = find_sub(c->args + 1, c->nargs - 1, &used);
	if (k.sub == NULL) {
		unknown_sub(c->args[1], &e);
		return cli_fail(c, &e);
	}
	k.arg = c->args + 1 + used;
	k.n = c->nargs - 1 - used;
	if (check_usage(&k, &e) != 0)
		return cli_fail(c, &e);
	/* What cli_each() looks at. */
	c->nargs = 1;
	c->state = &k;
	return cli_each(c, run_one);
}

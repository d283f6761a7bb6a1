/* SPDX-License-Identifier: MIT */
/* cmd_imap_server.c -- imapsync imap: namespace, id, capability, raw. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd_imap.h"
#include "cmd/query_words.h"
#include "core/base/text.h"
#include "core/base/uidset.h"

/* ---- namespace, id, capability --------------------------------------------------------------------------- */

static int take_namespace(void *ctx, const imap4_data *d, struct err *e)
{
	static const char *const kinds[] = {"personal", "other users", "shared"};
	struct imap_call *k = ctx;
	struct buf name = BUF_INIT(8192);
	const imap4_namespace *ns;
	(void)e;
	for (size_t i = 0; (ns = imap4_data_namespace(d, i)) != NULL; i++) {
		const char *kind = ns->kind >= 0 && ns->kind < 3 ? kinds[ns->kind] : "?";
		imap_display(ns->prefix, &name);
		if (k->c->json) {
			json_begin(&k->json, NULL, '{');
			json_add_text(&k->json, "kind", slice_str(kind));
			json_add_text(&k->json, "prefix", buf_slice(&name));
			if (ns->delimiter != '\0')
				json_add_text(&k->json, "delimiter", slice_of(&ns->delimiter, 1));
			else
				json_add_null(&k->json, "delimiter");
			json_end(&k->json);
			continue;
		}
		char shown[TEXT_SHOW_SIZE], between[TEXT_SHOW_SIZE];
		text_show(between, sizeof between, slice_of(&ns->delimiter, ns->delimiter != '\0'));
		printf("%-12s prefix \"%s\"  delimiter \"%s\"\n", kind,
			text_show(shown, sizeof shown, buf_slice(&name)), between);
	}
	buf_release(&name);
	return 0;
}

int imap_namespace(struct imap_call *k, struct err *e)
{
	if (k->c->json)
		json_begin(&k->json, "namespaces", '[');
	if (imap_run(k, imap4_namespace_start(k->s), NULL, take_namespace, k, e) != 0)
		return -1;
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

/* RFC 2971: a list of names and values, or NIL. */
static int take_id(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	char shown[TEXT_SHOW_SIZE];
	const imap4_node *root = imap4_data_root(d), *value;
	(void)e;
	if (imap4_data_kind(d) != IMAP4_DATA_ID || root == NULL)
		return 0;
	const imap4_node *n = imap4_node_child(root);
	/* The values behind the name ID are one list. */
	if (n != NULL && imap4_node_kind(n) == IMAP4_NODE_LIST)
		n = imap4_node_child(n);
	for (; n != NULL && (value = imap4_node_next(n)) != NULL; n = imap4_node_next(value)) {
		if (k->c->json) {
			json_begin(&k->json, NULL, '{');
			json_add_str(&k->json, "field", imap4_node_text(n));
			json_add_str(&k->json, "value", imap4_node_text(value));
			json_end(&k->json);
			continue;
		}
		print_cell(stdout, imap_slice(imap4_node_text(n)), 16, false);
		printf("  %s\n",
			text_show(shown, sizeof shown, imap_slice(imap4_node_text(value))));
	}
	return 0;
}

int imap_server_id(struct imap_call *k, struct err *e)
{
	static const char *const who[] = {"name", "imapsync", "version", IMAPSYNC_VERSION};
	if (!imap4_has(k->s, "ID"))
		return err_set(e, ERR_MAILBOX, E_INVALID, "the server does not offer ID");
	if (k->c->json)
		json_begin(&k->json, "id", '[');
	if (imap_run(k, imap4_id_start(k->s, who, 2), NULL, take_id, k, e) != 0)
		return -1;
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

int imap_capabilities(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	imap4_str cap;
	/* What is in force is known after the login; a server may have more to tell when it is asked again. */
	if (imap_run(k, imap4_capability_start(k->s), NULL, NULL, NULL, e) != 0)
		return -1;
	if (k->c->json)
		json_begin(&k->json, "capabilities", '[');
	for (size_t i = 0; (cap = imap4_capability(k->s, i)).ptr != NULL; i++)
		if (k->c->json)
			json_add_str(&k->json, NULL, cap);
		else
			puts(text_show(shown, sizeof shown, imap_slice(cap)));
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

/* ---- raw ------------------------------------------------------------------------------------------------- */

/* The arguments, and the memory that some of them point into. */
struct words {
	imap4_arg *arg;
	struct uidset *set;
	char **text;
	size_t n;
};

static void words_release(struct words *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->text[i]);
		uidset_release(&w->set[i]);
	}
	free(w->arg);
	free(w->set);
	free(w->text);
}

static int words_init(struct words *w, size_t n, struct err *e)
{
	w->arg = calloc(n + 1, sizeof *w->arg);
	w->set = calloc(n + 1, sizeof *w->set);
	w->text = calloc(n + 1, sizeof *w->text);
	w->n = w->arg != NULL && w->set != NULL && w->text != NULL ? n : 0;
	return w->arg != NULL && w->set != NULL && w->text != NULL ? 0 : err_nomem(e, "the words");
}

/* "text" between quotation marks; \" and \\ inside. */
static bool unquote(const char *word, char *out)
{
	size_t n = strlen(word), at = 0;
	if (n < 2 || word[0] != '"' || word[n - 1] != '"')
		return false;
	for (size_t i = 1; i < n - 1; i++) {
		if (word[i] == '\\' && i + 1 < n - 1)
			i++;
		out[at++] = word[i];
	}
	out[at] = '\0';
	return true;
}

/* Digits with ':', ',' or '*': "1:5,9,20:*". */
static bool read_set(struct words *w, size_t i, const char *word)
{
	struct err e = ERR_INIT;
	uint32_t open_from;
	bool last;
	if (strspn(word, "0123456789:,*") != strlen(word) || strpbrk(word, ":,") == NULL ||
		uid_words_parse(word, &w->set[i], &open_from, &last, &e) != 0)
		return false;
	w->arg[i].set = &w->set[i];
	w->arg[i].number = last && open_from == 0 ? UINT32_MAX : open_from;
	return true;
}

/* What a word is follows from how it looks; what is nothing special is written in the shortest form that holds it. */
static int read_word(struct words *w, size_t i, const char *word, struct err *e)
{
	imap4_arg *a = &w->arg[i];
	w->text[i] = strdup(word);
	if (w->text[i] == NULL)
		return err_nomem(e, "a word");
	a->type = IMAP4_ARG_ASTRING;
	if (strcmp(word, "(") == 0)
		a->type = IMAP4_ARG_LIST_BEGIN;
	else if (strcmp(word, ")") == 0)
		a->type = IMAP4_ARG_LIST_END;
	else if (strcasecmp(word, "NIL") == 0)
		a->type = IMAP4_ARG_NIL;
	else if (*word == '\\')
		a->type = IMAP4_ARG_FLAG;
	else if (unquote(word, w->text[i]))
		a->type = IMAP4_ARG_STRING;
	else if (read_set(w, i, word))
		a->type = IMAP4_ARG_SET;
	else if (strpbrk(word, "*%") != NULL)
		a->type = IMAP4_ARG_PATTERN;
	a->text = (imap4_str){w->text[i], strlen(w->text[i])};
	return 0;
}

static int take_raw(void *ctx, const imap4_data *d, struct err *e)
{
	(void)e;
	imap_show_data(ctx, d);
	return 0;
}

static int send_raw(struct imap_call *k, const char *name, const struct words *w, struct err *e)
{
	static const char *const all[] = {"*"};
	const imap4_raw_opts o = {
		.struct_size = sizeof o, .claims = all, .nclaims = 1, .barrier = 1};
	char shown[TEXT_SHOW_SIZE];
	if (k->c->json)
		json_begin(&k->json, "responses", '[');
	imap4_cmd *cmd = imap4_raw_start(k->s, name, w->arg, w->n, &o);
	int rc = imap_finish(k, cmd, NULL, take_raw, k, e);
	if (rc == 0 && k->c->json)
		json_end(&k->json);
	if (rc == 0 && k->c->json)
		json_add_str(&k->json, "text", imap4_cmd_result(cmd)->text);
	else if (rc == 0)
		printf("OK %s\n",
			text_show(shown, sizeof shown, imap_slice(imap4_cmd_result(cmd)->text)));
	imap4_cmd_free(cmd);
	return rc;
}

static void say_raw(struct imap_call *k, const char *name, size_t from)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf line = BUF_INIT(900);
	buf_add_str(&line, imap_shown(shown, name));
	for (size_t i = from; i < k->n; i++)
		buf_addf(&line, " %s", imap_shown(shown, k->arg[i]));
	imap_say(k, "sent", "would send", "%s", buf_str(&line));
	buf_release(&line);
}

/* "UID FETCH" is one name, also when it comes as two words. */
static char *raw_name(const struct imap_call *k, size_t *used, struct err *e)
{
	struct buf name = BUF_INIT(512);
	*used = strcasecmp(k->arg[0], "UID") == 0 && k->n > 1 ? 2 : 1;
	buf_add_str(&name, k->arg[0]);
	if (*used == 2)
		buf_addf(&name, " %s", k->arg[1]);
	if (buf_check(&name, "the name of the command", e) != 0) {
		buf_release(&name);
		return NULL;
	}
	return buf_take(&name);
}

int imap_raw(struct imap_call *k, struct err *e)
{
	size_t used;
	struct words w = {NULL, NULL, NULL, 0};
	char *name = raw_name(k, &used, e);
	if (name == NULL)
		return -1;
	int rc = words_init(&w, k->n - used, e);
	for (size_t i = 0; rc == 0 && i < w.n; i++)
		rc = read_word(&w, i, k->arg[used + i], e);
	if (rc == 0 && k->c->folders.n > 0)
		rc = imap_open(k, k->c->folders.at[0], !k->c->dry_run, e);
	if (rc == 0 && k->c->dry_run)
		say_raw(k, name, used);
	else if (rc == 0)
		rc = send_raw(k, name, &w, e);
	words_release(&w);
	free(name);
	return rc;
}

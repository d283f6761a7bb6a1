/* SPDX-License-Identifier: MIT */
/*
 * cmd_annotation.c -- GETANNOTATION and SETANNOTATION (draft-daboo-imap-annotatemore-08), which old Cyrus servers speak where
 * newer ones have METADATA.
 *
 * Names of entries and attributes are always quoted: up to version 07 of the draft they were strings. ANNOTATION responses
 * name their mailbox but not their command, and the mailbox of a command may be a pattern, so one of these is in flight
 * at a time.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

#define NAMES_MAX 1000

struct annotation_args {
	struct cmd_strings entry, attribute; /* GETANNOTATION */
	struct cmd_texts text;		     /* SETANNOTATION: entry, attribute, value, entry ... */
};

static void free_args(void *more)
{
	struct annotation_args *a = more;
	cmd_strings_release(&a->entry);
	cmd_strings_release(&a->attribute);
	cmd_texts_release(&a->text);
	free(a);
}

/* ---- sending --------------------------------------------------------------------------------------- */

static int check_offered(struct imap4_cmd *c)
{
	if (cmd_has(c, "ANNOTATEMORE", false))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer ANNOTATEMORE");
	return 1;
}

static int encode_name(struct imap4_cmd *c, struct slice name, struct err *e)
{
	if (name.n == 0)
		return err_set(e, ERR_USAGE, E_INVALID, "an entry or an attribute has no name");
	enc_string(&c->enc, name);
	return 0;
}

static int encode_names(struct imap4_cmd *c, const struct cmd_strings *s, struct err *e)
{
	enc_raw(&c->enc, s->n > 1 ? " (" : " ");
	for (size_t i = 0; i < s->n; i++) {
		enc_raw(&c->enc, i > 0 ? " " : "");
		if (encode_name(c, slice_str(s->at[i]), e) != 0)
			return -1;
	}
	enc_raw(&c->enc, s->n > 1 ? ")" : "");
	return 0;
}

static int get_encode(struct imap4_cmd *c, struct err *e)
{
	const struct annotation_args *a = c->more;
	enc_raw(&c->enc, "GETANNOTATION ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	if (encode_names(c, &a->entry, e) != 0 || encode_names(c, &a->attribute, e) != 0)
		return -1;
	return check_offered(c);
}

/* entry-att with all attributes of an entry from the i-th text on; *next is behind them. */
static int encode_entry(struct imap4_cmd *c, size_t i, size_t *next, struct err *e)
{
	const struct cmd_texts *t = &((const struct annotation_args *)c->more)->text;
	struct slice entry = cmd_text(t, i);
	if (encode_name(c, entry, e) != 0)
		return -1;
	enc_raw(&c->enc, " (");
	for (*next = i; *next < t->n && slice_eq(cmd_text(t, *next), entry); *next += 3) {
		enc_raw(&c->enc, *next > i ? " " : "");
		if (encode_name(c, cmd_text(t, *next + 1), e) != 0)
			return -1;
		enc_raw(&c->enc, " ");
		enc_value(&c->enc, t->at[*next + 2]);
	}
	enc_raw(&c->enc, ")");
	return 0;
}

static bool has_many_entries(const struct cmd_texts *t)
{
	for (size_t i = 3; i < t->n; i += 3)
		if (!slice_eq(cmd_text(t, i), cmd_text(t, 0)))
			return true;
	return false;
}

static int set_encode(struct imap4_cmd *c, struct err *e)
{
	const struct annotation_args *a = c->more;
	bool many = has_many_entries(&a->text);
	enc_raw(&c->enc, "SETANNOTATION ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	enc_raw(&c->enc, many ? " (" : " ");
	for (size_t i = 0; i < a->text.n;) {
		enc_raw(&c->enc, i > 0 ? " " : "");
		if (encode_entry(c, i, &i, e) != 0)
			return -1;
	}
	enc_raw(&c->enc, many ? ")" : "");
	return check_offered(c);
}

/* ---- whose answer ------------------------------------------------------------------------------------ */

/* entry-list with values: "/comment" ("value.priv" "x") ...; a list of names is what the server tells by itself. */
static bool has_values(const struct imap4_data *d)
{
	const imap4_node *n = answer_is(d, "ANNOTATION") ? answer_skip(answer_first(d), 1) : NULL;
	return n != NULL && imap4_node_kind(n) != IMAP4_NODE_LIST;
}

static bool get_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return has_values(d);
}

static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == conflicts;
}

static const struct cmd_kind get_kind = {
	.name = "GETANNOTATION",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.claims = get_claims,
	.encode = get_encode,
	.conflicts = conflicts,
};
static const struct cmd_kind set_kind = {
	.name = "SETANNOTATION",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = set_encode,
	.conflicts = conflicts,
};

/* ---- starting ---------------------------------------------------------------------------------------- */

static struct imap4_cmd *new_cmd(imap4_session *s, const struct cmd_kind *kind, imap4_str mailbox,
	struct annotation_args **args)
{
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	c->more = *args = calloc(1, sizeof **args);
	c->free_more = free_args;
	if (*args == NULL) {
		(void)err_nomem(&e, kind->name);
		return cmd_discard(c, &e);
	}
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0)
		return cmd_discard(c, &e);
	return c;
}

imap4_cmd *imap4_getannotation_start(imap4_session *s, imap4_str mailbox, const char *const *entry,
	size_t nentries, const char *const *attribute, size_t nattributes)
{
	struct annotation_args *a;
	struct err e = ERR_INIT;
	if (entry == NULL || nentries == 0 || nentries > NAMES_MAX || attribute == NULL ||
		nattributes == 0 || nattributes > NAMES_MAX)
		return session_refuse(s, IMAP4_E_ARG,
			"GETANNOTATION: no entry or attribute, or more than %d", NAMES_MAX);
	struct imap4_cmd *c = new_cmd(s, &get_kind, mailbox, &a);
	if (c == NULL)
		return NULL;
	if (cmd_strings_copy(&a->entry, entry, nentries, &e) != 0 ||
		cmd_strings_copy(&a->attribute, attribute, nattributes, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_setannotation_start(
	imap4_session *s, imap4_str mailbox, const imap4_annotation *annotation, size_t n)
{
	struct annotation_args *a;
	struct err e = ERR_INIT;
	if (annotation == NULL || n == 0 || n > NAMES_MAX)
		return session_refuse(
			s, IMAP4_E_ARG, "SETANNOTATION: no annotation, or more than %d", NAMES_MAX);
	struct imap4_cmd *c = new_cmd(s, &set_kind, mailbox, &a);
	if (c == NULL)
		return NULL;
	if (cmd_texts_new(&a->text, 3 * n, &e) != 0)
		return cmd_discard(c, &e);
	for (size_t i = 0; i < n; i++)
		if (cmd_texts_set(&a->text, 3 * i, annotation[i].entry, &e) != 0 ||
			cmd_texts_set(&a->text, 3 * i + 1, annotation[i].attribute, &e) != 0 ||
			cmd_texts_set(&a->text, 3 * i + 2, annotation[i].value, &e) != 0)
			return cmd_discard(c, &e);
	return cmd_submit(c);
}

/* ---- views ----------------------------------------------------------------------------------------- */

imap4_str imap4_data_annotation_mailbox(const imap4_data *d)
{
	return answer_astring(answer_is(d, "ANNOTATION") ? answer_first(d) : NULL);
}

static int next_name(imap4_walk *at, imap4_annotation *out)
{
	*out = (imap4_annotation){.entry = answer_astring(at->outer), .changed = 1};
	at->outer = answer_skip(at->outer, 1);
	return out->entry.ptr != NULL;
}

int imap4_data_annotation(const imap4_data *d, imap4_walk *at, imap4_annotation *out)
{
	bool values = has_values(d);
	if (!at->begun) {
		const imap4_node *n =
			answer_is(d, "ANNOTATION") ? answer_skip(answer_first(d), 1) : NULL;
		at->outer = values ? n : imap4_node_child(n);
		at->inner = values ? imap4_node_child(answer_skip(n, 1)) : NULL;
		at->begun = 1;
	}
	if (!values)
		return next_name(at, out);
	while (at->outer != NULL && answer_skip(at->inner, 1) == NULL) {
		at->outer = answer_skip(at->outer, 2);
		at->inner = imap4_node_child(answer_skip(at->outer, 1));
	}
	if (at->outer == NULL)
		return 0;
	const imap4_node *value = answer_skip(at->inner, 1);
	*out = (imap4_annotation){.entry = answer_astring(at->outer),
		.attribute = answer_astring(at->inner),
		.value = imap4_node_text(value)};
	at->inner = imap4_node_next(value);
	return out->entry.ptr != NULL && out->attribute.ptr != NULL;
}

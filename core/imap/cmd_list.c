/* SPDX-License-Identifier: MIT */
/*
 * cmd_list.c -- LIST with its extensions (RFC 9051 section 6.3.9, RFC 5258, 5819, 6154, 8440, 9590), LSUB, XLIST.
 *
 * Each option goes only to servers that offer it. Several patterns are one command with LIST-EXTENDED, else one
 * after the other.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 1000

struct list_args {
	char *reference;
	struct cmd_strings pattern, metadata;
	imap4_list_opts opts; /* without the pointers */
	size_t done;	      /* patterns that are in a part already */
};

static void free_args(void *more)
{
	struct list_args *a = more;
	free(a->reference);
	cmd_strings_release(&a->pattern);
	cmd_strings_release(&a->metadata);
	free(a);
}

static bool wants_status(const struct imap4_cmd *part)
{
	return part->items != 0;
}

/* The arguments of a part are those of its parent. */
static const struct list_args *args_of(const struct imap4_cmd *c)
{
	return (c->parent != NULL ? c->parent : c)->more;
}

static bool wants_rights(const struct imap4_cmd *c)
{
	return (args_of(c)->opts.ret & IMAP4_RET_MYRIGHTS) != 0;
}

static bool wants_metadata(const struct imap4_cmd *c)
{
	return args_of(c)->metadata.n > 0;
}

static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	imap4_kind kind = imap4_data_kind(d);
	return kind == IMAP4_DATA_LIST || (kind == IMAP4_DATA_STATUS && wants_status(c)) ||
		(wants_rights(c) && answer_is(d, "MYRIGHTS")) ||
		(wants_metadata(c) && getmetadata_answer(d));
}

/* LIST and LSUB answers look alike on some servers, and no answer names a tag. `c` may be the parent, whose STATUS items
 * are those that it will ask for. */
static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	return other->kind->conflicts == conflicts || (wants_status(c) && status_is(other)) ||
		(wants_rights(c) && myrights_is(other)) ||
		(wants_metadata(c) && getmetadata_is(other));
}

static bool is_xlist(const struct imap4_cmd *c, const struct list_args *a)
{
	return a->opts.xlist && cmd_has(c, "XLIST", false) && !cmd_has(c, "SPECIAL-USE", true);
}

static bool is_extended(const struct imap4_cmd *c, const struct list_args *a)
{
	return !a->opts.plain && !is_xlist(c, a) && cmd_has(c, "LIST-EXTENDED", true);
}

static void add_option(struct enc *enc, bool *any, const char *option)
{
	enc_raw(enc, *any ? " " : " RETURN (");
	enc_raw(enc, option);
	*any = true;
}

/* Entries are astrings; they are quoted, as in the examples of RFC 9590. */
static void encode_metadata(struct enc *enc, const struct cmd_strings *entry)
{
	for (size_t i = 0; i < entry->n; i++) {
		enc_raw(enc, i > 0 ? " " : "(");
		enc_string(enc, slice_str(entry->at[i]));
	}
	enc_raw(enc, ")");
}

/* list-return-opts, RFC 5258 section 6 */
static void encode_return(struct imap4_cmd *part, const struct list_args *a)
{
	struct enc *enc = &part->enc;
	bool any = false;
	if ((a->opts.ret & IMAP4_RET_SUBSCRIBED) != 0)
		add_option(enc, &any, "SUBSCRIBED");
	if ((a->opts.ret & IMAP4_RET_CHILDREN) != 0)
		add_option(enc, &any, "CHILDREN");
	if ((a->opts.ret & IMAP4_RET_SPECIAL_USE) != 0 && cmd_has(part, "SPECIAL-USE", false))
		add_option(enc, &any, "SPECIAL-USE");
	if (cmd_has(part, "LIST-STATUS", true))
		part->items = status_offered(part, a->opts.status_items);
	if (part->items != 0) {
		add_option(enc, &any, "STATUS ");
		status_encode(enc, part->items);
	}
	if (wants_rights(part) && cmd_has(part, "LIST-MYRIGHTS", false))
		add_option(enc, &any, "MYRIGHTS");
	if (wants_metadata(part) && cmd_has(part, "LIST-METADATA", false)) {
		add_option(enc, &any, "METADATA ");
		encode_metadata(enc, &a->metadata);
	}
	enc_raw(enc, any ? ")" : "");
}

/* list-select-opts, RFC 5258 section 6 */
static void encode_select(struct enc *enc, const imap4_list_opts *o)
{
	const struct {
		int wanted;
		const char *name;
	} options[] = {{o->select_subscribed, "SUBSCRIBED"}, {o->select_remote, "REMOTE"},
		{o->select_special_use, "SPECIAL-USE"}, {o->select_recursive, "RECURSIVEMATCH"}};
	const char *before = " (";
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if (options[i].wanted) {
			enc_raw(enc, before);
			enc_raw(enc, options[i].name);
			before = " ";
		}
	enc_raw(enc, before[1] == '(' ? "" : ")");
}

/* A capability that the selection needs and the server does not offer, or NULL. */
static const char *missing(const struct imap4_cmd *parent, const struct list_args *a)
{
	const imap4_list_opts *o = &a->opts;
	bool selects = o->select_subscribed || o->select_remote || o->select_special_use;
	if (selects && !is_extended(parent, a))
		return "LIST-EXTENDED";
	if (o->select_special_use && !cmd_has(parent, "SPECIAL-USE", false))
		return "SPECIAL-USE";
	return NULL;
}

static void encode_patterns(struct enc *enc, const struct list_args *a, size_t first, size_t n)
{
	enc_raw(enc, n > 1 ? " (" : " ");
	for (size_t i = first; i < first + n; i++) {
		enc_raw(enc, i > first ? " " : "");
		enc_list_pattern(enc, slice_str(a->pattern.at[i]));
	}
	enc_raw(enc, n > 1 ? ")" : "");
}

static int part(struct imap4_cmd *parent, struct imap4_cmd **out, struct err *e)
{
	struct list_args *a = parent->more;
	bool extended = is_extended(parent, a);
	const char *lacks = missing(parent, a);
	if (lacks != NULL) {
		cmd_fail_local(parent, IMAP4_E_NOCAP, "the server does not offer %s", lacks);
		parent->parts_left = false;
		return 0;
	}
	struct imap4_cmd *c = cmd_part(parent, e);
	if (c == NULL)
		return -1;
	size_t n = extended ? a->pattern.n - a->done : 1;
	enc_raw(&c->enc, is_xlist(parent, a) ? "XLIST" : parent->kind->name);
	encode_select(&c->enc, &a->opts);
	enc_raw(&c->enc, " ");
	enc_list_pattern(&c->enc, slice_str(a->reference));
	encode_patterns(&c->enc, a, a->done, n);
	if (extended)
		encode_return(c, a);
	a->done += n;
	parent->parts_left = a->done < a->pattern.n;
	if (cmd_part_ready(c, e) != 0)
		return -1;
	*out = c;
	return 0;
}

static const struct cmd_kind list_kind = {
	.name = "LIST",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH,
	.claims = claims,
	.part = part,
	.conflicts = conflicts,
};

static const struct cmd_kind lsub_kind = {
	.name = "LSUB",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH,
	.claims = claims,
	.part = part,
	.conflicts = conflicts,
};

static int copy_args(struct list_args *a, const char *reference, const char *const *pattern,
	size_t n, struct err *e)
{
	a->reference = strdup(reference != NULL ? reference : "");
	if (a->reference == NULL)
		return err_nomem(e, "LIST");
	if (cmd_strings_copy(&a->pattern, pattern, n, e) != 0 ||
		cmd_strings_copy(&a->metadata, a->opts.metadata, a->opts.nmetadata, e) != 0)
		return -1;
	a->opts.metadata = NULL;
	for (size_t i = 0; i < a->metadata.n; i++)
		if (a->metadata.at[i] == NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "an entry has no name");
	/* Wrong arguments are refused now, not when it is sent. */
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	enc_list_pattern(&enc, slice_str(a->reference));
	encode_patterns(&enc, a, 0, n);
	encode_metadata(&enc, &a->metadata);
	int r = enc_check(&enc, e);
	enc_release(&enc);
	return r;
}

static imap4_cmd *start(imap4_session *s, const struct cmd_kind *kind, const char *reference,
	const char *const *pattern, size_t n, const imap4_list_opts *opts)
{
	if (n == 0 || pattern == NULL)
		return session_refuse(s, IMAP4_E_ARG, "%s: no pattern", kind->name);
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct list_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(&e, kind->name);
		return cmd_discard(c, &e);
	}
	c->more = a;
	c->free_more = free_args;
	a->opts = *opts;
	if (!opts->plain)
		c->items = opts->status_items;
	if (copy_args(a, reference, pattern, n, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_list_start(imap4_session *s, const char *reference, const char *const *pattern,
	size_t n, const imap4_list_opts *o)
{
	imap4_list_opts opts;
	cmd_options(&opts, sizeof opts, o);
	if (opts.plain)
		opts = (imap4_list_opts){.struct_size = sizeof opts, .plain = 1};
	if (opts.nmetadata > ENTRIES_MAX || (opts.nmetadata > 0 && opts.metadata == NULL))
		return session_refuse(
			s, IMAP4_E_ARG, "LIST: no entries, or more than %d", ENTRIES_MAX);
	/* RFC 5258 section 3.1 */
	if (opts.select_recursive && !opts.select_subscribed)
		return session_refuse(s, IMAP4_E_ARG, "LIST: RECURSIVEMATCH of what?");
	return start(s, &list_kind, reference, pattern, n, &opts);
}

imap4_cmd *imap4_lsub_start(imap4_session *s, const char *reference, const char *pattern)
{
	const imap4_list_opts opts = {.struct_size = sizeof opts, .plain = 1};
	return start(s, &lsub_kind, reference, &pattern, pattern != NULL ? 1 : 0, &opts);
}

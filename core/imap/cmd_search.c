/* SPDX-License-Identifier: MIT */
/*
 * cmd_search.c -- SEARCH and UID SEARCH for the members of a set (RFC 9051 section 6.4.4, RFC 4731).
 *
 * Servers mix the two forms of answer, so either is accepted, and all are united. An answer in which a number cannot be read
 * makes the command fail: a caller may take "not in the result" as a proof that a message is gone.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

struct search_args {
	struct cmd_set set;
	bool plain, all;
	bool silent; /* a part was answered with OK, but without any SEARCH data, or not to the end */
};

static void free_args(void *more)
{
	struct search_args *a = more;
	cmd_set_release(&a->set);
	free(a);
}

bool search_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	imap4_kind kind = imap4_data_kind(d);
	if (kind == IMAP4_DATA_SEARCH)
		return true;
	if (kind != IMAP4_DATA_ESEARCH)
		return false;
	imap4_str tag = imap4_data_numbers(d)->tag;
	return tag.ptr == NULL || slice_eq_str(slice_of(tag.ptr, tag.len), c->tag);
}

static int take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	struct imap4_cmd *owner = cmd_owner(c);
	const imap4_numbers *n = imap4_data_numbers(d);
	if (resp_is_damaged(d)) {
		cmd_fail_local(owner, IMAP4_E_PROTO, "the server sent numbers that cannot be read");
		return 0;
	}
	return n->set == NULL ? 0 : uidset_unite(&owner->numbers, n->set, e);
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	(void)tagged;
	struct imap4_cmd *owner = cmd_owner(c);
	struct search_args *a = owner->more;
	imap4_numbers *v = &owner->numbers_view;
	a->silent = a->silent || !c->answered || owner->limited != NULL;
	v->set = &owner->numbers;
	v->uid = a->set.by_uid;
	v->min = uidset_min(&owner->numbers);
	v->max = uidset_max(&owner->numbers);
	v->count = uidset_count(&owner->numbers);
	v->have = IMAP4_HAVE_COUNT | (v->count > 0 ? IMAP4_HAVE_MIN | IMAP4_HAVE_MAX : 0) |
		(a->silent ? 0 : IMAP4_HAVE_ALL);
}

/* Plain answers carry no tag. Parts of one search may run together, for their answers are united. */
bool search_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == search_conflicts;
}

static int part(struct imap4_cmd *parent, struct imap4_cmd **out, struct err *e)
{
	struct search_args *a = parent->more;
	if (!cmd_set_possible(parent)) {
		parent->parts_left = false;
		return 0;
	}
	struct imap4_cmd *c = cmd_part(parent, e);
	if (c == NULL)
		return -1;
	enc_raw(&c->enc, parent->kind->name);
	/* Exchange answers RETURN () with nothing: ALL is named. */
	bool esearch = !a->plain && cmd_has(parent, "ESEARCH", true);
	enc_raw(&c->enc, esearch ? " RETURN (ALL) " : " ");
	int left = 0;
	if (a->all) {
		enc_raw(&c->enc, "ALL");
	} else {
		enc_raw(&c->enc, a->set.by_uid ? "UID " : "");
		left = cmd_set_part(c, &a->set, 0, e);
	}
	parent->parts_left = left > 0;
	if (left < 0) {
		cmd_destroy(c);
		return -1;
	}
	if (cmd_part_ready(c, e) != 0)
		return -1;
	*out = c;
	return 0;
}

static const struct cmd_kind search_kind = {
	.name = "SEARCH",
	.flags = CMD_READ_ONLY | CMD_NEEDS_SELECTED,
	.claims = search_claims,
	.take = take,
	.part = part,
	.conflicts = search_conflicts,
	.completed = completed,
};

static const struct cmd_kind uid_search_kind = {
	.name = "UID SEARCH",
	.flags = CMD_READ_ONLY | CMD_NEEDS_SELECTED,
	.claims = search_claims,
	.take = take,
	.part = part,
	.conflicts = search_conflicts,
	.completed = completed,
};

imap4_cmd *imap4_search_set_start(
	imap4_session *s, const imap4_set *set, const imap4_search_opts *o)
{
	imap4_search_opts opts;
	cmd_options(&opts, sizeof opts, o);
	bool by_uid = opts.by == IMAP4_BY_UID;
	if (set != NULL && cmd_set_is_empty(set, opts.open_from))
		return session_refuse(s, IMAP4_E_ARG, "SEARCH: the set is empty");
	struct imap4_cmd *c = cmd_new(s, by_uid ? &uid_search_kind : &search_kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct search_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(&e, "SEARCH");
		return cmd_discard(c, &e);
	}
	c->more = a;
	c->free_more = free_args;
	a->set.open_from = opts.open_from;
	a->plain = opts.plain != 0;
	a->all = set == NULL && opts.open_from == 0;
	if (cmd_set_take(c, &a->set, set, by_uid, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

const imap4_numbers *imap4_cmd_numbers(const imap4_cmd *c)
{
	/* completed() of a search sets it. */
	bool is_search = c->numbers_view.set != NULL;
	return is_search && c->state == CMD_DONE && c->result.err == IMAP4_OK ? &c->numbers_view
									      : NULL;
}

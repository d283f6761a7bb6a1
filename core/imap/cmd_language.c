/* SPDX-License-Identifier: MIT */
/*
 * cmd_language.c -- LANGUAGE and COMPARATOR (RFC 5255 sections 3.2 and 4.7), and the URLs of referrals.
 *
 * Both are barriers: what is in flight behind a LANGUAGE would be answered in the old language or in the new one, and the
 * result of a SEARCH behind a COMPARATOR would depend on which came first.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

static void free_args(void *more)
{
	cmd_strings_release(more);
	free(more);
}

static int encode_words(struct imap4_cmd *c, const char *capability, struct err *e)
{
	const struct cmd_strings *words = c->more;
	enc_raw(&c->enc, c->kind->name);
	for (size_t i = 0; i < words->n; i++) {
		if (words->at[i] == NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "an argument is missing");
		enc_raw(&c->enc, " ");
		enc_astring(&c->enc, slice_str(words->at[i]));
	}
	if (cmd_has(c, capability, false))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", capability);
	return 1;
}

static int language_encode(struct imap4_cmd *c, struct err *e)
{
	return encode_words(c, "LANGUAGE", e);
}

static int comparator_encode(struct imap4_cmd *c, struct err *e)
{
	return encode_words(c, "I18NLEVEL=2", e);
}

/* NAMESPACE tells the translations of its prefixes (section 3.4). */
static bool language_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return answer_is(d, "LANGUAGE") || imap4_data_kind(d) == IMAP4_DATA_NAMESPACE;
}

static bool comparator_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return answer_is(d, "COMPARATOR");
}

static const struct cmd_kind language_kind = {
	.name = "LANGUAGE",
	.flags = CMD_READ_ONLY | CMD_BARRIER | CMD_TRY_ENCODE,
	.claims = language_claims,
	.encode = language_encode,
};
static const struct cmd_kind comparator_kind = {
	.name = "COMPARATOR",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_BARRIER | CMD_TRY_ENCODE,
	.claims = comparator_claims,
	.encode = comparator_encode,
};

static imap4_cmd *start(
	imap4_session *s, const struct cmd_kind *kind, const char *const *word, size_t n)
{
	if (n > 0 && word == NULL)
		return session_refuse(s, IMAP4_E_ARG, "%s: an argument is missing", kind->name);
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct cmd_strings *copy = calloc(1, sizeof *copy);
	if (copy == NULL) {
		(void)err_nomem(&e, kind->name);
		return cmd_discard(c, &e);
	}
	c->more = copy;
	c->free_more = free_args;
	if (cmd_strings_copy(copy, word, n, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_language_start(imap4_session *s, const char *const *range, size_t n)
{
	return start(s, &language_kind, range, n);
}

imap4_cmd *imap4_comparator_start(imap4_session *s, const char *const *order, size_t n)
{
	return start(s, &comparator_kind, order, n);
}

/* ---- views ----------------------------------------------------------------------------------------- */

static imap4_str absent(void)
{
	return (imap4_str){NULL, 0};
}

imap4_str imap4_data_language(const imap4_data *d, size_t i)
{
	const imap4_node *list = answer_is(d, "LANGUAGE") ? answer_first(d) : NULL;
	bool is_list = list != NULL && imap4_node_kind(list) == IMAP4_NODE_LIST;
	return answer_astring(answer_skip(is_list ? imap4_node_child(list) : list, i));
}

imap4_str imap4_data_comparator(const imap4_data *d, size_t i)
{
	const imap4_node *active = answer_is(d, "COMPARATOR") ? answer_first(d) : NULL;
	if (i == 0)
		return answer_astring(active);
	const imap4_node *list = answer_skip(active, 1);
	return list != NULL ? answer_astring(answer_skip(imap4_node_child(list), i - 1)) : absent();
}

imap4_str imap4_result_referral(const imap4_result *r, size_t i)
{
	const char *p = r->code_args.ptr;
	size_t left = r->code == IMAP4_CODE_REFERRAL ? r->code_args.len : 0;
	while (left > 0) {
		size_t n = 0;
		while (n < left && p[n] != ' ')
			n++;
		if (n > 0 && i-- == 0)
			return (imap4_str){p, n};
		n += n < left;
		p += n;
		left -= n;
	}
	return absent();
}

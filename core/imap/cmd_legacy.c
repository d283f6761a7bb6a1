/* SPDX-License-Identifier: MIT */
/*
 * cmd_legacy.c -- PROXYAUTH (Sun and Netscape servers) and PARTIAL (RFC 1730). No capability tells of them, so they are sent
 * as they are.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

/* ---- PROXYAUTH --------------------------------------------------------------------------------------- */

static int proxyauth_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, "PROXYAUTH ");
	enc_astring(&c->enc, slice_str(c->more));
	return 0;
}

static const struct cmd_kind proxyauth_kind = {
	.name = "PROXYAUTH",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_BARRIER | CMD_TRY_ENCODE,
	.encode = proxyauth_encode,
};

static imap4_cmd *start(imap4_session *s, const struct cmd_kind *kind, void *more)
{
	struct imap4_cmd *c = more != NULL ? cmd_new(s, kind) : NULL;
	if (c != NULL) {
		c->more = more;
		c->free_more = free;
		return cmd_submit(c);
	}
	if (more == NULL)
		return session_refuse(s, IMAP4_E_NOMEM, "%s: out of memory", kind->name);
	free(more);
	return NULL;
}

imap4_cmd *imap4_proxyauth_start(imap4_session *s, const char *user)
{
	if (user == NULL)
		return session_refuse(s, IMAP4_E_ARG, "PROXYAUTH: no user");
	return start(s, &proxyauth_kind, strdup(user));
}

/* ---- PARTIAL ----------------------------------------------------------------------------------------- */

#define ITEM_MAX 128

struct partial_args {
	uint32_t seq, first, count;
	char item[ITEM_MAX + 1];
};

/* The items that RFC 1730 allows: RFC822, RFC822.HEADER, RFC822.TEXT, BODY[section], and their .PEEK forms. */
static bool is_item(struct slice s)
{
	static const char *const names[] = {"RFC822", "RFC822.PEEK", "RFC822.HEADER",
		"RFC822.HEADER.PEEK", "RFC822.TEXT", "RFC822.TEXT.PEEK"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_ieq_str(s, names[i]))
			return true;
	size_t from = slice_starts_istr(s, "BODY[")  ? 5
		: slice_starts_istr(s, "BODY.PEEK[") ? 10
						     : 0;
	if (from == 0 || s.p[s.n - 1] != ']')
		return false;
	for (size_t i = from; i < s.n - 1; i++)
		if (strchr("0123456789.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
			    s.p[i]) == NULL)
			return false;
	return true;
}

static int partial_encode(struct imap4_cmd *c, struct err *e)
{
	const struct partial_args *a = c->more;
	(void)e;
	enc_raw(&c->enc, "PARTIAL ");
	enc_number(&c->enc, a->seq);
	enc_raw(&c->enc, " ");
	enc_raw(&c->enc, a->item);
	enc_raw(&c->enc, " ");
	enc_number(&c->enc, a->first);
	enc_raw(&c->enc, " ");
	enc_number(&c->enc, a->count);
	return 0;
}

static bool is_ours(const struct imap4_cmd *c, const imap4_message *m)
{
	const struct partial_args *a = c->more;
	return m != NULL && m->seq == a->seq;
}

static bool partial_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	return is_ours(c, imap4_data_message(d));
}

static enum cmd_wants partial_wants_body(
	const struct imap4_cmd *c, const imap4_message *so_far, imap4_str section)
{
	(void)section;
	return is_ours(c, so_far) ? CMD_WANTS_MESSAGE : CMD_WANTS_NOT;
}

/* A barrier, for its argument is a message number (RFC 9051 section 5.5). */
static const struct cmd_kind partial_kind = {
	.name = "PARTIAL",
	.flags = CMD_NEEDS_SELECTED | CMD_BARRIER,
	.claims = partial_claims,
	.wants_body = partial_wants_body,
	.encode = partial_encode,
};

imap4_cmd *imap4_partial_start(
	imap4_session *s, uint32_t seq, const char *item, uint32_t first, uint32_t count)
{
	if (seq == 0 || first == 0 || count == 0)
		return session_refuse(s, IMAP4_E_ARG, "PARTIAL: messages and octets count from 1");
	if (item == NULL || strlen(item) > ITEM_MAX || !is_item(slice_str(item)))
		return session_refuse(s, IMAP4_E_ARG, "PARTIAL: no such item");
	struct partial_args *a = calloc(1, sizeof *a);
	if (a != NULL) {
		*a = (struct partial_args){.seq = seq, .first = first, .count = count};
		memcpy(a->item, item, strlen(item));
	}
	return start(s, &partial_kind, a);
}

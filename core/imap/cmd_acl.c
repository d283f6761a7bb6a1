/* SPDX-License-Identifier: MIT */
/*
 * cmd_acl.c -- GETACL, SETACL, DELETEACL, LISTRIGHTS, MYRIGHTS (RFC 4314 section 3).
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

static void free_args(void *more)
{
	cmd_strings_release(more);
	free(more);
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	const struct cmd_strings *args = c->more;
	enc_raw(&c->enc, c->kind->name);
	enc_raw(&c->enc, " ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	for (size_t i = 0; i < args->n; i++) {
		enc_raw(&c->enc, " ");
		enc_astring(&c->enc, slice_str(args->at[i]));
	}
	if (cmd_has(c, "ACL", false))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer ACL");
	return 1;
}

/* The i-th value of a response. */
static imap4_str value(const struct imap4_data *d, size_t i)
{
	return answer_astring(answer_skip(answer_first(d), i));
}

static bool claims_for(const struct imap4_cmd *c, const struct imap4_data *d, const char *name)
{
	return answer_is(d, name) && cmd_mailbox_is(value(d, 0), buf_slice(&c->mailbox));
}

static bool getacl_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	return claims_for(c, d, "ACL");
}

static bool rights_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	return claims_for(c, d, c->kind->name);
}

/* The answers name their mailbox: one command of a kind for each is in flight. */
static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	const struct buf *b = &other->mailbox;
	return other->kind == c->kind &&
		cmd_mailbox_is((imap4_str){buf_str(b), b->len}, buf_slice(&c->mailbox));
}

#define ACL_FLAGS (CMD_NEEDS_AUTH | CMD_TRY_ENCODE)

static const struct cmd_kind getacl_kind = {
	.name = "GETACL",
	.flags = ACL_FLAGS | CMD_READ_ONLY,
	.claims = getacl_claims,
	.encode = encode,
	.conflicts = conflicts,
};
static const struct cmd_kind setacl_kind = {
	.name = "SETACL",
	.flags = ACL_FLAGS,
	.encode = encode,
};
static const struct cmd_kind deleteacl_kind = {
	.name = "DELETEACL",
	.flags = ACL_FLAGS,
	.encode = encode,
};
static const struct cmd_kind listrights_kind = {
	.name = "LISTRIGHTS",
	.flags = ACL_FLAGS | CMD_READ_ONLY,
	.claims = rights_claims,
	.encode = encode,
	.conflicts = conflicts,
};
static const struct cmd_kind myrights_kind = {
	.name = "MYRIGHTS",
	.flags = ACL_FLAGS | CMD_READ_ONLY,
	.claims = rights_claims,
	.encode = encode,
	.conflicts = conflicts,
};

bool myrights_is(const struct imap4_cmd *c)
{
	return c->kind == &myrights_kind;
}

static imap4_cmd *start(imap4_session *s, const struct cmd_kind *kind, imap4_str mailbox,
	const char *const *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (args[i] == NULL)
			return session_refuse(
				s, IMAP4_E_ARG, "%s: an argument is missing", kind->name);
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
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0 ||
		cmd_strings_copy(copy, args, n, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_getacl_start(imap4_session *s, imap4_str mailbox)
{
	return start(s, &getacl_kind, mailbox, NULL, 0);
}

imap4_cmd *imap4_setacl_start(
	imap4_session *s, imap4_str mailbox, const char *identifier, const char *rights)
{
	const char *const args[] = {identifier, rights};
	return start(s, &setacl_kind, mailbox, args, 2);
}

imap4_cmd *imap4_deleteacl_start(imap4_session *s, imap4_str mailbox, const char *identifier)
{
	return start(s, &deleteacl_kind, mailbox, &identifier, 1);
}

imap4_cmd *imap4_listrights_start(imap4_session *s, imap4_str mailbox, const char *identifier)
{
	return start(s, &listrights_kind, mailbox, &identifier, 1);
}

imap4_cmd *imap4_myrights_start(imap4_session *s, imap4_str mailbox)
{
	return start(s, &myrights_kind, mailbox, NULL, 0);
}

/* ---- views ----------------------------------------------------------------------------------------- */

int imap4_data_acl(const imap4_data *d, size_t i, imap4_acl *out)
{
	if (!answer_is(d, "ACL") || i > SIZE_MAX / 2 - 2)
		return 0;
	out->identifier = value(d, 1 + 2 * i);
	out->rights = value(d, 2 + 2 * i);
	return out->identifier.ptr != NULL && out->rights.ptr != NULL;
}

imap4_str imap4_data_rights(const imap4_data *d, size_t i)
{
	if (answer_is(d, "MYRIGHTS") && i == 0)
		return value(d, 1);
	if (answer_is(d, "LISTRIGHTS") && i < SIZE_MAX - 2)
		return value(d, 2 + i);
	return (imap4_str){NULL, 0};
}

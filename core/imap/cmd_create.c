/* SPDX-License-Identifier: MIT */
/*
 * cmd_create.c -- CREATE (RFC 9051 section 6.3.4, USE: RFC 6154 section 3) and SUBSCRIBE (6.3.7).
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

static int create_encode(struct imap4_cmd *c, struct err *e)
{
	const char *use = c->more;
	(void)e;
	enc_raw(&c->enc, "CREATE ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	if (use == NULL)
		return 0;
	enc_raw(&c->enc, " (USE (");
	enc_flag(&c->enc, slice_str(use));
	enc_raw(&c->enc, "))");
	if (cmd_has(c, "CREATE-SPECIAL-USE", false))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer CREATE-SPECIAL-USE");
	return 1;
}

static int subscribe_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, "SUBSCRIBE ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	return 0;
}

static const struct cmd_kind create_kind = {
	.name = "CREATE",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = create_encode,
};

static const struct cmd_kind subscribe_kind = {
	.name = "SUBSCRIBE",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = subscribe_encode,
};

static imap4_cmd *start(
	imap4_session *s, const struct cmd_kind *kind, imap4_str mailbox, const char *use)
{
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	if (use != NULL) {
		c->more = strdup(use);
		c->free_more = free;
		if (c->more == NULL) {
			(void)err_nomem(&e, kind->name);
			return cmd_discard(c, &e);
		}
	}
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_create_start(imap4_session *s, imap4_str mailbox, const char *special_use)
{
	return start(s, &create_kind, mailbox, special_use);
}

imap4_cmd *imap4_subscribe_start(imap4_session *s, imap4_str mailbox)
{
	return start(s, &subscribe_kind, mailbox, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_folder.c -- DELETE (RFC 9051 section 6.3.5), RENAME (6.3.6), UNSUBSCRIBE (6.3.8).
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

static int encode(struct imap4_cmd *c, struct err *e)
{
	const struct buf *to = c->more;
	(void)e;
	enc_raw(&c->enc, c->kind->name);
	enc_raw(&c->enc, " ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	if (to == NULL)
		return 0;
	enc_raw(&c->enc, " ");
	enc_mailbox(&c->enc, buf_slice(to));
	return 0;
}

static const struct cmd_kind delete_kind = {
	.name = "DELETE",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = encode,
};
static const struct cmd_kind rename_kind = {
	.name = "RENAME",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = encode,
};
static const struct cmd_kind unsubscribe_kind = {
	.name = "UNSUBSCRIBE",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = encode,
};

static void free_name(void *more)
{
	struct buf *b = more;
	buf_release(b);
	free(b);
}

static int copy_target(struct imap4_cmd *c, imap4_str name, struct err *e)
{
	struct buf *b = calloc(1, sizeof *b);
	if (b == NULL)
		return err_nomem(e, c->kind->name);
	buf_init(b, IMAP_MAILBOX_MAX);
	c->more = b;
	c->free_more = free_name;
	(void)buf_add(b, name.ptr, name.len);
	return buf_check(b, "a mailbox name", e);
}

static imap4_cmd *start(
	imap4_session *s, const struct cmd_kind *kind, imap4_str mailbox, const imap4_str *target)
{
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0 ||
		(target != NULL && copy_target(c, *target, &e) != 0))
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_delete_start(imap4_session *s, imap4_str mailbox)
{
	return start(s, &delete_kind, mailbox, NULL);
}

imap4_cmd *imap4_rename_start(imap4_session *s, imap4_str from, imap4_str to)
{
	return start(s, &rename_kind, from, &to);
}

imap4_cmd *imap4_unsubscribe_start(imap4_session *s, imap4_str mailbox)
{
	return start(s, &unsubscribe_kind, mailbox, NULL);
}

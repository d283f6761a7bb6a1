/* SPDX-License-Identifier: MIT */
/*
 * cmd_append.c -- APPEND (RFC 9051 section 6.3.12) and MULTIAPPEND (RFC 3502); the UIDs of APPENDUID (RFC 4315).
 */
#include "core/imap/append.h"

#include <stdlib.h>

static void free_args(void *more)
{
	append_release(more);
	free(more);
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, "APPEND ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	return append_encode(c, c->more);
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	const struct append_args *a = c->more;
	append_note_uids(c, tagged, a->n);
}

static const struct cmd_kind kind = {
	.name = "APPEND",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = encode,
	.completed = completed,
};

static int copy_args(struct imap4_cmd *c, imap4_str mailbox, const imap4_append_message *m,
	size_t n, uint64_t sync_over, struct err *e)
{
	struct append_args *a = calloc(1, sizeof *a);
	if (a == NULL)
		return err_nomem(e, "APPEND");
	c->more = a;
	c->free_more = free_args;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", e) != 0)
		return -1;
	return append_copy(a, m, n, sync_over, e);
}

imap4_cmd *imap4_append_start(imap4_session *s, imap4_str mailbox, const imap4_append_message *m,
	size_t n, const imap4_append_opts *o)
{
	imap4_append_opts opts;
	cmd_options(&opts, sizeof opts, o);
	struct imap4_cmd *c = cmd_new(s, &kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	if (copy_args(c, mailbox, m, n, opts.sync_over, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

const imap4_appended *imap4_cmd_appended(const imap4_cmd *c)
{
	return c->appended.n > 0 ? &c->appended : NULL;
}

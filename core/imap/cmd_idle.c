/* SPDX-License-Identifier: MIT */
/*
 * cmd_idle.c -- IDLE (RFC 2177, RFC 9051 section 6.3.13).
 *
 * DONE may only follow the server's "+", so ending it early is kept in mind until then. A handle that is freed ends it
 * too: otherwise the connection would idle for ever.
 */
#include "core/imap/cmd.h"

enum { IDLE_ACCEPTED = 1 << 0, IDLE_END = 1 << 1, IDLE_DONE_SENT = 1 << 2 }; /* imap4_cmd.items */

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	if (!cmd_has(c, "IDLE", true)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer IDLE");
		return 1;
	}
	if ((c->items & IDLE_END) != 0)
		return 1; /* over before it began */
	enc_raw(&c->enc, "IDLE");
	return 0;
}

static bool may_send_done(const struct imap4_cmd *c)
{
	return (c->items & (IDLE_ACCEPTED | IDLE_END | IDLE_DONE_SENT)) ==
		(IDLE_ACCEPTED | IDLE_END);
}

/* Some servers send a second "+": it means nothing. */
static int continued(struct imap4_cmd *c, struct slice text, struct err *e)
{
	(void)text;
	(void)e;
	c->items |= IDLE_ACCEPTED;
	if (may_send_done(c)) {
		c->items |= IDLE_DONE_SENT;
		enc_raw(&c->enc, "DONE");
	}
	return 0;
}

static int end(struct imap4_cmd *c, struct err *e)
{
	c->items |= IDLE_END;
	if (!may_send_done(c))
		return 0;
	c->items |= IDLE_DONE_SENT;
	enc_next_line(&c->enc);
	enc_raw(&c->enc, "DONE");
	return engine_go_on(c->engine, c, e);
}

static void orphaned(struct imap4_cmd *c)
{
	/* Without memory for six octets the server ends it in its own time, and then tells by BYE. */
	struct err e = ERR_INIT;
	(void)!end(c, &e);
}

/* Until DONE has left. */
static bool may_be_silent(const struct imap4_cmd *c)
{
	return (c->items & IDLE_ACCEPTED) != 0 &&
		((c->items & IDLE_DONE_SENT) == 0 || c->state == CMD_SENDING);
}

static const struct cmd_kind kind = {
	.name = "IDLE",
	.flags = CMD_NEEDS_AUTH | CMD_BARRIER | CMD_READ_ONLY,
	.encode = encode,
	.continued = continued,
	.may_be_silent = may_be_silent,
	.orphaned = orphaned,
};

imap4_cmd *imap4_idle_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &kind);
	return c == NULL ? NULL : cmd_submit(c);
}

int imap4_idle_running(const imap4_cmd *c)
{
	return c->kind == &kind && c->state != CMD_DONE &&
		(c->items & (IDLE_ACCEPTED | IDLE_DONE_SENT)) == IDLE_ACCEPTED;
}

imap4_err imap4_idle_done(imap4_cmd *c)
{
	struct err e = ERR_INIT;
	if (c->kind != &kind)
		return IMAP4_E_ARG;
	if (c->state == CMD_DONE || end(c, &e) == 0)
		return IMAP4_OK;
	return result_err(e.code);
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_unauthenticate.c -- UNAUTHENTICATE (RFC 8437): back to the state before the login, on the same connection.
 *
 * It could be pipelined with the next AUTHENTICATE (section 3); it is a barrier here, because what a login may send is
 * decided by the capabilities, and those are asked for in between unless the OK told them.
 */
#include "core/imap/cmd.h"
#include "core/imap/session.h"

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	if (!cmd_has(c, "UNAUTHENTICATE", false)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer UNAUTHENTICATE");
		return 1;
	}
	c->items = engine_caps_count(c->engine);
	/* Section 4.1: compression ends behind the CRLF of the command here, and of the OK there. */
	engine_set_compression_ends(c->engine, engine_compressed(c->engine));
	enc_raw(&c->enc, "UNAUTHENTICATE");
	return 0;
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	engine_set_compression_ends(c->engine, false);
	if (!slice_ieq_str(slice_of(tagged->condition.ptr, tagged->condition.len), "OK"))
		return;
	if (engine_compressed(c->engine))
		engine_set_upgrade(c->engine, ENGINE_UPGRADE_PLAIN);
	engine_unauthenticated(c->engine);
	if (engine_caps_count(c->engine) == c->items)
		session_refresh_capabilities(c->session);
}

static const struct cmd_kind kind = {
	.name = "UNAUTHENTICATE",
	.flags = CMD_READ_ONLY | CMD_BARRIER | CMD_NEEDS_AUTH,
	.encode = encode,
	.completed = completed,
};

imap4_cmd *imap4_unauthenticate_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &kind);
	return c == NULL ? NULL : cmd_submit(c);
}

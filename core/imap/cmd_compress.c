/* SPDX-License-Identifier: MIT */
/*
 * cmd_compress.c -- COMPRESS (RFC 4978).
 *
 * The command only says that the meaning of the bytes changes (engine_set_upgrade()); the layer is put on by the
 * session, which alone has the stream. As a barrier it is alone in flight, and the engine sends nothing until
 * engine_upgraded() (section 3: "MUST NOT send any further commands until it has seen the result").
 */
#include "core/imap/cmd.h"

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	if (engine_compressed(c->engine)) {
		cmd_fail_local(c, IMAP4_E_STATE, "the connection is compressed already");
		return 1;
	}
	if (!cmd_has(c, "COMPRESS=DEFLATE", false)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer COMPRESS=DEFLATE");
		return 1;
	}
	enc_raw(&c->enc, "COMPRESS DEFLATE");
	return 0;
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (slice_ieq_str(slice_of(tagged->condition.ptr, tagged->condition.len), "OK"))
		engine_set_upgrade(c->engine, ENGINE_UPGRADE_DEFLATE);
}

static const struct cmd_kind kind = {
	.name = "COMPRESS",
	.flags = CMD_READ_ONLY | CMD_BARRIER | CMD_NEEDS_AUTH,
	.encode = encode,
	.completed = completed,
};

imap4_cmd *imap4_compress_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &kind);
	return c == NULL ? NULL : cmd_submit(c);
}

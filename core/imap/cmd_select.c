/* SPDX-License-Identifier: MIT */
/*
 * cmd_select.c -- SELECT, EXAMINE (RFC 9051 sections 6.3.2, 6.3.3), UNSELECT (6.4.2, RFC 3691).
 *
 * They are barriers: what is in flight belongs to one mailbox, and a SELECT that fails leaves none selected.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

enum { SELECT_CONDSTORE = 1 };

static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	switch ((int)imap4_data_kind(d)) {
	case IMAP4_DATA_STATE:
	case IMAP4_DATA_FLAGS:
	case IMAP4_DATA_EXISTS:
	case IMAP4_DATA_RECENT:
	case IMAP4_DATA_LIST: return true;
	default: return false;
	}
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, c->kind->name);
	enc_raw(&c->enc, " ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	if ((c->items & SELECT_CONDSTORE) != 0 &&
		(cmd_has(c, "CONDSTORE", false) || cmd_has(c, "QRESYNC", false)))
		enc_raw(&c->enc, " (CONDSTORE)"); /* RFC 7162 section 3.1.8 */
	return 0;
}

static void begun(struct imap4_cmd *c)
{
	engine_select_begin(c->engine);
}

static bool is_ok(const imap4_state_line *tagged)
{
	return slice_ieq_str(slice_of(tagged->condition.ptr, tagged->condition.len), "OK");
}

static void select_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	engine_select_end(c->engine, is_ok(tagged), false);
}

static void examine_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	engine_select_end(c->engine, is_ok(tagged), true);
}

static const struct cmd_kind select_kind = {
	.name = "SELECT",
	.flags = CMD_NEEDS_AUTH | CMD_BARRIER | CMD_TRY_ENCODE,
	.claims = claims,
	.encode = encode,
	.begun = begun,
	.completed = select_completed,
};

static const struct cmd_kind examine_kind = {
	.name = "EXAMINE",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_BARRIER | CMD_TRY_ENCODE,
	.claims = claims,
	.encode = encode,
	.begun = begun,
	.completed = examine_completed,
};

imap4_cmd *imap4_select_start(imap4_session *s, imap4_str mailbox, const imap4_select_opts *o)
{
	imap4_select_opts opts;
	cmd_options(&opts, sizeof opts, o);
	struct imap4_cmd *c = cmd_new(s, opts.writable ? &select_kind : &examine_kind);
	if (c == NULL)
		return NULL;
	c->items = opts.condstore ? SELECT_CONDSTORE : 0;
	struct err e = ERR_INIT;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

const imap4_selected *imap4_selected_mailbox(const imap4_session *s)
{
	const struct engine *g = session_engine(s);
	return g != NULL ? engine_selected(g) : NULL;
}

/* ---- UNSELECT ------------------------------------------------------------------------------------ */

static int unselect_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	if (!cmd_has(c, "UNSELECT", true)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer UNSELECT");
		return 1;
	}
	enc_raw(&c->enc, "UNSELECT");
	return 0;
}

static void unselect_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (is_ok(tagged))
		engine_select_end(c->engine, false, false);
}

static const struct cmd_kind unselect_kind = {
	.name = "UNSELECT",
	.flags = CMD_READ_ONLY | CMD_NEEDS_SELECTED | CMD_BARRIER,
	.encode = unselect_encode,
	.completed = unselect_completed,
};

imap4_cmd *imap4_unselect_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &unselect_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

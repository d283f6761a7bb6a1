/* SPDX-License-Identifier: MIT */
/*
 * cmd_select.c -- SELECT, EXAMINE (RFC 9051 sections 6.3.2, 6.3.3; QRESYNC: RFC 7162 section 3.2.5), UNSELECT (6.4.2,
 * RFC 3691).
 *
 * They are barriers: what is in flight belongs to one mailbox, and a SELECT that fails leaves none selected. A pipelined one
 * is a fence instead: it follows what is in flight, and others follow it.
 *
 * What changed since the caller looked last (VANISHED, FETCH) looks just like what a server tells of the mailbox that is
 * being left. The engine knows where the border is (engine_select_leaving()).
 */
#include "core/imap/cmd.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SELECT_CONDSTORE = 1 << 0, SELECT_QRESYNC = 1 << 1 }; /* imap4_cmd.items */

/* Octets of a line that the known UIDs may take. */
#define KNOWN_ROOM (IMAP_COMMAND_ABSOLUTE_MAX / 2)

/* QRESYNC, as it is sent: what stands before the sequence match data, and these. */
struct select_args {
	struct buf known, sample;
};

static void free_args(void *more)
{
	struct select_args *a = more;
	buf_release(&a->known);
	buf_release(&a->sample);
	free(a);
}

/* ---- the answer ------------------------------------------------------------------------------------ */

static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	switch ((int)imap4_data_kind(d)) {
	case IMAP4_DATA_STATE:
	case IMAP4_DATA_FLAGS:
	case IMAP4_DATA_EXISTS:
	case IMAP4_DATA_RECENT:
	case IMAP4_DATA_LIST: return true;
	case IMAP4_DATA_VANISHED:
	case IMAP4_DATA_FETCH:
		return (c->items & SELECT_QRESYNC) != 0 && !engine_select_leaving(c->engine);
	default: return false;
	}
}

/* What came before "* OK [CLOSED]" was said of the mailbox that is left (RFC 7162 section 3.2.11). */
static int take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	(void)e;
	const imap4_state_line *l = imap4_data_state(d);
	if (l != NULL && l->code == IMAP4_CODE_CLOSED)
		cmd_drop_waiting(c);
	return 1;
}

/* ---- sending --------------------------------------------------------------------------------------- */

/* RFC 7162 section 3.2.5: BAD unless the server confirmed ENABLE QRESYNC. */
static bool qresync_possible(struct imap4_cmd *c)
{
	if (engine_enabled(c->engine, "QRESYNC"))
		return true;
	if (cmd_has(c, "QRESYNC", false))
		cmd_fail_local(c, IMAP4_E_STATE, "QRESYNC was not enabled");
	else
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer QRESYNC");
	return false;
}

static void encode_parameters(struct imap4_cmd *c)
{
	const struct select_args *a = c->more;
	if ((c->items & SELECT_QRESYNC) != 0) {
		enc_raw(&c->enc, " (QRESYNC (");
		enc_raw(&c->enc, buf_str(&a->known));
		/* Message numbers are not spoken of under UIDONLY (RFC 9586), and the rest is complete without. */
		if (a->sample.len > 0 && !engine_enabled(c->engine, "UIDONLY"))
			enc_raw(&c->enc, buf_str(&a->sample));
		enc_raw(&c->enc, "))");
	} else if ((c->items & SELECT_CONDSTORE) != 0 &&
		(cmd_has(c, "CONDSTORE", false) || cmd_has(c, "QRESYNC", false))) {
		enc_raw(&c->enc, " (CONDSTORE)"); /* RFC 7162 section 3.1.8 */
	}
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, c->kind->name);
	enc_raw(&c->enc, " ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	encode_parameters(c);
	return (c->items & SELECT_QRESYNC) != 0 && !qresync_possible(c) ? 1 : 0;
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
	.take = take,
	.encode = encode,
	.begun = begun,
	.completed = select_completed,
};

static const struct cmd_kind examine_kind = {
	.name = "EXAMINE",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_BARRIER | CMD_TRY_ENCODE,
	.claims = claims,
	.take = take,
	.encode = encode,
	.begun = begun,
	.completed = examine_completed,
};

/* ---- starting -------------------------------------------------------------------------------------- */

/* The known UIDs may be more than there are: what the answer says of others is passed over by the caller anyway. */
static int add_known_uids(struct buf *out, const struct uidset *uids, struct err *e)
{
	size_t before = out->len;
	if (uidset_format(uids, out, e) != 0)
		return -1;
	if (out->len - before <= KNOWN_ROOM)
		return 0;
	out->len = before;
	return buf_addf(out, "%" PRIu32 ":%" PRIu32, uidset_min(uids), uidset_max(uids));
}

static int set_known(struct select_args *a, const imap4_select_opts *o, struct err *e)
{
	(void)buf_addf(&a->known, "%" PRIu32 " %" PRIu64, o->known_uidvalidity, o->known_modseq);
	if (o->known_uids != NULL && !uidset_is_empty(o->known_uids)) {
		(void)buf_add_byte(&a->known, ' ');
		if (add_known_uids(&a->known, o->known_uids, e) != 0)
			return -1;
	}
	if (o->sample_numbers != NULL && !uidset_is_empty(o->sample_numbers)) {
		(void)buf_add_str(&a->sample, " (");
		if (uidset_format(o->sample_numbers, &a->sample, e) != 0)
			return -1;
		(void)buf_add_byte(&a->sample, ' ');
		if (uidset_format(o->sample_uids, &a->sample, e) != 0)
			return -1;
		(void)buf_add_byte(&a->sample, ')');
	}
	if (buf_check(&a->known, "the known UIDs", e) != 0)
		return -1;
	return buf_check(&a->sample, "the sample of known messages", e);
}

static uint64_t count(const imap4_set *set)
{
	return set != NULL ? uidset_count(set) : 0;
}

static int new_args(struct imap4_cmd *c, const imap4_select_opts *o, struct err *e)
{
	struct select_args *a = calloc(1, sizeof *a);
	if (a == NULL)
		return err_nomem(e, c->kind->name);
	buf_init(&a->known, (size_t)1 << 30);
	buf_init(&a->sample, IMAP_COMMAND_ABSOLUTE_MAX);
	c->more = a;
	c->free_more = free_args;
	c->items |= SELECT_QRESYNC;
	return set_known(a, o, e);
}

imap4_cmd *imap4_select_start(imap4_session *s, imap4_str mailbox, const imap4_select_opts *o)
{
	imap4_select_opts opts;
	cmd_options(&opts, sizeof opts, o);
	const struct cmd_kind *kind = opts.writable ? &select_kind : &examine_kind;
	bool qresync = opts.known_uidvalidity != 0;
	if (qresync && (opts.known_modseq == 0 || opts.known_modseq > INT64_MAX))
		return session_refuse(
			s, IMAP4_E_ARG, "%s: no such modification sequence", kind->name);
	if (count(opts.sample_numbers) != count(opts.sample_uids))
		return session_refuse(
			s, IMAP4_E_ARG, "%s: not one UID for each message number", kind->name);
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	c->items = opts.condstore ? SELECT_CONDSTORE : 0;
	if (opts.pipelined)
		c->flags = (c->flags & ~(unsigned)CMD_BARRIER) | CMD_FENCE;
	struct err e = ERR_INIT;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0 ||
		(qresync && new_args(c, &opts, &e) != 0))
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

const imap4_selected *imap4_selected_mailbox(const imap4_session *s)
{
	const struct engine *g = session_engine(s);
	return g != NULL ? engine_selected(g) : NULL;
}

const imap4_selected *imap4_cmd_selected(const imap4_cmd *c)
{
	return imap4_cmd_done(c) && c->in_mailbox ? &c->selected : NULL;
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

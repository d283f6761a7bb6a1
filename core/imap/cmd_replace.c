/* SPDX-License-Identifier: MIT */
/*
 * cmd_replace.c -- REPLACE and UID REPLACE (RFC 8508): an APPEND and the removal of one message of the selected mailbox, as one
 * action.
 */
#include "core/imap/append.h"

#include <stdlib.h>

struct replace_args {
	struct append_args append;
	uint32_t old; /* UID or message number, as the kind says */
};

static void free_args(void *more)
{
	struct replace_args *a = more;
	append_release(&a->append);
	free(a);
}

/* RFC 8508 section 4.3: APPENDUID comes in an untagged OK, before the old message goes. */
static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	const imap4_state_line *l = imap4_data_state(d);
	return expunge_claims(c, d) || (l != NULL && l->code == IMAP4_CODE_APPENDUID);
}

static int take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	(void)e;
	const imap4_state_line *l = imap4_data_state(d);
	if (l == NULL)
		return 1; /* the message that was replaced: for the caller */
	append_note_uids(c, l, 1);
	return 0;
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	const struct replace_args *a = c->more;
	enc_raw(&c->enc, c->kind->name);
	enc_raw(&c->enc, " ");
	enc_number(&c->enc, a->old);
	enc_raw(&c->enc, " ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	int r = append_encode(c, &a->append);
	if (r != 0 || cmd_has(c, "REPLACE", false))
		return r;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer REPLACE");
	return 1;
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	append_note_uids(c, tagged, 1);
}

#define REPLACE_KIND(text)                                                                         \
	{                                                                                          \
		.name = (text), .flags = CMD_NEEDS_SELECTED | CMD_TRY_ENCODE, .claims = claims,    \
		.take = take, .encode = encode, .conflicts = expunge_conflicts,                    \
		.completed = completed                                                             \
	}

/* by message number, by UID */
static const struct cmd_kind kinds[] = {REPLACE_KIND("REPLACE"), REPLACE_KIND("UID REPLACE")};

static int copy_args(struct imap4_cmd *c, uint32_t old, imap4_str mailbox,
	const imap4_append_message *m, uint64_t sync_over, struct err *e)
{
	struct replace_args *a = calloc(1, sizeof *a);
	if (a == NULL)
		return err_nomem(e, "REPLACE");
	c->more = a;
	c->free_more = free_args;
	a->old = old;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", e) != 0)
		return -1;
	return append_copy(&a->append, m, 1, sync_over, e);
}

imap4_cmd *imap4_replace_start(imap4_session *s, uint32_t old, imap4_str mailbox,
	const imap4_append_message *m, const imap4_replace_opts *o)
{
	imap4_replace_opts opts;
	cmd_options(&opts, sizeof opts, o);
	const struct cmd_kind *kind = &kinds[opts.by == IMAP4_BY_UID];
	if (old == 0)
		return session_refuse(
			s, IMAP4_E_ARG, "%s: no message has the number 0", kind->name);
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	if (copy_args(c, old, mailbox, m, opts.sync_over, &e) != 0)
		return cmd_discard(c, &e);
	/* A message number means something only while nothing else can change it (RFC 9051 section 5.5). */
	if (opts.by != IMAP4_BY_UID)
		c->flags |= CMD_BARRIER;
	return cmd_submit(c);
}

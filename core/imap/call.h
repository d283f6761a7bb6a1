/* SPDX-License-Identifier: MIT */
/*
 * call.h -- what call.c (any command, the session, mailboxes), call_message.c and call_idle.c share.
 */
#ifndef CORE_IMAP_CALL_H
#define CORE_IMAP_CALL_H

#include "core/imap/cmd.h"
#include "core/imap/imap4_call.h"

/* RFC 2177: a client should begin anew every 29 minutes at least. */
#define CALL_IDLE_MAX_MS (29 * 60 * 1000)

/* Wait and keep the outcome, also in *rc. c NULL: the start was refused. Returns c, to be freed. */
imap4_cmd *call_wait(imap4_session *s, imap4_cmd *c, imap4_err *rc);
/* The same for a command of which nothing but its outcome matters. */
imap4_err call_finish(imap4_session *s, imap4_cmd *c);
/* imap4_call_data(); out NULL: nobody wants the data. */
imap4_err call_maybe_data(imap4_session *s, imap4_cmd *c, imap4_reply **out);
/* Keep the outcome of a command, or why it was given up (rc); returns rc. */
imap4_err call_keep(imap4_session *s, const imap4_cmd *c, imap4_err rc);
/* The first of a list, which is the caller's then; NULL: it is empty. */
struct imap4_data *call_take(struct cmd_data **first, struct cmd_data **last);
/* The first n of a list that has as many. NULL: out of memory, and they stay there. */
imap4_reply *call_reply(struct cmd_data **first, struct cmd_data **last, size_t n);
/* A failure of our own; returns err. */
imap4_err call_fail(imap4_session *s, imap4_err err, const char *text);
imap4_str call_str(const char *s); /* NULL is absent */

#endif

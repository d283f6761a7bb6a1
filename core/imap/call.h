/* SPDX-License-Identifier: MIT */
/*
 * call.h -- what call.c (any command, the session, mailboxes) and call_message.c share.
 */
#ifndef CORE_IMAP_CALL_H
#define CORE_IMAP_CALL_H

#include "core/imap/imap4_call.h"

/* Wait and keep the outcome, also in *rc. c NULL: the start was refused. Returns c, to be freed. */
imap4_cmd *call_wait(imap4_session *s, imap4_cmd *c, imap4_err *rc);
/* The same for a command of which nothing but its outcome matters. */
imap4_err call_finish(imap4_session *s, imap4_cmd *c);
/* imap4_call_data(); out NULL: nobody wants the data. */
imap4_err call_maybe_data(imap4_session *s, imap4_cmd *c, imap4_reply **out);
/* A failure of our own; returns err. */
imap4_err call_fail(imap4_session *s, imap4_err err, const char *text);
imap4_str call_str(const char *s); /* NULL is absent */

#endif

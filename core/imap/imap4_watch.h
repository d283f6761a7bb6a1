/* SPDX-License-Identifier: MIT */
/* imap4_watch.h -- what a server tells by itself: IDLE. Included by imap4.h. */
#ifndef IMAP4_WATCH_H
#define IMAP4_WATCH_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- IDLE; refused by IMAP4_POLICY_BACKUP ----------------------------------------------------------------- */

/*
 * IDLE (RFC 2177; IMAP4_E_NOCAP without it). What the server tells meanwhile goes to imap4_events.data and to
 * imap4_selected_mailbox(); silence is no time-out. It runs until imap4_idle_done(), or imap4_cmd_free(); commands
 * started meanwhile wait for that. Servers log out a client that idles for half an hour: to end it and to start it again
 * before (RFC 2177: every 29 minutes) is the caller's affair.
 */
IMAP4_API imap4_cmd *imap4_idle_start(imap4_session *s);
/* 1 when the server has accepted it and waits for the end. */
IMAP4_API int imap4_idle_running(const imap4_cmd *c);
/* End it: DONE is sent as soon as the server allows; then imap4_cmd_wait(). Does nothing when it was called before or
 * the command is complete. IMAP4_E_ARG: no IDLE; IMAP4_E_NOMEM. May be called inside callbacks. */
IMAP4_API imap4_err imap4_idle_done(imap4_cmd *c);

#ifdef __cplusplus
}
#endif
#endif

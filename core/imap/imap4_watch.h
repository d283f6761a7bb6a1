/* SPDX-License-Identifier: MIT */
/* imap4_watch.h -- what a server tells by itself: IDLE, NOTIFY. Included by imap4.h. */
#ifndef IMAP4_WATCH_H
#define IMAP4_WATCH_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- IDLE ------------------------------------------------------------------------------------------------- */

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

/* ---- NOTIFY (RFC 5465) ----------------------------------------------------------------------------------- */

/*
 * From its success on the server tells of the named events all the time, also while no command runs: call imap4_pump(). All
 * that goes to imap4_events.data: STATUS and LIST of other mailboxes; EXISTS, EXPUNGE, VANISHED and FETCH of the selected
 * one, with the bodies of `items` up to imap4_options.max_literal. A state line with IMAP4_CODE_NOTIFICATIONOVERFLOW
 * there means that nothing more will come (section 5.8).
 *
 * It replaces what was asked for before. with_status: the command's data are a STATUS for each mailbox that is watched for
 * its messages, as it is now; a LIST with \NoAccess names one that cannot be watched. IMAP4_E_NOCAP without NOTIFY;
 * IMAP4_E_ARG for what the protocol does not have (section 5): new and removed messages are watched together, flags and
 * annotations only with them, and other events only of other than the selected mailbox. After a refusal:
 * imap4_cmd_events_offered(). With IMAP4_WATCH_SELECTED message numbers may change at any time: use UIDs.
 */
enum {
	IMAP4_WATCH_SELECTED = 0,
	IMAP4_WATCH_SELECTED_DELAYED = 1, /* removed messages only while a command runs */
	IMAP4_WATCH_INBOXES = 2,	  /* all that mail may be delivered to */
	IMAP4_WATCH_PERSONAL = 3,
	IMAP4_WATCH_SUBSCRIBED = 4,
	IMAP4_WATCH_SUBTREE = 5, /* `mailboxes` and all below */
	IMAP4_WATCH_MAILBOXES = 6,
};
enum {
	IMAP4_EVENT_MESSAGE_NEW = 1 << 0,
	IMAP4_EVENT_MESSAGE_EXPUNGE = 1 << 1,
	IMAP4_EVENT_FLAG_CHANGE = 1 << 2,
	IMAP4_EVENT_ANNOTATION_CHANGE = 1 << 3,
	IMAP4_EVENT_MAILBOX_NAME = 1 << 4,
	IMAP4_EVENT_SUBSCRIPTION_CHANGE = 1 << 5,
	IMAP4_EVENT_MAILBOX_METADATA_CHANGE = 1 << 6,
	IMAP4_EVENT_SERVER_METADATA_CHANGE = 1 << 7,
};
typedef struct imap4_watch {
	size_t struct_size; /* the same in all */
	int which;	    /* IMAP4_WATCH_* */
	const imap4_str *mailboxes;
	size_t nmailboxes;
	uint32_t events; /* IMAP4_EVENT_*; 0 = none of them */
	const char *
		items; /* of new messages of the selected mailbox, as for imap4_fetch_start(), but no macro; or NULL */
} imap4_watch;
IMAP4_API imap4_cmd *imap4_notify_start(
	imap4_session *s, const imap4_watch *groups, size_t n, int with_status);
/* Of nothing any more. */
IMAP4_API imap4_cmd *imap4_notify_none_start(imap4_session *s);
/* Of a NOTIFY refused with IMAP4_CODE_BADEVENT: the events that the server knows (section 3.1), else 0. */
IMAP4_API uint32_t imap4_cmd_events_offered(const imap4_cmd *c);

#ifdef __cplusplus
}
#endif
#endif

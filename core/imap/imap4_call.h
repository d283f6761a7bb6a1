/* SPDX-License-Identifier: MIT */
/*
 * imap4_call.h -- the same commands, one call each: start, wait, hand over the result. Not included by imap4.h.
 *
 *       imap4_session *s;
 *       imap4_reply *r;
 *       if (imap4_open(&s, &options, &why) != IMAP4_OK) ...
 *       if (imap4_call_login(s, "user", "password") != IMAP4_OK) puts(imap4_last(s)->message);
 *       if (imap4_call_list(s, "", "*", &r) == IMAP4_OK)
 *               for (size_t i = 0; i < r->n; i++) ... imap4_data_list(r->data[i])->name ...
 *       imap4_reply_free(r);
 *       imap4_call_logout(s);
 *       imap4_close(s);
 *
 * Rules
 *   - A call is nothing but imap4_X_start(), imap4_cmd_wait() without end, and imap4_cmd_free(): it takes its turn behind
 *     what is in flight already, and both forms may be mixed. How long a silent server is waited for:
 *     imap4_options.idle_ms.
 *   - Each returns how the command ended. imap4_last() then has the whole outcome, with the server's code and text, also
 *     after IMAP4_OK, until the next call or refused start; of a session that is over it says how that ended.
 *   - IMAP4_E_CANCELLED: imap4_wake() was called; the command is given up (its answer is discarded when it comes) and the
 *     session stays good. Inside a callback of the pump: IMAP4_E_STATE, and nothing is sent.
 *   - Results are the caller's and outlive the session. On an error *out is NULL (or 0) and there is nothing to free;
 *     all functions that free take NULL.
 *   - Mailbox names are wire names (imap4_name_encode()), flags words in one string: "\\Seen \\Flagged", with or without
 *     parentheses, NULL for none.
 *   - What has no function here has imap4_call(s, imap4_X_start(s, ...)), or imap4_call_data() when it gives data.
 */
#ifndef IMAP4_CALL_H
#define IMAP4_CALL_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- any command ----------------------------------------------------------------------------------------- */

/* All responses of a command in the order in which they came; data[i] for i < n. */
typedef struct imap4_reply {
	const imap4_data *const *data;
	size_t n;
} imap4_reply;
IMAP4_API void imap4_reply_free(imap4_reply *r); /* NULL is fine */

/* Wait for a command and free it; c NULL (it could not be started) gives the reason. */
IMAP4_API imap4_err imap4_call(imap4_session *s, imap4_cmd *c);
/* The same, and keep what it was answered. */
IMAP4_API imap4_err imap4_call_data(imap4_session *s, imap4_cmd *c, imap4_reply **out);
/* The same, and hand out each response as it comes, valid during the call; nothing is kept. each() runs outside the pump:
 * it may start and call other commands. When it returns something other than 0 it is not called again, and the outcome is
 * IMAP4_E_CALLBACK. */
IMAP4_API imap4_err imap4_call_each(
	imap4_session *s, imap4_cmd *c, int (*each)(void *ctx, const imap4_data *d), void *ctx);

/* ---- the session ----------------------------------------------------------------------------------------- */

/* imap4_open_start(), and wait until commands can be sent: greeting, TLS and CAPABILITY are done. On an error *out is NULL
 * and *why (may be NULL) says more: free() it. */
IMAP4_API imap4_err imap4_open(imap4_session **out, const imap4_options *o, char **why);
/* imap4_login_start() with the best mechanism there is. */
IMAP4_API imap4_err imap4_call_login(imap4_session *s, const char *user, const char *password);
/* LOGOUT; then imap4_close(). */
IMAP4_API imap4_err imap4_call_logout(imap4_session *s);
IMAP4_API imap4_err imap4_call_noop(imap4_session *s); /* imap4_noop_start() */
/* The number of RECENT messages (RFC 3501 section 7.3.2; RFC 9051 has none: 0) of the selected mailbox, as the server told it
 * last; NOOP when no RECENT is kept (imap4_keep_untagged()). Those that are kept are taken. IMAP4_E_STATE: none is selected. */
IMAP4_API imap4_err imap4_call_recent(imap4_session *s, uint32_t *n);
/* IDLE for so long (1 to 29 minutes' worth of milliseconds, RFC 2177; else IMAP4_E_ARG), then DONE. What the server tells
 * meanwhile goes to imap4_events.data and, when they are kept, to imap4_untagged_take(). imap4_wake() ends it before. */
IMAP4_API imap4_err imap4_call_idle(imap4_session *s, int duration_ms);
/* n pairs field, value; out may be NULL. */
IMAP4_API imap4_err imap4_call_id(
	imap4_session *s, const char *const *field_value, size_t n, imap4_reply **out);
/* One capability: imap4_enable_start(). Whether it is: imap4_enabled(). */
IMAP4_API imap4_err imap4_call_enable(imap4_session *s, const char *capability);
IMAP4_API imap4_err imap4_call_compress(imap4_session *s); /* imap4_compress_start() */

/* ---- hearing a server ------------------------------------------------------------------------------------ */

/*
 * IDLE for as long as one likes, and what the server tells one by one: everything that no command claims, in the order in
 * which it came, from the opening on (also before the server's "+"), bodies up to imap4_options.max_literal with it. It
 * goes to imap4_events.data as well. IDLE begins anew by itself before the server loses patience.
 *
 *       imap4_idler *i;
 *       imap4_data *d;
 *       if (imap4_idler_open(&i, s, NULL) != IMAP4_OK) ...
 *       while (imap4_idler_next(i, -1, &d) == IMAP4_OK) {
 *               ... imap4_data_kind(d) ...
 *               imap4_data_free(d);
 *       }
 *       imap4_idler_close(i);
 *
 * While one is open calls of other commands are IMAP4_E_STATE, and so is a second one; imap4_X_start() is allowed and waits
 * for its end.
 */
typedef struct imap4_idler imap4_idler;
typedef struct imap4_idler_opts {
	size_t struct_size;
	int duration_ms; /* from the opening on; 0: without end */
	int renew_ms; /* IDLE begins anew after so long; 0: 29 minutes (RFC 2177), and that is the most */
} imap4_idler_opts;
/* Sends nothing yet. IMAP4_E_ARG, IMAP4_E_STATE, IMAP4_E_NOMEM. */
IMAP4_API imap4_err imap4_idler_open(
	imap4_idler **out, imap4_session *s, const imap4_idler_opts *o);
/*
 * The next one, waiting up to timeout_ms (< 0: until the duration is over). *out is the caller's: imap4_data_free().
 *   IMAP4_AGAIN         nothing came in that time; the duration is over when timeout_ms is negative. A line of which a
 *                       part is there by then is not lost.
 *   IMAP4_E_CANCELLED   imap4_wake() was called; it can go on
 *   IMAP4_E_STATE       inside a callback, or the session was closed
 *   IMAP4_E_NOCAP, IMAP4_E_NO, any other: IDLE is over
 * What was heard is handed out before that is told.
 */
IMAP4_API imap4_err imap4_idler_next(imap4_idler *i, int timeout_ms, imap4_data **out);
/* The next one, waited for until the duration is over, and those that follow each no more than gap_ms after the other; a
 * thousand at most. Outcomes as above; imap4_reply_free(). */
IMAP4_API imap4_err imap4_idler_burst(imap4_idler *i, int gap_ms, imap4_reply **out);
/* DONE, wait for the answer, and free it; returns how IDLE ended. What was not taken, also after DONE, goes to
 * imap4_untagged_take() as far as that is on. Inside a callback: IMAP4_E_STATE, and it stays open. NULL is fine. */
IMAP4_API imap4_err imap4_idler_close(imap4_idler *i);

/* ---- mailboxes ------------------------------------------------------------------------------------------- */

IMAP4_API imap4_err imap4_call_namespace(imap4_session *s, imap4_reply **out);
/* IMAP4_DATA_LIST each: imap4_data_list(). */
IMAP4_API imap4_err imap4_call_list(
	imap4_session *s, const char *reference, const char *pattern, imap4_reply **out);
IMAP4_API imap4_err imap4_call_lsub(
	imap4_session *s, const char *reference, const char *pattern, imap4_reply **out);
/* items: IMAP4_ST_*. On IMAP4_OK there is at least one response: imap4_data_status((*out)->data[0]); a server that says OK
 * and nothing else is IMAP4_E_PROTO. */
IMAP4_API imap4_err imap4_call_status(
	imap4_session *s, const char *mailbox, uint32_t items, imap4_reply **out);
/* SELECT, or EXAMINE when not writable; then imap4_selected_mailbox(). */
IMAP4_API imap4_err imap4_call_select(imap4_session *s, const char *mailbox, int writable);
/* CLOSE, which removes what has \Deleted: imap4_close_mailbox_start(). UNSELECT, which does not: imap4_unselect_start(). */
IMAP4_API imap4_err imap4_call_close_mailbox(imap4_session *s);
IMAP4_API imap4_err imap4_call_unselect(imap4_session *s);
/* imap4_create_start() without a special use, imap4_delete_start(), imap4_rename_start(), imap4_subscribe_start(),
 * imap4_unsubscribe_start(). */
IMAP4_API imap4_err imap4_call_create(imap4_session *s, const char *mailbox);
IMAP4_API imap4_err imap4_call_delete(imap4_session *s, const char *mailbox);
IMAP4_API imap4_err imap4_call_rename(imap4_session *s, const char *from, const char *to);
IMAP4_API imap4_err imap4_call_subscribe(imap4_session *s, const char *mailbox);
IMAP4_API imap4_err imap4_call_unsubscribe(imap4_session *s, const char *mailbox);
/* imap4_data_acl(), imap4_data_rights(), imap4_data_quotaroot() and imap4_data_quota() of each response. */
IMAP4_API imap4_err imap4_call_getacl(imap4_session *s, const char *mailbox, imap4_reply **out);
IMAP4_API imap4_err imap4_call_myrights(imap4_session *s, const char *mailbox, imap4_reply **out);
IMAP4_API imap4_err imap4_call_getquota(imap4_session *s, const char *root, imap4_reply **out);
IMAP4_API imap4_err imap4_call_getquotaroot(
	imap4_session *s, const char *mailbox, imap4_reply **out);
/* One entry of a mailbox, or of the server (""): imap4_data_metadata(). */
IMAP4_API imap4_err imap4_call_getmetadata(
	imap4_session *s, const char *mailbox, const char *entry, imap4_reply **out);

/* ---- messages of the selected mailbox -------------------------------------------------------------------- */

/* The set "1:3,7"; imap4_set_free() it. NULL: not a set, or out of memory. */
IMAP4_API imap4_set *imap4_set_of(const char *text);

/* q NULL: all messages. *out: UIDs or message numbers (by); imap4_set_free() it. */
IMAP4_API imap4_err imap4_call_search(
	imap4_session *s, const imap4_query *q, int by, imap4_set **out);
/* In the order of the keys (IMAP4_SORT_*); free(*at). */
IMAP4_API imap4_err imap4_call_sort(imap4_session *s, const int *keys, size_t nkeys,
	const imap4_query *q, int by, uint32_t **at, size_t *n);
/* As imap4_thread_start(); free(*at). */
IMAP4_API imap4_err imap4_call_thread(imap4_session *s, const char *algorithm, const imap4_query *q,
	int by, imap4_thread_node **at, size_t *n);
/* each() as for imap4_call_each(). Bodies over imap4_options.max_literal are left out (IMAP4_NODE_BODY):
 * imap4_call_fetch_body(), or a sink. */
IMAP4_API imap4_err imap4_call_fetch(imap4_session *s, const imap4_set *set, const char *items,
	int by, int (*each)(void *ctx, const imap4_message *m), void *ctx);
/* One section of one message ("": all of it; "HEADER", "TEXT", "1.2.MIME"), with BODY.PEEK, so that no flag changes. *out has
 * *n octets and a NUL behind: free() it. More than max octets: IMAP4_E_LIMIT. No such message, or no such section:
 * IMAP4_E_NO. */
IMAP4_API imap4_err imap4_call_fetch_body(imap4_session *s, uint32_t number, int by,
	const char *section, size_t max, char **out, size_t *n);
/* how: IMAP4_FLAGS_*. */
IMAP4_API imap4_err imap4_call_store(
	imap4_session *s, const imap4_set *set, int how, const char *flags, int by);
/* imap4_copy_start(), imap4_move_start(); IMAP4_E_NOCAP of the latter sends nothing. */
IMAP4_API imap4_err imap4_call_copy(
	imap4_session *s, const imap4_set *set, const char *mailbox, int by);
IMAP4_API imap4_err imap4_call_move(
	imap4_session *s, const imap4_set *set, const char *mailbox, int by);
/* out (may be NULL): IMAP4_DATA_EXPUNGE, or IMAP4_DATA_VANISHED, each. */
IMAP4_API imap4_err imap4_call_expunge(imap4_session *s, imap4_reply **out);
/* n octets with CRLF line ends, sent as they are. internaldate as for imap4_append_start(), NULL: now. *uid (may be NULL): the
 * UID it was given, 0 when the server did not say. */
IMAP4_API imap4_err imap4_call_append(imap4_session *s, const char *mailbox, const char *flags,
	const char *internaldate, const void *message, size_t n, uint32_t *uid);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/* imap4_message.h -- APPEND, REPLACE, STORE, COPY, MOVE, EXPUNGE: commands that change messages. All are refused by
 * IMAP4_POLICY_BACKUP. Included by imap4.h. */
#ifndef IMAP4_MESSAGE_H
#define IMAP4_MESSAGE_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- upload ------------------------------------------------------------------------------------------- */

/*
 * APPEND of one message, or of several in one command (MULTIAPPEND, RFC 3502: all or none; IMAP4_E_NOCAP when it is not
 * offered). Literals are non-synchronising where the server allows it (RFC 7888), so that nothing waits; messages
 * over sync_over octets are announced and wait for the server's "+" all the same, because a message that is refused
 * then costs nothing. A NO instead of "+" ends the command before the message is sent.
 *
 * Flags are sent as given: look at the mailbox's permanent_flags first. The messages are copied, with flags and date; the
 * sources must live until the command is complete. Freeing a running command whose octets are not all sent costs the
 * connection. Sources for memory, files and other line ends: imap4_util.h.
 *
 * What a message needs is looked at when it is sent; IMAP4_E_NOCAP when it is not there:
 *   binary  it has NUL octets: BINARY (RFC 3516 section 4.4). IMAP4_CODE_UNKNOWN_CTE: the mailbox cannot hold it.
 *   utf8    its headers have octets above 127: UTF8=ACCEPT was enabled (RFC 6855 section 4), or IMAP4rev2. Without `utf8`
 *           a server that wants it answers NO.
 *   parts   the server puts the message together (CATENATE, RFC 4469) from texts and from what it has already; size
 *           is 0 then, and neither binary nor utf8 is set. IMAP4_CODE_BADURL names (code_args) a URL that it could not follow,
 *           IMAP4_CODE_TOOBIG that the whole is too large. A text part may be all there is.
 */
typedef struct imap4_append_part {
	size_t struct_size;
	/* A message or part of one on this server, as a relative IMAP URL (RFC 5092): printable US-ASCII, at most 1000 octets,
	 * "/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME". NULL: a text. */
	const char *url;
	uint64_t size; /* of the text: at least 1, at most 4 GiB - 1 */
	imap4_source source;
	int utf8; /* the text has headers with octets above 127 */
} imap4_append_part;
typedef struct imap4_append_message {
	size_t struct_size;
	const imap4_str *flags;
	size_t nflags;
	imap4_str
		internaldate; /* "dd-Mon-yyyy hh:mm:ss +zzzz" with its zone; NULL: the server takes the time of now */
	uint64_t
		size; /* octets of the message as it is on the wire; at least 1, at most 4 GiB - 1 */
	imap4_source source;
	int binary, utf8;
	const imap4_append_part *parts; /* up to 1000 */
	size_t nparts;			/* 0: one literal of `size` octets */
} imap4_append_message;
typedef struct imap4_append_opts {
	size_t struct_size;
	uint64_t sync_over; /* 0 = 1 MiB; UINT64_MAX: never only because of the size */
} imap4_append_opts;
IMAP4_API imap4_cmd *imap4_append_start(imap4_session *s, imap4_str mailbox,
	const imap4_append_message *m, size_t n, const imap4_append_opts *o);
/* The answer's APPENDUID (UIDPLUS, RFC 4315 section 3): the UIDs that the messages were given, in the order in which
 * they were sent. NULL when there is none, or not one for each message. Valid until imap4_cmd_free. */
typedef struct imap4_appended {
	uint32_t uidvalidity;
	const uint32_t *uid;
	size_t n;
} imap4_appended;
IMAP4_API const imap4_appended *imap4_cmd_appended(const imap4_cmd *c);

/* How many octets a message may have (APPENDLIMIT, RFC 7889). */
enum {
	IMAP4_APPEND_LIMIT_UNKNOWN = 0,	   /* the server says nothing about it */
	IMAP4_APPEND_LIMIT_GLOBAL = 1,	   /* *octets, in every mailbox */
	IMAP4_APPEND_LIMIT_BY_MAILBOX = 2, /* ask with IMAP4_ST_APPENDLIMIT */
};
/* One of these; *octets is set with GLOBAL only. Larger messages are not kept back: the server refuses them, with
 * IMAP4_CODE_TOOBIG, and before they are sent when they are announced (sync_over). */
IMAP4_API int imap4_append_limit(const imap4_session *s, uint64_t *octets);

/*
 * REPLACE / UID REPLACE (RFC 8508): upload one message to `mailbox` and remove another (`old`) from the selected mailbox, which
 * may be another one; both happen or none does. Refused by IMAP4_POLICY_BACKUP. The UID of the new message is
 * imap4_cmd_appended(); the EXPUNGE or VANISHED response of the old one is the command's data.
 * IMAP4_E_NOCAP without REPLACE. It is the caller who must then APPEND, and only when that succeeded STORE \Deleted and
 * imap4_uid_expunge_start(): three commands between which others may look, or the connection may end.
 */
typedef struct imap4_replace_opts {
	size_t struct_size;
	int by; /* IMAP4_BY_*: what `old` is; a message number is sent alone in flight */
	uint64_t sync_over; /* as for APPEND */
} imap4_replace_opts;
IMAP4_API imap4_cmd *imap4_replace_start(imap4_session *s, uint32_t old, imap4_str mailbox,
	const imap4_append_message *m, const imap4_replace_opts *o);

/* ---- messages of the selected mailbox; refused by IMAP4_POLICY_BACKUP ----------------------------------
 * A long set is split over several command lines, as for imap4_fetch_start(). One line is all or nothing on
 * many servers, several are not. Message numbers (IMAP4_BY_SEQ) are sent alone in flight.
 */

enum { IMAP4_FLAGS_REPLACE = 0, IMAP4_FLAGS_ADD = 1, IMAP4_FLAGS_REMOVE = 2 };

/*
 * STORE / UID STORE. The FETCH responses with the new flags are the command's data (none with `silent`, but for
 * their MODSEQ). `conditional`: only messages whose modification sequence is not above `unchangedsince` (RFC 7162
 * section 3.1.3; IMAP4_E_NOCAP without CONDSTORE); those that were changed meanwhile and so were left alone:
 * imap4_cmd_modified(). Flags are sent as given: look at the mailbox's permanent_flags first. No flags: only
 * IMAP4_FLAGS_REPLACE.
 */
typedef struct imap4_store_opts {
	size_t struct_size;
	int by;		    /* IMAP4_BY_* */
	uint32_t open_from; /* also open_from:*, 0 = no */
	int silent;
	int conditional;
	uint64_t
		unchangedsince; /* up to 2^63 - 1; 0: only messages that never had a modification sequence */
} imap4_store_opts;
IMAP4_API imap4_cmd *imap4_store_start(imap4_session *s, const imap4_set *set, int how,
	const imap4_str *flags, size_t nflags, const imap4_store_opts *o);
/* The same for Gmail's labels (X-GM-LABELS; IMAP4_E_NOCAP without X-GM-EXT-1): names in UTF-8, of at most 1000 octets on
 * the wire; those of Gmail itself begin with a backslash ("\\Inbox", "\\Starred"). */
IMAP4_API imap4_cmd *imap4_store_labels_start(imap4_session *s, const imap4_set *set, int how,
	const imap4_str *labels, size_t nlabels, const imap4_store_opts *o);
/* Of a complete STORE, also one that was refused: UIDs or message numbers, as was asked. NULL: not complete, or another
 * command. Valid until imap4_cmd_free. */
IMAP4_API const imap4_set *imap4_cmd_modified(const imap4_cmd *c);

/* COPY, MOVE (RFC 6851; IMAP4_E_NOCAP without it: COPY, STORE and EXPUNGE are the caller's to combine). EXPUNGE and
 * VANISHED responses that come meanwhile are the data of MOVE. */
typedef struct imap4_copy_opts {
	size_t struct_size;
	int by;		    /* IMAP4_BY_* */
	uint32_t open_from; /* also open_from:*, 0 = no */
} imap4_copy_opts;
IMAP4_API imap4_cmd *imap4_copy_start(
	imap4_session *s, const imap4_set *set, imap4_str mailbox, const imap4_copy_opts *o);
IMAP4_API imap4_cmd *imap4_move_start(
	imap4_session *s, const imap4_set *set, imap4_str mailbox, const imap4_copy_opts *o);
/* COPYUID (UIDPLUS, RFC 4315 section 3) of a complete COPY or MOVE: always UIDs, and as many in one set as in the other.
 * NULL: the server said nothing, or something that contradicts itself. Valid until imap4_cmd_free. */
typedef struct imap4_copied {
	uint32_t uidvalidity; /* of the target */
	const imap4_set *from, *to;
	int in_order; /* the n-th of `from` became the n-th of `to`; 0: which became which is not told */
} imap4_copied;
IMAP4_API const imap4_copied *imap4_cmd_copied(const imap4_cmd *c);

/* EXPUNGE removes every message with \Deleted; UID EXPUNGE (UIDPLUS, else IMAP4_E_NOCAP) only those of the set. The
 * EXPUNGE and VANISHED responses are their data. */
IMAP4_API imap4_cmd *imap4_expunge_start(imap4_session *s);
IMAP4_API imap4_cmd *imap4_uid_expunge_start(
	imap4_session *s, const imap4_set *set, uint32_t open_from);
/* CHECK (RFC 3501 section 6.4.1); NOOP once IMAP4rev2 is enabled (RFC 9051 appendix E). */
IMAP4_API imap4_cmd *imap4_check_start(imap4_session *s);
/* CLOSE: EXPUNGE without its responses, unless opened read-only, and then no mailbox is selected. */
IMAP4_API imap4_cmd *imap4_close_mailbox_start(imap4_session *s);

#ifdef __cplusplus
}
#endif
#endif

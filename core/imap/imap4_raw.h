/* SPDX-License-Identifier: MIT */
/* imap4_raw.h -- commands that the library does not know (imaplib's xatom), and two that servers forgot: PROXYAUTH,
 * PARTIAL. Included by imap4.h. */
#ifndef IMAP4_RAW_H
#define IMAP4_RAW_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an argument is, which decides how it is written (RFC 9051 section 9). */
typedef enum imap4_arg_type {
	IMAP4_ARG_ATOM = 0,
	IMAP4_ARG_NUMBER,  /* number */
	IMAP4_ARG_ASTRING, /* an atom where possible, else quoted, else a literal */
	IMAP4_ARG_STRING,  /* quoted where possible, else a literal; NULL: NIL */
	IMAP4_ARG_LITERAL,
	IMAP4_ARG_LITERAL8, /* may hold NUL (RFC 3516 section 4.4) */
	IMAP4_ARG_NIL,
	IMAP4_ARG_LIST_BEGIN, /* "(": what follows up to its LIST_END is inside */
	IMAP4_ARG_LIST_END,
	IMAP4_ARG_FLAG,	   /* "\\Seen", "keyword" */
	IMAP4_ARG_FLAGS,   /* flags separated by spaces: a list of them with its parentheses */
	IMAP4_ARG_SET,	   /* set; number: also number:* when it is not 0 */
	IMAP4_ARG_MAILBOX, /* a wire name */
	IMAP4_ARG_PATTERN, /* list-mailbox: may hold % and * */
	IMAP4_ARG_DATE_TIME, /* seconds since 1970 UTC, minutes east of UTC: "17-Jul-1996 02:44:25 -0700" */
	IMAP4_ARG_FETCH_ITEMS, /* as for imap4_fetch_start() */
	IMAP4_ARG_SECRET,      /* an astring that the trace does not show */
} imap4_arg_type;

typedef struct imap4_arg {
	imap4_arg_type type;
	imap4_str text;	      /* all types without a word on what they use */
	uint64_t number;      /* NUMBER; SET: open_from */
	const imap4_set *set; /* SET */
	int64_t seconds;      /* DATE_TIME */
	int zone_minutes;     /* DATE_TIME */
} imap4_arg;

enum { IMAP4_RAW_AUTHENTICATED = 0, IMAP4_RAW_SELECTED = 1, IMAP4_RAW_ANY_STATE = 2 };

typedef struct imap4_raw_opts {
	size_t struct_size;
	/* Names of untagged responses that are the command's data, in any case ("ACL", "FETCH"). "*": all responses while it
	 * runs, lines like "* OK" included, but BYE; then it is a barrier. What no name claims goes to imap4_events.data. */
	const char *const *claims; /* nclaims of them */
	size_t nclaims;
	int barrier;	   /* alone in flight: for commands that change what others mean */
	int state;	   /* IMAP4_RAW_*: needed before it may be sent */
	const char *needs; /* IMAP4_E_NOCAP without this capability; NULL: none */
} imap4_raw_opts;

/*
 * Send `name` (one atom, or two such as "UID XNAME") with typed arguments, one space between them. Nothing is pasted: each is
 * written by its type or refused (IMAP4_E_ARG), as are parentheses that do not pair up. IMAP4_E_ARG as well for commands that
 * change the connection or the selected mailbox, which the library could not follow: they have calls of their own
 * (AUTHENTICATE, CLOSE, COMPRESS, EXAMINE, IDLE, LOGIN, LOGOUT, SELECT, STARTTLS, UNAUTHENTICATE, UNSELECT).
 * While a command runs that claims responses, no other command with data of its own is in flight; one with a SET whose name
 * does not begin with "UID" is a barrier, for message numbers hold no longer. Body literals larger than
 * imap4_options.max_literal are not kept (IMAP4_NODE_BODY). Refused by IMAP4_POLICY_BACKUP.
 */
IMAP4_API imap4_cmd *imap4_raw_start(imap4_session *s, const char *name, const imap4_arg *arg,
	size_t n, const imap4_raw_opts *o);

/* ---- what servers forgot ----------------------------------------------------------------------------------- */

/* PROXYAUTH: go on as another user (Sun and Netscape servers; there is no RFC and no capability). A barrier. Allowed by
 * IMAP4_POLICY_BACKUP. What was known of the old user's mailboxes is not true any more. */
IMAP4_API imap4_cmd *imap4_proxyauth_start(imap4_session *s, const char *user);

/* PARTIAL (RFC 1730; dropped by IMAP4rev1, whose FETCH can do it: "BODY.PEEK[]<0.100>"): `count` octets of an item ("RFC822",
 * "BODY[1]") of the message with the number seq, from the first = 1 on. The answer is a FETCH response. A barrier. Refused
 * by IMAP4_POLICY_BACKUP. */
IMAP4_API imap4_cmd *imap4_partial_start(
	imap4_session *s, uint32_t seq, const char *item, uint32_t first, uint32_t count);

#ifdef __cplusplus
}
#endif
#endif

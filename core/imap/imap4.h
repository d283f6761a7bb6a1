/* SPDX-License-Identifier: MIT */
/*
 * imap4.h -- libimap4, an IMAP4rev1 client library (RFC 3501; RFC 9051 where servers speak it).
 *
 * How it works
 *   imap4_open_start() gives a session; imap4_X_start() queues a command and returns a handle without
 *   blocking; the library sends it when the protocol allows (several commands may be in flight).
 *   imap4_pump() moves bytes; imap4_cmd_next() hands out the typed data that belong to a command, in the
 *   order of arrival; imap4_cmd_wait() runs the pump until the command is complete. Everything a server
 *   says that no command asked for goes to the functions in imap4_events.
 *
 *       imap4_cmd *c = imap4_status_start(s, "INBOX", IMAP4_ST_MESSAGES);
 *       if (c == NULL || imap4_cmd_wait(c, -1) != IMAP4_OK) ...
 *       for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) ... imap4_data_status(d) ...
 *       imap4_cmd_free(c);
 *
 * Rules
 *   - A session belongs to one thread at a time; sessions are independent; there is no global state.
 *     Only imap4_wake() may be called from elsewhere (another thread, a signal handler).
 *   - Callbacks (events, sinks) run inside the pump. They may start and free commands, but must not pump,
 *     wait or close: such calls return IMAP4_E_STATE instead of deadlocking.
 *   - Strings from the server are byte strings with a length and a NUL behind; a NULL pointer means NIL or
 *     absent. They are not escaped: do not print them as they are.
 *   - Mailbox names are wire names, as the server spells them: modified UTF-7, or UTF-8 once UTF8=ACCEPT or IMAP4rev2 is
 *     enabled (RFC 6855 section 3). imap4_wire_name() makes one from UTF-8 for a session, once ENABLE is complete.
 *   - Every structure the caller fills in starts with struct_size; set it with the _init function. The
 *     library reads no more than that, and zero always means "default", so structures can grow.
 *     Structures that the library hands out may grow at the end.
 *   - No string of the caller is ever pasted on the wire: each argument is encoded by its type, and CR, LF
 *     and NUL cannot leave inside one.
 */
#ifndef IMAP4_H
#define IMAP4_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#	define IMAP4_API __attribute__((visibility("default")))
#else
#	define IMAP4_API
#endif

typedef struct imap4_str {
	const char *ptr; /* NULL: NIL or absent */
	size_t len;	 /* octets; a NUL stands behind them and may stand among them */
} imap4_str;

typedef struct imap4_session imap4_session;
typedef struct imap4_cmd imap4_cmd;
typedef struct imap4_data imap4_data; /* one untagged response */
typedef struct imap4_node imap4_node; /* one parsed value inside a response */
typedef struct uidset imap4_set;      /* a set of UIDs or message numbers */

/* ---- outcomes ---------------------------------------------------------------------------------- */

typedef enum imap4_err {
	IMAP4_OK = 0,
	IMAP4_AGAIN = 1,  /* not complete yet (time-out of a wait, nothing to do) */
	IMAP4_E_NO = -1,  /* tagged NO: the server will not */
	IMAP4_E_BAD = -2, /* tagged BAD: the server did not understand */
	IMAP4_E_BYE = -3, /* the server said BYE */
	IMAP4_E_IO = -10, /* network error */
	IMAP4_E_TIMEOUT = -11,
	IMAP4_E_CLOSED = -12, /* the connection ended */
	IMAP4_E_TLS = -13,    /* handshake failed */
	IMAP4_E_CERT = -14,   /* certificate, host name or pin not accepted */
	IMAP4_E_PROTO = -20,  /* the server broke the protocol */
	IMAP4_E_LIMIT = -21,  /* a configured bound was exceeded */
	IMAP4_E_STATE = -30,  /* not allowed in this state, or from inside a callback */
	IMAP4_E_NOCAP = -31,  /* the server does not offer what the call needs */
	IMAP4_E_ARG = -32,    /* an argument cannot be sent */
	IMAP4_E_NOMEM = -33,
	IMAP4_E_POLICY = -34,	/* refused by the session's policy (read-only backup) */
	IMAP4_E_INSECURE = -35, /* a credential would have left without verified TLS */
	IMAP4_E_NOAUTH = -36,	/* no mechanism that both sides have */
	IMAP4_E_CONFIG =
		-37, /* a file named in the options (CA, certificate, key, pin) cannot be used */
	IMAP4_E_CANCELLED = -40,
	IMAP4_E_CALLBACK = -41, /* a sink of the caller returned an error */
} imap4_err;

/* Response codes the library knows (RFC 9051 section 7.1, RFC 5530, extensions). Unknown ones are
 * IMAP4_CODE_OTHER and keep their text. New ones are only ever added at the end. */
typedef enum imap4_code {
	IMAP4_CODE_NONE = 0,
	IMAP4_CODE_OTHER,
	IMAP4_CODE_ALERT,
	IMAP4_CODE_BADCHARSET,
	IMAP4_CODE_CAPABILITY,
	IMAP4_CODE_PARSE,
	IMAP4_CODE_PERMANENTFLAGS,
	IMAP4_CODE_READ_ONLY,
	IMAP4_CODE_READ_WRITE,
	IMAP4_CODE_TRYCREATE,
	IMAP4_CODE_UIDNEXT,
	IMAP4_CODE_UIDVALIDITY,
	IMAP4_CODE_UNSEEN,
	IMAP4_CODE_UNAVAILABLE,
	IMAP4_CODE_AUTHENTICATIONFAILED,
	IMAP4_CODE_AUTHORIZATIONFAILED,
	IMAP4_CODE_EXPIRED,
	IMAP4_CODE_PRIVACYREQUIRED,
	IMAP4_CODE_CONTACTADMIN,
	IMAP4_CODE_NOPERM,
	IMAP4_CODE_INUSE,
	IMAP4_CODE_EXPUNGEISSUED,
	IMAP4_CODE_CORRUPTION,
	IMAP4_CODE_SERVERBUG,
	IMAP4_CODE_CLIENTBUG,
	IMAP4_CODE_CANNOT,
	IMAP4_CODE_LIMIT,
	IMAP4_CODE_OVERQUOTA,
	IMAP4_CODE_ALREADYEXISTS,
	IMAP4_CODE_NONEXISTENT,
	IMAP4_CODE_HIGHESTMODSEQ,
	IMAP4_CODE_NOMODSEQ,
	IMAP4_CODE_MODIFIED,
	IMAP4_CODE_CLOSED,
	IMAP4_CODE_APPENDUID,
	IMAP4_CODE_COPYUID,
	IMAP4_CODE_UIDNOTSTICKY,
	IMAP4_CODE_MAILBOXID,
	IMAP4_CODE_THROTTLED,
	IMAP4_CODE_MESSAGELIMIT,
	IMAP4_CODE_INPROGRESS,
	IMAP4_CODE_COMPRESSIONACTIVE,
	IMAP4_CODE_TOOBIG,
	IMAP4_CODE_UIDREQUIRED,
	IMAP4_CODE_NOTSAVED,
	IMAP4_CODE_HASCHILDREN,
	IMAP4_CODE_UNKNOWN_CTE,
	IMAP4_CODE_USEATTR,
	IMAP4_CODE_REFERRAL,
	IMAP4_CODE_NOTIFICATIONOVERFLOW,
	IMAP4_CODE_METADATA,
	IMAP4_CODE_BADURL, /* CATENATE (RFC 4469 section 4.1): code_args is the URL */
	IMAP4_CODE_ANNOTATEMORE,
	IMAP4_CODE_BADCOMPARATOR,    /* RFC 5255 section 4.9 */
	IMAP4_CODE_BADEVENT,	     /* NOTIFY (RFC 5465): imap4_cmd_events_offered() */
	IMAP4_CODE_UNDEFINED_FILTER, /* FILTERS (RFC 5466) */
} imap4_code;

/* How trying again can help. */
typedef enum imap4_retry {
	IMAP4_RETRY_NEVER = 0,
	IMAP4_RETRY_SAME = 1,	   /* on this connection */
	IMAP4_RETRY_RECONNECT = 2, /* on a new connection */
	IMAP4_RETRY_LATER = 3,	   /* after a pause */
} imap4_retry;

/* How a command, or a whole session, ended. */
typedef struct imap4_result {
	imap4_err err;
	imap4_code code;		      /* of the tagged response (or the BYE) */
	imap4_str code_atom, code_args, text; /* verbatim from the server */
	imap4_retry retry;
	int sys_errno;	     /* for IMAP4_E_IO, else 0 */
	const char *message; /* one clause for people, safe to print: "LOGIN was refused: ..." */
} imap4_result;

IMAP4_API const char *imap4_err_name(imap4_err err); /* "IMAP4_E_NO" */

/* ---- untagged responses ------------------------------------------------------------------------- */

typedef enum imap4_kind {
	IMAP4_DATA_OTHER = 0, /* known or unknown, without a typed form */
	IMAP4_DATA_STATE,     /* untagged OK, NO, BAD, BYE, PREAUTH */
	IMAP4_DATA_CAPABILITY,
	IMAP4_DATA_ENABLED,
	IMAP4_DATA_LIST, /* LIST, LSUB, XLIST */
	IMAP4_DATA_STATUS,
	IMAP4_DATA_FLAGS,
	IMAP4_DATA_EXISTS,
	IMAP4_DATA_RECENT,
	IMAP4_DATA_EXPUNGE,
	IMAP4_DATA_VANISHED,
	IMAP4_DATA_FETCH, /* FETCH, UIDFETCH */
	IMAP4_DATA_SEARCH,
	IMAP4_DATA_ESEARCH,
	IMAP4_DATA_NAMESPACE,
	IMAP4_DATA_ID,
} imap4_kind;

/* What the response is, and so which of the views below it has; each view gives NULL (or "absent") for any other. */
IMAP4_API imap4_kind imap4_data_kind(const imap4_data *d);
IMAP4_API imap4_str imap4_data_name(
	const imap4_data *d); /* "LIST", "FETCH", "X-NEW"; as the server spelt it */
IMAP4_API uint32_t imap4_data_number(const imap4_data *d); /* of "* 23 EXISTS", else 0 */
IMAP4_API const imap4_node *imap4_data_root(
	const imap4_data *d); /* the values behind the name, as a list */

/* Generic values: everything a server sends can be reached through these, known or not. */
typedef enum imap4_node_type {
	IMAP4_NODE_ATOM = 0, /* also numbers and flags */
	IMAP4_NODE_STRING,   /* quoted or literal */
	IMAP4_NODE_NIL,
	IMAP4_NODE_LIST,
	IMAP4_NODE_BODY, /* a literal that went to a sink, was skipped, or was too large: no text here */
} imap4_node_type;

/* All take NULL, which is as NIL. */
IMAP4_API imap4_node_type imap4_node_kind(const imap4_node *n);
IMAP4_API imap4_str imap4_node_text(const imap4_node *n);	   /* ATOM, STRING; else NULL */
IMAP4_API const imap4_node *imap4_node_child(const imap4_node *n); /* first of a list, or NULL */
IMAP4_API const imap4_node *imap4_node_next(const imap4_node *n);  /* in the same list, or NULL */
IMAP4_API int imap4_node_u64(const imap4_node *n, uint64_t *v);	   /* 1 = it is a number */
IMAP4_API uint64_t imap4_node_size(const imap4_node *n);	   /* octets of a STRING or BODY */

typedef struct imap4_state_line {
	imap4_str condition; /* OK, NO, BAD, BYE, PREAUTH */
	imap4_code code;
	imap4_str code_atom, code_args, text;
} imap4_state_line;
IMAP4_API const imap4_state_line *imap4_data_state(const imap4_data *d); /* NULL: another kind */

/* LIST attributes with a meaning here (RFC 9051 section 7.3.1, RFC 6154). */
enum {
	IMAP4_LIST_NOSELECT = 1 << 0,
	IMAP4_LIST_NONEXISTENT = 1 << 1,
	IMAP4_LIST_NOINFERIORS = 1 << 2,
	IMAP4_LIST_HASCHILDREN = 1 << 3,
	IMAP4_LIST_HASNOCHILDREN = 1 << 4,
	IMAP4_LIST_SUBSCRIBED = 1 << 5,
	IMAP4_LIST_REMOTE = 1 << 6,
	IMAP4_LIST_MARKED = 1 << 7,
	IMAP4_LIST_UNMARKED = 1 << 8,
	IMAP4_LIST_ALL = 1 << 9,
	IMAP4_LIST_ARCHIVE = 1 << 10,
	IMAP4_LIST_DRAFTS = 1 << 11,
	IMAP4_LIST_FLAGGED = 1 << 12,
	IMAP4_LIST_JUNK = 1 << 13,
	IMAP4_LIST_SENT = 1 << 14,
	IMAP4_LIST_TRASH = 1 << 15,
	IMAP4_LIST_IMPORTANT = 1 << 16,
};
typedef struct imap4_list {
	imap4_str name; /* wire bytes; INBOX in any case is given as "INBOX" */
	char delimiter; /* '\0' for NIL */
	int lsub;	/* came as LSUB */
	uint32_t attrs; /* IMAP4_LIST_* of the known ones; NONEXISTENT implies NOSELECT */
	const imap4_str *attributes; /* all nattributes of them, as sent */
	size_t nattributes;
	imap4_str oldname;	    /* OLDNAME of a rename (RFC 9051), or absent */
	const imap4_node *extended; /* LIST-EXTENDED items, or NULL */
	uint32_t childinfo; /* IMAP4_CHILDINFO_*: mailboxes below it match (RFC 5258 section 3.5) */
} imap4_list;
enum {
	IMAP4_CHILDINFO_SUBSCRIBED = 1 << 0,
	IMAP4_CHILDINFO_OTHER = 1 << 1, /* another selection option */
};
/* Borrowed from d, with all that it points to; so are the other views. NULL: another kind. */
IMAP4_API const imap4_list *imap4_data_list(const imap4_data *d);
/* The value of a LIST-EXTENDED item by its tag ("CHILDINFO", "OLDNAME"); case is ignored; NULL when absent. */
IMAP4_API const imap4_node *imap4_list_item(const imap4_list *l, const char *tag);

/* STATUS items; `have` says which the server really sent. */
enum {
	IMAP4_ST_MESSAGES = 1 << 0,
	IMAP4_ST_UIDNEXT = 1 << 1,
	IMAP4_ST_UIDVALIDITY = 1 << 2,
	IMAP4_ST_UNSEEN = 1 << 3,
	IMAP4_ST_RECENT = 1 << 4,
	IMAP4_ST_HIGHESTMODSEQ = 1 << 5, /* CONDSTORE */
	IMAP4_ST_SIZE = 1 << 6,		 /* STATUS=SIZE */
	IMAP4_ST_MAILBOXID = 1 << 7,	 /* OBJECTID */
	IMAP4_ST_APPENDLIMIT = 1 << 8,	 /* APPENDLIMIT; -1 = NIL, no limit */
	IMAP4_ST_DELETED = 1 << 9,	 /* IMAP4rev2, QUOTA=RES-MESSAGE */
	IMAP4_ST_DELETED_STORAGE = 1
		<< 10, /* QUOTA=RES-STORAGE: octets that EXPUNGE would free (RFC 9208 section 4.1.4) */
};
typedef struct imap4_status {
	imap4_str mailbox; /* wire name; INBOX in any case is given as "INBOX" */
	uint32_t
		have; /* IMAP4_ST_*: which of the fields below were sent and could be read; others are 0 */
	uint32_t messages, uidnext, uidvalidity; /* RFC 9051 section 6.3.11 */
	uint32_t unseen, recent, deleted;	 /* how many messages */
	uint64_t highestmodseq;	  /* up to 2^63 - 1; 0: the mailbox has none (NOMODSEQ) */
	uint64_t size;		  /* octets of all messages (RFC 8438) */
	int64_t appendlimit;	  /* octets of one message (RFC 7889); -1: no limit */
	imap4_str mailboxid;	  /* RFC 8474 section 4.3 */
	const imap4_node *items;  /* the whole list, with items not named here */
	uint64_t deleted_storage; /* octets that EXPUNGE would free (RFC 9208 section 4.1.4) */
} imap4_status;
/* NULL: another kind. */
IMAP4_API const imap4_status *imap4_data_status(const imap4_data *d);

/* FETCH items; a server may send them in any order and may send more than was asked for. */
enum {
	IMAP4_MSG_UID = 1 << 0,
	IMAP4_MSG_FLAGS = 1 << 1,
	IMAP4_MSG_INTERNALDATE = 1 << 2,
	IMAP4_MSG_SIZE = 1 << 3, /* RFC822.SIZE: a claim, not a fact */
	IMAP4_MSG_MODSEQ = 1 << 4,
	IMAP4_MSG_EMAILID = 1 << 5, /* OBJECTID, or X-GM-MSGID */
	IMAP4_MSG_THREADID = 1 << 6,
	IMAP4_MSG_BODY =
		1 << 7, /* at least one BODY[...], BINARY[...] or RFC822 item with a value */
	IMAP4_MSG_BODY_NIL = 1 << 8, /* such an item was NIL */
	IMAP4_MSG_PREVIEW = 1 << 9,
	IMAP4_MSG_SAVEDATE = 1 << 10,
	IMAP4_MSG_GM_MSGID = 1 << 11,
	IMAP4_MSG_GM_THRID = 1 << 12,
	IMAP4_MSG_GM_LABELS = 1 << 13, /* imap4_message_labels() */
};
typedef struct imap4_message {
	uint32_t
		have; /* IMAP4_MSG_*: which were sent and could be read; the other fields are 0 or absent */
	uint32_t seq; /* 0 under UIDONLY, or when the server sent 0 */
	uint32_t uid;
	const imap4_str *flags; /* nflags of them, as sent: "\\Seen", "keyword" */
	size_t nflags;
	imap4_str internaldate;	     /* as sent: imap4_date_parse() */
	uint64_t size;		     /* octets, as the server claims */
	uint64_t modseq;	     /* up to 2^63 - 1 (RFC 7162 section 3.1.4.2) */
	imap4_str emailid, threadid; /* RFC 8474 section 5, or Gmail's numbers; absent: none */
	const imap4_node *items;     /* name, value, name, value ... */
	/* PREVIEW (RFC 8970): UTF-8; "" when there is nothing to show, absent (NIL) when there is nothing yet, which only a
	 * request with LAZY is told */
	imap4_str preview;
	imap4_str savedate; /* SAVEDATE (RFC 8514), as sent; absent (NIL): the mailbox keeps none */
	uint64_t gm_msgid, gm_thrid; /* X-GM-MSGID, X-GM-THRID */
} imap4_message;
/* NULL: another kind. */
IMAP4_API const imap4_message *imap4_data_message(const imap4_data *d);
/* The value of an item by its name ("X-GM-LABELS", "BODY[HEADER]"); case is ignored; NULL when absent. */
IMAP4_API const imap4_node *imap4_message_item(const imap4_message *m, const char *name);

/* SEARCH, ESEARCH, VANISHED. have: IMAP4_HAVE_*. */
enum {
	IMAP4_HAVE_MIN = 1 << 0,
	IMAP4_HAVE_MAX = 1 << 1,
	IMAP4_HAVE_COUNT = 1 << 2,
	IMAP4_HAVE_ALL = 1 << 3,
	IMAP4_HAVE_MODSEQ = 1 << 4, /* CONDSTORE (RFC 7162 section 3.1.5) */
	IMAP4_HAVE_PARTIAL = 1 << 5,
};
typedef struct imap4_numbers {
	const imap4_set *set; /* SEARCH numbers, ESEARCH ALL or PARTIAL, VANISHED */
	imap4_str tag;	      /* ESEARCH (TAG "...") */
	int uid;	      /* ESEARCH said UID */
	int earlier;	      /* VANISHED (EARLIER) */
	uint32_t have;	      /* IMAP4_HAVE_* */
	uint32_t min, max;    /* of the result; of a SORT: its first and its last */
	uint64_t count;	      /* how many there are */
	uint64_t modseq;      /* the highest of those that were found (RFC 7162 section 3.1.5) */
	int64_t partial_first,
		partial_last; /* the range that was asked for (RFC 9394), as the server repeats it */
} imap4_numbers;
/* NULL: another kind. */
IMAP4_API const imap4_numbers *imap4_data_numbers(const imap4_data *d);

/* One namespace (RFC 2342). kind: 0 personal, 1 other users', 2 shared. */
typedef struct imap4_namespace {
	int kind;
	imap4_str prefix;
	char delimiter;
	imap4_str
		translation; /* of the prefix, in the language of the session (RFC 5255 section 3.4) */
} imap4_namespace;
/* NAMESPACE response: the i-th entry over all three kinds in order, or NULL. */
IMAP4_API const imap4_namespace *imap4_data_namespace(const imap4_data *d, size_t i);

/* ---- body literals: pushed to the caller, never held ------------------------------------------------ */

enum { IMAP4_SINK_TAKE = 0, IMAP4_SINK_SKIP = 1 };

/*
 * Receives the body sections of a FETCH. Per FETCH response: any number of begin/data.../end rounds, then
 * one done. The UID may arrive after the body, so begin() may know it or not; done() has everything.
 *   begin  returns IMAP4_SINK_TAKE, IMAP4_SINK_SKIP (the octets are discarded, no data/end), or < 0.
 *   data   a chunk of any size, valid during the call; returns 0 or < 0.
 *   end    complete = 0 when the connection was lost in the middle; returns 0 or < 0.
 *   done   the response is over; its data are valid during the call; returns 0 or < 0. Comes for responses
 *          without a body too. A body that began before the UID was known may turn out to belong to a
 *          message that was not asked for: look at m->uid.
 * After a negative return no function of the sink is called any more.
 * A negative return makes the command end with IMAP4_E_CALLBACK (after its tagged response); bodies that
 * follow are discarded and the connection stays usable. A quoted string is delivered like a literal.
 * NIL gives no begin/end but IMAP4_MSG_BODY_NIL in done.
 */
typedef struct imap4_sink {
	void *ctx;
	int (*begin)(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size);
	int (*data)(void *ctx, const void *p, size_t n);
	int (*end)(void *ctx, int complete);
	int (*done)(void *ctx, const imap4_message *m);
} imap4_sink;

/* ---- messages to be uploaded: pulled from the caller, never held ------------------------------------ */

/*
 * Gives the octets of one message. read() is called inside the pump when there is room to send: it puts 1..n octets at p
 * and returns how many. 0 or less (the message cannot be read any more) costs the connection, because what was
 * announced cannot be taken back: the session dies with IMAP4_E_STATE. It is never called again after it gave as
 * many octets as the message has.
 */
typedef struct imap4_source {
	void *ctx;
	long (*read)(void *ctx, void *p, size_t n);
} imap4_source;

/* ---- opening a session ------------------------------------------------------------------------------ */

typedef enum imap4_security {
	IMAP4_TLS = 0,	/* implicit TLS (RFC 8314), port 993 */
	IMAP4_STARTTLS, /* required: no fallback; port 143 */
	IMAP4_CLEAR,	/* no TLS; port 143. Credentials only to loopback unless allow_cleartext */
} imap4_security;

typedef enum imap4_policy {
	IMAP4_POLICY_ANY = 0,
	IMAP4_POLICY_BACKUP, /* only commands that change nothing on the server can be encoded */
} imap4_policy;

/* How far the server is with a command that takes long (INPROGRESS, RFC 9585). */
typedef struct imap4_progress {
	imap4_cmd *cmd; /* which; NULL: it does not say, or the handle was freed */
	imap4_str tag;	/* what it said; without a NUL behind */
	int has_done, has_goal;
	uint64_t done, goal; /* in units of the server's; the goal may grow or shrink */
} imap4_progress;

/* Functions for what no command asked for. Any may be NULL. */
typedef struct imap4_events {
	size_t struct_size;
	void *ctx;
	void (*alert)(void *ctx, imap4_session *s, imap4_str text); /* must be shown to a person */
	void (*data)(void *ctx, imap4_session *s,
		const imap4_data *d); /* everything else, also unknown */
	/* One line of the trace with its newline, secrets masked, bodies elided. */
	void (*trace)(void *ctx, const char *line, size_t n);
	/* Beside data, or the data of a command, that have the same response. */
	void (*progress)(void *ctx, imap4_session *s, const imap4_progress *p);
} imap4_events;

typedef struct imap4_options {
	size_t struct_size;
	/* Name or address, IPv6 without brackets; copied, as all strings here are. The certificate must be
	 * for it, also with argv or io. */
	const char *host;
	uint16_t port;		 /* 0 = by security */
	imap4_security security; /* 0 = IMAP4_TLS */
	const char *const *argv; /* talk to this command instead of host:port (no shell) */
	/* TLS */
	const char *ca_file, *client_cert, *client_key; /* PEM files, NULL = system trust, none */
	const char *const *pins; /* SHA-256 of the public key, base64 or hex */
	size_t npins;
	int pin_only;	     /* a matching pin replaces the chain check */
	void *ssl_ctx;	     /* SSL_CTX * of the caller instead of all that */
	int allow_cleartext; /* credentials may leave without TLS (VPN); never by default */
	imap4_policy policy; /* what may be sent at all; else IMAP4_E_POLICY */
	unsigned window;     /* commands in flight; 0 = 32, 1 = no pipelining */
	/* milliseconds; 0 = default */
	int connect_ms; /* 30,000: name, TCP, each handshake, greeting */
	int idle_ms;	/* 120,000: no byte received while a command is running */
	int logout_ms;	/* 5,000 */
	/* bounds; 0 = default (reliability of the parser, not features) */
	size_t max_token;    /* 64 KiB: one atom or quoted string */
	size_t max_response; /* 1 MiB: one response without its literals (SEARCH-like: 64 MiB) */
	size_t max_literal;  /* 64 KiB: a literal that is not handed to a sink */
	const char *label;   /* name of the connection in the trace */
	const imap4_events *events; /* copied */
	const struct imap4_io *io;  /* talk over this instead of host:port (imap4_io.h); copied */
} imap4_options;

/* All zero but struct_size, which is sizeof(imap4_options) as the caller knows it. */
IMAP4_API void imap4_options_init(imap4_options *o, size_t struct_size);

/* Begin to connect. Commands may be queued at once; they are sent after greeting, STARTTLS if required and
 * CAPABILITY are done. IMAP4_E_ARG, IMAP4_E_NOMEM, IMAP4_E_CONFIG or IMAP4_E_IO (name not found); then *out is NULL and
 * *why (may be NULL) says more: free() it. */
IMAP4_API imap4_err imap4_open_start(imap4_session **out, const imap4_options *o, char **why);
/* Close at once and free; all commands of the session are freed too. Never blocks. NULL is fine. */
IMAP4_API void imap4_close(imap4_session *s);

typedef enum imap4_state {
	IMAP4_CONNECTING = 0, /* TCP, TLS, greeting, STARTTLS, first CAPABILITY */
	IMAP4_NOT_AUTHENTICATED,
	IMAP4_AUTHENTICATED,
	IMAP4_SELECTED,
	IMAP4_LOGGED_OUT,
	IMAP4_DEAD, /* imap4_last() says why; only imap4_close() is left */
} imap4_state;

/* Where the session stands now; while commands are in flight, what the server told last. */
IMAP4_API imap4_state imap4_session_state(const imap4_session *s);
/* The last local failure of a _start call, or how the session died. Valid until the next call. */
IMAP4_API const imap4_result *imap4_last(const imap4_session *s);
IMAP4_API imap4_str imap4_greeting(const imap4_session *s); /* text of the greeting */
IMAP4_API int imap4_preauth(const imap4_session *s);	    /* 1: the greeting was PREAUTH */
/* 1 when the capability is in force. Case is ignored. IMAP4rev2 is not expanded into its parts. */
IMAP4_API int imap4_has(const imap4_session *s, const char *capability);
IMAP4_API imap4_str imap4_capability(
	const imap4_session *s, size_t i); /* the i-th; NULL at the end */
IMAP4_API int imap4_enabled(const imap4_session *s, const char *capability); /* said in * ENABLED */
/* What the stream below says: "TLSv1.3, TLS_AES_256_GCM_SHA384", "" without TLS. */
IMAP4_API const char *imap4_tls(const imap4_session *s);
/* Base64 SHA-256 of the server's public key; 1 when there is one. */
IMAP4_API int imap4_tls_pin(const imap4_session *s, char out[45]);
/* Subject and issuer of the certificate as one line each ("" without TLS; safe to print), and its end. */
IMAP4_API int imap4_tls_peer(
	const imap4_session *s, char *subject, char *issuer, size_t size, int64_t *not_after);

/* ---- running it -------------------------------------------------------------------------------------- */

/* Move what can be moved, sleeping up to timeout_ms (0: not at all; < 0: until something happens) and
 * reading at most 256 KiB. IMAP4_OK: something was moved; IMAP4_AGAIN: nothing; IMAP4_E_CANCELLED:
 * imap4_wake() was called; other negative values: the session is dead. */
IMAP4_API imap4_err imap4_pump(imap4_session *s, int timeout_ms);
/* The same for many sessions in one poll. NULL and dead entries are ignored. A session that dies here is
 * not an error of this call: look at its state. IMAP4_OK when any moved or died. */
IMAP4_API imap4_err imap4_pump_many(imap4_session *const *s, size_t n, int timeout_ms);
/* Make the pump return IMAP4_E_CANCELLED once. Async-signal-safe; callable from any thread. */
IMAP4_API void imap4_wake(imap4_session *s);
/* Payload bytes since the beginning, for progress displays. */
IMAP4_API uint64_t imap4_bytes_in(const imap4_session *s);
IMAP4_API uint64_t imap4_bytes_out(const imap4_session *s);

/* 1 when the command is complete: imap4_cmd_result() is there. */
IMAP4_API int imap4_cmd_done(const imap4_cmd *c);
/* Pump until the command is complete; returns its outcome, or IMAP4_AGAIN after timeout_ms (< 0: never). */
IMAP4_API imap4_err imap4_cmd_wait(imap4_cmd *c, int timeout_ms);
/* Only complete commands have one; else err is IMAP4_AGAIN. Valid until imap4_cmd_free. */
IMAP4_API const imap4_result *imap4_cmd_result(const imap4_cmd *c);
/* HIGHESTMODSEQ of the tagged OK of a complete EXPUNGE, UID EXPUNGE, MOVE or other command (RFC 7162 section 3.2.7): the
 * mailbox is known up to there, when it was known up to the command. 0: none. Of a CLOSE it must not be believed (section
 * 3.2.8) and is 0. */
IMAP4_API uint64_t imap4_cmd_modseq(const imap4_cmd *c);
/* The next response of this command, or NULL when there is none at the moment. Valid until the next call. */
IMAP4_API const imap4_data *imap4_cmd_next(imap4_cmd *c);
/* Forget the command. Not sent yet: it never will be. Running: its data are discarded as they come, and
 * the connection stays good. NULL is fine. */
IMAP4_API void imap4_cmd_free(imap4_cmd *c);
/* The caller's pointer, for finding one's own state again. */
IMAP4_API void imap4_cmd_set_user(imap4_cmd *c, void *user);
IMAP4_API void *imap4_cmd_user(const imap4_cmd *c);

/* ---- commands ------------------------------------------------------------------------------------------
 * Each returns a handle, or NULL with the reason in imap4_last(). Arguments are copied, sets too; sinks and
 * what they point to must live until the command is complete or freed.
 */

/* CAPABILITY (RFC 9051 section 6.1.1); also imap4_has() and imap4_capability() then. The session asks by itself whenever
 * they may have changed. */
IMAP4_API imap4_cmd *imap4_capability_start(imap4_session *s);
/* NOOP (RFC 9051 section 6.1.2): lets the server tell what is new, to imap4_events.data. */
IMAP4_API imap4_cmd *imap4_noop_start(imap4_session *s);
/* LOGOUT (RFC 9051 section 6.1.3): behind all else, and after it the session is IMAP4_LOGGED_OUT. BYE is its answer and no
 * error; silence ends it after imap4_options.logout_ms. */
IMAP4_API imap4_cmd *imap4_logout_start(imap4_session *s);

/* RFC 2971; n pairs field, value (NULL = NIL). n = 0 sends NIL. The answer is IMAP4_DATA_ID: a list of strings. */
IMAP4_API imap4_cmd *imap4_id_start(imap4_session *s, const char *const *field_value, size_t n);

/*
 * Log in with the best mechanism that both sides have and that is safe here (mechanism = NULL), or with
 * the one named ("PLAIN"; "LOGIN" is the LOGIN command). Fails with IMAP4_E_INSECURE before anything is
 * sent when the channel is neither verified TLS, nor a sub-process, nor loopback, nor allow_cleartext;
 * with IMAP4_E_NOAUTH when there is no usable mechanism; IMAP4_E_NO when refused. Queued while connecting, the choice is made when
 * the capabilities are known. Secrets are wiped when the command ends.
 */
typedef struct imap4_credentials {
	size_t struct_size;
	const char *mechanism;
	const char *user, *password;
	const char *authzid; /* act as this user, or NULL */
} imap4_credentials;
IMAP4_API imap4_cmd *imap4_login_start(imap4_session *s, const imap4_credentials *c);

/* RFC 5161; IMAP4_E_STATE while a mailbox is selected. What was really enabled: imap4_enabled(). Behind UTF8=ACCEPT and
 * IMAP4rev2 nothing is sent before the answer. UTF8=ONLY is enabled as UTF8=ACCEPT. */
IMAP4_API imap4_cmd *imap4_enable_start(imap4_session *s, const char *const *capability, size_t n);
/* NAMESPACE (RFC 2342; IMAP4_E_NOCAP without it): imap4_data_namespace(). */
IMAP4_API imap4_cmd *imap4_namespace_start(imap4_session *s);

/*
 * LIST with RETURN options (RFC 5258, 5819, 6154, 8440, 9590). Return options the server does not offer are left out, and
 * status_items are restricted to those it offers: look at imap4_has() first. A selection that it does not offer is
 * IMAP4_E_NOCAP, for the answer would be to another question. STATUS, MYRIGHTS and METADATA responses that were asked for
 * are data of this command: imap4_data_status(), imap4_data_rights(), imap4_data_metadata().
 */
enum {
	IMAP4_RET_SUBSCRIBED = 1 << 0,
	IMAP4_RET_CHILDREN = 1 << 1,
	IMAP4_RET_SPECIAL_USE = 1 << 2,
	IMAP4_RET_MYRIGHTS = 1 << 3, /* LIST-MYRIGHTS */
};
typedef struct imap4_list_opts {
	size_t struct_size;
	uint32_t ret;	       /* IMAP4_RET_* */
	uint32_t status_items; /* IMAP4_ST_*: RETURN (STATUS (...)) */
	int select_subscribed; /* LIST (SUBSCRIBED): subscriptions, also dangling ones */
	int plain;	       /* no RETURN and no selection, whatever the server offers */
	int select_remote;     /* LIST (REMOTE): mailboxes on other servers too */
	int select_recursive; /* RECURSIVEMATCH, with select_subscribed: what has subscriptions below it too */
	int select_special_use;	     /* LIST (SPECIAL-USE): those with a special use */
	const char *const *metadata; /* RETURN (METADATA (...)): these entries; LIST-METADATA */
	size_t nmetadata;
	/* Gmail's XLIST, when the server offers that and not SPECIAL-USE: LIST with special uses, and no options. */
	int xlist;
} imap4_list_opts;
IMAP4_API imap4_cmd *imap4_list_start(imap4_session *s, const char *reference,
	const char *const *pattern, size_t n, const imap4_list_opts *o);
/* LSUB (RFC 3501 section 6.3.9), which IMAP4rev2 does not have: there select_subscribed. Its data are IMAP4_DATA_LIST. */
IMAP4_API imap4_cmd *imap4_lsub_start(imap4_session *s, const char *reference, const char *pattern);

/* STATUS (RFC 9051 section 6.3.11) of a wire name. items: IMAP4_ST_*; those that the server does not offer are left out, and
 * it is IMAP4_E_NOCAP when none is left. imap4_data_status(). */
IMAP4_API imap4_cmd *imap4_status_start(imap4_session *s, imap4_str mailbox, uint32_t items);

/*
 * EXAMINE (read-only) or SELECT.
 *
 * QRESYNC (RFC 7162 section 3.2.5), when known_uidvalidity is not 0: the server tells what happened to the known messages
 * since the known modification sequence. IMAP4_E_STATE unless imap4_enabled(s, "QRESYNC"), IMAP4_E_NOCAP when it is
 * not even offered. The command's data then have VANISHED (removed; may name UIDs that were never known) and FETCH
 * (changed, with UID, FLAGS, MODSEQ); there are none when imap4_selected.uidvalidity is another one, or it says nomodseq:
 * nothing is proved then. What the server still tells of the mailbox that is left goes to imap4_events.data. For the next
 * time keep imap4_selected.highestmodseq, once all changes are safe, and no modseq of a message.
 */
typedef struct imap4_select_opts {
	size_t struct_size;
	int writable;  /* SELECT instead of EXAMINE */
	int condstore; /* (CONDSTORE), when offered */
	uint32_t known_uidvalidity;
	uint64_t known_modseq; /* 1 to 2^63 - 1 */
	const imap4_set
		*known_uids; /* NULL: all. One too long for a line is sent as its first:last */
	/* A sample of what is known, a few dozen at most: the n-th number was the n-th UID. It spares a server that does not
	 * remember all removals from telling them all. Left out under UIDONLY. */
	const imap4_set *sample_numbers, *sample_uids;
	/*
	 * Send it without waiting for the FETCHes of the mailbox before, and what is started next without waiting for
	 * its answer: saves a round trip or two for each mailbox. Only UID FETCH and UID SEARCH are sent that way, on both
	 * sides; all else waits as always. Servers carry out such commands in order (RFC 9051 section 5.5). If it fails, the
	 * commands behind it end with IMAP4_E_STATE, whatever the server makes of them. No effect with a window of 1.
	 */
	int pipelined;
} imap4_select_opts;
typedef struct imap4_selected {
	uint32_t exists,
		recent; /* kept up to date by EXISTS, EXPUNGE, VANISHED while it is selected */
	uint32_t uidvalidity, uidnext; /* 0 = not given */
	uint64_t highestmodseq;	       /* 0 = not given, or NOMODSEQ */
	int nomodseq;	     /* it has no modification sequences (RFC 7162 section 3.1.2.2) */
	int uidnotsticky;    /* its UIDs do not outlive this session (RFC 4315 section 2) */
	int read_only;	     /* opened so, or made so meanwhile */
	imap4_str mailboxid; /* OBJECTID */
	/* npermanent_flags of them; with "\\*" others are kept as well. NULL: not told, so all flags are kept (RFC 9051
	 * section 6.3.2). Not NULL and none of them: no flag is kept. */
	const imap4_str *permanent_flags;
	size_t npermanent_flags;
} imap4_selected;
IMAP4_API imap4_cmd *imap4_select_start(
	imap4_session *s, imap4_str mailbox, const imap4_select_opts *o);
/* The mailbox that is selected now, or NULL. */
IMAP4_API const imap4_selected *imap4_selected_mailbox(const imap4_session *s);
/* The numbers of the mailbox (no strings) at the moment when the command was complete, for another one may be selected
 * behind it by now. NULL: it is not complete, or none was selected then. Valid until imap4_cmd_free. */
IMAP4_API const imap4_selected *imap4_cmd_selected(const imap4_cmd *c);
/* UNSELECT (RFC 3691); without that capability a no-op here that completes with IMAP4_E_NOCAP at once. */
IMAP4_API imap4_cmd *imap4_unselect_start(imap4_session *s);

enum { IMAP4_BY_SEQ = 0, IMAP4_BY_UID = 1 };

/*
 * UID FETCH / FETCH. `items` is read and re-encoded by the library, never pasted: "UID FLAGS INTERNALDATE
 * RFC822.SIZE MODSEQ BODY.PEEK[HEADER.FIELDS (FROM DATE)]<0.100>", "PREVIEW (LAZY)", "ALL". BINARY items, PREVIEW,
 * SAVEDATE, EMAILID, THREADID and X-GM-* items end with IMAP4_E_NOCAP where the server does not offer them. The set may be split over several
 * command lines (of some 8,000 octets each); the handle stands for all of them and is complete when
 * all are; if one fails, the outcome is that of the first that failed.
 */
typedef struct imap4_fetch_opts {
	size_t struct_size;
	int by;		       /* IMAP4_BY_* */
	uint32_t open_from;    /* also open_from:*, 0 = no */
	uint64_t changedsince; /* CONDSTORE, 0 = no */
	const imap4_sink
		*sink; /* then all FETCH data of this command go there, none to imap4_cmd_next() */
	/* With changedsince and IMAP4_BY_UID: VANISHED (EARLIER) data name those of the set that were removed since (RFC 7162
	 * section 3.2.6), also through imap4_cmd_next() when there is a sink. Needs QRESYNC as imap4_select_start() does. */
	int vanished;
	/* PARTIAL (RFC 9394 section 3.3; IMAP4_BY_UID, else IMAP4_E_ARG; IMAP4_E_NOCAP without it): only the first to the
	 * last of the messages that the set names, counted from 1 upwards, or with -1 the highest downwards. 0 = all. The set
	 * has to fit on one line. */
	int64_t partial_first, partial_last;
} imap4_fetch_opts;
IMAP4_API imap4_cmd *imap4_fetch_start(
	imap4_session *s, const imap4_set *set, const char *items, const imap4_fetch_opts *o);

/*
 * Servers may work on so many messages in one command and no more (MESSAGELIMIT=n, RFC 9738; SAVELIMIT=n: when they are
 * copied). Sets are split accordingly, but for those that would become more than a thousand commands. A server that
 * stopped early all the same says OK and tells here: nothing is proved of what it did not look at.
 */
typedef struct imap4_limited {
	uint32_t limit;
	uint32_t lowest_uid; /* down to here it was done; 0 = not told */
	const imap4_set
		*left; /* of the command's set: what is still to be asked for. NULL: not known */
} imap4_limited;
/* Of a complete command; NULL: nothing was left out. Valid until imap4_cmd_free. */
IMAP4_API const imap4_limited *imap4_cmd_limited(const imap4_cmd *c);
/* The limit the server announced, or 0: for copies as well as anything, or (copies = 0) for what does not copy. */
IMAP4_API uint32_t imap4_message_limit(const imap4_session *s, int copies);

/* UID SEARCH / SEARCH for the members of a set that exist (NULL and open_from 0: ALL). ESEARCH's compact answer
 * is used when offered, unless plain. The result is imap4_cmd_numbers(): the union of all answers. */
typedef struct imap4_search_opts {
	size_t struct_size;
	int by;
	uint32_t open_from;
	int plain;
} imap4_search_opts;
IMAP4_API imap4_cmd *imap4_search_set_start(
	imap4_session *s, const imap4_set *set, const imap4_search_opts *o);
/* Result of a complete and successful search; else NULL. Valid until imap4_cmd_free. IMAP4_HAVE_ALL is missing in `have`
 * when the server said OK without any SEARCH data, or stopped early (imap4_cmd_limited()): then what is not in the set
 * proves nothing. */
IMAP4_API const imap4_numbers *imap4_cmd_numbers(const imap4_cmd *c);

#ifdef __cplusplus
}
#endif

/* The other groups of commands. Values without a connection: imap4_util.h; ENVELOPE and BODYSTRUCTURE: imap4_mime.h. */
#include "imap4_language.h"
#include "imap4_mailbox.h"
#include "imap4_message.h"
#include "imap4_metadata.h"
#include "imap4_raw.h"
#include "imap4_search.h"
#include "imap4_session.h"
#include "imap4_watch.h"

#endif

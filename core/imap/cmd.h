/* SPDX-License-Identifier: MIT */
/*
 * cmd.h -- the inside of a command: shared by the engine and by one cmd_*.c file for each group of commands.
 *
 * To add an IMAP command: declare imap4_X_start() in imap4.h, write it in a cmd_*.c as cmd_new() + copies of the
 * arguments + cmd_submit(), describe it in a struct cmd_kind, and, if it has untagged data of its own, give that a
 * claims() function. Nothing else needs to change.
 *
 * Life cycle: NEW -> (cmd_submit) QUEUED -> SENDING (bytes are on their way, or a "+" is awaited) -> SENT -> DONE. The
 * engine owns all commands; imap4_cmd_free() of a running one only marks it as an orphan, whose data are thrown
 * away as they come, because IMAP has no way to take a command back.
 *
 * A command that may need several lines (FETCH of a long set, LIST of several patterns) is a parent with a part()
 * function: it stays in the queue and has its parts made one by one when each may be sent. The parts are commands in
 * flight whose `parent` points to it; all that they receive goes to the parent, which is what the caller holds.
 */
#ifndef CORE_IMAP_CMD_H
#define CORE_IMAP_CMD_H

#include "core/base/uidset.h"
#include "core/imap/enc.h"
#include "core/imap/engine.h"

enum cmd_flag {
	CMD_BARRIER = 1 << 0,	 /* alone in flight */
	CMD_SETUP = 1 << 1,	 /* passes the closed gate, and queued commands that cannot */
	CMD_NEEDS_AUTH = 1 << 2, /* waits for (and needs) the authenticated state */
	CMD_NEEDS_SELECTED = 1 << 3,
	CMD_ONE_OF_KIND = 1 << 4, /* its untagged answer names no tag */
	CMD_READ_ONLY = 1 << 5,	  /* allowed by IMAP4_POLICY_BACKUP */
	CMD_TRY_ENCODE =
		1 << 6,	     /* cmd_submit() tries encode(), to refuse wrong arguments at once */
	CMD_LOGOUT = 1 << 7, /* a BYE is expected while it runs */
	/* Opens a mailbox behind what is in flight for another one. Until it is the oldest in flight, nothing that comes
	 * is its own; until it is complete, nothing is of the commands behind it. */
	CMD_FENCE = 1 << 8,
	/* Added by the arguments: */
	CMD_BY_SEQ = 1 << 16,	  /* it speaks of message numbers */
	CMD_USES_SAVED = 1 << 17, /* it reads "$" (RFC 5182) */
	CMD_SAVES = 1 << 18,	  /* it sets "$" */
};

struct cmd_limited;

/* How sure a command is that a body literal is its own. */
enum cmd_wants {
	CMD_WANTS_NOT,
	CMD_WANTS_SOME,	   /* it asked for a body of some message */
	CMD_WANTS_SECTION, /* it asked for this section */
	CMD_WANTS_MESSAGE, /* and for this message */
};

struct cmd_kind {
	const char *name; /* "UID FETCH", for messages and the trace */
	unsigned flags;
	/* Does this untagged response answer the command? NULL: it has no data of its own. */
	bool (*claims)(const struct imap4_cmd *c, const struct imap4_data *d);
	/* What to do with a claimed response; NULL: keep it for imap4_cmd_next(), as after 1. */
	int (*take)(struct imap4_cmd *c, const struct imap4_data *d, struct err *e);
	/* A body literal begins. `so_far` may not have the UID yet. */
	enum cmd_wants (*wants_body)(
		const struct imap4_cmd *c, const imap4_message *so_far, imap4_str section);
	/* Build the bytes, at the moment of sending (capabilities are known then); the tag is already there, CRLF is
	 * added. 1 = nothing to send: complete with OK, or as cmd_fail_local() said. */
	int (*encode)(struct imap4_cmd *c, struct err *e);
	/* Its first octets are in the output. */
	void (*begun)(struct imap4_cmd *c);
	/* Make the next part of a parent: cmd_part() + cmd_part_ready(). Clears parts_left with the last
	 * one. Without a part (*part stays NULL) the parent ends as cmd_fail_local() said. */
	int (*part)(struct imap4_cmd *parent, struct imap4_cmd **part, struct err *e);
	/* Must not be in flight together with `other` (asked in both directions). */
	bool (*conflicts)(const struct imap4_cmd *c, const struct imap4_cmd *other);
	/* A "+" arrived and no literal waits: add the next line to c->enc without CRLF (SASL, IDLE). NULL: none is
	 * expected. Nothing added: nothing is sent. -1 is an error of the connection. */
	int (*continued)(struct imap4_cmd *c, struct slice text, struct err *e);
	/* The tagged response arrived; state changes of the engine go here. Never NULL. */
	void (*completed)(struct imap4_cmd *c, const imap4_state_line *tagged);
	/* Is the server free to say nothing now (IDLE)? NULL: never. */
	bool (*may_be_silent)(const struct imap4_cmd *c);
	/* The caller gave the running command up; the server may have to be told. */
	void (*orphaned)(struct imap4_cmd *c);
	/* Overwrite secrets that the server repeats in its text, in place. */
	void (*scrub)(const struct imap4_cmd *c, char *p, size_t n);
};

struct cmd_data {
	struct cmd_data *next;
	struct imap4_data *data;
};

/*
 * The messages a command is about (cmd_set.c), of which one line may take only a part. A parent that has one says so in
 * imap4_cmd.set, so that what a server left undone can be told.
 */
struct cmd_set {
	struct uidset members;
	uint32_t open_from; /* also open_from:*, 0 = no */
	bool by_uid;
	bool saved;	/* "$", and no members */
	bool copies;	/* SAVELIMIT is for it, too */
	bool whole;	/* in spite of such limits: PARTIAL says how many */
	uint64_t count; /* of members */
	uint32_t from;	/* members up to here are in a part already */
};

enum cmd_state { CMD_NEW, CMD_QUEUED, CMD_SENDING, CMD_SENT, CMD_DONE };

struct imap4_cmd {
	const struct cmd_kind *kind;
	unsigned flags; /* kind->flags, and what the arguments add */
	struct engine *engine;
	struct imap4_session *session;
	struct imap4_cmd *next;		       /* in the queue or in flight, oldest first */
	struct imap4_cmd *all_prev, *all_next; /* every command of the engine */
	char tag[24];			       /* given when it is sent */
	enum cmd_state state;
	bool orphan;   /* imap4_cmd_free() was called while it was running */
	bool answered; /* it claimed some response */

	/* what is to be sent */
	struct enc enc;
	size_t next_part;	     /* of enc: the first that is not in the output yet */
	uint64_t out_begin, out_end; /* its octets so far, as offsets in the output stream */

	/* parts */
	struct imap4_cmd *parent;
	size_t parts_open;
	bool parts_left; /* part() has more to make */
	uint32_t part_after,
		part_end; /* of the parent's set: the part has what is behind the first, up to the second */
	struct cmd_set *set; /* in `more`; NULL: it has none */

	/* arguments */
	struct buf mailbox; /* STATUS, SELECT: wire name */
	uint32_t items;	    /* STATUS, LIST: IMAP4_ST_*; SELECT: see there */
	void *more;	    /* of the kind; freed by free_more when the command is complete */
	void (*free_more)(void *more);

	/* what came */
	const imap4_sink *sink; /* NULL or &sink_copy */
	struct imap4_sink sink_copy;
	struct uidset numbers; /* union of search answers */
	struct imap4_numbers numbers_view;
	struct cmd_data *first, *last; /* claimed and not yet handed out */
	struct cmd_data *given;	       /* handed out last; freed at the next call */
	imap4_appended appended;       /* uid is owned */
	struct cmd_limited *limited;   /* owned; NULL: no MESSAGELIMIT */
	void *outcome; /* of the kind; freed by free_outcome with the command, not when it is complete */
	void (*free_outcome)(void *outcome);
	bool in_mailbox;	 /* at the end a mailbox was selected ... */
	imap4_selected selected; /* ... and these were its numbers */
	imap4_err local;	 /* why it fails whatever the server says, or IMAP4_OK */
	char local_text[256];
	imap4_result result;
	struct buf result_text; /* storage behind result's strings */
	void *user;
};

/* NULL with imap4_last() set: E_NOMEM, E_STATE, E_POLICY. */
struct imap4_cmd *cmd_new(struct imap4_session *s, const struct cmd_kind *kind);
/* Queue it; on an encoder error the command is freed and NULL returned with imap4_last() set. */
struct imap4_cmd *cmd_submit(struct imap4_cmd *c);
/* Free a command that was not submitted, and say why; returns NULL. */
struct imap4_cmd *cmd_discard(struct imap4_cmd *c, const struct err *why);
/* The tag, and what the capabilities say now about literals. */
void cmd_begin_line(struct imap4_cmd *c);
/* For part(): a new part with its tag written. NULL: E_NOMEM. */
struct imap4_cmd *cmd_part(struct imap4_cmd *parent, struct err *e);
/* It is encoded without error, or it is freed and -1 returned. */
int cmd_part_ready(struct imap4_cmd *part, struct err *e) NODISCARD;
/* The command that the caller holds: the parent of a part, else itself. */
struct imap4_cmd *cmd_owner(struct imap4_cmd *c);
/* The command will end with this error, whatever the tagged answer says. The first call sticks. */
void cmd_fail_local(struct imap4_cmd *c, imap4_err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Fill in the result and complete it (and its parent with the last part). Parts and orphans are freed here. It must not
 * be in a list of the engine any more. fallback_text: safe to print; used when there is no tagged line. */
void cmd_finish(struct imap4_cmd *c, imap4_err err, const imap4_state_line *tagged,
	const char *fallback_text);
void cmd_destroy(struct imap4_cmd *c);
void cmd_drop_data(struct imap4_cmd *c);    /* what it got and nobody asked for yet */
void cmd_drop_waiting(struct imap4_cmd *c); /* the same, but for what the caller looks at */

/* Copies of a caller's strings; entries may be NULL. */
struct cmd_strings {
	char **at;
	size_t n;
};
int cmd_strings_copy(
	struct cmd_strings *s, const char *const *from, size_t n, struct err *e) NODISCARD;
void cmd_strings_release(struct cmd_strings *s);
bool cmd_mailbox_is(imap4_str name, struct slice wire); /* INBOX in any case is the same */
/* The same for texts that may hold any octets. A NULL text stays NULL. */
struct cmd_texts {
	imap4_str *at;
	size_t n;
};
int cmd_texts_new(struct cmd_texts *t, size_t n, struct err *e) NODISCARD;
int cmd_texts_set(struct cmd_texts *t, size_t i, imap4_str s, struct err *e) NODISCARD;
struct slice cmd_text(const struct cmd_texts *t, size_t i);
void cmd_texts_release(struct cmd_texts *t);

/* Responses without a typed form (answer.c): is it this one; its first value, or NULL; the value `count` further on; an
 * astring, where NIL is that name. */
bool answer_is(const struct imap4_data *d, const char *name);
const imap4_node *answer_first(const struct imap4_data *d);
const imap4_node *answer_skip(const imap4_node *n, size_t count);
imap4_str answer_astring(const imap4_node *n);

/* LIST may ask for these too, so it keeps them away and they keep it away. */
bool getmetadata_is(const struct imap4_cmd *c);
bool getmetadata_answer(const struct imap4_data *d); /* METADATA with values */
bool myrights_is(const struct imap4_cmd *c);

/* cmd_set.c */
bool cmd_set_is_empty(const imap4_set *set, uint32_t open_from);
/* Copy the caller's set (may be NULL; s->open_from is set) for a command whose `more` has s, and flag the command. */
int cmd_set_take(struct imap4_cmd *c, struct cmd_set *s, const imap4_set *from, bool by_uid,
	struct err *e) NODISCARD;
void cmd_set_release(struct cmd_set *s);
/* May the command speak of n? Of "$" nobody knows here. Not of 0. */
bool cmd_set_has(const struct cmd_set *s, uint32_t n);
bool cmd_set_overlap(const struct cmd_set *a, const struct cmd_set *b);
/* At the moment of encoding: may message numbers and "$" be spoken of? False: the command fails as was said. */
bool cmd_set_possible(struct imap4_cmd *c);
/* Write as much as goes on the part's line, where `rest` octets will follow, and as the server takes in one command.
 * 1: members are left; 0: none; -1: E_NOMEM. */
int cmd_set_part(struct imap4_cmd *part, struct cmd_set *s, size_t rest, struct err *e) NODISCARD;
/* partial-range (RFC 9394 section 4): two numbers of the same sign, or both 0 for none. */
bool cmd_is_partial(int64_t first, int64_t last);
void cmd_encode_partial(struct enc *enc, int64_t first, int64_t last);
/* The n of a capability "NAME=n", or 0. */
uint32_t cmd_limit(const struct engine *g, const char *capability);
/* The server said MESSAGELIMIT to c (RFC 9738 section 3.1). refused: and did nothing. */
void cmd_note_limit(struct imap4_cmd *c, const imap4_state_line *line, bool refused);
void cmd_limited_free(struct cmd_limited *l);

/* STATUS, also as a LIST return option: the items that the server offers, and the list of them with parentheses. */
bool status_is(const struct imap4_cmd *c);
uint32_t status_offered(const struct imap4_cmd *c, uint32_t items);
void status_encode(struct enc *enc, uint32_t items);

/* Every kind of SEARCH: SEARCH data and the ESEARCH data of its tag; at most one in flight, for plain answers carry no tag. */
bool search_claims(const struct imap4_cmd *c, const struct imap4_data *d);
bool search_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other);

/* EXPUNGE and VANISHED, which name no command: at most one that has them as its data in flight. */
bool expunge_claims(const struct imap4_cmd *c, const struct imap4_data *d);
bool expunge_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other);

/* Commands that the session itself needs. */
struct imap4_cmd *cmd_capability_setup(struct imap4_session *s);
struct imap4_cmd *cmd_starttls_start(struct imap4_session *s);

/* Copy a caller's option structure (may be NULL) into `to`, no more than its struct_size says; the rest is zero. */
void cmd_options(void *to, size_t size, const void *from);
/* A capability, or IMAP4rev2, which includes many (RFC 9051 appendix E). */
bool cmd_has(const struct imap4_cmd *c, const char *capability, bool in_rev2);

/* result.c */
imap4_retry result_retry(imap4_code code, imap4_err err);
/* Fill *r with copies kept in *store. name: of the command, or NULL for the session. */
void result_set(imap4_result *r, struct buf *store, const char *name, imap4_err err,
	const imap4_state_line *line, const char *fallback_text);
/* *to = *from with its strings in *store. */
void result_copy(imap4_result *to, struct buf *store, const imap4_result *from);
imap4_err result_err(enum err_code code); /* of a local error */

/* session side (session.c) */
struct engine *session_engine(const struct imap4_session *s);
const struct caps *session_caps(const struct imap4_session *s);
/* Remember why a _start call failed; returns NULL so that `return session_refuse(...)` reads well. */
struct imap4_cmd *session_refuse(struct imap4_session *s, imap4_err err, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The one place that decides whether a credential may leave: verified TLS, a sub-process, loopback, or the
 * caller's explicit allow_cleartext. */
bool session_may_send_secret(const struct imap4_session *s);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * restore_internal.h -- what the restore_*.c files share.
 *
 *   restore.c         the job: origin, what is wanted of each folder, the report
 *   restore_origin.c  what all origins share; restore_archive.c and import*.c are two of them
 *   restore_pool.c    connections, and which folder each of them works on
 *   restore_folder.c  one folder from its name to the end, as a machine that never blocks
 *   restore_tree.c    names on the target; making folders
 *   restore_match.c   which of the wanted messages are there already
 *   restore_list.c    what the target's messages look like, and who may be whom
 *   restore_fetch.c   hashes of the target's messages
 *   restore_send.c    uploading, journal
 *   restore_flags.c   flags of messages that are there already
 *   restore_verify.c  reading back
 *
 * A folder is on one connection at a time: make -> open -> match -> send -> (flags) -> (learn) -> (read back). Each state is a step
 * function, which starts commands or looks whether they are complete, and says what is next by setting f->step. What is
 * learnt of its messages outlives the connection: after restore_folder_lost() the folder begins again on another one, and
 * looks at what is there.
 */
#ifndef CORE_SYNC_RESTORE_INTERNAL_H
#define CORE_SYNC_RESTORE_INTERNAL_H

#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/job.h"
#include "core/sync/limits.h"
#include "core/sync/restore.h"
#include "core/sync/restore_content.h"
#include "core/sync/restore_origin.h"

enum want_state {
	WANT_OPEN,    /* to be sent */
	WANT_PRESENT, /* the target had it */
	WANT_SENT,    /* the server said OK */
	WANT_REFUSED, /* by the server, or damaged here: told and given up */
};

struct want {
	int64_t generation;
	uint32_t uid;
	enum want_state state;
	uint64_t size, claimed; /* on the wire; RFC822.SIZE where it came from */
	struct mail_date date;
	size_t flags, nflags; /* in f->text */
	unsigned char sha256[SHA256_LEN];
	uint32_t at;	  /* its UID on the target, 0 = unknown */
	bool maybe;	  /* an earlier upload may have got through ... */
	uint32_t from;	  /* ... with at least this UID, */
	uint32_t within;  /* if UIDVALIDITY is still this; when no journal remembers it */
	bool no_date;	  /* the server does not take its INTERNALDATE */
	bool learning;	  /* its UID is being looked for: as if its outcome were unknown */
	bool sound;	  /* the origin still has it as it was */
	bool checked;	  /* read back */
	bool other_flags; /* on the target, and they are to be set */
	unsigned deaths;  /* connections lost while it was sent alone */
};

struct restore_folder;

/* 1: call again; 0: waits for the server; -1: *e (its scope says what is lost). */
typedef int restore_step_fn(struct restore_folder *f, struct err *e);

enum link_state {
	LINK_OFF,    /* given up */
	LINK_PAUSED, /* until `until`; then it dials when there is work */
	LINK_DIALING,
	LINK_READY,
};

/* One connection to the target. */
struct restore_link {
	enum link_state state;
	struct dial dial;
	int64_t until;	   /* monotonic ms */
	unsigned failures; /* attempts in a row that got no connection */
	bool connected;	   /* ever */
	uint64_t limit;	   /* octets of one message that the server takes */
	bool limit_known;
	struct restore_folder *folder; /* it works on, or NULL */
	struct restore_folder *ahead;  /* is being made meanwhile, or NULL */
};

struct flagging;
struct matching;
struct sending;
struct reading;

struct restore_folder {
	struct restore *r;
	struct restore_folder *next; /* in the queue */
	struct restore_link *link;   /* that works on it, or NULL */
	restore_step_fn *step;	     /* NULL: it is finished, or waits for a connection */
	imap4_cmd *cmd, *subscription;
	struct origin_folder from;
	struct buf name; /* of the origin's folder, shown */
	/* on the target */
	struct buf wire, special; /* its special use, to be created with */
	bool exists, subscribe;
	size_t making; /* so many octets of wire are in a CREATE without an answer; 0 = none */
	size_t parent; /* where to look for the next parent to be made */
	bool parents_tried;
	uint32_t uidvalidity, uidnext;
	struct buf permanent;	/* PERMANENTFLAGS, separated by spaces ... */
	bool keeps_all;		/* ... which were not told: all flags are kept */
	struct mail_flags lost; /* that the target cannot keep, of any message */
	uint64_t nlost;		/* messages that lost one */
	uint64_t limit;		/* as in the link; of the mailbox, where mailboxes have their own */
	bool limit_known;
	/* what is wanted */
	struct buf text;
	struct want *want;
	size_t nwant, cap;
	uint32_t
		new_from; /* UIDNEXT before the first message was sent to the folder, 0 = unknown ... */
	uint32_t new_in; /* ... under this UIDVALIDITY */
	bool careful;	 /* one message at a time: the connection was lost in a batch */
	unsigned deaths; /* connections lost when nothing was being sent */
	int64_t settled_at; /* monotonic ms: what was lost in flight has arrived by then; 0 = nothing was */
	size_t notes;
	uint64_t reflagged; /* messages whose flags were set, or would be */
	size_t ahead;	    /* of want: where send_ahead() goes on */
	bool is_new;	    /* the target had no such folder when it was queued: all will be sent */
	/* of the step at hand */
	struct flagging *flagging;
	struct matching *matching;
	struct sending *sending;
	struct reading *reading;
};

struct restore {
	const struct sync_account *account; /* of the target */
	const struct restore_options *options;
	const struct sync_hooks *hooks;
	struct restore_report *report;
	struct restore_origin *origin;
	struct buf who; /* the target in the journal */
	struct sha256 *hash;
	unsigned reconnects;
	struct sync_progress progress;
	int64_t progress_due; /* monotonic ms */
	bool make_empty;
	int64_t settled_at; /* the same of earlier runs */
	/* the target's tree */
	struct sync_folders remote;
	bool stale;	   /* a folder may have been made that is not in it */
	struct buf prefix; /* personal namespace */
	char delimiter;
	/* connections */
	struct restore_link link[SYNC_CONNECTIONS_MAX];
	size_t nlinks;
	struct restore_folder *queue; /* folders without one, in the order of the origin */
	struct err last;	      /* why the last connection was given up */
};

/* restore.c */
void restore_note(struct restore *r, enum sync_note kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* About one message of the folder; after many of them only counted. */
void restore_odd(struct restore_folder *f, const struct want *w, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The same of any kind, not counted. */
void restore_say(
	struct restore_folder *f, enum sync_note kind, const struct want *w, const char *text);
void restore_progress(struct restore *r); /* unless that happened just now */

/* restore_pool.c */
/* The first connection is made here and the target's tree read; blocking. */
int pool_begin(struct restore *r, struct err *e) NODISCARD;
/* Give a folder to the connections; it is taken over, also on failure. Works until there are not many waiting. */
int pool_add(struct restore *r, struct restore_folder *f, struct err *e) NODISCARD;
/* Work until no folder is left. */
int pool_finish(struct restore *r, struct err *e) NODISCARD;
/* Close all connections and free the folders; hang_up: with LOGOUT. */
void pool_end(struct restore *r, bool hang_up);

/* restore_folder.c */
struct restore_folder *restore_folder_new(
	struct restore *r, const struct origin_folder *from, struct err *e);
void restore_folder_free(struct restore_folder *f); /* NULL is fine */
int restore_folder_add(
	struct restore_folder *f, const struct origin_message *m, struct err *e) NODISCARD;
void restore_folder_begin(struct restore_folder *f, struct restore_link *link);
int restore_folder_run(struct restore_folder *f, struct err *e) NODISCARD; /* a step function */
/* Monotonic ms at which it goes on without news from the server; 0: it does not. */
int64_t restore_folder_due(const struct restore_folder *f);
/* Monotonic ms by which an upload that is lost now has arrived. */
int64_t restore_settled_at(const struct restore *r);
/* Only as far as to be made. 1: it is there; 0; -1. */
int restore_folder_make(struct restore_folder *f, struct err *e) NODISCARD;
/* It waits for a connection again. */
void restore_folder_leave(struct restore_folder *f);
/* The connection is gone or was taken away: before the session is closed. -1: what is known cannot be written down. */
int restore_folder_lost(struct restore_folder *f, struct err *e) NODISCARD;
imap4_session *restore_session(const struct restore_folder *f);
imap4_str restore_wire(const struct restore_folder *f);
bool restore_uses(const struct restore_folder *f, const char *capability);
struct slice want_flags(const struct restore_folder *f, const struct want *w);
/* f->cmd is complete and OK: 1, and the caller drops it; still running: 0; else -1. NULL: it could not be started. */
int restore_done(
	struct restore_folder *f, enum err_scope scope, const char *what, struct err *e) NODISCARD;
void restore_drop(struct restore_folder *f);
/* Steps that the folder goes on with. */
int folder_open(struct restore_folder *f, struct err *e);
int folder_sent(struct restore_folder *f, struct err *e);
int folder_flagged(struct restore_folder *f, struct err *e);
int folder_known(struct restore_folder *f, struct err *e);
int folder_end(struct restore_folder *f, struct err *e);

/* restore_tree.c */
/* Namespace and list of the target; blocking. */
int tree_read(struct restore *r, struct restore_link *link, struct err *e) NODISCARD;
/* Where the folder goes: fills in wire, special, exists. */
int tree_target(struct restore_folder *f, struct err *e) NODISCARD;
/* Must `f` wait for `other`, which is being worked on? They have the same target, or one is made below the other. */
bool tree_conflict(const struct restore_folder *f, const struct restore_folder *other);
/* It has to be created. */
bool tree_is_due(const struct restore_folder *f);
/* Step: create it. */
int tree_make(struct restore_folder *f, struct err *e);
/* The answer to a CREATE will not come any more. */
void tree_may_be_made(struct restore_folder *f);

/* restore_match.c */
/* Step: ask the journal and the target; wants that are there become WANT_PRESENT. */
int match_wants(struct restore_folder *f, struct err *e);
/* Step: the UIDs of what was sent to a server that does not tell them. */
int match_learn(struct restore_folder *f, struct err *e);
void matching_free(struct restore_folder *f); /* also when there is none */

/* restore_send.c */
int send_wants(struct restore_folder *f, struct err *e); /* a step */
/* While there is nothing else to do: look whether a message that will be sent is sound. false: all are looked at. */
bool send_ahead(struct restore_folder *f);
/* What was answered is written down; the rest is open again. Frees f->sending. */
int sending_lost(struct restore_folder *f, struct err *e) NODISCARD;
void sending_free(struct restore_folder *f);
/* Flags that the target can keep, as canonical text. *lost: not all. */
int send_flags(const struct restore_folder *f, const struct want *w, struct mail_flags *out,
	bool *lost, struct err *e) NODISCARD;

/* restore_flags.c */
int flags_wants(struct restore_folder *f, struct err *e); /* a step */
void flagging_free(struct restore_folder *f);

/* restore_verify.c */
int verify_wants(struct restore_folder *f, struct err *e); /* a step */
void reading_free(struct restore_folder *f);

#endif

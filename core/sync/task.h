/* SPDX-License-Identifier: MIT */
/*
 * task.h -- one mailbox being brought up to date, as a machine that never blocks.
 *
 *   open -> list -> (match) -> fetch -> confirm -> finish
 *
 * What EXAMINE will most likely lead to is asked in the same flight (task_guess.c), and the next mailbox may be opened
 * behind this one as soon as all is asked that this one should need (t->followed). From then on it cannot ask for more: if it
 * has to, it comes back later (t->again), as after a lost connection.
 *
 * Each state is a step function: it starts commands or looks whether they are complete, and says
 * what is next by setting t->step. What is learnt (the listing, what is still wanted, what failed)
 * outlives the connection: after task_lost() the task may go on with another one, which opens the
 * mailbox again and compares UIDVALIDITY.
 *
 * Accounting: each listed UID is at any moment in exactly one of: stored (archive), want, asked, a
 * piece, doubt, failed, gone. Only finish() looks at the sum, and only a sum without remainder is
 * *complete*.
 */
#ifndef CORE_SYNC_TASK_H
#define CORE_SYNC_TASK_H

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/uidset.h"
#include "core/sync/job.h"
#include "core/sync/plan.h"

struct task;

/* 1: call again; 0: waits for the server; -1: *e (its scope says what is lost). */
typedef int task_step_fn(struct task *t, struct err *e);

/* One FETCH of bodies in flight, and the response that is arriving for it. */
struct batch {
	struct task *task;
	imap4_cmd *cmd;
	imap4_sink sink;
	struct uidset set;
	unsigned order; /* of sending; servers answer in this order */
	bool part;	/* of a batch that failed before */
	bool early; /* asked for before it was known which messages there are: `set` is still empty */
	/* Asked for early: from this UID on, which may hold more than `set`. Else 0. */
	uint32_t from;
	bool wasted;	 /* and some came before that was known: they are asked for again */
	unsigned deaths; /* connections lost over it (a single message) */
	struct store_message *message;
	uint64_t length, announced;
	bool body, whole, too_large;
};

/* UIDs that are to be asked for apart from the others. */
struct piece {
	struct uidset set;
	unsigned deaths;
};

struct match;

/* What was asked together with EXAMINE. */
enum task_guess {
	GUESS_NOTHING,
	GUESS_LIST,    /* all UIDs with their flags, perhaps with all bodies behind */
	GUESS_CHANGES, /* what changed, and what is new, perhaps with their bodies behind */
};

struct task {
	struct job *job;
	imap4_session *session; /* of the connection that runs it, or NULL */
	const struct plan_entry *plan;
	int64_t mailbox;
	char name[TEXT_SHOW_SIZE];
	task_step_fn *step;		  /* NULL: finished */
	imap4_cmd *cmd;			  /* what the step waits for */
	imap4_cmd *guessed, *guessed_new; /* a listing, or changes and the list of new messages */
	enum task_guess guess;
	bool followed; /* another mailbox was opened behind this one: nothing can be asked any more */
	bool again;    /* it had to be, so it must come back */
	uint32_t exists; /* as the last complete command left it */

	/* opened */
	struct store_generation *generation;
	int64_t previous; /* generation before this one, if UIDVALIDITY changed */
	uint32_t uidvalidity;
	unsigned uidvalidities; /* different ones met in this run */
	bool plain_examine;	/* (CONDSTORE) was refused */
	struct store_marks marks;

	/* listing */
	bool listed;	       /* done; also for the next connection */
	bool full;	       /* of everything, not of changes */
	bool list_ok;	       /* the FETCH that listed ended well */
	bool trusted;	       /* the numbers add up */
	uint32_t changed_from; /* incremental: UIDNEXT of the last complete run */
	uint32_t limit_below;  /* full: the server stopped here last (MESSAGELIMIT) */
	struct uidset seen, later;
	unsigned searches;

	/* accounts */
	struct uidset want, asked, suspects, doubt;
	struct piece *piece;
	size_t npieces, pieces_cap;
	bool incomplete; /* something is not accounted for, and people were told */

	/* fetching */
	struct batch batch[SYNC_BATCHES];
	unsigned next_order, fetch_deaths;
	uint64_t got_messages, got_bytes; /* bodies received: for the size of batches */
	struct err sink_err;
	struct match *match; /* comparing with the previous generation, or NULL */
	struct sha256 *hash; /* of the body that arrives, while a match is checked */

	struct mail_flags flags;
	struct slice *flag; /* scratch for canonical flags */
	size_t flags_cap;

	/* for the note at the end */
	uint64_t fresh, bytes, linked, gone, flags_changed, failed, oddities;
	unsigned deaths;    /* connections lost while opening or listing */
	unsigned throttled; /* pauses in a row that the server asked for */
	int64_t pause_ms;   /* the error at hand asks for this pause; 0: for none */
};

/* ---- life (task.c) --------------------------------------------------------------------------- */

struct task *task_new(struct job *j, const struct plan_entry *plan, int64_t mailbox, struct err *e);
void task_free(struct task *t); /* forgets its commands too; NULL is fine */
/* Go on (or begin) on this session. */
void task_resume(struct task *t, imap4_session *session);
int task_run(struct task *t, struct err *e) NODISCARD; /* as task_step_fn */
/* The connection is gone or was taken away: put back what was in flight. Before the session is
 * closed. lost: it died, so the messages in flight are suspected. */
int task_lost(struct task *t, bool lost, struct err *e) NODISCARD;
void task_reset_listing(struct task *t);

/* ---- steps ----------------------------------------------------------------------------------- */

int task_open(struct task *t, struct err *e);	 /* task_open.c */
int task_list(struct task *t, struct err *e);	 /* task_list.c */
int task_changes(struct task *t, struct err *e); /* task_changes.c */
/* Ask for changes and new messages, into t->guessed and t->guessed_new. */
int task_start_changes(struct task *t, struct err *e) NODISCARD;
int task_listed(struct task *t, struct err *e);	 /* task_list.c: the listing is in t->seen */
int task_match(struct task *t, struct err *e);	 /* task_match.c */
int task_fetch(struct task *t, struct err *e);	 /* task_fetch.c */
int task_confirm(struct task *t, struct err *e); /* task_finish.c */
int task_finish(struct task *t, struct err *e);	 /* task_finish.c */

/* ---- guessing ahead (task_guess.c) ---------------------------------------------------------------- */

/* Behind the EXAMINE that was just started. */
int task_guess(struct task *t, struct err *e) NODISCARD;
/* The guess was this one, and its commands are the caller's to use; any other is forgotten. */
bool task_guessed(struct task *t, enum task_guess guess);
/* What is listed now says which bodies were asked for early: those in t->seen that are not stored. */
int task_adopt_early(struct task *t, struct err *e) NODISCARD;
/* A body arrives. The answers before it have come, but no step may have looked at them yet. */
int task_catch_up(struct task *t, struct err *e) NODISCARD;
/* May another mailbox be opened behind this one? */
bool task_may_be_followed(const struct task *t);
/* Are bodies on their way? */
bool task_is_receiving(const struct task *t);
/* To be asked before a command is started. false: not any more; return 0, the task comes back later. */
bool task_may_start(struct task *t);

/* ---- shared ---------------------------------------------------------------------------------- */

/* The command is complete and OK: 1; still running: 0; else -1. NULL: it could not be started. */
int task_done(struct task *t, imap4_cmd *c, struct err *e) NODISCARD;
void task_drop(imap4_cmd **c);
/* The items of a FETCH that brings messages into the archive. */
#define TASK_ITEMS_MAX 160
void task_body_items(const struct task *t, char items[TASK_ITEMS_MAX]);
/* Start UID SEARCH UID 1:* into t->cmd; then read the answer into t->later. */
int task_search(struct task *t, struct err *e) NODISCARD;
int task_search_take(struct task *t, struct err *e) NODISCARD;
/* Flags of a FETCH response as canonical text in t->flags. */
int task_flags(struct task *t, const imap4_message *m, struct err *e) NODISCARD;
/* Record them if the message is stored. */
int task_see_flags(struct task *t, const imap4_message *m, struct err *e) NODISCARD;
/* What the archive keeps beside the bytes; t->flags must hold the flags. Borrowed from m and t. */
struct store_meta task_meta(const struct task *t, const imap4_message *m);
/* This message is not safe after this run, and why. */
int task_failed(struct task *t, uint32_t uid, const char *reason, struct err *e) NODISCARD;
/* A note about one message, unless there were many already. */
void task_odd(struct task *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Ask for these UIDs by themselves. Takes the contents of *set. */
int task_add_piece(
	struct task *t, struct uidset *set, unsigned deaths, bool singly, struct err *e) NODISCARD;
bool task_uses(const struct task *t, const char *capability);
bool task_uses_condstore(const struct task *t);
/* " EMAILID THREADID", " X-GM-MSGID X-GM-THRID" or "". */
const char *task_id_items(const struct task *t);

/* ---- known by their id (task_known.c) -------------------------------------------------------------- */

/* Are messages looked up by their object ids? */
bool task_knows_ids(const struct task *t);
/* No run has completed this mailbox yet. */
bool task_is_fresh(const struct task *t);
/* The items of a listing; fresh: most of what it lists is not in the archive under its UID. */
void task_list_items(const struct task *t, bool fresh, char items[TASK_ITEMS_MAX]);
/* This message was listed, and its UID is not stored. If the archive has it under another name, it is linked at once, or
 * held until the ids are proved. */
int task_know(struct task *t, const imap4_message *m, struct err *e) NODISCARD;
/* The listing is done and t->want is known: what is held is not wanted for now, but for the sample. */
int task_hold(struct task *t, struct err *e) NODISCARD;

/* A sink for this batch (task_sink.c). */
void batch_init_sink(struct batch *b, struct task *t);
void batch_reset_response(struct batch *b);

/* task_match.c */
void match_free(struct match *m); /* NULL is fine */
/* Its candidates are not known yet: begin again. */
bool match_is_young(const struct match *m);
/* Headers were in flight when the connection was lost. */
int match_lost(struct task *t, struct err *e) NODISCARD;
/* A message of the sample has arrived with this hash. */
int match_check(struct task *t, uint32_t uid, const unsigned char sha256[SHA256_LEN],
	struct err *e) NODISCARD;
/* The sample was fetched: link the rest, or want it. */
int match_settle(struct task *t, struct err *e) NODISCARD;

#endif

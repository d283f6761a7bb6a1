/* SPDX-License-Identifier: MIT */
/*
 * plan.h -- every decision of a backup that needs no I/O: which mailboxes to open, what to fetch,
 * what is missing, what counts as proof. Functions of their arguments only, so the rules can be
 * read and tested in one place (DESIGN rules 2 and 3; reliability R4, R5).
 */
#ifndef CORE_SYNC_PLAN_H
#define CORE_SYNC_PLAN_H

#include "core/sync/sync.h"

/* ---- the account ----------------------------------------------------------------------------- */

enum plan_action {
	PLAN_LEAVE,	/* the patterns do not take it: neither opened nor recorded */
	PLAN_RECORD,	/* it exists but cannot be opened (\Noselect, \NonExistent) */
	PLAN_UNCHANGED, /* STATUS equals what a complete run saw */
	PLAN_OPEN,
};

struct plan_entry {
	const struct sync_folder *remote;
	const struct store_mailbox *local; /* NULL: new */
	enum plan_action action;
	bool audit;	    /* list everything, whatever the numbers say */
	const char *reason; /* why it is opened */
};

struct plan {
	struct plan_entry *at; /* one for each remote mailbox, in their order */
	size_t n;
	const struct store_mailbox *
		*vanished; /* were there, and a complete LIST has them no more */
	size_t nvanished;
};

/* complete: every LIST ended well. local must be sorted by wire name, as store_mailboxes() gives
 * it. What the plan points to is borrowed. */
int plan_account(struct plan *p, const struct sync_folders *remote, bool complete,
	const struct store_mailbox_list *local, unsigned audit_every, bool audit,
	struct err *e) NODISCARD;
void plan_release(struct plan *p);

/* ---- listing a mailbox ----------------------------------------------------------------------- */

/* What EXAMINE said now, and what the last complete run recorded. */
struct plan_numbers {
	uint32_t uidvalidity, uidnext, exists;
	uint64_t highestmodseq; /* 0: unknown, or CONDSTORE may not be used */
};

/* May changes since the last complete run be asked for instead of everything? */
bool plan_incremental(const struct store_mailbox *local, bool audit, const struct plan_numbers *now,
	const struct uidset *stored);

/* Do the numbers of a listing add up? A UID listing (of `listed` UIDs) that ended well counts
 * when it has as many as EXISTS says; the answer to a later SEARCH counts the same way. */
bool plan_counts_agree(
	uint64_t listed, bool listed_ok, uint64_t searched, bool searched_ok, uint32_t exists);

struct plan_mailbox {
	struct uidset want;	/* to be fetched */
	struct uidset back;	/* were gone and are listed again */
	struct uidset suspects; /* known, not listed: gone if a later listing agrees */
	bool unproved;		/* known ones are not listed, and this listing proves nothing */
};
/* trusted: the listing was a FETCH that ended well, and its numbers add up. */
int plan_mailbox(struct plan_mailbox *p, const struct uidset *seen, bool trusted,
	const struct uidset *stored, const struct uidset *gone, const struct uidset *failed,
	struct err *e) NODISCARD;
void plan_mailbox_release(struct plan_mailbox *p);

/* ---- proof of absence ------------------------------------------------------------------------ */

struct plan_absence {
	struct uidset gone;	 /* proved: a completed FETCH and a later listing lack them */
	struct uidset there;	 /* suspects that the later listing has: the first one was wrong */
	struct uidset unfetched; /* asked for, answered with OK, and never sent */
};
/* suspects: not in the listing; doubt: asked for and not sent although the server said OK.
 * `later` is the answer to a UID SEARCH sent after both; credible: it ended well and has as many
 * UIDs as EXISTS says. */
int plan_absence(struct plan_absence *p, const struct uidset *suspects, const struct uidset *doubt,
	const struct uidset *later, bool credible, struct err *e) NODISCARD;
void plan_absence_release(struct plan_absence *p);

/* ---- the sum --------------------------------------------------------------------------------- */

/* May the mailbox be called complete? Every listed UID is stored or gone, none is failed, and
 * nothing else was found wanting. *rest: how many listed UIDs are neither. */
int plan_complete(bool *complete, uint64_t *rest, const struct uidset *seen,
	const struct uidset *stored, const struct uidset *gone, const struct uidset *failed,
	bool incomplete, struct err *e) NODISCARD;

/* ---- batches --------------------------------------------------------------------------------- */

/* Messages to ask for at once, from what came so far (messages, bytes) and what may still come
 * (budget); 0 only when the budget is used up. */
uint64_t plan_batch(uint64_t messages, uint64_t bytes, uint64_t budget_left);

/* Part a batch that failed, so that few repeats find the one message that did it: the first one
 * alone (servers answer in order, so it is the likely one) and two halves of the rest. At most 3
 * parts; *n says how many. `set` is emptied. A single message gives one part. */
#define PLAN_PARTS 3
int plan_split(
	struct uidset *set, struct uidset part[PLAN_PARTS], size_t *n, struct err *e) NODISCARD;

#endif

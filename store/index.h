/* SPDX-License-Identifier: MIT */
/*
 * index.h -- the index of an archive (index.db), as typed questions. For store/ only.
 *
 * One connection, under the archive's lock. Why SQLite's journal_mode TRUNCATE and not WAL: there is a
 * single writer with few transactions, readers hold the shared lock, an archive at rest is one file to
 * copy, and SQLite before 3.51.3 can lose a WAL reset.
 *
 * All changes happen in a group (a transaction) that the first change opens and index_commit() ends;
 * within the connection they are visible at once. After a failing call the caller rolls back.
 *
 * Errors: ERR_STORE; E_FULL, E_CORRUPT (not a database, damaged, not ours), E_LOCKED (another program has
 * the index open), E_IO.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/fsys.h"
#include "store/store.h"

struct index;

#define INDEX_FILE	     "index.db"
#define INDEX_APPLICATION_ID 0x494D5359 /* "IMSY" */

/*
 * Open root/index.db; `path` is where root is. Writing: made when missing (0600); *fresh says that it was
 * missing or empty, and then the schema is part of the open group that the caller completes and commits.
 * Reading: E_MISSING when there is none, E_CORRUPT when it is empty.
 */
int index_open(struct index **out, const struct fsys *fs, int root, const char *path, bool write,
	bool *fresh, struct err *e) NODISCARD;
void index_close(struct index *x); /* rolls back; NULL is fine */
/* PRAGMA quick_check; E_CORRUPT with its first line. */
int index_check(struct index *x, struct err *e) NODISCARD;

int index_begin(struct index *x, struct err *e) NODISCARD;  /* no-op in a group */
int index_commit(struct index *x, struct err *e) NODISCARD; /* no-op outside a group */
void index_rollback(struct index *x);

/* ---- facts about the archive ------------------------------------------------------------------ */

/* 1 found (out is cleared first), 0, -1. */
int index_meta_get(struct index *x, const char *key, struct buf *out, struct err *e) NODISCARD;
int index_meta_set(struct index *x, const char *key, struct slice value, struct err *e) NODISCARD;

/* ---- runs ------------------------------------------------------------------------------------- */

#define INDEX_RUN_BACKUP  "backup"
#define INDEX_RUN_REPAIR  "repair"
#define INDEX_RUN_REBUILD "rebuild" /* rows made from the tree after the index was lost */

int index_run_insert(
	struct index *x, const char *kind, int64_t started, int64_t *id, struct err *e) NODISCARD;
/* settled = false: the next writer has to look for files without rows. */
int index_run_finish(
	struct index *x, const struct store_run *r, bool settled, struct err *e) NODISCARD;
/* 1, 0 when there is none, -1. Of any kind. */
int index_run_newest(struct index *x, int64_t *id, int64_t *started, struct err *e) NODISCARD;
/* See store_run_last(). */
int index_run_last(struct index *x, enum store_result result, struct store_run *r, struct buf *text,
	struct err *e) NODISCARD;
/* The newest run that is not settled; *id 0 when there is none. */
int index_run_unsettled(struct index *x, int64_t *id, struct err *e) NODISCARD;
/* Recovery is done: settle all; those still RUNNING become INTERRUPTED (a rebuild: OK), ended at `now`. */
int index_runs_settle(struct index *x, int64_t now, struct err *e) NODISCARD;

/* ---- mailboxes and generations ---------------------------------------------------------------- */

/* One row of table mailbox; the caller releases it. */
struct index_mailbox {
	int64_t id, generation;
	char delimiter;
	bool selectable, subscribed, present;
	struct buf wire, name, path, attributes;
};
void index_mailbox_init(struct index_mailbox *m);
void index_mailbox_release(struct index_mailbox *m);
/* 1 found, 0, -1. *m is replaced. */
int index_mailbox_get(
	struct index *x, int64_t id, struct index_mailbox *m, struct err *e) NODISCARD;
int index_mailbox_by_wire(
	struct index *x, struct slice wire, struct index_mailbox *m, struct err *e) NODISCARD;
int index_mailbox_by_path(
	struct index *x, struct slice path, struct index_mailbox *m, struct err *e) NODISCARD;
/* generation is not looked at; first and last run become `run`. m->id is set. */
int index_mailbox_insert(
	struct index *x, struct index_mailbox *m, int64_t run, struct err *e) NODISCARD;
/* delimiter, attributes, selectable, subscribed, present; last_run when present. */
int index_mailbox_update(
	struct index *x, const struct index_mailbox *m, int64_t run, struct err *e) NODISCARD;
/* As it was. unchanged: one more run without a full listing; the current generation is complete as of this run. */
int index_mailbox_listed(
	struct index *x, int64_t mailbox, bool unchanged, int64_t run, struct err *e) NODISCARD;
/* So many more runs without a full listing, for all mailboxes. */
int index_mailboxes_unaudited(struct index *x, uint64_t runs, struct err *e) NODISCARD;
int index_mailboxes(struct index *x, struct store_mailbox_list *out, struct err *e) NODISCARD;

/* Which generation was current in which runs. generation 0 = never opened. End: also ends none. */
int index_span_begin(
	struct index *x, int64_t mailbox, int64_t generation, int64_t run, struct err *e) NODISCARD;
int index_span_end(struct index *x, int64_t mailbox, int64_t run, struct err *e) NODISCARD;

struct index_generation {
	int64_t id, mailbox;
	uint32_t uidvalidity;
};
int index_generation_get(struct index *x, int64_t id, struct index_generation *g,
	struct err *e) NODISCARD; /* 1, 0, -1 */
/* Find or insert; g->mailbox and g->uidvalidity are given, g->id is set. */
int index_generation_make(
	struct index *x, struct index_generation *g, int64_t run, struct err *e) NODISCARD;
int index_generation_make_current(
	struct index *x, const struct index_generation *g, struct err *e) NODISCARD;
int index_marks_set(struct index *x, int64_t generation, const struct store_marks *m, int64_t run,
	struct err *e) NODISCARD;

/* ---- messages --------------------------------------------------------------------------------- */

/* What a stored message's row says; slices are borrowed. */
struct index_message {
	uint32_t uid;
	struct slice base;
	uint64_t size_disk, size_wire, size_claimed;
	const unsigned char *sha256;
	struct mail_date date;
	struct slice date_raw, email_id, thread_id;
	int64_t flagset;
};
/* A stored message: a new row, or in place of one that says failed or gone without a file. */
int index_message_put(struct index *x, int64_t generation, const struct index_message *m,
	int64_t run, struct err *e) NODISCARD;
/* A file turned out to be bad after index_message_put() in the same group. */
int index_message_spoil(struct index *x, int64_t generation, uint32_t uid, const char *reason,
	int64_t run, struct err *e) NODISCARD;
/* 1 there is a row, 0, -1. has_file and sha256 may be NULL; sha256 is set when there is a file. */
int index_message_file(struct index *x, int64_t generation, uint32_t uid, bool *has_file,
	unsigned char sha256[SHA256_LEN], struct err *e) NODISCARD;
/* The name of its file without letters: 1, 0 there is none, -1. */
int index_message_base(struct index *x, int64_t generation, uint32_t uid, char *base, size_t size,
	struct err *e) NODISCARD;
/* See store_known_by_id(). */
int index_message_by_id(
	struct index *x, struct slice email_id, struct store_known *out, struct err *e) NODISCARD;
int index_message_failed(struct index *x, int64_t generation, uint32_t uid, struct slice reason,
	int64_t run, struct err *e) NODISCARD;
/* Rows of lo..hi become gone; insert: a row for a UID that has none. */
int index_messages_gone(struct index *x, int64_t generation, uint32_t lo, uint32_t hi, int64_t run,
	struct err *e) NODISCARD;
int index_message_gone_insert(
	struct index *x, int64_t generation, uint32_t uid, int64_t run, struct err *e) NODISCARD;
/* Gone rows of lo..hi with a file become stored; those without are deleted. */
int index_messages_back(
	struct index *x, int64_t generation, uint32_t lo, uint32_t hi, struct err *e) NODISCARD;
/* The flags change in this run; the old ones go to the history, unless they are of this run as well. */
int index_message_flags(struct index *x, int64_t generation, uint32_t uid, int64_t flagset,
	int64_t run, struct err *e) NODISCARD;

/* Call each(ctx, uid, state, flagset, has_file) in UID order for lo..hi; non-zero stops and is returned. */
int index_states(struct index *x, int64_t generation, uint32_t lo, uint32_t hi,
	int (*each)(
		void *ctx, uint32_t uid, enum store_state state, int64_t flagset, bool has_file),
	void *ctx, struct err *e) NODISCARD;
/* The rows of lo..hi, at most max of them, in UID order. The callback must not start a call like this. */
int index_records(struct index *x, int64_t generation, uint32_t lo, uint32_t hi,
	int (*each)(void *ctx, const struct store_record *r), void *ctx, struct err *e) NODISCARD;

/* Interned flags. */
int index_flagset_make(struct index *x, struct slice text, int64_t *id, struct err *e) NODISCARD;
int index_flagset_text(
	struct index *x, int64_t id, struct buf *out, struct err *e) NODISCARD; /* 1, 0, -1 */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * store.h -- one account's archive on disk: Maildir tree, side files, SQLite index, lock.
 *
 * The format is public: imapsync-archive(5). This is the only header of store/ that other layers see;
 * it knows nothing of servers or sockets.
 *
 * Invariants (tested by failing every system call in turn and by killing the process in between):
 *   I1  An index row says *stored* only if the file is complete and durable in cur/, and so is its
 *       directory entry.
 *   I2  A file in cur/ is complete. It may lack a row (killed between rename and commit): its name
 *       carries UIDVALIDITY, UID and hash, and store_open() after an unclean end adopts it.
 *   I3  Marks of progress (UIDNEXT, HIGHESTMODSEQ, "complete") are committed together with, or after, all
 *       rows that they cover.
 *   I4  No function of this header deletes or rewrites a message file, except that a flag change renames
 *       it within cur/.
 *   I5  Everything is 0700/0600 whatever the umask; no symbolic link is followed; every path is resolved
 *       relative to a directory descriptor of the archive and cannot leave it.
 *   I6  A failed flush is final: the files of that group are removed, their rows never written.
 *
 * Write order of a group: files written in tmp/ -> flushed -> renamed into cur/ without overwriting ->
 * directories flushed -> one index transaction. The group collects work until store_commit().
 *
 * Life cycle: store_open -> store_run_begin -> mailboxes, generations, messages, store_commit ... ->
 * store_run_end -> store_close. Single thread; one writer per archive (flock).
 *
 * Errors have scope ERR_STORE unless said otherwise; E_FULL (disk or quota), E_IO, E_LOCKED, E_CORRUPT.
 * After an ERR_STORE error of a writing function only store_run_end() and store_close() may follow.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/mail.h"
#include "core/base/uidset.h"

struct store;
struct store_generation;
struct store_message;
struct fsys;
struct hash_block;

/* ---- opening ---------------------------------------------------------------------------------- */

enum store_layout { STORE_NESTED, STORE_MAILDIRPP };
enum store_newline { STORE_LF, STORE_CRLF };
enum store_mode {
	STORE_READ,  /* must exist; shared lock; nothing is written */
	STORE_WRITE, /* created when missing (its parent must exist); exclusive lock; recovers */
};

struct store_options {
	enum store_mode mode;
	enum store_layout
		layout; /* used at creation; later a writer must agree (E_CONFIG, ERR_USAGE) */
	enum store_newline newline; /* for new messages */
	const char *account;	 /* "user@host" shown in README and checked: an archive that belongs
				     * to another account is refused (E_CONFIG, ERR_USAGE); NULL = do not check */
	const struct fsys *fsys; /* system calls; NULL = the real ones */
	bool rebuild; /* STORE_WRITE: check the index in full; a damaged one is set aside as
				     * index.db.damaged-<seconds> and made anew from the tree */
};

/* What store_open() found and mended after an unclean end. */
struct store_recovery {
	bool unclean;	  /* the last writing run never ended */
	uint64_t adopted; /* complete files without a row: rows were written */
	uint64_t reaped;  /* our temporary files removed */
	uint64_t damaged; /* files whose content contradicts their name: left alone, no row */
	bool rebuilt;	  /* there was a tree but no index: all rows are new */
	char aside[64];	  /* the name the damaged index has now, or "" */
};

/*
 * Open (and create) the archive at `path`; an absolute or relative path whose last component is the
 * archive's folder. E_LOCKED when another run holds it; E_MISSING when it does not exist (STORE_READ),
 * or its parent does not; E_CORRUPT when the index is not ours or fails its check. A lost index.db
 * beside an existing tree is rebuilt by adoption.
 */
int store_open(struct store **out, const char *path, const struct store_options *o,
	struct err *e) NODISCARD;
const struct store_recovery *store_recovered(const struct store *s);
enum store_layout store_layout_of(const struct store *s);
/* Discards an open group; never fails. NULL is fine. */
void store_close(struct store *s);

/* ---- runs ------------------------------------------------------------------------------------- */

enum store_result {
	STORE_RUN_RUNNING,
	STORE_RUN_OK,
	STORE_RUN_PARTIAL,
	STORE_RUN_FAILED,
	STORE_RUN_INTERRUPTED
};

struct store_run {
	int64_t id;
	int64_t started, ended; /* wall clock, seconds; ended 0 while running */
	enum store_result result;
	uint64_t mailboxes, messages_new, bytes_new, messages_gone, flags_changed, failed;
	const char *text; /* one clause saying why it was not OK, or ""; borrowed from the call */
};

/* Durable before anything in the tree is changed; a run that dies before that leaves no trace. One that ends well, has looked
 * at mailboxes and has nothing to record but that they are unchanged is noted beside the index, which nobody waits for
 * (imapsync-archive(5), RUNS THAT FOUND NOTHING NEW); the calls below know of it. */
int store_run_begin(struct store *s, struct err *e) NODISCARD;
int64_t store_run_id(const struct store *s); /* 0 when none is open */
/* Commits the open group if there is one, then records the end. id, started, ended are filled in. */
int store_run_end(struct store *s, struct store_run *r, struct err *e) NODISCARD;
/* The newest run with at least this result quality: STORE_RUN_OK = the last good one;
 * STORE_RUN_RUNNING = the last of any kind. Returns 1, 0 when there is none, -1. text is copied to `text`. */
int store_run_last(struct store *s, enum store_result result, struct store_run *r, struct buf *text,
	struct err *e) NODISCARD;

/* ---- mailboxes -------------------------------------------------------------------------------- */

#define STORE_NAME_MAX                                                                             \
	1000 /* wire bytes of a mailbox name; longer ones are refused (E_LIMIT, ERR_MAILBOX) */

/* A mailbox as the archive knows it. Strings are owned by the list. */
struct store_mailbox {
	int64_t id;
	struct buf wire; /* name as the server spells it */
	char delimiter;	 /* '\0' when the server has none */
	struct buf
		name; /* the same in UTF-8 for people (not escaped); bytes kept when undecodable */
	struct buf path; /* relative to mail/, "" for INBOX of Maildir++ */
	struct buf
		attributes; /* LIST attributes, separated by spaces, sorted: "\HasNoChildren \Sent" */
	bool selectable;
	bool subscribed;
	bool present; /* the last run's LIST had it */
	/* the current generation; generation 0 = never opened */
	int64_t generation;
	uint32_t uidvalidity, uidnext, messages;
	uint64_t highestmodseq;	       /* 0 = unknown */
	int64_t complete_run;	       /* last run that accounted for every UID; 0 = never */
	uint32_t runs_since_audit;     /* runs that trusted STATUS since the last full listing */
	uint64_t stored, gone, failed; /* messages of the current generation */
	uint64_t bytes;		       /* wire bytes of the stored ones that are not gone */
};

struct store_mailbox_list {
	struct store_mailbox *at;
	size_t n;
};

/* All mailboxes, sorted by wire name (bytes). Release with store_mailbox_list_release(). */
int store_mailboxes(struct store *s, struct store_mailbox_list *out, struct err *e) NODISCARD;
void store_mailbox_list_release(struct store_mailbox_list *l);

struct store_mailbox_seen {
	struct slice wire;
	char delimiter;
	struct slice attributes; /* as in struct store_mailbox */
	bool selectable, subscribed;
	/* Its row as store_mailboxes() gave it in this run, or NULL: spares looking for it. */
	const struct store_mailbox *known;
};

/* The server listed this mailbox: insert or update its row, make its directories (selectable ones) and
 * side file durable. Part of the open group. *id is the row. E_LIMIT (ERR_MAILBOX) for a name over
 * STORE_NAME_MAX or a path too long for the file system. */
int store_mailbox_seen(
	struct store *s, const struct store_mailbox_seen *m, int64_t *id, struct err *e) NODISCARD;
/* A complete LIST did not have it any more. Nothing on disk changes. Part of the open group. */
int store_mailbox_vanished(struct store *s, int64_t id, struct err *e) NODISCARD;

/* ---- generations: one per UIDVALIDITY of a mailbox --------------------------------------------- */

/* Make `uidvalidity` the current generation of the mailbox (a new one, or one that came back) and
 * load its state: about 12 bytes a message. *previous is the row of the generation that was current
 * before, 0 if none or unchanged. Part of the open group. */
int store_generation_open(struct store *s, int64_t mailbox, uint32_t uidvalidity,
	struct store_generation **out, int64_t *previous, struct err *e) NODISCARD;
/* Load any generation for reading. */
int store_generation_load(struct store *s, int64_t generation, struct store_generation **out,
	struct err *e) NODISCARD;
void store_generation_close(struct store_generation *g); /* NULL is fine; group work survives */

int64_t store_generation_id(const struct store_generation *g);
uint32_t store_generation_uidvalidity(const struct store_generation *g);
/* UIDs by state, including what the open group will commit. A *gone* UID may have a file (a tombstone)
 * or not (it vanished before it could be fetched). Borrowed; change with the calls below. */
const struct uidset *store_stored(
	const struct store_generation *g); /* have a file and are on the server */
const struct uidset *store_gone(const struct store_generation *g);
const struct uidset *store_failed(const struct store_generation *g);

/* The mailbox's marks. `complete` says that this run accounted for every UID of the listing; then
 * complete_run becomes the current run. audited: this was a full listing. Part of the open group. */
struct store_marks {
	uint32_t uidnext, messages;
	uint64_t highestmodseq;
	bool complete, audited;
};
int store_marks_set(
	struct store_generation *g, const struct store_marks *m, struct err *e) NODISCARD;
/* Nothing changed and nothing was opened: counts one run since the last audit, and moves complete_run if anything is
 * written in this run. */
int store_mailbox_unchanged(struct store *s, int64_t mailbox, struct err *e) NODISCARD;

/* ---- messages --------------------------------------------------------------------------------- */

/* What is known about a message besides its bytes. */
struct store_meta {
	uint32_t uid;
	struct mail_date date; /* INTERNALDATE; invalid = the server gave none that can be used */
	struct slice date_raw; /* what it gave, when date is invalid; may be empty */
	struct slice flags;    /* canonical text (core/base/mail.h) */
	struct slice email_id, thread_id; /* OBJECTID or Gmail ids, or empty */
	uint64_t size_claimed;		  /* RFC822.SIZE, 0 = not given; recorded, never trusted */
};

/* Start a message file in the mailbox's tmp/. */
int store_message_begin(
	struct store_generation *g, struct store_message **out, struct err *e) NODISCARD;
/* Append wire bytes. They are hashed and written (LF or as received, see imapsync-archive(5)). */
int store_message_write(struct store_message *m, const void *p, size_t n, struct err *e) NODISCARD;
/* The message is whole: it joins the open group under its final name and *m is consumed, also on
 * failure. A UID that is already stored with the same hash is not stored twice (the temporary file
 * goes, 0 is returned); with another hash: E_CORRUPT, ERR_MESSAGE, the stored file stays. */
int store_message_finish(
	struct store_message *m, const struct store_meta *meta, struct err *e) NODISCARD;
/* Throw the temporary file away. NULL is fine. */
void store_message_discard(struct store_message *m);

/* The same message is already in the archive (generation `from`, UID `from_uid`): give it a second name
 * by hard link (a copy where links are not possible). Joins the open group. ERR_MESSAGE when that cannot be: E_MISSING,
 * or E_INVALID with another INTERNALDATE, for the file has one time only. */
int store_message_link(struct store_generation *g, const struct store_meta *meta, int64_t from,
	uint32_t from_uid, struct err *e) NODISCARD;

/* A message with a file, of any mailbox and generation, in or out of the open group. */
struct store_known {
	int64_t generation;
	uint32_t uid;
	uint64_t size; /* RFC822.SIZE as it was given, else of the wire bytes */
};
/* 1: *out is one with this object id; 0: there is none; -1. */
int store_known_by_id(
	struct store *s, struct slice email_id, struct store_known *out, struct err *e) NODISCARD;

/* The flags seen on the server. 1 = they differed and are recorded (history row, rename), 0 = same,
 * -1. uid must be in store_stored(). Part of the open group. */
int store_flags_seen(
	struct store_generation *g, uint32_t uid, struct slice flags, struct err *e) NODISCARD;

/* A fetch that failed: the UID becomes *failed* with a reason, unless it is stored. attempts counts up. */
int store_message_failed(
	struct store_generation *g, uint32_t uid, const char *reason, struct err *e) NODISCARD;
/* Proof of absence: these UIDs (of any state, or unknown) become *gone*. Files stay. Each unknown one costs
 * a row, so only so many are taken at a time (E_LIMIT, ERR_MAILBOX; nothing is changed then). */
#define STORE_GONE_MAX (1u << 20)
int store_messages_gone(
	struct store_generation *g, const struct uidset *uids, struct err *e) NODISCARD;
/* UIDs once taken for gone are listed again: those with a file become *stored*, the others unknown. */
int store_messages_back(
	struct store_generation *g, const struct uidset *uids, struct err *e) NODISCARD;

/* ---- the group -------------------------------------------------------------------------------- */

#define STORE_GROUP_FILES 1000	      /* a group is due at this many files ... */
#define STORE_GROUP_BYTES (64u << 20) /* ... or bytes */

/* Do files wait for their final names? */
bool store_files_waiting(const struct store *s);
bool store_commit_due(const struct store *s);
/* Make the group durable (see the write order above). On failure the group is undone as far as
 * possible (temporary files removed) and the error is ERR_STORE. */
int store_commit(struct store *s, struct err *e) NODISCARD;

/* ---- reading ---------------------------------------------------------------------------------- */

enum store_state { STORE_STORED = 0, STORE_GONE = 1, STORE_FAILED = 2 };

/* One row; strings are borrowed until the callback returns. */
struct store_record {
	int64_t generation;
	uint32_t uid;
	enum store_state state;
	bool has_file;
	struct slice base; /* file name without ":2,..."; empty without a file */
	uint64_t size_disk, size_wire, size_claimed;
	unsigned char sha256[SHA256_LEN];
	struct mail_date date;
	struct slice date_raw, flags, email_id, thread_id;
	int64_t first_run, gone_run; /* gone_run 0 = not gone */
	struct slice reason;	     /* why it failed */
	uint32_t attempts;
};

/* Calls each(ctx, record) in UID order for the UIDs in `which` (NULL = all); stops when it returns
 * non-zero and returns that value; -1 on error (then *e is set). */
int store_records(struct store *s, int64_t generation, const struct uidset *which,
	int (*each)(void *ctx, const struct store_record *r), void *ctx, struct err *e) NODISCARD;

/* Read a stored message's wire bytes in chunks: sink(ctx, p, n) returns 0 to go on. */
int store_message_read(struct store *s, int64_t generation, uint32_t uid,
	int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e) NODISCARD;
/* The same by pulling. The reader must be closed before the store is. */
struct store_reader;
int store_reader_open(struct store *s, int64_t generation, uint32_t uid, struct store_reader **out,
	struct err *e) NODISCARD;
/* 1..n octets, 0 at the end, -1. */
long store_reader_read(struct store_reader *r, void *p, size_t n, struct err *e);
void store_reader_close(struct store_reader *r); /* NULL is fine */
/* The bytes as they are in the file (imapsync-archive(5)), by pulling. The file must be closed before the store is. */
struct store_file {
	int fd;
	bool add_cr;   /* on the wire there is a CR before each LF */
	uint64_t size; /* when it was opened */
};
int store_file_open(struct store *s, int64_t generation, uint32_t uid, struct store_file *out,
	struct err *e) NODISCARD;
/* n bytes, fewer at the end, -1. */
long store_file_read(struct store *s, const struct store_file *f, void *p, size_t n, struct err *e);
/* The next bytes of the file, of which `left` are not read yet, behind those of a block (core/base/hasher.h) that has room for
 * two; widen: with their CRs. How many were read, fewer than there is room for at the end, -1; *added: what they are in the
 * block, which has them when the caller calls hash_block_add(). */
long store_file_fill(struct store *s, const struct store_file *f, bool widen, uint64_t left,
	struct hash_block *b, size_t *added, struct err *e);
void store_file_close(struct store *s, struct store_file *f);
/* SHA-256 of the header as it is on the wire: everything up to and including the first empty line (or all
 * when there is none). Identifies a message across a change of UIDVALIDITY. */
int store_message_header_hash(struct store *s, int64_t generation, uint32_t uid,
	unsigned char out[SHA256_LEN], struct err *e) NODISCARD;

/* ---- the restore journal ------------------------------------------------------------------------- */

/*
 * What was sent to another mailbox ("target": an account, "mailbox": a wire name there), so that a restore which was cut
 * off anywhere knows what may be there already. A row is written before the message is sent and again when the
 * outcome is known. A message has at most one row for each target mailbox.
 */
enum store_journal_state {
	STORE_JOURNAL_SENDING = 0,
	STORE_JOURNAL_DONE = 1,
	STORE_JOURNAL_REFUSED = 2
};

struct store_journal_row {
	int64_t generation;
	uint32_t uid; /* of the message in the archive */
	enum store_journal_state state;
	uint32_t uidvalidity; /* of the target mailbox; 0 = unknown */
	uint32_t
		appended_uid; /* DONE: the message's UID there; SENDING: if it is there, its UID is at least
				* this; 0 = unknown */
};

/* Durable when it returns. Only while no run is open. */
int store_journal_write(struct store *s, struct slice target, struct slice mailbox,
	const struct store_journal_row *row, size_t n, struct err *e) NODISCARD;
/* Durable with the next store_journal_write(), also one of no rows: an outcome that is lost before that is unknown, which
 * costs time, where a flush for each would cost it always. */
int store_journal_note(struct store *s, struct slice target, struct slice mailbox,
	const struct store_journal_row *row, size_t n, struct err *e) NODISCARD;
/* Calls each(ctx, row) for all rows of the target mailbox in the order of generation and UID; non-zero stops and is
 * returned. Works in STORE_READ mode, too. */
int store_journal_read(struct store *s, struct slice target, struct slice mailbox,
	int (*each)(void *ctx, const struct store_journal_row *r), void *ctx,
	struct err *e) NODISCARD;
/* *any: there are rows of the target, in any mailbox, whose state is STORE_JOURNAL_SENDING. Works in STORE_READ mode, too. */
int store_journal_unsettled(
	struct store *s, struct slice target, bool *any, struct err *e) NODISCARD;

/* ---- the past ------------------------------------------------------------------------------------ */

/* The newest finished run (of any result) that began before the moment `at` (wall clock, seconds). 1, 0 when there
 * is none (*run is 0 then), -1. */
int store_run_at(struct store *s, int64_t at, int64_t *run, struct err *e) NODISCARD;
/* The mailboxes that existed in this run, as store_mailboxes(), with the generation that was current then, and how many
 * messages (`stored`) and `bytes` of them the run saw. Attributes, `subscribed` and `present` are those of today;
 * counters and marks that have no history are 0. */
int store_mailboxes_at(
	struct store *s, int64_t run, struct store_mailbox_list *out, struct err *e) NODISCARD;
/* As store_records(), but only messages with a file that were on the server as this run saw it, with the flags of then
 * and state STORE_STORED; gone_run still tells what became of them. */
int store_records_at(struct store *s, int64_t generation, int64_t run, const struct uidset *which,
	int (*each)(void *ctx, const struct store_record *r), void *ctx, struct err *e) NODISCARD;
/* Calls each(ctx, generation, uidvalidity) for every generation the mailbox ever had, the oldest first; stops when it
 * returns non-zero and returns that. */
int store_generations(struct store *s, int64_t mailbox,
	int (*each)(void *ctx, int64_t generation, uint32_t uidvalidity), void *ctx,
	struct err *e) NODISCARD;
/* 1 when a message with this content is stored (and not gone) in the generation, 0, -1. */
int store_has_content(struct store *s, int64_t generation, const unsigned char sha256[SHA256_LEN],
	struct err *e) NODISCARD;

/* ---- checking ------------------------------------------------------------------------------------ */

enum store_fault {
	STORE_FAULT_MISSING, /* a row has no file */
	STORE_FAULT_EXTRA,   /* no row knows the file: to be taken over, a second copy, not ours */
	STORE_FAULT_CHANGED, /* the content does not have the SHA-256 of the row */
	STORE_FAULT_SIZE,    /* the file is longer or shorter than the row says */
	STORE_FAULT_TIME,    /* the modification time is not INTERNALDATE */
	STORE_FAULT_NAME,    /* the name contradicts the row of its UID, or was damaged */
	STORE_FAULT_LETTERS, /* other flag letters, or in new/: other programs may do that */
	STORE_FAULT_UNREADABLE, /* the file or directory cannot be read */
	STORE_FAULT_FOLDER,	/* a mailbox's folder or its side file is missing or wrong */
	STORE_FAULT_INDEX,	/* the index contradicts itself */
	STORE_FAULT_COUNT,
};
const char *store_fault_name(enum store_fault f); /* "missing", "changed", ... */
bool store_fault_is_damage(enum store_fault f);	  /* all but LETTERS */

/* One finding; everything is borrowed until the callback returns. */
struct store_finding {
	enum store_fault fault;
	struct slice mailbox; /* name in UTF-8, not escaped; empty when none is known */
	struct slice path;    /* of its folder, below mail/ */
	struct slice file;    /* name in cur/ or new/; of a missing one what is left: its base */
	bool in_new;
	int64_t mailbox_id, generation; /* 0 = none */
	uint32_t uidvalidity, uid;	/* 0 = none; of a file without row as its name says */
	bool has_row;			/* there is a row with a file for this UID */
	enum store_state state;		/* of that row */
	bool current;			/* that row is of the mailbox's current generation */
	bool unseen;	    /* FOLDER: it could not be looked at to its end; there may be more */
	const char *detail; /* one clause, safe to print */
};

struct store_verify_counts {
	uint64_t rows;	/* rows that have a file */
	uint64_t files; /* seen in cur/ and new/ */
	uint64_t read;	/* files whose content was hashed */
	uint64_t bytes; /* of these */
	uint64_t faults[STORE_FAULT_COUNT];
};

struct store_verify_options {
	/*
	 * Which contents are read: of = 0 all; else a message belongs to one of `of` parts by its UID, and the parts
	 * round * take ... round * take + take - 1 (modulo `of`) are read: with round counting up, of / take (rounded
	 * up) rounds cover everything. Names, sizes and times are looked at in any case, and a file with a wrong
	 * time is read in any case.
	 */
	uint32_t take, of;
	uint64_t round;
	void *ctx;
	/* Each finding; non-zero stops and is returned. The store must not be changed in it. */
	int (*each)(void *ctx, const struct store_finding *f);
	/* Before each folder and after some megabytes; non-zero stops with E_CANCELLED (ERR_ACCOUNT). May be NULL. */
	int (*progress)(void *ctx, const struct store_verify_counts *c, struct slice mailbox);
};

/*
 * Compare tree and index both ways, contents with their SHA-256, and have SQLite check itself.
 * Nothing is changed; the store may be open for reading or writing (then no group may be open).
 * What is found is no error: an index that cannot be read to its end is a finding, too.
 */
int store_verify(struct store *s, const struct store_verify_options *o,
	struct store_verify_counts *counts, struct err *e) NODISCARD;

/* Is there an archive's folder with messages at `path`, whatever has become of its index? */
bool store_has_tree(const char *path);

/* The round of the next sample, from the file verify-state of the archive; the number of the day
 * when there is none. */
uint64_t store_sample_round(struct store *s);
/* This round is done: the next one is another. An archive that cannot be written keeps to the
 * days. */
void store_sample_done(struct store *s, uint64_t round);

/* ---- mending --------------------------------------------------------------------------------------- */

enum store_mending {
	STORE_MENDED,	/* put right with what is here */
	STORE_TO_ADOPT, /* a sound file without a row: a row is written */
	STORE_TO_FETCH, /* the message is lost here and its row says failed: the next backup fetches it */
	STORE_LOST, /* as before, but the server does not have it any more as far as is known */
	STORE_NOT_MENDED, /* nothing could be done; the finding stands */
};

struct store_repair_counts {
	uint64_t mended, adopted, to_fetch, lost, not_mended;
	uint64_t set_aside; /* files that were moved to damaged/ */
};

/*
 * Mend what store_verify() finds, in a run of its own (STORE_WRITE, none open): sound files
 * without row get one, files with a wrong name or time theirs; a file whose content is wrong is
 * moved to damaged/ below the archive, and its row says failed, so that the next backup fetches
 * the message again. No message file is deleted. each() is told what became of each finding and
 * may be NULL.
 */
int store_repair(struct store *s,
	int (*each)(void *ctx, const struct store_finding *f, enum store_mending m), void *ctx,
	int (*progress)(void *ctx, const struct store_verify_counts *c, struct slice mailbox),
	struct store_repair_counts *counts, struct err *e) NODISCARD;

#endif

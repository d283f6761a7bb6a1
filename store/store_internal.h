/* SPDX-License-Identifier: MIT */
/*
 * store_internal.h -- what the files behind store.h share; nobody else includes it.
 *
 * A group is one transaction of the index plus files that wait in tmp/. Rows are written into the
 * transaction at once, so that everything asked afterwards includes them; the files are flushed and
 * published before the transaction is committed (group.c). After an error of scope ERR_STORE in between,
 * memory, files and transaction no longer agree: the store is dead, and the next store_open() mends it.
 */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "store/index.h"
#include "store/maildir.h"
#include "store/store.h"
#include "store/store_unchanged.h"
#include "store/writer.h"

/* An open mailbox directory, kept for the next message (store_folder.c). */
struct folder {
	struct maildir m;
	int64_t mailbox;
	unsigned held; /* users that need it to stay open */
	uint64_t used; /* higher = more recently */
};

/* Open at a time, three descriptors each; more only while all are held. A backup opens 32 mailboxes behind one another, and
 * comes back to each of them. */
#define FOLDERS_MAX 48

/* A finished file in tmp/. */
struct pending {
	int64_t mailbox, generation, flagset;
	uint32_t uid;
	struct maildir_done file; /* file.fd is -1 once it was closed */
	char base[MESSAGE_NAME_MAX];
	char letters[FLAG_LETTERS_MAX]; /* when published */
	bool published;			/* by a rename of ours */
	bool settled;			/* nothing is left in tmp/ */
};

/* A stored message whose file gets other letters. */
struct renaming {
	int64_t mailbox, generation;
	int64_t from, to; /* flagsets */
	uint32_t uid;
	size_t order;
};

struct group {
	struct pending *at;
	size_t n, cap;
	uint64_t bytes; /* of these files */
	size_t changes; /* rows changed in other ways */
	struct renaming *renaming;
	size_t renamings, renaming_cap, renamed;
	bool bulk;	/* files were closed without a flush: syncfs has to do it */
	bool bulk_dirs; /* publishing: directories are flushed by syncfs as well */
};

enum syncfs_state { SYNCFS_UNTRIED, SYNCFS_WORKS, SYNCFS_UNUSABLE };

/* Known sets of flags, by their text (store_flagset.c). */
struct flagset_cache {
	struct flagset {
		char *text;
		size_t n;
		uint64_t hash;
		int64_t id;
	} * at;
	size_t n, cap, bytes;
	uint32_t recent[64]; /* by the last bits of the id: index into at, plus 1; 0 = none */
	uint32_t *slot;	     /* index into at, plus 1; 0 = free */
	size_t slots;	     /* a power of two */
};

struct store {
	const struct fsys *fs;
	char *path; /* as given, for texts */
	enum store_mode mode;
	enum store_layout layout;
	enum store_newline newline;
	int root, lock, mail;
	struct index *x;
	struct store_recovery recovery;
	int64_t run, run_started; /* 0 = none is open; without a row yet: the number it will have */
	bool run_added;		  /* it has a row */
	bool run_recorded;	  /* which was committed */
	struct unchanged unchanged; /* runs that left the index as it is */
	bool dead;
	struct folder **folder;
	size_t folders, folder_cap;
	uint64_t clock; /* counts uses of folders */
	uint64_t serial;
	struct group group;
	enum syncfs_state syncfs;
	struct sha256 *hash; /* of the last message, for the next one; NULL: in use, or none yet */
	struct writer *writer; /* writes the files of a large group; NULL: none yet */
	bool no_writer;	       /* there can be none */
	struct fsys lazy; /* fs, but new folders and their side files wait for the next syncfs() */
	bool owed;	  /* by lazy: the next commit must flush the whole file system */
	struct flagset_cache flagsets;
	struct store_generation *generations; /* those open, as a list */
};

/* ---- store.c ---------------------------------------------------------------------------------- */

/* Is this a call that may write, now? E_STATE, ERR_STORE otherwise. */
int store_has_run(struct store *s, struct err *e) NODISCARD;
/* The same for one that does write: the run has its row from here on. */
int store_writable(struct store *s, struct err *e) NODISCARD;
/* Pass a result on; an error wider than a mailbox makes the store dead, with scope ERR_STORE. */
int store_outcome(struct store *s, int result, struct err *e);
/* The archive's path for a text. */
#define STORE_PATH_SHOWN 200
const char *store_show_path(const struct store *s, char out[STORE_PATH_SHOWN]);
/* A hash to begin with, usually the one of the message before: looking up the algorithm costs as much as hashing 3 KB.
 * NULL: E_NOMEM. */
struct sha256 *hash_take(struct store *s, struct err *e);
void hash_put_back(struct store *s, struct sha256 *hash); /* NULL is fine */

/* ---- store_folder.c --------------------------------------------------------------------------- */

/* "<base>:2,<letters>" */
#define FILE_NAME_SIZE (MESSAGE_NAME_MAX + 3 + FLAG_LETTERS_MAX)
void folder_file_name(const char *base, const char *letters, char out[FILE_NAME_SIZE]);
/* The open directory of a mailbox; borrowed until the next call for another one, unless held. */
int folder_get(struct store *s, int64_t mailbox, struct folder **out, struct err *e) NODISCARD;
/* Flush the directory entries of all open folders. */
int folders_flush(struct store *s, struct err *e) NODISCARD;
void folders_close(struct store *s);
/* Put the side file right if it is not: `uidvalidity` 0 keeps what it says. E_EXISTS (ERR_MAILBOX) when it
 * belongs to a mailbox with another name. */
int folder_write_side(struct store *s, struct maildir *m, const struct index_mailbox *box,
	uint32_t uidvalidity, struct err *e) NODISCARD;
/* Read and compare a message file with its name: 1 right (sha256 is set, the file flushed), 0 wrong or
 * unreadable, -1. */
int folder_check_file(struct maildir *m, const struct message_name *n, const char *letters,
	unsigned char sha256[SHA256_LEN], struct err *e) NODISCARD;

/* ---- store_flagset.c -------------------------------------------------------------------------- */

int flagset_id(struct store *s, struct slice text, int64_t *id, struct err *e) NODISCARD;
/* The letters in file names for a set of flags in this mailbox. */
int flagset_letters(struct store *s, int64_t id, struct maildir *m, char out[FLAG_LETTERS_MAX],
	struct err *e) NODISCARD;
/* May it need letters that a folder does not have yet? */
bool flagset_has_keywords(const struct store *s, int64_t id);
void flagsets_release(struct store *s);

/* ---- store_generation.c ----------------------------------------------------------------------- */

struct flags_of {
	uint32_t uid, flagset;
};

struct store_generation {
	struct store *s;
	struct store_generation *next;
	unsigned refs;
	struct index_generation row;
	struct uidset stored, gone, failed;
	/* Flags of stored messages: the first `sorted` by UID, behind them a short tail as it came. */
	struct flags_of *flags;
	size_t n, cap, sorted;
};

/* The open generation with this id, or NULL. */
struct store_generation *generation_find(struct store *s, int64_t id);
/* NULL when the UID has none. Borrowed until the next addition. */
struct flags_of *generation_flags(struct store_generation *g, uint32_t uid);
int generation_flags_set(
	struct store_generation *g, uint32_t uid, int64_t flagset, struct err *e) NODISCARD;
/* The UID is in exactly this state. */
int generation_move(
	struct store_generation *g, uint32_t uid, enum store_state state, struct err *e) NODISCARD;

/* ---- group.c ---------------------------------------------------------------------------------- */

/* Does syncfs() exist here? The first call finds out by doing it. 0 the state is known now, -1 it failed for another
 * reason. */
int group_try_syncfs(struct store *s, struct err *e) NODISCARD;
/* The table to make a new folder with: without a flush for each step where the next commit can make up for it. */
int group_lazy(struct store *s, const struct fsys **fs, struct err *e) NODISCARD;
int group_sync_all(struct store *s, struct err *e) NODISCARD;
/* Flush what is owed. */
int group_settle(struct store *s, struct err *e) NODISCARD;
/* Room for one more, so that group_add() fails only for reasons that end the group. */
int group_reserve(struct store *s, struct err *e) NODISCARD;
/* The file joins the group, whatever the result is. */
int group_add(struct store *s, const struct pending *p, struct err *e) NODISCARD;
/* The file of this message that waits in tmp/, or NULL. */
struct pending *group_find(struct store *s, int64_t generation, uint32_t uid);
/* Forget the group: transaction, temporary files. */
void group_undo(struct store *s);

/* ---- store_rename.c --------------------------------------------------------------------------- */

/* With the commit; r->order is set. */
int rename_later(struct store *s, const struct renaming *r, struct err *e) NODISCARD;
/* Steps of the commit: letters that are new in their folders are on the disk; then the names are changed. */
int renames_prepare(struct store *s, struct err *e) NODISCARD;
/* Those of folders with a number below `before`, once each. */
int renames_make(struct store *s, int64_t before, struct err *e) NODISCARD;
size_t renames_mailboxes(const struct group *g);

/* ---- store_run.c ------------------------------------------------------------------------------ */

/* Every row of a run is made here. */
int run_add(
	struct store *s, const char *kind, int64_t started, int64_t *id, struct err *e) NODISCARD;
/* The row of the open run, unless it has one. */
int run_start(struct store *s, struct err *e) NODISCARD;
/* To be called before anything is changed in the tree: the row of the run goes to the disk first. */
int run_record(struct store *s, struct err *e) NODISCARD;

/* ---- repair_index.c --------------------------------------------------------------------------- */

/* Under the lock, before the index is opened: one that is damaged gets another name, so that a new one is made. */
int index_set_aside_if_damaged(struct store *s, struct err *e) NODISCARD;

/* ---- recover.c -------------------------------------------------------------------------------- */

/* Mend what `run` (and others that did not end well) left: see struct store_recovery. */
int store_recover(struct store *s, int64_t run, struct err *e) NODISCARD;

#endif

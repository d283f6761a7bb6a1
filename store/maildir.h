/* SPDX-License-Identifier: MIT */
/*
 * maildir.h -- the tree below mail/: directories, message files, side files. No index here.
 *
 * Every path is walked component by component from the archive's descriptor with O_NOFOLLOW (or
 * openat2 RESOLVE_BENEATH), so nothing outside the archive can be reached whatever a name says.
 * All system calls go through struct fsys, so that tests can fail each of them.
 *
 * Scope of errors: ERR_STORE (E_IO, E_FULL, ...) unless said otherwise; ERR_MAILBOX when only
 * this path is unusable (a symbolic link or a file in place of a directory: E_CORRUPT; a name too
 * long for the file system: E_LIMIT); ERR_MESSAGE for reading one message. Texts name files
 * relative to the archive.
 */
#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

#include "core/base/hash.h"
#include "store/fsys.h"
#include "store/names.h"

/* One mailbox directory, open. */
struct maildir {
	const struct fsys *fs;
	int dir, cur, tmp; /* -1 when closed; tmp also when it is missing and not to be made */
	struct buf path;   /* below mail/, for error texts */
	struct keyword_map keywords;
	bool cur_dirty; /* entries were added or renamed since the last flush */
	/* What cur/ and new/ hold, once a file was not where it should be; else NULL. */
	struct maildir_listing *listing;
	bool made_file;	  /* in tmp/: this mailbox can be written to */
	unsigned waiting; /* pieces for it in a writer, under the writer's lock */
};

/* Make (all levels, 0700, parents flushed) and open mail/<path>. `mail` is the descriptor of
 * mail/. create = false: E_MISSING when it does not exist. Loads dovecot-keywords. After a
 * failure *m is closed. */
int maildir_open(struct maildir *m, const struct fsys *fs, int mail, struct slice path, bool create,
	struct err *e) NODISCARD;
void maildir_close(struct maildir *m);

/* Replace a small side file atomically and durably (tmp name, flush, rename, flush dir). */
int maildir_write_side(
	struct maildir *m, const char *name, struct slice text, struct err *e) NODISCARD;
/* Read a small file (at most `out->max` bytes: E_LIMIT, ERR_MAILBOX). 1 read, 0 absent, -1. */
int maildir_read_side(
	struct maildir *m, const char *name, struct buf *out, struct err *e) NODISCARD;
/* Write dovecot-keywords when the map changed; must precede the first file that uses a new
 * letter. */
int maildir_save_keywords(struct maildir *m, struct err *e) NODISCARD;
/* The same in two steps, for many folders at once: written in tmp/, and, when the caller has flushed that, in its place. The
 * caller flushes once more before a new letter is used. */
int maildir_stage_keywords(struct maildir *m, struct err *e) NODISCARD;
int maildir_place_keywords(struct maildir *m, struct err *e) NODISCARD;

/* ---- writing one message --------------------------------------------------------------------- */

/* A file in tmp/, being written. */
struct maildir_file;
struct writer;
#define MAILDIR_TMP_NAME 64 /* bytes of such a name */

/* serial makes the name unique within the archive: "<pid>.<serial>.imapsync-tmp" (with ".raw" in
 * front of the suffix when it had to be written again as received). A leftover of that name is
 * replaced: the caller holds the lock. lf: convert CRLF to LF as long as that can be undone. hash
 * is borrowed and used until finish or discard, and so is the writer, which may be NULL: then all is written at once. */
int maildir_file_begin(struct maildir *m, uint64_t serial, bool lf, struct sha256 *hash,
	struct writer *w, struct maildir_file **out, struct err *e) NODISCARD;
int maildir_file_write(struct maildir_file *f, const void *p, size_t n, struct err *e) NODISCARD;

/* What the finished file is. */
struct maildir_done {
	uint64_t size_disk, size_wire;
	unsigned char sha256[SHA256_LEN];
	char tmp_name[MAILDIR_TMP_NAME];
	int fd; /* still open, for the flush; the caller closes it with maildir_file_flush(). -1: a writer closes it */
};
/* All bytes are written, or with the writer; sets mtime = secs. *f is consumed, also on failure. */
int maildir_file_finish(
	struct maildir_file *f, int64_t secs, struct maildir_done *done, struct err *e) NODISCARD;
void maildir_file_discard(struct maildir_file *f); /* NULL is fine */

/* fdatasync (unless the group was flushed by syncfs) and close, both checked. Consumes done->fd,
 * also on failure; the file in tmp/ stays then, for maildir_remove_tmp(). */
int maildir_file_flush(
	struct maildir *m, struct maildir_done *done, bool sync, struct err *e) NODISCARD;
/* tmp/<tmp_name> -> cur/<name>, never overwriting: E_EXISTS (ERR_MESSAGE) when it is taken. */
int maildir_publish(
	struct maildir *m, const char *tmp_name, const char *name, struct err *e) NODISCARD;
/* cur/<from> of another mailbox (or this one) also becomes cur/<name>: hard link, else durable
 * copy. `from` is looked for by its base when its letters have changed. E_EXISTS, E_MISSING:
 * ERR_MESSAGE. */
int maildir_link(struct maildir *m, struct maildir *from_dir, const char *from, const char *name,
	struct err *e) NODISCARD;
/* Flush the directory entries of cur/ when dirty. */
int maildir_flush(struct maildir *m, struct err *e) NODISCARD;
void maildir_remove_tmp(struct maildir *m, const char *tmp_name);

/* ---- existing messages ----------------------------------------------------------------------- */

/* Rename cur/<base><":2,"><old letters> to the new letters; finds the file by its base when
 * somebody else changed the letters. E_MISSING (ERR_MESSAGE) when there is none. Equal letters:
 * nothing is done. */
int maildir_set_letters(struct maildir *m, const char *base, const char *old_letters,
	const char *letters, struct err *e) NODISCARD;
/* Open for reading the file with this base (letters as a first guess; new/ is looked at as well).
 * *st, unless NULL: what it is. E_MISSING, E_CORRUPT (not a regular file), E_IO: ERR_MESSAGE. */
int maildir_open_message(struct maildir *m, const char *base, const char *letters, int *fd,
	struct stat *st, struct err *e) NODISCARD;
/* Feed the wire bytes of an open message file: adds CR before LF when add_cr (size_disk <
 * size_wire). Stops when the sink returns non-zero and returns that; -1 with *e set (ERR_MESSAGE)
 * when reading fails. */
int maildir_read_wire(const struct fsys *fs, int fd, bool add_cr,
	int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e) NODISCARD;
/* Call each(ctx, name) for every entry of cur/ and new/ that is one of our message names; 0 to go
 * on, another value is returned. */
int maildir_scan(struct maildir *m, int (*each)(void *ctx, const char *name, bool in_new),
	void *ctx, struct err *e) NODISCARD;
/* Remove our own "*.imapsync-tmp" leftovers in tmp/ (caller holds the lock); counts them. */
int maildir_reap(struct maildir *m, uint64_t *removed, struct err *e) NODISCARD;
/* Call each(ctx, path) for every mailbox directory below mail/ (one that has cur/), a parent
 * before its children, siblings in the order of their bytes; 0 to go on, another value is
 * returned. Entries that are not directories, symbolic links among them, are passed over. */
int maildir_walk(const struct fsys *fs, int mail, enum store_layout layout,
	int (*each)(void *ctx, struct slice path), void *ctx, struct err *e) NODISCARD;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * import_internal.h -- what the files import*.c share; nobody else but tests includes it.
 *
 *   import.c           what is at a path; the origin; messages one by one
 *   import_file.c      opening below a folder; expanding what is compressed
 *   import_reader.c    a stretch of a file as a message on the wire
 *   import_maildir.c   Maildir trees: folders, names, flags
 *   import_mbox.c      an mbox without a manifest
 *   import_manifest.c  exports: a folder, a tar file or an mbox by its manifest
 *   import_tar.c       where the files of a tar file are
 */
#ifndef CORE_SYNC_IMPORT_INTERNAL_H
#define CORE_SYNC_IMPORT_INTERNAL_H

#include <sys/stat.h>

#include "core/sync/export_read.h"
#include "core/sync/import.h"
#include "core/sync/mboxrd.h"

#define IMPORT_PATH_MAX ((size_t)16 << 10) /* bytes of a path below the root */

/* How line ends become those of the wire. */
enum import_ends {
	IMPORT_AS_IS,
	IMPORT_CR_ALL,	/* a CR before each LF */
	IMPORT_CR_BARE, /* ... that has none */
	IMPORT_BY_SIZE, /* one of the first two, whichever gives the size */
};

struct import_message {
	size_t name,
		nname; /* in import_load.text: the path below the folder, or what stands for it */
	size_t flags, nflags;	 /* there, canonical */
	uint64_t offset, length; /* in the file that all share */
	uint64_t size;		 /* on the wire */
	struct mail_date date;
	enum import_ends ends;
	bool own;     /* has a file of its own: the name */
	bool known;   /* size and sha256 are those of a manifest; else found by reading */
	bool missing; /* the manifest has it, the file does not */
	unsigned char sha256[SHA256_LEN];
};

/* The messages of a folder, as long as somebody may ask for them. */
struct import_load {
	struct buf path; /* of the folder, below the root; scratch behind that */
	struct import_message *message;
	size_t n, cap;
	struct buf text;
};

struct import_folder {
	struct origin_folder f;
	struct buf path;	   /* below the root, "" is the root itself */
	uint64_t begin, end, line; /* its lines in the manifest; the number of the first */
	struct import_load load;
};

struct import;

struct import_kind {
	/* Fill in the folders. */
	int (*find)(struct import *m, struct err *e);
	/* Fill in the messages of one. ERR_MAILBOX: this folder cannot be read. */
	int (*load)(struct import *m, const struct import_folder *f, struct err *e);
};

struct import_tar_entry {
	unsigned char key[16]; /* of the SHA-256 of its path */
	uint64_t offset, size;
};

struct import_tar {
	struct import_tar_entry *at; /* by key */
	size_t n, cap;
	uint64_t manifest, manifest_size; /* where it is */
	bool has_manifest;
};

struct import {
	struct restore_origin base;
	const struct restore_options *options;
	const struct sync_hooks *hooks;
	const struct import_kind *kind;
	int root;	 /* the folder, or the file that all messages share */
	struct buf name; /* of an mbox: of its folder */
	int manifest;	 /* a descriptor, or -1: in the tar file */
	uint64_t manifest_begin, manifest_size;
	bool quoted; /* mboxrd */
	struct import_tar tar;
	struct import_folder *folder;
	size_t nfolders, folder_cap;
	struct import_load *now; /* of the folder that is being loaded, or was last */
	/* scratch */
	struct buf header, value, decoded;
};

extern const struct import_kind import_maildir, import_mbox, import_manifest;

/* ---- import.c -------------------------------------------------------------------------------- */

/* A new one at the end, all zero; NULL: *e. Pointers to others are void. */
struct import_folder *import_add_folder(struct import *m, struct err *e);
struct import_message *import_add_message(struct import *m, struct err *e);
/* Flags as they were found, separated by spaces, become the message's. */
int import_flags(struct import *m, struct import_message *x, const struct buf *found,
	struct err *e) NODISCARD;
/* -1 with E_CANCELLED when a signal asks to stop. */
int import_check(const struct import *m, struct err *e) NODISCARD;
/* The header of a message, up to HEADER_MAX bytes of it, into m->header. */
int import_header(struct import *m, struct import_message *x, struct err *e) NODISCARD;
/* Append one level of a folder's name on disk as modified UTF-7: it may be that already, or UTF-8. Other bytes become
 * '_'. */
int import_add_level(struct buf *wire, struct slice level, struct err *e) NODISCARD;
/* wire is complete: name follows from it. */
int import_name_folder(struct origin_folder *f, struct err *e) NODISCARD;

/* ---- import_file.c --------------------------------------------------------------------------- */

/* A path below a folder, for reading; relative, without "." and "..", no link in any place. -1 and errno. */
int import_open_beneath(int dir, const char *path, int flags);
/* A regular file; *st is filled in. -1: *e (ERR_MESSAGE). */
int import_open_file(int dir, const char *path, struct stat *st, struct err *e);
/* The user's file, as it is or expanded; *fd can be read at any place. */
int import_open_plain(
	const char *path, const struct sync_hooks *h, int *fd, struct err *e) NODISCARD;
/* Up to n bytes; fewer only at the end. */
int import_pread(int fd, void *p, size_t n, uint64_t at, size_t *got, struct err *e) NODISCARD;
/* A small file whole. 1 read, 0 absent or not a regular file, -1: also when it is longer than out->max. */
int import_read_small(int dir, const char *path, struct buf *out, struct err *e) NODISCARD;

/* ---- import_reader.c ------------------------------------------------------------------------- */

struct import_span {
	int fd;
	bool own; /* close it at the end */
	uint64_t offset, length;
	bool quoted;
	enum import_ends ends; /* not IMPORT_BY_SIZE */
};
/* Takes over the descriptor of an own file, also on failure. */
int import_reader_open(
	const struct import_span *span, struct origin_reader **out, struct err *e) NODISCARD;

/* ---- import_mbox.c --------------------------------------------------------------------------- */

/* Messages of an mbox without manifest: each() for every one in turn, with its place and the date of the line in front of
 * it; -1 stops. */
struct import_mbox_scan {
	int (*each)(void *ctx, uint64_t offset, uint64_t length, const struct mail_date *date,
		struct err *e);
	void *ctx;
	/* private */
	uint64_t at, begin, line; /* so far; of the message; of the line */
	bool open, dates;	  /* in a message; the lines in front have dates */
	size_t blank;		  /* bytes of the empty line in front of this one */
	struct mail_date date;
	size_t held;
	unsigned char head[256]; /* of the line */
};
void import_mbox_begin(struct import_mbox_scan *s);
int import_mbox_add(struct import_mbox_scan *s, const void *p, size_t n, struct err *e) NODISCARD;
int import_mbox_end(struct import_mbox_scan *s, struct err *e) NODISCARD;
/* "From SENDER Fri Mar  1 10:00:00 2024", perhaps with a zone; false: there is no date in it. */
bool import_mbox_date(struct slice line, struct mail_date *d);

/* ---- import_tar.c ---------------------------------------------------------------------------- */

int import_tar_index(struct import_tar *t, int fd, const struct import *m, struct err *e) NODISCARD;
void import_tar_release(struct import_tar *t);
const struct import_tar_entry *import_tar_find(
	const struct import_tar *t, struct slice path, struct err *e);

#endif

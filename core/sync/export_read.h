/* SPDX-License-Identifier: MIT */
/*
 * export_read.h -- parts that read what export*.c wrote: input with or without gzip, the lines of a manifest, the entries
 * of a tar file, hashes of both line ends. For verify_export*.c and the fuzz target. All input is hostile.
 */
#ifndef CORE_SYNC_EXPORT_READ_H
#define CORE_SYNC_EXPORT_READ_H

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "core/base/mail.h"

/* ---- input (export_read.c) -------------------------------------------------------------------- */

#define EXPORT_PEEK_MAX 512

/* Up to n bytes into p: 0 with *got, which is 0 at the end, or -1 with *e. */
struct export_source {
	void *ctx;
	int (*get)(void *ctx, void *p, size_t n, size_t *got, struct err *e);
};

struct export_in;

/* What begins as gzip is decompressed. */
int export_in_open(
	struct export_in **out, const struct export_source *src, struct err *e) NODISCARD;
void export_in_close(struct export_in *in); /* NULL is fine */
/* The next n bytes (at most EXPORT_PEEK_MAX), or fewer at the end; they stay. Borrowed until the next call. */
int export_in_peek(struct export_in *in, size_t n, struct slice *out, struct err *e) NODISCARD;
/* The next bytes, 1 to max of them; none at the end. Borrowed until the next call. */
int export_in_take(struct export_in *in, uint64_t max, struct slice *out, struct err *e) NODISCARD;
uint64_t export_in_at(const struct export_in *in); /* bytes taken so far */

/* ---- hashes (export_read.c) ------------------------------------------------------------------- */

/* Of bytes as they are, and with a CR before every LF. */
struct export_digest {
	struct sha256 *raw, *crlf;
	bool want_raw, want_crlf; /* which one is computed */
	uint64_t size, lfs;
	unsigned char raw_sum[SHA256_LEN], crlf_sum[SHA256_LEN];
};

int export_digest_init(struct export_digest *d, struct err *e) NODISCARD;
void export_digest_release(struct export_digest *d);
int export_digest_begin(struct export_digest *d, bool raw, bool crlf, struct err *e) NODISCARD;
int export_digest_add(struct export_digest *d, const void *p, size_t n, struct err *e) NODISCARD;
int export_digest_end(struct export_digest *d, struct err *e) NODISCARD;

/* ---- manifest (export_read_manifest.c) -------------------------------------------------------- */

struct export_line {
	uint64_t number; /* in the manifest, from 1 */
	unsigned char sha256[SHA256_LEN];
	uint64_t size;
	struct mail_date date;
	uint32_t uidvalidity, uid;
	struct slice flags;	    /* as written; see export_line_flags() */
	char delimiter;		    /* of the folder's name; '\0': none */
	struct slice folder, place; /* decoded; borrowed for the call */
};

/* A line about a folder; all its messages follow. Borrowed for the call. */
struct export_folder_line {
	uint64_t number;
	char delimiter;
	struct slice folder;	 /* decoded */
	struct slice attributes; /* separated by spaces */
	bool subscribed;
};

/* Lines are given to each() as they are complete; -1 stops. Anything but what export_manifest_add() writes is
 * E_CORRUPT with the number of the line. */
struct export_lines {
	int (*each)(void *ctx, const struct export_line *line, struct err *e);
	/* Manifests before version 3 have none. NULL: they are not asked for. */
	int (*on_folder)(void *ctx, const struct export_folder_line *line, struct err *e);
	void *ctx;
	uint64_t number;
	uint64_t at; /* where the line that is given begins */
	char delimiter;
	unsigned version; /* 0: not known yet */
	bool ended;	  /* the last line was there, and its SHA-256 is right */
	struct sha256 *hash;
	struct buf line, folder, place;
	struct buf announced; /* the folder that the messages belong to, from version 3 on */
};

void export_lines_init(struct export_lines *l,
	int (*each)(void *ctx, const struct export_line *line, struct err *e), void *ctx);
void export_lines_release(struct export_lines *l);
/* Only some lines of messages will come, the first of them with this number: there is no beginning and no end to look at. */
void export_lines_part(struct export_lines *l, uint64_t number, char delimiter);
int export_lines_add(struct export_lines *l, const void *p, size_t n, struct err *e) NODISCARD;
int export_lines_end(struct export_lines *l, struct err *e) NODISCARD; /* it must be whole */
/* After export_lines_end(): it has a SHA-256 of itself. Those of version 1 do not; each() was called for lines that nothing
 * but their form speaks for. */
bool export_lines_proven(const struct export_lines *l);
/* The flags of a line as canonical text (core/base/mail.h), appended. */
int export_line_flags(const struct export_line *line, struct buf *out, struct err *e) NODISCARD;
/* "@OFFSET+LENGTH" */
bool export_mbox_place(struct slice place, uint64_t *offset, uint64_t *length);

/* ---- tar (export_read_tar.c) ------------------------------------------------------------------ */

enum export_entry { EXPORT_ENTRY_FILE, EXPORT_ENTRY_DIR, EXPORT_ENTRY_OTHER };

struct export_entries {
	void *ctx;
	/* The path is borrowed for the call; it can be anything without NUL. */
	int (*begin)(void *ctx, struct slice path, enum export_entry kind, struct err *e);
	int (*data)(void *ctx, const void *p, size_t n, struct err *e);
	/* clean: the bytes that fill the last block are zero. */
	int (*end)(void *ctx, bool clean, struct err *e);
};

/* All entries to the end. E_CORRUPT: cut off, damaged, or not tar; E_LIMIT. */
int export_tar_read(struct export_in *in, const struct export_entries *to, struct err *e) NODISCARD;

#endif

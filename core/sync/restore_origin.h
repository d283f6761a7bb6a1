/* SPDX-License-Identifier: MIT */
/*
 * restore_origin.h -- where the messages of a restore come from: our archive (restore_archive.c), or another program's tree
 * or an exported file (import.h). The restore sees folders, messages and bytes as on the wire, nothing else.
 *
 * Invariants: nothing of the origin is changed but the journal; a message keeps its key (generation and UID, which mean
 * something to the origin only) and its bytes as long as the origin is open.
 *
 * Life cycle: import_open or archive_origin_open -> run -> close. The messages of a folder can be opened until done() was
 * called for it, or else until close. Single thread; several readers may be open.
 */
#ifndef CORE_SYNC_RESTORE_ORIGIN_H
#define CORE_SYNC_RESTORE_ORIGIN_H

#include "core/sync/selection.h"

#define ORIGIN_NAME_MAX ((size_t)1 << 16)

struct origin_folder {
	int64_t key;	       /* for done() of the origin */
	struct buf wire;       /* modified UTF-7, levels separated by the delimiter */
	struct buf name;       /* the same in UTF-8, not escaped */
	struct buf attributes; /* as of LIST, separated by spaces; empty = not known */
	char delimiter;	       /* '\0': there is only one level */
	bool subscribed;
};
void origin_folder_init(struct origin_folder *f);
void origin_folder_release(struct origin_folder *f);
/* Replaces *to. The scope of a failure is ERR_MAILBOX. */
int origin_folder_copy(
	struct origin_folder *to, const struct origin_folder *from, struct err *e) NODISCARD;

struct origin_message {
	int64_t generation; /* the key */
	uint32_t uid;
	uint64_t size;	  /* octets on the wire */
	uint64_t claimed; /* what a server said about that, 0 = nothing */
	struct mail_date date;
	struct slice flags; /* canonical text */
	unsigned char sha256[SHA256_LEN];
};

/* 0 to go on, -1 with *e to stop. Everything is borrowed for the call. */
struct origin_sink {
	void *ctx;
	int (*folder)(void *ctx, const struct origin_folder *f, struct err *e);
	int (*message)(void *ctx, const struct origin_message *m, struct err *e);
	/* The folder that was told last cannot be read. */
	int (*broken)(void *ctx, const struct err *why, struct err *e);
	/* A message that is left out, and why (safe to print). */
	int (*odd)(void *ctx, int64_t generation, uint32_t uid, const char *why, struct err *e);
};

struct origin_reader {
	/* 1..n octets as on the wire, 0 at the end, -1 (ERR_MESSAGE). */
	long (*read)(struct origin_reader *x, void *p, size_t n, struct err *e);
	void (*close)(struct origin_reader *x);
};

struct restore_origin {
	const char *where;    /* "in the archive" */
	const char *advice;   /* for damage: "; see imapsync verify" */
	bool all_below_inbox; /* every other folder stands below INBOX, as some servers have it */
	/* All that is selected, folder by folder, also folders without messages. */
	int (*run)(struct restore_origin *o, const struct origin_sink *to,
		struct selection_counts *counts, struct err *e);
	/* What people call the message: "UID 17". Not escaped. */
	void (*label)(struct restore_origin *o, int64_t generation, uint32_t uid, struct buf *out);
	/* ERR_MESSAGE when it is only this one. */
	int (*open)(struct restore_origin *o, int64_t generation, uint32_t uid,
		struct origin_reader **out, struct err *e);
	/* No message of this folder will be opened any more. May be NULL. */
	void (*done)(struct restore_origin *o, int64_t folder);
	/* The journal of store.h; all three NULL when the origin keeps none. What is not written `durable` is so with the next that
	 * is, which may be of no rows. */
	int (*journal_read)(struct restore_origin *o, struct slice target, struct slice mailbox,
		int (*each)(void *ctx, const struct store_journal_row *r), void *ctx,
		struct err *e);
	int (*journal_write)(struct restore_origin *o, struct slice target, struct slice mailbox,
		const struct store_journal_row *row, size_t n, bool durable, struct err *e);
	/* *any: the journal has messages that were on their way to `target` when their run ended. NULL when there is none. */
	int (*unsettled)(struct restore_origin *o, struct slice target, bool *any, struct err *e);
	void (*close)(struct restore_origin *o);
};

void origin_close(struct restore_origin *o);	   /* NULL is fine */
void origin_reader_close(struct origin_reader *x); /* NULL is fine */
/* All octets of a message in chunks; stops when sink() returns non-zero and returns that. -1: *e. */
int origin_read(struct restore_origin *o, int64_t generation, uint32_t uid,
	int (*sink)(void *ctx, const void *p, size_t n), void *ctx, struct err *e) NODISCARD;
/* SHA-256 of the header: everything up to and with the first empty line, or all when there is none. */
int origin_header_hash(struct restore_origin *o, int64_t generation, uint32_t uid,
	unsigned char out[SHA256_LEN], struct err *e) NODISCARD;

/* Finds the end of a header in pieces. Begin with HEADER_END_INIT. */
struct header_end {
	bool line_start; /* nothing but perhaps a CR since the last LF */
	bool after_cr;	 /* that CR */
	bool found;
};
#define HEADER_END_INIT                                                                            \
	{                                                                                          \
		true, false, false                                                                 \
	}
/* How many of the bytes belong to the header; all until it was found. */
size_t header_end_bytes(struct header_end *h, const void *p, size_t n);

/* Names come one by one; then: are there folders below INBOX and, but for INBOX itself, no others? */
struct inbox_survey {
	bool below, beside;
};
void inbox_survey_add(struct inbox_survey *s, struct slice wire, char delimiter);
bool inbox_survey_all_below(const struct inbox_survey *s);

struct restore_options;
/* The archive at `path`. */
int archive_origin_open(struct restore_origin **out, const char *path,
	const struct restore_options *o, struct err *e) NODISCARD;

#endif

/* SPDX-License-Identifier: MIT */
/* export_internal.h -- what the files export*.c share; nobody else includes it. */
#ifndef CORE_SYNC_EXPORT_INTERNAL_H
#define CORE_SYNC_EXPORT_INTERNAL_H

#include "core/sync/export.h"

#define EXPORT_HOLD                                                                                \
	((size_t)8 << 20)     /* a message up to this size is read once; a larger one twice */
#define EXPORT_PLACE_MAX 8192 /* bytes of a path inside the output */

/* ---- a file that appears when it is complete (export_out.c) -------------------------------------
 */

struct export_out;

/* Is the final name free, or may it be replaced? E_USAGE otherwise. "-" always is. */
int export_may_write(const char *path, bool force, struct err *e) NODISCARD;
/* "-" is standard output, where nothing can be taken back. */
int export_out_open(
	struct export_out **out, const char *path, bool gzip, bool force, struct err *e) NODISCARD;
int export_out_write(struct export_out *o, const void *p, size_t n, struct err *e) NODISCARD;
uint64_t export_out_at(const struct export_out *o); /* bytes written so far, before compression */
/* Flush and give it its name. *o is consumed, also on failure. */
int export_out_publish(struct export_out *o, struct err *e) NODISCARD;
void export_out_abandon(struct export_out *o); /* NULL is fine */
/* Flush the directory that holds this path. */
int export_flush_parent(const char *path, struct err *e) NODISCARD;

/* ---- writers
 * ------------------------------------------------------------------------------------- */

struct export_manifest;

struct export_message {
	const struct selection_item *item;
	uint64_t size;	 /* wire bytes */
	uint64_t stored; /* bytes of its file in the archive */
	/* Not known to a writer that takes the bytes as stored: */
	uint64_t crlf; /* how many of the wire bytes are CRs before LFs */
	bool all_crlf; /* no LF without CR: with LF line ends it can be restored */
};

/* An output format. All return 0 or -1 with *e. */
struct export_writer {
	bool as_stored; /* data() is to get the bytes of the archive's files */
	int (*folder)(struct export_writer *w, const struct store_mailbox *box, struct err *e);
	/* *lf: give the data with LF line ends. The place for the manifest may be appended here or
	 * in end(). */
	int (*begin)(struct export_writer *w, const struct export_message *m, bool *lf,
		struct buf *place, struct err *e);
	int (*data)(struct export_writer *w, const void *p, size_t n, struct err *e);
	int (*end)(struct export_writer *w, struct buf *place, struct err *e);
	/* All messages are written; the manifest is complete and has this size. Makes the output
	 * appear. The writer must still be closed. */
	int (*finish)(struct export_writer *w, struct export_manifest *manifest, uint64_t size,
		struct err *e);
	void (*close)(struct export_writer *w); /* nothing stays of what was not finished */
};

struct export_writer *export_mbox_new(const struct export_options *o, struct err *e);
/* The date in the line in front of a message: asctime() in UTC, without locale and TZ: "Fri Mar  1 10:00:00 2024". */
#define EXPORT_MBOX_DATE 64
void export_mbox_date(char out[EXPORT_MBOX_DATE], const struct mail_date *d);
/* Tar or folder: a layout (export_tree.c) over one of the trees below. */
struct export_writer *export_tree_new(const struct export_options *o, struct err *e);

/* ---- messages on their way (export_queue.c) ----------------------------------------------------- */

/* Where they go, and who hears of them. Borrowed as long as the queue is there. */
struct export_target {
	struct export_writer *w;
	struct export_manifest *manifest;
	const struct sync_hooks *h;
	struct export_report *r;
	bool all_folders; /* also those without messages are in the manifest */
};

/*
 * Folders and messages come out in the order in which they went in. Mailboxes stay borrowed until the queue is drained; what
 * else is given is copied. A message that is damaged or cannot be read is reported and left out.
 */
struct export_queue;
struct export_queue *export_queue_new(
	struct store *s, const struct export_target *to, struct err *e); /* NULL: *e */
void export_queue_free(struct export_queue *q);				 /* NULL is fine */
int export_queue_folder(
	struct export_queue *q, const struct store_mailbox *box, struct err *e) NODISCARD;
int export_queue_message(
	struct export_queue *q, const struct selection_item *item, struct err *e) NODISCARD;
/* It may have been selected; why it cannot be known. */
int export_queue_unreadable(struct export_queue *q, const struct selection_item *item,
	const char *why, struct err *e) NODISCARD;
/* Everything has come out. */
int export_queue_drain(struct export_queue *q, struct err *e) NODISCARD;

/* ---- trees
 * --------------------------------------------------------------------------------------- */

/* Paths are relative, without "." and "..", and end in no '/'. */
struct export_tree {
	int (*dir)(
		struct export_tree *t, const char *path, struct err *e); /* the parent is there */
	int (*file)(struct export_tree *t, const char *path, uint64_t size, int64_t mtime,
		struct err *e);
	int (*data)(struct export_tree *t, const void *p, size_t n,
		struct err *e); /* `size` bytes in all */
	int (*end)(struct export_tree *t, struct err *e);
	int (*finish)(struct export_tree *t, struct err *e);
	void (*close)(struct export_tree *t);
};

/* What has no time of its own: 1980-01-01, since some programs complain about 1970. */
#define EXPORT_EPOCH INT64_C(315532800)

struct export_tree *export_tar_new(const char *output, bool gzip, bool force, struct err *e);
struct export_tree *export_dir_new(const char *output, struct err *e);

/* ---- manifest (export_manifest.c)
 * ----------------------------------------------------------------- */

/* A temporary file until the output is complete: the lines of export.h, in the order of the calls. */

#define EXPORT_MANIFEST_FOLDER "# folder "
#define EXPORT_MANIFEST_FIRST  "imapsync-manifest " /* and the version */
#define EXPORT_MANIFEST_FIELDS "# sha256 size date flags uidvalidity uid folder place"
#define EXPORT_MANIFEST_END    "# end "

/* What the manifest keeps of a folder's attributes, in its order: its special use, and a word for its subscription. All
 * others are about a moment or follow from the other folders. */
#define EXPORT_ATTRIBUTES 9
#define EXPORT_SUBSCRIBED "\\Subscribed"
extern const char *const export_attribute[EXPORT_ATTRIBUTES];

/* *out must be closed also after a failure. */
int export_manifest_open(struct export_manifest **out, struct err *e) NODISCARD;
void export_manifest_close(struct export_manifest *m); /* NULL is fine */
/* A folder; without this call it is one with its first message. */
int export_manifest_folder(
	struct export_manifest *m, const struct store_mailbox *box, struct err *e) NODISCARD;
int export_manifest_add(struct export_manifest *m, const struct selection_item *item,
	struct slice place, struct err *e) NODISCARD;
/* The last line. *size: bytes of the whole. */
int export_manifest_end(struct export_manifest *m, uint64_t *size, struct err *e) NODISCARD;
/* Call put() with the whole, from its beginning. */
int export_manifest_copy(struct export_manifest *m,
	int (*put)(void *ctx, const void *p, size_t n, struct err *e), void *ctx,
	struct err *e) NODISCARD;

#endif

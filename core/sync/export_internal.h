/* SPDX-License-Identifier: MIT */
/* export_internal.h -- what the files export*.c share; nobody else includes it. */
#ifndef CORE_SYNC_EXPORT_INTERNAL_H
#define CORE_SYNC_EXPORT_INTERNAL_H

#include <stdio.h>

#include "core/sync/export.h"

#define EXPORT_HOLD                                                                                \
	((size_t)4 << 20)     /* a message up to this size is read once; a larger one twice */
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

struct export_message {
	const struct selection_item *item;
	uint64_t size, crlf; /* wire bytes, and how many of them are CRs before LFs */
	bool all_crlf;	     /* no LF without CR: with LF line ends it can be restored */
};

/* An output format. All return 0 or -1 with *e. */
struct export_writer {
	int (*folder)(struct export_writer *w, const struct store_mailbox *box, struct err *e);
	/* *lf: give the data with LF line ends. The place for the manifest may be appended here or
	 * in end(). */
	int (*begin)(struct export_writer *w, const struct export_message *m, bool *lf,
		struct buf *place, struct err *e);
	int (*data)(struct export_writer *w, const void *p, size_t n, struct err *e);
	int (*end)(struct export_writer *w, struct buf *place, struct err *e);
	/* All messages are written; the manifest is to be read from its beginning and has this
	 * size. Makes the output appear. The writer must still be closed. */
	int (*finish)(struct export_writer *w, FILE *manifest, uint64_t size, struct err *e);
	void (*close)(struct export_writer *w); /* nothing stays of what was not finished */
};

struct export_writer *export_mbox_new(const struct export_options *o, struct err *e);
/* The date in the line in front of a message: asctime() in UTC, without locale and TZ: "Fri Mar  1 10:00:00 2024". */
#define EXPORT_MBOX_DATE 64
void export_mbox_date(char out[EXPORT_MBOX_DATE], const struct mail_date *d);
/* Tar or folder: a layout (export_tree.c) over one of the trees below. */
struct export_writer *export_tree_new(const struct export_options *o, struct err *e);

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

int export_manifest_begin(FILE *f, struct err *e) NODISCARD;
int export_manifest_add(
	FILE *f, const struct selection_item *item, struct slice place, struct err *e) NODISCARD;
/* Call put() with the whole file, from its beginning. */
int export_manifest_copy(FILE *f, int (*put)(void *ctx, const void *p, size_t n, struct err *e),
	void *ctx, struct err *e) NODISCARD;

#endif

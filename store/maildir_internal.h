/* SPDX-License-Identifier: MIT */
/*
 * maildir_internal.h -- what the files maildir*.c share; nobody else includes it.
 */
#ifndef STORE_MAILDIR_INTERNAL_H
#define STORE_MAILDIR_INTERNAL_H

#include "store/maildir.h"

#define TMP_SUFFIX ".imapsync-tmp"

/* Fill *e in from errno: "cannot <doing> mail/<path>/<sub>/<name>: <reason>". sub and name may be
 * NULL. See the scopes in maildir.h. Returns -1. */
int maildir_fail(const struct maildir *m, struct err *e, const char *doing, const char *sub,
	const char *name);
/* The same with scope ERR_MESSAGE, and E_CORRUPT for what is not a regular file. */
int maildir_fail_message(const struct maildir *m, struct err *e, const char *doing, const char *sub,
	const char *name);
/* A name from the index or a caller must be one component: E_CORRUPT (ERR_MESSAGE) otherwise. */
int maildir_check_component(const struct maildir *m, const char *name, struct err *e) NODISCARD;

/* Make tmp/<name>; a leftover of that name is replaced. -1: errno. */
int maildir_create_tmp(struct maildir *m, const char *name);
/* mtime = secs; 0 also where the file system cannot have that time. -1: errno. */
int maildir_set_time(const struct fsys *fs, int fd, int64_t secs);

/* A file that was found by its base; the name is borrowed until the next search. */
struct maildir_found {
	const char *name;
	bool in_new;
};

/*
 * Look for a base in cur/ and new/. 1 found, 0 not there, -1 (E_MISSING never). The directories
 * are listed once and again only when they changed; `again` lists in any case.
 */
int maildir_find(struct maildir *m, const char *base, bool again, struct maildir_found *found,
	struct err *e) NODISCARD;
/* We renamed a file to cur/<base>... ourselves: the listing learns that instead of being read
 * again. */
void maildir_listing_renamed(struct maildir *m, const char *base, const char *name);
void maildir_listing_free(struct maildir *m);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * writer.h -- a thread that writes message files into tmp/ while the next bytes are received and hashed.
 *
 * It moves system calls to another processor, nothing else: making a file, writing, dating and closing it. It flushes
 * nothing, gives no file its name and knows no index, so the order in which a group becomes durable (group.c) stays
 * what it is; a group is written only after writer_drain().
 *
 * Invariants:
 *   W1  the pieces of one file are written in the order in which they were put
 *   W2  at most WRITER_PIECES pieces wait; who puts one more waits, too
 *   W3  the first failure is final: nothing is written any more, files that come to their end are removed, and every
 *       writer_check() and writer_drain() from then on tells it (ERR_STORE)
 *   W4  a maildir is not closed while pieces for it wait: writer_wait()
 *
 * Life cycle: writer_new -> { writer_file_new -> writer_put ... -> writer_finish or writer_discard } ... -> writer_drain
 * -> writer_free. All calls are for one thread, the one that owns the store. The struct fsys of the maildirs must be fit
 * for two threads (fsys.h).
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/maildir.h"

#define WRITER_BUFFER (64u << 10)
#define WRITER_PIECES 32

struct writer;
struct writer_file;

/* E_NOMEM, or E_IO when there can be no thread: the caller writes by itself then. */
int writer_new(struct writer **out, struct err *e) NODISCARD;
/* What waits is done before. NULL is fine. */
void writer_free(struct writer *w);

/* tmp/<name>, open as fd, which is taken over; or still to be made, with fd = -1. NULL: no memory (fd stays the caller's). */
struct writer_file *writer_file_new(struct maildir *m, int fd, const char *name);
/* A buffer of WRITER_BUFFER bytes, to be given to writer_put() or free(). NULL: no memory. */
unsigned char *writer_buffer(struct writer *w);
/* Append buf[0..n); buf is taken over. */
void writer_put(struct writer *w, struct writer_file *f, unsigned char *buf, size_t n);
/* The last piece: then the file gets its mtime (seconds) and is closed. f is taken over. */
void writer_finish(
	struct writer *w, struct writer_file *f, unsigned char *buf, size_t n, int64_t secs);
/* The file is closed and removed. f is taken over. */
void writer_discard(struct writer *w, struct writer_file *f);
/* Waits until all of it is written and gives the descriptor back; f is freed. -1: *e. */
int writer_take_back(struct writer *w, struct writer_file *f, struct err *e) NODISCARD;

/* Did something fail so far? Does not wait. */
int writer_check(struct writer *w, struct err *e) NODISCARD;
/* Waits until nothing is left to do. -1: something failed. */
int writer_drain(struct writer *w, struct err *e) NODISCARD;
/* Waits until nothing is left to do for this maildir, whatever comes of it. w may be NULL. */
void writer_wait(struct writer *w, struct maildir *m);

#endif

/* SPDX-License-Identifier: MIT */
/* writer.c -- see writer.h. A ring of pieces, one lock, and as few wake-ups as possible: they are what a thread costs. */
#include "store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/thread.h"
#include "core/base/writeback.h"
#include "store/maildir_internal.h"

/* The thread is woken for so many pieces at a time, unless somebody waits. */
#define WAKE_AT 8
/* Writing a file of this size to the disk begins before its group is flushed. Small ones are flushed better together. */
#define WRITEBACK_FROM ((uint64_t)256 << 10)

struct writer_file {
	struct maildir *m;
	const struct fsys *fs;
	int fd; /* -1 = not made yet, or failed */
	uint64_t size;
	char name[MAILDIR_TMP_NAME];
};

enum piece_kind { PIECE_MORE, PIECE_LAST, PIECE_DISCARD };

struct piece {
	struct writer_file *file;
	enum piece_kind kind;
	unsigned char *buf; /* owned; NULL for PIECE_DISCARD */
	size_t n;
	int64_t secs;
};

struct writer {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below, and of maildir.waiting */
	pthread_cond_t work, done;
	struct piece at[WRITER_PIECES];
	size_t first, n; /* the one at `first` may be in work: it leaves when it is done */
	bool awaited;	 /* the owner waits in `done`, for ... */
	const struct maildir *only; /* ... this one to have nothing waiting, or, if NULL, ... */
	size_t enough;		    /* ... no more than so many pieces of any */
	bool asleep, stop;
	unsigned char *spare[WRITER_PIECES];
	size_t nspare;
	atomic_bool failed; /* ... and why: set once, before */
	struct err why;
};

/* ---- the thread ------------------------------------------------------------------------------- */

static int make(struct writer_file *f, struct err *e)
{
	if (f->fd >= 0)
		return 0;
	f->fd = maildir_create_tmp(f->m, f->name);
	return f->fd >= 0 ? 0 : maildir_fail(f->m, e, "make", "tmp", f->name);
}

static int append(struct writer_file *f, const struct piece *p, struct err *e)
{
	if (fsys_write_all(f->fs, f->fd, p->buf, p->n) != 0)
		return maildir_fail(f->m, e, "write", "tmp", f->name);
	f->size += p->n;
	return 0;
}

static int finish(struct writer_file *f, const struct piece *p, struct err *e)
{
	if (maildir_set_time(f->fs, f->fd, p->secs) != 0)
		return maildir_fail(f->m, e, "set the time of", "tmp", f->name);
	if (f->size >= WRITEBACK_FROM)
		writeback_begin(f->fd, 0, f->size);
	int fd = f->fd;
	f->fd = -1;
	return f->fs->close(f->fs->ctx, fd) == 0 ? 0
						 : maildir_fail(f->m, e, "close", "tmp", f->name);
}

static int work_on(const struct piece *p, struct err *e)
{
	struct writer_file *f = p->file;
	if (make(f, e) != 0 || append(f, p, e) != 0)
		return -1;
	return p->kind == PIECE_LAST ? finish(f, p, e) : 0;
}

static void handle(struct writer *w, const struct piece *p)
{
	struct writer_file *f = p->file;
	struct err e = ERR_INIT;
	if (p->kind != PIECE_DISCARD && !atomic_load(&w->failed) && work_on(p, &e) != 0) {
		w->why = e;
		err_widen(&w->why, ERR_STORE);
		atomic_store(&w->failed, true);
	}
	if (p->kind == PIECE_MORE)
		return;
	fsys_close_quiet(f->fs, f->fd);
	if (p->kind == PIECE_DISCARD || atomic_load(&w->failed))
		maildir_remove_tmp(f->m, f->name);
}

/* What the owner waits for is so. */
static bool is_enough(const struct writer *w)
{
	return w->only != NULL ? w->only->waiting == 0 : w->n <= w->enough;
}

/* A piece is done. The lock is held. */
static void leave(struct writer *w, const struct piece *p)
{
	p->file->m->waiting--;
	if (p->kind != PIECE_MORE)
		free(p->file);
	if (p->buf != NULL && w->nspare < WRITER_PIECES)
		w->spare[w->nspare++] = p->buf;
	else
		free(p->buf);
	w->first = (w->first + 1) % WRITER_PIECES;
	w->n--;
	if (w->awaited && is_enough(w))
		pthread_cond_signal(&w->done);
}

static void *run(void *arg)
{
	struct writer *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		w->asleep = true;
		while (w->n == 0 && !w->stop)
			pthread_cond_wait(&w->work, &w->lock);
		w->asleep = false;
		if (w->n == 0)
			break;
		while (w->n > 0) {
			struct piece p = w->at[w->first];
			pthread_mutex_unlock(&w->lock);
			handle(w, &p);
			pthread_mutex_lock(&w->lock);
			leave(w, &p);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- its life --------------------------------------------------------------------------------- */

int writer_new(struct writer **out, struct err *e)
{
	struct writer *w = calloc(1, sizeof *w);
	*out = NULL;
	if (w == NULL)
		return err_nomem(e, "writing message files");
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->done, NULL);
	int rc = thread_start(&w->thread, run, w);
	if (rc != 0) {
		free(w);
		return err_sys(e, ERR_STORE, E_IO, rc, "cannot start a thread");
	}
	*out = w;
	return 0;
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	while (w->nspare > 0)
		free(w->spare[--w->nspare]);
	pthread_cond_destroy(&w->done);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* ---- the owner's side ------------------------------------------------------------------------- */

/* See struct writer. The lock is held. */
static void wait_until(struct writer *w, const struct maildir *only, size_t enough)
{
	w->only = only;
	w->enough = enough;
	w->awaited = true;
	while (!is_enough(w)) {
		if (w->asleep)
			pthread_cond_signal(&w->work);
		pthread_cond_wait(&w->done, &w->lock);
	}
	w->awaited = false;
}

static void put(struct writer *w, const struct piece *p)
{
	pthread_mutex_lock(&w->lock);
	if (w->n == WRITER_PIECES)
		wait_until(w, NULL, WRITER_PIECES / 2);
	w->at[(w->first + w->n++) % WRITER_PIECES] = *p;
	p->file->m->waiting++;
	if (w->asleep && w->n >= WAKE_AT)
		pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

struct writer_file *writer_file_new(struct maildir *m, int fd, const char *name)
{
	struct writer_file *f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	f->m = m;
	f->fs = m->fs;
	f->fd = fd;
	snprintf(f->name, sizeof f->name, "%s", name);
	return f;
}

unsigned char *writer_buffer(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	unsigned char *buf = w->nspare > 0 ? w->spare[--w->nspare] : NULL;
	pthread_mutex_unlock(&w->lock);
	return buf != NULL ? buf : malloc(WRITER_BUFFER);
}

void writer_put(struct writer *w, struct writer_file *f, unsigned char *buf, size_t n)
{
	const struct piece p = {.file = f, .kind = PIECE_MORE, .buf = buf, .n = n};
	put(w, &p);
}

void writer_finish(
	struct writer *w, struct writer_file *f, unsigned char *buf, size_t n, int64_t secs)
{
	const struct piece p = {.file = f, .kind = PIECE_LAST, .buf = buf, .n = n, .secs = secs};
	put(w, &p);
}

void writer_discard(struct writer *w, struct writer_file *f)
{
	const struct piece p = {.file = f, .kind = PIECE_DISCARD};
	put(w, &p);
}

int writer_take_back(struct writer *w, struct writer_file *f, struct err *e)
{
	writer_wait(w, f->m);
	if (writer_check(w, e) != 0 || make(f, e) != 0) {
		writer_discard(w, f);
		return -1;
	}
	int fd = f->fd;
	free(f);
	return fd;
}

int writer_check(struct writer *w, struct err *e)
{
	if (!atomic_load(&w->failed))
		return 0;
	*e = w->why;
	return -1;
}

int writer_drain(struct writer *w, struct err *e)
{
	pthread_mutex_lock(&w->lock);
	wait_until(w, NULL, 0);
	pthread_mutex_unlock(&w->lock);
	return writer_check(w, e);
}

void writer_wait(struct writer *w, struct maildir *m)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	wait_until(w, m, 0);
	pthread_mutex_unlock(&w->lock);
}

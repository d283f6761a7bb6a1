/* SPDX-License-Identifier: MIT */
/*
 * raw_drain.c -- every message of an account, as fast as the server gives them.
 *
 * The work is a queue of (folder, first, last) that the connections take from, largest piece first, each with
 * many pieces in flight. Written out, a message goes to tmp/; after so many messages or bytes there is one
 * syncfs() and then the renames: nothing has its final name before it is on the disk. That is the cheapest way
 * known to us to be durable, and what a program has to be measured with that promises the same.
 */
#include "tests/bench/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	IN_FLIGHT = 32, /* pieces on a connection */
	PIECES = 8,	/* a folder is cut so that each connection has about so many */
	BATCH_MESSAGES = 1000,
	BATCH_BYTES = 64 * 1024 * 1024,
};

struct piece {
	uint32_t box, first, last;
};

struct work {
	const struct target *target;
	bool write;
	unsigned connections;
	struct boxes boxes;
	struct piece *pieces;
	size_t n, next;
	bool planned;
	pthread_mutex_t lock;
	pthread_cond_t ready;
	struct moved sum;
};

struct name {
	uint32_t box, seq;
};

struct worker {
	struct work *work;
	struct conn *conn;
	unsigned id;
	uint32_t box, seq; /* where the next literal goes */
	int fd;
	struct name batch[BATCH_MESSAGES];
	size_t batch_n;
	uint64_t batch_bytes;
	struct moved sum;
};

/* ---- files ---- */

static void make_folder(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		die("%s: %s", path, strerror(errno));
}

/* The process works inside of the tree, which makes for short names. */
static void make_tree(const char *dir, size_t boxes)
{
	char path[64];
	make_folder(dir);
	if (chdir(dir) != 0)
		die("%s: %s", dir, strerror(errno));
	for (size_t i = 0; i < boxes; i++) {
		snprintf(path, sizeof path, "%zu", i);
		make_folder(path);
		snprintf(path, sizeof path, "%zu/tmp", i);
		make_folder(path);
		snprintf(path, sizeof path, "%zu/cur", i);
		make_folder(path);
	}
}

static void sync_tree(void)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0)
		die("syncfs: %s", strerror(errno));
	close(fd);
}

static void file_name(const struct worker *w, struct name n, const char *folder, char out[64])
{
	snprintf(out, 64, "%u/%s/%u.%u", (unsigned)n.box, folder, w->id, (unsigned)n.seq);
}

static void end_batch(struct worker *w)
{
	char from[64], to[64];
	if (w->batch_n == 0)
		return;
	sync_tree();
	for (size_t i = 0; i < w->batch_n; i++) {
		file_name(w, w->batch[i], "tmp", from);
		file_name(w, w->batch[i], "cur", to);
		if (rename(from, to) != 0)
			die("%s: %s", from, strerror(errno));
	}
	w->batch_n = 0;
	w->batch_bytes = 0;
}

static void to_file(void *arg, const char *p, size_t n)
{
	struct worker *w = arg;
	if (write(w->fd, p, n) != (ssize_t)n)
		die("write: %s", strerror(errno));
}

static void write_message(struct worker *w, uint64_t size)
{
	char path[64];
	struct name name = {w->box, w->seq++};
	file_name(w, name, "tmp", path);
	w->fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (w->fd < 0)
		die("%s: %s", path, strerror(errno));
	conn_literal(w->conn, size, to_file, w);
	close(w->fd);
	w->batch[w->batch_n++] = name;
	w->batch_bytes += size;
	if (w->batch_n == BATCH_MESSAGES || w->batch_bytes >= BATCH_BYTES)
		end_batch(w);
}

static void message(void *arg, struct conn *c, uint64_t size)
{
	struct worker *w = arg;
	if (w->work->write)
		write_message(w, size);
	else
		conn_literal(c, size, NULL, NULL);
	w->sum.messages++;
	w->sum.bytes += size;
}

/* ---- the queue ---- */

static int larger_first(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	uint32_t nx = x->last - x->first, ny = y->last - y->first;
	if (nx != ny)
		return nx < ny ? 1 : -1;
	return x->box < y->box ? -1 : x->box > y->box;
}

static void cut(struct work *w, uint32_t box, uint32_t messages, uint32_t most)
{
	for (uint32_t first = 1, left = messages; left > 0;) {
		uint32_t n = left < most ? left : most;
		w->pieces[w->n++] = (struct piece){box, first, first + n - 1};
		first += n;
		left -= n;
	}
}

static void plan(struct work *w)
{
	uint64_t total = 0;
	for (size_t i = 0; i < w->boxes.n; i++)
		total += w->boxes.at[i].messages;
	/* One connection takes each folder whole. */
	uint32_t most =
		w->connections > 1 ? (uint32_t)(total / (w->connections * PIECES)) + 1 : UINT32_MAX;
	w->pieces = malloc((w->boxes.n + w->connections * PIECES + 1) * sizeof *w->pieces);
	if (w->pieces == NULL)
		die("no memory");
	for (size_t i = 0; i < w->boxes.n; i++)
		cut(w, (uint32_t)i, w->boxes.at[i].messages, most);
	if (w->connections > 1)
		qsort(w->pieces, w->n, sizeof *w->pieces, larger_first);
}

static const struct piece *take(struct work *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->planned)
		pthread_cond_wait(&w->ready, &w->lock);
	const struct piece *p = w->next < w->n ? &w->pieces[w->next++] : NULL;
	pthread_mutex_unlock(&w->lock);
	return p;
}

static void announce_plan(struct work *w)
{
	pthread_mutex_lock(&w->lock);
	w->planned = true;
	pthread_cond_broadcast(&w->ready);
	pthread_mutex_unlock(&w->lock);
}

/* ---- a connection ---- */

static void ask(struct worker *w, const struct piece *p, unsigned no)
{
	conn_printf(w->conn,
		"E%u EXAMINE %s\r\nF%u FETCH %u:%u (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n", no,
		w->work->boxes.at[p->box].name, no, (unsigned)p->first, (unsigned)p->last);
}

static void fetch_all(struct worker *w)
{
	uint32_t box[IN_FLIGHT];
	struct reader r = {.literal = message, .arg = w};
	unsigned asked = 0;
	for (unsigned done = 0;; done++) {
		const struct piece *p;
		while (asked - done < IN_FLIGHT && (p = take(w->work)) != NULL) {
			box[asked % IN_FLIGHT] = p->box;
			ask(w, p, asked++);
		}
		if (asked == done)
			return;
		char tag[16];
		w->box = box[done % IN_FLIGHT];
		snprintf(tag, sizeof tag, "F%u", done);
		conn_until(w->conn, tag, &r);
	}
}

static void *work_main(void *arg)
{
	struct worker *w = arg;
	if (w->conn == NULL)
		w->conn = conn_open(w->work->target);
	fetch_all(w);
	end_batch(w);
	w->sum.wire = conn_close(w->conn);
	pthread_mutex_lock(&w->work->lock);
	w->work->sum.messages += w->sum.messages;
	w->work->sum.bytes += w->sum.bytes;
	w->work->sum.wire += w->sum.wire;
	pthread_mutex_unlock(&w->work->lock);
	return NULL;
}

struct moved drain(const struct target *t, unsigned connections, const char *dir)
{
	struct work w = {.target = t, .write = dir != NULL, .connections = connections};
	pthread_t threads[64];
	struct worker *workers = calloc(connections, sizeof *workers);
	if (workers == NULL || connections > 64)
		die("too many connections");
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.ready, NULL);
	/* The others log in while the first one lists. */
	for (unsigned i = 0; i < connections; i++) {
		workers[i].work = &w;
		workers[i].id = i;
		if (i > 0 && pthread_create(&threads[i], NULL, work_main, &workers[i]) != 0)
			die("no thread");
	}
	workers[0].conn = conn_open(t);
	boxes_list_status(workers[0].conn, &w.boxes);
	plan(&w);
	if (dir != NULL)
		make_tree(dir, w.boxes.n);
	announce_plan(&w);
	work_main(&workers[0]);
	for (unsigned i = 1; i < connections; i++)
		pthread_join(threads[i], NULL);
	if (dir != NULL)
		sync_tree(); /* the last renames */
	w.sum.folders = w.boxes.n;
	boxes_release(&w.boxes);
	free(w.pieces);
	free(workers);
	return w.sum;
}

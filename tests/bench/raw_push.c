/* SPDX-License-Identifier: MIT */
/*
 * raw_push.c -- a Maildir tree into an empty account: pipelined APPEND with non-synchronizing literals (RFC 7888),
 * or one MULTIAPPEND (RFC 3502) for each folder, which is one transaction of the server instead of many.
 *
 * The tree is one folder for each mailbox with cur/ below it; mailboxes lie below others, but not below INBOX.
 */
#include "tests/bench/raw.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct strings {
	char **at;
	size_t n;
};

struct queue {
	const struct target *target;
	const char *tree;
	bool multi;
	struct strings boxes;
	size_t next;
	pthread_mutex_t lock;
	struct moved sum;
};

struct pusher {
	struct queue *q;
	struct conn *conn;
	unsigned sent, answered;
	struct moved sum;
};

/* ---- the tree ---- */

static void strings_add(struct strings *s, const char *text)
{
	if (s->n % 256 == 0)
		s->at = realloc(s->at, (s->n + 256) * sizeof *s->at);
	if (s->at == NULL || (s->at[s->n++] = strdup(text)) == NULL)
		die("no memory");
}

static void strings_release(struct strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->at[i]);
	free(s->at);
	*s = (struct strings){NULL, 0};
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_folder(const char *path, struct strings *out)
{
	DIR *d = opendir(path);
	if (d == NULL)
		die("%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.')
			strings_add(out, e->d_name);
	closedir(d);
	if (out->n > 0)
		qsort(out->at, out->n, sizeof *out->at, by_text);
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool of_maildir(const char *name)
{
	return strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0;
}

static void find_boxes(struct queue *q, const char *box)
{
	char path[4096], below[2048];
	struct strings names = {NULL, 0};
	snprintf(path, sizeof path, "%s/%s", q->tree, box);
	list_folder(path, &names);
	snprintf(path, sizeof path, "%s/%s/cur", q->tree, box);
	if (*box != '\0' && is_folder(path))
		strings_add(&q->boxes, box);
	for (size_t i = 0; i < names.n; i++) {
		snprintf(below, sizeof below, "%s%s%s", box, *box != '\0' ? "/" : "", names.at[i]);
		snprintf(path, sizeof path, "%s/%s", q->tree, below);
		if (!of_maildir(names.at[i]) && is_folder(path))
			find_boxes(q, below);
	}
	strings_release(&names);
}

static const char *flag_of(char letter)
{
	switch (letter) {
	case 'S': return "\\Seen";
	case 'R': return "\\Answered";
	case 'F': return "\\Flagged";
	case 'D': return "\\Draft";
	default: return NULL;
	}
}

static void flags_of(const char *name, char *out, size_t size)
{
	const char *letters = strstr(name, ":2,");
	size_t n = 0;
	out[0] = '\0';
	for (letters = letters != NULL ? letters + 3 : ""; *letters != '\0'; letters++) {
		const char *flag = flag_of(*letters);
		if (flag != NULL)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? " " : "", flag);
	}
}

/* ---- sending ---- */

/* Takes answers as they come, so that the server never has to wait with them; all: until none is owed. */
static void take_answers(struct pusher *p, bool all)
{
	if (all)
		conn_flush(p->conn);
	while (p->answered < p->sent && (all || conn_ready(p->conn))) {
		size_t n;
		char *line = conn_line(p->conn, &n);
		if (line[0] != 'P')
			continue;
		if (strstr(line, " OK") == NULL)
			die("the server answers: %s", line);
		p->answered++;
	}
}

static void put_file(struct pusher *p, int fd)
{
	static _Thread_local char piece[256 * 1024];
	ssize_t n;
	while ((n = read(fd, piece, sizeof piece)) > 0)
		conn_put(p->conn, piece, (size_t)n);
	if (n < 0)
		die("read: %s", strerror(errno));
}

static void put_message(struct pusher *p, const char *path, const char *name)
{
	char flags[64], date[40];
	struct stat st;
	struct tm tm;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		die("%s: %s", path, strerror(errno));
	flags_of(name, flags, sizeof flags);
	gmtime_r(&st.st_mtime, &tm);
	strftime(date, sizeof date, "%d-%b-%Y %H:%M:%S +0000", &tm);
	conn_printf(p->conn, " (%s) \"%s\" {%lld+}\r\n", flags, date, (long long)st.st_size);
	put_file(p, fd);
	close(fd);
	p->sum.messages++;
	p->sum.bytes += (uint64_t)st.st_size;
}

static void push_box(struct pusher *p, const char *box)
{
	char cur[4096], path[8192];
	struct strings files = {NULL, 0};
	snprintf(cur, sizeof cur, "%s/%s/cur", p->q->tree, box);
	list_folder(cur, &files);
	if (strcmp(box, "INBOX") != 0)
		conn_printf(p->conn, "P%u CREATE \"%s\"\r\n", ++p->sent, box);
	for (size_t i = 0; i < files.n; i++) {
		snprintf(path, sizeof path, "%s/%s", cur, files.at[i]);
		if (!p->q->multi || i == 0)
			conn_printf(p->conn, "P%u APPEND \"%s\"", ++p->sent, box);
		put_message(p, path, files.at[i]);
		if (!p->q->multi || i == files.n - 1)
			conn_put(p->conn, "\r\n", 2);
		take_answers(p, false);
	}
	p->sum.folders++;
	strings_release(&files);
}

static const char *next_box(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	const char *box = q->next < q->boxes.n ? q->boxes.at[q->next++] : NULL;
	pthread_mutex_unlock(&q->lock);
	return box;
}

static void *push_main(void *arg)
{
	struct queue *q = arg;
	struct pusher p = {.q = q, .conn = conn_open(q->target)};
	for (const char *box; (box = next_box(q)) != NULL;)
		push_box(&p, box);
	take_answers(&p, true);
	p.sum.wire = conn_close(p.conn);
	pthread_mutex_lock(&q->lock);
	q->sum.folders += p.sum.folders;
	q->sum.messages += p.sum.messages;
	q->sum.bytes += p.sum.bytes;
	q->sum.wire += p.sum.wire;
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

struct moved push(const struct target *t, unsigned connections, const char *tree, bool multi)
{
	struct queue q = {.target = t, .tree = tree, .multi = multi};
	pthread_t threads[64];
	if (connections > 64)
		die("too many connections");
	pthread_mutex_init(&q.lock, NULL);
	find_boxes(&q, "");
	for (unsigned i = 1; i < connections; i++)
		if (pthread_create(&threads[i], NULL, push_main, &q) != 0)
			die("no thread");
	push_main(&q);
	for (unsigned i = 1; i < connections; i++)
		pthread_join(threads[i], NULL);
	strings_release(&q.boxes);
	return q.sum;
}

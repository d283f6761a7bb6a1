/* SPDX-License-Identifier: MIT */
/*
 * raw.h -- the raw limit client: how quickly can bytes be had from this server, or given to it, by anybody?
 *
 * It shares no code with the project, so that a mistake there cannot hide here. It trusts the server, checks
 * no certificate and ends the process on the first answer that is not OK: it only ever talks to the server that
 * the benchmark started.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a run talks to and how. */
struct target {
	const char *host, *port, *user, *password;
	bool tls;
	bool compress; /* COMPRESS DEFLATE after the login (RFC 4978) */
	int lowat;     /* SO_RCVLOWAT in bytes, 0: none. Plain connections only. */
};

/* Reports and ends the process with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- raw_conn.c: one connection ---- */

struct conn;

/* Where the bytes of a literal go; called with pieces in order. */
typedef void sink_fn(void *arg, const char *p, size_t n);

/* Connects, logs in and, if wished, compresses. The answer to LOGIN is not waited for unless COMPRESS needs it. */
struct conn *conn_open(const struct target *t);
/* Says LOGOUT and closes without waiting for the answer. Returns the bytes received on the wire. */
uint64_t conn_close(struct conn *c);

/* Adds to the output, which is sent when it is large enough, and by every function that waits. */
void conn_put(struct conn *c, const void *p, size_t n);
void conn_printf(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void conn_flush(struct conn *c);

/* The next line without its line end, NUL-terminated; valid until the next call. */
char *conn_line(struct conn *c, size_t *n);
/* The line's literal announcement "{n}" at its end. */
bool literal_follows(const char *line, size_t n, uint64_t *size);
/* Reads exactly size bytes; sink may be NULL. */
void conn_literal(struct conn *c, uint64_t size, sink_fn *sink, void *arg);
/* Could a line be read without waiting for long? Looks at buffer and socket only. */
bool conn_ready(struct conn *c);

/* Reads up to the tagged answer, which must be OK. Untagged lines go to line(), literals to literal(); either may
 * be NULL. literal() must take the whole literal with conn_literal(). */
struct reader {
	void (*line)(void *arg, char *line);
	void (*literal)(void *arg, struct conn *c, uint64_t size);
	void *arg;
};
void conn_until(struct conn *c, const char *tag, const struct reader *r);

/* ---- raw_boxes.c: the folders of an account ---- */

struct box {
	char *name; /* as on the wire, quotes included */
	uint32_t messages, uidnext, validity;
	uint64_t modseq;
};
struct boxes {
	struct box *at;
	size_t n;
};

/* LIST with STATUS of every folder in one command (RFC 5819). */
void boxes_list_status(struct conn *c, struct boxes *b);
/* LIST, then a STATUS for each folder with so many in flight. */
void boxes_status(struct conn *c, struct boxes *b, unsigned window);
/* As text, for a later run; in the server's order. */
void boxes_save(const struct boxes *b, const char *path);
void boxes_load(struct boxes *b, const char *path);
/* NULL: there is none. hint (begins with 0) is where to look first, and is moved on. */
const struct box *boxes_find(const struct boxes *b, const char *name, size_t *hint);
void boxes_release(struct boxes *b);

/* What a run moved. */
struct moved {
	uint64_t folders, messages, bytes, wire;
};

/* ---- raw_drain.c, raw_changes.c, raw_push.c: the runs ---- */

/* Every message over so many connections; dir: written there as Maildir files, durably, or NULL: thrown away. */
struct moved drain(const struct target *t, unsigned connections, const char *dir);
/* What changed since the folders were saved: LIST-STATUS, then QRESYNC and the new messages of changed folders. */
struct moved changes(const struct target *t, const char *state);
/* A Maildir tree into an empty account; multi: one MULTIAPPEND (RFC 3502) a folder. */
struct moved push(const struct target *t, unsigned connections, const char *tree, bool multi);

/* SPDX-License-Identifier: MIT */
/*
 * engine_rig.h -- the protocol engine with a test in the place of the network and of the session.
 *
 * A play is a function that starts commands and says what the server answers. The rig writes down what happens: `sent` has all octets
 * of the client, `log` one line for each result, response, sink call and event. The same play can be run with the
 * server's octets in one piece, one by one, or cut at a given offset: nothing may differ.
 *
 * Tags are written as $1, $2 ... in both directions.
 */
#ifndef TESTS_SUPPORT_ENGINE_RIG_H
#define TESTS_SUPPORT_ENGINE_RIG_H

#include "core/base/buf.h"
#include "core/imap/cmd.h"
#include "core/imap/engine.h"

struct rig_options {
	unsigned window;
	imap4_policy policy;
	bool own_greeting; /* the play says the greeting itself; else it is "OK" with `caps` and the state is authenticated */
	const char *caps;
};

#define RIG_BYTES SIZE_MAX /* as `cut`: one octet at a time */

struct rig_sink {
	struct rig *rig;
	const char *name; /* in front of its lines */
	imap4_sink sink;
	int begin, data, end, done; /* what the functions return */
	imap4_cmd *free_in;	    /* freed inside the first call */
};

struct rig {
	struct imap4_session *session;
	struct engine *engine;
	struct buf sent, log;
	struct buf body;
	size_t cut, said;
	bool failed;	 /* engine_feed() said so, and engine_fail() was called */
	bool hold;	 /* the network takes no more octets */
	bool secret;	 /* some output was marked so */
	bool trace;	 /* write down what saw() gets */
	struct buf seen; /* as "T[text]S[secret]B[body]", neighbours joined */
	char seen_kind;
	void (*on_unasked)(struct rig *r, const imap4_data *d);
};

struct rig *rig_new(const struct rig_options *o, size_t cut);
void rig_free(struct rig *r);

/* The server says it; lines end in \r\n inside the text. Output is taken between pieces. */
void rig_say(struct rig *r, const char *text);
void rig_say_n(struct rig *r, const char *text, size_t n);
/* As it is, without tags. */
void rig_say_bytes(struct rig *r, const void *p, size_t n);
/* Take what the engine has to send: at most n octets. */
void rig_take(struct rig *r, size_t n);
void rig_pump(struct rig *r);
/* The connection is lost. */
void rig_lose(struct rig *r, imap4_err err, enum err_code code, const char *text);

/* Log its outcome and the responses it got, and free it. NULL: log why it was not started. */
void rig_finish(struct rig *r, imap4_cmd *c);
void rig_logf(struct rig *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
imap4_err rig_last(const struct rig *r);
const char *rig_last_text(const struct rig *r);
void rig_sink_init(struct rig_sink *s, struct rig *r);

/* Run a play in one piece and compare; then octet by octet and cut at every offset, with the same outcome. Returns NULL, or
 * what differs (free() it). */
char *rig_check(const struct rig_options *o, void (*play)(struct rig *r), const char *sent,
	const char *log);

#endif

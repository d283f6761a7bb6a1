/* SPDX-License-Identifier: MIT */
/*
 * session_rig.h -- a session on a memory stream with a clock that stands still until the test
 * moves it, and a session over loopback to a fake server.
 */
#ifndef TESTS_SUPPORT_SESSION_RIG_H
#define TESTS_SUPPORT_SESSION_RIG_H

#include "core/base/buf.h"
#include "core/imap/session.h"

struct srig {
	int64_t now;
	struct clock clock;
	struct stream *mem; /* owned by the session; NULL over loopback */
	imap4_session *s;
	imap4_events events;
	struct buf trace, alerts;
	unsigned data;	   /* unasked responses */
	unsigned progress; /* how often it was told, and the last time */
	imap4_cmd *progress_of;
	uint64_t progress_done;
	char tag[64]; /* of the last command seen by srig_line() */
	size_t read;  /* of the output, by srig_line() */
	/* called once for each unasked response */
	void (*on_data)(void *ctx, struct srig *r);
	void *ctx;
};

/* With the events of the rig; o->host may be NULL for IMAP4_CLEAR. */
imap4_err srig_open(struct srig *r, imap4_options *o);
imap4_err srig_open_clear(struct srig *r); /* IMAP4_CLEAR with allow_cleartext */
/* To 127.0.0.1:port, real clock. */
imap4_err srig_connect(struct srig *r, imap4_options *o, uint16_t port);
void srig_close(struct srig *r);

/* The server says: text and CRLF; a leading "$ " becomes the tag of the last command srig_line()
 * returned. */
void srig_say(struct srig *r, const char *line);
/* Pump without waiting until nothing moves; returns the last outcome. */
imap4_err srig_pump(struct srig *r);
/* The next line the client has sent, without tag and CRLF (a line without a tag as it is), or ""
 * when there is none. Valid until the next call. */
const char *srig_line(struct srig *r);
/* Greeting with capabilities, pumped until the gate is open. */
void srig_greet(struct srig *r, const char *capabilities);

#endif

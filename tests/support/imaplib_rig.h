/* SPDX-License-Identifier: MIT */
/*
 * imaplib_rig.h -- plays: a session against a scripted server (fake_imap.h) in other threads on loopback, once over plain TCP
 * and once over TLS, with the same outcome. For the cases of imaplib's test-suite and what else needs a real connection.
 *
 * What happens is written down, one line each, and compared:
 *
 *   ready AUTHENTICATED         imap4_stage_ready(): commands can be sent now
 *   dead IMAP4_E_PROTO          or never will be
 *     EXISTS 3                  data of a command (resp_dump.h), indented
 *     numbers "2,7"             result of a search; "sorted", "thread" of those
 *   unasked EXPUNGE 4           data of none
 *   alert text
 *   OK done                     how a command ended: OK or the error's name, code and text of the server
 *   not started IMAP4_E_ARG
 *
 * A NUL is written as a full stop.
 */
#ifndef TESTS_SUPPORT_IMAPLIB_RIG_H
#define TESTS_SUPPORT_IMAPLIB_RIG_H

#include "core/base/buf.h"
#include "core/imap/imap4.h"
#include "tests/support/fake_imap.h"

struct stage {
	bool tls;
	struct fake_imap *server;
	imap4_session *s;
	struct buf log, trace;
	void (*on_data)(struct stage *t); /* called once for each response that is data of none */
	void *ctx;
};

struct stage_row {
	const char *name; /* of the case */
	const char
		*script; /* of the server; the handshake is put in front of it where it is wanted */
	void (*play)(struct stage *t);
	const char *log;
	void (*options)(imap4_options *o); /* NULL: as they are */
};

#define STAGE_PLAIN 1
#define STAGE_TLS   2
#define STAGE_BOTH  (STAGE_PLAIN | STAGE_TLS)

/* Each row, over the given channels; what differs fails the test. */
void stage_check(const struct stage_row *rows, size_t n, int channels);

/* Run the pump until the session is open or dead. */
void stage_ready(struct stage *t);
/* Wait for a command, write down what it was answered, and free it. NULL: why it was not started. */
imap4_err stage_done(struct stage *t, imap4_cmd *c);
/* The same without the data (SELECT INBOX of plays that are about something else). */
imap4_err stage_quiet(struct stage *t, imap4_cmd *c);
/* Pump until the log holds this text; fails the test when it does not within FAKE_WAIT_MS. */
void stage_until(struct stage *t, const char *text);
/* Pump until the session has ended, and write down how. */
void stage_end(struct stage *t);
void stage_logf(struct stage *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

imap4_str stage_str(const char *s);
/* SELECT (writable) or EXAMINE of INBOX, not written down. */
void stage_select(struct stage *t, int writable);
void stage_log_in(struct stage *t, const char *mechanism, const char *user, const char *password);

#endif

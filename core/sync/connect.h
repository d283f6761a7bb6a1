/* SPDX-License-Identifier: MIT */
/*
 * connect.h -- from an account to a session that is logged in, in steps that never block.
 *
 * dial_start() -> dial_step() until it returns 1 -> dial_close(). The password is asked for when
 * the server is known to want one, and wiped when the command that carries it is queued.
 */
#ifndef CORE_SYNC_CONNECT_H
#define CORE_SYNC_CONNECT_H

#include "core/sync/sync.h"

struct dial {
	const struct sync_account *account;
	const struct sync_hooks *hooks;
	imap4_session *session;
	imap4_cmd *login, *id, *compress;
	unsigned slot; /* in hooks->interrupt->wake */
	bool greeted, ready;
	int64_t asked_ms; /* monotonic: when the last question was sent */
	int64_t round_trip_ms; /* the shortest wait for an answer so far: the line is not slower than this */
};

/* `account` must live as long as the session. label: of the trace. 0, or -1: nothing is open. */
int dial_start(struct dial *d, const struct sync_account *account, const struct sync_hooks *hooks,
	unsigned slot, struct err *e) NODISCARD;
/* 1: logged in; 0: pump and call again; -1: it failed, dial_close() is left. */
int dial_step(struct dial *d, struct err *e) NODISCARD;
/* The same, blocking. */
int dial_wait(struct dial *d, struct err *e) NODISCARD;
/* Blocking until the login was asked for, not until it is answered: that takes a round trip and most of the server's time,
 * in which the caller has something else to do before dial_wait(). */
int dial_ask(struct dial *d, struct err *e) NODISCARD;
/* An answer came after this many milliseconds. */
void dial_waited(struct dial *d, int64_t ms);
/* There is mail to fetch over this connection: compress it if that should help. In flight with what is started next; a
 * refusal costs nothing. True when it is asked for. */
bool dial_compress(struct dial *d);
/* Nothing can be asked of it any more: it died, or LOGOUT was answered. */
bool session_is_over(const imap4_session *s);
/* Close at once. All commands of the session are gone afterwards. A closed dial is fine. */
void dial_close(struct dial *d);
/* LOGOUT first, waiting for the answer a little. */
void dial_hang_up(struct dial *d);

/* The server offers it and the account does not forbid it. */
bool account_uses(const struct sync_account *a, const imap4_session *s, const char *capability);
/* The same for an extension that is a part of IMAP4rev2. */
bool account_uses_rev2(const struct sync_account *a, const imap4_session *s, const char *extension);

/* Messages have ids: OBJECTID (RFC 8474), or Gmail's. */
bool account_has_ids(const struct sync_account *a, const imap4_session *s);

/* How a session died, or why a start call returned NULL. Returns -1. */
int sync_err_last(struct err *e, enum err_scope scope, const imap4_session *s, const char *what);
/* Outcome of a login. Returns -1. */
int sync_err_login(struct err *e, const imap4_result *r);
/* How long the server asks to wait, in milliseconds (at most SYNC_THROTTLE_WAIT_MS); 0: it does
 * not. */
int64_t sync_throttle_ms(const imap4_result *r);

/* Block until the command is complete. 0: OK. -1 otherwise; `c` NULL reports why it was not
 * started. The command is not freed. */
int sync_wait(imap4_session *s, imap4_cmd *c, enum err_scope scope, const char *what,
	struct err *e) NODISCARD;
/* The same, and take() gets the data of the command as they come, so that they are never all held. It is called until the
 * outcome is known, also when that is a refusal; -1 from it is returned at once. */
typedef int sync_take_fn(void *ctx, imap4_cmd *c, struct err *e);
int sync_wait_taking(imap4_session *s, imap4_cmd *c, enum err_scope scope, const char *what,
	sync_take_fn *take, void *ctx, struct err *e) NODISCARD;

#endif

/* SPDX-License-Identifier: MIT */
/*
 * err.h -- what went wrong, how far it reaches, and one sentence about it.
 *
 * A function that can fail is `int f(..., struct err *e)`: it returns 0, or -1 with *e filled in.
 * The error has fixed storage, so reporting "out of memory" cannot itself fail.
 *
 *   scope   what must be abandoned: the message, the mailbox, the connection, ...
 *   code    the cause, for tests and for the exit status
 *   retry   whether trying again can help, and how
 *   text    a clause that names the object, without capital letter, full stop or newline
 *
 * Lower layers fill errors in and never print them. Callers add context on the way up; the command
 * line and the connection pool report once, where the decision is made.
 *
 * `struct err *` is always the last argument and never NULL. An error is written once and then
 * only prefixed: err_set() on an error that is already set replaces it.
 */
#ifndef CORE_BASE_ERR_H
#define CORE_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#if defined(__GNUC__)
#	define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#	define NODISCARD	       __attribute__((warn_unused_result))
#else
#	define PRINTF_LIKE(fmt, args)
#	define NODISCARD
#endif

/* How much has to be given up. Ordered: a larger scope includes the smaller ones. */
enum err_scope {
	ERR_NONE,
	ERR_MESSAGE,	/* this message; its neighbours are fine */
	ERR_MAILBOX,	/* this mailbox */
	ERR_CONNECTION, /* this connection; a new one may work */
	ERR_ACCOUNT,	/* this account: authentication, certificate, limits */
	ERR_STORE,	/* the local archive cannot be written or trusted */
	ERR_USAGE,	/* wrong arguments or configuration: nothing was started */
};

enum err_code {
	E_NONE,
	/* anything */
	E_NOMEM,     /* out of memory */
	E_LIMIT,     /* a named limit was exceeded */
	E_INVALID,   /* a value that cannot be what it claims to be */
	E_STATE,     /* the call is not allowed now */
	E_CANCELLED, /* stopped on request (a signal) */
	/* network */
	E_NET,	   /* name not found, refused, reset, unreachable */
	E_TIMEOUT, /* a deadline passed */
	E_CLOSED,  /* the peer ended the stream */
	E_TLS,	   /* handshake or record failure */
	E_CERT,	   /* certificate not trusted: chain, name, dates or pin */
	/* server */
	E_PROTO,    /* the server broke the protocol */
	E_NO,	    /* tagged NO */
	E_BAD,	    /* tagged BAD */
	E_BYE,	    /* the server said BYE */
	E_AUTH,	    /* login refused, or no mechanism may be used */
	E_THROTTLE, /* the server asks to slow down or to come back later */
	/* local archive */
	E_IO,	   /* read, write, flush or rename failed */
	E_FULL,	   /* no space left, or over quota */
	E_LOCKED,  /* another run holds the lock */
	E_CORRUPT, /* local data contradicts itself */
	E_EXISTS,  /* the name is taken */
	E_MISSING, /* the object is not there */
	/* the person at the keyboard */
	E_USAGE,  /* wrong command line */
	E_CONFIG, /* wrong configuration */
	E_CODE_COUNT,
};

enum err_retry {
	RETRY_NEVER,	 /* repeating will fail the same way */
	RETRY_SAME,	 /* may be repeated on this connection */
	RETRY_RECONNECT, /* may be repeated on a new connection */
	RETRY_LATER,	 /* not in this run */
};

#define ERR_TEXT_MAX 512 /* bytes, with the final NUL; longer texts are cut at a character */

struct err {
	enum err_scope scope;
	enum err_code code;
	enum err_retry retry;
	int sys; /* errno, or 0 */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		ERR_NONE, E_NONE, RETRY_NEVER, 0, ""                                               \
	}

/* Fill *e in. retry follows the code (see err_default_retry). Always returns -1. */
int err_set(struct err *e, enum err_scope scope, enum err_code code, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* As err_set, from an errno value: ENOSPC and EDQUOT become E_FULL, ENOMEM E_NOMEM, EEXIST
 * E_EXISTS, ENOENT E_MISSING, anything else `code`. ": <strerror>" is added to the text. Returns
 * -1. */
int err_sys(struct err *e, enum err_scope scope, enum err_code code, int errnum, const char *fmt,
	...) PRINTF_LIKE(5, 6);

/* Put "<context>: " in front of the text. Returns -1, so that `return err_context(...)` reads
 * well. */
int err_context(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Widen the scope to at least `scope` (never narrows). Returns -1. */
int err_widen(struct err *e, enum err_scope scope);

/* Out of memory while doing `what`. Scope is ERR_ACCOUNT. Returns -1. */
int err_nomem(struct err *e, const char *what);

void err_clear(struct err *e);
bool err_is_set(const struct err *e);

/* The retry hint a code gets unless somebody knows better. */
enum err_retry err_default_retry(enum err_code code);

const char *err_scope_name(enum err_scope scope); /* "message", "mailbox", ... */
const char *err_code_name(enum err_code code);	  /* "nomem", "limit", ... */

#endif

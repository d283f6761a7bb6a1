/* SPDX-License-Identifier: MIT */
/*
 * sasl.h -- authentication mechanisms as small state machines; no I/O, no base64 (the command adds
 * it).
 *
 * To add a mechanism: write its functions in a sasl_*.c, declare it in sasl_mech.h, and give it a
 * row in the table of sasl.c, strongest first.
 *
 * One exchange: *st = NULL -> step() once for each challenge (the first one is empty when the
 * mechanism goes first) -> the server's tagged answer -> complete(), reason() -> release().
 *
 * Secrets: what step() keeps it wipes in release(). The response is the caller's, and so is wiping
 * it.
 */
#ifndef CORE_IMAP_SASL_H
#define CORE_IMAP_SASL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* All borrowed for the call of step() only. */
struct sasl_input {
	/* user: who logs in; password: the secret, or the access token; authzid: whom to act as, or
	 * empty. Octets go out as they are, without SASLprep (RFC 4013): for ASCII it changes
	 * nothing, and deployed servers compare the rest octet by octet, so that preparing it locks
	 * people out. */
	struct slice user, password, authzid;
	/* Channel binding (RFC 5056) of the TLS connection: its type, as "tls-exporter", and data,
	 * both empty when there is none. */
	const char *binding_type;
	struct slice binding;
	/* The server offers the -PLUS form of the mechanism in use, whether or not that is used. */
	bool plus_offered;
	/* What was connected to; NULL and 0 when that is not a host and a port. */
	const char *host;
	uint16_t port;
};

/* What `password` must be. Without being asked for by name, a mechanism is used only with what it
 * needs, and one that needs nothing is never used: it would log in as somebody else, or nobody. */
enum sasl_secret { SASL_PASSWORD, SASL_TOKEN, SASL_NO_SECRET };

struct sasl_mechanism {
	const char *name;  /* as in AUTH=NAME */
	bool client_first; /* it has an initial response */
	/* The password or token crosses the wire, or can be guessed at from what does: TLS only. */
	bool needs_cleartext_password_protection;
	enum sasl_secret secret;
	bool needs_binding; /* useless without channel binding (the -PLUS forms) */
	/*
	 * Answer one challenge. *st is the mechanism's own, starts NULL, is freed by release.
	 * response is empty on entry. -1: cancel the exchange; *e says why:
	 * E_INVALID   user, password or authzid cannot be sent this way (scope ERR_USAGE)
	 * E_PROTO     the challenge is not what the mechanism defines, or is one too many
	 * E_AUTH      the server refuses, or is not who it should be
	 * E_LIMIT     a named limit of sasl_mech.h
	 */
	int (*step)(void **st, const struct sasl_input *in, struct slice challenge,
		struct buf *response, struct err *e);
	/*
	 * Asked when the server's OK arrives: all of the exchange has taken place and, where the
	 * mechanism proves the server's identity, that proof was right. An OK without it is not a
	 * login. st may be NULL.
	 */
	bool (*complete)(const void *st);
	/* What the server said within the exchange about why it will refuse, safe to show; "" when
	 * it said nothing. Borrowed until release. NULL: the mechanism has no way to say. st may be
	 * NULL. */
	const char *(*reason)(const void *st);
	void (*release)(void *st); /* NULL is fine */
};

/* By name (case ignored), or NULL. */
const struct sasl_mechanism *sasl_find(const char *name);
/* The i-th, strongest first; NULL at the end. */
const struct sasl_mechanism *sasl_at(size_t i);

#endif

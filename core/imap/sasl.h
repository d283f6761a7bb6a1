/* SPDX-License-Identifier: MIT */
/*
 * sasl.h -- authentication mechanisms as small state machines; no I/O, no base64 (the command adds it).
 *
 * To add a mechanism: write its three functions and a row in sasl_mechanisms[] (sasl.c), strongest first.
 */
#ifndef CORE_IMAP_SASL_H
#define CORE_IMAP_SASL_H

#include "core/base/buf.h"
#include "core/base/err.h"

struct sasl_input {
	struct slice user, password, authzid;
};

struct sasl_mechanism {
	const char *name;   /* as in AUTH=NAME */
	bool client_first;  /* it has an initial response */
	bool needs_cleartext_password_protection; /* the password itself crosses the wire */
	/* state: *st is the mechanism's own, starts NULL, freed by release. */
	int (*step)(void **st, const struct sasl_input *in, struct slice challenge, struct buf *response, struct err *e);
	void (*release)(void *st);
};

/* By name (case ignored), or NULL. */
const struct sasl_mechanism *sasl_find(const char *name);
/* The i-th, strongest first; NULL at the end. */
const struct sasl_mechanism *sasl_at(size_t i);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * sasl_mech.h -- the mechanisms, for the table in sasl.c, and what their files share. Private to
 * sasl*.c and their tests.
 */
#ifndef CORE_IMAP_SASL_MECH_H
#define CORE_IMAP_SASL_MECH_H

#include "core/imap/sasl.h"

/* sasl_scram.c: the password stays here and the server must prove that it knows it, too */
extern const struct sasl_mechanism sasl_scram_sha_256_plus;
extern const struct sasl_mechanism sasl_scram_sha_256;
extern const struct sasl_mechanism sasl_scram_sha_1_plus;
extern const struct sasl_mechanism sasl_scram_sha_1;
/* sasl_oauth.c: an access token instead of a password */
extern const struct sasl_mechanism sasl_oauthbearer;
extern const struct sasl_mechanism sasl_xoauth2;
/* sasl_plain.c (RFC 4616) */
extern const struct sasl_mechanism sasl_plain;
/* sasl_cram.c: old, no proof of the server; a listener can try passwords at leisure */
extern const struct sasl_mechanism sasl_cram_md5;
/* sasl_simple.c */
extern const struct sasl_mechanism sasl_external;
extern const struct sasl_mechanism sasl_anonymous;
extern const struct sasl_mechanism sasl_login;

/* ---- limits ---------------------------------------------------------------------------------- */

#define SASL_NAME_MAX	   1024		      /* octets of user and authzid */
#define SASL_PASSWORD_MAX  1024		      /* octets of a password that is hashed */
#define SASL_TOKEN_MAX	   ((size_t)64 << 10) /* octets of an access token */
#define SASL_CHALLENGE_MAX ((size_t)8 << 10)  /* octets of a challenge that is looked into */
#define SASL_TRACE_MAX	   255		      /* RFC 4505 section 2 */
/* RFC 5802 section 5.1, RFC 7677 section 3: "at least". At the other end a login costs about half a
 * second of our time, and a server must not take more of it. */
#define SCRAM_ITERATIONS_MIN 4096
#define SCRAM_ITERATIONS_MAX 1000000
#define SCRAM_NONCE_BYTES    18 /* random, 24 characters on the wire */
#define SCRAM_NONCE_MAX	     64 /* characters of a nonce that a test gives */

/* ---- shared (sasl_simple.c) ------------------------------------------------------------------ */

/* *st, allocated zeroed at the first step; NULL with *e set when there is no memory. */
void *sasl_state(void **st, size_t size, struct err *e);
/* free() after wiping. */
void sasl_state_free(void *st, size_t size);
/* -1 (E_INVALID, E_LIMIT) unless s is UTF-8 without control characters, at most SASL_NAME_MAX
 * octets, and not empty when required. what: "user name". */
int sasl_check_name(struct slice s, const char *what, bool required, struct err *e) NODISCARD;
/* -1 (E_LIMIT) for a password beyond SASL_PASSWORD_MAX. Its octets are nobody's business. */
int sasl_check_password(struct slice s, struct err *e) NODISCARD;
/* The server goes on after the last step. Returns -1. */
int sasl_too_long(const char *mechanism, struct err *e);
/* buf_check() of a response, whose limits concern the account. */
int sasl_check_response(const struct buf *response, struct err *e) NODISCARD;
/* saslname of RFC 5802 section 7: ',' and '=' are escaped. */
void sasl_add_saslname(struct buf *out, struct slice s);

/* ---- for tests ------------------------------------------------------------------------------- */

/* Before the first step: use this nonce (printable, no comma) and not a random one. */
int sasl_scram_preset_nonce(void **st, const char *nonce, struct err *e) NODISCARD;

#endif

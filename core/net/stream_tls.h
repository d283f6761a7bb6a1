/* SPDX-License-Identifier: MIT */
/*
 * stream_tls.h -- what the three files of the TLS stream share. Private to them: the only header of
 * core/net with OpenSSL in it.
 *
 *   stream_tls.c        the stream: bytes, votes, the end
 *   stream_tls_setup.c  the SSL_CTX: versions, ciphers, trust store, client certificate
 *   stream_tls_cert.c   is this the right server? names, pins, and a sentence about what is wrong
 */
#ifndef CORE_NET_STREAM_TLS_H
#define CORE_NET_STREAM_TLS_H

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/base/text.h"
#include "core/net/stream.h"

#define TLS_PIN_LEN 32 /* SHA-256 */

/* Whom we expect, and what verification found. */
struct tls_peer {
	char *host;		    /* without a trailing dot */
	char shown[TEXT_SHOW_SIZE]; /* host, safe to show */
	bool is_ip;
	unsigned char (*pin)[TLS_PIN_LEN];
	size_t npins;
	bool pin_only;

	int verify_error; /* the first X509_V_ERR_* that was not let through */
	int verify_depth;
	X509 *verify_cert; /* the certificate it is about; owned */
};

/* A context as the options ask for (o->ssl_ctx is not looked at). -1: E_CONFIG, E_TLS, E_NOMEM. */
int tls_ctx_new(SSL_CTX **out, const struct tls_options *o, struct err *e) NODISCARD;

/* p must be zeroed. -1: E_CONFIG for a wrong pin or host; release it in any case. */
int tls_peer_init(struct tls_peer *p, const struct tls_options *o, struct err *e) NODISCARD;
void tls_peer_release(struct tls_peer *p);
/* Make ssl check for this peer. p must outlive ssl. */
int tls_peer_attach(struct tls_peer *p, SSL *ssl, struct err *e) NODISCARD;
/* Once more after the handshake, before a byte is sent: result of verification, then pins.
 * -1: E_CERT. */
int tls_peer_check(const struct tls_peer *p, const SSL *ssl, struct err *e) NODISCARD;
/* The sentence for a handshake that verification ended (verify_error is set). Returns -1. */
int tls_peer_refused(const struct tls_peer *p, struct err *e);

/* SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4 as to what is hashed). */
bool tls_cert_pin(const X509 *cert, unsigned char pin[TLS_PIN_LEN]);
/* RFC 4514 text of a name, UTF-8, not escaped for terminals. */
int tls_name_text(const X509_NAME *name, struct buf *out);
/* Seconds since 1970; false when the time cannot be read. */
bool tls_time_secs(const ASN1_TIME *t, int64_t *secs);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * tls_server.h -- the other side of a TLS handshake, as an object without threads or sockets: bytes
 * from the client are given in, bytes for the client are taken out.
 */
#ifndef TESTS_SUPPORT_TLS_SERVER_H
#define TESTS_SUPPORT_TLS_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/support/pki.h"

struct tls_server_options {
	const struct pki_cert *cert;
	X509 *chain;	     /* an intermediate to send, or NULL */
	X509 *client_ca;     /* demand a client certificate issued by this one, or NULL */
	int min, max;	     /* TLS1_2_VERSION ...; 0 = no bound */
	const char *ciphers; /* for TLS 1.2 and below, or NULL */
};

struct tls_server {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
};

/* The server takes anything: weak keys and old versions are the client's to refuse. */
SSL_CTX *tls_server_ctx(const struct tls_server_options *o);
bool tls_server_open(struct tls_server *s, const struct tls_server_options *o);
void tls_server_close(struct tls_server *s);

/* Give bytes from the client and let the server work on its handshake. */
void tls_server_give(struct tls_server *s, const void *p, size_t n);
/* Take at most n bytes meant for the client; returns how many. */
size_t tls_server_take(struct tls_server *s, void *p, size_t n);
/* Application data. */
bool tls_server_write(struct tls_server *s, const void *p, size_t n);
size_t tls_server_read(struct tls_server *s, void *p, size_t n);
void tls_server_notify(struct tls_server *s); /* close_notify */

#endif

/* SPDX-License-Identifier: MIT */
/*
 * tls_server.c -- see tls_server.h.
 */
#include "tests/support/tls_server.h"

#include <openssl/err.h>

SSL_CTX *tls_server_ctx(const struct tls_server_options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return NULL;
	SSL_CTX_set_security_level(ctx, 0);
	bool ok = SSL_CTX_set_min_proto_version(ctx, o->min) == 1 &&
		SSL_CTX_set_max_proto_version(ctx, o->max) == 1 &&
		SSL_CTX_use_certificate(ctx, o->cert->cert) == 1 &&
		SSL_CTX_use_PrivateKey(ctx, o->cert->key) == 1 &&
		SSL_CTX_set_cipher_list(ctx, o->ciphers ? o->ciphers : "ALL:@SECLEVEL=0") == 1;
	if (ok && o->chain)
		ok = SSL_CTX_add1_chain_cert(ctx, o->chain) == 1;
	if (ok && o->client_ca) {
		ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), o->client_ca) == 1;
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	if (!ok) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

bool tls_server_open(struct tls_server *s, const struct tls_server_options *o)
{
	*s = (struct tls_server){.ctx = tls_server_ctx(o)};
	if (!s->ctx)
		return false;
	s->ssl = SSL_new(s->ctx);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (!s->ssl || !s->in || !s->out)
		return false;
	BIO_set_mem_eof_return(s->in, -1);
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_accept_state(s->ssl);
	return true;
}

void tls_server_close(struct tls_server *s)
{
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	*s = (struct tls_server){NULL, NULL, NULL, NULL};
}

void tls_server_give(struct tls_server *s, const void *p, size_t n)
{
	size_t put;
	if (n > 0)
		(void)BIO_write_ex(s->in, p, n, &put);
	ERR_clear_error();
	if (!SSL_is_init_finished(s->ssl))
		(void)SSL_do_handshake(s->ssl);
	ERR_clear_error();
}

size_t tls_server_take(struct tls_server *s, void *p, size_t n)
{
	size_t got = 0;
	if (n == 0 || BIO_ctrl_pending(s->out) == 0)
		return 0;
	return BIO_read_ex(s->out, p, n, &got) == 1 ? got : 0;
}

bool tls_server_write(struct tls_server *s, const void *p, size_t n)
{
	size_t put = 0;
	return SSL_write_ex(s->ssl, p, n, &put) == 1 && put == n;
}

size_t tls_server_read(struct tls_server *s, void *p, size_t n)
{
	size_t got = 0;
	ERR_clear_error();
	int rc = SSL_read_ex(s->ssl, p, n, &got);
	ERR_clear_error();
	return rc == 1 ? got : 0;
}

void tls_server_notify(struct tls_server *s)
{
	ERR_clear_error();
	(void)SSL_shutdown(s->ssl);
	ERR_clear_error();
}

/* SPDX-License-Identifier: MIT */
/*
 * hash.c -- SHA-256 by OpenSSL. The algorithm is looked up once for an object and the context is
 * used again, since looking up costs more than hashing a small message.
 */
#include "core/base/hash.h"

#include "core/base/buf.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
	bool open; /* between begin and end */
};

/* OpenSSL's queue is emptied, or a later TLS call would report our error as its own. */
static int hash_failed(struct err *e, const char *step)
{
	unsigned long code = ERR_peek_error();
	ERR_clear_error();
	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		return err_nomem(e, "computing SHA-256");
	return err_set(e, ERR_ACCOUNT, E_INVALID,
		"SHA-256 failed in the cryptographic library (%s)", step);
}

struct sha256 *sha256_new(struct err *e)
{
	struct sha256 *h = calloc(1, sizeof *h);
	if (h != NULL) {
		h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
		h->ctx = EVP_MD_CTX_new();
	}
	if (h == NULL || h->md == NULL || h->ctx == NULL) {
		ERR_clear_error();
		sha256_free(h);
		err_nomem(e, "preparing SHA-256");
		return NULL;
	}
	return h;
}

void sha256_free(struct sha256 *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
	free(h);
}

int sha256_begin(struct sha256 *h, struct err *e)
{
	h->open = EVP_DigestInit_ex2(h->ctx, h->md, NULL) == 1;
	return h->open ? 0 : hash_failed(e, "begin");
}

static int not_open(struct err *e)
{
	return err_set(e, ERR_MESSAGE, E_STATE, "SHA-256 was not begun");
}

int sha256_add(struct sha256 *h, const void *p, size_t n, struct err *e)
{
	if (!h->open)
		return not_open(e);
	if (n > 0 && EVP_DigestUpdate(h->ctx, p, n) != 1) {
		h->open = false;
		return hash_failed(e, "add");
	}
	return 0;
}

int sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN], struct err *e)
{
	if (!h->open)
		return not_open(e);
	h->open = false;
	unsigned len = 0;
	if (EVP_DigestFinal_ex(h->ctx, out, &len) != 1 || len != SHA256_LEN)
		return hash_failed(e, "end");
	return 0;
}

void secret_wipe(void *p, size_t n)
{
	if (n > 0)
		OPENSSL_cleanse(p, n);
}

void secret_release(struct buf *b)
{
	if (b->data != NULL)
		secret_wipe(b->data, b->cap);
	buf_release(b);
}

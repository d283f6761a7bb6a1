/* SPDX-License-Identifier: MIT */
/*
 * hash.h -- SHA-256 (OpenSSL inside, nothing of it outside). One object hashes many messages in
 * turn.
 */
#ifndef CORE_BASE_HASH_H
#define CORE_BASE_HASH_H

#include <stddef.h>

#include "core/base/err.h"

#define SHA256_LEN 32
#define SHA256_HEX 64

struct sha256;

struct sha256 *sha256_new(struct err *e); /* NULL: E_NOMEM */
void sha256_free(struct sha256 *h);	  /* NULL is fine */
int sha256_begin(struct sha256 *h, struct err *e) NODISCARD;
int sha256_add(struct sha256 *h, const void *p, size_t n, struct err *e) NODISCARD;
int sha256_end(struct sha256 *h, unsigned char out[SHA256_LEN], struct err *e) NODISCARD;

/* Lower-case hexadecimal; writes 2 * n characters and a NUL. */
void hex_format(const unsigned char *p, size_t n, char *out);
/* The string s is exactly 2 * n hexadecimal digits of either case; false otherwise. */
bool hex_parse(const char *s, size_t n, unsigned char *out);

/* Standard base64 with padding (RFC 4648 section 4), no line breaks. 0, or -1: out is failed. */
struct buf;
struct slice;
int base64_encode(struct buf *out, const void *p, size_t n);
/* Strict: no white space, right padding, zero bits under it. false: not base64 or no room in
 * out, which is then unchanged. */
bool base64_decode(struct buf *out, const void *p, size_t n);

/* The value of one digit (RFC 4648 section 4), or -1. */
int base64_digit(unsigned char c);

/* Overwrite secrets; the compiler cannot remove it. */
void secret_wipe(void *p, size_t n);
/* buf_release() of a buffer that held a secret: all of its memory is wiped first. */
void secret_release(struct buf *b);

#endif

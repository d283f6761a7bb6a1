/* SPDX-License-Identifier: MIT */
/*
 * pki.c -- see pki.h.
 */
#include "tests/support/pki.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static EVP_PKEY *make_key(int rsa_bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(rsa_bits ? EVP_PKEY_RSA : EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;
	if (ctx && EVP_PKEY_keygen_init(ctx) == 1) {
		int rc = rsa_bits
			? EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, rsa_bits)
			: EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1);
		if (rc == 1)
			(void)EVP_PKEY_keygen(ctx, &key);
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	if (!value)
		return true;
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool ok = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

bool pki_make(struct pki_cert *out, const struct pki_spec *spec, const struct pki_cert *issuer)
{
	static long serial = 1;
	out->key = make_key(spec->rsa_bits);
	out->cert = X509_new();
	X509 *cert = out->cert;
	if (!cert || !out->key)
		return false;
	X509 *from = issuer ? issuer->cert : cert;
	X509_NAME *name = X509_get_subject_name(cert);
	bool ok = X509_set_version(cert, 2) == 1 &&
		ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial) == 1 &&
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			(const unsigned char *)spec->cn, -1, -1, 0) == 1 &&
		X509_set_issuer_name(cert, X509_get_subject_name(from)) == 1 &&
		X509_set_pubkey(cert, out->key) == 1 &&
		X509_time_adj_ex(X509_getm_notBefore(cert), spec->from_days, 0, NULL) &&
		X509_time_adj_ex(X509_getm_notAfter(cert), spec->to_days, 0, NULL) &&
		add_extension(cert, from, NID_basic_constraints,
			spec->ca ? "critical,CA:TRUE" : "CA:FALSE") &&
		add_extension(cert, from, NID_subject_alt_name, spec->san) &&
		add_extension(cert, from, NID_ext_key_usage, spec->eku);
	return ok && X509_sign(cert, issuer ? issuer->key : out->key, EVP_sha256()) > 0;
}

void pki_free(struct pki_cert *c)
{
	X509_free(c->cert);
	EVP_PKEY_free(c->key);
	c->cert = NULL;
	c->key = NULL;
}

bool pki_write(const char *path, X509 *cert, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	bool ok = !cert || PEM_write_X509(f, cert) == 1;
	if (key)
		ok = ok &&
			PEM_write_PKCS8PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL,
				NULL, 0, NULL, passphrase ? (void *)(size_t)passphrase : NULL) == 1;
	return fclose(f) == 0 && ok;
}

static bool pin(const struct pki_cert *c, unsigned char out[32])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(c->key, &der);
	bool ok = n > 0 && EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok;
}

bool pki_pin_base64(const struct pki_cert *c, char out[45])
{
	unsigned char raw[32];
	return pin(c, raw) && EVP_EncodeBlock((unsigned char *)out, raw, 32) == 44;
}

bool pki_pin_hex(const struct pki_cert *c, char out[65])
{
	unsigned char raw[32];
	if (!pin(c, raw))
		return false;
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
	return true;
}

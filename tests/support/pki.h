/* SPDX-License-Identifier: MIT */
/*
 * pki.h -- certificates made on the spot, good and bad ones. No file from outside is needed and
 * none can expire while nobody looks.
 */
#ifndef TESTS_SUPPORT_PKI_H
#define TESTS_SUPPORT_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct pki_cert {
	X509 *cert;
	EVP_PKEY *key;
};

struct pki_spec {
	const char *cn;	 /* common name of the subject */
	const char *san; /* "DNS:a,IP:127.0.0.1" in OpenSSL's notation, or NULL */
	const char *eku; /* "serverAuth", "clientAuth", or NULL for no such extension */
	int from_days;	 /* validity, relative to now */
	int to_days;
	int rsa_bits; /* 0: P-256 */
	bool ca;
};

/* issuer NULL: self-signed. false when OpenSSL refuses. */
bool pki_make(struct pki_cert *out, const struct pki_spec *spec, const struct pki_cert *issuer);
void pki_free(struct pki_cert *c);

/* A PEM file with the certificate and/or the key (encrypted when passphrase is given). */
bool pki_write(const char *path, X509 *cert, EVP_PKEY *key, const char *passphrase);
/* SHA-256 of the public key, made without the code under test. */
bool pki_pin_base64(const struct pki_cert *c, char out[45]);
bool pki_pin_hex(const struct pki_cert *c, char out[65]);

#endif

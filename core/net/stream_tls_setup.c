/* SPDX-License-Identifier: MIT */
/*
 * stream_tls_setup.c -- the OpenSSL context. A context is made for each connection: nothing
 * (sessions, tickets, trust) can then be carried from one connection to the next, and reading the
 * trust store costs a few milliseconds beside a handshake.
 */
#include "core/net/stream_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* On top of the system's default list, whose hardening (a security level above 2, say) stays. */
#define CIPHERS_TLS12 "DEFAULT:!aNULL:!eNULL:!3DES:!RC4:!MD5:!PSK:!SRP"

/* The way to say so has changed between versions of OpenSSL. */
static bool has_no_pem(unsigned long code)
{
	int reason = ERR_GET_REASON(code);
#ifdef ERR_R_UNSUPPORTED
	if (reason == ERR_R_UNSUPPORTED)
		return true;
#endif
	return (ERR_GET_LIB(code) == ERR_LIB_PEM && reason == PEM_R_NO_START_LINE) ||
		(ERR_GET_LIB(code) == ERR_LIB_X509 && reason == X509_R_NO_CERTIFICATE_OR_CRL_FOUND);
}

/* "cannot use tls-ca-file "/x": No such file or directory". */
static int file_error(const char *option, const char *file, struct err *e)
{
	unsigned long code = ERR_peek_error();
	/* The first error in the queue may be a missing provider setting; a system error tells
	 * more. */
	for (unsigned long c = ERR_get_error(); c != 0; c = ERR_get_error()) {
		if (ERR_GET_LIB(c) == ERR_LIB_SYS)
			code = c;
	}
	int reason = ERR_GET_REASON(code);
	const char *why = ERR_reason_error_string(code);
	if (ERR_GET_LIB(code) == ERR_LIB_SYS)
		why = strerror(reason);
	else if (has_no_pem(code))
		why = "nothing of that kind in PEM format was found in it";
	else if (ERR_GET_LIB(code) == ERR_LIB_X509 && reason == X509_R_KEY_VALUES_MISMATCH)
		why = "the key does not belong to the certificate";
	char shown[TEXT_SHOW_SIZE];
	text_show(shown, sizeof(shown), slice_str(file));
	return err_set(e, ERR_ACCOUNT, E_CONFIG, "cannot use %s \"%s\": %s", option, shown,
		why ? why : "not a usable file");
}

/* The default would ask on the terminal. That it was called says that the key is encrypted. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
	(void)buf;
	(void)size;
	(void)writing;
	bool *asked = ctx;
	*asked = true;
	return -1;
}

static int set_policy(SSL_CTX *ctx)
{
	/* The system's configuration may ask for more than we do, never for less. */
	if (SSL_CTX_get_security_level(ctx) < 2)
		SSL_CTX_set_security_level(ctx, 2);
	if (SSL_CTX_get_min_proto_version(ctx) < TLS1_2_VERSION &&
		SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return -1;
	if (SSL_CTX_set_cipher_list(ctx, CIPHERS_TLS12) != 1)
		return -1;
	SSL_CTX_set_options(
		ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	/* A system-wide setting must not hide a truncation attack. */
	SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return 0;
}

static int load_trust(SSL_CTX *ctx, const char *ca_file, struct err *e)
{
	if (!ca_file) {
		/* A system without a trust store shows up as an unknown issuer later. */
		if (SSL_CTX_set_default_verify_paths(ctx) != 1)
			return err_set(e, ERR_ACCOUNT, E_CONFIG,
				"cannot load the certificates of this system (set tls-ca-file)");
		return 0;
	}
	if (SSL_CTX_load_verify_locations(ctx, ca_file, NULL) != 1)
		return file_error("tls-ca-file", ca_file, e);
	/* Whoever names a file trusts what is in it, be it an intermediate or the server's own. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return 0;
}

static int load_client_cert(SSL_CTX *ctx, const char *cert, const char *key, struct err *e)
{
	if (!cert) {
		if (key)
			return err_set(e, ERR_ACCOUNT, E_CONFIG,
				"tls-client-key is set but tls-client-cert is not");
		return 0;
	}
	const char *option = key ? "tls-client-key" : "tls-client-cert";
	const char *file = key ? key : cert;
	bool asked = false;
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return file_error("tls-client-cert", cert, e);
	int rc = SSL_CTX_use_PrivateKey_file(ctx, file, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (asked) {
		char shown[TEXT_SHOW_SIZE];
		text_show(shown, sizeof(shown), slice_str(file));
		return err_set(e, ERR_ACCOUNT, E_CONFIG,
			"cannot use %s \"%s\": the key is encrypted, and only keys without a "
			"passphrase can be used",
			option, shown);
	}
	if (rc != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return file_error(option, file, e);
	return 0;
}

int tls_ctx_new(SSL_CTX **out, const struct tls_options *o, struct err *e)
{
	ERR_clear_error();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx) {
		ERR_clear_error();
		return err_nomem(e, "preparing TLS");
	}
	int rc = set_policy(ctx);
	if (rc < 0) {
		const char *why = ERR_reason_error_string(ERR_peek_error());
		err_set(e, ERR_ACCOUNT, E_TLS, "this system's OpenSSL does not allow TLS 1.2: %s",
			why ? why : "unknown reason");
	}
	if (rc == 0)
		rc = load_trust(ctx, o->ca_file, e);
	if (rc == 0)
		rc = load_client_cert(ctx, o->client_cert, o->client_key, e);
	ERR_clear_error();
	if (rc < 0) {
		SSL_CTX_free(ctx);
		return -1;
	}
	*out = ctx;
	return 0;
}

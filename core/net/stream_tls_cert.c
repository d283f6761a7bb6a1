/* SPDX-License-Identifier: MIT */
/*
 * stream_tls_cert.c -- whether the server is the one we want, and if not, why, in one clause.
 *
 * OpenSSL does the checking (chain, dates, purpose, name, strength); this file only tells it whom
 * to expect and keeps the first thing it objected to, because after a failed handshake the
 * certificate is gone. Pins are compared here.
 */
#include "core/net/stream_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mail.h"

#define NAMES_SHOWN    4
#define NAME_MAX_BYTES 4096
#define HINT_TRUST     " (set tls-ca-file or tls-pin-sha256 if this is your server)"

/* ---- whom to expect -------------------------------------------------------------------------- */

static bool host_is_ip(const char *host)
{
	unsigned char raw[16];
	return inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
}

/* 64 hexadecimal digits or 44 characters of base64. */
static bool parse_pin(const char *text, unsigned char pin[TLS_PIN_LEN])
{
	size_t n = strlen(text);
	if (n == (size_t)2 * TLS_PIN_LEN)
		return hex_parse(text, TLS_PIN_LEN, pin);
	struct buf raw;
	buf_init(&raw, 2 * TLS_PIN_LEN);
	bool ok = n == 44 && base64_decode(&raw, text, n) && raw.len == TLS_PIN_LEN;
	if (ok)
		memcpy(pin, raw.data, TLS_PIN_LEN);
	buf_release(&raw);
	return ok;
}

static int init_pins(struct tls_peer *p, const struct tls_options *o, struct err *e)
{
	if (o->npins > 0) {
		p->pin = calloc(o->npins, sizeof(*p->pin));
		if (!p->pin)
			return err_nomem(e, "preparing TLS");
	}
	for (size_t i = 0; i < o->npins; i++) {
		if (!parse_pin(o->pins[i], p->pin[i])) {
			char shown[96];
			text_show(shown, sizeof(shown), slice_str(o->pins[i]));
			return err_set(e, ERR_ACCOUNT, E_CONFIG,
				"\"%s\" is not a SHA-256 pin (44 characters of base64 or 64 hexadecimal "
				"digits)",
				shown);
		}
	}
	p->npins = o->npins;
	p->pin_only = o->pin_only;
	if (p->pin_only && p->npins == 0)
		return err_set(e, ERR_ACCOUNT, E_CONFIG,
			"trust by pin alone was asked for, but there is no pin (set tls-pin-sha256)");
	return 0;
}

int tls_peer_init(struct tls_peer *p, const struct tls_options *o, struct err *e)
{
	p->verify_error = X509_V_OK;
	if (!o->host || *o->host == '\0')
		return err_set(e, ERR_ACCOUNT, E_CONFIG, "no host name given for TLS");
	p->host = strdup(o->host);
	if (!p->host)
		return err_nomem(e, "preparing TLS");
	/* "mail.example.org." is the same name, but no certificate has the dot. */
	size_t n = strlen(p->host);
	if (n > 1 && p->host[n - 1] == '.')
		p->host[n - 1] = '\0';
	text_show(p->shown, sizeof(p->shown), slice_str(p->host));
	p->is_ip = host_is_ip(p->host);
	if (o->ssl_ctx)
		return 0;
	return init_pins(p, o, e);
}

void tls_peer_release(struct tls_peer *p)
{
	X509_free(p->verify_cert);
	free(p->pin);
	free(p->host);
}

/* A pin says whose key it is; it cannot make a key strong that anybody may have broken. */
static bool is_weakness(int error)
{
	return error == X509_V_ERR_EE_KEY_TOO_SMALL;
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_peer *p = SSL_get_app_data(ssl);
	if (ok)
		return 1;
	int error = X509_STORE_CTX_get_error(store);
	if (p->pin_only && !is_weakness(error))
		return 1;
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	if (p->verify_error == X509_V_OK) {
		p->verify_error = error;
		p->verify_depth = X509_STORE_CTX_get_error_depth(store);
		if (cert && X509_up_ref(cert) == 1)
			p->verify_cert = cert;
	}
	return 0;
}

int tls_peer_attach(struct tls_peer *p, SSL *ssl, struct err *e)
{
	SSL_set_app_data(ssl, p);
	/* A caller's context may have a callback of its own, which then decides. */
	if (!SSL_get_verify_callback(ssl))
		SSL_set_verify(ssl, SSL_get_verify_mode(ssl), on_verify);

	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	/* RFC 6125 section 6.4.3 (no "m*.example.org"), 6.4.4 (no common name). */
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	bool ok;
	if (p->is_ip)
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, p->host) == 1;
	else
		ok = X509_VERIFY_PARAM_set1_host(param, p->host, 0) == 1 &&
			SSL_set_tlsext_host_name(ssl, p->host) == 1; /* RFC 6066: no addresses */
	if (ok)
		return 0;
	ERR_clear_error();
	return err_set(
		e, ERR_ACCOUNT, E_CONFIG, "\"%s\" cannot be used as a TLS host name", p->shown);
}

/* ---- reading certificates -------------------------------------------------------------------- */

bool tls_cert_pin(const X509 *cert, unsigned char pin[TLS_PIN_LEN])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (n <= 0)
		return false;
	unsigned int len = 0;
	bool ok = EVP_Digest(der, (size_t)n, pin, &len, EVP_sha256(), NULL) == 1;
	OPENSSL_free(der);
	return ok && len == TLS_PIN_LEN;
}

int tls_name_text(const X509_NAME *name, struct buf *out)
{
	BIO *mem = BIO_new(BIO_s_mem());
	if (!mem)
		return buf_add(out, "?", 1);
	(void)X509_NAME_print_ex(
		mem, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
	char *text;
	long n = BIO_get_mem_data(mem, &text);
	int rc = buf_add(out, text, n > 0 ? (size_t)n : 0);
	BIO_free(mem);
	return rc;
}

bool tls_time_secs(const ASN1_TIME *t, int64_t *secs)
{
	struct tm tm;
	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*secs = mail_days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * 86400 +
		tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
	return true;
}

static void add_date(struct buf *out, const ASN1_TIME *t)
{
	struct tm tm;
	if (t && ASN1_TIME_to_tm(t, &tm) == 1)
		buf_addf(out, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
	else
		buf_add_str(out, "an unreadable date");
}

static void add_name(struct buf *out, const X509_NAME *name)
{
	struct buf text;
	buf_init(&text, NAME_MAX_BYTES);
	tls_name_text(name, &text);
	buf_add_str(out, "\"");
	char shown[160];
	buf_add_str(
		out, text.len ? text_show(shown, sizeof(shown), buf_slice(&text)) : "(no name)");
	buf_add_str(out, "\"");
	buf_release(&text);
}

static bool add_general_name(struct buf *out, const GENERAL_NAME *g)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(g, &type);
	const unsigned char *p =
		type == GEN_DNS || type == GEN_IPADD ? ASN1_STRING_get0_data(value) : NULL;
	size_t n = p ? (size_t)ASN1_STRING_length(value) : 0;
	char shown[128];
	if (type == GEN_DNS) {
		buf_add_str(out, text_show(shown, sizeof(shown), (struct slice){p, n}));
		return true;
	}
	if (type == GEN_IPADD && (n == 4 || n == 16) &&
		inet_ntop(n == 4 ? AF_INET : AF_INET6, p, shown, sizeof(shown))) {
		buf_add_str(out, shown);
		return true;
	}
	return false;
}

/* The names a certificate is for, as "a, b, ..."; false when it has none. */
static bool add_subject_names(struct buf *out, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	size_t shown = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (shown == NAMES_SHOWN) {
			buf_add_str(out, ", ...");
			break;
		}
		size_t before = out->len;
		buf_add_str(out, shown > 0 ? ", " : "");
		if (add_general_name(out, sk_GENERAL_NAME_value(names, i)))
			shown++;
		else
			buf_truncate(out, before);
	}
	GENERAL_NAMES_free(names);
	return shown > 0;
}

/* ---- what is wrong --------------------------------------------------------------------------- */

static void say_wrong_name(const struct tls_peer *p, struct buf *out)
{
	struct buf names;
	buf_init(&names, ERR_TEXT_MAX);
	if (p->verify_cert && add_subject_names(&names, p->verify_cert))
		buf_addf(out, " is for %s, not for %s", buf_str(&names), p->shown);
	else
		buf_add_str(out,
			" names no host (it has no subject alternative name, and a common name "
			"does not count)");
	buf_release(&names);
}

/* The clause after "the certificate of HOST". */
static void say(const struct tls_peer *p, struct buf *out)
{
	const X509 *cert = p->verify_cert;
	switch (p->verify_error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buf_add_str(out, " expired on ");
		add_date(out, cert ? X509_get0_notAfter(cert) : NULL);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buf_add_str(out, " is not valid before ");
		add_date(out, cert ? X509_get0_notBefore(cert) : NULL);
		buf_add_str(out, " (is the clock of this machine right?)");
		return;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH: say_wrong_name(p, out); return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		buf_add_str(out, " is self-signed" HINT_TRUST);
		return;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		buf_add_str(out, " was issued by an unknown authority");
		if (cert) {
			buf_add_str(out, " ");
			add_name(out, X509_get_issuer_name(cert));
		}
		buf_add_str(out, HINT_TRUST);
		return;
	case X509_V_ERR_INVALID_PURPOSE: buf_add_str(out, " may not be used by a server"); return;
	case X509_V_ERR_CERT_REVOKED: buf_add_str(out, " has been revoked"); return;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL: buf_add_str(out, " has a key that is too short"); return;
	case X509_V_ERR_CA_MD_TOO_WEAK: buf_add_str(out, " is signed with a weak hash"); return;
	default:
		buf_addf(out, " was refused: %s", X509_verify_cert_error_string(p->verify_error));
		return;
	}
}

int tls_peer_refused(const struct tls_peer *p, struct err *e)
{
	struct buf text;
	buf_init(&text, (size_t)2 * ERR_TEXT_MAX);
	/* "Unknown issuer" is about the whole chain; anything else above the server's own
	 * certificate must say whose certificate it is. */
	bool chain = p->verify_error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
		p->verify_error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
		p->verify_error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	if (p->verify_depth > 0 && !chain && p->verify_cert) {
		buf_add_str(&text, "the authority ");
		add_name(&text, X509_get_subject_name(p->verify_cert));
		buf_addf(&text, " behind the certificate of %s cannot be trusted: its certificate",
			p->shown);
	} else {
		buf_addf(&text, "the certificate of %s", p->shown);
	}
	say(p, &text);
	err_set(e, ERR_ACCOUNT, E_CERT, "%s", buf_str(&text));
	buf_release(&text);
	return -1;
}

static int check_pins(const struct tls_peer *p, const X509 *cert, struct err *e)
{
	unsigned char pin[TLS_PIN_LEN];
	if (!tls_cert_pin(cert, pin))
		return err_set(e, ERR_ACCOUNT, E_CERT, "the key of %s cannot be read", p->shown);
	for (size_t i = 0; i < p->npins; i++) {
		if (memcmp(p->pin[i], pin, TLS_PIN_LEN) == 0)
			return 0;
	}
	struct buf text;
	buf_init(&text, 64);
	base64_encode(&text, pin, sizeof(pin));
	err_set(e, ERR_ACCOUNT, E_CERT, "the key of %s is not the pinned one: its pin is %s",
		p->shown, buf_str(&text));
	buf_release(&text);
	return -1;
}

int tls_peer_check(const struct tls_peer *p, const SSL *ssl, struct err *e)
{
	if (!(SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER))
		return 0;
	X509 *cert = SSL_get_peer_certificate(ssl);
	if (!cert)
		return err_set(e, ERR_ACCOUNT, E_CERT, "%s has shown no certificate", p->shown);
	int rc = 0;
	long result = SSL_get_verify_result(ssl);
	if (result != X509_V_OK && !p->pin_only)
		rc = err_set(e, ERR_ACCOUNT, E_CERT, "the certificate of %s was refused: %s",
			p->shown, X509_verify_cert_error_string(result));
	if (rc == 0 && p->npins > 0)
		rc = check_pins(p, cert, e);
	X509_free(cert);
	return rc;
}

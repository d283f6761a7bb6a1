/* SPDX-License-Identifier: MIT */
/*
 * stream_tls.c -- TLS over whatever stream is below.
 *
 * OpenSSL reads and writes through a BIO of ours that calls the stream below, so TLS runs over TCP,
 * a sub-process or memory alike, and an error of the lower layer arrives with its own text.
 *
 * Two things need care, both because OpenSSL reads ahead (many records for one system call):
 *   - bytes that OpenSSL holds are invisible to poll(2), hence tls_pending(). But half a record is
 *     no reason to call again: after a call that could not go on, nothing is pending until the
 *     stream below has more ("stalled"), or the loop would spin.
 *   - a call may have moved bytes and then met the end or an error. The bytes are returned first,
 *     the end is kept for the next call ("over"), and counts as pending.
 */
#include "core/net/stream_tls.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"

#define READ_AHEAD ((size_t)128 << 10) /* several of the largest records */
#define RECORD_MAX 16384	       /* RFC 8446 section 5.1 */

struct tls {
	struct stream s;
	struct tls_peer peer;
	SSL_CTX *ctx;
	SSL *ssl;
	BIO_METHOD *method;
	char describe[96];
	bool up; /* the handshake is complete and the peer checked */

	bool stalled;		 /* see above */
	bool read_wants_write;	 /* what the last read or write waited for, where it is */
	bool write_wants_read;	 /* not the obvious thing */
	size_t owed;		 /* the next write must be at least that long */
	enum stream_status over; /* STREAM_OK while the stream lives, then END or ERROR for good */
	struct err why;		 /* with STREAM_ERROR */

	bool below_ended, below_failed;
	struct err below_why;
};

static const struct stream_ops tls_ops;

/* ---- the BIO: OpenSSL's view of the stream below --------------------------------------------- */

static int bio_read(BIO *b, char *p, int n)
{
	struct tls *t = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (n <= 0 || t->below_ended || t->below_failed)
		return 0;
	size_t got;
	switch (stream_read(t->s.below, p, (size_t)n, &got, &t->below_why)) {
	case STREAM_OK: return (int)got;
	case STREAM_AGAIN: BIO_set_retry_read(b); return -1;
	case STREAM_END: t->below_ended = true; return 0;
	case STREAM_ERROR: break;
	}
	t->below_failed = true;
	return -1;
}

static int bio_write(BIO *b, const char *p, int n)
{
	struct tls *t = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (n <= 0 || t->below_failed)
		return -1;
	size_t put;
	enum stream_status st = stream_write(t->s.below, p, (size_t)n, &put, &t->below_why);
	if (st == STREAM_OK)
		return (int)put;
	if (st == STREAM_AGAIN)
		BIO_set_retry_write(b);
	else
		t->below_failed = true;
	return -1;
}

static long bio_ctrl(BIO *b, int cmd, long larg, void *parg)
{
	(void)larg;
	(void)parg;
	const struct tls *t = BIO_get_data(b);
	switch (cmd) {
	case BIO_CTRL_FLUSH: return 1; /* nothing is held back here */
	case BIO_CTRL_EOF: return t->below_ended;
	default: return 0;
	}
}

static int make_bio(struct tls *t)
{
	/* No type of our own: OpenSSL has few of them, and nothing looks for this BIO by type. */
	t->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
	if (!t->method || BIO_meth_set_read(t->method, bio_read) != 1 ||
		BIO_meth_set_write(t->method, bio_write) != 1 ||
		BIO_meth_set_ctrl(t->method, bio_ctrl) != 1)
		return -1;
	BIO *b = BIO_new(t->method);
	if (!b)
		return -1;
	BIO_set_data(b, t);
	BIO_set_init(b, 1);
	SSL_set_bio(t->ssl, b, b);
	return 0;
}

/* ---- what went wrong ------------------------------------------------------------------------- */

/* A sentence for the reasons people meet; else OpenSSL's own words. */
static void say_reason(const struct tls *t, unsigned long code, struct err *e)
{
	const char *host = t->peer.shown;
	switch (ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		err_set(e, ERR_ACCOUNT, E_TLS,
			"%s offers no safe TLS version (1.2 or later is needed)", host);
		return;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
		err_set(e, ERR_ACCOUNT, E_TLS,
			"%s does not answer in TLS here (wrong port, or a case for STARTTLS?)",
			host);
		return;
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
		err_set(e, ERR_ACCOUNT, E_TLS,
			"%s refused the TLS handshake (no safe cipher in common, or it wants a client "
			"certificate)",
			host);
		return;
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		err_set(e, ERR_ACCOUNT, E_TLS,
			"%s wants a client certificate (set tls-client-cert)", host);
		return;
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
		err_set(e, ERR_ACCOUNT, E_TLS, "%s does not accept our client certificate (%s)",
			host, ERR_reason_error_string(code));
		return;
	default: break;
	}
	const char *why = ERR_reason_error_string(code);
	err_set(e, ERR_CONNECTION, E_TLS, "%s with %s failed: %s",
		t->up ? "TLS" : "the TLS handshake", host, why ? why : "unknown reason");
}

static void explain(const struct tls *t, struct err *e)
{
	unsigned long code = ERR_peek_error();
	/* Why we ended it ourselves comes first: sending the alert may have failed after that. */
	if (!t->up && t->peer.verify_error != X509_V_OK)
		tls_peer_refused(&t->peer, e);
	else if (t->below_failed)
		*e = t->below_why;
	else if (t->below_ended && t->up)
		err_set(e, ERR_CONNECTION, E_CLOSED,
			"the connection was cut without a TLS close (%s)", t->peer.shown);
	else if (t->below_ended)
		err_set(e, ERR_CONNECTION, E_CLOSED,
			"%s closed the connection in the TLS handshake", t->peer.shown);
	else
		say_reason(t, code, e);
	ERR_clear_error();
}

/* What a call that returned rc <= 0 means. *other: it waits for the opposite direction. */
static enum stream_status outcome(struct tls *t, int rc, int natural, bool *other, struct err *e)
{
	int ssl_error = SSL_get_error(t->ssl, rc);
	*other = false;
	if (ssl_error == SSL_ERROR_WANT_READ || ssl_error == SSL_ERROR_WANT_WRITE) {
		*other = ssl_error != natural;
		return STREAM_AGAIN;
	}
	t->over = STREAM_END;
	if (ssl_error != SSL_ERROR_ZERO_RETURN || !t->up) {
		t->over = STREAM_ERROR;
		if (ssl_error == SSL_ERROR_ZERO_RETURN)
			t->below_ended = true;
		explain(t, &t->why);
		*e = t->why;
	}
	return t->over;
}

static enum stream_status is_over(const struct tls *t, struct err *e)
{
	if (t->over == STREAM_ERROR)
		*e = t->why;
	return t->over;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static enum stream_status tls_connect(struct stream *s, struct err *e)
{
	struct tls *t = (struct tls *)s;
	if (t->over != STREAM_OK)
		return is_over(t, e);
	if (t->up)
		return STREAM_OK;
	ERR_clear_error();
	int rc = SSL_do_handshake(t->ssl);
	t->stalled = rc != 1;
	if (rc != 1) {
		bool other;
		return outcome(t, rc, SSL_ERROR_WANT_READ, &other, e);
	}
	if (tls_peer_check(&t->peer, t->ssl, e) < 0) {
		t->over = STREAM_ERROR;
		t->why = *e;
		return STREAM_ERROR;
	}
	t->up = true;
	snprintf(t->describe, sizeof(t->describe), "%s, %s", SSL_get_version(t->ssl),
		SSL_get_cipher_name(t->ssl));
	return STREAM_OK;
}

/* Bytes before the handshake is done would be bytes to a stranger. */
static enum stream_status not_up(const struct tls *t, struct err *e)
{
	err_set(e, ERR_CONNECTION, E_STATE, "TLS with %s is not established", t->peer.shown);
	return STREAM_ERROR;
}

static enum stream_status tls_read(struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	struct tls *t = (struct tls *)s;
	if (t->over != STREAM_OK)
		return is_over(t, e);
	if (!t->up)
		return not_up(t, e);
	enum stream_status st = STREAM_OK;
	struct err why = ERR_INIT;
	size_t total = 0;
	t->stalled = t->read_wants_write = false;
	do {
		size_t part = 0;
		ERR_clear_error();
		int rc = SSL_read_ex(t->ssl, (unsigned char *)p + total, n - total, &part);
		if (rc != 1)
			st = outcome(t, rc, SSL_ERROR_WANT_READ, &t->read_wants_write, &why);
		total += part;
	} while (st == STREAM_OK && total < n && SSL_has_pending(t->ssl));
	t->stalled = st == STREAM_AGAIN;
	if (total > 0) {
		*got = total;
		return STREAM_OK;
	}
	if (st == STREAM_ERROR)
		*e = why;
	return st;
}

static enum stream_status tls_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	struct tls *t = (struct tls *)s;
	if (t->over == STREAM_ERROR)
		return is_over(t, e);
	if (!t->up)
		return not_up(t, e);
	if (n < t->owed) {
		err_set(e, ERR_CONNECTION, E_STATE, "a TLS write was repeated with fewer bytes");
		return STREAM_ERROR;
	}
	enum stream_status st = STREAM_OK;
	struct err why = ERR_INIT;
	size_t total = 0;
	t->write_wants_read = false;
	while (st == STREAM_OK && total < n) {
		size_t part = 0;
		ERR_clear_error();
		int rc = SSL_write_ex(t->ssl, (const unsigned char *)p + total, n - total, &part);
		if (rc != 1)
			st = outcome(t, rc, SSL_ERROR_WANT_WRITE, &t->write_wants_read, &why);
		total += part;
	}
	/* One record may have been encrypted and not sent: its bytes must come again. */
	size_t rest = n - total;
	t->owed = st != STREAM_AGAIN ? 0 : rest < RECORD_MAX ? rest : RECORD_MAX;
	if (total > 0) {
		*put = total;
		return STREAM_OK;
	}
	if (st == STREAM_END) {
		err_set(&why, ERR_CONNECTION, E_CLOSED, "%s has closed the connection",
			t->peer.shown);
		st = STREAM_ERROR;
	}
	if (st == STREAM_ERROR)
		*e = why;
	return st;
}

static void tls_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	const struct tls *t = (const struct tls *)s;
	if (!t->up) {
		bool write = SSL_want_write(t->ssl);
		stream_wants(s->below, !write, write, w);
		return;
	}
	bool read_below = (reading && !t->read_wants_write) || (writing && t->write_wants_read);
	bool write_below = (writing && !t->write_wants_read) || (reading && t->read_wants_write);
	stream_wants(s->below, read_below, write_below, w);
}

static bool tls_pending(const struct stream *s)
{
	const struct tls *t = (const struct tls *)s;
	if (t->over != STREAM_OK)
		return true;
	return !t->stalled && SSL_has_pending(t->ssl);
}

static void tls_free(struct tls *t)
{
	SSL_free(t->ssl);
	BIO_meth_free(t->method);
	SSL_CTX_free(t->ctx);
	tls_peer_release(&t->peer);
	ERR_clear_error();
	free(t);
}

static void tls_close(struct stream *s)
{
	struct tls *t = (struct tls *)s;
	/* Say goodbye if that can be done at once; the peer's answer is not waited for. */
	if (t->up && t->over != STREAM_ERROR) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl);
	}
	tls_free(t);
}

static const struct stream_ops tls_ops = {
	.name = "tls",
	.connect = tls_connect,
	.read = tls_read,
	.write = tls_write,
	.wants = tls_wants,
	.pending = tls_pending,
	.close = tls_close,
};

/* ---- making one ------------------------------------------------------------------------------ */

static int make_ssl(struct tls *t, struct err *e)
{
	t->ssl = SSL_new(t->ctx);
	if (!t->ssl || make_bio(t) < 0) {
		ERR_clear_error();
		return err_nomem(e, "preparing TLS");
	}
	SSL_set_connect_state(t->ssl);
	SSL_set_mode(t->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Freeing the big read buffer whenever it is empty would cost more than it saves. */
	SSL_clear_mode(t->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_default_read_buffer_len(t->ssl, READ_AHEAD);
	SSL_set_read_ahead(t->ssl, 1);
	return tls_peer_attach(&t->peer, t->ssl, e);
}

int stream_tls_new(
	struct stream **out, struct stream *below, const struct tls_options *o, struct err *e)
{
	struct tls *t = calloc(1, sizeof(*t));
	if (!t)
		return err_nomem(e, "preparing TLS");
	t->s.ops = &tls_ops;
	t->s.below = below;
	t->over = STREAM_OK;

	int rc = tls_peer_init(&t->peer, o, e);
	if (rc == 0 && o->ssl_ctx) {
		t->ctx = o->ssl_ctx;
		SSL_CTX_up_ref(t->ctx);
	} else if (rc == 0) {
		rc = tls_ctx_new(&t->ctx, o, e);
	}
	if (rc == 0)
		rc = make_ssl(t, e);
	if (rc < 0) {
		tls_free(t);
		return -1;
	}
	*out = &t->s;
	return 0;
}

/* ---- questions ------------------------------------------------------------------------------- */

static const struct tls *find_up(const struct stream *s)
{
	const struct tls *t = (const struct tls *)stream_layer(s, &tls_ops);
	return t && t->up ? t : NULL;
}

const char *stream_tls_describe(const struct stream *s)
{
	const struct tls *t = find_up(s);
	return t ? t->describe : "";
}

bool stream_tls_peer_pin(const struct stream *s, char out[45])
{
	const struct tls *t = find_up(s);
	X509 *cert = t ? SSL_get_peer_certificate(t->ssl) : NULL;
	unsigned char pin[TLS_PIN_LEN];
	bool ok = cert && tls_cert_pin(cert, pin);
	X509_free(cert);
	struct buf text;
	buf_init(&text, 44);
	ok = ok && base64_encode(&text, pin, sizeof(pin)) == 0 && text.len == 44;
	if (ok)
		memcpy(out, buf_str(&text), 45);
	buf_release(&text);
	return ok;
}

int stream_tls_peer_info(const struct stream *s, struct buf *subject, struct buf *issuer,
	int64_t *not_after, struct err *e)
{
	const struct tls *t = find_up(s);
	X509 *cert = t ? SSL_get_peer_certificate(t->ssl) : NULL;
	if (!cert)
		return err_set(
			e, ERR_CONNECTION, E_STATE, "there is no TLS certificate to look at");
	tls_name_text(X509_get_subject_name(cert), subject);
	tls_name_text(X509_get_issuer_name(cert), issuer);
	bool dated = tls_time_secs(X509_get0_notAfter(cert), not_after);
	X509_free(cert);
	if (!dated)
		return err_set(e, ERR_CONNECTION, E_INVALID,
			"the certificate of %s has no readable end", t->peer.shown);
	if (buf_check(subject, "a certificate's subject", e) < 0)
		return -1;
	return buf_check(issuer, "a certificate's issuer", e);
}

size_t stream_tls_binding(const struct stream *s, const char **type, unsigned char out[32])
{
	/* RFC 9266 section 2: this label, a context of zero length, 32 bytes. Below TLS 1.3 it
	 * would depend on the extended master secret, so it is not offered there. */
	static const char label[] = "EXPORTER-Channel-Binding";
	const struct tls *t = find_up(s);
	*type = "tls-exporter";
	if (!t || SSL_version(t->ssl) != TLS1_3_VERSION)
		return 0;
	ERR_clear_error();
	int rc = SSL_export_keying_material(t->ssl, out, 32, label, sizeof(label) - 1, NULL, 0, 1);
	return rc == 1 ? 32 : 0;
}

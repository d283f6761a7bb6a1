/* SPDX-License-Identifier: MIT */
/*
 * sasl_cram.c -- CRAM-MD5 (RFC 2195): the server sends a text, the client its HMAC-MD5 with the
 * password as key.
 *
 * Only for servers that have nothing better. It does not tell who the server is, and whoever sees
 * one exchange can try passwords against it as fast as MD5 goes; hence the flag that asks for TLS.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/hash.h"
#include "core/imap/sasl_mech.h"

#define MD5_LEN 16

struct cram {
	bool answered;
	bool overrun;
};

static int cram_digest(
	const struct sasl_input *in, struct slice challenge, unsigned char *out, struct err *e)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const unsigned char *ok = HMAC(EVP_md5(), in->password.p, (int)in->password.n, challenge.p,
		challenge.n, digest, &len);
	ERR_clear_error();
	if (!ok || len != MD5_LEN)
		return err_set(e, ERR_ACCOUNT, E_AUTH,
			"CRAM-MD5 is not possible: the cryptographic library refuses MD5");
	for (size_t i = 0; i < MD5_LEN; i++)
		out[i] = digest[i];
	secret_wipe(digest, sizeof(digest));
	return 0;
}

static int cram_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	struct cram *c = sasl_state(st, sizeof(*c), e);
	if (!c)
		return -1;
	if (c->answered) {
		c->overrun = true;
		return sasl_too_long("CRAM-MD5", e);
	}
	/* Without a challenge the answer would be the same each time. */
	if (challenge.n == 0)
		return err_set(
			e, ERR_CONNECTION, E_PROTO, "the server's challenge for CRAM-MD5 is empty");
	if (challenge.n > SASL_CHALLENGE_MAX)
		return err_set(e, ERR_CONNECTION, E_LIMIT,
			"the server's challenge for CRAM-MD5 is longer than %zu bytes",
			SASL_CHALLENGE_MAX);
	if (sasl_check_password(in->password, e) < 0 ||
		sasl_check_name(in->user, "user name", true, e) < 0)
		return -1;

	unsigned char digest[MD5_LEN];
	char hex[2 * MD5_LEN + 1];
	if (cram_digest(in, challenge, digest, e) < 0)
		return -1;
	hex_format(digest, sizeof(digest), hex);
	buf_add_slice(response, in->user);
	buf_add_byte(response, ' ');
	buf_add_str(response, hex);
	secret_wipe(digest, sizeof(digest));
	secret_wipe(hex, sizeof(hex));
	if (sasl_check_response(response, e) < 0)
		return -1;
	c->answered = true;
	return 0;
}

static bool cram_complete(const void *st)
{
	const struct cram *c = st;
	return c && c->answered && !c->overrun;
}

static void cram_release(void *st)
{
	sasl_state_free(st, sizeof(struct cram));
}

const struct sasl_mechanism sasl_cram_md5 = {
	.name = "CRAM-MD5",
	.needs_cleartext_password_protection = true,
	.step = cram_step,
	.complete = cram_complete,
	.release = cram_release,
};

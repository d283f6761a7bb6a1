/* SPDX-License-Identifier: MIT */
/*
 * sasl_scram.c -- SCRAM-SHA-1, SCRAM-SHA-256 (RFC 5802, RFC 7677) and their -PLUS forms.
 *
 *     C: gs2-header n=user,r=<our nonce>               client_first()
 *     S: r=<our nonce and more>,s=<salt>,i=<count>     parse_server_first()
 *     C: c=<header, binding>,r=<nonce>,p=<proof>       client_final()
 *     S: v=<signature>                                 server_final()
 *     C: (empty)
 *
 * The exchange is worth its name only if the last line is checked: it shows that the server knows
 * the password's verifier too. A server that says OK without it has shown nothing; see
 * scram_complete().
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/imap/sasl_mech.h"

#define DIGEST_MAX  32 /* SHA-256 */
#define GS2_MAX	    (3 * SASL_NAME_MAX + 128)
#define FIRST_MAX   (3 * SASL_NAME_MAX + SCRAM_NONCE_MAX + 16)
#define BINDING_MAX ((size_t)1024)
/* The AuthMessage: the two first messages, and the last one with the binding in base64. */
#define AUTH_MAX (FIRST_MAX + 2 * SASL_CHALLENGE_MAX + 2 * (GS2_MAX + BINDING_MAX))

struct variant {
	const char *name;
	const EVP_MD *(*md)(void);
	bool plus;
};

enum scram_state { SCRAM_START, SCRAM_SENT_FIRST, SCRAM_SENT_FINAL, SCRAM_PROVED, SCRAM_FAILED };

struct scram {
	enum scram_state state;
	char nonce[SCRAM_NONCE_MAX + 1]; /* ours; "" until it is made */
	struct buf gs2;			 /* the header, then the binding data: what c= is about */
	struct buf auth;		 /* AuthMessage (RFC 5802 section 3) as far as it goes */
	unsigned char signature[DIGEST_MAX]; /* what the server has to prove */
	size_t digest_len;
};

/* ---- cryptography ---------------------------------------------------------------------------- */

static int crypto_failed(const struct variant *v, struct err *e)
{
	ERR_clear_error();
	return err_set(e, ERR_ACCOUNT, E_AUTH,
		"%s is not possible: the cryptographic library refuses it", v->name);
}

static bool hmac(const struct variant *v, const unsigned char *key, struct slice data,
	unsigned char out[DIGEST_MAX])
{
	unsigned char full[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int size = EVP_MD_size(v->md());
	bool ok = HMAC(v->md(), key, size, data.p, data.n, full, &len) != NULL &&
		len <= DIGEST_MAX && (int)len == size;
	if (ok)
		memcpy(out, full, len);
	secret_wipe(full, sizeof(full));
	return ok;
}

static bool digest(const struct variant *v, const unsigned char *in, unsigned char out[DIGEST_MAX])
{
	unsigned len = 0;
	return EVP_Digest(in, (size_t)EVP_MD_size(v->md()), out, &len, v->md(), NULL) == 1;
}

/* RFC 5802 section 3: from password, salt and AuthMessage to our proof and the server's signature.
 * */
static int compute(const struct variant *v, struct scram *s, struct slice password,
	struct slice salt, int iterations, unsigned char proof[DIGEST_MAX], struct err *e)
{
	unsigned char salted[DIGEST_MAX], client[DIGEST_MAX], stored[DIGEST_MAX];
	unsigned char server[DIGEST_MAX], signature[DIGEST_MAX];
	struct slice auth = buf_slice(&s->auth);
	int size = EVP_MD_size(v->md());
	s->digest_len = size > 0 && size <= DIGEST_MAX ? (size_t)size : 0;
	bool ok = s->digest_len > 0 &&
		PKCS5_PBKDF2_HMAC(password.n > 0 ? (const char *)password.p : "", (int)password.n,
			salt.p, (int)salt.n, iterations, v->md(), size, salted) == 1 &&
		hmac(v, salted, slice_str("Client Key"), client) && digest(v, client, stored) &&
		hmac(v, stored, auth, signature) &&
		hmac(v, salted, slice_str("Server Key"), server) &&
		hmac(v, server, auth, s->signature);
	for (size_t i = 0; ok && i < s->digest_len; i++)
		proof[i] = client[i] ^ signature[i];
	secret_wipe(salted, sizeof(salted));
	secret_wipe(client, sizeof(client));
	secret_wipe(stored, sizeof(stored));
	secret_wipe(server, sizeof(server));
	secret_wipe(signature, sizeof(signature));
	return ok ? 0 : crypto_failed(v, e);
}

/* ---- state ----------------------------------------------------------------------------------- */

static struct scram *scram_state(void **st, struct err *e)
{
	bool fresh = !*st;
	struct scram *s = sasl_state(st, sizeof(*s), e);
	if (s && fresh) {
		buf_init(&s->gs2, GS2_MAX + BINDING_MAX);
		buf_init(&s->auth, AUTH_MAX);
	}
	return s;
}

static void scram_release(void *st)
{
	struct scram *s = st;
	if (!s)
		return;
	secret_release(&s->gs2);
	secret_release(&s->auth);
	sasl_state_free(s, sizeof(*s));
}

static bool scram_complete(const void *st)
{
	return st && ((const struct scram *)st)->state == SCRAM_PROVED;
}

/* `printable` of RFC 5802 section 7: what a nonce consists of. */
static bool is_printable(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ',')
			return false;
	}
	return s.n > 0;
}

int sasl_scram_preset_nonce(void **st, const char *nonce, struct err *e)
{
	struct slice n = slice_str(nonce);
	if (!is_printable(n) || n.n > SCRAM_NONCE_MAX)
		return err_set(e, ERR_USAGE, E_INVALID, "this is no SCRAM nonce");
	struct scram *s = scram_state(st, e);
	if (!s)
		return -1;
	memcpy(s->nonce, nonce, n.n + 1);
	return 0;
}

static int make_nonce(struct scram *s, struct err *e)
{
	unsigned char random[SCRAM_NONCE_BYTES];
	if (RAND_bytes(random, sizeof(random)) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_ACCOUNT, E_AUTH, "the system has no random numbers to give");
	}
	struct buf text = BUF_INIT(SCRAM_NONCE_MAX);
	int rc = base64_encode(&text, random, sizeof(random));
	if (rc == 0)
		memcpy(s->nonce, text.data, text.len + 1);
	buf_release(&text);
	return rc == 0 ? 0 : err_nomem(e, "logging in");
}

/* ---- the first message ----------------------------------------------------------------------- */

/*
 * gs2-header (RFC 5802 sections 6 and 7): p = bound to this connection; y = we could, but the
 * server does not offer it; n = not bound. The server refuses "y" if it did offer it: then somebody
 * has removed the -PLUS name on the way, and it is for this that "y" must not be said by someone
 * who saw the name.
 */
static int add_gs2(
	const struct variant *v, struct scram *s, const struct sasl_input *in, struct err *e)
{
	bool bound = in->binding_type && in->binding.n > 0;
	if (v->plus && !bound)
		return err_set(e, ERR_ACCOUNT, E_AUTH,
			"%s needs a connection with TLS 1.3 (channel binding)", v->name);
	if (v->plus && in->binding.n > BINDING_MAX)
		return err_set(e, ERR_ACCOUNT, E_LIMIT,
			"the channel binding is longer than %zu bytes", BINDING_MAX);
	if (v->plus)
		buf_addf(&s->gs2, "p=%s", in->binding_type);
	else
		buf_add_str(&s->gs2, bound && !in->plus_offered ? "y" : "n");
	buf_add_byte(&s->gs2, ',');
	if (in->authzid.n > 0)
		buf_add_str(&s->gs2, "a=");
	sasl_add_saslname(&s->gs2, in->authzid);
	buf_add_byte(&s->gs2, ',');
	return 0;
}

static int client_first(const struct variant *v, struct scram *s, const struct sasl_input *in,
	struct buf *response, struct err *e)
{
	if (sasl_check_name(in->user, "user name", true, e) < 0 ||
		sasl_check_name(in->authzid, "authorization identity", false, e) < 0 ||
		sasl_check_password(in->password, e) < 0)
		return -1;
	if (s->nonce[0] == '\0' && make_nonce(s, e) < 0)
		return -1;
	if (add_gs2(v, s, in, e) < 0)
		return -1;
	buf_add_str(&s->auth, "n=");
	sasl_add_saslname(&s->auth, in->user);
	buf_addf(&s->auth, ",r=%s", s->nonce);

	buf_add_slice(response, buf_slice(&s->gs2));
	buf_add_slice(response, buf_slice(&s->auth));
	if (v->plus)
		buf_add_slice(&s->gs2, in->binding);
	if (sasl_check_response(&s->gs2, e) < 0 || sasl_check_response(&s->auth, e) < 0 ||
		sasl_check_response(response, e) < 0)
		return -1;
	s->state = SCRAM_SENT_FIRST;
	return 0;
}

/* ---- the second message ---------------------------------------------------------------------- */

struct server_first {
	struct slice nonce;
	struct buf salt;
	uint64_t iterations;
};

static int bad_challenge(
	const struct variant *v, const char *what, struct slice challenge, struct err *e)
{
	char shown[128];
	return err_set(e, ERR_CONNECTION, E_PROTO, "the server's answer in %s %s: %s", v->name,
		what, text_show(shown, sizeof(shown), challenge));
}

/* Takes "<name>=<value>" up to the next comma, and the comma; false when it is not there. */
static bool take_attribute(struct slice *in, char name, struct slice *value)
{
	if (in->n < 2 || in->p[0] != (unsigned char)name || in->p[1] != '=')
		return false;
	const unsigned char *comma = memchr(in->p, ',', in->n);
	size_t n = comma ? (size_t)(comma - in->p) : in->n;
	*value = slice_of(in->p + 2, n - 2);
	size_t skip = comma ? n + 1 : n;
	*in = slice_of(in->p + skip, in->n - skip);
	return true;
}

/* posit-number: no leading zero; and within what we are willing to compute, for fewer rounds make
 * the password cheap to guess and more are an attack on us. */
static int parse_iterations(
	const struct variant *v, struct slice text, uint64_t *count, struct err *e)
{
	if (text.n == 0 || text.p[0] == '0' || text.p[0] == '-' ||
		!slice_u64(text, UINT64_MAX, count))
		return bad_challenge(v, "has a wrong iteration count", text, e);
	if (*count < SCRAM_ITERATIONS_MIN || *count > SCRAM_ITERATIONS_MAX)
		return err_set(e, ERR_ACCOUNT, E_LIMIT,
			"the server wants %llu iterations of %s; %d to %d are allowed",
			(unsigned long long)*count, v->name, SCRAM_ITERATIONS_MIN,
			SCRAM_ITERATIONS_MAX);
	return 0;
}

/* server-first-message of RFC 5802 section 7. Extensions behind it are ignored, "m=" before it is
 * not. */
static int parse_server_first(const struct variant *v, const struct scram *s,
	struct slice challenge, struct server_first *f, struct err *e)
{
	struct slice in = challenge, value;
	size_t ours = strlen(s->nonce);
	if (take_attribute(&in, 'm', &value))
		return bad_challenge(v, "demands an extension nobody knows", challenge, e);
	if (!take_attribute(&in, 'r', &f->nonce) || !is_printable(f->nonce))
		return bad_challenge(v, "has no nonce", challenge, e);
	if (f->nonce.n <= ours || memcmp(f->nonce.p, s->nonce, ours) != 0)
		return bad_challenge(v, "does not extend our nonce", f->nonce, e);
	if (!take_attribute(&in, 's', &value) || value.n == 0 ||
		!base64_decode(&f->salt, value.p, value.n))
		return bad_challenge(v, "has no salt", challenge, e);
	if (!take_attribute(&in, 'i', &value))
		return bad_challenge(v, "has no iteration count", challenge, e);
	return parse_iterations(v, value, &f->iterations, e);
}

static int client_final(const struct variant *v, struct scram *s, const struct sasl_input *in,
	const struct server_first *f, struct slice challenge, struct buf *response, struct err *e)
{
	unsigned char proof[DIGEST_MAX];
	buf_add_str(response, "c=");
	(void)base64_encode(response, s->gs2.data, s->gs2.len);
	buf_add_str(response, ",r=");
	buf_add_slice(response, f->nonce);
	buf_add_byte(&s->auth, ',');
	buf_add_slice(&s->auth, challenge);
	buf_add_byte(&s->auth, ',');
	buf_add_slice(&s->auth, buf_slice(response));
	if (sasl_check_response(response, e) < 0 || sasl_check_response(&s->auth, e) < 0)
		return -1;
	if (compute(v, s, in->password, buf_slice(&f->salt), (int)f->iterations, proof, e) < 0)
		return -1;
	buf_add_str(response, ",p=");
	(void)base64_encode(response, proof, s->digest_len);
	secret_wipe(proof, sizeof(proof));
	if (sasl_check_response(response, e) < 0)
		return -1;
	s->state = SCRAM_SENT_FINAL;
	return 0;
}

static int server_first(const struct variant *v, struct scram *s, const struct sasl_input *in,
	struct slice challenge, struct buf *response, struct err *e)
{
	struct server_first f = {SLICE_NONE, BUF_INIT(SASL_CHALLENGE_MAX), 0};
	int rc = parse_server_first(v, s, challenge, &f, e);
	if (rc == 0)
		rc = client_final(v, s, in, &f, challenge, response, e);
	buf_release(&f.salt);
	return rc;
}

/* ---- the server's proof ---------------------------------------------------------------------- */

/* server-final-message of RFC 5802 section 7; the answer is empty. */
static int server_final(
	const struct variant *v, struct scram *s, struct slice challenge, struct err *e)
{
	struct slice in = challenge, value;
	if (take_attribute(&in, 'e', &value)) {
		char shown[128];
		return err_set(e, ERR_ACCOUNT, E_AUTH, "the server refuses the login by %s: %s",
			v->name, text_show(shown, sizeof(shown), value));
	}
	if (!take_attribute(&in, 'v', &value))
		return bad_challenge(v, "proves nothing", challenge, e);
	struct buf signature = BUF_INIT(SASL_CHALLENGE_MAX);
	bool ok = base64_decode(&signature, value.p, value.n) && signature.len == s->digest_len &&
		CRYPTO_memcmp(signature.data, s->signature, s->digest_len) == 0;
	buf_release(&signature);
	if (!ok)
		return err_set(e, ERR_ACCOUNT, E_AUTH,
			"the server does not know the password it accepts: it is not the right "
			"server, or somebody is in between (wrong signature in %s)",
			v->name);
	s->state = SCRAM_PROVED;
	return 0;
}

static int scram_answer(const struct variant *v, struct scram *s, const struct sasl_input *in,
	struct slice challenge, struct buf *response, struct err *e)
{
	if (challenge.n > SASL_CHALLENGE_MAX)
		return err_set(e, ERR_CONNECTION, E_LIMIT,
			"the server's challenge in %s is longer than %zu bytes", v->name,
			SASL_CHALLENGE_MAX);
	switch (s->state) {
	case SCRAM_START:
		if (challenge.n > 0)
			return bad_challenge(v, "comes before our question", challenge, e);
		return client_first(v, s, in, response, e);
	case SCRAM_SENT_FIRST: return server_first(v, s, in, challenge, response, e);
	case SCRAM_SENT_FINAL: return server_final(v, s, challenge, e);
	case SCRAM_PROVED:
	case SCRAM_FAILED: break;
	}
	return sasl_too_long(v->name, e);
}

static int scram_step(const struct variant *v, void **st, const struct sasl_input *in,
	struct slice challenge, struct buf *response, struct err *e)
{
	struct scram *s = scram_state(st, e);
	if (!s)
		return -1;
	if (scram_answer(v, s, in, challenge, response, e) < 0) {
		s->state = SCRAM_FAILED;
		return -1;
	}
	return 0;
}

/* ---- the four -------------------------------------------------------------------------------- */

static int sha_256_plus_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	static const struct variant v = {"SCRAM-SHA-256-PLUS", EVP_sha256, true};
	return scram_step(&v, st, in, challenge, response, e);
}

static int sha_256_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	static const struct variant v = {"SCRAM-SHA-256", EVP_sha256, false};
	return scram_step(&v, st, in, challenge, response, e);
}

static int sha_1_plus_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	static const struct variant v = {"SCRAM-SHA-1-PLUS", EVP_sha1, true};
	return scram_step(&v, st, in, challenge, response, e);
}

static int sha_1_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	static const struct variant v = {"SCRAM-SHA-1", EVP_sha1, false};
	return scram_step(&v, st, in, challenge, response, e);
}

const struct sasl_mechanism sasl_scram_sha_256_plus = {
	.name = "SCRAM-SHA-256-PLUS",
	.client_first = true,
	.needs_binding = true,
	.step = sha_256_plus_step,
	.complete = scram_complete,
	.release = scram_release,
};

const struct sasl_mechanism sasl_scram_sha_256 = {
	.name = "SCRAM-SHA-256",
	.client_first = true,
	.step = sha_256_step,
	.complete = scram_complete,
	.release = scram_release,
};

const struct sasl_mechanism sasl_scram_sha_1_plus = {
	.name = "SCRAM-SHA-1-PLUS",
	.client_first = true,
	.needs_binding = true,
	.step = sha_1_plus_step,
	.complete = scram_complete,
	.release = scram_release,
};

const struct sasl_mechanism sasl_scram_sha_1 = {
	.name = "SCRAM-SHA-1",
	.client_first = true,
	.step = sha_1_step,
	.complete = scram_complete,
	.release = scram_release,
};

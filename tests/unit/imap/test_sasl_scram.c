/* SPDX-License-Identifier: MIT */
/*
 * SCRAM against the examples of RFC 5802 and RFC 7677, and against a small server that keeps only
 * StoredKey and ServerKey.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/imap/sasl_mech.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct talk {
	const struct sasl_mechanism *m;
	void *st;
	struct sasl_input in;
	struct buf response;
	struct err e;
};

static void talk_open(struct talk *t, const struct sasl_mechanism *m, const char *nonce)
{
	*t = (struct talk){.m = m, .e = ERR_INIT, .response = BUF_INIT(65536)};
	t->in.user = slice_str("user");
	t->in.password = slice_str("pencil");
	if (nonce)
		cr_assert_eq(sasl_scram_preset_nonce(&t->st, nonce, &t->e), 0);
}

static int say(struct talk *t, struct slice challenge)
{
	buf_clear(&t->response);
	err_clear(&t->e);
	return t->m->step(&t->st, &t->in, challenge, &t->response, &t->e);
}

static int say_str(struct talk *t, const char *challenge)
{
	return say(t, slice_str(challenge));
}

static void talk_close(struct talk *t)
{
	t->m->release(t->st);
	buf_release(&t->response);
}

/* ---- the examples ---------------------------------------------------------------------------- */

static const struct example {
	const struct sasl_mechanism *m;
	const char *nonce, *first, *server_first, *final, *server_final;
} examples[] = {
	/* RFC 5802 section 5 */
	{&sasl_scram_sha_1, "fyko+d2lbbFgONRv9qkxdawL", "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
		"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
		"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
		"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
		"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
	/* RFC 7677 section 3 */
	{&sasl_scram_sha_256, "rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
		"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
		"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

/* Up to and including the client's last message of example x. */
static void until_proof(struct talk *t, const struct example *x)
{
	talk_open(t, x->m, x->nonce);
	cr_assert_eq(say_str(t, ""), 0, "%s", t->e.text);
	cr_assert_str_eq(buf_str(&t->response), x->first);
	cr_assert_not(t->m->complete(t->st));
	cr_assert_eq(say_str(t, x->server_first), 0, "%s", t->e.text);
	cr_assert_str_eq(buf_str(&t->response), x->final);
	cr_assert_not(t->m->complete(t->st), "an OK now would be a server that proved nothing");
}

Test(sasl_scram, says_what_the_examples_say)
{
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct talk t;
		until_proof(&t, &examples[i]);
		cr_assert_eq(say_str(&t, examples[i].server_final), 0, "%s", t.e.text);
		cr_assert_eq(t.response.len, 0);
		cr_assert(t.m->complete(t.st));
		cr_assert_eq(say_str(&t, ""), -1, "one more is too many");
		cr_assert_eq(t.e.code, E_PROTO);
		cr_assert_not(t.m->complete(t.st), "and what was proved is void");
		talk_close(&t);
	}
}

Test(sasl_scram, nothing_is_complete_before_it_began)
{
	for (size_t i = 0; i < COUNT(examples); i++) {
		cr_assert_not(examples[i].m->complete(NULL));
		examples[i].m->release(NULL);
	}
}

Test(sasl_scram, a_server_that_proves_nothing_is_not_believed)
{
	static const struct {
		const char *name, *final;
		enum err_code code;
		const char *text;
	} rows[] = {
		{"wrong signature", "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", E_AUTH,
			"wrong signature"},
		{"last bit", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", E_AUTH,
			"wrong signature"},
		{"shorter", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl9", E_AUTH,
			"wrong signature"},
		{"longer", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4A", E_AUTH,
			"wrong signature"},
		{"empty signature", "v=", E_AUTH, "wrong signature"},
		{"no base64", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4", E_AUTH,
			"wrong signature"},
		{"SHA-1 of it", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", E_AUTH, "wrong signature"},
		{"the client's proof", "v=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", E_AUTH,
			"wrong signature"},
		{"nothing", "", E_PROTO, "proves nothing"},
		{"other attribute", "w=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", E_PROTO,
			"proves nothing"},
		{"extension first", "x=1,v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", E_PROTO,
			"proves nothing"},
		{"error", "e=invalid-proof", E_AUTH, "SCRAM-SHA-256: invalid-proof"},
		{"error with control characters", "e=\x1b[2J", E_AUTH, ": \\u{1B}[2J"},
		{"error and signature",
			"e=other-error,v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", E_AUTH,
			"other-error"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t;
		until_proof(&t, &examples[1]);
		cr_assert_eq(say_str(&t, rows[i].final), -1, "%s", rows[i].name);
		cr_assert_eq(t.e.code, rows[i].code, "%s: %s", rows[i].name, t.e.text);
		cr_assert_not_null(
			strstr(t.e.text, rows[i].text), "%s: %s", rows[i].name, t.e.text);
		cr_assert_not(t.m->complete(t.st), "%s", rows[i].name);
		cr_assert_eq(say_str(&t, examples[1].server_final), -1,
			"%s: there is no second try", rows[i].name);
		cr_assert_not(t.m->complete(t.st), "%s", rows[i].name);
		talk_close(&t);
	}
}

Test(sasl_scram, an_extension_behind_the_signature_is_ignored)
{
	struct talk t;
	until_proof(&t, &examples[1]);
	cr_assert_eq(say_str(&t, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=y"), 0, "%s",
		t.e.text);
	cr_assert(t.m->complete(t.st));
	talk_close(&t);
}

Test(sasl_scram, no_message_of_the_server_may_be_cut, .timeout = 60)
{
	for (size_t i = 0; i < COUNT(examples); i++) {
		const struct example *x = &examples[i];
		struct talk t;
		for (size_t n = 0; n < strlen(x->server_first); n++) {
			talk_open(&t, x->m, x->nonce);
			cr_assert_eq(say_str(&t, ""), 0);
			cr_assert_eq(say(&t, slice_of(x->server_first, n)), -1, "cut at %zu", n);
			cr_assert(t.e.code == E_PROTO || t.e.code == E_LIMIT);
			cr_assert_not(t.m->complete(t.st));
			talk_close(&t);
		}
		for (size_t n = 0; n < strlen(x->server_final); n++) {
			until_proof(&t, x);
			cr_assert_eq(say(&t, slice_of(x->server_final, n)), -1, "cut at %zu", n);
			cr_assert_not(t.m->complete(t.st));
			talk_close(&t);
		}
	}
}

Test(sasl_scram, refuses_a_first_answer_that_is_not_as_it_must_be)
{
	static const struct {
		const char *name, *challenge;
		enum err_code code;
		const char *text;
	} rows[] = {
		{"empty", "", E_PROTO, "has no nonce"},
		{"mandatory extension", "m=x,r=abcdef,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"an extension nobody knows"},
		{"our nonce alone", "r=abc,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"does not extend our nonce"},
		{"part of our nonce", "r=ab,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"does not extend our nonce"},
		{"another nonce", "r=abdabdabd,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"does not extend our nonce"},
		{"our nonce behind", "r=xabc,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"does not extend our nonce"},
		{"other case", "r=ABCdef,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"does not extend our nonce"},
		{"space in the nonce", "r=abc def,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"has no nonce"},
		{"control character in the nonce", "r=abc\x7f,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO,
			"has no nonce"},
		{"8-bit nonce", "r=abc\xc3\xa4,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO, "has no nonce"},
		{"empty nonce", "r=,s=QSXCR+Q6sek8bf92,i=4096", E_PROTO, "has no nonce"},
		{"no salt", "r=abcdef,i=4096", E_PROTO, "has no salt"},
		{"empty salt", "r=abcdef,s=,i=4096", E_PROTO, "has no salt"},
		{"salt is no base64", "r=abcdef,s=QSXCR+Q6sek8bf9,i=4096", E_PROTO, "has no salt"},
		{"no count", "r=abcdef,s=QSXCR+Q6sek8bf92", E_PROTO, "has no iteration count"},
		{"extension before the count", "r=abcdef,s=QSXCR+Q6sek8bf92,x=1,i=4096", E_PROTO,
			"has no iteration count"},
		{"other order", "s=QSXCR+Q6sek8bf92,r=abcdef,i=4096", E_PROTO, "has no nonce"},
		{"empty count", "r=abcdef,s=QSXCR+Q6sek8bf92,i=", E_PROTO, "wrong iteration count"},
		{"count is no number", "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096x", E_PROTO,
			"wrong iteration count"},
		{"count with a leading zero", "r=abcdef,s=QSXCR+Q6sek8bf92,i=04096", E_PROTO,
			"wrong iteration count"},
		{"negative count", "r=abcdef,s=QSXCR+Q6sek8bf92,i=-4096", E_PROTO,
			"wrong iteration count"},
		{"count beyond 64 bits", "r=abcdef,s=QSXCR+Q6sek8bf92,i=18446744073709551616",
			E_PROTO, "wrong iteration count"},
		{"count 0", "r=abcdef,s=QSXCR+Q6sek8bf92,i=0", E_PROTO, "wrong iteration count"},
		{"count 1", "r=abcdef,s=QSXCR+Q6sek8bf92,i=1", E_LIMIT, "wants 1 iterations"},
		{"just too few", "r=abcdef,s=QSXCR+Q6sek8bf92,i=4095", E_LIMIT,
			"wants 4095 iterations"},
		{"just too many", "r=abcdef,s=QSXCR+Q6sek8bf92,i=1000001", E_LIMIT,
			"wants 1000001 iterations"},
		{"31 bits", "r=abcdef,s=QSXCR+Q6sek8bf92,i=2147483647", E_LIMIT, "iterations"},
		{"32 bits and what is allowed", "r=abcdef,s=QSXCR+Q6sek8bf92,i=4294971392", E_LIMIT,
			"iterations"},
		{"error at once", "e=unknown-user", E_PROTO, "unknown-user"},
		{"escape codes", "\x1b]52;c;x\x07", E_PROTO, "\\u{1B}]52;c;x\\u{7}"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t;
		talk_open(&t, &sasl_scram_sha_256, "abc");
		cr_assert_eq(say_str(&t, ""), 0);
		cr_assert_eq(say_str(&t, rows[i].challenge), -1, "%s", rows[i].name);
		cr_assert_eq(t.e.code, rows[i].code, "%s: %s", rows[i].name, t.e.text);
		cr_assert_not_null(
			strstr(t.e.text, rows[i].text), "%s: %s", rows[i].name, t.e.text);
		cr_assert_null(strpbrk(t.e.text, "\x1b\x07"));
		cr_assert_eq(say_str(&t, "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"), -1,
			"%s: there is no second try", rows[i].name);
		cr_assert_not(t.m->complete(t.st));
		talk_close(&t);
	}
}

Test(sasl_scram, iteration_counts_at_the_limits_are_computed, .timeout = 60)
{
	static const int counts[] = {
		SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MIN + 1, SCRAM_ITERATIONS_MAX};
	for (size_t i = 0; i < COUNT(counts); i++) {
		struct talk t;
		struct buf c = BUF_INIT(1000);
		talk_open(&t, &sasl_scram_sha_256, "abc");
		cr_assert_eq(say_str(&t, ""), 0);
		(void)buf_addf(&c, "r=abcdef,s=QSXCR+Q6sek8bf92,i=%d", counts[i]);
		cr_assert_eq(say(&t, buf_slice(&c)), 0, "%d: %s", counts[i], t.e.text);
		buf_release(&c);
		talk_close(&t);
	}
}

Test(sasl_scram, a_challenge_before_the_first_message_is_an_error)
{
	struct talk t;
	talk_open(&t, &sasl_scram_sha_1, "abc");
	cr_assert_eq(say_str(&t, "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"), -1);
	cr_assert_eq(t.e.code, E_PROTO);
	cr_assert_eq(t.response.len, 0);
	talk_close(&t);
}

/* ---- with a server --------------------------------------------------------------------------- */

struct server {
	const EVP_MD *md;
	unsigned len;
	unsigned char stored_key[EVP_MAX_MD_SIZE], server_key[EVP_MAX_MD_SIZE];
};

#define SALT "\x01\x02\x03\x04\x05\x06\x07\x08\x09"

static void mac(const struct server *s, const unsigned char *key, struct slice data,
	unsigned char out[EVP_MAX_MD_SIZE])
{
	unsigned len;
	cr_assert_not_null(HMAC(s->md, key, (int)s->len, data.p, data.n, out, &len));
}

static void server_open(struct server *s, const char *mechanism, struct slice password)
{
	unsigned char salted[EVP_MAX_MD_SIZE], client_key[EVP_MAX_MD_SIZE];
	s->md = strncmp(mechanism, "SCRAM-SHA-256", 13) == 0 ? EVP_sha256() : EVP_sha1();
	s->len = (unsigned)EVP_MD_size(s->md);
	cr_assert_eq(PKCS5_PBKDF2_HMAC((const char *)password.p, (int)password.n,
			     (const unsigned char *)SALT, sizeof(SALT) - 1, 5000, s->md,
			     (int)s->len, salted),
		1);
	mac(s, salted, slice_str("Client Key"), client_key);
	mac(s, salted, slice_str("Server Key"), s->server_key);
	cr_assert_eq(EVP_Digest(client_key, s->len, s->stored_key, NULL, s->md, NULL), 1);
}

static struct slice after(struct slice s, const char *mark)
{
	size_t n = strlen(mark);
	for (size_t i = 0; i + n <= s.n; i++) {
		if (memcmp(s.p + i, mark, n) == 0)
			return slice_of(s.p + i + n, s.n - i - n);
	}
	cr_assert_fail("no %s", mark);
	return SLICE_NONE;
}

static struct slice until_comma(struct slice s)
{
	const unsigned char *c = memchr(s.p, ',', s.n);
	return c ? slice_of(s.p, (size_t)(c - s.p)) : s;
}

/* A whole login; true when the server accepts the proof and the client the server. Checks c=. */
static bool login(struct talk *t, const struct server *s, const char *header, const char *extension)
{
	struct buf auth = BUF_INIT(65536), first = BUF_INIT(65536), bytes = BUF_INIT(65536);
	cr_assert_eq(say_str(t, ""), 0, "%s", t->e.text);
	struct slice bare = buf_slice(&t->response);
	cr_assert(bare.n > strlen(header) && memcmp(bare.p, header, strlen(header)) == 0,
		"%s instead of %s", buf_str(&t->response), header);
	bare = slice_of(bare.p + strlen(header), bare.n - strlen(header));
	(void)buf_add_slice(&auth, bare);
	(void)buf_add_str(&first, "r=");
	(void)buf_add_slice(&first, after(bare, ",r="));
	(void)buf_add_str(&first, "ServerNonce,s=");
	(void)base64_encode(&first, SALT, sizeof(SALT) - 1);
	(void)buf_addf(&first, ",i=5000%s", extension);
	(void)buf_addf(&auth, ",%s,", buf_str(&first));

	cr_assert_eq(say(t, buf_slice(&first)), 0, "%s", t->e.text);
	struct slice final = buf_slice(&t->response), proof = after(final, ",p=");
	(void)buf_add(&auth, final.p, final.n - proof.n - 3);
	struct slice c = until_comma(after(final, "c="));
	cr_assert(base64_decode(&bytes, c.p, c.n));
	(void)buf_add_str(&bytes, "|");
	struct buf want = BUF_INIT(65536);
	(void)buf_add_str(&want, header);
	if (header[0] == 'p')
		(void)buf_add_slice(&want, t->in.binding);
	(void)buf_add_str(&want, "|");
	cr_assert(slice_eq(buf_slice(&bytes), buf_slice(&want)), "c= is %s", buf_str(&bytes));

	/* RFC 5802 section 3, from the server's side. */
	unsigned char signature[EVP_MAX_MD_SIZE], key[EVP_MAX_MD_SIZE];
	mac(s, s->stored_key, buf_slice(&auth), signature);
	buf_clear(&bytes);
	cr_assert(base64_decode(&bytes, proof.p, proof.n));
	cr_assert_eq(bytes.len, s->len);
	for (size_t i = 0; i < s->len; i++)
		bytes.data[i] ^= signature[i];
	cr_assert_eq(EVP_Digest(bytes.data, s->len, key, NULL, s->md, NULL), 1);
	bool ok = memcmp(key, s->stored_key, s->len) == 0;
	mac(s, s->server_key, buf_slice(&auth), signature);
	buf_clear(&first);
	(void)buf_add_str(&first, "v=");
	(void)base64_encode(&first, signature, s->len);
	ok = say(t, buf_slice(&first)) == 0 && t->m->complete(t->st) && ok;
	buf_release(&auth);
	buf_release(&first);
	buf_release(&bytes);
	buf_release(&want);
	return ok;
}

static const unsigned char exporter[32] = "\x00\xff,=12345678901234567890123456";

Test(sasl_scram, binds_to_the_channel_and_says_so_rightly)
{
	static const struct {
		const char *name;
		const struct sasl_mechanism *m;
		bool bound, plus_offered;
		const char *authzid, *header;
	} rows[] = {
		{"no binding here", &sasl_scram_sha_256, false, false, "", "n,,"},
		{"no binding here, offered", &sasl_scram_sha_256, false, true, "", "n,,"},
		{"not offered", &sasl_scram_sha_256, true, false, "", "y,,"},
		{"offered and not wanted", &sasl_scram_sha_256, true, true, "", "n,,"},
		{"plus", &sasl_scram_sha_256_plus, true, true, "", "p=tls-exporter,,"},
		{"not offered, SHA-1", &sasl_scram_sha_1, true, false, "", "y,,"},
		{"plus, SHA-1", &sasl_scram_sha_1_plus, true, true, "", "p=tls-exporter,,"},
		{"somebody else", &sasl_scram_sha_1, false, false, "a,b=c", "n,a=a=2Cb=3Dc,"},
		{"plus, somebody else", &sasl_scram_sha_256_plus, true, true, "boss",
			"p=tls-exporter,a=boss,"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t;
		struct server s;
		talk_open(&t, rows[i].m, NULL);
		t.in.authzid = slice_str(rows[i].authzid);
		t.in.plus_offered = rows[i].plus_offered;
		if (rows[i].bound) {
			t.in.binding_type = "tls-exporter";
			t.in.binding = slice_of(exporter, sizeof(exporter));
		}
		server_open(&s, rows[i].m->name, t.in.password);
		cr_assert(login(&t, &s, rows[i].header, ""), "%s: %s", rows[i].name, t.e.text);
		talk_close(&t);
	}
}

Test(sasl_scram, the_plus_forms_need_a_binding)
{
	static const struct sasl_mechanism *const plus[] = {
		&sasl_scram_sha_256_plus, &sasl_scram_sha_1_plus};
	for (size_t i = 0; i < COUNT(plus); i++) {
		struct talk t;
		talk_open(&t, plus[i], NULL);
		cr_assert(plus[i]->needs_binding);
		cr_assert_eq(say_str(&t, ""), -1);
		cr_assert_eq(t.e.code, E_AUTH);
		talk_close(&t);
		talk_open(&t, plus[i], NULL);
		t.in.binding = slice_of(exporter, sizeof(exporter));
		cr_assert_eq(say_str(&t, ""), -1, "and its type");
		talk_close(&t);
		talk_open(&t, plus[i], NULL);
		t.in.binding_type = "tls-exporter";
		cr_assert_eq(say_str(&t, ""), -1, "and its data");
		talk_close(&t);
	}
}

Test(sasl_scram, names_and_passwords_are_sent_as_they_are)
{
	static const struct {
		const char *name, *user, *password, *sent;
	} rows[] = {
		{"plain", "user", "pencil", "n,,n=user,r="},
		{"empty password", "user", "", "n,,n=user,r="},
		{"comma and equals sign", "a,b=c", "=,=,", "n,,n=a=2Cb=3Dc,r="},
		{"not ASCII, not normalised", "a\xcc\x88\xc2\xa0", "p\xe2\x85\xa8\xc2\xad",
			"n,,n=a\xcc\x88\xc2\xa0,r="},
		{"password that is no UTF-8", "user", "\xff\xfe", "n,,n=user,r="},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t;
		struct server s;
		talk_open(&t, &sasl_scram_sha_256, NULL);
		t.in.user = slice_str(rows[i].user);
		t.in.password = slice_str(rows[i].password);
		cr_assert_eq(say_str(&t, ""), 0, "%s", rows[i].name);
		cr_assert(slice_starts_istr(buf_slice(&t.response), rows[i].sent), "%s: %s",
			rows[i].name, buf_str(&t.response));
		t.m->release(t.st);
		t.st = NULL;
		server_open(&s, t.m->name, t.in.password);
		cr_assert(login(&t, &s, "n,,", ""), "%s", rows[i].name);
		talk_close(&t);
	}
}

Test(sasl_scram, extensions_behind_the_count_are_ignored_and_hashed)
{
	struct talk t;
	struct server s;
	talk_open(&t, &sasl_scram_sha_256, NULL);
	server_open(&s, t.m->name, t.in.password);
	cr_assert(login(&t, &s, "n,,", ",x=1,m=whatever"), "%s", t.e.text);
	talk_close(&t);
}

Test(sasl_scram, the_wrong_password_is_refused_by_both_sides)
{
	struct talk t;
	struct server s;
	talk_open(&t, &sasl_scram_sha_256, NULL);
	server_open(&s, t.m->name, slice_str("pencil2"));
	cr_assert_not(login(&t, &s, "n,,", ""));
	cr_assert_eq(t.e.code, E_AUTH);
	cr_assert_not(t.m->complete(t.st));
	talk_close(&t);
}

Test(sasl_scram, every_nonce_is_new_and_has_18_bytes)
{
	struct talk a, b;
	talk_open(&a, &sasl_scram_sha_1, NULL);
	talk_open(&b, &sasl_scram_sha_1, NULL);
	cr_assert_eq(say_str(&a, ""), 0);
	cr_assert_eq(say_str(&b, ""), 0);
	cr_assert_eq(a.response.len, strlen("n,,n=user,r=") + 24);
	cr_assert_str_neq(buf_str(&a.response), buf_str(&b.response));
	talk_close(&a);
	talk_close(&b);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void fill(struct buf *b, size_t n)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		(void)buf_add_byte(b, ',');
	cr_assert_eq(b->len, n);
}

enum field { USER, AUTHZID, PASSWORD, BINDING };

Test(sasl_scram, each_part_has_a_limit)
{
	static const struct {
		const char *name;
		enum field field;
		size_t max;
	} rows[] = {
		{"user", USER, SASL_NAME_MAX},
		{"authzid", AUTHZID, SASL_NAME_MAX},
		{"password", PASSWORD, SASL_PASSWORD_MAX},
		{"binding", BINDING, 1024},
	};
	struct buf text = BUF_INIT(65536);
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		struct talk t;
		size_t over = i % 2;
		fill(&text, rows[i / 2].max + over);
		talk_open(&t, &sasl_scram_sha_256_plus, "abc");
		t.in.binding_type = "tls-exporter";
		t.in.binding = slice_of(exporter, sizeof(exporter));
		struct slice *const fields[] = {[USER] = &t.in.user,
			[AUTHZID] = &t.in.authzid,
			[PASSWORD] = &t.in.password,
			[BINDING] = &t.in.binding};
		*fields[rows[i / 2].field] = buf_slice(&text);
		int rc = say_str(&t, "");
		cr_assert_eq(rc, over ? -1 : 0, "%s: %s", rows[i / 2].name, t.e.text);
		if (over)
			cr_assert_eq(t.e.code, E_LIMIT, "%s", rows[i / 2].name);
		else
			cr_assert_eq(say_str(&t, "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"), 0, "%s: %s",
				rows[i / 2].name, t.e.text);
		talk_close(&t);
	}
	buf_release(&text);
}

Test(sasl_scram, a_challenge_has_a_limit)
{
	for (size_t over = 0; over < 2; over++) {
		struct talk t;
		struct buf c = BUF_INIT(65536);
		talk_open(&t, &sasl_scram_sha_256, "abc");
		cr_assert_eq(say_str(&t, ""), 0);
		(void)buf_add_str(&c, "r=abcdef,s=QSXCR+Q6sek8bf92,i=4096,x=");
		while (c.len < SASL_CHALLENGE_MAX + over)
			(void)buf_add_byte(&c, 'x');
		cr_assert_eq(say(&t, buf_slice(&c)), over ? -1 : 0, "%s", t.e.text);
		if (over)
			cr_assert_eq(t.e.code, E_LIMIT);
		talk_close(&t);

		/* The longest nonce and the longest names still fit into what is hashed. */
		struct buf name = BUF_INIT(65536);
		fill(&name, SASL_NAME_MAX);
		talk_open(&t, &sasl_scram_sha_256, "abc");
		t.in.user = t.in.authzid = buf_slice(&name);
		cr_assert_eq(say_str(&t, ""), 0);
		buf_clear(&c);
		(void)buf_add_str(&c, "r=abc");
		while (c.len < SASL_CHALLENGE_MAX + over - 27)
			(void)buf_add_byte(&c, 'x');
		(void)buf_add_str(&c, ",s=QSXCR+Q6sek8bf92,i=4096");
		cr_assert_eq(say(&t, buf_slice(&c)), 0, "%s", t.e.text);
		talk_close(&t);
		buf_release(&name);
		buf_release(&c);
	}
}

Test(sasl_scram, refuses_names_that_cannot_be_sent)
{
	static const struct {
		const char *name, *user, *authzid;
	} rows[] = {
		{"no user", "", ""},
		{"no UTF-8", "us\xff", ""},
		{"control character", "us\ner", ""},
		{"DEL", "us\x7f", ""},
		{"authzid no UTF-8", "user", "\xc3"},
		{"authzid with a control character", "user", "\x01"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk t;
		talk_open(&t, &sasl_scram_sha_256, "abc");
		t.in.user = slice_str(rows[i].user);
		t.in.authzid = slice_str(rows[i].authzid);
		cr_assert_eq(say_str(&t, ""), -1, "%s", rows[i].name);
		cr_assert_eq(t.e.code, E_INVALID, "%s", rows[i].name);
		cr_assert_eq(t.e.scope, ERR_USAGE);
		talk_close(&t);
	}
	struct talk t;
	talk_open(&t, &sasl_scram_sha_256, "abc");
	t.in.user = slice_of("us\0er", 5);
	cr_assert_eq(say_str(&t, ""), -1, "NUL");
	cr_assert_eq(t.e.code, E_INVALID);
	talk_close(&t);
}

Test(sasl_scram, a_preset_nonce_must_be_one)
{
	static const char *const wrong[] = {"", "a,b", "a b", "\x7f"};
	struct err e = ERR_INIT;
	void *st = NULL;
	for (size_t i = 0; i < COUNT(wrong); i++)
		cr_assert_eq(sasl_scram_preset_nonce(&st, wrong[i], &e), -1, "%zu", i);
	char text[SCRAM_NONCE_MAX + 2];
	memset(text, 'x', sizeof(text));
	text[SCRAM_NONCE_MAX + 1] = '\0';
	cr_assert_eq(sasl_scram_preset_nonce(&st, text, &e), -1);
	cr_assert_null(st);
	text[SCRAM_NONCE_MAX] = '\0';
	cr_assert_eq(sasl_scram_preset_nonce(&st, text, &e), 0);
	sasl_scram_sha_1.release(st);
}

Test(sasl_scram, a_response_that_does_not_fit_is_an_error_in_every_step)
{
	for (size_t max = 0; max < strlen(examples[0].final); max++) {
		struct talk t;
		talk_open(&t, examples[0].m, examples[0].nonce);
		buf_init(&t.response, max);
		int rc = say_str(&t, "");
		cr_assert_eq(rc, max < strlen(examples[0].first) ? -1 : 0, "%zu", max);
		if (rc == 0)
			cr_assert_eq(say_str(&t, examples[0].server_first), -1, "%zu", max);
		cr_assert_eq(t.e.code, E_LIMIT);
		cr_assert_not(t.m->complete(t.st));
		talk_close(&t);
	}
}

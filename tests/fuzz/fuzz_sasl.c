/* SPDX-License-Identifier: MIT */
/*
 * fuzz_sasl.c -- any bytes as the challenges of a server, for every mechanism.
 *
 * What must hold: an error has a text without control characters and without the secret, and the
 * exchange is not complete after it; SCRAM is complete only after the one signature that is right;
 * the mechanisms that hash the password never send it.
 *
 * Input: number of the mechanism, flags, then challenges, each with its length in two bytes before
 * it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/sasl_mech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROUNDS_MAX 16
#define SECRET	   "pencil"

enum flag { BOUND = 1, PLUS_OFFERED = 2, AUTHZID = 4, HOST = 8 };

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool holds(struct slice s, const char *what)
{
	size_t n = strlen(what);
	for (size_t i = 0; i + n <= s.n; i++) {
		if (memcmp(s.p + i, what, n) == 0)
			return true;
	}
	return false;
}

static bool is_scram(const struct sasl_mechanism *m)
{
	return strncmp(m->name, "SCRAM-", 6) == 0;
}

/* More iterations than this are right, but slow. */
static bool too_slow(struct slice s)
{
	for (size_t i = 0; i + 7 <= s.n; i++) {
		if (s.p[i] == 'i' && s.p[i + 1] == '=' && s.p[i + 6] >= '0' && s.p[i + 6] <= '9')
			return true;
	}
	return false;
}

/* A challenge may be quoted, and the fuzzer knows how to put the secret into one. */
static void check_error(const struct err *e, struct slice challenge)
{
	must(e->code != E_NONE && e->text[0] != '\0');
	must(strstr(e->text, SECRET) == NULL || holds(challenge, SECRET));
	for (const char *p = e->text; *p != '\0'; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_reason(const struct sasl_mechanism *m, const void *st)
{
	if (!m->reason)
		return;
	for (const char *p = m->reason(st); *p != '\0'; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static struct sasl_input input(unsigned flags)
{
	struct sasl_input in = {.user = slice_str("user"),
		.password = slice_str(SECRET),
		.plus_offered = (flags & PLUS_OFFERED) != 0};
	if (flags & BOUND) {
		in.binding_type = "tls-exporter";
		in.binding = slice_str("0123456789abcdef0123456789abcdef");
	}
	if (flags & AUTHZID)
		in.authzid = slice_str("a,b=c");
	if (flags & HOST) {
		in.host = "mail.example.org";
		in.port = 993;
	}
	return in;
}

/* One step; false when the exchange is over. */
static bool step(const struct sasl_mechanism *m, void **st, const struct sasl_input *in,
	struct slice challenge)
{
	struct err e = ERR_INIT;
	struct buf response = BUF_INIT(65536);
	int rc = m->step(st, in, challenge, &response, &e);
	if (rc < 0) {
		check_error(&e, challenge);
		must(!m->complete(*st));
	} else if (!m->needs_cleartext_password_protection) {
		must(!holds(buf_slice(&response), SECRET) || holds(challenge, SECRET));
	}
	if (is_scram(m) && m->complete(*st))
		must(rc == 0 && response.len == 0 && challenge.n >= 2 &&
			memcmp(challenge.p, "v=", 2) == 0);
	check_reason(m, *st);
	buf_release(&response);
	return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sasl_mechanism *const all[] = {&sasl_scram_sha_256, &sasl_scram_sha_1,
		&sasl_scram_sha_256_plus, &sasl_scram_sha_1_plus, &sasl_oauthbearer, &sasl_xoauth2,
		&sasl_cram_md5, &sasl_external, &sasl_anonymous, &sasl_login};
	if (size < 2)
		return 0;
	const struct sasl_mechanism *m = all[data[0] % (sizeof(all) / sizeof(all[0]))];
	struct sasl_input in = input(data[1]);
	struct err e = ERR_INIT;
	void *st = NULL;
	size_t at = 2;
	if (is_scram(m)) {
		bool sha_256 = strstr(m->name, "256") != NULL;
		must(sasl_scram_preset_nonce(&st,
			     sha_256 ? "rOprNGfwEbeRWgbNEkqO" : "fyko+d2lbbFgONRv9qkxdawL",
			     &e) == 0);
	}
	bool more = !m->client_first || step(m, &st, &in, SLICE_NONE);
	for (int round = 0; more && round < ROUNDS_MAX && size - at >= 2; round++) {
		size_t n = (size_t)data[at] << 8 | data[at + 1];
		at += 2;
		if (n > size - at)
			n = size - at;
		struct slice challenge = slice_of(data + at, n);
		at += n;
		more = !(is_scram(m) && too_slow(challenge)) && step(m, &st, &in, challenge);
	}
	m->release(st);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * TLS against a server object in the same thread: certificates of every bad kind, pins, versions,
 * cuts. Between the two is `wire`, a bottom layer that behaves like a socket (nothing in it is
 * "pending", it may be full) over which the test decides what arrives when.
 */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/net/stream.h"
#include "core/net/stream_tls.h"
#include "tests/support/pki.h"
#include "tests/support/tls_server.h"

/* ---- the wire -------------------------------------------------------------------------------- */

struct wire {
	struct stream s;
	struct tls_server *server;
	size_t chunk; /* bytes a read or write moves at most; 0 = no limit */
	size_t cut;   /* the stream ends after so many bytes from the server */
	size_t sent;  /* bytes from the server so far */
	bool full;    /* writes are answered STREAM_AGAIN */
	bool stutter; /* every other call is answered STREAM_AGAIN */
	bool skip;
	bool end;  /* no more bytes: STREAM_END when the server has none */
	bool fail; /* the same, but an error */
};

static bool stutters(struct wire *w)
{
	w->skip = w->stutter && !w->skip;
	return w->skip;
}

static enum stream_status wire_connect(struct stream *s, struct err *e)
{
	(void)s;
	(void)e;
	return STREAM_OK;
}

static enum stream_status wire_read(struct stream *s, void *p, size_t n, size_t *got, struct err *e)
{
	struct wire *w = (struct wire *)s;
	if (stutters(w))
		return STREAM_AGAIN;
	if (w->chunk > 0 && n > w->chunk)
		n = w->chunk;
	if (n > w->cut - w->sent)
		n = w->cut - w->sent;
	*got = tls_server_take(w->server, p, n);
	w->sent += *got;
	if (*got > 0)
		return STREAM_OK;
	if (w->fail) {
		err_set(e, ERR_CONNECTION, E_NET, "the wire has burnt through");
		return STREAM_ERROR;
	}
	return w->end || w->sent == w->cut ? STREAM_END : STREAM_AGAIN;
}

static enum stream_status wire_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e)
{
	(void)e;
	struct wire *w = (struct wire *)s;
	if (w->full || stutters(w))
		return STREAM_AGAIN;
	if (w->chunk > 0 && n > w->chunk)
		n = w->chunk;
	tls_server_give(w->server, p, n);
	*put = n;
	return STREAM_OK;
}

static void wire_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *v)
{
	(void)s;
	v->read_fd = v->write_fd = 7;
	v->read = reading;
	v->write = writing;
}

static bool wire_pending(const struct stream *s)
{
	(void)s;
	return false;
}

static void wire_close(struct stream *s)
{
	(void)s;
}

static const struct stream_ops wire_ops = {.name = "wire",
	.connect = wire_connect,
	.read = wire_read,
	.write = wire_write,
	.wants = wire_wants,
	.pending = wire_pending,
	.close = wire_close};

/* ---- a small world of certificates ----------------------------------------------------------- */

#define HOST	 "mail.example.org"
#define GOOD_SAN "DNS:" HOST

struct world {
	char dir[64];
	char ca_file[96], conf_file[96];
	struct pki_cert ca, other_ca, middle, good;
	struct tls_server server;
	struct wire wire;
	struct stream *tls;
	struct err e;
};

static void make(struct pki_cert *c, const struct pki_spec *spec, const struct pki_cert *issuer)
{
	cr_assert(pki_make(c, spec, issuer), "certificate %s: %s", spec->cn,
		ERR_reason_error_string(ERR_peek_error()));
}

/*
 * A system whose configuration of OpenSSL allows what should not be: what a better one forbids
 * anyway would hide a guard that is missing. Before OpenSSL is used for the first time.
 */
static void allow_everything(struct world *w)
{
	snprintf(w->conf_file, sizeof(w->conf_file), "%s/openssl.cnf", w->dir);
	FILE *f = fopen(w->conf_file, "w");
	cr_assert_not_null(f);
	fputs("openssl_conf = conf\n[conf]\nssl_conf = ssl\n[ssl]\nsystem_default = weak\n"
	      "[weak]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n",
		f);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(setenv("OPENSSL_CONF", w->conf_file, 1), 0);
}

static void world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->dir, sizeof(w->dir), "/tmp/test_stream_tls.XXXXXX");
	cr_assert_not_null(mkdtemp(w->dir));
	allow_everything(w);
	make(&w->ca,
		&(struct pki_spec){
			.cn = "Test CA", .from_days = -1000, .to_days = 1000, .ca = true},
		NULL);
	make(&w->other_ca,
		&(struct pki_spec){.cn = "Stranger CA", .from_days = -9, .to_days = 9, .ca = true},
		NULL);
	make(&w->middle,
		&(struct pki_spec){
			.cn = "Test Intermediate", .from_days = -9, .to_days = 9, .ca = true},
		&w->ca);
	make(&w->good,
		&(struct pki_spec){.cn = HOST, .san = GOOD_SAN, .from_days = -1, .to_days = 30},
		&w->ca);
	snprintf(w->ca_file, sizeof(w->ca_file), "%s/ca.pem", w->dir);
	cr_assert(pki_write(w->ca_file, w->ca.cert, NULL, NULL));
}

static void world_close(struct world *w)
{
	(void)unlink(w->ca_file);
	(void)unlink(w->conf_file);
	cr_assert_eq(rmdir(w->dir), 0, "something is left in %s", w->dir);
	pki_free(&w->ca);
	pki_free(&w->other_ca);
	pki_free(&w->middle);
	pki_free(&w->good);
}

static void dial(struct world *w, const struct tls_server_options *so, const struct tls_options *o)
{
	cr_assert(tls_server_open(&w->server, so), "server: %s",
		ERR_reason_error_string(ERR_peek_error()));
	w->wire = (struct wire){.s = {&wire_ops, NULL}, .server = &w->server, .cut = SIZE_MAX};
	w->e = (struct err)ERR_INIT;
	cr_assert_eq(stream_tls_new(&w->tls, &w->wire.s, o, &w->e), 0, "%s", w->e.text);
}

static void hang_up(struct world *w)
{
	stream_close(w->tls);
	w->tls = NULL;
	tls_server_close(&w->server);
}

/* Until it is up, has failed, or nothing moves any more. */
static enum stream_status shake(struct world *w)
{
	enum stream_status st = STREAM_AGAIN;
	for (int i = 0; i < 20000 && st == STREAM_AGAIN; i++) {
		st = stream_connect(w->tls, &w->e);
		cr_assert_not(stream_pending(w->tls) && st == STREAM_AGAIN,
			"it asks to be called again although it can do nothing");
	}
	return st;
}

static void expect(const struct world *w, enum stream_status st, enum err_code code,
	const char *text, const char *row)
{
	if (code == E_NONE) {
		cr_assert_eq(st, STREAM_OK, "%s: %s", row, w->e.text);
		return;
	}
	cr_assert_eq(st, STREAM_ERROR, "%s: was accepted", row);
	cr_assert_eq(w->e.code, code, "%s: %s: %s", row, err_code_name(w->e.code), w->e.text);
	cr_assert_not_null(strstr(w->e.text, text), "%s: %s", row, w->e.text);
}

/* ---- certificates ---------------------------------------------------------------------------- */

enum issuer { BY_CA, BY_SELF, BY_STRANGER, BY_MIDDLE, BY_MIDDLE_SENT, BY_OLD };

static const struct {
	const char *name;
	const char *host;
	struct pki_spec spec;
	enum issuer by;
	enum err_code code;
	const char *text;
} certs[] = {
	{"valid", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_CA, E_NONE, ""},
	{"valid, dot after the host", HOST ".", {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_CA,
		E_NONE, ""},
	{"valid, other case", "MAIL.Example.org", {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_CA,
		E_NONE, ""},
	{"valid, serverAuth", HOST, {HOST, GOOD_SAN, "serverAuth", -1, 30, 0, false}, BY_CA, E_NONE,
		""},
	{"valid, RSA-2048", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 2048, false}, BY_CA, E_NONE, ""},
	{"valid, with intermediate", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_MIDDLE_SENT,
		E_NONE, ""},
	{"expired", HOST, {HOST, GOOD_SAN, NULL, -30, -2, 0, false}, BY_CA, E_CERT,
		"the certificate of mail.example.org expired on 20"},
	{"not yet valid", HOST, {HOST, GOOD_SAN, NULL, 2, 30, 0, false}, BY_CA, E_CERT,
		"the certificate of mail.example.org is not valid before 20"},
	{"self-signed", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_SELF, E_CERT,
		"the certificate of mail.example.org is self-signed (set tls-ca-file or "
		"tls-pin-sha256"},
	{"unknown CA", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_STRANGER, E_CERT,
		"the certificate of mail.example.org was issued by an unknown authority "
		"\"CN=Stranger CA\" (set tls-ca-file"},
	{"missing intermediate", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_MIDDLE, E_CERT,
		"was issued by an unknown authority \"CN=Test Intermediate\""},
	{"expired intermediate", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 0, false}, BY_OLD, E_CERT,
		"the authority \"CN=Old Intermediate\" behind the certificate of mail.example.org "
		"cannot be trusted: its certificate expired on 20"},
	{"wrong host", HOST, {HOST, "DNS:other.example.org", NULL, -1, 30, 0, false}, BY_CA, E_CERT,
		"the certificate of mail.example.org is for other.example.org, not for "
		"mail.example.org"},
	{"many wrong hosts", HOST,
		{HOST, "DNS:a,DNS:b,IP:192.0.2.1,DNS:d,DNS:e", NULL, -1, 30, 0, false}, BY_CA,
		E_CERT, "is for a, b, 192.0.2.1, d, ..., not for mail.example.org"},
	{"control characters in a name", HOST, {HOST, "DNS:\x1b[2J.org", NULL, -1, 30, 0, false},
		BY_CA, E_CERT, "is for \\u{1B}[2J.org, not for"},
	{"common name only", HOST, {HOST, NULL, NULL, -1, 30, 0, false}, BY_CA, E_CERT,
		"the certificate of mail.example.org names no host"},
	{"common name beside another name", HOST, {HOST, "DNS:x.org", NULL, -1, 30, 0, false},
		BY_CA, E_CERT, "is for x.org, not for"},
	{"wildcard", HOST, {HOST, "DNS:*.example.org", NULL, -1, 30, 0, false}, BY_CA, E_NONE, ""},
	{"wildcard for two labels", "a.b.example.org",
		{HOST, "DNS:*.example.org", NULL, -1, 30, 0, false}, BY_CA, E_CERT,
		"is for *.example.org, not for a.b.example.org"},
	{"partial wildcard", HOST, {HOST, "DNS:ma*.example.org", NULL, -1, 30, 0, false}, BY_CA,
		E_CERT, "is for ma*.example.org, not for"},
	{"wildcard for everything", HOST, {HOST, "DNS:*", NULL, -1, 30, 0, false}, BY_CA, E_CERT,
		"is for *, not for"},
	{"right address", "127.0.0.1", {HOST, "IP:127.0.0.1", NULL, -1, 30, 0, false}, BY_CA,
		E_NONE, ""},
	{"right IPv6 address", "::1", {HOST, "IP:::1", NULL, -1, 30, 0, false}, BY_CA, E_NONE, ""},
	{"wrong address", "127.0.0.1", {HOST, "IP:127.0.0.2", NULL, -1, 30, 0, false}, BY_CA,
		E_CERT, "is for 127.0.0.2, not for 127.0.0.1"},
	{"address as a DNS name", "127.0.0.1", {HOST, "DNS:127.0.0.1", NULL, -1, 30, 0, false},
		BY_CA, E_CERT, "not for 127.0.0.1"},
	{"for clients only", HOST, {HOST, GOOD_SAN, "clientAuth", -1, 30, 0, false}, BY_CA, E_CERT,
		"the certificate of mail.example.org may not be used by a server"},
	{"RSA-1024", HOST, {HOST, GOOD_SAN, NULL, -1, 30, 1024, false}, BY_CA, E_CERT,
		"the certificate of mail.example.org has a key that is too short"},
};

static void make_row(struct world *w, size_t i, struct pki_cert *leaf, struct pki_cert *old)
{
	const struct pki_cert *issuers[] = {[BY_CA] = &w->ca,
		[BY_SELF] = NULL,
		[BY_STRANGER] = &w->other_ca,
		[BY_MIDDLE] = &w->middle,
		[BY_MIDDLE_SENT] = &w->middle,
		[BY_OLD] = old};
	make(old,
		&(struct pki_spec){
			.cn = "Old Intermediate", .from_days = -20, .to_days = -10, .ca = true},
		&w->ca);
	make(leaf, &certs[i].spec, issuers[certs[i].by]);
}

Test(stream_tls, accepts_good_certificates_and_says_what_is_wrong_with_others, .timeout = 60)
{
	struct world w;
	world_open(&w);
	for (size_t i = 0; i < sizeof(certs) / sizeof(*certs); i++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct pki_cert leaf, old;
			make_row(&w, i, &leaf, &old);
			struct tls_server_options so = {
				.cert = &leaf, .min = version, .max = version};
			if (certs[i].by == BY_MIDDLE_SENT)
				so.chain = w.middle.cert;
			if (certs[i].by == BY_OLD)
				so.chain = old.cert;
			struct tls_options o = {.host = certs[i].host, .ca_file = w.ca_file};
			dial(&w, &so, &o);
			enum stream_status st = shake(&w);
			expect(&w, st, certs[i].code, certs[i].text, certs[i].name);
			if (st == STREAM_ERROR) {
				char p[8];
				size_t n;
				struct err e = ERR_INIT;
				cr_assert_eq(stream_write(w.tls, "x", 1, &n, &e), STREAM_ERROR);
				cr_assert_eq(stream_read(w.tls, p, 8, &n, &e), STREAM_ERROR);
				cr_assert_eq(stream_connect(w.tls, &e), STREAM_ERROR);
				cr_assert_str_eq(e.text, w.e.text, "an error stays");
			}
			hang_up(&w);
			pki_free(&leaf);
			pki_free(&old);
		}
	}
	world_close(&w);
}

/* ---- pins ------------------------------------------------------------------------------------ */

enum pin { NO_PIN, RIGHT, RIGHT_HEX, WRONG, WRONG_AND_RIGHT, CA_PIN };

static const struct {
	const char *name;
	enum pin pin;
	bool pin_only;
	enum issuer by;
	struct pki_spec spec;
	enum err_code code;
	const char *text;
} pins[] = {
	{"right pin, valid chain", RIGHT, false, BY_CA, {HOST, GOOD_SAN, NULL, -1, 9, 0, false},
		E_NONE, ""},
	{"right pin in hex", RIGHT_HEX, false, BY_CA, {HOST, GOOD_SAN, NULL, -1, 9, 0, false},
		E_NONE, ""},
	{"one of two pins", WRONG_AND_RIGHT, false, BY_CA, {HOST, GOOD_SAN, NULL, -1, 9, 0, false},
		E_NONE, ""},
	{"wrong pin, valid chain", WRONG, false, BY_CA, {HOST, GOOD_SAN, NULL, -1, 9, 0, false},
		E_CERT, "the key of mail.example.org is not the pinned one: its pin is "},
	{"pin of the issuer", CA_PIN, false, BY_CA, {HOST, GOOD_SAN, NULL, -1, 9, 0, false}, E_CERT,
		"is not the pinned one"},
	{"right pin, self-signed", RIGHT, false, BY_SELF, {HOST, GOOD_SAN, NULL, -1, 9, 0, false},
		E_CERT, "is self-signed"},
	{"right pin, wrong host", RIGHT, false, BY_CA, {HOST, "DNS:x.org", NULL, -1, 9, 0, false},
		E_CERT, "is for x.org"},
	{"right pin alone, self-signed", RIGHT, true, BY_SELF,
		{HOST, GOOD_SAN, NULL, -1, 9, 0, false}, E_NONE, ""},
	{"right pin alone, self-signed, expired, other name", RIGHT, true, BY_SELF,
		{"x", NULL, NULL, -9, -2, 0, false}, E_NONE, ""},
	{"right pin alone, stranger", RIGHT, true, BY_STRANGER,
		{HOST, GOOD_SAN, NULL, -1, 9, 0, false}, E_NONE, ""},
	{"wrong pin alone, self-signed", WRONG, true, BY_SELF,
		{HOST, GOOD_SAN, NULL, -1, 9, 0, false}, E_CERT, "is not the pinned one"},
	{"wrong pin alone, valid chain", WRONG, true, BY_CA,
		{HOST, GOOD_SAN, NULL, -1, 9, 0, false}, E_CERT, "is not the pinned one"},
	{"right pin alone, key too short", RIGHT, true, BY_SELF,
		{HOST, GOOD_SAN, NULL, -1, 9, 1024, false}, E_CERT, "key that is too short"},
};

Test(stream_tls, a_pin_adds_to_the_chain_or_replaces_it_when_that_is_asked_for, .timeout = 60)
{
	struct world w;
	world_open(&w);
	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		struct pki_cert leaf;
		const struct pki_cert *issuer = pins[i].by == BY_CA ? &w.ca
			: pins[i].by == BY_STRANGER		    ? &w.other_ca
								    : NULL;
		make(&leaf, &pins[i].spec, issuer);
		char right[45], hex[65], wrong[45], ca[45];
		cr_assert(pki_pin_base64(&leaf, right) && pki_pin_hex(&leaf, hex));
		cr_assert(pki_pin_base64(&w.good, wrong) && pki_pin_base64(&w.ca, ca));
		const char *list[2] = {NULL, right};
		static const size_t count[] = {0, 1, 1, 1, 2, 1};
		list[0] = pins[i].pin == RIGHT	   ? right
			: pins[i].pin == RIGHT_HEX ? hex
			: pins[i].pin == CA_PIN	   ? ca
						   : wrong;
		struct tls_options o = {.host = HOST,
			.ca_file = w.ca_file,
			.pins = list,
			.npins = count[pins[i].pin],
			.pin_only = pins[i].pin_only};
		struct tls_server_options so = {.cert = &leaf};
		dial(&w, &so, &o);
		enum stream_status st = shake(&w);
		expect(&w, st, pins[i].code, pins[i].text, pins[i].name);
		if (st == STREAM_OK) {
			char shown[45];
			cr_assert(stream_tls_peer_pin(w.tls, shown));
			cr_assert_str_eq(shown, right);
		} else if (strstr(w.e.text, "pinned")) {
			cr_assert_not_null(strstr(w.e.text, right), "tells the pin it has");
		}
		hang_up(&w);
		pki_free(&leaf);
	}
	world_close(&w);
}

Test(stream_tls, refuses_pins_and_files_that_cannot_be_used_and_leaves_the_lower_stream_alone)
{
	struct world w;
	world_open(&w);
	char junk[96], locked[96], key[96], cert[96], missing[96];
	snprintf(junk, sizeof(junk), "%s/junk", w.dir);
	snprintf(locked, sizeof(locked), "%s/locked", w.dir);
	snprintf(key, sizeof(key), "%s/key", w.dir);
	snprintf(cert, sizeof(cert), "%s/cert", w.dir);
	snprintf(missing, sizeof(missing), "%s/missing", w.dir);
	cr_assert(pki_write(junk, NULL, NULL, NULL));
	cr_assert(pki_write(locked, w.good.cert, w.good.key, "secret"));
	cr_assert(pki_write(key, NULL, w.ca.key, NULL));
	cr_assert(pki_write(cert, w.good.cert, NULL, NULL));
	static const char *const bad_pin[] = {"abc"};
	static const char *const bad_base64[] = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=!"};
	static const char *const long_pin[] = {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
	static const char *const bad_hex[] = {
		"g000000000000000000000000000000000000000000000000000000000000000"};
	const struct {
		struct tls_options o;
		const char *text;
	} rows[] = {
		{{.host = ""}, "no host name"},
		{{.host = HOST, .pins = bad_pin, .npins = 1}, "\"abc\" is not a SHA-256 pin"},
		{{.host = HOST, .pins = bad_base64, .npins = 1}, "is not a SHA-256 pin"},
		{{.host = HOST, .pins = long_pin, .npins = 1}, "is not a SHA-256 pin"},
		{{.host = HOST, .pins = bad_hex, .npins = 1}, "is not a SHA-256 pin"},
		{{.host = HOST, .pin_only = true}, "there is no pin"},
		{{.host = HOST, .ca_file = missing}, "missing\": No such file or directory"},
		{{.host = HOST, .ca_file = junk}, "nothing of that kind in PEM format"},
		{{.host = HOST, .client_cert = missing}, "cannot use tls-client-cert \"/tmp/"},
		{{.host = HOST, .client_cert = junk}, "nothing of that kind in PEM format"},
		{{.host = HOST, .client_cert = cert, .client_key = missing},
			"missing\": No such file or directory"},
		{{.host = HOST, .client_cert = cert}, "nothing of that kind in PEM format"},
		{{.host = HOST, .client_cert = cert, .client_key = key},
			"the key does not belong to the certificate"},
		{{.host = HOST, .client_cert = locked}, "the key is encrypted"},
		{{.host = HOST, .client_key = key}, "tls-client-cert is not"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = ERR_INIT;
		struct stream *below = NULL, *tls = NULL;
		cr_assert_eq(stream_memory_new(&below, &e), 0);
		cr_assert_eq(stream_tls_new(&tls, below, &rows[i].o, &e), -1, "row %zu", i);
		cr_assert_eq(e.code, E_CONFIG, "row %zu: %s", i, e.text);
		cr_assert_not_null(strstr(e.text, rows[i].text), "row %zu: %s", i, e.text);
		cr_assert_eq(stream_memory_input(below, "x", 1, &e), 0, "still ours");
		stream_close(below);
	}
	(void)unlink(junk);
	(void)unlink(locked);
	(void)unlink(key);
	(void)unlink(cert);
	world_close(&w);
}

/* ---- versions and other people's mistakes ---------------------------------------------------- */

Test(stream_tls, speaks_tls_1_2_and_later_with_safe_ciphers_only, .timeout = 30)
{
	static const struct {
		const char *name;
		int min, max;
		const char *ciphers;
		enum err_code code;
		const char *text;
	} rows[] = {
		{"1.0 only", TLS1_VERSION, TLS1_VERSION, NULL, E_TLS, "offers no safe TLS version"},
		{"1.1 only", TLS1_1_VERSION, TLS1_1_VERSION, NULL, E_TLS,
			"offers no safe TLS version"},
		{"1.2 only", TLS1_2_VERSION, TLS1_2_VERSION, NULL, E_NONE,
			"TLSv1.2, ECDHE-ECDSA-AES"},
		{"1.3 only", TLS1_3_VERSION, TLS1_3_VERSION, NULL, E_NONE,
			"TLSv1.3, TLS_AES_256_GCM"},
		{"up to 1.3", TLS1_VERSION, TLS1_3_VERSION, NULL, E_NONE, "TLSv1.3, "},
		{"no authentication", TLS1_2_VERSION, TLS1_2_VERSION, "aNULL:@SECLEVEL=0", E_TLS,
			"no safe cipher in common"},
		{"no encryption", TLS1_2_VERSION, TLS1_2_VERSION, "eNULL:@SECLEVEL=0", E_TLS,
			"no safe cipher in common"},
	};
	struct world w;
	world_open(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct tls_server_options so = {.cert = &w.good,
			.min = rows[i].min,
			.max = rows[i].max,
			.ciphers = rows[i].ciphers};
		struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
		dial(&w, &so, &o);
		cr_assert_str_eq(stream_tls_describe(w.tls), "");
		enum stream_status st = shake(&w);
		expect(&w, st, rows[i].code, rows[i].text, rows[i].name);
		if (st == STREAM_OK)
			cr_assert_eq(strncmp(stream_tls_describe(w.tls), rows[i].text,
					     strlen(rows[i].text)),
				0, "%s: %s", rows[i].name, stream_tls_describe(w.tls));
		hang_up(&w);
	}
	world_close(&w);
}

Test(stream_tls, every_context_has_the_same_policy_whatever_the_systems_configuration_says)
{
	struct world w;
	world_open(&w);
	struct err e = ERR_INIT;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	cr_assert_eq(SSL_CTX_get_security_level(ctx), 0, "the configuration was not read");
	SSL_CTX_free(ctx);
	cr_assert_eq(tls_ctx_new(&ctx, &(struct tls_options){.host = HOST}, &e), 0, "%s", e.text);
	cr_assert_geq(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
	cr_assert_geq(SSL_CTX_get_security_level(ctx), 2);
	cr_assert_eq(SSL_CTX_get_verify_mode(ctx), SSL_VERIFY_PEER);
	cr_assert_eq(SSL_CTX_get_session_cache_mode(ctx), SSL_SESS_CACHE_OFF);
	static const struct {
		uint64_t bit;
		const char *name;
	} options[] = {{SSL_OP_NO_RENEGOTIATION, "no renegotiation"},
		{SSL_OP_NO_COMPRESSION, "no compression"}, {SSL_OP_NO_TICKET, "no tickets"}};
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		cr_assert(SSL_CTX_get_options(ctx) & options[i].bit, "%s", options[i].name);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	cr_assert_not(SSL_CTX_get_options(ctx) & SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
	SSL_CTX_free(ctx);
	world_close(&w);
}

Test(stream_tls, says_that_a_server_without_tls_does_not_speak_it)
{
	struct err e = ERR_INIT;
	struct stream *below = NULL, *tls = NULL;
	cr_assert_eq(stream_memory_new(&below, &e), 0);
	static const char greeting[] = "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n";
	cr_assert_eq(stream_memory_input(below, greeting, sizeof(greeting) - 1, &e), 0);
	struct tls_options o = {.host = HOST};
	cr_assert_eq(stream_tls_new(&tls, below, &o, &e), 0, "%s", e.text);
	cr_assert_eq(stream_connect(tls, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_TLS);
	cr_assert_not_null(
		strstr(e.text, "mail.example.org does not answer in TLS here"), "%s", e.text);
	stream_close(tls);
}

Test(stream_tls, moves_no_byte_before_the_handshake_is_complete)
{
	struct world w;
	world_open(&w);
	struct tls_server_options so = {.cert = &w.good};
	struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
	dial(&w, &so, &o);
	char p[4];
	size_t n;
	cr_assert_eq(stream_write(w.tls, "a1 LOGIN", 8, &n, &w.e), STREAM_ERROR);
	cr_assert_eq(w.e.code, E_STATE);
	cr_assert_eq(stream_read(w.tls, p, 4, &n, &w.e), STREAM_ERROR);
	cr_assert_eq(w.e.code, E_STATE);
	hang_up(&w);
	world_close(&w);
}

/* ---- the end --------------------------------------------------------------------------------- */

Test(stream_tls, tells_a_proper_end_from_a_cut_and_gives_the_bytes_before_it_first, .timeout = 30)
{
	enum ending { NOTIFIED, CUT, FAILED };
	static const struct {
		enum ending ending;
		enum stream_status st;
		enum err_code code;
		const char *text;
	} rows[] = {
		{NOTIFIED, STREAM_END, E_NONE, ""},
		{CUT, STREAM_ERROR, E_CLOSED, "the connection was cut without a TLS close"},
		{FAILED, STREAM_ERROR, E_NET, "the wire has burnt through"},
	};
	struct world w;
	world_open(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct tls_server_options so = {
				.cert = &w.good, .min = version, .max = version};
			struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
			dial(&w, &so, &o);
			cr_assert_eq(shake(&w), STREAM_OK, "%s", w.e.text);
			cr_assert(tls_server_write(&w.server, "last words", 10));
			if (rows[i].ending == NOTIFIED)
				tls_server_notify(&w.server);
			w.wire.fail = rows[i].ending == FAILED;
			w.wire.end = true;
			char p[64];
			size_t n;
			cr_assert_eq(stream_read(w.tls, p, sizeof(p), &n, &w.e), STREAM_OK, "%s",
				w.e.text);
			cr_assert_eq(n, 10);
			cr_assert_arr_eq(p, "last words", 10);
			for (int again = 0; again < 2; again++) {
				struct err e = ERR_INIT;
				cr_assert_eq(stream_read(w.tls, p, sizeof(p), &n, &e), rows[i].st,
					"row %zu", i);
				cr_assert_eq(e.code, rows[i].code);
				cr_assert_not_null(strstr(e.text, rows[i].text), "%s", e.text);
				cr_assert(stream_pending(w.tls), "the end needs no poll");
			}
			hang_up(&w);
		}
	}
	world_close(&w);
}

Test(stream_tls, says_goodbye_when_it_is_closed)
{
	struct world w;
	world_open(&w);
	struct tls_server_options so = {.cert = &w.good};
	struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
	dial(&w, &so, &o);
	cr_assert_eq(shake(&w), STREAM_OK);
	stream_close(w.tls);
	char p[8];
	cr_assert_eq(tls_server_read(&w.server, p, sizeof(p)), 0);
	cr_assert(SSL_get_shutdown(w.server.ssl) & SSL_RECEIVED_SHUTDOWN);
	tls_server_close(&w.server);
	world_close(&w);
}

Test(stream_tls, a_handshake_cut_at_any_byte_never_succeeds, .timeout = 120)
{
	struct world w;
	world_open(&w);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_server_options so = {.cert = &w.good, .min = version, .max = version};
		struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
		size_t cut = 0;
		for (;; cut++) {
			dial(&w, &so, &o);
			w.wire.cut = cut;
			enum stream_status st = shake(&w);
			if (st == STREAM_OK)
				break;
			cr_assert_eq(st, STREAM_ERROR, "after %zu bytes", cut);
			cr_assert_eq(w.e.code, E_CLOSED, "after %zu bytes: %s", cut, w.e.text);
			cr_assert_not_null(
				strstr(w.e.text, "closed the connection in the TLS handshake"));
			hang_up(&w);
		}
		cr_assert_gt(cut, 500, "that was no whole handshake");
		hang_up(&w);
	}
	world_close(&w);
}

Test(stream_tls, an_error_of_the_lower_layer_in_the_handshake_keeps_its_text)
{
	struct world w;
	world_open(&w);
	struct tls_server_options so = {.cert = &w.good};
	struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
	dial(&w, &so, &o);
	w.wire.cut = 100;
	w.wire.fail = true;
	cr_assert_eq(shake(&w), STREAM_ERROR);
	cr_assert_str_eq(w.e.text, "the wire has burnt through");
	cr_assert_eq(w.e.code, E_NET);
	hang_up(&w);
	world_close(&w);
}

/* ---- pending and votes ----------------------------------------------------------------------- */

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 31 + i / 251);
}

/*
 * Read as a poll loop would: only when the stream says "pending" or the kernel would report bytes.
 * A layer that hides bytes gets stuck here; one that cries wolf spins.
 */
static size_t read_like_a_loop(struct world *w, size_t want, size_t piece)
{
	static unsigned char p[100000];
	size_t total = 0;
	int idle = 0;
	bool stalled = false;
	while (total < want) {
		bool pending = stream_pending(w->tls);
		cr_assert_not(pending && stalled, "pending after a read that found nothing");
		bool kernel = BIO_ctrl_pending(w->server.out) > 0;
		if (!pending && !kernel)
			return total;
		struct stream_wants v;
		stream_wants(w->tls, true, false, &v);
		cr_assert(v.read && !v.write);
		size_t n;
		enum stream_status st = stream_read(w->tls, p, piece, &n, &w->e);
		cr_assert(st == STREAM_OK || st == STREAM_AGAIN, "%s", w->e.text);
		cr_assert(!pending || st == STREAM_OK, "pending, but nothing could be read");
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(p[i], pattern(total + i), "byte %zu", total + i);
		total += n;
		stalled = st == STREAM_AGAIN;
		idle = n > 0 ? 0 : idle + 1;
		cr_assert_lt(idle, 40000, "spinning");
	}
	return total;
}

Test(stream_tls, hides_no_byte_and_does_not_spin_however_the_bytes_arrive, .timeout = 120)
{
	enum { SIZE = 70000 };
	static unsigned char data[SIZE];
	for (size_t i = 0; i < SIZE; i++)
		data[i] = pattern(i);
	static const struct {
		size_t chunk, piece;
		bool stutter;
	} rows[] = {{0, 100000, false}, {0, 1000, false}, {0, 1, false}, {1, 100000, false},
		{7, 100, false}, {1000, 100000, true}, {16384, 16384, false}, {16389, 5, false},
		{3, 100000, true}};
	struct world w;
	world_open(&w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct tls_server_options so = {
				.cert = &w.good, .min = version, .max = version};
			struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
			dial(&w, &so, &o);
			w.wire.chunk = rows[i].chunk;
			w.wire.stutter = rows[i].stutter;
			cr_assert_eq(shake(&w), STREAM_OK, "%s", w.e.text);
			cr_assert(tls_server_write(&w.server, data, SIZE));
			cr_assert_eq(read_like_a_loop(&w, SIZE, rows[i].piece), SIZE,
				"row %zu: bytes are stuck", i);
			hang_up(&w);
		}
	}
	world_close(&w);
}

Test(stream_tls, fills_the_callers_buffer_from_many_records_with_few_calls_below)
{
	enum { RECORDS = 60, RECORD = 1000 };
	struct world w;
	world_open(&w);
	struct tls_server_options so = {.cert = &w.good};
	struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
	dial(&w, &so, &o);
	cr_assert_eq(shake(&w), STREAM_OK);
	static unsigned char p[RECORDS * RECORD];
	for (int i = 0; i < RECORDS; i++)
		cr_assert(tls_server_write(&w.server, p, RECORD));
	size_t n;
	cr_assert_eq(stream_read(w.tls, p, sizeof(p), &n, &w.e), STREAM_OK);
	cr_assert_eq(n, sizeof(p), "one call for all of them, not %zu bytes", n);
	hang_up(&w);
	world_close(&w);
}

Test(stream_tls, votes_for_writing_while_its_own_bytes_wait_and_repeats_the_write, .timeout = 30)
{
	struct world w;
	world_open(&w);
	struct tls_server_options so = {.cert = &w.good};
	struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
	dial(&w, &so, &o);
	struct stream_wants v;
	w.wire.full = true;
	cr_assert_eq(stream_connect(w.tls, &w.e), STREAM_AGAIN);
	stream_wants(w.tls, true, false, &v);
	cr_assert(v.write && !v.read, "a reader must wait for writing here");
	w.wire.full = false;
	cr_assert_eq(shake(&w), STREAM_OK, "%s", w.e.text);

	static char text[40000];
	memset(text, 'a', sizeof(text));
	size_t n;
	w.wire.full = true;
	cr_assert_eq(stream_write(w.tls, text, 100, &n, &w.e), STREAM_AGAIN);
	cr_assert_eq(n, 0);
	stream_wants(w.tls, false, true, &v);
	cr_assert(v.write && !v.read);
	w.wire.full = false;
	struct err e = ERR_INIT;
	cr_assert_eq(
		stream_write(w.tls, text, 99, &n, &e), STREAM_ERROR, "fewer bytes than before");
	cr_assert_eq(e.code, E_STATE);
	static char moved[40000];
	memcpy(moved, text, sizeof(text));
	size_t total = 0;
	while (total < sizeof(moved)) {
		cr_assert_eq(stream_write(w.tls, moved + total, sizeof(moved) - total, &n, &w.e),
			STREAM_OK, "%s", w.e.text);
		total += n;
	}
	static char got[40000];
	total = 0;
	while ((n = tls_server_read(&w.server, got + total, sizeof(got) - total)) > 0)
		total += n;
	cr_assert_eq(total, sizeof(got));
	cr_assert_arr_eq(got, text, sizeof(got), "each byte once");
	hang_up(&w);
	world_close(&w);
}

Test(stream_tls, waits_for_reading_in_the_handshake_once_its_hello_is_out)
{
	struct world w;
	world_open(&w);
	struct err e = ERR_INIT;
	struct stream *below = NULL, *tls = NULL;
	cr_assert_eq(stream_memory_new(&below, &e), 0);
	struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
	cr_assert_eq(stream_tls_new(&tls, below, &o, &e), 0);
	cr_assert_eq(stream_connect(tls, &e), STREAM_AGAIN);
	cr_assert_gt(stream_memory_output(below).n, 100);
	struct stream_wants v;
	stream_wants(tls, false, true, &v);
	cr_assert(v.read && !v.write, "a writer must wait for reading here");
	stream_close(tls);
	world_close(&w);
}

/* ---- client certificates, and what a connected stream can tell ------------------------------- */

Test(stream_tls, shows_its_client_certificate_when_it_has_one, .timeout = 30)
{
	struct world w;
	world_open(&w);
	char pem[96], certfile[96], keyfile[96];
	struct pki_cert client;
	make(&client,
		&(struct pki_spec){.cn = "me", .eku = "clientAuth", .from_days = -1, .to_days = 9},
		&w.ca);
	snprintf(pem, sizeof(pem), "%s/both", w.dir);
	snprintf(certfile, sizeof(certfile), "%s/cert", w.dir);
	snprintf(keyfile, sizeof(keyfile), "%s/key", w.dir);
	cr_assert(pki_write(pem, client.cert, client.key, NULL));
	cr_assert(pki_write(certfile, client.cert, NULL, NULL));
	cr_assert(pki_write(keyfile, NULL, client.key, NULL));
	const struct {
		const char *cert, *key;
		bool ok;
	} rows[] = {{pem, NULL, true}, {certfile, keyfile, true}, {NULL, NULL, false}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			struct tls_server_options so = {.cert = &w.good,
				.client_ca = w.ca.cert,
				.min = version,
				.max = version};
			struct tls_options o = {.host = HOST,
				.ca_file = w.ca_file,
				.client_cert = rows[i].cert,
				.client_key = rows[i].key};
			dial(&w, &so, &o);
			enum stream_status st = shake(&w);
			char p[8];
			size_t n;
			/* With TLS 1.3 the server's refusal comes after our side is done. */
			if (st == STREAM_OK && !rows[i].ok)
				st = stream_read(w.tls, p, sizeof(p), &n, &w.e);
			expect(&w, st, rows[i].ok ? E_NONE : E_TLS, "client certificate",
				rows[i].ok ? "with" : "without");
			if (rows[i].ok)
				cr_assert(SSL_is_init_finished(w.server.ssl));
			hang_up(&w);
		}
	}
	(void)unlink(pem);
	(void)unlink(certfile);
	(void)unlink(keyfile);
	pki_free(&client);
	world_close(&w);
}

Test(stream_tls, tells_subject_issuer_end_and_channel_binding)
{
	struct world w;
	world_open(&w);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_server_options so = {.cert = &w.good, .min = version, .max = version};
		struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
		dial(&w, &so, &o);
		struct buf subject = BUF_INIT(1000), issuer = BUF_INIT(1000);
		int64_t not_after = 0;
		const char *type;
		unsigned char mine[32], theirs[32];
		char pin[45];
		cr_assert_eq(stream_tls_peer_info(w.tls, &subject, &issuer, &not_after, &w.e), -1);
		cr_assert_eq(w.e.code, E_STATE);
		cr_assert_not(stream_tls_peer_pin(w.tls, pin));
		cr_assert_eq(stream_tls_binding(w.tls, &type, mine), 0);
		cr_assert_eq(shake(&w), STREAM_OK, "%s", w.e.text);

		cr_assert_eq(stream_tls_peer_info(w.tls, &subject, &issuer, &not_after, &w.e), 0,
			"%s", w.e.text);
		cr_assert_str_eq(buf_str(&subject), "CN=" HOST);
		cr_assert_str_eq(buf_str(&issuer), "CN=Test CA");
		int64_t in_30_days = clock_wall() + 30 * 86400;
		cr_assert(not_after > in_30_days - 600 && not_after <= in_30_days + 600);

		size_t n = stream_tls_binding(w.tls, &type, mine);
		cr_assert_str_eq(type, "tls-exporter");
		cr_assert_eq(n, version == TLS1_3_VERSION ? 32 : 0);
		if (n > 0) {
			cr_assert_eq(SSL_export_keying_material(w.server.ssl, theirs, 32,
					     "EXPORTER-Channel-Binding", 24, NULL, 0, 1),
				1);
			cr_assert_arr_eq(mine, theirs, 32);
		}
		buf_release(&subject);
		buf_release(&issuer);
		hang_up(&w);
	}
	world_close(&w);
}

Test(stream_tls, asks_for_the_server_by_name_and_never_resumes_a_session)
{
	struct world w;
	world_open(&w);
	static const struct {
		const char *host, *sni;
	} rows[] = {{HOST, HOST}, {HOST ".", HOST}, {"127.0.0.1", NULL}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pki_cert leaf;
		make(&leaf,
			&(struct pki_spec){.cn = "x",
				.san = GOOD_SAN ",IP:127.0.0.1",
				.from_days = -1,
				.to_days = 9},
			&w.ca);
		struct tls_server_options so = {.cert = &leaf};
		struct tls_options o = {.host = rows[i].host, .ca_file = w.ca_file};
		dial(&w, &so, &o);
		cr_assert_eq(shake(&w), STREAM_OK, "%s", w.e.text);
		const char *sni = SSL_get_servername(w.server.ssl, TLSEXT_NAMETYPE_host_name);
		cr_assert(rows[i].sni ? sni && strcmp(sni, rows[i].sni) == 0 : !sni);
		cr_assert_not(SSL_session_reused(w.server.ssl));
		hang_up(&w);
		pki_free(&leaf);
	}
	world_close(&w);
}

Test(stream_tls, a_context_of_the_caller_decides_about_trust_but_the_name_is_checked)
{
	struct world w;
	world_open(&w);
	static const struct {
		const char *host;
		bool trusts, verifies;
		enum err_code code;
	} rows[] = {{HOST, true, true, E_NONE}, {HOST, false, true, E_CERT},
		{"x.example.org", true, true, E_CERT}, {"x.example.org", false, false, E_NONE}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		if (rows[i].trusts)
			cr_assert_eq(SSL_CTX_load_verify_locations(ctx, w.ca_file, NULL), 1);
		SSL_CTX_set_verify(ctx, rows[i].verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
		struct tls_server_options so = {.cert = &w.good};
		struct tls_options o = {.host = rows[i].host, .ssl_ctx = ctx};
		dial(&w, &so, &o);
		SSL_CTX_free(ctx);
		expect(&w, shake(&w), rows[i].code, "the certificate of", rows[i].host);
		hang_up(&w);
	}
	world_close(&w);
}

Test(stream_tls, runs_over_a_memory_stream_in_chunks_of_any_size, .timeout = 60)
{
	struct world w;
	world_open(&w);
	for (size_t chunk = 1; chunk <= 2000; chunk = chunk * 3 + 1) {
		struct tls_server_options so = {.cert = &w.good};
		struct tls_options o = {.host = HOST, .ca_file = w.ca_file};
		struct err e = ERR_INIT;
		struct stream *below = NULL, *tls = NULL;
		cr_assert_eq(stream_memory_new(&below, &e), 0);
		stream_memory_chunk(below, chunk);
		cr_assert_eq(stream_tls_new(&tls, below, &o, &e), 0);
		cr_assert(tls_server_open(&w.server, &so));
		enum stream_status st;
		while ((st = stream_connect(tls, &e)) == STREAM_AGAIN) {
			struct slice out = stream_memory_output(below);
			tls_server_give(&w.server, out.p, out.n);
			stream_memory_drain(below);
			char p[8192];
			size_t n = tls_server_take(&w.server, p, sizeof(p));
			cr_assert_gt(n, 0, "stuck with chunks of %zu", chunk);
			cr_assert_eq(stream_memory_input(below, p, n, &e), 0);
		}
		cr_assert_eq(st, STREAM_OK, "%s", e.text);
		stream_close(tls);
		tls_server_close(&w.server);
	}
	world_close(&w);
}

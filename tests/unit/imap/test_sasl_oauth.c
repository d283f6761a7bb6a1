/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/imap/sasl_mech.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct sasl_mechanism *const both[] = {&sasl_oauthbearer, &sasl_xoauth2};

/* The example of RFC 7628 section 4.1. */
static struct sasl_input example(void)
{
	return (struct sasl_input){.user = slice_str("user@example.com"),
		.password = slice_str("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="),
		.host = "server.example.com",
		.port = 143};
}

Test(sasl_oauth, says_what_the_examples_say)
{
	static const struct {
		const char *name;
		const struct sasl_mechanism *m;
		const char *base64;
	} rows[] = {
		{"RFC 7628 section 4.1", &sasl_oauthbearer,
			"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1"
			"dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"},
		{"XOAUTH2", &sasl_xoauth2,
			"dXNlcj11c2VyQGV4YW1wbGUuY29tAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhi"
			"SFJoZG1semRHRXVZMjl0Q2c9PQEB"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = BUF_INIT(1000), text = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = example();
		void *st = NULL;
		cr_assert_not(rows[i].m->complete(st));
		cr_assert_str_empty(rows[i].m->reason(st));
		cr_assert_eq(rows[i].m->step(&st, &in, SLICE_NONE, &out, &e), 0, "%s", e.text);
		cr_assert_eq(base64_encode(&text, out.data, out.len), 0);
		cr_assert_str_eq(buf_str(&text), rows[i].base64, "%s", rows[i].name);
		cr_assert(rows[i].m->complete(st));
		cr_assert_str_empty(rows[i].m->reason(st));
		rows[i].m->release(st);
		rows[i].m->release(NULL);
		buf_release(&out);
		buf_release(&text);
	}
}

Test(sasl_oauth, leaves_out_what_is_not_known_and_escapes_the_rest)
{
	static const struct {
		const char *name;
		const struct sasl_mechanism *m;
		const char *user, *authzid, *host;
		uint16_t port;
		const char *want;
	} rows[] = {
		{"nothing known", &sasl_oauthbearer, "", "", NULL, 0, "n,,\1auth=Bearer t\1\1"},
		{"host only", &sasl_oauthbearer, "", "", "h", 0, "n,,\1host=h\1auth=Bearer t\1\1"},
		{"port only", &sasl_oauthbearer, "", "", NULL, 65535,
			"n,,\1port=65535\1auth=Bearer t\1\1"},
		{"somebody else", &sasl_oauthbearer, "me", "you", NULL, 0,
			"n,a=you,\1auth=Bearer t\1\1"},
		{"comma and equals sign", &sasl_oauthbearer, "a,b=c", "", NULL, 0,
			"n,a=a=2Cb=3Dc,\1auth=Bearer t\1\1"},
		{"XOAUTH2 escapes nothing", &sasl_xoauth2, "a,b=c", "", "h", 1,
			"user=a,b=c\1auth=Bearer t\1\1"},
		{"XOAUTH2, somebody else", &sasl_xoauth2, "me", "you", NULL, 0,
			"user=you\1auth=Bearer t\1\1"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str(rows[i].user),
			.authzid = slice_str(rows[i].authzid),
			.password = slice_str("t"),
			.host = rows[i].host,
			.port = rows[i].port};
		void *st = NULL;
		cr_assert_eq(rows[i].m->step(&st, &in, SLICE_NONE, &out, &e), 0, "%s", e.text);
		cr_assert_str_eq(buf_str(&out), rows[i].want, "%s", rows[i].name);
		rows[i].m->release(st);
		buf_release(&out);
	}
}

Test(sasl_oauth, answers_a_refusal_and_keeps_its_reason)
{
	static const struct {
		const char *name, *json, *reason;
	} rows[] = {
		{"RFC 7628 section 4.3",
			"{\"status\":\"invalid_token\",\"scope\":\"example_scope\","
			"\"openid-configuration\":\"https://example.com/.well-known/openid-config\"}",
			"invalid_token"},
		{"Google's",
			"{\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":\"https://mail/\"}",
			"400"},
		{"a number", "{\"status\":401}", "401"},
		{"a number with space", " {\r\n\t\"status\" : 401 , \"x\":1}", "401"},
		{"last",
			"{\"schemes\":[\"a\",{\"status\":\"no\"},\"]}\"],\"n\":null,"
			"\"status\":\"yes\"}",
			"yes"},
		{"not nested", "{\"a\":{\"status\":\"no\"}}", "{\"a\":{\"status\":\"no\"}}"},
		{"escaped quote", "{\"x\\\"status\":\"no\",\"status\":\"a\\\"b\"}", "a\\\"b"},
		{"control characters", "{\"status\":\"\x1b[2J\"}", "\\u{1B}[2J"},
		{"empty status", "{\"status\":\"\"}", "{\"status\":\"\"}"},
		{"empty object", "{}", "{}"},
		{"no JSON", "go away", "go away"},
		{"cut", "{\"status\":\"inval", "{\"status\":\"inval"},
		{"cut escape", "{\"status\":\"inval\\", "{\"status\":\"inval\\"},
		{"cut list", "{\"status\":[1", "{\"status\":[1"},
		{"unbalanced", "{\"a\":[[[,\"status\":\"x\"}", "{\"a\":[[[,\"status\":\"x\"}"},
		{"too many ends", "{\"a\":]],\"status\":\"x\"}", "x"},
		{"no value", "{\"status\":,\"a\":1}", "{\"status\":,\"a\":1}"},
		{"no colon", "{\"status\" \"x\"}", "{\"status\" \"x\"}"},
		{"nothing", "", ""},
	};
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		const struct sasl_mechanism *m = both[i % 2];
		const char *name = rows[i / 2].name;
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = example();
		void *st = NULL;
		cr_assert_eq(m->step(&st, &in, SLICE_NONE, &out, &e), 0);
		buf_clear(&out);
		cr_assert_eq(m->step(&st, &in, slice_str(rows[i / 2].json), &out, &e), 0, "%s: %s",
			name, e.text);
		cr_assert_str_eq(buf_str(&out), m == &sasl_oauthbearer ? "\1" : "", "%s", name);
		cr_assert_str_eq(m->reason(st), rows[i / 2].reason, "%s", name);
		cr_assert_not(m->complete(st), "%s: an OK after a refusal is none", name);
		buf_clear(&out);
		cr_assert_eq(
			m->step(&st, &in, SLICE_NONE, &out, &e), -1, "%s: once is enough", name);
		cr_assert_eq(e.code, E_PROTO);
		cr_assert_eq(out.len, 0);
		cr_assert_not(m->complete(st));
		m->release(st);
		buf_release(&out);
	}
}

Test(sasl_oauth, a_refusal_may_be_cut_anywhere_or_be_very_long)
{
	static const char json[] = "{\"a\":{\"b\":[1,\"x\\\"\"]}, \"status\" : \"invalid_token\"}";
	struct buf out = BUF_INIT(1000), big = BUF_INIT(2000000);
	struct err e = ERR_INIT;
	struct sasl_input in = example();
	for (size_t n = 0; n <= sizeof(json) - 1; n++) {
		void *st = NULL;
		cr_assert_eq(sasl_xoauth2.step(&st, &in, SLICE_NONE, &out, &e), 0);
		buf_clear(&out);
		cr_assert_eq(sasl_xoauth2.step(&st, &in, slice_of(json, n), &out, &e), 0);
		bool whole = strcmp(sasl_xoauth2.reason(st), "invalid_token") == 0;
		cr_assert_eq(whole, n + 1 >= sizeof(json) - 1, "cut at %zu", n);
		sasl_xoauth2.release(st);
	}
	while (big.len < 1000000)
		(void)buf_add_str(&big, "{[");
	void *st = NULL;
	cr_assert_eq(sasl_xoauth2.step(&st, &in, SLICE_NONE, &out, &e), 0);
	cr_assert_eq(sasl_xoauth2.step(&st, &in, buf_slice(&big), &out, &e), 0);
	cr_assert_leq(strlen(sasl_xoauth2.reason(st)), 512);
	sasl_xoauth2.release(st);
	buf_release(&out);
	buf_release(&big);
}

Test(sasl_oauth, refuses_what_could_be_read_as_something_else)
{
	static const struct {
		const char *name, *user, *authzid, *token, *host;
		enum err_code code;
	} rows[] = {
		{"no token", "u", "", "", "h", E_INVALID},
		{"line break after the token", "u", "", "token\n", "h", E_INVALID},
		{"separator in the token", "u", "", "t\1auth=x", "h", E_INVALID},
		{"space in the token", "u", "", "t t", "h", E_INVALID},
		{"DEL in the token", "u", "", "t\x7f", "h", E_INVALID},
		{"8-bit token", "u", "", "t\xc3\xa4", "h", E_INVALID},
		{"separator in the user", "u\1host=x", "", "t", "h", E_INVALID},
		{"user no UTF-8", "\xff", "", "t", "h", E_INVALID},
		{"separator in the authzid", "u", "\1", "t", "h", E_INVALID},
	};
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		const struct sasl_mechanism *m = both[i % 2];
		struct buf out = BUF_INIT(1000);
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str(rows[i / 2].user),
			.authzid = slice_str(rows[i / 2].authzid),
			.password = slice_str(rows[i / 2].token),
			.host = rows[i / 2].host};
		void *st = NULL;
		cr_assert_eq(m->step(&st, &in, SLICE_NONE, &out, &e), -1, "%s", rows[i / 2].name);
		cr_assert_eq(e.code, rows[i / 2].code, "%s", rows[i / 2].name);
		cr_assert_eq(e.scope, ERR_USAGE);
		cr_assert_null(strstr(e.text, "auth=x"), "no token in an error");
		cr_assert_eq(out.len, 0);
		cr_assert_not(m->complete(st));
		m->release(st);
		buf_release(&out);
	}

	struct buf out = BUF_INIT(1000);
	struct err e = ERR_INIT;
	void *st = NULL;
	struct sasl_input in = {.user = slice_str("u"), .password = slice_str("t"), .host = "a\1b"};
	cr_assert_eq(sasl_oauthbearer.step(&st, &in, SLICE_NONE, &out, &e), -1, "host");
	sasl_oauthbearer.release(st);
	st = NULL;
	in.user = SLICE_NONE;
	cr_assert_eq(sasl_xoauth2.step(&st, &in, SLICE_NONE, &out, &e), -1, "XOAUTH2 without user");
	sasl_xoauth2.release(st);
	buf_release(&out);
}

Test(sasl_oauth, each_part_has_a_limit)
{
	static const size_t max[] = {SASL_NAME_MAX, SASL_NAME_MAX, SASL_TOKEN_MAX};
	struct buf text = BUF_INIT(100000);
	for (size_t i = 0; i < COUNT(max) * 4; i++) {
		const struct sasl_mechanism *m = both[i % 2];
		size_t over = i / 2 % 2, part = i / 4;
		struct buf out = BUF_INIT(100000);
		struct err e = ERR_INIT;
		struct sasl_input in = {.user = slice_str("u"), .password = slice_str("t")};
		struct slice *const parts[] = {&in.user, &in.authzid, &in.password};
		buf_clear(&text);
		while (text.len < max[part] + over)
			(void)buf_add_byte(&text, '=');
		*parts[part] = buf_slice(&text);
		void *st = NULL;
		cr_assert_eq(m->step(&st, &in, SLICE_NONE, &out, &e), over ? -1 : 0, "%zu: %s", i,
			e.text);
		if (over)
			cr_assert_eq(e.code, E_LIMIT);
		m->release(st);
		buf_release(&out);
	}
	buf_release(&text);
}

Test(sasl_oauth, a_response_that_does_not_fit_is_an_error)
{
	struct buf out = BUF_INIT(20);
	struct err e = ERR_INIT;
	struct sasl_input in = example();
	for (size_t i = 0; i < COUNT(both); i++) {
		void *st = NULL;
		cr_assert_eq(both[i]->step(&st, &in, SLICE_NONE, &out, &e), -1);
		cr_assert_eq(e.code, E_LIMIT);
		cr_assert_not(both[i]->complete(st));
		both[i]->release(st);
		buf_clear(&out);
	}
	buf_release(&out);
}

Test(sasl_oauth, asks_for_tls_and_begins)
{
	for (size_t i = 0; i < COUNT(both); i++) {
		cr_assert(both[i]->needs_cleartext_password_protection);
		cr_assert(both[i]->client_first);
		cr_assert_eq(both[i]->secret, SASL_TOKEN);
	}
}

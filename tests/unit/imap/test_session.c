/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/fake_imap.h"
#include "tests/support/session_rig.h"

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static void expect_dead(struct srig *r, imap4_err err, const char *part, const char *name)
{
	const imap4_result *last = imap4_last(r->s);
	cr_expect_eq(imap4_session_state(r->s), IMAP4_DEAD, "%s: not dead", name);
	cr_expect_eq(last->err, err, "%s: %s: %s", name, imap4_err_name(last->err), last->message);
	cr_expect(has(last->message, part), "%s: %s", name, last->message);
	cr_expect_null(imap4_noop_start(r->s), "%s", name);
}

/* ---- greeting ------------------------------------------------------------------------------ */

struct greeting_row {
	const char *name, *line;
	imap4_state state;
	imap4_err err;
	const char *message;
};

Test(session, tells_greetings_from_what_is_none)
{
	static const struct greeting_row rows[] = {
		{"OK", "* OK hello", IMAP4_NOT_AUTHENTICATED, 0, ""},
		{"PREAUTH", "* PREAUTH hello", IMAP4_AUTHENTICATED, 0, ""},
		{"lower case", "* ok hello", IMAP4_NOT_AUTHENTICATED, 0, ""},
		{"BYE", "* BYE too many\x07 users", IMAP4_DEAD, IMAP4_E_BYE,
			"too many\\u{7} users"},
		{"NO", "* NO not today", IMAP4_DEAD, IMAP4_E_PROTO, "* NO not today"},
		{"data", "* 3 EXISTS", IMAP4_DEAD, IMAP4_E_PROTO, "* 3 EXISTS"},
		{"SMTP", "220 mx ESMTP", IMAP4_DEAD, IMAP4_E_PROTO,
			"this is no IMAP server: it said \"220 mx ESMTP\""},
		{"HTTP", "HTTP/1.1 400 Bad Request", IMAP4_DEAD, IMAP4_E_PROTO,
			"this is no IMAP server: it said \"HTTP/1.1 400 Bad Request\""},
		{"POP3", "+OK ready", IMAP4_DEAD, IMAP4_E_PROTO, "this is no IMAP server"},
		{"tagged", "a1 OK hello", IMAP4_DEAD, IMAP4_E_PROTO, "this is no IMAP server"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t chunk = 0; chunk < 2; chunk++) {
			struct srig r = {0};
			cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
			stream_memory_chunk(r.mem, chunk);
			srig_say(&r, rows[i].line);
			(void)srig_pump(&r);
			if (rows[i].state == IMAP4_DEAD) {
				expect_dead(&r, rows[i].err, rows[i].message, rows[i].name);
			} else {
				cr_expect_str_eq(srig_line(&r), "CAPABILITY", "%s", rows[i].name);
				srig_say(&r, "* CAPABILITY IMAP4rev1");
				srig_say(&r, "$ OK done");
				(void)srig_pump(&r);
				cr_expect_eq(imap4_session_state(r.s), rows[i].state, "%s",
					rows[i].name);
			}
			srig_close(&r);
		}
	}
}

Test(session, asks_no_capabilities_that_the_greeting_told)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_CONNECTING);
	imap4_cmd *c = imap4_noop_start(r.s);
	srig_greet(&r, "IMAP4rev1 X-TEST");
	cr_expect(imap4_has(r.s, "x-test"));
	cr_expect_str_eq(srig_line(&r), "NOOP");
	srig_say(&r, "$ OK done");
	(void)srig_pump(&r);
	cr_expect(imap4_cmd_done(c));
	imap4_cmd_free(c);
	srig_close(&r);
}

Test(session, takes_no_refusal_of_capability)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_say(&r, "* OK hello");
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ BAD what?");
	(void)srig_pump(&r);
	expect_dead(&r, IMAP4_E_PROTO, "the server refused CAPABILITY: what?", "BAD");
	srig_close(&r);
}

Test(session, ends_when_the_server_closes_without_a_greeting)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	stream_memory_end(r.mem);
	(void)srig_pump(&r);
	expect_dead(&r, IMAP4_E_CLOSED, "without a greeting", "end");
	srig_close(&r);
}

/* ---- options ------------------------------------------------------------------------------- */

Test(session, refuses_options_that_make_no_sense)
{
	imap4_session *s;
	char *why = NULL;
	imap4_options o;
	cr_expect_eq(imap4_open_start(&s, NULL, &why), IMAP4_E_ARG);
	free(why);
	imap4_options_init(&o, sizeof(o));
	cr_expect_eq(imap4_open_start(&s, &o, &why), IMAP4_E_ARG, "no host");
	cr_expect_null(s);
	cr_expect_not_null(why);
	free(why);
	o.host = "127.0.0.1";
	o.security = (imap4_security)7;
	cr_expect_eq(imap4_open_start(&s, &o, NULL), IMAP4_E_ARG, "security");
	for (int security = IMAP4_TLS; security <= IMAP4_STARTTLS; security++) {
		imap4_options_init(&o, sizeof(o));
		o.host = "127.0.0.1";
		o.security = (imap4_security)security;
		o.ca_file = "/nonexistent/ca.pem";
		cr_expect_eq(imap4_open_start(&s, &o, &why), IMAP4_E_CONFIG, "CA file");
		cr_expect(has(why, "/nonexistent/ca.pem"), "%s", why);
		free(why);
		const char *pin = "no pin";
		o.ca_file = NULL;
		o.pins = &pin;
		o.npins = 1;
		cr_expect_eq(imap4_open_start(&s, &o, NULL), IMAP4_E_CONFIG, "pin");
		o.pins = NULL;
		cr_expect_eq(imap4_open_start(&s, &o, NULL), IMAP4_E_ARG, "npins without pins");
	}
}

Test(session, reads_no_more_of_the_options_than_there_is)
{
	imap4_options o;
	memset(&o, 0xff, sizeof(o));
	o.struct_size = offsetof(imap4_options, ca_file);
	o.host = "127.0.0.1";
	o.security = IMAP4_CLEAR;
	o.argv = NULL;
	struct err e = ERR_INIT;
	struct stream *mem;
	imap4_session *s;
	cr_assert_eq(stream_memory_new(&mem, &e), 0);
	cr_expect_eq(session_open_stream(&s, &o, mem, clock_monotonic(), &e), IMAP4_OK);
	imap4_close(s);
}

/* ---- STARTTLS ------------------------------------------------------------------------------ */

static struct pki_cert ca, good;

static void make_certs(void)
{
	const struct pki_spec root = {.cn = "root", .from_days = -1, .to_days = 9, .ca = true};
	const struct pki_spec leaf = {.cn = "leaf",
		.san = "IP:127.0.0.1",
		.eku = "serverAuth",
		.from_days = -1,
		.to_days = 9};
	cr_assert(pki_make(&ca, &root, NULL));
	cr_assert(pki_make(&good, &leaf, &ca));
}

struct tls_row {
	const char *name;
	imap4_security security;
	const char *script;
	imap4_err err;
	const char *message;
};

#define HELLO "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] hello\n"

static const struct tls_row tls_rows[] = {
	{"STARTTLS works", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS: $ OK go\nSTARTTLS\nC: CAPABILITY\n"
		      "S: * CAPABILITY IMAP4rev1 X-INSIDE\nS: $ OK done\nC: NOOP\nS: $ OK done\n",
		IMAP4_OK, ""},
	{"a code in the OK is forgotten", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS: $ OK [CAPABILITY IMAP4rev1 X-EVIL] go\nSTARTTLS\n"
		      "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 X-INSIDE\nS: $ OK done\n"
		      "C: NOOP\nS: $ OK done\n",
		IMAP4_OK, ""},
	{"untagged data before TLS are forgotten", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS: * 7 EXISTS\nS: * OK [ALERT] pay here\n"
		      "S: * CAPABILITY X-EVIL\nS: $ OK go\nSTARTTLS\n"
		      "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 X-INSIDE\nS: $ OK done\n"
		      "C: NOOP\nS: $ OK done\n",
		IMAP4_OK, ""},
	{"the greeting told less than CAPABILITY", IMAP4_STARTTLS,
		"S: * OK [CAPABILITY IMAP4rev1] hello\nC: CAPABILITY\n"
		"S: * CAPABILITY IMAP4rev1 STARTTLS\nS: $ OK done\nC: STARTTLS\nS: $ OK go\n"
		"STARTTLS\nC: CAPABILITY\nS: * CAPABILITY X-INSIDE\nS: $ OK done\n"
		"C: NOOP\nS: $ OK done\n",
		IMAP4_OK, ""},
	{"implicit TLS works", IMAP4_TLS,
		"STARTTLS\nS: * OK [CAPABILITY IMAP4rev1 X-INSIDE] hello\nC: NOOP\nS: $ OK done\n",
		IMAP4_OK, ""},
	{"PREAUTH inside TLS", IMAP4_TLS,
		"STARTTLS\nS: * PREAUTH [CAPABILITY X-INSIDE] hello\nC: NOOP\nS: $ OK done\n",
		IMAP4_OK, ""},
	{"not offered", IMAP4_STARTTLS,
		"S: * OK hello\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: $ OK done\nEOF\n",
		IMAP4_E_TLS, "the server does not offer STARTTLS"},
	{"NO", IMAP4_STARTTLS, HELLO "C: STARTTLS\nS: $ NO not now\nEOF\n", IMAP4_E_TLS,
		"refused STARTTLS: not now"},
	{"BAD", IMAP4_STARTTLS, HELLO "C: STARTTLS\nS: $ BAD what\nEOF\n", IMAP4_E_TLS,
		"refused STARTTLS: what"},
	{"dropped", IMAP4_STARTTLS, HELLO "C: STARTTLS\nCLOSE\n", IMAP4_E_TLS,
		"instead of an answer to STARTTLS"},
	{"PREAUTH", IMAP4_STARTTLS, "S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hi\nEOF\n",
		IMAP4_E_TLS, "PREAUTH"},
	{"injection in the same segment", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS+ $ OK go\\r\\n* CAPABILITY X-EVIL\\r\\n\nEOF\n", IMAP4_E_TLS,
		"data in clear text follow"},
	{"one octet in the same segment", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS+ $ OK go\\r\\nx\nEOF\n", IMAP4_E_TLS,
		"data in clear text follow"},
	{"tagged injection", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS+ $ OK go\\r\\na.2 OK [CAPABILITY X-EVIL] x\\r\\n\nEOF\n",
		IMAP4_E_TLS, "data in clear text follow"},
	{"injection in the next segment", IMAP4_STARTTLS,
		HELLO "C: STARTTLS\nS: $ OK go\nSLEEP 50\nS: * CAPABILITY X-EVIL\nCLOSE\n",
		IMAP4_E_TLS, ""},
	{"an answer before the command", IMAP4_STARTTLS,
		"S+ * OK [CAPABILITY STARTTLS] hi\\r\\na1 OK go\\r\\n\nSLEEP 20\nCLOSE\n",
		IMAP4_E_PROTO, ""},
	{"clear text where TLS is expected", IMAP4_TLS, "S: * OK hello\nCLOSE\n", IMAP4_E_TLS, ""},
};

Test(session, does_starttls_right_or_not_at_all)
{
	make_certs();
	char path[] = "/tmp/imapsync-test-ca-XXXXXX";
	int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert(pki_write(path, ca.cert, NULL, NULL));
	for (size_t i = 0; i < sizeof(tls_rows) / sizeof(tls_rows[0]); i++) {
		const struct tls_row *row = &tls_rows[i];
		struct fake_imap *f = fake_imap_script(row->script, &good);
		cr_assert_not_null(f);
		imap4_options o;
		imap4_options_init(&o, sizeof(o));
		o.security = row->security;
		o.ca_file = path;
		struct srig r = {0};
		cr_assert_eq(srig_connect(&r, &o, fake_imap_port(f)), IMAP4_OK);
		bool ok = row->err == IMAP4_OK;
		imap4_cmd *c = imap4_noop_start(r.s);
		/* It must never reach a server that is not known: the script would fail. */
		const imap4_credentials me = {
			.struct_size = sizeof(me), .user = "me", .password = "hunter2"};
		imap4_cmd *login = ok ? NULL : imap4_login_start(r.s, &me);
		imap4_err err = imap4_cmd_wait(c, 10000);
		cr_expect_eq(err, row->err, "%s: %s: %s", row->name, imap4_err_name(err),
			imap4_cmd_result(c)->message);
		cr_expect(has(imap4_cmd_result(c)->message, row->message), "%s: %s", row->name,
			imap4_cmd_result(c)->message);
		if (login)
			cr_expect_eq(imap4_cmd_result(login)->err, row->err, "%s", row->name);
		cr_expect_eq(imap4_has(r.s, "X-INSIDE") != 0, ok, "%s", row->name);
		cr_expect_not(imap4_has(r.s, "X-EVIL"), "%s", row->name);
		cr_expect_eq(imap4_tls(r.s)[0] != '\0', ok, "%s", row->name);
		cr_expect_eq(r.alerts.len, 0, "%s: %s", row->name, buf_str(&r.alerts));
		cr_expect_eq(r.data, 0, "%s", row->name);
		char pin[45], subject[200], issuer[200];
		int64_t end;
		cr_expect_eq(imap4_tls_pin(r.s, pin) != 0, ok, "%s", row->name);
		cr_expect_eq(imap4_tls_peer(r.s, subject, issuer, sizeof(subject), &end) != 0, ok,
			"%s", row->name);
		if (ok)
			cr_expect(has(subject, "leaf") && has(issuer, "root"), "%s %s", subject,
				issuer);
		srig_close(&r);
		char why[500];
		cr_expect(fake_imap_end(f, why, sizeof(why)), "%s: %s", row->name, why);
	}
	unlink(path);
	pki_free(&good);
	pki_free(&ca);
}

Test(session, looks_for_injected_data_that_were_not_read_along_with_the_ok)
{
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.host = "127.0.0.1";
	o.security = IMAP4_STARTTLS;
	for (int injected = 0; injected < 2; injected++) {
		struct srig r = {0};
		cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
		srig_greet(&r, "IMAP4rev1 STARTTLS");
		cr_expect_str_eq(srig_line(&r), "STARTTLS");
		stream_memory_chunk(r.mem, strlen(r.tag) + strlen(" OK go\r\n"));
		srig_say(&r, "$ OK go");
		if (injected)
			srig_say(&r, "* OK");
		else
			stream_memory_end(r.mem);
		(void)srig_pump(&r);
		expect_dead(&r, IMAP4_E_TLS,
			injected ? "data in clear text follow" : "the connection ended after",
			"next segment");
		srig_close(&r);
	}
}

Test(session, does_not_trust_a_stranger)
{
	make_certs();
	for (int security = IMAP4_TLS; security <= IMAP4_STARTTLS; security++) {
		struct fake_imap *f = fake_imap_script(security == IMAP4_TLS
				? "STARTTLS\nS: * OK hello\nEOF\n"
				: HELLO "C: STARTTLS\nS: $ OK go\nSTARTTLS\nEOF\n",
			&good);
		imap4_options o;
		imap4_options_init(&o, sizeof(o));
		o.security = (imap4_security)security;
		struct srig r = {0};
		cr_assert_eq(srig_connect(&r, &o, fake_imap_port(f)), IMAP4_OK);
		const imap4_credentials me = {
			.struct_size = sizeof(me), .user = "me", .password = "hunter2"};
		imap4_cmd *c = imap4_login_start(r.s, &me);
		cr_expect_eq(
			imap4_cmd_wait(c, 10000), IMAP4_E_CERT, "%s", imap4_cmd_result(c)->message);
		srig_close(&r);
		(void)fake_imap_end(f, NULL, 0);
	}
	pki_free(&good);
	pki_free(&ca);
}

Test(session, lets_nothing_but_the_short_list_leave_before_tls)
{
	static const struct {
		const char *line;
		bool allowed;
	} rows[] = {
		{"a CAPABILITY\r\n", true},
		{"a.1 STARTTLS\r\n", true},
		{"a NOOP\r\nb LOGOUT\r\n", true},
		{"", true},
		{"a NOOP\r\nb ID NIL\r\n", false},
		{"a LOGIN me ", false},
		{"a CAPABILITY x\r\n", false},
		{"a CAPABILITY\n", false},
		{"a CAPABILITY", false},
		{"CAPABILITY\r\n", false},
		{"a \r\n", false},
		{"a NOOPx\n", false},
		{"a LIST \"\" *\r\n", false},
		{"aGVsbG8=\r\n", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(session_clear_line(slice_str(rows[i].line)), rows[i].allowed, "%s",
			rows[i].line);
	/* And the session asks it: here one that got as far as sending, and TLS is gone. */
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1 ID");
	r.s->o.security = IMAP4_STARTTLS;
	imap4_cmd *c = imap4_id_start(r.s, NULL, 0);
	(void)srig_pump(&r);
	expect_dead(&r, IMAP4_E_TLS, "before TLS was established", "ID");
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_TLS);
	srig_close(&r);
}

/* ---- the end of a session ------------------------------------------------------------------ */

struct end_row {
	const char *name, *say;
	bool end, fail;
	imap4_state state;
	imap4_err logout, other;
};

Test(session, tells_a_good_end_from_a_bad_one)
{
	static const struct end_row rows[] = {
		{"BYE and OK", "* BYE x\r\n$ OK done", true, false, IMAP4_LOGGED_OUT, IMAP4_OK, 0},
		{"OK alone", "$ OK done", false, false, IMAP4_LOGGED_OUT, IMAP4_OK, 0},
		{"BYE and the end", "* BYE x", true, false, IMAP4_LOGGED_OUT, IMAP4_OK, 0},
		{"BYE and a reset", "* BYE x", false, true, IMAP4_LOGGED_OUT, IMAP4_OK, 0},
		{"the end", "* OK x", true, false, IMAP4_DEAD, IMAP4_E_CLOSED, 0},
		{"a reset", "* OK x", false, true, IMAP4_DEAD, IMAP4_E_IO, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct srig r = {0};
		cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
		srig_greet(&r, "IMAP4rev1");
		imap4_cmd *c = imap4_logout_start(r.s);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), "LOGOUT");
		const char *second = strstr(rows[i].say, "\r\n");
		char first[64];
		(void)snprintf(first, sizeof(first), "%.*s",
			second ? (int)(second - rows[i].say) : 60, rows[i].say);
		srig_say(&r, first);
		if (second)
			srig_say(&r, second + 2);
		if (rows[i].end)
			stream_memory_end(r.mem);
		if (rows[i].fail)
			stream_memory_fail_after(r.mem, imap4_bytes_in(r.s) + strlen(first) + 2);
		(void)srig_pump(&r);
		cr_expect_eq(imap4_session_state(r.s), rows[i].state, "%s", rows[i].name);
		cr_expect_eq(imap4_cmd_result(c)->err, rows[i].logout, "%s: %s", rows[i].name,
			imap4_cmd_result(c)->message);
		cr_expect_lt(imap4_pump(r.s, 0), 0, "%s", rows[i].name);
		srig_close(&r);
	}
}

Test(session, ends_with_the_words_of_a_bye)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1");
	imap4_cmd *c = imap4_noop_start(r.s);
	(void)srig_pump(&r);
	srig_say(&r, "* BYE [UNAVAILABLE] going down");
	(void)srig_pump(&r);
	expect_dead(&r, IMAP4_E_BYE, "going down", "BYE");
	cr_expect_eq(imap4_last(r.s)->code, IMAP4_CODE_UNAVAILABLE);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_BYE);
	cr_expect_eq(imap4_cmd_result(c)->retry, IMAP4_RETRY_LATER);
	srig_close(&r);
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static void step(struct srig *r, int64_t ms)
{
	r->now += ms;
	(void)srig_pump(r);
}

Test(session, waits_as_long_as_told_and_no_longer)
{
	struct srig r = {0};
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.connect_ms = 100;
	o.idle_ms = 1000;
	o.logout_ms = 50;

	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	step(&r, 0);
	step(&r, 99);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_CONNECTING);
	step(&r, 1);
	expect_dead(&r, IMAP4_E_TIMEOUT, "no greeting", "greeting");
	srig_close(&r);

	r = (struct srig){0};
	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	step(&r, 60);
	srig_say(&r, "* OK hello");
	step(&r, 39);
	step(&r, 99);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_CONNECTING, "each step has its own time");
	step(&r, 1);
	expect_dead(&r, IMAP4_E_TIMEOUT, "no answer to CAPABILITY", "capability");
	srig_close(&r);

	r = (struct srig){0};
	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	step(&r, 0);
	srig_greet(&r, "IMAP4rev1");
	step(&r, 100000);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED, "nothing is running");
	(void)imap4_noop_start(r.s);
	step(&r, 0);
	step(&r, 999);
	srig_say(&r, "* OK still here");
	step(&r, 0);
	step(&r, 999);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED, "a sign of life counts");
	step(&r, 1);
	expect_dead(&r, IMAP4_E_TIMEOUT, "was silent", "idle");
	srig_close(&r);

	r = (struct srig){0};
	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1");
	imap4_cmd *c = imap4_logout_start(r.s);
	step(&r, 0);
	step(&r, 49);
	cr_expect_not(imap4_cmd_done(c));
	step(&r, 1);
	expect_dead(&r, IMAP4_E_TIMEOUT, "no answer to LOGOUT", "logout");
	srig_close(&r);
}

Test(session, wants_progress_inside_a_response)
{
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.idle_ms = 1000;
	static const struct {
		const char *name;
		size_t octets; /* every 100 ms */
		bool dies;
	} rows[] = {
		{"an octet at a time", 1, true},
		{"just too slow", 170, true},
		{"just fast enough", 260, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct srig r = {0};
		cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
		srig_greet(&r, "IMAP4rev1");
		(void)imap4_noop_start(r.s);
		(void)srig_pump(&r);
		struct err e = ERR_INIT;
		const char head[] = "* 1 FETCH (UID 1 BODY[] {100000}\r\n";
		cr_assert_eq(stream_memory_input(r.mem, head, sizeof(head) - 1, &e), 0);
		(void)srig_pump(&r);
		char some[300];
		memset(some, 'x', sizeof(some));
		for (int k = 0; k < 30 && r.s->stream; k++) {
			cr_assert_eq(stream_memory_input(r.mem, some, rows[i].octets, &e), 0);
			step(&r, 100);
		}
		cr_expect_eq(
			imap4_session_state(r.s) == IMAP4_DEAD, rows[i].dies, "%s", rows[i].name);
		if (rows[i].dies)
			expect_dead(&r, IMAP4_E_TIMEOUT, "less than 1024 bytes", rows[i].name);
		srig_close(&r);
	}
}

Test(session, sleeps_no_longer_than_asked)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1");
	cr_expect_eq(imap4_pump(r.s, 0), IMAP4_AGAIN);
	imap4_cmd *c = imap4_noop_start(r.s);
	cr_expect_eq(imap4_cmd_wait(c, 0), IMAP4_AGAIN);
	cr_expect_eq(imap4_cmd_wait(c, 0), IMAP4_AGAIN);
	srig_close(&r);
}

/* ---- a whole session, cut everywhere ------------------------------------------------------- */

static const char recorded[] = "* OK hello\r\n"
			       "* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR\r\n$1 OK done\r\n"
			       "$2 OK logged in\r\n"
			       "* CAPABILITY IMAP4rev1 ID NAMESPACE\r\n$3 OK done\r\n"
			       "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n$4 OK done\r\n"
			       "* LIST (\\HasNoChildren) \"/\" {5}\r\nINBOX\r\n$5 OK done\r\n"
			       "* BYE bye\r\n$6 OK done\r\n";

/* The recorded bytes with the tags of this session. */
static void play(struct srig *r, size_t upto, imap4_cmd **commands, size_t n)
{
	struct err e = ERR_INIT;
	char tag[64] = "";
	for (const char *p = recorded; p < recorded + upto && r->s->stream; p++) {
		if (*p != '$') {
			cr_assert_eq(stream_memory_input(r->mem, p, 1, &e), 0);
			if (*p == '\n')
				(void)srig_pump(r);
			continue;
		}
		(void)srig_pump(r);
		if (!r->s->stream)
			return;
		if (srig_line(r)[0] != '\0')
			(void)snprintf(tag, sizeof(tag), "%s", r->tag);
		cr_assert_eq(stream_memory_input(r->mem, tag, strlen(tag), &e), 0);
		p++;
	}
	if (r->s->stream)
		stream_memory_end(r->mem);
	(void)srig_pump(r);
	for (size_t i = 0; i < n; i++)
		cr_expect(imap4_cmd_done(commands[i]), "cut at %zu: command %zu hangs", upto, i);
}

Test(session, ends_every_command_wherever_it_is_cut)
{
	size_t all = sizeof(recorded) - 1;
	for (size_t upto = 0; upto <= all; upto++) {
		for (size_t chunk = 0; chunk < 2; chunk++) {
			struct srig r = {0};
			cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
			stream_memory_chunk(r.mem, chunk);
			const imap4_credentials me = {
				.struct_size = sizeof(me), .user = "me", .password = "hunter2"};
			const char *pattern[] = {"*"};
			imap4_cmd *c[] = {
				imap4_login_start(r.s, &me),
				imap4_namespace_start(r.s),
				imap4_list_start(r.s, "", pattern, 1, NULL),
				imap4_logout_start(r.s),
			};
			play(&r, upto, c, 4);
			bool whole = upto == all;
			for (size_t i = 0; i < 4; i++)
				cr_expect(imap4_cmd_result(c[i])->err <= 0 &&
						(!whole || imap4_cmd_result(c[i])->err == 0),
					"cut at %zu: %s", upto, imap4_cmd_result(c[i])->message);
			if (upto < strlen("* OK hello\r\n"))
				cr_expect_neq(imap4_cmd_result(c[0])->err, IMAP4_OK);
			cr_expect_eq(imap4_session_state(r.s),
				upto >= all - strlen("$6 OK done\r\n") ? IMAP4_LOGGED_OUT
								       : IMAP4_DEAD,
				"cut at %zu", upto);
			srig_close(&r);
		}
	}
}

Test(session, reads_what_is_left_before_it_ends)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1");
	imap4_cmd *c = imap4_noop_start(r.s);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "* 3 EXISTS");
	srig_say(&r, "$ OK done");
	stream_memory_end(r.mem);
	(void)srig_pump(&r);
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_OK);
	srig_close(&r);
}

Test(session, talks_to_a_sub_process_and_tells_how_it_ended)
{
	const char *argv[] = {"sh", "-c",
		"printf '* PREAUTH [CAPABILITY IMAP4rev1] hi\\r\\n'; read a b; printf '%s OK x\\r\\n' $a;"
		" exit 3",
		NULL};
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.argv = argv;
	o.security = IMAP4_CLEAR;
	imap4_session *s;
	cr_assert_eq(imap4_open_start(&s, &o, NULL), IMAP4_OK);
	const imap4_credentials me = {.struct_size = sizeof(me), .user = "me", .password = "x"};
	imap4_cmd *login = imap4_login_start(s, &me);
	cr_expect_eq(imap4_cmd_wait(login, 10000), IMAP4_OK);
	cr_expect_eq(imap4_session_state(s), IMAP4_AUTHENTICATED);
	cr_expect(imap4_preauth(s));
	cr_expect_eq(imap4_greeting(s).len, 2);
	cr_expect_eq(imap4_cmd_wait(imap4_noop_start(s), 10000), IMAP4_OK);
	while (imap4_session_state(s) != IMAP4_DEAD)
		(void)imap4_pump(s, 10000);
	/* Whether its status is known by now is up to the system. */
	cr_expect(has(imap4_last(s)->message, "the command ended with status 3") ||
			has(imap4_last(s)->message, "closed the connection"),
		"%s", imap4_last(s)->message);
	imap4_close(s);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_imaplib_login.c -- imaplib's cases about logging in, ENABLE and UTF-8, APPEND and IDLE, over plain TCP and over TLS.
 *
 * Different on purpose: passwords are sent as what is shortest and safe, not always quoted, and never shown in the trace; a
 * mechanism that the server does not offer is not tried; IDLE is a command whose data are events, so that a duration and a
 * burst are how long the caller pumps.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "tests/support/imaplib_rig.h"

#define GREET(caps) "S: * OK [CAPABILITY IMAP4rev1 " caps "] hi\n"
#define KNOWN(caps) "S: * PREAUTH [CAPABILITY IMAP4rev1 " caps "] hi\n"
#define IN	    "S: $ OK [CAPABILITY IMAP4rev1] in\n"

/* ---- logging in -------------------------------------------------------------------------------------------- */

static void check_trace(struct stage *t, const char *secret)
{
	if (strstr(buf_str(&t->trace), secret))
		stage_logf(t, "the trace shows it\n");
}

static void login(struct stage *t)
{
	stage_log_in(t, "LOGIN", "tim", "hunter2");
	check_trace(t, "hunter2");
}

static void login_quoted(struct stage *t)
{
	stage_log_in(t, "LOGIN", "tim m", "pass \"word\\");
	check_trace(t, "word");
}

static void login_of_octets(struct stage *t)
{
	stage_log_in(t, "LOGIN", "tim", "\xc3\xbc\xf1");
}

static void login_plain(struct stage *t)
{
	stage_log_in(t, "PLAIN", "tim", "tanstaaf");
	check_trace(t, "tanstaaf");
	check_trace(t, "AHRpbQB0YW5zdGFhZg==");
}

static void login_plain_utf8(struct stage *t)
{
	stage_log_in(t, "PLAIN",
		"pe\xc3\xb1"
		"a",
		"h\xc3\xbc");
}

static void login_cram_md5(struct stage *t)
{
	stage_log_in(t, "CRAM-MD5", "tim", "tanstaaftanstaaf");
	check_trace(t, "tanstaaf");
}

static void login_any(struct stage *t)
{
	stage_log_in(t, NULL, "tim", "tanstaaftanstaaf");
}

static int no_first(void *ctx, void *out, size_t size, size_t *n)
{
	(void)ctx, (void)out, (void)size;
	*n = 0;
	return 0;
}

static int answer_fake(void *ctx, imap4_str challenge, void *out, size_t size, size_t *n)
{
	struct stage *t = ctx;
	stage_logf(t, "challenge \"%s\"\n", challenge.ptr ? challenge.ptr : "");
	*n = size < 4 ? size : 4;
	memcpy(out, "fake", *n);
	return 0;
}

static int answer_nothing(void *ctx, imap4_str challenge, void *out, size_t size, size_t *n)
{
	(void)challenge, (void)out, (void)size, (void)n;
	stage_logf(ctx, "asked\n");
	return -1;
}

static void authenticate(struct stage *t)
{
	const imap4_sasl_callbacks c = {
		.struct_size = sizeof(c), .ctx = t, .step = answer_fake, .safe_in_clear = 1};
	(void)stage_done(t, imap4_authenticate_start(t->s, "MYAUTH", &c));
	stage_logf(t, "%d\n", imap4_session_state(t->s) == IMAP4_AUTHENTICATED);
}

static void authenticate_first(struct stage *t)
{
	const imap4_sasl_callbacks c = {.struct_size = sizeof(c),
		.ctx = t,
		.start = no_first,
		.step = answer_fake,
		.safe_in_clear = 1};
	(void)stage_done(t, imap4_authenticate_start(t->s, "MYAUTH", &c));
}

static void authenticate_aborted(struct stage *t)
{
	const imap4_sasl_callbacks c = {
		.struct_size = sizeof(c), .ctx = t, .step = answer_nothing, .safe_in_clear = 1};
	(void)stage_done(t, imap4_authenticate_start(t->s, "MYAUTH", &c));
	(void)stage_done(t, imap4_noop_start(t->s));
}

static const struct stage_row logins[] = {
	{"login", GREET("") "C: LOGIN tim hunter2\n" IN, login, "OK [CAPABILITY IMAP4rev1] in\n",
		NULL},
	{"login_quoted", GREET("") "C: LOGIN \"tim m\" \"pass \\\"word\\\\\"\n" IN, login_quoted,
		"OK [CAPABILITY IMAP4rev1] in\n", NULL},
	{"login_quoted2: octets are a literal",
		GREET("") "C: LOGIN tim {3}\nS: + \nC= \xc3\xbc\xf1\n" IN, login_of_octets,
		"OK [CAPABILITY IMAP4rev1] in\n", NULL},
	{"invalid_login",
		GREET("") "C: LOGIN tim hunter2\nS: $ NO [AUTHENTICATIONFAILED] invalid hunter2\n",
		login, "IMAP4_E_NO [AUTHENTICATIONFAILED] invalid *******\n", NULL},
	{"LOGINDISABLED", GREET("LOGINDISABLED") "EOF\n", login, "IMAP4_E_NOAUTH\n", NULL},
	{"login_plain",
		GREET("AUTH=PLAIN") "C: AUTHENTICATE PLAIN\nS: + \nC= AHRpbQB0YW5zdGFhZg==\n" IN,
		login_plain, "OK [CAPABILITY IMAP4rev1] in\n", NULL},
	{"login_plain UTF-8, with an initial response",
		GREET("AUTH=PLAIN SASL-IR") "C: AUTHENTICATE PLAIN AHBlw7FhAGjDvA==\n" IN,
		login_plain_utf8, "OK [CAPABILITY IMAP4rev1] in\n", NULL},
	{"login_cram_md5",
		GREET("AUTH=CRAM-MD5") "C: AUTHENTICATE CRAM-MD5\n"
				       "S: + PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ=\n"
				       "C= dGltIGYxY2E2YmU0NjRiOWVmYTFjY2E2ZmZkNmNmMmQ5ZjMy\n" IN,
		login_cram_md5, "OK [CAPABILITY IMAP4rev1] in\n", NULL},
	{"CRAM-MD5 not available", GREET("AUTH=PLAIN") "EOF\n", login_cram_md5, "IMAP4_E_NOAUTH\n",
		NULL},
	{"no mechanism in common", GREET("AUTH=GSSAPI LOGINDISABLED") "EOF\n", login_any,
		"IMAP4_E_NOAUTH\n", NULL},
	{"bad_auth_name: not offered", GREET("AUTH=PLAIN") "EOF\n", authenticate,
		"IMAP4_E_NOAUTH\n"
		"0\n",
		NULL},
	{"bad_auth_name: refused",
		GREET("AUTH=MYAUTH") "C: AUTHENTICATE MYAUTH\n"
				     "S: $ NO [CANNOT] unrecognized authentication type MYAUTH\n",
		authenticate,
		"IMAP4_E_NO [CANNOT] unrecognized authentication type MYAUTH\n"
		"0\n",
		NULL},
	{"invalid_authentication",
		GREET("AUTH=MYAUTH") "C: AUTHENTICATE MYAUTH\nS: +\nC= ZmFrZQ==\n"
				     "S: $ NO [AUTHENTICATIONFAILED] invalid\n",
		authenticate,
		"challenge \"\"\n"
		"IMAP4_E_NO [AUTHENTICATIONFAILED] invalid\n"
		"0\n",
		NULL},
	{"valid_authentication",
		GREET("AUTH=MYAUTH") "C: AUTHENTICATE MYAUTH\nS: + \nC= ZmFrZQ==\nS: + aGVsbG8=\n"
				     "C= ZmFrZQ==\nS: $ OK [CAPABILITY IMAP4rev1] FAKEAUTH successful\n",
		authenticate,
		"challenge \"\"\n"
		"challenge \"hello\"\n"
		"OK [CAPABILITY IMAP4rev1] FAKEAUTH successful\n"
		"1\n",
		NULL},
	{"valid_authentication, the client first",
		GREET("AUTH=MYAUTH SASL-IR") "C: AUTHENTICATE MYAUTH =\nS: + aGVsbG8=\nC= ZmFrZQ==\n" IN,
		authenticate_first,
		"challenge \"hello\"\n"
		"OK [CAPABILITY IMAP4rev1] in\n",
		NULL},
	{"aborted_authentication",
		GREET("AUTH=MYAUTH") "C: AUTHENTICATE MYAUTH\nS: + aGVsbG8=\nC= *\n"
				     "S: $ NO [AUTHENTICATIONFAILED] aborted\nC: NOOP\nS: $ OK x\n",
		authenticate_aborted,
		"asked\n"
		"IMAP4_E_CANCELLED [AUTHENTICATIONFAILED] aborted\n"
		"OK x\n",
		NULL},
	{"login after PREAUTH", KNOWN("") "EOF\n", login, "OK\n", NULL},
};

Test(imaplib_login, logins)
{
	stage_check(logins, sizeof(logins) / sizeof(logins[0]), STAGE_BOTH);
}

/* Nobody listens: said at once, with the address. */
Test(imaplib_login, connection_refused, .timeout = 20)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof(a);
	imap4_session *s;
	imap4_options o;
	char *why = NULL;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&a, n), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	imap4_options_init(&o, sizeof(o));
	o.host = "127.0.0.1";
	o.port = ntohs(a.sin_port);
	o.security = IMAP4_CLEAR;
	cr_expect_eq(imap4_open(&s, &o, &why), IMAP4_E_IO);
	cr_assert_not_null(why);
	cr_expect_not_null(strstr(why, "refused"), "%s", why);
	cr_expect_null(s);
	free(why);
	close(fd);
}

/* ---- ENABLE and UTF-8 --------------------------------------------------------------------------------------- */

static void enable(struct stage *t)
{
	static const char *const names[] = {"UTF8=ACCEPT", "CONDSTORE"};
	(void)stage_done(t, imap4_enable_start(t->s, names, 2));
	stage_logf(t, "utf8 %d condstore %d\n", imap4_utf8_enabled(t->s),
		imap4_enabled(t->s, "CONDSTORE"));
}

static void enable_utf8(struct stage *t)
{
	static const char *const names[] = {"UTF8=ACCEPT"};
	cr_assert_eq(stage_quiet(t, imap4_enable_start(t->s, names, 1)), IMAP4_OK);
}

static void utf8_append(struct stage *t)
{
	static const char text[] = "Subject: \xc3\xbc\xc3\xb1\xc3\xad\r\n\r\nbody\r\n";
	imap4_memory_source state;
	const imap4_append_message m = {.struct_size = sizeof(m),
		.size = sizeof(text) - 1,
		.source = imap4_source_memory(&state, text, sizeof(text) - 1),
		.utf8 = 1};
	enable_utf8(t);
	(void)stage_done(t, imap4_append_start(t->s, stage_str("INBOX"), &m, 1, NULL));
}

static void utf8_search(struct stage *t)
{
	imap4_query *q = imap4_query_new();
	(void)imap4_query_text(q, IMAP4_IN_FROM, stage_str("\xc3\xbc"));
	enable_utf8(t);
	stage_select(t, 1);
	(void)stage_done(t, imap4_search_start(t->s, q, NULL));
	imap4_query_free(q);
}

static void utf8_mailbox_name(struct stage *t)
{
	char *name = NULL;
	enable_utf8(t);
	cr_assert_eq(imap4_wire_name(t->s, "Entw\xc3\xbcrfe", &name), IMAP4_OK);
	(void)stage_done(t, imap4_create_start(t->s, stage_str(name), NULL));
	free(name);
}

static void mutf7_mailbox_name(struct stage *t)
{
	static const char *const names[] = {"Entw\xc3\xbcrfe", "a & b", "line\r\nbreak\x01"};
	for (size_t i = 0; i < 3; i++) {
		char *name = NULL;
		cr_assert_eq(imap4_wire_name(t->s, names[i], &name), IMAP4_OK);
		(void)stage_done(t, imap4_create_start(t->s, stage_str(name), NULL));
		free(name);
	}
}

#define UTF8	"ENABLE UTF8=ACCEPT"
#define ENABLED "C: ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: $ OK x\n"

static const struct stage_row utf8[] = {
	{"enable_raises_error_if_not_AUTH", GREET(UTF8) "EOF\n", enable,
		"IMAP4_E_STATE\n"
		"utf8 0 condstore 0\n",
		NULL},
	{"enable_raises_error_if_no_capability", KNOWN("") "EOF\n", enable,
		"IMAP4_E_NOCAP\n"
		"utf8 0 condstore 0\n",
		NULL},
	{"enable_UTF8_raises_error_if_not_supported",
		KNOWN(UTF8) "C: ENABLE UTF8=ACCEPT CONDSTORE\nS: $ NO [X-NOT] no\n", enable,
		"IMAP4_E_NO [X-NOT] no\n"
		"utf8 0 condstore 0\n",
		NULL},
	{"enable: said OK, and enabled nothing",
		KNOWN(UTF8) "C: ENABLE UTF8=ACCEPT CONDSTORE\nS: $ OK x\n", enable,
		"OK x\n"
		"utf8 0 condstore 0\n",
		NULL},
	{"enable two",
		KNOWN(UTF8) "C: ENABLE UTF8=ACCEPT CONDSTORE\nS: * ENABLED CONDSTORE UTF8=ACCEPT\nS: $ OK x\n",
		enable,
		"  ENABLED (CONDSTORE UTF8=ACCEPT)\n"
		"OK x\n"
		"utf8 1 condstore 1\n",
		NULL},
	{"enable_UTF8_True_append",
		KNOWN(UTF8) ENABLED
		"C: APPEND INBOX UTF8 (~{25}\nS: + go\n"
		"C= Subject: \xc3\xbc\xc3\xb1\xc3\xad\nC= \nC= body\nC= )\nS: $ OK x\n",
		utf8_append, "OK x\n", NULL},
	{"search_disallows_charset_in_utf8_mode: none is sent",
		KNOWN(UTF8) ENABLED "C: SELECT INBOX\nS: * 9 EXISTS\nS: $ OK [READ-WRITE] x\n"
				    "C: SEARCH FROM \"\xc3\xbc\"\nS: * SEARCH 3\nS: $ OK x\n",
		utf8_search,
		"  numbers \"3\"\n"
		"OK x\n",
		NULL},
	{"utf8_mailbox_name", KNOWN(UTF8) ENABLED "C: CREATE \"Entw\xc3\xbcrfe\"\nS: $ OK x\n",
		utf8_mailbox_name, "OK x\n", NULL},
	{"mutf7_mailbox_name",
		KNOWN(UTF8) "C: CREATE Entw&APw-rfe\nS: $ OK x\nC: CREATE \"a &- b\"\nS: $ OK x\n"
			    "C: CREATE line&AA0ACg-break&AAE-\nS: $ OK x\n",
		mutf7_mailbox_name,
		"OK x\n"
		"OK x\n"
		"OK x\n",
		NULL},
};

Test(imaplib_login, enable_and_utf8)
{
	stage_check(utf8, sizeof(utf8) / sizeof(utf8[0]), STAGE_BOTH);
}

/* ---- APPEND ------------------------------------------------------------------------------------------------- */

static void append_text(struct stage *t, const char *mailbox, const char *text, bool translate)
{
	imap4_memory_source memory;
	imap4_crlf_source crlf;
	static const imap4_str flags[] = {{"\\Seen", 5}};
	imap4_append_message m = {.struct_size = sizeof(m),
		.flags = flags,
		.nflags = 1,
		.internaldate = stage_str("18-May-2033 05:33:20 +0200"),
		.size = strlen(text)};
	m.source = imap4_source_memory(&memory, text, strlen(text));
	if (translate) {
		imap4_memory_source again;
		imap4_source counted = imap4_source_memory(&again, text, strlen(text));
		cr_assert_eq(imap4_crlf_size(&counted, &m.size), IMAP4_OK);
		imap4_source from = m.source;
		m.source = imap4_source_crlf(&crlf, &from);
		(void)stage_done(t, imap4_append_start(t->s, stage_str(mailbox), &m, 1, NULL));
		return;
	}
	(void)stage_done(t, imap4_append_start(t->s, stage_str(mailbox), &m, 1, NULL));
}

static void append(struct stage *t)
{
	append_text(t, "INBOX", "a\r\nb", false);
}

static void append_translated(struct stage *t)
{
	append_text(t, "INBOX", "a\rb\nc\r\nd", true);
}

/* imaplib makes INBOX of nothing; here a name is what it is, and nothing is no name that a message could go to. */
static void append_nowhere(struct stage *t)
{
	append_text(t, "", "a", false);
}

#define APPEND "C: APPEND INBOX (\\Seen) \"18-May-2033 05:33:20 +0200\" "

static const struct stage_row appends[] = {
	{"append waits for the continuation",
		KNOWN("") APPEND "{4}\nSLEEP 5\nS: +\nC= a\nC= b\nS: $ OK x\n", append, "OK x\n",
		NULL},
	{"append: refused before the message", KNOWN("") APPEND "{4}\nS: $ NO [TRYCREATE] none\n",
		append, "IMAP4_E_NO [TRYCREATE] none\n", NULL},
	{"append: not understood", KNOWN("") APPEND "{4}\nS: $ BAD too much\n", append,
		"IMAP4_E_BAD too much\n", NULL},
	{"append_translate_line_endings",
		KNOWN("") APPEND
		"{10}\nS: + go\nC= a\nC= b\nC= c\nC= d\nS: $ OK [APPENDUID 1 2] x\n",
		append_translated, "OK [APPENDUID 1 2] x\n", NULL},
	{"append to no mailbox",
		KNOWN("") "C: APPEND \"\" (\\Seen) \"18-May-2033 05:33:20 +0200\" {1}\nS: $ NO no\n",
		append_nowhere, "IMAP4_E_NO no\n", NULL},
};

Test(imaplib_login, appends)
{
	stage_check(appends, sizeof(appends) / sizeof(appends[0]), STAGE_BOTH);
}

/* ---- IDLE --------------------------------------------------------------------------------------------------- */

static void idle(struct stage *t)
{
	(void)stage_done(t, imap4_idle_start(t->s));
}

/* Until the last of what is told has come, then DONE; a command that was started meanwhile comes after it. */
static void idle_iter(struct stage *t)
{
	stage_select(t, 1);
	imap4_cmd *c = imap4_idle_start(t->s);
	imap4_cmd *waiting = imap4_noop_start(t->s);
	stage_until(t, "unasked RECENT 1");
	stage_logf(t, "running %d\n", imap4_idle_running(c));
	cr_expect_eq(imap4_idle_done(c), IMAP4_OK);
	(void)stage_done(t, c);
	(void)stage_done(t, waiting);
	stage_logf(t, "exists %u\n", imap4_selected_mailbox(t->s)->exists);
}

/* The time is over in the middle of a line. */
static void idle_delayed_packet(struct stage *t)
{
	stage_select(t, 1);
	imap4_cmd *c = imap4_idle_start(t->s);
	stage_until(t, "unasked RECENT 7");
	cr_expect_eq(imap4_idle_done(c), IMAP4_OK);
	(void)stage_done(t, c);
}

/* idle(duration): nothing comes, and it is the caller's time that ends. */
static void idle_duration(struct stage *t)
{
	stage_select(t, 1);
	imap4_cmd *c = imap4_idle_start(t->s);
	while (!imap4_idle_running(c) && imap4_pump(t->s, FAKE_WAIT_MS) == IMAP4_OK)
		;
	stage_logf(t, "%s\n", imap4_err_name(imap4_cmd_wait(c, 1)));
	cr_expect_eq(imap4_idle_done(c), IMAP4_OK);
	(void)stage_done(t, c);
}

#define OPEN "C: SELECT INBOX\nS: * 2 EXISTS\nS: $ OK [READ-WRITE] x\n"

static const struct stage_row idles[] = {
	{"idle_capability", KNOWN("") "EOF\n", idle, "IMAP4_E_NOCAP\n", NULL},
	{"idle_denied", KNOWN("IDLE") "C: IDLE\nS: $ NO [CANNOT] not now\n", idle,
		"IMAP4_E_NO [CANNOT] not now\n", NULL},
	{"idle_iter",
		KNOWN("IDLE") OPEN
		"C: IDLE\nS: * 3 EXISTS\nS: + idling\nS: * 3 EXISTS\nS: * 0 RECENT\n"
		"S+ * 2 FETCH (BODY[HEADER.FIELDS (DATE)] {7}\\r\\n* x\\r\\n\\r\\n)\\r\\n\n"
		"SLEEP 5\nS: * 2 EXPUNGE\nS: * 1 RECENT\nC= DONE\nS: * 9 EXISTS\nS: $ OK idled\n"
		"C: NOOP\nS: $ OK x\n",
		idle_iter,
		"unasked EXISTS 3\n"
		"unasked EXISTS 3\n"
		"unasked RECENT 0\n"
		"unasked FETCH seq=2 body section=HEADER.FIELDS (DATE) (BODY[HEADER.FIELDS (DATE)] <7>)\n"
		"unasked EXPUNGE 2\n"
		"unasked RECENT 1\n"
		"running 1\n"
		"unasked EXISTS 9\n"
		"OK idled\n"
		"OK x\n"
		"exists 9\n",
		NULL},
	{"idle_burst: many in one packet",
		KNOWN("IDLE") OPEN
		"C: IDLE\nS+ + idling\\r\\n* 3 EXISTS\\r\\n* 4 EXISTS\\r\\n* 1 RECENT\\r\\n\n"
		"C= DONE\nS: $ OK idled\nC: NOOP\nS: $ OK x\n",
		idle_iter,
		"unasked EXISTS 3\n"
		"unasked EXISTS 4\n"
		"unasked RECENT 1\n"
		"running 1\n"
		"OK idled\n"
		"OK x\n"
		"exists 4\n",
		NULL},
	{"idle_delayed_packet",
		KNOWN("IDLE") OPEN
		"C: IDLE\nS: + idling\nS+ * 5 EX\nSLEEP 5\nS+ IS\nSLEEP 5\nS+ TS\\r\\n\n"
		"S+ * 7 RECENT\\r\\n* 1 EX\nC= DONE\nS+ PUNGE\\r\\n\nS: $ OK idled\n",
		idle_delayed_packet,
		"unasked EXISTS 5\n"
		"unasked RECENT 7\n"
		"unasked EXPUNGE 1\n"
		"OK idled\n",
		NULL},
	{"idle with a duration",
		KNOWN("IDLE") OPEN "C: IDLE\nS: + idling\nC= DONE\nS: $ OK idled\n", idle_duration,
		"IMAP4_AGAIN\n"
		"OK idled\n",
		NULL},
};

Test(imaplib_login, idles)
{
	stage_check(idles, sizeof(idles) / sizeof(idles[0]), STAGE_BOTH);
}

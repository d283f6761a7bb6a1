/* SPDX-License-Identifier: MIT */
/*
 * test_call_nomem.c -- the commands about the connection and the calls with results of their own, each in a session of its own in
 * which the n-th allocation fails, for every n: IMAP4_E_NOMEM and nothing worse, or all of the result.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_util.h"
#include "tests/support/answering.h"
#include "tests/support/nomem.h"

#define LAST 20000 /* allocations: far more than there are */
#define HELLO                                                                                      \
	"* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE UNAUTHENTICATE SORT THREAD=REFERENCES ACL IDLE] x\r\n"
#define WRONG ((imap4_err)1000) /* IMAP4_OK, and something is missing */

/* ---- what is done ----------------------------------------------------------------------------------------- */

static imap4_err whole(imap4_err rc, bool all)
{
	return rc == IMAP4_OK && !all ? WRONG : rc;
}

static imap4_err compressed(imap4_session *s)
{
	imap4_reply *list = NULL;
	imap4_err rc = imap4_call_compress(s);
	/* Without memory for the layer it is the session that ends, after the OK. */
	if (rc == IMAP4_OK)
		rc = imap4_call_list(s, "", "*", &list);
	rc = whole(rc, imap4_compressed(s) && list != NULL && list->n == 2);
	imap4_reply_free(list);
	return rc;
}

static int sasl_start(void *ctx, void *out, size_t size, size_t *n)
{
	(void)ctx, (void)size;
	memcpy(out, "me", *n = 2);
	return 0;
}

static int sasl_step(void *ctx, imap4_str challenge, void *out, size_t size, size_t *n)
{
	(void)challenge;
	return sasl_start(ctx, out, size, n);
}

static imap4_err authenticate(imap4_session *s)
{
	const imap4_sasl_callbacks own = {.struct_size = sizeof own,
		.start = sasl_start,
		.step = sasl_step,
		.safe_in_clear = 1};
	imap4_err rc = imap4_call(s, imap4_authenticate_start(s, "X-OWN", &own));
	/* What follows the OK may end the session. */
	if (rc == IMAP4_OK)
		rc = imap4_call_noop(s);
	return whole(rc, imap4_session_state(s) == IMAP4_AUTHENTICATED);
}

static imap4_err answer_a_challenge(imap4_session *s)
{
	const imap4_credentials me = {
		.struct_size = sizeof me, .mechanism = "CRAM-MD5", .user = "me", .password = "x"};
	imap4_err rc = imap4_call(s, imap4_login_start(s, &me));
	/* libcrypto without memory is one that cannot do MD5. */
	if (rc == IMAP4_E_NOAUTH)
		return IMAP4_E_NOMEM;
	if (rc == IMAP4_OK)
		rc = imap4_call_noop(s);
	return whole(rc, imap4_session_state(s) == IMAP4_AUTHENTICATED);
}

static imap4_err unauthenticate(imap4_session *s)
{
	imap4_err rc = imap4_call(s, imap4_unauthenticate_start(s));
	if (rc == IMAP4_OK)
		rc = imap4_call_login(s, "me", "secret");
	if (rc == IMAP4_OK)
		rc = imap4_call_noop(s);
	return whole(rc, imap4_session_state(s) == IMAP4_AUTHENTICATED);
}

/* What is kept may be less for lack of memory, and what is taken is right. */
static imap4_err untagged(imap4_session *s)
{
	imap4_keep_untagged(s, 9);
	imap4_err rc = imap4_call_noop(s);
	for (imap4_data *d; (d = imap4_untagged_take(s, "EXISTS")) != NULL;) {
		rc = whole(rc, imap4_data_number(d) == 3);
		imap4_data_free(d);
	}
	imap4_data *code = imap4_untagged_take(s, "X-CODE");
	rc = whole(rc, !code || strcmp(imap4_data_state(code)->code_args.ptr, "7") == 0);
	imap4_data_free(code);
	return rc;
}

static imap4_err threads(imap4_session *s)
{
	uint32_t *at = NULL;
	imap4_thread_node *tree = NULL;
	size_t n = 0;
	const int keys[] = {IMAP4_SORT_DATE};
	imap4_err rc = imap4_call_select(s, "a", 0);
	if (rc == IMAP4_OK)
		rc = imap4_call_sort(s, keys, 1, NULL, IMAP4_BY_UID, &at, &n);
	rc = whole(rc, n == 2);
	if (rc == IMAP4_OK)
		rc = imap4_call_thread(s, "REFERENCES", NULL, IMAP4_BY_UID, &tree, &n);
	rc = whole(rc, n == 3);
	free(at);
	free(tree);
	return rc;
}

static int count(void *ctx, const imap4_data *d)
{
	(void)d;
	++*(size_t *)ctx;
	return 0;
}

static imap4_err bodies(imap4_session *s)
{
	char *body = NULL;
	size_t n = 0, seen = 0;
	imap4_err rc = imap4_call_select(s, "a", 0);
	if (rc == IMAP4_OK)
		rc = imap4_call_fetch_body(s, 7, IMAP4_BY_UID, "", 99, &body, &n);
	rc = whole(rc, n == 5);
	free(body);
	if (rc == IMAP4_OK)
		rc = imap4_call_each(s, imap4_getacl_start(s, (imap4_str){"a", 1}), count, &seen);
	return whole(rc, seen == 1);
}

/* A call that succeeded gave all; what was not taken is somewhere else. */
static imap4_err idle(imap4_session *s)
{
	imap4_idler *i = NULL;
	imap4_data *d = NULL;
	imap4_reply *r = NULL;
	imap4_err rc = imap4_idler_open(&i, s, NULL);
	if (rc == IMAP4_OK)
		rc = imap4_idler_next(i, -1, &d);
	rc = whole(rc, d != NULL && imap4_data_number(d) == 2);
	if (rc == IMAP4_OK)
		rc = imap4_idler_burst(i, 0, &r);
	if (rc == IMAP4_OK)
		rc = whole(rc, r->n > 0 && imap4_data_number(r->data[0]) == 3);
	imap4_data_free(d);
	imap4_reply_free(r);
	imap4_err end = imap4_idler_close(i);
	return rc == IMAP4_OK ? end : rc;
}

static const struct answering_row rows[] = {
	{.name = "CAPABILITY",
		.data = "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=CRAM-MD5 AUTH=X-OWN\r\n"},
	{.name = "COMPRESS DEFLATE", .deflates = true},
	{.name = "LIST ", .data = "* LIST () \"/\" a\r\n* LIST () \"/\" {1}\r\nb\r\n"},
	{.name = "AUTHENTICATE PLAIN "},
	{.name = "AUTHENTICATE X-OWN ", .plus = "+ bW9yZQ==\r\n"},
	{.name = "AUTHENTICATE CRAM-MD5", .plus = "+ bW9yZQ==\r\n"},
	{.name = "UNAUTHENTICATE"},
	{.name = "NOOP", .data = "* 3 EXISTS\r\n* OK [X-CODE 7] x\r\n"},
	{.name = "EXAMINE ", .data = "* 3 EXISTS\r\n"},
	{.name = "UID SORT ", .data = "* SORT 5 3\r\n"},
	{.name = "UID THREAD ", .data = "* THREAD (2)(3 4)\r\n"},
	{.name = "UID FETCH ", .data = "* 1 FETCH (UID 7 BODY[] {5}\r\nabcde)\r\n"},
	{.name = "GETACL ", .data = "* ACL a me lrs\r\n"},
	{.name = "IDLE",
		.plus = "* 2 EXISTS\r\n+ idling\r\n* 3 EXISTS\r\n* 1 FETCH (BODY[] {1}\r\nx)\r\n",
		.data = "* 4 EXISTS\r\n"},
	{.name = NULL},
};

static const struct scene {
	const char *name, *greeting;
	imap4_err (*play)(imap4_session *s);
} scenes[] = {
	{"compress", HELLO, compressed},
	{"authenticate", "* OK x\r\n", authenticate},
	{"a challenge", "* OK x\r\n", answer_a_challenge},
	{"unauthenticate", HELLO, unauthenticate},
	{"untagged", HELLO, untagged},
	{"threads", HELLO, threads},
	{"bodies", HELLO, bodies},
	{"idle", HELLO, idle},
};

/* ---- each allocation -------------------------------------------------------------------------------------- */

static imap4_err session(const struct scene *scene, struct answering *v)
{
	imap4_session *s;
	imap4_options o;
	v->greeting = scene->greeting;
	v->rows = rows;
	const imap4_io io = answering_begin(v);
	imap4_options_init(&o, sizeof o);
	o.security = IMAP4_CLEAR;
	o.allow_cleartext = 1;
	o.io = &io;
	o.connect_ms = o.idle_ms = 5000;
	imap4_err rc = imap4_open(&s, &o, NULL);
	if (rc != IMAP4_OK)
		return rc;
	rc = scene->play(s);
	imap4_close(s);
	return rc;
}

Test(call_nomem, each_allocation_may_fail, .timeout = 100)
{
	static struct answering v;
	for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
		imap4_err rc = IMAP4_OK;
		bool reached = true;
		long n = 0;
		/* What libcrypto makes at its first use and keeps for ever is there by then. */
		cr_assert_eq(session(&scenes[i], &v), IMAP4_OK, "%s", scenes[i].name);
		while (reached && n < LAST) {
			counting = failing = true;
			outstanding = 0;
			countdown = ++n;
			rc = session(&scenes[i], &v);
			reached = countdown == 0;
			counting = failing = false;
			cr_assert_eq(outstanding, 0, "%s, allocation %ld: %ld blocks leaked",
				scenes[i].name, n, outstanding);
			cr_assert(v.closed, "%s, allocation %ld: not closed", scenes[i].name, n);
			cr_assert(rc == IMAP4_OK || rc == IMAP4_E_NOMEM,
				"%s, allocation %ld: %d %s", scenes[i].name, n, (int)rc,
				imap4_err_name(rc));
			cr_assert_not(v.broken, "%s, allocation %ld", scenes[i].name, n);
		}
		cr_assert_eq(rc, IMAP4_OK, "%s: without failures it succeeds", scenes[i].name);
#ifndef SANITIZED
		cr_assert_gt(n, 20, "%s", scenes[i].name);
#endif
	}
}

Test(call_nomem, a_transport_over_a_descriptor_is_there_or_not)
{
	int pair[2];
	imap4_io io;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
#ifndef SANITIZED
	counting = failing = true;
	outstanding = 0;
	countdown = 1;
	imap4_err rc = imap4_io_fd(&io, pair[0]);
	counting = failing = false;
	cr_expect_eq(rc, IMAP4_E_NOMEM);
	cr_expect_eq(outstanding, 0);
#endif
	cr_expect_eq(imap4_io_fd(&io, pair[0]), IMAP4_OK);
	io.close(io.ctx);
	close(pair[1]);
}

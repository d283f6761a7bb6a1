/* SPDX-License-Identifier: MIT */
/*
 * test_dovecot.c -- the blocking calls, and COMPRESS, against a real server: a private Dovecot on loopback
 * (tests/support/dovecot). Without Dovecot nothing here is tested, and that is said.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_io.h"
#include "core/imap/imap4_util.h"
#include "tests/support/tmp_tree.h"

#define MESSAGES 40

struct dovecot {
	struct tmp_tree tree;
	char ca[160];
	uint16_t imap, imaps;
};

static uint16_t port_of(const struct dovecot *d, const char *name)
{
	size_t n;
	char *text = (char *)tmp_tree_read(&d->tree, name, &n);
	char port[16] = "";
	if (text)
		(void)snprintf(port, sizeof(port), "%.*s", (int)(n < 15 ? n : 15), text);
	free(text);
	return (uint16_t)atoi(port);
}

static int dovecot_do(const struct dovecot *d, const char *verb)
{
	char line[300];
	(void)snprintf(line, sizeof(line),
		"EXTRA='mail_plugins = zlib imap_zlib' tests/support/dovecot %s %s >/dev/null 2>&1 </dev/null",
		verb, d->tree.path);
	/* The server outlives a test that fails, and must not keep the pipes of the test runner open. */
	for (int fd = 3; fd < 64; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return system(line);
}

static bool dovecot_start(struct dovecot *d)
{
	if (access("/usr/sbin/dovecot", X_OK) != 0) {
		printf("SKIPPED: Dovecot is not installed: NOTHING OF IT WAS TESTED\n");
		cr_expect_null(getenv("CI"), "these tests need Dovecot (package dovecot-imapd)");
		return false;
	}
	cr_assert(tmp_tree_make(&d->tree));
	cr_assert_eq(dovecot_do(d, "start"), 0);
	(void)snprintf(d->ca, sizeof(d->ca), "%s/ca.pem", d->tree.path);
	d->imap = port_of(d, "imap.port");
	d->imaps = port_of(d, "imaps.port");
	return true;
}

static void dovecot_end(struct dovecot *d)
{
	(void)dovecot_do(d, "stop");
	tmp_tree_remove(&d->tree);
}

static int connected(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* own: over a socket that the program has connected. */
static imap4_session *open_session(const struct dovecot *d, imap4_security security, bool own)
{
	imap4_io io;
	imap4_options o;
	imap4_session *s;
	char *why;
	imap4_options_init(&o, sizeof(o));
	o.host = "localhost";
	o.ca_file = d->ca;
	o.security = security;
	o.port = security == IMAP4_TLS ? d->imaps : d->imap;
	if (own) {
		cr_assert_eq(imap4_io_fd(&io, connected(o.port)), IMAP4_OK);
		o.io = &io;
	}
	cr_assert_eq(imap4_open(&s, &o, &why), IMAP4_OK, "%s", why);
	return s;
}

/* A message of some 4 KiB that compresses well. */
static size_t make_message(char *p, size_t size, int i)
{
	int n = snprintf(p, size, "From: a@example.org\r\nSubject: number %d\r\n\r\n", i);
	while ((size_t)n < size - 80)
		n += snprintf(p + n, size - (size_t)n, "the same line again and again, %d\r\n", i);
	return (size_t)n;
}

struct seen {
	size_t n;
	imap4_session *s;
};

static int see(void *ctx, const imap4_message *m)
{
	struct seen *seen = ctx;
	imap4_reply *r;
	seen->n++;
	cr_expect(m->have & IMAP4_MSG_SIZE);
	/* A call within a call: the outer command may still be running. */
	if (seen->n == 1) {
		cr_expect_eq(imap4_call_list(seen->s, "", "*", &r), IMAP4_OK);
		cr_expect_gt(r->n, 0);
		imap4_reply_free(r);
	}
	return 0;
}

static void one_body(imap4_session *s, uint32_t uid, const char *expected, size_t size)
{
	char *body;
	size_t n;
	cr_assert_eq(imap4_call_fetch_body(s, uid, IMAP4_BY_UID, "", 1 << 20, &body, &n), IMAP4_OK,
		"%s", imap4_last(s)->message);
	cr_expect(n == size && memcmp(body, expected, n) == 0);
	free(body);
	cr_expect_eq(
		imap4_call_fetch_body(s, uid, IMAP4_BY_UID, "", 100, &body, &n), IMAP4_E_LIMIT);
	cr_expect_null(body);
	cr_expect_eq(imap4_call_fetch_body(s, uid + 9999, IMAP4_BY_UID, "", 1 << 20, &body, &n),
		IMAP4_E_NO);
	cr_assert_eq(imap4_call_fetch_body(
			     s, 1, IMAP4_BY_SEQ, "HEADER.FIELDS (SUBJECT)", 1000, &body, &n),
		IMAP4_OK);
	cr_expect_str_eq(body, "Subject: number 0\r\n\r\n");
	free(body);
}

static void change(imap4_session *s)
{
	imap4_set *found, *first = imap4_set_of("1:2"), *nothing;
	imap4_reply *r;
	imap4_query *q = imap4_query_new();
	cr_assert_eq(
		imap4_call_store(s, first, IMAP4_FLAGS_ADD, "(\\Deleted \\Seen)", IMAP4_BY_SEQ),
		IMAP4_OK);
	(void)imap4_query_flag(q, (imap4_str){"\\Deleted", 8}, 1);
	cr_expect_eq(imap4_call_search(s, q, IMAP4_BY_SEQ, &found), IMAP4_OK);
	cr_expect_eq(imap4_set_count(found), 2);
	cr_expect_eq(imap4_call_create(s, "Sent"), IMAP4_OK);
	cr_expect_eq(imap4_call_copy(s, found, "Sent", IMAP4_BY_SEQ), IMAP4_OK);
	cr_expect_eq(imap4_call_expunge(s, &r), IMAP4_OK);
	cr_expect_eq(r->n, 2);
	imap4_reply_free(r);
	cr_expect_eq(imap4_call_search(s, q, IMAP4_BY_SEQ, &nothing), IMAP4_OK);
	cr_expect_eq(imap4_set_count(nothing), 0);
	imap4_set_free(found);
	imap4_set_free(nothing);
	cr_expect_eq(imap4_call_status(s, "Sent", IMAP4_ST_MESSAGES, &r), IMAP4_OK);
	cr_expect_eq(imap4_data_status(r->data[0])->messages, 2);
	imap4_reply_free(r);
	cr_expect_eq(imap4_call_move(s, first, "Sent", IMAP4_BY_SEQ), IMAP4_OK);
	imap4_set_free(first);
	imap4_query_free(q);
}

static void sorted(imap4_session *s)
{
	const int keys[] = {IMAP4_SORT_REVERSE | IMAP4_SORT_SUBJECT};
	uint32_t *at;
	size_t n;
	cr_assert_eq(imap4_call_sort(s, keys, 1, NULL, IMAP4_BY_SEQ, &at, &n), IMAP4_OK);
	cr_expect_eq(n, MESSAGES);
	cr_expect_eq(at[0], 10, "\"number 9\" is the last one in the order of texts");
	free(at);
}

static void folders(imap4_session *s)
{
	imap4_reply *r;
	cr_expect_eq(imap4_call_create(s, "A"), IMAP4_OK);
	cr_expect_eq(imap4_call_create(s, "A"), IMAP4_E_NO);
	cr_expect_eq(imap4_last(s)->code, IMAP4_CODE_ALREADYEXISTS);
	cr_expect_eq(imap4_call_rename(s, "A", "B"), IMAP4_OK);
	cr_expect_eq(imap4_call_subscribe(s, "B"), IMAP4_OK);
	cr_expect_eq(imap4_call_lsub(s, "", "*", &r), IMAP4_OK);
	cr_expect_eq(r->n, 1);
	cr_expect_str_eq(imap4_data_list(r->data[0])->name.ptr, "B");
	imap4_reply_free(r);
	cr_expect_eq(imap4_call_unsubscribe(s, "B"), IMAP4_OK);
	cr_expect_eq(imap4_call_delete(s, "B"), IMAP4_OK);
	cr_expect_eq(imap4_call_namespace(s, &r), IMAP4_OK);
	cr_expect_eq(imap4_data_namespace(r->data[0], 0)->delimiter, '/');
	imap4_reply_free(r);
	cr_expect_eq(imap4_call_id(s, NULL, 0, &r), IMAP4_OK);
	cr_expect_eq(r->n, 1);
	imap4_reply_free(r);
	cr_expect_eq(imap4_call_enable(s, "CONDSTORE"), IMAP4_OK);
	cr_expect_eq(imap4_call_noop(s), IMAP4_OK);
}

static void whole_session(const struct dovecot *d, imap4_security security, int compress, bool own)
{
	static char message[4096];
	uint32_t uid = 0;
	imap4_session *s = open_session(d, security, own);
	cr_expect_eq(imap4_call_login(s, "nobody", "wrong"), IMAP4_E_NO);
	cr_expect_eq(
		imap4_last(s)->code, IMAP4_CODE_AUTHENTICATIONFAILED, "%s", imap4_last(s)->message);
	char user[32];
	(void)snprintf(user, sizeof(user), "u%d%d%d", (int)security, compress, own);
	cr_assert_eq(imap4_call_login(s, user, "secret"), IMAP4_OK, "%s", imap4_last(s)->message);
	if (compress)
		cr_assert_eq(imap4_call_compress(s), IMAP4_OK, "%s", imap4_last(s)->message);
	cr_expect_eq(imap4_compressed(s), compress);
	folders(s);
	cr_assert_eq(imap4_call_select(s, "INBOX", 1), IMAP4_OK);
	size_t size = 0;
	for (int i = 0; i < MESSAGES; i++) {
		size = make_message(message, sizeof(message), i);
		cr_assert_eq(imap4_call_append(s, "INBOX", "\\Flagged key",
				     "17-Jul-1996 02:44:25 -0700", message, size, &uid),
			IMAP4_OK, "%s", imap4_last(s)->message);
		cr_expect_eq(uid, (uint32_t)i + 1);
	}
	cr_expect_eq(imap4_call_noop(s), IMAP4_OK);
	cr_expect_eq(imap4_selected_mailbox(s)->exists, MESSAGES);
	struct seen seen = {.s = s};
	imap4_set *all;
	cr_assert_eq(imap4_call_search(s, NULL, IMAP4_BY_UID, &all), IMAP4_OK);
	cr_expect_eq(imap4_call_fetch(s, all, "RFC822.SIZE BODY.PEEK[]", IMAP4_BY_UID, see, &seen),
		IMAP4_OK);
	cr_expect_eq(seen.n, MESSAGES);
	imap4_set_free(all);
	one_body(s, uid, message, size);
	sorted(s);
	change(s);
	cr_expect_eq(imap4_call_close_mailbox(s), IMAP4_OK);
	cr_expect_eq(imap4_call_select(s, "Does-Not-Exist", 0), IMAP4_E_NO);
	cr_expect_eq(imap4_call_logout(s), IMAP4_OK);
	cr_expect_eq(imap4_session_state(s), IMAP4_LOGGED_OUT);
	if (compress) {
		cr_expect_lt(imap4_wire_bytes_in(s), imap4_bytes_in(s) / 3);
		cr_expect_lt(imap4_wire_bytes_out(s), imap4_bytes_out(s) / 3);
	} else {
		cr_expect_geq(imap4_wire_bytes_in(s), imap4_bytes_in(s));
		cr_expect_geq(imap4_wire_bytes_out(s), imap4_bytes_out(s));
	}
	imap4_close(s);
}

Test(dovecot, whole_sessions_plain_encrypted_and_compressed)
{
	struct dovecot d;
	if (!dovecot_start(&d))
		return;
	whole_session(&d, IMAP4_CLEAR, 0, false);
	whole_session(&d, IMAP4_CLEAR, 1, false);
	whole_session(&d, IMAP4_TLS, 0, false);
	whole_session(&d, IMAP4_TLS, 1, false);
	whole_session(&d, IMAP4_STARTTLS, 1, false);
	whole_session(&d, IMAP4_TLS, 0, true);
	whole_session(&d, IMAP4_STARTTLS, 1, true);
	dovecot_end(&d);
}

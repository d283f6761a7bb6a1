/* SPDX-License-Identifier: MIT */
/*
 * test_io.c -- a transport of the caller's: when its functions are called, and what they may say.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_io.h"
#include "tests/support/fake_imap.h"

/* A transport without a descriptor: the server's words are there from the beginning. */
struct pipe {
	const char *in;
	char out[256];
	size_t sent;
	long at_the_end; /* what read() says when all was read */
	long put;	 /* what write() says instead of how much; 0: how much */
	int closed;
};

static long pipe_read(void *ctx, void *p, size_t n)
{
	struct pipe *t = ctx;
	size_t left = strlen(t->in), part = n < left ? n : left;
	memcpy(p, t->in, part);
	t->in += part;
	return part > 0 ? (long)part : t->at_the_end;
}

static long pipe_write(void *ctx, const void *p, size_t n)
{
	struct pipe *t = ctx;
	if (t->put != 0)
		return t->put;
	size_t part = n < 3 ? n : 3;
	memcpy(t->out + t->sent, p, part);
	t->sent += part;
	return (long)part;
}

static int pipe_fd(void *ctx, int writing)
{
	(void)ctx;
	(void)writing;
	return -1;
}

static int pipe_pending(void *ctx)
{
	struct pipe *t = ctx;
	return *t->in != '\0' || t->at_the_end != IMAP4_IO_AGAIN;
}

static void pipe_close(void *ctx)
{
	((struct pipe *)ctx)->closed++;
}

static imap4_io io_of(struct pipe *t)
{
	return (imap4_io){.struct_size = sizeof(imap4_io),
		.ctx = t,
		.read = pipe_read,
		.write = pipe_write,
		.poll_fd = pipe_fd,
		.pending = pipe_pending,
		.close = pipe_close};
}

static imap4_err start(imap4_session **s, const imap4_io *io, int security)
{
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = (imap4_security)security;
	o.host = "localhost";
	o.io = io;
	return imap4_open_start(s, &o, NULL);
}

#define HELLO "* OK [CAPABILITY IMAP4rev1] hello\r\n"

Test(io, carries_a_session_in_pieces)
{
	struct pipe t = {.in = HELLO, .at_the_end = IMAP4_IO_AGAIN};
	imap4_io io = io_of(&t);
	imap4_session *s;
	cr_assert_eq(start(&s, &io, IMAP4_CLEAR), IMAP4_OK);
	memset(&io, 0, sizeof(io)); /* it is copied */
	imap4_cmd *c = imap4_noop_start(s);
	while (imap4_pump(s, 0) == IMAP4_OK)
		;
	cr_expect_not_null(strstr(t.out, " NOOP\r\n"), "%s", t.out);
	cr_expect_eq(imap4_wire_bytes_in(s), strlen(HELLO));
	imap4_cmd_free(c);
	imap4_close(s);
	cr_expect_eq(t.closed, 1);
}

Test(io, credentials_need_tls_or_a_word)
{
	struct pipe t = {.in = HELLO, .at_the_end = IMAP4_IO_AGAIN};
	imap4_io io = io_of(&t);
	imap4_session *s;
	cr_assert_eq(start(&s, &io, IMAP4_CLEAR), IMAP4_OK);
	const imap4_credentials me = {.struct_size = sizeof(me), .user = "u", .password = "p"};
	imap4_cmd *c = imap4_login_start(s, &me);
	while (imap4_pump(s, 0) == IMAP4_OK)
		;
	cr_expect_eq(imap4_cmd_result(c)->err, IMAP4_E_INSECURE);
	cr_expect_eq(t.sent, 0);
	imap4_close(s);
}

struct ending {
	const char *name;
	long read, write;
	imap4_err err;
};

static const struct ending endings[] = {
	{"the end", 0, 0, IMAP4_E_CLOSED},
	{"broken", IMAP4_IO_ERROR, 0, IMAP4_E_IO},
	{"more than there was room for", 1L << 40, 0, IMAP4_E_IO},
	{"cannot write", IMAP4_IO_AGAIN, IMAP4_IO_ERROR, IMAP4_E_IO},
	{"more than was to be written", IMAP4_IO_AGAIN, 1L << 40, IMAP4_E_IO},
};

Test(io, says_how_it_ends)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct pipe t = {
			.in = HELLO, .at_the_end = endings[i].read, .put = endings[i].write};
		imap4_io io = io_of(&t);
		imap4_session *s;
		cr_assert_eq(start(&s, &io, IMAP4_CLEAR), IMAP4_OK);
		(void)imap4_noop_start(s);
		while (imap4_pump(s, 0) == IMAP4_OK)
			;
		cr_expect_eq(imap4_session_state(s), IMAP4_DEAD, "%s", endings[i].name);
		cr_expect_eq(imap4_last(s)->err, endings[i].err, "%s: %s", endings[i].name,
			imap4_last(s)->message);
		cr_expect_eq(t.closed, 1, "%s", endings[i].name);
		imap4_close(s);
		cr_expect_eq(t.closed, 1, "%s", endings[i].name);
	}
}

Test(io, is_closed_when_nothing_comes_of_it)
{
	struct pipe t = {.in = HELLO};
	imap4_io io = io_of(&t);
	imap4_session *s;
	cr_expect_eq(start(&s, &io, 77), IMAP4_E_ARG);
	cr_expect_eq(t.closed, 1);
	io.write = NULL;
	cr_expect_eq(start(&s, &io, IMAP4_CLEAR), IMAP4_E_ARG);
	cr_expect_eq(t.closed, 2);
	cr_expect_null(s);
	cr_expect_eq(imap4_io_fd(&io, -1), IMAP4_E_ARG);
}

static int connected(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

Test(io, a_connected_socket_is_one)
{
	char why[512] = "";
	struct fake_imap *f = fake_imap_script(
		"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\n"
		"C: AUTHENTICATE PLAIN AHUAcA==\nS: $ OK [CAPABILITY IMAP4rev1] in\n"
		"C: NOOP\nS: $ OK x\nEOF\n",
		NULL);
	imap4_io io;
	imap4_session *s;
	imap4_options o;
	int fd = connected(fake_imap_port(f));
	cr_assert_eq(imap4_io_fd(&io, fd), IMAP4_OK);
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.allow_cleartext = 1;
	o.io = &io;
	cr_assert_eq(imap4_open(&s, &o, NULL), IMAP4_OK);
	cr_expect_eq(imap4_call_login(s, "u", "p"), IMAP4_OK, "%s", imap4_last(s)->message);
	cr_expect_eq(imap4_call_noop(s), IMAP4_OK);
	imap4_close(s);
	cr_expect_eq(fcntl(fd, F_GETFD), -1, "it is closed with the session");
	cr_expect(fake_imap_end(f, why, sizeof(why)), "%s", why);
}

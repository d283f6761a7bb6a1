/* SPDX-License-Identifier: MIT */
/*
 * fake_imap_internal.h -- what fake_imap.c and fake_script.c share.
 */
#ifndef TESTS_SUPPORT_FAKE_IMAP_INTERNAL_H
#define TESTS_SUPPORT_FAKE_IMAP_INTERNAL_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "tests/support/fake_imap.h"

enum { FAKE_EOF = -1, FAKE_LATE = -2 };

struct fake_text {
	char *p; /* NUL-terminated once something was added */
	size_t n, cap;
};

struct fake_conn {
	struct fake_conn *next;
	struct fake_imap *server;
	pthread_t thread;
	unsigned number;
	int fd;
	SSL_CTX *ssl_ctx;
	SSL *ssl;
	void *data;
	unsigned char in[4096];
	size_t at, nin;
	unsigned char *out; /* gathered */
	size_t nout;
	uint64_t sent, cut;
	bool gone, reset;
};

struct fake_script;

struct fake_imap {
	int listen_fd, stop[2];
	uint16_t port;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	bool stopping;
	unsigned nconn;
	struct fake_conn *conns;
	struct fake_handler handler;
	struct fake_script *script; /* NULL: handler mode */
	const struct pki_cert *cert;
	char why[1024];
};

bool fake_flush(struct fake_conn *c);			    /* false: the connection is gone */
int fake_octet(struct fake_conn *c);			    /* 0-255, FAKE_EOF, FAKE_LATE */
int fake_line(struct fake_conn *c, struct fake_text *line); /* 0, FAKE_EOF, FAKE_LATE */
bool fake_text_add(struct fake_text *t, char ch);
void fake_fail(struct fake_imap *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct fake_script *fake_script_parse(const char *text); /* NULL: no such step, or no memory */
void fake_script_free(struct fake_script *s);		 /* NULL is fine */
unsigned fake_script_connections(const struct fake_script *s);
void fake_serve_script(struct fake_conn *c);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * fake_imap.h -- a server for tests on a loopback socket, with real threads, TLS on demand and
 * no mind of its own: it follows a script, or hands each command to a function (model_imap.h is
 * built on that).
 *
 * The script: one step a line; empty lines and lines that start with '#' are skipped.
 *
 *   S: * OK hello         send the line and CRLF. At its start "$ " becomes the tag of the last
 *                         command, "$1 " that of the command before it, up to $9
 *   S+ * OK a\r\n* B      send exactly these octets: escapes \r \n \t \\ \0 \xHH; "$" as above
 *   C: NOOP               expect this command (the tag is any, and remembered)
 *   C~ LOGIN "me" .*      the same as an extended regular expression that must match all of it
 *   C= AGh1bnRlcjI=       expect a line without a tag, as after a "+"
 *   C+ 12                 expect 12 octets, whatever they are
 *   LITERAL name 100      send 100 octets of fake_literal("name")
 *   STARTTLS              the TLS handshake takes place now (also for implicit TLS, as first step)
 *   SLEEP 20              milliseconds, at most 1000
 *   EOF                   expect that the client closes
 *   CLOSE / RESET         close; close with RST
 *   --- connection 2      what follows is for the second connection, and so on
 *
 * At the end of its section the server waits for the client to close; a further command is a
 * failure. Every wait ends after FAKE_WAIT_MS. fake_imap_end() says what did not happen as
 * written.
 */
#ifndef TESTS_SUPPORT_FAKE_IMAP_H
#define TESTS_SUPPORT_FAKE_IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "tests/support/pki.h"

#define FAKE_WAIT_MS 10000

struct fake_imap;
struct fake_conn; /* one connection; used by its own thread only */

/* cert: for STARTTLS, borrowed until fake_imap_end(); may be NULL. NULL: no socket, or no such
 * script. */
struct fake_imap *fake_imap_script(const char *script, const struct pki_cert *cert);

/*
 * Handler mode. Each connection has a thread, so that all functions must take care of what they
 * share. A command is given whole: literals are asked for ("+") and stand in the line behind
 * their marker and CRLF; the final CRLF is cut off.
 */
struct fake_handler {
	void *ctx;
	void *(*connected)(
		void *ctx, struct fake_conn *c); /* greet; returns the connection's own data */
	bool (*command)(
		void *ctx, struct fake_conn *c, const char *line, size_t n); /* false: hang up */
	void (*closed)(void *ctx, struct fake_conn *c);
};
struct fake_imap *fake_imap_handle(const struct fake_handler *h, const struct pki_cert *cert);

uint16_t fake_imap_port(const struct fake_imap *f);
unsigned fake_imap_connections(struct fake_imap *f); /* accepted so far */
/* Stop: cut all connections, join all threads, free. false: the script was not followed, and why
 * (may be NULL) says where. */
bool fake_imap_end(struct fake_imap *f, char *why, size_t size);

/* ---- for handlers ---- */

void *fake_conn_data(const struct fake_conn *c);
unsigned fake_conn_number(const struct fake_conn *c); /* 1, 2, ... in the order of arrival */
/* Gathered and sent when the handler returns, or when there is much of it. */
void fake_send(struct fake_conn *c, const void *p, size_t n);
void fake_sendf(struct fake_conn *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A line of the client that is no command (SASL), without CRLF; what was gathered is sent first.
 * Cut to size; -1: the connection ended. */
int fake_read_line(struct fake_conn *c, char *line, size_t size);
/* Has more of the client arrived already? */
bool fake_pending(const struct fake_conn *c);
/* The connection is cut after n further octets from the server. */
void fake_cut_after(struct fake_conn *c, uint64_t n);
bool fake_start_tls(struct fake_conn *c);
uint64_t fake_conn_sent(const struct fake_conn *c); /* octets */

/* The i-th octet of the literal of this name: mail-like lines ending in CRLF, all printable. */
unsigned char fake_literal(const char *name, size_t i);

#endif

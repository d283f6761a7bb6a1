/* SPDX-License-Identifier: MIT */
/*
 * resp_dump.h -- a response as one line of text, through the public accessors only: what tests compare, and what
 * makes a fuzzer touch every octet that is handed out.
 */
#ifndef TESTS_SUPPORT_RESP_DUMP_H
#define TESTS_SUPPORT_RESP_DUMP_H

#include "core/base/buf.h"
#include "core/imap/resp.h"

/* "FETCH seq=12 uid=5 flags=\Seen,x body"; damaged ones begin with '!'. Each string is checked to have a NUL
 * behind; abort() when it has none. */
void resp_dump(struct buf *out, const struct imap4_data *d);
/* Values: atoms as they are, strings in quotes, NIL, (lists), <octets of a body>. */
void resp_dump_node(struct buf *out, const imap4_node *n);

/* Bytes of a server through the lexer and the parser: a line "  text" for each response. Bodies are taken and
 * forgotten; for each there is a line "section=... size=..." before, with what was known by then. Gives the
 * number of damaged responses; *ends: the input ended between two responses, without an error. */
size_t resp_dump_wire(struct buf *out, const struct imap_limits *limits, enum lexer_body how,
	struct slice wire, bool *ends);
/* One line without its CRLF, as resp_dump() writes it. Uses the default limits. */
const char *resp_dump_line(struct buf *out, const char *line);

#endif

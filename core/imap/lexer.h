/* SPDX-License-Identifier: MIT */
/*
 * lexer.h -- framing: cut the server's bytes into responses by counting octets, nothing else.
 *
 * A response is a line, continued after each literal, up to its final CRLF (a bare LF is accepted as line
 * end). Framing never depends on which command was sent. A line end is preceded by a literal marker
 * ({n}, {n+}, ~{n}) if and only if
 *   - the response is not a status line (tagged, "+", or untagged OK NO BAD BYE PREAUTH): those end
 *     in free text, and text may well end in "{12}";
 *   - the marker is preceded by SP or '('.
 * What could be read in two ways ends the connection, so that octets of a message are never taken for
 * protocol, or the reverse (reliability tests T55, T67):
 *   - a marker while a quoted string is still open;
 *   - a marker that is none: {-1}, {1 }, more than TOKEN_LITERAL_SIZE_MAX octets;
 *   - octets behind a literal that cannot stand there (only SP, ')' and line end can): its size was wrong.
 * One deviation is known to be harmless: an empty line behind a literal in the middle of a list, followed by SP
 * or ')', is dropped; followed by anything else it ends the response.
 * Leading NULs and empty lines between responses are skipped (Q45, blank line after a literal), up to
 * limits.response octets of them.
 *
 * Small literals are collected into the response. A literal that is the value of a FETCH body item
 * (BODY[...], BODY[...]<n>, BINARY[...], RFC822, RFC822.TEXT, RFC822.HEADER) is offered to the caller instead,
 * who takes its octets as they come, or has it skipped. A collected literal beyond limits.literal is an
 * error of the connection, charged when announced: none of it may be read as protocol.
 *
 * limits.response counts the octets of a response without its final CRLF, with markers and collected
 * literals, without bodies. Below LEXER_RESPONSE_MIN both it and limits.list_response count as that.
 * limits.token is the parser's.
 */
#ifndef CORE_IMAP_LEXER_H
#define CORE_IMAP_LEXER_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/imap/limits.h"

#define LEXER_RESPONSE_MIN 64

enum lexer_event {
	LEXER_MORE,	  /* all input is used up */
	LEXER_BODY_BEGIN, /* body_size octets follow; text = the response so far. Call lexer_body() now */
	LEXER_BODY_DATA, /* data = a chunk, borrowed from the input (only when taken) */
	LEXER_BODY_END,	 /* the literal is over (also when skipped) */
	/* text = one whole response without its final CRLF; borrowed until the next call, from the lexer or,
	 * when it came in one piece, from the input */
	LEXER_RESPONSE,
};

/* Where in `text` a body literal was taken out: text[at] is the '{' (or '~') of its marker; the marker and its
 * CRLF are kept in text, the octets are not. */
struct lexer_gap {
	size_t at;
	uint64_t size;
};

struct lexer_output {
	enum lexer_event event;
	struct slice text;
	struct slice data;
	uint64_t body_size;
	/* of a LEXER_RESPONSE, or those before the body of a LEXER_BODY_BEGIN; borrowed until the next call */
	const struct lexer_gap *gaps;
	size_t ngaps;
};

enum lexer_body {
	LEXER_BODY_TAKE,    /* give the octets as LEXER_BODY_DATA */
	LEXER_BODY_SKIP,    /* drop them */
	LEXER_BODY_COLLECT, /* keep them in the response, as any small literal */
};

struct lexer; /* opaque */

int lexer_new(struct lexer **out, const struct imap_limits *limits, struct err *e) NODISCARD;
void lexer_free(struct lexer *x); /* NULL is fine */

/* Consume from *in (advanced) until there is an event. -1: E_PROTO, E_LIMIT or E_NOMEM (ERR_CONNECTION or wider),
 * sticky. */
int lexer_next(
	struct lexer *x, struct slice *in, struct lexer_output *out, struct err *e) NODISCARD;
/* Answer to LEXER_BODY_BEGIN; without one the body is skipped. E_LIMIT when COLLECT is too large (nothing was
 * decided then), E_STATE when no body waits. */
int lexer_body(struct lexer *x, enum lexer_body how, struct err *e) NODISCARD;
/* True between LEXER_BODY_BEGIN and LEXER_BODY_END, or in the middle of a response. */
bool lexer_in_response(const struct lexer *x);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * resp.h -- one framed response to values and typed data. Pure.
 *
 * Framing is strict and already done; content is lenient: lower-case keywords, extra spaces, NIL for a list, () for
 * NIL, missing text, 8-bit bytes in quoted strings, numbers out of range and unknown items spoil at most
 * themselves. A response that cannot be read at all becomes IMAP4_DATA_OTHER with its raw text; it never
 * ends the connection.
 *
 * The values form a tree in one flat array, built with an explicit stack: no recursion, linear time.
 * SEARCH, ESEARCH ALL and VANISHED go straight into ranges, without a node for each number. For limits
 * inside one response (IMAP_DEPTH_MAX, IMAP_NODES_MAX, limits.token) what exceeds them is left out and the
 * response is damaged; the rest of it is read all the same.
 */
#ifndef CORE_IMAP_RESP_H
#define CORE_IMAP_RESP_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/uidset.h"
#include "core/imap/imap4.h"
#include "core/imap/lexer.h"

enum resp_type {
	RESP_UNTAGGED,
	RESP_TAGGED,   /* tag + condition */
	RESP_CONTINUE, /* "+ ..." */
};

/*
 * Whatever stands in a line becomes a value of its own, with its own copy of the text. A line that is no
 * response at all ("Server Unavailable. 15", Q17; a tag without OK, NO or BAD) is untagged, damaged, of kind
 * IMAP4_DATA_OTHER, and has an empty name.
 */
struct imap4_data *resp_parse(struct slice text, const struct lexer_gap *gaps, size_t ngaps,
	const struct imap_limits *limits, struct err *e); /* NULL: E_NOMEM only */
void resp_free(struct imap4_data *d);			  /* NULL is fine */

enum resp_type resp_type(const struct imap4_data *d);
struct slice resp_tag(const struct imap4_data *d); /* RESP_TAGGED */
struct slice resp_text(
	const struct imap4_data *d); /* RESP_CONTINUE: what follows "+ "; else the whole raw text */
/* Tagged and untagged status lines: imap4_data_state(). */

/* True when the content could not be read as what its name promises (kept as far as it could). */
bool resp_is_damaged(const struct imap4_data *d);

/* The sequence-set of an ESEARCH as it was sent, for results whose order counts; empty when there is none. */
struct slice resp_order(const struct imap4_data *d);

/* The values known so far of a FETCH response that is cut at a body literal (LEXER_BODY_BEGIN), and the
 * section the literal belongs to ("" for BODY[] and RFC822, "HEADER", "1.2.MIME", ...; with "<n>" cut off).
 * NULL: E_NOMEM. The result is an IMAP4_DATA_FETCH (or OTHER when the text is no FETCH at all). */
struct imap4_data *resp_parse_partial(struct slice text, const struct lexer_gap *gaps, size_t ngaps,
	const struct imap_limits *limits, imap4_str *section, struct err *e);

/* Is this the name of a FETCH item that carries (a part of) the body? Then *section is as above, with a NUL behind.
 * The node that follows it is the value: a STRING that must go to the sink as a whole, a BODY that already
 * went there (or was skipped), or NIL. */
bool resp_body_item(const imap4_node *name, imap4_str *section);

/* Response codes by name; IMAP4_CODE_OTHER for unknown ones. */
imap4_code resp_code(struct slice atom);
/* INPROGRESS (RFC 9585): all but the command; strings are of the line. What cannot be read is absent. */
void resp_read_progress(const imap4_state_line *l, imap4_progress *p);
/* "UIDNEXT 12" style argument of a state line; false when it is no number in range. */
bool resp_code_u64(const imap4_state_line *l, uint64_t max, uint64_t *v);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * enc.h -- typed arguments to command bytes: the only way to the wire.
 *
 * A command becomes a list of parts. Text parts may be marked secret (by position, so that the trace never
 * has to guess). A part may end with a synchronising literal marker: what follows is written only after
 * the server's "+". Literals are non-synchronising when the server has LITERAL+, or LITERAL- (or IMAP4rev2) and
 * the literal is at most 4096 octets (RFC 7888 sections 4 and 5).
 *
 * What can be written where (RFC 9051 section 9):
 *   atom      1..n of ATOM-CHAR, else E_INVALID (the caller's fault, nothing is sent)
 *   astring   atom if every octet is an ASTRING-CHAR, else quoted, else literal
 *   string    quoted if it has no CR, LF, NUL and no 8-bit octet, and is <= 1000 octets; else literal.
 *             NUL is refused (no literal8 here). Other control characters are legal in quoted strings.
 * When the server was told to expect it (`utf8`), valid UTF-8 stands in quoted strings as well (RFC 6855 section 3),
 * never in atoms, and not in secrets: section 5 leaves LOGIN as it was.
 * The tag is written by cmd.c, the final CRLF is added by the engine.
 */
#ifndef CORE_IMAP_ENC_H
#define CORE_IMAP_ENC_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/uidset.h"
#include "core/imap/imap4.h"
#include "core/imap/limits.h"

enum enc_literals { ENC_LITERAL_SYNC, ENC_LITERAL_MINUS, ENC_LITERAL_PLUS };

struct enc_part {
	size_t start, len; /* in bytes.data */
	bool secret;
	bool wait; /* a continuation must arrive before the next part */
	/* The octets of a literal that are not here: `body_size` of them are read from `body` while they are sent. */
	const imap4_source *body;
	uint64_t body_size;
};

struct enc {
	struct buf bytes;
	struct enc_part *part;
	size_t nparts, cap;
	enum enc_literals literals;
	bool utf8;	/* UTF8=ACCEPT or IMAP4rev2 is enabled */
	bool fresh;	/* what comes next is a part of its own */
	size_t line;	/* octets outside literals and SASL lines */
	struct err err; /* the first one sticks; enc_check() */
};

void enc_init(struct enc *c, enum enc_literals literals);
void enc_release(struct enc *c); /* wipes the memory */
void enc_clear(struct enc *c);	 /* empty again; keeps the kind of literals and utf8 */

/* What is there is on its way: what comes next is a part of its own. */
void enc_next_line(struct enc *c);
/* All calls do nothing after an error. */
void enc_raw(struct enc *c,
	const char *protocol_text); /* our own constant text: verbs, punctuation, spaces */
void enc_atom(struct enc *c, struct slice s);
void enc_astring(struct enc *c, struct slice s);
void enc_string(struct enc *c, struct slice s);
void enc_nstring(struct enc *c, const char *s); /* NULL = NIL */
/* As a literal whatever is in it; binary: as literal8 (RFC 4466 section 6), which may hold NUL. */
void enc_literal(struct enc *c, struct slice s, bool binary);
/* nstring, or literal8 when it holds NUL (RFC 5464 section 5, value); a NULL text = NIL */
void enc_value(struct enc *c, imap4_str s);
void enc_secret_string(struct enc *c, struct slice s);
void enc_secret_astring(struct enc *c, struct slice s);
void enc_secret_line(
	struct enc *c, struct slice base64); /* a SASL response; CRLF comes from the engine */
void enc_mailbox(struct enc *c, struct slice wire); /* astring; E_LIMIT over IMAP_MAILBOX_MAX */
/* A literal that is streamed. Its source must live until it was sent. Non-synchronising only up to sync_over octets. */
void enc_body(struct enc *c, const imap4_source *source, uint64_t size, uint64_t sync_over);
/* The same as literal8 "~{n}", which may hold NUL octets (RFC 3516 section 7). sync_over 0 where the server does not take
 * them without waiting: that needs BINARY together with LITERAL+ or LITERAL- (RFC 7888 section 6). */
void enc_body8(struct enc *c, const imap4_source *source, uint64_t size, uint64_t sync_over);
/* flag (RFC 9051 section 9): an atom, with or without a backslash in front */
void enc_flag(struct enc *c, struct slice flag);
/* list-mailbox: may hold % and *; quoted or literal when needed */
void enc_list_pattern(struct enc *c, struct slice wire);
void enc_number(struct enc *c, uint64_t n);
/* The whole set, plus "open_from:*" when open_from is not 0; at least one of both must be there. */
void enc_set(struct enc *c, const struct uidset *set, uint32_t open_from);
/* As many members behind *from (0 to begin) as fit in max_octets, at least one range; *from is moved. The open range goes
 * with the last part. Returns true when members are left. */
bool enc_set_part(struct enc *c, const struct uidset *set, uint32_t *from, uint32_t open_from,
	size_t max_octets);
/* What FETCH items are good for only when the server offers it. */
enum enc_fetch_need {
	ENC_NEEDS_BINARY = 1 << 0,   /* BINARY (RFC 3516), or IMAP4rev2 */
	ENC_NEEDS_PREVIEW = 1 << 1,  /* PREVIEW (RFC 8970) */
	ENC_NEEDS_SAVEDATE = 1 << 2, /* SAVEDATE (RFC 8514) */
	ENC_NEEDS_OBJECTID = 1 << 3, /* OBJECTID (RFC 8474) */
	ENC_NEEDS_GMAIL = 1 << 4,    /* X-GM-EXT-1 */
	ENC_NEEDS_NUMBER64 =
		1 << 5, /* IMAP4rev2: a partial range beyond 32 bits (RFC 9051 appendix D) */
};
/*
 * FETCH items as the caller wrote them, checked and written again: names, optional [section] with its part numbers and
 * header lists, optional <offset.count>, macros ALL FULL FAST, PREVIEW with (LAZY) behind it, separated by spaces, with
 * or without outer parentheses; no others inside (RFC 9051 section 9: fetch-att is no list).
 * peek_only: E_INVALID for BODY[...], RFC822, RFC822.TEXT and BINARY[...], which set \Seen.
 * Returns ENC_NEEDS_*.
 */
unsigned enc_fetch_items(struct enc *c, struct slice items, bool peek_only);

/* 0, or -1: the first error, or a line longer than IMAP_COMMAND_ABSOLUTE_MAX. */
int enc_check(const struct enc *c, struct err *e) NODISCARD;

#endif

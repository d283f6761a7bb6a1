/* SPDX-License-Identifier: MIT */
/*
 * token.h -- the few rules of the grammar that the lexer and the response parser must read in the same
 * way: how a line begins, where a quoted string ends, what a literal marker is, and which FETCH items carry
 * a body. Pure functions on borrowed bytes.
 */
#ifndef CORE_IMAP_TOKEN_H
#define CORE_IMAP_TOKEN_H

#include "core/base/buf.h"

enum line_type {
	LINE_DATA,     /* "* ..." with values, maybe with literals */
	LINE_STATUS,   /* "* OK ..." and its like, or "[...]" alone: ends in free text */
	LINE_CONTINUE, /* "+ ..." */
	LINE_OTHER,    /* a tagged response, or anything else */
};

struct line_head {
	enum line_type type;
	struct slice
		number; /* the word before the name when it begins with a digit ("23", "9.3e+06") */
	struct slice name; /* of LINE_DATA and LINE_STATUS; may be empty */
	size_t rest;	   /* where in the line the part behind the name begins */
};

/* Only the beginning of a line is looked at: at most its first two words. */
struct line_head token_line(struct slice line);
/* OK, NO, BAD, BYE, PREAUTH, in any case. */
bool token_is_condition(struct slice word);
/* FETCH or UIDFETCH (RFC 9586) with a number before it. */
bool token_is_fetch(const struct line_head *h);

/* From i on to the first octet that is (or is not) a space; n at the end. */
size_t token_skip_spaces(struct slice s, size_t i);
size_t token_word_end(struct slice s, size_t i);
/* Without spaces, CR and LF at the end. */
struct slice token_trim_end(struct slice s);

/*
 * i is just behind an opening quote: the place of the closing one. Without one: the place of the line
 * feed or the end of s. Servers exist that do not escape a quote inside (quirk Q48), so a quote closes
 * only when what follows can follow a string: a space, parenthesis, quote, line end or the end.
 */
size_t token_quote_end(struct slice s, size_t i);

/* RFC 9051 section 9, literal and literal8, with number64: the size fits 63 bits. */
#define TOKEN_LITERAL_SIZE_MAX INT64_MAX
/* s.p[at] is '{', or '~' before it. True when a marker with its line end stands there; *after is the
 * place behind the line end. */
bool token_literal(struct slice s, size_t at, uint64_t *size, size_t *after);

/* The section brackets of BODY[...] and BINARY[...] may hold spaces, parentheses and quoted strings: is this the
 * part of an item name that stands before such a bracket? BODY.PEEK is what some servers echo. */
bool token_opens_section(struct slice word);
/* Is this the complete name of an item whose value is the body or a part of it? *section: what stands
 * between the brackets; "", "TEXT" and "HEADER" for RFC822, RFC822.TEXT and RFC822.HEADER. */
bool token_body_item(struct slice name, struct slice *section);

#endif

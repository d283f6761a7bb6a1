/* SPDX-License-Identifier: MIT */
/*
 * text.h -- the one way by which text from outside (server, headers, file names) reaches a
 * terminal, a log or JSON; and UTF-8 helpers.
 */
#ifndef CORE_BASE_TEXT_H
#define CORE_BASE_TEXT_H

#include "core/base/buf.h"

/* At most this many bytes of one outside text are shown. */
#define TEXT_SHOWN_MAX 512

/*
 * Append `in` so that it is safe to print: well-formed printable UTF-8 stays; C0, DEL, C1 controls,
 * bidi controls (U+202A-202E, U+2066-2069), line and paragraph separators, U+FEFF and
 * non-characters become \u{XX}; bytes that are not UTF-8 become \xNN; a backslash stays a
 * backslash. Output longer than TEXT_SHOWN_MAX bytes is cut so that, with "..." at the end, it
 * keeps to that; never within a character or an escape. Escaping twice changes nothing more.
 */
int text_escape(struct buf *out, struct slice in);

/* Same, into a fixed array (size >= 8); returns dst. For use inside printf arguments. */
const char *text_show(char *dst, size_t size, struct slice in);
#define TEXT_SHOW_SIZE (TEXT_SHOWN_MAX + 8)

/* As text_show, cut by the array alone: for a whole line of which we wrote most. */
const char *text_show_line(char *dst, size_t size, struct slice in);

/* Append a JSON string literal with its quotes (RFC 8259 section 7). Not cut. Bytes that are not
 * UTF-8 become U+FFFD; what text_escape() would not show becomes \uXXXX, for JSON is looked at on
 * terminals too. */
int text_json(struct buf *out, struct slice in);

/* Length in bytes (1-4) of the well-formed UTF-8 sequence at the start of s, and its code point;
 * 0 when s does not start with one (RFC 3629: no overlong forms, no surrogates, <= U+10FFFF). */
size_t utf8_next(struct slice s, uint32_t *cp);
bool utf8_valid(struct slice s);
/* Append cp as UTF-8. cp must be a Unicode scalar value. */
int utf8_add(struct buf *out, uint32_t cp);
/* Terminal columns of a code point: 0 for combining marks, 2 for wide CJK and emoji, else 1. */
int utf8_columns(uint32_t cp);
/* Terminal columns of text (already escaped). */
size_t text_columns(struct slice s);

#endif

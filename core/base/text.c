/* SPDX-License-Identifier: MIT */
/*
 * text.c -- UTF-8, and making text from outside safe to show. One predicate, is_unsafe(), decides
 * for terminals, logs and JSON alike.
 */
#include "core/base/text.h"

#include <stdio.h>
#include <string.h>

/* The longest escape of one character: \u{10FFFF}. */
#define ESCAPE_MAX 10

static const char dots[] = "...";
#define DOTS_LEN (sizeof dots - 1)

/* RFC 3629 section 4. The second byte has a narrower range after E0, ED, F0 and F4. */
size_t utf8_next(struct slice s, uint32_t *cp)
{
	if (s.n == 0)
		return 0;
	unsigned char c = s.p[0];
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
	if (c < 0xC2 || c > 0xF4 || s.n < n)
		return 0;
	unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
	unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
	if (s.p[1] < low || s.p[1] > high)
		return 0;
	uint32_t v = n == 2 ? c & 0x1Fu : n == 3 ? c & 0x0Fu : c & 0x07u;
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xC0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3Fu);
	}
	*cp = v;
	return n;
}

bool utf8_valid(struct slice s)
{
	uint32_t cp;
	while (s.n > 0) {
		size_t n = utf8_next(s, &cp);
		if (n == 0)
			return false;
		s = slice_of(s.p + n, s.n - n);
	}
	return true;
}

int utf8_add(struct buf *out, uint32_t cp)
{
	unsigned char c[4];
	size_t n;
	if (cp < 0x80) {
		c[0] = (unsigned char)cp;
		n = 1;
	} else if (cp < 0x800) {
		c[0] = (unsigned char)(0xC0 | cp >> 6);
		n = 2;
	} else if (cp < 0x10000) {
		c[0] = (unsigned char)(0xE0 | cp >> 12);
		n = 3;
	} else {
		c[0] = (unsigned char)(0xF0 | cp >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		c[i] = (unsigned char)(0x80 | (cp >> 6 * (n - 1 - i) & 0x3F));
	return buf_add(out, c, n);
}

/* Characters that act on a terminal, reorder or break a line, or are no characters at all. */
static bool is_unsafe(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || (cp >= 0x202A && cp <= 0x202E) ||
		(cp >= 0x2066 && cp <= 0x2069) || cp == 0x2028 || cp == 0x2029 || cp == 0xFEFF ||
		(cp >= 0xFDD0 && cp <= 0xFDEF) || (cp & 0xFFFE) == 0xFFFE;
}

/* Take one character (or one stray byte) off *in; returns the length of its shown form. */
static size_t show_next(struct slice *in, char to[ESCAPE_MAX + 1])
{
	uint32_t cp;
	size_t n = utf8_next(*in, &cp), len;
	if (n == 0) {
		len = (size_t)snprintf(to, ESCAPE_MAX + 1, "\\x%02X", (unsigned)in->p[0]);
		n = 1;
	} else if (is_unsafe(cp)) {
		len = (size_t)snprintf(to, ESCAPE_MAX + 1, "\\u{%X}", (unsigned)cp);
	} else {
		memcpy(to, in->p, n);
		len = n;
	}
	*in = slice_of(in->p + n, in->n - n);
	return len;
}

/* Writes at most `limit` (>= DOTS_LEN) bytes, without NUL: the whole text, or as many whole
 * characters and escapes as leave room for the dots. */
static size_t show(char *dst, size_t limit, struct slice in)
{
	size_t len = 0, cut = 0;
	while (in.n > 0) {
		char one[ESCAPE_MAX + 1];
		size_t n = show_next(&in, one);
		if (n > limit - len) {
			memcpy(dst + cut, dots, DOTS_LEN);
			return cut + DOTS_LEN;
		}
		memcpy(dst + len, one, n);
		len += n;
		if (len <= limit - DOTS_LEN)
			cut = len;
	}
	return len;
}

int text_escape(struct buf *out, struct slice in)
{
	char shown[TEXT_SHOWN_MAX];
	return buf_add(out, shown, show(shown, sizeof shown, in));
}

const char *text_show(char *dst, size_t size, struct slice in)
{
	size_t limit = size - 1 < TEXT_SHOWN_MAX ? size - 1 : TEXT_SHOWN_MAX;
	dst[show(dst, limit, in)] = '\0';
	return dst;
}

const char *text_show_line(char *dst, size_t size, struct slice in)
{
	dst[show(dst, size - 1, in)] = '\0';
	return dst;
}

static void json_unit(struct buf *out, uint32_t unit)
{
	buf_addf(out, "\\u%04x", (unsigned)unit);
}

static void json_char(struct buf *out, uint32_t cp, struct slice bytes)
{
	static const char named[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\";
	const char *at = cp != 0 && cp < 0x80 ? strchr(named, (int)cp) : NULL;
	if (at != NULL) {
		buf_add_byte(out, '\\');
		buf_add_byte(out, (unsigned char)letter[at - named]);
	} else if (!is_unsafe(cp)) {
		buf_add_slice(out, bytes);
	} else if (cp < 0x10000) {
		json_unit(out, cp);
	} else {
		json_unit(out, 0xD800 + ((cp - 0x10000) >> 10));
		json_unit(out, 0xDC00 + ((cp - 0x10000) & 0x3FF));
	}
}

int text_json(struct buf *out, struct slice in)
{
	buf_add_byte(out, '"');
	while (in.n > 0) {
		uint32_t cp;
		size_t n = utf8_next(in, &cp);
		if (n == 0) {
			utf8_add(out, 0xFFFD);
			n = 1;
		} else {
			json_char(out, cp, slice_of(in.p, n));
		}
		in = slice_of(in.p + n, in.n - n);
	}
	return buf_add_byte(out, '"');
}

size_t text_columns(struct slice s)
{
	size_t columns = 0;
	while (s.n > 0) {
		uint32_t cp;
		size_t n = utf8_next(s, &cp);
		columns += n == 0 ? 1 : (size_t)utf8_columns(cp);
		if (n == 0)
			n = 1;
		s = slice_of(s.p + n, s.n - n);
	}
	return columns;
}

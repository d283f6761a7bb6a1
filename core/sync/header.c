/* SPDX-License-Identifier: MIT */
/* header.c -- see header.h. */
#include "core/sync/header.h"

#include <string.h>

#include "core/base/rfc2047.h"

/* ---- reading -------------------------------------------------------------------------------- */

/* The header ends behind its first empty line; 0 while that has not come. */
static size_t header_end(struct slice s, size_t from)
{
	for (size_t i = from; i < s.n; i++) {
		if (s.p[i] != '\n')
			continue;
		bool empty = i == 0 || s.p[i - 1] == '\n' ||
			(s.p[i - 1] == '\r' && (i == 1 || s.p[i - 2] == '\n'));
		if (empty)
			return i + 1;
	}
	return 0;
}

static int take(void *ctx, const void *p, size_t n)
{
	struct buf *out = ctx;
	size_t had = out->len, room = HEADER_MAX - had;
	if (buf_add(out, p, n < room ? n : room) != 0)
		return 1;
	size_t end = header_end(buf_slice(out), had);
	if (end > 0)
		buf_truncate(out, end);
	return end > 0 || out->len == HEADER_MAX;
}

int header_read(struct store *s, int64_t generation, uint32_t uid, struct buf *out, struct err *e)
{
	buf_clear(out);
	if (store_message_read(s, generation, uid, take, out, e) < 0)
		return -1;
	return buf_check(out, "a header", e);
}

/* ---- fields --------------------------------------------------------------------------------- */

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static bool equal_fold(const unsigned char *a, const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* The end of the field that begins at `at`: behind the line end that no blank follows. */
static size_t field_end(struct slice h, size_t at)
{
	while (at < h.n) {
		const unsigned char *lf = memchr(h.p + at, '\n', h.n - at);
		at = lf != NULL ? (size_t)(lf - h.p) + 1 : h.n;
		if (at >= h.n || !is_blank(h.p[at]))
			break;
	}
	return at;
}

/* Unfolding takes line ends away and leaves the blanks behind them (RFC 5322 section 2.2.3). */
static void unfold(struct slice body, struct buf *value)
{
	buf_clear(value);
	while (body.n > 0 && (is_blank(body.p[0]) || body.p[0] == '\r' || body.p[0] == '\n'))
		body = slice_of(body.p + 1, body.n - 1);
	for (size_t i = 0; i < body.n; i++)
		if (body.p[i] != '\n' &&
			!(body.p[i] == '\r' && i + 1 < body.n && body.p[i + 1] == '\n'))
			buf_add_byte(value, body.p[i]);
	while (value->len > 0 &&
		(is_blank(value->data[value->len - 1]) || value->data[value->len - 1] == '\r'))
		buf_truncate(value, value->len - 1);
}

bool header_field(struct slice h, struct slice name, size_t *at, struct buf *value)
{
	while (*at < h.n) {
		size_t start = *at, end = field_end(h, start), colon = start + name.n;
		*at = end;
		if (colon >= end || !equal_fold(h.p + start, name.p, name.n))
			continue;
		/* RFC 5322 section 4.5: old mail has blanks before the colon. */
		while (colon < end && is_blank(h.p[colon]))
			colon++;
		if (colon >= end || h.p[colon] != ':')
			continue;
		unfold(slice_of(h.p + colon + 1, end - colon - 1), value);
		return true;
	}
	return false;
}

void header_text(struct slice h, const char *name, struct buf *out)
{
	struct buf raw = BUF_INIT(HEADER_MAX);
	size_t at = 0;
	buf_clear(out);
	if (header_field(h, slice_str(name), &at, &raw))
		rfc2047_decode(out, buf_slice(&raw));
	buf_release(&raw);
}

bool text_contains(struct slice text, struct slice needle)
{
	for (size_t i = 0; needle.n <= text.n && i <= text.n - needle.n; i++)
		if (equal_fold(text.p + i, needle.p, needle.n))
			return true;
	return false;
}

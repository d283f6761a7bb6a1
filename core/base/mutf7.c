/* SPDX-License-Identifier: MIT */
/*
 * mutf7.c -- mailbox names: modified UTF-7 (RFC 3501 section 5.1.3).
 *
 * Only the canonical form is accepted when decoding. A name that decodes is therefore encoded
 * back to the very same bytes, and two names on the wire never become one name on disk.
 */
#include "core/base/hash.h"
#include "core/base/mail.h"
#include "core/base/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* The octets that represent themselves, and '&', which has a form of its own. */
static bool is_printable(uint32_t c)
{
	return c >= 0x20 && c <= 0x7E;
}

/* RFC 3501 section 5.1.3: "," stands in for "/". */
static int modified_digit(unsigned char c)
{
	return c == ',' ? 63 : c == '/' ? -1 : base64_digit(c);
}

/* Add one UTF-16 unit; *high holds a high surrogate that waits for its other half, or 0. */
static bool add_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	bool is_high = unit >= 0xD800 && unit <= 0xDBFF, is_low = unit >= 0xDC00 && unit <= 0xDFFF;
	if (is_low != (*high != 0) || is_printable(unit))
		return false;
	if (is_high) {
		*high = unit;
		return true;
	}
	if (is_low)
		unit = 0x10000 + ((*high - 0xD800) << 10) + (unit - 0xDC00);
	*high = 0;
	return utf8_add(out, unit) == 0;
}

/* The part after '&', up to and with '-'; *at moves behind it. */
static bool decode_base64(struct slice wire, size_t *at, struct buf *out)
{
	uint32_t bits = 0, high = 0;
	unsigned held = 0; /* bits of `bits` not used yet */
	for (; *at < wire.n && wire.p[*at] != '-'; ++*at) {
		int v = modified_digit(wire.p[*at]);
		if (v < 0)
			return false;
		bits = (bits << 6 | (uint32_t)v) & 0x3FFFFF;
		held += 6;
		if (held < 16)
			continue;
		held -= 16;
		if (!add_unit(out, bits >> held & 0xFFFF, &high))
			return false;
	}
	/* Ended by '-', with nothing but zero bits of filling, and fewer than one digit of them. */
	if (*at == wire.n || high != 0 || held >= 6 || (bits & ((1u << held) - 1)) != 0)
		return false;
	++*at;
	return true;
}

static bool decode(struct slice wire, struct buf *out)
{
	bool after_base64 = false;
	size_t at = 0;
	while (at < wire.n) {
		unsigned char c = wire.p[at++];
		if (!is_printable(c))
			return false;
		if (c != '&') {
			if (buf_add_byte(out, c) != 0)
				return false;
			after_base64 = false;
		} else if (at < wire.n && wire.p[at] == '-') {
			at++;
			if (buf_add_byte(out, '&') != 0)
				return false;
			after_base64 = false;
		} else {
			/* Two shifts in a row are one shift too many ("&U,BTFw-&ZeVnLIqe-"). */
			if (after_base64 || !decode_base64(wire, &at, out))
				return false;
			after_base64 = true;
		}
	}
	return true;
}

bool mutf7_decode(struct slice wire, struct buf *out)
{
	size_t start = out->len;
	if (out->failed == E_NONE && decode(wire, out))
		return true;
	buf_truncate(out, start);
	return false;
}

struct encoder {
	struct buf *out;
	bool shifted;
	uint32_t bits;
	unsigned held; /* bits not written yet, < 6 between units */
};

static void put_unit(struct encoder *m, uint32_t unit)
{
	m->bits = (m->bits << 16 | unit) & 0x3FFFFF;
	for (m->held += 16; m->held >= 6;) {
		m->held -= 6;
		buf_add_byte(m->out, (unsigned char)alphabet[m->bits >> m->held & 63]);
	}
}

static void shift_out(struct encoder *m)
{
	if (!m->shifted)
		return;
	if (m->held > 0)
		buf_add_byte(m->out, (unsigned char)alphabet[m->bits << (6 - m->held) & 63]);
	buf_add_byte(m->out, '-');
	m->shifted = false;
	m->bits = 0;
	m->held = 0;
}

static void put_char(struct encoder *m, uint32_t cp)
{
	if (is_printable(cp)) {
		shift_out(m);
		buf_add_byte(m->out, (unsigned char)cp);
		if (cp == '&')
			buf_add_byte(m->out, '-');
		return;
	}
	if (!m->shifted)
		buf_add_byte(m->out, '&');
	m->shifted = true;
	if (cp >= 0x10000) {
		put_unit(m, 0xD800 + ((cp - 0x10000) >> 10));
		put_unit(m, 0xDC00 + ((cp - 0x10000) & 0x3FF));
	} else {
		put_unit(m, cp);
	}
}

bool mutf7_encode(struct slice utf8, struct buf *out)
{
	size_t start = out->len;
	struct encoder m = {out, false, 0, 0};
	while (utf8.n > 0) {
		uint32_t cp;
		size_t n = utf8_next(utf8, &cp);
		if (n == 0)
			break;
		put_char(&m, cp);
		utf8 = slice_of(utf8.p + n, utf8.n - n);
	}
	shift_out(&m);
	if (utf8.n == 0 && out->failed == E_NONE)
		return true;
	buf_truncate(out, start);
	return false;
}

bool mailbox_is_inbox(struct slice wire)
{
	return slice_ieq_str(wire, "INBOX");
}

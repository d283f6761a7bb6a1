/* SPDX-License-Identifier: MIT */
/*
 * codec.c -- hexadecimal and base64 (RFC 4648). Written out here because decoding has to be strict:
 * OpenSSL's decoder skips white space and counts padding as data.
 */
#include "core/base/buf.h"
#include "core/base/hash.h"

static const char hex_digits[] = "0123456789abcdef";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_format(const unsigned char *p, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_digits[p[i] >> 4];
		out[2 * i + 1] = hex_digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_parse(const char *s, size_t n, unsigned char *out)
{
	for (size_t i = 0; i < n; i++) {
		int high = hex_value(s[2 * i]);
		int low = high < 0 ? -1 : hex_value(s[2 * i + 1]);
		if (low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return s[2 * n] == '\0';
}

int base64_encode(struct buf *out, const void *p, size_t n)
{
	const unsigned char *s = p;
	while (n > 0) {
		size_t take = n < 3 ? n : 3;
		uint32_t v = (uint32_t)s[0] << 16;
		if (take > 1)
			v |= (uint32_t)s[1] << 8;
		if (take > 2)
			v |= s[2];
		unsigned char four[4] = {(unsigned char)alphabet[v >> 18],
			(unsigned char)alphabet[v >> 12 & 63],
			(unsigned char)(take > 1 ? alphabet[v >> 6 & 63] : '='),
			(unsigned char)(take > 2 ? alphabet[v & 63] : '=')};
		buf_add(out, four, sizeof four);
		s += take;
		n -= take;
	}
	return out->failed == E_NONE ? 0 : -1;
}

int base64_digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four; only the last of a text may be padded. */
static bool decode_four(struct buf *out, const unsigned char *s, bool last)
{
	size_t digits = 4;
	if (last && s[3] == '=')
		digits = s[2] == '=' ? 2 : 3;
	uint32_t v = 0;
	for (size_t i = 0; i < 4; i++) {
		int digit = i < digits ? base64_digit(s[i]) : 0;
		if (digit < 0)
			return false;
		v = v << 6 | (uint32_t)digit;
	}
	unsigned char three[3] = {
		(unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v};
	/* RFC 4648 section 3.5: bits that the padding cuts off must be zero. */
	for (size_t i = digits - 1; i < 3; i++)
		if (three[i] != 0)
			return false;
	return buf_add(out, three, digits - 1) == 0;
}

bool base64_decode(struct buf *out, const void *p, size_t n)
{
	const unsigned char *s = p;
	size_t start = out->len;
	if (n % 4 != 0 || out->failed != E_NONE)
		return false;
	for (size_t i = 0; i < n; i += 4) {
		if (!decode_four(out, s + i, i + 4 == n)) {
			buf_truncate(out, start);
			return false;
		}
	}
	return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * rfc2047.c -- see rfc2047.h. Written out instead of taking a MIME library: this is all of MIME
 * that showing a list of messages needs, and the charsets are libc's.
 *
 * Charset names come from strangers' mail and make libc load a converter, so only names of charsets
 * that mail is written in are passed on.
 */
#include "core/base/rfc2047.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/text.h"

struct word {
	struct slice charset, text;
	bool base64;
	size_t n; /* bytes of the whole word */
};

/* Encoded words in a row that share a charset are converted together. */
struct pending {
	struct slice charset;
	struct slice source; /* from the first word to the end of the last one */
	struct buf raw;	     /* bytes in that charset */
};

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool same_charset(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

/* ---- charsets ------------------------------------------------------------------------------- */

static bool is_utf8(struct slice charset)
{
	/* US-ASCII is a part of it, and what claims to be US-ASCII but is not is most often UTF-8.
	 */
	return slice_ieq_str(charset, "utf-8") || slice_ieq_str(charset, "utf8") ||
		slice_ieq_str(charset, "us-ascii") || slice_ieq_str(charset, "ascii");
}

static bool is_charset_of_mail(struct slice charset)
{
	static const char *const beginnings[] = {"iso-8859-", "iso8859-", "latin", "windows-",
		"cp125", "cp437", "cp85", "cp866", "cp874", "cp93", "cp94", "ibm437", "ibm85",
		"ibm866", "koi8-", "iso-2022-jp", "iso-2022-kr", "euc-", "eucjp", "euckr",
		"shift_jis", "shift-jis", "sjis", "gb2312", "gbk", "gb18030", "hz-gb", "big5",
		"tis-620", "ks_c_5601", "macintosh", "utf-7", "utf-16", "viscii"};
	for (size_t i = 0; i < charset.n; i++) {
		unsigned char c = lower(charset.p[i]);
		/* '/' would begin options of the converter. */
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
		if (slice_starts_istr(charset, beginnings[i]))
			return true;
	return is_utf8(charset);
}

static void add_utf8(struct buf *out, struct slice s)
{
	while (s.n > 0) {
		uint32_t cp;
		size_t n = utf8_next(s, &cp);
		if (n > 0)
			buf_add(out, s.p, n);
		else
			utf8_add(out, 0xFFFD);
		n = n > 0 ? n : 1;
		s = slice_of(s.p + n, s.n - n);
	}
}

/* Convert everything; bytes that mean nothing become U+FFFD one by one. */
static void convert(struct buf *out, iconv_t cd, struct buf *raw)
{
	char *in = (char *)raw->data;
	size_t left = raw->len;
	for (bool last = left == 0; out->failed == E_NONE;) {
		char chunk[512], *to = chunk;
		size_t room = sizeof chunk;
		/* Without input: what a stateful charset still holds. */
		size_t rc = iconv(cd, last ? NULL : &in, last ? NULL : &left, &to, &room);
		int error = errno;
		buf_add(out, chunk, sizeof chunk - room);
		if (rc != (size_t)-1) {
			if (last)
				return;
			last = true;
		} else if (error == E2BIG && room < sizeof chunk) {
			continue;
		} else if (last || left == 0) {
			return;
		} else {
			utf8_add(out, 0xFFFD);
			in++;
			left--;
			last = left == 0;
		}
	}
}

static void flush(struct buf *out, struct pending *p)
{
	char name[RFC2047_CHARSET_MAX + 1];
	if (p->source.n == 0)
		return;
	if (p->raw.failed != E_NONE) {
		buf_add_slice(out, p->source);
	} else if (is_utf8(p->charset)) {
		add_utf8(out, buf_slice(&p->raw));
	} else {
		memcpy(name, p->charset.p, p->charset.n);
		name[p->charset.n] = '\0';
		/* Mail that says GB2312 uses characters of its supersets as well. */
		iconv_t cd =
			iconv_open("UTF-8", slice_ieq_str(p->charset, "gb2312") ? "GB18030" : name);
		if (cd == (iconv_t)-1) {
			buf_add_slice(out, p->source);
		} else {
			convert(out, cd, &p->raw);
			iconv_close(cd);
		}
	}
	p->source = SLICE_NONE;
	buf_clear(&p->raw);
}

/* ---- words ---------------------------------------------------------------------------------- */

static size_t find_byte(struct slice s, size_t from, unsigned char c)
{
	const unsigned char *at = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;
	return at != NULL ? (size_t)(at - s.p) : s.n;
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" */
static bool parse_word(struct slice s, struct word *w)
{
	if (s.n < 2 || s.p[0] != '=' || s.p[1] != '?')
		return false;
	if (s.n > RFC2047_WORD_MAX)
		s.n = RFC2047_WORD_MAX;
	size_t end = find_byte(s, 2, '?');
	if (end + 2 >= s.n || s.p[end + 2] != '?')
		return false;
	size_t name = find_byte(slice_of(s.p, end), 2, '*');
	w->charset = slice_of(s.p + 2, name - 2);
	if (w->charset.n == 0 || w->charset.n > RFC2047_CHARSET_MAX ||
		!is_charset_of_mail(w->charset))
		return false;
	unsigned char encoding = lower(s.p[end + 1]);
	if (encoding != 'b' && encoding != 'q')
		return false;
	w->base64 = encoding == 'b';
	size_t text = end + 3, stop = text;
	while (stop + 1 < s.n && (s.p[stop] != '?' || s.p[stop + 1] != '='))
		stop++;
	if (stop + 1 >= s.n)
		return false;
	w->text = slice_of(s.p + text, stop - text);
	w->n = stop + 2;
	return true;
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2047 section 4.2; an '=' without two digits stands for itself. */
static void add_q(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '=' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
		if (low >= 0) {
			buf_add_byte(out, (unsigned char)(high << 4 | low));
			i += 2;
		} else {
			buf_add_byte(out, s.p[i] == '_' ? ' ' : s.p[i]);
		}
	}
}

/* Whatever is there up to the padding; other characters are skipped (RFC 2045 section 6.8). */
static void add_b(struct buf *out, struct slice s)
{
	uint32_t bits = 0;
	unsigned have = 0;
	for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
		int digit = base64_digit(s.p[i]);
		if (digit < 0)
			continue;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_add_byte(out, (unsigned char)(bits >> have & 0xFF));
		}
	}
}

static void add_word(
	struct buf *out, struct pending *p, const struct word *w, const unsigned char *at)
{
	if (p->source.n > 0 && !same_charset(p->charset, w->charset))
		flush(out, p);
	if (p->source.n == 0) {
		p->charset = w->charset;
		p->source.p = at;
	}
	p->source.n = (size_t)(at + w->n - p->source.p);
	if (w->base64)
		add_b(&p->raw, w->text);
	else
		add_q(&p->raw, w->text);
}

int rfc2047_decode(struct buf *out, struct slice in)
{
	/* Decoding never makes text longer, before it is converted. */
	struct pending p = {SLICE_NONE, SLICE_NONE, BUF_INIT(in.n)};
	struct slice gap = SLICE_NONE; /* white space since the last word */
	bool after_word = false;
	while (in.n > 0) {
		struct word w;
		size_t n = 1;
		if (parse_word(in, &w)) {
			add_word(out, &p, &w, in.p);
			gap = SLICE_NONE;
			after_word = true;
			n = w.n;
		} else if (after_word && is_blank(in.p[0])) {
			if (gap.n++ == 0)
				gap.p = in.p;
		} else {
			flush(out, &p);
			buf_add_slice(out, gap);
			gap = SLICE_NONE;
			after_word = false;
			buf_add_byte(out, in.p[0]);
		}
		in = slice_of(in.p + n, in.n - n);
	}
	flush(out, &p);
	buf_add_slice(out, gap);
	buf_release(&p.raw);
	return out->failed == E_NONE ? 0 : -1;
}

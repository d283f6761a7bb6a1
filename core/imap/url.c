/* SPDX-License-Identifier: MIT */
/*
 * url.c -- imap URLs (RFC 5092 section 11), as they come in referrals. A pure function: text in, parts out.
 *
 * Strict where it decides with whom a client would talk: no character may stand where the grammar has none, so that
 * "imap://good.example@evil.example/" is read by everybody as the same host.
 */
#include "core/imap/imap4.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mail.h"
#include "core/base/text.h"

#define URL_MAX	     65536
#define DEFAULT_PORT 143

/* What is read, and the view that the caller gets in front. */
struct url {
	imap4_url view;
	char *mailbox;
};

void imap4_url_free(imap4_url *view)
{
	struct url *u = (struct url *)view;
	if (u == NULL)
		return;
	const char *const owned[] = {view->user, view->auth, view->host, view->section,
		view->search, view->expire, view->urlauth, u->mailbox};
	for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
		free((void *)(uintptr_t)owned[i]);
	free(u);
}

/* ---- characters -------------------------------------------------------------------------------------- */

static bool is_alphanumeric(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* '%' begins pct-encoded, which decode() looks at. */
static bool is_achar(unsigned char c)
{
	return is_alphanumeric(c) || (c != '\0' && strchr("-._~!$'()*+,&=%", c) != NULL);
}

static bool is_bchar(unsigned char c)
{
	return is_achar(c) || c == ':' || c == '@' || c == '/';
}

static int hex(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What a decoded part may hold: UTF-8 without controls, or octets of any charset and lines (a search with literals). */
enum allow { ALLOW_TEXT, ALLOW_OCTETS };

static bool is_allowed(unsigned char c, enum allow allow)
{
	if (c == '\0')
		return false;
	return allow == ALLOW_OCTETS || (c >= ' ' && c != 0x7f);
}

/* One or more octets of `ok`, decoded. IMAP4_E_ARG, IMAP4_E_NOMEM. */
static imap4_err decode(
	struct slice s, bool (*ok)(unsigned char), enum allow allow, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];
		if (!ok(c))
			return IMAP4_E_ARG;
		if (c == '%') {
			int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
			int low = high >= 0 ? hex(s.p[i + 2]) : -1;
			if (low < 0)
				return IMAP4_E_ARG;
			c = (unsigned char)(high * 16 + low);
			i += 2;
		}
		if (!is_allowed(c, allow))
			return IMAP4_E_ARG;
		(void)buf_add_byte(out, c);
	}
	if (out->failed != E_NONE)
		return IMAP4_E_NOMEM;
	bool valid = allow == ALLOW_OCTETS || utf8_valid(buf_slice(out));
	return s.n > 0 && valid ? IMAP4_OK : IMAP4_E_ARG;
}

static imap4_err take(struct buf *b, const char **out)
{
	*out = buf_take(b);
	return *out != NULL ? IMAP4_OK : IMAP4_E_NOMEM;
}

static imap4_err decode_text(
	struct slice s, bool (*ok)(unsigned char), enum allow allow, const char **out)
{
	struct buf b = BUF_INIT(URL_MAX);
	imap4_err r = decode(s, ok, allow, &b);
	if (r == IMAP4_OK)
		r = take(&b, out);
	buf_release(&b);
	return r;
}

/* A part that is kept as it stands. */
static imap4_err copy(struct slice s, const char **out)
{
	struct buf b = BUF_INIT(URL_MAX);
	for (size_t i = 0; i < s.n; i++)
		if (!is_bchar(s.p[i]))
			return IMAP4_E_ARG;
	(void)buf_add_slice(&b, s);
	imap4_err r = s.n > 0 ? take(&b, out) : IMAP4_E_ARG;
	buf_release(&b);
	return r;
}

/* ---- iserver ----------------------------------------------------------------------------------------- */

static struct slice rest_from(struct slice s, size_t at)
{
	return slice_of(s.p + at, s.n - at);
}

/* The place of the first `c`, or s.n. */
static size_t find(struct slice s, unsigned char c)
{
	const unsigned char *p = s.n > 0 ? memchr(s.p, c, s.n) : NULL;
	return p != NULL ? (size_t)(p - s.p) : s.n;
}

/* iuserinfo = enc-user [iauth] / [enc-user] iauth */
static imap4_err read_user(struct slice s, imap4_url *u)
{
	size_t n = find(s, ';');
	imap4_err r = IMAP4_OK;
	if (n > 0)
		r = decode_text(slice_of(s.p, n), is_achar, ALLOW_TEXT, &u->user);
	if (r != IMAP4_OK || n == s.n)
		return n > 0 ? r : IMAP4_E_ARG;
	if (!slice_starts_istr(rest_from(s, n), ";AUTH="))
		return IMAP4_E_ARG;
	return decode_text(rest_from(s, n + strlen(";AUTH=")), is_achar, ALLOW_TEXT, &u->auth);
}

/* Letters, digits, hyphens, dots, and the octets of other scripts: no host has more. */
static bool is_host(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = s.p[i];
		if (!is_alphanumeric(c) && c < 0x80 && c != '-' && c != '.' && c != '_')
			return false;
	}
	return s.n > 0;
}

/* IP-literal without its brackets */
static imap4_err read_literal_host(struct slice s, imap4_url *u)
{
	struct buf b = BUF_INIT(URL_MAX);
	for (size_t i = 0; i < s.n; i++)
		if (hex(s.p[i]) < 0 && s.p[i] != ':' && s.p[i] != '.')
			return IMAP4_E_ARG;
	if (s.n == 0)
		return IMAP4_E_ARG;
	(void)buf_add_slice(&b, s);
	imap4_err r = take(&b, &u->host);
	buf_release(&b);
	return r;
}

static imap4_err read_port(struct slice s, imap4_url *u)
{
	uint64_t port = DEFAULT_PORT;
	if (s.n > 1 && (!slice_u64(rest_from(s, 1), UINT16_MAX, &port) || port == 0))
		return IMAP4_E_ARG;
	if (s.n > 0 && s.p[0] != ':')
		return IMAP4_E_ARG;
	u->port = (uint16_t)port;
	return IMAP4_OK;
}

static imap4_err read_server(struct slice s, imap4_url *u)
{
	size_t at = find(s, '@');
	if (at < s.n) {
		imap4_err r = read_user(slice_of(s.p, at), u);
		if (r != IMAP4_OK)
			return r;
		s = rest_from(s, at + 1);
	}
	bool literal = s.n > 0 && s.p[0] == '[';
	size_t end = find(s, literal ? ']' : ':');
	if (literal && end == s.n)
		return IMAP4_E_ARG;
	imap4_err r = literal ? read_literal_host(slice_of(s.p + 1, end - 1), u)
			      : decode_text(slice_of(s.p, end), is_achar, ALLOW_TEXT, &u->host);
	if (r != IMAP4_OK)
		return r;
	if (!literal && !is_host(slice_str(u->host)))
		return IMAP4_E_ARG;
	return read_port(rest_from(s, end + literal), u);
}

/* ---- icommand ---------------------------------------------------------------------------------------- */

static imap4_err read_mailbox(struct slice s, int utf8_names, struct url *u)
{
	struct buf utf8 = BUF_INIT(URL_MAX), wire = BUF_INIT(4 * (size_t)URL_MAX);
	imap4_err r = decode(s, is_bchar, ALLOW_TEXT, &utf8);
	if (r == IMAP4_OK) {
		bool fits = utf8_names ? buf_add_slice(&wire, buf_slice(&utf8)) == 0
				       : mutf7_encode(buf_slice(&utf8), &wire);
		size_t n = wire.len;
		u->mailbox = fits ? buf_take(&wire) : NULL;
		u->view.mailbox = (imap4_str){u->mailbox, n};
		r = u->mailbox != NULL ? IMAP4_OK : IMAP4_E_NOMEM;
	}
	buf_release(&utf8);
	buf_release(&wire);
	return r;
}

static imap4_err read_number(struct slice s, uint32_t *out)
{
	uint64_t n;
	if (!slice_u64(s, UINT32_MAX, &n) || n == 0)
		return IMAP4_E_ARG;
	*out = (uint32_t)n;
	return IMAP4_OK;
}

/* partial-range = number ["." nz-number] */
static imap4_err read_partial(struct slice s, imap4_url *u)
{
	size_t dot = find(s, '.');
	if (!slice_u64(slice_of(s.p, dot), INT64_MAX, &u->partial_first))
		return IMAP4_E_ARG;
	u->has_partial = 1;
	if (dot == s.n)
		return IMAP4_OK;
	bool ok = slice_u64(rest_from(s, dot + 1), INT64_MAX, &u->partial_count);
	return ok && u->partial_count > 0 ? IMAP4_OK : IMAP4_E_ARG;
}

/* What follows on the mailbox, in this order. `part`: a "/" stands in front. */
enum param { UIDVALIDITY, UID, SECTION, PARTIAL, EXPIRE, URLAUTH, NPARAMS };
static const struct {
	const char *name;
	bool part;
} params[NPARAMS] = {
	[UIDVALIDITY] = {"UIDVALIDITY=", false},
	[UID] = {"UID=", true},
	[SECTION] = {"SECTION=", true},
	[PARTIAL] = {"PARTIAL=", true},
	[EXPIRE] = {"EXPIRE=", false},
	[URLAUTH] = {"URLAUTH=", false},
};

static imap4_err read_value(enum param what, struct slice s, imap4_url *u)
{
	switch (what) {
	case UIDVALIDITY: return read_number(s, &u->uidvalidity);
	case UID: return read_number(s, &u->uid);
	case SECTION: return decode_text(s, is_bchar, ALLOW_TEXT, &u->section);
	case PARTIAL: return read_partial(s, u);
	case EXPIRE: return copy(s, &u->expire);
	case URLAUTH: return copy(s, &u->urlauth);
	case NPARAMS: break;
	}
	return IMAP4_E_ARG;
}

/* s begins behind the ';'. `slash`: a "/" stood in front of it. */
static imap4_err read_params(struct slice s, bool slash, imap4_url *u)
{
	for (size_t i = 0;; i++) {
		while (i < NPARAMS && !slice_starts_istr(s, params[i].name))
			i++;
		if (i >= NPARAMS || params[i].part != slash)
			return IMAP4_E_ARG;
		if (i > UID && u->uid == 0)
			return IMAP4_E_ARG; /* of which message? */
		size_t from = strlen(params[i].name), end = find(s, ';');
		slash = end < s.n && s.p[end - 1] == '/' && i < EXPIRE;
		imap4_err r =
			read_value((enum param)i, slice_of(s.p + from, end - slash - from), u);
		if (r != IMAP4_OK || end == s.n)
			return r;
		s = rest_from(s, end + 1);
	}
}

static imap4_err read_path(struct slice s, int utf8_names, struct url *u)
{
	size_t end = find(s, ';');
	bool slash = end < s.n && end > 0 && s.p[end - 1] == '/';
	imap4_err r = read_mailbox(slice_of(s.p, end - slash), utf8_names, u);
	if (r != IMAP4_OK || end == s.n)
		return r;
	return read_params(rest_from(s, end + 1), slash, &u->view);
}

/* ipath-query = ["/" [ icommand ]] */
static imap4_err read_command(struct slice s, int utf8_names, struct url *u)
{
	if (s.n <= 1)
		return s.n == 0 || s.p[0] == '/' ? IMAP4_OK : IMAP4_E_ARG;
	size_t query = find(s, '?');
	imap4_err r =
		query > 0 ? read_path(slice_of(s.p + 1, query - 1), utf8_names, u) : IMAP4_E_ARG;
	if (r != IMAP4_OK || query == s.n)
		return r;
	if (u->view.uid != 0)
		return IMAP4_E_ARG; /* only a mailbox can be searched */
	return decode_text(rest_from(s, query + 1), is_bchar, ALLOW_OCTETS, &u->view.search);
}

imap4_err imap4_url_parse(imap4_str text, int utf8_names, imap4_url **out)
{
	static const char scheme[] = "imap://";
	struct slice s = slice_of(text.ptr, text.len);
	*out = NULL;
	if (s.n > URL_MAX || !slice_starts_istr(s, scheme))
		return IMAP4_E_ARG;
	struct url *u = calloc(1, sizeof *u);
	if (u == NULL)
		return IMAP4_E_NOMEM;
	s = rest_from(s, strlen(scheme));
	size_t end = 0;
	while (end < s.n && s.p[end] != '/' && s.p[end] != '?')
		end++;
	imap4_err r = read_server(slice_of(s.p, end), &u->view);
	if (r == IMAP4_OK)
		r = read_command(rest_from(s, end), utf8_names, u);
	if (r == IMAP4_OK)
		*out = &u->view;
	else
		imap4_url_free(&u->view);
	return r;
}

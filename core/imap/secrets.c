/* SPDX-License-Identifier: MIT */
/*
 * secrets.c -- see secrets.h.
 */
#include "core/imap/secrets.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/text.h"

#define SECRET_MAX (512u << 10) /* octets of one form; tokens are long */
#define BASE64_MIN 4		/* shorter pieces of base64 occur in any text */

static void release_form(struct buf *b)
{
	if (b->data)
		secret_wipe(b->data, b->len);
	buf_release(b);
}

/* Keep `form` (and empty it), unless it is there already or is nothing to look for. */
static int keep(struct secrets *s, struct buf *form, struct err *e)
{
	int rc = buf_check(form, "a credential", e);
	bool known = form->len == 0;
	for (size_t i = 0; i < s->n; i++)
		known = known || slice_eq(buf_slice(&s->form[i]), buf_slice(form));
	if (rc == 0 && !known && s->n == SECRETS_FORMS_MAX)
		rc = err_set(e, ERR_ACCOUNT, E_LIMIT, "too many credentials in use at once");
	if (rc < 0 || known) {
		release_form(form);
		return rc;
	}
	s->form[s->n++] = *form;
	buf_init(form, SECRET_MAX);
	return 0;
}

/* As a quoted string shows it (RFC 3501 section 9, quoted-specials). */
static void add_quoted(struct buf *out, struct slice in)
{
	(void)buf_reserve(out, 2 * in.n); /* a buffer that grows leaves a copy behind */
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '"' || in.p[i] == '\\')
			buf_add_byte(out, '\\');
		buf_add_byte(out, in.p[i]);
	}
}

/* As trace and messages show it: one character at a time, because text_escape() cuts long texts. */
static void add_escaped(struct buf *out, struct slice in)
{
	(void)buf_reserve(out, 8 * in.n); /* "\\u{202E}" for three octets, "\\xFF" for one */
	while (in.n > 0) {
		uint32_t cp;
		size_t n = utf8_next(in, &cp);
		if (n == 0)
			n = 1;
		text_escape(out, slice_of(in.p, n));
		in = slice_of(in.p + n, in.n - n);
	}
}

/* The characters of a base64 text that depend on `in` alone when `before` octets stand in front
 * of it (modulo three) and anything behind it. */
static int add_base64(struct buf *out, struct slice in, size_t before, struct err *e)
{
	static const size_t first[3] = {0, 2, 3};
	struct buf padded = BUF_INIT(SECRET_MAX), coded = BUF_INIT(2 * SECRET_MAX);
	(void)buf_reserve(&padded, in.n + 2);
	(void)buf_reserve(&coded, 2 * in.n + 8);
	buf_add(&padded, "\0\0", before);
	buf_add_slice(&padded, in);
	int rc = buf_check(&padded, "a credential", e);
	if (rc == 0 && base64_encode(&coded, padded.data, padded.len) < 0)
		rc = buf_check(&coded, "a credential", e);
	size_t end = padded.len * 8 / 6;
	if (rc == 0)
		(void)buf_reserve(out, coded.len);
	if (rc == 0 && end >= first[before] + BASE64_MIN)
		buf_add(out, coded.data + first[before], end - first[before]);
	release_form(&padded);
	release_form(&coded);
	return rc;
}

int secrets_add(struct secrets *s, struct slice secret, struct err *e)
{
	struct buf form = BUF_INIT(SECRET_MAX), quoted = BUF_INIT(SECRET_MAX);
	(void)buf_reserve(&form, secret.n);
	buf_add_slice(&form, secret);
	int rc = keep(s, &form, e);
	add_quoted(&quoted, secret);
	if (rc == 0) {
		add_escaped(&form, secret);
		rc = keep(s, &form, e);
	}
	if (rc == 0) {
		add_escaped(&form, buf_slice(&quoted));
		rc = keep(s, &form, e);
	}
	if (rc == 0)
		rc = keep(s, &quoted, e);
	for (size_t before = 0; rc == 0 && before < 3; before++) {
		rc = add_base64(&form, secret, before, e);
		if (rc == 0)
			rc = keep(s, &form, e);
	}
	release_form(&form);
	release_form(&quoted);
	return rc;
}

void secrets_hide(const struct secrets *s, char *p, size_t n)
{
	for (size_t i = 0; i < s->n; i++) {
		struct slice f = buf_slice(&s->form[i]);
		for (size_t at = 0; f.n <= n && at <= n - f.n; at++) {
			if (memcmp(p + at, f.p, f.n) == 0)
				memset(p + at, '*', f.n);
		}
	}
}

void secrets_wipe(struct secrets *s)
{
	for (size_t i = 0; i < s->n; i++)
		release_form(&s->form[i]);
	s->n = 0;
}

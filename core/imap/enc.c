/* SPDX-License-Identifier: MIT */
/*
 * enc.c -- typed arguments to command bytes.
 *
 * The bytes may hold a password, so they never move without the old place being wiped.
 */
#include "core/imap/enc.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/text.h"

#define ENC_BYTES_MAX	      ((size_t)1 << 20)
#define ENC_QUOTED_MAX	      1000 /* longer strings are literals: some servers have small line buffers */
#define ENC_LITERAL_MINUS_MAX 4096 /* RFC 7888 section 5 */

void enc_init(struct enc *c, enum enc_literals literals)
{
	memset(c, 0, sizeof *c);
	buf_init(&c->bytes, ENC_BYTES_MAX);
	c->literals = literals;
}

void enc_clear(struct enc *c)
{
	if (c->bytes.data != NULL)
		secret_wipe(c->bytes.data, c->bytes.cap);
	buf_clear(&c->bytes);
	c->nparts = 0;
	c->fresh = false;
	c->line = 0;
	err_clear(&c->err);
}

void enc_release(struct enc *c)
{
	enc_clear(c);
	buf_release(&c->bytes);
	free(c->part);
	c->part = NULL;
	c->cap = 0;
}

static void fail_nomem(struct enc *c)
{
	(void)err_nomem(&c->err, "encoding a command");
}

/* Room for n more bytes, without leaving a copy behind when the buffer moves. */
static bool make_room(struct enc *c, size_t n)
{
	if (c->bytes.data != NULL && n < c->bytes.cap - c->bytes.len)
		return true;
	struct buf bigger = BUF_INIT(ENC_BYTES_MAX);
	size_t want = c->bytes.len + n;
	if (want < c->bytes.cap * 2 && c->bytes.cap * 2 <= ENC_BYTES_MAX)
		want = c->bytes.cap * 2;
	if (buf_reserve(&bigger, want) == NULL) {
		if (bigger.failed == E_LIMIT)
			(void)err_set(&c->err, ERR_USAGE, E_LIMIT,
				"a command is longer than %zu bytes", ENC_BYTES_MAX);
		else
			fail_nomem(c);
		return false;
	}
	(void)buf_add_slice(&bigger, buf_slice(&c->bytes));
	if (c->bytes.data != NULL)
		secret_wipe(c->bytes.data, c->bytes.cap);
	buf_release(&c->bytes);
	c->bytes = bigger;
	return true;
}

static struct enc_part *new_part(struct enc *c, bool secret)
{
	if (c->nparts == c->cap) {
		size_t cap = c->cap == 0 ? 8 : c->cap * 2;
		struct enc_part *part = realloc(c->part, cap * sizeof *part);
		if (part == NULL) {
			fail_nomem(c);
			return NULL;
		}
		c->part = part;
		c->cap = cap;
	}
	struct enc_part *p = &c->part[c->nparts++];
	*p = (struct enc_part){.start = c->bytes.len, .secret = secret};
	return p;
}

static void add(struct enc *c, const void *p, size_t n, bool secret)
{
	if (err_is_set(&c->err))
		return;
	struct enc_part *part = c->nparts == 0 ? NULL : &c->part[c->nparts - 1];
	if (part == NULL || part->wait || part->secret != secret || c->fresh)
		part = new_part(c, secret);
	c->fresh = false;
	if (part == NULL || !make_room(c, n))
		return;
	(void)buf_add(&c->bytes, p, n);
	part->len += n;
}

void enc_next_line(struct enc *c)
{
	c->fresh = true;
}

static void add_line(struct enc *c, const void *p, size_t n, bool secret)
{
	add(c, p, n, secret);
	c->line += n;
}

void enc_raw(struct enc *c, const char *protocol_text)
{
	add_line(c, protocol_text, strlen(protocol_text), false);
}

static void refuse(struct enc *c, const char *what)
{
	if (!err_is_set(&c->err))
		(void)err_set(&c->err, ERR_USAGE, E_INVALID, "%s", what);
}

/* ATOM-CHAR, RFC 9051 section 9 */
static bool is_atom_char(unsigned char ch)
{
	return ch > ' ' && ch < 0x7f && strchr("(){%*\"\\]", ch) == NULL;
}

/* ASTRING-CHAR = ATOM-CHAR / resp-specials */
static bool is_astring_char(unsigned char ch)
{
	return ch == ']' || is_atom_char(ch);
}

void enc_atom(struct enc *c, struct slice s)
{
	bool ok = s.n > 0;
	for (size_t i = 0; i < s.n && ok; i++)
		ok = is_atom_char(s.p[i]);
	if (!ok)
		refuse(c, "a name has characters that cannot be sent");
	else
		add_line(c, s.p, s.n, false);
}

void enc_flag(struct enc *c, struct slice flag)
{
	if (flag.n > 0 && flag.p[0] == '\\') {
		enc_raw(c, "\\");
		flag = slice_of(flag.p + 1, flag.n - 1);
	}
	enc_atom(c, flag);
}

static void add_quoted(struct enc *c, struct slice s, bool secret)
{
	add_line(c, "\"", 1, secret);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			add_line(c, "\\", 1, secret);
		add_line(c, s.p + i, 1, secret);
	}
	add_line(c, "\"", 1, secret);
}

/* Behind the "{". */
static void announce_literal(struct enc *c, uint64_t size, uint64_t sync_over)
{
	bool sync = c->literals == ENC_LITERAL_SYNC || size > sync_over ||
		(c->literals == ENC_LITERAL_MINUS && size > ENC_LITERAL_MINUS_MAX);
	enc_number(c, size);
	enc_raw(c, sync ? "}\r\n" : "+}\r\n");
	if (sync && !err_is_set(&c->err))
		c->part[c->nparts - 1].wait = true;
}

static void add_literal(struct enc *c, struct slice s, bool secret)
{
	enc_raw(c, "{");
	announce_literal(c, s.n, UINT64_MAX);
	add(c, s.p, s.n, secret);
}

static void check_line(struct enc *c)
{
	if (c->line > IMAP_COMMAND_ABSOLUTE_MAX && !err_is_set(&c->err))
		(void)err_set(&c->err, ERR_USAGE, E_LIMIT,
			"a command line is longer than %d octets", IMAP_COMMAND_ABSOLUTE_MAX);
}

static void add_body(struct enc *c, const imap4_source *source, uint64_t size, uint64_t sync_over)
{
	announce_literal(c, size, sync_over);
	check_line(c);
	if (err_is_set(&c->err))
		return;
	struct enc_part *part = new_part(c, false);
	if (part == NULL)
		return;
	part->body = source;
	part->body_size = size;
	c->fresh = true;
	c->line = 0; /* a new line begins behind each literal */
}

void enc_body(struct enc *c, const imap4_source *source, uint64_t size, uint64_t sync_over)
{
	enc_raw(c, "{");
	add_body(c, source, size, sync_over);
}

void enc_body8(struct enc *c, const imap4_source *source, uint64_t size, uint64_t sync_over)
{
	enc_raw(c, "~{");
	add_body(c, source, size, sync_over);
}

enum string_form { FORM_ATOM, FORM_QUOTED, FORM_LITERAL, FORM_NONE };

/* utf8: 8-bit octets may be quoted, being UTF-8. */
static enum string_form form_of(struct slice s, bool utf8)
{
	bool quotable = utf8 && utf8_valid(s);
	enum string_form form = s.n == 0 || slice_ieq_str(s, "NIL") ? FORM_QUOTED : FORM_ATOM;
	if (s.n > ENC_QUOTED_MAX)
		form = FORM_LITERAL;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0')
			return FORM_NONE;
		if (s.p[i] == '\r' || s.p[i] == '\n' || (s.p[i] >= 0x80 && !quotable))
			form = FORM_LITERAL;
		else if (form == FORM_ATOM && !is_astring_char(s.p[i]))
			form = FORM_QUOTED;
	}
	return form;
}

static void add_string(struct enc *c, struct slice s, bool may_be_atom, bool secret)
{
	switch (form_of(s, c->utf8 && !secret)) {
	case FORM_NONE: refuse(c, "a text has a NUL octet, which IMAP cannot carry"); break;
	case FORM_LITERAL: add_literal(c, s, secret); break;
	case FORM_ATOM:
		if (may_be_atom) {
			add_line(c, s.p, s.n, secret);
			break;
		}
		add_quoted(c, s, secret);
		break;
	case FORM_QUOTED: add_quoted(c, s, secret); break;
	}
}

void enc_astring(struct enc *c, struct slice s)
{
	add_string(c, s, true, false);
}

void enc_string(struct enc *c, struct slice s)
{
	add_string(c, s, false, false);
}

void enc_nstring(struct enc *c, const char *s)
{
	if (s == NULL)
		enc_raw(c, "NIL");
	else
		enc_string(c, slice_str(s));
}

void enc_literal(struct enc *c, struct slice s, bool binary)
{
	if (!binary && s.n > 0 && memchr(s.p, '\0', s.n) != NULL) {
		refuse(c, "a text has a NUL octet, which IMAP cannot carry");
		return;
	}
	enc_raw(c, binary ? "~" : "");
	add_literal(c, s, false);
}

void enc_value(struct enc *c, imap4_str s)
{
	if (s.ptr == NULL)
		enc_raw(c, "NIL");
	else if (s.len > 0 && memchr(s.ptr, '\0', s.len) != NULL)
		enc_literal(c, slice_of(s.ptr, s.len), true);
	else
		enc_string(c, slice_of(s.ptr, s.len));
}

void enc_secret_string(struct enc *c, struct slice s)
{
	add_string(c, s, false, true);
}

void enc_secret_astring(struct enc *c, struct slice s)
{
	add_string(c, s, true, true);
}

void enc_secret_line(struct enc *c, struct slice base64)
{
	for (size_t i = 0; i < base64.n; i++)
		if (!is_atom_char(base64.p[i])) {
			refuse(c, "an authentication response is not base64");
			return;
		}
	add(c, base64.p, base64.n, true);
}

static bool mailbox_fits(struct enc *c, struct slice wire)
{
	if (wire.n <= IMAP_MAILBOX_MAX)
		return true;
	if (!err_is_set(&c->err))
		(void)err_set(&c->err, ERR_MAILBOX, E_LIMIT,
			"a mailbox name is longer than %d octets", IMAP_MAILBOX_MAX);
	return false;
}

void enc_mailbox(struct enc *c, struct slice wire)
{
	if (mailbox_fits(c, wire))
		enc_astring(c, wire);
}

void enc_list_pattern(struct enc *c, struct slice wire)
{
	if (mailbox_fits(c, wire))
		enc_string(c, wire);
}

void enc_number(struct enc *c, uint64_t n)
{
	struct buf digits = BUF_INIT(20);
	if (buf_add_u64(&digits, n) != 0)
		fail_nomem(c);
	else
		enc_raw(c, buf_str(&digits));
	buf_release(&digits);
}

bool enc_set_part(struct enc *c, const struct uidset *set, uint32_t *from, uint32_t open_from,
	size_t max_octets)
{
	int left = 0;
	bool some = set != NULL && uidset_next(set, *from) != 0;
	if (!some && open_from == 0) {
		refuse(c, "the set of messages is empty");
		return false;
	}
	if (some) {
		struct buf text = BUF_INIT(ENC_BYTES_MAX);
		struct err e = ERR_INIT;
		left = uidset_format_part(set, from, max_octets, &text, &e);
		if (left < 0 && !err_is_set(&c->err))
			c->err = e;
		if (left >= 0)
			enc_raw(c, buf_str(&text));
		buf_release(&text);
	}
	if (left == 0 && open_from != 0) {
		enc_raw(c, some ? "," : "");
		enc_number(c, open_from);
		enc_raw(c, ":*");
	}
	return left > 0;
}

void enc_set(struct enc *c, const struct uidset *set, uint32_t open_from)
{
	uint32_t from = 0;
	(void)enc_set_part(c, set, &from, open_from, ENC_BYTES_MAX);
}

int enc_check(const struct enc *c, struct err *e)
{
	if (err_is_set(&c->err)) {
		*e = c->err;
		return -1;
	}
	if (c->line > IMAP_COMMAND_ABSOLUTE_MAX)
		return err_set(e, ERR_USAGE, E_LIMIT, "a command line is longer than %d octets",
			IMAP_COMMAND_ABSOLUTE_MAX);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * enc_fetch.c -- read FETCH items as a caller wrote them and write them again (RFC 9051 section 9, fetch-att).
 *
 * Nothing is copied that was not understood: that is how a header name with a line end in it cannot become a second
 * command, and how backup can promise that no item sets \Seen.
 */
#include "core/imap/enc.h"

#include <string.h>

struct reader {
	struct slice s;
	size_t at;
	unsigned needs; /* ENC_NEEDS_* of what was read so far */
};

/* Which items take a [section], and which of their forms set \Seen. */
enum section_rule { SECTION_NEVER, SECTION_MAY, SECTION_MUST };
struct item_rule {
	const char *name;
	enum section_rule section;
	bool parts_only;	 /* BINARY: no HEADER, TEXT or MIME */
	bool offset;		 /* <offset.count> may follow */
	bool seen, seen_section; /* sets \Seen without / with a section */
	unsigned needs;		 /* ENC_NEEDS_* */
};
static const struct item_rule item_rules[] = {
	{"BODY", SECTION_MAY, false, true, false, true, 0},
	{"BODY.PEEK", SECTION_MUST, false, true, false, false, 0},
	{"BINARY", SECTION_MUST, true, true, false, true, ENC_NEEDS_BINARY},
	{"BINARY.PEEK", SECTION_MUST, true, true, false, false, ENC_NEEDS_BINARY},
	{"BINARY.SIZE", SECTION_MUST, true, false, false, false, ENC_NEEDS_BINARY},
	{"RFC822", SECTION_NEVER, false, false, true, false, 0},
	{"RFC822.TEXT", SECTION_NEVER, false, false, true, false, 0},
	{"PREVIEW", SECTION_NEVER, false, false, false, false, ENC_NEEDS_PREVIEW},
	{"SAVEDATE", SECTION_NEVER, false, false, false, false, ENC_NEEDS_SAVEDATE},
	{"EMAILID", SECTION_NEVER, false, false, false, false, ENC_NEEDS_OBJECTID},
	{"THREADID", SECTION_NEVER, false, false, false, false, ENC_NEEDS_OBJECTID},
	{"X-GM-LABELS", SECTION_NEVER, false, false, false, false, ENC_NEEDS_GMAIL},
	{"X-GM-MSGID", SECTION_NEVER, false, false, false, false, ENC_NEEDS_GMAIL},
	{"X-GM-THRID", SECTION_NEVER, false, false, false, false, ENC_NEEDS_GMAIL},
};
static const struct item_rule other_item = {"", SECTION_NEVER, false, false, false, false, 0};

static int peek(const struct reader *r)
{
	return r->at < r->s.n ? r->s.p[r->at] : -1;
}

static bool accept(struct reader *r, char ch)
{
	if (peek(r) != (unsigned char)ch)
		return false;
	r->at++;
	return true;
}

static bool accept_word(struct reader *r, const char *word)
{
	if (!slice_starts_istr(slice_of(r->s.p + r->at, r->s.n - r->at), word))
		return false;
	r->at += strlen(word);
	return true;
}

static void skip_spaces(struct reader *r)
{
	while (accept(r, ' '))
		;
}

static bool bad(struct enc *c, const char *what)
{
	if (!err_is_set(&c->err))
		(void)err_set(&c->err, ERR_USAGE, E_INVALID, "FETCH items: %s", what);
	return false;
}

static bool is_name_char(int ch)
{
	return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
		ch == '.' || ch == '-' || ch == '_';
}

static bool is_digit(int ch)
{
	return ch >= '0' && ch <= '9';
}

static struct slice read_name(struct reader *r)
{
	size_t start = r->at;
	while (is_name_char(peek(r)))
		r->at++;
	return slice_of(r->s.p + start, r->at - start);
}

/* A number up to `max` (an offset may be 0, a part number or a count may not). */
static bool number(struct enc *c, struct reader *r, uint64_t max, bool zero)
{
	size_t start = r->at;
	while (is_digit(peek(r)))
		r->at++;
	uint64_t v;
	if (!slice_u64(slice_of(r->s.p + start, r->at - start), max, &v) || (v == 0 && !zero))
		return bad(c, "a number is missing or out of range");
	if (v > UINT32_MAX)
		r->needs |= ENC_NEEDS_NUMBER64;
	enc_number(c, v);
	return true;
}

/* header-fld-name = astring, quoted when it is at all unusual; RFC 5322 field names are printable ASCII without ':' */
static bool header_name(struct enc *c, struct reader *r)
{
	unsigned char name[256];
	size_t n = 0;
	bool quoted = accept(r, '"'), plain = true;
	for (;; r->at++) {
		int ch = peek(r);
		if (quoted && ch == '\\') {
			r->at++;
			ch = peek(r);
		} else if (quoted && ch == '"') {
			r->at++;
			break;
		} else if (!quoted && (ch < 0 || ch == ' ' || ch == ')')) {
			break;
		}
		if (ch <= ' ' || ch >= 0x7f || ch == ':' || n == sizeof name)
			return bad(c, "a header name cannot be sent");
		plain = plain && is_name_char(ch);
		name[n++] = (unsigned char)ch;
	}
	if (n == 0)
		return bad(c, "a header name is empty");
	if (plain)
		enc_atom(c, slice_of(name, n));
	else
		enc_string(c, slice_of(name, n));
	return true;
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static bool header_list(struct enc *c, struct reader *r)
{
	skip_spaces(r);
	if (!accept(r, '('))
		return bad(c, "a list of header names is missing");
	enc_raw(c, " (");
	skip_spaces(r);
	do {
		if (!header_name(c, r))
			return false;
		skip_spaces(r);
		if (peek(r) != ')')
			enc_raw(c, " ");
	} while (!accept(r, ')'));
	enc_raw(c, ")");
	return true;
}

/* section-text = section-msgtext / "MIME"; MIME only behind a part number */
static bool section_text(struct enc *c, struct reader *r, bool in_part)
{
	if (accept_word(r, "HEADER.FIELDS.NOT")) {
		enc_raw(c, "HEADER.FIELDS.NOT");
		return header_list(c, r);
	}
	if (accept_word(r, "HEADER.FIELDS")) {
		enc_raw(c, "HEADER.FIELDS");
		return header_list(c, r);
	}
	static const char *const word[] = {"HEADER", "TEXT", "MIME"};
	for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
		if ((in_part || i < 2) && accept_word(r, word[i])) {
			enc_raw(c, word[i]);
			return true;
		}
	return bad(c, "a section is not HEADER, HEADER.FIELDS, TEXT, MIME or a part number");
}

/* section-spec, behind the '[' */
static bool section(struct enc *c, struct reader *r, const struct item_rule *rule)
{
	enc_raw(c, "[");
	bool in_part = false;
	while (is_digit(peek(r))) {
		if (!number(c, r, UINT32_MAX, false))
			return false;
		in_part = true;
		if (!accept(r, '.'))
			break;
		enc_raw(c, ".");
		if (!is_digit(peek(r)) && !rule->parts_only && !section_text(c, r, true))
			return false;
		if (!is_digit(peek(r)) && rule->parts_only)
			return bad(c, "BINARY takes part numbers only");
	}
	if (!in_part && peek(r) != ']') {
		if (rule->parts_only)
			return bad(c, "BINARY takes part numbers only");
		if (!section_text(c, r, false))
			return false;
	}
	if (!accept(r, ']'))
		return bad(c, "a section is not closed");
	enc_raw(c, "]");
	return true;
}

/* "<" number64 "." nz-number64 ">"; 32 bits in RFC 3501 */
static bool offset(struct enc *c, struct reader *r)
{
	enc_raw(c, "<");
	if (!number(c, r, INT64_MAX, true))
		return false;
	if (!accept(r, '.'))
		return bad(c, "a partial range is not <offset.count>");
	enc_raw(c, ".");
	if (!number(c, r, INT64_MAX, false))
		return false;
	if (!accept(r, '>'))
		return bad(c, "a partial range is not closed");
	enc_raw(c, ">");
	return true;
}

static const struct item_rule *rule_of(struct slice name)
{
	for (size_t i = 0; i < sizeof item_rules / sizeof item_rules[0]; i++)
		if (slice_ieq_str(name, item_rules[i].name))
			return &item_rules[i];
	return &other_item;
}

/* PREVIEW [SP "(" preview-mod *(SP preview-mod) ")"] with LAZY as the only preview-mod (RFC 8970 section 6) */
static bool preview_modifier(struct enc *c, struct reader *r)
{
	size_t start = r->at;
	skip_spaces(r);
	if (r->at == start || !accept(r, '(')) {
		r->at = start;
		return true;
	}
	skip_spaces(r);
	if (!slice_ieq_str(read_name(r), "LAZY"))
		return bad(c, "PREVIEW has no modifier but LAZY");
	skip_spaces(r);
	if (!accept(r, ')'))
		return bad(c, "PREVIEW has no modifier but LAZY");
	enc_raw(c, " (LAZY)");
	return true;
}

static bool item(struct enc *c, struct reader *r, bool peek_only)
{
	struct slice name = read_name(r);
	if (name.n == 0)
		return bad(c, "an item is missing or has characters that cannot be sent");
	const struct item_rule *rule = rule_of(name);
	enc_atom(c, name);
	r->needs |= rule->needs;
	bool has_section = accept(r, '[');
	if (has_section ? rule->section == SECTION_NEVER : rule->section == SECTION_MUST)
		return bad(c, "an item has a section where it may not, or needs one");
	if (peek_only && (has_section ? rule->seen_section : rule->seen))
		return bad(c, "an item would mark messages as read");
	if (has_section && !section(c, r, rule))
		return false;
	if (accept(r, '<')) {
		if (!has_section || !rule->offset)
			return bad(c, "an item has a partial range where it may not");
		return offset(c, r);
	}
	return slice_ieq_str(name, "PREVIEW") ? preview_modifier(c, r) : true;
}

/* "ALL" / "FULL" / "FAST" stand alone, without parentheses. */
static bool macro(struct enc *c, struct slice items)
{
	static const char *const name[] = {"ALL", "FULL", "FAST"};
	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (slice_ieq_str(items, name[i])) {
			enc_raw(c, name[i]);
			return true;
		}
	return false;
}

static bool is_macro_name(struct slice s)
{
	return slice_ieq_str(s, "ALL") || slice_ieq_str(s, "FULL") || slice_ieq_str(s, "FAST");
}

static void list(struct enc *c, struct reader *r, bool peek_only)
{
	skip_spaces(r);
	bool parens = accept(r, '(');
	enc_raw(c, "(");
	skip_spaces(r);
	for (bool first = true; first || (peek(r) >= 0 && peek(r) != ')'); first = false) {
		if (!first)
			enc_raw(c, " ");
		size_t start = r->at;
		if (!item(c, r, peek_only))
			return;
		if (is_macro_name(slice_of(r->s.p + start, r->at - start))) {
			(void)bad(c, "a macro stands alone");
			return;
		}
		if (peek(r) >= 0 && peek(r) != ' ' && peek(r) != ')') {
			(void)bad(c, "an item is followed by something else than a space");
			return;
		}
		skip_spaces(r);
	}
	if (parens && !accept(r, ')')) {
		(void)bad(c, "the parenthesis is not closed");
		return;
	}
	skip_spaces(r);
	if (peek(r) >= 0) {
		(void)bad(c, "there is something behind the list");
		return;
	}
	enc_raw(c, ")");
}

unsigned enc_fetch_items(struct enc *c, struct slice items, bool peek_only)
{
	struct reader r = {items, 0, 0};
	if (!macro(c, items))
		list(c, &r, peek_only);
	return r.needs;
}

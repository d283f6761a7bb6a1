/* SPDX-License-Identifier: MIT */
/*
 * names.c -- mailbox names to paths and back.
 *
 * Two kinds of level never meet on disk. A *readable* one decodes from modified UTF-7 to text
 * without control characters; only bytes that the file system or the Maildir needs are escaped in
 * it. A *raw* one keeps its wire bytes, and has at least one escape that a readable level never
 * has: "%26", a control character or a byte over 7F. "%00" alone is the empty level, since NUL
 * itself is refused.
 */
#include "store/names.h"

#include <string.h>

#include "core/base/text.h"

#define CUT_MARK "%~"
#define CUT_HEX	 16 /* digits of the hash after the mark */
#define CUT_TAIL (sizeof CUT_MARK - 1 + CUT_HEX)

/* The longest a level can get before it is cut: every byte an escape. */
#define LEVEL_ROOM (3 * STORE_NAME_MAX)

#define SHOWN 200 /* bytes of a mailbox name in an error text */

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7F;
}

/* Names that a Maildir needs for itself. */
static bool is_reserved(struct slice level)
{
	return slice_eq_str(level, "cur") || slice_eq_str(level, "new") ||
		slice_eq_str(level, "tmp") || slice_eq_str(level, "dovecot-keywords");
}

static void add_escape(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const unsigned char text[3] = {
		'%', (unsigned char)digits[c >> 4], (unsigned char)digits[c & 15]};
	buf_add(out, text, sizeof text);
}

/* ---- one level to disk ----------------------------------------------------------------------- */

static bool is_readable(struct slice decoded)
{
	for (size_t i = 0; i < decoded.n; i++)
		if (is_control(decoded.p[i]))
			return false;
	return true;
}

static void escape_level(struct slice level, bool raw, enum store_layout layout, struct buf *out)
{
	bool reserved = is_reserved(level);
	for (size_t i = 0; i < level.n; i++) {
		unsigned char c = level.p[i];
		bool dot = c == '.' && (i == 0 || layout == STORE_MAILDIRPP);
		if (is_control(c) || c == '/' || c == '%' || dot || (i == 0 && reserved) ||
			(raw && (c == '&' || c >= 0x80)))
			add_escape(out, c);
		else
			buf_add_byte(out, c);
	}
}

/* How much of an escaped text fits into `room` bytes, without cutting a character or an escape. */
static size_t whole_units(struct slice text, size_t room)
{
	size_t at = 0;
	while (at < text.n) {
		uint32_t cp;
		struct slice rest = slice_of(text.p + at, text.n - at);
		size_t n = rest.p[0] == '%' ? 3 : utf8_next(rest, &cp);
		if (n == 0)
			n = 1;
		if (at + n > room)
			break;
		at += n;
	}
	return at;
}

/* Append `text`, cut to `max` bytes with the mark and the hash of `wire`. */
static int add_cut(
	struct buf *path, struct slice text, size_t max, struct slice wire, struct err *e)
{
	struct sha256 *h = sha256_new(e);
	if (h == NULL)
		return -1;
	unsigned char sum[SHA256_LEN];
	int result = sha256_begin(h, e);
	if (result == 0)
		result = sha256_add(h, wire.p, wire.n, e);
	if (result == 0)
		result = sha256_end(h, sum, e);
	sha256_free(h);
	if (result != 0)
		return -1;
	char hex[CUT_HEX + 1];
	hex_format(sum, CUT_HEX / 2, hex);
	buf_add(path, text.p, whole_units(text, max - CUT_TAIL));
	buf_add_str(path, CUT_MARK);
	buf_add_str(path, hex);
	return 0;
}

/* `scratch` has LEVEL_ROOM. */
static int add_level(struct slice wire, enum store_layout layout, struct buf *scratch,
	struct buf *path, struct err *e)
{
	if (wire.n == 0) {
		add_escape(path, 0);
		return 0;
	}
	struct buf decoded = BUF_INIT(LEVEL_ROOM);
	bool readable = mutf7_decode(wire, &decoded) && is_readable(buf_slice(&decoded));
	/* Out of memory looks like "not decodable", which would be another path. */
	int result = decoded.failed == E_NOMEM ? err_nomem(e, "naming a mailbox") : 0;
	if (result == 0) {
		buf_clear(scratch);
		escape_level(readable ? buf_slice(&decoded) : wire, !readable, layout, scratch);
		result = buf_check(scratch, "a level of a mailbox name", e);
	}
	if (result == 0) {
		if (scratch->len <= NAME_LEVEL_MAX)
			buf_add_slice(path, buf_slice(scratch));
		else
			result = add_cut(path, buf_slice(scratch), NAME_LEVEL_MAX, wire, e);
	}
	buf_release(&decoded);
	return result;
}

/* ---- the whole name -------------------------------------------------------------------------- */

/* The next level of a name: false after the last one. Start with *at = 0. A name without bytes,
 * and a delimiter at the end, have an empty level. */
static bool next_level(struct slice name, char delimiter, size_t *at, struct slice *level)
{
	if (*at > name.n)
		return false;
	size_t end = *at;
	while (end < name.n && (delimiter == '\0' || name.p[end] != (unsigned char)delimiter))
		end++;
	*level = slice_of(name.p + *at, end - *at);
	*at = end + 1;
	return true;
}

static int add_levels(struct slice wire, char delimiter, enum store_layout layout, struct buf *path,
	struct err *e)
{
	struct buf scratch = BUF_INIT(LEVEL_ROOM);
	struct slice level;
	int result = 0;
	for (size_t at = 0; result == 0 && next_level(wire, delimiter, &at, &level);) {
		if (layout == STORE_MAILDIRPP)
			buf_add_byte(path, '.');
		else if (level.p != wire.p)
			buf_add_byte(path, '/');
		result = add_level(level, layout, &scratch, path, e);
	}
	buf_release(&scratch);
	return result;
}

static int check_name(struct slice wire, struct err *e)
{
	char show[SHOWN];
	if (wire.n == 0)
		return err_set(e, ERR_MAILBOX, E_INVALID, "a mailbox name is empty");
	if (wire.n > STORE_NAME_MAX)
		return err_set(e, ERR_MAILBOX, E_LIMIT,
			"mailbox name \"%s\" is longer than %d bytes",
			text_show(show, sizeof show, wire), STORE_NAME_MAX);
	if (memchr(wire.p, '\0', wire.n) != NULL)
		return err_set(e, ERR_MAILBOX, E_INVALID, "mailbox name \"%s\" has a NUL in it",
			text_show(show, sizeof show, wire));
	return 0;
}

/* Build into `made`, which is empty. */
static int make_path(struct slice wire, char delimiter, enum store_layout layout, struct buf *made,
	struct err *e)
{
	char show[SHOWN];
	if (mailbox_is_inbox(wire))
		return layout == STORE_NESTED ? buf_add_str(made, "INBOX") : 0;
	if (add_levels(wire, delimiter, layout, made, e) != 0)
		return -1;
	if (made->failed == E_LIMIT)
		return err_set(e, ERR_MAILBOX, E_LIMIT,
			"the path of mailbox \"%s\" is longer than %d bytes",
			text_show(show, sizeof show, wire), NAME_PATH_MAX);
	if (made->failed != E_NONE || layout != STORE_MAILDIRPP || made->len <= NAME_DIR_MAX)
		return 0;
	struct buf cut = BUF_INIT(NAME_DIR_MAX);
	int result = add_cut(&cut, buf_slice(made), NAME_DIR_MAX, wire, e);
	if (result == 0)
		result = buf_check(&cut, "a mailbox path", e);
	if (result == 0) {
		buf_clear(made);
		buf_add_slice(made, buf_slice(&cut));
	}
	buf_release(&cut);
	return result;
}

int name_to_path(struct slice wire, char delimiter, enum store_layout layout, struct buf *path,
	struct err *e)
{
	if (check_name(wire, e) != 0)
		return -1;
	struct buf made = BUF_INIT(NAME_PATH_MAX);
	int result = make_path(wire, delimiter, layout, &made, e);
	if (result == 0 &&
		(buf_check(&made, "a mailbox path", e) != 0 ||
			(buf_add_slice(path, buf_slice(&made)) != 0 &&
				buf_check(path, "a mailbox path", e) != 0)))
		result = err_widen(e, ERR_MAILBOX);
	buf_release(&made);
	return result;
}

/* ---- the way back ---------------------------------------------------------------------------- */

static int hex_value(unsigned char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Take the escapes off; *raw: there was one that only raw levels have. false: not our escapes. */
static bool unescape_level(struct slice level, struct buf *out, bool *raw)
{
	*raw = false;
	for (size_t i = 0; i < level.n; i++) {
		unsigned char c = level.p[i];
		if (c == '%') {
			if (level.n - i < 3 || hex_value(level.p[i + 1]) < 0 ||
				hex_value(level.p[i + 2]) < 0)
				return false;
			c = (unsigned char)(hex_value(level.p[i + 1]) << 4 |
				hex_value(level.p[i + 2]));
			i += 2;
			if (is_control(c) || c == '&' || c >= 0x80)
				*raw = true;
		}
		buf_add_byte(out, c);
	}
	return out->failed == E_NONE;
}

static bool level_to_wire(struct slice level, struct buf *wire)
{
	if (slice_eq_str(level, "%00"))
		return true;
	struct buf bytes = BUF_INIT(NAME_PATH_MAX);
	bool raw, good = unescape_level(level, &bytes, &raw);
	if (good)
		good = raw ? buf_add_slice(wire, buf_slice(&bytes)) == 0
			   : mutf7_encode(buf_slice(&bytes), wire);
	buf_release(&bytes);
	return good;
}

static bool path_to_wire(
	struct slice path, char delimiter, enum store_layout layout, struct buf *wire)
{
	bool nested = layout == STORE_NESTED;
	if (nested ? slice_eq_str(path, "INBOX") : path.n == 0)
		return buf_add_str(wire, "INBOX") == 0;
	if (path.n == 0)
		return false;
	if (!nested) {
		if (path.p[0] != '.')
			return false;
		path = slice_of(path.p + 1, path.n - 1);
	}
	struct slice level;
	for (size_t at = 0; next_level(path, nested ? '/' : '.', &at, &level);) {
		if (level.p != path.p &&
			(delimiter == '\0' || buf_add_byte(wire, (unsigned char)delimiter) != 0))
			return false;
		if (!level_to_wire(level, wire))
			return false;
	}
	return true;
}

bool name_from_path(struct slice path, char delimiter, enum store_layout layout, struct buf *wire)
{
	/* A candidate is found first and then proved by making the path of it. */
	struct buf made = BUF_INIT(STORE_NAME_MAX), back = BUF_INIT(NAME_PATH_MAX);
	struct err e = ERR_INIT;
	bool good = path_to_wire(path, delimiter, layout, &made) &&
		name_to_path(buf_slice(&made), delimiter, layout, &back, &e) == 0 &&
		slice_cmp(buf_slice(&back), path) == 0 &&
		buf_add_slice(wire, buf_slice(&made)) == 0;
	buf_release(&made);
	buf_release(&back);
	return good;
}

int name_display(struct slice wire, char delimiter, struct buf *out, struct err *e)
{
	if (mailbox_is_inbox(wire)) {
		buf_add_str(out, "INBOX");
		return buf_check(out, "a mailbox name", e);
	}
	struct slice level;
	for (size_t at = 0; next_level(wire, delimiter, &at, &level);) {
		if (level.p != wire.p)
			buf_add_byte(out, (unsigned char)delimiter);
		if (!mutf7_decode(level, out))
			buf_add_slice(out, level);
	}
	return buf_check(out, "a mailbox name", e);
}

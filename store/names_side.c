/* SPDX-License-Identifier: MIT */
/*
 * names_side.c -- the side file .mailbox: what a mailbox was called, for when the index is lost and
 * for names that a path cannot hold whole.
 */
#include "store/names.h"

#include <string.h>

#define FIRST_LINE "imapsync-mailbox 1"

void side_file_init(struct side_file *f)
{
	buf_init(&f->wire, STORE_NAME_MAX);
	buf_init(&f->attributes, SIDE_FILE_MAX);
	f->delimiter = '\0';
	f->uidvalidity = 0;
}

void side_file_release(struct side_file *f)
{
	buf_release(&f->wire);
	buf_release(&f->attributes);
	f->delimiter = '\0';
	f->uidvalidity = 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int corrupt(struct err *e, const char *what)
{
	return err_set(e, ERR_MAILBOX, E_CORRUPT, "the side file .mailbox %s", what);
}

static bool decode(struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = text.p[i];
		if (c == '%') {
			char hex[3] = "";
			if (text.n - i < 3)
				return false;
			memcpy(hex, text.p + i + 1, 2);
			if (!hex_parse(hex, 1, &c))
				return false;
			i += 2;
		}
		buf_add_byte(out, c);
	}
	return true;
}

static int read_delimiter(struct side_file *f, struct slice value, struct err *e)
{
	struct buf one = BUF_INIT(1);
	bool good = decode(value, &one) && one.failed != E_LIMIT && one.len == 1;
	int result = good ? 0 : corrupt(e, "has a delimiter that is not one byte");
	if (good)
		f->delimiter = (char)one.data[0];
	else if (one.failed == E_NOMEM)
		result = err_nomem(e, "reading a side file");
	buf_release(&one);
	return result;
}

static int read_text(struct buf *out, struct slice value, const char *bad, struct err *e)
{
	buf_clear(out);
	if (!decode(value, out) || out->failed == E_LIMIT)
		return corrupt(e, bad);
	return buf_check(out, "a side file", e);
}

static int read_line(struct side_file *f, struct slice line, struct err *e)
{
	const unsigned char *space = line.n > 0 ? memchr(line.p, ' ', line.n) : NULL;
	size_t n = space != NULL ? (size_t)(space - line.p) : line.n;
	struct slice key = slice_of(line.p, n);
	struct slice value = space != NULL ? slice_of(space + 1, line.n - n - 1) : SLICE_NONE;
	if (slice_eq_str(key, "name"))
		return read_text(&f->wire, value, "has a name that cannot be one", e);
	if (slice_eq_str(key, "attributes"))
		return read_text(&f->attributes, value, "has attributes that cannot be ones", e);
	if (slice_eq_str(key, "delimiter"))
		return read_delimiter(f, value, e);
	if (slice_eq_str(key, "uidvalidity")) {
		uint64_t v;
		if (!slice_u64(value, UINT32_MAX, &v))
			return corrupt(e, "has a uidvalidity that is not a number");
		f->uidvalidity = (uint32_t)v;
	}
	return 0;
}

int side_file_parse(struct side_file *f, struct slice text, struct err *e)
{
	side_file_release(f);
	if (text.n > SIDE_FILE_MAX)
		return corrupt(e, "is too long");
	bool first = true;
	while (text.n > 0) {
		const unsigned char *lf = memchr(text.p, '\n', text.n);
		/* Written whole or not at all: a last line without its end is a cut file. */
		if (lf == NULL)
			return corrupt(e, "ends in the middle of a line");
		struct slice line = slice_of(text.p, (size_t)(lf - text.p));
		text = slice_of(lf + 1, text.n - line.n - 1);
		if (first && !slice_eq_str(line, FIRST_LINE))
			break;
		if (!first && read_line(f, line, e) != 0)
			return -1;
		first = false;
	}
	if (first)
		return corrupt(e, "does not begin with \"" FIRST_LINE "\"");
	if (f->wire.len == 0)
		return corrupt(e, "has no name");
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void encode(struct slice text, bool spaces, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = text.p[i];
		if ((c > ' ' && c < 0x7F && c != '%') || (c == ' ' && spaces))
			buf_add_byte(out, c);
		else
			buf_addf(out, "%%%02X", (unsigned)c);
	}
}

static void add_line(struct buf *out, const char *key, struct slice value, bool spaces)
{
	buf_add_str(out, key);
	buf_add_byte(out, ' ');
	encode(value, spaces, out);
	buf_add_byte(out, '\n');
}

int side_file_format(const struct side_file *f, struct buf *out, struct err *e)
{
	buf_add_str(out, FIRST_LINE "\n");
	add_line(out, "name", buf_slice(&f->wire), false);
	if (f->delimiter != '\0')
		add_line(out, "delimiter", slice_of(&f->delimiter, 1), false);
	if (f->uidvalidity != 0)
		buf_addf(out, "uidvalidity %lu\n", (unsigned long)f->uidvalidity);
	add_line(out, "attributes", buf_slice(&f->attributes), true);
	return buf_check(out, "a side file", e);
}

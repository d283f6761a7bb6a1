/* SPDX-License-Identifier: MIT */
/*
 * export_read_manifest.c -- the lines of a manifest. As strict as the writer: whatever it would not have written is
 * damage, for the manifest is what everything else is compared with.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/export_internal.h"
#include "core/sync/export_read.h"

#define LINE_MAX_BYTES (4 * (size_t)MAIL_FLAGS_TEXT_MAX + 8 * (size_t)EXPORT_PLACE_MAX)
#define FIELDS	       8
#define DATE_LEN       24 /* 2024-03-01T10:00:00+0200 */

void export_lines_init(struct export_lines *l,
	int (*each)(void *ctx, const struct export_line *line, struct err *e), void *ctx)
{
	l->each = each;
	l->on_folder = NULL;
	l->ctx = ctx;
	l->number = l->at = 0;
	l->version = 0;
	l->hash = NULL;
	l->ended = false;
	l->delimiter = '/';
	buf_init(&l->line, LINE_MAX_BYTES);
	buf_init(&l->folder, LINE_MAX_BYTES);
	buf_init(&l->place, LINE_MAX_BYTES);
	buf_init(&l->announced, LINE_MAX_BYTES);
}

void export_lines_part(struct export_lines *l, uint64_t number, char delimiter)
{
	l->number = number - 1;
	l->delimiter = delimiter;
	l->version = 1;
}

void export_lines_release(struct export_lines *l)
{
	buf_release(&l->line);
	buf_release(&l->folder);
	buf_release(&l->place);
	buf_release(&l->announced);
	sha256_free(l->hash);
	l->hash = NULL;
}

static int broken(const struct export_lines *l, const char *what, struct err *e)
{
	return err_set(e, ERR_STORE, E_CORRUPT, "line %" PRIu64 " of the manifest is damaged: %s",
		l->number, what);
}

static int hex_digit(unsigned char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7F && c != '%' && c != ',';
}

/* Only what must be written as %XX may be. */
static bool decode(struct slice s, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < s.n; i++) {
		if (is_plain(s.p[i])) {
			buf_add_byte(out, s.p[i]);
			continue;
		}
		int hi = s.p[i] == '%' && i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(s.p[i + 2]) : -1;
		if (lo < 0 || is_plain((unsigned char)(hi << 4 | lo)))
			return false;
		buf_add_byte(out, (unsigned char)(hi << 4 | lo));
		i += 2;
	}
	return s.n > 0 && out->failed == E_NONE;
}

static bool flags_are_good(struct slice s, struct buf *scratch)
{
	if (slice_eq_str(s, "-"))
		return true;
	for (;;) {
		const unsigned char *comma = s.n > 0 ? memchr(s.p, ',', s.n) : NULL;
		size_t n = comma != NULL ? (size_t)(comma - s.p) : s.n;
		struct slice flag = slice_of(s.p, n);
		if (slice_eq_str(flag, "-") ||
			(!slice_eq_str(flag, "%2D") && !decode(flag, scratch)))
			return false;
		if (comma == NULL)
			return true;
		s = slice_of(comma + 1, s.n - n - 1);
	}
}

static bool parse_date(struct slice s, struct mail_date *d)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const char shape[] = "dddd-dd-ddTdd:dd:ddzdddd";
	char text[MAIL_DATE_LEN + 1];
	memset(d, 0, sizeof *d);
	if (slice_eq_str(s, "-"))
		return true;
	if (s.n != DATE_LEN)
		return false;
	for (size_t i = 0; i < DATE_LEN; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';
		bool sign = s.p[i] == '+' || s.p[i] == '-';
		if (shape[i] == 'd' ? !digit : shape[i] == 'z' ? !sign : s.p[i] != shape[i])
			return false;
	}
	int month = (s.p[5] - '0') * 10 + s.p[6] - '0';
	if (month < 1 || month > 12)
		return false;
	const char *p = (const char *)s.p;
	snprintf(text, sizeof text, "%.2s-%.3s-%.4s %.8s %.5s", p + 8, months + 3 * (month - 1), p,
		p + 11, p + 19);
	return mail_date_parse(slice_str(text), d);
}

/* Of the two ways to write it only ours. */
static bool parse_hash(struct slice s, unsigned char *out)
{
	char text[SHA256_HEX + 1], again[SHA256_HEX + 1];
	if (s.n != SHA256_HEX)
		return false;
	memcpy(text, s.p, SHA256_HEX);
	text[SHA256_HEX] = '\0';
	if (!hex_parse(text, SHA256_LEN, out))
		return false;
	hex_format(out, SHA256_LEN, again);
	return strcmp(text, again) == 0;
}

static int on_message(struct export_lines *l, struct slice s, struct err *e)
{
	struct slice f[FIELDS];
	struct export_line line = {.number = l->number};
	uint64_t validity, uid;
	for (size_t i = 0; i < FIELDS; i++) {
		const unsigned char *space = s.n > 0 ? memchr(s.p, ' ', s.n) : NULL;
		if ((space == NULL) != (i == FIELDS - 1))
			return broken(l, "it does not have eight fields", e);
		size_t n = space != NULL ? (size_t)(space - s.p) : s.n;
		f[i] = slice_of(s.p, n);
		if (space != NULL)
			s = slice_of(space + 1, s.n - n - 1);
	}
	if (!parse_hash(f[0], line.sha256))
		return broken(l, "the SHA-256", e);
	if (!slice_u64(f[1], INT64_MAX, &line.size))
		return broken(l, "the size", e);
	if (!parse_date(f[2], &line.date))
		return broken(l, "the date", e);
	if (!flags_are_good(f[3], &l->place))
		return broken(l, "the flags", e);
	if (!slice_u64(f[4], UINT32_MAX, &validity) || !slice_u64(f[5], UINT32_MAX, &uid))
		return broken(l, "UIDVALIDITY or UID", e);
	if (!decode(f[6], &l->folder) || !decode(f[7], &l->place))
		return broken(l, "the folder or the place", e);
	if (l->version >= 3 && !slice_eq(buf_slice(&l->folder), buf_slice(&l->announced)))
		return broken(l, "its folder is not the one of the line about a folder", e);
	line.flags = f[3];
	line.delimiter = l->delimiter;
	line.uidvalidity = (uint32_t)validity;
	line.uid = (uint32_t)uid;
	line.folder = buf_slice(&l->folder);
	line.place = buf_slice(&l->place);
	return l->each(l->ctx, &line, e);
}

/* Words of the list, in its order and each once, separated by commas; or "-". */
static bool take_attributes(struct slice s, struct buf *out, bool *subscribed)
{
	size_t next = 0;
	buf_clear(out);
	*subscribed = false;
	if (slice_eq_str(s, "-"))
		return true;
	for (;;) {
		const unsigned char *comma = s.n > 0 ? memchr(s.p, ',', s.n) : NULL;
		struct slice word = slice_of(s.p, comma != NULL ? (size_t)(comma - s.p) : s.n);
		while (next < EXPORT_ATTRIBUTES && !slice_eq_str(word, export_attribute[next]))
			next++;
		if (next == EXPORT_ATTRIBUTES)
			return false;
		if (strcmp(export_attribute[next], EXPORT_SUBSCRIBED) == 0)
			*subscribed = true;
		else
			buf_addf(out, "%s%s", out->len > 0 ? " " : "", export_attribute[next]);
		next++;
		if (comma == NULL)
			return true;
		s = slice_of(comma + 1, s.n - word.n - 1);
	}
}

/* "# folder Sent \Sent,\Subscribed" */
static int on_folder(struct export_lines *l, struct slice s, struct err *e)
{
	struct export_folder_line line = {.number = l->number, .delimiter = l->delimiter};
	const unsigned char *space = s.n > 0 ? memchr(s.p, ' ', s.n) : NULL;
	size_t n = space != NULL ? (size_t)(space - s.p) : 0;
	if (!decode(slice_of(s.p, n), &l->announced) ||
		!take_attributes(slice_of(space + 1, s.n - n - 1), &l->place, &line.subscribed))
		return broken(l, "the folder", e);
	line.folder = buf_slice(&l->announced);
	line.attributes = buf_slice(&l->place);
	return l->on_folder != NULL ? l->on_folder(l->ctx, &line, e) : 0;
}

/* "# delimiter .": of the lines that follow. "-": there is none. */
static int on_delimiter(struct export_lines *l, struct slice s, struct err *e)
{
	bool none = slice_eq_str(s, "-"), dash = slice_eq_str(s, "%2D");
	if (!none && !dash && (!decode(s, &l->folder) || l->folder.len != 1))
		return broken(l, "the delimiter", e);
	l->delimiter = none ? '\0' : dash ? '-' : (char)l->folder.data[0];
	return 0;
}

static bool begins(struct slice s, const char *with)
{
	size_t n = strlen(with);
	return s.n >= n && memcmp(s.p, with, n) == 0;
}

static struct slice behind(struct slice s, const char *with)
{
	size_t n = strlen(with);
	return slice_of(s.p + n, s.n - n);
}

static int on_version(struct export_lines *l, struct slice s, struct err *e)
{
	size_t n = sizeof EXPORT_MANIFEST_FIRST - 1;
	unsigned char digit = s.n == n + 1 && begins(s, EXPORT_MANIFEST_FIRST) ? s.p[n] : '\0';
	if (digit < '1' || digit > '3')
		return broken(l, "not a manifest of a version that is known", e);
	l->version = (unsigned)(digit - '0');
	return 0;
}

/* "# end SHA256", of all lines before this one. */
static int on_end(struct export_lines *l, struct slice s, struct err *e)
{
	unsigned char want[SHA256_LEN], have[SHA256_LEN];
	if (!parse_hash(s, want))
		return broken(l, "the SHA-256 of all lines", e);
	if (sha256_end(l->hash, have, e) != 0)
		return -1;
	if (memcmp(want, have, SHA256_LEN) != 0)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"the manifest is damaged: its lines do not have the SHA-256 that its last "
			"line says");
	l->ended = true;
	return 0;
}

static int on_line(struct export_lines *l, struct err *e)
{
	static const char delimiter[] = "# delimiter ";
	struct slice s = buf_slice(&l->line);
	l->number++;
	if (l->number == 1)
		return on_version(l, s, e);
	if (l->number == 2)
		return slice_eq_str(s, EXPORT_MANIFEST_FIELDS)
			? 0
			: broken(l, "the names of the fields", e);
	if (l->ended)
		return broken(l, "it is behind the end", e);
	if (l->version != 1 && begins(s, EXPORT_MANIFEST_END))
		return on_end(l, behind(s, EXPORT_MANIFEST_END), e);
	if (l->version >= 3 && begins(s, EXPORT_MANIFEST_FOLDER))
		return on_folder(l, behind(s, EXPORT_MANIFEST_FOLDER), e);
	if (begins(s, delimiter))
		return on_delimiter(l, behind(s, delimiter), e);
	return on_message(l, s, e);
}

/* The last line covers all in front of it, so hashing is one line behind. */
static int hash_line(struct export_lines *l, struct err *e)
{
	if (l->ended || l->version == 1)
		return 0;
	if (l->hash == NULL && ((l->hash = sha256_new(e)) == NULL || sha256_begin(l->hash, e) != 0))
		return -1;
	return sha256_add(l->hash, l->line.data, l->line.len, e) != 0 ||
			sha256_add(l->hash, "\n", 1, e) != 0
		? -1
		: 0;
}

bool export_lines_proven(const struct export_lines *l)
{
	return l->ended;
}

int export_line_flags(const struct export_line *line, struct buf *out, struct err *e)
{
	struct mail_flags flags;
	struct buf text = BUF_INIT(LINE_MAX_BYTES), flag = BUF_INIT(LINE_MAX_BYTES);
	struct slice s = line->flags;
	mail_flags_init(&flags);
	while (!slice_eq_str(s, "-") && s.n > 0) {
		const unsigned char *comma = memchr(s.p, ',', s.n);
		size_t n = comma != NULL ? (size_t)(comma - s.p) : s.n;
		struct slice one = slice_of(s.p, n);
		buf_add_str(&text, text.len > 0 ? " " : "");
		if (slice_eq_str(one, "%2D"))
			buf_add_byte(&text, '-');
		else if (decode(one, &flag))
			buf_add_slice(&text, buf_slice(&flag));
		s = slice_of(s.p + n + (comma != NULL), s.n - n - (comma != NULL));
	}
	int rc = buf_check(&text, "the flags of a message", e);
	if (rc == 0)
		rc = mail_flags_parse(&flags, buf_slice(&text), e);
	if (rc == 0)
		buf_add_slice(out, buf_slice(&flags.text));
	mail_flags_release(&flags);
	buf_release(&text);
	buf_release(&flag);
	return rc == 0 ? buf_check(out, "the flags of a folder", e) : -1;
}

bool export_mbox_place(struct slice s, uint64_t *offset, uint64_t *length)
{
	const unsigned char *plus = s.n > 1 && s.p[0] == '@' ? memchr(s.p, '+', s.n) : NULL;
	if (plus == NULL)
		return false;
	size_t n = (size_t)(plus - s.p);
	return slice_u64(slice_of(s.p + 1, n - 1), INT64_MAX, offset) &&
		slice_u64(slice_of(plus + 1, s.n - n - 1), INT64_MAX, length);
}

int export_lines_add(struct export_lines *l, const void *p, size_t n, struct err *e)
{
	const unsigned char *at = p, *end = at + n;
	while (at < end) {
		const unsigned char *lf = memchr(at, '\n', (size_t)(end - at));
		const unsigned char *stop = lf != NULL ? lf : end;
		buf_add(&l->line, at, (size_t)(stop - at));
		if (buf_check(&l->line, "a line of the manifest", e) != 0)
			return err_widen(e, ERR_STORE);
		if (lf == NULL)
			return 0;
		uint64_t next = l->at + l->line.len + 1;
		if (on_line(l, e) != 0 || hash_line(l, e) != 0)
			return -1;
		l->at = next;
		buf_clear(&l->line);
		at = lf + 1;
	}
	return 0;
}

int export_lines_end(struct export_lines *l, struct err *e)
{
	if (l->number >= 2 && l->line.len == 0 && (l->version == 1 || l->ended))
		return 0;
	return err_set(
		e, ERR_STORE, E_CORRUPT, "the manifest is cut off behind line %" PRIu64, l->number);
}

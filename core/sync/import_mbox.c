/* SPDX-License-Identifier: MIT */
/*
 * import_mbox.c -- an mbox without a manifest: one folder.
 *
 * A message begins behind a line "From ", at the beginning of the file or behind an empty line, which belongs to neither
 * message. When the first of these lines has a date, a line without one is text: programs that do not quote leave such
 * lines in messages. The date counts as UTC unless it has a zone.
 *
 * Flags are those of the fields Status, X-Status and X-Keywords, as mail programs and servers keep them in an mbox. They
 * stay in the message, for nobody can say which of them were there when it was delivered.
 */
#include <stdio.h>
#include <string.h>

#include "core/sync/header.h"
#include "core/sync/import_internal.h"

#define PART_SIZE ((size_t)64 << 10)
#define WORDS_MAX 32 /* of a line "From " */

/* ---- the line in front of a message ---------------------------------------------------------- */

static size_t split(struct slice line, struct slice word[WORDS_MAX])
{
	size_t n = 0, i = 0;
	while (n < WORDS_MAX) {
		while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t'))
			i++;
		size_t begin = i;
		while (i < line.n && line.p[i] > ' ')
			i++;
		if (i == begin)
			break;
		word[n++] = slice_of(line.p + begin, i - begin);
	}
	return n;
}

static bool is_month(struct slice s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (size_t i = 0; s.n == 3 && i < sizeof months - 1; i += 3)
		if (memcmp(s.p, months + i, 3) == 0)
			return true;
	return false;
}

static bool is_number(struct slice s, size_t digits)
{
	uint64_t v;
	return s.n == digits && slice_u64(s, 9999, &v);
}

static bool is_zone(struct slice s)
{
	return s.n == 5 && (s.p[0] == '+' || s.p[0] == '-') && is_number(slice_of(s.p + 1, 4), 4);
}

/* month day time [zone] year [zone] */
static bool date_at(const struct slice *word, size_t n, struct mail_date *d)
{
	char text[64];
	struct slice year = SLICE_NONE, zone = slice_str("+0000"), time = word[2];
	for (size_t i = 3; i < n && i < 7; i++) {
		if (year.n == 0 && is_number(word[i], 4))
			year = word[i];
		else if (is_zone(word[i]))
			zone = word[i];
	}
	if (word[1].n > 2 || (time.n != 8 && time.n != 5) || year.n == 0)
		return false;
	snprintf(text, sizeof text, "%s%.*s-%.3s-%.4s %.*s%s %.5s", word[1].n == 1 ? "0" : "",
		(int)word[1].n, (const char *)word[1].p, (const char *)word[0].p,
		(const char *)year.p, (int)time.n, (const char *)time.p, time.n == 5 ? ":00" : "",
		(const char *)zone.p);
	return mail_date_parse(slice_str(text), d);
}

bool import_mbox_date(struct slice line, struct mail_date *d)
{
	struct slice word[WORDS_MAX];
	size_t n = split(line, word);
	*d = (struct mail_date){0, 0, false};
	for (size_t i = 1; i + 3 < n; i++)
		if (is_month(word[i]) && date_at(word + i, n - i, d))
			return true;
	return false;
}

/* ---- where messages are ---------------------------------------------------------------------- */

void import_mbox_begin(struct import_mbox_scan *s)
{
	s->at = s->begin = s->line = 0;
	s->open = s->dates = false;
	s->blank = s->held = 0;
}

static int close_message(struct import_mbox_scan *s, uint64_t end, struct err *e)
{
	bool open = s->open;
	s->open = false;
	return open ? s->each(s->ctx, s->begin, end - s->begin, &s->date, e) : 0;
}

/* A line is complete; s->at is behind it. */
static int on_line(struct import_mbox_scan *s, struct err *e)
{
	struct slice line = slice_of(s->head, s->held);
	struct mail_date date;
	bool from =
		(s->line == 0 || s->blank > 0) && line.n >= 5 && memcmp(line.p, "From ", 5) == 0;
	if (from) {
		bool dated = import_mbox_date(line, &date);
		if (s->line == 0)
			s->dates = dated;
		from = dated || !s->dates;
	}
	if (from && close_message(s, s->line - s->blank, e) != 0)
		return -1;
	if (from) {
		s->open = true;
		s->begin = s->at;
		s->date = date;
	}
	bool empty = slice_eq_str(line, "\n") || slice_eq_str(line, "\r\n");
	s->blank = empty ? line.n : 0;
	s->line = s->at;
	s->held = 0;
	return 0;
}

int import_mbox_add(struct import_mbox_scan *s, const void *p, size_t n, struct err *e)
{
	const unsigned char *at = p, *end = at + n;
	while (at < end) {
		const unsigned char *lf = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((lf != NULL ? lf + 1 : end) - at);
		size_t room = sizeof s->head - s->held, take = len < room ? len : room;
		memcpy(s->head + s->held, at, take);
		s->held += take;
		s->at += len;
		at += len;
		if (lf != NULL && on_line(s, e) != 0)
			return -1;
	}
	return 0;
}

int import_mbox_end(struct import_mbox_scan *s, struct err *e)
{
	if (s->held > 0 && on_line(s, e) != 0)
		return -1;
	return close_message(s, s->at - s->blank, e);
}

/* ---- flags ----------------------------------------------------------------------------------- */

static void add_letters(struct import *m, const char *field, const char *letters,
	const char *const *flags, struct buf *out)
{
	size_t at = 0;
	while (header_field(buf_slice(&m->header), slice_str(field), &at, &m->value))
		for (size_t i = 0; letters[i] != '\0'; i++)
			if (m->value.len > 0 &&
				memchr(m->value.data, letters[i], m->value.len) != NULL)
				buf_addf(out, " %s", flags[i]);
}

static int read_flags(struct import *m, struct import_message *x, struct err *e)
{
	static const char *const seen[] = {"\\Seen"};
	static const char *const others[] = {"\\Answered", "\\Deleted", "\\Flagged", "\\Draft"};
	struct buf text = BUF_INIT(HEADER_MAX + 64);
	size_t at = 0;
	add_letters(m, "Status", "R", seen, &text);
	add_letters(m, "X-Status", "ADFT", others, &text);
	while (header_field(buf_slice(&m->header), slice_str("X-Keywords"), &at, &m->value)) {
		buf_add_byte(&text, ' ');
		buf_add_slice(&text, buf_slice(&m->value));
	}
	int rc = import_flags(m, x, &text, e);
	buf_release(&text);
	return rc;
}

/* Some servers keep their notes in a first message (UW IMAP, Dovecot), which is no mail. */
static bool is_internal(struct import *m)
{
	size_t at = 0;
	if (!header_field(buf_slice(&m->header), slice_str("X-IMAP"), &at, &m->value))
		return false;
	at = 0;
	return header_field(buf_slice(&m->header), slice_str("Subject"), &at, &m->value) &&
		text_contains(buf_slice(&m->value), slice_str("FOLDER INTERNAL DATA"));
}

/* ---- the folder ------------------------------------------------------------------------------ */

static int on_message(
	void *ctx, uint64_t offset, uint64_t length, const struct mail_date *date, struct err *e)
{
	struct import *m = ctx;
	struct import_message *x = import_add_message(m, e);
	if (x == NULL)
		return -1;
	x->offset = offset;
	x->length = length;
	x->date = *date;
	x->ends = IMPORT_CR_BARE;
	x->name = m->now->text.len;
	buf_addf(&m->now->text, "message %zu", m->now->n);
	x->nname = m->now->text.len - x->name;
	if (import_header(m, x, e) != 0 || read_flags(m, x, e) != 0)
		return -1;
	if (m->now->n == 1 && is_internal(m))
		m->now->n = 0;
	return import_check(m, e);
}

static int load(struct import *m, const struct import_folder *f, struct err *e)
{
	unsigned char part[PART_SIZE];
	struct import_mbox_scan s = {.each = on_message, .ctx = m};
	size_t got = 1;
	(void)f;
	import_mbox_begin(&s);
	for (uint64_t at = 0; got > 0; at += got)
		if (import_pread(m->root, part, sizeof part, at, &got, e) != 0 ||
			import_mbox_add(&s, part, got, e) != 0)
			return err_widen(e, ERR_MAILBOX);
	return import_mbox_end(&s, e);
}

static int find(struct import *m, struct err *e)
{
	struct import_folder *f = import_add_folder(m, e);
	if (f == NULL || import_add_level(&f->f.wire, buf_slice(&m->name), e) != 0)
		return -1;
	return import_name_folder(&f->f, e);
}

const struct import_kind import_mbox = {find, load};

/* SPDX-License-Identifier: MIT */
/*
 * names_message.c -- message file names, and flags as the letters at their end.
 *
 * A name says all that is needed to adopt the file without an index: which message it is, when it
 * arrived, how to get the wire bytes back and how to prove them.
 */
#include "store/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- file names ------------------------------------------------------------------------------ */

size_t message_name_format(const struct message_name *n, char out[MESSAGE_NAME_MAX])
{
	char hex[2 * sizeof n->hash + 1];
	hex_format(n->hash, sizeof n->hash, hex);
	int len = snprintf(out, MESSAGE_NAME_MAX,
		"%" PRId64 ".V%" PRIu32 "U%" PRIu32 "H%s.imapsync,S=%" PRIu64 ",W=%" PRIu64,
		n->secs, n->uidvalidity, n->uid, hex, n->size_disk, n->size_wire);
	return len < 0 ? 0 : (size_t)len;
}

/* What is left of a name that is being read. */
static bool take_literal(struct slice *s, const char *word)
{
	size_t n = strlen(word);
	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	*s = slice_of(s->p + n, s->n - n);
	return true;
}

static bool take_number(struct slice *s, uint64_t max, uint64_t *v)
{
	size_t n = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (!slice_u64(slice_of(s->p, n), max, v))
		return false;
	*s = slice_of(s->p + n, s->n - n);
	return true;
}

static bool take_seconds(struct slice *s, int64_t *secs)
{
	bool negative = take_literal(s, "-");
	uint64_t v;
	if (!take_number(s, negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, &v))
		return false;
	/* In two steps, so that INT64_MIN does not overflow. */
	*secs = negative && v > 0 ? -(int64_t)(v - 1) - 1 : (int64_t)v;
	return true;
}

static bool take_hash(struct slice *s, unsigned char hash[8])
{
	char hex[17];
	if (s->n < 16)
		return false;
	memcpy(hex, s->p, 16);
	hex[16] = '\0';
	*s = slice_of(s->p + 16, s->n - 16);
	return hex_parse(hex, 8, hash);
}

bool message_name_parse(struct slice name, struct message_name *n, struct slice *letters)
{
	struct slice s = name;
	uint64_t uidvalidity, uid;
	if (!take_seconds(&s, &n->secs) || !take_literal(&s, ".V") ||
		!take_number(&s, UINT32_MAX, &uidvalidity) || !take_literal(&s, "U") ||
		!take_number(&s, UINT32_MAX, &uid) || !take_literal(&s, "H") ||
		!take_hash(&s, n->hash) || !take_literal(&s, ".imapsync,S=") ||
		!take_number(&s, UINT64_MAX, &n->size_disk) || !take_literal(&s, ",W=") ||
		!take_number(&s, UINT64_MAX, &n->size_wire))
		return false;
	n->uidvalidity = (uint32_t)uidvalidity;
	n->uid = (uint32_t)uid;
	if (uidvalidity == 0 || uid == 0 || n->size_disk > n->size_wire)
		return false;
	/* Leading zeros, "-0" and capital digits: one message has one name. */
	char again[MESSAGE_NAME_MAX];
	size_t len = message_name_format(n, again);
	if (len != name.n - s.n || memcmp(again, name.p, len) != 0)
		return false;
	if (s.n > 0 && !take_literal(&s, ":2,"))
		return false;
	*letters = s;
	return true;
}

/* ---- keyword letters ------------------------------------------------------------------------- */

void keyword_map_init(struct keyword_map *k)
{
	for (size_t i = 0; i < KEYWORD_LETTERS; i++)
		buf_init(&k->name[i], MAIL_KEYWORD_MAX);
	k->changed = false;
}

void keyword_map_release(struct keyword_map *k)
{
	for (size_t i = 0; i < KEYWORD_LETTERS; i++)
		buf_release(&k->name[i]);
	k->changed = false;
}

static bool same_keyword(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		unsigned char x = a.p[i], y = b.p[i];
		x = x >= 'A' && x <= 'Z' ? (unsigned char)(x | 0x20) : x;
		y = y >= 'A' && y <= 'Z' ? (unsigned char)(y | 0x20) : y;
		if (x != y)
			return false;
	}
	return true;
}

/* The letter's number, or KEYWORD_LETTERS. */
static size_t find_keyword(const struct keyword_map *k, struct slice name)
{
	for (size_t i = 0; i < KEYWORD_LETTERS; i++)
		if (k->name[i].len > 0 && same_keyword(buf_slice(&k->name[i]), name))
			return i;
	return KEYWORD_LETTERS;
}

static bool is_keyword(struct slice name)
{
	if (name.n == 0 || name.n > MAIL_KEYWORD_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] == 0x7F)
			return false;
	return true;
}

/* Up to the next LF; false at the end of the file. */
static bool next_line(struct slice *rest, struct slice *line)
{
	if (rest->n == 0)
		return false;
	const unsigned char *lf = memchr(rest->p, '\n', rest->n);
	size_t n = lf != NULL ? (size_t)(lf - rest->p) : rest->n;
	*line = slice_of(rest->p, n);
	size_t used = lf != NULL ? n + 1 : n;
	*rest = slice_of(rest->p + used, rest->n - used);
	return true;
}

int keyword_map_parse(struct keyword_map *k, struct slice file, struct err *e)
{
	keyword_map_release(k);
	struct slice line;
	while (next_line(&file, &line)) {
		uint64_t number;
		/* The first line of a letter and of a keyword counts. */
		if (!take_number(&line, KEYWORD_LETTERS - 1, &number) ||
			!take_literal(&line, " ") || !is_keyword(line) || k->name[number].len > 0 ||
			find_keyword(k, line) < KEYWORD_LETTERS)
			continue;
		buf_add_slice(&k->name[number], line);
		if (buf_check(&k->name[number], "a keyword", e) != 0)
			return -1;
	}
	return 0;
}

int keyword_map_format(const struct keyword_map *k, struct buf *file, struct err *e)
{
	for (size_t i = 0; i < KEYWORD_LETTERS; i++) {
		if (k->name[i].len == 0)
			continue;
		buf_add_u64(file, i);
		buf_add_byte(file, ' ');
		buf_add_slice(file, buf_slice(&k->name[i]));
		buf_add_byte(file, '\n');
	}
	return buf_check(file, "dovecot-keywords", e);
}

/* ---- flags to letters and back --------------------------------------------------------------- */

/* Sorted by letter, which is the order in a file name. */
static const struct {
	char letter;
	const char *flag;
} maildir_letters[] = {
	{'D', "\\Draft"},
	{'F', "\\Flagged"},
	{'P', "$Forwarded"},
	{'R', "\\Answered"},
	{'S', "\\Seen"},
	{'T', "\\Deleted"},
};
#define MAILDIR_LETTERS (sizeof maildir_letters / sizeof *maildir_letters)

/* The number of a keyword's letter, giving it a free one if there is any; else KEYWORD_LETTERS. */
static int letter_of_keyword(
	struct keyword_map *k, struct slice name, size_t *number, struct err *e)
{
	*number = find_keyword(k, name);
	if (*number < KEYWORD_LETTERS || !is_keyword(name))
		return 0;
	for (size_t i = 0; i < KEYWORD_LETTERS; i++) {
		if (k->name[i].len > 0)
			continue;
		buf_add_slice(&k->name[i], name);
		k->changed = true;
		*number = i;
		return buf_check(&k->name[i], "a keyword", e);
	}
	return 0;
}

int flag_letters(
	struct slice flags, struct keyword_map *k, char out[FLAG_LETTERS_MAX], struct err *e)
{
	bool system[MAILDIR_LETTERS] = {false}, keyword[KEYWORD_LETTERS + 1] = {false};
	struct slice flag;
	for (size_t at = 0; mail_flags_next(flags, &at, &flag);) {
		size_t i = 0;
		while (i < MAILDIR_LETTERS && !slice_ieq_str(flag, maildir_letters[i].flag))
			i++;
		if (i < MAILDIR_LETTERS) {
			system[i] = true;
			continue;
		}
		if (letter_of_keyword(k, flag, &i, e) != 0)
			return -1;
		keyword[i] = true;
	}
	size_t n = 0;
	for (size_t i = 0; i < MAILDIR_LETTERS; i++)
		if (system[i])
			out[n++] = maildir_letters[i].letter;
	for (size_t i = 0; i < KEYWORD_LETTERS; i++)
		if (keyword[i])
			out[n++] = (char)('a' + i);
	out[n] = '\0';
	return 0;
}

int flags_from_letters(
	struct slice letters, const struct keyword_map *k, struct mail_flags *f, struct err *e)
{
	struct slice flag[MAILDIR_LETTERS + KEYWORD_LETTERS];
	size_t n = 0;
	for (size_t i = 0; i < MAILDIR_LETTERS; i++)
		if (letters.n > 0 &&
			memchr(letters.p, maildir_letters[i].letter, letters.n) != NULL)
			flag[n++] = slice_str(maildir_letters[i].flag);
	for (size_t i = 0; i < KEYWORD_LETTERS; i++)
		if (k->name[i].len > 0 && letters.n > 0 &&
			memchr(letters.p, (int)('a' + i), letters.n) != NULL)
			flag[n++] = buf_slice(&k->name[i]);
	return mail_flags_set(f, flag, n, e);
}

/* SPDX-License-Identifier: MIT */
/*
 * select.c -- which mailboxes an account wants: patterns with '*' and '%' against names, and LIST
 * attributes.
 *
 * The patterns come from a configuration, the names from a server, so the match must not explode:
 * it keeps the set of all prefixes of the name that the pattern so far can produce, one bit a
 * position, and costs (pattern * name) steps whatever the two are.
 */
#include <string.h>

#include "core/base/mail.h"
#include "core/sync/sync.h"

/* UTF-8 of a name of at most 1,000 wire bytes is shorter; a longer name matches no pattern. */
#define NAME_MAX_BYTES 4096

/* "INBOX", alone or as the first level: its case says nothing (RFC 9051 section 5.1). */
static bool begins_with_inbox(struct slice s, char delimiter)
{
	if (s.n < 5 || !mailbox_is_inbox(slice_of(s.p, 5)))
		return false;
	return s.n == 5 || s.p[5] == '/' ||
		(delimiter != '\0' && s.p[5] == (unsigned char)delimiter);
}

static unsigned char lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static bool same_byte(unsigned char pattern, unsigned char name, char delimiter, bool fold)
{
	if (pattern == name)
		return true;
	if (pattern == '/' && delimiter != '\0' && name == (unsigned char)delimiter)
		return true;
	return fold && lower(pattern) == lower(name);
}

static bool matches_name(struct slice pattern, struct slice name, char delimiter)
{
	bool reach[NAME_MAX_BYTES + 1] = {
		true}; /* reach[j]: the pattern so far can be name[0..j) */
	if (name.n > NAME_MAX_BYTES)
		return false;
	bool inbox = begins_with_inbox(pattern, delimiter) && begins_with_inbox(name, delimiter);
	for (size_t i = 0; i < pattern.n; i++) {
		if (pattern.p[i] == '*' || pattern.p[i] == '%') {
			for (size_t j = 1; j <= name.n; j++)
				if (reach[j - 1] &&
					(pattern.p[i] == '*' || delimiter == '\0' ||
						name.p[j - 1] != (unsigned char)delimiter))
					reach[j] = true;
			continue;
		}
		for (size_t j = name.n; j > 0; j--)
			reach[j] = reach[j - 1] &&
				same_byte(pattern.p[i], name.p[j - 1], delimiter,
					inbox && i < 5 && j <= 5);
		reach[0] = false;
	}
	return reach[name.n];
}

static bool has_attribute(struct slice attributes, const char *wanted)
{
	size_t at = 0;
	struct slice word;
	while (mail_flags_next(attributes, &at, &word))
		if (slice_ieq_str(word, wanted))
			return true;
	return false;
}

static bool matches_any(const struct sync_patterns *p, struct slice display, char delimiter,
	struct slice attributes)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->at[i][0] == '\\' ? has_attribute(attributes, p->at[i])
					: matches_name(slice_str(p->at[i]), display, delimiter))
			return true;
	return false;
}

bool sync_selects(
	const struct sync_account *a, struct slice display, char delimiter, struct slice attributes)
{
	if (a->folders.n > 0 && !matches_any(&a->folders, display, delimiter, attributes))
		return false;
	return !matches_any(&a->exclude, display, delimiter, attributes);
}

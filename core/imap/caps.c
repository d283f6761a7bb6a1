/* SPDX-License-Identifier: MIT */
/*
 * caps.c -- the list of capabilities. It is short and changes a few times in a connection, so looking
 * through all of it is what it costs to ask.
 */
#include "core/imap/caps.h"

#include <string.h>

#include "core/imap/limits.h"

void caps_init(struct caps *c)
{
	*c = (struct caps){.text = BUF_INIT(IMAP_TOKEN_MAX)};
}

void caps_release(struct caps *c)
{
	buf_release(&c->text);
	caps_forget(c);
}

void caps_forget(struct caps *c)
{
	buf_clear(&c->text);
	c->n = 0;
	c->known = false;
}

/* Words are separated by spaces; controls, which no name has, separate as well. */
static struct slice next_word(struct slice text, size_t *at)
{
	while (*at < text.n && text.p[*at] <= ' ')
		++*at;
	size_t from = *at;
	while (*at < text.n && text.p[*at] > ' ')
		++*at;
	return slice_of(text.p + from, *at - from);
}

/* "LITERAL +", seen in the wild, is one name in two words. */
static bool is_second_half(struct slice first, struct slice word)
{
	return slice_ieq_str(first, "LITERAL") &&
		(slice_eq_str(word, "+") || slice_eq_str(word, "-"));
}

int caps_set(struct caps *c, struct slice text, struct err *e)
{
	struct buf names = BUF_INIT(c->text.max);
	size_t n = 0, at = 0;
	struct slice word = next_word(text, &at);
	if (slice_eq_str(word, "*"))
		word = next_word(text, &at);
	if (slice_ieq_str(word, "CAPABILITY"))
		word = next_word(text, &at);
	while (word.n > 0 && n < IMAP_CAPABILITIES_MAX) {
		struct slice next = next_word(text, &at);
		bool joined = is_second_half(word, next);
		if (word.n + (joined ? next.n : 0) >= names.max - names.len)
			break; /* the rest is not kept, as beyond the limit on their number */
		buf_add_slice(&names, word);
		if (joined)
			buf_add_slice(&names, next);
		buf_add_byte(&names, '\0');
		n++;
		word = joined ? next_word(text, &at) : next;
	}
	if (buf_check(&names, "the list of capabilities", e) != 0) {
		buf_release(&names);
		return -1;
	}
	buf_release(&c->text);
	c->text = names;
	c->n = n;
	c->known = true;
	return 0;
}

imap4_str caps_at(const struct caps *c, size_t i)
{
	if (i >= c->n)
		return (imap4_str){NULL, 0};
	const char *name = (const char *)c->text.data;
	while (i-- > 0)
		name += strlen(name) + 1;
	return (imap4_str){name, strlen(name)};
}

bool caps_has(const struct caps *c, const char *name)
{
	const char *have = (const char *)c->text.data;
	for (size_t i = 0; i < c->n; i++, have += strlen(have) + 1)
		if (slice_ieq_str(slice_str(have), name))
			return true;
	return false;
}

struct slice caps_value(const struct caps *c, const char *name_and_equals)
{
	size_t prefix = strlen(name_and_equals);
	const char *have = (const char *)c->text.data;
	for (size_t i = 0; i < c->n; i++, have += strlen(have) + 1)
		if (slice_starts_istr(slice_str(have), name_and_equals))
			return slice_str(have + prefix);
	return SLICE_NONE;
}

/* SPDX-License-Identifier: MIT */
/*
 * token.c -- what the lexer and the response parser share. Framing and content must never disagree
 * about where a quoted string or a section ends: octets of a message would be read as protocol.
 */
#include "core/imap/token.h"

#include <string.h>

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

size_t token_skip_spaces(struct slice s, size_t i)
{
	while (i < s.n && s.p[i] == ' ')
		i++;
	return i;
}

size_t token_word_end(struct slice s, size_t i)
{
	while (i < s.n && s.p[i] != ' ' && s.p[i] != '\r' && s.p[i] != '\n')
		i++;
	return i;
}

struct slice token_trim_end(struct slice s)
{
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
		s.n--;
	return s;
}

/* A response name ends at a space; "FETCH(" is seen too. */
static size_t name_end(struct slice s, size_t i)
{
	size_t end = token_word_end(s, i);
	const unsigned char *paren = end > i ? memchr(s.p + i, '(', end - i) : NULL;
	return paren != NULL ? (size_t)(paren - s.p) : end;
}

bool token_is_condition(struct slice word)
{
	return slice_ieq_str(word, "OK") || slice_ieq_str(word, "NO") ||
		slice_ieq_str(word, "BAD") || slice_ieq_str(word, "BYE") ||
		slice_ieq_str(word, "PREAUTH");
}

struct line_head token_line(struct slice line)
{
	struct line_head h = {LINE_OTHER, SLICE_NONE, SLICE_NONE, 0};
	if (line.n == 0)
		return h;
	if (line.p[0] == '+') {
		h.type = LINE_CONTINUE;
		h.rest = 1;
		return h;
	}
	if (line.p[0] != '*' && line.p[0] != '[')
		return h;
	h.type = LINE_DATA;
	size_t at = line.p[0] == '*' ? token_skip_spaces(line, 1) : 0;
	if (at < line.n && line.p[at] == '[') {
		/* Old Exchange: "* [COPYUID ...] text" without OK; others leave out the star as well. */
		h.type = LINE_STATUS;
		h.rest = at;
		return h;
	}
	if (at < line.n && is_digit(line.p[at])) {
		size_t end = token_word_end(line, at);
		h.number = slice_of(line.p + at, end - at);
		at = token_skip_spaces(line, end);
	}
	size_t end = name_end(line, at);
	h.name = slice_of(line.p + at, end - at);
	h.rest = end;
	if (h.number.n == 0 && token_is_condition(h.name))
		h.type = LINE_STATUS;
	return h;
}

bool token_is_fetch(const struct line_head *h)
{
	return h->type == LINE_DATA && h->number.n > 0 &&
		(slice_ieq_str(h->name, "FETCH") || slice_ieq_str(h->name, "UIDFETCH"));
}

static bool may_follow_string(unsigned char c)
{
	return c == ' ' || c == ')' || c == '(' || c == '"' || c == '\r' || c == '\n';
}

size_t token_quote_end(struct slice s, size_t i)
{
	for (; i < s.n && s.p[i] != '\n'; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\'))
			i++;
		else if (s.p[i] == '"' && (i + 1 == s.n || may_follow_string(s.p[i + 1])))
			return i;
	}
	return i;
}

bool token_literal(struct slice s, size_t at, uint64_t *size, size_t *after)
{
	size_t i = at;
	if (i < s.n && s.p[i] == '~')
		i++;
	if (i >= s.n || s.p[i] != '{')
		return false;
	size_t first = ++i;
	while (i < s.n && is_digit(s.p[i]))
		i++;
	struct slice digits = slice_of(s.p + first, i - first);
	if (i < s.n && s.p[i] == '+')
		i++;
	if (i >= s.n || s.p[i] != '}')
		return false;
	i++;
	if (i < s.n && s.p[i] == '\r')
		i++;
	if (i >= s.n || s.p[i] != '\n' || !slice_u64(digits, TOKEN_LITERAL_SIZE_MAX, size))
		return false;
	*after = i + 1;
	return true;
}

bool token_opens_section(struct slice word)
{
	return slice_ieq_str(word, "BODY") || slice_ieq_str(word, "BODY.PEEK") ||
		slice_ieq_str(word, "BINARY") || slice_ieq_str(word, "BINARY.PEEK");
}

bool token_body_item(struct slice name, struct slice *section)
{
	static const struct {
		const char *name, *section;
	} plain[] = {{"RFC822", ""}, {"RFC822.TEXT", "TEXT"}, {"RFC822.HEADER", "HEADER"}};
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (slice_ieq_str(name, plain[i].name)) {
			*section = slice_str(plain[i].section);
			return true;
		}
	const unsigned char *open = name.n > 0 ? memchr(name.p, '[', name.n) : NULL;
	if (open == NULL || !token_opens_section(slice_of(name.p, (size_t)(open - name.p))))
		return false;
	size_t end = name.n;
	if (name.p[end - 1] == '>') { /* the origin of a partial fetch, <n> */
		while (end > 0 && name.p[end - 1] != '<')
			end--;
		if (end == 0)
			return false;
		end--;
	}
	size_t first = (size_t)(open - name.p) + 1;
	if (end <= first || name.p[end - 1] != ']') {
		return false;
	}
	*section = slice_of(name.p + first, end - 1 - first);
	return true;
}

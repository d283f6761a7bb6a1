/* SPDX-License-Identifier: MIT */
/*
 * mail_flags.c -- the flags of a message as one canonical text (RFC 9051 section 2.3.2).
 *
 * The text is built beside the old one and then swapped in: a failure leaves the flags as they
 * were, and the input may point into the text that is being replaced.
 */
#include "core/base/mail.h"

#include <stdlib.h>
#include <string.h>

/* In the order of the canonical text. */
static const struct {
	const char *name;
	uint32_t bit;
} system_flags[] = {
	{"\\Answered", MAIL_ANSWERED},
	{"\\Deleted", MAIL_DELETED},
	{"\\Draft", MAIL_DRAFT},
	{"\\Flagged", MAIL_FLAGGED},
	{"\\Seen", MAIL_SEEN},
};
#define SYSTEM_FLAGS (sizeof system_flags / sizeof *system_flags)

/* Most messages have fewer keywords than this and need no allocation for sorting. */
#define FEW 16

void mail_flags_init(struct mail_flags *f)
{
	buf_init(&f->text, MAIL_FLAGS_TEXT_MAX);
	f->bits = 0;
	f->dropped = 0;
}

void mail_flags_release(struct mail_flags *f)
{
	buf_release(&f->text);
	mail_flags_init(f);
}

static uint32_t system_bit(struct slice flag)
{
	for (size_t i = 0; i < SYSTEM_FLAGS; i++)
		if (slice_ieq_str(flag, system_flags[i].name))
			return system_flags[i].bit;
	return 0;
}

/* Could it stand in the canonical text, and within the limit? Servers send more than atoms allow;
 * only what would break the text apart is refused. */
static bool is_keyword(struct slice flag)
{
	if (flag.n == 0 || flag.n > MAIL_KEYWORD_MAX)
		return false;
	for (size_t i = 0; i < flag.n; i++)
		if (flag.p[i] <= ' ' || flag.p[i] == 0x7F)
			return false;
	return true;
}

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

static int compare_folded(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	for (size_t i = 0; i < n; i++) {
		int d = fold(a.p[i]) - fold(b.p[i]);
		if (d != 0)
			return d;
	}
	return (a.n > b.n) - (a.n < b.n);
}

/* Spellings of one keyword come together, the first in byte order in front. */
static int by_keyword(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int c = compare_folded(*x, *y);
	return c != 0 ? c : slice_cmp(*x, *y);
}

static int by_bytes(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	return slice_cmp(*x, *y);
}

/* Sort, and drop all but the first spelling of each; returns how many are left. */
static size_t sort_keywords(struct slice *k, size_t n)
{
	if (n == 0)
		return 0;
	qsort(k, n, sizeof *k, by_keyword);
	size_t kept = 1;
	for (size_t i = 1; i < n; i++)
		if (compare_folded(k[i], k[kept - 1]) != 0)
			k[kept++] = k[i];
	qsort(k, kept, sizeof *k, by_bytes);
	return kept;
}

static void add_word(struct buf *text, struct slice word)
{
	if (text->len > 0)
		buf_add_byte(text, ' ');
	buf_add_slice(text, word);
}

/* `keyword` has room for n slices. */
static int build(struct mail_flags *f, const struct slice *flag, size_t n, struct slice *keyword,
	struct err *e)
{
	struct mail_flags made;
	mail_flags_init(&made);
	size_t keywords = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t bit = system_bit(flag[i]);
		made.bits |= bit;
		if (bit != 0 || slice_ieq_str(flag[i], "\\Recent"))
			continue;
		if (is_keyword(flag[i]))
			keyword[keywords++] = flag[i];
		else
			made.dropped++;
	}
	keywords = sort_keywords(keyword, keywords);
	for (size_t i = 0; i < SYSTEM_FLAGS; i++)
		if ((made.bits & system_flags[i].bit) != 0)
			add_word(&made.text, slice_str(system_flags[i].name));
	for (size_t i = 0; i < keywords; i++) {
		size_t need = keyword[i].n + (made.text.len > 0);
		if (i >= MAIL_KEYWORDS_MAX || need > MAIL_FLAGS_TEXT_MAX - made.text.len) {
			made.dropped += keywords - i;
			break;
		}
		add_word(&made.text, keyword[i]);
		if (slice_ieq_str(keyword[i], "$Forwarded"))
			made.bits |= MAIL_FORWARDED;
	}
	if (buf_check(&made.text, "the list of flags", e) != 0) {
		mail_flags_release(&made);
		return -1;
	}
	buf_release(&f->text);
	*f = made;
	return 0;
}

int mail_flags_set(struct mail_flags *f, const struct slice *flag, size_t n, struct err *e)
{
	struct slice few[FEW];
	if (n <= FEW)
		return build(f, flag, n, few, e);
	if (n > SIZE_MAX / sizeof *flag)
		return err_nomem(e, "sorting flags");
	struct slice *many = malloc(n * sizeof *many);
	if (many == NULL)
		return err_nomem(e, "sorting flags");
	int result = build(f, flag, n, many, e);
	free(many);
	return result;
}

int mail_flags_parse(struct mail_flags *f, struct slice text, struct err *e)
{
	size_t n = 0, at = 0;
	struct slice flag;
	while (mail_flags_next(text, &at, &flag))
		n++;
	struct slice few[FEW] = {SLICE_NONE}, *all = few;
	if (n > FEW) {
		all = malloc(n * sizeof *all);
		if (all == NULL)
			return err_nomem(e, "reading flags");
	}
	at = 0;
	for (size_t i = 0; i < n && mail_flags_next(text, &at, &flag); i++)
		all[i] = flag;
	int result = mail_flags_set(f, all, n, e);
	if (all != few)
		free(all);
	return result;
}

bool mail_flags_next(struct slice text, size_t *at, struct slice *flag)
{
	while (*at < text.n && text.p[*at] == ' ')
		++*at;
	size_t start = *at;
	while (*at < text.n && text.p[*at] != ' ')
		++*at;
	if (*at == start)
		return false;
	*flag = slice_of(text.p + start, *at - start);
	return true;
}

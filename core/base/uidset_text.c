/* SPDX-License-Identifier: MIT */
/*
 * uidset_text.c -- UID sets as text: the sequence-set of RFC 9051 section 9, without '*'.
 */
#include "core/base/uidset.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

static int not_a_set(struct slice text, struct err *e)
{
	char shown[120];
	return err_set(e, ERR_MAILBOX, E_INVALID, "\"%s\" is not a set of UIDs",
		text_show(shown, sizeof shown, text));
}

/* seq-range or nz-number; the two ends of a range may come in either order. That they are not zero
 * is checked where they are added. */
static bool parse_seq_range(struct slice text, struct uid_range *r)
{
	const unsigned char *colon = text.n == 0 ? NULL : memchr(text.p, ':', text.n);
	struct slice first = text, second = text;
	if (colon != NULL) {
		first.n = (size_t)(colon - text.p);
		second = slice_of(colon + 1, text.n - first.n - 1);
	}
	uint64_t a, b;
	if (!slice_u64(first, UID_MAX, &a) || !slice_u64(second, UID_MAX, &b))
		return false;
	r->lo = (uint32_t)(a < b ? a : b);
	r->hi = (uint32_t)(a < b ? b : a);
	return true;
}

static int compare_lo(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;
	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Ranges in any order, overlapping or not, become a proper set. */
static int add_all(struct uidset *s, struct uid_range *r, size_t n, bool ascending, struct err *e)
{
	if (!ascending)
		qsort(r, n, sizeof *r, compare_lo);
	struct uidset parsed = UIDSET_INIT;
	int result = 0;
	for (size_t i = 0; i < n && result == 0; i++)
		result = uidset_add_range(&parsed, r[i].lo, r[i].hi, e);
	if (result == 0)
		result = uidset_unite(s, &parsed, e);
	uidset_release(&parsed);
	return result;
}

int uidset_parse(struct uidset *s, struct slice text, struct err *e)
{
	/* One slot for each comma. Sorted before anything is inserted, so that a long list in
	 * descending order, which a server is free to send, does not cost a square. */
	size_t n = 1;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == ',';
	if (n > UIDSET_RANGES_MAX)
		return err_set(e, ERR_MAILBOX, E_LIMIT, "a set of UIDs has more than %zu ranges",
			UIDSET_RANGES_MAX);
	struct uid_range *r = malloc(n * sizeof *r);
	if (r == NULL)
		return err_nomem(e, "reading a set of UIDs");
	bool ascending = true;
	struct slice rest = text;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *comma = rest.n == 0 ? NULL : memchr(rest.p, ',', rest.n);
		struct slice item = rest;
		if (comma != NULL) {
			item.n = (size_t)(comma - rest.p);
			rest = slice_of(comma + 1, rest.n - item.n - 1);
		}
		if (!parse_seq_range(item, &r[i])) {
			free(r);
			return not_a_set(text, e);
		}
		ascending = ascending && (i == 0 || r[i].lo >= r[i - 1].lo);
	}
	int result = add_all(s, r, n, ascending, e);
	free(r);
	return result;
}

static size_t digits(uint32_t v)
{
	size_t n = 1;
	for (; v >= 10; v /= 10)
		n++;
	return n;
}

static size_t range_length(struct uid_range r)
{
	return digits(r.lo) + (r.lo == r.hi ? 0 : 1 + digits(r.hi));
}

static void add_range_text(struct buf *out, struct uid_range r)
{
	buf_add_u64(out, r.lo);
	if (r.lo == r.hi)
		return;
	buf_add_byte(out, ':');
	buf_add_u64(out, r.hi);
}

int uidset_format(const struct uidset *s, struct buf *out, struct err *e)
{
	uint32_t from = 0;
	return uidset_format_part(s, &from, SIZE_MAX, out, e) == 0 ? 0 : -1;
}

int uidset_format_part(
	const struct uidset *s, uint32_t *from, size_t max_bytes, struct buf *out, struct err *e)
{
	size_t start = out->len, used = 0;
	uint32_t last = *from;
	int left = 0;
	struct uid_range r;
	while (uidset_range_after(s, last, &r)) {
		size_t more = range_length(r) + (used > 0);
		if (used > 0 && (more > max_bytes || used > max_bytes - more)) {
			left = 1;
			break;
		}
		if (used > 0)
			buf_add_byte(out, ',');
		add_range_text(out, r);
		used += more;
		last = r.hi;
	}
	if (buf_check(out, "a set of UIDs", e) != 0) {
		buf_truncate(out, start);
		return err_widen(e, ERR_MAILBOX);
	}
	*from = last;
	return left;
}

/* SPDX-License-Identifier: MIT */
/*
 * resp_numbers.c -- SEARCH, ESEARCH (with PARTIAL, RFC 9394) and VANISHED: numbers go straight into ranges.
 *
 * Numbers in ascending order, as servers send them, are appended. Others are collected, sorted once and
 * united with the rest: inserting each at its place would be quadratic.
 */
#include <stdlib.h>
#include <string.h>

#include "core/imap/value.h"

/* ---- ranges in any order ------------------------------------------------------------------------------ */

struct collect {
	struct uidset *set;
	struct uid_range *odd; /* out of order */
	size_t n, cap;
};

static int add_odd(struct collect *c, uint32_t lo, uint32_t hi, struct err *e)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 64 : c->cap * 2;
		if (cap > UIDSET_RANGES_MAX)
			return err_set(e, ERR_MAILBOX, E_LIMIT, "a list of numbers is too long");
		struct uid_range *odd = realloc(c->odd, cap * sizeof *odd);
		if (odd == NULL)
			return err_nomem(e, "reading a list of numbers");
		c->odd = odd;
		c->cap = cap;
	}
	c->odd[c->n++] = (struct uid_range){lo, hi};
	return 0;
}

static int collect(struct collect *c, uint32_t lo, uint32_t hi, struct err *e)
{
	if (lo > uidset_max(c->set))
		return uidset_add_range(c->set, lo, hi, e);
	return add_odd(c, lo, hi, e);
}

static int by_start(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;
	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Move what was out of order to its place. A set that is too large is kept as far as it could be read; only lack
 * of memory is an error. r: how collecting ended. */
static int collect_end(struct collect *c, struct imap4_data *d, int r, struct err *e)
{
	struct uidset sorted = UIDSET_INIT;
	bool nomem = r != 0 && e->code == E_NOMEM;
	bool too_long = r != 0 && !nomem;
	r = 0;
	if (c->n > 0)
		qsort(c->odd, c->n, sizeof *c->odd, by_start);
	for (size_t i = 0; i < c->n && r == 0 && !nomem; i++)
		r = uidset_add_range(&sorted, c->odd[i].lo, c->odd[i].hi, e);
	if (r == 0 && c->n > 0 && !nomem)
		r = uidset_unite(c->set, &sorted, e);
	uidset_release(&sorted);
	free(c->odd);
	if (nomem || (r != 0 && e->code == E_NOMEM))
		return -1;
	if (too_long || r != 0) {
		d->damaged = true;
		err_clear(e);
	}
	return 0;
}

/* ---- texts -------------------------------------------------------------------------------------------- */

_Static_assert(IMAP_DIGITS_MAX == SLICE_U64_DIGITS, "slice_u64() counts the digits");

/* Digits at *i: a number from 1 to 2^32-1. *i is behind the digits in any case. */
static bool read_number(struct slice s, size_t *i, uint32_t *number)
{
	size_t from = *i;
	while (*i < s.n && s.p[*i] >= '0' && s.p[*i] <= '9')
		++*i;
	uint64_t v;
	if (!slice_u64(slice_of(s.p + from, *i - from), UID_MAX, &v) || v == 0)
		return false;
	*number = (uint32_t)v;
	return true;
}

/* One seq-number or seq-range, in either order. *i is behind what could be read. */
static bool read_range(struct slice s, size_t *i, uint32_t *lo, uint32_t *hi)
{
	bool ok = read_number(s, i, lo);
	*hi = *lo;
	if (*i < s.n && s.p[*i] == ':') {
		++*i;
		ok = read_number(s, i, hi) && ok;
	}
	if (ok && *lo > *hi) {
		uint32_t swap = *lo;
		*lo = *hi;
		*hi = swap;
	}
	return ok;
}

/* A sequence-set. Members that cannot be are left out. Its text is kept, for in a sorted result the order counts. */
static int read_set_text(struct imap4_data *d, struct slice s, struct err *e)
{
	struct collect c = {.set = &d->u.numbers.set};
	d->u.numbers.order = s;
	int r = 0;
	for (size_t i = 0; i < s.n && r == 0; i++) {
		uint32_t lo = 0, hi;
		bool ok = read_range(s, &i, &lo, &hi);
		if (i < s.n && s.p[i] != ',') {
			ok = false;
			while (i < s.n && s.p[i] != ',')
				i++;
		}
		if (ok)
			r = collect(&c, lo, hi, e);
		else
			d->damaged = true;
	}
	return collect_end(&c, d, r, e);
}

/* The sequence-set at the place reached, up to the next space. */
static int read_set(struct imap4_data *d, struct values *v, struct err *e)
{
	size_t end = token_word_end(v->text, v->at);
	struct slice s = slice_of(v->text.p + v->at, end - v->at);
	v->at = end;
	return read_set_text(d, s, e);
}

/* "1 2 3", up to the first thing that does not begin with a digit. */
static int read_numbers(struct imap4_data *d, struct values *v, struct err *e)
{
	struct collect c = {.set = &d->u.numbers.set};
	struct slice s = v->text;
	size_t i = v->at;
	int r = 0;
	while (r == 0) {
		i = token_skip_spaces(s, i);
		if (i == s.n || s.p[i] == '(')
			break;
		uint32_t number;
		bool ok = read_number(s, &i, &number);
		size_t end = token_word_end(s, i);
		if (ok && end == i) {
			r = collect(&c, number, number, e);
		} else {
			d->damaged = true;
			i = end + (end < s.n && s.p[end] != ' '); /* CR and LF are no spaces */
		}
	}
	v->at = i;
	return collect_end(&c, d, r, e);
}

/* ---- responses ---------------------------------------------------------------------------------------- */

static void begin_numbers(struct imap4_data *d)
{
	d->u.numbers.view.set = &d->u.numbers.set;
}

/* "(MODSEQ 917162500)" behind the numbers of a SEARCH (RFC 7162 section 3.1.5). */
static void read_search_modseq(struct imap4_data *d, const struct imap4_node *list)
{
	imap4_numbers *view = &d->u.numbers.view;
	const struct imap4_node *name = resp_only(list);
	if (name != NULL && slice_ieq_str(resp_node_slice(name), "MODSEQ") &&
		resp_number(imap4_node_next(name), INT64_MAX, &view->modseq))
		view->have |= IMAP4_HAVE_MODSEQ;
	else
		d->damaged = true;
}

int resp_read_search(struct imap4_data *d, struct values *v, struct err *e)
{
	begin_numbers(d);
	d->u.numbers.view.have = IMAP4_HAVE_ALL;
	while (!value_at_end(v)) {
		size_t index;
		if (read_numbers(d, v, e) != 0)
			return -1;
		int r = value_next(v, &index, e);
		if (r < 0)
			return -1;
		if (r > 0)
			read_search_modseq(d, &d->node[index]);
	}
	return 0;
}

int resp_read_vanished(struct imap4_data *d, struct values *v, struct err *e)
{
	begin_numbers(d);
	if (!value_at_end(v) && v->text.p[v->at] == '(') {
		size_t index;
		if (value_next(v, &index, e) < 0)
			return -1;
		const struct imap4_node *word = resp_only(&d->node[index]);
		if (slice_ieq_str(resp_node_slice(word), "EARLIER"))
			d->u.numbers.view.earlier = 1;
		else
			d->damaged = true;
	}
	/* An empty set is not in the grammar, but is sent (Q22). */
	if (value_at_end(v))
		return 0;
	d->u.numbers.view.have = IMAP4_HAVE_ALL;
	return read_set(d, v, e);
}

static void read_esearch_number(
	struct imap4_data *d, struct slice name, const struct imap4_node *value)
{
	imap4_numbers *view = &d->u.numbers.view;
	uint64_t n;
	uint32_t bit = 0;
	if (slice_ieq_str(name, "MIN") && resp_number(value, UID_MAX, &n)) {
		bit = IMAP4_HAVE_MIN;
		view->min = (uint32_t)n;
	} else if (slice_ieq_str(name, "MAX") && resp_number(value, UID_MAX, &n)) {
		bit = IMAP4_HAVE_MAX;
		view->max = (uint32_t)n;
	} else if (slice_ieq_str(name, "COUNT") && resp_number(value, INT64_MAX, &n)) {
		bit = IMAP4_HAVE_COUNT;
		view->count = n;
	} else if (slice_ieq_str(name, "MODSEQ") && resp_number(value, INT64_MAX, &n)) {
		bit = IMAP4_HAVE_MODSEQ;
		view->modseq = n;
	}
	view->have |= bit;
	static const char *const known[] = {"MIN", "MAX", "COUNT", "MODSEQ"};
	for (size_t i = 0; bit == 0 && i < sizeof known / sizeof *known; i++)
		if (slice_ieq_str(name, known[i]))
			d->damaged = true;
}

static bool read_signed(struct slice s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t v;
	if (!slice_u64(slice_of(s.p + minus, s.n - minus), UID_MAX, &v) || v == 0)
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

/* partial-range (RFC 9394 section 4): both ends are counted from the same side. */
static bool read_partial_range(struct slice s, int64_t *first, int64_t *last)
{
	const unsigned char *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
	if (colon == NULL)
		return false;
	size_t n = (size_t)(colon - s.p);
	return read_signed(slice_of(s.p, n), first) &&
		read_signed(slice_of(colon + 1, s.n - n - 1), last) && (*first < 0) == (*last < 0);
}

/* ret-data-partial = "PARTIAL" SP "(" partial-range SP partial-results ")" (RFC 9394 section 4); the name is read. */
static int read_partial(struct imap4_data *d, struct values *v, struct err *e)
{
	imap4_numbers *view = &d->u.numbers.view;
	size_t at = token_skip_spaces(v->text, v->at);
	const unsigned char *p = v->text.p + at, *end = NULL;
	if (at < v->text.n && *p == '(')
		end = memchr(p, ')', v->text.n - at);
	if (end == NULL) {
		d->damaged = true;
		return 0; /* whatever stands there is a value like others */
	}
	v->at = at + (size_t)(end - p) + 1;
	struct slice s = slice_of(p + 1, (size_t)(end - p) - 1);
	size_t range = token_word_end(s, 0), set = token_skip_spaces(s, range);
	struct slice numbers = token_trim_end(slice_of(s.p + set, s.n - set));
	if (!read_partial_range(slice_of(s.p, range), &view->partial_first, &view->partial_last) ||
		numbers.n == 0) {
		d->damaged = true;
		return 0;
	}
	view->have |= IMAP4_HAVE_PARTIAL;
	return slice_ieq_str(numbers, "NIL") ? 0 : read_set_text(d, numbers, e);
}

/* One word of an ESEARCH response, and the value that belongs to it. */
static int read_esearch_item(struct imap4_data *d, struct values *v, size_t index, struct err *e)
{
	imap4_numbers *view = &d->u.numbers.view;
	struct slice name = resp_node_slice(&d->node[index]);
	if (slice_ieq_str(name, "UID")) {
		view->uid = 1;
		return 0;
	}
	if (slice_ieq_str(name, "ALL")) {
		view->have |= IMAP4_HAVE_ALL;
		return value_at_end(v) ? 0 : read_set(d, v, e);
	}
	if (slice_ieq_str(name, "PARTIAL"))
		return read_partial(d, v, e);
	int r = value_next(v, &index, e);
	if (r == 0)
		d->damaged = true; /* a name without a value */
	if (r > 0)
		read_esearch_number(d, name, &d->node[index]);
	return r < 0 ? -1 : 0;
}

/* RFC 9051 section 9, esearch-response; values that are not known are left in the tree. */
int resp_read_esearch(struct imap4_data *d, struct values *v, struct err *e)
{
	begin_numbers(d);
	size_t index;
	int r;
	bool first = true;
	while ((r = value_next(v, &index, e)) > 0) {
		const struct imap4_node *n = &d->node[index];
		const struct imap4_node *word = resp_only(n);
		if (n->kind == IMAP4_NODE_LIST && first &&
			slice_ieq_str(resp_node_slice(word), "TAG"))
			d->u.numbers.view.tag = resp_str(imap4_node_next(word));
		else if (n->kind != IMAP4_NODE_ATOM)
			d->damaged = true;
		else if (read_esearch_item(d, v, index, e) != 0)
			return -1;
		first = false;
	}
	return r;
}

struct slice resp_order(const struct imap4_data *d)
{
	return d->kind == IMAP4_DATA_ESEARCH ? d->u.numbers.order : SLICE_NONE;
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_order.c -- what an ESEARCH answer tells by its order: the result of an extended SORT (RFC 5267 section 3), and the scores
 * of a fuzzy search (RFC 6203 section 4), of which the n-th belongs to the n-th number.
 *
 * Its set means something only as it is written: as ranges it is out of order.
 */
#include "core/imap/cmd_query.h"

#include <stdlib.h>

#include "core/base/text.h"

#define SCORE_MAX 100 /* RFC 6203 section 4 */

int query_unreadable(struct imap4_cmd *c)
{
	cmd_fail_local(c, IMAP4_E_PROTO, "the server sent a result that cannot be read");
	return 0;
}

/* The next seq-number or seq-range; a range ascends however it is written (RFC 5267 section 3.2). */
static bool next_range(struct slice *rest, uint32_t *lo, uint32_t *hi)
{
	size_t n = 0, colon;
	while (n < rest->n && rest->p[n] != ',')
		n++;
	for (colon = 0; colon < n && rest->p[colon] != ':';)
		colon++;
	uint64_t a, b;
	if (!slice_u64(slice_of(rest->p, colon), UINT32_MAX, &a))
		return false;
	b = a;
	if (colon < n && !slice_u64(slice_of(rest->p + colon + 1, n - colon - 1), UINT32_MAX, &b))
		return false;
	*lo = (uint32_t)(a < b ? a : b);
	*hi = (uint32_t)(a < b ? b : a);
	*rest = n < rest->n ? slice_of(rest->p + n + 1, rest->n - n - 1) : SLICE_NONE;
	return *lo > 0;
}

/* How many numbers the set has, each counted as often as it comes; SIZE_MAX: it cannot be read, or too many. */
static size_t count_ordered(struct slice set)
{
	size_t n = 0;
	while (set.n > 0) {
		uint32_t lo, hi;
		if (!next_range(&set, &lo, &hi) || hi - lo >= IMAP_SORTED_MAX - n)
			return SIZE_MAX;
		n += (size_t)(hi - lo) + 1;
	}
	return n;
}

/* score-list (RFC 6203 section 7), or NULL. */
static const imap4_node *score_list(const struct imap4_data *d)
{
	const imap4_node *v = imap4_node_child(imap4_data_root(d));
	for (; v != NULL; v = imap4_node_next(v)) {
		imap4_str s = imap4_node_text(v);
		if (imap4_node_kind(v) == IMAP4_NODE_ATOM &&
			slice_ieq_str(slice_of(s.ptr, s.len), "RELEVANCY"))
			break;
	}
	v = imap4_node_next(v);
	return v != NULL && imap4_node_kind(v) == IMAP4_NODE_LIST ? v : NULL;
}

/* Exactly n scores into `out` (NULL: only look). */
static bool read_scores(const imap4_node *list, size_t n, unsigned char *out)
{
	size_t i = 0;
	for (const imap4_node *v = imap4_node_child(list); v != NULL; v = imap4_node_next(v), i++) {
		uint64_t score;
		if (i == n || !imap4_node_u64(v, &score) || score == 0 || score > SCORE_MAX)
			return false;
		if (out != NULL)
			out[i] = (unsigned char)score;
	}
	return list != NULL && i == n;
}

/* n: how many numbers the set has. */
static int keep(struct imap4_cmd *c, const struct imap4_data *d, size_t n, struct err *e)
{
	const struct query_args *a = c->more;
	struct slice set = resp_order(d);
	const imap4_node *list = (a->wanted & IMAP4_WANT_RELEVANCY) != 0 ? score_list(d) : NULL;
	struct query_ordered *s = calloc(1, sizeof *s + n * (sizeof s->at[0] + 1));
	if (s == NULL)
		return err_nomem(e, c->kind->name);
	c->outcome = s;
	c->free_outcome = free;
	s->view.at = s->at;
	for (uint32_t lo, hi; set.n > 0 && next_range(&set, &lo, &hi);)
		for (uint64_t i = lo; i <= hi; i++)
			s->at[s->view.n++] = (uint32_t)i;
	unsigned char *scores = (unsigned char *)&s->at[n];
	if (read_scores(list, n, scores))
		s->scores = (imap4_scores){.number = s->at, .score = scores, .n = n};
	return 0;
}

int query_take_ordered(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	size_t n = count_ordered(resp_order(d));
	if (resp_is_damaged(d) || n == SIZE_MAX || c->outcome != NULL)
		return query_unreadable(c);
	query_note_numbers(&c->numbers_view, imap4_data_numbers(d));
	if ((c->numbers_view.have & (IMAP4_WANT_ALL | IMAP4_HAVE_PARTIAL)) == 0)
		return 0;
	return keep(c, d, n, e);
}

int query_take_scores(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	struct query_args *a = c->more;
	if ((a->wanted & IMAP4_WANT_RELEVANCY) == 0 || imap4_data_kind(d) != IMAP4_DATA_ESEARCH)
		return 0;
	/* Of two answers neither has the scores of the whole. */
	if (c->outcome != NULL) {
		free(c->outcome);
		c->outcome = NULL;
		a->wanted &= ~(uint32_t)IMAP4_WANT_RELEVANCY;
		return 0;
	}
	size_t n = count_ordered(resp_order(d));
	return n != SIZE_MAX && read_scores(score_list(d), n, NULL) ? keep(c, d, n, e) : 0;
}

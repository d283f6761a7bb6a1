/* SPDX-License-Identifier: MIT */
/* restore_list.c -- see restore_list.h. */
#include "core/sync/restore_list.h"

#include <stdlib.h>

void listing_release(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i].content);
	free(l->at);
	free(l->by_date);
	*l = (struct listing){NULL, 0, 0, NULL};
}

/* ---- the target's list ----------------------------------------------------------------------------- */

static int add_message(struct listing *l, const imap4_message *m, struct err *e)
{
	struct mail_date date = {0, 0, false};
	if ((m->have & IMAP4_MSG_UID) == 0)
		return 0;
	if (l->n == l->cap) {
		size_t cap = l->cap > 0 ? 2 * l->cap : 256;
		struct there *at = realloc(l->at, cap * sizeof *at);
		if (at == NULL)
			return err_nomem(e, "the list of messages");
		l->at = at;
		l->cap = cap;
	}
	if ((m->have & IMAP4_MSG_INTERNALDATE) != 0)
		(void)mail_date_parse(slice_of(m->internaldate.ptr, m->internaldate.len), &date);
	l->at[l->n++] = (struct there){
		.size = m->size, .secs = date.secs, .uid = m->uid, .dated = date.valid};
	return 0;
}

static int by_uid(const void *a, const void *b)
{
	const struct there *x = a, *y = b;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* A server may say the same twice. */
static void sort_unique(struct listing *l)
{
	size_t kept = 0;
	if (l->n > 0)
		qsort(l->at, l->n, sizeof *l->at, by_uid);
	for (size_t i = 0; i < l->n; i++)
		if (kept == 0 || l->at[kept - 1].uid != l->at[i].uid)
			l->at[kept++] = l->at[i];
	l->n = kept;
}

struct date_key {
	int64_t secs;
	size_t index;
};

static int by_date(const void *a, const void *b)
{
	const struct date_key *x = a, *y = b;
	if (x->secs != y->secs)
		return x->secs < y->secs ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int sort_dates(struct listing *l, struct err *e)
{
	struct date_key *key = calloc(l->n + 1, sizeof *key);
	l->by_date = calloc(l->n + 1, sizeof *l->by_date);
	if (key == NULL || l->by_date == NULL) {
		free(key);
		return err_nomem(e, "the list of messages");
	}
	for (size_t i = 0; i < l->n; i++)
		key[i] = (struct date_key){l->at[i].secs, i};
	qsort(key, l->n, sizeof *key, by_date);
	for (size_t i = 0; i < l->n; i++)
		l->by_date[i] = key[i].index;
	free(key);
	return 0;
}

int listing_take(struct listing *l, imap4_cmd *c, struct err *e)
{
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;)
		if (imap4_data_message(d) != NULL && add_message(l, imap4_data_message(d), e) != 0)
			return -1;
	return 0;
}

int listing_sort(struct listing *l, struct err *e)
{
	sort_unique(l);
	return sort_dates(l, e);
}

struct there *listing_find(const struct listing *l, uint32_t uid)
{
	const struct there key = {.uid = uid};
	return l->n > 0 ? bsearch(&key, l->at, l->n, sizeof key, by_uid) : NULL;
}

/* ---- candidates ------------------------------------------------------------------------------------ */

bool listing_same_size(const struct want *w, const struct there *t)
{
	return t->size == w->size || (w->claimed != 0 && t->size == w->claimed);
}

/* A line end at most for each octet. */
static bool may_have_grown(const struct want *w, const struct there *t)
{
	return t->size > w->size && t->size / 2 <= w->size;
}

static bool may_be(const struct want *w, const struct there *t)
{
	if (t->used)
		return false;
	bool date = w->date.valid && t->dated && t->secs == w->date.secs;
	if (w->maybe)
		return date || (w->from != 0 && t->uid >= w->from);
	return date ? listing_same_size(w, t) || may_have_grown(w, t)
		    : listing_same_size(w, t) && !w->date.valid;
}

static size_t first_of_date(const struct listing *l, int64_t secs)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->at[l->by_date[mid]].secs < secs)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int listing_candidates(
	struct listing *l, const struct want *w, int (*fn)(struct there *t, void *ctx), void *ctx)
{
	/* Those of the same date are together; without a date, or after an unknown outcome, all are looked at. */
	bool all = !w->date.valid || (w->maybe && w->from != 0);
	size_t i = all ? 0 : first_of_date(l, w->date.secs);
	for (; i < l->n; i++) {
		struct there *t = &l->at[l->by_date[i]];
		if (!all && t->secs != w->date.secs)
			break;
		int rc = may_be(w, t) ? fn(t, ctx) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

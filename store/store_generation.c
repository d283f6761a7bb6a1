/* SPDX-License-Identifier: MIT */
/*
 * store_generation.c -- what is known of one UIDVALIDITY of a mailbox, in memory: which UIDs are stored, gone and
 * failed, and the flags of the stored ones (8 bytes each), so that an unchanged mailbox needs no SQL.
 */
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

/* Additions that are searched one by one before they are sorted in: messages often come newest first, and
 * inserting each in front of all others would take time by the square of their number. */
#define TAIL_MAX 512

/* ---- flags by UID ----------------------------------------------------------------------------- */

static int by_uid(const void *a, const void *b)
{
	uint32_t x = ((const struct flags_of *)a)->uid, y = ((const struct flags_of *)b)->uid;
	return (x > y) - (x < y);
}

static struct flags_of *search_sorted(struct store_generation *g, uint32_t uid)
{
	size_t low = 0, high = g->sorted;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (g->flags[mid].uid < uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < g->sorted && g->flags[low].uid == uid ? &g->flags[low] : NULL;
}

/* Merge the tail in from the back; false without memory, and then it stays as it is. */
static bool sort_tail(struct store_generation *g)
{
	size_t tail = g->n - g->sorted;
	struct flags_of *copy = malloc(tail * sizeof *copy);
	if (copy == NULL)
		return false;
	memcpy(copy, g->flags + g->sorted, tail * sizeof *copy);
	qsort(copy, tail, sizeof *copy, by_uid);
	size_t to = g->n, from = g->sorted;
	while (tail > 0) {
		if (from > 0 && g->flags[from - 1].uid > copy[tail - 1].uid)
			g->flags[--to] = g->flags[--from];
		else
			g->flags[--to] = copy[--tail];
	}
	free(copy);
	g->sorted = g->n;
	return true;
}

struct flags_of *generation_flags(struct store_generation *g, uint32_t uid)
{
	if (g->n - g->sorted > TAIL_MAX)
		sort_tail(g);
	struct flags_of *found = search_sorted(g, uid);
	for (size_t i = g->n; found == NULL && i > g->sorted; i--)
		if (g->flags[i - 1].uid == uid)
			found = &g->flags[i - 1];
	return found;
}

int generation_flags_set(struct store_generation *g, uint32_t uid, int64_t flagset, struct err *e)
{
	bool ascending = g->sorted == g->n && (g->n == 0 || g->flags[g->n - 1].uid < uid);
	struct flags_of *known = ascending ? NULL : generation_flags(g, uid);
	if (known != NULL) {
		known->flagset = (uint32_t)flagset;
		return 0;
	}
	if (g->n == g->cap) {
		size_t cap = g->cap == 0 ? 256 : g->cap + g->cap / 2;
		struct flags_of *flags = cap > SIZE_MAX / sizeof *flags
			? NULL
			: realloc(g->flags, cap * sizeof *flags);
		if (flags == NULL)
			return err_nomem(e, "loading a mailbox");
		g->flags = flags;
		g->cap = cap;
	}
	ascending = g->sorted == g->n && (g->n == 0 || g->flags[g->n - 1].uid < uid);
	g->flags[g->n++] = (struct flags_of){uid, (uint32_t)flagset};
	g->sorted += ascending;
	return 0;
}

/* ---- states ----------------------------------------------------------------------------------- */

int generation_move(struct store_generation *g, uint32_t uid, enum store_state state, struct err *e)
{
	struct uidset *set[] = {&g->stored, &g->gone, &g->failed};
	for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
		if (i != (size_t)state && uidset_remove_range(set[i], uid, uid, e) != 0)
			return -1;
	return uidset_add(set[state], uid, e);
}

struct loading {
	struct store_generation *g;
	struct err *e;
};

static int load_one(void *ctx, uint32_t uid, enum store_state state, int64_t flagset, bool has_file)
{
	struct loading *l = ctx;
	struct uidset *set[] = {&l->g->stored, &l->g->gone, &l->g->failed};
	if (uidset_add(set[state], uid, l->e) != 0)
		return -1;
	return has_file ? generation_flags_set(l->g, uid, flagset, l->e) : 0;
}

/* ---- opening ---------------------------------------------------------------------------------- */

struct store_generation *generation_find(struct store *s, int64_t id)
{
	struct store_generation *g = s->generations;
	while (g != NULL && g->row.id != id)
		g = g->next;
	return g;
}

static void free_generation(struct store_generation *g)
{
	uidset_release(&g->stored);
	uidset_release(&g->gone);
	uidset_release(&g->failed);
	free(g->flags);
	free(g);
}

/* One generation is in memory at most once, so that all see the same. */
static int load(struct store *s, const struct index_generation *row, struct store_generation **out,
	struct err *e)
{
	struct store_generation *g = generation_find(s, row->id);
	if (g != NULL) {
		g->refs++;
		*out = g;
		return 0;
	}
	g = calloc(1, sizeof *g);
	if (g == NULL)
		return err_nomem(e, "loading a mailbox");
	g->s = s;
	g->row = *row;
	g->refs = 1;
	struct loading l = {g, e};
	if (index_states(s->x, row->id, 1, UID_MAX, load_one, &l, e) != 0) {
		free_generation(g);
		return -1;
	}
	g->next = s->generations;
	s->generations = g;
	*out = g;
	return 0;
}

int store_generation_load(
	struct store *s, int64_t generation, struct store_generation **out, struct err *e)
{
	struct index_generation row;
	*out = NULL;
	int result = index_generation_get(s->x, generation, &row, e);
	if (result == 0)
		return err_set(e, ERR_MAILBOX, E_MISSING, "the index has no generation number %lld",
			(long long)generation);
	return result < 0 ? -1 : load(s, &row, out, e);
}

void store_generation_close(struct store_generation *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	struct store_generation **at = &g->s->generations;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	free_generation(g);
}

/* The side file first: what is wrong with the folder concerns this mailbox alone. */
static int make_current(struct store *s, const struct index_mailbox *box,
	struct index_generation *row, struct err *e)
{
	struct folder *f;
	if (folder_get(s, box->id, &f, e) != 0 ||
		folder_write_side(s, &f->m, box, row->uidvalidity, e) != 0)
		return -1;
	if (index_generation_make(s->x, row, s->run, e) != 0)
		return -1;
	if (row->id == box->generation)
		return 0;
	if (index_generation_make_current(s->x, row, e) != 0 ||
		index_span_end(s->x, box->id, s->run, e) != 0)
		return -1;
	return index_span_begin(s->x, box->id, row->id, s->run, e);
}

static int open_generation(struct store *s, int64_t mailbox, uint32_t uidvalidity,
	struct store_generation **out, int64_t *previous, struct err *e)
{
	struct index_mailbox box;
	struct index_generation row = {0, mailbox, uidvalidity};
	index_mailbox_init(&box);
	int result = index_mailbox_get(s->x, mailbox, &box, e);
	if (result == 0)
		result = err_set(e, ERR_MAILBOX, E_MISSING, "the index has no mailbox number %lld",
			(long long)mailbox);
	if (result > 0)
		result = make_current(s, &box, &row, e);
	if (result == 0)
		result = load(s, &row, out, e);
	if (result == 0)
		*previous = row.id != box.generation ? box.generation : 0;
	index_mailbox_release(&box);
	return result;
}

int store_generation_open(struct store *s, int64_t mailbox, uint32_t uidvalidity,
	struct store_generation **out, int64_t *previous, struct err *e)
{
	*out = NULL;
	*previous = 0;
	if (store_writable(s, e) != 0)
		return -1;
	if (uidvalidity == 0)
		return err_set(e, ERR_MAILBOX, E_INVALID, "UIDVALIDITY 0 is not possible");
	s->group.changes++;
	return store_outcome(s, open_generation(s, mailbox, uidvalidity, out, previous, e), e);
}

/* ---- questions and marks ---------------------------------------------------------------------- */

int64_t store_generation_id(const struct store_generation *g)
{
	return g->row.id;
}

uint32_t store_generation_uidvalidity(const struct store_generation *g)
{
	return g->row.uidvalidity;
}

const struct uidset *store_stored(const struct store_generation *g)
{
	return &g->stored;
}

const struct uidset *store_gone(const struct store_generation *g)
{
	return &g->gone;
}

const struct uidset *store_failed(const struct store_generation *g)
{
	return &g->failed;
}

int store_marks_set(struct store_generation *g, const struct store_marks *m, struct err *e)
{
	struct store *s = g->s;
	if (store_writable(s, e) != 0)
		return -1;
	s->group.changes++;
	return store_outcome(s, index_marks_set(s->x, g->row.id, m, s->run, e), e);
}

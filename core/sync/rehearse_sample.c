/* SPDX-License-Identifier: MIT */
/* rehearse_sample.c -- see rehearse_sample.h. */
#include "core/sync/rehearse_sample.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/random.h"

int sample_init(struct sample *s, size_t size, uint64_t seed, struct err *e)
{
	memset(s, 0, sizeof *s);
	s->size = size;
	s->random = seed;
	s->messages.at = calloc(size, sizeof *s->messages.at);
	s->folders.at = calloc(size, sizeof *s->folders.at);
	s->chosen = calloc(size, sizeof *s->chosen);
	if (s->messages.at != NULL && s->folders.at != NULL && s->chosen != NULL)
		return 0;
	sample_release(s);
	return err_nomem(e, "the sample");
}

void sample_release(struct sample *s)
{
	free(s->messages.at);
	free(s->folders.at);
	free(s->chosen);
	memset(s, 0, sizeof *s);
}

/* After n offers each of them is in with the same probability, size / n. */
static void offer(struct sample *s, struct sample_reservoir *r, struct sample_pick pick)
{
	r->offered++;
	if (r->n < s->size) {
		r->at[r->n++] = pick;
		return;
	}
	uint64_t at = random_below(&s->random, r->offered);
	if (at < s->size)
		r->at[at] = pick;
}

void sample_folder(struct sample *s)
{
	if (s->in_folder > 0)
		offer(s, &s->folders, s->one);
	s->in_folder = 0;
}

void sample_offer(struct sample *s, int64_t generation, uint32_t uid)
{
	const struct sample_pick pick = {generation, uid};
	s->in_folder++;
	if (random_below(&s->random, s->in_folder) == 0)
		s->one = pick;
	offer(s, &s->messages, pick);
}

static int by_number(const void *a, const void *b)
{
	const struct sample_pick *x = a, *y = b;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void sort(struct sample_pick *at, size_t n)
{
	if (n > 0)
		qsort(at, n, sizeof *at, by_number);
}

/* The place in a reservoir depends on when a message was offered; only which ones are in it is left to chance. */
static void shuffle(struct sample *s, struct sample_reservoir *r)
{
	for (size_t i = r->n; i > 1; i--) {
		size_t k = (size_t)random_below(&s->random, i);
		const struct sample_pick swap = r->at[k];
		r->at[k] = r->at[i - 1];
		r->at[i - 1] = swap;
	}
}

static bool is_in(const struct sample_pick *at, size_t n, const struct sample_pick *pick)
{
	return n > 0 && bsearch(pick, at, n, sizeof *at, by_number) != NULL;
}

void sample_choose(struct sample *s)
{
	sample_folder(s);
	s->nfolders = s->nchosen = s->folders.n;
	if (s->nfolders > 0)
		memcpy(s->chosen, s->folders.at, s->nfolders * sizeof *s->chosen);
	sort(s->chosen, s->nfolders);
	shuffle(s, &s->messages);
	for (size_t i = 0; i < s->messages.n && s->nchosen < s->size; i++)
		if (!is_in(s->chosen, s->nfolders, &s->messages.at[i]))
			s->chosen[s->nchosen++] = s->messages.at[i];
	sort(s->chosen, s->nchosen);
}

bool sample_has(const struct sample *s, int64_t generation, uint32_t uid)
{
	const struct sample_pick pick = {generation, uid};
	return is_in(s->chosen, s->nchosen, &pick);
}

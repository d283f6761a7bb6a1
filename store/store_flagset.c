/* SPDX-License-Identifier: MIT */
/*
 * store_flagset.c -- interned sets of flags.
 *
 * A mailbox of a million messages has some dozens of different sets. So a message remembers a number,
 * and comparing what the server says with what we know costs one look into a hash table and no SQL. The
 * cache is bounded, for a server may well invent a new keyword for each message.
 */
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

#define CACHE_SETS_MAX	16384
#define CACHE_BYTES_MAX ((size_t)4 << 20)

#define RECENT(c, id) ((uint64_t)(id) % (sizeof(c)->recent / sizeof *(c)->recent))

/* FNV-1a, with the address of the cache so that collisions cannot be prepared. */
static uint64_t hash_of(const struct flagset_cache *c, struct slice text)
{
	uint64_t h = 14695981039346656037u ^ (uint64_t)(uintptr_t)c;
	for (size_t i = 0; i < text.n; i++)
		h = (h ^ text.p[i]) * 1099511628211u;
	return h ^ (h >> 32);
}

static size_t slot_of(const struct flagset_cache *c, struct slice text, uint64_t hash)
{
	size_t i = (size_t)hash & (c->slots - 1);
	for (; c->slot[i] != 0; i = (i + 1) & (c->slots - 1)) {
		const struct flagset *f = &c->at[c->slot[i] - 1];
		if (f->hash == hash && slice_eq(slice_of(f->text, f->n), text))
			break;
	}
	return i;
}

static bool grow(struct flagset_cache *c)
{
	size_t slots = c->slots == 0 ? 64 : 2 * c->slots;
	uint32_t *slot = calloc(slots, sizeof *slot);
	struct flagset *at = slot == NULL ? NULL : realloc(c->at, slots / 2 * sizeof *at);
	if (at == NULL) {
		free(slot);
		return false;
	}
	free(c->slot);
	c->at = at;
	c->cap = slots / 2;
	c->slot = slot;
	c->slots = slots;
	for (size_t i = 0; i < c->n; i++) {
		size_t k = (size_t)at[i].hash & (slots - 1);
		while (slot[k] != 0)
			k = (k + 1) & (slots - 1);
		slot[k] = (uint32_t)i + 1;
	}
	return true;
}

/* Without memory or room nothing is remembered, and the next time costs a question to the index again. */
static void remember(struct flagset_cache *c, struct slice text, uint64_t hash, int64_t id)
{
	if (c->n == CACHE_SETS_MAX || text.n > CACHE_BYTES_MAX - c->bytes)
		return;
	if (c->n == c->cap && !grow(c))
		return;
	char *copy = malloc(text.n + 1);
	if (copy == NULL)
		return;
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	c->slot[slot_of(c, text, hash)] = c->recent[RECENT(c, id)] = (uint32_t)c->n + 1;
	c->at[c->n++] = (struct flagset){copy, text.n, hash, id};
	c->bytes += text.n;
}

/* Sets that came out of the index are met by their number first. */
static void note_recent(struct flagset_cache *c, struct slice text, int64_t id)
{
	uint64_t hash = hash_of(c, text);
	uint32_t at = c->slots > 0 ? c->slot[slot_of(c, text, hash)] : 0;
	if (at != 0)
		c->recent[RECENT(c, id)] = at;
	else
		remember(c, text, hash, id);
}

int flagset_id(struct store *s, struct slice text, int64_t *id, struct err *e)
{
	struct flagset_cache *c = &s->flagsets;
	if (text.n > MAIL_FLAGS_TEXT_MAX)
		return err_set(e, ERR_MESSAGE, E_LIMIT, "the flags are longer than %d bytes",
			MAIL_FLAGS_TEXT_MAX);
	uint64_t hash = hash_of(c, text);
	if (c->slots > 0) {
		uint32_t at = c->slot[slot_of(c, text, hash)];
		if (at != 0) {
			*id = c->at[at - 1].id;
			return 0;
		}
	}
	if (index_flagset_make(s->x, text, id, e) != 0)
		return -1;
	if (*id <= 0 || *id > UINT32_MAX)
		return err_set(e, ERR_STORE, E_CORRUPT, "the index has a set of flags number %lld",
			(long long)*id);
	remember(c, text, hash, *id);
	return 0;
}

static const struct flagset *recent(const struct flagset_cache *c, int64_t id)
{
	uint32_t at = c->recent[RECENT(c, id)];
	return at != 0 && c->at[at - 1].id == id ? &c->at[at - 1] : NULL;
}

bool flagset_has_keywords(const struct store *s, int64_t id)
{
	const struct flagset *known = recent(&s->flagsets, id);
	size_t at = 0;
	struct slice word;
	while (known != NULL && mail_flags_next(slice_of(known->text, known->n), &at, &word))
		if (word.p[0] != '\\')
			return true;
	return known == NULL;
}

int flagset_letters(
	struct store *s, int64_t id, struct maildir *m, char out[FLAG_LETTERS_MAX], struct err *e)
{
	const struct flagset *known = recent(&s->flagsets, id);
	if (known != NULL)
		return flag_letters(slice_of(known->text, known->n), &m->keywords, out, e);
	struct buf text = BUF_INIT(MAIL_FLAGS_TEXT_MAX);
	int result = index_flagset_text(s->x, id, &text, e);
	if (result == 0)
		result = err_set(e, ERR_STORE, E_CORRUPT,
			"the index has no set of flags number %lld", (long long)id);
	if (result > 0) {
		note_recent(&s->flagsets, buf_slice(&text), id);
		result = flag_letters(buf_slice(&text), &m->keywords, out, e);
	}
	buf_release(&text);
	return result;
}

void flagsets_release(struct store *s)
{
	struct flagset_cache *c = &s->flagsets;
	for (size_t i = 0; i < c->n; i++)
		free(c->at[i].text);
	free(c->at);
	free(c->slot);
	memset(c, 0, sizeof *c);
}

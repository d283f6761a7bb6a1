/* SPDX-License-Identifier: MIT */
/*
 * store_rename.c -- new flags in the names of message files.
 *
 * They wait for the commit, as new files do: then each folder is opened once, new letters of all folders are on the disk after
 * two flushes, and the new names after the one that the files need as well. A letter is in the side file, durably, before a
 * name has it. Until then the file has its old name; whoever looks for it finds it by its base.
 *
 * The index has the truth, so a file that is missing or cannot be renamed is a matter for verify and no reason not to record
 * the flags.
 */
#include <stdlib.h>

#include "store/store_internal.h"

/* Side files of so many folders are flushed together; of very few, one by one. */
#define TOGETHER_MAX 32
#define SINGLY_MAX   2

int rename_later(struct store *s, const struct renaming *r, struct err *e)
{
	struct group *g = &s->group;
	if (g->renamings == g->renaming_cap) {
		size_t cap = g->renaming_cap == 0 ? 64 : 2 * g->renaming_cap;
		struct renaming *at = realloc(g->renaming, cap * sizeof *at);
		if (at == NULL)
			return err_nomem(e, "changing flags");
		g->renaming = at;
		g->renaming_cap = cap;
	}
	g->renaming[g->renamings] = *r;
	g->renaming[g->renamings].order = g->renamings;
	g->renamings++;
	return 0;
}

/* By folder; one message's changes one after the other. */
static int by_mailbox(const void *a, const void *b)
{
	const struct renaming *x = a, *y = b;
	if (x->mailbox != y->mailbox)
		return x->mailbox < y->mailbox ? -1 : 1;
	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

size_t renames_mailboxes(const struct group *g)
{
	size_t n = g->renamings > 0;
	for (size_t i = 1; i < g->renamings; i++)
		n += g->renaming[i].mailbox != g->renaming[i - 1].mailbox;
	return n;
}

/* ---- letters ---------------------------------------------------------------------------------- */

/* Folders with new letters, held until these are on the disk. */
struct letters {
	struct folder *at[TOGETHER_MAX];
	size_t n;
	bool placed; /* side files have their names, which are not flushed yet */
};

static int save_singly(struct letters *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (maildir_save_keywords(&l->at[i]->m, e) != 0)
			return -1;
	return 0;
}

static int save_together(struct store *s, struct letters *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (maildir_stage_keywords(&l->at[i]->m, e) != 0)
			return -1;
	if (group_sync_all(s, e) != 0)
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (maildir_place_keywords(&l->at[i]->m, e) != 0)
			return -1;
	l->placed = true;
	return 0;
}

static int save(struct store *s, struct letters *l, struct err *e)
{
	bool together = l->n > SINGLY_MAX && s->syncfs == SYNCFS_WORKS;
	int result = together ? save_together(s, l, e) : save_singly(l, e);
	for (size_t i = 0; i < l->n; i++)
		l->at[i]->held--;
	l->n = 0;
	return result;
}

/* The letters that the names of one folder will need; *i moves behind it. */
static int choose(struct store *s, size_t *i, struct letters *l, struct err *e)
{
	const struct group *g = &s->group;
	struct folder *f;
	char letters[FLAG_LETTERS_MAX];
	int64_t mailbox = g->renaming[*i].mailbox;
	for (; *i < g->renamings && g->renaming[*i].mailbox == mailbox &&
		!flagset_has_keywords(s, g->renaming[*i].to);
		(*i)++)
		;
	if (*i == g->renamings || g->renaming[*i].mailbox != mailbox)
		return 0;
	if (folder_get(s, mailbox, &f, e) != 0)
		return -1;
	for (; *i < g->renamings && g->renaming[*i].mailbox == mailbox; (*i)++)
		if (flagset_letters(s, g->renaming[*i].to, &f->m, letters, e) != 0)
			return -1;
	if (!f->m.keywords.changed)
		return 0;
	f->held++;
	l->at[l->n++] = f;
	return l->n == TOGETHER_MAX ? save(s, l, e) : 0;
}

int renames_prepare(struct store *s, struct err *e)
{
	struct group *g = &s->group;
	struct letters l = {.n = 0};
	if (g->renamings == 0)
		return 0;
	qsort(g->renaming, g->renamings, sizeof *g->renaming, by_mailbox);
	if (renames_mailboxes(g) > SINGLY_MAX && group_try_syncfs(s, e) != 0)
		return -1;
	int result = 0;
	for (size_t i = 0; result == 0 && i < g->renamings;)
		result = choose(s, &i, &l, e);
	if (result == 0)
		result = save(s, &l, e);
	while (l.n > 0)
		l.at[--l.n]->held--;
	if (result == 0 && l.placed)
		result = group_sync_all(s, e);
	return result;
}

/* ---- names ------------------------------------------------------------------------------------ */

static int make(struct store *s, const struct renaming *r, struct err *e)
{
	struct folder *f;
	char base[MESSAGE_NAME_MAX], before[FLAG_LETTERS_MAX], now[FLAG_LETTERS_MAX];
	if (folder_get(s, r->mailbox, &f, e) != 0 ||
		flagset_letters(s, r->from, &f->m, before, e) != 0 ||
		flagset_letters(s, r->to, &f->m, now, e) != 0 ||
		maildir_save_keywords(&f->m, e) != 0)
		return -1;
	int found = index_message_base(s->x, r->generation, r->uid, base, sizeof base, e);
	if (found <= 0)
		return found;
	if (maildir_set_letters(&f->m, base, before, now, e) != 0) {
		if (e->scope > ERR_MESSAGE)
			return -1;
		err_clear(e);
	}
	return 0;
}

int renames_make(struct store *s, int64_t before, struct err *e)
{
	struct group *g = &s->group;
	for (; g->renamed < g->renamings && g->renaming[g->renamed].mailbox < before; g->renamed++)
		if (make(s, &g->renaming[g->renamed], e) != 0)
			return err_widen(e, ERR_STORE);
	return 0;
}

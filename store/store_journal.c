/* SPDX-License-Identifier: MIT */
/*
 * store_journal.c -- what a restore has sent, or is about to send. Needs no run: nothing else of the archive changes.
 */
#include "store/index_journal.h"
#include "store/store_internal.h"

static int put(struct store *s, struct slice target, struct slice mailbox,
	const struct store_journal_row *row, size_t n, bool commit, struct err *e)
{
	if (s->mode != STORE_WRITE || s->dead || s->run != 0)
		return err_set(e, ERR_STORE, E_STATE, "the restore journal cannot be written now");
	int result = 0;
	for (size_t i = 0; i < n && result == 0; i++)
		result = index_journal_put(s->x, target, mailbox, &row[i], e);
	if (result == 0 && commit)
		result = index_commit(s->x, e);
	if (result != 0)
		index_rollback(s->x);
	return store_outcome(s, result, e);
}

int store_journal_write(struct store *s, struct slice target, struct slice mailbox,
	const struct store_journal_row *row, size_t n, struct err *e)
{
	return put(s, target, mailbox, row, n, true, e);
}

int store_journal_note(struct store *s, struct slice target, struct slice mailbox,
	const struct store_journal_row *row, size_t n, struct err *e)
{
	return put(s, target, mailbox, row, n, false, e);
}

int store_journal_read(struct store *s, struct slice target, struct slice mailbox,
	int (*each)(void *ctx, const struct store_journal_row *r), void *ctx, struct err *e)
{
	return index_journal_rows(s->x, target, mailbox, each, ctx, e);
}

int store_journal_unsettled(struct store *s, struct slice target, bool *any, struct err *e)
{
	return index_journal_unsettled(s->x, target, any, e);
}

/* SPDX-License-Identifier: MIT */
/*
 * restore_flags.c -- the mailboxes of a given day (--as-of) are meant with their flags: those of messages that are on the
 * target already are set back. Without a day they stay, for they may be newer than the archive's.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "core/sync/restore_internal.h"

struct flagging {
	struct want **want; /* by UID on the target; after asking only those with other flags */
	size_t n, next;
	struct uidset set;
	size_t sent; /* messages in the STORE at hand */
};

static int by_uid(const void *a, const void *b)
{
	const struct want *x = *(struct want *const *)a, *y = *(struct want *const *)b;
	return x->at < y->at ? -1 : x->at > y->at;
}

void flagging_free(struct restore_folder *f)
{
	struct flagging *g = f->flagging;
	f->flagging = NULL;
	if (g == NULL)
		return;
	free(g->want);
	uidset_release(&g->set);
	free(g);
}

/* ---- which ones ------------------------------------------------------------------------------------ */

static int collect(struct restore_folder *f, struct flagging *g, struct err *e)
{
	g->want = calloc(f->nwant + 1, sizeof(struct want *));
	if (g->want == NULL)
		return err_nomem(e, "comparing flags");
	for (size_t i = 0; i < f->nwant; i++) {
		struct want *w = &f->want[i];
		if (w->state != WANT_PRESENT || w->at == 0)
			continue;
		g->want[g->n++] = w;
		if (uidset_add(&g->set, w->at, e) != 0)
			return -1;
	}
	if (g->n > 0)
		qsort(g->want, g->n, sizeof(struct want *), by_uid);
	return 0;
}

static int compare(struct restore_folder *f, const imap4_message *m, struct err *e)
{
	struct flagging *g = f->flagging;
	struct want key = {.at = m->uid}, *pkey = &key;
	struct want **found = bsearch(&pkey, g->want, g->n, sizeof(struct want *), by_uid);
	struct mail_flags want, have;
	bool lost;
	if (found == NULL || (m->have & IMAP4_MSG_FLAGS) == 0)
		return 0;
	struct slice *flag = calloc(m->nflags + 1, sizeof *flag);
	if (flag == NULL)
		return err_nomem(e, "comparing flags");
	mail_flags_init(&want);
	mail_flags_init(&have);
	for (size_t i = 0; i < m->nflags; i++)
		flag[i] = slice_of(m->flags[i].ptr, m->flags[i].len);
	int rc = send_flags(f, *found, &want, &lost, e);
	if (rc == 0)
		rc = mail_flags_set(&have, flag, m->nflags, e);
	(*found)->other_flags = rc == 0 && !slice_eq(buf_slice(&want.text), buf_slice(&have.text));
	mail_flags_release(&want);
	mail_flags_release(&have);
	free(flag);
	return rc;
}

static void keep_different(struct flagging *g)
{
	size_t kept = 0;
	for (size_t i = 0; i < g->n; i++)
		if (g->want[i]->other_flags)
			g->want[kept++] = g->want[i];
	g->n = kept;
}

/* ---- setting --------------------------------------------------------------------------------------- */

static int start_store(struct restore_folder *f, struct slice flags, struct err *e)
{
	const imap4_store_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .silent = 1};
	struct slice flag;
	size_t at = 0, n = 0;
	while (mail_flags_next(flags, &at, &flag))
		n++;
	imap4_str *list = calloc(n + 1, sizeof *list);
	if (list == NULL)
		return err_nomem(e, "setting flags");
	for (at = n = 0; mail_flags_next(flags, &at, &flag); n++)
		list[n] = (imap4_str){(const char *)flag.p, flag.n};
	f->cmd = imap4_store_start(
		restore_session(f), &f->flagging->set, IMAP4_FLAGS_REPLACE, list, n, &o);
	free(list);
	return f->cmd != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, restore_session(f), "UID STORE");
}

/* All that are to have the same flags as the next one. */
static int store_alike(struct restore_folder *f, struct err *e)
{
	struct flagging *g = f->flagging;
	struct mail_flags first, other;
	bool lost;
	mail_flags_init(&first);
	mail_flags_init(&other);
	uidset_clear(&g->set);
	g->sent = 0;
	int rc = send_flags(f, g->want[g->next], &first, &lost, e);
	for (size_t i = g->next; rc == 0 && i < g->n; i++) {
		struct want *w = g->want[i];
		rc = w->other_flags ? send_flags(f, w, &other, &lost, e) : 0;
		if (rc != 0 || !w->other_flags ||
			!slice_eq(buf_slice(&first.text), buf_slice(&other.text)))
			continue;
		w->other_flags = false;
		g->sent++;
		rc = uidset_add(&g->set, w->at, e);
	}
	if (rc == 0)
		rc = start_store(f, buf_slice(&first.text), e);
	mail_flags_release(&first);
	mail_flags_release(&other);
	return rc;
}

/* ---- steps ----------------------------------------------------------------------------------------- */

/* The answer to a STORE. 1: what it says was counted or told; 0; -1. */
static int stored(struct restore_folder *f, struct err *e)
{
	int rc = restore_done(f, ERR_MAILBOX, NULL, e);
	if (rc == 0 || (rc < 0 && e->scope > ERR_MAILBOX))
		return rc;
	if (rc > 0)
		f->reflagged += f->flagging->sent;
	else
		restore_note(f->r, SYNC_NOTE_PROBLEM, "%s: the flags of %zu %s were not set: %s",
			buf_str(&f->name), f->flagging->sent,
			f->flagging->sent == 1 ? "message" : "messages", e->text);
	err_clear(e);
	restore_drop(f);
	return 1;
}

static int set_next(struct restore_folder *f, struct err *e)
{
	struct flagging *g = f->flagging;
	int rc = f->cmd != NULL ? stored(f, e) : 1;
	if (rc <= 0)
		return rc;
	while (g->next < g->n && !g->want[g->next]->other_flags)
		g->next++;
	if (g->next < g->n)
		return store_alike(f, e) == 0 ? 1 : -1;
	flagging_free(f);
	f->step = folder_flagged;
	return 1;
}

static int flags_told(struct restore_folder *f, struct err *e)
{
	struct flagging *g = f->flagging;
	for (const imap4_data *d; (d = imap4_cmd_next(f->cmd)) != NULL;)
		if (imap4_data_message(d) != NULL && compare(f, imap4_data_message(d), e) != 0)
			return -1;
	int rc = restore_done(f, ERR_MAILBOX, "UID FETCH", e);
	if (rc <= 0)
		return rc;
	restore_drop(f);
	keep_different(g);
	f->step = set_next;
	if (!f->r->options->dry_run)
		return 1;
	f->reflagged += g->n;
	flagging_free(f);
	f->step = folder_flagged;
	return 1;
}

int flags_wants(struct restore_folder *f, struct err *e)
{
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	struct flagging *g = calloc(1, sizeof *g);
	if (g == NULL)
		return err_nomem(e, "comparing flags");
	f->flagging = g;
	if (collect(f, g, e) != 0)
		return -1;
	f->step = flags_told;
	if (g->n == 0) {
		flagging_free(f);
		f->step = folder_flagged;
		return 1;
	}
	f->cmd = imap4_fetch_start(restore_session(f), &g->set, "UID FLAGS", &o);
	return f->cmd != NULL ? 1 : sync_err_last(e, ERR_MAILBOX, restore_session(f), "UID FETCH");
}

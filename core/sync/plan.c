/* SPDX-License-Identifier: MIT */
/* plan.c -- the decisions of a backup, without I/O. */
#include "core/sync/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/sync/limits.h"

/* ---- the account ----------------------------------------------------------------------------- */

static size_t find_local(const struct store_mailbox_list *local, struct slice wire)
{
	size_t lo = 0, hi = local->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = slice_cmp(buf_slice(&local->at[mid].wire), wire);
		if (order == 0)
			return mid;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return local->n;
}

/* Why a mailbox must be opened although the archive has it; NULL when nothing can have changed.
 * Each number can be wrong alone (T82, T85); all four equal to those of a complete run are a
 * reason not to look, until the next audit. */
static const char *why_open(const struct sync_folder *f, const struct store_mailbox *m)
{
	const uint32_t numbers = IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY;
	if (m->complete_run == 0)
		return "never completed";
	if (m->failed > 0)
		return "messages failed last time";
	if ((f->have & numbers) != numbers)
		return "no status";
	if (f->uidvalidity != m->uidvalidity)
		return "new UIDVALIDITY";
	if (f->uidnext == 0 || f->uidnext != m->uidnext || f->messages != m->messages)
		return "messages came or went";
	if ((f->have & IMAP4_ST_HIGHESTMODSEQ) == 0 || f->highestmodseq == 0)
		return "flags may have changed";
	if (f->highestmodseq != m->highestmodseq)
		return "flags changed";
	return NULL;
}

static void decide(struct plan_entry *p, unsigned audit_every, bool audit)
{
	const struct sync_folder *f = p->remote;
	if (!f->selected) {
		p->action = PLAN_LEAVE;
		return;
	}
	if (!f->selectable) {
		p->action = PLAN_RECORD;
		return;
	}
	if (audit_every == 0)
		audit_every = SYNC_AUDIT_DEFAULT;
	p->audit = audit || (p->local != NULL && p->local->runs_since_audit + 1 >= audit_every);
	p->reason = p->local == NULL ? "new" : why_open(f, p->local);
	if (p->reason == NULL && p->audit)
		p->reason = "full listing is due";
	p->action = p->reason != NULL ? PLAN_OPEN : PLAN_UNCHANGED;
}

int plan_account(struct plan *p, const struct sync_folders *remote, bool complete,
	const struct store_mailbox_list *local, unsigned audit_every, bool audit, struct err *e)
{
	memset(p, 0, sizeof *p);
	bool *met = calloc(local->n + 1, sizeof *met);
	p->at = calloc(remote->n + 1, sizeof *p->at);
	p->vanished = calloc(local->n + 1, sizeof *p->vanished);
	if (met == NULL || p->at == NULL || p->vanished == NULL) {
		free(met);
		plan_release(p);
		return err_nomem(e, "planning the backup");
	}
	for (size_t i = 0; i < remote->n; i++) {
		size_t k = find_local(local, buf_slice(&remote->at[i].wire));
		met[k] = true;
		p->at[i].remote = &remote->at[i];
		p->at[i].local = k < local->n ? &local->at[k] : NULL;
		decide(&p->at[i], audit_every, audit);
	}
	p->n = remote->n;
	for (size_t k = 0; complete && k < local->n; k++)
		if (!met[k] && local->at[k].present)
			p->vanished[p->nvanished++] = &local->at[k];
	free(met);
	return 0;
}

void plan_release(struct plan *p)
{
	free(p->at);
	free(p->vanished);
	memset(p, 0, sizeof *p);
}

/* ---- listing a mailbox ----------------------------------------------------------------------- */

bool plan_incremental(const struct store_mailbox *local, bool audit, const struct plan_numbers *now,
	const struct uidset *stored)
{
	if (audit || local == NULL || local->complete_run == 0 || local->failed > 0)
		return false;
	if (now->uidvalidity == 0 || now->uidvalidity != local->uidvalidity)
		return false;
	if (now->highestmodseq == 0 || local->highestmodseq == 0 ||
		now->highestmodseq < local->highestmodseq)
		return false;
	/* UIDNEXT 0, frozen below what is stored, or going down: numbers not to build on (T82). */
	if (local->uidnext <= 1 || now->uidnext < local->uidnext ||
		uidset_max(stored) >= local->uidnext)
		return false;
	return true;
}

bool plan_counts_agree(
	uint64_t listed, bool listed_ok, uint64_t searched, bool searched_ok, uint32_t exists)
{
	return (listed_ok && listed == exists) || (searched_ok && searched == exists);
}

int plan_mailbox(struct plan_mailbox *p, const struct uidset *seen, bool trusted,
	const struct uidset *stored, const struct uidset *gone, const struct uidset *failed,
	struct err *e)
{
	memset(p, 0, sizeof *p);
	if (uidset_copy(&p->want, seen, e) != 0 || uidset_subtract(&p->want, stored, e) != 0 ||
		uidset_copy(&p->back, gone, e) != 0 || uidset_intersect(&p->back, seen, e) != 0 ||
		uidset_copy(&p->suspects, stored, e) != 0 ||
		uidset_unite(&p->suspects, failed, e) != 0 ||
		uidset_subtract(&p->suspects, seen, e) != 0) {
		plan_mailbox_release(p);
		return -1;
	}
	if (!trusted) {
		p->unproved = !uidset_is_empty(&p->suspects);
		uidset_clear(&p->suspects);
	}
	return 0;
}

void plan_mailbox_release(struct plan_mailbox *p)
{
	uidset_release(&p->want);
	uidset_release(&p->back);
	uidset_release(&p->suspects);
}

/* ---- proof of absence ------------------------------------------------------------------------ */

int plan_absence(struct plan_absence *p, const struct uidset *suspects, const struct uidset *doubt,
	const struct uidset *later, bool credible, struct err *e)
{
	memset(p, 0, sizeof *p);
	if (!credible) {
		if (uidset_copy(&p->there, suspects, e) == 0 &&
			uidset_copy(&p->unfetched, doubt, e) == 0)
			return 0;
	} else if (uidset_copy(&p->gone, suspects, e) == 0 &&
		uidset_unite(&p->gone, doubt, e) == 0 && uidset_subtract(&p->gone, later, e) == 0 &&
		uidset_copy(&p->there, suspects, e) == 0 &&
		uidset_intersect(&p->there, later, e) == 0 &&
		uidset_copy(&p->unfetched, doubt, e) == 0 &&
		uidset_intersect(&p->unfetched, later, e) == 0) {
		return 0;
	}
	plan_absence_release(p);
	return -1;
}

void plan_absence_release(struct plan_absence *p)
{
	uidset_release(&p->gone);
	uidset_release(&p->there);
	uidset_release(&p->unfetched);
}

/* ---- the sum --------------------------------------------------------------------------------- */

int plan_complete(bool *complete, uint64_t *rest, const struct uidset *seen,
	const struct uidset *stored, const struct uidset *gone, const struct uidset *failed,
	bool incomplete, struct err *e)
{
	struct uidset left = UIDSET_INIT;
	int rc = uidset_copy(&left, seen, e);
	if (rc == 0)
		rc = uidset_subtract(&left, stored, e);
	if (rc == 0)
		rc = uidset_subtract(&left, gone, e);
	*rest = uidset_count(&left);
	*complete = rc == 0 && *rest == 0 && uidset_is_empty(failed) && !incomplete;
	uidset_release(&left);
	return rc;
}

/* ---- batches --------------------------------------------------------------------------------- */

uint64_t plan_batch(uint64_t messages, uint64_t bytes, uint64_t budget_left)
{
	uint64_t count = SYNC_BATCH_FIRST;
	if (budget_left == 0)
		return 0;
	uint64_t average = messages > 0 ? bytes / messages : 0;
	if (messages > 0) {
		count = average > 0 ? SYNC_BATCH_BYTES / average : SYNC_BATCH_MAX;
		count = count < 1 ? 1 : count < SYNC_BATCH_MAX ? count : SYNC_BATCH_MAX;
	}
	if (budget_left != UINT64_MAX) {
		/* Before anything is known one message shows how large they are. */
		uint64_t fits = messages == 0 ? 1 : average > 0 ? budget_left / average : count;
		count = fits < 1 ? 1 : fits < count ? fits : count;
	}
	return count;
}

int plan_split(struct uidset *set, struct uidset part[PLAN_PARTS], size_t *n, struct err *e)
{
	*n = 0;
	for (size_t i = 0; i < PLAN_PARTS; i++)
		uidset_clear(&part[i]);
	if (uidset_is_empty(set))
		return 0;
	if (uidset_take_low(set, 1, &part[(*n)++], e) != 0)
		return -1;
	uint64_t rest = uidset_count(set);
	for (uint64_t half = (rest + 1) / 2; *n < PLAN_PARTS && !uidset_is_empty(set);)
		if (uidset_take_low(set, half, &part[(*n)++], e) != 0)
			return -1;
	return 0;
}

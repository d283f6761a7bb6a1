/* SPDX-License-Identifier: MIT */
/*
 * dry.c -- the same list and the same plan as a backup, but changed mailboxes are only listed: how
 * many messages would be fetched. The archive is opened for reading, if there is one; nothing is
 * created.
 */
#include "core/sync/dry.h"

#include <inttypes.h>

#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/folders.h"
#include "core/sync/plan.h"

/* UIDs of the mailbox that is selected. */
static int list_uids(struct job *j, imap4_session *s, struct uidset *out, struct err *e)
{
	const imap4_search_opts o = {.struct_size = sizeof o,
		.by = IMAP4_BY_UID,
		.open_from = 1,
		.plain = !account_uses_rev2(j->account, s, "ESEARCH")};
	const imap4_selected *m = imap4_selected_mailbox(s);
	if (m == NULL || m->exists == 0)
		return 0;
	imap4_cmd *c = imap4_search_set_start(s, NULL, &o);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	const imap4_numbers *n = rc == 0 ? imap4_cmd_numbers(c) : NULL;
	if (n != NULL && n->set != NULL)
		rc = uidset_copy(out, n->set, e);
	imap4_cmd_free(c);
	return rc;
}

/* Take away what the archive has, if it has this generation. */
static int without_stored(struct job *j, const struct plan_entry *p, imap4_session *s,
	struct uidset *uids, struct err *e)
{
	struct store_generation *g = NULL;
	const imap4_selected *m = imap4_selected_mailbox(s);
	if (p->local == NULL || p->local->generation == 0 || m == NULL ||
		m->uidvalidity != p->local->uidvalidity)
		return 0;
	if (store_generation_load(j->store, p->local->generation, &g, e) != 0)
		return -1;
	int rc = uidset_subtract(uids, store_stored(g), e);
	store_generation_close(g);
	return rc;
}

static int look_at(struct job *j, imap4_session *s, const struct plan_entry *p, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct uidset uids = UIDSET_INIT;
	const imap4_str wire = {buf_str(&p->remote->wire), p->remote->wire.len};
	text_show(shown, sizeof shown, buf_slice(&p->remote->name));
	imap4_cmd *c = imap4_select_start(s, wire, NULL);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(c);
	if (rc == 0)
		rc = list_uids(j, s, &uids, e);
	if (rc == 0)
		rc = without_stored(j, p, s, &uids, e);
	if (rc == 0) {
		uint64_t n = uidset_count(&uids);
		j->report->messages_new += n;
		if (n > 0)
			job_note(j, SYNC_NOTE_FOLDER, "%s: would fetch %" PRIu64 " %s (%s)", shown,
				n, n == 1 ? "message" : "messages", p->reason);
	} else if (e->scope <= ERR_MAILBOX) {
		j->report->folders_failed++;
		job_note(j, SYNC_NOTE_PROBLEM, "%s: %s; the folder would not be saved", shown,
			e->text);
		err_clear(e);
		rc = 0;
	}
	uidset_release(&uids);
	return rc;
}

static int look_at_all(struct job *j, imap4_session *s, const struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_entry *p = &plan->at[i];
		if (p->action == PLAN_LEAVE)
			continue;
		j->report->folders++;
		j->report->folders_new += p->local == NULL;
		j->report->folders_unchanged += p->action == PLAN_UNCHANGED;
		if (job_check_interrupt(j, e) != 0)
			return -1;
		if (p->action == PLAN_OPEN && look_at(j, s, p, e) != 0)
			return -1;
	}
	j->report->folders_vanished = plan->nvanished;
	return 0;
}

static int with_server(struct job *j, const struct store_mailbox_list *local, struct err *e)
{
	struct dial d;
	struct sync_folders remote = {NULL, 0};
	struct plan plan = {NULL, 0, NULL, 0};
	bool complete;
	if (dial_start(&d, j->account, j->hooks, 0, e) != 0)
		return -1;
	int rc = dial_wait(&d, e);
	if (rc == 0)
		rc = folders_gather(d.session, j->account, FOLDERS_SELECTED, &remote, &complete, e);
	if (rc == 0)
		rc = plan_account(&plan, &remote, complete, local, j->account->audit_every,
			j->options->audit, e);
	if (rc == 0)
		rc = look_at_all(j, d.session, &plan, e);
	if (rc == 0)
		dial_hang_up(&d);
	else
		dial_close(&d);
	plan_release(&plan);
	sync_folders_release(&remote);
	return rc;
}

int dry_run(struct job *j, struct err *e)
{
	struct store_mailbox_list local = {NULL, 0};
	const struct store_options o = {
		.mode = STORE_READ, .layout = j->account->layout, .newline = j->account->newline};
	int rc = 0;
	if (store_open(&j->store, j->account->path, &o, e) != 0) {
		if (e->code != E_MISSING)
			return -1;
		err_clear(e);
		j->store = NULL;
	} else {
		rc = store_mailboxes(j->store, &local, e);
	}
	if (rc == 0)
		rc = with_server(j, &local, e);
	store_mailbox_list_release(&local);
	store_close(j->store);
	return rc;
}

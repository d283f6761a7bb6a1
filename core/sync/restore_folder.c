/* SPDX-License-Identifier: MIT */
/* restore_folder.c -- life of a folder that is being restored, and the steps between making, matching and sending. */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/restore_internal.h"

#define TEXT_MAX ((size_t)1 << 30) /* flags of the messages of one folder */

/* ---- life ------------------------------------------------------------------------------------------ */

struct restore_folder *restore_folder_new(
	struct restore *r, const struct origin_folder *from, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct restore_folder *f = calloc(1, sizeof *f);
	if (f == NULL) {
		err_nomem(e, "a folder");
		return NULL;
	}
	f->r = r;
	origin_folder_init(&f->from);
	buf_init(&f->name, TEXT_SHOW_SIZE);
	buf_init(&f->wire, STORE_NAME_MAX);
	buf_init(&f->special, 64);
	buf_init(&f->permanent, MAIL_FLAGS_TEXT_MAX);
	mail_flags_init(&f->lost);
	buf_init(&f->text, TEXT_MAX);
	buf_add_str(&f->name, text_show(shown, sizeof shown, buf_slice(&from->name)));
	if (origin_folder_copy(&f->from, from, e) == 0 &&
		buf_check(&f->name, "the name of a folder", e) == 0)
		return f;
	restore_folder_free(f);
	return NULL;
}

static void drop_commands(struct restore_folder *f)
{
	tree_may_be_made(f);
	restore_drop(f);
	imap4_cmd_free(f->subscription);
	f->subscription = NULL;
	sending_free(f);
	reading_free(f);
	matching_free(f);
	flagging_free(f);
}

void restore_folder_free(struct restore_folder *f)
{
	if (f == NULL)
		return;
	drop_commands(f);
	if (f->r->origin->done != NULL)
		f->r->origin->done(f->r->origin, f->from.key);
	origin_folder_release(&f->from);
	buf_release(&f->name);
	buf_release(&f->wire);
	buf_release(&f->special);
	buf_release(&f->permanent);
	mail_flags_release(&f->lost);
	buf_release(&f->text);
	free(f->want);
	free(f);
}

int restore_folder_add(struct restore_folder *f, const struct origin_message *m, struct err *e)
{
	if (f->nwant == f->cap) {
		size_t cap = f->cap > 0 ? 2 * f->cap : 256;
		struct want *want = realloc(f->want, cap * sizeof *want);
		if (want == NULL)
			return err_nomem(e, "the messages of a folder");
		f->want = want;
		f->cap = cap;
	}
	struct want *w = &f->want[f->nwant++];
	*w = (struct want){.generation = m->generation,
		.uid = m->uid,
		.size = m->size,
		.claimed = m->claimed,
		.date = m->date,
		.flags = f->text.len,
		.nflags = m->flags.n};
	memcpy(w->sha256, m->sha256, SHA256_LEN);
	buf_add_slice(&f->text, m->flags);
	return buf_check(&f->text, "the flags of a folder", e);
}

void restore_folder_begin(struct restore_folder *f, struct restore_link *link)
{
	f->link = link;
	f->limit = link->limit;
	f->limit_known = link->limit_known;
	f->step = tree_make;
}

int restore_folder_run(struct restore_folder *f, struct err *e)
{
	int rc = 1;
	while (f->step != NULL && (rc = f->step(f, e)) > 0)
		;
	return rc;
}

int restore_folder_make(struct restore_folder *f, struct err *e)
{
	int rc = 1;
	while (f->step != folder_open && (rc = f->step(f, e)) > 0)
		;
	return rc;
}

void restore_folder_leave(struct restore_folder *f)
{
	drop_commands(f);
	f->link = NULL;
	f->step = NULL;
}

int restore_folder_lost(struct restore_folder *f, struct err *e)
{
	/* While messages are sent, they are suspected; else the folder is. */
	f->deaths += f->sending == NULL && f->link->folder == f;
	/* Whether it was made is to be seen. */
	f->r->stale = f->r->stale || !f->exists;
	int rc = sending_lost(f, e);
	restore_folder_leave(f);
	return rc;
}

/* ---- shared by the steps --------------------------------------------------------------------------- */

imap4_session *restore_session(const struct restore_folder *f)
{
	return f->link->dial.session;
}

imap4_str restore_wire(const struct restore_folder *f)
{
	return (imap4_str){buf_str(&f->wire), f->wire.len};
}

bool restore_uses(const struct restore_folder *f, const char *capability)
{
	return account_uses(f->r->account, restore_session(f), capability);
}

struct slice want_flags(const struct restore_folder *f, const struct want *w)
{
	return w->nflags > 0 ? slice_of(f->text.data + w->flags, w->nflags) : SLICE_NONE;
}

int restore_done(struct restore_folder *f, enum err_scope scope, const char *what, struct err *e)
{
	if (f->cmd == NULL)
		return sync_err_last(e, scope, restore_session(f), what);
	if (!imap4_cmd_done(f->cmd))
		return 0;
	const imap4_result *result = imap4_cmd_result(f->cmd);
	return result->err == IMAP4_OK ? 1 : sync_err(e, scope, result, what);
}

void restore_drop(struct restore_folder *f)
{
	imap4_cmd_free(f->cmd);
	f->cmd = NULL;
}

/* ---- opening --------------------------------------------------------------------------------------- */

static int folder_settled(struct restore_folder *f, struct err *e);
static int folder_opened(struct restore_folder *f, struct err *e);
static int folder_limit(struct restore_folder *f, struct err *e);

/* Behind SELECT, which waits for all that was sent before it. */
static int start_subscription(struct restore_folder *f, struct err *e)
{
	bool wanted = f->subscribe && f->exists && !f->r->options->dry_run;
	f->subscribe = false;
	if (!wanted)
		return 1;
	f->subscription = imap4_subscribe_start(restore_session(f), restore_wire(f));
	return f->subscription != NULL ? 1
				       : sync_err_last(e, ERR_MAILBOX, restore_session(f), NULL);
}

int folder_open(struct restore_folder *f, struct err *e)
{
	f->step = f->nwant > 0 && f->exists ? folder_settled : folder_end;
	return start_subscription(f, e);
}

/* What is looked at is what SELECT finds, so it has to be late enough. */
static int folder_settled(struct restore_folder *f, struct err *e)
{
	const imap4_select_opts o = {.struct_size = sizeof o, .writable = !f->r->options->dry_run};
	(void)e;
	if (clock_now(clock_monotonic()) < restore_folder_due(f))
		return 0;
	f->cmd = imap4_select_start(restore_session(f), restore_wire(f), &o);
	f->step = folder_opened;
	return 1;
}

int64_t restore_folder_due(const struct restore_folder *f)
{
	int64_t run = f->r->settled_at;
	if (f->step != folder_settled || f->r->options->dry_run)
		return 0;
	return f->settled_at > run ? f->settled_at : run;
}

static int take_mailbox(struct restore_folder *f, const imap4_selected *box, struct err *e)
{
	f->uidvalidity = box->uidvalidity;
	f->uidnext = box->uidnext;
	/* After a lost connection the first one still counts, for what was sent by it. */
	if (f->new_from == 0 || f->new_in != box->uidvalidity)
		f->new_from = box->uidnext;
	f->new_in = box->uidvalidity;
	buf_clear(&f->permanent);
	/* EXAMINE says that nothing can be changed. */
	f->keeps_all = box->permanent_flags == NULL || f->r->options->dry_run;
	for (size_t i = 0; i < box->npermanent_flags; i++) {
		buf_add_str(&f->permanent, i > 0 ? " " : "");
		buf_add(&f->permanent, box->permanent_flags[i].ptr, box->permanent_flags[i].len);
	}
	return buf_check(&f->permanent, "PERMANENTFLAGS", e);
}

static int folder_opened(struct restore_folder *f, struct err *e)
{
	int rc = restore_done(f, ERR_MAILBOX, NULL, e);
	if (rc <= 0)
		return rc;
	restore_drop(f);
	const imap4_selected *box = imap4_selected_mailbox(restore_session(f));
	if (box == NULL)
		return err_set(e, ERR_MAILBOX, E_STATE, "it was not opened");
	if (take_mailbox(f, box, e) != 0)
		return -1;
	f->step = match_wants;
	/* APPENDLIMIT without a value: it is the mailbox's (RFC 7889 section 3.2). */
	if (restore_uses(f, "APPENDLIMIT")) {
		f->cmd = imap4_status_start(
			restore_session(f), restore_wire(f), IMAP4_ST_APPENDLIMIT);
		f->step = folder_limit;
	}
	return 1;
}

static int folder_limit(struct restore_folder *f, struct err *e)
{
	int rc = restore_done(f, ERR_MAILBOX, NULL, e);
	if (rc == 0 || (rc < 0 && e->scope > ERR_MAILBOX))
		return rc;
	const imap4_data *d = rc > 0 ? imap4_cmd_next(f->cmd) : NULL;
	const imap4_status *st = d != NULL ? imap4_data_status(d) : NULL;
	if (st != NULL && (st->have & IMAP4_ST_APPENDLIMIT) != 0) {
		bool none = st->appendlimit < 0 || st->appendlimit > (int64_t)UINT32_MAX;
		f->limit = none ? UINT32_MAX : (uint64_t)st->appendlimit;
		f->limit_known = true;
	}
	err_clear(e);
	restore_drop(f);
	f->step = match_wants;
	return 1;
}

/* ---- after sending --------------------------------------------------------------------------------- */

/* Are there UIDs to be looked up, or messages to be read back? */
static bool is_more_to_do(const struct restore_folder *f)
{
	for (size_t i = 0; i < f->nwant; i++)
		if (f->want[i].state == WANT_SENT && f->want[i].at == 0)
			return true;
	return f->r->options->verify;
}

static int folder_heard(struct restore_folder *f, struct err *e)
{
	int rc = restore_done(f, ERR_MAILBOX, "NOOP", e);
	if (rc <= 0)
		return rc;
	restore_drop(f);
	f->step = match_learn;
	return 1;
}

int folder_sent(struct restore_folder *f, struct err *e)
{
	(void)e;
	bool flags = f->r->options->select->has_as_of && !f->r->options->rehearsal;
	f->step = flags ? flags_wants : folder_flagged;
	return 1;
}

/* What was added is there for this connection only when the server has announced it. */
int folder_flagged(struct restore_folder *f, struct err *e)
{
	(void)e;
	f->step = folder_end;
	if (f->r->options->dry_run || !is_more_to_do(f))
		return 1;
	f->cmd = imap4_noop_start(restore_session(f));
	f->step = folder_heard;
	return 1;
}

int folder_known(struct restore_folder *f, struct err *e)
{
	(void)e;
	f->step = f->r->options->verify ? verify_wants : folder_end;
	return 1;
}

int folder_end(struct restore_folder *f, struct err *e)
{
	f->step = folder_end;
	if (f->subscription != NULL && !imap4_cmd_done(f->subscription))
		return 0;
	const imap4_result *result =
		f->subscription != NULL ? imap4_cmd_result(f->subscription) : NULL;
	if (result != NULL && result->err != IMAP4_OK) {
		sync_err(e, ERR_MAILBOX, result, NULL);
		if (e->scope > ERR_MAILBOX)
			return -1;
		restore_note(f->r, SYNC_NOTE_WARNING, "%s: %s", buf_str(&f->name), e->text);
		err_clear(e);
	}
	imap4_cmd_free(f->subscription);
	f->subscription = NULL;
	f->step = NULL;
	return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * restore.c -- the job: open the origin, connect, then one folder after the other: name, look, send, read back.
 *
 * What a failure costs: a message that is refused is named; a folder that cannot be made or opened is named and left; a
 * lost connection is replaced and the folder looked at again, within a budget.
 */
#include "core/sync/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/import.h"
#include "core/sync/restore_internal.h"

#define WHO_MAX	 4096
#define TEXT_MAX ((size_t)1 << 30) /* flags of the messages of one folder */
#define NOTE_MAX 2048

/* ---- telling --------------------------------------------------------------------------------------- */

static void tell(struct restore *r, enum sync_note kind, const char *line)
{
	if (r->hooks != NULL && r->hooks->note != NULL)
		r->hooks->note(r->hooks->ctx, kind, line);
	if (kind == SYNC_NOTE_PROBLEM)
		r->report->problems++;
}

void restore_note(struct restore *r, enum sync_note kind, const char *fmt, ...)
{
	char line[NOTE_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	tell(r, kind, line);
}

void restore_say(struct restore *r, enum sync_note kind, const struct want *w, const char *text)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf label = BUF_INIT(ORIGIN_NAME_MAX);
	r->origin->label(r->origin, w->generation, w->uid, &label);
	restore_note(r, kind, "%s: %s: %s", buf_str(&r->name),
		text_show(shown, sizeof shown, buf_slice(&label)), text);
	buf_release(&label);
}

void restore_odd(struct restore *r, const struct want *w, const char *fmt, ...)
{
	char text[NOTE_MAX];
	va_list args;
	r->notes++;
	if (r->notes > SYNC_NOTES_MAX) {
		r->report->problems++;
		return;
	}
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	restore_say(r, SYNC_NOTE_PROBLEM, w, text);
}

void restore_progress(struct restore *r)
{
	if (r->hooks != NULL && r->hooks->progress != NULL)
		r->hooks->progress(r->hooks->ctx, &r->progress);
}

imap4_str restore_wire(const struct restore *r)
{
	return (imap4_str){buf_str(&r->wire), r->wire.len};
}

struct slice want_flags(const struct restore *r, const struct want *w)
{
	return w->nflags > 0 ? slice_of(r->text.data + w->flags, w->nflags) : SLICE_NONE;
}

/* ---- the connection -------------------------------------------------------------------------------- */

static void read_limit(struct restore *r)
{
	static const char name[] = "APPENDLIMIT=";
	imap4_str c;
	uint64_t n;
	r->link.limit = UINT32_MAX;
	r->link.limit_known = false;
	for (size_t i = 0; (c = imap4_capability(r->link.dial.session, i)).ptr != NULL; i++) {
		struct slice s = slice_of(c.ptr, c.len);
		if (!slice_starts_istr(s, name))
			continue;
		s = slice_of(s.p + strlen(name), s.n - strlen(name));
		if (slice_u64(s, UINT32_MAX, &n)) {
			r->link.limit = n;
			r->link.limit_known = true;
		}
	}
}

static int connect_target(struct restore *r, struct err *e)
{
	if (r->link.connected)
		return 0;
	if (dial_start(&r->link.dial, r->account, r->hooks, 0, e) != 0)
		return -1;
	if (dial_wait(&r->link.dial, e) != 0) {
		dial_close(&r->link.dial);
		return -1;
	}
	r->link.connected = true;
	read_limit(r);
	return tree_read(r, e);
}

static void disconnect(struct restore *r)
{
	if (r->link.connected)
		dial_close(&r->link.dial);
	r->link.connected = false;
}

/* ---- one folder ------------------------------------------------------------------------------------ */

/* APPENDLIMIT without a value: it is the mailbox's (RFC 7889 section 3.2). */
static int read_mailbox_limit(struct restore *r, struct err *e)
{
	imap4_session *s = r->link.dial.session;
	if (!account_uses(r->account, s, "APPENDLIMIT"))
		return 0;
	imap4_cmd *c = imap4_status_start(s, restore_wire(r), IMAP4_ST_APPENDLIMIT);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	const imap4_data *d = rc == 0 ? imap4_cmd_next(c) : NULL;
	const imap4_status *st = d != NULL ? imap4_data_status(d) : NULL;
	if (st != NULL && (st->have & IMAP4_ST_APPENDLIMIT) != 0) {
		bool none = st->appendlimit < 0 || st->appendlimit > (int64_t)UINT32_MAX;
		r->link.limit = none ? UINT32_MAX : (uint64_t)st->appendlimit;
		r->link.limit_known = true;
	}
	imap4_cmd_free(c);
	if (rc != 0 && e->scope <= ERR_MAILBOX) {
		err_clear(e);
		rc = 0;
	}
	return rc;
}

static int open_mailbox(struct restore *r, struct err *e)
{
	imap4_session *s = r->link.dial.session;
	const imap4_select_opts o = {.struct_size = sizeof o, .writable = !r->options->dry_run};
	imap4_cmd *c = imap4_select_start(s, restore_wire(r), &o);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(c);
	const imap4_selected *box = imap4_selected_mailbox(s);
	if (rc != 0 || box == NULL)
		return rc != 0 ? -1 : err_set(e, ERR_MAILBOX, E_STATE, "it was not opened");
	r->link.uidvalidity = box->uidvalidity;
	r->link.uidnext = box->uidnext;
	/* After a lost connection the first one still counts, for what was sent by it. */
	if (r->new_from == 0 || r->new_in != box->uidvalidity)
		r->new_from = box->uidnext;
	r->new_in = box->uidvalidity;
	buf_clear(&r->link.permanent);
	for (size_t i = 0; i < box->npermanent_flags; i++) {
		buf_add_str(&r->link.permanent, i > 0 ? " " : "");
		buf_add(&r->link.permanent, box->permanent_flags[i].ptr,
			box->permanent_flags[i].len);
	}
	if (buf_check(&r->link.permanent, "PERMANENTFLAGS", e) != 0)
		return -1;
	return read_mailbox_limit(r, e);
}

/* What was added is there for this connection only when the server has announced it. */
static int hear_of_new(struct restore *r, struct err *e)
{
	imap4_session *s = r->link.dial.session;
	imap4_cmd *c = imap4_noop_start(s);
	int rc = sync_wait(s, c, ERR_MAILBOX, "NOOP", e);
	imap4_cmd_free(c);
	return rc;
}

static int folder_once(struct restore *r, const struct origin_folder *from, struct err *e)
{
	if (connect_target(r, e) != 0 || tree_target(r, from, e) != 0)
		return -1;
	bool dry = r->options->dry_run;
	if (!dry && (r->nwant > 0 || r->make_empty) && tree_create(r, e) != 0)
		return -1;
	if (r->nwant == 0 || !r->exists)
		return 0;
	if (open_mailbox(r, e) != 0 || match_wants(r, e) != 0)
		return -1;
	if (dry)
		return 0;
	if (send_wants(r, e) != 0 || hear_of_new(r, e) != 0 || match_learn(r, e) != 0)
		return -1;
	return r->options->verify ? verify_wants(r, e) : 0;
}

static void count_folder(struct restore *r)
{
	for (size_t i = 0; i < r->nwant; i++) {
		const struct want *w = &r->want[i];
		r->report->present += w->state == WANT_PRESENT;
		if (w->state != WANT_OPEN || !r->options->dry_run)
			continue;
		r->report->restored++;
		r->report->bytes += w->size;
	}
	if (r->options->dry_run && !r->exists && (r->nwant > 0 || r->make_empty))
		r->report->folders_created++;
	if (r->notes > SYNC_NOTES_MAX)
		restore_note(r, SYNC_NOTE_WARNING, "%s: %zu more messages with problems",
			buf_str(&r->name), r->notes - SYNC_NOTES_MAX);
}

static bool may_reconnect(const struct restore *r, const struct err *e)
{
	return e->scope == ERR_CONNECTION && r->link.connected &&
		r->reconnects < SYNC_RECONNECTS_MAX && !hooks_interrupted(r->hooks);
}

static int one_folder(struct restore *r, const struct origin_folder *from, struct err *e)
{
	int rc;
	while ((rc = folder_once(r, from, e)) != 0 && may_reconnect(r, e)) {
		restore_note(r, SYNC_NOTE_STEP, "%s; connecting again", e->text);
		disconnect(r);
		r->reconnects++;
		err_clear(e);
	}
	if (rc != 0 && e->scope <= ERR_MAILBOX) {
		r->report->folders_failed++;
		restore_note(r, SYNC_NOTE_PROBLEM, "%s: %s", buf_str(&r->name), e->text);
		err_clear(e);
		rc = 0;
	}
	count_folder(r);
	if (rc == 0)
		restore_note(r, SYNC_NOTE_FOLDER, "%s: done", buf_str(&r->name));
	return rc;
}

/* ---- what is wanted -------------------------------------------------------------------------------- */

struct gather {
	struct restore *r;
	bool open;
	struct origin_folder folder; /* whose messages come */
};

static int settle(struct gather *g, struct err *e)
{
	struct restore *r = g->r;
	if (!g->open)
		return 0;
	int rc = one_folder(r, &g->folder, e);
	r->nwant = 0;
	buf_clear(&r->text);
	r->progress.folders_done++;
	g->open = false;
	return rc;
}

static int on_folder(void *ctx, const struct origin_folder *f, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct gather *g = ctx;
	struct restore *r = g->r;
	if (settle(g, e) != 0 || origin_folder_copy(&g->folder, f, e) != 0)
		return -1;
	g->open = true;
	r->report->folders++;
	r->careful = false;
	r->notes = 0;
	r->new_from = 0;
	buf_clear(&r->name);
	buf_add_str(&r->name, text_show(shown, sizeof shown, buf_slice(&f->name)));
	r->progress.folder = buf_slice(&g->folder.name);
	return buf_check(&r->name, "the name of a folder", e);
}

static int on_message(void *ctx, const struct origin_message *m, struct err *e)
{
	struct restore *r = ((struct gather *)ctx)->r;
	if (r->nwant == r->cap) {
		size_t cap = r->cap > 0 ? 2 * r->cap : 256;
		struct want *want = realloc(r->want, cap * sizeof *want);
		if (want == NULL)
			return err_nomem(e, "the messages of a folder");
		r->want = want;
		r->cap = cap;
	}
	struct want *w = &r->want[r->nwant++];
	*w = (struct want){.generation = m->generation,
		.uid = m->uid,
		.size = m->size,
		.claimed = m->claimed,
		.date = m->date,
		.flags = r->text.len,
		.nflags = m->flags.n};
	memcpy(w->sha256, m->sha256, SHA256_LEN);
	buf_add_slice(&r->text, m->flags);
	r->progress.messages_total++;
	return buf_check(&r->text, "the flags of a folder", e);
}

static int on_broken(void *ctx, const struct err *why, struct err *e)
{
	struct restore *r = ((struct gather *)ctx)->r;
	(void)e;
	r->report->folders_failed++;
	restore_note(r, SYNC_NOTE_PROBLEM, "%s: %s", buf_str(&r->name), why->text);
	return 0;
}

static int on_odd(void *ctx, int64_t generation, uint32_t uid, const char *why, struct err *e)
{
	const struct want w = {.generation = generation, .uid = uid};
	(void)e;
	restore_odd(((struct gather *)ctx)->r, &w, "%s", why);
	return 0;
}

static bool selects_messages(const struct selection *s)
{
	return s->has_since || s->has_before || s->has_uids || s->deleted || s->nheaders > 0 ||
		s->message_id != NULL;
}

static int run(struct restore *r, struct err *e)
{
	struct gather g = {.r = r};
	const struct origin_sink sink = {.ctx = &g,
		.folder = on_folder,
		.message = on_message,
		.broken = on_broken,
		.odd = on_odd};
	origin_folder_init(&g.folder);
	r->make_empty = !r->options->rehearsal && !selects_messages(r->options->select);
	int rc = connect_target(r, e);
	if (rc == 0)
		rc = r->origin->run(r->origin, &sink, &r->report->selected, e);
	if (rc == 0)
		rc = settle(&g, e);
	r->progress.folder = SLICE_NONE;
	origin_folder_release(&g.folder);
	if (rc == 0 && r->link.connected) {
		dial_hang_up(&r->link.dial);
		r->link.connected = false;
	}
	return rc;
}

/* ---- the job --------------------------------------------------------------------------------------- */

static int name_target(struct restore *r, struct err *e)
{
	const struct sync_account *a = r->account;
	buf_addf(&r->who, "%s@", a->user != NULL ? a->user : "");
	for (size_t i = 0; a->tunnel != NULL && a->tunnel[i] != NULL; i++)
		buf_addf(&r->who, "%s%s", i > 0 ? " " : "", a->tunnel[i]);
	unsigned port = a->port != 0 ? a->port : a->security == IMAP4_TLS ? 993 : 143;
	if (a->tunnel == NULL)
		buf_addf(&r->who, "%s:%u", a->host != NULL ? a->host : "", port);
	return buf_check(&r->who, "the name of the target", e);
}

static void release(struct restore *r)
{
	disconnect(r);
	sync_folders_release(&r->remote);
	buf_release(&r->who);
	buf_release(&r->prefix);
	buf_release(&r->wire);
	buf_release(&r->special);
	buf_release(&r->name);
	buf_release(&r->text);
	buf_release(&r->link.permanent);
	free(r->want);
}

static int restore_from(struct restore_origin *origin, const struct sync_account *to,
	const struct restore_options *o, const struct sync_hooks *h, struct restore_report *report,
	struct err *e)
{
	struct sync_account account = *to;
	struct restore r = {
		.account = &account, .options = o, .hooks = h, .report = report, .origin = origin};
	account.alerts = h;
	account.may_write = !o->dry_run;
	buf_init(&r.who, WHO_MAX);
	buf_init(&r.prefix, STORE_NAME_MAX);
	buf_init(&r.wire, STORE_NAME_MAX);
	buf_init(&r.special, 64);
	buf_init(&r.name, TEXT_SHOW_SIZE);
	buf_init(&r.text, TEXT_MAX);
	buf_init(&r.link.permanent, MAIL_FLAGS_TEXT_MAX);
	int rc = name_target(&r, e);
	if (rc == 0)
		rc = run(&r, e);
	release(&r);
	return rc;
}

int sync_restore_from(const char *path, const struct sync_account *to,
	const struct restore_options *o, const struct sync_hooks *h, struct restore_report *report,
	struct err *e)
{
	struct restore_origin *origin = NULL;
	memset(report, 0, sizeof *report);
	int rc = import_open(&origin, path, o, h, e);
	if (rc == 0)
		rc = restore_from(origin, to, o, h, report, e);
	origin_close(origin);
	return rc;
}

int sync_restore(const char *path, const struct sync_account *to, const struct restore_options *o,
	const struct sync_hooks *h, struct restore_report *report, struct err *e)
{
	struct restore_origin *origin = NULL;
	memset(report, 0, sizeof *report);
	int rc = archive_origin_open(&origin, path, o, e);
	if (rc == 0)
		rc = restore_from(origin, to, o, h, report, e);
	origin_close(origin);
	return rc;
}

/* SPDX-License-Identifier: MIT */
/*
 * restore.c -- the job: open the archive, connect, then one folder after the other: name, look, send, read back.
 *
 * What a failure costs: a message that is refused is named; a folder that cannot be made or opened is named and left; a
 * lost connection is replaced and the folder looked at again, within a budget.
 */
#include "core/sync/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore_internal.h"

#define WHO_MAX	     4096
#define TEXT_MAX     ((size_t)1 << 30) /* flags of the messages of one folder */
#define NOTE_MAX     2048
#define BOX_TEXT_MAX ((size_t)1 << 16)

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

void restore_odd(struct restore *r, const struct want *w, const char *fmt, ...)
{
	char line[NOTE_MAX];
	va_list args;
	r->notes++;
	if (r->notes > SYNC_NOTES_MAX) {
		r->report->problems++;
		return;
	}
	int n = snprintf(
		line, sizeof line, "%s: UID %lu: ", buf_str(&r->name), (unsigned long)w->uid);
	size_t at = n > 0 && (size_t)n < sizeof line ? (size_t)n : 0;
	va_start(args, fmt);
	vsnprintf(line + at, sizeof line - at, fmt, args);
	va_end(args);
	tell(r, SYNC_NOTE_PROBLEM, line);
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
	r->limit = UINT32_MAX;
	r->limit_known = false;
	for (size_t i = 0; (c = imap4_capability(r->dial.session, i)).ptr != NULL; i++) {
		struct slice s = slice_of(c.ptr, c.len);
		if (!slice_starts_istr(s, name))
			continue;
		s = slice_of(s.p + strlen(name), s.n - strlen(name));
		if (slice_u64(s, UINT32_MAX, &n)) {
			r->limit = n;
			r->limit_known = true;
		}
	}
}

static int connect_target(struct restore *r, struct err *e)
{
	if (r->connected)
		return 0;
	if (dial_start(&r->dial, r->account, r->hooks, 0, e) != 0)
		return -1;
	if (dial_wait(&r->dial, e) != 0) {
		dial_close(&r->dial);
		return -1;
	}
	r->connected = true;
	read_limit(r);
	return tree_read(r, e);
}

static void disconnect(struct restore *r)
{
	if (r->connected)
		dial_close(&r->dial);
	r->connected = false;
}

/* ---- one folder ------------------------------------------------------------------------------------ */

/* APPENDLIMIT without a value: it is the mailbox's (RFC 7889 section 3.2). */
static int read_mailbox_limit(struct restore *r, struct err *e)
{
	imap4_session *s = r->dial.session;
	if (!account_uses(r->account, s, "APPENDLIMIT"))
		return 0;
	imap4_cmd *c = imap4_status_start(s, restore_wire(r), IMAP4_ST_APPENDLIMIT);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	const imap4_data *d = rc == 0 ? imap4_cmd_next(c) : NULL;
	const imap4_status *st = d != NULL ? imap4_data_status(d) : NULL;
	if (st != NULL && (st->have & IMAP4_ST_APPENDLIMIT) != 0) {
		bool none = st->appendlimit < 0 || st->appendlimit > (int64_t)UINT32_MAX;
		r->limit = none ? UINT32_MAX : (uint64_t)st->appendlimit;
		r->limit_known = true;
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
	imap4_session *s = r->dial.session;
	const imap4_select_opts o = {.struct_size = sizeof o, .writable = !r->options->dry_run};
	imap4_cmd *c = imap4_select_start(s, restore_wire(r), &o);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(c);
	const imap4_selected *box = imap4_selected_mailbox(s);
	if (rc != 0 || box == NULL)
		return rc != 0 ? -1 : err_set(e, ERR_MAILBOX, E_STATE, "it was not opened");
	r->uidvalidity = box->uidvalidity;
	r->uidnext = box->uidnext;
	buf_clear(&r->permanent);
	for (size_t i = 0; i < box->npermanent_flags; i++) {
		buf_add_str(&r->permanent, i > 0 ? " " : "");
		buf_add(&r->permanent, box->permanent_flags[i].ptr, box->permanent_flags[i].len);
	}
	if (buf_check(&r->permanent, "PERMANENTFLAGS", e) != 0)
		return -1;
	return read_mailbox_limit(r, e);
}

/* What was added is there for this connection only when the server has announced it. */
static int hear_of_new(struct restore *r, struct err *e)
{
	imap4_session *s = r->dial.session;
	imap4_cmd *c = imap4_noop_start(s);
	int rc = sync_wait(s, c, ERR_MAILBOX, "NOOP", e);
	imap4_cmd_free(c);
	return rc;
}

static int folder_once(struct restore *r, const struct store_mailbox *box, struct err *e)
{
	if (connect_target(r, e) != 0 || tree_target(r, box, e) != 0)
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
	return e->scope == ERR_CONNECTION && r->connected && r->reconnects < SYNC_RECONNECTS_MAX &&
		!hooks_interrupted(r->hooks);
}

static int one_folder(struct restore *r, const struct store_mailbox *box, struct err *e)
{
	int rc;
	while ((rc = folder_once(r, box, e)) != 0 && may_reconnect(r, e)) {
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
	struct store_mailbox
		box; /* whose messages come: a copy of what names it, for the last one outlives the selection */
};

static int copy_box(struct store_mailbox *to, const struct store_mailbox *from, struct err *e)
{
	to->delimiter = from->delimiter;
	to->subscribed = from->subscribed;
	buf_clear(&to->wire);
	buf_clear(&to->name);
	buf_clear(&to->attributes);
	buf_add_slice(&to->wire, buf_slice(&from->wire));
	buf_add_slice(&to->name, buf_slice(&from->name));
	buf_add_slice(&to->attributes, buf_slice(&from->attributes));
	if (buf_check(&to->wire, "the name of a folder", e) != 0 ||
		buf_check(&to->name, "the name of a folder", e) != 0)
		return -1;
	return buf_check(&to->attributes, "the attributes of a folder", e);
}

static int settle(struct gather *g, struct err *e)
{
	struct restore *r = g->r;
	if (!g->open)
		return 0;
	int rc = one_folder(r, &g->box, e);
	r->nwant = 0;
	buf_clear(&r->text);
	r->progress.folders_done++;
	g->open = false;
	return rc;
}

static int on_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct gather *g = ctx;
	struct restore *r = g->r;
	if (settle(g, e) != 0 || copy_box(&g->box, box, e) != 0)
		return -1;
	g->open = true;
	r->report->folders++;
	r->careful = false;
	r->notes = 0;
	buf_clear(&r->name);
	buf_add_str(&r->name, text_show(shown, sizeof shown, buf_slice(&box->name)));
	r->progress.folder = buf_slice(&g->box.name);
	return buf_check(&r->name, "the name of a folder", e);
}

static int on_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct restore *r = ((struct gather *)ctx)->r;
	const struct store_record *m = item->record;
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
		.size = m->size_wire,
		.claimed = m->size_claimed,
		.date = m->date,
		.flags = r->text.len,
		.nflags = m->flags.n};
	memcpy(w->sha256, m->sha256, SHA256_LEN);
	buf_add_slice(&r->text, m->flags);
	r->progress.messages_total++;
	return buf_check(&r->text, "the flags of a folder", e);
}

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	struct restore *r = ((struct gather *)ctx)->r;
	const struct want w = {.uid = item->record->uid};
	(void)e;
	restore_odd(r, &w, "%s; whether it is meant cannot be said", why->text);
	return 0;
}

static bool selects_messages(const struct selection *s)
{
	return s->has_since || s->has_before || s->has_uids || s->deleted || s->nheaders > 0 ||
		s->message_id != NULL;
}

static int look_at_tree(struct restore *r, struct err *e)
{
	struct store_mailbox_list l = {NULL, 0};
	if (store_mailboxes(r->store, &l, e) != 0)
		return -1;
	r->strip_inbox = tree_all_below_inbox(&l);
	store_mailbox_list_release(&l);
	return 0;
}

static int run(struct restore *r, struct err *e)
{
	struct gather g = {.r = r,
		.box = {.wire = BUF_INIT(BOX_TEXT_MAX),
			.name = BUF_INIT(BOX_TEXT_MAX),
			.attributes = BUF_INIT(BOX_TEXT_MAX)}};
	const struct selection_sink sink = {
		.ctx = &g, .folder = on_folder, .message = on_message, .unreadable = on_unreadable};
	r->make_empty = !selects_messages(r->options->select);
	int rc = look_at_tree(r, e);
	if (rc == 0)
		rc = connect_target(r, e);
	if (rc == 0)
		rc = selection_run(r->store, r->options->select, &sink, &r->report->selected, e);
	if (rc == 0)
		rc = settle(&g, e);
	r->progress.folder = SLICE_NONE;
	buf_release(&g.box.wire);
	buf_release(&g.box.name);
	buf_release(&g.box.attributes);
	if (rc == 0 && r->connected) {
		dial_hang_up(&r->dial);
		r->connected = false;
	}
	return rc;
}

/* ---- the archive ----------------------------------------------------------------------------------- */

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

/* For the journal the archive must be written, which needs its layout; and it is not to be made when it is not there. */
static int open_archive(struct restore *r, const char *path, struct err *e)
{
	struct store_options o = {.mode = STORE_READ};
	if (store_open(&r->store, path, &o, e) != 0)
		return -1;
	if (r->options->dry_run)
		return 0;
	o.layout = store_layout_of(r->store);
	o.mode = STORE_WRITE;
	store_close(r->store);
	r->store = NULL;
	return store_open(&r->store, path, &o, e);
}

static void release(struct restore *r)
{
	disconnect(r);
	store_close(r->store);
	sync_folders_release(&r->remote);
	buf_release(&r->who);
	buf_release(&r->prefix);
	buf_release(&r->wire);
	buf_release(&r->special);
	buf_release(&r->name);
	buf_release(&r->text);
	buf_release(&r->permanent);
	free(r->want);
}

int sync_restore(const char *path, const struct sync_account *to, const struct restore_options *o,
	const struct sync_hooks *h, struct restore_report *report, struct err *e)
{
	struct sync_account account = *to;
	struct restore r = {.account = &account, .options = o, .hooks = h, .report = report};
	memset(report, 0, sizeof *report);
	account.alerts = h;
	account.may_write = !o->dry_run;
	buf_init(&r.who, WHO_MAX);
	buf_init(&r.prefix, STORE_NAME_MAX);
	buf_init(&r.wire, STORE_NAME_MAX);
	buf_init(&r.special, 64);
	buf_init(&r.name, TEXT_SHOW_SIZE);
	buf_init(&r.text, TEXT_MAX);
	buf_init(&r.permanent, MAIL_FLAGS_TEXT_MAX);
	int rc = name_target(&r, e);
	if (rc == 0)
		rc = open_archive(&r, path, e);
	if (rc == 0)
		rc = run(&r, e);
	release(&r);
	return rc;
}

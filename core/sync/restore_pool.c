/* SPDX-License-Identifier: MIT */
/*
 * restore_pool.c -- the poll loop over all connections of a restore, and what each kind of failure costs: a folder that
 * fails is named and left; a connection that is lost is replaced, within a budget, and its folder looked at again; further
 * connections that the server refuses are done without; what cannot be mended ends the run.
 */
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/restore_internal.h"

#define LOOK_MS 1000 /* longest sleep: then signals and pauses are looked at */

static int64_t now_ms(void)
{
	return clock_now(clock_monotonic());
}

static int check_interrupt(const struct restore *r, struct err *e)
{
	return hooks_interrupted(r->hooks)
		? err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal")
		: 0;
}

/* ---- the queue ------------------------------------------------------------------------------------- */

static size_t queue_length(const struct restore *r)
{
	size_t n = 0;
	for (const struct restore_folder *f = r->queue; f != NULL; f = f->next)
		n++;
	return n;
}

static void queue_last(struct restore *r, struct restore_folder *f)
{
	struct restore_folder **end = &r->queue;
	while (*end != NULL)
		end = &(*end)->next;
	f->next = NULL;
	*end = f;
}

static void queue_first(struct restore *r, struct restore_folder *f)
{
	f->next = r->queue;
	r->queue = f;
}

static void dequeue(struct restore *r, struct restore_folder *f)
{
	struct restore_folder **at = &r->queue;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	f->next = NULL;
}

static bool must_wait(const struct restore *r, const struct restore_folder *f)
{
	for (size_t i = 0; i < r->nlinks; i++)
		if ((r->link[i].folder != NULL && tree_conflict(f, r->link[i].folder)) ||
			(r->link[i].ahead != NULL && tree_conflict(f, r->link[i].ahead)))
			return true;
	return false;
}

/* ---- the end of a folder --------------------------------------------------------------------------- */

static bool will_be_made(const struct restore_folder *f)
{
	return !f->exists && (f->nwant > 0 || f->r->make_empty);
}

static void count_folder(struct restore_folder *f)
{
	struct restore *r = f->r;
	const struct restore_options *o = r->options;
	char shown[TEXT_SHOW_SIZE];
	for (size_t i = 0; i < f->nwant; i++) {
		const struct want *w = &f->want[i];
		r->report->present += w->state == WANT_PRESENT;
		if (w->state != WANT_OPEN || !o->dry_run)
			continue;
		r->report->restored++;
		r->report->bytes += w->size;
	}
	r->report->flags_set += f->reflagged;
	if (o->dry_run && will_be_made(f))
		r->report->folders_created++;
	if (f->nlost > 0)
		restore_note(r, SYNC_NOTE_WARNING,
			"%s: %" PRIu64 " %s restored without flags that the server cannot keep: %s",
			buf_str(&f->name), f->nlost, f->nlost == 1 ? "message" : "messages",
			text_show(shown, sizeof shown, buf_slice(&f->lost.text)));
	if (f->notes > SYNC_NOTES_MAX)
		restore_note(r, SYNC_NOTE_WARNING, "%s: %zu more messages with problems",
			buf_str(&f->name), f->notes - SYNC_NOTES_MAX);
}

static void tell_plan(const struct restore_folder *f)
{
	const struct restore_options *o = f->r->options;
	struct buf to = BUF_INIT(ORIGIN_NAME_MAX);
	struct restore_plan p = {.from = buf_slice(&f->from.name), .make = will_be_made(f)};
	for (size_t i = 0; i < f->nwant; i++) {
		const struct want *w = &f->want[i];
		p.messages += w->state == WANT_OPEN;
		p.bytes += w->state == WANT_OPEN ? w->size : 0;
		p.present += w->state == WANT_PRESENT;
	}
	p.flags = f->reflagged;
	bool decoded = mutf7_decode(buf_slice(&f->wire), &to);
	p.to = buf_slice(decoded ? &to : &f->wire);
	if (o->dry_run && o->plan != NULL && (p.make || p.messages > 0 || p.flags > 0))
		o->plan(o->ctx, &p);
	buf_release(&to);
}

static void folder_over(struct restore_folder *f)
{
	struct restore *r = f->r;
	count_folder(f);
	restore_note(r, SYNC_NOTE_FOLDER, "%s: done", buf_str(&f->name));
	if (f->link != NULL)
		f->link->folder = NULL;
	r->progress.folder = SLICE_NONE;
	r->progress.folders_done++;
	restore_folder_free(f);
}

static void folder_failed(struct restore_folder *f, const struct err *why)
{
	f->r->report->folders_failed++;
	restore_note(f->r, SYNC_NOTE_PROBLEM, "%s: %s", buf_str(&f->name), why->text);
	folder_over(f);
}

/* The first that may be worked on now (`unmade`: and has to be made) leaves the queue. 1 *out, 0 there is none, -1. */
static int take_work(struct restore *r, bool unmade, struct restore_folder **out, struct err *e)
{
	struct restore_folder *next;
	for (struct restore_folder *f = r->queue; f != NULL; f = next) {
		next = f->next;
		if (tree_target(f, e) != 0) {
			const struct err why = *e;
			if (e->scope > ERR_MAILBOX)
				return -1;
			err_clear(e);
			dequeue(r, f);
			folder_failed(f, &why);
		} else if (!must_wait(r, f) && (!unmade || tree_is_due(f))) {
			dequeue(r, f);
			*out = f;
			return 1;
		}
	}
	return 0;
}

/* ---- failures -------------------------------------------------------------------------------------- */

/* Before its session is closed; the folders wait for another one. */
static int take_away(struct restore_link *link, struct restore *r, struct err *e)
{
	struct restore_folder *f = link->folder, *ahead = link->ahead;
	int rc = ahead != NULL ? restore_folder_lost(ahead, e) : 0;
	link->ahead = NULL;
	if (ahead != NULL)
		queue_first(r, ahead);
	if (f != NULL && restore_folder_lost(f, e) != 0)
		rc = -1;
	link->folder = NULL;
	if (f != NULL)
		queue_first(r, f);
	r->progress.folder = SLICE_NONE;
	return rc;
}

static void switch_off(struct restore_link *link, struct restore *r, const struct err *why)
{
	dial_close(&link->dial);
	link->state = LINK_OFF;
	r->last = *why;
}

static bool others_left(const struct restore *r, const struct restore_link *link)
{
	for (size_t i = 0; i < r->nlinks; i++)
		if (&r->link[i] != link && r->link[i].state != LINK_OFF)
			return true;
	return false;
}

/* No connection came of it. 0: the run goes on; -1: it cannot. */
static int dial_failed(struct restore_link *link, struct restore *r, struct err *e)
{
	if (e->code == E_CANCELLED || e->scope >= ERR_STORE || e->code == E_NOMEM)
		return -1;
	link->failures++;
	bool hopeless =
		e->scope >= ERR_ACCOUNT || link->failures >= SYNC_DIAL_TRIES || !link->connected;
	if (!hopeless && r->reconnects < SYNC_RECONNECTS_MAX) {
		dial_close(&link->dial);
		r->reconnects++;
		link->state = LINK_PAUSED;
		link->until = now_ms() + ((int64_t)SYNC_DIAL_PAUSE_MS << (link->failures - 1));
		err_clear(e);
		return 0;
	}
	if (!others_left(r, link)) {
		switch_off(link, r, e);
		return -1;
	}
	/* Many providers allow few connections for a user: that costs speed, not mail. */
	restore_note(r, SYNC_NOTE_WARNING, "%s; going on with fewer connections", e->text);
	switch_off(link, r, e);
	err_clear(e);
	return 0;
}

static int connection_lost(struct restore_link *link, struct restore *r, struct err *e)
{
	const struct err why = *e;
	struct restore_folder *f = link->folder;
	if (take_away(link, r, e) != 0)
		return -1;
	dial_close(&link->dial);
	if (f != NULL && f->deaths >= SYNC_MAILBOX_DEATHS) {
		dequeue(r, f);
		folder_failed(f, &why);
	}
	if (r->reconnects >= SYNC_RECONNECTS_MAX) {
		switch_off(link, r, &why);
		err_clear(e);
		return 0;
	}
	r->reconnects++;
	restore_note(r, SYNC_NOTE_STEP, "%s; connecting again", why.text);
	link->state = LINK_PAUSED;
	link->until = now_ms();
	err_clear(e);
	return 0;
}

/* A step failed. 0: the run goes on; -1: it cannot. */
static int step_failed(struct restore_link *link, struct restore *r, struct err *e)
{
	if (e->scope >= ERR_ACCOUNT || e->code == E_NOMEM)
		return -1;
	if (e->scope >= ERR_CONNECTION || session_is_over(link->dial.session))
		return connection_lost(link, r, e);
	const struct err why = *e;
	struct restore_folder *f = link->folder;
	if (f == NULL)
		return -1;
	err_clear(e);
	if (take_away(link, r, e) != 0)
		return -1;
	dequeue(r, f);
	folder_failed(f, &why);
	return 0;
}

/* ---- one connection -------------------------------------------------------------------------------- */

/* RFC 7889 section 3.1. Without a number it is each mailbox's: folder_limit(). */
static void read_limit(struct restore_link *link)
{
	uint64_t octets;
	link->limit_known =
		imap4_append_limit(link->dial.session, &octets) == IMAP4_APPEND_LIMIT_GLOBAL;
	link->limit = link->limit_known ? octets : UINT32_MAX;
}

static void link_ready(struct restore_link *link)
{
	link->state = LINK_READY;
	link->connected = true;
	link->failures = 0;
	read_limit(link);
}

/* A connection without a folder: 1 it has one now, or is to be asked again; 0 there is none for it; -1. */
static int find_work(struct restore_link *link, struct restore *r, struct err *e)
{
	int rc = 0;
	if (r->queue == NULL)
		return 0;
	/* Servers close what is idle. */
	if (session_is_over(link->dial.session))
		rc = sync_err_last(e, ERR_CONNECTION, link->dial.session, NULL);
	else if (r->stale)
		rc = tree_read(r, link, e);
	if (rc != 0)
		return step_failed(link, r, e) == 0 ? 1 : -1;
	rc = take_work(r, false, &link->folder, e);
	if (rc > 0)
		restore_folder_begin(link->folder, link);
	return rc;
}

/* While messages are on their way, CREATE of the next folder costs no round trip. Results as those of work(). */
static int make_ahead(struct restore_link *link, struct restore *r, struct err *e)
{
	/* Who removes what was made must not find it being made still. */
	bool may = link->folder->sending != NULL && !r->stale && r->options->made == NULL;
	if (link->ahead == NULL && may) {
		if (take_work(r, true, &link->ahead, e) < 0)
			return -1;
		if (link->ahead != NULL)
			restore_folder_begin(link->ahead, link);
	}
	struct restore_folder *f = link->ahead;
	int rc = f != NULL ? restore_folder_make(f, e) : 0;
	if (rc == 0 || (rc < 0 && (e->scope > ERR_MAILBOX || session_is_over(link->dial.session))))
		return rc;
	const struct err why = *e;
	link->ahead = NULL;
	restore_folder_leave(f);
	err_clear(e);
	if (rc > 0)
		queue_first(r, f);
	else
		folder_failed(f, &why);
	return 1;
}

/* 1: call again; 0: nothing to do before something happens; -1: the run is over. */
static int work(struct restore_link *link, struct restore *r, struct err *e)
{
	if (link->folder == NULL && link->ahead == NULL)
		return find_work(link, r, e);
	if (link->folder == NULL) {
		link->folder = link->ahead;
		link->ahead = NULL;
	}
	struct restore_folder *f = link->folder;
	r->progress.folder = buf_slice(&f->from.name);
	int rc = restore_folder_run(f, e);
	if (rc >= 0 && f->step == NULL) {
		tell_plan(f);
		folder_over(f);
		return 1;
	}
	if (rc >= 0)
		rc = make_ahead(link, r, e);
	if (rc < 0)
		return step_failed(link, r, e) == 0 ? 1 : -1;
	return rc;
}

/* Are there more folders waiting than connections that are about to take one? */
static bool may_dial(const struct restore *r)
{
	size_t coming = 0;
	for (size_t i = 0; i < r->nlinks; i++)
		coming += r->link[i].state == LINK_DIALING ||
			(r->link[i].state == LINK_READY && r->link[i].folder == NULL);
	return queue_length(r) > coming;
}

static int wake_up(struct restore_link *link, struct restore *r, struct err *e)
{
	if (now_ms() < link->until || !may_dial(r))
		return 0;
	unsigned slot = (unsigned)(link - r->link);
	if (dial_start(&link->dial, r->account, r->hooks, slot, e) != 0)
		return dial_failed(link, r, e);
	link->state = LINK_DIALING;
	return 1;
}

static int dialling(struct restore_link *link, struct restore *r, struct err *e)
{
	int rc = dial_step(&link->dial, e);
	if (rc < 0)
		return dial_failed(link, r, e);
	if (rc > 0)
		link_ready(link);
	return rc;
}

static int step(struct restore_link *link, struct restore *r, struct err *e)
{
	switch (link->state) {
	case LINK_OFF: return 0;
	case LINK_PAUSED: return wake_up(link, r, e);
	case LINK_DIALING: return dialling(link, r, e);
	case LINK_READY: break;
	}
	return work(link, r, e);
}

/* ---- the loop -------------------------------------------------------------------------------------- */

/* Something of what will have to be done anyhow. false: there is nothing. */
static bool work_ahead(struct restore *r)
{
	for (size_t i = 0; i < r->nlinks; i++) {
		struct restore_folder *f = r->link[i].folder;
		if (f != NULL && (f->is_new || f->sending != NULL) && send_ahead(f))
			return true;
	}
	for (struct restore_folder *f = r->queue; f != NULL; f = f->next)
		if (f->is_new && send_ahead(f))
			return true;
	return false;
}

static int pump(struct restore *r, int timeout_ms, struct err *e)
{
	imap4_session *live[SYNC_CONNECTIONS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < r->nlinks; i++)
		if (r->link[i].dial.session != NULL && !session_is_over(r->link[i].dial.session))
			live[n++] = r->link[i].dial.session;
	if (n == 0) {
		(void)poll(NULL, 0, timeout_ms);
		return IMAP4_AGAIN;
	}
	imap4_err rc = imap4_pump_many(live, n, timeout_ms);
	if (rc < 0 && rc != IMAP4_E_CANCELLED) {
		const imap4_result result = {.err = rc};
		return sync_err(e, ERR_ACCOUNT, &result, "waiting for the network");
	}
	return rc == IMAP4_AGAIN ? IMAP4_AGAIN : IMAP4_OK;
}

static int wait_for_news(struct restore *r, struct err *e)
{
	int64_t now = now_ms(), wait = LOOK_MS;
	int rc = pump(r, 0, e);
	if (rc != IMAP4_AGAIN || work_ahead(r))
		return rc < 0 ? -1 : 0;
	for (size_t i = 0; i < r->nlinks; i++) {
		const struct restore_link *link = &r->link[i];
		int64_t due = link->folder != NULL ? restore_folder_due(link->folder) : 0;
		if (link->state == LINK_PAUSED && may_dial(r))
			due = link->until;
		else if (due == 0)
			continue;
		if (due - now < wait)
			wait = due > now ? due - now : 0;
	}
	return pump(r, (int)wait, e) < 0 ? -1 : 0;
}

static bool is_busy(const struct restore *r)
{
	for (size_t i = 0; i < r->nlinks; i++)
		if (r->link[i].folder != NULL || r->link[i].ahead != NULL)
			return true;
	return r->queue != NULL;
}

/* All that can be done without waiting. */
static int turn(struct restore *r, struct err *e)
{
	size_t off = 0;
	for (size_t i = 0; i < r->nlinks; i++) {
		int rc;
		do {
			if (check_interrupt(r, e) != 0)
				return -1;
		} while ((rc = step(&r->link[i], r, e)) > 0);
		if (rc < 0)
			return -1;
	}
	for (size_t i = 0; i < r->nlinks; i++)
		off += r->link[i].state == LINK_OFF;
	restore_progress(r);
	if (off < r->nlinks || !is_busy(r))
		return 0;
	*e = r->last;
	return -1;
}

/* Until no more than so many folders wait for a connection, and, for 0, none is worked on. */
static int run_until(struct restore *r, size_t waiting, struct err *e)
{
	for (;;) {
		if (turn(r, e) != 0)
			return -1;
		if (waiting > 0 ? queue_length(r) <= waiting : !is_busy(r))
			return 0;
		if (wait_for_news(r, e) != 0)
			return -1;
	}
}

int pool_begin(struct restore *r, struct err *e)
{
	struct restore_link *first = &r->link[0];
	r->nlinks = r->account->connections > 0 ? r->account->connections : 1;
	if (r->nlinks > SYNC_CONNECTIONS_MAX)
		r->nlinks = SYNC_CONNECTIONS_MAX;
	for (size_t i = 0; i < r->nlinks; i++)
		r->link[i].state = LINK_PAUSED;
	if (dial_start(&first->dial, r->account, r->hooks, 0, e) != 0 ||
		dial_wait(&first->dial, e) != 0)
		return -1;
	link_ready(first);
	return tree_read(r, first, e);
}

int pool_add(struct restore *r, struct restore_folder *f, struct err *e)
{
	struct err ignored = ERR_INIT;
	f->is_new = !r->options->dry_run && tree_target(f, &ignored) == 0 && !f->exists;
	queue_last(r, f);
	return run_until(r, r->nlinks, e);
}

int pool_finish(struct restore *r, struct err *e)
{
	return run_until(r, 0, e);
}

void pool_end(struct restore *r, bool hang_up)
{
	struct err ignored = ERR_INIT;
	for (size_t i = 0; i < r->nlinks; i++) {
		struct restore_link *link = &r->link[i];
		(void)take_away(link, r, &ignored);
		if (hang_up && link->state == LINK_READY)
			dial_hang_up(&link->dial);
		else
			dial_close(&link->dial);
	}
	while (r->queue != NULL) {
		struct restore_folder *f = r->queue;
		dequeue(r, f);
		restore_folder_free(f);
	}
}

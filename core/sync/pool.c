/* SPDX-License-Identifier: MIT */
/* pool.c -- the poll loop over all connections of a backup, and what each kind of failure costs. */
#include "core/sync/pool.h"

#include <poll.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/task.h"

#define LOOK_MS	  1000 /* longest sleep: then signals, deadlines and the group are looked at */
#define COMMIT_MS 1000 /* a finished mailbox is made durable at least so often */

enum worker_state {
	WORKER_OFF,    /* its connection is given up */
	WORKER_PAUSED, /* until w->until; then it dials, or goes on if it has a session */
	WORKER_DIALING,
	WORKER_READY,
};

struct worker {
	enum worker_state state;
	struct dial dial;
	int64_t until;
	/* Its mailboxes: the first is being served, the others were opened behind it. */
	struct task *line[SYNC_AHEAD_MAX];
	size_t n;
	unsigned failures; /* attempts in a row that got no connection */
	bool connected;	   /* ever */
};

struct pool {
	struct job *job;
	const struct plan *plan;
	const int64_t *mailbox;
	size_t next; /* in the plan */
	/* Begun, and to be gone on with: of a worker that is off, or had to come back (task.h). They are taken before new
	 * ones, so there are never more than fit in all lines. */
	struct task *returned[SYNC_CONNECTIONS_MAX * SYNC_AHEAD_MAX];
	size_t nreturned;
	struct worker worker[SYNC_CONNECTIONS_MAX];
	size_t n;
	int64_t committed;
	struct err last; /* why the last connection was given up */
};

static int64_t now_ms(void)
{
	return clock_now(clock_monotonic());
}

/* ---- work ------------------------------------------------------------------------------------ */

static bool is_work(const struct pool *p, size_t i)
{
	return p->plan->at[i].action == PLAN_OPEN && p->mailbox[i] != 0;
}

static bool has_work(struct pool *p)
{
	while (p->next < p->plan->n && !is_work(p, p->next))
		p->next++;
	return p->nreturned > 0 || p->next < p->plan->n;
}

/* The next mailbox, at the end of the line. */
static int take_work(struct pool *p, struct worker *w, struct err *e)
{
	struct task *t;
	if (p->nreturned > 0) {
		t = p->returned[--p->nreturned];
	} else {
		t = task_new(p->job, &p->plan->at[p->next], p->mailbox[p->next], e);
		p->next++;
	}
	if (t == NULL)
		return -1;
	w->line[w->n++] = t;
	return 0;
}

static struct task *leave_line(struct worker *w, size_t i)
{
	struct task *t = w->line[i];
	memmove(&w->line[i], &w->line[i + 1], (--w->n - i) * sizeof(struct task *));
	return t;
}

static void folder_done(struct pool *p, struct worker *w, size_t i)
{
	task_free(leave_line(w, i));
	p->job->progress.folders_done++;
	p->job->progress.folder = SLICE_NONE;
}

/* Without its connection; somebody goes on with it later. */
static int give_back(struct pool *p, struct worker *w, size_t i, struct err *e)
{
	if (w->line[i]->session != NULL && task_lost(w->line[i], false, e) != 0)
		return -1;
	p->returned[p->nreturned++] = leave_line(w, i);
	return 0;
}

/* All but the first. */
static int give_back_rest(struct pool *p, struct worker *w, struct err *e)
{
	while (w->n > 1)
		if (give_back(p, w, w->n - 1, e) != 0)
			return -1;
	return 0;
}

/* ---- failures -------------------------------------------------------------------------------- */

static void count_bytes(struct pool *p, const struct worker *w)
{
	if (w->dial.session != NULL) {
		p->job->wire_in += imap4_wire_bytes_in(w->dial.session);
		p->job->wire_out += imap4_wire_bytes_out(w->dial.session);
	}
}

static void close_session(struct pool *p, struct worker *w)
{
	count_bytes(p, w);
	dial_close(&w->dial);
}

static void switch_off(struct pool *p, struct worker *w, const struct err *why)
{
	close_session(p, w);
	w->state = WORKER_OFF;
	p->last = *why;
	while (w->n > 0)
		p->returned[p->nreturned++] = leave_line(w, 0);
}

static bool others_left(const struct pool *p, const struct worker *w)
{
	for (size_t i = 0; i < p->n; i++)
		if (&p->worker[i] != w && p->worker[i].state != WORKER_OFF)
			return true;
	return false;
}

/* No connection came of it. 0: the run goes on; -1: it cannot. */
static int dial_failed(struct pool *p, struct worker *w, struct err *e)
{
	if (e->code == E_CANCELLED || e->scope >= ERR_STORE || e->code == E_NOMEM)
		return -1;
	w->failures++;
	bool hopeless = e->scope >= ERR_ACCOUNT || w->failures >= SYNC_DIAL_TRIES || !w->connected;
	if (!hopeless && p->job->reconnects < SYNC_RECONNECTS_MAX) {
		close_session(p, w);
		p->job->reconnects++;
		w->state = WORKER_PAUSED;
		w->until = now_ms() + ((int64_t)SYNC_DIAL_PAUSE_MS << (w->failures - 1));
		err_clear(e);
		return 0;
	}
	if (!others_left(p, w)) {
		switch_off(p, w, e);
		return -1;
	}
	/* Many providers allow few connections for a user: that costs speed, not mail. */
	job_note(p->job, SYNC_NOTE_WARNING, "%s; going on with fewer connections", e->text);
	switch_off(p, w, e);
	err_clear(e);
	return 0;
}

static void folder_failed(struct pool *p, struct worker *w, size_t i, const struct err *why)
{
	job_note(p->job, SYNC_NOTE_PROBLEM,
		"%s: %s; what is saved stays, the folder will be tried again in the next run",
		w->line[i]->name, why->text);
	p->job->report->folders_failed++;
	folder_done(p, w, i);
}

static int connection_lost(struct pool *p, struct worker *w, struct err *e)
{
	struct job *j = p->job;
	const struct err why = *e;
	/* Servers answer in order: only the first can be to blame. */
	if (give_back_rest(p, w, e) != 0 || task_lost(w->line[0], true, e) != 0)
		return -1;
	close_session(p, w);
	if (w->line[0]->deaths >= SYNC_MAILBOX_DEATHS)
		folder_failed(p, w, 0, &why);
	if (j->reconnects >= SYNC_RECONNECTS_MAX) {
		switch_off(p, w, &why);
		p->last = why;
		err_context(&p->last, "the connection was lost %u times in this run",
			j->reconnects + 1);
		err_clear(e);
		return 0;
	}
	j->reconnects++;
	job_note(j, SYNC_NOTE_STEP, "%s; connecting again", why.text);
	w->state = WORKER_PAUSED;
	w->until = now_ms();
	err_clear(e);
	return 0;
}

static int pause_for(struct pool *p, struct worker *w, size_t i, struct err *e)
{
	struct job *j = p->job;
	struct task *t = w->line[i];
	int64_t wait = t->pause_ms;
	for (unsigned n = 0; n < t->throttled && wait < SYNC_THROTTLE_WAIT_MS; n++)
		wait *= 2;
	wait = wait < SYNC_THROTTLE_WAIT_MS ? wait : SYNC_THROTTLE_WAIT_MS;
	if (j->throttled_ms + wait > SYNC_THROTTLE_RUN_MS) {
		err_set(e, ERR_ACCOUNT, E_THROTTLE,
			"the server asks to slow down again and again; what was fetched is kept, try again later");
		return -1;
	}
	j->throttled_ms += wait;
	job_note(j, SYNC_NOTE_STEP, "%s: %s; waiting %lld s", t->name, e->text,
		(long long)((wait + 999) / 1000));
	t->throttled++;
	w->line[i] = w->line[0];
	w->line[0] = t;
	if (give_back_rest(p, w, e) != 0 || task_lost(t, false, e) != 0 ||
		store_commit(j->store, e) != 0)
		return -1;
	w->state = WORKER_PAUSED;
	w->until = now_ms() + wait;
	err_clear(e);
	return 0;
}

/* A step failed. 0: the run goes on; -1: it cannot. */
static int task_error(struct pool *p, struct worker *w, size_t i, struct err *e)
{
	if (e->scope >= ERR_ACCOUNT || e->code == E_NOMEM)
		return -1;
	if (e->scope >= ERR_CONNECTION || session_is_over(w->dial.session))
		return connection_lost(p, w, e);
	if (w->line[i]->pause_ms > 0)
		return pause_for(p, w, i, e);
	const struct err why = *e;
	if (task_lost(w->line[i], false, e) != 0)
		return -1;
	folder_failed(p, w, i, &why);
	err_clear(e);
	return 0;
}

/* ---- one worker ------------------------------------------------------------------------------ */

static int commit_if_due(struct pool *p, bool finished, struct err *e)
{
	int64_t now = now_ms();
	if (!store_commit_due(p->job->store) && !(finished && now - p->committed >= COMMIT_MS))
		return 0;
	p->committed = now;
	return store_commit(p->job->store, e);
}

/* How many mailboxes may stand in a line: with several connections no more than each one's share of what is left. */
static size_t line_limit(const struct pool *p)
{
	size_t share = 1 + (p->plan->n - p->next) / (2 * p->n);
	if (p->n == 1 || share > SYNC_AHEAD_MAX)
		share = SYNC_AHEAD_MAX;
	return share;
}

static bool may_take_next(struct pool *p, const struct worker *w)
{
	if (!has_work(p))
		return false;
	return w->n == 0 || (w->n < line_limit(p) && task_may_be_followed(w->line[w->n - 1]));
}

/* 1: it has left the line; 0: it waits; -1. */
static int run_one(struct pool *p, struct worker *w, size_t i, struct err *e)
{
	struct task *t = w->line[i];
	if (t->session == NULL)
		task_resume(t, w->dial.session);
	if (i == 0)
		p->job->progress.folder = buf_slice(&t->plan->remote->name);
	int rc = task_run(t, e);
	if (rc < 0)
		return task_error(p, w, i, e) == 0 ? 1 : -1;
	/* The bodies that are on their way are not asked for twice. */
	if (t->again && task_is_receiving(t))
		return 0;
	if (t->again)
		return give_back(p, w, i, e) == 0 ? 1 : -1;
	if (t->step != NULL)
		return 0;
	folder_done(p, w, i);
	return commit_if_due(p, true, e) == 0 ? 1 : -1;
}

/* 1: call again; 0: nothing to do before something happens; -1: the run is over. */
static int work(struct pool *p, struct worker *w, struct err *e)
{
	for (size_t i = 0; i < w->n; i++) {
		int rc = run_one(p, w, i, e);
		if (rc != 0)
			return rc;
	}
	if (!may_take_next(p, w))
		return 0;
	if (w->n > 0)
		w->line[w->n - 1]->followed = true;
	return take_work(p, w, e) == 0 ? 1 : -1;
}

static int wake_up(struct pool *p, struct worker *w, struct err *e)
{
	if (now_ms() < w->until)
		return 0;
	if (w->dial.session != NULL) {
		w->state = WORKER_READY;
		return 1;
	}
	if (w->n == 0 && !has_work(p))
		return 0;
	if (dial_start(&w->dial, p->job->account, p->job->hooks, (unsigned)(w - p->worker), e) != 0)
		return dial_failed(p, w, e);
	w->state = WORKER_DIALING;
	return 1;
}

static int step(struct pool *p, struct worker *w, struct err *e)
{
	switch (w->state) {
	case WORKER_OFF: return 0;
	case WORKER_PAUSED: return wake_up(p, w, e);
	case WORKER_READY: return work(p, w, e);
	case WORKER_DIALING: break;
	}
	int rc = dial_step(&w->dial, e);
	if (rc < 0)
		return dial_failed(p, w, e);
	if (rc > 0) {
		w->state = WORKER_READY;
		w->connected = true;
		w->failures = 0;
	}
	return rc;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool is_busy(struct pool *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->worker[i].n > 0)
			return true;
	return has_work(p);
}

static int wait_for_news(struct pool *p, struct err *e)
{
	imap4_session *live[SYNC_CONNECTIONS_MAX];
	size_t n = 0;
	int64_t now = now_ms(), wait = LOOK_MS;
	for (size_t i = 0; i < p->n; i++) {
		struct worker *w = &p->worker[i];
		if (w->dial.session != NULL && !session_is_over(w->dial.session))
			live[n++] = w->dial.session;
		/* One that has nothing to do need not be woken. */
		if (w->state == WORKER_PAUSED && (w->n > 0 || has_work(p)) && w->until - now < wait)
			wait = w->until > now ? w->until - now : 0;
	}
	if (n == 0) {
		(void)poll(NULL, 0, (int)wait);
		return 0;
	}
	imap4_err rc = imap4_pump_many(live, n, (int)wait);
	if (rc < 0 && rc != IMAP4_E_CANCELLED) {
		const imap4_result r = {.err = rc};
		return sync_err(e, ERR_ACCOUNT, &r, "waiting for the network");
	}
	return 0;
}

static int loop(struct pool *p, struct err *e)
{
	for (;;) {
		size_t off = 0;
		for (size_t i = 0; i < p->n; i++) {
			int rc;
			if (job_check_interrupt(p->job, e) != 0)
				return -1;
			while ((rc = step(p, &p->worker[i], e)) > 0)
				;
			if (rc < 0)
				return -1;
		}
		for (size_t i = 0; i < p->n; i++)
			off += p->worker[i].state == WORKER_OFF;
		if (commit_if_due(p, false, e) != 0)
			return -1;
		job_progress(p->job);
		if (!is_busy(p))
			return 0;
		if (off == p->n) {
			*e = p->last;
			return -1;
		}
		if (wait_for_news(p, e) != 0)
			return -1;
	}
}

static size_t count_workers(const struct pool *p)
{
	size_t work = 0, wanted = p->job->account->connections;
	for (size_t i = 0; i < p->plan->n; i++)
		work += is_work(p, i);
	wanted = wanted > 0 ? wanted : 1;
	if (wanted > SYNC_CONNECTIONS_MAX)
		wanted = SYNC_CONNECTIONS_MAX;
	return wanted < work ? wanted : work > 0 ? work : 1;
}

int pool_run(struct job *j, struct dial *first, const struct plan *plan, const int64_t *mailbox,
	struct err *e)
{
	struct pool p = {.job = j, .plan = plan, .mailbox = mailbox, .committed = now_ms()};
	p.n = count_workers(&p);
	for (size_t i = 0; i < p.n; i++)
		p.worker[i].state = WORKER_PAUSED;
	p.worker[0].dial = *first;
	p.worker[0].connected = true;
	memset(first, 0, sizeof *first);
	int rc = loop(&p, e);
	for (size_t i = 0; i < p.n; i++) {
		while (p.worker[i].n > 0)
			task_free(leave_line(&p.worker[i], 0));
	}
	for (size_t i = 0; i < p.nreturned; i++)
		task_free(p.returned[i]);
	for (size_t i = 0; i < p.n; i++) {
		struct worker *w = &p.worker[i];
		if (rc == 0 && w->state == WORKER_READY) {
			count_bytes(&p, w);
			dial_hang_up(&w->dial);
		} else {
			close_session(&p, w);
		}
	}
	return rc;
}

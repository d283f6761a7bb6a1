/* SPDX-License-Identifier: MIT */
/*
 * repair.c -- what store_verify() finds, mended: everything is looked at first, then changed,
 * then what has no row yet is taken over by the same walk that follows an unclean end.
 *
 * Order for one message: the bad file is moved aside and that is durable; then its row says that
 * there is none. Cut off in between, the row has no file, which the next repair finds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "store/index_check.h"
#include "store/repair_internal.h"

/* Findings kept in memory; an archive with more is repaired in several goes. */
#define WOUNDS_MAX ((size_t)1 << 22)

/* ---- gathering ------------------------------------------------------------------------------- */

static const unsigned char *put(char **to, struct slice s)
{
	char *at = *to;
	if (s.n > 0)
		memcpy(at, s.p, s.n);
	at[s.n] = '\0';
	*to += s.n + 1;
	return (const unsigned char *)at;
}

static bool keep_wound(struct wound *w, const struct store_finding *f)
{
	*w = (struct wound){.f = *f, .mending = STORE_NOT_MENDED};
	w->text = malloc(f->mailbox.n + f->path.n + f->file.n + 3);
	w->detail = strdup(f->detail);
	if (w->text == NULL || w->detail == NULL) {
		free(w->text);
		free(w->detail);
		return false;
	}
	char *to = w->text;
	w->f.mailbox.p = put(&to, f->mailbox);
	w->f.path.p = put(&to, f->path);
	w->f.file.p = put(&to, f->file);
	w->f.detail = w->detail;
	return true;
}

static int gather(void *ctx, const struct store_finding *f)
{
	struct repair *r = ctx;
	if (!store_fault_is_damage(f->fault))
		return 0;
	if (r->n == WOUNDS_MAX)
		return err_set(
			r->e, ERR_STORE, E_LIMIT, "more than %zu damaged messages", WOUNDS_MAX);
	if (r->n == r->cap) {
		size_t cap = r->cap == 0 ? 64 : 2 * r->cap;
		struct wound *at = realloc(r->at, cap * sizeof *at);
		if (at == NULL)
			return err_nomem(r->e, "repairing the archive");
		r->at = at;
		r->cap = cap;
	}
	if (!keep_wound(&r->at[r->n], f))
		return err_nomem(r->e, "repairing the archive");
	r->n++;
	return 0;
}

static int show(void *ctx, const struct store_verify_counts *c, struct slice mailbox)
{
	struct repair *r = ctx;
	return r->progress(r->ctx, c, mailbox);
}

int repair_by_row(const void *a, const void *b)
{
	const struct store_finding *x = &(*(struct wound *const *)a)->f;
	const struct store_finding *y = &(*(struct wound *const *)b)->f;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int list_missing(struct repair *r)
{
	r->missing = calloc(r->n + 1, sizeof(struct wound *));
	if (r->missing == NULL)
		return err_nomem(r->e, "repairing the archive");
	for (size_t i = 0; i < r->n; i++)
		if (r->at[i].f.fault == STORE_FAULT_MISSING)
			r->missing[r->nmissing++] = &r->at[i];
	qsort(r->missing, r->nmissing, sizeof(struct wound *), repair_by_row);
	return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int take_row(void *ctx, const struct store_record *rec)
{
	struct wound_row *row = ctx;
	row->found = true;
	row->has_file = rec->has_file && rec->base.n < sizeof row->base;
	if (!row->has_file)
		return 0;
	memcpy(row->base, rec->base.p, rec->base.n);
	row->base[rec->base.n] = '\0';
	row->add_cr = rec->size_disk < rec->size_wire;
	row->size_disk = rec->size_disk;
	row->size_wire = rec->size_wire;
	row->secs = rec->date.valid ? rec->date.secs : 0;
	memcpy(row->sha256, rec->sha256, SHA256_LEN);
	buf_add_slice(&row->flags, rec->flags);
	return 0;
}

int repair_row(struct repair *r, int64_t generation, uint32_t uid, struct wound_row *row)
{
	*row = (struct wound_row){.flags = BUF_INIT(MAIL_FLAGS_TEXT_MAX)};
	if (index_records(r->s->x, generation, uid, uid, take_row, row, r->e) != 0)
		return -1;
	return buf_check(&row->flags, "the flags of a message", r->e);
}

static int row_is_lost(struct repair *r, struct wound *w)
{
	char reason[96];
	snprintf(
		reason, sizeof reason, "damaged in the archive (%s)", store_fault_name(w->f.fault));
	if (index_message_lost(
		    r->s->x, w->f.generation, w->f.uid, slice_str(reason), r->s->run, r->e) != 0)
		return -1;
	w->mending = w->f.current && w->f.state != STORE_GONE ? STORE_TO_FETCH : STORE_LOST;
	return 0;
}

/* ---- one finding ----------------------------------------------------------------------------- */

/* The bad file out of the way first: the message comes back under the same name. */
static int replace_file(struct repair *r, struct wound *w)
{
	int moved = repair_set_aside(r, w);
	return moved <= 0 ? moved : row_is_lost(r, w);
}

/* An error that has passed is no reason to move a file that the server may not have any more. */
static int mend_unreadable(struct repair *r, struct wound *w)
{
	int result = repair_can_be_read(r, w);
	if (result > 0)
		w->mending = STORE_MENDED;
	return result == 0 ? replace_file(r, w) : result > 0 ? 0 : -1;
}

static int mend_name(struct repair *r, struct wound *w)
{
	int result = repair_name(r, w);
	if (result > 0)
		w->mending = STORE_MENDED;
	if (result != 0)
		return result < 0 ? -1 : 0;
	if (w->f.has_row)
		return replace_file(r, w);
	result = repair_is_sound(r, w);
	if (result > 0)
		w->mending = STORE_TO_ADOPT;
	if (result == 0 && repair_set_aside(r, w) > 0)
		w->mending = STORE_MENDED;
	return result < 0 || err_is_set(r->e) ? -1 : 0;
}

/* What is known to be there already needs no second file, sound or not. */
static int mend_extra(struct repair *r, struct wound *w)
{
	bool has_file = false;
	struct index_generation g = {0, w->f.mailbox_id, w->f.uidvalidity};
	if (w->f.uid != 0 && w->f.mailbox_id != 0) {
		if (index_generation_make(r->s->x, &g, r->s->run, r->e) != 0 ||
			index_message_file(r->s->x, g.id, w->f.uid, &has_file, NULL, r->e) < 0)
			return -1;
	}
	if (!has_file)
		return mend_name(r, w);
	int result = repair_name(r, w);
	if (result == 0)
		result = repair_set_aside(r, w);
	if (result > 0)
		w->mending = STORE_MENDED;
	return result < 0 ? -1 : 0;
}

static int mend_folder(struct repair *r, struct wound *w)
{
	struct index_mailbox box;
	struct index_generation g = {0, 0, 0};
	struct maildir m;
	index_mailbox_init(&box);
	int result =
		w->f.mailbox_id != 0 ? index_mailbox_get(r->s->x, w->f.mailbox_id, &box, r->e) : 0;
	if (result > 0 && box.generation != 0 &&
		index_generation_get(r->s->x, box.generation, &g, r->e) < 0)
		result = -1;
	if (result > 0) {
		result = maildir_open(&m, r->s->fs, r->s->mail, buf_slice(&box.path), true, r->e);
		if (result == 0) {
			result = folder_write_side(r->s, &m, &box, g.uidvalidity, r->e);
			maildir_close(&m);
		}
		/* What was not looked at may be opened now, but nobody knows what is in it. */
		if (result == 0 && !w->f.unseen)
			w->mending = STORE_MENDED;
	}
	index_mailbox_release(&box);
	return result < 0 ? -1 : 0;
}

static int mend(struct repair *r, struct wound *w)
{
	int result = 0;
	if (w->mending == STORE_MENDED) /* its file was found under another name */
		return 0;
	if (w->f.fault == STORE_FAULT_FOLDER)
		return mend_folder(r, w);
	if (w->f.fault == STORE_FAULT_MISSING || w->f.fault == STORE_FAULT_INDEX)
		return w->f.has_row ? row_is_lost(r, w) : 0;
	if (!r->open)
		return 0;
	switch (w->f.fault) {
	case STORE_FAULT_EXTRA: return mend_extra(r, w);
	case STORE_FAULT_NAME: return mend_name(r, w);
	case STORE_FAULT_CHANGED:
	case STORE_FAULT_SIZE: return w->f.has_row ? replace_file(r, w) : 0;
	case STORE_FAULT_UNREADABLE: return w->f.has_row ? mend_unreadable(r, w) : 0;
	case STORE_FAULT_TIME:
		result = repair_time(r, w);
		if (result > 0)
			w->mending = STORE_MENDED;
		return result < 0 ? -1 : 0;
	case STORE_FAULT_MISSING:
	case STORE_FAULT_LETTERS:
	case STORE_FAULT_FOLDER:
	case STORE_FAULT_INDEX:
	case STORE_FAULT_COUNT: break;
	}
	return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void close_folder(struct repair *r)
{
	if (r->open)
		maildir_close(&r->m);
	r->open = false;
}

static int open_folder(struct repair *r, struct slice path)
{
	if (r->open && slice_eq(buf_slice(&r->m.path), path))
		return 0;
	close_folder(r);
	if (maildir_open(&r->m, r->s->fs, r->s->mail, path, false, r->e) == 0)
		r->open = true;
	else if (r->e->scope > ERR_MAILBOX)
		return -1;
	err_clear(r->e);
	return 0;
}

/*
 * First the files of rows, so that a bad one is out of the way when a sound copy of it is found;
 * then strays, one of which may be the file that a row misses; then the rows that still miss
 * theirs.
 */
enum { PASS_FILES, PASS_STRAYS, PASS_MISSING, PASSES };

static int pass_of(const struct wound *w)
{
	if (w->f.fault == STORE_FAULT_MISSING || w->f.fault == STORE_FAULT_FOLDER)
		return PASS_MISSING;
	return w->f.has_row ? PASS_FILES : PASS_STRAYS;
}

static int mend_pass(struct repair *r, int pass)
{
	for (size_t i = 0; i < r->n; i++) {
		struct wound *w = &r->at[i];
		if (pass_of(w) != pass)
			continue;
		if (open_folder(r, w->f.path) != 0)
			return -1;
		if (mend(r, w) != 0) {
			if (r->e->scope > ERR_MAILBOX)
				return -1;
			err_clear(r->e);
		}
	}
	close_folder(r);
	return 0;
}

/* A row that was given up may have found its file again when strays were taken over. */
static int settle(struct repair *r, struct wound *w)
{
	bool has_file = false;
	if (w->mending != STORE_TO_FETCH && w->mending != STORE_LOST)
		return 0;
	if (index_message_file(r->s->x, w->f.generation, w->f.uid, &has_file, NULL, r->e) < 0)
		return -1;
	if (has_file)
		w->mending = STORE_MENDED;
	return 0;
}

static int tell(struct repair *r,
	int (*each)(void *ctx, const struct store_finding *f, enum store_mending m), void *ctx)
{
	for (size_t i = 0; i < r->n; i++) {
		struct wound *w = &r->at[i];
		if (settle(r, w) != 0)
			return -1;
		r->counts->mended += w->mending == STORE_MENDED;
		r->counts->adopted += w->mending == STORE_TO_ADOPT;
		r->counts->to_fetch += w->mending == STORE_TO_FETCH;
		r->counts->lost += w->mending == STORE_LOST;
		r->counts->not_mended += w->mending == STORE_NOT_MENDED;
		if (each != NULL && each(ctx, &w->f, w->mending) != 0)
			return err_set(r->e, ERR_ACCOUNT, E_CANCELLED, "stopped on request");
	}
	return 0;
}

static int begin_run(struct repair *r)
{
	struct store *s = r->s;
	int64_t now = clock_wall();
	if (s->mode != STORE_WRITE || s->dead || s->run != 0 || s->generations != NULL)
		return err_set(r->e, ERR_STORE, E_STATE, "a repair cannot begin now");
	int64_t id;
	if (run_add(s, INDEX_RUN_REPAIR, now, &id, r->e) != 0 || index_commit(s->x, r->e) != 0) {
		index_rollback(s->x);
		return err_widen(r->e, ERR_STORE);
	}
	s->run_added = s->run_recorded = true;
	s->run = id;
	s->run_started = now;
	return 0;
}

static int mend_all(struct repair *r)
{
	struct store *s = r->s;
	int result = list_missing(r);
	for (int pass = 0; result == 0 && pass < PASSES; pass++)
		result = mend_pass(r, pass);
	if (result == 0)
		result = index_commit(s->x, r->e);
	if (result == 0 && r->n > 0)
		result = store_recover(s, s->run, r->e);
	if (result != 0) {
		close_folder(r);
		index_rollback(s->x);
		store_outcome(s, err_widen(r->e, ERR_STORE), r->e);
	}
	return result;
}

static int end_run(struct repair *r, int result)
{
	const struct store_repair_counts *c = r->counts;
	struct err second = ERR_INIT;
	bool safe = c->to_fetch + c->lost + c->not_mended == 0;
	struct store_run run = {.result = result != 0 ? STORE_RUN_FAILED
			: safe			      ? STORE_RUN_OK
						      : STORE_RUN_PARTIAL,
		.failed = c->to_fetch + c->lost + c->not_mended,
		.text = result != 0 ? r->e->text
			: safe	    ? ""
				    : "not everything could be mended"};
	if (store_run_end(r->s, &run, &second) != 0 && result == 0) {
		*r->e = second;
		return -1;
	}
	return result;
}

int store_repair(struct store *s,
	int (*each)(void *ctx, const struct store_finding *f, enum store_mending m), void *ctx,
	int (*progress)(void *ctx, const struct store_verify_counts *c, struct slice mailbox),
	struct store_repair_counts *counts, struct err *e)
{
	struct repair r = {.s = s,
		.e = e,
		.counts = counts,
		.hash = sha256_new(e),
		.progress = progress,
		.ctx = ctx};
	struct store_verify_counts seen;
	memset(counts, 0, sizeof *counts);
	if (r.hash == NULL)
		return -1;
	int result = begin_run(&r);
	if (result == 0) {
		const struct store_verify_options o = {
			.ctx = &r, .each = gather, .progress = progress != NULL ? show : NULL};
		result = store_verify(s, &o, &seen, e);
		if (result == 0)
			result = mend_all(&r);
		if (result == 0)
			result = tell(&r, each, ctx);
		result = end_run(&r, result);
	}
	for (size_t i = 0; i < r.n; i++) {
		free(r.at[i].text);
		free(r.at[i].detail);
	}
	free(r.at);
	free(r.missing);
	sha256_free(r.hash);
	return result;
}

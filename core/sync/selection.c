/* SPDX-License-Identifier: MIT */
/*
 * selection.c -- walks the archive and calls back for what is selected.
 *
 * Rows are copied in batches, and callbacks come between two questions to the store, so that they
 * may ask it themselves; memory does not depend on the size of a mailbox.
 */
#include "core/sync/selection.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/rfc2047.h"
#include "core/base/text.h"
#include "core/sync/header.h"

#define BATCH	    256
#define BATCH_BYTES ((size_t)1 << 20) /* of strings; a batch ends when it has more */

struct batch {
	struct store_record at[BATCH];
	size_t n;
	struct buf text; /* the strings, one record after the other */
};

struct walk {
	struct store *s;
	const struct selection *sel;
	const struct selection_sink *sink;
	struct selection_counts *counts;
	int64_t run;			 /* of as_of */
	struct store_mailbox_list today; /* when `list` is of another day */
	struct batch batch;
	struct buf header, value, decoded;
};

void selection_init(struct selection *sel)
{
	memset(sel, 0, sizeof *sel);
}

void selection_release(struct selection *sel)
{
	uidset_release(&sel->uids);
	selection_init(sel);
}

int selection_add_header(struct selection *sel, const char *arg, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	size_t n = strcspn(arg, "=");
	bool good = n > 0 && arg[n] == '=';
	/* field-name of RFC 5322 section 2.2 */
	for (size_t i = 0; i < n; i++)
		good = good && arg[i] > 32 && arg[i] < 127 && arg[i] != ':';
	if (!good)
		return err_set(e, ERR_USAGE, E_USAGE, "\"%s\" is not of the form NAME=TEXT",
			text_show(shown, sizeof shown, slice_str(arg)));
	if (sel->nheaders == SELECTION_HEADERS_MAX)
		return err_set(e, ERR_USAGE, E_USAGE, "more than %d header fields to look at",
			SELECTION_HEADERS_MAX);
	sel->headers[sel->nheaders++] =
		(struct selection_header){slice_of(arg, n), slice_str(arg + n + 1)};
	return 0;
}

bool selection_of_messages(const struct selection *sel)
{
	return sel->has_since || sel->has_before || sel->has_uids || sel->deleted ||
		selection_asks_header(sel);
}

bool selection_fits(const char *pattern, struct slice name, char delimiter, struct slice attributes)
{
	char *one[] = {(char *)(uintptr_t)pattern};
	const struct sync_account a = {.folders = {one, 1}};
	return sync_selects(&a, name, delimiter, attributes);
}

/* ---- dates ---------------------------------------------------------------------------------- */

static bool digits(const char **s, size_t n, int *v)
{
	uint64_t value;
	if (strnlen(*s, n) < n || !slice_u64(slice_of(*s, n), 9999, &value))
		return false;
	*v = (int)value;
	*s += n;
	return true;
}

static bool literal(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

static bool parse_day(const char **s, struct tm *tm)
{
	int year, month, day;
	if (!digits(s, 4, &year) || !literal(s, '-') || !digits(s, 2, &month) || !literal(s, '-') ||
		!digits(s, 2, &day) || month < 1 || month > 12 || day < 1)
		return false;
	int64_t back_year;
	int back_month, back_day;
	mail_civil_from_days(
		mail_days_from_civil(year, month, day), &back_year, &back_month, &back_day);
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return back_month == month && back_day == day;
}

static bool parse_time(const char **s, struct tm *tm)
{
	if (**s == '\0')
		return true;
	if ((!literal(s, ' ') && !literal(s, 'T')) || !digits(s, 2, &tm->tm_hour) ||
		!literal(s, ':') || !digits(s, 2, &tm->tm_min))
		return false;
	if (literal(s, ':') && !digits(s, 2, &tm->tm_sec))
		return false;
	return **s == '\0' && tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

int selection_parse_date(const char *text, int64_t *out, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct tm tm;
	const char *s = text;
	memset(&tm, 0, sizeof tm);
	tm.tm_isdst = -1;
	if (!parse_day(&s, &tm) || !parse_time(&s, &tm))
		return err_set(e, ERR_USAGE, E_USAGE,
			"\"%s\" is not a date such as 2026-03-09 or \"2026-03-09 14:30\"",
			text_show(shown, sizeof shown, slice_str(text)));
	*out = (int64_t)mktime(&tm);
	return 0;
}

/* ---- batches of rows ------------------------------------------------------------------------ */

static void copy_strings(struct buf *to, const struct store_record *r)
{
	buf_add_slice(to, r->base);
	buf_add_slice(to, r->date_raw);
	buf_add_slice(to, r->flags);
	buf_add_slice(to, r->email_id);
	buf_add_slice(to, r->thread_id);
}

static int collect(void *ctx, const struct store_record *r)
{
	struct batch *b = ctx;
	b->at[b->n++] = *r;
	copy_strings(&b->text, r);
	return b->n == BATCH || b->text.len > BATCH_BYTES || b->text.failed != E_NONE;
}

static const unsigned char *repoint(struct slice *s, const unsigned char *p)
{
	s->p = p;
	return p + s->n;
}

/* The buffer no longer moves: let the records point into it. */
static void repoint_all(struct batch *b)
{
	const unsigned char *p = buf_slice(&b->text).p;
	for (size_t i = 0; i < b->n; i++) {
		struct store_record *r = &b->at[i];
		p = repoint(&r->base, p);
		p = repoint(&r->date_raw, p);
		p = repoint(&r->flags, p);
		p = repoint(&r->email_id, p);
		p = repoint(&r->thread_id, p);
		r->reason = SLICE_NONE;
	}
}

static int fill_batch(struct walk *w, int64_t generation, const struct uidset *which, struct err *e)
{
	struct batch *b = &w->batch;
	b->n = 0;
	buf_clear(&b->text);
	int rc = w->sel->has_as_of
		? store_records_at(w->s, generation, w->run, which, collect, b, e)
		: store_records(w->s, generation, which, collect, b, e);
	if (rc < 0 || buf_check(&b->text, "a batch of messages", e) != 0)
		return -1;
	repoint_all(b);
	return 0;
}

/* ---- criteria ------------------------------------------------------------------------------- */

static const struct store_mailbox *box_today(const struct walk *w, const struct store_mailbox *box)
{
	for (size_t i = 0; i < w->today.n; i++)
		if (w->today.at[i].id == box->id)
			return &w->today.at[i];
	return box;
}

/* Has the server lost it? 1, 0, -1. */
static int is_deleted(struct walk *w, const struct selection_item *item, struct err *e)
{
	const struct store_mailbox *box = box_today(w, item->box);
	const struct store_record *r = item->record;
	if (!box->present)
		return 1;
	if (r->generation == box->generation)
		return r->gone_run != 0;
	int has = store_has_content(w->s, box->generation, r->sha256, e);
	return has < 0 ? -1 : !has;
}

bool selection_in_dates(const struct selection *sel, const struct mail_date *d)
{
	if (sel->has_since && (!d->valid || d->secs < sel->since))
		return false;
	return !sel->has_before || (d->valid && d->secs < sel->before);
}

/* What is between the first '<' and the next '>', or the whole. */
static struct slice bare_id(struct slice s)
{
	const unsigned char *open = s.n > 0 ? memchr(s.p, '<', s.n) : NULL;
	if (open == NULL)
		return s;
	size_t left = s.n - (size_t)(open + 1 - s.p);
	const unsigned char *end = left > 0 ? memchr(open + 1, '>', left) : NULL;
	return slice_of(open + 1, end != NULL ? (size_t)(end - open - 1) : left);
}

static bool has_message_id(const struct selection *sel, struct slice header, struct buf *value)
{
	size_t at = 0;
	while (header_field(header, slice_str("Message-ID"), &at, value))
		if (slice_eq(bare_id(buf_slice(value)), bare_id(slice_str(sel->message_id))))
			return true;
	return false;
}

static bool has_field(const struct selection_header *h, struct slice header, struct buf *value,
	struct buf *decoded)
{
	size_t at = 0;
	while (header_field(header, h->name, &at, value)) {
		buf_clear(decoded);
		rfc2047_decode(decoded, buf_slice(value));
		if (text_contains(buf_slice(value), h->text) ||
			text_contains(buf_slice(decoded), h->text))
			return true;
	}
	return false;
}

bool selection_asks_header(const struct selection *sel)
{
	return sel->message_id != NULL || sel->nheaders > 0;
}

bool selection_header_matches(
	const struct selection *sel, struct slice header, struct buf *value, struct buf *decoded)
{
	if (sel->message_id != NULL && !has_message_id(sel, header, value))
		return false;
	for (size_t i = 0; i < sel->nheaders; i++)
		if (!has_field(&sel->headers[i], header, value, decoded))
			return false;
	return true;
}

/* 1, 0, -1. An unreadable message is reported and not selected. */
static int header_matches(struct walk *w, const struct selection_item *item, struct err *e)
{
	if (!selection_asks_header(w->sel))
		return 1;
	if (header_read(w->s, item->record->generation, item->record->uid, &w->header, e) != 0) {
		if (e->scope > ERR_MAILBOX)
			return -1;
		struct err why = *e;
		err_clear(e);
		w->counts->unreadable++;
		return w->sink->unreadable(w->sink->ctx, item, &why, e);
	}
	return selection_header_matches(w->sel, buf_slice(&w->header), &w->value, &w->decoded);
}

/* 1, 0, -1; the cheap questions first. */
static int matches(struct walk *w, const struct selection_item *item, struct err *e)
{
	const struct store_record *r = item->record;
	if (r->state == STORE_FAILED && !w->sel->deleted)
		w->counts->failed++;
	if (!r->has_file)
		return 0;
	if (!w->sel->deleted && r->state != STORE_STORED)
		return 0;
	if (!selection_in_dates(w->sel, &r->date))
		return 0;
	int yes = w->sel->deleted ? is_deleted(w, item, e) : 1;
	return yes > 0 ? header_matches(w, item, e) : yes;
}

/* ---- walking -------------------------------------------------------------------------------- */

static int offer(struct walk *w, const struct selection_item *item, struct err *e)
{
	int yes = matches(w, item, e);
	if (yes <= 0)
		return yes;
	w->counts->messages++;
	w->counts->bytes += item->record->size_wire;
	return w->sink->message(w->sink->ctx, item, e);
}

static int walk_generation(struct walk *w, const struct store_mailbox *box, int64_t generation,
	uint32_t uidvalidity, struct err *e)
{
	struct uidset left = UIDSET_INIT;
	int rc = w->sel->has_uids ? uidset_copy(&left, &w->sel->uids, e)
				  : uidset_add_range(&left, 1, UID_MAX, e);
	while (rc == 0 && !uidset_is_empty(&left)) {
		rc = fill_batch(w, generation, &left, e);
		size_t n = w->batch.n;
		if (rc != 0 || n == 0)
			break;
		uint32_t last = w->batch.at[n - 1].uid;
		for (size_t i = 0; rc == 0 && i < n; i++) {
			const struct selection_item item = {box, uidvalidity, &w->batch.at[i]};
			rc = offer(w, &item, e);
		}
		if (rc == 0)
			rc = uidset_remove_range(&left, 1, last, e);
	}
	uidset_release(&left);
	return rc;
}

struct generations {
	struct {
		int64_t id;
		uint32_t uidvalidity;
	} * at;
	size_t n, cap;
};

static int add_generation(void *ctx, int64_t generation, uint32_t uidvalidity)
{
	struct generations *g = ctx;
	if (g->n == g->cap) {
		size_t cap = g->cap == 0 ? 8 : 2 * g->cap;
		void *at = realloc(g->at, cap * sizeof *g->at);
		if (at == NULL)
			return 1;
		g->at = at;
		g->cap = cap;
	}
	g->at[g->n].id = generation;
	g->at[g->n++].uidvalidity = uidvalidity;
	return 0;
}

static int walk_generations(struct walk *w, const struct store_mailbox *box, struct err *e)
{
	struct generations g = {NULL, 0, 0};
	int rc = store_generations(w->s, box->id, add_generation, &g, e);
	if (rc > 0)
		rc = err_nomem(e, "listing the generations of a mailbox");
	for (size_t i = 0; rc == 0 && i < g.n; i++)
		rc = walk_generation(w, box, g.at[i].id, g.at[i].uidvalidity, e);
	free(g.at);
	return rc;
}

static int walk_mailbox(struct walk *w, const struct store_mailbox *box, struct err *e)
{
	const struct selection *sel = w->sel;
	const struct sync_account patterns = {.folders = sel->folders, .exclude = sel->exclude};
	if (!box->selectable ||
		!sync_selects(&patterns, buf_slice(&box->name), box->delimiter,
			buf_slice(&box->attributes)))
		return 0;
	if (!box->present && !sel->deleted && !sel->has_as_of) {
		w->counts->vanished++;
		return 0;
	}
	w->counts->folders++;
	if (w->sink->folder != NULL && w->sink->folder(w->sink->ctx, box, e) != 0)
		return -1;
	if (sel->deleted && !sel->has_as_of)
		return walk_generations(w, box, e);
	return box->generation != 0 ? walk_generation(w, box, box->generation, box->uidvalidity, e)
				    : 0;
}

static int choose_run(struct walk *w, struct err *e)
{
	if (!w->sel->has_as_of)
		return 0;
	int found = store_run_at(w->s, w->sel->as_of, &w->run, e);
	if (found == 0)
		return err_set(
			e, ERR_USAGE, E_USAGE, "there was no run of a backup before that date");
	if (found < 0)
		return -1;
	return w->sel->deleted ? store_mailboxes(w->s, &w->today, e) : 0;
}

/* A name that nothing has is a mistake of whoever wrote it. */
static const char *find_unmatched(
	const struct sync_patterns *p, const struct store_mailbox_list *list)
{
	for (size_t i = 0; i < p->n; i++) {
		bool found = false;
		for (size_t k = 0; k < list->n && !found; k++)
			found = selection_fits(p->at[i], buf_slice(&list->at[k].name),
				list->at[k].delimiter, buf_slice(&list->at[k].attributes));
		if (!found)
			return p->at[i];
	}
	return NULL;
}

int selection_run(struct store *s, const struct selection *sel, const struct selection_sink *sink,
	struct selection_counts *counts, struct err *e)
{
	struct store_mailbox_list list = {NULL, 0};
	memset(counts, 0, sizeof *counts);
	struct walk *w = calloc(1, sizeof *w);
	if (w == NULL)
		return err_nomem(e, "selecting messages");
	w->s = s;
	w->sel = sel;
	w->sink = sink;
	w->counts = counts;
	buf_init(&w->batch.text, BATCH_BYTES + 8 * (size_t)MAIL_FLAGS_TEXT_MAX);
	buf_init(&w->header, HEADER_MAX);
	buf_init(&w->value, HEADER_MAX);
	buf_init(&w->decoded, 4 * (size_t)HEADER_MAX);
	int rc = choose_run(w, e);
	if (rc == 0)
		rc = sel->has_as_of ? store_mailboxes_at(s, w->run, &list, e)
				    : store_mailboxes(s, &list, e);
	if (rc == 0)
		counts->unmatched = find_unmatched(&sel->folders, &list);
	for (size_t i = 0; rc == 0 && i < list.n; i++)
		rc = walk_mailbox(w, &list.at[i], e);
	if (rc == 0 && sink->end != NULL)
		rc = sink->end(sink->ctx, e);
	store_mailbox_list_release(&list);
	store_mailbox_list_release(&w->today);
	buf_release(&w->batch.text);
	buf_release(&w->header);
	buf_release(&w->value);
	buf_release(&w->decoded);
	free(w);
	return rc;
}

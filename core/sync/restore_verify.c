/* SPDX-License-Identifier: MIT */
/*
 * restore_verify.c -- what was restored is read back and compared: bytes, date, flags. Of what was there already only the
 * bytes: its flags may be somebody's work by now.
 *
 * Servers store mail in their own way: a bare LF or CR becomes CRLF, a NUL something else. Bytes that differ by nothing but
 * that are *normalised*, and told apart from those that differ really.
 */
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore_fetch.h"

#define VERIFY_BATCH 100

struct reading {
	struct restore_folder *f;
	struct want *want[VERIFY_BATCH]; /* of this batch */
	size_t n;
	size_t next; /* of the folder's */
	struct uidset set;
	struct hash_fetch fetch;
};

/* ---- the answer ------------------------------------------------------------------------------------ */

static bool same_but_normalised(
	struct restore_folder *f, const struct want *w, const struct content *got)
{
	struct content_hash h = {NULL, NULL, NULL};
	struct content want;
	struct err e = ERR_INIT;
	bool same = content_hash_init(&h, &e) == 0 &&
		content_of(&h, f->r->origin, w->generation, w->uid, &want, &e) == 0 &&
		memcmp(want.loose, got->loose, SHA256_LEN) == 0;
	content_hash_release(&h);
	return same;
}

/* By this run, or by one that did not hear of it. */
static bool is_ours(const struct restore_folder *f, const struct want *w)
{
	return w->state == WANT_SENT || f->r->options->rehearsal || (w->maybe && w->from > 0);
}

/* NULL: equal. */
static const char *compare_rest(
	const struct restore_folder *f, const struct want *w, const imap4_message *m, struct err *e)
{
	struct mail_date date = {0, 0, false};
	struct mail_flags want, have;
	bool lost;
	const char *what = NULL;
	struct slice *flag = calloc(m->nflags + 1, sizeof *flag);
	mail_flags_init(&want);
	mail_flags_init(&have);
	for (size_t i = 0; flag != NULL && i < m->nflags; i++)
		flag[i] = slice_of(m->flags[i].ptr, m->flags[i].len);
	(void)mail_date_parse(slice_of(m->internaldate.ptr, m->internaldate.len), &date);
	if (flag == NULL || send_flags(f, w, &want, &lost, e) != 0 ||
		mail_flags_set(&have, flag, m->nflags, e) != 0)
		what = "cannot be compared";
	else if (w->date.valid && !w->no_date && (!date.valid || date.secs != w->date.secs))
		what = "has another date on the server";
	else if (!slice_eq(buf_slice(&want.text), buf_slice(&have.text)))
		what = "has other flags on the server";
	mail_flags_release(&want);
	mail_flags_release(&have);
	free(flag);
	return what;
}

static void judge(
	struct restore_folder *f, struct want *w, const imap4_message *m, const struct content *got)
{
	struct restore_report *report = f->r->report;
	struct err e = ERR_INIT;
	const char *rest = is_ours(f, w) ? compare_rest(f, w, m, &e) : NULL;
	bool exact = memcmp(got->exact, w->sha256, SHA256_LEN) == 0;
	bool loose = exact || same_but_normalised(f, w, got);
	w->checked = true;
	if (!loose || rest != NULL) {
		report->different++;
		restore_odd(f, w, "%s", loose ? rest : "differs on the server from what was sent");
	} else if (exact) {
		report->identical++;
	} else {
		report->normalised++;
	}
}

static int on_message(void *ctx, const imap4_message *m, const struct content *got, struct err *e)
{
	struct reading *v = ctx;
	(void)e;
	for (size_t i = 0; i < v->n; i++)
		if (!v->want[i]->checked && v->want[i]->at == m->uid) {
			judge(v->f, v->want[i], m, got);
			break;
		}
	return 0;
}

/* ---- batches --------------------------------------------------------------------------------------- */

/* The next messages to be read back; what nobody can find is counted. */
static int fill_batch(struct reading *v, struct err *e)
{
	struct restore_folder *f = v->f;
	uidset_clear(&v->set);
	for (v->n = 0; v->next < f->nwant && v->n < VERIFY_BATCH; v->next++) {
		struct want *w = &f->want[v->next];
		bool there = w->state == WANT_SENT || w->state == WANT_PRESENT;
		if (!there || w->checked)
			continue;
		if (w->at == 0) {
			w->checked = true;
			f->r->report->unverified++;
			continue;
		}
		v->want[v->n++] = w;
		if (uidset_add(&v->set, w->at, e) != 0)
			return -1;
	}
	return 0;
}

static void judge_missing(struct reading *v)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->want[i]->checked)
			continue;
		v->want[i]->checked = true;
		v->f->r->report->different++;
		restore_odd(v->f, v->want[i], "is not on the server after it was restored");
	}
	v->n = 0;
}

/* ---- steps ----------------------------------------------------------------------------------------- */

static int read_back(struct restore_folder *f, struct err *e)
{
	struct reading *v = f->reading;
	int rc = f->cmd != NULL ? hash_fetch_done(&v->fetch, f, e) : 1;
	if (rc <= 0)
		return rc;
	judge_missing(v);
	if (fill_batch(v, e) != 0)
		return -1;
	if (v->n > 0)
		return hash_fetch_start(&v->fetch, f, &v->set, "UID FLAGS INTERNALDATE BODY.PEEK[]",
			       true, e) == 0
			? 1
			: -1;
	reading_free(f);
	f->step = folder_end;
	return 1;
}

int verify_wants(struct restore_folder *f, struct err *e)
{
	struct reading *v = calloc(1, sizeof *v);
	if (v == NULL)
		return err_nomem(e, "reading back");
	v->f = f;
	f->reading = v;
	f->step = read_back;
	return hash_fetch_init(&v->fetch, on_message, v, e) == 0 ? 1 : -1;
}

void reading_free(struct restore_folder *f)
{
	struct reading *v = f->reading;
	f->reading = NULL;
	if (v == NULL)
		return;
	hash_fetch_release(&v->fetch);
	uidset_release(&v->set);
	free(v);
}

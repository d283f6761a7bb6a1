/* SPDX-License-Identifier: MIT */
/*
 * restore_verify.c -- what was restored is read back and compared: bytes, date, flags.
 *
 * Servers store mail in their own way: a bare LF or CR becomes CRLF, a NUL something else. Bytes that differ by nothing but
 * that are *normalised*, and told apart from those that differ really.
 */
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore_internal.h"

#define VERIFY_BATCH 100

struct reading {
	struct restore *r;
	struct want **want; /* of this batch */
	size_t n;
	struct content_hash hash;
	struct content got;
	bool body, whole;
	struct err err;
};

/* ---- the answer ------------------------------------------------------------------------------------ */

static int on_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct reading *v = ctx;
	(void)so_far;
	(void)section;
	(void)size;
	if (v->body)
		return IMAP4_SINK_SKIP;
	v->body = true;
	return content_hash_begin(&v->hash, &v->err) != 0 ? -1 : IMAP4_SINK_TAKE;
}

static int on_data(void *ctx, const void *p, size_t n)
{
	struct reading *v = ctx;
	return content_hash_add(&v->hash, p, n, &v->err);
}

static int on_end(void *ctx, int complete)
{
	struct reading *v = ctx;
	v->whole = complete != 0;
	return content_hash_end(&v->hash, &v->got, &v->err);
}

static bool same_but_normalised(struct reading *v, const struct want *w)
{
	struct content_hash h = {NULL, NULL, NULL};
	struct content want;
	struct err e = ERR_INIT;
	bool same = content_hash_init(&h, &e) == 0 &&
		content_of(&h, v->r->origin, w->generation, w->uid, &want, &e) == 0 &&
		memcmp(want.loose, v->got.loose, SHA256_LEN) == 0;
	content_hash_release(&h);
	return same;
}

/* NULL: equal. */
static const char *compare_rest(
	const struct restore *r, const struct want *w, const imap4_message *m, struct err *e)
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
	if (flag == NULL || send_flags(r, w, &want, &lost, e) != 0 ||
		mail_flags_set(&have, flag, m->nflags, e) != 0)
		what = "cannot be compared";
	else if (w->date.valid && (!date.valid || date.secs != w->date.secs))
		what = "has another date on the server";
	else if (!slice_eq(buf_slice(&want.text), buf_slice(&have.text)))
		what = "has other flags on the server";
	mail_flags_release(&want);
	mail_flags_release(&have);
	free(flag);
	return what;
}

static void judge(struct reading *v, struct want *w, const imap4_message *m)
{
	struct restore *r = v->r;
	struct err e = ERR_INIT;
	const char *rest = compare_rest(r, w, m, &e);
	bool exact = memcmp(v->got.exact, w->sha256, SHA256_LEN) == 0;
	bool loose = exact || same_but_normalised(v, w);
	w->checked = true;
	if (!loose || rest != NULL) {
		r->report->different++;
		restore_odd(r, w, "%s", loose ? rest : "differs on the server from what was sent");
	} else if (exact) {
		r->report->identical++;
	} else {
		r->report->normalised++;
	}
}

static int on_done(void *ctx, const imap4_message *m)
{
	struct reading *v = ctx;
	bool usable = v->body && v->whole && (m->have & IMAP4_MSG_UID) != 0;
	v->body = v->whole = false;
	for (size_t i = 0; i < v->n && usable; i++)
		if (v->want[i] != NULL && v->want[i]->at == m->uid) {
			judge(v, v->want[i], m);
			v->want[i] = NULL;
			break;
		}
	return 0;
}

/* ---- batches --------------------------------------------------------------------------------------- */

static int read_batch(struct reading *v, struct err *e)
{
	struct restore *r = v->r;
	struct uidset set = UIDSET_INIT;
	const imap4_sink sink = {
		.ctx = v, .begin = on_begin, .data = on_data, .end = on_end, .done = on_done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &sink};
	int rc = 0;
	for (size_t i = 0; i < v->n && rc == 0; i++)
		rc = uidset_add(&set, v->want[i]->at, e);
	if (rc == 0) {
		imap4_cmd *c = imap4_fetch_start(
			r->link.dial.session, &set, "UID FLAGS INTERNALDATE BODY.PEEK[]", &o);
		rc = sync_wait(r->link.dial.session, c, ERR_MAILBOX, "UID FETCH", e);
		imap4_cmd_free(c);
	}
	uidset_release(&set);
	if (rc != 0 && err_is_set(&v->err))
		*e = v->err;
	for (size_t i = 0; i < v->n && rc == 0; i++)
		if (v->want[i] != NULL) {
			v->want[i]->checked = true;
			r->report->different++;
			restore_odd(r, v->want[i], "is not on the server after it was restored");
		}
	v->n = 0;
	return rc;
}

int verify_wants(struct restore *r, struct err *e)
{
	struct reading v = {.r = r};
	int rc = 0;
	v.want = calloc(VERIFY_BATCH, sizeof(struct want *));
	if (v.want == NULL)
		rc = err_nomem(e, "reading back");
	if (rc == 0)
		rc = content_hash_init(&v.hash, e);
	for (size_t i = 0; i < r->nwant && rc == 0; i++) {
		struct want *w = &r->want[i];
		bool sent = w->state == WANT_SENT ||
			(r->options->rehearsal && w->state == WANT_PRESENT);
		bool due = sent && !w->checked;
		w->checked = w->checked || (due && w->at == 0);
		r->report->unverified += due && w->at == 0;
		if (due && w->at != 0)
			v.want[v.n++] = w;
		if (v.n > 0 && (v.n == VERIFY_BATCH || i + 1 == r->nwant))
			rc = read_batch(&v, e);
	}
	if (rc == 0 && v.n > 0)
		rc = read_batch(&v, e);
	content_hash_release(&v.hash);
	free(v.want);
	return rc;
}

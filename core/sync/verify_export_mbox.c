/* SPDX-License-Identifier: MIT */
/*
 * verify_export_mbox.c -- an mbox and its manifest, side by side: both are in the order of the messages, so nothing has to
 * be kept. Every byte of the mbox is compared, also the lines between messages, which follow from the manifest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/sync/export_internal.h"
#include "core/sync/mboxrd.h"
#include "core/sync/verify_export_internal.h"

#define PLACE_TEXT 64
#define LINE_TEXT  128

struct mbox {
	struct verify *x;
	struct export_in *in;
	uint64_t messages;
	bool ended; /* the last byte of the message was LF */
	struct mboxrd quoting;
};

static int add(void *ctx, const void *p, size_t n, struct err *e)
{
	return export_digest_add(&((struct mbox *)ctx)->x->digest, p, n, e);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Up to n bytes; *got tells how many there were. */
static int take(struct mbox *m, char *to, size_t n, size_t *got, struct err *e)
{
	for (*got = 0; *got < n;) {
		struct slice s;
		if (export_in_take(m->in, n - *got, &s, e) != 0)
			return -1;
		if (s.n == 0)
			return 0;
		memcpy(to + *got, s.p, s.n);
		*got += s.n;
	}
	return 0;
}

static int skip(struct mbox *m, uint64_t n, struct err *e)
{
	struct slice s;
	for (; n > 0; n -= s.n) {
		if (export_in_take(m->in, n, &s, e) != 0)
			return -1;
		if (s.n == 0)
			return 0;
	}
	return 0;
}

static int extra(struct mbox *m, uint64_t n, struct err *e)
{
	char place[PLACE_TEXT];
	snprintf(place, sizeof place, "@%" PRIu64 "+%" PRIu64, export_in_at(m->in), n);
	verify_export_found(m->x, EXPORT_EXTRA, slice_str(place), NULL, "not in the manifest");
	return skip(m, n, e);
}

/* What is between two messages: an empty line, and the line "From ". *good: it is what was written. */
static int between(struct mbox *m, const struct export_line *line, uint64_t offset, bool *good,
	bool *over, struct err *e)
{
	char date[EXPORT_MBOX_DATE], want[LINE_TEXT], have[LINE_TEXT];
	size_t got;
	export_mbox_date(date, &line->date);
	int n = snprintf(want, sizeof want, "\n\nFrom MAILER-DAEMON %s\n", date);
	uint64_t at = export_in_at(m->in), gap = offset > at ? offset - at : 0;
	/* One more when the message before did not end in LF. The gap decides, for that byte may be damaged. */
	int without = m->messages == 0 ? 2 : gap == (uint64_t)n ? 0 : 1;
	n -= without;
	if (gap < (uint64_t)n)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"line %" PRIu64
			" of the manifest is damaged: the place is not behind the message before",
			line->number);
	if (gap > (uint64_t)n && extra(m, gap - (uint64_t)n, e) != 0)
		return -1;
	if (take(m, have, (size_t)n, &got, e) != 0)
		return -1;
	*over = got < (size_t)n;
	*good = !*over && memcmp(have, want + without, got) == 0;
	return 0;
}

static bool is_message(const struct export_digest *d, const struct export_line *line)
{
	return (d->size == line->size && memcmp(d->raw_sum, line->sha256, SHA256_LEN) == 0) ||
		(d->size + d->lfs == line->size &&
			memcmp(d->crlf_sum, line->sha256, SHA256_LEN) == 0);
}

static int content(struct mbox *m, uint64_t length, uint64_t *left, struct err *e)
{
	struct slice s;
	m->quoting.put = add;
	m->quoting.ctx = m;
	mboxrd_begin(&m->quoting, MBOXRD_UNQUOTE);
	m->ended = false;
	if (export_digest_begin(&m->x->digest, true, true, e) != 0)
		return -1;
	for (*left = length; *left > 0; *left -= s.n) {
		if (export_in_take(m->in, *left, &s, e) != 0)
			return -1;
		if (s.n == 0)
			break;
		if (mboxrd_add(&m->quoting, s.p, s.n, e) != 0)
			return -1;
		m->ended = s.p[s.n - 1] == '\n';
	}
	return mboxrd_end(&m->quoting, e) != 0 ? -1 : export_digest_end(&m->x->digest, e);
}

static int on_line(void *ctx, const struct export_line *line, struct err *e)
{
	struct mbox *m = ctx;
	uint64_t offset, length, left = 0;
	bool good, over;
	m->x->r->messages++;
	if (!export_mbox_place(line->place, &offset, &length))
		return err_set(e, ERR_STORE, E_CORRUPT,
			"line %" PRIu64 " of the manifest is damaged: the place", line->number);
	if (between(m, line, offset, &good, &over, e) != 0)
		return -1;
	m->messages++;
	if (over) {
		verify_export_found(
			m->x, EXPORT_MISSING, line->place, line, "the file ends before it");
		return 0;
	}
	if (content(m, length, &left, e) != 0)
		return -1;
	if (left > 0)
		verify_export_found(
			m->x, EXPORT_SIZE, line->place, line, "the file ends within it");
	else if (!is_message(&m->x->digest, line))
		verify_export_found(m->x, EXPORT_CHANGED, line->place, line,
			"its bytes are not those of the manifest");
	else if (!good)
		verify_export_found(m->x, EXPORT_CHANGED, line->place, line,
			"the line in front of it is not what was written");
	return 0;
}

/* Behind the last message there is an empty line. */
static int the_end(struct mbox *m, struct err *e)
{
	char have[2], place[PLACE_TEXT];
	size_t want = m->messages == 0 ? 0 : m->ended ? 1 : 2, got;
	uint64_t at = export_in_at(m->in);
	struct slice s;
	if (take(m, have, want, &got, e) != 0)
		return -1;
	snprintf(place, sizeof place, "@%" PRIu64, at);
	if (got < want)
		verify_export_found(
			m->x, EXPORT_SIZE, slice_str(place), NULL, "the file is too short");
	else if (memcmp(have, "\n\n", got) != 0)
		verify_export_found(m->x, EXPORT_CHANGED, slice_str(place), NULL,
			"the end of the file is not what was written");
	at = export_in_at(m->in);
	if (export_in_take(m->in, UINT64_MAX, &s, e) != 0)
		return -1;
	if (s.n == 0)
		return 0;
	snprintf(place, sizeof place, "@%" PRIu64, at);
	verify_export_found(m->x, EXPORT_EXTRA, slice_str(place), NULL, "not in the manifest");
	return skip(m, UINT64_MAX, e);
}

int verify_export_mbox(
	struct verify *x, struct export_in *in, struct export_in *manifest, struct err *e)
{
	struct mbox m = {.x = x, .in = in};
	struct export_lines lines;
	struct slice s;
	int rc;
	export_lines_init(&lines, on_line, &m);
	do {
		rc = export_in_take(manifest, UINT64_MAX, &s, e);
		if (rc == 0 && s.n > 0)
			rc = export_lines_add(&lines, s.p, s.n, e);
	} while (rc == 0 && s.n > 0);
	if (rc == 0)
		rc = export_lines_end(&lines, e);
	x->r->unproven = rc == 0 && !export_lines_proven(&lines);
	if (rc == 0)
		rc = the_end(&m, e);
	export_lines_release(&lines);
	return rc;
}

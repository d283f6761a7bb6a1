/* SPDX-License-Identifier: MIT */
/*
 * export_mbox.c -- one mbox file ("mboxrd"): each message behind a line "From MAILER-DAEMON
 * <date>", an empty line after it; a line that begins with any number of '>' and "From " gets one
 * more '>', so that taking one away from each gives the message back.
 *
 * Messages have LF line ends when that can be undone, else they are as on the wire. A message
 * without a line end at its end gets one. Which it was, the size and hash in the manifest tell.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/export_internal.h"
#include "core/sync/mboxrd.h"

struct mbox {
	struct export_writer w;
	struct export_out *out;
	const struct export_options *o;
	uint64_t begun; /* where the message begins */
	struct mboxrd quoting;
	bool ended; /* the last byte was LF */
};

static int put(void *ctx, const void *p, size_t n, struct err *e)
{
	return export_out_write(((struct mbox *)ctx)->out, p, n, e);
}

static int mbox_folder(struct export_writer *w, const struct store_mailbox *box, struct err *e)
{
	(void)w;
	(void)box;
	(void)e;
	return 0;
}

void export_mbox_date(char out[EXPORT_MBOX_DATE], const struct mail_date *d)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	struct mail_date utc = {d->valid ? d->secs : 0, 0, true};
	char text[MAIL_DATE_LEN + 1];
	if (!mail_date_format(&utc, text)) {
		utc.secs = 0;
		(void)mail_date_format(&utc, text);
	}
	int64_t day = (utc.secs - (utc.secs % 86400 + 86400) % 86400) / 86400;
	size_t weekday = (size_t)((day % 7 + 7) % 7);
	snprintf(out, EXPORT_MBOX_DATE, "%.3s %.3s %.2s %.8s %.4s", days + 3 * weekday, text + 3,
		text, text + 12, text + 7);
}

static int mbox_begin(struct export_writer *w, const struct export_message *msg, bool *lf,
	struct buf *place, struct err *e)
{
	struct mbox *m = (struct mbox *)w;
	char date[EXPORT_MBOX_DATE], line[128];
	(void)place;
	*lf = msg->all_crlf;
	export_mbox_date(date, &msg->item->record->date);
	int n = snprintf(line, sizeof line, "From MAILER-DAEMON %s\n", date);
	if (put(m, line, (size_t)n, e) != 0)
		return -1;
	m->begun = export_out_at(m->out);
	m->quoting.put = put;
	m->quoting.ctx = m;
	mboxrd_begin(&m->quoting, MBOXRD_QUOTE);
	m->ended = false;
	return 0;
}

static int mbox_data(struct export_writer *w, const void *p, size_t n, struct err *e)
{
	struct mbox *m = (struct mbox *)w;
	if (n > 0)
		m->ended = ((const unsigned char *)p)[n - 1] == '\n';
	return mboxrd_add(&m->quoting, p, n, e);
}

static int mbox_end(struct export_writer *w, struct buf *place, struct err *e)
{
	struct mbox *m = (struct mbox *)w;
	if (mboxrd_end(&m->quoting, e) != 0)
		return -1;
	buf_addf(place, "@%" PRIu64 "+%" PRIu64, m->begun, export_out_at(m->out) - m->begun);
	return put(m, "\n\n", m->ended ? 1 : 2, e);
}

static int put_manifest(void *ctx, const void *p, size_t n, struct err *e)
{
	return export_out_write(ctx, p, n, e);
}

/* The manifest first: the file itself says that all is there. */
static int mbox_finish(
	struct export_writer *w, struct export_manifest *manifest, uint64_t size, struct err *e)
{
	struct mbox *m = (struct mbox *)w;
	struct export_out *out = NULL;
	struct buf name = BUF_INIT(1u << 16);
	bool beside = strcmp(m->o->output, "-") != 0;
	(void)size;
	buf_addf(&name, "%s.manifest", m->o->output);
	int rc = buf_check(&name, "the name of the manifest", e);
	if (rc == 0 && beside) {
		rc = export_out_open(&out, buf_str(&name), false, m->o->force, e);
		if (rc == 0)
			rc = export_manifest_copy(manifest, put_manifest, out, e);
		if (rc == 0)
			rc = export_out_publish(out, e);
		else
			export_out_abandon(out);
	}
	if (rc == 0) {
		out = m->out;
		m->out = NULL;
		rc = export_out_publish(out, e);
		if (rc != 0 && beside)
			remove(buf_str(&name));
	}
	buf_release(&name);
	return rc;
}

static void mbox_close(struct export_writer *w)
{
	struct mbox *m = (struct mbox *)w;
	export_out_abandon(m->out);
	free(m);
}

/* The manifest's name must be free as well, before anything is written. */
static int check_manifest(const struct export_options *o, struct err *e)
{
	struct buf name = BUF_INIT(1u << 16);
	buf_addf(&name, "%s.manifest", o->output);
	int rc = buf_check(&name, "the name of the manifest", e);
	if (rc == 0 && strcmp(o->output, "-") != 0)
		rc = export_may_write(buf_str(&name), o->force, e);
	buf_release(&name);
	return rc;
}

struct export_writer *export_mbox_new(const struct export_options *o, struct err *e)
{
	struct mbox *m = calloc(1, sizeof *m);
	if (m == NULL) {
		err_nomem(e, "the mbox");
		return NULL;
	}
	if (check_manifest(o, e) != 0 ||
		export_out_open(&m->out, o->output, o->format.gzip, o->force, e) != 0) {
		free(m);
		return NULL;
	}
	m->w = (struct export_writer){.folder = mbox_folder,
		.begin = mbox_begin,
		.data = mbox_data,
		.end = mbox_end,
		.finish = mbox_finish,
		.close = mbox_close};
	m->o = o;
	return &m->w;
}

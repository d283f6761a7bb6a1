/* SPDX-License-Identifier: MIT */
/*
 * export.c -- drives an export: selects, compares each message with its row, hands it to the
 * format.
 *
 * Nothing can be taken back from a pipe, so a message is looked at whole before its first byte is
 * written: up to EXPORT_HOLD it is kept in memory meanwhile, above it is read a second time.
 */
#include "core/sync/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"

#define PART_SIZE ((size_t)64 << 10)

struct export
{
	struct store *s;
	const struct export_options *o;
	const struct sync_hooks *h;
	struct export_report *r;
	struct export_writer *w;
	struct export_manifest *manifest;
	struct sha256 *hash;
	struct buf place;
	struct err *e; /* of the callback that is running */
	/* the message */
	bool second; /* it is being read again, and written */
	uint64_t size, stored, crlf;
	bool bare_lf, after_cr;
	bool lf;	     /* drop CRs before LFs */
	bool cr_waits;	     /* ... such a CR, perhaps */
	unsigned char *hold; /* EXPORT_HOLD bytes */
	unsigned char part[PART_SIZE + 1];
};

/* ---- formats -------------------------------------------------------------------------------- */

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);
	return n > m && slice_ieq_str(slice_of(s + n - m, m), end);
}

static bool format_of_ending(const char *output, struct export_format *out)
{
	static const struct {
		const char *ending;
		struct export_format format;
	} known[] = {{".mbox", {EXPORT_MBOX, EXPORT_MAILDIR, false}},
		{".mbox.gz", {EXPORT_MBOX, EXPORT_MAILDIR, true}},
		{".tar", {EXPORT_TAR, EXPORT_MAILDIR, false}},
		{".tar.gz", {EXPORT_TAR, EXPORT_MAILDIR, true}},
		{".tgz", {EXPORT_TAR, EXPORT_MAILDIR, true}}};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (ends_in(output, known[i].ending)) {
			*out = known[i].format;
			return true;
		}
	return false;
}

int export_format_choose(
	const char *name, const char *output, struct export_format *out, struct err *e)
{
	static const struct {
		const char *name;
		struct export_format format;
	} known[] = {{"mbox", {EXPORT_MBOX, EXPORT_MAILDIR, false}},
		{"mbox.gz", {EXPORT_MBOX, EXPORT_MAILDIR, true}},
		{"tar", {EXPORT_TAR, EXPORT_MAILDIR, false}},
		{"tar.gz", {EXPORT_TAR, EXPORT_MAILDIR, true}},
		{"eml.tar", {EXPORT_TAR, EXPORT_EML, false}},
		{"eml.tar.gz", {EXPORT_TAR, EXPORT_EML, true}},
		{"maildir", {EXPORT_FOLDER, EXPORT_MAILDIR, false}},
		{"eml", {EXPORT_FOLDER, EXPORT_EML, false}}};
	char shown[TEXT_SHOW_SIZE];
	if (name == NULL)
		return format_of_ending(output, out)
			? 0
			: err_set(e, ERR_USAGE, E_USAGE,
				  "the name %s does not say which format; add --format",
				  text_show(shown, sizeof shown, slice_str(output)));
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct export_format file;
		if (strcmp(known[i].name, name) != 0)
			continue;
		*out = known[i].format;
		if (out->container == EXPORT_FOLDER && format_of_ending(output, &file) &&
			file.container == EXPORT_TAR) {
			out->container = EXPORT_TAR;
			out->gzip = file.gzip;
		}
		if (out->container == EXPORT_FOLDER && strcmp(output, "-") == 0)
			return err_set(e, ERR_USAGE, E_USAGE,
				"a folder cannot be written to standard output; use --format %s",
				out->layout == EXPORT_EML ? "eml.tar" : "tar");
		return 0;
	}
	return err_set(e, ERR_USAGE, E_USAGE,
		"\"%s\" is no format; there are mbox, mbox.gz, tar, tar.gz, eml.tar, eml.tar.gz, maildir and eml",
		text_show(shown, sizeof shown, slice_str(name)));
}

/* ---- one message ---------------------------------------------------------------------------- */

static void note_message(struct export *x, const struct selection_item *item, const char *why)
{
	char folder[TEXT_SHOW_SIZE / 2], line[1024];
	snprintf(line, sizeof line, "%s UID %" PRIu32 " is left out: %s",
		text_show(folder, sizeof folder, buf_slice(&item->box->name)), item->record->uid,
		why);
	x->h->note(x->h->ctx, SYNC_NOTE_PROBLEM, line);
}

static void scan(struct export *x, const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n, *at = p;
	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		bool cr = at > p ? at[-1] == '\r' : x->after_cr;
		x->crlf += cr;
		x->bare_lf = x->bare_lf || !cr;
		at++;
	}
	if (n > 0)
		x->after_cr = end[-1] == '\r';
}

/* Up to PART_SIZE bytes with the CRs before LFs dropped; one at the end waits for what comes next.
 */
static int put_lf(struct export *x, const unsigned char *p, size_t n, struct err *e)
{
	size_t len = 0;
	if (x->cr_waits && p[0] != '\n')
		x->part[len++] = '\r';
	for (size_t i = 0; i < n;) {
		const unsigned char *cr = memchr(p + i, '\r', n - i);
		size_t run = cr != NULL ? (size_t)(cr - p) - i : n - i;
		memcpy(x->part + len, p + i, run);
		len += run;
		i += run;
		/* A CR stays unless LF follows. */
		if (i + 1 < n && p[i + 1] != '\n')
			x->part[len++] = '\r';
		i++;
	}
	x->cr_waits = p[n - 1] == '\r';
	return len > 0 ? x->w->data(x->w, x->part, len, e) : 0;
}

/* Give bytes to the format, with the line ends it wants. */
static int put(struct export *x, const unsigned char *p, size_t n, struct err *e)
{
	if (!x->lf)
		return x->w->data(x->w, p, n, e);
	while (n > 0) {
		size_t part = n < PART_SIZE ? n : PART_SIZE;
		if (put_lf(x, p, part, e) != 0)
			return -1;
		p += part;
		n -= part;
	}
	return 0;
}

/* The bytes that the format is to get are kept, or written when they come the second time. */
static int take(void *ctx, struct slice wire, struct slice stored)
{
	struct export *x = ctx;
	const struct slice s = x->w->as_stored ? stored : wire;
	uint64_t at = x->w->as_stored ? x->stored : x->size;
	if (sha256_add(x->hash, wire.p, wire.n, x->e) != 0)
		return 1;
	x->size += wire.n;
	x->stored += stored.n;
	if (x->second)
		return put(x, s.p, s.n, x->e) != 0;
	if (!x->w->as_stored)
		scan(x, wire.p, wire.n);
	if (at + s.n <= EXPORT_HOLD && s.n > 0)
		memcpy(x->hold + at, s.p, s.n);
	return 0;
}

/* Read it whole: 1 it is what the row says, 0 it is not (*why), -1. */
static int read_message(
	struct export *x, const struct selection_item *item, struct err *why, struct err *e)
{
	const struct store_record *r = item->record;
	unsigned char got[SHA256_LEN];
	x->size = x->stored = 0;
	x->e = e;
	if (sha256_begin(x->hash, e) != 0)
		return -1;
	int rc = store_message_read_both(x->s, r->generation, r->uid, take, x, why);
	if (rc > 0)
		return -1;
	if (rc < 0) {
		if (why->scope <= ERR_MAILBOX)
			return 0;
		*e = *why;
		return -1;
	}
	if (sha256_end(x->hash, got, e) != 0)
		return -1;
	if (x->size == r->size_wire && memcmp(got, r->sha256, SHA256_LEN) == 0)
		return 1;
	err_set(why, ERR_MESSAGE, E_CORRUPT, "its file is damaged, it is not what the server sent");
	return 0;
}

static int write_message(struct export *x, const struct selection_item *item, struct err *e)
{
	const uint64_t held = x->w->as_stored ? x->stored : x->size;
	struct export_message m = {item, x->size, x->stored, x->crlf, !x->bare_lf};
	struct err why = ERR_INIT;
	x->lf = x->cr_waits = false;
	buf_clear(&x->place);
	if (x->w->begin(x->w, &m, &x->lf, &x->place, e) != 0)
		return -1;
	int rc = 1;
	if (held <= EXPORT_HOLD) {
		if (put(x, x->hold, (size_t)held, e) != 0)
			return -1;
	} else {
		x->second = true;
		rc = read_message(x, item, &why, e);
		x->second = false;
	}
	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"a message changed while it was exported: %s", why.text);
	if (x->cr_waits && x->w->data(x->w, "\r", 1, e) != 0)
		return -1;
	if (x->w->end(x->w, &x->place, e) != 0 || buf_check(&x->place, "a path", e) != 0)
		return -1;
	x->r->messages++;
	x->r->bytes += m.size;
	return export_manifest_add(x->manifest, item, buf_slice(&x->place), e);
}

static void report_progress(struct export *x, const struct selection_item *item)
{
	const struct sync_progress p = {.folders_done = x->r->counts.folders,
		.folders_total = x->r->counts.folders,
		.messages_done = x->r->messages,
		.messages_total = x->r->messages,
		.bytes = x->r->bytes,
		.folder = buf_slice(&item->box->name)};
	if (x->h->progress != NULL)
		x->h->progress(x->h->ctx, &p);
}

/* ---- the selection -------------------------------------------------------------------------- */

static int on_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	struct export *x = ctx;
	return x->w->folder(x->w, box, e);
}

static int on_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct export *x = ctx;
	struct err why = ERR_INIT;
	if (x->h->interrupt != NULL && x->h->interrupt->signal != 0)
		return err_set(
			e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal; nothing was written");
	x->crlf = 0;
	x->bare_lf = x->after_cr = false;
	int good = read_message(x, item, &why, e);
	if (good < 0)
		return -1;
	if (good == 0) {
		x->r->damaged++;
		note_message(x, item, why.text);
		return 0;
	}
	report_progress(x, item);
	return write_message(x, item, e);
}

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	(void)e;
	note_message(ctx, item, why->text);
	return 0;
}

/* ---- the job -------------------------------------------------------------------------------- */

static int finish(struct export *x, struct err *e)
{
	uint64_t size;
	return export_manifest_end(x->manifest, &size, e) != 0
		? -1
		: x->w->finish(x->w, x->manifest, size, e);
}

static struct export_writer *open_output(const struct export_options *o, struct err *e)
{
	return o->format.container == EXPORT_MBOX ? export_mbox_new(o, e) : export_tree_new(o, e);
}

int sync_export_check(const struct export_options *o, struct err *e)
{
	struct export_writer *w = open_output(o, e);
	if (w == NULL)
		return -1;
	w->close(w);
	return 0;
}

static int run(struct export *x, struct err *e)
{
	const struct selection_sink sink = {x, on_folder, on_message, on_unreadable};
	x->hold = malloc(EXPORT_HOLD);
	if (x->hold == NULL)
		return err_nomem(e, "the export");
	x->hash = sha256_new(e);
	if (x->hash == NULL)
		return -1;
	if (export_manifest_open(&x->manifest, e) != 0)
		return -1;
	x->w = open_output(x->o, e);
	if (x->w == NULL)
		return -1;
	if (selection_run(x->s, x->o->select, &sink, &x->r->counts, e) != 0)
		return -1;
	return finish(x, e);
}

int sync_export(struct store *s, const struct export_options *o, const struct sync_hooks *h,
	struct export_report *r, struct err *e)
{
	memset(r, 0, sizeof *r);
	struct export *x = calloc(1, sizeof *x);
	if (x == NULL)
		return err_nomem(e, "the export");
	x->s = s;
	x->o = o;
	x->h = h;
	x->r = r;
	buf_init(&x->place, EXPORT_PLACE_MAX);
	int rc = run(x, e);
	if (x->w != NULL)
		x->w->close(x->w);
	export_manifest_close(x->manifest);
	sha256_free(x->hash);
	buf_release(&x->place);
	free(x->hold);
	free(x);
	return rc;
}

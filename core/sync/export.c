/* SPDX-License-Identifier: MIT */
/* export.c -- drives an export: chooses the format, and what comes into it. */
#include "core/sync/export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"

struct export
{
	const struct sync_hooks *h;
	struct export_writer *w;
	struct export_manifest *manifest;
	struct export_queue *queue;
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
	if (name == NULL && strcmp(output, "-") == 0)
		return err_set(e, ERR_USAGE, E_USAGE,
			"a pipe has no name that says which format; add --format tar, or mbox, "
			"mbox.gz, tar.gz, eml.tar, eml.tar.gz");
	if (name == NULL)
		return format_of_ending(output, out)
			? 0
			: err_set(e, ERR_USAGE, E_USAGE,
				  "the name %s does not say which format; add --format tar, or mbox, "
				  "mbox.gz, tar.gz, eml.tar, eml.tar.gz, maildir, eml",
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

/* ---- the selection -------------------------------------------------------------------------- */

static int on_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	struct export *x = ctx;
	return export_queue_folder(x->queue, box, e);
}

static int on_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct export *x = ctx;
	return export_queue_message(x->queue, item, e);
}

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	struct export *x = ctx;
	return export_queue_unreadable(x->queue, item, why->text, e);
}

static int on_end(void *ctx, struct err *e)
{
	struct export *x = ctx;
	return export_queue_drain(x->queue, e);
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

static int run(struct export *x, struct store *s, const struct export_options *o,
	struct export_report *r, struct err *e)
{
	const struct selection_sink sink = {x, on_folder, on_message, on_unreadable, on_end};
	if (export_manifest_open(&x->manifest, e) != 0)
		return -1;
	x->w = open_output(o, e);
	if (x->w == NULL)
		return -1;
	const struct export_target to = {
		x->w, x->manifest, x->h, r, !selection_of_messages(o->select)};
	x->queue = export_queue_new(s, &to, e);
	if (x->queue == NULL || selection_run(s, o->select, &sink, &r->counts, e) != 0)
		return -1;
	return finish(x, e);
}

int sync_export(struct store *s, const struct export_options *o, const struct sync_hooks *h,
	struct export_report *r, struct err *e)
{
	struct export x = {.h = h};
	memset(r, 0, sizeof *r);
	int rc = run(&x, s, o, r, e);
	export_queue_free(x.queue);
	if (x.w != NULL)
		x.w->close(x.w);
	export_manifest_close(x.manifest);
	return rc;
}

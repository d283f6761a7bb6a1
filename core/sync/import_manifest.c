/* SPDX-License-Identifier: MIT */
/*
 * import_manifest.c -- an export by its manifest: which folders and messages there are, where they are, and all that is
 * known of them. The manifest is read once for the folders, whose lines are together, and again for each folder's
 * messages. What it does not name is not looked at; before version 3 that are folders without messages, special uses and
 * subscriptions.
 */
#include <inttypes.h>
#include <string.h>

#include "core/sync/import_internal.h"

#define PART_SIZE ((size_t)64 << 10)

struct lines {
	struct import *m;
	struct export_lines in;
};

static int feed(struct lines *l, uint64_t at, uint64_t end, struct err *e)
{
	unsigned char part[PART_SIZE];
	const struct import *m = l->m;
	int fd = m->manifest >= 0 ? m->manifest : m->root;
	while (at < end) {
		size_t want = end - at < PART_SIZE ? (size_t)(end - at) : PART_SIZE, got;
		if (import_check(m, e) != 0)
			return -1;
		if (import_pread(fd, part, want, m->manifest_begin + at, &got, e) != 0)
			return err_widen(e, ERR_STORE);
		if (got == 0)
			break;
		if (export_lines_add(&l->in, part, got, e) != 0)
			return -1;
		at += got;
	}
	return export_lines_end(&l->in, e);
}

/* ---- folders --------------------------------------------------------------------------------- */

/* Its lines begin at `begin`, with this number. */
static struct import_folder *add_folder(struct import *m, struct slice wire, char delimiter,
	uint64_t begin, uint64_t number, struct err *e)
{
	struct import_folder *f = import_add_folder(m, e);
	if (f == NULL)
		return NULL;
	buf_add_slice(&f->f.wire, wire);
	f->f.delimiter = delimiter;
	f->begin = f->end = begin;
	f->line = number;
	return import_name_folder(&f->f, e) == 0 ? f : NULL;
}

static int on_folder(void *ctx, const struct export_folder_line *line, struct err *e)
{
	struct lines *l = ctx;
	uint64_t behind = l->in.at + l->in.line.len + 1;
	struct import_folder *f =
		add_folder(l->m, line->folder, line->delimiter, behind, line->number + 1, e);
	if (f == NULL)
		return -1;
	f->f.subscribed = line->subscribed;
	buf_add_slice(&f->f.attributes, line->attributes);
	return buf_check(&f->f.attributes, "the attributes of a folder", e);
}

static int on_folder_message(void *ctx, const struct export_line *line, struct err *e)
{
	struct lines *l = ctx;
	struct import *m = l->m;
	struct import_folder *f = m->nfolders > 0 ? &m->folder[m->nfolders - 1] : NULL;
	if (f == NULL || !slice_eq(buf_slice(&f->f.wire), line->folder) ||
		f->f.delimiter != line->delimiter)
		f = add_folder(m, line->folder, line->delimiter, l->in.at, line->number, e);
	if (f == NULL)
		return -1;
	f->end = l->in.at + l->in.line.len + 1;
	return 0;
}

static int find(struct import *m, struct err *e)
{
	struct lines l = {.m = m};
	export_lines_init(&l.in, on_folder_message, &l);
	l.in.on_folder = on_folder;
	int rc = feed(&l, 0, m->manifest_size, e);
	export_lines_release(&l.in);
	return rc;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* false: the manifest says something that cannot be. */
static bool find_place(
	struct import *m, struct import_message *x, struct slice place, struct err *e)
{
	if (m->quoted)
		return export_mbox_place(place, &x->offset, &x->length);
	x->own = m->tar.at == NULL && !m->tar.has_manifest;
	if (x->own)
		return memchr(place.p, 0, place.n) == NULL;
	const struct import_tar_entry *entry = import_tar_find(&m->tar, place, e);
	x->missing = entry == NULL;
	x->offset = entry != NULL ? entry->offset : 0;
	x->length = entry != NULL ? entry->size : 0;
	return true;
}

static int on_line(void *ctx, const struct export_line *line, struct err *e)
{
	struct lines *l = ctx;
	struct import *m = l->m;
	struct import_message *x = import_add_message(m, e);
	if (x == NULL)
		return -1;
	x->size = line->size;
	x->date = line->date;
	x->ends = IMPORT_BY_SIZE;
	x->known = true;
	memcpy(x->sha256, line->sha256, SHA256_LEN);
	x->name = m->now->text.len;
	buf_add_slice(&m->now->text, line->place);
	x->nname = m->now->text.len - x->name;
	x->flags = m->now->text.len;
	if (export_line_flags(line, &m->now->text, e) != 0)
		return -1;
	x->nflags = m->now->text.len - x->flags;
	if (!find_place(m, x, line->place, e))
		return err_set(e, ERR_STORE, E_CORRUPT,
			"line %" PRIu64 " of the manifest is damaged: the place", line->number);
	return err_is_set(e) ? -1 : 0;
}

static int load(struct import *m, const struct import_folder *f, struct err *e)
{
	struct lines l = {.m = m};
	export_lines_init(&l.in, on_line, &l);
	export_lines_part(&l.in, f->line, f->f.delimiter);
	int rc = feed(&l, f->begin, f->end, e);
	export_lines_release(&l.in);
	return rc;
}

const struct import_kind import_manifest = {find, load};

/* SPDX-License-Identifier: MIT */
/*
 * export_tree.c -- mailboxes as folders, messages as files: a Maildir tree or .eml files, in
 * whatever can hold a tree.
 *
 * Everything is below "mail/", so that no mailbox can take the place of MANIFEST. Folder names are
 * those of the archive, which are different for different mailboxes (imapsync-archive(5)).
 *
 * Maildir: the archive's layout and file names, so the flags are letters; keywords get letters a-z
 * in the order in which they appear, in dovecot-keywords. Only the manifest has them all when there
 * are more than 26.
 *
 * eml: "<UIDVALIDITY>.<UID>.eml" with the bytes of the wire. A folder whose name ends in ".eml"
 * could be in the way of such a file: its '.' is written %2E, which no folder has there otherwise.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/export_internal.h"

#define TOP	 "mail"
#define LETTERS	 26
#define KEYWORDS "dovecot-keywords"

struct tree_writer {
	struct export_writer w;
	struct export_tree *tree;
	bool eml;
	struct buf folder;	      /* where messages go */
	struct buf keywords[LETTERS]; /* of this folder; empty = free */
	size_t letters;
};

/* ---- names ---------------------------------------------------------------------------------- */

static void add_eml_level(struct buf *out, struct slice level)
{
	if (level.n >= 4 && slice_ieq_str(slice_of(level.p + level.n - 4, 4), ".eml")) {
		buf_add(out, level.p, level.n - 4);
		buf_add_str(out, "%2E");
		buf_add(out, level.p + level.n - 3, 3);
	} else {
		buf_add_slice(out, level);
	}
}

/* The mailbox's folder below TOP. */
static void folder_path(struct tree_writer *t, const struct store_mailbox *box)
{
	struct slice path = buf_slice(&box->path);
	buf_clear(&t->folder);
	buf_add_str(&t->folder, TOP);
	if (!t->eml) {
		if (path.n > 0)
			buf_add_byte(&t->folder, '/');
		buf_add_slice(&t->folder, path);
		return;
	}
	/* Maildir++ has INBOX at the top and a '.' in front of the others. */
	if (path.n == 0)
		path = slice_str("INBOX");
	else if (path.p[0] == '.')
		path = slice_of(path.p + 1, path.n - 1);
	while (path.n > 0) {
		const unsigned char *slash = memchr(path.p, '/', path.n);
		size_t n = slash != NULL ? (size_t)(slash - path.p) : path.n;
		buf_add_byte(&t->folder, '/');
		add_eml_level(&t->folder, slice_of(path.p, n));
		n += slash != NULL;
		path = slice_of(path.p + n, path.n - n);
	}
}

/* ---- keywords ------------------------------------------------------------------------------- */

static size_t keyword_letter(struct tree_writer *t, struct slice keyword)
{
	size_t i = 0;
	while (i < t->letters && !slice_eq(buf_slice(&t->keywords[i]), keyword))
		i++;
	if (i == t->letters && i < LETTERS) {
		buf_add_slice(&t->keywords[i], keyword);
		t->letters++;
	}
	return i;
}

/* D F P R S T, then a-z: sorted, as Maildir wants it. */
static void add_letters(struct tree_writer *t, struct slice flags, struct buf *out)
{
	static const char *const system[] = {
		"\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"};
	static const char letters[] = "DFPRST";
	bool have[sizeof letters - 1] = {false}, word[LETTERS] = {false};
	size_t at = 0;
	struct slice flag;
	while (mail_flags_next(flags, &at, &flag)) {
		size_t i = 0;
		while (i < sizeof have && !slice_ieq_str(flag, system[i]))
			i++;
		size_t letter = i < sizeof have ? LETTERS : keyword_letter(t, flag);
		if (i < sizeof have)
			have[i] = true;
		else if (letter < LETTERS)
			word[letter] = true;
	}
	for (size_t i = 0; i < sizeof have; i++)
		if (have[i])
			buf_add_byte(out, (unsigned char)letters[i]);
	for (size_t i = 0; i < LETTERS; i++)
		if (word[i])
			buf_add_byte(out, (unsigned char)('a' + i));
}

/* The folder is complete: what its letters mean. */
static int end_folder(struct tree_writer *t, struct err *e)
{
	struct buf text = BUF_INIT(LETTERS * (MAIL_KEYWORD_MAX + 8)),
		   path = BUF_INIT(EXPORT_PLACE_MAX);
	for (size_t i = 0; i < t->letters; i++) {
		buf_addf(&text, "%zu ", i);
		buf_add_slice(&text, buf_slice(&t->keywords[i]));
		buf_add_byte(&text, '\n');
		buf_clear(&t->keywords[i]);
	}
	int rc = 0;
	if (t->letters > 0) {
		buf_add_slice(&path, buf_slice(&t->folder));
		buf_add_str(&path, "/" KEYWORDS);
		rc = buf_check(&text, "the keywords of a folder", e);
		if (rc == 0)
			rc = buf_check(&path, "a path", e);
		if (rc == 0)
			rc = t->tree->file(t->tree, buf_str(&path), text.len, EXPORT_EPOCH, e);
		if (rc == 0)
			rc = t->tree->data(t->tree, text.data, text.len, e);
		if (rc == 0)
			rc = t->tree->end(t->tree, e);
	}
	t->letters = 0;
	buf_release(&text);
	buf_release(&path);
	return rc;
}

/* ---- the writer ----------------------------------------------------------------------------- */

/* All levels of the folder; those that several folders share come again, which harms nobody. */
static int make_levels(struct tree_writer *t, struct err *e)
{
	char *path = (char *)t->folder.data;
	int rc = 0;
	for (char *slash = strchr(path, '/'); rc == 0 && slash != NULL;
		slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		rc = t->tree->dir(t->tree, path, e);
		*slash = '/';
	}
	return rc != 0 ? rc : t->tree->dir(t->tree, path, e);
}

static int tree_folder(struct export_writer *w, const struct store_mailbox *box, struct err *e)
{
	static const char *const subs[] = {"/cur", "/new", "/tmp"};
	struct tree_writer *t = (struct tree_writer *)w;
	if (end_folder(t, e) != 0)
		return -1;
	folder_path(t, box);
	if (buf_check(&t->folder, "the path of a folder", e) != 0 || make_levels(t, e) != 0)
		return -1;
	size_t n = t->folder.len;
	int rc = 0;
	for (size_t i = 0; !t->eml && rc == 0 && i < sizeof subs / sizeof subs[0]; i++) {
		buf_add_str(&t->folder, subs[i]);
		rc = buf_check(&t->folder, "the path of a folder", e);
		if (rc == 0)
			rc = t->tree->dir(t->tree, buf_str(&t->folder), e);
		buf_truncate(&t->folder, n);
	}
	return rc;
}

static int tree_begin(struct export_writer *w, const struct export_message *m, bool *lf,
	struct buf *place, struct err *e)
{
	struct tree_writer *t = (struct tree_writer *)w;
	const struct store_record *r = m->item->record;
	buf_add_slice(place, buf_slice(&t->folder));
	if (t->eml) {
		buf_addf(place, "/%" PRIu32 ".%" PRIu32 ".eml", m->item->uidvalidity, r->uid);
	} else {
		buf_add_str(place, "/cur/");
		buf_add_slice(place, r->base);
		buf_add_str(place, ":2,");
		add_letters(t, r->flags, place);
	}
	/* The name of a Maildir file says which line ends are in it: those of the archive's file. */
	*lf = false;
	return buf_check(place, "a path", e) != 0
		? -1
		: t->tree->file(t->tree, buf_str(place), t->eml ? m->size : m->stored,
			  r->date.valid ? r->date.secs : EXPORT_EPOCH, e);
}

static int tree_data(struct export_writer *w, const void *p, size_t n, struct err *e)
{
	struct tree_writer *t = (struct tree_writer *)w;
	return t->tree->data(t->tree, p, n, e);
}

static int tree_end(struct export_writer *w, struct buf *place, struct err *e)
{
	struct tree_writer *t = (struct tree_writer *)w;
	(void)place;
	return t->tree->end(t->tree, e);
}

static int put_manifest(void *ctx, const void *p, size_t n, struct err *e)
{
	struct export_tree *tree = ctx;
	return tree->data(tree, p, n, e);
}

static int tree_finish(
	struct export_writer *w, struct export_manifest *manifest, uint64_t size, struct err *e)
{
	struct tree_writer *t = (struct tree_writer *)w;
	if (end_folder(t, e) != 0 ||
		t->tree->file(t->tree, "MANIFEST", size, EXPORT_EPOCH, e) != 0 ||
		export_manifest_copy(manifest, put_manifest, t->tree, e) != 0 ||
		t->tree->end(t->tree, e) != 0)
		return -1;
	return t->tree->finish(t->tree, e);
}

static void tree_close(struct export_writer *w)
{
	struct tree_writer *t = (struct tree_writer *)w;
	if (t->tree != NULL)
		t->tree->close(t->tree);
	for (size_t i = 0; i < LETTERS; i++)
		buf_release(&t->keywords[i]);
	buf_release(&t->folder);
	free(t);
}

struct export_writer *export_tree_new(const struct export_options *o, struct err *e)
{
	struct tree_writer *t = calloc(1, sizeof *t);
	if (t == NULL) {
		err_nomem(e, "the export");
		return NULL;
	}
	t->w = (struct export_writer){.folder = tree_folder,
		.begin = tree_begin,
		.data = tree_data,
		.end = tree_end,
		.finish = tree_finish,
		.close = tree_close};
	t->eml = o->format.layout == EXPORT_EML;
	t->w.as_stored = !t->eml;
	buf_init(&t->folder, EXPORT_PLACE_MAX);
	for (size_t i = 0; i < LETTERS; i++)
		buf_init(&t->keywords[i], MAIL_KEYWORD_MAX);
	t->tree = o->format.container == EXPORT_TAR
		? export_tar_new(o->output, o->format.gzip, o->force, e)
		: export_dir_new(o->output, e);
	if (t->tree == NULL) {
		tree_close(&t->w);
		return NULL;
	}
	return &t->w;
}

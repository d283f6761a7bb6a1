/* SPDX-License-Identifier: MIT */
/* export_manifest.c -- the manifest of an export; see export.h for its format. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"

struct export_manifest {
	FILE *f; /* without a name */
	struct sha256 *hash;
	char delimiter;	   /* that the lines so far say */
	struct buf folder; /* of the last line about one */
	struct buf line;
};

const char *const export_attribute[EXPORT_ATTRIBUTES] = {"\\All", "\\Archive", "\\Drafts",
	"\\Flagged", "\\Important", "\\Junk", "\\Sent", EXPORT_SUBSCRIBED, "\\Trash"};

static int failed(struct err *e)
{
	return err_sys(e, ERR_STORE, E_IO, errno, "cannot write the manifest's temporary file");
}

/* The line goes into the file and into the hash. */
static int put_line(struct export_manifest *m, struct err *e)
{
	if (buf_check(&m->line, "a line of the manifest", e) != 0 ||
		sha256_add(m->hash, m->line.data, m->line.len, e) != 0)
		return -1;
	if (fwrite(m->line.data, 1, m->line.len, m->f) != m->line.len)
		return failed(e);
	buf_clear(&m->line);
	return 0;
}

void export_manifest_close(struct export_manifest *m)
{
	if (m == NULL)
		return;
	if (m->f != NULL)
		fclose(m->f);
	sha256_free(m->hash);
	buf_release(&m->folder);
	buf_release(&m->line);
	free(m);
}

int export_manifest_open(struct export_manifest **out, struct err *e)
{
	struct export_manifest *m = calloc(1, sizeof *m);
	*out = m;
	if (m == NULL)
		return err_nomem(e, "the manifest");
	buf_init(&m->line, 4 * (size_t)MAIL_FLAGS_TEXT_MAX + 4 * EXPORT_PLACE_MAX);
	buf_init(&m->folder, EXPORT_PLACE_MAX);
	m->delimiter = '/';
	m->hash = sha256_new(e);
	if (m->hash == NULL || sha256_begin(m->hash, e) != 0)
		return -1;
	m->f = tmpfile();
	if (m->f == NULL)
		return err_sys(
			e, ERR_STORE, E_IO, errno, "cannot make the manifest's temporary file");
	buf_add_str(&m->line, EXPORT_MANIFEST_FIRST "3\n" EXPORT_MANIFEST_FIELDS "\n");
	return put_line(m, e);
}

static void add_coded(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] > 0x20 && s.p[i] < 0x7F && s.p[i] != '%' && s.p[i] != ',')
			buf_add_byte(out, s.p[i]);
		else
			buf_addf(out, "%%%02X", (unsigned)s.p[i]);
	}
}

static void add_flags(struct buf *out, struct slice flags)
{
	size_t at = 0, before = out->len;
	struct slice flag;
	while (mail_flags_next(flags, &at, &flag)) {
		if (out->len > before)
			buf_add_byte(out, ',');
		if (slice_eq_str(flag, "-"))
			buf_add_str(out, "%2D");
		else
			add_coded(out, flag);
	}
	if (out->len == before)
		buf_add_byte(out, '-');
}

/* "2024-03-01T10:00:00+0200" */
static void add_date(struct buf *out, const struct mail_date *d)
{
	char text[MAIL_DATE_LEN + 1];
	int64_t year;
	int month, day;
	if (!mail_date_format(d, text)) {
		buf_add_byte(out, '-');
		return;
	}
	/* The day, year and time are taken from the text; only the month has to be a number. */
	int64_t local = d->secs + (int64_t)d->zone * 60;
	mail_civil_from_days(
		(local - (local % 86400 + 86400) % 86400) / 86400, &year, &month, &day);
	buf_addf(out, "%.4s-%02d-%02dT%.8s%.5s", text + 7, month, day, text + 12, text + 21);
}

static void add_delimiter(struct buf *out, char delimiter)
{
	buf_add_str(out, "# delimiter ");
	if (delimiter == '\0')
		buf_add_byte(out, '-');
	else if (delimiter == '-')
		buf_add_str(out, "%2D");
	else
		add_coded(out, slice_of(&delimiter, 1));
	buf_add_byte(out, '\n');
}

static bool has_attribute(const struct store_mailbox *box, const char *name)
{
	struct slice word;
	size_t at = 0;
	if (strcmp(name, EXPORT_SUBSCRIBED) == 0)
		return box->subscribed;
	while (mail_flags_next(buf_slice(&box->attributes), &at, &word))
		if (slice_ieq_str(word, name))
			return true;
	return false;
}

int export_manifest_folder(
	struct export_manifest *m, const struct store_mailbox *box, struct err *e)
{
	bool any = false;
	if (m->folder.len > 0 && slice_eq(buf_slice(&m->folder), buf_slice(&box->wire)))
		return 0;
	buf_clear(&m->folder);
	buf_add_slice(&m->folder, buf_slice(&box->wire));
	if (buf_check(&m->folder, "the name of a folder", e) != 0)
		return -1;
	if (box->delimiter != m->delimiter)
		add_delimiter(&m->line, box->delimiter);
	m->delimiter = box->delimiter;
	buf_add_str(&m->line, EXPORT_MANIFEST_FOLDER);
	add_coded(&m->line, buf_slice(&box->wire));
	for (size_t i = 0; i < EXPORT_ATTRIBUTES; i++) {
		if (!has_attribute(box, export_attribute[i]))
			continue;
		buf_addf(&m->line, "%c%s", any ? ',' : ' ', export_attribute[i]);
		any = true;
	}
	buf_add_str(&m->line, any ? "\n" : " -\n");
	return put_line(m, e);
}

int export_manifest_add(struct export_manifest *m, const struct selection_item *item,
	struct slice place, struct err *e)
{
	const struct store_record *r = item->record;
	char hash[SHA256_HEX + 1];
	if (export_manifest_folder(m, item->box, e) != 0)
		return -1;
	hex_format(r->sha256, SHA256_LEN, hash);
	buf_addf(&m->line, "%s %" PRIu64 " ", hash, r->size_wire);
	add_date(&m->line, &r->date);
	buf_add_byte(&m->line, ' ');
	add_flags(&m->line, r->flags);
	buf_addf(&m->line, " %" PRIu32 " %" PRIu32 " ", item->uidvalidity, r->uid);
	add_coded(&m->line, buf_slice(&item->box->wire));
	buf_add_byte(&m->line, ' ');
	add_coded(&m->line, place);
	buf_add_byte(&m->line, '\n');
	return put_line(m, e);
}

int export_manifest_end(struct export_manifest *m, uint64_t *size, struct err *e)
{
	unsigned char sum[SHA256_LEN];
	char hash[SHA256_HEX + 1];
	if (sha256_end(m->hash, sum, e) != 0)
		return -1;
	hex_format(sum, SHA256_LEN, hash);
	if (fprintf(m->f, EXPORT_MANIFEST_END "%s\n", hash) < 0 || fflush(m->f) != 0)
		return failed(e);
	long at = ftell(m->f);
	if (at < 0)
		return failed(e);
	*size = (uint64_t)at;
	return 0;
}

int export_manifest_copy(struct export_manifest *m,
	int (*put)(void *ctx, const void *p, size_t n, struct err *e), void *ctx, struct err *e)
{
	char part[16384];
	size_t n;
	if (fseek(m->f, 0, SEEK_SET) != 0)
		return failed(e);
	while ((n = fread(part, 1, sizeof part, m->f)) > 0)
		if (put(ctx, part, n, e) != 0)
			return -1;
	return ferror(m->f) ? failed(e) : 0;
}

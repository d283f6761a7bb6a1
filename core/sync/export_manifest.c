/* SPDX-License-Identifier: MIT */
/* export_manifest.c -- the manifest of an export; see export.h for its format. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"

static int failed(struct err *e)
{
	return err_sys(e, ERR_STORE, E_IO, errno, "cannot write the manifest's temporary file");
}

int export_manifest_begin(FILE *f, struct err *e)
{
	const char *head = "imapsync-manifest 1\n"
			   "# sha256 size date flags uidvalidity uid folder place\n";
	return fputs(head, f) >= 0 ? 0 : failed(e);
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

int export_manifest_add(
	FILE *f, const struct selection_item *item, struct slice place, struct err *e)
{
	const struct store_record *r = item->record;
	char hash[SHA256_HEX + 1];
	struct buf line = BUF_INIT(4 * (size_t)MAIL_FLAGS_TEXT_MAX + 4 * EXPORT_PLACE_MAX);
	hex_format(r->sha256, SHA256_LEN, hash);
	buf_addf(&line, "%s %" PRIu64 " ", hash, r->size_wire);
	add_date(&line, &r->date);
	buf_add_byte(&line, ' ');
	add_flags(&line, r->flags);
	buf_addf(&line, " %" PRIu32 " %" PRIu32 " ", item->uidvalidity, r->uid);
	add_coded(&line, buf_slice(&item->box->wire));
	buf_add_byte(&line, ' ');
	add_coded(&line, place);
	buf_add_byte(&line, '\n');
	int rc = buf_check(&line, "a line of the manifest", e);
	if (rc == 0 && fwrite(line.data, 1, line.len, f) != line.len)
		rc = failed(e);
	buf_release(&line);
	return rc;
}

int export_manifest_copy(FILE *f, int (*put)(void *ctx, const void *p, size_t n, struct err *e),
	void *ctx, struct err *e)
{
	char part[16384];
	size_t n;
	if (fseek(f, 0, SEEK_SET) != 0)
		return failed(e);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		if (put(ctx, part, n, e) != 0)
			return -1;
	return ferror(f) ? failed(e) : 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * export_read_tar.c -- the entries of a tar file: ustar with pax headers, as export_tar.c and tar programs write them
 * (POSIX.1-2017, pax). Of the pax records only path and size matter here; a global header has neither.
 */
#include <inttypes.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"
#include "core/sync/export_read.h"

#define BLOCK	512
#define PAX_MAX ((uint64_t)64 << 10) /* bytes of one pax header */

/* Offsets of the fields: POSIX.1-2017, pax, table 4-14. */
enum {
	AT_NAME = 0,
	AT_SIZE = 124,
	AT_CHKSUM = 148,
	AT_TYPE = 156,
	AT_MAGIC = 257,
	AT_PREFIX = 345,
	LEN_NAME = 100,
	LEN_SIZE = 12,
	LEN_CHKSUM = 8,
	LEN_PREFIX = 155,
};

struct reader {
	struct export_in *in;
	const struct export_entries *to;
	struct buf path;     /* of the entry */
	struct buf pax_path; /* for the next entry; empty: none */
	uint64_t size, pax_size;
	bool has_pax_size;
	unsigned char block[BLOCK];
};

static int broken(const struct reader *r, const char *what, struct err *e)
{
	char shown[TEXT_SHOW_SIZE / 2];
	return err_set(e, ERR_STORE, E_CORRUPT,
		"the tar file is damaged at byte %" PRIu64 "%s%s: %s", export_in_at(r->in),
		r->path.len > 0 ? ", at or behind " : "",
		r->path.len > 0 ? text_show(shown, sizeof shown, buf_slice(&r->path)) : "", what);
}

static int cut(const struct reader *r, struct err *e)
{
	return broken(r, "it is cut off, the end is missing", e);
}

static int next_block(struct reader *r, struct err *e)
{
	for (size_t have = 0; have < BLOCK;) {
		struct slice s;
		if (export_in_take(r->in, BLOCK - have, &s, e) != 0)
			return -1;
		if (s.n == 0)
			return cut(r, e);
		memcpy(r->block + have, s.p, s.n);
		have += s.n;
	}
	return 0;
}

static bool zeros(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Octal digits, then NULs or spaces. */
static bool octal(const unsigned char *p, size_t n, uint64_t *v)
{
	size_t i = 0;
	while (i < n && p[i] == ' ')
		i++;
	size_t first = i;
	for (*v = 0; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		*v = *v << 3 | (uint64_t)(p[i] - '0');
	if (i == first)
		return false;
	while (i < n && (p[i] == ' ' || p[i] == '\0'))
		i++;
	return i == n;
}

static bool checksum_is_good(const unsigned char *p)
{
	uint64_t want, sum = 0;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= AT_CHKSUM && i < AT_CHKSUM + LEN_CHKSUM ? ' ' : p[i];
	return octal(p + AT_CHKSUM, LEN_CHKSUM, &want) && want == sum;
}

static struct slice field(const unsigned char *p, size_t n)
{
	const unsigned char *nul = memchr(p, 0, n);
	return slice_of(p, nul != NULL ? (size_t)(nul - p) : n);
}

static int read_path(struct reader *r, struct err *e)
{
	struct slice prefix = field(r->block + AT_PREFIX, LEN_PREFIX);
	buf_clear(&r->path);
	if (r->pax_path.len > 0) {
		buf_add_slice(&r->path, buf_slice(&r->pax_path));
	} else {
		buf_add_slice(&r->path, prefix);
		if (prefix.n > 0)
			buf_add_byte(&r->path, '/');
		buf_add_slice(&r->path, field(r->block + AT_NAME, LEN_NAME));
	}
	if (buf_check(&r->path, "a path in the tar file", e) != 0)
		return err_widen(e, ERR_STORE);
	return r->path.len > 0 ? 0 : broken(r, "an entry without a name", e);
}

/* Give the content away, and look at what fills the last block. */
static int read_content(struct reader *r, uint64_t size, bool *clean, struct err *e)
{
	struct slice s;
	uint64_t fill = (BLOCK - size % BLOCK) % BLOCK;
	for (uint64_t left = size; left > 0; left -= s.n) {
		if (export_in_take(r->in, left, &s, e) != 0)
			return -1;
		if (s.n == 0)
			return cut(r, e);
		if (r->to->data(r->to->ctx, s.p, s.n, e) != 0)
			return -1;
	}
	for (*clean = true; fill > 0; fill -= s.n) {
		if (export_in_take(r->in, fill, &s, e) != 0)
			return -1;
		if (s.n == 0)
			return cut(r, e);
		*clean = *clean && zeros(s.p, s.n);
	}
	return 0;
}

static int read_entry(struct reader *r, unsigned char type, struct err *e)
{
	/* Links, devices and folders have no content, whatever their size says. */
	bool empty = type >= '1' && type <= '6';
	bool clean = false;
	if (read_path(r, e) != 0)
		return -1;
	uint64_t size = empty ? 0 : r->has_pax_size ? r->pax_size : r->size;
	r->has_pax_size = false;
	buf_clear(&r->pax_path);
	enum export_entry kind = type == '0' || type == '\0' ? EXPORT_ENTRY_FILE
		: type == '5'				     ? EXPORT_ENTRY_DIR
							     : EXPORT_ENTRY_OTHER;
	if (r->to->begin(r->to->ctx, buf_slice(&r->path), kind, e) != 0 ||
		read_content(r, size, &clean, e) != 0)
		return -1;
	return r->to->end(r->to->ctx, clean, e);
}

/* ---- pax headers ----------------------------------------------------------------------------- */

/* The standard's keys, and those of programs, which begin with a capital letter (POSIX.1-2017, pax). */
static bool is_key(struct slice key)
{
	static const char *const known[] = {"path", "size", "mtime", "atime", "ctime", "uid", "gid",
		"uname", "gname", "linkpath", "comment", "charset", "hdrcharset"};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (slice_eq_str(key, known[i]))
			return true;
	return key.n > 0 && key.p[0] >= 'A' && key.p[0] <= 'Z';
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts the whole record. */
static int pax_record(struct reader *r, struct slice *s, struct err *e)
{
	uint64_t n;
	const unsigned char *space = memchr(s->p, ' ', s->n);
	if (space == NULL || !slice_u64(slice_of(s->p, (size_t)(space - s->p)), s->n, &n) ||
		n < (size_t)(space - s->p) + 2 || s->p[n - 1] != '\n')
		return broken(r, "a pax header", e);
	struct slice key = slice_of(space + 1, (size_t)(s->p + n - 1 - (space + 1)));
	const unsigned char *equals = key.n > 0 ? memchr(key.p, '=', key.n) : NULL;
	if (equals == NULL)
		return broken(r, "a pax header", e);
	struct slice value = slice_of(equals + 1, (size_t)(key.p + key.n - (equals + 1)));
	key.n = (size_t)(equals - key.p);
	*s = slice_of(s->p + n, s->n - (size_t)n);
	if (!is_key(key))
		return broken(r, "a pax header", e);
	if (slice_eq_str(key, "path")) {
		if (value.n > 0 && memchr(value.p, 0, value.n) != NULL)
			return broken(r, "a path with NUL", e);
		buf_clear(&r->pax_path);
		buf_add_slice(&r->pax_path, value);
		if (buf_check(&r->pax_path, "a path in the tar file", e) != 0)
			return err_widen(e, ERR_STORE);
	} else if (slice_eq_str(key, "size")) {
		if (!slice_u64(value, INT64_MAX, &r->pax_size))
			return broken(r, "a size in a pax header", e);
		r->has_pax_size = true;
	}
	return 0;
}

static int read_pax(struct reader *r, struct err *e)
{
	struct buf records = BUF_INIT((size_t)PAX_MAX);
	struct slice s;
	int rc = 0;
	bool clean = true;
	if (r->size > PAX_MAX)
		return err_set(e, ERR_STORE, E_LIMIT,
			"a pax header of the tar file is longer than %" PRIu64 " bytes", PAX_MAX);
	for (uint64_t left = r->size; rc == 0 && left > 0; left -= s.n) {
		rc = export_in_take(r->in, left, &s, e);
		if (rc == 0 && s.n == 0)
			rc = cut(r, e);
		buf_add_slice(&records, s);
	}
	if (rc == 0)
		rc = buf_check(&records, "a pax header of the tar file", e);
	for (s = buf_slice(&records); rc == 0 && s.n > 0;)
		rc = pax_record(r, &s, e);
	buf_release(&records);
	for (uint64_t fill = (BLOCK - r->size % BLOCK) % BLOCK; rc == 0 && fill > 0; fill -= s.n) {
		rc = export_in_take(r->in, fill, &s, e);
		if (rc == 0 && s.n == 0)
			rc = cut(r, e);
		clean = clean && zeros(s.p, s.n);
	}
	return rc == 0 && !clean ? broken(r, "bytes behind a pax header", e) : rc;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Two blocks of zeros; tar programs fill up with more. */
static int read_end(struct reader *r, struct err *e)
{
	struct slice s;
	if (next_block(r, e) != 0)
		return -1;
	if (!zeros(r->block, BLOCK))
		return broken(r, "something behind the mark of the end", e);
	for (;;) {
		if (export_in_take(r->in, UINT64_MAX, &s, e) != 0)
			return -1;
		if (s.n == 0)
			return 0;
		if (!zeros(s.p, s.n))
			return broken(r, "something behind the mark of the end", e);
	}
}

static int read_all(struct reader *r, struct err *e)
{
	for (;;) {
		if (next_block(r, e) != 0)
			return -1;
		if (zeros(r->block, BLOCK))
			return r->pax_path.len > 0 || r->has_pax_size
				? broken(r, "a pax header without an entry", e)
				: read_end(r, e);
		if (memcmp(r->block + AT_MAGIC, "ustar", 5) != 0 || !checksum_is_good(r->block) ||
			!octal(r->block + AT_SIZE, LEN_SIZE, &r->size))
			return broken(r, "the header of an entry is not what was written", e);
		unsigned char type = r->block[AT_TYPE];
		int rc = type == 'x' || type == 'g' ? read_pax(r, e) : read_entry(r, type, e);
		if (rc != 0)
			return -1;
	}
}

int export_tar_read(struct export_in *in, const struct export_entries *to, struct err *e)
{
	struct reader r;
	memset(&r, 0, sizeof r);
	r.in = in;
	r.to = to;
	buf_init(&r.path, EXPORT_PLACE_MAX + 1);
	buf_init(&r.pax_path, EXPORT_PLACE_MAX + 1);
	int rc = read_all(&r, e);
	buf_release(&r.path);
	buf_release(&r.pax_path);
	return rc;
}

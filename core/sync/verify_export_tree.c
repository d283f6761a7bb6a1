/* SPDX-License-Identifier: MIT */
/*
 * verify_export_tree.c -- a tar file or folder. In a tar file the manifest comes last, so hash and size of every file are
 * kept until then, sorted by path (a table of hashes could be flooded); a folder is done in the same way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sync/export_internal.h"
#include "core/sync/verify_export_internal.h"

#define MANIFEST "MANIFEST"
#define TOP	 "mail/"
#define KEYWORDS "/dovecot-keywords"

struct entry {
	const unsigned char *name; /* set when all names are there; before that, `at` */
	size_t at, len;
	uint64_t size; /* as on the wire */
	bool used;
	unsigned char sum[SHA256_LEN];
};

struct tree {
	struct verify *x;
	struct entry *entry;
	size_t n, cap;
	struct buf names, path;
	enum { SKIPPED, MESSAGE, LINES } doing;
	bool lf;     /* the file being read has LF for CRLF */
	bool sealed; /* the manifest was read, or is being read */
	struct export_lines lines;
};

/* ---- entries --------------------------------------------------------------------------------- */

static size_t digits(struct slice s, size_t at, uint64_t *v)
{
	size_t n = 0;
	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return slice_u64(slice_of(s.p + at, n), UINT64_MAX, v) ? n : 0;
}

/* The name of a Maildir file says so: ",S=" (bytes on disk) is less than ",W=" (on the wire); imapsync-archive(5). */
static bool has_lf(struct slice path)
{
	uint64_t disk, wire;
	for (size_t i = path.n; i-- > 0 && path.p[i] != '/';) {
		if (path.n - i < 3 || memcmp(path.p + i, ",S=", 3) != 0)
			continue;
		size_t n = digits(path, i + 3, &disk), at = i + 3 + n;
		return n > 0 && path.n - at >= 3 && memcmp(path.p + at, ",W=", 3) == 0 &&
			digits(path, at + 3, &wire) > 0 && disk < wire;
	}
	return false;
}

static bool is_keywords(struct slice path)
{
	size_t top = sizeof TOP - 1, n = sizeof KEYWORDS - 1;
	return path.n > n && path.n > top && memcmp(path.p, TOP, top) == 0 &&
		memcmp(path.p + path.n - n, KEYWORDS, n) == 0;
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return slice_cmp(slice_of(x->name, x->len), slice_of(y->name, y->len));
}

/* All files were read: now they can be found by their paths. */
static void seal(struct tree *t)
{
	t->sealed = true;
	for (size_t i = 0; i < t->n; i++)
		t->entry[i].name = t->names.data + t->entry[i].at;
	if (t->n > 0)
		qsort(t->entry, t->n, sizeof *t->entry, compare);
	for (size_t i = 1; i < t->n; i++) {
		if (compare(&t->entry[i - 1], &t->entry[i]) != 0)
			continue;
		t->entry[i].used = true;
		verify_export_found(t->x, EXPORT_EXTRA, slice_of(t->entry[i].name, t->entry[i].len),
			NULL, "it is there twice");
	}
}

static int room(struct tree *t, struct err *e)
{
	if (t->n < t->cap)
		return 0;
	if (t->n >= VERIFY_ENTRIES_MAX)
		return err_set(e, ERR_STORE, E_LIMIT, "there are more than %zu files in it",
			VERIFY_ENTRIES_MAX);
	size_t cap = t->cap > 0 ? 2 * t->cap : 256;
	struct entry *grown = realloc(t->entry, cap * sizeof *grown);
	if (grown == NULL)
		return err_nomem(e, "the files of an export");
	t->entry = grown;
	t->cap = cap;
	return 0;
}

static int add_entry(struct tree *t, struct err *e)
{
	const struct export_digest *d = &t->x->digest;
	if (room(t, e) != 0)
		return -1;
	struct entry *n = &t->entry[t->n];
	*n = (struct entry){
		.at = t->names.len, .len = t->path.len, .size = d->size + (t->lf ? d->lfs : 0)};
	memcpy(n->sum, t->lf ? d->crlf_sum : d->raw_sum, SHA256_LEN);
	buf_add_slice(&t->names, buf_slice(&t->path));
	if (buf_check(&t->names, "the list of all paths", e) != 0)
		return err_widen(e, ERR_STORE);
	t->n++;
	return 0;
}

static int on_begin(void *ctx, struct slice path, enum export_entry kind, struct err *e)
{
	struct tree *t = ctx;
	/* As "tar -c ." writes it. */
	while (path.n > 2 && memcmp(path.p, "./", 2) == 0)
		path = slice_of(path.p + 2, path.n - 2);
	buf_clear(&t->path);
	buf_add_slice(&t->path, path);
	if (buf_check(&t->path, "a path", e) != 0)
		return err_widen(e, ERR_STORE);
	t->doing = SKIPPED;
	if (kind == EXPORT_ENTRY_DIR)
		return 0;
	if (kind == EXPORT_ENTRY_OTHER || t->sealed) {
		verify_export_found(t->x, EXPORT_EXTRA, path, NULL,
			kind == EXPORT_ENTRY_OTHER ? "neither a file nor a folder"
						   : "it is behind the manifest");
		return 0;
	}
	if (slice_eq_str(path, MANIFEST)) {
		t->doing = LINES;
		seal(t);
		return 0;
	}
	if (is_keywords(path))
		return 0;
	t->doing = MESSAGE;
	t->lf = has_lf(path);
	return export_digest_begin(&t->x->digest, !t->lf, t->lf, e);
}

static int on_data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct tree *t = ctx;
	if (t->doing == MESSAGE)
		return export_digest_add(&t->x->digest, p, n, e);
	return t->doing == LINES ? export_lines_add(&t->lines, p, n, e) : 0;
}

static int on_end(void *ctx, bool clean, struct err *e)
{
	struct tree *t = ctx;
	if (!clean)
		verify_export_found(t->x, EXPORT_CHANGED, buf_slice(&t->path), NULL,
			"there is something behind its end");
	if (t->doing == LINES && export_lines_end(&t->lines, e) != 0)
		return -1;
	if (t->doing == LINES)
		t->x->r->unproven = !export_lines_proven(&t->lines);
	if (t->doing != MESSAGE)
		return 0;
	return export_digest_end(&t->x->digest, e) != 0 ? -1 : add_entry(t, e);
}

/* ---- the manifest ---------------------------------------------------------------------------- */

static int on_line(void *ctx, const struct export_line *line, struct err *e)
{
	struct tree *t = ctx;
	const struct entry key = {.name = line->place.p, .len = line->place.n};
	struct entry *x = t->n > 0 ? bsearch(&key, t->entry, t->n, sizeof *x, compare) : NULL;
	(void)e;
	t->x->r->messages++;
	/* Of equal ones the first, which is the one that is not used up. */
	while (x != NULL && x > t->entry && compare(x - 1, &key) == 0)
		x--;
	if (x == NULL) {
		verify_export_found(t->x, EXPORT_MISSING, line->place, line, "it is not there");
		return 0;
	}
	if (x->used)
		verify_export_found(
			t->x, EXPORT_EXTRA, line->place, line, "the manifest has it twice");
	else if (x->size != line->size)
		verify_export_found(t->x, EXPORT_SIZE, line->place, line,
			"it is longer or shorter than the manifest says");
	else if (memcmp(x->sum, line->sha256, SHA256_LEN) != 0)
		verify_export_found(t->x, EXPORT_CHANGED, line->place, line,
			"its bytes are not those of the manifest");
	x->used = true;
	return 0;
}

static int finish(struct tree *t, struct err *e)
{
	if (!t->sealed)
		return err_set(e, ERR_STORE, E_CORRUPT,
			"there is no " MANIFEST " in it: it is not whole, or not an export");
	for (size_t i = 0; i < t->n; i++)
		if (!t->entry[i].used)
			verify_export_found(t->x, EXPORT_EXTRA,
				slice_of(t->entry[i].name, t->entry[i].len), NULL,
				"not in the manifest");
	return 0;
}

static void tree_init(struct tree *t, struct verify *x)
{
	memset(t, 0, sizeof *t);
	t->x = x;
	buf_init(&t->names, VERIFY_NAMES_MAX);
	buf_init(&t->path, EXPORT_PLACE_MAX + 1);
	export_lines_init(&t->lines, on_line, t);
}

static void tree_release(struct tree *t)
{
	export_lines_release(&t->lines);
	buf_release(&t->path);
	buf_release(&t->names);
	free(t->entry);
}

int verify_export_tar(struct verify *x, struct export_in *in, struct err *e)
{
	struct tree t;
	tree_init(&t, x);
	const struct export_entries to = {&t, on_begin, on_data, on_end};
	int rc = export_tar_read(in, &to, e);
	if (rc == 0)
		rc = finish(&t, e);
	tree_release(&t);
	return rc;
}

/* ---- folders --------------------------------------------------------------------------------- */

static int failed(struct slice path, struct err *e)
{
	char shown[TEXT_SHOW_SIZE / 2];
	int error = errno;
	return err_sys(e, ERR_STORE, E_IO, error, "cannot read %s",
		path.n > 0 ? text_show(shown, sizeof shown, path) : "it");
}

/* A regular file, or -1. No link is followed, and a pipe that took the file's place does not block. */
static int open_file(int dir, const char *name, struct err *e)
{
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return failed(slice_str(name), e);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_STORE, E_CORRUPT, "a file changed while it was read");
}

static int read_file(struct tree *t, int dir, const char *name, struct slice path, struct err *e)
{
	unsigned char part[16384];
	size_t got;
	struct verify_file f = {t->x, open_file(dir, name, e)};
	const struct export_source source = verify_file_source(&f);
	if (f.fd < 0)
		return -1;
	int rc = on_begin(t, path, EXPORT_ENTRY_FILE, e);
	do {
		got = 0;
		if (rc == 0)
			rc = source.get(source.ctx, part, sizeof part, &got, e);
		if (rc == 0 && got > 0)
			rc = on_data(t, part, got, e);
		t->x->r->bytes += got;
	} while (rc == 0 && got > 0);
	close(f.fd);
	return rc == 0 ? on_end(t, true, e) : -1;
}

static int walk(struct tree *t, int fd, struct buf *path, unsigned depth, struct err *e);

static int walk_entry(
	struct tree *t, int dir, const char *name, struct buf *path, unsigned depth, struct err *e)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return failed(buf_slice(path), e);
	if (S_ISREG(st.st_mode))
		return slice_eq_str(buf_slice(path), MANIFEST)
			? 0
			: read_file(t, dir, name, buf_slice(path), e);
	if (!S_ISDIR(st.st_mode))
		return on_begin(t, buf_slice(path), EXPORT_ENTRY_OTHER, e);
	if (depth >= VERIFY_DEPTH_MAX)
		return err_set(e, ERR_STORE, E_LIMIT,
			"there are more than %d folders in one another", VERIFY_DEPTH_MAX);
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? walk(t, fd, path, depth + 1, e) : failed(buf_slice(path), e);
}

static int walk(struct tree *t, int fd, struct buf *path, unsigned depth, struct err *e)
{
	DIR *d = fdopendir(fd);
	int rc = 0;
	if (d == NULL) {
		rc = failed(buf_slice(path), e);
		close(fd);
		return rc;
	}
	size_t before = path->len;
	while (rc == 0) {
		errno = 0;
		const struct dirent *x = readdir(d);
		if (x == NULL) {
			rc = errno != 0 ? failed(buf_slice(path), e) : 0;
			break;
		}
		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0)
			continue;
		if (before > 0)
			buf_add_byte(path, '/');
		buf_add_str(path, x->d_name);
		rc = buf_check(path, "a path", e) != 0
			? err_widen(e, ERR_STORE)
			: walk_entry(t, dirfd(d), x->d_name, path, depth, e);
		buf_truncate(path, before);
	}
	closedir(d);
	return rc;
}

int verify_export_folder(struct verify *x, int fd, struct err *e)
{
	struct tree t;
	struct stat st;
	struct buf path = BUF_INIT(EXPORT_PLACE_MAX);
	tree_init(&t, x);
	int rc = 0, top = -1;
	if (fstatat(fd, MANIFEST, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		rc = err_set(e, ERR_STORE, E_CORRUPT,
			"there is no " MANIFEST " in it: it is not whole, or not an export "
			"(an archive is named by its account, or with --path)");
	else if ((top = dup(fd)) < 0)
		rc = failed(SLICE_NONE, e);
	if (rc == 0)
		rc = walk(&t, top, &path, 1, e);
	if (rc == 0)
		rc = read_file(&t, fd, MANIFEST, slice_str(MANIFEST), e);
	if (rc == 0)
		rc = finish(&t, e);
	buf_release(&path);
	tree_release(&t);
	close(fd);
	return rc;
}

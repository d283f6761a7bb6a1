/* SPDX-License-Identifier: MIT */
/*
 * import_maildir.c -- Maildir trees as other programs keep them. The layout is found by looking:
 *
 *   every folder with cur, and with new or tmp, is a Maildir; the top is INBOX
 *   .Sub.Folder           Maildir++ (Dovecot, Courier), in the top or in another folder (mbsync SubFolders Maildir++ and,
 *                         with one level each, Legacy)
 *   Sub/Folder            nested (mbsync SubFolders Verbatim, offlineimap with sep = /)
 *   Sub.Folder            offlineimap, when all Maildirs stand side by side, and what is in front of one of the dots is a
 *                         folder as well or begins another folder's name
 *
 * Levels are modified UTF-7 or UTF-8. Flags are the letters of file names and of dovecot-keywords; dates are the files'
 * modification times, in UTC.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sync/import_internal.h"
#include "core/sync/verify_export.h"

#define KEYWORDS	   "dovecot-keywords"
#define KEYWORDS_SIZE	   ((size_t)64 << 10)
#define SUBSCRIPTIONS	   "subscriptions"
#define SUBSCRIPTIONS_SIZE ((size_t)1 << 20)
#define LETTERS		   26

/* ---- finding folders ------------------------------------------------------------------------- */

static bool is_dir(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool is_maildir(int dir)
{
	return is_dir(dir, "cur") && (is_dir(dir, "new") || is_dir(dir, "tmp"));
}

static int failed(const struct buf *path, struct err *e)
{
	char shown[TEXT_SHOW_SIZE / 2];
	int error = errno;
	return err_sys(e, ERR_STORE, E_IO, error, "cannot read %s",
		path->len > 0 ? text_show(shown, sizeof shown, buf_slice(path)) : "it");
}

static int found(struct import *m, const struct buf *path, struct err *e)
{
	struct import_folder *f = import_add_folder(m, e);
	if (f == NULL)
		return -1;
	buf_add_slice(&f->path, buf_slice(path));
	return buf_check(&f->path, "a path", e);
}

static int walk(struct import *m, int fd, struct buf *path, unsigned depth, struct err *e);

static int walk_entry(struct import *m, int dir, const char *name, bool maildir, struct buf *path,
	unsigned depth, struct err *e)
{
	bool own = strcmp(name, "cur") == 0 || strcmp(name, "new") == 0 || strcmp(name, "tmp") == 0;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (maildir && own) ||
		!is_dir(dir, name))
		return 0;
	if (depth >= VERIFY_DEPTH_MAX)
		return err_set(e, ERR_STORE, E_LIMIT,
			"there are more than %d folders in one another", VERIFY_DEPTH_MAX);
	size_t before = path->len;
	buf_addf(path, "%s%s", before > 0 ? "/" : "", name);
	int fd = buf_check(path, "a path", e) == 0
		? openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		: -1;
	int rc = fd >= 0	? walk(m, fd, path, depth + 1, e)
		: err_is_set(e) ? err_widen(e, ERR_STORE)
				: failed(path, e);
	buf_truncate(path, before);
	return rc;
}

/* Takes over the descriptor. */
static int walk(struct import *m, int fd, struct buf *path, unsigned depth, struct err *e)
{
	bool maildir = is_maildir(fd);
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		int rc = failed(path, e);
		close(fd);
		return rc;
	}
	int rc = maildir ? found(m, path, e) : 0;
	while (rc == 0 && (rc = import_check(m, e)) == 0) {
		errno = 0;
		const struct dirent *x = readdir(d);
		if (x == NULL) {
			rc = errno != 0 ? failed(path, e) : 0;
			break;
		}
		rc = walk_entry(m, dirfd(d), x->d_name, maildir, path, depth, e);
	}
	closedir(d);
	return rc;
}

/* ---- names ----------------------------------------------------------------------------------- */

static int add_levels(struct buf *wire, struct slice name, char separator, struct err *e)
{
	while (name.n > 0) {
		const unsigned char *end = memchr(name.p, separator, name.n);
		size_t n = end != NULL ? (size_t)(end - name.p) : name.n;
		if (n > 0) {
			buf_add_str(wire, wire->len > 0 ? "/" : "");
			if (import_add_level(wire, slice_of(name.p, n), e) != 0)
				return -1;
		}
		n += end != NULL;
		name = slice_of(name.p + n, name.n - n);
	}
	return buf_check(wire, "the name of a folder", e);
}

static int name_folder(struct import_folder *f, bool dotted, struct err *e)
{
	struct slice path = buf_slice(&f->path);
	f->f.delimiter = '/';
	while (path.n > 0) {
		const unsigned char *end = memchr(path.p, '/', path.n);
		size_t n = end != NULL ? (size_t)(end - path.p) : path.n;
		bool split = dotted || path.p[0] == '.';
		if (add_levels(&f->f.wire, slice_of(path.p, n), split ? '.' : '/', e) != 0)
			return -1;
		n += end != NULL;
		path = slice_of(path.p + n, path.n - n);
	}
	if (f->f.wire.len == 0)
		buf_add_str(&f->f.wire, "INBOX");
	return import_name_folder(&f->f, e);
}

static int by_path(const void *a, const void *b)
{
	const struct import_folder *x = a, *y = b;
	return slice_cmp(buf_slice(&x->path), buf_slice(&y->path));
}

/* The first folder whose path is not in front of this one. */
static size_t first_from(const struct import *m, struct slice path)
{
	size_t lo = 0, hi = m->nfolders;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (slice_cmp(buf_slice(&m->folder[mid].path), path) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool begins_with(const struct buf *path, struct slice what)
{
	return path->len >= what.n && memcmp(path->data, what.p, what.n) == 0;
}

/* A dot is at n: is what is in front of it a folder, or does it begin another folder's name? They are sorted. */
static bool is_level(const struct import *m, size_t i, size_t n)
{
	struct slice mine = buf_slice(&m->folder[i].path);
	struct slice above = slice_of(mine.p, n), dot = slice_of(mine.p, n + 1);
	size_t k = first_from(m, above);
	if (k < m->nfolders && slice_eq(buf_slice(&m->folder[k].path), above))
		return true;
	k = first_from(m, dot);
	k += k == i;
	return k < m->nfolders && begins_with(&m->folder[k].path, dot);
}

/* Do dots separate levels, though no name begins with one? */
static bool is_dotted(const struct import *m)
{
	bool related = false;
	for (size_t i = 0; i < m->nfolders; i++) {
		struct slice path = buf_slice(&m->folder[i].path);
		if (path.n == 0 || path.p[0] == '.' || memchr(path.p, '/', path.n) != NULL)
			return false;
		for (size_t n = 1; n + 1 < path.n && !related; n++)
			related = path.p[n] == '.' && is_level(m, i, n);
	}
	return related;
}

/* ---- subscriptions --------------------------------------------------------------------------- */

/* The line is the folder's name with '.', '/' or (Dovecot's version 2) a tab between levels. */
static bool names_it(struct slice line, struct slice wire)
{
	bool same = line.n == wire.n;
	for (size_t i = 0; i < wire.n && same; i++)
		same = line.p[i] == wire.p[i] ||
			(wire.p[i] == '/' && (line.p[i] == '.' || line.p[i] == '\t'));
	return same;
}

static int read_subscriptions(struct import *m, struct err *e)
{
	struct buf text = BUF_INIT(SUBSCRIPTIONS_SIZE);
	int rc = import_read_small(m->root, SUBSCRIPTIONS, &text, e);
	struct slice s = buf_slice(&text);
	while (rc > 0 && s.n > 0) {
		const unsigned char *lf = memchr(s.p, '\n', s.n);
		size_t n = lf != NULL ? (size_t)(lf - s.p) : s.n;
		if (import_check(m, e) != 0)
			rc = -1;
		for (size_t i = 0; i < m->nfolders; i++)
			if (names_it(slice_of(s.p, n), buf_slice(&m->folder[i].f.wire)))
				m->folder[i].f.subscribed = true;
		n += lf != NULL;
		s = slice_of(s.p + n, s.n - n);
	}
	buf_release(&text);
	return rc < 0 ? err_widen(e, ERR_STORE) : 0;
}

static int find(struct import *m, struct err *e)
{
	struct buf path = BUF_INIT(IMPORT_PATH_MAX);
	int top = dup(m->root);
	int rc = top >= 0 ? walk(m, top, &path, 1, e) : failed(&path, e);
	buf_release(&path);
	if (rc == 0 && m->nfolders == 0)
		rc = err_set(e, ERR_USAGE, E_USAGE,
			"there is no Maildir in it (a folder with cur, new and tmp), and no MANIFEST of an export");
	if (m->nfolders > 0)
		qsort(m->folder, m->nfolders, sizeof *m->folder, by_path);
	bool dotted = is_dotted(m);
	for (size_t i = 0; i < m->nfolders && rc == 0; i++)
		rc = name_folder(&m->folder[i], dotted, e);
	return rc == 0 ? read_subscriptions(m, e) : -1;
}

/* ---- flags ----------------------------------------------------------------------------------- */

struct keywords {
	struct buf text;
	struct slice name[LETTERS]; /* in text */
};

/* Lines "0 name" to "25 name". */
static int read_keywords(struct import *m, struct keywords *k, struct err *e)
{
	size_t before = m->now->path.len;
	buf_addf(&m->now->path, "%s" KEYWORDS, before > 0 ? "/" : "");
	int rc = buf_check(&m->now->path, "a path", e) == 0
		? import_read_small(m->root, buf_str(&m->now->path), &k->text, e)
		: -1;
	buf_truncate(&m->now->path, before);
	struct slice s = buf_slice(&k->text);
	while (rc > 0 && s.n > 0) {
		uint64_t number;
		const unsigned char *lf = memchr(s.p, '\n', s.n);
		size_t n = lf != NULL ? (size_t)(lf - s.p) : s.n;
		const unsigned char *space = memchr(s.p, ' ', n);
		size_t digits = space != NULL ? (size_t)(space - s.p) : 0;
		if (slice_u64(slice_of(s.p, digits), LETTERS - 1, &number))
			k->name[number] = slice_of(space + 1, n - digits - 1);
		n += lf != NULL;
		s = slice_of(s.p + n, s.n - n);
	}
	return rc < 0 ? err_widen(e, ERR_MAILBOX) : 0;
}

/* Behind ":2,", or what stands for the colon where file systems have none. */
static struct slice letters_of(struct slice name)
{
	for (size_t i = name.n; i-- > 0;)
		if (name.n - i >= 3 && memcmp(name.p + i + 1, "2,", 2) == 0 &&
			(name.p[i] == ':' || name.p[i] == ';' || name.p[i] == '!'))
			return slice_of(name.p + i + 3, name.n - i - 3);
	return SLICE_NONE;
}

static int add_flags(struct import *m, struct import_message *x, struct slice letters, bool in_new,
	const struct keywords *k, struct err *e)
{
	static const char system[] = "DFPRST";
	static const char *const flag[] = {
		"\\Draft", "\\Flagged", "$Forwarded", "\\Answered", "\\Seen", "\\Deleted"};
	struct buf text = BUF_INIT(MAIL_FLAGS_TEXT_MAX);
	for (size_t i = 0; i < letters.n; i++) {
		unsigned char c = letters.p[i];
		const char *at = c != '\0' ? strchr(system, c) : NULL;
		/* What is in new has not been seen, whatever its name says. */
		if (at != NULL && !(in_new && c == 'S'))
			buf_addf(&text, " %s", flag[at - system]);
		if (c < 'a' || c > 'z')
			continue;
		buf_add_byte(&text, ' ');
		buf_add_slice(&text, k->name[c - 'a']);
	}
	int rc = import_flags(m, x, &text, e);
	buf_release(&text);
	return rc;
}

/* ---- messages -------------------------------------------------------------------------------- */

/* The name says ",S=" and ",W=", the size on disk and on the wire, and they are equal: a bare LF is meant
 * (imapsync-archive(5)). */
static bool is_exact(struct slice name)
{
	static const char mark[] = ".imapsync,S=";
	const unsigned char *at = memmem(name.p, name.n, mark, sizeof mark - 1);
	if (at == NULL)
		return false;
	at += sizeof mark - 1;
	const unsigned char *end = name.p + name.n, *w = memmem(at, (size_t)(end - at), ",W=", 3);
	if (w == NULL)
		return false;
	size_t n = (size_t)(w - at);
	return (size_t)(end - w) >= 3 + n && memcmp(at, w + 3, n) == 0 &&
		((size_t)(end - w) == 3 + n || w[3 + n] < '0' || w[3 + n] > '9');
}

static int add_file(struct import *m, int dir, const char *name, bool in_new,
	const struct keywords *k, struct err *e)
{
	struct stat st;
	struct slice s = slice_str(name);
	if (name[0] == '.')
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : err_sys(e, ERR_MAILBOX, E_IO, errno, "cannot read it");
	struct import_message *x = import_add_message(m, e);
	if (x == NULL)
		return -1;
	x->own = true;
	x->ends = is_exact(s) ? IMPORT_AS_IS : IMPORT_CR_BARE;
	x->date = (struct mail_date){(int64_t)st.st_mtime, 0, true};
	x->name = m->now->text.len;
	buf_addf(&m->now->text, "%s/%s", in_new ? "new" : "cur", name);
	x->nname = m->now->text.len - x->name;
	return add_flags(m, x, letters_of(s), in_new, k, e);
}

static int load_part(
	struct import *m, const char *part, bool in_new, const struct keywords *k, struct err *e)
{
	size_t before = m->now->path.len;
	buf_addf(&m->now->path, "%s%s", before > 0 ? "/" : "", part);
	int fd = buf_check(&m->now->path, "a path", e) == 0
		? import_open_beneath(m->root, buf_str(&m->now->path), O_RDONLY | O_DIRECTORY)
		: -1;
	buf_truncate(&m->now->path, before);
	if (fd < 0 && err_is_set(e))
		return -1;
	if (fd < 0)
		return errno == ENOENT
			? 0
			: err_sys(e, ERR_MAILBOX, E_IO, errno, "cannot read %s", part);
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return err_nomem(e, "reading a folder");
	}
	int rc = 0;
	while (rc == 0) {
		errno = 0;
		const struct dirent *x = readdir(d);
		if (x == NULL) {
			rc = errno != 0
				? err_sys(e, ERR_MAILBOX, E_IO, errno, "cannot read %s", part)
				: 0;
			break;
		}
		rc = add_file(m, fd, x->d_name, in_new, k, e);
		if (rc == 0)
			rc = import_check(m, e);
	}
	closedir(d);
	return rc;
}

struct dated {
	struct slice name;
	struct import_message x;
};

static int by_date(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;
	if (x->x.date.secs != y->x.date.secs)
		return x->x.date.secs < y->x.date.secs ? -1 : 1;
	return slice_cmp(x->name, y->name);
}

/* Old ones first, then by name, whatever the order in the directory. */
static int sort(struct import *m, struct err *e)
{
	struct dated *d = calloc(m->now->n + 1, sizeof *d);
	if (d == NULL)
		return err_nomem(e, "the messages of a folder");
	for (size_t i = 0; i < m->now->n; i++) {
		const struct import_message *x = &m->now->message[i];
		d[i] = (struct dated){slice_of(m->now->text.data + x->name, x->nname), *x};
	}
	qsort(d, m->now->n, sizeof *d, by_date);
	for (size_t i = 0; i < m->now->n; i++)
		m->now->message[i] = d[i].x;
	free(d);
	return 0;
}

static int load(struct import *m, const struct import_folder *f, struct err *e)
{
	struct keywords k = {.text = BUF_INIT(KEYWORDS_SIZE)};
	(void)f;
	int rc = read_keywords(m, &k, e);
	/* In this order: what a mail program moves meanwhile is seen twice, not never. */
	if (rc == 0)
		rc = load_part(m, "new", true, &k, e);
	if (rc == 0)
		rc = load_part(m, "cur", false, &k, e);
	if (rc == 0)
		rc = sort(m, e);
	buf_release(&k.text);
	return rc;
}

const struct import_kind import_maildir = {find, load};

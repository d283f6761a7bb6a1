/* SPDX-License-Identifier: MIT */
/* verify_export.c -- which format it is, and what all formats share; see verify_export.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/sync/verify_export_internal.h"

#define PATH_BYTES_MAX	(1u << 16)
#define MAGIC_AT	257 /* of "ustar" in a tar file */
#define MAGIC_LEN	5
#define FOLDER_NAME_MAX (1u << 16)

const char *export_fault_name(enum export_fault f)
{
	switch (f) {
	case EXPORT_MISSING: return "missing";
	case EXPORT_EXTRA: return "extra";
	case EXPORT_CHANGED: return "changed";
	case EXPORT_SIZE: return "size";
	case EXPORT_FAULT_COUNT: break;
	}
	return "?";
}

int verify_export_init(struct verify *x, const struct export_verify *v,
	struct export_verify_report *r, struct err *e)
{
	memset(r, 0, sizeof *r);
	x->v = v;
	x->r = r;
	buf_init(&x->folder, FOLDER_NAME_MAX);
	return export_digest_init(&x->digest, e);
}

void verify_export_release(struct verify *x)
{
	export_digest_release(&x->digest);
	buf_release(&x->folder);
}

void verify_export_found(struct verify *x, enum export_fault fault, struct slice path,
	const struct export_line *line, const char *detail)
{
	struct export_finding f = {.fault = fault, .path = path, .detail = detail};
	x->r->faults[fault]++;
	x->r->damage++;
	if (line != NULL) {
		buf_clear(&x->folder);
		f.uid = line->uid;
		f.folder = mutf7_decode(line->folder, &x->folder) ? buf_slice(&x->folder)
								  : line->folder;
	}
	x->v->finding(x->v->ctx, &f);
}

static int get_file(void *ctx, void *p, size_t n, size_t *got, struct err *e)
{
	struct verify_file *f = ctx;
	ssize_t done;
	do {
		if (f->x->v->interrupt != NULL && f->x->v->interrupt->signal != 0)
			return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
		done = read(f->fd, p, n);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot read");
	*got = (size_t)done;
	return 0;
}

struct export_source verify_file_source(struct verify_file *f)
{
	return (struct export_source){f, get_file};
}

/* ---- formats --------------------------------------------------------------------------------- */

static int open_manifest(struct verify *x, struct verify_file *f, const char *path,
	struct export_in **out, struct err *e)
{
	struct buf name = BUF_INIT(PATH_BYTES_MAX);
	struct stat st;
	buf_addf(&name, "%s.manifest", path);
	int rc = buf_check(&name, "the name of the manifest", e);
	if (rc == 0) {
		f->fd = open(buf_str(&name), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (f->fd < 0 && errno == ENOENT)
			rc = err_set(e, ERR_STORE, E_CORRUPT,
				"there is no manifest beside it; its name would be the file's with .manifest behind");
		else if (f->fd < 0)
			rc = err_sys(e, ERR_STORE, E_IO, errno, "cannot read its manifest");
		else if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
			rc = err_set(e, ERR_STORE, E_CORRUPT, "its manifest is not a file");
	}
	buf_release(&name);
	f->x = x;
	const struct export_source source = verify_file_source(f);
	return rc == 0 ? export_in_open(out, &source, e) : -1;
}

static int mbox(struct verify *x, const char *path, struct export_in *in, struct err *e)
{
	struct verify_file f = {x, -1};
	struct export_in *manifest = NULL;
	int rc = open_manifest(x, &f, path, &manifest, e);
	if (rc == 0)
		rc = verify_export_mbox(x, in, manifest, e);
	export_in_close(manifest);
	if (f.fd >= 0)
		close(f.fd);
	return rc;
}

static bool has_manifest(const char *path)
{
	struct buf name = BUF_INIT(PATH_BYTES_MAX);
	buf_addf(&name, "%s.manifest", path);
	bool has = name.failed == E_NONE && access(buf_str(&name), F_OK) == 0;
	buf_release(&name);
	return has;
}

/* By content; a damaged beginning of an mbox is one if there is a manifest beside it. */
static int by_content(struct verify *x, const char *path, struct export_in *in, struct err *e)
{
	struct slice head;
	if (export_in_peek(in, EXPORT_PEEK_MAX, &head, e) != 0)
		return -1;
	bool tar = head.n >= MAGIC_AT + MAGIC_LEN &&
		memcmp(head.p + MAGIC_AT, "ustar", MAGIC_LEN) == 0;
	if (slice_starts_istr(head, "From ") || (!tar && has_manifest(path)))
		return mbox(x, path, in, e);
	if (tar)
		return verify_export_tar(x, in, e);
	return err_set(e, ERR_STORE, E_CORRUPT,
		head.n == 0
			? "it is empty, and there is no manifest beside it"
			: "it begins neither as a tar file nor as an mbox: it is damaged, or not an export");
}

static int by_kind(struct verify *x, const char *path, int fd, struct err *e)
{
	struct verify_file f = {x, fd};
	struct export_in *in = NULL;
	const struct export_source source = verify_file_source(&f);
	int rc = export_in_open(&in, &source, e);
	if (rc == 0)
		rc = by_content(x, path, in, e);
	if (in != NULL)
		x->r->bytes += export_in_at(in);
	export_in_close(in);
	close(fd);
	return rc;
}

static int open_export(const char *path, struct stat *st, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_set(e, ERR_USAGE, E_USAGE, "there is no such file or folder");
	if (fd < 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot open it");
	if (fstat(fd, st) != 0 || (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))) {
		close(fd);
		return err_set(e, ERR_USAGE, E_USAGE, "it is neither a file nor a folder");
	}
	return fd;
}

int sync_verify_export(const char *path, const struct export_verify *v,
	struct export_verify_report *r, struct err *e)
{
	struct verify x;
	struct stat st;
	char shown[TEXT_SHOW_SIZE / 2];
	int rc = verify_export_init(&x, v, r, e);
	int fd = rc == 0 ? open_export(path, &st, e) : -1;
	if (fd < 0)
		rc = -1;
	else
		rc = S_ISDIR(st.st_mode) ? verify_export_folder(&x, fd, e)
					 : by_kind(&x, path, fd, e);
	verify_export_release(&x);
	return rc == 0 ? 0 : err_context(e, "%s", text_show(shown, sizeof shown, slice_str(path)));
}

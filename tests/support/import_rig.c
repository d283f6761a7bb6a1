/* SPDX-License-Identifier: MIT */
/* import_rig.c -- see import_rig.h. */
#include "tests/support/import_rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)1 << 24)

bool import_rig_start(struct import_rig *r)
{
	memset(r, 0, sizeof *r);
	selection_init(&r->sel);
	buf_init(&r->text, TEXT_MAX);
	return tmp_tree_make(&r->tree);
}

void import_rig_end(struct import_rig *r)
{
	selection_release(&r->sel);
	buf_release(&r->text);
	tmp_tree_remove(&r->tree);
}

static void make_parents(struct import_rig *r, const char *path)
{
	char part[512];
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		(void)tmp_tree_mkdir(&r->tree, part);
	}
}

bool import_rig_file(
	struct import_rig *r, const char *path, const char *content, size_t n, int64_t mtime)
{
	const struct timespec times[2] = {{(time_t)mtime, 0}, {(time_t)mtime, 0}};
	make_parents(r, path);
	return tmp_tree_write(&r->tree, path, content, n) &&
		utimensat(r->tree.fd, path, times, 0) == 0;
}

bool import_rig_maildir(struct import_rig *r, const char *path)
{
	static const char *const parts[] = {"cur", "new", "tmp"};
	char name[512];
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s%s%s", path, path[0] != '\0' ? "/" : "", parts[i]);
		make_parents(r, name);
		if (!tmp_tree_mkdir(&r->tree, name))
			return false;
	}
	return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
	struct import_rig *r;
	struct restore_origin *o;
};

static int on_folder(void *ctx, const struct origin_folder *f, struct err *e)
{
	struct import_rig *r = ((struct reading *)ctx)->r;
	buf_add_slice(&r->text, buf_slice(&f->wire));
	if (f->attributes.len > 0)
		buf_addf(&r->text, " %s", buf_str(&f->attributes));
	buf_addf(&r->text, "%s\n", f->subscribed ? " subscribed" : "");
	return buf_check(&r->text, "the text", e);
}

static int add_bytes(void *ctx, const void *p, size_t n)
{
	const unsigned char *at = p;
	for (size_t i = 0; i < n; i++) {
		if (at[i] == '\r' || at[i] == '\n')
			buf_add_str(ctx, at[i] == '\r' ? "\\r" : "\\n");
		else if (at[i] < 0x20 || at[i] > 0x7E)
			buf_addf(ctx, "\\x%02X", at[i]);
		else
			buf_add_byte(ctx, at[i]);
	}
	return 0;
}

static int on_message(void *ctx, const struct origin_message *m, struct err *e)
{
	struct reading *x = ctx;
	struct buf *text = &x->r->text;
	char date[MAIL_DATE_LEN + 1] = "-";
	if (m->date.valid)
		(void)mail_date_format(&m->date, date);
	x->o->label(x->o, m->generation, m->uid, text);
	buf_add_str(text, " [");
	buf_add_slice(text, m->flags);
	buf_addf(text, "] %s \"", date);
	if (origin_read(x->o, m->generation, m->uid, add_bytes, text, e) != 0) {
		buf_addf(text, "\" %s", e->text);
		err_clear(e);
	} else {
		buf_add_str(text, "\"");
	}
	buf_add_byte(text, '\n');
	return 0;
}

static int on_broken(void *ctx, const struct err *why, struct err *e)
{
	(void)e;
	buf_addf(&((struct reading *)ctx)->r->text, "!! %s\n", why->text);
	return 0;
}

static int on_odd(void *ctx, int64_t generation, uint32_t uid, const char *why, struct err *e)
{
	struct reading *x = ctx;
	(void)e;
	buf_add_str(&x->r->text, "! ");
	x->o->label(x->o, generation, uid, &x->r->text);
	buf_addf(&x->r->text, ": %s\n", why);
	return 0;
}

const char *import_rig_run(struct import_rig *r, const char *path)
{
	char full[1024];
	struct reading x = {r, NULL};
	const struct restore_options o = {.select = &r->sel, .settle_ms = 1};
	const struct origin_sink to = {&x, on_folder, on_message, on_broken, on_odd};
	err_clear(&r->err);
	buf_clear(&r->text);
	snprintf(full, sizeof full, "%s/%s", r->tree.path, path);
	int rc = import_open(&x.o, path[0] == '/' ? path : full, &o, NULL, &r->err);
	if (rc == 0)
		rc = x.o->run(x.o, &to, &r->counts, &r->err);
	origin_close(x.o);
	return rc == 0 ? buf_str(&r->text) : r->err.text;
}

static uint64_t sum;

static int add_state(const char *path, const struct stat *st, int type, struct FTW *at)
{
	const uint64_t parts[] = {(uint64_t)st->st_ino, (uint64_t)st->st_size, st->st_mode,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec};
	(void)path;
	(void)type;
	(void)at;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		sum = (sum ^ parts[i]) * UINT64_C(1099511628211);
	return 0;
}

uint64_t import_rig_state(const struct import_rig *r)
{
	sum = 0;
	(void)nftw(r->tree.path, add_state, 16, FTW_PHYS);
	return sum;
}

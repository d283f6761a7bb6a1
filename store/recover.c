/* SPDX-License-Identifier: MIT */
/*
 * recover.c -- after a run that did not end: our temporary files go, and complete files without a row get one.
 *
 * A file in cur/ was whole before it got its name, and the name says which message it is. So what was
 * published but not committed need not be fetched again, and the same walk makes a lost index anew.
 * Nothing in the tree is changed but for the temporary files. A row whose file is missing is left alone:
 * that is for verify to report.
 */
#include <string.h>

#include "core/base/clock.h"
#include "store/store_internal.h"

#define SIDE_FILE	 ".mailbox"
#define ADOPT_PER_COMMIT 1000

struct recovery {
	struct store *s;
	struct err *e;
	int64_t run;
	/* the folder at hand */
	struct maildir *m;
	struct index_mailbox box;	    /* id 0: nobody knows whose it is */
	uint32_t uidvalidity;		    /* what the side file says is current; 0 = unknown */
	struct index_generation generation; /* of the last file; id 0 = none yet */
	struct index_generation newest;	    /* with the highest UIDVALIDITY that has files */
	bool new_used;			    /* a file in new/ was adopted */
	size_t adopted;			    /* since the last commit */
};

/* ---- committing ------------------------------------------------------------------------------- */

/* Files in new/ were moved there by another program, which need not have flushed that. */
static int flush_new(struct recovery *r)
{
	if (!r->new_used)
		return 0;
	const struct fsys *fs = r->s->fs;
	int fd = fsys_open_dir(fs, r->m->dir, "new");
	int result = fd < 0 ? -1 : fs->fsync(fs->ctx, fd);
	if (result != 0)
		err_set(r->e, ERR_STORE, E_IO, "cannot flush new/ of mail/%s",
			buf_str(&r->m->path));
	fsys_close_quiet(fs, fd);
	r->new_used = false;
	return result;
}

static int commit(struct recovery *r)
{
	r->adopted = 0;
	if (maildir_flush(r->m, r->e) != 0 || flush_new(r) != 0)
		return -1;
	return index_commit(r->s->x, r->e);
}

/* ---- whose folder is it? ---------------------------------------------------------------------- */

static bool leads_here(struct recovery *r, struct slice wire, char delimiter)
{
	struct buf path = BUF_INIT(NAME_PATH_MAX);
	struct err ignored = ERR_INIT;
	bool same = name_to_path(wire, delimiter, r->s->layout, &path, &ignored) == 0 &&
		slice_eq(buf_slice(&path), buf_slice(&r->m->path));
	buf_release(&path);
	return same;
}

/* What the side file says, if it is in the folder that its name leads to. */
static int ask_side_file(struct recovery *r, struct side_file *side)
{
	struct buf text = BUF_INIT(SIDE_FILE_MAX);
	int result = maildir_read_side(r->m, SIDE_FILE, &text, r->e);
	if (result > 0)
		result = side_file_parse(side, buf_slice(&text), r->e) == 0 ? 1 : -1;
	if (result > 0)
		result = leads_here(r, buf_slice(&side->wire), side->delimiter);
	if (result < 0 && r->e->scope <= ERR_MAILBOX) {
		err_clear(r->e);
		result = 0;
	}
	buf_release(&text);
	return result;
}

/* Without a side file the path itself tells, unless it was cut. */
static bool ask_path(struct recovery *r, struct side_file *side)
{
	side->delimiter = r->s->layout == STORE_MAILDIRPP ? '.' : '/';
	side->uidvalidity = 0;
	buf_clear(&side->attributes);
	buf_clear(&side->wire);
	return name_from_path(buf_slice(&r->m->path), side->delimiter, r->s->layout, &side->wire);
}

static int insert_mailbox(struct recovery *r, const struct side_file *side)
{
	struct index_mailbox *box = &r->box;
	struct err *e = r->e;
	/* The name may have a row with another path, for example of another delimiter. */
	int known = index_mailbox_by_wire(r->s->x, buf_slice(&side->wire), box, e);
	if (known != 0) {
		box->id = 0;
		return known < 0 ? -1 : 0;
	}
	box->delimiter = side->delimiter;
	box->selectable = box->present = true;
	box->subscribed = false;
	box->generation = 0;
	buf_clear(&box->wire);
	buf_clear(&box->name);
	buf_clear(&box->path);
	buf_clear(&box->attributes);
	buf_add_slice(&box->wire, buf_slice(&side->wire));
	buf_add_slice(&box->path, buf_slice(&r->m->path));
	buf_add_slice(&box->attributes, buf_slice(&side->attributes));
	if (name_display(buf_slice(&side->wire), side->delimiter, &box->name, e) != 0 ||
		buf_check(&box->wire, "the name of a mailbox", e) != 0 ||
		buf_check(&box->path, "the path of a mailbox", e) != 0 ||
		buf_check(&box->attributes, "the attributes of a mailbox", e) != 0)
		return -1;
	if (index_mailbox_insert(r->s->x, box, r->run, e) != 0)
		return -1;
	return index_span_begin(r->s->x, box->id, 0, r->run, e);
}

static int identify(struct recovery *r)
{
	struct side_file side;
	side_file_init(&side);
	int known = index_mailbox_by_path(r->s->x, buf_slice(&r->m->path), &r->box, r->e);
	int said = known < 0 ? -1 : ask_side_file(r, &side);
	int result = said < 0 ? -1 : 0;
	r->uidvalidity = said > 0 ? side.uidvalidity : 0;
	if (known == 0) {
		r->box.id = 0;
		if (said > 0 || (said == 0 && ask_path(r, &side)))
			result = insert_mailbox(r, &side);
	}
	side_file_release(&side);
	return result;
}

/* ---- one file --------------------------------------------------------------------------------- */

static int find_generation(struct recovery *r, uint32_t uidvalidity)
{
	struct index_generation *g = &r->generation;
	if (g->id != 0 && g->uidvalidity == uidvalidity)
		return 0;
	*g = (struct index_generation){0, r->box.id, uidvalidity};
	if (index_generation_make(r->s->x, g, r->run, r->e) != 0)
		return -1;
	if (r->newest.id == 0 || r->newest.uidvalidity < uidvalidity)
		r->newest = *g;
	return 0;
}

static int flags_of_letters(struct recovery *r, struct slice letters, int64_t *flagset)
{
	struct mail_flags flags;
	mail_flags_init(&flags);
	int result = flags_from_letters(letters, &r->m->keywords, &flags, r->e);
	if (result == 0)
		result = flagset_id(r->s, buf_slice(&flags.text), flagset, r->e);
	mail_flags_release(&flags);
	return result;
}

static int insert_row(struct recovery *r, const struct message_name *n, struct slice base,
	struct slice letters, const unsigned char *sha256)
{
	struct index_message row = {
		.uid = n->uid,
		.base = base,
		.size_disk = n->size_disk,
		.size_wire = n->size_wire,
		.sha256 = sha256,
		/* The zone is not in the name; second 0 stands for a date that could not be used. */
		.date = {.secs = n->secs, .zone = 0, .valid = n->secs != 0},
	};
	if (flags_of_letters(r, letters, &row.flagset) != 0)
		return -1;
	return index_message_put(r->s->x, r->generation.id, &row, r->run, r->e);
}

static int adopt(struct recovery *r, const struct message_name *n, struct slice name,
	struct slice letters, bool in_new)
{
	unsigned char sha256[SHA256_LEN];
	char given[NAME_DIR_MAX + 1] = "";
	if (letters.n < sizeof given)
		memcpy(given, letters.n > 0 ? (const char *)letters.p : "", letters.n);
	int right = folder_check_file(r->m, n, given, sha256, r->e);
	if (right <= 0) {
		r->s->recovery.damaged += right == 0;
		return right;
	}
	const unsigned char *colon = memchr(name.p, ':', name.n);
	struct slice base = {name.p, colon != NULL ? (size_t)(colon - name.p) : name.n};
	if (insert_row(r, n, base, letters, sha256) != 0)
		return -1;
	r->s->recovery.adopted++;
	r->m->cur_dirty = true;
	r->new_used = r->new_used || in_new;
	return ++r->adopted < ADOPT_PER_COMMIT ? 0 : commit(r);
}

static int look_at_file(void *ctx, const char *file, bool in_new)
{
	struct recovery *r = ctx;
	struct message_name n;
	struct slice letters, name = slice_str(file);
	bool has_file = false;
	if (!message_name_parse(name, &n, &letters))
		return 0;
	if (r->box.id == 0) {
		r->s->recovery.damaged++;
		return 0;
	}
	if (find_generation(r, n.uidvalidity) != 0)
		return -1;
	int row = index_message_file(r->s->x, r->generation.id, n.uid, &has_file, NULL, r->e);
	if (row < 0 || has_file)
		return row < 0 ? -1 : 0;
	return adopt(r, &n, name, letters, in_new);
}

/* ---- one folder ------------------------------------------------------------------------------- */

/* A mailbox that was never opened as far as the index knows: the side file says which UIDVALIDITY was
 * current; else the highest, since servers count them up. */
static int choose_current(struct recovery *r)
{
	struct index_generation g = r->newest;
	if (r->box.id == 0 || r->box.generation != 0)
		return 0;
	if (r->uidvalidity != 0) {
		g = (struct index_generation){0, r->box.id, r->uidvalidity};
		if (index_generation_make(r->s->x, &g, r->run, r->e) != 0)
			return -1;
	}
	if (g.id == 0)
		return 0;
	if (index_generation_make_current(r->s->x, &g, r->e) != 0 ||
		index_span_end(r->s->x, r->box.id, r->run, r->e) != 0)
		return -1;
	return index_span_begin(r->s->x, r->box.id, g.id, r->run, r->e);
}

static int mend_folder(struct recovery *r)
{
	uint64_t removed;
	r->generation.id = r->newest.id = 0;
	if (maildir_reap(r->m, &removed, r->e) != 0)
		return -1;
	r->s->recovery.reaped += removed;
	if (identify(r) != 0 || maildir_scan(r->m, look_at_file, r, r->e) != 0 ||
		choose_current(r) != 0)
		return -1;
	return commit(r);
}

/* What is wrong with one folder is no reason to refuse the archive: its mailbox will say so itself. */
static int look_at_folder(void *ctx, struct slice path)
{
	struct recovery *r = ctx;
	struct maildir m;
	int result = maildir_open(&m, r->s->fs, r->s->mail, path, false, r->e);
	if (result == 0) {
		r->m = &m;
		result = mend_folder(r);
		maildir_close(&m);
		if (result == 0)
			return 0;
	}
	if (r->e->scope > ERR_MAILBOX)
		return -1;
	err_clear(r->e);
	index_rollback(r->s->x);
	flagsets_release(r->s);
	r->s->recovery.adopted -= r->adopted;
	r->adopted = 0;
	return 0;
}

int store_recover(struct store *s, int64_t run, struct err *e)
{
	struct recovery r = {.s = s, .e = e, .run = run};
	index_mailbox_init(&r.box);
	int result = maildir_walk(s->fs, s->mail, s->layout, look_at_folder, &r, e);
	if (result == 0)
		result = index_runs_settle(s->x, clock_wall(), e);
	if (result == 0)
		result = index_commit(s->x, e);
	if (result != 0)
		index_rollback(s->x);
	index_mailbox_release(&r.box);
	return result;
}

/* SPDX-License-Identifier: MIT */
/* sync_rig.c -- backups between a model server and a temporary archive, and looking at the
 * outcome. */
#include "tests/support/sync_rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES_MAX (1 << 20)

static int secret(void *ctx, struct buf *out, struct err *e)
{
	struct sync_rig *r = ctx;
	(void)e;
	r->secrets++;
	buf_add_str(out, MODEL_PASSWORD);
	return 0;
}

static void note(void *ctx, enum sync_note kind, const char *line)
{
	static const char *const word[] = {"step", "folder", "warning", "problem", "alert"};
	struct sync_rig *r = ctx;
	buf_addf(&r->notes, "%s: %s\n", word[kind], line);
}

bool rig_start(struct sync_rig *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->notes, NOTES_MAX);
	if (!tmp_tree_make(&r->dir) || (r->m = model_new()) == NULL)
		return false;
	snprintf(r->path, sizeof r->path, "%s/archive", r->dir.path);
	r->account.name = "test";
	r->account.host = "127.0.0.1";
	r->account.port = model_port(r->m);
	r->account.security = IMAP4_CLEAR;
	r->account.user = MODEL_USER;
	r->account.secret = secret;
	r->account.secret_ctx = r;
	r->account.path = r->path;
	r->account.idle_ms = 10000;
	r->hooks.ctx = r;
	r->hooks.note = note;
	r->hooks.interrupt = &r->interrupt;
	return true;
}

void rig_end(struct sync_rig *r)
{
	model_free(r->m);
	tmp_tree_remove(&r->dir);
	buf_release(&r->notes);
}

int rig_backup(struct sync_rig *r)
{
	err_clear(&r->err);
	buf_clear(&r->notes);
	r->secrets = 0;
	r->rc = sync_backup(&r->account, &r->options, &r->hooks, &r->report, &r->err);
	return r->rc;
}

bool rig_ok(const struct sync_rig *r)
{
	return r->rc == 0 && r->report.problems == 0 && r->report.messages_failed == 0 &&
		r->report.folders_failed == 0 && !r->report.budget_reached;
}

bool rig_noted(const struct sync_rig *r, const char *text)
{
	return strstr(buf_str(&r->notes), text) != NULL;
}

/* ---- looking at the archive ------------------------------------------------------------------ */

static struct store *open_archive(struct sync_rig *r)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;
	const struct store_options o = {.mode = STORE_READ};
	return store_open(&s, r->path, &o, &e) == 0 ? s : NULL;
}

static bool find(struct store *s, const char *mailbox, struct store_mailbox *out)
{
	struct store_mailbox_list l = {NULL, 0};
	struct err e = ERR_INIT;
	bool found = false;
	if (s == NULL || store_mailboxes(s, &l, &e) != 0)
		return false;
	for (size_t i = 0; i < l.n; i++) {
		if (!slice_eq_str(buf_slice(&l.at[i].wire), mailbox))
			continue;
		*out = l.at[i];
		found = true;
	}
	store_mailbox_list_release(&l);
	return found;
}

bool rig_mailbox(struct sync_rig *r, const char *mailbox, struct store_mailbox *out)
{
	struct store *s = open_archive(r);
	bool found = find(s, mailbox, out);
	store_close(s);
	return found;
}

enum store_result rig_last_result(struct sync_rig *r)
{
	struct store *s = open_archive(r);
	struct store_run run = {.result = STORE_RUN_RUNNING};
	struct buf text = BUF_INIT(10000);
	struct err e = ERR_INIT;
	if (s != NULL && store_run_last(s, STORE_RUN_RUNNING, &run, &text, &e) != 1)
		run.result = STORE_RUN_RUNNING;
	buf_release(&text);
	store_close(s);
	return run.result;
}

struct compare {
	const unsigned char *want;
	size_t n, at;
	bool same;
};

static int compare_chunk(void *ctx, const void *p, size_t n)
{
	struct compare *c = ctx;
	if (c->at + n > c->n || memcmp(c->want + c->at, p, n) != 0)
		c->same = false;
	c->at += n;
	return 0;
}

bool rig_same(struct sync_rig *r, const char *mailbox, char *why, size_t size)
{
	struct store *s = open_archive(r);
	struct store_mailbox box;
	struct store_generation *g = NULL;
	struct uidset server = UIDSET_INIT;
	struct err e = ERR_INIT;
	bool same = true;
	why[0] = '\0';
	if (!find(s, mailbox, &box) || box.generation == 0 ||
		store_generation_load(s, box.generation, &g, &e) != 0) {
		snprintf(why, size, "%s: not in the archive (%s)", mailbox, e.text);
		store_close(s);
		return model_count_messages(r->m, mailbox) == 0;
	}
	unsigned char *bytes;
	size_t n;
	uint32_t uid;
	for (size_t i = 0; (bytes = model_message(r->m, mailbox, i, &n, &uid)) != NULL; i++) {
		struct compare c = {bytes, n, 0, true};
		if (uidset_add(&server, uid, &e) != 0)
			abort();
		if (!uidset_has(store_stored(g), uid) ||
			store_message_read(s, box.generation, uid, compare_chunk, &c, &e) != 0 ||
			!c.same || c.at != n) {
			snprintf(why, size, "%s UID %u: not as on the server (%s)", mailbox, uid,
				e.text);
			same = false;
		}
		free(bytes);
	}
	if (same && !uidset_equal(&server, store_stored(g))) {
		snprintf(why, size, "%s: more is called stored than the server has", mailbox);
		same = false;
	}
	uidset_release(&server);
	store_generation_close(g);
	store_close(s);
	return same;
}

struct check {
	struct store *store;
	struct sha256 *hash;
	struct uidset uids; /* that have a file */
	char *why;
	size_t size;
	bool sound;
};

static int hash_chunk(void *ctx, const void *p, size_t n)
{
	struct check *c = ctx;
	struct err e = ERR_INIT;
	return sha256_add(c->hash, p, n, &e);
}

static int check_record(void *ctx, const struct store_record *rec)
{
	struct check *c = ctx;
	struct err e = ERR_INIT;
	unsigned char got[SHA256_LEN];
	if (!rec->has_file)
		return 0;
	if (sha256_begin(c->hash, &e) != 0 ||
		store_message_read(c->store, rec->generation, rec->uid, hash_chunk, c, &e) != 0 ||
		sha256_end(c->hash, got, &e) != 0 || memcmp(got, rec->sha256, SHA256_LEN) != 0) {
		snprintf(c->why, c->size, "UID %u: no file, or another (%s)", rec->uid, e.text);
		c->sound = false;
	}
	return 0;
}

bool rig_sound(struct sync_rig *r, const char *mailbox, char *why, size_t size)
{
	struct store *s = open_archive(r);
	struct store_mailbox box;
	struct err e = ERR_INIT;
	struct check c = {.store = s, .why = why, .size = size, .sound = true};
	why[0] = '\0';
	if (find(s, mailbox, &box) && box.generation != 0) {
		c.hash = sha256_new(&e);
		if (store_records(s, box.generation, NULL, check_record, &c, &e) != 0) {
			snprintf(why, size, "%s", e.text);
			c.sound = false;
		}
		sha256_free(c.hash);
	}
	store_close(s);
	return c.sound;
}

const char *rig_uids(
	struct sync_rig *r, const char *mailbox, enum store_state state, char *out, size_t size)
{
	struct store *s = open_archive(r);
	struct store_mailbox box;
	struct store_generation *g = NULL;
	struct buf text = BUF_INIT(100000);
	struct err e = ERR_INIT;
	snprintf(out, size, "-");
	if (find(s, mailbox, &box) && box.generation != 0 &&
		store_generation_load(s, box.generation, &g, &e) == 0) {
		const struct uidset *set = state == STORE_STORED ? store_stored(g)
			: state == STORE_GONE			 ? store_gone(g)
								 : store_failed(g);
		if (uidset_format(set, &text, &e) == 0)
			snprintf(out, size, "%s", buf_str(&text));
	}
	buf_release(&text);
	store_generation_close(g);
	store_close(s);
	return out;
}

struct flags_out {
	char *out;
	size_t size;
};

static int copy_flags(void *ctx, const struct store_record *rec)
{
	struct flags_out *f = ctx;
	snprintf(f->out, f->size, "%.*s", (int)rec->flags.n, (const char *)rec->flags.p);
	return 1;
}

const char *rig_flags(struct sync_rig *r, const char *mailbox, uint32_t uid, char *out, size_t size)
{
	struct store *s = open_archive(r);
	struct store_mailbox box;
	struct uidset one = UIDSET_INIT;
	struct flags_out f = {out, size};
	struct err e = ERR_INIT;
	snprintf(out, size, "?");
	if (find(s, mailbox, &box) && uidset_add(&one, uid, &e) == 0 &&
		store_records(s, box.generation, &one, copy_flags, &f, &e) < 0)
		snprintf(out, size, "%s", e.text);
	uidset_release(&one);
	store_close(s);
	return out;
}

/* ---- looking at the tree --------------------------------------------------------------------- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const unsigned char *b = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* The order of a folder's entries says nothing, so their hashes are added. */
static void walk(int dir, bool in_cur, uint64_t *state, size_t *files)
{
	DIR *d = fdopendir(dir);
	struct dirent *x;
	while (d != NULL && (x = readdir(d)) != NULL) {
		struct stat st;
		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0 ||
			fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		uint64_t h = mix(UINT64_C(0xcbf29ce484222325), x->d_name, strlen(x->d_name));
		h = mix(h, &st.st_ino, sizeof st.st_ino);
		h = mix(h, &st.st_ctim, sizeof st.st_ctim);
		*state += h;
		if (S_ISDIR(st.st_mode)) {
			int sub = openat(dirfd(d), x->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (sub >= 0)
				walk(sub, strcmp(x->d_name, "cur") == 0, state, files);
		} else {
			*files += in_cur;
		}
	}
	if (d != NULL)
		closedir(d);
	else
		close(dir);
}

static void look(const struct sync_rig *r, uint64_t *state, size_t *files)
{
	*state = *files = 0;
	int dir = openat(r->dir.fd, "archive/mail", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		walk(dir, false, state, files);
}

uint64_t rig_tree_state(const struct sync_rig *r)
{
	uint64_t state;
	size_t files;
	look(r, &state, &files);
	return state;
}

size_t rig_files(const struct sync_rig *r)
{
	uint64_t state;
	size_t files;
	look(r, &state, &files);
	return files;
}

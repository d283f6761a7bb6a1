/* SPDX-License-Identifier: MIT */
/*
 * store_folder.c -- the mailbox directories that are open, least recently used out first, and what is in them
 * besides messages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "store/store_internal.h"

/* ---- the cache -------------------------------------------------------------------------------- */

/* Whatever would be lost with the descriptors goes to the disk first. */
static int settle(struct store *s, struct folder *f, struct err *e)
{
	if (s->mode != STORE_WRITE)
		return 0;
	if (maildir_save_keywords(&f->m, e) != 0)
		return -1;
	if (s->group.bulk_dirs)
		return 0;
	return maildir_flush(&f->m, e);
}

static void drop(struct store *s, size_t i)
{
	writer_wait(s->writer, &s->folder[i]->m);
	maildir_close(&s->folder[i]->m);
	free(s->folder[i]);
	s->folder[i] = s->folder[--s->folders];
}

static int make_room(struct store *s, struct err *e)
{
	if (s->folders >= FOLDERS_MAX) {
		size_t oldest = s->folders;
		for (size_t i = 0; i < s->folders; i++)
			if (s->folder[i]->held == 0 &&
				(oldest == s->folders ||
					s->folder[i]->used < s->folder[oldest]->used))
				oldest = i;
		if (oldest < s->folders) {
			if (settle(s, s->folder[oldest], e) != 0)
				return err_widen(e, ERR_STORE);
			drop(s, oldest);
		}
	}
	if (s->folders == s->folder_cap) {
		size_t cap = s->folder_cap == 0 ? FOLDERS_MAX : 2 * s->folder_cap;
		struct folder **at = realloc(s->folder, cap * sizeof(struct folder *));
		if (at == NULL)
			return err_nomem(e, "opening a mailbox");
		s->folder = at;
		s->folder_cap = cap;
	}
	return 0;
}

static int open_folder(struct store *s, int64_t mailbox, struct folder *f, struct err *e)
{
	struct index_mailbox box;
	index_mailbox_init(&box);
	int result = index_mailbox_get(s->x, mailbox, &box, e);
	if (result > 0)
		result = maildir_open(
			&f->m, s->fs, s->mail, buf_slice(&box.path), s->mode == STORE_WRITE, e);
	else if (result == 0)
		result = err_set(e, ERR_MAILBOX, E_MISSING, "the index has no mailbox number %lld",
			(long long)mailbox);
	index_mailbox_release(&box);
	return result;
}

int folder_get(struct store *s, int64_t mailbox, struct folder **out, struct err *e)
{
	for (size_t i = 0; i < s->folders; i++)
		if (s->folder[i]->mailbox == mailbox) {
			*out = s->folder[i];
			(*out)->used = ++s->clock;
			return 0;
		}
	if (run_record(s, e) != 0 || make_room(s, e) != 0)
		return -1;
	struct folder *f = calloc(1, sizeof *f);
	if (f == NULL)
		return err_nomem(e, "opening a mailbox");
	if (open_folder(s, mailbox, f, e) != 0) {
		free(f);
		return -1;
	}
	f->mailbox = mailbox;
	f->used = ++s->clock;
	s->folder[s->folders++] = f;
	*out = f;
	return 0;
}

int folders_flush(struct store *s, struct err *e)
{
	for (size_t i = 0; i < s->folders; i++)
		if (settle(s, s->folder[i], e) != 0)
			return err_widen(e, ERR_STORE);
	return 0;
}

void folders_close(struct store *s)
{
	while (s->folders > 0)
		drop(s, s->folders - 1);
	free(s->folder);
	s->folder = NULL;
	s->folder_cap = 0;
}

/* ---- the side file ---------------------------------------------------------------------------- */

#define SIDE_FILE ".mailbox"

/* 1 there is one that can be read, 0 none or none of use (it is written anew), -1. */
static int read_side(struct maildir *m, struct buf *text, struct side_file *side, struct err *e)
{
	int result = maildir_read_side(m, SIDE_FILE, text, e);
	if (result > 0)
		result = side_file_parse(side, buf_slice(text), e) == 0 ? 1 : -1;
	if (result >= 0 || e->scope > ERR_MAILBOX || e->code == E_IO)
		return result;
	err_clear(e);
	buf_clear(text);
	return 0;
}

static int format_side(
	const struct index_mailbox *box, uint32_t uidvalidity, struct buf *out, struct err *e)
{
	struct side_file side;
	side_file_init(&side);
	buf_add_slice(&side.wire, buf_slice(&box->wire));
	buf_add_slice(&side.attributes, buf_slice(&box->attributes));
	side.delimiter = box->delimiter;
	side.uidvalidity = uidvalidity;
	int result = buf_check(&side.wire, "the name of a mailbox", e);
	if (result == 0)
		result = buf_check(&side.attributes, "the attributes of a mailbox", e);
	if (result == 0)
		result = side_file_format(&side, out, e);
	if (result != 0)
		err_widen(e, ERR_MAILBOX);
	side_file_release(&side);
	return result;
}

static int belongs_to_another(struct maildir *m, const struct side_file *side, struct err *e)
{
	char path[160], name[160];
	return err_set(e, ERR_MAILBOX, E_EXISTS, "the folder mail/%s already belongs to %s",
		text_show(path, sizeof path, buf_slice(&m->path)),
		text_show(name, sizeof name, buf_slice(&side->wire)));
}

/* A side file that a folder had not, or that knows no UIDVALIDITY yet, waits for the commit as the folder
 * does: if it is lost, it is written anew. One that is of use is never put at risk. */
static int replace_side(
	struct store *s, struct maildir *m, bool of_use, struct slice text, struct err *e)
{
	const struct fsys *fs = m->fs;
	m->fs = s->fs;
	if (!of_use && group_lazy(s, &m->fs, e) != 0)
		return -1;
	int result = maildir_write_side(m, SIDE_FILE, text, e);
	m->fs = fs;
	return result;
}

int folder_write_side(struct store *s, struct maildir *m, const struct index_mailbox *box,
	uint32_t uidvalidity, struct err *e)
{
	struct buf old = BUF_INIT(SIDE_FILE_MAX), text = BUF_INIT(SIDE_FILE_MAX);
	struct side_file side;
	side_file_init(&side);
	int result = read_side(m, &old, &side, e);
	if (result > 0 && !slice_eq(buf_slice(&side.wire), buf_slice(&box->wire)))
		result = belongs_to_another(m, &side, e);
	bool of_use = result > 0 && side.uidvalidity != 0;
	if (result > 0 && uidvalidity == 0)
		uidvalidity = side.uidvalidity;
	if (result >= 0)
		result = format_side(box, uidvalidity, &text, e);
	if (result == 0 && !slice_eq(buf_slice(&old), buf_slice(&text)))
		result = replace_side(s, m, of_use, buf_slice(&text), e);
	side_file_release(&side);
	buf_release(&text);
	buf_release(&old);
	return result;
}

/* ---- message files ----------------------------------------------------------------------------- */

void folder_file_name(const char *base, const char *letters, char out[FILE_NAME_SIZE])
{
	snprintf(out, FILE_NAME_SIZE, "%s:2,%s", base, letters);
}

/* ---- is a file what its name says? ------------------------------------------------------------ */

struct hashing {
	struct sha256 *hash;
	uint64_t n;
	struct err *e;
};

static int hash_chunk(void *ctx, const void *p, size_t n)
{
	struct hashing *h = ctx;
	h->n += n;
	return sha256_add(h->hash, p, n, h->e);
}

/* 1 as it should be, 0 not, -1. */
static int check_open_file(const struct fsys *fs, int fd, const struct message_name *n,
	unsigned char sha256[SHA256_LEN], struct err *e)
{
	struct stat st;
	if (fs->fstat(fs->ctx, fd, &st) != 0 || (uint64_t)st.st_size != n->size_disk)
		return 0;
	struct hashing h = {sha256_new(e), 0, e};
	if (h.hash == NULL)
		return -1;
	int result = sha256_begin(h.hash, e);
	if (result == 0)
		result = maildir_read_wire(fs, fd, n->size_disk < n->size_wire, hash_chunk, &h, e);
	if (result == 0)
		result = sha256_end(h.hash, sha256, e);
	sha256_free(h.hash);
	if (result != 0)
		return -1;
	return h.n == n->size_wire && memcmp(sha256, n->hash, sizeof n->hash) == 0;
}

int folder_check_file(struct maildir *m, const struct message_name *n, const char *letters,
	unsigned char sha256[SHA256_LEN], struct err *e)
{
	char base[MESSAGE_NAME_MAX];
	int fd;
	message_name_format(n, base);
	int result = maildir_open_message(m, base, letters, &fd, NULL, e);
	if (result == 0) {
		result = check_open_file(m->fs, fd, n, sha256, e);
		/* Ours were flushed before they got this name; a tree that was copied here was not. */
		if (result > 0 && m->fs->fdatasync(m->fs->ctx, fd) != 0)
			result = err_sys(e, ERR_STORE, E_IO, errno, "cannot flush %s", base);
		fsys_close_quiet(m->fs, fd);
	}
	if (result < 0 && e->scope <= ERR_MESSAGE) {
		err_clear(e);
		result = 0;
	}
	return result;
}

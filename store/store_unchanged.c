/* SPDX-License-Identifier: MIT */
/* store_unchanged.c -- the file `unchanged`, and notes about mailboxes that are as they were. */
#include "store/store_unchanged.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_internal.h"

/* Fixed widths: the file is written in place and must never have a rest of what was there before. */
#define LINES                                                                                      \
	"imapsync-unchanged 1\n"                                                                   \
	"after %019" PRId64 " %019" PRId64 "\n"                                                    \
	"runs %019" PRIu64 "\n"                                                                    \
	"last %019" PRId64 " %019" PRId64 " %019" PRIu64 "\n"
#define LINES_READ                                                                                 \
	"imapsync-unchanged 1 after %19" SCNd64 " %19" SCNd64 " runs %19" SCNu64                   \
	" last %19" SCNd64 " %19" SCNd64 " %19" SCNu64
#define CHECK "check %016" PRIx64 "\n"

#define LINES_SIZE (sizeof "imapsync-unchanged 1\nafter  \nruns \nlast   \n" - 1 + 6 * 19)
#define FILE_SIZE  (LINES_SIZE + sizeof "check \n" - 1 + 16)

/* ---- the file --------------------------------------------------------------------------------- */

/* FNV-1a: against halves of two versions, not against people. */
static uint64_t sum_of(const char *text)
{
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < LINES_SIZE; i++)
		h = (h ^ (unsigned char)text[i]) * 1099511628211u;
	return h;
}

/* false: a number that has no place there; no clock shows one. */
static bool format(const struct unchanged *u, char out[FILE_SIZE + 1])
{
	int n = snprintf(out, FILE_SIZE + 1, LINES, u->after, u->after_started, u->count,
		u->started, u->ended, u->mailboxes);
	if (n != (int)LINES_SIZE)
		return false;
	snprintf(out + n, FILE_SIZE + 1 - (size_t)n, CHECK, sum_of(out));
	return true;
}

/* Only what format() would write, to the last byte. */
static bool parse(const char *text, struct unchanged *u)
{
	char again[FILE_SIZE + 1];
	memset(u, 0, sizeof *u);
	return sscanf(text, LINES_READ, &u->after, &u->after_started, &u->count, &u->started,
		       &u->ended, &u->mailboxes) == 6 &&
		format(u, again) && strcmp(text, again) == 0;
}

/* A file that is missing, torn or strange says nothing, and neither does one about another index. */
static void read_file(struct store *s)
{
	struct unchanged *u = &s->unchanged, said;
	struct buf text = BUF_INIT(FILE_SIZE);
	if (fsys_read_file(s->fs, s->root, UNCHANGED_FILE, &text) > 0 && text.len == FILE_SIZE &&
		parse(buf_str(&text), &said) && said.after == u->after &&
		said.after_started == u->after_started && said.count > 0) {
		u->count = said.count;
		u->mailboxes = said.mailboxes;
		u->started = said.started;
		u->ended = said.ended;
	}
	buf_release(&text);
}

int unchanged_load(struct store *s, struct err *e)
{
	struct unchanged *u = &s->unchanged;
	if (u->loaded)
		return 0;
	u->count = 0;
	u->after = u->after_started = 0;
	int found = index_run_newest(s->x, &u->after, &u->after_started, e);
	if (found < 0)
		return -1;
	if (found > 0)
		read_file(s);
	u->loaded = true;
	return 0;
}

static int write_file(struct store *s, const char *text)
{
	int fd = fsys_open_or_create(s->fs, s->root, UNCHANGED_FILE);
	if (fd < 0)
		return -1;
	int result = fsys_write_all(s->fs, fd, text, FILE_SIZE);
	fsys_close_quiet(s->fs, fd);
	return result;
}

int unchanged_record(struct store *s, const struct store_run *r, struct err *e)
{
	char text[FILE_SIZE + 1], path[STORE_PATH_SHOWN];
	if (unchanged_load(s, e) != 0)
		return -1;
	struct unchanged next = s->unchanged;
	next.count++;
	next.mailboxes = r->mailboxes;
	next.started = r->started;
	next.ended = r->ended;
	if (next.after == 0 || !format(&next, text))
		return err_set(e, ERR_STORE, E_INVALID, "there is no run to add to");
	if (write_file(s, text) != 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot write %s/" UNCHANGED_FILE,
			store_show_path(s, path));
	s->unchanged = next;
	return 0;
}

bool unchanged_last(const struct store *s, struct store_run *r)
{
	const struct unchanged *u = &s->unchanged;
	if (u->count == 0)
		return false;
	/* The number that it gets if it ever becomes a row. */
	*r = (struct store_run){.id = u->after + 1,
		.started = u->started,
		.ended = u->ended,
		.result = STORE_RUN_OK,
		.mailboxes = u->mailboxes,
		.text = ""};
	return true;
}

/* The last of them becomes a row, so that it stays the last good run when the next one fails. */
int unchanged_fold(struct store *s, struct err *e)
{
	struct store_run r;
	if (unchanged_load(s, e) != 0)
		return -1;
	if (unchanged_last(s, &r) &&
		(index_run_insert(s->x, INDEX_RUN_BACKUP, r.started, &r.id, e) != 0 ||
			index_run_finish(s->x, &r, true, e) != 0 ||
			index_mailboxes_unaudited(s->x, s->unchanged.count, e) != 0))
		return -1;
	/* The row that is added now is the newest one. */
	s->unchanged.loaded = false;
	s->unchanged.count = 0;
	return 0;
}

/* ---- notes ------------------------------------------------------------------------------------ */

int unchanged_note(struct store *s, int64_t mailbox, bool unchanged, struct err *e)
{
	struct unchanged *u = &s->unchanged;
	if (u->notes > 0 && u->note[u->notes - 1].mailbox == mailbox) {
		u->note[u->notes - 1].unchanged |= unchanged;
		return 0;
	}
	if (u->notes == u->cap) {
		size_t cap = u->cap == 0 ? 64 : 2 * u->cap;
		struct unchanged_note *note = realloc(u->note, cap * sizeof *note);
		if (note == NULL)
			return err_nomem(e, "listing the mailboxes");
		u->note = note;
		u->cap = cap;
	}
	u->note[u->notes++] = (struct unchanged_note){mailbox, unchanged};
	return 0;
}

int unchanged_settle(struct store *s, struct err *e)
{
	struct unchanged *u = &s->unchanged;
	for (size_t i = 0; i < u->notes; i++)
		if (index_mailbox_listed(
			    s->x, u->note[i].mailbox, u->note[i].unchanged, s->run, e) != 0)
			return -1;
	u->notes = 0;
	return 0;
}

void unchanged_release(struct store *s)
{
	free(s->unchanged.note);
	memset(&s->unchanged, 0, sizeof s->unchanged);
}

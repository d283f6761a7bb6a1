/* SPDX-License-Identifier: MIT */
/* mail_archive.c -- see mail_archive.h. */
#include "tests/support/mail_archive.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

bool mail_archive_make(struct mail_archive *a)
{
	memset(a, 0, sizeof *a);
	if (!tmp_tree_make(&a->tree))
		return false;
	snprintf(a->path, sizeof a->path, "%s/archive", a->tree.path);
	return true;
}

void mail_archive_close(struct mail_archive *a)
{
	for (size_t i = 0; i < a->opened; i++)
		store_generation_close(a->open[i]);
	a->opened = 0;
	store_close(a->s);
	a->s = NULL;
}

void mail_archive_remove(struct mail_archive *a)
{
	mail_archive_close(a);
	tmp_tree_remove(&a->tree);
}

static bool open_store(struct mail_archive *a, enum store_mode mode)
{
	const struct store_options o = {.mode = mode, .layout = a->layout, .newline = a->newline};
	return store_open(&a->s, a->path, &o, &a->e) == 0;
}

bool mail_archive_begin(struct mail_archive *a)
{
	return open_store(a, STORE_WRITE) && store_run_begin(a->s, &a->e) == 0;
}

bool mail_archive_read(struct mail_archive *a)
{
	return open_store(a, STORE_READ);
}

/* The clock is not ours: put the time of the run where the test wants it. */
static bool set_started(struct mail_archive *a, int64_t run, int64_t started)
{
	char name[200], sql[120];
	sqlite3 *db = NULL;
	snprintf(name, sizeof name, "%s/index.db", a->path);
	snprintf(sql, sizeof sql, "UPDATE run SET started = %lld, ended = %lld WHERE id = %lld",
		(long long)started, (long long)started + 1, (long long)run);
	bool good = sqlite3_open(name, &db) == SQLITE_OK &&
		sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
	sqlite3_close(db);
	return good;
}

bool mail_archive_end(struct mail_archive *a, int64_t started)
{
	int64_t run = store_run_id(a->s);
	struct store_run r = {.result = STORE_RUN_OK, .text = ""};
	bool good = store_commit(a->s, &a->e) == 0;
	good = store_run_end(a->s, &r, &a->e) == 0 && good;
	mail_archive_close(a);
	return good && set_started(a, run, started);
}

struct store_generation *mail_archive_box(
	struct mail_archive *a, const char *wire, uint32_t uidvalidity)
{
	const bool sent = strcmp(wire, "Sent") == 0;
	const struct store_mailbox_seen seen = {.wire = slice_str(wire),
		.delimiter = '/',
		.attributes = slice_str(sent ? "\\HasNoChildren \\Sent" : "\\HasNoChildren"),
		.selectable = true,
		.subscribed = sent};
	int64_t id, previous;
	struct store_generation *g = NULL;
	if (store_mailbox_seen(a->s, &seen, &id, &a->e) != 0 || uidvalidity == 0 ||
		a->opened == MAIL_ARCHIVE_BOXES ||
		store_generation_open(a->s, id, uidvalidity, &g, &previous, &a->e) != 0)
		return NULL;
	a->open[a->opened++] = g;
	return g;
}

static bool find_box(struct mail_archive *a, const char *wire, struct store_mailbox *out)
{
	struct store_mailbox_list list = {NULL, 0};
	bool found = false;
	if (store_mailboxes(a->s, &list, &a->e) != 0)
		return false;
	for (size_t i = 0; i < list.n; i++)
		if (slice_eq_str(buf_slice(&list.at[i].wire), wire)) {
			out->id = list.at[i].id;
			out->generation = list.at[i].generation;
			found = true;
		}
	store_mailbox_list_release(&list);
	return found;
}

bool mail_archive_vanish(struct mail_archive *a, const char *wire)
{
	struct store_mailbox box;
	return find_box(a, wire, &box) && store_mailbox_vanished(a->s, box.id, &a->e) == 0;
}

int64_t mail_archive_generation(struct mail_archive *a, const char *wire)
{
	struct store_mailbox box;
	return find_box(a, wire, &box) ? box.generation : 0;
}

bool mail_archive_add(struct mail_archive *a, struct store_generation *g, uint32_t uid,
	const char *flags, const char *date, struct slice message)
{
	struct store_message *m = NULL;
	struct store_meta meta = {.uid = uid, .flags = slice_str(flags)};
	if (date != NULL && !mail_date_parse(slice_str(date), &meta.date))
		return false;
	if (store_message_begin(g, &m, &a->e) != 0)
		return false;
	if (store_message_write(m, message.p, message.n, &a->e) != 0) {
		store_message_discard(m);
		return false;
	}
	return store_message_finish(m, &meta, &a->e) == 0;
}

bool mail_archive_gone(struct mail_archive *a, struct store_generation *g, uint32_t lo, uint32_t hi)
{
	struct uidset uids = UIDSET_INIT;
	bool good = uidset_add_range(&uids, lo, hi, &a->e) == 0 &&
		store_messages_gone(g, &uids, &a->e) == 0;
	uidset_release(&uids);
	return good;
}

bool mail_archive_find(
	struct mail_archive *a, const char *box, const char *part, char *out, size_t size)
{
	char dir[400];
	snprintf(dir, sizeof dir, "%s/mail/%s/cur", a->path, box);
	DIR *d = opendir(dir);
	bool found = false;
	for (struct dirent *entry; d != NULL && !found && (entry = readdir(d)) != NULL;)
		if (strstr(entry->d_name, part) != NULL) {
			int n = snprintf(out, size, "archive/mail/%s/cur/%s", box, entry->d_name);
			found = n > 0 && (size_t)n < size;
		}
	if (d != NULL)
		closedir(d);
	return found;
}

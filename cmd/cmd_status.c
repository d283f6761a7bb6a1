/* SPDX-License-Identifier: MIT */
/* cmd_status.c -- imapsync status: how old is the last good run, what is there, what failed. */
#include <inttypes.h>
#include <string.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "core/base/clock.h"
#include "core/base/text.h"

struct state {
	struct store_run last, good;
	bool has_last, has_good;
	struct buf last_text, good_text;
	struct store_mailbox_list list;
	uint64_t messages, bytes, gone, failed;
	size_t folders, vanished;
};

static int load(struct store *s, struct state *st, struct err *e)
{
	int last = store_run_last(s, STORE_RUN_RUNNING, &st->last, &st->last_text, e);
	int good = last < 0 ? -1 : store_run_last(s, STORE_RUN_OK, &st->good, &st->good_text, e);
	if (good < 0 || store_mailboxes(s, &st->list, e) != 0)
		return -1;
	st->has_last = last > 0;
	st->has_good = good > 0;
	for (size_t i = 0; i < st->list.n; i++) {
		const struct store_mailbox *m = &st->list.at[i];
		st->folders += m->selectable && m->present;
		st->vanished += m->selectable && !m->present;
		st->messages += m->stored;
		st->bytes += m->bytes;
		st->gone += m->gone;
		st->failed += m->failed;
	}
	return 0;
}

static const char *result_name(enum store_result r)
{
	switch (r) {
	case STORE_RUN_RUNNING: return "cut off";
	case STORE_RUN_OK: return "OK";
	case STORE_RUN_PARTIAL: return "partial";
	case STORE_RUN_FAILED: return "failed";
	case STORE_RUN_INTERRUPTED: return "interrupted";
	}
	return "unknown";
}

/* One failed message: "    Example UID 17: the server said ... (3 attempts)". */
struct failure_line {
	struct slice folder;
	size_t shown;
};

#define FAILURES_SHOWN 20

static int print_failure(void *ctx, const struct store_record *r)
{
	struct failure_line *f = ctx;
	char folder[TEXT_SHOW_SIZE], reason[TEXT_SHOW_SIZE];
	if (f->shown++ >= FAILURES_SHOWN)
		return 1;
	printf("    %s UID %" PRIu32 ": %s (%" PRIu32 " %s)\n",
		text_show(folder, sizeof folder, f->folder), r->uid,
		text_show(reason, sizeof reason, r->reason), r->attempts,
		plural(r->attempts, "attempt", "attempts"));
	return 0;
}

static int print_failures(struct store *s, const struct state *st, struct err *e)
{
	struct failure_line f = {SLICE_NONE, 0};
	for (size_t i = 0; i < st->list.n; i++) {
		const struct store_mailbox *m = &st->list.at[i];
		struct store_generation *g = NULL;
		if (m->failed == 0)
			continue;
		if (store_generation_load(s, m->generation, &g, e) != 0)
			return -1;
		f.folder = buf_slice(&m->name);
		int status = store_records(s, m->generation, store_failed(g), print_failure, &f, e);
		store_generation_close(g);
		if (status < 0)
			return -1;
	}
	if (st->failed > FAILURES_SHOWN)
		printf("    ... and %" PRIu64 " more\n", st->failed - FAILURES_SHOWN);
	return 0;
}

static void print_text(const struct config_account *a, const struct state *st)
{
	char when[UNIT_SIZE], age[UNIT_SIZE], count[UNIT_SIZE], bytes[UNIT_SIZE];
	printf("%s\n", a->name);
	if (st->has_good)
		printf("  last good run  %s (%s ago)\n", unit_time(when, st->good.ended),
			unit_age(age, clock_wall() - st->good.ended));
	else
		printf("  last good run  none yet\n");
	if (st->has_last && (!st->has_good || st->last.id != st->good.id))
		printf("  last run       %s: %s%s%s\n", unit_time(when, st->last.started),
			result_name(st->last.result), st->last_text.len > 0 ? ", " : "",
			buf_str(&st->last_text));
	const struct shown_path path = shown_path(a->path);
	printf("  archive        %zu %s, %s %s, %s in %s%s\n", st->folders,
		plural(st->folders, "folder", "folders"), unit_count(count, st->messages),
		plural(st->messages, "message", "messages"), unit_bytes(bytes, st->bytes),
		path.home, path.rest);
	if (st->gone > 0 || st->vanished > 0)
		printf("  kept           %s %s and %zu %s that the server no longer has\n",
			unit_count(count, st->gone), plural(st->gone, "message", "messages"),
			st->vanished, plural(st->vanished, "folder", "folders"));
	if (st->failed > 0)
		printf("  NOT SAFE       %s %s, tried again in each run:\n",
			unit_count(count, st->failed), plural(st->failed, "message", "messages"));
}

static void print_json(const struct config_account *a, const struct state *st)
{
	fputs("{\"account\": ", stdout);
	json_text(stdout, slice_str(a->name));
	fputs(", \"path\": ", stdout);
	json_text(stdout, slice_str(a->path));
	if (st->has_good)
		printf(", \"last_good\": %" PRId64, st->good.ended);
	else
		fputs(", \"last_good\": null", stdout);
	if (st->has_last) {
		printf(", \"last_run\": %" PRId64 ", \"last_result\": ", st->last.started);
		json_text(stdout, slice_str(result_name(st->last.result)));
		fputs(", \"last_text\": ", stdout);
		json_text(stdout, buf_slice(&st->last_text));
	}
	printf(", \"folders\": %zu, \"folders_vanished\": %zu, \"messages\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"gone\": %" PRIu64 ", \"failed\": %" PRIu64 "}\n",
		st->folders, st->vanished, st->messages, st->bytes, st->gone, st->failed);
}

/* 1 when something is not safe, or the last good run is older than asked for. */
static int judge(struct cli *c, const struct state *st)
{
	char age[UNIT_SIZE];
	int status = st->failed > 0 ? EXIT_PARTIAL : EXIT_OK;
	if (c->max_age == 0)
		return status;
	if (!st->has_good) {
		output_error(&c->out, "there was no good run yet");
		return EXIT_PARTIAL;
	}
	int64_t seconds = clock_wall() - st->good.ended;
	if (seconds >= c->max_age) {
		output_error(&c->out, "the last good run was %s ago", unit_age(age, seconds));
		return EXIT_PARTIAL;
	}
	return status;
}

static int status_one(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;
	struct state st;
	memset(&st, 0, sizeof st);
	buf_init(&st.last_text, 4096);
	buf_init(&st.good_text, 4096);
	int status = EXIT_OK;
	if (cli_open_archive(a, &s, &e) == 0 && load(s, &st, &e) == 0) {
		if (c->json)
			print_json(a, &st);
		else
			print_text(a, &st);
		if (!c->json && st.failed > 0 && print_failures(s, &st, &e) != 0)
			status = cli_fail(c, &e);
		status = exit_worse(status, judge(c, &st));
	} else {
		status = cli_fail(c, &e);
	}
	store_mailbox_list_release(&st.list);
	buf_release(&st.last_text);
	buf_release(&st.good_text);
	store_close(s);
	return status;
}

int cmd_status(struct cli *c)
{
	return cli_each(c, status_one);
}

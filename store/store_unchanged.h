/* SPDX-License-Identifier: MIT */
/*
 * store_unchanged.h -- runs that found nothing new, which leave the index as it is.
 *
 * Such a run has nothing to say but that it was there. Writing that into the index costs several waits for the disk and, of a
 * large account, hundreds of pages; so it goes into the file `unchanged` beside it, in place and without a flush. What the
 * file says counts only behind the run that it names, the newest row of the index; whatever adds a row moves it into the
 * index in the same transaction. If a power cut takes the file, or half of it, an older run is the last good one that
 * anybody knows of, and the next audit comes later by the runs that are forgotten.
 *
 * What a run hears of mailboxes that are as they were is a note in memory until the run has to be written down after all.
 */
#ifndef STORE_STORE_UNCHANGED_H
#define STORE_STORE_UNCHANGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct store;
struct store_run;

#define UNCHANGED_FILE "unchanged"

struct unchanged {
	bool loaded;
	int64_t after, after_started; /* the newest row of table run; 0 = there is none */
	/* The runs behind it that changed nothing, and the last of them; count 0 = none. */
	uint64_t count, mailboxes;
	int64_t started, ended;
	struct unchanged_note {
		int64_t mailbox;
		bool unchanged; /* not only listed: STATUS said that nothing changed */
	} * note;
	size_t notes, cap;
};

/* Index and file are asked once. */
int unchanged_load(struct store *s, struct err *e) NODISCARD;
/* Before a row of table run is added: the runs of the file become part of the index. Part of the transaction. */
int unchanged_fold(struct store *s, struct err *e) NODISCARD;
/* The run that ends has changed nothing and is the last good one from now on. */
int unchanged_record(struct store *s, const struct store_run *r, struct err *e) NODISCARD;
/* The last of those runs: true, and *r is filled in but for the text. */
bool unchanged_last(const struct store *s, struct store_run *r);

int unchanged_note(struct store *s, int64_t mailbox, bool unchanged, struct err *e) NODISCARD;
/* Write the notes into the index, under the number of the open run. */
int unchanged_settle(struct store *s, struct err *e) NODISCARD;
void unchanged_release(struct store *s);

#endif

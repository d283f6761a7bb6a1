/* SPDX-License-Identifier: MIT */
/*
 * typed_log.h -- what a command brought, in the log of an engine rig, as its typed results and not as the server's text: for
 * plays whose point is that examples of an RFC are understood.
 */
#ifndef TESTS_SUPPORT_TYPED_LOG_H
#define TESTS_SUPPORT_TYPED_LOG_H

#include "core/imap/imap4_util.h"
#include "tests/support/engine_rig.h"

imap4_str typed_str(const char *s);
/* A mailbox is selected, and neither `sent` nor `log` know of it. One command was sent. */
void typed_open(struct rig *r);
/* The server confirms an ENABLE; unlogged. */
void typed_enabled(struct rig *r, const char *capability);
/* "1:3,7" to a set; imap4_set_free() it. "$" is the saved result. */
imap4_set *typed_set(const char *text);
void typed_set_free(imap4_set *set);
/* One line for each response, as resp_dump() has it; then the numbers, the order, what was left out, the modification
 * sequence, as far as there are any; then the outcome. Frees it. NULL: why it was not started. */
void typed_finish(struct rig *r, imap4_cmd *c);

/* One play of a table, and what has to come of it. */
struct typed_row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define TYPED_ROW(play) #play, play
/* Each row in one piece and in all cuts. */
void typed_check(const struct typed_row *rows, size_t n);

#endif

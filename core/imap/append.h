/* SPDX-License-Identifier: MIT */
/*
 * append.h -- the messages that APPEND (RFC 9051 section 6.3.12) and REPLACE (RFC 8508) upload: copied from the caller,
 * written, and the UIDs that they were given. Shared by cmd_append.c and cmd_replace.c.
 */
#ifndef CORE_IMAP_APPEND_H
#define CORE_IMAP_APPEND_H

#include "core/imap/cmd.h"

struct append_message;

struct append_args {
	struct append_message *at;
	size_t n;
	uint64_t sync_over;
};

/* Copy n messages of the caller's, which lie m->struct_size octets apart; append_release() in any case. sync_over: 0 is the
 * default. -1: E_INVALID, E_NOMEM. */
int append_copy(struct append_args *a, const imap4_append_message *m, size_t n, uint64_t sync_over,
	struct err *e) NODISCARD;
void append_release(struct append_args *a);

/* Write " append-message" for each (RFC 4466 section 6). 1: cmd_fail_local() was called, because the server does not offer
 * what one of them needs. */
int append_encode(struct imap4_cmd *c, const struct append_args *a);

/* Keep what this line says about UIDs, when it is an OK with APPENDUID for n messages (RFC 4315 section 3). */
void append_note_uids(struct imap4_cmd *c, const imap4_state_line *l, size_t n);

#endif

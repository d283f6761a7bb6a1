/* SPDX-License-Identifier: MIT */
/*
 * answering.h -- a server that answers each command by its name, as a transport (imap4_io.h) that allocates nothing: for tests in
 * which memory runs out.
 *
 * After the OK to a command with `deflates` it speaks deflate (RFC 4978): what it sends are stored blocks, what it
 * receives it inflates within an arena of its own.
 */
#ifndef TESTS_SUPPORT_ANSWERING_H
#define TESTS_SUPPORT_ANSWERING_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "core/imap/imap4_io.h"

struct answering_row {
	const char *name; /* what follows the tag begins so; NULL: end of the table */
	const char *
		plus; /* lines sent first, with a "+" among them: the rest waits for one more line; or NULL */
	const char *data;   /* the untagged lines, each with CRLF */
	const char *tagged; /* NULL: "OK x" */
	bool deflates;
};

struct answering {
	const char *greeting;		  /* with CRLF */
	const struct answering_row *rows; /* others are answered BAD */
	/* the server's own */
	char line[4096], out[65536], tag[64];
	size_t nline, nout, at;
	const struct answering_row *waiting;
	bool greeted, closed, deflated, broken;
	z_stream in;
	unsigned char arena[1 << 16];
	size_t arena_used;
};

/* Start again; greeting and rows stay. The table is for imap4_options.io. */
imap4_io answering_begin(struct answering *v);

#endif

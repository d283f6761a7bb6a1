/* SPDX-License-Identifier: MIT */
/*
 * value.h -- the text of a response to a flat array of nodes.
 *
 * Lists are kept on an explicit stack of IMAP_DEPTH_MAX entries; deeper ones are read and dropped. Each octet
 * is looked at once. Nothing here fails except for lack of memory: what cannot be understood is left out or
 * taken as text, and the response is marked damaged.
 */
#ifndef CORE_IMAP_VALUE_H
#define CORE_IMAP_VALUE_H

#include "core/imap/limits.h"
#include "core/imap/resp_private.h"

struct value_open {
	uint32_t list, last; /* the list, and its newest child (0 = none) */
};

struct values {
	struct imap4_data *d;
	struct slice text;
	size_t at; /* read up to here */
	const struct lexer_gap *gap;
	size_t ngaps;
	size_t token_max;
	char *out;	 /* where the next text goes */
	bool items;	 /* FETCH: names of items with their sections stand at depth 1 */
	bool partial;	 /* the text ends at the marker of a literal */
	size_t too_deep; /* lists open beyond IMAP_DEPTH_MAX */
	size_t depth;	 /* lists open */
	struct value_open open[IMAP_DEPTH_MAX + 1];
};

/* Makes the root of d and begins to read d->raw at `at`. out: room for as many octets as are read, and one
 * more; twice that when items is set. */
void value_begin(struct values *v, struct imap4_data *d, size_t at, char *out);
/* Read one whole value as a child of the root. 1: *index is its node (0 when it was left out, for a limit); 0: there is
 * nothing more; -1: no memory. */
int value_next(struct values *v, size_t *index, struct err *e);
/* Read all that is left. */
int value_rest(struct values *v, struct err *e);
/*
 * A mailbox name: an astring, so that NIL is a name. Names that are not quoted though they would have to be
 * (spaces, control characters: Q18) are read up to `stop` or the end; such a response is damaged.
 */
int value_mailbox(struct values *v, const char *stop, size_t *index, struct err *e);
/* True when nothing but spaces is left. */
bool value_at_end(struct values *v);

#endif

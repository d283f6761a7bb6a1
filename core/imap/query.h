/* SPDX-License-Identifier: MIT */
/*
 * query.h -- a search query on its way to a command line.
 *
 * A query is kept as pieces: what is always written the same way is kept encoded, texts are kept as they are, because
 * whether a literal waits depends on the server.
 */
#ifndef CORE_IMAP_QUERY_H
#define CORE_IMAP_QUERY_H

#include "core/imap/enc.h"

/* What a query is good for only when the server offers it. */
enum query_needs {
	QUERY_WITHIN = 1 << 0,
	QUERY_CONDSTORE = 1 << 1,
	QUERY_SAVEDATE = 1 << 2,
	QUERY_OBJECTID = 1 << 3,
	QUERY_GMAIL = 1 << 4,
	QUERY_FUZZY = 1 << 5,
	QUERY_FILTERS = 1 << 6,
	QUERY_MESSAGELIMIT = 1 << 7,
	QUERY_SAVED = 1 << 8,  /* "$" */
	QUERY_BY_SEQ = 1 << 9, /* message numbers */
};

struct query_piece {
	size_t start, len; /* in bytes; a NUL follows */
	bool text;	   /* to be written as a string */
};

struct imap4_query {
	struct buf bytes;
	struct query_piece *piece;
	size_t npieces, cap;
	unsigned needs; /* enum query_needs */
	bool utf8;	/* a text is not ASCII */
	size_t nterms;
	imap4_err failed; /* the first error sticks */
};

/* NULL with *e: out of memory, or the query is spoilt. A NULL query is one without conditions. */
struct imap4_query *query_copy(const struct imap4_query *q, struct err *e);
void query_encode(struct enc *enc, const struct imap4_query *q);

#endif

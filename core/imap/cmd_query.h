/* SPDX-License-Identifier: MIT */
/*
 * cmd_query.h -- what SEARCH, SORT and THREAD for a query share: arguments, conditions that the server has to know, return
 * options. Included by cmd_query.c, cmd_sort.c and cmd_order.c only.
 */
#ifndef CORE_IMAP_CMD_QUERY_H
#define CORE_IMAP_CMD_QUERY_H

#include <string.h>

#include "core/imap/cmd.h"
#include "core/imap/query.h"

#define SORT_KEYS_MAX 32
#define ALGORITHM_MAX 64

enum query_what { QUERY_SEARCH, QUERY_SORT, QUERY_THREAD };

struct query_args {
	struct imap4_query *query;
	bool by_uid, plain, save;
	uint32_t wanted;
	int64_t partial_first, partial_last;
	bool esearch; /* RETURN was sent */
	int sort[SORT_KEYS_MAX];
	size_t nsort;
	char algorithm[sizeof "THREAD=" + ALGORITHM_MAX]; /* as the capability is called */
};

/* They change nothing on the server: "$" is of this connection only. */
#define QUERY_FLAGS (CMD_READ_ONLY | CMD_NEEDS_SELECTED | CMD_TRY_ENCODE)

/* A command of kinds[by_uid] that is not submitted; NULL: refused. */
struct imap4_cmd *query_new(imap4_session *s, const struct cmd_kind kinds[2], enum query_what what,
	const imap4_query *q, const imap4_query_opts *o);
/* Fail with IMAP4_E_NOCAP; returns 1, as encode() does then. */
int query_lacks(struct imap4_cmd *c, const char *what);
/* Whether the server can answer the query; else 1, and the command will end so. */
int query_possible(struct imap4_cmd *c);
/* " RETURN (...)", RFC 4466 section 2.6.1 */
void query_encode_return(struct imap4_cmd *c, const struct query_args *a);
/* What an answer tells beside its set. */
void query_note_numbers(imap4_numbers *v, const imap4_numbers *n);
/* The command will end with IMAP4_E_PROTO; returns 0. */
int query_unreadable(struct imap4_cmd *c);

/* imap4_cmd.outcome of a SORT, and of a SEARCH with scores. */
struct query_ordered {
	imap4_sorted view;
	imap4_scores scores; /* number = NULL: there are none */
	uint32_t at[];	     /* and the scores behind them */
};
/* The answer to an extended SORT. */
int query_take_ordered(struct imap4_cmd *c, const struct imap4_data *d, struct err *e);
/* The scores in the answer to a SEARCH, when they were asked for and are as many as the numbers. */
int query_take_scores(struct imap4_cmd *c, const struct imap4_data *d, struct err *e);

#endif

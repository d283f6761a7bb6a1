/* SPDX-License-Identifier: MIT */
/*
 * query_words.h -- the words of a search, as a person writes them on a command line, to a query of the library.
 *
 *   query    = *key                              all must hold; none: every message
 *   key      = "all" / "answered" / "deleted" / "draft" / "flagged" / "seen" / "recent" / "new" / "old" / "un..."
 *            / "from" / "to" / "cc" / "bcc" / "subject" / "body" / "text"  TEXT
 *            / "header" NAME TEXT / "keyword" FLAG / "unkeyword" FLAG
 *            / "before" / "on" / "since" / "sentbefore" / "senton" / "sentsince"  DATE
 *            / "larger" SIZE / "smaller" SIZE / "older" TIME / "younger" TIME
 *            / "uid" SET / "modseq" NUMBER
 *            / "not" key / "or" key key / "(" 1*key ")"
 *
 * These are the words of RFC 9051 section 6.4.4 (recent, new, old: RFC 3501; older, younger: RFC 5032; modseq: RFC
 * 7162) in any case. DATE is 2024-01-31 or 31-Jan-2024; SIZE is octets, or has a unit of powers of 1024: 500k, 64M, 2G;
 * TIME is seconds, or 30m, 36h, 2d, 4w; SET is 1:5,9,20:*. Nothing else is understood, and nothing is passed on as text.
 */
#ifndef CMD_QUERY_WORDS_H
#define CMD_QUERY_WORDS_H

#include "core/base/err.h"
#include "core/imap/imap4.h"

#define QUERY_DEPTH_MAX 32 /* nesting of "not", "or" and "(" */

/* Add the conditions to q. -1: E_USAGE, naming the word; q is then spoilt. */
int query_words_parse(imap4_query *q, char *const *word, size_t n, struct err *e) NODISCARD;

/* "1:5,9,20:*" (RFC 9051 section 9, sequence-set). "N:*" and "*:N" give *open_from = N, the least of them; a lone "*" is
 * the last message, *last. The others are added to the set. -1: E_USAGE. */
int uid_words_parse(
	const char *text, imap4_set *set, uint32_t *open_from, bool *last, struct err *e) NODISCARD;

#endif

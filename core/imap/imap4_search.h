/* SPDX-License-Identifier: MIT */
/* imap4_search.h -- queries, SEARCH, SORT, THREAD. Included by imap4.h. */
#ifndef IMAP4_SEARCH_H
#define IMAP4_SEARCH_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- search, sort, thread; refused by IMAP4_POLICY_BACKUP ------------------------------------------------
 * A query is a list of conditions that must all hold (RFC 9051 section 6.4.4); an empty one matches every message. Each
 * function adds a condition and returns IMAP4_OK, IMAP4_E_ARG, IMAP4_E_LIMIT or IMAP4_E_NOMEM; after an error
 * the query is spoilt and cannot be sent, so that the outcomes need not be looked at one by one. Texts are UTF-8
 * and are copied. A query can be sent any number of times, on any session.
 */
typedef struct imap4_query imap4_query;

IMAP4_API imap4_query *imap4_query_new(void);	 /* NULL: out of memory */
IMAP4_API void imap4_query_free(imap4_query *q); /* NULL is fine */
/* "\\Seen" and the like, or a keyword; present = 0: the flag must be missing. */
IMAP4_API imap4_err imap4_query_flag(imap4_query *q, imap4_str flag, int present);
enum {
	IMAP4_IN_FROM = 0,
	IMAP4_IN_TO = 1,
	IMAP4_IN_CC = 2,
	IMAP4_IN_BCC = 3,
	IMAP4_IN_SUBJECT = 4,
	IMAP4_IN_BODY = 5,
	IMAP4_IN_TEXT = 6, /* header or body */
};
IMAP4_API imap4_err imap4_query_text(imap4_query *q, int where, imap4_str text);
/* The header field is there, and its text holds `text` ("": whatever it says). */
IMAP4_API imap4_err imap4_query_header(imap4_query *q, imap4_str field, imap4_str text);
/* Whole days: of INTERNALDATE in the server's idea of a day, or (SENT) of the Date header. */
enum {
	IMAP4_BEFORE = 0,
	IMAP4_ON = 1,
	IMAP4_SINCE = 2, /* that day or later */
	IMAP4_SENTBEFORE = 3,
	IMAP4_SENTON = 4,
	IMAP4_SENTSINCE = 5,
};
IMAP4_API imap4_err imap4_query_date(imap4_query *q, int how, int year, int month, int day);
/* RFC822.SIZE is above (larger = 1) or below (0) that many octets; up to 2^32 - 1. */
IMAP4_API imap4_err imap4_query_size(imap4_query *q, int larger, uint64_t octets);
/* The message is in the set. Sets in queries are not split: at most some thousand ranges. */
IMAP4_API imap4_err imap4_query_set(
	imap4_query *q, int by, const imap4_set *set, uint32_t open_from);
/* WITHIN (RFC 5032; the command ends with IMAP4_E_NOCAP without it): INTERNALDATE is older (1) or younger (0) than that. */
IMAP4_API imap4_err imap4_query_age(imap4_query *q, int older, uint32_t seconds);
/* CONDSTORE (RFC 7162 section 3.1.5; IMAP4_E_NOCAP as above): changed since, or at, that modification sequence. */
IMAP4_API imap4_err imap4_query_modseq(imap4_query *q, uint64_t modseq);
/* What another query says is not the case; one of two is; both are. The others are copied and stay the caller's. */
IMAP4_API imap4_err imap4_query_not(imap4_query *q, const imap4_query *other);
IMAP4_API imap4_err imap4_query_or(imap4_query *q, const imap4_query *a, const imap4_query *b);
IMAP4_API imap4_err imap4_query_and(imap4_query *q, const imap4_query *other);

/* SEARCH / UID SEARCH. Result: imap4_cmd_numbers(). `wanted`: what of it (0: everything); with ESEARCH only
 * that is sent by the server, else it is computed here. CHARSET UTF-8 is named when a text is not ASCII. */
enum {
	IMAP4_WANT_MIN = 1 << 0,
	IMAP4_WANT_MAX = 1 << 1,
	IMAP4_WANT_COUNT = 1 << 2,
	IMAP4_WANT_ALL = 1 << 3
};
typedef struct imap4_query_opts {
	size_t struct_size;
	int by;		 /* IMAP4_BY_* */
	int plain;	 /* no ESEARCH */
	uint32_t wanted; /* IMAP4_WANT_*; not for SORT and THREAD */
} imap4_query_opts;
IMAP4_API imap4_cmd *imap4_search_start(
	imap4_session *s, const imap4_query *q, const imap4_query_opts *o);

/* SORT (RFC 5256; DISPLAYFROM and DISPLAYTO: RFC 5957). IMAP4_E_NOCAP without SORT (SORT=DISPLAY). */
enum {
	IMAP4_SORT_ARRIVAL = 0,
	IMAP4_SORT_CC = 1,
	IMAP4_SORT_DATE = 2,
	IMAP4_SORT_FROM = 3,
	IMAP4_SORT_SIZE = 4,
	IMAP4_SORT_SUBJECT = 5,
	IMAP4_SORT_TO = 6,
	IMAP4_SORT_DISPLAYFROM = 7,
	IMAP4_SORT_DISPLAYTO = 8,
	IMAP4_SORT_REVERSE = 1 << 8, /* added to one of them: it alone the other way round */
};
IMAP4_API imap4_cmd *imap4_sort_start(imap4_session *s, const int *keys, size_t nkeys,
	const imap4_query *q, const imap4_query_opts *o);
/* Of a complete and successful SORT; else NULL, also when the server said OK without any SORT data. Valid until
 * imap4_cmd_free. */
typedef struct imap4_sorted {
	const uint32_t *at; /* in order */
	size_t n;
} imap4_sorted;
IMAP4_API const imap4_sorted *imap4_cmd_sorted(const imap4_cmd *c);

/* THREAD (RFC 5256): algorithm "REFERENCES" or "ORDEREDSUBJECT"; IMAP4_E_NOCAP without THREAD=<algorithm>. */
IMAP4_API imap4_cmd *imap4_thread_start(
	imap4_session *s, const char *algorithm, const imap4_query *q, const imap4_query_opts *o);
#define IMAP4_THREAD_ROOT SIZE_MAX
typedef struct imap4_thread_node {
	uint32_t number; /* 0: a message that is not there, whose replies are */
	size_t parent;	 /* index of the message it answers, always smaller, or IMAP4_THREAD_ROOT */
} imap4_thread_node;
typedef struct imap4_threads {
	const imap4_thread_node *at; /* in the server's order, each before its replies */
	size_t n;
} imap4_threads;
/* Of a complete and successful THREAD; else NULL, as above. Valid until imap4_cmd_free. */
IMAP4_API const imap4_threads *imap4_cmd_threads(const imap4_cmd *c);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/* imap4_search.h -- queries, SEARCH and its saved result, SORT, THREAD. Included by imap4.h. */
#ifndef IMAP4_SEARCH_H
#define IMAP4_SEARCH_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * "$", the result that a SEARCH with imap4_query_opts.save left on the server (SEARCHRES, RFC 5182), as a set: a constant that
 * is not to be changed or freed, and is empty for the functions of imap4_util.h. It goes wherever a command or a query takes
 * a set, alone (open_from = 0). IMAP4_E_NOCAP without SEARCHRES; IMAP4_E_STATE when the last search that was to save
 * failed, or there was none since the mailbox was opened. Commands that only read may be in flight behind the search;
 * those that change something wait for its success. A server that stopped early (imap4_cmd_limited()) saved only what
 * it had found.
 */
IMAP4_API const imap4_set *imap4_set_saved(void);

/* ---- search, sort, thread ----------------------------------------------------------------------------------
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
/* Whole days: of INTERNALDATE in the server's idea of a day, (SENT) of the Date header, or (SAVED) of the day the message
 * came into the mailbox (SAVEDATE, RFC 8514; the command ends with IMAP4_E_NOCAP without it). */
enum {
	IMAP4_BEFORE = 0,
	IMAP4_ON = 1,
	IMAP4_SINCE = 2, /* that day or later */
	IMAP4_SENTBEFORE = 3,
	IMAP4_SENTON = 4,
	IMAP4_SENTSINCE = 5,
	IMAP4_SAVEDBEFORE = 6,
	IMAP4_SAVEDON = 7,
	IMAP4_SAVEDSINCE = 8,
};
IMAP4_API imap4_err imap4_query_date(imap4_query *q, int how, int year, int month, int day);
/* RFC822.SIZE is above (larger = 1) or below (0) that many octets; up to 2^32 - 1. */
IMAP4_API imap4_err imap4_query_size(imap4_query *q, int larger, uint64_t octets);
/* The message is in the set, which may be imap4_set_saved(). Sets in queries are not split: at most some thousand ranges. */
IMAP4_API imap4_err imap4_query_set(
	imap4_query *q, int by, const imap4_set *set, uint32_t open_from);
/* WITHIN (RFC 5032; the command ends with IMAP4_E_NOCAP without it): INTERNALDATE is older (1) or younger (0) than that. */
IMAP4_API imap4_err imap4_query_age(imap4_query *q, int older, uint32_t seconds);
/* CONDSTORE (RFC 7162 section 3.1.5; IMAP4_E_NOCAP as above): changed since, or at, that modification sequence. */
IMAP4_API imap4_err imap4_query_modseq(imap4_query *q, uint64_t modseq);
/* The same of one flag ("\\Seen", or a keyword): when it was last changed by this user, by all, by either. Servers may take
 * it for imap4_query_modseq(). */
enum { IMAP4_MODSEQ_PRIVATE = 0, IMAP4_MODSEQ_SHARED = 1, IMAP4_MODSEQ_ALL = 2 };
IMAP4_API imap4_err imap4_query_modseq_of(
	imap4_query *q, imap4_str flag, int whose, uint64_t modseq);
/* The mailbox keeps the dates at which messages came into it (SAVEDATESUPPORTED, RFC 8514 section 4.3). */
IMAP4_API imap4_err imap4_query_savedate(imap4_query *q);
/* The object id (RFC 8474 section 6; IMAP4_E_NOCAP without OBJECTID), or Gmail's number (without X-GM-EXT-1). */
enum {
	IMAP4_ID_EMAIL = 0,
	IMAP4_ID_THREAD = 1,
	IMAP4_ID_GM_MESSAGE = 2,
	IMAP4_ID_GM_THREAD = 3,
};
IMAP4_API imap4_err imap4_query_id(imap4_query *q, int which, imap4_str id);
/* Gmail (X-GM-EXT-1): in the language of its own search field; has that label. */
enum { IMAP4_GM_RAW = 0, IMAP4_GM_LABEL = 1 };
IMAP4_API imap4_err imap4_query_gmail(imap4_query *q, int where, imap4_str text);
/* What a filter kept on the server says (FILTERS, RFC 5466; without it IMAP4_E_NOCAP). */
IMAP4_API imap4_err imap4_query_filter(imap4_query *q, imap4_str name);
/* The UID is above (after = 1) or below (0) that one; unlike a set with an open end it never names the last message for
 * lack of others (RFC 9738 section 3.2; IMAP4_E_NOCAP without MESSAGELIMIT). */
IMAP4_API imap4_err imap4_query_uid_beyond(imap4_query *q, int after, uint32_t uid);
/* What another query says is nearly the case, as the server sees it (SEARCH=FUZZY, RFC 6203; without it IMAP4_E_NOCAP). */
IMAP4_API imap4_err imap4_query_fuzzy(imap4_query *q, const imap4_query *other);
/* What another query says is not the case; one of two is; both are. The others are copied and stay the caller's. */
IMAP4_API imap4_err imap4_query_not(imap4_query *q, const imap4_query *other);
IMAP4_API imap4_err imap4_query_or(imap4_query *q, const imap4_query *a, const imap4_query *b);
IMAP4_API imap4_err imap4_query_and(imap4_query *q, const imap4_query *other);

/*
 * SEARCH / UID SEARCH. Result: imap4_cmd_numbers(). `wanted`: what of it (0: everything, or with `save` or a partial range
 * nothing else); with ESEARCH only that is sent by the server, else it is computed here. CHARSET UTF-8 is named when a
 * text is not ASCII.
 *
 * save: the result becomes imap4_set_saved(); with MIN or MAX and neither ALL nor COUNT only those are saved (RFC 5182
 * section 2.4). NO with IMAP4_CODE_NOTSAVED: the server would not. IMAP4_E_NOCAP without SEARCHRES.
 * partial_first, partial_last (0 = no): only the first to the last of the result, counted from 1 upwards, or with -1 from
 * the end downwards (PARTIAL, RFC 9394; CONTEXT=SEARCH, RFC 5267, has the former); not together with ALL. Its numbers are
 * in imap4_numbers.set with IMAP4_HAVE_PARTIAL. IMAP4_E_NOCAP without one of them.
 */
enum {
	IMAP4_WANT_MIN = 1 << 0,
	IMAP4_WANT_MAX = 1 << 1,
	IMAP4_WANT_COUNT = 1 << 2,
	IMAP4_WANT_ALL = 1 << 3,
	IMAP4_WANT_RELEVANCY = 1 << 6, /* with a fuzzy condition: imap4_cmd_scores() */
};
typedef struct imap4_query_opts {
	size_t struct_size;
	int by;				     /* IMAP4_BY_* */
	int plain;			     /* no ESEARCH */
	uint32_t wanted;		     /* IMAP4_WANT_*; not looked at by THREAD */
	int save;			     /* SEARCH only */
	int64_t partial_first, partial_last; /* not for THREAD */
} imap4_query_opts;
IMAP4_API imap4_cmd *imap4_search_start(
	imap4_session *s, const imap4_query *q, const imap4_query_opts *o);

/*
 * SORT (RFC 5256; DISPLAYFROM and DISPLAYTO: RFC 5957). IMAP4_E_NOCAP without SORT (SORT=DISPLAY). With `wanted` the server
 * is asked for no more than that when it offers ESORT (RFC 5267 section 3): imap4_cmd_numbers() then has the first (min),
 * the last (max) and how many there are, never a set. A partial range needs CONTEXT=SORT.
 */
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
	IMAP4_SORT_RELEVANCY =
		9, /* SEARCH=FUZZY (RFC 6203): the best first; IMAP4_E_ARG without a fuzzy condition */
	IMAP4_SORT_REVERSE = 1 << 8, /* added to one of them: it alone the other way round */
};
IMAP4_API imap4_cmd *imap4_sort_start(imap4_session *s, const int *keys, size_t nkeys,
	const imap4_query *q, const imap4_query_opts *o);
/* Of a complete and successful SORT: all, or what the partial range has. NULL: it was not wanted, the server said OK without
 * any SORT data, or something else happened. Valid until imap4_cmd_free. */
typedef struct imap4_sorted {
	const uint32_t *at; /* in order */
	size_t n;
} imap4_sorted;
IMAP4_API const imap4_sorted *imap4_cmd_sorted(const imap4_cmd *c);

/*
 * How well the messages match, from 1 to 100, in the server's opinion (SEARCH=FUZZY, RFC 6203 section 4): of a complete and
 * successful SEARCH or SORT with IMAP4_WANT_RELEVANCY, which is IMAP4_E_ARG without imap4_query_fuzzy() and includes
 * IMAP4_WANT_ALL unless there is a partial range. NULL: the server does not say (it needs ESEARCH, or for SORT ESORT), or not
 * one for each number. Valid until imap4_cmd_free.
 */
typedef struct imap4_scores {
	const uint32_t *number;	    /* as many as the result has, in the order in which they came */
	const unsigned char *score; /* score[i] is that of number[i] */
	size_t n;
} imap4_scores;
IMAP4_API const imap4_scores *imap4_cmd_scores(const imap4_cmd *c);

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

/* SPDX-License-Identifier: MIT */
/* imap4_util.h -- sets of numbers, dates, flags, names, messages to upload: values without a connection. */
#ifndef IMAP4_UTIL_H
#define IMAP4_UTIL_H

#include <stdio.h>

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sets of UIDs or message numbers: 1 to 4294967295, kept as ranges ------------------------------- */

IMAP4_API imap4_set *imap4_set_new(void); /* empty; NULL: out of memory */
IMAP4_API void imap4_set_free(imap4_set *s);
/* IMAP4_OK, IMAP4_E_ARG (0, lo > hi), IMAP4_E_NOMEM, IMAP4_E_LIMIT */
IMAP4_API imap4_err imap4_set_add(imap4_set *s, uint32_t n);
/* lo to hi, both with it. Removing what is not there is no error. */
IMAP4_API imap4_err imap4_set_add_range(imap4_set *s, uint32_t lo, uint32_t hi);
IMAP4_API imap4_err imap4_set_remove_range(imap4_set *s, uint32_t lo, uint32_t hi);
/* "1:3,7" (RFC 9051 section 9, sequence-set, without '*'); added to s. */
IMAP4_API imap4_err imap4_set_parse(imap4_set *s, const char *text);
IMAP4_API int imap4_set_has(const imap4_set *s, uint32_t n); /* 1: n is a member */
IMAP4_API uint64_t imap4_set_count(const imap4_set *s);	     /* how many members */
/* The smallest member above `after` (start with 0), or 0. */
IMAP4_API uint32_t imap4_set_next(const imap4_set *s, uint32_t after);
/* The text form; free() it. NULL: out of memory. */
IMAP4_API char *imap4_set_text(const imap4_set *s);

/* ---- dates ------------------------------------------------------------------------------------------ */

#define IMAP4_DATE_SIZE 27

/* "17-Jul-1996 02:44:25 -0700" (imaplib's Internaldate2tuple). 1 = a date: seconds since 1970 UTC and minutes east of
 * UTC. Independent of locale and TZ. */
IMAP4_API int imap4_date_parse(imap4_str text, int64_t *seconds, int *zone_minutes);
/* The way back (Time2Internaldate, without quotation marks). 1 = written; 0: a year outside 0000..9999 or a zone of a
 * day and more. */
IMAP4_API int imap4_date_format(int64_t seconds, int zone_minutes, char out[IMAP4_DATE_SIZE]);

/* ---- flags and names ---------------------------------------------------------------------------------- */

/* The flags of "(\Seen \Deleted key)" or "FLAGS (...)" (ParseFlags): calls each() for every one until it returns
 * non-zero. Returns how many there were, -1 when there is no list. Keywords may hold ']'. */
IMAP4_API int imap4_flags_parse(imap4_str text, int (*each)(void *ctx, imap4_str flag), void *ctx);
/* Int2AP: n >= 0 in base 16 with the digits A to P, most significant first; "" for 0. Size 17 at least. */
IMAP4_API char *imap4_int2ap(uint64_t n, char out[17]);
/* Modified UTF-7 (RFC 3501 section 5.1.3) and back; free() the result. NULL: not valid, or out of memory. */
IMAP4_API char *imap4_name_encode(const char *utf8);
IMAP4_API char *imap4_name_decode(imap4_str wire);

/*
 * The wire name of a mailbox in this session, from UTF-8, and back: UTF-8 once UTF8=ACCEPT or IMAP4rev2 is enabled, else
 * modified UTF-7. Nothing is composed or folded: give names in NFC (RFC 6855 section 3, Net-Unicode). free() *out.
 *   IMAP4_E_ARG    not valid; with UTF-8 also what may not be in a name: controls, DEL, U+2028, U+2029
 *   IMAP4_E_STATE  the server knows nothing but UTF-8 (UTF8=ONLY), and it was not enabled: section 6
 *   IMAP4_E_NOMEM, IMAP4_E_LIMIT
 */
IMAP4_API imap4_err imap4_wire_name(const imap4_session *s, const char *utf8, char **out);
IMAP4_API imap4_err imap4_wire_name_decode(const imap4_session *s, imap4_str wire, char **out);
/* 1 when names and strings are UTF-8 in this session. */
IMAP4_API int imap4_utf8_enabled(const imap4_session *s);

/* X-GM-LABELS of a message, in UTF-8 (modified UTF-7 on the wire; what is no such thing is given as it came). One block, NULL
 * behind the last: free() it. IMAP4_E_ARG: the message does not say. */
IMAP4_API imap4_err imap4_message_labels(const imap4_message *m, char ***labels, size_t *n);

/* ---- messages to upload ---------------------------------------------------------------------------------
 * Sources (imap4_source) whose read() gives 0 at the end and -1 when something fails. What they stand on must live as long
 * as they are used; the fields are the library's.
 */

/* The n octets at p. */
typedef struct imap4_memory_source {
	const unsigned char *p;
	size_t left;
} imap4_memory_source;
IMAP4_API imap4_source imap4_source_memory(imap4_memory_source *state, const void *p, size_t n);
/* From where the file stands. */
IMAP4_API imap4_source imap4_source_file(FILE *f);
typedef struct imap4_fd_source {
	int fd;
} imap4_fd_source;
/* A descriptor that may block: while it does, so does the session. It is not closed. */
IMAP4_API imap4_source imap4_source_fd(imap4_fd_source *state, int fd);

/*
 * Every CR, LF and CRLF of another source as CRLF, which is what RFC 5322 wants (append's translation in imaplib). An APPEND
 * must know its size before: imap4_crlf_size() reads a source to its end and counts what imap4_source_crlf() will make of
 * the same octets. IMAP4_OK, or IMAP4_E_CALLBACK when it fails.
 */
typedef struct imap4_crlf_source {
	imap4_source from;
	unsigned char in[4096];
	size_t at, n; /* in[at..n) is read and not used */
	int after_cr, owes_lf;
} imap4_crlf_source;
IMAP4_API imap4_source imap4_source_crlf(imap4_crlf_source *state, const imap4_source *from);
IMAP4_API imap4_err imap4_crlf_size(const imap4_source *from, uint64_t *size);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/* imap4_util.h -- sets of numbers, dates, flags, names: values without a connection. */
#ifndef IMAP4_UTIL_H
#define IMAP4_UTIL_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sets of UIDs or message numbers: 1 to 4294967295, kept as ranges ------------------------------- */

IMAP4_API imap4_set *imap4_set_new(void); /* empty; NULL: out of memory */
IMAP4_API void imap4_set_free(imap4_set *s);
/* IMAP4_OK, IMAP4_E_ARG (0, lo > hi), IMAP4_E_NOMEM, IMAP4_E_LIMIT */
IMAP4_API imap4_err imap4_set_add(imap4_set *s, uint32_t n);
IMAP4_API imap4_err imap4_set_add_range(imap4_set *s, uint32_t lo, uint32_t hi);
IMAP4_API imap4_err imap4_set_remove_range(imap4_set *s, uint32_t lo, uint32_t hi);
/* "1:3,7" (RFC 9051 section 9, sequence-set, without '*'); added to s. */
IMAP4_API imap4_err imap4_set_parse(imap4_set *s, const char *text);
IMAP4_API int imap4_set_has(const imap4_set *s, uint32_t n);
IMAP4_API uint64_t imap4_set_count(const imap4_set *s);
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

#ifdef __cplusplus
}
#endif
#endif

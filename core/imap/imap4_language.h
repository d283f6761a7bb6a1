/* SPDX-License-Identifier: MIT */
/* imap4_language.h -- the language of a server's texts and the rules of its searches (RFC 5255), and where it sends
 * people (RFC 2193, RFC 2221). Included by imap4.h. */
#ifndef IMAP4_LANGUAGE_H
#define IMAP4_LANGUAGE_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- LANGUAGE and COMPARATOR (RFC 5255); allowed by IMAP4_POLICY_BACKUP -------------------------------------- */

/* LANGUAGE: ask for the first of these language ranges ("DE-AT", "default") that the server has; n = 0: which has it?
 * IMAP4_E_NOCAP without LANGUAGE. The answers are LANGUAGE, and NAMESPACE with translated prefixes. In any state; a barrier,
 * so that all texts from then on are in the new language. */
IMAP4_API imap4_cmd *imap4_language_start(imap4_session *s, const char *const *range, size_t n);
/* The i-th language of a LANGUAGE response; absent: there is none. One alone is in force now, several are what there is
 * (section 3.3). */
IMAP4_API imap4_str imap4_data_language(const imap4_data *d, size_t i);

/* COMPARATOR: order by the first of these ("i;unicode-casemap", "cz;*", "default") that the server has; n = 0: which is in
 * force? IMAP4_E_NOCAP without I18NLEVEL=2. A barrier, for it changes what SEARCH, SORT and THREAD mean. */
IMAP4_API imap4_cmd *imap4_comparator_start(imap4_session *s, const char *const *order, size_t n);
/* COMPARATOR response: the one in force (i = 0), then all that matched when there were several; absent: no more. */
IMAP4_API imap4_str imap4_data_comparator(const imap4_data *d, size_t i);

/* ---- referrals and IMAP URLs ----------------------------------------------------------------------------------- */

/* The i-th URL of a [REFERRAL ...] code (RFC 2193 section 4 has several, RFC 2221 section 4.1 one); absent: no more.
 * Nothing is followed by itself: RLIST and RLSUB are not sent, and a URL from a server is a reason to ask a person before
 * a credential goes there. */
IMAP4_API imap4_str imap4_result_referral(const imap4_result *r, size_t i);

/* An imap URL (RFC 5092 section 11), absolute. Strings are decoded and owned by it; NULL: not there. */
typedef struct imap4_url {
	const char *user;	   /* UTF-8 */
	const char *auth;	   /* of ";AUTH=": "*" (any), "GSSAPI", "ANONYMOUS" */
	const char *host;	   /* without the brackets of an IPv6 address */
	uint16_t port;		   /* 143 when the URL has none */
	imap4_str mailbox;	   /* wire name: modified UTF-7, or UTF-8 when that was asked for */
	uint32_t uidvalidity, uid; /* 0: not there */
	const char *section;
	const char *
		search; /* a search-program: octets of its charset, with CRLF where it has literals */
	uint64_t partial_first, partial_count; /* octets; count 0: to the end */
	int has_partial;
	const char *expire, *urlauth; /* of ";EXPIRE=", and all behind ";URLAUTH=" (RFC 4467) */
} imap4_url;

/* Read one; imap4_url_free() it. utf8_names: give the mailbox as UTF-8 (after ENABLE UTF8=ACCEPT). IMAP4_E_ARG: it is not
 * one, or a part holds a control character or is not UTF-8 once it is decoded; IMAP4_E_NOMEM. Nothing is changed but *out. */
IMAP4_API imap4_err imap4_url_parse(imap4_str text, int utf8_names, imap4_url **out);
IMAP4_API void imap4_url_free(imap4_url *u); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
/*
 * mail.h -- the words both sides share: flags, dates, mailbox names. No I/O.
 */
#ifndef CORE_BASE_MAIL_H
#define CORE_BASE_MAIL_H

#include "core/base/buf.h"
#include "core/base/err.h"

/* ---- flags (RFC 9051 section 2.3.2) ---------------------------------------------------------- */

enum {
	MAIL_ANSWERED = 1 << 0,
	MAIL_DELETED = 1 << 1,
	MAIL_DRAFT = 1 << 2,
	MAIL_FLAGGED = 1 << 3,
	MAIL_SEEN = 1 << 4,
	MAIL_FORWARDED = 1 << 5, /* the keyword $Forwarded, which Maildir has a letter for */
};

#define MAIL_KEYWORD_MAX    255	       /* bytes in one keyword; longer ones are not kept */
#define MAIL_KEYWORDS_MAX   256	       /* keywords on one message; further ones are not kept */
#define MAIL_FLAGS_TEXT_MAX (64 << 10) /* bytes of the canonical text */

/*
 * The flags of one message as one canonical string: system flags first, in the order Answered,
 * Deleted, Draft, Flagged, Seen with RFC capitalisation, then keywords sorted by bytes, separated
 * by one space: "\Answered \Seen $Forwarded work". Equal sets of flags give equal strings, so
 * flags are compared, stored and interned as text.
 *
 * \Recent is dropped (it belongs to the session). Duplicates are dropped; keywords that differ only
 * in case are one keyword, and the first spelling in byte order is kept. Unknown \Flags are kept
 * among the keywords.
 */
struct mail_flags {
	struct buf text;
	uint32_t bits;	/* MAIL_* of those present */
	size_t dropped; /* keywords not kept: over a limit, empty, or with a space or control */
};

void mail_flags_init(struct mail_flags *f);
void mail_flags_release(struct mail_flags *f);
/* From n separate flags, in any order. Replaces the contents; a failing call changes nothing. The
 * flags may point into the old contents. */
int mail_flags_set(
	struct mail_flags *f, const struct slice *flag, size_t n, struct err *e) NODISCARD;
/* From a text of flags separated by spaces. */
int mail_flags_parse(struct mail_flags *f, struct slice text, struct err *e) NODISCARD;
/* Walk over the flags of a canonical text: false at the end. Start with *at = 0. */
bool mail_flags_next(struct slice text, size_t *at, struct slice *flag);

/* ---- INTERNALDATE (RFC 9051 section 9, date-time) -------------------------------------------- */

#define MAIL_DATE_LEN 26 /* "dd-Mon-yyyy hh:mm:ss +zzzz" */

struct mail_date {
	int64_t secs; /* since 1970-01-01 00:00:00 UTC; may be negative */
	int zone;     /* minutes east of UTC, -1439..1439 */
	bool valid;   /* false: no usable date was given */
};

/*
 * Parse " 7-Feb-1994 21:52:25 -0800" (without the quotes). Accepts a day with one digit with or
 * without the leading space, month names in any case, and a missing zone (taken as +0000). false
 * when it is not a date of the proleptic Gregorian calendar (such as 00-Jan-0000): *d is then
 * invalid and zero. Second 60 is accepted and counted as 59.
 */
bool mail_date_parse(struct slice text, struct mail_date *d);
/* Write MAIL_DATE_LEN bytes and a NUL. Years outside 0000..9999 give false. Round trip:
 * parse(format(d)) == d. Locale and TZ are never looked at. */
bool mail_date_format(const struct mail_date *d, char out[MAIL_DATE_LEN + 1]);

/* Days since 1970-01-01 of a proleptic Gregorian date, and back; months and days count from 1. For
 * years up to some 10^15 either way; a day beyond the end of its month counts on into the next. */
int64_t mail_days_from_civil(int64_t year, int month, int day);
void mail_civil_from_days(int64_t days, int64_t *year, int *month, int *day);

/* ---- mailbox names (RFC 3501 section 5.1.3) ------------------------------------------------- */

/*
 * Modified UTF-7 to UTF-8. false when `wire` is not well-formed modified UTF-7 (bad base64,
 * unpaired surrogate, encoded printable ASCII, 8-bit bytes, control characters, missing '-',
 * superfluous shift) or does not fit, in which case out is unchanged: encoding what was decoded
 * gives `wire` again.
 */
bool mutf7_decode(struct slice wire, struct buf *out);
/* UTF-8 to modified UTF-7, the shortest form. false when `utf8` is not valid UTF-8. */
bool mutf7_encode(struct slice utf8, struct buf *out);

/* "INBOX" in any case (RFC 9051 section 5.1). */
bool mailbox_is_inbox(struct slice wire);

#endif

/* SPDX-License-Identifier: MIT */
/* query_words.c -- words of a command line to a search query; see query_words.h. */
#include "cmd/query_words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/imap/imap4_util.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct parser {
	char *const *word;
	size_t n, at;
	unsigned depth;
};

/* "WORD" and what is wrong with it. */
static int usage(struct err *e, const char *why, const char *word)
{
	char shown[TEXT_SHOW_SIZE];
	return err_set(e, ERR_USAGE, E_USAGE, "\"%s\" %s",
		text_show(shown, sizeof shown, slice_str(word)), why);
}

/* What the library says to one condition; `word` is the last that belongs to it. */
static int check(imap4_err rc, const char *word, struct err *e)
{
	switch ((int)rc) {
	case IMAP4_OK: return 0;
	case IMAP4_E_NOMEM: return err_nomem(e, "the query");
	case IMAP4_E_LIMIT: return usage(e, "makes the query too long", word);
	default: return usage(e, "cannot be searched for", word);
	}
}

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

/* The word behind `key`, which wants one; NULL: *e. */
static const char *value_of(struct parser *p, const char *key, struct err *e)
{
	if (p->at < p->n)
		return p->word[p->at++];
	usage(e, "needs something behind it", key);
	return NULL;
}

/* ---- values ----------------------------------------------------------------------------------- */

/* n digits; the value, or -1. */
static int digits(const char *s, size_t n)
{
	uint64_t v;
	return slice_u64(slice_of(s, n), 9999, &v) ? (int)v : -1;
}

static int month_of(const char *s)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int i = 0; i < 12; i++)
		if (strncasecmp(names + 3 * i, s, 3) == 0)
			return i + 1;
	return -1;
}

/* "2024-01-31", or "31-Jan-2024" (RFC 9051 section 9, date). Whether there is such a day says the library. */
static bool parse_date(const char *s, int *year, int *month, int *day)
{
	size_t first = strcspn(s, "-"), n = strlen(s);
	if (first == 4 && n == 10 && s[7] == '-') {
		*year = digits(s, 4);
		*month = digits(s + 5, 2);
		*day = digits(s + 8, 2);
	} else if ((first == 1 || first == 2) && n == first + 9 && s[first + 4] == '-') {
		*day = digits(s, first);
		*month = month_of(s + first + 1);
		*year = digits(s + first + 5, 4);
	} else {
		return false;
	}
	return *year >= 0 && *month >= 0 && *day >= 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* Digits and a unit of the table, which ends with a NULL; at most 2^32 - 1 in all. */
static bool parse_amount(const char *s, const struct unit *unit, uint64_t *v)
{
	size_t n = strspn(s, "0123456789");
	for (; unit->name != NULL; unit++)
		if (strcasecmp(s + n, unit->name) == 0)
			break;
	if (unit->name == NULL || !slice_u64(slice_of(s, n), UINT32_MAX / unit->factor, v))
		return false;
	*v *= unit->factor;
	return true;
}

/* ---- sets ------------------------------------------------------------------------------------- */

static bool parse_number(const char *s, size_t n, uint32_t *v)
{
	uint64_t wide;
	if (!slice_u64(slice_of(s, n), UINT32_MAX, &wide) || wide == 0)
		return false;
	*v = (uint32_t)wide;
	return true;
}

/* One of "7", "1:5", "20:*", "*:20", "*". */
static bool parse_part(
	const char *s, size_t n, imap4_set *set, uint32_t *open_from, bool *last, imap4_err *rc)
{
	const char *colon = memchr(s, ':', n);
	size_t left = colon != NULL ? (size_t)(colon - s) : n;
	const char *right = colon != NULL ? colon + 1 : s;
	size_t nright = colon != NULL ? n - left - 1 : n;
	bool star_left = left == 1 && *s == '*', star_right = nright == 1 && *right == '*';
	uint32_t a = 0, b = 0;
	if ((!star_left && !parse_number(s, left, &a)) ||
		(!star_right && !parse_number(right, nright, &b)))
		return false;
	if (star_left && star_right) {
		*last = true;
	} else if (star_left || star_right) {
		uint32_t from = star_left ? b : a;
		if (*open_from == 0 || from < *open_from)
			*open_from = from;
	} else {
		*rc = imap4_set_add_range(set, a < b ? a : b, a < b ? b : a);
	}
	return true;
}

int uid_words_parse(
	const char *text, imap4_set *set, uint32_t *open_from, bool *last, struct err *e)
{
	imap4_err rc = IMAP4_OK;
	const char *s = text;
	*open_from = 0;
	*last = false;
	for (bool more = true; more && rc == IMAP4_OK;) {
		size_t n = strcspn(s, ",");
		if (!parse_part(s, n, set, open_from, last, &rc))
			return usage(e, "is not a set such as 7 or 1:5,9,20:*", text);
		more = s[n] == ',';
		s += n + 1;
	}
	return check(rc, text, e);
}

/* ---- kinds of keys ------------------------------------------------------------------------------ */

/* A key of the table: what kind of value it takes, and what that is for the library. */
struct key {
	const char *name;
	int (*add)(struct parser *p, const struct key *k, imap4_query *q, struct err *e);
	int what;
	const char *flag;
};

static int add_flag(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	(void)p;
	return check(imap4_query_flag(q, str(k->flag), k->what), k->name, e);
}

static int add_all(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	(void)p;
	(void)k;
	(void)q;
	(void)e;
	return 0;
}

/* NEW is RECENT UNSEEN (RFC 3501 section 6.4.4). */
static int add_new(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	(void)p;
	imap4_err rc = imap4_query_flag(q, str("\\Recent"), 1);
	return check(rc == IMAP4_OK ? imap4_query_flag(q, str("\\Seen"), 0) : rc, k->name, e);
}

static int add_keyword(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	const char *v = value_of(p, k->name, e);
	return v == NULL ? -1 : check(imap4_query_flag(q, str(v), k->what), v, e);
}

static int add_text(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	const char *v = value_of(p, k->name, e);
	if (v != NULL && !utf8_valid(slice_str(v)))
		return usage(e, "is not UTF-8", v);
	return v == NULL ? -1 : check(imap4_query_text(q, k->what, str(v)), v, e);
}

static int add_header(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	const char *field = value_of(p, k->name, e);
	const char *v = field != NULL ? value_of(p, field, e) : NULL;
	if (v != NULL && !utf8_valid(slice_str(v)))
		return usage(e, "is not UTF-8", v);
	return v == NULL ? -1 : check(imap4_query_header(q, str(field), str(v)), field, e);
}

static int add_date(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	int year, month, day;
	const char *v = value_of(p, k->name, e);
	if (v == NULL)
		return -1;
	imap4_err rc = IMAP4_E_ARG;
	if (parse_date(v, &year, &month, &day))
		rc = imap4_query_date(q, k->what, year, month, day);
	if (rc == IMAP4_E_ARG)
		return usage(e, "is not a date such as 2024-01-31", v);
	return check(rc, v, e);
}

static int add_size(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	static const struct unit units[] = {{"", 1}, {"k", 1u << 10}, {"kB", 1u << 10},
		{"M", 1u << 20}, {"MB", 1u << 20}, {"G", 1u << 30}, {"GB", 1u << 30}, {NULL, 0}};
	uint64_t octets;
	const char *v = value_of(p, k->name, e);
	if (v == NULL)
		return -1;
	if (!parse_amount(v, units, &octets))
		return usage(e, "is not a size below 4G such as 500k or 1M", v);
	return check(imap4_query_size(q, k->what, octets), v, e);
}

static int add_age(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	static const struct unit units[] = {
		{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {NULL, 0}};
	uint64_t seconds;
	const char *v = value_of(p, k->name, e);
	if (v == NULL)
		return -1;
	if (!parse_amount(v, units, &seconds) || seconds == 0)
		return usage(e, "is not a time such as 36h or 2d", v);
	return check(imap4_query_age(q, k->what, (uint32_t)seconds), v, e);
}

static int add_modseq(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	uint64_t n;
	const char *v = value_of(p, k->name, e);
	if (v == NULL)
		return -1;
	if (!slice_u64(slice_str(v), INT64_MAX, &n))
		return usage(e, "is not a modification sequence", v);
	return check(imap4_query_modseq(q, n), v, e);
}

static int add_uid(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	uint32_t open_from;
	bool last;
	const char *v = value_of(p, k->name, e);
	if (v == NULL)
		return -1;
	imap4_set *set = imap4_set_new();
	if (set == NULL)
		return err_nomem(e, "the query");
	int rc = uid_words_parse(v, set, &open_from, &last, e);
	/* "4294967295:*" is the last message, whatever its number (RFC 9051 section 9, seq-range). */
	if (rc == 0 && last && open_from == 0)
		open_from = UINT32_MAX;
	if (rc == 0)
		rc = check(imap4_query_set(q, IMAP4_BY_UID, set, open_from), v, e);
	imap4_set_free(set);
	return rc;
}

/* ---- keys ------------------------------------------------------------------------------------------ */

static int add_not(struct parser *p, const struct key *k, imap4_query *q, struct err *e);
static int add_or(struct parser *p, const struct key *k, imap4_query *q, struct err *e);
static int add_group(struct parser *p, const struct key *k, imap4_query *q, struct err *e);

static const struct key keys[] = {
	{"all", add_all, 0, NULL},
	{"answered", add_flag, 1, "\\Answered"},
	{"unanswered", add_flag, 0, "\\Answered"},
	{"deleted", add_flag, 1, "\\Deleted"},
	{"undeleted", add_flag, 0, "\\Deleted"},
	{"draft", add_flag, 1, "\\Draft"},
	{"undraft", add_flag, 0, "\\Draft"},
	{"flagged", add_flag, 1, "\\Flagged"},
	{"unflagged", add_flag, 0, "\\Flagged"},
	{"seen", add_flag, 1, "\\Seen"},
	{"unseen", add_flag, 0, "\\Seen"},
	{"recent", add_flag, 1, "\\Recent"},
	{"old", add_flag, 0, "\\Recent"},
	{"new", add_new, 0, NULL},
	{"keyword", add_keyword, 1, NULL},
	{"unkeyword", add_keyword, 0, NULL},
	{"from", add_text, IMAP4_IN_FROM, NULL},
	{"to", add_text, IMAP4_IN_TO, NULL},
	{"cc", add_text, IMAP4_IN_CC, NULL},
	{"bcc", add_text, IMAP4_IN_BCC, NULL},
	{"subject", add_text, IMAP4_IN_SUBJECT, NULL},
	{"body", add_text, IMAP4_IN_BODY, NULL},
	{"text", add_text, IMAP4_IN_TEXT, NULL},
	{"header", add_header, 0, NULL},
	{"before", add_date, IMAP4_BEFORE, NULL},
	{"on", add_date, IMAP4_ON, NULL},
	{"since", add_date, IMAP4_SINCE, NULL},
	{"sentbefore", add_date, IMAP4_SENTBEFORE, NULL},
	{"senton", add_date, IMAP4_SENTON, NULL},
	{"sentsince", add_date, IMAP4_SENTSINCE, NULL},
	{"larger", add_size, 1, NULL},
	{"smaller", add_size, 0, NULL},
	{"older", add_age, 1, NULL},
	{"younger", add_age, 0, NULL},
	{"uid", add_uid, 0, NULL},
	{"modseq", add_modseq, 0, NULL},
	{"not", add_not, 0, NULL},
	{"or", add_or, 0, NULL},
	{"(", add_group, 0, NULL},
};

/* The next key, which must be there: `before` wants one. */
static int add_key(struct parser *p, const char *before, imap4_query *q, struct err *e)
{
	const char *word = value_of(p, before, e);
	if (word == NULL)
		return -1;
	if (p->depth >= QUERY_DEPTH_MAX)
		return usage(e, "is nested too deep", word);
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcasecmp(keys[i].name, word) != 0)
			continue;
		p->depth++;
		int rc = keys[i].add(p, &keys[i], q, e);
		p->depth--;
		return rc;
	}
	if (strcmp(word, ")") == 0)
		return usage(e, "stands where something to search for is expected", word);
	return usage(e, "is not a word of a search; see imapsync(1)", word);
}

/* A key as a query of its own; NULL: *e. */
static imap4_query *key_alone(struct parser *p, const char *before, struct err *e)
{
	imap4_query *q = imap4_query_new();
	if (q == NULL) {
		err_nomem(e, "the query");
		return NULL;
	}
	if (add_key(p, before, q, e) == 0)
		return q;
	imap4_query_free(q);
	return NULL;
}

static int add_not(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	imap4_query *other = key_alone(p, k->name, e);
	if (other == NULL)
		return -1;
	int rc = check(imap4_query_not(q, other), k->name, e);
	imap4_query_free(other);
	return rc;
}

static int add_or(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	imap4_query *a = key_alone(p, k->name, e);
	imap4_query *b = a != NULL ? key_alone(p, k->name, e) : NULL;
	int rc = b == NULL ? -1 : check(imap4_query_or(q, a, b), k->name, e);
	imap4_query_free(a);
	imap4_query_free(b);
	return rc;
}

/* "(" is read already. */
static int add_group(struct parser *p, const struct key *k, imap4_query *q, struct err *e)
{
	imap4_query *inner = imap4_query_new();
	if (inner == NULL)
		return err_nomem(e, "the query");
	int rc = 0;
	do
		rc = add_key(p, k->name, inner, e);
	while (rc == 0 && p->at < p->n && strcmp(p->word[p->at], ")") != 0);
	if (rc == 0 && p->at == p->n)
		rc = usage(e, "is not closed", k->name);
	p->at++;
	if (rc == 0)
		rc = check(imap4_query_and(q, inner), k->name, e);
	imap4_query_free(inner);
	return rc;
}

int query_words_parse(imap4_query *q, char *const *word, size_t n, struct err *e)
{
	struct parser p = {.word = word, .n = n};
	while (p.at < p.n)
		if (add_key(&p, "search", q, e) != 0)
			return -1;
	return 0;
}

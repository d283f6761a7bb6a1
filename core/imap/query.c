/* SPDX-License-Identifier: MIT */
/*
 * query.c -- imap4_query: search-key of RFC 9051 section 9, built one condition after the other.
 */
#include "core/imap/query.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"
#include "core/base/text.h"

#define QUERY_BYTES_MAX ((size_t)64 << 10)

imap4_query *imap4_query_new(void)
{
	struct imap4_query *q = calloc(1, sizeof *q);
	if (q != NULL)
		buf_init(&q->bytes, QUERY_BYTES_MAX);
	return q;
}

void imap4_query_free(imap4_query *q)
{
	if (q == NULL)
		return;
	buf_release(&q->bytes);
	free(q->piece);
	free(q);
}

static imap4_err fail(struct imap4_query *q, imap4_err err)
{
	if (q->failed == IMAP4_OK)
		q->failed = err;
	return q->failed;
}

/* ---- pieces ---------------------------------------------------------------------------------------- */

static void add_piece(struct imap4_query *q, struct slice s, bool text)
{
	if (q->failed != IMAP4_OK)
		return;
	if (q->npieces == q->cap) {
		size_t cap = q->cap == 0 ? 8 : q->cap * 2;
		struct query_piece *piece = realloc(q->piece, cap * sizeof *piece);
		if (piece == NULL) {
			fail(q, IMAP4_E_NOMEM);
			return;
		}
		q->piece = piece;
		q->cap = cap;
	}
	q->piece[q->npieces++] = (struct query_piece){q->bytes.len, s.n, text};
	(void)buf_add_slice(&q->bytes, s);
	if (buf_add_byte(&q->bytes, '\0') != 0)
		fail(q, q->bytes.failed == E_NOMEM ? IMAP4_E_NOMEM : IMAP4_E_LIMIT);
}

static void add_raw(struct imap4_query *q, const char *protocol_text)
{
	add_piece(q, slice_str(protocol_text), false);
}

/* A condition begins. */
static void term(struct imap4_query *q, const char *key)
{
	add_raw(q, q->nterms++ > 0 ? " " : "");
	add_raw(q, key);
}

static void add_text(struct imap4_query *q, imap4_str text)
{
	struct slice s = slice_of(text.ptr, text.len);
	for (size_t i = 0; i < s.n; i++)
		q->utf8 = q->utf8 || s.p[i] >= 0x80;
	if (s.n > 0 && (memchr(s.p, '\0', s.n) != NULL || !utf8_valid(s)))
		fail(q, IMAP4_E_ARG);
	add_raw(q, " ");
	add_piece(q, s, true);
}

/* What the encoder wrote, or its refusal. */
static imap4_err add_encoded(struct imap4_query *q, struct enc *enc)
{
	struct err e = ERR_INIT;
	if (enc_check(enc, &e) == 0)
		add_piece(q, buf_slice(&enc->bytes), false);
	else
		fail(q,
			e.code == E_NOMEM	    ? IMAP4_E_NOMEM
				: e.code == E_LIMIT ? IMAP4_E_LIMIT
						    : IMAP4_E_ARG);
	enc_release(enc);
	return q->failed;
}

static imap4_err refuse_encoded(struct imap4_query *q, struct enc *enc)
{
	enc_release(enc);
	return fail(q, IMAP4_E_ARG);
}

static imap4_err add_number(struct imap4_query *q, const char *key, uint64_t n)
{
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	term(q, key);
	enc_number(&enc, n);
	return add_encoded(q, &enc);
}

/* ---- conditions ------------------------------------------------------------------------------------ */

struct flag_key {
	const char *flag, *present, *absent;
};

imap4_err imap4_query_flag(imap4_query *q, imap4_str flag, int present)
{
	static const struct flag_key keys[] = {
		{"\\Answered", "ANSWERED", "UNANSWERED"}, {"\\Deleted", "DELETED", "UNDELETED"},
		{"\\Draft", "DRAFT", "UNDRAFT"}, {"\\Flagged", "FLAGGED", "UNFLAGGED"},
		{"\\Seen", "SEEN", "UNSEEN"},
		{"\\Recent", "RECENT", "OLD"}, /* RFC 3501 section 6.4.4 */
	};
	struct slice s = slice_of(flag.ptr, flag.len);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (slice_ieq_str(s, keys[i].flag)) {
			term(q, present ? keys[i].present : keys[i].absent);
			return q->failed;
		}
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	term(q, present ? "KEYWORD " : "UNKEYWORD ");
	enc_atom(&enc, s);
	return add_encoded(q, &enc);
}

imap4_err imap4_query_text(imap4_query *q, int where, imap4_str text)
{
	static const char *const keys[] = {"FROM", "TO", "CC", "BCC", "SUBJECT", "BODY", "TEXT"};
	if (where < IMAP4_IN_FROM || where > IMAP4_IN_TEXT)
		return fail(q, IMAP4_E_ARG);
	term(q, keys[where]);
	add_text(q, text);
	return q->failed;
}

imap4_err imap4_query_header(imap4_query *q, imap4_str field, imap4_str text)
{
	/* field-name, RFC 5322 section 3.6.8 */
	for (size_t i = 0; i < field.len; i++)
		if (field.ptr[i] <= ' ' || field.ptr[i] >= 0x7f || field.ptr[i] == ':')
			return fail(q, IMAP4_E_ARG);
	if (field.len == 0)
		return fail(q, IMAP4_E_ARG);
	term(q, "HEADER");
	add_text(q, field);
	add_text(q, text);
	return q->failed;
}

imap4_err imap4_query_date(imap4_query *q, int how, int year, int month, int day)
{
	static const char *const keys[] = {"BEFORE ", "ON ", "SINCE ", "SENTBEFORE ", "SENTON ",
		"SENTSINCE ", "SAVEDBEFORE ", "SAVEDON ", "SAVEDSINCE "};
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	if (how < IMAP4_BEFORE || how > IMAP4_SAVEDSINCE || year < 0 || year > 9999 || month < 1 ||
		month > 12 || day < 1 || day > 31)
		return fail(q, IMAP4_E_ARG);
	/* 30 February is the 1st or 2nd of March: no date. */
	int64_t y;
	int m, d;
	mail_civil_from_days(mail_days_from_civil(year, month, day), &y, &m, &d);
	if (m != month)
		return fail(q, IMAP4_E_ARG);
	struct buf date = BUF_INIT(32);
	(void)buf_addf(&date, "%d-%.3s-%04d", day, names + 3 * (month - 1), year);
	term(q, keys[how]);
	q->needs |= how >= IMAP4_SAVEDBEFORE ? QUERY_SAVEDATE : 0;
	if (date.failed != E_NONE)
		fail(q, IMAP4_E_NOMEM);
	add_piece(q, buf_slice(&date), false);
	buf_release(&date);
	return q->failed;
}

imap4_err imap4_query_size(imap4_query *q, int larger, uint64_t octets)
{
	if (octets > UINT32_MAX)
		return fail(q, IMAP4_E_ARG);
	return add_number(q, larger ? "LARGER " : "SMALLER ", octets);
}

imap4_err imap4_query_set(imap4_query *q, int by, const imap4_set *set, uint32_t open_from)
{
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	term(q, by == IMAP4_BY_UID ? "UID " : "");
	if (set == imap4_set_saved()) {
		q->needs |= QUERY_SAVED;
		enc_raw(&enc, "$");
		return open_from == 0 ? add_encoded(q, &enc) : refuse_encoded(q, &enc);
	}
	q->needs |= by == IMAP4_BY_UID ? 0 : QUERY_BY_SEQ;
	enc_set(&enc, set, open_from);
	return add_encoded(q, &enc);
}

imap4_err imap4_query_age(imap4_query *q, int older, uint32_t seconds)
{
	if (seconds == 0) /* nz-number, RFC 5032 section 4 */
		return fail(q, IMAP4_E_ARG);
	q->needs |= QUERY_WITHIN;
	return add_number(q, older ? "OLDER " : "YOUNGER ", seconds);
}

imap4_err imap4_query_modseq(imap4_query *q, uint64_t modseq)
{
	if (modseq > INT64_MAX)
		return fail(q, IMAP4_E_ARG);
	q->needs |= QUERY_CONDSTORE;
	return add_number(q, "MODSEQ ", modseq);
}

imap4_err imap4_query_modseq_of(imap4_query *q, imap4_str flag, int whose, uint64_t modseq)
{
	static const char *const type[] = {" priv ", " shared ", " all "};
	if (modseq > INT64_MAX || whose < IMAP4_MODSEQ_PRIVATE || whose > IMAP4_MODSEQ_ALL)
		return fail(q, IMAP4_E_ARG);
	struct enc enc;
	struct buf entry = BUF_INIT(IMAP_TOKEN_MAX);
	enc_init(&enc, ENC_LITERAL_SYNC);
	enc_flag(&enc, slice_of(flag.ptr, flag.len));
	struct err e = ERR_INIT;
	if (enc_check(&enc, &e) == 0) {
		/* entry-flag-name, RFC 7162 section 7 */
		(void)buf_add_str(&entry, "/flags/");
		(void)buf_add_slice(&entry, buf_slice(&enc.bytes));
		term(q, "MODSEQ");
		if (entry.failed != E_NONE)
			fail(q, IMAP4_E_NOMEM);
		add_text(q, (imap4_str){buf_str(&entry), entry.len});
		add_raw(q, type[whose]);
		enc_clear(&enc);
		enc_number(&enc, modseq);
	}
	buf_release(&entry);
	q->needs |= QUERY_CONDSTORE;
	return add_encoded(q, &enc);
}

imap4_err imap4_query_savedate(imap4_query *q)
{
	q->needs |= QUERY_SAVEDATE;
	term(q, "SAVEDATESUPPORTED");
	return q->failed;
}

/* objectid = 1*255(ALPHA / DIGIT / "_" / "-") (RFC 8474 section 7) */
static bool is_objectid(imap4_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char ch = s.ptr[i];
		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
			    (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'))
			return false;
	}
	return s.len >= 1 && s.len <= 255;
}

imap4_err imap4_query_id(imap4_query *q, int which, imap4_str id)
{
	static const char *const keys[] = {"EMAILID ", "THREADID ", "X-GM-MSGID ", "X-GM-THRID "};
	if (which < IMAP4_ID_EMAIL || which > IMAP4_ID_GM_THREAD)
		return fail(q, IMAP4_E_ARG);
	bool gmail = which >= IMAP4_ID_GM_MESSAGE;
	uint64_t n;
	struct slice s = slice_of(id.ptr, id.len);
	if (gmail ? !slice_u64(s, UINT64_MAX, &n) : !is_objectid(id))
		return fail(q, IMAP4_E_ARG);
	q->needs |= gmail ? QUERY_GMAIL : QUERY_OBJECTID;
	term(q, keys[which]);
	add_piece(q, s, false);
	return q->failed;
}

imap4_err imap4_query_gmail(imap4_query *q, int where, imap4_str text)
{
	if (where != IMAP4_GM_RAW && where != IMAP4_GM_LABEL)
		return fail(q, IMAP4_E_ARG);
	q->needs |= QUERY_GMAIL;
	term(q, where == IMAP4_GM_RAW ? "X-GM-RAW" : "X-GM-LABELS");
	add_text(q, text);
	return q->failed;
}

imap4_err imap4_query_filter(imap4_query *q, imap4_str name)
{
	/* filter-name = 1*<any ATOM-CHAR except "/"> (RFC 5466 section 3.1) */
	if (name.len > 0 && memchr(name.ptr, '/', name.len) != NULL)
		return fail(q, IMAP4_E_ARG);
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	q->needs |= QUERY_FILTERS;
	term(q, "FILTER ");
	enc_atom(&enc, slice_of(name.ptr, name.len));
	return add_encoded(q, &enc);
}

imap4_err imap4_query_uid_beyond(imap4_query *q, int after, uint32_t uid)
{
	if (uid == 0)
		return fail(q, IMAP4_E_ARG);
	q->needs |= QUERY_MESSAGELIMIT;
	return add_number(q, after ? "UIDAFTER " : "UIDBEFORE ", uid);
}

/* ---- queries inside queries -------------------------------------------------------------------------- */

static void add_pieces(struct imap4_query *q, const struct imap4_query *other)
{
	if (other->failed != IMAP4_OK)
		fail(q, other->failed);
	for (size_t i = 0; i < other->npieces && q->failed == IMAP4_OK; i++) {
		const struct query_piece *piece = &other->piece[i];
		add_piece(q, slice_of(other->bytes.data + piece->start, piece->len), piece->text);
	}
	q->needs |= other->needs;
	q->utf8 = q->utf8 || other->utf8;
}

/* As one condition. */
static void add_query(struct imap4_query *q, const struct imap4_query *other)
{
	if (other->nterms == 0)
		add_raw(q, "ALL");
	add_raw(q, other->nterms > 1 ? "(" : "");
	add_pieces(q, other);
	add_raw(q, other->nterms > 1 ? ")" : "");
}

imap4_err imap4_query_not(imap4_query *q, const imap4_query *other)
{
	if (q == other)
		return fail(q, IMAP4_E_ARG);
	term(q, "NOT ");
	add_query(q, other);
	return q->failed;
}

imap4_err imap4_query_fuzzy(imap4_query *q, const imap4_query *other)
{
	if (q == other)
		return fail(q, IMAP4_E_ARG);
	q->needs |= QUERY_FUZZY;
	term(q, "FUZZY ");
	add_query(q, other);
	return q->failed;
}

imap4_err imap4_query_or(imap4_query *q, const imap4_query *a, const imap4_query *b)
{
	if (q == a || q == b)
		return fail(q, IMAP4_E_ARG);
	term(q, "OR ");
	add_query(q, a);
	add_raw(q, " ");
	add_query(q, b);
	return q->failed;
}

imap4_err imap4_query_and(imap4_query *q, const imap4_query *other)
{
	if (q == other)
		return fail(q, IMAP4_E_ARG);
	term(q, "");
	add_query(q, other);
	return q->failed;
}

/* ---- for the commands -------------------------------------------------------------------------------- */

struct imap4_query *query_copy(const struct imap4_query *q, struct err *e)
{
	struct imap4_query *copy = imap4_query_new();
	if (copy != NULL && q != NULL) {
		add_pieces(copy, q);
		copy->nterms = q->nterms;
	}
	if (copy != NULL && copy->failed == IMAP4_OK)
		return copy;
	if (copy == NULL || copy->failed == IMAP4_E_NOMEM)
		(void)err_nomem(e, "a query");
	else
		(void)err_set(e, ERR_USAGE, copy->failed == IMAP4_E_LIMIT ? E_LIMIT : E_INVALID,
			"the query has a condition that cannot be sent");
	imap4_query_free(copy);
	return NULL;
}

void query_encode(struct enc *enc, const struct imap4_query *q)
{
	if (q->nterms == 0)
		enc_raw(enc, "ALL");
	for (size_t i = 0; i < q->npieces; i++) {
		struct slice s = slice_of(q->bytes.data + q->piece[i].start, q->piece[i].len);
		if (q->piece[i].text)
			enc_string(enc, s);
		else
			enc_raw(enc, (const char *)s.p);
	}
}

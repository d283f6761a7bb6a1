/* SPDX-License-Identifier: MIT */
/*
 * restore_send.c -- uploading: batches, each noted in the journal before and after.
 *
 * A batch is one MULTIAPPEND where the server has it with LITERAL+, else one APPEND for each message, all queued at
 * once: the library sends them without waiting where literals allow it. A MULTIAPPEND is all or nothing, so one
 * that is refused is sent again message by message, to find which one is meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/restore_internal.h"

#define BATCH_MESSAGES 100
#define BATCH_BYTES    (UINT64_C(8) << 20)
#define MESSAGE_DEATHS 2

/* One message on its way. */
struct upload {
	struct restore *r;
	struct want *want;
	struct origin_reader *reader;
	struct mail_flags flags;
	imap4_str *flag;
	char date[MAIL_DATE_LEN + 1];
	imap4_append_message message;
	imap4_cmd *cmd; /* NULL in a MULTIAPPEND */
	struct err err; /* of reading */
};

struct sending {
	struct restore *r;
	struct upload *at;
	size_t n;
	struct sha256 *hash;
};

/* ---- one message ----------------------------------------------------------------------------------- */

static long read_message(void *ctx, void *p, size_t n)
{
	struct upload *u = ctx;
	const struct want *w = u->want;
	struct restore_origin *o = u->r->origin;
	if (u->reader == NULL && o->open(o, w->generation, w->uid, &u->reader, &u->err) != 0)
		return -1;
	long got = u->reader->read(u->reader, p, n, &u->err);
	u->r->progress.bytes += got > 0 ? (uint64_t)got : 0;
	return got;
}

/* flag = "\" atom / atom, RFC 9051 section 9; others had to be refused by the server. */
static bool can_be_sent(struct slice flag)
{
	size_t i = flag.n > 0 && flag.p[0] == '\\';
	bool good = i < flag.n;
	for (; i < flag.n && good; i++)
		good = flag.p[i] > ' ' && flag.p[i] < 0x7f &&
			strchr("(){%*\"\\]", flag.p[i]) == NULL;
	return good;
}

static bool is_permanent(const struct restore *r, struct slice flag)
{
	size_t at = 0;
	struct slice have;
	if (r->link.permanent.len == 0)
		return true; /* not told: all are (RFC 3501 section 6.3.1) */
	while (mail_flags_next(buf_slice(&r->link.permanent), &at, &have)) {
		char name[MAIL_KEYWORD_MAX + 1];
		if (have.n > MAIL_KEYWORD_MAX)
			continue;
		memcpy(name, have.p, have.n);
		name[have.n] = '\0';
		if (slice_ieq_str(flag, name) || (strcmp(name, "\\*") == 0 && flag.p[0] != '\\'))
			return true;
	}
	return false;
}

int send_flags(const struct restore *r, const struct want *w, struct mail_flags *out, bool *lost,
	struct err *e)
{
	struct buf text = BUF_INIT(MAIL_FLAGS_TEXT_MAX);
	struct slice flag;
	size_t at = 0;
	*lost = false;
	while (mail_flags_next(want_flags(r, w), &at, &flag)) {
		if (!can_be_sent(flag) || !is_permanent(r, flag)) {
			*lost = true;
			continue;
		}
		buf_add_str(&text, text.len > 0 ? " " : "");
		buf_add_slice(&text, flag);
	}
	int rc = buf_check(&text, "the flags of a message", e);
	if (rc == 0)
		rc = mail_flags_parse(out, buf_slice(&text), e);
	buf_release(&text);
	return rc;
}

static int prepare(struct upload *u, struct restore *r, struct want *w, struct err *e)
{
	bool lost;
	size_t at = 0, n = 0;
	struct slice flag;
	memset(u, 0, sizeof *u);
	u->r = r;
	u->want = w;
	mail_flags_init(&u->flags);
	if (send_flags(r, w, &u->flags, &lost, e) != 0)
		return -1;
	while (mail_flags_next(buf_slice(&u->flags.text), &at, &flag))
		n++;
	u->flag = calloc(n + 1, sizeof *u->flag);
	if (u->flag == NULL)
		return err_nomem(e, "sending a message");
	for (at = n = 0; mail_flags_next(buf_slice(&u->flags.text), &at, &flag); n++)
		u->flag[n] = (imap4_str){(const char *)flag.p, flag.n};
	u->message = (imap4_append_message){.struct_size = sizeof u->message,
		.flags = u->flag,
		.nflags = n,
		.size = w->size,
		.source = {u, read_message}};
	if (w->date.valid && mail_date_format(&w->date, u->date))
		u->message.internaldate = (imap4_str){u->date, MAIL_DATE_LEN};
	return 0;
}

static void finish(struct upload *u)
{
	imap4_cmd_free(u->cmd);
	origin_reader_close(u->reader);
	mail_flags_release(&u->flags);
	free(u->flag);
	memset(u, 0, sizeof *u);
}

/* ---- may it be sent? ------------------------------------------------------------------------------- */

struct check {
	struct sha256 *hash;
	uint64_t size;
	struct err *e;
};

static int add_bytes(void *ctx, const void *p, size_t n)
{
	struct check *c = ctx;
	c->size += n;
	return sha256_add(c->hash, p, n, c->e);
}

/* A message that is not what the server once sent must not be given back as if it were. 1: good, 0: told, -1. */
static int check_message(struct sending *s, struct want *w, struct err *e)
{
	struct restore *r = s->r;
	unsigned char got[SHA256_LEN];
	struct check c = {s->hash, 0, e};
	int rc = sha256_begin(s->hash, e);
	if (rc == 0)
		rc = origin_read(r->origin, w->generation, w->uid, add_bytes, &c, e);
	if (rc == 0)
		rc = sha256_end(s->hash, got, e);
	if (rc != 0 && e->scope > ERR_MESSAGE)
		return -1;
	bool good = rc == 0 && c.size == w->size && memcmp(got, w->sha256, SHA256_LEN) == 0;
	if (good && w->size > 0 && w->size <= r->link.limit)
		return 1;
	w->state = WANT_REFUSED;
	if (!good) {
		r->report->damaged++;
		restore_odd(r, w, "damaged %s, not restored%s%s%s", r->origin->where,
			rc != 0 ? ": " : "", rc != 0 ? e->text : "", r->origin->advice);
		err_clear(e);
	} else {
		r->report->refused++;
		restore_odd(r, w,
			w->size == 0 ? "has no content, which IMAP does not allow"
				     : "is larger than the server takes");
	}
	return 0;
}

/* ---- the journal ----------------------------------------------------------------------------------- */

/* Without a journal: for this run at least. */
static void remember(struct sending *s, bool before)
{
	for (size_t i = 0; i < s->n && before; i++) {
		struct want *w = s->at[i].want;
		w->maybe = true;
		w->from = s->r->link.uidnext;
		w->within = s->r->link.uidvalidity;
	}
}

static int journal(struct sending *s, bool before, struct err *e)
{
	struct restore *r = s->r;
	struct store_journal_row row[BATCH_MESSAGES];
	size_t n = 0;
	if (r->origin->journal_write == NULL) {
		remember(s, before);
		return 0;
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct want *w = s->at[i].want;
		if (!before && w->state == WANT_OPEN)
			continue;
		row[n++] = (struct store_journal_row){.generation = w->generation,
			.uid = w->uid,
			.state = before			? STORE_JOURNAL_SENDING
				: w->state == WANT_SENT ? STORE_JOURNAL_DONE
							: STORE_JOURNAL_REFUSED,
			.uidvalidity = r->link.uidvalidity,
			.appended_uid = before ? r->link.uidnext : w->at};
	}
	return r->origin->journal_write(
		r->origin, buf_slice(&r->who), buf_slice(&r->wire), row, n, e);
}

/* ---- outcomes -------------------------------------------------------------------------------------- */

static void sent(struct upload *u, uint32_t uid)
{
	struct restore *r = u->r;
	bool lost;
	struct err e = ERR_INIT;
	struct mail_flags kept;
	u->want->state = WANT_SENT;
	u->want->at = uid;
	r->report->restored++;
	r->report->bytes += u->want->size;
	r->progress.messages_done++;
	mail_flags_init(&kept);
	if (send_flags(r, u->want, &kept, &lost, &e) == 0 && lost)
		r->report->flags_dropped++;
	mail_flags_release(&kept);
}

static uint32_t uid_of(const struct restore *r, const imap4_cmd *c, size_t i)
{
	const imap4_appended *a = account_uses(r->account, r->link.dial.session, "UIDPLUS")
		? imap4_cmd_appended(c)
		: NULL;
	return a != NULL && a->uidvalidity == r->link.uidvalidity && i < a->n ? a->uid[i] : 0;
}

/* A server that asks for a pause has not judged the message: all others would be answered the same. LIMIT alone is about
 * the message (RFC 5530 section 3). */
static bool not_judged(const imap4_cmd *c, struct err *e)
{
	if (e->scope > ERR_MAILBOX)
		return true;
	const imap4_result *r = c != NULL ? imap4_cmd_result(c) : NULL;
	if (e->code != E_THROTTLE ||
		(r != NULL && r->code == IMAP4_CODE_LIMIT && sync_throttle_ms(r) == 0))
		return false;
	err_widen(e, ERR_ACCOUNT);
	return true;
}

/* Why sync_wait() failed: the message could not be read, or what it says. */
static int refused(struct upload *u, struct err *e)
{
	if (err_is_set(&u->err)) {
		restore_say(u->r, SYNC_NOTE_WARNING, u->want, u->err.text);
		u->want->deaths = MESSAGE_DEATHS; /* it will not be better next time */
	}
	if (not_judged(u->cmd, e))
		return -1;
	u->want->state = WANT_REFUSED;
	u->r->report->refused++;
	restore_odd(u->r, u->want, "%s", e->text);
	err_clear(e);
	return 0;
}

static imap4_cmd *start(struct sending *s, size_t i, size_t n, imap4_append_message *list)
{
	struct restore *r = s->r;
	/* An account that forbids LITERAL+ has its messages announced and waited for. */
	bool plus = account_uses(r->account, r->link.dial.session, "LITERAL+");
	const imap4_append_opts o = {.struct_size = sizeof o,
		.sync_over = imap4_has(r->link.dial.session, "LITERAL+") && !plus ? 1
			: r->link.limit_known					  ? UINT64_MAX
										  : 0};
	for (size_t k = 0; k < n; k++)
		list[k] = s->at[i + k].message;
	return imap4_append_start(r->link.dial.session, restore_wire(r), list, n, &o);
}

static int send_singly(struct sending *s, struct err *e)
{
	struct restore *r = s->r;
	imap4_append_message one;
	int rc = 0;
	for (size_t i = 0; i < s->n; i++)
		s->at[i].cmd = start(s, i, 1, &one);
	for (size_t i = 0; i < s->n && rc == 0; i++) {
		struct upload *u = &s->at[i];
		if (sync_wait(r->link.dial.session, u->cmd, ERR_MESSAGE, NULL, e) == 0)
			sent(u, uid_of(r, u->cmd, 0));
		else
			rc = refused(u, e);
		restore_progress(r);
	}
	/* Of those behind, some may have been answered before the connection was lost. */
	for (size_t i = 0; i < s->n && rc != 0; i++)
		if (s->at[i].want->state == WANT_OPEN && s->at[i].cmd != NULL &&
			imap4_cmd_result(s->at[i].cmd)->err == IMAP4_OK)
			sent(&s->at[i], uid_of(r, s->at[i].cmd, 0));
	return rc;
}

/* 1: sent, 0: refused as a whole, -1. */
static int send_together(struct sending *s, struct err *e)
{
	struct restore *r = s->r;
	imap4_append_message list[BATCH_MESSAGES];
	imap4_cmd *c = start(s, 0, s->n, list);
	int rc = sync_wait(r->link.dial.session, c, ERR_MESSAGE, NULL, e);
	for (size_t i = 0; i < s->n && rc == 0; i++)
		sent(&s->at[i], uid_of(r, c, i));
	bool late = rc != 0 && not_judged(c, e);
	imap4_cmd_free(c);
	restore_progress(r);
	if (rc == 0)
		return 1;
	if (late)
		return -1;
	err_clear(e);
	for (size_t i = 0; i < s->n; i++) {
		origin_reader_close(s->at[i].reader);
		s->at[i].reader = NULL;
	}
	return 0;
}

/* ---- batches --------------------------------------------------------------------------------------- */

static bool may_multiappend(const struct restore *r)
{
	imap4_session *s = r->link.dial.session;
	return account_uses(r->account, s, "MULTIAPPEND") &&
		account_uses(r->account, s, "LITERAL+");
}

static int send_batch(struct sending *s, struct err *e)
{
	struct restore *r = s->r;
	struct err second = ERR_INIT;
	if (journal(s, true, e) != 0)
		return -1;
	int rc = s->n > 1 && may_multiappend(r) ? send_together(s, e) : 0;
	if (rc == 0)
		rc = send_singly(s, e);
	/* What is known now must be known to the next run, however this one ends. */
	if (journal(s, false, &second) != 0) {
		*e = second;
		return -1;
	}
	if (rc >= 0)
		return 0;
	if (s->n == 1)
		s->at[0].want->deaths++;
	r->careful = r->careful || s->n > 1;
	return -1;
}

/* The next messages that go together, from *next on. */
static int fill_batch(struct sending *s, size_t *next, struct err *e)
{
	struct restore *r = s->r;
	uint64_t bytes = 0;
	size_t most = r->careful ? 1 : BATCH_MESSAGES;
	for (; *next < r->nwant && s->n < most; ++*next) {
		struct want *w = &r->want[*next];
		if (w->state != WANT_OPEN)
			continue;
		if (s->n > 0 && bytes + w->size > BATCH_BYTES)
			break;
		if (w->deaths >= MESSAGE_DEATHS) {
			w->state = WANT_REFUSED;
			r->report->refused++;
			restore_odd(r, w, "the connection was lost each time it was sent");
			continue;
		}
		int good = check_message(s, w, e);
		if (good < 0 || (good > 0 && prepare(&s->at[s->n++], r, w, e) != 0))
			return -1;
		bytes += good > 0 ? w->size : 0;
	}
	return 0;
}

static void empty_batch(struct sending *s)
{
	for (size_t i = 0; i < s->n; i++)
		finish(&s->at[i]);
	s->n = 0;
}

int send_wants(struct restore *r, struct err *e)
{
	struct sending s = {.r = r};
	int rc = 0;
	s.at = calloc(BATCH_MESSAGES, sizeof *s.at);
	s.hash = sha256_new(e);
	if (s.at == NULL || s.hash == NULL)
		rc = err_nomem(e, "sending messages");
	for (size_t next = 0; rc == 0 && next < r->nwant;) {
		rc = fill_batch(&s, &next, e);
		if (rc == 0 && s.n > 0)
			rc = send_batch(&s, e);
		empty_batch(&s);
		if (rc == 0 && hooks_interrupted(r->hooks))
			rc = err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
	}
	sha256_free(s.hash);
	free(s.at);
	return rc;
}

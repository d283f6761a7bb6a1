/* SPDX-License-Identifier: MIT */
/*
 * restore_send.c -- uploading: batches, each noted in the journal before and after.
 *
 * A batch is one MULTIAPPEND where the server has it with LITERAL+, else one APPEND for each message, all queued at
 * once: the library sends them without waiting where literals allow it. A MULTIAPPEND is all or nothing, so one
 * that is refused is sent again message by message, to find which one is meant. While one batch waits for its answer
 * the next is on its way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/sync/restore_internal.h"

#define BATCHES	       2 /* in flight */
#define BATCH_MESSAGES 100
#define BATCH_BYTES    (UINT64_C(8) << 20)
#define MESSAGE_DEATHS 2
#define DAY	       86400

/* One message on its way. */
struct upload {
	struct restore_folder *f;
	struct want *want;
	struct origin_reader *reader;
	uint64_t given; /* octets to the library */
	struct mail_flags flags;
	bool flags_lost;
	imap4_str *flag;
	char date[MAIL_DATE_LEN + 1];
	imap4_append_message message;
	imap4_cmd *cmd; /* NULL in a MULTIAPPEND */
	struct err err; /* of reading */
};

struct batch {
	struct upload at[BATCH_MESSAGES];
	size_t n;	     /* 0: not in use */
	size_t answered;     /* of those sent singly */
	imap4_cmd *together; /* MULTIAPPEND, or NULL: singly */
};

struct sending {
	struct restore_folder *f;
	struct batch batch[BATCHES]; /* a ring: they never move, for the library reads from them */
	size_t first, n;	     /* in flight, the oldest first */
	size_t next;		     /* of the folder's wants */
};

/* ---- one message ----------------------------------------------------------------------------------- */

static void close_reader(struct upload *u)
{
	origin_reader_close(u->reader);
	u->reader = NULL;
}

static long read_message(void *ctx, void *p, size_t n)
{
	struct upload *u = ctx;
	const struct want *w = u->want;
	struct restore_origin *o = u->f->r->origin;
	if (u->given >= w->size)
		return 0;
	if (u->reader == NULL && o->open(o, w->generation, w->uid, &u->reader, &u->err) != 0)
		return -1;
	long got = u->reader->read(u->reader, p, n, &u->err);
	u->given += got > 0 ? (uint64_t)got : 0;
	u->f->r->progress.bytes += got > 0 ? (uint64_t)got : 0;
	/* Many are in flight: a file is open only as long as it is needed. */
	if (u->given >= w->size)
		close_reader(u);
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

static bool is_permanent(const struct restore_folder *f, struct slice flag)
{
	size_t at = 0;
	struct slice have;
	if (f->keeps_all)
		return true;
	while (mail_flags_next(buf_slice(&f->permanent), &at, &have)) {
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

int send_flags(const struct restore_folder *f, const struct want *w, struct mail_flags *out,
	bool *lost, struct err *e)
{
	struct buf text = BUF_INIT(MAIL_FLAGS_TEXT_MAX);
	struct slice flag;
	size_t at = 0;
	*lost = false;
	while (mail_flags_next(want_flags(f, w), &at, &flag)) {
		if (!can_be_sent(flag) || !is_permanent(f, flag)) {
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

/* Their names are told once for the folder. */
static int remember_lost(struct restore_folder *f, const struct want *w, struct err *e)
{
	struct buf text = BUF_INIT(2 * MAIL_FLAGS_TEXT_MAX);
	struct slice flag;
	size_t at = 0;
	buf_add_slice(&text, buf_slice(&f->lost.text));
	while (mail_flags_next(want_flags(f, w), &at, &flag)) {
		if (can_be_sent(flag) && is_permanent(f, flag))
			continue;
		buf_add_str(&text, " ");
		buf_add_slice(&text, flag);
	}
	int rc = buf_check(&text, "the flags of a folder", e);
	if (rc == 0)
		rc = mail_flags_parse(&f->lost, buf_slice(&text), e);
	buf_release(&text);
	return rc;
}

static void set_date(struct upload *u)
{
	const struct want *w = u->want;
	bool given = w->date.valid && !w->no_date && mail_date_format(&w->date, u->date);
	u->message.internaldate =
		given ? (imap4_str){u->date, MAIL_DATE_LEN} : (imap4_str){NULL, 0};
}

static int prepare(struct upload *u, struct restore_folder *f, struct want *w, struct err *e)
{
	size_t at = 0, n = 0;
	struct slice flag;
	memset(u, 0, sizeof *u);
	u->f = f;
	u->want = w;
	mail_flags_init(&u->flags);
	if (send_flags(f, w, &u->flags, &u->flags_lost, e) != 0 ||
		(u->flags_lost && remember_lost(f, w, e) != 0))
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
	set_date(u);
	return 0;
}

static void finish(struct upload *u)
{
	imap4_cmd_free(u->cmd);
	close_reader(u);
	mail_flags_release(&u->flags);
	free(u->flag);
	memset(u, 0, sizeof *u);
}

/* From its first octet again. */
static void rewind_upload(struct upload *u)
{
	imap4_cmd_free(u->cmd);
	u->cmd = NULL;
	close_reader(u);
	u->given = 0;
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

/* Is it still what the server once sent? 1, 0 (*e may say more), -1. */
static int is_sound(struct restore *r, const struct want *w, struct err *e)
{
	unsigned char got[SHA256_LEN];
	struct check c = {r->hash, 0, e};
	int rc = sha256_begin(r->hash, e);
	if (rc == 0)
		rc = origin_read(r->origin, w->generation, w->uid, add_bytes, &c, e);
	if (rc == 0)
		rc = sha256_end(r->hash, got, e);
	if (rc != 0)
		return e->scope > ERR_MESSAGE ? -1 : 0;
	return c.size == w->size && memcmp(got, w->sha256, SHA256_LEN) == 0;
}

/* 1: it may be sent; 0: it was told why not; -1. */
static int check_message(struct restore_folder *f, struct want *w, struct err *e)
{
	struct restore *r = f->r;
	int good = w->sound ? 1 : is_sound(r, w, e);
	if (good < 0)
		return -1;
	if (good > 0 && w->size > 0 && w->size <= f->limit)
		return 1;
	w->state = WANT_REFUSED;
	if (good == 0) {
		r->report->damaged++;
		restore_odd(f, w, "damaged %s, not restored%s%s%s", r->origin->where,
			err_is_set(e) ? ": " : "", e->text, r->origin->advice);
		err_clear(e);
	} else {
		r->report->refused++;
		restore_odd(f, w,
			w->size == 0 ? "has no content, which IMAP does not allow"
				     : "is larger than the server takes");
	}
	return 0;
}

bool send_ahead(struct restore_folder *f)
{
	struct err ignored = ERR_INIT;
	size_t from = f->sending != NULL ? f->sending->next : 0;
	f->ahead = f->ahead > from ? f->ahead : from;
	while (f->ahead < f->nwant && f->want[f->ahead].state != WANT_OPEN)
		f->ahead++;
	if (f->ahead == f->nwant)
		return false;
	/* What is wrong with it is told when its turn comes. */
	struct want *w = &f->want[f->ahead++];
	w->sound = is_sound(f->r, w, &ignored) > 0;
	return true;
}

/* ---- the journal ----------------------------------------------------------------------------------- */

/* Without a journal: for this run at least. */
static void remember(const struct restore_folder *f, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct want *w = b->at[i].want;
		w->maybe = true;
		w->from = f->uidnext;
		w->within = f->uidvalidity;
	}
}

static int journal(
	const struct restore_folder *f, const struct batch *b, bool before, struct err *e)
{
	struct restore_origin *o = f->r->origin;
	struct store_journal_row row[BATCH_MESSAGES];
	size_t n = 0;
	if (o->journal_write == NULL) {
		if (before)
			remember(f, b);
		return 0;
	}
	for (size_t i = 0; i < b->n; i++) {
		const struct want *w = b->at[i].want;
		if (!before && w->state == WANT_OPEN)
			continue;
		row[n++] = (struct store_journal_row){.generation = w->generation,
			.uid = w->uid,
			.state = before			? STORE_JOURNAL_SENDING
				: w->state == WANT_SENT ? STORE_JOURNAL_DONE
							: STORE_JOURNAL_REFUSED,
			.uidvalidity = f->uidvalidity,
			.appended_uid = before ? f->uidnext : w->at};
	}
	return o->journal_write(o, buf_slice(&f->r->who), buf_slice(&f->wire), row, n, before, e);
}

/* ---- outcomes -------------------------------------------------------------------------------------- */

static void sent(struct upload *u, uint32_t uid)
{
	struct restore *r = u->f->r;
	u->want->state = WANT_SENT;
	u->want->at = uid;
	r->report->restored++;
	r->report->bytes += u->want->size;
	r->report->flags_dropped += u->flags_lost;
	u->f->nlost += u->flags_lost;
	r->progress.messages_done++;
	if (u->want->no_date) {
		r->report->dates_dropped++;
		restore_say(u->f, SYNC_NOTE_WARNING, u->want,
			"the server does not take its date; it has that of today there");
	}
}

static uint32_t uid_of(const struct restore_folder *f, const imap4_cmd *c, size_t i)
{
	const imap4_appended *a = restore_uses(f, "UIDPLUS") ? imap4_cmd_appended(c) : NULL;
	return a != NULL && a->uidvalidity == f->uidvalidity && i < a->n ? a->uid[i] : 0;
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

/*
 * Was it perhaps the date? Servers differ in how old or how far ahead one may be, and in the words they find for it: BAD, or
 * NO without a code that says something else.
 */
static bool may_be_the_date(const struct upload *u)
{
	const struct want *w = u->want;
	const imap4_result *r = u->cmd != NULL ? imap4_cmd_result(u->cmd) : NULL;
	bool odd = w->date.secs < 0 || w->date.secs > (int64_t)clock_wall() + DAY;
	return u->message.internaldate.len > 0 && odd && r != NULL &&
		(r->err == IMAP4_E_BAD || (r->err == IMAP4_E_NO && r->code == IMAP4_CODE_NONE));
}

static void refused(struct upload *u, struct err *e)
{
	u->want->state = WANT_REFUSED;
	u->f->r->report->refused++;
	restore_odd(u->f, u->want, "%s", e->text);
	err_clear(e);
}

static imap4_cmd *start(struct restore_folder *f, const struct upload *u, size_t n)
{
	imap4_append_message list[BATCH_MESSAGES];
	imap4_session *session = restore_session(f);
	/* An account that forbids LITERAL+ has its messages announced and waited for. */
	bool plus = restore_uses(f, "LITERAL+");
	const imap4_append_opts o = {.struct_size = sizeof o,
		.sync_over = imap4_has(session, "LITERAL+") && !plus ? 1
			: f->limit_known			     ? UINT64_MAX
								     : 0};
	for (size_t i = 0; i < n; i++)
		list[i] = u[i].message;
	return imap4_append_start(session, restore_wire(f), list, n, &o);
}

/* The answer to one that was sent singly. 1: known; 0; -1: nothing can be said about it. */
static int take_single(struct upload *u, struct err *e)
{
	struct restore_folder *f = u->f;
	imap4_session *session = restore_session(f);
	if (u->cmd != NULL && !imap4_cmd_done(u->cmd))
		return 0;
	const imap4_result *r = u->cmd != NULL ? imap4_cmd_result(u->cmd) : imap4_last(session);
	if (u->cmd != NULL && r->err == IMAP4_OK) {
		sent(u, uid_of(f, u->cmd, 0));
		return 1;
	}
	sync_err(e, ERR_MESSAGE, r, NULL);
	if (err_is_set(&u->err)) {
		restore_say(f, SYNC_NOTE_WARNING, u->want, u->err.text);
		u->want->deaths = MESSAGE_DEATHS; /* it will not be better next time */
	}
	if (not_judged(u->cmd, e))
		return -1;
	if (may_be_the_date(u)) {
		err_clear(e);
		u->want->no_date = true;
		rewind_upload(u);
		set_date(u);
		u->cmd = start(f, u, 1);
		return 0;
	}
	refused(u, e);
	return 1;
}

/* 1: all are answered; 0; -1. */
static int take_singles(struct batch *b, struct err *e)
{
	while (b->answered < b->n) {
		int rc = take_single(&b->at[b->answered], e);
		if (rc <= 0)
			return rc;
		b->answered++;
	}
	return 1;
}

static void start_singles(struct restore_folder *f, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		b->at[i].cmd = start(f, &b->at[i], 1);
}

/* 1: sent; 0: still running, or refused as a whole and sent singly now; -1. */
static int take_together(struct restore_folder *f, struct batch *b, struct err *e)
{
	imap4_cmd *c = b->together;
	if (!imap4_cmd_done(c))
		return 0;
	const imap4_result *r = imap4_cmd_result(c);
	for (size_t i = 0; i < b->n && r->err == IMAP4_OK; i++)
		sent(&b->at[i], uid_of(f, c, i));
	if (r->err == IMAP4_OK)
		return 1;
	sync_err(e, ERR_MESSAGE, r, NULL);
	if (not_judged(c, e))
		return -1;
	err_clear(e);
	imap4_cmd_free(c);
	b->together = NULL;
	for (size_t i = 0; i < b->n; i++)
		rewind_upload(&b->at[i]);
	start_singles(f, b);
	return 0;
}

/* ---- batches --------------------------------------------------------------------------------------- */

/* The k-th oldest; k = s->n: the next. */
static struct batch *in_flight(struct sending *s, size_t k)
{
	return &s->batch[(s->first + k) % BATCHES];
}

static void batch_release(struct batch *b)
{
	imap4_cmd_free(b->together);
	b->together = NULL;
	for (size_t i = 0; i < b->n; i++)
		finish(&b->at[i]);
	b->n = b->answered = 0;
}

/* The next messages that go together. */
static int fill_batch(struct sending *s, struct batch *b, struct err *e)
{
	struct restore_folder *f = s->f;
	uint64_t bytes = 0;
	size_t most = f->careful ? 1 : BATCH_MESSAGES;
	for (; s->next < f->nwant && b->n < most; s->next++) {
		struct want *w = &f->want[s->next];
		if (w->state != WANT_OPEN)
			continue;
		if (b->n > 0 && bytes + w->size > BATCH_BYTES)
			break;
		if (w->deaths >= MESSAGE_DEATHS) {
			w->state = WANT_REFUSED;
			f->r->report->refused++;
			restore_odd(f, w, "the connection was lost each time it was sent");
			continue;
		}
		int good = check_message(f, w, e);
		if (good < 0 || (good > 0 && prepare(&b->at[b->n++], f, w, e) != 0))
			return -1;
		bytes += good > 0 ? w->size : 0;
	}
	return 0;
}

/* 1: one more is in flight; 0: nothing is left; -1. */
static int start_batch(struct sending *s, struct err *e)
{
	struct restore_folder *f = s->f;
	struct batch *b = in_flight(s, s->n);
	if (fill_batch(s, b, e) != 0) {
		batch_release(b);
		return -1;
	}
	if (b->n == 0)
		return 0;
	s->n++;
	if (journal(f, b, true, e) != 0)
		return -1;
	if (b->n > 1 && restore_uses(f, "MULTIAPPEND") && restore_uses(f, "LITERAL+"))
		b->together = start(f, b->at, b->n);
	if (b->together == NULL)
		start_singles(f, b);
	return 1;
}

/* The oldest: 1: it is answered and written down; 0; -1. */
static int take_batch(struct sending *s, struct err *e)
{
	struct batch *b = in_flight(s, 0);
	int rc = b->together != NULL ? take_together(s->f, b, e) : take_singles(b, e);
	if (rc <= 0)
		return rc;
	if (journal(s->f, b, false, e) != 0)
		return -1;
	batch_release(b);
	s->first = (s->first + 1) % BATCHES;
	s->n--;
	return 1;
}

/* ---- steps ----------------------------------------------------------------------------------------- */

static int send_more(struct restore_folder *f, struct err *e)
{
	struct sending *s = f->sending;
	/* A message that is suspected is alone in flight. */
	size_t most = f->careful ? 1 : BATCHES;
	int rc = 1;
	while (s->n < most && rc > 0)
		rc = start_batch(s, e);
	if (rc < 0)
		return -1;
	if (s->n > 0)
		return take_batch(s, e);
	sending_free(f);
	f->step = folder_sent;
	return 1;
}

int send_wants(struct restore_folder *f, struct err *e)
{
	struct sending *s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_nomem(e, "sending messages");
	s->f = f;
	f->sending = s;
	f->step = send_more;
	return 1;
}

/* The connection may have been lost behind answers that nobody has looked at yet. */
static void take_answered(struct restore_folder *f, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct upload *u = &b->at[i];
		const imap4_cmd *c = b->together != NULL ? b->together : u->cmd;
		if (u->want->state == WANT_OPEN && c != NULL && imap4_cmd_done(c) &&
			imap4_cmd_result(c)->err == IMAP4_OK)
			sent(u, uid_of(f, c, b->together != NULL ? i : 0));
	}
}

int sending_lost(struct restore_folder *f, struct err *e)
{
	struct sending *s = f->sending;
	size_t open = 0;
	int rc = 0;
	for (size_t k = 0; s != NULL && k < s->n; k++) {
		struct batch *b = in_flight(s, k);
		take_answered(f, b);
		if (journal(f, b, false, e) != 0)
			rc = -1;
		open += b->n;
	}
	if (open == 1)
		in_flight(s, 0)->at[0].want->deaths++;
	f->careful = f->careful || open > 1;
	if (open > 0)
		f->settled_at = restore_settled_at(f->r);
	sending_free(f);
	return rc;
}

void sending_free(struct restore_folder *f)
{
	struct sending *s = f->sending;
	f->sending = NULL;
	if (s == NULL)
		return;
	for (size_t k = 0; k < BATCHES; k++)
		batch_release(&s->batch[k]);
	free(s);
}

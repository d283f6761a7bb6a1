/* SPDX-License-Identifier: MIT */
/*
 * rehearse.c -- choose, restore into a scratch folder, remove it; see rehearse.h.
 *
 * The archive is walked once to choose (twice for a part, whose size must be known first), and once more by the
 * restore, which asks for each message whether it is meant; the answer is the moment to look whether it is sound.
 */
#include "core/sync/rehearse.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/job.h"
#include "core/sync/rehearse_sample.h"

#define DELETE_TRIES	5
#define DELETE_PAUSE_MS 300
#define REMOVE_IDLE_MS	20000 /* how long a server may be silent while folders are removed */

/* A folder that was made; the later ones are below the earlier ones. */
struct made {
	struct buf wire;
	char delimiter;
};

struct rehearsal {
	const struct sync_account *to;
	const struct rehearse_options *options;
	const struct sync_hooks *hooks;
	struct rehearse_report *report;
	struct store *store;
	struct selection select; /* everything the server has, as far as is known */
	struct sample sample;
	struct sha256 *hash;
	uint64_t size;	/* of the message that is being hashed */
	struct err err; /* of looking at messages: the first that is not about one message */
	struct made *made;
	size_t nmade;
};

/* ---- choosing -------------------------------------------------------------------------------------- */

static int on_unreadable(
	void *ctx, const struct selection_item *item, const struct err *why, struct err *e)
{
	(void)ctx;
	(void)item;
	(void)why;
	(void)e;
	return 0;
}

static int count_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct rehearsal *x = ctx;
	(void)item;
	return hooks_interrupted(x->hooks)
		? err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal")
		: 0;
}

static int offer_folder(void *ctx, const struct store_mailbox *box, struct err *e)
{
	struct rehearsal *x = ctx;
	(void)box;
	(void)e;
	sample_folder(&x->sample);
	return 0;
}

static int offer_message(void *ctx, const struct selection_item *item, struct err *e)
{
	struct rehearsal *x = ctx;
	sample_offer(&x->sample, item->record->generation, item->record->uid);
	return count_message(ctx, item, e);
}

static int walk(struct rehearsal *x, bool choose, struct err *e)
{
	const struct selection_sink sink = {.ctx = x,
		.folder = choose ? offer_folder : NULL,
		.message = choose ? offer_message : count_message,
		.unreadable = on_unreadable};
	struct selection_counts counts;
	int rc = selection_run(x->store, &x->select, &sink, &counts, e);
	x->report->messages = counts.messages;
	return rc;
}

/* At least one; a part of what is there, rounded up. */
static int sample_size(struct rehearsal *x, size_t *size, struct err *e)
{
	const struct rehearse_options *o = x->options;
	*size = REHEARSE_SAMPLE;
	if (o->of == 0)
		return 0;
	if (walk(x, false, e) != 0)
		return -1;
	uint64_t n = x->report->messages / o->of * o->take +
		(x->report->messages % o->of * o->take + o->of - 1) / o->of;
	*size = n > REHEARSE_SAMPLE_MAX ? REHEARSE_SAMPLE_MAX : n > 0 ? (size_t)n : 1;
	return 0;
}

static int choose(struct rehearsal *x, struct err *e)
{
	size_t size;
	uint64_t seed;
	if (sample_size(x, &size, e) != 0 || random_bytes(&seed, sizeof seed, e) != 0 ||
		sample_init(&x->sample, size, seed, e) != 0 || walk(x, true, e) != 0)
		return -1;
	sample_choose(&x->sample);
	x->report->sampled = x->sample.nchosen;
	x->report->folders = x->sample.nfolders;
	if (x->sample.nchosen == 0)
		return err_set(e, ERR_ACCOUNT, E_MISSING,
			"there is no message in the archive that could be restored");
	return 0;
}

/* ---- is it sound? ---------------------------------------------------------------------------------- */

static int add_bytes(void *ctx, const void *p, size_t n)
{
	struct rehearsal *x = ctx;
	x->size += n;
	return sha256_add(x->hash, p, n, &x->err);
}

static void found(struct rehearsal *x, const struct selection_item *item, enum store_fault fault,
	const char *detail)
{
	const struct store_finding f = {.fault = fault,
		.mailbox = buf_slice(&item->box->name),
		.generation = item->record->generation,
		.uidvalidity = item->uidvalidity,
		.uid = item->record->uid,
		.has_row = true,
		.state = item->record->state,
		.current = true,
		.detail = detail};
	x->report->damaged++;
	if (x->options->finding != NULL)
		x->options->finding(x->options->ctx, &f);
}

/* Compare the file with its row, and tell what is wrong. */
static bool is_sound(struct rehearsal *x, const struct selection_item *item)
{
	const struct store_record *r = item->record;
	unsigned char got[SHA256_LEN];
	struct err e = ERR_INIT;
	x->size = 0;
	if (sha256_begin(x->hash, &x->err) != 0)
		return false;
	int rc = store_message_read(x->store, r->generation, r->uid, add_bytes, x, &e);
	if (rc < 0 && e.scope > ERR_MESSAGE) {
		x->err = e;
		return false;
	}
	if (rc > 0 || (rc == 0 && sha256_end(x->hash, got, &x->err) != 0))
		return false;
	if (rc < 0)
		found(x, item, e.code == E_MISSING ? STORE_FAULT_MISSING : STORE_FAULT_UNREADABLE,
			e.text);
	else if (x->size != r->size_wire)
		found(x, item, STORE_FAULT_SIZE, "the file is longer or shorter than it was");
	else if (memcmp(got, r->sha256, SHA256_LEN) != 0)
		found(x, item, STORE_FAULT_CHANGED, "the content is not what the server sent");
	else
		return true;
	return false;
}

static bool wants(void *ctx, const struct selection_item *item)
{
	struct rehearsal *x = ctx;
	const struct store_record *r = item->record;
	return !err_is_set(&x->err) && sample_has(&x->sample, r->generation, r->uid) &&
		is_sound(x, item);
}

/* ---- the scratch folder ---------------------------------------------------------------------------- */

static int name_scratch(struct rehearsal *x, struct err *e)
{
	unsigned char random[4];
	char hex[2 * sizeof random + 1];
	time_t now = (time_t)clock_wall();
	struct tm tm;
	if (random_bytes(random, sizeof random, e) != 0)
		return -1;
	hex_format(random, sizeof random, hex);
	(void)gmtime_r(&now, &tm);
	snprintf(x->report->scratch, sizeof x->report->scratch,
		"imapsync-restore-test-%04d%02d%02d-%02d%02d%02d-%s", (tm.tm_year + 1900) % 10000,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, hex);
	return 0;
}

/* It is still there. */
static void left(struct rehearsal *x, struct slice name, const char *why)
{
	x->report->left++;
	if (x->options->left != NULL)
		x->options->left(x->options->ctx, name, why);
}

static void on_made(void *ctx, struct slice wire, char delimiter)
{
	struct rehearsal *x = ctx;
	struct made *at = realloc(x->made, (x->nmade + 1) * sizeof *at);
	if (at == NULL) {
		left(x, wire, "there is no memory to note it");
		return;
	}
	x->made = at;
	struct made *m = &at[x->nmade++];
	*m = (struct made){BUF_INIT(STORE_NAME_MAX), delimiter};
	if (buf_add_slice(&m->wire, wire) == 0)
		return;
	x->nmade--;
	left(x, wire, "there is no memory to note it");
}

/* For people, in UTF-8 with '/'. */
static void tell_left(struct rehearsal *x, const struct made *m, const char *why)
{
	struct buf name = BUF_INIT(4 * (size_t)STORE_NAME_MAX);
	if (!mutf7_decode(buf_slice(&m->wire), &name)) {
		buf_clear(&name);
		buf_add_slice(&name, buf_slice(&m->wire));
	}
	for (size_t i = 0; m->delimiter != '\0' && i < name.len; i++)
		if (name.data[i] == (unsigned char)m->delimiter)
			name.data[i] = '/';
	left(x, buf_slice(&name), why);
	buf_release(&name);
}

/* A folder whose CREATE got no answer may never have been made. */
static bool is_gone(const imap4_cmd *c)
{
	return c != NULL && imap4_cmd_done(c) && imap4_cmd_result(c)->err == IMAP4_E_NO &&
		imap4_cmd_result(c)->code == IMAP4_CODE_NONEXISTENT;
}

/* A connection that a signal has ended may still be uploading as far as the server knows, and what is being filled cannot be
 * deleted: a refusal is asked again a few times. 0, or -1 with *e. */
static int delete_one(imap4_session *s, const struct made *m, struct err *e)
{
	const imap4_str name = {buf_str(&m->wire), m->wire.len};
	for (int tries = DELETE_TRIES;; tries--) {
		imap4_cmd *c = imap4_delete_start(s, name);
		int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
		bool gone = rc == 0 || is_gone(c);
		imap4_cmd_free(c);
		if (gone || e->scope > ERR_MAILBOX || tries == 1)
			return gone ? 0 : -1;
		err_clear(e);
		(void)poll(NULL, 0, DELETE_PAUSE_MS);
	}
}

/* The deepest first: a server may refuse to delete what has folders below it. Returns how many are left, from the front. */
static size_t remove_made(struct rehearsal *x, imap4_session *s, struct err *e)
{
	size_t n = x->nmade;
	for (; n > 0; n--) {
		const struct made *m = &x->made[n - 1];
		bool gone = delete_one(s, m, e) == 0;
		if (!gone && e->scope > ERR_MAILBOX)
			break;
		if (!gone)
			tell_left(x, m, e->text);
		err_clear(e);
	}
	return n;
}

/* On a connection of its own: that of the restore may be lost, and is closed. A signal does not end it, since its
 * work is what remains to be done then; a second one does. */
static void clean_up(struct rehearsal *x)
{
	struct sync_account a = *x->to;
	struct sync_hooks h = {NULL, NULL, NULL, NULL};
	struct dial d;
	struct err e = ERR_INIT;
	size_t remaining = x->nmade;
	if (x->nmade == 0)
		return;
	if (x->hooks != NULL)
		h = *x->hooks;
	h.interrupt = NULL;
	a.may_write = true;
	a.alerts = &h;
	a.idle_ms = a.idle_ms != 0 && a.idle_ms < REMOVE_IDLE_MS ? a.idle_ms : REMOVE_IDLE_MS;
	if (dial_start(&d, &a, &h, 0, &e) == 0) {
		if (dial_wait(&d, &e) == 0) {
			remaining = remove_made(x, d.session, &e);
			dial_hang_up(&d);
		}
		dial_close(&d);
	}
	while (remaining > 0)
		tell_left(x, &x->made[--remaining], e.text);
}

/* ---- the job --------------------------------------------------------------------------------------- */

static int restore(struct rehearsal *x, const char *path, struct err *e)
{
	const struct restore_options options = {.select = &x->select,
		.folder_prefix = x->report->scratch,
		.verify = true,
		.rehearsal = true,
		.settle_ms = x->options->settle_ms,
		.ctx = x,
		.wants = wants,
		.made = on_made};
	int rc = sync_restore(path, x->to, &options, x->hooks, &x->report->restore, e);
	if (rc == 0 && err_is_set(&x->err)) {
		*e = x->err;
		rc = -1;
	}
	clean_up(x);
	return rc;
}

static void release(struct rehearsal *x)
{
	for (size_t i = 0; i < x->nmade; i++)
		buf_release(&x->made[i].wire);
	free(x->made);
	sample_release(&x->sample);
	selection_release(&x->select);
	sha256_free(x->hash);
	store_close(x->store);
}

int sync_rehearse(const char *path, const struct sync_account *to, const struct rehearse_options *o,
	const struct sync_hooks *h, struct rehearse_report *r, struct err *e)
{
	struct rehearsal x = {.to = to, .options = o, .hooks = h, .report = r, .err = ERR_INIT};
	const struct store_options options = {.mode = STORE_READ};
	memset(r, 0, sizeof *r);
	selection_init(&x.select);
	x.hash = sha256_new(e);
	int rc = x.hash != NULL ? store_open(&x.store, path, &options, e) : -1;
	if (rc == 0)
		rc = choose(&x, e);
	if (rc == 0)
		rc = name_scratch(&x, e);
	if (rc == 0)
		rc = restore(&x, path, e);
	release(&x);
	return rc;
}

bool rehearse_proven(const struct rehearse_report *r)
{
	return r->sampled > 0 && r->restore.identical + r->restore.normalised == r->sampled;
}

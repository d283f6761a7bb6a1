/* SPDX-License-Identifier: MIT */
/*
 * verify_server.c -- the archive compared with what the server has now: UIDs, sizes and dates in
 * one listing a mailbox; bytes, if asked for, hashed as they come and kept nowhere.
 *
 * The server may have changed since the last backup, so what is only here or only there is no
 * damage. RFC822.SIZE is a claim; bytes and dates of a UID may not change (RFC 9051 section
 * 2.3.1.1), so those are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/job.h"
#include "core/sync/verify_internal.h"

#define BODIES_AT_ONCE 50

/* One mailbox that is being compared. */
struct comparing {
	struct verify_job *j;
	imap4_session *session;
	struct slice name;
	struct store_generation *g;
	struct uidset seen; /* UIDs the server listed */
	/* the body that is coming in */
	struct sha256 *hash;
	uint64_t bytes;
	bool body, whole;
	struct uidset wanted; /* bodies still to come */
	struct err sink_err;
};

static void differ(
	struct comparing *c, enum sync_difference_kind kind, uint32_t uid, const char *detail)
{
	const struct sync_difference d = {
		.kind = kind, .mailbox = c->name, .uid = uid, .detail = detail};
	c->j->report->differences[kind]++;
	if (c->j->options->difference != NULL)
		c->j->options->difference(c->j->options->ctx, &d);
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct known {
	bool found;
	uint64_t size;
	struct mail_date date;
	unsigned char sha256[SHA256_LEN];
};

static int take_known(void *ctx, const struct store_record *r)
{
	struct known *k = ctx;
	k->found = r->has_file;
	k->size = r->size_wire;
	k->date = r->date;
	memcpy(k->sha256, r->sha256, sizeof k->sha256);
	return 0;
}

static int find_known(struct comparing *c, uint32_t uid, struct known *k, struct err *e)
{
	struct uidset one = UIDSET_INIT;
	k->found = false;
	int result = uidset_add(&one, uid, e);
	if (result == 0)
		result = store_records(
			c->j->store, store_generation_id(c->g), &one, take_known, k, e);
	uidset_release(&one);
	return result;
}

/* ---- the listing ----------------------------------------------------------------------------- */

static int compare_listed(struct comparing *c, const imap4_message *m, struct err *e)
{
	struct known k;
	struct mail_date date;
	char detail[160];
	if (uidset_has(&c->seen, m->uid))
		return 0;
	if (uidset_add(&c->seen, m->uid, e) != 0 || find_known(c, m->uid, &k, e) != 0)
		return -1;
	if (!k.found) {
		differ(c, SYNC_DIFF_NOT_HERE, m->uid, "on the server, but not in the archive");
		return 0;
	}
	c->j->report->compared++;
	if ((m->have & IMAP4_MSG_SIZE) != 0 && m->size != k.size) {
		snprintf(detail, sizeof detail,
			"the server claims %" PRIu64 " bytes, the archive has %" PRIu64, m->size,
			k.size);
		differ(c, SYNC_DIFF_SIZE, m->uid, detail);
	}
	if ((m->have & IMAP4_MSG_INTERNALDATE) == 0 ||
		!mail_date_parse(slice_of(m->internaldate.ptr, m->internaldate.len), &date))
		return 0;
	/* An index that was rebuilt has no zones, so moments are compared. */
	if (!k.date.valid || k.date.secs != date.secs) {
		snprintf(detail, sizeof detail,
			"INTERNALDATE on the server is %" PRId64 ", in the archive %" PRId64,
			date.secs, k.date.valid ? k.date.secs : 0);
		differ(c, SYNC_DIFF_DATE, m->uid, detail);
	}
	return 0;
}

static int list(struct comparing *c, struct err *e)
{
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .open_from = 1};
	const imap4_selected *m = imap4_selected_mailbox(c->session);
	/* Some servers answer BAD to any FETCH in an empty mailbox (Perdition, Zimbra). */
	if (m == NULL || m->exists == 0)
		return 0;
	imap4_cmd *cmd = imap4_fetch_start(c->session, NULL, "UID RFC822.SIZE INTERNALDATE", &o);
	int rc = sync_wait(c->session, cmd, ERR_MAILBOX, NULL, e);
	const imap4_data *d;
	while (rc == 0 && (d = imap4_cmd_next(cmd)) != NULL) {
		const imap4_message *message = imap4_data_message(d);
		if (message != NULL && (message->have & IMAP4_MSG_UID) != 0 && message->uid != 0)
			rc = compare_listed(c, message, e);
	}
	imap4_cmd_free(cmd);
	return rc;
}

static int only_here(struct comparing *c, struct err *e)
{
	struct uidset left = UIDSET_INIT;
	int rc = uidset_copy(&left, store_stored(c->g), e);
	if (rc == 0)
		rc = uidset_subtract(&left, &c->seen, e);
	for (uint32_t uid = 0; rc == 0 && (uid = uidset_next(&left, uid)) != 0;)
		differ(c, SYNC_DIFF_NOT_THERE, uid,
			"not on the server any more; the copy here is kept");
	uidset_release(&left);
	return rc;
}

/* ---- contents -------------------------------------------------------------------------------- */

static int sink_failed(struct comparing *c, const struct err *e)
{
	c->sink_err = *e;
	return -1;
}

static int on_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct comparing *c = ctx;
	struct err e = ERR_INIT;
	(void)so_far;
	(void)size;
	if (section.len != 0 || c->body)
		return IMAP4_SINK_SKIP;
	c->body = true;
	c->bytes = 0;
	return sha256_begin(c->hash, &e) == 0 ? IMAP4_SINK_TAKE : sink_failed(c, &e);
}

static int on_data(void *ctx, const void *p, size_t n)
{
	struct comparing *c = ctx;
	struct err e = ERR_INIT;
	c->bytes += n;
	c->j->report->compared_bytes += n;
	return sha256_add(c->hash, p, n, &e) == 0 ? 0 : sink_failed(c, &e);
}

static int on_end(void *ctx, int complete)
{
	struct comparing *c = ctx;
	c->whole = complete != 0;
	return 0;
}

static int compare_body(struct comparing *c, uint32_t uid, struct err *e)
{
	unsigned char sha256[SHA256_LEN];
	struct known k;
	char detail[160];
	if (sha256_end(c->hash, sha256, e) != 0 ||
		uidset_remove_range(&c->wanted, uid, uid, e) != 0 || find_known(c, uid, &k, e) != 0)
		return -1;
	if (!k.found || memcmp(sha256, k.sha256, sizeof sha256) == 0)
		return 0;
	snprintf(detail, sizeof detail,
		"the server gives other content: %" PRIu64 " bytes, the archive has %" PRIu64,
		c->bytes, k.size);
	differ(c, SYNC_DIFF_CONTENT, uid, detail);
	return 0;
}

static int on_done(void *ctx, const imap4_message *m)
{
	struct comparing *c = ctx;
	struct err e = ERR_INIT;
	int rc = 0;
	if (c->body && c->whole && (m->have & IMAP4_MSG_UID) != 0 && uidset_has(&c->wanted, m->uid))
		rc = compare_body(c, m->uid, &e);
	c->body = c->whole = false;
	return rc == 0 ? 0 : sink_failed(c, &e);
}

static int fetch_some(struct comparing *c, const struct uidset *set, struct err *e)
{
	const imap4_sink sink = {
		.ctx = c, .begin = on_begin, .data = on_data, .end = on_end, .done = on_done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &sink};
	imap4_cmd *cmd = imap4_fetch_start(c->session, set, "UID BODY.PEEK[]", &o);
	int rc = sync_wait(c->session, cmd, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(cmd);
	if (rc != 0 && err_is_set(&c->sink_err))
		*e = c->sink_err;
	return rc;
}

static int compare_contents(struct comparing *c, struct err *e)
{
	struct uidset todo = UIDSET_INIT, part = UIDSET_INIT;
	int rc = uidset_copy(&todo, store_stored(c->g), e);
	if (rc == 0)
		rc = uidset_intersect(&todo, &c->seen, e);
	c->hash = rc == 0 ? sha256_new(e) : NULL;
	if (c->hash == NULL)
		rc = -1;
	while (rc == 0 && !uidset_is_empty(&todo)) {
		if (hooks_interrupted(c->j->hooks))
			rc = err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped on request");
		else if (uidset_take_low(&todo, BODIES_AT_ONCE, &part, e) != 0 ||
			uidset_unite(&c->wanted, &part, e) != 0 || fetch_some(c, &part, e) != 0)
			rc = -1;
	}
	for (uint32_t uid = 0; rc == 0 && (uid = uidset_next(&c->wanted, uid)) != 0;)
		differ(c, SYNC_DIFF_FOLDER, uid, "the server listed it, but did not send it");
	sha256_free(c->hash);
	c->hash = NULL;
	uidset_release(&part);
	uidset_release(&todo);
	return rc;
}

/* ---- one mailbox ----------------------------------------------------------------------------- */

static int compare_selected(struct comparing *c, const struct store_mailbox *local, struct err *e)
{
	char detail[160];
	const imap4_selected *m = imap4_selected_mailbox(c->session);
	uint32_t now = m != NULL ? m->uidvalidity : 0;
	if (now != 0 && now != local->uidvalidity) {
		snprintf(detail, sizeof detail,
			"the server numbers the folder anew: UIDVALIDITY %" PRIu32
			", in the archive %" PRIu32,
			now, local->uidvalidity);
		differ(c, SYNC_DIFF_UIDVALIDITY, 0, detail);
		return 0;
	}
	if (store_generation_load(c->j->store, local->generation, &c->g, e) != 0)
		return -1;
	int rc = list(c, e);
	if (rc == 0)
		rc = only_here(c, e);
	if (rc == 0 && c->j->options->server == SYNC_SERVER_FULL)
		rc = compare_contents(c, e);
	store_generation_close(c->g);
	c->g = NULL;
	return rc;
}

static int compare_mailbox(struct verify_job *j, imap4_session *s, const struct sync_folder *f,
	const struct store_mailbox *local, struct err *e)
{
	struct comparing c = {.j = j, .session = s, .name = buf_slice(&f->name)};
	const imap4_str wire = {buf_str(&f->wire), f->wire.len};
	if (local == NULL || local->generation == 0) {
		differ(&c, SYNC_DIFF_FOLDER, 0, "the folder is not in the archive yet");
		return 0;
	}
	imap4_cmd *cmd = imap4_select_start(s, wire, NULL);
	int rc = sync_wait(s, cmd, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(cmd);
	if (rc == 0)
		rc = compare_selected(&c, local, e);
	uidset_release(&c.seen);
	uidset_release(&c.wanted);
	if (rc != 0 && e->scope <= ERR_MAILBOX) {
		const struct err why = *e;
		err_clear(e);
		differ(&c, SYNC_DIFF_FOLDER, 0, why.text);
		rc = 0;
	}
	return rc;
}

/* The list is sorted by wire name. */
static const struct store_mailbox *find_local(const struct store_mailbox_list *l, struct slice wire)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (slice_cmp(buf_slice(&l->at[mid].wire), wire) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n && slice_eq(buf_slice(&l->at[low].wire), wire) ? &l->at[low] : NULL;
}

static int compare_all(struct verify_job *j, imap4_session *s, struct err *e)
{
	struct sync_folders remote = {NULL, 0};
	struct store_mailbox_list local = {NULL, 0};
	int rc = sync_folders_remote(s, j->account, false, &remote, e);
	if (rc == 0)
		rc = store_mailboxes(j->store, &local, e);
	for (size_t i = 0; rc == 0 && i < remote.n; i++) {
		const struct sync_folder *f = &remote.at[i];
		if (hooks_interrupted(j->hooks))
			rc = err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped on request");
		else if (f->selected && f->selectable)
			rc = compare_mailbox(j, s, f, find_local(&local, buf_slice(&f->wire)), e);
	}
	store_mailbox_list_release(&local);
	sync_folders_release(&remote);
	return rc;
}

int verify_server(struct verify_job *j, struct err *e)
{
	imap4_session *s;
	if (sync_connect(j->account, j->hooks, &s, e) != 0)
		return -1;
	int rc = compare_all(j, s, e);
	sync_disconnect(s);
	return rc;
}

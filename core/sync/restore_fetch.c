/* SPDX-License-Identifier: MIT */
/* restore_fetch.c -- hashes of what the target has: headers, or whole messages. */
#include "core/sync/restore_internal.h"

struct fetching {
	bool messages; /* else headers */
	int (*each)(void *ctx, uint32_t uid, const struct content *c, struct err *e);
	void *ctx;
	struct content_hash hash;
	struct content got;
	bool body, whole; /* of the message that arrives */
	struct err err;
};

static int on_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct fetching *f = ctx;
	(void)so_far;
	(void)size;
	if ((section.len == 0) != f->messages || f->body)
		return IMAP4_SINK_SKIP;
	f->body = true;
	return content_hash_begin(&f->hash, &f->err) != 0 ? -1 : IMAP4_SINK_TAKE;
}

static int on_data(void *ctx, const void *p, size_t n)
{
	struct fetching *f = ctx;
	return content_hash_add(&f->hash, p, n, &f->err);
}

static int on_end(void *ctx, int complete)
{
	struct fetching *f = ctx;
	f->whole = complete != 0;
	return content_hash_end(&f->hash, &f->got, &f->err);
}

static int on_done(void *ctx, const imap4_message *m)
{
	struct fetching *f = ctx;
	bool usable = f->body && f->whole && (m->have & IMAP4_MSG_UID) != 0;
	f->body = f->whole = false;
	return usable ? f->each(f->ctx, m->uid, &f->got, &f->err) : 0;
}

int fetch_hashes(struct restore *r, const struct uidset *set, bool messages,
	int (*each)(void *ctx, uint32_t uid, const struct content *c, struct err *e), void *ctx,
	struct err *e)
{
	imap4_session *s = r->link.dial.session;
	struct fetching f = {.messages = messages, .each = each, .ctx = ctx};
	const imap4_sink sink = {
		.ctx = &f, .begin = on_begin, .data = on_data, .end = on_end, .done = on_done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &sink};
	int rc = content_hash_init(&f.hash, e);
	if (rc == 0) {
		imap4_cmd *c = imap4_fetch_start(
			s, set, messages ? "UID BODY.PEEK[]" : "UID BODY.PEEK[HEADER]", &o);
		rc = sync_wait(s, c, ERR_MAILBOX, "UID FETCH", e);
		imap4_cmd_free(c);
	}
	if (rc != 0 && err_is_set(&f.err))
		*e = f.err;
	content_hash_release(&f.hash);
	return rc;
}

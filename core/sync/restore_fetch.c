/* SPDX-License-Identifier: MIT */
/* restore_fetch.c -- see restore_fetch.h. */
#include "core/sync/restore_fetch.h"

static int on_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct hash_fetch *h = ctx;
	(void)so_far;
	(void)size;
	if ((section.len == 0) != h->messages || h->body)
		return IMAP4_SINK_SKIP;
	h->body = true;
	return content_hash_begin(&h->hash, &h->err) != 0 ? -1 : IMAP4_SINK_TAKE;
}

static int on_data(void *ctx, const void *p, size_t n)
{
	struct hash_fetch *h = ctx;
	return content_hash_add(&h->hash, p, n, &h->err);
}

static int on_end(void *ctx, int complete)
{
	struct hash_fetch *h = ctx;
	h->whole = complete != 0;
	return content_hash_end(&h->hash, &h->got, &h->err);
}

static int on_done(void *ctx, const imap4_message *m)
{
	struct hash_fetch *h = ctx;
	bool usable = h->body && h->whole && (m->have & IMAP4_MSG_UID) != 0;
	h->body = h->whole = false;
	return usable ? h->each(h->ctx, m, &h->got, &h->err) : 0;
}

int hash_fetch_init(struct hash_fetch *h,
	int (*each)(void *ctx, const imap4_message *m, const struct content *c, struct err *e),
	void *ctx, struct err *e)
{
	h->each = each;
	h->ctx = ctx;
	h->sink = (imap4_sink){
		.ctx = h, .begin = on_begin, .data = on_data, .end = on_end, .done = on_done};
	return content_hash_init(&h->hash, e);
}

void hash_fetch_release(struct hash_fetch *h)
{
	content_hash_release(&h->hash);
}

int hash_fetch_start(struct hash_fetch *h, struct restore_folder *f, const struct uidset *set,
	const char *items, bool messages, struct err *e)
{
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &h->sink};
	h->messages = messages;
	h->body = h->whole = false;
	f->cmd = imap4_fetch_start(restore_session(f), set, items, &o);
	return f->cmd != NULL ? 0 : sync_err_last(e, ERR_MAILBOX, restore_session(f), "UID FETCH");
}

int hash_fetch_done(struct hash_fetch *h, struct restore_folder *f, struct err *e)
{
	int rc = restore_done(f, ERR_MAILBOX, "UID FETCH", e);
	if (rc < 0 && err_is_set(&h->err))
		*e = h->err;
	if (rc > 0)
		restore_drop(f);
	return rc;
}

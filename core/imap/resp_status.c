/* SPDX-License-Identifier: MIT */
/*
 * resp_status.c -- STATUS (RFC 9051 section 7.3.4, RFC 7162, 7889, 8438, 8474, 9208).
 */
#include "core/base/mail.h"
#include "core/imap/value.h"

static bool read_u32(const struct imap4_node *value, uint32_t *field)
{
	uint64_t v;
	if (!resp_number(value, UINT32_MAX, &v))
		return false;
	*field = (uint32_t)v;
	return true;
}

static bool read_u64(const struct imap4_node *value, uint64_t *field)
{
	return resp_number(value, INT64_MAX, field);
}

/* NIL: there is no limit. */
static bool read_appendlimit(const struct imap4_node *value, int64_t *field)
{
	uint64_t v;
	*field = -1;
	if (value->kind == IMAP4_NODE_NIL)
		return true;
	if (!read_u64(value, &v))
		return false;
	*field = (int64_t)v;
	return true;
}

static bool read_mailboxid(const struct imap4_node *value, imap4_str *field)
{
	*field = resp_str(resp_only(value));
	return field->ptr != NULL;
}

/* Sets the bit of an item that is known and could be read. False: it could not. */
static bool read_item(imap4_status *s, struct slice name, const struct imap4_node *value)
{
	const struct {
		const char *name;
		uint32_t bit;
		uint32_t *u32;
		uint64_t *u64;
	} items[] = {
		{"MESSAGES", IMAP4_ST_MESSAGES, &s->messages, NULL},
		{"UIDNEXT", IMAP4_ST_UIDNEXT, &s->uidnext, NULL},
		{"UIDVALIDITY", IMAP4_ST_UIDVALIDITY, &s->uidvalidity, NULL},
		{"UNSEEN", IMAP4_ST_UNSEEN, &s->unseen, NULL},
		{"RECENT", IMAP4_ST_RECENT, &s->recent, NULL},
		{"DELETED", IMAP4_ST_DELETED, &s->deleted, NULL},
		{"HIGHESTMODSEQ", IMAP4_ST_HIGHESTMODSEQ, NULL, &s->highestmodseq},
		{"SIZE", IMAP4_ST_SIZE, NULL, &s->size},
		{"DELETED-STORAGE", IMAP4_ST_DELETED_STORAGE, NULL, &s->deleted_storage},
		{"APPENDLIMIT", IMAP4_ST_APPENDLIMIT, NULL, NULL},
		{"MAILBOXID", IMAP4_ST_MAILBOXID, NULL, NULL},
	};
	for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
		if (!slice_ieq_str(name, items[i].name))
			continue;
		bool ok;
		if (items[i].u32 != NULL)
			ok = read_u32(value, items[i].u32);
		else if (items[i].u64 != NULL)
			ok = read_u64(value, items[i].u64);
		else if (items[i].bit == IMAP4_ST_APPENDLIMIT)
			ok = read_appendlimit(value, &s->appendlimit);
		else
			ok = read_mailboxid(value, &s->mailboxid);
		if (ok)
			s->have |= items[i].bit;
		return ok;
	}
	return true;
}

int resp_read_status(struct imap4_data *d, struct values *v, struct err *e)
{
	size_t name, list = 0;
	int r = value_mailbox(v, " (", &name, e);
	if (r < 0 || value_next(v, &list, e) < 0 || value_rest(v, e) != 0)
		return -1;
	imap4_str text = resp_str(&d->node[name]);
	if (name == 0 || text.ptr == NULL) {
		d->damaged = true;
		d->kind = IMAP4_DATA_OTHER;
		return 0;
	}
	imap4_status *s = &d->u.status;
	s->mailbox =
		mailbox_is_inbox(slice_of(text.ptr, text.len)) ? (imap4_str){"INBOX", 5} : text;
	const struct imap4_node *items = &d->node[list];
	if (list == 0 || items->kind != IMAP4_NODE_LIST) {
		d->damaged = true;
		return 0;
	}
	s->items = items;
	const struct imap4_node *item = imap4_node_child(items);
	while (item != NULL) {
		const struct imap4_node *value = imap4_node_next(item);
		if (value == NULL || !read_item(s, resp_node_slice(item), value))
			d->damaged = true;
		item = imap4_node_next(value);
	}
	return 0;
}

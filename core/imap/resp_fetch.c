/* SPDX-License-Identifier: MIT */
/*
 * resp_fetch.c -- FETCH and UIDFETCH (RFC 9051 section 7.5.2, RFC 9586): the items with a meaning here, also those of RFC
 * 8970 (PREVIEW), RFC 8514 (SAVEDATE) and Gmail.
 *
 * Names and values alternate. When a value is missing (Q1, Q28), the next name is recognised by being the name
 * of a body item; everything else that does not fit is passed over, and the response is damaged. Of an item
 * that comes twice the first is kept; another value for it is damage.
 */
#include <string.h>

#include "core/imap/value.h"

enum item {
	ITEM_UNKNOWN,
	ITEM_UID,
	ITEM_FLAGS,
	ITEM_INTERNALDATE,
	ITEM_SIZE,
	ITEM_MODSEQ,
	ITEM_EMAILID,
	ITEM_THREADID,
	ITEM_GM_MSGID,
	ITEM_GM_THRID,
	ITEM_GM_LABELS,
	ITEM_PREVIEW,
	ITEM_SAVEDATE,
};

static enum item find_item(struct slice name)
{
	static const struct {
		const char *name;
		size_t n;
		enum item item;
	} items[] = {
		{"UID", 3, ITEM_UID},
		{"FLAGS", 5, ITEM_FLAGS},
		{"INTERNALDATE", 12, ITEM_INTERNALDATE},
		{"RFC822.SIZE", 11, ITEM_SIZE},
		{"MODSEQ", 6, ITEM_MODSEQ},
		{"EMAILID", 7, ITEM_EMAILID},
		{"THREADID", 8, ITEM_THREADID},
		{"X-GM-MSGID", 10, ITEM_GM_MSGID},
		{"X-GM-THRID", 10, ITEM_GM_THRID},
		{"X-GM-LABELS", 11, ITEM_GM_LABELS},
		{"PREVIEW", 7, ITEM_PREVIEW},
		{"SAVEDATE", 8, ITEM_SAVEDATE},
	};
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		if (name.n == items[i].n && slice_ieq_str(name, items[i].name))
			return items[i].item;
	return ITEM_UNKNOWN;
}

/* What Gmail says takes the place of an object id only when there is none. */
struct gmail {
	imap4_str msgid, thrid;
};

/* A number as the value of an item, or the first and only member of a list: "MODSEQ (12)". */
static void read_number(struct imap4_data *d, const struct imap4_node *value, uint64_t max,
	uint32_t bit, uint64_t *field)
{
	imap4_message *m = &d->u.message;
	uint64_t v;
	if (!resp_number(resp_only(value), max, &v)) {
		d->damaged = true;
		return;
	}
	if ((m->have & bit) != 0 && *field != v) {
		d->damaged = true;
		return;
	}
	m->have |= bit;
	*field = v;
}

static void read_uid(struct imap4_data *d, const struct imap4_node *value)
{
	imap4_message *m = &d->u.message;
	uint64_t uid = m->uid;
	read_number(d, value, UINT32_MAX, IMAP4_MSG_UID, &uid);
	if (uid == 0) {
		m->have &= ~(uint32_t)IMAP4_MSG_UID;
		d->damaged = true;
	}
	m->uid = (uint32_t)uid;
}

/* A string, or an id in parentheses (RFC 8474 section 4). NIL is absent. */
static void read_text(struct imap4_data *d, const struct imap4_node *value, imap4_str *field)
{
	const struct imap4_node *n = resp_only(value);
	if (n == NULL || n->kind == IMAP4_NODE_NIL)
		return;
	imap4_str s = resp_str(n);
	if (s.ptr == NULL ||
		(field->ptr != NULL &&
			(field->len != s.len || memcmp(field->ptr, s.ptr, s.len) != 0)))
		d->damaged = true;
	else
		*field = s;
}

/* nstring: NIL is an answer too. */
static void read_nstring(
	struct imap4_data *d, const struct imap4_node *value, uint32_t bit, imap4_str *field)
{
	imap4_message *m = &d->u.message;
	if (value->kind == IMAP4_NODE_LIST || value->kind == IMAP4_NODE_BODY ||
		(m->have & bit) != 0) {
		d->damaged = true;
		return;
	}
	m->have |= bit;
	*field = resp_str(value);
}

/* A number for those who compare; as a text it stands in for the object id. */
static void read_gmail(struct imap4_data *d, const struct imap4_node *value, uint32_t bit,
	uint64_t *number, imap4_str *text)
{
	imap4_message *m = &d->u.message;
	read_text(d, value, text);
	if ((m->have & bit) == 0 && resp_number(resp_only(value), UINT64_MAX, number))
		m->have |= bit;
}

static void read_labels(struct imap4_data *d, const struct imap4_node *value)
{
	if (value->kind == IMAP4_NODE_LIST || value->kind == IMAP4_NODE_NIL)
		d->u.message.have |= IMAP4_MSG_GM_LABELS;
	else
		d->damaged = true;
}

static bool read_flags(struct imap4_data *d, const struct imap4_node *value)
{
	imap4_message *m = &d->u.message;
	if ((m->have & IMAP4_MSG_FLAGS) != 0) {
		d->damaged = true;
		return true;
	}
	if (value->kind == IMAP4_NODE_BODY) {
		d->damaged = true;
		return true;
	}
	m->have |= IMAP4_MSG_FLAGS;
	return resp_string_list(d, value, &m->flags, &m->nflags);
}

static void read_body(struct imap4_data *d, const struct imap4_node *value)
{
	imap4_message *m = &d->u.message;
	if (value->kind == IMAP4_NODE_STRING || value->kind == IMAP4_NODE_BODY)
		m->have |= IMAP4_MSG_BODY;
	else if (value->kind == IMAP4_NODE_NIL)
		m->have |= IMAP4_MSG_BODY_NIL;
	else
		d->damaged = true;
}

/* False: no memory. */
static bool read_item(struct imap4_data *d, const struct imap4_node *name,
	const struct imap4_node *value, struct gmail *gmail)
{
	imap4_message *m = &d->u.message;
	if (name->body_item) {
		read_body(d, value);
		return true;
	}
	switch (find_item(resp_node_slice(name))) {
	case ITEM_UID: read_uid(d, value); break;
	case ITEM_FLAGS: return read_flags(d, value);
	case ITEM_INTERNALDATE: read_text(d, value, &m->internaldate); break;
	case ITEM_SIZE: read_number(d, value, INT64_MAX, IMAP4_MSG_SIZE, &m->size); break;
	case ITEM_MODSEQ: read_number(d, value, INT64_MAX, IMAP4_MSG_MODSEQ, &m->modseq); break;
	case ITEM_EMAILID: read_text(d, value, &m->emailid); break;
	case ITEM_THREADID: read_text(d, value, &m->threadid); break;
	case ITEM_GM_MSGID:
		read_gmail(d, value, IMAP4_MSG_GM_MSGID, &m->gm_msgid, &gmail->msgid);
		break;
	case ITEM_GM_THRID:
		read_gmail(d, value, IMAP4_MSG_GM_THRID, &m->gm_thrid, &gmail->thrid);
		break;
	case ITEM_GM_LABELS: read_labels(d, value); break;
	case ITEM_PREVIEW: read_nstring(d, value, IMAP4_MSG_PREVIEW, &m->preview); break;
	case ITEM_SAVEDATE: read_nstring(d, value, IMAP4_MSG_SAVEDATE, &m->savedate); break;
	case ITEM_UNKNOWN: break;
	}
	return true;
}

static void settle_texts(imap4_message *m, const struct gmail *gmail)
{
	if (m->emailid.ptr == NULL)
		m->emailid = gmail->msgid;
	if (m->threadid.ptr == NULL)
		m->threadid = gmail->thrid;
	if (m->internaldate.ptr != NULL)
		m->have |= IMAP4_MSG_INTERNALDATE;
	if (m->emailid.ptr != NULL)
		m->have |= IMAP4_MSG_EMAILID;
	if (m->threadid.ptr != NULL)
		m->have |= IMAP4_MSG_THREADID;
}

int resp_read_fetch(struct imap4_data *d, struct values *v, struct err *e)
{
	size_t index;
	int r = value_next(v, &index, e);
	if (r < 0)
		return -1;
	/* Everything is read before pointers are taken: the array of nodes may still move. */
	if (value_rest(v, e) != 0)
		return -1;
	const struct imap4_node *items = &d->node[index];
	if (index == 0 || items->kind != IMAP4_NODE_LIST) {
		d->damaged = true;
		d->kind = IMAP4_DATA_OTHER;
		return 0;
	}
	imap4_message *m = &d->u.message;
	struct gmail gmail = {{NULL, 0}, {NULL, 0}};
	m->items = items;
	m->seq = d->number;
	if (slice_ieq_str(slice_of(d->name.ptr, d->name.len), "UIDFETCH")) {
		m->seq = 0;
		m->uid = d->number;
		m->have = d->number != 0 ? IMAP4_MSG_UID : 0;
	}
	if (imap4_node_next(items) != NULL)
		d->damaged = true; /* something behind the list */
	const struct imap4_node *name = imap4_node_child(items);
	while (name != NULL) {
		const struct imap4_node *value = imap4_node_next(name);
		if (name->text == NULL || value == NULL || value->body_item) {
			d->damaged = true;
			name = value;
			continue;
		}
		if (!read_item(d, name, value, &gmail))
			return err_nomem(e, "reading flags");
		name = imap4_node_next(value);
	}
	settle_texts(m, &gmail);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* resp_dump.c -- see resp_dump.h. */
#include "tests/support/resp_dump.h"

#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_util.h"
#include "tests/support/lexer_log.h"

static void add_str(struct buf *out, imap4_str s)
{
	if (s.ptr == NULL)
		return;
	if (s.ptr[s.len] != '\0')
		abort();
	(void)buf_add(out, s.ptr, s.len);
}

static void add_field(struct buf *out, const char *name, imap4_str s)
{
	if (s.ptr == NULL)
		return;
	(void)buf_addf(out, " %s=", name);
	add_str(out, s);
}

static void add_number(struct buf *out, bool there, const char *name, uint64_t v)
{
	if (there)
		(void)buf_addf(out, " %s=%llu", name, (unsigned long long)v);
}

static void add_scalar(struct buf *out, const imap4_node *n)
{
	imap4_str s = imap4_node_text(n);
	switch (imap4_node_kind(n)) {
	case IMAP4_NODE_ATOM: add_str(out, s); break;
	case IMAP4_NODE_STRING:
		(void)buf_add_str(out, "\"");
		add_str(out, s);
		(void)buf_add_str(out, "\"");
		break;
	case IMAP4_NODE_BODY:
		(void)buf_addf(out, "<%llu>", (unsigned long long)imap4_node_size(n));
		break;
	case IMAP4_NODE_NIL: (void)buf_add_str(out, "NIL"); break;
	case IMAP4_NODE_LIST: break;
	}
}

void resp_dump_node(struct buf *out, const imap4_node *n)
{
	const imap4_node *above[64];
	size_t depth = 0;
	while (n != NULL) {
		if (imap4_node_kind(n) == IMAP4_NODE_LIST) {
			(void)buf_add_str(out, "(");
			if (imap4_node_child(n) != NULL && depth < sizeof above / sizeof *above) {
				above[depth++] = n;
				n = imap4_node_child(n);
				continue;
			}
			(void)buf_add_str(out, ")");
		} else {
			add_scalar(out, n);
		}
		while (depth > 0 && imap4_node_next(n) == NULL) {
			(void)buf_add_str(out, ")");
			n = above[--depth];
		}
		n = depth > 0 ? imap4_node_next(n) : NULL;
		if (n != NULL)
			(void)buf_add_str(out, " ");
	}
}

static void add_nstring(struct buf *out, bool there, const char *name, imap4_str s)
{
	static const imap4_str nil = {"NIL", 3};
	if (there)
		add_field(out, name, s.ptr != NULL ? s : nil);
}

static void add_labels(struct buf *out, const imap4_message *m)
{
	char **label;
	size_t n;
	if (imap4_message_labels(m, &label, &n) != IMAP4_OK)
		return;
	(void)buf_add_str(out, " labels=");
	for (size_t i = 0; i < n; i++)
		(void)buf_addf(out, "%s%s", i > 0 ? "," : "", label[i]);
	free(label);
}

static void dump_message(struct buf *out, const imap4_message *m)
{
	(void)buf_addf(out, " seq=%u", m->seq);
	add_number(out, m->have & IMAP4_MSG_UID, "uid", m->uid);
	if (m->have & IMAP4_MSG_FLAGS) {
		(void)buf_add_str(out, " flags=");
		for (size_t i = 0; i < m->nflags; i++) {
			(void)buf_add_str(out, i > 0 ? "," : "");
			add_str(out, m->flags[i]);
		}
	}
	if (m->have & IMAP4_MSG_INTERNALDATE)
		add_field(out, "date", m->internaldate);
	add_number(out, m->have & IMAP4_MSG_SIZE, "size", m->size);
	add_number(out, m->have & IMAP4_MSG_MODSEQ, "modseq", m->modseq);
	if (m->have & IMAP4_MSG_EMAILID)
		add_field(out, "emailid", m->emailid);
	if (m->have & IMAP4_MSG_THREADID)
		add_field(out, "threadid", m->threadid);
	if (m->have & IMAP4_MSG_BODY)
		(void)buf_add_str(out, " body");
	if (m->have & IMAP4_MSG_BODY_NIL)
		(void)buf_add_str(out, " body-nil");
	add_nstring(out, m->have & IMAP4_MSG_PREVIEW, "preview", m->preview);
	add_nstring(out, m->have & IMAP4_MSG_SAVEDATE, "savedate", m->savedate);
	add_number(out, m->have & IMAP4_MSG_GM_MSGID, "gm-msgid", m->gm_msgid);
	add_number(out, m->have & IMAP4_MSG_GM_THRID, "gm-thrid", m->gm_thrid);
	add_labels(out, m);
	for (const imap4_node *n = imap4_node_child(m->items); n != NULL; n = imap4_node_next(n)) {
		imap4_str section;
		if (resp_body_item(n, &section))
			add_field(out, "section", section);
	}
}

static void dump_list(struct buf *out, const imap4_list *l)
{
	add_field(out, "name", l->name);
	if (l->delimiter != '\0')
		(void)buf_addf(out, " delimiter=%c", l->delimiter);
	if (l->lsub)
		(void)buf_add_str(out, " lsub");
	if (l->attrs != 0)
		(void)buf_addf(out, " attrs=%x", (unsigned)l->attrs);
	for (size_t i = 0; i < l->nattributes; i++)
		add_field(out, "attr", l->attributes[i]);
	add_field(out, "oldname", l->oldname);
	if (l->extended != NULL) {
		(void)buf_add_str(out, " extended=");
		resp_dump_node(out, l->extended);
	}
}

static void dump_status(struct buf *out, const imap4_status *s)
{
	add_field(out, "mailbox", s->mailbox);
	add_number(out, s->have & IMAP4_ST_MESSAGES, "messages", s->messages);
	add_number(out, s->have & IMAP4_ST_UIDNEXT, "uidnext", s->uidnext);
	add_number(out, s->have & IMAP4_ST_UIDVALIDITY, "uidvalidity", s->uidvalidity);
	add_number(out, s->have & IMAP4_ST_UNSEEN, "unseen", s->unseen);
	add_number(out, s->have & IMAP4_ST_RECENT, "recent", s->recent);
	add_number(out, s->have & IMAP4_ST_DELETED, "deleted", s->deleted);
	add_number(out, s->have & IMAP4_ST_DELETED_STORAGE, "deletedstorage", s->deleted_storage);
	add_number(out, s->have & IMAP4_ST_HIGHESTMODSEQ, "modseq", s->highestmodseq);
	add_number(out, s->have & IMAP4_ST_SIZE, "size", s->size);
	if (s->have & IMAP4_ST_APPENDLIMIT)
		(void)buf_addf(out, " appendlimit=%lld", (long long)s->appendlimit);
	if (s->have & IMAP4_ST_MAILBOXID)
		add_field(out, "mailboxid", s->mailboxid);
	if (s->items != NULL)
		resp_dump_node(out, s->items);
}

static void dump_numbers(struct buf *out, const imap4_numbers *n)
{
	struct err e = ERR_INIT;
	add_field(out, "tag", n->tag);
	(void)buf_add_str(out, n->uid ? " uid" : "");
	(void)buf_add_str(out, n->earlier ? " earlier" : "");
	add_number(out, n->have & 1, "min", n->min);
	add_number(out, n->have & 2, "max", n->max);
	add_number(out, n->have & IMAP4_HAVE_COUNT, "count", n->count);
	add_number(out, n->have & IMAP4_HAVE_MODSEQ, "modseq", n->modseq);
	if (n->have & IMAP4_HAVE_ALL) {
		(void)buf_add_str(out, " all=");
		if (uidset_format(n->set, out, &e) != 0)
			(void)buf_add_str(out, "...");
	}
	if (n->have & IMAP4_HAVE_PARTIAL) {
		(void)buf_addf(out, " partial=%lld:%lld of=", (long long)n->partial_first,
			(long long)n->partial_last);
		if (uidset_format(n->set, out, &e) != 0)
			(void)buf_add_str(out, "...");
	}
}

static void dump_state(struct buf *out, const imap4_state_line *l)
{
	if (l->code != IMAP4_CODE_NONE) {
		(void)buf_addf(out, " code=%d", (int)l->code);
		add_field(out, "atom", l->code_atom);
		add_field(out, "args", l->code_args);
	}
	add_field(out, "text", l->text);
}

static void dump_namespaces(struct buf *out, const struct imap4_data *d)
{
	const imap4_namespace *ns;
	for (size_t i = 0; (ns = imap4_data_namespace(d, i)) != NULL; i++) {
		(void)buf_addf(out, " %d:", ns->kind);
		add_str(out, ns->prefix);
		(void)buf_addf(out, ":%c", ns->delimiter != '\0' ? ns->delimiter : '-');
	}
}

void resp_dump(struct buf *out, const struct imap4_data *d)
{
	if (resp_is_damaged(d))
		(void)buf_add_str(out, "!");
	if (resp_type(d) == RESP_CONTINUE) {
		(void)buf_add_str(out, "+ ");
		(void)buf_add_slice(out, resp_text(d));
		return;
	}
	if (resp_type(d) == RESP_TAGGED) {
		(void)buf_add_slice(out, resp_tag(d));
		(void)buf_add_str(out, " ");
	}
	if (imap4_data_kind(d) == IMAP4_DATA_OTHER)
		(void)buf_add_str(out, "OTHER ");
	add_str(out, imap4_data_name(d));
	switch (imap4_data_kind(d)) {
	case IMAP4_DATA_STATE: dump_state(out, imap4_data_state(d)); return;
	case IMAP4_DATA_LIST: dump_list(out, imap4_data_list(d)); return;
	case IMAP4_DATA_STATUS: dump_status(out, imap4_data_status(d)); return;
	case IMAP4_DATA_FETCH: dump_message(out, imap4_data_message(d)); return;
	case IMAP4_DATA_SEARCH:
	case IMAP4_DATA_ESEARCH:
	case IMAP4_DATA_VANISHED: dump_numbers(out, imap4_data_numbers(d)); return;
	case IMAP4_DATA_NAMESPACE: dump_namespaces(out, d); return;
	case IMAP4_DATA_EXISTS:
	case IMAP4_DATA_RECENT:
	case IMAP4_DATA_EXPUNGE: (void)buf_addf(out, " %u", imap4_data_number(d)); return;
	case IMAP4_DATA_OTHER:
		if (imap4_data_number(d) != 0)
			(void)buf_addf(out, " %u", imap4_data_number(d));
		break;
	case IMAP4_DATA_CAPABILITY:
	case IMAP4_DATA_ENABLED:
	case IMAP4_DATA_FLAGS:
	case IMAP4_DATA_ID: break;
	}
	(void)buf_add_str(out, " ");
	resp_dump_node(out, imap4_data_root(d));
}

const char *resp_dump_line(struct buf *out, const char *line)
{
	struct err e = ERR_INIT;
	struct imap4_data *d = resp_parse(slice_str(line), NULL, 0, &lexer_log_limits, &e);
	if (d == NULL)
		abort();
	buf_clear(out);
	resp_dump(out, d);
	resp_free(d);
	return buf_str(out);
}

static void dump_partial(
	struct buf *out, const struct imap_limits *limits, const struct lexer_output *o)
{
	struct err e = ERR_INIT;
	imap4_str section;
	struct imap4_data *d = resp_parse_partial(o->text, o->gaps, o->ngaps, limits, &section, &e);
	if (d == NULL)
		abort();
	(void)buf_add_str(out, "section=");
	add_str(out, section);
	(void)buf_addf(out, " size=%llu ", (unsigned long long)o->body_size);
	resp_dump(out, d);
	(void)buf_add_str(out, "\n");
	resp_free(d);
}

static bool dump_response(
	struct buf *out, const struct imap_limits *limits, const struct lexer_output *o)
{
	struct err e = ERR_INIT;
	struct imap4_data *d = resp_parse(o->text, o->gaps, o->ngaps, limits, &e);
	if (d == NULL)
		abort();
	(void)buf_add_str(out, "  ");
	resp_dump(out, d);
	(void)buf_add_str(out, "\n");
	bool damaged = resp_is_damaged(d);
	resp_free(d);
	return damaged;
}

size_t resp_dump_wire(struct buf *out, const struct imap_limits *limits, enum lexer_body how,
	struct slice wire, bool *ends)
{
	struct err e = ERR_INIT;
	struct lexer *x;
	struct lexer_output o = {.event = LEXER_BODY_END};
	size_t damaged = 0;
	if (lexer_new(&x, limits, &e) != 0)
		abort();
	*ends = true;
	while (*ends && o.event != LEXER_MORE) {
		*ends = lexer_next(x, &wire, &o, &e) == 0;
		if (!*ends)
			break;
		if (o.event == LEXER_RESPONSE)
			damaged += dump_response(out, limits, &o);
		if (o.event != LEXER_BODY_BEGIN)
			continue;
		dump_partial(out, limits, &o);
		if (lexer_body(x, how, &e) != 0 && lexer_body(x, LEXER_BODY_SKIP, &e) != 0)
			abort();
	}
	*ends = *ends && !lexer_in_response(x);
	if (err_is_set(&e))
		(void)buf_addf(out, "!!! %s\n", e.text);
	lexer_free(x);
	return damaged;
}

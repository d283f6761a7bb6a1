/* SPDX-License-Identifier: MIT */
/*
 * resp_list.c -- LIST, LSUB, XLIST (RFC 9051 section 7.3.1, RFC 5258, RFC 6154) and NAMESPACE (RFC 2342).
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"
#include "core/imap/value.h"

static const struct {
	const char *name;
	uint32_t bits;
} attributes[] = {
	{"\\Noselect", IMAP4_LIST_NOSELECT},
	{"\\NonExistent", IMAP4_LIST_NONEXISTENT | IMAP4_LIST_NOSELECT},
	/* what they imply: RFC 5258 section 3.4 */
	{"\\Noinferiors", IMAP4_LIST_NOINFERIORS | IMAP4_LIST_HASNOCHILDREN},
	{"\\HasChildren", IMAP4_LIST_HASCHILDREN},
	{"\\HasNoChildren", IMAP4_LIST_HASNOCHILDREN},
	{"\\Subscribed", IMAP4_LIST_SUBSCRIBED},
	{"\\Remote", IMAP4_LIST_REMOTE},
	{"\\Marked", IMAP4_LIST_MARKED},
	{"\\Unmarked", IMAP4_LIST_UNMARKED},
	{"\\All", IMAP4_LIST_ALL},
	{"\\Archive", IMAP4_LIST_ARCHIVE},
	{"\\Drafts", IMAP4_LIST_DRAFTS},
	{"\\Flagged", IMAP4_LIST_FLAGGED},
	{"\\Junk", IMAP4_LIST_JUNK},
	{"\\Sent", IMAP4_LIST_SENT},
	{"\\Trash", IMAP4_LIST_TRASH},
	{"\\Important", IMAP4_LIST_IMPORTANT},
	/* XLIST, Gmail before RFC 6154 */
	{"\\AllMail", IMAP4_LIST_ALL},
	{"\\Spam", IMAP4_LIST_JUNK},
	{"\\Starred", IMAP4_LIST_FLAGGED},
};

static uint32_t attribute_bits(imap4_str name)
{
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (slice_ieq_str(slice_of(name.ptr, name.len), attributes[i].name))
			return attributes[i].bits;
	return 0;
}

/* The hierarchy delimiter: one character or NIL, for which "" is sent too. Of a longer one the first counts. */
static char read_delimiter(struct imap4_data *d, const struct imap4_node *n)
{
	imap4_str s = resp_str(n);
	if (n != NULL && n->kind == IMAP4_NODE_NIL)
		return '\0';
	if (s.ptr == NULL || s.len > 1)
		d->damaged = true;
	return s.len > 0 ? s.ptr[0] : '\0';
}

static bool is_inbox(imap4_str name)
{
	return name.ptr != NULL && mailbox_is_inbox(slice_of(name.ptr, name.len));
}

/* The delimiter "\" without its escape would swallow the name that follows. */
static bool skip_bare_backslash(struct values *v)
{
	static const char bare[] = "\"\\\" ";
	if (value_at_end(v) || v->text.n - v->at < sizeof bare - 1 ||
		memcmp(v->text.p + v->at, bare, sizeof bare - 1) != 0)
		return false;
	v->at += sizeof bare - 1;
	return true;
}

/* Extended items are pairs of a tag and a value: ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" ("old")). */
static void read_extended(struct imap4_data *d, const struct imap4_node *list)
{
	imap4_list *l = &d->u.list;
	if (list == NULL)
		return;
	if (list->kind != IMAP4_NODE_LIST) {
		d->damaged = true;
		return;
	}
	l->extended = list;
	l->oldname = resp_str(resp_only(imap4_list_item(l, "OLDNAME")));
	const struct imap4_node *info = imap4_list_item(l, "CHILDINFO");
	bool is_list = info != NULL && info->kind == IMAP4_NODE_LIST;
	const struct imap4_node *option = is_list ? imap4_node_child(info) : info;
	for (; option != NULL; option = is_list ? imap4_node_next(option) : NULL)
		l->childinfo |= slice_ieq_str(resp_node_slice(option), "SUBSCRIBED")
			? IMAP4_CHILDINFO_SUBSCRIBED
			: IMAP4_CHILDINFO_OTHER;
}

static int read_attributes(struct imap4_data *d, const struct imap4_node *n, struct err *e)
{
	imap4_list *l = &d->u.list;
	if (n->kind != IMAP4_NODE_LIST && n->kind != IMAP4_NODE_NIL)
		d->damaged = true;
	if (!resp_string_list(d, n, &l->attributes, &l->nattributes))
		return err_nomem(e, "reading the attributes of a mailbox");
	for (size_t i = 0; i < l->nattributes; i++)
		l->attrs |= attribute_bits(l->attributes[i]);
	return 0;
}

int resp_read_list(struct imap4_data *d, struct values *v, struct err *e)
{
	size_t attrs, delimiter = 0, name;
	if (value_next(v, &attrs, e) < 0)
		return -1;
	bool backslash = skip_bare_backslash(v);
	if (!backslash && value_next(v, &delimiter, e) < 0)
		return -1;
	int r = value_mailbox(v, " (\"", &name, e);
	if (r < 0 || value_rest(v, e) != 0)
		return -1;
	imap4_str text = resp_str(&d->node[name]);
	if (attrs == 0 || (delimiter == 0 && !backslash) || name == 0 || text.ptr == NULL) {
		d->damaged = true;
		d->kind = IMAP4_DATA_OTHER;
		return 0;
	}
	imap4_list *l = &d->u.list;
	l->name = is_inbox(text) ? (imap4_str){"INBOX", 5} : text;
	l->lsub = slice_ieq_str(slice_of(d->name.ptr, d->name.len), "LSUB");
	l->delimiter = backslash ? '\\' : read_delimiter(d, &d->node[delimiter]);
	read_extended(d, imap4_node_next(&d->node[name]));
	return read_attributes(d, &d->node[attrs], e);
}

/* ---- NAMESPACE ---------------------------------------------------------------------------------------- */

static size_t count_namespaces(const struct imap4_node *kind)
{
	size_t n = 0;
	for (; kind != NULL; kind = imap4_node_next(kind))
		for (const struct imap4_node *c = imap4_node_child(kind); c != NULL;
			c = imap4_node_next(c))
			n++;
	return n;
}

/* ("prefix" "/" extension...); false when it has no prefix. */
static bool read_namespace(
	struct imap4_data *d, const struct imap4_node *n, int kind, imap4_namespace *out)
{
	const struct imap4_node *prefix = imap4_node_child(n);
	imap4_str text = resp_str(prefix);
	if (text.ptr == NULL)
		return false;
	out->kind = kind;
	out->prefix = text;
	const struct imap4_node *delimiter = imap4_node_next(prefix);
	out->delimiter = read_delimiter(d, delimiter);
	/* Extensions are pairs: "TRANSLATION" ("text") (RFC 5255 section 3.4). */
	const struct imap4_node *tag = imap4_node_next(delimiter);
	for (; tag != NULL; tag = imap4_node_next(imap4_node_next(tag)))
		if (slice_ieq_str(resp_node_slice(tag), "TRANSLATION"))
			out->translation = resp_str(resp_only(imap4_node_next(tag)));
	return true;
}

int resp_read_namespace(struct imap4_data *d, struct values *v, struct err *e)
{
	if (value_rest(v, e) != 0)
		return -1;
	const struct imap4_node *value = imap4_node_child(&d->node[0]);
	size_t n = count_namespaces(value);
	imap4_namespace *entry = calloc(n + 1, sizeof *entry);
	if (entry == NULL)
		return err_nomem(e, "reading namespaces");
	d->extra = entry;
	d->u.ns.entry = entry;
	int kind = 0;
	for (; value != NULL; value = imap4_node_next(value), kind++) {
		if ((value->kind != IMAP4_NODE_LIST && value->kind != IMAP4_NODE_NIL) || kind > 2) {
			d->damaged = true;
			continue;
		}
		for (const struct imap4_node *c = imap4_node_child(value); c != NULL;
			c = imap4_node_next(c)) {
			if (read_namespace(d, c, kind, &entry[d->u.ns.n]))
				d->u.ns.n++;
			else
				d->damaged = true;
		}
	}
	if (kind != 3)
		d->damaged = true;
	return 0;
}

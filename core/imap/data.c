/* SPDX-License-Identifier: MIT */
/*
 * data.c -- what imap4.h says about responses and their values: plain access, all reading was done before.
 * Each typed accessor gives NULL for a response of another kind.
 */
#include "core/imap/resp_private.h"

#include <string.h>

imap4_kind imap4_data_kind(const imap4_data *d)
{
	return d->kind;
}

imap4_str imap4_data_name(const imap4_data *d)
{
	return d->name;
}

uint32_t imap4_data_number(const imap4_data *d)
{
	return d->number;
}

const imap4_node *imap4_data_root(const imap4_data *d)
{
	return &d->node[0];
}

/* ---- values ------------------------------------------------------------------------------------------- */

imap4_node_type imap4_node_kind(const imap4_node *n)
{
	return n == NULL ? IMAP4_NODE_NIL : (imap4_node_type)n->kind;
}

imap4_str imap4_node_text(const imap4_node *n)
{
	return resp_str(n);
}

const imap4_node *imap4_node_child(const imap4_node *n)
{
	return n != NULL && n->has_child ? n + 1 : NULL;
}

const imap4_node *imap4_node_next(const imap4_node *n)
{
	return n != NULL && n->next != 0 ? n + n->next : NULL;
}

int imap4_node_u64(const imap4_node *n, uint64_t *v)
{
	return resp_number(n, UINT64_MAX, v);
}

uint64_t imap4_node_size(const imap4_node *n)
{
	return n != NULL && (n->kind == IMAP4_NODE_STRING || n->kind == IMAP4_NODE_BODY) ? n->size
											 : 0;
}

/* ---- typed forms -------------------------------------------------------------------------------------- */

const imap4_state_line *imap4_data_state(const imap4_data *d)
{
	return d->kind == IMAP4_DATA_STATE ? &d->u.state : NULL;
}

const imap4_list *imap4_data_list(const imap4_data *d)
{
	return d->kind == IMAP4_DATA_LIST ? &d->u.list : NULL;
}

const imap4_node *imap4_list_item(const imap4_list *l, const char *tag)
{
	const imap4_node *item = imap4_node_child(l->extended);
	while (item != NULL) {
		const imap4_node *value = imap4_node_next(item);
		if (value != NULL && slice_ieq_str(resp_node_slice(item), tag))
			return value;
		item = imap4_node_next(value);
	}
	return NULL;
}

const imap4_status *imap4_data_status(const imap4_data *d)
{
	return d->kind == IMAP4_DATA_STATUS ? &d->u.status : NULL;
}

const imap4_message *imap4_data_message(const imap4_data *d)
{
	return d->kind == IMAP4_DATA_FETCH ? &d->u.message : NULL;
}

const imap4_node *imap4_message_item(const imap4_message *m, const char *name)
{
	const imap4_node *item = imap4_node_child(m->items);
	while (item != NULL) {
		const imap4_node *value = imap4_node_next(item);
		if (value != NULL && slice_ieq_str(resp_node_slice(item), name))
			return value;
		item = imap4_node_next(value);
	}
	return NULL;
}

const imap4_numbers *imap4_data_numbers(const imap4_data *d)
{
	bool has = d->kind == IMAP4_DATA_SEARCH || d->kind == IMAP4_DATA_ESEARCH ||
		d->kind == IMAP4_DATA_VANISHED;
	return has ? &d->u.numbers.view : NULL;
}

const imap4_namespace *imap4_data_namespace(const imap4_data *d, size_t i)
{
	return d->kind == IMAP4_DATA_NAMESPACE && i < d->u.ns.n ? &d->u.ns.entry[i] : NULL;
}

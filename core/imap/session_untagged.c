/* SPDX-License-Identifier: MIT */
/*
 * session_untagged.c -- what nobody asked for, kept until somebody asks by name.
 */
#include <stdlib.h>

#include "core/imap/session.h"

/* Out of the list; NULL before: it is the first. */
static struct imap4_data *unlink_data(
	struct imap4_session *s, struct cmd_data *before, struct cmd_data *item)
{
	struct imap4_data *d = item->data;
	if (before)
		before->next = item->next;
	else
		s->kept_first = item->next;
	if (s->kept_last == item)
		s->kept_last = before;
	s->nkept_data--;
	free(item);
	return d;
}

static void drop_oldest(struct imap4_session *s)
{
	resp_free(unlink_data(s, NULL, s->kept_first));
}

void session_drop_data(struct imap4_session *s)
{
	while (s->kept_first)
		drop_oldest(s);
	if (s->idler)
		idler_leave(s->idler);
}

void session_keep_data(struct imap4_session *s, struct imap4_data **d, bool claimed)
{
	if (s->idler && !claimed) {
		idler_hear(s->idler, d);
		return;
	}
	if (s->kept_max == 0)
		return;
	struct cmd_data *item = calloc(1, sizeof(*item));
	if (!item)
		return; /* it went to the events all the same */
	item->data = *d;
	*d = NULL;
	if (s->kept_last)
		s->kept_last->next = item;
	else
		s->kept_first = item;
	s->kept_last = item;
	if (++s->nkept_data > s->kept_max)
		drop_oldest(s);
}

/* By its name, or by the code of a state line: "EXISTS", "UIDVALIDITY"; a tagged one by its code only. */
static bool is_called(const imap4_data *d, const char *name)
{
	const imap4_state_line *l = imap4_data_state(d);
	imap4_str own = imap4_data_name(d);
	if (resp_type(d) == RESP_TAGGED)
		own.len = 0;
	return slice_ieq_str(slice_of(own.ptr, own.len), name) ||
		(l && slice_ieq_str(slice_of(l->code_atom.ptr, l->code_atom.len), name));
}

void imap4_keep_untagged(imap4_session *s, size_t max)
{
	s->kept_max = max;
	engine_keep_codes(s->engine, max > 0);
	while (s->nkept_data > max)
		drop_oldest(s);
}

imap4_data *imap4_untagged_take(imap4_session *s, const char *name)
{
	struct cmd_data *before = NULL;
	for (struct cmd_data *item = s->kept_first; item; before = item, item = item->next) {
		if (is_called(item->data, name))
			return unlink_data(s, before, item);
	}
	return NULL;
}

void imap4_data_free(imap4_data *d)
{
	resp_free(d);
}

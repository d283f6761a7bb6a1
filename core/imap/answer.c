/* SPDX-License-Identifier: MIT */
/*
 * answer.c -- what the commands of extensions share: looking at responses that have no typed form, and copies of arguments.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

bool answer_is(const struct imap4_data *d, const char *name)
{
	imap4_str s = imap4_data_name(d);
	return imap4_data_kind(d) == IMAP4_DATA_OTHER &&
		slice_ieq_str(slice_of(s.ptr, s.len), name);
}

const imap4_node *answer_first(const struct imap4_data *d)
{
	const imap4_node *root = imap4_data_root(d);
	return root != NULL ? imap4_node_child(root) : NULL;
}

const imap4_node *answer_skip(const imap4_node *n, size_t count)
{
	for (; count > 0 && n != NULL; count--)
		n = imap4_node_next(n);
	return n;
}

imap4_str answer_astring(const imap4_node *n)
{
	if (n != NULL && imap4_node_kind(n) == IMAP4_NODE_NIL)
		return (imap4_str){"NIL", 3};
	return n != NULL ? imap4_node_text(n) : (imap4_str){NULL, 0};
}

int cmd_texts_new(struct cmd_texts *t, size_t n, struct err *e)
{
	t->at = calloc(n > 0 ? n : 1, sizeof *t->at);
	if (t->at == NULL)
		return err_nomem(e, "the arguments of a command");
	t->n = n;
	return 0;
}

int cmd_texts_set(struct cmd_texts *t, size_t i, imap4_str s, struct err *e)
{
	if (s.ptr == NULL)
		return 0;
	char *p = malloc(s.len + 1);
	if (p == NULL)
		return err_nomem(e, "the arguments of a command");
	memcpy(p, s.ptr, s.len);
	p[s.len] = '\0';
	t->at[i] = (imap4_str){p, s.len};
	return 0;
}

void cmd_texts_release(struct cmd_texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free((void *)(uintptr_t)t->at[i].ptr);
	free(t->at);
	*t = (struct cmd_texts){NULL, 0};
}

struct slice cmd_text(const struct cmd_texts *t, size_t i)
{
	return slice_of(t->at[i].ptr, t->at[i].len);
}

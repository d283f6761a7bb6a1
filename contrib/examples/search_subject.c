/* SPDX-License-Identifier: MIT */
/* search_subject.c -- the messages with some words in their subject, in every mailbox. */
#include <stdio.h>
#include <string.h>

#include "example.h"

static imap4_str text(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static void search(imap4_session *s, imap4_str mailbox, const imap4_query *q)
{
	imap4_set *found;
	example_check(s, imap4_call_select(s, mailbox.ptr, 0));
	imap4_err rc = imap4_call_search(s, q, IMAP4_BY_SEQ, &found);
	example_check(s, rc);
	example_print(mailbox);
	printf(" %s [", example_outcome(rc));
	example_print_numbers(found);
	printf("]\n");
	imap4_set_free(found);
}

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_reply *boxes = example_mailboxes(s);
	/* What goes wrong here spoils the query, and the search then says so. */
	imap4_query *q = imap4_query_new();
	imap4_query_text(q, IMAP4_IN_SUBJECT, text("Example message 2"));
	for (size_t i = 0; i < boxes->n; i++) {
		const imap4_list *l = imap4_data_list(boxes->data[i]);
		if (!(l->attrs & IMAP4_LIST_NOSELECT))
			search(s, l->name, q);
	}
	imap4_query_free(q);
	imap4_reply_free(boxes);
	return example_close(s);
}

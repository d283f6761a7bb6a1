/* SPDX-License-Identifier: MIT */
/* search_all.c -- the numbers of all messages of each mailbox. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_reply *boxes = example_mailboxes(s);
	for (size_t i = 0; i < boxes->n; i++) {
		const imap4_list *l = imap4_data_list(boxes->data[i]);
		imap4_set *found;
		if (l->attrs & IMAP4_LIST_NOSELECT)
			continue;
		example_check(s, imap4_call_select(s, l->name.ptr, 0));
		imap4_err rc = imap4_call_search(s, NULL, IMAP4_BY_SEQ, &found);
		example_check(s, rc);
		example_print(l->name);
		printf(" %s [", example_outcome(rc));
		example_print_numbers(found);
		printf("]\n");
		imap4_set_free(found);
	}
	imap4_reply_free(boxes);
	return example_close(s);
}

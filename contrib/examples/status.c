/* SPDX-License-Identifier: MIT */
/* status.c -- numbers about every mailbox, without opening it. */
#include <stdio.h>

#include "example.h"

enum {
	ITEMS = IMAP4_ST_MESSAGES | IMAP4_ST_RECENT | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY |
		IMAP4_ST_UNSEEN,
};

static void print_status(const imap4_data *d)
{
	const imap4_status *st = imap4_data_status(d);
	example_print_values(d);
	printf("\n");
	/* A server may leave out what it was asked for. */
	if ((st->have & IMAP4_ST_MESSAGES) && (st->have & IMAP4_ST_UNSEEN))
		printf("%u messages, %u not read\n", (unsigned)st->messages, (unsigned)st->unseen);
}

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_reply *boxes = example_mailboxes(s), *r;
	for (size_t i = 0; i < boxes->n; i++) {
		const imap4_list *l = imap4_data_list(boxes->data[i]);
		if (l->attrs & IMAP4_LIST_NOSELECT)
			continue;
		printf("Mailbox: ");
		example_print(l->name);
		imap4_err rc = imap4_call_status(s, l->name.ptr, ITEMS, &r);
		printf("\n%s ", example_outcome(rc));
		if (rc == IMAP4_OK)
			print_status(r->data[0]);
		else
			example_print_answer(s);
		imap4_reply_free(r);
	}
	imap4_reply_free(boxes);
	return example_close(s);
}

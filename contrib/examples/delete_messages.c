/* SPDX-License-Identifier: MIT */
/*
 * delete_messages.c -- find messages, mark them as deleted, see that they are still there, remove them.
 * The mailbox is the second word of the command line: delete_messages CONFIG [MAILBOX]
 */
#include <stdio.h>
#include <string.h>

#include "example.h"

static imap4_set *search(imap4_session *s, const char *what, const char *subject)
{
	imap4_set *found;
	imap4_query *q = imap4_query_new();
	if (subject != NULL)
		imap4_query_text(q, IMAP4_IN_SUBJECT, (imap4_str){subject, strlen(subject)});
	example_check(s, imap4_call_search(s, q, IMAP4_BY_SEQ, &found));
	imap4_query_free(q);
	printf("%s messages: ", what);
	example_print_numbers(found);
	printf("\n");
	return found;
}

static int print_flags(void *ctx, const imap4_message *m)
{
	(void)ctx;
	printf(" %u ", (unsigned)m->seq);
	example_print_flags(m);
	return 0;
}

static void show_flags(imap4_session *s, const char *when, const imap4_set *set)
{
	printf("Flags %s:", when);
	example_check(s, imap4_call_fetch(s, set, "FLAGS", IMAP4_BY_SEQ, print_flags, NULL));
	printf("\n");
}

static void remove_messages(imap4_session *s, const imap4_set *set)
{
	imap4_reply *r;
	show_flags(s, "before", set);
	example_check(s, imap4_call_store(s, set, IMAP4_FLAGS_ADD, "\\Deleted", IMAP4_BY_SEQ));
	show_flags(s, "after", set);

	/* Each is told when it goes; the ones behind it then have a number less by one. */
	example_check(s, imap4_call_expunge(s, &r));
	printf("Expunged:");
	for (size_t i = 0; i < r->n; i++)
		printf(" %u", (unsigned)imap4_data_number(r->data[i]));
	printf("\n");
	imap4_reply_free(r);
}

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	example_check(s, imap4_call_select(s, argc > 2 ? argv[2] : "Example.Today", 1));
	imap4_set_free(search(s, "Starting", NULL));
	imap4_set *matching = search(s, "Matching", "subject goes here");
	if (imap4_set_count(matching) > 0)
		remove_messages(s, matching);
	imap4_set_free(matching);
	imap4_set_free(search(s, "Remaining", NULL));
	return example_close(s);
}

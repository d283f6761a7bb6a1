/* SPDX-License-Identifier: MIT */
/* archive_read.c -- copy the messages that were read into a new mailbox; their contents stay on the server. */
#include <stdio.h>
#include <string.h>

#include "example.h"

/* "Example.Today" as this server wants it: what the user's mailboxes begin with, and what is between the levels. */
static void name_mailbox(imap4_session *s, char *name, size_t size)
{
	imap4_reply *r;
	const imap4_namespace *own = NULL;
	imap4_err rc = imap4_call_namespace(s, &r);
	if (rc != IMAP4_E_NOCAP)
		example_check(s, rc);
	if (rc == IMAP4_OK && r->n > 0)
		own = imap4_data_namespace(r->data[0], 0);
	snprintf(name, size, "%sExample%cToday",
		own != NULL && own->prefix.ptr != NULL ? own->prefix.ptr : "",
		own != NULL && own->delimiter != '\0' ? own->delimiter : '.');
	imap4_reply_free(r);
}

/* The messages with a flag, or all. */
static imap4_set *search(imap4_session *s, const char *flag)
{
	imap4_set *found;
	imap4_query *q = imap4_query_new();
	if (flag != NULL)
		imap4_query_flag(q, (imap4_str){flag, strlen(flag)}, 1);
	example_check(s, imap4_call_search(s, q, IMAP4_BY_UID, &found));
	imap4_query_free(q);
	return found;
}

static void print_set(const char *what, const imap4_set *set)
{
	printf("%s: ", what);
	example_print_numbers(set);
	printf("\n");
}

int main(int argc, char **argv)
{
	char name[1024];
	imap4_session *s = example_login(argc, argv);
	name_mailbox(s, name, sizeof name);

	/* UIDs: unlike message numbers they do not change when somebody else removes a message meanwhile. */
	example_check(s, imap4_call_select(s, "INBOX", 0));
	imap4_set *seen = search(s, "\\Seen");

	/* When it is there already, the server says so, and nothing is lost. */
	imap4_err rc = imap4_call_create(s, name);
	printf("CREATED %s: %s ", name, example_outcome(rc));
	example_print_answer(s);

	print_set("COPYING", seen);
	if (imap4_set_count(seen) > 0)
		example_check(s, imap4_call_copy(s, seen, name, IMAP4_BY_UID));

	example_check(s, imap4_call_select(s, name, 0));
	imap4_set *copies = search(s, NULL);
	print_set("COPIED", copies);
	imap4_set_free(copies);
	imap4_set_free(seen);
	return example_close(s);
}

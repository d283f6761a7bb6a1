/* SPDX-License-Identifier: MIT */
/* select.c -- open a mailbox; all commands about messages are about those in it. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_err rc = imap4_call_select(s, "INBOX", 1);
	printf("%s\n", example_outcome(rc));
	example_check(s, rc);
	printf("There are %u messages in INBOX\n", (unsigned)imap4_selected_mailbox(s)->exists);
	return example_close(s);
}

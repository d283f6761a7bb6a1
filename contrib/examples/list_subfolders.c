/* SPDX-License-Identifier: MIT */
/* list_subfolders.c -- a mailbox and all that is below it: its name as the reference, which the pattern continues. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_reply *r;
	imap4_err rc = imap4_call_list(s, "Example", "*", &r);
	printf("Response code: %s\n", example_outcome(rc));
	example_check(s, rc);
	for (size_t i = 0; i < r->n; i++) {
		printf("Server response: ");
		example_print_values(r->data[i]);
		printf("\n");
	}
	imap4_reply_free(r);
	return example_close(s);
}

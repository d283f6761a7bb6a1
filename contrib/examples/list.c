/* SPDX-License-Identifier: MIT */
/* list.c -- all mailboxes of an account, as the server sends them. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_reply *r;
	imap4_err rc = imap4_call_list(s, "", "*", &r);
	printf("Response code: %s\n", example_outcome(rc));
	example_check(s, rc);
	printf("Response:\n");
	for (size_t i = 0; i < r->n; i++) {
		example_print_values(r->data[i]);
		printf("\n");
	}
	imap4_reply_free(r);
	return example_close(s);
}

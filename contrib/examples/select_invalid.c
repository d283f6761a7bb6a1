/* SPDX-License-Identifier: MIT */
/* select_invalid.c -- open a mailbox that is not there. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_err rc = imap4_call_select(s, "Does-Not-Exist", 1);
	printf("%s ", example_outcome(rc));
	example_print_answer(s);
	return example_close(s);
}

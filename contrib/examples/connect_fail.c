/* SPDX-License-Identifier: MIT */
/* connect_fail.c -- a login that is refused: an outcome like any other, and the connection stays good. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	struct example_config c;
	example_read_config(&c, argc, argv);

	printf("Connecting to %s\n", c.hostname);
	imap4_session *s = example_connect(&c, NULL);

	printf("Logging in as %s\n", c.username);
	imap4_err rc = imap4_call_login(s, c.username, "this_is_the_wrong_password");
	if (rc != IMAP4_OK) {
		printf("ERROR: ");
		example_print_answer(s);
	}
	/* The code says why without reading the text: this is not a server that is out of order for a while. */
	if (imap4_last(s)->code == IMAP4_CODE_AUTHENTICATIONFAILED)
		printf("The password is wrong.\n");
	return example_close(s);
}

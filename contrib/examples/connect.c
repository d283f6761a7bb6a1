/* SPDX-License-Identifier: MIT */
/* connect.c -- connect to the server of a configuration file and log in. */
#include <stdio.h>

#include "example.h"

int main(int argc, char **argv)
{
	struct example_config c;
	example_read_config(&c, argc, argv);

	printf("Connecting to %s\n", c.hostname);
	imap4_session *s = example_connect(&c, NULL);

	printf("Logging in as %s\n", c.username);
	example_check(s, imap4_call_login(s, c.username, c.password));

	/* What the server can do is told once more, and often more fully, after the login. */
	size_t n = 0;
	while (imap4_capability(s, n).ptr != NULL)
		n++;
	printf("Logged in: %s, %zu capabilities\n", imap4_tls(s), n);
	return example_close(s);
}

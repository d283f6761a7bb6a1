/* SPDX-License-Identifier: MIT */
/* fetch_separately.c -- the parts of a message one by one: header, text, flags. */
#include <stdio.h>
#include <stdlib.h>

#include "example.h"

#define PART_MAX ((size_t)1 << 20) /* octets: larger parts are refused, not kept */

static void print_part(imap4_session *s, const char *section)
{
	char *part;
	size_t n;
	example_check(s, imap4_call_fetch_body(s, 1, IMAP4_BY_SEQ, section, PART_MAX, &part, &n));
	example_print_lines(part, n);
	free(part);
}

static int print_flags(void *ctx, const imap4_message *m)
{
	(void)ctx;
	printf("%u ", (unsigned)m->seq);
	example_print_flags(m);
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	example_check(s, imap4_call_select(s, "INBOX", 0));

	printf("HEADER:\n");
	print_part(s, "HEADER");

	printf("BODY TEXT:\n");
	print_part(s, "TEXT");

	printf("\nFLAGS:\n");
	imap4_set *first = imap4_set_of("1");
	example_check(s, imap4_call_fetch(s, first, "FLAGS", IMAP4_BY_SEQ, print_flags, NULL));
	imap4_set_free(first);
	return example_close(s);
}

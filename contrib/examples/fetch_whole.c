/* SPDX-License-Identifier: MIT */
/*
 * fetch_whole.c -- a whole message, and some of its header fields. The server has read the header already: ENVELOPE is
 * what it found there, so that nothing needs to be parsed here.
 */
#include <stdio.h>
#include <stdlib.h>

#include <imap4/imap4_mime.h>

#include "example.h"

#define MESSAGE_MAX ((size_t)64 << 20)

static void print_addresses(const char *name, imap4_address_list list)
{
	printf("%s: ", name);
	for (size_t i = 0; i < list.n; i++) {
		printf(i > 0 ? ", " : "");
		if (list.at[i].name.len > 0) {
			example_print(list.at[i].name);
			printf(" ");
		}
		printf("<");
		example_print(list.at[i].mailbox);
		printf("@");
		example_print(list.at[i].host);
		printf(">");
	}
	printf("\n");
}

static int print_envelope(void *ctx, const imap4_message *m)
{
	imap4_envelope *e = imap4_envelope_new(imap4_message_item(m, "ENVELOPE"));
	(void)ctx;
	if (e == NULL)
		return -1;
	printf("SUBJECT : ");
	example_print(e->subject);
	printf("\n");
	print_addresses("   TO   ", e->to);
	print_addresses("  FROM  ", e->from);
	imap4_envelope_free(e);
	return 0;
}

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_set *first = imap4_set_of("1");
	char *message;
	size_t n;
	example_check(s, imap4_call_select(s, "INBOX", 0));
	example_check(
		s, imap4_call_fetch(s, first, "ENVELOPE", IMAP4_BY_SEQ, print_envelope, NULL));
	example_check(s, imap4_call_fetch_body(s, 1, IMAP4_BY_SEQ, "", MESSAGE_MAX, &message, &n));
	printf("  SIZE  : %zu octets\n\n", n);
	example_print_lines(message, n);
	free(message);
	imap4_set_free(first);
	return example_close(s);
}

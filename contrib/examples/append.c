/* SPDX-License-Identifier: MIT */
/* append.c -- upload a message, then show the headers of all that are in the mailbox. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "example.h"

#define HEADER_MAX ((size_t)1 << 20)

static const char new_message[] = "Subject: subject goes here\r\n"
				  "From: pymotw@example.com\r\n"
				  "To: example@example.com\r\n"
				  "\r\n"
				  "This is the body of the message.\r\n";

static void print_header(imap4_session *s, uint32_t number)
{
	char *header;
	size_t n;
	example_check(s,
		imap4_call_fetch_body(s, number, IMAP4_BY_SEQ, "HEADER", HEADER_MAX, &header, &n));
	printf("\n%u:\n", (unsigned)number);
	example_print_lines(header, n);
	free(header);
}

int main(int argc, char **argv)
{
	char date[IMAP4_DATE_SIZE];
	uint32_t uid;
	example_print_lines(new_message, strlen(new_message));

	imap4_session *s = example_login(argc, argv);
	imap4_date_format((int64_t)time(NULL), 0, date);
	example_check(s,
		imap4_call_append(s, "INBOX", NULL, date, new_message, strlen(new_message), &uid));
	if (uid != 0)
		printf("\nUploaded, with the UID %u\n", (unsigned)uid);

	imap4_set *all;
	example_check(s, imap4_call_select(s, "INBOX", 0));
	example_check(s, imap4_call_search(s, NULL, IMAP4_BY_SEQ, &all));
	for (uint32_t n = 0; (n = imap4_set_next(all, n)) != 0;)
		print_header(s, n);
	imap4_set_free(all);
	return example_close(s);
}

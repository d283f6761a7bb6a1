/* SPDX-License-Identifier: MIT */
/*
 * fetch_raw.c -- a header, and what goes over the wire for it: every line is traced to standard error. The
 * password is masked there.
 */
#include <stdio.h>

#include "example.h"

static void trace(void *ctx, const char *line, size_t n)
{
	fwrite(line, 1, n, ctx);
}

static int print_message(void *ctx, const imap4_message *m)
{
	const imap4_node *header = imap4_message_item(m, "BODY[HEADER]");
	(void)ctx;
	printf("Message %u, flags ", (unsigned)m->seq);
	example_print_flags(m);
	printf("\n");
	if (header != NULL)
		example_print_lines(imap4_node_text(header).ptr, imap4_node_text(header).len);
	return 0;
}

int main(int argc, char **argv)
{
	const imap4_events events = {.struct_size = sizeof events, .ctx = stderr, .trace = trace};
	struct example_config c;
	example_read_config(&c, argc, argv);
	imap4_session *s = example_connect(&c, &events);
	example_check(s, imap4_call_login(s, c.username, c.password));
	example_check(s, imap4_call_select(s, "INBOX", 0));

	/* PEEK: without it the server takes the message for read. */
	imap4_set *first = imap4_set_of("1");
	imap4_err rc = imap4_call_fetch(
		s, first, "BODY.PEEK[HEADER] FLAGS", IMAP4_BY_SEQ, print_message, NULL);
	example_check(s, rc);
	imap4_set_free(first);
	return example_close(s);
}

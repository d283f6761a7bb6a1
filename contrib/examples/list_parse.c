/* SPDX-License-Identifier: MIT */
/*
 * list_parse.c -- the parts of a LIST response. There is nothing to parse: the typed view has them, whether the server
 * sent the name as an atom, quoted or as a literal.
 */
#include <stdio.h>

#include "example.h"

static void print_parsed(const imap4_list *l)
{
	printf("Parsed response: flags");
	for (size_t i = 0; i < l->nattributes; i++) {
		printf(" ");
		example_print(l->attributes[i]);
	}
	if (l->delimiter != '\0')
		printf(", delimiter %c", l->delimiter);
	printf(", name ");
	example_print(l->name);
	printf("\n");
}

int main(int argc, char **argv)
{
	imap4_session *s = example_login(argc, argv);
	imap4_reply *r = example_mailboxes(s);
	for (size_t i = 0; i < r->n; i++) {
		printf("Server response: ");
		example_print_values(r->data[i]);
		printf("\n");
		print_parsed(imap4_data_list(r->data[i]));
	}
	imap4_reply_free(r);
	return example_close(s);
}

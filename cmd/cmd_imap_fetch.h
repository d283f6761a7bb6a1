/* SPDX-License-Identifier: MIT */
/* cmd_imap_fetch.h -- between the files of imapsync imap fetch: which items are asked for, and how messages are shown. */
#ifndef CMD_CMD_IMAP_FETCH_H
#define CMD_CMD_IMAP_FETCH_H

#include "cmd/cmd_imap.h"

/* Words of the command line as FETCH items, none of which sets \Seen. *sections: how many give octets of a message. -1:
 * *e. */
int fetch_items(
	char *const *word, size_t n, struct buf *items, size_t *sections, struct err *e) NODISCARD;

/* One message of the table, with its ENVELOPE. */
void fetch_print_heading(void);
void fetch_print_row(const imap4_message *m);
void fetch_add_row(struct json *j, const imap4_message *m);
/* One message with the items that were asked for. */
void fetch_print_items(const imap4_message *m);
/* Inside of an object. */
void fetch_add_items(struct json *j, const imap4_message *m);

#endif

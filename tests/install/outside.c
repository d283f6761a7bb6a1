/* SPDX-License-Identifier: MIT */
/*
 * outside.c -- a C11 program as somebody else would write it, built by tests/check-install against the installed library.
 *
 *       outside PORT CA-FILE USER    lists, appends, searches and fetches on localhost over TLS; prints what it found
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <imap4/imap4.h>
#include <imap4/imap4_call.h>
#include <imap4/imap4_util.h>

static const char letter[] = "Subject: from outside\r\n\r\nhello\r\n";

static void check(imap4_session *s, imap4_err rc, const char *what)
{
	if (rc == IMAP4_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, imap4_last(s)->message);
	exit(1);
}

static imap4_session *connect_to(char **argv)
{
	imap4_options o;
	imap4_session *s;
	char *why;
	imap4_options_init(&o, sizeof o);
	o.host = "localhost";
	o.port = (uint16_t)strtoul(argv[1], NULL, 10);
	o.ca_file = argv[2];
	if (imap4_open(&s, &o, &why) != IMAP4_OK) {
		fprintf(stderr, "connecting: %s\n", why != NULL ? why : "out of memory");
		exit(1);
	}
	check(s, imap4_call_login(s, argv[3], "secret"), "login");
	return s;
}

/* With handles: two commands in flight. */
static void list_twice(imap4_session *s)
{
	const char *pattern[] = {"INBOX", "%"};
	imap4_cmd *c[2];
	for (size_t i = 0; i < 2; i++)
		c[i] = imap4_list_start(s, "", &pattern[i], 1, NULL);
	for (size_t i = 0; i < 2; i++) {
		check(s, c[i] != NULL ? imap4_cmd_wait(c[i], -1) : imap4_last(s)->err, "list");
		printf("list %s:", pattern[i]);
		for (const imap4_data *d; (d = imap4_cmd_next(c[i])) != NULL;)
			if (imap4_data_list(d) != NULL)
				printf(" %s", imap4_data_list(d)->name.ptr);
		printf("\n");
		imap4_cmd_free(c[i]);
	}
}

static imap4_set *search(imap4_session *s)
{
	imap4_set *found;
	imap4_query *q = imap4_query_new();
	imap4_query_text(q, IMAP4_IN_SUBJECT, (imap4_str){"outside", 7});
	check(s, imap4_call_search(s, q, IMAP4_BY_UID, &found), "search");
	imap4_query_free(q);
	char *text = imap4_set_text(found);
	printf("search: %s\n", text != NULL ? text : "?");
	free(text);
	return found;
}

static int show(void *ctx, const imap4_message *m)
{
	(void)ctx;
	printf("fetch: UID %u, %u octets\n", (unsigned)m->uid, (unsigned)m->size);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t uid;
	char *body;
	size_t n;
	if (argc != 4)
		return 64;
	imap4_session *s = connect_to(argv);
	list_twice(s);
	check(s, imap4_call_append(s, "INBOX", "\\Seen", NULL, letter, sizeof letter - 1, &uid),
		"append");
	check(s, imap4_call_select(s, "INBOX", 0), "select");
	imap4_set *found = search(s);
	check(s, imap4_call_fetch(s, found, "UID RFC822.SIZE", IMAP4_BY_UID, show, NULL), "fetch");
	check(s, imap4_call_fetch_body(s, uid, IMAP4_BY_UID, "", 1000, &body, &n), "body");
	printf("the message: %s\n",
		n == sizeof letter - 1 && memcmp(body, letter, n) == 0 ? "the same" : "another");
	free(body);
	imap4_set_free(found);
	check(s, imap4_call_logout(s), "logout");
	imap4_close(s);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* test_resp_list.c -- LIST, LSUB, XLIST and NAMESPACE. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

static const struct {
	const char *in, *out;
} rows[] = {
	{"* LIST (\\Noselect) \"/\" foo", "LIST name=foo delimiter=/ attrs=1 attr=\\Noselect"},
	{"* list () nil foo", "list name=foo"},
	{"* LIST NIL \"/\" foo ", "LIST name=foo delimiter=/"},
	{"* LIST () / foo", "LIST name=foo delimiter=/"},
	{"* LSUB () \".\" #news.comp", "LSUB name=#news.comp delimiter=. lsub"},
	{"* XLIST (\\Inbox \\AllMail) \"/\" a",
		"XLIST name=a delimiter=/ attrs=200 attr=\\Inbox attr=\\AllMail"},
	{"* LIST () \"/\" inbox", "LIST name=INBOX delimiter=/"},
	{"* LIST () \"/\" \"iNBOX\"", "LIST name=INBOX delimiter=/"},
	{"* LIST () \"/\" inbox/a", "LIST name=inbox/a delimiter=/"},
	{"* LIST () \"/\" \"\"", "LIST name= delimiter=/"},
	{"* LIST () \"/\" [Gmail]/All", "LIST name=[Gmail]/All delimiter=/"},
	{"* LIST () \"/\" \"a \\\"b\\\\\"", "LIST name=a \"b\\ delimiter=/"},
	{"* LIST () \"/\" {5}\r\na {1}", "LIST name=a {1} delimiter=/"},
	{"* LIST () \"/\" ~{3}\r\na b", "LIST name=a b delimiter=/"},
	{"* LIST () \"/\" NIL", "LIST name=NIL delimiter=/"},
	{"* LIST () \"/\" nil", "LIST name=nil delimiter=/"},
	{"* LIST () \"/\" \"INBOX.Entw\xfcrfe\"", "LIST name=INBOX.Entw\xfcrfe delimiter=/"},
	{"* LIST () \"/\" a{5}", "LIST name=a{5} delimiter=/"},
	{"* LIST () \"/\" ../../x", "LIST name=../../x delimiter=/"},
	/* attributes */
	{"* LIST (\\nonexistent \\HASCHILDREN) \"/\" a",
		"LIST name=a delimiter=/ attrs=b attr=\\nonexistent attr=\\HASCHILDREN"},
	{"* LIST (\\Noinferiors \\HasNoChildren \\Subscribed \\Remote \\Marked \\Unmarked \\X) \"/\" a",
		"LIST name=a delimiter=/ attrs=1f4 attr=\\Noinferiors attr=\\HasNoChildren attr=\\Subscribed attr=\\Remote "
		"attr=\\Marked attr=\\Unmarked attr=\\X"},
	{"* LIST (\\All \\Archive \\Drafts \\Flagged \\Junk \\Sent) \"/\" a",
		"LIST name=a delimiter=/ attrs=7e00 attr=\\All attr=\\Archive attr=\\Drafts attr=\\Flagged attr=\\Junk attr=\\Sent"},
	{"* LIST (\\Trash \\Important \\Spam \\Starred) \"/\" a",
		"LIST name=a delimiter=/ attrs=1b000 attr=\\Trash attr=\\Important attr=\\Spam attr=\\Starred"},
	{"* LIST \\Noselect \"/\" a", "!LIST name=a delimiter=/ attrs=1 attr=\\Noselect"},
	/* delimiters */
	{"* LIST () \"\\\\\" \"a\\\\b\"", "LIST name=a\\b delimiter=\\"},
	{"* LIST () \"\\\" \"a\"", "LIST name=a delimiter=\\"},
	{"* LIST () \"\\\" a", "LIST name=a delimiter=\\"},
	{"* LIST () \"\\\"\" a", "LIST name=a delimiter=\""},
	{"* LIST () \"//\" a", "!LIST name=a delimiter=/"},
	{"* LIST () \"\" a", "LIST name=a"},
	{"* LIST () () a", "!LIST name=a"},
	/* extended items */
	{"* LIST () \"/\" \"a\" (\"CHILDINFO\" (\"SUBSCRIBED\"))",
		"LIST name=a delimiter=/ extended=(\"CHILDINFO\" (\"SUBSCRIBED\"))"},
	{"* LIST () \"/\" a (\"OLDNAME\" (\"b c\"))",
		"LIST name=a delimiter=/ oldname=b c extended=(\"OLDNAME\" (\"b c\"))"},
	{"* LIST () \"/\" a (X y oldname (b))",
		"LIST name=a delimiter=/ oldname=b extended=(X y oldname (b))"},
	{"* LIST () \"/\" \"a\" x", "!LIST name=a delimiter=/"},
	/* names that should have been quoted (Q18, Q48) */
	{"* LIST () \"/\" Sent Items", "!LIST name=Sent Items delimiter=/"},
	{"* LIST () \"/\" a\tb\x01 c ", "!LIST name=a\tb\x01 c delimiter=/"},
	{"* LIST () \"/\" a b (c)", "!LIST name=a b (c) delimiter=/"},
	{"* LIST () \"/\" a b (\"CHILDINFO\" (\"SUBSCRIBED\"))",
		"!LIST name=a b delimiter=/ extended=(\"CHILDINFO\" (\"SUBSCRIBED\"))"},
	{"* LIST () \"/\" \"a\"b\"", "!LIST name=a\"b delimiter=/"},
	{"* LIST () \"/\" \"C:\\temp\"", "!LIST name=C:\\temp delimiter=/"},
	{"* LIST () \"/\" \"abc", "!LIST name=abc delimiter=/"},
	/* useless */
	{"* LIST", "!OTHER LIST ()"},
	{"* LIST ()", "!OTHER LIST (())"},
	{"* LIST () \"/\"", "!OTHER LIST (() \"/\")"},
	{"* LIST \"/\" foo", "!OTHER LIST (\"/\" foo)"},
	{"* 5 LIST () \"/\" foo", "OTHER LIST 5 (() \"/\" foo)"},
	/* NAMESPACE */
	{"* NAMESPACE ((\"\" \"/\")) NIL NIL", "NAMESPACE 0::/"},
	{"* NAMESPACE ((\"\" \"/\")(\"#mh/\" \"/\")) ((\"~\" NIL)) ((\"#shared/\" \"/\" \"X\" (\"a\")))",
		"NAMESPACE 0::/ 0:#mh/:/ 1:~:- 2:#shared/:/"},
	{"* NAMESPACE () () ()", "NAMESPACE"},
	{"* NAMESPACE nil nil nil", "NAMESPACE"},
	{"* NAMESPACE ((\"INBOX.\" \".\"))", "!NAMESPACE 0:INBOX.:."},
	{"* NAMESPACE NIL NIL NIL ((\"x\" \".\"))", "!NAMESPACE"},
	{"* NAMESPACE ((NIL \"/\")) x NIL", "!NAMESPACE"},
	{"* NAMESPACE ((\"a\")) NIL NIL", "!NAMESPACE 0:a:-"},
	{"* NAMESPACE", "!NAMESPACE"},
};

Test(resp_list, reads_mailboxes_and_namespaces)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_str_eq(resp_dump_line(&out, rows[i].in), rows[i].out, "\"%s\": %s",
			rows[i].in, buf_str(&out));
	buf_release(&out);
}

Test(resp_list, reads_every_beginning_of_a_response)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t n = 0; n < strlen(rows[i].in); n++) {
			char *cut = strndup(rows[i].in, n);
			cr_assert_not_null(resp_dump_line(&out, cut));
			free(cut);
		}
	}
	buf_release(&out);
}

Test(resp_list, does_not_take_a_name_longer_than_a_token_may_be)
{
	struct imap_limits limits = {10, 1000, 1000, 1000};
	for (int quoted = 0; quoted < 2; quoted++) {
		for (size_t n = 10; n <= 11; n++) {
			char line[64];
			snprintf(line, sizeof line,
				quoted ? "* LIST () \"/\" \"%0*d\"" : "* LIST () \"/\" %0*d",
				(int)n, 0);
			struct err e = ERR_INIT;
			struct imap4_data *d = resp_parse(slice_str(line), NULL, 0, &limits, &e);
			cr_assert_eq(imap4_data_list(d) != NULL, n == 10, "%s", line);
			cr_assert_eq(resp_is_damaged(d), n != 10, "%s", line);
			resp_free(d);
		}
	}
}

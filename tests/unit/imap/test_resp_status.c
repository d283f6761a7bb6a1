/* SPDX-License-Identifier: MIT */
/* test_resp_status.c -- STATUS. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/resp_dump.h"

static const struct {
	const char *in, *out;
} rows[] = {
	{"* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)",
		"STATUS mailbox=blurdybloop messages=231 uidnext=44292"},
	{"* status  \"a b\"  ( messages  1 )  ", "status mailbox=a b messages=1"},
	{"* STATUS inbox (UNSEEN 1 RECENT 2 DELETED 3)",
		"STATUS mailbox=INBOX unseen=1 recent=2 deleted=3"},
	{"* STATUS INBOX (MESSAGES 12 DELETED 4 DELETED-STORAGE 8)",
		"STATUS mailbox=INBOX messages=12 deleted=4 deletedstorage=8"},
	{"* STATUS a (DELETED-STORAGE 9223372036854775808 MESSAGES 2)",
		"!STATUS mailbox=a messages=2"},
	{"* STATUS {3}\r\na b (UIDVALIDITY 4294967295)",
		"STATUS mailbox=a b uidvalidity=4294967295"},
	{"* STATUS a (UIDVALIDITY 0 UIDNEXT 0)", "STATUS mailbox=a uidnext=0 uidvalidity=0"},
	{"* STATUS a (HIGHESTMODSEQ 9223372036854775807 SIZE 9223372036854775807)",
		"STATUS mailbox=a modseq=9223372036854775807 size=9223372036854775807"},
	{"* STATUS a (MAILBOXID (F2212) APPENDLIMIT 7)",
		"STATUS mailbox=a appendlimit=7 mailboxid=F2212"},
	{"* STATUS a (APPENDLIMIT NIL MAILBOXID F1)",
		"STATUS mailbox=a appendlimit=-1 mailboxid=F1"},
	{"* STATUS a ()", "STATUS mailbox=a"},
	{"* STATUS a (X-NEW (1 2) MESSAGES 5)", "STATUS mailbox=a messages=5"},
	{"* STATUS NIL (MESSAGES 5)", "STATUS mailbox=NIL messages=5"},
	/* each value spoils only itself */
	{"* STATUS a (MESSAGES 4294967296 UIDNEXT 2)", "!STATUS mailbox=a uidnext=2"},
	{"* STATUS a (MESSAGES -1 UIDNEXT 2)", "!STATUS mailbox=a uidnext=2"},
	{"* STATUS a (UIDNEXT 9.3736e+06 MESSAGES 2)", "!STATUS mailbox=a messages=2"},
	{"* STATUS a (UIDVALIDITY NIL MESSAGES 2)", "!STATUS mailbox=a messages=2"},
	{"* STATUS a (HIGHESTMODSEQ 9223372036854775808 MESSAGES 2)",
		"!STATUS mailbox=a messages=2"},
	{"* STATUS a (MAILBOXID NIL MESSAGES 2)", "!STATUS mailbox=a messages=2"},
	{"* STATUS a (APPENDLIMIT x MESSAGES 2)", "!STATUS mailbox=a messages=2"},
	{"* STATUS a (MESSAGES)", "!STATUS mailbox=a"},
	{"* STATUS a (MESSAGES 2", "!STATUS mailbox=a messages=2"},
	{"* STATUS a MESSAGES 2", "!STATUS mailbox=a MESSAGES 2"},
	{"* STATUS a b (MESSAGES 2)", "!STATUS mailbox=a b messages=2"},
	{"* STATUS a", "!STATUS mailbox=a"},
	{"* STATUS", "!OTHER STATUS ()"},
};

Test(resp_status, reads_items)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		/* The tree of the items follows the typed part. */
		const char *got = resp_dump_line(&out, rows[i].in);
		const char *tree = strchr(got, '(');
		size_t n = tree != NULL && got[0] != 'O' && strncmp(got, "!O", 2) != 0
			? (size_t)(tree - got)
			: strlen(got);
		cr_assert(strlen(rows[i].out) == n && strncmp(got, rows[i].out, n) == 0,
			"\"%s\": %s", rows[i].in, got);
	}
	buf_release(&out);
}

Test(resp_status, keeps_items_it_does_not_know)
{
	struct buf out = BUF_INIT(1 << 16);
	cr_assert_str_eq(resp_dump_line(&out, "* STATUS a"), "!STATUS mailbox=a");
	cr_assert_str_eq(resp_dump_line(&out, "* STATUS a (X-NEW (1 2) MESSAGES 5)"),
		"STATUS mailbox=a messages=5(X-NEW (1 2) MESSAGES 5)");
	buf_release(&out);
}

Test(resp_status, reads_every_beginning_of_a_response)
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

/* SPDX-License-Identifier: MIT */
/* test_query_words.c -- words of a command line as a search query, and sets of UIDs. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"
#include "cmd/query_words.h"
#include "core/base/uidset.h"
#include "core/imap/query.h"

/* The query as it is sent, for the words of a line; NULL with *e. */
static char *sent(const char *line, struct err *e)
{
	struct string_list words = {NULL, 0};
	imap4_query *q = imap4_query_new();
	struct enc enc;
	char *text = NULL;
	cr_assert_eq(words_split(line, &words, e), 0, "%s", line);
	enc_init(&enc, ENC_LITERAL_PLUS);
	if (query_words_parse(q, words.at, words.n, e) == 0) {
		query_encode(&enc, q);
		cr_assert_eq(enc_check(&enc, e), 0, "%s", line);
		text = strdup(buf_str(&enc.bytes));
	}
	enc_release(&enc);
	imap4_query_free(q);
	string_list_release(&words);
	return text;
}

Test(query_words, words_become_the_query_they_name)
{
	static const struct {
		const char *words, *query;
	} row[] = {
		{"", "ALL"},
		{"all", "ALL"},
		{"unseen", "UNSEEN"},
		{"SEEN Flagged ANSWERED deleted draft", "SEEN FLAGGED ANSWERED DELETED DRAFT"},
		{"unflagged unanswered undeleted undraft",
			"UNFLAGGED UNANSWERED UNDELETED UNDRAFT"},
		{"recent old", "RECENT OLD"},
		{"new", "RECENT UNSEEN"},
		{"keyword work unkeyword $Forwarded", "KEYWORD work UNKEYWORD $Forwarded"},
		{"from bob to 'a b' cc x bcc y", "FROM \"bob\" TO \"a b\" CC \"x\" BCC \"y\""},
		{"subject unseen body from text to",
			"SUBJECT \"unseen\" BODY \"from\" TEXT \"to\""},
		{"header List-Id ''", "HEADER \"List-Id\" \"\""},
		{"header X-Spam yes", "HEADER \"X-Spam\" \"yes\""},
		{"before 2024-01-31 on 2024-02-29 since 1-Mar-2024",
			"BEFORE 31-Jan-2024 ON 29-Feb-2024 SINCE 1-Mar-2024"},
		{"sentbefore 2024-12-01 senton 09-dec-2024 sentsince 2024-12-09",
			"SENTBEFORE 1-Dec-2024 SENTON 9-Dec-2024 SENTSINCE 9-Dec-2024"},
		{"larger 1000 smaller 1k", "LARGER 1000 SMALLER 1024"},
		{"larger 1M smaller 3GB", "LARGER 1048576 SMALLER 3221225472"},
		{"larger 4294967295", "LARGER 4294967295"},
		{"older 2d younger 90", "OLDER 172800 YOUNGER 90"},
		{"older 3h younger 1w older 5m", "OLDER 10800 YOUNGER 604800 OLDER 300"},
		{"uid 7", "UID 7"},
		{"uid 1:5,9,20:*", "UID 1:5,9,20:*"},
		{"uid *", "UID 4294967295:*"},
		{"modseq 12345", "MODSEQ 12345"},
		{"not seen", "NOT SEEN"},
		{"not new", "NOT (RECENT UNSEEN)"},
		{"not not seen", "NOT NOT SEEN"},
		{"or seen flagged unanswered", "OR SEEN FLAGGED UNANSWERED"},
		{"or from a or from b from c", "OR FROM \"a\" OR FROM \"b\" FROM \"c\""},
		{"( seen )", "SEEN"},
		{"not ( seen from bob )", "NOT (SEEN FROM \"bob\")"},
		{"or ( seen flagged ) ( draft larger 1 )", "OR (SEEN FLAGGED) (DRAFT LARGER 1)"},
		{"not all", "NOT ALL"},
		{"subject '('", "SUBJECT \"(\""},
		{"subject \xc3\xa4", "SUBJECT {2+}\r\n\xc3\xa4"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err e = ERR_INIT;
		char *text = sent(row[i].words, &e);
		cr_assert_not_null(text, "%s: %s", row[i].words, e.text);
		cr_assert_str_eq(text, row[i].query, "%s", row[i].words);
		free(text);
	}
}

Test(query_words, what_is_wrong_is_named)
{
	static const struct {
		const char *words, *error;
	} row[] = {
		{"frm bob", "\"frm\" is not a word of a search; see imapsync(1)"},
		{"1:5", "\"1:5\" is not a word of a search; see imapsync(1)"},
		{"seen from", "\"from\" needs something behind it"},
		{"header Subject", "\"Subject\" needs something behind it"},
		{"not", "\"not\" needs something behind it"},
		{"or seen", "\"or\" needs something behind it"},
		{"(", "\"(\" needs something behind it"},
		{"( seen", "\"(\" is not closed"},
		{"( )", "\")\" stands where something to search for is expected"},
		{")", "\")\" stands where something to search for is expected"},
		{"seen )", "\")\" stands where something to search for is expected"},
		{"since yesterday", "\"yesterday\" is not a date such as 2024-01-31"},
		{"since 2024-02-30", "\"2024-02-30\" is not a date such as 2024-01-31"},
		{"since 2024-13-01", "\"2024-13-01\" is not a date such as 2024-01-31"},
		{"since 2024-1-1", "\"2024-1-1\" is not a date such as 2024-01-31"},
		{"since 1-Foo-2024", "\"1-Foo-2024\" is not a date such as 2024-01-31"},
		{"since 2024-01-311", "\"2024-01-311\" is not a date such as 2024-01-31"},
		{"larger 1T", "\"1T\" is not a size below 4G such as 500k or 1M"},
		{"larger 4G", "\"4G\" is not a size below 4G such as 500k or 1M"},
		{"larger 4294967296", "\"4294967296\" is not a size below 4G such as 500k or 1M"},
		{"larger k", "\"k\" is not a size below 4G such as 500k or 1M"},
		{"larger -1", "\"-1\" is not a size below 4G such as 500k or 1M"},
		{"older 0", "\"0\" is not a time such as 36h or 2d"},
		{"older 2y", "\"2y\" is not a time such as 36h or 2d"},
		{"uid 0", "\"0\" is not a set such as 7 or 1:5,9,20:*"},
		{"uid 1,,2", "\"1,,2\" is not a set such as 7 or 1:5,9,20:*"},
		{"modseq x", "\"x\" is not a modification sequence"},
		{"keyword 'a b'", "\"a b\" cannot be searched for"},
		{"header 'a:b' x", "\"a:b\" cannot be searched for"},
		{"subject \xff", "\"\\xFF\" is not UTF-8"},
		{"header Subject \xff", "\"\\xFF\" is not UTF-8"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err e = ERR_INIT;
		char *text = sent(row[i].words, &e);
		cr_assert_null(text, "%s", row[i].words);
		cr_assert_str_eq(e.text, row[i].error, "%s", row[i].words);
		cr_assert_eq(e.code, E_USAGE, "%s", row[i].words);
	}
}

/* n times "not", then a word. */
static int nested(size_t n)
{
	char negation[] = "not", seen[] = "seen", *word[QUERY_DEPTH_MAX + 2];
	struct err e = ERR_INIT;
	imap4_query *q = imap4_query_new();
	for (size_t i = 0; i < n; i++)
		word[i] = negation;
	word[n] = seen;
	int rc = query_words_parse(q, word, n + 1, &e);
	cr_assert(rc == 0 || e.code == E_USAGE, "%s", e.text);
	imap4_query_free(q);
	return rc;
}

Test(query_words, nesting_has_a_limit)
{
	cr_assert_eq(nested(QUERY_DEPTH_MAX - 1), 0);
	cr_assert_eq(nested(QUERY_DEPTH_MAX), -1);
}

Test(query_words, a_set_is_read_as_in_IMAP)
{
	static const struct {
		const char *text, *set;
		uint32_t open_from;
		bool last;
	} row[] = {
		{"7", "7", 0, false},
		{"1:5,9", "1:5,9", 0, false},
		{"5:1", "1:5", 0, false},
		{"20:*", "", 20, false},
		{"*:20", "", 20, false},
		{"30:*,20:*,3", "3", 20, false},
		{"*", "", 0, true},
		{"*:*", "", 0, true},
		{"1,*", "1", 0, true},
		{"4294967295", "4294967295", 0, false},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct uidset set = UIDSET_INIT;
		struct err e = ERR_INIT;
		struct buf text = BUF_INIT(1000);
		uint32_t open_from;
		bool last;
		cr_assert_eq(uid_words_parse(row[i].text, &set, &open_from, &last, &e), 0, "%s",
			row[i].text);
		cr_assert_eq(uidset_format(&set, &text, &e), 0);
		cr_assert_str_eq(buf_str(&text), row[i].set, "%s", row[i].text);
		cr_assert_eq(open_from, row[i].open_from, "%s", row[i].text);
		cr_assert_eq(last, row[i].last, "%s", row[i].text);
		buf_release(&text);
		uidset_release(&set);
	}
}

Test(query_words, what_is_no_set_is_refused)
{
	static const char *const text[] = {"", ",", "1,", ",1", "0", "0:5", "1:", ":1", "1:2:3",
		"a", "1-5", " 1", "1 ", "**", "4294967296", "-1", "1:*:2"};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct uidset set = UIDSET_INIT;
		struct err e = ERR_INIT;
		uint32_t open_from;
		bool last;
		cr_assert_eq(uid_words_parse(text[i], &set, &open_from, &last, &e), -1, "\"%s\"",
			text[i]);
		cr_assert_eq(e.code, E_USAGE);
		uidset_release(&set);
	}
}

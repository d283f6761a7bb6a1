/* SPDX-License-Identifier: MIT */
/* test_resp_numbers.c -- SEARCH, ESEARCH, VANISHED, and the responses that are one number. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

static const struct {
	const char *in, *out;
} rows[] = {
	{"* SEARCH", "SEARCH all="},
	{"* SEARCH ", "SEARCH all="},
	{"* search 1 2 3 7", "search all=1:3,7"},
	{"* SEARCH  2   84  882  ", "SEARCH all=2,84,882"},
	{"* SEARCH 9 2 5 2 1 9", "SEARCH all=1:2,5,9"},
	{"* SEARCH 4294967295 1", "SEARCH all=1,4294967295"},
	{"* SEARCH 0 5", "!SEARCH all=5"},
	{"* SEARCH 0 5 3 2", "!SEARCH all=2:3,5"},
	{"* SEARCH 4294967296 5", "!SEARCH all=5"},
	{"* SEARCH 99999999999999999999 5", "!SEARCH all=5"},
	{"* SEARCH 999999999999999999999 5", "!SEARCH all=5"},
	{"* SEARCH 00000000000000000007", "SEARCH all=7"},
	{"* SEARCH 000000000000000000007 5", "!SEARCH all=5"},
	{"* SEARCH 9.3736e+06 5", "!SEARCH all=5"},
	{"* SEARCH -1 5", "!SEARCH all=5"},
	{"* SEARCH 1:3 5", "!SEARCH all=5"},
	{"* SEARCH x 5", "!SEARCH all=5"},
	{"* SEARCH 5\r\n7", "!SEARCH all=5,7"},
	{"* SEARCH 2 5 6 (MODSEQ 917162500)", "SEARCH modseq=917162500 all=2,5:6"},
	{"* SEARCH (MODSEQ 7)", "SEARCH modseq=7 all="},
	{"* SEARCH 2 (MODSEQ 7) 3", "SEARCH modseq=7 all=2:3"},
	{"* SEARCH 2 (MODSEQ)", "!SEARCH all=2"},
	{"* SEARCH 2 (X 7)", "!SEARCH all=2"},
	{"* SEARCH 2 (MODSEQ 9223372036854775808)", "!SEARCH all=2"},
	{"* SEARCH 2 (MODSEQ 7", "!SEARCH modseq=7 all=2"},
	{"* SEARCH 2 )", "!SEARCH all=2"},
	{"* SEARCH 2 NIL \"x\"", "!SEARCH all=2"},
	/* ESEARCH */
	{"* ESEARCH (TAG \"x\") UID ALL 1:3 COUNT 3 MODSEQ 7",
		"ESEARCH tag=x uid count=3 modseq=7 all=1:3"},
	{"* ESEARCH", "ESEARCH"},
	{"* esearch (tag x) min 2 max 99 count 0", "esearch tag=x min=2 max=99 count=0"},
	{"* ESEARCH (TAG \"x\") UID", "ESEARCH tag=x uid"},
	{"* ESEARCH UID ALL 5", "ESEARCH uid all=5"},
	{"* ESEARCH ALL 1:4294967295", "ESEARCH all=1:4294967295"},
	{"* ESEARCH ALL 3:1,7,2", "ESEARCH all=1:3,7"},
	{"* ESEARCH ALL 0,5,4294967296,7:0,*,3:*,x,8", "!ESEARCH all=5,8"},
	{"* ESEARCH ALL ,1,,2,", "!ESEARCH all=1:2"},
	{"* ESEARCH ALL 1:2:3,9", "!ESEARCH all=9"},
	{"* ESEARCH ALL", "ESEARCH all="},
	{"* ESEARCH ALL 1 ALL 2", "ESEARCH all=1:2"},
	/* PARTIAL, RFC 9394 section 4 */
	{"* ESEARCH (TAG \"x\") UID PARTIAL (1:2 500:501) COUNT 2",
		"ESEARCH tag=x uid count=2 partial=1:2 of=500:501"},
	{"* ESEARCH PARTIAL (-1:-100 7,5) MIN 5", "ESEARCH min=5 partial=-1:-100 of=5,7"},
	{"* ESEARCH partial (24000:24500 nil)", "ESEARCH partial=24000:24500 of="},
	{"* ESEARCH PARTIAL ( 4294967295:1  5 ) COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL (4294967295:1  5 ) COUNT 1",
		"ESEARCH count=1 partial=4294967295:1 of=5"},
	{"* ESEARCH PARTIAL (4294967296:1 5) COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL (0:1 5) COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL (-1:1 5) COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL (1 5) COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL (1:2) COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL () COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH PARTIAL (1:2 x) COUNT 1", "!ESEARCH count=1 partial=1:2 of="},
	{"* ESEARCH PARTIAL (1:2 5,0) COUNT 1", "!ESEARCH count=1 partial=1:2 of=5"},
	{"* ESEARCH PARTIAL 1:2 COUNT 1", "!ESEARCH"},
	{"* ESEARCH PARTIAL", "!ESEARCH"},
	{"* ESEARCH PARTIAL (1:2 5", "!ESEARCH"},
	{"* ESEARCH X-NEW (a (b)) MIN 1 X-OLD NIL", "ESEARCH min=1"},
	{"* ESEARCH MIN 4294967296 COUNT 1", "!ESEARCH count=1"},
	{"* ESEARCH MIN", "!ESEARCH"},
	{"* ESEARCH COUNT 9.3e+06 MAX 1", "!ESEARCH max=1"},
	{"* ESEARCH MODSEQ -1 MAX 1", "!ESEARCH max=1"},
	{"* ESEARCH MIN 1 (TAG \"x\")", "!ESEARCH min=1"},
	{"* ESEARCH (TAG)", "ESEARCH"},
	{"* ESEARCH (X \"y\") MIN 1", "!ESEARCH min=1"},
	/* VANISHED */
	{"* VANISHED 300:310,405", "VANISHED all=300:310,405"},
	{"* VANISHED (EARLIER) 41,43:116", "VANISHED earlier all=41,43:116"},
	{"* vanished (earlier) 1:4294967295", "vanished earlier all=1:4294967295"},
	{"* VANISHED (EARLIER)", "VANISHED earlier"},
	{"* VANISHED", "VANISHED"},
	{"* VANISHED (X) 5", "!VANISHED all=5"},
	{"* VANISHED () 5", "!VANISHED all=5"},
	{"* VANISHED 5,0", "!VANISHED all=5"},
	/* one number */
	{"* 23 EXISTS", "EXISTS 23"},
	{"* 4294967295 exists ", "exists 4294967295"},
	{"* 4294967296 EXISTS", "!EXISTS 0"},
	{"* 9.3736e+06 EXISTS", "!EXISTS 0"},
	{"* 0 RECENT", "RECENT 0"},
	{"* 44 EXPUNGE", "EXPUNGE 44"},
	{"* 0 EXPUNGE", "!EXPUNGE 0"},
	{"* EXISTS", "OTHER EXISTS ()"},
	{"* 5", "OTHER  5 ()"},
	{"* 5 X-NEW a", "OTHER X-NEW 5 (a)"},
	{"* -1 EXISTS", "OTHER -1 (EXISTS)"},
};

Test(resp_numbers, reads_numbers)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_str_eq(resp_dump_line(&out, rows[i].in), rows[i].out, "\"%s\": %s",
			rows[i].in, buf_str(&out));
	buf_release(&out);
}

Test(resp_numbers, reads_every_beginning_of_a_response)
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

/* Each would be quadratic if every number were put in its place at once. */
Test(resp_numbers, takes_numbers_in_any_order_in_little_time, .timeout = 10)
{
	enum { COUNT = 500000 };
	for (int kind = 0; kind < 2; kind++) {
		struct buf line = BUF_INIT((size_t)64 << 20);
		(void)buf_add_str(&line, kind == 0 ? "* SEARCH" : "* VANISHED ");
		for (uint64_t i = COUNT; i > 0; i--)
			(void)buf_addf(
				&line, kind == 0 ? " %llu" : "%llu,", (unsigned long long)(2 * i));
		struct err e = ERR_INIT;
		struct imap4_data *d = resp_parse(buf_slice(&line), NULL, 0, &lexer_log_limits, &e);
		cr_assert_not_null(d);
		cr_assert_eq(uidset_count(imap4_data_numbers(d)->set), COUNT);
		cr_assert_not(resp_is_damaged(d));
		cr_assert_null(imap4_node_child(imap4_data_root(d)), "no node for each number");
		resp_free(d);
		buf_release(&line);
	}
}

/* A line of one number more than a set may have ranges: `number` each time, or 2, 4, 6 ... when that is 0. *one_less: where
 * the last one begins. */
static struct buf many_numbers(const char *begins, uint64_t number, size_t *one_less)
{
	struct buf line = BUF_INIT((size_t)128 << 20);
	(void)buf_add_str(&line, begins);
	for (size_t i = 1; i <= UIDSET_RANGES_MAX + 1; i++) {
		*one_less = buf_slice(&line).n;
		(void)buf_add_byte(&line, ' ');
		(void)buf_add_u64(&line, number != 0 ? number : 2 * i);
	}
	return line;
}

static struct imap4_data *parsed(const struct buf *line, size_t n)
{
	struct err e = ERR_INIT;
	struct imap4_data *d =
		resp_parse(slice_of(buf_slice(line).p, n), NULL, 0, &lexer_log_limits, &e);
	cr_assert_not_null(d, "%s", e.text);
	return d;
}

/* Memory is bounded by the number of ranges; what is beyond is left out and the response is damaged. */
Test(resp_numbers, keeps_as_many_ranges_as_a_set_may_have, .timeout = 30)
{
	size_t at_limit;
	struct buf line = many_numbers("* SEARCH", 0, &at_limit);
	for (int beyond = 0; beyond <= 1; beyond++) {
		struct imap4_data *d = parsed(&line, beyond ? buf_slice(&line).n : at_limit);
		cr_assert_eq(imap4_data_numbers(d)->set->n, UIDSET_RANGES_MAX);
		cr_assert_eq(resp_is_damaged(d), beyond);
		resp_free(d);
	}
	buf_release(&line);
}

/* What is out of order is held apart, and is bounded as well. */
Test(resp_numbers, keeps_a_bounded_number_out_of_order, .timeout = 60)
{
	size_t at_limit;
	struct buf line = many_numbers("* SEARCH 5", 1, &at_limit);
	for (int beyond = 0; beyond <= 1; beyond++) {
		struct imap4_data *d = parsed(&line, beyond ? buf_slice(&line).n : at_limit);
		cr_assert_eq(resp_is_damaged(d), beyond);
		cr_assert_eq(uidset_count(imap4_data_numbers(d)->set), 2, "what was read is kept");
		resp_free(d);
	}
	buf_release(&line);
}

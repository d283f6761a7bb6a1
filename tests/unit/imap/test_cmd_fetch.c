/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_fetch.c -- FETCH and SEARCH: how sets are sent, split and answered.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static void open_mailbox(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, str("x"), NULL);
	rig_say(r, "$1 OK x\r\n");
	imap4_cmd_free(c);
	buf_clear(&r->sent);
}

static imap4_cmd *fetch(struct rig *r, const char *set_text, const char *items, imap4_fetch_opts o)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	imap4_cmd *c = NULL;
	o.struct_size = sizeof o;
	if (uidset_parse(&set, slice_str(set_text), &e) == 0)
		c = imap4_fetch_start(r->session, &set, items, &o);
	uidset_release(&set);
	return c;
}

static imap4_cmd *search(struct rig *r, const char *set_text, imap4_search_opts o)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	imap4_cmd *c = NULL;
	o.struct_size = sizeof o;
	if (set_text == NULL)
		c = imap4_search_set_start(r->session, NULL, &o);
	else if (uidset_parse(&set, slice_str(set_text), &e) == 0)
		c = imap4_search_set_start(r->session, &set, &o);
	uidset_release(&set);
	return c;
}

#define BY_UID ((imap4_fetch_opts){.by = IMAP4_BY_UID})

static void log_numbers(struct rig *r, imap4_cmd *c)
{
	const imap4_numbers *n = imap4_cmd_numbers(c);
	if (n == NULL) {
		rig_logf(r, "no numbers\n");
	} else {
		struct buf text = BUF_INIT(1000);
		struct err e = ERR_INIT;
		cr_assert_eq(uidset_format(n->set, &text, &e), 0);
		rig_logf(r, "%s uid=%d have=%u %u..%u n=%u\n", buf_str(&text), n->uid, n->have,
			n->min, n->max, (unsigned)n->count);
		buf_release(&text);
	}
	rig_finish(r, c);
}

/* ---- FETCH --------------------------------------------------------------------------------------- */

static void every_item_is_claimed(struct rig *r)
{
	open_mailbox(r);
	imap4_cmd *c = fetch(
		r, "1:9", "UID ENVELOPE X-LABELS BODY.PEEK[HEADER.FIELDS (A B)]<0.9>", BY_UID);
	rig_say(r,
		"* 1 FETCH (UID 1 X-LABELS (a))\r\n* 1 FETCH (UID 2 FLAGS ())\r\n"
		"* 1 FETCH (ENVELOPE NIL)\r\n* 1 FETCH (UID 3)\r\n* 1 FETCH (FLAGS () MODSEQ (5))\r\n"
		"* 1 FETCH (BODY[HEADER.FIELDS (\"A\" \"B\")]<0> {1}\r\nx UID 4)\r\n$2 OK x\r\n");
	rig_finish(r, c);
}

static void changed_since(struct rig *r)
{
	open_mailbox(r);
	imap4_fetch_opts o = BY_UID;
	o.changedsince = INT64_MAX;
	imap4_cmd *c = fetch(r, "1:9", "UID FLAGS", o);
	rig_pump(r);
	if (!imap4_cmd_done(c))
		rig_say(r, "* 1 FETCH (UID 1 MODSEQ (5))\r\n$2 OK x\r\n");
	rig_finish(r, c);
	o.changedsince++;
	rig_finish(r, fetch(r, "1:9", "UID FLAGS", o));
}

static void an_open_range(struct rig *r)
{
	open_mailbox(r);
	imap4_fetch_opts o = BY_UID;
	o.open_from = 100;
	imap4_cmd *c = fetch(r, "5", "FLAGS", o);
	rig_say(r,
		"* 1 FETCH (UID 5 FLAGS ())\r\n* 1 FETCH (UID 99 FLAGS ())\r\n* 1 FETCH (UID 100 FLAGS ())\r\n"
		"* 1 FETCH (UID 4294967295 FLAGS ())\r\n$2 OK x\r\n");
	rig_finish(r, c);
}

static void numbers_are_alone(struct rig *r)
{
	open_mailbox(r);
	imap4_cmd *a = imap4_noop_start(r->session);
	imap4_cmd *c = fetch(r, "2", "FLAGS", (imap4_fetch_opts){.by = IMAP4_BY_SEQ});
	imap4_cmd *b = imap4_noop_start(r->session);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$2 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* 2 FETCH (FLAGS ())\r\n* 1 FETCH (FLAGS ())\r\n$3 OK x\r\n");
	rig_say(r, "$4 OK x\r\n");
	rig_finish(r, a);
	rig_finish(r, c);
	rig_finish(r, b);
}

static int skip_nothing(void *ctx, const imap4_message *m)
{
	(void)ctx;
	(void)m;
	return 0;
}

static void wrong_arguments(struct rig *r)
{
	imap4_sink sink = {.done = skip_nothing};
	rig_finish(r, imap4_fetch_start(r->session, NULL, "UID", NULL));
	rig_finish(r, fetch(r, "1", NULL, BY_UID));
	rig_finish(r, fetch(r, "1", "UID\r\nX", BY_UID));
	rig_finish(r, fetch(r, "1", "UID", (imap4_fetch_opts){.sink = &sink}));
	struct uidset none = UIDSET_INIT;
	rig_finish(r, imap4_search_set_start(r->session, &none, NULL));
}

/* ---- SEARCH -------------------------------------------------------------------------------------- */

static void search_both_forms(struct rig *r)
{
	open_mailbox(r);
	imap4_cmd *c = search(r, "1:9", (imap4_search_opts){.by = IMAP4_BY_UID});
	rig_say(r, "* SEARCH 3 1\r\n* ESEARCH (TAG \"$2\") UID ALL 7:8\r\n");
	rig_say(r, "* ESEARCH (TAG \"$1\") UID ALL 9\r\n$2 OK x\r\n");
	log_numbers(r, c);
}

static void search_all(struct rig *r)
{
	open_mailbox(r);
	imap4_cmd *c = search(r, NULL, (imap4_search_opts){.plain = 1});
	imap4_cmd *d = search(r, NULL, (imap4_search_opts){.by = IMAP4_BY_UID, .open_from = 1});
	rig_say(r, "* SEARCH\r\n$2 OK x\r\n");
	rig_say(r, "$3 OK x\r\n");
	log_numbers(r, c);
	log_numbers(r, d);
}

static void search_fails(struct rig *r)
{
	open_mailbox(r);
	imap4_cmd *c = search(r, NULL, (imap4_search_opts){.by = IMAP4_BY_UID});
	rig_say(r, "* SEARCH 1 2\r\n$2 NO x\r\n");
	log_numbers(r, c);
	c = search(r, NULL, (imap4_search_opts){.by = IMAP4_BY_UID});
	rig_say(r, "* SEARCH 1 x 2\r\n$3 OK x\r\n");
	log_numbers(r, c);
}

static void searches_do_not_mix(struct rig *r)
{
	open_mailbox(r);
	imap4_cmd *c = search(r, "1", (imap4_search_opts){.by = IMAP4_BY_UID});
	imap4_cmd *d = search(r, "2", (imap4_search_opts){.by = IMAP4_BY_UID});
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "* SEARCH 1\r\n$2 OK x\r\n");
	rig_say(r, "* SEARCH 2\r\n$3 OK x\r\n");
	log_numbers(r, c);
	log_numbers(r, d);
}

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play) #play, play

static const struct row rows[] = {
	{ROW(every_item_is_claimed), {0},
		"$2 UID FETCH 1:9 (UID ENVELOPE X-LABELS BODY.PEEK[HEADER.FIELDS (A B)]<0.9>)\r\n",
		"unasked * 1 FETCH (UID 2 FLAGS ())\nunasked * 1 FETCH (FLAGS () MODSEQ (5))\n"
		"  * 1 FETCH (UID 1 X-LABELS (a))\n  * 1 FETCH (ENVELOPE NIL)\n"
		"  * 1 FETCH (UID 3)\n"
		"  * 1 FETCH (BODY[HEADER.FIELDS (\"A\" \"B\")]<0> {1}\r\nx UID 4)\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(changed_since), {.caps = "CONDSTORE"},
		"$2 UID FETCH 1:9 (UID FLAGS) (CHANGEDSINCE 9223372036854775807)\r\n",
		"  * 1 FETCH (UID 1 MODSEQ (5))\nIMAP4_OK UID FETCH succeeded\n"
		"not started IMAP4_E_ARG: FETCH: no such modification sequence\n"},
	{ROW(changed_since), {0}, "",
		"IMAP4_E_NOCAP UID FETCH failed: the server does not offer CONDSTORE\n"
		"not started IMAP4_E_ARG: FETCH: no such modification sequence\n"},
	{ROW(an_open_range), {0}, "$2 UID FETCH 5,100:* (FLAGS)\r\n",
		"unasked * 1 FETCH (UID 99 FLAGS ())\n  * 1 FETCH (UID 5 FLAGS ())\n"
		"  * 1 FETCH (UID 100 FLAGS ())\n  * 1 FETCH (UID 4294967295 FLAGS ())\n"
		"IMAP4_OK UID FETCH succeeded\n"},
	{ROW(numbers_are_alone), {0}, "$2 NOOP\r\n$3 FETCH 2 (FLAGS)\r\n$4 NOOP\r\n",
		"in flight 1\nin flight 1\nunasked * 1 FETCH (FLAGS ())\nIMAP4_OK NOOP succeeded\n"
		"  * 2 FETCH (FLAGS ())\nIMAP4_OK FETCH succeeded\nIMAP4_OK NOOP succeeded\n"},
	{ROW(wrong_arguments), {0}, "",
		"not started IMAP4_E_ARG: FETCH: the set is empty\n"
		"not started IMAP4_E_ARG: FETCH: no items\n"
		"not started IMAP4_E_ARG: UID FETCH: FETCH items: an item is followed by something else "
		"than a space\n"
		"not started IMAP4_E_ARG: FETCH: a sink needs all its functions\n"
		"not started IMAP4_E_ARG: SEARCH: the set is empty\n"},
	{ROW(search_both_forms), {.caps = "ESEARCH"}, "$2 UID SEARCH RETURN (ALL) UID 1:9\r\n",
		"unasked * ESEARCH (TAG \"$1\") UID ALL 9\n1,3,7:8 uid=1 have=15 1..8 n=4\n"
		"IMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_both_forms), {0}, "$2 UID SEARCH UID 1:9\r\n",
		"unasked * ESEARCH (TAG \"$1\") UID ALL 9\n1,3,7:8 uid=1 have=15 1..8 n=4\n"
		"IMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_all), {.caps = "IMAP4rev2"},
		"$2 SEARCH ALL\r\n$3 UID SEARCH RETURN (ALL) UID 1:*\r\n",
		" uid=0 have=12 0..0 n=0\nIMAP4_OK SEARCH succeeded\n"
		" uid=1 have=4 0..0 n=0\nIMAP4_OK UID SEARCH succeeded\n"},
	{ROW(search_fails), {0}, "$2 UID SEARCH ALL\r\n$3 UID SEARCH ALL\r\n",
		"no numbers\nIMAP4_E_NO UID SEARCH was refused: x\nno numbers\n"
		"IMAP4_E_PROTO UID SEARCH failed: the server sent numbers that cannot be read\n"},
	{ROW(searches_do_not_mix), {0}, "$2 UID SEARCH UID 1\r\n$3 UID SEARCH UID 2\r\n",
		"in flight 1\n1 uid=1 have=15 1..1 n=1\nIMAP4_OK UID SEARCH succeeded\n"
		"2 uid=1 have=15 2..2 n=1\nIMAP4_OK UID SEARCH succeeded\n"},
};

Test(cmd_fetch, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

/* ---- long sets ----------------------------------------------------------------------------------- */

static struct uidset long_set(uint32_t n)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	for (uint32_t i = 0; i < n; i++)
		cr_assert_eq(uidset_add(&set, 1000000 + 2 * i, &e), 0);
	return set;
}

/* Answer every line as it comes: OK, but `fail` for the k-th. Returns the number of lines; none is over the limit. */
static size_t answer_all(struct rig *r, size_t k, struct uidset *asked)
{
	size_t lines = 0, at = r->sent.len;
	for (rig_pump(r); at < r->sent.len; lines++) {
		const char *p = buf_str(&r->sent) + at;
		const char *end = strstr(p, "\r\n");
		const char *set = strstr(p, "FETCH ") + strlen("FETCH ");
		struct err e = ERR_INIT;
		cr_assert_leq(end - p, IMAP_COMMAND_MAX);
		cr_assert_eq(uidset_parse(asked, slice_of(set, strcspn(set, " ")), &e), 0);
		at += (size_t)(end - p) + 2;
		char line[100];
		snprintf(line, sizeof line, "%.*s %s\r\n", (int)strcspn(p, " "), p,
			lines == k ? "NO [LIMIT] no" : "OK x");
		rig_say(r, line);
	}
	return lines;
}

Test(cmd_fetch, a_long_set_is_split_and_complete_at_the_end)
{
	static const unsigned window[] = {1, 3, 32};
	for (size_t i = 0; i < 3; i++) {
		struct rig *r = rig_new(&(struct rig_options){.window = window[i]}, 0);
		open_mailbox(r);
		struct uidset set = long_set(5000), asked = UIDSET_INIT;
		imap4_cmd *c = imap4_fetch_start(r->session, &set, "UID FLAGS",
			&(imap4_fetch_opts){
				.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID});
		size_t lines = answer_all(r, SIZE_MAX, &asked);
		cr_assert(lines > 40 && lines < 60, "%zu lines", lines);
		cr_assert(imap4_cmd_done(c));
		cr_assert_eq(imap4_cmd_result(c)->err, IMAP4_OK);
		cr_assert(uidset_equal(&set, &asked), "each UID is asked for once");
		uidset_release(&asked);
		uidset_release(&set);
		rig_free(r);
	}
}

Test(cmd_fetch, the_first_part_that_fails_decides)
{
	for (size_t k = 0; k < 40; k += 13) {
		struct rig *r = rig_new(&(struct rig_options){0}, 0);
		open_mailbox(r);
		struct uidset set = long_set(5000), asked = UIDSET_INIT;
		imap4_cmd *c = imap4_fetch_start(r->session, &set, "UID FLAGS",
			&(imap4_fetch_opts){
				.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID});
		(void)answer_all(r, k, &asked);
		const imap4_result *res = imap4_cmd_result(c);
		cr_assert_eq(res->err, IMAP4_E_NO, "part %zu", k);
		cr_assert_eq(res->code, IMAP4_CODE_LIMIT);
		cr_assert_eq(res->retry, IMAP4_RETRY_LATER);
		cr_assert_str_eq(res->message, "UID FETCH was refused: no");
		cr_assert(uidset_equal(&set, &asked), "the other parts are asked all the same");
		uidset_release(&asked);
		uidset_release(&set);
		rig_free(r);
	}
}

Test(cmd_fetch, a_split_command_can_be_freed_at_any_part)
{
	for (size_t k = 0; k < 8; k++) {
		struct rig *r = rig_new(&(struct rig_options){.window = 2}, 0);
		open_mailbox(r);
		struct uidset set = long_set(500);
		imap4_cmd *c = imap4_fetch_start(r->session, &set, "UID FLAGS",
			&(imap4_fetch_opts){
				.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID});
		rig_pump(r);
		for (size_t i = 0; i < k && !imap4_cmd_done(c); i++) {
			char line[64];
			snprintf(line, sizeof line, "$%zu OK x\r\n", i + 2);
			rig_say(r, line);
		}
		imap4_cmd_free(c);
		if (k % 2 == 0)
			rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "lost");
		uidset_release(&set);
		rig_free(r);
	}
}

Test(cmd_fetch, a_lost_connection_completes_a_split_command)
{
	for (unsigned window = 1; window < 4; window++) {
		struct rig *r = rig_new(&(struct rig_options){.window = window}, 0);
		open_mailbox(r);
		struct uidset set = long_set(5000);
		imap4_cmd *c = imap4_fetch_start(r->session, &set, "UID FLAGS",
			&(imap4_fetch_opts){
				.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID});
		rig_pump(r);
		rig_say(r, "$2 OK x\r\n");
		rig_lose(r, IMAP4_E_TIMEOUT, E_TIMEOUT, "silence");
		cr_assert(imap4_cmd_done(c));
		cr_assert_eq(imap4_cmd_result(c)->err, IMAP4_E_TIMEOUT);
		cr_assert_eq(imap4_cmd_result(c)->retry, IMAP4_RETRY_RECONNECT);
		uidset_release(&set);
		rig_free(r);
	}
}

Test(cmd_fetch, a_long_search_unites_its_answers)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = "ESEARCH"}, 0);
	open_mailbox(r);
	struct uidset set = long_set(200);
	imap4_cmd *c = imap4_search_set_start(r->session, &set,
		&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	rig_pump(r);
	cr_assert_eq(engine_in_flight(r->engine), (size_t)2, "parts of one search run together");
	rig_say(r,
		"* ESEARCH (TAG \"$2\") UID ALL 1000000\r\n* ESEARCH (TAG \"$3\") UID ALL 1000300\r\n");
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n");
	const imap4_numbers *n = imap4_cmd_numbers(c);
	cr_assert_not_null(n);
	cr_assert_eq(n->count, (uint64_t)2);
	uidset_release(&set);
	rig_free(r);
}

Test(cmd_fetch, a_giant_range_stays_a_range)
{
	struct rig *r = rig_new(&(struct rig_options){0}, 0);
	open_mailbox(r);
	imap4_cmd *c = search(r, NULL, (imap4_search_opts){.by = IMAP4_BY_UID});
	rig_say(r, "* ESEARCH UID ALL 1:4294967295\r\n$2 OK [APPENDUID 1 1:99999999] x\r\n");
	const imap4_numbers *n = imap4_cmd_numbers(c);
	cr_assert_eq(n->count, (uint64_t)UINT32_MAX);
	cr_assert_eq(n->set->n, (size_t)1);
	rig_free(r);
}

Test(cmd_fetch, a_literal_without_a_sink_is_kept_up_to_its_limit)
{
	for (size_t size = IMAP_LITERAL_MAX; size <= IMAP_LITERAL_MAX + 1; size++) {
		struct rig *r = rig_new(&(struct rig_options){0}, 0);
		open_mailbox(r);
		imap4_cmd *c = fetch(r, "1", "BODY.PEEK[]", BY_UID);
		char head[64];
		snprintf(head, sizeof head, "* 1 FETCH (UID 1 BODY[] {%zu}\r\n", size);
		rig_say(r, head);
		char *body = malloc(size);
		cr_assert_not_null(body);
		memset(body, 'x', size);
		rig_say_bytes(r, body, size);
		free(body);
		rig_say(r, ")\r\n$2 OK x\r\n");
		const imap4_data *d = imap4_cmd_next(c);
		cr_assert_not_null(d);
		const imap4_node *n = imap4_message_item(imap4_data_message(d), "BODY[]");
		cr_assert_not_null(n);
		bool kept = size <= IMAP_LITERAL_MAX;
		cr_assert_eq(imap4_node_kind(n), kept ? IMAP4_NODE_STRING : IMAP4_NODE_BODY);
		cr_assert_eq(imap4_node_size(n), (uint64_t)size);
		cr_assert_eq(imap4_cmd_result(c)->err, IMAP4_OK);
		rig_free(r);
	}
}

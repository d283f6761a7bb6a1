/* SPDX-License-Identifier: MIT */
/*
 * test_search_nomem.c -- SELECT with QRESYNC, FETCH and SEARCH with their options, extended SORT, NOTIFY: the n-th allocation
 * fails, for every n. Either the command says that it failed, or all that was answered is there.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/nomem.h"
#include "tests/support/typed_log.h"

/* Five ranges; NULL: no memory. */
static imap4_set *some_set(void)
{
	imap4_set *set = imap4_set_new();
	for (uint32_t i = 1; set != NULL && i < 10; i += 2)
		if (imap4_set_add(set, i) != IMAP4_OK) {
			imap4_set_free(set);
			return NULL;
		}
	return set;
}

static bool has_kind(imap4_cmd *c, imap4_kind kind)
{
	const imap4_data *d = imap4_cmd_next(c);
	return d != NULL && imap4_data_kind(d) == kind;
}

static imap4_cmd *start_select(struct imap4_session *s)
{
	imap4_set *set = some_set();
	imap4_cmd *c = set == NULL
		? NULL
		: imap4_select_start(s, typed_str("b"),
			  &(imap4_select_opts){.struct_size = sizeof(imap4_select_opts),
				  .known_uidvalidity = 1,
				  .known_modseq = 2,
				  .known_uids = set,
				  .sample_numbers = set,
				  .sample_uids = set});
	imap4_set_free(set);
	return c;
}
static bool check_vanished(imap4_cmd *c)
{
	return has_kind(c, IMAP4_DATA_VANISHED) && has_kind(c, IMAP4_DATA_FETCH);
}

static bool check_resynced(imap4_cmd *c)
{
	return has_kind(c, IMAP4_DATA_STATE) && check_vanished(c);
}

static imap4_cmd *start_fetch(struct imap4_session *s)
{
	imap4_set *set = some_set();
	imap4_cmd *c = set == NULL
		? NULL
		: imap4_fetch_start(s, set, "FLAGS",
			  &(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
				  .by = IMAP4_BY_UID,
				  .changedsince = 5,
				  .vanished = 1});
	imap4_set_free(set);
	return c;
}
static bool check_left(imap4_cmd *c)
{
	const imap4_limited *l = imap4_cmd_limited(c);
	return check_vanished(c) && l != NULL && l->left != NULL && imap4_set_count(l->left) == 3;
}

static imap4_cmd *start_search_set(struct imap4_session *s)
{
	imap4_set *set = some_set();
	imap4_cmd *c = set == NULL
		? NULL
		: imap4_search_set_start(s, set,
			  &(imap4_search_opts){
				  .struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	imap4_set_free(set);
	return c;
}
static bool check_found(imap4_cmd *c)
{
	const imap4_numbers *n = imap4_cmd_numbers(c);
	return n != NULL && (n->have & IMAP4_WANT_ALL) != 0 && imap4_set_count(n->set) == 2;
}

/* Errors of the conditions are looked at by the command. */
static imap4_cmd *start_search(struct imap4_session *s)
{
	imap4_query *q = imap4_query_new(), *other = imap4_query_new();
	imap4_cmd *c = NULL;
	if (q != NULL && other != NULL) {
		(void)imap4_query_text(other, IMAP4_IN_TEXT, typed_str("x"));
		(void)imap4_query_id(q, IMAP4_ID_EMAIL, typed_str("M1"));
		(void)imap4_query_id(q, IMAP4_ID_GM_THREAD, typed_str("1"));
		(void)imap4_query_gmail(q, IMAP4_GM_RAW, typed_str("x"));
		(void)imap4_query_modseq_of(q, typed_str("a"), IMAP4_MODSEQ_ALL, 1);
		(void)imap4_query_savedate(q);
		(void)imap4_query_filter(q, typed_str("f"));
		(void)imap4_query_uid_beyond(q, 1, 5);
		(void)imap4_query_fuzzy(q, other);
		c = imap4_search_start(s, q,
			&(imap4_query_opts){.struct_size = sizeof(imap4_query_opts),
				.by = IMAP4_BY_UID,
				.save = 1,
				.partial_first = 1,
				.partial_last = 5});
	}
	imap4_query_free(q);
	imap4_query_free(other);
	return c;
}
static bool check_partial(imap4_cmd *c)
{
	const imap4_numbers *n = imap4_cmd_numbers(c);
	return n != NULL && (n->have & IMAP4_HAVE_PARTIAL) != 0 && imap4_set_count(n->set) == 2;
}

static imap4_cmd *start_sort(struct imap4_session *s)
{
	static const int key = IMAP4_SORT_DATE;
	return imap4_sort_start(s, &key, 1, NULL,
		&(imap4_query_opts){.struct_size = sizeof(imap4_query_opts),
			.by = IMAP4_BY_UID,
			.wanted = IMAP4_WANT_ALL});
}
static bool check_sorted(imap4_cmd *c)
{
	const imap4_sorted *s = imap4_cmd_sorted(c);
	return s != NULL && s->n == 2;
}
static bool check_nothing_sorted(imap4_cmd *c)
{
	const imap4_sorted *s = imap4_cmd_sorted(c);
	return s != NULL && s->n == 0;
}

static imap4_cmd *start_notify(struct imap4_session *s)
{
	imap4_str names[] = {typed_str("a"), typed_str("b")};
	const imap4_watch w[] = {{.struct_size = sizeof w[0],
					 .which = IMAP4_WATCH_SELECTED,
					 .events = 3,
					 .items = "UID FLAGS"},
		{.struct_size = sizeof w[0],
			.which = IMAP4_WATCH_SUBTREE,
			.mailboxes = names,
			.nmailboxes = 2,
			.events = 3}};
	return imap4_notify_start(s, w, 2, 1);
}
static bool check_status(imap4_cmd *c)
{
	return has_kind(c, IMAP4_DATA_STATUS);
}

#define TWO_NUMBERS "* ESEARCH (TAG \"$2\") UID ALL 3,5\r\n"

static const struct {
	const char *name;
	imap4_cmd *(*start)(struct imap4_session *s);
	bool (*check)(imap4_cmd *c);
	const char *answer;
} plays[] = {
	{"select", start_select, check_resynced,
		"* OK [CLOSED] x\r\n* VANISHED (EARLIER) 1,3,5\r\n* 1 FETCH (UID 7 FLAGS (a b))\r\n$2 OK x\r\n"},
	{"fetch", start_fetch, check_left,
		"* VANISHED (EARLIER) 1,3,5\r\n* 1 FETCH (UID 7 FLAGS (a b))\r\n"
		"$2 OK [MESSAGELIMIT 1 7] x\r\n"},
	{"search set", start_search_set, check_found, TWO_NUMBERS "$2 OK x\r\n"},
	{"search", start_search, check_partial,
		"* ESEARCH (TAG \"$2\") UID PARTIAL (1:5 3,5)\r\n$2 OK x\r\n"},
	{"sort", start_sort, check_sorted, TWO_NUMBERS "$2 OK x\r\n"},
	{"sort nothing", start_sort, check_nothing_sorted,
		"* ESEARCH (TAG \"$2\") UID\r\n$2 OK x\r\n"},
	{"notify", start_notify, check_status,
		"* OK [INPROGRESS (\"$2\" 1 2)] x\r\n* STATUS a (MESSAGES 1)\r\n$2 OK x\r\n"},
};

/* What the rig itself needs is made before anything fails. */
static struct rig *new_rig(void)
{
	struct rig *r = rig_new(
		&(struct rig_options){.caps = "QRESYNC ESEARCH SEARCHRES PARTIAL SORT ESORT NOTIFY "
					      "SAVEDATE OBJECTID X-GM-EXT-1 FILTERS "
					      "SEARCH=FUZZY MESSAGELIMIT=1000"},
		0);
	(void)buf_reserve(&r->sent, 8192);
	(void)buf_reserve(&r->log, 8192);
	typed_open(r);
	typed_enabled(r, "QRESYNC");
	return r;
}

/* `answer` with the tags of the connection; the rig would need memory for that. */
static void write_answer(char *to, size_t size, const char *answer)
{
	size_t n = 0;
	for (; *answer != '\0'; answer++)
		n += (size_t)snprintf(
			to + n, size - n, *answer == '$' ? "kabcdef01." : "%c", *answer);
}

Test(search_nomem, each_allocation_may_fail)
{
	for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++) {
		char answer[400];
		bool reached = true;
		long n = 0;
		write_answer(answer, sizeof answer, plays[i].answer);
		while (reached && n < 5000) {
			outstanding = 0;
			counting = true;
			struct rig *r = new_rig();
			countdown = ++n;
			failing = true;
			imap4_cmd *c = plays[i].start(r->session);
			rig_pump(r);
			if (c != NULL && !imap4_cmd_done(c))
				rig_say_bytes(r, answer, strlen(answer));
			failing = false;
			reached = countdown == 0;
			rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end");
			bool done = c != NULL && imap4_cmd_result(c)->err != IMAP4_AGAIN;
			bool ok = done && imap4_cmd_result(c)->err == IMAP4_OK;
			bool right = ok && plays[i].check(c);
			imap4_cmd_free(c);
			rig_free(r);
			counting = false;
			cr_assert(c == NULL || done, "%s, allocation %ld: no outcome",
				plays[i].name, n);
			cr_assert(!ok || right, "%s, allocation %ld: OK without its data",
				plays[i].name, n);
			cr_assert(reached || right, "%s: without failures it succeeds",
				plays[i].name);
			cr_assert_eq(outstanding, 0, "%s, allocation %ld: %ld blocks leaked",
				plays[i].name, n, outstanding);
		}
		cr_assert_lt(n, 5000);
#ifndef SANITIZED
		cr_assert_gt(n, 5, "%s", plays[i].name);
#endif
	}
}

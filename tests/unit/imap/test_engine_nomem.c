/* SPDX-License-Identifier: MIT */
/*
 * test_engine_nomem.c -- a whole session in which the n-th allocation fails, for every n: an error, and never a crash, a leak
 * or a silent OK.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"
#include "tests/support/nomem.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

/* One of each; a handle that is NULL is an error that was reported. */
struct handles {
	imap4_cmd *c[8];
	size_t n;
};

static void keep(struct handles *h, imap4_cmd *c)
{
	h->c[h->n++] = c;
}

static int ignore_begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	(void)ctx, (void)m, (void)section, (void)size;
	return IMAP4_SINK_TAKE;
}

static int ignore_data(void *ctx, const void *p, size_t n)
{
	(void)p;
	*(size_t *)ctx += n;
	return 0;
}

static int ignore_end(void *ctx, int complete)
{
	(void)ctx, (void)complete;
	return 0;
}

static int ignore_done(void *ctx, const imap4_message *m)
{
	(void)ctx, (void)m;
	return 0;
}

static void start(struct imap4_session *s, struct handles *h, size_t *octets)
{
	static const char *const words[] = {"name", "x"}, *const pattern[] = {"*"};
	const imap4_sink sink = {octets, ignore_begin, ignore_data, ignore_end, ignore_done};
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	keep(h, imap4_id_start(s, words, 1));
	keep(h, imap4_list_start(s, "", pattern, 1, NULL));
	keep(h, imap4_status_start(s, str("a"), IMAP4_ST_MESSAGES));
	keep(h, imap4_select_start(s, str("b"), NULL));
	if (uidset_add_range(&set, 1, 9, &e) == 0) {
		keep(h,
			imap4_fetch_start(s, &set, "UID X BODY.PEEK[HEADER.FIELDS (A)]",
				&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
					.by = IMAP4_BY_UID,
					.sink = &sink}));
		keep(h,
			imap4_search_set_start(s, &set,
				&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts),
					.by = IMAP4_BY_UID}));
	}
	keep(h, imap4_logout_start(s));
	uidset_release(&set);
}

struct answer {
	const char *verb, *data;
};
static const struct answer answers[] = {
	{" ID ", "* ID (\"a\" \"b\")\r\n"},
	{" LIST ", "* LIST () \"/\" a\r\n"},
	{" STATUS ", "* STATUS a (MESSAGES 1)\r\n"},
	{" EXAMINE ", "* OK [PERMANENTFLAGS (\\Seen)] x\r\n* OK [MAILBOXID (F2)] x\r\n"},
	{" UID FETCH ", "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (A)] {3}\r\nabc)\r\n"},
	{" UID SEARCH ", "* SEARCH 1 3 5\r\n"},
	{" LOGOUT", "* BYE x\r\n"},
};

/* The server: answers each line as it comes. */
static void serve(struct rig *r)
{
	size_t at = r->sent.len;
	for (rig_pump(r); at < r->sent.len;) {
		const char *p = buf_str(&r->sent) + at, *end = strstr(p, "\r\n");
		char tagged[64] = "";
		int tag = (int)strcspn(p, " ");
		at += (size_t)(end - p) + 2;
		snprintf(tagged, sizeof tagged, "%.*s OK x\r\n", tag, p);
		for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
			if (strncmp(p + tag, answers[i].verb, strlen(answers[i].verb)) == 0)
				rig_say_bytes(r, answers[i].data, strlen(answers[i].data));
		rig_say_bytes(r, tagged, strlen(tagged));
	}
}

/* Returns the number of commands that succeeded with all their data; the rest must say that they failed. */
static size_t session(size_t *octets)
{
	struct handles h = {.n = 0};
	size_t good = 0;
	struct rig *r = rig_new(&(struct rig_options){.caps = "ID LITERAL+"}, 0);
	if (r == NULL)
		return 0;
	(void)buf_reserve(&r->sent, 8192);
	(void)buf_reserve(&r->log, 8192);
	failing = true; /* what the rig itself needs is there */
	start(r->session, &h, octets);
	serve(r);
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end");
	failing = false;
	for (size_t i = 0; i < h.n; i++) {
		if (h.c[i] == NULL)
			continue;
		const imap4_result *res = imap4_cmd_result(h.c[i]);
		/* ID, LIST and STATUS have one response each: OK without it would be a lie. */
		bool complete = i > 2 || imap4_cmd_next(h.c[i]) != NULL;
		bool ok = res->err == IMAP4_OK;
		if (res->err == IMAP4_AGAIN || res->message == NULL || (ok && !complete))
			good = 1000;
		good += ok;
		imap4_cmd_free(h.c[i]);
	}
	rig_free(r);
	return good;
}

Test(engine_nomem, an_engine_is_made_or_not)
{
	const struct engine_config config = {.window = 1};
	bool made = false;
	for (long n = 1; !made && n < 100; n++) {
		struct engine *g = NULL;
		struct err e = ERR_INIT;
		outstanding = 0;
		countdown = n;
		counting = failing = true;
		made = engine_new(&g, &config, &e) == 0;
		failing = false;
		engine_free(g);
		counting = false;
		cr_assert_eq(outstanding, 0, "allocation %ld: %ld blocks leaked", n, outstanding);
		cr_assert(made || e.code == E_NOMEM);
	}
	cr_assert(made);
}

Test(engine_nomem, each_allocation_may_fail)
{
	size_t octets = 0, good = 0;
	long n = 0;
	do {
		counting = true;
		outstanding = 0;
		countdown = ++n;
		good = session(&octets);
		bool reached = countdown == 0;
		counting = false;
		cr_assert_leq(
			good, 7u, "allocation %ld: a command has no outcome, or a false one", n);
		cr_assert_eq(outstanding, 0, "allocation %ld: %ld blocks leaked", n, outstanding);
		if (!reached)
			break;
	} while (n < 5000);
	cr_assert_eq(good, 7u, "without failures all succeed");
	cr_assert_lt(n, 5000);
#ifndef SANITIZED
	cr_assert_gt(n, 50);
#endif
}

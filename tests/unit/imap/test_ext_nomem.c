/* SPDX-License-Identifier: MIT */
/*
 * test_ext_nomem.c -- the commands of extensions, each in a session of its own in which the n-th allocation fails, for every n: it
 * is not started, or it fails, or it has all its data. Never a crash, a leak or a silent OK.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"
#include "tests/support/nomem.h"

static const imap4_str box = {"a", 1};
static const char *const words[] = {"/x", "/y"};

static imap4_cmd *getmetadata(imap4_session *s)
{
	return imap4_getmetadata_start(s, box, words, 2, NULL);
}

static imap4_cmd *setmetadata(imap4_session *s)
{
	static const char zero[] = {'\0'};
	const imap4_metadata m[] = {{{"/x", 2}, {zero, 1}, 0}, {{"/y", 2}, {NULL, 0}, 0}};
	return imap4_setmetadata_start(s, box, m, 2);
}

static imap4_cmd *getannotation(imap4_session *s)
{
	return imap4_getannotation_start(s, box, words, 2, words, 2);
}

static imap4_cmd *setannotation(imap4_session *s)
{
	const imap4_annotation a[] = {
		{{"/x", 2}, {"v", 1}, {"1", 1}, 0}, {{"/y", 2}, {"v", 1}, {"2", 1}, 0}};
	return imap4_setannotation_start(s, box, a, 2);
}

static imap4_cmd *raw(imap4_session *s)
{
	static const char *const claims[] = {"X"};
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	imap4_cmd *c = NULL;
	if (uidset_add_range(&set, 1, 9, &e) == 0) {
		const imap4_arg arg[] = {{.type = IMAP4_ARG_SET, .set = &set},
			{.type = IMAP4_ARG_SECRET, .text = {"pass", 4}},
			{.type = IMAP4_ARG_FETCH_ITEMS, .text = {"FLAGS", 5}},
			{.type = IMAP4_ARG_DATE_TIME},
			{.type = IMAP4_ARG_LITERAL8, .text = {"x", 1}}};
		c = imap4_raw_start(s, "UID X", arg, 5,
			&(imap4_raw_opts){.struct_size = sizeof(imap4_raw_opts),
				.claims = claims,
				.nclaims = 1,
				.needs = "ACL"});
	}
	uidset_release(&set);
	return c;
}

static imap4_cmd *proxyauth(imap4_session *s)
{
	return imap4_proxyauth_start(s, "fred");
}

static imap4_cmd *partial(imap4_session *s)
{
	return imap4_partial_start(s, 1, "RFC822", 1, 3);
}

static imap4_cmd *language(imap4_session *s)
{
	return imap4_language_start(s, words, 2);
}

static imap4_cmd *comparator(imap4_session *s)
{
	return imap4_comparator_start(s, words, 1);
}

static imap4_cmd *list(imap4_session *s)
{
	return imap4_list_start(s, "", words, 2,
		&(imap4_list_opts){.struct_size = sizeof(imap4_list_opts),
			.metadata = words,
			.nmetadata = 2,
			.ret = IMAP4_RET_MYRIGHTS,
			.select_subscribed = 1});
}

static const struct row {
	const char *name;
	imap4_cmd *(*start)(imap4_session *s);
	const char *answer; /* one response that belongs to it, or none */
} rows[] = {
	{"GETMETADATA", getmetadata, "* METADATA a (/x 1 /y NIL)\r\n"},
	{"SETMETADATA", setmetadata, ""},
	{"GETANNOTATION", getannotation, "* ANNOTATION a /x (v 1)\r\n"},
	{"SETANNOTATION", setannotation, ""},
	{"raw", raw, "* X (1 2)\r\n"},
	{"PROXYAUTH", proxyauth, ""},
	{"PARTIAL", partial, "* 1 FETCH (RFC822 {3}\r\nabc)\r\n"},
	{"LANGUAGE", language, "* NAMESPACE ((\"a\" \"/\" \"TRANSLATION\" (\"b\"))) NIL NIL\r\n"},
	{"COMPARATOR", comparator, "* COMPARATOR a (b)\r\n"},
	{"LIST", list, "* LIST () \"/\" a (CHILDINFO (\"SUBSCRIBED\"))\r\n"},
};

enum outcome { NOT_STARTED, FAILED, DONE, WRONG };

static enum outcome session(const struct row *row)
{
	struct rig *r = rig_new(
		&(struct rig_options){
			.caps = "METADATA ANNOTATEMORE ACL LANGUAGE I18NLEVEL=2 LITERAL+ "
				"LIST-EXTENDED LIST-MYRIGHTS LIST-METADATA"},
		0);
	if (r == NULL)
		return WRONG;
	engine_set_state(r->engine, IMAP4_SELECTED);
	(void)buf_reserve(&r->sent, 8192);
	(void)buf_reserve(&r->log, 8192);
	failing = true; /* what the rig itself needs is there */
	imap4_cmd *c = row->start(r->session);
	rig_pump(r);
	if (r->sent.len > 0) {
		char tagged[64] = "";
		int tag = (int)strcspn(buf_str(&r->sent), " ");
		(void)snprintf(tagged, sizeof tagged, "%.*s OK x\r\n", tag, buf_str(&r->sent));
		rig_say_bytes(r, row->answer, strlen(row->answer));
		rig_say_bytes(r, tagged, strlen(tagged));
	}
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end");
	failing = false;
	enum outcome outcome = NOT_STARTED;
	if (c != NULL) {
		const imap4_result *result = imap4_cmd_result(c);
		bool complete = row->answer[0] == '\0' || imap4_cmd_next(c) != NULL;
		outcome = result->err == IMAP4_OK ? complete ? DONE : WRONG : FAILED;
		if (result->err == IMAP4_AGAIN || result->message == NULL)
			outcome = WRONG;
		imap4_cmd_free(c);
	}
	rig_free(r);
	return outcome;
}

Test(ext_nomem, each_allocation_may_fail)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		bool reached = true;
		long n = 0;
		enum outcome outcome = WRONG;
		while (reached && n < 1000) {
			counting = true;
			outstanding = 0;
			countdown = ++n;
			outcome = session(&rows[i]);
			reached = countdown == 0;
			counting = false;
			cr_assert_neq(outcome, WRONG,
				"%s, allocation %ld: no outcome, or a false one", rows[i].name, n);
			cr_assert_eq(outstanding, 0, "%s, allocation %ld: %ld blocks leaked",
				rows[i].name, n, outstanding);
		}
		cr_assert_eq(outcome, DONE, "%s: without failures it succeeds", rows[i].name);
#ifndef SANITIZED
		cr_assert_gt(n, 3, "%s", rows[i].name);
#endif
	}
}

/* A URL is all there or not. */
Test(ext_nomem, a_url_is_read_or_not)
{
	static const char url[] =
		"imap://u;AUTH=x@h:1/a%20b;UIDVALIDITY=1/;UID=2/;SECTION=3/;PARTIAL=4;EXPIRE=5;URLAUTH=6";
	bool reached = true;
	for (long n = 1; reached && n < 1000; n++) {
		imap4_url *u;
		outstanding = 0;
		countdown = n;
		counting = failing = true;
		imap4_err r = imap4_url_parse((imap4_str){url, sizeof url - 1}, 0, &u);
		failing = false;
		reached = countdown == 0;
		bool expected = r == (reached ? IMAP4_E_NOMEM : IMAP4_OK);
		cr_assert(expected, "allocation %ld", n);
		imap4_url_free(u);
		counting = false;
		cr_assert_eq(outstanding, 0, "allocation %ld: %ld blocks leaked", n, outstanding);
	}
	cr_assert_not(reached);
}

Test(ext_nomem, a_url_that_is_refused_leaves_nothing_behind)
{
	static const char *const urls[] = {"imap://u;AUTH=x@[]:1/a", "imap://u@h/a%ff",
		"imap://u@h:0/a", "imap://u%00@h/", "imap://u@h/a;UIDVALIDITY=0",
		"imap://h/a/;UID=1/;SECTION=1/;PARTIAL=x", "imap://h/a/;UID=1;EXPIRE=5;URLAUTH=6;",
		"imap://h/a?%00", "imap://[::1]x/a", "imap://h%2f/a"};
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
		for (size_t n = 0; n <= strlen(urls[i]); n++) {
			imap4_url *u;
			outstanding = 0;
			counting = true;
			imap4_err r = imap4_url_parse((imap4_str){urls[i], n}, 0, &u);
			imap4_url_free(u);
			counting = false;
			cr_assert(r == IMAP4_OK || u == NULL);
			cr_assert_eq(outstanding, 0, "%s (%zu): %ld blocks leaked", urls[i], n,
				outstanding);
		}
}

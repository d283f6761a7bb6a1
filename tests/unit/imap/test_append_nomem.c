/* SPDX-License-Identifier: MIT */
/*
 * test_append_nomem.c -- uploads, labels, FETCH items of extensions and names when the n-th allocation fails, for every n: an
 * error, and never a crash, a leak or an upload that is not what was asked for.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_util.h"
#include "tests/support/engine_rig.h"
#include "tests/support/nomem.h"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

/* One text for all: nothing is left to read behind its end. */
struct texts {
	imap4_memory_source state[3];
};

static imap4_cmd *append(struct rig *r, struct texts *t, bool replace)
{
	const imap4_str flags[] = {str("\\Seen"), str("a")};
	const imap4_append_part parts[] = {
		{.struct_size = sizeof parts[0], .url = "/a;UID=1"},
		{.struct_size = sizeof parts[0],
			.size = 3,
			.source = imap4_source_memory(&t->state[replace], "abc", 3)},
	};
	const imap4_append_message m = {.struct_size = sizeof m,
		.flags = flags,
		.nflags = 2,
		.internaldate = str("20-Mar-2018 03:07:37 +1100"),
		.parts = parts,
		.nparts = 2};
	return replace ? imap4_replace_start(r->session, 7, str("x"), &m,
				 &(imap4_replace_opts){.struct_size = sizeof(imap4_replace_opts),
					 .by = IMAP4_BY_UID})
		       : imap4_append_start(r->session, str("x"), &m, 1, NULL);
}

static imap4_cmd *binary(struct rig *r, struct texts *t)
{
	const imap4_append_message m = {.struct_size = sizeof m,
		.size = 2,
		.source = imap4_source_memory(&t->state[2], "\0b", 2),
		.binary = 1};
	return imap4_append_start(r->session, str("y"), &m, 1, NULL);
}

static imap4_cmd *store(struct rig *r)
{
	const imap4_str label = str("\xc3\xa4");
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	imap4_cmd *c = NULL;
	if (uidset_add(&set, 1, &e) == 0)
		c = imap4_store_labels_start(r->session, &set, IMAP4_FLAGS_ADD, &label, 1, NULL);
	uidset_release(&set);
	return c;
}

static imap4_cmd *fetch(struct rig *r)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	imap4_cmd *c = NULL;
	if (uidset_add(&set, 1, &e) == 0)
		c = imap4_fetch_start(
			r->session, &set, "UID PREVIEW (LAZY) BINARY.SIZE[1] X-GM-LABELS", NULL);
	uidset_release(&set);
	return c;
}

#define NCOMMANDS 5

static void start(struct rig *r, struct texts *t, imap4_cmd **c)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	c[0] = append(r, t, false);
	c[1] = append(r, t, true);
	c[2] = binary(r, t);
	c[3] = store(r);
	c[4] = fetch(r);
}

static const struct {
	const char *verb, *tail, *data, *end;
} answers[] = {
	{" APPEND x ",
		"(\\Seen a) \"20-Mar-2018 03:07:37 +1100\" CATENATE (URL \"/a;UID=1\" TEXT {3+}\r\nabc)\r\n",
		"", " OK [APPENDUID 9 8] x\r\n"},
	{" UID REPLACE 7 x ",
		"(\\Seen a) \"20-Mar-2018 03:07:37 +1100\" CATENATE (URL \"/a;UID=1\" TEXT {3+}\r\nabc)\r\n",
		"* OK [APPENDUID 9 9] x\r\n* 1 EXPUNGE\r\n", " OK x\r\n"},
	{" APPEND y ~", "{2+}\r\n", "", " OK x\r\n"},
	{" STORE 1 ", "+X-GM-LABELS (&AOQ-)\r\n", "* 1 FETCH (X-GM-LABELS (&AOQ-))\r\n",
		" OK x\r\n"},
	{" FETCH 1 ", "(UID PREVIEW (LAZY) BINARY.SIZE[1] X-GM-LABELS)\r\n",
		"* 1 FETCH (UID 5 PREVIEW \"p\" X-GM-LABELS (a &AOQ- b))\r\n", " OK x\r\n"},
};

/* Answer what was sent since `at`; commands that look otherwise than they should get no answer. */
static size_t serve(struct rig *r, size_t at)
{
	rig_pump(r);
	size_t end = r->sent.len;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		const char *p = buf_str(&r->sent) + at;
		size_t verb = strlen(answers[i].verb);
		const char *found = memmem(p, end - at, answers[i].verb, verb);
		if (found == NULL ||
			strncmp(found + verb, answers[i].tail, strlen(answers[i].tail)) != 0)
			continue;
		const char *tag = found;
		while (tag > buf_str(&r->sent) && tag[-1] != '\n')
			tag--;
		char line[64];
		size_t n = (size_t)(found - tag);
		memcpy(line, tag, n);
		strcpy(line + n, answers[i].end);
		rig_say_bytes(r, answers[i].data, strlen(answers[i].data));
		rig_say_bytes(r, line, strlen(line));
	}
	return end;
}

/* What a command that succeeded must have brought. */
static bool is_complete(imap4_cmd *c, size_t i)
{
	const imap4_data *d = imap4_cmd_next(c);
	if (i == 0 || i == 2)
		return d == NULL;
	if (i == 1)
		return d != NULL && imap4_data_kind(d) == IMAP4_DATA_EXPUNGE;
	char **label;
	size_t n;
	if (d == NULL)
		return false;
	imap4_err err = imap4_message_labels(imap4_data_message(d), &label, &n);
	bool ok = err == IMAP4_E_NOMEM || (err == IMAP4_OK && n == (i == 3 ? 1u : 3u));
	free(label);
	return ok;
}

/* How many commands succeeded; 1000: one of them has no outcome, or a false one. */
static size_t session(void)
{
	static const char caps[] = "CATENATE REPLACE BINARY LITERAL+ X-GM-EXT-1 PREVIEW UIDPLUS";
	imap4_cmd *c[NCOMMANDS] = {NULL};
	struct texts t;
	size_t good = 0, at = 0;
	struct rig *r = rig_new(&(struct rig_options){.caps = caps}, 0);
	if (r == NULL)
		return 0;
	(void)buf_reserve(&r->sent, 8192);
	(void)buf_reserve(&r->log, 8192);
	failing = true; /* what the rig itself needs is there */
	start(r, &t, c);
	while (r->sent.len == 0 || at < r->sent.len) {
		size_t next = serve(r, at);
		if (next == at)
			break;
		at = next;
	}
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end");
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (c[i] == NULL)
			continue;
		bool ok = imap4_cmd_result(c[i])->err == IMAP4_OK;
		if (imap4_cmd_result(c[i])->err == IMAP4_AGAIN || (ok && !is_complete(c[i], i)))
			good = 1000;
		good += ok;
		imap4_cmd_free(c[i]);
	}
	failing = false;
	rig_free(r);
	return good;
}

Test(append_nomem, each_allocation_may_fail)
{
	size_t good = 0;
	long n = 0;
	do {
		counting = true;
		outstanding = 0;
		countdown = ++n;
		good = session();
		bool reached = countdown == 0;
		counting = false;
		cr_assert_leq(good, (size_t)NCOMMANDS,
			"allocation %ld: a command has no outcome, or a false one", n);
		cr_assert_eq(outstanding, 0, "allocation %ld: %ld blocks leaked", n, outstanding);
		if (!reached)
			break;
	} while (n < 5000);
	cr_assert_eq(good, (size_t)NCOMMANDS, "without failures all succeed");
	cr_assert_lt(n, 5000);
#ifndef SANITIZED
	cr_assert_gt(n, 50);
#endif
}

Test(append_nomem, a_name_is_made_or_not)
{
	struct rig *r = rig_new(&(struct rig_options){.caps = ""}, 0);
	for (int utf8 = 0; utf8 < 2; utf8++) {
		imap4_err err = IMAP4_E_NOMEM;
		rig_say(r, utf8 ? "* ENABLED UTF8=ACCEPT\r\n" : "");
		for (long n = 1; err == IMAP4_E_NOMEM && n < 20; n++) {
			char *name, *empty;
			countdown = n;
			failing = true;
			err = imap4_wire_name(r->session, "\xc3\xa4", &name);
			imap4_err second = imap4_wire_name_decode(r->session, str(""), &empty);
			failing = false;
			cr_expect_eq(name != NULL, err == IMAP4_OK);
			cr_expect_eq(empty != NULL, second == IMAP4_OK);
			err = err == IMAP4_OK ? second : err;
			free(name);
			free(empty);
		}
		cr_expect_eq(err, IMAP4_OK);
	}
	rig_free(r);
}

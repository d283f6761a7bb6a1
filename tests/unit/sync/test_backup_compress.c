/* SPDX-License-Identifier: MIT */
/* When a connection is compressed. That a compressed one works is the library's business. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

#include "core/sync/limits.h"
#include "tests/support/sync_rig.h"

#define OFFERED MODEL_CAPABILITIES " COMPRESS=DEFLATE"

static struct sync_rig rig;
static struct model_faults faults;

static struct {
	const char *answer;
	int delay_ms;
	unsigned wait_for; /* COMPRESS commands before the first EXAMINE is answered */
} model;

static _Atomic unsigned asked_by;

/* The model cannot compress, so it refuses. */
static int hook(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	(void)ctx;
	(void)arguments;
	if (model.delay_ms > 0)
		(void)poll(NULL, 0, model.delay_ms);
	/* The first connection waits for the others, or it could be done before they have asked. */
	for (int i = 0; strcmp(verb, "EXAMINE") == 0 && asked_by < model.wait_for && i < 5000; i++)
		(void)poll(NULL, 0, 1);
	if (strcmp(verb, "COMPRESS") != 0)
		return 0;
	asked_by++;
	fake_sendf(c, "%s %s not now\r\n", tag, model.answer);
	return 1;
}

static void start(void)
{
	cr_assert(rig_start(&rig));
	model_capabilities(rig.m, OFFERED);
	memset(&faults, 0, sizeof faults);
	faults.hook = hook;
	model.answer = "NO";
	model.delay_ms = 0;
	model.wait_for = asked_by = 0;
	model_faults(rig.m, &faults);
	model_mailbox(rig.m, "INBOX", 1);
	model_mailbox(rig.m, "Work", 2);
}

static void stop(void)
{
	rig_end(&rig);
}

TestSuite(compress, .init = start, .fini = stop);

/* A run that saves all, and asks for compression so many times. */
static void expect(unsigned asked, const char *what)
{
	char why[600];
	model_counts_reset(rig.m);
	rig_backup(&rig);
	cr_expect(rig_ok(&rig), "%s: %s\n%s", what, rig.err.text, buf_str(&rig.notes));
	cr_expect(rig_same(&rig, "INBOX", why, sizeof why), "%s: %s", what, why);
	cr_expect_eq(model_commands(rig.m, "COMPRESS"), asked, "%s: asked %u times", what,
		model_commands(rig.m, "COMPRESS"));
	cr_expect_eq(model_commands(rig.m, "BAD"), 0, "%s", what);
}

/* Nothing is answered sooner than this, so it is certain however busy the machine is. */
static void make_it_far(void)
{
	rig.account.host = "0.0.0.0"; /* this machine by a name that does not look like it */
	rig.account.allow_cleartext = true;
	model.delay_ms = (int)(faults.greeting_ms = 4 * SYNC_FAR_MS);
	model_faults(rig.m, &faults);
}

Test(compress, yes_is_at_once_and_a_refusal_costs_nothing)
{
	rig.account.compress = SYNC_COMPRESS_YES;
	model_add_many(rig.m, "INBOX", 3, 100);
	expect(1, "NO");
	model.answer = "BAD";
	expect(1, "BAD, and nothing to fetch");
}

Test(compress, each_connection_asks)
{
	rig.account.compress = SYNC_COMPRESS_YES;
	rig.account.connections = 2;
	model_add_many(rig.m, "INBOX", 300, 100);
	model_add_many(rig.m, "Work", 300, 100);
	model.wait_for = 2;
	expect(2, "two connections");
}

Test(compress, no_is_never)
{
	make_it_far();
	rig.account.compress = SYNC_COMPRESS_NO;
	model_add_many(rig.m, "INBOX", SYNC_COMPRESS_FROM, 100);
	expect(0, "no");
}

Test(compress, only_when_it_is_offered_and_not_switched_off)
{
	static const char *const off[] = {"compress=deflate", NULL};
	rig.account.compress = SYNC_COMPRESS_YES;
	rig.account.disable = off;
	expect(0, "switched off");
	rig.account.disable = NULL;
	model_capabilities(rig.m, MODEL_CAPABILITIES);
	expect(0, "not offered");
}

static bool decide(int64_t ms, const char *host, const char *const *tunnel)
{
	struct sync_account a = rig.account;
	imap4_session *s;
	struct err e = ERR_INIT;
	const char *why = NULL;
	cr_assert_eq(sync_connect(&a, &rig.hooks, &s, &e), 0, "%s", e.text);
	a.host = host;
	a.tunnel = tunnel;
	bool on = sync_compresses(&a, s, ms, &why);
	cr_expect_not_null(why);
	sync_disconnect(s);
	return on;
}

Test(compress, auto_is_for_servers_that_are_far_away)
{
	static const char *const tunnel[] = {"ssh", NULL};
	cr_expect(decide(SYNC_FAR_MS, "imap.example.org", NULL));
	cr_expect_not(decide(SYNC_FAR_MS - 1, "imap.example.org", NULL));
	cr_expect_not(decide(1000, "127.0.0.1", NULL));
	cr_expect_not(decide(1000, "::1", NULL));
	cr_expect_not(decide(1000, "LOCALHOST", NULL));
	cr_expect_not(decide(1000, "imap.example.org", tunnel));
	cr_expect_not(decide(1000, NULL, NULL));
}

Test(compress, auto_waits_until_there_is_something_to_win)
{
	make_it_far();
	model_add_many(rig.m, "INBOX", SYNC_COMPRESS_FROM - 1, 100);
	expect(0, "few messages");
	expect(0, "nothing new");
	model_add_many(rig.m, "INBOX", SYNC_COMPRESS_FROM - 1, 100);
	expect(0, "few new messages");
	model_add_many(rig.m, "INBOX", SYNC_COMPRESS_FROM, 100);
	expect(1, "many new messages");
	rig.account.connections = 2;
	model_add_many(rig.m, "INBOX", SYNC_COMPRESS_FROM, 100);
	model_add_many(rig.m, "Work", 1, 100);
	expect(2, "the other connection, too");
}

/* SPDX-License-Identifier: MIT */
/*
 * test_imaplib_needed.c -- what imaplib's test-suite does not have and a client meets: a server that ends in the middle of
 * something, that changes its mind, that tells what nobody asked for; and callers who start commands where they should not.
 * Over plain TCP and over TLS.
 */
#include <criterion/criterion.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/imap/imap4_call.h"
#include "core/imap/imap4_mime.h"
#include "core/imap/imap4_util.h"
#include "tests/support/imaplib_rig.h"
#include "tests/support/tmp_tree.h"

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1 UIDPLUS] hi\n"
#define OPEN                                                                                       \
	HELLO "C: SELECT INBOX\nS: * 3 EXISTS\nS: * OK [UIDVALIDITY 7] x\nS: $ OK [READ-WRITE] x\n"
#define OPEN_ONLY HELLO "C: EXAMINE INBOX\nS: * 3 EXISTS\nS: $ OK [READ-ONLY] x\n"

static imap4_cmd *fetch_all(struct stage *t, int by, const char *items, const imap4_sink *sink)
{
	const imap4_fetch_opts o = {
		.struct_size = sizeof(o), .by = by, .open_from = 1, .sink = sink};
	return imap4_fetch_start(t->s, NULL, items, &o);
}

static void show_selected(struct stage *t)
{
	const imap4_selected *m = imap4_selected_mailbox(t->s);
	if (m)
		stage_logf(t, "exists %u uidvalidity %u read-only %d\n", m->exists, m->uidvalidity,
			m->read_only);
	else
		stage_logf(t, "nothing selected\n");
}

/* ---- the server ends, or changes its mind -------------------------------------------------------------------- */

static void bye_in_a_fetch(struct stage *t)
{
	stage_select(t, 1);
	imap4_cmd *fetch = fetch_all(t, IMAP4_BY_UID, "FLAGS", NULL);
	imap4_cmd *behind = imap4_noop_start(t->s);
	(void)stage_done(t, fetch);
	(void)stage_done(t, behind);
	stage_end(t);
}

static void read_only(struct stage *t)
{
	static const imap4_str deleted[] = {{"\\Deleted", 8}};
	imap4_set *set = imap4_set_of("1");
	const imap4_store_opts o = {.struct_size = sizeof(o), .by = IMAP4_BY_UID};
	stage_select(t, 1);
	show_selected(t);
	(void)stage_done(t, imap4_noop_start(t->s));
	show_selected(t);
	(void)stage_done(t, imap4_store_start(t->s, set, IMAP4_FLAGS_ADD, deleted, 1, &o));
	imap4_set_free(set);
}

static void noop(struct stage *t)
{
	stage_select(t, 1);
	(void)stage_done(t, imap4_noop_start(t->s));
	show_selected(t);
}

static void select_again(struct stage *t)
{
	stage_select(t, 1);
	show_selected(t);
	stage_select(t, 0);
	show_selected(t);
}

static void fetch_flags(struct stage *t)
{
	stage_select(t, 1);
	(void)stage_done(t, fetch_all(t, IMAP4_BY_UID, "FLAGS", NULL));
	show_selected(t);
}

static void fetch_flags_by_number(struct stage *t)
{
	stage_select(t, 1);
	imap4_cmd *first = fetch_all(t, IMAP4_BY_SEQ, "FLAGS", NULL);
	imap4_cmd *second = fetch_all(t, IMAP4_BY_SEQ, "FLAGS", NULL);
	(void)stage_done(t, first);
	(void)stage_done(t, second);
	const char *answer = strstr(buf_str(&t->trace), " OK x");
	stage_logf(t, "second behind the first: %d\n",
		answer && strstr(answer, " FETCH 1:* ") != NULL);
	show_selected(t);
}

static void envelope(struct stage *t)
{
	stage_select(t, 0);
	imap4_cmd *c = fetch_all(t, IMAP4_BY_UID, "ENVELOPE", NULL);
	cr_assert_eq(imap4_cmd_wait(c, FAKE_WAIT_MS), IMAP4_OK);
	const imap4_message *m = imap4_data_message(imap4_cmd_next(c));
	cr_assert_not_null(m);
	imap4_envelope *e = imap4_envelope_new(imap4_message_item(m, "ENVELOPE"));
	cr_assert(e && e->from.n == 1);
	const imap4_address *from = &e->from.at[0];
	stage_logf(t, "subject %s\nfrom %s <%s@%s>\nid %s\n", e->subject.ptr, from->name.ptr,
		from->mailbox.ptr, from->host.ptr, e->message_id.ptr);
	imap4_envelope_free(e);
	imap4_cmd_free(c);
}

static const struct stage_row servers[] = {
	{"BYE in the middle of a command",
		OPEN
		"C~ UID FETCH 1:.*\nC: NOOP\nS: * 1 FETCH (UID 5 FLAGS ())\nS: * BYE [UNAVAILABLE] going down\n"
		"CLOSE\n",
		bye_in_a_fetch,
		"unasked BYE code=13 atom=UNAVAILABLE text=going down\n"
		"  FETCH seq=1 uid=5 flags= (UID 5 FLAGS ())\n"
		"IMAP4_E_BYE [UNAVAILABLE] going down\n"
		"IMAP4_E_BYE [UNAVAILABLE] going down\n"
		"DEAD IMAP4_E_BYE [UNAVAILABLE] going down\n",
		NULL},
	{"the end in the middle of a response",
		OPEN
		"C~ UID FETCH 1:.*\nC: NOOP\nS: * 1 FETCH (UID 5 FLAGS ())\nS+ * 2 FETCH (UI\nCLOSE\n",
		bye_in_a_fetch,
		"  FETCH seq=1 uid=5 flags= (UID 5 FLAGS ())\n"
		"IMAP4_E_CLOSED\n"
		"IMAP4_E_CLOSED\n"
		"DEAD IMAP4_E_CLOSED\n",
		NULL},
	/* imaplib fails the next command, whatever it is; here it is known, and what needs to write is the server's to refuse. */
	{"READ-ONLY in the middle of a session",
		OPEN "C: NOOP\nS: * OK [READ-ONLY] somebody else writes\nS: $ OK x\n"
		     "C~ UID STORE 1 .*\nS: $ NO [READ-ONLY] you cannot\n",
		read_only,
		"exists 3 uidvalidity 7 read-only 0\n"
		"unasked OK code=7 atom=READ-ONLY text=somebody else writes\n"
		"OK x\n"
		"exists 3 uidvalidity 7 read-only 1\n"
		"IMAP4_E_NO [READ-ONLY] you cannot\n",
		NULL},
	{"a FETCH that arrives unasked",
		OPEN
		"C: NOOP\nS: * 2 FETCH (FLAGS (\\Seen))\nS: * 1 FETCH (UID 4 FLAGS ())\nS: $ OK x\n",
		noop,
		"unasked FETCH seq=2 flags=\\Seen (FLAGS (\\Seen))\n"
		"unasked FETCH seq=1 uid=4 flags= (UID 4 FLAGS ())\n"
		"OK x\n"
		"exists 3 uidvalidity 7 read-only 0\n",
		NULL},
	{"a FETCH of somebody else's flags while one runs",
		OPEN
		"C~ UID FETCH 1:.*\nS: * 1 FETCH (UID 5 FLAGS ())\nS: * 1 FETCH (FLAGS (\\Seen))\n"
		"S: * 4 EXISTS\nS: $ OK x\n",
		fetch_flags,
		"unasked FETCH seq=1 flags=\\Seen (FLAGS (\\Seen))\n"
		"unasked EXISTS 4\n"
		"  FETCH seq=1 uid=5 flags= (UID 5 FLAGS ())\n"
		"OK x\n"
		"exists 4 uidvalidity 7 read-only 0\n",
		NULL},
	{"EXPUNGE while a fetch by UID runs",
		OPEN "C~ UID FETCH 1:.*\nS: * 1 FETCH (UID 5 FLAGS ())\nS: * 1 EXPUNGE\n"
		     "S: * 1 FETCH (UID 6 FLAGS ())\nS: * 2 FETCH (UID 7 FLAGS ())\nS: $ OK x\n",
		fetch_flags,
		"unasked EXPUNGE 1\n"
		"  FETCH seq=1 uid=5 flags= (UID 5 FLAGS ())\n"
		"  FETCH seq=1 uid=6 flags= (UID 6 FLAGS ())\n"
		"  FETCH seq=2 uid=7 flags= (UID 7 FLAGS ())\n"
		"OK x\n"
		"exists 2 uidvalidity 7 read-only 0\n",
		NULL},
	{"no second command by number while one runs",
		OPEN
		"C: FETCH 1:* (FLAGS)\nS: * 1 FETCH (FLAGS ())\nS: * 2 FETCH (FLAGS ())\nS: $ OK x\n"
		"C: FETCH 1:* (FLAGS)\nS: * 1 FETCH (FLAGS ())\nS: $ OK [EXPUNGEISSUED] y\n",
		fetch_flags_by_number,
		"  FETCH seq=1 flags= (FLAGS ())\n"
		"  FETCH seq=2 flags= (FLAGS ())\n"
		"OK x\n"
		"  FETCH seq=1 flags= (FLAGS ())\n"
		"OK [EXPUNGEISSUED] y\n"
		"second behind the first: 1\n"
		"exists 3 uidvalidity 7 read-only 0\n",
		NULL},
	/* Counted all the same: each one brings the count nearer to 0, from where on they are a flood. */
	{"EXPUNGE beyond what there is",
		OPEN "C: NOOP\nS: * 4 EXPUNGE\nS: * 0 EXPUNGE\nS: $ OK x\n", noop,
		"unasked EXPUNGE 4\n"
		"unasked !EXPUNGE 0\n"
		"OK x\n"
		"exists 1 uidvalidity 7 read-only 0\n",
		NULL},
	{"EXISTS falls without EXPUNGE", OPEN "C: NOOP\nS: * 1 EXISTS\nS: $ OK x\n", noop,
		"unasked EXISTS 1\n"
		"OK x\n"
		"exists 1 uidvalidity 7 read-only 0\n",
		NULL},
	/* What was opened stays what it is (UIDs that were learnt belong to it); the caller is told. */
	{"UIDVALIDITY changes while selected",
		OPEN "C: NOOP\nS: * OK [UIDVALIDITY 8] x\nS: $ OK x\n", noop,
		"unasked OK code=11 atom=UIDVALIDITY args=8 text=x\n"
		"OK x\n"
		"exists 3 uidvalidity 7 read-only 0\n",
		NULL},
	{"UIDVALIDITY is another one the next time",
		OPEN
		"C: EXAMINE INBOX\nS: * 1 EXISTS\nS: * OK [UIDVALIDITY 8] x\nS: $ OK [READ-ONLY] x\n",
		select_again,
		"exists 3 uidvalidity 7 read-only 0\n"
		"exists 1 uidvalidity 8 read-only 1\n",
		NULL},
	{"literals inside ENVELOPE",
		OPEN_ONLY
		"C~ UID FETCH 1:.*\n"
		"S+ * 1 FETCH (UID 7 ENVELOPE (NIL {11}\\r\\na \"subject\" (({3+}\\r\\nA B NIL {1}\\r\\n\" "
		"\"h\")) NIL NIL NIL NIL NIL NIL {3}\\r\\n<x>))\\r\\n\nS: $ OK x\n",
		envelope,
		"subject a \"subject\"\n"
		"from A B <\"@h>\n"
		"id <x>\n",
		NULL},
};

Test(imaplib_needed, servers)
{
	stage_check(servers, sizeof(servers) / sizeof(servers[0]), STAGE_BOTH);
}

/* ---- a caller inside a callback ------------------------------------------------------------------------------ */

struct inside {
	struct stage *t;
	imap4_cmd *started[8];
	size_t n;
	unsigned bad; /* calls that must be refused and were not */
};

/* What may be done, once, and what must be refused, every time. */
static void try_all(struct inside *in)
{
	imap4_session *s = in->t->s;
	imap4_cmd *c = imap4_noop_start(s);
	in->bad += c == NULL;
	in->bad += imap4_cmd_wait(c, -1) != IMAP4_E_STATE;
	in->bad += imap4_pump(s, -1) != IMAP4_E_STATE;
	in->bad += imap4_pump_many(&s, 1, -1) != IMAP4_E_STATE;
	in->bad += imap4_call_noop(s) != IMAP4_E_STATE;
	imap4_close(s);
	in->bad += imap4_last(s)->err != IMAP4_E_STATE;
	if (in->n < sizeof(in->started) / sizeof(in->started[0]))
		in->started[in->n++] = c;
	else
		imap4_cmd_free(c);
}

static int begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	(void)m, (void)section, (void)size;
	try_all(ctx);
	return IMAP4_SINK_TAKE;
}

static int data(void *ctx, const void *p, size_t n)
{
	(void)p, (void)n;
	try_all(ctx);
	return 0;
}

static int end(void *ctx, int complete)
{
	(void)complete;
	try_all(ctx);
	return 0;
}

static int done(void *ctx, const imap4_message *m)
{
	(void)m;
	try_all(ctx);
	return 0;
}

static void on_data(struct stage *t)
{
	if (t->ctx)
		try_all(t->ctx);
}

static void commands_from_callbacks(struct stage *t)
{
	struct inside in = {.t = t};
	const imap4_sink sink = {&in, begin, data, end, done};
	stage_select(t, 0);
	t->ctx = &in;
	t->on_data = on_data;
	(void)stage_done(t, fetch_all(t, IMAP4_BY_UID, "FLAGS BODY.PEEK[]", &sink));
	t->ctx = NULL;
	stage_logf(t, "started %zu, not refused %u\n", in.n, in.bad);
	for (size_t i = 0; i < in.n; i++)
		(void)stage_done(t, in.started[i]);
}

#define NOOP "C: NOOP\nS: $ OK x\n"

static const struct stage_row callers[] = {
	{"commands from inside a sink and an event",
		OPEN_ONLY
		"C~ UID FETCH 1:.*\nS: * 9 EXISTS\nS+ * 1 FETCH (UID 7 FLAGS () BODY[] {3}\\r\\nabc)\\r\\n\n"
		"S: $ OK x\n" NOOP NOOP NOOP NOOP NOOP,
		commands_from_callbacks,
		"unasked EXISTS 9\n"
		"OK x\n"
		"started 5, not refused 0\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n"
		"OK x\n",
		NULL},
};

Test(imaplib_needed, callers)
{
	stage_check(callers, sizeof(callers) / sizeof(callers[0]), STAGE_BOTH);
}

/* ---- IMAP4_stream: a real server as a sub-process, which knows who we are ------------------------------------- */

#define DOVECOT_IMAP "/usr/lib/dovecot/imap"

static void write_config(const struct tmp_tree *tree, char *path, size_t size)
{
	char text[1000];
	bool root = geteuid() == 0;
	const struct passwd *account = root ? getpwnam("nobody") : getpwuid(geteuid());
	cr_assert_not_null(account);
	cr_assert(!root || chown(tree->path, account->pw_uid, account->pw_gid) == 0);
	int n = snprintf(text, sizeof(text),
		"mail_location = maildir:%s/mail\nssl = no\nlog_path = %s/log\n"
		"base_dir = %s/run\nstats_writer_socket_path =\n"
		"mail_uid = %lu\nmail_gid = %lu\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n",
		tree->path, tree->path, tree->path, (unsigned long)account->pw_uid,
		(unsigned long)account->pw_gid);
	cr_assert(tmp_tree_write(tree, "conf", text, (size_t)n));
	(void)snprintf(path, size, "%s/conf", tree->path);
	cr_assert_eq(chmod(path, 0644), 0);
}

static void use_it(imap4_session *s)
{
	uint32_t uid = 0;
	char *body = NULL;
	size_t n;
	cr_expect(imap4_preauth(s));
	cr_expect_eq(imap4_session_state(s), IMAP4_AUTHENTICATED);
	cr_expect_eq(imap4_call_login(s, "me", "x"), IMAP4_OK, "nothing is left to do");
	cr_assert_eq(imap4_call_append(
			     s, "INBOX", "\\Seen", NULL, "Subject: x\r\n\r\nabc\r\n", 19, &uid),
		IMAP4_OK, "%s", imap4_last(s)->message);
	cr_expect_eq(uid, 1u);
	cr_assert_eq(imap4_call_select(s, "INBOX", 0), IMAP4_OK);
	cr_assert_eq(imap4_call_fetch_body(s, uid, IMAP4_BY_UID, "TEXT", 100, &body, &n), IMAP4_OK);
	cr_expect_str_eq(body, "abc\r\n");
	free(body);
	cr_expect_eq(imap4_call_logout(s), IMAP4_OK);
	cr_expect_eq(imap4_session_state(s), IMAP4_LOGGED_OUT);
}

Test(imaplib_needed, PREAUTH_over_a_sub_process, .timeout = 60)
{
	struct tmp_tree tree;
	char path[200], home[200], *why = NULL;
	/* It does not want to be started by root with a socket in the place of standard output. */
	const char *const argv[] = {"setpriv", "--reuid=nobody", "--regid=nogroup",
		"--clear-groups", "env", "-i", "USER=me", home, DOVECOT_IMAP, "-c", path, NULL};
	imap4_session *s;
	imap4_options o;
	if (access(DOVECOT_IMAP, X_OK) != 0) {
		printf("SKIPPED: %s is not there: NOTHING OF IT WAS TESTED\n", DOVECOT_IMAP);
		cr_expect_null(getenv("CI"), "this test needs Dovecot (package dovecot-imapd)");
		return;
	}
	cr_assert(tmp_tree_make(&tree));
	write_config(&tree, path, sizeof(path));
	(void)snprintf(home, sizeof(home), "HOME=%s", tree.path);
	imap4_options_init(&o, sizeof(o));
	o.argv = geteuid() == 0 ? argv : argv + 4;
	o.security = IMAP4_CLEAR;
	cr_assert_eq(imap4_open(&s, &o, &why), IMAP4_OK, "%s", why);
	use_it(s);
	imap4_close(s);
	tmp_tree_remove(&tree);
}

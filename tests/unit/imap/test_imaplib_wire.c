/* SPDX-License-Identifier: MIT */
/*
 * test_imaplib_wire.c -- what imaplib's test-suite pins about lines, greetings, untagged responses and literals, over plain TCP
 * and over TLS. A row has the name of the case; where the outcome is another one on purpose, it says why.
 */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/imaplib_rig.h"

#define HELLO "S: * PREAUTH [CAPABILITY IMAP4rev1] hi\n"
#define OPEN  HELLO "C: EXAMINE INBOX\nS: * 3 EXISTS\nS: $ OK [READ-ONLY] opened\n"

static void opens(struct stage *t)
{
	stage_ready(t);
}

static void noop(struct stage *t)
{
	(void)stage_done(t, imap4_noop_start(t->s));
}

static void noop_twice(struct stage *t)
{
	noop(t);
	noop(t);
}

static void noop_and_end(struct stage *t)
{
	noop(t);
	stage_end(t);
}

static void lists(struct stage *t)
{
	static const char *const all[] = {"*"};
	(void)stage_done(t, imap4_list_start(t->s, "", all, 1, NULL));
}

static void lists_twice(struct stage *t)
{
	lists(t);
	lists(t);
}

static void fetches(struct stage *t, const char *items)
{
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .by = IMAP4_BY_UID, .open_from = 1};
	stage_select(t, 0);
	(void)stage_done(t, imap4_fetch_start(t->s, NULL, items, &o));
}

static void fetches_bodies(struct stage *t)
{
	fetches(t, "BODY.PEEK[]");
}

static void fetches_bodies_then_noop(struct stage *t)
{
	fetches_bodies(t);
	noop(t);
}

/* The tag is another one in each session, so that the body cannot be written down. */
static void forged(struct stage *t)
{
	const imap4_fetch_opts o = {.struct_size = sizeof(o), .by = IMAP4_BY_UID, .open_from = 1};
	stage_select(t, 0);
	imap4_cmd *c = imap4_fetch_start(t->s, NULL, "BODY.PEEK[]", &o);
	while (imap4_cmd_wait(c, FAKE_WAIT_MS) == IMAP4_OK) {
		const imap4_data *d = imap4_cmd_next(c);
		if (!d)
			break;
		const imap4_node *body = imap4_message_item(imap4_data_message(d), "BODY[]");
		stage_logf(t, "body of %llu octets\n", (unsigned long long)imap4_node_size(body));
	}
	(void)stage_done(t, c);
	noop(t);
}

static void fetches_envelopes(struct stage *t)
{
	fetches(t, "ENVELOPE");
}

static void selects(struct stage *t)
{
	const imap4_select_opts o = {.struct_size = sizeof(o), .writable = 1};
	(void)stage_done(t, imap4_select_start(t->s, stage_str("INBOX"), &o));
	const imap4_selected *m = imap4_selected_mailbox(t->s);
	for (size_t i = 0; m && i < m->npermanent_flags; i++)
		stage_logf(t, "permanent %s\n", m->permanent_flags[i].ptr);
}

static void requeries(struct stage *t)
{
	static const char *const names[] = {"X-GREETING", "X-ASKED", "X-UNTAGGED", "X-CODE"};
	stage_ready(t);
	for (size_t i = 0; i < 4; i++)
		stage_logf(t, "%s %d\n", names[i], imap4_has(t->s, names[i]));
	stage_log_in(t, "LOGIN", "me", "secret");
	(void)stage_quiet(t, imap4_noop_start(t->s));
	for (size_t i = 0; i < 4; i++)
		stage_logf(t, "%s %d\n", names[i], imap4_has(t->s, names[i]));
}

/* imap4_close() is the end of it, as the end of a "with" is: nothing is sent behind a LOGOUT, and none by itself. */
static void closed(struct stage *t)
{
	(void)stage_quiet(t, imap4_noop_start(t->s));
}

static void logged_out(struct stage *t)
{
	(void)stage_done(t, imap4_logout_start(t->s));
	stage_end(t);
}

static void short_lines(imap4_options *o)
{
	o->max_response = 64; /* the least there is */
}

static void small_literals(imap4_options *o)
{
	o->max_literal = 10;
}

#define X57 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct stage_row greetings[] = {
	/* imaplib reads a line as far as it goes and then says that it is not terminated; here the connection is over. */
	{"EOF_without_complete_welcome_message (issue5949)", "S+ * OK\nCLOSE\n", opens,
		"dead IMAP4_E_CLOSED\n", NULL},
	{"invalid_greeting POP3", "S: +OK POP3 server ready\n", opens, "dead IMAP4_E_PROTO\n",
		NULL},
	{"invalid_greeting BYE", "S: * BYE no service\n", opens, "dead IMAP4_E_BYE\n", NULL},
	{"invalid_greeting +", "S: +\n", opens, "dead IMAP4_E_PROTO\n", NULL},
	{"connect", "S: * OK IMAP4rev1\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: $ OK x\n",
		opens, "ready NOT_AUTHENTICATED\n", NULL},
	{"connect, and one is known already", HELLO, opens, "ready AUTHENTICATED\n", NULL},
	{"with_statement", HELLO "C: NOOP\nS: $ OK done\nEOF\n", closed, "", NULL},
	{"with_statement_logout", HELLO "C: LOGOUT\nS: * BYE so long\nS: $ OK done\nEOF\n",
		logged_out,
		"unasked BYE text=so long\n"
		"OK done\n"
		"LOGGED_OUT IMAP4_E_CLOSED\n",
		NULL},
	/* imaplib refuses a line that ends in LF alone. Servers and proxies exist that write them; what is inside a line
	 * cannot hold an LF, so that nothing can be read in two ways. */
	{"line_termination",
		"S: * OK IMAP4rev1\nC: CAPABILITY\nS+ * CAPABILITY IMAP4rev1 AUTH\\n\nS: $ OK x\n"
		"C: NOOP\nS+ * OK still here\\n\nS+ $ OK done\\n\n",
		noop, "unasked OK text=still here\nOK done\n", NULL},
	{"linetoolong: at the limit", "S: * OK [CAPABILITY IMAP4rev1] " X57 "\n", opens,
		"dead IMAP4_E_LIMIT\n", short_lines},
	{"linetoolong: below it",
		"S: * PREAUTH [CAPABILITY IMAP4rev1] xx\nC: NOOP\nS: * OK 3" X57 "x\nS: $ OK\n",
		noop, "unasked OK text=3" X57 "x\nOK \n", short_lines},
	{"linetoolong: one beyond",
		"S: * PREAUTH [CAPABILITY IMAP4rev1] xx\nC: NOOP\nS: * OK 34" X57 "x\nS: $ OK\n",
		noop, "IMAP4_E_LIMIT\n", short_lines},
	{"linetoolong: no end in sight",
		"S: * PREAUTH [CAPABILITY IMAP4rev1] xx\nC: NOOP\nS+ * OK \nLITERAL x 4000\n", noop,
		"IMAP4_E_LIMIT\n", short_lines},
};

Test(imaplib_wire, greetings_and_lines)
{
	stage_check(greetings, sizeof(greetings) / sizeof(greetings[0]), STAGE_BOTH);
}

static void short_greeting(imap4_options *o)
{
	o->connect_ms = 50;
}

static void short_answers(imap4_options *o)
{
	o->idle_ms = 50;
}

/* The server says nothing, however long it is waited for. Over TLS the handshake would need its time, too. */
static const struct stage_row silences[] = {
	{"timeout_test: no greeting", "EOF\n", opens, "dead IMAP4_E_TIMEOUT\n", short_greeting},
	{"timeout_functionality_test: no answer", HELLO "C: NOOP\nEOF\n", noop, "IMAP4_E_TIMEOUT\n",
		short_answers},
};

Test(imaplib_wire, timeouts)
{
	stage_check(silences, sizeof(silences) / sizeof(silences[0]), STAGE_PLAIN);
}

static const struct stage_row untagged[] = {
	/* Framing and content: what is no response is not fatal, for servers exist that say such lines; a tag that nobody
	 * waits for is. */
	{"unexpected response", HELLO "C: NOOP\nS: what is this\nS: $ OK done\n", noop,
		"unasked !OTHER  ()\nOK done\n", NULL},
	{"unexpected tagged response", HELLO "C: NOOP\nS: A99 OK not yours\nS: $ OK done\n", noop,
		"IMAP4_E_PROTO\n", NULL},
	{"unexpected tagged response: the one before again",
		HELLO "C: NOOP\nS: $ OK done\nS: $ OK done\nEOF\n", noop_and_end,
		"OK done\nDEAD IMAP4_E_PROTO\n", NULL},
	{"spurious_blank_lines",
		HELLO
		"C: NOOP\nS: \nS: * 3 EXISTS\nS: \nS: \nS: $ OK done\nS: \nC: NOOP\nS: $ OK x\n",
		noop_twice, "unasked EXISTS 3\nOK done\nOK x\n", NULL},
	{"BYE outside LOGOUT", HELLO "C: NOOP\nS: * BYE [UNAVAILABLE] shutting down\n",
		noop_and_end,
		"unasked BYE code=13 atom=UNAVAILABLE text=shutting down\n"
		"IMAP4_E_BYE [UNAVAILABLE] shutting down\n"
		"DEAD IMAP4_E_BYE [UNAVAILABLE] shutting down\n",
		NULL},
	/* The data of a code run to the last bracket of a list of flags. */
	{"bracket_flags",
		HELLO "C: SELECT INBOX\nS: * FLAGS (\\Seen Test] [x])\nS: * 0 EXISTS\n"
		      "S: * OK [PERMANENTFLAGS (\\Answered Test] [test] \\*)] Limited\n"
		      "S: $ OK [READ-WRITE] SELECT completed\n",
		selects,
		"  FLAGS ((\\Seen Test] [x]))\n"
		"  EXISTS 0\n"
		"  OK code=6 atom=PERMANENTFLAGS args=(\\Answered Test] [test] \\*) text=Limited\n"
		"OK [READ-WRITE] SELECT completed\n"
		"permanent \\Answered\n"
		"permanent Test]\n"
		"permanent [test]\n"
		"permanent \\*\n",
		NULL},
	{"untagged of all sorts",
		HELLO
		"C: NOOP\nS: * 4 EXISTS\nS: * 1 RECENT\nS: * OK [X-Y a] b\nS: * OK [ALERT] mind\n"
		"S: * XNEW (a \"b\" {1\nS: $ NO [X-Z] not now\n",
		noop,
		"unasked EXISTS 4\n"
		"unasked RECENT 1\n"
		"unasked OK code=1 atom=X-Y args=a text=b\n"
		"alert mind\n"
		"unasked OK code=2 atom=ALERT text=mind\n"
		"unasked !OTHER XNEW ((a \"b\" {1))\n"
		"IMAP4_E_NO [X-Z] not now\n",
		NULL},
	{"login_ and requery_capabilities: untagged",
		"S: * OK [CAPABILITY IMAP4rev1 X-GREETING] hi\nC: LOGIN me secret\n"
		"S: * CAPABILITY IMAP4rev1 X-UNTAGGED\nS: $ OK in\nC: NOOP\nS: $ OK x\n",
		requeries,
		"ready NOT_AUTHENTICATED\n"
		"X-GREETING 1\n"
		"X-ASKED 0\n"
		"X-UNTAGGED 0\n"
		"X-CODE 0\n"
		"unasked CAPABILITY (IMAP4rev1 X-UNTAGGED)\n"
		"OK in\n"
		"X-GREETING 0\n"
		"X-ASKED 0\n"
		"X-UNTAGGED 1\n"
		"X-CODE 0\n",
		NULL},
	{"login_ and greeting_capabilities: code",
		"S: * OK [CAPABILITY IMAP4rev1 X-GREETING] hi\nC: LOGIN me secret\n"
		"S: $ OK [CAPABILITY IMAP4rev1 X-CODE] in\nC: NOOP\nS: $ OK x\n",
		requeries,
		"ready NOT_AUTHENTICATED\n"
		"X-GREETING 1\n"
		"X-ASKED 0\n"
		"X-UNTAGGED 0\n"
		"X-CODE 0\n"
		"OK [CAPABILITY IMAP4rev1 X-CODE] in\n"
		"X-GREETING 0\n"
		"X-ASKED 0\n"
		"X-UNTAGGED 0\n"
		"X-CODE 1\n",
		NULL},
	{"requery_capabilities: asked again",
		"S: * OK hi\nC: CAPABILITY\nS: * CAPABILITY imap4rev1 x-asked\nS: $ OK x\n"
		"C: LOGIN me secret\nS: $ OK in\nC: CAPABILITY\n"
		"S: * CAPABILITY IMAP4rev1 X-UNTAGGED\nS: $ OK x\nC: NOOP\nS: $ OK x\n",
		requeries,
		"ready NOT_AUTHENTICATED\n"
		"X-GREETING 0\n"
		"X-ASKED 1\n"
		"X-UNTAGGED 0\n"
		"X-CODE 0\n"
		"OK in\n"
		"X-GREETING 0\n"
		"X-ASKED 0\n"
		"X-UNTAGGED 1\n"
		"X-CODE 0\n",
		NULL},
};

Test(imaplib_wire, untagged_responses)
{
	stage_check(untagged, sizeof(untagged) / sizeof(untagged[0]), STAGE_BOTH);
}

static const struct stage_row literals[] = {
	{"extra_blank_line_after_literal",
		OPEN
		"C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 1 BODY[] {3}\\r\\nabc)\\r\\n\\r\\n\nS: $ OK x\n"
		"C: NOOP\nS: $ OK y\n",
		fetches_bodies_then_noop,
		"  FETCH seq=1 uid=1 body section= (UID 1 BODY[] \"abc\")\n"
		"OK x\n"
		"OK y\n",
		NULL},
	{"literal_terminating_response",
		HELLO "C: LIST \"\" \"*\"\nS+ * LIST () \"/\" {5}\\r\\nINBOX\\r\\n\nS: $ OK x\n"
		      "C: LIST \"\" \"*\"\nS+ * LIST () \"/\" {1}\\r\\na\\r\\n\\r\\n"
		      "* LIST () \"/\" {1+}\\r\\nb\\r\\n\nS: $ OK x\n",
		lists_twice,
		"  LIST name=INBOX delimiter=/\n"
		"OK x\n"
		"  LIST name=a delimiter=/\n"
		"  LIST name=b delimiter=/\n"
		"OK x\n",
		NULL},
	{"several literals in one reply",
		OPEN
		"C~ UID FETCH 1:.*\nS+ * 1 FETCH (BODY[HEADER] {2}\\r\\na\\n BODY[TEXT] {0}\\r\\n "
		"X {1}\\r\\n) UID 7)\\r\\n\nS: $ OK x\n",
		fetches_bodies,
		"  FETCH seq=1 uid=7 body section=HEADER section=TEXT (BODY[HEADER] \"a\n"
		"\" BODY[TEXT] \"\" X \")\" UID 7)\n"
		"OK x\n",
		NULL},
	{"literals inside ENVELOPE",
		OPEN
		"C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 ENVELOPE (NIL {7}\\r\\na \"b\" ( NIL NIL NIL "
		"NIL NIL NIL NIL {3}\\r\\n<x>))\\r\\n\nS: $ OK x\n",
		fetches_envelopes,
		"  FETCH seq=1 uid=7 (UID 7 ENVELOPE (NIL \"a \"b\" (\" NIL NIL NIL NIL NIL NIL NIL \"<x>\"))\n"
		"OK x\n",
		NULL},
	{"the limit of a literal is not that of a line",
		OPEN "C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 BODY[] {5000}\\r\\n\nLITERAL x 5000\n"
		     "S: )\nS: $ OK x\nC: NOOP\nS: $ OK y\n",
		fetches_bodies_then_noop,
		"  FETCH seq=1 uid=7 body section= (UID 7 BODY[] <5000>)\n"
		"OK x\n"
		"OK y\n",
		short_lines},
	{"a literal larger than allowed is skipped",
		OPEN "C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 BODY[] {11}\\r\\n01234567890)\\r\\n"
		     "* 2 FETCH (UID 8 BODY[] {10}\\r\\n0123456789)\\r\\n\n"
		     "S: $ OK x\nC: NOOP\nS: $ OK y\n",
		fetches_bodies_then_noop,
		"  FETCH seq=1 uid=7 body section= (UID 7 BODY[] <11>)\n"
		"  FETCH seq=2 uid=8 body section= (UID 8 BODY[] \"0123456789\")\n"
		"OK x\n"
		"OK y\n",
		small_literals},
	/* A name of a mailbox cannot be skipped: without it the response means something else. */
	{"a literal that must be kept", HELLO "C: LIST \"\" \"*\"\nS: * LIST () \"/\" {11}\n",
		lists, "IMAP4_E_LIMIT\n", small_literals},
	{"a literal of no number", HELLO "C: LIST \"\" \"*\"\nS: * LIST () \"/\" {-1}\n", lists,
		"IMAP4_E_PROTO\n", NULL},
	/* The literal holds what would end the command, with the right tag, and is as long as that. */
	{"forged tagged lines in a body",
		OPEN
		"C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 BODY[] {35}\\r\\n)\\r\\n* BYE x\\r\\n\n"
		"S+ $ OK forged\\r\\n\nS: )\nS: $ OK x\nC: NOOP\nS: $ OK y\n",
		forged,
		"body of 35 octets\n"
		"OK x\nOK y\n",
		NULL},
	{"~{n}",
		OPEN
		"C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 BODY[] ~{4}\\r\\na\\0b\\0)\\r\\n\nS: $ OK x\n",
		fetches_bodies,
		"  FETCH seq=1 uid=7 body section= (UID 7 BODY[] \"a.b.\")\n"
		"OK x\n",
		NULL},
	{"{n+} from a server",
		OPEN
		"C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 BODY[] {3+}\\r\\nabc)\\r\\n\nS: $ OK x\n",
		fetches_bodies,
		"  FETCH seq=1 uid=7 body section= (UID 7 BODY[] \"abc\")\n"
		"OK x\n",
		NULL},
	{"NIL for a body", OPEN "C~ UID FETCH 1:.*\nS: * 1 FETCH (UID 7 BODY[] NIL)\nS: $ OK x\n",
		fetches_bodies,
		"  FETCH seq=1 uid=7 body-nil section= (UID 7 BODY[] NIL)\n"
		"OK x\n",
		NULL},
};

Test(imaplib_wire, literals)
{
	stage_check(literals, sizeof(literals) / sizeof(literals[0]), STAGE_BOTH);
}

/* ---- literals that are longer than what follows ---------------------------------------------------------- */

static void all_literals_are_kept(imap4_options *o)
{
	o->max_literal = o->max_response = SIZE_MAX;
}

struct truncated {
	const char *before; /* the literal */
	void (*play)(struct stage *t);
	imap4_err err; /* where there is no bound: none may be allocated before it has come */
};

/* truncated_large_literal: from 2^15 octets to 2^63, where a size ends to be one (RFC 9051 section 9, number64). */
Test(imaplib_wire, truncated_large_literal, .timeout = 60)
{
	static const struct truncated rows[] = {
		{OPEN "C~ UID FETCH 1:.*\nS+ * 1 FETCH (UID 7 BODY[] ", fetches_bodies,
			IMAP4_E_CLOSED},
		{HELLO "C: LIST \"\" \"*\"\nS+ * LIST () \"/\" ", lists, IMAP4_E_CLOSED},
	};
	static const int powers[] = {15, 16, 20, 31, 32, 33, 40, 48, 61, 62, 63};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t k = 0; k < sizeof(powers) / sizeof(powers[0]); k++) {
			char script[500], log[60];
			(void)snprintf(script, sizeof(script), "%s{%llu}\\r\\nshort\nCLOSE\n",
				rows[i].before, 1ULL << powers[k]);
			imap4_err err = powers[k] == 63 ? IMAP4_E_PROTO : rows[i].err;
			(void)snprintf(log, sizeof(log), "%s\n", imap4_err_name(err));
			const struct stage_row row = {
				rows[i].before, script, rows[i].play, log, all_literals_are_kept};
			stage_check(&row, 1, STAGE_BOTH);
		}
	}
}

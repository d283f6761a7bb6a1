/* SPDX-License-Identifier: MIT */
/*
 * test_cmd_raw.c -- commands that the library does not know: every type of argument in every form, nothing pasted, and whose
 * the answers are. PROXYAUTH and PARTIAL.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/engine_rig.h"

#define BARE(kind)                                                                                 \
	{                                                                                          \
		.type = IMAP4_ARG_##kind                                                           \
	}
#define ARG(kind, ...)                                                                             \
	{                                                                                          \
		.type = IMAP4_ARG_##kind, __VA_ARGS__                                              \
	}
#define TEXT(kind, s)                                                                              \
	{                                                                                          \
		.type = IMAP4_ARG_##kind, .text = { s, sizeof(s) - 1 }                             \
	}
#define OPTS(...)                                                                                  \
	&(imap4_raw_opts)                                                                          \
	{                                                                                          \
		.struct_size = sizeof(imap4_raw_opts), __VA_ARGS__                                 \
	}
#define CLAIMS(...)                                                                                \
	.claims = (const char *const[]){__VA_ARGS__},                                              \
	.nclaims = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define LONGEST	     "A234567890123456789012345678901234567890123456789012345678901234"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static imap4_cmd *plain(struct rig *r, const char *name, const imap4_raw_opts *o)
{
	return imap4_raw_start(r->session, name, NULL, 0, o);
}

static void every_type(struct rig *r)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	cr_assert_eq(uidset_add_range(&set, 3, 9, &e), 0);
	const imap4_arg arg[] = {TEXT(ATOM, "a.b"), ARG(NUMBER, .number = UINT64_MAX),
		TEXT(ASTRING, "x]"), TEXT(ASTRING, "a b"), TEXT(ASTRING, ""), TEXT(STRING, "x"),
		BARE(STRING), TEXT(LITERAL, "a\r\n"), TEXT(LITERAL8, "\0"), BARE(NIL),
		BARE(LIST_BEGIN), BARE(LIST_BEGIN), BARE(LIST_END), TEXT(FLAG, "\\Seen"),
		TEXT(FLAG, "key"), BARE(LIST_BEGIN), BARE(NIL), BARE(LIST_END), BARE(LIST_END),
		TEXT(FLAGS, " \\Seen  key "), BARE(FLAGS), ARG(SET, .set = &set),
		ARG(SET, .number = 5), ARG(SET, .set = &set, .number = 20), TEXT(MAILBOX, "a\"b"),
		TEXT(PATTERN, "%/*"), ARG(DATE_TIME, .seconds = 837596665, .zone_minutes = -420),
		TEXT(FETCH_ITEMS, "flags BODY[1.MIME]<0.5>"), TEXT(SECRET, "pass word")};
	imap4_cmd *c = imap4_raw_start(r->session, "uid xname", arg, COUNT(arg), NULL);
	uidset_release(&set);
	rig_say(r, "$1 NO not with pass word\r\n");
	rig_finish(r, c);
	rig_logf(r, "secret %d\n", r->secret);
}

static void nothing_is_pasted(struct rig *r)
{
	static const imap4_arg bad[] = {TEXT(ATOM, ""), TEXT(ATOM, "a b"), TEXT(ATOM, "a\r\nb"),
		TEXT(ATOM, "("), BARE(ATOM), TEXT(ASTRING, "a\0"), TEXT(STRING, "\0"),
		TEXT(LITERAL, "\0"), TEXT(FLAG, "a b"), TEXT(FLAG, ""), TEXT(FLAG, "\\"),
		TEXT(FLAGS, "a) ("), TEXT(FLAGS, "a\r\nb"), BARE(SET),
		ARG(SET, .number = UINT64_C(1) << 32), TEXT(MAILBOX, "\0"), TEXT(PATTERN, "\0"),
		ARG(DATE_TIME, .seconds = INT64_MAX), ARG(DATE_TIME, .zone_minutes = 1440),
		TEXT(FETCH_ITEMS, "FLAGS) x"), TEXT(SECRET, "\0"), {.type = (imap4_arg_type)99}};
	for (size_t i = 0; i < COUNT(bad); i++) {
		imap4_cmd *c = imap4_raw_start(r->session, "X", &bad[i], 1, NULL);
		rig_logf(r, "%zu: ", i);
		rig_finish(r, c);
	}
	static const imap4_arg nested[] = {BARE(LIST_BEGIN), BARE(LIST_END), BARE(LIST_END)};
	rig_finish(r, imap4_raw_start(r->session, "X", nested, 3, NULL));
	rig_finish(r, imap4_raw_start(r->session, "X", nested, 1, NULL));
}

static void names(struct rig *r)
{
	static const char *const bad[] = {"", " X", "X ", "X Y Z", "X\r\nY", "UID  X", "X(",
		"X\x80", "LOGOUT", "select", "Idle", "StartTLS", LONGEST "5"};
	for (size_t i = 0; i < COUNT(bad); i++)
		rig_finish(r, plain(r, bad[i], NULL));
	rig_finish(r, plain(r, NULL, NULL));
	rig_finish(r, imap4_raw_start(r->session, "X", NULL, 1, NULL));
	rig_finish(r, plain(r, "X", OPTS(.state = 3)));
	rig_finish(r, plain(r, "X", OPTS(.nclaims = 1)));
	rig_finish(r, plain(r, "X", OPTS(CLAIMS("A", NULL))));
	imap4_cmd *c =
		plain(r, "A234567890123456789012345678901234567890123456789012345678901234", NULL);
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

static void literals_wait(struct rig *r)
{
	static const imap4_arg arg[] = {TEXT(LITERAL, "one"), TEXT(LITERAL8, "two")};
	imap4_cmd *c = imap4_raw_start(r->session, "X", arg, 2, NULL), *d = plain(r, "Y", NULL);
	rig_pump(r);
	rig_logf(r, "sent %zu\n", r->sent.len);
	rig_say(r, "+ go\r\n");
	rig_logf(r, "sent %zu\n", r->sent.len);
	rig_say(r, "+ go\r\n");
	rig_say(r, "$1 OK x\r\n$2 BAD x\r\n");
	rig_finish(r, c);
	rig_finish(r, d);
}

static void claimed_names(struct rig *r)
{
	imap4_cmd *c = plain(r, "XGET", OPTS(CLAIMS("XDATA", "acl")));
	rig_say(r, "* xdata 1\r\n* OTHER 2\r\n* ACL a b\r\n* 5 XDATA (3)\r\n* OK x\r\n$1 OK x\r\n");
	rig_finish(r, c);
	c = plain(r, "XSET", NULL);
	rig_say(r, "* XDATA 1\r\n$2 OK x\r\n");
	rig_finish(r, c);
}

static void everything(struct rig *r)
{
	imap4_cmd *before = imap4_noop_start(r->session), *c = plain(r, "XALL", OPTS(CLAIMS("*"))),
		  *after = imap4_noop_start(r->session);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r,
		"* OK [X] y\r\n* 3 EXISTS\r\n* LIST () \"/\" a\r\n* 1 FETCH (BODY[] {3}\r\nabc UID 4)\r\n");
	rig_say(r, "$2 OK x\r\n");
	rig_say(r, "* 4 EXISTS\r\n$3 OK x\r\n");
	rig_finish(r, before);
	rig_finish(r, c);
	rig_finish(r, after);
}

static void a_bye_is_a_bye(struct rig *r)
{
	imap4_cmd *c = plain(r, "XALL", OPTS(CLAIMS("*")));
	rig_say(r, "* BYE gone\r\n");
	rig_finish(r, c);
}

static void alone_with_its_data(struct rig *r)
{
	imap4_cmd *c[] = {imap4_capability_start(r->session), plain(r, "A", NULL),
		plain(r, "B", NULL), plain(r, "C", OPTS(CLAIMS("X"))),
		plain(r, "D", OPTS(CLAIMS("Y"))), imap4_capability_start(r->session),
		plain(r, "E", NULL)};
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$2 OK x\r\n$3 OK x\r\n$4 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$5 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$6 OK x\r\n$7 OK x\r\n");
	for (size_t i = 0; i < COUNT(c); i++)
		rig_finish(r, c[i]);
}

static void barriers(struct rig *r)
{
	static const imap4_arg set[] = {ARG(SET, .number = 1)};
	imap4_cmd *c[] = {plain(r, "A", NULL), plain(r, "B", OPTS(.barrier = 1)),
		imap4_raw_start(r->session, "XN", set, 1, NULL),
		imap4_raw_start(r->session, "UID XN", set, 1, NULL), plain(r, "C", NULL)};
	for (size_t i = 0; i < 3; i++) {
		char line[16] = "$1 OK x\r\n";
		rig_pump(r);
		rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
		line[1] = (char)('1' + i);
		rig_say(r, line);
	}
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$4 OK x\r\n$5 OK x\r\n");
	for (size_t i = 0; i < COUNT(c); i++)
		rig_finish(r, c[i]);
}

static void states(struct rig *r)
{
	imap4_cmd *c = plain(r, "X", OPTS(.state = IMAP4_RAW_SELECTED)),
		  *d = plain(r, "Y", OPTS(.needs = "XY")),
		  *e = plain(r, "Z", OPTS(.needs = "idle"));
	rig_pump(r);
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, c);
	rig_finish(r, d);
	rig_finish(r, e);
}

static void before_the_login(struct rig *r)
{
	rig_say(r, "* OK [CAPABILITY IMAP4rev1] hello\r\n");
	engine_set_state(r->engine, IMAP4_NOT_AUTHENTICATED);
	engine_open_gate(r->engine);
	imap4_cmd *c = plain(r, "X", OPTS(.state = IMAP4_RAW_ANY_STATE));
	rig_say(r, "$1 OK x\r\n");
	imap4_cmd *d = plain(r, "Y", NULL);
	rig_pump(r);
	rig_finish(r, c);
	rig_finish(r, d);
}

static void given_up(struct rig *r)
{
	static const imap4_arg secret[] = {TEXT(SECRET, "secret")};
	imap4_cmd *c = imap4_raw_start(r->session, "A", secret, 1, OPTS(CLAIMS("X")));
	imap4_cmd *queued = plain(r, "B", OPTS(CLAIMS("X")));
	rig_pump(r);
	imap4_cmd_free(c);
	imap4_cmd_free(queued);
	rig_say(r, "* X 1\r\n$1 NO secret\r\n");
	imap4_cmd *d = plain(r, "C", NULL);
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, d);
	c = plain(r, "D", NULL);
	rig_pump(r);
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end");
	rig_finish(r, c);
}

static imap4_cmd *started_inside;

static void start_another(struct rig *r, const imap4_data *d)
{
	(void)d;
	if (started_inside == NULL)
		started_inside = plain(r, "INSIDE", NULL);
}

static void inside_a_callback(struct rig *r)
{
	started_inside = NULL;
	r->on_unasked = start_another;
	imap4_cmd *c = plain(r, "X", NULL);
	rig_say(r, "* NEWS 1\r\n$1 OK x\r\n");
	rig_say(r, "$2 OK x\r\n");
	rig_finish(r, c);
	rig_finish(r, started_inside);
}

static void backup(struct rig *r)
{
	rig_finish(r, plain(r, "X", NULL));
	rig_finish(r, imap4_partial_start(r->session, 1, "RFC822", 1, 1));
	imap4_cmd *c = imap4_proxyauth_start(r->session, "fred");
	rig_say(r, "$1 OK x\r\n");
	rig_finish(r, c);
}

/* ---- PROXYAUTH, PARTIAL ----------------------------------------------------------------------------------- */

static void proxyauth(struct rig *r)
{
	imap4_cmd *c[] = {imap4_noop_start(r->session), imap4_proxyauth_start(r->session, "fred b"),
		imap4_proxyauth_start(r->session, "")};
	rig_pump(r);
	rig_say(r, "$1 OK x\r\n");
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r, "$2 OK x\r\n");
	rig_say(r, "$3 NO x\r\n");
	for (size_t i = 0; i < 3; i++)
		rig_finish(r, c[i]);
	rig_finish(r, imap4_proxyauth_start(r->session, NULL));
}

static imap4_cmd *partial(struct rig *r, uint32_t seq, const char *item, uint32_t first, uint32_t n)
{
	return imap4_partial_start(r->session, seq, item, first, n);
}

static void partials(struct rig *r)
{
	engine_set_state(r->engine, IMAP4_SELECTED);
	imap4_cmd *c = partial(r, 4, "RFC822", 1, 1024),
		  *d = partial(r, 1, "body.peek[1.MIME]", 2, 3);
	rig_pump(r);
	rig_logf(r, "in flight %zu\n", engine_in_flight(r->engine));
	rig_say(r,
		"* 3 FETCH (FLAGS ())\r\n* 3 FETCH (RFC822 {2}\r\nno)\r\n"
		"* 4 FETCH (RFC822 {11}\r\nReturn-Path)\r\n$1 OK x\r\n");
	rig_say(r, "* 1 FETCH (BODY[1.MIME] \"abc\")\r\n$2 OK x\r\n");
	rig_finish(r, c);
	rig_finish(r, d);
	static const char *const bad[] = {"FLAGS", "BODY[]<0.1>", "BODY[1) (X]", "BODY[", "",
		"BODY[\r\n]", "RFC822 X", "BODY.PEEK[", "BODY[1] "};
	for (size_t i = 0; i < COUNT(bad); i++)
		rig_finish(r, partial(r, 1, bad[i], 1, 1));
	rig_finish(r, partial(r, 1, NULL, 1, 1));
	rig_finish(r, partial(r, 0, "RFC822", 1, 1));
	rig_finish(r, partial(r, 1, "RFC822", 0, 1));
	rig_finish(r, partial(r, 1, "RFC822", 1, 0));
}

/* ------------------------------------------------------------------------------------------------------------- */

struct row {
	const char *name;
	void (*play)(struct rig *r);
	struct rig_options o;
	const char *sent, *log;
};
#define ROW(play)  #play, play
#define DONE(verb) "IMAP4_OK " verb " succeeded\n"
#define BAD(why)   "not started IMAP4_E_ARG: command: " why "\n"
#define CHARS	   BAD("a name has characters that cannot be sent")
#define NUL	   BAD("a text has a NUL octet, which IMAP cannot carry")
#define NO_ITEM	   "not started IMAP4_E_ARG: PARTIAL: no such item\n"
#define FROM_1	   "not started IMAP4_E_ARG: PARTIAL: messages and octets count from 1\n"

static const struct row rows[] = {
	{ROW(every_type), {.caps = "LITERAL+"},
		"$1 UID XNAME a.b 18446744073709551615 x] \"a b\" \"\" \"x\" NIL {3+}\r\na\r\n ~{1+}\r\n<NUL> NIL "
		"(() \\Seen key (NIL)) (\\Seen key) () 3:9 5:* 3:9,20:* \"a\\\"b\" \"%/*\" "
		"\"17-Jul-1996 02:44:25 -0700\" (flags BODY[1.MIME]<0.5>) \"pass word\"\r\n",
		"IMAP4_E_NO UID XNAME was refused: not with *********\nsecret 1\n"},
	{ROW(nothing_is_pasted), {.caps = "LITERAL+"}, "",
		"0: " CHARS "1: " CHARS "2: " CHARS "3: " CHARS "4: " CHARS "5: " NUL "6: " NUL
		"7: " NUL "8: " CHARS "9: " CHARS "10: " CHARS "11: " CHARS "12: " CHARS
		"13: " BAD("the set of messages is empty") "14: " BAD(
			"a set begins beyond all numbers") "15: " NUL "16: " NUL
							   "17: " BAD("a date cannot be written") "18: " BAD("a date cannot be written") "19: " BAD(
								   "FETCH items: there is something behind the list") "20: " NUL "21: " BAD("an argument has no such type")
								   BAD("a list ends that has not begun")
									   BAD("a list has no end")},
	{ROW(names), {0}, "$1 " LONGEST "\r\n",
		CHARS CHARS CHARS CHARS CHARS CHARS CHARS CHARS BAD("LOGOUT has a call of its own")
			BAD("SELECT has a call of its own") BAD("IDLE has a call of its own")
				BAD("STARTTLS has a call of its own")
					BAD("its name is longer than 64 octets") BAD(
						"an argument is missing or wrong")
						BAD("an argument is missing or wrong") BAD(
							"an argument is missing or wrong")
							BAD("an argument is missing or wrong") BAD(
								"a claimed response has no name")
								DONE(LONGEST)},
	{ROW(literals_wait), {0}, "$1 X {3}\r\none ~{3}\r\ntwo\r\n$2 Y\r\n",
		"sent 19\nsent 29\n" DONE(
			"X") "IMAP4_E_BAD Y was not understood by the server: x\n"},
	{ROW(claimed_names), {0}, "$1 XGET\r\n$2 XSET\r\n",
		"unasked * OTHER 2\nunasked * OK x\n  * xdata 1\n  * ACL a b\n  * 5 XDATA (3)\n" DONE(
			"XGET") "unasked * XDATA 1\n" DONE("XSET")},
	{ROW(everything), {0}, "$1 NOOP\r\n$2 XALL\r\n$3 NOOP\r\n",
		"in flight 1\nin flight 1\nunasked * 4 EXISTS\n" DONE(
			"NOOP") "  * OK [X] y\n  * 3 EXISTS\n  * LIST () \"/\" a\n  * 1 FETCH (BODY[] {3}\r\nabc UID 4)\n" DONE("XALL")
			DONE("NOOP")},
	{ROW(a_bye_is_a_bye), {0}, "$1 XALL\r\n",
		"unasked * BYE gone\nfailed bye: the server said BYE: gone\n"
		"IMAP4_E_BYE XALL: the server said BYE: gone\n"},
	{ROW(alone_with_its_data), {0},
		"$1 CAPABILITY\r\n$2 A\r\n$3 B\r\n$4 C\r\n$5 D\r\n$6 CAPABILITY\r\n$7 E\r\n",
		"in flight 3\nin flight 3\nin flight 1\nin flight 2\n" DONE("CAPABILITY") DONE("A")
			DONE("B") DONE("C") DONE("D") DONE("CAPABILITY") DONE("E")},
	{ROW(barriers), {0}, "$1 A\r\n$2 B\r\n$3 XN 1:*\r\n$4 UID XN 1:*\r\n$5 C\r\n",
		"in flight 1\nin flight 1\nin flight 1\nin flight 2\n" DONE("A") DONE("B")
			DONE("XN") DONE("UID XN") DONE("C")},
	{ROW(states), {.caps = "IDLE"}, "$2 Z\r\n",
		"IMAP4_E_STATE X failed: no mailbox is selected\n"
		"IMAP4_E_NOCAP Y failed: the server does not offer XY\n" DONE("Z")},
	{ROW(before_the_login), {.own_greeting = true}, "$1 X\r\n",
		DONE("X") "IMAP4_E_STATE Y failed: not logged in\n"},
	{ROW(given_up), {0}, "$1 A secret\r\n$2 C\r\n$3 D\r\n",
		DONE("C") "IMAP4_E_CLOSED D failed: the end\n"},
	{ROW(inside_a_callback), {0}, "$1 X\r\n$2 INSIDE\r\n",
		"unasked * NEWS 1\n" DONE("X") DONE("INSIDE")},
	{ROW(backup), {.policy = IMAP4_POLICY_BACKUP}, "$1 PROXYAUTH fred\r\n",
		"not started IMAP4_E_POLICY: command may change the mailbox: not during a backup\n"
		"not started IMAP4_E_POLICY: PARTIAL may change the mailbox: not during a backup\n" DONE(
			"PROXYAUTH")},
	{ROW(proxyauth), {0}, "$1 NOOP\r\n$2 PROXYAUTH \"fred b\"\r\n$3 PROXYAUTH \"\"\r\n",
		"in flight 1\n" DONE("NOOP")
			DONE("PROXYAUTH") "IMAP4_E_NO PROXYAUTH was refused: x\n"
					  "not started IMAP4_E_ARG: PROXYAUTH: no user\n"},
	{ROW(partials), {0}, "$1 PARTIAL 4 RFC822 1 1024\r\n$2 PARTIAL 1 body.peek[1.MIME] 2 3\r\n",
		"in flight 1\nunasked * 3 FETCH (FLAGS ())\nunasked * 3 FETCH (RFC822 {2}\r\n)\n"
		"  * 4 FETCH (RFC822 {11}\r\nReturn-Path)\n" DONE(
			"PARTIAL") "  * 1 FETCH (BODY[1.MIME] \"abc\")\n" DONE("PARTIAL")
			NO_ITEM NO_ITEM NO_ITEM NO_ITEM NO_ITEM NO_ITEM NO_ITEM NO_ITEM NO_ITEM
				NO_ITEM FROM_1 FROM_1 FROM_1},
};

Test(cmd_raw, sessions_go_as_written_however_they_are_cut, .timeout = 120)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}

/* SPDX-License-Identifier: MIT */
/* test_resp_state.c -- status lines, tags, continuations, and lines that are none of these. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

static const struct {
	const char *in, *out;
} lines[] = {
	{"* OK ready", "OK text=ready"},
	{"* OK", "OK text="},
	{"* OK ", "OK text="},
	{"*  ok   hello  there  ", "ok text=hello  there"},
	{"* PREAUTH hi", "PREAUTH text=hi"},
	{"* BYE see you", "BYE text=see you"},
	{"* BAD what", "BAD text=what"},
	{"* OK [ALERT] full", "OK code=2 atom=ALERT text=full"},
	{"* OK [alert]full", "OK code=2 atom=alert text=full"},
	{"* OK [UIDNEXT 4392] Predicted", "OK code=10 atom=UIDNEXT args=4392 text=Predicted"},
	{"* OK [HIGHESTMODSEQ 7]", "OK code=30 atom=HIGHESTMODSEQ args=7 text="},
	{"* OK [ UIDNEXT  7 ] x", "OK code=10 atom=UIDNEXT args=7 text=x"},
	{"* NO [X-NEW (a b)] no", "NO code=1 atom=X-NEW args=(a b) text=no"},
	{"* OK [PERMANENTFLAGS (\\Seen a]b \\*)] Limited",
		"OK code=6 atom=PERMANENTFLAGS args=(\\Seen a]b \\*) text=Limited"},
	{"* OK [PERMANENTFLAGS (a] b", "OK code=6 atom=PERMANENTFLAGS args=(a text=b"},
	{"t BAD [BADCHARSET (US-ASCII \"[a \\\"]\")] no",
		"t BAD code=3 atom=BADCHARSET args=(US-ASCII \"[a \\\"]\") text=no"},
	{"* NO [X-NEW \"a] b\"] t", "NO code=1 atom=X-NEW args=\"a] b\" text=t"},
	{"* NO [REFERRAL imap://a@[2001:db8::1]:99/x imap://[::1]/] there",
		"NO code=48 atom=REFERRAL args=imap://a@[2001:db8::1]:99/x imap://[::1]/ text=there"},
	{"* NO [REFERRAL imap://[::1]] t", "NO code=48 atom=REFERRAL args=imap://[::1] text=t"},
	{"* NO [REFERRAL imap://[::1/] t] x",
		"NO code=48 atom=REFERRAL args=imap://[::1/ text=t] x"},
	{"* NO [REFERRAL imap://[::1 a] t] x",
		"NO code=48 atom=REFERRAL args=imap://[::1 a text=t] x"},
	{"* NO [REFERRAL imap://[a] t] x", "NO code=48 atom=REFERRAL args=imap://[a text=t] x"},
	{"* NO [X-NEW a[::1] t] x", "NO code=1 atom=X-NEW args=a[::1 text=t] x"},
	{"* OK [ALERT no end", "!OK text=[ALERT no end"},
	{"* OK []", "OK text="},
	{"* OK [] x]", "OK text=x]"},
	{"* OK {12}", "OK text={12}"},
	{"* [COPYUID 1 2 3] done", "OK code=35 atom=COPYUID args=1 2 3 text=done"},
	{"[COPYUID 1 2 3]", "OK code=35 atom=COPYUID args=1 2 3 text="},
	{"A142 OK [READ-WRITE] SELECT completed",
		"A142 OK code=8 atom=READ-WRITE text=SELECT completed"},
	{"A OK", "A OK text="},
	{"a  no  [overquota]  full ", "a no code=27 atom=overquota text=full"},
	{"b BAD [CLIENTBUG] x", "b BAD code=24 atom=CLIENTBUG text=x"},
	{"+ Ready", "+ Ready"},
	{"+", "+ "},
	{"+ ", "+ "},
	{"+  YQ==", "+ YQ=="},
	{"+idling", "+ idling"},
	/* no response at all */
	{"Server Unavailable. 15", "!OTHER  ()"},
	{"a", "!OTHER  ()"},
	{"a BYE x", "!OTHER  ()"},
	{"a PREAUTH x", "!OTHER  ()"},
	{"a OKAY x", "!OTHER  ()"},
	{" OK x", "!OTHER  ()"},
	{"", "!OTHER  ()"},
	{"*", "OTHER  ()"},
	{"* 5 OK x", "OTHER OK 5 (x)"},
};

Test(resp_state, reads_status_lines)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		cr_assert_str_eq(resp_dump_line(&out, lines[i].in), lines[i].out, "\"%s\": %s",
			lines[i].in, buf_str(&out));
	buf_release(&out);
}

Test(resp_state, keeps_the_text_of_a_line_as_it_came)
{
	struct err e = ERR_INIT;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct imap4_data *d =
			resp_parse(slice_str(lines[i].in), NULL, 0, &lexer_log_limits, &e);
		if (resp_type(d) != RESP_CONTINUE)
			cr_assert(slice_eq_str(resp_text(d), lines[i].in), "%s", lines[i].in);
		resp_free(d);
	}
}

/* Every prefix of every line must be read without a crash; the last octet of the copy is the last that may be read. */
Test(resp_state, reads_every_beginning_of_a_line)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		for (size_t n = 0; n <= strlen(lines[i].in); n++) {
			char *cut = strndup(lines[i].in, n);
			cr_assert_not_null(resp_dump_line(&out, cut));
			free(cut);
		}
	}
	buf_release(&out);
}

Test(resp_state, knows_each_code_in_any_case)
{
	static const struct {
		const char *name;
		imap4_code code;
	} codes[] = {
		{"ALERT", IMAP4_CODE_ALERT},
		{"badcharset", IMAP4_CODE_BADCHARSET},
		{"Capability", IMAP4_CODE_CAPABILITY},
		{"PARSE", IMAP4_CODE_PARSE},
		{"PERMANENTFLAGS", IMAP4_CODE_PERMANENTFLAGS},
		{"READ-ONLY", IMAP4_CODE_READ_ONLY},
		{"READ-WRITE", IMAP4_CODE_READ_WRITE},
		{"TRYCREATE", IMAP4_CODE_TRYCREATE},
		{"UIDNEXT", IMAP4_CODE_UIDNEXT},
		{"UIDVALIDITY", IMAP4_CODE_UIDVALIDITY},
		{"UNSEEN", IMAP4_CODE_UNSEEN},
		{"UNAVAILABLE", IMAP4_CODE_UNAVAILABLE},
		{"AUTHENTICATIONFAILED", IMAP4_CODE_AUTHENTICATIONFAILED},
		{"AUTHORIZATIONFAILED", IMAP4_CODE_AUTHORIZATIONFAILED},
		{"EXPIRED", IMAP4_CODE_EXPIRED},
		{"PRIVACYREQUIRED", IMAP4_CODE_PRIVACYREQUIRED},
		{"CONTACTADMIN", IMAP4_CODE_CONTACTADMIN},
		{"NOPERM", IMAP4_CODE_NOPERM},
		{"INUSE", IMAP4_CODE_INUSE},
		{"EXPUNGEISSUED", IMAP4_CODE_EXPUNGEISSUED},
		{"CORRUPTION", IMAP4_CODE_CORRUPTION},
		{"SERVERBUG", IMAP4_CODE_SERVERBUG},
		{"CLIENTBUG", IMAP4_CODE_CLIENTBUG},
		{"CANNOT", IMAP4_CODE_CANNOT},
		{"LIMIT", IMAP4_CODE_LIMIT},
		{"OVERQUOTA", IMAP4_CODE_OVERQUOTA},
		{"ALREADYEXISTS", IMAP4_CODE_ALREADYEXISTS},
		{"NONEXISTENT", IMAP4_CODE_NONEXISTENT},
		{"HIGHESTMODSEQ", IMAP4_CODE_HIGHESTMODSEQ},
		{"NOMODSEQ", IMAP4_CODE_NOMODSEQ},
		{"MODIFIED", IMAP4_CODE_MODIFIED},
		{"CLOSED", IMAP4_CODE_CLOSED},
		{"APPENDUID", IMAP4_CODE_APPENDUID},
		{"COPYUID", IMAP4_CODE_COPYUID},
		{"UIDNOTSTICKY", IMAP4_CODE_UIDNOTSTICKY},
		{"MAILBOXID", IMAP4_CODE_MAILBOXID},
		{"THROTTLED", IMAP4_CODE_THROTTLED},
		{"MESSAGELIMIT", IMAP4_CODE_MESSAGELIMIT},
		{"INPROGRESS", IMAP4_CODE_INPROGRESS},
		{"COMPRESSIONACTIVE", IMAP4_CODE_COMPRESSIONACTIVE},
		{"TOOBIG", IMAP4_CODE_TOOBIG},
		{"UIDREQUIRED", IMAP4_CODE_UIDREQUIRED},
		{"NOTSAVED", IMAP4_CODE_NOTSAVED},
		{"HASCHILDREN", IMAP4_CODE_HASCHILDREN},
		{"UNKNOWN-CTE", IMAP4_CODE_UNKNOWN_CTE},
		{"USEATTR", IMAP4_CODE_USEATTR},
		{"REFERRAL", IMAP4_CODE_REFERRAL},
		{"NOTIFICATIONOVERFLOW", IMAP4_CODE_NOTIFICATIONOVERFLOW},
		{"METADATA", IMAP4_CODE_METADATA},
		{"", IMAP4_CODE_NONE},
		{"ALERTS", IMAP4_CODE_OTHER},
		{"ALER", IMAP4_CODE_OTHER},
		{"X", IMAP4_CODE_OTHER},
	};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		cr_assert_eq(
			resp_code(slice_str(codes[i].name)), codes[i].code, "%s", codes[i].name);
	cr_assert_eq(sizeof codes / sizeof *codes - 4,
		(size_t)IMAP4_CODE_METADATA - IMAP4_CODE_OTHER,
		"a code of imap4.h is missing here");
}

Test(resp_state, reads_the_number_of_a_code)
{
	static const struct {
		const char *args;
		uint64_t max;
		bool ok;
		uint64_t v;
	} rows[] = {{"12", 100, true, 12}, {"12 13", 100, true, 12}, {"100", 100, true, 100},
		{"101", 100, false, 0}, {"", 100, false, 0}, {NULL, 100, false, 0},
		{"-1", 100, false, 0}, {"1x", 100, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, false, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		imap4_state_line l = {.code_args = {rows[i].args,
					      rows[i].args == NULL ? 0 : strlen(rows[i].args)}};
		uint64_t v = 0;
		cr_assert_eq(resp_code_u64(&l, rows[i].max, &v), rows[i].ok, "%s", rows[i].args);
		cr_assert_eq(v, rows[i].v, "%s", rows[i].args);
	}
}

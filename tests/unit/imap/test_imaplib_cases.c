/* SPDX-License-Identifier: MIT */
/*
 * test_imaplib_cases.c -- the cases of imaplib's test-suite, and where each one is tested here. What is looked for is a text in a
 * source file of the tests: the name of a row, or of a test. Without the sources nothing is tested, and that is said.
 *
 * Left out, for there is nothing like it in C: print_log, dump_ur, uppercase_command_names, the deprecated attributes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"

#define FILE_MAX ((size_t)1 << 20)

struct proof {
	const char *name; /* as imaplib has it */
	const char *file; /* below tests/unit, without "test_" and ".c" */
	const char *text;
};

static const struct proof proofs[] = {
	/* dates and functions */
	{"Internaldate2tuple", "imap/imaplib_values", "Test(imaplib_values, Internaldate2tuple)"},
	{"Internaldate2tuple_issue10941", "imap/imaplib_values", "Internaldate2tuple_issue10941"},
	{"Time2Internaldate", "imap/imaplib_values", "Test(imaplib_values, Time2Internaldate)"},
	{"Int2AP", "imap/util", "numbers_become_letters_as_in_imaplib"},
	{"ParseFlags", "imap/util", "flags_are_listed"},
	/* the connection */
	{"imap4_host_default_value, connection refused", "imap/imaplib_login",
		"connection_refused"},
	{"EOF_without_complete_welcome_message", "imap/imaplib_wire", "\"EOF_without_complete"},
	{"issue5949", "imap/imaplib_wire", "(issue5949)"},
	{"line_termination", "imap/imaplib_wire", "\"line_termination"},
	{"linetoolong", "imap/imaplib_wire", "\"linetoolong: one beyond"},
	{"truncated_large_literal", "imap/imaplib_wire", "truncated_large_literal, "},
	{"invalid_greeting", "imap/imaplib_wire", "\"invalid_greeting POP3"},
	{"connect", "imap/imaplib_wire", "\"connect\""},
	{"ssl_raises", "net/stream_tls", "\"wrong address\""},
	{"ssl_verified", "imap/session", "does_starttls_right_or_not_at_all"},
	{"ssl_verified: no trust in a stranger", "imap/session", "does_not_trust_a_stranger"},
	{"simple_with_statement", "imap/imaplib_wire", "\"with_statement\""},
	{"with_statement_logout", "imap/imaplib_wire", "\"with_statement_logout\""},
	{"timeout_test", "imap/imaplib_wire", "\"timeout_test"},
	{"timeout_functionality_test", "imap/imaplib_wire", "\"timeout_functionality_test"},
	{"timeouts are exact", "imap/session", "waits_as_long_as_told_and_no_longer"},
	{"starttls", "imap/dovecot", "IMAP4_STARTTLS"},
	{"starttls with injected octets", "imap/session",
		"looks_for_injected_data_that_were_not_read_along_with_the_ok"},
	{"IMAP4_stream", "imap/session", "talks_to_a_sub_process_and_tells_how_it_ended"},
	{"IMAP4_stream with PREAUTH", "imap/imaplib_needed", "PREAUTH_over_a_sub_process"},
	/* logging in */
	{"login", "imap/imaplib_login", "\"login\""},
	{"login_quoted", "imap/imaplib_login", "\"login_quoted\""},
	{"login_quoted2", "imap/imaplib_login", "\"login_quoted2"},
	{"invalid_login", "imap/imaplib_login", "\"invalid_login\""},
	{"logout", "imap/imaplib_commands", "\"login, logout\""},
	{"bad_auth_name", "imap/imaplib_login", "\"bad_auth_name: refused"},
	{"invalid_authentication", "imap/imaplib_login", "\"invalid_authentication\""},
	{"valid_authentication", "imap/imaplib_login", "\"valid_authentication\""},
	{"login_cram_md5", "imap/imaplib_login", "\"login_cram_md5\""},
	{"login_cram_md5 not available", "imap/imaplib_login", "\"CRAM-MD5 not available\""},
	{"login_plain", "imap/imaplib_login", "\"login_plain\""},
	{"login_plain UTF-8", "imap/imaplib_login", "\"login_plain UTF-8"},
	{"login_plain NUL", "imap/auth", "plain_refuses_what_it_cannot_say"},
	{"aborted_authentication", "imap/imaplib_login", "\"aborted_authentication\""},
	{"the password at debug level 4", "imap/auth", "shows_no_secret_of_its_own"},
	/* ENABLE and UTF-8 */
	{"enable_raises_error_if_not_AUTH", "imap/imaplib_login",
		"\"enable_raises_error_if_not_AUTH\""},
	{"enable_raises_error_if_no_capability", "imap/imaplib_login",
		"\"enable_raises_error_if_no_capability\""},
	{"enable_UTF8_raises_error_if_not_supported", "imap/imaplib_login",
		"\"enable_UTF8_raises_error_if_not_supported\""},
	{"enable two", "imap/imaplib_login", "\"enable two\""},
	{"enable_UTF8_True_append", "imap/imaplib_login", "\"enable_UTF8_True_append\""},
	{"search_disallows_charset_in_utf8_mode", "imap/imaplib_login",
		"\"search_disallows_charset_in_utf8_mode"},
	{"utf8_mailbox_name", "imap/imaplib_login", "\"utf8_mailbox_name\""},
	{"mutf7_mailbox_name", "imap/imaplib_login", "\"mutf7_mailbox_name\""},
	/* responses */
	{"bracket_flags", "imap/imaplib_wire", "\"bracket_flags\""},
	{"unexpected response", "imap/imaplib_wire", "\"unexpected response\""},
	{"unexpected tagged response", "imap/imaplib_wire", "\"unexpected tagged response\""},
	{"greeting_capabilities", "imap/imaplib_wire", "greeting_capabilities"},
	{"login_capabilities", "imap/imaplib_wire", "\"login_ and requery_capabilities"},
	{"requery_capabilities", "imap/imaplib_wire", "\"requery_capabilities"},
	{"extra_blank_line_after_literal", "imap/imaplib_wire",
		"\"extra_blank_line_after_literal\""},
	{"literal_terminating_response", "imap/imaplib_wire", "\"literal_terminating_response\""},
	{"spurious_blank_lines", "imap/imaplib_wire", "\"spurious_blank_lines\""},
	{"response", "imap/imaplib_commands", "\"recent, response\""},
	{"response by code", "imap/untagged", "is_taken_in_order_by_name_and_by_code"},
	/* IDLE */
	{"idle_capability", "imap/imaplib_login", "\"idle_capability\""},
	{"idle_denied", "imap/imaplib_login", "\"idle_denied\""},
	{"idle_iter", "imap/imaplib_login", "\"idle_iter\""},
	{"idle_iter by calls", "imap/call_idle", "a_loop_hears_all_until_the_duration_is_over"},
	{"idle_burst", "imap/imaplib_login", "\"idle_burst"},
	{"idle_burst by calls", "imap/call_idle", "a_burst_is_all_that_comes_close_together"},
	{"idle_delayed_packet", "imap/imaplib_login", "\"idle_delayed_packet\""},
	{"idle_delayed_packet by calls", "imap/call_idle",
		"a_line_cut_by_the_end_of_the_time_is_told_once"},
	/* commands */
	{"append", "imap/imaplib_login", "\"append waits for the continuation\""},
	{"append_translate_line_endings", "imap/imaplib_login",
		"\"append_translate_line_endings\""},
	{"capability", "imap/imaplib_commands", "\"capability\""},
	{"check", "imap/imaplib_commands", "\"check\""},
	{"close", "imap/imaplib_commands", "\"close\""},
	{"copy, uid copy", "imap/imaplib_commands", "\"copy\""},
	{"create", "imap/imaplib_commands", "\"create\""},
	{"delete", "imap/imaplib_commands", "\"delete\""},
	{"deleteacl", "imap/imaplib_commands", "\"deleteacl\""},
	{"expunge, uid expunge", "imap/imaplib_commands", "\"expunge, in the order received\""},
	{"fetch, uid fetch", "imap/imaplib_commands", "\"fetch: sets, nested parentheses\""},
	{"fetch macros", "imap/imaplib_commands", "\"fetch: macros\""},
	{"getacl", "imap/imaplib_commands", "\"getacl\""},
	{"getannotation", "imap/imaplib_commands", "\"getannotation\""},
	{"getquota", "imap/imaplib_commands", "\"getquota\""},
	{"getquotaroot", "imap/imaplib_commands", "\"getquotaroot\""},
	{"id", "imap/imaplib_commands", "\"id\""},
	{"list", "imap/imaplib_commands", "\"list\""},
	{"lsub", "imap/imaplib_commands", "\"lsub\""},
	{"move, uid move", "imap/imaplib_commands", "\"move\""},
	{"myrights", "imap/imaplib_commands", "\"myrights\""},
	{"namespace", "imap/imaplib_commands", "\"namespace\""},
	{"noop", "imap/imaplib_commands", "\"noop\""},
	{"partial", "imap/imaplib_commands", "\"partial\""},
	{"proxyauth", "imap/imaplib_commands", "\"proxyauth\""},
	{"recent", "imap/imaplib_commands", "\"recent, response\""},
	{"rename", "imap/imaplib_commands", "\"rename\""},
	{"search, uid search", "imap/imaplib_commands", "\"search: a charset is named"},
	{"search without a result", "imap/imaplib_commands", "\"search of nothing\""},
	{"select, examine, select readonly", "imap/imaplib_commands",
		"\"select: INBOX, another, read-only, none\""},
	{"setacl", "imap/imaplib_commands", "\"setacl\""},
	{"setannotation", "imap/imaplib_commands", "\"setannotation\""},
	{"setquota", "imap/imaplib_commands", "\"setquota\""},
	{"sort, uid sort", "imap/imaplib_commands", "\"sort\""},
	{"status", "imap/imaplib_commands", "\"status\""},
	{"store, uid store", "imap/imaplib_commands", "\"store\""},
	{"subscribe", "imap/imaplib_commands", "\"subscribe\""},
	{"thread, uid thread", "imap/imaplib_commands", "\"thread\""},
	{"uid_unknown_command", "imap/imaplib_commands", "\"uid_unknown_command"},
	{"unselect", "imap/imaplib_commands", "\"unselect\""},
	{"unsubscribe", "imap/imaplib_commands", "\"unsubscribe\""},
	{"xatom", "imap/imaplib_commands", "\"xatom\""},
	/* arguments */
	{"astring", "imap/imaplib_values", "\"astring\""},
	{"control_characters", "imap/imaplib_values", "\"control_characters\""},
	{"list_mailbox", "imap/imaplib_values", "\"list_mailbox\""},
	{"mailbox", "imap/wire", "a_name_is_spelt_as_the_session_wants_it"},
	{"sequence_set", "imap/imaplib_values", "\"sequence_set\""},
	{"sequence_set errors", "imap/imaplib_values", "sequence_set_errors"},
	{"set_quote", "imap/imaplib_values", "\"set_quote\""},
	{"substitute, substitute_errors", "imap/imaplib_values",
		"\"substitute, substitute_errors\""},
	{"encode_criteria", "imap/cmd_query", "each_condition_is_written_as_the_grammar_has_it"},
	/* not in the test-suite, and needed */
	{"BYE in mid-command", "imap/imaplib_needed", "\"BYE in the middle of a command\""},
	{"READ-ONLY in mid-session", "imap/imaplib_needed",
		"\"READ-ONLY in the middle of a session\""},
	{"a FETCH that arrives unasked", "imap/imaplib_needed", "\"a FETCH that arrives unasked\""},
	{"literals inside ENVELOPE", "imap/imaplib_needed", "\"literals inside ENVELOPE\""},
	{"~{n}", "imap/imaplib_wire", "\"~{n}\""},
	{"{n+} from servers", "imap/imaplib_wire", "\"{n+} from a server\""},
	{"NIL for a body", "imap/imaplib_wire", "\"NIL for a body\""},
	{"LIST with a NIL separator", "imap/imaplib_commands", "LIST () NIL"},
	{"EXPUNGE while a fetch runs", "imap/imaplib_needed",
		"\"EXPUNGE while a fetch by UID runs\""},
	{"UIDVALIDITY change", "imap/imaplib_needed",
		"\"UIDVALIDITY is another one the next time\""},
};

static bool read_source(const char *name, struct buf *out)
{
	char path[300];
	const char *slash = strchr(name, '/');
	(void)snprintf(path, sizeof(path), "tests/unit/%.*s/test_%s.c", (int)(slash - name), name,
		slash + 1);
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	for (size_t n = 1; n > 0; buf_added(out, n)) {
		unsigned char *p = buf_reserve(out, 65536);
		n = p ? fread(p, 1, 65536, f) : 0;
	}
	fclose(f);
	return true;
}

Test(imaplib_cases, each_is_tested_where_the_table_says)
{
	if (access("tests/unit/imap/test_imaplib_cases.c", R_OK) != 0) {
		printf("SKIPPED: the sources of the tests are not there: NOTHING WAS TESTED\n");
		return;
	}
	for (size_t i = 0; i < sizeof(proofs) / sizeof(proofs[0]); i++) {
		struct buf source = BUF_INIT(FILE_MAX);
		const struct proof *p = &proofs[i];
		cr_expect(read_source(p->file, &source), "%s: no file %s", p->name, p->file);
		cr_expect(strstr(buf_str(&source), p->text) != NULL, "%s: %s is not in %s", p->name,
			p->text, p->file);
		buf_release(&source);
	}
	printf("%zu cases of imaplib\n", sizeof(proofs) / sizeof(proofs[0]));
	fflush(stdout);
}

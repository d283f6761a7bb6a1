/* SPDX-License-Identifier: MIT */
/* test_cmd_imap.c -- what the commands of imapsync imap share: the command line, items, flags, JSON. */
#include <criterion/criterion.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_imap_fetch.h"
#include "cmd/exit.h"
#include "core/base/uidset.h"

/* ---- the command line ---------------------------------------------------------------------------------- */

#define WORDS_MAX 12

/* Parse a line; the words that are left are joined with '|'. */
static const char *left(const char *const *line, char out[256], struct cli *c, int *status)
{
	char *argv[WORDS_MAX + 1], copy[WORDS_MAX][64];
	int argc = 0;
	for (; line[argc] != NULL; argc++) {
		snprintf(copy[argc], sizeof copy[argc], "%s", line[argc]);
		argv[argc] = copy[argc];
	}
	argv[argc] = NULL;
	optind = 0; /* begin anew (getopt_long(3)) */
	const struct command *command = cli_parse(c, argc, argv, status);
	out[0] = '\0';
	for (size_t i = 0; command != NULL && i < c->nargs; i++) {
		size_t n = strlen(out);
		snprintf(out + n, 256 - n, "%s%s", i > 0 ? "|" : "", c->args[i]);
	}
	return command != NULL ? command->name : NULL;
}

Test(cmd_imap, words_stay_words_and_options_may_stand_anywhere)
{
	static const struct {
		const char *line[WORDS_MAX];
		const char *command, *words;
		bool dry_run, json;
	} row[] = {
		{{"imapsync", "-n", "imap", "a", "copy", "INBOX", "1:3", "To", NULL}, "imap",
			"a|copy|INBOX|1:3|To", true, false},
		{{"imapsync", "imap", "a", "-n", "copy", "INBOX", "--json", "1:3", "To", NULL},
			"imap", "a|copy|INBOX|1:3|To", true, true},
		{{"imapsync", "imap", "a", "store", "INBOX", "7", "-FLAGS", "seen", "-n", NULL},
			"imap", "a|store|INBOX|7|-FLAGS|seen", true, false},
		{{"imapsync", "imap", "a", "acl", "set", "F", "me", "-w", NULL}, "imap",
			"a|acl|set|F|me|-w", false, false},
		{{"imapsync", "imap", "a", "append", "F", "-", NULL}, "imap", "a|append|F|-", false,
			false},
		{{"imapsync", "imap", "a", "search", "F", "subject", "--", "-n", "--json", NULL},
			"imap", "a|search|F|subject|-n|--json", false, false},
		{{"imapsync", "backup", "-n", "x", "--json", "y", NULL}, "backup", "x|y", true,
			true},
		{{"imapsync", "backup", "x", "--", "-n", NULL}, "backup", "x|-n", false, false},
		{{"imapsync", "--", "backup", "x", NULL}, "backup", "x", false, false},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct sync_interrupt interrupt = {.signal = 0};
		struct cli c = {.interrupt = &interrupt};
		char words[256];
		int status;
		const char *command = left(row[i].line, words, &c, &status);
		cr_assert_not_null(command, "row %zu", i);
		cr_assert_str_eq(command, row[i].command, "row %zu", i);
		cr_assert_str_eq(words, row[i].words, "row %zu", i);
		cr_assert_eq(c.dry_run, row[i].dry_run, "row %zu", i);
		cr_assert_eq(c.json, row[i].json, "row %zu", i);
		cli_release(&c);
	}
}

Test(cmd_imap, what_is_no_option_is_refused_elsewhere)
{
	static const char *const line[][WORDS_MAX] = {
		{"imapsync", "backup", "a", "b", "c", "-FLAGS", NULL},
		{"imapsync", "imap", "-FLAGS", "a", NULL},
		{"imapsync", "imap", "a", "-w", "list", NULL},
		{"imapsync", "imap", "a", "list", "--no-such-option", NULL},
		{"imapsync", "backup", "--yes", NULL},
		{"imapsync", "imap", "a", "idle", "F", "--for", "soon", NULL},
		{"imapsync", NULL},
		{"imapsync", "imapp", NULL},
	};
	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		struct sync_interrupt interrupt = {.signal = 0};
		struct cli c = {.interrupt = &interrupt};
		char words[256];
		int status = EXIT_OK;
		cr_assert_null(left(line[i], words, &c, &status), "row %zu", i);
		cr_assert_eq(status, EXIT_USAGE, "row %zu", i);
		cli_release(&c);
	}
}

/* Wrong usage is found before a configuration is looked for, or anything is connected. */
Test(cmd_imap, wrong_usage_is_found_first)
{
	static const struct {
		const char *words[WORDS_MAX];
		bool dry_run, yes, subscribed;
	} row[] = {
		{{NULL}, false, false, false},
		{{"account", NULL}, false, false, false},
		{{"account", "frob", NULL}, false, false, false},
		{{"account", "acl", NULL}, false, false, false},
		{{"account", "acl", "frob", NULL}, false, false, false},
		{{"account", "create", NULL}, false, false, false},
		{{"account", "create", "a", "b", NULL}, false, false, false},
		{{"account", "delete", "a", NULL}, false, false, false},
		{{"account", "expunge", "a", NULL}, false, false, false},
		{{"account", "list", NULL}, true, false, false},
		{{"account", "list", NULL}, false, true, false},
		{{"account", "copy", "a", "1", "b", NULL}, false, false, true},
		{{"account", "copy", "a", "1:x", "b", NULL}, false, false, false},
		{{"account", "fetch", "a", "0", NULL}, false, false, false},
		{{"account", "search", "a", "frm", "b", NULL}, false, false, false},
		{{"account", "sort", "a", "date", "frm", NULL}, false, false, false},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct sync_interrupt interrupt = {.signal = 0};
		struct cli c = {.interrupt = &interrupt,
			.config_file = "/dev/null/there/is/no/configuration",
			.dry_run = row[i].dry_run,
			.yes = row[i].yes,
			.subscribed = row[i].subscribed};
		char *args[WORDS_MAX];
		for (; row[i].words[c.nargs] != NULL; c.nargs++)
			args[c.nargs] = strdup(row[i].words[c.nargs]);
		args[c.nargs] = NULL;
		c.args = args;
		size_t n = c.nargs;
		cr_assert_eq(cmd_imap(&c), EXIT_USAGE, "row %zu", i);
		while (n > 0)
			free(args[--n]);
		cli_release(&c);
	}
}

/* ---- items and flags ----------------------------------------------------------------------------------- */

Test(cmd_imap, no_item_marks_a_message_as_read)
{
	static const struct {
		const char *word, *items;
		size_t sections;
	} row[] = {
		{"body", "UID BODY.PEEK[]", 1},
		{"BODY", "UID BODY.PEEK[]", 1},
		{"rfc822", "UID BODY.PEEK[]", 1},
		{"RFC822.TEXT", "UID BODY.PEEK[TEXT]", 1},
		{"header", "UID BODY.PEEK[HEADER]", 1},
		{"text", "UID BODY.PEEK[TEXT]", 1},
		{"1.2", "UID BODY.PEEK[1.2]", 1},
		{"2.MIME", "UID BODY.PEEK[2.MIME]", 1},
		{"body[header.fields (date)]", "UID BODY.PEEK[header.fields (date)]", 1},
		{"BODY.PEEK[1]<0.10>", "UID BODY.PEEK[1]<0.10>", 1},
		{"binary[1]", "UID BINARY.PEEK[1]", 1},
		{"structure", "UID BODYSTRUCTURE", 0},
		{"date", "UID INTERNALDATE", 0},
		{"size", "UID RFC822.SIZE", 0},
		{"ENVELOPE", "UID ENVELOPE", 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf items = BUF_INIT(1000);
		struct err e = ERR_INIT;
		size_t sections = 0;
		char *word[] = {strdup(row[i].word)};
		cr_assert_eq(fetch_items(word, 1, &items, &sections, &e), 0);
		cr_assert_str_eq(buf_str(&items), row[i].items);
		cr_assert_eq(sections, row[i].sections, "%s", row[i].word);
		free(word[0]);
		buf_release(&items);
	}
}

Test(cmd_imap, too_many_items_are_wrong_usage)
{
	struct buf items = BUF_INIT(8);
	struct err e = ERR_INIT;
	size_t sections = 0;
	char size[] = "size", *word[] = {size};
	cr_assert_eq(fetch_items(word, 1, &items, &sections, &e), -1);
	cr_assert_eq(e.code, E_USAGE);
	buf_release(&items);
}

Test(cmd_imap, system_flags_may_be_written_without_a_backslash)
{
	static const char *const row[][2] = {{"seen", "\\Seen"}, {"\\Seen", "\\Seen"},
		{"DELETED", "\\Deleted"}, {"work", "work"}, {"$Forwarded", "$Forwarded"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		imap4_str flag = imap_flag(row[i][0]);
		cr_assert_eq(flag.len, strlen(row[i][1]), "%s", row[i][0]);
		cr_assert_str_eq(flag.ptr, row[i][1]);
	}
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

Test(cmd_imap, a_document_has_its_commas_and_closers)
{
	char *text = NULL;
	size_t n = 0;
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	struct json j = {.f = open_memstream(&text, &n)};
	cr_assert_eq(uidset_add_range(&set, 1, 3, &e), 0);
	json_begin(&j, NULL, '{');
	json_add_text(&j, "a", slice_str("x\"\n"));
	json_begin(&j, "list", '[');
	for (uint64_t i = 0; i < 2; i++) {
		json_begin(&j, NULL, '{');
		json_add_u64(&j, "n", i);
		json_add_bool(&j, "b", i == 0);
		json_end(&j);
	}
	json_end(&j);
	json_add_set(&j, "uids", &set);
	json_begin(&j, "none", '[');
	json_end(&j);
	json_add_str(&j, "nil", (imap4_str){NULL, 0});
	json_end(&j);
	fclose(j.f);
	cr_assert_eq(j.depth, 0);
	cr_assert_str_eq(text,
		"{\"a\": \"x\\\"\\n\", \"list\": [\n"
		"  {\"n\": 0, \"b\": true},\n"
		"  {\"n\": 1, \"b\": false}], \"uids\": [1, 2, 3], \"none\": [], \"nil\": null}\n");
	free(text);
	uidset_release(&set);
}

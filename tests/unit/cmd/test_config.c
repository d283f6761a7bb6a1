/* SPDX-License-Identifier: MIT */
/* test_config.c -- imapsync.conf and URLs: what is taken, what is refused, and with which words. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/config.h"
#include "tests/support/tmp_tree.h"

/* A configuration file in a folder of its own. */
struct given {
	struct tmp_tree tree;
	char file[160];
	struct config config;
	struct err e;
};

static bool give_bytes(struct given *g, const void *p, size_t n)
{
	memset(g, 0, sizeof *g);
	config_init(&g->config);
	if (!tmp_tree_make(&g->tree))
		return false;
	snprintf(g->file, sizeof g->file, "%s/imapsync.conf", g->tree.path);
	return tmp_tree_write(&g->tree, "imapsync.conf", p, n) && chmod(g->file, 0600) == 0;
}

static bool give(struct given *g, const char *text)
{
	return give_bytes(g, text, strlen(text));
}

static void drop(struct given *g)
{
	config_release(&g->config);
	tmp_tree_remove(&g->tree);
}

#define ACCOUNT "[account a]\nhost = h\nuser = u\n"

Test(config, a_whole_file_is_read)
{
	struct given g;
	cr_assert(give(&g,
		"# comment\n"
		"; comment\n"
		"\n"
		"[defaults]   # behind a section, too\n"
		"timeout = 30\n"
		"exclude = \\Junk \"Deleted Messages\"\n"
		"\t[account work]\n"
		"  host=imap.example.org# not a comment\n"
		"user\t=\tme@example.org\t# a comment\n"
		"port = 1993\n"
		"exclude = Spam\n"
		"exclude = Trash/*\n"
		"tunnel = ssh host 'imapd -x' \"a \\\"b\\\"\"\n"
		"[account \"my home\"]\n"
		"host = \"h#ost\"\n"
		"user = \"quoted \\\"user\\\" \\\\ \"\n"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	cr_assert_eq(g.config.n, 2);
	cr_assert_str_eq(g.config.file, g.file);
	const struct config_account *a = config_find(&g.config, "work");
	const struct config_account *b = config_find(&g.config, "my home");
	cr_assert(a != NULL && b != NULL);
	cr_assert_null(config_find(&g.config, "nobody"));
	cr_assert_str_eq(a->host, "imap.example.org# not a comment");
	cr_assert_str_eq(a->user, "me@example.org");
	cr_assert_eq(a->line, 7);
	cr_assert_eq(a->port, 1993);
	cr_assert_eq(a->timeout_s, 30);
	cr_assert_eq(a->exclude.n, 2, "an account's list replaces the one of the defaults");
	cr_assert_str_eq(a->exclude.at[1], "Trash/*");
	cr_assert_eq(a->tunnel.n, 4);
	cr_assert_str_eq(a->tunnel.at[2], "imapd -x");
	cr_assert_str_eq(a->tunnel.at[3], "a \"b\"");
	cr_assert_null(a->tunnel.at[4]);
	cr_assert_str_eq(b->host, "h#ost");
	cr_assert_str_eq(b->user, "quoted \"user\" \\ ");
	cr_assert_eq(b->exclude.n, 2);
	cr_assert_str_eq(b->exclude.at[0], "\\Junk");
	cr_assert_str_eq(b->exclude.at[1], "Deleted Messages");
	drop(&g);
}

Test(config, crlf_line_ends_are_as_good_as_lf)
{
	struct given g;
	cr_assert(give(&g, "[account a]\r\nhost = h\r\nuser = \"u\"\r\n\r\npassword = \"x\"\r\n"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	cr_assert_str_eq(g.config.account[0].host, "h");
	cr_assert_str_eq(g.config.account[0].user, "u");
	cr_assert_str_eq(g.config.account[0].password, "x");
	drop(&g);
}

Test(config, a_last_line_needs_no_line_end)
{
	struct given g;
	cr_assert(give(&g, "[account a]\nhost = h\nuser = u"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	cr_assert_str_eq(g.config.account[0].user, "u");
	drop(&g);
}

Test(config, mistakes_are_named_with_file_and_line)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *words;
	} row[] = {
		{"[defaults]\npasword = x\n", 2,
			"unknown key \"pasword\"; did you mean \"password\"?"},
		{"[defaults]\nzzzzzzzzzzzz = x\n", 2,
			"unknown key \"zzzzzzzzzzzz\"; see imapsync.conf(5)"},
		{"[defaults]\nHost = x\n", 2, "did you mean \"host\"?"},
		{"[defaults]\nhost = a\n\nhost = b\n", 4, "\"host\" is given twice"},
		{"[defaults]\ntunnel = a\ntunnel = b\n", 3, "\"tunnel\" is given twice"},
		{"host = a\n", 1, "before the first [section]"},
		{"[defaults]\nhost\n", 2, "expected \"key = value\""},
		{"[defaults]\nhost =\n", 2, "\"host\" has no value"},
		{"[defaults]\nhost = # nothing\n", 2, "\"host\" has no value"},
		{"[defaults]\nhost =# nothing\n", 2, "\"host\" has no value"},
		{"[defaults]\nhost = \"\"\n", 2, "\"host\" has no value"},
		{"[defaults]\nhost = \"a\" b\n", 2, "behind the closing quotation mark"},
		{"[defaults]\nhost = \"a\n", 2, "without its partner"},
		{"[defaults]\nhost = \"a\\\"\n", 2, "without its partner"},
		{"[defaults]\nfolders = 'a\n", 2, "without its partner"},
		{"[defaults]\nport = 65536\n", 2, "\"port\" must lie between 1 and 65535"},
		{"[defaults]\npassword = a#b\n", 2, "in double quotes"},
		{"[defaults]\npassword = a\"b\n", 2, "in double quotes"},
		{"[default]\n", 1, "unknown section [default]"},
		{"[accounts x]\n", 1, "unknown section"},
		{"[account]\n", 1, "unknown section [account]"},
		{"[account x\n", 1, "expected [defaults] or [account NAME]"},
		{"[account x] y\n", 1, "expected [defaults] or [account NAME]"},
		{"[account ]\n", 1, "unknown section"},
		{"[account \"\"]\n", 1, "must not be empty"},
		{"[account a/b]\n", 1, "hold '/'"},
		{"[account ..]\n", 1, "begin with '.'"},
		{"[account -x]\n", 1, "or '-'"},
		{"[account \"a b]\n", 1, "without its partner"},
		{ACCOUNT "[account b]\n[account a]\n", 5, "account \"a\" exists already (line 1)"},
		{"[defaults]\nhost = a\033[31m\n", 2, "control character"},
		{"[account a\001]\n", 1, "control character"},
		{"[defaults]\nhost = a\rb\n", 2, "control character"},
		{"[defaults]\nhost = a\x7f\n", 2, "control character"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct given g;
		char place[200];
		cr_assert(give(&g, row[i].text));
		snprintf(place, sizeof place, "%s:%u: ", g.file, row[i].line);
		cr_assert_eq(config_read(&g.config, g.file, &g.e), -1, "%s", row[i].text);
		cr_assert_eq(g.e.code, E_CONFIG, "%s", row[i].text);
		cr_assert_eq(g.e.scope, ERR_USAGE, "%s", row[i].text);
		cr_assert_eq(strncmp(g.e.text, place, strlen(place)), 0, "%s", g.e.text);
		cr_assert_not_null(strstr(g.e.text, row[i].words), "\"%s\" is not in: %s",
			row[i].words, g.e.text);
		drop(&g);
	}
}

Test(config, a_secret_is_never_in_an_error_text)
{
	static const char *const text[] = {
		"[defaults]\npassword = can#ary\n",
		"[defaults]\npassword = \"canary\" x\n",
		"[defaults]\npassword = \"canary\n",
		"[defaults]\npassword = \"canary\"\npassword = \"canary\"\n",
		"password = canary\n",
	};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct given g;
		cr_assert(give(&g, text[i]));
		cr_assert_eq(config_read(&g.config, g.file, &g.e), -1, "%s", text[i]);
		cr_assert_null(strstr(g.e.text, "ary"), "%s", g.e.text);
		drop(&g);
	}
}

Test(config, a_nul_byte_is_refused_wherever_it_stands)
{
	static const char text[] = "[account a]\nhost = h\nuser = u\n";
	for (size_t at = 0; at < sizeof text - 1; at++) {
		struct given g;
		char copy[sizeof text];
		memcpy(copy, text, sizeof text);
		copy[at] = '\0';
		cr_assert(give_bytes(&g, copy, sizeof text - 1));
		cr_assert_eq(config_read(&g.config, g.file, &g.e), -1, "at %zu", at);
		cr_assert_not_null(strstr(g.e.text, "NUL"), "%s", g.e.text);
		cr_assert_not_null(strstr(g.e.text, g.file), "%s", g.e.text);
		drop(&g);
	}
}

Test(config, a_file_cut_anywhere_is_read_or_refused_in_words)
{
	static const char text[] =
		"# c\n[defaults]\ntimeout = 30\n[account \"a b\"]\nhost = h # c\n"
		"user = \"u\\\\ \\\"x\"\nfolders = 'a' \"b\"\nmax-message-size = 5M\n";
	for (size_t n = 0; n < sizeof text; n++) {
		struct given g;
		cr_assert(give_bytes(&g, text, n));
		int status = config_read(&g.config, g.file, &g.e);
		cr_assert(status == 0 || g.e.code == E_CONFIG, "cut at %zu: %s", n, g.e.text);
		drop(&g);
	}
}

Test(config, a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused)
{
	for (size_t more = 0; more <= 1; more++) {
		struct given g;
		size_t n = CONFIG_FILE_MAX + more;
		char *text = malloc(n);
		cr_assert_not_null(text);
		memset(text, '#', n);
		memcpy(text, ACCOUNT, strlen(ACCOUNT));
		cr_assert(give_bytes(&g, text, n));
		free(text);
		int status = config_read(&g.config, g.file, &g.e);
		cr_assert_eq(status, more == 0 ? 0 : -1, "%s", g.e.text);
		if (more == 0)
			cr_assert_eq(g.config.n, 1);
		else
			cr_assert_not_null(strstr(g.e.text, "larger than 1048576"), "%s", g.e.text);
		drop(&g);
	}
}

Test(config, the_largest_number_of_accounts_is_read_and_one_more_is_refused)
{
	for (int more = 0; more <= 1; more++) {
		struct given g;
		struct buf text = BUF_INIT(CONFIG_FILE_MAX);
		for (int i = 0; i < CONFIG_ACCOUNTS_MAX + more; i++)
			buf_addf(&text, "[account %d]\n", i);
		cr_assert_eq(text.failed, E_NONE);
		cr_assert(give_bytes(&g, text.data, text.len));
		buf_release(&text);
		int status = config_read(&g.config, g.file, &g.e);
		cr_assert_eq(status, more == 0 ? 0 : -1, "%s", g.e.text);
		if (more != 0)
			cr_assert_not_null(strstr(g.e.text, ":10001: more than 10000 accounts"),
				"%s", g.e.text);
		drop(&g);
	}
}

Test(config, a_file_with_a_password_must_be_private)
{
	static const struct {
		mode_t mode;
		bool ok;
	} row[] = {{0600, true}, {0400, true}, {0700, true}, {0640, false}, {0604, false},
		{0620, false}, {0610, false}, {0601, false}, {0602, false}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct given g;
		cr_assert(give(&g, ACCOUNT "password = x\n"));
		cr_assert_eq(chmod(g.file, row[i].mode), 0);
		int status = config_read(&g.config, g.file, &g.e);
		cr_assert_eq(
			status, row[i].ok ? 0 : -1, "mode %o: %s", (unsigned)row[i].mode, g.e.text);
		if (!row[i].ok)
			cr_assert_not_null(strstr(g.e.text, "chmod 600 "), "%s", g.e.text);
		drop(&g);
	}
}

Test(config, a_password_in_the_defaults_counts_and_a_command_does_not)
{
	struct given g;
	cr_assert(give(&g, "[defaults]\npassword = x\n" ACCOUNT));
	cr_assert_eq(chmod(g.file, 0644), 0);
	cr_assert_eq(config_read(&g.config, g.file, &g.e), -1);
	drop(&g);
	cr_assert(give(&g, ACCOUNT "password-command = pass show x\n"));
	cr_assert_eq(chmod(g.file, 0644), 0);
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	drop(&g);
}

Test(config, somebody_elses_file_with_a_password_is_refused)
{
	if (geteuid() != 0)
		cr_skip_test("only root can give a file away");
	struct given g;
	cr_assert(give(&g, ACCOUNT "password = x\n"));
	cr_assert_eq(chown(g.file, 4711, 4711), 0);
	cr_assert_eq(config_read(&g.config, g.file, &g.e), -1);
	cr_assert_not_null(strstr(g.e.text, "belongs to somebody else"), "%s", g.e.text);
	drop(&g);
}

Test(config, passwords_keep_every_byte)
{
	static const struct {
		const char *line, *password;
	} row[] = {
		{"password = plain", "plain"},
		{"password = two words", "two words"},
		{"password = it's", "it's"},
		{"password = back\\slash", "back\\slash"},
		{"password = =equals=", "=equals="},
		{"password = \"with # inside\"", "with # inside"},
		{"password = \"#\"   ", "#"},
		{"password = \" blanks \"", " blanks "},
		{"password = \"quote \\\" and \\\\\" # comment", "quote \" and \\"},
		{"password = \"\\n\"", "\\n"},
		{"password = p\xc3\xa4ss", "p\xc3\xa4ss"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct given g;
		char text[200];
		snprintf(text, sizeof text, ACCOUNT "%s\n", row[i].line);
		cr_assert(give(&g, text));
		cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
		cr_assert_str_eq(g.config.account[0].password, row[i].password, "%s", row[i].line);
		drop(&g);
	}
}

Test(config, a_file_that_was_named_must_be_there)
{
	struct given g;
	cr_assert(give(&g, ACCOUNT));
	cr_assert_eq(unlink(g.file), 0);
	cr_assert_eq(config_read(&g.config, g.file, &g.e), -1);
	cr_assert_eq(g.e.code, E_CONFIG);
	cr_assert_not_null(strstr(g.e.text, g.file), "%s", g.e.text);
	cr_assert_eq(mkdir(g.file, 0700), 0);
	cr_assert_eq(config_read(&g.config, g.file, &g.e), -1);
	cr_assert_not_null(strstr(g.e.text, "not a regular file"), "%s", g.e.text);
	drop(&g);
}

Test(config, a_fifo_does_not_hang)
{
	struct given g;
	cr_assert(give(&g, ""));
	cr_assert_eq(unlink(g.file), 0);
	cr_assert_eq(mkfifo(g.file, 0600), 0);
	cr_assert_eq(config_read(&g.config, g.file, &g.e), -1);
	cr_assert_not_null(strstr(g.e.text, "not a regular file"), "%s", g.e.text);
	drop(&g);
}

Test(config, the_users_file_is_found_by_xdg_and_home)
{
	struct given g;
	cr_assert(give(&g, ""));
	char own[200];
	snprintf(own, sizeof own, "%s/imapsync", g.tree.path);
	cr_assert(tmp_tree_mkdir(&g.tree, "imapsync"));
	cr_assert(tmp_tree_write(&g.tree, "imapsync/imapsync.conf", ACCOUNT, strlen(ACCOUNT)));
	setenv("XDG_CONFIG_HOME", g.tree.path, 1);
	cr_assert_eq(config_read(&g.config, NULL, &g.e), 0, "%s", g.e.text);
	cr_assert_eq(g.config.n, 1);
	config_release(&g.config);
	/* A relative value is to be ignored (XDG base directory specification). */
	setenv("XDG_CONFIG_HOME", "relative", 1);
	setenv("HOME", g.tree.path, 1);
	cr_assert(tmp_tree_mkdir(&g.tree, ".config"));
	cr_assert(tmp_tree_mkdir(&g.tree, ".config/imapsync"));
	cr_assert(tmp_tree_write(
		&g.tree, ".config/imapsync/imapsync.conf", "[account b]\n[account c]\n", 24));
	cr_assert_eq(config_read(&g.config, NULL, &g.e), 0, "%s", g.e.text);
	cr_assert_eq(g.config.n, 2);
	drop(&g);
}

/* ---- completion ------------------------------------------------------------------------------- */

Test(config, paths_are_completed)
{
	static const struct {
		const char *path, *full;
	} row[] = {
		{"/a/%a", "/a/work"},
		{"/a%%/%a%a", "/a%/workwork"},
		{"~/x", "/home/me/x"},
		{"~", "/home/me"},
		{"~other/x", "~other/x"},
		{"/a/~/b", "/a/~/b"},
		{"relative", "relative"},
	};
	setenv("HOME", "/home/me", 1);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct given g;
		char text[200];
		snprintf(text, sizeof text, "[account work]\nhost = h\nuser = u\npath = %s\n",
			row[i].path);
		cr_assert(give(&g, text));
		cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
		struct config_account *a = &g.config.account[0];
		cr_assert_eq(config_finish(&g.config, a, &g.e), 0, "%s", g.e.text);
		cr_assert_str_eq(a->path, row[i].full, "%s", row[i].path);
		cr_assert(!a->default_path);
		drop(&g);
	}
}

Test(config, an_account_that_lacks_something_is_named)
{
	static const struct {
		const char *text, *words;
	} row[] = {
		{"[account a]\nuser = u\n", "account \"a\" (line 1 of "},
		{"[account a]\nuser = u\n", "\"host\" is missing"},
		{"\n[account a]\nhost = h\n", "(line 2 of "},
		{"[account a]\nhost = h\n", "\"user\" is missing"},
		{ACCOUNT "path = /x/%u\n", "unknown escape %u"},
		{ACCOUNT "path = /x/%\tz\n", "unknown escape %\\u{9} (there"},
		{ACCOUNT "path = /x/%\xc3\xa4z\n", "unknown escape %\xc3\xa4 (there"},
		{ACCOUNT "path = /x/%\n", "account \"a\": path: unknown escape"},
		{ACCOUNT "password-file = /x/%u\n", "password-file: unknown escape"},
		{ACCOUNT "path = /x\n[account b]\nhost = h\nuser = v\npath = /x\n",
			"have the same path /x"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct given g;
		cr_assert(give(&g, row[i].text));
		cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
		cr_assert_eq(config_finish(&g.config, &g.config.account[0], &g.e), -1, "%s",
			row[i].text);
		cr_assert_eq(g.e.code, E_CONFIG);
		cr_assert_not_null(strstr(g.e.text, row[i].words), "\"%s\" is not in: %s",
			row[i].words, g.e.text);
		drop(&g);
	}
}

Test(config, two_accounts_meet_on_one_path_only_after_completion)
{
	struct given g;
	setenv("HOME", "/home/me", 1);
	cr_assert(give(&g,
		"[defaults]\nhost = h\nuser = u\n[account a]\npath = ~/x\n"
		"[account b]\npath = /home/me/x\n[account c]\n[account d]\n"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	struct config_account *a = g.config.account;
	cr_assert_eq(config_finish(&g.config, &a[2], &g.e), 0, "%s", g.e.text);
	cr_assert_eq(config_finish(&g.config, &a[3], &g.e), 0, "%s", g.e.text);
	cr_assert_str_eq(a[2].path, "/home/me/mail-backup/c");
	cr_assert(a[2].default_path);
	cr_assert_eq(config_finish(&g.config, &a[0], &g.e), -1);
	cr_assert_not_null(
		strstr(g.e.text, "accounts \"b\" and \"a\" have the same path"), "%s", g.e.text);
	drop(&g);
}

Test(config, a_tunnel_needs_no_host_user_or_tls)
{
	struct given g;
	cr_assert(give(&g,
		"[account a]\ntunnel = ssh h imapd\n[account b]\ntunnel = x\ntls = starttls\n"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(
			config_finish(&g.config, &g.config.account[i], &g.e), 0, "%s", g.e.text);
	cr_assert_eq(g.config.account[0].security, IMAP4_CLEAR);
	cr_assert_eq(g.config.account[1].security, IMAP4_STARTTLS);
	drop(&g);
}

Test(config, every_setting_reaches_the_job)
{
	struct given g;
	cr_assert(give(&g,
		"[account a]\nhost = h\nport = 7\ntls = starttls\ntls-ca-file = /ca\ntls-pin-sha256 = p q\n"
		"tls-pin-only = yes\ntls-client-cert = /c\ntls-client-key = /k\nallow-cleartext = yes\n"
		"tunnel = t\nuser = u\nauthzid = z\nauth = plain\npath = /p\nlayout = maildir++\n"
		"newline = crlf\nfolders = f\nexclude = x\nsubscribed-only = yes\nmax-message-size = 1k\n"
		"byte-budget = 2M\naudit-every = 3\nconnections = 4\nwindow = 5\ncompress = no\ntimeout = 6\nid = no\n"
		"disable-extensions = D E\n"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	struct sync_account s;
	struct config_account *a = &g.config.account[0];
	cr_assert_eq(config_finish(&g.config, a, &g.e), 0, "%s", g.e.text);
	config_to_sync(a, &s);
	cr_assert_str_eq(s.name, "a");
	cr_assert_str_eq(s.host, "h");
	cr_assert_eq(s.port, 7);
	cr_assert_eq(s.security, IMAP4_STARTTLS);
	cr_assert_str_eq(s.tunnel[0], "t");
	cr_assert_str_eq(s.ca_file, "/ca");
	cr_assert_str_eq(s.client_cert, "/c");
	cr_assert_str_eq(s.client_key, "/k");
	cr_assert_eq(s.npins, 2);
	cr_assert_str_eq(s.pins[1], "q");
	cr_assert(s.pin_only && s.allow_cleartext && s.subscribed_only && !s.send_id);
	cr_assert_str_eq(s.user, "u");
	cr_assert_str_eq(s.authzid, "z");
	cr_assert_str_eq(s.mechanism, "plain");
	cr_assert_str_eq(s.path, "/p");
	cr_assert_eq(s.layout, STORE_MAILDIRPP);
	cr_assert_eq(s.newline, STORE_CRLF);
	cr_assert_eq(s.folders.n, 1);
	cr_assert_eq(s.exclude.n, 1);
	cr_assert_eq(s.max_message_size, 1024);
	cr_assert_eq(s.byte_budget, 2 << 20);
	cr_assert_eq(s.audit_every, 3);
	cr_assert_eq(s.connections, 4);
	cr_assert_eq(s.window, 5);
	cr_assert_eq(s.compress, SYNC_COMPRESS_NO);
	cr_assert_eq(s.idle_ms, 6000);
	cr_assert_str_eq(s.disable[1], "E");
	cr_assert_null(s.disable[2]);
	drop(&g);
}

Test(config, defaults_are_safe)
{
	struct given g;
	cr_assert(give(&g, ACCOUNT "auth = auto\n"));
	cr_assert_eq(config_read(&g.config, g.file, &g.e), 0, "%s", g.e.text);
	struct sync_account s;
	config_to_sync(&g.config.account[0], &s);
	cr_assert_eq(s.security, IMAP4_TLS);
	cr_assert(!s.allow_cleartext && !s.pin_only && s.send_id);
	cr_assert_null(s.mechanism);
	cr_assert_null(s.tunnel);
	cr_assert_eq(s.layout, STORE_NESTED);
	cr_assert_eq(s.newline, STORE_LF);
	drop(&g);
}

/* ---- URLs ------------------------------------------------------------------------------------- */

Test(config, urls_name_accounts)
{
	static const struct {
		const char *url, *host, *user, *name;
		unsigned port;
		imap4_security security;
	} row[] = {
		{"imaps://me@example.org", "example.org", "me", "me@example.org", 0, IMAP4_TLS},
		{"imap://me@example.org", "example.org", "me", "me@example.org", 0, IMAP4_STARTTLS},
		{"imaps://me@example.org/", "example.org", "me", "me@example.org", 0, IMAP4_TLS},
		{"imaps://me@example.org:1", "example.org", "me", "me@example.org", 1, IMAP4_TLS},
		{"imaps://me@example.org:65535/", "example.org", "me", "me@example.org", 65535,
			IMAP4_TLS},
		{"imaps://me@a.org@b.org", "b.org", "me@a.org", "me@a.org", 0, IMAP4_TLS},
		{"imaps://me%40a.org@b.org", "b.org", "me@a.org", "me@a.org", 0, IMAP4_TLS},
		{"imaps://a%2fb%3A%25@h", "h", "a/b:%", "a_b:%@h", 0, IMAP4_TLS},
		{"imaps://a%0Ab@h", "h", "a\nb", "a_b@h", 0, IMAP4_TLS},
		{"imaps://..%2f..@h", "h", "../..", ".._..@h", 0, IMAP4_TLS},
		{"imaps://me@[::1]", "::1", "me", "me@::1", 0, IMAP4_TLS},
		{"imaps://me@[2001:db8::1]:993/", "2001:db8::1", "me", "me@2001:db8::1", 993,
			IMAP4_TLS},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct config c;
		struct err e = ERR_INIT;
		struct config_account *a = NULL;
		config_init(&c);
		cr_assert(config_is_url(row[i].url));
		cr_assert_eq(
			config_add_url(&c, row[i].url, &a, &e), 0, "%s: %s", row[i].url, e.text);
		cr_assert_str_eq(a->host, row[i].host, "%s", row[i].url);
		cr_assert_str_eq(a->user, row[i].user, "%s", row[i].url);
		cr_assert_str_eq(a->name, row[i].name, "%s", row[i].url);
		cr_assert_eq(a->port, row[i].port, "%s", row[i].url);
		cr_assert_eq(a->security, row[i].security, "%s", row[i].url);
		cr_assert_eq(config_finish(&c, a, &e), 0, "%s: %s", row[i].url, e.text);
		config_release(&c);
	}
}

Test(config, wrong_urls_are_refused_in_words)
{
	static const struct {
		const char *url, *words;
	} row[] = {
		{"http://me@h", "is no imaps:// or imap:// URL"},
		{"imaps://h", "give the user as well"},
		{"imaps://@h", "give the user as well"},
		{"imaps://", "give the user as well"},
		{"imaps://me:canary@h", "do not put a password on the command line"},
		{"imaps://me@a.org:canary@h", "do not put a password on the command line"},
		{"imaps://me@", "there is no host"},
		{"imaps://me@:993", "there is no host"},
		{"imaps://me@/", "there is no host"},
		{"imaps://me@[]", "there is no host"},
		{"imaps://me@h:0", "from 1 to 65535"},
		{"imaps://me@h:65536", "from 1 to 65535"},
		{"imaps://me@h:", "from 1 to 65535"},
		{"imaps://me@h:99x", "from 1 to 65535"},
		{"imaps://me@h:-1", "from 1 to 65535"},
		{"imaps://me@::1", "from 1 to 65535"},
		{"imaps://me@[::1", "IPv6"},
		{"imaps://me@[::1]993", "IPv6"},
		{"imaps://me@[::1]:", "from 1 to 65535"},
		{"imaps://me@[::1]:65536", "from 1 to 65535"},
		{"imaps://me@h/INBOX", "give the account only"},
		{"imaps://m%4@h", "wrong %XX"},
		{"imaps://m%@h", "wrong %XX"},
		{"imaps://m%4g@h", "wrong %XX"},
		{"imaps://m%00@h", "wrong %XX"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct config c;
		struct err e = ERR_INIT;
		struct config_account *a = NULL;
		config_init(&c);
		cr_assert_eq(config_add_url(&c, row[i].url, &a, &e), -1, "%s", row[i].url);
		cr_assert_eq(e.code, E_USAGE, "%s", row[i].url);
		cr_assert_not_null(strstr(e.text, row[i].words), "%s: %s", row[i].url, e.text);
		cr_assert_null(strstr(e.text, "canary"), "%s", e.text);
		config_release(&c);
	}
}

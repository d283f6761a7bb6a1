/* SPDX-License-Identifier: MIT */
/* test_secret.c -- passwords from commands, files and the configuration. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/secret.h"
#include "core/base/clock.h"
#include "tests/support/tmp_tree.h"

/* Room for one more than is allowed, so that the limit that is tested is that of secret.c. */
#define ROOM (2 * SECRET_MAX)

static int from_command(const char *command, struct buf *out, struct err *e)
{
	struct config_account a = {.name = NULL};
	int status = words_split(command, &a.password_command, e);
	if (status == 0)
		status = secret_get(&a, out, e);
	string_list_release(&a.password_command);
	return status;
}

Test(secret, the_first_line_of_a_commands_output_counts)
{
	static const struct {
		const char *command, *secret;
	} row[] = {
		{"echo secret", "secret"},
		{"printf secret", "secret"},
		{"printf 'secret\\r\\n'", "secret"},
		{"printf 'two words \\nlogin: me\\n'", "two words "},
		{"printf 'a\\rb\\n'", "a\rb"},
		{"sh -c 'printf one; printf two'", "onetwo"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = BUF_INIT(ROOM);
		struct err e = ERR_INIT;
		cr_assert_eq(from_command(row[i].command, &out, &e), 0, "%s: %s", row[i].command,
			e.text);
		cr_assert_str_eq(buf_str(&out), row[i].secret, "%s", row[i].command);
		buf_release(&out);
	}
}

Test(secret, a_command_that_does_not_give_one_is_wrong_configuration)
{
	static const struct {
		const char *command, *words;
	} row[] = {
		{"true", "gave no password"},
		{"printf '\\nsecond\\n'", "gave no password"},
		{"sh -c 'echo canary; exit 3'",
			"\"sh\" failed with status 3; its output was not used"},
		{"sh -c 'echo canary; kill -9 $$'", "failed with status -1"},
		{"/nonexistent/program", "cannot run password-command /nonexistent/program"},
		{"/dev/null", "cannot run password-command /dev/null"},
		{"sh -c 'head -c 65537 /dev/zero | tr \"\\0\" x'", "more than 65536 bytes"},
		{"yes", "more than 65536 bytes"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = BUF_INIT(ROOM);
		struct err e = ERR_INIT;
		cr_assert_eq(from_command(row[i].command, &out, &e), -1, "%s", row[i].command);
		cr_assert_eq(e.code, E_CONFIG, "%s: %s", row[i].command, e.text);
		cr_assert_eq(e.scope, ERR_ACCOUNT, "%s", row[i].command);
		cr_assert_not_null(strstr(e.text, row[i].words), "%s: %s", row[i].command, e.text);
		cr_assert_null(strstr(e.text, "canary"), "%s", e.text);
		buf_release(&out);
	}
}

Test(secret, a_token_of_the_largest_size_is_taken_and_a_smaller_buffer_is_respected)
{
	static const char command[] = "sh -c 'head -c 65536 /dev/zero | tr \"\\0\" x'";
	struct buf out = BUF_INIT(SECRET_MAX), small = BUF_INIT(100);
	struct err e = ERR_INIT;
	cr_assert_eq(from_command(command, &out, &e), 0, "%s", e.text);
	cr_assert_eq(out.len, SECRET_MAX);
	cr_assert_eq(from_command(command, &small, &e), -1);
	cr_assert_eq(e.code, E_CONFIG);
	buf_release(&out);
	buf_release(&small);
}

Test(secret, a_command_that_gives_too_much_is_not_waited_for)
{
	struct buf out = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	int64_t start = clock_now(NULL);
	cr_assert_eq(from_command("sh -c 'head -c 70000 /dev/zero; exec sleep 20'", &out, &e), -1);
	cr_assert_not_null(strstr(e.text, "more than 65536 bytes"), "%s", e.text);
	cr_assert_lt(clock_now(NULL) - start, 10000);
	buf_release(&out);
}

Test(secret, a_command_gets_sigpipe_although_we_ignore_it)
{
	struct buf out = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(from_command("sh -c 'kill -PIPE $$; echo still here'", &out, &e), -1);
	cr_assert_not_null(strstr(e.text, "failed with status -1"), "%s", e.text);
	buf_release(&out);
}

/* A password-file with these bytes and this mode. */
static int from_file(const char *text, size_t n, mode_t mode, struct buf *out, struct err *e)
{
	struct tmp_tree t;
	char path[160];
	if (!tmp_tree_make(&t))
		return -2;
	snprintf(path, sizeof path, "%s/secret", t.path);
	struct config_account a = {.password_file = path};
	int status = -2;
	if (tmp_tree_write(&t, "secret", text, n) && chmod(path, mode) == 0)
		status = secret_get(&a, out, e);
	tmp_tree_remove(&t);
	return status;
}

Test(secret, a_password_file_must_be_private)
{
	static const struct {
		mode_t mode;
		bool ok;
	} row[] = {{0600, true}, {0400, true}, {0640, false}, {0604, false}, {0620, false},
		{0602, false}, {0610, false}, {0601, false}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf out = BUF_INIT(ROOM);
		struct err e = ERR_INIT;
		int status = from_file("secret\n", 7, row[i].mode, &out, &e);
		cr_assert_eq(status, row[i].ok ? 0 : -1, "%o: %s", (unsigned)row[i].mode, e.text);
		if (row[i].ok)
			cr_assert_str_eq(buf_str(&out), "secret");
		else
			cr_assert_not_null(strstr(e.text, "chmod 600"), "%s", e.text);
		cr_assert(row[i].ok || e.code == E_CONFIG);
		buf_release(&out);
	}
}

Test(secret, a_password_file_has_a_first_line_and_a_limit)
{
	struct buf out = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	cr_assert_eq(from_file("", 0, 0600, &out, &e), -1);
	cr_assert_not_null(strstr(e.text, "gave no password"), "%s", e.text);
	char *big = malloc(SECRET_MAX + 1);
	cr_assert_not_null(big);
	memset(big, 'x', SECRET_MAX + 1);
	cr_assert_eq(from_file(big, SECRET_MAX, 0600, &out, &e), 0, "%s", e.text);
	cr_assert_eq(out.len, SECRET_MAX);
	buf_clear(&out);
	cr_assert_eq(from_file(big, SECRET_MAX + 1, 0600, &out, &e), -1);
	cr_assert_not_null(strstr(e.text, "more than 65536 bytes"), "%s", e.text);
	free(big);
	buf_release(&out);
}

Test(secret, what_is_no_private_file_of_ours_is_refused)
{
	struct tmp_tree t;
	cr_assert(tmp_tree_make(&t));
	char path[160];
	snprintf(path, sizeof path, "%s/secret", t.path);
	struct config_account a = {.password_file = path};
	struct buf out = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	cr_assert_eq(secret_get(&a, &out, &e), -1, "missing");
	cr_assert_eq(e.code, E_CONFIG, "%s", e.text);
	cr_assert_not_null(strstr(e.text, path), "%s", e.text);
	/* Nobody writes to it: an ordinary open would wait for ever. */
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(secret_get(&a, &out, &e), -1, "FIFO");
	cr_assert_not_null(strstr(e.text, "not a regular file"), "%s", e.text);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(secret_get(&a, &out, &e), -1, "folder");
	cr_assert_not_null(strstr(e.text, "not a regular file"), "%s", e.text);
	cr_assert_eq(rmdir(path), 0);
	if (geteuid() == 0) {
		cr_assert(tmp_tree_write(&t, "secret", "x", 1));
		cr_assert_eq(chmod(path, 0600), 0);
		cr_assert_eq(chown(path, 4711, 4711), 0);
		cr_assert_eq(secret_get(&a, &out, &e), -1, "somebody else's");
		cr_assert_not_null(strstr(e.text, "belongs to somebody else"), "%s", e.text);
	}
	buf_release(&out);
	tmp_tree_remove(&t);
}

Test(secret, command_comes_before_file_before_password)
{
	char file[] = "/nonexistent/file", password[] = "literal";
	struct config_account a = {.password_file = file, .password = password};
	struct buf out = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	cr_assert_eq(secret_get(&a, &out, &e), -1, "the file is asked");
	cr_assert_eq(words_split("echo command", &a.password_command, &e), 0);
	cr_assert_eq(secret_get(&a, &out, &e), 0, "%s", e.text);
	cr_assert_str_eq(buf_str(&out), "command");
	buf_clear(&out);
	string_list_release(&a.password_command);
	a.password_file = NULL;
	cr_assert_eq(secret_get(&a, &out, &e), 0, "%s", e.text);
	cr_assert_str_eq(buf_str(&out), "literal");
	buf_release(&out);
}

Test(secret, without_a_source_and_a_terminal_login_is_refused)
{
	char name[] = "me@example.org";
	struct config_account a = {.name = name};
	struct buf out = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	/* A session of its own has no controlling terminal. */
	(void)setsid();
	cr_assert_eq(secret_get(&a, &out, &e), -1);
	cr_assert_eq(e.code, E_AUTH);
	cr_assert_not_null(strstr(e.text, "no password for me@example.org"), "%s", e.text);
	buf_release(&out);
}

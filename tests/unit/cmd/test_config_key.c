/* SPDX-License-Identifier: MIT */
/* test_config_key.c -- values of keys, guesses for misspelt ones, and what an account inherits. */
#include <criterion/criterion.h>

#include <string.h>

#include "cmd/config_key.h"

static int set(struct config_account *a, const char *name, const char *value, struct err *e)
{
	int key = config_key_find(name);
	return key < 0 ? -2 : config_key_set(a, (size_t)key, value, e);
}

Test(config_key, names_are_unique_and_found)
{
	size_t n = 0;
	for (const char *name; (name = config_key_name(n)) != NULL; n++)
		cr_assert_eq(config_key_find(name), (int)n, "%s", name);
	cr_assert_gt(n, 20);
	cr_assert_eq(config_key_find("HOST"), -1);
	cr_assert_eq(config_key_find(""), -1);
}

Test(config_key, numbers_have_limits)
{
	static const struct {
		const char *key, *value;
		bool ok;
		uint64_t number;
	} row[] = {
		{"port", "1", true, 1},
		{"port", "65535", true, 65535},
		{"port", "0", false, 0},
		{"port", "65536", false, 0},
		{"port", "-1", false, 0},
		{"port", "+1", false, 0},
		{"port", "1k", false, 0},
		{"port", "0x10", false, 0},
		{"port", "99999999999999999999999", false, 0},
		{"audit-every", "0", false, 0},
		{"audit-every", "1", true, 1},
		{"audit-every", "1000000", true, 1000000},
		{"audit-every", "1000001", false, 0},
		{"connections", "0", true, 0},
		{"connections", "16", true, 16},
		{"connections", "17", false, 0},
		{"window", "256", true, 256},
		{"window", "257", false, 0},
		{"timeout", "0", false, 0},
		{"timeout", "3600", true, 3600},
		{"timeout", "3601", false, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct config_account a = {.name = NULL};
		struct err e = ERR_INIT;
		int status = set(&a, row[i].key, row[i].value, &e);
		cr_assert_eq(status, row[i].ok ? 0 : -1, "%s = %s", row[i].key, row[i].value);
		cr_assert(row[i].ok || e.code == E_CONFIG, "%s = %s", row[i].key, row[i].value);
		if (row[i].ok)
			cr_assert_eq(
				a.port + a.audit_every + a.connections + a.window + a.timeout_s,
				row[i].number, "%s = %s", row[i].key, row[i].value);
		config_account_release(&a);
	}
}

Test(config_key, sizes_take_units)
{
	static const struct {
		const char *value;
		bool ok;
		uint64_t bytes;
	} row[] = {
		{"0", true, 0},
		{"512", true, 512},
		{"1k", true, 1024},
		{"1K", true, 1024},
		{"1kB", true, 1024},
		{"3M", true, 3 << 20},
		{"2G", true, UINT64_C(2) << 30},
		{"2GB", true, UINT64_C(2) << 30},
		{"17179869183G", true, UINT64_C(17179869183) << 30},
		{"17179869184G", false, 0},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"1T", false, 0},
		{"1m", false, 0},
		{"1B", false, 0},
		{"1 k", false, 0},
		{"k", false, 0},
		{"1.5M", false, 0},
		{"-1", false, 0},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct config_account a = {.name = NULL};
		struct err e = ERR_INIT;
		int status = set(&a, "byte-budget", row[i].value, &e);
		cr_assert_eq(status, row[i].ok ? 0 : -1, "%s", row[i].value);
		cr_assert_eq(a.byte_budget, row[i].bytes, "%s", row[i].value);
	}
}

Test(config_key, the_largest_message_is_what_a_literal_can_hold)
{
	struct config_account a = {.name = NULL};
	struct err e = ERR_INIT;
	cr_assert_eq(set(&a, "max-message-size", "4294967295", &e), 0);
	cr_assert_eq(set(&a, "max-message-size", "4G", &e), -1);
	cr_assert_eq(set(&a, "max-message-size", "0", &e), -1);
	cr_assert_eq(a.max_message_size, UINT32_MAX);
}

Test(config_key, yes_and_no)
{
	static const struct {
		const char *value;
		int is; /* -1: refused */
	} row[] = {{"yes", 1}, {"YES", 1}, {"true", 1}, {"on", 1}, {"no", 0}, {"False", 0},
		{"off", 0}, {"1", -1}, {"0", -1}, {"maybe", -1}, {"y", -1}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct config_account a = {.name = NULL}, b = {.name = NULL};
		struct err e = ERR_INIT;
		int want = row[i].is < 0 ? -1 : 0;
		cr_assert_eq(set(&a, "tls-pin-only", row[i].value, &e), want, "%s", row[i].value);
		cr_assert_eq(set(&b, "id", row[i].value, &e), want, "%s", row[i].value);
		if (want == 0) {
			cr_assert_eq(a.pin_only, row[i].is == 1, "%s", row[i].value);
			cr_assert_eq(b.no_id, row[i].is == 0, "%s", row[i].value);
		}
	}
}

Test(config_key, choices_are_listed_when_the_word_is_wrong)
{
	struct config_account a = {.name = NULL};
	struct err e = ERR_INIT;
	cr_assert_eq(set(&a, "tls", "StartTLS", &e), 0);
	cr_assert_eq(a.security, IMAP4_STARTTLS);
	cr_assert_eq(set(&a, "tls", "none", &e), 0);
	cr_assert_eq(a.security, IMAP4_CLEAR);
	cr_assert_eq(set(&a, "layout", "maildir++", &e), 0);
	cr_assert_eq(a.layout, STORE_MAILDIRPP);
	cr_assert_eq(set(&a, "newline", "crlf", &e), 0);
	cr_assert_eq(a.newline, STORE_CRLF);
	cr_assert_eq(set(&a, "compress", "yes", &e), 0);
	cr_assert_eq(a.compress, SYNC_COMPRESS_YES);
	cr_assert_eq(set(&a, "tls", "ssl", &e), -1);
	cr_assert_str_eq(e.text, "expects one of: implicit, starttls, none");
	cr_assert_eq(a.security, IMAP4_CLEAR, "a wrong word changes nothing");
}

Test(config_key, lists_grow_and_commands_do_not)
{
	struct config_account a = {.name = NULL};
	struct err e = ERR_INIT;
	cr_assert_eq(set(&a, "folders", "A 'B C'", &e), 0);
	cr_assert_eq(set(&a, "folders", "D", &e), 0);
	cr_assert_eq(a.folders.n, 3);
	cr_assert_str_eq(a.folders.at[1], "B C");
	cr_assert_eq(set(&a, "password-command", "pass show x", &e), 0);
	cr_assert_eq(set(&a, "password-command", "cat y", &e), 0);
	cr_assert_eq(a.password_command.n, 2);
	cr_assert_eq(set(&a, "password-command", " ", &e), -1);
	cr_assert(config_key_repeats((size_t)config_key_find("exclude")));
	cr_assert(!config_key_repeats((size_t)config_key_find("tunnel")));
	config_account_release(&a);
}

Test(config_key, a_misspelt_key_gets_the_nearest_one_or_none)
{
	static const struct {
		const char *given, *guess;
	} row[] = {
		{"pasword", "password"},
		{"hosts", "host"},
		{"HOST", NULL},
		{"password_command", "password-command"},
		{"exlude", "exclude"},
		{"tls-cafile", "tls-ca-file"},
		{"completely-different", NULL},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			NULL},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const char *guess = config_key_guess(row[i].given);
		if (row[i].guess == NULL)
			cr_assert_null(guess, "%s", row[i].given);
		else
			cr_assert(guess != NULL && strcmp(guess, row[i].guess) == 0, "%s: %s",
				row[i].given, guess != NULL ? guess : "none");
	}
}

Test(config_key, an_account_inherits_what_it_does_not_set)
{
	struct config_account d = {.name = NULL}, a = {.name = NULL};
	struct err e = ERR_INIT;
	static const char *const given[][2] = {{"host", "h"}, {"user", "d"}, {"folders", "X Y"},
		{"port", "5"}, {"id", "no"}, {"tls", "none"}, {"byte-budget", "7"},
		{"tls-pin-only", "yes"}, {"window", "9"}};
	for (size_t i = 0; i < sizeof given / sizeof *given; i++)
		cr_assert_eq(set(&d, given[i][0], given[i][1], &e), 0);
	cr_assert_eq(set(&a, "user", "own", &e), 0);
	cr_assert_eq(set(&a, "tls-pin-only", "no", &e), 0);
	cr_assert_eq(set(&a, "window", "1", &e), 0);
	cr_assert_eq(config_key_inherit(&a, &d, &e), 0);
	cr_assert_str_eq(a.user, "own");
	cr_assert_str_eq(a.host, "h");
	cr_assert_eq(a.folders.n, 2);
	cr_assert_eq(a.port, 5);
	cr_assert(a.no_id && !a.pin_only);
	cr_assert_eq(a.window, 1);
	cr_assert_eq(a.security, IMAP4_CLEAR);
	cr_assert_eq(a.byte_budget, 7);
	config_account_release(&a);
	config_account_release(&d);
}

Test(config_key, an_accounts_own_password_source_wins_over_another_kind_in_the_defaults)
{
	static const struct {
		const char *defaults, *own;
	} row[] = {
		{"password-command", "password-file"},
		{"password-command", "password"},
		{"password-file", "password"},
		{"password", "password-command"},
		{"tunnel", "host"},
		{"host", "tunnel"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct config_account d = {.name = NULL}, a = {.name = NULL};
		struct err e = ERR_INIT;
		cr_assert_eq(set(&d, row[i].defaults, "x", &e), 0);
		cr_assert_eq(set(&d, "user", "u", &e), 0);
		cr_assert_eq(set(&a, row[i].own, "y", &e), 0);
		cr_assert_eq(config_key_inherit(&a, &d, &e), 0);
		int other = config_key_find(row[i].defaults);
		cr_assert_eq(a.given & (UINT64_C(1) << other), 0, "%s against %s", row[i].own,
			row[i].defaults);
		cr_assert_str_eq(a.user, "u");
		config_account_release(&a);
		config_account_release(&d);
	}
}

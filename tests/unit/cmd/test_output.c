/* SPDX-License-Identifier: MIT */
/* test_output.c -- units, table cells, JSON, and who gets to see which note. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/output.h"

Test(output, bytes_have_two_or_three_digits)
{
	static const struct {
		uint64_t n;
		const char *text;
	} row[] = {
		{0, "0 B"},
		{1, "1 B"},
		{999, "999 B"},
		{1000, "1.0 kB"},
		{1049, "1.0 kB"},
		{1051, "1.1 kB"},
		{9949, "9.9 kB"},
		{9951, "10 kB"},
		{999499, "999 kB"},
		{999500, "1.0 MB"},
		{20013000, "20 MB"},
		{1234567890, "1.2 GB"},
		{UINT64_MAX, "18 EB"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char b[UNIT_SIZE];
		cr_assert_str_eq(unit_bytes(b, row[i].n), row[i].text, "%s", b);
	}
}

Test(output, counts_are_grouped)
{
	static const struct {
		uint64_t n;
		const char *text;
	} row[] = {{0, "0"}, {999, "999"}, {1000, "1,000"}, {20013, "20,013"}, {123456, "123,456"},
		{1234567, "1,234,567"}, {UINT64_MAX, "18,446,744,073,709,551,615"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char b[UNIT_SIZE];
		cr_assert_str_eq(unit_count(b, row[i].n), row[i].text);
	}
}

Test(output, ages_use_one_unit)
{
	static const struct {
		int64_t s;
		const char *text;
	} row[] = {{-5, "0 seconds"}, {0, "0 seconds"}, {1, "1 second"}, {59, "59 seconds"},
		{60, "1 minute"}, {119, "1 minute"}, {3600, "1 hour"}, {32400, "9 hours"},
		{86400, "24 hours"}, {129600, "36 hours"}, {172799, "47 hours"},
		{172800, "2 days"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char b[UNIT_SIZE];
		cr_assert_str_eq(unit_age(b, row[i].s), row[i].text);
	}
}

Test(output, times_are_local_and_impossible_ones_are_numbers)
{
	char b[UNIT_SIZE];
	setenv("TZ", "UTC0", 1);
	tzset();
	cr_assert_str_eq(unit_time(b, 0), "1970-01-01 00:00");
	cr_assert_str_eq(unit_time(b, 1772506800), "2026-03-03 03:00");
	setenv("TZ", "XXX-2", 1);
	tzset();
	cr_assert_str_eq(unit_time(b, 0), "1970-01-01 02:00");
	cr_assert_str_eq(unit_time(b, INT64_MAX), "@9223372036854775807");
}

Test(output, the_home_folder_is_a_tilde)
{
	static const struct {
		const char *home, *path, *shown;
	} row[] = {
		{"/home/me", "/home/me/mail", "~/mail"},
		{"/home/me/", "/home/me/mail", "~/mail"},
		{"/home/me", "/home/me", "~"},
		{"/home/me", "/home/melissa/mail", "/home/melissa/mail"},
		{"/home/me", "/srv/mail", "/srv/mail"},
		{"/", "/srv/mail", "/srv/mail"},
		{"", "/srv/mail", "/srv/mail"},
		{"/home/me", "", ""},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char text[100];
		setenv("HOME", row[i].home, 1);
		struct shown_path p = shown_path(row[i].path);
		snprintf(text, sizeof text, "%s%s", p.home, p.rest);
		cr_assert_str_eq(text, row[i].shown, "%s below %s", row[i].path, row[i].home);
	}
}

Test(output, one_is_singular)
{
	cr_assert_str_eq(plural(0, "a", "b"), "b");
	cr_assert_str_eq(plural(1, "a", "b"), "a");
	cr_assert_str_eq(plural(2, "a", "b"), "b");
}

/* What a cell prints, into `out`. */
static bool cell(char *out, size_t size, const char *text, size_t columns, bool right)
{
	FILE *f = fmemopen(out, size, "w");
	if (f == NULL)
		return false;
	print_cell(f, slice_str(text), columns, right);
	return fclose(f) == 0;
}

Test(output, cells_have_exactly_their_columns)
{
	static const struct {
		const char *text;
		size_t columns;
		bool right;
		const char *cell;
	} row[] = {
		{"abc", 5, false, "abc  "},
		{"abc", 5, true, "  abc"},
		{"abcde", 5, false, "abcde"},
		{"abcdef", 5, false, "ab..."},
		{"abcdef", 5, true, "ab..."},
		{"abcd", 3, false, "abc"},
		{"abcd", 0, false, ""},
		{"", 3, false, "   "},
		{"\xc3\xa4\xc3\xb6", 4, false, "\xc3\xa4\xc3\xb6  "},
		{"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 6, false,
			"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
		{"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5, false, "\xe6\x97\xa5..."},
		/* a wide character that would stick out by one column */
		{"a\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 5, false, "a... "},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char out[100] = "";
		cr_assert(cell(out, sizeof out, row[i].text, row[i].columns, row[i].right));
		cr_assert_str_eq(out, row[i].cell, "\"%s\" in %zu", row[i].text, row[i].columns);
	}
}

Test(output, a_cell_never_shows_control_characters)
{
	char out[100] = "";
	cr_assert(cell(out, sizeof out, "a\033[31m\n", 40, false));
	cr_assert_null(strpbrk(out, "\033\n"), "%s", out);
	cr_assert_eq(strlen(out), 40);
}

Test(output, json_text_is_quoted)
{
	char out[100] = "";
	FILE *f = fmemopen(out, sizeof out, "w");
	cr_assert_not_null(f);
	json_text(f, slice_str("a\"b\\\n\xc3\xa4"));
	fclose(f);
	cr_assert_str_eq(out, "\"a\\\"b\\\\\\n\xc3\xa4\"");
}

/* Standard error of what `level` lets through, as a string of the kinds' first letters. */
static bool shown(enum output_level level, char *text, size_t size)
{
	static const char *const line[] = {"step", "folder", "warning", "problem", "alert"};
	struct output o = {.level = level};
	int saved = dup(STDERR_FILENO), file[2];
	if (saved < 0 || pipe(file) != 0)
		return false;
	dup2(file[1], STDERR_FILENO);
	for (int kind = SYNC_NOTE_STEP; kind <= SYNC_NOTE_ALERT; kind++)
		output_note(&o, (enum sync_note)kind, line[kind]);
	o.account = "work";
	output_error(&o, "%s %d", "error", 1);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(file[1]);
	ssize_t got = read(file[0], text, size - 1);
	close(file[0]);
	text[got > 0 ? got : 0] = '\0';
	return got >= 0;
}

Test(output, problems_and_alerts_are_always_shown)
{
	static const struct {
		enum output_level level;
		const char *text;
	} row[] = {
		{OUTPUT_QUIET, "imapsync: problem\nimapsync: alert\nimapsync: work: error 1\n"},
		{OUTPUT_CRON,
			"imapsync: warning\nimapsync: problem\nimapsync: alert\nimapsync: work: error 1\n"},
		{OUTPUT_NORMAL,
			"imapsync: warning\nimapsync: problem\nimapsync: alert\nimapsync: work: error 1\n"},
		{OUTPUT_VERBOSE,
			"imapsync: step\nimapsync: folder\nimapsync: warning\nimapsync: problem\n"
			"imapsync: alert\nimapsync: work: error 1\n"},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char text[1000];
		cr_assert(shown(row[i].level, text, sizeof text));
		cr_assert_str_eq(text, row[i].text, "level %d", (int)row[i].level);
	}
}

Test(output, without_a_terminal_there_is_no_progress_line)
{
	struct output o = {.level = OUTPUT_VERBOSE};
	const struct sync_progress p = {.folders_total = 1};
	output_progress(&o, &p);
	cr_assert(!o.drawn);
}

Test(output, the_level_follows_the_options_and_the_terminal)
{
	struct output o;
	int null = open("/dev/null", O_WRONLY);
	cr_assert_geq(null, 0);
	fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	dup2(null, STDOUT_FILENO);
	output_init(&o, false, false, false);
	enum output_level plain = o.level;
	output_init(&o, true, true, false);
	enum output_level quiet = o.level;
	output_init(&o, false, true, true);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(null);
	cr_assert_eq(plain, OUTPUT_CRON);
	cr_assert_eq(quiet, OUTPUT_QUIET, "--quiet wins");
	cr_assert_eq(o.level, OUTPUT_VERBOSE);
	cr_assert(o.json);
}

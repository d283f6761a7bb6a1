/* SPDX-License-Identifier: MIT */
/* test_log.c -- levels, the sink, and that nothing dangerous reaches it. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

struct seen {
	int lines;
	enum log_level level;
	char line[2 * LOG_LINE_MAX];
};

static void remember(void *ctx, enum log_level level, const char *line)
{
	struct seen *s = ctx;
	s->lines++;
	s->level = level;
	snprintf(s->line, sizeof s->line, "%s", line);
}

Test(log, lines_above_the_level_are_dropped)
{
	static const enum log_level all[] = {LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	for (size_t open = 0; open < 4; open++) {
		for (size_t line = 0; line < 4; line++) {
			struct seen s = {0};
			log_open(remember, &s, all[open]);
			log_line(all[line], "n %d", 5);
			cr_assert_eq(s.lines, line <= open, "%zu at %zu", line, open);
			cr_assert_eq(log_wants(all[line]), line <= open);
			if (line <= open) {
				cr_assert_eq(s.level, all[line]);
				cr_assert_str_eq(s.line, "n 5");
			}
		}
	}
}

Test(log, control_characters_never_reach_the_sink)
{
	struct seen s = {0};
	log_open(remember, &s, LOG_INFO);
	log_line(LOG_INFO,
		"a\x1B[2Jb\nc\r\xC2\x9B"
		"d\x9B\xC3\xA9");
	cr_assert_str_eq(s.line, "a\\u{1B}[2Jb\\u{A}c\\u{D}\\u{9B}d\\x9B\xC3\xA9");
}

Test(log, long_lines_are_cut_with_dots_exactly_beyond_the_limit)
{
	static char text[3 * LOG_LINE_MAX];
	struct seen s = {0};
	log_open(remember, &s, LOG_INFO);
	memset(text, 'x', sizeof text - 1);
	static const size_t length[] = {LOG_LINE_MAX - 1, LOG_LINE_MAX, LOG_LINE_MAX + 1,
		LOG_LINE_MAX + 2, 2 * LOG_LINE_MAX};
	for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
		log_line(LOG_INFO, "%.*s", (int)length[i], text);
		bool whole = length[i] <= LOG_LINE_MAX;
		cr_assert_eq(strlen(s.line), whole ? length[i] : LOG_LINE_MAX, "%zu", length[i]);
		cr_assert_eq(strstr(s.line, "...") == NULL, whole, "%zu", length[i]);
	}
}

Test(log, the_default_sink_writes_level_and_line_to_stderr)
{
	cr_redirect_stderr();
	struct seen s = {0};
	log_line(LOG_DEBUG, "not by default");
	log_open(remember, &s, LOG_DEBUG);
	log_open(NULL, NULL, LOG_WARNING);
	log_line(LOG_WARNING, "disk is nearly full");
	fflush(stderr);
	cr_assert_eq(s.lines, 0);
	cr_assert_stderr_eq_str("warning: disk is nearly full\n");
}

Test(log, levels_have_names)
{
	cr_assert_str_eq(log_level_name(LOG_ERROR), "error");
	cr_assert_str_eq(log_level_name(LOG_WARNING), "warning");
	cr_assert_str_eq(log_level_name(LOG_INFO), "info");
	cr_assert_str_eq(log_level_name(LOG_DEBUG), "debug");
}

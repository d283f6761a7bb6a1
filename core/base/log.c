/* SPDX-License-Identifier: MIT */
/*
 * log.c -- the sink and the level are the program's only globals. Lines live on the stack, so that
 * "out of memory" can be logged.
 */
#include "core/base/log.h"

#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

static void to_stderr(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "%s: %s\n", log_level_name(level), line);
}

static struct {
	log_sink *sink;
	void *ctx;
	enum log_level level;
} the_log = {to_stderr, NULL, LOG_INFO};

void log_open(log_sink *sink, void *ctx, enum log_level level)
{
	the_log.sink = sink == NULL ? to_stderr : sink;
	the_log.ctx = ctx;
	the_log.level = level;
}

bool log_wants(enum log_level level)
{
	return level <= the_log.level;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (!log_wants(level))
		return;
	/* One byte more than can be shown, so that a line that is too long ends in dots. */
	char text[LOG_LINE_MAX + 2], line[LOG_LINE_MAX + 1];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	text_show_line(line, sizeof line, slice_str(text));
	the_log.sink(the_log.ctx, level, line);
}

const char *log_level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR: return "error";
	case LOG_WARNING: return "warning";
	case LOG_INFO: return "info";
	case LOG_DEBUG: return "debug";
	}
	return "unknown";
}

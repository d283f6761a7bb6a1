/* SPDX-License-Identifier: MIT */
/*
 * log.h -- one line at a time to one sink. Called by cmd/ and by the decision makers of core/sync
 * only; everything below returns errors instead.
 *
 * The sink is the program's only global. Text that came from outside must have gone through
 * text_escape() (core/base/text.h); log_line() does so once more for control characters, so a
 * forgotten call cannot reach a terminal.
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include "core/base/err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

typedef void log_sink(void *ctx, enum log_level level, const char *line);

/* The longest line in bytes; longer ones are cut and end in "...". */
#define LOG_LINE_MAX 4096

/* Lines above `level` are dropped (LOG_INFO until this is called). NULL restores the default sink:
 * "<level>: <line>" on stderr. */
void log_open(log_sink *sink, void *ctx, enum log_level level);
bool log_wants(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *log_level_name(enum log_level level);

#endif

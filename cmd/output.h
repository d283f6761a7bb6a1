/* SPDX-License-Identifier: MIT */
/*
 * output.h -- the only code that draws on a terminal: notes, progress line, tables, units.
 *
 * Results go to standard output; notes, progress and errors to standard error. The progress line is drawn only when
 * standard error is a terminal. Colour only on terminals, never with NO_COLOR. Nothing here buffers secrets.
 */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include <stdio.h>

#include "core/sync/sync.h"

enum output_level { OUTPUT_QUIET, OUTPUT_CRON, OUTPUT_NORMAL, OUTPUT_VERBOSE };

struct output {
	enum output_level level;
	bool tty; /* standard error is a terminal */
	bool color;
	bool json;
	bool drawn;		    /* a progress line is on the screen */
	const char *account;	    /* prefix of notes, or NULL */
	int64_t started, last_draw; /* monotonic ms */
};

/* CRON: standard output is no terminal and --verbose was not given: quiet when all is well. */
void output_init(struct output *o, bool quiet, bool verbose, bool json);

void output_error(struct output *o, const char *fmt, ...)
	PRINTF_LIKE(2, 3); /* "imapsync: account: text." */
void output_note(struct output *o, enum sync_note kind, const char *line);
void output_progress(struct output *o, const struct sync_progress *p);
void output_clear_progress(struct output *o);

/* Into a small buffer; they return it. */
#define UNIT_SIZE 32
const char *unit_bytes(char b[UNIT_SIZE], uint64_t n);	  /* "512 B", "1.2 MB" (powers of 1000) */
const char *unit_count(char b[UNIT_SIZE], uint64_t n);	  /* "20,013" */
const char *unit_age(char b[UNIT_SIZE], int64_t seconds); /* "9 hours" */
const char *unit_time(char b[UNIT_SIZE], int64_t wall);	  /* "2026-03-03 03:00", local time */
/* A path for people: the home folder is "~". The text stays as long as `path` does. */
struct shown_path {
	const char *home; /* "~" or "" */
	const char *rest;
};
struct shown_path shown_path(const char *path);
const char *plural(uint64_t n, const char *one, const char *many);

/* Text padded with spaces to `columns` (UTF-8 aware), cut with "..." when longer. Escapes control characters. */
void print_cell(FILE *f, struct slice text, size_t columns, bool right);

/* What a table's last column may take on the terminal that is standard output, behind `fixed` others; 0: it is none, and
 * nobody's screen is too narrow. */
size_t last_column(size_t fixed);
/* Its text and the end of the line; cut when columns is not 0. */
void print_last_cell(struct slice text, size_t columns);

/* JSON: `"key": "text"` pieces. */
void json_text(FILE *f, struct slice s);

#endif

/* SPDX-License-Identifier: MIT */
/* output.c -- terminal output. */
#include "cmd/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/text.h"

#define DRAW_EVERY_MS	100
#define LAST_COLUMN_MIN 16 /* the tables then have 80 */

void output_init(struct output *o, bool quiet, bool verbose, bool json)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	*o = (struct output){.tty = isatty(STDERR_FILENO) == 1, .json = json};
	o->color = o->tty && (no_color == NULL || *no_color == '\0') && term != NULL &&
		strcmp(term, "dumb") != 0;
	o->level = quiet		     ? OUTPUT_QUIET
		: verbose		     ? OUTPUT_VERBOSE
		: isatty(STDOUT_FILENO) == 1 ? OUTPUT_NORMAL
					     : OUTPUT_CRON;
	o->started = clock_now(NULL);
}

void output_clear_progress(struct output *o)
{
	if (o->drawn)
		fputs("\r\033[K", stderr);
	o->drawn = false;
}

/* "imapsync: account: line", the account only when there is one. */
static void put_line(struct output *o, const char *color, const char *line)
{
	output_clear_progress(o);
	fprintf(stderr, "%s%s%s%s%s%s%s\n", o->color ? color : "",
		"imapsync: ", o->account != NULL ? o->account : "", o->account != NULL ? ": " : "",
		o->color ? "\033[0m" : "", line, "");
}

void output_error(struct output *o, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	put_line(o, "\033[31m", line);
}

void output_note(struct output *o, enum sync_note kind, const char *line)
{
	switch (kind) {
	case SYNC_NOTE_STEP:
	case SYNC_NOTE_FOLDER:
		if (o->level >= OUTPUT_VERBOSE)
			put_line(o, "\033[2m", line);
		break;
	case SYNC_NOTE_WARNING:
		if (o->level >= OUTPUT_CRON)
			put_line(o, "\033[33m", line);
		break;
	case SYNC_NOTE_PROBLEM: put_line(o, "\033[31m", line); break;
	case SYNC_NOTE_ALERT: put_line(o, "\033[33m", line); break;
	}
}

static size_t terminal_columns(void)
{
	struct winsize w;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20)
		return w.ws_col;
	return 80;
}

void output_progress(struct output *o, const struct sync_progress *p)
{
	if (!o->tty || o->level < OUTPUT_NORMAL || o->json)
		return;
	int64_t now = clock_now(NULL);
	if (o->drawn && now - o->last_draw < DRAW_EVERY_MS)
		return;
	o->last_draw = now;
	char bytes[UNIT_SIZE], rate[UNIT_SIZE], done[UNIT_SIZE], total[UNIT_SIZE];
	int64_t ms = now - o->started;
	fputs("\r", stderr);
	int used = fprintf(stderr, "%zu/%zu folders  %s of %s messages  %s  %s/s  ",
		p->folders_done, p->folders_total, unit_count(done, p->messages_done),
		unit_count(total, p->messages_total), unit_bytes(bytes, p->bytes),
		unit_bytes(rate, ms > 0 ? p->bytes * 1000 / (uint64_t)ms : 0));
	size_t columns = terminal_columns();
	if (used > 0 && (size_t)used < columns + 1)
		print_cell(stderr, p->folder, columns - (size_t)used, false);
	fputs("\033[K", stderr);
	fflush(stderr);
	o->drawn = true;
}

const char *unit_bytes(char b[UNIT_SIZE], uint64_t n)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)n;
	size_t u = 0;
	while (v >= 999.5 && u + 1 < sizeof unit / sizeof unit[0]) {
		v /= 1000;
		u++;
	}
	snprintf(b, UNIT_SIZE, u > 0 && v < 9.95 ? "%.1f %s" : "%.0f %s", v, unit[u]);
	return b;
}

const char *unit_count(char b[UNIT_SIZE], uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n), out = 0;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			b[out++] = ',';
		b[out++] = digits[i];
	}
	b[out] = '\0';
	return b;
}

struct shown_path shown_path(const char *path)
{
	const char *home = getenv("HOME");
	size_t n = home != NULL ? strlen(home) : 0;
	while (n > 0 && home[n - 1] == '/')
		n--;
	if (n > 0 && strncmp(path, home, n) == 0 && (path[n] == '/' || path[n] == '\0'))
		return (struct shown_path){"~", path + n};
	return (struct shown_path){"", path};
}

const char *plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

const char *unit_age(char b[UNIT_SIZE], int64_t s)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {{86400, "day", "days"}, {3600, "hour", "hours"}, {60, "minute", "minutes"},
		{1, "second", "seconds"}};
	if (s < 0)
		s = 0;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		int64_t n = s / units[i].seconds;
		/* "36 hours" says more than "1 day" */
		if (n >= 2 || (n == 1 && i > 0) || units[i].seconds == 1) {
			snprintf(b, UNIT_SIZE, "%" PRId64 " %s", n,
				plural((uint64_t)n, units[i].one, units[i].many));
			return b;
		}
	}
	return b;
}

const char *unit_time(char b[UNIT_SIZE], int64_t wall)
{
	time_t t = (time_t)wall;
	struct tm tm;
	if (localtime_r(&t, &tm) == NULL || strftime(b, UNIT_SIZE, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(b, UNIT_SIZE, "@%" PRId64, wall);
	return b;
}

/* Bytes of `text` that fit into `columns`, and how many columns they take. */
static size_t fit(struct slice text, size_t columns, size_t *used)
{
	size_t at = 0;
	*used = 0;
	while (at < text.n) {
		uint32_t cp;
		size_t n = utf8_next((struct slice){text.p + at, text.n - at}, &cp);
		int w = n > 0 ? utf8_columns(cp) : 1;
		if (*used + (size_t)w > columns)
			break;
		*used += (size_t)w;
		at += n > 0 ? n : 1;
	}
	return at;
}

enum pad { PAD_NOT, PAD_LEFT, PAD_RIGHT };

static void put_cell(FILE *f, struct slice text, size_t columns, enum pad pad)
{
	struct buf safe = BUF_INIT(4 * TEXT_SHOWN_MAX);
	text_escape(&safe, text);
	struct slice s = buf_slice(&safe);
	size_t used, n = fit(s, columns, &used);
	bool cut = n < s.n;
	if (cut && columns > 3)
		n = fit(s, columns - 3, &used);
	size_t width = used + (cut && columns > 3 ? 3 : 0);
	for (size_t i = width; pad == PAD_LEFT && i < columns; i++)
		fputc(' ', f);
	fwrite(s.p, 1, n, f);
	if (cut && columns > 3)
		fputs("...", f);
	for (size_t i = width; pad == PAD_RIGHT && i < columns; i++)
		fputc(' ', f);
	buf_release(&safe);
}

void print_cell(FILE *f, struct slice text, size_t columns, bool right)
{
	put_cell(f, text, columns, right ? PAD_LEFT : PAD_RIGHT);
}

size_t last_column(size_t fixed)
{
	struct winsize w;
	if (isatty(STDOUT_FILENO) != 1)
		return 0;
	size_t columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 ? w.ws_col : 80;
	return columns > fixed + LAST_COLUMN_MIN ? columns - fixed : LAST_COLUMN_MIN;
}

void print_last_cell(struct slice text, size_t columns)
{
	char shown[TEXT_SHOW_SIZE];
	if (columns > 0)
		put_cell(stdout, text, columns, PAD_NOT);
	else
		fputs(text_show(shown, sizeof(shown), text), stdout);
	putchar('\n');
}

void json_text(FILE *f, struct slice s)
{
	struct buf out = BUF_INIT(1u << 20);
	if (text_json(&out, s) == 0)
		fwrite(out.data, 1, out.len, f);
	else
		fputs("null", f);
	buf_release(&out);
}

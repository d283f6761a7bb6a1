/* SPDX-License-Identifier: MIT */
/*
 * trace.c -- see trace.h. Each direction gathers its own line: finished parts (escaped text, "<N
 * bytes>") in `line`, the text that is still growing in `raw`, so that a character cut in two by
 * the network is escaped as one. Secrets and bodies are counted and never copied: what is not there
 * cannot leak.
 */
#include "core/net/trace.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"

#define PIECE_MAX 64 /* text_escape() cuts what it is given, so it is given little at a time */
#define LINE_ROOM (8 * TRACE_LINE_MAX) /* every byte may become "\u{XX}" */

struct half {
	struct buf line;
	size_t used; /* bytes of TRACE_LINE_MAX that `line` stands for */
	unsigned char raw[TRACE_LINE_MAX];
	size_t nraw;
	enum trace_kind kind; /* of the part that is growing */
	uint64_t hidden;      /* its bytes, when kind is not TRACE_TEXT */
};

struct trace {
	char *label;
	void (*write)(void *ctx, const char *line, size_t n);
	void *ctx;
	const struct clock *clock;
	int64_t start;
	struct half half[2]; /* by enum trace_dir */
	struct buf out;
};

int trace_new(struct trace **out, const char *label,
	void (*write)(void *ctx, const char *line, size_t n), void *ctx, const struct clock *clock,
	struct err *e)
{
	struct trace *t = calloc(1, sizeof(*t));
	if (t)
		t->label = strdup(label);
	if (!t || !t->label) {
		free(t);
		return err_nomem(e, "opening a trace");
	}
	t->write = write;
	t->ctx = ctx;
	t->clock = clock;
	t->start = clock_now(clock);
	buf_init(&t->half[TRACE_CLIENT].line, LINE_ROOM);
	buf_init(&t->half[TRACE_SERVER].line, LINE_ROOM);
	buf_init(&t->out, LINE_ROOM + 1024);
	*out = t;
	return 0;
}

/* Escape all of `in`, piece by piece, never cutting a character. */
static void add_escaped(struct buf *out, struct slice in)
{
	while (in.n > 0) {
		size_t take = 0;
		while (take < in.n) {
			struct slice rest = {in.p + take, in.n - take};
			uint32_t cp;
			size_t len = utf8_next(rest, &cp);
			len = len ? len : 1;
			if (take + len > PIECE_MAX)
				break;
			take += len;
		}
		text_escape(out, (struct slice){in.p, take});
		in.p += take;
		in.n -= take;
	}
}

static void write_line(struct trace *t, const char *mark, const struct buf *text, const char *tail)
{
	int64_t ms = clock_now(t->clock) - t->start;
	buf_clear(&t->out);
	buf_addf(&t->out, "%lld.%03d ", (long long)(ms / 1000), (int)(ms % 1000));
	text_escape(&t->out, slice_str(t->label));
	buf_add_str(&t->out, mark);
	buf_add_slice(&t->out, buf_slice(text));
	buf_add_str(&t->out, tail);
	buf_add_str(&t->out, "\n");
	if (t->out.failed || text->failed) {
		static const char lost[] = "(a line of the trace was lost: out of memory)\n";
		t->write(t->ctx, lost, sizeof(lost) - 1);
		return;
	}
	t->write(t->ctx, buf_str(&t->out), t->out.len);
}

/* Move the part that is growing to the line. */
static void finish_part(struct half *h)
{
	if (h->kind == TRACE_TEXT) {
		add_escaped(&h->line, (struct slice){h->raw, h->nraw});
		h->used += h->nraw;
		h->nraw = 0;
	} else if (h->hidden > 0) {
		size_t before = h->line.len;
		buf_addf(&h->line, "<%s%llu bytes>", h->kind == TRACE_SECRET ? "secret: " : "",
			(unsigned long long)h->hidden);
		h->used += h->line.len - before;
		h->hidden = 0;
	}
}

static void finish_line(struct trace *t, enum trace_dir dir, const char *tail)
{
	struct half *h = &t->half[dir];
	finish_part(h);
	write_line(t, dir == TRACE_CLIENT ? " C: " : " S: ", &h->line, tail);
	buf_clear(&h->line);
	h->used = 0;
}

/* How many bytes at the end of `raw` are the beginning of an unfinished character: 0..3. */
static size_t unfinished(const struct half *h)
{
	static const struct {
		unsigned char mask, lead;
		size_t len;
	} form[] = {{0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
	for (size_t back = 1; back <= 3 && back <= h->nraw; back++) {
		unsigned char c = h->raw[h->nraw - back];
		if ((c & 0xc0) == 0x80)
			continue;
		for (size_t i = 0; i < 3; i++) {
			if ((c & form[i].mask) == form[i].lead)
				return back < form[i].len ? back : 0;
		}
		return 0;
	}
	return 0;
}

/* The line is full: write it with a mark and go on with a new one. */
static void split_line(struct trace *t, enum trace_dir dir)
{
	struct half *h = &t->half[dir];
	size_t keep = h->kind == TRACE_TEXT ? unfinished(h) : 0;
	unsigned char tail[3] = {0};
	memcpy(tail, h->raw + h->nraw - keep, keep);
	h->nraw -= keep;
	finish_line(t, dir, " [continues]");
	memcpy(h->raw, tail, keep);
	h->nraw = keep;
}

static void add_text(struct trace *t, enum trace_dir dir, const unsigned char *p, size_t n)
{
	struct half *h = &t->half[dir];
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			if (h->nraw > 0 && h->raw[h->nraw - 1] == '\r')
				h->nraw--;
			finish_line(t, dir, "");
			continue;
		}
		if (h->used + h->nraw >= TRACE_LINE_MAX)
			split_line(t, dir);
		h->raw[h->nraw++] = p[i];
	}
}

void trace_bytes(struct trace *t, enum trace_dir dir, enum trace_kind kind, const void *p, size_t n)
{
	if (!t || n == 0)
		return;
	struct half *h = &t->half[dir];
	if (h->kind != kind) {
		finish_part(h);
		h->kind = kind;
	}
	if (kind == TRACE_TEXT) {
		add_text(t, dir, p, n);
		return;
	}
	if (h->hidden == 0 && h->used >= TRACE_LINE_MAX)
		split_line(t, dir);
	h->hidden += n;
}

void trace_note(struct trace *t, const char *text)
{
	if (!t)
		return;
	struct buf shown;
	buf_init(&shown, LINE_ROOM);
	add_escaped(&shown, slice_str(text));
	write_line(t, " * ", &shown, "");
	buf_release(&shown);
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	for (int dir = TRACE_CLIENT; dir <= TRACE_SERVER; dir++) {
		struct half *h = &t->half[dir];
		if (h->nraw > 0 || h->hidden > 0 || h->line.len > 0)
			finish_line(t, (enum trace_dir)dir, " [unfinished]");
	}
	buf_release(&t->half[TRACE_CLIENT].line);
	buf_release(&t->half[TRACE_SERVER].line);
	buf_release(&t->out);
	free(t->label);
	free(t);
}

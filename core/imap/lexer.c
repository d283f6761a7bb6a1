/* SPDX-License-Identifier: MIT */
/*
 * lexer.c -- framing by counting octets.
 *
 * A line that came in one piece and ends no literal marker (nearly all of them) is handed out as it lies in the
 * input: one memchr() and a look at its last octet. Only a line that ends in '}' is looked at more
 * closely, and each octet of a response once, however many literals it has.
 */
#include "core/imap/lexer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/imap/token.h"

enum lexer_state {
	BETWEEN,    /* before the first octet of a response */
	LINE,	    /* in a line */
	COLLECTING, /* in a literal that becomes part of the text */
	OFFERED,    /* LEXER_BODY_BEGIN was given, no answer yet */
	BODY,	    /* in a literal that is handed on */
	SKIPPING,   /* in a literal that is dropped */
	BEHIND,	    /* just behind a literal */
	BLANK_CR,   /* behind a literal in a list there was CR */
	BLANK_LINE, /* ... and the line feed: is this the end? */
	DONE,	    /* a response was given; its text is still borrowed */
};

/* How far the values of a response were looked at, up to its last literal. */
struct lexer_scan {
	size_t at;
	size_t depth;	  /* of parentheses */
	size_t word, end; /* the last word */
	bool in_word;	  /* it goes on at `at` */
	bool section;	  /* inside BODY[ */
};

struct lexer {
	struct imap_limits limits;
	enum lexer_state state;
	struct buf text;
	struct lexer_scan scan;
	uint64_t left; /* octets to come of the literal */
	size_t marker; /* where in text the marker of the offered literal begins */
	size_t blanks; /* octets skipped before the response */
	size_t literals;
	struct lexer_gap gap[IMAP_LITERALS_MAX];
	size_t ngaps;
	struct err failed;
};

int lexer_new(struct lexer **out, const struct imap_limits *limits, struct err *e)
{
	struct lexer *x = calloc(1, sizeof *x);
	*out = x;
	if (x == NULL)
		return err_nomem(e, "starting a connection");
	x->limits = *limits;
	if (x->limits.response < LEXER_RESPONSE_MIN)
		x->limits.response = LEXER_RESPONSE_MIN;
	if (x->limits.list_response < x->limits.response)
		x->limits.list_response = x->limits.response;
	if (x->limits.list_response > SIZE_MAX / 2)
		x->limits.list_response = SIZE_MAX / 2;
	if (x->limits.response > x->limits.list_response)
		x->limits.response = x->limits.list_response;
	/* The CRLF of a line is in the buffer before it is known to be its end. */
	buf_init(&x->text, x->limits.list_response + 2);
	x->state = BETWEEN;
	return 0;
}

void lexer_free(struct lexer *x)
{
	if (x == NULL)
		return;
	buf_release(&x->text);
	free(x);
}

bool lexer_in_response(const struct lexer *x)
{
	return x->state != BETWEEN && x->state != DONE;
}

static void start_response(struct lexer *x)
{
	/* One answer to SEARCH may be large; what it took is not kept for ever. */
	if (x->text.cap > x->limits.response)
		buf_release(&x->text);
	buf_clear(&x->text);
	x->scan = (struct lexer_scan){0};
	x->ngaps = x->literals = x->blanks = 0;
	x->state = BETWEEN;
}

/* ---- limits ------------------------------------------------------------------------------------------- */

/* Answers that list numbers grow with the mailbox. */
static bool is_list_like(struct slice text)
{
	static const char *const name[] = {"SEARCH", "ESEARCH", "VANISHED", "SORT", "THREAD"};
	/* A name that begins behind more spaces than that is nobody's. The same octets are looked at
	 * however the input is cut. */
	if (text.n > LEXER_RESPONSE_MIN)
		text.n = LEXER_RESPONSE_MIN;
	struct line_head h = token_line(text);
	if (h.type != LINE_DATA || h.number.n > 0)
		return false;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		if (slice_ieq_str(h.name, name[i]))
			return true;
	return false;
}

static int too_long(struct slice text, size_t limit, struct err *e)
{
	char shown[40];
	if (text.n > 24)
		text.n = 24;
	return err_set(e, ERR_CONNECTION, E_LIMIT,
		"the server sent a response longer than %zu octets, which begins \"%s\"", limit,
		text_show(shown, sizeof shown, text));
}

/* May a response that begins with `text` have n octets? */
static int check_length(const struct lexer *x, struct slice text, uint64_t n, struct err *e)
{
	if (n <= x->limits.response)
		return 0;
	if (!is_list_like(text))
		return too_long(text, x->limits.response, e);
	return n <= x->limits.list_response ? 0 : too_long(text, x->limits.list_response, e);
}

static int append(struct lexer *x, const unsigned char *p, size_t n, struct err *e)
{
	buf_add(&x->text, p, n);
	if (buf_check(&x->text, "a response of the server", e) == 0)
		return 0;
	return err_widen(e, ERR_CONNECTION);
}

/* ---- literal markers ---------------------------------------------------------------------------------- */

static void scan_word_octet(struct lexer_scan *s, struct slice text, bool fetch)
{
	size_t i = s->at;
	if (!s->in_word) {
		s->in_word = true;
		s->word = i;
	} else if (text.p[i] == '[' && fetch && s->depth == 1) {
		s->section = token_opens_section(slice_of(text.p + s->word, i - s->word));
	}
	s->end = i + 1;
}

/* Look at text[scan.at, to). False when a quoted string is open at its end. */
static bool scan_values(struct lexer_scan *s, struct slice text, size_t to, bool fetch)
{
	for (; s->at < to; s->at++) {
		unsigned char c = text.p[s->at];
		if (c == '"' && (s->section || !s->in_word)) {
			s->at = token_quote_end(text, s->at + 1);
			if (s->at >= to)
				return false;
		} else if (s->section) {
			s->section = c != ']';
			s->end = s->at + 1;
		} else if (c == ' ') {
			s->in_word = false;
		} else if (c == '(' || c == ')') {
			s->in_word = false;
			if (c == '(')
				s->depth++;
			else if (s->depth > 0)
				s->depth--;
		} else {
			scan_word_octet(s, text, fetch);
		}
	}
	return true;
}

/* The '{' (or '~') that belongs to the '}' at end - 1, when what is between them wants to be a number and the
 * whole could begin a value; else end. */
static size_t find_marker(struct slice text, size_t end)
{
	size_t i = end - 1;
	bool digit = false;
	for (; i > 0; i--) {
		unsigned char c = text.p[i - 1];
		if (c >= '0' && c <= '9')
			digit = true;
		else if (c != '+' && c != '-' && c != ' ')
			break;
	}
	if (!digit || i < 2 || text.p[i - 1] != '{')
		return end;
	i--;
	if (text.p[i - 1] == '~')
		i--;
	return i > 0 && (text.p[i - 1] == ' ' || text.p[i - 1] == '(') ? i : end;
}

/* Is the literal whose marker is at x->marker the value of a body item? */
static bool is_body(const struct lexer *x, struct slice text)
{
	const struct lexer_scan *s = &x->scan;
	struct slice section;
	if (s->section || s->depth != 1)
		return false;
	return token_skip_spaces(text, s->end) == x->marker &&
		token_body_item(slice_of(text.p + s->word, s->end - s->word), &section);
}

static int bad_framing(struct slice text, const char *why, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	if (text.n > 80)
		text = slice_of(text.p + text.n - 80, 80);
	return err_set(e, ERR_CONNECTION, E_PROTO,
		"the server's answer cannot be read safely: %s, in \"%s\"", why,
		text_show(shown, sizeof shown, text));
}

/* The literal is announced: decide what happens to it before any octet of it is looked at. */
static int begin_literal(
	struct lexer *x, bool body, uint64_t size, struct lexer_output *out, struct err *e)
{
	struct slice text = buf_slice(&x->text);
	if (++x->literals > IMAP_LITERALS_MAX)
		return err_set(e, ERR_CONNECTION, E_LIMIT,
			"the server sent a response with more than %d literals", IMAP_LITERALS_MAX);
	x->scan.at = text.n;
	x->left = size;
	if (body) {
		x->state = OFFERED;
		out->event = LEXER_BODY_BEGIN;
		out->text = text;
		out->body_size = size;
		out->gaps = x->gap;
		out->ngaps = x->ngaps;
		return 1;
	}
	if (size > x->limits.literal)
		return err_set(e, ERR_CONNECTION, E_LIMIT,
			"the server sent a literal longer than %zu octets where no message was expected",
			x->limits.literal);
	if (check_length(x, text, text.n + size, e) != 0)
		return -1;
	x->state = COLLECTING;
	return 0;
}

/*
 * `line` is all of the response so far, with the line feed; own: it lies in x->text. 1: it ends in a literal
 * that is offered; 0: in one that is collected; 2: it has no marker; -1: error.
 */
static int read_marker(
	struct lexer *x, struct slice line, bool own, struct lexer_output *out, struct err *e)
{
	struct slice content = line;
	content.n--;
	if (content.n > 0 && content.p[content.n - 1] == '\r')
		content.n--;
	struct line_head h = token_line(content);
	if (h.type != LINE_DATA)
		return 2;
	size_t at = find_marker(content, content.n);
	if (at == content.n || at < x->scan.at)
		return 2;
	bool fetch = token_is_fetch(&h);
	uint64_t size;
	size_t after;
	if (!scan_values(&x->scan, line, at, fetch))
		return bad_framing(content, "it announces a literal inside a quoted string", e);
	if (!token_literal(line, at, &size, &after))
		return bad_framing(content, "it announces a literal of an impossible size", e);
	x->marker = at;
	bool body = fetch && is_body(x, line);
	if (!own && append(x, line.p, line.n, e) != 0)
		return -1;
	x->scan.in_word =
		x->scan.section; /* a literal in BODY[...] belongs to the name of the item */
	return begin_literal(x, body, size, out, e);
}

/* ---- lines -------------------------------------------------------------------------------------------- */

static void give_response(struct lexer *x, struct slice text, struct lexer_output *out)
{
	x->state = DONE;
	out->event = LEXER_RESPONSE;
	out->text = text;
	out->gaps = x->gap;
	out->ngaps = x->ngaps;
}

/* `line` is all of the response so far, with the line feed at its end. */
static int end_of_line(
	struct lexer *x, struct slice line, bool own, struct lexer_output *out, struct err *e)
{
	size_t n = line.n - 1;
	if (n > 0 && line.p[n - 1] == '\r')
		n--;
	if (check_length(x, line, n, e) != 0)
		return -1;
	if (n > 0 && line.p[n - 1] == '}') {
		int r = read_marker(x, line, own, out, e);
		if (r != 2)
			return r;
	}
	give_response(x, slice_of(line.p, n), out);
	return 1;
}

static int in_line(struct lexer *x, struct slice *in, struct lexer_output *out, struct err *e)
{
	const unsigned char *lf = memchr(in->p, '\n', in->n);
	size_t n = lf != NULL ? (size_t)(lf - in->p) + 1 : in->n;
	struct slice part = slice_of(in->p, n);
	in->p += n;
	in->n -= n;
	if (lf != NULL && x->text.len == 0)
		return end_of_line(x, part, false, out, e);
	if (append(x, part.p, part.n, e) != 0)
		return -1;
	struct slice text = buf_slice(&x->text);
	if (lf != NULL)
		return end_of_line(x, text, true, out, e);
	/* The last octet may be the CR that does not count. */
	return check_length(x, text, text.p[text.n - 1] == '\r' ? text.n - 1 : text.n, e);
}

/* ---- the machine -------------------------------------------------------------------------------------- */

static int between(struct lexer *x, struct slice *in, struct err *e)
{
	size_t i = 0;
	while (i < in->n && (in->p[i] == '\0' || in->p[i] == '\r' || in->p[i] == '\n'))
		i++;
	in->p += i;
	if (i > x->limits.response - x->blanks)
		return err_set(e, ERR_CONNECTION, E_LIMIT,
			"the server sent more than %zu octets of nothing", x->limits.response);
	x->blanks += i;
	in->n -= i;
	if (in->n > 0)
		x->state = LINE;
	return 0;
}

/* The next octet of the input, which is not empty. */
static unsigned char take_octet(struct slice *in)
{
	in->n--;
	return *in->p++;
}

static int behind_literal(struct lexer *x, struct slice *in, struct err *e)
{
	unsigned char c = in->p[0];
	if (c == ' ' || c == ')' || ((c == '\r' || c == '\n') && x->scan.depth == 0)) {
		x->state = LINE;
		return 0;
	}
	if (c != '\r' && c != '\n')
		return bad_framing(buf_slice(&x->text),
			"octets that do not belong there follow on a literal", e);
	take_octet(in);
	x->state = c == '\r' ? BLANK_CR : BLANK_LINE;
	return 0;
}

static int blank_line(struct lexer *x, struct slice *in, struct lexer_output *out, struct err *e)
{
	if (x->state == BLANK_CR) {
		if (take_octet(in) != '\n')
			return bad_framing(buf_slice(&x->text),
				"octets that do not belong there follow on a literal", e);
		x->state = BLANK_LINE;
		return 0;
	}
	if (in->p[0] == ' ' || in->p[0] == ')') {
		x->state = LINE;
		return 0;
	}
	give_response(x, buf_slice(&x->text), out);
	return 1;
}

static size_t take_literal(struct lexer *x, struct slice *in)
{
	size_t n = in->n < x->left ? in->n : (size_t)x->left;
	in->p += n;
	in->n -= n;
	x->left -= n;
	return n;
}

static int in_literal(struct lexer *x, struct slice *in, struct lexer_output *out, struct err *e)
{
	if (x->left == 0) {
		if (x->state != COLLECTING)
			out->event = LEXER_BODY_END;
		x->scan.at = x->text.len;
		int r = x->state == COLLECTING ? 0 : 1;
		x->state = BEHIND;
		return r;
	}
	if (in->n == 0)
		return 0;
	const unsigned char *p = in->p;
	size_t n = take_literal(x, in);
	if (x->state == SKIPPING)
		return 0;
	if (x->state == COLLECTING)
		return append(x, p, n, e);
	out->event = LEXER_BODY_DATA;
	out->data = slice_of(p, n);
	return 1;
}

static bool needs_no_input(const struct lexer *x)
{
	return (x->state == COLLECTING || x->state == BODY || x->state == SKIPPING) && x->left == 0;
}

/* 1: there is an event; 0: go on; -1: error. */
static int step(struct lexer *x, struct slice *in, struct lexer_output *out, struct err *e)
{
	switch (x->state) {
	case BETWEEN: return between(x, in, e);
	case LINE: return in_line(x, in, out, e);
	case COLLECTING:
	case BODY:
	case SKIPPING: return in_literal(x, in, out, e);
	case BEHIND: return behind_literal(x, in, e);
	case BLANK_CR:
	case BLANK_LINE: return blank_line(x, in, out, e);
	case OFFERED: return lexer_body(x, LEXER_BODY_SKIP, e);
	case DONE: start_response(x); return 0;
	}
	return 0;
}

int lexer_next(struct lexer *x, struct slice *in, struct lexer_output *out, struct err *e)
{
	*out = (struct lexer_output){.event = LEXER_MORE};
	if (err_is_set(&x->failed)) {
		*e = x->failed;
		return -1;
	}
	int r = 0;
	while (r == 0 && (in->n > 0 || needs_no_input(x)))
		r = step(x, in, out, e);
	if (r < 0)
		x->failed = *e;
	return r < 0 ? -1 : 0;
}

int lexer_body(struct lexer *x, enum lexer_body how, struct err *e)
{
	if (x->state != OFFERED)
		return err_set(e, ERR_CONNECTION, E_STATE, "no body was offered");
	if (how == LEXER_BODY_COLLECT) {
		if (x->left > x->limits.literal || x->left > x->limits.response ||
			x->text.len > x->limits.response - (size_t)x->left)
			return err_set(e, ERR_MESSAGE, E_LIMIT,
				"a body of %llu octets is too large to be kept in memory",
				(unsigned long long)x->left);
		x->state = COLLECTING;
		return 0;
	}
	x->gap[x->ngaps++] = (struct lexer_gap){x->marker, x->left};
	x->state = how == LEXER_BODY_TAKE ? BODY : SKIPPING;
	return 0;
}

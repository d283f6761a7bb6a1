/* SPDX-License-Identifier: MIT */
/*
 * fake_script.c -- the language of fake_imap.h.
 */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/fake_imap_internal.h"

#define TAGS	  10
#define SLEEP_MAX 1000

enum verb {
	V_SEND,
	V_SEND_RAW,
	V_EXPECT,
	V_EXPECT_RE,
	V_EXPECT_LINE,
	V_EXPECT_OCTETS,
	V_LITERAL,
	V_STARTTLS,
	V_SLEEP,
	V_EOF,
	V_CLOSE,
	V_RESET,
	V_CONNECTION,
};

struct word {
	const char *text;
	enum verb verb;
	bool argument;
};

static const struct word words[] = {
	{"S:", V_SEND, true},
	{"S+", V_SEND_RAW, true},
	{"C:", V_EXPECT, true},
	{"C~", V_EXPECT_RE, true},
	{"C=", V_EXPECT_LINE, true},
	{"C+", V_EXPECT_OCTETS, true},
	{"LITERAL", V_LITERAL, true},
	{"STARTTLS", V_STARTTLS, false},
	{"SLEEP", V_SLEEP, true},
	{"EOF", V_EOF, false},
	{"CLOSE", V_CLOSE, false},
	{"RESET", V_RESET, false},
	{"---", V_CONNECTION, true},
};

struct step {
	enum verb verb;
	unsigned line, connection;
	const char *arg;
};

struct fake_script {
	char *text;
	struct step *step;
	size_t n;
	unsigned connections;
};

static bool parse_line(struct fake_script *s, char *line, unsigned number)
{
	while (*line == ' ' || *line == '\t')
		line++;
	if (*line == '\0' || *line == '#')
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].text);
		if (strncmp(line, words[i].text, n) != 0 || (line[n] != ' ' && line[n] != '\0'))
			continue;
		const char *arg = line[n] == ' ' ? line + n + 1 : "";
		if (words[i].verb == V_CONNECTION) {
			s->connections++;
			return true;
		}
		s->step[s->n++] = (struct step){words[i].verb, number, s->connections, arg};
		return true;
	}
	return false;
}

struct fake_script *fake_script_parse(const char *text)
{
	struct fake_script *s = calloc(1, sizeof(*s));
	size_t lines = 1;
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	if (s) {
		s->text = strdup(text);
		s->step = calloc(lines, sizeof(*s->step));
		s->connections = 1;
	}
	if (!s || !s->text || !s->step) {
		fake_script_free(s);
		return NULL;
	}
	unsigned number = 0;
	for (char *line = s->text; line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (!parse_line(s, line, ++number)) {
			fprintf(stderr, "script, line %u: unknown step: %s\n", number, line);
			fake_script_free(s);
			return NULL;
		}
		line = end ? end + 1 : NULL;
	}
	return s;
}

void fake_script_free(struct fake_script *s)
{
	if (!s)
		return;
	free(s->text);
	free(s->step);
	free(s);
}

unsigned fake_script_connections(const struct fake_script *s)
{
	return s->connections;
}

/* ---- running it ----------------------------------------------------------------------------- */

struct run {
	struct fake_conn *c;
	char tag[TAGS][64]; /* [0] is the last */
	struct fake_text line;
};

/* "$ " or "$3 " at the start; returns what follows it. */
static const char *send_tag(struct run *r, const char *text)
{
	if (text[0] != '$')
		return text;
	size_t i = text[1] >= '1' && text[1] <= '9' ? (size_t)(text[1] - '0') : 0;
	if (text[i > 0 ? 2 : 1] != ' ')
		return text;
	fake_send(r->c, r->tag[i], strlen(r->tag[i]));
	return text + (i > 0 ? 2 : 1);
}

static int hex(char ch)
{
	const char *digits = "0123456789abcdef";
	const char *at = ch ? strchr(digits, ch | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

static void send_raw(struct run *r, const char *text)
{
	for (const char *p = send_tag(r, text); *p; p++) {
		char ch = *p;
		if (ch == '\\' && p[1] == 'x' && hex(p[2]) >= 0 && hex(p[3]) >= 0) {
			ch = (char)(hex(p[2]) * 16 + hex(p[3]));
			p += 3;
		} else if (ch == '\\' && p[1]) {
			p++;
			ch = *p == 'r'	    ? '\r'
				: *p == 'n' ? '\n'
				: *p == 't' ? '\t'
				: *p == '0' ? '\0'
					    : *p;
		}
		fake_send(r->c, &ch, 1);
	}
}

static bool matches(const char *pattern, const char *text)
{
	char whole[2048];
	regex_t re;
	(void)snprintf(whole, sizeof(whole), "^(%s)$", pattern);
	if (regcomp(&re, whole, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	bool yes = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

static bool fail(struct run *r, const struct step *s, const char *what)
{
	fake_fail(r->c->server, "connection %u, line %u of the script (%s): %s%s%s", r->c->number,
		s->line, s->arg, what, r->line.n > 0 ? ": " : "", r->line.n > 0 ? r->line.p : "");
	return false;
}

static bool read_expected(struct run *r, const struct step *s)
{
	if (!fake_flush(r->c))
		return fail(r, s, "the connection is gone");
	int rc = fake_line(r->c, &r->line);
	if (rc == 0)
		return true;
	return fail(r, s, rc == FAKE_EOF ? "the client closed instead" : "nothing came");
}

static bool expect_command(struct run *r, const struct step *s)
{
	if (!read_expected(r, s))
		return false;
	const char *space = strchr(r->line.p, ' ');
	if (!space || space - r->line.p >= (ptrdiff_t)sizeof(r->tag[0]))
		return fail(r, s, "a command without a tag came");
	memmove(r->tag[1], r->tag[0], (TAGS - 1) * sizeof(r->tag[0]));
	(void)snprintf(r->tag[0], sizeof(r->tag[0]), "%.*s", (int)(space - r->line.p), r->line.p);
	bool ok = s->verb == V_EXPECT ? strcmp(space + 1, s->arg) == 0 : matches(s->arg, space + 1);
	return ok ? true : fail(r, s, "something else came");
}

static bool expect_octets(struct run *r, const struct step *s)
{
	(void)fake_flush(r->c);
	r->line.n = 0;
	for (long n = strtol(s->arg, NULL, 10); n > 0; n--) {
		if (fake_octet(r->c) < 0)
			return fail(r, s, "fewer octets came");
	}
	return true;
}

static bool expect_eof(struct run *r, const struct step *s)
{
	(void)fake_flush(r->c);
	int rc = fake_line(r->c, &r->line);
	if (rc == 0)
		return fail(r, s, "the client said more");
	return rc == FAKE_EOF ? true : fail(r, s, "the client did not close");
}

static void send_literal(struct run *r, const char *arg)
{
	char name[64];
	unsigned long n = 0;
	if (sscanf(arg, "%63s %lu", name, &n) != 2)
		return;
	for (unsigned long i = 0; i < n; i++) {
		unsigned char ch = fake_literal(name, i);
		fake_send(r->c, &ch, 1);
	}
}

static void pause_ms(long ms)
{
	if (ms > SLEEP_MAX)
		ms = SLEEP_MAX;
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	(void)nanosleep(&t, NULL);
}

/* false: the script is over for this connection. */
static bool run_step(struct run *r, const struct step *s)
{
	const char *rest;
	switch (s->verb) {
	case V_SEND:
		rest = send_tag(r, s->arg);
		fake_send(r->c, rest, strlen(rest));
		fake_send(r->c, "\r\n", 2);
		return true;
	case V_SEND_RAW: send_raw(r, s->arg); return true;
	case V_EXPECT:
	case V_EXPECT_RE: return expect_command(r, s);
	case V_EXPECT_LINE:
		if (!read_expected(r, s))
			return false;
		return strcmp(r->line.p, s->arg) == 0 ? true : fail(r, s, "something else came");
	case V_EXPECT_OCTETS: return expect_octets(r, s);
	case V_LITERAL: send_literal(r, s->arg); return true;
	case V_STARTTLS:
		r->line.n = 0;
		return fake_start_tls(r->c) ? true : fail(r, s, "the handshake failed");
	case V_SLEEP:
		(void)fake_flush(r->c);
		pause_ms(strtol(s->arg, NULL, 10));
		return true;
	case V_EOF: (void)expect_eof(r, s); return false;
	case V_RESET: r->c->reset = true; break;
	case V_CLOSE:
	case V_CONNECTION: break;
	}
	(void)fake_flush(r->c);
	return false;
}

void fake_serve_script(struct fake_conn *c)
{
	const struct fake_script *s = c->server->script;
	struct run r = {.c = c};
	if (c->number > s->connections)
		fake_fail(c->server, "a connection more than the script has was made");
	bool on = c->number <= s->connections;
	for (size_t i = 0; on && i < s->n; i++) {
		if (s->step[i].connection == c->number)
			on = run_step(&r, &s->step[i]);
	}
	if (on) {
		const struct step end = {V_EOF, 0, c->number, "the end"};
		(void)expect_eof(&r, &end);
	}
	free(r.line.p);
}

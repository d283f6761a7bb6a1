/* SPDX-License-Identifier: MIT */
/* example.c -- what the examples share; see example.h. */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the configuration file ------------------------------------------------------------------------------ */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static char *trim(char *text)
{
	text += strspn(text, " \t");
	for (size_t n = strlen(text); n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL; n--)
		text[n - 1] = '\0';
	return text;
}

static void set_text(char *field, size_t size, const char *key, const char *value)
{
	if ((size_t)snprintf(field, size, "%s", value) >= size)
		fail(key, "too long");
}

static void set_key(struct example_config *c, const char *key, const char *value)
{
	if (strcmp(key, "hostname") == 0)
		set_text(c->hostname, sizeof c->hostname, key, value);
	else if (strcmp(key, "username") == 0)
		set_text(c->username, sizeof c->username, key, value);
	else if (strcmp(key, "password") == 0)
		set_text(c->password, sizeof c->password, key, value);
	else if (strcmp(key, "ca-file") == 0)
		set_text(c->ca_file, sizeof c->ca_file, key, value);
	else if (strcmp(key, "port") == 0)
		c->port = (unsigned short)strtoul(value, NULL, 10);
	else
		fail(key, "no such key in the configuration");
}

void example_read_config(struct example_config *c, int argc, char **argv)
{
	char path[1024], line[2048];
	const char *home = getenv("HOME");
	memset(c, 0, sizeof *c);
	snprintf(path, sizeof path, "%s%s",
		argc > 1	       ? argv[1]
			: home != NULL ? home
				       : ".",
		argc > 1 ? "" : "/.imap4-example");
	FILE *f = fopen(path, "r");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	while (fgets(line, sizeof line, f) != NULL) {
		char *key = trim(line), *equals = strchr(key, '=');
		if (strchr("[#;", *key) != NULL) /* also an empty line: its NUL */
			continue;
		if (equals == NULL)
			fail(path, "not a line of the form key = value");
		*equals = '\0';
		set_key(c, trim(key), trim(equals + 1));
	}
	fclose(f);
	if (*c->hostname == '\0' || *c->username == '\0')
		fail(path, "hostname and username must be there");
}

/* ---- a connection ---------------------------------------------------------------------------------------- */

imap4_session *example_connect(const struct example_config *c, const imap4_events *events)
{
	imap4_options o;
	imap4_session *s;
	char *why;
	imap4_options_init(&o, sizeof o);
	o.host = c->hostname;
	o.port = c->port;
	o.ca_file = *c->ca_file != '\0' ? c->ca_file : NULL;
	o.events = events;
	if (imap4_open(&s, &o, &why) != IMAP4_OK)
		fail(c->hostname, why != NULL ? why : "out of memory");
	return s;
}

imap4_session *example_login(int argc, char **argv)
{
	struct example_config c;
	example_read_config(&c, argc, argv);
	imap4_session *s = example_connect(&c, NULL);
	example_check(s, imap4_call_login(s, c.username, c.password));
	return s;
}

void example_check(imap4_session *s, imap4_err rc)
{
	if (rc == IMAP4_OK)
		return;
	fprintf(stderr, "ERROR: %s\n", imap4_last(s)->message);
	imap4_close(s);
	exit(1);
}

imap4_reply *example_mailboxes(imap4_session *s)
{
	imap4_reply *r;
	example_check(s, imap4_call_list(s, "", "*", &r));
	return r;
}

int example_close(imap4_session *s)
{
	(void)imap4_call_logout(s);
	imap4_close(s);
	return 0;
}

/* ---- printing -------------------------------------------------------------------------------------------- */

const char *example_outcome(imap4_err rc)
{
	if (rc == IMAP4_OK)
		return "OK";
	if (rc == IMAP4_E_NO)
		return "NO";
	return rc == IMAP4_E_BAD ? "BAD" : imap4_err_name(rc);
}

static void print_char(unsigned char c)
{
	if (c < ' ' || c == 127)
		printf("\\x%02x", c);
	else
		putchar(c);
}

void example_print(imap4_str text)
{
	for (size_t i = 0; i < text.len; i++)
		print_char((unsigned char)text.ptr[i]);
}

void example_print_lines(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n' || p[i] == '\t')
			putchar(p[i]);
		else if (p[i] != '\r' || i + 1 == n || p[i + 1] != '\n')
			print_char((unsigned char)p[i]);
}

void example_print_answer(const imap4_session *s)
{
	const imap4_result *r = imap4_last(s);
	if (r->code_atom.ptr != NULL) {
		printf("[");
		example_print(r->code_atom);
		printf(r->code_args.len > 0 ? " " : "");
		example_print(r->code_args);
		printf("] ");
	}
	example_print(r->text);
	printf("\n");
}

/* The values of a list, one space between them. */
static void print_nodes(const imap4_node *n)
{
	for (; n != NULL; n = imap4_node_next(n)) {
		imap4_node_type type = imap4_node_kind(n);
		if (type == IMAP4_NODE_LIST) {
			printf("(");
			print_nodes(imap4_node_child(n));
			printf(")");
		} else if (type == IMAP4_NODE_BODY) {
			printf("{%llu}", (unsigned long long)imap4_node_size(n));
		} else {
			const char *mark = type == IMAP4_NODE_STRING ? "\"" : "";
			printf("%s", type == IMAP4_NODE_NIL ? "NIL" : mark);
			example_print(imap4_node_text(n));
			printf("%s", mark);
		}
		printf(imap4_node_next(n) != NULL ? " " : "");
	}
}

void example_print_values(const imap4_data *d)
{
	print_nodes(imap4_node_child(imap4_data_root(d)));
}

void example_print_flags(const imap4_message *m)
{
	printf("(");
	for (size_t i = 0; i < m->nflags; i++) {
		printf(i > 0 ? " " : "");
		example_print(m->flags[i]);
	}
	printf(")");
}

void example_print_numbers(const imap4_set *set)
{
	const char *space = "";
	for (uint32_t n = 0; (n = imap4_set_next(set, n)) != 0; space = " ")
		printf("%s%u", space, (unsigned)n);
}

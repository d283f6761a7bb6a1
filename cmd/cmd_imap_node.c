/* SPDX-License-Identifier: MIT */
/* cmd_imap_node.c -- generic values of a response, as text and as JSON. */
#include <inttypes.h>
#include <stdlib.h>

#include "cmd/cmd_imap.h"
#include "core/base/text.h"
#include "core/imap/imap4_util.h"

#define NUMBERS (sizeof number_names / sizeof number_names[0])

/* Nested at most as deep as the parser allows. */
static void print_values(const imap4_node *n)
{
	for (bool first = true; n != NULL; n = imap4_node_next(n), first = false) {
		if (!first)
			putchar(' ');
		imap_print_node(n);
	}
}

static void print_string(imap4_str s)
{
	char shown[TEXT_SHOW_SIZE];
	printf("\"%s\"", text_show(shown, sizeof shown, imap_slice(s)));
}

void imap_print_node(const imap4_node *n)
{
	char shown[TEXT_SHOW_SIZE];
	switch (imap4_node_kind(n)) {
	case IMAP4_NODE_ATOM:
		fputs(text_show(shown, sizeof shown, imap_slice(imap4_node_text(n))), stdout);
		break;
	case IMAP4_NODE_STRING: print_string(imap4_node_text(n)); break;
	case IMAP4_NODE_NIL: fputs("NIL", stdout); break;
	case IMAP4_NODE_LIST:
		putchar('(');
		print_values(imap4_node_child(n));
		putchar(')');
		break;
	case IMAP4_NODE_BODY: printf("{%" PRIu64 " octets}", imap4_node_size(n)); break;
	}
}

void json_add_node(struct json *j, const char *key, const imap4_node *n)
{
	uint64_t number;
	switch (imap4_node_kind(n)) {
	case IMAP4_NODE_ATOM:
		if (imap4_node_u64(n, &number)) {
			json_add_u64(j, key, number);
			break;
		}
		json_add_str(j, key, imap4_node_text(n));
		break;
	case IMAP4_NODE_STRING: json_add_str(j, key, imap4_node_text(n)); break;
	case IMAP4_NODE_NIL: json_add_null(j, key); break;
	case IMAP4_NODE_LIST:
		json_begin(j, key, '[');
		for (const imap4_node *x = imap4_node_child(n); x != NULL; x = imap4_node_next(x))
			json_add_node(j, NULL, x);
		json_end(j);
		break;
	case IMAP4_NODE_BODY:
		json_begin(j, key, '{');
		json_add_u64(j, "octets", imap4_node_size(n));
		json_end(j);
		break;
	}
}

/* " [CODE arguments] text" (RFC 9051 section 7.1) */
static void print_state(const imap4_state_line *line)
{
	char code[TEXT_SHOW_SIZE], args[TEXT_SHOW_SIZE], text[TEXT_SHOW_SIZE];
	if (line->code_atom.ptr != NULL)
		printf(" [%s%s%s]", text_show(code, sizeof code, imap_slice(line->code_atom)),
			line->code_args.len > 0 ? " " : "",
			text_show(args, sizeof args, imap_slice(line->code_args)));
	printf(" %s", text_show(text, sizeof text, imap_slice(line->text)));
}

/* What imap4_numbers.have tells of, but for the set itself. */
static const char *const number_names[] = {"MIN", "MAX", "COUNT", NULL, "MODSEQ"};

static uint64_t number_of(const imap4_numbers *n, size_t i)
{
	const uint64_t values[] = {n->min, n->max, n->count, 0, n->modseq};
	return values[i];
}

static bool has_number(const imap4_numbers *n, size_t i)
{
	return number_names[i] != NULL && (n->have & (1u << i)) != 0;
}

/* Numbers are kept as a set: there may be very many. */
static void print_numbers(const imap4_numbers *n)
{
	for (size_t i = 0; i < NUMBERS; i++)
		if (has_number(n, i))
			printf(" %s %" PRIu64, number_names[i], number_of(n, i));
	char *text = n->set != NULL ? imap4_set_text(n->set) : NULL;
	if (text != NULL && *text != '\0')
		printf(" %s", text);
	free(text);
}

static void add_numbers(struct json *j, const imap4_numbers *n)
{
	for (size_t i = 0; i < NUMBERS; i++)
		if (has_number(n, i))
			json_add_u64(j, number_names[i], number_of(n, i));
	/* ESEARCH has them only when ALL was asked for. */
	if (n->set != NULL && (n->have & IMAP4_HAVE_ALL) != 0)
		json_add_set(j, "numbers", n->set);
}

static void print_response(const imap4_data *d)
{
	const imap4_node *root = imap4_data_root(d);
	const imap4_state_line *line = imap4_data_state(d);
	char shown[TEXT_SHOW_SIZE];
	fputs("* ", stdout);
	if (imap4_data_number(d) != 0)
		printf("%" PRIu32 " ", imap4_data_number(d));
	fputs(text_show(shown, sizeof shown, imap_slice(imap4_data_name(d))), stdout);
	if (line != NULL) {
		print_state(line);
	} else if (imap4_data_numbers(d) != NULL) {
		print_numbers(imap4_data_numbers(d));
	} else if (root != NULL && imap4_node_child(root) != NULL) {
		putchar(' ');
		print_values(imap4_node_child(root));
	}
	putchar('\n');
}

static void add_response(struct json *j, const imap4_data *d)
{
	const imap4_state_line *line = imap4_data_state(d);
	json_begin(j, NULL, '{');
	json_add_str(j, "name", imap4_data_name(d));
	if (imap4_data_number(d) != 0)
		json_add_u64(j, "number", imap4_data_number(d));
	if (line != NULL) {
		json_add_str(j, "code", line->code_atom);
		json_add_str(j, "code_arguments", line->code_args);
		json_add_str(j, "text", line->text);
	} else if (imap4_data_numbers(d) != NULL) {
		add_numbers(j, imap4_data_numbers(d));
	} else if (imap4_data_root(d) != NULL) {
		json_add_node(j, "values", imap4_data_root(d));
	}
	json_end(j);
}

void imap_show_data(struct imap_call *k, const imap4_data *d)
{
	if (k->c->json)
		add_response(&k->json, d);
	else
		print_response(d);
}

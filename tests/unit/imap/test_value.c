/* SPDX-License-Identifier: MIT */
/* test_value.c -- any response as a tree of values, and what bounds the tree. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

static const struct {
	const char *in, *out;
} rows[] = {
	{"* X", "OTHER X ()"},
	{"* X a b", "OTHER X (a b)"},
	{"* X (a (b) () c) d", "OTHER X ((a (b) () c) d)"},
	{"* X(a)(b)", "OTHER X ((a) (b))"},
	{"* X a(b)c", "OTHER X (a (b) c)"},
	{"* X NIL nil Nil NILL \"NIL\" {3}\r\nNIL", "OTHER X (NIL NIL NIL NILL \"NIL\" \"NIL\")"},
	{"* X \"\" \"a b\" \"\\\"\\\\\"", "OTHER X (\"\" \"a b\" \"\"\\\")"},
	{"* X \"a\"\"b\"", "OTHER X (\"a\" \"b\")"},
	{"* X (\"a\"(\"b\"))", "OTHER X ((\"a\" (\"b\")))"},
	{"* X {0}\r\n {2}\r\n() ~{1}\r\nx {1+}\r\ny {1}\nz",
		"OTHER X (\"\" \"()\" \"x\" \"y\" \"z\")"},
	{"* X ~a ~ {5} ~{x} a{1}", "OTHER X (~a ~ {5} ~{x} a{1})"},
	{"* X \\Seen \\* $a [b] c] 1 -1 <x>", "OTHER X (\\Seen \\* $a [b] c] 1 -1 <x>)"},
	{"* X (BODY[a (b))", "OTHER X ((BODY[a (b)))"},
	{"* X BODY[a b]", "OTHER X (BODY[a b])"},
	{"* X  a   b  ", "OTHER X (a b)"},
	{"* FLAGS (\\Answered x)", "FLAGS ((\\Answered x))"},
	{"* capability IMAP4rev1  AUTH=PLAIN ", "capability (IMAP4rev1 AUTH=PLAIN)"},
	{"* ENABLED CONDSTORE", "ENABLED (CONDSTORE)"},
	{"* ENABLED", "ENABLED ()"},
	{"* ID NIL", "ID (NIL)"},
	{"* ID (\"name\" \"x\" \"v\" NIL)", "ID ((\"name\" \"x\" \"v\" NIL))"},
	{"* SORT 3 1 2", "OTHER SORT (3 1 2)"},
	{"* THREAD (1)(2 3)", "OTHER THREAD ((1) (2 3))"},
	{"*X a", "OTHER X (a)"},
	/* damaged */
	{"* X (a", "!OTHER X ((a))"},
	{"* X a) b", "!OTHER X (a b)"},
	{"* X )", "!OTHER X ()"},
	{"* X \"a", "!OTHER X (\"a\")"},
	{"* X \"", "!OTHER X (\"\")"},
	{"* X \"a\\", "!OTHER X (\"a\\\")"},
	{"* X \"a\"b\" c", "!OTHER X (\"a\"b\" c)"},
	{"* X a\"b", "!OTHER X (a\"b)"},
	{"* X \"a\\b\"", "!OTHER X (\"a\\b\")"},
	{"* X {5}\r\nabc", "!OTHER X (<5> abc)"},
	{"* X \"a\nb\"", "!OTHER X (\"a\" b\")"},
};

Test(value, reads_any_response)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_assert_str_eq(resp_dump_line(&out, rows[i].in), rows[i].out, "\"%s\": %s",
			rows[i].in, buf_str(&out));
	buf_release(&out);
}

Test(value, reads_every_beginning_of_a_response)
{
	struct buf out = BUF_INIT(1 << 16);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t n = 0; n < strlen(rows[i].in); n++) {
			char *cut = strndup(rows[i].in, n);
			cr_assert_not_null(resp_dump_line(&out, cut));
			free(cut);
		}
	}
	buf_release(&out);
}

Test(value, keeps_octets_with_nuls_in_literals_and_strings)
{
	static const char line[] = "* X {3}\r\na\0b \"c\0d\" e\0f";
	struct err e = ERR_INIT;
	struct imap4_data *d =
		resp_parse(slice_of(line, sizeof line - 1), NULL, 0, &lexer_log_limits, &e);
	const imap4_node *n = imap4_node_child(imap4_data_root(d));
	static const char *const want[] = {"a\0b", "c\0d", "e\0f"};
	for (size_t i = 0; i < 3; i++, n = imap4_node_next(n)) {
		imap4_str s = imap4_node_text(n);
		cr_assert_eq(s.len, 3);
		cr_assert_eq(memcmp(s.ptr, want[i], 4), 0);
	}
	cr_assert_null(n);
	resp_free(d);
}

static struct imap4_data *parse(const struct buf *line, const struct imap_limits *limits)
{
	struct err e = ERR_INIT;
	struct imap4_data *d = resp_parse(buf_slice(line), NULL, 0, limits, &e);
	cr_assert_not_null(d);
	return d;
}

Test(value, nests_as_deep_as_allowed_and_leaves_out_what_is_deeper)
{
	for (int depth = IMAP_DEPTH_MAX; depth <= IMAP_DEPTH_MAX + 2; depth++) {
		struct buf line = BUF_INIT(1 << 16);
		(void)buf_add_str(&line, "* X a ");
		for (int i = 0; i < depth; i++)
			(void)buf_addf(&line, "(%d ", i);
		for (int i = 0; i < depth; i++)
			(void)buf_add_str(&line, ") ");
		(void)buf_add_str(&line, "b");
		struct imap4_data *d = parse(&line, &lexer_log_limits);
		cr_assert_eq(resp_is_damaged(d), depth > IMAP_DEPTH_MAX, "%d", depth);
		const imap4_node *list = imap4_node_next(imap4_node_child(imap4_data_root(d)));
		cr_assert_str_eq(imap4_node_text(imap4_node_next(list)).ptr, "b");
		int found = 0;
		for (; list != NULL; list = imap4_node_next(imap4_node_child(list)))
			found++;
		cr_assert_eq(found, IMAP_DEPTH_MAX, "%d: %d", depth, found);
		resp_free(d);
		buf_release(&line);
	}
}

Test(value, finds_items_behind_what_is_nested_too_deep)
{
	struct buf line = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
	(void)buf_add_str(&line, "* 1 FETCH (BODYSTRUCTURE ");
	for (int i = 0; i < 100; i++)
		(void)buf_add_str(&line, "(\")\" ");
	for (int i = 0; i < 100; i++)
		(void)buf_add_str(&line, ")");
	(void)buf_add_str(&line, " UID 7)");
	cr_assert_str_eq(resp_dump_line(&out, buf_str(&line)), "!FETCH seq=1 uid=7");
	buf_release(&line);
	buf_release(&out);
}

Test(value, holds_as_many_nodes_as_allowed)
{
	for (size_t n = IMAP_NODES_MAX - 2; n <= IMAP_NODES_MAX + 1; n++) {
		struct buf line = BUF_INIT(4 << 20);
		(void)buf_add_str(&line, "* X");
		for (size_t i = 0; i < n; i++)
			(void)buf_add_str(&line, i == n - 1 ? " (z)" : " a");
		struct imap4_data *d = parse(&line, &lexer_log_limits);
		/* The root is a node, and the last list has a child. */
		cr_assert_eq(resp_is_damaged(d), n + 2 > IMAP_NODES_MAX, "%zu", n);
		size_t count = 0;
		for (const imap4_node *c = imap4_node_child(imap4_data_root(d)); c != NULL;
			c = imap4_node_next(c))
			count++;
		cr_assert_eq(count, n + 1 > IMAP_NODES_MAX ? (size_t)IMAP_NODES_MAX - 1 : n);
		resp_free(d);
		buf_release(&line);
	}
}

Test(value, gives_only_the_size_of_a_token_that_is_too_long)
{
	struct imap_limits limits = {10, 1000, 1000, 1000};
	static const struct {
		const char *begin, *end;
	} forms[] = {{"* X ", " b"}, {"* X \"", "\" b"}, {"* 1 FETCH (BODY[", "] \"b\")"}};
	for (size_t f = 0; f < 3; f++) {
		for (int n = 10; n <= 11; n++) {
			struct buf line = BUF_INIT(1000);
			int len = f == 2 ? n - 6 : n;
			(void)buf_addf(&line, "%s%.*s%s", forms[f].begin, len, "aaaaaaaaaaaa",
				forms[f].end);
			struct imap4_data *d = parse(&line, &limits);
			cr_assert_eq(resp_is_damaged(d), n > 10, "%s", buf_str(&line));
			const imap4_node *node = imap4_node_child(imap4_data_root(d));
			if (f == 2)
				node = imap4_node_child(node);
			cr_assert_eq(imap4_node_kind(node) == IMAP4_NODE_BODY, n > 10, "%s",
				buf_str(&line));
			if (n > 10)
				cr_assert_eq(imap4_node_size(node), 11);
			cr_assert_str_eq(imap4_node_text(imap4_node_next(node)).ptr, "b");
			resp_free(d);
			buf_release(&line);
		}
	}
}

Test(value, reads_torture_in_linear_time, .timeout = 10)
{
	static const char *const pieces[] = {"(", ")", "\"", "\\", "a ", "\"a\"b", "{1}\r\nx ",
		"BODY[", "[", "() ", "{", "\" \\"};
	for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
		for (int fetch = 0; fetch < 2; fetch++) {
			struct buf line = BUF_INIT(4 << 20);
			(void)buf_add_str(&line, fetch ? "* 1 FETCH (" : "* X ");
			while (line.len < 1 << 20)
				(void)buf_add_str(&line, pieces[p]);
			resp_free(parse(&line, &lexer_log_limits));
			buf_release(&line);
		}
	}
}

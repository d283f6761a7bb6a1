/* SPDX-License-Identifier: MIT */
/* test_data.c -- the public accessors. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"

static struct imap4_data *parse(const char *line)
{
	struct err e = ERR_INIT;
	struct imap4_data *d = resp_parse(slice_str(line), NULL, 0, &lexer_log_limits, &e);
	cr_assert_not_null(d);
	return d;
}

Test(data, has_exactly_one_typed_form)
{
	static const struct {
		const char *line;
		imap4_kind kind;
		int form; /* 0 none, 1 state, 2 list, 3 status, 4 message, 5 numbers, 6 namespace */
	} rows[] = {
		{"* X", IMAP4_DATA_OTHER, 0},
		{"* OK", IMAP4_DATA_STATE, 1},
		{"a NO", IMAP4_DATA_STATE, 1},
		{"+ x", IMAP4_DATA_OTHER, 0},
		{"* CAPABILITY x", IMAP4_DATA_CAPABILITY, 0},
		{"* ENABLED x", IMAP4_DATA_ENABLED, 0},
		{"* LIST () \"/\" x", IMAP4_DATA_LIST, 2},
		{"* STATUS x ()", IMAP4_DATA_STATUS, 3},
		{"* FLAGS ()", IMAP4_DATA_FLAGS, 0},
		{"* 1 EXISTS", IMAP4_DATA_EXISTS, 0},
		{"* 1 RECENT", IMAP4_DATA_RECENT, 0},
		{"* 1 EXPUNGE", IMAP4_DATA_EXPUNGE, 0},
		{"* VANISHED 1", IMAP4_DATA_VANISHED, 5},
		{"* 1 FETCH ()", IMAP4_DATA_FETCH, 4},
		{"* 1 UIDFETCH ()", IMAP4_DATA_FETCH, 4},
		{"* SEARCH 1", IMAP4_DATA_SEARCH, 5},
		{"* ESEARCH ALL 1", IMAP4_DATA_ESEARCH, 5},
		{"* NAMESPACE ((\"\" \"/\")) NIL NIL", IMAP4_DATA_NAMESPACE, 6},
		{"* ID NIL", IMAP4_DATA_ID, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct imap4_data *d = parse(rows[i].line);
		cr_assert_eq(imap4_data_kind(d), rows[i].kind, "%s", rows[i].line);
		cr_assert_eq(imap4_data_state(d) != NULL, rows[i].form == 1, "%s", rows[i].line);
		cr_assert_eq(imap4_data_list(d) != NULL, rows[i].form == 2, "%s", rows[i].line);
		cr_assert_eq(imap4_data_status(d) != NULL, rows[i].form == 3, "%s", rows[i].line);
		cr_assert_eq(imap4_data_message(d) != NULL, rows[i].form == 4, "%s", rows[i].line);
		cr_assert_eq(imap4_data_numbers(d) != NULL, rows[i].form == 5, "%s", rows[i].line);
		cr_assert_eq(
			imap4_data_namespace(d, 0) != NULL, rows[i].form == 6, "%s", rows[i].line);
		cr_assert_null(imap4_data_namespace(d, 1));
		cr_assert_eq(imap4_node_kind(imap4_data_root(d)), IMAP4_NODE_LIST);
		cr_assert_not_null(imap4_data_name(d).ptr);
		resp_free(d);
	}
	resp_free(NULL);
}

Test(data, walks_nodes_and_ends_in_null)
{
	struct imap4_data *d = parse("* X 12 \"34\" NIL () x 18446744073709551616");
	const imap4_node *n = imap4_node_child(imap4_data_root(d));
	uint64_t v = 0;
	cr_assert_eq(imap4_node_u64(n, &v), 1);
	cr_assert_eq(v, 12);
	cr_assert_eq(imap4_node_size(n), 0, "only strings and bodies have a size");
	n = imap4_node_next(n);
	cr_assert_eq(imap4_node_u64(n, &v), 1, "quoted numbers are read");
	cr_assert_eq(imap4_node_size(n), 2);
	n = imap4_node_next(n);
	cr_assert_eq(imap4_node_kind(n), IMAP4_NODE_NIL);
	cr_assert_null(imap4_node_text(n).ptr);
	cr_assert_eq(imap4_node_u64(n, &v), 0);
	n = imap4_node_next(n);
	cr_assert_eq(imap4_node_kind(n), IMAP4_NODE_LIST);
	cr_assert_null(imap4_node_child(n));
	cr_assert_null(imap4_node_text(n).ptr);
	n = imap4_node_next(n);
	cr_assert_eq(imap4_node_u64(n, &v), 0);
	n = imap4_node_next(n);
	cr_assert_eq(imap4_node_u64(n, &v), 0, "beyond 64 bits");
	cr_assert_null(imap4_node_next(n));
	cr_assert_null(imap4_node_next(NULL));
	cr_assert_null(imap4_node_child(NULL));
	cr_assert_null(imap4_node_text(NULL).ptr);
	cr_assert_eq(imap4_node_kind(NULL), IMAP4_NODE_NIL);
	cr_assert_eq(imap4_node_size(NULL), 0);
	cr_assert_eq(imap4_node_u64(NULL, &v), 0);
	resp_free(d);
}

Test(data, finds_items_of_a_message_by_name)
{
	struct imap4_data *d =
		parse("* 1 FETCH (FLAGS (UID) UID 7 X-GM-LABELS (\"\\\\Sent\" a) BODY[TEXT] UID)");
	const imap4_message *m = imap4_data_message(d);
	cr_assert_eq(imap4_node_kind(imap4_message_item(m, "x-gm-labels")), IMAP4_NODE_LIST);
	cr_assert_str_eq(imap4_node_text(imap4_message_item(m, "UID")).ptr, "7");
	cr_assert_str_eq(imap4_node_text(imap4_message_item(m, "BODY[TEXT]")).ptr, "UID");
	cr_assert_null(imap4_message_item(m, "BODY[]"));
	cr_assert_null(imap4_message_item(m, ""));
	resp_free(d);
}

Test(data, tells_the_section_only_of_names_of_bodies)
{
	struct imap4_data *d = parse("* 1 FETCH (UID 7 BODY[1.TEXT]<3> \"BODY[]\")");
	imap4_str section = {NULL, 0};
	const imap4_node *n = imap4_node_child(imap4_data_message(d)->items);
	cr_assert_not(resp_body_item(n, &section), "UID");
	n = imap4_node_next(n);
	cr_assert_not(resp_body_item(n, &section), "7");
	n = imap4_node_next(n);
	cr_assert(resp_body_item(n, &section));
	cr_assert_str_eq(section.ptr, "1.TEXT");
	cr_assert_eq(section.len, 6);
	cr_assert_not(resp_body_item(imap4_node_next(n), &section), "a string");
	cr_assert_not(resp_body_item(NULL, &section));
	resp_free(d);
}

Test(data, spells_names_as_the_server_did)
{
	struct imap4_data *d = parse("* 12 x-New a");
	cr_assert_str_eq(imap4_data_name(d).ptr, "x-New");
	cr_assert_eq(imap4_data_number(d), 12);
	resp_free(d);
}

/* SPDX-License-Identifier: MIT */
/*
 * resp.c -- one framed response: which kind it is, its memory, and who reads it.
 */
#include "core/imap/resp.h"

#include <stdlib.h>
#include <string.h>

#include "core/imap/value.h"

/* Untagged responses with a form of their own. Those without a function are just their values. */
static const struct untagged {
	const char *name;
	imap4_kind kind;
	bool numbered; /* "* 23 EXISTS" */
	int (*read)(struct imap4_data *d, struct values *v, struct err *e);
} untagged[] = {
	{"FETCH", IMAP4_DATA_FETCH, true, resp_read_fetch},
	{"UIDFETCH", IMAP4_DATA_FETCH, true, resp_read_fetch},
	{"EXISTS", IMAP4_DATA_EXISTS, true, NULL},
	{"RECENT", IMAP4_DATA_RECENT, true, NULL},
	{"EXPUNGE", IMAP4_DATA_EXPUNGE, true, NULL},
	{"LIST", IMAP4_DATA_LIST, false, resp_read_list},
	{"LSUB", IMAP4_DATA_LIST, false, resp_read_list},
	{"XLIST", IMAP4_DATA_LIST, false, resp_read_list},
	{"STATUS", IMAP4_DATA_STATUS, false, resp_read_status},
	{"SEARCH", IMAP4_DATA_SEARCH, false, resp_read_search},
	{"ESEARCH", IMAP4_DATA_ESEARCH, false, resp_read_esearch},
	{"VANISHED", IMAP4_DATA_VANISHED, false, resp_read_vanished},
	{"FLAGS", IMAP4_DATA_FLAGS, false, NULL},
	{"CAPABILITY", IMAP4_DATA_CAPABILITY, false, NULL},
	{"ENABLED", IMAP4_DATA_ENABLED, false, NULL},
	{"NAMESPACE", IMAP4_DATA_NAMESPACE, false, resp_read_namespace},
	{"ID", IMAP4_DATA_ID, false, NULL},
};

static const struct untagged *find_untagged(const struct line_head *h)
{
	for (size_t i = 0; i < sizeof untagged / sizeof *untagged; i++)
		if (untagged[i].numbered == (h->number.n > 0) &&
			slice_ieq_str(h->name, untagged[i].name))
			return &untagged[i];
	return NULL;
}

/* ---- memory ------------------------------------------------------------------------------------------- */

/* The struct, `nodes` nodes, a copy of the text, and `area` octets for values: *at. */
static struct imap4_data *new_data(
	struct slice text, size_t nodes, size_t area, char **at, struct err *e)
{
	size_t fixed = sizeof(struct imap4_data) + nodes * sizeof(struct imap4_node);
	struct imap4_data *d = NULL;
	if (text.n < SIZE_MAX / 4 && area < SIZE_MAX / 4)
		d = malloc(fixed + text.n + 1 + area);
	if (d == NULL) {
		err_nomem(e, "reading a response");
		return NULL;
	}
	memset(d, 0, sizeof *d);
	d->node = d->inline_node;
	d->node_cap = nodes;
	char *raw = (char *)d + fixed;
	if (text.n > 0)
		memcpy(raw, text.p, text.n);
	raw[text.n] = '\0';
	d->raw = slice_of(raw, text.n);
	d->node[0] = (struct imap4_node){.kind = IMAP4_NODE_LIST};
	d->nnodes = 1;
	*at = raw + text.n + 1;
	return d;
}

void resp_free(struct imap4_data *d)
{
	if (d == NULL)
		return;
	if (d->node != d->inline_node)
		free(d->node);
	if (d->kind == IMAP4_DATA_SEARCH || d->kind == IMAP4_DATA_ESEARCH ||
		d->kind == IMAP4_DATA_VANISHED)
		uidset_release(&d->u.numbers.set);
	free(d->extra);
	free(d);
}

imap4_str *resp_strings(struct imap4_data *d, size_t n)
{
	if (n <= RESP_STRINGS_INLINE)
		return d->string;
	d->extra = calloc(n, sizeof(imap4_str));
	return d->extra;
}

/* ---- what the readers share --------------------------------------------------------------------------- */

imap4_str resp_str(const struct imap4_node *n)
{
	if (n == NULL || n->text == NULL)
		return (imap4_str){NULL, 0};
	return (imap4_str){n->text, (size_t)n->size};
}

struct slice resp_node_slice(const struct imap4_node *n)
{
	imap4_str s = resp_str(n);
	return slice_of(s.ptr, s.len);
}

bool resp_number(const struct imap4_node *n, uint64_t max, uint64_t *v)
{
	return slice_u64(resp_node_slice(n), max, v);
}

const struct imap4_node *resp_only(const struct imap4_node *n)
{
	return n != NULL && n->kind == IMAP4_NODE_LIST ? imap4_node_child(n) : n;
}

bool resp_string_list(
	struct imap4_data *d, const struct imap4_node *list, const imap4_str **out, size_t *n)
{
	bool is_list = list->kind == IMAP4_NODE_LIST;
	const struct imap4_node *first = is_list ? imap4_node_child(list) : list;
	size_t count = 0;
	for (const struct imap4_node *c = first; c != NULL;
		c = is_list ? imap4_node_next(c) : NULL) {
		count += c->text != NULL;
		if (c->kind == IMAP4_NODE_LIST || c->kind == IMAP4_NODE_BODY)
			d->damaged = true;
	}
	imap4_str *s = resp_strings(d, count);
	if (s == NULL)
		return false;
	*out = s;
	*n = count;
	for (const struct imap4_node *c = first; c != NULL; c = is_list ? imap4_node_next(c) : NULL)
		if (c->text != NULL)
			*s++ = resp_str(c);
	return true;
}

bool resp_body_item(const imap4_node *name, imap4_str *section)
{
	struct slice s;
	if (name == NULL || !name->body_item || !token_body_item(resp_node_slice(name), &s))
		return false;
	*section = (imap4_str){name->text + name->size + 1, s.n};
	return true;
}

/* ---- lines -------------------------------------------------------------------------------------------- */

/* A name as the server spelt it, with a NUL behind. */
static imap4_str put_name(char **at, struct slice s)
{
	imap4_str r = {*at, s.n};
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return r;
}

static struct imap4_data *parse_tagged(struct slice text, struct err *e)
{
	char *at;
	/* Each of tag, condition, code, arguments and text has a NUL behind; a space or bracket paid for all but
	 * the first and the last. */
	struct imap4_data *d = new_data(text, 1, text.n + 8, &at, e);
	if (d == NULL)
		return NULL;
	size_t end = token_word_end(d->raw, 0);
	size_t cond = token_skip_spaces(d->raw, end);
	size_t cond_end = token_word_end(d->raw, cond);
	struct slice condition = slice_of(d->raw.p + cond, cond_end - cond);
	bool is_tagged = slice_ieq_str(condition, "OK") || slice_ieq_str(condition, "NO") ||
		slice_ieq_str(condition, "BAD");
	if (end == 0 || !is_tagged) {
		d->name = (imap4_str){"", 0};
		d->damaged = true;
		return d;
	}
	d->type = RESP_TAGGED;
	d->tag = slice_of(d->raw.p, end);
	resp_read_state(d, slice_of(d->raw.p + cond, d->raw.n - cond), at);
	return d;
}

static struct imap4_data *parse_continue(struct slice text, struct err *e)
{
	char *at;
	struct imap4_data *d = new_data(text, 1, 0, &at, e);
	if (d == NULL)
		return NULL;
	d->type = RESP_CONTINUE;
	size_t i = token_skip_spaces(d->raw, 1);
	d->continued = slice_of(d->raw.p + i, d->raw.n - i);
	d->name = (imap4_str){"", 0};
	return d;
}

static struct imap4_data *parse_state(struct slice text, const struct line_head *h, struct err *e)
{
	char *at;
	struct imap4_data *d = new_data(text, 1, text.n + 8, &at, e);
	if (d == NULL)
		return NULL;
	size_t from = h->rest - h->name.n;
	resp_read_state(d, slice_of(d->raw.p + from, d->raw.n - from), at);
	return d;
}

/* Most values are longer than eight octets with what separates them; many of them get an array of their own. */
static size_t first_nodes(size_t n)
{
	size_t nodes = n / 8 + 6;
	return nodes < RESP_NODES_INLINE ? nodes : RESP_NODES_INLINE;
}

static int read_values(
	struct imap4_data *d, const struct untagged *u, struct values *v, struct err *e)
{
	if (u != NULL && u->read != NULL && u->read(d, v, e) != 0)
		return -1;
	return value_rest(v, e);
}

static struct imap4_data *parse_data(struct slice text, const struct line_head *h,
	const struct lexer_gap *gaps, size_t ngaps, size_t token_max, bool partial, struct err *e)
{
	const struct untagged *u = find_untagged(h);
	struct values v = {.gap = gaps,
		.ngaps = ngaps,
		.token_max = token_max,
		.partial = partial,
		.items = u != NULL && u->kind == IMAP4_DATA_FETCH};
	/* Numbers are not copied, but TAG and unknown items are. */
	size_t area = (v.items ? 2 : 1) * (text.n + 1) + h->name.n + 1;
	char *at;
	struct imap4_data *d = new_data(text, first_nodes(text.n), area, &at, e);
	if (d == NULL)
		return NULL;
	d->name = put_name(&at, h->name);
	uint64_t number = 0;
	if (h->number.n > 0 && !slice_u64(h->number, UINT32_MAX, &number))
		d->damaged = true;
	d->number = (uint32_t)number;
	d->kind = u != NULL ? u->kind : IMAP4_DATA_OTHER;
	if (d->kind == IMAP4_DATA_EXPUNGE && d->number == 0)
		d->damaged = true;
	value_begin(&v, d, h->rest, at);
	if (read_values(d, u, &v, e) != 0) {
		resp_free(d);
		return NULL;
	}
	return d;
}

static struct imap4_data *parse(struct slice text, const struct lexer_gap *gaps, size_t ngaps,
	const struct imap_limits *limits, bool partial, struct err *e)
{
	struct line_head h = token_line(text);
	switch (h.type) {
	case LINE_CONTINUE: return parse_continue(text, e);
	case LINE_STATUS: return parse_state(text, &h, e);
	case LINE_DATA: return parse_data(text, &h, gaps, ngaps, limits->token, partial, e);
	case LINE_OTHER: break;
	}
	return parse_tagged(text, e);
}

struct imap4_data *resp_parse(struct slice text, const struct lexer_gap *gaps, size_t ngaps,
	const struct imap_limits *limits, struct err *e)
{
	return parse(text, gaps, ngaps, limits, false, e);
}

struct imap4_data *resp_parse_partial(struct slice text, const struct lexer_gap *gaps, size_t ngaps,
	const struct imap_limits *limits, imap4_str *section, struct err *e)
{
	*section = (imap4_str){"", 0};
	struct imap4_data *d = parse(text, gaps, ngaps, limits, true, e);
	if (d == NULL || d->kind != IMAP4_DATA_FETCH)
		return d;
	/* The literal is the last value; what stands in front of it is its name, as it was for the lexer. */
	const struct imap4_node *name = NULL, *value = imap4_node_child(d->u.message.items);
	for (const struct imap4_node *n = value; n != NULL; n = imap4_node_next(n)) {
		name = value;
		value = n;
	}
	if (name != value)
		resp_body_item(name, section);
	return d;
}

/* ---- questions ---------------------------------------------------------------------------------------- */

enum resp_type resp_type(const struct imap4_data *d)
{
	return d->type;
}

struct slice resp_tag(const struct imap4_data *d)
{
	return d->tag;
}

struct slice resp_text(const struct imap4_data *d)
{
	return d->type == RESP_CONTINUE ? d->continued : d->raw;
}

bool resp_is_damaged(const struct imap4_data *d)
{
	return d->damaged;
}

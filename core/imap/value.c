/* SPDX-License-Identifier: MIT */
/*
 * value.c -- text to nodes. Texts are copied to an area of their own, each with a NUL behind: every value has
 * at least one octet around it that is not copied (a quote, a space, a parenthesis, the end), so the area
 * needs no more than the raw text and one octet.
 */
#include "core/imap/value.h"

#include <stdlib.h>
#include <string.h>

void value_begin(struct values *v, struct imap4_data *d, size_t at, char *out)
{
	v->d = d;
	v->text = d->raw;
	v->at = at;
	v->out = out;
	d->node[0] = (struct imap4_node){.kind = IMAP4_NODE_LIST};
	d->nnodes = 1;
	v->depth = 1;
	v->open[0] = (struct value_open){0, 0};
}

/* ---- nodes -------------------------------------------------------------------------------------------- */

static int grow(struct imap4_data *d, struct err *e)
{
	size_t cap = d->node_cap * 2;
	bool is_inline = d->node == d->inline_node;
	struct imap4_node *node = realloc(is_inline ? NULL : d->node, cap * sizeof *node);
	if (node == NULL)
		return err_nomem(e, "reading a response");
	if (is_inline)
		memcpy(node, d->node, d->nnodes * sizeof *node);
	d->node = node;
	d->node_cap = cap;
	return 0;
}

/* Add a child to the list that is open. *index 0: it is left out, for it would be too deep or too many. */
static int add_node(struct values *v, imap4_node_type kind, size_t *index, struct err *e)
{
	struct imap4_data *d = v->d;
	*index = 0;
	if (v->too_deep > 0)
		return 0;
	if (d->nnodes >= IMAP_NODES_MAX) {
		d->damaged = true;
		return 0;
	}
	if (d->nnodes == d->node_cap && grow(d, e) != 0)
		return -1;
	uint32_t i = (uint32_t)d->nnodes++;
	struct value_open *o = &v->open[v->depth - 1];
	d->node[i] = (struct imap4_node){.kind = (uint8_t)kind};
	if (o->last == 0)
		d->node[o->list].has_child = true;
	else
		d->node[o->last].next = i - o->last;
	o->last = i;
	*index = i;
	return 0;
}

/* Add a value whose text was written at v->out (n octets); longer than a token may be, it has only a size. */
static int add_text(
	struct values *v, imap4_node_type kind, size_t n, size_t max, size_t *index, struct err *e)
{
	bool fits = n <= max;
	if (!fits)
		v->d->damaged = true;
	if (add_node(v, fits ? kind : IMAP4_NODE_BODY, index, e) != 0)
		return -1;
	if (*index == 0)
		return 0;
	struct imap4_node *node = &v->d->node[*index];
	node->size = n;
	if (fits) {
		node->text = v->out;
		v->out += n;
		*v->out++ = '\0';
	}
	return 0;
}

static int add_copy(struct values *v, imap4_node_type kind, size_t from, size_t to, size_t max,
	size_t *index, struct err *e)
{
	if (to > from)
		memcpy(v->out, v->text.p + from, to - from);
	return add_text(v, kind, to - from, max, index, e);
}

/* ---- scalars ------------------------------------------------------------------------------------------ */

static int read_quoted(struct values *v, size_t *index, struct err *e)
{
	size_t from = v->at + 1;
	size_t end = token_quote_end(v->text, from);
	const unsigned char *p = v->text.p;
	size_t n = 0;
	for (size_t i = from; i < end; i++) {
		if (p[i] == '\\' && i + 1 < end && (p[i + 1] == '"' || p[i + 1] == '\\'))
			i++;
		else if (p[i] == '\\' || p[i] == '"')
			v->d->damaged = true; /* not escaped (Q48); taken as it stands */
		v->out[n++] = (char)p[i];
	}
	bool closed = end < v->text.n && p[end] == '"';
	if (!closed)
		v->d->damaged = true;
	v->at = closed ? end + 1 : end;
	return add_text(v, IMAP4_NODE_STRING, n, v->token_max, index, e);
}

/* 1: a literal was read; 0: there is none here. */
static int read_literal(struct values *v, size_t *index, struct err *e)
{
	uint64_t size;
	size_t after;
	if (!token_literal(v->text, v->at, &size, &after))
		return 0;
	size_t marker = v->at;
	while (v->ngaps > 0 && v->gap[0].at < marker) {
		v->gap++;
		v->ngaps--;
	}
	bool here = v->ngaps == 0 || v->gap[0].at != marker;
	v->at = after;
	if (here && size <= v->text.n - after) {
		v->at = after + (size_t)size;
		return add_copy(v, IMAP4_NODE_STRING, after, v->at, SIZE_MAX, index, e) != 0 ? -1
											     : 1;
	}
	/* What the lexer gives is complete, but for the literal at which a partial response ends. */
	if (here && !(v->partial && after == v->text.n))
		v->d->damaged = true;
	if (add_node(v, IMAP4_NODE_BODY, index, e) != 0)
		return -1;
	if (*index != 0)
		v->d->node[*index].size = size;
	return 1;
}

/* Behind the '[' of BODY[...]: the place behind its ']', or the end. */
static size_t section_end(struct values *v, size_t i)
{
	while (i < v->text.n && v->text.p[i] != ']') {
		uint64_t size;
		size_t after;
		if (v->text.p[i] == '"') {
			i = token_quote_end(v->text, i + 1);
			i += i < v->text.n;
		} else if (v->text.p[i] == '{' && token_literal(v->text, i, &size, &after)) {
			i = size <= v->text.n - after ? after + (size_t)size : v->text.n;
		} else {
			i++;
		}
	}
	return i < v->text.n ? i + 1 : i;
}

static bool ends_atom(unsigned char c)
{
	return c == ' ' || c == '(' || c == ')' || c == '\r' || c == '\n';
}

/* The name of a body item gets its section behind it, as a text of its own. */
static void note_section(struct values *v, struct imap4_node *name)
{
	struct slice section;
	if (!token_body_item(resp_node_slice(name), &section))
		return;
	name->body_item = true;
	if (section.n > 0)
		memmove(v->out, section.p, section.n);
	v->out += section.n;
	*v->out++ = '\0';
}

static int read_atom(struct values *v, size_t *index, struct err *e)
{
	const unsigned char *p = v->text.p;
	size_t from = v->at, i = from;
	bool name = v->items && v->depth == 2 && v->too_deep == 0;
	while (i < v->text.n && !ends_atom(p[i])) {
		if (p[i] == '"')
			v->d->damaged = true;
		if (p[i] == '[' && name && token_opens_section(slice_of(p + from, i - from)))
			i = section_end(v, i + 1);
		else
			i++;
	}
	v->at = i;
	if (slice_ieq_str(slice_of(p + from, i - from), "NIL"))
		return add_node(v, IMAP4_NODE_NIL, index, e);
	if (add_copy(v, IMAP4_NODE_ATOM, from, i, v->token_max, index, e) != 0)
		return -1;
	if (name && *index != 0 && v->d->node[*index].text != NULL)
		note_section(v, &v->d->node[*index]);
	return 0;
}

static int read_scalar(struct values *v, size_t *index, struct err *e)
{
	unsigned char c = v->text.p[v->at];
	if (c == '"')
		return read_quoted(v, index, e);
	if (c == '{' || c == '~') {
		int r = read_literal(v, index, e);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	return read_atom(v, index, e);
}

/* ---- lists -------------------------------------------------------------------------------------------- */

static int open_list(struct values *v, size_t *index, struct err *e)
{
	v->at++;
	if (v->too_deep > 0 || v->depth > IMAP_DEPTH_MAX) {
		v->too_deep++;
		v->d->damaged = true;
		*index = 0;
		return 0;
	}
	if (add_node(v, IMAP4_NODE_LIST, index, e) != 0)
		return -1;
	if (*index == 0)
		v->too_deep++; /* no node left: what is inside is left out as well */
	else
		v->open[v->depth++] = (struct value_open){(uint32_t)*index, 0};
	return 0;
}

/* False: there was no list to close. */
static bool close_list(struct values *v)
{
	v->at++;
	if (v->too_deep > 0)
		v->too_deep--;
	else if (v->depth > 1)
		v->depth--;
	else
		return false;
	return true;
}

static void skip_blank(struct values *v)
{
	while (v->at < v->text.n &&
		(v->text.p[v->at] == ' ' || v->text.p[v->at] == '\r' || v->text.p[v->at] == '\n'))
		v->at++;
}

bool value_at_end(struct values *v)
{
	skip_blank(v);
	return v->at == v->text.n;
}

int value_next(struct values *v, size_t *index, struct err *e)
{
	bool any = false;
	*index = 0;
	while (!value_at_end(v)) {
		unsigned char c = v->text.p[v->at];
		size_t i;
		if (c == ')') {
			if (!close_list(v)) {
				v->d->damaged = true;
				continue;
			}
		} else {
			int r = c == '(' ? open_list(v, &i, e) : read_scalar(v, &i, e);
			if (r != 0)
				return -1;
			if (!any)
				*index = i;
			any = true;
		}
		if (v->depth == 1 && v->too_deep == 0)
			return 1;
	}
	if (any && !v->partial)
		v->d->damaged = true; /* a list is not closed */
	v->depth = 1;
	v->too_deep = 0;
	return any;
}

int value_rest(struct values *v, struct err *e)
{
	size_t index;
	int r;
	do
		r = value_next(v, &index, e);
	while (r > 0);
	return r;
}

/* The place of the first `what` from `from` on, or the end. */
static size_t find_text(struct slice s, size_t from, const char *what)
{
	size_t n = strlen(what);
	for (size_t i = from; i + n <= s.n; i++)
		if (memcmp(s.p + i, what, n) == 0)
			return i;
	return s.n;
}

int value_mailbox(struct values *v, const char *stop, size_t *index, struct err *e)
{
	*index = 0;
	if (value_at_end(v))
		return 0;
	const unsigned char *p = v->text.p;
	if (p[v->at] == '"')
		return read_quoted(v, index, e) == 0 ? 1 : -1;
	int r = read_literal(v, index, e);
	if (r != 0)
		return r;
	size_t from = v->at;
	size_t end = token_word_end(v->text, from);
	size_t next = token_skip_spaces(v->text, end);
	if (next < v->text.n && p[next] != '(') {
		end = find_text(v->text, end, stop);
		end = from + token_trim_end(slice_of(p + from, end - from)).n;
		v->d->damaged = true;
	}
	v->at = end;
	return add_copy(v, IMAP4_NODE_ATOM, from, end, v->token_max, index, e) == 0 ? 1 : -1;
}

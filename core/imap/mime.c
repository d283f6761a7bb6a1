/* SPDX-License-Identifier: MIT */
/*
 * mime.c -- ENVELOPE and BODYSTRUCTURE from generic values.
 *
 * The depth of the values is bounded by the parser (IMAP_DEPTH_MAX), so walking the parts by recursion is bounded too.
 */
#include "core/imap/imap4_mime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/imap/limits.h"

#define SECTION_MAX (IMAP_DEPTH_MAX * 7 + 1) /* "65535." for each level */

/* ---- helpers -------------------------------------------------------------------------------------- */

static const struct imap4_str absent = {NULL, 0};

static bool is_list(const imap4_node *n)
{
	return n != NULL && imap4_node_kind(n) == IMAP4_NODE_LIST;
}

static size_t count(const imap4_node *n)
{
	size_t c = 0;
	for (; n != NULL; n = imap4_node_next(n))
		c++;
	return c;
}

/* The text of *n (absent for NIL or a list), and on to the next value. */
static imap4_str take_text(const imap4_node **n)
{
	imap4_str s = *n != NULL ? imap4_node_text(*n) : absent;
	if (*n != NULL)
		*n = imap4_node_next(*n);
	return s;
}

static bool take_number(const imap4_node **n, uint64_t *v)
{
	bool ok = *n != NULL && imap4_node_u64(*n, v);
	if (*n != NULL)
		*n = imap4_node_next(*n);
	return ok;
}

/* ---- ENVELOPE ------------------------------------------------------------------------------------- */

static bool take_addresses(const imap4_node **n, imap4_address_list *out)
{
	const imap4_node *list = *n;
	*out = (imap4_address_list){NULL, 0};
	if (list != NULL)
		*n = imap4_node_next(list);
	if (!is_list(list) || imap4_node_child(list) == NULL)
		return true;
	imap4_address *at = calloc(count(imap4_node_child(list)), sizeof *at);
	if (at == NULL)
		return false;
	for (const imap4_node *a = imap4_node_child(list); a != NULL; a = imap4_node_next(a)) {
		if (!is_list(a)) /* NIL in an address list (seen in the wild) is nobody */
			continue;
		const imap4_node *field = imap4_node_child(a);
		imap4_address *to = &at[out->n++];
		to->name = take_text(&field);
		to->route = take_text(&field);
		to->mailbox = take_text(&field);
		to->host = take_text(&field);
	}
	out->at = at;
	return true;
}

void imap4_envelope_free(imap4_envelope *e)
{
	if (e == NULL)
		return;
	const imap4_address_list lists[] = {e->from, e->sender, e->reply_to, e->to, e->cc, e->bcc};
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		free((void *)(uintptr_t)lists[i].at);
	free(e);
}

imap4_envelope *imap4_envelope_new(const imap4_node *value)
{
	if (!is_list(value))
		return NULL;
	const imap4_node *n = imap4_node_child(value);
	/* One server wraps the whole envelope in a second pair of parentheses. */
	if (is_list(n) && imap4_node_next(n) == NULL)
		n = imap4_node_child(n);
	imap4_envelope *e = calloc(1, sizeof *e);
	if (e == NULL)
		return NULL;
	e->date = take_text(&n);
	e->subject = take_text(&n);
	if (!take_addresses(&n, &e->from) || !take_addresses(&n, &e->sender) ||
		!take_addresses(&n, &e->reply_to) || !take_addresses(&n, &e->to) ||
		!take_addresses(&n, &e->cc) || !take_addresses(&n, &e->bcc)) {
		imap4_envelope_free(e);
		return NULL;
	}
	e->in_reply_to = take_text(&n);
	e->message_id = take_text(&n);
	return e;
}

/* ---- BODYSTRUCTURE -------------------------------------------------------------------------------- */

static bool take_params(const imap4_node **n, const imap4_param **out, size_t *nout)
{
	const imap4_node *list = *n;
	*out = NULL;
	*nout = 0;
	if (list != NULL)
		*n = imap4_node_next(list);
	if (!is_list(list))
		return true;
	size_t values = count(imap4_node_child(list));
	if (values == 0)
		return true;
	imap4_param *p = calloc(values / 2 + 1, sizeof *p);
	if (p == NULL)
		return false;
	for (const imap4_node *v = imap4_node_child(list); v != NULL;) {
		p[*nout].name = take_text(&v);
		p[*nout].value = take_text(&v);
		(*nout)++;
	}
	*out = p;
	return true;
}

/* (type (name value ...)) or NIL */
static bool take_disposition(const imap4_node **n, imap4_body *b)
{
	const imap4_node *list = *n;
	if (list != NULL)
		*n = imap4_node_next(list);
	if (!is_list(list))
		return true;
	const imap4_node *v = imap4_node_child(list);
	b->disposition = take_text(&v);
	return take_params(&v, &b->disposition_params, &b->ndisposition_params);
}

/* one string, a list of strings, or NIL */
static bool take_languages(const imap4_node **n, imap4_body *b)
{
	const imap4_node *v = *n;
	if (v == NULL)
		return true;
	*n = imap4_node_next(v);
	bool list = is_list(v);
	const imap4_node *first = list ? imap4_node_child(v) : v;
	size_t most = list ? count(first) : imap4_node_text(v).ptr != NULL;
	if (most == 0)
		return true;
	imap4_str *at = calloc(most, sizeof *at);
	if (at == NULL)
		return false;
	for (size_t i = 0; i < most; i++)
		at[i] = take_text(&first);
	b->languages = at;
	b->nlanguages = most;
	return true;
}

/* disposition, language, location; anything behind is left alone */
static bool take_extensions(const imap4_node **n, imap4_body *b)
{
	if (!take_disposition(n, b) || !take_languages(n, b))
		return false;
	b->location = take_text(n);
	return true;
}

static bool is(imap4_str s, const char *word)
{
	return s.ptr != NULL && slice_ieq_str(slice_of(s.ptr, s.len), word);
}

static imap4_body *read_body(const imap4_node *value, const char *section, unsigned depth);

/* The section of child number i of a part whose own section is `parent`. */
static void child_section(char out[SECTION_MAX], const char *parent, size_t i)
{
	snprintf(out, SECTION_MAX, "%s%s%zu", parent, *parent != '\0' ? "." : "", i);
}

static bool read_multipart(const imap4_node *n, imap4_body *b, unsigned depth)
{
	char section[SECTION_MAX];
	size_t most = count(n);
	imap4_body **parts = calloc(most, sizeof(imap4_body *));
	if (parts == NULL)
		return false;
	b->parts = parts;
	for (; is_list(n); n = imap4_node_next(n)) {
		child_section(section, b->section, b->nparts + 1);
		imap4_body *part = read_body(n, section, depth + 1);
		if (part == NULL)
			return false;
		parts[b->nparts++] = part;
	}
	b->type = (imap4_str){"MULTIPART", 9};
	b->subtype = take_text(&n);
	return take_params(&n, &b->params, &b->nparams) && take_extensions(&n, b);
}

/* The message inside MESSAGE/RFC822: envelope, body, lines. */
static bool read_message(const imap4_node **n, imap4_body *b, unsigned depth)
{
	/* A server that gives such a part no envelope treats it as any other part. */
	if (!is_list(*n))
		return true;
	b->envelope = imap4_envelope_new(*n);
	if (b->envelope == NULL)
		return false;
	*n = imap4_node_next(*n);
	if (is_list(*n)) {
		imap4_body **inner = calloc(1, sizeof(imap4_body *));
		if (inner == NULL)
			return false;
		b->parts = inner;
		/* The parts of a multipart inside count below this part; a single part inside is its .1. */
		char section[SECTION_MAX];
		bool multipart = is_list(imap4_node_child(*n));
		if (multipart)
			snprintf(section, sizeof section, "%s", b->section);
		else
			child_section(section, b->section, 1);
		inner[0] = read_body(*n, section, depth + 1);
		if (inner[0] == NULL)
			return false;
		b->nparts = 1;
		*n = imap4_node_next(*n);
	}
	b->has_lines = take_number(n, &b->lines);
	return true;
}

static bool read_single(const imap4_node *n, imap4_body *b, unsigned depth)
{
	b->type = take_text(&n);
	b->subtype = take_text(&n);
	if (!take_params(&n, &b->params, &b->nparams))
		return false;
	b->id = take_text(&n);
	b->description = take_text(&n);
	b->encoding = take_text(&n);
	take_number(&n, &b->size);
	if (is(b->type, "TEXT"))
		b->has_lines = take_number(&n, &b->lines);
	else if (is(b->type, "MESSAGE") && (is(b->subtype, "RFC822") || is(b->subtype, "GLOBAL")) &&
		!read_message(&n, b, depth))
		return false;
	b->md5 = take_text(&n);
	return take_extensions(&n, b);
}

static imap4_body *read_body(const imap4_node *value, const char *section, unsigned depth)
{
	if (!is_list(value) || depth > IMAP_DEPTH_MAX)
		return NULL;
	const imap4_node *first = imap4_node_child(value);
	bool multipart = is_list(first);
	imap4_body *b = calloc(1, sizeof *b);
	if (b == NULL)
		return NULL;
	b->section = strdup(depth == 0 && !multipart ? "1" : section);
	if (b->section == NULL ||
		!(multipart ? read_multipart(first, b, depth) : read_single(first, b, depth))) {
		imap4_body_free(b);
		return NULL;
	}
	return b;
}

imap4_body *imap4_body_new(const imap4_node *value)
{
	return read_body(value, "", 0);
}

void imap4_body_free(imap4_body *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->nparts; i++)
		imap4_body_free(b->parts[i]);
	free((void *)(uintptr_t)b->parts);
	free((void *)(uintptr_t)b->params);
	free((void *)(uintptr_t)b->disposition_params);
	free((void *)(uintptr_t)b->languages);
	free((void *)(uintptr_t)b->section);
	imap4_envelope_free(b->envelope);
	free(b);
}

imap4_str imap4_param_find(const imap4_param *p, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (is(p[i].name, name))
			return p[i].value;
	return absent;
}

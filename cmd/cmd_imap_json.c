/* SPDX-License-Identifier: MIT */
/* cmd_imap_json.c -- a JSON document, piece by piece; see cmd_imap.h. */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd_imap.h"
#include "core/imap/imap4_util.h"

/* The comma, and the key where there is one. Objects of the lists that a person may look at stand on lines of their own. */
static void lead(struct json *j, const char *key, bool nested)
{
	bool own_line = nested && key == NULL && j->depth == 2;
	if (j->depth > 0 && !j->first)
		fputs(key == NULL ? "," : ", ", j->f);
	if (key == NULL && j->depth > 0 && !j->first && !own_line)
		fputc(' ', j->f);
	if (own_line)
		fputs("\n  ", j->f);
	j->first = false;
	if (key != NULL) {
		json_text(j->f, slice_str(key));
		fputs(": ", j->f);
	}
}

void json_begin(struct json *j, const char *key, char opener)
{
	lead(j, key, true);
	fputc(opener, j->f);
	j->closer[j->depth++] = opener == '{' ? '}' : ']';
	j->first = true;
}

void json_end(struct json *j)
{
	fputc(j->closer[--j->depth], j->f);
	j->first = false;
	if (j->depth == 0)
		fputc('\n', j->f);
}

void json_add_text(struct json *j, const char *key, struct slice s)
{
	lead(j, key, false);
	json_text(j->f, s);
}

void json_add_str(struct json *j, const char *key, imap4_str s)
{
	if (s.ptr == NULL)
		json_add_null(j, key);
	else
		json_add_text(j, key, imap_slice(s));
}

void json_add_base64(struct json *j, const char *key, const char *s)
{
	lead(j, key, false);
	fputc('"', j->f);
	fputs(s, j->f);
	fputc('"', j->f);
}

void json_add_u64(struct json *j, const char *key, uint64_t v)
{
	lead(j, key, false);
	fprintf(j->f, "%" PRIu64, v);
}

void json_add_bool(struct json *j, const char *key, bool v)
{
	lead(j, key, false);
	fputs(v ? "true" : "false", j->f);
}

void json_add_null(struct json *j, const char *key)
{
	lead(j, key, false);
	fputs("null", j->f);
}

void json_add_set(struct json *j, const char *key, const imap4_set *set)
{
	json_begin(j, key, '[');
	/* Numbers side by side, however many there are. */
	for (uint32_t n = 0; (n = imap4_set_next(set, n)) != 0; j->first = false)
		fprintf(j->f, "%s%" PRIu32, j->first ? "" : ", ", n);
	json_end(j);
}

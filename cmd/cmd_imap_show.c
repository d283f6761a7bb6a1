/* SPDX-License-Identifier: MIT */
/* cmd_imap_show.c -- names, sets and flags on their way to a person. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd_imap.h"
#include "core/base/mail.h"
#include "core/base/text.h"
#include "core/imap/imap4_util.h"

#define FIRST_COLUMN_MAX 48 /* with the others, a line stays within 80 columns */

imap4_str imap_str(const struct buf *b)
{
	return (imap4_str){buf_str(b), b->len};
}

struct slice imap_slice(imap4_str s)
{
	return slice_of(s.ptr, s.ptr != NULL ? s.len : 0);
}

const char *imap_shown(char b[], const char *text)
{
	return text_show(b, TEXT_SHOW_SIZE, slice_str(text));
}

void imap_display(imap4_str wire, struct buf *out)
{
	buf_clear(out);
	if (!mutf7_decode(imap_slice(wire), out)) {
		buf_clear(out);
		buf_add_slice(out, imap_slice(wire));
	}
}

void imap_say(struct imap_call *k, const char *done, const char *would, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	if (k->c->json || k->c->out.level == OUTPUT_QUIET)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	printf("%s %s\n", k->c->dry_run ? would : done, line);
}

char *imap_set_shown(const imap4_set *set, struct err *e)
{
	char *text = imap4_set_text(set);
	if (text == NULL)
		err_nomem(e, "the UIDs");
	return text;
}

imap4_str imap_flag(const char *word)
{
	static const char *const system[] = {
		"\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"};
	for (size_t i = 0; i < sizeof system / sizeof system[0]; i++)
		if (strcasecmp(word, system[i] + 1) == 0)
			return (imap4_str){system[i], strlen(system[i])};
	return (imap4_str){word, strlen(word)};
}

void imap_print_strs(const imap4_str *at, size_t n)
{
	char shown[TEXT_SHOW_SIZE];
	for (size_t i = 0; i < n; i++)
		printf("%s%s", i > 0 ? " " : "", text_show(shown, sizeof shown, imap_slice(at[i])));
}

void imap_add_strs(struct json *j, const char *key, const imap4_str *at, size_t n)
{
	json_begin(j, key, '[');
	for (size_t i = 0; i < n; i++)
		json_add_text(j, NULL, imap_slice(at[i]));
	json_end(j);
}

size_t imap_width(size_t so_far, struct slice text)
{
	struct buf safe = BUF_INIT(4 * TEXT_SHOWN_MAX);
	text_escape(&safe, text);
	size_t w = text_columns(buf_slice(&safe));
	buf_release(&safe);
	if (w > FIRST_COLUMN_MAX)
		w = FIRST_COLUMN_MAX;
	return w > so_far ? w : so_far;
}

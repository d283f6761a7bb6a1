/* SPDX-License-Identifier: MIT */
/* cmd_imap_items.c -- imapsync imap fetch: the words for items, and messages as lines and as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd_imap_fetch.h"
#include "core/base/mail.h"
#include "core/base/rfc2047.h"
#include "core/base/text.h"
#include "core/imap/imap4_mime.h"

#define FROM_COLUMNS  20
#define FIXED_COLUMNS (10 + 1 + 16 + 1 + 7 + 1 + 6 + 1 + FROM_COLUMNS + 1)
#define FIELD_MAX     (64u << 10)

/* ---- words ----------------------------------------------------------------------------------------------- */

struct alias {
	const char *word, *item;
	bool section;
};

/* Items that a server takes as reading have a form here that it does not (RFC 9051 section 6.4.5). */
static const struct alias aliases[] = {
	{"body", "BODY.PEEK[]", true},
	{"header", "BODY.PEEK[HEADER]", true},
	{"text", "BODY.PEEK[TEXT]", true},
	{"rfc822", "BODY.PEEK[]", true},
	{"rfc822.header", "BODY.PEEK[HEADER]", true},
	{"rfc822.text", "BODY.PEEK[TEXT]", true},
	{"structure", "BODYSTRUCTURE", false},
	{"date", "INTERNALDATE", false},
	{"size", "RFC822.SIZE", false},
};

/* With the bracket behind them. */
static const struct alias openings[] = {
	{"BODY[", "BODY.PEEK[", true},
	{"BODY.PEEK[", "BODY.PEEK[", true},
	{"BINARY[", "BINARY.PEEK[", true},
	{"BINARY.PEEK[", "BINARY.PEEK[", true},
};

static bool add_item(const char *word, struct buf *items)
{
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcasecmp(word, aliases[i].word) == 0) {
			buf_add_str(items, aliases[i].item);
			return aliases[i].section;
		}
	for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
		size_t n = strlen(openings[i].word);
		if (strncasecmp(word, openings[i].word, n) == 0) {
			buf_add_str(items, openings[i].item);
			buf_add_str(items, word + n);
			return true;
		}
	}
	/* "1.2" or "1.MIME": a part */
	if (*word >= '1' && *word <= '9') {
		buf_addf(items, "BODY.PEEK[%s]", word);
		return true;
	}
	buf_add_str(items, word);
	return false;
}

int fetch_items(char *const *word, size_t n, struct buf *items, size_t *sections, struct err *e)
{
	buf_add_str(items, "UID");
	for (size_t i = 0; i < n; i++) {
		buf_add_byte(items, ' ');
		*sections += add_item(word[i], items);
	}
	if (buf_check(items, "the list of items", e) != 0) {
		e->code = E_USAGE;
		return -1;
	}
	return 0;
}

/* ---- the table ------------------------------------------------------------------------------------------- */

/* As in Maildir, and as list prints them; '+' for keywords. */
static const char *flag_letters(char out[8], const imap4_message *m)
{
	static const struct {
		const char *flag;
		char letter;
	} known[] = {{"\\Draft", 'D'}, {"\\Flagged", 'F'}, {"$Forwarded", 'P'}, {"\\Answered", 'R'},
		{"\\Seen", 'S'}, {"\\Deleted", 'T'}};
	size_t n = 0, found = 0, counted = 0;
	for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
		for (size_t i = 0; i < m->nflags; i++)
			if (slice_ieq_str(imap_slice(m->flags[i]), known[k].flag)) {
				found++;
				if (n == 0 || out[n - 1] != known[k].letter)
					out[n++] = known[k].letter;
			}
	for (size_t i = 0; i < m->nflags; i++)
		counted += !slice_ieq_str(imap_slice(m->flags[i]), "\\Recent");
	if (counted > found)
		out[n++] = '+';
	out[n] = '\0';
	return out;
}

static void decode(struct buf *out, imap4_str s)
{
	buf_clear(out);
	(void)rfc2047_decode(out, imap_slice(s));
}

/* The first sender: a name, or else an address. */
static void sender(struct buf *out, const imap4_envelope *v)
{
	buf_clear(out);
	if (v == NULL || v->from.n == 0)
		return;
	const imap4_address *a = &v->from.at[0];
	if (a->name.len > 0) {
		decode(out, a->name);
		return;
	}
	buf_add_slice(out, imap_slice(a->mailbox));
	if (a->host.ptr != NULL) {
		buf_add_byte(out, '@');
		buf_add_slice(out, imap_slice(a->host));
	}
}

static imap4_envelope *envelope_of(const imap4_message *m)
{
	const imap4_node *value = imap4_message_item(m, "ENVELOPE");
	return value != NULL ? imap4_envelope_new(value) : NULL;
}

void fetch_print_heading(void)
{
	printf("%10s %-16s %7s %-6s %-*s %s\n", "uid", "date", "size", "flags", FROM_COLUMNS,
		"from", "subject");
}

void fetch_print_row(const imap4_message *m)
{
	char when[UNIT_SIZE] = "", size[UNIT_SIZE] = "", letters[8];
	struct buf text = BUF_INIT(FIELD_MAX);
	struct mail_date date;
	imap4_envelope *v = envelope_of(m);
	if (mail_date_parse(imap_slice(m->internaldate), &date))
		unit_time(when, date.secs);
	if ((m->have & IMAP4_MSG_SIZE) != 0)
		unit_bytes(size, m->size);
	printf("%10" PRIu32 " %-16s %7s %-6s ", m->uid, when, size, flag_letters(letters, m));
	sender(&text, v);
	print_cell(stdout, buf_slice(&text), FROM_COLUMNS, false);
	buf_clear(&text);
	if (v != NULL)
		decode(&text, v->subject);
	putchar(' ');
	print_last_cell(buf_slice(&text), last_column(FIXED_COLUMNS));
	buf_release(&text);
	imap4_envelope_free(v);
}

static void add_decoded(struct json *j, const char *key, imap4_str s)
{
	struct buf text = BUF_INIT(FIELD_MAX);
	if (s.ptr == NULL) {
		json_add_null(j, key);
		return;
	}
	decode(&text, s);
	json_add_text(j, key, buf_slice(&text));
	buf_release(&text);
}

static void add_addresses(struct json *j, const char *key, const imap4_address_list *l)
{
	json_begin(j, key, '[');
	for (size_t i = 0; i < l->n; i++) {
		json_begin(j, NULL, '{');
		add_decoded(j, "name", l->at[i].name);
		json_add_str(j, "mailbox", l->at[i].mailbox);
		json_add_str(j, "host", l->at[i].host);
		json_end(j);
	}
	json_end(j);
}

void fetch_add_row(struct json *j, const imap4_message *m)
{
	imap4_envelope *v = envelope_of(m);
	json_add_str(j, "date", m->internaldate);
	if ((m->have & IMAP4_MSG_SIZE) != 0)
		json_add_u64(j, "size", m->size);
	imap_add_strs(j, "flags", m->flags, m->nflags);
	if (v != NULL) {
		add_decoded(j, "subject", v->subject);
		json_add_str(j, "sent", v->date);
		json_add_str(j, "message_id", v->message_id);
		add_addresses(j, "from", &v->from);
		add_addresses(j, "to", &v->to);
		add_addresses(j, "cc", &v->cc);
	}
	imap4_envelope_free(v);
}

/* ---- items ----------------------------------------------------------------------------------------------- */

static void print_part(const imap4_body *b, int depth)
{
	char type[TEXT_SHOW_SIZE], subtype[TEXT_SHOW_SIZE], name[TEXT_SHOW_SIZE], size[UNIT_SIZE];
	printf("    %*s%s%s%s/%s", 2 * depth, "", b->section, *b->section != '\0' ? " " : "",
		text_show(type, sizeof type, imap_slice(b->type)),
		text_show(subtype, sizeof subtype, imap_slice(b->subtype)));
	if (!slice_ieq_str(imap_slice(b->type), "multipart"))
		printf(" %s %s", unit_bytes(size, b->size),
			text_show(name, sizeof name, imap_slice(b->encoding)));
	imap4_str file =
		imap4_param_find(b->disposition_params, b->ndisposition_params, "filename");
	if (file.ptr == NULL)
		file = imap4_param_find(b->params, b->nparams, "name");
	if (file.ptr != NULL)
		printf(" \"%s\"", text_show(name, sizeof name, imap_slice(file)));
	putchar('\n');
	/* The library reads no deeper than its parser. */
	for (size_t i = 0; i < b->nparts; i++)
		print_part(b->parts[i], depth + 1);
}

static void print_structure(const imap4_node *value)
{
	imap4_body *b = imap4_body_new(value);
	putchar('\n');
	if (b != NULL)
		print_part(b, 0);
	imap4_body_free(b);
}

/* The UID stands in front already. */
static bool is_shown(imap4_str name)
{
	return name.ptr != NULL && !slice_ieq_str(imap_slice(name), "UID");
}

static const imap4_node *first_item(const imap4_message *m)
{
	return m->items != NULL ? imap4_node_child(m->items) : NULL;
}

void fetch_print_items(const imap4_message *m)
{
	char shown[TEXT_SHOW_SIZE];
	const imap4_node *value;
	printf("UID %" PRIu32 "\n", m->uid);
	for (const imap4_node *n = first_item(m); n != NULL; n = imap4_node_next(value)) {
		value = imap4_node_next(n);
		if (value == NULL)
			break;
		if (!is_shown(imap4_node_text(n)))
			continue;
		printf("  %s", text_show(shown, sizeof shown, imap_slice(imap4_node_text(n))));
		if (slice_ieq_str(imap_slice(imap4_node_text(n)), "BODYSTRUCTURE")) {
			print_structure(value);
			continue;
		}
		putchar(' ');
		imap_print_node(value);
		putchar('\n');
	}
}

void fetch_add_items(struct json *j, const imap4_message *m)
{
	const imap4_node *value;
	json_begin(j, "items", '{');
	for (const imap4_node *n = first_item(m); n != NULL; n = imap4_node_next(value)) {
		imap4_str name = imap4_node_text(n);
		value = imap4_node_next(n);
		if (value == NULL)
			break;
		/* Octets stand among the sections. */
		if (is_shown(name) && imap4_node_kind(value) != IMAP4_NODE_BODY)
			json_add_node(j, name.ptr, value);
	}
	json_end(j);
}

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mime.c -- any value as ENVELOPE and as BODYSTRUCTURE: every string ends in a NUL, every part has a section, and
 * nothing is lost or read twice when it is freed.
 *
 * The input is the value; it is given to the parser as that of a FETCH item, on one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_mime.h"
#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void look(imap4_str s)
{
	must(s.ptr == NULL ? s.len == 0 : s.ptr[s.len] == '\0');
}

static void look_addresses(imap4_address_list list)
{
	for (size_t i = 0; i < list.n; i++) {
		look(list.at[i].name);
		look(list.at[i].route);
		look(list.at[i].mailbox);
		look(list.at[i].host);
	}
}

static void look_envelope(const imap4_envelope *e)
{
	look(e->date);
	look(e->subject);
	look(e->in_reply_to);
	look(e->message_id);
	look_addresses(e->from);
	look_addresses(e->sender);
	look_addresses(e->reply_to);
	look_addresses(e->to);
	look_addresses(e->cc);
	look_addresses(e->bcc);
}

static void look_params(const imap4_param *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		look(p[i].name);
		look(p[i].value);
	}
	look(imap4_param_find(p, n, "charset"));
}

static void look_body(const imap4_body *b, bool outermost)
{
	must(b->section != NULL && (outermost || b->section[0] != '\0'));
	look(b->type);
	look(b->subtype);
	look(b->id);
	look(b->description);
	look(b->encoding);
	look(b->md5);
	look(b->disposition);
	look(b->location);
	look_params(b->params, b->nparams);
	look_params(b->disposition_params, b->ndisposition_params);
	for (size_t i = 0; i < b->nlanguages; i++)
		look(b->languages[i]);
	if (b->envelope != NULL)
		look_envelope(b->envelope);
	for (size_t i = 0; i < b->nparts; i++)
		look_body(b->parts[i], false);
}

static const imap4_node *value_of(const struct imap4_data *d, const char *item)
{
	const imap4_message *m = imap4_data_message(d);
	return m != NULL ? imap4_message_item(m, item) : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const items[] = {"ENVELOPE", "BODYSTRUCTURE"};
	if (size > INPUT_MAX)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		struct buf line = BUF_INIT(INPUT_MAX + 64);
		struct err e = ERR_INIT;
		(void)buf_addf(&line, "* 1 FETCH (%s ", items[i]);
		(void)buf_add(&line, data, size);
		(void)buf_add_str(&line, ")");
		struct imap4_data *d = resp_parse(buf_slice(&line), NULL, 0, &lexer_log_limits, &e);
		must(d != NULL);
		imap4_envelope *envelope = imap4_envelope_new(value_of(d, items[i]));
		if (envelope != NULL)
			look_envelope(envelope);
		imap4_envelope_free(envelope);
		imap4_body *body = imap4_body_new(value_of(d, items[i]));
		if (body != NULL)
			look_body(body, true);
		imap4_body_free(body);
		resp_free(d);
		buf_release(&line);
	}
	return 0;
}

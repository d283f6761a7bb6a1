/* SPDX-License-Identifier: MIT */
/*
 * result.c -- how a command ended: the sentence for people, and whether trying again can help.
 *
 * The policy on response codes (RFC 5530, RFC 9738) is here once and nowhere else.
 */
#include "core/imap/cmd.h"

#include <string.h>

#include "core/base/text.h"

/* Server text that is kept; only the first part of it is shown. */
#define RESULT_TEXT_MAX ((size_t)64 << 10)

imap4_retry result_retry(imap4_code code, imap4_err err)
{
	if (err == IMAP4_OK)
		return IMAP4_RETRY_NEVER;
	switch ((int)code) {
	case IMAP4_CODE_UNAVAILABLE:
	case IMAP4_CODE_INUSE:
	case IMAP4_CODE_SERVERBUG:
	case IMAP4_CODE_LIMIT:
	case IMAP4_CODE_THROTTLED: return IMAP4_RETRY_LATER;
	case IMAP4_CODE_EXPUNGEISSUED: /* after a NOOP */
	case IMAP4_CODE_TRYCREATE:     /* after a CREATE */
	case IMAP4_CODE_MESSAGELIMIT:  /* with the UIDs below the one it names */
		return IMAP4_RETRY_SAME;
	default: break;
	}
	switch ((int)err) {
	case IMAP4_E_IO:
	case IMAP4_E_TIMEOUT:
	case IMAP4_E_CLOSED:
	case IMAP4_E_BYE:
	case IMAP4_E_PROTO:
	case IMAP4_E_TLS: return IMAP4_RETRY_RECONNECT;
	case IMAP4_E_NOMEM: return IMAP4_RETRY_LATER;
	case IMAP4_E_CANCELLED: return IMAP4_RETRY_SAME;
	default: return IMAP4_RETRY_NEVER; /* NO and BAD too: the same words get the same answer */
	}
}

imap4_err result_err(enum err_code code)
{
	switch ((int)code) {
	case E_NONE: return IMAP4_OK;
	case E_NOMEM: return IMAP4_E_NOMEM;
	case E_INVALID:
	case E_LIMIT: return IMAP4_E_ARG;
	default: return IMAP4_E_STATE;
	}
}

struct err_row {
	imap4_err err;
	const char *name;
};

const char *imap4_err_name(imap4_err err)
{
	static const struct err_row row[] = {
		{IMAP4_OK, "IMAP4_OK"},
		{IMAP4_AGAIN, "IMAP4_AGAIN"},
		{IMAP4_E_NO, "IMAP4_E_NO"},
		{IMAP4_E_BAD, "IMAP4_E_BAD"},
		{IMAP4_E_BYE, "IMAP4_E_BYE"},
		{IMAP4_E_IO, "IMAP4_E_IO"},
		{IMAP4_E_TIMEOUT, "IMAP4_E_TIMEOUT"},
		{IMAP4_E_CLOSED, "IMAP4_E_CLOSED"},
		{IMAP4_E_TLS, "IMAP4_E_TLS"},
		{IMAP4_E_CERT, "IMAP4_E_CERT"},
		{IMAP4_E_PROTO, "IMAP4_E_PROTO"},
		{IMAP4_E_LIMIT, "IMAP4_E_LIMIT"},
		{IMAP4_E_STATE, "IMAP4_E_STATE"},
		{IMAP4_E_NOCAP, "IMAP4_E_NOCAP"},
		{IMAP4_E_ARG, "IMAP4_E_ARG"},
		{IMAP4_E_NOMEM, "IMAP4_E_NOMEM"},
		{IMAP4_E_POLICY, "IMAP4_E_POLICY"},
		{IMAP4_E_INSECURE, "IMAP4_E_INSECURE"},
		{IMAP4_E_NOAUTH, "IMAP4_E_NOAUTH"},
		{IMAP4_E_CONFIG, "IMAP4_E_CONFIG"},
		{IMAP4_E_CANCELLED, "IMAP4_E_CANCELLED"},
		{IMAP4_E_CALLBACK, "IMAP4_E_CALLBACK"},
	};
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		if (row[i].err == err)
			return row[i].name;
	return "IMAP4_E_?";
}

/* Each string of a result is followed by a NUL in the store; offsets first, for the store moves while it grows. */
static size_t keep(struct buf *store, imap4_str s)
{
	size_t at = store->len;
	if (s.ptr != NULL)
		(void)buf_add(store, s.ptr, s.len);
	(void)buf_add_byte(store, '\0');
	return at;
}

static imap4_str kept(const struct buf *store, size_t at, imap4_str s)
{
	if (s.ptr == NULL)
		return s;
	return (imap4_str){(const char *)store->data + at, s.len};
}

static void add_message(struct buf *store, const char *name, imap4_err err,
	const imap4_state_line *line, const char *fallback_text)
{
	static const imap4_str none = {"(without a reason)", 18};
	imap4_str said = line != NULL && line->text.len > 0 ? line->text : none;
	char shown[TEXT_SHOW_SIZE];
	text_show(shown, sizeof shown, slice_of(said.ptr, said.len));
	const char *subject = name != NULL ? name : "the session";
	if (name == NULL && line == NULL && fallback_text != NULL)
		(void)buf_add_str(store, fallback_text); /* it has a subject of its own */
	else if (err == IMAP4_OK)
		(void)buf_addf(store, "%s succeeded", subject);
	else if (line != NULL && err == IMAP4_E_NO)
		(void)buf_addf(store, "%s was refused: %s", subject, shown);
	else if (line != NULL && err == IMAP4_E_BAD)
		(void)buf_addf(store, "%s was not understood by the server: %s", subject, shown);
	else if (line != NULL && err == IMAP4_E_BYE)
		(void)buf_addf(store, "%s: the server said BYE: %s", subject, shown);
	else
		(void)buf_addf(store, "%s failed: %s", subject,
			fallback_text != NULL ? fallback_text : imap4_err_name(err));
	(void)buf_add_byte(store, '\0');
}

void result_set(imap4_result *r, struct buf *store, const char *name, imap4_err err,
	const imap4_state_line *line, const char *fallback_text)
{
	static const imap4_state_line no_line;
	const imap4_state_line *l = line != NULL ? line : &no_line;
	int sys = r->sys_errno;
	memset(r, 0, sizeof *r);
	r->err = err;
	r->code = l->code;
	r->retry = result_retry(l->code, err);
	r->sys_errno = sys;
	buf_release(store);
	buf_init(store, RESULT_TEXT_MAX);
	size_t message = store->len;
	add_message(store, name, err, line, fallback_text);
	if (store->failed != E_NONE) {
		r->message = "out of memory";
		return;
	}
	/* A text too long to keep is left out; the message has its beginning. */
	size_t atom = keep(store, l->code_atom);
	size_t args = keep(store, l->code_args);
	size_t text = keep(store, l->text);
	if (store->failed == E_NONE) {
		r->code_atom = kept(store, atom, l->code_atom);
		r->code_args = kept(store, args, l->code_args);
		r->text = kept(store, text, l->text);
	}
	r->message = (const char *)store->data + message;
}

void result_copy(imap4_result *to, struct buf *store, const imap4_result *from)
{
	*to = *from;
	buf_release(store);
	buf_init(store, 2 * RESULT_TEXT_MAX);
	(void)buf_add_str(store, from->message);
	(void)buf_add_byte(store, '\0');
	size_t atom = keep(store, from->code_atom);
	size_t args = keep(store, from->code_args);
	size_t text = keep(store, from->text);
	bool whole = store->failed == E_NONE;
	to->message = whole ? (const char *)store->data : "out of memory";
	to->code_atom = whole ? kept(store, atom, from->code_atom) : (imap4_str){NULL, 0};
	to->code_args = whole ? kept(store, args, from->code_args) : (imap4_str){NULL, 0};
	to->text = whole ? kept(store, text, from->text) : (imap4_str){NULL, 0};
}

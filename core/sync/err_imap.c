/* SPDX-License-Identifier: MIT */
/*
 * err_imap.c -- what an outcome of the IMAP library means for a job: which exit status it leads to,
 * how much must be given up, and whether the server asks for a pause.
 */
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/limits.h"

/* The first place of `word` in the server's text; case is ignored. */
static const char *find_word(imap4_str text, const char *word)
{
	size_t n = strlen(word);
	for (size_t i = 0; text.ptr != NULL && i + n <= text.len; i++)
		if (strncasecmp(text.ptr + i, word, n) == 0)
			return text.ptr + i;
	return NULL;
}

int64_t sync_throttle_ms(const imap4_result *r)
{
	/* Exchange: "BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds". */
	static const char hint[] = "Backoff Time:";
	if (r->err != IMAP4_OK && r->err != IMAP4_E_NO && r->err != IMAP4_E_BAD)
		return 0;
	const char *at = find_word(r->text, hint);
	if (at != NULL) {
		size_t left = r->text.len - (size_t)(at - r->text.ptr) - strlen(hint);
		struct slice number = slice_of(at + strlen(hint), left);
		while (number.n > 0 && number.p[0] == ' ') {
			number.p++;
			number.n--;
		}
		size_t digits = 0;
		while (digits < number.n && number.p[digits] >= '0' && number.p[digits] <= '9')
			digits++;
		uint64_t ms;
		if (slice_u64(slice_of(number.p, digits), UINT64_MAX, &ms) && ms > 0)
			return ms < SYNC_THROTTLE_WAIT_MS ? (int64_t)ms : SYNC_THROTTLE_WAIT_MS;
		return SYNC_THROTTLE_FIRST_MS;
	}
	/* Gmail puts it behind the text: "OK Success [THROTTLED]". */
	if (r->code == IMAP4_CODE_THROTTLED || find_word(r->text, "[THROTTLED]") != NULL)
		return SYNC_THROTTLE_FIRST_MS;
	if (r->err == IMAP4_OK)
		return 0;
	if (find_word(r->text, "throttled") != NULL)
		return SYNC_THROTTLE_FIRST_MS;
	/* Gmail: "NO [OVERQUOTA] Account exceeded command or bandwidth limits." */
	return r->code == IMAP4_CODE_OVERQUOTA && find_word(r->text, "bandwidth") != NULL
		? SYNC_THROTTLE_FIRST_MS
		: 0;
}

static enum err_code code_of_refusal(const imap4_result *r)
{
	if (sync_throttle_ms(r) > 0)
		return E_THROTTLE;
	/* Exchange takes a wrong password and then refuses everything with this sentence. */
	if (find_word(r->text, "authenticated but not connected") != NULL)
		return E_AUTH;
	switch ((int)r->code) {
	case IMAP4_CODE_UNAVAILABLE:
	case IMAP4_CODE_LIMIT:
	case IMAP4_CODE_INUSE: return E_THROTTLE;
	case IMAP4_CODE_AUTHENTICATIONFAILED:
	case IMAP4_CODE_EXPIRED:
	case IMAP4_CODE_PRIVACYREQUIRED: return E_AUTH;
	default: return r->err == IMAP4_E_BAD ? E_BAD : E_NO;
	}
}

/* The code, and the least that is lost with it. */
static enum err_code classify(const imap4_result *r, enum err_scope *least)
{
	*least = ERR_NONE;
	switch (r->err) {
	case IMAP4_OK:
	case IMAP4_AGAIN: return E_STATE;
	case IMAP4_E_NO:
	case IMAP4_E_BAD: {
		enum err_code code = code_of_refusal(r);
		if (code == E_AUTH)
			*least = ERR_ACCOUNT;
		return code;
	}
	case IMAP4_E_BYE: *least = ERR_CONNECTION; return E_BYE;
	case IMAP4_E_IO: *least = ERR_CONNECTION; return E_NET;
	case IMAP4_E_TIMEOUT: *least = ERR_CONNECTION; return E_TIMEOUT;
	case IMAP4_E_CLOSED: *least = ERR_CONNECTION; return E_CLOSED;
	case IMAP4_E_TLS: *least = ERR_CONNECTION; return E_TLS;
	case IMAP4_E_PROTO: *least = ERR_CONNECTION; return E_PROTO;
	case IMAP4_E_LIMIT: *least = ERR_CONNECTION; return E_LIMIT;
	case IMAP4_E_CERT: *least = ERR_ACCOUNT; return E_CERT;
	case IMAP4_E_INSECURE:
	case IMAP4_E_NOAUTH: *least = ERR_ACCOUNT; return E_AUTH;
	case IMAP4_E_CONFIG: *least = ERR_USAGE; return E_CONFIG;
	case IMAP4_E_NOMEM: *least = ERR_ACCOUNT; return E_NOMEM;
	case IMAP4_E_CANCELLED: *least = ERR_ACCOUNT; return E_CANCELLED;
	case IMAP4_E_STATE:
	case IMAP4_E_POLICY:
	case IMAP4_E_CALLBACK: return E_STATE;
	case IMAP4_E_NOCAP:
	case IMAP4_E_ARG: return E_INVALID;
	}
	return E_STATE;
}

static enum err_retry retry_of(const imap4_result *r, enum err_code code)
{
	switch (r->retry) {
	case IMAP4_RETRY_SAME: return RETRY_SAME;
	case IMAP4_RETRY_RECONNECT: return RETRY_RECONNECT;
	case IMAP4_RETRY_LATER: return RETRY_LATER;
	case IMAP4_RETRY_NEVER: break;
	}
	return err_default_retry(code);
}

int sync_err(struct err *e, enum err_scope scope, const imap4_result *r, const char *what)
{
	enum err_scope least;
	enum err_code code = classify(r, &least);
	const char *text =
		r->message != NULL && r->message[0] != '\0' ? r->message : imap4_err_name(r->err);
	if (what != NULL)
		err_set(e, scope, code, "%s: %s", what, text);
	else
		err_set(e, scope, code, "%s", text);
	e->sys = r->sys_errno;
	e->retry = retry_of(r, code);
	return err_widen(e, least);
}

int sync_err_login(struct err *e, const imap4_result *r)
{
	sync_err(e, ERR_ACCOUNT, r, NULL);
	/* A refused login is about who asks, whatever words the server found for it. */
	if (e->code == E_NO || e->code == E_BAD)
		e->code = E_AUTH;
	if (e->code == E_AUTH)
		e->retry = RETRY_NEVER;
	return -1;
}

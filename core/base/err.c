/* SPDX-License-Identifier: MIT */
/*
 * err.c -- errors with fixed storage. Every text is built in a local array first, so that the
 * arguments of a call may point into the error itself.
 */
#include "core/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

/* A text that was cut at `len` bytes may end in the middle of a character: drop that part. */
static size_t whole_characters(const char *s, size_t len)
{
	size_t start = len;
	for (int back = 0; back < 3 && start > 0; back++) {
		start--;
		if (((unsigned char)s[start] & 0xC0) != 0x80)
			break;
	}
	if (start == len || (unsigned char)s[start] < 0xC0)
		return len;
	uint32_t cp;
	return utf8_next(slice_of(s + start, len - start), &cp) == 0 ? start : len;
}

/* Format into dst[size]; returns the length of what fits. */
static size_t PRINTF_LIKE(3, 0) format_text(char *dst, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(dst, size, fmt, ap);
	if (n < 0) {
		dst[0] = '\0';
		return 0;
	}
	if ((size_t)n < size)
		return (size_t)n;
	size_t len = whole_characters(dst, size - 1);
	dst[len] = '\0';
	return len;
}

/* text = a + b, cut to the size. */
static void join(struct err *e, const char *a, size_t a_len, const char *b)
{
	size_t b_len = strlen(b), room = ERR_TEXT_MAX - 1 - a_len;
	memcpy(e->text, a, a_len);
	if (b_len > room)
		b_len = whole_characters(b, room);
	memcpy(e->text + a_len, b, b_len);
	e->text[a_len + b_len] = '\0';
}

static void fill(struct err *e, enum err_scope scope, enum err_code code, int sys)
{
	e->scope = scope;
	e->code = code;
	e->retry = err_default_retry(code);
	e->sys = sys;
}

int err_set(struct err *e, enum err_scope scope, enum err_code code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	size_t len = format_text(text, sizeof text, fmt, ap);
	va_end(ap);
	fill(e, scope, code, 0);
	join(e, text, len, "");
	return -1;
}

static enum err_code code_of_errno(int errnum, enum err_code otherwise)
{
	switch (errnum) {
	case ENOSPC:
#ifdef EDQUOT
	case EDQUOT:
#endif
		return E_FULL;
	case ENOMEM: return E_NOMEM;
	case EEXIST: return E_EXISTS;
	case ENOENT: return E_MISSING;
	default: return otherwise;
	}
}

int err_sys(
	struct err *e, enum err_scope scope, enum err_code code, int errnum, const char *fmt, ...)
{
	/* The cause comes last but is what the reader needs: a long context is cut before it. */
	char cause[128], text[ERR_TEXT_MAX];
	int n = snprintf(cause, sizeof cause, ": %s", strerror(errnum));
	if (n < 0)
		cause[0] = '\0';
	va_list ap;
	va_start(ap, fmt);
	size_t len = format_text(text, sizeof text - strlen(cause), fmt, ap);
	va_end(ap);
	fill(e, scope, code_of_errno(errnum, code), errnum);
	join(e, text, len, cause);
	return -1;
}

int err_context(struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], old[ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	size_t len = format_text(text, sizeof text - 2, fmt, ap);
	va_end(ap);
	memcpy(old, e->text, sizeof old);
	text[len++] = ':';
	text[len++] = ' ';
	join(e, text, len, old);
	return -1;
}

int err_widen(struct err *e, enum err_scope scope)
{
	if (e->scope < scope)
		e->scope = scope;
	return -1;
}

int err_nomem(struct err *e, const char *what)
{
	return err_set(e, ERR_ACCOUNT, E_NOMEM, "out of memory while %s", what);
}

void err_clear(struct err *e)
{
	*e = (struct err)ERR_INIT;
}

bool err_is_set(const struct err *e)
{
	return e->code != E_NONE;
}

enum err_retry err_default_retry(enum err_code code)
{
	switch (code) {
	case E_NET:
	case E_TIMEOUT:
	case E_CLOSED:
	case E_TLS:
	case E_BYE: return RETRY_RECONNECT;
	/* The cause lies outside this run and may pass. */
	case E_NOMEM:
	case E_CANCELLED:
	case E_THROTTLE:
	case E_FULL:
	case E_LOCKED: return RETRY_LATER;
	/* E_AUTH among them: repeating a refused login locks accounts. E_IO: a failed flush is
	 * final. */
	case E_NONE:
	case E_LIMIT:
	case E_INVALID:
	case E_STATE:
	case E_CERT:
	case E_PROTO:
	case E_NO:
	case E_BAD:
	case E_AUTH:
	case E_IO:
	case E_CORRUPT:
	case E_EXISTS:
	case E_MISSING:
	case E_USAGE:
	case E_CONFIG:
	case E_CODE_COUNT: break;
	}
	return RETRY_NEVER;
}

const char *err_scope_name(enum err_scope scope)
{
	switch (scope) {
	case ERR_NONE: return "none";
	case ERR_MESSAGE: return "message";
	case ERR_MAILBOX: return "mailbox";
	case ERR_CONNECTION: return "connection";
	case ERR_ACCOUNT: return "account";
	case ERR_STORE: return "store";
	case ERR_USAGE: return "usage";
	}
	return "unknown";
}

const char *err_code_name(enum err_code code)
{
	switch (code) {
	case E_NONE: return "none";
	case E_NOMEM: return "nomem";
	case E_LIMIT: return "limit";
	case E_INVALID: return "invalid";
	case E_STATE: return "state";
	case E_CANCELLED: return "cancelled";
	case E_NET: return "net";
	case E_TIMEOUT: return "timeout";
	case E_CLOSED: return "closed";
	case E_TLS: return "tls";
	case E_CERT: return "cert";
	case E_PROTO: return "proto";
	case E_NO: return "no";
	case E_BAD: return "bad";
	case E_BYE: return "bye";
	case E_AUTH: return "auth";
	case E_THROTTLE: return "throttle";
	case E_IO: return "io";
	case E_FULL: return "full";
	case E_LOCKED: return "locked";
	case E_CORRUPT: return "corrupt";
	case E_EXISTS: return "exists";
	case E_MISSING: return "missing";
	case E_USAGE: return "usage";
	case E_CONFIG: return "config";
	case E_CODE_COUNT: break;
	}
	return "unknown";
}

/* SPDX-License-Identifier: MIT */
/* util.c -- the public forms of core/base's vocabulary. */
#include "core/imap/imap4_util.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"
#include "core/base/uidset.h"

/* Longer texts would not fit any command or mailbox name. */
#define NAME_TEXT_MAX 16384
#define SET_TEXT_MAX  ((size_t)256 << 20)

static imap4_err outcome(int status, const struct err *e)
{
	if (status == 0)
		return IMAP4_OK;
	if (e->code == E_NOMEM)
		return IMAP4_E_NOMEM;
	return e->code == E_LIMIT ? IMAP4_E_LIMIT : IMAP4_E_ARG;
}

imap4_set *imap4_set_new(void)
{
	return calloc(1, sizeof(struct uidset));
}

void imap4_set_free(imap4_set *s)
{
	if (s != NULL)
		uidset_release(s);
	free(s);
}

imap4_err imap4_set_add(imap4_set *s, uint32_t n)
{
	struct err e = ERR_INIT;
	return outcome(uidset_add(s, n, &e), &e);
}

imap4_err imap4_set_add_range(imap4_set *s, uint32_t lo, uint32_t hi)
{
	struct err e = ERR_INIT;
	return outcome(uidset_add_range(s, lo, hi, &e), &e);
}

imap4_err imap4_set_remove_range(imap4_set *s, uint32_t lo, uint32_t hi)
{
	struct err e = ERR_INIT;
	return outcome(uidset_remove_range(s, lo, hi, &e), &e);
}

imap4_err imap4_set_parse(imap4_set *s, const char *text)
{
	struct err e = ERR_INIT;
	return outcome(uidset_parse(s, slice_str(text), &e), &e);
}

int imap4_set_has(const imap4_set *s, uint32_t n)
{
	return uidset_has(s, n);
}

uint64_t imap4_set_count(const imap4_set *s)
{
	return uidset_count(s);
}

uint32_t imap4_set_next(const imap4_set *s, uint32_t after)
{
	return uidset_next(s, after);
}

char *imap4_set_text(const imap4_set *s)
{
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT(SET_TEXT_MAX);
	char *text = NULL;
	if (uidset_format(s, &out, &e) == 0)
		text = out.len > 0 ? buf_take(&out) : strdup("");
	buf_release(&out);
	return text;
}

int imap4_date_parse(imap4_str text, int64_t *seconds, int *zone_minutes)
{
	struct mail_date d;
	if (!mail_date_parse(slice_of(text.ptr, text.len), &d))
		return 0;
	*seconds = d.secs;
	*zone_minutes = d.zone;
	return 1;
}

int imap4_date_format(int64_t seconds, int zone_minutes, char out[IMAP4_DATE_SIZE])
{
	if (zone_minutes <= -1440 || zone_minutes >= 1440)
		return 0;
	const struct mail_date d = {.secs = seconds, .zone = zone_minutes, .valid = true};
	return mail_date_format(&d, out);
}

int imap4_flags_parse(imap4_str text, int (*each)(void *ctx, imap4_str flag), void *ctx)
{
	const char *open = text.ptr != NULL ? memchr(text.ptr, '(', text.len) : NULL;
	if (open == NULL)
		return -1;
	const char *p = open + 1, *end = memchr(p, ')', text.len - (size_t)(p - text.ptr));
	if (end == NULL)
		return -1;
	int n = 0;
	while (p < end) {
		while (p < end && *p == ' ')
			p++;
		const char *start = p;
		while (p < end && *p != ' ')
			p++;
		if (p == start)
			break;
		n++;
		if (each(ctx, (imap4_str){start, (size_t)(p - start)}) != 0)
			break;
	}
	return n;
}

char *imap4_int2ap(uint64_t n, char out[17])
{
	size_t digits = 0;
	for (uint64_t v = n; v > 0; v >>= 4)
		digits++;
	out[digits] = '\0';
	for (; n > 0; n >>= 4)
		out[--digits] = (char)('A' + (n & 15));
	return out;
}

static char *convert(bool (*how)(struct slice, struct buf *), struct slice in)
{
	struct buf out = BUF_INIT(NAME_TEXT_MAX);
	char *text = NULL;
	if (how(in, &out) && out.failed == E_NONE)
		text = out.len > 0 ? buf_take(&out) : strdup("");
	buf_release(&out);
	return text;
}

char *imap4_name_encode(const char *utf8)
{
	return convert(mutf7_encode, slice_str(utf8));
}

char *imap4_name_decode(imap4_str wire)
{
	return convert(mutf7_decode, slice_of(wire.ptr, wire.len));
}

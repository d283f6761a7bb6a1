/* SPDX-License-Identifier: MIT */
/*
 * wire.c -- what the capabilities of a session say about values: how a mailbox name is spelt (RFC 6855, RFC 9051 section
 * 5.1), how large a message may be (RFC 7889).
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"
#include "core/base/text.h"
#include "core/imap/caps.h"
#include "core/imap/cmd.h"
#include "core/imap/imap4_util.h"

/* Longer than any mailbox name may be, in either form. */
#define NAME_TEXT_MAX 16384

int imap4_utf8_enabled(const imap4_session *s)
{
	return engine_utf8(session_engine(s));
}

/* RFC 6855 section 6: such a server accepts modified UTF-7 no more. */
static bool refuses_utf7(const imap4_session *s)
{
	return caps_has(session_caps(s), "UTF8=ONLY");
}

/* RFC 6855 section 3: Net-Unicode without controls, DEL, line and paragraph separators. */
static bool is_utf8_name(struct slice name)
{
	bool ok = utf8_valid(name);
	for (size_t i = 0; i < name.n && ok; i++) {
		unsigned char c = name.p[i];
		ok = c >= ' ' && c != 0x7f;
		if (c == 0xc2 && i + 1 < name.n) /* U+0080 to U+009F */
			ok = name.p[i + 1] >= 0xa0;
		else if (c == 0xe2 && i + 2 < name.n && name.p[i + 1] == 0x80) /* U+2028, U+2029 */
			ok = name.p[i + 2] != 0xa8 && name.p[i + 2] != 0xa9;
	}
	return ok;
}

static bool same(struct slice name, struct buf *out)
{
	return is_utf8_name(name) && buf_add_slice(out, name) == 0;
}

static imap4_err convert(const imap4_session *s, bool (*utf7)(struct slice, struct buf *),
	struct slice name, char **text)
{
	*text = NULL;
	bool utf8 = engine_utf8(session_engine(s));
	if (!utf8 && refuses_utf7(s))
		return IMAP4_E_STATE;
	struct buf out = BUF_INIT(NAME_TEXT_MAX);
	bool ok = (utf8 ? same : utf7)(name, &out);
	enum err_code failed = out.failed;
	if (ok && failed == E_NONE)
		*text = out.len > 0 ? buf_take(&out) : strdup("");
	buf_release(&out);
	if (*text != NULL)
		return IMAP4_OK;
	if (failed == E_LIMIT)
		return IMAP4_E_LIMIT;
	return ok || failed == E_NOMEM ? IMAP4_E_NOMEM : IMAP4_E_ARG;
}

imap4_err imap4_wire_name(const imap4_session *s, const char *utf8, char **out)
{
	return convert(s, mutf7_encode, slice_str(utf8), out);
}

imap4_err imap4_wire_name_decode(const imap4_session *s, imap4_str wire, char **out)
{
	return convert(s, mutf7_decode, slice_of(wire.ptr, wire.len), out);
}

int imap4_append_limit(const imap4_session *s, uint64_t *octets)
{
	const struct caps *caps = session_caps(s);
	struct slice value = caps_value(caps, "APPENDLIMIT=");
	if (value.p != NULL && slice_u64(value, INT64_MAX, octets))
		return IMAP4_APPEND_LIMIT_GLOBAL;
	return caps_has(caps, "APPENDLIMIT") ? IMAP4_APPEND_LIMIT_BY_MAILBOX
					     : IMAP4_APPEND_LIMIT_UNKNOWN;
}

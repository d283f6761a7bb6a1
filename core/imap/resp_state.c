/* SPDX-License-Identifier: MIT */
/*
 * resp_state.c -- status lines: condition, response code and text (RFC 9051 sections 7.1 and 9, resp-text).
 */
#include "core/imap/resp_private.h"

#include <string.h>

static const struct {
	const char *name;
	imap4_code code;
} codes[] = {
	{"ALERT", IMAP4_CODE_ALERT},
	{"BADCHARSET", IMAP4_CODE_BADCHARSET},
	{"CAPABILITY", IMAP4_CODE_CAPABILITY},
	{"PARSE", IMAP4_CODE_PARSE},
	{"PERMANENTFLAGS", IMAP4_CODE_PERMANENTFLAGS},
	{"READ-ONLY", IMAP4_CODE_READ_ONLY},
	{"READ-WRITE", IMAP4_CODE_READ_WRITE},
	{"TRYCREATE", IMAP4_CODE_TRYCREATE},
	{"UIDNEXT", IMAP4_CODE_UIDNEXT},
	{"UIDVALIDITY", IMAP4_CODE_UIDVALIDITY},
	{"UNSEEN", IMAP4_CODE_UNSEEN},
	{"UNAVAILABLE", IMAP4_CODE_UNAVAILABLE},
	{"AUTHENTICATIONFAILED", IMAP4_CODE_AUTHENTICATIONFAILED},
	{"AUTHORIZATIONFAILED", IMAP4_CODE_AUTHORIZATIONFAILED},
	{"EXPIRED", IMAP4_CODE_EXPIRED},
	{"PRIVACYREQUIRED", IMAP4_CODE_PRIVACYREQUIRED},
	{"CONTACTADMIN", IMAP4_CODE_CONTACTADMIN},
	{"NOPERM", IMAP4_CODE_NOPERM},
	{"INUSE", IMAP4_CODE_INUSE},
	{"EXPUNGEISSUED", IMAP4_CODE_EXPUNGEISSUED},
	{"CORRUPTION", IMAP4_CODE_CORRUPTION},
	{"SERVERBUG", IMAP4_CODE_SERVERBUG},
	{"CLIENTBUG", IMAP4_CODE_CLIENTBUG},
	{"CANNOT", IMAP4_CODE_CANNOT},
	{"LIMIT", IMAP4_CODE_LIMIT},
	{"OVERQUOTA", IMAP4_CODE_OVERQUOTA},
	{"ALREADYEXISTS", IMAP4_CODE_ALREADYEXISTS},
	{"NONEXISTENT", IMAP4_CODE_NONEXISTENT},
	{"HIGHESTMODSEQ", IMAP4_CODE_HIGHESTMODSEQ},
	{"NOMODSEQ", IMAP4_CODE_NOMODSEQ},
	{"MODIFIED", IMAP4_CODE_MODIFIED},
	{"CLOSED", IMAP4_CODE_CLOSED},
	{"APPENDUID", IMAP4_CODE_APPENDUID},
	{"COPYUID", IMAP4_CODE_COPYUID},
	{"UIDNOTSTICKY", IMAP4_CODE_UIDNOTSTICKY},
	{"MAILBOXID", IMAP4_CODE_MAILBOXID},
	{"THROTTLED", IMAP4_CODE_THROTTLED},
	{"MESSAGELIMIT", IMAP4_CODE_MESSAGELIMIT},
	{"INPROGRESS", IMAP4_CODE_INPROGRESS},
	{"COMPRESSIONACTIVE", IMAP4_CODE_COMPRESSIONACTIVE},
	{"TOOBIG", IMAP4_CODE_TOOBIG},
	{"UIDREQUIRED", IMAP4_CODE_UIDREQUIRED},
	{"NOTSAVED", IMAP4_CODE_NOTSAVED},
	{"HASCHILDREN", IMAP4_CODE_HASCHILDREN},
	{"UNKNOWN-CTE", IMAP4_CODE_UNKNOWN_CTE},
	{"USEATTR", IMAP4_CODE_USEATTR},
	{"REFERRAL", IMAP4_CODE_REFERRAL},
	{"NOTIFICATIONOVERFLOW", IMAP4_CODE_NOTIFICATIONOVERFLOW},
	{"METADATA", IMAP4_CODE_METADATA},
	{"BADEVENT", IMAP4_CODE_BADEVENT},
	{"UNDEFINED-FILTER", IMAP4_CODE_UNDEFINED_FILTER},
	{"BADURL", IMAP4_CODE_BADURL},
	{"ANNOTATEMORE", IMAP4_CODE_ANNOTATEMORE},
	{"BADCOMPARATOR", IMAP4_CODE_BADCOMPARATOR},
};

imap4_code resp_code(struct slice atom)
{
	if (atom.n == 0)
		return IMAP4_CODE_NONE;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (slice_ieq_str(atom, codes[i].name))
			return codes[i].code;
	return IMAP4_CODE_OTHER;
}

bool resp_code_u64(const imap4_state_line *l, uint64_t max, uint64_t *v)
{
	struct slice args = slice_of(l->code_args.ptr, l->code_args.len);
	return slice_u64(slice_of(args.p, token_word_end(args, 0)), max, v);
}

static struct slice next_word(struct slice *rest)
{
	size_t from = token_skip_spaces(*rest, 0), end = token_word_end(*rest, from);
	struct slice word = slice_of(rest->p + from, end - from);
	*rest = slice_of(rest->p + end, rest->n - end);
	return word;
}

/* "INPROGRESS" [SP "(" (NIL / quoted tag) SP (NIL / number) SP (NIL / number) ")"]: a tag holds no space. */
void resp_read_progress(const imap4_state_line *l, imap4_progress *p)
{
	memset(p, 0, sizeof *p);
	struct slice rest = slice_of(l->code_args.ptr, l->code_args.len);
	if (rest.n < 2 || rest.p[0] != '(' || rest.p[rest.n - 1] != ')')
		return;
	rest = slice_of(rest.p + 1, rest.n - 2);
	struct slice tag = next_word(&rest);
	if (tag.n >= 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"')
		tag = slice_of(tag.p + 1, tag.n - 2);
	else if (slice_ieq_str(tag, "NIL"))
		tag = SLICE_NONE;
	p->tag = (imap4_str){(const char *)tag.p, tag.n};
	p->has_done = slice_u64(next_word(&rest), UINT64_MAX, &p->done);
	p->has_goal = slice_u64(next_word(&rest), UINT64_MAX, &p->goal);
}

/* The ']' of an IPv6 address as the host of a URL (RFC 3986 section 3.2.2) whose '[' is at i, else i. REFERRAL has URLs,
 * and "//" or "@" in front of hosts. */
static size_t address_end(struct slice s, size_t i)
{
	if (i == 0 || (s.p[i - 1] != '/' && s.p[i - 1] != '@'))
		return i;
	size_t end = i + 1, colons = 0;
	for (; end < s.n && s.p[end] != ']'; end++) {
		if (s.p[end] <= ' ' || s.p[end] == '[' || s.p[end] == '/')
			return i;
		colons += s.p[end] == ':';
	}
	return end < s.n && colons > 0 ? end : i;
}

/*
 * s.p[i] is behind the '[': the place of the ']' that ends the code, or the end of s. A quoted string may hold
 * one (BADCHARSET), so may the host of a URL (REFERRAL), and servers exist whose flags do (PERMANENTFLAGS). When quotes or
 * parentheses do not pair up, it is the first other ']'.
 */
static size_t code_end(struct slice s, size_t i)
{
	size_t depth = 0, first = s.n;
	bool quoted = false;
	for (; i < s.n; i++) {
		unsigned char c = s.p[i];
		if (c == ']' && first == s.n)
			first = i;
		if (quoted) {
			if (c == '\\')
				i++;
			else
				quoted = c != '"';
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[') {
			i = address_end(s, i);
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && depth > 0) {
			depth--;
		} else if (c == ']' && depth == 0) {
			return i;
		}
	}
	return first;
}

static imap4_str put(char **at, struct slice s)
{
	imap4_str r = {*at, s.n};
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	(*at)[s.n] = '\0';
	*at += s.n + 1;
	return r;
}

void resp_read_state(struct imap4_data *d, struct slice text, char *at)
{
	imap4_state_line *l = &d->u.state;
	d->kind = IMAP4_DATA_STATE;
	text = token_trim_end(text);
	size_t i = 0;
	if (text.n > 0 && text.p[0] != '[') {
		i = token_word_end(text, 0);
		l->condition = put(&at, slice_of(text.p, i));
	} else {
		l->condition = (imap4_str){"OK", 2};
	}
	d->name = l->condition;
	i = token_skip_spaces(text, i);
	if (i < text.n && text.p[i] == '[') {
		size_t from = token_skip_spaces(text, i + 1);
		size_t end = code_end(text, from);
		if (end == text.n) {
			d->damaged = true; /* no ']': it is all text */
		} else {
			struct slice code = token_trim_end(slice_of(text.p + from, end - from));
			size_t n = token_word_end(code, 0);
			size_t args = token_skip_spaces(code, n);
			l->code_atom = put(&at, slice_of(code.p, n));
			l->code = resp_code(slice_of(code.p, n));
			if (args < code.n)
				l->code_args = put(&at, slice_of(code.p + args, code.n - args));
			i = token_skip_spaces(text, end + 1);
		}
	}
	if (i < text.n)
		l->text = put(&at, slice_of(text.p + i, text.n - i));
	else
		l->text = (imap4_str){"", 0};
}

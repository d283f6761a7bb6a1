/* SPDX-License-Identifier: MIT */
/*
 * cmd_fetch.c -- FETCH and UID FETCH (RFC 9051 sections 6.4.5, 6.4.9; CHANGEDSINCE and VANISHED: RFC 7162 sections
 * 3.1.4.1 and 3.2.6; PARTIAL: RFC 9394 section 3.3).
 *
 * A long set becomes several command lines (parts). Which FETCH responses belong here is a question of the whole set, not of
 * the part, for all parts report to the same caller.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

/* Octets of a set that are always allowed on a line, however long the items are. */
#define SET_ROOM_MIN 100
/* " (CHANGEDSINCE 9223372036854775807 VANISHED PARTIAL -4294967295:-4294967295)" and some more */
#define MODIFIERS_MAX 90

struct fetch_args {
	struct cmd_set set;
	uint64_t changedsince;
	bool vanished;
	int64_t partial_first, partial_last;
	struct buf items; /* as they are sent */
	unsigned needs;	  /* ENC_NEEDS_* */
	/* what was asked for */
	uint32_t mask;	   /* IMAP4_MSG_* */
	struct buf others; /* names of items without a bit, each with a NUL behind */
	struct buf
		sections; /* of body items: the word before a header list, each with a NUL behind */
};

static void free_args(void *more)
{
	struct fetch_args *a = more;
	cmd_set_release(&a->set);
	buf_release(&a->items);
	buf_release(&a->others);
	buf_release(&a->sections);
	free(a);
}

static const struct fetch_args *args_of(const struct imap4_cmd *c)
{
	return c->parent != NULL ? c->parent->more : c->more;
}

/* ---- what was asked for --------------------------------------------------------------------------- */

struct item_bit {
	const char *name;
	uint32_t bits;
};
static const struct item_bit item_bits[] = {
	{"UID", IMAP4_MSG_UID},
	{"FLAGS", IMAP4_MSG_FLAGS},
	{"INTERNALDATE", IMAP4_MSG_INTERNALDATE},
	{"RFC822.SIZE", IMAP4_MSG_SIZE},
	{"MODSEQ", IMAP4_MSG_MODSEQ},
	{"EMAILID", IMAP4_MSG_EMAILID},
	{"X-GM-MSGID", IMAP4_MSG_EMAILID},
	{"THREADID", IMAP4_MSG_THREADID},
	{"X-GM-THRID", IMAP4_MSG_THREADID},
	{"ALL", IMAP4_MSG_FLAGS | IMAP4_MSG_INTERNALDATE | IMAP4_MSG_SIZE},
	{"FAST", IMAP4_MSG_FLAGS | IMAP4_MSG_INTERNALDATE | IMAP4_MSG_SIZE},
	{"FULL", IMAP4_MSG_FLAGS | IMAP4_MSG_INTERNALDATE | IMAP4_MSG_SIZE},
};

/* Servers write a header list in their own way, so the word before it decides. */
static struct slice section_word(struct slice section)
{
	size_t n = 0;
	while (n < section.n && section.p[n] != ' ')
		n++;
	return slice_of(section.p, n);
}

static void note_text(struct buf *list, struct slice s)
{
	(void)buf_add_slice(list, s);
	(void)buf_add_byte(list, '\0');
}

/* One item as it is sent: a name, perhaps with [section] and <offset>. */
static void note_item(struct fetch_args *a, struct slice item)
{
	const unsigned char *open = memchr(item.p, '[', item.n);
	if (item.n > 0 && item.p[0] == '(')
		return; /* (LAZY) */
	if (open != NULL && !slice_starts_istr(item, "BINARY.SIZE[")) {
		const unsigned char *end = item.p + item.n;
		while (end[-1] != ']')
			end--;
		a->mask |= IMAP4_MSG_BODY | IMAP4_MSG_BODY_NIL;
		note_text(&a->sections, section_word(slice_of(open + 1, (size_t)(end - open - 2))));
		return;
	}
	if (slice_ieq_str(item, "RFC822") || slice_ieq_str(item, "RFC822.TEXT") ||
		slice_ieq_str(item, "RFC822.HEADER")) {
		a->mask |= IMAP4_MSG_BODY | IMAP4_MSG_BODY_NIL;
		note_text(&a->sections, item.n > 7 ? slice_of(item.p + 7, item.n - 7) : SLICE_NONE);
		return;
	}
	bool found = false;
	for (size_t i = 0; i < sizeof item_bits / sizeof item_bits[0]; i++)
		if (slice_ieq_str(item, item_bits[i].name)) {
			a->mask |= item_bits[i].bits;
			found = true;
		}
	if (!found)
		note_text(&a->others, item);
}

/* Walk over the items, which the encoder has checked: "(UID BODY.PEEK[HEADER.FIELDS (FROM)]<0.9>)". */
static void note_items(struct fetch_args *a)
{
	struct slice s = buf_slice(&a->items);
	if (s.p[0] == '(')
		s = slice_of(s.p + 1, s.n - 2);
	for (size_t i = 0, start = 0, depth = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] == '"') {
			/* a header name may be quoted and hold anything */
			for (i++; s.p[i] != '"'; i++)
				i += s.p[i] == '\\';
		} else if (i < s.n && s.p[i] == '[') {
			depth++;
		} else if (i < s.n && s.p[i] == ']') {
			depth -= depth > 0;
		} else if (i == s.n || (s.p[i] == ' ' && depth == 0)) {
			note_item(a, slice_of(s.p + start, i - start));
			start = i + 1;
		}
	}
	if (a->changedsince != 0)
		a->mask |= IMAP4_MSG_MODSEQ;
}

/* ---- whose response is it -------------------------------------------------------------------------- */

enum member { MEMBER_UNKNOWN, MEMBER_NO, MEMBER_YES };

static enum member is_member(const struct fetch_args *a, const imap4_message *m)
{
	uint32_t n = a->set.by_uid ? m->uid : m->seq;
	if (n == 0)
		return MEMBER_UNKNOWN;
	return cmd_set_has(&a->set, n) ? MEMBER_YES : MEMBER_NO;
}

static bool has_other_item(const struct fetch_args *a, const imap4_message *m)
{
	for (size_t i = 0; i < a->others.len; i += strlen(buf_str(&a->others) + i) + 1)
		if (imap4_message_item(m, buf_str(&a->others) + i) != NULL)
			return true;
	return false;
}

/* Servers may report flag changes at any time; those come with FLAGS, and MODSEQ, and UID at most. */
#define UNSOLICITED_ITEMS ((uint32_t)(IMAP4_MSG_UID | IMAP4_MSG_FLAGS | IMAP4_MSG_MODSEQ))

static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	const struct fetch_args *a = args_of(c);
	if (imap4_data_kind(d) == IMAP4_DATA_VANISHED)
		return a->vanished && imap4_data_numbers(d)->earlier;
	if (imap4_data_kind(d) != IMAP4_DATA_FETCH)
		return false;
	const imap4_message *m = imap4_data_message(d);
	switch (is_member(a, m)) {
	case MEMBER_NO: return false;
	case MEMBER_YES:
		return (m->have & a->mask & ~(uint32_t)IMAP4_MSG_UID) != 0 ||
			m->have == IMAP4_MSG_UID || has_other_item(a, m);
	case MEMBER_UNKNOWN:
		return (m->have & a->mask & ~UNSOLICITED_ITEMS) != 0 || has_other_item(a, m);
	}
	return false;
}

static bool asked_section(const struct fetch_args *a, imap4_str section)
{
	struct slice word = section_word(slice_of(section.ptr, section.len));
	const char *s = buf_str(&a->sections);
	for (size_t i = 0; i < a->sections.len; i += strlen(s + i) + 1)
		if (slice_ieq_str(word, s + i))
			return true;
	return false;
}

static enum cmd_wants wants_body(
	const struct imap4_cmd *c, const imap4_message *so_far, imap4_str section)
{
	const struct fetch_args *a = args_of(c);
	if ((a->mask & IMAP4_MSG_BODY) == 0)
		return CMD_WANTS_NOT;
	switch (is_member(a, so_far)) {
	case MEMBER_NO: return CMD_WANTS_NOT;
	case MEMBER_YES: return CMD_WANTS_MESSAGE;
	case MEMBER_UNKNOWN: break;
	}
	return asked_section(a, section) ? CMD_WANTS_SECTION : CMD_WANTS_SOME;
}

/* Nobody knows which messages "$" stands for, and VANISHED (EARLIER) does not say whose it is. Parts of one command may run
 * together. */
static bool fetch_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	if (other->kind->conflicts != fetch_conflicts)
		return false;
	const struct fetch_args *a = args_of(c), *b = args_of(other);
	return a->set.saved || b->set.saved || (a->vanished && b->vanished);
}

/* ---- sending --------------------------------------------------------------------------------------- */

/* The capability that is not there; NULL: all are. */
static const char *missing_capability(const struct imap4_cmd *c, const struct fetch_args *a)
{
	static const struct {
		unsigned need;
		const char *capability;
		bool in_rev2;
	} table[] = {
		{ENC_NEEDS_BINARY, "BINARY", true},
		{ENC_NEEDS_PREVIEW, "PREVIEW", false},
		{ENC_NEEDS_SAVEDATE, "SAVEDATE", false},
		{ENC_NEEDS_OBJECTID, "OBJECTID", false},
		{ENC_NEEDS_GMAIL, "X-GM-EXT-1", false},
		{ENC_NEEDS_NUMBER64, "IMAP4rev2", true},
	};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((a->needs & table[i].need) != 0 &&
			!cmd_has(c, table[i].capability, table[i].in_rev2))
			return table[i].capability;
	if (a->changedsince != 0 && !cmd_has(c, "CONDSTORE", false) &&
		!cmd_has(c, "QRESYNC", false))
		return "CONDSTORE";
	if (a->partial_first != 0 && !cmd_has(c, "PARTIAL", false))
		return "PARTIAL";
	return a->vanished && !cmd_has(c, "QRESYNC", false) ? "QRESYNC" : NULL;
}

static bool possible(struct imap4_cmd *c, const struct fetch_args *a)
{
	const char *missing = missing_capability(c, a);
	if (missing != NULL)
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", missing);
	else if (a->vanished && !engine_enabled(c->engine, "QRESYNC"))
		cmd_fail_local(
			c, IMAP4_E_STATE, "QRESYNC was not enabled"); /* RFC 7162 section 3.2.6 */
	else
		return cmd_set_possible(c);
	return false;
}

/* fetch-modifiers, RFC 4466 section 2.4 */
static void encode_modifiers(struct enc *enc, const struct fetch_args *a)
{
	if (a->changedsince != 0) {
		enc_raw(enc, " (CHANGEDSINCE ");
		enc_number(enc, a->changedsince);
		enc_raw(enc, a->vanished ? " VANISHED" : "");
	}
	if (a->partial_first != 0) {
		enc_raw(enc, a->changedsince != 0 ? " " : " (");
		cmd_encode_partial(enc, a->partial_first, a->partial_last);
	}
	enc_raw(enc, a->changedsince != 0 || a->partial_first != 0 ? ")" : "");
}

static int part(struct imap4_cmd *parent, struct imap4_cmd **out, struct err *e)
{
	struct fetch_args *a = parent->more;
	if (!possible(parent, a)) {
		parent->parts_left = false;
		return 0;
	}
	struct imap4_cmd *c = cmd_part(parent, e);
	if (c == NULL)
		return -1;
	struct enc *enc = &c->enc;
	enc_raw(enc, parent->kind->name);
	enc_raw(enc, " ");
	int left = cmd_set_part(c, &a->set, a->items.len + MODIFIERS_MAX, e);
	parent->parts_left = left > 0;
	enc_raw(enc, " ");
	enc_raw(enc, buf_str(&a->items));
	encode_modifiers(enc, a);
	if (left > 0 && a->partial_first != 0) {
		/* The server would count from the beginning of each line. */
		left = err_set(e, ERR_USAGE, E_LIMIT, "the set is longer than a command line");
		parent->parts_left = false;
	}
	if (left < 0) {
		cmd_destroy(c);
		return -1;
	}
	if (cmd_part_ready(c, e) != 0)
		return -1;
	*out = c;
	return 0;
}

static const struct cmd_kind fetch_kind = {
	.name = "FETCH",
	.flags = CMD_READ_ONLY | CMD_NEEDS_SELECTED,
	.claims = claims,
	.wants_body = wants_body,
	.part = part,
	.conflicts = fetch_conflicts,
};

static const struct cmd_kind uid_fetch_kind = {
	.name = "UID FETCH",
	.flags = CMD_READ_ONLY | CMD_NEEDS_SELECTED,
	.claims = claims,
	.wants_body = wants_body,
	.part = part,
	.conflicts = fetch_conflicts,
};

static int set_items(struct fetch_args *a, const char *items, bool peek_only, struct err *e)
{
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	a->needs = enc_fetch_items(&enc, slice_str(items), peek_only);
	int r = enc_check(&enc, e);
	if (r == 0 && enc.line + SET_ROOM_MIN > IMAP_COMMAND_ABSOLUTE_MAX)
		r = err_set(e, ERR_USAGE, E_LIMIT, "the items are longer than a command line");
	if (r == 0) {
		(void)buf_add_slice(&a->items, buf_slice(&enc.bytes));
		if (a->items.failed == E_NONE)
			note_items(a);
		if (a->items.failed != E_NONE || a->others.failed != E_NONE ||
			a->sections.failed != E_NONE)
			r = err_nomem(e, "FETCH items");
	}
	enc_release(&enc);
	return r;
}

static struct fetch_args *new_args(const imap4_fetch_opts *opts, struct err *e)
{
	struct fetch_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(e, "FETCH");
		return NULL;
	}
	buf_init(&a->items, IMAP_COMMAND_ABSOLUTE_MAX);
	buf_init(&a->others, 2 * (size_t)IMAP_COMMAND_ABSOLUTE_MAX);
	buf_init(&a->sections, 2 * (size_t)IMAP_COMMAND_ABSOLUTE_MAX);
	a->set.open_from = opts->open_from;
	a->changedsince = opts->changedsince;
	a->vanished = opts->vanished != 0;
	a->partial_first = opts->partial_first;
	a->partial_last = opts->partial_last;
	a->set.whole = opts->partial_first != 0;
	return a;
}

imap4_cmd *imap4_fetch_start(
	imap4_session *s, const imap4_set *set, const char *items, const imap4_fetch_opts *o)
{
	imap4_fetch_opts opts;
	cmd_options(&opts, sizeof opts, o);
	bool by_uid = opts.by == IMAP4_BY_UID;
	const imap4_sink *sink = opts.sink;
	if (cmd_set_is_empty(set, opts.open_from))
		return session_refuse(s, IMAP4_E_ARG, "FETCH: the set is empty");
	if (items == NULL)
		return session_refuse(s, IMAP4_E_ARG, "FETCH: no items");
	if (opts.changedsince > INT64_MAX)
		return session_refuse(s, IMAP4_E_ARG, "FETCH: no such modification sequence");
	if (opts.vanished && (!by_uid || opts.changedsince == 0))
		return session_refuse(
			s, IMAP4_E_ARG, "FETCH: VANISHED goes with UIDs and CHANGEDSINCE");
	if (!cmd_is_partial(opts.partial_first, opts.partial_last) ||
		(opts.partial_first != 0 && !by_uid))
		return session_refuse(s, IMAP4_E_ARG, "FETCH: no such PARTIAL range");
	if (sink != NULL &&
		(sink->begin == NULL || sink->data == NULL || sink->end == NULL ||
			sink->done == NULL))
		return session_refuse(s, IMAP4_E_ARG, "FETCH: a sink needs all its functions");
	struct imap4_cmd *c = cmd_new(s, by_uid ? &uid_fetch_kind : &fetch_kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct fetch_args *a = new_args(&opts, &e);
	c->more = a;
	c->free_more = free_args;
	if (a == NULL || cmd_set_take(c, &a->set, set, by_uid, &e) != 0 ||
		set_items(a, items, engine_policy(c->engine) == IMAP4_POLICY_BACKUP, &e) != 0)
		return cmd_discard(c, &e);
	if (sink != NULL) {
		c->sink_copy = *sink;
		c->sink = &c->sink_copy;
	}
	return cmd_submit(c);
}

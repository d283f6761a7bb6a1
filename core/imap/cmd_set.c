/* SPDX-License-Identifier: MIT */
/*
 * cmd_set.c -- the messages that a command is about: a set, "$" (SEARCHRES, RFC 5182), how much of it one command line
 * takes (octets; MESSAGELIMIT and SAVELIMIT, RFC 9738), and what a server that stopped early has left undone.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "core/imap/caps.h"

/* Octets of a set that are always allowed on a line, however long the rest is. */
#define SET_ROOM_MIN 100

/* ---- "$" ------------------------------------------------------------------------------------------- */

const imap4_set *imap4_set_saved(void)
{
	static const struct uidset saved = UIDSET_INIT; /* known by its address */
	return &saved;
}

/* ---- the argument ---------------------------------------------------------------------------------- */

int cmd_set_take(
	struct imap4_cmd *c, struct cmd_set *s, const imap4_set *from, bool by_uid, struct err *e)
{
	c->set = s;
	s->by_uid = by_uid;
	s->saved = from == imap4_set_saved();
	/* Message numbers mean something only while nothing else can change them (RFC 9051 section 5.5). */
	if (!by_uid)
		c->flags |= CMD_BARRIER | CMD_BY_SEQ;
	if (s->saved) {
		c->flags |= CMD_USES_SAVED;
		if (s->open_from != 0)
			return err_set(e, ERR_USAGE, E_INVALID, "a saved result stands alone");
		return 0;
	}
	if (from != NULL && uidset_copy(&s->members, from, e) != 0)
		return -1;
	s->count = uidset_count(&s->members);
	return 0;
}

void cmd_set_release(struct cmd_set *s)
{
	uidset_release(&s->members);
}

bool cmd_set_is_empty(const imap4_set *set, uint32_t open_from)
{
	return set != imap4_set_saved() && open_from == 0 && (set == NULL || uidset_is_empty(set));
}

bool cmd_set_has(const struct cmd_set *s, uint32_t n)
{
	if (n == 0)
		return false;
	return s->saved || uidset_has(&s->members, n) || (s->open_from != 0 && n >= s->open_from);
}

bool cmd_set_overlap(const struct cmd_set *a, const struct cmd_set *b)
{
	struct uid_range r = {0, 0};
	while (uidset_range_after(&a->members, r.hi, &r)) {
		uint32_t n = uidset_next(&b->members, r.lo - 1);
		if (n != 0 && n <= r.hi)
			return true;
	}
	return a->saved || b->saved || a->open_from != 0 || b->open_from != 0;
}

bool cmd_set_possible(struct imap4_cmd *c)
{
	if ((c->flags & CMD_BY_SEQ) != 0 && engine_enabled(c->engine, "UIDONLY")) {
		/* RFC 9586: BAD [UIDREQUIRED] */
		cmd_fail_local(
			c, IMAP4_E_STATE, "message numbers are not used once UIDONLY is enabled");
		return false;
	}
	if ((c->flags & CMD_USES_SAVED) == 0)
		return true;
	if (!cmd_has(c, "SEARCHRES", true)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer SEARCHRES");
		return false;
	}
	/* After a search that failed "$" may still be what an earlier one found (RFC 5182 section 2.1). */
	if (engine_saved(c->engine) == ENGINE_SAVED_NOT) {
		cmd_fail_local(c, IMAP4_E_STATE, "no result of a search is saved");
		return false;
	}
	return true;
}

/* ---- one line of it ---------------------------------------------------------------------------------- */

uint32_t cmd_limit(const struct engine *g, const char *capability)
{
	const struct caps *caps = engine_caps(g);
	imap4_str name;
	for (size_t i = 0; (name = caps_at(caps, i)).ptr != NULL; i++) {
		struct slice s = slice_of(name.ptr, name.len);
		size_t n = strlen(capability);
		uint64_t v;
		if (slice_starts_istr(s, capability) && s.n > n && s.p[n] == '=' &&
			slice_u64(slice_of(s.p + n + 1, s.n - n - 1), UINT32_MAX, &v))
			return (uint32_t)v;
	}
	return 0;
}

/* How many messages a line may name; 0: any number. So many lines that it would take ages are not made: the server will
 * then stop by itself and say so. */
static uint32_t messages_on_a_line(const struct imap4_cmd *c, const struct cmd_set *s)
{
	uint32_t limit = cmd_limit(c->engine, "MESSAGELIMIT");
	uint32_t save = s->copies ? cmd_limit(c->engine, "SAVELIMIT") : 0;
	if (save != 0 && (limit == 0 || save < limit))
		limit = save;
	return limit != 0 && !s->whole && s->count / limit <= IMAP_LIMIT_PARTS_MAX ? limit : 0;
}

/* The first `max` members behind `from`. */
static int first_members(
	const struct uidset *set, uint32_t from, uint32_t max, struct uidset *out, struct err *e)
{
	struct uid_range r = {0, from};
	while (max > 0 && uidset_range_after(set, r.hi, &r)) {
		if (r.hi - r.lo >= max)
			r.hi = r.lo + (max - 1);
		if (uidset_add_range(out, r.lo, r.hi, e) != 0)
			return -1;
		max -= r.hi - r.lo + 1;
	}
	return 0;
}

static int limited_part(
	struct imap4_cmd *part, struct cmd_set *s, uint32_t limit, size_t room, struct err *e)
{
	struct uidset some = UIDSET_INIT;
	int r = first_members(&s->members, s->from, limit, &some, e);
	if (r == 0) {
		(void)enc_set_part(&part->enc, &some, &s->from, 0, room);
		r = uidset_next(&s->members, s->from) != 0 || s->open_from != 0;
	}
	uidset_release(&some);
	return r;
}

int cmd_set_part(struct imap4_cmd *part, struct cmd_set *s, size_t rest, struct err *e)
{
	size_t used = part->enc.line + rest;
	size_t room =
		used + SET_ROOM_MIN < IMAP_COMMAND_MAX ? IMAP_COMMAND_MAX - used : SET_ROOM_MIN;
	part->part_after = s->from;
	if (s->saved) {
		enc_raw(&part->enc, "$");
		return 0;
	}
	uint32_t limit = messages_on_a_line(part, s);
	int left;
	if (limit != 0 && uidset_next(&s->members, s->from) != 0)
		left = limited_part(part, s, limit, room, e);
	else
		left = enc_set_part(&part->enc, &s->members, &s->from, s->open_from, room);
	part->part_end = left > 0 || s->open_from == 0 ? s->from : UID_MAX;
	return left;
}

/* ---- PARTIAL (RFC 9394) ------------------------------------------------------------------------------- */

bool cmd_is_partial(int64_t first, int64_t last)
{
	if (first < -(int64_t)UINT32_MAX || first > UINT32_MAX || last < -(int64_t)UINT32_MAX ||
		last > UINT32_MAX)
		return false;
	return (first > 0 && last > 0) || (first < 0 && last < 0) || (first == 0 && last == 0);
}

static void encode_signed(struct enc *enc, int64_t n)
{
	enc_raw(enc, n < 0 ? "-" : "");
	enc_number(enc, (uint64_t)(n < 0 ? -n : n));
}

void cmd_encode_partial(struct enc *enc, int64_t first, int64_t last)
{
	enc_raw(enc, "PARTIAL ");
	encode_signed(enc, first);
	enc_raw(enc, ":");
	encode_signed(enc, last);
}

/* ---- a server that stopped early ---------------------------------------------------------------------- */

struct cmd_limited {
	imap4_limited view;
	struct uidset left;
	bool unknown; /* what is left, of some line */
};

void cmd_limited_free(struct cmd_limited *l)
{
	if (l == NULL)
		return;
	uidset_release(&l->left);
	free(l);
}

/* What a line named, up to `last`. */
static int add_left(struct cmd_limited *l, const struct imap4_cmd *c, uint32_t last, struct err *e)
{
	const struct cmd_set *s = c->parent != NULL ? c->parent->set : c->set;
	last = last < c->part_end ? last : c->part_end;
	struct uid_range r = {0, c->part_after};
	while (uidset_range_after(&s->members, r.hi, &r) && r.lo <= last)
		if (uidset_add_range(&l->left, r.lo, r.hi < last ? r.hi : last, e) != 0)
			return -1;
	if (c->part_end == UID_MAX && s->open_from != 0 && s->open_from <= last)
		return uidset_add_range(&l->left, s->open_from, last, e);
	return 0;
}

/* resp-text-code =/ "MESSAGELIMIT" SP message-limit [SP uniqueid] (RFC 9738 section 5) */
static void read_limit(const imap4_state_line *line, uint32_t *limit, uint32_t *uid)
{
	struct slice args = slice_of(line->code_args.ptr, line->code_args.len);
	uint64_t v;
	size_t space = 0;
	while (space < args.n && args.p[space] != ' ')
		space++;
	*limit = slice_u64(slice_of(args.p, space), UINT32_MAX, &v) ? (uint32_t)v : 0;
	*uid = 0;
	if (space < args.n &&
		slice_u64(slice_of(args.p + space + 1, args.n - space - 1), UINT32_MAX, &v))
		*uid = (uint32_t)v;
}

void cmd_note_limit(struct imap4_cmd *c, const imap4_state_line *line, bool refused)
{
	struct imap4_cmd *owner = cmd_owner(c);
	const struct cmd_set *s = owner->set;
	if (owner->limited == NULL)
		owner->limited = calloc(1, sizeof *owner->limited);
	struct cmd_limited *l = owner->limited;
	if (l == NULL) {
		cmd_fail_local(owner, IMAP4_E_NOMEM, "out of memory for what the server sent");
		return;
	}
	uint32_t limit, uid;
	read_limit(line, &limit, &uid);
	l->view.limit = limit;
	if (uid != 0 && (l->view.lowest_uid == 0 || uid < l->view.lowest_uid))
		l->view.lowest_uid = uid;
	if (s == NULL || !s->by_uid || s->saved || (uid == 0 && !refused))
		l->unknown = true;
	struct err e = ERR_INIT;
	/* RFC 9738 section 3.1: it goes from the highest UID to the lowest. A refusal did nothing. */
	if (!l->unknown && add_left(l, c, refused ? UID_MAX : uid - 1, &e) != 0)
		cmd_fail_local(owner, IMAP4_E_NOMEM, "out of memory for what the server sent");
	l->view.left = l->unknown ? NULL : &l->left;
}

const imap4_limited *imap4_cmd_limited(const imap4_cmd *c)
{
	return c->state == CMD_DONE && c->limited != NULL ? &c->limited->view : NULL;
}

uint32_t imap4_message_limit(const imap4_session *s, int copies)
{
	const struct engine *g = session_engine(s);
	if (g == NULL)
		return 0;
	uint32_t limit = cmd_limit(g, "MESSAGELIMIT"), save = cmd_limit(g, "SAVELIMIT");
	return copies && save != 0 && (limit == 0 || save < limit) ? save : limit;
}

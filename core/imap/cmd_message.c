/* SPDX-License-Identifier: MIT */
/*
 * cmd_message.c -- what changes messages of the selected mailbox: STORE (RFC 9051 section 6.4.6, UNCHANGEDSINCE: RFC
 * 7162 section 3.1.3), COPY (6.4.7), MOVE (6.4.8), EXPUNGE (6.4.3), UID EXPUNGE (6.4.9), CHECK (RFC 3501 section
 * 6.4.1), CLOSE (6.4.1).
 *
 * Those with a set share their arguments and the splitting into parts, as FETCH does it. What the server tells about each
 * part in its response codes is united in the parent.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>

#include "core/base/mail.h"

/* Octets of a set that are always allowed on a line, however long the rest is. */
#define SET_ROOM_MIN 100

enum what { STORE, COPY, MOVE, EXPUNGE };

struct message_args {
	enum what what;
	struct cmd_set set;
	bool silent, conditional;
	bool labels; /* STORE of X-GM-LABELS */
	uint64_t unchangedsince;
	struct buf flags; /* STORE: item and list, as they are sent */
};

/* What response codes told, of all parts. */
struct outcome {
	struct uidset from, to; /* STORE: `from` is MODIFIED */
	imap4_copied copied;
	bool contradicts;
};

static void free_args(void *more)
{
	struct message_args *a = more;
	cmd_set_release(&a->set);
	buf_release(&a->flags);
	free(a);
}

static void free_outcome(void *p)
{
	struct outcome *o = p;
	uidset_release(&o->from);
	uidset_release(&o->to);
	free(o);
}

static const struct message_args *args_of(const struct imap4_cmd *c)
{
	return c->parent != NULL ? c->parent->more : c->more;
}

/* ---- whose response is it --------------------------------------------------------------------------- */

static bool is_expunge(const struct imap4_data *d)
{
	imap4_kind kind = imap4_data_kind(d);
	return kind == IMAP4_DATA_EXPUNGE ||
		(kind == IMAP4_DATA_VANISHED && !imap4_data_numbers(d)->earlier);
}

bool expunge_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return is_expunge(d);
}

/* RFC 6851 section 4.3: COPYUID of a MOVE comes in an untagged OK, before the messages go. */
static bool move_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	const imap4_state_line *l = imap4_data_state(d);
	return is_expunge(d) || (l != NULL && l->code == IMAP4_CODE_COPYUID);
}

/* Flag changes made by others look the same, and are as good: they are what the message has now. */
static bool store_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	if (imap4_data_kind(d) != IMAP4_DATA_FETCH)
		return false;
	const struct message_args *a = args_of(c);
	const imap4_message *m = imap4_data_message(d);
	bool member = cmd_set_has(&a->set, a->set.by_uid ? m->uid : m->seq);
	uint32_t said = m->have & ~(uint32_t)IMAP4_MSG_UID;
	if (a->silent)
		return member && said == IMAP4_MSG_MODSEQ;
	uint32_t own = IMAP4_MSG_FLAGS | IMAP4_MSG_MODSEQ;
	own |= a->labels ? (uint32_t)IMAP4_MSG_GM_LABELS : 0;
	return member && said != 0 && (said & ~own) == 0;
}

/* None of these responses names its command. Parts of one command may run together. */
bool expunge_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == expunge_conflicts;
}

/* RFC 9051 section 5.5: a FETCH and a STORE at the same time leave open which flags the FETCH is about. */
static bool store_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	if (other->kind->wants_body != NULL)
		return true;
	return other->kind->conflicts == store_conflicts &&
		cmd_set_overlap(&args_of(c)->set, &args_of(other)->set);
}

/* ---- what the response codes tell ------------------------------------------------------------------- */

static bool is_ok(const imap4_state_line *l)
{
	return slice_ieq_str(slice_of(l->condition.ptr, l->condition.len), "OK");
}

static struct outcome *outcome_of(struct imap4_cmd *owner)
{
	if (owner->outcome == NULL) {
		owner->outcome = calloc(1, sizeof(struct outcome));
		owner->free_outcome = free_outcome;
	}
	if (owner->outcome == NULL)
		cmd_fail_local(owner, IMAP4_E_NOMEM, "out of memory for what the server sent");
	return owner->outcome;
}

/* A message that was not stored must not be taken for one that was, so MODIFIED has to be understood. */
static void note_modified(struct imap4_cmd *owner, struct slice set)
{
	struct err e = ERR_INIT;
	struct outcome *o = outcome_of(owner);
	if (o == NULL)
		return;
	if (uidset_parse(&o->from, set, &e) != 0)
		cmd_fail_local(owner, e.code == E_NOMEM ? IMAP4_E_NOMEM : IMAP4_E_PROTO,
			"the server sent a MODIFIED code that cannot be read");
}

/* Does every number of this (valid) set stand behind a smaller one? */
static bool ascends(struct slice set)
{
	uint64_t last = 0;
	for (size_t i = 0, start = 0; i <= set.n; i++) {
		if (i < set.n && set.p[i] != ',' && set.p[i] != ':')
			continue;
		uint64_t n;
		if (!slice_u64(slice_of(set.p + start, i - start), UINT32_MAX, &n) || n <= last)
			return false;
		last = n;
		start = i + 1;
	}
	return true;
}

static struct slice word(struct slice *rest)
{
	size_t n = 0;
	while (n < rest->n && rest->p[n] != ' ')
		n++;
	struct slice w = slice_of(rest->p, n);
	*rest = n < rest->n ? slice_of(rest->p + n + 1, rest->n - n - 1) : SLICE_NONE;
	return w;
}

/* Unite two sets with what was told before. */
static int unite(struct outcome *o, const struct uidset *from, const struct uidset *to,
	bool in_order, struct err *e)
{
	bool first = uidset_is_empty(&o->from);
	bool behind =
		uidset_min(from) > uidset_max(&o->from) && uidset_min(to) > uidset_max(&o->to);
	o->copied.in_order = in_order && (first || (o->copied.in_order && behind));
	if (uidset_unite(&o->from, from, e) != 0 || uidset_unite(&o->to, to, e) != 0)
		return -1;
	return 0;
}

/* resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set (RFC 4315 section 4). Whatever is not exactly that is
 * no proof, and no error either: the messages were copied. */
static void note_copyuid(struct imap4_cmd *owner, struct slice args)
{
	struct outcome *o = outcome_of(owner);
	if (o == NULL)
		return;
	struct slice rest = args, validity = word(&rest), source = word(&rest),
		     target = word(&rest);
	struct uidset from = UIDSET_INIT, to = UIDSET_INIT;
	struct err e = ERR_INIT;
	uint64_t n = 0;
	bool ok = slice_u64(validity, UINT32_MAX, &n) && n > 0 && rest.n == 0 &&
		uidset_parse(&from, source, &e) == 0 && uidset_parse(&to, target, &e) == 0 &&
		(o->copied.uidvalidity == 0 || o->copied.uidvalidity == n) &&
		unite(o, &from, &to, ascends(source) && ascends(target), &e) == 0 &&
		uidset_count(&o->from) == uidset_count(&o->to);
	o->copied.uidvalidity = (uint32_t)n;
	if (!ok)
		o->contradicts = true;
	uidset_release(&from);
	uidset_release(&to);
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	struct imap4_cmd *owner = cmd_owner(c);
	const struct message_args *a = owner->more;
	struct slice args = slice_of(tagged->code_args.ptr, tagged->code_args.len);
	if (a->what == STORE && tagged->code == IMAP4_CODE_MODIFIED)
		note_modified(owner, args);
	else if ((a->what == COPY || a->what == MOVE) && tagged->code == IMAP4_CODE_COPYUID &&
		is_ok(tagged))
		note_copyuid(owner, args);
}

static int move_take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	(void)e;
	const imap4_state_line *l = imap4_data_state(d);
	if (l == NULL)
		return 1; /* an expunged message: for the caller */
	note_copyuid(cmd_owner(c), slice_of(l->code_args.ptr, l->code_args.len));
	return 0;
}

/* ---- sending --------------------------------------------------------------------------------------- */

static const char *missing_capability(const struct imap4_cmd *c, const struct message_args *a)
{
	switch (a->what) {
	case STORE:
		if (a->labels && !cmd_has(c, "X-GM-EXT-1", false))
			return "X-GM-EXT-1";
		if (a->conditional && !cmd_has(c, "CONDSTORE", false) &&
			!cmd_has(c, "QRESYNC", false))
			return "CONDSTORE";
		return NULL;
	case COPY: return NULL;
	case MOVE: return cmd_has(c, "MOVE", true) ? NULL : "MOVE";
	case EXPUNGE: return cmd_has(c, "UIDPLUS", true) ? NULL : "UIDPLUS";
	}
	return NULL;
}

static void encode_rest(
	struct enc *enc, const struct message_args *a, const struct imap4_cmd *parent)
{
	if (a->what == COPY || a->what == MOVE) {
		enc_raw(enc, " ");
		enc_mailbox(enc, buf_slice(&parent->mailbox));
	}
	if (a->conditional) {
		enc_raw(enc, " (UNCHANGEDSINCE ");
		enc_number(enc, a->unchangedsince);
		enc_raw(enc, ")");
	}
	if (a->what == STORE)
		enc_raw(enc, buf_str(&a->flags));
}

static int part(struct imap4_cmd *parent, struct imap4_cmd **out, struct err *e)
{
	struct message_args *a = parent->more;
	const char *missing = missing_capability(parent, a);
	if (missing != NULL)
		cmd_fail_local(parent, IMAP4_E_NOCAP, "the server does not offer %s", missing);
	if (missing != NULL || !cmd_set_possible(parent)) {
		parent->parts_left = false;
		return 0;
	}
	struct imap4_cmd *c = cmd_part(parent, e);
	if (c == NULL)
		return -1;
	struct enc *enc = &c->enc;
	enc_raw(enc, parent->kind->name);
	enc_raw(enc, " ");
	size_t rest = a->flags.len + parent->mailbox.len +
		sizeof "  (UNCHANGEDSINCE 9223372036854775807)\"\"";
	int left = cmd_set_part(c, &a->set, rest, e);
	parent->parts_left = left > 0;
	if (left < 0) {
		cmd_destroy(c);
		return -1;
	}
	encode_rest(enc, a, parent);
	if (cmd_part_ready(c, e) != 0)
		return -1;
	*out = c;
	return 0;
}

#define STORE_KIND(text)                                                                           \
	{                                                                                          \
		.name = (text), .flags = CMD_NEEDS_SELECTED, .claims = store_claims, .part = part, \
		.conflicts = store_conflicts, .completed = completed                               \
	}
#define COPY_KIND(text)                                                                            \
	{                                                                                          \
		.name = (text), .flags = CMD_NEEDS_SELECTED, .part = part, .completed = completed  \
	}
#define MOVE_KIND(text)                                                                            \
	{                                                                                          \
		.name = (text), .flags = CMD_NEEDS_SELECTED, .claims = move_claims,                \
		.take = move_take, .part = part, .conflicts = expunge_conflicts,                   \
		.completed = completed                                                             \
	}

/* by message number, by UID */
static const struct cmd_kind store_kind[] = {STORE_KIND("STORE"), STORE_KIND("UID STORE")};
static const struct cmd_kind copy_kind[] = {COPY_KIND("COPY"), COPY_KIND("UID COPY")};
static const struct cmd_kind move_kind[] = {MOVE_KIND("MOVE"), MOVE_KIND("UID MOVE")};
static const struct cmd_kind uid_expunge_kind = {
	.name = "UID EXPUNGE",
	.flags = CMD_NEEDS_SELECTED,
	.claims = expunge_claims,
	.part = part,
	.conflicts = expunge_conflicts,
};

/* ---- starting -------------------------------------------------------------------------------------- */

static struct imap4_cmd *refuse_nomem(struct imap4_cmd *c)
{
	struct err e = ERR_INIT;
	(void)err_nomem(&e, "its arguments");
	return cmd_discard(c, &e);
}

/* A command with a copy of the set; NULL: refused. */
static struct imap4_cmd *new_with_set(imap4_session *s, const struct cmd_kind *kind, enum what what,
	const imap4_set *set, uint32_t open_from, bool by_uid)
{
	if (cmd_set_is_empty(set, open_from))
		return session_refuse(s, IMAP4_E_ARG, "%s: the set is empty", kind->name);
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct message_args *a = calloc(1, sizeof *a);
	if (a == NULL)
		return refuse_nomem(c);
	c->more = a;
	c->free_more = free_args;
	a->what = what;
	a->set.open_from = open_from;
	a->set.copies = what == COPY;
	buf_init(&a->flags, IMAP_COMMAND_ABSOLUTE_MAX);
	struct err e = ERR_INIT;
	if (cmd_set_take(c, &a->set, set, by_uid, &e) != 0)
		return cmd_discard(c, &e);
	return c;
}

/* The value of a STORE, as it is sent: " +FLAGS.SILENT (a b)". */
struct store_value {
	const char *item; /* " +FLAGS" */
	const imap4_str *words;
	size_t n;
	bool labels;
};

/* A label is a mailbox name, or one of Gmail's own with a backslash in front ("\Inbox"). */
static void encode_label(struct enc *enc, imap4_str label, struct err *e)
{
	struct slice text = slice_of(label.ptr, label.len);
	struct buf wire = BUF_INIT(IMAP_MAILBOX_MAX);
	if (text.n > 0 && text.p[0] == '\\')
		enc_flag(enc, text);
	else if (text.n > 0 && mutf7_encode(text, &wire))
		enc_mailbox(enc, buf_slice(&wire));
	else if (wire.failed == E_NOMEM)
		(void)err_nomem(e, "a label");
	else
		(void)err_set(e, ERR_USAGE, E_INVALID, "a label is empty, too long or no UTF-8");
	buf_release(&wire);
}

static int encode_value(
	struct enc *enc, const struct message_args *a, const struct store_value *v, struct err *e)
{
	enc_raw(enc, v->item);
	enc_raw(enc, a->silent ? ".SILENT (" : " (");
	for (size_t i = 0; i < v->n && !err_is_set(e); i++) {
		enc_raw(enc, i > 0 ? " " : "");
		if (a->labels)
			encode_label(enc, v->words[i], e);
		else
			enc_flag(enc, slice_of(v->words[i].ptr, v->words[i].len));
	}
	enc_raw(enc, ")");
	return err_is_set(e) ? -1 : enc_check(enc, e);
}

static int set_value(struct message_args *a, const struct store_value *v, struct err *e)
{
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	int r = encode_value(&enc, a, v, e);
	if (r == 0 && enc.line + SET_ROOM_MIN * 2 > IMAP_COMMAND_ABSOLUTE_MAX)
		r = err_set(e, ERR_USAGE, E_LIMIT, "the %s are longer than a command line",
			a->labels ? "labels" : "flags");
	if (r == 0 && buf_add_slice(&a->flags, buf_slice(&enc.bytes)) != 0)
		r = buf_check(&a->flags, "a list of flags", e);
	enc_release(&enc);
	return r;
}

static imap4_cmd *store(imap4_session *s, const imap4_set *set, int how, struct store_value *v,
	const imap4_store_opts *o)
{
	static const char *const item[2][3] = {{" FLAGS", " +FLAGS", " -FLAGS"},
		{" X-GM-LABELS", " +X-GM-LABELS", " -X-GM-LABELS"}};
	imap4_store_opts opts;
	cmd_options(&opts, sizeof opts, o);
	bool by_uid = opts.by == IMAP4_BY_UID;
	const struct cmd_kind *kind = &store_kind[by_uid];
	if (how < IMAP4_FLAGS_REPLACE || how > IMAP4_FLAGS_REMOVE ||
		(v->n == 0 && how != IMAP4_FLAGS_REPLACE))
		return session_refuse(
			s, IMAP4_E_ARG, "%s: no %s", kind->name, v->labels ? "labels" : "flags");
	if (opts.conditional && opts.unchangedsince > INT64_MAX)
		return session_refuse(
			s, IMAP4_E_ARG, "%s: no such modification sequence", kind->name);
	struct imap4_cmd *c = new_with_set(s, kind, STORE, set, opts.open_from, by_uid);
	if (c == NULL)
		return NULL;
	struct message_args *a = c->more;
	a->silent = opts.silent != 0;
	a->conditional = opts.conditional != 0;
	a->unchangedsince = opts.unchangedsince;
	a->labels = v->labels;
	v->item = item[v->labels][how];
	struct err e = ERR_INIT;
	if (set_value(a, v, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_store_start(imap4_session *s, const imap4_set *set, int how,
	const imap4_str *flags, size_t nflags, const imap4_store_opts *o)
{
	struct store_value v = {NULL, flags, nflags, false};
	return store(s, set, how, &v, o);
}

imap4_cmd *imap4_store_labels_start(imap4_session *s, const imap4_set *set, int how,
	const imap4_str *labels, size_t nlabels, const imap4_store_opts *o)
{
	struct store_value v = {NULL, labels, nlabels, true};
	return store(s, set, how, &v, o);
}

static imap4_cmd *copy_or_move(imap4_session *s, const struct cmd_kind *kinds, enum what what,
	const imap4_set *set, imap4_str mailbox, const imap4_copy_opts *o)
{
	imap4_copy_opts opts;
	cmd_options(&opts, sizeof opts, o);
	bool by_uid = opts.by == IMAP4_BY_UID;
	struct imap4_cmd *c = new_with_set(s, &kinds[by_uid], what, set, opts.open_from, by_uid);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	int r = buf_check(&c->mailbox, "a mailbox name", &e);
	/* What cannot be sent is refused now, not when its turn comes. */
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	if (r != 0 || enc_check(&c->enc, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_copy_start(
	imap4_session *s, const imap4_set *set, imap4_str mailbox, const imap4_copy_opts *o)
{
	return copy_or_move(s, copy_kind, COPY, set, mailbox, o);
}

imap4_cmd *imap4_move_start(
	imap4_session *s, const imap4_set *set, imap4_str mailbox, const imap4_copy_opts *o)
{
	return copy_or_move(s, move_kind, MOVE, set, mailbox, o);
}

imap4_cmd *imap4_uid_expunge_start(imap4_session *s, const imap4_set *set, uint32_t open_from)
{
	struct imap4_cmd *c = new_with_set(s, &uid_expunge_kind, EXPUNGE, set, open_from, true);
	return c == NULL ? NULL : cmd_submit(c);
}

/* ---- results --------------------------------------------------------------------------------------- */

static bool is_one_of(const imap4_cmd *c, const struct cmd_kind *kinds)
{
	return c->kind == &kinds[0] || c->kind == &kinds[1];
}

const imap4_set *imap4_cmd_modified(const imap4_cmd *c)
{
	static const struct uidset none = UIDSET_INIT;
	const struct outcome *o = c->outcome;
	if (c->state != CMD_DONE || !is_one_of(c, store_kind))
		return NULL;
	return o != NULL ? &o->from : &none;
}

const imap4_copied *imap4_cmd_copied(const imap4_cmd *c)
{
	if (c->state != CMD_DONE || !(is_one_of(c, copy_kind) || is_one_of(c, move_kind)))
		return NULL;
	struct outcome *o = c->outcome;
	if (o == NULL || o->contradicts || uidset_is_empty(&o->from))
		return NULL;
	o->copied.from = &o->from;
	o->copied.to = &o->to;
	return &o->copied;
}

/* ---- without arguments ----------------------------------------------------------------------------- */

static int encode_name(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, c->kind->name);
	return 0;
}

/* RFC 9051 appendix E, 17: IMAP4rev2 has no CHECK; NOOP takes its place. */
static int encode_check(struct imap4_cmd *c, struct err *e)
{
	if (!engine_enabled(c->engine, "IMAP4rev2"))
		return encode_name(c, e);
	enc_raw(&c->enc, "NOOP");
	return 0;
}

static void close_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (is_ok(tagged))
		engine_select_end(c->engine, false, false);
}

static const struct cmd_kind expunge_kind = {
	.name = "EXPUNGE",
	.flags = CMD_NEEDS_SELECTED,
	.claims = expunge_claims,
	.encode = encode_name,
	.conflicts = expunge_conflicts,
};
static const struct cmd_kind check_kind = {
	.name = "CHECK",
	.flags = CMD_NEEDS_SELECTED,
	.encode = encode_check,
};
static const struct cmd_kind close_kind = {
	.name = "CLOSE",
	.flags = CMD_NEEDS_SELECTED | CMD_BARRIER,
	.encode = encode_name,
	.completed = close_completed,
};

static imap4_cmd *start(imap4_session *s, const struct cmd_kind *kind)
{
	struct imap4_cmd *c = cmd_new(s, kind);
	return c == NULL ? NULL : cmd_submit(c);
}

imap4_cmd *imap4_expunge_start(imap4_session *s)
{
	return start(s, &expunge_kind);
}

imap4_cmd *imap4_check_start(imap4_session *s)
{
	return start(s, &check_kind);
}

imap4_cmd *imap4_close_mailbox_start(imap4_session *s)
{
	return start(s, &close_kind);
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_notify.c -- NOTIFY (RFC 5465).
 *
 * It is alone in flight, because the STATUS responses that are its data name no command. What comes later belongs to
 * nobody: the engine lets it through to the events, with small bodies (engine_set_notified()).
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_EVENTS                                                                             \
	(IMAP4_EVENT_MESSAGE_NEW | IMAP4_EVENT_MESSAGE_EXPUNGE | IMAP4_EVENT_FLAG_CHANGE |         \
		IMAP4_EVENT_ANNOTATION_CHANGE)

/* In the order of their bits. */
static const char *const event_names[] = {"MessageNew", "MessageExpunge", "FlagChange",
	"AnnotationChange", "MailboxName", "SubscriptionChange", "MailboxMetadataChange",
	"ServerMetadataChange"};
enum { EVENTS = sizeof event_names / sizeof event_names[0] };

struct notify_args {
	struct buf groups; /* as they are sent */
	bool status;
};

static void free_args(void *more)
{
	struct notify_args *a = more;
	buf_release(&a->groups);
	free(a);
}

/* ---- the answer ------------------------------------------------------------------------------------ */

/* RFC 5465 section 3.1: a STATUS for each mailbox, a LIST with \NoAccess for what cannot be watched. */
static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	const struct notify_args *a = c->more;
	imap4_kind kind = imap4_data_kind(d);
	return a != NULL && ((kind == IMAP4_DATA_STATUS && a->status) || kind == IMAP4_DATA_LIST);
}

static bool is_ok(const imap4_state_line *l)
{
	return slice_ieq_str(slice_of(l->condition.ptr, l->condition.len), "OK");
}

static void set_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (is_ok(tagged))
		engine_set_notified(c->engine, true);
}

static void none_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (is_ok(tagged))
		engine_set_notified(c->engine, false);
}

/* ---- sending --------------------------------------------------------------------------------------- */

static int possible(struct imap4_cmd *c)
{
	if (cmd_has(c, "NOTIFY", false))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer NOTIFY");
	return 1;
}

static int set_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	const struct notify_args *a = c->more;
	enc_raw(&c->enc, a->status ? "NOTIFY SET STATUS" : "NOTIFY SET");
	enc_raw(&c->enc, buf_str(&a->groups));
	return possible(c);
}

static int none_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, "NOTIFY NONE");
	return possible(c);
}

/* It changes what this connection is told, and nothing else. */
#define NOTIFY_FLAGS (CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_BARRIER)

static const struct cmd_kind set_kind = {
	.name = "NOTIFY SET",
	.flags = NOTIFY_FLAGS | CMD_TRY_ENCODE,
	.claims = claims,
	.encode = set_encode,
	.completed = set_completed,
};
static const struct cmd_kind none_kind = {
	.name = "NOTIFY NONE",
	.flags = NOTIFY_FLAGS,
	.encode = none_encode,
	.completed = none_completed,
};

/* ---- event groups, RFC 5465 section 8 ---------------------------------------------------------------- */

static void encode_mailboxes(struct enc *enc, const imap4_watch *w)
{
	enc_raw(enc, w->nmailboxes > 1 ? " (" : " ");
	for (size_t i = 0; i < w->nmailboxes; i++) {
		enc_raw(enc, i > 0 ? " " : "");
		enc_mailbox(enc, slice_of(w->mailboxes[i].ptr, w->mailboxes[i].len));
	}
	enc_raw(enc, w->nmailboxes > 1 ? ")" : "");
}

static void encode_events(struct enc *enc, const imap4_watch *w)
{
	if (w->events == 0) {
		enc_raw(enc, " NONE");
		return;
	}
	const char *before = " (";
	for (size_t i = 0; i < EVENTS; i++) {
		if ((w->events & 1u << i) == 0)
			continue;
		enc_raw(enc, before);
		enc_raw(enc, event_names[i]);
		before = " ";
		if (1u << i == IMAP4_EVENT_MESSAGE_NEW && w->items != NULL) {
			enc_raw(enc, " ");
			/* RFC 5465 section 5.2: nothing that would mark messages as read */
			(void)enc_fetch_items(enc, slice_str(w->items), true);
		}
	}
	enc_raw(enc, ")");
}

static void encode_group(struct enc *enc, const imap4_watch *w)
{
	static const char *const names[] = {"SELECTED", "SELECTED-DELAYED", "INBOXES", "PERSONAL",
		"SUBSCRIBED", "SUBTREE", "MAILBOXES"};
	enc_raw(enc, " (");
	enc_raw(enc, names[w->which]);
	if (w->which >= IMAP4_WATCH_SUBTREE)
		encode_mailboxes(enc, w);
	encode_events(enc, w);
	enc_raw(enc, ")");
}

static bool is_macro(const char *items)
{
	struct slice s = slice_str(items);
	return slice_ieq_str(s, "ALL") || slice_ieq_str(s, "FAST") || slice_ieq_str(s, "FULL");
}

/* What a server must answer with BAD (RFC 5465 sections 5, 6.1), or NULL. */
static const char *wrong_group(const imap4_watch *w)
{
	uint32_t both = IMAP4_EVENT_MESSAGE_NEW | IMAP4_EVENT_MESSAGE_EXPUNGE;
	bool selected = w->which <= IMAP4_WATCH_SELECTED_DELAYED;
	if (w->which < IMAP4_WATCH_SELECTED || w->which > IMAP4_WATCH_MAILBOXES ||
		(w->events & ~(uint32_t)((1u << EVENTS) - 1)) != 0)
		return "no such mailboxes or events";
	if ((w->nmailboxes > 0) != (w->which >= IMAP4_WATCH_SUBTREE))
		return "mailboxes are named for SUBTREE and MAILBOXES, and only there";
	if ((w->events & MESSAGE_EVENTS) != 0 && (w->events & both) != both)
		return "MessageNew and MessageExpunge go together, and with all that is of messages";
	if (selected && (w->events & ~(uint32_t)MESSAGE_EVENTS) != 0)
		return "the selected mailbox has events of messages only";
	if (w->items != NULL &&
		(!selected || (w->events & IMAP4_EVENT_MESSAGE_NEW) == 0 || is_macro(w->items)))
		return "items are for new messages of the selected mailbox, each by its name";
	return NULL;
}

/* One structure of the caller's array, which may be of another size than ours. */
static imap4_watch group_at(const imap4_watch *groups, size_t i)
{
	imap4_watch w;
	cmd_options(&w, sizeof w, (const char *)groups + i * groups[0].struct_size);
	return w;
}

static const char *wrong_groups(const imap4_watch *groups, size_t n)
{
	size_t selected = 0;
	if (n == 0 || groups[0].struct_size < offsetof(imap4_watch, items) + sizeof groups->items)
		return "nothing to be watched";
	for (size_t i = 0; i < n; i++) {
		imap4_watch w = group_at(groups, i);
		const char *wrong = w.struct_size != groups[0].struct_size
			? "the groups are of different sizes"
			: wrong_group(&w);
		if (wrong != NULL)
			return wrong;
		selected += w.which <= IMAP4_WATCH_SELECTED_DELAYED;
	}
	return selected > 1 ? "the selected mailbox is spoken of twice" : NULL;
}

/* ---- starting -------------------------------------------------------------------------------------- */

static int set_groups(
	struct notify_args *a, const imap4_watch *groups, size_t n, bool utf8, struct err *e)
{
	struct enc enc;
	enc_init(&enc, ENC_LITERAL_SYNC);
	enc.utf8 = utf8;
	for (size_t i = 0; i < n; i++) {
		imap4_watch w = group_at(groups, i);
		encode_group(&enc, &w);
	}
	int r = enc_check(&enc, e);
	for (size_t i = 0; i < enc.nparts && r == 0; i++)
		if (enc.part[i].wait)
			r = err_set(e, ERR_USAGE, E_INVALID,
				"a name cannot stand in a list of what is watched");
	if (r == 0) {
		(void)buf_add_slice(&a->groups, buf_slice(&enc.bytes));
		r = buf_check(&a->groups, "what is to be watched", e);
	}
	enc_release(&enc);
	return r;
}

imap4_cmd *imap4_notify_start(
	imap4_session *s, const imap4_watch *groups, size_t n, int with_status)
{
	const char *wrong = wrong_groups(groups, n);
	if (wrong != NULL)
		return session_refuse(s, IMAP4_E_ARG, "NOTIFY SET: %s", wrong);
	struct imap4_cmd *c = cmd_new(s, &set_kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct notify_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(&e, "NOTIFY SET");
		return cmd_discard(c, &e);
	}
	c->more = a;
	c->free_more = free_args;
	a->status = with_status != 0;
	buf_init(&a->groups, IMAP_COMMAND_ABSOLUTE_MAX);
	if (set_groups(a, groups, n, engine_utf8(c->engine), &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_notify_none_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &none_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

/* ---- results --------------------------------------------------------------------------------------- */

static uint32_t event_bit(struct slice word)
{
	for (size_t i = 0; i < EVENTS; i++)
		if (slice_ieq_str(word, event_names[i]))
			return 1u << i;
	return 0;
}

/* "BADEVENT" SP "(" event-name *(SP event-name) ")" */
uint32_t imap4_cmd_events_offered(const imap4_cmd *c)
{
	if (c->state != CMD_DONE || c->result.code != IMAP4_CODE_BADEVENT)
		return 0;
	imap4_str s = c->result.code_args;
	uint32_t offered = 0;
	for (size_t i = 0, start = 0; i <= s.len; i++) {
		if (i < s.len && strchr("() ", s.ptr[i]) == NULL)
			continue;
		offered |= event_bit(slice_of(s.ptr + start, i - start));
		start = i + 1;
	}
	return offered;
}

/* SPDX-License-Identifier: MIT */
/*
 * engine_select.c -- what is known of the selected mailbox.
 *
 * SELECT and EXAMINE are barriers: from the moment one is sent, untagged data belong to the new mailbox; what
 * still comes for the old one (only possible before "* OK [CLOSED]", RFC 7162 section 3.2.11) is forgotten there. Servers
 * that have to say so and do not show the border by the first thing that only the new mailbox can have: its UIDVALIDITY.
 * A pipelined one (CMD_FENCE) counts as sent when all that was sent before it is complete.
 * UIDVALIDITY, UIDNEXT and HIGHESTMODSEQ keep the values of the opening: a later HIGHESTMODSEQ covers changes that
 * the caller may not have seen, and must not be stored as a point to go on from.
 */
#include "core/imap/engine_internal.h"

#include <stdlib.h>
#include <string.h>

#define SELECTION_TEXT_MAX ((size_t)64 << 10)

static void forget(struct selection *s)
{
	memset(&s->view, 0, sizeof s->view);
	buf_release(&s->mailboxid);
	buf_release(&s->flag_text);
	buf_init(&s->mailboxid, SELECTION_TEXT_MAX);
	buf_init(&s->flag_text, SELECTION_TEXT_MAX);
	free(s->flags);
	s->flags = NULL;
}

void engine_selection_release(struct selection *s)
{
	forget(s);
}

static void begin(struct engine *g)
{
	forget(&g->selection);
	g->selection.opening = true;
	g->selection.leaving = g->state == IMAP4_SELECTED &&
		(caps_has(&g->caps, "CONDSTORE") || caps_has(&g->caps, "QRESYNC"));
	g->selection.saved = ENGINE_SAVED_NOT;
	g->state = IMAP4_AUTHENTICATED;
}

void engine_select_begin(struct engine *g)
{
	if (g->flight.first == g->flight.last)
		begin(g);
}

void engine_select_remember(const struct engine *g, struct imap4_cmd *c)
{
	if (g->state != IMAP4_SELECTED)
		return;
	c->in_mailbox = true;
	c->selected = g->selection.view;
	c->selected.mailboxid = (imap4_str){NULL, 0};
	c->selected.permanent_flags = NULL;
	c->selected.npermanent_flags = 0;
}

void engine_select_advance(struct engine *g)
{
	const struct imap4_cmd *c = g->flight.first;
	if (c != NULL && (c->flags & CMD_FENCE) != 0 && !g->selection.opening)
		begin(g);
}

/* A fence fell: what was sent behind it had another mailbox in mind than the server has now, if it has any. */
static void disown_behind(struct engine *g)
{
	for (struct imap4_cmd *c = g->flight.first; c != NULL && (c->flags & CMD_FENCE) == 0;
		c = c->next)
		cmd_fail_local(cmd_owner(c), IMAP4_E_STATE, "the mailbox was not opened");
}

bool engine_select_leaving(const struct engine *g)
{
	return g->selection.leaving;
}

enum engine_saved engine_saved(const struct engine *g)
{
	return g->selection.saved;
}

void engine_set_saved(struct engine *g, enum engine_saved saved)
{
	g->selection.saved = saved;
}

void engine_select_end(struct engine *g, bool ok, bool read_only)
{
	g->selection.opening = g->selection.leaving = false;
	if (!ok) {
		/* RFC 3501 section 6.3.1: a SELECT that fails leaves nothing selected. */
		forget(&g->selection);
		g->selection.saved = ENGINE_SAVED_NOT;
		g->state = IMAP4_AUTHENTICATED;
		disown_behind(g);
		return;
	}
	if (read_only)
		g->selection.view.read_only = 1;
	g->state = IMAP4_SELECTED;
}

void engine_set_notified(struct engine *g, bool on)
{
	g->notified = on;
}

void engine_keep_bodies(struct engine *g, bool on)
{
	g->keep_bodies = on;
}

void engine_keep_codes(struct engine *g, bool on)
{
	g->keep_codes = on;
}

static bool is_flag_end(char c)
{
	return c == ' ' || c == '(' || c == ')';
}

/* "(\Answered \Seen \*)" */
static int set_permanent_flags(struct selection *s, imap4_str args, struct err *e)
{
	buf_clear(&s->flag_text);
	free(s->flags);
	s->flags = NULL;
	s->view.permanent_flags = NULL;
	s->view.npermanent_flags = 0;
	if (args.len == 0)
		return 0;
	if (args.len > SELECTION_TEXT_MAX)
		return 0; /* no mailbox has so many: as if it had not been said */
	if (buf_add(&s->flag_text, args.ptr, args.len) != 0)
		return buf_check(&s->flag_text, "a list of flags", e);
	s->flags = calloc(args.len / 2 + 1, sizeof *s->flags);
	if (s->flags == NULL)
		return err_nomem(e, "a list of flags");
	char *text = (char *)s->flag_text.data;
	size_t n = 0;
	for (size_t i = 0; i < args.len;) {
		size_t start = i;
		while (i < args.len && !is_flag_end(text[i]))
			i++;
		if (i > start)
			s->flags[n++] = (imap4_str){text + start, i - start};
		if (i < args.len)
			text[i++] = '\0';
	}
	s->view.permanent_flags = s->flags;
	s->view.npermanent_flags = n;
	return 0;
}

/* "(F2212ea8)" */
static int set_mailboxid(struct selection *s, imap4_str args, struct err *e)
{
	buf_clear(&s->mailboxid);
	s->view.mailboxid = (imap4_str){NULL, 0};
	if (args.len > 0 && args.ptr[0] == '(') {
		args.ptr++;
		args.len--;
	}
	if (args.len > 0 && args.ptr[args.len - 1] == ')')
		args.len--;
	if (args.len == 0 || args.len > SELECTION_TEXT_MAX)
		return 0;
	if (buf_add(&s->mailboxid, args.ptr, args.len) != 0)
		return buf_check(&s->mailboxid, "a mailbox id", e);
	s->view.mailboxid = (imap4_str){buf_str(&s->mailboxid), s->mailboxid.len};
	return 0;
}

/* What only the answer to SELECT may set. */
static int note_opening(struct engine *g, const imap4_state_line *l, struct err *e)
{
	imap4_selected *v = &g->selection.view;
	uint64_t n;
	switch ((int)l->code) {
	case IMAP4_CODE_CLOSED:
		forget(&g->selection);
		g->selection.leaving = false;
		break;
	case IMAP4_CODE_UIDVALIDITY:
		g->selection.leaving = false;
		if (resp_code_u64(l, UINT32_MAX, &n))
			v->uidvalidity = (uint32_t)n;
		break;
	case IMAP4_CODE_UIDNEXT:
		if (resp_code_u64(l, UINT32_MAX, &n))
			v->uidnext = (uint32_t)n;
		break;
	case IMAP4_CODE_HIGHESTMODSEQ:
		if (resp_code_u64(l, INT64_MAX, &n)) /* RFC 7162 section 7: 63 bits */
			v->highestmodseq = n;
		break;
	case IMAP4_CODE_NOMODSEQ: v->nomodseq = 1; break;
	case IMAP4_CODE_UIDNOTSTICKY: v->uidnotsticky = 1; break;
	case IMAP4_CODE_MAILBOXID: return set_mailboxid(&g->selection, l->code_args, e);
	default: break;
	}
	return 0;
}

int engine_select_state(struct engine *g, const imap4_state_line *l, struct err *e)
{
	/* RFC 5465 section 5.8: as after NOTIFY NONE. */
	if (l->code == IMAP4_CODE_NOTIFICATIONOVERFLOW &&
		slice_ieq_str(slice_of(l->condition.ptr, l->condition.len), "OK"))
		g->notified = false;
	if (!g->selection.opening && g->state != IMAP4_SELECTED)
		return 0;
	switch ((int)l->code) {
	case IMAP4_CODE_READ_ONLY: g->selection.view.read_only = 1; break;
	case IMAP4_CODE_READ_WRITE: g->selection.view.read_only = 0; break;
	case IMAP4_CODE_PERMANENTFLAGS: return set_permanent_flags(&g->selection, l->code_args, e);
	default: break;
	}
	return g->selection.opening ? note_opening(g, l, e) : 0;
}

static void lose(imap4_selected *v, uint64_t n)
{
	v->exists = n < v->exists ? v->exists - (uint32_t)n : 0;
}

int engine_select_note(struct engine *g, const struct imap4_data *d, struct err *e)
{
	imap4_selected *v = &g->selection.view;
	imap4_kind kind = imap4_data_kind(d);
	if (kind == IMAP4_DATA_STATE)
		return engine_select_state(g, imap4_data_state(d), e);
	if (!g->selection.opening && g->state != IMAP4_SELECTED)
		return 0;
	if (kind == IMAP4_DATA_EXISTS)
		v->exists = imap4_data_number(d);
	else if (kind == IMAP4_DATA_RECENT)
		v->recent = imap4_data_number(d);
	else if (kind == IMAP4_DATA_EXPUNGE)
		lose(v, 1);
	else if (kind == IMAP4_DATA_VANISHED && !imap4_data_numbers(d)->earlier)
		lose(v, uidset_count(imap4_data_numbers(d)->set));
	return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * engine_route.c -- what came, and whose it is.
 *
 * A response goes to the oldest command in flight that claims it. A FETCH response whose body literal begins before the
 * UID is known goes to a command that may have asked for it; it keeps going there, also when the end of the
 * response shows another UID than any that was asked for: the sink's done() hears what the server said.
 */
#include "core/imap/engine_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/net/trace.h"

/* ---- trace --------------------------------------------------------------------------------------- */

static void saw(struct engine *g, int kind, const void *p, size_t n)
{
	if (g->cfg.saw != NULL && n > 0)
		g->cfg.saw(g->cfg.ctx, kind, p, n);
}

/* The part of a growing response that was not shown yet. */
static void saw_text(struct engine *g, struct slice text)
{
	if (text.n > g->traced)
		saw(g, TRACE_TEXT, text.p + g->traced, text.n - g->traced);
	g->traced = text.n;
}

static void saw_line(struct engine *g, const struct lexer_output *o, bool secret)
{
	if (secret && o->text.n > 1) {
		saw(g, TRACE_TEXT, o->text.p, 1);
		saw(g, TRACE_SECRET, o->text.p + 1, o->text.n - 1);
	} else {
		saw_text(g, o->text);
	}
	saw(g, TRACE_TEXT, "\r\n", 2);
	g->traced = 0;
}

/* ---- capabilities, codes ------------------------------------------------------------------------- */

static int set_caps(struct engine *g, struct slice text, struct err *e)
{
	if (caps_set(&g->caps, text, e) != 0)
		return -1;
	g->caps_count++;
	return 0;
}

/* The atoms of a CAPABILITY or ENABLED response, separated by spaces, behind what `out` has already. */
static int join_atoms(struct buf *out, const struct imap4_data *d, struct err *e)
{
	const imap4_node *root = imap4_data_root(d);
	for (const imap4_node *n = root == NULL ? NULL : imap4_node_child(root); n != NULL;
		n = imap4_node_next(n)) {
		imap4_str s = imap4_node_text(n);
		(void)buf_add(out, " ", out->len > 0 ? 1 : 0);
		(void)buf_add(out, s.ptr, s.len);
	}
	return buf_check(out, "a list of capabilities", e);
}

static int note_capability(struct engine *g, const struct imap4_data *d, struct err *e)
{
	struct buf text = BUF_INIT(IMAP_RESPONSE_MAX);
	int r = join_atoms(&text, d, e);
	if (r == 0)
		r = set_caps(g, buf_slice(&text), e);
	buf_release(&text);
	return r;
}

/* ENABLED responses add up (RFC 5161 section 3.1). */
static int note_enabled(struct engine *g, const struct imap4_data *d, struct err *e)
{
	struct buf text = BUF_INIT(2 * (size_t)IMAP_RESPONSE_MAX);
	imap4_str name;
	for (size_t i = 0; (name = caps_at(&g->enabled, i)).ptr != NULL; i++) {
		(void)buf_add(&text, " ", i > 0 ? 1 : 0);
		(void)buf_add(&text, name.ptr, name.len);
	}
	int r = join_atoms(&text, d, e);
	if (r == 0)
		r = caps_set(&g->enabled, buf_slice(&text), e);
	buf_release(&text);
	return r;
}

static bool is(imap4_str s, const char *word)
{
	return slice_ieq_str(slice_of(s.ptr, s.len), word);
}

static struct imap4_cmd *by_tag(const struct engine *g, struct slice tag)
{
	for (struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if (slice_eq_str(tag, c->tag))
			return c;
	return NULL;
}

/* Codes that concern the session; tagged and untagged lines alike. */
static int note_code(struct engine *g, const imap4_state_line *l, struct err *e)
{
	if (l->code == IMAP4_CODE_CAPABILITY &&
		(is(l->condition, "OK") || is(l->condition, "PREAUTH")))
		return set_caps(g, slice_of(l->code_args.ptr, l->code_args.len), e);
	if (l->code == IMAP4_CODE_ALERT && g->cfg.alert != NULL) {
		engine_enter_callback(g);
		g->cfg.alert(g->cfg.ctx, l->text);
		engine_leave_callback(g);
	}
	if (l->code == IMAP4_CODE_INPROGRESS && g->cfg.progress != NULL) {
		imap4_progress p;
		resp_read_progress(l, &p);
		struct imap4_cmd *c =
			p.tag.ptr != NULL ? by_tag(g, slice_of(p.tag.ptr, p.tag.len)) : NULL;
		p.cmd = c != NULL && !cmd_owner(c)->orphan ? cmd_owner(c) : NULL;
		engine_enter_callback(g);
		g->cfg.progress(g->cfg.ctx, &p);
		engine_leave_callback(g);
	}
	return 0;
}

/* ---- greeting, BYE, what nobody asked for ---------------------------------------------------------- */

static int said_bye(struct engine *g, struct imap4_data **d, struct err *e)
{
	const imap4_state_line *l = imap4_data_state(*d);
	char shown[TEXT_SHOW_SIZE];
	text_show(shown, sizeof shown, slice_of(l->text.ptr, l->text.len));
	g->said_bye = true;
	resp_free(g->bye);
	g->bye = *d;
	*d = NULL;
	for (const struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if ((c->flags & CMD_LOGOUT) != 0 && c->state == CMD_SENT)
			return 0;
	return err_set(e, ERR_CONNECTION, E_BYE, "the server said BYE: %s", shown);
}

static int greet(struct engine *g, struct imap4_data **d, struct err *e)
{
	const imap4_state_line *l = imap4_data_state(*d);
	bool untagged = resp_type(*d) == RESP_UNTAGGED && l != NULL;
	g->greeted = true;
	if (untagged && is(l->condition, "BYE")) {
		if (note_code(g, l, e) != 0)
			return -1;
		return said_bye(g, d, e);
	}
	if (!untagged || !(is(l->condition, "OK") || is(l->condition, "PREAUTH"))) {
		char shown[128];
		text_show(shown, sizeof shown, resp_text(*d));
		return err_set(e, ERR_CONNECTION, E_PROTO, "this is no IMAP server: it said \"%s\"",
			shown);
	}
	(void)buf_add(&g->greeting, l->text.ptr,
		l->text.len < g->greeting.max ? l->text.len : g->greeting.max);
	if (buf_check(&g->greeting, "a greeting", e) != 0)
		return -1;
	if (is(l->condition, "PREAUTH")) {
		g->preauth = true;
		g->state = IMAP4_AUTHENTICATED;
	}
	return note_code(g, l, e);
}

static int unasked(struct engine *g, const struct imap4_data *d, bool counts, struct err *e)
{
	if (counts && ++g->unasked_run > IMAP_UNASKED_MAX)
		return err_set(e, ERR_CONNECTION, E_LIMIT,
			"the server sent more than %d responses that nobody asked for",
			IMAP_UNASKED_MAX);
	if (g->cfg.unasked != NULL) {
		engine_enter_callback(g);
		g->cfg.unasked(g->cfg.ctx, d);
		engine_leave_callback(g);
	}
	return 0;
}

/* ---- sinks --------------------------------------------------------------------------------------- */

/* The sink of a command while it may be called: not after it failed, nor after the command was given up. */
static const imap4_sink *live_sink(struct imap4_cmd *c)
{
	if (c == NULL)
		return NULL;
	struct imap4_cmd *owner = cmd_owner(c);
	return owner->local == IMAP4_OK ? owner->sink : NULL;
}

static void after_sink(struct engine *g, struct imap4_cmd *c, int r)
{
	engine_leave_callback(g);
	if (r < 0)
		cmd_fail_local(
			cmd_owner(c), IMAP4_E_CALLBACK, "the receiver of its messages failed");
}

static bool sink_begin(struct engine *g, struct imap4_cmd *c, const imap4_message *m,
	imap4_str section, uint64_t size)
{
	const imap4_sink *s = live_sink(c);
	engine_enter_callback(g);
	int r = s->begin(s->ctx, m, section, size);
	after_sink(g, c, r);
	return r == IMAP4_SINK_TAKE;
}

static void sink_data(struct engine *g, struct imap4_cmd *c, const void *p, size_t n)
{
	const imap4_sink *s = live_sink(c);
	if (s == NULL || n == 0)
		return;
	engine_enter_callback(g);
	after_sink(g, c, s->data(s->ctx, p, n));
}

static void sink_end(struct engine *g, struct imap4_cmd *c, int complete)
{
	const imap4_sink *s = live_sink(c);
	if (s == NULL)
		return;
	engine_enter_callback(g);
	after_sink(g, c, s->end(s->ctx, complete));
}

void engine_end_body(struct engine *g, const struct imap4_cmd *c)
{
	if (!g->body.open || (c != NULL && g->body.cmd != c))
		return;
	g->body.open = false;
	sink_end(g, g->body.cmd, 0);
}

/* Bodies that came as quoted strings go the way of literals. Item by item and not in pairs: a server may have left a
 * value out. */
static void sink_strings(struct engine *g, struct imap4_cmd *c, const imap4_message *m)
{
	const imap4_node *name = m->items != NULL ? imap4_node_child(m->items) : NULL;
	for (; name != NULL && live_sink(c) != NULL; name = imap4_node_next(name)) {
		const imap4_node *value = imap4_node_next(name);
		imap4_str section;
		if (value == NULL || imap4_node_kind(value) != IMAP4_NODE_STRING ||
			!resp_body_item(name, &section))
			continue;
		imap4_str text = imap4_node_text(value);
		if (sink_begin(g, c, m, section, text.len)) {
			sink_data(g, c, text.ptr, text.len);
			sink_end(g, c, 1);
		}
		name = value;
	}
}

static void sink_message(struct engine *g, struct imap4_cmd *c, const imap4_message *m)
{
	sink_strings(g, c, m);
	const imap4_sink *s = live_sink(c);
	if (s == NULL)
		return;
	engine_enter_callback(g);
	after_sink(g, c, s->done(s->ctx, m));
}

/* ---- body literals ------------------------------------------------------------------------------- */

/* The next command, in flight since later, to which what comes now may belong: none past a mailbox being opened. */
static struct imap4_cmd *next_in_reach(const struct imap4_cmd *c)
{
	return (c->flags & CMD_FENCE) != 0 || c->next == NULL || (c->next->flags & CMD_FENCE) != 0
		? NULL
		: c->next;
}

static struct imap4_cmd *who_wants_body(
	const struct engine *g, const imap4_message *so_far, imap4_str section)
{
	struct imap4_cmd *best = NULL;
	enum cmd_wants most = CMD_WANTS_NOT;
	for (struct imap4_cmd *c = g->flight.first; c != NULL; c = next_in_reach(c)) {
		if (c->state != CMD_SENT || c->kind->wants_body == NULL)
			continue;
		enum cmd_wants wants = c->kind->wants_body(c, so_far, section);
		if (wants > most) {
			most = wants;
			best = c;
		}
	}
	return best;
}

static int body_begin(struct engine *g, const struct lexer_output *o, struct err *e)
{
	imap4_str section = {NULL, 0};
	struct imap4_data *d =
		resp_parse_partial(o->text, o->gaps, o->ngaps, &g->cfg.limits, &section, e);
	if (d == NULL)
		return -1;
	const imap4_message *m = imap4_data_message(d);
	if (!g->body.routed && m != NULL) {
		g->body.cmd = who_wants_body(g, m, section);
		g->body.routed = true;
	}
	struct imap4_cmd *c = m != NULL ? g->body.cmd : NULL;
	enum lexer_body how = LEXER_BODY_SKIP;
	if (live_sink(c) != NULL) {
		if (sink_begin(g, c, m, section, o->body_size))
			how = LEXER_BODY_TAKE;
		g->body.open = how == LEXER_BODY_TAKE;
	} else if (c != NULL ? !cmd_owner(c)->orphan && cmd_owner(c)->local == IMAP4_OK
			     : g->notified || g->keep_bodies) {
		how = LEXER_BODY_COLLECT;
	}
	resp_free(d);
	if (lexer_body(g->lexer, how, e) == 0)
		return 0;
	if (how != LEXER_BODY_COLLECT || e->code != E_LIMIT)
		return -1;
	/* Too large to keep: the command gets the response without it (IMAP4_NODE_BODY). */
	err_clear(e);
	return lexer_body(g->lexer, LEXER_BODY_SKIP, e);
}

static void body_end(struct engine *g)
{
	if (!g->body.open)
		return;
	g->body.open = false;
	sink_end(g, g->body.cmd, 1);
}

/* ---- untagged data ------------------------------------------------------------------------------- */

static void keep_data(struct imap4_cmd *owner, struct imap4_data **d)
{
	if (owner->orphan)
		return;
	struct cmd_data *item = calloc(1, sizeof *item);
	if (item == NULL) {
		cmd_fail_local(owner, IMAP4_E_NOMEM, "out of memory for what the server sent");
		return;
	}
	item->data = *d;
	*d = NULL;
	if (owner->last == NULL)
		owner->first = item;
	else
		owner->last->next = item;
	owner->last = item;
}

static void give(struct engine *g, struct imap4_cmd *c, struct imap4_data **d)
{
	struct imap4_cmd *owner = cmd_owner(c);
	c->answered = true;
	if (c->kind->take != NULL) {
		struct err e = ERR_INIT;
		int r = c->kind->take(c, *d, &e);
		if (r < 0)
			cmd_fail_local(owner, result_err(e.code), "%s", e.text);
		else if (r > 0)
			keep_data(owner, d);
	} else if (owner->sink_copy.done != NULL && imap4_data_message(*d) != NULL) {
		if (live_sink(c) != NULL)
			sink_message(g, c, imap4_data_message(*d));
	} else {
		keep_data(owner, d);
	}
}

static struct imap4_cmd *who_claims(const struct engine *g, const struct imap4_data *d)
{
	if (g->body.routed)
		return g->body.cmd;
	for (struct imap4_cmd *c = g->flight.first; c != NULL; c = next_in_reach(c))
		if (c->state == CMD_SENT && c->kind->claims != NULL && c->kind->claims(c, d))
			return c;
	return NULL;
}

/* What every response changes, whoever it belongs to. */
static int note(struct engine *g, const struct imap4_data *d, struct err *e)
{
	imap4_kind kind = imap4_data_kind(d);
	if (kind == IMAP4_DATA_CAPABILITY && note_capability(g, d, e) != 0)
		return -1;
	if (kind == IMAP4_DATA_ENABLED && note_enabled(g, d, e) != 0)
		return -1;
	if (kind == IMAP4_DATA_STATE && note_code(g, imap4_data_state(d), e) != 0)
		return -1;
	/* RFC 9738 section 3.1: untagged when the tagged line has EXPUNGEISSUED. It names no command, so none in flight can
	 * be taken for complete. */
	if (kind == IMAP4_DATA_STATE && imap4_data_state(d)->code == IMAP4_CODE_MESSAGELIMIT)
		for (struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
			cmd_note_limit(c, imap4_data_state(d), false);
	return engine_select_note(g, d, e);
}

/* A line that belongs to a command, for those who look for its code by name. Out of memory: it stays where it belongs. */
static void keep_code(struct engine *g, const struct imap4_data *d)
{
	const imap4_state_line *l = imap4_data_state(d);
	struct err e = ERR_INIT;
	if (g->cfg.keep == NULL || !g->keep_codes || l == NULL || l->code == IMAP4_CODE_NONE)
		return;
	struct imap4_data *copy = resp_parse(resp_text(d), NULL, 0, &g->cfg.limits, &e);
	if (copy != NULL)
		g->cfg.keep(g->cfg.ctx, &copy, true);
	resp_free(copy);
}

static int untagged(struct engine *g, struct imap4_data **d, struct err *e)
{
	/* An EXPUNGE of a message that is there is bounded by the mailbox, so it is no flood. */
	bool counts = !(imap4_data_kind(*d) == IMAP4_DATA_EXPUNGE && g->selection.view.exists > 0);
	/* With NOTIFY they come for days without a command; each costs the server as much as us. */
	counts = counts && !(g->notified && g->nflight == 0);
	if (note(g, *d, e) != 0)
		return -1;
	const imap4_state_line *l = imap4_data_state(*d);
	if (l != NULL && is(l->condition, "BYE")) {
		if (unasked(g, *d, true, e) != 0)
			return -1;
		return said_bye(g, d, e);
	}
	struct imap4_cmd *c = who_claims(g, *d);
	if (c == NULL) {
		if (unasked(g, *d, counts, e) != 0)
			return -1;
		if (g->cfg.keep != NULL)
			g->cfg.keep(g->cfg.ctx, d, false);
		return 0;
	}
	g->unasked_run = 0;
	keep_code(g, *d);
	give(g, c, d);
	return 0;
}

/* ---- tagged and continuation lines ----------------------------------------------------------------- */

/* May this answer come now? OK only after the whole command; NO and BAD also instead of a "+" (RFC 3501 section 7.5) and
 * while a non-synchronising literal is on its way (RFC 7888 section 4; its octets are still sent). */
static bool is_timely(const struct engine *g, const struct imap4_cmd *c, bool ok)
{
	if (c->state == CMD_SENT)
		return true;
	if (ok)
		return false;
	if (c == g->waiting)
		return c->out_end <= g->out.written;
	return c->out_begin < g->out.written;
}

static void end_queue(struct engine *g)
{
	for (struct imap4_cmd *c; (c = g->queue.first) != NULL;) {
		engine_queue_remove(g, c);
		c->parts_left = false;
		cmd_finish(
			c, IMAP4_E_CLOSED, NULL, "the session was logged out before it was sent");
	}
}

static int complete_tagged(
	struct engine *g, struct imap4_cmd *c, const imap4_state_line *l, struct err *e)
{
	bool ok = is(l->condition, "OK"), no = is(l->condition, "NO");
	if (note_code(g, l, e) != 0 || engine_select_state(g, l, e) != 0)
		return -1;
	engine_flight_remove(g, c);
	if (l->code == IMAP4_CODE_MESSAGELIMIT)
		cmd_note_limit(c, l, !ok);
	if (c->kind->completed != NULL)
		c->kind->completed(c, l);
	engine_select_remember(g, cmd_owner(c));
	engine_select_advance(g);
	cmd_finish(c, ok ? IMAP4_OK : no ? IMAP4_E_NO : IMAP4_E_BAD, l, NULL);
	if (g->state == IMAP4_LOGGED_OUT)
		end_queue(g);
	return 0;
}

int engine_complete_early(struct engine *g, struct err *e)
{
	struct imap4_data *d = g->early;
	struct imap4_cmd *c = by_tag(g, resp_tag(d));
	g->early = NULL;
	int r = c != NULL ? complete_tagged(g, c, imap4_data_state(d), e) : 0;
	resp_free(d);
	return r;
}

/* A refusal while the octets of a message are still to be sent. They are owed (RFC 7888 section 4), so the answer is kept
 * until then; of several messages nobody knows what the server would make of the others. */
static int refused_early(
	struct engine *g, struct imap4_cmd *c, struct imap4_data **d, struct err *e)
{
	if (c->enc.nparts > c->next_part) {
		(void)err_set(&g->broken, ERR_CONNECTION, E_STATE,
			"the server refused an upload in the middle");
		return complete_tagged(g, c, imap4_data_state(*d), e);
	}
	resp_free(g->early);
	g->early = *d;
	*d = NULL;
	return 0;
}

static int tagged(struct engine *g, struct imap4_data **data, struct err *e)
{
	const struct imap4_data *d = *data;
	const imap4_state_line *l = imap4_data_state(d);
	struct imap4_cmd *c = by_tag(g, resp_tag(d));
	bool ok = l != NULL && is(l->condition, "OK");
	bool no = l != NULL && is(l->condition, "NO");
	bool known = ok || no || (l != NULL && is(l->condition, "BAD"));
	if (c == NULL || !known || !is_timely(g, c, ok)) {
		char shown[128];
		text_show(shown, sizeof shown, resp_text(d));
		return err_set(e, ERR_CONNECTION, E_PROTO,
			"the server answered a command that was not asked: \"%s\"", shown);
	}
	g->unasked_run = 0;
	keep_code(g, d);
	return g->streaming == c ? refused_early(g, c, data, e) : complete_tagged(g, c, l, e);
}

/* The command in flight that takes a "+" which no literal waits for. */
static struct imap4_cmd *who_continues(const struct engine *g)
{
	for (struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if (c->state == CMD_SENT && c->kind->continued != NULL)
			return c;
	return NULL;
}

static int continuation(struct engine *g, const struct imap4_data *d, struct err *e)
{
	struct imap4_cmd *c = g->waiting;
	if (c != NULL && c->out_end <= g->out.written) {
		g->unasked_run = 0;
		return engine_write_on(g, c, e);
	}
	c = who_continues(g);
	if (c == NULL)
		return unasked(g, d, true, e);
	g->unasked_run = 0;
	enc_next_line(&c->enc);
	if (c->kind->continued(c, resp_text(d), e) != 0)
		return -1;
	return engine_go_on(g, c, e);
}

int engine_go_on(struct engine *g, struct imap4_cmd *c, struct err *e)
{
	if (enc_check(&c->enc, e) != 0)
		return -1;
	return c->next_part < c->enc.nparts ? engine_write_on(g, c, e) : 0;
}

/* ---- input --------------------------------------------------------------------------------------- */

static int response(struct engine *g, const struct lexer_output *o, struct err *e)
{
	struct imap4_data *d = resp_parse(o->text, o->gaps, o->ngaps, &g->cfg.limits, e);
	if (d == NULL)
		return -1;
	enum resp_type type = resp_type(d);
	saw_line(g, o, type == RESP_CONTINUE && g->waiting == NULL && who_continues(g) != NULL);
	int r;
	if (!g->greeted)
		r = greet(g, &d, e);
	else if (type == RESP_TAGGED)
		r = tagged(g, &d, e);
	else if (type == RESP_CONTINUE)
		r = continuation(g, d, e);
	else
		r = untagged(g, &d, e);
	resp_free(d);
	g->body = (struct body){false, NULL, false};
	return r;
}

static int on_event(struct engine *g, const struct lexer_output *o, struct err *e)
{
	switch (o->event) {
	case LEXER_MORE: return 0;
	case LEXER_BODY_BEGIN: saw_text(g, o->text); return body_begin(g, o, e);
	case LEXER_BODY_DATA:
		saw(g, TRACE_BODY, o->data.p, o->data.n);
		if (g->body.open)
			sink_data(g, g->body.cmd, o->data.p, o->data.n);
		return 0;
	case LEXER_BODY_END: body_end(g); return 0;
	case LEXER_RESPONSE: return response(g, o, e);
	}
	return 0;
}

int engine_feed(struct engine *g, const void *p, size_t n, size_t *used, struct err *e)
{
	struct slice in = slice_of(p, n);
	int r = 0;
	*used = 0;
	if (g->failed)
		return err_set(e, ERR_CONNECTION, E_STATE, "the session is over");
	while (r == 0 && g->upgrade == ENGINE_UPGRADE_NONE) {
		struct lexer_output o;
		r = lexer_next(g->lexer, &in, &o, e);
		if (r != 0 || o.event == LEXER_MORE)
			break;
		r = on_event(g, &o, e);
	}
	*used = n - in.n;
	return r;
}

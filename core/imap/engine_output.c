/* SPDX-License-Identifier: MIT */
/*
 * engine_output.c -- what may be sent when, and the bytes that wait to be written.
 *
 * Commands are encoded one after the other into one buffer, so that a window full of small commands leaves in one
 * write. may_send() is the only place that knows all reasons to wait.
 */
#include "core/imap/engine_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"

/* ---- the buffer ---------------------------------------------------------------------------------- */

void out_release(struct out *o)
{
	if (o->p != NULL)
		secret_wipe(o->p, o->cap);
	free(o->p);
	free(o->piece);
	uint64_t added = o->added;
	memset(o, 0, sizeof *o);
	o->added = o->written = added;
}

size_t out_size(const struct out *o)
{
	return o->tail - o->head;
}

/* Room for n octets in m pieces; nothing can fail after that. */
static int out_reserve(struct out *o, size_t n, size_t m, struct err *e)
{
	if (o->npieces + m > o->cap_pieces) {
		size_t cap = (o->npieces + m) * 2;
		struct out_piece *piece = realloc(o->piece, cap * sizeof *piece);
		if (piece == NULL)
			return err_nomem(e, "sending a command");
		o->piece = piece;
		o->cap_pieces = cap;
	}
	if (n <= o->cap - o->tail)
		return 0;
	size_t cap = (out_size(o) + n) * 2;
	unsigned char *p = malloc(cap);
	if (p == NULL)
		return err_nomem(e, "sending a command");
	size_t size = out_size(o);
	if (o->p != NULL) {
		memcpy(p, o->p + o->head, size);
		secret_wipe(o->p, o->cap);
		free(o->p);
	}
	o->p = p;
	o->cap = cap;
	o->head = 0;
	o->tail = size;
	return 0;
}

static void add_piece(struct out *o, size_t n, const struct out_piece *kind)
{
	struct out_piece *next = &o->piece[o->npieces];
	if (o->npieces > o->first_piece && next[-1].secret == kind->secret &&
		next[-1].body == kind->body) {
		next[-1].len += n;
		return;
	}
	*next = *kind;
	next->len = n;
	o->npieces++;
}

static void out_add(struct out *o, const void *p, size_t n, bool secret)
{
	if (n == 0)
		return;
	memcpy(o->p + o->tail, p, n);
	o->tail += n;
	o->added += n;
	const struct out_piece kind = {.secret = secret};
	add_piece(o, n, &kind);
}

unsigned char *out_room(struct out *o, size_t n, struct err *e)
{
	return out_reserve(o, n, 1, e) == 0 ? o->p + o->tail : NULL;
}

void out_add_body(struct out *o, size_t n)
{
	const struct out_piece kind = {.body = true};
	o->tail += n;
	o->added += n;
	add_piece(o, n, &kind);
}

static void out_sent(struct out *o, size_t n)
{
	o->written += n;
	o->head += n;
	while (n > 0 && o->first_piece < o->npieces) {
		struct out_piece *piece = &o->piece[o->first_piece];
		size_t part = n < piece->len ? n : piece->len;
		piece->len -= part;
		n -= part;
		if (piece->len == 0)
			o->first_piece++;
	}
	if (o->head < o->tail)
		return;
	secret_wipe(o->p, o->tail);
	o->head = o->tail = 0;
	o->first_piece = o->npieces = 0;
}

/* ---- one command --------------------------------------------------------------------------------- */

int engine_write_on(struct engine *g, struct imap4_cmd *c, struct err *e)
{
	const struct enc *enc = &c->enc;
	size_t end = c->next_part, octets = 2;
	bool body = false;
	for (bool stop = false; end < enc->nparts && !stop; end++) {
		body = enc->part[end].body != NULL;
		stop = enc->part[end].wait || body;
		octets += enc->part[end].len;
	}
	if (out_reserve(&g->out, octets, end - c->next_part + 1, e) != 0)
		return -1;
	if (c->next_part == 0)
		c->out_begin = g->out.added;
	for (; c->next_part < end; c->next_part++) {
		const struct enc_part *part = &enc->part[c->next_part];
		out_add(&g->out, enc->bytes.data + part->start, part->len, part->secret);
	}
	bool waits = end > 0 && enc->part[end - 1].wait;
	if (body)
		engine_stream_begin(g, c, enc->part[end - 1].body_size);
	else if (!waits)
		out_add(&g->out, "\r\n", 2, false);
	c->out_end = g->out.added;
	c->state = CMD_SENDING;
	g->waiting = waits ? c : NULL;
	return 0;
}

/* Encode and write the beginning. The command is out of the queue already. */
static void begin(struct engine *g, struct imap4_cmd *c)
{
	struct err e = ERR_INIT;
	int r = 0;
	if (c->parent == NULL) {
		cmd_begin_line(c);
		r = c->kind->encode(c, &e);
	}
	if (r == 0)
		r = enc_check(&c->enc, &e);
	if (r == 0)
		r = engine_write_on(g, c, &e);
	if (r == 0) {
		list_add(&g->flight, c);
		g->nflight++;
		if (c->kind->begun != NULL)
			c->kind->begun(c);
	} else if (r > 0) {
		cmd_finish(c, IMAP4_OK, NULL, NULL);
	} else {
		cmd_finish(c, result_err(e.code), NULL, e.text);
	}
}

/* ---- the queue ----------------------------------------------------------------------------------- */

enum verdict { SEND, WAIT, REFUSE };

/* "$" is one variable (RFC 5182 section 2.3): it is not set anew while others read it, and nothing is changed by it
 * before the search is known to have succeeded. */
static bool conflict_about_saved(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	if ((c->flags & CMD_SAVES) != 0)
		return (other->flags & (CMD_SAVES | CMD_USES_SAVED)) != 0;
	return (c->flags & CMD_USES_SAVED) != 0 && (c->flags & CMD_READ_ONLY) == 0 &&
		(other->flags & CMD_SAVES) != 0;
}

static bool conflict(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	if ((c->flags & CMD_ONE_OF_KIND) != 0 && c->kind == other->kind)
		return true;
	if (conflict_about_saved(c, other))
		return true;
	if (c->kind->conflicts != NULL && c->kind->conflicts(c, other))
		return true;
	return other->kind->conflicts != NULL && other->kind->conflicts(other, c);
}

static bool queue_has_login(const struct engine *g)
{
	for (const struct imap4_cmd *c = g->queue.first; c != NULL; c = c->next)
		if ((c->flags & (CMD_NEEDS_AUTH | CMD_NEEDS_SELECTED)) == 0)
			return true;
	return false;
}

/* Is a mailbox being opened by a command that lets others follow? */
static bool fence_in_flight(const struct engine *g)
{
	for (const struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if ((c->flags & CMD_FENCE) != 0)
			return true;
	return false;
}

/* Commands that only read the selected mailbox, by UID, can have a fence behind them or be behind one. */
static bool reads_selected(const struct imap4_cmd *c)
{
	const unsigned both = CMD_NEEDS_SELECTED | CMD_READ_ONLY;
	return (c->flags & both) == both &&
		(c->flags & (CMD_BARRIER | CMD_SAVES | CMD_USES_SAVED)) == 0;
}

static bool fence_allows(const struct engine *g, const struct imap4_cmd *c)
{
	if ((c->flags & CMD_FENCE) == 0)
		return reads_selected(c) || !fence_in_flight(g);
	for (const struct imap4_cmd *i = g->flight.first; i != NULL; i = i->next)
		if ((i->flags & CMD_FENCE) == 0 && !reads_selected(i))
			return false;
	return true;
}

/* The state that a command needs: can it still come about? */
static enum verdict state_allows(const struct engine *g, const struct imap4_cmd *c)
{
	bool is_in = g->state == IMAP4_AUTHENTICATED || g->state == IMAP4_SELECTED;
	if ((c->flags & (CMD_NEEDS_AUTH | CMD_NEEDS_SELECTED)) != 0 && !is_in)
		return g->nflight > 0 || queue_has_login(g) ? WAIT : REFUSE;
	if ((c->flags & CMD_NEEDS_SELECTED) != 0 && g->state != IMAP4_SELECTED &&
		!fence_in_flight(g))
		return g->nflight > 0 ? WAIT : REFUSE;
	return SEND;
}

static enum verdict may_send(const struct engine *g, const struct imap4_cmd *c)
{
	if (g->waiting != NULL || g->streaming != NULL || g->upgrade != ENGINE_UPGRADE_NONE)
		return WAIT;
	if (g->nflight >= g->cfg.window || out_size(&g->out) >= IMAP_OUTPUT_MAX)
		return WAIT;
	if (((c->flags & CMD_BARRIER) != 0 && g->nflight > 0) || !fence_allows(g, c))
		return WAIT;
	for (const struct imap4_cmd *i = g->flight.first; i != NULL; i = i->next)
		if ((i->flags & CMD_BARRIER) != 0 || (i->parent != c && conflict(c, i)))
			return WAIT;
	return state_allows(g, c);
}

/* The command whose turn it is. Order is kept, but for two reasons to pass: set-up commands pass what the closed gate
 * holds back, and a LOGIN passes what waits for it. */
static struct imap4_cmd *whose_turn(const struct engine *g)
{
	bool is_in = g->state == IMAP4_AUTHENTICATED || g->state == IMAP4_SELECTED;
	bool login = !is_in && queue_has_login(g);
	for (struct imap4_cmd *c = g->queue.first; c != NULL; c = c->next) {
		if (!g->gate_open && (c->flags & CMD_SETUP) == 0)
			continue;
		if (login && (c->flags & (CMD_NEEDS_AUTH | CMD_NEEDS_SELECTED)) != 0)
			continue;
		return c;
	}
	return NULL;
}

/* Take the next part of a parent; the parent stays in the queue until its last part was made. */
static void begin_part(struct engine *g, struct imap4_cmd *parent)
{
	struct err e = ERR_INIT;
	struct imap4_cmd *part = NULL;
	if (parent->kind->part(parent, &part, &e) != 0) {
		parent->parts_left = false;
		cmd_fail_local(parent, result_err(e.code), "%s", e.text);
	}
	if (!parent->parts_left)
		engine_queue_remove(g, parent);
	if (part != NULL) {
		parent->parts_open++;
		if (!parent->parts_left)
			parent->state = CMD_SENT;
		begin(g, part);
	} else if (parent->parts_open > 0) {
		parent->state = CMD_SENT;
	} else {
		cmd_finish(parent, IMAP4_OK, NULL, NULL);
	}
}

static void refuse(struct engine *g, struct imap4_cmd *c)
{
	engine_queue_remove(g, c);
	c->parts_left = false;
	const char *why =
		g->state == IMAP4_AUTHENTICATED ? "no mailbox is selected" : "not logged in";
	if (c->parts_open == 0) {
		cmd_finish(c, IMAP4_E_STATE, NULL, why);
		return;
	}
	c->state = CMD_SENT;
	cmd_fail_local(c, IMAP4_E_STATE, "%s", why);
}

static void send_what_may_be_sent(struct engine *g)
{
	for (struct imap4_cmd *c; (c = whose_turn(g)) != NULL;) {
		enum verdict v = may_send(g, c);
		if (v == WAIT)
			return;
		if (v == REFUSE) {
			refuse(g, c);
		} else if (c->kind->part != NULL) {
			begin_part(g, c);
		} else {
			engine_queue_remove(g, c);
			begin(g, c);
		}
	}
}

struct slice engine_output_piece(const struct engine *g, bool *secret)
{
	*secret = false;
	if (out_size(&g->out) == 0)
		return SLICE_NONE;
	const struct out_piece *piece = &g->out.piece[g->out.first_piece];
	*secret = piece->secret;
	return slice_of(g->out.p + g->out.head, piece->len);
}

struct slice engine_output(struct engine *g)
{
	if (g->failed || err_is_set(&g->broken))
		return SLICE_NONE;
	send_what_may_be_sent(g);
	engine_stream_fill(g);
	if (out_size(&g->out) == 0 || err_is_set(&g->broken))
		return SLICE_NONE;
	return slice_of(g->out.p + g->out.head, out_size(&g->out));
}

void engine_sent(struct engine *g, size_t n)
{
	out_sent(&g->out, n);
	if (g->streaming != NULL)
		return;
	for (struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if (c->state == CMD_SENDING && c != g->waiting && c != g->streaming &&
			c->out_end <= g->out.written)
			c->state = CMD_SENT;
	struct err e = ERR_INIT;
	if (g->early != NULL && g->streaming == NULL && engine_complete_early(g, &e) != 0)
		g->broken = e;
}

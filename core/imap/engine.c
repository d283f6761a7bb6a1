/* SPDX-License-Identifier: MIT */
/*
 * engine.c -- life cycle of the engine, its lists of commands, and how everything ends.
 */
#include "core/imap/engine_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GREETING_MAX ((size_t)8 << 10)

int engine_new(struct engine **out, const struct engine_config *c, struct err *e)
{
	struct engine *g = calloc(1, sizeof *g);
	if (g == NULL)
		return err_nomem(e, "an IMAP session");
	g->cfg = *c;
	if (g->cfg.window == 0)
		g->cfg.window = IMAP_WINDOW_DEFAULT;
	g->state = IMAP4_NOT_AUTHENTICATED;
	caps_init(&g->caps);
	caps_init(&g->enabled);
	buf_init(&g->greeting, GREETING_MAX);
	buf_init(&g->result_text, 0);
	if (lexer_new(&g->lexer, &g->cfg.limits, e) != 0) {
		engine_free(g);
		return -1;
	}
	*out = g;
	return 0;
}

void engine_free(struct engine *g)
{
	if (g == NULL)
		return;
	while (g->all != NULL)
		cmd_destroy(g->all);
	lexer_free(g->lexer);
	caps_release(&g->caps);
	caps_release(&g->enabled);
	buf_release(&g->greeting);
	buf_release(&g->result_text);
	resp_free(g->bye);
	resp_free(g->early);
	engine_selection_release(&g->selection);
	out_release(&g->out);
	free(g);
}

/* ---- lists --------------------------------------------------------------------------------------- */

void list_add(struct cmd_list *l, struct imap4_cmd *c)
{
	c->next = NULL;
	if (l->last == NULL)
		l->first = c;
	else
		l->last->next = c;
	l->last = c;
}

bool list_remove(struct cmd_list *l, struct imap4_cmd *c)
{
	struct imap4_cmd *before = NULL;
	for (struct imap4_cmd *i = l->first; i != NULL; before = i, i = i->next) {
		if (i != c)
			continue;
		if (before == NULL)
			l->first = c->next;
		else
			before->next = c->next;
		if (l->last == c)
			l->last = before;
		c->next = NULL;
		return true;
	}
	return false;
}

void engine_queue_remove(struct engine *g, struct imap4_cmd *c)
{
	if (list_remove(&g->queue, c))
		g->nqueue--;
}

void engine_flight_remove(struct engine *g, struct imap4_cmd *c)
{
	if (list_remove(&g->flight, c))
		g->nflight--;
	if (g->waiting == c)
		g->waiting = NULL;
	if (g->streaming == c)
		g->streaming = NULL;
}

void engine_adopt(struct engine *g, struct imap4_cmd *c)
{
	c->all_next = g->all;
	if (g->all != NULL)
		g->all->all_prev = c;
	g->all = c;
}

void engine_disown(struct engine *g, struct imap4_cmd *c)
{
	if (c->all_prev != NULL)
		c->all_prev->all_next = c->all_next;
	else
		g->all = c->all_next;
	if (c->all_next != NULL)
		c->all_next->all_prev = c->all_prev;
	if (g->body.cmd == c)
		g->body.cmd = NULL;
}

void engine_submit(struct engine *g, struct imap4_cmd *c)
{
	c->state = CMD_QUEUED;
	c->parts_left = c->kind->part != NULL;
	list_add(&g->queue, c);
	g->nqueue++;
}

void engine_release(struct engine *g, struct imap4_cmd *c)
{
	if (c->state == CMD_DONE || c->state == CMD_NEW) {
		cmd_destroy(c);
		return;
	}
	/* It may be in a callback of its own just now: the engine frees it later, when it is complete. */
	engine_stream_abandon(g, c);
	c->orphan = true;
	c->sink = NULL;
	cmd_drop_data(c);
	if (c->kind->orphaned != NULL && c->state != CMD_QUEUED)
		c->kind->orphaned(c);
	if (c->state == CMD_QUEUED) {
		engine_queue_remove(g, c);
		c->parts_left = false;
		if (c->parts_open == 0)
			cmd_destroy(c);
		else
			c->state = CMD_SENT;
	}
}

/* A letter comes first: some servers read a tag of digits as something else. The seed makes that the tags of
 * another connection say nothing about ours (T48). */
void engine_next_tag(struct engine *g, char *tag, size_t size)
{
	(void)snprintf(tag, size, "k%08" PRIx32 ".%" PRIu32, g->cfg.tag_seed, ++g->tag_counter);
}

/* ---- accessors ----------------------------------------------------------------------------------- */

enum engine_upgrade engine_upgrade(const struct engine *g)
{
	return g->upgrade;
}

void engine_set_upgrade(struct engine *g, enum engine_upgrade u)
{
	g->upgrade = u;
}

int engine_upgraded(struct engine *g, struct err *e)
{
	enum engine_upgrade what = g->upgrade;
	g->upgrade = ENGINE_UPGRADE_NONE;
	if (what == ENGINE_UPGRADE_DEFLATE || what == ENGINE_UPGRADE_PLAIN)
		g->compressed = what == ENGINE_UPGRADE_DEFLATE;
	if (what != ENGINE_UPGRADE_TLS)
		return 0;
	/* What an attacker could have said before TLS counts for nothing (reliability rule S3). */
	lexer_free(g->lexer);
	g->lexer = NULL;
	if (lexer_new(&g->lexer, &g->cfg.limits, e) != 0)
		return -1;
	caps_forget(&g->caps);
	caps_forget(&g->enabled);
	g->preauth = false;
	g->state = IMAP4_NOT_AUTHENTICATED;
	buf_clear(&g->greeting);
	g->unasked_run = 0;
	g->traced = 0;
	return 0;
}

bool engine_greeted(const struct engine *g)
{
	return g->greeted;
}

bool engine_preauth(const struct engine *g)
{
	return g->preauth;
}

struct slice engine_greeting(const struct engine *g)
{
	return buf_slice(&g->greeting);
}

void engine_open_gate(struct engine *g)
{
	g->gate_open = true;
}

void engine_close_gate(struct engine *g)
{
	g->gate_open = false;
}

imap4_state engine_state(const struct engine *g)
{
	return g->state;
}

void engine_set_state(struct engine *g, imap4_state s)
{
	g->state = s;
}

void engine_unauthenticated(struct engine *g)
{
	engine_select_begin(g);
	engine_select_end(g, false, false);
	caps_forget(&g->enabled);
	g->preauth = false;
	g->state = IMAP4_NOT_AUTHENTICATED;
}

const struct caps *engine_caps(const struct engine *g)
{
	return &g->caps;
}

unsigned engine_caps_count(const struct engine *g)
{
	return g->caps_count;
}

const imap4_selected *engine_selected(const struct engine *g)
{
	return g->state == IMAP4_SELECTED ? &g->selection.view : NULL;
}

bool engine_enabled(const struct engine *g, const char *cap)
{
	return caps_has(&g->enabled, cap);
}

bool engine_utf8(const struct engine *g)
{
	return engine_enabled(g, "UTF8=ACCEPT") || engine_enabled(g, "IMAP4rev2");
}

bool engine_compressed(const struct engine *g)
{
	return g->compressed;
}

bool engine_compression_ends(const struct engine *g)
{
	return g->compression_ends;
}

void engine_set_compression_ends(struct engine *g, bool ends)
{
	g->compression_ends = ends;
}

bool engine_said_bye(const struct engine *g)
{
	return g->said_bye;
}

bool engine_logging_out(const struct engine *g)
{
	for (const struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if ((c->flags & CMD_LOGOUT) != 0)
			return true;
	return false;
}

bool engine_in_response(const struct engine *g)
{
	return lexer_in_response(g->lexer);
}

bool engine_awaits_answer(const struct engine *g)
{
	for (const struct imap4_cmd *c = g->flight.first; c != NULL; c = c->next)
		if (c->kind->may_be_silent == NULL || !c->kind->may_be_silent(c))
			return true;
	return false;
}

size_t engine_in_flight(const struct engine *g)
{
	return g->nflight;
}

size_t engine_queued(const struct engine *g)
{
	return g->nqueue;
}

imap4_policy engine_policy(const struct engine *g)
{
	return g->cfg.policy;
}

bool engine_is_over(const struct engine *g)
{
	return g->failed || g->state == IMAP4_LOGGED_OUT;
}

enum enc_literals engine_literals(const struct engine *g)
{
	if (caps_has(&g->caps, "LITERAL+"))
		return ENC_LITERAL_PLUS;
	if (caps_has(&g->caps, "LITERAL-") || caps_has(&g->caps, "IMAP4rev2"))
		return ENC_LITERAL_MINUS;
	return ENC_LITERAL_SYNC;
}

bool engine_in_callback(const struct engine *g)
{
	return g->callbacks > 0;
}

void engine_enter_callback(struct engine *g)
{
	g->callbacks++;
}

void engine_leave_callback(struct engine *g)
{
	g->callbacks--;
}

const imap4_result *engine_result(const struct engine *g)
{
	return g->failed ? &g->result : NULL;
}

/* ---- the end ------------------------------------------------------------------------------------- */

static void fail_one(struct engine *g, struct imap4_cmd *c, imap4_err err, const struct err *why,
	const imap4_state_line *bye)
{
	bool was_sent = c->state == CMD_SENT;
	c->result.sys_errno = why->sys;
	if ((c->flags & CMD_LOGOUT) != 0 && was_sent && g->said_bye)
		cmd_finish(c, IMAP4_OK, NULL, NULL);
	else
		cmd_finish(c, err, err == IMAP4_E_BYE ? bye : NULL, why->text);
}

void engine_fail(struct engine *g, imap4_err err, const struct err *why)
{
	if (g->failed)
		return;
	g->failed = true;
	const imap4_state_line *bye = g->bye != NULL ? imap4_data_state(g->bye) : NULL;
	g->result.sys_errno = why->sys;
	result_set(
		&g->result, &g->result_text, NULL, err, err == IMAP4_E_BYE ? bye : NULL, why->text);
	engine_end_body(g, NULL);
	/* The queue first: a parent that waits there must not make its parts wait for parts to come. */
	for (struct imap4_cmd *c; (c = g->queue.first) != NULL;) {
		engine_queue_remove(g, c);
		c->parts_left = false;
		if (c->parts_open > 0)
			c->state = CMD_SENT; /* its parts in flight complete it */
		else
			fail_one(g, c, err, why, bye);
	}
	for (struct imap4_cmd *c; (c = g->flight.first) != NULL;) {
		engine_flight_remove(g, c);
		fail_one(g, c, err, why, bye);
	}
	out_release(&g->out);
}

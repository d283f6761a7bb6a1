/* SPDX-License-Identifier: MIT */
/*
 * cmd.c -- life of a command handle, from cmd_new() to imap4_cmd_free().
 */
#include "core/imap/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/imap/caps.h"

void cmd_options(void *to, size_t size, const void *from)
{
	size_t given = 0;
	memset(to, 0, size);
	if (from != NULL)
		memcpy(&given, from, sizeof given); /* struct_size comes first */
	if (given > 0)
		memcpy(to, from, given < size ? given : size);
}

bool cmd_has(const struct imap4_cmd *c, const char *capability, bool in_rev2)
{
	const struct caps *caps = engine_caps(c->engine);
	return caps_has(caps, capability) || (in_rev2 && caps_has(caps, "IMAP4rev2"));
}

int cmd_strings_copy(struct cmd_strings *s, const char *const *from, size_t n, struct err *e)
{
	s->at = calloc(n > 0 ? n : 1, sizeof *s->at);
	if (s->at == NULL)
		return err_nomem(e, "the arguments of a command");
	s->n = n;
	for (size_t i = 0; i < n; i++)
		if (from[i] != NULL && (s->at[i] = strdup(from[i])) == NULL)
			return err_nomem(e, "the arguments of a command");
	return 0;
}

void cmd_strings_release(struct cmd_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->at[i]);
	free(s->at);
	*s = (struct cmd_strings){NULL, 0};
}

bool cmd_mailbox_is(imap4_str name, struct slice wire)
{
	struct slice s = slice_of(name.ptr, name.len);
	return slice_eq(s, wire) || (slice_ieq_str(s, "INBOX") && slice_ieq_str(wire, "INBOX"));
}

static struct imap4_cmd *allocate(
	struct imap4_session *s, struct engine *g, const struct cmd_kind *kind)
{
	struct imap4_cmd *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	c->kind = kind;
	c->flags = kind->flags;
	c->engine = g;
	c->session = s;
	c->result.err = IMAP4_AGAIN;
	c->result.message = "not complete yet";
	enc_init(&c->enc, ENC_LITERAL_SYNC);
	buf_init(&c->mailbox, IMAP_MAILBOX_MAX);
	buf_init(&c->result_text, 0);
	engine_adopt(g, c);
	return c;
}

struct imap4_cmd *cmd_new(struct imap4_session *s, const struct cmd_kind *kind)
{
	struct engine *g = session_engine(s);
	if (g == NULL || engine_is_over(g))
		return session_refuse(s, IMAP4_E_STATE, "%s: the session is over", kind->name);
	if (engine_policy(g) == IMAP4_POLICY_BACKUP && (kind->flags & CMD_READ_ONLY) == 0)
		return session_refuse(s, IMAP4_E_POLICY,
			"%s may change the mailbox: not during a backup", kind->name);
	struct imap4_cmd *c = allocate(s, g, kind);
	if (c == NULL)
		return session_refuse(s, IMAP4_E_NOMEM, "%s: out of memory", kind->name);
	return c;
}

static void drop_more(struct imap4_cmd *c)
{
	if (c->free_more != NULL && c->more != NULL)
		c->free_more(c->more);
	c->more = NULL;
}

static void drop_data(struct cmd_data *d)
{
	while (d != NULL) {
		struct cmd_data *next = d->next;
		resp_free(d->data);
		free(d);
		d = next;
	}
}

void cmd_drop_data(struct imap4_cmd *c)
{
	drop_data(c->given);
	drop_data(c->first);
	c->given = c->first = c->last = NULL;
}

void cmd_drop_waiting(struct imap4_cmd *c)
{
	drop_data(c->first);
	c->first = c->last = NULL;
}

void cmd_destroy(struct imap4_cmd *c)
{
	engine_disown(c->engine, c);
	drop_more(c);
	cmd_drop_data(c);
	enc_release(&c->enc);
	uidset_release(&c->numbers);
	buf_release(&c->mailbox);
	free((void *)(uintptr_t)c->appended.uid);
	cmd_limited_free(c->limited);
	buf_release(&c->result_text);
	if (c->outcome != NULL)
		c->free_outcome(c->outcome);
	free(c);
}

struct imap4_cmd *cmd_discard(struct imap4_cmd *c, const struct err *why)
{
	struct imap4_session *s = c->session;
	const char *name = c->kind->name;
	cmd_destroy(c);
	return session_refuse(s, result_err(why->code), "%s: %s", name, why->text);
}

void cmd_begin_line(struct imap4_cmd *c)
{
	engine_next_tag(c->engine, c->tag, sizeof c->tag);
	enc_clear(&c->enc);
	c->enc.literals = engine_literals(c->engine);
	c->enc.utf8 = engine_utf8(c->engine);
	enc_raw(&c->enc, c->tag);
	enc_raw(&c->enc, " ");
}

struct imap4_cmd *cmd_submit(struct imap4_cmd *c)
{
	struct err e = ERR_INIT;
	if ((c->flags & CMD_TRY_ENCODE) != 0 && c->kind->encode != NULL) {
		enc_clear(&c->enc);
		int r = c->kind->encode(c, &e);
		if (r < 0 || enc_check(&c->enc, &e) != 0)
			return cmd_discard(c, &e);
		/* What it found missing now may be there when the capabilities are known. */
		c->local = IMAP4_OK;
	}
	engine_submit(c->engine, c);
	return c;
}

struct imap4_cmd *cmd_part(struct imap4_cmd *parent, struct err *e)
{
	struct imap4_cmd *part = allocate(parent->session, parent->engine, parent->kind);
	if (part == NULL) {
		(void)err_nomem(e, parent->kind->name);
		return NULL;
	}
	part->parent = parent;
	part->flags = parent->flags;
	cmd_begin_line(part);
	return part;
}

int cmd_part_ready(struct imap4_cmd *part, struct err *e)
{
	if (enc_check(&part->enc, e) == 0)
		return 0;
	cmd_destroy(part);
	return -1;
}

struct imap4_cmd *cmd_owner(struct imap4_cmd *c)
{
	return c->parent != NULL ? c->parent : c;
}

void cmd_fail_local(struct imap4_cmd *c, imap4_err err, const char *fmt, ...)
{
	if (c->local != IMAP4_OK)
		return;
	c->local = err;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(c->local_text, sizeof c->local_text, fmt, ap);
	va_end(ap);
}

/* A copy of the tagged line with secrets overwritten. */
struct scrubbed {
	struct buf store;
	imap4_state_line line;
};

static const imap4_state_line *scrub(
	const struct imap4_cmd *c, struct scrubbed *s, const imap4_state_line *line)
{
	buf_init(&s->store, SIZE_MAX - 1);
	if (line == NULL || c->kind->scrub == NULL)
		return line;
	s->line = *line;
	size_t atom = line->code_atom.len, args = line->code_args.len;
	(void)buf_add(&s->store, line->code_atom.ptr, atom);
	(void)buf_add(&s->store, line->code_args.ptr, args);
	(void)buf_add(&s->store, line->text.ptr, line->text.len);
	if (s->store.failed != E_NONE || s->store.data == NULL) {
		/* Nothing to say, or no memory to say it safely. */
		s->line.code_atom = s->line.code_args = s->line.text = (imap4_str){NULL, 0};
		return &s->line;
	}
	char *p = (char *)s->store.data;
	c->kind->scrub(c, p, atom);
	c->kind->scrub(c, p + atom, args);
	c->kind->scrub(c, p + atom + args, line->text.len);
	if (line->code_atom.ptr != NULL)
		s->line.code_atom.ptr = p;
	if (line->code_args.ptr != NULL)
		s->line.code_args.ptr = p + atom;
	if (line->text.ptr != NULL)
		s->line.text.ptr = p + atom + args;
	return &s->line;
}

static void set_result(struct imap4_cmd *c, imap4_err err, const imap4_state_line *tagged,
	const char *fallback_text)
{
	if (c->local != IMAP4_OK && (tagged != NULL || err == IMAP4_OK)) {
		err = c->local;
		fallback_text = c->local_text;
	}
	struct scrubbed s;
	result_set(&c->result, &c->result_text, c->kind->name, err, scrub(c, &s, tagged),
		fallback_text);
	buf_release(&s.store);
}

static void complete(struct imap4_cmd *c)
{
	c->state = CMD_DONE;
	drop_more(c);
	enc_release(&c->enc);
	if (c->orphan)
		cmd_destroy(c);
}

/* The parent's result is that of its first failed part; else of the last part that says something special. */
static void give_result_to_parent(struct imap4_cmd *part, struct imap4_cmd *parent)
{
	bool first = parent->result.err == IMAP4_AGAIN;
	bool better = parent->result.err == IMAP4_OK &&
		(part->result.err != IMAP4_OK || part->result.code != IMAP4_CODE_NONE);
	if (!first && !better)
		return;
	buf_release(&parent->result_text);
	parent->result = part->result;
	parent->result_text = part->result_text;
	buf_init(&part->result_text, 0);
}

/* All parts are complete: what is left to do is to put our own failure before the server's OK. */
static void complete_parent(struct imap4_cmd *parent)
{
	if (parent->local != IMAP4_OK)
		set_result(parent, IMAP4_OK, NULL, NULL);
	complete(parent);
}

void cmd_finish(struct imap4_cmd *c, imap4_err err, const imap4_state_line *tagged,
	const char *fallback_text)
{
	set_result(c, err, tagged, fallback_text);
	/* However it failed: what "$" stands for now is not what was searched for (RFC 5182 section 2.1). */
	if ((c->flags & CMD_SAVES) != 0)
		engine_set_saved(
			c->engine, c->result.err == IMAP4_OK ? ENGINE_SAVED : ENGINE_SAVED_NOT);
	struct imap4_cmd *parent = c->parent;
	if (parent == NULL) {
		complete(c);
		return;
	}
	give_result_to_parent(c, parent);
	cmd_destroy(c);
	parent->parts_open--;
	if (parent->parts_open == 0 && !parent->parts_left)
		complete_parent(parent);
}

/* ---- the public side ----------------------------------------------------------------------------- */

int imap4_cmd_done(const imap4_cmd *c)
{
	return c->state == CMD_DONE;
}

const imap4_result *imap4_cmd_result(const imap4_cmd *c)
{
	static const imap4_result again = {
		.err = IMAP4_AGAIN, .message = "the command is not complete yet"};
	return c->state == CMD_DONE ? &c->result : &again;
}

uint64_t imap4_cmd_modseq(const imap4_cmd *c)
{
	const imap4_result *r = imap4_cmd_result(c);
	imap4_state_line line = {.code_args = r->code_args};
	uint64_t modseq;
	if (r->err != IMAP4_OK || r->code != IMAP4_CODE_HIGHESTMODSEQ ||
		strcmp(c->kind->name, "CLOSE") == 0)
		return 0;
	return resp_code_u64(&line, INT64_MAX, &modseq) ? modseq : 0;
}

const imap4_data *imap4_cmd_next(imap4_cmd *c)
{
	drop_data(c->given);
	c->given = c->first;
	if (c->given == NULL)
		return NULL;
	c->first = c->given->next;
	if (c->first == NULL)
		c->last = NULL;
	c->given->next = NULL;
	return c->given->data;
}

void imap4_cmd_free(imap4_cmd *c)
{
	if (c != NULL)
		engine_release(c->engine, c);
}

void imap4_cmd_set_user(imap4_cmd *c, void *user)
{
	c->user = user;
}

void *imap4_cmd_user(const imap4_cmd *c)
{
	return c->user;
}

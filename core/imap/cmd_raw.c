/* SPDX-License-Identifier: MIT */
/*
 * cmd_raw.c -- commands that the library does not know, with typed arguments.
 *
 * Each brings its own struct cmd_kind, with its name and with no more functions than it needs: a kind without claims() can be
 * in flight together with anything.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/imap/imap4_util.h"
#include "core/imap/secrets.h"

#define NAME_MAX_LEN 64

struct raw_arg {
	imap4_arg_type type;
	uint64_t number;
	struct uidset set;
	int64_t seconds;
	int zone_minutes;
};

/* What it is: as long as the command. */
struct raw_kind {
	struct cmd_kind kind;
	char name[NAME_MAX_LEN + 1];
};

/* What it was given: until it is complete, for there may be secrets. */
struct raw {
	struct raw_arg *arg;
	size_t n;
	struct cmd_texts text; /* of the arguments */
	struct cmd_strings claims;
	bool all;
	char *needs;
	struct secrets secrets;
};

static void free_raw(void *more)
{
	struct raw *r = more;
	for (size_t i = 0; i < r->n; i++) {
		uidset_release(&r->arg[i].set);
		if (r->arg[i].type == IMAP4_ARG_SECRET && i < r->text.n && r->text.at[i].len > 0)
			secret_wipe((void *)(uintptr_t)r->text.at[i].ptr, r->text.at[i].len);
	}
	free(r->arg);
	cmd_texts_release(&r->text);
	cmd_strings_release(&r->claims);
	secrets_wipe(&r->secrets);
	free(r->needs);
	free(r);
}

/* ---- sending --------------------------------------------------------------------------------------- */

static int encode_date(struct enc *enc, const struct raw_arg *a, struct err *e)
{
	char text[IMAP4_DATE_SIZE];
	if (!imap4_date_format(a->seconds, a->zone_minutes, text))
		return err_set(e, ERR_USAGE, E_INVALID, "a date cannot be written");
	enc_string(enc, slice_str(text));
	return 0;
}

static void encode_flags(struct enc *enc, struct slice s)
{
	const char *before = "";
	enc_raw(enc, "(");
	for (size_t i = 0; i < s.n;) {
		size_t from = i;
		while (i < s.n && s.p[i] != ' ')
			i++;
		if (i > from) {
			enc_raw(enc, before);
			enc_flag(enc, slice_of(s.p + from, i - from));
			before = " ";
		}
		i += i < s.n;
	}
	enc_raw(enc, ")");
}

static int encode_arg(struct enc *enc, const struct raw_arg *a, imap4_str text, struct err *e)
{
	struct slice s = slice_of(text.ptr, text.len);
	switch (a->type) {
	case IMAP4_ARG_ATOM: enc_atom(enc, s); return 0;
	case IMAP4_ARG_NUMBER: enc_number(enc, a->number); return 0;
	case IMAP4_ARG_ASTRING: enc_astring(enc, s); return 0;
	case IMAP4_ARG_STRING:
		if (text.ptr == NULL)
			enc_raw(enc, "NIL");
		else
			enc_string(enc, s);
		return 0;
	case IMAP4_ARG_LITERAL: enc_literal(enc, s, false); return 0;
	case IMAP4_ARG_LITERAL8: enc_literal(enc, s, true); return 0;
	case IMAP4_ARG_NIL: enc_raw(enc, "NIL"); return 0;
	case IMAP4_ARG_LIST_BEGIN: enc_raw(enc, "("); return 0;
	case IMAP4_ARG_LIST_END: enc_raw(enc, ")"); return 0;
	case IMAP4_ARG_FLAG: enc_flag(enc, s); return 0;
	case IMAP4_ARG_FLAGS: encode_flags(enc, s); return 0;
	case IMAP4_ARG_SET: enc_set(enc, &a->set, (uint32_t)a->number); return 0;
	case IMAP4_ARG_MAILBOX: enc_mailbox(enc, s); return 0;
	case IMAP4_ARG_PATTERN: enc_list_pattern(enc, s); return 0;
	case IMAP4_ARG_DATE_TIME: return encode_date(enc, a, e);
	case IMAP4_ARG_FETCH_ITEMS: enc_fetch_items(enc, s, false); return 0;
	case IMAP4_ARG_SECRET: enc_secret_astring(enc, s); return 0;
	}
	return err_set(e, ERR_USAGE, E_INVALID, "an argument has no such type");
}

static bool has_secret(const struct raw *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->arg[i].type == IMAP4_ARG_SECRET)
			return true;
	return false;
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	const struct raw *r = c->more;
	const struct raw_kind *k = c->outcome;
	enc_raw(&c->enc, k->name);
	for (size_t i = 0; i < r->n; i++) {
		bool begins = i > 0 && r->arg[i - 1].type == IMAP4_ARG_LIST_BEGIN;
		enc_raw(&c->enc, begins || r->arg[i].type == IMAP4_ARG_LIST_END ? "" : " ");
		if (encode_arg(&c->enc, &r->arg[i], r->text.at[i], e) != 0)
			return -1;
	}
	if (r->needs != NULL && !cmd_has(c, r->needs, false)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", r->needs);
		return 1;
	}
	if (has_secret(r) && !session_may_send_secret(c->session)) {
		cmd_fail_local(c, IMAP4_E_INSECURE,
			"a secret would leave without TLS, and this is not allowed here");
		return 1;
	}
	return 0;
}

static void scrub(const struct imap4_cmd *c, char *p, size_t n)
{
	const struct raw *r = c->more;
	secrets_hide(&r->secrets, p, n);
}

/* ---- whose answer ------------------------------------------------------------------------------------ */

static bool is_claimed(const struct raw *r, struct slice name)
{
	for (size_t i = 0; i < r->claims.n; i++)
		if (slice_ieq_str(name, r->claims.at[i]))
			return true;
	return r->all;
}

static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	imap4_str name = imap4_data_name(d);
	return is_claimed(c->more, slice_of(name.ptr, name.len));
}

/* Without a sink the bodies are kept. */
static enum cmd_wants wants_body(
	const struct imap4_cmd *c, const imap4_message *so_far, imap4_str section)
{
	(void)so_far, (void)section;
	return is_claimed(c->more, slice_str("FETCH")) ? CMD_WANTS_SOME : CMD_WANTS_NOT;
}

/* Nobody knows what the other one may be sent. */
static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->claims != NULL;
}

/* Until it is submitted: what is wrong with it is told in this name. */
static const struct cmd_kind raw_kind = {
	.name = "command",
	.flags = CMD_TRY_ENCODE,
	.encode = encode,
};

static void make_kind(struct raw_kind *k, const struct raw *r, unsigned flags)
{
	k->kind = (struct cmd_kind){.name = k->name, .flags = flags, .encode = encode};
	if (r->secrets.n > 0)
		k->kind.scrub = scrub;
	if (r->claims.n == 0)
		return;
	k->kind.claims = claims;
	k->kind.wants_body = wants_body;
	k->kind.conflicts = conflicts;
}

/* ---- starting ---------------------------------------------------------------------------------------- */

/* The engine keeps track of these, which it can only when it knows that they were sent. */
static bool has_own_call(const char *name)
{
	static const char *const names[] = {"AUTHENTICATE", "CLOSE", "COMPRESS", "EXAMINE", "IDLE",
		"LOGIN", "LOGOUT", "SELECT", "STARTTLS", "UNAUTHENTICATE", "UNSELECT"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* One atom or two, as upper case. */
static int copy_name(struct raw_kind *k, const char *name, struct err *e)
{
	struct enc enc;
	const char *space = strchr(name, ' ');
	size_t first = space != NULL ? (size_t)(space - name) : strlen(name);
	if (strlen(name) > NAME_MAX_LEN)
		return err_set(
			e, ERR_USAGE, E_LIMIT, "its name is longer than %d octets", NAME_MAX_LEN);
	enc_init(&enc, ENC_LITERAL_SYNC);
	enc_atom(&enc, slice_of(name, first));
	if (space != NULL)
		enc_atom(&enc, slice_str(space + 1));
	int result = enc_check(&enc, e);
	enc_release(&enc);
	if (result != 0)
		return -1;
	for (size_t i = 0; name[i] != '\0'; i++)
		k->name[i] =
			(char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
	if (has_own_call(k->name))
		return err_set(e, ERR_USAGE, E_INVALID, "%s has a call of its own", k->name);
	return 0;
}

static int copy_arg(struct raw *r, size_t i, const imap4_arg *from, struct err *e)
{
	r->arg[i] = (struct raw_arg){.type = from->type,
		.number = from->number,
		.set = UIDSET_INIT,
		.seconds = from->seconds,
		.zone_minutes = from->zone_minutes};
	if (from->type == IMAP4_ARG_SET && from->number > UINT32_MAX)
		return err_set(e, ERR_USAGE, E_INVALID, "a set begins beyond all numbers");
	if (from->type == IMAP4_ARG_SET && from->set != NULL &&
		uidset_unite(&r->arg[i].set, from->set, e) != 0)
		return -1;
	if (from->type == IMAP4_ARG_SECRET &&
		secrets_add(&r->secrets, slice_of(from->text.ptr, from->text.len), e) != 0)
		return -1;
	return cmd_texts_set(&r->text, i, from->text, e);
}

static int copy_args(struct raw *r, const imap4_arg *arg, size_t n, struct err *e)
{
	size_t depth = 0;
	r->arg = calloc(n > 0 ? n : 1, sizeof *r->arg);
	if (r->arg == NULL)
		return err_nomem(e, "the arguments of a command");
	r->n = n;
	if (cmd_texts_new(&r->text, n, e) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (copy_arg(r, i, &arg[i], e) != 0)
			return -1;
		depth += arg[i].type == IMAP4_ARG_LIST_BEGIN;
		if (arg[i].type == IMAP4_ARG_LIST_END && depth-- == 0)
			return err_set(e, ERR_USAGE, E_INVALID, "a list ends that has not begun");
	}
	if (depth > 0)
		return err_set(e, ERR_USAGE, E_INVALID, "a list has no end");
	return 0;
}

static int copy_opts(struct raw *r, const imap4_raw_opts *o, struct err *e)
{
	if (cmd_strings_copy(&r->claims, o->claims, o->nclaims, e) != 0)
		return -1;
	for (size_t i = 0; i < o->nclaims; i++) {
		if (o->claims[i] == NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "a claimed response has no name");
		r->all = r->all || strcmp(o->claims[i], "*") == 0;
	}
	if (o->needs != NULL && (r->needs = strdup(o->needs)) == NULL)
		return err_nomem(e, "the arguments of a command");
	return 0;
}

/* Numbers of messages hold only while nothing in flight can change them (RFC 9051 section 5.5). */
static bool has_numbers(const struct raw_kind *k, const struct raw *r)
{
	bool by_uid = strncmp(k->name, "UID ", 4) == 0;
	for (size_t i = 0; i < r->n && !by_uid; i++)
		if (r->arg[i].type == IMAP4_ARG_SET)
			return true;
	return false;
}

static unsigned flags_of(const struct raw_kind *k, const struct raw *r, const imap4_raw_opts *o)
{
	unsigned flags = 0;
	if (o->state == IMAP4_RAW_AUTHENTICATED)
		flags |= CMD_NEEDS_AUTH;
	if (o->state == IMAP4_RAW_SELECTED)
		flags |= CMD_NEEDS_SELECTED;
	if (o->barrier || r->all || has_numbers(k, r))
		flags |= CMD_BARRIER;
	return flags;
}

imap4_cmd *imap4_raw_start(
	imap4_session *s, const char *name, const imap4_arg *arg, size_t n, const imap4_raw_opts *o)
{
	imap4_raw_opts opts;
	struct err e = ERR_INIT;
	cmd_options(&opts, sizeof opts, o);
	if (name == NULL || (n > 0 && arg == NULL) || (opts.nclaims > 0 && opts.claims == NULL) ||
		opts.state < IMAP4_RAW_AUTHENTICATED || opts.state > IMAP4_RAW_ANY_STATE)
		return session_refuse(s, IMAP4_E_ARG, "command: an argument is missing or wrong");
	struct imap4_cmd *c = cmd_new(s, &raw_kind);
	if (c == NULL)
		return NULL;
	struct raw *r = c->more = calloc(1, sizeof *r);
	struct raw_kind *k = c->outcome = calloc(1, sizeof *k);
	c->free_more = free_raw;
	c->free_outcome = free;
	if (r == NULL || k == NULL) {
		(void)err_nomem(&e, "a command");
		return cmd_discard(c, &e);
	}
	if (copy_name(k, name, &e) != 0 || copy_args(r, arg, n, &e) != 0 ||
		copy_opts(r, &opts, &e) != 0)
		return cmd_discard(c, &e);
	make_kind(k, r, flags_of(k, r, &opts));
	c->flags |= k->kind.flags;
	c = cmd_submit(c);
	if (c != NULL)
		c->kind = &k->kind;
	return c;
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_basic.c -- commands about the connection: CAPABILITY, NOOP, LOGOUT, STARTTLS, ID, ENABLE, NAMESPACE.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#define ANY_TIME (CMD_READ_ONLY)

static bool claims_capability(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return imap4_data_kind(d) == IMAP4_DATA_CAPABILITY;
}

static int encode_name(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, c->kind->name);
	return 0;
}

/* ---- CAPABILITY (RFC 3501 section 6.1.1), NOOP (6.1.2), LOGOUT (6.1.3), STARTTLS (6.2.1) --------------- */

static const struct cmd_kind capability_kind = {
	.name = "CAPABILITY",
	.flags = ANY_TIME | CMD_ONE_OF_KIND,
	.claims = claims_capability,
	.encode = encode_name,
};

imap4_cmd *imap4_capability_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &capability_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

static const struct cmd_kind capability_setup_kind = {
	.name = "CAPABILITY",
	.flags = ANY_TIME | CMD_SETUP | CMD_ONE_OF_KIND,
	.claims = claims_capability,
	.encode = encode_name,
};

struct imap4_cmd *cmd_capability_setup(struct imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &capability_setup_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

static const struct cmd_kind noop_kind = {
	.name = "NOOP",
	.flags = ANY_TIME,
	.encode = encode_name,
};

imap4_cmd *imap4_noop_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &noop_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

static bool is_ok(const imap4_state_line *tagged)
{
	return slice_ieq_str(slice_of(tagged->condition.ptr, tagged->condition.len), "OK");
}

static void logout_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (is_ok(tagged))
		engine_set_state(c->engine, IMAP4_LOGGED_OUT);
}

static const struct cmd_kind logout_kind = {
	.name = "LOGOUT",
	.flags = ANY_TIME | CMD_BARRIER | CMD_LOGOUT,
	.encode = encode_name,
	.completed = logout_completed,
};

imap4_cmd *imap4_logout_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &logout_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

static void starttls_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	if (is_ok(tagged))
		engine_set_upgrade(c->engine, ENGINE_UPGRADE_TLS);
}

static const struct cmd_kind starttls_kind = {
	.name = "STARTTLS",
	.flags = ANY_TIME | CMD_SETUP | CMD_BARRIER,
	.encode = encode_name,
	.completed = starttls_completed,
};

struct imap4_cmd *cmd_starttls_start(struct imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &starttls_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

/* ---- NAMESPACE (RFC 2342) ------------------------------------------------------------------------ */

/* 1 = left out, because the server does not offer it. */
static int lacks(struct imap4_cmd *c, const char *capability, bool in_rev2)
{
	if (cmd_has(c, capability, in_rev2))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", capability);
	return 1;
}

static bool claims_namespace(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return imap4_data_kind(d) == IMAP4_DATA_NAMESPACE;
}

static int encode_namespace(struct imap4_cmd *c, struct err *e)
{
	return lacks(c, "NAMESPACE", true) ? 1 : encode_name(c, e);
}

static const struct cmd_kind namespace_kind = {
	.name = "NAMESPACE",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_ONE_OF_KIND,
	.claims = claims_namespace,
	.encode = encode_namespace,
};

imap4_cmd *imap4_namespace_start(imap4_session *s)
{
	struct imap4_cmd *c = cmd_new(s, &namespace_kind);
	return c == NULL ? NULL : cmd_submit(c);
}

/* ---- ID (RFC 2971), ENABLE (RFC 5161) -------------------------------------------------------------- */

/* RFC 2971 section 3.3 */
#define ID_PAIRS_MAX 30
#define ID_FIELD_MAX 30
#define ID_VALUE_MAX 1024

static void free_strings(void *more)
{
	cmd_strings_release(more);
	free(more);
}

/* A command with copies of strings as its arguments. */
static struct imap4_cmd *new_with_strings(
	imap4_session *s, const struct cmd_kind *kind, const char *const *string, size_t n)
{
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct cmd_strings *copy = calloc(1, sizeof *copy);
	c->more = copy;
	c->free_more = free_strings;
	if (copy == NULL)
		(void)err_nomem(&e, kind->name);
	else if (cmd_strings_copy(copy, string, n, &e) == 0)
		return c;
	return cmd_discard(c, &e);
}

static bool claims_id(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return imap4_data_kind(d) == IMAP4_DATA_ID;
}

static int encode_id(struct imap4_cmd *c, struct err *e)
{
	const struct cmd_strings *pair = c->more;
	enc_raw(&c->enc, pair->n == 0 ? "ID NIL" : "ID (");
	for (size_t i = 0; i < pair->n; i++) {
		size_t max = i % 2 == 0 ? ID_FIELD_MAX : ID_VALUE_MAX;
		if (i % 2 == 0 && pair->at[i] == NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "a field has no name");
		if (pair->at[i] != NULL && strlen(pair->at[i]) > max)
			return err_set(e, ERR_USAGE, E_LIMIT,
				"a field or a value is longer than %zu octets", max);
		enc_raw(&c->enc, i > 0 ? " " : "");
		enc_nstring(&c->enc, pair->at[i]);
	}
	enc_raw(&c->enc, pair->n == 0 ? "" : ")");
	return lacks(c, "ID", false);
}

static const struct cmd_kind id_kind = {
	.name = "ID",
	.flags = ANY_TIME | CMD_ONE_OF_KIND | CMD_TRY_ENCODE,
	.claims = claims_id,
	.encode = encode_id,
};

imap4_cmd *imap4_id_start(imap4_session *s, const char *const *field_value, size_t n)
{
	if (n > ID_PAIRS_MAX)
		return session_refuse(s, IMAP4_E_ARG, "ID: more than %d fields", ID_PAIRS_MAX);
	struct imap4_cmd *c = new_with_strings(s, &id_kind, field_value, 2 * n);
	return c == NULL ? NULL : cmd_submit(c);
}

static bool claims_enabled(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return imap4_data_kind(d) == IMAP4_DATA_ENABLED;
}

static int encode_enable(struct imap4_cmd *c, struct err *e)
{
	const struct cmd_strings *name = c->more;
	enc_raw(&c->enc, "ENABLE");
	for (size_t i = 0; i < name->n; i++) {
		if (name->at[i] == NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "a capability has no name");
		enc_raw(&c->enc, " ");
		enc_atom(&c->enc, slice_str(name->at[i]));
	}
	if (name->n == 0)
		return err_set(e, ERR_USAGE, E_INVALID, "no capability is named");
	/* RFC 5161 section 3.1 */
	if (engine_state(c->engine) == IMAP4_SELECTED) {
		cmd_fail_local(c, IMAP4_E_STATE, "a mailbox is selected");
		return 1;
	}
	return lacks(c, "ENABLE", true);
}

/* UTF8=ACCEPT and IMAP4rev2 decide how the names and texts of all that follows are written, so it waits. */
static bool enable_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)other;
	const struct cmd_strings *name = c->more;
	if (c->state == CMD_QUEUED)
		return false;
	for (size_t i = 0; i < name->n; i++)
		if (slice_ieq_str(slice_str(name->at[i]), "UTF8=ACCEPT") ||
			slice_ieq_str(slice_str(name->at[i]), "IMAP4rev2"))
			return true;
	return false;
}

static const struct cmd_kind enable_kind = {
	.name = "ENABLE",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_ONE_OF_KIND | CMD_TRY_ENCODE,
	.claims = claims_enabled,
	.encode = encode_enable,
	.conflicts = enable_conflicts,
};

imap4_cmd *imap4_enable_start(imap4_session *s, const char *const *capability, size_t n)
{
	struct imap4_cmd *c = new_with_strings(s, &enable_kind, capability, n);
	return c == NULL ? NULL : cmd_submit(c);
}

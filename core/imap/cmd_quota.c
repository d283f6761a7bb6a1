/* SPDX-License-Identifier: MIT */
/*
 * cmd_quota.c -- GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 2087 section 4, RFC 9208 section 4).
 *
 * QUOTA responses name their root but not their command, so one of these is in flight at a time.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "core/imap/caps.h"

struct quota_args {
	struct cmd_strings names; /* root, then resources */
	uint64_t *limit;	  /* of names.at[1..] */
};

static void free_args(void *more)
{
	struct quota_args *a = more;
	cmd_strings_release(&a->names);
	free(a->limit);
	free(a);
}

/* RFC 9208 section 3.1.1: QUOTA, or QUOTA=RES-... alone. */
static int check_offered(struct imap4_cmd *c)
{
	imap4_str name;
	if (cmd_has(c, "QUOTA", false))
		return 0;
	for (size_t i = 0; (name = caps_at(engine_caps(c->engine), i)).ptr != NULL; i++)
		if (slice_starts_istr(slice_of(name.ptr, name.len), "QUOTA=RES-"))
			return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer QUOTA");
	return 1;
}

static int getquotaroot_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	enc_raw(&c->enc, "GETQUOTAROOT ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	return check_offered(c);
}

static int getquota_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	const struct quota_args *a = c->more;
	enc_raw(&c->enc, "GETQUOTA ");
	enc_astring(&c->enc, slice_str(a->names.at[0]));
	return check_offered(c);
}

static int setquota_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	const struct quota_args *a = c->more;
	enc_raw(&c->enc, "SETQUOTA ");
	enc_astring(&c->enc, slice_str(a->names.at[0]));
	enc_raw(&c->enc, " (");
	for (size_t i = 1; i < a->names.n; i++) {
		enc_raw(&c->enc, i > 1 ? " " : "");
		enc_atom(&c->enc, slice_str(a->names.at[i]));
		enc_raw(&c->enc, " ");
		enc_number(&c->enc, a->limit[i - 1]);
	}
	enc_raw(&c->enc, ")");
	return check_offered(c);
}

static bool quota_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return answer_is(d, "QUOTA");
}

static bool quotaroot_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return answer_is(d, "QUOTA") || answer_is(d, "QUOTAROOT");
}

static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == conflicts;
}

static const struct cmd_kind getquota_kind = {
	.name = "GETQUOTA",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.claims = quota_claims,
	.encode = getquota_encode,
	.conflicts = conflicts,
};
static const struct cmd_kind getquotaroot_kind = {
	.name = "GETQUOTAROOT",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.claims = quotaroot_claims,
	.encode = getquotaroot_encode,
	.conflicts = conflicts,
};
static const struct cmd_kind setquota_kind = {
	.name = "SETQUOTA",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.claims = quota_claims,
	.encode = setquota_encode,
	.conflicts = conflicts,
};

imap4_cmd *imap4_getquotaroot_start(imap4_session *s, imap4_str mailbox)
{
	struct imap4_cmd *c = cmd_new(s, &getquotaroot_kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

static int copy_limits(
	struct quota_args *a, const char *root, const imap4_quota *limits, size_t n, struct err *e)
{
	a->limit = calloc(n > 0 ? n : 1, sizeof *a->limit);
	a->names.at = calloc(n + 1, sizeof *a->names.at);
	if (a->limit == NULL || a->names.at == NULL)
		return err_nomem(e, "a quota");
	a->names.n = n + 1;
	a->names.at[0] = strdup(root);
	for (size_t i = 0; i < n; i++) {
		imap4_str name = limits[i].resource;
		if (name.len == 0 || memchr(name.ptr, '\0', name.len) != NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "a resource has no name");
		/* RFC 9208 section 7: number64 */
		if (limits[i].limit > INT64_MAX)
			return err_set(e, ERR_USAGE, E_INVALID, "a limit is too large");
		a->names.at[i + 1] = strndup(name.ptr, name.len);
		a->limit[i] = limits[i].limit;
	}
	for (size_t i = 0; i <= n; i++)
		if (a->names.at[i] == NULL)
			return err_nomem(e, "a quota");
	return 0;
}

static imap4_cmd *start(imap4_session *s, const struct cmd_kind *kind, const char *root,
	const imap4_quota *limits, size_t n)
{
	if (root == NULL || n > 1000)
		return session_refuse(
			s, IMAP4_E_ARG, "%s: no root, or too many limits", kind->name);
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct quota_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(&e, kind->name);
		return cmd_discard(c, &e);
	}
	c->more = a;
	c->free_more = free_args;
	if (copy_limits(a, root, limits, n, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

imap4_cmd *imap4_getquota_start(imap4_session *s, const char *root)
{
	return start(s, &getquota_kind, root, NULL, 0);
}

imap4_cmd *imap4_setquota_start(
	imap4_session *s, const char *root, const imap4_quota *limits, size_t n)
{
	return start(s, &setquota_kind, root, limits, n);
}

/* ---- views ----------------------------------------------------------------------------------------- */

int imap4_data_quota(const imap4_data *d, size_t i, imap4_str *root, imap4_quota *out)
{
	const imap4_node *name = answer_is(d, "QUOTA") ? answer_first(d) : NULL;
	const imap4_node *list = name != NULL ? imap4_node_next(name) : NULL;
	if (list == NULL || i > SIZE_MAX / 3)
		return 0;
	const imap4_node *resource = answer_skip(imap4_node_child(list), 3 * i);
	const imap4_node *usage = answer_skip(resource, 1), *limit = answer_skip(usage, 1);
	if (limit == NULL || !imap4_node_u64(usage, &out->usage) ||
		!imap4_node_u64(limit, &out->limit))
		return 0;
	out->resource = imap4_node_text(resource);
	if (root != NULL)
		*root = imap4_node_text(name);
	return out->resource.ptr != NULL;
}

imap4_str imap4_data_quotaroot(const imap4_data *d, size_t i)
{
	const imap4_node *n = answer_is(d, "QUOTAROOT") ? answer_first(d) : NULL;
	n = n != NULL ? answer_skip(imap4_node_next(n), i) : NULL;
	return n != NULL ? imap4_node_text(n) : (imap4_str){NULL, 0};
}

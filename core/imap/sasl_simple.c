/* SPDX-License-Identifier: MIT */
/*
 * sasl_simple.c -- the mechanisms without cryptography (EXTERNAL, ANONYMOUS, LOGIN), and what all
 * mechanisms share.
 */
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/imap/sasl_mech.h"

/* ---- shared ---------------------------------------------------------------------------------- */

void *sasl_state(void **st, size_t size, struct err *e)
{
	if (!*st)
		*st = calloc(1, size);
	if (!*st)
		err_nomem(e, "logging in");
	return *st;
}

void sasl_state_free(void *st, size_t size)
{
	if (st)
		secret_wipe(st, size);
	free(st);
}

int sasl_check_name(struct slice s, const char *what, bool required, struct err *e)
{
	if (required && s.n == 0)
		return err_set(e, ERR_USAGE, E_INVALID, "the %s is empty", what);
	if (s.n > SASL_NAME_MAX)
		return err_set(e, ERR_USAGE, E_LIMIT, "the %s is longer than %d bytes", what,
			SASL_NAME_MAX);
	if (!utf8_valid(s))
		return err_set(e, ERR_USAGE, E_INVALID, "the %s is not UTF-8", what);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return err_set(
				e, ERR_USAGE, E_INVALID, "the %s holds a control character", what);
	}
	return 0;
}

int sasl_check_password(struct slice s, struct err *e)
{
	if (s.n > SASL_PASSWORD_MAX)
		return err_set(e, ERR_USAGE, E_LIMIT, "the password is longer than %d bytes",
			SASL_PASSWORD_MAX);
	return 0;
}

int sasl_too_long(const char *mechanism, struct err *e)
{
	return err_set(
		e, ERR_CONNECTION, E_PROTO, "the server goes on after the end of %s", mechanism);
}

int sasl_check_response(const struct buf *response, struct err *e)
{
	return buf_check(response, "the answer to the server's challenge", e) < 0
		? err_widen(e, ERR_ACCOUNT)
		: 0;
}

void sasl_add_saslname(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == ',')
			buf_add_str(out, "=2C");
		else if (s.p[i] == '=')
			buf_add_str(out, "=3D");
		else
			buf_add_byte(out, s.p[i]);
	}
}

/* ---- the mechanisms -------------------------------------------------------------------------- */

struct simple {
	int steps; /* answers given */
};

static void simple_release(void *st)
{
	sasl_state_free(st, sizeof(struct simple));
}

static bool one_step_complete(const void *st)
{
	return st && ((const struct simple *)st)->steps == 1;
}

/* A mechanism that consists of one message from the client. The challenge before it should be
 * empty; what some servers write there means nothing. */
static int only_message(
	void **st, const char *name, struct slice message, struct buf *response, struct err *e)
{
	struct simple *s = sasl_state(st, sizeof(*s), e);
	if (!s)
		return -1;
	if (s->steps > 0) {
		s->steps++; /* no longer complete */
		return sasl_too_long(name, e);
	}
	buf_add_slice(response, message);
	if (sasl_check_response(response, e) < 0)
		return -1;
	s->steps = 1;
	return 0;
}

/* RFC 4422 appendix A.1: the identity to act as; empty leaves it to the server, which knows the
 * certificate. A user name in the configuration means that the owner does not want to leave it. */
static int external_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	(void)challenge;
	struct slice who = in->authzid.n > 0 ? in->authzid : in->user;
	if (sasl_check_name(who, "user name", false, e) < 0)
		return -1;
	return only_message(st, "EXTERNAL", who, response, e);
}

/*
 * RFC 4505: the message is trace information, here the user name if there is one. Printable ASCII
 * is within the "trace" profile of its section 3, and a trace needs no more.
 */
static int anonymous_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	(void)challenge;
	if (in->user.n > SASL_TRACE_MAX)
		return err_set(e, ERR_USAGE, E_LIMIT,
			"the trace of an anonymous login is longer than %d bytes", SASL_TRACE_MAX);
	for (size_t i = 0; i < in->user.n; i++) {
		if (in->user.p[i] < 0x20 || in->user.p[i] > 0x7e)
			return err_set(e, ERR_USAGE, E_INVALID,
				"the trace of an anonymous login is not printable ASCII");
	}
	return only_message(st, "ANONYMOUS", in->user, response, e);
}

/*
 * Never a standard (draft-murchison-sasl-login). The server asks twice, and what it asks with
 * differs ("Username:", "User Name", nothing at all): only the order counts.
 */
static int login_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	(void)challenge;
	struct simple *s = sasl_state(st, sizeof(*s), e);
	if (!s)
		return -1;
	if (s->steps >= 2) {
		s->steps++;
		return sasl_too_long("LOGIN", e);
	}
	if (sasl_check_name(in->user, "user name", true, e) < 0)
		return -1;
	if (sasl_check_password(in->password, e) < 0)
		return -1;
	buf_add_slice(response, s->steps == 0 ? in->user : in->password);
	if (sasl_check_response(response, e) < 0)
		return -1;
	s->steps++;
	return 0;
}

static bool login_complete(const void *st)
{
	return st && ((const struct simple *)st)->steps == 2;
}

const struct sasl_mechanism sasl_external = {
	.name = "EXTERNAL",
	.client_first = true,
	.secret = SASL_NO_SECRET,
	.step = external_step,
	.complete = one_step_complete,
	.release = simple_release,
};

const struct sasl_mechanism sasl_anonymous = {
	.name = "ANONYMOUS",
	.client_first = true,
	.secret = SASL_NO_SECRET,
	.step = anonymous_step,
	.complete = one_step_complete,
	.release = simple_release,
};

const struct sasl_mechanism sasl_login = {
	.name = "LOGIN",
	.needs_cleartext_password_protection = true,
	.step = login_step,
	.complete = login_complete,
	.release = simple_release,
};

/* SPDX-License-Identifier: MIT */
/*
 * cmd_sasl.c -- AUTHENTICATE with a mechanism of the caller's (RFC 3501 section 6.2.2, RFC 4959); the library's own ones
 * are in cmd_auth.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/imap/session.h"

#define MECHANISM_MAX 20		 /* RFC 4422 section 3.1 */
#define RESPONSE_MAX  ((size_t)64 << 10) /* octets of a response before base64 */

struct own_sasl {
	imap4_sasl_callbacks callbacks;
	char name[MECHANISM_MAX + 1];
	struct buf first; /* base64 of what start() gave and nobody asked for yet */
	bool has_first;
	bool cancelled;
	unsigned rounds;
	unsigned caps_count; /* how often the server had told its capabilities before */
};

static void own_free(void *more)
{
	struct own_sasl *a = more;
	secret_release(&a->first);
	free(a);
}

/* RFC 4422 section 3.1: 1 to 20 of A-Z, 0-9, "-", "_". */
static bool is_mechanism(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	return n > 0 && n <= MECHANISM_MAX && name[n] == '\0';
}

/* Ask the caller for a response, and add its base64 to *base64. 1: the caller gives up. */
static int ask(
	const struct own_sasl *a, const imap4_str *challenge, struct buf *base64, struct err *e)
{
	size_t n = 0;
	unsigned char *out = malloc(RESPONSE_MAX);
	if (!out)
		return err_nomem(e, "logging in");
	const imap4_sasl_callbacks *cb = &a->callbacks;
	int rc = challenge ? cb->step(cb->ctx, *challenge, out, RESPONSE_MAX, &n)
			   : cb->start(cb->ctx, out, RESPONSE_MAX, &n);
	if (rc >= 0 && n > RESPONSE_MAX)
		rc = -1;
	/* In one piece, because a buffer that grows leaves a copy behind. */
	if (rc >= 0 &&
		(!buf_reserve(base64, 4 * (n / 3 + 1)) || base64_encode(base64, out, n) < 0)) {
		secret_wipe(out, RESPONSE_MAX);
		free(out);
		return buf_check(base64, "the SASL response", e);
	}
	secret_wipe(out, RESPONSE_MAX);
	free(out);
	return rc < 0 ? 1 : 0;
}

/* "*", which the server answers with a tagged BAD. */
static void cancel(struct imap4_cmd *c, struct own_sasl *a, imap4_err err, const char *why)
{
	a->cancelled = true;
	cmd_fail_local(c, err, "%s was given up: %s", a->name, why);
	enc_raw(&c->enc, "*");
}

/* ---- the command ---------------------------------------------------------------------------- */

static bool offered(const struct imap4_cmd *c, const struct own_sasl *a)
{
	char name[MECHANISM_MAX + 6];
	(void)snprintf(name, sizeof(name), "AUTH=%s", a->name);
	return cmd_has(c, name, false);
}

/* False: why not was said. */
static bool may_begin(struct imap4_cmd *c, const struct own_sasl *a)
{
	if (engine_state(c->engine) != IMAP4_NOT_AUTHENTICATED) {
		/* PREAUTH (RFC 3501 section 7.1.4): the server knows already who we are. */
		if (!engine_preauth(c->engine))
			cmd_fail_local(c, IMAP4_E_STATE, "somebody is logged in already");
		return false;
	}
	if (!a->callbacks.safe_in_clear && !session_may_send_secret(c->session)) {
		cmd_fail_local(c, IMAP4_E_INSECURE,
			"credentials would leave without TLS, and this is not allowed here");
		return false;
	}
	if (!offered(c, a)) {
		cmd_fail_local(c, IMAP4_E_NOAUTH, "the server does not offer AUTH=%s", a->name);
		return false;
	}
	return true;
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	struct own_sasl *a = c->more;
	if (!may_begin(c, a))
		return 1;
	int rc = a->callbacks.start ? ask(a, NULL, &a->first, e) : 0;
	if (rc < 0)
		return -1;
	if (rc > 0) {
		cmd_fail_local(c, IMAP4_E_CANCELLED, "%s was given up before it began", a->name);
		return 1;
	}
	a->has_first = a->callbacks.start != NULL;
	a->caps_count = engine_caps_count(c->engine);
	enc_raw(&c->enc, "AUTHENTICATE ");
	enc_atom(&c->enc, slice_str(a->name));
	/* RFC 4959 section 3: no longer than a command line may be; "=" stands for an empty response. */
	if (!a->has_first || !cmd_has(c, "SASL-IR", true) ||
		c->enc.bytes.len + a->first.len + 3 > IMAP_COMMAND_ABSOLUTE_MAX)
		return 0;
	enc_raw(&c->enc, " ");
	if (a->first.len > 0)
		enc_secret_line(&c->enc, buf_slice(&a->first));
	else
		enc_raw(&c->enc, "=");
	a->has_first = false;
	return 0;
}

/* The "+" that asks a mechanism to speak first carries nothing, and some servers put a text there. */
static int respond(struct imap4_cmd *c, struct own_sasl *a, struct slice text, struct buf *base64,
	struct err *e)
{
	if (a->has_first) {
		a->has_first = false;
		enc_secret_line(&c->enc, buf_slice(&a->first));
		return 0;
	}
	struct buf challenge = BUF_INIT(RESPONSE_MAX);
	if (!base64_decode(&challenge, text.p, text.n)) {
		bool nomem = challenge.failed == E_NOMEM;
		secret_release(&challenge);
		cancel(c, a, nomem ? IMAP4_E_NOMEM : IMAP4_E_PROTO,
			nomem ? "out of memory for the server's challenge"
			      : "the server's challenge is not base64");
		return 0;
	}
	const imap4_str said = {buf_str(&challenge), challenge.len};
	int rc = ask(a, &said, base64, e);
	secret_release(&challenge);
	if (rc > 0)
		cancel(c, a, IMAP4_E_CANCELLED, "the mechanism wants no more of it");
	else if (rc == 0)
		enc_secret_line(&c->enc, buf_slice(base64));
	return rc < 0 ? -1 : 0;
}

static int continued(struct imap4_cmd *c, struct slice text, struct err *e)
{
	struct own_sasl *a = c->more;
	if (a->cancelled)
		return err_set(e, ERR_CONNECTION, E_PROTO,
			"the server goes on with a login that was cancelled");
	if (c->orphan) {
		cancel(c, a, IMAP4_E_CANCELLED, "the command was freed");
		return 0;
	}
	if (++a->rounds > IMAP_SASL_ROUNDS_MAX) {
		cancel(c, a, IMAP4_E_LIMIT, "the server asks too many questions");
		return 0;
	}
	struct buf base64 = BUF_INIT(2 * RESPONSE_MAX);
	int rc = respond(c, a, text, &base64, e);
	secret_release(&base64);
	return rc;
}

static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	struct own_sasl *a = c->more;
	bool ok = slice_ieq_str(slice_of(tagged->condition.ptr, tagged->condition.len), "OK");
	bool believed = true;
	if (a->callbacks.done && !c->orphan)
		believed = a->callbacks.done(a->callbacks.ctx, ok && !a->cancelled) >= 0;
	/* OK to an exchange that was cancelled is no login: something is wrong with that server. */
	if (!ok || a->cancelled)
		return;
	if (!believed) {
		cmd_fail_local(c, IMAP4_E_NOAUTH, "the server said OK to %s, and is not believed",
			a->name);
		return;
	}
	engine_set_state(c->engine, IMAP4_AUTHENTICATED);
	/* RFC 3501 section 7.1: unless the OK told them, the capabilities of before are out of date. */
	if (engine_caps_count(c->engine) == a->caps_count)
		session_refresh_capabilities(c->session);
}

static const struct cmd_kind kind = {
	.name = "AUTHENTICATE",
	.flags = CMD_BARRIER | CMD_READ_ONLY,
	.encode = encode,
	.continued = continued,
	.completed = completed,
};

imap4_cmd *imap4_authenticate_start(
	imap4_session *s, const char *mechanism, const imap4_sasl_callbacks *callbacks)
{
	imap4_sasl_callbacks all;
	cmd_options(&all, sizeof(all), callbacks);
	if (!mechanism || !is_mechanism(mechanism) || !all.step)
		return session_refuse(
			s, IMAP4_E_ARG, "AUTHENTICATE: no mechanism, or one without step()");
	struct imap4_cmd *c = cmd_new(s, &kind);
	if (!c)
		return NULL;
	struct err e = ERR_INIT;
	struct own_sasl *a = calloc(1, sizeof(*a));
	if (!a) {
		err_nomem(&e, "logging in");
		return cmd_discard(c, &e);
	}
	a->callbacks = all;
	buf_init(&a->first, 2 * RESPONSE_MAX);
	for (size_t i = 0; mechanism[i] != '\0'; i++) {
		bool lower = mechanism[i] >= 'a' && mechanism[i] <= 'z';
		a->name[i] = (char)(lower ? mechanism[i] - 'a' + 'A' : mechanism[i]);
	}
	c->more = a;
	c->free_more = own_free;
	return cmd_submit(c);
}

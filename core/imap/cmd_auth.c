/* SPDX-License-Identifier: MIT */
/*
 * cmd_auth.c -- logging in: LOGIN (RFC 3501 section 6.2.3) and AUTHENTICATE (section 6.2.2) with
 * the initial response of RFC 4959.
 *
 * The way is chosen when the command is about to leave: only then are the capabilities known,
 * and only then can be said whether the channel is safe. This is the one file that hands
 * credentials to the encoder.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/imap/caps.h"
#include "core/imap/sasl.h"
#include "core/imap/session.h"

#define CREDENTIAL_MAX (64u << 10) /* octets of a user name, password or token */

struct auth {
	struct imap4_session *session;
	char *wanted; /* name of the mechanism, or NULL: choose */
	struct buf user, password, authzid;
	const struct sasl_mechanism *mechanism; /* NULL: the LOGIN command */
	void *sasl;
	unsigned rounds;
	bool cancelled;
	unsigned caps_count; /* how often the server had told its capabilities before */
	unsigned char binding[32];
	size_t nbinding; /* 0: the channel cannot be bound to */
	const char *binding_type;
};

static void auth_free(void *more)
{
	struct auth *a = more;
	if (a->mechanism)
		a->mechanism->release(a->sasl);
	secret_release(&a->user);
	secret_release(&a->password);
	secret_release(&a->authzid);
	free(a->wanted);
	session_secrets_over(a->session);
	free(a);
}

/* Reserved in one piece, because a buffer that grows leaves a copy behind. */
static int keep(struct buf *b, const char *text, const char *what, struct err *e)
{
	buf_init(b, CREDENTIAL_MAX);
	size_t n = text ? strlen(text) : 0;
	if (n > 0 && buf_reserve(b, n))
		buf_add(b, text, n);
	return buf_check(b, what, e);
}

static struct auth *auth_new(struct imap4_session *s, const imap4_credentials *c, struct err *e)
{
	struct auth *a = calloc(1, sizeof(*a));
	if (!a) {
		err_nomem(e, "logging in");
		return NULL;
	}
	a->session = s;
	int rc = 0;
	if (c->mechanism) {
		a->wanted = strdup(c->mechanism);
		if (!a->wanted)
			rc = err_nomem(e, "logging in");
	}
	if (rc < 0 || keep(&a->user, c->user, "the user name", e) < 0 ||
		keep(&a->password, c->password, "the password", e) < 0 ||
		keep(&a->authzid, c->authzid, "the authorization identity", e) < 0) {
		auth_free(a);
		return NULL;
	}
	return a;
}

/* ---- the choice ----------------------------------------------------------------------------- */

static bool offered(const struct caps *caps, const char *mechanism)
{
	char name[64];
	int n = snprintf(name, sizeof(name), "AUTH=%s", mechanism);
	return n > 0 && (size_t)n < sizeof(name) && caps_has(caps, name);
}

/* What the server says it takes, for the message that nothing fits. */
static void describe_offer(const struct caps *caps, char *text, size_t size)
{
	struct buf list = BUF_INIT(400);
	for (size_t i = 0; i < caps->n; i++) {
		imap4_str name = caps_at(caps, i);
		struct slice whole = slice_of(name.ptr, name.len);
		if (!slice_starts_istr(whole, "AUTH=") || list.len + whole.n > 300)
			continue;
		buf_addf(&list, "%s%.*s", list.len > 0 ? ", " : "", (int)whole.n, name.ptr);
	}
	if (!caps_has(caps, "LOGINDISABLED"))
		buf_addf(&list, "%sLOGIN", list.len > 0 ? ", " : "");
	if (list.len == 0)
		buf_add_str(&list, "nothing");
	text_show(text, size, buf_slice(&list));
	buf_release(&list);
}

static bool possible(const struct auth *a, const struct caps *caps, const struct sasl_mechanism *m)
{
	return m && offered(caps, m->name) && (!m->needs_binding || a->nbinding > 0);
}

/*
 * Sets a->mechanism (NULL: the LOGIN command). false: nothing fits.
 *
 * When the strongest is refused the next one is not tried, though RFC 9051 section 6.2.2 allows that. A server that cannot do
 * after all what it offers cannot be told from one that does not like the password: the codes of RFC 5530 are optional, and
 * a NO without one is said in both cases, so that the second attempt may be the one that locks the account. And the
 * next one gives away more, in the end the password itself, at the word of whoever made the first one fail (RFC 4422
 * section 6.1.2): the caller may name a weaker mechanism, the other side may not. Over verified TLS only the first
 * reason is left, and it is enough.
 */
static bool choose(struct auth *a, const struct caps *caps)
{
	bool login = !caps_has(caps, "LOGINDISABLED") && a->authzid.len == 0;
	if (a->wanted && slice_ieq_str(slice_str(a->wanted), "LOGIN") && login)
		return true;
	if (a->wanted) {
		a->mechanism = sasl_find(a->wanted);
		return possible(a, caps, a->mechanism);
	}
	const struct sasl_mechanism *m;
	for (size_t i = 0; (m = sasl_at(i)) != NULL; i++) {
		/* Nobody is logged in with a token, or as nobody, who did not say so. */
		if (m->secret == SASL_PASSWORD && possible(a, caps, m)) {
			a->mechanism = m;
			return true;
		}
	}
	return login;
}

static void no_way(struct imap4_cmd *c, const struct auth *a)
{
	char offer[TEXT_SHOW_SIZE], wanted[80];
	describe_offer(session_caps(c->session), offer, sizeof(offer));
	if (a->wanted)
		cmd_fail_local(c, IMAP4_E_NOAUTH, "cannot log in with %s; the server offers %s",
			text_show(wanted, sizeof(wanted), slice_str(a->wanted)), offer);
	else
		cmd_fail_local(c, IMAP4_E_NOAUTH,
			"no way to log in that both sides have; the server offers %s", offer);
}

/* ---- the exchange --------------------------------------------------------------------------- */

/* "SCRAM-SHA-256" -> is "SCRAM-SHA-256-PLUS" offered? (RFC 5802 section 6: downgrade protection) */
static bool plus_offered(const struct auth *a)
{
	char plus[64];
	const struct caps *caps = session_caps(a->session);
	int n = snprintf(plus, sizeof(plus), "%s-PLUS", a->mechanism->name);
	return a->mechanism->needs_binding ||
		(n > 0 && (size_t)n < sizeof(plus) && offered(caps, plus));
}

/* One step of the mechanism; the response in base64. */
static int sasl_step(struct auth *a, struct slice challenge, struct buf *base64, struct err *e)
{
	const struct sasl_input in = {.user = buf_slice(&a->user),
		.password = buf_slice(&a->password),
		.authzid = buf_slice(&a->authzid),
		.binding_type = a->nbinding > 0 ? a->binding_type : NULL,
		.binding = slice_of(a->binding, a->nbinding),
		.plus_offered = plus_offered(a),
		.host = a->session->process ? NULL : a->session->o.host,
		.port = a->session->o.port};
	struct buf response = BUF_INIT(4 * CREDENTIAL_MAX);
	buf_init(base64, 8 * CREDENTIAL_MAX);
	/* Everything a mechanism adds to the credentials is short. */
	size_t room = in.user.n + in.password.n + in.authzid.n + 1024;
	(void)buf_reserve(&response, room);
	(void)buf_reserve(base64, room * 2);
	int rc = a->mechanism->step(&a->sasl, &in, challenge, &response, e);
	if (rc == 0 && base64_encode(base64, response.data, response.len) < 0)
		rc = buf_check(base64, "the SASL response", e);
	secret_release(&response);
	if (rc < 0)
		secret_release(base64);
	return rc;
}

static int encode_authenticate(struct imap4_cmd *c, struct auth *a, struct err *e)
{
	enc_raw(&c->enc, "AUTHENTICATE ");
	enc_atom(&c->enc, slice_str(a->mechanism->name));
	if (!a->mechanism->client_first || !cmd_has(c, "SASL-IR", true))
		return 0;
	struct buf base64;
	if (sasl_step(a, SLICE_NONE, &base64, e) < 0)
		return -1;
	/* RFC 4959 section 3: no longer than a command line may be; "=" stands for an empty
	 * response. */
	if (c->enc.bytes.len + 1 + base64.len + 2 <= IMAP_COMMAND_ABSOLUTE_MAX) {
		enc_raw(&c->enc, " ");
		if (base64.len > 0)
			enc_secret_line(&c->enc, buf_slice(&base64));
		else
			enc_raw(&c->enc, "=");
	} else {
		/* Given when it is asked for instead: the mechanism starts again. */
		a->mechanism->release(a->sasl);
		a->sasl = NULL;
	}
	secret_release(&base64);
	return 0;
}

static int encode_login(struct imap4_cmd *c, const struct auth *a)
{
	enc_raw(&c->enc, "LOGIN ");
	enc_astring(&c->enc, buf_slice(&a->user));
	enc_raw(&c->enc, " ");
	enc_secret_astring(&c->enc, buf_slice(&a->password));
	return 0;
}

static int login_encode(struct imap4_cmd *c, struct err *e)
{
	struct auth *a = c->more;
	if (engine_state(c->engine) != IMAP4_NOT_AUTHENTICATED) {
		/* PREAUTH (RFC 3501 section 7.1.4): the server knows already who we are. */
		if (!engine_preauth(c->engine))
			cmd_fail_local(c, IMAP4_E_STATE, "somebody is logged in already");
		return 1;
	}
	if (!session_may_send_secret(c->session)) {
		cmd_fail_local(c, IMAP4_E_INSECURE,
			"the password would leave without TLS, and this is not allowed here");
		return 1;
	}
	if (c->session->stream)
		a->nbinding = stream_tls_binding(c->session->stream, &a->binding_type, a->binding);
	if (!choose(a, session_caps(c->session))) {
		a->mechanism = NULL;
		no_way(c, a);
		return 1;
	}
	if (session_secret(c->session, buf_slice(&a->password), e) < 0)
		return -1;
	a->caps_count = engine_caps_count(c->engine);
	return a->mechanism ? encode_authenticate(c, a, e) : encode_login(c, a);
}

/* Cancel (RFC 3501 section 6.2.2): "*", which the server answers with a tagged BAD. */
static int cancel(struct imap4_cmd *c, struct auth *a, const struct err *why)
{
	a->cancelled = true;
	cmd_fail_local(c, session_err(why->code), "cannot log in with %s: %s", a->mechanism->name,
		why->text);
	enc_raw(&c->enc, "*");
	return 0;
}

static int login_continued(struct imap4_cmd *c, struct slice text, struct err *e)
{
	struct auth *a = c->more;
	if (!a || !a->mechanism)
		return err_set(e, ERR_CONNECTION, E_PROTO, "the server asks for more after LOGIN");
	if (a->cancelled)
		return err_set(e, ERR_CONNECTION, E_PROTO,
			"the server goes on with a login that was cancelled");
	struct err why = ERR_INIT;
	struct buf challenge = BUF_INIT(CREDENTIAL_MAX), base64 = BUF_INIT(0);
	int rc = 0;
	if (++a->rounds > IMAP_SASL_ROUNDS_MAX)
		rc = err_set(&why, ERR_ACCOUNT, E_LIMIT, "the server asks more than %d questions",
			IMAP_SASL_ROUNDS_MAX);
	/* The "+" that asks a mechanism to speak first carries nothing, and some servers put a text
	 * there. After an initial response (RFC 4959) the first one is a challenge already. */
	else if ((a->sasl || !a->mechanism->client_first) &&
		!base64_decode(&challenge, text.p, text.n))
		rc = challenge.failed == E_NOMEM ? err_nomem(&why, "the server's challenge")
						 : err_set(&why, ERR_ACCOUNT, E_PROTO,
							   "the server's challenge is not base64");
	if (rc == 0)
		rc = sasl_step(a, buf_slice(&challenge), &base64, &why);
	if (rc == 0)
		enc_secret_line(&c->enc, buf_slice(&base64));
	else
		rc = cancel(c, a, &why);
	secret_release(&challenge);
	secret_release(&base64);
	return rc;
}

/* What the server said within the exchange (OAuth: "status" of its JSON) says more than its NO. */
static void add_reason(struct imap4_cmd *c, const struct auth *a, const imap4_state_line *tagged)
{
	const char *reason =
		a->mechanism && a->mechanism->reason ? a->mechanism->reason(a->sasl) : "";
	char text[200];
	if (*reason == '\0' || a->cancelled)
		return;
	cmd_fail_local(c, IMAP4_E_NO, "%s was refused: %s (%s)", a->mechanism->name,
		text_show(text, sizeof(text), slice_of(tagged->text.ptr, tagged->text.len)),
		reason);
}

static void login_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	const struct auth *a = c->more;
	bool ok = slice_ieq_str(slice_of(tagged->condition.ptr, tagged->condition.len), "OK");
	if (!ok)
		add_reason(c, a, tagged);
	/* RFC 5802 section 3: the server must prove that it knows the password as well. */
	if (ok && a->mechanism && !a->cancelled && !a->mechanism->complete(a->sasl)) {
		cmd_fail_local(c, IMAP4_E_NOAUTH,
			"the server said OK before the exchange of %s was complete; it has not proved who it is",
			a->mechanism->name);
		return;
	}
	/* OK to an exchange that was cancelled is no login: something is wrong with that server. */
	if (!ok || a->cancelled)
		return;
	engine_set_state(c->engine, IMAP4_AUTHENTICATED);
	/* RFC 3501 section 7.1: unless the OK told them, the capabilities of before are out of
	 * date. */
	if (engine_caps_count(c->engine) == a->caps_count)
		session_refresh_capabilities(c->session);
}

static void login_scrub(const struct imap4_cmd *c, char *p, size_t n)
{
	secrets_hide(&c->session->secrets, p, n);
}

static const struct cmd_kind login_kind = {
	.name = "login",
	.flags = CMD_BARRIER | CMD_READ_ONLY,
	.encode = login_encode,
	.continued = login_continued,
	.completed = login_completed,
	.scrub = login_scrub,
};

imap4_cmd *imap4_login_start(imap4_session *s, const imap4_credentials *credentials)
{
	imap4_credentials all;
	cmd_options(&all, sizeof(all), credentials);
	const struct sasl_mechanism *named = all.mechanism ? sasl_find(all.mechanism) : NULL;
	bool secret = !named || named->secret != SASL_NO_SECRET;
	if (secret && (!all.user || !all.password))
		return session_refuse(s, IMAP4_E_ARG, "a login needs a user name and a password");
	struct imap4_cmd *c = cmd_new(s, &login_kind);
	if (!c)
		return NULL;
	struct err e = ERR_INIT;
	c->more = auth_new(s, &all, &e);
	if (!c->more)
		return cmd_discard(c, &e);
	c->free_more = auth_free;
	return cmd_submit(c);
}

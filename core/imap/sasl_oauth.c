/* SPDX-License-Identifier: MIT */
/*
 * sasl_oauth.c -- OAUTHBEARER (RFC 7628) and its forerunner XOAUTH2: one message with an access
 * token.
 *
 * When the server does not like the token it says why in a challenge, as JSON, and waits for an
 * answer without meaning before it sends its NO (RFC 7628 section 3.2.3: %x01; XOAUTH2: an empty
 * line). The "status" from the JSON is kept for the person who has to mend it; nothing else is read
 * from it.
 */
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/imap/sasl_mech.h"

#define KVSEP 0x01

enum oauth_state { OAUTH_START, OAUTH_SENT, OAUTH_REFUSED, OAUTH_FAILED };

struct oauth {
	enum oauth_state state;
	char reason[TEXT_SHOW_SIZE];
};

/* ---- the server's JSON ----------------------------------------------------------------------- */

static void skip_space(struct slice *in)
{
	while (in->n > 0 && (*in->p == ' ' || *in->p == '\t' || *in->p == '\r' || *in->p == '\n'))
		*in = slice_of(in->p + 1, in->n - 1);
}

static bool take(struct slice *in, unsigned char c)
{
	skip_space(in);
	if (in->n == 0 || *in->p != c)
		return false;
	*in = slice_of(in->p + 1, in->n - 1);
	return true;
}

/* A string, without its quotes; escapes stay as they are (nothing that is looked for has any). */
static bool take_string(struct slice *in, struct slice *out)
{
	if (!take(in, '"'))
		return false;
	for (size_t i = 0; i < in->n; i++) {
		if (in->p[i] == '\\') {
			i++;
		} else if (in->p[i] == '"') {
			*out = slice_of(in->p, i);
			*in = slice_of(in->p + i + 1, in->n - i - 1);
			return true;
		}
	}
	return false;
}

/* Any value: a string's contents, or the text of anything else. Brackets are counted, so nesting
 * costs no stack. */
static bool take_value(struct slice *in, struct slice *out)
{
	skip_space(in);
	if (in->n > 0 && *in->p == '"')
		return take_string(in, out);
	struct slice start = *in, string;
	size_t depth = 0;
	while (in->n > 0) {
		unsigned char c = *in->p;
		if (depth == 0 && (c == ',' || c == '}'))
			break;
		if (c == '"') {
			if (!take_string(in, &string))
				return false;
			continue;
		}
		if (c == '{' || c == '[')
			depth++;
		if ((c == '}' || c == ']') && depth > 0)
			depth--;
		*in = slice_of(in->p + 1, in->n - 1);
	}
	*out = slice_of(start.p, start.n - in->n);
	while (out->n > 0 && out->p[out->n - 1] <= ' ')
		out->n--;
	return depth == 0;
}

/* The member "status" of the outermost object. */
static bool json_status(struct slice in, struct slice *status)
{
	if (!take(&in, '{'))
		return false;
	do {
		struct slice name, value;
		if (!take_string(&in, &name) || !take(&in, ':') || !take_value(&in, &value))
			return false;
		if (slice_eq_str(name, "status")) {
			*status = value;
			return true;
		}
	} while (take(&in, ','));
	return false;
}

/* ---- the exchange ---------------------------------------------------------------------------- */

/* RFC 6750 section 2.1 allows fewer characters; what matters is that none can end the value. */
static int check_token(struct slice token, struct err *e)
{
	if (token.n == 0)
		return err_set(e, ERR_USAGE, E_INVALID, "the access token is empty");
	if (token.n > SASL_TOKEN_MAX)
		return err_set(e, ERR_USAGE, E_LIMIT, "the access token is longer than %zu bytes",
			SASL_TOKEN_MAX);
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] <= ' ' || token.p[i] > '~')
			return err_set(e, ERR_USAGE, E_INVALID,
				"the access token holds a space, a line break or another character "
				"that no token has");
	}
	return 0;
}

/* All at once, so that the buffer need not move and leave copies of the token behind. */
static void reserve(struct buf *response, const struct sasl_input *in)
{
	(void)buf_reserve(response, 3 * (in->user.n + in->authzid.n) + in->password.n + 512);
}

static int first_checks(
	struct oauth *o, const char *name, const struct sasl_input *in, struct err *e)
{
	if (o->state == OAUTH_REFUSED || o->state == OAUTH_FAILED) {
		o->state = OAUTH_FAILED;
		return sasl_too_long(name, e);
	}
	if (check_token(in->password, e) < 0)
		return -1;
	return sasl_check_name(in->authzid, "authorization identity", false, e);
}

static int finish_first(struct oauth *o, const struct buf *response, struct err *e)
{
	if (sasl_check_response(response, e) < 0)
		return -1;
	o->state = OAUTH_SENT;
	return 0;
}

/* A challenge after the token: the server's reason. Whatever it looks like, the exchange goes on to
 * its NO. */
static void note_refusal(struct oauth *o, struct slice challenge)
{
	struct slice status;
	if (!json_status(challenge, &status) || status.n == 0)
		status = challenge;
	(void)text_show(o->reason, sizeof(o->reason), status);
	o->state = OAUTH_REFUSED;
}

static int bearer_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	struct oauth *o = sasl_state(st, sizeof(*o), e);
	if (!o)
		return -1;
	if (o->state == OAUTH_SENT) {
		note_refusal(o, challenge);
		buf_add_byte(response, KVSEP);
		return sasl_check_response(response, e);
	}
	if (first_checks(o, "OAUTHBEARER", in, e) < 0 ||
		sasl_check_name(in->user, "user name", false, e) < 0 ||
		sasl_check_name(slice_str(in->host), "host name", false, e) < 0)
		return -1;
	/* RFC 7628 section 3.1; it calls the owner of the mailbox the authzid. */
	struct slice who = in->authzid.n > 0 ? in->authzid : in->user;
	reserve(response, in);
	buf_add_str(response, "n,");
	if (who.n > 0)
		buf_add_str(response, "a=");
	sasl_add_saslname(response, who);
	buf_addf(response, ",%c", KVSEP);
	if (in->host)
		buf_addf(response, "host=%s%c", in->host, KVSEP);
	if (in->port > 0)
		buf_addf(response, "port=%u%c", (unsigned)in->port, KVSEP);
	buf_add_str(response, "auth=Bearer ");
	buf_add_slice(response, in->password);
	buf_addf(response, "%c%c", KVSEP, KVSEP);
	return finish_first(o, response, e);
}

/* developers.google.com/gmail/imap/xoauth2-protocol, which Microsoft and others follow. */
static int xoauth2_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	struct oauth *o = sasl_state(st, sizeof(*o), e);
	if (!o)
		return -1;
	if (o->state == OAUTH_SENT) {
		note_refusal(o, challenge);
		return 0; /* the empty answer */
	}
	if (first_checks(o, "XOAUTH2", in, e) < 0)
		return -1;
	struct slice who = in->authzid.n > 0 ? in->authzid : in->user;
	if (sasl_check_name(who, "user name", true, e) < 0)
		return -1;
	reserve(response, in);
	buf_add_str(response, "user=");
	buf_add_slice(response, who);
	buf_addf(response, "%cauth=Bearer ", KVSEP);
	buf_add_slice(response, in->password);
	buf_addf(response, "%c%c", KVSEP, KVSEP);
	return finish_first(o, response, e);
}

static bool oauth_complete(const void *st)
{
	return st && ((const struct oauth *)st)->state == OAUTH_SENT;
}

static const char *oauth_reason(const void *st)
{
	return st ? ((const struct oauth *)st)->reason : "";
}

static void oauth_release(void *st)
{
	sasl_state_free(st, sizeof(struct oauth));
}

const struct sasl_mechanism sasl_oauthbearer = {
	.name = "OAUTHBEARER",
	.client_first = true,
	.needs_cleartext_password_protection = true,
	.secret = SASL_TOKEN,
	.step = bearer_step,
	.complete = oauth_complete,
	.reason = oauth_reason,
	.release = oauth_release,
};

const struct sasl_mechanism sasl_xoauth2 = {
	.name = "XOAUTH2",
	.client_first = true,
	.needs_cleartext_password_protection = true,
	.secret = SASL_TOKEN,
	.step = xoauth2_step,
	.complete = oauth_complete,
	.reason = oauth_reason,
	.release = oauth_release,
};

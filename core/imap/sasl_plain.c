/* SPDX-License-Identifier: MIT */
/*
 * sasl_plain.c -- PLAIN (RFC 4616): one message, [authzid] NUL authcid NUL passwd.
 */
#include <stdlib.h>

#include "core/imap/sasl_mech.h"

/* RFC 4616 section 2: 1*255 octets in UTF-8 each for authcid and passwd, and NUL in none of
 * them. */
static int check_part(struct slice s, const char *what, bool may_be_empty, struct err *e)
{
	if (s.n == 0 && !may_be_empty)
		return err_set(e, ERR_USAGE, E_INVALID, "the %s is empty", what);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0')
			return err_set(e, ERR_USAGE, E_INVALID, "the %s holds a NUL", what);
	}
	return 0;
}

static int plain_step(void **st, const struct sasl_input *in, struct slice challenge,
	struct buf *response, struct err *e)
{
	/* There is nothing in it (RFC 4616 section 2), but some servers put a word there. */
	(void)challenge;
	if (*st)
		return err_set(
			e, ERR_ACCOUNT, E_PROTO, "the server asks for more than PLAIN has to say");
	if (check_part(in->authzid, "authorization identity", true, e) < 0 ||
		check_part(in->user, "user name", false, e) < 0 ||
		check_part(in->password, "password", false, e) < 0)
		return -1;
	*st = malloc(1); /* its being there is the state: the message was given */
	if (!*st)
		return err_nomem(e, "logging in");
	buf_add_slice(response, in->authzid);
	buf_add_byte(response, '\0');
	buf_add_slice(response, in->user);
	buf_add_byte(response, '\0');
	buf_add_slice(response, in->password);
	return buf_check(response, "the PLAIN message", e);
}

static bool plain_complete(const void *st)
{
	return st != NULL;
}

static void plain_release(void *st)
{
	free(st);
}

const struct sasl_mechanism sasl_plain = {
	.name = "PLAIN",
	.client_first = true,
	.needs_cleartext_password_protection = true,
	.step = plain_step,
	.complete = plain_complete,
	.release = plain_release,
};

/* SPDX-License-Identifier: MIT */
/*
 * sasl.c -- the mechanisms there are. Strongest first: the first that the server offers too is
 * used.
 */
#include "core/imap/sasl_mech.h"

static const struct sasl_mechanism *const mechanisms[] = {
	&sasl_scram_sha_256_plus,
	&sasl_scram_sha_256,
	&sasl_oauthbearer,
	&sasl_xoauth2,
	&sasl_scram_sha_1_plus,
	&sasl_scram_sha_1,
	&sasl_plain,
	&sasl_login,
	&sasl_cram_md5,
	&sasl_external,
	&sasl_anonymous,
};

const struct sasl_mechanism *sasl_at(size_t i)
{
	return i < sizeof(mechanisms) / sizeof(mechanisms[0]) ? mechanisms[i] : NULL;
}

const struct sasl_mechanism *sasl_find(const char *name)
{
	const struct sasl_mechanism *m;
	for (size_t i = 0; (m = sasl_at(i)) != NULL; i++) {
		if (slice_ieq_str(slice_str(name), m->name))
			return m;
	}
	return NULL;
}

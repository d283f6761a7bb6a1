/* SPDX-License-Identifier: MIT */
/*
 * sasl.c -- the mechanisms there are. Strongest first: the first that the server offers too is
 * used.
 */
#include "core/imap/sasl.h"

#include "core/imap/sasl_internal.h"

static const struct sasl_mechanism *const mechanisms[] = {
	&sasl_plain,
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

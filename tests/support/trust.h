/* SPDX-License-Identifier: MIT */
/* trust.h -- a certificate for this host, and the file of the authority that a client needs to believe it. */
#ifndef TESTS_SUPPORT_TRUST_H
#define TESTS_SUPPORT_TRUST_H

#include "tests/support/pki.h"

struct trust {
	struct pki_cert ca, leaf; /* leaf: for "localhost" and 127.0.0.1 */
	char path[40]; /* of the authority's certificate, PEM; in /tmp until trust_free() */
};

/* false when something could not be made; trust_free() it all the same. */
bool trust_make(struct trust *t);
void trust_free(struct trust *t);

#endif

/* SPDX-License-Identifier: MIT */
/* trust.c -- see trust.h. */
#include "tests/support/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool trust_make(struct trust *t)
{
	const struct pki_spec root = {.cn = "root", .from_days = -1, .to_days = 9, .ca = true};
	const struct pki_spec leaf = {.cn = "leaf",
		.san = "DNS:localhost,IP:127.0.0.1",
		.eku = "serverAuth",
		.from_days = -1,
		.to_days = 9};
	*t = (struct trust){.path = "/tmp/imapsync-test-ca-XXXXXX"};
	int fd = mkstemp(t->path);
	if (fd < 0)
		return false;
	close(fd);
	return pki_make(&t->ca, &root, NULL) && pki_make(&t->leaf, &leaf, &t->ca) &&
		pki_write(t->path, t->ca.cert, NULL, NULL);
}

void trust_free(struct trust *t)
{
	unlink(t->path);
	pki_free(&t->leaf);
	pki_free(&t->ca);
}

/* SPDX-License-Identifier: MIT */
/*
 * secrets.h -- the second net under credentials: overwrite them where they turn up although
 * nobody put them there, as in "NO no user with password hunter2".
 *
 * The first net is by position: what we send is marked secret by the encoder and never reaches
 * the trace. This one looks for the bytes: as they are, as a quoted string, as the trace would
 * escape them, and in base64 at each of the three alignments (so that a whole SASL message is
 * found by the password inside it).
 */
#ifndef CORE_IMAP_SECRETS_H
#define CORE_IMAP_SECRETS_H

#include "core/base/buf.h"
#include "core/base/err.h"

#define SECRETS_FORMS_MAX 16 /* forms kept: two secrets in all their forms */

struct secrets {
	struct buf form[SECRETS_FORMS_MAX];
	size_t n;
};

/* Zeroed memory is an empty set. An empty secret is not looked for. -1: E_NOMEM, E_LIMIT. */
int secrets_add(struct secrets *s, struct slice secret, struct err *e) NODISCARD;
/* Overwrite each occurrence of each form with '*', in place. */
void secrets_hide(const struct secrets *s, char *p, size_t n);
/* Forget all, leaving nothing in memory. */
void secrets_wipe(struct secrets *s);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * caps.h -- the capabilities in force: names as sent, looked up without regard to case.
 */
#ifndef CORE_IMAP_CAPS_H
#define CORE_IMAP_CAPS_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/imap/imap4.h"

struct caps {
	struct buf text; /* names, each with a NUL behind */
	size_t n;
	bool known; /* a CAPABILITY response or code was seen since the last change of security or identity */
};

void caps_init(struct caps *c);
void caps_release(struct caps *c);
void caps_forget(struct caps *c);
/* Replace by what a "* CAPABILITY ..." line (with or without those two words) or a [CAPABILITY ...] code lists. At
 * most IMAP_CAPABILITIES_MAX names and IMAP_TOKEN_MAX octets of them are kept. "LITERAL +" (with a space, seen in the wild) is read as LITERAL+. */
int caps_set(struct caps *c, struct slice text, struct err *e) NODISCARD;
bool caps_has(const struct caps *c, const char *name);
/* What stands behind "NAME=" of the first that begins so; p == NULL: none does. */
struct slice caps_value(const struct caps *c, const char *name_and_equals);
imap4_str caps_at(const struct caps *c, size_t i);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * header.h -- header fields of archived messages, for showing and selecting. Not a MIME parser: it
 * finds fields and unfolds them (RFC 5322 section 2.2), whatever the rest of the message is.
 */
#ifndef CORE_SYNC_HEADER_H
#define CORE_SYNC_HEADER_H

#include "store/store.h"

#define HEADER_MAX                                                                                 \
	(256u << 10) /* bytes of one header that are looked at; the rest is as if it were not      \
			there */

/* Read the header of a message, up to and with its empty line, into out (cleared first; max >=
 * HEADER_MAX). -1: *e as of store_message_read(). */
int header_read(struct store *s, int64_t generation, uint32_t uid, struct buf *out,
	struct err *e) NODISCARD;

/* The next field of this name (case is ignored) at or behind *at, which moves on. Its body,
 * unfolded and without blanks around it, replaces *value. false when there is none. Start with *at
 * = 0. */
bool header_field(struct slice header, struct slice name, size_t *at, struct buf *value);

/* The first field of this name with its encoded words decoded (core/base/rfc2047.h) into out; empty
 * when there is none. */
void header_text(struct slice header, const char *name, struct buf *out);

/* Is `needle` in `text`? ASCII letters are compared without case. */
bool text_contains(struct slice text, struct slice needle);

#endif

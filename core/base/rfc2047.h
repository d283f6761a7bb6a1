/* SPDX-License-Identifier: MIT */
/*
 * rfc2047.h -- encoded words in header fields ("=?utf-8?Q?caf=C3=A9?=") to UTF-8, for showing and
 * searching.
 *
 * More lenient than RFC 2047 where mail in the wild is: words may be long, hold spaces, stand in
 * the middle of text, and split a character between two words of the same charset. What cannot be
 * decoded stays as it is. The result may hold anything, control characters included: text_show()
 * it.
 */
#ifndef CORE_BASE_RFC2047_H
#define CORE_BASE_RFC2047_H

#include "core/base/buf.h"

#define RFC2047_WORD_MAX    4096 /* bytes of one encoded word; longer ones are left alone */
#define RFC2047_CHARSET_MAX 40	 /* bytes of the name of a charset */

/*
 * Append an unfolded field body, decoded. 0, or -1 when `out` is failed (its limit, or memory).
 * Bytes outside encoded words are copied; bytes that the charset does not have become U+FFFD. White
 * space between two encoded words is dropped (RFC 2047 section 6.2), a language is ignored (RFC
 * 2231 section 5).
 */
int rfc2047_decode(struct buf *out, struct slice in);

#endif
